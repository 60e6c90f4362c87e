"""What follows the upward sweep: all marginals downward, or a traceback to an assignment.

The downward sweep is the reverse mode of the upward one. The adjoint of a table is the sum of
products of all other tables, as a function of that table's variables; for a step

    result[b, l, r] = sum_s left[b, l, s] right[b, s, r]

the adjoints of its inputs follow from that of its result by two more products of the same kind,

    left'[b, l, s] = sum_r result'[b, l, r] right[b, s, r]
    right'[b, s, r] = sum_l left[b, l, s] result'[b, l, r]

so nothing is ever divided, and hard zeros are no special case. A table times its adjoint,
normalised, is the marginal over its variables.

Source: Darwiche (2003), A differential approach to inference in Bayesian networks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.contraction import Stacks, Upward, inputs
from gibbsfactor.exact.scaled import Block, FloatArray, entrywise, multiply, reshaped, to_log
from gibbsfactor.exact.schedule import Group, Indices, Operand, Rows, Schedule

IntArray = npt.NDArray[np.intp]
Chooser = Callable[[FloatArray], IntArray]

TRACE_ENTRIES = 2**22  # conditional weights that a traceback looks at together


def downward(
    schedule: Schedule, upward: Upward, wanted: Collection[int], needed: Collection[int]
) -> Iterable[tuple[int, Block]]:
    """The wanted stacks' tables times their adjoints: pairs (stack, Block (G, ...)).

    Each is a marginal over its table's scope, not normalised. Only adjoints that some wanted
    stack needs (`stacks_above`) are formed, and each is let go when it was used.
    """
    n_leaves, stacks = len(schedule.leaves), upward.stacks
    parts: dict[int, list[tuple[Rows, Block]]] = defaultdict(list)
    for stack in {schedule.place[table][0] for table in schedule.roots}:
        size = schedule.stack_shapes[stack][0]
        unit = Block(np.ones((size, 1)), np.zeros((size, 1)), False, 0.0, 0.0)
        parts[stack] = [(slice(0, size), unit)]
    for number in range(len(schedule.groups) - 1, -1, -1):
        group, stack = schedule.groups[number], n_leaves + number
        if stack not in needed:
            continue
        adjoint = _assemble(parts.pop(stack), schedule.stack_shapes[stack])
        if stack in wanted:
            yield stack, entrywise(_present(stacks[stack]), adjoint)
        left, right = upward.inputs[number] if upward.inputs else inputs(group, stacks)
        b, l, _ = group.left.matrix
        r = group.right.matrix[2] if group.right is not None else 1
        above = reshaped(adjoint, (group.size, b, l, r, adjoint.values.shape[-1]))
        if _any_in(group.left, needed):
            _scatter(group.left, multiply(above, _transposed(right)), parts, needed)
        if group.right is not None and _any_in(group.right, needed):
            _scatter(group.right, multiply(_transposed(left), above), parts, needed)
    for stack in range(n_leaves):
        if stack in wanted:
            adjoint = _assemble(parts.pop(stack), schedule.stack_shapes[stack])
            yield stack, entrywise(_present(stacks[stack]), adjoint)


def stacks_above(schedule: Schedule, wanted: Collection[int]) -> set[int]:
    """The wanted stacks and all those above them."""
    needed = set(wanted)
    for number, group in enumerate(schedule.groups):
        if _any_in(group.left, needed) or (group.right and _any_in(group.right, needed)):
            needed.add(len(schedule.leaves) + number)
    return needed


def _any_in(operand: Operand, stacks: Collection[int]) -> bool:
    for piece in operand.pieces:  # noqa: SIM110 - any() takes three times as long
        if piece.stack in stacks:
            return True
    return False


def _present(block: Block | None) -> Block:
    assert block is not None
    return block


def _transposed(block: Block) -> Block:
    return Block(
        block.values.swapaxes(-2, -3), block.log_scale, block.is_log, block.low, block.high
    )


def _scatter(
    operand: Operand,
    adjoint: Block,
    parts: dict[int, list[tuple[Rows, Block]]],
    needed: Collection[int],
) -> None:
    """Send matrices (G, b, i, k, R) back to the stacks they came from, in the tables' own axes."""
    size, rows = len(adjoint.values), adjoint.values.shape[-1]
    inner = [operand.shape[axis] for axis in operand.axes]
    values = adjoint.values.reshape((size, *inner, rows)).transpose(_back(operand.axes))
    scale = adjoint.log_scale
    if scale.shape != (size, rows):
        scale = np.broadcast_to(scale, (size, rows))
    if len(operand.pieces) == 1:
        (piece,) = operand.pieces
        block = Block(values, scale, adjoint.is_log, adjoint.low, adjoint.high)
        parts[piece.stack].append((piece.rows, block))
        return
    for piece in operand.pieces:
        if piece.stack not in needed:
            continue
        block = Block(
            values[piece.members], scale[piece.members], adjoint.is_log, adjoint.low, adjoint.high
        )
        parts[piece.stack].append((piece.rows, block))


