"""The training objective of a linear-chain CRF: its value and gradient.

Letters: N sequences, M tokens, A attributes, L labels, F weights. With the attributes of all
tokens as a sparse matrix X (M, A) and the weights spread out as W (A, L) and E (L, L),

    node scores   X W                 (M, L)
    loss          sum_n log Z(x_n) - w . observed + c2 |w|^2
    gradient      expected - observed + 2 c2 w

where *observed* counts how often each feature fires under the given labels and *expected* how
often it does under the model: X' P for the node marginals P (M, L), and the expected transitions.
That difference is the gradient of log Z minus the gradient of the score, nothing else.

Source: Sutton & McCallum (2012), An introduction to conditional random fields, equation 5.6.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse
from threadpoolctl import threadpool_limits

from gibbsfactor.exact.chain import Packing, forward_backward
from gibbsfactor.features.tokens import Matrix, Tokens

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BATCH_BYTES = 2**22  # of node scores in a batch
SINGLE_SHARE = 0.15  # an attribute seen with at most this share of the labels gets no row of W


@dataclass(frozen=True, eq=False)
class ChainFeatures:
    """Which weights there are: some (attribute, label) pairs, then some (label, label) pairs.

    Attributes
    ----------
    n_attributes, n_labels : A and L
    states : (S,) sorted positions attribute * L + label
    transitions : (G,) sorted positions label before * L + label after
    """

    n_attributes: int
    n_labels: int
    states: IntArray
    transitions: IntArray

    @property
    def n_weights(self) -> int:
        """F = S + G."""
        return len(self.states) + len(self.transitions)

    def spread(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Weights (F,) as matrices W (A, L) and E (L, L), zero where there is no feature."""
        state = np.zeros((self.n_attributes, self.n_labels))
        state.ravel()[self.states] = weights[: len(self.states)]
        edge = np.zeros((self.n_labels, self.n_labels))
        edge.ravel()[self.transitions] = weights[len(self.states) :]
        return state, edge


def observed_features(
    tokens: Tokens,
    labels: IntArray,
    n_labels: int,
    *,
    transitions: bool = True,
    all_states: bool = False,
    all_transitions: bool = False,
) -> tuple[ChainFeatures, FloatArray]:
    """The features that occur in labelled data, and how often each does (weighted by value).

    Parameters
    ----------
    tokens : Tokens
    labels : (M,) label numbers
    n_labels : L
    transitions : whether there are transition features at all
    all_states, all_transitions : every pair, whether it occurs or not
    """
    n_tokens, n_attributes = tokens.attributes.shape
    by_label = np.argsort(labels, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(labels, minlength=n_labels))
    tokens_of_label = scipy.sparse.csr_array(
        (np.ones(n_tokens), by_label, np.concatenate([[0], ends]).astype(np.int32)),
        shape=(n_labels, n_tokens),
    )
    counts = (tokens_of_label @ tokens.attributes).tocoo()
    cells = counts.col.astype(np.int64) * n_labels + counts.row
    ascending = np.argsort(cells)
    states = cells[ascending]
    state_counts: FloatArray = np.asarray(counts.data[ascending], dtype=np.float64)
    if all_states:
        every = np.zeros(n_attributes * n_labels)
        every[states] = state_counts
        states, state_counts = np.arange(len(every)), every

    follows = np.zeros((n_labels, n_labels))
    inside = np.ones(n_tokens, dtype=bool)  # all but the first token of each sequence
    lengths = tokens.lengths[tokens.lengths > 0]
    inside[np.cumsum(lengths) - lengths] = False
    after = np.flatnonzero(inside)
    np.add.at(follows, (labels[after - 1], labels[after]), 1.0)
    pairs = np.arange(n_labels**2) if all_transitions else np.flatnonzero(follows)
    if not transitions:
        pairs = pairs[:0]
    features = ChainFeatures(n_attributes, n_labels, states, pairs)
    return features, np.concatenate([state_counts, follows.ravel()[pairs]])


