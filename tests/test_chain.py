"""Sums over chains: packed sweeps against the list of all labellings, and in hard cases."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from labellings import list_all, plain_recursion
from numpy.testing import assert_allclose, assert_array_equal

from gibbsfactor import LinearChainCRF
from gibbsfactor.exact.chain import (
    ChainScores,
    Packing,
    forward_backward,
    labelling_scores,
    log_partitions,
    sample,
    viterbi,
)
from gibbsfactor.exact.chain.log_sweeps import log_forward_backward

# ---- random chains --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences one after the other: nodes (M, L), steps (K, S, L), which (M,)."""

    lengths: list[int]
    nodes: np.ndarray
    steps: np.ndarray
    which: np.ndarray

    def scores(self, together=64):
        packing = Packing.of(self.lengths, together)
        return ChainScores(packing, self.nodes[packing.rows], self.steps, self.which[packing.rows])

    def each(self):
        """The chains one by one: node scores, steps, which."""
        ends = np.cumsum(self.lengths, dtype=int)
        for end, length in zip(ends, self.lengths, strict=True):
            span = slice(end - length, end)
            yield self.nodes[span], self.steps, self.which[span]

    @property
    def rounding(self):
        """Nats by which a sum of a sequence's scores may round: 4 eps for each of its terms."""
        sizes = [np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in (self.nodes, self.steps)]
        return 1e-13 + 4 * 2.2e-16 * max(self.lengths, default=0) * sum(sizes)


def random_batch(
    lengths, n_labels, scale=1.0, forbidden=0.0, order=1, n_matrices=1, ties=False, seed=0
):
    rng = np.random.default_rng(seed)

    def scores(*shape):
        drawn = rng.normal(size=shape)
        drawn = np.round(drawn) * scale if ties else drawn * scale
        return np.where(rng.random(shape) < forbidden, -math.inf, drawn)

    n_states = n_labels if order == 1 else (n_labels + 1) * n_labels
    which = rng.integers(0, n_matrices, sum(lengths)).astype(np.int32)
    steps = scores(n_matrices, n_states, n_labels)
    return Batch(list(lengths), scores(sum(lengths), n_labels), steps, which)


def batches(forbidden=(0.0, 0.2, 0.6, 1.0), scales=(0.1, 1.0, 30.0, 300.0, 1e3, 1e6)):
    return st.builds(
        random_batch,
        st.lists(st.integers(0, 5), max_size=5),
        st.integers(1, 3),
        st.sampled_from(scales),
        st.sampled_from(forbidden),
        st.sampled_from([1, 2]),
        st.sampled_from([1, 1, 3]),
        st.booleans(),
        st.integers(0, 2**32 - 1),
    )


group_sizes = st.sampled_from([1, 2, 3, 64])


def check_sums(batch, found, scores, weights):
    """Marginals against enumeration, times the weights of the sequences."""
    every = [list_all(*chain) for chain in batch.each()]
    near = {"rtol": 0, "atol": batch.rounding}
    assert_allclose(found.log_partitions, [a.log_z for a in every], **near)
    shares = [a.nodes * w for a, w in zip(every, weights, strict=True)]
    nodes = np.concatenate([np.empty((0, scores.n_labels)), *shares])
    assert_allclose(scores.packing.natural(found.nodes), nodes, **near)
    steps = sum(
        (a.steps * w for a, w in zip(every, weights, strict=True)), np.zeros_like(batch.steps)
    )
    assert_allclose(found.steps, steps, rtol=0, atol=(1 + len(nodes)) * batch.rounding)


# ---- packing --------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 7), max_size=8), group_sizes)
@example([], 64)
@example([0], 1)
@example([0, 0, 3, 0], 2)
def test_packing_is_time_major_within_groups_and_longest_first(lengths, together):
    packing = Packing.of(lengths, together)
    order = list(range(len(lengths)))
    if together > 1:
        order.sort(key=lambda n: -lengths[n])  # stable
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    groups = [order[g : g + together] for g in range(0, len(order), together)]
    rows = [
        starts[n] + t
        for group in groups
        for t in range(max((lengths[n] for n in group), default=0))
        for n in group
        if lengths[n] > t
    ]
    assert packing.lengths.tolist() == lengths
    assert packing.order.tolist() == order
    assert packing.rows.tolist() == rows
    assert packing.groups.tolist() == [*range(0, len(lengths), together), len(lengths)]
    assert packing.n_positions == sum(lengths)
    natural = np.repeat(np.arange(len(lengths)), lengths)
    assert packing.sequences().tolist() == natural[packing.rows].tolist()
    assert_array_equal(packing.natural(packing.rows), np.arange(sum(lengths)))
    first, last = packing.ends()
    some = [n for n, length in enumerate(lengths) if length]
    assert packing.rows[first].tolist() == [starts[n] for n in some]
    assert packing.rows[last].tolist() == [starts[n] + lengths[n] - 1 for n in some]
    for g, group in enumerate(groups):
        offsets = packing.offsets[packing.times[g] : packing.times[g + 1]]
        sizes = [sum(lengths[n] > t for n in group) for t in range(len(offsets) - 1)]
        assert np.diff(offsets).tolist() == sizes


