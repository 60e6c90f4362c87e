"""Pictures measured: nothing overlaps, no label is cut, chains and grids look like ones."""

from __future__ import annotations

import warnings
from itertools import combinations, pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gibbsfactor.drawing import draw
from gibbsfactor.drawing.force import crossings
from gibbsfactor.drawing.layout import layout
from gibbsfactor.drawing.structure import find_grid, find_spine
from gibbsfactor.factor import Factor
from gibbsfactor.graphs import factor_graph, induced_graph, junction_tree
from gibbsfactor.variable import Variable


def pairwise_factors(graph: nx.Graph, name: str = "x{}", unary: bool = False) -> list[Factor]:
    variables = {v: Variable(name.format(v), 2) for v in graph}
    factors = [Factor(v, [1, 2]) for v in variables.values()] if unary else []
    edges = [(variables[u], variables[v]) for u, v in graph.edges]
    return factors + [Factor(pair, [[2, 1], [1, 2]]) for pair in edges]


def crf(length: int) -> tuple[list[Factor], dict[str, str]]:
    """Linear chain with one observed word under each label."""
    words = ["the", "quick", "fox"]
    labels = [Variable(f"y{i}", 2) for i in range(length)]
    tokens = [Variable(f"x{i}", words) for i in range(length)]
    factors = [Factor(pair, np.ones((2, 3))) for pair in zip(labels, tokens, strict=True)]
    factors += [Factor(pair, np.ones((2, 2))) for pair in pairwise(labels)]
    return factors, {v.name: words[i % 3] for i, v in enumerate(tokens)}


SCOPES = {
    "one": nx.empty_graph(1),
    "triangle": nx.complete_graph(3),
    "path 3": nx.path_graph(3),
    "chain 12": nx.path_graph(12),
    "random 12": nx.gnp_random_graph(12, 0.25, seed=5),
    "dense 12": nx.gnp_random_graph(12, 0.8, seed=5),
    "tree 12": nx.random_labeled_tree(12, seed=1),
    "grid 3x4": nx.grid_2d_graph(3, 4),
    "chain 60": nx.path_graph(60),
    "tree 60": nx.random_labeled_tree(60, seed=4),
    "grid 6x10": nx.grid_2d_graph(6, 10),
    "sparse 60": nx.gnm_random_graph(60, 75, seed=3),
    "star 20": nx.star_graph(19),
    "parts": nx.disjoint_union_all([nx.path_graph(4), nx.cycle_graph(5), nx.empty_graph(3)]),
}
GRAPHS = {
    f"{kind} of {name}{' with long names' * long}": build(
        pairwise_factors(scopes, "temperature_{}" if long else "x{}", unary=kind == "factor"),
        [Variable(("temperature_{}" if long else "x{}").format(v), 2) for v in scopes],
    )
    for kind, build in (
        ("induced", induced_graph),
        ("factor", factor_graph),
        ("junction", junction_tree),
    )
    for name, scopes in SCOPES.items()
    for long in (False, True)
    if not (kind == "junction" and name in ("dense 12", "grid 6x10") and long)
}
for length in (2, 3, 8, 20):
    factors, words = crf(length)
    GRAPHS[f"CRF of {length}"] = induced_graph(factors, observed=words)
    GRAPHS[f"factor graph of CRF of {length}"] = factor_graph(factors, observed=words)


def measured(ax: Axes) -> tuple[list[np.ndarray], dict[int, np.ndarray]]:
    """Boxes (left, bottom, right, top) of nodes and of labels, in pixels."""
    figure = ax.get_figure(root=True)
    figure.canvas.draw()
    nodes, labels = {}, {}
    for patch in ax.patches:
        if patch.get_gid():
            corners = patch.get_transform().transform(patch.get_path().vertices)
            box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
            nodes[int(patch.get_gid().removeprefix("node-"))] = box
    for text in ax.texts:
        number = int(text.get_gid().removeprefix("node-").removesuffix("-label"))
        labels[number] = np.array(text.get_window_extent().extents)
    return [nodes[i] for i in range(len(nodes))], labels


def assert_clear(ax: Axes) -> None:
    nodes, labels = measured(ax)
    boxes = np.array(nodes)
    width, height = ax.get_figure(root=True).canvas.get_width_height()
    assert (boxes[:, :2] > 0).all()
    assert (boxes[:, 2:] < [width, height]).all()
    for one, two in combinations(nodes, 2):
        apart = np.maximum(one[:2] - two[2:], two[:2] - one[2:]).max()
        assert apart > 1, f"nodes overlap or touch by {-apart} pixels"
    for i, label in labels.items():  # within its own node, so it can meet no other one
        assert (label[:2] > nodes[i][:2] - 0.5).all()
        assert (label[2:] < nodes[i][2:] + 0.5).all()


@pytest.mark.parametrize("name", GRAPHS)
def test_nodes_are_apart_and_labels_lie_in_them(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = draw(GRAPHS[name])
    assert_clear(ax)
    assert all(text.get_fontsize() >= 8 for text in ax.texts)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 25), st.floats(0, 1), st.integers(0, 999))
