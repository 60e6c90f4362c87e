"""Counting families in coded rows, and the conditional tables that counts make.

A family is a variable with its parents. Letters: n rows, q joint states of the parents, r states
of the child, N_jk how often the child is in state k while its parents are in joint state j.

Source: Koller & Friedman (2009), sections 17.2 and 17.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


def mixed_radix(columns: Sequence[IntArray], cardinalities: Sequence[int], n: int) -> IntArray:
    """Number of each row's joint state, the last column running fastest.

    >>> mixed_radix([np.array([0, 1, 1]), np.array([2, 0, 2])], [2, 3], 3)
    array([2, 3, 5])
    """
    codes = np.zeros(n, dtype=np.intp)
    for column, k in zip(columns, cardinalities, strict=True):
        codes *= k
        codes += column
    return codes


def family_counts(
    columns: Sequence[IntArray], shape: Sequence[int], weights: FloatArray | None, n: int
) -> FloatArray:
    """Weight of the rows in each joint state, shape ``shape``; a row that lacks one is left out.

    Parameters
    ----------
    columns : sequence of int arrays, shape (n,)
        Positions of the parents, then of the child; -1 where missing.
    shape : sequence of int
        Cardinalities in that order.
    weights : array, shape (n,), or None for ones
    n : int

    Examples
    --------
    >>> family_counts([np.array([0, 0, 1, -1]), np.array([1, 1, 0, 0])], [2, 2], None, 4)
    array([[0., 2.],
           [1., 0.]])
    """
    complete = np.ones(n, dtype=np.bool_)
    for column in columns:
        complete &= column >= 0
    if not complete.all():
        columns = [column[complete] for column in columns]
        weights = None if weights is None else weights[complete]
    codes = mixed_radix(columns, shape, int(complete.sum()))
    counted = np.bincount(codes, weights, minlength=math.prod(shape))
    return counted.astype(np.float64).reshape(tuple(shape))


@dataclass(frozen=True)
class Smoothing:
    """What is added to the count of every cell of a family: a number, or the BDeu prior's share.

    The latter is s / (q r) for an equivalent sample size of s cases.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or both are given.
    """

    pseudo_count: float = 0.0
    equivalent_sample_size: float | None = None

    def __post_init__(self) -> None:
        for name in ("pseudo_count", "equivalent_sample_size"):
            given: Any = getattr(self, name)
            if given is None and name == "equivalent_sample_size":
                continue
            real = isinstance(given, Real) and not isinstance(given, bool)
            if not (real and 0 <= float(given) < math.inf):
                raise ValueError(f"{name} is {given!r}; it must be a finite number of at least 0")
        if self.pseudo_count and self.equivalent_sample_size is not None:
            raise ValueError(
                f"both pseudo_count={self.pseudo_count!r} and equivalent_sample_size="
                f"{self.equivalent_sample_size!r} are given; give one of them"
            )

    def cell(self, shape: Sequence[int]) -> float:
        """What is added to each cell of a family of this shape."""
        if self.equivalent_sample_size is None:
            return float(self.pseudo_count)
        return float(self.equivalent_sample_size) / math.prod(shape)


def table_of(counts: FloatArray, added: float = 0.0) -> FloatArray:
    """P(k | j) = (N_jk + a) / sum_k (N_jk + a); uniform where nothing at all was counted.

    With a = 0 it is the table of greatest likelihood, in which rows that never occurred do not
    matter. With a > 0 it is the posterior mean of a row under a Dirichlet prior of parameters a,
    and the mode under parameters a + 1.

    >>> table_of(np.array([[3.0, 1.0], [0.0, 0.0]]))
    array([[0.75, 0.25],
           [0.5 , 0.5 ]])
    """
    weights = counts + added
    peak = weights.max(axis=-1, keepdims=True)  # so that counts near 1e-308 divide as well
    weights = np.divide(weights, peak, out=np.ones_like(weights), where=peak > 0)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def random_start(counted: Sequence[FloatArray], rng: np.random.Generator) -> list[FloatArray]:
    """Tables of counts to which each row adds one case, spread at random (Dirichlet, all ones).

    So no entry is zero, and states of a variable that is never seen are not all alike.
    """
    return [table_of(c + rng.dirichlet(np.ones(c.shape[-1]), c.shape[:-1])) for c in counted]


def sum_by_code(codes: IntArray, parts: FloatArray, n_codes: int) -> FloatArray:
    """Sum of the rows of ``parts`` (m, h) that share a code, (n_codes, h)."""
    width = parts.shape[1]
    places = codes[:, None] * width + np.arange(width)
    sums = np.bincount(places.ravel(), parts.ravel(), minlength=n_codes * width)
    return np.asarray(sums, dtype=np.float64)


def checked_weights(sample_weight: npt.ArrayLike | None, n: int) -> FloatArray | None:
    """Sample weights as an array; None where every row weighs one."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}; the data have {n} rows")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        row = int(np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0])
        raise ValueError(
            f"sample_weight is {float(weights[row])!r} in row {row}; "
            "weights are finite numbers of at least 0"
        )
    return weights
