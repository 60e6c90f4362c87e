"""Naive Bayes against scikit-learn's four, on one kind of column each and on all together."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_iris
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from gibbsfactor.models.naive_bayes import NaiveBayes

EQUAL = 1e-10  # of log probabilities, whose size is about 10 to 1000
KINDS = ("gaussian", "categorical", "bernoulli", "multinomial")
SEEDS = st.integers(0, 2**32 - 1)
MOST = 6  # categories


@parametrize_with_checks([NaiveBayes()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def rows_of(kind, rng, y, d=4):
    """Rows that depend on their classes."""
    n, k = y.size, y.max() + 1
    if kind == "gaussian":
        spread = rng.uniform(0.5, 2.0, size=d)  # one epsilon serves all, as in GaussianNB
        return rng.normal(size=(k, d))[y] + rng.normal(size=(n, d)) * spread
    if kind == "categorical":
        shares = rng.dirichlet(np.ones(MOST), size=(k, d)).cumsum(axis=2)
        return (rng.random((n, d, 1)) > shares[y]).sum(axis=2).clip(0, MOST - 1)
    if kind == "bernoulli":
        return (rng.random((n, d)) < rng.random((k, d))[y]).astype(float)
    return rng.poisson(rng.exponential(size=(k, d))[y] * 2).astype(float)


def problem(kind, seed, n=60, k=3):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    y[:k] = np.arange(k)
    X = rows_of(kind, rng, y)
    return X, np.array(["a", "b", "c", "d"])[y], rng.exponential(size=n) * (rng.random(n) < 0.9)


def both(kind, alpha=1.0, prior=None, fit_prior=True, smoothing=1e-9):
    """Our model of a kind and scikit-learn's."""
    ours = NaiveBayes(
        kind,
        alpha=alpha,
        class_prior=prior,
        fit_prior=fit_prior,
        var_smoothing=smoothing,
        min_categories=MOST,
    )
    shared = {"alpha": alpha, "class_prior": prior, "fit_prior": fit_prior}
    peers = {
        "gaussian": lambda: GaussianNB(priors=prior, var_smoothing=smoothing),
        "categorical": lambda: CategoricalNB(**shared, min_categories=MOST),
        "bernoulli": lambda: BernoulliNB(**shared),
        "multinomial": lambda: MultinomialNB(**shared),
    }
    return ours, peers[kind]()


def assert_same(ours, peer, X):
    close = {"rtol": EQUAL, "atol": EQUAL}
    np.testing.assert_allclose(
        ours.predict_joint_log_proba(X), peer.predict_joint_log_proba(X), **close
    )
    np.testing.assert_allclose(ours.predict_log_proba(X), peer.predict_log_proba(X), **close)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), **close)
    np.testing.assert_array_equal(ours.predict(X), peer.predict(X))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(seed=SEEDS, alpha=st.sampled_from([1.0, 0.5, 0.01, 10.0]), k=st.integers(1, 4))
def test_equals_scikit_learn(kind, seed, alpha, k):
    X, y, weights = problem(kind, seed, k=k)
    for w in (None, weights):
        ours, peer = both(kind, alpha)
        assert_same(ours.fit(X, y, w), peer.fit(X, y, w), X)
        assert ours.score(X, y, w) == peer.score(X, y, w)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(seed=SEEDS, weighted=st.booleans())
def test_batches_equal_scikit_learn(kind, seed, weighted):
    X, y, weights = problem(kind, seed)
    ours, peer = both(kind, smoothing=0.1)
    classes = ["a", "b", "c", "d"]  # one of them never comes
    peer_classes = np.array(classes)
    for i in (slice(0, 7), slice(7, 8), slice(8, 60)):
        w = weights[i] + 0.1 if weighted else None
        ours.partial_fit(X[i], y[i], classes, w)
        peer.partial_fit(X[i], y[i], peer_classes, w)
    with np.errstate(divide="ignore"):  # the log of the prior of the class that never comes
        assert_same(ours, peer, X)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("prior", "fit_prior"), [([0.2, 0.5, 0.3], True), (None, False), ([0.0, 0.5, 0.5], True)]
)
def test_priors_equal_scikit_learn(kind, prior, fit_prior):
    X, y, _ = problem(kind, 1)
    ours, peer = both(kind, prior=prior, fit_prior=fit_prior)
    if kind == "gaussian" and not fit_prior:
        peer.priors = np.full(3, 1 / 3)
    with np.errstate(divide="ignore"):
        assert_same(ours.fit(X, y), peer.fit(X, y), X)
    assert np.isneginf(ours.class_log_prior_).any() == (prior is not None and 0.0 in prior)


