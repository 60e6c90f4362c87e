"""Chains: packed sweeps against the list of all labellings, and against the general engine."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from gibbsfactor import LinearChainCRF
from gibbsfactor.exact import chain
from gibbsfactor.exact.chain import Packing, forward_backward, log_partitions, viterbi
from gibbsfactor.exact.scaled import LIMIT

EXACT = np.longdouble  # the oracle's sums round below those under test

# ---- the oracle: all L^T labellings ---------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Answers:
    log_z: float
    nodes: np.ndarray  # (T, L)
    edges: np.ndarray  # (L, L)
    best: float
    labellings: np.ndarray  # (L^T, T)
    scores: np.ndarray  # (L^T,)


def enumerate_chain(nodes, edge):
    """Everything about one chain, from the score of every labelling."""
    (length, n_labels), at = nodes.shape, np.arange(len(nodes))
    labellings = np.array(list(itertools.product(range(n_labels), repeat=length)), dtype=int)
    labellings = labellings.reshape(n_labels**length, length)
    scores = nodes.astype(EXACT)[at, labellings].sum(axis=1)
    before, after = labellings[:, :-1], labellings[:, 1:]
    scores = scores + edge.astype(EXACT)[before, after].sum(axis=1)
    best = scores.max()
    marginals, pairs = np.zeros((length, n_labels)), np.zeros((n_labels, n_labels))
    if best == -math.inf:
        return Answers(-math.inf, marginals, pairs, -math.inf, labellings, scores)
    total = np.exp(scores - best).sum()
    p = (np.exp(scores - best) / total).astype(float)
    for t in range(length):
        marginals[t] = np.bincount(labellings[:, t], p, n_labels)
    for t in range(1, length):
        np.add.at(pairs, (labellings[:, t - 1], labellings[:, t]), p)
    return Answers(float(best + np.log(total)), marginals, pairs, float(best), labellings, scores)


# ---- random chains --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Batch:
    lengths: list[int]
    nodes: np.ndarray  # (M, L), sequence after sequence
    edge: np.ndarray  # (L, L)

    @property
    def packing(self):
        return Packing.of(self.lengths)

    @property
    def packed(self):
        """What the sweeps take: the packing, node scores in packed order, edge scores."""
        return self.packing, self.nodes[self.packing.rows], self.edge

    @property
    def sequences(self):
        return np.split(self.nodes, np.cumsum(self.lengths)[:-1]) if self.lengths else []

    @property
    def rounding(self):
        """Nats by which a sum of a sequence's scores may round: 4 eps for each of its terms."""
        sizes = [np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in (self.nodes, self.edge)]
        return 1e-13 + 4 * 2.2e-16 * max(self.lengths, default=0) * sum(sizes)


def random_batch(lengths, n_labels, scale, forbidden=0.0, ties=False, seed=0):
    rng = np.random.default_rng(seed)

    def scores(*shape):
        drawn = rng.normal(size=shape)
        drawn = np.round(drawn) * scale if ties else drawn * scale
        return np.where(rng.random(shape) < forbidden, -math.inf, drawn)

    return Batch(list(lengths), scores(sum(lengths), n_labels), scores(n_labels, n_labels))


def batches(forbidden=(0.0, 0.2, 0.6, 1.0), scales=(0.1, 1.0, 30.0, 1e3, 1e6)):
    return st.builds(
        random_batch,
        st.lists(st.integers(0, 6), max_size=5),
        st.integers(1, 4),
        st.sampled_from(scales),
        st.sampled_from(forbidden),
        st.booleans(),
        st.integers(0, 2**32 - 1),
    )


def in_order(packing, packed):
    """Packed rows back in the order of sequences and tokens."""
    out = np.empty_like(packed)
    out[packing.rows] = packed
    return out


