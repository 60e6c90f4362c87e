"""From an elimination order to a contraction tree: which two tables meet at each step.

The tables of a bucket (those that hold the variable to go) meet two at a time, and a variable
is summed out in the very step after which no other table holds it. The table over a whole
clique is therefore never built where two smaller ones suffice.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from gibbsfactor.exact.order import Scope

MOST_WEIGHED = 24  # tables in a bucket, up to which every pair is weighed
MOST_HOLDERS = 64  # tables that hold a variable, up to which all are looked at for a larger scope


@dataclass(frozen=True)
class Step:
    """Table ``out`` = sum over ``summed`` of table ``left`` times table ``right``.

    Tables are numbered: the given ones first, then one more for each step. ``right`` is -1
    when variables that only ``left`` holds are summed out.
    """

    left: int
    right: int
    out: int
    summed: Scope


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
        self.holders: list[set[int]] = [set() for _ in cardinalities]
        for table, scope in enumerate(scopes):
            for v in scope:
                self.holders[v].add(table)
        self.live = set(range(len(scopes)))
        for table, scope in enumerate(scopes):
            alone = tuple(v for v in scope if len(self.holders[v]) == 1 and v not in self.kept)
            if alone:
                self._add(table, -1, alone, tuple(v for v in scope if v not in alone))

    def _add(self, left: int, right: int, summed: Scope, scope: Scope) -> int:
        out = len(self.scopes)
        self.steps.append(Step(left, right, out, summed))
        self.scopes.append(scope)
        self.sizes.append(self.entries(scope))
        self.products.append(self.sizes[-1] * self.entries(summed))
        for old in (left, right):
            if old >= 0:
                self.live.discard(old)
                for v in self.scopes[old]:
                    self.holders[v].discard(old)
        for v in scope:
            self.holders[v].add(out)
        self.live.add(out)
        return out

    def contract(self, left: int, right: int) -> int:
        """Multiply two live tables, sum out what no other holds; returns the new table.

        Its axes are those that both had, then those of ``left``, then those of ``right``.
        """
        one, two = self.scopes[left], self.scopes[right]
        shared = [v for v in one if v in two]
        summed = tuple(v for v in shared if len(self.holders[v]) == 2 and v not in self.kept)
        batch = tuple(v for v in shared if v not in summed)
        scope = (
            *batch,
            *(v for v in one if v not in shared),
            *(v for v in two if v not in shared),
        )
        return self._add(left, right, summed, scope)

    def entries(self, variables: Iterable[int]) -> int:
        """Product of the cardinalities."""
        return prod(self.cardinalities[v] for v in variables)

    def eliminate(self, v: int) -> None:
        """Let the tables that hold v meet until it is summed out."""
        bucket = sorted(self.holders[v])
        if len(bucket) > 2:
            bucket = self._merge_same_scopes(bucket)
        if len(bucket) > MOST_WEIGHED:  # too many pairs to weigh: smallest two first
            bucket.sort(key=lambda t: self.sizes[t])
        while len(bucket) > MOST_WEIGHED:
            bucket = [*bucket[2:], self.contract(bucket[0], bucket[1])]
        pairs = {
            (one, two): self._growth(one, two)
            for i, one in enumerate(bucket)
            for two in bucket[i + 1 :]
            if len(bucket) > 2
        }
        while len(bucket) > 2:
            one, two = min(pairs, key=pairs.__getitem__)
            merged = self.contract(one, two)
            bucket = [t for t in bucket if t not in (one, two)]
            pairs = {p: key for p, key in pairs.items() if one not in p and two not in p}
            pairs |= {(t, merged): self._growth(t, merged) for t in bucket}
            bucket.append(merged)
        if len(bucket) == 2:
            self.contract(*bucket)

    def _growth(self, one: int, two: int) -> tuple[int, int]:
        """Entries of the product of two tables, then how many more than the two have."""
        a = self.scopes[one]
        union = self.sizes[one] * self.entries(v for v in self.scopes[two] if v not in a)
        return union, union - self.sizes[one] - self.sizes[two]

    def absorb(self) -> None:
        """Multiply every table whose scope lies within another's into the smallest such table.

        Done while both are small, this never costs much. Left to the buckets, it would be done
        to tables that have grown, one full-sized copy for each table absorbed.
        """
        by_scope: dict[frozenset[int], list[int]] = defaultdict(list)
        for table in sorted(self.live):
            if self.scopes[table]:
                by_scope[frozenset(self.scopes[table])].append(table)
        tables = [self._balanced(deque(same), 1)[0] for same in by_scope.values()]
        waiting = [(len(self.scopes[t]), t) for t in tables]
        heapq.heapify(waiting)
        while waiting:
            _, table = heapq.heappop(waiting)
            scope = self.scopes[table]
            if table not in self.live or not scope:
                continue
            near = self.holders[min(scope, key=lambda v: len(self.holders[v]))]
            if len(near) > MOST_HOLDERS:
                continue
            larger = [t for t in near if t != table and set(scope) <= set(self.scopes[t])]
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

    def _merge_same_scopes(self, bucket: list[int]) -> list[int]:
        """Multiply tables of equal scope in a balanced way, so that equals run together."""
        groups: dict[frozenset[int], deque[int]] = defaultdict(deque)
        for table in bucket:
            groups[frozenset(self.scopes[table])].append(table)
        left = 2 if len(groups) == 1 else 1  # the last pair must sum: it is left to the caller
        return [table for queue in groups.values() for table in self._balanced(queue, left)]

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
    for v in order:
        if builder.holders[v]:
            builder.eliminate(v)
    builder.finish()
    return builder


def tree_of_pairs(
    scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Iterable[int] = ()
) -> TreeBuilder:
    """Contraction tree built greedily: next comes the pair whose product adds least.

    Weighs pairs of tables that share a variable by entries(result) - entries(one) -
    entries(other), as in Smith & Gray (2018), opt_einsum, section "greedy".
    """
    builder = TreeBuilder(scopes, cardinalities, kept)
    heap: list[tuple[int, int, int]] = []

    def weigh(one: int) -> None:
        around = {t for v in builder.scopes[one] for t in builder.holders[v]} - {one}
        for two in around:
            a, b = builder.scopes[one], builder.scopes[two]
            out = [
                v
                for v in {*a, *b}
                if not (v in a and v in b and len(builder.holders[v]) == 2) or v in builder.kept
            ]
            gain = builder.entries(out) - builder.sizes[one] - builder.sizes[two]
            heapq.heappush(heap, (gain, min(one, two), max(one, two)))

    for table in sorted(builder.live):
        weigh(table)
    while heap:
        _, one, two = heapq.heappop(heap)
        if one in builder.live and two in builder.live:
            weigh(builder.contract(one, two))
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
