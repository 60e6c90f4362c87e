"""The upward sweep: follow a schedule from the given tables to the roots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gibbsfactor.exact.network import Network
from gibbsfactor.exact.scaled import (
    Block,
    FloatArray,
    max_plus,
    multiply,
    ones,
    to_log,
)
from gibbsfactor.exact.schedule import Group, Operand, Schedule

Stacks = list[Block | None]


@dataclass(frozen=True, eq=False)
class Upward:
    """What an upward sweep leaves: log of the total, and the stacks if they were retained."""

    log_total: float
    stacks: Stacks


def load(network: Network, schedule: Schedule) -> Stacks:
    """Blocks of the given tables, and room for one block for each group."""
    given: Stacks = [
        network.stack(tables, shape)
        for tables, shape in zip(schedule.leaves, schedule.leaf_shapes, strict=True)
    ]
    return given + [None] * len(schedule.groups)


def fetch(operand: Operand, stacks: Stacks) -> Block:
    """The G tables of an operand as matrices (G, b, i, k)."""
    blocks = []
    for piece in operand.pieces:
        block = stacks[piece.stack]
        assert block is not None
        blocks.append(block)
    if any(block.is_log for block in blocks):
        blocks = [to_log(block) for block in blocks]
    if len(blocks) == 1:
        (block,), (piece,) = blocks, operand.pieces
        values, scale = block.values[piece.rows], block.log_scale[piece.rows]
    else:
        size = sum(_count(piece.rows) for piece in operand.pieces)
        values = np.empty((size, *operand.shape))
        scale = np.empty(size)
        for block, piece in zip(blocks, operand.pieces, strict=True):
            values[piece.members] = block.values[piece.rows]
            scale[piece.members] = block.log_scale[piece.rows]
    axes = (0, *(axis + 1 for axis in operand.axes))
    return Block(
        values.transpose(axes).reshape(len(values), *operand.matrix),
        scale,
        blocks[0].is_log,
        min(block.low for block in blocks),
        max(block.high for block in blocks),
    )


def _count(rows: slice | np.ndarray) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def inputs(group: Group, stacks: Stacks, *, logs: bool = False) -> tuple[Block, Block]:
    """Both sides of a group; a table of ones where there is no right side."""
    left = fetch(group.left, stacks)
    if group.right is None:
        return left, ones((1, group.left.matrix[2], 1), logs or left.is_log)
    return left, fetch(group.right, stacks)


def sum_product(network: Network, schedule: Schedule, *, retain: bool) -> Upward:
    """log of the sum over all assignments; every intermediate stack is kept if ``retain``.

    Without ``retain`` a stack is let go after its last use.
    """
    stacks = load(network, schedule)
    last_use = {} if retain else _last_uses(schedule)
    for number, group in enumerate(schedule.groups):
        product = multiply(*inputs(group, stacks))
        stacks[len(schedule.leaves) + number] = Block(
            product.values.reshape((group.size, *group.out_shape)),
            product.log_scale,
            product.is_log,
            product.low,
            product.high,
        )
        for stack in last_use.get(number, ()):
            stacks[stack] = None
    return Upward(network.log_constant + _log_of_scalars(schedule, stacks), stacks)


def max_product(network: Network, schedule: Schedule) -> Upward:
    """log of the greatest weight; all stacks are kept, in logs and unscaled, for the traceback."""
    stacks = [None if block is None else _unscaled(block) for block in load(network, schedule)]
    for number, group in enumerate(schedule.groups):
        left, right = inputs(group, stacks, logs=True)
        best = max_plus(left.values, right.values)
        stacks[len(schedule.leaves) + number] = Block(
            best.reshape((group.size, *group.out_shape)),
            np.zeros(group.size),
            True,
            -math.inf,
            math.inf,
        )
    return Upward(network.log_constant + _log_of_scalars(schedule, stacks), stacks)


def _unscaled(block: Block) -> Block:
    logs = to_log(block)
    spread = (-1, *(1 for _ in logs.values.shape[1:]))
    values = logs.values + logs.log_scale.reshape(spread)
    return Block(values, np.zeros(len(values)), True, -math.inf, math.inf)


def root_table(network: Network, schedule: Schedule, upward: Upward) -> tuple[FloatArray, int]:
    """Log weights over the kept variables, and the number of the table they are."""
    table = next(t for t in schedule.roots if len(schedule.stack_shapes[schedule.place[t][0]]) > 1)
    stack, row = schedule.place[table]
    block = upward.stacks[stack]
    assert block is not None
    logs = to_log(block)
    return logs.values[row] + (logs.log_scale[row] + upward.log_total), table


def _log_of_scalars(schedule: Schedule, stacks: Stacks) -> float:
    total = 0.0
    for table in schedule.roots:
        stack, row = schedule.place[table]
        block = stacks[stack]
        assert block is not None
        if block.values.ndim > 1:
            continue
        value = float(block.values[row])
        log = value if block.is_log else (math.log(value) if value > 0 else -math.inf)
        total += log + float(block.log_scale[row])
    return total


def _last_uses(schedule: Schedule) -> dict[int, list[int]]:
    """Group number -> stacks that nothing needs afterwards; roots stay."""
    roots = {schedule.place[table][0] for table in schedule.roots}
    last: dict[int, int] = {}
    for number, group in enumerate(schedule.groups):
        for operand in (group.left, group.right):
            for piece in operand.pieces if operand is not None else ():
                last[piece.stack] = number
    uses: dict[int, list[int]] = {}
    for stack, number in last.items():
        if stack not in roots:
            uses.setdefault(number, []).append(stack)
    return uses
