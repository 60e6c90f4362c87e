"""The linear-chain CRF: its loss, its training, its answers, its files and its errors."""

from __future__ import annotations

import copy
import itertools
import math
import os
import pickle
import random
import re
import threading
import warnings
from collections import Counter

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from gibbsfactor import LinearChainCRF, files, read_conll
from gibbsfactor.errors import FormatError
from gibbsfactor.features import Columns, Templates, Tokens, vectorizer_for
from gibbsfactor.learning import chain_loss, progress
from gibbsfactor.learning.chain_loss import ChainLoss, observed_features
from gibbsfactor.models import linear_chain_crf

# ---- random data, and the loss by listing all labellings ------------------------------------


def random_tokens(rng, lengths, n_attributes, share=0.4, real=True):
    """Attribute 0 is on every token, the last on none; the others on a share of them."""
    shape = (sum(lengths), n_attributes)
    values = rng.normal(size=shape) if real else np.ones(shape)
    values = np.where(rng.random(shape) < share, values, 0.0)
    values[:, 0] = 1.0
    values[:, -1] = 0.0
    return Tokens(scipy.sparse.csr_array(values), lengths)


def listed_loss(features, observed, tokens, c2, weights):
    """sum log Z - w . observed + c2 |w|^2, with log Z from all labellings."""
    state, edge = np.zeros((features.n_attributes, features.n_labels)), {}
    for position, w in zip(features.states.tolist(), weights, strict=False):
        state[divmod(position, features.n_labels)] = w
    for position, w in zip(
        features.transitions.tolist(), weights[len(features.states) :], strict=True
    ):
        edge[divmod(position, features.n_labels)] = w
    nodes = tokens.attributes.toarray() @ state
    loss, end = c2 * sum(w * w for w in weights) - float(weights @ observed), 0
    for length in tokens.lengths.tolist():
        begin, end = end, end + length
        scores = [
            sum(nodes[begin + t, i] for t, i in enumerate(y))
            + sum(edge.get(pair, 0.0) for pair in itertools.pairwise(y))
            for y in itertools.product(range(features.n_labels), repeat=length)
        ]
        loss += float(np.logaddexp.reduce(scores))
    return loss


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_labels=st.sampled_from([1, 2, 3, 8]),
    lengths=st.lists(st.integers(0, 3), min_size=1, max_size=5).filter(any),
    share=st.sampled_from([0.0, 0.15, 0.4, 1.0]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    n_threads=st.sampled_from([1, 2, 9]),
    c2=st.sampled_from([0.0, 0.3]),
)
def test_loss_is_that_of_enumeration_and_gradient_its_differences(
    seed, n_labels, lengths, share, flags, n_threads, c2
):
    """Central differences with a step of 1e-5: 1e-10 off for its length, 1e-10 for rounding."""
    rng = np.random.default_rng(seed)
    tokens = random_tokens(rng, lengths, 6)
    labels = rng.integers(0, n_labels, sum(lengths))
    transitions, all_states, all_transitions = flags
    features, observed = observed_features(
        tokens,
        labels,
        n_labels,
        transitions=transitions,
        all_states=all_states,
        all_transitions=all_transitions,
    )
    weights = rng.normal(size=features.n_weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain_loss, "SINGLE_SHARE", share)
        loss = ChainLoss(features, observed, tokens, c2, n_threads)
    if share in (0.0, 1.0):  # the boundary: all features as rows of W, or all one by one
        assert len(loss.split.single) == share * len(features.states)
    kept = weights.copy()
    with loss:
        value, gradient = loss(weights)
        differences = []
        for k in range(len(weights)):
            step = np.zeros(len(weights))
            step[k] = 1e-5
            differences.append((loss(weights + step)[0] - loss(weights - step)[0]) / 2e-5)
    assert_array_equal(weights, kept)
    assert value == pytest.approx(
        listed_loss(features, observed, tokens, c2, weights), rel=1e-11, abs=1e-11
    )
    size = max(1.0, np.abs(gradient).max(initial=0))
    assert_allclose(gradient, differences, rtol=1e-6, atol=1e-6 * size)


