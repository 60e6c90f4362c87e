"""What the layouts share: sizes and positions in points, y growing upwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gibbsfactor.drawing.force import Array
from gibbsfactor.drawing.structure import Node

Size = tuple[float, float]
Sizes = Mapping[Node, Size]
Positions = dict[Node, tuple[float, float]]

ASPECT = 1.6  # the width to height that a picture should have
GAP = 24.0  # between the boxes of neighbours: an edge is at least this long


def as_positions(nodes: Sequence[Node], x: Array) -> Positions:
    """Rows of coordinates (n, 2) as a mapping from nodes."""
    return {v: (float(a), float(b)) for v, (a, b) in zip(nodes, x, strict=True)}


def bounds(placed: Positions, sizes: Sizes) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of all boxes."""
    return (
        min(x - sizes[v][0] / 2 for v, (x, _) in placed.items()),
        min(y - sizes[v][1] / 2 for v, (_, y) in placed.items()),
        max(x + sizes[v][0] / 2 for v, (x, _) in placed.items()),
        max(y + sizes[v][1] / 2 for v, (_, y) in placed.items()),
    )
