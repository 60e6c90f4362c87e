"""A progress bar that shows itself only when the work takes long."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from gibbsfactor.learning.minimum import Progress

_QUIET_SECONDS = 2.0  # work that ends sooner shows no bar


@contextmanager
def progress_bar(
    enabled: bool | Literal["always"],
    description: str,
    *,
    tokens: int | None = None,
    held_out: str = "dev F1",
) -> Iterator[Callable[[Progress], None] | None]:
    """Show on stderr how training goes: loss, gradient norm, dev score, speed, time, time left.

    How many iterations it will take nobody knows, so there is a count and no share done. The time
    left is a forecast ("about") where the gains of the last iterations shrink steadily towards
    the tolerance, and else what the limit on iterations allows ("at most").

    Parameters
    ----------
    enabled : bool or "always"
        True shows a bar once the work has taken two seconds, "always" from the start. False
        switches everything off: the context gives None, which `minimize` takes as "no progress
        wanted", and tqdm isn't even imported.
    description : str
        What is being trained, shown before the bar.
    tokens : int, optional
        How many an evaluation of the objective reads; with it, tokens a second are shown.
    held_out : str
        What to call the held-out score.

    Yields
    ------
    callable or None
        To be called with a `Progress` after each iteration.

    Examples
    --------
    >>> with progress_bar(False, "softmax") as progress:
    ...     print(progress)
    None
    """
    if not enabled:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(
        desc=description,
        unit=" iterations",
        delay=0.0 if enabled == "always" else _QUIET_SECONDS,
        file=_Stderr(),
        leave=True,
    ) as bar:

        def show(progress: Progress) -> None:
            bar.set_postfix_str(progress_line(progress, tokens, held_out), refresh=False)
            bar.update(progress.iteration - bar.n)

        yield show


class _Stderr:
    """Standard error for a progress bar: errors of writing are ignored, so training goes on."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def progress_line(progress: Progress, tokens: int | None = None, held_out: str = "dev F1") -> str:
    """What is known of the training, in one line; parameters as for `progress_bar`.

    Examples
    --------
    >>> progress_line(Progress(20, 1234.5, 0.25, 4.0, 22, seconds_at_most=196.0), tokens=1_000_000)
    'loss 1234.5, gradient 0.25, 5.5 M tokens/s, 4.0 s, at most 3 min left'
    """
    parts = [f"loss {progress.loss:.6g}"]
    if not math.isnan(progress.gradient_norm):
        parts.append(f"gradient {progress.gradient_norm:.2g}")
    if not math.isnan(progress.held_out):
        parts.append(f"{held_out} {progress.held_out:.4f}")
    if tokens is not None and progress.seconds > 0:
        parts.append(f"{_count(tokens * progress.evaluations / progress.seconds)} tokens/s")
    parts.append(f"{progress.seconds:.1f} s")
    if not math.isnan(progress.seconds_left):
        parts.append(f"about {_duration(progress.seconds_left)} left")
    elif not math.isnan(progress.seconds_at_most):
        parts.append(f"at most {_duration(progress.seconds_at_most)} left")
    return ", ".join(parts)


def _count(number: float) -> str:
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def _duration(seconds: float) -> str:
    """In the largest unit that leaves two of it at least."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
