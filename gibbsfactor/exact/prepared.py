"""What is done to a network before it is contracted: pruned, planned, made to fit the memory.

Looking for states that are ruled out takes milliseconds, and what is found depends on the
evidence, so that plans are shared less: it is worth it only where a run takes long or does not fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gibbsfactor.errors import IntractableError
from gibbsfactor.exact.cost import Task
from gibbsfactor.exact.network import IntArray, Network
from gibbsfactor.exact.plan import Plan
from gibbsfactor.exact.prune import without_barren, without_separated
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.exact.search import make_plan
from gibbsfactor.exact.slicing import fitted
from gibbsfactor.exact.support import Restricted, restricted, supported

WORTH_SECONDS = 0.1  # estimated run time of a task for which ruled-out states are looked for


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network as it will be contracted, and the way back to the one that was asked about.

    Attributes
    ----------
    network : the network to contract
    plan : how
    restricted : the restriction to states that are not ruled out; None if there was none
    """

    network: Network
    plan: Plan
    restricted: Restricted | None

    @property
    def schedule(self) -> Schedule:
        """That of the plan."""
        assert self.plan.schedule is not None
        return self.plan.schedule

    def marginal(
        self, scope: Sequence[int], table: FloatArray, elsewhere: float = 0.0
    ) -> FloatArray:
        """A table over some variables of the network, (..., R), as one over all their states."""
        if self.restricted is None:
            return table
        return self.restricted.marginal(scope, table, elsewhere)

    def states(self, chosen: IntArray) -> IntArray:
        """Assignments (..., n) for the network as ones for that which was asked about."""
        return chosen if self.restricted is None else self.restricted.states(chosen)


def plan_for(network: Network, kept: Sequence[int] = ()) -> Plan:
    """A plan for the network as it is; ``kept`` variables are left in the result."""
    names = [v.name for v in network.variables]
    many = [v for v in kept if network.cardinalities[v] > 1]
    return make_plan(network.scopes, network.cardinalities, many, names)


def prepare(
    network: Network,
    task: Task,
    memory: int | None,
    kept: Sequence[int] = (),
    *,
    ratios: bool = False,
    plan: Plan | None = None,
) -> Prepared:
    """Prune what a task has no need of, plan the rest, and slice it where it must be.

    Barren tables leave where only sums are asked for: log Z, and weights over ``kept`` variables.
    With ``ratios`` so do parts that nothing joins to these. ``plan`` is that of the network as it
    is, where it is known already and nothing will be pruned.

    Raises
    ------
    IntractableError
        If no plan fits the memory.
    """
    pruned = _pruned(network, task, memory, kept, ratios, plan)
    plan = fitted(pruned.plan, memory, task)
    return pruned if plan is pruned.plan else replace(pruned, plan=plan)


def expected_plan(
    network: Network, task: Task, memory: int | None, kept: Sequence[int] = ()
) -> Plan:
    """The plan that `prepare` comes to; as if there were no budget where nothing fits it."""
    pruned = _pruned(network, task, memory, kept, bool(kept))
    try:
        return fitted(pruned.plan, memory, task)
    except IntractableError:
        return pruned.plan


def _pruned(
    network: Network,
    task: Task,
    memory: int | None,
    kept: Sequence[int],
    ratios: bool,
    plan: Plan | None = None,
) -> Prepared:
    if task == "log_partition":
        network = without_barren(network, kept)
    if ratios:
        network = without_separated(network, kept)
    plan = plan or plan_for(network, kept)
    if plan.fits(memory, task) and plan.seconds_for(task) < WORTH_SECONDS:
        return Prepared(network, plan, None)
    smaller = restricted(network, supported(network))
    if smaller is None:
        smaller = _contradiction(network)
    elif smaller.network is network:
        return Prepared(network, plan, None)
    return Prepared(smaller.network, plan_for(smaller.network, kept), smaller)


def _contradiction(network: Network) -> Restricted:
    """A network of log Z = -inf without any table: what tables that contradict each other are."""
    n = len(network.variables)
    empty = replace(
        network,
        cardinalities=(1,) * n,
        scopes=(),
        tables=(),
        peaks=(),
        n_given=0,
        log_constant=-math.inf,
        by_row={},
    )
    return Restricted(empty, (np.zeros(1, dtype=np.intp),) * n, network.cardinalities, ())
