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
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.order import Scope
from gibbsfactor.exact.tree import Step, TreeBuilder

IntArray = npt.NDArray[np.intp]
Rows = slice | IntArray

SMALL_PRODUCTS = 2**14  # multiplications of a step that is worth grouping


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one stack that go to certain members of a group."""

    stack: int
    rows: Rows
    members: Rows


@dataclass(frozen=True, eq=False)
class Operand:
    """One side of a group: where its G tables lie, and how to view each as a matrix.

    ``axes`` orders a table's axes as (b, l, s) for the left side and (b, s, r) for the right
    one; ``matrix`` is the shape (|b|, |l|, |s|) or (|b|, |s|, |r|) that they are merged into.
    """

    pieces: tuple[Piece, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    matrix: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Indices:
    """Variables of one kind (b, l, s or r) of each member, and their strides when merged."""

    variables: IntArray  # (G, how many)
    strides: IntArray  # (how many,)
    sizes: IntArray  # (how many,)


@dataclass(frozen=True, eq=False)
class Group:
    """G steps with equal shapes; ``right`` is None when the left tables are summed alone."""

    size: int
    left: Operand
    right: Operand | None
    out_shape: tuple[int, ...]
    out_tables: tuple[int, ...]
    batch: Indices
    rows: Indices
    inner: Indices
    columns: Indices

    @property
    def products(self) -> int:
        """Multiplications in the group."""
        b, l, s = self.left.matrix
        return self.size * b * l * s * (self.right.matrix[2] if self.right else 1)


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


def schedule(tree: TreeBuilder, small: int | None = None) -> Schedule:
    """Group the steps of a tree and fix where every table lies.

    Steps of at most ``small`` multiplications run in groups. With 0 every step runs by itself,
    which takes more time, and less memory where groups make many tables before they are needed.
    """
    by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for table in range(tree.n_given):
        by_shape[_shape(tree.scopes[table], tree.cardinalities)].append(table)
    place: dict[int, tuple[int, int]] = {}
    leaves: list[tuple[int, ...]] = []
    for tables in by_shape.values():
        for row, table in enumerate(tables):
            place[table] = (len(leaves), row)
        leaves.append(tuple(tables))
    groups: list[Group] = []
    shapes = [(len(tables), *shape) for shape, tables in by_shape.items()]
    for steps in _batches(tree, SMALL_PRODUCTS if small is None else small):
        steps.sort(key=lambda step: place[step.left])
        group = _group(steps, tree, place)
        for row, table in enumerate(group.out_tables):
            place[table] = (len(leaves) + len(groups), row)
        shapes.append((group.size, *group.out_shape))
        groups.append(group)
    return Schedule(
        tuple(leaves),
        tuple(by_shape),
        tuple(groups),
        place,
        tuple(sorted(tree.live)),
        tuple(shapes),
    )


def _shape(scope: Scope, cardinalities: Sequence[int]) -> tuple[int, ...]:
    return tuple(cardinalities[v] for v in scope)


def _batches(tree: TreeBuilder, most: int) -> Iterable[list[Step]]:
    """Lists of steps that may run together, each after all that it needs."""
    level = [0] * len(tree.scopes)  # -1: not at the small bottom
    grouped: dict[int, dict[Hashable, list[Step]]] = defaultdict(lambda: defaultdict(list))
    rest: list[Step] = []
    for step in tree.steps:
        inputs = [step.left] if step.right < 0 else [step.left, step.right]
        union = {v for table in inputs for v in tree.scopes[table]}
        small = tree.entries(union) <= most
        if small and all(level[table] >= 0 for table in inputs):
            level[step.out] = 1 + max(level[table] for table in inputs)
            grouped[level[step.out]][_signature(step, tree)].append(step)
        else:
            level[step.out] = -1
            rest.append(step)
    for height in sorted(grouped):
        yield from grouped[height].values()
    for step in _depth_first(rest, tree):
        yield [step]


def _depth_first(steps: list[Step], tree: TreeBuilder) -> list[Step]:
    """The steps in postorder, the input that needs more space first."""
    maker = {step.out: step for step in steps}
    need: dict[int, int] = {}
    for step in steps:  # made in an order in which inputs come first
        inputs = [t for t in (step.left, step.right) if t in maker]
        own = tree.entries(
            {*tree.scopes[step.left], *(tree.scopes[step.right] if step.right >= 0 else ())}
        )
        need[step.out] = max([own, *(need[t] for t in inputs)])
    used = {t for step in steps for t in (step.left, step.right)}
    order: list[Step] = []
    stack = [(step, False) for step in reversed(steps) if step.out not in used]
    while stack:
        step, ready = stack.pop()
        if ready:
            order.append(step)
            continue
        stack.append((step, True))
        inputs = sorted((t for t in (step.left, step.right) if t in maker), key=lambda t: need[t])
        stack.extend((maker[t], False) for t in inputs)
    return order


def _kinds(step: Step, tree: TreeBuilder) -> tuple[Scope, Scope, Scope, Scope]:
    """The step's variables as (b, l, s, r)."""
    left = tree.scopes[step.left]
    right = tree.scopes[step.right] if step.right >= 0 else step.summed
    batch = tuple(v for v in left if v in right and v not in step.summed)
    rows = tuple(v for v in left if v not in right)
    columns = tuple(v for v in right if v not in left)
    return batch, rows, step.summed, columns


