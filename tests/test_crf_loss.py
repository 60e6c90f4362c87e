"""The training loss of chains: against enumeration, and its gradient against differences."""

from __future__ import annotations

import itertools
import threading
from collections import Counter

import numpy as np
import pytest
import scipy.sparse
from chain_problems import listed_losses, plain_counts, random_problem
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gibbsfactor.features import Tokens
from gibbsfactor.learning.chain import batches
from gibbsfactor.learning.chain.features import observed_features
from gibbsfactor.learning.chain.loss import ChainLoss
from gibbsfactor.learning.chain.targets import ChainTargets

flag = st.booleans()
seeds = st.integers(0, 2**32 - 1)


def problems(max_length=4, labels=(1, 2, 3)):
    return st.builds(
        random_problem,
        seed=seeds,
        lengths=st.lists(st.integers(0, max_length), min_size=1, max_size=4).filter(any),
        n_labels=st.sampled_from(labels),
        n_edges=st.sampled_from([0, 3]),
        n_dense=st.sampled_from([0, 2]),
        order=st.sampled_from([1, 2]),
        partial=flag,
        weighted=flag,
        constrained=flag,
        costly=flag,
        uneven=flag,
        supported=flag,
        transitions=st.sampled_from([True, True, False]),
        every=flag,
    )


def loss_of(problem, c2=0.0, n_threads=1):
    return ChainLoss(*problem.arguments, c2, problem.rules, n_threads)


def differences(function, weights, step=1e-5):
    found = []
    for k in range(len(weights)):
        move = np.zeros(len(weights))
        move[k] = step
        found.append((function(weights + move)[0] - function(weights - move)[0]) / (2 * step))
    return np.array(found)


def check_loss(problem, c2, n_threads=2, seed=0):
    """Central differences with a step of 1e-5: 1e-10 off for its length, 1e-10 for rounding."""
    weights = np.random.default_rng(seed).normal(size=problem.features.n_weights)
    kept = weights.copy()
    with loss_of(problem, c2, n_threads) as loss:
        value, gradient = loss(weights)
        expected = differences(loss, weights)
    assert_array_equal(weights, kept)
    listed = listed_losses(problem, weights).sum() + c2 * float(weights @ weights)
    assert value == pytest.approx(listed, rel=1e-11, abs=1e-10)
    size = max(1.0, np.abs(gradient).max(initial=0))
    assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6 * size)


@settings(max_examples=60)
@given(problems(), st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.15, 0.4, 1.0]))
def test_loss_is_that_of_enumeration_and_gradient_its_differences(problem, c2, share):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "SINGLE_SHARE", share)
        check_loss(problem, c2)


KINDS = {
    "sparse": {},
    "dense": {"n_dense": 2},
    "conditioned": {"n_edges": 3},
    "triples": {"order": 2},
    "everything": {"order": 2, "n_edges": 3, "n_dense": 2},
}
RULES = {
    "plain": {},
    "constraints": {"constrained": True},
    "partial": {"partial": True},
    "weights": {"weighted": True},
    "costs": {"costly": True},
    "uneven": {"uneven": True},
    "support": {"supported": True},
    "all": dict.fromkeys(
        ("constrained", "partial", "weighted", "costly", "uneven", "supported"), True
    ),
}


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_feature_under_every_rule(kind, rules):
    problem = random_problem(seed=11, lengths=(4, 3, 0, 1, 4), **KINDS[kind], **RULES[rules])
    check_loss(problem, 0.1)


def test_softmax_margin_by_its_definition():
    """log sum_y' exp(score(y') + sum of log w at mistakes) - score(y), Gimpel & Smith (2010)."""
    problem = random_problem(seed=3, lengths=(3,), costly=True)
    weights = np.random.default_rng(0).normal(size=problem.features.n_weights)
    label_weights = np.exp(problem.rules.costs[:, 0])
    label_weights[0] = np.exp(problem.rules.costs[0, 1])
    right = problem.targets.codes.tolist()
    terms = []
    for y in itertools.product(range(3), repeat=3):
        mistakes = [label_weights[a] for a, b in zip(right, y, strict=True) if a != b]
        terms.append(float(plain_counts(problem, 0, y) @ weights) + float(np.log(mistakes).sum()))
    expected = np.logaddexp.reduce(terms) - float(plain_counts(problem, 0, right) @ weights)
    with loss_of(problem) as loss:
        assert loss(weights)[0] == pytest.approx(expected, rel=1e-12)