def test_rare_and_frequent_attributes_are_the_same_sum(monkeypatch):
    """With the usual share some attributes are rows of W and some are held one by one."""
    rng = np.random.default_rng(4)
    tokens = random_tokens(rng, [5, 0, 9, 1, 30], 60, share=0.05)
    labels = rng.integers(0, 12, 45)
    features, observed = observed_features(tokens, labels, 12)
    weights = rng.normal(size=features.n_weights)
    results = []
    for share in (chain_loss.SINGLE_SHARE, 0.0, 1.0):
        monkeypatch.setattr(chain_loss, "SINGLE_SHARE", share)
        for n_threads in (1, 2, 3):
            with ChainLoss(features, observed, tokens, 0.5, n_threads) as loss:
                results.append((share, loss(weights)))
                split = loss.split
        if share not in (0.0, 1.0):
            assert 0 < len(split.single) < len(features.states)
    value, gradient = results[0][1]
    for _, (other, slope) in results[1:]:
        assert other == pytest.approx(value, rel=1e-13)
        assert_allclose(slope, gradient, rtol=0, atol=1e-12)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
    st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any),
)
def test_loss_at_zero_weights_is_tokens_times_log_labels(seed, n_labels, lengths):
    rng = np.random.default_rng(seed)
    tokens = random_tokens(rng, lengths, 5)
    labels = rng.integers(0, n_labels, sum(lengths))
    features, observed = observed_features(tokens, labels, n_labels)
    with ChainLoss(features, observed, tokens, 7.0, 2) as loss:
        value, gradient = loss(np.zeros(features.n_weights))
    assert value == pytest.approx(sum(lengths) * math.log(n_labels), rel=1e-13)
    n_states = len(features.states)
    everywhere = tokens.attributes.sum(axis=0)[features.states // n_labels] / n_labels
    assert_allclose(gradient[:n_states], everywhere - observed[:n_states], atol=1e-12)
    steps = sum(max(length - 1, 0) for length in lengths)
    assert_allclose(gradient[n_states:], steps / n_labels**2 - observed[n_states:], atol=1e-12)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
    st.lists(st.integers(0, 4), max_size=5),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_observed_features_are_counted_as_a_dictionary_would(seed, n_labels, lengths, flags):
    rng = np.random.default_rng(seed)
    tokens = random_tokens(rng, lengths, 5)
    labels = rng.integers(0, n_labels, sum(lengths))
    transitions, all_states, all_transitions = flags
    states, pairs = Counter(), Counter()
    dense, m = tokens.attributes.toarray(), 0
    if all_states:
        states.update(dict.fromkeys(itertools.product(range(5), range(n_labels)), 0))
    if all_transitions:
        pairs.update(dict.fromkeys(itertools.product(range(n_labels), repeat=2), 0))
    for length in lengths:
        for t in range(length):
            for a in np.flatnonzero(dense[m]).tolist():
                states[a, int(labels[m])] += dense[m, a]
            if t:
                pairs[int(labels[m - 1]), int(labels[m])] += 1
            m += 1
    if not transitions:
        pairs.clear()
    features, observed = observed_features(
        tokens,
        labels,
        n_labels,
        transitions=transitions,
        all_states=all_states,
        all_transitions=all_transitions,
    )
    keys = [divmod(k, n_labels) for k in features.states.tolist()]
    follows = [divmod(k, n_labels) for k in features.transitions.tolist()]
    assert keys == sorted(states)
    assert follows == sorted(pairs)
    assert features.n_weights == len(observed) == len(states) + len(pairs)
    assert_allclose(observed, [*map(states.get, keys), *map(pairs.get, follows)], atol=1e-14)


def test_the_loss_holds_no_threads_afterwards():
    tokens = random_tokens(np.random.default_rng(0), [3, 2], 4)
    features, observed = observed_features(tokens, np.array([0, 1, 1, 0, 1]), 2)
    before = threading.active_count()
    with ChainLoss(features, observed, tokens, 1.0, 2) as loss:
        loss(np.zeros(features.n_weights))
        assert len(loss.batches) == 2
    assert threading.active_count() == before


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_every_thread_gets_as_many_batches(n_threads, monkeypatch):
    monkeypatch.setattr(chain_loss, "BATCH_BYTES", 8 * 2 * 70)  # 70 tokens of 2 labels
    monkeypatch.setattr(chain_loss, "BATCH_SEQUENCES", 1)
    tokens = random_tokens(np.random.default_rng(0), [5] * 100, 4)
    features, observed = observed_features(tokens, np.arange(500) % 2, 2)
    batches = ChainLoss(features, observed, tokens, 1.0, n_threads).batches
    assert len(batches) == {1: 8, 2: 8, 3: 9}[n_threads]
    assert sum(len(batch.packing.lengths) for batch in batches) == 100


# ---- training -------------------------------------------------------------------------------


def sentences_of(n, seed=0, shortest=1):
    """Sequences of (word, tag) tokens and their labels; the labels depend on both and on order."""
    rng = random.Random(seed)
    X, y = [], []
    for _ in range(n):
        tokens, labels = [], []
        for _ in range(rng.randint(shortest, 7)):
            word, tag = rng.choice("abcdef"), rng.choice("NV")
            noise = rng.random() < 0.1
            follows = labels and labels[-1] == "B"
            labels.append("I" if (tag == "N" and follows) != noise else rng.choice("BO"))
            tokens.append((word, tag))
        X.append(tokens)
        y.append(labels)
    return X, y


TEMPLATES = Templates.parse("w=%x[0,0]\n".replace("w=", "Uw=") + "Ut=%x[0,1]\nUp=%x[-1,0]\nB\n")


def as_dicts(X):
    return [
        [
            {"Uw=" + w: 1.0, "Ut=" + t: True, "Up=" + (x[i - 1][0] if i else "_B-1"): 1}
            for i, (w, t) in enumerate(x)
        ]
        for x in X
    ]


def as_lists(X):
    return [[list(features) for features in x] for x in as_dicts(X)]


KINDS = {
    "dicts": (as_dicts, {}),
    "lists": (as_lists, {}),
    "columns": (Columns.from_sentences, {"templates": TEMPLATES}),
}


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    """A model of each kind of input, its training data, and data that it has not seen."""
    make, options = KINDS[request.param]
    X, y = sentences_of(30)
    new = [*sentences_of(10, seed=1)[0], [("zz", "Z")], [("a", "Z"), ("zz", "N")]]
    return LinearChainCRF(0.3, progress=False, **options).fit(make(X), y), make(X), y, make(new)


def train(X=None, y=None, **options):
    given_X, given_y = sentences_of(30)
    options = {"progress": False, **options}
    return LinearChainCRF(**options).fit(X or as_lists(given_X), y or given_y)


def test_loss_is_minus_log_probability_plus_penalty(fitted):
    crf, X, y, _ = fitted
    penalty = crf.c2 * float(crf.weights_ @ crf.weights_)
    assert crf.loss_ == pytest.approx(penalty - crf.log_probability(X, y).sum(), rel=1e-12)
    assert crf.loss_ < sum(map(len, y)) * math.log(3)


def test_training_reaches_a_flat_place():
    """Not merely by its own word: the gradient is computed anew from the weights it gives."""
    X, y = sentences_of(30)
    crf = train(tol=0.0, c2=0.1)
    tokens = crf.vectorizer_.transform(as_lists(X))
    codes = np.array([crf.classes_.index(label) for labels in y for label in labels])
    features, observed = observed_features(tokens, codes, 3)
    with ChainLoss(features, observed, tokens, 0.1, 1) as loss:
        value, gradient = loss(np.array(crf.weights_))
        nearby = np.random.default_rng(0).normal(size=(20, len(gradient))) * 1e-2
        assert all(loss(crf.weights_ + step)[0] > value for step in nearby)
    assert value == pytest.approx(crf.loss_, rel=1e-13)
    assert np.abs(gradient).max() == pytest.approx(crf.gradient_norm_, abs=1e-11)
    assert crf.gradient_norm_ < 1e-4
    assert 0 < crf.n_iter_ <= crf.n_evaluations_
    assert set(crf.seconds_) == {"features", "training"}


def test_ten_iterations_together_gain_less_than_tol_at_the_end(monkeypatch):
    """As the documentation of ``tol`` has it."""
    losses = []

    class Recorder:
        def __enter__(self):
            return lambda state: losses.append(state.loss)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(linear_chain_crf, "progress_bar", lambda *_: Recorder())
    X, y = sentences_of(60, seed=5)
    for tol in (0.05, 0.01, 1e-3):
        losses.clear()
        crf = train(as_lists(X), y, tol=tol, c2=0.01)
        if crf.gradient_norm_ <= 1e-5:
            continue
        assert len(losses) > 10
        assert losses[-11] - losses[-1] <= 1.01 * tol * losses[-1]


def test_threads_do_not_change_the_result():
    one, two, many = (train(n_threads=n, tol=1e-9) for n in (1, 2, 7))
    for other in (two, many):
        assert other.loss_ == pytest.approx(one.loss_, rel=1e-8)
        assert_allclose(other.weights_, one.weights_, atol=1e-3)
        assert other.classes_ == one.classes_


def test_a_strong_penalty_shrinks_weights():
    sizes = [float(np.abs(train(c2=c2).weights_).max()) for c2 in (0.1, 1.0, 10.0, 1e6)]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 < sizes[-1] < 1e-4
    (uniform,) = train(c2=1e9).predict_proba([[["Uw=a"], ["Uw=b"]]])
    assert_allclose(uniform, 1 / 3, atol=1e-6)


def test_dicts_lists_and_columns_give_the_same_model():
    X, y = sentences_of(30)
    models = [train(make(X), y, tol=1e-9, **options) for make, options in KINDS.values()]
    for model in models[1:]:
        assert model.loss_ == pytest.approx(models[0].loss_, rel=1e-8)
        assert model.transition_weights() == pytest.approx(models[0].transition_weights(), abs=1e-3)
        assert model.attribute_weights() == pytest.approx(models[0].attribute_weights(), abs=1e-3)
    assert set(models[0].transition_weights()) <= set(itertools.product("BIO", repeat=2))
    assert ("Uw=a", "B") in models[0].attribute_weights()


def test_all_possible_features():
    X, y = [[["a"], ["b"]]], [["x", "y"]]
    crf = train(X, y)
    assert set(crf.attribute_weights()) == {("a", "x"), ("b", "y")}
    assert set(crf.transition_weights()) == {("x", "y")}
    crf = train(X, y, all_possible_states=True, all_possible_transitions=True)
    assert set(crf.attribute_weights()) == set(itertools.product("ab", "xy"))
    assert set(crf.transition_weights()) == set(itertools.product("xy", repeat=2))
    assert crf.transition_weights()["y", "x"] < 0 < crf.transition_weights()["x", "y"]


def test_templates_without_b_make_a_softmax_regression_at_each_position():
    X, y = sentences_of(20)
    plain = Templates.parse("U0:%x[0,0]\nU1:%x[0,1]\n")
    crf = train(
        Columns.from_sentences(X), y, templates=plain, all_possible_transitions=True, tol=1e-9
    )
    assert crf.transition_weights() == {}
    assert crf.features_.n_weights == len(crf.attribute_weights())
    apart = [[token] for x in X for token in x]
    labels = [[label] for labels in y for label in labels]
    single = train(Columns.from_sentences(apart), labels, templates=plain, tol=1e-9)
    assert single.loss_ == pytest.approx(crf.loss_, rel=1e-8)
    together = np.concatenate(crf.predict_proba(Columns.from_sentences(X)))
    alone = np.concatenate(single.predict_proba(Columns.from_sentences(apart)))
    assert_allclose(together, alone, atol=1e-3)
    assert_allclose(alone, np.concatenate(crf.predict_proba(Columns.from_sentences(apart))))


def test_real_values_weigh():
    """One attribute of 3 is three of 1, in training and after."""
    thrice, once = [[{"a": 3.0}, {"b": 0.5}]], [[{"a": 1}, {"b": 1}]]
    y = [["x", "y"]]
    crf = train(thrice, y, tol=1e-9)
    weights = crf.attribute_weights()
    nodes = crf.gibbs(thrice[0])
    x = {"y0": "x", "y1": "y"}
    expected = 3 * weights["a", "x"] + 0.5 * weights["b", "y"] + crf.transition_weights()["x", "y"]
    assert nodes.log_unnormalized(x) == pytest.approx(expected, rel=1e-12)
    assert crf.log_probability(thrice, y)[0] > crf.log_probability(once, y)[0]


def test_min_freq_leaves_out_rare_attributes():
    crf = train([[["a", "b"], ["a"]], [["a", "c"], ["c"]]], [["x", "y"], ["x", "y"]], min_freq=2)
    assert {a for a, _ in crf.attribute_weights()} == {"a", "c"}


def test_empty_sequences_change_nothing():
    X, y = sentences_of(20)
    X = as_lists(X)
    padded = [[], *X[:7], [], [], *X[7:], []], [[], *y[:7], [], [], *y[7:], []]
    one, other = train(X, y, n_threads=2, tol=1e-9), train(*padded, n_threads=2, tol=1e-9)
    assert other.loss_ == pytest.approx(one.loss_, rel=1e-8)
    assert other.predict(padded[0])[0] == []


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([3, -1, 20], [-1, 3, 20]),
        ([("b", 1), ("a", 2), ("a", 1)], [("a", 1), ("a", 2), ("b", 1)]),
        ([2.5, -1.0, 0.0], [-1.0, 0.0, 2.5]),
        ([True, False, True], [False, True]),
        (["x", 1, (2,)], ["x", 1, (2,)]),  # no order among them: as they first appear
        ([("a",), "a", 0], [("a",), "a", 0]),
        (["only", "only", "only"], ["only"]),
        (np.array([3, 1, 2]), [1, 2, 3]),
        (np.array(["x", "y", "w"]), ["w", "x", "y"]),
        (np.array([True, False, True]), [False, True]),
        (np.array(["2001-01-01", "2002-02-02", "2003-03-03"], "M8[D]"), None),
    ],
    ids=repr,
)
def test_labels_of_any_kind(labels, classes):
    X = [[["a"], ["b"], ["c"]]] * 2
    crf = train(X, [labels] * 2, c2=0.01)
    if classes is not None:
        assert crf.classes_ == classes
        assert [type(label) for label in crf.classes_] == [type(label) for label in classes]
    assert [list(labels)] * 2 == crf.predict(X)
    assert crf.score(X, [labels] * 2) == 1
    assert_allclose(crf.log_probability(X, [labels] * 2), 0, atol=0.2)


