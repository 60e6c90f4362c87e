"""Elimination orders: which variable goes next, decided on scopes alone.

Letters: n variables numbered 0 .. n-1, each with a cardinality; a scope is the tuple of
variables that one table has. Two variables are neighbours when a scope holds both; to
eliminate a variable is to join its neighbours pairwise and take it away.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterable, Sequence
from math import prod

import numpy as np

from gibbsfactor.exact.scores import Fill, Neighbours, Weight

Scope = tuple[int, ...]

WIDTH_SECONDS = 1.0  # how long to look for the width of what is too wide anyway
ROUND_ENTRIES = 4096  # a clique this small costs less than the Python that calls numpy on it
ROUND_DEGREE = 8  # in a round, look for simplicial variables only up to this many neighbours


class TooWide(Exception):  # noqa: N818 - caught by the planner, never seen by a user
    """An elimination order has met a clique with more entries than was allowed.

    Attributes
    ----------
    clique : the largest clique of the order, the variable to be eliminated first
    finished : whether the order was followed to its end; if not, there may be larger ones
    """

    def __init__(self, clique: Scope, finished: bool) -> None:
        super().__init__(clique)
        self.clique = clique
        self.finished = finished


class TooDear(Exception):  # noqa: N818 - caught by the planner, never seen by a user
    """A search was given up because what it found would cost more than what is known."""


def neighbours(scopes: Iterable[Scope], n: int) -> Neighbours:
    """Adjacency sets of the induced graph of n variables."""
    sets: Neighbours = [set() for _ in range(n)]
    for scope in scopes:
        for v in scope:
            sets[v].update(scope)
    for v, around in enumerate(sets):
        around.discard(v)
    return sets


def _missing(v: int, adjacency: Neighbours) -> int:
    """How many pairs of neighbours of v are not neighbours themselves."""
    around = adjacency[v]
    degree = len(around)
    return sum([degree - 1 - len(around & adjacency[u]) for u in around]) // 2


Scorer = Fill | Weight
RULES: dict[str, Callable[[Neighbours, Sequence[int]], Scorer]] = {
    "min-fill": lambda adjacency, cardinalities: Fill(adjacency),
    "min-weight": Weight,
    "weighted-min-fill": Fill,
}


def eliminate(v: int, adjacency: Neighbours) -> None:
    """Join the neighbours of v pairwise and take v away."""
    around = adjacency[v]
    for u in around:
        mine = adjacency[u]
        mine |= around
        mine.discard(u)
        mine.discard(v)
    adjacency[v] = set()


def elimination_order(
    scopes: Sequence[Scope],
    cardinalities: Sequence[int],
    rule: str = "min-fill",
    *,
    kept: Iterable[int] = (),
    rng: np.random.Generator | None = None,
    most_entries: float = math.inf,
) -> list[int]:
    """Order in which to eliminate every variable that is not kept.

    Parameters
    ----------
    scopes : sequence of tuples of variable numbers
    cardinalities : sequence of int, one for each variable
    rule : {"min-fill", "min-weight", "weighted-min-fill", "rounds"}
        What the next variable minimises: edges added, entries of the clique it is in, or
        edges added weighted by the product of their cardinalities. "rounds" first takes away
        whole independent sets of cheap variables at once (`in_rounds`), then follows min-fill.
    kept : variables that stay
    rng : ties are broken at random with it, by number without
    most_entries : a larger clique raises TooWide, with the width that the order comes to

    Source: Koller & Friedman (2009), section 9.4.3.2; Kjaerulff (1990) for the weighted rules.

    Examples
    --------
    >>> elimination_order([(0, 1), (1, 2)], [2, 2, 2])
    [0, 1, 2]
    """
    n = len(cardinalities)
    adjacency = neighbours(scopes, n)
    alive = set(range(n)).difference(kept)
    order: list[int] = []
    if rule == "rounds":
        order = in_rounds(adjacency, cardinalities, alive)
        alive.difference_update(order)
        rule = "min-fill"
    scorer = RULES[rule](adjacency, cardinalities)
    scorer.start(alive)
    return order + by_scores(scorer, cardinalities, alive, rng, most_entries)


def by_scores(
    scorer: Scorer,
    cardinalities: Sequence[int],
    alive: Iterable[int],
    rng: np.random.Generator | None = None,
    most_entries: float = math.inf,
    most_products: float = math.inf,
) -> list[int]:
    """Eliminate a variable with the least score again and again; changes the scorer's graph.

    A clique of more than ``most_entries`` raises TooWide, cliques that come to more than
    ``most_products`` together raise TooDear.
    """
    adjacency, scores, alive = scorer.adjacency, scorer.scores, set(alive)
    order: list[int] = []
    ties = (lambda v: v) if rng is None else (lambda v: float(rng.random()))
    heap = [(scores[v], ties(v), v) for v in alive]
    heapq.heapify(heap)
    pushed = list(scores)
    products = 0
    while heap:
        score, _, v = heapq.heappop(heap)
        if v not in alive or score != scores[v]:
            continue
        clique = prod([cardinalities[u] for u in adjacency[v]], start=cardinalities[v])
        products += clique
        if clique > most_entries:
            raise TooWide(*widest_clique(adjacency, alive, cardinalities))
        if products > most_products:
            raise TooDear
        alive.discard(v)
        order.append(v)
        for u in scorer.eliminate(v):
            if scores[u] != pushed[u] and u in alive:
                pushed[u] = scores[u]
                heapq.heappush(heap, (scores[u], ties(u), u))
    return order


def widest_clique(
    adjacency: Neighbours, alive: set[int], cardinalities: Sequence[int]
) -> tuple[Scope, bool]:
    """Go on by fewest neighbours, whose scores are cheap; changes ``adjacency``.

    Returns the clique with the most entries that is met, and whether there was time to look at
    all of them.
    """
    deadline = time.perf_counter() + WIDTH_SECONDS
    logs = [math.log(c) for c in cardinalities]
    heap = [(len(adjacency[v]), v) for v in alive]
    heapq.heapify(heap)
    left = set(alive)
    widest: tuple[float, Scope] = (-math.inf, ())
    while heap:
        degree, v = heapq.heappop(heap)
        if v not in left or degree != len(adjacency[v]):
            continue
        if time.perf_counter() > deadline and widest[1]:
            return widest[1], False
        left.discard(v)
        around = adjacency[v]
        size = logs[v] + sum(logs[u] for u in around)
        if size > widest[0]:
            widest = (size, (v, *sorted(around)))
        for u in around:
            mine = adjacency[u]
            mine |= around
            mine -= {u, v}
            if u in left:
                heapq.heappush(heap, (len(mine), u))
        adjacency[v] = set()
    return widest[1], True


def in_rounds(adjacency: Neighbours, cardinalities: Sequence[int], alive: set[int]) -> list[int]:
    """Eliminate cheap variables in rounds of mutually non-adjacent ones; changes ``adjacency``.

    A variable is cheap when its clique is small and taking it never raises the induced width
    above what the graph has anyway: at most two neighbours (leaves are raked, paths compressed
    to half their length in each round), or neighbours that are all adjacent. The variables of a
    round have no order between them, so a chain of n variables takes about log2(n) rounds, each
    of which the engine runs as one batched product.

    Source: Miller & Reif (1985), Parallel tree contraction and its application.
    """
    alive = set(alive)
    order: list[int] = []
    waiting = sorted(alive)
    while waiting:
        touched: set[int] = set()
        taken: list[int] = []
        for v in waiting:
            if v not in touched and _is_cheap(v, adjacency, cardinalities):
                taken.append(v)
                touched |= adjacency[v]
        for v in taken:
            eliminate(v, adjacency)
        order += taken
        alive.difference_update(taken)
        if 4 * len(taken) > len(waiting):
            waiting = [v for v in waiting if v in alive]
        else:  # only the neighbours of those that went can have become cheap
            waiting = sorted(touched & alive)
    return order


def _is_cheap(v: int, adjacency: Neighbours, cardinalities: Sequence[int]) -> bool:
    around = adjacency[v]
    if len(around) > ROUND_DEGREE:
        return False
    entries = cardinalities[v]
    for u in around:
        entries *= cardinalities[u]
    return entries <= ROUND_ENTRIES and (len(around) <= 2 or not _missing(v, adjacency))
