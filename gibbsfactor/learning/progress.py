"""A progress bar that shows itself only when the work takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from gibbsfactor.learning.lbfgs import Progress

_QUIET_SECONDS = 2.0  # work that ends sooner shows no bar


@contextmanager
def progress_bar(
    enabled: bool | Literal["always"], description: str
) -> Iterator[Callable[[Progress], None] | None]:
    """Show on stderr the iteration, loss, gradient norm and time of a minimisation.

    How many iterations it will take nobody knows, so there is a count and no share done.

    Parameters
    ----------
    enabled : bool or "always"
        True shows a bar once the work has taken two seconds, "always" from the start. False
        switches everything off: the context gives None, which `minimize` takes as "no progress
        wanted", and tqdm isn't even imported.
    description : str
        What is being trained, shown before the bar.

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
    import sys

    from tqdm.auto import tqdm

    with tqdm(
        desc=description,
        unit=" iterations",
        delay=0.0 if enabled == "always" else _QUIET_SECONDS,
        file=sys.stderr,
        leave=True,
    ) as bar:

        def show(progress: Progress) -> None:
            bar.set_postfix_str(
                f"loss {progress.loss:.6g}, gradient {progress.gradient_norm:.2g}, "
                f"{progress.seconds:.1f} s",
                refresh=False,
            )
            bar.update(progress.iteration - bar.n)

        yield show
