"""Chains whose positions share rows of scores: expected counts, and forward messages."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from labellings import list_all
from numpy.testing import assert_allclose

from gibbsfactor.exact.chain import (
    ChainScores,
    Packing,
    RepeatedScores,
    expected_counts,
    forward_backward,
    forward_messages,
    log_partitions,
)
from gibbsfactor.exact.chain import sweeps as sweeps_module


def random_repeated(lengths, n_labels, n_rows=3, scale=1.0, forbidden=0.0, seed=0, together=64):
    rng = np.random.default_rng(seed)

    def scores(*shape):
        drawn = rng.normal(size=shape) * scale
        return np.where(rng.random(shape) < forbidden, -math.inf, drawn)

    kinds = rng.integers(n_rows, size=sum(lengths))
    packing = Packing.of(lengths, together)
    return RepeatedScores(
        packing,
        scores(n_rows, n_labels),
        kinds[packing.rows],
        scores(n_labels),
        scores(n_labels, n_labels),
    )


def chains(scores):
    """Each sequence's nodes (T, L) and rows (T,)."""
    kinds = scores.packing.natural(scores.kinds)
    ends = np.cumsum(scores.packing.lengths, dtype=int)
    for end, length in zip(ends.tolist(), scores.packing.lengths.tolist(), strict=True):
        own = kinds[end - length : end]
        nodes = scores.nodes[own].copy()
        if length:
            nodes[0] += scores.start
        yield nodes, own


def rounding(scores):
    sizes = [
        np.abs(a[np.isfinite(a)]).max(initial=0.0)
        for a in (scores.nodes, scores.start, scores.edge)
    ]
    return 1e-12 + 1e-15 * max(scores.packing.lengths, default=0) * sum(sizes)


repeated = st.builds(
    random_repeated,
    st.lists(st.integers(0, 5), max_size=5),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from([0.1, 1.0, 30.0, 300.0, 1e3, 1e6]),
    st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2, 64]),
)


@given(repeated, st.booleans())
@example(random_repeated([], 2), False)
@example(random_repeated([0, 0], 2), True)
@example(random_repeated([1, 0, 5], 1), False)
@example(random_repeated([4, 4, 3], 3, forbidden=1.0), False)
def test_counts_agree_with_enumeration(scores, weighted):
    n = len(scores.packing.lengths)
    weights = np.linspace(0, 2, n) if weighted else np.ones(n)
    found = expected_counts(scores, weights if weighted else None)
    start, nodes = np.zeros(scores.n_labels), np.zeros_like(scores.nodes)
    steps, log_z = np.zeros_like(scores.edge), np.zeros(n)
    for i, (own, kinds) in enumerate(chains(scores)):
        if not len(own):
            continue
        every = list_all(own, scores.steps)
        log_z[i] = every.log_z
        start += weights[i] * every.nodes[0]
        steps += weights[i] * every.steps[0]
        np.add.at(nodes, kinds, weights[i] * every.nodes)
    near = {"rtol": 0, "atol": 20 * (1 + n) * rounding(scores)}
    assert_allclose(found.log_partitions, log_z, **near)
    assert_allclose(found.start, start, **near)
    assert_allclose(found.nodes, nodes, **near)
    assert_allclose(found.steps, steps, **near)


@given(repeated)
def test_spread_has_the_same_sums(scores):
    found, whole = expected_counts(scores), forward_backward(scores.spread())
    near = {"rtol": 1e-9, "atol": 20 * rounding(scores)}
    assert_allclose(found.log_partitions, whole.log_partitions, **near)
    assert_allclose(found.steps, whole.steps[0], **near)
    assert_allclose(found.nodes.sum(axis=0), whole.nodes.sum(axis=0), **near)


@pytest.mark.parametrize("n_labels", [2, 9, 14, 33])
@pytest.mark.parametrize("lengths", [[700], [300, 299, 1, 0], [40] * 100, list(range(90))])
def test_every_way_to_multiply_comes_to_the_same(n_labels, lengths):
    """Few and many rows, few and many labels go different ways: against sequences in logs."""
    scores = random_repeated(lengths, n_labels, n_rows=7, seed=1)
    found = expected_counts(scores)
    spread = scores.spread()
    log_z, messages = forward_messages(spread)
    assert_allclose(found.log_partitions, log_z, rtol=1e-12)
    assert_allclose(messages.sum(axis=1), 1.0)
    assert_allclose(found.nodes.sum(), sum(lengths), rtol=1e-11)
    assert_allclose(found.steps.sum(), sum(max(n - 1, 0) for n in lengths), rtol=1e-11)
    alone = [expected_counts(part).steps for part in each_alone(scores)]
    assert_allclose(found.steps, np.sum(alone, axis=0), rtol=1e-9)


def each_alone(scores):
    kinds, at = scores.packing.natural(scores.kinds), 0
    for length in scores.packing.lengths.tolist():
        own = kinds[at : at + length]
        yield RepeatedScores(Packing.of([length]), scores.nodes, own, scores.start, scores.edge)
        at += length


