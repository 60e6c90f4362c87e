"""L1 penalties: the optimality conditions, scikit-learn, and one weight by hand."""

import itertools
import re

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from gibbsfactor.learning.lbfgs import minimize
from gibbsfactor.learning.proximal import free_weights, minimize_l1, pseudo_gradient


def logistic(features, labels, c2=0.0):
    """-log L + c2 |w|^2 of logistic regression without an intercept; labels are -1 or 1."""

    def objective(w):
        margins = labels * (features @ w)
        slope = -labels * scipy.special.expit(-margins)
        loss = float(np.logaddexp(0, -margins).sum()) + c2 * float(w @ w)
        return loss, features.T @ slope + 2 * c2 * w

    return objective


def random_problem(seed, rows=60, columns=30):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, columns)) * np.logspace(-0.5, 0.5, columns)
    labels = np.where(features[:, ::5].sum(axis=1) + rng.normal(size=rows) > 0, 1.0, -1.0)
    return features, labels


def assert_optimal(objective, minimum, l1, tolerance):
    """|g_j| <= l1 where w_j = 0, and g_j = -l1 sign(w_j) elsewhere."""
    w = minimum.weights
    loss, gradient = objective(w)
    assert (np.abs(gradient[w == 0]) <= l1 + tolerance).all()
    away = w != 0
    np.testing.assert_allclose(gradient[away], -l1 * np.sign(w[away]), atol=tolerance)
    assert minimum.loss == pytest.approx(loss + l1 * np.abs(w).sum(), rel=1e-12)
    assert minimum.gradient_norm <= tolerance


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    l1=st.sampled_from([0.03, 1.0, 5.0]),
    c2=st.sampled_from([0.0, 0.3]),
    memory=st.sampled_from([1, 5, 20]),
)
def test_optimality_conditions(seed, l1, c2, memory):
    objective = logistic(*random_problem(seed), c2)
    minimum = minimize_l1(
        objective, np.zeros(30), l1, loss_tolerance=0.0, memory=memory, max_iterations=20_000
    )
    assert minimum.converged
    # where rounding hides what is left to gain, the pseudo-gradient may stay above its tolerance
    assert_optimal(objective, minimum, l1, 1e-6 if "gradient" in minimum.message else 1e-3)


@pytest.mark.parametrize(("l1_ratio", "solver"), [(1.0, "liblinear"), (0.4, "saga")])
def test_scikit_learn_finds_the_same(l1_ratio, solver):
    from sklearn.linear_model import LogisticRegression

    features, labels = random_problem(3, rows=200)
    strength = 2.0  # of the elastic net (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2)
    peer = LogisticRegression(
        C=1 / strength,
        l1_ratio=l1_ratio,
        solver=solver,
        fit_intercept=False,
        tol=1e-9,
        random_state=0,
        max_iter=100_000,
    ).fit(features, labels)
    objective = logistic(features, labels, strength * (1 - l1_ratio) / 2)
    minimum = minimize_l1(objective, np.zeros(30), strength * l1_ratio, loss_tolerance=0.0)
    np.testing.assert_allclose(minimum.weights, peer.coef_[0], atol=1e-6)
    assert np.array_equal(minimum.weights != 0, peer.coef_[0] != 0)
    assert 0 < np.count_nonzero(minimum.weights) < 30


@given(st.floats(-5, 5), st.floats(0.1, 10), st.floats(0.01, 4), st.floats(-3, 3))
def test_one_weight_by_hand(target, curvature, l1, start):
    """The minimum of h (w - t)^2 / 2 + c |w| is t moved by c / h towards zero."""
    minimum = minimize_l1(
        lambda w: (
            0.5 * curvature * float((w - target) @ (w - target)),
            curvature * (w - target),
        ),
        np.array([start]),
        l1,
        gradient_tolerance=1e-9,
        loss_tolerance=0.0,
    )
    expected = np.sign(target) * max(abs(target) - l1 / curvature, 0.0)
    np.testing.assert_allclose(minimum.weights, [expected], atol=1e-6)
    assert (minimum.weights[0] == 0) == (abs(expected) < 1e-6) or abs(expected) < 1e-6


def test_a_penalty_above_every_slope_leaves_nothing():
    objective = logistic(*random_problem(0))
    steepest = np.abs(objective(np.zeros(30))[1]).max()
    minimum = minimize_l1(objective, np.zeros(30), 1.001 * steepest)
    assert not minimum.weights.any()
    assert (minimum.iterations, minimum.evaluations, minimum.converged) == (0, 1, True)
    from_far = minimize_l1(objective, np.ones(30), 1.001 * steepest, loss_tolerance=0.0)
    assert not from_far.weights.any()
    assert np.count_nonzero(minimize_l1(objective, np.zeros(30), 0.999 * steepest).weights) == 1


def test_a_vanishing_penalty_is_none():
    objective = logistic(*random_problem(1), c2=0.5)
    free = minimize(objective, np.zeros(30), loss_tolerance=0.0)
    nearly = minimize_l1(objective, np.zeros(30), 1e-9, loss_tolerance=0.0)
    np.testing.assert_allclose(nearly.weights, free.weights, atol=1e-6)


