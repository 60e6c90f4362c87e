"""The labels of sequences: checked against what they label, and numbered.

At a position whose label is not known stands None; where only some labels are possible, the set of
them. (A set cannot be hashed and so is no label itself; a tuple or a frozenset is one.)

Letters: N sequences, M tokens in all of them together, L labels.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.errors import listed
from gibbsfactor.features.columns import Columns
from gibbsfactor.features.named_tokens import NamedTokens
from gibbsfactor.features.sequences import Stream, is_matrix
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.variable import is_missing, plain

Labels = Sequence[Sequence[Any]]


@dataclass(frozen=True, eq=False)
class EncodedLabels:
    """Labels as numbers.

    Attributes
    ----------
    classes : the L labels there are
    codes : (M,) int64, the number of each token's label; -1 where it is not fixed
    allowed : (M, L) bool, which labels each token may have; None if all are fixed
    """

    classes: list[Any]
    codes: NDArray[np.int64]
    allowed: NDArray[np.bool_] | None

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(M, L) which labels each token may have, also where all are fixed."""
        if self.allowed is not None:
            return self.allowed
        return np.asarray(self.codes[:, None] == np.arange(len(self.classes)))


def read_labels(y: Iterable[Iterable[Any]], known: Sequence[Hashable] = ()) -> EncodedLabels:
    """Number the labels of N sequences, some positions of which may be open.

    Parameters
    ----------
    y
        For each sequence its labels; None for a label that is not known, a set for one of several.
    known
        Labels that come first, in this order, as those of a model that is trained further.

    Returns
    -------
    EncodedLabels
        After the known ones the classes are sorted if they can be, else in order of appearance.

    Raises
    ------
    TypeError
        If a label cannot be hashed.
    ValueError
        If a label is NaN, a set is empty, or no position tells a label.

    Examples
    --------
    >>> encoded = read_labels([["b", None, {"a", "b"}], ["b"]])
    >>> encoded.classes, encoded.codes.tolist()
    (['a', 'b'], [1, -1, -1, 1])
    >>> read_labels([["b", {"c"}], ["a"]]).codes.tolist()
    [1, 2, 0]
    """
    y = listed_labels(y)
    flat = list(chain.from_iterable(y))
    try:
        distinct, is_open = dict.fromkeys(flat), False
    except TypeError:
        distinct, is_open = _distinct(y), True
    if any(map(_is_nan, distinct)):
        _check_all(y, _is_nan)
    is_open |= None in distinct
    distinct.pop(None, None)
    classes = [*map(plain, known), *_in_order(distinct, set(known))]
    number: dict[Any, int] = {label: i for i, label in enumerate(classes)}
    number |= {label: number[plain(label)] for label in distinct if label not in number}
    if flat and not classes:
        raise ValueError(
            f"none of the {len(flat)} positions has a label; give one at least that is not None"
        )
    if not is_open:
        codes = np.fromiter(map(number.__getitem__, flat), np.int64, len(flat))
        return EncodedLabels(classes, codes, None)
    return _partial(flat, classes, number)


def read_known(
    y: Iterable[Iterable[Any]], lengths: NDArray[np.int64], classes: Sequence[Any], name: str
) -> EncodedLabels:
    """Number labels of N sequences of these lengths that must be among the classes of a model.

    Raises
    ------
    TypeError, ValueError
        As `read_labels`; and if lengths differ, or a label is not among the classes.
    """
    y = listed_labels(y, name)
    counted = "labels" if name == "y" else f"labels in {name}"
    check_same_lengths(lengths.tolist(), [len(labels) for labels in y], "tokens", counted)
    encoded = read_labels(y, classes)
    if len(encoded.classes) > len(classes):
        label = encoded.classes[len(classes)]
        n = next(
            n
            for n, labels in enumerate(y)
            if any(one == label or (isinstance(one, set) and label in one) for one in labels)
        )
        several = isinstance(label, tuple | frozenset)
        raise ValueError(
            f"sequence {n} has the label {label!r}, which the model was not trained on; it knows "
            f"{listed(list(classes))}; "
            + ("several labels are given as a set" if several else f"correct {name}")
        )
    return encoded


def encode_labels(y: Iterable[Iterable[Any]]) -> tuple[list[Any], NDArray[np.int64]]:
    """The labels there are, sorted if they can be, and the number of each token's label.

    Raises
    ------
    ValueError
        As `read_labels`; and where a label is not fixed.

    Examples
    --------
    >>> encode_labels([["b", "a"], ["b"]])
    (['a', 'b'], array([1, 0, 1]))
    """
    y = listed_labels(y)
    encoded = read_labels(y)
    if encoded.allowed is not None:
        _check_all(y, _is_open)
    return encoded.classes, encoded.codes


def check_labelled(
    X: Columns | Tokens | NamedTokens | Sequence[Sequence[Any]], y: Iterable[Iterable[Any]]
) -> None:
    """Raise unless X and y are sequences, as many and as long as each other.

    A generator must be read first: give its `Tokens`, and the labels as a list.

    Raises
    ------
    TypeError
        If one of them is not a list of sequences.
    ValueError
        If their numbers or lengths differ.
    """
    if isinstance(y, Columns):
        raise TypeError("y is Columns; expected a list of sequences of labels: give y.labels()")
    if isinstance(X, Stream):
        raise TypeError("X is a Stream; its lengths are known once it is read: give its Tokens")
    known = isinstance(X, Columns | Tokens | NamedTokens)
    lengths = X.lengths.tolist() if known else _lengths(X, "X", "tokens")  # type: ignore[union-attr]
    check_same_lengths(lengths, _lengths(y, "y", "labels"), "tokens", "labels")