# ---- against enumeration --------------------------------------------------------------------


@given(batches(), group_sizes, st.booleans())
@example(random_batch([], 3), 64, False)
@example(random_batch([0, 0], 2), 1, True)
@example(random_batch([5, 0, 1], 1, 1e6), 64, True)
@example(random_batch([3, 2], 3, forbidden=1.0), 64, True)
@example(random_batch([4, 3], 3, 0.0), 64, False)  # every labelling ties
@example(random_batch([4, 0, 3, 1], 3, order=2, n_matrices=3), 2, True)
def test_sums_agree_with_enumeration(batch, together, weighted):
    scores = batch.scores(together)
    kept = scores.nodes.copy(), scores.steps.copy()
    n = len(batch.lengths)
    weights = np.linspace(0, 2, n) if weighted else np.ones(n)
    found = forward_backward(scores, weights if weighted else None)
    check_sums(batch, found, scores, weights)
    assert_allclose(log_partitions(scores), found.log_partitions, rtol=0, atol=batch.rounding)
    assert_array_equal(kept[0], scores.nodes, "the node scores were overwritten")
    assert_array_equal(kept[1], scores.steps, "the steps were overwritten")


@given(batches(forbidden=(0.0, 0.3)), group_sizes)
def test_sums_in_logs_agree_with_enumeration(batch, together):
    scores, n = batch.scores(together), len(batch.lengths)
    weights, picked = np.linspace(1, 2, n), np.ones(n, bool)
    nodes, steps, log_z = np.empty_like(scores.nodes), np.zeros_like(scores.steps), np.zeros(n)
    log_forward_backward(scores, picked, weights, nodes, steps, log_z)
    found = type(forward_backward(scores))(log_z, nodes, steps)
    check_sums(batch, found, scores, weights)


@given(batches(), group_sizes, st.integers(0, 2**32 - 1))
def test_scores_of_labellings_agree_with_enumeration(batch, together, seed):
    scores, rng = batch.scores(together), np.random.default_rng(seed)
    labels = rng.integers(0, scores.n_labels, sum(batch.lengths))
    found = labelling_scores(scores, labels[scores.packing.rows])
    assert found.shape == (len(batch.lengths),)
    ends = np.cumsum(batch.lengths, dtype=int)
    for n, chain in enumerate(batch.each()):
        mine = labels[ends[n] - batch.lengths[n] : ends[n]]
        expected = list_all(*chain).score_of(mine)
        assert found[n] == pytest.approx(expected, rel=1e-13, abs=batch.rounding)


@given(batches(), group_sizes)
def test_a_batch_is_its_chains_alone(batch, together):
    found = forward_backward(batch.scores(together))
    nodes = batch.scores(together).packing.natural(found.nodes)
    total, at = np.zeros_like(batch.steps), 0
    near = {"rtol": 0, "atol": 2 * batch.rounding}
    for n, (own, steps, which) in enumerate(batch.each()):
        alone = forward_backward(ChainScores(Packing.of([len(own)]), own, steps, which))
        assert_allclose(found.log_partitions[n], alone.log_partitions[0], **near)
        assert_allclose(nodes[at : at + len(own)], alone.nodes, **near)
        total += alone.steps
        at += len(own)
    assert_allclose(found.steps, total, rtol=0, atol=2 * (1 + len(nodes)) * batch.rounding)


@pytest.mark.parametrize("order", [1, 2])
def test_very_different_lengths_in_one_batch(order):
    batch = random_batch([1, 900, 0, 3, 40, 1, 900, 2] * 10, 4, 2.0, order=order, seed=1)
    groups = [forward_backward(batch.scores(together)) for together in (1, 7, 64)]
    natural = [
        batch.scores(together).packing.natural(found.nodes)
        for together, found in zip((1, 7, 64), groups, strict=True)
    ]
    for found, nodes in zip(groups[1:], natural[1:], strict=True):
        assert_allclose(found.log_partitions, groups[0].log_partitions, rtol=1e-13)
        assert_allclose(nodes, natural[0], rtol=0, atol=1e-12)
        assert_allclose(found.steps, groups[0].steps, rtol=1e-11)


