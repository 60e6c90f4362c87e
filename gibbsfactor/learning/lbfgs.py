"""Minimise a smooth function with L-BFGS, keeping the best point whatever happens."""

from __future__ import annotations

import math
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from gibbsfactor.learning.line_search import ROUNDING, Trial, search
from gibbsfactor.learning.past_steps import PastSteps

FloatArray = npt.NDArray[np.float64]

# The gradient may be float32; it is widened here.
Objective = Callable[[FloatArray], tuple[float, npt.NDArray[np.floating]]]

_LINE_SEARCH_EVALUATIONS = 20  # what one iteration may spend before it counts as stuck
_MANY_WEIGHTS = 100_000  # for more, the past steps are kept in single precision


@dataclass(frozen=True)
class Progress:
    """Where the minimisation stands after an iteration.

    Attributes
    ----------
    iteration : int
        Counted from one.
    loss : float
    gradient_norm : float
        Largest absolute component of the gradient.
    seconds : float
        Time since the start.
    evaluations : int
        Evaluations of the objective so far.
    """

    iteration: int
    loss: float
    gradient_norm: float
    seconds: float
    evaluations: int


@dataclass(frozen=True, eq=False)
class Minimum:
    """The best point found, and how the search for it ended.

    Attributes
    ----------
    weights : ndarray of float64, read-only
        The point of the lowest loss among all that were evaluated.
    loss : float
    gradient_norm : float
        Largest absolute component of the gradient at ``weights``.
    iterations, evaluations : int
    converged : bool
        Whether one of the two tolerances was met.
    interrupted : bool
        Whether Ctrl-C ended the search.
    message : str
        Why the search ended, in words.
    """

    weights: FloatArray
    loss: float
    gradient_norm: float
    iterations: int
    evaluations: int
    converged: bool
    interrupted: bool
    message: str


def minimize(
    objective: Objective,
    start: npt.ArrayLike,
    *,
    max_iterations: int = 1000,
    gradient_tolerance: float = 1e-6,
    loss_tolerance: float = 1e-10,
    period: int = 1,
    memory: int = 20,
    progress: Callable[[Progress], object] | None = None,
) -> Minimum:
    """Minimise a smooth function of real weights with L-BFGS.

    Parameters
    ----------
    objective : callable
        Gives the loss and its gradient, a new array of the shape of ``start``, at a point. The
        point must not be changed. Where the loss is not finite the line search steps back.
    start : array_like, shape (W,)
        Where the search begins.
    max_iterations : int
        At least one.
    gradient_tolerance : float
        Converged when the largest absolute component of the gradient is at most this.
        Zero switches the rule off, as far as rounding goes.
    loss_tolerance : float
        Converged when ``period`` iterations together lower the loss by at most this share of
        its size: f_{k-period} - f_k <= loss_tolerance |f_{k-period}|. Zero leaves only "not
        lowered at all".
    period : int
        At least one. A long one doesn't take a single poor step for the end.
    memory : int
        How many past steps stand in for the Hessian. Of very many weights they are kept in
        single precision, which is plenty for a direction; losses and gradients never are.
    progress : callable, optional
        Called with a `Progress` after every iteration. It may raise StopIteration to end the
        search there.

    Returns
    -------
    Minimum
        Ending without convergence is not an error and not a warning here: the caller, who
        knows what the weights are for, looks at ``converged``.

    Raises
    ------
    FloatingPointError
        If the first loss or gradient is NaN or infinite, or no step leads to one that is not.
    ValueError
        If an argument is out of range, or a gradient has the wrong shape.

    Warns
    -----
    RuntimeWarning
        If Ctrl-C ended the search; the best point so far is returned all the same. (Before
        the first evaluation is done there is none, and KeyboardInterrupt goes through.)

    Notes
    -----
    Source: Nocedal & Wright (2006), Numerical Optimization, algorithms 7.4 and 7.5.

    Examples
    --------
    >>> target = np.array([1.0, 2.0, 6.0])
    >>> def bowl(x):
    ...     return float(((x - target) ** 2).sum()), 2 * (x - target)
    >>> minimum = minimize(bowl, np.zeros(3))
    >>> minimum.converged, np.allclose(minimum.weights, target)
    (True, True)
    """
    point = _checked_start(start)
    if max_iterations < 1:
        raise ValueError(f"max_iterations is {max_iterations}; it must be at least 1")
    if period < 1:
        raise ValueError(f"period is {period}; it must be at least 1")
    if memory < 1:
        raise ValueError(f"memory is {memory}; it must be at least 1")
    for name, tolerance in (("gradient", gradient_tolerance), ("loss", loss_tolerance)):
        if not 0 <= tolerance < math.inf:
            raise ValueError(
                f"{name}_tolerance is {tolerance}; it must be a finite number of at least 0"
            )

    recorder = _Recorder(objective, progress, loss_tolerance, period)
    if point.size == 0:
        recorder.evaluate(point)
        return recorder.minimum(True, False, "there are no weights to move")
    try:
        reason = _descend(recorder, point, max_iterations, gradient_tolerance, memory)
    except KeyboardInterrupt:
        if recorder.best_weights is None:
            raise
        message = f"interrupted in iteration {recorder.iterations + 1}"
        warnings.warn(
            f"L-BFGS {message}; the best weights so far, with loss {recorder.best_loss:.8g}, "
            "are kept",
            RuntimeWarning,
            stacklevel=2,
        )
        return recorder.minimum(False, True, message)
    messages = {
        "flat": f"the gradient is within {gradient_tolerance:g} of zero",
        "settled": f"{'an iteration' if period == 1 else f'{period} iterations'} lowered the loss "
        f"by no more than {loss_tolerance:g} of it",
        "stopped": f"stopped by the progress callable after iteration {recorder.iterations}",
        "spent": f"reached max_iterations={max_iterations}",
        "stuck": "the line search found no lower point; rounding may allow no better",
    }
    return recorder.minimum(reason in ("flat", "settled"), False, messages[reason])