def test_one_label_is_certain():
    crf = train([[["a"], ["b"]]], [["x", "x"]])
    assert crf.loss_ == pytest.approx(0, abs=1e-12)
    assert crf.predict([[["c"]] * 3]) == [["x"] * 3]
    assert_allclose(crf.predict_proba([[["a"]] * 3])[0], np.ones((3, 1)))


# ---- answers --------------------------------------------------------------------------------


def test_shapes_and_laws_of_answers(fitted):
    crf, _, _, new = fitted
    lengths = list(map(len, new))
    assert crf.classes_ == ["B", "I", "O"]
    predicted, marginals, log_z = crf.predict(new), crf.predict_proba(new), crf.log_partition(new)
    assert list(map(len, predicted)) == lengths
    assert {label for labels in predicted for label in labels} <= {"B", "I", "O"}
    assert [p.shape for p in marginals] == [(length, 3) for length in lengths]
    assert log_z.shape == (len(lengths),)
    for p in marginals:
        assert_allclose(p.sum(axis=1), 1, atol=1e-13)
        assert (p >= 0).all()
    best = crf.log_probability(new, predicted)
    assert best.shape == (len(lengths),)
    rng = random.Random(0)
    for _ in range(30):
        other = [[rng.choice("BIO") for _ in labels] for labels in predicted]
        assert (crf.log_probability(new, other) <= best + 1e-12).all()