# ---- the same sum however it is cut ---------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_threads_batches_and_groups_change_nothing_but_rounding(kind, monkeypatch):
    problem = random_problem(
        seed=5,
        lengths=(5, 0, 9, 1, 30, 2, 2, 17),
        n_labels=4,
        n_attributes=40,
        **KINDS[kind],
        **RULES["all"],
    )
    weights = np.random.default_rng(0).normal(size=problem.features.n_weights)
    results = []
    for share in (batches.SINGLE_SHARE, 0.0, 1.0):
        for size in (batches.BATCH_BYTES, 8 * 4 * 10, 1):
            monkeypatch.setattr(batches, "SINGLE_SHARE", share)
            monkeypatch.setattr(batches, "BATCH_BYTES", size)
            monkeypatch.setattr(batches, "BATCH_SEQUENCES", 64 if size > 1000 else 1)
            for n_threads in (1, 2, 3, 20):
                with loss_of(problem, 0.5, n_threads) as loss:
                    results.append(loss(weights))
    value, gradient = results[0]
    for other, slope in results[1:]:
        assert other == pytest.approx(value, rel=1e-13)
        assert_allclose(slope, gradient, rtol=0, atol=1e-12 * np.abs(gradient).max())


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_every_thread_gets_as_many_batches(n_threads, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_BYTES", 8 * 2 * 70)  # 70 tokens of 2 labels
    monkeypatch.setattr(batches, "BATCH_SEQUENCES", 1)
    problem = random_problem(lengths=[5] * 100, n_labels=2)
    found = loss_of(problem, n_threads=n_threads).batches
    assert len(found) == {1: 8, 2: 8, 3: 9}[n_threads]
    assert sum(len(batch.packing.lengths) for batch in found) == 100


def test_the_loss_holds_no_threads_afterwards():
    problem = random_problem(lengths=(3, 2), n_labels=2)
    before = threading.active_count()
    with loss_of(problem, n_threads=2) as loss:
        loss(np.zeros(problem.features.n_weights))
        assert len(loss.batches) == 2
    assert threading.active_count() == before


@given(problems(max_length=5))
def test_loss_at_zero_weights_counts_labellings(problem):
    """log of how many labellings there are, less log of how many agree with what is known."""
    if problem.rules.pairs is not None or problem.rules.costs is not None:
        return
    targets, n = problem.targets, problem.features.n_labels
    every = np.ones((len(targets.codes), n), bool) if targets.support is None else targets.support
    choices = np.ones(len(targets.codes))
    if targets.allowed is not None:
        choices = (targets.allowed & every).sum(1)
    v = np.repeat(targets.weights, targets.lengths)
    v = v if targets.token_weights is None else v * targets.token_weights
    with loss_of(problem, 7.0, 2) as loss:
        value, _ = loss(np.zeros(problem.features.n_weights))
    expected = float((v * (np.log(every.sum(1)) - np.log(choices))).sum())
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)


# ---- features -------------------------------------------------------------------------------


@given(problems())
def test_observed_features_are_counted_one_by_one(problem):
    """In sequences of which the loss is v (log Z - w . f), as that of the others is not."""
    targets, ends = problem.targets, np.cumsum(problem.targets.lengths)
    total, each = np.zeros(problem.features.n_weights), targets.token_weights
    for n, (length, v) in enumerate(zip(targets.lengths, targets.weights, strict=True)):
        span = slice(ends[n] - length, ends[n])
        codes = targets.codes[span]
        if (codes >= 0).all() and (each is None or (each[span] == 1).all()):
            total += v * plain_counts(problem, n, codes.tolist())
    assert_allclose(problem.observed, total, atol=1e-12)


@given(
    seeds, st.integers(1, 4), st.lists(st.integers(0, 4), max_size=5), st.tuples(flag, flag, flag)
)
def test_features_are_those_a_dictionary_would_hold(seed, n_labels, lengths, flags):
    transitions, all_states, all_transitions = flags
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, [*lengths, 1], n_labels, n_edges=2, order=2)
    tokens, codes = problem.tokens, rng.integers(0, n_labels, sum(lengths) + 1)
    targets = ChainTargets.of(tokens.lengths, codes, n_labels)
    kinds = [Counter() for _ in range(4)]
    values, edges, m = tokens.attributes.toarray(), tokens.edges.toarray(), 0
    for length in tokens.lengths.tolist():
        y = codes[m : m + length].tolist()
        for t in range(length):
            kinds[0].update((a, y[t]) for a in np.flatnonzero(values[m + t]).tolist())
            if t:
                kinds[1][y[t - 1], y[t]] += 1
                kinds[2].update((b, y[t - 1], y[t]) for b in np.flatnonzero(edges[m + t]).tolist())
            if t > 1:
                kinds[3][y[t - 2], y[t - 1], y[t]] += 1
        m += length
    every = range(n_labels)
    if all_states:
        kinds[0].update(itertools.product(range(tokens.n_attributes), every))
    if all_transitions:
        kinds[1].update(itertools.product(every, every))
        kinds[3].update(itertools.product(every, every, every))
    if not transitions:
        kinds[1].clear()
    features, observed = observed_features(
        tokens,
        targets,
        order=2,
        transitions=transitions,
        all_states=all_states,
        all_transitions=all_transitions,
    )
    n = n_labels
    found = [
        [divmod(p, n) for p in features.states.tolist()],
        [divmod(p, n) for p in features.transitions.tolist()],
        [(p // n**2, p // n % n, p % n) for p in features.conditioned.tolist()],
        [(p // n**2, p // n % n, p % n) for p in features.triples.tolist()],
    ]
    assert found == [sorted(kind) for kind in kinds]
    assert features.n_weights == len(observed) == sum(map(len, kinds))


def test_what_is_not_known_brings_no_features_and_a_few_possible_labels_do():
    tokens = Tokens(scipy.sparse.csr_array(np.eye(3)), [3])
    allowed = np.array([[True, True, False], [True, True, True], [False, False, True]])
    targets = ChainTargets.of(np.array([3]), np.array([-1, -1, 2]), 3, allowed)
    features, observed = observed_features(tokens, targets)
    assert features.states.tolist() == [0, 1, 8]  # attribute 0 with labels 0, 1; 2 with label 2
    assert features.transitions.tolist() == []
    assert not observed.any()
    assert not targets.full.any()


def test_values_that_cancel_are_features_all_the_same():
    tokens = Tokens(scipy.sparse.csr_array(np.array([[1.0, 1.0], [-1.0, 0.0]])), [2])
    features, observed = observed_features(
        tokens, ChainTargets.of(np.array([2]), np.array([0, 0]), 2)
    )
    assert features.states.tolist() == [0, 2]
    assert observed[:2].tolist() == [0.0, 1.0]
