"""Log scores of the labels of sequences, and of their steps: what all sweeps over chains take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import frozen
from gibbsfactor.exact.chain.packing import IntArray, Packing

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChainScores:
    """Log scores over N chains; -inf forbids.

        score(y) = sum_t nodes[t, y_t] + sum_{t>0} steps[which[t], s_{t-1}, y_t]

    where the state s_t is what a step remembers of the labels so far. In a chain of first order it
    is the label y_t, and S = L. In one of second order it is the pair (y_{t-1}, y_t), numbered
    y_{t-1} L + y_t, with the number L for "none" before the first label, and S = (L + 1) L.

    Attributes
    ----------
    packing : Packing
    nodes : (M, L) of each position's labels, in packed order
    steps : (K, S, L) of label y_t after state s_{t-1}
    which : (M,) int32, in packed order: the matrix of steps that leads to each position
    """

    packing: Packing
    nodes: FloatArray
    steps: FloatArray
    which: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        for name in ("nodes", "steps", "which"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @classmethod
    def of(cls, packing: Packing, nodes: FloatArray, edge: FloatArray) -> ChainScores:
        """One matrix (S, L) of steps for all positions."""
        return cls(packing, nodes, edge[None], np.zeros(len(nodes), np.int32))

    @property
    def n_labels(self) -> int:
        """L."""
        return int(self.steps.shape[2])

    @property
    def n_states(self) -> int:
        """S."""
        return int(self.steps.shape[1])

    @cached_property
    def after(self) -> IntArray:
        """(S,) the first of the L states, numbered on end, to which a step from a state leads."""
        return frozen(states_after(self.n_states, self.n_labels))


@dataclass(frozen=True, eq=False)
class RepeatedScores:
    """Log scores over N chains of first order whose positions share rows of node scores.

        score(y) = start[y_1] + sum_t nodes[kinds[t], y_t] + sum_{t>1} steps[y_{t-1}, y_t]

    As in a hidden Markov model, where a row is what all states say of one observation, however
    often it was made.

    Attributes
    ----------
    packing : Packing
    nodes : (V, L)
    kinds : (M,) int64, in packed order: the row of each position
    start : (L,) of the first labels
    edge : (L, L) of the steps
    """

    packing: Packing
    nodes: FloatArray
    kinds: IntArray
    start: FloatArray
    edge: FloatArray

    def __post_init__(self) -> None:
        for name in ("nodes", "kinds", "start", "edge"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def n_labels(self) -> int:
        """L."""
        return len(self.start)

    @property
    def steps(self) -> FloatArray:
        """(1, L, L), as `ChainScores` has them."""
        return self.edge[None]

    @cached_property
    def which(self) -> npt.NDArray[np.int32]:
        """(M,) zeros."""
        return frozen(np.zeros(len(self.kinds), np.int32))

    @cached_property
    def after(self) -> IntArray:
        """(L,) zeros."""
        return frozen(states_after(self.n_labels, self.n_labels))

    def spread(self) -> ChainScores:
        """The same with a row for each position."""
        nodes = self.nodes[self.kinds]
        nodes[self.packing.ends()[0]] += self.start
        return ChainScores.of(self.packing, nodes, self.edge)


def states_after(n_states: int, n_labels: int) -> IntArray:
    """(S,) the first of the L states, numbered on end, to which a step from each state leads."""
    if n_states == n_labels:
        return np.zeros(n_states, np.int64)
    return np.arange(n_states) % n_labels * n_labels


def labelling_scores(scores: ChainScores, labels: IntArray) -> FloatArray:
    """Log score of one labelling of each sequence, (N,).

    Parameters
    ----------
    scores : ChainScores
    labels : (M,) label numbers, in packed order
    """
    packing, n_labels = scores.packing, scores.n_labels
    natural = packing.natural(labels)
    each = packing.natural(scores.nodes[np.arange(len(labels)), labels])
    sequence = np.repeat(np.arange(len(packing.lengths)), packing.lengths)
    inside = np.flatnonzero(sequence[1:] == sequence[:-1]) + 1
    state = natural[inside - 1]
    if scores.n_states > n_labels:
        second = np.ones(len(inside), dtype=bool)  # steps to a second position
        second[1:] = sequence[inside[1:]] != sequence[inside[:-1]]
        state = np.where(second, n_labels, natural[inside - 2]) * n_labels + state
    which = packing.natural(scores.which)
    each[inside] += scores.steps[which[inside], state, natural[inside]]
    total = np.bincount(sequence, weights=each, minlength=len(packing.lengths))
    return np.asarray(total, dtype=np.float64)
