"""The portfolio: every way in which the search for a plan looks for a contraction tree.

What all orders share is done once: whole rounds of cheap variables go first (`in_rounds`), and
their tables are contracted. Each rule then orders the core that is left, on copies of its graph
and of the tree so far, and is given up as soon as it costs more than the best one known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import inf

import numpy as np

from gibbsfactor.exact.cost import Work
from gibbsfactor.exact.order import (
    RULES,
    Scope,
    by_scores,
    elimination_order,
    in_rounds,
    neighbours,
)
from gibbsfactor.exact.tree import TreeBuilder, tree_of_order

MOST_ENTRIES = 2**48  # a larger table takes most of a day to fill, in however many slices
SLACK = 3.0  # an order is given up at so many times the multiplications of the best one
ROUNDS_SHARE = 0.5  # of all multiplications; more in the rounds, and they may have been a bad idea
SECONDS_PER_PAIR = 3e-6  # to weigh two tables against each other
MOST_PAIR_SECONDS = 1.0  # that weighing pairs may take, however long the run
MOST_RANDOM = 1000  # orders with random ties

Candidate = tuple[str, Callable[[], TreeBuilder]]


class Portfolio:
    """Candidates for the contraction of one network.

    Parameters
    ----------
    scopes : sequence of tuples of variable numbers, one for each table
    cardinalities : sequence of int, one for each variable
    kept : variables to leave in the result
    """

    def __init__(
        self, scopes: Sequence[Scope], cardinalities: Sequence[int], kept: Sequence[int]
    ) -> None:
        self.scopes = scopes
        self.cardinalities = cardinalities
        self.kept = kept
        free = set(range(len(cardinalities))).difference(kept)
        self.graph = neighbours(scopes, len(cardinalities))
        prefix = in_rounds(self.graph, cardinalities, free)
        self.core = free.difference(prefix)
        self.stem = TreeBuilder(scopes, cardinalities, kept)
        self.stem.absorb()
        self.stem.follow(prefix)
        self.scores: dict[str, list[int]] = {}  # that the rules start from
        self.products = inf  # of the best tree found
        self.seconds = inf
        self.rule = "min-fill"

    def candidates(self) -> Iterator[Candidate]:
        """Each rule once, then pairs if they take no longer than the run, then random ties."""
        yield "rounds", lambda: self.by_rule("min-fill")
        if sum(self.stem.products) > ROUNDS_SHARE * self.products:
            yield "min-fill", self.without_rounds
        if not self.core:
            return
        yield "weighted-min-fill", lambda: self.by_rule("weighted-min-fill")
        yield "min-weight", lambda: self.by_rule("min-weight")
        if SECONDS_PER_PAIR * self.n_pairs() < min(self.seconds, MOST_PAIR_SECONDS):
            yield "pairwise", self.by_pairs
        for seed in range(MOST_RANDOM):  # every other time by the best rule so far
            rule = self.rule if seed % 2 else tuple(RULES)[seed // 2 % len(RULES)]
            yield f"{rule} with random ties", partial(self.by_rule, rule, seed)

    def by_rule(self, rule: str, seed: int | None = None) -> TreeBuilder:
        """The core by a rule."""
        scorer = RULES[rule]([set(around) for around in self.graph], self.cardinalities)
        if rule in self.scores:
            scorer.scores = list(self.scores[rule])
        else:
            scorer.start(self.core)
            self.scores[rule] = list(scorer.scores)
        rng = None if seed is None else np.random.default_rng(seed)
        most = SLACK * (self.products - sum(self.stem.products))
        order = by_scores(scorer, self.cardinalities, self.core, rng, MOST_ENTRIES, most)
        tree = self.stem.copy()
        tree.follow(order)
        return self.noted(tree, rule)

    def without_rounds(self) -> TreeBuilder:
        """All by min-fill, from the beginning: more steps one after another, and fewer products."""
        order = elimination_order(
            self.scopes, self.cardinalities, kept=self.kept, most_entries=MOST_ENTRIES
        )
        return self.noted(tree_of_order(order, self.scopes, self.cardinalities, self.kept))

    def by_pairs(self) -> TreeBuilder:
        """The core by the greedy search for pairs."""
        tree = self.stem.copy()
        tree.pair_up(SLACK * self.products)
        return self.noted(tree)

    def n_pairs(self) -> int:
        """At most how many pairs of the tables left share a variable."""
        return sum([len(tables) ** 2 for tables in self.stem.holders]) // 2

    def noted(self, tree: TreeBuilder, rule: str = "min-fill") -> TreeBuilder:
        """The finished tree; the best cost so far is kept, and the rule that led to it."""
        tree.finish()
        self.products = min(self.products, sum(tree.products))
        seconds = Work.of(tree).seconds()
        if seconds < self.seconds:
            self.seconds, self.rule = seconds, rule
        return tree
