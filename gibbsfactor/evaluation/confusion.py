"""Confusion matrices: what was predicted where something else was true.

Letters: L labels, or types of chunks and one more for none.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gibbsfactor.errors import listed
from gibbsfactor.evaluation.chunking import read_rows
from gibbsfactor.evaluation.coding import IntArray, code_pair
from gibbsfactor.evaluation.layouts import pandas
from gibbsfactor.evaluation.reading import Notation, choose_reading
from gibbsfactor.evaluation.scores import FloatArray, share
from gibbsfactor.features.labels import Labels
from gibbsfactor.table_view import Rows, as_html

if TYPE_CHECKING:
    import pandas as pd

NONE = "(none)"  # a chunk that is missed, or one that is not there


@dataclass(frozen=True, eq=False, repr=False)
class ConfusionMatrix:
    """How often each label was predicted where each was true.

        counts[i, j] = number of times labels[i] is true and labels[j] was predicted

    Attributes
    ----------
    counts : (L, L) int array, read-only; rows are true labels, columns predicted ones
    labels : the L labels
    """

    counts: IntArray
    labels: tuple[Hashable, ...]

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts)
        L = len(self.labels)
        if counts.shape != (L, L):
            raise ValueError(
                f"counts have shape {counts.shape} but there are {L} labels; expected ({L}, {L})"
            )
        counts = counts.astype(np.int64)
        counts.flags.writeable = False
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "labels", tuple(self.labels))

    def shares(self, of: str = "truth") -> FloatArray:
        """(L, L) counts as shares of their row ("truth") or of their column ("predicted").

        The diagonal then is each label's recall, or its precision. Empty rows give 0.
        """
        if of not in ("truth", "predicted"):
            raise ValueError(f"of is {of!r}; it must be 'truth' or 'predicted'")
        axis = 1 if of == "truth" else 0
        return share(self.counts, self.counts.sum(axis=axis, keepdims=True))

    def most_confused(self, k: int = 10) -> list[tuple[Hashable, Hashable, int]]:
        """The k most frequent errors, as (true label, predicted label, count)."""
        wrong = self.counts * (1 - np.eye(len(self.labels), dtype=np.int64))
        order = np.argsort(-wrong, axis=None, kind="stable")[: max(k, 0)]
        rows, columns = np.unravel_index(order, wrong.shape)
        return [
            (self.labels[i], self.labels[j], int(wrong[i, j]))
            for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
            if wrong[i, j]
        ]

    def to_frame(self) -> pd.DataFrame:
        """A data frame, true labels down and predicted ones across.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        loaded = pandas()
        true, guess = (
            loaded.Index(list(self.labels), name=name, dtype=object)
            for name in ("true", "predicted")
        )
        frame: pd.DataFrame = loaded.DataFrame(self.counts, index=true, columns=guess)
        return frame

    def __repr__(self) -> str:
        right, total = int(self.counts.trace()), int(self.counts.sum())
        return f"ConfusionMatrix({len(self.labels)} labels, {right} of {total} on the diagonal)"

    def __str__(self) -> str:
        cells = [["", *map(str, self.labels)]]
        cells += [
            [str(label), *map(str, row)]
            for label, row in zip(self.labels, self.counts.tolist(), strict=True)
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in cells
        )

    def _repr_html_(self) -> str:
        cells: list[list[str]] = [
            [str(label), *(f"{count:,}" for count in row)]
            for label, row in zip(self.labels, self.counts.tolist(), strict=True)
        ]
        return as_html(Rows(["true \\ predicted", *map(str, self.labels)], cells, 0))


def confusion_matrix(
    truth: Labels, predicted: Labels, *, labels: Sequence[Hashable] | None = None
) -> ConfusionMatrix:
    """How often each label was predicted for tokens with each true label.

    Parameters
    ----------
    truth, predicted
        N sequences of labels each.
    labels
        Which labels to count, in this order; tokens with another true or predicted label are left
        out. By default all there are, sorted.

    Raises
    ------
    TypeError, ValueError
        If truth and predicted do not fit each other, as for `report`, or if a label is given
        twice.

    Examples
    --------
    >>> print(confusion_matrix([["N", "V", "N"]], [["N", "N", "N"]]))
       N  V
    N  2  0
    V  1  0
    """
    coded = code_pair(truth, predicted)
    wanted = coded.labels if labels is None else list(labels)
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"labels are {listed(wanted)}; each may be given only once")
    position = {label: i for i, label in enumerate(wanted)}
    at = np.array([position.get(label, -1) for label in coded.labels])
    true, guess = (at[codes] for codes in coded.codes)
    kept = (true >= 0) & (guess >= 0)
    return ConfusionMatrix(_counted(true[kept], guess[kept], len(wanted)), tuple(wanted))


def entity_confusion_matrix(
    truth: Labels,
    predicted: Labels,
    *,
    scheme: str | None = None,
    mode: str | None = None,
    suffix: bool = False,
    delimiter: str = "-",
) -> ConfusionMatrix:
    """How often chunks of each type were predicted where chunks of each type are true.

    Two chunks meet if they have the same first and last token. The last label, ``(none)``, stands
    for no such chunk: its column holds the true chunks that were missed, its row the predicted
    ones that are spurious. Rows add up to each type's support, columns to the number predicted.
    The parameters are those of `report`.

    Raises
    ------
    TypeError, ValueError
        As `report` does, and if the labels are of no chunk scheme.

    Examples
    --------
    >>> truth = [["B-NP", "I-NP", "B-VP", "B-PP"]]
    >>> print(entity_confusion_matrix(truth, [["B-NP", "I-NP", "B-PP", "O"]]))
            NP  PP  VP  (none)
    NP       1   0   0       0
    PP       0   0   0       1
    VP       0   1   0       0
    (none)   0   0   0       0
    """
    coded = code_pair(truth, predicted)
    reading = choose_reading(coded.labels, coded.used(0), scheme, mode, Notation(suffix, delimiter))
    if reading is None:
        raise ValueError(
            f"the labels {listed(coded.labels, 5)} are of no chunk scheme; use confusion_matrix"
        )
    types, (true, guess) = read_rows(coded, reading)
    none = len(types)
    # No two chunks of a labelling end at the same row, so chunks meet by their last rows.
    guessed = {
        (first, last): kind
        for first, last, kind in zip(*_columns(guess.first, guess.last, guess.kind), strict=True)
    }
    rows, columns = [], []
    for first, last, kind in zip(*_columns(true.first, true.last, true.kind), strict=True):
        rows.append(kind)
        columns.append(guessed.pop((first, last), none))
    rows += [none] * len(guessed)
    columns += guessed.values()
    counts = _counted(np.array(rows, np.int64), np.array(columns, np.int64), none + 1)
    there = np.flatnonzero(counts.any(0) | counts.any(1) | (np.arange(none + 1) == none))
    names = tuple([*types, NONE][i] for i in there)
    return ConfusionMatrix(counts[np.ix_(there, there)], names)


def _columns(first: IntArray, last: IntArray, kind: IntArray) -> list[list[Any]]:
    return [first.tolist(), last.tolist(), kind[first].tolist()]


def _counted(rows: IntArray, columns: IntArray, size: int) -> IntArray:
    counts: IntArray = np.bincount(rows * size + columns, minlength=size * size)
    return counts.reshape(size, size)
