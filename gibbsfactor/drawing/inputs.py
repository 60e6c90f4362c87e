"""Inputs of a conditional model, shown in its factor graph."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import networkx as nx

from gibbsfactor.drawing.scene import check_known


def with_inputs(
    graph: nx.Graph[Any], seen: Mapping[Hashable, str | Iterable[str]]
) -> nx.Graph[Any]:
    """A copy of a factor graph in which factors are joined to the inputs that they look at.

    A conditional model P(y | x) is a Gibbs distribution over y alone: its inputs x are not
    variables of it, they have set the numbers in its factors. Here they are shown as observed
    variables, as textbooks do.

    Parameters
    ----------
    graph : networkx.Graph
        As `gibbsfactor.graphs.factor_graph` makes it: factor i is the node i.
    seen : mapping {factor: name, or names of inputs}
        For the factors that look at any.

    Returns
    -------
    networkx.Graph

    Raises
    ------
    ValueError
        If a key is no factor of the graph, or an input has the name of one of its variables.

    Source: Sutton & McCallum (2012), An introduction to conditional random fields, section 2.2.

    Examples
    --------
    >>> from gibbsfactor.factor import Factor
    >>> from gibbsfactor.graphs import factor_graph
    >>> from gibbsfactor.variable import Variable
    >>> y = Variable("y", 2)
    >>> graph = factor_graph([Factor(y, [3, 1]), Factor(y, [1, 2])])
    >>> list(with_inputs(graph, {1: ["x1", "x2"]}).edges)
    [('y', 0), ('y', 1), (1, 'x1'), (1, 'x2')]
    """
    check_known(seen, graph, "seen")
    shown = graph.copy()
    for factor, names in seen.items():
        if graph.nodes[factor].get("kind") != "factor":
            raise ValueError(
                f"seen gives inputs to {factor!r}, which is a variable; only factors look at inputs"
            )
        for name in [names] if isinstance(names, str) else names:
            if name in graph:
                raise ValueError(
                    f"the input {name!r} has the name of a variable of the graph; give it another"
                )
            shown.add_node(name, kind="variable", observed=True, state=None, bipartite=0)
            shown.add_edge(factor, name)
    return shown
