"""Plans: how a network will be contracted and what that costs, known before any arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2, prod

from gibbsfactor.errors import IntractableError
from gibbsfactor.exact.cost import (
    Task,
    Work,
    as_float,
    duration,
)
from gibbsfactor.exact.footprint import BYTES, Footprint
from gibbsfactor.exact.memory import default_budget, readable
from gibbsfactor.exact.order import Scope, TooWide
from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.exact.schedule import schedule as schedule_of
from gibbsfactor.exact.tree import Step, TreeBuilder

MOST_COPIES = 8  # of all tables together, that any task takes at once; three or four in practice
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
    budget : bytes that a slice was made to fit; 0 for one run
    width : the most variables that meet in one step, less one: the induced width of this order,
        which may be more than the least possible where that lets more steps run together
    work : operations of one upward sweep, of one slice
    largest : variables (numbers) of the largest table
    rule : which search found it; empty if it was given up before its end
    trials : how many plans were weighed
    n_tables : how many tables were given
    scopes : of all tables, the given ones first, without the sliced variables; only the given ones
        where ``schedule`` is None
    steps : which two tables meet at each step
    schedule : the steps of one slice, in groups; None where no machine could hold or fill the
        tables, and then width, operations and bytes are lower bounds
    footprint : counts the bytes alive at once
    maximised : variables (numbers) of a marginal MAP, for which the others are summed out first;
        width, work, largest table and bytes are then those of both phases, ``scopes``, ``steps``
        and ``schedule`` those of the sums
    """

    names: tuple[str, ...]
    cardinalities: tuple[int, ...]
    kept: tuple[int, ...]
    slices: Scope
    budget: int
    width: int
    work: Work
    largest: Scope
    rule: str
    trials: int
    n_tables: int
    scopes: Sequence[Scope] = field(repr=False)
    steps: Sequence[Step] = field(repr=False)
    schedule: Schedule | None = field(repr=False)
    footprint: Footprint = field(repr=False)
    maximised: Scope = ()

    @property
    def n_slices(self) -> int:
        """How many runs it takes: the joint states of the sliced variables."""
        cardinalities = self.cardinalities
        return prod([cardinalities[v] for v in self.slices])

    @property
    def flops(self) -> float:
        """Multiplications and additions of one upward sweep, over all slices."""
        return 2.0 * self.n_slices * self.work.products

    @property
    def seconds(self) -> float:
        """Estimated seconds of one upward sweep, over all slices, on a common machine."""
        return self.seconds_for("log_partition")

    def seconds_for(self, task: Task) -> float:
        """Estimated seconds of a task, over all slices, on a common machine."""
        return self.n_slices * self.work.seconds(task)

    @property
    def peak_bytes(self) -> int:
        """Most bytes alive at once while computing log Z, in one slice."""
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
        cardinalities = self.cardinalities
        return prod([cardinalities[v] for v in self.largest])

    def __repr__(self) -> str:
        return self.explain()

    def explain(self) -> str:
        """The plan in plain words: how much meets at once, and what that costs.

        Examples
        --------
        >>> from gibbsfactor.exact.search import make_plan
        >>> names = ["season", "rain", "sprinkler", "grass"]
        >>> scopes = [(0,), (0, 1), (0, 2), (1, 2, 3)]
        >>> plan = make_plan(scopes, [4, 2, 2, 3], names=names)
        >>> print(plan.explain())  # doctest: +ELLIPSIS
        4 variables, 4 tables; 4 steps, run in 4 batches
        at most 3 variables meet in one step (induced width 2)
        largest table: 12 entries over rain (2 states), sprinkler (2 states), grass (3 states)
        log Z: about 80 operations, 0... ms, ... KiB of memory
        all marginals: about 240 operations, 0... ms, ... KiB of memory
        most probable assignment: 0... ms, ... KiB of memory
        order found by rounds, the best of 1 tried
        """
        head = f"{_count(len(self.names), 'variable')}, {_count(self.n_tables, 'table')}"
        if self.schedule is None:
            more = "" if self.rule else " or more"
            return "\n".join(
                [
                    head,
                    f"{self.width + 1} variables{more} meet in one step (induced width "
                    f"{self.width}{more})",
                    f"largest table: {self.size()}{more}, over {self.variables(6)}",
                    f"log Z: {readable(self.peak_bytes)}{more}; no machine holds that, and in "
                    f"slices it would run for {duration(self.seconds)}",
                    f"the best of {self.trials} orders tried",
                ]
            )
        steps = _count(len(self.scopes) - self.n_tables, "step")
        batches = _count(len(self.schedule.groups), "batch", "es")
        lines = [
            f"{head}; {steps}, run in {batches}",
            f"at most {_count(self.width + 1, 'variable')} meet in one step "
            f"(induced width {self.width})",
            f"largest table: {self.size()} over {self.variables(6)}",
            *self._costs_by_task(count_of(self.flops)),
            f"order found by {self.rule}, the best of {self.trials} tried",
        ]
        if self.slices:
            fixed = self._listed(self.slices, 8)
            lines.insert(
                3,
                f"runs {self.n_slices:,} times, once for each joint state of {fixed}, to stay "
                f"within {readable(self.budget)}",
            )
        return "\n".join(lines)

    def _costs_by_task(self, operations: str) -> list[str]:
        if self.maximised:
            return [
                f"marginal MAP of {_count(len(self.maximised), 'variable')}, the others summed out "
                f"first: about {operations} operations, {self._costs('marginal_map')}"
            ]
        return [
            f"log Z: about {operations} operations, {self._costs('log_partition')}",
            f"all marginals: about {count_of(3 * self.flops)} operations, "
            + self._costs("marginals"),
            f"most probable assignment: {self._costs('map')}",
        ]

    def _costs(self, task: Task) -> str:
        peak = readable(self.footprint.peak(task))
        return f"{duration(self.seconds_for(task))}, {peak} of memory"

    def fits(self, budget: int | None, task: Task) -> bool:
        """Whether a run's tables fit the budget in bytes (default: half of what is free)."""
        if self.schedule is None:
            return False
        most = SMALL_BYTES if budget is None else budget
        if BYTES * MOST_COPIES * self.schedule.entries <= most:  # no need to count
            return True
        return self.footprint.tables(task) <= allowance(self, budget, task)

    def admitted(self, budget: int | None, task: Task) -> Schedule:
        """The schedule, if a whole run fits the budget in bytes (default: half of what is free).

        Raises
        ------
        IntractableError
            Otherwise; the message names the width, the bytes and what to do instead.
        """
        if self.schedule is not None and self.fits(budget, task):
            return self.schedule
        raise refusal(self, allowance(self, budget, task), task)

    def size(self) -> str:
        """Entries of the largest table, as a person reads them."""
        entries = self.largest_entries
        return f"{entries:,} entries" if entries < 10**9 else f"2^{log2(entries):.0f} entries"

    def variables(self, most: int) -> str:
        """Variables of the largest table by name, with their numbers of states."""
        return self._listed(self.largest, most) or "nothing"

    def _listed(self, variables: Scope, most: int) -> str:
        states = {self.cardinalities[v] for v in variables}
        each = f"{states.pop()} states each" if len(states) == 1 and len(variables) > 1 else ""
        shown = ", ".join(
            self.names[v] + ("" if each else f" ({_count(self.cardinalities[v], 'state')})")
            for v in variables[:most]
        )
        if len(variables) > most:
            return (
                f"{shown}, ... ({', '.join(filter(None, [f'{len(variables)} variables', each]))})"
            )
        return f"{shown} ({each})" if each else shown


