"""The Gibbs distribution over the labels of one chain, for the general engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gibbsfactor.exact.chain import ChainScores
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.variable import Variable


def gibbs_of(scores: ChainScores, classes: Sequence[Any]) -> GibbsDistribution:
    """A variable ``y0``, ``y1``, ... and a factor for each position, and a factor for each step.

    A factor of a step is over the label and the one before, in second order the two before.
    """
    n = len(classes)
    labels = [Variable(f"y{t}", classes) for t in range(scores.packing.n_positions)]
    factors = [Factor.from_log(v, scores.nodes[t]) for t, v in enumerate(labels)]
    for t in range(1, len(labels)):
        steps = scores.steps[scores.which[t]].reshape(-1, n, n)
        last = labels[max(t - 2, 0) : t + 1] if len(steps) > 1 else labels[t - 1 : t + 1]
        factors.append(Factor.from_log(last, steps[:n] if len(last) == 3 else steps[-1]))
    return GibbsDistribution(factors, labels)
