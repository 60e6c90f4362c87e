"""From a contraction tree to groups of same-shaped steps that run as one batched product.

Every step is a batch of matrix products. Its variables fall into four kinds, and these letters
are used throughout ``exact``:

    b   in both tables and in the result           (batch)
    l   in the left table and in the result        (rows)
    s   in both tables, summed out                 (inner)
    r   in the right table and in the result       (columns)

    result[b, l, r] = sum_s left[b, l, s] * right[b, s, r]

G steps with equal shapes and no order between them form a group and add a leading axis G. Tables
live in stacks: arrays (G, *shape) of all tables made by one group, or of all given tables of one
shape. The small steps at the bottom of the tree run level by level, so that groups are large;
above them the rest runs depth first, so that few large tables are alive at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.order import Scope
from gibbsfactor.exact.tree import Step, TreeBuilder

IntArray = npt.NDArray[np.intp]
Rows = slice | IntArray
Axes = tuple[int, ...]
Signature = tuple[Any, ...]  # what steps must share to run together; their axes come last

SMALL_PRODUCTS = 2**14  # multiplications of a step that is worth grouping


class Piece(NamedTuple):
    """Rows of one stack that go to certain members of a group."""

    stack: int
    rows: Rows
    members: Rows


class Operand(NamedTuple):
    """One side of a group: where its G tables lie, and how to view each as a matrix.

    ``axes`` orders a table's axes as (b, l, s) for the left side and (b, s, r) for the right
    one; ``matrix`` is the shape (|b|, |l|, |s|) or (|b|, |s|, |r|) that they are merged into.
    """

    pieces: tuple[Piece, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    matrix: tuple[int, int, int]


class Indices:
    """Variables of one kind (b, l, s or r) of each member, and their strides when merged.

    Attributes
    ----------
    variables : int array (G, how many)
    strides, sizes : int arrays (how many,)
    """

    def __init__(self, scopes: Sequence[Scope], sizes: tuple[int, ...]) -> None:
        n = len(sizes)
        self.variables: IntArray = np.array(scopes, dtype=np.intp).reshape(len(scopes), n)
        self.sizes: IntArray = np.array(sizes, dtype=np.intp)
        self.strides: IntArray = np.array([prod(sizes[i + 1 :]) for i in range(n)], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Group:
    """G steps with equal shapes; ``right`` is None when the left tables are summed alone.

    The variables of each kind are put into arrays when first asked for: log Z never does.
    """

    steps: Sequence[Step]
    left: Operand
    right: Operand | None
    out_shape: tuple[int, ...]
    cardinalities: Sequence[int] = field(repr=False)

    @property
    def size(self) -> int:
        """G."""
        return len(self.steps)

    @property
    def out_tables(self) -> tuple[int, ...]:
        """Numbers of the tables that it makes."""
        return tuple([step.out for step in self.steps])

    @cached_property
    def batch(self) -> Indices:
        """Kind b."""
        return self._indices([step.batch for step in self.steps])

    @cached_property
    def rows(self) -> Indices:
        """Kind l."""
        return self._indices([step.rows for step in self.steps])

    @cached_property
    def inner(self) -> Indices:
        """Kind s."""
        return self._indices([step.summed for step in self.steps])

    @cached_property
    def columns(self) -> Indices:
        """Kind r."""
        return self._indices([step.columns for step in self.steps])

    def _indices(self, scopes: list[Scope]) -> Indices:
        return Indices(scopes, tuple([self.cardinalities[v] for v in scopes[0]]))

    @property
    def matrix_products(self) -> int:
        """Multiplications in one of its matrix products."""
        _, l, s = self.left.matrix
        return l * s * (self.right.matrix[2] if self.right else 1)

    @property
    def products(self) -> int:
        """Multiplications in the group."""
        return self.size * self.left.matrix[0] * self.matrix_products


@dataclass(frozen=True, eq=False)
class Schedule:
    """Everything the sweeps follow: the stacks of given tables, the groups, where roots lie.

    ``leaves[k]`` lists the given tables of stack k; group g makes stack ``len(leaves) + g``.
    """

    leaves: tuple[tuple[int, ...], ...]
    leaf_shapes: tuple[tuple[int, ...], ...]
    groups: tuple[Group, ...]
    place: dict[int, tuple[int, int]]  # table -> (stack, row)
    roots: tuple[int, ...]
    stack_shapes: tuple[tuple[int, ...], ...]  # with the leading G

    @cached_property
    def largest_matrix(self) -> int:
        """Multiplications of the largest of all matrix products."""
        return max([group.matrix_products for group in self.groups], default=0)

    @cached_property
    def entries(self) -> int:
        """Of all tables, given ones and intermediate ones."""
        return sum([prod(shape) for shape in self.stack_shapes])


def schedule(tree: TreeBuilder, small: int | None = None) -> Schedule:
    """Group the steps of a tree and fix where every table lies.

    Steps of at most ``small`` multiplications run in groups. With 0 every step runs by itself,
    which takes more time, and less memory where groups make many tables before they are needed.
    """
    return _Scheduler(tree, SMALL_PRODUCTS if small is None else small).schedule()


class _Scheduler:
    """Goes through a tree once; ``shapes`` are those of all its tables."""

    def __init__(self, tree: TreeBuilder, most: int) -> None:
        self.tree = tree
        self.most = most
        cardinalities = tree.cardinalities
        self.shapes = [tuple([cardinalities[v] for v in scope]) for scope in tree.scopes]

    def schedule(self) -> Schedule:
        tree, shapes = self.tree, self.shapes
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for table in range(tree.n_given):
            by_shape[shapes[table]].append(table)
        self.place: dict[int, tuple[int, int]] = {}
        for stack, tables in enumerate(by_shape.values()):
            self._put(stack, tables)
        stack_shapes = [(len(tables), *shape) for shape, tables in by_shape.items()]
        groups: list[Group] = []
        n_leaves = len(by_shape)
        for steps, axes in self._batches():
            if len(steps) > 1:
                steps.sort(key=lambda step: self.place[step.left])
            group = self._group(steps, *axes)
            self._put(n_leaves + len(groups), [step.out for step in steps])
            stack_shapes.append((len(steps), *group.out_shape))
            groups.append(group)
        return Schedule(
            tuple([tuple(tables) for tables in by_shape.values()]),
            tuple(by_shape),
            tuple(groups),
            self.place,
            tuple(sorted(tree.live)),
            tuple(stack_shapes),
        )

    def _put(self, stack: int, tables: Sequence[int]) -> None:
        for row, table in enumerate(tables):
            self.place[table] = (stack, row)

    def _batches(self) -> Iterator[tuple[list[Step], tuple[Axes, Axes]]]:
        """Lists of steps that may run together, each after all that it needs, and their axes."""
        tree, most, shapes = self.tree, self.most, self.shapes
        level = [0] * len(tree.scopes)  # -1: not at the small bottom
        grouped: list[dict[Signature, list[Step]]] = []
        rest: list[Step] = []
        for step, products in zip(tree.steps, tree.products, strict=True):
            left, right = step.left, step.right
            below = level[left]
            if right >= 0 and below >= 0:
                below = max(below, level[right]) if level[right] >= 0 else -1
            if below < 0 or products > most:
                level[step.out] = -1
                rest.append(step)
                continue
            level[step.out] = below + 1
            if below == len(grouped):
                grouped.append({})
            # Equal shapes and axes mean equal numbers of variables of each kind but for those
            # that are kept apart here.
            signature = (
                shapes[left],
                shapes[right] if right >= 0 else None,
                len(step.batch),
                len(step.rows),
                *self._axes(step),
            )
            grouped[below].setdefault(signature, []).append(step)
        for groups in grouped:
            for signature, steps in groups.items():
                yield steps, signature[-2:]
        for step in _depth_first(rest, tree):
            yield [step], self._axes(step)

    def _axes(self, step: Step) -> tuple[Axes, Axes]:
        """A step's variables as axes of its tables, in the order (b, l, s) and (b, s, r)."""
        left = self.tree.scopes[step.left]
        one = tuple([left.index(v) for v in (*step.batch, *step.rows, *step.summed)])
        if step.right < 0:
            return one, ()
        right = self.tree.scopes[step.right]
        return one, tuple([right.index(v) for v in (*step.batch, *step.summed, *step.columns)])

    def _group(self, steps: list[Step], one: Axes, two: Axes) -> Group:
        first, entries = steps[0], self.tree.entries
        b, l, s = entries(first.batch), entries(first.rows), entries(first.summed)
        place = self.place
        left = Operand(
            _pieces([place[step.left] for step in steps]), one, self.shapes[first.left], (b, l, s)
        )
        right = None
        if first.right >= 0:
            right = Operand(
                _pieces([place[step.right] for step in steps]),
                two,
                self.shapes[first.right],
                (b, s, entries(first.columns)),
            )
        return Group(steps, left, right, self.shapes[first.out], self.tree.cardinalities)


