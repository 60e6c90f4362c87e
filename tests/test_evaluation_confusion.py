"""Confusion matrices: of labels against scikit-learn's, of chunks by their sums."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn import metrics

from gibbsfactor.evaluation import (
    ConfusionMatrix,
    confusion_matrix,
    entity_confusion_matrix,
    report,
)


def labellings(letters="BI", n=60):
    rng = random.Random(3)
    labels = ["O", *(f"{letter}-{kind}" for letter in letters for kind in ("NP", "VP", "PP"))]
    truth = [rng.choices(labels, k=rng.randint(1, 20)) for _ in range(n)]
    return truth, [[rng.choice(labels) if rng.random() < 0.3 else t for t in s] for s in truth]


def test_labels_are_counted_as_scikit_learn_counts_them():
    truth, predicted = labellings()
    flat = [[label for s in labelling for label in s] for labelling in (truth, predicted)]
    found = confusion_matrix(truth, predicted)
    np.testing.assert_array_equal(found.counts, metrics.confusion_matrix(*flat))
    assert list(found.labels) == sorted({*flat[0], *flat[1]})
    some = ["I-VP", "O", "X"]
    np.testing.assert_array_equal(
        confusion_matrix(truth, predicted, labels=some).counts,
        metrics.confusion_matrix(*flat, labels=some),
    )


def test_shares_are_recall_and_precision():
    truth, predicted = labellings()
    scores = report(truth, predicted).labels.values()
    found = confusion_matrix(truth, predicted)
    recalls, precisions = ([getattr(s, name) for s in scores] for name in ("recall", "precision"))
    np.testing.assert_allclose(found.shares().diagonal(), recalls, rtol=1e-15)
    np.testing.assert_allclose(found.shares("predicted").diagonal(), precisions, rtol=1e-15)
    np.testing.assert_allclose(found.shares().sum(1), 1, rtol=1e-12)
    assert confusion_matrix([["a"]], [["b"]]).shares().tolist() == [[0, 1], [0, 0]]
    with pytest.raises(ValueError, match="of is 'rows'; it must be 'truth' or 'predicted'"):
        found.shares("rows")


@pytest.mark.parametrize(
    ("letters", "options"),
    [
        ("BI", {}),
        ("IE", {"mode": "lenient"}),
        ("BIES", {}),
        ("BILU", {"mode": "strict"}),
        ("BI", {"mode": "strict", "scheme": "IOB1"}),
    ],
)
def test_chunks_add_up_to_the_report(letters, options):
    truth, predicted = labellings(letters)
    scores = report(truth, predicted, **options).entities
    found = entity_confusion_matrix(truth, predicted, **options)
    assert found.labels == (*scores, "(none)")
    counts = found.counts
    assert counts.sum(1)[:-1].tolist() == [s.support for s in scores.values()]
    assert counts.sum(0)[:-1].tolist() == [s.predicted for s in scores.values()]
    assert counts.diagonal()[:-1].tolist() == [s.correct for s in scores.values()]
    assert counts[-1, -1] == 0
    assert counts[:-1, -1].any()  # missed
    assert counts[-1, :-1].any()  # spurious


def test_chunks_by_hand():
    """Right NP; VP taken for PP; a PP missed; an NP too long, so missed and spurious."""
    truth = [["B-NP", "I-NP", "B-VP", "B-PP"], ["B-NP", "O"]]
    predicted = [["B-NP", "I-NP", "B-PP", "O"], ["B-NP", "I-NP"]]
    found = entity_confusion_matrix(truth, predicted)
    assert found.labels == ("NP", "PP", "VP", "(none)")
    assert found.counts.tolist() == [[1, 0, 0, 1], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]
    nothing = entity_confusion_matrix([["O"]], [["O"]])
    assert (nothing.labels, nothing.counts.tolist()) == (("(none)",), [[0]])


def test_most_confused_are_the_largest_off_the_diagonal():
    found = ConfusionMatrix(np.array([[9, 2, 0], [5, 8, 1], [0, 0, 7]]), ("a", "b", "c"))
    assert found.most_confused() == [("b", "a", 5), ("a", "b", 2), ("b", "c", 1)]
    assert found.most_confused(1) == [("b", "a", 5)]
    assert found.most_confused(0) == []


def test_how_it_looks():
    found = confusion_matrix([["<N>", "V", "<N>"]], [["<N>", "<N>", "<N>"]])
    assert str(found) == "     <N>  V\n<N>    2  0\nV      1  0"
    assert repr(found) == "ConfusionMatrix(2 labels, 2 of 3 on the diagonal)"
    html = found._repr_html_()
    assert "&lt;N&gt;" in html
    assert "<N>" not in html
    pytest.importorskip("pandas")
    frame = found.to_frame()
    assert frame.loc["V", "<N>"] == 1
    assert (frame.index.name, frame.columns.name) == ("true", "predicted")


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"counts have shape \(2, 3\) but there are 2 labels; exp"):
        ConfusionMatrix(np.zeros((2, 3), int), ("a", "b"))
    with pytest.raises(ValueError, match="labels are 'a', 'a'; each may be given only once"):
        confusion_matrix([["a"]], [["a"]], labels=["a", "a"])
    with pytest.raises(ValueError, match="'N', 'V' are of no chunk scheme; use confusion_matrix"):
        entity_confusion_matrix([["N"]], [["V"]])
    with pytest.raises(ValueError, match="sequence 0 has 1 true labels but 2 predicted labels"):
        confusion_matrix([["a"]], [["a", "b"]])
    with pytest.raises(ValueError, match="read-only"):
        confusion_matrix([["a"]], [["a"]]).counts[0, 0] = 1
