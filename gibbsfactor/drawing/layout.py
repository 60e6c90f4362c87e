"""Where the nodes go: pure functions of a graph and the sizes of its nodes' boxes.

Positions and sizes are in points; y grows upwards. A layout is chosen for each connected
part by its structure, and the parts are set side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np

from gibbsfactor.drawing import force
from gibbsfactor.drawing.chains import place_chain, place_cycle, place_grid
from gibbsfactor.drawing.layered import place_layered
from gibbsfactor.drawing.structure import Node, find_spine
from gibbsfactor.drawing.trees import place_radial, place_tree
from gibbsfactor.drawing.units import ASPECT, GAP, Placement, Positions, Sizes, as_positions

_DEFAULT_SIZE = (30.0, 30.0)
_TIMELINE = 5  # nodes from which a directed chain is drawn along a line


def layout(
    graph: nx.Graph[Any], sizes: Sizes | None = None, how: str | None = None, seed: int = 0
) -> Positions:
    """Positions at which no two nodes' boxes overlap.

    Parameters
    ----------
    graph : networkx graph
        Without a directed cycle it is layered. Otherwise directions are not looked at, save that
        a directed tree grows from its root. The node attributes ``kind`` and ``observed`` tell
        what hangs from a chain.
    sizes : mapping {node: (width, height)}, optional
        Boxes in points; 30 by 30 unless given.
    how : {"layered", "chain", "grid", "cycle", "tree", "radial", "force"}, optional
        Unless given, "layered" for a directed acyclic graph, its parents above their children,
        save for a chain in one direction, as in a hidden Markov model. For other graphs, the first
        of these that fits: a chain with short legs (in rows, if long), a grid, a cycle, a tree
        (layered, radial if large), and force otherwise.
    seed : int
        For the random starts of "force".

    Returns
    -------
    dict {node: (x, y)}

    Raises
    ------
    ValueError
        If there is no layout of that name, or the graph has not the shape it needs.

    Examples
    --------
    >>> layout(nx.path_graph(3))
    {0: (15.0, 15.0), 1: (69.0, 15.0), 2: (123.0, 15.0)}
    >>> layout(nx.DiGraph([("rain", "grass"), ("rain", "roof")]))
    {'rain': (38.0, 77.0), 'grass': (15.0, 15.0), 'roof': (61.0, 15.0)}
    """
    return place(graph, sizes, how, seed).positions


def place(
    graph: nx.Graph[Any], sizes: Sizes | None = None, how: str | None = None, seed: int = 0
) -> Placement:
    """Positions as in `layout`, and the ways of the edges where the layout has found some."""
    if how is not None and how not in NAMES:
        raise ValueError(
            f"there is no layout {how!r}; give one of {', '.join(map(repr, NAMES))}, "
            "positions {node: (x, y)}, or None for the one that fits"
        )
    boxes = dict.fromkeys(graph, _DEFAULT_SIZE) if sizes is None else dict(sizes)
    plain: nx.Graph[Any] = nx.Graph(graph.to_undirected(as_view=True))
    plain.remove_edges_from(list(nx.selfloop_edges(plain)))
    if how == "layered":
        _require_acyclic(graph)
    acyclic = isinstance(graph, nx.DiGraph) and nx.is_directed_acyclic_graph(graph)
    parts = []
    for names in _components(plain):
        part = _ordered_subgraph(plain, names)
        if how == "layered" or (how is None and acyclic and not _is_timeline(graph, part)):
            parts.append(place_layered(_ordered_subgraph(graph, names), boxes))
        else:
            root = None
            if isinstance(graph, nx.DiGraph):
                root = next((v for v in names if not graph.in_degree(v)), None)
            parts.append(Placement(_place(part, boxes, how, seed, root)))
    return _pack(parts, boxes)


def _require_acyclic(graph: nx.Graph[Any]) -> None:
    if not graph.is_directed():
        raise ValueError(
            "layout 'layered' puts parents above their children, and the edges of this graph "
            "have no direction; give a networkx.DiGraph, or layout=None for the layout that fits"
        )
    if not nx.is_directed_acyclic_graph(graph):
        around = [edge[0] for edge in nx.find_cycle(graph)]
        raise ValueError(
            "layout 'layered' puts parents above their children, but the edges go round in "
            f"{' -> '.join(map(str, [*around, around[0]]))}; layout=None finds the layout that fits"
        )


def _is_timeline(graph: nx.Graph[Any], part: nx.Graph[Any]) -> bool:
    """Whether a part of a directed graph is a chain along which all edges run one way."""
    spine = find_spine(part)
    if spine is None or len(spine.path) < _TIMELINE:
        return False
    steps = list(pairwise(spine.path))
    return all(graph.has_edge(u, v) for u, v in steps) or all(
        graph.has_edge(v, u) for u, v in steps
    )


def fit_given(
    given: Mapping[Node, Sequence[float]], nodes: Sequence[Node], sizes: Sizes
) -> Positions:
    """Positions a user gave, scaled up evenly until no boxes overlap.

    Raises
    ------
    ValueError
        If a node has no position, or two lie on one point.
    """
    missing = [v for v in nodes if v not in given]
    if missing:
        raise ValueError(
            f"layout gives no position for {len(missing)} of {len(nodes)} nodes, "
            f"such as {missing[0]!r}; give (x, y) for every node"
        )
    x = np.array([tuple(given[v]) for v in nodes], dtype=np.float64).reshape(len(nodes), -1)
    if x.shape[1:] != (2,) or not np.isfinite(x).all():
        raise ValueError(
            "layout gives positions that are not pairs of finite numbers; "
            "give {node: (x, y)} for every node"
        )
    if len(np.unique(x, axis=0)) < len(x):
        raise ValueError(
            "layout puts two nodes on one point; give every node a position of its own"
        )
    box = np.array([sizes[v] for v in nodes])
    spread = np.ptp(x, axis=0).max()
    x = x * (1.0 / spread if spread else 1.0)
    scale = force.separate(x, box, np.empty((0, 2), dtype=np.intp), GAP, rounds=0)
    return as_positions(nodes, scale)


def _components(graph: nx.Graph[Any]) -> Iterator[list[Node]]:
    """Nodes of each connected part, in the order of the graph."""
    order = {v: i for i, v in enumerate(graph)}
    for part in nx.connected_components(graph):
        yield sorted(part, key=order.__getitem__)


def _ordered_subgraph(graph: Any, names: Sequence[Node]) -> Any:
    """A copy whose nodes keep the order of ``names``, for views are ordered as sets are."""
    part: Any = nx.DiGraph() if graph.is_directed() else nx.Graph()
    part.add_nodes_from((v, graph.nodes[v]) for v in names)
    part.add_edges_from((u, v) for u in names for v in graph[u])
    return part


def _place(
    graph: nx.Graph[Any], sizes: Sizes, how: str | None, seed: int, root: Node | None
) -> Positions:
    if len(graph) == 1:
        return dict.fromkeys(graph, (0.0, 0.0))
    for name in LAYOUTS if how is None else [how]:
        placed = LAYOUTS[name](graph, sizes, seed, root)
        if placed is not None:
            return placed
    raise ValueError(
        f"the part with {next(iter(graph))!r} ({len(graph)} nodes, {graph.number_of_edges()} "
        f"edges) is not a {how}; layout=None finds the layout that fits"
    )


# ---- the rest -------------------------------------------------------------------------


def _force(graph: nx.Graph[Any], sizes: Sizes, seed: int, root: Node | None) -> Positions:
    nodes = list(graph)
    number = {v: i for i, v in enumerate(nodes)}
    edges = np.array([(number[u], number[v]) for u, v in graph.edges], dtype=np.intp)
    box = np.array([sizes[v] for v in nodes])
    return as_positions(nodes, force.arrange(box, edges, GAP, seed))


LAYOUTS: dict[str, Callable[[nx.Graph[Any], Sizes, int, Node | None], Positions | None]] = {
    "chain": place_chain,
    "grid": place_grid,
    "cycle": place_cycle,
    "tree": place_tree,
    "radial": place_radial,
    "force": _force,
}
NAMES = ("layered", *LAYOUTS)


# ---- all parts together ---------------------------------------------------------------


def _pack(parts: Sequence[Placement], sizes: Sizes) -> Placement:
    """Parts side by side, in rows if there are many, the lower left corner at the origin."""
    boxes = [part.bounds(sizes) for part in parts]
    wide = [right - left for left, _, right, _ in boxes]
    tall = [top - bottom for _, bottom, _, top in boxes]
    area = sum((w + GAP) * (h + GAP) for w, h in zip(wide, tall, strict=True))
    pages = [max([*wide, k * float(np.sqrt(area))]) for k in (0.9, 1.1, 1.3, 1.5, 1.8, 2.2, 3.0)]
    choices = [_shelves(wide, page) for page in pages]
    rows = min(choices, key=lambda rows: _shelf_cost(rows, wide, tall))
    placed = Placement({})
    y = 0.0
    for row in reversed(rows):
        height = max(tall[i] for i in row)
        x = 0.0
        for i in row:
            left, bottom, _, _ = boxes[i]
            lift = y + (height - tall[i]) / 2
            moved = parts[i].moved(x - left, lift - bottom)
            placed.positions.update(moved.positions)
            placed.routes.update(moved.routes)
            x += wide[i] + GAP
        y += height + GAP
    return placed


def _shelves(wide: Sequence[float], page: float) -> list[list[int]]:
    """Parts in rows no wider than the page."""
    rows: list[list[int]] = []
    used = page
    for i, width in enumerate(wide):
        if not rows or used + GAP + width > page:
            rows.append([])
            used = -GAP
        rows[-1].append(i)
        used += GAP + width
    return rows


def _shelf_cost(rows: list[list[int]], wide: Sequence[float], tall: Sequence[float]) -> float:
    """Height of the smallest page of the wanted shape that holds the rows."""
    width = max((sum(wide[i] + GAP for i in row) for row in rows), default=0.0)
    return max(width / ASPECT, sum(max(tall[i] for i in row) + GAP for row in rows))
