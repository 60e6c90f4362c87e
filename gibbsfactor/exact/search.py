"""The search for a good plan: a portfolio of rules, for about as long as the run itself takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf

from gibbsfactor.exact.cache import SizedCache
from gibbsfactor.exact.cost import SECONDS_PER_GROUP, Work
from gibbsfactor.exact.order import Scope, TooDear, TooWide
from gibbsfactor.exact.plan import Plan, hopeless_plan, plan_of_tree
from gibbsfactor.exact.portfolio import MOST_ENTRIES as MOST_ENTRIES
from gibbsfactor.exact.portfolio import Candidate, Portfolio
from gibbsfactor.exact.tree import TreeBuilder

# The search stops when what it took is this share of the time that an upward sweep takes beyond
# Python's part in it; all marginals take three or four times as long. It is counted in steps, not
# read off a clock, so that the same question always gets the same plan.
SEARCH_SHARE = 2.0
PYTHONS_SHARE = 0.75  # of the groups' time, which hardly depends on the order
SECONDS_PER_STEP = 1.2e-5  # to find a step
MOST_SEARCH_SECONDS = 5.0
MOST_HOPELESS = 4  # orders tried where each meets a table beyond all machines
MOST_CACHED_TABLES = 300_000  # of all plans in the cache; each takes about half a kilobyte
PATIENCE = 12  # plans in a row that are no better than the best, for which it goes on
IN_VAIN = 0.25  # of what it may take, which it may take in any case

_cached_plan: SizedCache[Plan] = SizedCache(
    size=lambda plan: 100 + len(plan.scopes), most=MOST_CACHED_TABLES
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

    Examples
    --------
    >>> make_plan([(0, 1), (1, 2)], [2, 2, 2]).width
    1
    """
    question = tuple(scopes), tuple(cardinalities), tuple(sorted(kept))
    plan = _cached_plan.get(question, lambda: _search(*question))
    return plan if names is None else replace(plan, names=tuple(names))


def _search(scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Sequence[int]) -> Plan:
    """Weigh candidates until the search has taken its share of the best one's run time."""
    best: tuple[str, TreeBuilder] | None = None
    narrowest: TooWide | None = None  # the order that comes nearest to fitting
    seconds, allowed, spent, effort = inf, inf, 0.0, 0.0
    trials = stale = 0
    for rule, build in _candidates(scopes, cardinalities, kept):
        if spent + effort > allowed:
            break
        trials += 1
        stale += 1
        try:
            tree = narrow_enough(build())
        except TooDear:
            spent += effort / 2
        except TooWide as hopeless:
            if narrowest is None or len(hopeless.clique) < len(narrowest.clique):
                narrowest = hopeless
            if best is None and trials >= MOST_HOPELESS:
                break
        else:
            effort = SECONDS_PER_STEP * (len(tree.steps) - tree.inherited)
            spent += effort if spent else SECONDS_PER_STEP * len(tree.steps)
            work = Work.of(tree)
            if work.seconds() < seconds:
                best, seconds, stale = (rule, tree), work.seconds(), 0
                worthwhile = seconds - PYTHONS_SHARE * SECONDS_PER_GROUP * work.groups
                allowed = min(SEARCH_SHARE * worthwhile, MOST_SEARCH_SECONDS)
        if stale >= PATIENCE and spent > IN_VAIN * allowed:
            break
    if best is not None:
        return plan_of_tree(best[1], kept, best[0], trials)
    assert narrowest is not None
    return hopeless_plan(narrowest, scopes, cardinalities, kept, trials)


def narrow_enough(tree: TreeBuilder) -> TreeBuilder:
    """The tree, if none of its tables is beyond all machines; else TooWide."""
    largest = max(tree.sizes, default=0)
    if largest > MOST_ENTRIES:
        raise TooWide(tree.scopes[tree.sizes.index(largest)], True)
    return tree


def _candidates(
    scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Sequence[int]
) -> Iterator[Candidate]:
    return Portfolio(scopes, cardinalities, kept).candidates()
