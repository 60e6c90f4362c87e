"""The sums over all labellings: log Z, node marginals and expected steps, one sweep each way.

In scaled numbers wherever that is right, and in logs for those sequences where it is not.

Source: Rabiner (1989), A tutorial on hidden Markov models; Sutton & McCallum (2012), section 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import frozen
from gibbsfactor.exact.chain.log_sweeps import log_forward_backward
from gibbsfactor.exact.chain.packing import IntArray, Packing
from gibbsfactor.exact.chain.scaled_sweeps import shift_nodes, shift_steps, steps_are_sure, sweep
from gibbsfactor.exact.chain.scores import ChainScores, FloatArray, RepeatedScores


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


@dataclass(frozen=True, eq=False)
class ExpectedCounts:
    """The same where positions share rows of scores: the gradient of sum log Z by all scores.

    Attributes
    ----------
    log_partitions : (N,)
    start : (L,) expected number of sequences that begin with each label
    nodes : (V, L) expected number of positions with each row and label
    steps : (L, L) expected number of steps
    """

    log_partitions: FloatArray
    start: FloatArray
    nodes: FloatArray
    steps: FloatArray


def log_partitions(scores: ChainScores) -> FloatArray:
    """log Z of every sequence, (N,); 0 for an empty one, -inf for one without any labelling."""
    return _forward_backward(scores, np.ones(len(scores.packing.lengths)), False).log_partitions


def forward_backward(scores: ChainScores, weights: FloatArray | None = None) -> ChainMarginals:
    """log Z, all node marginals and the expected steps, from one sweep each way.

    Parameters
    ----------
    scores : ChainScores
    weights : (N,) how much each sequence counts in the expected numbers, by default 1
    """
    counted = np.ones(len(scores.packing.lengths)) if weights is None else weights
    return _forward_backward(scores, counted, True)


def expected_counts(scores: RepeatedScores, weights: FloatArray | None = None) -> ExpectedCounts:
    """log Z and how often each score is expected to be used, over all sequences.

    Parameters
    ----------
    scores : RepeatedScores
    weights : (N,) how much each sequence counts in the expected numbers, by default 1
    """
    packing, kinds, n_rows = scores.packing, scores.kinds, len(scores.nodes)
    counted = np.ones(len(packing.lengths)) if weights is None else weights
    first, _ = packing.ends()
    into = kinds.copy()
    into[first] = np.arange(n_rows, n_rows + len(first))  # apart, to be told from the others
    marginals = np.zeros((n_rows + len(first), scores.n_labels))
    log_z, taken, lost = _sweep(scores, scores.start, kinds, counted, into, marginals, True)
    if not lost.any():
        starts = marginals[n_rows:]
    else:
        whole = forward_backward(scores.spread(), counted)
        log_z, taken, starts = whole.log_partitions, whole.steps, whole.nodes[first]
        marginals = np.zeros((n_rows, scores.n_labels))
        whole.nodes[first] = 0.0
        np.add.at(marginals, kinds, whole.nodes)
    nodes = marginals[:n_rows]
    np.add.at(nodes, kinds[first], starts)
    return ExpectedCounts(log_z, starts.sum(axis=0), nodes, taken[0])


def _forward_backward(scores: ChainScores, weights: FloatArray, wanted: bool) -> ChainMarginals:
    """As `forward_backward`; where only log Z is wanted, most of the backward sweep is saved."""
    each = np.arange(len(scores.nodes))
    marginals = np.zeros_like(scores.nodes)
    start = np.zeros(scores.n_labels)
    log_z, taken, lost = _sweep(scores, start, each, weights, each, marginals, wanted)
    if lost.any():
        return _in_part(scores, weights, lost)
    return ChainMarginals(log_z, marginals, taken)


def _sweep(
    scores: ChainScores | RepeatedScores,
    start: FloatArray,
    kinds: IntArray,
    weights: FloatArray,
    into: IntArray,
    marginals: FloatArray,
    wanted: bool,
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """log Z (N,), the steps taken, and which sequences are lost; adds to marginals.

    Position m has the scores nodes[kinds[m]], and its marginals are added to row into[m].
    """
    packing, n_rows = scores.packing, len(scores.nodes)
    n, some = len(packing.lengths), packing.lengths > 0
    shifted, peaks = np.empty((n_rows + 1, scores.n_labels)), np.empty(n_rows + 1)
    low, log_z, lost = np.empty(n_rows + 1, np.bool_), np.zeros(n), np.zeros(n, np.bool_)
    shift_nodes(scores.nodes, shifted[:-1], peaks[:-1], low[:-1])
    shift_nodes(frozen(start[None]), shifted[-1:], peaks[-1:], low[-1:])
    np.exp(shifted, out=shifted)
    steps = np.empty_like(scores.steps)
    highest, raised = shift_steps(scores.steps, steps)
    np.exp(steps, out=steps)
    log_z += highest * np.maximum(packing.lengths - 1, 0) + peaks[-1] * some
    rows = frozen(shifted[:-1]), frozen(peaks[:-1]), frozen(low[:-1])
    nodes = (*rows, frozen(shifted[-1]), bool(low[-1]))
    taken = np.zeros_like(steps)
    sweep(
        packing.place,
        nodes,
        frozen(kinds),
        frozen(steps),
        scores.which,
        scores.after,
        frozen(weights),
        frozen(into),
        marginals,
        taken,
        log_z,
        lost,
        wanted or raised > 0,
    )
    taken *= steps
    if raised and not steps_are_sure(steps, taken, weights):
        lost[:] = some
    return log_z, taken, lost


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
