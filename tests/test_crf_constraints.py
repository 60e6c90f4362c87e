"""Constraints, partly known labels and weights of labels: in training, and after it."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from crf_data import chunks_of, loss_by_hand, train
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gibbsfactor import LinearChainCRF
from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.features import Constraints

X, Y = chunks_of(40)
NEW, TRUE = chunks_of(15, seed=1)
LABELS = ["B-x", "B-y", "I-x", "I-y", "O"]
IOB2 = Constraints.of_scheme(LABELS, "IOB2")


def every_labelling(length, labels=LABELS):
    return [list(y) for y in itertools.product(labels, repeat=length)]


# ---- constraints ----------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"order": 2}, {"algorithm": "ap"}, {"algorithm": "l2sgd"}])
def test_no_mass_goes_to_what_is_forbidden(options):
    crf = train(X, Y, constraints="IOB2", max_iterations=100, **options)
    assert crf.classes_ == LABELS
    for labels in crf.predict(NEW):
        assert IOB2.check(labels) is None
    for sequence in crf.sample(NEW, 5):
        assert all(IOB2.check(labels) is None for labels in sequence)
    for sequence in crf.k_best(NEW, 5):
        assert all(IOB2.check(labels) is None for labels, _ in sequence)
    x = next(x for x in NEW if len(x) == 3)
    every = every_labelling(3)
    p = np.exp(crf.log_probability([x] * len(every), every))
    allowed = np.array([IOB2.check(y) is None for y in every])
    assert not p[~allowed].any()
    assert p[allowed].all()
    assert p.sum() == pytest.approx(1, rel=1e-12)


def test_mass_lost_on_the_impossible_counts_against_a_model_without_constraints():
    """Training under constraints maximises what constrained decoding then uses."""
    bound, free = train(X, Y, constraints=IOB2, tol=1e-10), train(X, Y, tol=1e-10)
    assert bound.loss_ == pytest.approx(loss_by_hand(bound, X, Y), rel=1e-12)
    assert bound.loss_ < free.loss_
    penalty = free.c2 * float(free.weights_ @ free.weights_)
    later = penalty - free.log_probability(X, Y, constraints=IOB2).sum()
    assert bound.loss_ < later < free.loss_


def test_constraints_at_decoding_time_condition_the_model():
    crf = train(X, Y)
    x = next(x for x in NEW if len(x) == 3)
    every = every_labelling(3)
    p = np.exp(crf.log_probability([x] * len(every), every))
    kept = np.where([IOB2.check(y) is None for y in every], p, 0)
    given = np.exp(crf.log_probability([x] * len(every), every, constraints="IOB2"))
    assert_allclose(given, kept / kept.sum(), rtol=1e-10)
    (best,) = crf.predict([x], constraints="IOB2")
    assert given[every.index(best)] == pytest.approx(given.max(), rel=1e-12)
    assert crf.confidence([x], constraints="IOB2")[0] == pytest.approx(given.max(), rel=1e-10)
    # and replace those of training, which may be loosened so
    bound = train(X, Y, constraints="IOB2")
    free = Constraints.from_pairs(LABELS)
    assert np.exp(bound.log_probability([x] * len(every), every, constraints=free)).all()


def test_a_subset_of_the_constraints_labels_will_do():
    more = Constraints.of_scheme(["O", "I-y", "I-x", "B-z", "B-y", "I-z", "B-x"], "IOB2")
    one, other = train(X, Y, constraints=more), train(X, Y, constraints="IOB2")
    assert_array_equal(one.weights_, other.weights_)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["O", "I-x"], "sequence 1, position 1: 'I-x' may not follow 'O' by the constraints"),
        (["I-x", "I-x"], "sequence 1, position 0: 'I-x' may not begin a sequence"),
        (["O", "B-y"], "sequence 1, position 1: 'B-y' may not end a sequence"),
        ([None, "B-y"], "sequence 1, position 1: 'B-y' may not end a sequence"),
        (["O", {"I-x", "I-y"}], "sequence 1: no labelling agrees with both the labels known"),
        ([{"I-x", "I-y"}, None], "sequence 1: no labelling agrees with both the labels known"),
    ],
)
def test_labels_that_break_the_constraints_are_an_error(labels, message):
    strict = IOB2 & Constraints.from_pairs(LABELS, end=["O", "I-x", "I-y", "B-x"])
    crf = LinearChainCRF(constraints=strict, progress=False)
    rest = [["B-x", "I-x", "B-y", "I-y", "O"]]
    with pytest.raises(ValueError, match=message):
        crf.fit([[["a"]] * 5, [["a"], ["b"]]], [*rest, labels])
    assert not hasattr(crf, "weights_")


def test_constraints_that_do_not_fit_the_labels():
    for options, message in (
        ({"constraints": "IOB2"}, r"'x'"),
        ({"constraints": "nonsense"}, "nonsense"),
        ({"constraints": IOB2}, "the constraints say nothing about the label 'x'"),
    ):
        with pytest.raises(ValueError, match=message):
            train([[["a"]]], [["x"]], **options)
    with pytest.raises(TypeError, match=r"constraints is \['IOB2'\]; give the name of a scheme"):
        train(X, Y, constraints=["IOB2"])
    crf = train(X, Y)
    with pytest.raises(ValueError, match="the constraints say nothing about the label 'B-y'"):
        crf.predict(NEW, constraints=Constraints.of_scheme(["B-x", "I-x", "O"], "IOB2"))


def test_known_labels_and_constraints_together():
    crf = train(X, Y, constraints="IOB2")
    x = next(x for x in NEW if len(x) >= 4)
    known = [None, "I-x", *[None] * (len(x) - 2)]
    (labels,) = crf.predict([x], known=[known])
    assert labels[:2] in (["B-x", "I-x"], ["I-x", "I-x"])
    assert IOB2.check(labels) is None
    with pytest.raises(ZeroProbabilityError, match="sequence 0 agrees"):
        crf.predict([x], known=[["O", "I-x", *[None] * (len(x) - 2)]])


# ---- partly known labels --------------------------------------------------------------------


def hidden(labels, share, seed=0):
    """A share of labels made unknown, and as many that are one of two."""
    rng = random.Random(seed)
    found = []
    for sequence in labels:
        row = []
        for label in sequence:
            draw = rng.random()
            row.append(
                None if draw < share else {label, rng.choice(LABELS)} if draw < 2 * share else label
            )
        found.append(row)
    return found


@pytest.mark.parametrize("options", [{}, {"constraints": "IOB2"}, {"order": 2}])
def test_the_loss_of_partial_labels_is_that_of_all_labellings_that_agree(options):
    partial = hidden(Y, 0.2)
    crf = train(X, partial, tol=1e-9, **options)
    assert crf.loss_ == pytest.approx(loss_by_hand(crf, X, partial), rel=1e-11)
    assert crf.loss_ < train(X, Y, tol=1e-9, **options).loss_


def test_partial_labels_learn():
    """With a third unknown and a third ambiguous a model still labels well, and better than one
    that has only the sequences that are wholly known.
    """
    many, labels = chunks_of(200, seed=3)
    partial = hidden(labels, 0.3)
    test_X, test_y = chunks_of(100, seed=4)
    crf = train(many, partial, c2=0.3)
    whole = train(many, labels, c2=0.3)
    assert crf.score(test_X, test_y) > whole.score(test_X, test_y) - 0.05
    full = [n for n, row in enumerate(partial) if all(isinstance(v, str) for v in row)]
    only = train([many[n] for n in full], [partial[n] for n in full], c2=0.3)
    assert crf.score(test_X, test_y) > only.score(test_X, test_y)


@pytest.mark.parametrize("algorithm", ["ap", "l2sgd"])
def test_partial_labels_learn_by_every_algorithm(algorithm):
    many, labels = chunks_of(150, seed=3)
    crf = train(many, hidden(labels, 0.2), algorithm=algorithm, max_iterations=30)
    assert crf.score(*chunks_of(50, seed=4)) > 0.65


def test_a_set_of_one_is_that_label_and_a_set_of_all_is_unknown():
    one = [[{label} for label in labels] for labels in Y]
    assert_array_equal(train(X, one).weights_, train(X, Y).weights_)
    some = [[None, *labels[1:]] for labels in Y]
    every = [[set(LABELS), *labels[1:]] for labels in Y]
    assert train(X, some).loss_ == pytest.approx(train(X, every).loss_, rel=1e-12)


def test_a_label_may_be_seen_in_sets_only():
    crf = train([[["a"], ["b"]]] * 3, [["x", {"y", "z"}]] * 3)
    assert crf.classes_ == ["x", "y", "z"]
    share = crf.predict_marginals([[["a"], ["b"]]])[0][1]
    assert share["y"] == pytest.approx(share["z"], rel=1e-9)
    assert share["y"] > share["x"]


def test_weights_and_partial_labels_together():
    partial, times = hidden(Y[:12], 0.2), [n % 3 + 1 for n in range(12)]
    repeated = [n for n in range(12) for _ in range(times[n])]
    one = LinearChainCRF(progress=False, tol=1e-10).fit(X[:12], partial, sample_weight=times)
    other = train([X[n] for n in repeated], [partial[n] for n in repeated], tol=1e-10)
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-8)
    assert one.loss_ == pytest.approx(loss_by_hand(one, X[:12], partial, times), rel=1e-11)


# ---- weights of labels ----------------------------------------------------------------------


def test_label_weights_trade_mistakes_for_each_other():
    """A heavier label is missed less often, and so expected too often."""
    many, labels = chunks_of(150, seed=5)
    heavy = train(many, labels, label_weights={"O": 20.0})
    light = train(many, labels, label_weights={"O": 0.05})
    plain = train(many, labels)

    def found(crf):
        return sum(float(shares[:, LABELS.index("O")].sum()) for shares in crf.predict_proba(NEW))

    assert found(heavy) > found(plain) > found(light)
    even = train(many, labels, label_weights=dict.fromkeys(LABELS, 1.0))
    assert_allclose(even.weights_, plain.weights_, atol=1e-9)


@settings(max_examples=15)
@given(st.lists(st.floats(0.2, 5), min_size=2, max_size=2), st.booleans())
def test_softmax_margin_is_minimised_by_its_definition(pair, bound):
    """sum_n log sum_y' exp(s(y') + sum_t [y'_t != y_t] log w(y_t)) - s(y), by listing y'."""
    weights = dict(zip(("x", "O"), pair, strict=True))
    X_own = [[["a"], ["b"], ["a", "c"]], [["b"]], [["c"], ["a"]]]
    y_own = [["x", "O", "O"], ["O"], ["O", "x"]]
    constraints = Constraints.from_pairs(["O", "x"], forbidden=[("x", "x")]) if bound else None
    crf = train(X_own, y_own, label_weights=weights, tol=1e-12, c2=0.5, constraints=constraints)
    total = crf.c2 * float(crf.weights_ @ crf.weights_)
    for x, y in zip(X_own, y_own, strict=True):
        every = every_labelling(len(x), ["O", "x"])
        scores = crf.log_probability([x] * len(every), every)
        costs = [
            sum(
                math.log(weights[right])
                for right, label in zip(y, row, strict=True)
                if right != label
            )
            for row in every
        ]
        total += np.logaddexp.reduce(scores + np.array(costs)) - scores[every.index(y)]
    assert crf.loss_ == pytest.approx(float(total), rel=1e-10)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ({"z": 2.0}, ValueError, "label_weights names 'z', which is no label of the training data"),
        ({"O": 0.0}, ValueError, "label_weights gives 'O' the weight 0.0; it must be a finite"),
        ({"O": math.inf}, ValueError, "gives 'O' the weight inf"),
        ({"O": True}, ValueError, "gives 'O' the weight True"),
        ([("O", 1.0)], TypeError, "label_weights is .*; give a dict"),
    ],
)
def test_label_weights_that_make_no_sense(weights, error, message):
    with pytest.raises(error, match=message):
        train(X, Y, label_weights=weights)
