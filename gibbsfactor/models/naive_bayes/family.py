"""What each kind of column has to do: count rows, give their log factors, and be linear in them.

Letters: N rows, K classes, C columns of the kind, A statistics of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from gibbsfactor.models.naive_bayes.settings import Settings
from gibbsfactor.models.naive_bayes.table import Table
from gibbsfactor.models.naive_bayes.targets import Targets

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]
Matrix: TypeAlias = FloatArray | sp.csr_array


class Linear(NamedTuple):
    """Names of the statistics s, and the weights that give the log factors: W s + b."""

    names: list[str]
    weights: FloatArray  # (K, A)
    bias: FloatArray  # (K,)


class Family(Protocol):
    """All columns of one kind: totals of the rows counted, and the parameters they give.

    ``missing`` below says of the D columns of X which have a statistic for a missing entry.
    """

    @property
    def columns(self) -> IntArray:
        """Positions of the C columns in X, in order."""

    @classmethod
    def empty(cls, columns: IntArray, n_classes: int, settings: Settings) -> Self:
        """Before any row."""

    def counted(self, table: Table, targets: Targets, settings: Settings) -> Self:
        """With more rows."""

    def add_log_likelihood(self, table: Table, out: FloatArray) -> None:
        """Add sum_i log P(x_i | y) over the columns that a row has, shape (N, K)."""

    def log_factors(self, table: Table) -> tuple[IntArray, FloatArray]:
        """The columns that the only row has, and log P(x_i | y) of each, shape (C, K)."""

    def owners(self, missing: BoolArray) -> IntArray:
        """The column that each statistic is of, shape (A,)."""

    def linear(self, names: Sequence[str], missing: BoolArray) -> Linear:
        """Statistics and weights; weights may be infinite."""

    def statistics(self, table: Table, missing: BoolArray) -> Matrix:
        """The statistics of every row, shape (N, A)."""

    def lacked(self) -> BoolArray:
        """Which of the C columns lacked an entry in a row counted."""

    def described(self, j: int) -> str:
        """Column j of the C in a few words."""


def refuse_missing(absent: Any, columns: IntArray, missing: BoolArray, table: Table) -> None:
    """Raise ValueError if an entry is missing in a column that has no statistic for that."""
    rows, places = absent.nonzero()
    for row, j in zip(rows, places, strict=True):
        if not missing[columns[j]]:
            raise ValueError(
                f"column {table.names[columns[j]]!r} lacks an entry in row {row} (the first is "
                "row 0), and there is no statistic for that; give missing=True, here and where "
                "the weights are asked for"
            )


def log_ratio(part: Any, whole: Any, otherwise: float) -> FloatArray:
    """log(part / whole) where something was counted; a number where nothing was."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: FloatArray = np.log(part)
        logs -= np.log(whole)
    if not (whole > 0).all():
        logs[np.broadcast_to(whole <= 0, logs.shape)] = otherwise
    return logs


def add_product(out: FloatArray, rows: Matrix, log_weights: FloatArray) -> None:
    """Add rows (N, C) times log weights (C, K), where zero times -inf is zero."""
    impossible = np.isneginf(log_weights)
    if not impossible.any():
        out += rows @ log_weights
        return
    out += rows @ np.where(impossible, 0.0, log_weights)
    used: Any = rows != 0
    out[used.astype(np.float64) @ impossible.astype(np.float64) > 0.5] = -np.inf


def side_by_side(parts: Sequence[Any]) -> Matrix:
    """Blocks of columns as one matrix, sparse if any of them is."""
    if len(parts) == 1:
        return parts[0]  # type: ignore[no-any-return]
    if any(map(sp.issparse, parts)):
        return sp.csr_array(sp.hstack([sp.csr_array(part) for part in parts], format="csr"))
    return np.hstack(parts)