def _descend(
    recorder: _Recorder,
    point: FloatArray,
    max_iterations: int,
    gradient_tolerance: float,
    memory: int,
) -> str:
    """Step after step along the directions that past steps suggest; says why it ended."""
    loss, gradient = recorder.evaluate(point)
    past = PastSteps(memory, np.float32 if point.size > _MANY_WEIGHTS else np.float64)
    while True:
        norm = float(np.abs(gradient).max())
        if recorder.iterations:
            verdict = recorder.end_iteration(loss, norm)
            if verdict:
                return verdict
        if norm <= gradient_tolerance:
            return "flat"
        if recorder.iterations >= max_iterations:
            return "spent"
        there = None
        while there is None:
            direction = past.direction(gradient)
            with np.errstate(over="ignore", under="ignore"):
                slope = float(gradient @ direction)
            if slope == 0 and not len(past):
                return "flat"  # as far as numbers go
            if not math.isfinite(slope) and not len(past):
                raise FloatingPointError(
                    "the gradient is so large that its square is not finite; "
                    "scale the features down, or penalise more"
                )
            if -math.inf < slope < 0:
                here = Trial(0.0, loss, slope, point, gradient)
                first = 1.0 if len(past) else 1.0 / float(np.linalg.norm(direction))
                evaluate = partial(_try, recorder, here, direction)
                there = search(evaluate, here, first, _LINE_SEARCH_EVALUATIONS)
                if there is None and -slope <= ROUNDING * abs(loss):
                    return "settled"  # nothing to gain that rounding would show
            if there is None and not len(past):
                if recorder.failure:
                    raise FloatingPointError(recorder.failure)
                return "stuck"
            if there is None:
                past.forget()  # rounding has spoilt it
        past.remember(there.point - point, there.gradient - gradient)
        point, loss, gradient = there.point, there.loss, there.gradient
        recorder.iterations += 1


def _try(recorder: _Recorder, here: Trial, direction: FloatArray, step: float) -> Trial:
    """The loss, and its slope along the direction, a step away."""
    point = here.point + step * direction
    loss, gradient = recorder.evaluate(point)
    return Trial(step, loss, float(gradient @ direction), point, gradient)


@dataclass
class _Recorder:
    """Evaluates the objective, checks what it gives, and remembers the best point."""

    objective: Objective
    progress: Callable[[Progress], object] | None
    loss_tolerance: float
    period: int
    began: float = field(default_factory=time.perf_counter)
    evaluations: int = 0
    iterations: int = 0
    failure: str = ""  # what an evaluation gave that was not finite
    best_weights: FloatArray | None = None
    best_loss: float = math.inf
    best_gradient_norm: float = math.nan
    losses: deque[float] = field(default_factory=deque)  # at the ends of the last iterations

    def evaluate(self, point: FloatArray) -> tuple[float, FloatArray]:
        given_loss, given_gradient = self.objective(point)
        self.evaluations += 1
        loss = float(given_loss)
        gradient = np.asarray(given_gradient, dtype=np.float64)
        if self.evaluations == 1:
            self.losses.append(loss)
        if gradient.shape != point.shape:
            raise ValueError(
                f"the objective gave a gradient of shape {gradient.shape} at a point of shape "
                f"{point.shape}; they must be equal"
            )
        norm = float(np.abs(gradient).max(initial=0.0))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            bad = int(np.count_nonzero(~np.isfinite(gradient)))
            self.failure = (
                f"evaluation {self.evaluations} gave the loss {loss} and a gradient with {bad} of "
                f"{gradient.size} components not finite; scale the features down, or penalise more"
            )
            if self.best_weights is None:
                raise FloatingPointError(self.failure)
            return math.inf, gradient  # too far: the line search steps back
        if loss < self.best_loss or self.best_weights is None:
            self.best_loss, self.best_gradient_norm = loss, norm
            self.best_weights = point
        return loss, gradient

    def end_iteration(self, loss: float, norm: float) -> str:
        """Report; "settled" or "stopped" if that was the last one."""
        if self.progress is not None:
            seconds = time.perf_counter() - self.began
            record = Progress(self.iterations, loss, norm, seconds, self.evaluations)
            try:
                self.progress(record)
            except StopIteration:
                return "stopped"
        self.losses.append(loss)
        if len(self.losses) > self.period:
            before = self.losses.popleft()
            if before - loss <= self.loss_tolerance * abs(before):
                return "settled"
        return ""

    def minimum(self, converged: bool, interrupted: bool, message: str) -> Minimum:
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


def _checked_start(start: npt.ArrayLike) -> FloatArray:
    point = np.array(start, dtype=np.float64)
    if point.ndim != 1:
        raise ValueError(f"start has shape {point.shape}; it must be one vector of weights")
    bad = np.flatnonzero(~np.isfinite(point))
    if bad.size:
        raise ValueError(f"start has {point[bad[0]]} at position {bad[0]}; weights are finite")
    return point
