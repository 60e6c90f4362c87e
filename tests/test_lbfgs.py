"""The optimiser: finds minima, keeps the best point, and says how it ended."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.learning.lbfgs import Progress, minimize
from gibbsfactor.learning.progress import progress_bar


def rosenbrock(x):
    step = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[1:] += 200 * step
    gradient[:-1] += -400 * step * x[:-1] - 2 * (1 - x[:-1])
    return 100 * float(step @ step) + float(((1 - x[:-1]) ** 2).sum()), gradient


def failing_at(evaluation, error):
    """Rosenbrock's function until an evaluation, which raises or gives something else."""
    count = itertools.count(1)

    def objective(x):
        if next(count) < evaluation:
            return rosenbrock(x)
        if isinstance(error, type):
            raise error
        return error(*rosenbrock(x))

    return objective


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_finds_the_minimum_of_a_random_quadratic(n, seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    hessian, target = root.T @ root + np.eye(n), rng.normal(size=n)

    def bowl(x):
        gradient = hessian @ (x - target)
        return 0.5 * float((x - target) @ gradient), gradient

    minimum = minimize(bowl, np.zeros(n), gradient_tolerance=1e-8, loss_tolerance=0.0)
    assert minimum.converged
    # the curvature is at least one, so the distance is at most the gradient's length
    np.testing.assert_allclose(minimum.weights, target, atol=1e-8 * np.sqrt(n))
    assert minimum.gradient_norm <= 1e-8


def test_counts_and_records_agree():
    records = []
    minimum = minimize(rosenbrock, np.zeros(6), gradient_tolerance=1e-9, progress=records.append)
    np.testing.assert_allclose(minimum.weights, 1.0, atol=1e-6)
    assert [r.iteration for r in records] == list(range(1, minimum.iterations + 1))
    assert records[-1].evaluations == minimum.evaluations
    assert records[-1].loss == minimum.loss == rosenbrock(minimum.weights)[0]
    assert records[-1].gradient_norm == np.abs(rosenbrock(minimum.weights)[1]).max()
    assert all(a.loss >= b.loss for a, b in itertools.pairwise(records))
    assert all(0 <= a.seconds <= b.seconds for a, b in itertools.pairwise(records))


@pytest.mark.parametrize("scale", [1.0, 2.0**-40, 2.0**40])
def test_loss_tolerance_is_a_share_of_the_loss_at_any_scale(scale):
    losses = [scale * (rosenbrock(np.zeros(6))[0] + 1)]

    def objective(x):
        loss, gradient = rosenbrock(x)
        return scale * (loss + 1), scale * gradient

    minimum = minimize(
        objective,
        np.zeros(6),
        gradient_tolerance=0.0,
        loss_tolerance=1e-3,
        progress=lambda record: losses.append(record.loss),
    )
    assert minimum.converged
    assert "no more than 0.001" in minimum.message
    shares = [(a - b) / a for a, b in itertools.pairwise(losses)]
    assert shares[-1] <= 1e-3 < min(shares[:-1])


def test_interruption_keeps_the_best_point():
    with pytest.warns(RuntimeWarning, match=r"interrupted in iteration \d+; the best weights so"):
        minimum = minimize(failing_at(20, KeyboardInterrupt), np.zeros(6))
    assert minimum.interrupted
    assert not minimum.converged
    assert minimum.evaluations == 19
    assert minimum.loss == rosenbrock(minimum.weights)[0] < rosenbrock(np.zeros(6))[0]


def test_the_best_point_is_kept_when_the_last_is_worse():
    seen = []

    def objective(x):
        if seen and seen[-1] > min(seen):  # a step of the line search went too far
            raise KeyboardInterrupt
        seen.append(rosenbrock(x)[0])
        return rosenbrock(x)

    with pytest.warns(RuntimeWarning, match="interrupted"):
        minimum = minimize(objective, np.full(6, -1.5))
    assert seen[-1] > min(seen) == minimum.loss == rosenbrock(minimum.weights)[0]


def test_interruption_before_anything_is_known_goes_through():
    with pytest.raises(KeyboardInterrupt):
        minimize(failing_at(1, KeyboardInterrupt), np.zeros(6))


def test_progress_may_stop():
    def stop(record):
        if record.iteration == 3:
            raise StopIteration

    minimum = minimize(rosenbrock, np.zeros(6), progress=stop)
    assert (minimum.iterations, minimum.converged, minimum.interrupted) == (3, False, False)
    assert "stopped by the progress callable after iteration 3" in minimum.message

    def stop_at_once(record):
        raise StopIteration

    both = minimize(rosenbrock, np.zeros(6), progress=stop_at_once, loss_tolerance=1.0)
    assert (both.iterations, both.converged) == (1, False)


def test_iterations_run_out():
    minimum = minimize(rosenbrock, np.zeros(6), max_iterations=2)
    assert (minimum.iterations, minimum.converged) == (2, False)
    assert minimum.message == "reached max_iterations=2"


def test_no_weights():
    minimum = minimize(lambda x: (7.0, x), [])
    assert (minimum.loss, minimum.converged) == (7.0, True)


def test_weights_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        minimize(rosenbrock, np.zeros(2)).weights[0] = 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f, g: (np.nan, g), r"evaluation \d+ gave the loss nan and a gradient with 0 of 6"),
        (lambda f, g: (np.inf, g), r"evaluation \d+ gave the loss inf"),
        (lambda f, g: (f, g * np.nan), r"evaluation \d+ .* a gradient with 6 of 6 components not"),
    ],
)
def test_not_finite(spoil, message):
    with pytest.raises(FloatingPointError, match=message):
        minimize(failing_at(4, spoil), np.zeros(6))


