"""Pictures of several models, measured: one scale, all in line, nothing overlaps."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import networkx as nx
import numpy as np
import pytest
from matplotlib.axes import Axes
from sklearn.datasets import load_iris
from test_crf_drawing import assert_clear, contrast, frame_of, new_axes, texts_of

from gibbsfactor import datasets
from gibbsfactor.drawing import Panel, draw_panels, with_inputs
from gibbsfactor.drawing.lanes import Lane, Span
from gibbsfactor.factor import Factor
from gibbsfactor.features import Columns, Templates
from gibbsfactor.graphs import factor_graph
from gibbsfactor.models.linear_chain_crf import LinearChainCRF
from gibbsfactor.models.log_linear import CliqueTemplate, LogLinearModel
from gibbsfactor.models.softmax import SoftmaxRegression
from gibbsfactor.variable import Variable

STEPS = 4


def naive_bayes() -> Panel:
    graph = nx.DiGraph([("y", f"x{i}") for i in range(3)])
    places = {"y": (1, 0), **{f"x{i}": (i, -1.2) for i in range(3)}}
    seen = ["x0", "x1", "x2"]
    return Panel(graph, "Naive Bayes", "P(y, x) = P(y) ∏ P(xᵢ | y)", places, observed=seen)


def hidden_markov() -> Panel:
    steps = [(f"y{t}", f"y{t + 1}") for t in range(STEPS - 1)]
    graph = nx.DiGraph([*steps, *((f"y{t}", f"x{t}") for t in range(STEPS))])
    places = {f"{kind}{t}": (t, y) for kind, y in (("y", 0), ("x", -1.2)) for t in range(STEPS)}
    seen = [f"x{t}" for t in range(STEPS)]
    return Panel(graph, "Hidden Markov model", layout=places, observed=seen)


def softmax() -> Panel:
    y = Variable("y", 3)
    graph = factor_graph([Factor(y, [1, 2, 3]) for _ in range(4)])
    places = {"y": (1, 0), 3: (1, 0.6)}
    places |= {i: ((1 + i) / 2, -0.6) for i in range(3)} | {f"x{i}": (i, -1.2) for i in range(3)}
    return Panel(with_inputs(graph, {i: f"x{i}" for i in range(3)}), "Softmax", layout=places)


def chain() -> Panel:
    ys = [Variable(f"y{t}", 2) for t in range(STEPS)]
    factors = [Factor(v, [1, 2]) for v in ys]
    factors += [Factor(pair, [[2, 1], [1, 2]]) for pair in pairwise(ys)]
    graph = with_inputs(factor_graph(factors), {t: [f"x{t}"] for t in range(STEPS)})
    places = {f"{kind}{t}": (t, y) for kind, y in (("y", 0), ("x", -1.2)) for t in range(STEPS)}
    places |= {t: (t, -0.6) for t in range(STEPS)}
    places |= {STEPS + t: (t + 0.5, 0) for t in range(STEPS - 1)}
    return Panel(graph, "Linear chain", "P(y | x)", places)


def network() -> Panel:
    return Panel(datasets.tomato_plant(), "Bayesian network", "a tomato plant", kind="directed")


def markov_network() -> Panel:
    return Panel(datasets.tomato_plant(), "Markov network", kind="factor")


GRIDS = {
    "six": (
        [[naive_bayes(), hidden_markov(), network()], [softmax(), chain(), markov_network()]],
        {"across": ["sequence", "general graphs"], "down": ["conditional"]},
    ),
    "without arrows": ([[naive_bayes(), hidden_markov()], [softmax(), chain()]], {}),
    "one": ([[Panel(nx.path_graph(2))]], {}),
    "a column": ([[Panel(nx.DiGraph([(1, 1), (1, 2)]), "A loop")], [chain()]], {"down": [""]}),
    "narrow": (
        [[Panel(nx.empty_graph(1), "A title wider than its graph"), Panel(nx.Graph(), "none")]],
        {"across": ["words that are longer than an arrow"]},
    ),
}


def drawn(name: str, **more: object) -> Axes:
    rows, options = GRIDS[name]
    ax: Axes = draw_panels(rows, **options, **more)
    ax.get_figure(root=True).draw_without_rendering()
    return ax


def nodes(ax: Axes) -> dict[int, np.ndarray]:
    """Boxes (left, bottom, right, top) of the nodes of one panel, in pixels, by number."""
    found = {}
    for patch in ax.patches:
        if patch.get_gid():
            corners = patch.get_transform().transform(patch.get_path().vertices)
            box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
            found[int(patch.get_gid().rpartition("-")[2])] = box
    return found


def middles(ax: Axes) -> dict[str, np.ndarray]:
    """Where the nodes with a label are, in pixels."""
    boxes = nodes(ax)
    labelled = {
        text.get_text(): boxes[int(text.get_gid().removesuffix("-label").rpartition("-")[2])]
        for text in ax.texts
        if text.get_gid()
    }
    return {name: (box[:2] + box[2:]) / 2 for name, box in labelled.items()}


def apart(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.maximum(one[:2] - two[2:], two[:2] - one[2:]).max())


@pytest.mark.parametrize("name", GRIDS)
def test_nothing_overlaps_and_nothing_is_cut(name):
    ax = drawn(name, title="Pictures")
    frame = frame_of(ax.get_figure(root=True))
    assert_clear(texts_of(ax), frame)
    panels = [child.get_window_extent().extents for child in ax.child_axes]
    assert len(panels) == sum(map(len, GRIDS[name][0]))
    heads = [t.get_window_extent().extents for t in ax.texts]
    arrows = [p.get_window_extent().extents for p in ax.patches if p.get_gid() == "arrow"]
    for one, two in combinations([*panels, *heads, *arrows], 2):
        assert apart(one, two) > -0.5
    for child, panel in zip(ax.child_axes, panels, strict=True):
        boxes = nodes(child)
        for box in boxes.values():
            assert (box[:2] > panel[:2]).all()
            assert (box[2:] < panel[2:]).all()
        assert all(apart(one, two) > 1 for one, two in combinations(boxes.values(), 2))


def test_circles_have_one_size_and_places_are_in_line():
    ax = drawn("six")
    first, second, _, third, fourth, _ = ax.child_axes
    circles = [nodes(child)[0] for child in (first, second, third, fourth)]
    circles += [nodes(second)[5], nodes(fourth)[3]]
    assert {round(float(box[2] - box[0]), 2) for box in circles} == {
        round(float(circles[0][3] - circles[0][1]), 2)
    }
    above, below = middles(second), middles(fourth)
    assert set(above) == set(below) == {f"{kind}{t}" for kind in "xy" for t in range(STEPS)}
    for name in above:  # the time axis
        assert above[name][0] == pytest.approx(below[name][0], abs=0.01)
    left, right = middles(first), middles(second)
    assert left["y"][1] == pytest.approx(right["y0"][1], abs=0.01)
    assert left["x2"][1] == pytest.approx(right["x3"][1], abs=0.01)
    assert left["y"][0] == pytest.approx(middles(third)["y"][0], abs=0.01)
    left, right = middles(third), middles(fourth)  # although a factor stands above y
    assert left["y"][1] == pytest.approx(right["y0"][1], abs=0.01)


def test_places_lie_as_close_as_gaps_allow():
    ax = drawn("without arrows")
    (x0, _), (x1, _) = ax.transData.transform([(0, 0), (1, 0)])
    gaps = {True: np.inf, False: np.inf}
    for child in ax.child_axes:
        boxes = nodes(child)
        for one, two in combinations(boxes, 2):
            small = min(boxes[v][2] - boxes[v][0] for v in (one, two)) < 30  # a factor
            gaps[small] = min(gaps[small], apart(boxes[one], boxes[two]) / (x1 - x0))
    assert gaps[True] == pytest.approx(13, abs=0.1)
    assert gaps[False] >= 24


def test_arrows_lead_from_each_panel_to_the_next():
    ax = drawn("six")
    arrows = [p.get_window_extent().extents for p in ax.patches if p.get_gid() == "arrow"]
    panels = [child.get_window_extent().extents for child in ax.child_axes]
    pairs = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]
    assert len(arrows) == len(pairs)
    for (start, end), arrow in zip(pairs, arrows, strict=True):
        axis = 0 if end == start + 1 else 1
        low, high = (start, end) if axis == 0 else (end, start)  # pixels grow upwards
        assert panels[low][axis + 2] < arrow[axis] < arrow[axis + 2] < panels[high][axis]
    told = [text.get_text() for text in ax.texts if text.get_gid() == "arrow"]
    assert sorted(told) == sorted(["sequence", "general graphs"] * 2 + ["conditional"] * 3)
    assert not [p for p in drawn("without arrows").patches if p.get_gid() == "arrow"]


@pytest.mark.parametrize("background", ["#2B2B2B", "white"])
def test_it_shrinks_into_given_axes_and_can_be_read_there(background):
    ax = new_axes(figsize=(7, 4), dpi=200, facecolor=background)
    assert drawn("six", ax=ax) is ax
    assert_clear([t for t in texts_of(ax) if t is not ax.title], ax.get_window_extent().extents)
    (card,) = [c for c in ax.collections if c.get_gid() == "card"]
    assert card.get_facecolor().tolist() == [[1, 1, 1, 1]]
    assert all(contrast(text.get_color(), "white") >= 4.5 for text in ax.texts)
    whole = ax.get_window_extent().extents
    for child in ax.child_axes:
        assert apart(child.get_window_extent().extents, whole) < 0
        for text in child.texts:
            assert text.get_fontsize() < 9  # shrunk along


def test_a_picture_is_saved_with_names_of_its_own(tmp_path):
    for suffix, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        ax = drawn("six", path=tmp_path / f"six.{suffix}")
        assert (tmp_path / f"six.{suffix}").read_bytes().startswith(start)
    assert ax._repr_png_().startswith(b"\x89PNG")
    names = re.findall(r'id="(panel-[^"]+)"', (tmp_path / "six.svg").read_text(encoding="utf-8"))
    assert len(names) == len(set(names)) > 60


def test_lanes_hold_what_is_in_line_and_centre_the_rest():
    lane = Lane.over([Span(-10, 30, True), Span(-20, 5, True), Span(3, 43, False)], 60.0)
    assert lane.size == 60
    assert lane.offset(Span(-10, 30, True)) == 15  # -20 to 30, in the middle of 60
    assert lane.offset(Span(-20, 5, True)) == 5
    assert lane.offset(Span(3, 43, False)) == 10


ONE = Panel(nx.path_graph(2))


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        ([], {}, ValueError, "the rows have no panels"),
        ([[]], {}, ValueError, "the rows have 0 panels"),
        ([[ONE], [ONE, ONE]], {}, ValueError, "the rows have 1, 2 panels; .* as many in every"),
        ([[nx.path_graph(2)]], {}, TypeError, r"rows hold a Graph; give Panel\(model\)"),
        ([[ONE, ONE]], {"across": "so"}, TypeError, "across is the string 'so'; give a list"),
        ([[ONE, ONE]], {"across": ["a", "b"]}, ValueError, "2 arrows, but 1 lie between 2 columns"),
        ([[ONE, ONE]], {"down": ["a"]}, ValueError, "1 arrows, but 0 lie between 1 rows"),
        ([[Panel(3)]], {}, TypeError, "can't draw a int"),
        ([[Panel(nx.path_graph(2), layout={0: (0, 0)})]], {}, ValueError, "no position for 1 of 2"),
        (
            [[Panel(nx.path_graph(1), layout={0: (0, 0), "z": (1, 1)})]],
            {},
            ValueError,
            "layout names 'z'",
        ),
        ([[Panel(nx.path_graph(2), layout="neat")]], {}, ValueError, "no layout 'neat'"),
        ([[Panel(nx.path_graph(2), labels={"z": "Z"})]], {}, ValueError, "labels names 'z'"),
        ([[Panel(nx.path_graph(2), observed=["z"])]], {}, ValueError, "observed names 'z'"),
        ([[ONE]], {"path": "six.txt"}, ValueError, r"end the path in one of \.png"),
    ],
)
def test_errors_say_what_to_do(rows, options, error, message):
    with pytest.raises(error, match=message):
        draw_panels(rows, **options)


# ---- inputs ---------------------------------------------------------------------------


def test_inputs_are_observed_and_joined_to_the_factors_that_see_them():
    y = Variable("y", 2)
    graph = factor_graph([Factor(y, [3, 1]), Factor(y, [1, 2])])
    shown = with_inputs(graph, {0: "a", 1: ["a", "b"]})
    assert sorted(map(str, shown["a"])) == ["0", "1"]
    assert list(shown["b"]) == [1]
    assert [v for v, seen in shown.nodes(data="observed") if seen] == ["a", "b"]
    assert "a" not in graph  # a copy
    with pytest.raises(ValueError, match="'y', which is a variable; only factors look"):
        with_inputs(graph, {"y": "a"})
    with pytest.raises(ValueError, match="seen names 7, which the graph has not"):
        with_inputs(graph, {7: "a"})
    with pytest.raises(ValueError, match="the input 'y' has the name of a variable"):
        with_inputs(graph, {0: "y"})


def test_factors_without_a_place_lie_amid_what_they_join():
    given = chain()
    places = {v: place for v, place in given.layout.items() if isinstance(v, str)}
    ax = draw_panels([[given, Panel(given.model, layout=places)]])
    ax.get_figure(root=True).draw_without_rendering()
    one, two = ({i: (b[:2] + b[2:]) / 2 for i, b in nodes(c).items()} for c in ax.child_axes)
    for i in one:
        assert np.allclose(one[i] - one[0], two[i] - two[0], atol=0.01)
    y = Variable("y", 2)
    alone = draw_panels([[Panel(factor_graph([Factor(y, [1, 2])]), layout={"y": (0, 0)})]])
    alone.get_figure(root=True).draw_without_rendering()
    (variable, factor) = nodes(alone.child_axes[0]).values()
    assert factor[2] < variable[0]
    assert factor[1] + factor[3] == pytest.approx(variable[1] + variable[3])
    twice = factor_graph([Factor(y, [1, 2]), Factor(y, [1, 2])])
    with pytest.raises(ValueError, match="puts two nodes on one point"):
        draw_panels([[Panel(twice, layout={"y": (0, 0)})]])


def changed(before, after) -> set[int]:
    """Factors whose numbers differ."""
    pairs = zip(before.factors, after.factors, strict=True)
    return {i for i, (a, b) in enumerate(pairs) if not np.allclose(a.log_values, b.log_values)}


def test_each_input_of_a_softmax_is_seen_by_one_factor():
    iris = load_iris()
    model = SoftmaxRegression().fit(iris.data, iris.target)
    for i in range(4):
        row = iris.data[0].copy()
        row[i] += 1.0
        assert changed(model.gibbs(iris.data[0]), model.gibbs(row)) == {i + 1}


def test_each_word_of_a_chain_is_seen_by_the_factor_of_its_position():
    talk = datasets.load_conversations().train[:30]
    crf = LinearChainCRF(c2=1.0, templates=Templates.parse("U0:%x[0,0]\nB"), progress=False)
    crf.fit(talk.drop(), talk.labels())
    words = talk.drop().column(0)[:STEPS]

    def gibbs(sentence):
        return crf.gibbs(Columns.from_sentences([[(word,) for word in sentence]]))

    for t in range(STEPS):
        other = [*words[:t], "!", *words[t + 1 :]]
        assert changed(gibbs(words), gibbs(other)) == {t}


def test_each_input_of_a_general_model_is_seen_by_the_factor_of_its_template():
    def look(name):
        return lambda x, cliques: [{f"{name}={x[name]}": 1.0}]

    templates = [
        CliqueTemplate(over=("soil", "roots")),
        CliqueTemplate(over=("soil", "roots"), features=look("stem"), name="stem"),
        CliqueTemplate(over="roots", features=look("leaves"), name="leaves"),
    ]
    plants = datasets.tomato_plant().sample(200, np.random.default_rng(0))
    seen = [
        dict(zip(("stem", "leaves"), x, strict=True))
        for x in zip(plants["stem"], plants["leaves"], strict=True)
    ]
    model = LogLinearModel(templates).fit(seen, {name: plants[name] for name in ("soil", "roots")})
    before = model.gibbs({"stem": "upright", "leaves": "green"})
    assert changed(before, model.gibbs({"stem": "wilting", "leaves": "green"})) == {1}
    assert changed(before, model.gibbs({"stem": "upright", "leaves": "yellow"})) == {2}