def test_boxes_of_any_size_are_apart(count, density, seed):
    graph = nx.gnp_random_graph(count, density, seed=seed)
    rng = np.random.default_rng(seed)
    sizes = {v: (float(w), float(h)) for v, (w, h) in enumerate(rng.uniform(8, 120, (count, 2)))}
    placed = layout(graph, sizes, seed=seed)
    for one, two in combinations(graph, 2):
        apart = np.abs(np.subtract(placed[one], placed[two]))
        assert (apart >= np.add(sizes[one], sizes[two]) / 2).any()
    assert layout(graph, sizes, seed=seed) == placed


def test_a_chain_is_a_line_in_order():
    placed = layout(induced_graph(pairwise_factors(nx.path_graph(12))))
    x, y = np.array([placed[f"x{i}"] for i in range(12)]).T
    assert np.ptp(y) == 0
    assert (np.diff(x) > 0).all()
    assert np.ptp(np.diff(x)) < 1e-9


def test_a_long_chain_goes_to_and_fro_in_rows():
    placed = layout(nx.path_graph(60))
    rows = {y for _, y in placed.values()}
    assert 3 <= len(rows) <= 8
    for u, v in pairwise(range(60)):  # neighbours lie beside or right below each other
        dx, dy = np.subtract(placed[v], placed[u])
        assert (dx == 0) != (dy == 0)
        assert dy <= 0


def test_factors_of_a_chain_lie_between_and_beside_its_variables():
    graph = factor_graph(pairwise_factors(nx.path_graph(6), unary=True))
    placed = layout(graph)
    x, y = np.array([placed[f"x{i}"] for i in range(6)]).T
    assert np.ptp(y) == 0
    assert (np.diff(x) > 0).all()
    for i in range(6):
        assert placed[i][0] == x[i]
        assert placed[i][1] != y[i]
    for i in range(5):
        assert placed[6 + i][1] == y[i]
        assert x[i] < placed[6 + i][0] < x[i + 1]


@pytest.mark.parametrize("build", [induced_graph, factor_graph])
@pytest.mark.parametrize("length", [2, 3, 8])
def test_words_of_a_crf_lie_in_a_row_below_its_labels(build, length):
    factors, words = crf(length)
    placed = layout(build(factors, observed=words))
    label = np.array([placed[f"y{i}"] for i in range(length)])
    token = np.array([placed[f"x{i}"] for i in range(length)])
    assert np.ptp(label[:, 1]) == np.ptp(token[:, 1]) == 0
    assert token[0, 1] < label[0, 1]
    assert (label[:, 0] == token[:, 0]).all()
    assert (np.diff(label[:, 0]) > 0).all()


@pytest.mark.parametrize("shape", [(2, 2), (2, 5), (6, 10)])
def test_a_grid_is_a_grid(shape):
    grid = nx.grid_2d_graph(*shape)
    for graph in (
        induced_graph(pairwise_factors(grid)),
        factor_graph(pairwise_factors(grid, unary=True)),
    ):
        placed = layout(graph)
        at = np.array([placed[f"x{v}"] for v in grid])
        counts = sorted(len(np.unique(at[:, axis].round(6))) for axis in (0, 1))
        assert counts == sorted(shape)


def test_what_is_no_grid_or_chain_is_not_taken_for_one():
    grid = nx.grid_2d_graph(3, 4)
    grid.remove_edge((1, 1), (1, 2))
    grid.add_edge((1, 1), (2, 2))
    assert find_grid(grid) is None
    assert find_grid(nx.cycle_graph(6)) is None
    assert find_spine(nx.cycle_graph(6)) is None
    assert find_spine(nx.balanced_tree(2, 4)) is None


@pytest.mark.parametrize("how", ["tree", "radial"])
@pytest.mark.parametrize("seed", range(4))
def test_trees_are_drawn_without_crossings(how, seed):
    tree = nx.random_labeled_tree(50, seed=seed)
    placed = layout(tree, how=how)
    x = np.array([placed[v] for v in range(50)])
    assert crossings(x, np.array(tree.edges)) == 0


def test_edges_end_at_rims_and_arrows_too():
    ax = draw(nx.DiGraph([("cause", "effect"), ("effect", "effect")]))
    nodes, _ = measured(ax)
    heads = [patch for patch in ax.patches if type(patch).__name__ == "Polygon"]
    assert len(heads) == 2
    tip = heads[0].get_transform().transform(heads[0].get_xy())[0]
    gap = np.maximum(nodes[1][:2] - tip, tip - nodes[1][2:]).max()
    assert abs(gap) < 1


def test_observed_variables_are_shaded_and_say_their_state():
    graph = induced_graph(pairwise_factors(nx.path_graph(3)))
    ax = draw(graph, observed={"x2": 1})
    assert [text.get_text() for text in ax.texts] == ["x0", "x1", "x2\n= 1"]
    fills = [patch.get_facecolor() for patch in ax.patches if patch.get_gid()]
    assert fills[0] == fills[1] != fills[2]
    assert not graph.nodes["x2"]["observed"]
    assert [text.get_text() for text in draw(graph, observed=["x2"]).texts][2] == "x2"


def luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_text_has_contrast():
    from matplotlib.colors import to_rgb

    factors, words = crf(3)
    for graph in (factor_graph(factors, observed=words), junction_tree(factors)):
        ax = draw(
            graph, labels={v: "phi" for v, kind in graph.nodes(data="kind") if kind == "factor"}
        )
        fills = {p.get_gid(): luminance(p.get_facecolor()) for p in ax.patches if p.get_gid()}
        for text in ax.texts:
            tones = sorted((luminance(to_rgb(text.get_color())), fills[text.get_gid()[:-6]]))
            assert (tones[1] + 0.05) / (tones[0] + 0.05) >= 4.5


def test_models_are_asked_for_the_graph_of_the_kind():
    class Model:
        def induced_graph(self):
            return nx.path_graph(2)

        def factor_graph(self):
            return nx.path_graph(3)

    assert len(draw(Model()).texts) == 2
    assert len(draw(Model(), kind="factor").texts) == 3
    with pytest.raises(TypeError, match=r"can't draw a Model: .* no method junction_tree\(\)"):
        draw(Model(), kind="junction")


def test_given_positions_keep_their_shape():
    graph = nx.Graph([("a", "b"), ("b", "c")])
    ax = draw(graph, layout={"a": (0, 0), "b": (0, 1), "c": (2, 0)})
    assert_clear(ax)
    nodes, _ = measured(ax)
    a, b, c = (np.add(box[:2], box[2:]) / 2 for box in nodes)
    assert abs(a[0] - b[0]) < 0.5
    assert abs((c[0] - a[0]) / (b[1] - a[1]) - 2) < 0.05


def test_pictures_are_saved_and_need_no_pyplot(tmp_path: Path):
    graph = nx.path_graph(3)
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        ax = draw(graph, path=tmp_path / f"chain{suffix}", title="A chain of 3 & more")
        assert (tmp_path / f"chain{suffix}").read_bytes().startswith(start)
    assert isinstance(ax.figure, Figure)
    assert ax._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"'chain\.docx'; end the path in one of \.png, \.svg"):
        draw(graph, path="chain.docx")


def test_drawing_on_axes_that_are_given_fits_them():
    ax = Figure(figsize=(2, 2)).add_subplot()
    assert draw(GRAPHS["induced of random 12"], ax=ax, title="small") is ax
    assert_clear(ax)


def test_an_empty_graph_says_so():
    assert [text.get_text() for text in draw(nx.Graph()).texts] == ["empty graph"]


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        ([1], {}, TypeError, r"can't draw a list: .* draw induced_graph\(factors\)"),
        (nx.path_graph(2), {"kind": "causal"}, ValueError, r"kind is 'causal'; expected one of"),
        (nx.path_graph(2), {"observed": {"z": 1}}, ValueError, r"observed names 'z', .* 2 nodes"),
        (nx.path_graph(2), {"labels": {7: "g"}}, ValueError, r"labels names 7, .* are 0, 1"),
        (
            nx.path_graph(2),
            {"layout": "neat"},
            ValueError,
            r"no layout 'neat'; give one of 'layered', 'chain'",
        ),
        (nx.path_graph(2), {"layout": {0: (0, 0)}}, ValueError, r"no position for 1 of 2 nodes"),
        (nx.path_graph(2), {"layout": {0: (0, 0), 1: (0, 0)}}, ValueError, r"two nodes on one"),
        (nx.path_graph(2), {"layout": {0: (0, 0), 1: (0, np.nan)}}, ValueError, r"finite numbers"),
        (nx.cycle_graph(5), {"layout": "tree"}, ValueError, r"\(5 nodes, 5 edges\) is not a tree"),
        (nx.path_graph(1001), {}, ValueError, r"1001 nodes; a picture of more than 1000"),
    ],
)
def test_errors_say_what_to_do(given, options, error, message):
    with pytest.raises(error, match=message):
        draw(given, **options)


def test_a_hidden_markov_model_starts_at_its_start():
    """A prior on the first state neither turns the chain round nor bends what it emits."""
    steps = 6
    hidden = [Variable(f"h{i}", 2) for i in range(steps)]
    seen = [Variable(f"o{i}", 2) for i in range(steps)]
    factors = [Factor(hidden[0], [0.5, 0.5])]
    factors += [Factor(pair, np.ones((2, 2))) for pair in pairwise(hidden)]
    factors += [Factor(pair, np.ones((2, 2))) for pair in zip(hidden, seen, strict=True)]
    placed = layout(factor_graph(factors))
    x = [placed[v.name][0] for v in hidden]
    assert x == sorted(x)
    assert len({placed[v.name][1] for v in hidden}) == 1
    assert all(placed[f"o{i}"][0] == pytest.approx(placed[f"h{i}"][0]) for i in range(steps))