def test_far_fewer_evaluations_than_weights_have_signs_to_change():
    """From a start with all signs wrong."""
    objective = logistic(*random_problem(2, rows=400, columns=100))
    right = minimize_l1(objective, np.zeros(100), 1.0, loss_tolerance=0.0)
    wrong = minimize_l1(objective, -10 * np.sign(right.weights), 1.0, loss_tolerance=0.0)
    assert wrong.loss == pytest.approx(right.loss, rel=1e-9)
    assert wrong.evaluations < 300


def test_records_weights_and_loss_of_every_iteration():
    objective = logistic(*random_problem(4))
    records = []
    minimum = minimize_l1(objective, np.zeros(30), 1.0, progress=records.append)
    assert [r.iteration for r in records] == list(range(1, minimum.iterations + 1))
    assert all(a.loss >= b.loss for a, b in itertools.pairwise(records))
    for r in records[:: max(len(records) // 5, 1)]:
        loss, gradient = objective(r.weights)
        assert r.loss == pytest.approx(loss + np.abs(r.weights).sum(), rel=1e-12)
        assert r.gradient_norm == pytest.approx(
            np.abs(pseudo_gradient(r.weights, gradient, 1.0)).max(), rel=1e-9, abs=1e-12
        )
        with pytest.raises(ValueError, match="read-only"):
            r.weights[0] = 1.0


@given(st.integers(0, 2**32 - 1))
def test_pseudo_gradient_is_the_steeper_one_sided_slope(seed):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=8) * rng.integers(0, 2, size=8)
    g = 2 * rng.normal(size=8)
    found = pseudo_gradient(w, g, 1.0)
    for j in range(8):
        left, right = (g[j] + (np.sign(w[j]) if w[j] else side) for side in (-1, 1))
        expected = left if left > 0 else right if right < 0 else 0.0  # which way it falls
        assert found[j] == pytest.approx(expected)
    assert set(free_weights(w, g, 1.0)) == set(np.flatnonzero((w != 0) | (found != 0)))


def test_single_precision_of_the_model_reaches_the_same_weights(monkeypatch):
    monkeypatch.setattr("gibbsfactor.learning.past_steps._MANY_WEIGHTS", 10)
    objective = logistic(*random_problem(5))
    short = minimize_l1(objective, np.zeros(30), 1.0, loss_tolerance=0.0)
    monkeypatch.undo()
    exact = minimize_l1(objective, np.zeros(30), 1.0, loss_tolerance=0.0)
    assert short.weights.dtype == np.float64
    assert short.loss == pytest.approx(exact.loss, rel=1e-10)
    assert np.array_equal(short.weights != 0, exact.weights != 0)


def test_a_step_over_the_edge_steps_back():
    def barrier(x):
        if (x <= -1).any():
            return np.inf, np.full_like(x, np.nan)
        return float((5 * x - np.log1p(x)).sum()), 5 - 1 / (1 + x)

    minimum = minimize_l1(barrier, np.full(3, 4.0), 0.5, loss_tolerance=0.0)
    np.testing.assert_allclose(minimum.weights, 1 / 4.5 - 1, rtol=1e-5)  # 5 - 1/(1+x) = 0.5


def test_what_is_not_finite_is_said():
    with pytest.raises(FloatingPointError, match="evaluation 1 gave the loss nan"):
        minimize_l1(lambda x: (np.nan, x), np.ones(2), 1.0)
    count = itertools.count()
    with pytest.raises(FloatingPointError, match=r"evaluation \d+ gave the loss inf"):
        minimize_l1(
            lambda x: (np.inf, x) if next(count) else (float(x @ x), 2 * x), np.ones(2), 0.1
        )


def test_a_gradient_beyond_squaring_is_said():
    with pytest.raises(FloatingPointError, match="so large that its square is not finite"):
        minimize_l1(lambda x: (float(1e200 * x.sum()), np.full(2, 1e200)), np.ones(2), 1.0)


def test_interruption_keeps_the_best_point():
    objective = logistic(*random_problem(6))
    count = itertools.count()

    def interrupted(w):
        if next(count) == 8:
            raise KeyboardInterrupt
        return objective(w)

    with pytest.warns(RuntimeWarning, match=r"proximal L-BFGS interrupted in iteration \d+"):
        minimum = minimize_l1(interrupted, np.zeros(30), 1.0)
    assert minimum.interrupted
    assert minimum.loss == pytest.approx(
        objective(minimum.weights)[0] + np.abs(minimum.weights).sum()
    )


@pytest.mark.parametrize("l1", [0.0, -1.0, np.nan, np.inf])
def test_the_penalty_must_be_positive(l1):
    with pytest.raises(ValueError, match=f"l1 is {re.escape(str(l1))}; it must be a finite number"):
        minimize_l1(lambda x: (0.0, x), np.zeros(2), l1)


def test_no_weights():
    assert minimize_l1(lambda x: (7.0, x), [], 1.0).message == "there are no weights to move"
