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


def chain_rule_loss(crf, X, y, weights):
    """sum over tokens of -w[y_t] log P(y_t | y_1 .. y_{t-1}, x), and the penalty."""
    total = crf.c2 * float(crf.weights_ @ crf.weights_)
    for x, labels in zip(X, y, strict=True):
        known = [[*labels[:t], *[None] * (len(x) - t)] for t in range(len(x) + 1)]
        terms = np.diff(crf.log_probability([x] * len(known), known))
        total -= sum(
            weights.get(label, 1.0) * term for label, term in zip(labels, terms, strict=True)
        )
    return total


@pytest.mark.parametrize("options", [{}, {"c1": 1e-4, "c2": 0.0}, {"algorithm": "l2sgd"}])
@pytest.mark.parametrize("weight", [0.5, 9.0, 81.0])
def test_a_label_of_weight_w_counts_w_times(options, weight):
    """One token a sequence: shares of the loss are w to 9, whatever trains."""
    X_own, y_own = [[["same"]]] * 10, [["O"]] * 9 + [["rare"]]
    given = {"c2": 1e-4, "tol": 1e-9, "max_iterations": 300} | options
    crf = train(X_own, y_own, label_weights={"rare": weight}, **given)
    share = crf.predict_marginals(X_own[:1])[0][0]["rare"]
    near = 0.02 if options.get("algorithm") else 2e-3
    assert share == pytest.approx(weight / (weight + 9), abs=near)


def test_weights_are_copies_of_rows_where_sequences_are_single_tokens():
    many, labels = chunks_of(60, seed=5)
    many, labels = [[x] for row in many for x in row], [[v] for row in labels for v in row]
    copies = [3 if v == ["B-y"] else 1 for v in labels]
    again = [n for n, c in enumerate(copies) for _ in range(c)]
    one = train(many, labels, label_weights={"B-y": 3}, tol=1e-12)
    other = train([many[n] for n in again], [labels[n] for n in again], tol=1e-12)
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-10)
    assert_allclose(one.weights_, other.weights_, atol=1e-4)


def test_weights_that_are_all_one_number_weigh_the_sequences():
    plain = train(X, Y, tol=1e-10)
    even = train(X, Y, label_weights=dict.fromkeys(LABELS, 1.0), tol=1e-10)
    assert_array_equal(even.weights_, plain.weights_)
    double = train(X, Y, label_weights=dict.fromkeys(LABELS, 2.0), tol=1e-10)
    by_sequence = LinearChainCRF(progress=False, tol=1e-10).fit(X, Y, sample_weight=[2.0] * len(X))
    assert_array_equal(double.weights_, by_sequence.weights_)


def test_a_rare_label_within_sequences_is_lifted_as_far_as_its_weight_says():
    """Nothing tells one position from another: P(rare | any labels before) is w / (w + 9)."""
    rng = np.random.default_rng(0)
    y_own = [["rare" if v < 0.1 else "O" for v in rng.random(10)] for _ in range(300)]
    X_own = [[["same"]] * 10] * 300
    found = []
    for weight in (1.0, 3.0, 9.0, 81.0):
        crf = train(X_own, y_own, label_weights={"rare": weight}, c2=1e-6, tol=1e-9)
        found.append(np.mean([s["rare"] for s in crf.predict_marginals(X_own[:1])[0]]))
    assert found == sorted(found)
    assert found[0] == pytest.approx(0.1, abs=0.01)
    assert found[2] == pytest.approx(0.5, abs=0.05)
    assert found[3] > 0.85


@pytest.mark.parametrize("options", [{}, {"constraints": "IOB2"}, {"order": 2}])
def test_the_loss_is_the_weighted_chain_rule(options):
    weights = {"B-x": 5.0, "O": 0.25, "I-y": 0.0}
    crf = train(X, Y, label_weights=weights, tol=1e-10, **options)
    assert crf.loss_ == pytest.approx(chain_rule_loss(crf, X, Y, weights), rel=1e-10)
    assert crf.converged_
    assert crf.gradient_norm_ < 1e-2


def test_weights_of_labels_known_in_part():
    """A set counts the mean of its labels; what is not known at all has no loss."""
    weights = {"B-x": 5.0, "O": 0.5}
    partial = [["B-x", None, "O"], [None, "I-x", {"B-x", "O"}], [None] * 3]
    own = [[["a"], ["b"], ["c"]], [["b"], ["a"], ["c"]], [["a"], ["b"], ["c"]]]
    crf = train(own, partial, label_weights=weights, tol=1e-12)
    total = crf.c2 * float(crf.weights_ @ crf.weights_)
    for x, known, each in zip(
        own, partial, ([5.0, 1.0, 0.5], [1.0, 1.0, 2.75], [1.0] * 3), strict=True
    ):
        parts = [[*known[:t], *[None] * (3 - t)] for t in range(4)]
        total -= float(each @ np.diff(crf.log_probability([x] * 4, parts)))
    assert crf.loss_ == pytest.approx(total, rel=1e-11)


