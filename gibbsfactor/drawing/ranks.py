"""Layers of a directed acyclic graph: in which row from the top each node is drawn.

Letters: r(v) the row of node v, 0 at the top.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array

from gibbsfactor.drawing.coordinates import minimum
from gibbsfactor.drawing.force import Array, Index

_FOLDS = 3  # rows that a leaf or a root may move


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
    """The rows, after leaves and roots have left those wider than ``most`` for emptier ones.

    A leaf goes down and a root up, by at most three rows, perhaps to a new one.

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
    >>> star = np.array([[0, 1], [0, 2], [0, 3], [0, 4]])
    >>> folded_ranks(np.array([0, 1, 1, 1, 1]), star, np.full(5, 10.0), 2.0, 25.0).tolist()
    [0, 2, 2, 1, 1]
    """
    rank = rank.copy()
    parents, children = (np.bincount(edges[:, side], minlength=len(rank)) for side in (1, 0))
    degree = parents + children
    for free, step in ((children == 0, 1), (parents == 0, -1)):
        for v in sorted(np.flatnonzero(free).tolist(), key=degree.__getitem__):
            room = _row_widths(rank, edges, width, bend)
            if room[rank[v]] <= most:
                continue
            crowd = {  # in the row that it goes to, and a little for the way there
                k: (room[to] if 0 <= (to := rank[v] + step * k) < len(room) else 0.0) + k * width[v]
                for k in range(_FOLDS + 1)
            }
            rank[v] += step * min(crowd, key=crowd.__getitem__)
            rank -= rank.min()
    return rank


def _row_widths(rank: Index, edges: Index, width: Array, bend: float) -> Array:
    """Room that the nodes in every row take, and the edges that pass it."""
    count = int(rank.max()) + 1
    first, last = rank[edges[:, 0]] + 1, rank[edges[:, 1]]
    passing = np.cumsum(
        np.bincount(first, minlength=count + 1) - np.bincount(last, minlength=count + 1)
    )
    return np.bincount(rank, width, count) + bend * passing[:count]
