"""The three sweeps on a packed batch of chains: forward-backward, max-product, traceback.

Letters: N sequences of lengths T_1 .. T_N, M = sum T_n positions in all, L labels. The model of
one sequence x is

    P(y | x) = (1/Z(x)) exp( sum_t node[t, y_t]  +  sum_{t>0} edge[y_{t-1}, y_t] )

Sequences are sorted by length, longest first, and laid out time-major: all first positions, then
all second ones, and so on. The sequences that reach time t are the first ``sizes[t]`` of them, so
one step of a recursion is one (sizes[t], L) by (L, L) product on contiguous rows.

The recursions run on scaled numbers (Rabiner 1989, section V.A) where that is proven safe: with
every score finite, and the range of the node scores plus twice that of the edge scores within
LIMIT nats, every quantity formed lies within exp(+-LIMIT). Otherwise they run in logs.

Source: Rabiner (1989), A tutorial on hidden Markov models; Sutton & McCallum (2012), section 4.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.scaled import LIMIT, FloatArray, log_matmul, max_plus

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Packing:
    """Where every position of N sequences lies in the time-major layout.

    Attributes
    ----------
    lengths : (N,) as given
    order : (N,) sequence at each rank, longest first
    sizes : (T,) how many sequences reach each time
    offsets : (T + 1,) packed row at which each time begins
    rows : (M,) for each packed row, the position in the given order of sequences and tokens
    """

    lengths: IntArray
    order: IntArray
    sizes: IntArray
    offsets: IntArray
    rows: IntArray

    @classmethod
    def of(cls, lengths: npt.ArrayLike) -> Packing:
        """Pack sequences of the given lengths (zeros allowed).

        Examples
        --------
        >>> Packing.of([1, 3]).rows.tolist()
        [1, 0, 2, 3]
        """
        given = np.asarray(lengths, dtype=np.int64)
        order = np.argsort(-given, kind="stable")
        longest = int(given.max(initial=0))
        shorter = np.cumsum(np.bincount(given, minlength=longest + 1))  # of length <= t
        sizes = len(given) - shorter[:longest]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        starts = (np.cumsum(given) - given)[order]
        rank = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], sizes)
        time = np.repeat(np.arange(longest), sizes)
        return cls(given, order, sizes, offsets, starts[rank] + time)

    @property
    def n_positions(self) -> int:
        """M, over all sequences."""
        return int(self.offsets[-1])

    def spans(self) -> list[tuple[int, int]]:
        """(first packed row, number of rows) of every time."""
        return list(zip(self.offsets[:-1].tolist(), self.sizes.tolist(), strict=True))

    def by_sequence(self, ranked: FloatArray) -> FloatArray:
        """Values of the sequences, given by rank, in the order in which they were given."""
        out = np.empty_like(ranked)
        out[self.order] = ranked
        return out


@dataclass(frozen=True, eq=False)
class ChainMarginals:
    """log Z of each sequence, node marginals (M, L) packed, and expected transitions (L, L).

    ``edges[i, j]`` is the expected number of times that label j follows label i, summed over
    all sequences.
    """

    log_partitions: FloatArray
    nodes: FloatArray
    edges: FloatArray


def _shifts(nodes: FloatArray, edge: FloatArray) -> tuple[float, float] | None:
    """What to subtract from node and edge scores before exp; None where only logs are safe."""
    if nodes.size == 0:
        return None
    top, bottom = float(nodes.max()), float(nodes.min())
    edge_top, edge_bottom = float(edge.max()), float(edge.min())
    spread = (top - bottom) + 2 * (edge_top - edge_bottom)
    # written so that a NaN or an infinity does not pass
    return (top, edge_top) if spread + 2 * math.log(len(edge)) <= LIMIT else None


def log_partitions(packing: Packing, nodes: FloatArray, edge: FloatArray) -> FloatArray:
    """log Z of every sequence, (N,), from the forward sweep; 0 for an empty one.

    Parameters
    ----------
    packing : Packing
    nodes : (M, L) log scores of each position's labels, in packed order; -inf forbids a label
    edge : (L, L) log scores of label j after label i; -inf forbids a transition
    """
    shifts = _shifts(nodes, edge)
    if shifts is None:
        _, log_z = _log_forward(packing, nodes, edge)
    else:
        _, _, log_z = _forward(packing, np.exp(nodes - shifts[0]), np.exp(edge - shifts[1]), shifts)
    return packing.by_sequence(log_z)


def forward_backward(
    packing: Packing, nodes: FloatArray, edge: FloatArray, *, overwrite: bool = False
) -> ChainMarginals:
    """log Z, all node marginals and the expected transitions, from one sweep each way.

    Parameters are those of `log_partitions`; with ``overwrite`` the memory of ``nodes`` is used
    as working space. A sequence without mass has log Z = -inf and marginals of zero.
    """
    shifts = _shifts(nodes, edge)
    if shifts is None:
        return _log_forward_backward(packing, nodes, edge)
    weights = np.subtract(nodes, shifts[0], out=nodes if overwrite else None)
    np.exp(weights, out=weights)
    steps = np.exp(edge - shifts[1])
    alpha, scale, log_z = _forward(packing, weights, steps, shifts)
    return _backward(packing, alpha, scale, weights, steps, packing.by_sequence(log_z))


def _forward(
    packing: Packing, weights: FloatArray, steps: FloatArray, shifts: tuple[float, float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scaled forward messages (M, L), their scales (M,), and log Z by rank."""
    n, ones = len(packing.lengths), np.ones(len(steps))
    alpha = np.empty_like(weights)
    scale = np.empty(len(weights))
    before = 0
    for time, (first, size) in enumerate(packing.spans()):
        here = alpha[first : first + size]
        if time == 0:
            here[:] = weights[:size]
        else:
            np.matmul(alpha[before : before + size], steps, out=here)
            here *= weights[first : first + size]
        np.matmul(here, ones, out=scale[first : first + size])
        here /= scale[first : first + size, None]
        before = first
    rank = np.arange(packing.n_positions) - np.repeat(packing.offsets[:-1], packing.sizes)
    lengths = packing.lengths[packing.order]
    log_z = lengths * shifts[0] + np.maximum(lengths - 1, 0) * shifts[1]
    log_z += np.bincount(rank, weights=np.log(scale), minlength=n)
    return alpha, scale, log_z


