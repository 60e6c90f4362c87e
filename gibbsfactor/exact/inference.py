"""The questions put to a network, each answered by a plan and one or two sweeps over it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact.contraction import max_product, root_table, sum_product
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.plan import Plan
from gibbsfactor.exact.scaled import FloatArray, has_mass, normalized
from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.exact.search import make_plan
from gibbsfactor.exact.sweeps import downward, traceback

IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

NO_MASS = (
    "every assignment has weight zero (log Z = -inf), so there is no {what}; "
    "the factors contradict each other or the evidence"
)


def plan_for(network: Network, kept: Sequence[int] = ()) -> Plan:
    """The plan that the other functions here follow."""
    names = [v.name for v in network.variables]
    return make_plan(network.scopes, network.cardinalities, kept, names)


def log_partition(network: Network, memory: int | None = None) -> float:
    """log Z = log sum_x prod_k phi_k(x_k), in nats; -inf when every weight is zero."""
    schedule = plan_for(network).admitted(memory)
    return sum_product(network, schedule, retain=False).log_total


def single_marginals(network: Network, memory: int | None = None) -> list[FloatArray]:
    """P(x_v) of every variable v, from one sweep up and one down.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    schedule = plan_for(network).admitted(memory, marginals=True)
    upward = sum_product(network, schedule, retain=True)
    _require_mass(upward.log_total, "marginal")
    marginals = [np.ones(1)] * len(network.variables)
    homes = _homes(network, schedule)
    for stack, joint in downward(schedule, upward.stacks, homes):
        beliefs = normalized(joint)
        for axis, (rows, variables) in homes[stack].items():
            others = tuple(i for i in range(1, beliefs.ndim) if i != axis + 1)
            table = beliefs[rows].sum(axis=others)
            for row, v in zip(table, variables, strict=True):
                marginals[v] = row
    return marginals


Homes = dict[int, dict[int, tuple[list[int], list[int]]]]  # stack -> axis -> (rows, variables)


def _homes(network: Network, schedule: Schedule) -> Homes:
    """For every variable, the smaller table of the step that sums it out: where it is read off."""
    sizes = [math.prod(shape[1:]) for shape in schedule.stack_shapes]
    homes: Homes = defaultdict(dict)

    def settle_in(stack: int, axis: int, row: int, v: int) -> None:
        rows, variables = homes[stack].setdefault(axis, ([], []))
        rows.append(row)
        variables.append(v)

    for group in schedule.groups:
        b_l = len(group.batch.sizes) + len(group.rows.sizes)
        operand, first = group.left, b_l
        if group.right is not None:
            one = max(sizes[piece.stack] for piece in group.left.pieces)
            two = max(sizes[piece.stack] for piece in group.right.pieces)
            if two < one:
                operand, first = group.right, len(group.batch.sizes)
        columns = range(group.inner.variables.shape[1])
        if not columns:
            continue
        for piece in operand.pieces:
            rows = np.arange(schedule.stack_shapes[piece.stack][0])[piece.rows]
            members = np.arange(group.size)[piece.members]
            for column in columns:
                axis = operand.axes[first + column]
                summed = group.inner.variables[members, column]
                for row, v in zip(rows.tolist(), summed.tolist(), strict=True):
                    settle_in(piece.stack, axis, row, v)
    return homes


def table_marginals(
    network: Network, memory: int | None = None
) -> tuple[float, list[FloatArray], list[BoolArray]]:
    """log Z; for every table of the network the marginal over its scope, and where there is mass.

    Mass can be too small for a float, as at energies of 1e6; it is mass all the same.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    schedule = plan_for(network).admitted(memory, marginals=True)
    upward = sum_product(network, schedule, retain=True)
    _require_mass(upward.log_total, "marginal")
    joints = dict(downward(schedule, upward.stacks, range(len(schedule.leaves))))
    beliefs = {stack: normalized(joint) for stack, joint in joints.items()}
    mass = {stack: has_mass(joint) for stack, joint in joints.items()}
    places = [schedule.place[table] for table in range(len(network.scopes))]
    return (
        upward.log_total,
        [beliefs[stack][row] for stack, row in places],
        [mass[stack][row] for stack, row in places],
    )


def joint_log_weights(
    network: Network, kept: Sequence[int], memory: int | None = None
) -> FloatArray:
    """log sum over all other variables: a table with an axis for each kept variable, in order."""
    many = [v for v in kept if network.cardinalities[v] > 1]
    shape = tuple(network.cardinalities[v] for v in kept)
    if not many:
        return np.full(shape, log_partition(network, memory))
    plan = plan_for(network, many)
    schedule = plan.admitted(memory)
    table, number = root_table(network, schedule, sum_product(network, schedule, retain=False))
    scope = plan.scopes[number]
    return table.transpose([scope.index(v) for v in many]).reshape(shape)


def most_probable(network: Network, memory: int | None = None) -> tuple[float, IntArray]:
    """Greatest log weight and the positions (n,) of an assignment that has it.

    Raises
    ------
    ZeroProbabilityError
        If every assignment has weight zero.
    """
    schedule = plan_for(network).admitted(memory, marginals=True)
    upward = max_product(network, schedule)
    _require_mass(upward.log_total, "most probable assignment")
    states = traceback(
        schedule, upward.stacks, len(network.variables), 1, lambda weights: weights.argmax(axis=-1)
    )
    return upward.log_total, states[0]


def samples(
    network: Network, n: int, rng: np.random.Generator, memory: int | None = None
) -> IntArray:
    """n independent exact samples as positions (n, number of variables).

    Each variable is drawn from its exact conditional given those fixed above it in the tree, by
    the Gumbel-max rule on log weights.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    schedule = plan_for(network).admitted(memory, marginals=True)
    upward = sum_product(network, schedule, retain=True)
    _require_mass(upward.log_total, "sample")

    def draw(log_weights: FloatArray) -> IntArray:
        return np.asarray((log_weights + rng.gumbel(size=log_weights.shape)).argmax(axis=-1))

    return traceback(schedule, upward.stacks, len(network.variables), n, draw)


def _require_mass(log_total: float, what: str) -> None:
    if log_total == -math.inf:
        raise ZeroProbabilityError(NO_MASS.format(what=what))
