"""Held-out data and checkpoints: the best model is kept, and a killed run goes on."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from crf_data import as_lists, chunks_of, loss_by_hand, sentences_of, train
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from gibbsfactor import LinearChainCRF
from gibbsfactor.errors import FormatError
from gibbsfactor.evaluation import evaluate_labels
from gibbsfactor.features import Columns, Constraints

X, Y = chunks_of(30)
X_DEV, Y_DEV = chunks_of(40, seed=9)


def metric_of(crf, name, constraints=None):
    if name == "loss":
        log_p = crf.log_probability(X_DEV, Y_DEV, constraints=constraints)
        return -float(log_p.sum()) / sum(map(len, Y_DEV))
    predicted = crf.predict(X_DEV, constraints=constraints)
    return float(getattr(evaluate_labels(Y_DEV, predicted), name))


# ---- held-out data --------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["f1", "accuracy", "loss"])
@pytest.mark.parametrize("algorithm", ["lbfgs", "l2sgd", "ap"])
@pytest.mark.parametrize("bound", [False, True])
def test_the_weights_that_did_best_are_kept(metric, algorithm, bound):
    """With hardly a penalty the training data are learnt by heart, and the dev data suffer."""
    options = {"constraints": "IOB2", "boundary_weights": True} if bound else {}
    crf = LinearChainCRF(
        algorithm, c2=0.0 if algorithm != "l2sgd" else 1e-3, dev_metric=metric, tol=0.0,
        max_iterations=25, progress=False, **options,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        crf.fit(X, Y, X_DEV, Y_DEV)
    scores = [record["held_out"] for record in crf.history_]
    assert len(scores) == crf.n_iter_
    best = min(scores) if metric == "loss" else max(scores)
    assert crf.dev_score_ == best
    assert scores[crf.best_iteration_ - 1] == best
    assert scores.index(best) == crf.best_iteration_ - 1  # the first of equals
    assert metric_of(crf, metric) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("algorithm", ["lbfgs", "l2sgd"])
def test_training_stops_when_the_dev_score_no_longer_gains(algorithm):
    given = {"c2": 1e-3, "tol": 0.0, "dev_metric": "loss", "max_iterations": 200}
    crf = LinearChainCRF(algorithm, early_stopping=4, progress=False, **given)
    crf.fit(X, Y, X_DEV, Y_DEV)  # no warning of not having converged: it was asked to stop
    assert crf.n_iter_ == crf.best_iteration_ + 4
    assert crf.n_iter_ < 200
    assert not crf.converged_
    whole = train(X, Y, algorithm=algorithm, **{**given, "tol": 1e-5})
    assert metric_of(crf, "loss") < metric_of(whole, "loss")


def test_dev_data_in_the_forms_of_training_data():
    sentences, labels = sentences_of(20)
    dev, dev_labels = sentences_of(8, seed=1)
    columns = Columns.from_sentences(dev)
    from crf_data import TEMPLATES

    one = LinearChainCRF(templates=TEMPLATES, progress=False).fit(
        Columns.from_sentences(sentences), labels, columns, dev_labels
    )
    other = LinearChainCRF(progress=False).fit(
        as_lists(sentences), labels, (x for x in as_lists(dev)), (iter(y) for y in dev_labels)
    )
    assert one.dev_score_ == pytest.approx(other.dev_score_, abs=0.1)


@pytest.mark.parametrize(
    ("X_dev", "y_dev", "options", "message"),
    [
        (None, None, {"early_stopping": 3}, "early_stopping is 3, but there are no held-out data"),
        (X_DEV, None, {}, "X_dev is given without y_dev; give both"),
        (None, Y_DEV, {}, "y_dev is given without X_dev; give both"),
        (X_DEV, Y_DEV[1:], {}, "there are 40 sequences of tokens but 39 of labels"),
        ([[]], [[]], {}, "X_dev holds no token"),
        ([[["a"]] * 2], [["O", None]], {}, "sequence 0, position 1: the label is None; every"),
        ([[["a"]]], [[{"O", "B-x"}]], {}, "sequence 0, position 0: the label is .*; every token"),
        ([[["a"]]], [["new"]], {"dev_metric": "loss"}, "the dev data hold the label 'new', which"),
        (
            [[["a"]]],
            [["I-x"]],
            {"dev_metric": "loss", "constraints": "IOB2"},
            "in the dev data, sequence 0, position 0: 'I-x' may not begin a sequence",
        ),
    ],
)
def test_dev_data_that_cannot_be_measured_on(X_dev, y_dev, options, message):
    with pytest.raises(ValueError, match=message):
        LinearChainCRF(progress=False, **options).fit(X, Y, X_dev, y_dev)


def test_labels_that_training_lacks_only_count_as_mistakes():
    crf = LinearChainCRF(progress=False, dev_metric="accuracy")
    crf.fit(X, Y, [*X_DEV, [["k=x"]]], [*Y_DEV, ["new"]])
    tokens = sum(map(len, Y_DEV)) + 1
    right = metric_of(crf, "accuracy") * (tokens - 1)
    assert crf.dev_score_ == pytest.approx(right / tokens)


# ---- checkpoints ----------------------------------------------------------------------------


def settings(path, **more):
    return {"checkpoint": str(path), "checkpoint_seconds": 0.0, "progress": False, **more}


class StopError(Exception):
    """As a kill would: training ends there, and the checkpoint stays."""


def cut_after(monkeypatch, iterations):
    """Raise in the iteration after so many have been written."""
    from gibbsfactor.learning.checkpoints import Checkpoints

    save = Checkpoints.save

    def counted(self, progress):
        save(self, progress)
        if progress.iteration == iterations:
            raise StopError

    monkeypatch.setattr(Checkpoints, "save", counted)


@pytest.mark.parametrize(
    ("algorithm", "c1"), [("lbfgs", 0.0), ("lbfgs", 0.2), ("l2sgd", 0.0), ("ap", 0.0)]
)
@pytest.mark.parametrize("stop", [1, 6])
def test_a_run_that_was_cut_goes_on_to_the_same_loss(tmp_path, monkeypatch, algorithm, stop, c1):
    options = {"c1": c1, "c2": 0.1, "tol": 1e-7 if algorithm == "lbfgs" else 0.0}
    options["max_iterations"] = 1000 if algorithm == "lbfgs" else 12
    whole = LinearChainCRF(algorithm, progress=False, **options).fit(X, Y)
    path = tmp_path / "run"
    with monkeypatch.context() as patch:
        cut_after(patch, stop)
        with pytest.raises(StopError):
            LinearChainCRF(algorithm, **settings(path, **options)).fit(X, Y)
    assert path.exists()
    crf = LinearChainCRF(algorithm, **settings(path, **options)).fit(X, Y)
    assert crf.n_iter_ > stop
    if algorithm == "lbfgs":
        assert crf.loss_ == pytest.approx(whole.loss_, rel=1e-5)
    else:  # the very same passes
        assert_array_equal(crf.weights_, whole.weights_)
        assert crf.loss_ == whole.loss_
        assert crf.n_iter_ == whole.n_iter_ == 12
    assert os.listdir(tmp_path) == ["run"]


def test_a_checkpoint_stays_until_the_model_is_saved(tmp_path, monkeypatch):
    from gibbsfactor.models.linear_chain_crf import storage

    path, model = tmp_path / "run", tmp_path / "model"
    crf = LinearChainCRF(**settings(path)).fit(X, Y)
    lost = LinearChainCRF(**settings(path)).fit(X, Y)  # another process goes on from its end
    assert crf.n_iter_ <= lost.n_iter_ <= crf.n_iter_ + 20
    assert lost.loss_ == pytest.approx(crf.loss_, rel=1e-4)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device", "model")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_arrays", full)
        with pytest.raises(OSError, match="No space left on device: 'model'"):
            crf.save(model)
    crf.save(io.BytesIO())  # which may be gone with the process
    assert path.exists()
    crf.save(model)
    assert os.listdir(tmp_path) == ["model"]
    crf.fit(X, Y)
    assert sorted(os.listdir(tmp_path)) == ["model", "run"]
    crf.fit(X[:20], Y[:20])  # gives the last model up, and with it what was kept of it
    crf.save(path)  # in the very place of the checkpoint
    assert LinearChainCRF.load(path).loss_ == crf.loss_


CHANGES = {
    "c2": {"c2": 0.2},
    "algorithm": {"algorithm": "ap"},
    "order": {"order": 2},
    "labels": {"y": [*Y[:-1], ["O"] * len(Y[-1])]},
    "sequences": {"X": X[1:], "y": Y[1:]},
    "values": {"X": [[dict.fromkeys(token, 2.0) for token in x] for x in X]},
    "sample_weight": {"sample_weight": [2.0] + [1.0] * 29},
    "constraints": {"constraints": "IOB2"},
    "label_weights": {"label_weights": {"O": 2.0}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_checkpoint_of_another_problem_is_refused(tmp_path, monkeypatch, change):
    path, changed = tmp_path / "run", dict(CHANGES[change])
    as_dicts = [[dict.fromkeys(token, 1.0) for token in x] for x in X]
    with monkeypatch.context() as patch:
        cut_after(patch, 2)
        with pytest.raises(StopError):
            LinearChainCRF(**settings(path, c2=0.1)).fit(as_dicts, Y)
    data = {key: changed.pop(key) for key in ("X", "y", "sample_weight") if key in changed}
    kept = path.read_bytes()
    with pytest.raises(ValueError, match=r"checkpoint .*run is of another problem: .*; train with"):
        LinearChainCRF(**settings(path, **{"c2": 0.1, **changed})).fit(
            **{"X": as_dicts, "y": Y, **data}
        )
    assert path.read_bytes() == kept


def test_what_is_no_checkpoint_is_named(tmp_path):
    (tmp_path / "run").write_bytes(b"something else")
    with pytest.raises(FormatError, match="run"):
        LinearChainCRF(**settings(tmp_path / "run")).fit(X, Y)
    with pytest.raises(FileNotFoundError, match="can't keep checkpoints in"):
        LinearChainCRF(**settings(tmp_path / "nowhere" / "run")).fit(X, Y)


def test_an_interrupted_run_leaves_its_checkpoint(tmp_path, monkeypatch):
    from gibbsfactor.learning.chain.loss import ChainLoss

    evaluate, calls = ChainLoss.__call__, []

    def interrupted(self, weights):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return evaluate(self, weights)

    with monkeypatch.context() as patch:
        patch.setattr(ChainLoss, "__call__", interrupted)
        with pytest.warns(RuntimeWarning, match="interrupted"):
            LinearChainCRF(**settings(tmp_path / "run")).fit(X, Y)
    assert os.listdir(tmp_path) == ["run"]
    crf = LinearChainCRF(**settings(tmp_path / "run")).fit(X, Y)
    assert crf.loss_ == pytest.approx(train(X, Y).loss_, rel=1e-4)
    crf.save(tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]


ENDLESS = """
import sys, warnings
sys.path.insert(0, {tests!r})
from crf_data import chunks_of
from gibbsfactor import LinearChainCRF
from gibbsfactor.learning import recorder, stopping
recorder.Recorder.verdict = lambda self, norm: ""  # never at its end
stopping.Settling.add = lambda self, loss: False
warnings.simplefilter("ignore")
X, y = chunks_of(30)
options = dict(c2=0.1, checkpoint={path!r}, checkpoint_seconds=0.0, max_iterations=10**6)
LinearChainCRF({algorithm!r}, progress=False, **options).fit(X, y).save({path!r} + ".model")
"""


def send_to_endless_training(path, number, algorithm="lbfgs"):
    """Send a signal to a process in training, once its checkpoint is there; its exit status."""
    tests = str(Path(__file__).parent)
    code = ENDLESS.format(tests=tests, path=str(path), algorithm=algorithm)
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.05)
    process.send_signal(number)
    return process.wait(60)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_process_goes_on_to_the_same_loss(tmp_path):
    path = tmp_path / "run"
    assert send_to_endless_training(path, signal.SIGKILL) != 0
    assert [name for name in os.listdir(tmp_path) if not name.startswith((".", "run."))] == ["run"]
    crf = LinearChainCRF(**settings(path, c2=0.1, tol=1e-7, max_iterations=10**6)).fit(X, Y)
    assert crf.loss_ == pytest.approx(train(X, Y, c2=0.1, tol=1e-7).loss_, rel=1e-5)
    assert crf.loss_ == pytest.approx(loss_by_hand(crf, X, Y), rel=1e-10)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("algorithm", ["lbfgs", "l2sgd", "ap"])
def test_a_process_stopped_by_ctrl_c_has_a_model(tmp_path, algorithm):
    path = tmp_path / "run"
    assert send_to_endless_training(path, signal.SIGINT, algorithm) == 0
    crf, whole = LinearChainCRF.load(f"{path}.model"), train(X, Y, c2=0.1)
    assert crf.interrupted_
    assert crf.n_iter_ >= 1
    assert crf.score(X, Y) > whole.score(X, Y) - 0.1
    if algorithm == "lbfgs":
        assert crf.loss_ == pytest.approx(loss_by_hand(crf, X, Y), rel=1e-10)


def test_dev_data_and_checkpoints_together(tmp_path, monkeypatch):
    """The resumed run keeps the best of its own iterations."""
    constraints = Constraints.of_scheme(["B-x", "B-y", "I-x", "I-y", "O"], "IOB2")
    options = {"c2": 0.1, "constraints": constraints, "dev_metric": "loss"}
    with monkeypatch.context() as patch:
        cut_after(patch, 3)
        with pytest.raises(StopError):
            LinearChainCRF(**settings(tmp_path / "run", **options)).fit(X, Y, X_DEV, Y_DEV)
    crf = LinearChainCRF(**settings(tmp_path / "run", **options)).fit(X, Y, X_DEV, Y_DEV)
    assert_allclose(metric_of(crf, "loss"), crf.dev_score_, rtol=1e-12)
