"""A counted naive Bayes model: its families of columns, and what they say together.

Letters: N rows, D columns, K classes, A statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gibbsfactor.models.naive_bayes.bernoulli import Bernoulli
from gibbsfactor.models.naive_bayes.categorical import Categorical
from gibbsfactor.models.naive_bayes.family import (
    BoolArray,
    Family,
    FloatArray,
    Linear,
    Matrix,
    side_by_side,
)
from gibbsfactor.models.naive_bayes.gaussian import Gaussian
from gibbsfactor.models.naive_bayes.kinds import SPARSE_KINDS
from gibbsfactor.models.naive_bayes.multinomial import Multinomial
from gibbsfactor.models.naive_bayes.settings import Settings
from gibbsfactor.models.naive_bayes.table import Table
from gibbsfactor.models.naive_bayes.targets import Targets

FAMILIES: dict[str, type[Family]] = {
    "gaussian": Gaussian,
    "categorical": Categorical,
    "multinomial": Multinomial,
    "bernoulli": Bernoulli,
}


@dataclass(frozen=True, eq=False)
class Counted:
    """Totals of the rows counted so far, by kind of column. Counting more makes a new one."""

    kinds: tuple[str, ...]
    class_count: FloatArray
    families: tuple[Family, ...]

    @classmethod
    def empty(cls, kinds: tuple[str, ...], n_classes: int, settings: Settings) -> Self:
        """Before any row."""
        found = np.array(kinds)
        families = tuple(
            family.empty(np.flatnonzero(found == kind), n_classes, settings)
            for kind, family in FAMILIES.items()
            if kind in kinds
        )
        return cls(kinds, np.zeros(n_classes), families)

    def plus(self, table: Table, targets: Targets, settings: Settings) -> Counted:
        """With more rows."""
        self._check_sparse(table)
        families = tuple(family.counted(table, targets, settings) for family in self.families)
        return replace(self, class_count=self.class_count + targets.counts, families=families)

    def add_log_likelihood(self, table: Table, out: FloatArray) -> None:
        """Add sum_i log P(x_i | y), shape (N, K)."""
        self._check_sparse(table)
        for family in self.families:
            family.add_log_likelihood(table, out)

    def log_factors(self, table: Table) -> FloatArray:
        """log P(x_i | y) of each column that the only row has, in their order, shape (C, K)."""
        self._check_sparse(table)
        parts = [family.log_factors(table) for family in self.families]
        order = np.argsort(np.concatenate([columns for columns, _ in parts]), kind="stable")
        return np.asarray(np.concatenate([logs for _, logs in parts])[order])

    def _check_sparse(self, table: Table) -> None:
        """Raise ValueError if a sparse table has columns of kinds whose zeros are not nothing."""
        if not table.is_sparse:
            return
        for kind, family in FAMILIES.items():
            columns = [f.columns for f in self.families if isinstance(f, family)]
            if columns and kind not in SPARSE_KINDS:
                raise ValueError(
                    f"X is sparse, but column {table.names[columns[0][0]]!r} is {kind}; sparse "
                    "input is for multinomial and bernoulli columns only; give X.toarray()"
                )

    def check(self, names: Sequence[object], classes: Sequence[object]) -> None:
        """Raise ValueError if there is no density for a column; see `Gaussian.check`."""
        for family in self.families:
            if isinstance(family, Gaussian):
                family.check(names, classes)

    # ---- as linear in statistics ------------------------------------------------------

    def marked(self, missing: bool | None) -> BoolArray:
        """Which of the D columns have a statistic for a missing entry, if their kind needs one."""
        if missing is not None:
            return np.full(len(self.kinds), bool(missing))
        marked = np.zeros(len(self.kinds), dtype=bool)
        for family in self.families:
            marked[family.columns] = family.lacked()
        return marked

    def linear(self, names: Sequence[str], missing: bool | None) -> Linear:
        """Statistics in the order of the columns, and their weights, which may be infinite."""
        marked = self.marked(missing)
        parts = [family.linear(names, marked) for family in self.families]
        order = self._order(marked)
        labels = [name for part in parts for name in part.names]
        weights = np.hstack([part.weights for part in parts])
        bias = np.sum([part.bias for part in parts], axis=0)
        return Linear([labels[i] for i in order], weights[:, order], bias)

    def _order(self, marked: BoolArray) -> npt.NDArray[np.intp]:
        """From statistics by kind to statistics by column."""
        owners = np.concatenate([family.owners(marked) for family in self.families])
        return np.argsort(owners, kind="stable")

    def statistics(self, table: Table, missing: bool | None) -> Matrix:
        """The statistics of every row, shape (N, A): CSR if X is, or has columns of categories."""
        self._check_sparse(table)
        marked = self.marked(missing)
        parts = [family.statistics(table, marked) for family in self.families]
        order = self._order(marked)
        joined: Any = side_by_side(parts)
        return joined if (np.diff(order) == 1).all() else joined[:, order]  # type: ignore[no-any-return]

    # ---- looks ------------------------------------------------------------------------

    def described(self) -> list[str]:
        """Each column in a few words."""
        words = [""] * len(self.kinds)
        for family in self.families:
            for j, i in enumerate(family.columns):
                words[i] = family.described(j)
        return words