def allowance(plan: Plan, budget: int | None, task: Task) -> int:
    """The budget in bytes; by default about half of what is free, not asked about small tables."""
    if budget is not None:
        return budget
    if plan.footprint.tables(task) <= SMALL_BYTES:
        return SMALL_BYTES
    free = default_budget()
    return free - free % (1 << max(free.bit_length() - 4, 0))  # so that it is often the same


def refusal(plan: Plan, allowed: int, task: Task, sliced: str = "") -> IntractableError:
    """Why a plan can't be followed: its width and bytes, and what to do instead.

    ``sliced`` says what slicing would have come to.
    """
    least = "" if plan.rule else "at least "
    fewer = "ask about fewer variables at a time, or " if plan.kept else ""
    more_memory = ", or give a larger budget with memory="
    n_bytes = plan.footprint.tables(task)
    if plan.schedule is None:
        more_memory = ""
        sliced = f"; even in slices it would run for {duration(plan.seconds_for(task))}"
    return IntractableError(
        f"exact inference would take {least}{readable(n_bytes)} "
        f"(induced width {least}{plan.width}; the largest table has {plan.size()} over "
        f"{plan.variables(6)}), but the budget is {readable(allowed)}{sliced}; "
        f"{fewer}condition on some of these variables{more_memory}"
    )


def _count(n: int, noun: str, plural: str = "s") -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}{plural}"


def count_of(number: float) -> str:
    """A large number as a person says it.

    >>> count_of(12345.6), count_of(4.12e8), count_of(7e20)
    ('12,300', '412 million', '7e+20')
    """
    for size, word in ((1e15, ""), (1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if number >= size:
            return f"{number / size:.3g}{word}" if word else f"{number:.2g}"
    return f"{int(float(f'{number:.3g}')):,}"


def plan_of_tree(
    tree: TreeBuilder,
    kept: Sequence[int],
    rule: str,
    trials: int,
    slices: Scope = (),
    schedule: Schedule | None = None,
    budget: int = 0,
) -> Plan:
    """The plan that follows a contraction tree, that of one slice where ``slices`` are given."""
    steps = schedule_of(tree) if schedule is None else schedule
    return Plan(
        names=tuple(f"x{v}" for v in range(len(tree.cardinalities))),
        cardinalities=tree.cardinalities,
        kept=tuple(kept),
        slices=slices,
        budget=budget if slices else 0,
        width=max((len(tree.scopes[s.out]) + len(s.summed) for s in tree.steps), default=1) - 1,
        work=Work.of(tree, len(steps.groups)),
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
        budget=0,
        width=len(clique) - 1,
        work=Work(0, 0.0, products, 0.0),
        largest=largest,
        rule="fewest neighbours" if found.finished else "",
        trials=trials,
        n_tables=len(scopes),
        scopes=scopes,
        steps=(),
        schedule=None,
        footprint=Footprint.at_least(BYTES * prod(cardinalities[v] for v in largest)),
    )
