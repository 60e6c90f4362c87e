"""A sheet to draw on in points, which scales as a whole to the axes that it fills.

Whatever is measured to fit on the sheet still fits when the axes are small or large: lengths and
fonts shrink and grow together. x runs to the right and y down, both from the upper left corner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from gibbsfactor.drawing.figure import GraphAxes, ScaledText, checked_path, save_figure
from gibbsfactor.drawing.shapes import text_size

Box = tuple[float, float, float, float]  # x, y of the upper left corner, width, height
Side = Literal["left", "center", "right"]
Colour = str | tuple[float, float, float]

FONT, SMALL_FONT, TITLE = 9.0, 8.0, 12.0  # points
LONGEST = 26  # characters of a name
FOR, AGAINST = "#C96A0B", "#6A51A3"  # weights above and below zero; 3 to 1 on white and black
ABSENT, HATCH = "#F4F4F4", "#CDCDCD"  # a cell with nothing in it, and its stripes

_INK, _LIGHT_INK = "#1A1A1A", "#F2F2F2"
_HALF_LETTER = 0.36  # of the font's size: from the baseline to the middle of a letter
_DPI = 144.0
_MARGIN = 10.0  # points around the drawing
_MOST_INCHES = 40.0  # a side of the figure; larger drawings are scaled down to it
_SWATCH, _SWATCH_HEIGHT, _KEY_ROW, _KEY_GAP = 9.0, 9.0, 15.0, 16.0


def plain(value: object, longest: int = LONGEST) -> str:
    """A value as text in one line, shortened in the middle.

    Examples
    --------
    >>> plain("word[-1]=extraordinarily", longest=14)
    'word[-1…narily'
    >>> plain("a\\n"), plain("")
    ('a\\\\n', "''")
    """
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    if not text:
        return "''"
    if len(text) <= longest:
        return text
    behind = (longest - 1) // 2
    return f"{text[: longest - 1 - behind]}…{text[len(text) - behind :]}"


def width_of(text: str, font: float) -> float:
    """Width of a line of text in points, with room for the rounding of renderers."""
    return text_size(text, font)[0] * 1.03 + 1.0


def widest(texts: Iterable[str], font: float) -> float:
    """Width of the widest of some lines, 0 if there is none."""
    return max((width_of(text, font) for text in set(texts)), default=0.0)


def mixed(colour: str, share: float, other: str = "#FFFFFF") -> str:
    """So much of a colour, the rest of another.

    >>> mixed("#000000", 0.5)
    '#808080'
    """
    pairs = zip(to_rgb(colour), to_rgb(other), strict=True)
    red, green, blue = (share * one + (1 - share) * two for one, two in pairs)
    return to_hex((red, green, blue))


def luminance(colour: Colour) -> float:
    """WCAG's relative luminance, from 0 for black to 1 for white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(fill: Colour) -> str:
    """Black or white, whichever has more contrast with the fill: 4.5 to 1 at least.

    >>> ink_on("#777777"), ink_on("#707070")
    ('#000000', '#FFFFFF')
    """
    return "#000000" if luminance(fill) > 0.1791 else "#FFFFFF"


def new_figure(width: float, height: float) -> Figure:
    """A white figure of so many inches that is not pyplot's."""
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def ink_of(ax: Axes) -> str:
    """Dark or light, whichever can be read on the figure behind these axes."""
    red, green, blue, opacity = to_rgba(ax.figure.get_facecolor())
    if opacity < 0.5:  # what shows through isn't known; the style's text is made for it
        return to_hex(rcParams["text.color"])
    return _INK if luminance((red, green, blue)) > 0.1791 else _LIGHT_INK


def save(ax: Axes, path: str | Path | None) -> Axes:
    """The axes, their figure saved where there is a path."""
    figure = ax.get_figure(root=True)
    if path is not None and figure is not None:
        save_figure(figure, path)
    return ax


def checked(path: str | Path | None) -> Path | None:
    """The path, if a picture can be saved there.

    Raises
    ------
    ValueError, FileNotFoundError
        If its suffix is not that of a picture, or its folder is not there.
    """
    return None if path is None else checked_path(path)


