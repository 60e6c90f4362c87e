"""Label sequences as integers: checked against each other, and numbered together.

Letters: N sequences, M tokens in all of them, K distinct labels.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.features.labels import Labels, check_same_lengths

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coded:
    """Several labellings of the same N sequences.

    Attributes
    ----------
    labels : the K distinct labels of all labellings, sorted if they can be
    codes : of each labelling, (M,) positions in ``labels``
    lengths : (N,) tokens of each sequence
    """

    labels: list[Hashable]
    codes: list[IntArray]
    lengths: IntArray

    @property
    def n_tokens(self) -> int:
        """M, the tokens in all sequences."""
        return int(self.lengths.sum())

    def sequences_right(self) -> npt.NDArray[np.bool_]:
        """(N,) whether two labellings agree throughout; an empty sequence does."""
        N = len(self.lengths)
        of = np.repeat(np.arange(N), self.lengths)
        wrong: IntArray = np.bincount(of[self.codes[0] != self.codes[1]], minlength=N)
        return np.equal(wrong, 0)

    def used(self, labelling: int) -> list[Hashable]:
        """The distinct labels of one labelling."""
        counts = np.bincount(self.codes[labelling], minlength=len(self.labels))
        return [self.labels[k] for k in np.flatnonzero(counts)]


def code_pair(truth: Labels, predicted: Labels) -> Coded:
    """True and predicted labels, numbered together.

    Raises
    ------
    TypeError
        If one of them is not a list of sequences, or a label is not hashable.
    ValueError
        If the sequences differ in number or in length, there is no token, or a token has no
        label (None or NaN).
    """
    coded = code(("truth", truth), ("predicted", predicted))
    if not coded.n_tokens:
        raise ValueError("there is no token to evaluate")
    return coded


def code(*named: tuple[str, Labels]) -> Coded:
    """Labellings of the same sequences, each with the name that errors shall give it."""
    lengths = [_lengths(labelling, name) for name, labelling in named]
    if len(named) == 2:
        check_same_lengths(lengths[0], lengths[1], "true labels", "predicted labels")
    flat = [list(chain.from_iterable(map(_listed, labelling))) for _, labelling in named]
    labels = _distinct(flat)
    for (name, labelling), tokens in zip(named, flat, strict=True):
        _check_labels(labels, name, labelling, tokens)
    number = {label: k for k, label in enumerate(labels)}
    codes = [np.fromiter(map(number.__getitem__, f), np.int64, len(f)) for f in flat]
    return Coded(labels, codes, np.array(lengths[0], np.int64))


def _listed(sequence: Any) -> Sequence[Hashable]:
    listed: Sequence[Hashable] = sequence.tolist() if isinstance(sequence, np.ndarray) else sequence
    return listed


def _lengths(labelling: Any, name: str) -> list[int]:
    if not _is_sequence(labelling):
        raise TypeError(
            f"{name} is {type(labelling).__name__}; expected a list of sequences of labels"
        )
    for n, sequence in enumerate(labelling):
        if not _is_sequence(sequence):
            raise TypeError(
                f"sequence {n} of {name} is {type(sequence).__name__}; expected a list of labels"
            )
    return list(map(len, labelling))


def _is_sequence(thing: object) -> bool:
    return hasattr(thing, "__len__") and not isinstance(thing, str | bytes | dict | set)


def _distinct(flat: list[list[Hashable]]) -> list[Hashable]:
    try:
        distinct = dict.fromkeys(chain.from_iterable(flat))
    except TypeError as error:
        raise TypeError(f"a label can't be used as one: {error}; labels are hashable") from None
    plain: list[Any] = [
        label.item() if isinstance(label, np.generic) else label for label in distinct
    ]
    try:
        return sorted(plain)
    except TypeError:
        return plain


def _check_labels(
    labels: list[Hashable], name: str, labelling: Labels, tokens: list[Hashable]
) -> None:
    """Raise unless every token has a label; that one has none is found among the distinct ones."""
    missing = [label for label in labels if label is None or label != label]
    if not missing:
        return
    for n, sequence in enumerate(labelling):
        for t, label in enumerate(sequence):
            if label is None or label != label:
                raise ValueError(
                    f"sequence {n} of {name}, position {t}: the label is {label!r}; every token "
                    "needs one"
                )
