"""What is known at each position from those up to it: normalised forward messages.

The sums are taken in logs, so that they are right whatever the scores: a state thousands of nats
behind may be the one that what comes later leaves.

Source: Rabiner (1989), equation 18; Koller & Friedman (2009), section 15.2.1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gibbsfactor.compiled import compiled
from gibbsfactor.exact.chain.log_sweeps import log_forward
from gibbsfactor.exact.chain.scores import ChainScores, FloatArray


def forward_messages(scores: ChainScores) -> tuple[FloatArray, FloatArray]:
    """log Z (N,), and the share of each label, summed over all labels before it and none behind.

    Returns
    -------
    log_partitions : (N,) 0 of an empty sequence, -inf where there is no labelling
    messages : (M, L) in packed order, rows that sum to 1; where a sequence has no labelling that
        gets so far, 0
    """
    packing = scores.packing
    log_z, messages = np.zeros(len(packing.lengths)), np.zeros_like(scores.nodes)
    fixed = (scores.nodes, scores.steps, scores.which, scores.after)
    _filter(*packing.place, packing.lengths, *fixed, log_z, messages)
    return log_z, messages


@compiled
def _filter(
    order: Any,
    groups: Any,
    times: Any,
    offsets: Any,
    lengths: Any,
    nodes: Any,
    steps: Any,
    which: Any,
    after: Any,
    log_z: Any,
    messages: Any,
) -> None:
    n_states, n_labels = steps.shape[1], steps.shape[2]
    for g in range(len(groups) - 1):
        for place in range(groups[g], groups[g + 1]):
            length = lengths[order[place]]
            if not length:
                continue
            rows = offsets[times[g] : times[g] + length] + (place - groups[g])
            alpha = np.empty((length, n_states))
            log_z[order[place]] = log_forward(rows, nodes, steps, which, after, alpha)
            for t in range(length):
                total = 0.0
                for s in range(n_states):
                    v = math.exp(alpha[t, s])  # 1 at most, and once, unless all are 0
                    messages[rows[t], s % n_labels] += v
                    total += v
                if total > 0.0:
                    for k in range(n_labels):
                        messages[rows[t], k] /= total
