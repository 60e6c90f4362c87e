"""Plans: how a network will be contracted and what that costs, known before any arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, log2, prod

from gibbsfactor.errors import IntractableError
from gibbsfactor.exact.memory import default_budget, readable
from gibbsfactor.exact.order import Scope, TooWide
from gibbsfactor.exact.schedule import Group, Operand, Schedule, schedule
from gibbsfactor.exact.tree import TreeBuilder

BYTES = 8  # of a double
MOST_BYTES = 2**45  # tables beyond this are counted, not scheduled
SMALL_BYTES = 2**24  # tables this small are never worth a look at the free memory


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """A way to contract a network, with its cost; the same for every value of the tables.

    Attributes
    ----------
    names : names of the variables
    cardinalities : how many states each has
    kept : variables (numbers) left in the result
    width : the most variables that meet in one step, less one: the induced width of this order,
        which may be more than the least possible where that lets more steps run together
    flops : multiplications and additions of one upward sweep
    peak_bytes : most bytes of tables alive at once while computing log Z
    marginals_bytes : the same while computing all marginals, for which every table is retained
    largest : variables (numbers) of the largest table
    rule : which search found it; empty if it was given up before its end
    trials : how many plans were weighed
    n_tables : how many tables were given
    scopes : of all tables, the given ones first; empty where ``schedule`` is None
    schedule : the steps, in groups; None where no machine could hold the tables, and then width,
        operations and bytes are lower bounds
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
    n_tables: int
    scopes: Sequence[Scope] = field(repr=False)
    schedule: Schedule | None = field(repr=False)

    @property
    def largest_entries(self) -> int:
        """Entries of the largest table."""
        return prod(self.cardinalities[v] for v in self.largest)

    def __repr__(self) -> str:
        return self.explain()

    def explain(self) -> str:
        """The plan in plain words."""
        head = f"{_count(len(self.names), 'variable')}, {_count(self.n_tables, 'table')}"
        if self.schedule is None:
            more = "" if self.rule else " or more"
            return "\n".join(
                [
                    head,
                    f"induced width {self.width}{more}: {self.width + 1} variables meet at once",
                    f"largest table: {self._size()}{more}, over {self._names(8)}",
                    f"log Z: {readable(self.peak_bytes)}{more}; no machine holds that",
                    f"the best of {self.trials} orders tried",
                ]
            )
        steps = len(self.scopes) - self.n_tables
        return "\n".join(
            [
                f"{head}, {_count(steps, 'step')} in "
                f"{_count(len(self.schedule.groups), 'group')} of equal shape",
                f"induced width {self.width}: at most {_count(self.width + 1, 'variable')} "
                "meet in one step",
                f"largest table: {self._size()} over {self._names(8)}",
                f"log Z: about {self.flops:.3g} floating-point operations, "
                f"{readable(self.peak_bytes)} at the peak",
                f"all marginals: about {3 * self.flops:.3g} operations, "
                f"{readable(self.marginals_bytes)} at the peak",
                f"order found by {self.rule}, the best of {self.trials} tried",
            ]
        )

    def admitted(self, budget: int | None, *, marginals: bool = False) -> Schedule:
        """The schedule, if its tables fit the budget in bytes (default: half of what is free).

        Raises
        ------
        IntractableError
            Otherwise; the message names the width, the bytes and what to do instead.
        """
        n_bytes = self.marginals_bytes if marginals else self.peak_bytes
        if self.schedule is not None:
            if budget is None and n_bytes <= SMALL_BYTES:
                return self.schedule
            if n_bytes <= (default_budget() if budget is None else budget):
                return self.schedule
        allowed = default_budget() if budget is None else budget
        least = "" if self.rule else "at least "
        fewer = "ask about fewer variables at a time, or " if self.kept else ""
        more_memory = "" if self.schedule is None else ", or give a larger budget with memory="
        raise IntractableError(
            f"exact inference would take {least}{readable(n_bytes)} (induced width {least}"
            f"{self.width}; the largest table has {self._size()} over {self._names(6)}), "
            f"but the budget is {readable(allowed)}; "
            f"{fewer}condition on some of these variables{more_memory}"
        )

    def _size(self) -> str:
        entries = self.largest_entries
        return f"{entries:,} entries" if entries < 10**9 else f"2^{log2(entries):.0f} entries"

    def _names(self, most: int) -> str:
        shown = ", ".join(self.names[v] for v in self.largest[:most])
        if len(self.largest) > most:
            return f"{shown}, ... ({len(self.largest)} variables)"
        return shown or "nothing"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def plan_of_tree(tree: TreeBuilder, kept: Sequence[int], rule: str, trials: int) -> Plan:
    """The plan that follows a contraction tree."""
    unions = meetings(tree)
    total = sum(tree.entries(scope) for scope in tree.scopes) * BYTES
    steps = schedule(tree) if total <= MOST_BYTES else None
    peak, retained = (total, 3 * total) if steps is None else _bytes(steps)
    return Plan(
        names=tuple(f"x{v}" for v in range(len(tree.cardinalities))),
        cardinalities=tree.cardinalities,
        kept=tuple(kept),
        width=max((len(u) for u in unions), default=1) - 1,
        flops=2.0 * sum(as_float(tree.entries(u)) for u in unions),
        peak_bytes=peak,
        marginals_bytes=retained,
        largest=max(tree.scopes, key=tree.entries, default=()),
        rule=rule,
        trials=trials,
        n_tables=tree.n_given,
        scopes=() if steps is None else tree.scopes,
        schedule=steps,
    )