def test_all_labellings_have_probability_one(fitted):
    """And their sums are the marginals, and the best of them is the prediction."""
    crf, _, _, new = fitted
    found = crf.predict_proba(new)
    predicted = crf.predict(new)
    for n in range(4):
        labellings = list(itertools.product("BIO", repeat=len(found[n])))[:729]
        if len(found[n]) > 6:
            continue
        one = new[[n] * len(labellings)] if isinstance(new, Columns) else [new[n]] * len(labellings)
        p = np.exp(crf.log_probability(one, labellings))
        assert p.sum() == pytest.approx(1, rel=1e-12)
        assert p.max() == pytest.approx(p[labellings.index(tuple(predicted[n]))], rel=1e-12)
        for t, label in itertools.product(range(len(found[n])), "BIO"):
            share = sum(q for q, y in zip(p, labellings, strict=True) if y[t] == label)
            assert share == pytest.approx(found[n][t, crf.classes_.index(label)], abs=1e-12)


def test_answers_do_not_depend_on_the_batch(fitted):
    crf, _, _, new = fitted
    predicted, marginals, log_z = crf.predict(new), crf.predict_proba(new), crf.log_partition(new)
    for n in range(len(log_z)):
        one = new[n : n + 1]
        assert crf.predict(one) == predicted[n : n + 1]
        assert_allclose(crf.predict_proba(one)[0], marginals[n], atol=1e-13)
        assert_allclose(crf.log_partition(one)[0], log_z[n], rtol=1e-13)


def test_gibbs_is_the_same_distribution(fitted):
    crf, _, _, new = fitted
    for n in (0, 3, len(new) - 1):
        one = new[n : n + 1]
        general = crf.gibbs(one if isinstance(new, Columns) else new[n])
        assert_allclose(general.log_partition(), crf.log_partition(one)[0], rtol=1e-12)
        (marginals,) = crf.predict_proba(one)
        assert general.names == tuple(f"y{t}" for t in range(len(marginals)))
        for t, table in enumerate(general.marginals().values()):
            assert_allclose(table.values, marginals[t], atol=1e-12)
        assert general.variables[0].states == tuple(crf.classes_)


