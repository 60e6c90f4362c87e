"""The parameters of a log-linear model, checked before anything is done with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

OBJECTIVES = ("likelihood", "pseudo-likelihood")
SOLVERS = ("lbfgs", "scaling")


def check_parameters(model: Any) -> None:
    """Raise ValueError for the first parameter that makes no sense."""
    for name, choices in (("objective", OBJECTIVES), ("solver", SOLVERS)):
        value = getattr(model, name)
        if value not in choices:
            listed = ", ".join(map(repr, choices))
            raise ValueError(f"{name} is {value!r}; it must be one of {listed}")
    for name in ("c1", "c2", "tol"):
        value = getattr(model, name)
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not (number and 0 <= value < math.inf):
            raise ValueError(f"{name} is {value!r}; it must be a finite number of at least 0")
    for name, least in (("max_iterations", 1), ("random_state", 0)):
        value = getattr(model, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} is {value!r}; it must be a whole number from {least}")
    if model.solver == "scaling" and (model.c1 or model.objective != "likelihood"):
        raise ValueError(
            "solver='scaling' maximises the likelihood without a penalty; give c1=0 and "
            "objective='likelihood', or solver='lbfgs'"
        )
    if model.progress not in (True, False, "always"):
        raise ValueError(f"progress is {model.progress!r}; it must be True, False or 'always'")
