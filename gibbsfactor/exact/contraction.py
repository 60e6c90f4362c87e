"""The upward sweep: follow a schedule from the given tables to the roots."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gibbsfactor.exact.network import Network
from gibbsfactor.exact.parallel import WORTH_PRODUCTS, in_parts
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

MOST_KEPT = 2**20  # entries of all tables, up to which inputs are kept for the downward sweep


@dataclass(frozen=True, eq=False)
class Upward:
    """What an upward sweep leaves: log of the total in each row, and the stacks if retained."""

    log_totals: FloatArray  # (R,), R being 1 where all rows agree
    stacks: Stacks
    inputs: list[tuple[Block, Block]]  # of the groups, as matrices; empty if not kept

    @property
    def log_total(self) -> float:
        """The only row's."""
        return float(self.log_totals[0])


def load(network: Network, schedule: Schedule, rows: slice) -> Stacks:
    """Blocks of the given tables, and room for one block for each group."""
    given: Stacks = [
        network.stack(tables, shape, rows)
        for tables, shape in zip(schedule.leaves, schedule.leaf_shapes, strict=True)
    ]
    return given + [None] * len(schedule.groups)


def fetch(operand: Operand, stacks: Stacks) -> Block:
    """The G tables of an operand as matrices (G, b, i, k, R)."""
    blocks = []
    for piece in operand.pieces:
        block = stacks[piece.stack]
        assert block is not None
        blocks.append(block)
    if len(blocks) == 1:
        (first,), (piece,) = blocks, operand.pieces
        is_log, low, high = first.is_log, first.low, first.high
        values, scale = first.values, first.log_scale
        if not (isinstance(piece.rows, slice) and _count(piece.rows) == len(scale)):
            values, scale = values[piece.rows], scale[piece.rows]
    else:
        is_log = any(block.is_log for block in blocks)
        low = min([block.low for block in blocks])
        high = max([block.high for block in blocks])
        if is_log:
            blocks = [to_log(block) for block in blocks]
        size = sum([_count(piece.rows) for piece in operand.pieces])
        rows = max([block.values.shape[-1] for block in blocks])
        values = np.empty((size, *operand.shape, rows))
        scale = np.empty((size, rows))
        for block, piece in zip(blocks, operand.pieces, strict=True):
            values[piece.members] = block.values[piece.rows]
            scale[piece.members] = block.log_scale[piece.rows]
    values = values.transpose(_between_groups_and_rows(operand.axes))
    shape = (len(values), *operand.matrix, values.shape[-1])
    return Block(_laid_out(values, shape), scale, is_log, low, high)


@lru_cache(maxsize=4096)
def _between_groups_and_rows(axes: tuple[int, ...]) -> tuple[int, ...]:
    """An order of a table's axes, with that of the tables before and that of the rows after."""
    return (0, *[axis + 1 for axis in axes], len(axes) + 1)


def _laid_out(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """The array in another shape, without a copy if it can be."""
    if values.size < WORTH_PRODUCTS:
        return values.reshape(shape)
    try:
        return values.reshape(shape, copy=False)
    except ValueError:
        copy = np.empty(values.shape)
        axis = max(range(values.ndim), key=values.shape.__getitem__)
        whole = (slice(None),) * axis

        def fill(part: slice) -> None:
            copy[(*whole, part)] = values[(*whole, part)]

        in_parts(values.size, values.shape[axis], fill)
        return copy.reshape(shape)


def _count(rows: slice | np.ndarray) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def inputs(group: Group, stacks: Stacks, *, logs: bool = False) -> tuple[Block, Block]:
    """Both sides of a group; a table of ones where there is no right side."""
    left = fetch(group.left, stacks)
    if group.right is None:
        return left, ones((1, group.left.matrix[2], 1), logs or left.is_log)
    return left, fetch(group.right, stacks)


ALL = slice(0, 1)  # the rows of a network that has one


def sum_product(network: Network, schedule: Schedule, *, retain: bool, rows: slice = ALL) -> Upward:
    """log of the sum over all assignments, in each row; every stack is kept if ``retain``.

    Without ``retain`` a stack is let go after its last use.
    """
    stacks = load(network, schedule, rows)
    last_use = {} if retain else last_uses(schedule)
    keep = retain and rows.stop - rows.start == 1 and schedule.entries <= MOST_KEPT
    kept: list[tuple[Block, Block]] = []
    for number, group in enumerate(schedule.groups):
        left, right = inputs(group, stacks)
        if keep:
            kept.append((left, right))
        out = multiply(left, right, (group.size, *group.out_shape))
        stacks[len(schedule.leaves) + number] = out
        del left, right, out  # large ones are let go before the next step
        for stack in last_use.get(number, ()):
            stacks[stack] = None
    return Upward(_log_totals(network, schedule, stacks), stacks, kept)


def max_product(network: Network, schedule: Schedule, rows: slice = ALL) -> Upward:
    """log of the greatest weight; all stacks are kept, in logs and unscaled, for the traceback."""
    stacks = [
        None if block is None else _unscaled(block) for block in load(network, schedule, rows)
    ]
    for number, group in enumerate(schedule.groups):
        left, right = inputs(group, stacks, logs=True)
        best = max_plus(left.values, right.values)
        best = best.reshape((group.size, *group.out_shape, best.shape[-1]))
        scale = np.zeros((group.size, best.shape[-1]))
        stacks[len(schedule.leaves) + number] = Block(best, scale, True, -math.inf, math.inf)
    return Upward(_log_totals(network, schedule, stacks), stacks, [])


def _unscaled(block: Block) -> Block:
    logs = to_log(block)
    size, rows = logs.log_scale.shape
    values = logs.values + logs.log_scale.reshape(
        (size, *(1 for _ in logs.values.shape[1:-1]), rows)
    )
    return Block(values, np.zeros((size, rows)), True, -math.inf, math.inf)


def kept_root(schedule: Schedule) -> int:
    """Number of the table over the kept variables that is left at the end."""
    return next(t for t in schedule.roots if len(schedule.stack_shapes[schedule.place[t][0]]) > 1)


def root_table(schedule: Schedule, upward: Upward, number: int) -> FloatArray:
    """Log weights (..., R) over the kept variables, from the table of this number."""
    stack, row = schedule.place[number]
    block = upward.stacks[stack]
    assert block is not None
    logs = to_log(block)
    return np.asarray(logs.values[row] + (logs.log_scale[row] + upward.log_totals))


def root_logs(schedule: Schedule, stacks: Stacks) -> FloatArray:
    """Logs (roots, R) of what is left of each connected part when nothing is kept."""
    logs = []
    for table in schedule.roots:
        stack, row = schedule.place[table]
        block = stacks[stack]
        assert block is not None
        logs.append(to_log(block).values[row] + block.log_scale[row])
    return np.stack(np.broadcast_arrays(*logs)) if logs else np.zeros((0, 1))


def _log_totals(network: Network, schedule: Schedule, stacks: Stacks) -> FloatArray:
    total = np.array([network.log_constant])
    for table in schedule.roots:
        stack, row = schedule.place[table]
        block = stacks[stack]
        assert block is not None
        if block.values.ndim > 2:
            continue
        total = total + (to_log(block).values[row] + block.log_scale[row])
    return total


def last_uses(schedule: Schedule) -> dict[int, list[int]]:
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
