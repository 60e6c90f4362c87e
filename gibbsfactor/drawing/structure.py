"""Recognise the shapes that have a picture of their own: chains with legs, cycles, grids.

Every function takes a connected undirected graph and gives None where it is not that shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

Node = Hashable

_LONGEST_LEG = 2
_MOST_LEGS = 2


@dataclass(frozen=True)
class Spine:
    """A path, and the short paths (legs, nearest node first) that hang from its nodes."""

    path: list[Node]
    legs: dict[Node, list[list[Node]]]


def look(graph: nx.Graph[Any], node: Node) -> tuple[object, bool]:
    """What a node is for the eye: its kind and whether it is observed."""
    data = graph.nodes[node]
    return data.get("kind", "variable"), bool(data.get("observed"))


def find_spine(graph: nx.Graph[Any]) -> Spine | None:
    """Chain of nodes with at most two short legs each, as in an HMM or a linear-chain CRF.

    Examples
    --------
    >>> find_spine(nx.path_graph(4)).path
    [0, 1, 2, 3]
    >>> hmm = nx.Graph([("y1", "y2"), ("y2", "y3"), ("y1", "x1"), ("y2", "x2"), ("y3", "x3")])
    >>> find_spine(hmm).path
    ['y1', 'y2', 'y3']
    >>> find_spine(nx.star_graph(5)) is None
    True
    """
    if len(graph) < 2 or graph.number_of_edges() != len(graph) - 1:
        return None
    branching = [v for v in graph if graph.degree(v) > 2]
    if not branching:
        return _bare_path(graph)
    core = _between(graph, branching)
    if any(core.degree(v) > 2 for v in core):
        return None
    path = _walk(core, min((v for v in core if core.degree(v) <= 1), key=list(graph).index))
    legs = {v: [_leg(graph, v, u) for u in graph[v] if u not in core] for v in path}
    return _extended(graph, path, legs)


def _extended(
    graph: nx.Graph[Any], core: list[Node], legs: dict[Node, list[list[Node]]]
) -> Spine | None:
    """Grow the core of branching nodes through the longest leg at each of its ends."""
    typical = _typical_leg(graph, core, legs)
    path = list(core)
    usual = max((len(legs[v]) for v in core[1:-1]), default=_MOST_LEGS if len(core) == 1 else 1)
    for end in (0, -1):
        node = path[end]
        choices = legs[node]
        hang_all = typical is not None and all(_looks(graph, leg) == typical for leg in choices)
        if not choices or (hang_all and len(choices) <= usual):
            continue
        odd = [leg for leg in choices if typical is None or _looks(graph, leg) != typical]
        leg = max(odd or choices, key=len)  # what looks like every other leg hangs like them
        choices.remove(leg)
        size = 0 if typical is None else len(typical)
        if typical is not None and len(leg) > size and _looks(graph, leg[-size:]) == typical:
            legs[leg[-size - 1]] = [leg[-size:]]
            leg = leg[:-size]
        path = [*reversed(leg), *path] if end == 0 else [*path, *leg]
    hanging = {v: held for v, held in legs.items() if held}
    bad = any(len(held) > _MOST_LEGS for held in hanging.values())
    bad |= any(len(leg) > _LONGEST_LEG for held in hanging.values() for leg in held)
    if bad or len(path) < 3:
        return None
    order = {v: i for i, v in enumerate(graph)}
    first, last = (core[0], core[-1]) if len(core) > 1 else (path[0], path[-1])
    if order[last] < order[first]:
        path.reverse()
    return Spine(path, hanging)


def _typical_leg(
    graph: nx.Graph[Any], core: list[Node], legs: dict[Node, list[list[Node]]]
) -> tuple[Any, ...] | None:
    """The looks of the leg that most of the core's like nodes have, if they do."""
    seen = Counter(look for v in core for look in {_looks(graph, leg) for leg in legs[v]})
    short = [(n, looks) for looks, n in seen.items() if len(looks) <= _LONGEST_LEG]
    if not short:
        return None
    most, looks = max(short, key=lambda pair: (pair[0], -len(pair[1])))
    alike = sum(look(graph, v) == look(graph, core[0]) for v in core)
    return looks if 2 * most > alike else None


def _looks(graph: nx.Graph[Any], leg: Sequence[Node]) -> tuple[Any, ...]:
    return tuple(look(graph, v) for v in leg)


def _bare_path(graph: nx.Graph[Any]) -> Spine | None:
    """A path; a unary factor or an observation at an end hangs from its neighbour."""
    ends = [v for v in graph if graph.degree(v) == 1]
    if len(ends) != 2:
        return None
    path = _walk(graph, ends[0])
    legs: dict[Node, list[list[Node]]] = {}
    for way in (path, path[::-1]):
        end, inner = look(graph, way[0]), look(graph, way[1])
        if end[1] and inner[0] == "factor" and len(path) >= 7:
            legs[way[2]] = [[way[1], way[0]]]
        elif len(path) >= 4 and (end[0] == "factor" or (end[1] and not inner[1])):
            legs[way[1]] = [[way[0]]]
    hanging = {v for held in legs.values() for leg in held for v in leg}
    path = [v for v in path if v not in hanging]
    return Spine(path, legs)


