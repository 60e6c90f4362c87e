"""One sequence at a time, compiled: its scores from the weights, and moves of the weights.

Letters: T positions, L labels, S states; K = T where attributes of pairs condition steps, else 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gibbsfactor.compiled import compiled, compiled_sums
from gibbsfactor.exact.chain import log_sweeps, scaled_sweeps


@compiled_sums
def add_node_scores(
    first: Any, nodes: Any, data: Any, shape: Any, rows: Any, weights: Any, scale: Any
) -> None:
    """Add the scores of the labels at each position, from weights times a scale, to (T, L)."""
    length, n_labels = nodes.shape
    n_dense = data.dense.shape[1]
    for t in range(length):
        for e in range(data.indptr[first + t], data.indptr[first + t + 1]):
            a, x = data.indices[e], scale * data.data[e]
            r = rows.row_of[a]
            if r >= 0:
                for k in range(n_labels):
                    nodes[t, k] += x * rows.rows[r, k]
            else:
                for f in range(shape.pointers[a], shape.pointers[a + 1]):
                    nodes[t, shape.labels[f]] += x * weights[f]
        for d in range(n_dense):
            x, f = scale * data.dense[first + t, d], shape.starts[0] + d * n_labels
            for k in range(n_labels):
                nodes[t, k] += x * weights[f + k]


@compiled
def fill_steps(
    first: Any,
    length: Any,
    steps: Any,
    data: Any,
    shape: Any,
    limits: Any,
    weights: Any,
    scale: Any,
) -> None:
    """Set the scores (K, S, L) of the steps, from weights times a scale."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    base = steps[0]
    for s in range(n_states):
        i, h = s % n_labels, s // n_labels
        for j in range(n_labels):
            v, f = limits.pairs[i, j], shape.transitions[i, j]
            if f >= 0:
                v += scale * weights[f]
            if n_states > n_labels and h < n_labels and shape.triples[h, i, j] >= 0:
                v += scale * weights[shape.triples[h, i, j]]
            base[s, j] = v
    for t in range(length - 1 if len(steps) > 1 else 0, 0, -1):
        steps[t] = base
        for e in range(data.edge_indptr[first + t], data.edge_indptr[first + t + 1]):
            b, x = data.edge_indices[e], scale * data.edge_data[e]
            for f in range(shape.edge_pointers[b], shape.edge_pointers[b + 1]):
                i, j = shape.cells[f] // n_labels, shape.cells[f] % n_labels
                for s in range(i, n_states, n_labels):
                    steps[t, s, j] += x * weights[shape.starts[1] + f]


@compiled
def limit_nodes(first: Any, nodes: Any, known: Any, limits: Any) -> None:
    """Forbid labels at the two ends, and those outside the support."""
    for k in range(nodes.shape[1]):
        nodes[0, k] += limits.start[k]
        nodes[len(nodes) - 1, k] += limits.end[k]
    if len(known.support):
        for t in range(len(nodes)):
            for k in range(nodes.shape[1]):
                if not known.support[first + t, k]:
                    nodes[t, k] = -math.inf


