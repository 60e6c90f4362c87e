"""Exact samples of labellings: sums forward in logs, then a draw at each position backward.

Source: Scott (2002), Bayesian methods for hidden Markov models, section 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import compiled
from gibbsfactor.exact.chain.log_sweeps import log_forward
from gibbsfactor.exact.chain.scores import ChainScores


def sample(scores: ChainScores, n: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """n labellings of every sequence, drawn from P(y | x): (n, M) int32, packed.

    A sequence without any possible labelling gets -1 throughout.
    """
    packing = scores.packing
    labels = np.full((n, packing.n_positions), -1, np.int32)
    draws = rng.random((n, packing.n_positions))
    fixed = (scores.nodes, scores.steps, scores.which, scores.after)
    _sample(*packing.place, packing.lengths, *fixed, draws, labels)
    return labels


@compiled
def _sample(
    order: Any,
    groups: Any,
    times: Any,
    offsets: Any,
    lengths: Any,
    nodes: Any,
    steps: Any,
    which: Any,
    after: Any,
    draws: Any,
    labels: Any,
) -> None:
    n_states, n_labels = steps.shape[1], steps.shape[2]
    logs = np.empty(n_states)
    for g in range(len(groups) - 1):
        for place in range(groups[g], groups[g + 1]):
            length = lengths[order[place]]
            if not length:
                continue
            rows = offsets[times[g] : times[g] + length] + (place - groups[g])
            alpha = np.empty((length, n_states))
            log_forward(rows, nodes, steps, which, after, alpha)
            for number in range(len(draws)):
                state = -1
                for t in range(length - 1, -1, -1):
                    for s in range(n_states):
                        logs[s] = alpha[t, s]
                        if t + 1 < length:
                            k = state % n_labels
                            step = steps[which[rows[t + 1]], s, k]
                            logs[s] = logs[s] + step if after[s] == state - k else -math.inf
                    state = draw(logs, draws[number, rows[t]])
                    if state < 0:
                        break
                    labels[number, rows[t]] = state % n_labels


@compiled
def draw(logs: Any, u: Any) -> Any:
    """The position at which the share u of the sum of exp is reached; -1 if all are -inf."""
    peak = -math.inf
    for v in logs:
        peak = max(peak, v)
    if peak == -math.inf:
        return -1
    total = 0.0
    for v in logs:
        total += math.exp(v - peak)
    reach, chosen = u * total, -1
    for s in range(len(logs)):
        if logs[s] > -math.inf:
            chosen = s
            reach -= math.exp(logs[s] - peak)
            if reach < 0.0:
                break
    return chosen
