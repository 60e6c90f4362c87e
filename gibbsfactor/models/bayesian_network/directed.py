"""What the directed graph of a Bayesian network says by itself: families, order, separation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any

import networkx as nx

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import listed, suggested
from gibbsfactor.graphs import induced_graph, minimal_separator, plain_graph
from gibbsfactor.variable import Variable, name_of

Names = str | Variable | Iterable[str | Variable]

# networkx before 3.3 has it under another name
_IS_D_SEPARATOR: Any = getattr(nx, "is_d_separator", None) or getattr(nx, "d_separated")  # noqa: B009


class DirectedStructure:
    """Conditional tables along a directed acyclic graph, and what the graph alone can answer."""

    _tables: Mapping[str, ConditionalTable]
    _edges: nx.DiGraph[str]
    _order: tuple[str, ...]

    @property
    def tables(self) -> Mapping[str, ConditionalTable]:
        """The conditional tables by the name of the child."""
        return MappingProxyType(self._tables)

    def parents(self, name: str | Variable) -> tuple[str, ...]:
        """Names of a variable's parents, in the order of its table's axes."""
        return tuple(v.name for v in self._tables[self._known(name)].parents)

    def children(self, name: str | Variable) -> tuple[str, ...]:
        """Names of the variables that have it as a parent."""
        return tuple(self._edges.successors(self._known(name)))

    def markov_blanket(self, name: str | Variable) -> frozenset[str]:
        """Names of the parents, the children and the children's other parents.

        Given these, the variable is independent of all others.
        """
        children = self.children(name)
        family = {*self.parents(name), *children}
        family.update(*(self.parents(child) for child in children))
        return frozenset(family - {name_of(name)})

    def topological_order(self) -> tuple[str, ...]:
        """Names of all variables, parents before their children."""
        return self._order

    def _known(self, name: str | Variable) -> str:
        known = name_of(name)
        if known not in self._tables:
            there = listed(list(self._tables)) or "none"
            hint = suggested(known, self._tables)
            raise ValueError(f"no variable {known!r}; there are {there}{hint}")
        return known

    # ---- graphs and independence ------------------------------------------------------

    def graph(self) -> nx.DiGraph[str]:
        """The directed acyclic graph: an edge from each parent to its child.

        Nodes are names in the order of the tables, with the attributes that
        `graphs.plain_graph` leaves those of `graphs.induced_graph`: ``states`` is JSON text. All
        of networkx's writers take it (JSON, GraphML, GEXF, GML), and `fit` takes what is read
        back.

        Examples
        --------
        >>> from gibbsfactor import BayesianNetwork
        >>> coin = ConditionalTable(Variable("coin", ["heads", "tails"]), [], [0.5, 0.5])
        >>> print(nx.node_link_data(BayesianNetwork([coin]).graph(), edges="edges")["nodes"][0])
        ... # doctest: +NORMALIZE_WHITESPACE
        {'kind': 'variable', 'states': '["heads", "tails"]', 'cardinality': 2, 'observed': False,
         'id': 'coin'}
        """
        known = self.moral_graph().nodes
        return plain_graph(directed_graph(self._tables, {v: known[v] for v in self._tables}))

    def moral_graph(self) -> nx.Graph[Any]:
        """The undirected graph in which parents of a common child are joined as well.

        A table's scope is a family, so this is the network's `induced_graph`.

        Source: Koller & Friedman (2009), definition 4.16.
        """
        children = (t.child for t in self._tables.values())
        return induced_graph(self._tables.values(), tuple(children))

    def d_separated(self, xs: Names, ys: Names, given: Names = ()) -> bool:
        """Whether the graph alone makes two sets of variables independent given a third.

        Parameters
        ----------
        xs, ys, given : a name or an iterable of names
            Three disjoint sets; the first two not empty.

        Raises
        ------
        ValueError
            If a name is unknown or in two of the sets, or a set is empty.

        Source: Koller & Friedman (2009), section 3.3.1.

        Examples
        --------
        >>> from gibbsfactor import BayesianNetwork
        >>> a, b, c = (Variable(name, 2) for name in "ABC")
        >>> one, two = ConditionalTable(a, [], [0.5, 0.5]), ConditionalTable(b, [], [0.5, 0.5])
        >>> xor = ConditionalTable(c, [a, b], [[[1, 0], [0, 1]], [[0, 1], [1, 0]]])
        >>> p = BayesianNetwork([one, two, xor])
        >>> p.d_separated("A", "B"), p.d_separated("A", "B", given="C")
        (True, False)
        """
        sets = [self._names(names) for names in (xs, ys, given)]
        if not (sets[0] and sets[1]):
            raise ValueError("one of the sets to separate is empty; name at least one variable")
        for one, other in combinations(sets, 2):
            if one & other:
                raise ValueError(
                    f"{listed(sorted(one & other))} is in two of the sets; "
                    "d-separation is about disjoint ones"
                )
        return bool(_IS_D_SEPARATOR(self._edges, *sets))

    def minimal_separator(
        self,
        xs: Names,
        ys: Names,
        *,
        included: Names = (),
        restricted: Names | None = None,
    ) -> frozenset[str]:
        """Smallest set of variables that d-separates two sets of variables.

        Parameters
        ----------
        xs, ys : a name or an iterable of names
            Two disjoint sets, neither empty.
        included : a name or an iterable of names
            To be in the set in any case.
        restricted : a name or an iterable of names, optional
            Those of which the set may consist, besides the included ones; all others unless given.

        Raises
        ------
        ValueError
            If a name is unknown or in two of xs, ys and included, xs or ys is empty, or there is
            no such set, as where an edge joins the two.

        See Also
        --------
        gibbsfactor.graphs.minimal_separator : how it is found.

        Examples
        --------
        >>> from gibbsfactor import BayesianNetwork
        >>> a, b, c = (Variable(name, 2) for name in "ABC")
        >>> flip = [[0.9, 0.1], [0.2, 0.8]]
        >>> p = BayesianNetwork([
        ...     ConditionalTable(a, [], [0.5, 0.5]),
        ...     ConditionalTable(b, [a], flip),
        ...     ConditionalTable(c, [b], flip),
        ... ])
        >>> p.minimal_separator("A", "C")
        frozenset({'B'})
        """
        sets = [self._names(names) for names in (xs, ys, included)]
        allowed = None if restricted is None else self._names(restricted)
        return minimal_separator(
            self._edges, sets[0], sets[1], included=sets[2], restricted=allowed
        )

    def _names(self, names: Names) -> set[str]:
        if isinstance(names, str | Variable):
            names = (names,)
        return {self._known(name) for name in names}


def directed_graph(
    tables: Mapping[str, ConditionalTable], known: Mapping[str, dict[str, Any]] | None = None
) -> nx.DiGraph[str]:
    """The graph of the tables; a child's predecessors are in the order of its table's axes."""
    graph: nx.DiGraph[str] = nx.DiGraph(kind="directed")
    graph.add_nodes_from(tables if known is None else known.items())
    graph.add_edges_from((v.name, name) for name, t in tables.items() for v in t.parents)
    return graph


def topological_order(edges: nx.DiGraph[str]) -> tuple[str, ...]:
    """Nodes, parents before their children; ValueError, showing the cycle, if there is one."""
    try:
        return tuple(nx.topological_sort(edges))
    except nx.NetworkXUnfeasible:
        around = [one for one, _ in nx.find_cycle(edges)]
        raise ValueError(
            f"the parents go round in a directed cycle: {' -> '.join([*around, around[0]])}; "
            "a Bayesian network has none"
        ) from None
