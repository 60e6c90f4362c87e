"""The structure that tables are learned for: a directed graph, its variables and its families.

A family is a variable with its parents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
from networkx.classes.reportviews import EdgeView, MultiEdgeView, OutEdgeView

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import IntractableError, listed, suggested
from gibbsfactor.graphs import labels_from_json
from gibbsfactor.rows import Columns
from gibbsfactor.variable import Variable, check_agreement, check_forms, name_of

MOST_CELLS = 2**28  # of one table: 2 GiB


def read_structure(structure: Any) -> nx.DiGraph[str]:
    """A directed graph over names, from one, from (parent, child) pairs, or a table of them.

    A node is a name or a variable. What is known of its states ends as the node attribute
    ``variable``: that of the node itself, of its attribute ``variable``, or of ``states``. Its
    name is the node's own, whatever the attribute was called before nodes were relabelled.

    Raises
    ------
    TypeError
        If the graph is undirected, a node is not a name, or an edge is not a pair.
    ValueError
        If a node's attribute ``states`` can't be read, or two names look the same.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()

    def add(node: object) -> str:
        name = name_of(node) if isinstance(node, str | Variable) else None
        if name is None:
            raise TypeError(
                f"the structure has the node {node!r:.60}; nodes are names of variables, which are "
                "strings. networkx.relabel_nodes(graph, str) makes names of other nodes"
            )
        graph.add_node(str(name), **({"variable": node} if isinstance(node, Variable) else {}))
        return str(name)

    if isinstance(structure, nx.Graph):
        given: Any = structure
        if not given.is_directed():
            raise TypeError(f"the structure is an undirected graph{_UNDIRECTED}")
        for node, attributes in given.nodes(data=True):
            name = add(node)
            known = _known_variable(name, attributes)
            graph.add_node(name, **({} if known is None else {"variable": known}))
        edges = [(u, v) for v in given for u in given.pred[v]]  # parents in their order
    else:
        edges = _pairs(structure)
    for edge in edges:
        if isinstance(edge, str) or not isinstance(edge, Sequence) or len(edge) != 2:
            raise TypeError(f"the structure has the edge {edge!r:.60}; give (parent, child) pairs")
        graph.add_edge(add(edge[0]), add(edge[1]))
    check_forms(graph, "the structure has the variables")
    return graph


_UNDIRECTED = "; give a networkx.DiGraph or (parent, child) pairs, which say who is the parent"


def _pairs(structure: Any) -> list[Any]:
    """Edges as they were given: pairs, an array of two columns, or a data frame of two."""
    if isinstance(structure, EdgeView | MultiEdgeView):
        raise TypeError(f"the structure is the edges of an undirected graph{_UNDIRECTED}")
    if isinstance(structure, Mapping) and not isinstance(structure, OutEdgeView):
        raise TypeError(
            f"the structure is a mapping, {structure!r:.60}; give (parent, child) pairs, or "
            "networkx.DiGraph(structure), which takes {parent: [child, ...]}"
        )
    if hasattr(structure, "columns"):
        names = list(structure.columns)
        if len(names) != 2 or list(getattr(structure, "index", ())) == names:
            raise TypeError(
                f"the structure is a data frame of the columns {listed(names)}; a table of edges "
                "has two, parents and children, as frame[['source', 'target']]. A frame that is an "
                "adjacency matrix is read by networkx.from_pandas_adjacency(frame, "
                "create_using=networkx.DiGraph)"
            )
        backwards = any({one, two} == set(names) and names[0] == two for one, two in _DIRECTIONS)
        parents, children = (structure[name] for name in (names[::-1] if backwards else names))
        return list(zip(parents, children, strict=True))
    if isinstance(structure, np.ndarray):
        if structure.ndim != 2 or structure.shape[1] != 2:
            raise TypeError(
                f"the structure is an array of shape {structure.shape}; edges are an array of "
                "shape (edges, 2), a parent and a child in each row. An adjacency matrix is read "
                "by networkx.from_numpy_array(array, create_using=networkx.DiGraph)"
            )
        return list(map(tuple, structure.tolist()))
    if not isinstance(structure, Iterable) or isinstance(structure, str):
        raise TypeError(
            "the structure is a networkx.DiGraph, a BayesianNetwork or (parent, child) pairs; "
            f"got {structure!r:.60}"
        )
    return [edge.tolist() if isinstance(edge, np.ndarray) else edge for edge in structure]


_DIRECTIONS = (("source", "target"), ("from", "to"), ("parent", "child"))
"""What columns of edges are called, the parents' first; other names go by their order."""


