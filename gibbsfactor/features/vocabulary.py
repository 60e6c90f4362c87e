"""Which attributes there are: the index of their names, and the rule that drops rare ones."""

from __future__ import annotations

from itertools import count, islice, repeat
from operator import index
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from gibbsfactor.features.strings import decoded
from gibbsfactor.features.tokens import Matrix


class NameIndex(dict[str, int]):
    """The position of each name; while `growing`, a new name takes the next position.

    A name that is unknown once it no longer grows has position -1 and is not kept. Bytes stand for
    the text that they are in UTF-8.

    Examples
    --------
    >>> names = NameIndex()
    >>> names["walk"], names["shop"], names["walk"]
    (0, 1, 0)
    >>> names.growing = False
    >>> names["clean"], len(names)
    (-1, 2)
    >>> names.positions(["shop", "clean"])
    array([ 1, -1], dtype=int32)
    """

    growing: bool = True

    def __missing__(self, name: Any) -> int:
        if isinstance(name, bytes):
            return self[decoded(name)]
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is a {type(name).__name__}, expected a str")
        if not self.growing:
            return -1
        position = self[name] = len(self)
        return position

    def positions(self, names: list[str]) -> NDArray[np.int32]:
        """Those of many names, which is quicker than one by one where most of them are new."""
        if not self.growing:
            return np.fromiter(map(self.get, names, repeat(-1)), np.int32, len(names))
        begin = len(self)
        found = map(self.setdefault, names, range(begin, begin + len(names)))
        positions = np.fromiter(found, np.int32, len(names))
        n_new = len(self) - begin
        if n_new < len(names):  # then positions have been left out
            new = list(islice(reversed(self), n_new))
            self.update(zip(reversed(new), count(begin), strict=False))
            return np.fromiter(map(self.__getitem__, names), np.int32, len(names))
        return positions


def check_min_freq(min_freq: Any) -> int:
    """The least number of tokens an attribute must be on, an integer of 0 or more."""
    try:
        least = index(min_freq)
    except TypeError:
        raise TypeError(f"min_freq must be an integer, but is {min_freq!r}") from None
    if least < 0:
        raise ValueError(f"min_freq must be 0 or more, but is {least}")
    return least


def drop_rare(matrix: Matrix, min_freq: int) -> tuple[Matrix, NDArray[np.bool_]]:
    """The columns with at least `min_freq` entries, and which columns those are.

    Parameters
    ----------
    matrix
        (M, A) canonical CSR.
    min_freq
        The least number of rows that a kept column has an entry in.

    Returns
    -------
    matrix : csr_array, shape (M, A')
    kept : ndarray of bool, shape (A,)
    """
    if not min_freq:
        return matrix, np.ones(matrix.shape[1], np.bool_)
    kept = np.bincount(matrix.indices, minlength=matrix.shape[1]) >= min_freq
    if kept.all():
        return matrix, kept
    present = kept[matrix.indices]
    positions = np.cumsum(kept, dtype=np.int32) - 1
    indices = positions[matrix.indices[present]].astype(np.int32, copy=False)
    shape = (int(matrix.shape[0]), int(kept.sum()))
    return csr(matrix.data[present], indices, entries_before(present)[matrix.indptr], shape), kept


def entries_before(present: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many entries are present before each place, the place behind the last included."""
    before = np.zeros(len(present) + 1, np.int64)
    np.cumsum(present, out=before[1:])
    return before


def csr(
    data: NDArray[np.float64],
    indices: NDArray[np.int32],
    indptr: NDArray[Any],
    shape: tuple[int, int],
) -> Matrix:
    """A canonical CSR array; rows are sorted and repeated entries added up where need be."""
    if len(indices) <= np.iinfo(np.int32).max:
        indptr = indptr.astype(np.int32, copy=False)
    matrix = scipy.sparse.csr_array((data, indices, indptr), shape=shape)
    matrix.sum_duplicates()
    return matrix
