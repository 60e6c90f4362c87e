"""Learning curves: the loss, and a score on held-out data, as training goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, ScalarFormatter

from gibbsfactor.drawing.charts import PALETTE
from gibbsfactor.drawing.figure import GraphAxes
from gibbsfactor.drawing.sheet import FONT, TITLE, checked, ink_of, mixed, new_figure, save

FloatArray = npt.NDArray[np.float64]

SCORES = {"dev_f1": "dev F1", "dev_loss": "dev loss", "held_out": "held-out score"}

_LOSS, _SCORE = PALETTE[2], PALETTE[0]
_WIDE_RANGE = 10.0  # largest loss over smallest from which a logarithmic axis shows more
_MARKED = 30  # records up to which each is marked


def draw_learning_curve(
    history: Iterable[Any],
    x: Literal["iteration", "seconds"] = "iteration",
    *,
    score: str | None = None,
    lower_is_better: bool | None = None,
    log_scale: bool | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Axes:
    """Draw the loss against iterations or seconds, and the score on held-out data beside it.

    The best iteration is marked and named: that of the best score, or of the lowest loss where
    there is no score.

    Parameters
    ----------
    history : records, dicts or objects
        Each with ``iteration`` and ``loss``; ``seconds`` where it is drawn against them; and a
        score, which records may lack, have as None or as NaN.
    x : {"iteration", "seconds"}
    score : str, optional
        The field with the score. Unless given, the first of dev_f1, dev_loss and held_out that
        some record has.
    lower_is_better : bool, optional
        Of the score. Unless given, True for a field whose name ends in loss or norm.
    log_scale : bool, optional
        Of the loss; unless given, where it falls to a tenth and is above zero.
    ax : matplotlib Axes, optional
        Where to draw; otherwise on a figure of its own.
    title : str, optional
    path : str or Path, optional
        Save the picture there too, as .png, .svg or .pdf.

    Returns
    -------
    matplotlib Axes
        That of the loss. The score has axes of its own, the figure's last.

    Raises
    ------
    TypeError, ValueError
        If there is no record, one lacks the loss or the place on the x axis, no loss is finite,
        or no record has the score that was asked for.

    Examples
    --------
    >>> records = [{"iteration": i, "loss": 9 / i, "dev_f1": f} for i, f in [(1, 0.7), (2, 0.8)]]
    >>> ax = draw_learning_curve(records)
    >>> [text.get_text() for text in ax.texts]
    ['best dev F1 0.8000 at iteration 2']
    """
    target = checked(path)
    if x not in ("iteration", "seconds"):
        raise ValueError(f"x is {x!r}; expected 'iteration' or 'seconds'")
    records = list(history)
    if not records:
        raise ValueError("the history is empty; give the record of one iteration at least")
    places, losses = _column(records, x), _column(records, "loss")
    name, scores = _scores(records, score)
    if np.isnan(losses).all():
        raise ValueError(f"none of the {len(records)} records has a finite loss")
    if ax is None:
        figure = new_figure(6.6, 3.8)
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)  # inches
        ax = figure.add_subplot(axes_class=GraphAxes)
    _draw_loss(ax, x, places, losses, log_scale)
    if name is None:
        at = int(np.nanargmin(losses))
        said = f"lowest loss {losses[at]:.6g}"
        _mark(ax, ax, places[at], losses[at], _LOSS)
    else:
        lower = name.endswith(("loss", "norm")) if lower_is_better is None else lower_is_better
        at = int(np.nanargmin(scores) if lower else np.nanargmax(scores))
        said = f"best {_called(name)} {_score(scores[at])}"
        beside = _draw_score(ax, name, places, scores)
        _mark(ax, beside, places[at], scores[at], _SCORE)
    iteration = _field(records[at], "iteration")
    where = f"iteration {iteration}" if iteration is not None else f"{places[at]:.4g} s"
    _say(ax, f"{said} at {where}", places[at], title)
    return save(ax, target)


def _draw_loss(
    ax: Axes, x: str, places: FloatArray, losses: FloatArray, log_scale: bool | None
) -> None:
    finite = losses[~np.isnan(losses)]
    if log_scale is None:
        log_scale = bool(finite.min() > 0 and finite.max() >= _WIDE_RANGE * finite.min())
    elif log_scale and finite.min() <= 0:
        raise ValueError(f"a loss is {finite.min():g}; a logarithmic axis needs all above 0")
    if log_scale:
        ax.set_yscale("log")
        few_decades = finite.max() < 1e4 * finite.min()
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few_decades else (1.0,)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.7g}"))
        ax.yaxis.set_minor_locator(NullLocator())
    else:
        _plain_numbers(ax.yaxis)
    ax.plot(places, losses, color=_LOSS, linewidth=1.6, gid="loss", **_markers(places))
    ax.set_xlabel("iteration" if x == "iteration" else "seconds")
    ax.set_ylabel("loss")
    if x == "iteration":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _plain_numbers(ax.xaxis)
    ax.spines[["top", "right"]].set_visible(False)
    _colour(ax, "x", ink_of(ax))
    _colour(ax, "y", _readable(_LOSS, ax))


def _draw_score(ax: Axes, name: str, places: FloatArray, scores: FloatArray) -> Axes:
    beside = ax.twinx()
    known = ~np.isnan(scores)
    beside.plot(
        places[known],
        scores[known],
        color=_SCORE,
        linewidth=1.6,
        linestyle=(0, (5, 1.5)),
        gid="score",
        **_markers(places[known]),
    )
    beside.set_ylabel(_called(name))
    beside.spines[["top", "left"]].set_visible(False)
    beside.spines["right"].set_visible(True)
    _plain_numbers(beside.yaxis)
    _colour(beside, "y", _readable(_SCORE, ax))
    return beside


def _plain_numbers(axis: Axis) -> None:
    """No factor or offset above the axes, where the best iteration is named."""
    formatter = ScalarFormatter(useOffset=False)
    formatter.set_scientific(False)
    axis.set_major_formatter(formatter)


def _markers(places: FloatArray) -> dict[str, Any]:
    return {"marker": "o", "markersize": 3.5} if len(places) <= _MARKED else {}


def _readable(colour: str, ax: Axes) -> str:
    """A line's colour as a colour for text, nearer to the ink."""
    return mixed(colour, 0.6, ink_of(ax))


