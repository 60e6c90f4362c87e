"""Precision, recall and F1 of counts, and their averages.

Letters: C classes (types of chunks, or labels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.evaluation.coding import IntArray

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """How well one class was found, or the average over classes; shares between 0 and 1.

        precision = correct / predicted,  recall = correct / support,
        f1 = 2 precision recall / (precision + recall);  0 wherever the denominator is 0

    Attributes
    ----------
    precision, recall, f1 : shares
    support : how many there are in truth
    predicted : how many were predicted
    correct : how many of these are right
    """

    precision: float
    recall: float
    f1: float
    support: int
    predicted: int
    correct: int

    def to_dict(self) -> dict[str, float]:
        """The figures by name, as Python's own numbers."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class Counts:
    """(C,) counts of each class: in truth, predicted, and both."""

    support: IntArray
    predicted: IntArray
    correct: IntArray

    def ratios(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(C,) precision, recall and F1."""
        precision = share(self.correct, self.predicted)
        recall = share(self.correct, self.support)
        return precision, recall, share(2.0 * precision * recall, precision + recall)

    def each(self) -> list[Score]:
        """The score of each class."""
        columns = [*self.ratios(), self.support, self.predicted, self.correct]
        return [Score(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]

    def found(self) -> Counts:
        """The classes that are in truth or predicted."""
        there = (self.support > 0) | (self.predicted > 0)
        return Counts(self.support[there], self.predicted[there], self.correct[there])

    def totals(self) -> tuple[int, int, int]:
        """The counts over all classes."""
        return int(self.support.sum()), int(self.predicted.sum()), int(self.correct.sum())

    def micro(self) -> Score:
        """The score of all classes taken as one."""
        (score,) = Counts(*(np.array([total]) for total in self.totals())).each()
        return score

    def macro(self) -> Score:
        """The mean over classes, each counting once."""
        return self._averaged(np.ones(len(self.support), np.int64))

    def weighted(self) -> Score:
        """The mean over classes, each counting by its support."""
        return self._averaged(self.support)

    def _averaged(self, weights: IntArray) -> Score:
        if not weights.sum():
            return Score(0.0, 0.0, 0.0, *self.totals())
        precision, recall, f1 = (float(np.average(r, weights=weights)) for r in self.ratios())
        return Score(precision, recall, f1, *self.totals())


def share(part: npt.NDArray[np.generic], whole: npt.NDArray[np.generic]) -> FloatArray:
    """Part / whole, and 0 where the whole is 0."""
    parts, wholes = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return parts / np.where(wholes == 0, 1.0, wholes)
