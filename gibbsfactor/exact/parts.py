"""Connected parts of a network: whole when that fits the memory, else a few at a time."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from gibbsfactor.exact.cost import Task
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.plan import Plan, allowance
from gibbsfactor.exact.prepared import plan_for

SPARE = 1.25  # by how much more the bundles are made than would just fit


@dataclass(frozen=True, eq=False)
class Bundle:
    """Some connected parts of a network, as a network with the same variables.

    Attributes
    ----------
    network : with those tables alone that are in the bundle
    variables : the numbers of the variables that it answers for
    tables : the numbers that its tables have in the whole
    plan : for its network; None where it is yet to be made
    """

    network: Network
    variables: Sequence[int]
    tables: Sequence[int]
    plan: Plan | None = None


def bundles(network: Network, task: Task, memory: int | None) -> list[Bundle]:
    """The network in as many bundles as it takes for each to fit the memory, which may be one.

    A part that does not fit by itself is left to be sliced.
    """
    plan = plan_for(network)
    whole = Bundle(network, range(len(network.variables)), range(len(network.tables)), plan)
    if plan.schedule is None or plan.fits(memory, task):
        return [whole]
    part_of = network.connected_parts()
    tables: dict[int, list[int]] = defaultdict(list)
    for t, scope in enumerate(network.scopes):
        tables[part_of[scope[0]] if scope else -1].append(t)
    if len(tables) == 1:
        return [whole]
    most = max(allowance(plan, memory, task), 1)
    n = min(ceil(SPARE * plan.footprint.tables(task) / most), len(tables))
    members: list[list[int]] = [[] for _ in range(n)]
    fullness = [(0, i) for i in range(n)]
    sizes = {part: sum(_entries(network, t) for t in held) for part, held in tables.items()}
    for part in sorted(sizes, key=lambda part: -sizes[part]):
        held, i = heapq.heappop(fullness)
        members[i].append(part)
        heapq.heappush(fullness, (held + sizes[part], i))
    place = {part: i for i, parts in enumerate(members) for part in parts}
    variables: list[list[int]] = [[] for _ in range(n)]
    for v, part in enumerate(part_of):
        variables[place.get(part, 0)].append(v)
    chosen = [sorted(t for part in parts for t in tables[part]) for parts in members]
    return [
        Bundle(network.with_tables(held, network.log_constant if i == 0 else 0.0), those, held)
        for i, (held, those) in enumerate(zip(chosen, variables, strict=True))
    ]


def _entries(network: Network, table: int) -> int:
    return prod(network.cardinalities[v] for v in network.scopes[table])
