"""The rows of X, whatever they came in: an array, a sparse matrix, a data frame, lists.

Letters: N rows, D columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_array

from gibbsfactor.rows import entries_of
from gibbsfactor.variable import is_missing

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Table:
    """Columns by position.

    ``data`` is a CSR array of floats, a data frame of pandas, or an array of numbers or objects.
    ``names`` are those of the columns, or their positions; messages speak of them.
    """

    data: Any
    names: Sequence[object]

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self.data.shape[0], self.data.shape[1]

    @property
    def is_sparse(self) -> bool:
        """Whether only entries other than zero are held."""
        return bool(sp.issparse(self.data))

    def column(self, i: int) -> Any:
        """One column as it came, an array or a series."""
        return self.data.iloc[:, i] if is_frame(self.data) else self.data[:, i]

    def each(self, columns: IntArray) -> Iterator[Any]:
        """Some columns as they came, one by one."""
        if isinstance(self.data, np.ndarray) and self.data.dtype.kind in "biuf":
            yield from np.ascontiguousarray(self.data[:, columns].T)
        else:
            yield from map(self.column, columns.tolist())

    def numbers(self, columns: IntArray) -> tuple[FloatArray, bool]:
        """Some columns as an array (N, C) of floats, and whether it has missing entries, NaN.

        Raises
        ------
        ValueError
            If an entry is no number, or infinite.
        """
        block = self._floats(columns)
        with np.errstate(over="ignore", invalid="ignore"):
            clean = np.isfinite(block.sum())
        if clean:
            return block, False
        if np.isinf(block).any():
            row, j = np.argwhere(np.isinf(block))[0]
            raise ValueError(
                f"Input X contains infinity: column {self.names[columns[j]]!r} holds "
                f"{block[row, j]} in row {row} (the first is row 0); entries are finite, or NaN "
                "where one is missing"
            )
        return block, bool(np.isnan(block).any())

    def counts(self, columns: IntArray) -> tuple[sp.csr_array | FloatArray, bool]:
        """The same, as a CSR array if the table is sparse; its missing entries are stored."""
        if not self.is_sparse:
            return self.numbers(columns)
        block = self.data if self._is_all(columns) else self.data[:, columns]
        if np.isinf(block.data).any():
            raise ValueError("Input X contains infinity; entries are finite, or NaN where missing")
        return block, bool(np.isnan(block.data).any())

    def _is_all(self, columns: IntArray) -> bool:
        return columns.size == self.shape[1]  # columns are in order, each once

    def _floats(self, columns: IntArray) -> FloatArray:
        if is_frame(self.data):
            part = self.data.iloc[:, columns]
            if all(isinstance(t, np.dtype) and t.kind in "biuf" for t in part.dtypes):
                return np.ascontiguousarray(part.to_numpy(np.float64))
            return np.column_stack([self._column_of_numbers(i) for i in columns.tolist()])
        block = self.data if self._is_all(columns) else self.data[:, columns]
        if block.dtype.kind in "biuf":
            return np.ascontiguousarray(block, dtype=np.float64)
        if block.dtype.kind == "O":
            with suppress(TypeError, ValueError):  # for what is neither a number nor None
                return np.ascontiguousarray(block.astype(np.float64))
        return np.column_stack([self._column_of_numbers(i) for i in columns.tolist()])

    def _column_of_numbers(self, i: int) -> FloatArray:
        column = self.column(i)
        if column.dtype.kind in "mM":
            self._reject(i, 0, column[0] if isinstance(column, np.ndarray) else column.iloc[0])
        if hasattr(column, "iloc") and column.dtype.kind in "biuf":
            return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
        entries = column.tolist()
        numbers = np.empty(len(entries))
        for row, entry in enumerate(entries):
            try:
                numbers[row] = np.nan if is_missing(entry) else float(entry)
            except (TypeError, ValueError):
                self._reject(i, row, entry)
        return numbers

    def _reject(self, i: int, row: int, entry: object) -> NoReturn:
        raise ValueError(
            f"column {self.names[i]!r} of X holds {entry!r} in row {row} (the first is row 0), "
            "which is not a number; only columns of the kind 'categorical' may hold other things"
        )


def read_table(X: Any) -> Table:
    """The rows of X, checked to be a table of at least one row and column."""
    if sp.issparse(X):
        sparse = check_array(X, accept_sparse="csr", dtype=np.float64, ensure_all_finite=False)
        rows = sp.csr_array(sparse)
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        return Table(rows, range(rows.shape[1]))
    if is_frame(X):
        if 0 in X.shape:
            raise ValueError(
                f"X is a data frame with {X.shape[0]} sample(s) and {X.shape[1]} feature(s) "
                f"(shape={tuple(X.shape)}) while a minimum of 1 is required of each"
            )
        return Table(X, tuple(X.columns))
    if hasattr(X, "columns") and not all(dtype.is_numeric() for dtype in X.dtypes):
        given, X = X, np.empty(X.shape, dtype=object)  # of polars: columns keep their own types
        for j, name in enumerate(given.columns):
            X[:, j] = entries_of(given[name], f"X gives {name!r}")
    if isinstance(X, np.ma.MaskedArray):
        hidden, is_number = np.ma.getmaskarray(X), X.dtype.kind in "biuf"
        X = X.data.astype(np.float64 if is_number else object)
        X[hidden] = np.nan if is_number else None
    array = check_array(X, dtype=None, ensure_all_finite=False)
    if array.dtype.kind in "US":  # numbers among strings have become strings
        entries = X if hasattr(X, "dtype") else np.array(X, dtype=object)
        array = np.asarray(entries).astype(object)
    return Table(array, range(array.shape[1]))


def is_frame(X: Any) -> bool:
    """Whether it is a data frame of pandas."""
    return hasattr(X, "iloc") and getattr(X, "ndim", 0) == 2