def check_against_enumeration(batch):
    packing, nodes, edge = batch.packed
    kept = nodes.copy(), edge.copy()
    every = [enumerate_chain(one, edge) for one in batch.sequences]
    log_z = [a.log_z for a in every]
    near = {"rtol": 0, "atol": batch.rounding}
    assert_allclose(log_partitions(packing, nodes, edge), log_z, **near)
    found = forward_backward(packing, nodes, edge)
    assert_allclose(found.log_partitions, log_z, **near)
    marginals = [a.nodes for a in every] or [np.empty((0, len(edge)))]
    assert_allclose(in_order(packing, found.nodes), np.concatenate(marginals), **near)
    pairs = sum((a.edges for a in every), np.zeros_like(edge))
    assert_allclose(found.edges, pairs, rtol=0, atol=len(nodes) * batch.rounding)
    scores, labels = viterbi(packing, nodes, edge)
    assert_allclose(scores, [a.best for a in every], **near)
    labels = in_order(packing, labels)
    ends = np.cumsum(batch.lengths)
    for answers, end, length in zip(every, ends, batch.lengths, strict=True):
        if answers.best > -math.inf:
            mine = labels[end - length : end]
            (position,) = np.flatnonzero((answers.labellings == mine).all(axis=1))
            # the labels are one maximiser, whole: never parts of two that tie
            assert answers.scores[position] >= answers.best - batch.rounding
    assert np.array_equal(kept[0], nodes), "the node scores were overwritten"
    assert np.array_equal(kept[1], edge), "the edge scores were overwritten"


# ---- packing --------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 7), max_size=8))
@example([])
@example([0])
@example([0, 0, 3, 0])
def test_packing_is_time_major_and_longest_first(lengths):
    packing = Packing.of(lengths)
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])  # stable
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    longest = max(lengths, default=0)
    rows = [starts[n] + t for t in range(longest) for n in order if lengths[n] > t]
    sizes = [sum(length > t for length in lengths) for t in range(longest)]
    assert packing.lengths.tolist() == lengths
    assert packing.order.tolist() == order
    assert packing.rows.tolist() == rows
    assert packing.sizes.tolist() == sizes
    assert packing.offsets.tolist() == [sum(sizes[:t]) for t in range(longest + 1)]
    assert packing.n_positions == sum(lengths)
    assert packing.spans() == [(sum(sizes[:t]), sizes[t]) for t in range(longest)]
    by_rank = np.array([float(n) for n in order])
    assert packing.by_sequence(by_rank).tolist() == list(range(len(lengths)))


# ---- against enumeration --------------------------------------------------------------------


@given(batches())
@example(random_batch([], 3, 1.0))
@example(random_batch([0, 0], 2, 1.0))
@example(random_batch([6, 0, 1], 1, 1e6))
@example(random_batch([3, 2], 3, 1.0, forbidden=1.0))
@example(random_batch([4, 3], 3, 0.0))  # every labelling ties
def test_sweeps_agree_with_enumeration(batch):
    check_against_enumeration(batch)


@given(batches(forbidden=(0.0, 0.3)))
def test_log_path_agrees_with_enumeration(batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "_shifts", lambda nodes, edge: None)
        check_against_enumeration(batch)


@given(batches(forbidden=(0.0,), scales=(0.1, 1.0, 10.0)))
def test_scaled_and_log_path_agree(batch):
    packing, nodes, edge = batch.packed
    assert chain._shifts(nodes, edge) is not None or not len(nodes)
    scaled = forward_backward(packing, nodes, edge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "_shifts", lambda nodes, edge: None)
        logs = forward_backward(packing, nodes, edge)
    for name in ("log_partitions", "nodes", "edges"):
        assert_allclose(getattr(scaled, name), getattr(logs, name), rtol=1e-12, atol=1e-12)


@given(batches())
def test_a_batch_is_its_chains_alone(batch):
    """Each chain alone; it may take the other path there, so equal but for rounding."""
    packing, nodes, edge = batch.packed
    together = forward_backward(packing, nodes, edge)
    scores, labels = viterbi(packing, nodes, edge)
    alone = [forward_backward(Packing.of([len(x)]), x, edge) for x in batch.sequences]
    best = [viterbi(Packing.of([len(x)]), x, edge) for x in batch.sequences]
    near = {"rtol": 0, "atol": 2 * batch.rounding}
    assert_allclose(together.log_partitions, [a.log_partitions[0] for a in alone], **near)
    rows = np.concatenate([np.empty((0, len(edge))), *(a.nodes for a in alone)])
    assert_allclose(in_order(packing, together.nodes), rows, **near)
    pairs = sum((a.edges for a in alone), np.zeros_like(edge))
    assert_allclose(together.edges, pairs, rtol=0, atol=2 * len(nodes) * batch.rounding)
    assert scores.tolist() == [score[0] for score, _ in best]
    assert in_order(packing, labels).tolist() == [i for _, chosen in best for i in chosen]