@pytest.mark.parametrize("kind", ["bernoulli", "multinomial"])
@settings(max_examples=10)
@given(seed=SEEDS)
def test_sparse_equals_scikit_learn(kind, seed):
    X, y, weights = problem(kind, seed)
    alpha = np.array([0.1, 1.0, 2.0, 0.5]) if kind == "multinomial" else 0.1
    ours, peer = both(kind, alpha=alpha)
    peer.fit(X, y, weights)
    for form in (sp.csr_array, sp.csc_matrix, sp.coo_array):
        assert_same(ours.fit(form(X), y, weights), peer, form(X))
    np.testing.assert_allclose(ours.feature_count_, peer.feature_count_, rtol=1e-12)
    np.testing.assert_allclose(ours.feature_log_prob_, peer.feature_log_prob_, rtol=1e-12)
    np.testing.assert_allclose(
        ours.predict_proba(X), ours.predict_proba(sp.csr_array(X)), rtol=1e-12
    )


@pytest.mark.parametrize("kind", ["bernoulli", "categorical"])
def test_an_alpha_for_each_column(kind):
    X, y, weights = problem(kind, 4)
    alphas = [0.1, 1.0, 2.0, 0.0]
    together = NaiveBayes(kind, alpha=alphas).fit(X, y, weights)
    expected = -3 * together.class_log_prior_
    for i, alpha in enumerate(alphas):
        alone = NaiveBayes(kind, alpha=alpha).fit(X[:, [i]], y, weights)
        expected = expected + alone.predict_joint_log_proba(X[:, [i]])
    np.testing.assert_allclose(together.predict_joint_log_proba(X), expected, rtol=EQUAL)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0, None])
def test_bits_are_what_is_above_the_threshold(threshold):
    X, y, _ = problem("multinomial", 3)
    if threshold is None:
        X = (X > 1).astype(float)
    ours = NaiveBayes("bernoulli", binarize=threshold).fit(X, y)
    assert_same(ours, BernoulliNB(binarize=threshold).fit(X, y), X)


def test_real_data():
    iris, digits = load_iris(), load_digits()
    for X, y in ((iris.data, iris.target), (digits.data, digits.target)):
        for kind in KINDS:
            ours, peer = both(kind)
            if kind == "categorical":
                X = X.astype(int)
                ours.min_categories = peer.min_categories = int(X.max()) + 1
            assert_same(ours.fit(X, y), peer.fit(X, y), X)
            half = np.arange(len(y)) % 2 == 0
            again = ours.partial_fit(X[half], y[half])
            assert_same(again, peer.partial_fit(X[half], y[half]), X)
    assert NaiveBayes().fit(iris.data, iris.target).score(iris.data, iris.target) == 0.96


def test_attributes_have_the_values_of_scikit_learn():
    X, y, weights = problem("gaussian", 5)
    ours, peer = NaiveBayes().fit(X, y, weights), GaussianNB().fit(X, y, weights)
    for name in ("theta_", "var_", "epsilon_", "class_count_", "classes_", "n_features_in_"):
        a, b = getattr(ours, name), getattr(peer, name)
        if np.asarray(b).dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            np.testing.assert_array_equal(a, b)
    X, y, weights = problem("categorical", 5)
    ours = NaiveBayes("categorical", alpha=0.3).fit(X, y, weights)
    peer = CategoricalNB(alpha=0.3).fit(X, y, weights)
    for i in range(4):
        assert ours.categories_[i] == tuple(range(X[:, i].max() + 1))
        np.testing.assert_allclose(ours.category_count_[i], peer.category_count_[i], rtol=1e-12)
        np.testing.assert_allclose(
            ours.category_log_prob_[i], peer.feature_log_prob_[i], rtol=1e-12
        )


