"""The best labellings of each sequence: Viterbi's recursion, and the k best.

Source: Viterbi (1967); for the k best: Seshadri & Sundberg (1994), the parallel list algorithm.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import compiled
from gibbsfactor.exact.chain.packing import IntArray
from gibbsfactor.exact.chain.scores import ChainScores, FloatArray


def viterbi(scores: ChainScores) -> tuple[FloatArray, IntArray]:
    """Greatest log score of every sequence (N,), and labels (M,), packed, that reach it.

    The traceback looks up, at each step, which state before the chosen one gave its score, so
    ties never mix two labellings: the lowest label wins. A sequence without any possible labelling
    has score -inf; its labels then mean nothing.
    """
    packing = scores.packing
    best, labels = np.zeros(len(packing.lengths)), np.zeros(packing.n_positions, np.int64)
    fixed = (scores.nodes, scores.steps, scores.which, scores.after)
    _viterbi(*packing.place, packing.lengths, *fixed, best, labels)
    return best, labels


def k_best(scores: ChainScores, k: int) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """The k greatest log scores of every sequence, and their labellings.

    Returns
    -------
    scores : (N, k), falling; -inf where there are fewer labellings
    labels : (k, M) int32, packed; -1 where there are fewer
    """
    packing = scores.packing
    best = np.full((len(packing.lengths), k), -math.inf)
    labels = np.full((k, packing.n_positions), -1, np.int32)
    fixed = (scores.nodes, scores.steps, scores.which, scores.after)
    _k_best(*packing.place, packing.lengths, *fixed, best, labels)
    return best, labels


@compiled
def best_path(
    rows: Any, nodes: Any, steps: Any, which: Any, after: Any, best: Any, labels: Any
) -> Any:
    """Viterbi on the sequence in these rows; ``best`` (T, S) is working space."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    length = len(rows)
    for s in range(n_states):
        best[0, s] = -math.inf
    for k in range(n_labels):
        best[0, n_states - n_labels + k] = nodes[rows[0], k]
    for t in range(1, length):
        row, m = rows[t], which[rows[t]]
        for s in range(n_states):
            best[t, s] = -math.inf
        for s in range(n_states):
            v, to = best[t - 1, s], after[s]
            if v > -math.inf:
                for k in range(n_labels):
                    u = v + steps[m, s, k]
                    best[t, to + k] = u if u > best[t, to + k] else best[t, to + k]
        for s in range(0, n_states, n_labels):
            for k in range(n_labels):
                best[t, s + k] += nodes[row, k]
    state = 0
    for s in range(1, n_states):
        if best[length - 1, s] > best[length - 1, state]:
            state = s
    top = best[length - 1, state]
    for t in range(length - 1, -1, -1):
        k = state % n_labels
        labels[rows[t]] = k
        if t:
            m, block, found = which[rows[t]], state - k, -1
            for s in range(n_states):
                if after[s] == block and (
                    found < 0
                    or best[t - 1, s] + steps[m, s, k] > best[t - 1, found] + steps[m, found, k]
                ):
                    found = s
            state = found
    return top


@compiled
def _viterbi(
    order: Any,
    groups: Any,
    times: Any,
    offsets: Any,
    lengths: Any,
    nodes: Any,
    steps: Any,
    which: Any,
    after: Any,
    best: Any,
    labels: Any,
) -> None:
    longest = 0
    for n in lengths:
        longest = max(longest, n)
    space = np.empty((longest, steps.shape[1]))
    for g in range(len(groups) - 1):
        for place in range(groups[g], groups[g + 1]):
            length = lengths[order[place]]
            if length:
                rows = offsets[times[g] : times[g] + length] + (place - groups[g])
                top = best_path(rows, nodes, steps, which, after, space, labels)
                best[order[place]] = top


@compiled
def _k_best(
    order: Any,
    groups: Any,
    times: Any,
    offsets: Any,
    lengths: Any,
    nodes: Any,
    steps: Any,
    which: Any,
    after: Any,
    best: Any,
    labels: Any,
) -> None:
    n_states, n_labels, k = steps.shape[1], steps.shape[2], best.shape[1]
    for g in range(len(groups) - 1):
        for place in range(groups[g], groups[g + 1]):
            sequence = order[place]
            length = lengths[sequence]
            if not length:
                best[sequence, 0] = 0.0
                continue
            rows = offsets[times[g] : times[g] + length] + (place - groups[g])
            # the k best ways to each state: their scores, and the way before (state times k, rank)
            score = np.full((length, n_states, k), -math.inf)
            back = np.full((length, n_states, k), -1, np.int64)
            for j in range(n_labels):
                score[0, n_states - n_labels + j, 0] = nodes[rows[0], j]
            for t in range(1, length):
                m = which[rows[t]]
                for s in range(n_states):
                    for j in range(n_labels):
                        there = after[s] + j
                        gain = steps[m, s, j] + nodes[rows[t], j]
                        for rank in range(k):
                            v = score[t - 1, s, rank] + gain
                            if not v > score[t, there, k - 1]:
                                break
                            insert(score[t, there], back[t, there], v, s * k + rank)
            ends, from_state = np.full(k, -math.inf), np.full(k, -1, np.int64)
            for s in range(n_states):
                for rank in range(k):
                    v = score[length - 1, s, rank]
                    if not v > ends[k - 1]:
                        break
                    insert(ends, from_state, v, s * k + rank)
            for number in range(k):
                best[sequence, number] = ends[number]
                way = from_state[number]
                for t in range(length - 1, -1, -1):
                    if way < 0:
                        break
                    state, rank = way // k, way % k
                    labels[number, rows[t]] = state % n_labels
                    way = back[t, state, rank]


@compiled
def insert(scores: Any, backs: Any, score: Any, back: Any) -> None:
    """Put a score into its place among falling ones, the last of which falls out."""
    at = len(scores) - 1
    while at > 0 and scores[at - 1] < score:
        scores[at] = scores[at - 1]
        backs[at] = backs[at - 1]
        at -= 1
    scores[at] = score
    backs[at] = back
