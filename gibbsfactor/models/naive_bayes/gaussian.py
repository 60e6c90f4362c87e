"""Columns of real numbers: P(x | y) is the normal density with the class's mean and variance.

Letters: N rows, K classes, G columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from gibbsfactor.models.naive_bayes.family import (
    BoolArray,
    FloatArray,
    IntArray,
    Linear,
    refuse_missing,
)
from gibbsfactor.models.naive_bayes.settings import Settings
from gibbsfactor.models.naive_bayes.table import Table
from gibbsfactor.models.naive_bayes.targets import Targets

_BLOCK_BYTES = 1 << 18  # rows are taken in blocks that stay in the cache
_LOG_TAU = math.log(2 * math.pi)
_NOISE = 8 * np.finfo(np.float64).eps  # of a mean: smaller deviations are rounding


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight, mean and sum of squared deviations of what was counted."""

    weight: FloatArray
    mean: FloatArray
    squares: FloatArray

    def plus(self, other: Moments) -> Moments:
        """Of both together.

        Source: Chan, Golub & LeVeque (1979), Updating formulae and a pairwise algorithm for
        computing sample variances, equation 2.1.
        """
        weight = self.weight + other.weight
        share = _over(other.weight, weight)
        apart = other.mean - self.mean
        squares = self.squares + other.squares + self.weight * share * apart**2
        return Moments(weight, self.mean + share * apart, squares)

    def variance(self) -> FloatArray:
        """Zero where nothing was counted."""
        return _over(self.squares, self.weight)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Moments of every class (K, G).

    ``added`` is the sum, over the rows counted, of the epsilon of their batch: the variance of a
    class has the mean of these added.
    """

    columns: IntArray
    settings: Settings
    moments: Moments
    added: FloatArray
    epsilon: float
    holes: BoolArray

    @classmethod
    def empty(cls, columns: IntArray, n_classes: int, settings: Settings) -> Self:
        """Before any row."""
        nothing = np.zeros((n_classes, columns.size))
        holes = np.zeros(columns.size, dtype=bool)
        return cls(columns, settings, Moments(nothing, nothing, nothing), nothing, 0.0, holes)

    def counted(self, table: Table, targets: Targets, settings: Settings) -> Self:
        """With more rows; the epsilon of the batch is by its own variances, unweighted."""
        block, has_holes = table.numbers(self.columns)
        new, plain = _moments_by_class(block, targets, has_holes)
        whole = _merged(plain)
        epsilon = settings.var_smoothing * float(whole.variance().max())
        return replace(
            self,
            settings=settings,
            moments=self.moments.plus(new),
            added=self.added + new.weight * epsilon,
            epsilon=epsilon,
            holes=self.holes | (whole.weight < len(block)),
        )

    @cached_property
    def theta(self) -> FloatArray:
        """Means (K, G); where a class has no entry, the mean of all."""
        return np.where(self.moments.weight > 0, self.moments.mean, self._pooled[0])

    @cached_property
    def var(self) -> FloatArray:
        """Variances (K, G), smoothed."""
        weight = self.moments.weight
        own = self.moments.variance() + _over(self.added, weight)
        var = np.where(weight > 0, own, self._pooled[1])
        return np.where(var > (_NOISE * self.theta) ** 2, var, self.settings.var_smoothing)

    @cached_property
    def _pooled(self) -> tuple[FloatArray, FloatArray]:
        whole = _merged(self.moments)
        return whole.mean, whole.variance() + _over(self.added.sum(axis=0), whole.weight)

    @cached_property
    def _known(self) -> BoolArray:
        """Which columns had an entry; the others say nothing."""
        return np.asarray(self.moments.weight.sum(axis=0) > 0)

    def check(self, names: Sequence[object], classes: Sequence[object]) -> None:
        """Raise ValueError if a variance is zero, so that there is no density."""
        flat = (self.var <= 0) & self._known
        if flat.any():
            k, j = np.argwhere(flat)[0]
            raise ValueError(
                f"column {names[self.columns[j]]!r} has variance zero in class {classes[k]!r} and "
                "var_smoothing is 0, so it has no normal density; raise var_smoothing"
            )

    # ---- answers ----------------------------------------------------------------------

    @cached_property
    def _constants(self) -> FloatArray:
        """Log densities at the means (K, G)."""
        return np.where(self._known, -0.5 * (np.log(self._positive) + _LOG_TAU), 0.0)

    @cached_property
    def _rates(self) -> FloatArray:
        """One over standard deviations (K, G); zero in columns that say nothing."""
        return np.where(self._known, 1 / np.sqrt(self._positive), 0.0)

    @cached_property
    def _positive(self) -> FloatArray:
        """Variances, one in columns that say nothing."""
        return np.where(self._known, self.var, 1.0)

    def add_log_likelihood(self, table: Table, out: FloatArray) -> None:
        """Add the log densities; see `Family`."""
        block, has_holes = table.numbers(self.columns)
        step = _block_size(block)
        for start in range(0, len(block), step):
            rows = slice(start, start + step)
            part = block[rows]
            if has_holes:
                present = ~np.isnan(part)
                out[rows] += present @ self._constants.T
            else:
                out[rows] += self._constants.sum(axis=1)
            scaled = np.empty_like(part)
            with np.errstate(over="ignore"):  # too far out for any float: density zero
                for k, (mean, rate) in enumerate(zip(self.theta, self._rates, strict=True)):
                    np.subtract(part, mean, out=scaled)
                    scaled *= rate
                    if has_holes:
                        scaled[~present] = 0.0
                    out[rows, k] -= 0.5 * np.einsum("ng,ng->n", scaled, scaled)

    def log_factors(self, table: Table) -> tuple[IntArray, FloatArray]:
        """Log densities of one row; see `Family`."""
        x = table.numbers(self.columns)[0][0]
        here = ~np.isnan(x) & self._known
        with np.errstate(over="ignore"):
            scaled = (x - self.theta)[:, here] * self._rates[:, here]
            logs = self._constants[:, here] - 0.5 * scaled**2
        return self.columns[here], logs.T

    def owners(self, missing: BoolArray) -> IntArray:
        """See `Family`."""
        return np.concatenate([self.columns, self.columns, self.columns[missing[self.columns]]])

    def linear(self, names: Sequence[str], missing: BoolArray) -> Linear:
        """Weights of x, x^2 and, in some columns, of a missing entry; see `Family`."""
        marked = missing[self.columns]
        precision = self._rates**2
        bias = self._constants - 0.5 * self.theta**2 * precision
        own = [names[i] for i in self.columns]
        return Linear(
            [
                *own,
                *(f"{name}^2" for name in own),
                *(f"{names[i]} missing" for i in self.columns[marked]),
            ],
            np.hstack([self.theta * precision, -0.5 * precision, -bias[:, marked]]),
            bias.sum(axis=1),
        )

    def statistics(self, table: Table, missing: BoolArray) -> FloatArray:
        """x, x^2 and marks of missing entries; see `Family`."""
        block, _ = table.numbers(self.columns)
        absent = np.isnan(block)
        refuse_missing(absent, self.columns, missing, table)
        block = np.where(absent, 0.0, block)
        return np.hstack([block, block**2, absent[:, missing[self.columns]]])

    def lacked(self) -> BoolArray:
        """See `Family`."""
        return self.holes

    def described(self, j: int) -> str:
        """Means from the least to the greatest class, as words."""
        if not self._known[j]:
            return "no entry met"
        low, high = self.theta[:, j].min(), self.theta[:, j].max()
        return f"means {low:.4g} to {high:.4g}, sd {math.sqrt(self.var[:, j].mean()):.4g}"


def _moments_by_class(
    block: FloatArray, targets: Targets, has_holes: bool
) -> tuple[Moments, Moments]:
    """Moments of the rows of each class (K, G), weighted and as if all weighed one.

    The means come first, then squares of what is left, so that no digits cancel.
    """
    plain = replace(targets, weights=None)
    present = ~np.isnan(block) if has_holes else None
    weight, mean = _means(block, targets, present)
    plain_weight, plain_mean = (
        (weight, mean) if targets.weights is None else _means(block, plain, present)
    )
    squares = np.zeros((2, *mean.shape))
    step = _block_size(block)
    for k, members in enumerate(targets.groups()):
        for start in range(0, members.size, step):
            rows = members[start : start + step]
            part = block[rows] - mean[k]
            part *= part
            if present is not None:
                part[~present[rows]] = 0.0
            w = np.ones((1 if targets.weights is None else 2, rows.size))
            if targets.weights is not None:
                w[0] = targets.weights[rows]
            squares[:, k] += w @ part
    squares[1] = np.maximum(squares[1] - plain_weight * (plain_mean - mean) ** 2, 0.0)
    return Moments(weight, mean, squares[0]), Moments(plain_weight, plain_mean, squares[1])


def _means(
    block: FloatArray, targets: Targets, present: BoolArray | None
) -> tuple[FloatArray, FloatArray]:
    """Weights and means of each class (K, G)."""
    if present is None:
        weight = np.repeat(targets.counts[:, None], block.shape[1], axis=1)
        return weight, _over(targets.sums(block), weight)
    weight = targets.sums(present.astype(np.float64))
    return weight, _over(targets.sums(np.where(present, block, 0.0)), weight)


def _merged(moments: Moments) -> Moments:
    """Over all classes, shape (G,)."""
    weight = moments.weight.sum(axis=0)
    total = (moments.weight * moments.mean).sum(axis=0)
    mean = _over(total, weight)
    apart = moments.weight * (moments.mean - mean) ** 2
    return Moments(weight, mean, (moments.squares + apart).sum(axis=0))


def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    """part / whole; zero where nothing was counted."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _block_size(block: FloatArray) -> int:
    """How many rows are taken at once."""
    return max(_BLOCK_BYTES // (8 * int(block.shape[1])), 1)
