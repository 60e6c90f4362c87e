"""Directed acyclic graphs in layers, every edge leading downwards.

Rows, then an order within each, then places: Sugiyama, Tagawa & Toda (1981), Methods for visual
understanding of hierarchical system structures. A long edge has a bend in every row that it passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
from scipy.optimize import isotonic_regression

from gibbsfactor.drawing.coordinates import across
from gibbsfactor.drawing.force import Array, Index
from gibbsfactor.drawing.ordering import Layers, Neighbours, fewest_crossings
from gibbsfactor.drawing.ranks import compact_ranks, folded_ranks
from gibbsfactor.drawing.routes import Gate, route
from gibbsfactor.drawing.units import ASPECT, Placement, Positions, Sizes

_NODE_GAP, _BEND_GAP = 16.0, 9.0  # between neighbours in a row: nodes; bends of edges
_HEAD_GAP = 10.0  # between the heads of edges that end in one node
_TIPS = 0.8  # share of a node's width in which edges end
_CLEAR, _ABOVE = 5.0, 2.0  # between an edge and a node that it passes beside, or above it
_FULL = 1.8  # how much wider than a page of the wanted shape a row may be
_CHOICES = 12  # orders with equally few crossings whose lengths are compared
_ROW_GAP, _WIDEST_ROW_GAP = 32.0, 90.0  # between rows: at least; for very slanted edges
_SLANT = 0.22  # dy/dx of edges for which that gap is made
_FLATTEST = 4.0  # width to height of a picture from which gaps may be wider still


@dataclass(frozen=True, eq=False)
class _Rows:
    """Items in layers: nodes 0 .. n-1, then the bends. ``paths`` has the items of each edge."""

    layers: Layers
    paths: dict[tuple[int, int], list[int]]
    n: int
    n_items: int

    @property
    def near(self) -> Neighbours:
        segments = [pair for path in self.paths.values() for pair in pairwise(path)]
        return Neighbours(self.n_items, segments)


def place_layered(graph: nx.DiGraph[Any], sizes: Sizes) -> Placement:
    """Layers from the sources down, and a route for each edge; the graph has no cycle."""
    nodes = list(graph)
    number = {v: i for i, v in enumerate(nodes)}
    edges = np.array([(number[u], number[v]) for u, v in graph.edges], dtype=np.intp)
    edges = edges.reshape(-1, 2)
    box = np.array([sizes[v] for v in nodes])
    rank = compact_ranks(len(nodes), edges)
    page = float(np.sqrt(ASPECT * ((box[:, 0] + _NODE_GAP) * (box[:, 1] + _ROW_GAP)).sum()))
    rank = folded_ranks(rank, edges, box[:, 0] + _NODE_GAP, _BEND_GAP, _FULL * page)
    rows = _rows(len(nodes), edges, rank)
    near = rows.near
    bends = np.arange(rows.n_items) >= rows.n
    room = np.concatenate([box[:, 0], np.zeros(rows.n_items - rows.n)])
    gap = np.where(bends, _BEND_GAP, _NODE_GAP) / 2
    choices = [
        (*across(order, near, room, bends, gap), order)
        for order in fewest_crossings(rows.layers, near)[:_CHOICES]
    ]
    x, _, layers = min(choices, key=lambda choice: round(choice[1], 3))  # of equals, the first
    x = x - x.min()
    if np.arange(rows.n) @ (x[: rows.n] - x[: rows.n].mean()) < 0:  # early nodes to the left
        x, layers = x.max() - x, [layer[::-1] for layer in layers]
    y, bands = _heights(layers, near, x, box)
    placed: Positions = {v: (float(x[i]), float(y[i])) for i, v in enumerate(nodes)}
    gates = _gates(layers, x, room, bands, rows.n)
    tips = _tips(rows, x, y, box)
    routes = {}
    for (u, v), path in rows.paths.items():
        passed = [gate for item in path[1:-1] for gate in gates[item]]
        through = [gates[u][1], *passed, gates[v][0]]
        routes[nodes[u], nodes[v]] = route(placed[nodes[u]], through, tips[u, v])
    return Placement(placed, routes)


def _rows(n: int, edges: Index, rank: Index) -> _Rows:
    """Nodes and bends in layers."""
    layers: Layers = [[] for _ in range(int(rank.max()) + 1)]
    for v in range(n):
        layers[rank[v]].append(v)
    paths = {}
    last = n
    for u, v in edges.tolist():
        inner = list(range(last, last + rank[v] - rank[u] - 1))
        for r, item in enumerate(inner, start=rank[u] + 1):
            layers[r].append(item)
        paths[u, v] = [u, *inner, v]
        last += len(inner)
    return _Rows(layers, paths, n, last)


def _heights(
    layers: Layers, near: Neighbours, x: Array, box: Array
) -> tuple[Array, list[tuple[float, float]]]:
    """y of every item, and (top, bottom) of what is kept clear; wider gaps where edges slant."""
    y = np.zeros(len(x))
    bands = []
    widest = max(_WIDEST_ROW_GAP, float(np.ptp(x)) / _FLATTEST / len(layers))
    top = 0.0
    for layer in layers:
        tall = max((box[v, 1] for v in layer if v < len(box)), default=0.0)
        y[layer] = top - tall / 2
        bands.append((top + _ABOVE, top - tall - _ABOVE))
        slants = [abs(x[u] - x[v]) for u in layer for v in near.below[u]]
        wide = float(np.quantile(slants, 0.9)) if slants else 0.0
        top -= tall + float(np.clip(_SLANT * wide, _ROW_GAP, widest))
    return y, bands


def _gates(
    layers: Layers, x: Array, room: Array, bands: list[tuple[float, float]], n: int
) -> dict[int, tuple[Gate, Gate]]:
    """For each item the gates at the top and the bottom of what its layer keeps clear."""
    gates = {}
    for layer, (top, bottom) in zip(layers, bands, strict=True):
        for i, v in enumerate(layer):
            before, after = layer[:i][::-1], layer[i + 1 :]
            if v < n:  # the edges of a node may cross others beside it
                before, after = ([u for u in beside if u < n] for beside in (before, after))
            left = _limit(before[0], v, 1.0, x, room, n) if before else -np.inf
            right = _limit(after[0], v, -1.0, x, room, n) if after else np.inf
            gates[v] = Gate(top, left, right), Gate(bottom, left, right)
    return gates


def _limit(other: int, v: int, side: float, x: Array, room: Array, n: int) -> float:
    """How near an edge through item v may come to its neighbour on one side."""
    if other < n:
        return float(x[other] + side * (room[other] / 2 + _CLEAR))
    return float((x[v] + x[other]) / 2 + side * _BEND_GAP / 4)


def _tips(
    rows: _Rows, x: Array, y: Array, box: Array
) -> dict[tuple[int, int], tuple[float, float]]:
    """Where each edge ends: on its way to the middle of its node, or beside that way where heads
    would overlap. All ends lie on the ellipse within the node's box, hence within its outline.
    """
    into: dict[int, list[int]] = {}
    for u, v in rows.paths:
        into.setdefault(v, []).append(u)
    tips = {}
    for v, parents in into.items():
        half = box[v] / 2
        before = np.array([rows.paths[u, v][-2] for u in parents])
        way = np.stack([x[before] - x[v], y[before] - y[v]], axis=1)
        met = way[:, 0] / np.hypot(*(way / half).T)
        order = np.argsort(met, kind="stable")
        edge = _TIPS * half[0]
        step = min(_HEAD_GAP, 2 * edge / max(len(parents) - 1, 1)) * np.arange(len(parents))
        apart = isotonic_regression(met[order] - step).x
        aside = np.clip(apart, -edge, edge - step[-1]) + step
        up = half[1] * np.sqrt(1 - (aside / half[0]) ** 2)
        for i, dx, dy in zip(order.tolist(), aside, up, strict=True):
            tips[parents[i], v] = (float(x[v] + dx), float(y[v] + dy))
    return tips