def _colour(ax: Axes, axis: Literal["x", "y"], colour: str) -> None:
    ax.tick_params(axis=axis, colors=colour, labelsize=FONT)
    line = ax.xaxis if axis == "x" else ax.yaxis
    line.label.set(color=colour, fontsize=FONT + 1, parse_math=False)
    sides = ("bottom",) if axis == "x" else ("left", "right")
    for side in sides:
        ax.spines[side].set_color(colour)


def _mark(ax: Axes, of: Axes, x: float, y: float, colour: str) -> None:
    """A ring around the best point and a line up from the x axis through it."""
    ink = ink_of(ax)
    quiet = mixed(ink, 0.6, "#FFFFFF" if ink < "#8" else "#000000")
    ax.axvline(x, color=quiet, linewidth=0.9, linestyle=":", zorder=0.5, gid="best")
    of.plot(
        [x],
        [y],
        marker="o",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=colour,
        markeredgewidth=1.8,
        gid="best",
    )


def _say(ax: Axes, text: str, x: float, title: str | None) -> None:
    """What is best, above the axes at the line that marks it; the title above that."""
    low, high = ax.get_xlim()
    share = (x - low) / (high - low)
    side = "left" if share < 1 / 3 else "right" if share > 2 / 3 else "center"
    ax.annotate(
        text,
        (min(max(share, 0.0), 1.0) if side == "center" else float(side == "right"), 1.0),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        ha=side,
        va="bottom",
        fontsize=FONT,
        color=ink_of(ax),
        parse_math=False,
        annotation_clip=False,
        gid="best",
    )
    if title is not None:
        ax.set_title(title, fontsize=TITLE, color=ink_of(ax), pad=22, parse_math=False)


def _called(name: str) -> str:
    return SCORES.get(name, name)


def _score(value: float) -> str:
    return f"{value:.4f}" if 0 <= value <= 1 else f"{value:.6g}"


# ---- what is given --------------------------------------------------------------------


def _field(record: Any, name: str) -> Any:
    if isinstance(record, Mapping):
        return record.get(name)
    return getattr(record, name, None)


def _column(records: list[Any], name: str) -> FloatArray:
    values = []
    for i, record in enumerate(records):
        value = _field(record, name)
        if value is None:
            raise TypeError(
                f"record {i} of the history, a {type(record).__name__}, has no {name}; each "
                "needs iteration or seconds, and loss, as attributes or as keys"
            )
        values.append(float(value))
    column = np.array(values)
    column[~np.isfinite(column)] = np.nan
    return column


def _scores(records: list[Any], wanted: str | None) -> tuple[str | None, FloatArray]:
    """The name and the values of the score, NaN where a record has none."""
    for name in [wanted] if wanted is not None else SCORES:
        found = [_field(record, name) for record in records]
        values = np.array([np.nan if v is None else float(v) for v in found])
        values[~np.isfinite(values)] = np.nan
        if not np.isnan(values).all():
            return name, values
    if wanted is not None:
        raise ValueError(f"none of the {len(records)} records has a finite {wanted!r} to draw")
    return None, np.empty(0)
