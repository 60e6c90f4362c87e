"""Checkpoints survive a kill; the best weights on held-out data are kept; training settles."""

import itertools
import json
import math
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from gibbsfactor.errors import FormatError
from gibbsfactor.files import write_arrays
from gibbsfactor.learning.checkpoints import Checkpoints, fingerprint
from gibbsfactor.learning.lbfgs import minimize
from gibbsfactor.learning.minimum import Progress, in_turn
from gibbsfactor.learning.progress import progress_bar, progress_line
from gibbsfactor.learning.proximal import minimize_l1
from gibbsfactor.learning.stopping import BestOnDev, Settling

PROBLEM = {"c2": 1.0, "labels": ["a", "b"], "data": fingerprint("text")}


def logistic(seed=0, rows=300, columns=40):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, columns)) * np.logspace(-1, 1, columns)
    labels = np.sign(features[:, ::7].sum(axis=1) + rng.normal(size=rows))

    def objective(w):
        margins = labels * (features @ w)
        slope = -labels * np.exp(-np.logaddexp(0, margins))
        loss = float(np.logaddexp(0, -margins).sum()) + 0.1 * float(w @ w)
        return loss, features.T @ slope + 0.2 * w

    return objective


def record(iteration, weights=(0.0,), **more):
    return Progress(iteration, 1.0 / iteration, 0.5, 2.0 * iteration, iteration, np.array(weights))


# ---- checkpoints ----------------------------------------------------------------------


@pytest.mark.parametrize("l1", [0.0, 0.5])
@pytest.mark.parametrize("stop", [1, 5, 20])
def test_training_goes_on_to_the_same_loss(tmp_path, l1, stop):
    def train(start, watcher=None, **limits):
        arguments = {"loss_tolerance": 1e-9, "period": 10, "progress": watcher, **limits}
        if l1:
            return minimize_l1(logistic(), start, l1, **arguments)
        return minimize(logistic(), start, **arguments)

    whole = train(np.zeros(40))
    first = Checkpoints(tmp_path / "run", PROBLEM, every_seconds=0)
    part = train(np.zeros(40), first, max_iterations=stop)
    second = Checkpoints(tmp_path / "run", PROBLEM, every_seconds=0)
    resumed = second.load()
    assert (resumed.iteration, resumed.evaluations) == (stop, part.evaluations)
    assert resumed.loss == part.loss
    assert np.array_equal(resumed.weights, part.weights)
    rest = train(resumed.weights, second)
    assert rest.loss == pytest.approx(whole.loss, rel=1e-7)
    assert rest.iterations < whole.iterations + 15
    last = Checkpoints(tmp_path / "run", PROBLEM).load()
    assert last.iteration == stop + rest.iterations
    assert last.evaluations == part.evaluations + rest.evaluations
    assert last.seconds > resumed.seconds


ENDLESS = """
import itertools, sys
import numpy as np
from gibbsfactor.learning.checkpoints import Checkpoints
from gibbsfactor.learning.minimum import Progress
kept = Checkpoints(sys.argv[1], {"size": 20000}, every_seconds=0)
before = kept.load()
print("ready", flush=True)
for i in itertools.count(1):
    kept(Progress(i, 1.0, 1.0, 1.0, i, np.full(20000, float(i))))
"""


def test_a_kill_leaves_the_last_whole_checkpoint(tmp_path):
    path = tmp_path / "run"
    rng = np.random.default_rng(0)
    iterations = [0]
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", ENDLESS, path], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))  # a later one may not have written one yet
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        found = Checkpoints(path, {"size": 20000}).load()
        assert found.weights.shape == (20000,)
        if found.iteration == iterations[-1]:
            continue  # killed before its first one
        assert (found.weights == found.iteration - iterations[-1]).all()
        assert found.evaluations == found.iteration
        iterations.append(found.iteration)
    assert iterations[-1] > 1


def test_another_problem_is_refused_with_what_differs(tmp_path):
    path = tmp_path / "run"
    Checkpoints(path, {"c1": 1.0, "labels": ("a", "b"), "old": 1}).save(record(3))
    assert Checkpoints(path, {"c1": 1.0, "labels": ["a", "b"], "old": 1}).load().iteration == 3
    message = (
        "is of another problem: c1 is 1.0 there and 0.5 here, "
        r"labels is \['a', 'b'\] there and \['a', 'c'\] here, "
        "new is given only here, old is given only there; train with what it was made with"
    )
    with pytest.raises(ValueError, match=message):
        Checkpoints(path, {"c1": 0.5, "labels": ["a", "c"], "new": 0}).load()