def test_a_sequence_of_unseen_attributes_knows_only_transitions(fitted):
    crf, _, _, new = fitted
    transitions = crf.transition_weights()
    nothing = train(tol=1e-9)
    x = [["never"], ["seen"], []]
    weights = [
        sum(nothing.transition_weights().get(pair, 0.0) for pair in itertools.pairwise(y))
        for y in itertools.product("BIO", repeat=3)
    ]
    assert_allclose(nothing.log_partition([x])[0], np.logaddexp.reduce(weights), rtol=1e-13)
    assert transitions.keys() == nothing.transition_weights().keys()
    one = new[len(new) - 2 : len(new) - 1]  # one token, its word and its tag unseen
    assert np.isfinite(crf.log_partition(one)).all()
    assert_allclose(crf.predict_proba(one)[0].sum(), 1)


def test_no_sequences_and_empty_ones():
    crf = train()
    assert crf.predict([]) == []
    assert crf.predict_proba([]) == []
    assert crf.log_partition([]).shape == (0,)
    assert crf.log_probability([], []).shape == (0,)
    assert crf.predict([[], [["Uw=a"]], []])[::2] == [[], []]
    assert [p.shape for p in crf.predict_proba([[], [["Uw=a"]], []])] == [(0, 3), (1, 3), (0, 3)]
    assert crf.log_partition([[], []]).tolist() == [0, 0]
    assert crf.log_probability([[]], [[]]).tolist() == [0]
    assert crf.gibbs([]).log_partition() == 0
    assert crf.gibbs([]).map_assignment() == {}


def test_score_is_the_share_of_right_tokens(fitted):
    crf, X, y, _ = fitted
    predicted = crf.predict(X)
    right = sum(
        a == b for p, t in zip(predicted, y, strict=True) for a, b in zip(p, t, strict=True)
    )
    assert crf.score(X, y) == right / sum(map(len, y))
    assert crf.score(X, predicted) == 1


# ---- as an estimator ------------------------------------------------------------------------


def test_parameters_clone_and_repr():
    crf = LinearChainCRF(0.5, templates=TEMPLATES, min_freq=2, n_threads=1)
    parameters = crf.get_params()
    assert parameters["c2"] == 0.5
    assert parameters["templates"] == TEMPLATES
    twin = clone(crf)
    assert twin.get_params() == parameters
    assert not hasattr(clone(train()), "weights_")
    assert crf.set_params(c2=2.0).c2 == 2.0
    with pytest.raises(ValueError, match="Invalid parameter 'c1'"):
        crf.set_params(c1=1.0)
    assert "c2=2.0" in repr(crf)
    assert "min_freq=2" in repr(crf)


