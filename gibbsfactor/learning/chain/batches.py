"""Training data in batches, as sparse matrices in the shapes that the loss multiplies.

Most attributes of text are rare and were seen with one or two labels only. A dense row of W for
each of them would be nearly all zeros, and too many to stay in the cache. So attributes with few
features are held feature by feature, as a sparse matrix from features to (token, label) cells,
and only the others as rows of W. It is the same sum in another order. What conditions steps is
held feature by feature throughout.

Letters: N sequences, M tokens, A attributes, L labels, K distinct sets of attributes of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gibbsfactor.exact.chain import Packing
from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.learning.chain.targets import BoolArray, ChainTargets

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BATCH_BYTES = 2**21  # of node scores in a batch, unless that is fewer sequences than
BATCH_SEQUENCES = 64
SINGLE_SHARE = 0.15  # an attribute seen with at most this share of the labels gets no row of W


@dataclass(frozen=True, eq=False)
class Split:
    """Which state features are held in rows of W, which one by one, and which are dense.

    Attributes
    ----------
    features : ChainFeatures
    n_dense : D, the attributes with a value on every token
    columns : (R,) attributes that have a row of W
    cells : position row * L + label in W of each feature that lies there
    in_rows, single : the numbers of the features of the first two kinds
    single_attribute, single_label : of each feature of the second kind
    """

    features: ChainFeatures
    n_dense: int
    columns: IntArray
    cells: IntArray
    in_rows: IntArray
    single: IntArray
    single_attribute: IntArray
    single_label: IntArray

    @classmethod
    def of(cls, features: ChainFeatures, n_dense: int) -> Split:
        """Split the features; the last D attributes are dense."""
        n_labels, n_sparse = features.n_labels, features.n_attributes - n_dense
        states = features.states[: len(features.states) - n_dense * n_labels]
        attribute, label = np.divmod(states, n_labels)
        per_attribute = np.bincount(attribute, minlength=n_sparse)
        has_row = per_attribute > SINGLE_SHARE * n_labels
        columns = np.flatnonzero(has_row)
        row = np.cumsum(has_row) - 1
        in_rows = np.flatnonzero(has_row[attribute])
        single = np.flatnonzero(~has_row[attribute])
        return cls(
            features,
            n_dense,
            columns,
            row[attribute[in_rows]] * n_labels + label[in_rows],
            in_rows,
            single,
            attribute[single],
            label[single],
        )

    @property
    def dense(self) -> slice:
        """The weights of the dense attributes."""
        end = len(self.features.states)
        return slice(end - self.n_dense * self.features.n_labels, end)

    def spread(self, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Rows (R, L), zero where there is no feature; single weights; and dense rows (D, L)."""
        n_labels = self.features.n_labels
        rows = np.zeros((len(self.columns), n_labels))
        rows.ravel()[self.cells] = weights[self.in_rows]
        return rows, weights[self.single], weights[self.dense].reshape(-1, n_labels)

    def add_to(
        self, gradient: FloatArray, rows: FloatArray, single: FloatArray, dense: FloatArray
    ) -> None:
        """Add what is in the three shapes of `spread` to a vector of all weights."""
        gradient[self.in_rows] += rows.ravel()[self.cells]
        gradient[self.single] += single
        gradient[self.dense] += dense.ravel()


@dataclass(frozen=True, eq=False)
class Batch:
    """Some of the sequences, packed.

    Attributes
    ----------
    packing : of these sequences
    weights : (n,) how much each counts
    codes : (M,) label numbers, -1 where one is not fixed
    allowed : (M, L) which labels there may be; None where all are fixed
    token_weights : (M,) how much each token counts in its sequence; None where all count the same
    support : (M, L) which labels there can be at all; None where all can be
    rows : (M, R) attributes that have a row of W
    features : numbers, among those held one by one, of the features that occur here
    single : (features, M * L) their values, at the cell of the token and the feature's label
    values : (M, D) of the dense attributes
    which : (M,) which of the K sets of attributes each pair has
    edges : (conditioned features, K * L * L) their values, at the cell of the set and the labels
    """

    packing: Packing
    weights: FloatArray
    codes: IntArray
    allowed: BoolArray | None
    token_weights: FloatArray | None
    support: BoolArray | None
    rows: Matrix
    features: IntArray
    single: Matrix
    values: FloatArray | None
    which: npt.NDArray[np.int32]
    edges: Matrix | None

    def scores(self, rows: FloatArray, single: FloatArray, dense: FloatArray) -> FloatArray:
        """Node scores (M, L)."""
        scores: FloatArray = np.asarray(self.rows @ rows)
        scores += np.asarray(self.single.T @ single[self.features]).reshape(scores.shape)
        if self.values is not None:
            scores += self.values @ dense
        return scores

    def steps(self, base: FloatArray, conditioned: FloatArray) -> FloatArray:
        """Log scores (K, S, L) of the steps, from those (S, L) that nothing conditions."""
        return (
            base[None] if self.edges is None else conditioned_steps(base, self.edges, conditioned)
        )


