"""Counting bytes while arrays come and go."""

from __future__ import annotations

from collections.abc import Collection
from math import prod

from gibbsfactor.exact.schedule import Operand

BYTES = 8  # of a double


class Tally:
    """Bytes held now, and the most that there were."""

    def __init__(self) -> None:
        self.held = 0
        self.peak = 0
        self.uses: list[list[int]] = []  # of every array its bytes and who uses it

    def hold(self, n_bytes: int) -> None:
        """From now on there are so many more."""
        self.held += n_bytes
        self.peak = max(self.peak, self.held)

    def touch(self, n_bytes: int) -> None:
        """For a moment there are so many more."""
        self.peak = max(self.peak, self.held + n_bytes)

    def array(self, n_bytes: int) -> int:
        """A new array, used once; returns its number."""
        self.hold(n_bytes)
        self.uses.append([n_bytes, 1])
        return len(self.uses) - 1

    def shared(self, array: int) -> int:
        """The array, used once more."""
        self.uses[array][1] += 1
        return array

    def release(self, array: int) -> None:
        """Used once less; it goes with its last use."""
        entry = self.uses[array]
        entry[1] -= 1
        if entry[1] == 0:
            self.hold(-entry[0])


class Adjoints:
    """The parts that the adjoint of each stack is made of, as views of arrays."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.parts: dict[int, list[tuple[int, bool, bool]]] = {}

    def give(self, stack: int, array: int, *, plain: bool, whole: bool) -> None:
        """A part of a stack: whether its axes are in order, and its rows a stretch."""
        self.parts.setdefault(stack, []).append((array, plain, whole))

    def scatter(self, operand: Operand, base: int, needed: Collection[int]) -> None:
        """Give an array, the adjoint of an operand, to the stacks that it came from."""
        plain = operand.axes == tuple(range(len(operand.axes)))
        entries = prod(operand.shape) * BYTES
        for piece in operand.pieces:
            if piece.stack not in needed:
                continue
            whole = isinstance(piece.rows, slice)
            if isinstance(piece.members, slice):
                self.give(piece.stack, self.tally.shared(base), plain=plain, whole=whole)
            else:
                array = self.tally.array(len(piece.members) * entries)
                self.give(piece.stack, array, plain=plain, whole=whole)
        self.tally.release(base)

    def take(self, stack: int, size: int, before: int) -> tuple[int, bool]:
        """One array out of a stack's parts, in place of ``before``; whether it is in order."""
        parts = self.parts.pop(stack)
        array, plain, whole = parts[0]
        if len(parts) > 1 or not whole:
            array, plain = self.tally.array(size), True
            for part, _, _ in parts:
                self.tally.release(part)
        self.tally.release(before)
        return array, plain
