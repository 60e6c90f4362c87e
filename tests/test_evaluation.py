"""Scores: chunks as conlleval counts them, other labels as scikit-learn does."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from gibbsfactor.evaluation import chunks, evaluate_labels, follows_iob

# ---- the oracle: conlleval's own loop over the lines of a file --------------------------------


@dataclass
class Counts:
    correct_chunk: int = 0
    found_correct: int = 0
    found_guessed: int = 0
    correct_tags: int = 0
    tokens: int = 0


def parted(label):
    """Everything before the first hyphen, and everything after it."""
    tag, hyphen, kind = label.partition("-")
    return (tag, kind) if hyphen else (label, "")


def end_of_chunk(prev_tag, tag, prev_type, kind):
    if prev_tag == "B" and tag in ("B", "O"):
        return True
    if prev_tag == "I" and tag in ("B", "O"):
        return True
    if prev_tag == "E" and tag in ("E", "I", "O"):
        return True
    return prev_tag != "O" and prev_type != kind


def start_of_chunk(prev_tag, tag, prev_type, kind):
    if tag == "B" and prev_tag in ("B", "I", "O"):
        return True
    if tag == "I" and prev_tag in ("O", "E"):
        return True
    if tag == "E" and prev_tag in ("E", "O"):
        return True
    return tag != "O" and prev_type != kind


def conlleval(truth, predicted):
    """One pass over the lines of both columns, with a boundary line (O, O) after each sentence."""
    counts = Counts()
    in_correct = False
    last_correct = last_guessed = "O"
    last_correct_type = last_guessed_type = ""
    lines = []
    for true, guess in zip(truth, predicted, strict=True):
        lines += [(t, g, False) for t, g in zip(true, guess, strict=True)]
        lines.append(("O", "O", True))
    for true, guess, boundary in lines:
        correct, correct_type = parted(true)
        guessed, guessed_type = parted(guess)
        correct_ends = end_of_chunk(last_correct, correct, last_correct_type, correct_type)
        guessed_ends = end_of_chunk(last_guessed, guessed, last_guessed_type, guessed_type)
        if in_correct:
            if correct_ends and guessed_ends and last_guessed_type == last_correct_type:
                in_correct = False
                counts.correct_chunk += 1
            elif correct_ends != guessed_ends or guessed_type != correct_type:
                in_correct = False
        correct_starts = start_of_chunk(last_correct, correct, last_correct_type, correct_type)
        guessed_starts = start_of_chunk(last_guessed, guessed, last_guessed_type, guessed_type)
        if correct_starts and guessed_starts and guessed_type == correct_type:
            in_correct = True
        counts.found_correct += correct_starts
        counts.found_guessed += guessed_starts
        if not boundary:
            counts.correct_tags += (correct, correct_type) == (guessed, guessed_type)
            counts.tokens += 1
        last_correct, last_correct_type = correct, correct_type
        last_guessed, last_guessed_type = guessed, guessed_type
    if in_correct:
        counts.correct_chunk += 1
    return counts


def check_against_conlleval(truth, predicted):
    counts = conlleval(truth, predicted)
    scores = evaluate_labels(truth, predicted)
    assert scores.unit == "chunks"
    assert scores.n_tokens == counts.tokens
    assert (scores.n_true, scores.n_predicted) == (counts.found_correct, counts.found_guessed)
    assert scores.n_correct == counts.correct_chunk
    precision = counts.correct_chunk / counts.found_guessed if counts.found_guessed else 0.0
    recall = counts.correct_chunk / counts.found_correct if counts.found_correct else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert scores.accuracy == pytest.approx(counts.correct_tags / counts.tokens, rel=1e-15)
    assert (scores.precision, scores.recall) == (precision, recall)
    assert scores.f1 == pytest.approx(f1, rel=1e-15)


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
    ],
)
def test_chunks_by_hand(labels, expected):
    assert chunks(labels.split()) == expected


def test_scores_by_hand():
    """Truth has 3 chunks, 2 are guessed, 1 is right; 4 of 6 tokens agree."""
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


def test_which_labels_follow_iob():
    assert all(map(follows_iob, ["O", "B-NP", "I-a-b", "E-X", "B", "O-X"]))
    assert not any(map(follows_iob, ["S-NP", "NP", "BNP", "", "-B", "b-NP", 1, None, ("B",)]))


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


def test_one_label_outside_iob_turns_to_labels():
    assert evaluate_labels([["B-X", "O"]], [["B-X", "U-X"]]).unit == "labels"
    assert evaluate_labels([["U-X", "O"]], [["B-X", "O"]]).unit == "labels"


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
