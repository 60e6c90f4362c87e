"""Classes and weights of the rows that are counted. Letters: N rows, K classes, C columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _check_y

from gibbsfactor.errors import listed

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Targets:
    """The class of every row, 0 to K - 1, and its weight, or None where all weigh one."""

    classes: IntArray
    weights: FloatArray | None
    n_classes: int

    @cached_property
    def counts(self) -> FloatArray:
        """Weight of the rows of each class, shape (K,)."""
        return self.tally(self.classes, self.n_classes)

    def tally(
        self, cells: IntArray, n_cells: int, rows: npt.NDArray[np.bool_] | None = None
    ) -> FloatArray:
        """Weight of the rows in each cell; ``cells`` may be those of some rows only."""
        weights = self.weights if rows is None or self.weights is None else self.weights[rows]
        return np.bincount(cells, weights, n_cells).astype(np.float64)

    @cached_property
    def _grouped(self) -> tuple[IntArray, IntArray]:
        """Rows in the order of their classes, and where each class begins."""
        small = self.classes.astype(np.min_scalar_type(self.n_classes))
        order = np.argsort(small, kind="stable")
        ends = np.cumsum(np.bincount(self.classes, minlength=self.n_classes))
        return order, np.concatenate([[0], ends])

    def groups(self) -> list[IntArray]:
        """Rows of each class."""
        order, bounds = self._grouped
        return np.split(order, bounds[1:-1])

    def sums(self, columns: FloatArray | sp.csr_array) -> FloatArray:
        """Weighted sums of columns (N, C) over the rows of each class, shape (K, C)."""
        order, bounds = self._grouped
        weights = np.ones(order.size) if self.weights is None else self.weights[order]
        if isinstance(columns, np.ndarray):
            indicator = sp.csr_array((weights, order, bounds), (self.n_classes, order.size))
            return np.asarray(indicator @ columns)
        rows = columns[order]
        values = rows.data
        if self.weights is not None:
            values = values * np.repeat(weights, np.diff(rows.indptr))
        ends = rows.indptr[bounds]
        parts = pairwise(ends)
        n = columns.shape[1]
        return np.array([np.bincount(rows.indices[a:b], values[a:b], n) for a, b in parts])


def read_labels(estimator: Any, y: Any, n_rows: int) -> npt.NDArray[Any]:
    """Class labels, one for each of N rows."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None"
        )
    y = _check_y(y, estimator=estimator)
    if len(y) != n_rows:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_rows} rows, "
            f"y has {len(y)} labels"
        )
    check_classification_targets(y)
    return np.asarray(y)


def targets_of(
    y: npt.NDArray[Any], classes: npt.NDArray[Any], table: Any, sample_weight: Any
) -> Targets:
    """Labels as positions among the classes, with their weights.

    Raises
    ------
    ValueError
        If a label is none of the classes, or weights are negative, all zero, or not N.
    """
    distinct, places = np.unique(y, return_inverse=True)
    strange = [label for label in distinct.tolist() if label not in set(classes.tolist())]
    if strange:
        raise ValueError(
            f"y has the labels {listed(strange)}, which are not among the classes "
            f"{listed(classes.tolist())}; name all classes in the first call of partial_fit"
        )
    weights = None
    if sample_weight is not None:
        weights = _check_sample_weight(
            sample_weight, table, dtype=np.float64, ensure_non_negative=True
        )
        if not weights.any():
            raise ValueError("sample_weight is all zero; at least one row must weigh something")
    codes = np.searchsorted(classes, distinct)[places]
    return Targets(codes.astype(np.intp), weights, classes.size)
