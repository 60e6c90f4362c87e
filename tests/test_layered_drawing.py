"""Directed acyclic graphs in layers, measured: parents above, nothing covered, the same again."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from test_drawing import assert_clear, measured

from gibbsfactor import BayesianNetwork, ConditionalTable, Variable, draw
from gibbsfactor.drawing.force import crossings
from gibbsfactor.drawing.layered import _rows
from gibbsfactor.drawing.layout import layout, place
from gibbsfactor.drawing.ordering import Neighbours, count_crossings, fewest_crossings
from gibbsfactor.drawing.ranks import compact_ranks
from gibbsfactor.drawing.shapes import shapes
from gibbsfactor.drawing.units import Placement
from gibbsfactor.io.bif import read_bif

NAMED = ["cancer", "asia", "sachs", "water", "insurance", "alarm", "barley", "hailfinder"]


def acyclic(count: int, density: float, seed: int) -> nx.DiGraph:
    """A random graph whose edges follow a random order of the nodes."""
    rng = np.random.default_rng(seed)
    place = rng.permutation(count)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    pairs = [(u, v) if place[u] < place[v] else (v, u) for u, v in combinations(range(count), 2)]
    graph.add_edges_from(pair for pair in pairs if rng.random() < density)
    return graph


def published(shared_data, name: str) -> BayesianNetwork:
    return read_bif(shared_data / "bif" / f"{name}.bif.gz")


def assert_layered(graph: nx.DiGraph, sizes: dict, found: Placement) -> None:
    """Every edge leads down from box to box, no boxes meet, no edge meets another's box."""
    nodes = list(graph)
    at = np.array([found.positions[v] for v in nodes]).reshape(-1, 2)
    half = np.array([sizes[v] for v in nodes]).reshape(-1, 2) / 2
    apart = np.abs(at[:, None] - at[None]) - half[:, None] - half[None]
    assert apart.max(axis=2)[~np.eye(len(nodes), dtype=bool)].min(initial=np.inf) > 1
    number = {v: i for i, v in enumerate(nodes)}
    left, bottom, right, top = found.bounds(sizes)
    assert min(left, bottom) > -1e-6
    for u, v in graph.edges:
        i, j = number[u], number[v]
        assert at[i, 1] - half[i, 1] > at[j, 1] + half[j, 1]
        way = found.routes[u, v]
        assert (np.diff(way[:, 1]) < 0).all()
        assert (np.abs(way[0] - at[i]) <= half[i] + 1e-9).all()
        assert (np.abs(way[-1] - at[j]) <= half[j] + 1e-9).all()
        assert (way.min(axis=0) >= (left, bottom)).all()
        assert (way.max(axis=0) <= (right, top)).all()
        dense = np.concatenate([np.linspace(a, b, 9) for a, b in pairwise(way)])
        others = [k for k in range(len(nodes)) if k not in (i, j)]
        into = np.abs(dense[:, None] - at[None, others]) - half[None, others]
        assert into.max(axis=2).min(initial=np.inf) > 1, f"{u} -> {v} runs into a node"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 16), st.floats(0, 0.6), st.integers(0, 9999))
def test_any_acyclic_graph_with_boxes_of_any_size(count, density, seed):
    graph = acyclic(count, density, seed)
    rng = np.random.default_rng(seed)
    sizes = {v: (float(w), float(h)) for v, (w, h) in enumerate(rng.uniform(8, 120, (count, 2)))}
    found = place(graph, sizes, "layered")
    assert_layered(graph, sizes, found)
    again = place(graph, sizes, "layered")
    assert again.positions == found.positions
    assert all((again.routes[e] == way).all() for e, way in found.routes.items())


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.floats(0.1, 0.7), st.integers(0, 9999))
def test_rows_are_as_short_as_can_be(count, density, seed):
    """Against all whole rows within a node of the longest path, tried one by one."""
    graph = acyclic(min(count, 6), density, seed)
    edges = np.array(list(graph.edges), dtype=np.intp).reshape(-1, 2)
    rank = compact_ranks(len(graph), edges)
    assert (rank[edges[:, 1]] > rank[edges[:, 0]]).all()
    height = nx.dag_longest_path_length(graph) + 1
    every = np.indices((height,) * len(graph)).reshape(len(graph), -1)
    spans = every[edges[:, 1]] - every[edges[:, 0]]
    valid = (spans >= 1).all(axis=0)
    shortest = spans[:, valid].sum(axis=0).min()
    assert (rank[edges[:, 1]] - rank[edges[:, 0]]).sum() == shortest


