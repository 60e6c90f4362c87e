"""From the numbers that templates find at tokens to a CSR matrix of attributes.

A block of tokens at a time is looked up for all templates, while it is in the processor's cache;
the attributes of a row come out in order, and the matrix needs no sorting.

Letters: M tokens, A attributes, W entries of a row at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from gibbsfactor.features.tokens import Matrix
from gibbsfactor.features.vocabulary import csr

BLOCK = 8192
"""Tokens at a time."""


class Lookup(NamedTuple):
    """One template: token m has attribute ``table[numbers[rows[m] + shift]]``, -1 for none."""

    numbers: NDArray[np.intp]
    rows: NDArray[np.intp]
    shift: int
    table: NDArray[np.int32]


def stack(
    n_tokens: int,
    n_attributes: int,
    lookups: Sequence[Lookup],
    marks: Sequence[tuple[NDArray[np.int64], int]],
    *,
    ordered: bool,
) -> Matrix:
    """The (M, A) matrix of ones.

    Parameters
    ----------
    n_tokens, n_attributes
        M and A.
    lookups
        The templates.
    marks
        Tokens and the attribute that these alone have; behind the templates' in number.
    ordered
        Whether every lookup's attributes lie behind those of the lookup before it. Otherwise rows
        are sorted, and an attribute found twice has weight 2.
    """
    width = len(lookups) + len(marks)
    indices = np.empty(n_tokens * width, np.int32)
    indptr = np.zeros(n_tokens + 1, np.int64)
    buffer = np.empty((width, min(BLOCK, n_tokens)), np.int32)
    filled = 0
    for begin in range(0, n_tokens, BLOCK):
        end = min(begin + BLOCK, n_tokens)
        block = buffer[:, : end - begin]
        for row, (numbers, rows, shift, table) in zip(block, lookups, strict=False):
            found = numbers.take(rows[begin:end] + shift)
            table.take(found, out=row, mode="wrap")  # -1 wraps to the table's last place
        for row, (tokens, attribute) in zip(block[len(lookups) :], marks, strict=True):
            row[:] = -1
            first, last = np.searchsorted(tokens, (begin, end))
            row[tokens[first:last] - begin] = attribute
        present = block >= 0
        indptr[begin + 1 : end + 1] = np.count_nonzero(present, axis=0)
        stop = int(indptr[begin + 1 : end + 1].sum()) + filled
        indices[filled:stop] = block.T[present.T]
        filled = stop
    np.cumsum(indptr, out=indptr)
    indices.resize(filled, refcheck=False)
    shape = (n_tokens, n_attributes)
    if not ordered:
        return csr(np.ones(filled), indices, indptr, shape)
    matrix = scipy.sparse.csr_array(
        (np.ones(filled), indices, indptr.astype(np.int32)), shape=shape
    )
    matrix.has_canonical_format = True
    return matrix
