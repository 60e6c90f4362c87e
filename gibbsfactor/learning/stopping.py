"""When to stop: the loss has settled, or the held-out score has stopped improving."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from gibbsfactor.learning.minimum import FloatArray, Progress

_TREND = 10  # gains that a forecast looks back on


@dataclass
class Settling:
    """Whether the last iterations together lowered the loss by hardly anything.

    Settled when f_{k-period} - f_k <= tolerance |f_{k-period}|.

    Parameters
    ----------
    tolerance : float
        Share of the loss. Zero leaves only "not lowered at all".
    period : int
        At least one. A long one doesn't take a single poor step for the end.

    Examples
    --------
    >>> settling = Settling(tolerance=0.01, period=2)
    >>> [settling.add(loss) for loss in (100.0, 50.0, 49.9, 49.8)]
    [False, False, False, True]
    """

    tolerance: float
    period: int = 1
    losses: deque[float] = field(default_factory=deque, repr=False)
    shares: deque[float] = field(default_factory=lambda: deque(maxlen=_TREND), repr=False)

    def add(self, loss: float) -> bool:
        """Take in the loss at the start, or after an iteration; whether it has settled."""
        self.losses.append(loss)
        if len(self.losses) <= self.period:
            return False
        before = self.losses.popleft()
        self.shares.append((before - loss) / abs(before) if before else 0.0)
        return before - loss <= self.tolerance * abs(before)

    def iterations_left(self) -> float:
        """A forecast: gains shrink geometrically, as they did lately. NaN if they did not."""
        if len(self.shares) < _TREND or self.tolerance <= 0 or min(self.shares) <= 0:
            return math.nan
        gains = np.log(self.shares)
        slope, level = np.polyfit(np.arange(1 - _TREND, 1), gains, 1)
        if slope >= 0:
            return math.nan
        return max(float((math.log(self.tolerance) - level) / slope), 0.0)


class BestOnDev:
    """Keeps the weights that do best on held-out data, and stops when they get no better.

    Called with the `Progress` of each iteration, like any progress callable.

    Parameters
    ----------
    score : callable
        Weights, read-only, to a number.
    patience : int
        Stop after so many measurements in a row without gain.
    higher_is_better : bool
        True for a score such as F1, False for a loss.
    every : int
        Measure after every so many iterations.
    least_gain : float
        What counts as a gain must be more than this.

    Attributes
    ----------
    weights : ndarray or None
        A copy of the best weights so far; None before the first measurement.
    value : float
        Their score; NaN before the first measurement.
    iteration : int
        When they were met; 0 before.
    history : list of (iteration, score)
    stopped : bool
        Whether patience has run out.

    Raises
    ------
    StopIteration
        From the call, when patience has run out. It carries the record with the last score.
    ValueError
        If an argument is out of range, or a score is NaN.

    Examples
    --------
    >>> best = BestOnDev(lambda w: float(-abs(w[0] - 2)), patience=2)
    >>> for step in range(1, 9):
    ...     try:
    ...         _ = best(Progress(step, 0.0, 0.0, 0.0, step, np.array([float(step)])))
    ...     except StopIteration:
    ...         break
    >>> step, best.iteration, best.weights
    (4, 2, array([2.]))
    """

    def __init__(
        self,
        score: Callable[[FloatArray], float],
        patience: int = 10,
        *,
        higher_is_better: bool = True,
        every: int = 1,
        least_gain: float = 0.0,
    ) -> None:
        for name, count in (("patience", patience), ("every", every)):
            if count < 1:
                raise ValueError(f"{name} is {count}; it must be at least 1")
        if not 0 <= least_gain < math.inf:
            raise ValueError(f"least_gain is {least_gain}; it must be a finite number from 0")
        self.score = score
        self.patience = patience
        self.higher_is_better = higher_is_better
        self.every = every
        self.least_gain = least_gain
        self.weights: FloatArray | None = None
        self.value = math.nan
        self.iteration = 0
        self.history: list[tuple[int, float]] = []
        self.stopped = False
        self._without_gain = 0

    def __call__(self, progress: Progress) -> Progress:
        """Measure, if it is time to; the record with the latest score."""
        if progress.iteration % self.every == 0:
            self._measure(progress)
        if self.history:
            progress = replace(progress, held_out=self.history[-1][1])
        if self._without_gain >= self.patience:
            self.stopped = True
            raise StopIteration(progress)
        return progress

    def _measure(self, progress: Progress) -> None:
        value = float(self.score(progress.weights))
        if math.isnan(value):
            raise ValueError(
                f"the held-out score is NaN after iteration {progress.iteration}; "
                "it must be a number that can be compared"
            )
        self.history.append((progress.iteration, value))
        gain = value - self.value if self.higher_is_better else self.value - value
        if self.weights is None or gain > self.least_gain:
            self.weights = np.array(progress.weights)
            self.value, self.iteration, self._without_gain = value, progress.iteration, 0
        else:
            self._without_gain += 1
