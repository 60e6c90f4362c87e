"""The Gibbs distribution of one observed sequence, and the directed graph of the whole model.

Letters: T positions, K states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.graphs import plain_graph
from gibbsfactor.variable import Variable

FloatArray = npt.NDArray[np.float64]


def gibbs_of(
    log_start: FloatArray,
    log_transitions: FloatArray,
    log_likelihoods: FloatArray,
    states: Sequence[Any],
) -> GibbsDistribution:
    """The distribution over the states ``y0``, ``y1``, ... of one sequence of observations.

        P(y | x) = (1/Z) P(y_0) prod_{t>0} P(y_t | y_{t-1}) prod_t P(x_t | y_t),    Z = p(x)

    The factors are the table of the first state, then for each position that of the step to it
    and that of what is observed there.

    Parameters
    ----------
    log_start : (K,)
    log_transitions : (K, K)
    log_likelihoods : (T, K) log P(x_t | y_t)
    states : the K states
    """
    variables = [Variable(f"y{t}", states) for t in range(len(log_likelihoods))]
    factors = []
    for t, v in enumerate(variables):
        if t:
            factors.append(Factor.from_log([variables[t - 1], v], log_transitions))
        else:
            factors.append(Factor.from_log(v, log_start))
        factors.append(Factor.from_log(v, log_likelihoods[t]))
    return GibbsDistribution(factors, variables)


def unrolled_graph(
    n_positions: int, states: Sequence[Any], observations: Sequence[Any] | None
) -> nx.DiGraph[str]:
    """The Bayesian network over T positions: y0 -> y1 -> ..., and each y_t -> x_t.

    Nodes have the attributes of `BayesianNetwork.graph`; the x_t are observed, and have no
    ``states`` and ``cardinality`` where observations are no finite set.

    Raises
    ------
    ValueError
        If there is no position.
    """
    whole = isinstance(n_positions, int | np.integer) and not isinstance(n_positions, bool)
    if not whole or n_positions < 1:
        raise ValueError(f"n_positions is {n_positions!r}; it must be a whole number from 1")
    graph: nx.DiGraph[str] = nx.DiGraph(kind="directed")
    for t in range(int(n_positions)):
        seen = None if observations is None else Variable(f"x{t}", observations)
        _add(graph, f"y{t}", Variable(f"y{t}", states), observed=False)
        _add(graph, f"x{t}", seen, observed=True)
        if t:
            graph.add_edge(f"y{t - 1}", f"y{t}")
        graph.add_edge(f"y{t}", f"x{t}")
    return plain_graph(graph)


def _add(graph: nx.DiGraph[str], name: str, variable: Variable | None, *, observed: bool) -> None:
    graph.add_node(
        name,
        kind="variable",
        variable=variable,
        cardinality=None if variable is None else variable.cardinality,
        observed=observed,
        state=None,
    )
