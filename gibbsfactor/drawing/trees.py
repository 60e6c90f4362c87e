"""Trees in layers, or in rings around their centre."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np

from gibbsfactor.drawing import force
from gibbsfactor.drawing.structure import Node
from gibbsfactor.drawing.units import ASPECT, GAP, Positions, Sizes, as_positions, bounds

_LAYERED = 20  # nodes up to which a tree is layered


def place_tree(
    graph: nx.Graph[Any], sizes: Sizes, seed: int, root: Node | None
) -> Positions | None:
    """Layers from the centre down, or from left to right if that is the better shape."""
    if graph.number_of_edges() != len(graph) - 1:
        return None
    children = _children(graph, _centre(graph) if root is None else root)
    down = _layered(children, sizes)
    turned = _layered(children, {v: (sizes[v][1], sizes[v][0]) for v in graph})
    across: Positions = {v: (-y, -x) for v, (x, y) in turned.items()}
    best = min((down, across), key=lambda p: _unshapely(p, sizes) * (1.0 if p is down else 1.25))
    if len(graph) > _LAYERED:
        radial = place_radial(graph, sizes, seed, root)
        if radial is not None and _unshapely(radial, sizes) < _unshapely(best, sizes):
            return radial
    return best


def _unshapely(placed: Positions, sizes: Sizes) -> float:
    """The height of the smallest picture of the wanted aspect that holds the positions."""
    left, bottom, right, top = bounds(placed, sizes)
    return max((right - left) / ASPECT, top - bottom)


def _centre(tree: nx.Graph[Any]) -> Node:
    """The node nearest to all: what is left when the leaves have been taken off in rounds."""
    degree = dict(tree.degree())
    leaves = [v for v in tree if degree[v] <= 1]
    left = len(degree)
    while left > 2:
        left -= len(leaves)
        inner = []
        for leaf in leaves:
            degree[leaf] = 0
            for u in tree[leaf]:
                degree[u] -= 1
                if degree[u] == 1:
                    inner.append(u)
        leaves = inner
    centre: Node = leaves[0]
    return centre


def _children(tree: nx.Graph[Any], root: Node) -> dict[Node, list[Node]]:
    """Children of each node, in an order in which parents come first."""
    children: dict[Node, list[Node]] = {root: []}
    for parent, child in nx.bfs_edges(tree, root):
        children[parent].append(child)
        children[child] = []
    return children


def _layered(children: dict[Node, list[Node]], sizes: Sizes) -> Positions:
    """Subtrees as close as their outlines allow, parents centred over their children.

    An outline holds (left, right) for each layer from the subtree's root down, and one layer
    more, so that no edge runs closely below a leaf.

    Source: Reingold & Tilford (1981), Tidier drawings of trees.
    """
    aside: dict[Node, float] = {}  # a node's x less its parent's
    outlines: dict[Node, list[tuple[float, float]]] = {}
    for v in reversed(children):
        half = sizes[v][0] / 2
        below: list[tuple[float, float]] = []
        at: list[float] = []
        for c in children[v]:
            outline = outlines.pop(c)
            near = zip(below, outline, strict=False)
            shift = max((one[1] + GAP / 2 - two[0] for one, two in near), default=0.0)
            at.append(shift)
            moved = [(left + shift, right + shift) for left, right in outline]
            joined = [(a[0], b[1]) for a, b in zip(below, moved, strict=False)]
            below = joined + (below if len(below) > len(moved) else moved)[len(joined) :]
        middle = (at[0] + at[-1]) / 2 if at else 0.0
        for c, shift in zip(children[v], at, strict=True):
            aside[c] = shift - middle
        outlines[v] = [(-half, half)]
        outlines[v] += [(a - middle, b - middle) for a, b in below] or [(-half, half)]
    root = next(iter(children))
    x: dict[Node, float] = {root: 0.0}
    depth = {root: 0}
    layers: list[list[Node]] = []
    for v, held in children.items():
        if depth[v] == len(layers):
            layers.append([])
        layers[depth[v]].append(v)
        for c in held:
            x[c], depth[c] = x[v] + aside[c], depth[v] + 1
    return _with_heights(layers, x, sizes)


def _with_heights(layers: list[list[Node]], x: dict[Node, float], sizes: Sizes) -> Positions:
    placed: Positions = {}
    y = 0.0
    for row in layers:
        tall = max(sizes[v][1] for v in row)
        for v in row:
            placed[v] = (x[v], y - tall / 2)
        y -= tall + GAP
    return placed


def place_radial(
    graph: nx.Graph[Any], sizes: Sizes, seed: int, root: Node | None
) -> Positions | None:
    """Rings around the centre, each subtree in a wedge as wide as its leaves need."""
    if graph.number_of_edges() != len(graph) - 1:
        return None
    children = _children(graph, _centre(graph))
    leaves: dict[Node, float] = {}
    for v in reversed(children):
        leaves[v] = sum(leaves[c] for c in children[v]) or 1.0
    top = next(iter(children))
    start, ring = {top: 0.0}, {top: 0}
    for v, held in children.items():
        at = start[v]
        for c in held:
            start[c], ring[c] = at, ring[v] + 1
            at += 2 * np.pi * leaves[c] / leaves[top]
    nodes = list(children)
    angle = np.array([start[v] + np.pi * leaves[v] / leaves[top] for v in nodes])
    radius = np.array([ring[v] for v in nodes], dtype=np.float64)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    number = {v: i for i, v in enumerate(nodes)}
    edges = np.array([(number[u], number[v]) for u, v in graph.edges], dtype=np.intp)
    box = np.array([sizes[v] for v in nodes])
    return as_positions(nodes, _tightened(x, box, edges))


def _tightened(x: force.Array, box: force.Array, edges: force.Index) -> force.Array:
    """The smallest even scale, and a relaxed form of it where that costs no crossing."""
    even = force.separate(x, box, edges[:0], GAP, rounds=0)
    relaxed = force.relax(x * (box.mean() + GAP), box, edges, GAP)
    fewer = force.crossings(relaxed, edges) <= force.crossings(even, edges)
    clear = force.edge_hits(relaxed, box, edges) <= force.edge_hits(even, box, edges)
    smaller = np.ptp(relaxed, axis=0).prod() < np.ptp(even, axis=0).prod()
    return relaxed if fewer and clear and smaller else even
