"""Models of pyAgrum, made of ours and the other way round."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.network_parts import NanRows, RowRules, make_table, state_names
from gibbsfactor.io.plain_tables import merged_factors, plain_values
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.tables import FloatArray
from gibbsfactor.variable import Variable

_MOST_INTEGER = 2**31 - 1  # pyAgrum has C's int


def to_pyagrum(p: GibbsDistribution) -> Any:
    """The same distribution as a ``BayesNet`` or a ``MarkovRandomField`` of pyAgrum.

    Parameters
    ----------
    p
        A `BayesianNetwork` becomes a ``BayesNet``; anything else a ``MarkovRandomField`` over
        the variables that are not observed, evidence applied.

    Raises
    ------
    ImportError
        If pyAgrum is not installed.
    ValueError
        If a factor is held in logs and has a weight beyond what a float holds, or two states of
        a variable are the same as strings.

    Notes
    -----
    States that are ascending whole numbers make a ``RangeVariable`` or an ``IntegerVariable``,
    ascending floats a ``NumericalDiscreteVariable``, and all others a ``LabelizedVariable`` whose
    labels are their ``str``. ``toarray()`` of a table has the axes of ours. A Markov random
    field has one factor for each set of variables, so those over the same are multiplied, and a
    variable without any gets a factor of ones.

    Examples
    --------
    >>> from gibbsfactor import BayesianNetwork, ConditionalTable, Variable
    >>> p = BayesianNetwork([ConditionalTable(Variable("coin", ["heads", "tails"]), [], [.5, .5])])
    >>> network = to_pyagrum(p)  # doctest: +SKIP
    >>> network.variable("coin").labels()  # doctest: +SKIP
    ('heads', 'tails')
    """
    gum = _pyagrum()
    if not isinstance(p, GibbsDistribution):
        raise TypeError(f"a GibbsDistribution is needed; got {p!r:.60}")
    model = gum.BayesNet() if isinstance(p, BayesianNetwork) else gum.MarkovRandomField()
    for v in p.variables:
        model.add(_to_variable(v, gum))
    if isinstance(p, BayesianNetwork):
        for table in p.tables.values():
            for parent in reversed(table.parents):  # the last axis of ours is pyAgrum's first
                model.addArc(parent.name, table.child.name)
            model.cpt(table.child.name).fillWith(table.values.ravel().tolist())
    else:
        for factor in merged_factors(p):
            values = plain_values(factor, "pyAgrum").ravel().tolist()
            model.addFactor(list(factor.names[::-1])).fillWith(values)
    return model


def from_pyagrum(
    model: Any, *, normalize: bool = False, nan_rows: NanRows = "error"
) -> GibbsDistribution:
    """The distribution that a ``BayesNet`` or a ``MarkovRandomField`` of pyAgrum defines.

    Parameters
    ----------
    model
        A ``BayesNet``, which gives a `BayesianNetwork`, or a ``MarkovRandomField``. States of
        ``RangeVariable`` and ``IntegerVariable`` are whole numbers, those of
        ``NumericalDiscreteVariable`` floats, and all others strings, the labels.
    normalize
        Divide each row of a Bayesian network's tables by its sum, as `read_bif` does. Default: a
        sum that is off one by more than 1e-6 for each state of the child is an error.
    nan_rows
        What a row of NaN is: "error", or "uniform" for the uniform distribution.

    Raises
    ------
    ImportError
        If pyAgrum is not installed.
    TypeError
        If it is another kind of model.
    ValueError
        If a row of a conditional table is no distribution.

    Examples
    --------
    >>> import pyagrum  # doctest: +SKIP
    >>> from_pyagrum(pyagrum.fastBN("A->B<-C"))  # doctest: +SKIP
    BayesianNetwork of 3 variables ('A', 'B', 'C') and 2 edges
    """
    gum = _pyagrum()
    rules = RowRules(normalize, nan_rows)
    if not isinstance(model, gum.BayesNet | gum.MarkovRandomField):
        raise TypeError(
            f"a BayesNet or a MarkovRandomField of pyAgrum is needed; got {type(model).__name__}"
        )
    variables = {
        v.name(): _from_variable(v, gum) for v in (model.variable(i) for i in sorted(model.nodes()))
    }
    if isinstance(model, gum.BayesNet):
        tables = []
        for name in variables:
            (*parents, child), values = _table(model.cpt(name), variables)
            rows = values.reshape(-1, child.cardinality)
            tables.append(make_table(child, parents, rows, int, _error, rules))
        return BayesianNetwork(tables)
    factors = [Factor(*_table(model.factor(ids), variables)) for ids in model.factors()]
    return GibbsDistribution(factors, variables.values())


def _error(_: int, message: str) -> ValueError:
    return ValueError(message)


def _table(table: Any, variables: dict[str, Variable]) -> tuple[list[Variable], FloatArray]:
    """The scope, in the order of the axes of the array, and the array."""
    dimensions = table.nbrDim()
    scope = [variables[table.variable(i).name()] for i in reversed(range(dimensions))]
    return scope, np.array(table.toarray(), dtype=np.float64)


def _to_variable(v: Variable, gum: Any) -> Any:
    if all(type(s) is int and abs(s) <= _MOST_INTEGER for s in v.states) and _ascend(v.states):
        numbers: list[Any] = list(v.states)
        if numbers[-1] - numbers[0] == v.cardinality - 1:
            return gum.RangeVariable(v.name, "", numbers[0], numbers[-1])
        return gum.IntegerVariable(v.name, "", numbers)
    if all(type(s) is float and math.isfinite(s) for s in v.states) and _ascend(v.states):
        return gum.NumericalDiscreteVariable(v.name, "", list(v.states))
    return gum.LabelizedVariable(v.name, "", state_names(v))


def _ascend(states: Sequence[Any]) -> bool:
    return all(one < next_ for one, next_ in pairwise(states))


def _from_variable(v: Any, gum: Any) -> Variable:
    kind, n = v.varType(), v.domainSize()
    if kind in (gum.VarType_RANGE, gum.VarType_INTEGER):
        return Variable(v.name(), [int(v.label(i)) for i in range(n)])
    if kind == gum.VarType_NUMERICAL:
        return Variable(v.name(), [float(v.numerical(i)) for i in range(n)])
    return Variable(v.name(), list(v.labels()))


def _pyagrum() -> Any:
    for name in ("pyagrum", "pyAgrum"):  # the second before version 2
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError("pyAgrum is needed for this; install it with: pip install pyagrum")
