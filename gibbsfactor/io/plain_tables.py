"""Tables for formats and libraries that know only weights that a float holds."""

from __future__ import annotations

import math

import numpy as np

from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.tables import SMALLEST_NORMAL, FloatArray, described, first_of


def plain_values(factor: Factor, where: str) -> FloatArray:
    """The weights themselves.

    Raises
    ------
    ValueError
        If the factor is held in logs and has a weight that overflows, or would lose digits.
    """
    if not factor.is_log:
        return factor.values
    values, logs = factor.values, factor.log_values
    bad = ~(np.isfinite(values) & ((values >= SMALLEST_NORMAL) | (logs == -math.inf)))
    if bad.any():
        at = first_of(bad)
        raise ValueError(
            f"factor over {factor.names} is held in logs and has the log weight {logs[at]} at "
            f"{described(factor.scope, at)}, beyond what {where} can hold (weights from 1e-308 to "
            "1e308); subtract a constant from its logs, which changes log Z by as much"
        )
    return values


def merged_factors(p: GibbsDistribution) -> list[Factor]:
    """Factors with the same product as those of p, evidence applied, each over other variables.

    Every variable has one at least; constants are multiplied into the first.
    """
    merged: dict[frozenset[str], Factor] = {}
    constant = Factor((), 1.0)
    for factor in p.reduced_factors:
        key = frozenset(factor.names)
        if not key:
            constant = constant * factor
        elif key in merged:
            merged[key] = merged[key] * factor
        else:
            merged[key] = factor
    held = frozenset().union(*merged)
    factors = [*merged.values()]
    factors += [Factor(v, np.ones(v.cardinality)) for v in p.variables if v.name not in held]
    if factors and (constant.is_log or float(constant) != 1):
        factors[0] = factors[0] * constant
    return factors
