"""Data, weights and rules as tuples of arrays, for the loops that go sequence by sequence.

Letters: N sequences, M tokens, A attributes of which D are dense, B of pairs, L labels, S states,
F weights.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import frozen
from gibbsfactor.exact.chain.scores import states_after
from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.learning.chain.rules import ChainRules
from gibbsfactor.learning.chain.targets import ChainTargets

Array = npt.NDArray[Any]

ROW_SHARE = 0.1  # of the labels: attributes with weights for more of them get a row


class Data(NamedTuple):
    """The tokens: offsets (N + 1,), CSR of attributes, values (M, D), CSR of pairs' attributes."""

    offsets: Array
    indptr: Array
    indices: Array
    data: Array
    dense: Array
    edge_indptr: Array
    edge_indices: Array
    edge_data: Array

    @classmethod
    def of(cls, tokens: Tokens) -> Data:
        """The parts of tokens; without attributes of pairs every row of those is empty."""
        n_tokens = tokens.n_tokens
        dense = np.zeros((n_tokens, 0)) if tokens.dense is None else tokens.dense
        pairs = (np.zeros(n_tokens + 1, np.int32), np.zeros(0, np.int32), np.zeros(0))
        edges = pairs if tokens.edges is None else _csr(tokens.edges)
        offsets = np.concatenate([[0], np.cumsum(tokens.lengths)])
        parts: list[Array] = [offsets, *_csr(tokens.attributes), dense, *edges]
        return cls(*map(frozen, parts))


class Shape(NamedTuple):
    """Where the weight of each feature is.

    Attributes
    ----------
    pointers : (A' + 1,) where the weights of each attribute that is not dense begin
    labels : the label of each of those
    transitions : (L, L) the weight of each transition, -1 for none
    edge_pointers : (B + 1,) where the weights of each attribute of pairs begin, from `conditioned`
    cells : before * L + label of each of those
    triples : (L, L, L), or empty in first order: the weight of each, -1 for none
    after : (S,) see `states_after`
    starts : where dense and conditioned weights begin
    """

    pointers: Array
    labels: Array
    transitions: Array
    edge_pointers: Array
    cells: Array
    triples: Array
    after: Array
    starts: Array

    @classmethod
    def of(cls, features: ChainFeatures, n_dense: int) -> Shape:
        """The places of the weights; the last D attributes are dense."""
        n, bounds = features.n_labels, features.bounds
        n_sparse = features.n_attributes - n_dense
        pointers = np.searchsorted(features.states, np.arange(n_sparse + 1) * n)
        transitions = np.full(n * n, -1)
        transitions[features.transitions] = np.arange(bounds[1], bounds[2])
        edges = np.arange(features.n_edge_attributes + 1) * n * n
        triples = np.full(n**3 if features.order > 1 else 0, -1)
        triples[features.triples] = np.arange(bounds[3], bounds[4])
        arrays: list[Array] = [
            pointers,
            (features.states % n).astype(np.int32),
            transitions.reshape(n, n),
            np.searchsorted(features.conditioned, edges),
            features.conditioned % (n * n),
            triples.reshape(-1, n, n),
            states_after(features.n_states, n),
            np.array([bounds[1] - n_dense * n, bounds[2]]),
        ]
        return cls(*map(frozen, arrays))


class Rows(NamedTuple):
    """Weights of common attributes spread out: where each one's row is, -1 for none; and the rows.

    A row is added up several labels at a time, features one by one. It holds the weights as they
    were when it was made.
    """

    row_of: Array
    rows: Array

    @classmethod
    def none(cls, shape: Shape) -> Rows:
        """No rows, for weights that change."""
        n_sparse, n_labels = len(shape.pointers) - 1, len(shape.transitions)
        return cls(frozen(np.full(n_sparse, -1)), frozen(np.zeros((0, n_labels))))

    @classmethod
    def of(cls, shape: Shape, weights: Array) -> Rows:
        """Rows for the attributes that have weights for more than a few of the labels."""
        n_labels, counts = len(shape.transitions), np.diff(shape.pointers)
        common = counts > ROW_SHARE * n_labels
        row_of = np.where(common, np.cumsum(common) - 1, -1)
        rows = np.zeros((int(common.sum()), n_labels))
        feature = np.flatnonzero(np.repeat(common, counts))
        rows[np.repeat(row_of, counts)[feature], shape.labels[feature]] = weights[feature]
        return cls(frozen(row_of), frozen(rows))


class Known(NamedTuple):
    """What is known of the labels, and what counts how much.

    Codes (M,), allowed (M, L) or empty, weights (N,), those of tokens (M,) or empty, support (M, L)
    or empty.
    """

    codes: Array
    allowed: Array
    weights: Array
    token_weights: Array
    support: Array

    @classmethod
    def of(cls, targets: ChainTargets) -> Known:
        """The arrays of targets."""
        none = np.zeros((0, targets.n_labels), dtype=bool)
        allowed = none if targets.allowed is None else targets.allowed
        support = none if targets.support is None else targets.support
        each = np.zeros(0) if targets.token_weights is None else targets.token_weights
        return cls(*map(frozen, (targets.codes, allowed, targets.weights, each, support)))


class Limits(NamedTuple):
    """Rules as log scores, 0 or -inf: start (L,), pairs (L, L), end (L,); and costs (L, L)."""

    start: Array
    pairs: Array
    end: Array
    costs: Array

    @classmethod
    def of(cls, rules: ChainRules, n_labels: int) -> Limits:
        """Zeros where the rules say nothing."""
        shapes = ((n_labels,), (n_labels, n_labels), (n_labels,))
        tables = []
        for table, shape in zip((rules.start, rules.pairs, rules.end), shapes, strict=True):
            tables.append(np.zeros(shape) if table is None else np.where(table, 0.0, -np.inf))
        costs = np.zeros((n_labels, n_labels)) if rules.costs is None else rules.costs
        return cls(*map(frozen, [*tables, costs]))


def _csr(matrix: Matrix) -> tuple[Array, Array, Array]:
    return matrix.indptr, matrix.indices, matrix.data
