"""The labels of sequences: checked against what they label, and numbered."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.features.columns import Columns

Labels = Sequence[Sequence[Hashable]]


def check_labelled(X: Columns | Sequence[Sequence[Any]], y: Labels) -> None:
    """Raise unless X and y are sequences, as many and as long as each other.

    Raises
    ------
    TypeError
        If one of them is not a list of sequences.
    ValueError
        If their numbers or lengths differ.
    """
    if isinstance(y, Columns):  # type: ignore[unreachable]
        raise TypeError("y is Columns; expected a list of sequences of labels: give y.labels()")
    lengths = X.lengths.tolist() if isinstance(X, Columns) else _lengths(X, "X", "tokens")
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
    return [len(sequence) for sequence in sequences]


def _is_sequence(thing: object) -> bool:
    return hasattr(thing, "__len__") and not isinstance(thing, str | bytes | dict)


def _plain(label: Hashable) -> Any:
    """A label as Python's own number or string, where numpy has a type of its own for it."""
    return label.item() if isinstance(label, _NUMPY_LABELS) else label


_NUMPY_LABELS = (np.bool_, np.integer, np.floating, np.str_)


def encode_labels(y: Labels) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """The labels there are, sorted if they can be, and the number of each token's label.

    Examples
    --------
    >>> encode_labels([["b", "a"], ["b"]])
    (['a', 'b'], array([1, 0, 1]))
    """
    for n, labels in enumerate(y):
        for t, label in enumerate(labels):
            if label is None or (isinstance(label, float) and math.isnan(label)):
                raise ValueError(
                    f"sequence {n}, position {t}: the label is {label!r}; every token needs one"
                )
    flat = [label for labels in y for label in labels]
    try:
        distinct = set(map(_plain, flat))
    except TypeError as error:
        raise TypeError(f"a label can't be used as one: {error}; labels are hashable") from None
    try:
        classes = sorted(distinct)
    except TypeError:
        classes = list(dict.fromkeys(map(_plain, flat)))
    number = {label: i for i, label in enumerate(classes)}
    return classes, np.fromiter(map(number.__getitem__, flat), np.int64, len(flat))
