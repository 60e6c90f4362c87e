"""Linear programs, which layers are found by."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linprog

from gibbsfactor.drawing.force import Array


def minimum(cost: Array, table: Any, limits: Array) -> Array:
    """The x >= 0 of least cost @ x such that table @ x <= limits; a vertex of the optimum."""
    solve: Any = linprog  # its stubs know no sparse table
    found = solve(cost, A_ub=table.tocsr(), b_ub=limits, bounds=(0, None), method="highs-ds")
    return np.asarray(found.x, dtype=np.float64)