def test_balanced_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_class_weight

    flat = [label for labels in Y for label in labels]
    theirs = compute_class_weight("balanced", classes=np.array(LABELS), y=flat)
    weights = dict(zip(LABELS, theirs.tolist(), strict=True))
    one, other = (train(X, Y, label_weights=w, tol=1e-9) for w in ("balanced", weights))
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-10)
    assert one.loss_ == pytest.approx(chain_rule_loss(one, X, Y, weights), rel=1e-10)
    some = [[label if t else {label, "O"} for t, label in enumerate(labels)] for labels in Y]
    assert train(X, some, label_weights="balanced").score(X, Y) > 0.5


def test_mistake_costs_trade_mistakes_for_each_other():
    """Where mistakes on a label cost more it is missed less often, and so expected too often."""
    many, labels = chunks_of(150, seed=5)
    heavy = train(many, labels, mistake_costs={"O": 20.0})
    light = train(many, labels, mistake_costs={"O": 0.05})
    plain = train(many, labels)

    def found(crf):
        return sum(float(shares[:, LABELS.index("O")].sum()) for shares in crf.predict_proba(NEW))

    assert found(heavy) > found(plain) > found(light)
    even = train(many, labels, mistake_costs=dict.fromkeys(LABELS, 1.0))
    assert_allclose(even.weights_, plain.weights_, atol=1e-9)


@settings(max_examples=15)
@given(st.lists(st.floats(0.2, 5), min_size=2, max_size=2), st.booleans())
def test_softmax_margin_is_minimised_by_its_definition(pair, bound):
    """sum_n log sum_y' exp(s(y') + sum_t [y'_t != y_t] log w(y_t)) - s(y), by listing y'."""
    weights = dict(zip(("x", "O"), pair, strict=True))
    X_own = [[["a"], ["b"], ["a", "c"]], [["b"]], [["c"], ["a"]]]
    y_own = [["x", "O", "O"], ["O"], ["O", "x"]]
    constraints = Constraints.from_pairs(["O", "x"], forbidden=[("x", "x")]) if bound else None
    crf = train(X_own, y_own, mistake_costs=weights, tol=1e-12, c2=0.5, constraints=constraints)
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
    ("options", "error", "message"),
    [
        (
            {"label_weights": {"z": 2.0}},
            ValueError,
            "label_weights names 'z', which is no label .* 'O'",
        ),
        (
            {"mistake_costs": {"z": 2.0}},
            ValueError,
            "mistake_costs names 'z', which is no label .* 'O'",
        ),
        (
            {"label_weights": {"O": -1}},
            ValueError,
            "label_weights gives 'O' the weight -1; .* least 0",
        ),
        ({"label_weights": {"O": math.nan}}, ValueError, "gives 'O' the weight nan"),
        ({"label_weights": {"O": math.inf}}, ValueError, "gives 'O' the weight inf"),
        ({"label_weights": {"O": True}}, ValueError, "gives 'O' the weight True"),
        ({"mistake_costs": {"O": 0.0}}, ValueError, "gives 'O' the cost 0.0; .* more than 0"),
        (
            {"label_weights": [("O", 1.0)]},
            TypeError,
            "label_weights is .*; give a dict .* 'balanced'",
        ),
        (
            {"label_weights": "even"},
            TypeError,
            "label_weights is 'even'; give a dict .* 'balanced'",
        ),
        ({"mistake_costs": "balanced"}, TypeError, "mistake_costs is 'balanced'; give a dict"),
        (
            {"label_weights": dict.fromkeys(LABELS, 0.0)},
            ValueError,
            "no token of the training data has a label that counts",
        ),
        (
            {"label_weights": {"O": 2.0}, "mistake_costs": {"O": 2.0}},
            ValueError,
            "label_weights and mistake_costs are both given",
        ),
        (
            {"label_weights": {"O": 2.0}, "algorithm": "ap"},
            ValueError,
            "algorithm='ap' has no loss that label_weights could weigh",
        ),
    ],
)
def test_weights_that_make_no_sense(options, error, message):
    with pytest.raises(error, match=message):
        train(X, Y, **options)
