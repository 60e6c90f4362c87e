"""Models of pgmpy, made of ours and the other way round."""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from typing import Any

import numpy as np

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.network_parts import NanRows, RowRules, make_table
from gibbsfactor.io.plain_tables import merged_factors, plain_values
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.tables import FloatArray
from gibbsfactor.variable import Variable

_BAYESIAN = ("DiscreteBayesianNetwork", "BayesianNetwork")  # the second before pgmpy 1.0
_MARKOV = ("DiscreteMarkovNetwork", "MarkovNetwork")


def to_pgmpy(p: GibbsDistribution, *, factor_graph: bool = False) -> Any:
    """The same distribution as a model of pgmpy, with the same names and states.

    Parameters
    ----------
    p
        A `BayesianNetwork` becomes a ``DiscreteBayesianNetwork``; anything else a
        ``DiscreteMarkovNetwork`` over the variables that are not observed, evidence applied.
    factor_graph
        Make a ``FactorGraph`` instead, of any distribution.

    Raises
    ------
    ImportError
        If pgmpy is not installed.
    ValueError
        If a factor is held in logs and has a weight beyond what a float holds.

    Notes
    -----
    pgmpy takes equal tables for one and leaves a variable without any out, so in Markov networks
    and factor graphs factors over the same variables are multiplied into one and a variable
    without any gets a factor of ones.

    Examples
    --------
    >>> p = BayesianNetwork([ConditionalTable(Variable("coin", ["heads", "tails"]), [], [.5, .5])])
    >>> to_pgmpy(p).get_cpds("coin").state_names  # doctest: +SKIP
    {'coin': ['heads', 'tails']}
    """
    models, discrete = _pgmpy()
    if not isinstance(p, GibbsDistribution):
        raise TypeError(f"a GibbsDistribution is needed; got {p!r:.60}")
    if isinstance(p, BayesianNetwork) and not factor_graph:
        return _bayesian_network(p, models, discrete)
    model = models.FactorGraph() if factor_graph else _first_of(models, _MARKOV)()
    model.add_nodes_from([v.name for v in p.variables])
    for factor in merged_factors(p):
        states = {v.name: list(v.states) for v in factor.scope}
        values = plain_values(factor, "pgmpy").ravel()
        table = discrete.DiscreteFactor(list(factor.names), list(factor.shape), values, states)
        model.add_factors(table)
        if factor_graph:
            model.add_nodes_from([table])
            model.add_edges_from([(name, table) for name in factor.names])
        else:
            model.add_edges_from(
                [(u, v) for i, v in enumerate(factor.names) for u in factor.names[:i]]
            )
    return model


def from_pgmpy(
    model: Any, *, normalize: bool = False, nan_rows: NanRows = "error"
) -> GibbsDistribution:
    """The distribution that a model of pgmpy defines, with the same names and states.

    Parameters
    ----------
    model
        A ``DiscreteBayesianNetwork``, which gives a `BayesianNetwork`, a
        ``DiscreteMarkovNetwork`` or a ``FactorGraph``. Names that are not strings become their
        ``str``. Where two tables have the states of a variable in different orders, those of a
        child's own table, else of the first, are kept.
    normalize
        Divide each row of a Bayesian network's tables by its sum, as `read_bif` does; pgmpy
        accepts sums that are off one by 0.01. Default: a sum that is off one by more than 1e-6
        for each state of the child is an error.
    nan_rows
        What a row of NaN is: "error", or "uniform" for the uniform distribution.

    Raises
    ------
    ImportError
        If pgmpy is not installed.
    TypeError
        If it is another kind of model, or has tables of another kind.
    ValueError
        If two tables give a variable different states, a name occurs twice as a string, the
        tables do not make a Bayesian network, or a row is no distribution.

    Examples
    --------
    >>> model = to_pgmpy(BayesianNetwork([  # doctest: +SKIP
    ...     ConditionalTable(Variable("coin", ["heads", "tails"]), [], [0.5, 0.5])
    ... ]))
    >>> from_pgmpy(model).marginal("coin")  # doctest: +SKIP
    coin   probability
    heads          0.5
    tails          0.5
    """
    models, discrete = _pgmpy()
    rules = RowRules(normalize, nan_rows)
    bayesian = isinstance(model, _all_of(models, _BAYESIAN))
    if not bayesian and not isinstance(model, (*_all_of(models, _MARKOV), models.FactorGraph)):
        raise TypeError(
            f"a discrete Bayesian network, Markov network or factor graph of pgmpy is needed; "
            f"got {type(model).__name__}"
        )
    tables = list(model.get_cpds()) if bayesian else list(model.get_factors())
    for table in tables:
        if not isinstance(table, discrete.DiscreteFactor):
            raise TypeError(f"only tables can be taken over; the model has {table!r:.60}")
    nodes = list(model.get_variable_nodes() if hasattr(model, "get_variable_nodes") else model)
    variables = _variables(nodes, tables)
    if bayesian:
        return BayesianNetwork(_table(table, variables, rules) for table in tables)
    return GibbsDistribution([_factor(table, variables) for table in tables], variables.values())


