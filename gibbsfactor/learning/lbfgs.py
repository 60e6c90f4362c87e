"""Minimise a smooth function with L-BFGS, keeping the best point whatever happens."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import numpy.typing as npt

from gibbsfactor.learning.line_search import ROUNDING, Trial, search
from gibbsfactor.learning.minimum import FloatArray, Minimum, Objective, Progress, Watcher
from gibbsfactor.learning.past_steps import PastSteps, precision_for
from gibbsfactor.learning.preconditioning import Coordinates
from gibbsfactor.learning.recorder import Recorder, check_limits, checked_start
from gibbsfactor.learning.stopping import Settling

__all__ = ["Minimum", "Progress", "minimize"]

_LINE_SEARCH_EVALUATIONS = 20  # what one iteration may spend before it counts as stuck


def minimize(
    objective: Objective,
    start: npt.ArrayLike,
    *,
    max_iterations: int = 1000,
    gradient_tolerance: float = 1e-6,
    loss_tolerance: float = 1e-10,
    period: int = 1,
    memory: int = 20,
    progress: Watcher | None = None,
    coordinates: Coordinates | None = None,
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
    coordinates : Coordinates, optional
        Preconditioning: the search is done in these coordinates of the weights, and gradients are
        by them. They also tell about how much there is left to gain, and the loss tolerance is
        only met where that is no more than ten times it.

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
    Source: Nocedal & Wright (2006), Numerical Optimization, algorithms 7.4 and 7.5. The matrix that
    a direction starts from is `learning.past_steps`'s own.

    Examples
    --------
    >>> target = np.array([1.0, 2.0, 6.0])
    >>> def bowl(x):
    ...     return float(((x - target) ** 2).sum()), 2 * (x - target)
    >>> minimum = minimize(bowl, np.zeros(3))
    >>> minimum.converged, np.allclose(minimum.weights, target)
    (True, True)
    """
    point = checked_start(start)
    if coordinates is not None:
        point = coordinates.of(point)
    check_limits(max_iterations, period, memory, gradient_tolerance, loss_tolerance)
    recorder = Recorder(
        objective,
        progress,
        max_iterations,
        gradient_tolerance,
        Settling(loss_tolerance, period),
        coordinates=coordinates,
    )
    return recorder.run("L-BFGS", partial(_descend, recorder, point, memory))


def _descend(recorder: Recorder, point: FloatArray, memory: int) -> str:
    """Step after step along the directions that past steps suggest; says why it ended."""
    loss, gradient, norm = recorder.evaluate(point)
    if not point.size:
        return "empty"
    past = PastSteps(memory, precision_for(point.size))
    verdict = recorder.verdict(norm)
    while not verdict:
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
                here = Trial(0.0, loss, slope, point, gradient, norm)
                first = 1.0 if len(past) else 1.0 / float(np.linalg.norm(direction))
                evaluate = partial(_try, recorder, here, direction)
                there = search(evaluate, here, first, _LINE_SEARCH_EVALUATIONS)
                hidden = there is None and -slope <= ROUNDING * abs(loss)
                if hidden and recorder.is_done(point, loss, gradient):
                    return "settled"  # nothing to gain that rounding would show
            if there is None and not len(past):
                if recorder.failure:
                    raise FloatingPointError(recorder.failure)
                return recorder.stuck(point, loss, gradient)
            if there is None:
                past.forget()  # rounding has spoilt it
        past.remember(there.point - point, there.gradient - gradient)
        point, loss, gradient, norm = there.point, there.loss, there.gradient, there.norm
        verdict = recorder.end_iteration(point, loss, gradient, norm)
    return verdict


def _try(recorder: Recorder, here: Trial, direction: FloatArray, step: float) -> Trial:
    """The loss, and its slope along the direction, a step away."""
    point = step * direction
    point += here.point
    loss, gradient, norm = recorder.evaluate(point)
    return Trial(step, loss, float(gradient @ direction), point, gradient, norm)
