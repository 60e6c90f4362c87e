"""Edges from rim to rim: straight, or bent around a node that lies in the way."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Polygon
from matplotlib.path import Path

from gibbsfactor.drawing.shapes import EDGE_COLOUR, Shape
from gibbsfactor.drawing.units import Positions

Node = Hashable
Array = npt.NDArray[np.float64]

_BENDS = (0.0, 0.05, -0.05, 0.12, -0.12, 0.22, -0.22, 0.35, -0.35, 0.5, -0.5)
_CLEAR = 2.0  # points between an edge and a node that is not its own
_HEAD = 8.0  # points from an arrow's tip to its base
_WIDTH = 1.2
LOOP = 16.0  # points that a loop reaches out from its node


def add_edge(
    ax: Axes,
    start: Node,
    end: Node,
    boxes: Mapping[Node, Shape],
    placed: Positions,
    *,
    away: float,
    directed: bool,
    bent: bool,
    route: Array | None = None,
) -> None:
    """Add the edge to the axes, along its route if it has one.

    ``bent`` keeps it off the edge that runs the other way. A loop leaves its node at the angle
    ``away``.
    """
    if start == end:
        curve, curved = _loop(boxes[start], placed[start], away), True
    elif route is not None:
        curved = len(route) > 2
        curve = route if curved else np.linspace(route[0], route[1], 61)
    else:
        curve, curved = _clear_curve(start, end, boxes, placed, bent)
    points = _between_rims(curve, (boxes[start], placed[start]), (boxes[end], placed[end]))
    if directed:
        points = _with_head(ax, points)
    if not curved:
        points = points[[0, -1]]
    path = Path(points)
    ax.add_patch(
        PathPatch(
            path,
            facecolor="none",
            edgecolor=EDGE_COLOUR,
            linewidth=_WIDTH,
            zorder=1,
            capstyle="butt",
            joinstyle="round",
        )
    )


def _bezier(control: Array, count: int = 61) -> Array:
    t = np.linspace(0, 1, count)[:, None]
    curve: Array = (1 - t) ** 2 * control[0] + 2 * t * (1 - t) * control[1] + t**2 * control[2]
    return curve


def _clear_curve(
    start: Node, end: Node, boxes: Mapping[Node, Shape], placed: Positions, bent: bool
) -> tuple[Array, bool]:
    """The straightest of a few curves that keeps clear of all other nodes; is it curved?"""
    a, b = np.array(placed[start]), np.array(placed[end])
    along = b - a
    normal = np.array([-along[1], along[0]])
    others = [v for v in boxes if v not in (start, end)]
    centres = np.array([placed[v] for v in others]).reshape(-1, 2)
    radii = np.array([boxes[v].radius for v in others])
    halves = np.array([(boxes[v].width / 2, boxes[v].height / 2) for v in others]).reshape(-1, 2)
    best: tuple[float, Array, bool] | None = None
    for bend in (0.15, 0.3, 0.5) if bent else _BENDS:
        curve = _bezier(np.stack([a, (a + b) / 2 + 2 * bend * normal, b]))
        cover = _deepest(curve, centres, halves, radii)
        if best is None or cover < best[0]:
            best = cover, curve, bend != 0
        if cover <= 0:
            break
    assert best is not None
    return best[1], best[2]


def _deepest(curve: Array, centres: Array, halves: Array, radii: Array) -> float:
    """How far the curve runs into the clear space of a box; 0 if it meets none."""
    if not len(centres):
        return 0.0
    low, high = curve.min(axis=0) - _CLEAR, curve.max(axis=0) + _CLEAR
    near = ((centres + halves >= low) & (centres - halves <= high)).all(axis=1)
    if not near.any():
        return 0.0
    inner = (halves - radii[:, None])[near]
    q = np.abs(curve[:, None] - centres[None, near]) - inner[None]
    outside = np.hypot(*np.moveaxis(np.maximum(q, 0), 2, 0)) + np.minimum(q.max(axis=2), 0)
    depth = _CLEAR - (outside - radii[near][None])
    return float(max(depth.max(), 0.0))


def _loop(box: Shape, centre: tuple[float, float], away: float) -> Array:
    """A drop beside a node, from its rim to its rim, pointing away at an angle."""
    ahead = np.array([np.cos(away), np.sin(away)])
    side = np.array([ahead[1], -ahead[0]])
    rim = float((np.abs(ahead) * (box.width / 2, box.height / 2)).sum())
    rim = min(rim, float(np.hypot(box.width, box.height)) / 2) if not box.is_circle else box.radius
    far = (rim + LOOP * 1.25) * ahead
    control = np.array(centre) + np.array([-3 * side, far - 16 * side, far + 16 * side, 3 * side])
    t = np.linspace(0, 1, 61)[:, None]
    curve: Array = (
        (1 - t) ** 3 * control[0]
        + 3 * t * (1 - t) ** 2 * control[1]
        + 3 * t**2 * (1 - t) * control[2]
        + t**3 * control[3]
    )
    return curve


def _between_rims(
    curve: Array,
    start: tuple[Shape, tuple[float, float]],
    end: tuple[Shape, tuple[float, float]],
) -> Array:
    """The part of a curve outside the two boxes that it joins."""

    def outside(point: Array, at: tuple[Shape, tuple[float, float]]) -> float:
        return at[0].outside(float(point[0] - at[1][0]), float(point[1] - at[1][1]))

    def rim(inner: Array, outer: Array, at: tuple[Shape, tuple[float, float]]) -> Array:
        for _ in range(20):
            middle = (inner + outer) / 2
            if outside(middle, at) < 0:
                inner = middle
            else:
                outer = middle
        return outer

    first = next((i for i, p in enumerate(curve) if outside(p, start) > 0), 0)
    last = next((i for i in range(len(curve) - 1, -1, -1) if outside(curve[i], end) > 0), first)
    if first == 0 or last < first:
        return curve
    leave = rim(curve[first - 1], curve[first], start)
    arrive = rim(curve[last + 1], curve[last], end) if last + 1 < len(curve) else curve[last]
    points: Array = np.vstack([leave, curve[first : last + 1], arrive])
    return points


def _with_head(ax: Axes, points: Array) -> Array:
    """Add an arrow's head whose tip is the last point; the line ends at the head's base."""
    tip = points[-1]
    far = np.hypot(*(points - tip).T)
    base = next((i for i in range(len(points) - 1, -1, -1) if far[i] >= _HEAD), 0)
    along = tip - points[base]
    length = float(np.hypot(*along))
    if length == 0:
        return points
    along = along / length * min(_HEAD, length)
    side = np.array([-along[1], along[0]]) * 0.42
    ax.add_patch(
        Polygon(
            np.array([tip, tip - along + side, tip - along - side]),
            facecolor=EDGE_COLOUR,
            edgecolor="none",
            zorder=1,
        )
    )
    line: Array = np.vstack([points[: base + 1], tip - along * 0.8])
    return line
