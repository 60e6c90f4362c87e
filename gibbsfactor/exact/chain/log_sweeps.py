"""The sums over all labellings in logs: right whatever the scores, and slower."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gibbsfactor.compiled import compiled
from gibbsfactor.exact.chain.scores import ChainScores, FloatArray


def log_forward_backward(
    scores: ChainScores,
    picked: Any,
    weights: FloatArray,
    marginals: FloatArray,
    taken: FloatArray,
    log_z: FloatArray,
) -> None:
    """Set log Z and the marginals of the picked sequences (N,) and add to their steps taken."""
    fixed = (scores.nodes, scores.steps, scores.which, scores.after)
    sweep(
        *scores.packing.place,
        scores.packing.lengths,
        picked,
        *fixed,
        weights,
        marginals,
        taken,
        log_z,
    )


@compiled
def log_sum(values: Any) -> Any:
    """log sum exp of a vector."""
    peak = -math.inf
    for v in values:
        peak = max(peak, v)
    if peak == -math.inf:
        return peak
    total = 0.0
    for v in values:
        total += math.exp(v - peak)
    return peak + math.log(total)


@compiled
def to_peak(values: Any) -> Any:
    """Shift a vector, in place, to a maximum of 0; gives what it was."""
    peak = -math.inf
    for v in values:
        peak = max(peak, v)
    if peak > -math.inf:
        for s in range(len(values)):
            values[s] -= peak
    return peak


@compiled
def log_forward(rows: Any, nodes: Any, steps: Any, which: Any, after: Any, alpha: Any) -> Any:
    """Forward messages (T, S) in logs of the sequence in these rows, and log Z.

    Those of each position have a maximum of 0: they round as the scores of one position do, not
    as the sums over a long chain.
    """
    n_states, n_labels = steps.shape[1], steps.shape[2]
    peak, total = np.empty(n_states), np.empty(n_states)
    alpha[:] = -math.inf
    for k in range(n_labels):
        alpha[0, n_states - n_labels + k] = nodes[rows[0], k]
    height = to_peak(alpha[0])
    for t in range(1, len(rows)):
        if height == -math.inf:
            return height
        step = steps[which[rows[t]]]
        peak[:] = -math.inf
        for s in range(n_states):
            for k in range(n_labels):
                peak[after[s] + k] = max(peak[after[s] + k], alpha[t - 1, s] + step[s, k])
        total[:] = 0.0
        for s in range(n_states):
            for k in range(n_labels):
                v = alpha[t - 1, s] + step[s, k]
                if v > -math.inf:
                    total[after[s] + k] += math.exp(v - peak[after[s] + k])
        for s in range(n_states):
            if total[s] > 0.0:
                alpha[t, s] = peak[s] + math.log(total[s]) + nodes[rows[t], s % n_labels]
        height += to_peak(alpha[t])
    return height + log_sum(alpha[len(rows) - 1])


@compiled
def sweep(
    order: Any,
    groups: Any,
    times: Any,
    offsets: Any,
    lengths: Any,
    picked: Any,
    nodes: Any,
    steps: Any,
    which: Any,
    after: Any,
    weights: Any,
    marginals: Any,
    taken: Any,
    log_z: Any,
) -> None:
    """Both sweeps over the picked sequences."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    ahead, here = np.empty((n_states, n_labels)), np.empty(n_states)
    for g in range(len(groups) - 1):
        for place in range(groups[g], groups[g + 1]):
            sequence = order[place]
            if not picked[sequence] or not lengths[sequence]:
                continue
            length, weight = lengths[sequence], weights[sequence]
            rows = offsets[times[g] : times[g] + length] + (place - groups[g])
            alpha, beta = np.empty((length, n_states)), np.zeros(n_states)
            log_z[sequence] = log_forward(rows, nodes, steps, which, after, alpha)
            for t in range(length):
                marginals[rows[t]] = 0.0
            if log_z[sequence] == -math.inf:
                continue
            for t in range(length - 1, -1, -1):
                if t + 1 < length:
                    look_ahead(rows[t + 1], nodes, steps, which, after, beta, ahead)
                    for s in range(n_states):
                        beta[s] = log_sum(ahead[s])
                        here[s] = alpha[t, s] + beta[s]
                    total = log_sum(here)
                    for s in range(n_states):
                        if here[s] > -math.inf:
                            for k in range(n_labels):
                                share = math.exp(alpha[t, s] + ahead[s, k] - total)
                                taken[which[rows[t + 1]], s, k] += weight * share
                    to_peak(beta)
                for s in range(n_states):
                    here[s] = alpha[t, s] + beta[s]
                total = log_sum(here)
                for s in range(n_states):
                    marginals[rows[t], s % n_labels] += weight * math.exp(here[s] - total)


@compiled
def look_ahead(
    later: Any, nodes: Any, steps: Any, which: Any, after: Any, beta: Any, ahead: Any
) -> None:
    """Set the log scores (S, L) of a step to the later row and all behind it."""
    for s in range(ahead.shape[0]):
        for k in range(ahead.shape[1]):
            behind = nodes[later, k] + beta[after[s] + k]
            ahead[s, k] = steps[which[later], s, k] + behind
