"""Training linear-chain CRFs: the optimum, every algorithm, weights, warm start."""

from __future__ import annotations

import copy
import itertools
import math
import random
import re
import threading
import warnings

import numpy as np
import pytest
from crf_data import (
    CONDITIONED,
    KINDS,
    as_dicts,
    as_lists,
    loss_by_hand,
    sentences_of,
    train,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from gibbsfactor import LinearChainCRF
from gibbsfactor.features import Columns, Templates
from gibbsfactor.learning import progress
from gibbsfactor.learning.chain.loss import ChainLoss


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    """A model of each kind, its training data, and its labels."""
    make, options = KINDS[request.param]
    X, y = sentences_of(30)
    return train(make(X), y, c2=0.3, tol=1e-9, **options), make(X), y


# ---- the optimum ----------------------------------------------------------------------------


def test_loss_is_minus_log_probability_plus_penalties(fitted):
    crf, X, y = fitted
    assert crf.loss_ == pytest.approx(loss_by_hand(crf, X, y), rel=1e-12)
    assert crf.loss_ < sum(map(len, y)) * math.log(3)
    assert crf.converged_
    assert not crf.interrupted_


def test_the_end_is_a_flat_place(fitted):
    """Not merely by its own word: steps in random directions from there lead up."""
    crf, X, y = fitted
    rng, kept = np.random.default_rng(0), crf.weights_
    assert crf.gradient_norm_ < 1e-2
    for _ in range(5):
        moved = copy.copy(crf)
        moved.weights_ = kept + rng.normal(size=len(kept)) * 0.02
        assert loss_by_hand(moved, X, y) > crf.loss_
    assert 0 < crf.n_iter_ <= crf.n_evaluations_
    assert set(crf.seconds_) == {"features", "training"}


def test_history_tells_every_iteration():
    crf = train(c2=0.01, tol=1e-6)
    assert [record["iteration"] for record in crf.history_] == [*range(1, crf.n_iter_ + 1)]
    losses = [record["loss"] for record in crf.history_]
    assert min(losses) == crf.loss_
    assert all("gradient_norm" in record and "seconds" in record for record in crf.history_)


@pytest.mark.parametrize("tol", [0.05, 0.01, 1e-3])
def test_ten_iterations_together_gain_less_than_tol_at_the_end(tol):
    X, y = sentences_of(60, seed=5)
    crf = train(as_lists(X), y, tol=tol, c2=0.01)
    losses = [record["loss"] for record in crf.history_]
    assert len(losses) > 10
    assert losses[-11] - losses[-1] <= tol * losses[-11]
    assert losses[-12] - losses[-2] > tol * losses[-12] or len(losses) == 11


def test_threads_do_not_change_the_result():
    one, two, many = (train(n_threads=n, tol=1e-9) for n in (1, 2, 7))
    for other in (two, many):
        assert other.loss_ == pytest.approx(one.loss_, rel=1e-8)
        assert_allclose(other.weights_, one.weights_, atol=1e-3)


def test_a_strong_penalty_shrinks_weights():
    sizes = [float(np.abs(train(c2=c2).weights_).max()) for c2 in (0.1, 1.0, 10.0, 1e6)]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 < sizes[-1] < 1e-4
    (uniform,) = train(c2=1e9).predict_proba([[["Uw=a"], ["Uw=b"]]])
    assert_allclose(uniform, 1 / 3, atol=1e-6)


@pytest.mark.parametrize(("c1", "c2"), [(1.0, 0.0), (0.5, 0.3)])
def test_an_l1_penalty_makes_most_weights_zero_and_is_at_its_optimum(c1, c2):
    """At the optimum the smooth part's slope is -+c1 at weights other than 0, and less at 0."""
    X, y = sentences_of(60)
    crf = train(as_lists(X), y, c1=c1, c2=c2, tol=1e-10)
    plain = train(as_lists(X), y, c2=max(c2, 1e-3))
    active = crf.weights_ != 0
    assert 0 < active.sum() < 0.7 * (plain.weights_ != 0).sum()
    assert crf.loss_ == pytest.approx(loss_by_hand(crf, as_lists(X), y), rel=1e-12)
    rng = np.random.default_rng(0)
    for scale, only in itertools.product((0.1, 1e-3), (True, False)):
        twin = copy.copy(crf)
        step = rng.normal(size=len(active)) * scale
        twin.weights_ = crf.weights_ + (np.where(active, step, 0.0) if only else step)
        assert loss_by_hand(twin, as_lists(X), y) > crf.loss_


def test_values_beyond_all_bounds_are_scaled_by_lbfgs_and_an_error_of_l2sgd():
    X, y = [[{"a": 1e200}, {"b": 1e200}], [{"a": 3e200}, {"b": 2e200}]], [["x", "y"], ["x", "y"]]
    crf = train(X, y, c2=1e-3)
    assert crf.converged_
    assert crf.predict(X) == y
    with pytest.raises(FloatingPointError, match="not finite; scale the features down"):
        train(X, y, algorithm="l2sgd")


# ---- the other algorithms -------------------------------------------------------------------


def test_stochastic_descent_comes_close_to_the_optimum(fitted):
    crf, X, y = fitted
    given = {k: v for k, v in crf.get_params().items() if k not in ("algorithm", "max_iterations")}
    near = LinearChainCRF("l2sgd", max_iterations=60, **{**given, "tol": 0.0}).fit(X, y)
    assert crf.loss_ <= loss_by_hand(near, X, y) <= crf.loss_ * 1.01
    again = LinearChainCRF("l2sgd", max_iterations=60, **{**given, "tol": 0.0}).fit(X, y)
    assert_array_equal(again.weights_, near.weights_)
    assert near.n_iter_ == 60


def test_the_averaged_perceptron_separates_what_can_be_separated():
    rng = random.Random(3)
    X = [[[f"w={rng.choice('abcd')}"] for _ in range(6)] for _ in range(60)]
    y = []
    for x in X:  # a label is its word, and whether the label before was the same
        labels = []
        for (word,) in x:
            again = bool(labels) and labels[-1] == (word, False)
            labels.append((word, again))
        y.append(labels)
    crf = train(X, y, algorithm="ap", max_iterations=50)
    assert crf.score(X, y) == 1
    assert crf.converged_
    assert crf.loss_ == 0  # tokens that the last pass labelled wrong
    assert crf.n_iter_ < 50
    assert train(X, y, algorithm="ap", max_iterations=50, random_state=1).score(X, y) == 1


@pytest.mark.parametrize("algorithm", ["l2sgd", "ap"])
def test_the_order_of_sequences_comes_from_the_seed(algorithm):
    options = {"algorithm": algorithm, "max_iterations": 3}
    one, same, other = (train(random_state=s, **options) for s in (0, 0, 1))
    assert_array_equal(one.weights_, same.weights_)
    assert not np.allclose(one.weights_, other.weights_)


@pytest.mark.parametrize("algorithm", ["l2sgd", "ap"])
def test_a_settled_loss_ends_the_passes(algorithm):
    crf = train(algorithm=algorithm, tol=1e-3, max_iterations=500)
    assert crf.converged_
    assert 10 < crf.n_iter_ < 500
    assert len(crf.history_) == crf.n_iter_


# ---- weights of sequences -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lists", "all"])
def test_a_weight_is_as_many_repetitions(kind):
    make, options = KINDS[kind]
    X, y = sentences_of(20)
    times = [n % 4 for n in range(20)]
    kept = [n for n in range(20) if times[n]]
    repeated = [n for n in range(20) for _ in range(times[n])]
    options = {"tol": 1e-10, "c2": 0.5, **options}

    def fit(picked, weights=None):
        X_own, y_own = [X[n] for n in picked], [y[n] for n in picked]
        return LinearChainCRF(progress=False, **options).fit(
            make(X_own), y_own, sample_weight=weights
        )

    weighted, twice = fit(kept, [times[n] for n in kept]), fit(repeated)
    assert weighted.loss_ == pytest.approx(twice.loss_, rel=1e-9)
    assert_allclose(weighted.weights_, twice.weights_, atol=1e-4)
    with_zeros = fit(range(20), times)  # a weight of 0 is as good as absence
    assert with_zeros.loss_ == pytest.approx(twice.loss_, rel=1e-9)
    assert with_zeros.features_.n_weights == twice.features_.n_weights
    assert weighted.loss_ == pytest.approx(
        loss_by_hand(
            weighted, make([X[n] for n in kept]), [y[n] for n in kept], [times[n] for n in kept]
        ),
        rel=1e-12,
    )


# ---- features -------------------------------------------------------------------------------


def test_all_possible_features():
    X, y = [[["a"], ["b"]]], [["x", "y"]]
    crf = train(X, y)
    assert set(crf.state_features_) == {("a", "x"), ("b", "y")}
    assert set(crf.transition_features_) == {("x", "y")}
    crf = train(X, y, all_possible_states=True, all_possible_transitions=True)
    assert set(crf.state_features_) == set(itertools.product("ab", "xy"))
    assert set(crf.transition_features_) == set(itertools.product("xy", repeat=2))
    assert crf.transition_features_["y", "x"] < 0 < crf.transition_features_["x", "y"]


def test_templates_without_b_make_a_softmax_regression_at_each_position():
    X, y = sentences_of(20)
    plain = Templates.parse("U0:%x[0,0]\nU1:%x[0,1]\n")
    crf = train(Columns.from_sentences(X), y, templates=plain, tol=1e-9)
    assert crf.transition_features_ == {}
    assert crf.features_.n_weights == len(crf.state_features_)
    apart = [[token] for x in X for token in x]
    labels = [[label] for labels in y for label in labels]
    single = train(Columns.from_sentences(apart), labels, templates=plain, tol=1e-9)
    assert single.loss_ == pytest.approx(crf.loss_, rel=1e-8)
    together = np.concatenate(crf.predict_proba(Columns.from_sentences(X)))
    alone = np.concatenate(single.predict_proba(Columns.from_sentences(apart)))
    assert_allclose(together, alone, atol=1e-3)


def test_real_values_weigh():
    """One attribute of 3 is three of 1, in training and after."""
    thrice, once = [[{"a": 3.0}, {"b": 0.5}]], [[{"a": 1}, {"b": 1}]]
    y = [["x", "y"]]
    crf = train(thrice, y, tol=1e-9)
    weights, x = crf.state_features_, {"y0": "x", "y1": "y"}
    expected = 3 * weights["a", "x"] + 0.5 * weights["b", "y"]
    expected += crf.transition_features_["x", "y"]
    assert crf.gibbs(thrice[0]).log_unnormalized(x) == pytest.approx(expected, rel=1e-12)
    assert crf.log_probability(thrice, y)[0] > crf.log_probability(once, y)[0]


def test_min_freq_leaves_out_rare_attributes():
    crf = train([[["a", "b"], ["a"]], [["a", "c"], ["c"]]], [["x", "y"], ["x", "y"]], min_freq=2)
    assert {a for a, _ in crf.state_features_} == {"a", "c"}


def test_empty_sequences_change_nothing():
    X, y = sentences_of(20)
    for make, options in (KINDS["lists"], KINDS["all"]):
        padded = [[], *X[:7], [], [], *X[7:], []]
        labels = [[], *y[:7], [], [], *y[7:], []]
        given = {"n_threads": 2, "tol": 1e-9, **options}
        one, other = train(make(X), y, **given), train(make(padded), labels, **given)
        assert other.loss_ == pytest.approx(one.loss_, rel=1e-8)
        assert other.predict(make(padded))[0] == []


# ---- warm start -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dicts", "all"])
def test_a_warm_start_on_the_same_data_is_at_the_end_already(kind):
    make, options = KINDS[kind]
    X, y = sentences_of(60)
    crf = LinearChainCRF(progress=False, warm_start=True, tol=1e-7, c2=0.1, **options)
    cold = crf.fit(make(X), y).n_iter_
    loss = crf.loss_
    warm = crf.fit(make(X), y)
    assert warm.n_iter_ < cold / 2
    assert warm.loss_ <= loss * (1 + 1e-9)


def test_a_warm_start_takes_in_new_labels_and_features():
    X, y = sentences_of(40)
    crf = LinearChainCRF(progress=False, warm_start=True, tol=1e-8, order=2, boundary_weights=True)
    crf.fit(as_dicts(X[:20]), y[:20])
    old_state, old_triples = crf.state_features_, crf.triple_features_
    more = [*X, [("new", "Z"), ("a", "N")]]
    labels = [*y, ["A", "B"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first = crf.set_params(max_iterations=1).fit(as_dicts(more), labels)
    assert first.classes_ == ["B", "I", "O", "A"]  # the old ones keep their places
    assert ("Uw=new", "A") in first.state_features_
    moved = [abs(first.state_features_[k] - w) for k, w in old_state.items()]
    moved += [abs(first.triple_features_[k] - w) for k, w in old_triples.items()]
    assert max(moved) < 1.5  # one iteration from there, not from nothing
    warm = crf.set_params(max_iterations=1000).fit(as_dicts(more), labels)
    cold = LinearChainCRF(progress=False, tol=1e-8, order=2, boundary_weights=True).fit(
        as_dicts(more), labels
    )
    assert warm.loss_ == pytest.approx(cold.loss_, rel=1e-6)
    assert warm.predict(as_dicts(more)) == cold.predict(as_dicts(more))


def test_a_warm_start_begins_with_the_old_weights():
    """An enormous rate of forgetting would show: l2sgd for one pass with hardly any steps."""
    X, y = sentences_of(30)
    columns = Columns.from_sentences(X)
    crf = train(columns, y, templates=CONDITIONED, warm_start=True, order=2)
    old = dict(crf.conditioned_features_), crf.loss_
    crf.set_params(max_iterations=1, algorithm="ap").fit(columns[:20], y[:20])
    shared = crf.conditioned_features_
    assert shared.keys() <= old[0].keys()
    drift = [abs(shared[k] - old[0][k]) for k in shared]
    assert np.median(drift) < 1  # a perceptron moves weights by whole numbers where it errs


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


# ---- warnings, Ctrl-C, progress -------------------------------------------------------------


def test_ending_at_max_iterations_is_a_warning():
    X, y = sentences_of(30)
    crf = LinearChainCRF(c2=0.01, max_iterations=2, progress=False)
    message = "before it converged: reached max_iterations=2, at loss .*; raise max_iterations"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        crf.fit(as_lists(X), y)
    assert [warning.filename for warning in caught] == [__file__]
    assert crf.n_iter_ == 2
    assert not crf.converged_
    assert crf.loss_ == pytest.approx(loss_by_hand(crf, as_lists(X), y), rel=1e-12)


@pytest.mark.parametrize("c1", [0.0, 0.3])
def test_ctrl_c_keeps_the_best_weights(monkeypatch, c1):
    X, y = sentences_of(30)
    evaluate, calls = ChainLoss.__call__, []

    def interrupted(self, weights):
        if len(calls) == 6:
            raise KeyboardInterrupt
        loss, gradient = evaluate(self, weights)
        calls.append(loss + c1 * float(np.abs(weights).sum()))
        return loss, gradient

    monkeypatch.setattr(ChainLoss, "__call__", interrupted)
    crf = LinearChainCRF(c1=c1, c2=0.1, progress=False, n_threads=2)
    threads = threading.active_count()
    with pytest.warns(RuntimeWarning, match=r"L-BFGS interrupted .*the best weights so far, with "):
        crf.fit(as_lists(X), y)
    monkeypatch.undo()
    assert threading.active_count() == threads
    assert crf.interrupted_
    assert crf.loss_ == pytest.approx(min(calls), rel=1e-12)
    assert loss_by_hand(crf, as_lists(X), y) == pytest.approx(min(calls), rel=1e-12)


@pytest.mark.parametrize("algorithm", ["l2sgd", "ap"])
def test_ctrl_c_in_a_pass_keeps_the_average_so_far(monkeypatch, algorithm):
    from gibbsfactor.learning.chain import perceptron, stochastic

    module = stochastic if algorithm == "l2sgd" else perceptron
    name = "StochasticGradient" if algorithm == "l2sgd" else "AveragedPerceptron"
    run, X, y = getattr(module, name).run, sentences_of(30)[0], sentences_of(30)[1]

    def interrupted(self):
        if self.passes == 4:
            raise KeyboardInterrupt
        return run(self)

    monkeypatch.setattr(getattr(module, name), "run", interrupted)
    with pytest.warns(RuntimeWarning, match="training interrupted in pass 5; the weights so far"):
        crf = train(as_lists(X), y, algorithm=algorithm)
    monkeypatch.undo()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = train(as_lists(X), y, algorithm=algorithm, max_iterations=4)
    assert_array_equal(crf.weights_, whole.weights_)
    assert crf.interrupted_


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
