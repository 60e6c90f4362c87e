"""The sums over all labellings: log Z, node marginals and expected steps, one sweep each way.

The recursions run on scaled numbers (Rabiner 1989, section V.A): the scores of a position are
shifted to a maximum of 0 before exp, and the forward messages of each position to a sum of 1. No
number may be lost in the forward sweep: with scores of a position within 300 nats of its best,
those of steps within 160 of theirs, and messages of at least 1e-100, a product of three is never
rounded to 0, so that a 0 is what -inf forbids and nothing else. What the backward sweep then rounds
to 0 has no mass. Sequences for which that does not hold, and those without any labelling, are done
in logs: a forced label thousands of nats below the best one comes out right.

Source: Rabiner (1989), A tutorial on hidden Markov models; Sutton & McCallum (2012), section 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import compiled, compiled_sums, frozen
from gibbsfactor.exact.chain.log_sweeps import log_forward_backward
from gibbsfactor.exact.chain.packing import Packing
from gibbsfactor.exact.chain.scores import ChainScores, FloatArray

LOWEST_NODE = -300.0  # nats below the best score of a position
LOWEST_STEP = -160.0  # below the best of all steps
LEAST = 1e-100  # of a forward message in scaled numbers


@dataclass(frozen=True, eq=False)
class ChainMarginals:
    """What the sums over all labellings come to.

    Attributes
    ----------
    log_partitions : (N,) log Z of each sequence, 0 for an empty one, -inf without any labelling
    nodes : (M, L) marginals of each position, in packed order, times the sequence's weight
    steps : (K, S, L) expected number of times that each step is taken, so weighted, over all
        sequences
    """

    log_partitions: FloatArray
    nodes: FloatArray
    steps: FloatArray


def log_partitions(scores: ChainScores) -> FloatArray:
    """log Z of every sequence, (N,); 0 for an empty one, -inf for one without any labelling."""
    return forward_backward(scores).log_partitions


def forward_backward(scores: ChainScores, weights: FloatArray | None = None) -> ChainMarginals:
    """log Z, all node marginals and the expected steps, from one sweep each way.

    Parameters
    ----------
    scores : ChainScores
    weights : (N,) how much each sequence counts in the expected numbers, by default 1
    """
    packing, nodes = scores.packing, scores.nodes
    n = len(packing.lengths)
    counted = np.ones(n) if weights is None else weights
    shifted, log_z = np.empty_like(nodes), np.zeros(n)
    highest, within = step_range(scores.steps)
    lost = np.full(n, not within)
    shift(*packing.place, nodes, shifted, log_z, lost)
    np.exp(shifted, out=shifted)
    log_z += highest * np.maximum(packing.lengths - 1, 0)
    steps = np.exp(scores.steps - highest)
    marginals, taken = np.empty_like(nodes), np.zeros_like(steps)
    scaled = (frozen(shifted), frozen(steps), scores.which, scores.after, frozen(counted))
    sweep(*packing.place, *scaled, marginals, taken, log_z, lost)
    if lost.any():
        return _in_part(scores, counted, lost)
    taken *= steps
    return ChainMarginals(log_z, marginals, taken)


def _in_part(
    scores: ChainScores, weights: FloatArray, lost: npt.NDArray[np.bool_]
) -> ChainMarginals:
    """The lost sequences in logs, the others in scaled numbers."""
    kept = np.flatnonzero(~lost)
    rows = np.flatnonzero(~lost[scores.packing.sequences()])
    natural = rows[np.argsort(scores.packing.rows[rows])]  # the kept rows in the order given
    packing = Packing.of(scores.packing.lengths[kept])
    packed = natural[packing.rows]
    part = ChainScores(packing, scores.nodes[packed], scores.steps, scores.which[packed])
    found = forward_backward(part, weights[kept])
    log_z = np.zeros(len(lost))
    log_z[kept] = found.log_partitions
    marginals = np.empty_like(scores.nodes)
    marginals[packed] = found.nodes
    taken = found.steps.copy()
    log_forward_backward(scores, lost, weights, marginals, taken, log_z)
    return ChainMarginals(log_z, marginals, taken)


@compiled
def step_range(steps: Any) -> Any:
    """The highest log score of a step, 0 if none is finite; and whether all are near enough."""
    highest, lowest = -np.inf, np.inf
    for v in steps.ravel():
        highest = max(highest, v)
        if v > -np.inf:
            lowest = min(lowest, v)
    if not np.isfinite(highest):
        return 0.0, highest < 0.0
    return highest, lowest - highest >= LOWEST_STEP


@compiled_sums
def shift(
    order: Any,
    groups: Any,
    times: Any,
    offsets: Any,
    nodes: Any,
    shifted: Any,
    log_z: Any,
    lost: Any,
) -> None:
    """Each row less its maximum, which goes to log_z; one without a finite one stays.

    Sets what is lost where a finite score lies too far below.
    """
    for g in range(len(groups) - 1):
        for t in range(times[g], times[g + 1] - 1):
            for r in range(offsets[t], offsets[t + 1]):
                best = nodes[r, 0]
                for k in range(1, nodes.shape[1]):
                    best = max(best, nodes[r, k])
                if not np.isfinite(best):
                    best = 0.0
                log_z[order[groups[g] + r - offsets[t]]] += best
                far = 0
                for k in range(nodes.shape[1]):
                    d = nodes[r, k] - best
                    shifted[r, k] = d
                    far += (d < LOWEST_NODE) & (d > -np.inf)
                if far:
                    lost[order[groups[g] + r - offsets[t]]] = True


@compiled_sums
def sweep(
    order: Any,
    groups: Any,
    times: Any,
    offsets: Any,
    nodes: Any,
    steps: Any,
    which: Any,
    after: Any,
    weights: Any,
    marginals: Any,
    taken: Any,
    log_z: Any,
    lost: Any,
) -> None:
    """Both sweeps, group by group; adds the logs of the scales to log_z."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    rows = widest = 0
    for g in range(len(groups) - 1):
        rows = max(rows, offsets[times[g + 1] - 1] - offsets[times[g]])
        widest = max(widest, groups[g + 1] - groups[g])
    alpha, scale = np.empty((rows, n_states)), np.empty(rows)
    ahead, beta = np.empty((widest, n_states)), np.empty((widest, n_states))
    part = np.empty((n_states, n_labels))
    turned = np.ascontiguousarray(steps[0].T) if len(steps) else np.empty((n_labels, n_states))
    for g in range(len(groups) - 1):
        members = order[groups[g] : groups[g + 1]]
        starts = offsets[times[g] : times[g + 1]]
        _forward(members, starts, nodes, steps, which, after, alpha, scale, log_z, lost)
        _backward(
            members,
            starts,
            nodes,
            steps,
            turned,
            which,
            after,
            weights,
            alpha,
            scale,
            (ahead, beta, part),
            marginals,
            taken,
        )


