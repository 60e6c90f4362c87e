"""Minimise a smooth function with L-BFGS, keeping the best point whatever happens."""

from __future__ import annotations

import math
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

FloatArray = npt.NDArray[np.float64]

# The gradient may be float32; it is widened here.
Objective = Callable[[FloatArray], tuple[float, npt.NDArray[np.floating]]]

_LINE_SEARCH_EVALUATIONS = 20  # what one iteration may spend before it counts as stuck


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
    memory: int = 10,
    progress: Callable[[Progress], object] | None = None,
) -> Minimum:
    """Minimise a smooth function of real weights with L-BFGS.

    Parameters
    ----------
    objective : callable
        Gives the loss and its gradient, of the shape of ``start``, at a point. The point must
        not be changed or kept.
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
        How many past steps stand in for the Hessian.
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
        If a loss or a gradient is NaN or infinite.
    ValueError
        If an argument is out of range, or a gradient has the wrong shape.

    Warns
    -----
    RuntimeWarning
        If Ctrl-C ended the search; the best point so far is returned all the same. (Before
        the first evaluation is done there is none, and KeyboardInterrupt goes through.)

    Notes
    -----
    Source: Liu & Nocedal (1989), On the limited memory BFGS method for large scale
    optimization; the line search and the code are those of L-BFGS-B in SciPy.

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
    from scipy.optimize import minimize as scipy_minimize

    try:
        result: OptimizeResult = scipy_minimize(
            recorder.evaluate,
            point,
            jac=True,
            method="L-BFGS-B",
            callback=recorder.end_iteration,
            options={
                "maxiter": max_iterations,
                "maxfun": max_iterations * (_LINE_SEARCH_EVALUATIONS + 2),
                "maxls": _LINE_SEARCH_EVALUATIONS,
                "maxcor": memory,
                "gtol": gradient_tolerance,
                "ftol": 0.0,  # the recorder keeps this rule: SciPy's is absolute below a loss of 1
            },
        )
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
    converged = bool(result.success) or recorder.settled
    if recorder.stopped:
        converged = False
        message = f"stopped by the progress callable after iteration {recorder.iterations}"
    elif converged and recorder.gradient_norm <= gradient_tolerance:
        message = f"the gradient is within {gradient_tolerance:g} of zero"
    elif converged:
        iterations = "an iteration" if period == 1 else f"{period} iterations"
        message = f"{iterations} lowered the loss by no more than {loss_tolerance:g} of it"
    elif recorder.iterations >= max_iterations:
        message = f"reached max_iterations={max_iterations}"
    else:
        message = "the line search found no lower point; rounding may allow no better"
    return recorder.minimum(converged, False, message)


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
    gradient_norm: float = math.nan  # of the last evaluation
    best_weights: FloatArray | None = None
    best_loss: float = math.inf
    best_gradient_norm: float = math.nan
    losses: deque[float] = field(default_factory=deque)  # at the ends of the last iterations
    settled: bool = False  # the last period lowered the loss by too little to go on
    stopped: bool = False  # the progress callable wants no more

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
            raise FloatingPointError(
                f"evaluation {self.evaluations} gave the loss {loss} and a gradient with {bad} of "
                f"{gradient.size} components not finite; scale the features down, or penalise more"
            )
        self.gradient_norm = norm
        if loss < self.best_loss or self.best_weights is None:
            self.best_loss, self.best_gradient_norm = loss, norm
            self.best_weights = point.copy()
        return loss, gradient

    def end_iteration(self, intermediate_result: OptimizeResult) -> None:
        """Called by SciPy, which looks for this very argument name, after each iteration."""
        self.iterations += 1
        loss = float(intermediate_result.fun)
        self.losses.append(loss)
        if len(self.losses) > self.period:
            before = self.losses.popleft()
            self.settled = before - loss <= self.loss_tolerance * abs(before)
        if self.progress is not None:
            seconds = time.perf_counter() - self.began
            record = Progress(self.iterations, loss, self.gradient_norm, seconds, self.evaluations)
            try:
                self.progress(record)
            except StopIteration:
                self.stopped = True
                raise
        if self.settled:
            raise StopIteration

    def minimum(self, converged: bool, interrupted: bool, message: str) -> Minimum:
        assert self.best_weights is not None
        self.best_weights.flags.writeable = False
        return Minimum(
            self.best_weights,
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