# ---- hard cases -----------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [500.0, 709.0, 745.0, 5e3, 1e6])
@pytest.mark.parametrize("others", [0, 70])
def test_a_forced_label_far_below_the_best_comes_out_right(depth, others):
    """Position 2 must take label 0, `depth` nats below what it would take freely."""
    free = np.array([[0.3, 1.0], [0.0, 2.0], [-depth, 0.5], [1.0, 1.5]])
    edge = np.array([[[0.1, -0.2], [0.4, 0.0]]])
    forced = free.copy()
    forced[2, 1] = -math.inf
    rest = np.array(
        [
            free[0, i] + edge[0, i, j] + free[1, j] + edge[0, j, 0] + edge[0, 0, k] + free[3, k]
            for i, j, k in itertools.product(range(2), repeat=3)
        ]
    )
    more = random_batch([4] * others, 2, seed=3)
    nodes = np.concatenate([forced, more.nodes])
    batch = Batch([4] * (1 + others), nodes, edge, np.zeros(len(nodes), np.int32))
    found = forward_backward(batch.scores())
    assert found.log_partitions[0] == pytest.approx(-depth + np.log(np.exp(rest).sum()), rel=1e-14)
    check_sums(batch, found, batch.scores(), np.ones(1 + others))
    # the same by what follows: label 0 at 0 is `depth` below, and all else ends at once
    ends = np.array([[-depth, 0.0], [0.0, 0.1], [0.2, 0.3]])
    dead = np.array([[[0.0, 0.5], [-math.inf, -math.inf]]])
    later = Batch([3], ends, dead, np.zeros(3, np.int32))
    check_sums(later, forward_backward(later.scores()), later.scores(), np.ones(1))
    # and through the steps: only 1 -> 0 leads into label 0, and it costs `depth`
    edges = np.array([[[-math.inf, 0], [-depth, 0]]])
    steep = Batch([3], free[[0, 1, 3]], edges, np.zeros(3, np.int32))
    check_sums(steep, forward_backward(steep.scores()), steep.scores(), np.ones(1))


depths = st.sampled_from([0.0, -50.0, -150.0, -200.0, -290.0, -350.0, -720.0])


@given(
    st.lists(st.tuples(depths, st.booleans()), min_size=8, max_size=8),
    st.sampled_from([-math.inf, -140.0, -900.0]),
    st.sampled_from([None, 0, -1]),
)
@example([(-290.0, False)] * 4 + [(-290.0, True)] * 4, -math.inf, None)
@example([(-200.0, False)] * 4 + [(-200.0, True)] * 4, -math.inf, None)
@example([(-350.0, False)] * 4 + [(-350.0, True)] * 4, -math.inf, -1)
@example([(-290.0, False)] * 8, -math.inf, -1)
@example([(-290.0, True)] * 8, -900.0, 0)
def test_mass_lost_bit_by_bit_is_found_again(below, change, forced):
    """A label falls behind over several positions; then the other does, or is forbidden.

    Or it can only be reached by a step that is far below, and is worth it in the end.
    """
    nodes = np.array([[0.0, d] if second else [d, 0.0] for d, second in below])
    if forced is not None:
        nodes[forced, 0 if forced == 0 else 1] = -math.inf
    steps = np.array([[[0.0, change], [change, 0.0]]])
    batch = Batch([8], nodes, steps, np.zeros(8, np.int32))
    check_sums(batch, forward_backward(batch.scores()), batch.scores(), np.ones(1))


def test_a_chain_without_mass_leaves_the_others_of_its_group_alone():
    for order in (1, 2):
        batch = random_batch([4, 3, 5], 3, seed=5, order=order)
        batch.nodes[5] = -math.inf
        scores = batch.scores()
        found = forward_backward(scores)
        check_sums(batch, found, scores, np.ones(3))
        assert found.log_partitions[1] == -math.inf
        sums = scores.packing.natural(found.nodes).sum(axis=1)
        assert_allclose(sums, [1] * 4 + [0] * 3 + [1] * 5, atol=1e-13)


def test_one_label_has_one_labelling():
    nodes = np.array([[1.5], [-3.0], [1e6]])
    scores = ChainScores.of(Packing.of([3]), nodes, np.array([[2.0]]))
    found = forward_backward(scores)
    assert found.log_partitions[0] == pytest.approx(1e6 + 2.5, rel=1e-15)
    assert found.nodes.tolist() == [[1.0]] * 3
    assert found.steps.tolist() == [[[2.0]]]
    assert viterbi(scores)[1].tolist() == [0, 0, 0]
    assert sample(scores, 2, np.random.default_rng(0)).tolist() == [[0, 0, 0]] * 2


