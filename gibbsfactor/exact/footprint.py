"""How many bytes a schedule takes: the sweeps played through with sizes in place of tables.

The play follows `contraction` and `sweeps` array by array: what is copied and what is a view, what
is let go when. Whether a product must first be rescaled depends on the numbers in the tables, which
a plan doesn't know; it is taken to be so for a share of the inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from math import prod

from gibbsfactor.exact.contraction import MOST_KEPT
from gibbsfactor.exact.cost import Task
from gibbsfactor.exact.scaled import BROADCAST_ENTRIES, SHORT_SUM
from gibbsfactor.exact.schedule import Group, Operand, Schedule
from gibbsfactor.exact.tally import BYTES as BYTES
from gibbsfactor.exact.tally import Adjoints, Tally

RESCALED = 0.4  # share of a product's inputs that are copied once more to rescale them
RESCALED_DOWN = 0.8  # and of adjoints with what they are multiplied by

# Bytes of Python's own objects: for a run, for each group and for each variable whose marginal is
# made. Measured with tracemalloc on small networks.
OBJECTS: dict[Task, tuple[int, int, int]] = {
    "log_partition": (5600, 310, 0),
    "marginals": (10600, 1420, 170),
    "map": (9500, 700, 0),
    "marginal_map": (9500, 700, 0),
    "sample": (10900, 690, 0),
}
OF_KEPT = 1000  # and for each group whose inputs are kept for the way down


class Footprint:
    """Most bytes alive at once, for each task; counted when first asked for."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._least = 0
        self._counts: dict[Task, int] = {}

    @classmethod
    def at_least(cls, n_bytes: int) -> Footprint:
        """What is known where there is no schedule: the bytes of one table."""
        footprint = cls(Schedule((), (), (), {}, (), ()))
        footprint._least = n_bytes
        return footprint

    def peak(self, task: Task) -> int:
        """Bytes that a task takes, Python's objects included."""
        base, of_group, of_variable = OBJECTS[task]
        groups = self._schedule.groups
        objects = base + (of_group + OF_KEPT * self._keeps(task)) * len(groups)
        if of_variable:
            objects += of_variable * sum([g.size * len(g.steps[0].summed) for g in groups])
        return self.tables(task) + objects

    def tables(self, task: Task) -> int:
        """Bytes that the tables alone take; each further row of evidence takes as much again."""
        if self._least:
            return self._least
        if task not in self._counts:
            count = {"log_partition": self._upward, "marginals": self._downward}
            self._counts[task] = int(count.get(task, self._traced)(task))
        return self._counts[task]

    def _keeps(self, task: Task) -> bool:
        """Whether the inputs of all groups are kept as matrices."""
        return task in ("marginals", "sample") and self._schedule.entries <= MOST_KEPT

    # ---- what there is to count -------------------------------------------------------

    @cached_property
    def sizes(self) -> list[int]:
        """Bytes of every stack, with a scale for each of its tables."""
        return [BYTES * (prod(shape) + shape[0]) for shape in self._schedule.stack_shapes]

    @cached_property
    def _last_uses(self) -> dict[int, list[int]]:
        """Group -> the stacks that no later one needs."""
        last: dict[int, int] = {}
        for number, group in enumerate(self._schedule.groups):
            for operand in operands(group):
                for piece in operand.pieces:
                    last[piece.stack] = number
        uses: dict[int, list[int]] = {}
        for stack, number in last.items():
            uses.setdefault(number, []).append(stack)
        return uses

    @cached_property
    def _wanted(self) -> set[int]:
        """The stacks that marginals are read off: of each step the smaller table that is summed."""
        sizes = [prod(shape[1:]) for shape in self._schedule.stack_shapes]
        wanted: set[int] = set()
        for group in self._schedule.groups:
            if group.steps[0].summed:
                smaller = min(
                    operands(group), key=lambda o: max([sizes[piece.stack] for piece in o.pieces])
                )
                wanted.update([piece.stack for piece in smaller.pieces])
        return wanted

    def _loaded(self, tally: Tally) -> None:
        """The given tables, gathered and rescaled."""
        for tables, size in zip(self._schedule.leaves, self.sizes, strict=False):
            tally.touch(2 * size if len(tables) > 1 else size)
            tally.hold(size)

    def _fetched(self, group: Group, tally: Tally, held: int = 0) -> int:
        """Both sides as matrices, while ``held`` bytes are there as well; returns their bytes."""
        new = 0
        for operand, rows, columns in _sides(group):
            size = group.size * prod(operand.shape) * BYTES
            gathered = len(operand.pieces) > 1 or not isinstance(operand.pieces[0].rows, slice)
            copied = not _mergeable(operand.axes, rows, columns)
            tally.touch(held + new + size * (gathered + copied))
            new += size * (gathered or copied)
        return new

    # ---- the sweeps -------------------------------------------------------------------

    def _upward(self, task: Task) -> int:
        """A stack is let go after its last use."""
        tally = Tally()
        self._loaded(tally)
        self._ups(tally, retain=False)
        return tally.peak

    def _ups(self, tally: Tally, *, retain: bool, keep: bool = False) -> None:
        n_leaves = len(self._schedule.leaves)
        for number, group in enumerate(self._schedule.groups):
            out = self.sizes[n_leaves + number]
            fetched = self._fetched(group, tally)
            tally.touch(fetched + out + int(RESCALED * BYTES * _entries(group)))
            tally.hold(out + fetched if keep else out)
            if not retain:
                for stack in self._last_uses.get(number, ()):
                    tally.hold(-self.sizes[stack])

    def _traced(self, task: Task) -> int:
        """All stacks are retained, then a traceback goes down; in logs for a maximum."""
        tally = Tally()
        self._loaded(tally)
        groups, n_leaves = self._schedule.groups, len(self._schedule.leaves)
        before = 0  # bytes of the inputs of the step before, which are still there
        if task == "map":
            leaves = self.sizes[:n_leaves]
            for size in leaves:
                tally.touch(2 * size)
                tally.hold(size)
            tally.hold(-sum(leaves))
            for number, group in enumerate(groups):
                out = self.sizes[n_leaves + number]
                before = self._fetched(group, tally, before)
                tally.touch(before + 2 * out + _long_maxima(group))
                tally.hold(out)
        else:
            self._ups(tally, retain=True, keep=self._keeps(task))
        for group in reversed(groups):
            if group.steps[0].summed:
                fetched = self._fetched(group, tally, before)
                logs = 0 if task == "map" else _entries(group) * BYTES
                tally.touch(before + fetched + logs)
                before = fetched if task == "map" else logs
        return tally.peak

    def _downward(self, task: Task) -> int:
        """All stacks are retained, then their adjoints come and go from the roots down."""
        tally = Tally()
        self._loaded(tally)
        self._ups(tally, retain=True, keep=self._keeps(task))
        schedule, sizes, wanted = self._schedule, self.sizes, self._wanted
        n_leaves = len(schedule.leaves)
        needed = _above(schedule, wanted)
        adjoints = Adjoints(tally)
        for stack in {schedule.place[table][0] for table in schedule.roots}:
            adjoints.give(stack, tally.array(sizes[stack]), plain=True, whole=True)
        read = inputs = 0  # bytes of the last marginal read, and of the inputs of the last step
        adjoint = above = tally.array(0)
        for number in range(len(schedule.groups) - 1, -1, -1):
            group, stack = schedule.groups[number], n_leaves + number
            if stack not in needed:
                continue
            size = sizes[stack]
            adjoint, plain = adjoints.take(stack, size, adjoint)
            if stack in wanted:
                read = _read(tally, size, plain, read)
            fetched = 0 if self._keeps(task) else self._fetched(group, tally)
            tally.hold(fetched - inputs)
            inputs = fetched
            matrices = tally.shared(adjoint) if plain else tally.array(size)
            tally.release(above)
            above = matrices
            for operand, _, _ in _sides(group):
                if any(piece.stack in needed for piece in operand.pieces):
                    entries = group.size * prod(operand.shape)
                    others = size // BYTES + _entries(group) - entries
                    tally.touch(BYTES * entries + int(RESCALED_DOWN * BYTES * others))
                    adjoints.scatter(operand, tally.array(entries * BYTES), needed)
        for stack in range(n_leaves):
            if stack in wanted:
                adjoint, plain = adjoints.take(stack, sizes[stack], adjoint)
                read = _read(tally, sizes[stack], plain, read)
        return tally.peak


