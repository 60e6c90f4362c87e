"""Sequences of single observations, in any form, as one flat list or array of them.

Letters: N sequences, M observations in all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.observations import ObservationError
from gibbsfactor.features.tokens import check_lengths, unpacked

Answer = TypeVar("Answer")
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sequences:
    """N sequences, one after the other.

    Attributes
    ----------
    flat : list or array of M observations
    lengths : (N,)
    listed : whether they were given one by one, and answers are to be such lists
    """

    flat: Any
    lengths: IntArray
    listed: bool

    @classmethod
    def of(cls, X: Any, lengths: Any = None) -> Sequences:
        """Read sequences.

        Parameters
        ----------
        X : a list, series or array of N sequences, each a list, an array or a data frame of
            observations; or an array with three axes of N sequences of one length, with two of
            strings; or `Columns` with one column; or one list or array
            of all M observations, with lengths, without which it is one sequence
        lengths : (N,) integers that add up to M

        Raises
        ------
        TypeError, ValueError
            If X is in none of these forms, or the lengths don't add up to it.

        Examples
        --------
        >>> Sequences.of([["a", "b"], [], ["a"]]).lengths.tolist()
        [2, 0, 1]
        >>> Sequences.of(["a", "b", "a"], [2, 1]).flat
        ['a', 'b', 'a']
        """
        if isinstance(X, Columns):
            return cls._of_columns(X, lengths)
        if isinstance(X, Iterator):
            X = list(X)
        if isinstance(X, tuple):
            X = list(X)
        elif not isinstance(X, list):
            X = _listed_or_array(X)
        if isinstance(X, np.ndarray) and X.ndim == 3 and lengths is None:
            X = list(X)
        if lengths is not None:
            return cls(X, _lengths(X, lengths), False)
        if isinstance(X, np.ndarray) or (X and not _is_sequence(X[0])):
            return cls(X, np.array([len(X)]), False)
        return cls(*_joined(X), True)

    @classmethod
    def _of_columns(cls, X: Columns, lengths: Any) -> Sequences:
        if lengths is not None:
            raise ValueError("X is Columns, which have lengths of their own; leave lengths out")
        if X.n_columns != 1:
            raise ValueError(
                f"X is Columns with {X.n_columns} columns; an observation is one symbol, so choose "
                "one of them: X.select([0])"
            )
        return cls(X.column(0), X.lengths, True)

    def read(self, reader: Callable[[Any], Answer]) -> Answer:
        """What a reader makes of all observations; an `ObservationError` tells the sequence."""
        try:
            return reader(self.flat)
        except ObservationError as error:
            if len(self.lengths) == 1:
                raise
            ends = np.cumsum(self.lengths)
            n = int(np.searchsorted(ends, error.position, side="right"))
            position = error.position - int(ends[n] - self.lengths[n])
            raise type(error)(position, error.what, sequence=n) from None

    def cut(self, values: Any) -> Any:
        """Values of all positions in the form that the sequences had: cut, or as they are."""
        return self.parts(values) if self.listed else values

    def parts(self, values: Any) -> list[Any]:
        """Values of all positions as those of each sequence."""
        ends = np.cumsum(self.lengths).tolist()
        return [values[e - n : e] for e, n in zip(ends, self.lengths.tolist(), strict=True)]


def _lengths(X: Any, lengths: Any) -> IntArray:
    try:
        return check_lengths(lengths, len(X), "observations")
    except ValueError as error:
        if isinstance(X, list) and X and _is_sequence(X[0]):
            raise ValueError(
                f"X is a list of {len(X)} sequences, which have lengths of their own; leave "
                f"lengths out, or give all observations in one list ({error})"
            ) from None
        raise


def _listed_or_array(X: Any) -> Any:
    """A list of sequences, where an array or a series holds some; else an array.

    An array (N, T) of strings or objects is N sequences, as scikit-learn cuts those of one length;
    (M, 1), one of M positions.
    """
    nested = unpacked(X)
    is_nested = isinstance(nested, list) and bool(nested) and all(map(_is_series, nested))
    return nested if is_nested and getattr(X, "shape", ())[1:] != (1,) else _array(X)


def _is_series(thing: Any) -> bool:
    """Whether it is a sequence, and no tuple, which may be a symbol."""
    return _is_sequence(thing) and not isinstance(thing, tuple)


def _array(X: Any) -> NDArray[Any]:
    """An array of what is no list, such as one, or a column of a data frame."""
    no_order = isinstance(X, str | bytes | Mapping | set | frozenset)
    array = np.zeros(()) if no_order or not hasattr(X, "__len__") else np.asarray(X)
    if not array.ndim:
        raise TypeError(
            f"X is a {type(X).__name__}; give a list of sequences, each a list or an array of "
            "observations, or one list or array of them all with lengths"
        )
    return array


def _joined(sequences: list[Any]) -> tuple[Any, IntArray]:
    """The sequences of a list joined, and their lengths."""
    for n, sequence in enumerate(sequences):
        if not _is_sequence(sequence):
            raise TypeError(
                f"sequence {n} of X is {sequence!r:.60}, a {type(sequence).__name__}; expected a "
                "list or an array of observations"
            )
    sequences = [np.asarray(part) if hasattr(part, "columns") else part for part in sequences]
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    some = [sequence for sequence in sequences if len(sequence)]
    if not some or not all(isinstance(sequence, np.ndarray) for sequence in some):
        return list(chain.from_iterable(some)), lengths
    for n, sequence in enumerate(sequences):
        if len(sequence) and sequence.shape[1:] != some[0].shape[1:]:
            raise ValueError(
                f"sequence {n} of X has observations of shape {sequence.shape[1:]}, those before "
                f"it {some[0].shape[1:]}; they must be equal"
            )
    return np.concatenate(some), lengths


def _is_sequence(thing: Any) -> bool:
    if isinstance(thing, str | bytes | Mapping | set | frozenset):
        return False
    return hasattr(thing, "__len__") and getattr(thing, "ndim", 1) > 0