# ---- long chains ----------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e6])
@pytest.mark.parametrize(("order", "n_matrices"), [(1, 1), (2, 3)])
def test_a_chain_of_5000_positions(scale, order, n_matrices):
    """Scores are whole multiples of the scale, with noise of a nat: soft marginals at any scale.

    Marginals round as one step's scores do (1e-16 of the scale, met a few times over), however
    long the chain; log Z as its own size.
    """
    rng = np.random.default_rng(3)
    n = 5000
    batch = random_batch([n], 3, scale, order=order, n_matrices=n_matrices, ties=True, seed=3)
    nodes = batch.nodes + rng.normal(size=(n, 3))
    log_z, marginals, best = plain_recursion(nodes, batch.steps, batch.which)
    scores = ChainScores(Packing.of([n]), nodes, batch.steps, batch.which)
    found = forward_backward(scores)
    assert_allclose(found.log_partitions, [log_z], rtol=1e-13)
    top, labels = viterbi(scores)
    assert_allclose(top, [best], rtol=1e-13)
    assert_allclose(labelling_scores(scores, labels), [best], rtol=1e-13)
    near = 1e-11 + 1e-14 * scale
    assert_allclose(found.nodes.sum(axis=1), 1, rtol=0, atol=near)
    assert_allclose(found.nodes, marginals, rtol=0, atol=near)
    assert_allclose(found.steps.sum(), n - 1, rtol=near)


@pytest.mark.parametrize("forced", [False, True])
def test_a_chain_of_100000_positions(forced):
    """Two labels that never change cost the same: log Z is known, and so are the marginals."""
    n = 100_000
    nodes = np.where(np.arange(n)[:, None] % 2 == 0, [0.25, -0.25], [-0.25, 0.25])
    nodes[0] += [1.0, 0.0]
    steps = np.array([[[0.0, -math.inf], [-math.inf, 0.0]]])
    if forced:
        nodes[n // 2] -= [5e3, 0.0]
        nodes[-1, 1] = -math.inf
    scores = ChainScores(Packing.of([n]), nodes, steps, np.zeros(n, np.int32))
    found = forward_backward(scores)
    p = 1.0 if forced else math.e / (1 + math.e)
    log_z = 1.0 - 5e3 if forced else math.log(1 + math.e)
    # sums of +-0.25 are exact; each scale's logarithm rounds by 1e-16
    assert found.log_partitions[0] == pytest.approx(log_z, abs=1e-9)
    assert_allclose(found.nodes, np.tile([p, 1 - p], (n, 1)), atol=1e-9)
    assert_allclose(np.diag(found.steps[0]), [p * (n - 1), (1 - p) * (n - 1)], rtol=1e-9)
    top, labels = viterbi(scores)
    assert top[0] == pytest.approx(1.0 - 5e3 * forced, abs=1e-9)
    assert not labels.any()
    drawn = sample(scores, 3, np.random.default_rng(0))
    assert (drawn == drawn[:, :1]).all()


# ---- against the general engine -------------------------------------------------------------


@pytest.fixture(scope="module")
def crf_of_three_labels():
    rng = np.random.default_rng(0)
    X = [[dict(zip("abcd", rng.normal(size=4), strict=True)) for _ in range(5)] for _ in range(4)]
    y = [["u", "v", "w", "v", "u"], list("uvwwv"), list("wuvuw"), list("vwuuv")]
    model = LinearChainCRF(all_possible_states=True, all_possible_transitions=True, progress=False)
    return model.fit(X, y)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0, 5.0]))
def test_enumeration_chain_engine_and_general_engine_agree(crf_of_three_labels, seed, scale):
    rng = np.random.default_rng(seed)
    crf = copy.copy(crf_of_three_labels)
    crf.weights_ = rng.normal(size=crf.weights_.shape) * scale
    x = [dict(zip("abcd", rng.normal(size=4), strict=True)) for _ in range(5)]
    state, transition = crf.state_features_, crf.transition_features_
    labels = crf.classes_
    nodes = np.array([[sum(f[a] * state[a, i] for a in f) for i in labels] for f in x])
    edge = np.array([[transition[i, j] for j in labels] for i in labels])
    listed = list_all(nodes, edge[None])
    general = crf.gibbs(x)
    near = {"rtol": 1e-12, "atol": 1e-12}
    assert_allclose(crf.log_partition([x])[0], listed.log_z, **near)
    assert_allclose(general.log_partition(), listed.log_z, **near)
    assert_allclose(crf.predict_proba([x])[0], listed.nodes, **near)
    tables = general.marginals()
    assert_allclose([tables[f"y{t}"].values for t in range(5)], listed.nodes, **near)
    pairs = sum(general.marginal(f"y{t}", f"y{t + 1}").values for t in range(4))
    assert_allclose(pairs, listed.steps[0], **near)
    found = general.map_assignment()
    assert_allclose(general.log_unnormalized(found), listed.best, **near)
    (predicted,) = crf.predict([x])
    chosen = dict(zip(found, predicted, strict=True))
    assert_allclose(general.log_unnormalized(chosen), listed.best, **near)
    log_p = crf.log_probability([x], [predicted])[0]
    assert_allclose(log_p, listed.best - listed.log_z, **near)
    assert_allclose(general.log_probability(chosen), log_p, **near)
