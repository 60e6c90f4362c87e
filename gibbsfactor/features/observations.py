"""Observations one after the other: symbols, words, vectors of real numbers.

Letters: M observations, V different ones, D numbers of a vector.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.errors import listed
from gibbsfactor.features.columns import encode
from gibbsfactor.features.strings import Arrays, pack_strings, stored, unpack_strings
from gibbsfactor.variable import is_missing, plain

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class ObservationError(ValueError):
    """An observation is not what is read here.

    Attributes
    ----------
    position : its own, in its sequence or, while that is not known, among all M
    what : what it is, and what is expected
    """

    def __init__(self, position: int, what: str, sequence: int | None = None) -> None:
        where = "" if sequence is None else f"sequence {sequence}, "
        super().__init__(f"{where}position {position} has {what}")
        self.position = position
        self.what = what


class ObservationTypeError(ObservationError, TypeError):
    """It is of another type."""


# ---- symbols --------------------------------------------------------------------------


def read_symbols(X: Any) -> tuple[list[Any], IntArray]:
    """The V different symbols, as Python's own values, and the number of each of M positions'.

    Parameters
    ----------
    X : list or array of M symbols, which are hashable, or of lists or arrays of one symbol each

    Raises
    ------
    ObservationError, ValueError
        If something else is among them.

    Examples
    --------
    >>> read_symbols(["walk", "shop", "walk"])
    (['walk', 'shop'], array([0, 1, 0]))
    >>> read_symbols(np.array([[3], [1], [3]]))
    ([1, 3], array([1, 0, 1]))
    """
    if isinstance(X, np.ndarray):
        if X.ndim == 2 and X.shape[1] == 1:
            X = X[:, 0]
        if X.ndim != 1:
            raise ValueError(
                f"the observations have shape {X.shape}, but one is a single symbol here: expected "
                "(positions,) or (positions, 1); vectors of real numbers are for Gaussian emissions"
            )
        if X.dtype.kind in "biufUS":
            found, numbers = np.unique(X, return_inverse=True)
            return found.tolist(), numbers.astype(np.int64)
    try:
        distinct, codes = encode(X)
    except TypeError:
        distinct, codes = encode(_hashable(X))
    symbols = [None if is_missing(x) else plain(x) for x in distinct]
    return symbols, codes.astype(np.int64)


def _hashable(X: Any) -> list[Any]:
    """Symbols, taken out of the lists that hold one each."""
    if all(_holds_one(x) for x in X):
        X = [x[0] for x in X]
    for position, x in enumerate(X):
        try:
            hash(x)
        except TypeError:
            raise ObservationTypeError(
                position,
                f"{x!r:.60}, a {type(x).__name__}, which is no symbol; give one that is hashable, "
                "such as a string, a number or a tuple",
            ) from None
    return list(X)


def _holds_one(x: Any) -> bool:
    return isinstance(x, list | np.ndarray) and getattr(x, "ndim", 1) == 1 and len(x) == 1


def number_symbols(
    distinct: list[Any], codes: IntArray, symbols: Mapping[Hashable, int], *, strict: bool
) -> IntArray:
    """(V,) the number of each symbol among those there are; -1 of others, None and NaN.

    Parameters
    ----------
    distinct, codes : as `read_symbols` gives them
    symbols : those there are, with their numbers
    strict : whether others are an error

    Raises
    ------
    ObservationError
        If they are, and there is one; None and NaN, which stand for what is missing, are none.
    """
    found = np.fromiter((symbols.get(x, -1) for x in distinct), np.int64, len(distinct))
    for v in np.flatnonzero(found < 0).tolist() if strict else ():
        x = distinct[v]
        if not is_missing(x):
            raise ObservationError(
                int(np.argmax(codes == v)),
                f"the symbol {x!r}, which is none of the {len(symbols)} there are: "
                f"{listed(list(symbols))}",
            )
    return found


def read_words(X: Any) -> tuple[list[str | None], IntArray]:
    """As `read_symbols`, of words: each a str, or None where one is missing.

    Raises
    ------
    ObservationError
        If something else is among them.
    """
    words, codes = read_symbols(X)
    for v, word in enumerate(words):
        if not isinstance(word, str | None):
            raise ObservationTypeError(
                int(np.argmax(codes == v)),
                f"{word!r:.60}, a {type(word).__name__}, which is no word; give each as a str, or "
                "None where one is missing",
            )
    return words, codes


def pack_symbols(symbols: Iterable[Any]) -> Arrays:
    """Symbols as plain numpy arrays by name, for a file.

    Raises
    ------
    TypeError
        If one is neither string, number nor bool.

    Examples
    --------
    >>> unpack_symbols(pack_symbols(["walk", 3, 0.5, True]))
    ['walk', 3, 0.5, True]
    """
    symbols = list(symbols)
    for symbol in symbols:
        if type(symbol) not in (str, int, float, bool):
            raise TypeError(
                f"the symbol {symbol!r} is a {type(symbol).__name__} and can't be written to a "
                "file; use strings or numbers as observations to save the model"
            )
    texts, offsets = pack_strings(map(json.dumps, symbols))
    return {"symbols": texts, "symbol_offsets": offsets}


def unpack_symbols(arrays: Mapping[str, NDArray[Any]]) -> list[Any]:
    """The symbols that `pack_symbols` stored."""
    texts = unpack_strings(stored(arrays, "symbols"), stored(arrays, "symbol_offsets"))
    return [json.loads(text) for text in texts]


# ---- real numbers ---------------------------------------------------------------------


def read_numbers(X: Any, n_numbers: int | None, *, gaps: bool = False) -> FloatArray:
    """(M, D) floats; a row of NaN throughout where nothing was observed.

    Parameters
    ----------
    X : array (M, D) or list of M vectors; where D is 1, of M numbers, too
    n_numbers : D; None if X is to tell
    gaps : whether NaN may stand for some numbers of a row, too

    Raises
    ------
    ObservationError, ValueError
        If they are no numbers, have another width, are infinite, or NaN in part without ``gaps``.

    Examples
    --------
    >>> read_numbers([1, 2, 4], None).shape
    (3, 1)
    """
    if isinstance(X, np.ndarray) and X.dtype == object:  # as of extension types of pandas
        X = np.where(np.vectorize(is_missing, otypes=[bool])(X), np.nan, X) if X.size else X
    if isinstance(X, np.ndarray) and X.dtype.kind == "c":
        raise ValueError("the observations are complex numbers; give their parts as two columns")
    try:
        array = np.array(X, dtype=float)
    except (TypeError, ValueError):
        _check_vectors(X)
        raise ValueError("the observations make up no array of numbers: (positions, D)") from None
    if array.size == 0:
        return np.zeros((0, 1 if n_numbers is None else n_numbers))
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(
            f"the observations have shape {array.shape}, but one is a vector of numbers: expected "
            "(positions, D)"
        )
    if n_numbers is not None and array.shape[1] != n_numbers:
        raise ValueError(
            f"the observations have {_count(array.shape[1])} each, but the model's have "
            f"{n_numbers}; give an array (positions, {n_numbers}) for each sequence"
        )
    bad = np.isinf(array).any(axis=1)
    if not gaps:
        missing = np.isnan(array)
        bad |= missing.any(axis=1) & ~missing.all(axis=1)
    if bad.any():
        position = int(np.argmax(bad))
        wanted = "NaN where one is missing" if gaps else "all NaN where nothing was observed"
        raise ObservationError(
            position, f"{array[position].tolist()}; numbers must be finite, or {wanted}"
        )
    return array


def _check_vectors(X: Any) -> None:
    """Raise ValueError at the first observation that is no vector as the first one is."""
    first = None
    for position, x in enumerate(X):
        try:
            width = np.array(x, dtype=float).shape
        except (TypeError, ValueError):
            raise ObservationError(
                position,
                f"{x!r:.60}, which is no vector of numbers; where nothing was observed, give NaN "
                "throughout",
            ) from None
        first = width if first is None else first
        if width != first:
            raise ObservationError(
                position,
                f"{x!r:.60}, of shape {width}, where those before have {first}; all must have as "
                "many numbers, NaN throughout where nothing was observed",
            )


def _count(n: int) -> str:
    return "1 number" if n == 1 else f"{n} numbers"
