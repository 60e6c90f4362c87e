"""The parts of L-BFGS: the line search against its conditions, past steps against dense BFGS."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gibbsfactor.learning.line_search import ENOUGH, FLAT, Trial, search
from gibbsfactor.learning.past_steps import PastSteps

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


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), kept=st.integers(1, 8))
def test_two_loops_are_the_dense_update(seed, n, kept):
    """Nocedal & Wright, equation 6.17, from the scaled identity over the steps kept."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    hessian = root @ root.T + np.eye(n)
    past = PastSteps(kept, np.float64)
    steps = [(s, hessian @ s) for s in rng.normal(size=(10, n))]
    for s, y in steps:
        past.remember(s, y)
    s, y = steps[-1]
    inverse = np.eye(n) * (s @ y) / (y @ y)
    for s, y in steps[-kept:]:
        rho = 1 / (s @ y)
        left = np.eye(n) - rho * np.outer(s, y)
        inverse = left @ inverse @ left.T + rho * np.outer(s, s)
    gradient = rng.normal(size=n)
    assert np.allclose(past.direction(gradient), -inverse @ gradient, rtol=1e-8, atol=1e-10)
    assert len(past) == min(kept, 10)


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
