"""Lists of templates for models that come up often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import networkx as nx

from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.models.log_linear.structures import Chain, Nodes
from gibbsfactor.models.log_linear.template import CliqueTemplate
from gibbsfactor.models.log_linear.views import Features


def factorial_chain(kinds: Sequence[str], features: Features | None = None) -> list[CliqueTemplate]:
    """Several chains of labels over the same tokens, each tied to the next at every position.

    Parameters
    ----------
    kinds : names of the chains
    features : callable, optional
        What single labels see.

    Notes
    -----
    Source: Sutton, McCallum & Rohanimanesh (2007), Dynamic conditional random fields.

    Examples
    --------
    >>> [template.title for template in factorial_chain(["tag", "chunk"])]
    ['Nodes tag', 'Chain tag', 'Nodes chunk', 'Chain chunk', 'Nodes tag chunk']
    """
    templates = []
    for kind in kinds:
        templates.append(CliqueTemplate(Nodes(), features, over=kind))
        templates.append(CliqueTemplate(Chain(), over=kind))
    templates += [CliqueTemplate(Nodes(), over=pair) for pair in pairwise(kinds)]
    return templates


def markov_templates(
    structure: nx.Graph[str] | GibbsDistribution | Iterable[Sequence[str]],
) -> list[CliqueTemplate]:
    """A table of weights for each clique of a Markov network over the columns of a table.

    Parameters
    ----------
    structure : networkx.Graph, GibbsDistribution, or iterable of sequences of names
        Of a graph, its maximal cliques; of a distribution, the scopes of its factors.

    Raises
    ------
    TypeError
        If a graph is directed, or has a node that is not a name.
    ValueError
        If there is no clique.

    Notes
    -----
    Source: Koller & Friedman (2009), definitions 4.3 and 4.4.

    Examples
    --------
    >>> [template.kinds for template in markov_templates(nx.path_graph(["a", "b", "c"]))]
    [('a', 'b'), ('b', 'c')]
    """
    if isinstance(structure, GibbsDistribution):
        scopes = [factor.names for factor in structure.factors if factor.scope]
    elif isinstance(structure, nx.Graph):
        if structure.is_directed():
            raise TypeError(
                "the structure is a directed graph; give networkx.moral_graph(graph), whose "
                "cliques are the families, or the BayesianNetwork itself"
            )
        strange = [node for node in structure if not isinstance(node, str)]
        if strange:
            raise TypeError(
                f"the structure has the node {strange[0]!r:.60}; nodes are names of columns, which "
                "are strings. networkx.relabel_nodes(graph, str) makes names of other nodes"
            )
        number = {node: i for i, node in enumerate(structure)}
        found = [sorted(clique, key=number.__getitem__) for clique in nx.find_cliques(structure)]
        scopes = [tuple(c) for c in sorted(found, key=lambda c: [number[node] for node in c])]
    else:
        scopes = [(scope,) if isinstance(scope, str) else tuple(scope) for scope in structure]
    if not scopes:
        raise ValueError("the structure has no clique, so there is nothing to fit")
    return [CliqueTemplate(over=scope) for scope in dict.fromkeys(scopes)]
