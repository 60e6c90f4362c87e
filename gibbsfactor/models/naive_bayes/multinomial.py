"""Columns of counts, as of words: P(x | y) is proportional to prod_i theta_yi^x_i.

All columns of the kind are one multinomial: theta_y sums to one over them. Letters: N rows,
K classes, C columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import scipy.sparse as sp

from gibbsfactor.models.naive_bayes.family import (
    BoolArray,
    FloatArray,
    IntArray,
    Linear,
    Matrix,
    add_product,
    log_ratio,
)
from gibbsfactor.models.naive_bayes.settings import Settings
from gibbsfactor.models.naive_bayes.table import Table
from gibbsfactor.models.naive_bayes.targets import Targets


@dataclass(frozen=True, eq=False)
class Multinomial:
    """Total of each column in each class (K, C)."""

    columns: IntArray
    settings: Settings
    counts: FloatArray
    holes: BoolArray

    @classmethod
    def empty(cls, columns: IntArray, n_classes: int, settings: Settings) -> Self:
        """Before any row."""
        nothing = np.zeros((n_classes, columns.size))
        return cls(columns, settings, nothing, np.zeros(columns.size, dtype=bool))

    def counted(self, table: Table, targets: Targets, settings: Settings) -> Self:
        """With more rows."""
        rows, holes = self._rows(table)
        total = self.counts + targets.sums(rows)
        return replace(self, settings=settings, counts=total, holes=self.holes | holes)

    @cached_property
    def logs(self) -> FloatArray:
        """log theta (K, C)."""
        smoothed = self.counts + self.settings.alpha[self.columns]
        whole = smoothed.sum(axis=1, keepdims=True)
        return log_ratio(smoothed, whole, -math.log(self.columns.size))

    def _rows(self, table: Table) -> tuple[Matrix, BoolArray]:
        """Counts with zeros for missing ones, and which columns have any missing."""
        rows, has_holes = table.counts(self.columns)
        holes = np.zeros(self.columns.size, dtype=bool)
        if has_holes:
            rows, holes = _filled(rows)
        if (rows.data if sp.issparse(rows) else rows).min(initial=0.0) < 0:
            self._reject(rows, table)
        return rows, holes

    def _reject(self, rows: Matrix, table: Table) -> None:
        row, j = (int(places[0]) for places in (rows < 0).nonzero())
        raise ValueError(
            f"Negative values in data passed to NaiveBayes: column "
            f"{table.names[self.columns[j]]!r} holds {rows[row, j]:g} in row {row} (the first is "
            "row 0); multinomial columns are counts"
        )

    # ---- answers ----------------------------------------------------------------------

    def add_log_likelihood(self, table: Table, out: FloatArray) -> None:
        """Add x_i log theta_yi; see `Family`."""
        add_product(out, self._rows(table)[0], self.logs.T)

    def log_factors(self, table: Table) -> tuple[IntArray, FloatArray]:
        """x_i log theta_yi of one row; of a sparse one where x_i is not zero; see `Family`."""
        raw, _ = table.counts(self.columns)
        rows, _ = self._rows(table)
        if sp.issparse(rows):
            x = rows.toarray()[0]
            here = np.flatnonzero(x)
        else:
            x = np.asarray(rows)[0]
            here = np.flatnonzero(~np.isnan(np.asarray(raw)[0]))
        with np.errstate(invalid="ignore"):
            logs = x[here, None] * self.logs.T[here]
        logs[x[here] == 0] = 0.0
        return self.columns[here], logs

    def owners(self, missing: BoolArray) -> IntArray:
        """See `Family`."""
        return self.columns

    def linear(self, names: Sequence[str], missing: BoolArray) -> Linear:
        """The counts with the weights log theta; see `Family`."""
        own = [names[i] for i in self.columns]
        return Linear(own, self.logs, np.zeros(len(self.logs)))

    def statistics(self, table: Table, missing: BoolArray) -> Matrix:
        """The counts; see `Family`."""
        return self._rows(table)[0]

    def lacked(self) -> BoolArray:
        """See `Family`."""
        return self.holes

    def described(self, j: int) -> str:
        """The share of the column among all counts, as words."""
        total = self.counts.sum()
        return f"{self.counts[:, j].sum() / total:.1%} of all counts" if total else "no count met"


def _filled(rows: Matrix) -> tuple[Matrix, BoolArray]:
    """Zeros for missing counts, and which columns have any."""
    if isinstance(rows, np.ndarray):
        absent = np.isnan(rows)
        return np.where(absent, 0.0, rows), np.asarray(absent.any(axis=0))
    absent = np.isnan(rows.data)
    holes = np.zeros(rows.shape[1], dtype=np.bool_)
    holes[rows.indices[absent]] = True
    data = np.where(absent, 0.0, rows.data)
    return sp.csr_array((data, rows.indices, rows.indptr), rows.shape), holes
