"""Plans: how a network will be contracted and what that costs, known before any arithmetic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import inf, log2

import numpy as np

from gibbsfactor.errors import IntractableError
from gibbsfactor.exact.memory import default_budget, readable
from gibbsfactor.exact.order import Scope, elimination_order
from gibbsfactor.exact.schedule import Group, Operand, Schedule, schedule
from gibbsfactor.exact.tree import TreeBuilder, tree_of_order, tree_of_pairs

BYTES = 8  # of a double

# What a step costs on a common machine. They only rank plans and bound the search for better ones.
SECONDS_PER_GROUP = 4e-5
SECONDS_PER_PRODUCT = 5e-10
SECONDS_PER_ENTRY = 2e-9

SEARCH_SHARE = 0.5  # of the estimated run time may go into looking for a better plan
MOST_TRIALS = 64
MOST_SEARCH_SECONDS = 5.0
SMALL_BYTES = 2**24  # tables this small are never worth a look at the free memory
MOST_SHARED_PAIRS = 200_000  # pairs of tables that share a variable, for the pairwise search
MOST_EXPANDED_BYTES = 2**45  # a plan beyond this is not written out in full


@dataclass(frozen=True, eq=False)
class Plan:
    """A way to contract a network, with its cost; the same for every value of the tables.

    Attributes
    ----------
    names : names of the variables
    cardinalities : how many states each has
    kept : variables (numbers) left in the result
    width : induced width: the most variables that meet in one step, less one
    flops : multiplications and additions of one upward sweep
    peak_bytes : most bytes of tables alive at once while computing log Z
    marginals_bytes : the same while computing all marginals, for which every table is retained
    rule : which search found it
    trials : how many plans were weighed
    """

    names: tuple[str, ...]
    cardinalities: tuple[int, ...]
    kept: tuple[int, ...]
    width: int
    flops: float
    peak_bytes: int
    marginals_bytes: int
    largest: Scope
    rule: str
    trials: int
    tree: TreeBuilder = field(repr=False)
    schedule: Schedule | None = field(repr=False)  # None where no machine could hold the tables

    def explain(self) -> str:
        """The plan in plain words."""
        groups = (
            ""
            if self.schedule is None
            else f" in {len(self.schedule.groups)} groups of equal shape"
        )
        largest = ", ".join(self.names[v] for v in self.largest[:8])
        if len(self.largest) > 8:
            largest += f", ... ({len(self.largest)} variables)"
        entries = self.tree.entries(self.largest)
        lines = [
            f"{len(self.names)} variables, {self.tree.n_given} tables, "
            f"{len(self.tree.steps)} steps{groups}",
            f"induced width {self.width}: at most {self.width + 1} variables meet in one step",
            f"largest table: {entries:,} entries over {largest or 'nothing'}",
            f"log Z: about {self.flops:.3g} floating-point operations, "
            f"{readable(self.peak_bytes)} at the peak",
            f"all marginals: about {3 * self.flops:.3g} operations, "
            f"{readable(self.marginals_bytes)} at the peak",
            f"order found by {self.rule}, the best of {self.trials} tried",
        ]
        return "\n".join(lines)

    def admitted(self, budget: int | None, *, marginals: bool = False) -> Schedule:
        """The schedule, if its tables fit the budget in bytes (default: half of what is free).

        Raises
        ------
        IntractableError
            Otherwise; the message names the width, the bytes and what to do instead.
        """
        n_bytes = self.marginals_bytes if marginals else self.peak_bytes
        if self.schedule is not None and n_bytes <= SMALL_BYTES and budget is None:
            return self.schedule
        allowed = default_budget() if budget is None else budget
        if self.schedule is not None and n_bytes <= allowed:
            return self.schedule
        names = ", ".join(self.names[v] for v in self.largest[:6])
        more = ", ..." if len(self.largest) > 6 else ""
        raise IntractableError(
            f"exact inference would take {readable(n_bytes)} (induced width {self.width}; "
            f"the largest table has 2^{log2(max(self.tree.entries(self.largest), 1)):.0f} entries "
            f"over {names}{more}), but the budget is {readable(allowed)}; "
            "condition on some of these variables, give a larger budget with memory=, "
            "or use an approximate method"
        )


def make_plan(
    scopes: Sequence[Scope],
    cardinalities: Sequence[int],
    kept: Sequence[int] = (),
    names: Sequence[str] | None = None,
) -> Plan:
    """Search for a good plan; the same question asked again is answered from a cache.

    Parameters
    ----------
    scopes : sequence of tuples of variable numbers, one for each table
    cardinalities : sequence of int, one for each variable
    kept : variables to leave in the result
    names : names for the report
    """
    plan = _cached_plan(tuple(scopes), tuple(cardinalities), tuple(sorted(kept)))
    return plan if names is None else replace(plan, names=tuple(names))


@lru_cache(maxsize=64)
def _cached_plan(
    scopes: tuple[Scope, ...], cardinalities: tuple[int, ...], kept: tuple[int, ...]
) -> Plan:
    return _search(scopes, cardinalities, kept)


Candidate = tuple[str, Callable[[], TreeBuilder]]


def _candidates(
    scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Sequence[int]
) -> Iterator[Candidate]:
    """The portfolio: each rule once, the pairwise search, then rules with random ties."""

    def by_rule(rule: str, seed: int | None) -> Callable[[], TreeBuilder]:
        rng = None if seed is None else np.random.default_rng(seed)
        return lambda: tree_of_order(
            elimination_order(scopes, cardinalities, rule, kept=kept, rng=rng),
            scopes,
            cardinalities,
            kept,
        )

    for rule in ("rounds", "min-fill", "weighted-min-fill", "min-weight"):
        yield rule, by_rule(rule, None)
    holders = [0] * len(cardinalities)
    for scope in scopes:
        for v in scope:
            holders[v] += 1
    if sum(h * h for h in holders) <= MOST_SHARED_PAIRS:
        yield "pairwise", lambda: tree_of_pairs(scopes, cardinalities, kept)
    for seed in range(MOST_TRIALS):
        rule = ("min-fill", "weighted-min-fill", "min-weight")[seed % 3]
        yield f"{rule} with random ties", by_rule(rule, seed)


def _search(scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Sequence[int]) -> Plan:
    """Weigh candidates until the search has taken its share of the best one's run time."""
    started = time.perf_counter()
    best: tuple[float, str, TreeBuilder] | None = None
    trials = 0
    for rule, build in _candidates(scopes, cardinalities, kept):
        tree = build()
        trials += 1
        seconds = _estimate(tree)
        if best is None or seconds < best[0]:
            best = (seconds, rule, tree)
        allowed = min(SEARCH_SHARE * best[0], MOST_SEARCH_SECONDS)
        if time.perf_counter() - started > allowed or trials >= MOST_TRIALS:
            break
    assert best is not None
    return _report(best[2], best[1], trials, kept)


