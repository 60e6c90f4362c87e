"""Naive Bayes as a table of its columns and as a directed graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

from gibbsfactor import table_view
from gibbsfactor.graphs import plain_graph
from gibbsfactor.variable import Variable


@dataclass(frozen=True, eq=False)
class Description:
    """What each column of X is to the model; shows as a table."""

    rows: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        lines = [("column", "kind", "given the class"), *self.rows[: table_view.SHOWN_ROWS]]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        if self._more:
            text.append(f"... and {self._more} more columns")
        return "\n".join(text)

    def _repr_html_(self) -> str:
        shown = [list(row) for row in self.rows[: table_view.SHOWN_ROWS]]
        header = ["column", "kind", "given the class"]
        return table_view.as_html(table_view.Rows(header, shown, self._more))

    @property
    def _more(self) -> int:
        return max(len(self.rows) - table_view.SHOWN_ROWS, 0)


def naive_graph(
    label: Variable, names: Sequence[str], kinds: Sequence[str], states: Sequence[Variable | None]
) -> nx.DiGraph[str]:
    """An edge from the class to every column; attributes as in `BayesianNetwork.graph`.

    A column of numbers has no ``states`` and no ``cardinality``. A column that has the name of the
    class variable is a node of another name.
    """
    graph: nx.DiGraph[str] = nx.DiGraph(kind="directed")
    graph.add_node(
        label.name,
        kind="variable",
        variable=label,
        cardinality=label.cardinality,
        observed=False,
        state=None,
        distribution="categorical",
    )
    for name, kind, variable in zip(names, kinds, states, strict=True):
        node = f"{name} (column)" if name == label.name else name
        graph.add_node(
            node,
            kind="variable",
            variable=variable,
            cardinality=None if variable is None else variable.cardinality,
            observed=False,
            state=None,
            distribution=kind,
        )
        graph.add_edge(label.name, node)
    return plain_graph(graph)
