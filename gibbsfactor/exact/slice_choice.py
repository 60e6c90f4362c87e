"""Which variable to fix next, so that the tables alive at once shrink most for what it costs.

All candidates are weighed together on the tree as it is: fixing a variable divides every table
and every step that has it by its cardinality, and multiplies the number of runs by the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.cost import Task, Work, charged
from gibbsfactor.exact.footprint import operands
from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.exact.tree import TreeBuilder

FloatArray = npt.NDArray[np.float64]

MOST_CANDIDATES = 64
LARGE = 2**-6  # of the largest table: variables of smaller ones are not looked at
SOFTNESS = 8  # the power of the mean that stands for the peak, so that ties at it count as well
FREE = 0.05  # nats of cost that are as good as none


def next_variable(
    tree: TreeBuilder, schedule: Schedule, task: Task, kept: Collection[int]
) -> int | None:
    """The variable to fix, None where no fixing would make anything smaller.

    It has the most nats by which the peak shrinks, per nat by which the run time grows.
    """
    candidates = _candidates(tree, kept)
    if not candidates:
        return None
    held, met = _incidence(tree, candidates)
    sizes = np.array(tree.sizes, dtype=float)
    products = np.array(tree.products, dtype=float)
    shrink = 1 - 1 / np.array([tree.cardinalities[v] for v in candidates])
    stacks, inputs = _by_stack(tree, schedule, sizes, held, shrink)
    peaks = _soft_peaks(schedule, stacks, inputs, task)
    charges = np.array([charged(size) for size in tree.sizes])
    work = products.sum() - np.array([products[s].sum() for s in met]) * shrink
    whole = Work.of(tree, len(schedule.groups))
    before = whole.seconds(task)
    best, found = 0.0, None
    for c, v in enumerate(candidates):
        left = sum([charged(size) for size in (sizes[held[c]] * (1 - shrink[c])).tolist()])
        entries = whole.entries - charges[held[c]].sum() + left
        part = replace(whole, products=work[c], entries=entries)
        after = part.seconds(task) * tree.cardinalities[v]
        gain = np.log(peaks[-1] / peaks[c])
        ratio = gain / (FREE + max(np.log(after / before), 0.0))
        if ratio > best:
            best, found = ratio, v
    return found


def _candidates(tree: TreeBuilder, kept: Collection[int]) -> list[int]:
    """Variables of the large tables, those that are in most of them first."""
    least = LARGE * max(tree.sizes, default=0)
    weight: dict[int, int] = defaultdict(int)
    for scope, size in zip(tree.scopes, tree.sizes, strict=True):
        if size >= least:
            for v in scope:
                weight[v] += size
    ranked = sorted((-w, v) for v, w in weight.items() if v not in kept)
    return [v for _, v in ranked[:MOST_CANDIDATES]]


def _incidence(tree: TreeBuilder, candidates: list[int]) -> tuple[list[list[int]], list[list[int]]]:
    """For each candidate the tables that hold it, and the steps in which it meets others."""
    held: dict[int, list[int]] = {v: [] for v in candidates}
    met: dict[int, list[int]] = {v: [] for v in candidates}
    for table, scope in enumerate(tree.scopes):
        for v in scope:
            if v in held:
                held[v].append(table)
    for number, step in enumerate(tree.steps):
        for v in (*tree.scopes[step.out], *step.summed):
            if v in met:
                met[v].append(number)
    return list(held.values()), list(met.values())


def _by_stack(
    tree: TreeBuilder,
    schedule: Schedule,
    sizes: FloatArray,
    held: list[list[int]],
    shrink: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Entries of every stack and of every group's inputs, by candidate; as they are in the last."""
    n_stacks, n_leaves = len(schedule.stack_shapes), len(schedule.leaves)
    stack_of = np.zeros(len(tree.scopes), dtype=int)
    for table, (stack, _) in schedule.place.items():
        stack_of[table] = stack
    used_by = np.full(len(tree.scopes), -1)  # group that takes a table; the last one if none does
    for step in tree.steps:
        used_by[[step.left, max(step.right, step.left)]] = stack_of[step.out] - n_leaves
    n_groups = max(len(schedule.groups), 1)
    stacks = _columns(np.bincount(stack_of, sizes, n_stacks), len(held) + 1)
    taken = used_by >= 0
    inputs = _columns(np.bincount(used_by[taken], sizes[taken], n_groups), len(held) + 1)
    for c, tables in enumerate(held):
        less = sizes[tables] * shrink[c]
        stacks[:, c] -= np.bincount(stack_of[tables], less, n_stacks)
        taken = used_by[tables] >= 0
        inputs[:, c] -= np.bincount(used_by[tables][taken], less[taken], n_groups)
    return stacks, inputs


def _columns(values: npt.NDArray[Any], n: int) -> FloatArray:
    return np.repeat(values.astype(float)[:, None], n, axis=1)


def _soft_peaks(
    schedule: Schedule, stacks: FloatArray, inputs: FloatArray, task: Task
) -> FloatArray:
    """About the most entries alive at once, by candidate."""
    n_leaves = len(schedule.leaves)
    outs = stacks[n_leaves:]
    if task != "log_partition":
        working = inputs[: len(outs)] + 2 * outs
        return np.asarray(stacks.sum(axis=0) + _soft(working))
    last: dict[int, int] = {}
    for number, group in enumerate(schedule.groups):
        for operand in operands(group):
            for piece in operand.pieces:
                last[piece.stack] = number
    freed: dict[int, list[int]] = defaultdict(list)
    for stack, number in last.items():
        freed[number].append(stack)
    alive = stacks[:n_leaves].sum(axis=0)
    seen = [alive.copy()]
    for number, out in enumerate(outs):
        seen.append(alive + inputs[number] + out)
        alive += out - stacks[freed[number]].sum(axis=0)
    return _soft(np.array(seen))


def _soft(rows: FloatArray) -> FloatArray:
    """Power mean over rows: near the largest, yet every row counts."""
    if not len(rows):
        return np.zeros(rows.shape[1])
    top = np.maximum(rows.max(axis=0), 1.0)
    return np.asarray(top * ((rows / top) ** SOFTNESS).sum(axis=0) ** (1 / SOFTNESS))