def test_files_that_are_no_checkpoints(tmp_path):
    path = tmp_path / "run"
    assert Checkpoints(path, {}).load() is None
    path.write_text("weights")
    with pytest.raises(FormatError, match="expected a training checkpoint file"):
        Checkpoints(path, {}).load()
    write_arrays(path, "linear-chain CRF", {}, {})
    with pytest.raises(FormatError, match="holds a linear-chain CRF"):
        Checkpoints(path, {}).load()
    write_arrays(path, "training checkpoint", {"problem": {}}, {"weights": np.zeros(1)})
    with pytest.raises(FormatError, match="not a usable training checkpoint: 'iteration'"):
        Checkpoints(path, {}).load()
    with pytest.raises(FileNotFoundError, match="can't keep checkpoints in"):
        Checkpoints(tmp_path / "no" / "run", {})
    with pytest.raises(ValueError, match="every_seconds is -1"):
        Checkpoints(path, {}, every_seconds=-1)


def test_a_checkpoint_that_cannot_be_written_does_not_end_training(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    kept = Checkpoints(folder / "run", {}, every_seconds=0)
    folder.rmdir()
    with pytest.warns(RuntimeWarning, match=r"no checkpoint was written after iteration 4: .*gone"):
        kept(record(4))
    with pytest.raises(FileNotFoundError, match="gone"):
        kept.save(record(4))
    folder.mkdir()
    kept(record(5))
    assert kept.load().iteration == 5


def test_a_problem_that_is_not_json_is_refused_at_once(tmp_path):
    with pytest.raises(
        TypeError, match=r"can't be written as JSON .*ndarray.*; give plain numbers"
    ):
        Checkpoints(tmp_path / "run", {"counts": np.zeros(2)})


def test_state_of_the_trainer_is_kept(tmp_path):
    mean, done = np.array([1.0, 2.0]), np.int64(5)
    kept = Checkpoints(tmp_path / "run", {}, state=lambda: {"mean": mean, "passes": done})
    kept.save(record(1))
    state = Checkpoints(tmp_path / "run", {}).load().state
    assert state["mean"].tolist() == [1.0, 2.0]
    assert int(state["passes"]) == 5


def test_time_between_checkpoints_and_removal(tmp_path, monkeypatch):
    now = itertools.count(100.0, 4.0)
    monkeypatch.setattr("gibbsfactor.learning.checkpoints.time.monotonic", lambda: next(now))
    kept = Checkpoints(tmp_path / "run", {}, every_seconds=10.0)
    seen = []
    for i in range(1, 9):  # every call looks at the clock once, and once more when it writes
        kept(record(i))
        seen.append(kept.load().iteration if (tmp_path / "run").exists() else 0)
        kept._resumed = None
    assert seen == [0, 0, 3, 3, 3, 6, 6, 6]
    kept.remove()
    kept.remove()
    assert kept.load() is None


def test_fingerprints_tell_parts_apart():
    given = [("ab", "c"), ("a", "bc"), (b"abc",), ("abc",), (np.zeros(2),), (np.zeros((2, 1)),)]
    given += [(np.zeros(2, dtype=np.float32),), (np.array([0.0, -0.0]),), ()]
    assert len({fingerprint(*parts) for parts in given}) == len(given)
    assert json.dumps(fingerprint("a"))


# ---- held-out data --------------------------------------------------------------------


@pytest.mark.parametrize("higher", [True, False])
def test_best_weights_are_kept_and_patience_runs_out(higher):
    scores = [0.1, 0.5, 0.4, 0.5, 0.7, 0.6, 0.7, 0.65, 0.9]
    sign = 1 if higher else -1
    best = BestOnDev(lambda w: sign * scores[int(w[0])], 3, higher_is_better=higher)
    assert best.weights is None
    weights = np.zeros(1)  # one buffer, changed in place
    for i in range(7):
        weights[0] = i
        passed = best(Progress(i + 1, 0.0, 0.0, 0.0, i + 1, weights))
        assert passed.held_out == sign * scores[i]
    weights[0] = 7
    with pytest.raises(StopIteration) as stopped:
        best(Progress(8, 0.0, 0.0, 0.0, 8, weights))
    assert (best.iteration, best.value, best.weights.tolist()) == (5, sign * 0.7, [4.0])
    assert best.history == [(i + 1, sign * s) for i, s in enumerate(scores[:8])]
    assert best.stopped
    assert stopped.value.value.held_out == sign * 0.65


def test_measured_every_so_often_and_small_gains_do_not_count():
    best = BestOnDev(lambda w: float(w[0]), 2, every=3, least_gain=1.0)
    for i in range(1, 9):
        best(record(i, [0.1 * i]))
    with pytest.raises(StopIteration):
        best(record(9, [0.9]))
    assert [i for i, _ in best.history] == [3, 6, 9]
    assert best.value == pytest.approx(0.3)


def test_early_stopping_ends_the_minimisation():
    target = minimize(logistic(), np.zeros(40)).weights / 2
    best = BestOnDev(
        lambda w: float(np.linalg.norm(w - target)), patience=4, higher_is_better=False
    )
    seen = []
    minimum = minimize(logistic(), np.zeros(40), progress=in_turn(best, seen.append))
    assert "stopped by the progress callable" in minimum.message
    assert minimum.iterations == best.iteration + 4 == seen[-1].iteration
    assert seen[-1].held_out == best.history[-1][1]
    assert best.value == np.linalg.norm(best.weights - target) == min(v for _, v in best.history)


def test_scores_and_arguments_are_checked():
    with pytest.raises(ValueError, match="held-out score is NaN after iteration 2"):
        BestOnDev(lambda w: math.nan)(record(2))
    with pytest.raises(ValueError, match="patience is 0; it must be at least 1"):
        BestOnDev(len, 0)
    with pytest.raises(ValueError, match="every is 0"):
        BestOnDev(len, every=0)
    with pytest.raises(ValueError, match="least_gain is inf"):
        BestOnDev(len, least_gain=math.inf)


# ---- settling, and the time left ------------------------------------------------------


def test_forecast_of_gains_that_shrink_geometrically():
    settling = Settling(1e-6, 1)
    loss, gain = 100.0, 1.0
    left = []
    for _ in range(100):
        left.append(settling.iterations_left())
        if settling.add(loss):
            break
        loss, gain = loss - gain, 0.8 * gain
    assert all(math.isnan(n) for n in left[:11])
    assert len(left) < 90
    for k, n in enumerate(left[11:], 11):  # the share is nearly geometric, so nearly exact
        assert n == pytest.approx(len(left) - k - 1, abs=1.5)


def test_no_forecast_where_gains_do_not_shrink():
    steady, growing, none = Settling(1e-6), Settling(1e-6), Settling(0.0)
    for k in range(30):
        steady.add(100 * 0.9**k)
        growing.add(100 - 1.2**k / 10)
        none.add(100 + 0.5**k)
    assert not steady.iterations_left() < 1e6
    assert math.isnan(growing.iterations_left())
    assert math.isnan(none.iterations_left())


def test_time_left_is_told_on_the_way():
    records = []
    minimum = minimize(
        logistic(columns=80), np.zeros(80), loss_tolerance=1e-12, period=2, progress=records.append
    )
    at_most = [r.seconds_at_most / r.seconds * r.iteration for r in records]
    np.testing.assert_allclose(at_most, [1000 - r.iteration for r in records])
    later = records[len(records) * 2 // 3]
    forecast = later.seconds_left / later.seconds * later.iteration
    truth = minimum.iterations - later.iteration
    assert 0.3 * truth < forecast < 3 * truth


def test_the_line_says_what_is_known():
    full = Progress(12, 345.678, 0.0123, 10.0, 15, held_out=0.93612, seconds_left=42.0)
    assert progress_line(full, tokens=200_000, held_out="F1") == (
        "loss 345.678, gradient 0.012, F1 0.9361, 300 k tokens/s, 10.0 s, about 42 s left"
    )
    stochastic = Progress(1, 2.0, math.nan, 0.0, 1, seconds_at_most=7300.0)
    assert progress_line(stochastic, tokens=5) == "loss 2, 0.0 s, at most 2 h left"
    assert progress_line(Progress(1, 2.0, 0.5, 3.0, 1)) == "loss 2, gradient 0.5, 3.0 s"


def test_the_bar_shows_the_score_that_the_watcher_before_it_measured(capsys):
    with progress_bar("always", "CRF", tokens=1000, held_out="dev loss") as show:
        watch = in_turn(BestOnDev(lambda w: 0.25, 1), show)
        watch(record(1))
        with pytest.raises(StopIteration):
            watch(record(2))
    err = capsys.readouterr().err
    assert "CRF: 2 iterations" in re.sub(" +", " ", err)
    assert "dev loss 0.2500, 500 tokens/s, 4.0 s" in err
