"""The features with the largest weights, label by label."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes

from gibbsfactor.drawing.sheet import (
    AGAINST,
    FONT,
    FOR,
    SMALL_FONT,
    Box,
    Sheet,
    Side,
    checked,
    plain,
    save,
    width_of,
)
from gibbsfactor.errors import listed

MOST_PANELS = 60

_ROW, _BAR = 13.0, 9.0  # heights, in points
_ARM = 84.0  # length of the bar of the largest weight
_HEAD = 20.0  # room for a panel's name
_GAP, _GAP_BELOW = 26.0, 16.0  # between panels
_BESIDE = 4.0  # between a bar and its name or number
_LABEL_FONT = FONT + 1
_LONGEST = 36  # characters of a name

Weights = Mapping[tuple[Hashable, Hashable], float]


def draw_top_features(
    features: Weights,
    k: int = 5,
    labels: Sequence[Hashable] | None = None,
    *,
    columns: int | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Axes:
    """Draw the k features that speak most for each label, and the k that speak most against it.

    One panel a label, all at the same scale. The names stand across the line from their bars. Long
    names of attributes are shortened in the middle.

    Parameters
    ----------
    features : mapping {(attribute, label): weight}
        Weights of zero are left out.
    k : int
    labels : sequence of labels, optional
        Which to draw, in this order; all, sorted, unless given.
    columns : int, optional
        How many panels side by side; up to four unless given.
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
        If a key is not a pair.
    ValueError
        If there is no feature, a label has none, there are more than 60 labels, or a weight to be
        drawn is not finite.

    Examples
    --------
    >>> ax = draw_top_features({("w=the", "D"): 3.0, ("w=dog", "D"): -1.0, ("w=dog", "N"): 2.0})
    >>> [text.get_text() for text in ax.texts]
    ['D', 'w=the', '3.00', 'w=dog', '-1.00', 'N', 'w=dog', '2.00']
    """
    target = checked(path)
    for name, value in (("k", k), ("columns", columns)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    chosen = {
        label: _most(label, weights, k) for label, weights in _by_label(features, labels).items()
    }
    largest = max(abs(weight) for bars in chosen.values() for _, weight in bars)
    panels = [_Panel(plain(label), bars, _ARM / largest) for label, bars in chosen.items()]
    across = min(len(panels), columns or _columns(len(panels)))
    grid = [panels[i : i + across] for i in range(0, len(panels), across)]
    lefts = [max(panel.left for panel in panels[j::across]) for j in range(across)]
    rights = [max(panel.right for panel in panels[j::across]) for j in range(across)]
    high = [max(panel.height for panel in row) for row in grid]
    width = sum(lefts) + sum(rights) + _GAP * (across - 1)
    sheet = Sheet(width, sum(high) + _GAP_BELOW * (len(grid) - 1), ax, title)
    top = 0.0
    for row, height in zip(grid, high, strict=True):
        for j, panel in enumerate(row):
            panel.draw(sheet, sum(lefts[: j + 1]) + sum(rights[:j]) + _GAP * j, top)
        top += height + _GAP_BELOW
    return save(sheet.ax, target)


def _most(
    label: Hashable, weights: list[tuple[Hashable, float]], k: int
) -> list[tuple[str, float]]:
    """The largest weights, then the least, each from the top down."""
    for attribute, weight in weights:
        if not math.isfinite(weight):
            raise ValueError(f"the weight of {(attribute, label)!r} is {weight}; it must be finite")
    by_name = [(weight, str(attribute)) for attribute, weight in weights]
    top = heapq.nsmallest(k, ((-weight, name) for weight, name in by_name if weight > 0))
    low = heapq.nsmallest(k, (entry for entry in by_name if entry[0] < 0))
    bars = [(name, -weight) for weight, name in top]
    bars += [(name, weight) for weight, name in reversed(low)]
    return [(plain(name, _LONGEST), weight) for name, weight in bars]


@dataclass(frozen=True)
class _Panel:
    """The bars of one label from the top down, on both sides of a line.

    A bar's name stands across the line from it, its number at its end.
    """

    label: str
    bars: list[tuple[str, float]]
    scale: float  # points for a weight of one

    @property
    def left(self) -> float:
        """Width left of the line."""
        return self._side(-1)

    @property
    def right(self) -> float:
        """Width right of the line."""
        return self._side(1)

    def _side(self, sign: int) -> float:
        needed = [width_of(self.label, _LABEL_FONT) / 2]
        for name, weight in self.bars:
            if weight * sign > 0:
                length = abs(weight) * self.scale
                needed.append(length + _BESIDE + width_of(_number(weight), SMALL_FONT))
            else:
                needed.append(_BESIDE + width_of(name, SMALL_FONT))
        return max(needed)

    @property
    def height(self) -> float:
        """From the label to the last bar."""
        return _HEAD + _ROW * len(self.bars)

    def draw(self, sheet: Sheet, zero: float, top: float) -> None:
        """Draw the panel around a line at x = zero."""
        sheet.write(zero, top + 7, self.label, font=_LABEL_FONT, side="center", gid="label")
        boxes: dict[str, list[Box]] = {FOR: [], AGAINST: []}
        for i, (name, weight) in enumerate(self.bars):
            middle = top + _HEAD + (i + 0.5) * _ROW
            length = abs(weight) * self.scale
            here: Side = "left" if weight > 0 else "right"
            across: Side = "right" if weight > 0 else "left"
            away = 1 if weight > 0 else -1
            start = zero if weight > 0 else zero - length
            boxes[FOR if weight > 0 else AGAINST].append((start, middle - _BAR / 2, length, _BAR))
            end = zero + away * (length + _BESIDE)
            sheet.write(
                zero - away * _BESIDE, middle, name, font=SMALL_FONT, side=across, gid="attribute"
            )
            sheet.write(end, middle, _number(weight), font=SMALL_FONT, side=here, gid="weight")
        for colour, bars in boxes.items():
            sheet.boxes(bars, colour, gid="for" if colour == FOR else "against")
        sheet.line([zero, zero], [top + _HEAD, top + self.height], sheet.quiet)


def _number(weight: float) -> str:
    return f"{weight:.2f}" if 0.01 <= abs(weight) < 1000 else f"{weight:.1e}"


def _columns(panels: int) -> int:
    return panels if panels <= 3 else 2 if panels == 4 else 3 if panels <= 9 else 4


def _by_label(
    features: Weights, labels: Sequence[Hashable] | None
) -> dict[Hashable, list[tuple[Hashable, float]]]:
    found: dict[Hashable, list[tuple[Hashable, float]]] = {}
    for pair, weight in features.items():
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise TypeError(f"the key {pair!r} is not a pair (attribute, label)")
        if weight:
            found.setdefault(pair[1], []).append((pair[0], weight))
    if not found:
        raise ValueError("there are no features with a weight to draw; give one at least")
    wanted = sorted(found, key=str) if labels is None else list(labels)
    for label in wanted:
        if label not in found:
            raise ValueError(
                f"no feature has a weight for the label {label!r}; those that have one are "
                f"{listed(sorted(found, key=str))}"
            )
    if not 0 < len(wanted) <= MOST_PANELS:
        raise ValueError(
            f"there are {len(wanted)} labels to draw; expected 1 to {MOST_PANELS}: give the most "
            "interesting ones as labels="
        )
    return {label: found[label] for label in wanted}