def _read(tally: Tally, size: int, plain: bool, before: int) -> int:
    """A table times its adjoint in place of the last such product, then a copy to sum."""
    tally.touch(size if plain else 2 * size)
    tally.hold(size - before)
    tally.touch(size)
    return size


def operands(group: Group) -> Iterator[Operand]:
    """The left side, and the right one if there is one."""
    yield group.left
    if group.right is not None:
        yield group.right


def _sides(group: Group) -> Iterator[tuple[Operand, int, int]]:
    """Each side with how many of its axes are merged first and second."""
    step = group.steps[0]
    batch, inner = len(step.batch), len(step.summed)
    yield group.left, batch, batch + len(step.rows)
    if group.right is not None:
        yield group.right, batch, batch + inner


def _mergeable(axes: tuple[int, ...], first: int, second: int) -> bool:
    """Whether axes in this order merge into three without a copy: each three a stretch."""
    return all(
        axes[i] + 1 == axes[i + 1] for i in range(len(axes) - 1) if i + 1 not in (first, second)
    )


def _entries(group: Group) -> int:
    """Entries of the inputs of a group."""
    return group.size * sum([prod(o.shape) for o in operands(group)])


def _long_maxima(group: Group) -> int:
    """Bytes for maxima over many states, which are taken over a stretch of them at once."""
    inner = group.left.matrix[2]
    if inner <= SHORT_SUM:
        return 0
    entries = group.products // inner
    stretch = BROADCAST_ENTRIES // max(entries, 1)
    if stretch <= SHORT_SUM:
        return 0
    return BYTES * entries * (min(stretch, inner) + inner // stretch)


def _above(schedule: Schedule, wanted: Collection[int]) -> set[int]:
    """The wanted stacks and all that are made of them."""
    needed = set(wanted)
    for number, group in enumerate(schedule.groups, len(schedule.leaves)):
        if any(piece.stack in needed for o in operands(group) for piece in o.pieces):
            needed.add(number)
    return needed