@pytest.mark.parametrize(
    "twin",
    [copy.copy, copy.deepcopy, lambda crf: pickle.loads(pickle.dumps(crf))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_answer_alike_and_go_their_own_way(fitted, twin):
    crf, X, y, new = fitted
    crf.predict(new)
    other = twin(crf)
    assert other.get_params() == crf.get_params()
    assert other.predict(new) == crf.predict(new)
    for a, b in zip(other.predict_proba(new), crf.predict_proba(new), strict=True):
        assert_array_equal(a, b)
    before = crf.log_partition(new)
    other.set_params(c2=50.0).fit(X, y)
    assert not np.allclose(other.log_partition(new), before)
    assert_array_equal(crf.log_partition(new), before)


def test_what_prediction_keeps_for_itself_is_not_pickled():
    crf = train()
    size = len(pickle.dumps(crf))
    crf.predict(as_lists(sentences_of(2)[0]))
    assert len(pickle.dumps(crf)) == size


def test_fitting_again_forgets_the_first_time():
    X, y = sentences_of(30)
    crf = train()
    crf.predict(as_lists(X))
    swapped = [[{"B": "O", "O": "B", "I": "X"}[label] for label in labels] for labels in y]
    crf.fit(as_dicts(X), swapped)
    fresh = train(as_dicts(X), swapped)
    assert crf.classes_ == ["B", "O", "X"]
    assert crf.predict(as_dicts(X)) == fresh.predict(as_dicts(X))
    assert_array_equal(crf.weights_, fresh.weights_)


def test_model_selection_works():
    X, y = sentences_of(24)
    X = as_lists(X)
    assert cross_val_score(LinearChainCRF(progress=False), X, y, cv=3).min() > 0.3
    search = GridSearchCV(LinearChainCRF(progress=False), {"c2": [0.1, 1.0, 1e6]}, cv=2).fit(X, y)
    by_hand = {
        c2: cross_val_score(LinearChainCRF(c2, progress=False), X, y, cv=2).mean()
        for c2 in (0.1, 1.0, 1e6)
    }
    assert search.best_score_ == pytest.approx(max(by_hand.values()))
    assert by_hand[search.best_params_["c2"]] == pytest.approx(search.best_score_)
    assert search.predict(X) == LinearChainCRF(**search.best_params_, progress=False).fit(
        X, y
    ).predict(X)


# ---- files ----------------------------------------------------------------------------------


def assert_alike(one, other, new):
    assert other.classes_ == one.classes_
    assert list(map(type, other.classes_)) == list(map(type, one.classes_))
    assert other.get_params() == one.get_params()
    assert other.predict(new) == one.predict(new)
    for a, b in zip(other.predict_proba(new), one.predict_proba(new), strict=True):
        assert_array_equal(a, b)
    assert_array_equal(other.log_partition(new), one.log_partition(new))
    assert other.attribute_weights() == one.attribute_weights()
    assert other.transition_weights() == one.transition_weights()
    for name in ("loss_", "gradient_norm_", "n_iter_", "n_evaluations_", "seconds_"):
        assert getattr(other, name) == getattr(one, name)


def test_a_saved_model_answers_alike(fitted, tmp_path):
    crf, _, _, new = fitted
    crf.save(tmp_path / "model")
    loaded = LinearChainCRF.load(str(tmp_path / "model"))
    assert type(loaded) is LinearChainCRF
    assert_alike(crf, loaded, new)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["again", "model"]
    if isinstance(new, Columns):
        assert loaded.templates == TEMPLATES


@pytest.mark.parametrize(
    "labels",
    [[3, -1, 2**70], [2.5, -1.0, 1e300], [True, False, True], ["é", "", "\ud800"], ["a", 1, 2.5]],
    ids=repr,
)
def test_labels_come_back_from_a_file_as_they_were(tmp_path, labels):
    X = [[["a"], ["b"], ["c"]]] * 2
    crf = train(X, [labels] * 2)
    crf.save(tmp_path / "model")
    assert_alike(crf, LinearChainCRF.load(tmp_path / "model"), X)


@pytest.mark.parametrize(
    "options",
    [
        {"c2": np.float64(0.5)},
        {"c2": np.float32(0.5)},
        {"c2": np.int64(1)},
        {"max_iterations": np.int64(100)},
        {"min_freq": np.int32(1), "n_threads": np.int64(1)},
    ],
    ids=repr,
)
def test_models_with_numpy_numbers_as_parameters_can_be_saved(tmp_path, options):
    crf = train(**options)
    crf.save(tmp_path / "model")
    assert_alike(crf, LinearChainCRF.load(tmp_path / "model"), as_lists(sentences_of(5)[0]))


def test_labels_that_json_cannot_hold_are_refused(tmp_path):
    for labels, shown in ([("a", 1), ("b", 2)], r"\('a', 1\)"), ([b"x", b"x"], "b'x'"):
        crf = train([[["a"], ["b"]]], [labels])
        with pytest.raises(TypeError, match=f"the label {shown} can't be written to a file; train"):
            crf.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_cut_model_is_noticed(fitted, tmp_path):
    crf, _, _, _ = fitted
    path = tmp_path / "model"
    crf.save(path)
    data = path.read_bytes()
    rng = random.Random(0)
    for size in [8, 16, *(rng.randrange(1, len(data) - files.ALIGNMENT) for _ in range(40))]:
        path.write_bytes(data[:size])
        with pytest.raises(
            FormatError, match=r"model (is cut short|starts with|is damaged|has a damag)"
        ):
            LinearChainCRF.load(path)


def test_a_flipped_bit_is_noticed_or_harmless(fitted, tmp_path):
    """Harmless: in the filling between the arrays."""
    crf, _, _, new = fitted
    path = tmp_path / "model"
    crf.save(path)
    data = path.read_bytes()
    rng = random.Random(1)
    noticed = 0
    places = [*rng.sample(range(1500), 120), *rng.sample(range(1500, len(data)), 120)]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            loaded = LinearChainCRF.load(path)
        except FormatError:
            noticed += 1
        else:
            assert_alike(crf, loaded, new)
    assert noticed > 100


def test_what_is_not_a_model_is_named(tmp_path):
    path = tmp_path / "model"
    with pytest.raises(FileNotFoundError, match=r"there is no file .*model"):
        LinearChainCRF.load(path)
    with pytest.raises(FormatError, match="is a folder, expected a linear-chain CRF file"):
        LinearChainCRF.load(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="model is empty; expected a linear-chain CRF file"):
        LinearChainCRF.load(path)
    path.write_bytes(b"lCRF\x00\x01\x02\x03 a file of another program" * 20)
    with pytest.raises(FormatError, match=r"starts with b'lCRF.*expected a linear-chain CRF file"):
        LinearChainCRF.load(path)
    files.write_arrays(path, "HMM", {}, {})
    with pytest.raises(FormatError, match="holds a HMM of format 1; expected a linear-chain CRF"):
        LinearChainCRF.load(path)
    files.write_arrays(path, linear_chain_crf.KIND, {}, {})
    with pytest.raises(FormatError, match="model is not a usable CRF model: "):
        LinearChainCRF.load(path)


def test_weights_and_features_of_different_numbers_are_noticed(tmp_path):
    path = tmp_path / "model"
    crf = train()
    crf.save(path)
    description, arrays = files.read_arrays(path, linear_chain_crf.KIND)
    n = len(crf.weights_)
    files.write_arrays(
        path, linear_chain_crf.KIND, description, {**arrays, "weights": arrays["weights"][:-1]}
    )
    with pytest.raises(FormatError, match=f"is damaged: its {n - 1} weights don't fit its"):
        LinearChainCRF.load(path)


def test_features_that_lie_outside_the_model_are_noticed(tmp_path):
    path = tmp_path / "model"
    train().save(path)
    description, arrays = files.read_arrays(path, linear_chain_crf.KIND)
    for change in (
        {"states": arrays["states"] + 10**6},
        {"states": -arrays["states"] - 1},
        {"transitions": arrays["transitions"] + 9},
    ):
        files.write_arrays(path, linear_chain_crf.KIND, description, {**arrays, **change})
        with pytest.raises(FormatError, match="model"):
            LinearChainCRF.load(path)
    fewer = {**description, "n_attributes": description["n_attributes"] + 1}
    files.write_arrays(path, linear_chain_crf.KIND, fewer, arrays)
    with pytest.raises(FormatError, match="model"):
        LinearChainCRF.load(path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_midway_keeps_the_old_model(tmp_path, monkeypatch, step):
    path = tmp_path / "model"
    old, new = train(c2=0.1), train(c2=10.0)
    old.save(path)
    kept = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "no space left")

    monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        new.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == kept
    assert os.listdir(tmp_path) == ["model"]
    new.save(path)
    assert LinearChainCRF.load(path).c2 == 10
    assert os.listdir(tmp_path) == ["model"]


# ---- errors and warnings --------------------------------------------------------------------

X2, Y2 = [[["a"], ["b"]], [["c"]]], [["x", "y"], ["x"]]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"c2": -0.5}, ValueError, "c2 is -0.5; it must be a finite number of at least 0"),
        ({"c2": math.nan}, ValueError, "c2 is nan; it must be a finite number"),
        ({"c2": math.inf}, ValueError, "c2 is inf; it must be a finite number"),
        ({"c2": "1"}, ValueError, "c2 is '1'; it must be a finite number"),
        ({"c2": None}, ValueError, "c2 is None; it must be a finite number"),
        ({"tol": -1e-3}, ValueError, "tol is -0.001; it must be a finite number of at least 0"),
        ({"tol": math.nan}, ValueError, "tol is nan; it must be a finite number"),
        (
            {"max_iterations": 0},
            ValueError,
            "max_iterations is 0; it must be a whole number from 1",
        ),
        ({"max_iterations": 2.5}, ValueError, "max_iterations is 2.5; it must be a whole number"),
        ({"max_iterations": True}, ValueError, "max_iterations is True; it must be a whole"),
        ({"n_threads": 0}, ValueError, "n_threads is 0; it must be a whole number from 1"),
        ({"n_threads": -1}, ValueError, "n_threads is -1; it must be a whole number from 1"),
        ({"min_freq": -1}, ValueError, "min_freq must be 0 or more, but is -1"),
        ({"min_freq": 1.5}, TypeError, "min_freq must be an integer, but is 1.5"),
        (
            {"min_freq": 4},
            ValueError,
            "no attribute occurs on 4 tokens or more; there is nothing to learn from",
        ),
        ({"templates": "U0:%x[0,0]"}, TypeError, "templates is 'U0.*give Templates.chunking"),
        ({"templates": TEMPLATES}, ValueError, r"found %x\[0,1\], column 1, but the data has 1"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_parameters_out_of_range(options, error, message):
    crf = LinearChainCRF(progress=False, **options)
    with pytest.raises(error, match=message):
        crf.fit(X2, Y2)
    assert not hasattr(crf, "weights_")


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (
            X2,
            Y2[:1],
            ValueError,
            "there are 2 sequences of tokens but 1 of labels; they must be eq",
        ),
        (X2, [["x", "y"], []], ValueError, "sequence 1 has 1 tokens but 0 labels; they must be eq"),
        (
            X2,
            [["x"], ["x"]],
            ValueError,
            "sequence 0 has 2 tokens but 1 labels; they must be equal",
        ),
        ([], [], ValueError, "0 sequences without a token do not tell dicts from lists"),
        ([[], []], [[], []], ValueError, "2 sequences without a token"),
        ([[{"a": math.nan}]], [["x"]], ValueError, "position 0: the attribute 'a' is nan; weights"),
        (
            [[{"a": -math.inf}]],
            [["x"]],
            ValueError,
            "the attribute 'a' is -inf; weights must be fi",
        ),
        ([[{"a": 0.0}]], [["x"]], ValueError, "no attribute occurs on 1 tokens or more"),
        (
            [["the", "dog"]],
            [["D", "N"]],
            TypeError,
            "the token is 'the', a str.*give \\[feature\\]",
        ),
        (["the", "dog"], ["D", "N"], TypeError, "sequence 0 of X is str; expected a list"),
        ([[{"a": 1}], [["a"]]], [["x"], ["y"]], TypeError, "sequence 1, position 0: the token is"),
        (7, [["x"]], TypeError, "X is int; expected a list of sequences"),
        ([1, 2], [["x"], ["y"]], TypeError, "sequence 0 of X is int; expected a list"),
        (None, [["x"]], TypeError, "X is NoneType; expected a list of sequences"),
        (X2, [[["x"], ["y"]], [["x"]]], TypeError, "a label can't be used as one: unhashable type"),
        ([[["a"], ["b"]]] * 2, ["NP", "VP"], TypeError, r"sequence 0.*'NP'|sequence 0.*\bstr\b"),
        (X2, None, TypeError, r"\by\b.*NoneType"),
        (X2, [1, 2], TypeError, r"(\by\b|sequence 0).*\bint\b"),
    ],
)
def test_data_that_cannot_be_trained_on(X, y, error, message):
    with pytest.raises(error, match=message):
        LinearChainCRF(progress=False).fit(X, y)


