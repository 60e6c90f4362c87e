"""Columns of labels: P(x | y) is a table with a row for each class.

Letters: N rows, K classes, C columns, M categories of one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import scipy.sparse as sp

from gibbsfactor.errors import listed
from gibbsfactor.models.naive_bayes.categories import MISSING, Categories, coded
from gibbsfactor.models.naive_bayes.family import (
    BoolArray,
    FloatArray,
    IntArray,
    Linear,
    log_ratio,
)
from gibbsfactor.models.naive_bayes.settings import Settings
from gibbsfactor.models.naive_bayes.table import Table
from gibbsfactor.models.naive_bayes.targets import Targets

OTHER = "(other)"  # the categories that were never met


@dataclass(frozen=True, eq=False)
class Categorical:
    """Weight of each category in each class, (M, K) for each of C columns."""

    columns: IntArray
    settings: Settings
    categories: tuple[Categories, ...]
    counts: tuple[FloatArray, ...]
    holes: BoolArray

    @classmethod
    def empty(cls, columns: IntArray, n_classes: int, settings: Settings) -> Self:
        """Before any row."""
        nothing = tuple(np.zeros((0, n_classes)) for _ in columns)
        holes = np.zeros(columns.size, dtype=bool)
        return cls(columns, settings, (Categories(),) * columns.size, nothing, holes)

    def counted(self, table: Table, targets: Targets, settings: Settings) -> Self:
        """With more rows; new categories join."""
        known, totals, holes = [], [], self.holes.copy()
        for j, column in enumerate(table.each(self.columns)):
            name = table.names[self.columns[j]]
            given = coded(column, name)
            old = self.categories[j]
            new = old.joined(given, name)
            codes = new.codes(given, name)
            present = codes != MISSING
            classes, rows = targets.classes, None
            if not present.all():
                codes, classes, rows, holes[j] = codes[present], classes[present], present, True
            cells = codes * targets.n_classes + classes
            shape = (len(new.labels), targets.n_classes)
            total = targets.tally(cells, shape[0] * shape[1], rows).reshape(shape)
            total[[new.positions[label] for label in old.labels]] += self.counts[j]
            known.append(new)
            totals.append(total)
        return replace(
            self, settings=settings, categories=tuple(known), counts=tuple(totals), holes=holes
        )

    def sizes(self, j: int) -> tuple[int, int]:
        """How many categories of column j were met, and how many there are."""
        met = len(self.categories[j].labels)
        more = self.settings.unseen == "category"
        return met, max(met + more, int(self.settings.min_categories[self.columns[j]]))

    @cached_property
    def logs(self) -> tuple[FloatArray, ...]:
        """log P(category | y), shape (M, K), for each column."""
        return tuple(table[:-2] for table in self._tables)

    @cached_property
    def _tables(self) -> tuple[FloatArray, ...]:
        """The same with two more rows: a category never met, and a missing entry (log 1)."""
        tables = []
        for j, count in enumerate(self.counts):
            met, size = self.sizes(j)
            alpha = self.settings.alpha[self.columns[j]]
            smoothed = np.vstack([count, np.zeros(count.shape[1])]) + alpha
            whole = count.sum(axis=0) + alpha * size
            table = log_ratio(smoothed, whole, -np.log(max(size, 1)))
            if met == size:
                table[-1] = 0.0  # there is no other category: nothing is known of it
            tables.append(np.vstack([table, np.zeros(count.shape[1])]))
        return tuple(tables)

    # ---- answers ----------------------------------------------------------------------

    def _codes(self, j: int, column: object, table: Table) -> IntArray:
        """Rows of the table of column j, the last one from the end where missing."""
        name = table.names[self.columns[j]]
        return self.categories[j].codes(coded(column, name), name)

    def add_log_likelihood(self, table: Table, out: FloatArray) -> None:
        """Add the logs of the tables; see `Family`."""
        for j, column in enumerate(table.each(self.columns)):
            out += np.take(self._tables[j], self._codes(j, column, table), axis=0, mode="wrap")

    def log_factors(self, table: Table) -> tuple[IntArray, FloatArray]:
        """Rows of the tables for one row; see `Family`."""
        codes = [int(self._codes(j, x, table)[0]) for j, x in enumerate(table.each(self.columns))]
        here = [j for j, code in enumerate(codes) if code != MISSING and code < self._width(j)]
        logs = [self._tables[j][codes[j]] for j in here]
        return self.columns[here], np.array(logs).reshape(len(here), self.counts[0].shape[1])

    def _width(self, j: int) -> int:
        """How many categories of column j are told apart: those met, and perhaps all others."""
        met, size = self.sizes(j)
        return met + (met < size)

    def owners(self, missing: BoolArray) -> IntArray:
        """See `Family`."""
        widths = [self._width(j) for j in range(self.columns.size)]
        return np.repeat(self.columns, widths)

    def linear(self, names: Sequence[str], missing: BoolArray) -> Linear:
        """The tables themselves, a statistic for each category; see `Family`."""
        labels: list[str] = []
        for j, i in enumerate(self.columns):
            shown = [*map(str, self.categories[j].labels), OTHER][: self._width(j)]
            labels += [f"{names[i]}={label}" for label in shown]
        tables = [table[: self._width(j)] for j, table in enumerate(self._tables)]
        weights = np.vstack(tables).T
        return Linear(labels, weights, np.zeros(len(weights)))

    def statistics(self, table: Table, missing: BoolArray) -> sp.csr_array:
        """One-hot codes, nothing where an entry is missing; see `Family`."""
        n = table.shape[0]
        places = np.empty((n, self.columns.size), dtype=np.intp)
        here = np.empty(places.shape, dtype=bool)
        start = 0
        for j, column in enumerate(table.each(self.columns)):
            codes = self._codes(j, column, table)
            here[:, j] = (codes != MISSING) & (codes < self._width(j))
            places[:, j] = start + codes
            start += self._width(j)
        ends = np.concatenate([[0], np.cumsum(here.sum(axis=1))])
        indices = places[here]
        return sp.csr_array((np.ones(indices.size), indices, ends), (n, start))

    def lacked(self) -> BoolArray:
        """See `Family`."""
        return self.holes

    def described(self, j: int) -> str:
        """The categories, as words."""
        met, size = self.sizes(j)
        if not size:
            return "no entry met"
        other = f" and {size - met} never met" if met < size else ""
        what = "category" if met == 1 else "categories"
        return f"{met} {what}{other}: {listed(self.categories[j].labels, 6)}"
