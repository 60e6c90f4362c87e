"""Scores in short: chunks as conlleval counts them, other labels as scikit-learn does."""

from __future__ import annotations

import random
from collections import Counter

import conlleval
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from gibbsfactor.evaluation import chunks, evaluate_labels, follows_iob


def check_against_conlleval(truth, predicted):
    counts = conlleval.count(truth, predicted)
    n_true, n_predicted, n_correct = (
        sum(c.values()) for c in (counts.found_correct, counts.found_guessed, counts.correct_chunk)
    )
    scores = evaluate_labels(truth, predicted)
    assert scores.unit == "chunks"
    assert scores.n_tokens == counts.tokens
    assert (scores.n_true, scores.n_predicted) == (n_true, n_predicted)
    assert scores.n_correct == n_correct
    precision = n_correct / n_predicted if n_predicted else 0.0
    recall = n_correct / n_true if n_true else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert scores.accuracy == counts.correct_tags / counts.tokens
    assert (scores.precision, scores.recall, scores.f1) == (precision, recall, f1)


def tagged(prefixes, kinds):
    typed = st.builds("{}-{}".format, st.sampled_from(prefixes), st.sampled_from(kinds))
    return typed | st.just("O")


# few types, so that neighbours often agree; a hyphen within a type; prefixes alone
broken = tagged("BIE", ["NP", "VP", "A-B"]) | st.sampled_from(["B", "I", "E", "O-X"])
schemes = st.sampled_from(
    [tagged("BI", ["NP", "VP"]), tagged("IE", ["NP", "VP"]), tagged("BIE", ["NP", "VP"]), broken]
)
pairs = schemes.flatmap(
    lambda label: st.lists(
        st.lists(st.tuples(label, label), max_size=9), min_size=1, max_size=3
    ).filter(any)
)


@settings(max_examples=300)
@given(pairs, st.booleans())
@example([[("I-NP", "B-NP")], [("I-NP", "I-NP")]], False)  # a chunk ends with its sentence
def test_chunks_are_counted_as_conlleval_counts_them(sentences, close):
    truth = [[t for t, _ in sentence] for sentence in sentences]
    predicted = [[g for _, g in sentence] for sentence in sentences]
    if close:  # mostly right, as predictions are, so that whole chunks agree
        rng = random.Random(str(sentences))
        predicted = [
            [t if rng.random() < 0.8 else g for t, g in zip(true, guess, strict=True)]
            for true, guess in zip(truth, predicted, strict=True)
        ]
    check_against_conlleval(truth, predicted)
    whole = evaluate_labels(truth, truth)
    assert whole.accuracy == 1
    assert whole.n_true == whole.n_predicted == whole.n_correct


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("", []),
        ("O O", []),
        ("B-NP I-NP O B-VP", [(0, 1, "NP"), (3, 3, "VP")]),
        ("B-NP B-NP", [(0, 0, "NP"), (1, 1, "NP")]),  # IOB2: two chunks that touch
        ("I-NP I-NP O I-NP", [(0, 1, "NP"), (3, 3, "NP")]),  # IOB1
        ("I-NP B-NP I-NP", [(0, 0, "NP"), (1, 2, "NP")]),  # IOB1: B only between two
        ("I-NP E-NP I-NP E-NP", [(0, 1, "NP"), (2, 3, "NP")]),  # IOE2
        ("E-NP E-NP", [(0, 0, "NP"), (1, 1, "NP")]),
        ("B-NP I-VP", [(0, 0, "NP"), (1, 1, "VP")]),  # broken: the type changes inside
        ("O I-NP E-NP O", [(1, 2, "NP")]),
        ("E-NP B-NP", [(0, 1, "NP")]),  # conlleval sees no border here
        ("B-A-B I-A-B I-A", [(0, 1, "A-B"), (2, 2, "A")]),
        ("B I O", [(0, 1, "")]),
        ("S-NP S-NP O S-VP", [(0, 0, "NP"), (1, 1, "NP"), (3, 3, "VP")]),  # IOBES
        ("B-NP I-NP E-NP B-NP E-NP S-NP", [(0, 2, "NP"), (3, 4, "NP"), (5, 5, "NP")]),
        ("U-NP U-NP B-NP L-NP I-NP L-NP", [(0, 0, "NP"), (1, 1, "NP"), (2, 3, "NP"), (4, 5, "NP")]),
    ],
)
def test_chunks_by_hand(labels, expected):
    assert chunks(labels.split()) == expected


