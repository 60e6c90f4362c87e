"""Sequences of single observations, in any form, as one flat list of them.

Letters: N sequences, M observations in all of them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.tokens import check_lengths


def flattened(X: Any, lengths: Any = None) -> tuple[list[Any], NDArray[np.int64]]:
    """M observations, one after the other, and the lengths of the N sequences.

    Parameters
    ----------
    X : list of N sequences, each a list or an array of shape (T,) or (T, 1)
        Or one list or array of all M observations, with lengths; without them it is one sequence.
        Or `Columns` with one column.
    lengths : (N,) integers that add up to M

    Raises
    ------
    TypeError
        If X is something else.
    ValueError
        If the lengths do not add up, or an array has more than one column.

    Examples
    --------
    >>> flattened([["walk", "shop"], ["clean"]])
    (['walk', 'shop', 'clean'], array([2, 1]))
    >>> flattened(np.array([[3], [1], [4]]), lengths=[1, 2])
    ([3, 1, 4], array([1, 2]))
    """
    if isinstance(X, Columns):
        if X.n_columns != 1:
            raise ValueError(
                f"Columns with {X.n_columns} columns were given, expected one, of observations; "
                "pick it with select([i])"
            )
        return X.column(0), X.lengths
    if isinstance(X, Iterator):
        X = list(X)
    if not isinstance(X, list | tuple | np.ndarray):
        raise TypeError(
            f"X is a {type(X).__name__}; give a list of sequences of observations, or all of them "
            "in one list or array, with the lengths"
        )
    if lengths is not None or (len(X) and not _is_sequence(X[0])) or _is_column(X):
        flat = _values(X, "X")
        lengths = [len(flat)] if lengths is None else lengths
        return flat, check_lengths(lengths, len(flat), "observations")
    parts = [_values(x, f"sequence {n}") for n, x in enumerate(X)]
    return list(chain.from_iterable(parts)), np.array([len(part) for part in parts], np.int64)


def _is_sequence(x: Any) -> bool:
    return isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.ndim > 0)


def _is_column(X: Any) -> bool:
    return isinstance(X, np.ndarray) and X.ndim < 3


def _values(sequence: Any, name: str) -> list[Any]:
    """The observations of one sequence."""
    if isinstance(sequence, list | tuple):
        return [x[0] if isinstance(x, np.ndarray) and x.shape == (1,) else x for x in sequence]
    if not isinstance(sequence, np.ndarray):
        raise TypeError(
            f"{name} is {sequence!r:.60}, a {type(sequence).__name__}; expected a list or an array "
            "of observations"
        )
    if sequence.ndim != 1 and not (sequence.ndim == 2 and sequence.shape[1] == 1):
        raise ValueError(
            f"{name} is an array of shape {sequence.shape}, expected (positions,) or "
            "(positions, 1): one observation a position"
        )
    values: list[Any] = sequence.ravel().tolist()
    return values


def flattened_vectors(
    X: Any, lengths: Any, n_numbers: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(M, D) numbers, one observation after the other, and the lengths of the N sequences.

    Parameters
    ----------
    X : list of N sequences, each an array of shape (T, D) or a list of vectors
        Or one array (M, D), with lengths; without them it is one sequence. Where D = 1 the last
        axis may be left out.
    lengths : (N,) integers that add up to M
    n_numbers : D

    Raises
    ------
    ValueError
        If observations have not D numbers, one is infinite, or NaN in part; or the lengths do not
        add up.
    """
    if isinstance(X, Iterator):
        X = list(X)
    if isinstance(X, np.ndarray) and X.ndim == 3 and lengths is None:  # all of one length
        X = list(X)
    if lengths is None and isinstance(X, list | tuple) and (not len(X) or _is_sequence(X[0])):
        parts = [_matrix(x, f"sequence {n}", n_numbers) for n, x in enumerate(X)]
        flat = np.concatenate([np.zeros((0, n_numbers)), *parts])
        return flat, np.array([len(part) for part in parts], np.int64)
    flat = _matrix(X, "X", n_numbers)
    return flat, check_lengths([len(flat)] if lengths is None else lengths, len(flat), "numbers")


def _matrix(given: Any, name: str, n_numbers: int) -> NDArray[np.float64]:
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} is {given!r:.60}; expected an array of {n_numbers} numbers a position"
        ) from None
    if (array.ndim == 1 and n_numbers == 1) or not array.size:
        array = array.reshape(-1, n_numbers)
    if array.ndim != 2 or array.shape[1] != n_numbers:
        raise ValueError(
            f"{name} has shape {array.shape}, expected (positions, {n_numbers}), the numbers that "
            "each observation has"
        )
    missing = np.isnan(array)
    bad = np.isinf(array).any(axis=1) | (missing.any(axis=1) & ~missing.all(axis=1))
    if bad.any():
        t = int(np.argmax(bad))
        raise ValueError(
            f"{name}, position {t}: the observation is {array[t].tolist()}; numbers must be "
            "finite, or all of them NaN where nothing was observed"
        )
    return array
