"""The quadratic model of a loss that past steps make, and its minimum under an L1 penalty.

Letters: F free weights, m past steps. With the steps S and the changes of the gradient Y, (m, F)
matrices, BFGS from the matrix sigma I comes in one go to

    B = sigma I - Q' M^-1 Q        Q = [sigma S; Y]        M = [sigma S S', L; L', -D]

where D is the diagonal and L the part below it of S Y'. A product with B costs two passes over Q.

Sources: Byrd, Nocedal & Schnabel (1994), Representations of quasi-Newton matrices, theorem 2.3;
Beck & Teboulle (2009), A fast iterative shrinkage-thresholding algorithm; O'Donoghue & Candes
(2015), Adaptive restart for accelerated gradient schemes, section 3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


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

    @classmethod
    def of(
        cls, steps: Array, changes: Array, sigma: float, precision: type[np.floating[Any]]
    ) -> QuadraticModel:
        """From steps and changes (m, F), the oldest first, each with s . y > 0; m may be 0.

        The m x m products are made in double precision; Q is kept in the one asked for.
        """
        rows = np.vstack([sigma * steps, changes])
        inner = rows @ rows.T
        m = len(steps)
        with_steps = inner[:m, m:] / sigma  # s_i . y_j
        below = np.tril(with_steps, -1)
        curvatures = np.diag(with_steps)
        core = np.block([[inner[:m, :m] / sigma, below], [below.T, -np.diag(curvatures)]])
        core = np.linalg.inv(core)
        # BFGS adds y y' / s.y to sigma I, and only takes away besides
        scaled = inner[m:, m:] / np.sqrt(np.outer(curvatures, curvatures))
        most = sigma + float(np.linalg.eigvalsh(scaled).max(initial=0.0))
        found = sigma + float(np.linalg.eigvals(-core @ inner).real.max(initial=0.0))
        steepest = min(most, found) if math.isfinite(found) else most
        return cls(sigma, rows.astype(precision), core.astype(precision), steepest)

    def times(self, d: Array) -> Array:
        """B d."""
        answer: Array = d * d.dtype.type(self.sigma)
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
        return z


def soft_threshold(x: Array, by: Array) -> Array:
    """Nearer to zero by so much, and zero where that would cross it.

    Examples
    --------
    >>> soft_threshold(np.array([3.0, -0.5, -2.0]), np.array([1.0, 1.0, 1.0]))
    array([ 2.,  0., -1.])
    """
    return np.asarray(x - np.clip(x, -by, by))
