"""The report: conlleval's and seqeval's figures to the last digit, and its tables."""

from __future__ import annotations

import json
import pickle
import random
import sys
from time import perf_counter

import conlleval
import numpy as np
import pytest

from gibbsfactor import read_conll
from gibbsfactor.evaluation import evaluate_labels, report

LETTERS = {"IOB1": "BI", "IOB2": "BI", "IOE1": "IE", "IOE2": "IE"}
LETTERS |= {"IOBES": "BIES", "BILOU": "BILU"}


def random_labellings(letters, *, n=200, seed=1, types=("NP", "VP", "A-B", "PP"), noise=0.2):
    """Sequences of labels put together at random, broken chunks among them, and a noisy copy."""
    rng = random.Random(seed)
    labels = ["O", *(f"{letter}-{kind}" for letter in letters for kind in types)]
    truth = [rng.choices(labels, k=rng.randint(1, 30)) for _ in range(n)]
    return truth, noisy(truth, labels, rng, noise)


def noisy(truth, labels, rng, noise):
    return [
        [rng.choice(labels) if rng.random() < noise else label for label in sequence]
        for sequence in truth
    ]


@pytest.fixture(scope="module")
def conll2000(shared_data):
    """The test set's labels, and the same with 6 in 100 replaced, I-LST and all."""
    truth = read_conll(shared_data / "conll2000" / "test.txt.gz").labels()
    labels = sorted({label for sentence in truth for label in sentence})
    return truth, noisy(truth, labels, random.Random(2), 0.06)


# ---- conlleval -------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("letters", ["BI", "IE", "BIE", "BIES", "BILU", "BI[]", "BIE[].SX"])
def test_random_sequences_give_conllevals_text(letters, noise):
    truth, predicted = random_labellings(letters, noise=noise)
    found = report(truth, predicted, mode="conlleval")
    assert str(found) == conlleval.output(truth, predicted)
    if set(letters) <= set("BIE"):
        assert str(report(truth, predicted)) == str(found)
        assert (found.mode, found.scheme, found.unit) == ("conlleval", None, "chunks")


def test_conll2000_gives_conllevals_text(conll2000):
    truth, predicted = conll2000
    found = report(truth, predicted)
    assert str(found) == conlleval.output(truth, predicted)
    assert str(report(truth, truth)) == conlleval.output(truth, truth)
    assert (found.n_tokens, found.n_sequences, found.micro.support) == (47_377, 2_012, 23_852)


def test_conlleval_counts_a_bracket_within_a_chunk_as_a_chunk_but_not_as_right():
    """It starts the second chunk, yet only one end is seen: of two found, one is correct."""
    labels = [["B-NP", "]-NP", "O"]]
    found = report(labels, labels, mode="conlleval")
    assert (found.micro.support, found.micro.predicted, found.micro.correct) == (2, 2, 1)
    assert str(found) == conlleval.output(labels, labels)


@pytest.mark.parametrize("labels", ["I-VP .-VP", "X-NP .-NP", "I-VP .-VP B-NP", "X", "B-NP .-VP"])
def test_odd_labels_at_the_end_are_counted_as_conlleval_counts_them(labels):
    """A dot ends no chunk and is none: what is right up to the last line still counts."""
    truth = [["B-NP", "O"], labels.split()]
    assert str(report(truth, truth, mode="conlleval")) == conlleval.output(truth, truth)


def test_accuracy_inside_has_its_line():
    found = report([["B-NP", "I-NP", "O", "O"]], [["B-NP", "O", "O", "B-NP"]])
    assert found.accuracy_inside == 0.5
    assert found.conlleval(non_o=True).splitlines()[1:3] == [
        "accuracy:  50.00%; (non-O)",
        "accuracy:  50.00%; precision:   0.00%; recall:   0.00%; FB1:   0.00",
    ]
    outside = report([["O", "O"]], [["O", "B-NP"]])
    assert outside.accuracy_inside is None
    assert "accuracy:   0.00%; (non-O)" in outside.conlleval(non_o=True)


# ---- seqeval ---------------------------------------------------------------------------


