"""Softmax regression against scikit-learn, finite differences and the general engine."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

import gibbsfactor.learning.whitening as whitening
from gibbsfactor.learning.softmax_loss import SoftmaxLoss, log_partition, softmax
from gibbsfactor.models.softmax import SoftmaxRegression

TIGHT = 1e-12  # of the loss: the optimum to rounding


@parametrize_with_checks([SoftmaxRegression()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def problem(seed, n_rows=40, n_features=4, n_classes=3):
    """Random rows with labels that depend on them, every class present."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)) * rng.exponential(size=n_features)
    scores = X @ rng.normal(size=(n_features, n_classes)) + rng.gumbel(size=(n_rows, n_classes))
    y = scores.argmax(axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y


def digits():
    data = load_digits()
    return data.data / 16, data.target


def objective(X, y, coef, intercept, C=1.0):
    """The penalised loss, written out for several classes."""
    z = X @ coef.T + intercept
    peak = z.max(axis=1)
    log_z = peak + np.log(np.exp(z - peak[:, None]).sum(axis=1))
    return C * (log_z - z[np.arange(len(y)), y]).sum() + 0.5 * (coef**2).sum()


# ---- softmax itself -----------------------------------------------------------------------


def test_softmax_by_hand():
    np.testing.assert_array_equal(
        softmax(np.array([[1.0, 2, 6]])).round(3), [[0.007, 0.018, 0.976]]
    )
    np.testing.assert_array_equal(softmax(np.array([[123.0, 456, 789]])).round(12), [[0, 0, 1]])


@pytest.mark.parametrize("n_columns", [1, 3])
@given(seed=st.integers(0, 2**32 - 1))
def test_softmax_is_the_gradient_of_log_z(n_columns, seed):
    z = np.random.default_rng(seed).normal(scale=3, size=(1, n_columns))
    h = 1e-5
    slope = [
        (log_partition(z + h * e)[0] - log_partition(z - h * e)[0]) / (2 * h)
        for e in np.eye(n_columns)
    ]
    # a central difference is off by h^2 and by rounding / h: both about 1e-10
    np.testing.assert_allclose(softmax(z)[0], slope, atol=1e-8)


@pytest.mark.parametrize("size", [1e4, 1e8, 1e300])
def test_huge_scores(size):
    z = np.array([[size, -size, 0.0], [-size, -size, -size]])
    np.testing.assert_allclose(softmax(z), [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_array_equal(log_partition(np.array([[size], [-size]])), [size, 0])
    np.testing.assert_array_equal(softmax(np.array([[size], [-size]])), [[1], [0]])
    loss = SoftmaxLoss(np.array([[1.0]]), np.array([1]), 3, np.ones(1), False)
    value, gradient = loss(np.array([[1e4], [-1e4], [0.0]]))
    assert value == 2e4 + 1e8  # log Z - z_1, and the penalty
    np.testing.assert_array_equal(gradient, [[1e4 + 1], [-1e4 - 1], [0]])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("n_classes", "n_columns"), [(2, 1), (2, 2), (4, 4)])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_gradient_is_the_slope_of_the_loss(n_classes, n_columns, fit_intercept, sparse):
    X, y = problem(3, n_classes=n_classes)
    rng = np.random.default_rng(0)
    features = sp.csr_array(X) if sparse else X
    loss = SoftmaxLoss(features, y, n_columns, rng.exponential(size=len(y)), fit_intercept)
    weights = rng.normal(size=loss.shape)
    slope = np.zeros(loss.shape)
    h = 1e-6
    for place in np.ndindex(loss.shape):
        step = np.zeros(loss.shape)
        step[place] = h
        slope[place] = (loss(weights + step)[0] - loss(weights - step)[0]) / (2 * h)
    # a loss of about 100 rounds to 1e-14, over h = 1e-6
    np.testing.assert_allclose(loss(weights)[1], slope, rtol=1e-6, atol=1e-6)


def test_blocks_of_rows_add_up(monkeypatch):
    X, y = problem(4, n_rows=500)
    loss = SoftmaxLoss(X, y, 3, np.ones(500), True)
    weights = np.random.default_rng(0).normal(size=loss.shape)
    whole, probabilities = loss(weights), loss.probabilities(weights)
    monkeypatch.setattr("gibbsfactor.learning.softmax_loss._BLOCK_BYTES", 1)
    assert len(list(loss.blocks())) == 8
    np.testing.assert_allclose(loss(weights)[0], whole[0], rtol=1e-13)
    np.testing.assert_allclose(loss(weights)[1], whole[1], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(loss.probabilities(weights), probabilities, rtol=1e-13)


# ---- whitening ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["class", "shared", "diagonal", "sampled"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_every_whitening_finds_the_same_optimum(kind, n_classes, monkeypatch):
    X, y = problem(5, n_rows=200, n_classes=n_classes)
    best = SoftmaxRegression(tol=TIGHT).fit(X, y)
    name, value = {
        "class": ("_FIRST_ROUND", 2),
        "shared": ("_MOST_ENTRIES", 0),
        "diagonal": ("_MOST_COLUMNS", 0),
        "sampled": ("_ROWS_PER_COLUMN", 3),
    }[kind]
    monkeypatch.setattr(whitening, name, value)
    for features in (X, sp.csr_array(X)):
        model = SoftmaxRegression(tol=TIGHT).fit(features, y)
        np.testing.assert_allclose(model.loss_, best.loss_, rtol=1e-10)
        np.testing.assert_allclose(model.coef_, best.coef_, atol=1e-4)


@pytest.mark.parametrize("most_columns", [0, 4000])
@pytest.mark.parametrize("n_columns", [1, 3])
def test_whitened_gradient_is_the_adjoint_of_the_map_to_weights(
    n_columns, most_columns, monkeypatch
):
    monkeypatch.setattr(whitening, "_MOST_COLUMNS", most_columns)
    X, y = problem(6, n_classes=max(n_columns, 2))
    loss = SoftmaxLoss(X, y, n_columns, np.ones(len(y)), True)
    rng = np.random.default_rng(0)
    weights, u, g = (rng.normal(size=loss.shape) for _ in range(3))
    if n_columns > 1:
        weights -= weights.mean(axis=0)
    chart = whitening.whiten(loss, weights)
    np.testing.assert_allclose(chart.weights(chart.coordinates(weights)), weights, atol=1e-12)
    np.testing.assert_allclose(np.vdot(chart.weights(u), g), np.vdot(u, chart.gradient(g)))


def test_sigmoid_curvature_becomes_the_identity():
    X, y = problem(7, n_classes=2)
    loss = SoftmaxLoss(X, y, 1, np.full(len(y), 2.0), True)
    weights = np.random.default_rng(0).normal(size=loss.shape)
    chart = whitening.whiten(loss, weights)
    u, h = chart.coordinates(weights), 1e-5

    def gradient(u):
        return chart.gradient(loss(chart.weights(u))[1])[0]

    hessian = [(gradient(u + h * e) - gradient(u - h * e)) / (2 * h) for e in np.eye(u.size)]
    np.testing.assert_allclose(hessian, np.eye(u.size), atol=1e-6)  # h^2 and rounding / h


def test_whitening_needs_few_iterations_on_badly_scaled_features():
    X, y = problem(8, n_rows=300)
    plain = SoftmaxRegression(tol=1e-9).fit(X, y)
    scaled = SoftmaxRegression(C=1e8, tol=1e-9).fit(X * [1, 1e-3, 1e3, 1] + [0, 0, 0, 1e3], y)
    assert scaled.n_iter_ <= 2 * plain.n_iter_ + 10


def test_the_direction_common_to_all_classes_and_the_first_step_cost_nothing():
    X, y = digits()
    loss, records = SoftmaxLoss(X, y, 10, np.ones(len(y)), True), []
    minimum = whitening.minimize_whitened(
        loss, np.zeros(loss.shape), max_iterations=99, tolerance=1e-10, progress=records.append
    )
    assert minimum.iterations <= 28  # 20 seen; 35 if weights are not centred over the classes
    assert records[0].evaluations <= 2  # a first step of length one would be followed by more
    np.testing.assert_allclose(minimum.weights.reshape(loss.shape).sum(axis=0), 0, atol=1e-12)


# ---- the estimator ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both():
    X, y = digits()
    peer = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000, solver="newton-cg").fit(X, y)
    return X, y, peer, SoftmaxRegression(tol=TIGHT).fit(X, y)


def test_equals_scikit_learn_on_digits(both):
    X, y, peer, ours = both
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-3)
    np.testing.assert_allclose(
        ours.intercept_ - ours.intercept_.mean(),
        peer.intercept_ - peer.intercept_.mean(),
        atol=1e-3,
    )
    np.testing.assert_allclose(ours.loss_, objective(X, y, peer.coef_, peer.intercept_), rtol=1e-8)
    np.testing.assert_allclose(ours.loss_, objective(X, y, ours.coef_, ours.intercept_), rtol=1e-12)


def test_default_tolerance_is_enough(both):
    X, y, _, best = both
    quick = SoftmaxRegression().fit(X, y)
    assert best.loss_ <= quick.loss_ <= best.loss_ * (1 + 1e-5)
    assert quick.n_iter_ < 60
    np.testing.assert_allclose(quick.predict_proba(X), best.predict_proba(X), atol=5e-3)


def test_two_classes_equal_scikit_learn():
    X, y = problem(9, n_classes=2)
    labels = np.array(["no", "yes"])[y]
    ours = SoftmaxRegression(C=3.0, tol=TIGHT).fit(X, labels)
    peer = LogisticRegression(C=3.0, tol=1e-10, max_iter=10_000).fit(X, labels)
    assert ours.coef_.shape == (1, 4)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(ours.decision_function(X), peer.decision_function(X), atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), peer.predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [False, True])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_sparse_equals_dense_and_weights_equal_repeats(n_classes, fit_intercept, seed):
    X, y = problem(seed, n_classes=n_classes)
    X[np.random.default_rng(seed).random(X.shape) < 0.5] = 0
    s = np.random.default_rng(seed).integers(1, 4, size=len(y))

    def fitted(*args):
        return SoftmaxRegression(fit_intercept=fit_intercept, tol=TIGHT).fit(*args)

    repeated = fitted(np.repeat(X, s, axis=0), np.repeat(y, s))
    for features in (X, sp.csr_array(X), sp.csc_matrix(X)):
        model = fitted(features, y, s)
        np.testing.assert_allclose(model.loss_, repeated.loss_, rtol=1e-9)
        np.testing.assert_allclose(
            model.predict_proba(features), repeated.predict_proba(X), atol=1e-4
        )
        np.testing.assert_allclose(
            model.predict_proba(features), model.predict_proba(X), atol=1e-14
        )


