"""The sums over all labellings in scaled numbers: quick, and sure of where they are right.

The scores of a position are shifted to a maximum of 0 before exp, those of all steps together, and
the forward messages of each position to a sum of 1 (Rabiner 1989, section V.A). So that a product
of a message, a step and a node is never rounded to 0, what is finite and too small is raised: nodes
to 300 nats below the best of their position, steps to 160 below theirs, messages to 1e-100. A 0 is
then what -inf forbids, and nothing else. All terms being positive, raising only adds mass, and at
most that of the labellings through what was raised: where their marginals come to less than 1e-15
it changes nothing. Other sequences, and those without any labelling, are lost, and have to be done
in logs: a forced label thousands of nats below the best one comes out right.

Letters: V rows of node scores, one of which each of the M positions has; L labels, S states.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gibbsfactor.compiled import compiled, compiled_sums

LOWEST_NODE = -300.0  # nats below the best score of a position
LOWEST_STEP = -160.0  # below the best of all steps
LEAST = 1e-100  # of a forward message in scaled numbers
MOST_DOUBT = 1e-15  # marginals of what was raised, in a sequence
RAISED_NODE, RAISED_STEP = 5.2e-131, 3.3e-70  # exp of these two, and a little more
TOGETHER = 256  # positions whose steps are counted by one product
FEW, FEW_LABELS = 4, 12  # rows and labels from which on the linear algebra library is quicker


@compiled
def shift_nodes(nodes: Any, shifted: Any, peaks: Any, low: Any) -> None:
    """Each row (V, L) less its maximum, which goes to peaks (V,); without a finite one it stays.

    Tells in low (V,) where a score was raised.
    """
    for r in range(nodes.shape[0]):
        best = nodes[r, 0]
        for k in range(1, nodes.shape[1]):
            best = max(best, nodes[r, k])
        if not np.isfinite(best):
            best = 0.0
        far = 0
        for k in range(nodes.shape[1]):
            d = nodes[r, k] - best
            far += (d < LOWEST_NODE) & (d > -np.inf)
            shifted[r, k] = d
        peaks[r], low[r] = best, far > 0
        if far:
            for k in range(nodes.shape[1]):
                if shifted[r, k] > -np.inf:
                    shifted[r, k] = max(shifted[r, k], LOWEST_NODE)


@compiled
def shift_steps(steps: Any, shifted: Any) -> Any:
    """The steps (K, S, L) less their maximum, that maximum, and how many of them were raised."""
    highest, raised = -np.inf, 0
    for v in steps.flat:
        highest = max(highest, v)
    if not np.isfinite(highest):
        highest = 0.0
    for m in range(steps.shape[0]):
        for s in range(steps.shape[1]):
            for k in range(steps.shape[2]):
                v = steps[m, s, k] - highest
                low = LOWEST_STEP > v > -np.inf
                shifted[m, s, k] = LOWEST_STEP if low else v
                raised += low
    return highest, raised


@compiled
def steps_are_sure(factors: Any, taken: Any, weights: Any) -> Any:
    """Whether the steps that were raised are taken as good as never, whichever the sequence."""
    doubt, least = 0.0, np.inf
    for w in weights:
        least = min(least, w)
    for m in range(taken.shape[0]):
        for s in range(taken.shape[1]):
            for k in range(taken.shape[2]):
                if factors[m, s, k] <= RAISED_STEP:
                    doubt += taken[m, s, k]
    return least > 0.0 and not doubt > MOST_DOUBT * least


@compiled_sums
def sweep(
    place: Any,
    nodes: Any,
    kinds: Any,
    steps: Any,
    which: Any,
    after: Any,
    weights: Any,
    into: Any,
    marginals: Any,
    taken: Any,
    log_z: Any,
    lost: Any,
    wanted: Any,
) -> None:
    """Both sweeps, group by group. Adds to marginals, taken and log_z.

    Parameters
    ----------
    place : order, groups, times and offsets of the packing
    nodes : the exponentiated rows (V, L), their peaks (V,), which were raised (V,), the factors
        (L,) of the first labels of all, and whether these were raised
    kinds : (M,) the row of nodes that each position has
    steps, which, after : the exponentiated matrices (K, S, L); as in `ChainScores`
    weights : (N,) how much each sequence counts
    into : (M,) the row of marginals (U, L) that each position is added to
    taken : (K, S, L) times a step's own factor: how often it is taken
    lost : (N,) set where a sequence is to be done in logs
    wanted : whether marginals and taken are; otherwise they are filled in only for doubt's sake
    """
    order, groups, times, offsets = place
    n_states, n_labels = steps.shape[1], steps.shape[2]
    rows = widest = 0
    for g in range(len(groups) - 1):
        rows = max(rows, offsets[times[g + 1] - 1] - offsets[times[g]])
        widest = max(widest, groups[g + 1] - groups[g])
    messages = np.empty((rows, n_states)), np.empty(rows)
    backward = np.empty((widest, n_states)), np.empty((max(widest, TOGETHER), n_states))
    turned = np.empty((n_labels, n_states))
    for k in range(n_labels if len(steps) else 0):
        for s in range(n_states):
            turned[k, s] = steps[0, s, k]
    moves, flags = (steps, turned, after), (np.zeros(len(lost), np.bool_), lost)
    for g in range(len(groups) - 1):
        group = order[groups[g] : groups[g + 1]], offsets[times[g] : times[g + 1]]
        _forward(group, nodes, kinds, moves, which, messages, log_z, flags)
        doubtful = False
        for n in group[0]:
            doubtful |= flags[0][n]
        if wanted or doubtful:
            sums = marginals, taken
            _backward(
                group, nodes, kinds, moves, which, messages, backward, weights, into, sums, flags
            )


@compiled_sums
def _forward(
    group: Any, nodes: Any, kinds: Any, moves: Any, which: Any, space: Any, log_z: Any, flags: Any
) -> None:
    """The forward messages of a group and their scales, a row for each of its positions."""
    (members, starts), (factors, peaks, low, first, low_start) = group, nodes
    (alpha, scale), (steps, turned, _), (raised, lost) = space, moves, flags
    n_states, n_labels = alpha.shape[1], factors.shape[1]
    plain = len(steps) == 1 and n_states == n_labels
    product, before = np.ones(len(members)), 0
    for t in range(len(starts) - 1):
        row, size = starts[t], starts[t + 1] - starts[t]
        begin, looped = row - starts[0], plain and (size < FEW or n_labels < FEW_LABELS)
        if t and looped:
            for rank in range(size):
                for k in range(n_labels):
                    v = 0.0
                    for s in range(n_labels):
                        v += alpha[before + rank, s] * turned[k, s]
                    alpha[begin + rank, k] = v
        elif t:
            here = alpha[begin : begin + size]
            _push(alpha[before : before + size], moves, which[row:], here)
        else:
            for rank in range(size):
                for s in range(n_states):
                    k = s - n_states + n_labels
                    alpha[rank, s] = first[k] if k >= 0 else 0.0
        before = begin
        for rank in range(size):
            n, kind, a, total = members[rank], kinds[row + rank], begin + rank, 0.0
            for s in range(0, n_states, n_labels):
                for k in range(n_labels):
                    v = alpha[a, s + k] * factors[kind, k]
                    alpha[a, s + k] = v
                    total += v
            scale[a] = total
            inverse, small = 1.0 / total, 0
            for s in range(n_states):
                v = alpha[a, s] * inverse
                alpha[a, s] = v
                small += (v < LEAST) & (v > 0.0)
            if small:
                for s in range(n_states):
                    alpha[a, s] = max(alpha[a, s], LEAST) if alpha[a, s] > 0.0 else 0.0
            raised[n] |= small > 0 or low[kind] or (t == 0 and low_start)
            lost[n] |= not total > 0.0
            log_z[n] += peaks[kind]
            product[rank] *= total
            if not 1e-5 < product[rank] < 1e5:  # one logarithm of many scales
                log_z[n] += np.log(product[rank])
                product[rank] = 1.0
    for rank in range(len(members)):
        log_z[members[rank]] += np.log(product[rank])


@compiled_sums
def _backward(
    group: Any,
    nodes: Any,
    kinds: Any,
    moves: Any,
    which: Any,
    messages: Any,
    space: Any,
    weights: Any,
    into: Any,
    sums: Any,
    flags: Any,
) -> None:
    """The marginals of a group; and adds its expected steps, but for the factor of the step.

    Backward messages begin with the weight of the sequence, and carry it. What lies ahead of
    the steps is kept for several times, from the last row of ``ahead`` upwards, for one product.
    """
    (members, starts), (factors, _, _, first, _), (raised, lost) = group, nodes, flags
    (alpha, scale), (beta, ahead), (marginals, taken) = messages, space, sums
    steps, n_states, n_labels = moves[0], alpha.shape[1], factors.shape[1]
    plain = len(steps) == 1 and n_states == n_labels
    part, doubt = np.empty((n_states, n_labels)), np.zeros(len(members))
    going_on, head = 0, len(ahead)  # sequences that reach the next time, and the first row of it
    for t in range(len(starts) - 2, -1, -1):
        row, size = starts[t], starts[t + 1] - starts[t]
        begin = row - starts[0]
        for rank in range(going_on, size):
            for s in range(n_states):
                beta[rank, s] = weights[members[rank]]
        if going_on and plain and (going_on < FEW or n_labels < FEW_LABELS):
            for rank in range(going_on):
                for s in range(n_labels):
                    v = 0.0
                    for k in range(n_labels):
                        v += ahead[head + rank, k] * steps[0, s, k]
                    beta[rank, s] = v
        elif going_on:
            behind = ahead[head : head + going_on]
            _pull(behind, moves, which[starts[t + 1] :], beta[:going_on])
            if not plain:
                here = alpha[begin : begin + going_on]
                _take(here, behind, which[starts[t + 1] :], moves[2], taken)
                head = len(ahead)
        if head < len(ahead) and (t == 0 or head < size or row - starts[t - 1] != size):
            _take_together(alpha[begin : begin + len(ahead) - head], ahead[head:], part, taken)
            head = len(ahead)
        head -= size
        for rank in range(size):
            kind, a, h, target = kinds[row + rank], begin + rank, head + rank, into[row + rank]
            back = 1.0 / scale[a]
            for s in range(0, n_states, n_labels):
                for k in range(n_labels):
                    # a state that nothing leads to has no mass, whatever lies ahead
                    b = beta[rank, s + k] if alpha[a, s + k] > 0.0 else 0.0
                    ahead[h, s + k] = factors[kind, k] * b * back
                    marginals[target, k] += alpha[a, s + k] * b
            if raised[members[rank]]:
                doubt[rank] += _mass_raised(alpha[a], beta[rank], factors[kind], first, t)
        going_on = size
    for rank in range(len(members)):
        n = members[rank]
        unweighed = raised[n] and weights[n] == 0.0  # nothing tells how great the doubt is
        lost[n] |= unweighed or not doubt[rank] <= MOST_DOUBT * weights[n]


@compiled_sums
def _take_together(here: Any, ahead: Any, part: Any, taken: Any) -> None:
    """As `_take`, at several times by one product, where there is one matrix of steps."""
    np.dot(here.T, ahead, part)
    for s in range(part.shape[0]):
        for k in range(part.shape[1]):
            taken[0, s, k] += part[s, k]


@compiled_sums
def _mass_raised(message: Any, beta: Any, factors: Any, first: Any, t: Any) -> Any:
    """The marginals at one position of what was raised there."""
    mass, n_labels = 0.0, len(factors)
    for s in range(len(message)):
        v, k = message[s], s % n_labels
        low = v <= LEAST or factors[k] <= RAISED_NODE or (t == 0 and first[k] <= RAISED_NODE)
        if v > 0.0 and low:
            mass += v * beta[s]
    return mass


@compiled_sums
def _push(before: Any, moves: Any, which: Any, here: Any) -> None:
    """Forward messages through the steps: rows (size, S) to rows (size, S)."""
    steps, _, after = moves
    n_states, n_labels = steps.shape[1], steps.shape[2]
    if len(steps) == 1 and n_states == n_labels:
        np.dot(before, steps[0], here)
        return
    for rank in range(len(here)):
        step = steps[which[rank]]
        for s in range(n_states):
            here[rank, s] = 0.0
        for s in range(n_states):
            v = before[rank, s]
            if v != 0.0:
                to = after[s]
                for k in range(n_labels):
                    here[rank, to + k] += v * step[s, k]


@compiled_sums
def _pull(ahead: Any, moves: Any, which: Any, beta: Any) -> None:
    """Backward messages through the steps, the other way."""
    steps, turned, after = moves
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
def _take(here: Any, ahead: Any, which: Any, after: Any, taken: Any) -> None:
    """Add to the steps taken: what comes from each state, times what lies ahead of it."""
    n_states, n_labels = taken.shape[1], taken.shape[2]
    for rank in range(len(ahead)):
        into = taken[which[rank]]
        for s in range(n_states):
            v = here[rank, s]
            if v != 0.0:
                to = after[s]
                for k in range(n_labels):
                    into[s, k] += v * ahead[rank, to + k]