# ---- the key to a picture -------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """What a colour means: one, or a scale from the first to the last of several.

    No colour at all stands for that of the text.
    """

    colours: tuple[str, ...]
    text: str
    hatch: str = ""
    outline: str = "none"

    @property
    def swatch(self) -> float:
        """Width of the colours, in points."""
        return _SWATCH if len(self.colours) < 2 else 3 * len(self.colours)

    @property
    def width(self) -> float:
        """Width of colours and text, in points."""
        return self.swatch + 5 + width_of(self.text, SMALL_FONT)


class Legend:
    """Keys side by side in as many rows as a width asks for."""

    def __init__(self, keys: Sequence[Key], width: float) -> None:
        self.placed: list[tuple[float, float, Key]] = []
        self.width = max((key.width for key in keys), default=0.0)
        width = max(width, self.width)
        x = y = 0.0
        for key in keys:
            if x and x + key.width > width:
                x, y = 0.0, y + _KEY_ROW
            self.placed.append((x, y, key))
            self.width = max(self.width, x + key.width)
            x += key.width + _KEY_GAP
        self.height = y + _KEY_ROW if keys else 0.0


# ---- the sheet ------------------------------------------------------------------------


class Sheet:
    """Axes whose units are points, on a figure of the sheet's size unless axes are given."""

    def __init__(self, width: float, height: float, ax: Axes | None, title: str | None) -> None:
        width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
        if ax is None:
            if title is not None:
                width = max(width, width_of(title, TITLE) + 2 * _MARGIN)
            ax = _axes_for(width, height, title)
        self.ax = ax
        self.ink = ink_of(ax)
        self.quiet = mixed(self.ink, 0.72, "#FFFFFF" if self.ink == _INK else "#000000")
        ax.set_axis_off()
        ax.set_aspect("equal")
        ax.set_xlim(-_MARGIN, width - _MARGIN)
        ax.set_ylim(height - _MARGIN, -_MARGIN)
        if title is not None:
            ax.set_title(title, fontsize=TITLE, color=self.ink, parse_math=False)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        font: float = FONT,
        side: Side = "left",
        colour: str | None = None,
        gid: str | None = None,
    ) -> Text:
        """A line of text whose left end, middle or right end is at x, its small letters at y."""
        return self._add(text, x, y + _HALF_LETTER * font, font, side, "baseline", 0, colour, gid)

    def write_upright(
        self, x: float, y: float, text: str, *, font: float = FONT, middle: bool = False
    ) -> Text:
        """A line that runs up from y, or has its middle there."""
        return self._add(text, x, y, font, "center", "center" if middle else "bottom", 90)

    def _add(
        self,
        text: str,
        x: float,
        y: float,
        font: float,
        ha: str,
        va: str,
        rotation: float,
        colour: str | None = None,
        gid: str | None = None,
    ) -> Text:
        artist = ScaledText(
            x,
            y,
            text,
            height=font,
            ha=ha,
            va=va,
            rotation=rotation,
            color=colour or self.ink,
            parse_math=False,
            zorder=3,
            gid=gid,
        )
        self.ax.add_artist(artist)
        return artist

    def boxes(
        self,
        boxes: Sequence[Box],
        fills: Sequence[object] | npt.NDArray[np.float64] | str,
        *,
        outline: str = "none",
        line: float = 0.8,
        hatch: str | None = None,
        dashed: bool = False,
        zorder: float = 1.0,
        gid: str | None = None,
    ) -> None:
        """Boxes as one collection."""
        if not boxes:
            return
        corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in boxes]
        collection = PolyCollection(
            corners,
            facecolors=fills,
            edgecolors=outline,
            linewidths=line,
            linestyles="--" if dashed else "-",
            hatch=hatch,
            zorder=zorder,
            gid=gid,
        )
        self.ax.add_collection(collection, autolim=False)

    def line(self, x: Sequence[float], y: Sequence[float], colour: str | None = None) -> None:
        """A thin line through some points."""
        self.ax.plot(
            x,
            y,
            color=colour or self.ink,
            linewidth=0.8,
            scalex=False,
            scaley=False,
            zorder=2,
            solid_capstyle="butt",
        )

    def legend(self, legend: Legend, x: float, y: float) -> None:
        """The keys, from an upper left corner on."""
        for right, down, key in legend.placed:
            middle = y + down + _KEY_ROW / 2
            colours = key.colours or (self.ink,)
            step = key.swatch / len(colours)
            boxes = [
                (x + right + i * step, middle - _SWATCH_HEIGHT / 2, step, _SWATCH_HEIGHT)
                for i in range(len(colours))
            ]
            self.boxes(boxes, colours, outline=key.outline, hatch=key.hatch or None, gid="key")
            self.write(x + right + key.swatch + 5, middle, key.text, font=SMALL_FONT, gid="key")


def _axes_for(width: float, height: float, title: str | None) -> Axes:
    """Axes over the whole of a figure of so many points, save a strip for the title."""
    above = 0.0 if title is None else text_size(title, TITLE)[1] + 10
    shrink = min(1.0, _MOST_INCHES * 72 / max(width, height + above))
    below = height * shrink
    figure = new_figure(width * shrink / 72, (below + above) / 72)
    ax = GraphAxes(figure, (0.0, 0.0, 1.0, below / (below + above)))
    figure.add_axes(ax)
    return ax
