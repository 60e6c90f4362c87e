"""Slicing: fix some variables, state after state, so that what is left fits the memory.

    log Z = log sum_{x_S} Z(x_S),    Z(x_S) = sum over all other variables, given x_S

What the code that runs plans may rely on
-----------------------------------------
``fitted(plan, budget, task)`` returns a plan whose tables fit the budget, or raises
IntractableError. It is ``plan`` itself where that fits. Otherwise it may be sliced:

    slices    numbers of the variables S to fix, never kept ones; empty for a single run
    n_slices  how many joint states they have, which is how many runs it takes
    scopes    those of all tables of one slice, without the variables S; the first ``n_tables``
              are the network's tables, in its order and with their axes in their order
    schedule  what every slice follows

Table k of a slice is the network's table k taken at x_S, which leaves the axes in ``scopes[k]``;
a table that had no other axes is a scalar (scope ``()``, a root of the schedule if no step takes
it). ``names``, ``cardinalities`` and ``kept`` are as before. Width, ``largest`` and bytes are those
of one slice; ``flops`` and ``seconds`` are those of all slices together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod

from gibbsfactor.exact.cost import Task, Work, duration
from gibbsfactor.exact.footprint import Footprint
from gibbsfactor.exact.memory import readable
from gibbsfactor.exact.order import Scope, TooDear, TooWide
from gibbsfactor.exact.plan import Plan, allowance, plan_of_tree, refusal
from gibbsfactor.exact.schedule import Schedule, schedule
from gibbsfactor.exact.search import _cached_plan, _candidates, narrow_enough
from gibbsfactor.exact.slice_choice import next_variable
from gibbsfactor.exact.tree import Step, TreeBuilder, tree_of_steps

MOST_SECONDS = 86400.0  # a sliced run that would take longer is refused
SMALL_PLAN = 2**22  # bytes of a plan that is never refused
MOST_SECONDS_OF_SMALL = 1.0  # in slices; beyond that it runs whole
LEAST_BUDGET = 2**12  # bytes; less than a page is no budget, and nothing runs on it
SMALLER_PRODUCTS = (2**8, 0)  # steps that run in groups if larger groups take too much room
EXCESS_POWER = 0.7  # by which power of its excess over the budget slicing slows a plan down
SEARCH_SHARE = 0.25  # of the estimated run time may go into each new search for an order
SECONDS_PER_TABLE = 5e-5  # to weigh one contraction
MOST_SEARCH_SECONDS = 20.0  # as long as nothing is known that fits


@dataclass(frozen=True, eq=False)
class _Way:
    """A contraction: the bytes of one slice for the task, and the seconds of all slices."""

    rule: str
    tree: TreeBuilder
    schedule: Schedule
    fixed: Scope
    n_bytes: int
    seconds: float

    def cost(self, allowed: int) -> float:
        """Seconds, and about how many times more they become until it fits."""
        excess: float = max(1.0, self.n_bytes / max(allowed, 1)) ** EXCESS_POWER
        return self.seconds * excess


def fitted(plan: Plan, budget: int | None, task: Task) -> Plan:
    """A plan for a task that fits the budget in bytes (default: half of what is free).

    Other orders are tried first, then variables are fixed one by one: each time the one whose
    fixing lowers the peak most for what it costs, until the peak fits. A plan of a few MiB that
    would run for more than a second in slices is returned as it is: no machine lacks so little.

    Raises
    ------
    IntractableError
        If nothing fits, or what fits would run for more than a day.

    Examples
    --------
    >>> from gibbsfactor.exact.search import make_plan
    >>> n = 16
    >>> across = [(n * i + j, n * i + j + 1) for i in range(n) for j in range(n - 1)]
    >>> down = [(n * i + j, n * (i + 1) + j) for i in range(n - 1) for j in range(n)]
    >>> grid = make_plan(across + down, [2] * n * n)
    >>> fits = fitted(grid, 2**20, "log_partition")
    >>> fits.n_slices, fits.footprint.tables("log_partition") <= 2**20
    (8, True)
    """
    if plan.fits(budget, task):
        return plan
    allowed = allowance(plan, budget, task)
    if plan.schedule is None:
        raise refusal(plan, allowed, task)
    found = _cached_plan.get((plan.footprint, allowed, task), _Search(plan, allowed, task).fit)
    return replace(found, names=plan.names)


class _Search:
    """Looks for the variables to fix, and for an order once they are."""

    def __init__(self, plan: Plan, allowed: int, task: Task) -> None:
        self.plan = plan
        self.allowed = allowed
        self.task = task
        self.given = plan.scopes[: plan.n_tables]
        self.trials = 0
        self.best: _Way | None = None  # of those that fit
        # A small plan that takes much longer in slices had better run whole.
        self.small = plan.footprint.tables(task) <= SMALL_PLAN and allowed >= LEAST_BUDGET
        self.most_seconds = MOST_SECONDS_OF_SMALL if self.small else MOST_SECONDS
        self.table_seconds = SECONDS_PER_TABLE * len(plan.scopes)

    def fit(self) -> Plan:
        """Fix variables until a slice fits, then let go again of those that need not be fixed."""
        way = self.improved(self.replayed(self.plan.rule, self.plan.steps, ()))
        while way.n_bytes > self.allowed and self.promising(way):
            v = next_variable(way.tree, way.schedule, self.task, self.plan.kept)
            if v is None:
                break
            way = self.improved(self.replayed(way.rule, way.tree.steps, (*way.fixed, v)))
        for v in way.fixed:
            if self.best is not None and self.worth_a_look(self.best):
                self.found(tuple(u for u in self.best.fixed if u != v))
        best = self.best
        if best is None or best.seconds > self.most_seconds:
            if self.small:
                return self.plan
            raise refusal(self.plan, self.allowed, self.task, self.outlook(best or way))
        return plan_of_tree(
            best.tree,
            self.plan.kept,
            best.rule,
            self.plan.trials + self.trials,
            tuple(sorted(best.fixed)),
            best.schedule,
            self.allowed,
        )

    def outlook(self, way: _Way) -> str:
        """What slicing would have come to."""
        runs = f"{self.runs(way.fixed):,} slices"
        if way.seconds <= self.most_seconds:
            return f"; even one of {runs} would take {readable(way.n_bytes)}"
        return f"; in {runs} or more it would run for {duration(way.seconds)}"

    def promising(self, way: _Way) -> bool:
        """Whether fixing more variables may come to something better than is known."""
        if self.best is not None:
            return way.seconds <= self.best.seconds and self.worth_a_look(self.best)
        spent = self.table_seconds * self.trials
        return way.seconds <= self.most_seconds and spent <= min(
            self.most_seconds, MOST_SEARCH_SECONDS
        )

    def worth_a_look(self, way: _Way) -> bool:
        """Whether the search has taken little of the time that the slices are going to take."""
        return self.table_seconds * self.trials <= SEARCH_SHARE * way.cost(self.allowed)

    def runs(self, fixed: Iterable[int]) -> int:
        """The joint states of the fixed variables."""
        cardinalities = self.plan.cardinalities
        return prod(cardinalities[v] for v in fixed)

    def scopes(self, fixed: Collection[int]) -> tuple[Scope, ...]:
        """Those of the given tables without the fixed variables."""
        return tuple(tuple(v for v in scope if v not in fixed) for scope in self.given)

    def way(self, rule: str, tree: TreeBuilder, fixed: Scope) -> _Way:
        """Steps run in large groups if those fit, else in smaller ones if they take less room."""
        self.trials += 1
        ways = []
        for small in (None, *SMALLER_PRODUCTS):
            steps = schedule(tree, small)
            n_bytes = Footprint(steps).tables(self.task)
            seconds = self.runs(fixed) * Work.of(tree, len(steps.groups)).seconds(self.task)
            way = _Way(rule, tree, steps, fixed, n_bytes, seconds)
            ways.append(way)
            if n_bytes <= self.allowed:
                if self.best is None or seconds < self.best.seconds:
                    self.best = way
                break
        return min(ways, key=lambda way: way.cost(self.allowed))

    def replayed(self, rule: str, steps: Iterable[Step], fixed: Scope) -> _Way:
        """The same steps with some variables fixed."""
        plan = self.plan
        tree = tree_of_steps(steps, self.scopes(fixed), plan.cardinalities, plan.kept)
        return self.way(rule, tree, fixed)

    def improved(self, way: _Way) -> _Way:
        """The way, or a better one with the same variables fixed."""
        if not self.worth_a_look(way):
            return way
        return min([way, *self.found(way.fixed)], key=lambda way: way.cost(self.allowed))

    def found(self, fixed: Scope) -> list[_Way]:
        """What the rules find, those that leave nothing to chance."""
        ways, plan = [], self.plan
        stay = (*plan.kept, *fixed)
        for rule, build in _candidates(self.scopes(fixed), plan.cardinalities, stay):
            if "random" in rule:
                break
            with suppress(TooDear, TooWide):
                ways.append(self.way(rule, narrow_enough(build()), fixed))
        return ways
