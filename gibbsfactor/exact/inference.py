"""The questions put to a network, each answered by a plan and one or two sweeps over it.

A network may come in rows of evidence; then every answer has one entry for each row.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from gibbsfactor.exact.contraction import kept_root, root_table, sum_product
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.parts import Bundle, bundles
from gibbsfactor.exact.prepared import plan_for, prepare
from gibbsfactor.exact.runs import Marginals, averaged, log_sums, scheduled
from gibbsfactor.exact.scaled import FloatArray, has_mass, normalized, normalized_along
from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.exact.slicing import fitted
from gibbsfactor.exact.sweeps import downward, stacks_above


def log_partitions(network: Network, memory: int | None = None) -> FloatArray:
    """log Z = log sum_x prod_k phi_k(x_k) in nats, of each row (R,); -inf without any weight."""
    ready = prepare(network, "log_partition", memory)

    def run(part: Network, rows: slice) -> FloatArray:
        return sum_product(part, ready.schedule, retain=False, rows=rows).log_totals

    return log_sums(ready.network, ready.plan, run, memory)


def log_partition(network: Network, memory: int | None = None) -> float:
    """log Z of a network of one row."""
    return float(log_partitions(network, memory)[0])


def single_marginals(network: Network, memory: int | None = None) -> list[FloatArray]:
    """P(x_v) of every variable v in each row, (cardinality, R), from one sweep up and one down.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    tables = [ONE] * len(network.variables)
    for part in bundles(network, "marginals", memory):
        found = _single_marginals(part, memory)
        for v in part.variables:
            tables[v] = found[v]
    return tables


def _single_marginals(part: Bundle, memory: int | None) -> list[FloatArray]:
    network = part.network
    ready = prepare(network, "marginals", memory, plan=part.plan)
    schedule = ready.schedule
    homes, needed = homes_of(schedule)

    def run(part: Network, rows: slice) -> Marginals:
        upward = sum_product(part, schedule, retain=True, rows=rows)
        tables = [ONE] * len(part.variables)
        for stack, joint in downward(schedule, upward, homes, needed):
            for axis, (places, variables) in homes[stack].items():
                found = normalized_along(joint, places, axis + 1)
                for table, v in zip(found, variables, strict=True):
                    tables[v] = table
        return Marginals(upward.log_totals, tables)

    singles = [(v,) for v in range(len(network.variables))]
    tables = averaged(ready.network, ready.plan, singles, run, memory).tables
    return [ready.marginal([v], table) for v, table in enumerate(tables)]


ONE = np.ones((1, 1))
Homes = dict[
    int, dict[int, tuple[slice | list[int], list[int]]]
]  # stack -> axis -> rows, variables


@lru_cache(maxsize=64)
def homes_of(schedule: Schedule) -> tuple[Homes, set[int]]:
    """For every variable, the smaller table of the step that sums it out: where it is read off.

    Also the stacks whose adjoints that takes.
    """
    found: dict[int, dict[int, tuple[list[int], list[int]]]] = defaultdict(dict)
    for group in schedule.groups:
        first = group.steps[0]
        if not first.summed:
            continue
        right = group.right is not None and math.prod(group.right.shape) < math.prod(
            group.left.shape
        )
        operand = group.right if right and group.right is not None else group.left
        start = len(first.batch) + (0 if right else len(first.rows))
        axes = operand.axes[start : start + len(first.summed)]
        for step in group.steps:
            stack, row = schedule.place[step.right if right else step.left]
            for axis, v in zip(axes, step.summed, strict=True):
                rows, variables = found[stack].setdefault(axis, ([], []))
                rows.append(row)
                variables.append(v)
    homes: Homes = {
        stack: {axis: (_as_slice(rows), variables) for axis, (rows, variables) in axes.items()}
        for stack, axes in found.items()
    }
    return homes, stacks_above(schedule, homes)


def _as_slice(rows: list[int]) -> slice | list[int]:
    """A slice, which takes no copy, where the rows run on."""
    first, n = rows[0], len(rows)
    return slice(first, first + n) if rows == list(range(first, first + n)) else rows


def table_marginals(network: Network, memory: int | None = None) -> Marginals:
    """The marginal over the scope of every table (..., R), log Z, and where there is mass.

    Mass can be too small for a float, as at energies of 1e6; it is mass all the same.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    parts = bundles(network, "marginals", memory)
    if len(parts) > 1:
        return _joined([_table_marginals(part.network, memory) for part in parts], parts)
    return _table_marginals(network, memory)


def _joined(found: list[Marginals], parts: list[Bundle]) -> Marginals:
    """The tables of all parts in the order of the whole, and the sum of their log totals."""
    places = [(t, i, j) for i, part in enumerate(parts) for j, t in enumerate(part.tables)]
    order = [(i, j) for _, i, j in sorted(places)]
    return Marginals(
        sum((some.log_totals for some in found), start=np.zeros(1)),
        [found[i].tables[j] for i, j in order],
        [found[i].mass[j] for i, j in order],
    )


def _table_marginals(network: Network, memory: int | None) -> Marginals:
    plan = fitted(plan_for(network), memory, "marginals")
    schedule = scheduled(plan)
    places = [schedule.place[table] for table in range(len(network.scopes))]
    leaves = range(len(schedule.leaves))
    needed = stacks_above(schedule, leaves)

    def run(part: Network, rows: slice) -> Marginals:
        upward = sum_product(part, schedule, retain=True, rows=rows)
        joints = dict(downward(schedule, upward, leaves, needed))
        beliefs = {stack: normalized(joint) for stack, joint in joints.items()}
        mass = {stack: has_mass(joint) for stack, joint in joints.items()}
        return Marginals(
            upward.log_totals,
            [beliefs[stack][row] for stack, row in places],
            [mass[stack][row] for stack, row in places],
        )

    return averaged(network, plan, network.scopes, run, memory)


def joint_log_weights(
    network: Network, kept: Sequence[int], memory: int | None = None, *, ratios: bool = False
) -> FloatArray:
    """log sum over all other variables: an axis for each kept variable, in order, and the rows.

    With ``ratios``, parts that no table joins to a kept variable may be missing from the sum.
    """
    ready = prepare(network, "log_partition", memory, kept, ratios=ratios)
    many = list(ready.plan.kept)
    if not many:
        only = (*(1 for _ in kept), -1)
        weights = log_partitions(ready.network, memory).reshape(only)
        return ready.marginal(kept, weights, elsewhere=-math.inf)
    number = kept_root(ready.schedule)
    scope = ready.plan.scopes[number]
    order = [scope.index(v) for v in kept if v in many]
    shape = tuple(ready.network.cardinalities[v] for v in kept)

    def run(part: Network, rows: slice) -> FloatArray:
        upward = sum_product(part, ready.schedule, retain=False, rows=rows)
        table = root_table(ready.schedule, upward, number)
        return table.transpose([*order, len(order)]).reshape((*shape, -1))

    table = log_sums(ready.network, ready.plan, run, memory)
    return ready.marginal(kept, table, elsewhere=-math.inf)
