"""What each node looks like: its label, its colours, and a box with rounded corners.

Circles are boxes whose corner radius is half their width, so one rule serves all shapes.
Colours are Okabe & Ito's, told apart in every common form of colour-blindness; text has a
contrast of at least 9 to 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextToPath

Node = Hashable

FONT = 10.0  # points
LINE = 1.25  # height of a line of text over that of its font
_SMALL_FONT = 8.5
_LONGEST_LINE = 22  # characters
_LEAST, _MOST = 28.0, 40.0  # diameters of a circle with a label inside
_BARE_FACTOR = 11.0  # side of a factor's square without a label

_INK, _LINE = "#1A1A1A", "#4D4D4D"
_PALETTE = {  # fill, outline, text
    "variable": ("#E3F0F9", "#0072B2", _INK),
    "observed": ("#C3C7CB", "#4D4D4D", _INK),
    "factor": ("#262626", "#262626", "#FFFFFF"),
    "clique": ("#FCF0D6", "#A86E00", _INK),
    "sepset": ("#FFFFFF", "#8C8C8C", _INK),
}
EDGE_COLOUR = _LINE
TEXT_COLOUR = _INK


@dataclass(frozen=True)
class Shape:
    """A node's box with rounded corners, in points."""

    label: str
    width: float
    height: float
    radius: float
    font: float
    fill: str
    outline: str
    text: str

    @property
    def is_circle(self) -> bool:
        """Whether the corners take up the whole box."""
        return self.width == self.height == 2 * self.radius

    def outline_path(self, x: float, y: float) -> Path:
        """The box around (x, y), its corners cubic curves that pass for quarter circles."""
        w, h, r = self.width / 2, self.height / 2, self.radius
        inner = r * (1 - 4 * (math.sqrt(2) - 1) / 3)
        points: list[tuple[float, float]] = [(w, h - r)]
        for sx, sy, upright in ((1, 1, True), (-1, 1, False), (-1, -1, True), (1, -1, False)):
            side = [(w, h - r), (w, h - inner), (w - inner, h), (w - r, h)]
            corner = [(sx * a, sy * b) for a, b in (side if upright else side[::-1])]
            points += corner
        codes = [Path.MOVETO, *[Path.LINETO, *[Path.CURVE4] * 3] * 4, Path.CLOSEPOLY]
        return Path([(x + a, y + b) for a, b in [*points, points[0]]], codes)

    def outside(self, dx: float, dy: float) -> float:
        """Signed distance from the rim of a point at (dx, dy) from the centre."""
        x = abs(dx) - self.width / 2 + self.radius
        y = abs(dy) - self.height / 2 + self.radius
        return math.hypot(max(x, 0.0), max(y, 0.0)) + min(max(x, y), 0.0) - self.radius


def shapes(graph: nx.Graph[Any], labels: Mapping[Node, str] | None = None) -> dict[Node, Shape]:
    """The shape of each node, from the attributes kind, observed, state and label."""
    given = {} if labels is None else labels
    made = {}
    groups: dict[bool, list[Node]] = {}
    for v, data in graph.nodes(data=True):
        kind, observed = data.get("kind", "variable"), bool(data.get("observed"))
        label = str(given[v]) if v in given else _label(v, kind, data)
        made[v] = _shape(label, kind, observed)
        if kind not in ("factor", "clique", "sepset"):
            groups.setdefault(observed, []).append(v)
    for nodes in groups.values():
        made.update(_alike(made, nodes))
    return made


def _label(node: Node, kind: str, data: Mapping[str, Any]) -> str:
    if "label" in data:
        return str(data["label"])
    if kind == "factor":
        return ""
    if isinstance(node, tuple) and kind in ("clique", "sepset"):
        names = node if kind == "clique" else data["names"]
        return ", ".join(map(str, names))
    if data.get("observed") and data.get("state") is not None:
        return f"{node}\n= {data['state']}"
    return str(node)


def _shape(label: str, kind: str, observed: bool) -> Shape:
    style = "observed" if observed else kind if kind in _PALETTE else "variable"
    font = _SMALL_FONT if kind in ("sepset", "factor") else FONT
    text = wrapped(label)
    wide, tall = text_size(text, font)
    width, height, radius = wide + 12, tall + 9, 7.0
    if kind == "factor":
        if label:
            width, height, radius = wide + 8, tall + 5, 2.0
        else:
            width, height, radius = _BARE_FACTOR, _BARE_FACTOR, 1.0
    elif kind == "sepset":
        width, height, radius = max(wide + 8, 13.0), max(tall + 4, 13.0), 1.0
    elif kind != "clique":
        across = math.hypot(wide, tall * 0.8) + 8
        if across <= _MOST and "\n" not in text:
            width = height = max(across, _LEAST)
            radius = width / 2
        else:
            width, height, radius = max(wide + 14, _LEAST), max(tall + 7, _LEAST), _LEAST / 2
    return Shape(text, width, height, radius, font, *_PALETTE[style])


def _alike(made: dict[Node, Shape], nodes: list[Node]) -> dict[Node, Shape]:
    """Circles of one size; or, if some label needs more room, boxes of one height."""
    if all(made[v].is_circle for v in nodes):
        across = max(made[v].width for v in nodes)
        return {v: replace(made[v], width=across, height=across, radius=across / 2) for v in nodes}
    tall = max(max(text_size(made[v].label, FONT)[1] + 7, _LEAST) for v in nodes)
    wide = {v: max(text_size(made[v].label, FONT)[0] + 14, _LEAST) for v in nodes}
    return {v: replace(made[v], width=wide[v], height=tall, radius=_LEAST / 2) for v in nodes}


def wrapped(label: str, most: int = _LONGEST_LINE) -> str:
    """The label in lines of at most ``most`` characters, cut at spaces.

    A longer word is cut after its underscores.

    Examples
    --------
    >>> wrapped("average_daily_temperature").splitlines()
    ['average_daily_', 'temperature']
    """
    lines = []
    for line in label.splitlines():
        held = ""
        for word in line.split():
            if held and len(held) + 1 + len(word) > most:
                lines.append(held)
                held = ""
            *cut, rest = _pieces(word, most)
            lines += cut  # then nothing is held
            held = f"{held} {rest}" if held else rest
        lines.append(held)
    return "\n".join(lines)


def _pieces(word: str, most: int) -> list[str]:
    """A word in pieces of at most ``most`` characters, cut after underscores if it has any."""
    pieces = [""]
    for part in re.findall(r"[^_]*_+|[^_]+", word):
        for piece in (part[i : i + most] for i in range(0, len(part), most)):
            if len(pieces[-1] + piece) > most:
                pieces.append("")
            pieces[-1] += piece
    return pieces


_MEASURE = TextToPath()


def text_size(text: str, font: float) -> tuple[float, float]:
    """Width and height in points of lines of text."""
    if not text:
        return 0.0, 0.0
    properties = FontProperties(size=font)
    lines = text.split("\n")
    measured = (
        _MEASURE.get_text_width_height_descent(line, properties, ismath=False)
        for line in lines
        if line
    )
    return max((float(width) for width, _, _ in measured), default=0.0), len(lines) * font * LINE
