"""Chains in rows with what hangs from them, grids in squares, cycles on circles.

Every placement gives None for a graph that has not its shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np

from gibbsfactor.drawing.structure import (
    Grid,
    Node,
    Spine,
    find_cycle_order,
    find_grid,
    find_spine,
    look,
)
from gibbsfactor.drawing.units import GAP, Positions, Size, Sizes

ROW = 720.0  # how wide a chain grows before it wraps


def place_chain(
    graph: nx.Graph[Any], sizes: Sizes, seed: int, root: Node | None
) -> Positions | None:
    """The spine on a line, or in rows that wrap, and what hangs on it above or below."""
    spine = find_spine(graph)
    if spine is None:
        return None
    if root is not None and root == spine.path[-1]:
        spine.path.reverse()
    widths = _slot_widths(graph, spine, sizes)
    rows = _rows(graph, spine.path, widths)
    if len(rows) > 1 and 0 < len(spine.legs) < 0.4 * len(spine.path):
        return None  # a few legs in many rows look like rows of odd chains: a tree is clearer
    tall = max(sizes[v][1] for v in spine.path)
    up, down = _leg_room(spine, sizes, tall)
    placed: Positions = {}
    x, heading = 0.0, 1.0
    for r, row in enumerate(rows):
        y = -r * (up + down + GAP)
        for i, v in enumerate(row):
            if i or (r and spine.legs):
                before = row[i - 1] if i else rows[r - 1][-1]
                x += heading * ((widths[before] + widths[v]) / 2 + _gap(graph, before, v))
            if not i and r:
                heading = -heading
            placed[v] = (x, y)
            _hang(placed, v, spine.legs.get(v, ()), sizes, tall)
    return placed


def _gap(graph: nx.Graph[Any], one: Node, two: Node) -> float:
    """Room for the edge between two nodes; less of it beside a factor or a sepset."""
    small = {"factor", "sepset"}
    return 14.0 if {look(graph, one)[0], look(graph, two)[0]} & small else GAP


def _slot_widths(graph: nx.Graph[Any], spine: Spine, sizes: Sizes) -> dict[Node, float]:
    """Width of each step of the chain with what hangs there, equal for nodes that look alike."""
    widths = {}
    for v in spine.path:
        hanging = [sizes[u][0] for leg in spine.legs.get(v, ()) for u in leg]
        # Legs stand beside each other at steps that may lie closer than a gap apart.
        widths[v] = max([sizes[v][0], *(w - GAP / 2 for w in hanging)])
    alike: dict[tuple[object, bool], list[float]] = {}
    for v, width in widths.items():
        alike.setdefault(look(graph, v), []).append(width)
    even = {}
    for kind, held in alike.items():
        most = 2.0 if kind[0] == "variable" else 1.3  # how much wider the widest may be
        if max(held) < most * min(held):
            even[kind] = max(held)
    return {v: even.get(look(graph, v), width) for v, width in widths.items()}


def _rows(graph: nx.Graph[Any], path: list[Node], widths: Mapping[Node, float]) -> list[list[Node]]:
    """Cut the path into rows of about equal length, none much wider than a page."""
    gaps = sum(_gap(graph, u, v) for u, v in pairwise(path))
    total = sum(widths.values()) + gaps
    count = int(np.ceil(total / ROW)) if total > ROW * 1.08 else 1
    per_row = -(-len(path) // count)
    if count > 1 and per_row % 2:
        per_row += 1  # rows of a factor graph then all end alike
    cuts = list(range(per_row, len(path), per_row))
    if cuts and graph.nodes[path[cuts[0]]].get("kind") == "factor":
        cuts = [cut + 1 for cut in cuts if cut + 1 < len(path)]  # end on it: no leg is in its way
    return [path[i:j] for i, j in pairwise([0, *cuts, len(path)])]


def _leg_room(spine: Spine, sizes: Sizes, tall: float) -> tuple[float, float]:
    """How far the legs reach above and below the line of the chain."""
    scratch: Positions = {}
    for v in spine.path:
        scratch[v] = (0.0, 0.0)
        _hang(scratch, v, spine.legs.get(v, ()), sizes, tall)
    up = max(y + sizes[v][1] / 2 for v, (_, y) in scratch.items())
    down = max(sizes[v][1] / 2 - y for v, (_, y) in scratch.items())
    return up, down


def _hang(
    placed: Positions, root: Node, legs: Sequence[Sequence[Node]], sizes: Sizes, tall: float
) -> None:
    """Hang the longest leg below its root and the other one above."""
    x, y = placed[root]
    for leg, side in zip(sorted(legs, key=len, reverse=True), (-1.0, 1.0), strict=False):
        reach = tall / 2
        for v in leg:
            height = sizes[v][1]
            reach += 14.0 + height / 2
            placed[v] = (x, y + side * reach)
            reach += height / 2


# ---- grids and cycles -----------------------------------------------------------------


def place_grid(
    graph: nx.Graph[Any], sizes: Sizes, seed: int, root: Node | None
) -> Positions | None:
    """Rows and columns of a grid graph; None for another graph."""
    grid = find_grid(graph)
    if grid is None:
        return None
    wide, tall = (max(sizes[v][axis] for v in grid.cells) for axis in (0, 1))
    room_x, room_y = GAP, GAP
    if grid.between:
        room_x = 2 * 12.0 + max(sizes[v][0] for v in grid.between)
        room_y = 2 * 12.0 + max(sizes[v][1] for v in grid.between)
    if grid.legs:
        legs = [leg for held in grid.legs.values() for leg in held]
        most = max(len(held) for held in grid.legs.values())
        room_x = max(room_x, most * (16.0 + max(sum(sizes[v][0] + 6 for v in leg) for leg in legs)))
        room_y = max(room_y, most * (16.0 + max(sum(sizes[v][1] + 6 for v in leg) for leg in legs)))
    placed: Positions = {
        v: (column * (wide + room_x), -row * (tall + room_y))
        for v, (row, column) in grid.cells.items()
    }
    for v, (one, two) in grid.between.items():
        (ax, ay), (bx, by) = placed[one], placed[two]
        placed[v] = ((ax + bx) / 2, (ay + by) / 2)
    _hang_diagonally(placed, grid, sizes, (wide, tall), (room_x, room_y))
    return placed


def _hang_diagonally(placed: Positions, grid: Grid, sizes: Sizes, cell: Size, room: Size) -> None:
    """Put a cell's first leg in the free square to its lower right, the other opposite."""
    for root, held in grid.legs.items():
        x, y = placed[root]
        for leg, side in zip(held, (1.0, -1.0), strict=False):
            share = 1.0 / (len(leg) + 1) / (1 if len(held) == 1 else 2)
            for i, v in enumerate(leg, start=1):
                t = i * share
                placed[v] = (
                    x + side * (cell[0] / 2 + t * room[0]),
                    y - side * (cell[1] / 2 + t * room[1]),
                )


def place_cycle(
    graph: nx.Graph[Any], sizes: Sizes, seed: int, root: Node | None
) -> Positions | None:
    """The nodes of a single cycle around a circle; None for another graph."""
    order = find_cycle_order(graph)
    if order is None:
        return None
    reach = [float(np.hypot(*sizes[v])) / 2 for v in order]
    steps = [reach[i] + reach[i - 1] + 18.0 for i in range(len(order))]
    turns = np.cumsum(steps) - steps[0]
    angle = np.pi / 2 - 2 * np.pi * turns / sum(steps)
    radius = max(sum(steps) / (2 * np.pi), max(steps) / 2 / np.sin(np.pi * max(steps) / sum(steps)))
    return {
        v: (float(radius * np.cos(a)), float(radius * np.sin(a)))
        for v, a in zip(order, angle, strict=True)
    }
