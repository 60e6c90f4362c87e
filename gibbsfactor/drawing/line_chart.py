"""Charts of curves: lines, and dots that were measured, against a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gibbsfactor.drawing.sheet import FONT, ink_of, mixed, new_figure

__all__ = ["Curve", "line_chart", "shades"]

Points = tuple[npt.ArrayLike, npt.ArrayLike]  # x and y


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve: a line through some points, dots at others, or both.

    Attributes
    ----------
    name : what the key calls it
    colour : str
    line, dots : (x, y), optional
    """

    name: str
    colour: str
    line: Points | None = None
    dots: Points | None = None


def line_chart(
    curves: Sequence[Curve],
    *,
    x_label: str = "",
    y_label: str = "",
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    marked: Mapping[str, float] | None = None,
) -> Figure:
    """Curves in one frame, with a key to them.

    Parameters
    ----------
    curves : sequence of Curve
    x_label, y_label : str
    x_range, y_range : (least, most), optional
        What the frame shows; everything unless given.
    marked : mapping {what is said: x}, optional
        Places on the x axis at which a dotted line stands, with words beside its foot.

    Raises
    ------
    ValueError
        If there is no curve, one has neither line nor dots, or its x and y differ in length.

    Examples
    --------
    >>> x = [0.0, 1.0, 2.0]
    >>> figure = line_chart(
    ...     [Curve("square", "black", line=(x, [0, 1, 4])), Curve("found", "red", dots=([1], [1]))],
    ...     marked={"one": 1.0},
    ... )
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['square', 'found']
    """
    if not curves:
        raise ValueError("there are no curves to draw; give one at least")
    figure = new_figure(7.0, 4.0)
    figure.set_layout_engine("constrained")
    ax = figure.add_subplot()
    ink = ink_of(ax)
    quiet = mixed(ink, 0.64)
    for curve in curves:
        if curve.line is None and curve.dots is None:
            raise ValueError(f"curve {curve.name!r} has neither line nor dots")
        line, dots = _checked(curve, "line"), _checked(curve, "dots")
        ax.plot(*line, color=curve.colour, linewidth=1.3)
        ax.plot(*dots, "o", color=curve.colour, markersize=3.5)
    for words, x in (marked or {}).items():
        ax.axvline(x, color=quiet, linewidth=0.9, linestyle=":", zorder=0)
        foot = ax.get_xaxis_transform()
        said = ax.annotate(words, (x, 0.0), (4, 4), foot, "offset points", color=quiet)
        said.set(fontsize=FONT, parse_math=False)
    ax.set(xlim=x_range, ylim=y_range)
    for axis, label in ((ax.xaxis, x_label), (ax.yaxis, y_label)):
        axis.set_label_text(label, fontsize=FONT + 1, color=ink, parse_math=False)
    keys = [
        Line2D(
            [],
            [],
            color=curve.colour,
            linewidth=1.3,
            linestyle="-" if curve.line else "",
            marker="o" if curve.dots else "",
            markersize=3.5,
        )
        for curve in curves
    ]
    key = ax.legend(keys, [curve.name for curve in curves], frameon=False, fontsize=FONT)
    for text in key.get_texts():
        text.set(color=ink, parse_math=False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=FONT, colors=ink)
    return figure


def shades(n: int) -> list[str]:
    """Blues from light to dark, all of them to be seen on white: for curves that have an order.

    >>> len(set(shades(4)))
    4
    """
    return [to_hex(colormaps["Blues"](share)) for share in np.linspace(0.5, 1.0, n)]


def _checked(curve: Curve, what: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    given = curve.line if what == "line" else curve.dots
    x, y = (np.asarray(values, dtype=np.float64) for values in given or ((), ()))
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(
            f"{what} of curve {curve.name!r} has x of shape {x.shape} and y of shape {y.shape}; "
            "give as many numbers of both"
        )
    return x, y
