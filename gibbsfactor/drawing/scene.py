"""From what a user gives to the graph that is drawn: evidence marked, sepsets as nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import networkx as nx

MOST_NODES = 1000


METHODS = {
    "directed": "graph",
    "induced": "induced_graph",
    "moral": "moral_graph",
    "factor": "factor_graph",
    "junction": "junction_tree",
}


def graph_of(given: Any, kind: str | None) -> nx.Graph[Any]:
    """The graph to draw: the given one, or the one of that kind which a model gives.

    Without a kind it is the directed one of a model that has one, else the induced one.
    """
    if kind is not None and kind not in METHODS:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(map(repr, METHODS))}")
    if isinstance(given, nx.Graph):
        graph = given
    else:
        directed = kind is None and callable(getattr(given, METHODS["directed"], None))
        wanted = METHODS[kind or ("directed" if directed else "induced")]
        method = getattr(given, wanted, None)
        if not callable(method):
            raise TypeError(
                f"can't draw a {type(given).__name__}: it is not a networkx graph and has no "
                f"method {wanted}(){_instead(wanted)}"
            )
        graph = method()
    if len(graph) > MOST_NODES:
        raise ValueError(
            f"the graph has {len(graph)} nodes; a picture of more than {MOST_NODES} can't be "
            "read. Draw a part of it, such as graph.subgraph(names)"
        )
    return graph


def _instead(method: str) -> str:
    """What else to draw where a model's method is missing."""
    if method == "graph":
        return "; BayesianNetwork, NaiveBayes and HiddenMarkovModel have directed edges"
    if method == "moral_graph":
        return "; draw it with kind='induced'"
    return f"; for a list of factors draw {method}(factors)"


def check_known(names: Iterable[Any], graph: nx.Graph[Any], what: str) -> None:
    """Raise ValueError unless the graph has all the named nodes."""
    unknown = [v for v in names if v not in graph]
    if unknown:
        nodes = list(graph)
        shown = ", ".join(map(repr, nodes[:12])) + (", ..." if len(nodes) > 12 else "")
        raise ValueError(
            f"{what} names {', '.join(map(repr, unknown[:5]))}, which the graph has not; "
            f"its {len(nodes)} nodes are {shown}"
        )


def make_scene(
    graph: nx.Graph[Any], observed: Mapping[str, object] | Iterable[str] | None
) -> nx.Graph[Any]:
    """A copy in which the evidence is marked and sepsets are nodes on their edges."""
    scene: nx.Graph[Any] = nx.DiGraph() if graph.is_directed() else nx.Graph()
    scene.add_nodes_from((v, dict(data)) for v, data in graph.nodes(data=True))
    for u, v, data in graph.edges(data=True):
        if "sepset" not in data:
            scene.add_edge(u, v)
        else:
            middle = ("sepset", u, v)
            scene.add_node(middle, kind="sepset", names=tuple(data["sepset"]))
            scene.add_edge(u, middle)
            scene.add_edge(middle, v)
    if observed is not None:
        evidence = {observed: None} if isinstance(observed, str) else observed
        if graph.graph.get("kind") == "junction":
            raise ValueError(
                "observed marks variables, and a junction tree has cliques for its nodes; "
                "condition the model on the evidence and draw its junction tree"
            )
        check_known(evidence, scene, "observed")
        for name in evidence:
            state = evidence[name] if isinstance(evidence, Mapping) else None
            scene.nodes[name].update(observed=True, state=state)
    return scene


def with_sepsets(given: Mapping[Any, Sequence[float]], graph: nx.Graph[Any]) -> dict[Any, Any]:
    """Positions of the sepsets halfway between their cliques, where only cliques have any."""
    placed: dict[Any, Any] = dict(given)
    for v, data in graph.nodes(data=True):
        if data.get("kind") == "sepset" and v not in placed and v[1] in placed and v[2] in placed:
            one, two = placed[v[1]], placed[v[2]]
            placed[v] = ((one[0] + two[0]) / 2, (one[1] + two[1]) / 2)
    return placed
