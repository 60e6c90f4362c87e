"""A line on stderr that says, once it takes long, what is being done and for how long."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

QUIET_SECONDS = 2.0  # work that ends sooner shows nothing
BETWEEN_SECONDS = 1.0
_WIDTH = 78


@contextmanager
def waiting(what: str, estimate: str = "", *, enabled: bool = True) -> Iterator[None]:
    """While it lasts: ``what: 14 s so far, estimate``, on one line that goes away at the end.

    The work itself is not asked how far it is: the line runs on a thread of its own. Nothing is
    shown where stderr is not a terminal.
    """
    if not (enabled and sys.stderr.isatty()):
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_show, args=(done, what, estimate), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _show(done: threading.Event, what: str, estimate: str) -> None:
    began = perf_counter()
    if done.wait(QUIET_SECONDS):
        return
    while True:
        seconds = perf_counter() - began
        line = ", ".join(filter(None, [f"{what}: {seconds:.0f} s so far", estimate]))
        _print(line[:_WIDTH].ljust(_WIDTH))
        if done.wait(BETWEEN_SECONDS):
            _print(" " * _WIDTH + "\r")
            return


def _print(line: str) -> None:
    print("\r" + line, end="", file=sys.stderr, flush=True)
