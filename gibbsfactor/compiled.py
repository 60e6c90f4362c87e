"""Loops compiled to machine code by numba, when first called, and kept on disk.

Only what has to go step by step is compiled: the recursions along chains and the trainers that
move after every sequence. They run without Python's lock, so that threads work side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
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
    return cast(Function, _kept(numba.njit(nogil=True, error_model="numpy")(function)))


def compiled_sums(function: Function) -> Function:
    """Compile a function whose sums may be taken in any order, several terms at a time.

    Infinities and NaN keep their meaning.
    """
    flags = {"reassoc", "contract", "arcp", "nsz"}
    jit = numba.njit(nogil=True, error_model="numpy", fastmath=flags)
    return cast(Function, _kept(jit(function)))


def _kept(dispatcher: Any) -> Any:
    """The same, with what is compiled kept on disk until any of the sources changes.

    Numba itself looks only at the file that a function is in, and would go on with old code of the
    functions that it calls. Where there is no folder to write to, neither the package's own nor the
    user's, each process compiles for itself.
    """
    try:
        dispatcher.enable_caching()
    except RuntimeError:  # "cannot cache function ...: no locator available"
        return dispatcher
    index = dispatcher._cache._cache_file
    index._source_stamp = (index._source_stamp, _sources())
    return dispatcher


@lru_cache(maxsize=1)
def _sources() -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every file that may hold a compiled function."""
    folder = Path(__file__).parent
    files = [Path(__file__), *folder.glob("exact/chain/*.py"), *folder.glob("learning/chain/*.py")]
    found = ((path.name, path.stat()) for path in sorted(files))
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in found)