@compiled_sums
def _forward(
    members: Any,
    starts: Any,
    nodes: Any,
    steps: Any,
    which: Any,
    after: Any,
    alpha: Any,
    scale: Any,
    log_z: Any,
    lost: Any,
) -> None:
    """The forward messages of a group and their scales, a row for each of its positions."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    base = starts[0]
    for t in range(len(starts) - 1):
        begin, size = starts[t] - base, starts[t + 1] - starts[t]
        here = alpha[begin : begin + size]
        if t:
            before = starts[t - 1] - base
            _push(alpha[before : before + size], steps, which[starts[t] :], after, here)
        else:
            here[:] = 0.0
            here[:, n_states - n_labels :] = 1.0
        for rank in range(size):
            row = starts[t] + rank
            total = 0.0
            for s in range(0, n_states, n_labels):
                for k in range(n_labels):
                    v = here[rank, s + k] * nodes[row, k]
                    here[rank, s + k] = v
                    total += v
            scale[begin + rank] = total
            log_z[members[rank]] += np.log(total)
            inverse, small = 1.0 / total, 0
            for s in range(n_states):
                v = here[rank, s] * inverse
                here[rank, s] = v
                small += (v < LEAST) & (v > 0.0)
            if small or not total > 0.0:
                lost[members[rank]] = True


@compiled_sums
def _backward(
    members: Any,
    starts: Any,
    nodes: Any,
    steps: Any,
    turned: Any,
    which: Any,
    after: Any,
    weights: Any,
    alpha: Any,
    scale: Any,
    space: Any,
    marginals: Any,
    taken: Any,
) -> None:
    """The marginals of a group; and adds its expected steps, but for the factor of the step."""
    ahead, beta, part = space
    n_states, n_labels = steps.shape[1], steps.shape[2]
    weighted = (weights != 1.0).any()
    going_on = 0  # how many of the sequences reach the next time
    for t in range(len(starts) - 2, -1, -1):
        begin, size = starts[t] - starts[0], starts[t + 1] - starts[t]
        here = alpha[begin : begin + size]
        beta[going_on:size] = 1.0
        if going_on:
            later = which[starts[t + 1] :]
            counted = here[:going_on]
            if weighted:
                counted = beta[:going_on]
                for rank in range(going_on):
                    for s in range(n_states):
                        counted[rank, s] = weights[members[rank]] * here[rank, s]
            _take(counted, ahead[:going_on], later, after, part, taken)
            _pull(ahead[:going_on], steps, turned, later, after, beta[:going_on])
        for rank in range(size):
            row, w, back = starts[t] + rank, weights[members[rank]], 1.0 / scale[begin + rank]
            for s in range(0, n_states, n_labels):
                for k in range(n_labels):
                    # a state that nothing leads to has no mass, whatever lies ahead
                    b = beta[rank, s + k] if here[rank, s + k] > 0.0 else 0.0
                    ahead[rank, s + k] = nodes[row, k] * b * back
                    beta[rank, s + k] = w * here[rank, s + k] * b
            for k in range(n_labels):
                marginals[row, k] = beta[rank, k]
            for s in range(n_labels, n_states, n_labels):
                for k in range(n_labels):
                    marginals[row, k] += beta[rank, s + k]
        going_on = size


@compiled_sums
def _push(before: Any, steps: Any, which: Any, after: Any, here: Any) -> None:
    """Forward messages through the steps: rows (size, S) to rows (size, S)."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    if len(steps) == 1 and n_states == n_labels:
        np.dot(before, steps[0], here)
        return
    here[:] = 0.0
    for rank in range(len(here)):
        step = steps[which[rank]]
        for s in range(n_states):
            v = before[rank, s]
            if v != 0.0:
                to = after[s]
                for k in range(n_labels):
                    here[rank, to + k] += v * step[s, k]


