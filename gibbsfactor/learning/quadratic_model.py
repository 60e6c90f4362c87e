"""The quadratic model of a loss that past steps make, and its minimum under an L1 penalty.

Letters: F free weights, m past steps. With the steps S and the changes of the gradient Y, (m, F)
matrices, BFGS from the matrix sigma I comes in one go to

    B = sigma I - Q' M^-1 Q        Q = [sigma S; Y]        M = [sigma S S', L; L', -D]

where D is the diagonal and L the part below it of S Y'. A product with B costs two passes over Q.

Where some weights are known to be related (`Related`), BFGS starts from sigma C instead, C being
their correlations. What accelerated proximal gradient makes of such a model is far from its
minimum; then an active-set method goes on from there. It solves the equations of the weights other
than zero and of those pulled away from it, all signs being kept, by Woodbury's formula, and goes
along that direction as far as the model with its kinks falls.

Sources: Byrd, Nocedal & Schnabel (1994), Representations of quasi-Newton matrices, theorem 2.3;
Beck & Teboulle (2009), A fast iterative shrinkage-thresholding algorithm; O'Donoghue & Candes
(2015), Adaptive restart for accelerated gradient schemes, section 3.2; Lee, Battle, Raina & Ng
(2006), Efficient sparse coding algorithms, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


ROUNDS = 30  # of the active-set method
RIDGE = 1e-10  # added to correlations, which may be 1


@dataclass(frozen=True, eq=False)
class Related:
    """The matrix C: correlations within groups of weights, the identity elsewhere.

    Attributes
    ----------
    groups : (positions (k,), correlations (k, k)) of each

    Examples
    --------
    >>> two = Related([(np.array([0, 2]), np.array([[1.0, 0.5], [0.5, 1.0]]))])
    >>> two.times(np.array([2.0, 3.0, 0.0]))
    array([2., 3., 1.])
    >>> two.solve(np.array([2.0, 3.0, 1.0]), np.array([True, False, True])).round(6)
    array([2., 0., 0.])
    """

    groups: Sequence[tuple[Array, Array]] = ()

    def times(self, x: Array) -> Array:
        """C x, for each row of x."""
        product = x.copy()
        for places, matrix in self.groups:
            product[..., places] = x[..., places] @ matrix
        return product

    def solve(self, right: Array, active: Array) -> Array:
        """x with C x = right among the active weights, 0 elsewhere; for each row."""
        x: Array = np.where(active, right, 0.0)
        for places, matrix in self.groups:
            on = active[places]
            some = places[on]
            if len(some) > 1:
                inner = matrix[np.ix_(on, on)] + RIDGE * np.eye(len(some))
                x[..., some] = np.linalg.solve(inner, right[..., some].T).T
        return x

    @property
    def steepest(self) -> float:
        """The largest eigenvalue of C."""
        return max(
            (float(np.linalg.eigvalsh(matrix)[-1]) for _, matrix in self.groups), default=1.0
        )


@dataclass(frozen=True, eq=False)
class QuadraticModel:
    """B of the module's formula.

    Attributes
    ----------
    sigma : float
    rows : (2m, F), Q
    core : (2m, 2m), M^-1
    steepest : float
        At least the largest eigenvalue of B.
    related : Related
        C.

    Examples
    --------
    >>> steps, changes = np.array([[1.0, 0.0]]), np.array([[4.0, 0.0]])
    >>> model = QuadraticModel.of(steps, changes, 2.0, np.float64)
    >>> model.times(np.array([1.0, 1.0]))
    array([4., 2.])
    """

    sigma: float
    rows: Array
    core: Array
    steepest: float
    related: Related = field(default_factory=Related)

    @classmethod
    def of(
        cls,
        steps: Array,
        changes: Array,
        sigma: float,
        precision: type[np.floating[Any]],
        related: Related | None = None,
    ) -> QuadraticModel:
        """From steps and changes (m, F), the oldest first, each with s . y > 0; m may be 0.

        The m x m products are made in double precision; Q is kept in the one asked for.
        """
        related = related or Related()
        rows = np.vstack([sigma * related.times(steps), changes])
        inner = rows @ rows.T
        m = len(steps)
        if related.groups:
            of_steps, with_steps = rows[:m] @ steps.T, steps @ changes.T
        else:
            of_steps, with_steps = inner[:m, :m] / sigma, inner[:m, m:] / sigma  # s_i . y_j
        below = np.tril(with_steps, -1)
        curvatures = np.diag(with_steps)
        core = np.block([[of_steps, below], [below.T, -np.diag(curvatures)]])
        core = np.linalg.inv(core)
        # BFGS adds y y' / s.y to sigma I, and only takes away besides
        scaled = inner[m:, m:] / np.sqrt(np.outer(curvatures, curvatures))
        start = sigma * related.steepest
        most = start + float(np.linalg.eigvalsh(scaled).max(initial=0.0))
        found = start + float(np.linalg.eigvals(-core @ inner).real.max(initial=0.0))
        steepest = min(most, found) if math.isfinite(found) else most
        return cls(sigma, rows.astype(precision), core.astype(precision), steepest, related)

    def times(self, d: Array) -> Array:
        """B d."""
        answer: Array = self.related.times(d * d.dtype.type(self.sigma))
        if len(self.rows):
            answer -= (self.core @ (self.rows @ d)) @ self.rows
        return answer

    def minimum(
        self, start: Array, gradient: Array, l1: Array, most: int, tolerance: float
    ) -> Array:
        """Nearly the z that minimises g . (z - w) + (z - w)' B (z - w) / 2 + sum_j l1_j |z_j|.

        Parameters
        ----------
        start : (F,), w
        gradient : (F,), g
        l1 : (F,)
        most : int
            Iterations of accelerated proximal gradient.
        tolerance : float
            Ends when no component moves by more than this share of the largest move from w.
        """
        kind = self.rows.dtype.type
        w, step = start.astype(kind), kind(1 / self.steepest)
        shrink = l1.astype(kind) * step
        slope = gradient.astype(kind)
        z = ahead = w
        momentum = 1.0
        for _ in range(most if len(self.rows) else 1):
            down = self.times(ahead - w)
            down += slope
            down *= step
            nearer = soft_threshold(ahead - down, shrink)
            moved = nearer - z
            if float((ahead - nearer) @ moved) > 0:
                momentum = 1.0  # it overshoots: start gathering speed anew
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            ahead = nearer + kind((momentum - 1) / following) * moved
            z, momentum = nearer, following
            if np.abs(moved).max() <= tolerance * np.abs(z - w).max():
                break
        return self._refined(z, w, gradient, l1) if self.related.groups else z

    def _refined(self, z: Array, start: Array, gradient: Array, l1: Array) -> Array:
        """On from z by the active-set method, never up."""
        for _ in range(ROUNDS):
            slope = gradient + self.times(z - start)
            signs = np.where(z == 0, -np.sign(slope - np.clip(slope, -l1, l1)), np.sign(z))
            direction = self._solve(-slope - l1 * signs, signs != 0)
            wrong = (z == 0) & (direction * signs < 0)
            if wrong.any():
                signs[wrong] = 0.0
                direction = self._solve(-slope - l1 * signs, signs != 0)
                direction[(z == 0) & (direction * signs < 0)] = 0.0
            step, at_zero = self._fall(z, direction, slope, l1)
            if not step:
                break
            z = z + step * direction
            z[at_zero] = 0.0
            if step == 1.0:
                slope = gradient + self.times(z - start)
                if (np.abs(slope[z == 0]) <= l1[z == 0]).all():
                    break
        return z

    def _solve(self, right: Array, active: Array) -> Array:
        """x with B x = right among the active weights, 0 elsewhere."""
        x = self.related.solve(right, active) / self.sigma
        across = self.related.solve(self.rows, active) / self.sigma
        small = np.linalg.inv(self.core) - self.rows @ across.T
        try:
            answer: Array = x + np.linalg.solve(small, self.rows @ x) @ across
        except np.linalg.LinAlgError:
            return x
        return answer

    def _fall(self, z: Array, d: Array, slope: Array, l1: Array) -> tuple[float, Array]:
        """How far along d the model falls, at most 1, and which weights it ends at zero of."""
        nowhere = np.zeros(0, np.intp)
        signs = np.where(z == 0, np.sign(d), np.sign(z))
        steepness = float(slope @ d) + float(l1 @ (signs * d))  # at the start
        bend = float(d @ self.times(d))
        if not steepness < 0 or not bend > 0:
            return 0.0, nowhere
        crossing = np.flatnonzero(z * d < 0)
        at = -z[crossing] / d[crossing]
        order = np.argsort(at)
        crossing, at = crossing[order], at[order]
        kinks = 2 * np.cumsum(l1[crossing] * np.abs(d[crossing]))
        before = steepness + at * bend + np.concatenate([[0.0], kinks])[: len(at)]
        # the first kink behind which the model rises, or before which it has begun to
        rising = np.flatnonzero(np.maximum(before, steepness + at * bend + kinks) >= 0)
        k = int(rising[0]) if len(rising) else len(at)
        if k < len(at) and before[k] < 0 and at[k] <= 1:
            return float(at[k]), crossing[k : k + 1]
        passed = float(kinks[k - 1]) if k else 0.0
        return min(-(steepness + passed) / bend, 1.0), nowhere


def soft_threshold(x: Array, by: Array) -> Array:
    """Nearer to zero by so much, and zero where that would cross it.

    Examples
    --------
    >>> soft_threshold(np.array([3.0, -0.5, -2.0]), np.array([1.0, 1.0, 1.0]))
    array([ 2.,  0., -1.])
    """
    return np.asarray(x - np.clip(x, -by, by))