def _signature(step: Step, tree: TreeBuilder) -> Hashable:
    """What two steps must share to run as one batched product."""
    batch, rows, inner, columns = _kinds(step, tree)
    left = tree.scopes[step.left]
    right = tree.scopes[step.right] if step.right >= 0 else ()
    return (
        step.right < 0,
        len(batch),
        len(rows),
        len(columns),
        _shape(left, tree.cardinalities),
        tuple(map(left.index, (*batch, *rows, *inner))),
        _shape(right, tree.cardinalities),
        tuple(map(right.index, (*batch, *inner, *columns))) if right else (),
    )


def _group(steps: list[Step], tree: TreeBuilder, place: dict[int, tuple[int, int]]) -> Group:
    kinds = [_kinds(step, tree) for step in steps]
    batch, rows, inner, columns = kinds[0]
    b, l, s, r = (tree.entries(kind) for kind in kinds[0])
    first = steps[0]
    left_scope = tree.scopes[first.left]
    left = Operand(
        _pieces([place[step.left] for step in steps]),
        tuple(map(left_scope.index, (*batch, *rows, *inner))),
        _shape(left_scope, tree.cardinalities),
        (b, l, s),
    )
    right = None
    if first.right >= 0:
        right_scope = tree.scopes[first.right]
        right = Operand(
            _pieces([place[step.right] for step in steps]),
            tuple(map(right_scope.index, (*batch, *inner, *columns))),
            _shape(right_scope, tree.cardinalities),
            (b, s, r),
        )
    indices = [
        _indices([kind[i] for kind in kinds], _shape(kinds[0][i], tree.cardinalities))
        for i in range(4)
    ]
    return Group(
        len(steps),
        left,
        right,
        _shape(tree.scopes[first.out], tree.cardinalities),
        tuple(step.out for step in steps),
        *indices,
    )


def _indices(scopes: list[Scope], shape: tuple[int, ...]) -> Indices:
    variables = np.array(scopes, dtype=np.intp).reshape(len(scopes), len(shape))
    strides = np.array([prod(shape[i + 1 :]) for i in range(len(shape))], dtype=np.intp)
    return Indices(variables, strides, np.array(shape, dtype=np.intp))


def _pieces(places: list[tuple[int, int]]) -> tuple[Piece, ...]:
    """Split (stack, row) places by stack, as slices where they run on."""
    if len(places) == 1:
        stack, row = places[0]
        return (Piece(stack, slice(row, row + 1), slice(0, 1)),)
    members: dict[int, list[int]] = defaultdict(list)
    for member, (stack, _) in enumerate(places):
        members[stack].append(member)
    return tuple(
        Piece(stack, _as_rows([places[m][1] for m in mine]), _as_rows(mine))
        for stack, mine in members.items()
    )


def _as_rows(numbers: list[int]) -> Rows:
    first, last = numbers[0], numbers[-1]
    if last - first == len(numbers) - 1 and all(n == first + i for i, n in enumerate(numbers)):
        return slice(first, last + 1)
    return np.array(numbers, dtype=np.intp)
