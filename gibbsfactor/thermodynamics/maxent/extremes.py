"""Constraints at an end of what is possible: they rule states out, exactly.

A mean of 6 leaves a die one face. No finite multiplier does that, so such states are found before
the search and given weight zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.factor import Factor
from gibbsfactor.tables import FloatArray, Scope
from gibbsfactor.thermodynamics.maxent.constraints import Demand
from gibbsfactor.thermodynamics.maxent.contradiction import no_state_left, within

BoolArray = npt.NDArray[np.bool_]
Possible = Callable[[Sequence[Scope], Sequence[Factor]], list[BoolArray]]

SLACK = 1e-12  # of a function's range: what rounding may do to an expected value


@dataclass(frozen=True, eq=False)
class Ends:
    """What the single constraints say of the states that are possible.

    Attributes
    ----------
    masks : list of Factor
        Weight 0 where a state is ruled out, else 1.
    sides : array (m,)
        +1 where a constraint holds its function at its maximum, -1 at its minimum, else 0.
    scales : array (m,)
        Range of each function over the states that are left; never 0.
    """

    masks: list[Factor]
    sides: FloatArray
    scales: FloatArray


def at_ends(demands: Sequence[Demand], possible: Possible) -> Ends:
    """Rule out what single constraints rule out, until nothing more is.

    ``possible(scopes, masks)`` tells which joint states of each scope are.

    Raises
    ------
    ValueError
        If a constraint asks for what no state has.
    """
    scopes = [term.scope for demand in demands for term in demand.terms]
    masks: list[Factor] = []
    sides, scales = np.zeros(len(demands)), np.ones(len(demands))
    while True:
        try:
            there = iter(possible(scopes, masks))
        except ZeroProbabilityError:
            if not masks:
                raise
            held = [d for d, side in zip(demands, sides.tolist(), strict=True) if side]
            raise no_state_left(held) from None
        new: list[Factor] = []
        for j, demand in enumerate(demands):
            here = [next(there) for _ in demand.terms]
            low, high = _range(demand, here)
            slack = SLACK * max(high - low, abs(low) * 1e-3, abs(high) * 1e-3)
            _check_within(demand, low, high, slack, left=bool(masks))
            if sides[j]:
                continue
            varies = high - low > slack
            scales[j] = high - low if varies else max(abs(low), abs(high)) or 1.0
            sides[j] = _side(demand, low, high, slack) if varies else 0.0
            if sides[j]:
                new += _ends(demand, here, sides[j], slack)
        if not new:
            return Ends(masks, sides, scales)
        masks += new


def _range(demand: Demand, possible: Sequence[BoolArray]) -> tuple[float, float]:
    """Sums of the terms' least and of their greatest values: bounds of the function."""
    values = [t.values[p] for t, p in zip(demand.terms, possible, strict=True)]
    return math.fsum(v.min() for v in values), math.fsum(v.max() for v in values)


def _ends(demand: Demand, possible: Sequence[BoolArray], side: float, slack: float) -> list[Factor]:
    """1 where every term is at its maximum (side 1) or minimum (side -1), else 0."""
    masks = []
    for term, p in zip(demand.terms, possible, strict=True):
        height = side * term.values
        masks.append(Factor(term.scope, p & (height >= height[p].max() - slack)))
    return masks


def _check_within(demand: Demand, low: float, high: float, slack: float, *, left: bool) -> None:
    too_high = demand.relation != "<=" and demand.value > high + slack
    too_low = demand.relation != ">=" and demand.value < low - slack
    if too_high or too_low:
        raise within(demand, low, high, left=left)


def _side(demand: Demand, low: float, high: float, slack: float) -> float:
    if demand.relation != "<=" and demand.value >= high - slack:
        return 1.0
    if demand.relation != ">=" and demand.value <= low + slack:
        return -1.0
    return 0.0


def supported(values: FloatArray, bounded: BoolArray) -> tuple[BoolArray, FloatArray]:
    """The states to which some distribution with E[g] = 0 gives mass, and what shows it.

    All of them are found at once, by the linear program

        maximise sum_x min(y_x, 1)    such that    sum_x y_x g(x) = 0,    y_x >= 0

    where a distribution may be scaled up until each state that can have mass has y_x of 1. The
    multipliers d of its equations have d . g(x) <= 0 for every x, and < 0 for those without mass.

    Parameters
    ----------
    values : array (n, m)
        g of every state.
    bounded : array of bool (m,)
        Where E[g_j] <= 0 is all that is asked; d_j is not positive there.

    Returns
    -------
    with_mass : array of bool (n,)
        None of them: there is no such distribution.
    direction : array (m,)
        All zero where every state can have mass.

    Notes
    -----
    Source: Freund, Roundy & Todd (1985), Identifying the set of always-active constraints in a
    system of linear inequalities by a single linear program.
    """
    rows, place = np.unique(values, axis=0, return_inverse=True)
    n = len(rows)
    twice = np.hstack([rows.T, rows.T])  # y_x in two parts, up to 1 and beyond
    zero = np.zeros(values.shape[1])
    found = linprog(
        np.repeat([-1.0, 0.0], n),
        A_eq=twice[~bounded],
        b_eq=zero[~bounded],
        A_ub=twice[bounded],
        b_ub=zero[bounded],
        bounds=[(0.0, 1.0)] * n + [(0.0, None)] * n,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if not found.success or found.x is None:
        return np.ones(len(values), dtype=bool), zero
    direction = np.zeros(values.shape[1])
    direction[~bounded] = found.eqlin.marginals
    direction[bounded] = found.ineqlin.marginals
    return np.asarray((found.x[:n] > 0.5)[place.reshape(-1)]), direction
