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


# ---- labels that each token can have --------------------------------------------------------


def dictionary(y, seed=0):
    """The label of each token and others by chance; None at some."""
    rng = random.Random(seed)
    return [
        [None if rng.random() < 0.2 else {label, *rng.sample(LABELS, 2)} for label in labels]
        for labels in y
    ]


TAGS, NEW_TAGS = dictionary(Y), dictionary(TRUE, seed=1)


def known_train(known, y=Y, fit=None, **options):
    crf = LinearChainCRF(**{"progress": False, **options})
    return crf.fit(X, y, known=known, **(fit or {}))


def loss_on_support(crf, known, y=Y, sample_weight=None):
    v = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
    w = np.asarray(crf.weights_)
    penalty = crf.c2 * float(w @ w) + crf.c1 * float(np.abs(w).sum())
    return penalty - float(v @ crf.log_probability(X, y, known=known))


@pytest.mark.parametrize(
    "options", [{}, {"order": 2}, {"c1": 0.5}, {"constraints": "IOB2"}, {"boundary_weights": True}]
)
def test_training_compares_with_allowed_labels_only(options):
    crf = known_train(TAGS, tol=1e-9, **options)
    assert crf.loss_ == pytest.approx(loss_on_support(crf, TAGS), rel=1e-11)
    free = train(X, Y, tol=1e-9, **options)
    assert crf.loss_ < loss_on_support(free, TAGS) < free.loss_


def test_probabilities_of_a_dictionary_are_those_of_the_general_engine():
    crf = known_train(TAGS, constraints="IOB2")
    n = next(n for n, x in enumerate(NEW) if len(x) == 3)
    x, y, known = NEW[n], TRUE[n], NEW_TAGS[n]
    model = crf.gibbs(x, known=known)
    given = {"known": [known]}
    assert crf.log_partition([x], **given)[0] == pytest.approx(model.log_partition(), rel=1e-12)
    marginals = crf.predict_marginals([x], **given)[0]
    for t in range(3):
        found = model.marginal(f"y{t}")
        for k, label in enumerate(crf.classes_):
            assert marginals[t][label] == pytest.approx(float(found.values[k]), abs=1e-12)
    every = [
        labels
        for labels in every_labelling(3)
        if IOB2.check(labels) is None
        and all(k is None or a in k for a, k in zip(labels, known, strict=True))
    ]
    p = np.exp(crf.log_probability([x] * len(every), every, known=[known] * len(every)))
    assert p.sum() == pytest.approx(1, rel=1e-12)
    part = [[None, y[1], {y[2], *LABELS[:2]}]]
    share = [p for p, a in zip(p, every, strict=True) if a[1] == y[1] and a[2] in part[0][2]]
    assert np.exp(crf.log_probability([x], part, **given)[0]) == pytest.approx(sum(share))
    read_once = iter([iter(known)])
    assert np.exp(crf.log_probability([x], part, known=read_once)[0]) == pytest.approx(sum(share))
    outside = [[next(a for a in LABELS if known[0] and a not in known[0]), *y[1:]]]
    assert crf.log_probability([x], outside, **given)[0] == -math.inf
    (best,) = crf.predict([x], **given)
    assert best == every[int(p.argmax())]
    assert crf.score([x], [best], **given) == 1
    assert all(labels in every for labels in crf.sample([x], 50, **given)[0])
    assert [p for _, p in crf.k_best([x], 3, **given)[0]] == pytest.approx(sorted(p)[:-4:-1])


@pytest.mark.parametrize("algorithm", ["lbfgs", "l2sgd", "ap"])
def test_all_labels_allowed_is_training_without_a_dictionary(algorithm):
    options = {"algorithm": algorithm, "max_iterations": 30}
    every = [[set(LABELS) if t % 2 else None for t in range(len(x))] for x in X]
    one = known_train(every, **options)
    assert_array_equal(one.weights_, train(X, Y, **options).weights_)


@pytest.mark.parametrize("algorithm", ["lbfgs", "l2sgd", "ap"])
def test_where_one_label_is_allowed_nothing_is_learnt(algorithm):
    crf = known_train(Y, algorithm=algorithm, max_iterations=30)
    assert_allclose(crf.weights_, 0, atol=1e-12)
    assert crf.loss_ == pytest.approx(0, abs=1e-9)


def test_sequences_of_which_one_labelling_is_allowed_are_as_if_not_there():
    options = {"tol": 1e-12, "all_possible_states": True, "all_possible_transitions": True}
    some = [y if n % 2 else [None] * len(y) for n, y in enumerate(Y)]
    half, only = known_train(some, **options), train(X[::2], Y[::2], **options)
    assert half.loss_ == pytest.approx(only.loss_, rel=1e-9)
    shares = [np.concatenate(crf.predict_proba(NEW)) for crf in (half, only)]
    assert_allclose(*shares, atol=1e-4)  # the loss is flat near its minimum


