"""Graphs from and to networkx: whatever holds edges, relabelled nodes, files, Unicode forms."""

from __future__ import annotations

import datetime
import io
import json
import math
import pickle

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest

from gibbsfactor import (
    BayesianNetwork,
    CliqueTemplate,
    ConditionalTable,
    Factor,
    GibbsDistribution,
    LogLinearModel,
    Variable,
    draw,
)
from gibbsfactor.graphs import induced_graph, plain_graph
from gibbsfactor.models.log_linear import Edges, markov_templates

DATA = {"rain": [0, 0, 0, 1], "grass": [0, 1, 1, 1]}
EDGES = [("rain", "grass")]
NFC, NFD = "caf\u00e9", "cafe\u0301"


def edges(structure, data=DATA, **options):
    return list(BayesianNetwork.fit(structure, data, **options).graph().edges)


# ---- what holds edges ---------------------------------------------------------------------

MANY = nx.MultiDiGraph([*EDGES, *EDGES])
HELD = {
    "array": np.array(EDGES),
    "array of objects": np.array(EDGES, dtype=object),
    "lists": [["rain", "grass"]],
    "arrays": [np.array(["rain", "grass"])],
    "numpy strings": [(np.str_("rain"), np.str_("grass"))],
    "generator": (pair for pair in EDGES),
    "pandas": pd.DataFrame(EDGES),
    "pandas, the child first": pd.DataFrame({"target": ["grass"], "source": ["rain"]}),
    "bnlearn's arcs, the child first": pd.DataFrame({"to": ["grass"], "from": ["rain"]}),
    "polars": pl.DataFrame({"parent": ["rain"], "child": ["grass"]}),
    "networkx's edge list": nx.to_pandas_edgelist(nx.DiGraph(EDGES)),
    "edges of a graph": nx.DiGraph(EDGES).edges,
    "edges into nodes": nx.DiGraph(EDGES).in_edges,
    "multigraph": MANY,
    "edges of a multigraph": MANY.edges(),
    "reversed view": nx.DiGraph([("grass", "rain")]).reverse(copy=False),
    "part of a graph": nx.DiGraph([*EDGES, ("grass", "shoes")]).subgraph(["rain", "grass"]),
    "frozen": nx.freeze(nx.DiGraph(EDGES)),
    "adjacency matrix": nx.from_pandas_adjacency(
        pd.DataFrame([[0, 1], [0, 0]], list(DATA), list(DATA)), create_using=nx.DiGraph
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_edges_are_read_from(name):
    q = BayesianNetwork.fit(HELD[name], DATA)
    assert list(q.graph().edges) == EDGES
    assert all(type(v.name) is str for v in q.variables)


REFUSED = {
    "undirected graph": (nx.Graph(EDGES), "undirected graph; give a networkx.DiGraph or"),
    "its edges": (nx.Graph(EDGES).edges, "the edges of an undirected graph; give a networkx.DiG"),
    "those of a multigraph": (nx.MultiGraph(EDGES).edges, "the edges of an undirected graph"),
    "mapping": (
        {"rain": ["grass"]},
        r"a mapping, \{'rain': \['grass'\]\}; give \(parent, child\) pairs, or networkx.DiGraph",
    ),
    "sets": ([{"rain", "grass"}], r"the edge \{.*\}; give \(parent, child\) pairs"),
    "edges with keys": (MANY.edges, r"the edge \('rain', 'grass', 0\); give \(parent, child\)"),
    "numbers": (nx.DiGraph([(0, 1)]), r"the node 0; nodes are names .*relabel_nodes\(graph, str"),
    "tuples": (nx.DiGraph([((0, 0), (0, 1))]), r"the node \(0, 0\); nodes are names of variables"),
    "columns of pairs": (np.array([*EDGES] * 3).T, r"shape \(2, 3\); edges are .* \(edges, 2\)"),
    "a matrix": (np.zeros((3, 3)), r"shape \(3, 3\).*networkx.from_numpy_array\(array, create"),
    "weights": (
        pd.DataFrame({"source": ["rain"], "target": ["grass"], "weight": [2]}),
        r"the columns 'source', 'target', 'weight'; .* frame\[\['source', 'target'\]\]",
    ),
    "adjacency frame of two": (
        pd.DataFrame([[0, 1], [0, 0]], index=["a", "b"], columns=["a", "b"]),
        "the columns 'a', 'b'; .*networkx.from_pandas_adjacency",
    ),
    "adjacency frame": (
        pd.DataFrame(np.zeros((3, 3)), list("abc"), list("abc")),
        "the columns 'a', 'b', 'c'; .*networkx.from_pandas_adjacency",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_edges_are_not_read_from(name):
    structure, words = REFUSED[name]
    with pytest.raises(TypeError, match=words):
        BayesianNetwork.fit(structure, DATA)


@pytest.mark.parametrize(
    ("structure", "cycle"),
    [
        ([("a", "b"), ("b", "c"), ("c", "a")], "a -> b -> c -> a"),
        ([("a", "a")], "a -> a"),
        (nx.Graph([("a", "b")]).to_directed(), "a -> b -> a"),
    ],
)
def test_cycles_are_shown(structure, cycle):
    with pytest.raises(ValueError, match=f"in a directed cycle: {cycle}; a Bayesian"):
        BayesianNetwork.fit(structure, {"a": [0], "b": [0], "c": [0]})


# ---- log-linear models --------------------------------------------------------------------


def test_edges_of_any_graph_are_cliques():
    path = Edges(nx.path_graph(4))(None).tolist()
    parallel = nx.MultiGraph(nx.path_graph(4))
    parallel.add_edge(1, 2)
    named = nx.relabel_nodes(nx.path_graph(4), dict(enumerate("dbca")))
    for graph in (parallel, named, nx.path_graph(5).subgraph(range(4))):
        assert Edges(graph)(None).tolist() == path
    back = nx.DiGraph()
    back.add_nodes_from("abc")
    back.add_edges_from([("c", "b"), ("b", "a")])
    assert sorted(Edges(back)(None).tolist()) == [[1, 0], [2, 1]]
    with pytest.raises(ValueError, match="the graph has an edge from 1 to itself"):
        Edges(nx.Graph([(0, 1), (1, 1)]))(None)


def test_labels_by_node_may_be_in_any_order():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (30, 3))
    graph = nx.relabel_nodes(nx.path_graph(3), {0: 7, 1: "b", 2: (1, 2)})
    by_node = [dict(zip([(1, 2), "b", 7], y[::-1].tolist(), strict=True)) for y in labels]
    models = [LogLinearModel([CliqueTemplate(graph)]).fit(None, y) for y in (labels, by_node)]
    assert models[0].loss_ == models[1].loss_


def test_graphs_that_are_no_markov_network():
    with pytest.raises(TypeError, match=r"a directed graph; give networkx.moral_graph\(graph\)"):
        markov_templates(nx.DiGraph(EDGES))
    with pytest.raises(TypeError, match=r"the node 0; .*networkx.relabel_nodes\(graph, str\)"):
        markov_templates(nx.path_graph(3))
    family = markov_templates(nx.moral_graph(nx.DiGraph([("a", "c"), ("b", "c")])))
    assert [set(t.kinds) for t in family] == [{"a", "b", "c"}]


# ---- names and states ---------------------------------------------------------------------


def test_relabelled_nodes_are_what_they_are_called():
    p = BayesianNetwork.fit(EDGES, {"rain": [*"nnny"], "grass": [0, 1, 1, 1]})
    swapped = nx.relabel_nodes(p.graph(), {"rain": "grass", "grass": "rain"})
    data = {"grass": [*"nnny"], "rain": [0, 1, 1, 1]}
    q = BayesianNetwork.fit(swapped, data)
    assert list(q.graph().edges) == [("grass", "rain")]
    assert q.tables["rain"].parents == (Variable("grass", ["n", "y"]),)
    assert math.isclose(q.log_likelihood(data), -4.158883083, rel_tol=1e-9)


def test_a_variable_kept_on_a_node_gives_states_and_no_name():
    graph = nx.DiGraph(EDGES)
    graph.add_node("rain", variable=Variable("snow", 3))
    graph.add_node("grass", variable=None)
    assert BayesianNetwork.fit(graph, DATA).variables == (Variable("rain", 3), Variable("grass", 2))
    assert nx.utils.graphs_equal(graph, nx.DiGraph(graph))  # it was not changed


def test_states_on_a_node():
    graph = nx.DiGraph(EDGES)
    graph.add_node("rain", states=[1, 0])
    graph.add_node("grass", states="[0, 1, [2, 3]]")
    q = BayesianNetwork.fit(graph, DATA)
    assert q.variables == (Variable("rain", [1, 0]), Variable("grass", [0, 1, (2, 3)]))
    graph.add_node("rain", states="no,yes")
    with pytest.raises(ValueError, match="'rain' has the attribute states = 'no,yes'; expected a"):
        BayesianNetwork.fit(graph, DATA)


def test_states_of_a_variable_of_another_name():
    words = r"states= gives 'rain' the variable 'grass'; .* as in states=\{'rain': \[0, 1\]\}"
    with pytest.raises(ValueError, match=words):
        BayesianNetwork.fit(EDGES, DATA, states={"rain": Variable("grass", 2)})
    assert edges(EDGES, states={"rain": Variable("rain", 2)}) == EDGES


def test_any_states_of_a_network_are_kept():
    days = [datetime.date(2020, 1, d) for d in (1, 2)]
    p = BayesianNetwork([ConditionalTable(Variable("day", days), [], [0.5, 0.5])])
    assert "states" not in p.graph().nodes["day"]
    assert BayesianNetwork.fit(p, {"day": days[:1]}).variables == p.variables


FORMS = "'caf.{1,2}xe9' and 'cafe.{1,2}u0301', which are two Unicode forms of the same text"


def test_two_forms_of_one_text_are_not_two_variables():
    one, two = Variable(NFC, 2), Variable(NFD, 2)
    factor = Factor([one, two], np.ones((2, 2)))
    with pytest.raises(ValueError, match=f"the distribution has the variables {FORMS}"):
        GibbsDistribution([factor])
    with pytest.raises(ValueError, match=f"the factors have the variables {FORMS}"):
        induced_graph([factor])
    with pytest.raises(ValueError, match=f"the structure has the variables {FORMS}"):
        BayesianNetwork.fit([(NFC, NFD)], {NFC: [0], NFD: [0]})


def test_two_forms_of_one_text_are_not_two_states():
    with pytest.raises(ValueError, match=f"variable 'a' has the states {FORMS}"):
        Variable("a", [NFC, NFD])
    with pytest.raises(ValueError, match=r"variable 'a' has the states 'cafe.{1,2}u0301' and 'caf"):
        BayesianNetwork.fit([("a", "b")], {"a": [NFC, NFD], "b": [0, 1]})
    assert Variable("a", [NFC, "cafe", "\u00e9", "e"]).cardinality == 4


def test_the_other_form_of_a_known_text_is_told():
    other = "'cafe.{1,2}u0301' is another Unicode form of 'caf.{1,2}xe9'"
    p = BayesianNetwork([ConditionalTable(Variable(NFC, [NFC, "tea"]), [], [0.5, 0.5])])
    for ask in (
        lambda: p.condition({NFC: NFD}),
        lambda: p.marginal(NFD),
        lambda: p.parents(NFD),
        lambda: p.log_likelihood({NFD: ["tea"]}),
        lambda: p.log_likelihood({NFC: [NFD]}),
    ):
        with pytest.raises(ValueError, match=other):
            ask()
    words = "no entry for 'caf.'.*'caf.{1,2}xe9' is another Unicode form of 'cafe.{1,2}u0301'"
    with pytest.raises(ValueError, match=words):
        BayesianNetwork.fit([(NFC, "b")], {NFD: [0], "b": [0]})


# ---- files --------------------------------------------------------------------------------


def written_and_read(graph, how):
    if how == "node_link":
        return nx.node_link_graph(
            json.loads(json.dumps(nx.node_link_data(graph, edges="edges"))), edges="edges"
        )
    if how == "adjacency":
        return nx.adjacency_graph(json.loads(json.dumps(nx.adjacency_data(graph))))
    if how == "pickle":
        return pickle.loads(pickle.dumps(graph))
    file = io.BytesIO()
    getattr(nx, f"write_{how}")(graph, file)
    file.seek(0)
    return getattr(nx, f"read_{how}")(file)


WAYS = ["node_link", "adjacency", "pickle", "graphml", "gexf", "gml"]
ODD = Variable('r\u00e9 "x" <&>', ["no", 'y\u00e9s, "q"', "\\"])
NUMBERS = Variable("b_$^\\", [3, 1, 2])
NETWORK = BayesianNetwork(
    [
        ConditionalTable(NUMBERS, [ODD], np.full((3, 3), 1 / 3)),
        ConditionalTable(ODD, [], [0.5, 0.25, 0.25]),
    ]
)


@pytest.mark.parametrize("how", WAYS)
def test_a_network_s_graph_is_written_and_read(how):
    graph = written_and_read(NETWORK.graph(), how)
    q = BayesianNetwork.fit(graph, NETWORK.sample(5, 0))
    assert q.variables == NETWORK.variables
    assert set(q.graph().edges) == set(NETWORK.graph().edges)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("kind", ["moral_graph", "factor_graph", "junction_tree"])
def test_plain_graphs_are_written_and_read(kind, how):
    p = NETWORK.gibbs() if kind != "moral_graph" else NETWORK
    graph = getattr(p, kind)()
    again = written_and_read(plain_graph(graph), how)
    assert (len(again), again.number_of_edges()) == (len(graph), graph.number_of_edges())
    if kind == "junction_tree":
        assert sorted(sorted(json.loads(v)) for v in again) == sorted(map(sorted, graph))


def test_what_is_observed_is_plain_too():
    p = NETWORK.condition({ODD.name: "no"})
    graph = plain_graph(p.factor_graph())
    assert graph.nodes[0] == {"kind": "factor", "bipartite": 1}
    dated = Variable("day", [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)])
    seen = plain_graph(induced_graph([Factor(dated, [1, 2])], observed={"day": dated.states[1]}))
    assert seen.nodes["day"]["state"] == "2020-01-02"
    assert "states" not in seen.nodes["day"]


# ---- pictures -----------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["a $\\frac{ b $", "Costs in $ (k$)", "x_{y^", "two\nlines \\"])
def test_titles_and_names_are_plain_text(title, tmp_path):
    p = GibbsDistribution([Factor([Variable(title, [title, "b"]), Variable("b", 2)], np.eye(2))])
    for kind in ("induced", "factor", "junction"):
        ax = draw(p, kind, title=title, path=tmp_path / "x.svg")
        texts = [ax.title, *ax.texts]
        assert not any(text.get_parse_math() for text in texts)
        assert ax.get_title() == title
    ax = draw(p, observed={title: title}, title=title, path=tmp_path / "x.pdf")
    assert f"{title}\n= {title}" in {text.get_text() for text in ax.texts}
