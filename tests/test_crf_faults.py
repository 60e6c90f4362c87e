"""The faults of other sequence labellers that the design lists, each with what happens here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import pytest
from crf_data import as_dicts, as_lists, chunks_of, sentences_of, train
from sklearn.exceptions import NotFittedError

from gibbsfactor import LinearChainCRF
from gibbsfactor.errors import FormatError
from gibbsfactor.exact.chain import ChainScores, Packing, forward_backward, viterbi
from gibbsfactor.features import Constraints

SENTENCES, LABELS = sentences_of(30)
X = as_lists(SENTENCES)


@pytest.mark.parametrize("algorithm", ["lbfgs", "l2sgd", "ap"])
def test_x_and_y_of_different_lengths_are_not_silently_cut(algorithm):
    crf = LinearChainCRF(algorithm, progress=False)
    with pytest.raises(ValueError, match="there are 30 sequences of tokens but 29 of labels"):
        crf.fit(X, LABELS[:-1])
    with pytest.raises(ValueError, match="there are 29 sequences of tokens but 30 of labels"):
        crf.fit((x for x in X[:-1]), LABELS)
    n = len(LABELS[3])
    short = [*LABELS[:3], LABELS[3][:-1], *LABELS[4:]]
    with pytest.raises(ValueError, match=f"sequence 3 has {n} tokens but {n - 1} labels"):
        crf.fit(X, short)
    with pytest.raises(ValueError, match=f"sequence 3 has {n} tokens but {n - 1} labels"):
        crf.fit(X, LABELS, X, short)
    crf.fit(X, LABELS)
    for ask in (crf.score, crf.log_probability, lambda X, y: crf.predict(X, known=y)):
        with pytest.raises(ValueError, match=f"sequence 3 has {n} tokens but {n - 1} labels"):
            ask(X, short)


def test_predict_before_fit_says_so(tmp_path):
    crf = LinearChainCRF()
    questions = [
        crf.predict,
        crf.predict_proba,
        crf.predict_marginals,
        crf.log_partition,
        crf.sample,
        crf.confidence,
        lambda X: crf.k_best(X, 2),
        lambda X: crf.log_probability(X, LABELS),
        lambda X: crf.score(X, LABELS),
        lambda X: crf.predict_single(X[0]),
        lambda X: crf.predict_marginals_single(X[0]),
        lambda X: crf.gibbs(X[0]),
        lambda X: crf.explain(X[0], 0),
        lambda X: crf.top_features(),
        lambda X: crf.save(tmp_path / "model"),
    ]
    for question in questions:
        with pytest.raises(NotFittedError, match=r"LinearChainCRF is not fitted yet; call fit"):
            question(X)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_nan_feature_is_an_error_and_not_an_empty_model(value):
    crf = LinearChainCRF(progress=False)
    bad = [[dict(token) for token in x] for x in as_dicts(SENTENCES)]
    bad[2][0]["Uw=a"] = value
    with pytest.raises(ValueError, match=f"sequence 2, position 0: .*'Uw=a' is {value}"):
        crf.fit(bad, LABELS)
    rows = np.ones((3, 2))
    rows[1, 1] = value
    with pytest.raises(ValueError, match=f"token 1 has {value}"):
        crf.fit(rows, ["a", "b", "a"], lengths=[3])
    assert not hasattr(crf, "weights_")
    crf.fit(as_dicts(SENTENCES), LABELS)
    with pytest.raises(ValueError, match=f"sequence 2, position 0: .*'Uw=a' is {value}"):
        crf.predict(bad)


def test_integer_labels_are_labels():
    number = {"B": 7, "I": -1, "O": 0}
    numbers = [[number[label] for label in labels] for labels in LABELS]
    crf, named = train(X, numbers), train(X, LABELS)
    assert crf.classes_ == [-1, 0, 7]
    assert crf.predict(X) == [[number[label] for label in row] for row in named.predict(X)]
    assert all(type(label) is int for row in crf.predict(X) for label in row)
    assert crf.log_probability(X, numbers) == pytest.approx(named.log_probability(X, LABELS), 1e-6)


def test_no_temporary_files_are_left(tmp_path, monkeypatch):
    """Neither by training, nor by saving, nor by a checkpoint, nor by failures of these."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path / "own")
    crf = train(checkpoint="run", checkpoint_seconds=0.0)
    crf.save("model")
    LinearChainCRF.load("model").predict(X)
    with pytest.raises(TypeError, match="can't be written"):
        train([[["a"], ["b"]]], [[(1,), (2,)]]).save("other")
    (tmp_path / "own" / "broken").write_bytes(b"?")
    with pytest.raises(FormatError):
        LinearChainCRF.load("broken")
    assert sorted(os.listdir()) == ["broken", "model"]  # the checkpoint went when it was saved
    assert os.listdir(tmp_path / "temporary") == []


