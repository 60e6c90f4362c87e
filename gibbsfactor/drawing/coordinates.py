"""Where items stand in their layers: an optimum in which most edges run straight down.

Items are nodes and the bends of long edges. Letters: x(v) the middle of item v.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

from gibbsfactor.drawing.force import Array
from gibbsfactor.drawing.linear_program import minimum
from gibbsfactor.drawing.ordering import Layers, Neighbours

Flags = npt.NDArray[np.bool_]

_STRAIGHT = (1.0, 2.0, 8.0)  # weight of a segment by how many of its ends are bends of an edge
_CENTRED = 0.4  # weight of a node's distance from the middle of its children, or its parents

Term = tuple[list[int], list[float], float]  # items, their coefficients, weight


def across(
    layers: Layers, near: Neighbours, room: Array, bends: Flags, gap: Array
) -> tuple[Array, float]:
    """x of each item: the least weighted sum of |x(u) - x(v)| over segments, without overlap.

    A little weight also draws nodes to the middle of their children and of their parents, which
    decides where the sum leaves it open. The problem is a linear program.

    Source: Gansner, Koutsofios, North & Vo (1993), A technique for drawing directed graphs,
    section 4.

    Parameters
    ----------
    layers : list of lists of items, from left to right
    near : Neighbours
    room : array, shape (items,)
        Widths.
    bends : bool array, shape (items,)
        Whether an item is a bend of a long edge, not a node.
    gap : array, shape (items,)
        Half of the room between an item and the next.

    Returns
    -------
    array, shape (items,), and the sum
    """
    terms: list[Term] = []
    for u, below in enumerate(near.below):
        for v in below:
            terms.append(([u, v], [1.0, -1.0], _STRAIGHT[int(bends[u]) + int(bends[v])]))
    for around in (near.below, near.above):
        for v, others in enumerate(around):
            if len(others) > 1:
                share = [-1.0 / len(others)] * len(others)
                terms.append(([v, *others], [1.0, *share], _CENTRED))
    return _least(len(room), terms, _apart(layers, room, gap))


def _apart(layers: Layers, room: Array, gap: Array) -> list[tuple[int, int, float]]:
    """(u, v, d): v stands right of u by at least d."""
    half = room / 2 + gap
    return [(u, v, float(half[u] + half[v])) for layer in layers for u, v in pairwise(layer)]


def _least(
    n: int,
    terms: Sequence[Term],
    apart: Sequence[tuple[int, int, float]],
) -> tuple[Array, float]:
    """Minimise the weighted sum of |terms|, each bounded by a variable of its own."""
    rows: list[int] = []
    columns: list[int] = []
    entries: list[float] = []
    limits: list[float] = []

    def require(items: Sequence[int], coefficients: Sequence[float], limit: float) -> None:
        """Sum of coefficients times variables at most the limit."""
        rows.extend([len(limits)] * len(items))
        columns.extend(items)
        entries.extend(coefficients)
        limits.append(limit)

    for i, (items, coefficients, _) in enumerate(terms):
        for sign in (1.0, -1.0):
            require([*items, n + i], [*(sign * c for c in coefficients), -1.0], 0.0)
    for u, v, distance in apart:
        require([u, v], [1.0, -1.0], -distance)
    cost = np.concatenate([np.zeros(n), [weight for _, _, weight in terms]])
    if not limits:
        return np.zeros(n), 0.0
    table = coo_array((entries, (rows, columns)), shape=(len(limits), len(cost)))
    found = minimum(cost, table, np.array(limits))
    return found[:n], float(cost @ found)
