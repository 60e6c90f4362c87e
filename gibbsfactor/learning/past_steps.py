"""The inverse Hessian as far as the last steps tell: the two-loop recursion of L-BFGS.

Source: Nocedal & Wright (2006), Numerical Optimization, algorithm 7.4.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.threads import one_blas_thread

FloatArray = npt.NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)
_TINY = float(np.finfo(np.float64).tiny)


class PastSteps:
    """The last steps and what they did to the gradient.

    Parameters
    ----------
    memory : int
        How many steps are kept.
    precision : float64 or float32
        Of what is kept. Single precision is plenty for a direction, and halves the memory that
        has to be read for one.

    Examples
    --------
    >>> past = PastSteps(5, np.float64)
    >>> past.remember(np.array([1.0, 0.0]), np.array([4.0, 0.0]))
    >>> past.direction(np.array([8.0, 8.0]))
    array([-2., -2.])
    """

    def __init__(self, memory: int, precision: type[np.floating[Any]]) -> None:
        self.precision = precision
        self.steps: deque[tuple[npt.NDArray[Any], npt.NDArray[Any], float]] = deque(maxlen=memory)
        self.scale = 1.0

    def __len__(self) -> int:
        return len(self.steps)

    def forget(self) -> None:
        """Start anew, from steepest descent."""
        self.steps.clear()

    def remember(self, moved: FloatArray, changed: FloatArray) -> None:
        """Keep a step, if the loss curved upwards along it, by more than rounding."""
        with np.errstate(over="ignore", under="ignore"), one_blas_thread():
            curvature = float(moved @ changed)
            length, change = float(moved @ moved), float(changed @ changed)
        if not (_TINY < curvature < math.inf and _TINY < change < math.inf):
            return
        if curvature <= _EPSILON * math.sqrt(length) * math.sqrt(change):
            return
        s, y = moved.astype(self.precision), changed.astype(self.precision)
        self.steps.append((s, y, 1.0 / curvature))
        self.scale = curvature / change

    def direction(self, gradient: FloatArray) -> FloatArray:
        """Minus the inverse Hessian times the gradient, by the two-loop recursion."""
        q = (-gradient).astype(self.precision)
        if not self.steps:
            return q.astype(np.float64)
        coefficients = []
        with one_blas_thread():  # on a busy machine threads cost these products dearly
            for s, y, rho in reversed(self.steps):
                a = rho * float(s @ q)
                q -= self.precision(a) * y
                coefficients.append(a)
            q *= self.precision(self.scale)
            for (s, y, rho), a in zip(self.steps, reversed(coefficients), strict=True):
                q += self.precision(a - rho * float(y @ q)) * s
        return q.astype(np.float64)
