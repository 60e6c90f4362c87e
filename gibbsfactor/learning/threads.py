"""Threads: how many there may be, and keeping the linear algebra library to one of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits


def usable_processors() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Limit:
    """Who holds the library to one thread: the first one in sets it, the last one out lifts it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.limits: Any = None


_limit = _Limit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: many small products only wait for each other on several.

    May be entered by several threads at a time; what held before is restored when the last leaves.
    """
    with _limit.lock:
        if _limit.holders == 0:
            _limit.limits = threadpool_limits(limits=1, user_api="blas")
        _limit.holders += 1
    try:
        yield
    finally:
        with _limit.lock:
            _limit.holders -= 1
            if _limit.holders == 0:
                _limit.limits.restore_original_limits()
