"""Images of weights, measured: which pixel has which colour, and that every text can be read."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from test_crf_drawing import assert_clear, contrast, frame_of, new_axes, texts_of

from gibbsfactor.drawing import draw_weight_images
from gibbsfactor.models.softmax import SoftmaxRegression

RNG = np.random.default_rng(4)
SETS = {
    "ten of 28 x 28": (RNG.normal(0, 1, (10, 784)), {}),
    "one": ([[1.0, -2.0], [0.0, 3.0]], {"shape": (1, 2), "names": ["a rather long name", "b"]}),
    "a hundred": (RNG.normal(0, 1, (100, 9)), {}),
    "wide": (RNG.normal(0, 1, (3, 4, 30)), {"columns": 1}),
    "zero": (np.zeros((2, 4)), {}),
    "limited": (RNG.normal(0, 1, (7, 4)), {"limit": 0.5}),
}


def drawn(name, **more):
    weights, options = SETS[name]
    return draw_weight_images(weights, **options, **more)


def names(ax):
    return [text.get_text() for text in ax.texts if text.get_gid() == "name"]


def images(ax):
    return [image for image in ax.images if image.get_gid() != "scale"]


@pytest.mark.parametrize("name", SETS)
def test_no_text_overlaps_another_or_is_cut(name):
    ax = drawn(name, title="What each class looks for")
    texts = texts_of(ax)
    assert_clear(texts, frame_of(ax.get_figure(root=True)))
    assert len(images(ax)) == len(names(ax)) == len(SETS[name][0])


@pytest.mark.parametrize("background", ["#2B2B2B", "white"])
def test_it_shrinks_into_given_axes_and_can_be_read_there(background):
    ax = new_axes(figsize=(5, 3), dpi=200, facecolor=background)
    assert drawn("ten of 28 x 28", ax=ax) is ax
    texts = [text for text in texts_of(ax) if text is not ax.title]
    assert_clear(texts, ax.get_window_extent().extents)
    assert all(contrast(text.get_color(), background) >= 4.5 for text in texts)


def test_every_pixel_is_where_it_belongs_and_orange_speaks_for():
    """The middle of each pixel of the picture itself, once drawn."""
    weights = np.array([[[1.0, -1.0, 0.0], [0.5, 0.0, -0.5]], [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])
    ax = draw_weight_images(weights)
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    for image, table in zip(images(ax), weights, strict=True):
        left, right, low, high = image.get_extent()
        for (i, j), weight in np.ndenumerate(table):
            x = left + (j + 0.5) * (right - left) / 3
            y = high + (i + 0.5) * (low - high) / 2
            across, up = ax.transData.transform((x, y))
            red, _, blue = picture[len(picture) - 1 - int(up), int(across)]
            assert np.sign(red - blue) * (abs(red - blue) > 5) == np.sign(weight)


def test_all_images_have_one_scale():
    ax = draw_weight_images([[2.0, 0.0, 0.0, 0.0], [0.0, -4.0, 1.0, 0.0]])
    assert [image.get_array().tolist() for image in images(ax)] == [
        [[0.5, 0.0], [0.0, 0.0]],
        [[0.0, -1.0], [0.25, 0.0]],
    ]
    assert {image.get_clim() for image in ax.images} == {(-1.0, 1.0)}
    told = [text.get_text() for text in ax.texts if text.get_gid() == "scale"]
    assert told == ["-4", "0", "4", "against", "for"]
    limited = draw_weight_images([[2.0, 0.0, 0.0, -0.5]], limit=1)
    told = [text.get_text() for text in limited.texts if text.get_gid() == "scale"]
    assert told[:3] == ["≤ -1", "0", "≥ 1"]


def test_a_model_gives_its_weights_and_its_classes(tmp_path):
    data = load_digits()
    model = SoftmaxRegression(C=0.01).fit(data.data, data.target)
    ax = draw_weight_images(model, path=tmp_path / "digits.png")
    assert names(ax) == [*map(str, range(10))]
    assert images(ax)[3].get_array().shape == (8, 8)
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert names(draw_weight_images(model, names="abcdefghij")) == [*"abcdefghij"]
    two = data.target < 2
    sigmoid = SoftmaxRegression(C=0.01).fit(data.data[two], data.target[two])
    assert names(draw_weight_images(sigmoid, (4, 16))) == ["1 (not 0)"]


@pytest.mark.parametrize(
    ("weights", "options", "error", "message"),
    [
        (np.ones((2, 5)), {}, ValueError, "5 pixels are no square; give the rows and columns"),
        (np.ones((2, 6)), {"shape": (2, 4)}, ValueError, r"shape is \(2, 4\) .* 6 pixels"),
        (np.ones((2, 6)), {"shape": (-2, -3)}, ValueError, r"two positive numbers"),
        (np.ones((2, 6)), {"shape": (6,)}, ValueError, r"shape is \(6,\) .* 6 pixels"),
        (np.ones(4), {}, ValueError, r"weights have shape \(4,\); expected \(classes, pixels\)"),
        (np.ones((0, 4)), {}, ValueError, r"weights have shape \(0, 4\)"),
        ([[np.nan, 1, 2, np.inf]], {}, ValueError, "2 weights are not finite"),
        (np.ones((101, 1)), {}, ValueError, "101 images; a picture of more than 100"),
        (np.ones((2, 4)), {"names": ["a"]}, ValueError, "1 names for 2 images"),
        (np.ones((2, 4)), {"columns": 0}, ValueError, "columns is 0; it must be at least 1"),
        (np.ones((2, 4)), {"limit": -1}, ValueError, "limit is -1; it must be a positive"),
        (np.ones((2, 4)), {"path": "w.txt"}, ValueError, r"end the path in one of \.png"),
        (SoftmaxRegression(), {}, TypeError, "SoftmaxRegression without coef_ .* fit it first"),
        (
            SimpleNamespace(coef_=np.ones((3, 4)), classes_=["a", "b"]),
            {},
            ValueError,
            "2 names for 3 images",
        ),
    ],
)
def test_errors_say_what_to_do(weights, options, error, message):
    with pytest.raises(error, match=message):
        draw_weight_images(weights, **options)
