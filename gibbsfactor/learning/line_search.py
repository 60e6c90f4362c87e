"""A line search for the strong Wolfe conditions.

Along a direction of descent, f(t) is the loss after a step t and s(t) its slope. Wanted is a step
that lowers the loss enough and leaves little slope,

    f(t) <= f(0) + c1 t s(0)        |s(t)| <= c2 |s(0)|

Where steps are so short that rounding hides the first condition, a loss no higher than f(0) by
more than rounding and the slope conditions of Hager & Zhang (2005) stand in for it.

Source: Nocedal & Wright (2006), Numerical Optimization, algorithms 3.5 and 3.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

ENOUGH = 1e-4  # c1
FLAT = 0.9  # c2
ROUNDING = 1e-13  # share of the loss that a sum over many rows may be off by
LONGEST = 10.0  # how many times the last step the next one may be
EDGE = 0.1  # stay this share of a bracket away from its ends


def _nowhere() -> npt.NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class Trial:
    """One step tried: its length, the loss there, the slope there; the point and its gradient.

    ``norm`` is the size of the gradient, for whoever wants to know; the search does not.
    """

    step: float
    loss: float
    slope: float
    point: npt.NDArray[np.float64] = field(default_factory=_nowhere, repr=False)
    gradient: npt.NDArray[np.float64] = field(default_factory=_nowhere, repr=False)
    norm: float = math.nan


def search(
    evaluate: Callable[[float], Trial], start: Trial, step: float, most: int
) -> Trial | None:
    """A step that satisfies the conditions, or the best one that lowers the loss; None if none.

    Where rounding hides the gain, the step returned may have a loss higher by that rounding.

    Parameters
    ----------
    evaluate : callable
        Loss and slope at a step.
    start : Trial
        At step 0; its slope is negative.
    step : float
        Tried first.
    most : int
        Evaluations allowed.

    Examples
    --------
    >>> bowl = lambda t: Trial(t, (t - 3.0) ** 2, 2 * (t - 3.0))
    >>> found = search(bowl, bowl(0.0), 1.0, 20)
    >>> abs(found.slope) <= 0.9 * abs(bowl(0.0).slope)
    True
    """
    low, high = start, None  # the best trial so far; beyond it, one that has gone too far
    previous = start
    wall = math.inf  # a step at which the loss is not finite
    for _ in range(most):
        trial = evaluate(step)
        if not (math.isfinite(trial.loss) and math.isfinite(trial.slope)):
            wall = trial.step
            step = low.step + EDGE * (wall - low.step)
            continue
        hidden = _is_hidden(trial, low, start)
        if hidden and FLAT * start.slope <= trial.slope <= (2 * ENOUGH - 1) * start.slope:
            return trial
        if hidden and trial.slope < FLAT * start.slope:
            previous, low = low, trial  # rounding hides the gain, the slope shows it
        elif not _lowers(trial, start) or trial.loss >= low.loss:
            high = trial
        elif abs(trial.slope) <= -FLAT * start.slope:
            return trial
        else:
            if trial.slope * (trial.step - low.step) >= 0:
                high = low
            previous, low = low, trial
        if high is None:
            step = _beyond(previous, low)
            if step >= wall:
                step = 0.5 * (low.step + wall)
        else:
            step = _between(low, high)
            if step in (low.step, high.step):
                break
    return low if low.loss < start.loss else None


def _lowers(trial: Trial, start: Trial) -> bool:
    return trial.loss <= start.loss + ENOUGH * trial.step * start.slope


def _is_hidden(trial: Trial, low: Trial, start: Trial) -> bool:
    """Whether the gain from one trial to the next is too small for rounding to let it show."""
    rounding = ROUNDING * abs(start.loss)
    promised = abs((trial.step - low.step) * start.slope)
    return promised <= 100 * rounding and abs(trial.loss - low.loss) <= rounding


def _beyond(before: Trial, now: Trial) -> float:
    """A longer step, by the cubic through two trials if that goes further."""
    reach = now.step - before.step
    guess = _cubic(before, now)
    least, most = now.step + 1.1 * reach, now.step + LONGEST * reach
    return min(max(guess, least), most) if math.isfinite(guess) and guess > now.step else most


def _between(one: Trial, other: Trial) -> float:
    """The minimum of the cubic through two trials, kept away from both."""
    left, right = sorted((one.step, other.step))
    margin = EDGE * (right - left)
    guess = _cubic(one, other)
    if not left + margin <= guess <= right - margin:
        guess = min(max(guess, left + margin), right - margin)
    return guess if math.isfinite(guess) else 0.5 * (left + right)


def _cubic(one: Trial, other: Trial) -> float:
    """Where the cubic with the losses and slopes of two trials is least (equation 3.59)."""
    d1 = one.slope + other.slope - 3 * (one.loss - other.loss) / (one.step - other.step)
    inside = d1 * d1 - one.slope * other.slope
    if inside < 0:
        return math.nan
    d2 = math.copysign(math.sqrt(inside), other.step - one.step)
    divisor = other.slope - one.slope + 2 * d2
    if divisor == 0:
        return math.nan
    return other.step - (other.step - one.step) * (other.slope + d2 - d1) / divisor