@lru_cache(maxsize=4096)
def _back(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The order of axes that undoes another one, the first and the last staying where they are."""
    return (0, *[axes.index(axis) + 1 for axis in range(len(axes))], len(axes) + 1)


def _assemble(parts: list[tuple[Rows, Block]], shape: tuple[int, ...]) -> Block:
    """One block out of the parts that together cover a stack."""
    if len(parts) == 1 and isinstance(parts[0][0], slice):
        return parts[0][1]
    is_log = any(block.is_log for _, block in parts)
    n = max(block.values.shape[-1] for _, block in parts)
    values, scale = np.empty((*shape, n)), np.empty((shape[0], n))
    for rows, block in parts:
        values[rows] = (to_log(block) if is_log else block).values
        scale[rows] = block.log_scale
    low = min(block.low for _, block in parts)
    return Block(values, scale, is_log, low, max(block.high for _, block in parts))


def traceback(
    schedule: Schedule, stacks: Stacks, n_variables: int, cases: IntArray, choose: Chooser
) -> IntArray:
    """Go down from the roots and fix the summed variables of every step.

    Parameters
    ----------
    cases : int array (n,)
        For each assignment that is wanted, the row of the stacks that it is of.
    choose : callable
        Given log weights (n, G, |s|) of the summed states, given all that is fixed already,
        returns positions (n, G): argmax after a max-product sweep gives a most probable
        assignment, a random draw after a sum-product sweep an exact sample.

    Returns
    -------
    states : int array (n, n_variables); variables with one state are 0
    """
    states = np.zeros((len(cases), n_variables), dtype=np.intp)
    for group in reversed(schedule.groups):
        if group.inner.variables.size == 0:
            continue
        left, right = (to_log(block).values for block in inputs(group, stacks, logs=True))
        width = max(TRACE_ENTRIES // (group.size * group.left.matrix[2]), 1)
        for start in range(0, len(cases), width):
            some = slice(start, start + width)
            weights = conditional(group, left, right, states[some], cases[some])
            chosen = choose(weights)
            spread = chosen[..., None] // group.inner.strides % group.inner.sizes
            for column in range(group.inner.variables.shape[1]):
                states[some, group.inner.variables[:, column]] = spread[..., column]
    return states


def conditional(
    group: Group, left: FloatArray, right: FloatArray, states: IntArray, cases: IntArray
) -> FloatArray:
    """Log weights (n, G, |s|) of the summed states given the fixed ones."""

    def position(indices: Indices) -> IntArray:
        return np.asarray(states[:, indices.variables] @ indices.strides)

    def rows(values: FloatArray) -> IntArray | int:
        return cases[:, None] if values.shape[-1] > 1 else 0

    member = np.arange(group.size)
    batch = position(group.batch)
    weights = left[member, batch, position(group.rows), :, rows(left)]
    if group.right is None:
        return weights
    return weights + right[member, batch, :, position(group.columns), rows(right)]
