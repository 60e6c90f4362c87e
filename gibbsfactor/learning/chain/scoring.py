"""Scores of new sequences from trained weights, shard by shard on threads.

Letters: N sequences, M tokens, L labels.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import frozen
from gibbsfactor.exact.chain import ChainScores, Packing
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.learning.chain.arrays import Data, Rows, Shape
from gibbsfactor.learning.chain.batches import conditioned_steps, conditions
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.learning.chain.rules import ChainRules
from gibbsfactor.learning.chain.sequence import add_node_scores
from gibbsfactor.threads import one_blas_thread, usable_processors

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Answer = TypeVar("Answer")

SHARD_BYTES = 2**23  # of node scores, or steps, in a shard


class ChainScorer:
    """Turns `Tokens` into `ChainScores`.

    Parameters
    ----------
    features : ChainFeatures
    weights : (F,)
    n_dense : D, how many of the attributes are dense
    n_threads : by default as many as there are processors to run on
    """

    def __init__(
        self,
        features: ChainFeatures,
        weights: FloatArray,
        n_dense: int,
        n_threads: int | None = None,
    ) -> None:
        self.features = features
        self.weights = frozen(weights)
        self.shape = Shape.of(features, n_dense)
        self.rows = Rows.of(self.shape, self.weights)
        self.n_threads = n_threads or usable_processors()

    def each(
        self,
        tokens: Tokens,
        rules: ChainRules,
        allowed: BoolArray | None,
        question: Callable[[ChainScores], Answer],
        *,
        together: int = 1,
    ) -> list[Answer]:
        """Answers to a question on every shard of the sequences, in their order.

        Parameters
        ----------
        tokens : Tokens
        rules : which labellings are possible
        allowed : (M, L) which labels each position may have; None for all
        question : of the scores of some sequences, packed
        together : how many sequences to a group, see `Packing`
        """
        data, base = Data.of(tokens), self.features.steps(self.weights)

        def answer(shard: tuple[int, int]) -> Answer:
            return question(self._scores(tokens, data, base, shard, rules, allowed, together))

        shards = self._shards(tokens)
        if len(shards) < 2 or self.n_threads < 2:
            return [answer(shard) for shard in shards]
        with one_blas_thread(), ThreadPoolExecutor(self.n_threads) as pool:
            return list(pool.map(answer, shards))

    def _shards(self, tokens: Tokens) -> list[tuple[int, int]]:
        """Ranges of sequences with about equally many tokens."""
        n, n_labels = len(tokens), self.features.n_labels
        if not n:
            return []
        per_token = 8 * n_labels * (n_labels if tokens.edges is not None else 1)
        total = tokens.n_tokens
        count = max(-(-total * per_token // SHARD_BYTES), 1)
        if count > 1 or total > 2000:
            count = -(-count // self.n_threads) * self.n_threads
        ends = np.cumsum(tokens.lengths)
        cuts = np.searchsorted(ends, np.arange(1, count) * total / count) + 1
        bounds = np.unique(np.concatenate([[0], np.minimum(cuts, n), [n]])).tolist()
        return list(pairwise(bounds))

    def _scores(
        self,
        tokens: Tokens,
        data: Data,
        base: FloatArray,
        shard: tuple[int, int],
        rules: ChainRules,
        allowed: BoolArray | None,
        together: int,
    ) -> ChainScores:
        packing = Packing.of(tokens.lengths[shard[0] : shard[1]], together)
        first = int(data.offsets[shard[0]])
        span = slice(first, int(data.offsets[shard[1]]))
        nodes = np.zeros((packing.n_positions, self.features.n_labels))
        add_node_scores(first, nodes, data, self.shape, self.rows, self.weights, 1.0)
        if allowed is not None:
            nodes[~allowed[span]] = -np.inf
        if together > 1:
            nodes = nodes[packing.rows]
        steps, which = base[None], np.zeros(len(nodes), np.int32)
        if tokens.edges is not None:
            which, sets = conditions(tokens.edges[span][packing.rows], self.features)
            begin, end = self.features.bounds[2:4]
            steps = conditioned_steps(base, sets, self.weights[begin:end])
        return ChainScores(packing, nodes, rules.restrict(packing, nodes, steps), which)