def _known_variable(name: str, attributes: Mapping[str, Any]) -> Variable | None:
    """The variable of a node by what its attributes say of its states."""
    known = attributes.get("variable")
    if isinstance(known, Variable):
        return known if known.name == name else Variable(name, known.states)
    states = attributes.get("states")
    if isinstance(states, str):
        with suppress(ValueError):  # what is no JSON is told below
            states = labels_from_json(states)
    if states is None:
        return None
    if not isinstance(states, list | tuple | int):
        raise ValueError(
            f"node {name!r} has the attribute states = {states!r:.60}; expected a list of labels, "
            'or its JSON text, as \'["low", "high"]\''
        )
    return Variable(name, states)


def variables_of(
    graph: nx.DiGraph[str], columns: Columns, states: object = None
) -> dict[str, Variable]:
    """The graph's variables, with states as said, else as the graph knows them, else as they occur.

    Raises
    ------
    ValueError
        If ``states`` names a variable that is not in the graph, gives one a variable of another
        name, or nobody knows the states of one.
    """
    known: dict[str, Variable] = {}
    known.update((n, v) for n, v in graph.nodes(data="variable") if isinstance(v, Variable))
    said: Any = {} if states is None else states
    if not isinstance(said, Mapping):
        said = {name_of(v): v for v in said}
    for key, given in said.items():
        name = name_of(key)
        if name not in graph:
            raise ValueError(
                f"states= names {name!r}, but the structure does not; it has {listed(list(graph))}"
            )
        if isinstance(given, Variable) and given.name != name:
            raise ValueError(
                f"states= gives {name!r} the variable {given.name!r}; give it its states, as in "
                f"states={{{name!r}: {list(given.states)!r:.60}}}, or a variable of its own name"
            )
        known[name] = given if isinstance(given, Variable) else Variable(name, given)
    for name in graph:
        if name not in known:
            found = columns.states(name) if name in columns.entries else ()
            if not found:
                raise ValueError(
                    f"the data have no entry for {name!r}, so its states are unknown; "
                    f"list them, as in states={{{name!r}: ['low', 'high']}}"
                    f"{suggested(name, columns.entries)}"
                )
            known[name] = Variable(name, found)
    return {name: known[name] for name in graph}


@dataclass(frozen=True, eq=False)
class Families:
    """Every variable's family by numbers: ``scopes[v]`` is its parents, then v itself."""

    names: tuple[str, ...]
    cardinalities: tuple[int, ...]
    scopes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, graph: nx.DiGraph[str], variables: Mapping[str, Variable]) -> Families:
        """The families of a directed graph, numbered in the order of its nodes."""
        number = {name: i for i, name in enumerate(graph)}
        families = cls(
            tuple(graph),
            tuple(variables[name].cardinality for name in graph),
            tuple((*(number[u] for u in graph.predecessors(v)), number[v]) for v in graph),
        )
        for v, name in enumerate(families.names):
            _check_cells(families.shape(v), name)
        return families

    def shape(self, v: int) -> tuple[int, ...]:
        """Cardinalities of a family: the shape of its table."""
        return tuple(self.cardinalities[u] for u in self.scopes[v])


def _check_cells(shape: Sequence[int], name: str) -> None:
    """Raise IntractableError where a table would be too large to hold."""
    cells = math.prod(shape)
    if cells > MOST_CELLS:
        raise IntractableError(
            f"the table of {name!r} would have {cells:,} entries ({8 * cells / 2**30:.3g} GiB) for "
            f"its {len(shape) - 1} parents; take parents away, or join states"
        )


def tables_in_order(
    tables: Mapping[str, ConditionalTable],
    graph: nx.DiGraph[str],
    variables: Mapping[str, Variable],
) -> list[npt.NDArray[np.float64]]:
    """Tables to start from, of a network with the same graph, axes in this graph's order.

    Raises
    ------
    ValueError
        If the graphs differ, or a variable's states do.
    """
    ordered = []
    if odd := sorted(set(tables) ^ set(graph)):
        raise ValueError(f"start and the structure differ in the variables {listed(odd)}")
    for name in graph:
        table, family = tables[name], [*graph.predecessors(name), name]
        if set(table.names) != set(family):
            raise ValueError(f"start has {table.title}; the structure has the family {family}")
        for v in table.scope:
            check_agreement(v, variables[v.name], "start", "the data or the structure")
        ordered.append(table.transpose(family).values)
    return ordered
