"""The training objective of a semi-Markov chain: its value and gradient.

Letters: N sequences, M tokens, C candidates for segments, A attributes, L labels, F weights.

    loss      sum_n v_n ( log Z(x_n) - score(s_n) ) + c2 |w|^2
    gradient  expected - observed + 2 c2 w

v_n is the sequence's weight and s_n its segmentation. Each kind of weights is a matrix W (A, L) by
which a sparse matrix X is multiplied, a row a token or a candidate: scores are X W, expected
counts X' P with the probabilities P of what the rows stand for.

Source: Sarawagi & Cohen (2004), section 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gibbsfactor.exact.chain.segments import Candidates, SegmentScores, token_sums
from gibbsfactor.exact.chain.segments_sweeps import segment_marginals
from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.learning.chain.segment_features import KINDS, SegmentFeatures
from gibbsfactor.threads import OwnThreads

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BATCH_BYTES = 2**22  # of scores of candidates in a batch


@dataclass(frozen=True, eq=False)
class Product:
    """Rows of attributes that are multiplied by weights of one kind, R rows by K attributes.

    Only attributes that occur here and have a weight take part.

    Attributes
    ----------
    n_labels : L
    matrix : (R, K) values of the attributes
    features : numbers of the weights
    cells : position attribute * L + label of each of them
    dense : (R, D) values of dense attributes, or None
    dense_features, dense_cells : the same of those
    """

    n_labels: int
    matrix: Matrix
    features: IntArray
    cells: IntArray
    dense: FloatArray | None
    dense_features: IntArray
    dense_cells: IntArray

    @classmethod
    def of(cls, rows: Tokens, states: IntArray, start: int, n_labels: int) -> Product:
        """The rows, and the positions attribute * L + label of the weights from ``start`` on."""
        pointers = np.searchsorted(states, np.arange(rows.n_sparse + 1) * n_labels)
        taking = np.diff(pointers) > 0
        matrix = rows.attributes
        present = taking[matrix.indices]
        there = np.zeros(rows.n_sparse, bool)
        there[matrix.indices[present]] = True
        columns = np.flatnonzero(there)
        local = np.cumsum(there, dtype=np.int32) - 1
        before = np.concatenate([[0], np.cumsum(present)]).astype(np.int32)
        parts = (matrix.data[present], local[matrix.indices[present]], before[matrix.indptr])
        sizes = np.diff(pointers)[columns]
        shifts = np.repeat(pointers[columns] - (np.cumsum(sizes) - sizes), sizes)
        features = np.arange(sizes.sum()) + shifts
        of_dense = np.arange(pointers[-1], len(states))
        return cls(
            n_labels,
            scipy.sparse.csr_array(parts, shape=(matrix.shape[0], len(columns))),
            features + start,
            np.repeat(np.arange(len(columns)), sizes) * n_labels + states[features] % n_labels,
            rows.dense,
            of_dense + start,
            states[of_dense] - rows.n_sparse * n_labels,
        )

    def scores(self, weights: FloatArray) -> FloatArray:
        """(R, L)."""
        spread = np.zeros((self.matrix.shape[1], self.n_labels))
        spread.ravel()[self.cells] = weights[self.features]
        scores: FloatArray = np.asarray(self.matrix @ spread)
        if self.dense is not None:
            spread = np.zeros((self.dense.shape[1], self.n_labels))
            spread.ravel()[self.dense_cells] = weights[self.dense_features]
            scores += self.dense @ spread
        return scores

    def add_counts(self, shares: FloatArray, gradient: FloatArray) -> None:
        """Add to the gradient what rows with these shares (R, L) of the labels come to."""
        gradient[self.features] += np.asarray(self.matrix.T @ shares).ravel()[self.cells]
        if self.dense is not None:
            counts = self.dense.T @ shares
            gradient[self.dense_features] += counts.ravel()[self.dense_cells]


@dataclass(frozen=True, eq=False)
class SegmentBatch:
    """Some of the sequences, one after the other.

    Attributes
    ----------
    sequences : which
    candidates : Candidates
    products : of each kind of weights; None of a kind that has none
    """

    sequences: slice
    candidates: Candidates
    products: dict[str, Product | None]

    def scores(self, features: SegmentFeatures, weights: FloatArray) -> SegmentScores:
        """The log scores of all candidates."""
        parts = {
            kind: None if product is None else product.scores(weights)
            for kind, product in self.products.items()
        }
        whole = parts.pop("whole")
        if whole is None:
            whole = np.zeros((len(self.candidates), features.n_labels))
        return SegmentScores.of(self.candidates, whole, features.steps(weights), **parts)

    def add_counts(self, shares: FloatArray, gradient: FloatArray) -> None:
        """Add to the gradient what candidates with these probabilities (C, L) come to."""
        inside, first, last = token_sums(self.candidates, shares)
        for kind, rows in zip(KINDS, (inside, first, last, shares), strict=True):
            product = self.products[kind]
            if product is not None:
                product.add_counts(rows, gradient)


def segment_batches(
    tokens: Tokens, whole: Tokens, candidates: Candidates, features: SegmentFeatures, least: int = 1
) -> list[SegmentBatch]:
    """Batches of neighbouring sequences with about equally many candidates.

    A batch is small enough that its scores stay in a processor's cache from one sweep to the next.
    How many there are is a multiple of ``least``.
    """
    ends = np.concatenate([[0], np.cumsum(candidates.lengths)])
    done = candidates.offsets[ends]  # candidates before each sequence
    size = int(done[-1]) * 8 * features.n_labels
    n_batches = max(-(-size // (BATCH_BYTES * least)), 1) * least
    cuts = np.searchsorted(done, np.arange(1, n_batches) * done[-1] / n_batches)
    bounds = np.unique(np.concatenate([[0], cuts, [len(candidates.lengths)]])).tolist()
    batches = []
    for begin, end in pairwise(bounds):
        part = slice(begin, end)
        here = Candidates.of(candidates.lengths[part], candidates.longest)
        of_tokens = tokens[part]
        of_segments = _rows(whole, int(done[begin]), int(done[end]))
        products: dict[str, Product | None] = {}
        for kind, start in zip(KINDS, features.bounds, strict=False):
            rows, states = of_segments if kind == "whole" else of_tokens, getattr(features, kind)
            products[kind] = (
                Product.of(rows, states, start, features.n_labels) if len(states) else None
            )
        batches.append(SegmentBatch(part, here, products))
    return batches


def _rows(whole: Tokens, begin: int, end: int) -> Tokens:
    dense = None if whole.dense is None else whole.dense[begin:end]
    return Tokens(whole.attributes[begin:end], np.array([end - begin]), dense=dense)


class SegmentLoss(OwnThreads):
    """Callable (F,) weights -> (loss, gradient), evaluated on threads over batches of sequences.

    A context manager: inside it the threads exist and the linear algebra library is held to one
    thread, since the matrices are too small for it to share.

    Parameters
    ----------
    features, observed : from `observed_segment_features`
    tokens, whole, candidates : what these were given
    c2 : penalty c2 |w|^2
    weights : (N,) how much each sequence counts, by default 1
    n_threads : by default as many as there are processors to run on
    """

    def __init__(
        self,
        features: SegmentFeatures,
        observed: FloatArray,
        tokens: Tokens,
        whole: Tokens,
        candidates: Candidates,
        c2: float,
        weights: FloatArray | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.features = features
        self.observed = observed
        self.c2 = float(c2)
        self.weights = np.ones(len(candidates.lengths)) if weights is None else weights
        super().__init__(n_threads)
        self.batches = segment_batches(tokens, whole, candidates, features, self.n_threads)

    def __call__(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient at the weights."""
        features = self.features

        def evaluate(batches: list[SegmentBatch]) -> tuple[float, FloatArray]:
            loss, expected = 0.0, np.zeros(features.n_weights)
            for batch in batches:
                counted = self.weights[batch.sequences]
                found = segment_marginals(batch.scores(features, weights), counted)
                loss += float(counted @ found.log_partitions)
                batch.add_counts(found.segments, expected)
                expected[features.bounds[4] :] += found.steps.ravel()[features.transitions]
            return loss, expected

        shares = [self.batches[k :: self.n_threads] for k in range(self.n_threads)]
        loss = self.c2 * float(weights @ weights) - float(weights @ self.observed)
        gradient = (2 * self.c2) * weights - self.observed
        for part, expected in self._pool.map(evaluate, filter(None, shares)):
            loss += part
            gradient += expected
        return loss, gradient
