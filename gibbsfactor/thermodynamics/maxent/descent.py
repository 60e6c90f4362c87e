"""Minimise a smooth convex function of a few numbers, some of which may not be positive.

Newton's method where the function tells its Hessian, else BFGS from what curvature it tells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve

from gibbsfactor.tables import FloatArray

BoolArray = npt.NDArray[np.bool_]

_SUFFICIENT = 1e-4  # Armijo's share of the decrease that the slope promises
_HALVINGS, _TENTHS = 10, 50  # tries; Newton's steps are far too long where there is no curvature
_ROUNDING = 1e-14  # of the value, to which a decrease is known
_PATIENCE = 8  # iterations in a row without a smaller gradient: rounding has the word


class Point(NamedTuple):
    """The function's value, gradient (m,) and curvature (m, m) somewhere."""

    value: float
    gradient: FloatArray
    curvature: FloatArray


@dataclass(frozen=True, eq=False)
class Descent:
    """Where the search ended.

    Attributes
    ----------
    place : array (m,)
    value : float
    norm : float
        Largest absolute component of the gradient there; of a number that is held at its bound,
        only what would push it inwards.
    step : array (m,)
        The step that Newton's method would take next: small at a minimum, and not small where
        there is none because the function falls for ever.
    iterations : int
    """

    place: FloatArray
    value: float
    norm: float
    step: FloatArray
    iterations: int


def descend(
    function: Callable[[FloatArray], Point],
    bounded: BoolArray,
    *,
    exact: bool,
    target: float,
    least: float,
    max_iterations: int,
) -> Descent:
    """Search from 0 until the gradient is small, by projected Newton or BFGS steps.

    Parameters
    ----------
    function : callable
        Convex.
    bounded : array of bool (m,)
        Numbers that must not be positive.
    exact : bool
        Whether the curvature is the Hessian; if not, that of the start is where BFGS begins.
    target : float
        For the norm.
    least : float
        A value below this ends the search: the function has no minimum.
    max_iterations : int

    Notes
    -----
    Source: Bertsekas (1982), Projected Newton methods for optimization problems with simple
    constraints; Nocedal & Wright (2006), section 6.1 (BFGS).
    """
    place = np.zeros(len(bounded))
    here = function(place)
    curvature = here.curvature
    best = Descent(place, here.value, math.inf, np.zeros_like(place), 0)
    iteration = since = 0
    while True:
        norm = _projected(place, here.gradient, bounded)
        step = _step(place, here.gradient, curvature, bounded, norm, exact)
        since = 0 if norm < best.norm else since + 1
        endless = here.value < least
        if norm < best.norm or endless:
            best = Descent(place, here.value, norm, step, iteration)
        done = norm <= target or endless or since > _PATIENCE
        if done or iteration == max_iterations:
            return best
        there = _search(function, place, here, step, bounded)
        if there is None:
            return best
        new, at_new = there
        curvature = (
            at_new.curvature
            if exact
            else _updated(curvature, new - place, at_new.gradient - here.gradient)
        )
        place, here, iteration = new, at_new, iteration + 1


def _projected(place: FloatArray, gradient: FloatArray, bounded: BoolArray) -> float:
    """Largest absolute component of the gradient, as far as the bounds leave it room."""
    room = np.where(bounded, place, -np.inf)  # how far from its bound, negated
    left = np.where(gradient < 0, np.maximum(gradient, room), gradient)
    return float(np.abs(left).max(initial=0.0))


def _step(
    place: FloatArray,
    gradient: FloatArray,
    curvature: FloatArray,
    bounded: BoolArray,
    norm: float,
    exact: bool,
) -> FloatArray:
    """Newton's step for the free numbers; those that press against their bound go there."""
    held = bounded & (place >= -min(norm, 1e-6)) & (gradient < 0)
    step = np.where(held, -place, 0.0)
    free = ~held
    if free.any():
        solved = _solved if exact else _solved_roughly
        step[free] = -solved(curvature[np.ix_(free, free)], gradient[free])
    return step


def _solved(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """The solution for a Hessian, which may be singular.

    Directions without curvature are those that constraints which imply each other leave, along
    which nothing changes, or those along which there is no minimum: a long step is right there.
    """
    heights, axes = np.linalg.eigh(matrix)
    heights = np.maximum(heights, max(1e-15 * heights[-1], 1e-100))
    return np.asarray(axes @ ((axes.T @ right) / heights))


def _solved_roughly(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """The solution for what stands in for a Hessian; much quicker where there are hundreds."""
    n = len(matrix)
    lift = 1e-12 * float(np.trace(matrix)) / n + 1e-100
    return np.asarray(solve(matrix + lift * np.eye(n), right, assume_a="pos"))


def _search(
    function: Callable[[FloatArray], Point],
    place: FloatArray,
    here: Point,
    step: FloatArray,
    bounded: BoolArray,
) -> tuple[FloatArray, Point] | None:
    """A point along the step, kept within the bounds, that is lower by enough."""
    share = 1.0
    for trial in range(_HALVINGS + _TENTHS):
        new = place + share * step
        new = np.where(bounded, np.minimum(new, 0.0), new)
        there = function(new)
        promised = float(here.gradient @ (new - place))
        allowed = here.value + _SUFFICIENT * promised + _ROUNDING * abs(here.value)
        if promised <= 0 and there.value <= allowed + _ROUNDING:
            return new, there
        share *= 0.5 if trial < _HALVINGS else 0.1
    return None


def _updated(curvature: FloatArray, moved: FloatArray, change: FloatArray) -> FloatArray:
    """BFGS: the matrix nearest the old one that explains how the gradient changed."""
    explained = float(moved @ change)
    expected = curvature @ moved
    size = float(moved @ expected)
    if not (explained > 1e-10 * size > 0):
        return curvature
    return np.asarray(
        curvature + np.outer(change, change) / explained - np.outer(expected, expected) / size
    )
