"""The training objective of a linear chain: its value and gradient.

Letters: N sequences, M tokens, A attributes, L labels, F weights. With the attributes of all
tokens as a sparse matrix X (M, A) and the weights spread out as W (A, L) and steps (S, L),

    node scores   X W                 (M, L)
    loss          sum_n v_n ( log Z(x_n) - log Z(x_n; y_n) ) + c2 |w|^2
    gradient      expected - observed + 2 c2 w

v_n is the sequence's weight. Z(x_n; y_n) sums only over the labellings that agree with what is
known of y_n: where all labels are known that is one labelling, and its log the score w . f. So
*observed* counts how often each feature fires given y_n, and *expected* how often it does under
the model: X' P for the node marginals P (M, L), and the expected steps. That difference is the
gradient of log Z minus the gradient of the other, nothing else. Where the labels that a token can
have are given (`ChainTargets.support`), both sums are over labellings of those only. Where tokens
of a sequence differ in weight w_t, its loss is, by the chain rule,

    v_n sum_t w_t ( log Z(x_n; y_n1 .. y_n,t-1) - log Z(x_n; y_n1 .. y_nt) )

whose gradient `token_terms` gives.

Source: Sutton & McCallum (2012), An introduction to conditional random fields, equation 5.6; for
partly known labels, Tsuboi et al. (2008), Training conditional random fields using incomplete
annotations, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.chain import ChainMarginals, ChainScores, forward_backward, token_terms
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.learning.chain.batches import Batch, Split, make_batches
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.learning.chain.rules import ChainRules
from gibbsfactor.learning.chain.targets import ChainTargets
from gibbsfactor.threads import OwnThreads

FloatArray = npt.NDArray[np.float64]


class ChainLoss(OwnThreads):
    """Callable (F,) weights -> (loss, gradient), evaluated on threads over batches of sequences.

    A context manager: inside it the threads exist and the linear algebra library is held to one
    thread, since the matrices of a chain are too small for it to share.

    Parameters
    ----------
    features, observed : from `observed_features`
    tokens : Tokens
    targets : ChainTargets
    c2 : penalty c2 |w|^2
    rules : which labellings are possible, and what wrong labels cost; by default all, and nothing
    n_threads : by default as many as there are processors to run on
    """

    def __init__(
        self,
        features: ChainFeatures,
        observed: FloatArray,
        tokens: Tokens,
        targets: ChainTargets,
        c2: float,
        rules: ChainRules | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.features = features
        self.observed = observed
        self.c2 = float(c2)
        self.rules = rules or ChainRules()
        super().__init__(n_threads)
        self.split = Split.of(features, tokens.n_dense)
        self.batches = make_batches(tokens, targets, self.split, self.n_threads)

    def __call__(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient at the weights."""
        features, split = self.features, self.split
        rows, single, dense = split.spread(weights)
        base = features.steps(weights)
        conditioned = weights[features.bounds[2] : features.bounds[3]]

        def evaluate(batches: list[Batch]) -> _Expected:
            total = _Expected(rows, single, dense, base, conditioned)
            for batch in batches:
                nodes = batch.scores(rows, single, dense)
                steps = batch.steps(base, conditioned)
                total.add_batch(batch, *_difference(batch, nodes, steps, self.rules))
            return total

        shares = [self.batches[k :: self.n_threads] for k in range(self.n_threads)]
        parts = list(self._pool.map(evaluate, filter(None, shares)))
        loss = self.c2 * float(weights @ weights) - float(weights @ self.observed)
        gradient = (2 * self.c2) * weights - self.observed
        for part in parts[1:]:
            parts[0].add(part)
        for expected in parts[:1]:
            loss += expected.loss
            split.add_to(gradient, expected.rows, expected.single, expected.dense)
            features.add_steps(expected.steps, gradient)
            gradient[features.bounds[2] : features.bounds[3]] += expected.conditioned
        return loss, gradient


def _difference(
    batch: Batch, nodes: FloatArray, steps: FloatArray, rules: ChainRules
) -> tuple[float, ChainMarginals]:
    """Of the loss: sum of v_n log Z(x_n), and less that of the clamped chains if they are partial.

    And the expected counts, less those of the clamped chains.
    """
    steps = rules.restrict(batch.packing, nodes, steps)
    if batch.support is not None:
        nodes[~batch.support] = -np.inf
    if batch.token_weights is not None:
        each = np.repeat(batch.weights, batch.packing.lengths)[batch.packing.rows]
        scores = ChainScores(batch.packing, nodes, steps, batch.which)
        terms = token_terms(scores, batch.codes, batch.allowed, each * batch.token_weights)
        counts = ChainMarginals(terms.log_partitions, -terms.nodes, -terms.steps)
        return -float(terms.log_partitions.sum()), counts
    clamped = np.where(batch.allowed, nodes, -np.inf) if batch.allowed is not None else None
    if batch.allowed is None and rules.costs is not None:
        nodes += rules.costs[batch.codes]
    free = forward_backward(ChainScores(batch.packing, nodes, steps, batch.which), batch.weights)
    loss = float(batch.weights @ free.log_partitions)
    if clamped is None:
        return loss, free
    known = forward_backward(ChainScores(batch.packing, clamped, steps, batch.which), batch.weights)
    loss -= float(batch.weights @ known.log_partitions)
    free.nodes.__isub__(known.nodes)
    free.steps.__isub__(known.steps)
    return loss, free


@dataclass(eq=False)
class _Expected:
    """What the batches of one thread add up to: the loss, and counts by kind of weight."""

    rows: FloatArray
    single: FloatArray
    dense: FloatArray
    steps: FloatArray
    conditioned: FloatArray
    loss: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Zeros in the shapes of the weights given."""
        for name in ("rows", "single", "dense", "steps", "conditioned"):
            setattr(self, name, np.zeros_like(getattr(self, name)))

    def add_batch(self, batch: Batch, loss: float, counts: ChainMarginals) -> None:
        self.loss += loss
        self.rows += np.asarray(batch.rows.T @ counts.nodes)
        self.single[batch.features] += np.asarray(batch.single @ counts.nodes.ravel())
        if batch.values is not None:
            self.dense += batch.values.T @ counts.nodes
        self.steps += counts.steps.sum(axis=0)
        if batch.edges is not None:
            by_pair = counts.steps.reshape(len(counts.steps), -1, counts.nodes.shape[1] ** 2)
            self.conditioned += np.asarray(batch.edges @ by_pair.sum(axis=1).ravel())

    def add(self, other: _Expected) -> None:
        self.loss += other.loss
        for name in ("rows", "single", "dense", "steps", "conditioned"):
            getattr(self, name).__iadd__(getattr(other, name))
