"""What every optimiser does around its steps: evaluate, check, report, and keep the best point."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gibbsfactor.learning.minimum import (
    FloatArray,
    Minimum,
    Objective,
    Progress,
    Watcher,
    largest,
)
from gibbsfactor.learning.preconditioning import Coordinates
from gibbsfactor.learning.stopping import Settling

Measure = Callable[[FloatArray, float, FloatArray], tuple[float, float]]
Slope = Callable[[FloatArray, FloatArray], FloatArray]

LEFT = 10  # times the loss tolerance: the share of the loss that the gradient may still promise
ROUNDING = 1e-10  # no less is asked of it


def plain(point: FloatArray, loss: float, gradient: FloatArray) -> tuple[float, float]:
    """The loss as it is, and the gradient's largest component."""
    return loss, largest(gradient)


def smooth(point: FloatArray, gradient: FloatArray) -> FloatArray:
    """The gradient as it is."""
    return gradient


@dataclass
class Recorder:
    """Evaluates the objective, checks what it gives, and remembers the best point.

    ``measure`` gives the loss that counts and the size of its gradient, out of the point and the
    objective's own loss and gradient there, and ``slope`` that gradient itself: places for
    penalties that have none of their own. Points are in ``coordinates`` of the weights, where
    there are such, and so are gradients; weights are handed out as what they are.
    """

    objective: Objective
    progress: Watcher | None
    max_iterations: int
    gradient_tolerance: float
    settling: Settling
    measure: Measure = plain
    slope: Slope = smooth
    coordinates: Coordinates | None = None
    began: float = field(default_factory=time.perf_counter)
    evaluations: int = 0
    iterations: int = 0
    failure: str = ""  # what an evaluation gave that was not finite
    best_weights: FloatArray | None = None
    best_loss: float = math.inf
    best_gradient_norm: float = math.nan

    def evaluate(self, point: FloatArray) -> tuple[float, FloatArray, float]:
        """The loss that counts, the objective's own gradient, and the gradient's size."""
        given_loss, given_gradient = self.objective(self.weights(point))
        self.evaluations += 1
        gradient = np.asarray(given_gradient, dtype=np.float64)
        if gradient.shape != point.shape:
            raise ValueError(
                f"the objective gave a gradient of shape {gradient.shape} at a point of shape "
                f"{point.shape}; they must be equal"
            )
        if self.coordinates is not None:
            gradient = self.coordinates.gradient(gradient)
        loss = float(given_loss)
        if not (math.isfinite(loss) and math.isfinite(largest(gradient))):
            bad = int(np.count_nonzero(~np.isfinite(gradient)))
            self.failure = (
                f"evaluation {self.evaluations} gave the loss {loss} and a gradient with {bad} of "
                f"{gradient.size} components not finite; scale the features down, or penalise more"
            )
            if self.best_weights is None:
                raise FloatingPointError(self.failure)
            return math.inf, gradient, math.inf  # too far: the line search steps back
        loss, norm = self.measure(point, loss, gradient)
        if self.evaluations == 1:
            self.settling.add(loss)
        if loss < self.best_loss or self.best_weights is None:
            self.best_loss, self.best_gradient_norm = loss, norm
            self.best_weights = point
        return loss, gradient, norm

    def weights(self, point: FloatArray) -> FloatArray:
        """The weights at a point."""
        return point if self.coordinates is None else self.coordinates.weights(point)

    def is_done(self, point: FloatArray, loss: float, gradient: FloatArray) -> bool:
        """Whether the gradient promises no more than a small share of the loss."""
        if self.coordinates is None:
            return True
        left = self.coordinates.gain(self.slope(point, gradient))
        return left <= max(LEFT * self.settling.tolerance, ROUNDING) * abs(loss)

    def stuck(self, point: FloatArray, loss: float, gradient: FloatArray) -> str:
        """Why no lower point is found: rounding, if the gradient promises hardly any gain."""
        known = self.coordinates is not None
        return "rounded" if known and self.is_done(point, loss, gradient) else "stuck"

    def end_iteration(
        self, point: FloatArray, loss: float, gradient: FloatArray, norm: float
    ) -> str:
        """Count and report it; why the search should end here, if it should."""
        self.iterations += 1
        settled = self.settling.add(loss) and self.is_done(point, loss, gradient)
        if self.progress is not None:
            seconds = time.perf_counter() - self.began
            pace = seconds / self.iterations
            limit = self.max_iterations - self.iterations
            weights = self.weights(point).view()
            weights.flags.writeable = False
            record = Progress(
                self.iterations,
                loss,
                norm,
                seconds,
                self.evaluations,
                weights,
                min(self.settling.iterations_left(), limit) * pace,
                limit * pace,
            )
            try:
                self.progress(record)
            except StopIteration:
                return "stopped"
        return "settled" if settled else self.verdict(norm)

    def verdict(self, norm: float) -> str:
        """Whether the gradient or the number of iterations ends the search."""
        if norm <= self.gradient_tolerance:
            return "flat"
        return "spent" if self.iterations >= self.max_iterations else ""

    def run(self, name: str, descend: Callable[[], str]) -> Minimum:
        """What ``descend`` comes to, which says in a word why it ended."""
        try:
            reason = descend()
        except KeyboardInterrupt:
            if self.best_weights is None:
                raise
            message = f"interrupted in iteration {self.iterations + 1}"
            warnings.warn(
                f"{name} {message}; the best weights so far, with loss {self.best_loss:.8g}, "
                "are kept",
                RuntimeWarning,
                stacklevel=3,
            )
            return self._minimum(False, True, message)
        period, share = self.settling.period, self.settling.tolerance
        messages = {
            "empty": "there are no weights to move",
            "flat": f"the gradient is within {self.gradient_tolerance:g} of zero",
            "settled": f"{'an iteration' if period == 1 else f'{period} iterations'} lowered the "
            f"loss by no more than {share:g} of it",
            "rounded": "rounding allows no lower loss, and the gradient promises hardly any",
            "stopped": f"stopped by the progress callable after iteration {self.iterations}",
            "spent": f"reached max_iterations={self.max_iterations}",
            "stuck": "the line search found no lower point; rounding may allow no better",
        }
        converged = reason in ("empty", "flat", "settled", "rounded")
        return self._minimum(converged, False, messages[reason])

    def _minimum(self, converged: bool, interrupted: bool, message: str) -> Minimum:
        assert self.best_weights is not None
        weights = np.array(self.weights(self.best_weights))
        weights.flags.writeable = False
        return Minimum(
            weights,
            self.best_loss,
            self.best_gradient_norm,
            self.iterations,
            self.evaluations,
            converged,
            interrupted,
            message,
        )


def checked_start(start: npt.ArrayLike) -> FloatArray:
    """A copy of the start, which must be one vector of finite numbers."""
    point = np.array(start, dtype=np.float64)
    if point.ndim != 1:
        raise ValueError(f"start has shape {point.shape}; it must be one vector of weights")
    bad = np.flatnonzero(~np.isfinite(point))
    if bad.size:
        raise ValueError(f"start has {point[bad[0]]} at position {bad[0]}; weights are finite")
    return point


def check_limits(
    max_iterations: int, period: int, memory: int, gradient_tolerance: float, loss_tolerance: float
) -> None:
    """Raise ValueError for a limit that makes no sense."""
    for name, count in (("max_iterations", max_iterations), ("period", period), ("memory", memory)):
        if count < 1:
            raise ValueError(f"{name} is {count}; it must be at least 1")
    for name, tolerance in (("gradient", gradient_tolerance), ("loss", loss_tolerance)):
        if not 0 <= tolerance < math.inf:
            raise ValueError(
                f"{name}_tolerance is {tolerance}; it must be a finite number of at least 0"
            )
