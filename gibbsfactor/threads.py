"""Threads: how many there may be, and keeping the linear algebra library to one of its own."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any, Self

from threadpoolctl import ThreadpoolController


def usable_processors() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=2)
def _libraries(scipy_is_loaded: bool) -> ThreadpoolController:
    """The libraries loaded so far; to look for them takes a hundred times as long as to set them.

    scipy brings a BLAS of its own.
    """
    return ThreadpoolController()


def _hold() -> Any:
    return _libraries("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")


class _Limit:
    """The first one in sets the limit, the last one out lifts it.

    Both are done by one thread of the limit's own, since the limit belongs to who has set it,
    and the first one in need not be the last one out.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """As new: also in a process that was forked, where no thread but the forking one lives."""
        self.lock = threading.Lock()
        self.keeper = ThreadPoolExecutor(1)  # starts its thread when first used
        self.holders = 0

    def enter(self) -> None:
        with self.lock:
            if self.holders == 0:
                self.limits = self.keeper.submit(_hold).result()
            self.holders += 1

    def leave(self) -> None:
        with self.lock:
            self.holders -= 1
            if self.holders == 0:
                self.keeper.submit(self.limits.restore_original_limits).result()


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_limit.start)


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


class OwnThreads:
    """Something that works on threads of its own; a context manager.

    Inside it the threads exist and the linear algebra library is held to one thread.

    Parameters
    ----------
    n_threads : by default as many as there are processors to run on
    """

    def __init__(self, n_threads: int | None = None) -> None:
        self.n_threads = n_threads or usable_processors()

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._stack.enter_context(one_blas_thread())
        self._pool = self._stack.enter_context(ThreadPoolExecutor(self.n_threads))
        return self

    def __exit__(self, *how: object) -> None:
        self._stack.close()