def _between(graph: nx.Graph[Any], keep: list[Node]) -> nx.Graph[Any]:
    """The subtree that some nodes of a tree span: prune all other leaves."""
    wanted = set(keep)
    degree = dict(graph.degree())
    leaves = [v for v in graph if degree[v] == 1 and v not in wanted]
    gone = set()
    while leaves:
        v = leaves.pop()
        gone.add(v)
        for u in graph[v]:
            degree[u] -= 1
            if degree[u] == 1 and u not in gone and u not in wanted:
                leaves.append(u)
    return graph.subgraph(v for v in graph if v not in gone)


def _walk(graph: nx.Graph[Any], start: Node) -> list[Node]:
    return list(nx.dfs_preorder_nodes(graph, start))


def _leg(graph: nx.Graph[Any], root: Node, first: Node) -> list[Node]:
    leg, before = [first], root
    while True:
        onward = [u for u in graph[leg[-1]] if u != before]
        if not onward:
            return leg
        before = leg[-1]
        leg.append(onward[0])


def find_cycle_order(graph: nx.Graph[Any]) -> list[Node] | None:
    """Nodes of a cycle in turn.

    Examples
    --------
    >>> find_cycle_order(nx.cycle_graph(4))
    [0, 1, 2, 3]
    """
    if len(graph) < 3 or any(degree != 2 for _, degree in graph.degree()):
        return None
    return _walk(graph, next(iter(graph)))


@dataclass(frozen=True)
class Grid:
    """Cells (row, column) of a grid's nodes, and what lies between and beside them.

    ``between`` gives a node that joins two cells (a pairwise factor), ``legs`` the short
    paths that hang from a cell.
    """

    cells: dict[Node, tuple[int, int]]
    between: dict[Node, tuple[Node, Node]]
    legs: dict[Node, list[list[Node]]]


def find_grid(graph: nx.Graph[Any]) -> Grid | None:
    """Grid of at least 2 by 2, perhaps with factors on its edges and short legs.

    Examples
    --------
    >>> find_grid(nx.grid_2d_graph(3, 2)).cells[(2, 1)] in [(2, 1), (1, 2)]
    True
    >>> find_grid(nx.complete_graph(5)) is None
    True
    """
    core: nx.Graph[Any] = nx.Graph(graph)
    legs: dict[Node, list[list[Node]]] = {}
    for leaf in [v for v in graph if graph.degree(v) == 1]:
        leg = [leaf]
        while graph.degree(root := next(u for u in graph[leg[-1]] if u not in leg)) == 2:
            leg.append(root)
            if len(leg) > _LONGEST_LEG:
                return None
        legs.setdefault(root, []).append(leg[::-1])
        core.remove_nodes_from(leg)
    between: dict[Node, tuple[Node, Node]] = {}
    for v in list(core):
        if core.degree(v) == 2 and look(graph, v)[0] == "factor":
            one, two = core[v]
            if core.has_edge(one, two):
                return None
            between[v] = (one, two)
            core.remove_node(v)
            core.add_edge(one, two)
    cells = _grid_cells(core)
    if cells is None or any(root not in cells or len(held) > 2 for root, held in legs.items()):
        return None
    return Grid(cells, between, legs)


def _grid_cells(graph: nx.Graph[Any]) -> dict[Node, tuple[int, int]] | None:
    """Coordinates from the distances to two neighbouring corners, then checked edge by edge."""
    corners = [v for v, degree in graph.degree() if degree == 2]
    if len(corners) != 4 or any(degree > 4 for _, degree in graph.degree()):
        return None
    corner = corners[0]
    far = nx.single_source_shortest_path_length(graph, corner)
    if len(far) != len(graph):
        return None
    other = min(corners[1:], key=far.__getitem__)
    width = far[other]
    away = nx.single_source_shortest_path_length(graph, other)
    cells: dict[Node, tuple[int, int]] = {}
    for v in graph:
        rows, columns = far[v] + away[v] - width, far[v] - away[v] + width
        if rows % 2 or columns % 2 or rows < 0 or not 0 <= columns <= 2 * width:
            return None
        cells[v] = (rows // 2, columns // 2)
    height = max(row for row, _ in cells.values())
    complete = len(set(cells.values())) == len(cells) == (height + 1) * (width + 1)
    edges = (height + 1) * width + height * (width + 1)
    near = all(
        abs(cells[u][0] - cells[v][0]) + abs(cells[u][1] - cells[v][1]) == 1 for u, v in graph.edges
    )
    if not (complete and near and graph.number_of_edges() == edges):
        return None
    return cells if height <= width else {v: (column, row) for v, (row, column) in cells.items()}
