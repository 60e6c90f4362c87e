"""Columns of bits: P(x = 1 | y) = p_y, where x is whether an entry is above a threshold.

Letters: N rows, K classes, C columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from gibbsfactor.models.naive_bayes.family import (
    BoolArray,
    FloatArray,
    IntArray,
    Linear,
    Matrix,
    log_ratio,
    refuse_missing,
    side_by_side,
)
from gibbsfactor.models.naive_bayes.settings import Settings
from gibbsfactor.models.naive_bayes.table import Table
from gibbsfactor.models.naive_bayes.targets import Targets


@dataclass(frozen=True, eq=False)
class Bernoulli:
    """Weight of the ones and of all entries of each column in each class, both (K, C)."""

    columns: IntArray
    settings: Settings
    ones: FloatArray
    entries: FloatArray
    holes: BoolArray

    @classmethod
    def empty(cls, columns: IntArray, n_classes: int, settings: Settings) -> Self:
        """Before any row."""
        nothing = np.zeros((n_classes, columns.size))
        return cls(columns, settings, nothing, nothing, np.zeros(columns.size, dtype=bool))

    def counted(self, table: Table, targets: Targets, settings: Settings) -> Self:
        """With more rows."""
        bits, absent = _bits(table, self.columns, settings)
        entries = self.entries + targets.counts[:, None]
        holes = self.holes
        if absent is not None:
            entries = _less(entries, targets.sums(absent))
            holes = holes | (np.asarray(absent.sum(axis=0)) > 0)
        ones = self.ones + targets.sums(bits)
        return replace(self, settings=settings, ones=ones, entries=entries, holes=holes)

    @cached_property
    def logs(self) -> FloatArray:
        """log P(x = 1 | y), shape (K, C)."""
        return self._logs(self.ones)

    @cached_property
    def zero_logs(self) -> FloatArray:
        """log P(x = 0 | y), shape (K, C)."""
        return self._logs(_less(self.entries, self.ones))

    def _logs(self, part: FloatArray) -> FloatArray:
        alpha = self.settings.alpha[self.columns]
        return log_ratio(part + alpha, self.entries + 2 * alpha, -math.log(2))

    # ---- answers ----------------------------------------------------------------------

    def add_log_likelihood(self, table: Table, out: FloatArray) -> None:
        """Add the logs of each bit; see `Family`."""
        bits, absent = _bits(table, self.columns, self.settings)
        never, always = np.isneginf(self.logs.T), np.isneginf(self.zero_logs.T)
        one = np.where(never, 0.0, self.logs.T)
        zero = np.where(always, 0.0, self.zero_logs.T)
        out += bits @ (one - zero)
        out += zero.sum(axis=0)
        if absent is not None:
            out -= absent @ zero
        if never.any() or always.any():  # how many bits of a row are impossible
            wrong = bits @ (never.astype(np.float64) - always) + always.sum(axis=0)
            if absent is not None:
                wrong -= absent @ always.astype(np.float64)
            out[wrong > 0.5] = -np.inf

    def log_factors(self, table: Table) -> tuple[IntArray, FloatArray]:
        """The logs of each bit of one row; see `Family`."""
        bits, absent = _bits(table, self.columns, self.settings)
        logs = np.where(_dense(bits)[0] > 0, self.logs, self.zero_logs).T
        if absent is None:
            return self.columns, logs
        here = _dense(absent)[0] == 0
        return self.columns[here], logs[here]

    def owners(self, missing: BoolArray) -> IntArray:
        """See `Family`."""
        return np.concatenate([self.columns, self.columns[missing[self.columns]]])

    def linear(self, names: Sequence[str], missing: BoolArray) -> Linear:
        """Weights log odds of the bits and, in some columns, of a missing one; see `Family`."""
        marked = missing[self.columns]
        with np.errstate(invalid="ignore"):
            odds = self.logs - self.zero_logs
        return Linear(
            [
                *(names[i] for i in self.columns),
                *(f"{names[i]} missing" for i in self.columns[marked]),
            ],
            np.hstack([odds, -self.zero_logs[:, marked]]),
            self.zero_logs.sum(axis=1),
        )

    def statistics(self, table: Table, missing: BoolArray) -> Matrix:
        """The bits, and marks of missing ones; see `Family`."""
        bits, absent = _bits(table, self.columns, self.settings)
        marked = np.flatnonzero(missing[self.columns])
        marks: Any = 0 * bits if absent is None else absent
        if absent is not None:
            refuse_missing(absent, self.columns, missing, table)
        return side_by_side([bits, marks[:, marked]] if marked.size else [bits])

    def lacked(self) -> BoolArray:
        """See `Family`."""
        return self.holes

    def described(self, j: int) -> str:
        """The share of ones, as words."""
        total = self.entries[:, j].sum()
        return f"{self.ones[:, j].sum() / total:.1%} are ones" if total else "no entry met"


def _less(whole: FloatArray, part: FloatArray) -> FloatArray:
    """What is left of a weight; zero where it is a rounding error."""
    left = whole - part
    return np.where(left > 1e-12 * whole, left, 0.0)


def _dense(matrix: Matrix) -> FloatArray:
    return np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix)


def _bits(table: Table, columns: IntArray, settings: Settings) -> tuple[Matrix, Matrix | None]:
    """Entries as ones and zeros, and where they are missing, if any is."""
    rows, has_holes = table.counts(columns)
    data: Any = rows.data if sp.issparse(rows) else rows
    if settings.binarize is None:
        strange = ~((data == 0) | (data == 1) | np.isnan(data))
        if strange.any():
            raise ValueError(
                f"bernoulli columns hold {data[strange].flat[0]:g}; with binarize=None they are "
                "zeros and ones only; set binarize to the number above which an entry is a one"
            )
    bits = (data > (settings.binarize or 0.0)).astype(np.float64)
    absent = np.isnan(data).astype(np.float64) if has_holes else None
    if not sp.issparse(rows):
        return bits, absent
    return _like(rows, bits), None if absent is None else _like(rows, absent)


def _like(rows: sp.csr_array, data: FloatArray) -> sp.csr_array:
    """Other values in the same places; zeros are not kept."""
    matrix = sp.csr_array((data, rows.indices.copy(), rows.indptr.copy()), rows.shape)
    matrix.eliminate_zeros()
    return matrix
