"""Loops compiled to machine code by numba, when first called, and kept on disk.

Only what has to go step by step is compiled: the recursions along chains and the trainers that
move after every sequence. They run without Python's lock, so that threads work side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Function = TypeVar("Function", bound=Callable[..., Any])


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A contiguous view that can't be written to.

    Arrays that can be and those that can't are two types to a compiled function, and it is
    compiled for each. What it only reads is given to it like this.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def compiled(function: Function) -> Function:
    """Compile a function whose sums are to be taken in the order written."""
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def compiled_sums(function: Function) -> Function:
    """Compile a function whose sums may be taken in any order, several terms at a time.

    Infinities and NaN keep their meaning.
    """
    flags = {"reassoc", "contract", "arcp", "nsz"}
    jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=flags)
    return cast(Function, jit(function))
