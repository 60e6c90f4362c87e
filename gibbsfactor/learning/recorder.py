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
from gibbsfactor.learning.stopping import Settling

Measure = Callable[[FloatArray, float, FloatArray], tuple[float, float]]


def plain(point: FloatArray, loss: float, gradient: FloatArray) -> tuple[float, float]:
    """The loss as it is, and the gradient's largest component."""
    return loss, largest(gradient)


@dataclass
class Recorder:
    """Evaluates the objective, checks what it gives, and remembers the best point.

    ``measure`` gives the loss that counts and the size of its gradient, out of the point and the
    objective's own loss and gradient there: a place for penalties that have no gradient.
    """

    objective: Objective
    progress: Watcher | None
    max_iterations: int
    gradient_tolerance: float
    settling: Settling
    measure: Measure = plain
    began: float = field(default_factory=time.perf_counter)
    evaluations: int = 0
    iterations: int = 0
    failure: str = ""  # what an evaluation gave that was not finite
    best_weights: FloatArray | None = None
    best_loss: float = math.inf
    best_gradient_norm: float = math.nan

    def evaluate(self, point: FloatArray) -> tuple[float, FloatArray, float]:
        """The loss that counts, the objective's own gradient, and the gradient's size."""
        given_loss, given_gradient = self.objective(point)
        self.evaluations += 1
        gradient = np.asarray(given_gradient, dtype=np.float64)
        if gradient.shape != point.shape:
            raise ValueError(
                f"the objective gave a gradient of shape {gradient.shape} at a point of shape "
                f"{point.shape}; they must be equal"
            )
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

    def end_iteration(self, point: FloatArray, loss: float, norm: float) -> str:
        """Count and report it; why the search should end here, if it should."""
        self.iterations += 1
        settled = self.settling.add(loss)
        if self.progress is not None:
            seconds = time.perf_counter() - self.began
            pace = seconds / self.iterations
            limit = self.max_iterations - self.iterations
            weights = point.view()
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
            "stopped": f"stopped by the progress callable after iteration {self.iterations}",
            "spent": f"reached max_iterations={self.max_iterations}",
            "stuck": "the line search found no lower point; rounding may allow no better",
        }
        return self._minimum(reason in ("empty", "flat", "settled"), False, messages[reason])

    def _minimum(self, converged: bool, interrupted: bool, message: str) -> Minimum:
        assert self.best_weights is not None
        weights = self.best_weights.copy()
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