def test_very_different_lengths_in_one_batch():
    batch = random_batch([1, 900, 0, 3, 40, 1, 900, 2], 5, 2.0, seed=1)
    packing, nodes, edge = batch.packed
    together = forward_backward(packing, nodes, edge)
    alone = [forward_backward(Packing.of([len(x)]), x, edge) for x in batch.sequences]
    assert_allclose(together.log_partitions, [a.log_partitions[0] for a in alone], rtol=1e-13)
    rows = np.concatenate([a.nodes for a in alone])
    assert_allclose(in_order(packing, together.nodes), rows, rtol=0, atol=1e-13)
    assert_allclose(together.edges, sum(a.edges for a in alone), rtol=1e-12)


# ---- which path, and hard cases -------------------------------------------------------------


@pytest.mark.parametrize(
    ("node_range", "edge_range", "is_scaled"),
    [
        (0.0, 0.0, True),
        (LIMIT - 10, 0.0, True),
        (LIMIT + 1, 0.0, False),
        (0.0, LIMIT / 2 - 5, True),  # the range of the edges counts twice
        (0.0, LIMIT / 2 + 1, False),
        (LIMIT / 2, LIMIT / 4 - 5, True),
        (LIMIT / 2, LIMIT / 4 + 1, False),
        (math.inf, 0.0, False),
        (0.0, math.inf, False),
    ],
)
def test_scaled_numbers_only_within_the_limit(node_range, edge_range, is_scaled):
    """And at the limit, with top and bottom scores in turn, they lose nothing."""
    nodes = np.array([[0.0, -node_range], [-node_range, 0.0]] * 3) + 70.0
    edge = np.array([[0.0, -edge_range], [-edge_range, 0.0]]) - 300.0
    shifts = chain._shifts(nodes, edge)
    assert shifts == ((70.0, -300.0) if is_scaled else None)
    check_against_enumeration(Batch([6], nodes, edge))
    check_against_enumeration(Batch([6], nodes, edge[::-1]))
    check_against_enumeration(Batch([6], -nodes if is_scaled else nodes, edge[::-1]))


def test_no_positions_or_no_possible_score_go_through_logs():
    nothing = np.full((3, 2), -math.inf)
    assert chain._shifts(np.empty((0, 2)), np.zeros((2, 2))) is None
    assert chain._shifts(nothing, np.zeros((2, 2))) is None
    assert chain._shifts(np.zeros((3, 2)), np.full((2, 2), -math.inf)) is None


@pytest.mark.parametrize("depth", [5e3, 1e6])
def test_a_forced_label_far_below_the_best_has_the_right_log_z(depth):
    """Position 2 must take label 0, `depth` nats below what it would take freely."""
    free = np.array([[0.3, 1.0], [0.0, 2.0], [-depth, 0.5], [1.0, 1.5]])
    edge = np.array([[0.1, -0.2], [0.4, 0.0]])
    forced = free.copy()
    forced[2, 1] = -math.inf
    (log_z,) = log_partitions(Packing.of([4]), forced, edge)
    rest = np.array(
        [
            free[0, i] + edge[i, j] + free[1, j] + edge[j, 0] + edge[0, k] + free[3, k]
            for i, j, k in itertools.product(range(2), repeat=3)
        ]
    )
    assert log_z == pytest.approx(-depth + np.log(np.exp(rest).sum()), rel=1e-14)
    check_against_enumeration(Batch([4], forced, edge))
    # the same through the edges: only 1 -> 0 leads into label 0, and it costs `depth`
    check_against_enumeration(Batch([3], free[[0, 1, 3]], np.array([[-math.inf, 0], [-depth, 0]])))


def test_a_chain_without_mass_leaves_the_others_of_its_batch_alone():
    batch = random_batch([4, 3, 5], 3, 1.0, seed=5)
    batch.nodes[5] = -math.inf
    check_against_enumeration(batch)
    packing, nodes, edge = batch.packed
    found = forward_backward(packing, nodes, edge)
    assert found.log_partitions[1] == -math.inf
    sums = in_order(packing, found.nodes).sum(axis=1)
    assert_allclose(sums, [1] * 4 + [0] * 3 + [1] * 5, atol=1e-13)


