"""The parts of L-BFGS: the line search against its conditions, past steps against dense BFGS."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gibbsfactor.learning import lbfgs
from gibbsfactor.learning.line_search import ENOUGH, FLAT, Trial, search
from gibbsfactor.learning.past_steps import PastSteps
from gibbsfactor.learning.quadratic_model import QuadraticModel

# Smooth functions of one number with a slope of -1 or so at 0, most of them not convex.
FUNCTIONS = {
    "bowl": (lambda t: (t - 3.0) ** 2, lambda t: 2 * (t - 3.0)),
    "far bowl": (lambda t: (t / 1e4 - 1.0) ** 2, lambda t: 2e-4 * (t / 1e4 - 1.0)),
    "near bowl": (lambda t: (1e4 * t - 1.0) ** 2, lambda t: 2e4 * (1e4 * t - 1.0)),
    "softplus": (
        lambda t: np.logaddexp(0, t - 5) - 0.1 * t,
        lambda t: 1 / (1 + np.exp(5 - t)) - 0.1,
    ),
    "waves": (lambda t: math.cos(3 * t + 0.5) + 0.05 * t * t, None),
    "quartic": (lambda t: t**4 - 2 * t**3 - t, lambda t: 4 * t**3 - 6 * t**2 - 1),
    "hump": (lambda t: -t * math.exp(-t), lambda t: (t - 1) * math.exp(-t)),
}
FUNCTIONS["waves"] = (
    FUNCTIONS["waves"][0],
    lambda t: -3 * math.sin(3 * t + 0.5) + 0.1 * t,
)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("first", [1e-6, 1e-3, 0.1, 1.0, 7.0, 1e3])
def test_the_step_satisfies_the_strong_wolfe_conditions(name, first):
    f, slope = FUNCTIONS[name]
    tried = []

    def evaluate(t):
        tried.append(t)
        return Trial(t, float(f(t)), float(slope(t)))

    start = evaluate(0.0)
    found = search(evaluate, start, first, 40)
    assert found is not None
    assert found.step in tried
    assert found.loss <= start.loss + ENOUGH * found.step * start.slope
    assert abs(found.slope) <= FLAT * abs(start.slope)


def test_a_first_step_that_will_do_is_taken_at_once():
    bowl = FUNCTIONS["bowl"]
    tried = []

    def evaluate(t):
        tried.append(t)
        return Trial(t, bowl[0](t), bowl[1](t))

    found = search(evaluate, Trial(0.0, 9.0, -6.0), 2.5, 40)
    assert tried == [2.5]
    assert found.step == 2.5


def test_no_lower_point_is_none():
    """A slope that promises what the loss does not keep."""
    assert search(lambda t: Trial(t, 1.0 + t, -1.0), Trial(0.0, 1.0, -1.0), 1.0, 15) is None


def test_slopes_decide_where_rounding_hides_the_losses():
    """Losses around 1e6 whose differences are lost, with the slopes of a bowl at 1."""
    found = search(lambda t: Trial(t, 1e6, 1e-12 * (t - 1.0)), Trial(0.0, 1e6, -1e-12), 1e-3, 40)
    assert abs(found.slope) <= FLAT * 1e-12


def dense_direction(steps, gradient, metric):
    """Nocedal & Wright, equation 6.17, from a scaled diagonal over the steps given."""
    s, y = steps[-1]
    inverse = np.diag(1 / metric) * (s @ y) / (y @ (y / metric))
    for s, y in steps:
        rho = 1 / (s @ y)
        left = np.eye(len(s)) - rho * np.outer(s, y)
        inverse = left @ inverse @ left.T + rho * np.outer(s, s)
    return -inverse @ gradient


def metric_of(steps, memory):
    """The running mean of y^2 / s.y over the last steps, its fourth root, by its definition."""
    mean = 0.0
    for k, (s, y) in enumerate(steps):
        mean = mean + (y * y / (s @ y) - mean) / min(k + 1, memory)
    root = np.sqrt(mean)
    return np.sqrt(root / root.mean() + 0.1)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), kept=st.integers(1, 8))
def test_two_loops_are_the_dense_update(seed, n, kept):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    hessian = root @ root.T + np.eye(n)
    past = PastSteps(kept, np.float64)
    steps = [(s, hessian @ s) for s in rng.normal(size=(10, n))]
    for s, y in steps:
        past.remember(s, y)
    metric = metric_of(steps, kept)
    np.testing.assert_allclose(past.metric, metric, rtol=1e-10)
    gradient = rng.normal(size=n)
    expected = dense_direction(steps[-kept:], gradient, metric)
    assert np.allclose(past.direction(gradient), expected, rtol=1e-8, atol=1e-10)
    assert len(past) == min(kept, 10)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), kept=st.integers(0, 5))
def test_the_quadratic_model_is_the_dense_update(seed, n, kept):
    """Nocedal & Wright, equation 6.19: BFGS of the Hessian itself, from a multiple of I."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    hessian = root @ root.T + np.eye(n)
    kept = min(kept, n)  # more steps than dimensions depend on each other
    steps = rng.normal(size=(kept, n))
    changes = steps @ hessian
    expected = 0.7 * np.eye(n)
    for s, y in zip(steps, changes, strict=True):
        before = expected @ s
        expected += np.outer(y, y) / (s @ y) - np.outer(before, before) / (s @ before)
    model = QuadraticModel.of(steps, changes, 0.7, np.float64)
    found = np.array([model.times(e) for e in np.eye(n)])
    size = np.linalg.norm(expected, 2)
    np.testing.assert_allclose(found, expected, atol=1e-5 * size)
    assert model.steepest >= size * (1 - 1e-5)


def test_the_metric_saves_iterations_where_curvatures_differ():
    """Counted with the metric taken out, on a separable bowl with curvatures 1 to 1e4."""
    curvature = np.logspace(0, 4, 200)

    def evaluations(past_steps, monkeypatch):
        monkeypatch.setattr(lbfgs, "PastSteps", past_steps)
        minimum = lbfgs.minimize(
            lambda x: (0.5 * float((curvature * x * x).sum()), curvature * x),
            np.ones(200),
            gradient_tolerance=1e-6,
            loss_tolerance=0.0,
        )
        assert minimum.gradient_norm <= 1e-6
        return minimum.evaluations

    class Round(PastSteps):
        def _measure(self, y, curvature):
            self.metric = self._inverse = np.ones_like(y)

    with pytest.MonkeyPatch.context() as patch:
        assert evaluations(PastSteps, patch) < 0.7 * evaluations(Round, patch)


def test_single_precision_gives_nearly_the_same_direction():
    rng = np.random.default_rng(0)
    exact, short = PastSteps(5, np.float64), PastSteps(5, np.float32)
    for s in rng.normal(size=(7, 50)):
        exact.remember(s, 3 * s + 0.1 * s**3)
        short.remember(s, 3 * s + 0.1 * s**3)
    gradient = rng.normal(size=50)
    one, other = exact.direction(gradient), short.direction(gradient)
    assert other.dtype == np.float64
    assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(one)
    assert not np.array_equal(one, other)


def test_a_step_without_curvature_is_not_kept():
    past = PastSteps(5, np.float64)
    past.remember(np.array([1.0, 0.0]), np.array([-1.0, 0.0]))
    past.remember(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert len(past) == 0
    assert past.direction(np.array([2.0, -1.0])).tolist() == [-2.0, 1.0]
    past.remember(np.array([1.0, 0.0]), np.array([1.0, 0.0]))
    past.forget()
    assert len(past) == 0