def check_same_lengths(one: list[int], other: list[int], first: str, second: str) -> None:
    """Raise ValueError unless two lists of sequences have the same lengths throughout."""
    if len(one) != len(other):
        raise ValueError(
            f"there are {len(one)} sequences of {first} but {len(other)} of {second}; "
            "they must be equal"
        )
    for n, (a, b) in enumerate(zip(one, other, strict=True)):
        if a != b:
            raise ValueError(f"sequence {n} has {a} {first} but {b} {second}; they must be equal")


def listed_labels(y: Any, name: str = "y") -> list[Sequence[Any]]:
    """N sequences of labels as a list of sequences, read once if they come from generators.

    Errors call them by the name.

    Examples
    --------
    >>> listed_labels(iter(word) for word in ("ab", "c"))
    [['a', 'b'], ['c']]
    """
    if isinstance(y, Columns):
        raise TypeError(
            f"{name} is Columns; expected a list of sequences of labels: give {name}.labels()"
        )
    if not _is_series(y):
        raise TypeError(f"{name} is {type(y).__name__}; expected a list of sequences of labels")
    sequences = list(y)
    for n, labels in enumerate(sequences):
        if not _is_series(labels):
            raise TypeError(
                f"sequence {n} of {name} is {type(labels).__name__}; expected a list of labels"
            )
    return [labels if isinstance(labels, list | tuple) else list(labels) for labels in sequences]


def _is_series(thing: Any) -> bool:
    return isinstance(thing, Iterable) and not isinstance(
        thing, str | bytes | dict | set | frozenset
    )


def _lengths(sequences: Any, name: str, of: str) -> list[int]:
    """How long each sequence is; raises TypeError if they are no sequences."""
    if not _is_sequence(sequences):
        raise TypeError(
            f"{name} is {type(sequences).__name__}; expected a list of sequences of {of}"
            + (", or Columns" if name == "X" else "")
        )
    for n, sequence in enumerate(sequences):
        if not _is_sequence(sequence):
            raise TypeError(
                f"sequence {n} of {name} is {type(sequence).__name__}; expected a list of {of}"
            )
    return [sequence.shape[0] if is_matrix(sequence) else len(sequence) for sequence in sequences]


def _is_sequence(thing: object) -> bool:
    return hasattr(thing, "__len__") and not isinstance(thing, str | bytes | dict)


def _distinct(y: Labels) -> dict[Any, None]:
    """The labels there are, those in sets included, in order of appearance."""
    distinct: dict[Any, None] = {}
    for n, labels in enumerate(y):
        for t, label in enumerate(labels):
            if isinstance(label, set):
                if not label:
                    raise ValueError(
                        f"sequence {n}, position {t}: the set of allowed labels is empty; "
                        "name one at least, or give None where every label may be"
                    )
                if None in label:
                    raise ValueError(
                        f"sequence {n}, position {t}: the set of allowed labels holds None; "
                        "give None alone where every label may be"
                    )
                distinct.update(dict.fromkeys(_in_order(label, set())))
                continue
            try:
                distinct[label] = None
            except TypeError as error:
                raise TypeError(
                    f"sequence {n}, position {t}: a label can't be used as one: {error}; labels "
                    "are hashable, and a set of them stands for one of several"
                ) from None
    return distinct


def _in_order(labels: Iterable[Any], left_out: set[Any]) -> list[Any]:
    """Distinct labels, sorted if they can be, else as they come."""
    kept = list(dict.fromkeys(plain(label) for label in labels if label not in left_out))
    try:
        return sorted(kept)
    except TypeError:
        return kept


def _partial(flat: list[Any], classes: list[Any], number: dict[Any, int]) -> EncodedLabels:
    codes = np.full(len(flat), -1, np.int64)
    allowed = np.zeros((len(flat), len(classes)), bool)
    for m, label in enumerate(flat):
        if label is None:
            allowed[m] = True
            continue
        members = [number[one] for one in label] if isinstance(label, set) else [number[label]]
        allowed[m, members] = True
        if len(members) == 1:
            codes[m] = members[0]
    return EncodedLabels(classes, codes, allowed if (codes < 0).any() else None)


def _is_nan(label: Any) -> bool:
    return label is not None and is_missing(label)


def _is_open(label: Any) -> bool:
    return label is None or (isinstance(label, set) and len(label) > 1)


def _check_all(y: Labels, wrong: Callable[[Any], bool]) -> None:
    """Raise ValueError at the first label that is wrong, or is a set that holds such a one."""
    for n, labels in enumerate(y):
        for t, label in enumerate(labels):
            if wrong(label) or (isinstance(label, set) and any(map(wrong, label))):
                raise ValueError(
                    f"sequence {n}, position {t}: the label is {label!r}; every token needs one"
                )
