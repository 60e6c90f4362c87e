"""Confusion matrices: what was predicted where something else was true."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from gibbsfactor.drawing.cells import (
    CellTable,
    FloatArray,
    checked_labels,
    opaque,
    scale,
    span,
    square,
)
from gibbsfactor.drawing.sheet import checked, plain, save

Shares = Literal["truth", "predicted"]

_QUIET = "#F6F6F6"  # a cell with nothing in it
_FRAME = "#1A1A1A"


def draw_confusion(
    matrix: Any,
    labels: Sequence[Hashable] | None = None,
    *,
    normalize: Shares | None = "truth",
    ax: Axes | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Axes:
    """Draw a confusion matrix: what is right in blue, on a framed diagonal; errors in orange.

    Errors have a colour scale of their own, up to the largest one, so that rare ones show beside
    a diagonal near 100 %. Pairs that never occur are left empty.

    Parameters
    ----------
    matrix : ConfusionMatrix, or array_like of shape (L, L)
        From `gibbsfactor.evaluation`, or any object with ``counts`` and ``labels``; or the counts
        alone, rows the true labels and columns the predicted ones.
    labels : sequence of the L labels
        To be given with counts alone.
    normalize : {"truth", "predicted"} or None
        Write percentages of each row, whose diagonal is the recall; of each column, whose diagonal
        is the precision; or the counts themselves. Percentages stand beside the counts they are
        of; <1 and >99 are those that would else round to 0 and 100.
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
        If the labels are missing.
    ValueError
        If there are no labels or more than 100, the counts are not (L, L) or not all finite and
        at least 0, or normalize is none of the three.

    Examples
    --------
    >>> ax = draw_confusion([[8, 2], [0, 10]], ["NP", "VP"])
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "cell"]
    ['80', '20', '100']
    """
    target = checked(path)
    if normalize not in ("truth", "predicted", None):
        raise ValueError(f"normalize is {normalize!r}; expected 'truth', 'predicted' or None")
    counts, given = _counts(matrix, labels)
    names = [plain(label) for label in given]
    shown = counts
    if normalize is not None:
        totals = counts.sum(axis=1 if normalize == "truth" else 0, keepdims=True)
        shown = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    written = {
        (i, j): _percent(shown[i, j]) if normalize else _number(counts[i, j])
        for i, j in np.argwhere(counts > 0).tolist()
    }
    right = np.eye(len(names), dtype=bool)
    most_right = 1.0 if normalize else max(float(shown[right].max()), 1e-300)
    most_wrong = float(shown[~right].max(initial=0.0))
    level = np.where(right, shown / most_right, np.sqrt(shown / (most_wrong or 1.0)))
    blues, oranges = (colormaps[name](span(level)) for name in ("Blues", "Oranges"))
    fills = np.where(right[..., None], blues, oranges)
    fills[counts == 0] = opaque(_QUIET)
    unit = " %" if normalize else ""
    keys = [scale("Blues", f"right, 0 to {_number(most_right * (100 if normalize else 1))}{unit}")]
    if most_wrong:
        highest = _percent(most_wrong) if normalize else _number(most_wrong)
        keys.append(scale("Oranges", f"wrong, 0 to {highest}{unit}", square_root=True))
    totals_of = {
        "truth": [_number(n) for n in counts.sum(axis=1)],
        "predicted": [_number(n) for n in counts.sum(axis=0)],
    }
    table = CellTable(
        names,
        names,
        written,
        row_caption="truth",
        column_caption="predicted",
        row_notes=totals_of["truth"] if normalize == "truth" else None,
        column_notes=totals_of["predicted"] if normalize == "predicted" else None,
        keys=keys,
    )
    sheet = table.draw(fills, ax, title)
    diagonal = [table.cell(i, i) for i in range(len(names))]
    sheet.boxes(diagonal, "none", outline=_FRAME, line=0.9, zorder=2.0, gid="diagonal")
    return save(sheet.ax, target)


def _percent(share: float) -> str:
    """Rounded, but never to 0 or to 100."""
    if share == 1:
        return "100"
    if share > 0.99:
        return ">99"
    return "<1" if share < 0.01 else f"{100 * share:.0f}"


def _number(count: float) -> str:
    return str(int(count)) if float(count).is_integer() else f"{count:.3g}"


def _counts(matrix: Any, labels: Sequence[Hashable] | None) -> tuple[FloatArray, list[Hashable]]:
    if labels is None:
        labels = getattr(matrix, "labels", None)
    if labels is None:
        raise TypeError(
            f"a {type(matrix).__name__} has no labels; give a ConfusionMatrix, or counts and "
            "their labels"
        )
    given = checked_labels(labels)
    counts = square(getattr(matrix, "counts", matrix), len(given), "counts")
    wrong = counts[~(np.isfinite(counts) & (counts >= 0))]
    if wrong.size:
        raise ValueError(f"a count is {wrong[0]:g}; counts must be finite and at least 0")
    return counts, given
