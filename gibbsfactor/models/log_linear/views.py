"""What cliques see of the input: feature functions.

Each is called with an input x and its cliques (C, r), and gives for each clique its features: a
matrix (C, A), dense or sparse, or for each clique a dict {name: value} or a list of names. Any
function that does the same will serve as well. One that has a method ``together(inputs, cliques)``,
which gives the matrix of all inputs at once, is called by that instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from gibbsfactor.features.tokens import unpacked

IntArray = npt.NDArray[np.intp]
Features = Callable[[Any, IntArray], Any]


def own(x: Any, cliques: IntArray) -> Any:
    """The features that the input has at the last member's position.

    An array has them along the axes after those of its labels; of a sequence of feature dicts or
    lists, or of strings, it is the one at that position.

    Examples
    --------
    >>> own(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1]])).tolist()
    [[3.0, 4.0]]
    >>> own([["w=dogs"], ["w=bark"]], np.array([[0, 1]]))
    [['w=bark']]
    """
    return at(x, cliques[:, -1])


def whole(x: Any, cliques: IntArray) -> Any:
    """All of the input, for every clique: what a single label sees.

    Examples
    --------
    >>> whole(np.array([1.0, 2.0]), np.array([[0]])).tolist()
    [[1.0, 2.0]]
    """
    x = unpacked(x)
    if is_sparse(x):
        return sp.vstack([x.reshape(1, -1)] * len(cliques), format="csr")
    if hasattr(x, "shape"):
        row = np.asarray(x, dtype=np.float64).reshape(1, -1)
        return np.repeat(row, len(cliques), axis=0)
    return [x] * len(cliques)


def contrast(x: Any, cliques: IntArray) -> npt.NDArray[np.float64]:
    """|x_i - x_j| of the two positions that meet, feature by feature.

    Examples
    --------
    >>> contrast(np.array([1.0, 5.0, 2.0]), np.array([[0, 1], [1, 2]])).tolist()
    [[4.0], [3.0]]
    """
    first, last = (np.asarray(at(x, cliques[:, j]), dtype=np.float64) for j in (0, -1))
    return np.asarray(np.abs(first - last))


@dataclass(frozen=True)
class WithOne:
    """See `with_one`."""

    features: Features

    def __call__(self, x: Any, cliques: IntArray) -> Any:
        """The features of the cliques, (C, A + 1)."""
        seen = self.features(x, cliques)
        ones = np.ones((len(cliques), 1))
        if is_sparse(seen):
            return sp.hstack([seen, sp.csr_array(ones)], format="csr")
        return np.hstack([np.asarray(seen, dtype=np.float64).reshape(len(cliques), -1), ones])


def with_one(features: Features) -> WithOne:
    """The features and one more that is always 1, for matrices: weights that see nothing.

    Examples
    --------
    >>> with_one(own)(np.array([3.0, 4.0]), np.array([[0], [1]])).tolist()
    [[3.0, 1.0], [4.0, 1.0]]
    """
    return WithOne(features)


@dataclass(frozen=True)
class Interactions:
    """See `interactions`."""

    features: Features
    degree: int
    powers: bool

    def __call__(self, x: Any, cliques: IntArray) -> Any:
        """Products of the features of the cliques."""
        seen = self.features(x, cliques)
        if isinstance(seen, list):
            return [_named_products(one, self.degree) for one in seen]
        from sklearn.preprocessing import PolynomialFeatures

        matrix: Any = seen if is_sparse(seen) else np.asarray(seen, dtype=np.float64)
        if len(cliques) == 0:  # it takes no empty matrix
            matrix = np.zeros((1, matrix.shape[1]))
        products = PolynomialFeatures(
            self.degree, interaction_only=not self.powers, include_bias=False
        )
        return products.fit_transform(matrix)[: len(cliques)]


def interactions(features: Features, degree: int = 2, *, powers: bool = True) -> Interactions:
    """Products of up to ``degree`` features, as scikit-learn's `PolynomialFeatures` has them.

    Of named features, it is the names that come together, "a & b", their values multiplied.

    Parameters
    ----------
    features : callable
    degree : int
    powers : bool
        Whether a feature may be multiplied with itself (matrices only).

    Examples
    --------
    >>> x = np.array([[2.0, 3.0]])
    >>> interactions(own)(x, np.array([[0]])).tolist()
    [[2.0, 3.0, 4.0, 6.0, 9.0]]
    >>> interactions(own)([["cold", "wet"]], np.array([[0]]))
    [{'cold': 1.0, 'wet': 1.0, 'cold & wet': 1.0}]
    """
    return Interactions(features, degree, powers)


def _named_products(features: Any, degree: int) -> dict[str, float]:
    if isinstance(features, Mapping):
        values = {str(name): float(value) for name, value in features.items()}
    else:
        values = dict.fromkeys(map(str, features), 1.0)
    found = {}
    for n in range(1, degree + 1):
        for names in combinations(sorted(values), n):
            found[" & ".join(names)] = float(np.prod([values[name] for name in names]))
    return found


def at(x: Any, positions: IntArray) -> Any:
    """What an input has at some positions of its labels, numbered row by row.

    Raises
    ------
    TypeError
        If it is a string.
    ValueError
        If it has fewer positions.
    """
    if isinstance(x, str | bytes):
        raise TypeError(
            f"the input is the string {x!r:.60}; expected a sequence of tokens: split it, or give "
            "list(text) to label characters"
        )
    x = unpacked(x)
    is_array = hasattr(x, "shape")
    rows: Any
    if is_sparse(x):
        rows = x.tocsr()
    elif is_array:
        table = np.asarray(x, dtype=np.float64)
        rows = table.reshape((-1, table.shape[-1] if table.ndim > 1 else 1))
    else:
        rows = list(x)
    n, last = (rows.shape[0] if is_array else len(rows)), int(positions.max(initial=-1))
    if last >= n:
        shape = f"an array of shape {x.shape}" if is_array else "a sequence"
        hint = "; features are the last axis: give an image as x[..., None]" if is_array else ""
        raise ValueError(
            f"the input is {shape} with features at {n} positions, but there is a label at "
            f"position {last}{hint}"
        )
    if is_array:
        return rows[positions]
    chosen = [rows[t] for t in positions.tolist()]
    return [[token] if isinstance(token, str) else token for token in chosen]


def is_sparse(x: Any) -> bool:
    """Whether it is a sparse matrix or array."""
    return bool(sp.issparse(x))
