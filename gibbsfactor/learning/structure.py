"""The structure that tables are learned for: a directed graph, its variables and its families.

A family is a variable with its parents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import IntractableError, listed
from gibbsfactor.rows import Columns
from gibbsfactor.variable import Variable, check_agreement, name_of

MOST_CELLS = 2**28  # of one table: 2 GiB


def read_structure(structure: Any) -> nx.DiGraph[str]:
    """A directed graph over names, from one or from (parent, child) pairs.

    Variables given in place of names, or as the node attribute ``variable``, end as that.

    Raises
    ------
    TypeError
        If the graph is undirected, a node is not a name, or an edge is not a pair.
    """
    if isinstance(structure, nx.Graph) and not structure.is_directed():
        raise TypeError("the structure is an undirected graph; give a networkx.DiGraph")
    graph: nx.DiGraph[str] = nx.DiGraph()

    def add(node: object) -> str:
        name = name_of(node) if isinstance(node, str | Variable) else None
        if name is None:
            raise TypeError(f"the structure has the node {node!r}; nodes are names of variables")
        graph.add_node(name, **({"variable": node} if isinstance(node, Variable) else {}))
        return name

    edges: Iterable[Any]
    if isinstance(structure, nx.Graph):
        given: Any = structure
        for node, known in given.nodes(data="variable"):
            graph.add_node(add(node), **({} if known is None else {"variable": known}))
        edges = [(u, v) for v in given for u in given.pred[v]]  # parents in their order
    elif isinstance(structure, Iterable) and not isinstance(structure, str):
        edges = structure
    else:
        raise TypeError(
            "the structure is a networkx.DiGraph, a BayesianNetwork or (parent, child) pairs; "
            f"got {structure!r:.60}"
        )
    for edge in edges:
        if isinstance(edge, str) or not isinstance(edge, Sequence) or len(edge) != 2:
            raise TypeError(f"the structure has the edge {edge!r:.60}; give (parent, child) pairs")
        graph.add_edge(add(edge[0]), add(edge[1]))
    return graph


def variables_of(
    graph: nx.DiGraph[str], columns: Columns, states: object = None
) -> dict[str, Variable]:
    """The graph's variables, with states as said, else as the graph knows them, else as they occur.

    Raises
    ------
    ValueError
        If ``states`` names a variable that is not in the graph, or nobody knows the states of one.
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
        known[name] = given if isinstance(given, Variable) else Variable(name, given)
    for name in graph:
        if name not in known:
            found = columns.states(name) if name in columns.entries else ()
            if not found:
                raise ValueError(
                    f"the data have no entry for {name!r}, so its states are unknown; "
                    f"list them, as in states={{{name!r}: ['low', 'high']}}"
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
