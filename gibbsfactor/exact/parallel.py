"""Large steps split between threads; BLAS is held to one thread meanwhile, so that none wait.

numpy lets go of the interpreter's lock inside a product, so that parts of one product, each along
an axis that is not summed, run side by side. Small steps are not worth the hand-over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

from gibbsfactor.threads import one_blas_thread, usable_processors

LEFT_ALONE = 9000  # multiplications of a matrix product that BLAS does in one thread anyway
WORTH_SECONDS = 0.02  # estimated run time of a plan for which threads are started
WORTH_PRODUCTS = 2**20  # multiplications of a step that is split

_pool: ContextVar[tuple[ThreadPoolExecutor, int] | None] = ContextVar("_pool", default=None)


@contextmanager
def sharing_work(seconds: float, largest_matrix: int) -> Iterator[None]:
    """Within it, large steps are split between threads if the work is estimated to take long.

    ``largest_matrix`` is how many multiplications the largest matrix product takes.
    """
    threads = usable_processors()
    small = seconds < WORTH_SECONDS and largest_matrix < LEFT_ALONE
    if small or threads == 1 or _pool.get() is not None:
        yield
        return
    if seconds < WORTH_SECONDS:
        with one_blas_thread():
            yield
        return
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        token = _pool.set((pool, threads))
        try:
            yield
        finally:
            _pool.reset(token)


def in_parts(products: float, length: int, work: Callable[[slice], None]) -> None:
    """``work`` on all of an axis of some length, in parts side by side where that pays."""
    sharing = _pool.get() if products >= WORTH_PRODUCTS else None
    if sharing is None or length < sharing[1]:
        work(slice(0, length))
        return
    pool, threads = sharing
    ends = [length * i // threads for i in range(threads + 1)]
    for _ in pool.map(work, map(slice, ends[:-1], ends[1:])):
        pass