def _depth_first(steps: list[Step], tree: TreeBuilder) -> list[Step]:
    """The steps in postorder, the input that needs more space first."""
    maker = {step.out: step for step in steps}
    need: dict[int, int] = {}
    used: set[int] = set()
    for step in steps:  # made in an order in which inputs come first
        own = tree.products[step.out - tree.n_given]
        need[step.out] = max(own, need.get(step.left, 0), need.get(step.right, 0))
        used.update((step.left, step.right))
    order: list[Step] = []
    stack = [(step, False) for step in reversed(steps) if step.out not in used]
    while stack:
        step, ready = stack.pop()
        if ready:
            order.append(step)
            continue
        stack.append((step, True))
        inputs = sorted((t for t in (step.left, step.right) if t in maker), key=need.__getitem__)
        stack.extend((maker[t], False) for t in inputs)
    return order


def _pieces(places: list[tuple[int, int]]) -> tuple[Piece, ...]:
    """Split (stack, row) places by stack, as slices where they run on."""
    if len(places) == 1:
        stack, row = places[0]
        return (Piece(stack, slice(row, row + 1), slice(0, 1)),)
    members: dict[int, list[int]] = defaultdict(list)
    for member, (stack, _) in enumerate(places):
        members[stack].append(member)
    return tuple(
        [
            Piece(stack, _as_rows([places[m][1] for m in mine]), _as_rows(mine))
            for stack, mine in members.items()
        ]
    )


def _as_rows(numbers: list[int]) -> Rows:
    first, n = numbers[0], len(numbers)
    if numbers[-1] - first == n - 1 and numbers == list(range(first, first + n)):
        return slice(first, first + n)
    return np.array(numbers, dtype=np.intp)
