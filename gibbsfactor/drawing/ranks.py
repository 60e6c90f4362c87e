"""Layers of a directed acyclic graph: in which row from the top each node is drawn.

Letters: r(v) the row of node v, 0 at the top.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array

from gibbsfactor.drawing.force import Array, Index
from gibbsfactor.drawing.linear_program import minimum

_FAN = 6  # leaves, or roots, from which they are a fan
_FOLDS, _LEAST = 4, 3  # rows over which a fan may spread, and how many of it are left in each


def compact_ranks(n: int, edges: Index) -> Index:
    """Rows of n nodes such that every edge (E, 2) leads downwards and all are short together.

    The least sum of r(v) - r(u) over edges with r(v) - r(u) >= 1, by linear programming: the
    constraints are totally unimodular, so that a vertex of the optimum is whole.

    Source: Gansner, Koutsofios, North & Vo (1993), A technique for drawing directed graphs,
    section 2.

    Examples
    --------
    >>> compact_ranks(4, np.array([[0, 1], [1, 2], [3, 2]])).tolist()
    [0, 1, 2, 1]
    """
    if not len(edges):
        return np.zeros(n, dtype=np.intp)
    m = len(edges)
    rows = np.tile(np.arange(m), 2)
    signs = np.repeat([1.0, -1.0], m)
    above = coo_array((signs, (rows, edges.T.ravel())), shape=(m, n))
    pull = np.bincount(edges[:, 1], minlength=n) - np.bincount(edges[:, 0], minlength=n)
    rank = np.rint(minimum(pull.astype(np.float64), above, -np.ones(m))).astype(np.intp)
    return np.asarray(rank - rank.min())


def folded_ranks(rank: Index, edges: Index, width: Array, bend: float, most: float) -> Index:
    """The rows, after fans in those wider than ``most`` were spread over a few rows in turn.

    A fan is many leaves of one parent and no other, or many roots with one child and no other:
    the features of a naive Bayes model, say.

    Parameters
    ----------
    rank : int array, shape (n,)
    edges : int array, shape (E, 2)
    width : array, shape (n,)
        Room that each node takes in its row.
    bend : float
        Room that an edge takes in a row that it passes.
    most : float

    Examples
    --------
    >>> star = np.array([[0, leaf] for leaf in range(1, 8)])
    >>> rank = compact_ranks(8, star)
    >>> folded_ranks(rank, star, np.full(8, 10.0), 2.0, 50.0).tolist()
    [0, 1, 2, 1, 2, 1, 2, 1]
    """
    rank = rank.copy()
    for hub, fan, step in _fans(len(rank), edges):
        for count in range(1, min(_FOLDS, len(fan) // _LEAST) + 1):
            rank[fan] = rank[hub] + step * (1 + np.arange(len(fan)) % count)
            rank -= rank.min()
            if _row_widths(rank, edges, width, bend)[rank[hub] + step] <= most:
                break
    return rank


def _fans(n: int, edges: Index) -> list[tuple[int, list[int], int]]:
    """(hub, its leaves, 1) and (hub, its roots, -1), large fans first."""
    parents, children = (np.bincount(edges[:, side], minlength=n) for side in (1, 0))
    held: dict[tuple[int, int], list[int]] = {}
    for u, v in edges.tolist():
        if parents[v] == 1 and not children[v]:
            held.setdefault((u, 1), []).append(v)
        elif children[u] == 1 and not parents[u]:
            held.setdefault((v, -1), []).append(u)
    fans = [(hub, fan, step) for (hub, step), fan in held.items() if len(fan) >= _FAN]
    return sorted(fans, key=lambda found: -len(found[1]))


def _row_widths(rank: Index, edges: Index, width: Array, bend: float) -> Array:
    """Room that the nodes in every row take, and the edges that pass it."""
    count = int(rank.max()) + 1
    first, last = rank[edges[:, 0]] + 1, rank[edges[:, 1]]
    passing = np.cumsum(
        np.bincount(first, minlength=count + 1) - np.bincount(last, minlength=count + 1)
    )
    return np.bincount(rank, width, count) + bend * passing[:count]
