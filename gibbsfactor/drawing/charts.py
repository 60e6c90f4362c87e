"""Charts of tables: heat maps, ranked bars, stacked shares.

Every chart is a matplotlib Figure of its own, free of pyplot; its colours stay apart for the
colour-blind and in grey print, and every value is also written out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize, TwoSlopeNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

__all__ = ["PALETTE", "heat_map", "ranked_bars", "stacked_shares"]

# Okabe & Ito's colours, in an order whose first three differ in lightness too.
PALETTE = ("#D55E00", "#9AA0A6", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442")

_INK = "#1A1A1A"
_FONT, _SMALL_FONT, _TITLE = 10.0, 9.0, 12.0  # points


def heat_map(
    values: npt.ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str = "",
    row_label: str = "",
    column_label: str = "",
    diverging: bool = False,
    number_format: str = "z.2f",
    shade: npt.ArrayLike | None = None,
) -> Figure:
    """A table whose cells are shaded by their values.

    Parameters
    ----------
    values : array_like, shape (rows, columns)
        NaN leaves its cell blank.
    rows, columns : names of the rows and columns
    title, row_label, column_label : str
    diverging : bool
        Shade away from zero in two colours, rather than from low to high in one.
    number_format : str
        How a value is written into its cell.
    shade : array_like, optional
        Values to shade by, where they are not those written.

    Raises
    ------
    ValueError
        If the values' shape is not that of the names.

    Examples
    --------
    >>> figure = heat_map([[8, 2], [1, 9]], ["yes", "no"], ["yes", "no"], number_format=".0f")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['8', '2', '1', '9']
    """
    table = _as_table(values, (len(rows), len(columns)), "values")
    shown = table if shade is None else _as_table(shade, table.shape, "shade")
    known = shown[np.isfinite(shown)]
    largest = max(float(np.abs(known).max(initial=0.0)), 1e-12)
    norm: Normalize
    if diverging:
        colours, norm = colormaps["PuOr_r"], TwoSlopeNorm(0.0, -largest, largest)
    else:
        colours, norm = colormaps["Blues"], Normalize(float(known.min(initial=0.0)), largest)
    longest = max(map(len, columns), default=0)
    cell = max(0.75, 0.095 * longest)
    ax = _new_axes(cell * len(columns) + 2.0, 0.55 * len(rows) + 1.4, title)
    ax.pcolormesh(shown, cmap=colours, norm=norm, edgecolors="white", linewidth=1.5)
    ax.invert_yaxis()
    for i, j in np.argwhere(np.isfinite(table) & np.isfinite(shown)).tolist():
        fill = colours(norm(shown[i, j]))[:3]
        ax.text(
            j + 0.5,
            i + 0.5,
            format(table[i, j], number_format),
            ha="center",
            va="center",
            color=_ink_on(fill),
            fontsize=_FONT,
        )
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.set_xlabel(column_label)
    ax.set_ylabel(row_label)
    _bare(ax)
    return ax.figure  # type: ignore[return-value]


def ranked_bars(
    groups: Mapping[str, Sequence[tuple[str, float]]], *, title: str = "", value_label: str = ""
) -> Figure:
    """Horizontal bars, one panel a group, each in the order given from the top down.

    Parameters
    ----------
    groups : {name of the group: [(name of the bar, value of at least zero), ...]}
    title, value_label : str

    Raises
    ------
    ValueError
        If there is no group.

    Examples
    --------
    >>> figure = ranked_bars({"fruit": [("apple", 3.0), ("pear", 1.0)], "nuts": [("hazel", 2.0)]})
    >>> [ax.get_title() for ax in figure.axes]
    ['fruit', 'nuts']
    """
    if not groups:
        raise ValueError("there are no bars to draw; give one group at least")
    most = max(len(bars) for bars in groups.values())
    figure = _new_figure(2.9 * len(groups), 0.27 * most + 1.3, title)
    limit = max((value for bars in groups.values() for _, value in bars), default=1.0) * 1.22
    for i, (group, bars) in enumerate(groups.items()):
        ax = figure.add_subplot(1, len(groups), i + 1)
        heights = [-float(rank) for rank in range(len(bars))]
        values = [value for _, value in bars]
        ax.barh(heights, values, color=PALETTE[i % len(PALETTE)], height=0.72)
        for height, value in zip(heights, values, strict=True):
            place = value + 0.02 * limit
            ax.text(place, height, f"{value:.2f}", va="center", color=_INK, fontsize=_SMALL_FONT)
        ax.set_yticks(heights, [name for name, _ in bars])
        ax.set_ylim(0.6 - most, 0.6)
        ax.set_xlim(0.0, limit)
        ax.set_title(group, fontsize=_FONT, fontweight="bold", color=_INK, parse_math=False)
        ax.set_xlabel(value_label)
        _bare(ax)
        ax.set_xticks([])
    return figure


def stacked_shares(
    shares: npt.ArrayLike,
    positions: Sequence[str],
    states: Sequence[str],
    *,
    title: str = "",
    share_label: str = "probability",
) -> Figure:
    """One bar a position, parted among the states.

    Parameters
    ----------
    shares : array_like, shape (positions, states)
        Rows that sum to one.
    positions, states : names of the bars and of their parts
    title, share_label : str

    Raises
    ------
    ValueError
        If the shares' shape is not that of the names, or there are more states than colours.

    Examples
    --------
    >>> figure = stacked_shares([[0.9, 0.1], [0.4, 0.6]], ["hey", "there"], ["calm", "cross"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['90%', '40%', '10%', '60%']
    """
    table = _as_table(shares, (len(positions), len(states)), "shares")
    if len(states) > len(PALETTE):
        raise ValueError(
            f"there are {len(states)} states, but colours for {len(PALETTE)}; draw fewer"
        )
    longest = max(map(len, positions), default=0)
    width = max(5.0, max(0.8, 0.11 * longest) * len(positions) + 1.2)
    ax = _new_axes(width, 3.8, title)
    below = np.zeros(len(positions))
    places = np.arange(len(positions))
    for i in range(len(states)):
        ax.bar(
            places,
            table[:, i],
            bottom=below,
            width=0.74,
            color=PALETTE[i],
            edgecolor="white",
        )
        for t in np.flatnonzero(table[:, i] >= 0.06).tolist():
            ax.text(
                t,
                below[t] + table[t, i] / 2,
                f"{table[t, i]:.0%}",
                ha="center",
                va="center",
                color=_ink_on(to_rgb(PALETTE[i])),
                fontsize=_SMALL_FONT,
            )
        below = below + table[:, i]
    ax.set_xticks(places, positions)
    ax.set_ylim(0.0, 1.0)
    ax.set_ylabel(share_label)
    legend = ax.legend(
        [Patch(facecolor=colour) for colour in PALETTE[: len(states)]],
        states,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.12),
        ncols=min(len(states), 4),
        frameon=False,
        fontsize=_SMALL_FONT,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    _bare(ax)
    return ax.figure  # type: ignore[return-value]


# ---- what the charts share ------------------------------------------------------------


def _new_figure(width: float, height: float, title: str) -> Figure:
    figure = Figure(
        figsize=(width, height + 0.3 * bool(title)),
        dpi=144,
        facecolor="white",
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=_TITLE, color=_INK, parse_math=False)
    return figure


def _new_axes(width: float, height: float, title: str) -> Axes:
    return _new_figure(width, height, title).add_subplot()


def _bare(ax: Axes) -> None:
    """No frame or ticks; plain labels, in which a dollar sign is one."""
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, labelsize=_FONT, labelcolor=_INK)
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set_parse_math(False)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(fontsize=_FONT, color=_INK, parse_math=False)


def _ink_on(fill: Sequence[float]) -> str:
    """Black or white, whichever has more contrast with the fill (WCAG's relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in fill]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _INK if luminance > 0.19 else "#FFFFFF"


def _as_table(values: npt.ArrayLike, shape: tuple[int, ...], what: str) -> npt.NDArray[np.float64]:
    table = np.asarray(values, dtype=np.float64)
    if table.shape != shape:
        raise ValueError(f"{what} have shape {table.shape}, but the names are for {shape}")
    return table
