"""Layers of a directed acyclic graph: in which row from the top each node is drawn.

Letters: r(v) the row of node v, 0 at the top.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from gibbsfactor.drawing.force import Array, Index


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
    above = coo_array((signs, (rows, edges.T.ravel())), shape=(m, n)).tocsr()
    pull = np.bincount(edges[:, 1], minlength=n) - np.bincount(edges[:, 0], minlength=n)
    found = linprog(pull, A_ub=above, b_ub=-np.ones(m), bounds=(0, n), method="highs-ds")
    rank = np.rint(found.x).astype(np.intp)
    return np.asarray(rank - rank.min())