def test_class_weights_are_sample_weights():
    X, y = problem(10)
    given_weights = {0: 1.0, 1: 5.0, 2: 0.5}
    by_class = SoftmaxRegression(class_weight=given_weights, tol=TIGHT).fit(X, y)
    by_row = SoftmaxRegression(tol=TIGHT).fit(X, y, [given_weights[k] for k in y])
    assert by_class.loss_ == by_row.loss_
    balanced = SoftmaxRegression(class_weight="balanced", tol=TIGHT).fit(X, y)
    by_row = SoftmaxRegression(tol=TIGHT).fit(X, y, len(y) / (3 * np.bincount(y))[y])
    np.testing.assert_allclose(balanced.coef_, by_row.coef_, atol=1e-8)
    assert abs(balanced.loss_ - by_class.loss_) > 0.1


def test_warm_start_needs_fewer_iterations():
    X, y = digits()
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    cold, first = model.n_iter_, model.loss_
    model.fit(X, y)
    assert model.n_iter_ <= 3 < cold
    assert model.loss_ <= first
    with pytest.raises(
        ValueError, match=r"warm_start=True goes on from 64 features .* 63 features"
    ):
        model.fit(X[:, :63], y)
    with pytest.raises(ValueError, match=r"classes \[0, 1, 2\]; set warm_start=False"):
        model.fit(X[y < 3], y[y < 3])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_huge_features_give_no_nan(n_classes):
    X, y = problem(11, n_classes=n_classes)
    model = SoftmaxRegression().fit(X, y)
    model.coef_ = model.coef_ * 1e4
    for answer in (model.predict_proba(X), model.predict_log_proba(X), model.decision_function(X)):
        assert np.isfinite(answer).all()
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)
    assert np.isfinite(SoftmaxRegression().fit(1e4 * X, y).coef_).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_temperature_divides_the_scores(n_classes):
    X, y = problem(12, n_classes=n_classes)
    one = SoftmaxRegression().fit(X, y)
    warm = SoftmaxRegression(temperature=4.0).fit(X, y)
    np.testing.assert_array_equal(warm.coef_, one.coef_)
    np.testing.assert_allclose(warm.decision_function(X), one.decision_function(X) / 4)
    powers = one.predict_proba(X) ** 0.25
    np.testing.assert_allclose(
        warm.predict_proba(X), powers / powers.sum(axis=1, keepdims=True), rtol=1e-10
    )
    np.testing.assert_allclose(np.exp(warm.predict_log_proba(X)), warm.predict_proba(X))
    warm.temperature = 1e-6
    np.testing.assert_array_equal(warm.predict_proba(X).argmax(axis=1), one.predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_gibbs_is_the_same_distribution(n_classes, fit_intercept, sparse):
    X, y = problem(13, n_classes=n_classes)
    X[::2, 1] = 0
    X[0] = 0
    labels = np.array(["a", "b", "c"])[y]
    model = SoftmaxRegression(temperature=2.0, fit_intercept=fit_intercept).fit(X, labels)
    for i in range(5):
        x = sp.csr_array(X[[i]]) if sparse else X[i]
        if sparse and x.nnz == 3:  # a zero that is stored is a zero all the same
            x = sp.csr_array((X[i], np.arange(4), [0, 4]), shape=(1, 4))
        p = model.gibbs(x)
        used = np.count_nonzero(X[i]) if sparse else 4
        assert len(p.factors) == used + 1
        marginal = p.marginal("class")
        assert marginal.scope[0].states == tuple(model.classes_.tolist())
        np.testing.assert_allclose(marginal.values, model.predict_proba(X[[i]])[0], rtol=1e-12)
        scores = np.atleast_1d(model.decision_function(X[[i]])[0])
        np.testing.assert_allclose(p.log_partition(), log_partition(scores[None])[0], atol=1e-12)
        # factor i of the product is exp(w_iy x_i / T)
        full = model.coef_ if n_classes > 2 else np.vstack([np.zeros(4), model.coef_])
        last = np.flatnonzero(X[i])[-1] if used and sparse else 3
        if used:
            np.testing.assert_allclose(p.factors[-1].log_values, full[:, last] * X[i, last] / 2)


def test_interrupted_training_keeps_the_best(monkeypatch):
    X, y = digits()
    done = SoftmaxRegression().fit(X, y)
    evaluate = SoftmaxLoss.__call__
    for last in (4, 14):  # in the first round and in the second
        count = itertools.count(1)

        def interrupted(self, weights, count=count, last=last):
            if next(count) > last:
                raise KeyboardInterrupt
            return evaluate(self, weights)

        monkeypatch.setattr(SoftmaxLoss, "__call__", interrupted)
        with pytest.warns(RuntimeWarning, match="interrupted"):
            model = SoftmaxRegression().fit(X, y)
        assert done.loss_ < model.loss_ < len(y) * np.log(10)
        assert model.score(X, y) > 0.8
        np.testing.assert_allclose(
            model.loss_, objective(X, y, model.coef_, model.intercept_), rtol=1e-12
        )


def test_interrupted_between_rounds_keeps_the_first(monkeypatch):
    X, y = digits()
    whiten, count = whitening.whiten, itertools.count(1)

    def interrupted(*args):
        if next(count) == 2:
            raise KeyboardInterrupt
        return whiten(*args)

    monkeypatch.setattr(whitening, "whiten", interrupted)
    with pytest.warns(RuntimeWarning, match="interrupted after iteration 8; the best weights"):
        model = SoftmaxRegression().fit(X, y)
    assert (model.n_iter_, model.score(X, y) > 0.9) == (8, True)


def test_too_few_iterations_warn():
    X, y = digits()
    for few in (3, 10):
        with pytest.warns(
            ConvergenceWarning, match=r"did not converge: reached max_iterations=\d+"
        ):
            model = SoftmaxRegression(max_iterations=few).fit(X, y)
        assert model.n_iter_ == few


def test_rare_columns_and_empty_columns():
    X, y = problem(14)
    X = np.hstack([X, np.zeros((40, 2))])
    X[0, 4] = 1.0
    model = SoftmaxRegression(fit_intercept=False).fit(X, y)
    np.testing.assert_array_equal(model.coef_[:, 5], 0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"C": 0}, "C is 0; it must be a positive finite number"),
        ({"C": -1.0}, "C is -1.0; it must be"),
        ({"C": np.nan}, "C is nan; it must be"),
        ({"C": "1"}, "C is '1'; it must be"),
        ({"temperature": 0.0}, "temperature is 0.0; it must be a positive"),
        ({"temperature": -2}, "temperature is -2; it must be a positive"),
        ({"tol": -1e-3}, "tol is -0.001; it must be a number from 0"),
        ({"max_iterations": 0}, "max_iterations is 0; it must be an integer of at least 1"),
        ({"max_iterations": 2.5}, "max_iterations is 2.5; it must be an integer"),
        ({"class_weight": "even"}, "even"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    X, y = problem(15)
    with pytest.raises(ValueError, match=message):
        SoftmaxRegression(**parameters).fit(X, y)


def test_bad_input():
    X, y = problem(16)
    with pytest.raises(NotFittedError, match="SoftmaxRegression instance is not fitted yet"):
        SoftmaxRegression().predict(X)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        SoftmaxRegression().gibbs(X[0])
    model = SoftmaxRegression().fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but SoftmaxRegression is expecting 4"):
        model.predict(X[:, :3])
    with pytest.raises(ValueError, match=r"x has shape \(1, 3\); expected one row of 4 features"):
        model.gibbs(X[0, :3])
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\); expected one row"):
        model.gibbs(X[:2])
    with pytest.raises(ValueError, match="only one class, 7"):
        model.fit(X, np.full(40, 7))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        model.fit(X, y, -np.ones(40))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:30])
    X[5, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="contains NaN"):
        model.gibbs(X[5])


def test_training_shows_a_bar_only_if_asked(capsys, monkeypatch):
    monkeypatch.setattr("gibbsfactor.learning.progress._QUIET_SECONDS", 0.0)
    X, y = digits()
    SoftmaxRegression().fit(X, y)
    assert capsys.readouterr().err == ""
    model = SoftmaxRegression(verbose=True).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{model.n_iter_} iterations" in err


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_class_weights_are_numbers_of_at_least_0(weight):
    with pytest.raises(ValueError, match=rf"class_weight gives 'b' the weight {weight}; weights"):
        SoftmaxRegression(class_weight={"b": weight}).fit([[0.0], [1.0]], ["a", "b"])
