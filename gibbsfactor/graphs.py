"""Graphs of scopes: who shares a factor with whom. No table is ever read.

Three views of P(x) = (1/Z) prod_k phi_k(x_k), each a networkx graph:

- `induced_graph`: an edge where two variables share a factor (the Markov network);
- `factor_graph`: variables on one side, factors on the other;
- `junction_tree`: cliques of the triangulated induced graph, joined through sepsets.

`minimal_separator` asks one of them, or a directed graph, what makes variables independent;
`plain_graph` makes it fit for files.

Letters below: v a variable's number, C(v) the clique that its elimination makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product
from math import prod
from typing import Any, TypeVar

import networkx as nx
import numpy as np

from gibbsfactor.errors import suggested
from gibbsfactor.exact.order import elimination_order
from gibbsfactor.factor import Factor
from gibbsfactor.variable import Assignment, Variable, check_agreement, check_forms

AnyGraph = TypeVar("AnyGraph", bound="nx.Graph[Any]")

__all__ = ["factor_graph", "induced_graph", "junction_tree", "minimal_separator", "plain_graph"]


def induced_graph(
    factors: Iterable[Factor],
    variables: Iterable[Variable] = (),
    observed: Assignment | None = None,
) -> nx.Graph[str]:
    """Markov network that the factors induce: an edge where two variables share a factor.

    Parameters
    ----------
    factors : iterable of Factor
    variables : iterable of Variable
        More variables, for those that may be in no factor.
    observed : mapping {name: state}, optional
        Evidence to mark on the nodes; none of them is removed.

    Returns
    -------
    networkx.Graph
        Nodes are names, in the order of first appearance, with the attributes ``kind``
        ("variable"), ``variable``, ``cardinality``, ``observed`` and ``state``. Edges
        carry ``factors``, the positions of the factors that hold both ends.

    Raises
    ------
    ValueError
        If factors disagree on a variable's states, or ``observed`` names a variable or a
        state that does not exist.

    Source: Koller & Friedman (2009), definition 4.4.

    Examples
    --------
    >>> a, b, c = (Variable(name, 2) for name in "ABC")
    >>> graph = induced_graph([Factor([a, b], [[1, 2], [2, 1]]), Factor([b, c], [[3, 1], [1, 3]])])
    >>> list(graph.edges(data="factors"))
    [('A', 'B', (0,)), ('B', 'C', (1,))]
    """
    factors = tuple(factors)
    graph: nx.Graph[str] = nx.Graph(kind="induced")
    _add_variables(graph, _known_variables(factors, variables), observed)
    for i, factor in enumerate(factors):
        for one, two in combinations(factor.names, 2):
            shared = graph.edges[one, two]["factors"] if graph.has_edge(one, two) else ()
            graph.add_edge(one, two, factors=(*shared, i))
    return graph


def factor_graph(
    factors: Iterable[Factor],
    variables: Iterable[Variable] = (),
    observed: Assignment | None = None,
) -> nx.Graph[str | int]:
    """Bipartite graph of variables and factors: an edge where a factor's scope has a variable.

    Parameters
    ----------
    factors, variables, observed
        As for `induced_graph`.

    Returns
    -------
    networkx.Graph
        Variables are nodes as in `induced_graph`, with ``bipartite`` 0. Factor i is the
        node i, with the attributes ``kind`` ("factor"), ``factor`` and ``bipartite`` 1.

    Raises
    ------
    ValueError
        As for `induced_graph`.

    Source: Kschischang, Frey & Loeliger (2001), Factor graphs and the sum-product
    algorithm, section II.

    Examples
    --------
    >>> a, b = Variable("A", 2), Variable("B", 2)
    >>> graph = factor_graph([Factor(a, [1, 3]), Factor([a, b], [[1, 2], [2, 1]])])
    >>> list(graph.edges)
    [('A', 0), ('A', 1), ('B', 1)]
    """
    factors = tuple(factors)
    graph: nx.Graph[str | int] = nx.Graph(kind="factor")
    _add_variables(graph, _known_variables(factors, variables), observed, bipartite=0)
    for i, factor in enumerate(factors):
        graph.add_node(i, kind="factor", factor=factor, bipartite=1)
        graph.add_edges_from((name, i) for name in factor.names)
    return graph


def junction_tree(
    factors: Iterable[Factor],
    variables: Iterable[Variable] = (),
    order: Sequence[str] | None = None,
) -> nx.Graph[tuple[str, ...]]:
    """Junction tree of the induced graph, triangulated by an elimination order.

    Parameters
    ----------
    factors, variables
        As for `induced_graph`.
    order : sequence of names, optional
        Every variable once, in the order of elimination; min-fill's order otherwise.

    Returns
    -------
    networkx.Graph
        A forest, one tree for each connected part, with the running intersection property.
        Nodes are the maximal cliques as tuples of names, with the attributes ``kind``
        ("clique"), ``variables``, ``size`` (entries of its table) and ``factors`` (positions
        of those assigned to it; every factor is in one clique, constants in the first).
        Edges carry ``sepset``, the names common to both ends, and ``weight``, how many.
        The graph attribute ``width`` is the largest clique's size less one. Without a
        variable, constant factors lie in one clique of no names.

    Raises
    ------
    ValueError
        If factors disagree on a variable's states, or ``order`` is not one of all variables.

    Notes
    -----
    Eliminating v makes the clique C(v) = {v} and its neighbours then; they go to the first
    of those neighbours to be eliminated, v's parent. C(p) lies within C(v) for a child v of
    p exactly if |C(v)| = |C(p)| + 1, so the maximal cliques and the tree fall out of one
    pass, in time linear in the sizes of all C(v).

    Source: Koller & Friedman (2009), section 10.4; Blair & Peyton (1993), An introduction
    to chordal graphs and clique trees, section 4.

    Examples
    --------
    >>> a, b, c = (Variable(name, 2) for name in "ABC")
    >>> tree = junction_tree([Factor([a, b], [[1, 2], [2, 1]]), Factor([b, c], [[3, 1], [1, 3]])])
    >>> sorted(tree)
    [('A', 'B'), ('B', 'C')]
    >>> [sepset for _, _, sepset in tree.edges(data="sepset")]
    [('B',)]
    >>> tree.graph["width"]
    1
    """
    factors = tuple(factors)
    known = _known_variables(factors, variables)
    names = list(known)
    number = {name: v for v, name in enumerate(names)}
    scopes = [tuple(number[name] for name in factor.names) for factor in factors]
    if order is None:
        sequence = elimination_order(scopes, [known[name].cardinality for name in names])
    else:
        sequence = _numbered_order(order, number)
    cliques, home, links = _clique_tree(len(names), scopes, sequence)

    tree: nx.Graph[tuple[str, ...]] = nx.Graph(kind="junction", width=0)
    node: dict[int, tuple[str, ...]] = {}
    for v, clique in cliques.items():
        node[v] = tuple(names[u] for u in clique)
        members = tuple(known[name] for name in node[v])
        size = prod(u.cardinality for u in members)
        tree.add_node(node[v], kind="clique", variables=members, size=size, factors=())
        tree.graph["width"] = max(tree.graph["width"], len(members) - 1)
    for v, parent, shared in links:
        sepset = tuple(names[u] for u in shared)
        tree.add_edge(node[v], node[parent], sepset=sepset, weight=len(sepset))
    _assign_factors(tree, scopes, sequence, {v: node[h] for v, h in home.items()})
    return tree


def minimal_separator(
    graph: nx.Graph[Any],
    xs: Iterable[Any],
    ys: Iterable[Any],
    *,
    included: Iterable[Any] = (),
    restricted: Iterable[Any] | None = None,
) -> frozenset[Any]:
    """Smallest set of nodes that separates two sets of nodes; none of it can be spared.

    In an undirected graph every path from xs to ys goes through the set, which is a minimum vertex
    cut; in a directed acyclic graph the set d-separates xs and ys, which is the same in the moral
    graph of their ancestors. Variables are then independent given those of the set.

    Parameters
    ----------
    graph : networkx.Graph or networkx.DiGraph
    xs, ys : iterables of nodes
        Two disjoint sets, neither empty.
    included : iterable of nodes
        To be in the set in any case, such as what is observed anyway. It is the others that can't
        be spared.
    restricted : iterable of nodes, optional
        The nodes of which the set may consist, such as what can be observed, besides those
        included; all others unless given.

    Returns
    -------
    frozenset
        Nodes; empty if nothing is needed. Of several smallest sets it is one, the same every time.

    Raises
    ------
    ValueError
        If a node is unknown or in two of xs, ys and included, xs or ys is empty, or there is no
        such set, as where an edge joins xs and ys.

    Notes
    -----
    Source: Acid & de Campos (1996), An algorithm for finding minimum d-separating sets in belief
    networks; Tian, Paz & Pearl (1998), Finding minimal d-separators.

    Examples
    --------
    >>> ring = nx.cycle_graph("ABCDEF")
    >>> sorted(minimal_separator(ring, "A", "C"))
    ['B', 'D']
    >>> sorted(minimal_separator(ring, "A", "C", restricted="BEF"))
    ['B', 'E']
    >>> collider = nx.DiGraph(["AC", "BC", "CD"])
    >>> minimal_separator(collider, "A", "B"), minimal_separator(collider, "A", "D")
    (frozenset(), frozenset({'C'}))
    """
    sets = [_nodes_of(graph, nodes) for nodes in (xs, ys, included)]
    allowed = None if restricted is None else _nodes_of(graph, restricted)
    sources, targets, given = sets
    if not (sources and targets):
        raise ValueError("one of the sets to separate is empty; name at least one variable")
    for one, other in combinations(sets, 2):
        if one & other:
            raise ValueError(
                f"{_listed_set(one & other)} is in two of xs, ys and included; they "
                "are disjoint sets"
            )
    number = {node: i for i, node in enumerate(graph)}  # hashes of strings are not the same always
    around = graph
    if isinstance(graph, nx.DiGraph):
        ends = sources | targets | given
        ancestors = ends.union(*(nx.ancestors(graph, node) for node in ends))
        around = nx.moral_graph(graph.subgraph(ancestors))
    left = around.subgraph(set(around) - given)
    plain: nx.Graph[int] = nx.Graph()
    plain.add_nodes_from(sorted(number[node] for node in left))
    ends_of = [sorted((number[edge[0]], number[edge[1]])) for edge in left.edges]
    plain.add_edges_from((u, v) for u, v in sorted(ends_of))
    for node in left:  # what may not be observed joins its neighbours
        if allowed is not None and node not in allowed | sources | targets:
            neighbours = sorted(plain[number[node]])
            plain.remove_node(number[node])
            plain.add_edges_from(combinations(neighbours, 2))
    start, end = -1, -2
    for name, nodes in ((start, sources), (end, targets)):
        members = sorted(number[node] for node in nodes)
        plain.add_edges_from([(name, v) for u in members for v in sorted(plain[u])])
        plain.add_node(name)
        plain.remove_nodes_from(members)
    if plain.has_edge(start, end):
        raise ValueError(
            _why_inseparable(
                graph, sources, targets, given, None if restricted is None else allowed
            )
        )
    if not nx.has_path(plain, start, end):
        return frozenset(given)
    cut = nx.minimum_node_cut(plain, start, end)
    return frozenset(given | {node for node in graph if number[node] in cut})


def _nodes_of(graph: nx.Graph[Any], nodes: Iterable[Any]) -> set[Any]:
    found = set(nodes)
    unknown = [node for node in found if node not in graph]
    if unknown:
        raise ValueError(
            f"no variable {_shown(unknown)}; there are {_shown(graph)}"
            f"{suggested(unknown[0], list(graph))}"
        )
    return found


def _why_inseparable(
    graph: nx.Graph[Any],
    sources: set[Any],
    targets: set[Any],
    given: set[Any],
    restricted: set[Any] | None,
) -> str:
    what = f"no set separates {_listed_set(sources)} from {_listed_set(targets)}"
    for u, v in sorted(product(sources, targets), key=str):
        if graph.has_edge(u, v) or graph.has_edge(v, u):
            return f"{what}: an edge joins {u!r} and {v!r}"
    held = f" that holds included={_listed_set(given)}" if given else ""
    within = "" if restricted is None else f" within restricted={_listed_set(restricted)}"
    return f"{what}{held}{within}; allow other variables in it"


def _listed_set(nodes: set[Any]) -> str:
    return _shown(sorted(nodes, key=str)) or "()"


def plain_graph(graph: AnyGraph) -> AnyGraph:
    """Copy of a graph with nothing but texts and numbers in it, as networkx's writers need.

    So ``node_link_data`` for JSON, ``write_graphml``, ``write_gexf`` and ``write_gml`` take it.

    Parameters
    ----------
    graph : networkx.Graph
        One of this module's, or any other, directed or not.

    Returns
    -------
    networkx.Graph
        Nodes and edges as before; nodes that are tuples, such as cliques, are JSON text. So are
        attributes that are lists or tuples of texts and numbers. The attribute ``variable``
        becomes ``states``, the JSON text of its labels, from which `BayesianNetwork.fit` reads
        them back. None, factors, and states that JSON has no form for are left out.

    Examples
    --------
    >>> a, b = Variable("A", ["no", "yes"]), Variable("B", 2)
    >>> graph = plain_graph(induced_graph([Factor([a, b], [[1, 2], [2, 1]])]))
    >>> graph.nodes["A"]
    {'kind': 'variable', 'states': '["no", "yes"]', 'cardinality': 2, 'observed': False}
    >>> graph.edges["A", "B"]
    {'factors': '[0]'}
    """
    plain = type(graph)()
    name = {v: (_json(list(v)) or str(v)) if isinstance(v, tuple) else v for v in graph}
    plain.graph.update(_plain_attributes(graph.graph))
    plain.add_nodes_from((name[n], _plain_attributes(data)) for n, data in graph.nodes(data=True))
    # a node's predecessors in their order, which is that of its table's axes
    edges: Any = graph.in_edges if isinstance(graph, nx.DiGraph) else graph.edges
    plain.add_edges_from((name[u], name[v], _plain_attributes(d)) for u, v, d in edges(data=True))
    return plain


def _plain_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in attributes.items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, Variable):
            key, value = "states", _json(list(value.states))
        elif isinstance(value, list | tuple):
            value = _json(list(value))
        elif type(value) not in (str, int, float, bool):
            value = str(value) if key == "state" and value is not None else None
        if value is not None:
            plain[key] = value
    return plain


def _json(labels: list[Any]) -> str | None:
    """The JSON text of labels, unless they would come back as others."""
    try:
        text = json.dumps(labels, ensure_ascii=False)
    except (TypeError, ValueError):
        return None
    return text if labels_from_json(text) == labels else None


def labels_from_json(text: str) -> list[Any]:
    """The labels of a JSON text, such as the attribute ``states``; lists within are tuples.

    Raises
    ------
    ValueError
        If it is not the JSON text of a list.

    Examples
    --------
    >>> labels_from_json('[[0, "a"], null]')
    [(0, 'a'), None]
    """
    labels = json.loads(text)
    if not isinstance(labels, list):
        raise ValueError(f"{text:.60} is not the JSON text of a list")
    return [_hashable(label) for label in labels]


def _hashable(label: Any) -> Any:
    return tuple(map(_hashable, label)) if isinstance(label, list) else label


# ---- variables ------------------------------------------------------------------------


def _known_variables(
    factors: Sequence[Factor], variables: Iterable[Variable]
) -> dict[str, Variable]:
    """Every variable by name, in the order of first appearance."""
    known: dict[str, Variable] = {}
    where: dict[str, Factor | None] = {}

    def say(factor: Factor | None) -> str:
        return "the list of variables" if factor is None else f"factor over {factor.names}"

    def meet(v: Variable, factor: Factor | None) -> None:
        first = known.setdefault(v.name, v)
        if first is v:
            where.setdefault(v.name, factor)
        elif first.states != v.states:
            check_agreement(first, v, say(where[v.name]), say(factor))

    for factor in factors:
        if not isinstance(factor, Factor):
            raise TypeError(f"factors are a sequence of Factor; got {factor!r} in it")
        for v in factor.scope:
            meet(v, factor)
    for v in variables:
        if not isinstance(v, Variable):
            raise TypeError(f"variables are a sequence of Variable; got {v!r} in it")
        meet(v, None)
    check_forms(known, "the factors have the variables")
    return known


def _add_variables(
    graph: nx.Graph[Any],
    known: dict[str, Variable],
    observed: Assignment | None,
    **attributes: object,
) -> None:
    evidence = {} if observed is None else dict(observed)
    unknown = [name for name in evidence if name not in known]
    if unknown:
        raise ValueError(
            f"observed gives a state to {', '.join(map(repr, unknown))}, which no factor has; "
            f"there are {len(known)} variables: {_shown(known)}"
        )
    for name, state in evidence.items():
        known[name].index(state)
    for name, v in known.items():
        graph.add_node(
            name,
            kind="variable",
            variable=v,
            cardinality=v.cardinality,
            observed=name in evidence,
            state=evidence.get(name),
            **attributes,
        )


def _shown(names: Iterable[str], most: int = 12) -> str:
    listed = list(names)
    return ", ".join(map(repr, listed[:most])) + (", ..." if len(listed) > most else "")


# ---- cliques --------------------------------------------------------------------------


def _numbered_order(order: Sequence[str], number: dict[str, int]) -> list[int]:
    given = [order] if isinstance(order, str) else list(order)
    unknown = [name for name in given if name not in number]
    missing = sorted(number.keys() - given, key=number.__getitem__)
    if unknown or missing or len(given) != len(number):
        wrong = (
            f"it names {_shown(unknown)}, which no factor has"
            if unknown
            else f"it leaves out {_shown(missing)}"
            if missing
            else "it repeats a name"
        )
        raise ValueError(
            f"the elimination order has {len(given)} names for {len(number)} variables: "
            f"{wrong}; name every variable once"
        )
    return [number[name] for name in given]


def _clique_tree(
    count: int, scopes: Sequence[tuple[int, ...]], sequence: Sequence[int]
) -> tuple[dict[int, list[int]], dict[int, int], list[tuple[int, int, list[int]]]]:
    """Maximal cliques by representative, each variable's home clique, and the links.

    C(v) lies within the clique of ``home[v]``. A link is (representative, the one it hangs
    on, their sepset).
    """
    turn = [0] * count
    for t, v in enumerate(sequence):
        turn[v] = t
    later: list[set[int]] = [set() for _ in range(count)]  # C(v) without v
    for scope in scopes:
        if scope:
            later[min(scope, key=turn.__getitem__)].update(scope)

    cliques: dict[int, list[int]] = {}
    home: dict[int, int] = {}
    last: dict[int, int] = {}  # the last variable whose C(v) a maximal clique took in
    parents: dict[int, int] = {}
    widest: dict[int, int] = {}  # the child with the largest clique
    for v in sequence:
        later[v].discard(v)
        child = widest.get(v)
        if child is not None and len(later[child]) == len(later[v]) + 1:
            home[v] = home[child]
        else:
            home[v] = v
            cliques[v] = sorted((v, *later[v]))
        last[home[v]] = v
        if later[v]:
            parents[v] = parent = min(later[v], key=turn.__getitem__)
            later[parent] |= later[v]
            rival = widest.setdefault(parent, v)
            if len(later[v]) > len(later[rival]):
                widest[parent] = v
    links = [(v, home[parents[u]], sorted(later[u])) for v, u in last.items() if u in parents]
    return cliques, home, links


def _assign_factors(
    tree: nx.Graph[tuple[str, ...]],
    scopes: Sequence[tuple[int, ...]],
    sequence: Sequence[int],
    home: dict[int, tuple[str, ...]],
) -> None:
    """Give each factor to the clique that its first variable to go is at home in."""
    turn = {v: t for t, v in enumerate(sequence)}
    if scopes and not home:
        tree.add_node((), kind="clique", variables=(), size=1, factors=())
    assigned: dict[tuple[str, ...], list[int]] = {clique: [] for clique in tree}
    first = next(iter(assigned), ())
    for i, scope in enumerate(scopes):
        clique = home[min(scope, key=turn.__getitem__)] if scope else first
        assigned[clique].append(i)
    nx.set_node_attributes(tree, {c: tuple(held) for c, held in assigned.items()}, "factors")