@pytest.mark.parametrize("algorithm", ["l2sgd", "ap"])
def test_other_algorithms_keep_to_the_dictionary(algorithm):
    """Descent comes near the optimum of L-BFGS; the perceptron to no mistakes worth a move."""
    crf = known_train(TAGS, algorithm=algorithm, max_iterations=100, c2=1.0)
    if algorithm == "l2sgd":
        best = known_train(TAGS, tol=1e-10)
        assert best.loss_ <= loss_on_support(crf, TAGS) < 1.02 * best.loss_
    free = train(X, Y, algorithm=algorithm, max_iterations=100, c2=1.0)
    right = [c.score(X, Y, known=TAGS) for c in (crf, free)]
    assert right[0] >= right[1] - 0.01
    assert crf.history_[0]["loss"] < free.history_[0]["loss"]


def test_a_dictionary_with_weights_and_labels_known_in_part():
    partial = hidden(Y, 0.2)
    v = [n % 3 for n in range(len(Y))]
    crf = known_train(TAGS, partial, tol=1e-10, fit={"sample_weight": v})
    assert crf.loss_ == pytest.approx(loss_on_support(crf, TAGS, partial, v), rel=1e-11)
    # {"B-x", "O"} where only "O" is allowed is the label "O", also where labels have weights
    X1, known = [[["a"], ["b"]]] * 2, [[None, {"O", "I-x"}], [None, None]]
    options = {"label_weights": {"O": 3.0}, "progress": False}
    one, other = (
        LinearChainCRF(**options).fit(X1, [["B-x", label], ["B-x", "I-x"]], known=known)
        for label in ({"B-x", "O"}, "O")
    )
    assert_array_equal(one.weights_, other.weights_)


def test_dev_data_with_a_dictionary():
    crf = LinearChainCRF(dev_metric="loss", progress=False)
    crf.fit(X, Y, NEW, TRUE, known=TAGS, known_dev=NEW_TAGS)
    loss = -crf.log_probability(NEW, TRUE, known=NEW_TAGS).sum() / sum(map(len, NEW))
    assert crf.dev_score_ == pytest.approx(loss, rel=1e-10)
    crf = LinearChainCRF(dev_metric="accuracy", progress=False)
    crf.fit(X, Y, NEW, TRUE, known=TAGS, known_dev=NEW_TAGS)
    assert crf.dev_score_ == pytest.approx(crf.score(NEW, TRUE, known=NEW_TAGS))


X1, Y1 = [[["a"]], [["a"], ["b"]]], [["x"], ["y", "z"]]


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        ([None], TypeError, "sequence 0 of known is NoneType; expected a list of labels"),
        ({"a": {"x"}}, TypeError, "known is dict; expected a list of sequences of labels"),
        ([[None]], ValueError, "2 sequences of tokens but 1 of labels in known; they must"),
        ([[None], [None]], ValueError, "sequence 1 has 2 tokens but 1 labels in known"),
        ([[None], [None, set()]], ValueError, "sequence 1, position 1: the set .* is empty"),
        (
            [[None], [None, {"z", "w"}]],
            ValueError,
            "sequence 1 has the label 'w', .* it knows 'x', 'y', 'z'; correct known",
        ),
        (
            [[None], [None, frozenset({"z"})]],
            ValueError,
            "sequence 1 has the label frozenset.* several labels are given as a set",
        ),
        ([[None], [None, ["z", "w"]]], TypeError, "sequence 1, position 1: .* a set of them"),
        (
            [[None], [None, {"x", "y"}]],
            ValueError,
            "sequence 1, position 1: y has the label 'z', but known allows only 'x', 'y'; allow it",
        ),
    ],
)
def test_dictionaries_that_do_not_fit(known, error, message):
    with pytest.raises(error, match=message):
        LinearChainCRF(progress=False).fit(X1, Y1, known=known)


def test_dictionaries_that_do_not_fit_sets_constraints_or_dev_data():
    crf = LinearChainCRF(progress=False)
    with pytest.raises(ValueError, match=r"0: y has the label 'x' or 'y', but .* only 'z'"):
        crf.fit(X1, [["x"], [{"x", "y"}, "z"]], known=[[None], ["z", None]])
    no = Constraints.from_pairs(["x", "y", "z"], forbidden=[("x", "z")])
    crf = LinearChainCRF(progress=False, constraints=no)
    with pytest.raises(ValueError, match="sequence 1: no labelling agrees with both"):
        crf.fit(X1, [["z"], [{"x", "y"}, None]], known=[[None], [{"x", "z"}, "z"]])
    with pytest.raises(ValueError, match="in the dev data, sequence 1: no labelling agrees"):
        crf.fit(X1, Y1, X1, Y1, known_dev=[[None], ["x", "z"]])
    with pytest.raises(ValueError, match="known_dev is given without X_dev and y_dev"):
        crf.fit(X1, Y1, known_dev=[[None], ["x", "z"]])
    plain = LinearChainCRF(progress=False).fit(X1, Y1)
    with pytest.raises(ValueError, match="sequence 0 has 2 tokens but 1 labels in known; they"):
        plain.gibbs(X1[1], known=["y"])
    crf = LinearChainCRF(progress=False, dev_metric="loss")
    with pytest.raises(
        ValueError, match="in the dev data, sequence 0, position 0: y has the label"
    ):
        crf.fit(X1, Y1, X1, Y1, known_dev=[["y"], [None, None]])


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