def make_batches(
    tokens: Tokens, targets: ChainTargets, split: Split, n_threads: int
) -> list[Batch]:
    """Batches of sequences of similar length, about equally large, each kind apart.

    The kinds are those of which the labels are fixed, or the tokens count the same, or not.

    A batch is small enough that its scores stay in a processor's cache from one sweep to the next.
    """
    ones, fixed, even = _Ones(), targets.fixed, targets.even
    first = np.cumsum(tokens.lengths) - tokens.lengths
    batches = []
    for kind in (fixed & even, ~fixed & even, fixed & ~even, ~fixed & ~even):
        sequences = np.flatnonzero(kind & (tokens.lengths > 0))
        for part in _cut(tokens.lengths[sequences], split.features.n_labels, n_threads):
            batches.append(_batch(tokens, targets, sequences[part], first, split, ones))
    return batches


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


def _batch(
    tokens: Tokens,
    targets: ChainTargets,
    sequences: IntArray,
    first: IntArray,
    split: Split,
    ones: _Ones,
) -> Batch:
    packing = Packing.of(tokens.lengths[sequences])
    lengths = packing.lengths
    shift = np.repeat(first[sequences] - (np.cumsum(lengths) - lengths), lengths)
    rows = packing.rows + shift[packing.rows]
    codes = targets.codes[rows]
    fixed = bool((codes >= 0).all())
    each = None if targets.token_weights is None else targets.token_weights[rows]
    support = None if targets.support is None else targets.support[rows]
    by_attribute = tokens.attributes[rows].tocsc()
    features, single = _one_by_one(by_attribute, split, packing.n_positions)
    which, edges = np.zeros(len(rows), np.int32), None
    if tokens.edges is not None:
        which, edges = conditions(tokens.edges[rows], split.features)
    return Batch(
        packing,
        targets.weights[sequences],
        codes,
        None if fixed or targets.allowed is None else targets.allowed[rows],
        None if each is None or bool((each == 1.0).all()) else each,
        None if support is None or bool(support.all()) else support,
        ones.shared_by(by_attribute[:, split.columns].tocsr()),
        features,
        ones.shared_by(single),
        None if tokens.dense is None else tokens.dense[rows],
        which,
        edges,
    )


def _one_by_one(by_attribute: Matrix, split: Split, n_tokens: int) -> tuple[IntArray, Matrix]:
    """The features held one by one that occur, and their values at cells token * L + label."""
    n_labels = split.features.n_labels
    starts = by_attribute.indptr[:-1]
    counts = np.diff(by_attribute.indptr)[split.single_attribute]
    features = np.flatnonzero(counts)
    attribute, counts = split.single_attribute[features], counts[features]
    bounds = np.concatenate([[0], np.cumsum(counts)])
    entry = np.arange(bounds[-1]) + np.repeat(starts[attribute] - bounds[:-1], counts)
    cells = by_attribute.indices[entry] * np.int64(n_labels)
    cells += np.repeat(split.single_label[features], counts)
    size = n_tokens * n_labels
    kind = np.int32 if max(size, len(cells)) <= np.iinfo(np.int32).max else np.int64
    parts = (by_attribute.data[entry], cells.astype(kind), bounds.astype(kind))
    return features, scipy.sparse.csr_array(parts, shape=(len(features), size))


def conditions(edges: Matrix, features: ChainFeatures) -> tuple[npt.NDArray[np.int32], Matrix]:
    """Which of K sets of attributes each pair has, and what each conditioned feature adds to each.

    Parameters
    ----------
    edges : (M, B) attributes of the pairs
    features : ChainFeatures

    Returns
    -------
    which : (M,) int32
    sets : (conditioned features, K * L * L), the attribute's value at the cells of its sets
    """
    which, sets = distinct_rows(edges)
    pairs = features.n_labels**2
    attribute, cell = np.divmod(features.conditioned, pairs)
    weights = scipy.sparse.csr_array(
        (np.ones(len(cell)), (attribute, np.arange(len(cell)))),
        shape=(features.n_edge_attributes, len(cell)),
    )
    entries = (sets @ weights).tocoo()  # a set, a feature, and the attribute's value
    cells = entries.row.astype(np.int64) * pairs + cell[entries.col]
    shape = (len(cell), sets.shape[0] * pairs)
    return which, scipy.sparse.csr_array((entries.data, (entries.col, cells)), shape=shape)


def conditioned_steps(base: FloatArray, sets: Matrix, weights: FloatArray) -> FloatArray:
    """Log scores (K, S, L) of the steps under each set of attributes, from the weights of
    conditioned features and those (S, L) that nothing conditions.
    """
    n_labels = base.shape[1]
    more = np.asarray(sets.T @ weights).reshape(-1, 1, n_labels, n_labels)
    steps = base.reshape(1, -1, n_labels, n_labels) + more
    return np.asarray(steps).reshape(len(more), *base.shape)


def distinct_rows(matrix: Matrix) -> tuple[npt.NDArray[np.int32], Matrix]:
    """The number of each row among the distinct ones, and those."""
    keys: dict[bytes, int] = {}
    which = np.empty(matrix.shape[0], np.int32)
    chosen: list[int] = []
    for row in range(matrix.shape[0]):
        span = slice(matrix.indptr[row], matrix.indptr[row + 1])
        key = matrix.indices[span].tobytes() + b"|" + matrix.data[span].tobytes()
        which[row] = keys.setdefault(key, len(keys))
        if which[row] == len(chosen):
            chosen.append(row)
    return which, matrix[chosen]


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