def test_scores_by_hand():
    """Truth has 3 chunks, 3 are guessed, 1 is right; 4 of 6 tokens agree."""
    truth = [["B-NP", "I-NP", "B-VP", "O"], ["B-NP", "O"]]
    guess = [["B-NP", "I-NP", "I-NP", "O"], ["B-NP", "B-VP"]]
    scores = evaluate_labels(truth, guess)
    assert (scores.n_tokens, scores.n_true, scores.n_predicted, scores.n_correct) == (6, 3, 3, 1)
    assert scores.accuracy == pytest.approx(4 / 6)
    assert (scores.precision, scores.recall) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert scores.f1 == pytest.approx(1 / 3)


def test_no_chunk_at_all_is_zero_and_not_nan():
    scores = evaluate_labels([["O", "O"]], [["O", "O"]])
    assert (scores.accuracy, scores.precision, scores.recall, scores.f1) == (1, 0, 0, 0)
    scores = evaluate_labels([["O"]], [["B-X"]])
    assert (scores.n_true, scores.n_predicted, scores.precision) == (0, 1, 0)


def test_which_labels_follow_a_scheme():
    chunk_labels = ["O", "B-NP", "I-a-b", "E-X", "B", "O-X", "S-NP", "L-X", "U-X", "M-X", "W-X"]
    assert all(map(follows_iob, chunk_labels))
    others = ["S", "U", "L", "M", "NP", "BNP", "", "-B", "b-NP", "SU-X", 1, None, ("B",)]
    assert not any(map(follows_iob, others))


@given(
    st.sampled_from([("x", "y", "z"), (0, 1, 2), (("a",), ("b",), ("a", "b"))]).flatmap(
        lambda labels: st.lists(
            st.tuples(st.sampled_from(labels), st.sampled_from(labels)), min_size=1, max_size=20
        )
    ),
    st.integers(1, 4),
)
def test_other_labels_are_scored_as_scikit_learn_does(tokens, width):
    sentences = [tokens[i : i + width] for i in range(0, len(tokens), width)]
    truth, guess = ([[token[k] for token in sentence] for sentence in sentences] for k in (0, 1))
    scores = evaluate_labels(truth, guess)
    flat = [[str(token[k]) for token in tokens] for k in (0, 1)]
    expected = precision_recall_fscore_support(*flat, average="macro", zero_division=0.0)[:3]
    assert scores.unit == "labels"
    assert (scores.precision, scores.recall, scores.f1) == pytest.approx(expected, rel=1e-12)
    assert scores.accuracy == pytest.approx(accuracy_score(*flat), rel=1e-15)
    assert scores.n_tokens == scores.n_true == scores.n_predicted == len(tokens)
    assert scores.n_correct == Counter(a == b for a, b in tokens)[True]


def test_one_label_outside_any_scheme_turns_to_labels():
    assert evaluate_labels([["B-X", "O"]], [["B-X", "U-X"]]).unit == "chunks"
    assert evaluate_labels([["B-X", "O"]], [["B-X", "X"]]).unit == "labels"
    assert evaluate_labels([["L-X", "O"]], [["M-X", "O"]]).unit == "labels"
    assert evaluate_labels([["S-X", "O"]], [["U-X", "O"]]).unit == "labels"  # of no one scheme
    assert evaluate_labels([["B-X", 1]], [["B-X", 1]]).unit == "labels"


def test_errors_name_the_numbers():
    with pytest.raises(
        ValueError,
        match="there are 2 sequences of true labels but 1 of predicted labels; they must be equal",
    ):
        evaluate_labels([["a"], ["b"]], [["a"]])
    with pytest.raises(
        ValueError, match="sequence 1 has 2 true labels but 1 predicted labels; they must be equal"
    ):
        evaluate_labels([["a"], ["b", "b"]], [["a"], ["b"]])
    for nothing in ([], [[]], [[], []]):
        with pytest.raises(ValueError, match="there is no token to evaluate"):
            evaluate_labels(nothing, nothing)
