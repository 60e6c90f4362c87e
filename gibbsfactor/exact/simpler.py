"""A smaller network with the same answers, where the one at hand is costly to contract.

Looking for states that are ruled out takes milliseconds, and what is found depends on the
evidence, so that plans are shared less: worth it only where a run takes long or does not fit.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gibbsfactor.exact.cost import SWEEPS, Task
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.plan import Plan, allowance
from gibbsfactor.exact.support import Restricted, restricted, supported

WORTH_SECONDS = 0.1  # estimated run time of a task for which ruled-out states are looked for


def simpler(network: Network, plan: Plan, task: Task, memory: int | None) -> Restricted | None:
    """The network over the states that are not ruled out; None to stay with the one at hand.

    Where the tables contradict each other it is a network of log Z = -inf without any table.
    """
    seconds = plan.seconds * max(SWEEPS[task])
    fits = plan.schedule is not None and plan.footprint.peak(task) <= allowance(plan, memory, task)
    if fits and seconds < WORTH_SECONDS:
        return None
    smaller = restricted(network, supported(network))
    if smaller is None:
        return _contradiction(network)
    return None if smaller.network is network else smaller


def _contradiction(network: Network) -> Restricted:
    n = len(network.variables)
    empty = replace(
        network,
        cardinalities=(1,) * n,
        scopes=(),
        tables=(),
        n_given=0,
        log_constant=-math.inf,
        by_row={},
    )
    return Restricted(empty, (np.zeros(1, dtype=np.intp),) * n, network.cardinalities, ())
