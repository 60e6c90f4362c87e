"""The graphs of several models, at one scale: circles of one size, given places in one unit.

Lengths are in points, y grows upwards.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import networkx as nx

from gibbsfactor.drawing.figure import frame, with_loops
from gibbsfactor.drawing.lanes import Span
from gibbsfactor.drawing.layout import fit_given, place
from gibbsfactor.drawing.scene import check_known, graph_of, make_scene, with_sepsets
from gibbsfactor.drawing.shapes import Shape, shapes
from gibbsfactor.drawing.structure import look
from gibbsfactor.drawing.units import GAP, Placement, Positions

Node = Hashable

_FACTOR_GAP = 13.0  # between a factor and its neighbours


@dataclass(frozen=True, eq=False)
class Panel:
    """One graph in a picture of several.

    Attributes
    ----------
    model : networkx graph, or model
    title, note : lines above it, the note in smaller letters
    layout : mapping {node: (x, y)}, or name of a layout
        y grows upwards. One scale, the least at which no nodes overlap, serves all panels with
        positions, and they keep in line: what has the same x in one column lies below each other,
        what has the same y in one row beside each other. Factors may be left out: they lie in the
        middle of what they join, or half a unit left of a single variable.
    kind, observed, labels : as for `gibbsfactor.drawing.draw`
    """

    model: Any
    title: str = ""
    note: str = ""
    layout: Mapping[Any, Sequence[float]] | str | None = None
    kind: str | None = None
    observed: Mapping[str, object] | Iterable[str] | None = None
    labels: Mapping[Any, str] | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A panel's graph, its nodes placed."""

    panel: Panel
    graph: nx.Graph[Any]
    boxes: dict[Node, Shape]
    placed: Placement

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top, y growing upwards."""
        return frame(self.placed, with_loops(self.graph, _sizes(self.boxes)))

    @property
    def across(self) -> Span:
        """From left to right."""
        left, _, right, _ = self.frame
        return Span(left, right, _is_given(self.panel))

    @property
    def down(self) -> Span:
        """From top to bottom."""
        _, bottom, _, top = self.frame
        return Span(-top, -bottom, _is_given(self.panel))


def pictures(rows: Sequence[Sequence[Panel]]) -> list[list[Picture]]:
    """Every panel's graph, with circles of one size, and given places at one scale."""
    panels = [panel for row in rows for panel in row]
    graphs = [make_scene(graph_of(panel.model, panel.kind), panel.observed) for panel in panels]
    for panel, graph in zip(panels, graphs, strict=True):
        check_known(panel.labels or (), graph, "labels")
    boxes = _alike([shapes(g, p.labels) for p, g in zip(panels, graphs, strict=True)])
    parts = list(zip(panels, graphs, boxes, strict=True))
    given = {i: _places(*part) for i, part in enumerate(parts) if _is_given(part[0])}
    unit = max((_least_unit(given[i], parts[i][1], boxes[i]) for i in given), default=1.0)
    made = []
    for i, (panel, graph, shown) in enumerate(parts):
        if i in given:
            placed = Placement({v: (x * unit, y * unit) for v, (x, y) in given[i].items()})
        else:
            how: Any = panel.layout
            placed = place(graph, with_loops(graph, _sizes(shown)), how)
        made.append(Picture(panel, graph, shown, placed))
    across = len(rows[0])
    return [made[i : i + across] for i in range(0, len(made), across)]


def _is_given(panel: Panel) -> bool:
    return isinstance(panel.layout, Mapping)


def _sizes(boxes: Mapping[Node, Shape]) -> dict[Node, tuple[float, float]]:
    return {v: (box.width, box.height) for v, box in boxes.items()}


def _alike(drawn: list[dict[Node, Shape]]) -> list[dict[Node, Shape]]:
    """The same with all circles as large as the largest."""
    wide = max((b.width for boxes in drawn for b in boxes.values() if b.is_circle), default=0.0)
    return [
        {
            v: replace(b, width=wide, height=wide, radius=wide / 2) if b.is_circle else b
            for v, b in boxes.items()
        }
        for boxes in drawn
    ]


def _places(panel: Panel, graph: nx.Graph[Any], boxes: Mapping[Node, Shape]) -> Positions:
    """The places that a panel gives, in its own units; raises unless every node has one."""
    assert isinstance(panel.layout, Mapping)
    check_known(panel.layout, graph, "layout")
    layout = with_sepsets(panel.layout, graph)
    for v in graph:
        joined = list(graph[v])
        if look(graph, v)[0] == "factor" and v not in layout and all(u in layout for u in joined):
            x, y = (sum(layout[u][axis] for u in joined) / max(len(joined), 1) for axis in (0, 1))
            layout[v] = (x - 0.5 * (len(joined) == 1), y)
    fit_given(layout, list(graph), _sizes(boxes))  # for its errors
    return {v: (float(layout[v][0]), float(layout[v][1])) for v in graph}


def _least_unit(places: Positions, graph: nx.Graph[Any], boxes: Mapping[Node, Shape]) -> float:
    """How many points a unit must have for all nodes to be apart."""
    unit = 1e-9
    for one, two in combinations(graph, 2):
        factor = "factor" in (look(graph, one)[0], look(graph, two)[0])
        room = _FACTOR_GAP if factor else GAP
        wide = (boxes[one].width + boxes[two].width) / 2 + room
        high = (boxes[one].height + boxes[two].height) / 2 + room
        (x, y), (other_x, other_y) = places[one], places[two]
        shares = max(abs(x - other_x) / wide, abs(y - other_y) / high)
        unit = max(unit, 1.0 / shares)
    return unit