def test_crossings_are_counted_and_taken_away():
    rng = np.random.default_rng(1)
    for _ in range(20):
        layers = [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
        segments = [(u, v) for u in layers[0] for v in layers[1] if rng.random() < 0.4]
        near = Neighbours(10, segments)
        place = {v: i for layer in layers for i, v in enumerate(layer)}
        straight = sum(
            (place[a] - place[c]) * (place[b] - place[d]) < 0
            for (a, b), (c, d) in combinations(segments, 2)
        )
        assert count_crossings(layers, near) == straight
        best = fewest_crossings(layers, near)
        counts = {count_crossings(order, near) for order in best}
        assert len(counts) == 1
        assert counts.pop() <= straight
        assert [sorted(layer) for layer in best[0]] == layers


@pytest.mark.parametrize("seed", range(12))
def test_there_are_no_more_crossings_than_need_be(seed):
    """Two layers of four, against all their orders."""
    rng = np.random.default_rng(seed)
    segments = [(u, v) for u in range(4) for v in range(4, 8) if rng.random() < 0.5]
    near = Neighbours(8, segments)
    found = count_crossings(fewest_crossings([[0, 1, 2, 3], [4, 5, 6, 7]], near)[0], near)
    every = [
        count_crossings([list(upper), list(lower)], near)
        for upper in permutations(range(4))
        for lower in permutations(range(4, 8))
    ]
    assert found == min(every)


@pytest.mark.parametrize(("name", "most"), [("alarm", 8), ("insurance", 22), ("barley", 65)])
def test_published_networks_are_drawn_with_few_crossings(shared_data, name, most):
    """No more than once were found: medians alone leave 74 on barley."""
    graph = published(shared_data, name).graph()
    number = {v: i for i, v in enumerate(graph)}
    edges = np.array([(number[u], number[v]) for u, v in graph.edges])
    rows = _rows(len(graph), edges, compact_ranks(len(graph), edges))
    assert count_crossings(fewest_crossings(rows.layers, rows.near)[0], rows.near) <= most


def test_a_tree_is_symmetric_and_has_no_crossing():
    tree = nx.DiGraph(list(nx.bfs_edges(nx.balanced_tree(3, 3), 0)))
    found = layout(tree)
    at = np.array([found[v] for v in range(40)])
    assert crossings(at, np.array(tree.edges)) == 0
    for v in range(13):
        below = [found[u][0] for u in tree.successors(v)]
        assert found[v][0] == pytest.approx(np.mean(below), abs=0.5)
    assert found[1][0] < found[2][0] < found[3][0]  # in the order that they were given in


def test_many_leaves_of_one_parent_take_several_rows():
    naive_bayes = nx.DiGraph([("class", f"feature_{i}") for i in range(40)])
    sizes = dict.fromkeys(naive_bayes, (70.0, 28.0))
    found = place(naive_bayes, sizes)
    assert_layered(naive_bayes, sizes, found)
    left, bottom, right, top = found.bounds(sizes)
    assert (right - left) / (top - bottom) < 6
    assert len({y for _, y in found.positions.values()}) == 5


@pytest.mark.parametrize("name", NAMED)
def test_published_networks(shared_data, name):
    p = published(shared_data, name)
    ax = draw(p)
    assert_clear(ax)
    assert len(ax.texts) == len(p.variables)
    assert all(text.get_fontsize() >= 9.9 for text in ax.texts)
    tips = np.array([h.get_xy()[0] for h in ax.patches if type(h).__name__ == "Polygon"])
    assert len(tips) == sum(len(p.parents(name)) for name in p.names)
    apart = np.hypot(*(tips[:, None] - tips[None]).transpose(2, 0, 1))
    assert apart[~np.eye(len(tips), dtype=bool)].min() > 6.5  # points; a head is 8 by 6.7
    graph = p.graph()
    sizes = {v: (shape.width, shape.height) for v, shape in shapes(graph).items()}
    found = place(graph, sizes)
    assert_layered(graph, sizes, found)
    assert_straight_where_possible(graph, sizes, found)
    if nx.is_weakly_connected(graph):  # early nodes to the left
        x = np.array([found.positions[v][0] for v in graph])
        assert np.arange(len(x)) @ (x - x.mean()) >= 0


def assert_straight_where_possible(graph, sizes, found):
    """An edge to the next row is straight unless it then came near a node."""
    rows = sorted({y for _, y in found.positions.values()}, reverse=True)
    at = np.array([found.positions[v] for v in graph])
    half = np.array([sizes[v] for v in graph]) / 2
    for (u, v), way in found.routes.items():
        steps = rows.index(found.positions[v][1]) - rows.index(found.positions[u][1])
        others = [k for k, node in enumerate(graph) if node not in (u, v)]
        line = np.linspace(way[0], way[-1], 200)
        near = (np.abs(line[:, None] - at[None, others]) - half[None, others]).max(axis=2).min()
        assert steps > 1 or near < 6 or len(way) == 2


def test_what_is_painted_keeps_clear_of_labels_and_ends_in_heads(shared_data):
    """Lines and heads of the figure itself, in pixels."""
    p = published(shared_data, "insurance")
    ax = draw(p, observed={"Age": "Adult"})
    _, labels = measured(ax)
    numbers = {name: i for i, name in enumerate(p.names)}
    ways = [patch for patch in ax.patches if not patch.get_gid()]
    heads = [patch for patch in ways if type(patch).__name__ == "Polygon"]
    assert 2 * len(heads) == len(ways) == 2 * p.graph().number_of_edges()
    boxes = np.array([labels[i] for i in range(len(labels))])
    for patch in ways:
        points = patch.get_transform().transform(patch.get_path().vertices)
        dense = np.concatenate([np.linspace(a, b, 20) for a, b in pairwise(points)])
        into = np.maximum(boxes[None, :, :2] - dense[:, None], dense[:, None] - boxes[None, :, 2:])
        assert into.max(axis=2).min() > 0
    shaded = [patch for patch in ax.patches if patch.get_gid() == f"node-{numbers['Age']}"]
    plain = [patch for patch in ax.patches if patch.get_gid() == f"node-{numbers['Theft']}"]
    assert shaded[0].get_facecolor() != plain[0].get_facecolor()
    assert "Age\n= Adult" in [text.get_text() for text in ax.texts]


def test_a_large_network_is_drawn(shared_data):
    graph = published(shared_data, "link").graph()
    sizes = dict.fromkeys(graph, (40.0, 28.0))
    found = place(graph, sizes)
    assert all(found.positions[u][1] > found.positions[v][1] for u, v in graph.edges)
    assert len(set(found.positions.values())) == len(graph)
    left, bottom, right, top = found.bounds(sizes)
    assert (right - left) / (top - bottom) < 10


# ---- which graph, and which layout ----------------------------------------------------


def sprinkler() -> BayesianNetwork:
    rain, grass, slip = (Variable(name, 2) for name in ("rain", "grass", "slip"))
    return BayesianNetwork(
        [
            ConditionalTable(rain, [], [0.7, 0.3]),
            ConditionalTable(grass, [rain], [[0.9, 0.1], [0.2, 0.8]]),
            ConditionalTable(slip, [rain, grass], np.full((2, 2, 2), 0.5)),
        ]
    )


def test_a_bayesian_network_shows_its_arrows_unless_another_kind_is_asked_for():
    p = sprinkler()

    def heads(ax):
        return sum(type(patch).__name__ == "Polygon" for patch in ax.patches)

    assert heads(draw(p)) == heads(draw(p, "directed")) == 3
    assert heads(draw(p, "induced")) == heads(draw(p, "moral")) == 0
    assert heads(draw(p.condition({"slip": 1}))) == 0
    assert len(draw(p, "factor").patches) > len(draw(p, "moral").patches)
    with pytest.raises(TypeError, match=r"no method graph\(\); BayesianNetwork, NaiveBayes"):
        draw(p.gibbs(), "directed")
    with pytest.raises(TypeError, match=r"no method moral_graph\(\); draw it with kind='induced'"):
        draw(p.gibbs(), "moral")


def test_a_chain_in_one_direction_stays_a_chain():
    """As in a hidden Markov model; but three variables below each other are layers."""
    hidden = nx.DiGraph([(f"h{i}", f"h{i + 1}") for i in range(5)])
    hidden.add_edges_from((f"h{i}", f"x{i}") for i in range(6))
    found = layout(hidden)
    assert len({found[f"h{i}"][1] for i in range(6)}) == 1
    assert [found[f"h{i}"][0] for i in range(6)] == sorted(found[f"h{i}"][0] for i in range(6))
    down = layout(hidden, how="layered")
    assert all(down[u][1] > down[v][1] for u, v in hidden.edges)
    short = layout(nx.DiGraph([("a", "b"), ("b", "c")]))
    assert short["a"][1] > short["b"][1] > short["c"][1]
    fork = nx.DiGraph([("a", "b"), ("c", "b"), ("c", "d"), ("e", "d"), ("e", "f")])
    assert len({y for _, y in layout(fork).values()}) == 2


def test_layers_need_directions_without_a_cycle():
    with pytest.raises(ValueError, match=r"edges of this graph have no direction"):
        draw(nx.path_graph(3), layout="layered")
    around = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a")])
    with pytest.raises(ValueError, match=r"go round in a -> b -> c -> a; layout=None finds"):
        draw(around, layout="layered")
    assert_clear(draw(around))


def test_formats_and_axes(tmp_path):
    p = sprinkler()
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        draw(p, path=tmp_path / f"net{suffix}", title="A network")
        assert (tmp_path / f"net{suffix}").read_bytes().startswith(start)
    ax = Figure(figsize=(2, 2)).add_subplot()
    assert_clear(draw(p, ax=ax, title="small"))
    assert_clear(draw(p, layout={"rain": (0, 0), "grass": (1, 1), "slip": (2, 0)}))
    assert_clear(draw(p, layout="force"))
