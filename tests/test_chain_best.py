"""The best labellings of chains, and samples of them, against the list of all labellings."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from labellings import list_all
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2
from test_chain import Batch, batches, group_sizes, random_batch

from gibbsfactor.exact.chain import k_best, labelling_scores, sample, viterbi

LEVEL = 1e-6  # of the chi-square tests: one false alarm in a million


def labels_of(batch, packing, packed):
    """The labels of each sequence, from packed rows."""
    return np.split(packing.natural(packed), np.cumsum(batch.lengths)[:-1])


@given(batches(), group_sizes)
@example(random_batch([], 3), 64)
@example(random_batch([0, 0], 2), 1)
@example(random_batch([4, 3], 3, 0.0, order=2), 64)
@example(random_batch([5, 0, 1], 1, 1e6), 64)
def test_viterbi_finds_one_of_the_best(batch, together):
    scores = batch.scores(together)
    best, labels = viterbi(scores)
    if not batch.lengths:
        assert best.shape == labels.shape == (0,)
        return
    for n, (chain, mine) in enumerate(
        zip(batch.each(), labels_of(batch, scores.packing, labels), strict=True)
    ):
        every = list_all(*chain)
        assert_allclose(best[n], every.best, rtol=0, atol=batch.rounding)
        if every.best > -math.inf:
            # one maximiser, whole: never parts of two that tie
            assert every.score_of(mine) >= every.best - batch.rounding


@pytest.mark.parametrize("order", [1, 2])
def test_ties_go_to_the_lowest_label(order):
    batch = random_batch([4], 3, 0.0, order=order)
    assert viterbi(batch.scores())[1].tolist() == [0, 0, 0, 0]


@given(batches(), group_sizes, st.integers(1, 30))
@example(random_batch([2, 0], 2), 64, 30)
@example(random_batch([3], 1), 64, 3)
@example(random_batch([4, 3, 2], 2, 0.0, order=2), 2, 20)
def test_the_k_best_are_the_top_of_the_list(batch, together, k):
    scores = batch.scores(together)
    best, labels = k_best(scores, k)
    assert best.shape == (len(batch.lengths), k)
    assert labels.shape == (k, sum(batch.lengths))
    if not batch.lengths:
        return
    split = [labels_of(batch, scores.packing, row) for row in labels]
    for n, chain in enumerate(batch.each()):
        every = list_all(*chain)
        top = every.top(k)
        assert_allclose(best[n, : len(top)], top, rtol=0, atol=2 * batch.rounding)
        assert (best[n, len(top) :] == -math.inf).all()
        found = [tuple(split[r][n]) for r in range(len(top))]
        assert len(set(found)) == len(found), "the same labelling twice"
        for score, labelling in zip(best[n], found, strict=False):
            assert every.score_of(labelling) == pytest.approx(
                score, rel=1e-13, abs=2 * batch.rounding
            )
        for r in range(len(top), k):
            assert (split[r][n] == -1).all()


@given(batches(forbidden=(0.0, 0.3)), st.integers(1, 8))
def test_the_best_is_the_first_of_k_and_fewer_are_a_prefix_of_more(batch, k):
    scores = batch.scores()
    best, labels = k_best(scores, k + 1)
    fewer, kept = k_best(scores, k)
    assert_array_equal(fewer, best[:, :k])
    assert_array_equal(kept, labels[:k])
    one, chosen = viterbi(scores)
    assert_allclose(one, best[:, 0], rtol=0, atol=2 * batch.rounding)
    possible = np.repeat(one > -math.inf, batch.lengths)
    own = labelling_scores(scores, chosen)
    assert_allclose(own[one > -math.inf], one[one > -math.inf], rtol=0, atol=2 * batch.rounding)
    assert (scores.packing.natural(labels[0])[possible] >= 0).all()


def test_k_best_of_a_long_chain_falls_and_is_scored_right():
    for order in (1, 2):
        batch = random_batch([3000], 4, order=order, seed=4)
        scores = batch.scores()
        best, labels = k_best(scores, 20)
        assert (np.diff(best[0]) <= 0).all()
        assert len({row.tobytes() for row in labels}) == 20
        own = [labelling_scores(scores, row.astype(np.int64))[0] for row in labels]
        assert_allclose(own, best[0], rtol=1e-13)


# ---- samples --------------------------------------------------------------------------------

SAMPLED = {
    "first order": random_batch([3, 0, 2], 3, seed=1),
    "second order": random_batch([4, 2], 2, order=2, seed=2),
    "several matrices": random_batch([3, 3], 2, n_matrices=3, seed=3),
    "forbidden": random_batch([3, 4, 2], 3, forbidden=0.2, seed=12),
    "one label": random_batch([3], 1, seed=5),
    "far apart": random_batch([3, 2], 3, 1e3, seed=6),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_samples_follow_the_distribution(name):
    batch, n = SAMPLED[name], 20_000
    scores = batch.scores(2)
    drawn = sample(scores, n, np.random.default_rng(7))
    assert drawn.shape == (n, sum(batch.lengths))
    natural = np.empty_like(drawn)
    natural[:, scores.packing.rows] = drawn
    start = 0
    for length, chain in zip(batch.lengths, batch.each(), strict=True):
        every = list_all(*chain)
        counts = Counter(map(tuple, natural[:, start : start + length].tolist()))
        start += length
        expected = {
            tuple(y): n * p for y, p in zip(every.labellings.tolist(), every.p, strict=True)
        }
        assert every.log_z > -math.inf
        assert all(expected[y] > 0 for y in counts)
        rare = [y for y in expected if expected[y] < 5]
        cells = [(counts[y], expected[y]) for y in expected if expected[y] >= 5]
        cells.append((sum(counts[y] for y in rare), sum(expected[y] for y in rare)))
        statistic = sum((c - e) ** 2 / e for c, e in cells if e > 1e-3)
        assert statistic <= chi2.isf(LEVEL, max(len(cells) - 1, 1))


def test_sequences_are_drawn_independently():
    """Two equal chains in one batch: the pairs of their labellings are products."""
    nodes = np.array([[0.2, 0.0]] * 2)
    batch = Batch([1, 1], nodes, np.zeros((1, 2, 2)), np.zeros(2, np.int32))
    drawn = sample(batch.scores(), 20_000, np.random.default_rng(0))
    p = np.exp(0.2) / (1 + np.exp(0.2))
    both = [p * p, p * (1 - p), (1 - p) * p, (1 - p) ** 2]
    counts = np.bincount(drawn[:, 0] * 2 + drawn[:, 1], minlength=4)
    statistic = ((counts - 20_000 * np.array(both)) ** 2 / (20_000 * np.array(both))).sum()
    assert statistic <= chi2.isf(LEVEL, 3)


def test_nothing_is_drawn_where_nothing_is_possible():
    batch = random_batch([2, 3, 1], 2, seed=0)
    batch.nodes[2] = -math.inf
    scores = batch.scores()
    drawn = sample(scores, 5, np.random.default_rng(0))
    by_sequence = drawn[:, np.argsort(scores.packing.rows)]
    assert (by_sequence[:, 2:5] == -1).all()
    assert (by_sequence[:, [0, 1, 5]] >= 0).all()
    assert_array_equal(drawn, sample(scores, 5, np.random.default_rng(0)))