def _backward(
    packing: Packing,
    alpha: FloatArray,
    scale: FloatArray,
    weights: FloatArray,
    steps: FloatArray,
    log_z: FloatArray,
) -> ChainMarginals:
    """Turn the forward messages into marginals; ``alpha`` and ``weights`` are used up."""
    n_labels = len(steps)
    transposed = np.ascontiguousarray(steps.T)
    edges = np.zeros((n_labels, n_labels))
    after: FloatArray = np.empty((0, n_labels))  # weights times backward messages, one time later
    for first, size in reversed(packing.spans()):
        here = alpha[first : first + size]
        going_on = len(after)
        incoming = weights[first : first + size]
        incoming /= scale[first : first + size, None]
        if going_on:
            edges += here[:going_on].T @ after
            beta = after @ transposed
            here[:going_on] *= beta
            incoming[:going_on] *= beta
        after = incoming
    edges *= steps
    return ChainMarginals(log_z, alpha, edges)


def _log_forward(
    packing: Packing, nodes: FloatArray, edge: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Forward messages in logs (M, L), and log Z by rank."""
    alpha = np.empty_like(nodes)
    log_z = np.zeros(len(packing.lengths))
    before = 0
    for time, (first, size) in enumerate(packing.spans()):
        here = alpha[first : first + size]
        here[:] = nodes[first : first + size]
        if time:
            here += _log_product(alpha[before : before + size], edge)
        total = _log_sum(here)
        here -= np.where(total == -math.inf, 0.0, total)[:, None]
        log_z[:size] += total
        before = first
    return alpha, log_z


def _log_forward_backward(packing: Packing, nodes: FloatArray, edge: FloatArray) -> ChainMarginals:
    alpha, log_z = _log_forward(packing, nodes, edge)
    marginals = np.empty_like(nodes)
    edges = np.zeros_like(edge)
    after: FloatArray = np.empty((0, len(edge)))
    for first, size in reversed(packing.spans()):
        here = alpha[first : first + size]
        beta = np.zeros((size, len(edge)))
        going_on = len(after)
        if going_on:
            beta[:going_on] = _log_product(after, edge.T)
        joint = here + beta
        total = _log_sum(joint)
        total = np.where(total == -math.inf, 0.0, total)[:, None]
        marginals[first : first + size] = np.exp(joint - total)
        for i in range(len(edge) if going_on else 0):
            through = here[:going_on, i, None] + edge[i] + after - total[:going_on]
            edges[i] += np.exp(through).sum(axis=0)
        peak = beta.max(axis=1, keepdims=True)
        after = nodes[first : first + size] + (beta - np.where(peak == -math.inf, 0.0, peak))
    return ChainMarginals(packing.by_sequence(log_z), marginals, edges)


def _log_product(one: FloatArray, two: FloatArray) -> FloatArray:
    """log of the matrix product of exp(one) and exp(two)."""
    return log_matmul(one[..., None], two[..., None])[..., 0]


def _log_sum(logs: FloatArray) -> FloatArray:
    """log sum exp of every row."""
    peak = logs.max(axis=1)
    shift = np.where(peak == -math.inf, 0.0, peak)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(logs - shift[:, None]).sum(axis=1)) + shift)


def viterbi(packing: Packing, nodes: FloatArray, edge: FloatArray) -> tuple[FloatArray, IntArray]:
    """Greatest log score of every sequence (N,), and labels (M,), packed, that reach it.

    Parameters are those of `log_partitions`. The traceback looks up, at each step, which label
    before the chosen one gave its score, so ties never mix two labellings. A sequence without
    any possible labelling has score -inf; its labels then mean nothing.

    Source: Viterbi (1967).
    """
    best = np.empty_like(nodes)
    spans = packing.spans()
    before = 0
    for time, (first, size) in enumerate(spans):
        here = best[first : first + size]
        here[:] = nodes[first : first + size]
        if time:
            here += max_plus(best[before : before + size, :, None], edge[..., None])[..., 0]
        before = first
    scores = np.zeros(len(packing.lengths))
    labels = np.zeros(packing.n_positions, dtype=np.int64)
    after: IntArray = np.empty(0, dtype=np.int64)
    for first, size in reversed(spans):
        here = best[first : first + size]
        going_on = len(after)
        chosen = np.empty(size, dtype=np.int64)
        chosen[:going_on] = (here[:going_on] + edge.T[after]).argmax(axis=1)
        chosen[going_on:] = here[going_on:].argmax(axis=1)
        scores[going_on:size] = here[np.arange(going_on, size), chosen[going_on:]]
        labels[first : first + size] = chosen
        after = chosen
    return packing.by_sequence(scores), labels