@compiled_sums
def move(
    first: Any,
    nodes: Any,
    steps: Any,
    data: Any,
    shape: Any,
    weights: Any,
    lagged: Any,
    factor: Any,
    lag: Any,
) -> None:
    """Add the counts of nodes (T, L) and steps (K, S, L) times a factor to the weights.

    And that times the lag, unless it is 0, to what averages of the weights need.
    """
    length, n_labels = nodes.shape
    n_states = steps.shape[1]
    for t in range(length):
        if not nodes[t].any():
            continue
        for e in range(data.indptr[first + t], data.indptr[first + t + 1]):
            a, x = data.indices[e], factor * data.data[e]
            for f in range(shape.pointers[a], shape.pointers[a + 1]):
                d = x * nodes[t, shape.labels[f]]
                weights[f] += d
                if lag != 0.0:
                    lagged[f] += lag * d
        for i in range(data.dense.shape[1]):
            x, f = factor * data.dense[first + t, i], shape.starts[0] + i * n_labels
            for k in range(n_labels):
                d = x * nodes[t, k]
                weights[f + k] += d
                if lag != 0.0:
                    lagged[f + k] += lag * d
    for m in range(len(steps)):
        for s in range(n_states):
            i, h = s % n_labels, s // n_labels
            for j in range(n_labels):
                d, f = factor * steps[m, s, j], shape.transitions[i, j]
                if d == 0.0:
                    continue
                if f >= 0:
                    weights[f] += d
                    if lag != 0.0:
                        lagged[f] += lag * d
                if n_states > n_labels and h < n_labels and shape.triples[h, i, j] >= 0:
                    weights[shape.triples[h, i, j]] += d
                    if lag != 0.0:
                        lagged[shape.triples[h, i, j]] += lag * d
        if not m:
            continue
        for e in range(data.edge_indptr[first + m], data.edge_indptr[first + m + 1]):
            b, x = data.edge_indices[e], factor * data.edge_data[e]
            for f in range(shape.edge_pointers[b], shape.edge_pointers[b + 1]):
                i, j = shape.cells[f] // n_labels, shape.cells[f] % n_labels
                d = 0.0
                for s in range(i, n_states, n_labels):
                    d += x * steps[m, s, j]
                weights[shape.starts[1] + f] += d
                if lag != 0.0:
                    lagged[shape.starts[1] + f] += lag * d


@compiled
def count_labels(labels: Any, sign: Any, nodes: Any, steps: Any) -> None:
    """Add the sign to the counts of one labelling (T,): nodes (T, L) and steps (K, S, L)."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    for t in range(len(labels)):
        nodes[t, labels[t]] += sign
        if t:
            s = labels[t - 1]
            if n_states > n_labels:
                s += n_labels * (labels[t - 2] if t > 1 else n_labels)
            steps[t if len(steps) > 1 else 0, s, labels[t]] += sign


@compiled
def label_score(labels: Any, nodes: Any, steps: Any) -> Any:
    """Log score of one labelling (T,)."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    total = 0.0
    for t in range(len(labels)):
        total += nodes[t, labels[t]]
        if t:
            s = labels[t - 1]
            if n_states > n_labels:
                s += n_labels * (labels[t - 2] if t > 1 else n_labels)
            total += steps[t if len(steps) > 1 else 0, s, labels[t]]
    return total


@compiled
def add_marginals(sign: Any, nodes: Any, steps: Any, after: Any, marginals: Any, taken: Any) -> Any:
    """Add the sign times node marginals and expected steps to the counts; gives log Z."""
    length, n_labels = nodes.shape
    one, which = np.ones(1), np.zeros(length, np.int32)
    if len(steps) > 1:
        which[:] = np.arange(length)
    order, groups = np.zeros(1, np.int64), np.arange(2)
    times, offsets = np.array([0, length + 1]), np.arange(length + 1)
    place, each = (order, groups, times, offsets), offsets[:length]
    factors, peaks, low = np.empty_like(nodes), np.empty(length), np.empty(length, np.bool_)
    scaled_sweeps.shift_nodes(nodes, factors, peaks, low)
    for t in range(length):
        for k in range(n_labels):
            factors[t, k] = math.exp(factors[t, k])
    moves = np.empty_like(steps)
    highest, raised = scaled_sweeps.shift_steps(steps, moves)
    moves = np.exp(moves)
    log_z, lost = np.full(1, highest * (length - 1)), np.zeros(1, np.bool_)
    p, expected = np.zeros_like(nodes), np.zeros_like(steps)
    scaled = (factors, peaks, low, np.ones(n_labels), False)
    scaled_sweeps.sweep(
        place, scaled, each, moves, which, after, one, each, p, expected, log_z, lost, True
    )
    expected *= moves
    if raised and not scaled_sweeps.steps_are_sure(moves, expected, one):
        lost[0] = True
    if lost[0]:
        expected[:] = 0.0
        lengths = np.array([length])
        log_sweeps.sweep(
            order,
            groups,
            times,
            offsets,
            lengths,
            lost,
            nodes,
            steps,
            which,
            after,
            one,
            p,
            expected,
            log_z,
        )
    marginals += sign * p
    taken += sign * expected
    return log_z[0]