@compiled_sums
def _pull(ahead: Any, steps: Any, turned: Any, which: Any, after: Any, beta: Any) -> None:
    """Backward messages through the steps, the other way."""
    n_states, n_labels = steps.shape[1], steps.shape[2]
    if len(steps) == 1 and n_states == n_labels:
        np.dot(ahead, turned, beta)
        return
    for rank in range(len(beta)):
        step = steps[which[rank]]
        for s in range(n_states):
            to, total = after[s], 0.0
            for k in range(n_labels):
                total += step[s, k] * ahead[rank, to + k]
            beta[rank, s] = total


@compiled_sums
def _take(here: Any, ahead: Any, which: Any, after: Any, part: Any, taken: Any) -> None:
    """Add to the steps taken: what comes from each state, times what lies ahead of it."""
    n_states, n_labels = taken.shape[1], taken.shape[2]
    if len(taken) == 1 and n_states == n_labels:
        np.dot(here.T, ahead, part)
        for s in range(n_states):
            for k in range(n_labels):
                taken[0, s, k] += part[s, k]
        return
    for rank in range(len(here)):
        into = taken[which[rank]]
        for s in range(n_states):
            v = here[rank, s]
            if v != 0.0:
                to = after[s]
                for k in range(n_labels):
                    into[s, k] += v * ahead[rank, to + k]