def test_generators_are_refused_by_name():
    with pytest.raises(TypeError, match=r"X is generator; expected a list of sequences"):
        LinearChainCRF().fit((x for x in X2), Y2)
    with pytest.raises(TypeError, match=r"\by\b.*generator"):
        LinearChainCRF().fit(X2, (labels for labels in Y2))


def test_columns_need_templates_that_fit_them():
    X, y = sentences_of(3)
    columns = Columns.from_sentences(X)
    with pytest.raises(TypeError, match=r"Columns were given without templates; give templates="):
        LinearChainCRF().fit(columns, y)
    with pytest.raises(ValueError, match=r"line 1: found %x\[0,2\], column 2, but the data has 2"):
        LinearChainCRF(templates=Templates.parse("U0:%x[0,2]")).fit(columns, y)
    with pytest.raises(ValueError, match=f"sequence 2 has {len(X[2])} tokens but 0 labels"):
        LinearChainCRF(templates=TEMPLATES).fit(columns, [*y[:2], []])


def test_an_unfitted_model_says_so(tmp_path):
    crf = LinearChainCRF()
    questions = [
        lambda: crf.predict(X2),
        lambda: crf.predict_proba(X2),
        lambda: crf.log_partition(X2),
        lambda: crf.log_probability(X2, Y2),
        lambda: crf.score(X2, Y2),
        lambda: crf.gibbs(X2[0]),
        crf.attribute_weights,
        crf.transition_weights,
        lambda: crf.save(tmp_path / "model"),
    ]
    for question in questions:
        with pytest.raises(NotFittedError, match=r"LinearChainCRF is not fitted yet; call fit"):
            question()
    assert os.listdir(tmp_path) == []


