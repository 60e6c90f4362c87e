"""What an optimiser reports: progress on the way, and the minimum it found."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Loss and gradient at a point. The gradient may be float32.
Objective = Callable[[FloatArray], tuple[float, npt.NDArray[np.floating]]]


def _none() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True)
class Progress:
    """Where training stands after an iteration, or after a pass over the data.

    Attributes
    ----------
    iteration : int
        Counted from one.
    loss : float
        With all penalties.
    gradient_norm : float
        Largest absolute component of the gradient (of the pseudo-gradient under an L1 penalty), by
        the coordinates that the search is done in; NaN where a trainer never has the whole of it.
    seconds : float
        Time since the start.
    evaluations : int
        Evaluations of the objective so far.
    weights : ndarray, read-only
        The weights now, not a copy: what they are after the call is up to the trainer. Empty
        where a trainer has no one vector of them.
    seconds_left : float
        An estimate, from how the gains of the last iterations shrink; NaN where nobody knows.
    seconds_at_most : float
        Until the limit on iterations is reached at the pace so far; NaN where there is none.
    held_out : float
        Score or loss on held-out data, where someone measures it; else NaN.
    """

    iteration: int
    loss: float
    gradient_norm: float
    seconds: float
    evaluations: int
    weights: FloatArray = field(default_factory=_none, repr=False, compare=False)
    seconds_left: float = math.nan
    seconds_at_most: float = math.nan
    held_out: float = math.nan


Watcher = Callable[[Progress], object]
"""Called after every iteration; may raise StopIteration to end training there."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """The best point found, and how the search for it ended.

    Attributes
    ----------
    weights : ndarray of float64, read-only
        The point of the lowest loss among all that were evaluated.
    loss : float
    gradient_norm : float
        Largest absolute component of the gradient at ``weights``, by the coordinates that the
        search was done in.
    iterations, evaluations : int
    converged : bool
        Whether one of the two tolerances was met, or rounding allows no better.
    interrupted : bool
        Whether Ctrl-C ended the search.
    message : str
        Why the search ended, in words.
    """

    weights: FloatArray
    loss: float
    gradient_norm: float
    iterations: int
    evaluations: int
    converged: bool
    interrupted: bool
    message: str


def largest(array: npt.NDArray[np.floating]) -> float:
    """Largest absolute component, 0 of none, NaN if one is; without a copy."""
    return max(float(array.max(initial=0.0)), -float(array.min(initial=0.0)))


def in_turn(*watchers: Watcher | None) -> Watcher:
    """One watcher out of several, called in the order given.

    A watcher that returns a `Progress` replaces the record for those after it: put the one that
    measures a held-out score before the bar that shows it. When one raises StopIteration the
    others still see the record (the one that came with the exception, if one did) before it
    goes on.

    Examples
    --------
    >>> seen = in_turn(lambda p: print("loss", p.loss), None, lambda p: print("at", p.iteration))
    >>> seen(Progress(1, 0.5, 0.1, 0.0, 2))
    loss 0.5
    at 1
    """
    given = [watcher for watcher in watchers if watcher is not None]

    def watch(progress: Progress) -> None:
        stopped: StopIteration | None = None
        for watcher in given:
            try:
                answer = watcher(progress)
            except StopIteration as stop:
                stopped, answer = stop, stop.value
            if isinstance(answer, Progress):
                progress = answer
        if stopped is not None:
            raise stopped

    return watch
