"""Marginal MAP: the best joint state of some variables, with the others summed out.

    argmax over x_A of sum over x_B of prod_k phi_k(x_A, x_B)

Sums and maxima do not change places, so the summed variables have to go first. What that leaves is
a number of tables over the named variables. They are never multiplied into one: they make a network
of their own, and its most probable assignment is the answer.

Source: Park & Darwiche (2004), Complexity results and approximation strategies for MAP
explanations, section 2; Koller & Friedman (2009), section 13.2.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gibbsfactor.exact.assignments import most_probable
from gibbsfactor.exact.contraction import Stacks, sum_product
from gibbsfactor.exact.footprint import Footprint
from gibbsfactor.exact.network import IntArray, Network
from gibbsfactor.exact.order import RULES, TooWide, elimination_order
from gibbsfactor.exact.plan import Plan, hopeless_plan, plan_of_tree
from gibbsfactor.exact.portfolio import MOST_ENTRIES
from gibbsfactor.exact.prune import without_barren
from gibbsfactor.exact.scaled import to_log
from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.exact.search import make_plan
from gibbsfactor.exact.tree import TreeBuilder
from gibbsfactor.factor import Factor
from gibbsfactor.tables import Scope
from gibbsfactor.variable import Variable


def marginal_map(
    network: Network, named: Sequence[int], memory: int | None = None
) -> tuple[float, IntArray]:
    """Greatest log weight of a joint state of the named variables, and its positions, in order.

    Raises
    ------
    IntractableError
        If the tables of either phase would not fit the memory; known before any arithmetic.
    ZeroProbabilityError
        If log Z is -inf.
    """
    kept = [v for v in named if network.cardinalities[v] > 1]
    variables = [network.variables[v] for v in named]
    network = without_barren(network, kept)
    plan = _plan(network, kept)
    schedule = plan.admitted(memory, "log_partition")
    left = _left(plan, schedule)
    number = {v: i for i, v in enumerate(named)}
    scopes = [tuple(number[v] for v in plan.scopes[t]) for t in left]
    _plan_after(scopes, variables).admitted(memory, "map")
    upward = sum_product(network, schedule, retain=False)
    tables = [
        _table(t, schedule, upward.stacks, tuple(variables[i] for i in scope))
        for t, scope in zip(left, scopes, strict=True)
    ]
    rest = Network.of(tables, variables)
    rest = replace(rest, log_constant=float(rest.log_sum(upward.log_total)))
    (score,), (positions,) = most_probable(rest, memory)
    return float(score), positions


def marginal_map_plan(network: Network, named: Sequence[int]) -> Plan:
    """What both phases take together: the cost of a marginal MAP.

    Examples
    --------
    >>> a, b, c = (Variable(name, 2) for name in "abc")
    >>> pairs = [Factor([a, b], [[2, 1], [1, 2]]), Factor([b, c], [[2, 1], [1, 2]])]
    >>> plan = marginal_map_plan(Network.of(pairs, [a, b, c]), [0, 2])
    >>> plan.maximised, plan.width
    ((0, 2), 2)
    """
    kept = [v for v in named if network.cardinalities[v] > 1]
    network = without_barren(network, kept)
    plan = _plan(network, kept)
    if plan.schedule is None:
        return replace(plan, maximised=tuple(named))
    number = {v: i for i, v in enumerate(kept)}
    scopes = [tuple(number[v] for v in plan.scopes[t]) for t in _left(plan, plan.schedule)]
    after = _plan_after(scopes, [network.variables[v] for v in kept])
    larger = after.largest_entries > plan.largest_entries
    n_bytes = max(plan.footprint.tables("log_partition"), after.footprint.tables("map"))
    return replace(
        plan,
        kept=(),
        width=max(plan.width, after.width),
        work=plan.work + after.work,
        largest=tuple(kept[i] for i in after.largest) if larger else plan.largest,
        footprint=Footprint.at_least(n_bytes),
        maximised=tuple(named),
    )


def _left(plan: Plan, schedule: Schedule) -> list[int]:
    """The tables over named variables that the sums leave."""
    return [t for t in schedule.roots if plan.scopes[t]]


def _plan_after(scopes: Sequence[tuple[int, ...]], variables: Sequence[Variable]) -> Plan:
    """How the maximum over what is left is found."""
    cardinalities = [v.cardinality for v in variables]
    return make_plan(scopes, cardinalities, (), [v.name for v in variables])


def _plan(network: Network, kept: Sequence[int]) -> Plan:
    """The quickest plan found that leaves the tables over kept variables apart."""
    scopes, cardinalities = network.scopes, network.cardinalities
    plans: list[Plan] = []
    hopeless: list[TooWide] = []
    rules = (*RULES, "rounds")
    for rule in rules:
        tree = TreeBuilder(scopes, cardinalities, kept)
        try:
            order = elimination_order(
                scopes, cardinalities, rule, kept=kept, most_entries=MOST_ENTRIES
            )
            tree.absorb()
            for v in order:
                if tree.holders[v]:
                    tree.eliminate(v)
            plans.append(plan_of_tree(tree, kept, rule, len(rules)))
        except TooWide as found:
            hopeless.append(found)
    if plans:
        plan = min(plans, key=lambda plan: plan.seconds)
    else:
        widest = min(hopeless, key=lambda found: len(found.clique))
        plan = hopeless_plan(widest, scopes, cardinalities, kept, len(rules))
    return replace(plan, names=tuple(v.name for v in network.variables))


def _table(table: int, schedule: Schedule, stacks: Stacks, scope: Scope) -> Factor:
    """What the sweep left over some variables, as a factor."""
    stack, row = schedule.place[table]
    block = stacks[stack]
    assert block is not None
    logs = to_log(block)
    values = (logs.values[row] + logs.log_scale[row])[..., 0]
    return Factor._trusted(scope, log_values=values.reshape([v.cardinality for v in scope]))
