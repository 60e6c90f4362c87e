"""What a question doesn't need: barren and separated tables, found before planning.

Both look at the values of the tables and not at where they came from, so that they serve any
Gibbs distribution: the conditional tables of a Bayesian network are only the best-known case.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from gibbsfactor.exact.network import Network, Weights
from gibbsfactor.exact.order import Scope
from gibbsfactor.tables import log_sum_exp

SAME = 4e-15  # relative difference of sums that rounding explains: a few units in the last place


def without_barren(network: Network, wanted: Collection[int] = ()) -> Network:
    """The network without the tables that sum to a constant, whose logs go to ``log_constant``.

    Where the variables that one table alone holds, none of them wanted, are summed out of it,

        sum_s phi(s, u) = c > 0  for every u

    makes the table barren: nothing else learns anything from it. Without it other tables may
    become so in turn. In a Bayesian network these are the tables of all that is neither wanted
    nor observed nor above what is. log Z and the marginals over wanted variables stay as they
    were; maxima do not. Variables keep their numbers; every wanted one stays in some table.

    Parameters
    ----------
    network : Network
    wanted : numbers of the variables whose distribution is asked for; none for log Z

    Notes
    -----
    Source: Shachter (1986), Evaluating influence diagrams; Baker & Boult (1990), Pruning Bayesian
    networks for efficient computation.

    Examples
    --------
    >>> from gibbsfactor.factor import Factor
    >>> from gibbsfactor.variable import Variable
    >>> a, b = Variable("a", 2), Variable("b", 2)
    >>> chain = [Factor(a, [0.3, 0.7]), Factor([a, b], [[0.5, 0.5], [0.1, 0.9]])]
    >>> without_barren(Network.of(chain, [a, b]), wanted=[0]).scopes
    ((0,),)
    """
    held, total = _holders(network.scopes, len(network.variables))
    asked = frozenset(wanted)
    waiting = [t for t in range(len(network.tables)) if _may_be_constant(network, t)]
    waiting += [total[v] for v, n in enumerate(held) if n == 1 and v not in asked]
    dropped: set[int] = set()
    gained = []
    while waiting:
        table = waiting.pop()
        scope = network.scopes[table]
        alone = [v for v in scope if held[v] == 1]
        if table in dropped or not asked.isdisjoint(alone):
            continue
        log_c = _log_constant_sum(network, table, alone)
        if log_c is None:
            continue
        dropped.add(table)
        gained.append(log_c)
        for v in scope:
            held[v] -= 1
            total[v] -= table
            if held[v] == 1 and v not in asked:
                waiting.append(total[v])
    return _without(network, dropped, math.fsum(gained))


def _may_be_constant(network: Network, table: int) -> bool:
    """Whether three of its entries are equal: spares nearly all tables a longer look."""
    factor = network.tables[table]
    values = factor.log_values if factor.is_log else factor.values
    first = values.item(0)
    return bool(first == values.item(-1) == values.item(values.size // 2))


def _holders(scopes: Sequence[Scope], n: int) -> tuple[list[int], list[int]]:
    """For each variable how many tables hold it, and the sum of their numbers: the one if one."""
    count, total = [0] * n, [0] * n
    for table, scope in enumerate(scopes):
        for v in scope:
            count[v] += 1
            total[v] += table
    return count, total


def _log_constant_sum(network: Network, table: int, alone: Collection[int]) -> float | None:
    """log c where the sum over some variables is c > 0 in every cell; None where it isn't.

    Of a factor that is picked from row by row, every cell counts, picked or not.
    """
    factor, differing = network.tables[table], network.by_row.get(table)
    if isinstance(differing, Weights):
        return None
    values = factor.log_values - network.peaks[table] if factor.is_log else factor.values
    if differing is None:
        axes = tuple([i for i, v in enumerate(network.scopes[table]) if v in alone])
        values = values.reshape([network.cardinalities[v] for v in network.scopes[table]])
    else:
        numbers = [network.numbers[v.name] for v in factor.scope]
        axes = tuple([i for i, v in enumerate(numbers) if v in alone])
    if factor.is_log:
        logs = log_sum_exp(values, axes)
        low, high = float(logs.min()), float(logs.max())
        return high if high - low <= SAME and low > -math.inf else None
    with np.errstate(over="ignore"):
        sums = values.sum(axis=axes)
    low, high = float(sums.min()), float(sums.max())
    if not (low > 0 and high < math.inf and high - low <= SAME * high):
        return None
    return math.log(low / 2 + high / 2)


def without_separated(network: Network, wanted: Collection[int]) -> Network:
    """The network without the parts that no chain of tables joins to a wanted variable.

    The normalised marginals over wanted variables stay as they were, but log Z does not. A part
    leaves only if all its entries are positive: a zero might be a contradiction, which must not
    go unseen. Variables keep their numbers.

    Source: Baker & Boult (1990), section 4 (separated parts).

    Examples
    --------
    >>> from gibbsfactor.factor import Factor
    >>> from gibbsfactor.variable import Variable
    >>> a, b = Variable("a", 2), Variable("b", 2)
    >>> apart = Network.of([Factor(a, [3, 1]), Factor(b, [1, 2])], [a, b])
    >>> without_separated(apart, wanted=[0]).scopes
    ((0,),)
    """
    parts = network.connected_parts()
    asked = {parts[v] for v in wanted}
    apart: dict[int, list[int]] = {}
    for table, scope in enumerate(network.scopes):
        if scope and parts[scope[0]] not in asked:
            apart.setdefault(parts[scope[0]], []).append(table)
    dropped = {
        table
        for tables in apart.values()
        if all(_is_positive(network, t) for t in tables)
        for table in tables
    }
    return _without(network, dropped, 0.0)


def _is_positive(network: Network, table: int) -> bool:
    factor, differing = network.tables[table], network.by_row.get(table)
    if isinstance(differing, Weights):
        return bool(differing.values.min(initial=1.0) > 0)
    values, zero = (factor.log_values, -math.inf) if factor.is_log else (factor.values, 0.0)
    return bool(values.min() > zero)


def _without(network: Network, dropped: Collection[int], log_gained: float) -> Network:
    """The network without some tables, with something added to the logarithm of its constant."""
    if not dropped:
        return network
    left = [t for t in range(len(network.tables)) if t not in dropped]
    return network.with_tables(left, network.log_constant + log_gained)
