"""Weights of transitions from label to label."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes

from gibbsfactor.drawing.cells import (
    CellTable,
    FloatArray,
    checked_labels,
    opaque,
    scale,
    square,
)
from gibbsfactor.drawing.sheet import ABSENT, HATCH, Key, checked, plain, save

_FORBIDDEN = "#5F6368"


def draw_transitions(
    weights: Mapping[tuple[Hashable, Hashable], float] | npt.ArrayLike,
    labels: Sequence[Hashable] | None = None,
    *,
    start: Mapping[Hashable, float] | None = None,
    end: Mapping[Hashable, float] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Axes:
    """Draw the weights of transitions between labels, orange above zero and purple below.

    A weight of zero is a pale cell with a 0. A transition that has no weight is hatched; one
    that is forbidden, of weight -inf, is dark with a cross.

    Parameters
    ----------
    weights : mapping {(before, after): weight}, or array_like of shape (L, L)
        In a table, rows are the labels before, and NaN is a transition without a weight.
    labels : sequence of the L labels, optional
        Which to draw, in this order; to be given with a table. With a mapping, all in it, sorted,
        unless given.
    start, end : mapping {label: weight}, optional
        Weights of the first and of the last label, as another row and another column.
    ax : matplotlib Axes, optional
        Where to draw; otherwise on a figure of its own, as large as the drawing needs.
    title : str, optional
    path : str or Path, optional
        Save the picture there too, as .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If a table comes without labels, or a key is not a pair.
    ValueError
        If there are no labels or more than 100, a weight is +inf, or a table is not (L, L).

    Examples
    --------
    >>> weights = {("B", "I"): 2.5, ("O", "B"): -0.5, ("O", "I"): float("-inf")}
    >>> ax = draw_transitions(weights)
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "cell"]
    ['2.5', '-0.5', '✗']
    """
    target = checked(path)
    table, given = _weights(weights, labels)
    rows = columns = [plain(label) for label in given]
    if start is not None:
        rows = [*rows, "(start)"]
        table = np.vstack([table, [_weight(start, label) for label in given]])
    if end is not None:
        columns = [*columns, "(end)"]
        ends = [_weight(end, label) for label in given] + [np.nan] * (start is not None)
        table = np.column_stack([table, ends])
    absent, forbidden = np.isnan(table), np.isneginf(table)
    finite = ~(absent | forbidden)
    largest = float(np.abs(table[finite]).max(initial=0.0)) or 1.0
    digits = 1 if largest >= 0.5 else 2
    written = {(i, j): _cell(table[i, j], digits) for i, j in np.argwhere(~absent).tolist()}
    fills = colormaps["PuOr_r"](0.5 + 0.5 * np.where(finite, table, 0.0) / largest)
    fills[absent] = opaque(ABSENT)
    fills[forbidden] = opaque(_FORBIDDEN)
    keys = [scale("PuOr_r", f"weight, {-largest:.{digits}f} to {largest:.{digits}f}", whole=True)]
    if absent.any():
        keys.append(Key((ABSENT,), "no weight", hatch="////", outline="#A0A0A0"))
    if forbidden.any():
        keys.append(Key((_FORBIDDEN,), "forbidden"))
    drawn = CellTable(
        rows, columns, written, row_caption="before", column_caption="after", keys=keys
    )
    sheet = drawn.draw(fills, ax, title)
    hatched = [drawn.cell(i, j) for i, j in np.argwhere(absent).tolist()]
    sheet.boxes(hatched, ABSENT, outline=HATCH, line=0.0, hatch="////", zorder=1.5, gid="absent")
    return save(sheet.ax, target)


def _cell(weight: float, digits: int) -> str:
    if np.isneginf(weight):
        return "✗"
    return f"{weight:z.{digits}f}" if weight else "0"


def _weights(weights: Any, labels: Sequence[Hashable] | None) -> tuple[FloatArray, list[Hashable]]:
    if isinstance(weights, Mapping):
        for pair in weights:
            if not (isinstance(pair, tuple) and len(pair) == 2):
                raise TypeError(f"the key {pair!r} is not a pair (label before, label after)")
        if labels is None:
            labels = sorted({label for pair in weights for label in pair}, key=str)
        given = checked_labels(labels)
        position = {label: i for i, label in enumerate(given)}
        table = np.full((len(given), len(given)), np.nan)
        for (before, after), weight in weights.items():
            if before in position and after in position:
                table[position[before], position[after]] = weight
    elif labels is None:
        raise TypeError("a table of weights needs the names of its rows; give labels=")
    else:
        given = checked_labels(labels)
        table = square(weights, len(given), "weights")
    if np.isposinf(table).any():
        i, j = np.argwhere(np.isposinf(table))[0]
        pair = (given[i], given[j])
        raise ValueError(f"the weight of {pair!r} is inf; weights must be finite, or -inf")
    return table, given


def _weight(weights: Mapping[Hashable, float], label: Hashable) -> float:
    weight = float(weights.get(label, np.nan))
    if weight == np.inf:
        raise ValueError(f"the weight of {label!r} is inf; weights must be finite, or -inf")
    return weight
