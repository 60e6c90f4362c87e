"""Pictures of sequence labelling, measured: every text is whole, apart from others, readable."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from gibbsfactor import drawing
from gibbsfactor.drawing import (
    draw_confusion,
    draw_explanation,
    draw_learning_curve,
    draw_sequence,
    draw_top_features,
    draw_transitions,
    draw_weight_images,
)
from gibbsfactor.drawing.sheet import SMALL_FONT, width_of
from gibbsfactor.drawing.spans import GAP, PADDING, Span, broken
from gibbsfactor.evaluation import confusion_matrix, entity_confusion_matrix

RNG = np.random.default_rng(5)
TYPES = ["ADJP", "ADVP", "CONJP", "INTJ", "LST", "NP", "PP", "PRT", "SBAR", "UCP", "VP"]
CHUNKS = [f"{prefix}-{kind}" for prefix in "BI" for kind in TYPES][:21] + ["O"]
POS = ["ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON"]
POS += ["PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"]
PTB = [*["#", "$", "''", "(", ")", ",", ".", ":", "``"], *(f"TAG{i}$" for i in range(36))]
LONG = ["organisation of which nobody knows the name in full", "person_or_group", "O $x^2$"]
WORDS = ["Great", "American", "said", "it", "raised", "its", "loan-loss", "reserves", "by", "$"]
WORDS += ["93", "million", ",", "after", "all"]


def counts(size: int) -> np.ndarray:
    table = RNG.poisson(0.6, (size, size)) ** 4
    return table + np.diag(RNG.integers(0, 3, size) * RNG.integers(1, 9000, size))


def weights(labels: list[str]) -> dict[tuple[str, str], float]:
    found = {}
    for before in labels:
        for after in labels:
            kind = RNG.integers(4)
            if kind:
                found[before, after] = (0.0, RNG.normal(0, 3), -np.inf)[kind - 1]
    return found


def features(labels: list[str], count: int = 12) -> dict[tuple[str, str], float]:
    names = [f"word[-1]|word[0]={'extra' * (i % 4)}ordinary|{i}" for i in range(count)]
    return {(name, label): RNG.normal(0, 2) for name in names for label in labels}


def explanation(labels: list[str], count: int = 14) -> dict[str, Any]:
    return {
        "position": 3,
        "token": "reserves",
        "labels": labels,
        "contributions": [
            (f"word[{i}]=a rather long name of a feature", RNG.normal(0, 1, len(labels)))
            for i in range(count)
        ],
        "marginals": RNG.dirichlet(np.full(len(labels), 0.3)),
    }


def history(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"iteration": i, "loss": 13139.2 + 2e5 / i**2, "seconds": 0.3 * i}
        | {name: value(i) for name, value in more.items()}
        for i in range(1, count + 1)
    ]


def sentence(labels: list[str], size: int = 60) -> dict[str, Any]:
    ours, truth = RNG.choice(labels, size), RNG.choice(labels, size)
    return {
        "tokens": [WORDS[i % len(WORDS)] for i in range(size)],
        "labels": ours.tolist(),
        "confidences": RNG.random(size),
        "truth": np.where(RNG.random(size) < 0.3, truth, ours).tolist(),
    }


PICTURES = {
    "confusion of chunk labels": (draw_confusion, (counts(22), CHUNKS), {}),
    "confusion of 45 tags": (draw_confusion, (counts(45), PTB), {"normalize": "predicted"}),
    "confusion of long names": (draw_confusion, (counts(3), LONG), {"normalize": None}),
    "confusion of one label": (draw_confusion, ([[5]], ["O"]), {"normalize": "predicted"}),
    "confusion without counts": (draw_confusion, ([[0, 0], [0, 0]], ["a", "b"]), {}),
    "transitions of chunk labels": (
        draw_transitions,
        (weights(CHUNKS),),
        {"start": {"O": 0.5}, "end": dict.fromkeys(CHUNKS, -12.25)},
    ),
    "transitions of 45 tags": (draw_transitions, (weights(PTB), PTB), {}),
    "transitions of long names": (draw_transitions, (weights(LONG),), {}),
    "transitions of one label": (draw_transitions, ({("O", "O"): 0.0},), {}),
    "features of chunk labels": (draw_top_features, (features(CHUNKS), 4), {}),
    "features of long names": (draw_top_features, (features(LONG),), {}),
    "features of one label": (draw_top_features, ({("w", "O"): -3e-7},), {}),
    "curve": (draw_learning_curve, (history(40),), {}),
    "curve of seconds and F1": (
        draw_learning_curve,
        (history(9, dev_f1=lambda i: 0.9 - 1 / (i + 1) if i % 3 == 0 else None), "seconds"),
        {},
    ),
    "curve of two losses": (
        draw_learning_curve,
        (history(70, dev_loss=lambda i: 1e6 + (i - 30) ** 2),),
        {},
    ),
    "curve of one record": (draw_learning_curve, (history(1),), {}),
    "curve that has converged": (
        draw_learning_curve,
        ([{"iteration": i, "loss": 13139.2 + 1e-4 / i} for i in range(1, 5)],),
        {},
    ),
    "explanation of chunk labels": (draw_explanation, (explanation(CHUNKS),), {}),
    "explanation of all tags": (draw_explanation, (explanation(POS, 3), 2), {"most_labels": 17}),
    "explanation of long names": (draw_explanation, (explanation(LONG, 9), 7), {}),
    "explanation of one label": (draw_explanation, (explanation(["O"]),), {}),
    "explanation without features": (draw_explanation, (explanation(POS, 0),), {}),
    "sentence of chunks": (draw_sequence, (), sentence(CHUNKS)),
    "sentence of tags": (draw_sequence, (), sentence(POS)),
    "sentence of long names": (draw_sequence, (), sentence(LONG, 9) | {"width": 2.0}),
    "sentence of one token": (draw_sequence, (["a\nb"], ["O"]), {}),
    "weights of ten images": (draw_weight_images, (RNG.normal(0, 1, (10, 49)),), {}),
}
SCALED = [name for name in PICTURES if not name.startswith("curve")]


def drawn(name: str, **more: Any) -> Axes:
    function, arguments, options = PICTURES[name]
    ax: Axes = function(*arguments, **(options | more))
    return ax


def texts_of(ax: Axes) -> list[Text]:
    """All that can be read in the figure."""
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()
    found = []
    for axes in figure.axes:
        found += [*axes.texts, axes.title]
        sides = ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for axis, (low, high) in sides if axes.axison else ():
            if axis.get_visible():
                assert not axis.get_offset_text().get_text()
                ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
                found += [text for place, text in ticks if low <= place <= high]
                found.append(axis.label)
    return [text for text in found if text.get_text() and text.get_visible()]


def new_axes(**options: Any) -> Axes:
    figure = Figure(**options)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.3, 0.1, 0.5, 0.7))


def assert_clear(texts: list[Text], frame: tuple[float, float, float, float]) -> None:
    """No text overlaps another one or leaves the frame, by more than half a pixel."""
    boxes = np.array([text.get_window_extent().extents for text in texts])
    apart = np.maximum(
        boxes[:, None, :2] - boxes[None, :, 2:], boxes[None, :, :2] - boxes[:, None, 2:]
    ).max(axis=2)
    np.fill_diagonal(apart, np.inf)
    one, two = np.unravel_index(apart.argmin(), apart.shape)
    assert apart.min() > -0.5, f"{texts[one]} and {texts[two]} overlap by {-apart.min()} pixels"
    room = np.minimum(boxes[:, :2] - frame[:2], np.subtract(frame[2:], boxes[:, 2:])).min(axis=1)
    assert room.min() > -0.5, f"{texts[room.argmin()]} is cut by {-room.min()} pixels"


def frame_of(figure: Figure) -> tuple[float, float, float, float]:
    return (0, 0, *figure.canvas.get_width_height())


# ---- every picture --------------------------------------------------------------------


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_overlaps_another_or_is_cut(name):
    title = "A title that is longer than small pictures are wide"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = drawn(name, title=title)
        texts = texts_of(ax)
    assert_clear(texts, frame_of(ax.get_figure(root=True)))
    assert all(text.get_fontsize() > 6.99 for text in texts)
    assert ax.get_title() == title


@pytest.mark.parametrize("name", [name for name in PICTURES if "one" in name or "long" in name])
def test_a_picture_without_a_title_is_clear_too(name):
    ax = drawn(name)
    assert_clear(texts_of(ax), frame_of(ax.get_figure(root=True)))


@pytest.mark.parametrize("name", [name for name in SCALED if "45" not in name])
def test_a_picture_shrinks_into_given_axes_as_a_whole(name):
    ax = new_axes(figsize=(5, 3), dpi=200)
    assert drawn(name, ax=ax) is ax
    texts = [text for text in texts_of(ax) if text is not ax.title]
    assert_clear(texts, ax.get_window_extent().extents)


def test_a_curve_fits_given_axes():
    figure = Figure(figsize=(7, 3), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    draw_learning_curve(history(12, dev_f1=lambda i: i / 20), ax=left, title="F1")
    assert draw_learning_curve(history(12), ax=right) is right
    assert_clear(texts_of(right), frame_of(figure))


@pytest.mark.parametrize("name", [name for name in PICTURES if "45" not in name])
@pytest.mark.parametrize("background", ["#2B2B2B", "white"])
def test_text_can_be_read_on_dark_and_light(name, background):
    ax = drawn(name, ax=new_axes(facecolor=background))
    for text in texts_of(ax):
        if text.get_gid() not in ("cell", "label", "truth"):  # those are on colours
            assert contrast(text.get_color(), background) >= 4.5, text


def test_without_a_background_the_ink_is_the_style_s():
    with mpl.rc_context({"text.color": "#EEEEEE"}):
        ax = draw_transitions({("a", "b"): 1.0}, ax=new_axes(facecolor="none"))
    names = {text.get_color() for text in ax.texts if text.get_gid() == "row"}
    assert names == {"#eeeeee"}


@pytest.mark.parametrize("name", [name for name in PICTURES if "one" in name])
@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_a_picture_is_saved(name, suffix, start, tmp_path):
    path = tmp_path / f"picture.{suffix}"
    ax = drawn(name, path=path)
    assert path.read_bytes().startswith(start)
    assert ax._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"picture\.txt'; end the path in one of \.png"):
        drawn(name, path=tmp_path / "picture.txt")


def test_all_are_public():
    assert sorted(drawing.__all__) == drawing.__all__
    assert {function.__name__ for function, _, _ in PICTURES.values()} == {*drawing.__all__} - {
        "Panel",
        "draw",
        "draw_panels",
        "with_inputs",
    }
    with pytest.raises(AttributeError, match="no attribute 'draw_nothing'"):
        _ = drawing.draw_nothing


def contrast(one: Any, two: Any) -> float:
    """Contrast by WCAG: 1 for the same colours, 21 for black on white."""

    def luminance(colour: Any) -> float:
        c = np.array(to_rgb(colour))
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def collection(ax: Axes, gid: str) -> Any:
    (found,) = [c for c in ax.collections if c.get_gid() == gid]
    return found


def rectangles(ax: Axes, gid: str) -> np.ndarray:
    """Left, top, width, height of the boxes of a gid, in points."""
    found = [p.vertices for c in ax.collections if c.get_gid() == gid for p in c.get_paths()]
    return np.array([[*v.min(axis=0), *np.ptp(v, axis=0)] for v in found]).reshape(-1, 4)


def written(ax: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


def cells(ax: Axes) -> list[tuple[str, np.ndarray]]:
    """The text and the colour of each cell, row by row."""
    boxes, fills = rectangles(ax, "cells"), collection(ax, "cells").get_facecolors()
    texts = [
        (text.get_position(), text.get_text()) for text in ax.texts if text.get_gid() == "cell"
    ]
    found = []
    for (x, y, w, h), fill in zip(boxes, fills, strict=True):
        inside = [text for (tx, ty), text in texts if x < tx < x + w and y < ty < y + h]
        assert len(inside) <= 1
        found.append(("".join(inside), fill))
    return found


# ---- matrices -------------------------------------------------------------------------


def test_confusion_writes_shares_and_keeps_zeros_quiet():
    matrix = confusion_matrix([["a"] * 1000 + ["b"] * 4], [["a"] * 997 + ["b"] * 3 + ["b"] * 4])
    assert [text for text, _ in cells(draw_confusion(matrix))] == [">99", "<1", "", "100"]
    by_column = draw_confusion(matrix, normalize="predicted")
    assert [text for text, _ in cells(by_column)] == ["100", "43", "", "57"]
    plain = draw_confusion(matrix, normalize=None)
    assert [text for text, _ in cells(plain)] == ["997", "3", "", "4"]
    assert {"1000", "4"} <= {text.get_text() for text in draw_confusion(matrix).texts}
    assert {"997", "7"} <= {text.get_text() for text in by_column.texts}


def test_confusion_of_chunks_has_a_row_for_none():
    matrix = entity_confusion_matrix([["B-NP", "B-VP"]], [["B-NP", "O"]])
    ax = draw_confusion(matrix, normalize=None)
    assert written(ax, "row") == written(ax, "column") == ["NP", "VP", "(none)"]
    assert [text for text, _ in cells(ax)] == ["1", "", "", "", "", "1", "", "", ""]


@pytest.mark.parametrize("normalize", ["truth", "predicted", None])
def test_errors_have_other_colours_than_the_diagonal(normalize):
    table = counts(22)
    ax = draw_confusion(table, CHUNKS, normalize=normalize)
    for n, (text, fill) in enumerate(cells(ax)):
        i, j = divmod(n, 22)
        assert bool(text) == (table[i, j] > 0)
        if text:
            assert (fill[2] > fill[0]) == (i == j)
    np.testing.assert_allclose(rectangles(ax, "diagonal"), rectangles(ax, "cells")[::23])


@pytest.mark.parametrize("name", [name for name in SCALED if name.startswith(("conf", "trans"))])
def test_numbers_can_be_read_on_their_cells(name):
    ax = drawn(name)
    boxes, fills = rectangles(ax, "cells"), collection(ax, "cells").get_facecolors()
    assert (fills[:, 3] == 1).all()
    for text in ax.texts:
        if text.get_gid() == "cell":
            inside = (np.abs(boxes[:, :2] + boxes[:, 2:] / 2 - text.get_position()) < 7).all(axis=1)
            assert contrast(text.get_color(), fills[inside][0][:3]) > 4.5, text


def test_a_larger_share_is_darker():
    ax = draw_confusion([[60, 1, 10], [0, 30, 70], [5, 5, 0]], "abc")
    shade = {text: contrast(fill[:3], "white") for text, fill in cells(ax)}
    assert shade["1"] < shade["14"] < shade["70"]
    assert shade["30"] < shade["85"]


def test_transitions_tell_zero_absent_and_forbidden_apart():
    given = {("B", "I"): 2.5, ("I", "O"): -2.5, ("O", "I"): -np.inf, ("O", "O"): 0.0}
    ax = draw_transitions(given)
    found = cells(ax)
    assert [text for text, _ in found] == ["", "2.5", "", "", "", "-2.5", "", "✗", "0"]
    absent = rectangles(ax, "absent")
    np.testing.assert_allclose(absent, rectangles(ax, "cells")[[0, 2, 3, 4, 6]])
    assert collection(ax, "absent").get_hatch()
    above, below, zero, forbidden = (found[i][1] for i in (1, 5, 8, 7))
    assert above[0] > above[2]
    assert below[2] > below[0]
    assert np.ptp(zero[:3]) < 0.01
    assert zero[0] > 0.95
    assert forbidden[:3].max() < 0.5
    assert {"no weight", "forbidden"} <= set(written(ax, "key"))
    assert "forbidden" not in written(draw_transitions({("B", "I"): 1.0}), "key")


def test_transitions_from_a_table_are_those_from_a_mapping():
    table = [[1.5, np.nan], [-np.inf, 0.0]]
    mapping = {("a", "a"): 1.5, ("b", "a"): -np.inf, ("b", "b"): 0.0}
    one, two = draw_transitions(table, ["a", "b"]), draw_transitions(mapping)
    assert [text for text, _ in cells(one)] == [text for text, _ in cells(two)]
    np.testing.assert_array_equal(
        collection(one, "cells").get_facecolors(), collection(two, "cells").get_facecolors()
    )
    reordered = draw_transitions(mapping, ["b", "a"])
    assert [text for text, _ in cells(reordered)] == ["0", "✗", "", "1.5"]


def test_starts_and_ends_are_another_row_and_column():
    ax = draw_transitions({("a", "a"): 1.0}, start={"a": 2.0}, end={"a": -3.0})
    assert written(ax, "row") == ["a", "(start)"]
    assert written(ax, "column") == ["a", "(end)"]
    assert [text for text, _ in cells(ax)] == ["1.0", "-3.0", "2.0", ""]


# ---- bars -----------------------------------------------------------------------------


def test_top_features_are_the_largest_of_each_label():
    found = {
        (f"f{i:02}", label): (i - 10) * s for i in range(21) for label, s in (("A", 1), ("B", -2))
    }
    ax = draw_top_features(found, 3)
    assert written(ax, "label") == ["A", "B"]
    rows = [f"f{i:02}" for i in (20, 19, 18, 2, 1, 0)]
    assert written(ax, "attribute") == rows + rows[::-1]
    assert written(ax, "weight") == [
        *("10.00", "9.00", "8.00", "-8.00", "-9.00", "-10.00"),
        *("20.00", "18.00", "16.00", "-16.00", "-18.00", "-20.00"),
    ]
    lengths = rectangles(ax, "for")[:, 2]  # all panels at one scale
    np.testing.assert_allclose(lengths / lengths[0], [1.0, 0.9, 0.8, 2.0, 1.8, 1.6])
    np.testing.assert_allclose(rectangles(ax, "against")[:, 2], [*lengths[2::-1], *lengths[:2:-1]])


def test_names_are_shortened_in_the_middle():
    name = "w=" + "x" * 60 + "=the end"
    (shown,) = written(draw_top_features({(name, "A"): 1.0}), "attribute")
    assert len(shown) == 36
    assert shown.startswith("w=xxx")
    assert "…" in shown
    assert shown.endswith("=the end")


def test_labels_choose_the_panels_and_zeros_are_left_out():
    found = {("f", "A"): 1.0, ("g", "A"): 0.0, ("f", "B"): 2.0, ("f", "C"): 3.0}
    ax = draw_top_features(found, labels=["C", "A"], columns=1)
    assert written(ax, "label") == ["C", "A"]
    assert written(ax, "attribute") == ["f", "f"]
    one, two = (t.get_position() for t in ax.texts if t.get_gid() == "label")
    assert one[0] == two[0]
    assert one[1] < two[1]


def test_contributions_are_stacked_up_to_their_sums():
    given = explanation(CHUNKS)
    ax = draw_explanation(given, 4, most_labels=6)
    order = np.argsort(-given["marginals"])[:6]
    table = np.array([row for _, row in given["contributions"]])[:, order]
    pieces = np.concatenate([rectangles(ax, f"feature-{i}") for i in range(5)])
    tops = np.unique(pieces[:, 1].round(6))
    assert len(tops) == 6
    (zero,) = [line.get_xdata()[0] for line in ax.lines]
    right, left = (
        np.array([pieces[(pieces[:, 1].round(6) == top) & side, 2].sum() for top in tops])
        for side in (pieces[:, 0] > zero - 1e-6, pieces[:, 0] < zero - 1e-6)
    )
    scale = 300 / (np.maximum(table, 0).sum(0).max() + np.maximum(-table, 0).sum(0).max())
    np.testing.assert_allclose(right, np.maximum(table, 0).sum(axis=0) * scale)
    np.testing.assert_allclose(left, np.maximum(-table, 0).sum(axis=0) * scale)
    marks = rectangles(ax, "sum")
    np.testing.assert_allclose(marks[:, 0] + marks[:, 2] / 2, zero + table.sum(axis=0) * scale)
    spread = np.ptp(table, axis=1)
    top = np.argsort(-spread)[:4]
    assert all(f"word[{i}]" in key for i, key in zip(top, written(ax, "key"), strict=False))
    assert written(ax, "key")[4:] == ["10 others", "sum"]


def test_an_explanation_may_be_an_object_and_says_what_is_left_out():
    given = explanation(POS)
    one = draw_explanation(given)
    two = draw_explanation(SimpleNamespace(**given))
    assert [t.get_text() for t in one.texts] == [t.get_text() for t in two.texts]
    assert one.get_title() == "reserves (position 3)"
    (left,) = [t.get_text() for t in one.texts if "more labels" in t.get_text()]
    rest = 100 * np.sort(given["marginals"])[:9].sum()
    assert left == f"9 more labels: {rest:.1f} % together"
    del given["token"]
    assert draw_explanation(given).get_title() == "Position 3"
    assert draw_explanation(given, title="Why").get_title() == "Why"


# ---- curves ---------------------------------------------------------------------------


def best(ax: Axes) -> tuple[str, tuple[float, float]]:
    """What is said of the best iteration, and where the ring is."""
    (said,) = written(ax, "best")
    rings = [
        line
        for axes in ax.get_figure(root=True).axes
        for line in axes.lines
        if line.get_gid() == "best" and line.get_marker() == "o"
    ]
    (ring,) = rings
    return said, (ring.get_xdata()[0], ring.get_ydata()[0])


def test_the_best_iteration_is_marked():
    f1 = {3: 0.8, 6: 0.9, 9: 0.85}
    records = history(10, dev_f1=f1.get)
    assert best(draw_learning_curve(records)) == ("best dev F1 0.9000 at iteration 6", (6, 0.9))
    said, place = best(draw_learning_curve(records, "seconds"))
    assert said == "best dev F1 0.9000 at iteration 6"
    assert place == pytest.approx((1.8, 0.9))
    records = history(10, dev_loss=lambda i: 100 + (i - 4) ** 2)
    assert best(draw_learning_curve(records)) == ("best dev loss 100 at iteration 4", (4, 100))
    records = [
        {"iteration": 1, "loss": 3.0},
        {"iteration": 2, "loss": 2.5},
        {"iteration": 3, "loss": 2.7},
    ]
    assert best(draw_learning_curve(records)) == ("lowest loss 2.5 at iteration 2", (2, 2.5))


def test_a_score_can_be_named_and_turned_round():
    records = history(5, gradient_norm=lambda i: 10.0 / i, dev_f1=lambda i: i / 10)
    assert best(draw_learning_curve(records, score="gradient_norm"))[1] == (5, 2.0)
    assert best(draw_learning_curve(records, lower_is_better=True))[1] == (1, 0.1)
    (axes,) = [a for a in draw_learning_curve(records).figure.axes if a.get_ylabel() != "loss"]
    assert axes.get_ylabel() == "dev F1"


def test_records_may_be_objects_with_gaps():
    records = [
        SimpleNamespace(iteration=i, loss=loss, held_out=score)
        for i, loss, score in [(1, 9.0, np.nan), (2, np.inf, 0.5), (3, 7.0, 0.25)]
    ]
    ax = draw_learning_curve(records)
    assert best(ax) == ("best held-out score 0.5000 at iteration 2", (2, 0.5))
    (curve,) = [line for line in ax.lines if line.get_gid() == "loss"]
    np.testing.assert_array_equal(curve.get_ydata(), [9.0, np.nan, 7.0])


def test_the_loss_is_logarithmic_where_it_falls_to_a_tenth():
    assert draw_learning_curve(history(9)).get_yscale() == "log"
    assert draw_learning_curve(history(9), log_scale=False).get_yscale() == "linear"
    assert draw_learning_curve([{"iteration": 1, "loss": -2.0}]).get_yscale() == "linear"
    assert (
        draw_learning_curve([{"iteration": 1, "loss": 2.0}], log_scale=True).get_yscale() == "log"
    )


# ---- sentences ------------------------------------------------------------------------


def test_chunks_are_boxes_below_their_tokens():
    tokens = ["He", "reckons", "the", "current", "account", "deficit"]
    ax = draw_sequence(tokens, ["B-NP", "B-VP", "B-NP", "I-NP", "I-NP", "I-NP"])
    assert written(ax, "token") == tokens
    assert written(ax, "label") == ["NP", "VP", "NP"]
    places = [t.get_position()[0] for t in ax.texts if t.get_gid() == "token"]
    boxes = rectangles(ax, "box")
    for (left, _, width, _), inside in zip(boxes, ([0], [1], [2, 3, 4, 5]), strict=True):
        assert [t for t, x in enumerate(places) if left < x < left + width] == inside
    token_by_token = draw_sequence(tokens, POS[:6])
    assert written(token_by_token, "label") == POS[:6]


def test_errors_are_framed_and_the_truth_stands_below():
    tokens = ["a", "b", "c", "d"]
    ax = draw_sequence(tokens, ["B-X", "I-X", "O", "B-Y"], truth=["B-X", "O", "B-Z", "B-Y"])
    assert written(ax, "label") == ["✗ X", "Y"]
    assert written(ax, "truth") == ["X", "Z"]
    assert len(rectangles(ax, "wrong")) == len(rectangles(ax, "box")) == 1
    assert len(rectangles(ax, "missed")) == 2
    right = draw_sequence(tokens, ["B-X", "I-X", "O", "B-Y"], truth=["B-X", "I-X", "O", "B-Y"])
    assert not rectangles(right, "wrong").size
    assert written(right, "key") == ["all as in the truth"]


def test_what_is_not_known_is_neither_right_nor_wrong():
    ax = draw_sequence(["a", "b", "c"], ["N", "V", "N"], truth=[None, "N", "N"])
    assert written(ax, "label") == ["N", "✗ V", "N"]
    assert written(ax, "truth") == ["N"]
    ax = draw_sequence(["a", "b", "c"], ["B-X", None, "B-Y"], truth=["B-X", "O", None])
    assert written(ax, "label") == ["X", "Y"]


def test_chunks_are_told_from_the_labels_unless_said():
    assert written(draw_sequence(["a"], ["O"]), "label") == []
    assert written(draw_sequence(["a"], ["O"], chunked=False), "label") == ["O"]
    assert written(draw_sequence(["a", "b"], ["B-X", "I-X"], chunked=False), "label") == [
        "B-X",
        "I-X",
    ]


def test_the_less_certain_the_paler():
    ax = draw_sequence(["a", "b", "c"], ["B-X", "I-X", "I-X"], [0.1, 0.5, 0.9])
    fills = collection(ax, "fill").get_facecolors()
    shades = [contrast(fill[:3], "white") for fill in fills]
    assert shades == sorted(shades)
    assert shades[0] < shades[1] < shades[2]
    assert all(contrast("#1A1A1A", fill[:3]) > 7 for fill in fills)
    assert "confidence, 0 to 1" in written(ax, "key")


def test_colours_can_be_the_same_in_every_sentence():
    ax = draw_sequence(["a", "b"], ["V", "N"], colours={"N": "#0072B2", "V": "#009E73"})
    one, two = (c.get_facecolors()[0] for c in ax.collections if c.get_gid() == "fill")
    assert one[1] > one[2]  # green
    assert two[2] > two[1]  # blue


def test_a_long_sentence_goes_on_in_the_next_line():
    ax = draw_sequence(**sentence(POS, 80), width=5)
    places = [t.get_position() for t in ax.texts if t.get_gid() == "token"]
    assert len(places) == 80
    rows = sorted({y for _, y in places})
    assert len(rows) > 5
    for (x, y), (after, below) in itertools.pairwise(places):
        assert (below == y and after > x) or rows.index(below) == rows.index(y) + 1
    low, high = ax.get_xlim()
    assert high - low <= 5 * 72 + 20 + 1


def test_a_chunk_longer_than_a_line_has_dots_where_it_goes_on():
    ax = draw_sequence(["token"] * 12, ["B-X"] + ["I-X"] * 11, width=2.5)
    first, *middle, last = written(ax, "label")
    assert (first, last) == ("X …", "… X")
    assert middle == ["… X …"] * len(middle)


@st.composite
def labelled(draw):
    count = draw(st.integers(1, 25))
    widths = draw(st.lists(st.floats(5, 150), min_size=count, max_size=count))
    rows = []
    for _ in range(draw(st.integers(1, 2))):
        ends = sorted(draw(st.sets(st.integers(1, count), max_size=8)) | {count})
        starts = [0, *ends[:-1]]
        spans = [
            Span(a, b - 1, draw(st.sampled_from(["X", "LOCATION", "a long name of a type"])))
            for a, b in zip(starts, ends, strict=True)
        ]
        rows.append([span for span in spans if draw(st.booleans())])
    return widths, rows, draw(st.floats(30, 500))


@settings(max_examples=100, deadline=None)
@given(labelled())
def test_lines_hold_every_token_once_and_every_span_whole_where_it_fits(case):
    widths, rows, most = case
    lines = broken(widths, rows, most)
    assert [t for line in lines for t in range(line.first, line.first + len(line.widths))] == [
        *range(len(widths))
    ]
    for line in lines:
        assert line.width <= most + 1e-9 or len(line.widths) == 1
        assert all(w >= widths[line.first + i] - 1e-9 for i, w in enumerate(line.widths))
        steps = np.diff(line.lefts) - line.widths[:-1]
        np.testing.assert_allclose(steps, GAP)
        for piece in (piece for row in line.rows for piece in row):
            left, width = line.bounds(piece)
            assert left >= 0
            assert left + width <= line.width + 1e-9
            assert width >= width_of(piece.text, SMALL_FONT) + PADDING - 1e-9
    for number, spans in enumerate(rows):
        for span in spans:
            pieces = [p for line in lines for p in line.rows[number] if p.span == span]
            assert [t for p in pieces for t in range(p.first, p.last + 1)] == [*span.tokens]


# ---- errors ---------------------------------------------------------------------------

REFUSED: dict[type[Exception], dict[str, Callable[[], Axes]]] = {
    TypeError: {
        "a list has no labels; give a ConfusionMatrix, or": lambda: draw_confusion([[1]]),
        r"the key 'a' is not a pair \(label before": lambda: draw_transitions({"a": 1.0}),
        "needs the names of its rows; give labels=": lambda: draw_transitions([[1.0]]),
        r"'f' is not a pair \(attribute, label\)": lambda: draw_top_features({"f": 1.0}),
        "record 0 .* a dict, has no iteration": lambda: draw_learning_curve([{"loss": 1.0}]),
        "a dict without 'position', 'labels', 'contributions'": lambda: draw_explanation({}),
    },
    ValueError: {
        "there are no labels to draw": lambda: draw_confusion([], []),
        r"shape \(1, 2\) but there are 2 labels": lambda: draw_confusion([[1, 2]], "ab"),
        "a count is -1; counts must be finite and at": lambda: draw_confusion([[-1]], "a"),
        "normalize is 'all'; expected": lambda: draw_confusion([[1]], "a", normalize="all"),
        "there are 101 labels; a picture of": lambda: draw_confusion(np.eye(101), range(101)),
        "'a', 'a'; each may be given only once": lambda: draw_confusion(np.eye(2), "aa"),
        "no labels to draw; give one at least": lambda: draw_transitions({}),
        r"shape \(1, 1\) but there are 2 labels": lambda: draw_transitions([[1.0]], "ab"),
        r"weight of \('a', 'b'\) is inf": lambda: draw_transitions({("a", "b"): np.inf}),
        "weight of 'a' is inf": lambda: draw_transitions([[1.0]], "a", start={"a": np.inf}),
        "there are no features with a weight to draw": lambda: draw_top_features({}),
        "there are no features with a weight": lambda: draw_top_features({("f", "A"): 0.0}),
        "k is 0; it must be at least 1": lambda: draw_top_features({("f", "A"): 1.0}, 0),
        "columns is 0; it must be": lambda: draw_top_features({("f", "A"): 1.0}, columns=0),
        "for the label 'B'; .* are 'A'": lambda: draw_top_features({("f", "A"): 1.0}, 1, "B"),
        "there are 0 labels to draw": lambda: draw_top_features({("f", "A"): 1.0}, 1, []),
        r"\('f', 'A'\) is nan; it must be": lambda: draw_top_features({("f", "A"): np.nan}),
        "the history is empty": lambda: draw_learning_curve([]),
        "x is 'epoch'; expected 'iteration'": lambda: draw_learning_curve(history(3), "epoch"),
        "none of the 3 .* finite 'f1'": lambda: draw_learning_curve(history(3), score="f1"),
        "1 records has a fin": lambda: draw_learning_curve([{"iteration": 1, "loss": np.nan}]),
        "a loss is -1; a logarithmic axis needs all above 0": lambda: draw_learning_curve(
            [{"iteration": 1, "loss": -1.0}], log_scale=True
        ),
        "k is 8; it must": lambda: draw_explanation(explanation(["a"]), 8),
        "most_labels is 0": lambda: draw_explanation(explanation(["a"]), most_labels=0),
        "has no labels": lambda: draw_explanation(explanation(["a"]) | {"labels": []}),
        r"expected \(2,\)": lambda: draw_explanation(explanation(["a"]) | {"labels": "ab"}),
        "from 0 to 1": lambda: draw_explanation(explanation(["a"]) | {"marginals": [2.0]}),
        r"the contribution of 'f' has shape \(2,\); expected \(1,\)": lambda: draw_explanation(
            explanation(["a"]) | {"contributions": [("f", [1.0, 2.0])]}
        ),
        "the contribution of 'f' is .*inf.*; it must be finite": lambda: draw_explanation(
            explanation(["a"]) | {"contributions": [("f", [np.inf])]}
        ),
        "there are no tokens to draw": lambda: draw_sequence([], []),
        "there are 2 tokens, but 1 labels": lambda: draw_sequence("ab", ["O"]),
        "there are 2 tokens, but 1 true labels": lambda: draw_sequence("ab", "NV", None, "N"),
        r"confidences have shape \(1,\); expected \(2": lambda: draw_sequence("ab", "NV", [0.5]),
        "a confidence is 1.5; each must be from": lambda: draw_sequence("ab", "NV", [0.5, 1.5]),
        "there are 1001 tokens; a picture of": lambda: draw_sequence("a" * 1001, "N" * 1001),
        "colour of 'N' is 'no', which is": lambda: draw_sequence("a", "N", colours={"N": "no"}),
        "the labels .*'N'.* of no chunk scheme": lambda: draw_sequence("a", "N", chunked=True),
    },
}


@pytest.mark.parametrize(
    ("error", "message"), [(error, message) for error in REFUSED for message in REFUSED[error]]
)
def test_bad_input_is_named(error, message):
    with pytest.raises(error, match=message):
        REFUSED[error][message]()
