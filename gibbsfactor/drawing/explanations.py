"""Why a label was chosen: what each feature adds to the score of each label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from gibbsfactor.drawing.charts import PALETTE
from gibbsfactor.drawing.sheet import (
    FONT,
    SMALL_FONT,
    Box,
    Key,
    Legend,
    Sheet,
    checked,
    mixed,
    plain,
    save,
    widest,
    width_of,
)
from gibbsfactor.errors import listed

FloatArray = npt.NDArray[np.float64]

_REST = PALETTE[1]
_COLOURS = tuple(PALETTE[i] for i in (2, 0, 4, 3, 5, 6, 7))
_ROW, _BAR, _HEAD = 19.0, 13.0, 20.0  # heights, in points
_ACROSS = 300.0  # from the lowest to the highest end of a bar


def draw_explanation(
    explanation: Any,
    k: int = 7,
    *,
    most_labels: int = 8,
    ax: Axes | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Axes:
    """Draw what each feature contributes to the decision at one position.

    One bar a label, the most probable first: contributions above zero are stacked to the right
    of the line, those below to the left, and a black mark stands at their sum. The k features
    that part the labels most (largest minus smallest contribution to those drawn) have a colour
    each; all others are grey.

    Parameters
    ----------
    explanation : object, or mapping with the same names
        ``position``, an int; ``labels``, the L labels; ``contributions``, a list of pairs (name
        of a feature, its contribution to each label, (L,)); ``marginals``, (L,), the probability
        of each label at the position. And, where there is one, ``token``: its text.
    k : int
        From 1 to 7.
    most_labels : int
        How many labels to draw; what the others have together is written below.
    ax : matplotlib Axes, optional
        Where to draw; otherwise on a figure of its own, as large as the drawing needs.
    title : str, optional
        Unless given, the position, and the token where it is known.
    path : str or Path, optional
        Save the picture there too, as .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If the explanation lacks one of its parts.
    ValueError
        If there are no labels, a part has another length than the labels, a contribution is not
        finite, or a marginal, k or most_labels is out of range.

    Examples
    --------
    >>> explanation = {
    ...     "position": 1,
    ...     "labels": ["N", "V"],
    ...     "contributions": [("w=dog", [2.0, -1.0]), ("bias", [0.5, 0.1])],
    ...     "marginals": [0.96, 0.04],
    ... }
    >>> ax = draw_explanation(explanation)
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "row"]
    ['N', '96.0 %', '2.50', 'V', '4.0 %', '-0.90']
    """
    target = checked(path)
    if not 1 <= k <= len(_COLOURS):
        raise ValueError(f"k is {k}; it must be from 1 to {len(_COLOURS)}, one colour each")
    if most_labels < 1:
        raise ValueError(f"most_labels is {most_labels}; it must be at least 1")
    given = _read(explanation)
    shown = np.argsort(-given.marginals, kind="stable")[:most_labels]
    parts = _Parts.of(given, shown, k)
    if title is None:
        title = f"Position {given.position}"
        if given.token is not None:
            title = f"{plain(given.token)} (position {given.position})"
    return save(_draw(given, shown, parts, ax, title), target)


def _draw(
    given: _Given, shown: npt.NDArray[np.int64], parts: _Parts, ax: Axes | None, title: str
) -> Axes:
    names = [plain(given.labels[i]) for i in shown]
    shares = [_percent(float(given.marginals[i])) for i in shown]
    sums = [f"{total:.2f}" for total in parts.sums]
    low, high = parts.reach
    scale = _ACROSS / max(high - low, 1e-12)
    share_right = widest(names, FONT) + 8 + widest([*shares, "marginal"], SMALL_FONT)
    zero = share_right + 12 - low * scale
    end = share_right + 24 + _ACROSS
    right = end + widest([*sums, "sum"], SMALL_FONT)
    legend = Legend(_keys(parts), right)
    rest = _rest(given, len(shown))
    below = _HEAD + _ROW * len(shown) + 8
    noted = 16.0 if rest else 0.0
    width = max(right, legend.width, width_of(rest, SMALL_FONT))
    sheet = Sheet(width, below + noted + legend.height, ax, title)
    heads = [(share_right, "marginal", "right"), (right, "sum", "right")]
    for x, text, side in heads:
        sheet.write(x, 6, text, font=SMALL_FONT, side=side, colour=sheet.quiet)  # type: ignore[arg-type]
    _head(sheet, zero, share_right + 12, end - 12)
    marks: list[Box] = []
    for row in range(len(shown)):
        middle = _HEAD + (row + 0.5) * _ROW
        sheet.write(0, middle, names[row], gid="row")
        sheet.write(share_right, middle, shares[row], font=SMALL_FONT, side="right", gid="row")
        sheet.write(right, middle, sums[row], font=SMALL_FONT, side="right", gid="row")
        marks.append((zero + parts.sums[row] * scale - 1.2, middle - _BAR / 2 - 2, 2.4, _BAR + 4))
    for i, (colour, pieces) in enumerate(zip(parts.colours, parts.spans, strict=True)):
        boxes = [
            (zero + start * scale, _HEAD + (row + 0.5) * _ROW - _BAR / 2, length * scale, _BAR)
            for row, start, length in pieces
        ]
        sheet.boxes(boxes, colour, outline=_edge(colour), line=0.5, gid=f"feature-{i}")
    sheet.boxes(marks, sheet.ink, outline="white", line=0.6, zorder=2.5, gid="sum")
    sheet.line([zero, zero], [_HEAD - 2, _HEAD + _ROW * len(shown) + 2], sheet.quiet)
    if rest:
        sheet.write(0, below + 5, rest, font=SMALL_FONT, colour=sheet.quiet)
    sheet.legend(legend, 0, below + noted)
    return sheet.ax


def _head(sheet: Sheet, zero: float, left: float, right: float) -> None:
    """Which side speaks for a label, written where there is room."""
    for text, x, side, room in (
        ("against", zero - 6, "right", zero - left),
        ("for", zero + 6, "left", right - zero),
    ):
        if width_of(text, SMALL_FONT) + 6 <= room:
            sheet.write(x, 6, text, font=SMALL_FONT, side=side, colour=sheet.quiet)  # type: ignore[arg-type]


def _rest(given: _Given, shown: int) -> str:
    others = len(given.labels) - shown
    if not others:
        return ""
    left = _percent(float(np.sort(given.marginals)[:others].sum()))
    return f"{others} more label{'s' * (others > 1)}: {left}{' together' * (others > 1)}"


def _percent(share: float) -> str:
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def _edge(colour: str) -> str:
    """Darker, so that the palest can be seen on white."""
    return mixed(colour, 0.6, "#000000")


def _keys(parts: _Parts) -> list[Key]:
    named = [
        Key((colour,), name, outline=_edge(colour))
        for colour, name in zip(parts.colours, parts.names, strict=True)
    ]
    return [*named, Key((), "sum")] if named else []


# ---- bars -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Parts:
    """Where the pieces of the stacked bars lie, a list of (row, start, length) for each name."""

    names: list[str]
    colours: list[str]
    spans: list[list[tuple[int, float, float]]]
    sums: FloatArray
    reach: tuple[float, float]

    @staticmethod
    def of(given: _Given, shown: npt.NDArray[np.int64], k: int) -> _Parts:
        table = given.table[:, shown]
        spread = np.ptp(table, axis=1) if len(shown) > 1 else np.abs(table[:, 0])
        order = np.argsort(-spread, kind="stable")
        top, others = order[:k], order[k:]
        pieces = [(plain(given.names[i]), table[i][None, :]) for i in top]
        if len(others):
            pieces.append((f"{len(others)} other{'s' * (len(others) > 1)}", table[others]))
        ends = {1: np.zeros(len(shown)), -1: np.zeros(len(shown))}
        spans = []
        for _, values in pieces:
            found: list[tuple[int, float, float]] = []
            for sign, end in ends.items():
                lengths = np.where(values * sign > 0, values * sign, 0.0).sum(axis=0)
                for row in np.flatnonzero(lengths > 0).tolist():
                    start = end[row] if sign > 0 else -end[row] - lengths[row]
                    found.append((row, float(start), float(lengths[row])))
                end += lengths
            spans.append(found)
        reach = (-float(ends[-1].max()), float(ends[1].max()))
        names = [name for name, _ in pieces]
        colours = [*_COLOURS[: len(top)], *([_REST] if len(others) else [])]
        return _Parts(names, colours, spans, table.sum(axis=0), reach)


# ---- what is given --------------------------------------------------------------------


@dataclass(frozen=True)
class _Given:
    position: object
    token: object
    labels: list[Any]
    names: list[Any]
    table: FloatArray  # (features, L)
    marginals: FloatArray


def _read(explanation: Any) -> _Given:
    parts = ("position", "labels", "contributions", "marginals")
    found = {name: _part(explanation, name) for name in (*parts, "token")}
    missing = [name for name in parts if found[name] is None]
    if missing:
        raise TypeError(
            f"a {type(explanation).__name__} without {listed(missing)} is no explanation; it "
            f"needs {listed(parts)}"
        )
    labels = list(found["labels"])
    if not labels:
        raise ValueError("the explanation has no labels; there is nothing to draw")
    size = len(labels)
    marginals = np.asarray(found["marginals"], dtype=np.float64)
    if marginals.shape != (size,):
        raise ValueError(
            f"marginals have shape {marginals.shape}; expected ({size},), a label each"
        )
    if not ((marginals >= -1e-6) & (marginals <= 1 + 1e-6)).all():
        raise ValueError(f"marginals are {marginals}; each must be from 0 to 1")
    names, rows = [], []
    for name, values in found["contributions"]:
        row = np.asarray(values, dtype=np.float64)
        if row.shape != (size,):
            raise ValueError(
                f"the contribution of {name!r} has shape {row.shape}; expected ({size},)"
            )
        if not np.isfinite(row).all():
            raise ValueError(f"the contribution of {name!r} is {row}; it must be finite")
        names.append(name)
        rows.append(row)
    table = np.array(rows).reshape(len(rows), size)
    return _Given(found["position"], found["token"], labels, names, table, marginals)


def _part(explanation: Any, name: str) -> Any:
    if isinstance(explanation, Mapping):
        return explanation.get(name)
    return getattr(explanation, name, None)
