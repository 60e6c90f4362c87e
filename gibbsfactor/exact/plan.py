"""Plans: how a network will be contracted and what that costs, known before any arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2, prod

from gibbsfactor.errors import IntractableError
from gibbsfactor.exact.cost import (
    SECONDS_PER_PRODUCT,
    Task,
    Work,
    as_float,
)
from gibbsfactor.exact.footprint import BYTES, Footprint
from gibbsfactor.exact.memory import default_budget, readable
from gibbsfactor.exact.order import Scope, TooWide
from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.exact.schedule import schedule as schedule_of
from gibbsfactor.exact.tree import Step, TreeBuilder

SMALL_BYTES = 2**24  # tables this small are never worth a look at the free memory


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """A way to contract a network, with its cost; the same for every value of the tables.

    Attributes
    ----------
    names : names of the variables
    cardinalities : how many states each has
    kept : variables (numbers) left in the result
    slices : variables (numbers) fixed in turn, so that each run fits the memory; empty for one run
    width : the most variables that meet in one step, less one: the induced width of this order,
        which may be more than the least possible where that lets more steps run together
    flops : multiplications and additions of one upward sweep, over all slices
    seconds : what that takes on a common machine
    largest : variables (numbers) of the largest table
    rule : which search found it; empty if it was given up before its end
    trials : how many plans were weighed
    n_tables : how many tables were given
    scopes : of all tables, the given ones first, without the sliced variables; only the given ones
        where ``schedule`` is None
    steps : which two tables meet at each step
    schedule : the steps of one slice, in groups; None where no machine could hold or fill the
        tables, and then width, operations and bytes are lower bounds
    footprint : counts the bytes of tables alive at once
    """

    names: tuple[str, ...]
    cardinalities: tuple[int, ...]
    kept: tuple[int, ...]
    slices: Scope
    width: int
    flops: float
    seconds: float
    largest: Scope
    rule: str
    trials: int
    n_tables: int
    scopes: Sequence[Scope] = field(repr=False)
    steps: Sequence[Step] = field(repr=False)
    schedule: Schedule | None = field(repr=False)
    footprint: Footprint = field(repr=False)

    @property
    def n_slices(self) -> int:
        """How many runs it takes: the joint states of the sliced variables."""
        return prod(self.cardinalities[v] for v in self.slices)

    @property
    def peak_bytes(self) -> int:
        """Most bytes of tables alive at once while computing log Z."""
        return self.footprint.peak("log_partition")

    @property
    def marginals_bytes(self) -> int:
        """The same while computing all marginals, for which every table is retained."""
        return self.footprint.peak("marginals")

    @property
    def map_bytes(self) -> int:
        """The same while finding a most probable assignment."""
        return self.footprint.peak("map")

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
        task: Task = "marginals" if marginals else "log_partition"
        allowed = allowance(self, budget, task)
        if self.schedule is not None and self.footprint.tables(task) <= allowed:
            return self.schedule
        raise refusal(self, allowed, task)

    def _size(self) -> str:
        entries = self.largest_entries
        return f"{entries:,} entries" if entries < 10**9 else f"2^{log2(entries):.0f} entries"

    def _names(self, most: int) -> str:
        shown = ", ".join(self.names[v] for v in self.largest[:most])
        if len(self.largest) > most:
            return f"{shown}, ... ({len(self.largest)} variables)"
        return shown or "nothing"


def allowance(plan: Plan, budget: int | None, task: Task) -> int:
    """The budget in bytes; by default half of what is free, never asked about small tables."""
    if budget is not None:
        return budget
    if plan.footprint.tables(task) <= SMALL_BYTES:
        return SMALL_BYTES
    return default_budget()


def refusal(plan: Plan, allowed: int, task: Task, sliced: str = "") -> IntractableError:
    """Why a plan can't be followed: its width and bytes, and what to do instead.

    ``sliced`` says what slicing would have come to.
    """
    least = "" if plan.rule else "at least "
    fewer = "ask about fewer variables at a time, or " if plan.kept else ""
    more_memory = "" if plan.schedule is None else ", or give a larger budget with memory="
    return IntractableError(
        f"exact inference would take {least}{readable(plan.footprint.tables(task))} "
        f"(induced width {least}{plan.width}; the largest table has {plan._size()} over "
        f"{plan._names(6)}), but the budget is {readable(allowed)}{sliced}; "
        f"{fewer}condition on some of these variables{more_memory}"
    )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def plan_of_tree(
    tree: TreeBuilder,
    kept: Sequence[int],
    rule: str,
    trials: int,
    slices: Scope = (),
    schedule: Schedule | None = None,
) -> Plan:
    """The plan that follows a contraction tree, that of one slice where ``slices`` are given."""
    steps = schedule_of(tree) if schedule is None else schedule
    runs = prod(tree.cardinalities[v] for v in slices)
    work = Work.of(tree, len(steps.groups))
    return Plan(
        names=tuple(f"x{v}" for v in range(len(tree.cardinalities))),
        cardinalities=tree.cardinalities,
        kept=tuple(kept),
        slices=slices,
        width=max((len(tree.scopes[s.out]) + len(s.summed) for s in tree.steps), default=1) - 1,
        flops=2.0 * runs * work.products,
        seconds=runs * work.seconds(),
        largest=tree.scopes[max(range(len(tree.sizes)), key=tree.sizes.__getitem__)]
        if tree.sizes
        else (),
        rule=rule,
        trials=trials,
        n_tables=tree.n_given,
        scopes=tree.scopes,
        steps=tree.steps,
        schedule=steps,
        footprint=Footprint(steps),
    )


def hopeless_plan(
    found: TooWide,
    scopes: Sequence[Scope],
    cardinalities: Sequence[int],
    kept: Sequence[int],
    trials: int,
) -> Plan:
    """What is known where every order meets a clique that no machine could hold or fill."""
    clique = found.clique
    largest = clique if set(clique) <= set(kept) else clique[1:]  # once clique[0] is summed out
    products = as_float(prod(cardinalities[v] for v in clique))
    return Plan(
        names=tuple(f"x{v}" for v in range(len(cardinalities))),
        cardinalities=tuple(cardinalities),
        kept=tuple(kept),
        slices=(),
        width=len(clique) - 1,
        flops=2.0 * products,
        seconds=SECONDS_PER_PRODUCT * products,
        largest=largest,
        rule="fewest neighbours" if found.finished else "",
        trials=trials,
        n_tables=len(scopes),
        scopes=scopes,
        steps=(),
        schedule=None,
        footprint=Footprint.at_least(BYTES * prod(cardinalities[v] for v in largest)),
    )
