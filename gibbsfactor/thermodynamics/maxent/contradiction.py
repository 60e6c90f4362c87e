"""What to say where no distribution meets all constraints: which, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from gibbsfactor.errors import listed
from gibbsfactor.tables import FloatArray
from gibbsfactor.thermodynamics.maxent.constraints import Demand

BoolArray = npt.NDArray[np.bool_]

MOST_ENTRIES = 2**20  # states times constraints, beyond which no ranges are worked out
_SHOWN = 6  # constraints that a combination lists


def contradiction(
    demands: Sequence[Demand],
    scales: FloatArray,
    direction: FloatArray,
    highest: float,
    values: FloatArray | None = None,
    bounded: BoolArray | None = None,
) -> ValueError:
    """The error to raise.

    Parameters
    ----------
    scales : array (m,)
        g = (f - c) / scale.
    direction : array (m,)
        d with d . g(x) < 0 for every state x.
    highest : float
        The greatest d . g(x).
    values, bounded
        g of every state, and where E[g_j] <= 0 is all that is asked; where they can be listed.
    """
    if values is not None and bounded is not None and values.size <= MOST_ENTRIES:
        for j in reversed(range(len(demands))):
            ends = _range_given_others(values, bounded, j)
            if ends is not None:
                low, high = sorted(demands[j].value + scales[j] * end for end in ends)
                return ValueError(
                    f"no distribution meets all constraints: {demands[j].name!r} asks for an "
                    f"expected value of {_asked(demands[j])}, but with the others it lies "
                    f"between {low:.10g} and {high:.10g}"
                )
    weights = direction / scales
    weights = np.where(np.abs(weights) > 1e-9 * np.abs(weights).max(), weights, 0.0)
    unit = float(np.abs(weights).max())
    weights, gap = weights / unit, highest / unit
    (told,) = np.nonzero(weights)
    if len(told) == 1:
        demand, sign = demands[told[0]], float(weights[told[0]])
        end = "most" if sign > 0 else "least"
        return ValueError(
            f"no distribution meets constraint {demand.name!r}: it asks for an expected value of "
            f"{_asked(demand)}, but its function is at {end} {demand.value + sign * gap:.10g} in "
            "every state"
        )
    asked = math.fsum(w * d.value for w, d in zip(weights.tolist(), demands, strict=True))
    return ValueError(
        f"no distribution meets all constraints: together they ask for an expected value of at "
        f"least {asked:.10g} of {_sum(weights, demands)}, but that is at most {asked + gap:.10g} "
        "in every state"
    )


def within(demand: Demand, low: float, high: float, *, left: bool) -> ValueError:
    """The error where one function can't be what is asked for, being between low and high.

    ``left`` says that other constraints have ruled states out before.
    """
    between = f"lies between {low:.10g} and {high:.10g}" if high > low else f"is always {low:.10g}"
    where = " in the states that the other constraints leave" if left else ""
    return ValueError(
        f"no distribution meets constraint {demand.name!r}: it asks for an expected value of "
        f"{_asked(demand)}, but its function {between}{where}"
    )


def no_state_left(held: Sequence[Demand]) -> ValueError:
    """The error where constraints that hold functions at ends of their ranges leave no state."""
    return ValueError(
        f"no distribution meets all constraints: {listed([d.name for d in held])} each hold a "
        "function at an end of its range, and there is no state that is there for all of them"
    )


def _range_given_others(
    values: FloatArray, bounded: BoolArray, j: int
) -> tuple[float, float] | None:
    """Least and greatest E[g_j] under the other constraints; None if those can't be met."""
    others = np.arange(values.shape[1]) != j
    equal, at_most = others & ~bounded, others & bounded
    n = len(values)
    ends = []
    for sign in (1.0, -1.0):
        found = linprog(
            sign * values[:, j],
            A_eq=np.vstack([np.ones(n), values[:, equal].T]),
            b_eq=np.concatenate([[1.0], np.zeros(int(equal.sum()))]),
            A_ub=values[:, at_most].T if at_most.any() else None,
            b_ub=np.zeros(int(at_most.sum())) if at_most.any() else None,
            bounds=(0.0, None),
            method="highs",
        )
        if not found.success or found.fun is None:
            return None
        ends.append(sign * float(found.fun))
    return ends[0], ends[1]


def _sum(weights: FloatArray, demands: Sequence[Demand]) -> str:
    """A combination of functions in words, the greatest weights first."""
    order = np.argsort(-np.abs(weights))[:_SHOWN].tolist()
    parts = [f"{weights[j]:+.4g} * {demands[j].name!r}" for j in order if weights[j]]
    more = int((weights != 0).sum()) - len(parts)
    return " ".join(parts).removeprefix("+") + (f" ... ({more} more)" if more > 0 else "")


def _asked(demand: Demand) -> str:
    words = {"=": "", "<=": "at most ", ">=": "at least "}[demand.relation]
    return f"{words}{demand.value:.10g}"
