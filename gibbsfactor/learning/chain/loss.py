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

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gibbsfactor.exact.chain import Packing, forward_backward
from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.threads import one_blas_thread, usable_processors

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BATCH_BYTES = 2**22  # of node scores in a batch, unless that is fewer sequences than
BATCH_SEQUENCES = 64
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
    states, state_counts = _sorted_cells(tokens_of_label @ tokens.attributes, n_labels)
    if tokens.attributes.nnz and tokens.attributes.data.min() < 0:
        # values that cancel leave no trace in their sum, but their features occur all the same
        there, _ = _sorted_cells(tokens_of_label @ abs(tokens.attributes), n_labels)
        signed = np.zeros(len(there))
        signed[np.searchsorted(there, states)] = state_counts
        states, state_counts = there, signed
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


def _sorted_cells(by_label: Matrix, n_labels: int) -> tuple[IntArray, FloatArray]:
    """Positions attribute * L + label of the entries of a matrix (L, A), rising; their values."""
    entries = by_label.tocoo()
    cells = entries.col.astype(np.int64) * n_labels + entries.row
    ascending = np.argsort(cells)
    return cells[ascending], np.asarray(entries.data[ascending], dtype=np.float64)


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
        self._stack = ExitStack()
        self._stack.enter_context(one_blas_thread())
        self._pool = self._stack.enter_context(ThreadPoolExecutor(self.n_threads))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __call__(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient at the weights."""
        n_states = len(self.features.states)
        edge = np.zeros((self.features.n_labels, self.features.n_labels))
        edge.ravel()[self.features.transitions] = weights[n_states:]
        rows, single = self.split.spread(weights)

        def evaluate(batches: list[_Batch]) -> _Expected:
            total = _Expected.zeros(rows, single, edge)
            for batch in batches:
                scores = batch.scores(rows, single)
                result = forward_backward(batch.packing, scores, edge, overwrite=True)
                del scores
                total.log_partition += float(result.log_partitions.sum())
                total.rows += np.asarray(batch.dense.T @ result.nodes)
                total.single[batch.features] += np.asarray(batch.single @ result.nodes.ravel())
                total.edge += result.edges
            return total

        shares = [self.batches[k :: self.n_threads] for k in range(self.n_threads)]
        parts = list(self._pool.map(evaluate, filter(None, shares)))
        expected = parts[0] if parts else _Expected.zeros(rows, single, edge)
        for part in parts[1:]:
            expected.add(part)
        loss = self.c2 * float(weights @ weights) - float(weights @ self.observed)
        loss += expected.log_partition
        gradient = (2 * self.c2) * weights - self.observed
        gradient[self.split.in_rows] += expected.rows.ravel()[self.split.cells]
        gradient[self.split.single] += expected.single
        gradient[n_states:] += expected.edge.ravel()[self.features.transitions]
        return loss, gradient


@dataclass(eq=False)
class _Expected:
    """What the batches of one thread add up to: log Z, and expected counts by kind of weight."""

    log_partition: float
    rows: FloatArray
    single: FloatArray
    edge: FloatArray

    @classmethod
    def zeros(cls, rows: FloatArray, single: FloatArray, edge: FloatArray) -> _Expected:
        return cls(0.0, np.zeros_like(rows), np.zeros_like(single), np.zeros_like(edge))

    def add(self, other: _Expected) -> None:
        self.log_partition += other.log_partition
        self.rows += other.rows
        self.single += other.single
        self.edge += other.edge


def _cut(lengths: IntArray, n_labels: int, n_threads: int) -> list[IntArray]:
    """Sequences, longest first, cut into batches of about equally many tokens."""
    order = np.argsort(-lengths, kind="stable")
    tokens = np.cumsum(lengths[order])
    total = int(tokens[-1]) if len(tokens) else 0
    least = BATCH_SEQUENCES * total // max(len(lengths), 1)  # a product needs rows to be quick
    most = max(BATCH_BYTES // (8 * n_labels), least, 1)
    batches = max(-(-total // (most * n_threads)), 1) * n_threads  # as many for each thread
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
