"""What elimination orders weigh: a score for each variable, kept up to date as others go.

The next variable to be eliminated is one whose score is least. All scores are whole numbers, so
that equal ones compare equal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from math import prod

Neighbours = list[set[int]]


class Fill:
    """Scores: the edges that each variable's elimination would add, kept up to date.

    With ``weights`` an edge counts as the product of the weights at its ends. A score is corrected
    for every edge that comes or goes among the neighbours, which takes far fewer looks at sets
    than to count them again.
    """

    def __init__(self, adjacency: Neighbours, weights: Sequence[int] | None = None) -> None:
        self.adjacency = adjacency
        self.weights: Sequence[int] = weights or [1] * len(adjacency)
        self.total: Callable[[Collection[int]], int] = self._total if weights else len
        self.scores: list[int] = []

    def _total(self, some: Collection[int]) -> int:
        weights = self.weights
        return sum([weights[x] for x in some])

    def start(self, alive: Iterable[int]) -> None:
        """Count for those that may be eliminated."""
        self.scores = [0] * len(self.adjacency)
        for v in alive:
            around = self.adjacency[v]
            for u in around:
                apart = around - self.adjacency[u]
                if len(apart) > 1:  # u itself is one of them
                    self.scores[v] += self.weights[u] * (self.total(apart) - self.weights[u])
            self.scores[v] //= 2

    def eliminate(self, v: int) -> set[int]:
        """Join the neighbours of v pairwise, take v away; returns those whose score may change."""
        adjacency, scores, weights, total = self.adjacency, self.scores, self.weights, self.total
        around = adjacency[v]
        changed = set(around)
        for u in around:
            mine = adjacency[u]
            mine.discard(v)
            apart = mine - around
            if apart:
                scores[u] -= weights[v] * total(apart)
        for u in around:
            mine = adjacency[u]
            new = around - mine
            new.discard(u)
            for w in new:
                theirs = adjacency[w]
                both = mine & theirs
                edge = weights[u] * weights[w]
                for x in both:
                    scores[x] -= edge
                scores[u] += weights[w] * total(mine - both)
                scores[w] += weights[u] * total(theirs - both)
                changed |= both
                mine.add(w)
                theirs.add(u)
        adjacency[v] = set()
        return changed


class Weight:
    """Scores: the entries of the clique of each variable and its neighbours."""

    def __init__(self, adjacency: Neighbours, cardinalities: Sequence[int]) -> None:
        self.adjacency = adjacency
        self.cardinalities = cardinalities
        self.scores: list[int] = []

    def start(self, alive: Iterable[int]) -> None:
        """Count for those that may be eliminated."""
        cardinalities = self.cardinalities
        self.scores = list(cardinalities)
        for v in alive:
            self.scores[v] *= prod([cardinalities[u] for u in self.adjacency[v]])

    def eliminate(self, v: int) -> set[int]:
        """Join the neighbours of v pairwise, take v away; returns those whose score may change."""
        adjacency, scores, cardinalities = self.adjacency, self.scores, self.cardinalities
        around = adjacency[v]
        for u in around:
            mine = adjacency[u]
            mine.discard(v)
            scores[u] //= cardinalities[v]
            new = around - mine
            new.discard(u)
            if new:
                scores[u] *= prod([cardinalities[w] for w in new])
                mine |= new
        adjacency[v] = set()
        return around
