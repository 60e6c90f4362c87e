"""A sentence with its labels: chunks as boxes below their tokens, errors marked."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex

from gibbsfactor.drawing.charts import PALETTE
from gibbsfactor.drawing.sheet import (
    FONT,
    SMALL_FONT,
    Key,
    Legend,
    Sheet,
    checked,
    mixed,
    plain,
    save,
    width_of,
)
from gibbsfactor.drawing.spans import (
    PADDING,
    Line,
    Piece,
    Span,
    broken,
    reads_chunks,
    spans_of,
)

FloatArray = npt.NDArray[np.float64]

MOST_TOKENS = 1000

_COLOURS = tuple(PALETTE[i] for i in (2, 3, 4, 5, 6, 7, 0))
_ERROR = "#C03A00"  # 4 to 1 on white
_TOKEN, _BOX, _BETWEEN = 17.0, 15.0, 14.0  # heights: of the text, of a box, between lines
_TEXT = FONT + 1
_PALEST, _FULLEST = 0.06, 0.62  # of the colour, at confidence 0 and 1
_INK = "#1A1A1A"


def draw_sequence(
    tokens: Sequence[object],
    labels: Sequence[Hashable],
    confidences: npt.ArrayLike | None = None,
    truth: Sequence[Hashable] | None = None,
    *,
    chunked: bool | None = None,
    width: float = 8.0,
    colours: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Axes:
    """Draw a sentence with its labels in coloured boxes, in as many lines as it needs.

    Labels of a chunk scheme (B-NP, I-NP, O) are drawn chunk by chunk, others token by token. With
    the truth, wrong boxes are framed and bear a cross, and what would have been right stands
    below, dashed.

    Parameters
    ----------
    tokens : the T tokens
        Long ones are shortened in the middle.
    labels : their labels
        None for no label.
    confidences : array_like, shape (T,), optional
        From 0 to 1, as the marginals of the labels: the paler a box, the less certain.
    truth : the true labels, optional
        None where they are not known.
    chunked : bool, optional
        Whether the labels are of a chunk scheme. Unless given, told from the labels.
    width : float
        Of a line, in inches.
    colours : mapping {label, or type of chunk: colour}, optional
        Such as one for all sentences of a report. Unless given, colours go by the first
        occurrence, and come again after seven.
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
    TypeError, ValueError
        If there is no token or more than 1000, another number of labels, confidences or true
        labels, a confidence outside of 0 to 1, or ``chunked`` labels of no chunk scheme.

    Examples
    --------
    >>> ax = draw_sequence("He reckons so".split(), ["B-NP", "B-VP", "O"], truth=["B-NP"] * 3)
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "label"]
    ['NP', '✗ VP']
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "truth"]
    ['NP', 'NP']
    """
    target = checked(path)
    shades = _check(tokens, labels, confidences, truth)
    if chunked is None:
        chunked = reads_chunks([*labels, *(() if truth is None else truth)])
    rows = spans_of(labels, truth, chunked)
    texts = [plain(token) for token in tokens]
    lines = broken([width_of(t, _TEXT) + PADDING for t in texts], rows, width * 72)
    picked = _colours(rows, colours)
    keys = _keys(shades is not None, truth is not None, _has_errors(rows))
    legend = Legend(keys, max(line.width for line in lines))
    heights = [_TOKEN + _BOX * (1 + any(line.rows[1:])) + _BETWEEN for line in lines]
    wide = max(*(line.width for line in lines), legend.width)
    sheet = Sheet(wide, sum(heights) - _BETWEEN * (not keys) + legend.height, ax, title)
    top = 0.0
    for line, height in zip(lines, heights, strict=True):
        _draw_line(sheet, line, top, texts, picked, shades)
        top += height
    sheet.legend(legend, 0, top)
    return save(sheet.ax, target)


def _draw_line(
    sheet: Sheet,
    line: Line,
    top: float,
    texts: list[str],
    colours: Mapping[str, str],
    shades: FloatArray | None,
) -> None:
    for i, (left, wide) in enumerate(zip(line.lefts, line.widths, strict=True)):
        text = texts[line.first + i]
        sheet.write(left + wide / 2, top + _TOKEN / 2, text, font=_TEXT, side="center", gid="token")
    for row, pieces in enumerate(line.rows):
        y = top + _TOKEN + row * (_BOX + 2)
        for piece in pieces:
            left, wide = line.bounds(piece)
            _draw_piece(sheet, line, piece, y, colours[piece.span.name], shades, row == 1)
            sheet.write(
                left + wide / 2,
                y + _BOX / 2,
                piece.text,
                font=SMALL_FONT,
                side="center",
                colour=_INK,
                gid="truth" if row else "label",
            )


def _draw_piece(
    sheet: Sheet,
    line: Line,
    piece: Piece,
    y: float,
    colour: str,
    shades: FloatArray | None,
    is_truth: bool,
) -> None:
    """A box with a frame, filled token by token with what is certain of it."""
    left, wide = line.bounds(piece)
    if is_truth:
        fill = mixed(colour, 0.3)
        box = [(left, y, wide, _BOX)]
        sheet.boxes(box, fill, outline=_ERROR, line=1.0, dashed=True, gid="missed")
        return
    ends = [line.lefts[t - line.first] for t in range(piece.first + 1, piece.last + 1)]
    starts = [left, *ends]
    cells = [(a, y, b - a, _BOX) for a, b in zip(starts, [*ends, left + wide], strict=True)]
    levels = np.ones(len(cells)) if shades is None else shades[piece.first : piece.last + 1]
    fills = [mixed(colour, _PALEST + (_FULLEST - _PALEST) * level) for level in levels.tolist()]
    sheet.boxes(cells, fills, gid="fill")
    wrong = piece.span.wrong
    sheet.boxes(
        [(left, y, wide, _BOX)],
        "none",
        outline=_ERROR if wrong else mixed(colour, 0.8, "#000000"),
        line=1.8 if wrong else 0.8,
        zorder=1.5,
        gid="wrong" if wrong else "box",
    )


def _colours(rows: list[list[Span]], given: Mapping[str, str] | None) -> dict[str, str]:
    picked = {} if given is None else {plain(name): colour for name, colour in given.items()}
    for name, colour in picked.items():
        if not is_color_like(colour):
            raise ValueError(f"the colour of {name!r} is {colour!r}, which is none; try '#0072B2'")
    picked = {name: to_hex(colour) for name, colour in picked.items()}
    fresh = 0
    for span in sorted((span for row in rows for span in row), key=lambda span: span.first):
        if span.name not in picked:
            picked[span.name] = _COLOURS[fresh % len(_COLOURS)]
            fresh += 1
    return picked


def _has_errors(rows: list[list[Span]]) -> bool:
    return any(rows[1:]) or any(span.wrong for span in rows[0])


def _keys(shaded: bool, compared_to_truth: bool, has_errors: bool) -> list[Key]:
    keys = []
    if shaded:
        levels = np.linspace(_PALEST, _FULLEST, 12)
        keys.append(Key(tuple(mixed(_COLOURS[0], s) for s in levels), "confidence, 0 to 1"))
    if compared_to_truth:
        text = "✗ wrong; the truth below it" if has_errors else "all as in the truth"
        keys.append(Key(("#FFFFFF",), text, outline=_ERROR if has_errors else "#8C8C8C"))
    return keys


def _check(
    tokens: Sequence[object],
    labels: Sequence[Hashable],
    confidences: npt.ArrayLike | None,
    truth: Sequence[Hashable] | None,
) -> FloatArray | None:
    """The confidences, if all that is given is of one length."""
    count = len(tokens)
    if not count:
        raise ValueError("there are no tokens to draw; give one at least")
    if count > MOST_TOKENS:
        raise ValueError(
            f"there are {count} tokens; a picture of more than {MOST_TOKENS} can't be read. Draw "
            "sentence by sentence"
        )
    for what, values in (("labels", labels), ("true labels", truth)):
        if values is not None and len(values) != count:
            raise ValueError(f"there are {count} tokens, but {len(values)} {what}")
    if confidences is None:
        return None
    shades = np.asarray(confidences, dtype=np.float64)
    if shades.shape != (count,):
        raise ValueError(
            f"confidences have shape {shades.shape}; expected ({count},), a token each"
        )
    wrong = shades[~((shades >= -1e-9) & (shades <= 1 + 1e-9))]
    if wrong.size:
        raise ValueError(f"a confidence is {wrong[0]:g}; each must be from 0 to 1")
    return shades.clip(0.0, 1.0)