# ---- all kinds in one model ---------------------------------------------------------------


def mixed(seed, n=60):
    """Columns of all kinds, in a random order: X, y, weights, kinds."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    y[:3] = np.arange(3)
    kinds = np.repeat(KINDS, 3)
    X = np.hstack([rows_of(kind, rng, y, 3) for kind in KINDS])
    order = rng.permutation(kinds.size)
    return X[:, order], y, rng.exponential(size=n), kinds[order].tolist()


@settings(max_examples=30)
@given(seed=SEEDS, weighted=st.booleans(), batches=st.booleans())
def test_mixed_columns_are_the_product_of_the_four(seed, weighted, batches):
    X, y, weights, kinds = mixed(seed)
    w = weights if weighted else None
    ours = NaiveBayes(kinds, alpha=0.7, min_categories=MOST)
    if batches:
        for i in np.array_split(np.arange(60), 4):
            ours.partial_fit(X[i], y[i], [0, 1, 2], None if w is None else w[i])
    else:
        ours.fit(X, y, w)
    expected = -3 * ours.class_log_prior_  # every one of the four has it
    for kind in KINDS:
        part = X[:, np.array(kinds) == kind]
        peer = both(kind, 0.7)[1]
        if batches and kind == "gaussian":
            for i in np.array_split(np.arange(60), 4):
                peer.partial_fit(part[i], y[i], [0, 1, 2], None if w is None else w[i])
        else:
            peer.fit(part, y, w)
        expected = expected + peer.predict_joint_log_proba(part)
    np.testing.assert_allclose(ours.predict_joint_log_proba(X), expected, rtol=EQUAL)
    assert ours.kinds_ == tuple(kinds)


@settings(max_examples=20)
@given(seed=SEEDS, holes=st.booleans())
def test_batches_in_any_order_and_repeated_rows(seed, holes):
    X, y, weights, kinds = mixed(seed)
    if holes:
        X = np.where(np.random.default_rng(seed).random(X.shape) < 0.3, np.nan, X)
    whole = np.ceil(weights)
    model = NaiveBayes(kinds, var_smoothing=0.0).fit(X, y, whole)
    expected = model.predict_joint_log_proba(X)
    repeated = NaiveBayes(kinds, var_smoothing=0.0)
    repeated.fit(np.repeat(X, whole.astype(int), axis=0), np.repeat(y, whole.astype(int)))
    np.testing.assert_allclose(repeated.predict_joint_log_proba(X), expected, rtol=1e-9)
    batches = NaiveBayes(kinds, var_smoothing=0.0)
    order = np.random.default_rng(seed).permutation(60)
    for i in np.array_split(order, 7):
        batches.partial_fit(X[i], y[i], [0, 1, 2], whole[i])
    np.testing.assert_allclose(batches.predict_joint_log_proba(X), expected, rtol=1e-9)
    assert batches.categories_ == model.categories_


def test_a_class_far_from_zero_keeps_its_variance():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2)) + [1e8, -1e8]
    y = rng.integers(2, size=2000)
    X[y == 1] += 1e4
    model = NaiveBayes(var_smoothing=0.0).fit(X, y)
    expected = [X[y == k].var(axis=0) for k in (0, 1)]
    np.testing.assert_allclose(model.var_, expected, rtol=1e-9)  # 1e8 leaves eight digits


def test_blocks_of_rows_add_up(monkeypatch):
    X, y, weights, kinds = mixed(9, 500)
    whole = NaiveBayes(kinds).fit(X, y, weights).predict_joint_log_proba(X)
    monkeypatch.setattr("gibbsfactor.models.naive_bayes.gaussian._BLOCK_BYTES", 200)
    small = NaiveBayes(kinds).fit(X, y, weights).predict_joint_log_proba(X)
    np.testing.assert_allclose(small, whole, rtol=1e-12)
