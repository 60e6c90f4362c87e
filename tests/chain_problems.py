"""Random training problems of chains, and their loss by listing all labellings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from labellings import list_all

from gibbsfactor.features import Tokens
from gibbsfactor.learning.chain.features import ChainFeatures, observed_features
from gibbsfactor.learning.chain.rules import ChainRules
from gibbsfactor.learning.chain.targets import ChainTargets


@dataclass(frozen=True, eq=False)
class Problem:
    tokens: Tokens
    targets: ChainTargets
    rules: ChainRules
    features: ChainFeatures
    observed: np.ndarray

    @property
    def arguments(self):
        """What a loss is made of, up to c2."""
        return self.features, self.observed, self.tokens, self.targets


def sparse(rng, shape, share=0.4, whole=False):
    """Column 0 is in every row, the last in none; the others in a share of them."""
    values = rng.integers(-2, 3, shape) if whole else rng.normal(size=shape)
    values = np.where(rng.random(shape) < share, values, 0.0)
    values[:, :1] = 1.0
    values[:, -1:] = 0.0
    return scipy.sparse.csr_array(values)


def random_tokens(rng, lengths, n_attributes, n_edges=0, n_dense=0, whole=False):
    n = sum(lengths)
    dense = rng.integers(-2, 3, (n, n_dense)) if whole else rng.normal(size=(n, n_dense))
    return Tokens(
        sparse(rng, (n, n_attributes), whole=whole),
        lengths,
        sparse(rng, (n, n_edges), whole=whole) if n_edges else None,
        dense if n_dense else None,
    )


def random_problem(
    seed=0,
    lengths=(4, 0, 2, 3),
    n_labels=3,
    n_edges=0,
    n_dense=0,
    order=1,
    partial=False,
    weighted=False,
    constrained=False,
    costly=False,
    uneven=False,
    supported=False,
    transitions=True,
    every=False,
    n_attributes=6,
    whole=False,
):
    """Every part of a training problem, as asked for; labels agree with the constraints.

    Where values are whole, so that sums of a few are exact, scores may tie.
    """
    rng = np.random.default_rng(seed)
    tokens = random_tokens(rng, list(lengths), n_attributes, n_edges, n_dense, whole=whole)
    start, pairs, end = _constraints(rng, n_labels)
    codes = _labels(rng, lengths, start, pairs, end) if constrained else None
    if codes is None:
        codes = rng.integers(0, n_labels, sum(lengths))
    allowed, right = None, codes
    if partial:
        allowed = rng.random((len(codes), n_labels)) < 0.5
        allowed[np.arange(len(codes)), codes] = True
        fixed = rng.random(len(codes)) < 0.6
        allowed[fixed] = np.eye(n_labels, dtype=bool)[codes[fixed]]
        codes = np.where(allowed.sum(axis=1) > 1, -1, codes)
    weights = rng.choice([0.0, 0.5, 1.0, 3.0], len(lengths)) if weighted else None
    costs = None
    if costly:
        costs = np.tile(np.log(rng.uniform(0.3, 4.0, (n_labels, 1))), n_labels)
        np.fill_diagonal(costs, 0.0)
    each = rng.choice([0.0, 1.0, 1.0, 4.0], len(codes)) if uneven else None
    support = None
    if supported:
        support = rng.random((len(codes), n_labels)) < 0.5
        support[np.arange(len(codes)), right] = True
    targets = ChainTargets.of(np.array(lengths), codes, n_labels, allowed, weights, each, support)
    rules = ChainRules(start, pairs, end, costs) if constrained else ChainRules(costs=costs)
    features, observed = observed_features(
        tokens,
        targets,
        order=order,
        transitions=transitions,
        all_states=every,
        all_transitions=every,
    )
    return Problem(tokens, targets, rules, features, observed)


def _constraints(rng, n_labels):
    """Label 0 may stand anywhere; other labels often may not."""
    start, end = rng.random(n_labels) < 0.6, rng.random(n_labels) < 0.6
    pairs = rng.random((n_labels, n_labels)) < 0.6
    start[0] = end[0] = pairs[0] = pairs[:, 0] = True
    return start, pairs, end


def _labels(rng, lengths, start, pairs, end):
    found = []
    for length in lengths:
        labels = rng.integers(0, len(start), length)
        for t in range(length):
            if t == 0 and not start[labels[t]]:
                labels[t] = 0
            if t and not pairs[labels[t - 1], labels[t]]:
                labels[t] = 0
        if length and not end[labels[-1]]:
            labels[-1] = 0
        found.append(labels)
    return np.concatenate(found)


# ---- the loss by listing all labellings -----------------------------------------------------


def spread_scores(problem, weights):
    """Nodes (M, L) and a matrix of steps for each token (M, S, L), from the weights by name."""
    f, tokens, n = problem.features, problem.tokens, problem.features.n_labels
    w = iter(weights.tolist())
    values = tokens.attributes.toarray()
    if tokens.dense is not None:
        values = np.hstack([values, tokens.dense])
    state = np.zeros((f.n_attributes, n))
    for position in f.states.tolist():
        state[divmod(position, n)] = next(w)
    pairs = np.zeros((tokens.n_tokens, n, n))
    for position in f.transitions.tolist():
        pairs[:, position // n, position % n] += next(w)
    for position in f.conditioned.tolist():
        b, cell = divmod(position, n * n)
        pairs[:, cell // n, cell % n] += tokens.edges.toarray()[:, b] * next(w)
    steps = pairs
    if f.order == 2:
        steps = np.repeat(pairs[:, None], n + 1, axis=1)
        for position in f.triples.tolist():
            h, cell = divmod(position, n * n)
            steps[:, h, cell // n, cell % n] += next(w)
        steps = steps.reshape(tokens.n_tokens, (n + 1) * n, n)
    assert next(w, None) is None
    return values @ state, steps


def restricted(problem, nodes, steps, first, length):
    """Scores of one sequence under the rules, and on its support."""
    rules, n = problem.rules, problem.features.n_labels
    nodes, steps = nodes[first : first + length].copy(), steps[first : first + length].copy()
    if problem.targets.support is not None:
        nodes[~problem.targets.support[first : first + length]] = -np.inf
    if rules.pairs is not None and length:
        nodes[0][~rules.start] = -np.inf
        nodes[-1][~rules.end] = -np.inf
        by_pair = steps.reshape(length, -1, n, n)
        by_pair[:, :, ~rules.pairs] = -np.inf
    return nodes, steps


def listed_losses(problem, weights):
    """(N,) v_n (log Z(x_n) - log Z(x_n; y_n)), with all labellings of each sequence written down.

    Where mistakes cost, a labelling y' of a full sequence weighs more by the costs of every
    position where it differs from y (softmax-margin). Where tokens differ in weight, the loss is
    v_n sum_t w_t (log Z(x_n; y_n up to t - 1) - log Z(x_n; y_n up to t)).
    """
    nodes, steps = spread_scores(problem, weights)
    targets, costs, losses, first = problem.targets, problem.rules.costs, [], 0
    for length, v in zip(targets.lengths.tolist(), targets.weights.tolist(), strict=True):
        own, moves = restricted(problem, nodes, steps, first, length)
        span = slice(first, first + length)
        codes, first = targets.codes[span], first + length
        every = list_all(own, moves, np.arange(length)) if length else None
        if every is None:
            losses.append(0.0)
            continue
        y, scores = every.labellings, every.scores
        each = None if targets.token_weights is None else targets.token_weights[span]
        if each is not None and (each != 1).any():
            agrees = y == codes
            if targets.allowed is not None:
                agrees = targets.allowed[span][np.arange(length), y]
            agrees = np.logical_and.accumulate(agrees, axis=1)
            totals = [np.logaddexp.reduce(scores)]
            totals += [np.logaddexp.reduce(scores[agrees[:, t]]) for t in range(length)]
            losses.append(-v * float(each @ np.diff(totals)))
            continue
        if (codes >= 0).all():
            right = (y == codes).all(axis=1)
            if costs is not None:
                scores = scores + costs[codes, y].sum(axis=1)
        else:
            right = targets.allowed[span][np.arange(length), y].all(axis=1)
        known = np.logaddexp.reduce(every.scores[right])
        losses.append(v * float(np.logaddexp.reduce(scores) - known))
    return np.array(losses)


def plain_counts(problem, n, labels):
    """(F,) how often each feature fires in one labelling of sequence n, one by one."""
    f, tokens, k = problem.features, problem.tokens, problem.features.n_labels
    first = int(problem.targets.lengths[:n].sum())
    values = tokens.attributes.toarray()
    if tokens.dense is not None:
        values = np.hstack([values, tokens.dense])
    edges = None if tokens.edges is None else tokens.edges.toarray()
    counts = {}
    for t, label in enumerate(labels):
        for a, value in enumerate(values[first + t]):
            counts["state", a * k + label] = counts.get(("state", a * k + label), 0.0) + value
        if t == 0:
            continue
        pair = labels[t - 1] * k + label
        counts["pair", pair] = counts.get(("pair", pair), 0.0) + 1
        for b in range(tokens.n_edge_attributes):
            key = "edge", b * k * k + pair
            counts[key] = counts.get(key, 0.0) + edges[first + t, b]
        if t > 1:
            key = "triple", labels[t - 2] * k * k + pair
            counts[key] = counts.get(key, 0.0) + 1
    kinds = ("state", f.states), ("pair", f.transitions), ("edge", f.conditioned)
    kinds += (("triple", f.triples),)
    return np.array([counts.get((kind, p), 0.0) for kind, own in kinds for p in own.tolist()])