class ChainLoss:
    """Callable (F,) weights -> (loss, gradient), evaluated on threads over batches of sequences.

    A context manager: inside it the threads exist and the linear algebra library is held to one
    thread, since the matrices of a chain are too small for it to share. A batch holds sequences of
    similar length, few enough that their scores stay in a processor's cache from one sweep to
    the next.

    Most attributes of text are rare and were seen with one or two labels only. A dense row of W
    for each of them would be nearly all zeros, and too many to stay in the cache. So attributes
    with few features are held feature by feature, as a sparse matrix from features to (token,
    label) cells, and only the others as rows of W. It is the same sum in another order.

    Parameters
    ----------
    features, observed : from `observed_features`
    tokens : Tokens
    c2 : penalty c2 |w|^2
    n_threads : by default as many as there are processors to run on
    """

    def __init__(
        self,
        features: ChainFeatures,
        observed: FloatArray,
        tokens: Tokens,
        c2: float,
        n_threads: int | None = None,
    ) -> None:
        self.features = features
        self.observed = observed
        self.c2 = float(c2)
        self.n_threads = n_threads or usable_processors()
        self.split = _Split.of(features)
        ones = _Ones()
        self.batches = [
            _Batch.of(tokens, sequences, self.split, ones)
            for sequences in _cut(tokens.lengths, features.n_labels, self.n_threads)
        ]

    def __enter__(self) -> Self:
        self._limits = threadpool_limits(limits=1, user_api="blas")
        self._pool = ThreadPoolExecutor(self.n_threads)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()
        self._limits.restore_original_limits()

    def __call__(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient at the weights."""
        n_states = len(self.features.states)
        edge = np.zeros((self.features.n_labels, self.features.n_labels))
        edge.ravel()[self.features.transitions] = weights[n_states:]
        rows, single = self.split.spread(weights)
        expected_rows, expected_single = np.zeros_like(rows), np.zeros_like(single)
        expected_edge = np.zeros_like(edge)

        def evaluate(batch: _Batch) -> tuple[_Batch, float, FloatArray, FloatArray, FloatArray]:
            scores = batch.scores(rows, single)
            result = forward_backward(batch.packing, scores, edge, overwrite=True)
            log_partition = float(result.log_partitions.sum())
            return batch, log_partition, *batch.expected(result.nodes), result.edges

        loss = self.c2 * float(weights @ weights) - float(weights @ self.observed)
        for batch, log_partition, in_rows, alone, edges in self._pool.map(evaluate, self.batches):
            loss += log_partition
            expected_rows += in_rows
            expected_single[batch.features] += alone
            expected_edge += edges
        gradient = (2 * self.c2) * weights - self.observed
        gradient[self.split.in_rows] += expected_rows.ravel()[self.split.cells]
        gradient[self.split.single] += expected_single
        gradient[n_states:] += expected_edge.ravel()[self.features.transitions]
        return loss, gradient


def _cut(lengths: IntArray, n_labels: int, n_threads: int) -> list[IntArray]:
    """Sequences, longest first, cut into batches: at least one for each thread."""
    order = np.argsort(-lengths, kind="stable")
    tokens = np.cumsum(lengths[order])
    total = int(tokens[-1]) if len(tokens) else 0
    most = max(BATCH_BYTES // (8 * n_labels), 1)
    batches = max(-(-total // most), n_threads)
    ends = np.searchsorted(tokens, np.arange(1, batches) * total / batches, side="left") + 1
    return [part for part in np.split(order, ends) if len(part)]


@dataclass(frozen=True, eq=False)
class _Split:
    """Which state features are held in rows of W, and which one by one.

    Attributes
    ----------
    n_labels : L
    columns : (D,) attributes that have a row of W
    cells : position row * L + label in W of each feature that lies there
    in_rows, single : the numbers of the features of the two kinds
    single_attribute, single_label : of each feature of the second kind
    """

    n_labels: int
    columns: IntArray
    cells: IntArray
    in_rows: IntArray
    single: IntArray
    single_attribute: IntArray
    single_label: IntArray

    @classmethod
    def of(cls, features: ChainFeatures) -> _Split:
        attribute, label = np.divmod(features.states, features.n_labels)
        per_attribute = np.bincount(attribute, minlength=features.n_attributes)
        has_row = per_attribute > SINGLE_SHARE * features.n_labels
        columns = np.flatnonzero(has_row)
        row = np.cumsum(has_row) - 1
        in_rows = np.flatnonzero(has_row[attribute])
        single = np.flatnonzero(~has_row[attribute])
        return cls(
            features.n_labels,
            columns,
            row[attribute[in_rows]] * features.n_labels + label[in_rows],
            in_rows,
            single,
            attribute[single],
            label[single],
        )

    def spread(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The weights as rows (D, L), zero where there is no feature, and the single ones."""
        rows = np.zeros((len(self.columns), self.n_labels))
        rows.ravel()[self.cells] = weights[self.in_rows]
        return rows, weights[self.single]


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some of the sequences, packed: tokens by attributes with rows, features by cells.

    Attributes
    ----------
    packing : of these sequences
    dense : (M, D) attributes that have a row of W
    features : numbers, among those held one by one, of the S features that occur here
    single : (S, M * L) their values, at the cell of the token and the feature's label
    """

    packing: Packing
    dense: Matrix
    features: IntArray
    single: Matrix

    @classmethod
    def of(cls, tokens: Tokens, sequences: IntArray, split: _Split, ones: _Ones) -> _Batch:
        lengths = tokens.lengths[sequences]
        packing = Packing.of(lengths)
        first = (np.cumsum(tokens.lengths) - tokens.lengths)[sequences]
        shift = np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
        rows = packing.rows + shift[packing.rows]
        by_attribute = tokens.attributes[rows].tocsc()
        starts = by_attribute.indptr[:-1]
        counts = np.diff(by_attribute.indptr)[split.single_attribute]
        features = np.flatnonzero(counts)
        attribute, counts = split.single_attribute[features], counts[features]
        bounds = np.concatenate([[0], np.cumsum(counts)])
        entry = np.arange(bounds[-1]) + np.repeat(starts[attribute] - bounds[:-1], counts)
        cells = by_attribute.indices[entry] * np.int64(split.n_labels)
        cells += np.repeat(split.single_label[features], counts)
        size = packing.n_positions * split.n_labels
        kind = np.int32 if max(size, len(cells)) <= np.iinfo(np.int32).max else np.int64
        single = scipy.sparse.csr_array(
            (by_attribute.data[entry], cells.astype(kind), bounds.astype(kind)),
            shape=(len(features), size),
        )
        dense = by_attribute[:, split.columns].tocsr()
        return cls(packing, ones.shared_by(dense), features, ones.shared_by(single))

    def scores(self, rows: FloatArray, single: FloatArray) -> FloatArray:
        """Node scores (M, L)."""
        scores: FloatArray = np.asarray(self.dense @ rows)
        scores += np.asarray(self.single.T @ single[self.features]).reshape(scores.shape)
        return scores

    def expected(self, nodes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Expected counts under node marginals (M, L): as rows of W, and of ``features``."""
        return np.asarray(self.dense.T @ nodes), np.asarray(self.single @ nodes.ravel())


class _Ones:
    """An array of ones, shared by the matrices that hold nothing else, as templates make them.

    That saves half of their memory, and the products read the ones from the cache.
    """

    def __init__(self) -> None:
        self.array = np.ones(0)

    def shared_by(self, matrix: Matrix) -> Matrix:
        """The same matrix, its data part of the one array if they are all one."""
        if not (matrix.data == 1.0).all():
            return matrix
        if len(self.array) < matrix.nnz:
            self.array = np.ones(matrix.nnz)
        parts = (self.array[: matrix.nnz], matrix.indices, matrix.indptr)
        return scipy.sparse.csr_array(parts, shape=matrix.shape)


def usable_processors() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
