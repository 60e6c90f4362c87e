"""Brute force for chains: every answer by listing all labellings. Never imports the package.

Letters: T positions, L labels, S states (what a step remembers of the labels so far), K matrices.
In second order the state is the pair of the last two labels, before * L + label, with the number L
for "none" before the first label.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

EXACT = np.longdouble  # the oracle's sums round below those under test


@dataclass(frozen=True, eq=False)
class Listed:
    """Everything about one chain.

    labellings (L^T, T), their scores (L^T,) and probabilities; log Z; node marginals (T, L);
    expected steps (K, S, L); the greatest score.
    """

    labellings: np.ndarray
    scores: np.ndarray
    p: np.ndarray
    log_z: float
    nodes: np.ndarray
    steps: np.ndarray
    best: float

    def score_of(self, labels) -> float:
        (found,) = np.flatnonzero((self.labellings == np.asarray(labels)).all(axis=1))
        return float(self.scores[found])

    def top(self, k: int) -> list[float]:
        """The k greatest scores that are possible, falling."""
        possible = self.scores[self.scores > -math.inf]
        return [float(s) for s in np.sort(possible)[::-1][:k]]


def states_of(labellings, n_labels, n_states):
    """(L^T, T) the state at each position."""
    if n_states == n_labels:
        return labellings
    before = np.full_like(labellings, n_labels)
    before[:, 1:] = labellings[:, :-1]
    return before * n_labels + labellings


def list_all(nodes, steps, which=None) -> Listed:
    """Everything about one chain: nodes (T, L), steps (K, S, L), which (T,)."""
    (length, n_labels), (n_matrices, n_states, _) = nodes.shape, steps.shape
    which = np.zeros(length, int) if which is None else np.asarray(which)
    every = list(itertools.product(range(n_labels), repeat=length))
    y = np.array(every, dtype=int).reshape(len(every), length)
    states = states_of(y, n_labels, n_states)
    scores = nodes.astype(EXACT)[np.arange(length), y].sum(axis=1)
    scores = scores + steps.astype(EXACT)[which[1:], states[:, :-1], y[:, 1:]].sum(axis=1)
    best = scores.max()
    if best == -math.inf:
        p, log_z = np.zeros(len(y)), -math.inf
    else:
        total = np.exp(scores - best).sum()
        p, log_z = (np.exp(scores - best) / total).astype(float), float(best + np.log(total))
    marginals = np.zeros((length, n_labels))
    taken = np.zeros((n_matrices, n_states, n_labels))
    for t in range(length):
        marginals[t] = np.bincount(y[:, t], p, n_labels)
        if t:
            np.add.at(taken[which[t]], (states[:, t - 1], y[:, t]), p)
    return Listed(y, scores, p, log_z, marginals, taken, float(best))


def plain_recursion(nodes, steps, which):
    """log Z, node marginals and best score of a long chain, in logs and extended precision."""
    n_labels, n_states = steps.shape[2], steps.shape[1]
    nodes, steps = nodes.astype(EXACT), steps.astype(EXACT)
    to = np.zeros((n_states, n_states), bool)  # whether a step leads from a state to a state
    label = np.arange(n_states) % n_labels
    if n_states == n_labels:
        to[:] = True
    else:
        to[np.arange(n_states)[:, None], label[:, None] * n_labels + np.arange(n_labels)] = True

    def spread(t):
        """(S, S) scores of the steps to t."""
        return np.where(to, steps[which[t]][:, label], -np.inf) + nodes[t][label]

    alpha = np.full(n_states, -np.inf, EXACT)
    alpha[-n_labels:] = nodes[0]
    forward, best = [alpha], alpha
    for t in range(1, len(nodes)):
        moves = spread(t)
        forward.append(np.logaddexp.reduce(forward[-1][:, None] + moves, axis=0))
        best = (best[:, None] + moves).max(axis=0)
    backward = [np.zeros(n_states, EXACT)]
    for t in range(len(nodes) - 1, 0, -1):
        backward.append(np.logaddexp.reduce(spread(t) + backward[-1], axis=1))
    joint = np.stack(forward) + np.stack(backward[::-1])
    weights = np.exp(joint - joint.max(axis=1, keepdims=True))
    weights = weights.reshape(len(nodes), -1, n_labels).sum(axis=1)
    log_z = np.logaddexp.reduce(forward[-1])
    marginals = weights / weights.sum(axis=1, keepdims=True)
    return float(log_z), marginals.astype(float), float(best.max())