def _bayesian_network(p: BayesianNetwork, models: Any, discrete: Any) -> Any:
    model = _first_of(models, _BAYESIAN)()
    model.add_nodes_from([v.name for v in p.variables])
    for table in p.tables.values():
        above = [v.name for v in table.parents]
        model.add_edges_from([(name, table.child.name) for name in above])
        k = table.child.cardinality
        cpd = discrete.TabularCPD(
            table.child.name,
            k,
            table.values.reshape(-1, k).T,
            above or None,
            list(table.shape[:-1]) or None,
            {v.name: list(v.states) for v in table.scope},
        )
        model.add_cpds(cpd)
    return model


def _variables(nodes: list[Hashable], tables: list[Any]) -> dict[Hashable, Variable]:
    """Our variable of each node: its states are those of the first table that begins with it."""
    states: dict[Hashable, list[Any]] = {}
    for table in tables:  # a child comes first in its own table
        states.setdefault(table.variables[0], table.state_names[table.variables[0]])
    for table in tables:
        for node in table.variables:
            states.setdefault(node, table.state_names[node])
    variables = {}
    for node in nodes:
        if node not in states:
            raise ValueError(f"the model has no table with {node!r}, so its states are not known")
        variables[node] = Variable(str(node), states[node])
    if len({v.name for v in variables.values()}) != len(variables):
        raise ValueError(f"some of the names {nodes!r:.200} are the same as strings; rename them")
    return variables


def _table(table: Any, variables: dict[Hashable, Variable], rules: RowRules) -> ConditionalTable:
    (child, *parents), values = _values(table, variables)
    rows = np.moveaxis(values, 0, -1).reshape(-1, child.cardinality)
    return make_table(child, parents, rows, int, lambda _, message: ValueError(message), rules)


def _factor(table: Any, variables: dict[Hashable, Variable]) -> Factor:
    return Factor(*_values(table, variables))


def _values(table: Any, variables: dict[Hashable, Variable]) -> tuple[list[Variable], FloatArray]:
    """The scope and the values of a table, each axis in the order of the variable's states."""
    values = np.asarray(table.values, dtype=np.float64)
    for axis, node in enumerate(table.variables):
        v, given = variables[node], list(table.state_names[node])
        if set(given) != set(v.states) or len(given) != v.cardinality:
            raise ValueError(
                f"the table over {table.variables!r} gives {v.name!r} the states {given}, but "
                f"another gives it {list(v.states)}; every table must agree on them"
            )
        values = values.take([given.index(state) for state in v.states], axis=axis)
    return [variables[node] for node in table.variables], values


# ---- pgmpy itself --------------------------------------------------------------------------


def _pgmpy() -> tuple[Any, Any]:
    """Its modules of models and of tables."""
    try:
        return (
            importlib.import_module("pgmpy.models"),
            importlib.import_module("pgmpy.factors.discrete"),
        )
    except ImportError as error:
        raise ImportError(
            f"pgmpy is needed for this and could not be imported ({error}); "
            "install it with: pip install pgmpy"
        ) from None


def _all_of(models: Any, names: tuple[str, ...]) -> tuple[type, ...]:
    return tuple(getattr(models, name) for name in names if hasattr(models, name))


def _first_of(models: Any, names: tuple[str, ...]) -> type:
    return _all_of(models, names)[0]
