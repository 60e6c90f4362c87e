"""The weights of a classifier of images, as images.

Letters: K classes, D pixels, H rows and W columns of them, D = H W.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from gibbsfactor.drawing.sheet import FONT, SMALL_FONT, Box, Sheet, checked, plain, save, width_of

FloatArray = npt.NDArray[np.float64]

MOST_IMAGES = 100

_COLOURS = colormaps["PuOr_r"]  # orange above zero, purple below, as in all pictures of weights
_SIDE = 84.0  # points: the longer side of an image
_GAP = 12.0  # between images
_HEAD = 16.0  # room for the name above each
_NAME_FONT = FONT + 1
_BAR_LONG, _BAR_HIGH, _BAR_ROOM = 180.0, 9.0, 36.0  # the scale below them
_BESIDE = 60.0  # room for the word at each end of the scale


def draw_weight_images(
    model: Any,
    shape: tuple[int, int] | None = None,
    *,
    names: Sequence[Hashable] | None = None,
    columns: int | None = None,
    limit: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Axes:
    """Draw what a linear classifier looks for: one image of weights a class, at one scale.

    Orange pixels speak for the class the more ink they have, purple ones against it; white is zero.

    Parameters
    ----------
    model : SoftmaxRegression, or array_like of shape (K, D) or (K, H, W)
        Any fitted model with ``coef_`` and ``classes_``; or the weights alone.
    shape : (H, W), optional
        Rows and columns of an image, whose pixels lie row after row. Unless given, that of the
        array, or else a square.
    names : sequence of K names, optional
        Instead of the model's classes. Weights alone are numbered unless given.
    columns : int, optional
        How many images side by side; two rows from six on, unless given.
    limit : float, optional
        The weight at which colours are strongest; larger ones look the same. The largest of
        all unless given.
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
        If a model is not fitted.
    ValueError
        If the weights do not fill images of this shape, are not finite or more than 100 images,
        or there is not one name for each.

    Notes
    -----
    The scores of a softmax do not change when all classes get the same weights more. The penalty on
    |W|^2 picks the weights that add up to zero over three or more classes at each pixel, so that
    an image shows what sets its class apart from the mean of all.

    Examples
    --------
    >>> ax = draw_weight_images([[1, 0, 0, -1], [-1, 0, 0, 1]], names=["backslash", "slash"])
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "name"]
    ['backslash', 'slash']
    """
    target = checked(path)
    if columns is not None and columns < 1:
        raise ValueError(f"columns is {columns}; it must be at least 1")
    if limit is not None and not 0 < limit < np.inf:
        raise ValueError(f"limit is {limit}; it must be a positive finite weight")
    images, titles = _images(model, shape, names)
    largest = float(np.abs(images).max())
    most = limit or largest or 1.0
    height, width = images.shape[1:]
    grid = _Grid(len(images), columns, _SIDE / max(height, width) * np.array([height, width]))
    sheet = Sheet(grid.width, grid.height + _BAR_ROOM, ax, title)
    for i, (image, name) in enumerate(zip(images, titles, strict=True)):
        x, y, wide, high = grid.box(i)
        _add_image(sheet, image / most, (x, y, wide, high), f"image-{i}")
        sheet.write(x + wide / 2, y - 8, name, font=_NAME_FONT, side="center", gid="name")
    frames = [grid.box(i) for i in range(len(images))]
    sheet.boxes(frames, "none", outline="#A0A0A0", line=0.6, zorder=1.8, gid="frame")
    _add_scale(sheet, grid.width / 2, grid.height + 14, most, more=largest > most)
    return save(sheet.ax, target)


@dataclass(frozen=True)
class _Grid:
    """Where images of one size lie, each below its name."""

    count: int
    columns: int | None
    size: FloatArray  # height and width in points

    @property
    def across(self) -> int:
        """How many side by side."""
        return min(self.count, self.columns or _columns(self.count))

    @property
    def width(self) -> float:
        """From the first image to the last one beside it; at least that of the scale."""
        return max(self._wide, _BAR_LONG + 2 * _BESIDE)

    @property
    def height(self) -> float:
        """From the first name to the last image."""
        rows = -(-self.count // self.across)
        return float(rows * (self.size[0] + _HEAD) + (rows - 1) * _GAP)

    @property
    def _wide(self) -> float:
        return float(self.across * self.size[1] + (self.across - 1) * _GAP)

    def box(self, i: int) -> Box:
        """The place of image i."""
        row, column = divmod(i, self.across)
        high, wide = self.size.tolist()
        left = (self.width - self._wide) / 2
        return left + column * (wide + _GAP), row * (high + _HEAD + _GAP) + _HEAD, wide, high


def _columns(images: int) -> int:
    """Two rows of up to ten images, else as many columns as rows or somewhat more."""
    if images <= 5:
        return images
    return -(-images // 2) if images <= 10 else isqrt(images - 1) + 1


def _add_image(sheet: Sheet, level: FloatArray, box: Box, gid: str) -> None:
    """Levels from -1 to 1 as coloured pixels; further ones look like the nearest of these."""
    x, y, wide, high = box
    image = AxesImage(
        sheet.ax,
        cmap=_COLOURS,
        extent=(x, x + wide, y + high, y),
        origin="upper",
        interpolation="nearest",
        gid=gid,
    )
    image.set_data(level)
    image.set_clim(-1.0, 1.0)
    sheet.ax.add_image(image)


def _add_scale(sheet: Sheet, middle: float, top: float, most: float, *, more: bool) -> None:
    """The colours from the lowest weight to the highest, with three numbers."""
    left = middle - _BAR_LONG / 2
    box = (left, top, _BAR_LONG, _BAR_HIGH)
    _add_image(sheet, np.linspace(-1.0, 1.0, 256)[None, :], box, "scale")
    sheet.boxes([box], "none", outline="#A0A0A0", line=0.6, zorder=1.8, gid="frame")
    below = top + _BAR_HIGH + 8
    written = f"{most:.3g}"
    low, high = (f"\u2264 -{written}", f"\u2265 {written}") if more else (f"-{written}", written)
    for share, text in ((0.0, low), (0.5, "0"), (1.0, high)):
        x = left + share * _BAR_LONG
        sheet.write(x, below, text, font=SMALL_FONT, side="center", gid="scale")
    for x, text in ((left, "against"), (left + _BAR_LONG, "for")):
        away = width_of(text, SMALL_FONT) / 2 + 8
        x += away if text == "for" else -away
        sheet.write(x, top + _BAR_HIGH / 2, text, font=SMALL_FONT, side="center", gid="scale")


# ---- what is given --------------------------------------------------------------------


def _images(
    model: Any, shape: tuple[int, int] | None, names: Sequence[Hashable] | None
) -> tuple[FloatArray, list[str]]:
    """Weights as (K, H, W), and the name of each."""
    given = getattr(model, "coef_", None)
    if given is None:
        if hasattr(model, "fit"):
            raise TypeError(
                f"a {type(model).__name__} without coef_ has no weights to draw; fit it first, or "
                "give the weights as an array"
            )
        given = model
    elif names is None:
        names = _class_names(model, len(given))
    weights = np.asarray(given, dtype=np.float64)
    if weights.ndim not in (2, 3) or 0 in weights.shape:
        raise ValueError(
            f"weights have shape {weights.shape}; expected (classes, pixels) or "
            "(classes, rows, columns), none of them 0"
        )
    if len(weights) > MOST_IMAGES:
        raise ValueError(
            f"there are {len(weights)} images; a picture of more than {MOST_IMAGES} can't be "
            "read. Draw fewer of them"
        )
    pixels = int(np.prod(weights.shape[1:]))
    height, width = _shape(pixels, weights.shape[1:], shape)
    if not np.isfinite(weights).all():
        raise ValueError(f"{int((~np.isfinite(weights)).sum())} weights are not finite")
    titles = range(len(weights)) if names is None else list(names)
    if len(titles) != len(weights):
        raise ValueError(f"there are {len(titles)} names for {len(weights)} images; give one each")
    return weights.reshape(-1, height, width), [plain(name, 16) for name in titles]


def _class_names(model: Any, rows: int) -> list[Hashable]:
    """The classes; of two classes with one row of weights, that for which it speaks."""
    classes = np.asarray(model.classes_).tolist()
    return [f"{classes[1]} (not {classes[0]})"] if rows == 1 and len(classes) == 2 else classes


def _shape(pixels: int, own: tuple[int, ...], shape: tuple[int, int] | None) -> tuple[int, int]:
    if shape is None:
        if len(own) == 2:
            return own[0], own[1]
        side = isqrt(pixels)
        if side * side != pixels:
            raise ValueError(
                f"{pixels} pixels are no square; give the rows and columns of an image as shape="
            )
        return side, side
    if len(shape) != 2 or shape[0] * shape[1] != pixels or min(shape) < 1:
        raise ValueError(
            f"shape is {tuple(shape)!r} but there are {pixels} pixels; expected two positive "
            "numbers whose product that is"
        )
    return int(shape[0]), int(shape[1])
