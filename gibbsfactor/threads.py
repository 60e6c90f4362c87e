"""Threads: how many there may be, and keeping the linear algebra library to one of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


def usable_processors() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Limit:
    """The first one in sets the limit, the last one out lifts it.

    Both are done by one thread of the limit's own, since the limit belongs to who has set it,
    and the first one in need not be the last one out.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0

    def enter(self) -> None:
        with self.lock:
            if self.holders == 0:
                self.keeper = ThreadPoolExecutor(1)
                self.limits = self.keeper.submit(threadpool_limits, 1, "blas").result()
            self.holders += 1

    def leave(self) -> None:
        with self.lock:
            self.holders -= 1
            if self.holders == 0:
                self.keeper.submit(self.limits.restore_original_limits).result()
                self.keeper.shutdown()


_limit = _Limit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: many small products only wait for each other on several.

    Several threads may be inside at a time; when the last leaves, what held before holds again.
    """
    _limit.enter()
    try:
        yield
    finally:
        _limit.leave()
