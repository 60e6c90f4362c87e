"""The derivative of a function of a parameter by the complex step, and a check that it is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

STEP = 1e-20  # of the complex step, relative to the parameter: nothing is subtracted
REAL_STEP = 6e-6  # of the central difference it is checked with: the cube root of 2**-52
SLACK = 1e-4  # by which the two may differ, relative to the greatest slope, or energy / parameter


def slope(
    function: Callable[..., Any],
    names: Sequence[str],
    at: Mapping[str, float],
    parameter: str,
    energies: FloatArray,
    scope: Sequence[str],
) -> FloatArray:
    """d function / d parameter = Im f(theta + i h) / h, free of cancellation, h being tiny.

    It holds for functions that are analytic at theta. What is not (an absolute value, a real
    part) is found out by a central difference, which need agree to four digits only.

    Parameters
    ----------
    function : its arguments are ``names``, in order
    at : their values
    energies : what it gives there; where that is infinite, the slope is 0
    scope : what to call it in errors

    Raises
    ------
    ValueError
        If the function can't be computed at a complex number, or isn't analytic there.

    Notes
    -----
    Source: Squire & Trapp (1998), Using complex variables to estimate derivatives of real
    functions.
    """
    value = at[parameter]
    size = abs(value) or 1.0

    def shifted(by: complex) -> Any:
        return function(*(at[name] + by if name == parameter else at[name] for name in names))

    try:
        stepped = np.asarray(shifted(1j * STEP * size), dtype=np.complex128)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(
            f"the energies over {tuple(scope)} can't be computed at a complex {parameter} "
            f"({type(error).__name__}: {error}), so their derivative isn't known; compute them "
            "with numpy (np.exp, not math.exp), or give derivative="
        ) from None
    possible = np.isfinite(energies)
    found = np.where(possible, stepped.imag / (STEP * size), 0.0)
    d = REAL_STEP * size
    with np.errstate(all="ignore"):
        ends = [np.asarray(shifted(by), dtype=np.float64) for by in (d, -d)]
        central = np.where(possible, (ends[0] - ends[1]) / (2 * d), 0.0)
    allowed = max(float(np.abs(central).max(initial=0.0)), 1e-5 * _largest(energies) / size)
    off = np.abs(found - central) > SLACK * allowed
    if not np.isfinite(found).all() or off.any() or np.isnan(central).any():
        where = tuple(np.argwhere(off | ~np.isfinite(found) | np.isnan(central))[0])
        raise ValueError(
            f"the energies over {tuple(scope)} are no analytic function of {parameter} at {value}: "
            f"their derivative is {found[where]:.6g} by the complex step and {central[where]:.6g} "
            "by a difference; avoid abs, comparisons and real parts of the parameter, or give "
            "derivative="
        )
    return np.asarray(found)


def _largest(energies: FloatArray) -> float:
    return float(np.abs(energies[np.isfinite(energies)]).max(initial=0.0))
