"""Tokens: what a sequence model reads, a sparse matrix of attributes cut into sequences.

Letters: N sequences, M tokens in all of them together, A attributes, of which D are dense, and B
attributes of pairs of neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number
from operator import index
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

Matrix: TypeAlias = "scipy.sparse.csr_array[np.float64, tuple[int, int]]"
Picked: TypeAlias = slice | Sequence[int] | NDArray[Any]
"""Which sequences: a slice, positions, or a mask of N booleans."""


@dataclass(frozen=True, eq=False, repr=False)
class Tokens:
    """N sequences of tokens, one after the other, each token with weighted attributes.

    Parameters
    ----------
    attributes
        Sparse (M, A) matrix; row m holds the weights of token m's attributes. It is held as CSR
        with float64 data, int32 indices sorted within each row, and no repeated entry.
    lengths
        (N,) integers that add up to M. A sequence may be empty.
    edges
        Sparse (M, B), held alike: row m holds the attributes of the pair of token m and the one
        before it, which condition transition weights. At the first token of a sequence they mean
        nothing.
    dense
        (M, D) values that nearly all tokens have, such as word vectors. They are numbered after
        the sparse attributes: A is the number of both.

    Raises
    ------
    TypeError
        If `attributes` is not a scipy.sparse matrix or array.
    ValueError
        If the lengths or the other parts do not fit the rows, or a weight is NaN or infinite.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> tokens = Tokens(csr_array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), [2, 1])
    >>> tokens
    Tokens(2 sequences, 3 tokens, 2 attributes, 4 weights)
    >>> tokens[1:].attributes.toarray()
    array([[1., 1.]])
    """

    attributes: Matrix
    lengths: NDArray[np.int64]
    edges: Matrix | None = None
    dense: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        matrix = canonical(self.attributes)
        object.__setattr__(self, "attributes", matrix)
        rows = int(matrix.shape[0])
        object.__setattr__(self, "lengths", check_lengths(self.lengths, rows, "attributes"))
        if self.edges is not None:
            object.__setattr__(self, "edges", canonical(self.edges))
            _check_rows(self.edges, rows, "edges")
        if self.dense is not None:
            object.__setattr__(self, "dense", canonical_dense(self.dense))
            _check_rows(self.dense, rows, "dense values")

    @property
    def n_tokens(self) -> int:
        """M, the number of tokens over all sequences."""
        return int(self.attributes.shape[0])

    @property
    def n_sparse(self) -> int:
        """A - D, the number of attributes that are not dense."""
        return int(self.attributes.shape[1])

    @property
    def n_dense(self) -> int:
        """D."""
        return 0 if self.dense is None else int(self.dense.shape[1])

    @property
    def n_attributes(self) -> int:
        """A, the number of attributes, present on a token or not."""
        return self.n_sparse + self.n_dense

    @property
    def n_edge_attributes(self) -> int:
        """B, the number of attributes that condition transitions."""
        return 0 if self.edges is None else int(self.edges.shape[1])

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def shape(self) -> tuple[int]:
        """(N,), by which scikit-learn knows that sequences are picked by ``self[positions]``."""
        return (len(self),)

    def __getitem__(self, picked: Picked | tuple[Picked, EllipsisType]) -> Tokens:
        """The picked sequences, in the order asked for."""
        if isinstance(picked, tuple) and len(picked) == 2 and picked[1] is Ellipsis:
            picked = picked[0]  # as scikit-learn asks
        rows, lengths = pick_sequences(self.lengths, picked)
        return Tokens(
            self.attributes[rows],
            lengths,
            None if self.edges is None else self.edges[rows],
            None if self.dense is None else self.dense[rows],
        )

    def __repr__(self) -> str:
        more = f", {self.n_edge_attributes:,} on pairs" if self.n_edge_attributes else ""
        more += f", {self.n_dense:,} dense" if self.n_dense else ""
        return (
            f"Tokens({len(self):,} sequences, {self.n_tokens:,} tokens, "
            f"{self.n_attributes:,} attributes{more}, {self.attributes.nnz:,} weights)"
        )


def _check_rows(part: Any, rows: int, of: str) -> None:
    if part.shape[0] != rows:
        raise ValueError(
            f"the {of} have {part.shape[0]} rows, but the attributes {rows}; one row a token"
        )


def canonical_dense(given: Any) -> NDArray[np.float64]:
    """The (M, D) values as read-only float64, shared where they are so already."""
    array = np.asarray(given)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"dense values must be real numbers of shape (tokens, values), but have shape "
            f"{array.shape} and type {array.dtype}"
        )
    array = np.ascontiguousarray(array, dtype=np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(
            f"token {row} has {array[row, column]} as dense value {column}; "
            "every value must be finite"
        )
    return read_only(array)


def canonical(given: Any) -> Matrix:
    """The matrix as read-only canonical float64 CSR; arrays already so are shared, not copied."""
    sparse: bool = scipy.sparse.issparse(given)
    if not sparse:
        raise TypeError(
            f"attributes must be a scipy.sparse matrix of shape (tokens, attributes), "
            f"but a {type(given).__name__} was given; wrap it in scipy.sparse.csr_array"
        )
    if given.ndim != 2:
        raise ValueError(
            f"attributes must have two axes, (tokens, attributes), but has shape {given.shape}"
        )
    if given.dtype.kind not in "biuf":
        raise TypeError(f"attributes must hold real numbers, but hold {given.dtype}")
    matrix = scipy.sparse.csr_array(given, dtype=np.float64)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    finite = np.isfinite(matrix.data)
    if not finite.all():
        entry = int(np.flatnonzero(~finite)[0])
        row = int(np.searchsorted(matrix.indptr, entry, side="right")) - 1
        raise ValueError(
            f"token {row} has weight {matrix.data[entry]} on attribute {matrix.indices[entry]}; "
            "every weight must be finite"
        )
    if max(matrix.nnz, *matrix.shape) > np.iinfo(np.int32).max:
        raise ValueError(
            f"{matrix.nnz} weights in {matrix.shape[0]} x {matrix.shape[1]} places do not fit "
            "32-bit positions; give fewer sequences at a time, or raise min_freq"
        )
    frozen = scipy.sparse.csr_array(
        (
            read_only(matrix.data),
            read_only(matrix.indices.astype(np.int32, copy=False)),
            read_only(matrix.indptr.astype(np.int32, copy=False)),
        ),
        shape=matrix.shape,
    )
    frozen.has_canonical_format = True
    return frozen


def unpacked(thing: Any) -> Any:
    """Arrays and series of dicts, strings or lists as nested lists; anything else as it is.

    So scikit-learn hands on the sequences that it cuts: those of one length as an array with an
    axis of tokens.

    Examples
    --------
    >>> unpacked(np.array([[{"w": "a"}, {"w": "b"}], [{"w": "c"}, {"w": "d"}]]))
    [[{'w': 'a'}, {'w': 'b'}], [{'w': 'c'}, {'w': 'd'}]]
    >>> unpacked(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    if isinstance(thing, np.ndarray):
        if thing.dtype.kind not in "OUS":
            return thing
        entries = thing.tolist()
        first = next((entry for entry in thing.flat if entry is not None), None)
    elif hasattr(thing, "to_list") and not hasattr(thing, "columns"):
        entries = thing.to_list()
        first = next((entry for entry in entries if entry is not None), None)
    else:
        return thing
    return thing if isinstance(first, Number) else entries


def check_lengths(given: Any, n_tokens: int, of: str) -> NDArray[np.int64]:
    """Lengths as read-only (N,) int64, or an error that says how they do not fit."""
    lengths = np.asarray(given)
    if lengths.ndim != 1 or (lengths.size and lengths.dtype.kind not in "iu"):
        raise ValueError(
            f"lengths must be one integer per sequence, but have shape {lengths.shape} "
            f"and type {lengths.dtype}"
        )
    lengths = lengths.astype(np.int64)
    if (lengths < 0).any():
        first = int(np.flatnonzero(lengths < 0)[0])
        raise ValueError(f"sequence {first} has length {lengths[first]}; lengths are 0 or more")
    if lengths.sum() != n_tokens:
        raise ValueError(
            f"{len(lengths)} lengths add up to {lengths.sum()} tokens, but the {of} have "
            f"{n_tokens}; they must be equal"
        )
    return read_only(lengths)


def pick_sequences(
    lengths: NDArray[np.int64], picked: Picked
) -> tuple[slice | NDArray[np.int64], NDArray[np.int64]]:
    """The token rows of the picked sequences, and those sequences' lengths."""
    if not isinstance(picked, slice):
        picked = check_positions(picked, len(lengths))
    ends = np.cumsum(lengths)
    chosen, stops = lengths[picked], ends[picked]
    if isinstance(picked, slice) and picked.step in (None, 1):
        if not len(chosen):
            return slice(0, 0), chosen
        return slice(int(stops[0] - chosen[0]), int(stops[-1])), chosen
    before = np.cumsum(chosen) - chosen
    return np.repeat(stops - chosen - before, chosen) + np.arange(chosen.sum()), chosen


def check_positions(picked: Any, n: int) -> NDArray[Any]:
    """Positions or a mask of sequences as an array, or an error that says what is allowed."""
    array = np.asarray(picked)
    if array.ndim == 1 and not array.size:
        return array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        raise TypeError(
            f"sequences are picked by a slice, integers or booleans, but a "
            f"{type(picked).__name__} of shape {array.shape} and type {array.dtype} was given"
        )
    if array.dtype.kind == "b":
        if len(array) != n:
            raise IndexError(f"a mask of {len(array)} booleans for {n} sequences; give {n}")
        return array
    bad = (array < -n) | (array >= n)
    if bad.any():
        raise IndexError(f"there is no sequence {array[bad][0]}: there are {n}")
    return array


def check_position(given: Any, n: int, noun: str) -> int:
    """One position in 0..n-1, negative ones counted from the end."""
    try:
        position = index(given)
    except TypeError:
        raise TypeError(
            f"a {noun} is named by its position, an integer, but {given!r} was given"
        ) from None
    if not -n <= position < n:
        raise IndexError(f"there is no {noun} {position}: there are {n}, 0 to {n - 1}")
    return position % n


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view of the array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


BOS, EOS = "__BOS__", "__EOS__"


def with_ends(tokens: Tokens) -> Tokens:
    """The tokens with two more attributes, behind the sparse ones: being first, and being last.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> with_ends(Tokens(csr_array((3, 0)), [2, 1])).attributes.toarray()
    array([[1., 0.],
           [0., 1.],
           [1., 1.]])
    """
    lengths = tokens.lengths[tokens.lengths > 0]
    stops = np.cumsum(lengths)
    marks = np.zeros((tokens.n_tokens, 2))
    marks[stops - lengths, 0] = 1.0
    marks[stops - 1, 1] = 1.0
    both = scipy.sparse.hstack([tokens.attributes, scipy.sparse.csr_array(marks)], format="csr")
    return Tokens(both, tokens.lengths, tokens.edges, tokens.dense)