def check_against_seqeval(truth, predicted, digits=(2, 4, 15), **options):
    metrics = pytest.importorskip("seqeval.metrics", reason="seqeval is not installed")
    found = report(truth, predicted, **options)
    theirs = {"zero_division": 0}
    if options["mode"] == "strict":
        scheme = getattr(pytest.importorskip("seqeval.scheme"), options["scheme"])
        theirs |= {"mode": "strict", "scheme": scheme}
    expected = metrics.classification_report(truth, predicted, output_dict=True, **theirs)
    rows = dict(found.entities)
    rows |= {f"{name} avg": getattr(found, name) for name in ("micro", "macro", "weighted")}
    names = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}
    ours = {
        name: {their: getattr(score, our) for our, their in names.items()}
        for name, score in rows.items()
    }
    assert ours == expected  # to the last bit
    for shown in digits:
        text = metrics.classification_report(truth, predicted, digits=shown, **theirs)
        assert found.classification_report(shown) == text
    assert found.accuracy == metrics.accuracy_score(truth, predicted)
    return found


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("letters", ["BI", "IE", "BIE", "BIES"])
def test_random_sequences_give_seqevals_figures(letters, noise):
    truth, predicted = random_labellings(letters, noise=noise)
    check_against_seqeval(truth, predicted, mode="lenient")


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("scheme", LETTERS)
def test_random_sequences_give_seqevals_strict_figures(scheme, noise):
    truth, predicted = random_labellings(LETTERS[scheme], noise=noise)
    found = check_against_seqeval(truth, predicted, mode="strict", scheme=scheme)
    assert (found.mode, found.scheme) == ("strict", scheme)


def test_conll2000_gives_seqevals_figures(conll2000):
    lenient = check_against_seqeval(*conll2000, digits=(15,), mode="lenient")
    strict = check_against_seqeval(*conll2000, digits=(), mode="strict", scheme="IOB2")
    assert strict.micro.predicted < lenient.micro.predicted  # I- without B- counts no more
    assert report(*conll2000, mode="strict").scheme == "IOB2"


def test_a_type_that_is_only_guessed_or_only_true_scores_zero_as_in_seqeval():
    check_against_seqeval([["B-NP", "O"]], [["O", "B-VP"]], mode="lenient")
    check_against_seqeval([["O", "O"]], [["O", "B-VP"]], mode="strict", scheme="IOB2")


def test_iobes_and_bilou_count_single_tokens_by_default():
    truth, predicted = random_labellings("BIES")
    found = check_against_seqeval(truth, predicted, mode="lenient")
    assert report(truth, predicted) == found
    letters = str.maketrans("ES", "LU")
    other = [
        [[label[0].translate(letters) + label[1:] for label in s] for s in labelling]
        for labelling in (truth, predicted)
    ]
    bilou = report(*other)
    assert (bilou.mode, bilou.scheme) == ("lenient", "BILOU")
    assert (bilou.entities, bilou.micro) == (found.entities, found.micro)


def test_evaluating_conll2000_is_quick(conll2000):
    def seconds():
        began = perf_counter()
        report(*conll2000)
        return perf_counter() - began

    assert min(seconds() for _ in range(3)) < 0.2


# ---- its tables ------------------------------------------------------------------------


def test_labels_and_averages_by_hand():
    """Labels of no scheme: 3 of 4 tokens right, and 1 of 2 sequences."""
    found = report([["N", "V", "N"], ["D"]], [["N", "N", "N"], ["D"]])
    assert (found.unit, found.mode, found.scheme) == ("labels", None, None)
    assert found.entities == {}
    assert (found.accuracy, found.sequence_accuracy) == (0.75, 0.5)
    noun = found.labels["N"]
    assert (noun.precision, noun.recall, noun.f1) == (2 / 3, 1.0, 0.8)
    assert (noun.support, noun.predicted, noun.correct) == (2, 3, 2)
    assert list(found.labels) == ["D", "N", "V"]
    assert found.macro.f1 == pytest.approx((1 + 0.8 + 0) / 3)
    assert found.weighted.f1 == pytest.approx((1 + 2 * 0.8 + 0) / 4)
    assert found.micro.f1 == 0.75
    assert str(found) == found.classification_report()
    assert "   macro avg       0.56      0.67      0.60         4" in str(found)
    with pytest.raises(ValueError, match="conlleval's text is of chunks, but the labels are of no"):
        found.conlleval()


def test_labels_are_counted_beside_entities():
    truth, predicted = random_labellings("BI")
    found = report(truth, predicted)
    assert sum(score.support for score in found.labels.values()) == found.n_tokens
    right = sum(score.correct for score in found.labels.values())
    assert right / found.n_tokens == found.accuracy
    short = evaluate_labels(truth, predicted)
    assert (short.f1, short.n_correct) == (found.micro.f1, found.micro.correct)


