"""Smallest separators, held against all sets: directed and undirected, including, restricted."""

from __future__ import annotations

from itertools import chain, combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor import BayesianNetwork, ConditionalTable, Factor, GibbsDistribution, Variable
from gibbsfactor.graphs import minimal_separator

is_d_separator = getattr(nx, "is_d_separator", None) or nx.d_separated


def subsets(nodes):
    return chain.from_iterable(combinations(sorted(nodes), k) for k in range(len(nodes) + 1))


def separates(graph, xs, ys, zs):
    if graph.is_directed():
        return is_d_separator(graph, xs, ys, zs)
    left = graph.subgraph(set(graph) - zs)
    return not any(nx.has_path(left, x, y) for x in xs for y in ys)


@st.composite
def problems(draw):
    n = draw(st.integers(2, 7))
    nodes = draw(st.permutations("ABCDEFG"[:n]))
    graph = (nx.DiGraph if draw(st.booleans()) else nx.Graph)()
    graph.add_nodes_from(nodes)
    pairs = list(combinations(nodes, 2))
    graph.add_edges_from(p for p in pairs if draw(st.integers(0, 9)) < 4)
    role = {v: draw(st.sampled_from("xyi....")) for v in nodes}
    role |= dict(zip(draw(st.permutations(nodes)), "xy", strict=False))
    sets = [{v for v in nodes if role[v] == r} for r in "xyi"]
    restricted = draw(st.none() | st.sets(st.sampled_from(nodes)))
    return graph, *sets, restricted


@given(problems())
def test_it_is_the_smallest_by_enumeration(problem):
    graph, xs, ys, included, restricted = problem
    free = (set(graph) if restricted is None else restricted) - xs - ys - included
    found = [len(zs) for zs in subsets(free) if separates(graph, xs, ys, included | set(zs))]
    if not found:
        with pytest.raises(ValueError, match=r"^no set separates '.*' from '"):
            minimal_separator(graph, xs, ys, included=included, restricted=restricted)
        return
    zs = minimal_separator(graph, xs, ys, included=included, restricted=restricted)
    assert included <= zs <= included | free
    assert separates(graph, xs, ys, zs)
    assert len(zs - included) == min(found)
    assert zs == minimal_separator(graph, xs, ys, included=included, restricted=restricted)


@pytest.mark.skipif(not hasattr(nx, "is_minimal_d_separator"), reason="networkx before 3.3")
@given(problems())
def test_it_is_minimal_by_networkx(problem):
    graph, xs, ys, included, restricted = problem
    if not graph.is_directed() or restricted is not None:
        return
    other = nx.find_minimal_d_separator(graph, xs, ys, included=included)
    if other is None:
        return
    zs = minimal_separator(graph, xs, ys, included=included)
    assert len(zs) <= len(other)
    assert nx.is_minimal_d_separator(graph, xs, ys, set(zs), included=included)


def test_a_bayesian_network_asks_its_graph():
    v = {n: Variable(n, 2) for n in "ABCDE"}
    parents = {"A": "", "B": "A", "C": "A", "D": "BC", "E": "D"}
    p = BayesianNetwork(
        ConditionalTable(v[n], [v[u] for u in above], np.full([2] * (len(above) + 1), 0.5))
        for n, above in parents.items()
    )
    assert p.minimal_separator("A", "D") == {"B", "C"}
    assert p.minimal_separator(v["A"], "E") == {"D"}
    assert p.minimal_separator("B", "C") == {"A"}
    assert p.minimal_separator(["A", "B"], ["E"], restricted=["D", "C"]) == {"D"}
    assert p.minimal_separator("A", "E", included="C") in ({"B", "C"}, {"C", "D"})
    with pytest.raises(ValueError, match="separates 'A' from 'B': an edge joins 'A' and 'B'"):
        p.minimal_separator("A", "B")
    with pytest.raises(ValueError, match="from 'C' that holds included='E'; allow other var"):
        p.minimal_separator("B", "C", included="E")
    with pytest.raises(
        ValueError, match="no set separates 'A' from 'D' within restricted='B'; allow other"
    ):
        p.minimal_separator("A", "D", restricted="B")
    with pytest.raises(ValueError, match="no variable 'F'; there are 'A', 'B', 'C', 'D', 'E'"):
        p.minimal_separator("A", "F")
    with pytest.raises(ValueError, match="'A' is in two of xs, ys and included; they are disjoint"):
        p.minimal_separator("A", "D", included=["A"])
    with pytest.raises(ValueError, match="one of the sets to separate is empty"):
        p.minimal_separator([], "D")


def test_a_markov_network_counts_what_is_observed():
    spins = {(i, j): Variable(f"s{i}{j}", 2) for i in range(3) for j in range(3)}
    pairs = [*((spins[i, j], spins[i, j + 1]) for i in range(3) for j in range(2))]
    pairs += [(spins[i, j], spins[i + 1, j]) for i in range(2) for j in range(3)]
    p = GibbsDistribution(Factor(pair, [[2, 1], [1, 2]]) for pair in pairs)
    zs = p.minimal_separator("s00", "s22")
    assert len(zs) == 2
    assert p.minimal_separator("s00", "s22", restricted=["s02", "s11", "s20"]) == {
        "s02",
        "s11",
        "s20",
    }
    q = p.condition({"s01": 0})
    assert q.minimal_separator("s00", "s22") == {"s10"}
    with pytest.raises(ValueError, match="'s01' is observed already, and so separates"):
        q.minimal_separator("s00", "s01")
    with pytest.raises(ValueError, match="an edge joins 's00' and 's10'"):
        q.minimal_separator("s00", "s10")
    # independent given the separator: P(x, y | z) = P(x | z) P(y | z)
    given_zs = p.condition(dict.fromkeys(zs, 1))
    joint = given_zs.marginal("s00", "s22").values
    np.testing.assert_allclose(joint, np.outer(joint.sum(1), joint.sum(0)), atol=1e-14)
