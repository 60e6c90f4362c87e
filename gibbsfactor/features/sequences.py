"""What users give as sequences: lists, generators, matrices with lengths, data frames.

Letters: N sequences, M tokens in all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.named_tokens import NamedTokens
from gibbsfactor.features.tokens import Tokens, unpacked


class Stream:
    """Sequences that come one by one, as from a generator, and are read once.

    The first of them can be looked at beforehand.

    Examples
    --------
    >>> stream = Stream(iter([[["a"], ["b"]], [["c"]]]))
    >>> stream.first_token()
    ['a']
    >>> list(stream)
    [[['a'], ['b']], [['c']]]
    """

    def __init__(self, sequences: Iterator[Any]) -> None:
        self._rest: Iterator[Any] | None = sequences
        self._ahead: list[Any] = []

    def first_sequence(self) -> Any:
        """The first sequence; None if there is none."""
        return next(self._look_ahead(), None)

    def first_token(self) -> Any:
        """The first token of the first sequence that has one; None if there is none."""
        for n, sequence in enumerate(self._look_ahead()):
            tokens = self._ahead[n] = listed(sequence, n, "tokens")
            if tokens:
                return tokens[0]
        return None

    @property
    def n_ahead(self) -> int:
        """How many sequences have been taken so far."""
        return len(self._ahead)

    def _look_ahead(self) -> Iterator[Any]:
        yield from self._ahead
        for sequence in self._unread():
            self._ahead.append(sequence)
            yield sequence

    def __iter__(self) -> Iterator[Any]:
        rest, ahead = self._unread(), self._ahead
        self._rest, self._ahead = None, []
        return chain(ahead, rest)

    def _unread(self) -> Iterator[Any]:
        if self._rest is None:
            raise ValueError(
                "these sequences came from a generator and have been read already; "
                "make it anew, or give a list"
            )
        return self._rest


Readable: TypeAlias = "Tokens | NamedTokens | Columns | Stream | Sequence[Any]"
"""What a vectoriser takes, as `as_sequences` gives it."""


def as_sequences(X: Any, lengths: Any = None) -> Readable:
    """Sequences in any form, in one that vectorisers read.

    Parameters
    ----------
    X
        A list of N sequences, or anything else that yields them one by one, such as a generator,
        a series, or an array of dicts or strings with an axis of sequences and one of tokens;
        or one matrix over the M tokens of all sequences, with `lengths`; or a matrix for each
        sequence. A matrix is a scipy.sparse matrix, an array with two axes, or a data frame of
        numbers, whose columns give the names of attributes. Or `Tokens`, or `Columns`.
    lengths
        (N,) integers that add up to M, for one matrix only.

    Returns
    -------
    Tokens or NamedTokens
        For matrices: sparse ones hold attributes, others dense values.
    Columns, Stream or list
        For the rest; a generator becomes a `Stream`, of which a first sequence has been taken.

    Raises
    ------
    TypeError
        If X is none of these, or lengths are missing or go with something that has its own.
    ValueError
        If the lengths do not add up, matrices differ in width, or a number is NaN or infinite.

    Examples
    --------
    >>> as_sequences(np.eye(3), lengths=[2, 1])
    Tokens(2 sequences, 3 tokens, 3 attributes, 3 dense, 0 weights)
    >>> as_sequences([scipy.sparse.csr_array(np.eye(2))] * 3)
    Tokens(3 sequences, 6 tokens, 2 attributes, 6 weights)
    """
    X = unpacked(X) if lengths is None else X
    if is_matrix(X):
        if lengths is None:
            raise TypeError(
                f"a {type(X).__name__} of shape {X.shape} was given without lengths, so that it is "
                "not known where sequences end; give lengths=[...], one integer a sequence"
            )
        return _joined([X], lengths)
    if lengths is not None:
        held = f" of {X.dtype}" if hasattr(X, "dtype") else ""
        raise TypeError(
            "lengths go with one matrix of real numbers of shape (tokens, attributes), but X is a "
            f"{type(X).__name__}{held}; leave lengths out, sequences tell their own"
        )
    if isinstance(X, Tokens | NamedTokens | Columns | Stream | list | tuple):
        return _joined_if_matrices(X)
    if isinstance(X, str | bytes | Mapping | set | frozenset) or not isinstance(X, Iterable):
        raise TypeError(
            f"data must be a list of sequences, each a list of tokens, but a {type(X).__name__} "
            "was given; turn it into such a list"
        )
    return _joined_if_matrices(Stream(X) if isinstance(X, Iterator) else list(X))


def listed(sequence: Any, n: int, noun: str) -> Sequence[Any]:
    """The tokens of sequence n as a list, or TypeError if it is no sequence."""
    sequence = unpacked(sequence)
    if isinstance(sequence, list | tuple):
        return sequence
    unordered = isinstance(sequence, str | bytes | Mapping | set | frozenset)
    if unordered or not isinstance(sequence, Iterable):
        raise TypeError(
            f"sequence {n} is a {type(sequence).__name__}, expected a list of {noun}, one a "
            "token; for a single sequence give [sequence]"
        )
    return list(sequence)


def is_matrix(thing: Any) -> bool:
    """Whether it is an array of numbers, a sparse one, or a data frame."""
    if isinstance(thing, np.ndarray):
        is_flat = thing.ndim < 2 and thing.dtype.kind != "O"
        return (thing.ndim == 2 or is_flat) and unpacked(thing) is thing
    return bool(scipy.sparse.issparse(thing)) or _is_frame(thing)


def _is_frame(thing: Any) -> bool:
    return hasattr(thing, "columns") and hasattr(thing, "to_numpy")


def _joined_if_matrices(X: Readable) -> Readable:
    """Matrices, one a sequence, as Tokens; anything else as it is."""
    if isinstance(X, Tokens | NamedTokens | Columns):
        return X
    first = X.first_sequence() if isinstance(X, Stream) else next(iter(X), None)
    if not is_matrix(first):
        return X
    parts = list(X)
    for n, part in enumerate(parts):
        if not is_matrix(part) or len(part.shape) != 2:
            raise TypeError(
                f"sequence {n} is a {type(part).__name__}"
                + (f" of shape {part.shape}" if hasattr(part, "shape") else "")
                + ", but the first one is a matrix; give a matrix of shape (tokens, values) for "
                "each sequence"
            )
    return _joined(parts, [part.shape[0] for part in parts])


def _joined(parts: list[Any], lengths: Any) -> Tokens | NamedTokens:
    """Matrices one below the other, cut into sequences of these lengths."""
    first = parts[0]
    for n, part in enumerate(parts):
        _check_matrix(part, first, f"sequence {n}: " if len(parts) > 1 else "")
    if scipy.sparse.issparse(first):
        rows: Any = first if len(parts) == 1 else scipy.sparse.vstack(parts, format="csr")
        return Tokens(rows, lengths)
    arrays = [_frame_values(part) if _is_frame(part) else part for part in parts]
    dense = arrays[0] if len(parts) == 1 else np.concatenate(arrays)
    none = scipy.sparse.csr_array((len(dense), 0), dtype=np.float64)
    tokens = Tokens(none, lengths, dense=dense)
    return NamedTokens(tokens, tuple(map(str, first.columns))) if _is_frame(first) else tokens


def _frame_values(frame: Any) -> NDArray[Any]:
    """The numbers in a data frame; raises TypeError if a column holds something else."""
    values: NDArray[Any] = frame.to_numpy()
    if values.dtype.kind == "O":  # of extension types, such as Int64
        names = list(frame.columns)
        columns = [np.asarray(frame[name].to_numpy()) for name in names]
        if all(column.dtype.kind in "biuf" for column in columns):
            values = np.column_stack(columns)
    if values.dtype.kind in "biuf":
        return values
    kinds = zip(frame.columns, frame.dtypes, strict=True)
    wrong = [(c, kind) for c, kind in kinds if getattr(kind, "kind", "O") not in "biuf"]
    column, kind = wrong[0] if wrong else (frame.columns[0], values.dtype)
    raise TypeError(
        f"the column {column!r} holds {kind}; every column must hold numbers: convert it, or give "
        "feature dicts, which frame.to_dict('records') makes"
    )


def _check_matrix(part: Any, first: Any, where: str) -> None:
    """Raise unless this is a matrix of real numbers, of one kind and width with the first."""
    if len(part.shape) != 2:
        raise ValueError(
            f"{where}an array of shape {part.shape} was given; it must have two axes, (tokens, "
            "values): reshape(-1, 1) makes them of one value a token"
        )
    if not _is_frame(part) and part.dtype.kind not in "biuf":
        raise TypeError(f"{where}the array holds {part.dtype}; it must hold real numbers")
    if scipy.sparse.issparse(part) != scipy.sparse.issparse(first) or (
        _is_frame(part) != _is_frame(first)
    ):
        raise TypeError(
            f"{where}a {type(part).__name__} was given, but the first is a "
            f"{type(first).__name__}; give one kind"
        )
    if part.shape[1] != first.shape[1]:
        raise ValueError(
            f"{where}the matrix has {part.shape[1]} columns, but the first has "
            f"{first.shape[1]}; they must be equal"
        )
    if _is_frame(part) and list(part.columns) != list(first.columns):
        raise ValueError(
            f"{where}the columns are {list(part.columns)}, but those of the first are "
            f"{list(first.columns)}; they must be equal, in the same order"
        )
