"""How many bytes a schedule takes: the sweeps played through with sizes in place of tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import prod

from gibbsfactor.exact.cost import Task
from gibbsfactor.exact.schedule import Group, Operand, Schedule

BYTES = 8  # of a double


class Footprint:
    """Most bytes of tables alive at once, for each task; counted when first asked for."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._least = 0
        self.sizes = [prod(shape) * BYTES for shape in schedule.stack_shapes]

    @classmethod
    def at_least(cls, n_bytes: int) -> Footprint:
        """What is known where there is no schedule: the bytes of one table."""
        footprint = cls(Schedule((), (), (), {}, (), ()))
        footprint._least = n_bytes
        return footprint

    def peak(self, task: Task) -> int:
        """Bytes that a task takes."""
        if self._least:
            return self._least
        if task == "log_partition":
            return self._upward
        return self._both_ways if task == "marginals" else self._retained

    @cached_property
    def _working(self) -> list[int]:
        """For each group the bytes of its inputs, copied into matrices."""
        return [
            sum(group.size * prod(o.matrix) * BYTES for o in operands(group))
            for group in self._schedule.groups
        ]

    @cached_property
    def _upward(self) -> int:
        """A stack is let go after its last use."""
        steps, sizes = self._schedule, self.sizes
        n_leaves = len(steps.leaves)
        last: dict[int, int] = {}
        for number, group in enumerate(steps.groups):
            for operand in operands(group):
                for piece in operand.pieces:
                    last[piece.stack] = number
        freed: dict[int, int] = {}
        for stack, number in last.items():
            freed[number] = freed.get(number, 0) + sizes[stack]
        alive = sum(sizes[:n_leaves])
        peak = alive
        for number, copies in enumerate(self._working):
            peak = max(peak, alive + copies + sizes[n_leaves + number])
            alive += sizes[n_leaves + number] - freed.get(number, 0)
        return peak

    @cached_property
    def _retained(self) -> int:
        n_leaves = len(self._schedule.leaves)
        most = max(
            (copies + 2 * self.sizes[n_leaves + g] for g, copies in enumerate(self._working)),
            default=0,
        )
        return sum(self.sizes) + most

    @cached_property
    def _both_ways(self) -> int:
        n_leaves = len(self._schedule.leaves)
        most = max(
            (copies + self.sizes[n_leaves + g] for g, copies in enumerate(self._working)),
            default=0,
        )
        return 2 * sum(self.sizes) + 2 * most


def operands(group: Group) -> Iterator[Operand]:
    """The left side, and the right one if there is one."""
    yield group.left
    if group.right is not None:
        yield group.right