def plain_recursion(nodes, edge):
    """log Z, node marginals and best score of one chain, in logs and extended precision."""
    nodes, edge = nodes.astype(EXACT), edge.astype(EXACT)
    forward, best = [nodes[0]], nodes[0]
    for here in nodes[1:]:
        forward.append(np.logaddexp.reduce(forward[-1][:, None] + edge, axis=0) + here)
        best = (best[:, None] + edge).max(axis=0) + here
    backward = [np.zeros(len(edge), dtype=EXACT)]
    for after in nodes[:0:-1]:
        backward.append(np.logaddexp.reduce(edge + after + backward[-1], axis=1))
    joint = np.stack(forward) + np.stack(backward[::-1])
    weights = np.exp(joint - joint.max(axis=1, keepdims=True))
    log_z = np.logaddexp.reduce(forward[-1])
    marginals = weights / weights.sum(axis=1, keepdims=True)
    return float(log_z), marginals.astype(float), float(best.max())


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e6])
def test_a_chain_of_20000_positions(scale):
    """Scores are whole multiples of the scale, with noise of a nat: soft marginals at any scale.

    Marginals round as one step's scores do (1e-16 of the scale, met a few times over), however
    long the chain; log Z as its own size.
    """
    rng = np.random.default_rng(3)
    nodes = np.round(rng.normal(size=(20_000, 3))) * scale + rng.normal(size=(20_000, 3))
    edge = np.round(rng.normal(size=(3, 3))) * scale
    packing = Packing.of([len(nodes)])
    assert (chain._shifts(nodes, edge) is None) == (scale > 1)
    log_z, marginals, best = plain_recursion(nodes, edge)
    found = forward_backward(packing, nodes, edge)
    assert_allclose(found.log_partitions, [log_z], rtol=1e-13)
    assert_allclose(log_partitions(packing, nodes, edge), [log_z], rtol=1e-13)
    scores, labels = viterbi(packing, nodes, edge)
    assert_allclose(scores, [best], rtol=1e-13)
    own = nodes[np.arange(len(nodes)), labels].sum() + edge[labels[:-1], labels[1:]].sum()
    assert own == pytest.approx(best, rel=1e-13)
    near = 1e-11 + 1e-14 * scale
    assert_allclose(found.nodes.sum(axis=1), 1, rtol=0, atol=near)
    assert_allclose(found.nodes, marginals, rtol=0, atol=near)
    assert_allclose(found.edges.sum(), len(nodes) - 1, rtol=near)


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
    state, transition = crf.attribute_weights(), crf.transition_weights()
    labels = crf.classes_
    nodes = np.array([[sum(f[a] * state[a, i] for a in f) for i in labels] for f in x])
    edge = np.array([[transition[i, j] for j in labels] for i in labels])
    listed = enumerate_chain(nodes, edge)
    assert len(listed.scores) == 243
    general = crf.gibbs(x)
    near = {"rtol": 1e-12, "atol": 1e-12}

    assert_allclose(crf.log_partition([x])[0], listed.log_z, **near)
    assert_allclose(general.log_partition(), listed.log_z, **near)

    (marginals,) = crf.predict_proba([x])
    assert_allclose(marginals, listed.nodes, **near)
    tables = general.marginals()
    assert_allclose([tables[f"y{t}"].values for t in range(5)], listed.nodes, **near)
    pairs = sum(general.marginal(f"y{t}", f"y{t + 1}").values for t in range(4))
    assert_allclose(pairs, listed.edges, **near)
    assert_allclose(forward_backward(Packing.of([5]), nodes, edge).edges, listed.edges, **near)

    (predicted,) = crf.predict([x])
    found = general.map_assignment()
    assert_allclose(general.log_unnormalized(found), listed.best, **near)
    chosen = dict(zip(found, predicted, strict=True))
    assert_allclose(general.log_unnormalized(chosen), listed.best, **near)
    log_p = crf.log_probability([x], [predicted])[0]
    assert_allclose(log_p, listed.best - listed.log_z, **near)
    assert_allclose(general.log_probability(chosen), log_p, **near)
