"""A semi-Markov chain as a Gibbs distribution over one variable a position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gibbsfactor.exact.chain.segments import SegmentScores
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.variable import Variable


def segment_distribution(scores: SegmentScores, classes: Sequence[Any]) -> GibbsDistribution:
    """The distribution over segmentations of the one sequence that the scores are of.

    Position t has a variable y_t with the states (label, k): the k-th token of a segment with that
    label, k = 1 .. the most it may have. Between neighbours is a factor

        (l, k) -> (l, k + 1)    1, the segment goes on
        (l, k) -> (m, 1)        exp( score(t - k, t, l) + v[l, m] ), it ends before t

    and 0 elsewhere; the first position has k = 1, and the segment of the last one ends there.
    """
    candidates = scores.candidates
    label = np.repeat(np.arange(len(classes)), candidates.longest)
    number = np.concatenate([np.arange(1, n + 1) for n in candidates.longest.tolist()])
    states = [(classes[i], k) for i, k in zip(label.tolist(), number.tolist(), strict=True)]
    length = candidates.n_tokens
    variables = [Variable(f"y{t}", states) for t in range(length)]

    def ending(t: int) -> Any:
        """(S,) the score of the segment that ends before t, by the state of position t - 1."""
        found = np.full(len(states), -np.inf)
        fits = number <= t
        rows = candidates.offsets[t - number[fits]] + number[fits] - 1
        found[fits] = scores.scores[rows, label[fits]]
        return found

    goes_on = (label[:, None] == label) & (number[:, None] + 1 == number)
    begins = number == 1
    factors = []
    if length:
        start = np.where(begins, 0.0, -np.inf)
        factors = [Factor.from_log(variables[0], start)]
        factors.append(Factor.from_log(variables[-1], ending(length)))
    for t in range(1, length):
        after = ending(t)[:, None] + np.where(begins, scores.steps[label][:, label], -np.inf)
        table = np.where(goes_on, 0.0, after)
        factors.append(Factor.from_log(variables[t - 1 : t + 1], table))
    return GibbsDistribution(factors, variables)