def _report(tree: TreeBuilder, rule: str, trials: int, kept: Sequence[int]) -> Plan:
    unions = _unions(tree)
    width = max((len(u) for u in unions), default=1) - 1
    largest = max(tree.scopes, key=tree.entries, default=())
    total = sum(tree.entries(scope) for scope in tree.scopes) * BYTES
    if total > MOST_EXPANDED_BYTES:
        groups, peak, retained = None, total, 3 * total
    else:
        groups = schedule(tree)
        peak, retained = _bytes(groups)
    return Plan(
        names=tuple(f"x{v}" for v in range(len(tree.cardinalities))),
        cardinalities=tuple(tree.cardinalities),
        kept=tuple(kept),
        width=width,
        flops=2.0 * sum(_as_float(tree.entries(u)) for u in unions),
        peak_bytes=peak,
        marginals_bytes=retained,
        largest=largest,
        rule=rule,
        trials=trials,
        tree=tree,
        schedule=groups,
    )


def _unions(tree: TreeBuilder) -> list[set[int]]:
    """The variables that meet in each step."""
    return [
        {*tree.scopes[s.left], *(tree.scopes[s.right] if s.right >= 0 else ())} for s in tree.steps
    ]


def _estimate(tree: TreeBuilder) -> float:
    """Seconds of one upward sweep, from the tree alone (steps, not groups, pay the overhead)."""
    products = sum(_as_float(tree.entries(u)) for u in _unions(tree))
    entries = sum(_as_float(tree.entries(scope)) for scope in tree.scopes)
    depth = [0] * len(tree.scopes)
    for step in tree.steps:
        depth[step.out] = 1 + max(depth[step.left], depth[step.right] if step.right >= 0 else 0)
    groups = min(len(tree.steps), 4 * max(depth, default=0))
    return SECONDS_PER_GROUP * groups + SECONDS_PER_PRODUCT * products + SECONDS_PER_ENTRY * entries


def _as_float(number: int) -> float:
    return float(number) if number < 2**1000 else inf


def _bytes(plan: Schedule) -> tuple[int, int]:
    """Most bytes alive at once in the upward sweep, and in both when every table is retained."""
    sizes = [_entries(shape) * BYTES for shape in plan.stack_shapes]
    n_leaves = len(plan.leaves)
    last: dict[int, int] = {}
    for number, group in enumerate(plan.groups):
        for operand in _operands(group):
            for piece in operand.pieces:
                last[piece.stack] = number
    freed: dict[int, int] = {}
    for stack, number in last.items():
        freed[number] = freed.get(number, 0) + sizes[stack]
    alive = sum(sizes[:n_leaves])
    peak = alive
    working = 0
    for number, group in enumerate(plan.groups):
        copies = sum(_entries((group.size, *o.matrix)) * BYTES for o in _operands(group))
        peak = max(peak, alive + copies + sizes[n_leaves + number])
        working = max(working, copies + sizes[n_leaves + number])
        alive += sizes[n_leaves + number] - freed.get(number, 0)
    return peak, 2 * sum(sizes) + 2 * working


def _operands(group: Group) -> list[Operand]:
    return [group.left] if group.right is None else [group.left, group.right]


def _entries(shape: Sequence[int]) -> int:
    entries = 1
    for size in shape:
        entries *= int(size)
    return entries
