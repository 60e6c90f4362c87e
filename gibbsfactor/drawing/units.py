"""What the layouts share: sizes and positions in points, y growing upwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gibbsfactor.drawing.force import Array
from gibbsfactor.drawing.structure import Node

Size = tuple[float, float]
Sizes = Mapping[Node, Size]
Positions = dict[Node, tuple[float, float]]

Routes = dict[tuple[Node, Node], Array]  # points (k, 2) of an edge, from centre to centre

ASPECT = 1.6  # the width to height that a picture should have
GAP = 24.0  # between the boxes of neighbours: an edge is at least this long


def as_positions(nodes: Sequence[Node], x: Array) -> Positions:
    """Rows of coordinates (n, 2) as a mapping from nodes."""
    return {v: (float(a), float(b)) for v, (a, b) in zip(nodes, x, strict=True)}


@dataclass(frozen=True, eq=False)
class Placement:
    """Where nodes are, and the way that edges take, of those that have one of their own."""

    positions: Positions
    routes: Routes = field(default_factory=dict)

    def moved(self, dx: float, dy: float) -> Placement:
        """The same, elsewhere."""
        positions = {v: (x + dx, y + dy) for v, (x, y) in self.positions.items()}
        return Placement(positions, {e: way + (dx, dy) for e, way in self.routes.items()})

    def bounds(self, sizes: Sizes) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of all boxes and routes."""
        left, bottom, right, top = bounds(self.positions, sizes)
        if self.routes:
            ways = np.concatenate(list(self.routes.values()))
            (x0, y0), (x1, y1) = ways.min(axis=0).tolist(), ways.max(axis=0).tolist()
            return min(left, x0), min(bottom, y0), max(right, x1), max(top, y1)
        return left, bottom, right, top


def bounds(placed: Positions, sizes: Sizes) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of all boxes."""
    return (
        min(x - sizes[v][0] / 2 for v, (x, _) in placed.items()),
        min(y - sizes[v][1] / 2 for v, (_, y) in placed.items()),
        max(x + sizes[v][0] / 2 for v, (x, _) in placed.items()),
        max(y + sizes[v][1] / 2 for v, (_, y) in placed.items()),
    )
