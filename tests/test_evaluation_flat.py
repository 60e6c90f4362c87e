"""Metrics under sklearn-crfsuite's names give what they give there."""

from __future__ import annotations

import random

import pytest
from sklearn.base import BaseEstimator

from gibbsfactor.evaluation import flat


@pytest.fixture(scope="module")
def labellings():
    rng = random.Random(4)
    truth = [rng.choices(["O", "B", "I"], k=k % 5 + 1) for k in range(30)]
    return truth, [[rng.choice("OBI") if rng.random() < 0.3 else t for t in s] for s in truth]


CALLS = [
    ("flat_accuracy_score", (), {}),
    ("flat_precision_score", (), {"average": "macro"}),
    ("flat_recall_score", (), {"average": "micro", "labels": ["B", "I"]}),
    ("flat_f1_score", (), {"average": "weighted", "labels": ["B", "I"]}),
    ("flat_f1_score", (), {"average": None}),
    ("flat_fbeta_score", (0.5,), {"average": "weighted"}),
    ("flat_fbeta_score", (), {"beta": 2.0, "average": "macro"}),
    ("flat_classification_report", (), {}),
    ("flat_classification_report", (["I", "B"],), {"digits": 5}),
    ("flat_classification_report", (), {"labels": ["B"], "output_dict": True}),
    ("sequence_accuracy_score", (), {}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), CALLS)
def test_figures_are_sklearn_crfsuites(labellings, name, arguments, options):
    peer = pytest.importorskip("sklearn_crfsuite.metrics", reason="sklearn-crfsuite is missing")
    found = getattr(flat, name)(*labellings, *arguments, **options)
    expected = getattr(peer, name)(*labellings, *arguments, **options)
    if options.get("average", "") is None:
        found, expected = found.tolist(), expected.tolist()
    assert found == expected


def test_every_name_of_sklearn_crfsuite_is_here():
    peer = pytest.importorskip("sklearn_crfsuite.metrics", reason="sklearn-crfsuite is missing")
    names = {name for name in vars(peer) if name.startswith(("flat_", "sequence_"))}
    scorers = pytest.importorskip("sklearn_crfsuite.scorers")
    names |= {name for name in vars(scorers) if name.endswith("_accuracy")}
    assert names
    assert [name for name in sorted(names) if not hasattr(flat, name)] == []


def test_sequences_of_equal_length_are_compared_whole():
    """The peer compares their tokens and divides by the sequences: 1.5 here."""
    assert flat.sequence_accuracy_score([["a", "b"], ["a", "b"]], [["a", "b"], ["a", "a"]]) == 0.5
    assert flat.sequence_accuracy_score([], []) == 0


class Echo(BaseEstimator):
    """An estimator whose predictions are its input."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X


def test_scorers_score_estimators():
    truth, predicted = [["a", "b"], ["a"]], [["a", "a"], ["a"]]
    assert flat.flat_accuracy(Echo(), predicted, truth) == 2 / 3
    assert flat.sequence_accuracy(Echo(), predicted, truth) == 0.5


def test_sequences_that_do_not_fit_are_refused_before_they_are_flattened():
    with pytest.raises(ValueError, match="sequence 0 has 2 true labels but 1 predicted labels"):
        flat.flat_f1_score([["a", "b"], ["a"]], [["a"], ["a", "b"]], average="macro")
    with pytest.raises(TypeError, match="sequence 0 of y_pred is str; expected a list of labels"):
        flat.flat_accuracy_score([["a", "b"]], ["ab"])
