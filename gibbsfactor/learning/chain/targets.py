"""What is known of the labels in training data, and how much each sequence counts.

Letters: N sequences, M tokens, L labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gibbsfactor.features.tokens import Matrix

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ChainTargets:
    """The labels of N sequences, known wholly or in part.

    Attributes
    ----------
    n_labels : L
    lengths : (N,)
    codes : (M,) label numbers, -1 where the label is not fixed
    allowed : (M, L) which labels each position may have; None if all labels are fixed
    weights : (N,) how much each sequence counts
    token_weights : (M,) how much each token counts within its sequence; None if all count once.
        They are 1 throughout a sequence whose tokens all count the same, which is then part of
        the sequence's weight.
    support : (M, L) which labels there can be at each position at all, in the labelling known and
        in those that it is compared with; None if all can be
    """

    n_labels: int
    lengths: IntArray
    codes: IntArray
    allowed: BoolArray | None
    weights: FloatArray
    token_weights: FloatArray | None = None
    support: BoolArray | None = None

    @classmethod
    def of(
        cls,
        lengths: IntArray,
        codes: IntArray,
        n_labels: int,
        allowed: BoolArray | None = None,
        weights: npt.ArrayLike | None = None,
        token_weights: FloatArray | None = None,
        support: BoolArray | None = None,
    ) -> ChainTargets:
        """By default every label is fixed, and every sequence and every token counts once."""
        counts = np.ones(len(lengths)) if weights is None else np.asarray(weights, np.float64)
        if token_weights is None:
            return cls(n_labels, lengths, codes, allowed, counts, None, support)
        sequence = np.repeat(np.arange(len(lengths)), lengths)
        least, most = np.full(len(lengths), np.inf), np.full(len(lengths), -np.inf)
        np.minimum.at(least, sequence, token_weights)
        np.maximum.at(most, sequence, token_weights)
        even = least == most
        counts = counts * np.where(even, least, 1.0)
        within = np.where(even[sequence], 1.0, token_weights)
        each = None if even.all() else within
        return cls(n_labels, lengths, codes, allowed, counts, each, support)

    @property
    def fixed(self) -> BoolArray:
        """(N,) the sequences whose labels are all fixed."""
        return ~self._any(self.codes < 0)

    @property
    def even(self) -> BoolArray:
        """(N,) the sequences whose tokens all count the same."""
        if self.token_weights is None:
            return np.ones(len(self.lengths), dtype=bool)
        return ~self._any(self.token_weights != 1.0)

    @property
    def full(self) -> BoolArray:
        """(N,) the sequences whose labels are all fixed and whose tokens all count the same."""
        return self.fixed & self.even

    def _any(self, tokens: BoolArray) -> BoolArray:
        """(N,) whether a sequence has any of these tokens (M,)."""
        ends = np.cumsum(self.lengths)
        before = np.concatenate([[0], np.cumsum(tokens)])
        return np.asarray(before[ends] > before[ends - self.lengths])

    def neighbours(self) -> tuple[IntArray, IntArray]:
        """Positions of the two tokens of every pair of neighbours."""
        inside = np.ones(len(self.codes), dtype=bool)
        lengths = self.lengths[self.lengths > 0]
        inside[np.cumsum(lengths) - lengths] = False
        after = np.flatnonzero(inside)
        return after - 1, after

    @cached_property
    def _plain(self) -> bool:
        """Whether all labels are fixed and all sequences and tokens count once."""
        plain = self.token_weights is None and (self.weights == 1.0).all()
        return bool(plain and (self.codes >= 0).all())

    def known(self) -> Matrix:
        """(M, L) with a one for each label that a position is known to be, or to be one of.

        Sequences that count nothing are as if they were not there.
        """
        if self._plain:
            return self._fixed
        counts = np.repeat(self.weights > 0, self.lengths)
        rows = np.flatnonzero(counts & (self.codes >= 0))
        columns = self.codes[rows]
        if self.allowed is not None:
            few = counts & (self.codes < 0) & (self.allowed.sum(axis=1) < self.n_labels)
            row, column = np.nonzero(self.allowed & few[:, None])
            rows, columns = np.concatenate([rows, row]), np.concatenate([columns, column])
        shape = (len(self.codes), self.n_labels)
        return scipy.sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)

    def counted(self) -> Matrix:
        """(M, L) with the sequence's weight at the label of each token of a full sequence."""
        if self._plain:
            return self._fixed
        weights = np.repeat(np.where(self.full, self.weights, 0.0), self.lengths)
        rows = np.flatnonzero(weights != 0)
        shape = (len(self.codes), self.n_labels)
        entries = (weights[rows], (rows, self.codes[rows]))
        return scipy.sparse.csr_array(entries, shape=shape)

    @cached_property
    def _fixed(self) -> Matrix:
        n = len(self.codes)
        parts = (np.ones(n), self.codes.astype(np.int32), np.arange(n + 1, dtype=np.int32))
        return scipy.sparse.csr_array(parts, shape=(n, self.n_labels))


def sequence_weights(given: Any, n: int) -> FloatArray:
    """(N,) how much each sequence counts, by default 1.

    Raises
    ------
    ValueError
        If the weights are not N finite numbers of at least 0, or all are 0.
    """
    if given is None:
        return np.ones(n)
    weights = np.asarray(given, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}; it must hold one number for each of the "
            f"{n} sequences"
        )
    bad = np.flatnonzero(~((weights >= 0) & np.isfinite(weights)))
    if bad.size:
        raise ValueError(
            f"sample_weight gives sequence {bad[0]} the weight {weights[bad[0]]}; weights are "
            "finite and at least 0"
        )
    if not weights.any():
        raise ValueError("sample_weight is zero throughout; there is nothing to learn from")
    return weights
