"""The search for a good plan: a portfolio of rules, for as long as the run itself would take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from math import inf

import numpy as np

from gibbsfactor.exact.cost import seconds_of_tree
from gibbsfactor.exact.order import Scope, TooWide, elimination_order
from gibbsfactor.exact.plan import Plan, hopeless_plan, plan_of_tree
from gibbsfactor.exact.tree import TreeBuilder, tree_of_order, tree_of_pairs

MOST_ENTRIES = 2**48  # a larger table takes most of a day to fill, in however many slices
SEARCH_SHARE = 0.5  # of the estimated run time may go into looking for a better plan
MOST_SEARCH_SECONDS = 5.0
MOST_TRIALS = 64
MOST_SHARED_PAIRS = 200_000  # pairs of tables that share a variable, for the pairwise search

Candidate = tuple[str, Callable[[], TreeBuilder]]


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
    plan = _cached_plan(tuple(scopes), tuple(cardinalities), tuple(sorted(kept)))
    return plan if names is None else replace(plan, names=tuple(names))


@lru_cache(maxsize=64)
def _cached_plan(
    scopes: tuple[Scope, ...], cardinalities: tuple[int, ...], kept: tuple[int, ...]
) -> Plan:
    return _search(scopes, cardinalities, kept)


def _search(scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Sequence[int]) -> Plan:
    """Weigh candidates until the search has taken its share of the best one's run time."""
    started = time.perf_counter()
    best: tuple[float, str, TreeBuilder] | None = None
    narrowest: TooWide | None = None  # the order that comes nearest to fitting
    trials = 0
    for rule, build in _candidates(scopes, cardinalities, kept):
        trials += 1
        try:
            tree = narrow_enough(build())
        except TooWide as hopeless:
            if narrowest is None or len(hopeless.clique) < len(narrowest.clique):
                narrowest = hopeless
        else:
            seconds = seconds_of_tree(tree)
            if best is None or seconds < best[0]:
                best = (seconds, rule, tree)
        allowed = min(SEARCH_SHARE * (best[0] if best else inf), MOST_SEARCH_SECONDS)
        if time.perf_counter() - started > allowed or trials >= MOST_TRIALS:
            break
    if best is not None:
        return plan_of_tree(best[2], kept, best[1], trials)
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
    """The portfolio: each rule once, the pairwise search, then rules with random ties."""

    def by_rule(rule: str, seed: int | None) -> Callable[[], TreeBuilder]:
        rng = None if seed is None else np.random.default_rng(seed)

        def build() -> TreeBuilder:
            order = elimination_order(
                scopes, cardinalities, rule, kept=kept, rng=rng, most_entries=MOST_ENTRIES
            )
            return tree_of_order(order, scopes, cardinalities, kept)

        return build

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