def test_the_first_loss_must_be_finite():
    with pytest.raises(FloatingPointError, match="evaluation 1 gave the loss inf"):
        minimize(lambda x: (np.inf, x), np.ones(2))


def test_a_trial_step_over_the_edge_steps_back():
    """Losses that are infinite beyond some point, or overflow on the way."""

    def barrier(x):
        if (x <= 0).any():
            return np.inf, np.full_like(x, np.nan)
        return float((x - 1e-3 * np.log(x)).sum()), 1 - 1e-3 / x

    minimum = minimize(barrier, np.full(3, 0.5), gradient_tolerance=1e-8)
    assert minimum.converged
    np.testing.assert_allclose(minimum.weights, 1e-3, rtol=1e-6)

    def steep(x):
        with np.errstate(over="ignore"):
            e = np.exp(300 * x)
        return float((e - 300 * x).sum()), 300 * e - 300

    minimum = minimize(steep, np.full(2, -5.0), gradient_tolerance=1e-6)
    np.testing.assert_allclose(minimum.weights, 0, atol=1e-8)


@pytest.mark.parametrize("power", [2, 4])
def test_a_minimum_of_zero_is_reached_without_underflow(power):
    scales = np.arange(1.0, 11.0)
    minimum = minimize(
        lambda x: (float((scales * x**power).sum()), scales * power * x ** (power - 1)),
        np.full(10, 0.7),
        gradient_tolerance=0.0,
        loss_tolerance=1e-14,
        max_iterations=3000,
    )
    assert minimum.loss < 1e-12


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_curvature_is_judged_at_any_scale(scale):
    curvature = scale * np.logspace(0, 5, 50)
    minimum = minimize(
        lambda x: (0.5 * float((curvature * x * x).sum()), curvature * x),
        np.ones(50),
        gradient_tolerance=1e-6 * scale,
        loss_tolerance=0.0,
        max_iterations=5000,
    )
    assert minimum.converged
    assert minimum.evaluations < 4000  # steepest descent needs tens of thousands


def test_flat_comes_before_spent():
    minimum = minimize(lambda x: (float(x @ x), 2 * x), np.ones(3), max_iterations=2)
    assert minimum.converged
    assert minimum.loss < 1e-12


def test_wrong_gradient_shape():
    with pytest.raises(ValueError, match=r"gradient of shape \(2,\) at a point of shape \(3,\)"):
        minimize(lambda x: (0.0, x[:2]), np.zeros(3))


@pytest.mark.parametrize(
    ("start", "arguments", "message"),
    [
        ([[0.0]], {}, r"start has shape \(1, 1\); it must be one vector"),
        ([0.0, np.nan], {}, "start has nan at position 1"),
        ([0.0], {"max_iterations": 0}, "max_iterations is 0; it must be at least 1"),
        ([0.0], {"memory": 0}, "memory is 0; it must be at least 1"),
        ([0.0], {"loss_tolerance": -1.0}, "loss_tolerance is -1.0; it must be a finite number"),
        ([0.0], {"gradient_tolerance": np.nan}, "gradient_tolerance is nan"),
    ],
)
def test_arguments_out_of_range(start, arguments, message):
    with pytest.raises(ValueError, match=message):
        minimize(rosenbrock, start, **arguments)


def test_bar_is_silent_when_off_or_quick(capsys):
    for enabled in (False, True):
        with progress_bar(enabled, "training") as progress:
            assert (progress is None) is not enabled
            minimize(rosenbrock, np.zeros(6), progress=progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip() == ""


def test_bar_shows_loss_gradient_and_time(capsys, monkeypatch):
    monkeypatch.setattr("gibbsfactor.learning.progress._QUIET_SECONDS", 0.0)
    with progress_bar(True, "training") as progress:
        progress(Progress(3, 12.5, 0.25, 61.0, 4))
    out, err = capsys.readouterr()
    assert out == ""
    assert "training" in err
    assert "3 iterations" in err
    assert "loss 12.5, gradient 0.25, 61.0 s" in err
