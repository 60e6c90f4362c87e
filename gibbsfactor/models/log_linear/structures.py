"""Which label variables meet: regular structures, as functions of the input.

Each is called with one input x and gives the cliques (C, r): in each row the positions of the
labels that meet. Any function that does the same will serve as well. ``shape(x)`` is the shape of
the array of labels, where it is not just a sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import prod
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.intp]
Shape = int | tuple[int, ...] | None


def shape_of(x: Any, dims: int, given: Shape) -> tuple[int, ...]:
    """The shape of an input's labels: as given, else that of its first so many axes.

    Raises
    ------
    ValueError
        If there is no input and no shape, or the input has fewer axes.
    """
    if given is not None:
        return (given,) if isinstance(given, int) else tuple(given)
    if x is None:
        raise ValueError("there is no input to tell how many labels there are; give size=")
    if dims == 1 and not hasattr(x, "shape"):
        return (len(x),)
    shape = tuple(np.shape(x)[:dims])
    if len(shape) < dims:
        raise ValueError(f"an input of shape {np.shape(x)} has no labels along {dims} axes")
    return shape


@dataclass(frozen=True)
class Nodes:
    """Every label by itself.

    Over several kinds of labels, those at the same position meet: the columns of a factorial chain.

    Parameters
    ----------
    dims : int
        How many axes of the input count labels: 1 for a sequence, 2 for an image.
    size : int or tuple, optional
        The shape of the labels of every input, where inputs don't tell.

    Examples
    --------
    >>> Nodes()("abc").tolist()
    [[0], [1], [2]]
    """

    dims: int = 1
    size: Shape = None

    def __call__(self, x: Any) -> IntArray:
        """Positions of the labels that meet, (C, r)."""
        return np.arange(prod(self.shape(x)))[:, None]

    def shape(self, x: Any) -> tuple[int, ...]:
        """Shape of the labels."""
        return shape_of(x, self.dims, self.size)


@dataclass(frozen=True)
class Chain:
    """Every label and the ``order`` labels before it.

    Over two kinds of labels it is the first one's label and the second one's label after it.

    Parameters
    ----------
    order : int
    size : int, optional
        The length of all inputs, where they don't tell.

    Examples
    --------
    >>> Chain()("abc").tolist()
    [[0, 1], [1, 2]]
    """

    order: int = 1
    size: Shape = None

    def __call__(self, x: Any) -> IntArray:
        """Positions of the labels that meet, (C, r)."""
        (n,) = self.shape(x)
        return np.arange(max(n - self.order, 0))[:, None] + np.arange(self.order + 1)

    def shape(self, x: Any) -> tuple[int, ...]:
        """Shape of the labels."""
        return shape_of(x, 1, self.size)


@dataclass(frozen=True)
class Grid:
    """Neighbours on a grid of any number of dimensions.

    Parameters
    ----------
    dims : int
        How many axes of the input are those of the grid.
    size : tuple, optional
        Of the grid, where inputs don't tell.
    axis : int, optional
        Neighbours along this axis only: so that each direction has weights of its own.
    periodic : bool
        Whether the last meets the first, along axes longer than two.

    Examples
    --------
    >>> Grid()(np.zeros((2, 2))).tolist()
    [[0, 2], [1, 3], [0, 1], [2, 3]]
    """

    dims: int = 2
    size: Shape = None
    axis: int | None = None
    periodic: bool = False

    def __call__(self, x: Any) -> IntArray:
        """Positions of the labels that meet, (C, r)."""
        shape = self.shape(x)
        numbers = np.arange(prod(shape)).reshape(shape)
        pairs = [np.empty((0, 2), dtype=np.intp)]
        for axis, n in enumerate(shape):
            if self.axis is not None and axis != self.axis % len(shape):
                continue
            first, second = (
                np.take(numbers, range(n - 1), axis),
                np.take(numbers, range(1, n), axis),
            )
            pairs.append(np.stack([first.ravel(), second.ravel()], axis=1))
            if self.periodic and n > 2:
                last, zeroth = np.take(numbers, n - 1, axis), np.take(numbers, 0, axis)
                pairs.append(np.stack([last.ravel(), zeroth.ravel()], axis=1))
        return np.concatenate(pairs)

    def shape(self, x: Any) -> tuple[int, ...]:
        """Shape of the labels."""
        return shape_of(x, self.dims, self.size)


@dataclass(frozen=True)
class SkipChain:
    """Pairs of tokens that a key says are alike, however far apart.

    Parameters
    ----------
    key : callable
        Of a token: what makes it alike to others, or None for a token that skips none.
    every : bool
        Whether all pairs of like tokens meet, or each only the next like it.
    least : int
        The smallest distance; neighbours meet in a chain already.

    Notes
    -----
    Source: Sutton & McCallum (2012), section 2.5 (skip-chain CRFs).

    Examples
    --------
    >>> words = ["Green", "is", "here", ",", "Green", "said", "Green"]
    >>> SkipChain(lambda word: word if word.istitle() else None)(words).tolist()
    [[0, 4], [4, 6]]
    """

    key: Callable[[Any], Hashable | None]
    every: bool = False
    least: int = 2

    def __call__(self, x: Any) -> IntArray:
        """Positions of the labels that meet, (C, r)."""
        where: dict[Hashable, list[int]] = {}
        for t, token in enumerate(x):
            key = self.key(token)
            if key is None:
                continue
            try:
                where.setdefault(key, []).append(t)
            except TypeError:
                raise TypeError(
                    f"the key of token {t} is {key!r:.60}, which can't be compared by hash; give a "
                    "string, a number or a tuple"
                ) from None
        pairs: list[tuple[int, ...]] = []
        for positions in where.values():
            met: Iterable[tuple[int, ...]] = (
                combinations(positions, 2) if self.every else pairwise(positions)
            )
            pairs += [pair for pair in met if pair[1] - pair[0] >= self.least]
        return np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)


@dataclass(frozen=True)
class Tree:
    """Every label but the root's and its parent's.

    Parameters
    ----------
    parents : callable
        Of an input: for each position that of its parent; -1 or None for a root.

    Examples
    --------
    >>> Tree(lambda heads: heads)([1, None, 1]).tolist()
    [[1, 0], [1, 2]]
    """

    parents: Callable[[Any], Sequence[int | None]]

    def __call__(self, x: Any) -> IntArray:
        """Positions of the labels that meet, (C, r)."""
        pairs = [
            (parent, child)
            for child, parent in enumerate(self.parents(x))
            if parent is not None and parent >= 0
        ]
        return np.array(pairs, dtype=np.intp).reshape(-1, 2)

    def shape(self, x: Any) -> tuple[int, ...]:
        """Shape of the labels."""
        return (len(self.parents(x)),)


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a graph, the same for every input; labels are in the order of its nodes.

    The first label of a clique is that of the edge's tail; where edges have no direction, of the
    node that comes first. Parallel edges are one.

    Examples
    --------
    >>> Edges(nx.cycle_graph(["a", "b", "c"]))(None).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """

    graph: nx.Graph[Any]

    def __call__(self, x: Any) -> IntArray:
        """Positions of the labels that meet, (C, r)."""
        number = {node: i for i, node in enumerate(self.graph)}
        loops = list(nx.nodes_with_selfloops(self.graph))
        if loops:
            raise ValueError(f"the graph has an edge from {loops[0]!r} to itself; take it away")
        pairs = dict.fromkeys((number[edge[0]], number[edge[1]]) for edge in self.graph.edges)
        return np.array(list(pairs), dtype=np.intp).reshape(-1, 2)

    def shape(self, x: Any) -> tuple[int, ...]:
        """Shape of the labels."""
        return (len(self.graph),)