def hopeless_plan(
    found: TooWide, cardinalities: Sequence[int], kept: Sequence[int], n_tables: int, trials: int
) -> Plan:
    """What is known where every order meets a clique that no machine could hold."""
    clique = found.clique
    n_bytes = BYTES * prod(cardinalities[v] for v in clique[1:])  # the table once clique[0] is gone
    return Plan(
        names=tuple(f"x{v}" for v in range(len(cardinalities))),
        cardinalities=tuple(cardinalities),
        kept=tuple(kept),
        width=len(clique) - 1,
        flops=2.0 * as_float(prod(cardinalities[v] for v in clique)),
        peak_bytes=n_bytes,
        marginals_bytes=3 * n_bytes,
        largest=clique[1:],
        rule="fewest neighbours" if found.finished else "",
        trials=trials,
        n_tables=n_tables,
        scopes=(),
        schedule=None,
    )


def meetings(tree: TreeBuilder) -> list[set[int]]:
    """The variables that meet in each step."""
    return [
        {*tree.scopes[s.left], *(tree.scopes[s.right] if s.right >= 0 else ())} for s in tree.steps
    ]


def as_float(number: int) -> float:
    """The number as a float, inf where it has too many digits for one."""
    return float(number) if number < 2**1000 else inf


def _bytes(steps: Schedule) -> tuple[int, int]:
    """Most bytes alive at once in the upward sweep, and in both when every table is retained."""
    sizes = [prod(shape) * BYTES for shape in steps.stack_shapes]
    n_leaves = len(steps.leaves)
    last: dict[int, int] = {}
    for number, group in enumerate(steps.groups):
        for operand in _operands(group):
            for piece in operand.pieces:
                last[piece.stack] = number
    freed: dict[int, int] = {}
    for stack, number in last.items():
        freed[number] = freed.get(number, 0) + sizes[stack]
    alive = sum(sizes[:n_leaves])
    peak = alive
    working = 0
    for number, group in enumerate(steps.groups):
        copies = sum(group.size * prod(o.matrix) * BYTES for o in _operands(group))
        peak = max(peak, alive + copies + sizes[n_leaves + number])
        working = max(working, copies + sizes[n_leaves + number])
        alive += sizes[n_leaves + number] - freed.get(number, 0)
    return peak, 2 * sum(sizes) + 2 * working


def _operands(group: Group) -> list[Operand]:
    return [group.left] if group.right is None else [group.left, group.right]
