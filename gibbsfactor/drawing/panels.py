"""Graphs of several models in rows and columns, with arrows from one to the next.

Lengths are in points. On the sheet y grows downwards, in a graph upwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.transforms import Affine2D

from gibbsfactor.drawing.figure import paint
from gibbsfactor.drawing.lanes import Lane, starts
from gibbsfactor.drawing.panel_graphs import Panel, Picture, pictures
from gibbsfactor.drawing.shapes import TEXT_COLOUR
from gibbsfactor.drawing.sheet import FONT, Sheet, checked, plain, save, width_of

_TITLE, _TITLE_HIGH, _NOTE_HIGH, _HEAD_GAP = 11.5, 18.0, 15.0, 3.0
_LONGEST = 80  # characters of a title or a note
_LONG, _BESIDE = 44.0, 9.0  # length of an arrow, and its room at both ends
_SHAFT, _HEAD = 7.0, 17.0  # widths of an arrow's shaft and head
_QUIET, _ARROW = "#595959", "#BCC1C6"


def draw_panels(
    rows: Sequence[Sequence[Panel]],
    *,
    across: Sequence[str] = (),
    down: Sequence[str] = (),
    ax: Axes | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Axes:
    """Draw the graphs of models in rows and columns, circles of one size in all of them.

    Parameters
    ----------
    rows : sequence of sequences of Panel
        All of one length.
    across : sequence of str, optional
        The words on the arrows from each column to the next, which every row has. No arrows
        unless given; an empty string is an arrow without words.
    down : sequence of str, optional
        The same from each row to the next, in every column.
    ax : matplotlib Axes, optional
        Where to draw; otherwise on a figure of its own, as large as the drawing needs.
    title : str, optional
    path : str or Path, optional
        Save the picture there too, as .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes
        The graphs are its ``child_axes``, row by row.

    Raises
    ------
    TypeError, ValueError
        If rows are empty or differ in length, the words are not one less than the columns or
        rows, or a panel can't be drawn, for the reasons that `draw` gives.

    Examples
    --------
    >>> import networkx as nx
    >>> arrows = nx.DiGraph([("y1", "y2"), ("y2", "y3")])
    >>> ax = draw_panels(
    ...     [[Panel(arrows, "directed"), Panel(arrows.to_undirected(), "undirected")]],
    ...     across=["moralise"],
    ... )
    >>> [text.get_text() for text in ax.texts]
    ['directed', 'undirected', 'moralise']
    >>> [text.get_text() for text in ax.child_axes[1].texts]
    ['y1', 'y2', 'y3']
    """
    target = checked(path)
    _check(rows, across, down)
    grid = pictures(rows)
    columns = [
        Lane.over([p.across for p in held], max(_head_width(p.panel) for p in held))
        for held in zip(*grid, strict=True)
    ]
    lanes = [Lane.over([p.down for p in row]) for row in grid]
    heads = [max(_head_height(p.panel) for p in row) for row in grid]
    rooms = [max(_LONG, width_of(words, FONT)) + 2 * _BESIDE for words in across]
    lefts = starts(columns, [0.0] * len(columns), rooms or [_BESIDE] * (len(columns) - 1))
    below = (_LONG if down else 0.0) + 2 * _BESIDE
    tops = starts(lanes, heads, [below] * (len(lanes) - 1))
    width, height = lefts[-1] + columns[-1].size, tops[-1] + lanes[-1].size
    sheet = Sheet(width, height, ax, title)
    card = (-_BESIDE, -_BESIDE, width + 2 * _BESIDE, height + 2 * _BESIDE)
    sheet.boxes([card], "white", zorder=0.0, gid="card")  # graphs have dark edges
    for i, row in enumerate(grid):
        for j, picture in enumerate(row):
            x = lefts[j] + columns[j].offset(picture.across)
            y = tops[i] + lanes[i].offset(picture.down)
            _add_graph(sheet, picture, x, y, f"panel-{i}-{j}")
            _write_head(sheet, picture.panel, lefts[j] + columns[j].size / 2, tops[i] - heads[i])
    for top, lane in zip(tops, lanes, strict=True):
        for j, words in enumerate(across):
            ends = (lefts[j] + columns[j].size, lefts[j + 1])
            _add_arrow(sheet, ends, top + lane.size / 2, words, down=False)
    for i, words in enumerate(down):
        ends = (tops[i] + lanes[i].size, tops[i + 1] - heads[i + 1])
        for left, column in zip(lefts, columns, strict=True):
            _add_arrow(sheet, ends, left + column.size / 2, words, down=True)
    return save(sheet.ax, target)


def _check(rows: Sequence[Sequence[Panel]], across: Sequence[str], down: Sequence[str]) -> None:
    lengths = [len(row) for row in rows]
    if not lengths or len(set(lengths)) > 1 or not lengths[0]:
        raise ValueError(
            f"the rows have {', '.join(map(str, lengths)) or 'no'} panels; give at least one row "
            "of at least one panel, and as many in every row"
        )
    for panel in (panel for row in rows for panel in row):
        if not isinstance(panel, Panel):
            raise TypeError(f"rows hold a {type(panel).__name__}; give Panel(model) for each graph")
    for given, name, count, lines in (
        (across, "across", lengths[0], "columns"),
        (down, "down", len(rows), "rows"),
    ):
        if isinstance(given, str):
            raise TypeError(f"{name} is the string {given!r}; give a list with the words of arrows")
        if len(given) not in (0, count - 1):
            raise ValueError(
                f"{name} has the words of {len(given)} arrows, but {count - 1} lie between "
                f"{count} {lines}; give that many, or none for no arrows"
            )


def _add_graph(sheet: Sheet, picture: Picture, x: float, y: float, name: str) -> None:
    """The graph in axes of its own, which lie in the sheet from an upper left corner on."""
    left, bottom, right, top = picture.frame
    wide, high = right - left, top - bottom
    upwards = Affine2D().scale(1.0, -1.0) + sheet.ax.transData
    ax = sheet.ax.inset_axes((x, -y - high, wide, high), transform=upwards)
    paint(ax, picture.graph, picture.boxes, picture.placed)
    for artist in ax.get_children():
        if artist.get_gid() is not None:
            artist.set_gid(f"{name}-{artist.get_gid()}")


def _head_height(panel: Panel) -> float:
    lines = _TITLE_HIGH * bool(panel.title) + _NOTE_HIGH * bool(panel.note)
    return lines + _HEAD_GAP if lines else 0.0


def _head_width(panel: Panel) -> float:
    title, note = plain(panel.title, _LONGEST), plain(panel.note, _LONGEST)
    return max(
        width_of(title, _TITLE) if panel.title else 0.0,
        width_of(note, FONT) if panel.note else 0.0,
    )


def _write_head(sheet: Sheet, panel: Panel, x: float, top: float) -> None:
    """A panel's title, and below it its note."""
    if panel.title:
        title = plain(panel.title, _LONGEST)
        sheet.write(
            x,
            top + _TITLE_HIGH / 2,
            title,
            font=_TITLE,
            side="center",
            colour=TEXT_COLOUR,
            gid="title",
        )
        top += _TITLE_HIGH
    if panel.note:
        note = plain(panel.note, _LONGEST)
        y = top + _NOTE_HIGH / 2
        sheet.write(x, y, note, font=FONT, side="center", colour=_QUIET, gid="note")


def _add_arrow(
    sheet: Sheet, ends: tuple[float, float], at: float, words: str, *, down: bool
) -> None:
    """A broad arrow in the middle between two panels, its words above it or to the right."""
    middle = (ends[0] + ends[1]) / 2
    tail, tip = middle - _LONG / 2, middle + _LONG / 2
    base, shaft, head = tip - 0.75 * _HEAD, _SHAFT / 2, _HEAD / 2
    half = [(tail, shaft), (base, shaft), (base, head), (tip, 0.0)]
    outline = [*half, *((along, -side) for along, side in half[-2::-1])]
    points = [(at + side, along) if down else (along, at + side) for along, side in outline]
    sheet.ax.add_patch(Polygon(points, facecolor=_ARROW, edgecolor="none", gid="arrow"))
    if words and down:
        sheet.write(at + head + 6, middle, words, colour=_QUIET, gid="arrow")
    elif words:
        y = at - head - FONT
        sheet.write(middle, y, words, side="center", colour=_QUIET, gid="arrow")
