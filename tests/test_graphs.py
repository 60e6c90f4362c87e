"""Laws of the graphs of scopes, on random scopes: loops, parts, single variables, constants."""

from __future__ import annotations

import time
from itertools import combinations, pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.factor import Factor
from gibbsfactor.graphs import factor_graph, induced_graph, junction_tree
from gibbsfactor.variable import Variable

VARIABLES = tuple(Variable(f"x{i}", 2 + i % 2) for i in range(9))


def ones(*scope: Variable) -> Factor:
    return Factor(scope, np.ones([v.cardinality for v in scope]))


@st.composite
def models(draw: st.DrawFn) -> tuple[list[Factor], list[Variable]]:
    """Up to ten factors of up to four variables (constants too), and some loose variables."""
    scope = st.lists(st.sampled_from(VARIABLES), max_size=4, unique=True)
    factors = [ones(*chosen) for chosen in draw(st.lists(scope, max_size=10))]
    return factors, draw(st.lists(st.sampled_from(VARIABLES), max_size=3, unique=True))


def names_in(model: tuple[list[Factor], list[Variable]]) -> list[str]:
    factors, loose = model
    return list(
        dict.fromkeys(v.name for scope in [*(f.scope for f in factors), loose] for v in scope)
    )


@given(models())
def test_induced_edges_are_those_of_the_definition(model):
    factors, loose = model
    graph = induced_graph(factors, loose)
    assert list(graph) == names_in(model)
    for one, two in combinations(graph, 2):
        shared = tuple(i for i, f in enumerate(factors) if {one, two} <= set(f.names))
        assert graph.has_edge(one, two) == bool(shared)
        if shared:
            assert graph.edges[one, two]["factors"] == shared


@given(models())
def test_factor_graph_is_bipartite_and_complete(model):
    factors, loose = model
    graph = factor_graph(factors, loose)
    assert [n for n in graph if isinstance(n, str)] == names_in(model)
    assert {n for n, side in graph.nodes(data="bipartite") if side == 1} == set(range(len(factors)))
    for i, factor in enumerate(factors):
        assert graph.nodes[i]["factor"] is factor
        assert set(graph[i]) == set(factor.names)
    assert graph.number_of_edges() == sum(len(f.scope) for f in factors)


def assert_junction_tree(tree: nx.Graph, factors: list[Factor], names: list[str]) -> None:
    assert len(tree) == 0 or nx.is_forest(tree)
    for clique, data in tree.nodes(data=True):
        assert tuple(v.name for v in data["variables"]) == clique
        assert data["size"] == np.prod([v.cardinality for v in data["variables"]], dtype=int)
    for one, two in combinations(tree, 2):
        assert not set(one) <= set(two)
        assert not set(two) <= set(one)
    for one, two, data in tree.edges(data=True):
        assert set(data["sepset"]) == set(one) & set(two)
        assert data["weight"] == len(data["sepset"]) > 0
    for name in names:
        home = tree.subgraph([c for c in tree if name in c])
        assert len(home)
        assert nx.is_connected(home)
    assigned = sorted(i for _, held in tree.nodes(data="factors") for i in held)
    assert assigned == list(range(len(factors)))
    for clique, held in tree.nodes(data="factors"):
        assert all(set(factors[i].names) <= set(clique) for i in held)
    assert tree.graph["width"] == max((len(c) - 1 for c in tree if c), default=0)


@given(models(), st.randoms(use_true_random=False))
def test_junction_tree_laws_hold_for_any_order(model, random):
    factors, loose = model
    names = names_in(model)
    assert_junction_tree(junction_tree(factors, loose), factors, names)
    shuffled = random.sample(names, len(names))
    assert_junction_tree(junction_tree(factors, loose, order=shuffled), factors, names)


@given(models(), st.randoms(use_true_random=False))
def test_cliques_are_those_of_the_triangulated_graph(model, random):
    factors, loose = model
    filled = nx.Graph(induced_graph(factors, loose))
    order = random.sample(list(filled), len(filled))
    left = filled.copy()
    for name in order:  # elimination as the book plays it, one fill edge at a time
        fill = list(combinations(left[name], 2))
        left.add_edges_from(fill)
        filled.add_edges_from(fill)
        left.remove_node(name)
    expected = {frozenset(clique) for clique in nx.find_cliques(filled)} if filled else set()
    tree = junction_tree(factors, loose, order=order)
    assert {frozenset(clique) for clique in tree if clique} == expected
    parts = nx.number_connected_components(filled)
    assert tree.number_of_edges() == len(expected) - parts


def test_constants_alone_lie_in_a_clique_of_no_names():
    tree = junction_tree([Factor((), 2.0), Factor((), 3.0)])
    assert list(tree.nodes(data="factors")) == [((), (0, 1))]
    assert len(junction_tree([])) == len(induced_graph([])) == len(factor_graph([])) == 0


def test_observed_variables_are_marked_and_stay():
    weather, mood = Variable("weather", ["sun", "rain"]), Variable("mood", 2)
    for build in (induced_graph, factor_graph):
        graph = build([ones(weather, mood)], observed={"weather": "rain"})
        assert graph.nodes["weather"]["observed"]
        assert graph.nodes["weather"]["state"] == "rain"
        assert not graph.nodes["mood"]["observed"]
        assert graph.nodes["mood"]["state"] is None
        assert graph.nodes["mood"]["cardinality"] == 2


def test_errors_say_what_is_wrong():
    a, b = VARIABLES[:2]
    factor = ones(a, b)
    with pytest.raises(ValueError, match=r"no factor has; there are 2 variables: 'x0', 'x1'"):
        induced_graph([factor], observed={"x7": 0})
    with pytest.raises(ValueError, match=r"'x0' has no state 5; its states are 0, 1"):
        factor_graph([factor], observed={"x0": 5})
    with pytest.raises(ValueError, match=r"over \('x0', 'x1'\) gives 'x0' 2 states, but .* 7"):
        induced_graph([factor, ones(Variable("x0", 7))])
    with pytest.raises(ValueError, match=r"the list of variables gives it 4"):
        induced_graph([factor], variables=[Variable("x1", 4)])
    with pytest.raises(ValueError, match=r"1 names for 2 variables: it leaves out 'x1'"):
        junction_tree([factor], order=["x0"])
    with pytest.raises(ValueError, match=r"3 names for 2 variables: it repeats a name"):
        junction_tree([factor], order=["x0", "x1", "x0"])
    with pytest.raises(ValueError, match=r"it names 'y', which no factor has"):
        junction_tree([factor], order=["x0", "y"])
    with pytest.raises(TypeError, match="sequence of Factor; got 'x0'"):
        induced_graph(["x0"])
    with pytest.raises(TypeError, match="sequence of Variable; got 'x0'"):
        induced_graph([factor], variables=["x0"])


def test_a_long_chain_takes_linear_time():
    length = 100_000
    variables = [Variable(f"x{i}", 2) for i in range(length)]
    factors = [ones(one, two) for one, two in pairwise(variables)]
    names = [v.name for v in variables]
    start = time.process_time()
    tree = junction_tree(factors, order=names)
    assert time.process_time() - start < 20  # about one second; a quadratic step takes minutes
    assert len(tree) == tree.number_of_edges() + 1 == length - 1
    assert tree.graph["width"] == 1