def test_questions_that_do_not_fit():
    crf = train(X2, Y2)
    for ask in (crf.log_probability, crf.score):
        with pytest.raises(ValueError, match="there are 2 sequences of tokens but 1 of labels"):
            ask(X2, Y2[:1])
        with pytest.raises(ValueError, match="sequence 1 has 1 tokens but 2 labels"):
            ask(X2, [["x", "y"], ["x", "x"]])
    with pytest.raises(
        ValueError,
        match="sequence 1 has the label 'z', which the model was not trained on; it knows 'x', 'y'",
    ):
        crf.log_probability(X2, [["x", "y"], ["z"]])
    with pytest.raises((TypeError, ValueError), match=r"label.*\['x'\]|label can't be used"):
        crf.log_probability(X2, [[["x"], ["y"]], [["x"]]])
    assert crf.score(X2, [["x", "z"], ["z"]]) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="there is no token to score"):
        crf.score([[]], [[]])
    with pytest.raises(
        TypeError, match=r"sequence 0, position 0: the token is .*, a dict, expected"
    ):
        crf.predict([[{"a": 1}]])
    with pytest.raises(TypeError, match=r"sequence 0 is a str.*for a single sequence give"):
        crf.predict(["ab"])
    with pytest.raises(TypeError, match="a Columns was given"):
        crf.predict(Columns.from_sentences([[("a",)]]))
    columns = Columns.from_sentences([[("a", "N")], [("b", "V")]])
    own = train(columns, [["x"], ["y"]], templates=TEMPLATES)
    with pytest.raises(ValueError, match="gibbs takes one sequence; got 2 of them"):
        own.gibbs(columns)


def test_ending_at_max_iterations_is_a_warning():
    X, y = sentences_of(30)
    crf = LinearChainCRF(0.01, max_iterations=2, progress=False)
    message = "before it converged: reached max_iterations=2, at loss .*; raise max_iterations"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        crf.fit(as_lists(X), y)
    assert [warning.filename for warning in caught] == [__file__]
    assert crf.n_iter_ == 2
    assert crf.loss_ < sum(map(len, y)) * math.log(3)
    assert crf.loss_ == pytest.approx(
        0.01 * float(crf.weights_ @ crf.weights_) - crf.log_probability(as_lists(X), y).sum()
    )


def test_ctrl_c_keeps_the_best_weights(monkeypatch):
    X, y = sentences_of(30)
    evaluate, losses = ChainLoss.__call__, []

    def interrupted(self, weights):
        if len(losses) == 6:
            raise KeyboardInterrupt
        loss, gradient = evaluate(self, weights)
        losses.append(loss)
        return loss, gradient

    monkeypatch.setattr(ChainLoss, "__call__", interrupted)
    crf = LinearChainCRF(0.1, progress=False, n_threads=2)
    threads = threading.active_count()
    with pytest.warns(RuntimeWarning, match=r"L-BFGS interrupted .*the best weights so far, with "):
        crf.fit(as_lists(X), y)
    monkeypatch.undo()
    assert threading.active_count() == threads
    assert crf.loss_ == min(losses)
    own = 0.1 * float(crf.weights_ @ crf.weights_) - crf.log_probability(as_lists(X), y).sum()
    assert own == pytest.approx(min(losses), rel=1e-12)
    assert crf.predict(as_lists(X))


def test_values_beyond_all_bounds_are_an_error_and_not_nan():
    with pytest.raises(FloatingPointError, match="not finite; scale the features down"):
        train([[{"a": 1e200}, {"b": 1e200}]], [["x", "y"]])


def test_progress_is_silent_when_off(monkeypatch, capfd):
    monkeypatch.setattr(progress, "_QUIET_SECONDS", 0.0)
    train(progress=False)
    assert capfd.readouterr() == ("", "")
    train(progress=True)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert re.search(r"CRF.*iteration.*loss .*gradient", shown.err.replace("\r", " "), re.DOTALL)
    monkeypatch.undo()
    train(progress=True)  # within the two quiet seconds
    assert capfd.readouterr() == ("", "")


# ---- shared data ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chunking(shared_data):
    columns = read_conll(shared_data / "conll2000" / "train.txt.gz")
    return columns.drop(), columns.labels()


def test_chunking_has_452755_features(chunking):
    """335,674 attributes, and the (attribute, label) and (label, label) pairs that occur."""
    X, y = chunking
    tokens = vectorizer_for(X, Templates.chunking()).fit_transform(X)
    classes = sorted({label for labels in y for label in labels})
    numbers = {label: i for i, label in enumerate(classes)}
    codes = np.array([numbers[label] for labels in y for label in labels])
    features, observed = observed_features(tokens, codes, len(classes))
    assert (len(y), tokens.n_tokens, len(classes)) == (8_936, 211_727, 22)
    assert tokens.n_attributes == 335_674
    assert features.n_weights == len(observed) == 452_755
    follows = {pair for labels in y for pair in itertools.pairwise(labels)}
    assert len(features.transitions) == len(follows)
    assert observed[: len(features.states)].sum() == tokens.attributes.nnz


def test_training_on_1000_sentences_lowers_the_loss(chunking):
    X, y = chunking
    X, y = X[:1000], y[:1000]
    losses = []
    for iterations in (1, 8):
        crf = LinearChainCRF(
            templates=Templates.chunking(), max_iterations=iterations, progress=False
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            losses.append(crf.fit(X, y).loss_)
    assert sum(map(len, y)) * math.log(len(crf.classes_)) > losses[0] > 2 * losses[1]
    assert crf.score(X, y) > 0.9
