"""Cells with numbers in them, between names on the left and above."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

from gibbsfactor.drawing.sheet import (
    FONT,
    SMALL_FONT,
    Box,
    Key,
    Legend,
    Sheet,
    ink_on,
    widest,
    width_of,
)
from gibbsfactor.errors import listed

FloatArray = npt.NDArray[np.float64]

MOST_LABELS = 100

_SMALLEST_FONT = 7.0
_SCALE = np.linspace(0.0, 1.0, 16)  # of a key


@dataclass
class CellTable:
    """Cells between names on the left and above; sizes follow from what is written."""

    rows: list[str]
    columns: list[str]
    written: dict[tuple[int, int], str]
    row_caption: str
    column_caption: str
    keys: list[Key]
    row_notes: list[str] | None = None  # at the right of the rows
    column_notes: list[str] | None = None  # below the columns

    def __post_init__(self) -> None:
        most = max(len(self.rows), len(self.columns))
        self.font = FONT if most <= 12 else SMALL_FONT if most <= 25 else _SMALLEST_FONT
        self.wide = max(widest(self.written.values(), self.font) + 6, 17.0)
        self.high = max(self.font + 8, 0.75 * self.wide)
        self.left = widest(self.rows, self.font) + 22
        self.upright = widest(self.columns, self.font) > self.wide - 3
        above = widest(self.columns, self.font) if self.upright else self.font + 2
        self.top = above + 22
        self.bottom = self.top + self.high * len(self.rows)
        self.right = self.left + self.wide * len(self.columns)

    def cell(self, i: int, j: int) -> Box:
        """Where a cell lies."""
        return self.left + j * self.wide, self.top + i * self.high, self.wide, self.high

    def draw(self, fills: FloatArray, ax: Axes | None, title: str | None) -> Sheet:
        """Draw all on a sheet; fills are RGBA, one a cell."""
        right, bottom = self.right, self.bottom
        if self.row_notes is not None:
            right += 6 + max(widest(self.row_notes, SMALL_FONT), width_of("count", SMALL_FONT))
        if self.column_notes is not None:
            bottom += 6 + widest(self.column_notes, SMALL_FONT)
        least = self.left - 14 + width_of(self.column_caption, FONT)
        legend = Legend(self.keys, max(right - self.left, 200.0))
        width = max(right, least, self.left + legend.width)
        high = len(self.rows) * self.high
        missing = max(width_of(self.row_caption, FONT) - high, 0.0)  # few rows, a long caption
        bottom += missing
        sheet = Sheet(width, bottom + 10 + legend.height, ax, title)
        count = len(self.columns)
        cells = [self.cell(*divmod(n, count)) for n in range(len(self.rows) * count)]
        flat = fills.reshape(-1, fills.shape[-1])
        sheet.boxes(cells, flat, outline="white", line=0.8, gid="cells")
        around = [(self.left, self.top, self.right - self.left, high)]
        sheet.boxes(around, "none", outline="#A0A0A0", line=0.6, zorder=1.8, gid="frame")
        for (i, j), text in self.written.items():
            x, y = self._middle(i, j)
            red, green, blue = fills[i, j, :3].tolist()
            ink = ink_on((red, green, blue))
            sheet.write(x, y, text, font=self.font, side="center", colour=ink, gid="cell")
        self._name(sheet, high + missing)
        self._note(sheet)
        sheet.legend(legend, self.left, bottom + 10)
        return sheet

    def _middle(self, i: int, j: int) -> tuple[float, float]:
        return self.left + (j + 0.5) * self.wide, self.top + (i + 0.5) * self.high

    def _name(self, sheet: Sheet, high: float) -> None:
        for i, name in enumerate(self.rows):
            y = self._middle(i, 0)[1]
            sheet.write(self.left - 5, y, name, font=self.font, side="right", gid="row")
        for j, name in enumerate(self.columns):
            x = self._middle(0, j)[0]
            if self.upright and (len(name) > 2 or width_of(name, self.font) > self.wide):
                sheet.write_upright(x, self.top - 4, name, font=self.font).set_gid("column")
            else:
                y = self.top - 4 - self.font / 2
                sheet.write(x, y, name, font=self.font, side="center", gid="column")
        sheet.write_upright(5, self.top + high / 2, self.row_caption, middle=True)
        middle = max((self.left + self.right) / 2, width_of(self.column_caption, FONT) / 2)
        sheet.write(middle, 5, self.column_caption, side="center")

    def _note(self, sheet: Sheet) -> None:
        if self.row_notes is not None:
            right = self.right + 6
            right += max(widest(self.row_notes, SMALL_FONT), width_of("count", SMALL_FONT))
            for i, note in enumerate(self.row_notes):
                y = self._middle(i, 0)[1]
                sheet.write(right, y, note, font=SMALL_FONT, side="right", colour=sheet.quiet)
            y = self.top - 9
            sheet.write(right, y, "count", font=SMALL_FONT, side="right", colour=sheet.quiet)
        if self.column_notes is not None:
            below = self.bottom + 5
            for j, note in enumerate(self.column_notes):
                x = self._middle(0, j)[0]
                y = below + widest(self.column_notes, SMALL_FONT)
                text = sheet.write_upright(x, y, note, font=SMALL_FONT)
                text.set_color(sheet.quiet)
            y = below + widest(self.column_notes, SMALL_FONT) / 2
            sheet.write(
                self.left - 5, y, "count", font=SMALL_FONT, side="right", colour=sheet.quiet
            )


def span(level: FloatArray) -> FloatArray:
    """Where on a colour map a level from 0 to 1 lies: no level that counts is near white."""
    return 0.08 + 0.84 * level


def scale(name: str, text: str, *, square_root: bool = False, whole: bool = False) -> Key:
    """The key to a colour map, over all of it or the span of levels."""
    level = np.sqrt(_SCALE) if square_root else _SCALE
    colours = colormaps[name](level if whole else span(level))
    return Key(tuple(map(to_hex, colours)), text)


# ---- what is given --------------------------------------------------------------------


def checked_labels(labels: Sequence[Hashable]) -> list[Hashable]:
    """The labels, if each is there once and they are not too many."""
    given = list(labels)
    if not given:
        raise ValueError("there are no labels to draw; give one at least")
    if len(given) > MOST_LABELS:
        raise ValueError(
            f"there are {len(given)} labels; a picture of more than {MOST_LABELS} can't be read. "
            "Draw fewer of them"
        )
    if len(set(given)) < len(given):
        raise ValueError(f"labels are {listed(given)}; each may be given only once")
    return given


def square(values: Any, size: int, what: str) -> FloatArray:
    """A table over labels."""
    table = np.array(values, dtype=np.float64)
    if table.shape != (size, size):
        raise ValueError(
            f"{what} have shape {table.shape} but there are {size} labels; "
            f"expected ({size}, {size})"
        )
    return table


def opaque(colour: str) -> tuple[float, float, float, float]:
    """A colour as numbers."""
    red, green, blue = to_rgb(colour)
    return red, green, blue, 1.0