def test_a_report_is_json(tmp_path):
    truth, predicted = random_labellings("BI", n=20)
    found = report(truth, predicted)
    said = json.loads(json.dumps(found.to_dict()))
    assert said["entities"]["NP"]["f1"] == found.entities["NP"].f1
    assert said["labels"]["B-NP"]["support"] == found.labels["B-NP"].support
    assert said["micro"] == vars(found.micro)
    assert (said["mode"], said["n_tokens"]) == ("conlleval", found.n_tokens)
    said = json.loads(json.dumps(report([[1, "1"]], [[1, 1]]).to_dict()))
    assert set(said["labels"]) == {"1", "'1'"}


def test_a_report_is_a_value():
    truth, predicted = random_labellings("BI", n=20)
    found = report(truth, predicted)
    assert pickle.loads(pickle.dumps(found)) == found == report(truth, predicted)
    assert found != report(truth, truth)
    with pytest.raises(AttributeError):
        found.accuracy = 1.0
    assert repr(report([["B-NP", "O"]], [["B-NP", "O"]])) == (
        "Report(2 tokens, chunks: accuracy 1.0000, micro F1 1.0000)"
    )


def test_data_frames():
    pytest.importorskip("pandas")
    truth, predicted = random_labellings("BI")
    found = report(truth, predicted)
    frame = found.to_frame()
    averages = ["micro avg", "macro avg", "weighted avg"]
    assert list(frame.index) == [*found.entities, *averages]
    assert frame.loc["NP", "f1"] == found.entities["NP"].f1
    assert frame.loc["macro avg", "recall"] == found.macro.recall
    labels = found.to_frame("labels")
    assert list(labels.index) == list(found.labels)
    assert labels["support"].sum() == found.n_tokens
    with pytest.raises(ValueError, match="table is 'types'; it must be 'entities' or 'labels'"):
        found.to_frame("types")


def test_without_pandas_a_frame_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas, which is not installed; pip install pandas"):
        report([["N"]], [["N"]]).to_frame("labels")


def test_html_escapes_and_shows_both_tables():
    html = report([["B-<NP>", "O"]], [["B-<NP>", "O"]])._repr_html_()
    assert "&lt;NP&gt;" in html
    assert "<NP>" not in html
    assert html.count("<table>") == 2
    assert report([["N"]], [["N"]])._repr_html_().count("<table>") == 1


# ---- labels of any kind, and what is refused ---------------------------------------------


@pytest.mark.parametrize(
    "labels", [(0, 1, 2), (True, False), (("a", 1), ("b", 2)), ("x", 1, ("y",)), (1.5, 2.5)]
)
def test_labels_that_are_no_strings_are_scored_by_label(labels):
    truth = [list(labels), [labels[0]]]
    found = report(truth, [list(labels), [labels[1]]])
    assert found.unit == "labels"
    assert set(found.labels) == set(labels)
    assert found.labels[labels[0]].recall == 0.5


def test_numpys_labels_are_pythons():
    found = report([np.array(["B-NP", "I-NP"])], [[np.str_("B-NP"), "O"]])
    assert list(found.labels) == ["B-NP", "I-NP", "O"]
    assert all(type(label) is str for label in found.labels)
    assert report([np.array([1, 2])], [[1, np.int64(1)]]).accuracy == 0.5


def test_what_does_not_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="sequence 1 of predicted, position 0: the label is None;"):
        report([["a"], ["b"]], [["a"], [None]])
    with pytest.raises(ValueError, match="sequence 0 of truth, position 1: the label is nan;"):
        report([[1.0, float("nan")]], [[1.0, 2.0]])
    with pytest.raises(TypeError, match="sequence 0 of truth is str; expected a list of labels"):
        report(["BIO"], [["B", "I", "O"]])
    with pytest.raises(TypeError, match="predicted is NoneType; expected a list of sequences of"):
        report([["a"]], None)
    with pytest.raises(TypeError, match="the label 1 is int; chunks are read from strings"):
        report([[1]], [[1]], mode="conlleval")
    with pytest.raises(ValueError, match="the label 'B-X' is none of the scheme IOE2, whose"):
        report([["E-X"]], [["B-X"]], scheme="IOE2")
    with pytest.raises(ValueError, match=r"can't tell .* prefixes are 'I', 'O'; give scheme="):
        report([["I-X", "O"]], [["B-X", "O"]], mode="strict")
