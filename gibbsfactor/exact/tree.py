"""From an elimination order to a contraction tree: which two tables meet at each step.

The tables of a bucket (those that hold the variable to go) meet two at a time, and a variable
is summed out in the very step after which no other table holds it. The table over a whole
clique is therefore never built where two smaller ones suffice.
"""

from __future__ import annotations

import copy
import heapq
import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from math import prod
from typing import NamedTuple

from gibbsfactor.exact.order import Scope, TooDear

MOST_WEIGHED = 24  # tables in a bucket, up to which every pair is weighed
MOST_HOLDERS = 64  # tables that hold a variable, up to which all are looked at for a larger scope


class Step(NamedTuple):
    """Table ``out`` = sum over ``summed`` of table ``left`` times table ``right``.

    Tables are numbered: the given ones first, then one more for each step. ``right`` is -1
    when variables that only ``left`` holds are summed out. Of the variables of ``out``, ``batch``
    were in both tables, ``rows`` in the left one and ``columns`` in the right one, in this order.
    """

    left: int
    right: int
    out: int
    summed: Scope
    batch: Scope
    rows: Scope
    columns: Scope


class TreeBuilder:
    """Contracts tables symbolically and writes the steps down.

    Parameters
    ----------
    scopes : sequence of tuples of variable numbers; the given tables
    cardinalities : sequence of int
    kept : variables that are never summed out
    """

    def __init__(
        self, scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Iterable[int] = ()
    ) -> None:
        self.cardinalities = tuple(cardinalities)
        self.n_given = len(scopes)
        self.kept = frozenset(kept)
        self.scopes: list[Scope] = list(scopes)
        self.sizes: list[int] = [self.entries(scope) for scope in scopes]
        self.steps: list[Step] = []
        self.products: list[int] = []  # multiplications of each step
        self.inherited = 0  # steps that it was copied with
        self.matrices: list[int] = []  # matrix products of each step, 0 where nothing is summed
        self.holders: list[set[int]] = [set() for _ in cardinalities]
        holders = self.holders
        for table, scope in enumerate(scopes):
            for v in scope:
                holders[v].add(table)
        self.live = set(range(len(scopes)))
        for v, tables in enumerate(self.holders):
            if len(tables) == 1 and v not in self.kept:
                self._sum_alone(*tables)

    def _sum_alone(self, table: int) -> None:
        scope, holders, kept = self.scopes[table], self.holders, self.kept
        alone = tuple([v for v in scope if len(holders[v]) == 1 and v not in kept])
        rest = tuple([v for v in scope if v not in alone])
        size = self.sizes[table]
        self.live.discard(table)
        for v in scope:
            holders[v].discard(table)
        self._add(Step(table, -1, len(self.scopes), alone, (), rest, ()), rest, size)

    def _add(self, step: Step, scope: Scope, products: int) -> int:
        out, holders = step.out, self.holders
        self.steps.append(step)
        self.scopes.append(scope)
        self.products.append(products)
        self.sizes.append(products // self.entries(step.summed))
        self.matrices.append(self.entries(step.batch) if step.summed else 0)
        for v in scope:
            holders[v].add(out)
        self.live.add(out)
        return out

    def contract(self, left: int, right: int) -> int:
        """Multiply two live tables, sum out what no other holds; returns the new table.

        Its axes are those that both had, then those of ``left``, then those of ``right``.
        """
        one, two = self.scopes[left], self.scopes[right]
        holders, kept = self.holders, self.kept
        summed, batch, rows = [], [], []
        products = self.sizes[left] * self.sizes[right]
        for v in one:
            holders[v].discard(left)
            if v not in two:
                rows.append(v)
                continue
            products //= self.cardinalities[v]
            if len(holders[v]) == 1 and v not in kept:
                summed.append(v)
            else:
                batch.append(v)
        columns = []
        for v in two:
            holders[v].discard(right)
            if v not in one:
                columns.append(v)
        self.live.discard(left)
        self.live.discard(right)
        kinds = tuple(summed), tuple(batch), tuple(rows), tuple(columns)
        step = Step(left, right, len(self.scopes), *kinds)
        return self._add(step, (*batch, *rows, *columns), products)

    def entries(self, variables: Iterable[int]) -> int:
        """Product of the cardinalities."""
        cardinalities = self.cardinalities
        return prod([cardinalities[v] for v in variables])

    def eliminate(self, v: int) -> None:
        """Let the tables that hold v meet until it is summed out."""
        bucket = sorted(self.holders[v])
        if len(bucket) > 2:
            bucket = self._merge_same_scopes(bucket)
        if len(bucket) > MOST_WEIGHED:  # too many pairs to weigh: smallest two first
            bucket.sort(key=lambda t: self.sizes[t])
        while len(bucket) > MOST_WEIGHED:
            bucket = [*bucket[2:], self.contract(bucket[0], bucket[1])]
        if len(bucket) > 2:
            bucket = self._merge_by_growth(bucket)
        if len(bucket) == 2:
            self.contract(*bucket)

    def _merge_by_growth(self, bucket: list[int]) -> list[int]:
        """Multiply those two tables first whose product is smallest, until two are left.

        Of equal products the one that has most entries more than its two tables comes last.
        """
        scopes, sizes, cardinalities = self.scopes, self.sizes, self.cardinalities
        heap: list[tuple[int, int, int, int]] = []

        def weigh(one: int, others: Iterable[int]) -> None:
            scope, size = set(scopes[one]), sizes[one]
            for two in others:
                union = size
                for v in scopes[two]:
                    if v not in scope:
                        union *= cardinalities[v]
                heapq.heappush(heap, (union, union - size - sizes[two], two, one))

        for i, one in enumerate(bucket):
            weigh(one, bucket[:i])
        left = set(bucket)
        while len(left) > 2:
            _, _, one, two = heapq.heappop(heap)
            if one in left and two in left:
                merged = self.contract(one, two)
                left -= {one, two}
                if len(left) > 1:
                    weigh(merged, left)
                left.add(merged)
        return sorted(left)

    def copy(self) -> TreeBuilder:
        """The same tables at the same stage, to go on from in another way."""
        twin = copy.copy(self)
        for name in ("scopes", "sizes", "steps", "products", "matrices", "live"):
            setattr(twin, name, getattr(self, name).copy())
        twin.inherited = len(self.steps)
        twin.holders = [set(tables) for tables in self.holders]
        return twin

    def absorb(self) -> None:
        """Multiply every table whose scope lies within another's into the smallest such table.

        Done while both are small, this never costs much. Left to the buckets, it would be done
        to tables that have grown, one full-sized copy for each table absorbed.
        """
        tables = self._merge_same_scopes([t for t in sorted(self.live) if self.scopes[t]], 1)
        waiting = [(len(self.scopes[t]), t) for t in tables]
        heapq.heapify(waiting)
        while waiting:
            _, table = heapq.heappop(waiting)
            scope = self.scopes[table]
            if table not in self.live or not scope:
                continue
            near = sorted([self.holders[v] for v in scope], key=len)
            if len(near[0]) > MOST_HOLDERS or len(near[0]) == 1:
                continue
            larger = near[0].intersection(*near[1:])
            larger.discard(table)
            if larger:
                target = min(larger, key=lambda t: (self.sizes[t], t))
                width = len(self.scopes[target])
                merged = self.contract(target, table)
                if len(self.scopes[merged]) == width:  # else it would eat its way along a chain
                    heapq.heappush(waiting, (width, merged))

    def _balanced(self, queue: deque[int], left: int) -> list[int]:
        """Multiply tables of equal scope in a balanced way, until only ``left`` are there."""
        while len(queue) > left:
            queue.append(self.contract(queue.popleft(), queue.popleft()))
        return list(queue)

    def _merge_same_scopes(self, bucket: list[int], least: int = 2) -> list[int]:
        """Multiply tables of equal scope in a balanced way, so that equals run together.

        If all are equal, ``least`` are left: the last pair of a bucket must sum.
        """
        groups: dict[frozenset[int], deque[int]] = defaultdict(deque)
        for table in bucket:
            groups[frozenset(self.scopes[table])].append(table)
        left = least if len(groups) == 1 else 1
        return [table for queue in groups.values() for table in self._balanced(queue, left)]

    def follow(self, order: Iterable[int]) -> None:
        """Eliminate the variables in the given order."""
        for v in order:
            if self.holders[v]:
                self.eliminate(v)

    def pair_up(self, most_products: float = math.inf) -> None:
        """Contract greedily: next comes the pair of tables whose product adds least entries.

        Weighs pairs that share a variable by entries(result) - entries(one) - entries(other), as
        in Smith & Gray (2018), opt_einsum, section "greedy". More multiplications than
        ``most_products`` raise TooDear.
        """
        scopes, sizes, holders = self.scopes, self.sizes, self.holders
        heap: list[tuple[int, int, int]] = []

        def weigh(one: int, least: int) -> None:
            near: set[int] = set()
            for v in scopes[one]:
                near |= holders[v]
            near.discard(one)
            scope, size = set(scopes[one]), sizes[one]
            for two in near:
                if two > least:
                    entries = size * sizes[two]
                    for v in scopes[two]:
                        if v in scope:
                            c = self.cardinalities[v]
                            alone = len(holders[v]) == 2 and v not in self.kept
                            entries //= c * c if alone else c
                    gain = entries - size - sizes[two]
                    heapq.heappush(heap, (gain, min(one, two), max(one, two)))

        for table in sorted(self.live):
            weigh(table, table)
        products = sum(self.products)
        while heap:
            _, one, two = heapq.heappop(heap)
            if one in self.live and two in self.live:
                merged = self.contract(one, two)
                products += self.products[-1]
                if products > most_products:
                    raise TooDear
                weigh(merged, -1)

    def finish(self) -> None:
        """Multiply what still holds kept variables into one table."""
        rest = [t for t in sorted(self.live) if self.scopes[t]]
        heap = [(self.sizes[t], t) for t in rest]
        heapq.heapify(heap)
        while len(heap) > 1:
            (_, one), (_, two) = heapq.heappop(heap), heapq.heappop(heap)
            out = self.contract(one, two)
            heapq.heappush(heap, (self.sizes[out], out))


def tree_of_order(
    order: Iterable[int],
    scopes: Sequence[Scope],
    cardinalities: Sequence[int],
    kept: Iterable[int] = (),
) -> TreeBuilder:
    """Contraction tree that eliminates the variables in the given order."""
    builder = TreeBuilder(scopes, cardinalities, kept)
    builder.absorb()
    builder.follow(order)
    builder.finish()
    return builder


def tree_of_pairs(
    scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Iterable[int] = ()
) -> TreeBuilder:
    """Contraction tree built greedily: next comes the pair whose product adds least."""
    builder = TreeBuilder(scopes, cardinalities, kept)
    builder.pair_up()
    builder.finish()
    return builder


def tree_of_steps(
    steps: Iterable[Step],
    scopes: Sequence[Scope],
    cardinalities: Sequence[int],
    kept: Iterable[int] = (),
) -> TreeBuilder:
    """The same tables meet in the same order, though some variables may have left the scopes.

    A table that has no variables left meets nothing any more.
    """
    builder = TreeBuilder(scopes, cardinalities, kept)
    now = {step.left: step.out for step in builder.steps}  # where tables were summed alone
    for step in steps:
        left = now.get(step.left, step.left)
        if step.right < 0:
            now[step.out] = left
            continue
        right = now.get(step.right, step.right)
        if not builder.scopes[left]:
            now[step.out] = right
        elif not builder.scopes[right]:
            now[step.out] = left
        else:
            now[step.out] = builder.contract(left, right)
    builder.finish()
    return builder