def test_there_are_sample_weights():
    heavy = train(X, LABELS, c2=0.1)
    sure = [50.0 if n == 4 else 1.0 for n in range(30)]
    crf = LinearChainCRF(c2=0.1, progress=False).fit(X, LABELS, sample_weight=sure)
    one = X[4:5], LABELS[4:5]
    assert crf.log_probability(*one)[0] > heavy.log_probability(*one)[0]
    assert crf.predict(one[0]) == one[1]


def test_there_is_a_warm_start():
    crf = train(X, LABELS, warm_start=True, c2=0.1, tol=1e-7)
    cold = crf.n_iter_
    more = sentences_of(33)
    crf.fit(as_lists(more[0]), more[1])
    fresh = train(as_lists(more[0]), more[1], c2=0.1, tol=1e-7)
    assert crf.n_iter_ < fresh.n_iter_
    assert crf.loss_ == pytest.approx(fresh.loss_, rel=1e-4)
    assert cold > 10


def test_there_are_k_best_labellings():
    crf = train()
    for labels, best in zip(crf.predict(X[:5]), crf.k_best(X[:5], 4), strict=True):
        shares = [p for _, p in best]
        assert best[0][0] == labels
        assert shares == sorted(shares, reverse=True)
        assert len({tuple(y) for y, _ in best}) == len(best)
        assert sum(shares) <= 1 + 1e-12


def test_there_are_constraints():
    chunks, labels = chunks_of(30)
    rule = Constraints.of_scheme(["B-x", "B-y", "I-x", "I-y", "O"], "IOB2")
    crf = train(chunks, labels, c2=300.0)  # hardly anything learnt
    broken = [rule.check(row) is not None for row in crf.predict(chunks, constraints=None)]
    kept = [rule.check(row) is not None for row in crf.predict(chunks, constraints="IOB2")]
    assert not any(kept)
    drawn = [rule.check(y) for own in crf.sample(chunks, 5) for y in own]
    assert any(violation is not None for violation in drawn) or any(broken)


def test_training_and_tagging_let_other_threads_run():
    """The sweeps and trainers are compiled code without Python's lock: a thread counts on."""
    rng = np.random.default_rng(0)
    n = 400_000
    scores = ChainScores(
        Packing.of([n]),
        rng.normal(size=(n, 20)),
        rng.normal(size=(1, 20, 20)),
        np.zeros(n, np.int32),
    )
    forward_backward(scores)  # compiled, or read from disk, by now
    viterbi(scores)
    for question in (forward_backward, viterbi):
        counted, stop = [0], threading.Event()

        def count(counted=counted, stop=stop):
            while not stop.is_set():
                counted[0] += 1
                time.sleep(0.001)

        other = threading.Thread(target=count)
        other.start()
        began = time.perf_counter()
        question(scores)
        lasted = time.perf_counter() - began
        seen = counted[0]
        stop.set()
        other.join()
        assert lasted > 0.02
        assert seen > 3


def test_several_threads_may_ask_one_model():
    crf = train()
    expected, found = crf.predict_proba(X), []

    def ask():
        found.append(crf.predict_proba(X))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for answer in found:
        for one, other in zip(answer, expected, strict=True):
            assert np.array_equal(one, other)


def test_underflow_on_long_sequences_is_no_zero_and_no_nan():
    crf = train(c2=1e-3)
    long = [X[0] * 20_000]
    log_z = crf.log_partition(long)
    assert np.isfinite(log_z).all()
    (shares,) = crf.predict_proba(long)
    assert np.isfinite(shares).all()
    assert np.abs(shares.sum(axis=1) - 1).max() < 1e-9
    known = [None] * len(long[0])
    known[len(known) // 2] = "O"
    assert np.isfinite(crf.log_partition(long, known=[known])).all()
    assert crf.predict(long, known=[known])[0][len(known) // 2] == "O"


def test_a_model_is_read_and_asked_in_a_fresh_process(tmp_path):
    """Nothing about it hangs on the process that trained it."""
    crf = train()
    crf.save(tmp_path / "model")
    code = (
        "import sys, json; from gibbsfactor import LinearChainCRF;"
        "crf = LinearChainCRF.load(sys.argv[1]);"
        "print(json.dumps(crf.predict(json.loads(sys.argv[2]))))"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "model"), json.dumps(X[:3])],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == crf.predict(X[:3])
