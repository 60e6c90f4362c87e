"""Which weights a linear chain has: some of all pairs of attributes and labels, and of labels.

Letters: A attributes of positions, B of pairs of neighbours, L labels, F weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.learning.chain.targets import ChainTargets

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
NONE: IntArray = np.zeros(0, np.int64)
_NOTHING = (NONE, np.zeros(0))


@dataclass(frozen=True, eq=False)
class ChainFeatures:
    """The F weights of a chain, in this order: states, transitions, conditioned, triples.

    Attributes
    ----------
    n_attributes, n_labels : A and L
    states : sorted positions attribute * L + label
    transitions : sorted positions before * L + label
    conditioned : sorted positions (attribute of the pair * L + before) * L + label
    triples : sorted positions (two before * L + before) * L + label
    order : 1, or 2 where steps depend on the last two labels
    n_edge_attributes : B
    """

    n_attributes: int
    n_labels: int
    states: IntArray
    transitions: IntArray
    conditioned: IntArray = field(default_factory=lambda: NONE)
    triples: IntArray = field(default_factory=lambda: NONE)
    order: int = 1
    n_edge_attributes: int = 0

    @property
    def n_weights(self) -> int:
        """F."""
        return int(self.bounds[-1])

    @property
    def bounds(self) -> tuple[int, ...]:
        """Where each kind of weights begins, and the end."""
        kinds = (self.states, self.transitions, self.conditioned, self.triples)
        return tuple(np.cumsum([0, *map(len, kinds)]).tolist())

    @property
    def n_states(self) -> int:
        """S, how many states of its last labels a step can come from."""
        return self.n_labels if self.order == 1 else (self.n_labels + 1) * self.n_labels

    def of_attributes(self) -> IntArray:
        """(A + 1,) where the weights of each attribute begin among those of states."""
        attributes = np.arange(self.n_attributes + 1) * self.n_labels
        return np.searchsorted(self.states, attributes).astype(np.int64)

    def steps(self, weights: FloatArray) -> FloatArray:
        """Log scores (S, L) of the steps, without what conditions them."""
        n, bounds = self.n_labels, self.bounds
        pairs = np.zeros(n * n)
        pairs[self.transitions] = weights[bounds[1] : bounds[2]]
        if self.order == 1:
            return pairs.reshape(n, n)
        steps = np.zeros((n + 1, n * n))
        steps[:n].ravel()[self.triples] = weights[bounds[3] :]
        steps += pairs
        return steps.reshape(self.n_states, n)

    def add_steps(self, taken: FloatArray, gradient: FloatArray) -> None:
        """Add the steps taken (S, L) to what they are the gradient of."""
        n, bounds = self.n_labels, self.bounds
        by_pair = taken.reshape(-1, n * n)
        gradient[bounds[1] : bounds[2]] += by_pair.sum(axis=0)[self.transitions]
        if self.order > 1:
            gradient[bounds[3] :] += by_pair[:n].ravel()[self.triples]


def observed_features(
    tokens: Tokens,
    targets: ChainTargets,
    *,
    order: int = 1,
    transitions: bool = True,
    all_states: bool = False,
    all_transitions: bool = False,
) -> tuple[ChainFeatures, FloatArray]:
    """The features that occur in labelled data, and how often each does in full sequences.

    A feature occurs where its label is the one given or among the few that are allowed and its
    attribute has an entry in the tokens, be it 0; a position of which nothing is known brings
    none. Counts are weighted by the attributes' values and by the sequences' weights. Dense
    attributes have a weight for each label.

    Parameters
    ----------
    tokens : Tokens
    targets : ChainTargets
    order : 1 or 2
    transitions : whether there are transition features at all
    all_states, all_transitions : every pair, whether it occurs or not
    """
    known, counted = targets.known(), targets.counted()
    found = [_occurring(known, counted, tokens.attributes, all_states)]
    if tokens.dense is not None:
        of_dense = np.arange(
            tokens.n_sparse * targets.n_labels, tokens.n_attributes * targets.n_labels
        )
        sums = np.asarray(counted.T @ tokens.dense).T.ravel()
        states, counts = found[0]
        found[0] = np.concatenate([states, of_dense]), np.concatenate([counts, sums])
    before, after = targets.neighbours()
    ones = known if counted is known else _ones_like(counted)
    found += [_NOTHING] * 3
    if transitions:
        pair = (known[after], counted[after])
        found[1] = _occurring(*pair, known[before], all_transitions, ones[before])
    if tokens.edges is not None or order > 1:
        pair = _both(known[before], known[after]), _both(ones[before], counted[after])
    if tokens.edges is not None:
        found[2] = _occurring(*pair, tokens.edges[after])
    if order > 1:
        inside = np.flatnonzero(np.isin(before, after))  # steps to a third position or later
        last, two_before = (pair[0][inside], pair[1][inside]), before[inside] - 1
        found[3] = _occurring(*last, known[two_before], all_transitions, ones[two_before])
    features = ChainFeatures(
        tokens.n_attributes,
        targets.n_labels,
        found[0][0],
        found[1][0],
        found[2][0],
        found[3][0],
        order,
        tokens.n_edge_attributes,
    )
    return features, np.concatenate([counts for _, counts in found])


def _occurring(
    known: Matrix,
    counted: Matrix,
    attributes: Matrix,
    every: bool = False,
    counted_attributes: Matrix | None = None,
) -> tuple[IntArray, FloatArray]:
    """Rising positions attribute * n + label at which the two occur together, and their counts.

    Parameters
    ----------
    known : (M, n) the labels that each row may count for
    counted : (M, n) those that it does count for
    attributes : (M, A)
    every : all positions, whether they occur or not
    counted_attributes : those to count, where they are others
    """
    values = attributes if counted_attributes is None else counted_attributes
    n = known.shape[1]
    cells, counts = _sums(counted, values)
    positions = cells
    if counted is not known or (values.nnz and values.data.min() <= 0):
        positions, _ = _sums(_ones_like(known), _ones_like(attributes))  # nothing cancels
    if every:
        positions = np.arange(attributes.shape[1] * n)
    if positions is not cells:
        spread = np.zeros(len(positions))
        spread[np.searchsorted(positions, cells)] = counts
        counts = spread
    return positions, counts


def _sums(labels: Matrix, attributes: Matrix) -> tuple[IntArray, FloatArray]:
    """Positions attribute * n + label of the entries of labels' attributes, rising; the entries."""
    entries = (labels.T @ attributes).tocoo()
    cells = entries.col.astype(np.int64) * labels.shape[1] + entries.row
    ascending = np.argsort(cells)
    return cells[ascending], np.asarray(entries.data[ascending], dtype=np.float64)


def _both(one: Matrix, two: Matrix) -> Matrix:
    """Rows of pairs of labels (before * L + label), from rows of labels."""
    n_labels, of_two = one.shape[1], np.diff(two.indptr)
    pairs = np.diff(one.indptr) * of_two  # every entry of a row of one with every one of two's
    rows = np.repeat(np.arange(len(pairs)), pairs)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    first, second = np.divmod(number, of_two[rows])
    i, j = one.indptr[rows] + first, two.indptr[rows] + second
    columns = one.indices[i].astype(np.int64) * n_labels + two.indices[j]
    shape = (len(pairs), n_labels * n_labels)
    return scipy.sparse.csr_array((one.data[i] * two.data[j], (rows, columns)), shape=shape)


def _ones_like(matrix: Matrix) -> Matrix:
    parts = (np.ones_like(matrix.data), matrix.indices, matrix.indptr)
    return scipy.sparse.csr_array(parts, shape=matrix.shape)
