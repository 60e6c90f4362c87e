"""The chain rule with a weight for each token: its terms, and their gradient by all scores.

What is known of the labels of a sequence, K_1 .. K_T (one label each, or a set of them), has

    log P(K_1 .. K_T | x) = sum_t log P(K_t | K_1 .. K_{t-1}, x)

and token t's term may count w_t times. With the backward messages beta, P(s_{t+1} | s_t, x) =
exp(step + node) beta(s_{t+1}) / beta(s_t) for every state, so that a forward filter

    prior_{t+1} = sum over s_t of posterior_t P(s_{t+1} | s_t, x)     posterior_t = prior_t on K_t

gives term t as the log of prior_t's mass on K_t. The gradient of the weighted sum is that of

    w_1 log Z + sum_{t>1} (w_t - w_{t-1}) log Z(x; K_1 .. K_{t-1}) - w_T log Z(x; K)

Each log Z(x; K_1 .. K_t) has posterior_t as its marginals at t; mass that enters there flows on
by P(s_{t+1} | s_t, x), and back by P(s_{t-1} | s_t, K, x). So one pass each way adds up all T of
them: time in O(T S L), as for a plain gradient. All in logs.

Letters: M positions, T of one sequence; L labels, S states.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import compiled, frozen
from gibbsfactor.exact.chain.log_sweeps import log_sum, look_ahead, to_peak
from gibbsfactor.exact.chain.packing import IntArray
from gibbsfactor.exact.chain.scores import ChainScores, FloatArray
from gibbsfactor.exact.chain.sweeps import ChainMarginals


def token_terms(
    scores: ChainScores,
    codes: IntArray,
    allowed: npt.NDArray[np.bool_] | None,
    weights: FloatArray,
) -> ChainMarginals:
    """The sum over tokens of w_t log P(K_t | K_1 .. K_{t-1}, x) for each sequence, its gradient.

    Parameters
    ----------
    scores : ChainScores
    codes : (M,) label numbers, in packed order; -1 where the label is not fixed
    allowed : (M, L) the labels that such a position may have; None if all are fixed
    weights : (M,) how much each token counts

    Returns
    -------
    ChainMarginals
        The sums in the place of ``log_partitions``, and the derivatives of the sum of them by all
        scores in the places of the marginals.
    """
    packing = scores.packing
    totals = np.zeros(len(packing.lengths))
    marginals, taken = np.zeros_like(scores.nodes), np.zeros_like(scores.steps)
    sets = np.zeros((0, scores.n_labels), np.bool_) if allowed is None else allowed
    _each(
        *packing.place,
        packing.lengths,
        (scores.nodes, scores.steps, scores.which, scores.after),
        (frozen(codes), frozen(sets), frozen(weights)),
        marginals,
        taken,
        totals,
    )
    return ChainMarginals(totals, marginals, taken)


@compiled
def _each(
    order: Any,
    groups: Any,
    times: Any,
    offsets: Any,
    lengths: Any,
    scores: Any,
    known: Any,
    marginals: Any,
    taken: Any,
    totals: Any,
) -> None:
    """`add_terms` of every sequence."""
    for g in range(len(groups) - 1):
        for place in range(groups[g], groups[g + 1]):
            n = order[place]
            if lengths[n]:
                rows = offsets[times[g] : times[g] + lengths[n]] + (place - groups[g])
                totals[n] = add_terms(rows, scores, known, marginals, taken)


@compiled
def add_terms(rows: Any, scores: Any, known: Any, marginals: Any, taken: Any) -> Any:
    """Gives the weighted sum of one sequence's terms; adds its derivatives to the counts.

    Parameters
    ----------
    rows : (T,) where its positions are
    scores : nodes (M, L), steps (K, S, L), which (M,), after (S,)
    known : codes (M,), allowed (M, L) or empty, weights (M,)
    marginals, taken : (M, L), (K, S, L)
    """
    nodes, steps, which, after = scores
    codes, allowed, weights = known
    length, n_states, n_labels = len(rows), steps.shape[1], steps.shape[2]
    beta, behind = np.zeros((length, n_states)), np.zeros((length, n_states))
    move = np.empty((n_states, n_labels))
    for t in range(length - 2, -1, -1):
        look_ahead(rows[t + 1], nodes, steps, which, after, beta[t + 1], move)
        for s in range(n_states):
            behind[t, s] = beta[t, s] = log_sum(move[s])
        to_peak(beta[t])
    prior = np.full((length, n_states), -math.inf)
    posterior = np.full((length, n_states), -math.inf)
    for k in range(n_labels):
        s = n_states - n_labels + k
        prior[0, s] = nodes[rows[0], k] + beta[0, s]
    height = log_sum(prior[0])
    if height == -math.inf:
        return height
    prior[0] -= height
    flow = weights[rows[0]] * np.exp(prior[0])
    total = 0.0
    for t in range(length):
        m = rows[t]
        for s in range(n_states):
            marginals[m, s % n_labels] -= flow[s]
            k = s % n_labels
            if k == codes[m] or (codes[m] < 0 and allowed[m, k]):
                posterior[t, s] = prior[t, s]
        term = log_sum(posterior[t])
        if term == -math.inf:
            return term
        posterior[t] -= term
        if weights[m] != 0.0:
            total += weights[m] * term
        if t + 1 == length:
            break
        later = rows[t + 1]
        look_ahead(later, nodes, steps, which, after, beta[t + 1], move)
        for s in range(n_states):
            for k in range(n_labels):
                move[s, k] = move[s, k] - behind[t, s] if behind[t, s] > -math.inf else -math.inf
                to = after[s] + k
                prior[t + 1, to] = max(prior[t + 1, to], posterior[t, s] + move[s, k])
        peak = prior[t + 1].copy()
        sums, onward = np.zeros(n_states), np.zeros(n_states)
        more = weights[later] - weights[m]
        for s in range(n_states):
            mass = flow[s] + more * math.exp(posterior[t, s])
            for k in range(n_labels):
                to = after[s] + k
                if mass != 0.0:
                    part = mass * math.exp(move[s, k])
                    taken[which[later], s, k] -= part
                    onward[to] += part
                if posterior[t, s] + move[s, k] > -math.inf:
                    sums[to] += math.exp(posterior[t, s] + move[s, k] - peak[to])
        for s in range(n_states):
            prior[t + 1, s] = peak[s] + math.log(sums[s]) if sums[s] > 0.0 else -math.inf
        flow = onward
    back = weights[rows[length - 1]] * np.exp(posterior[length - 1])
    for t in range(length - 1, -1, -1):
        m = rows[t]
        for s in range(n_states):
            marginals[m, s % n_labels] += back[s]
        if t == 0:
            break
        less = weights[m] - weights[rows[t - 1]]
        before = np.zeros(n_states)
        for s in range(n_states):
            if posterior[t - 1, s] == -math.inf:
                continue
            before[s] = -less * math.exp(posterior[t - 1, s])
            for k in range(n_labels):
                to = after[s] + k
                if back[to] != 0.0:
                    share = nodes[m, k] + beta[t, to] + steps[which[m], s, k] - behind[t - 1, s]
                    part = back[to] * math.exp(posterior[t - 1, s] + share - prior[t, to])
                    taken[which[m], s, k] += part
                    before[s] += part
        back = before
    return total