def test_scores_far_apart_do_not_need_logs(monkeypatch):
    """A state hundreds of nats behind at each position has no mass, and costs nothing."""
    called = []
    monkeypatch.setattr(sweeps_module, "log_forward_backward", lambda *args: called.append(args))
    rng = np.random.default_rng(0)
    nodes = np.where(np.eye(4, dtype=bool), 0.0, -rng.uniform(400, 4000, (4, 4)))
    edge = np.log(np.full((4, 4), 0.25))
    edge[0, 1] = -2000.0
    kinds = rng.integers(4, size=500)
    kinds[[0, 300]] = 3  # a start at 1 would be forced
    kinds[1:][(kinds[:-1] == 0) & (kinds[1:] == 1)] = 2
    scores = RepeatedScores(Packing.of([300, 200]), nodes, kinds, np.zeros(4), edge)
    scores = RepeatedScores(
        scores.packing, nodes, kinds[scores.packing.rows], np.array([0.0, -900.0, 0, 0]), edge
    )
    found = expected_counts(scores)
    assert not called
    assert_allclose(found.nodes, np.diag(np.bincount(kinds, minlength=4)), atol=1e-9)
    assert_allclose(found.log_partitions, np.log(0.25) * np.array([299, 199]), rtol=1e-12)
    log_partitions(scores.spread())
    assert not called


@pytest.mark.parametrize("where", ["start", "step", "node", "message"])
def test_what_is_forced_far_below_is_found(where):
    """Raised scores would come out wrong where no other way is left."""
    start, edge = np.zeros(2), np.zeros((2, 2))
    nodes = np.array([[0.0, 0.0], [0.0, -math.inf]])
    kinds = np.zeros(6, np.int64)
    if where == "start":
        start, edge[1, 0] = np.array([-1500.0, 0.0]), -math.inf
        kinds[-1] = 1  # so that it has to begin with label 0
    elif where == "step":
        edge[1, 0], start[0] = -1500.0, -math.inf
        kinds[-1] = 1
    elif where == "node":
        nodes, kinds[3] = np.array([[0.0, -math.inf], [-math.inf, -1500.0], [0.0, 0.0]]), 1
        nodes[1] = [-1500.0, 0.0]
        edge[1, 0] = edge[0, 1] = -math.inf
    else:
        nodes = np.array([[0.0, -250.0], [-math.inf, 0.0]])
        edge[0, 1] = edge[1, 0] = -math.inf
        kinds[-1] = 1
    scores = RepeatedScores(Packing.of([6]), nodes, kinds, start, edge)
    own, _ = next(chains(scores))
    every = list_all(own, scores.steps)
    found = expected_counts(scores)
    assert every.log_z < -1000
    assert_allclose(found.log_partitions, [every.log_z], rtol=1e-13)
    assert_allclose(found.steps, every.steps[0], atol=1e-12)
    assert_allclose(found.start, every.nodes[0], atol=1e-12)
    assert_allclose(log_partitions(scores.spread()), [every.log_z], rtol=1e-13)


# ---- forward messages -----------------------------------------------------------------------


@given(repeated)
def test_messages_are_marginals_of_the_beginnings(scores):
    log_z, messages = forward_messages(scores.spread())
    natural, at = scores.packing.natural(messages), 0
    for i, (nodes, _) in enumerate(chains(scores)):
        for t in range(len(nodes)):
            every = list_all(nodes[: t + 1], scores.steps)
            assert_allclose(natural[at + t], every.nodes[-1], rtol=0, atol=20 * rounding(scores))
        if len(nodes):
            whole = list_all(nodes, scores.steps).log_z
            assert_allclose(log_z[i], whole, rtol=0, atol=20 * rounding(scores))
        else:
            assert log_z[i] == 0
        at += len(nodes)


def test_messages_of_second_order_sum_over_what_is_remembered():
    rng = np.random.default_rng(0)
    nodes, steps = rng.normal(size=(4, 2)), rng.normal(size=(1, 6, 2))
    packing = Packing.of([4])
    _, messages = forward_messages(ChainScores(packing, nodes, steps, np.zeros(4, np.int32)))
    for t, found in enumerate(messages):
        assert_allclose(found, list_all(nodes[: t + 1], steps).nodes[-1], rtol=1e-12)


def test_a_message_far_below_is_right():
    """What the filter says may change by thousands of nats from one position to the next."""
    nodes = np.array([[0.0, -5000.0], [-9000.0, 0.0], [0.0, -3999.5]])
    edge = np.log(np.eye(2), where=np.eye(2) > 0, out=np.full((2, 2), -math.inf))
    _, messages = forward_messages(ChainScores.of(Packing.of([3]), nodes, edge))
    below = 1 / (1 + math.exp(0.5))
    assert_allclose(messages, [[1, 0], [0, 1], [below, 1 - below]], atol=1e-12)


def test_lengths_in_any_order_give_the_same():
    for lengths in itertools.permutations([3, 0, 5, 1]):
        scores = random_repeated(list(lengths), 3, seed=sum(lengths))
        found = expected_counts(scores)
        again = expected_counts(
            RepeatedScores(
                p := Packing.of(lengths, 1),
                scores.nodes,
                scores.packing.natural(scores.kinds)[p.rows],
                scores.start,
                scores.edge,
            )
        )
        assert_allclose(found.nodes, again.nodes, rtol=1e-12)
        assert_allclose(found.log_partitions, again.log_partitions, rtol=1e-12)
