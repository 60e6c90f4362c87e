"""`gibbsfactor crf evaluate`: conlleval's text, figures as JSON, with and without a model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_cli_crf import TEXT, columns, fill, train

from gibbsfactor.cli import main
from gibbsfactor.evaluation import report

EVALUATE = ["crf", "evaluate", "model.crf"]
WRONG = TEXT.replace("sleeps V O", "sleeps V B-NP")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = fill(tmp_path, monkeypatch)
    Path("test.txt").write_text(WRONG)
    return path


def test_chunks_are_printed_as_conlleval_does(folder, capsys):
    assert main([*EVALUATE, "test.txt"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = report(columns(WRONG).labels(), columns(TEXT).labels())
    assert out == f"{found.conlleval()}\n" + (
        "right: 0.8750 of 8 tokens, 0.8333 of those not O, 0.6667 of 3 sentences throughout\n"
    )


def test_other_labels_are_printed_by_label(folder, capsys):
    text = TEXT.replace("B-NP", "x").replace("I-NP", "y").replace(" O", " z")
    Path("other.txt").write_text(text)
    assert main(train("--quiet", data="other.txt")) == 0
    assert main([*EVALUATE, "other.txt"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"macro avg +1.00 +1.00 +1.00 +8\n", out)
    assert out.endswith("right: 1.0000 of 8 tokens, 1.0000 of 3 sentences throughout\n")


def test_the_report_holds_everything(folder, capsys):
    assert main([*EVALUATE, "test.txt", "--report", "scores.json", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    figures = json.loads(Path("scores.json").read_text())
    found = report(columns(WRONG).labels(), columns(TEXT).labels())
    assert found.to_dict().items() <= figures.items()
    assert [figures[name] for name in ("accuracy", "precision", "recall")] == [0.875, 1.0, 0.75]
    assert figures["f1"] == found.micro.f1
    assert figures["confusion"]["entities"]["counts"] == [[3, 1], [0, 0]]
    labels = figures["confusion"]["labels"]
    assert labels["labels"] == ["B-NP", "I-NP", "O"]
    assert labels["counts"] == [[3, 0, 1], [0, 2, 0], [0, 0, 2]]
    assert list(figures["seconds"]) == ["load", "read", "tag", "score", "total"]
    assert figures["peak_bytes"] > 10 * 2**20


def test_confusion_and_labels(folder, capsys):
    assert main([*EVALUATE, "test.txt", "--confusion", "--by-label"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"O +0.6667 +1.0000 +0.8000 +2 +3 +2\n", out)
    assert re.search(r"\n +NP  \(none\)\nNP +3 +1\n\(none\) +0 +0\n", out)
    assert out.endswith("       1  NP  as  (none)\n")


def test_scheme_and_mode(folder, capsys):
    broken = TEXT.replace("dogs N B-NP", "dogs N I-NP")
    Path("test.txt").write_text(broken)
    truth, predicted = columns(broken).labels(), columns(TEXT).labels()
    seen = set()
    for given in ({}, {"mode": "strict", "scheme": "IOB2"}):
        options = [part for name, value in given.items() for part in (f"--{name}", value)]
        assert main([*EVALUATE, "test.txt", *options]) == 0
        expected = report(truth, predicted, **given)
        assert capsys.readouterr().out.startswith(f"{expected}\n")
        seen.add(expected.micro.support)
    assert seen == {2, 3}  # a chunk that begins with I- is none in strict IOB2


def test_two_columns_without_a_model(folder, capsys):
    assert main([*EVALUATE, "test.txt", "--confusion"]) == 0
    expected = capsys.readouterr().out
    assert main(["crf", "tag", "model.crf", "test.txt", "--output", "tagged.txt"]) == 0
    for more in (["-1"], ["3"], ["3", "--truth", "2"], ["-1", "--truth", "-2"]):
        assert main(["crf", "evaluate", "tagged.txt", "--confusion", "--predicted", *more]) == 0
        assert capsys.readouterr().out == expected


def test_crfsuite_text(folder, capsys):
    assert main(["crf", "evaluate", "features.crf", "train.crfsuite"]) == 0
    assert "accuracy: 100.00%" in capsys.readouterr().out


def test_constraints(folder, capsys):
    """Labels that IOB2 forbids are not given, even where they score best."""
    Path("odd.txt").write_text("dog N I-NP\nbarks V O\n")
    assert main([*EVALUATE, "odd.txt", "--constraints", "IOB2", "--report", "r", "--quiet"]) == 0
    confusion = json.loads(Path("r").read_text())["confusion"]["labels"]
    predicted = {
        label
        for j, label in enumerate(confusion["labels"])
        if any(row[j] for row in confusion["counts"])
    }
    assert "I-NP" not in predicted


@pytest.mark.parametrize(
    ("change", "line", "right"),
    [
        (("barks V O", "barks V B-VP"), "1 token has labels .* as wrong: 'B-VP'", "0.8750"),
        (("V O", "V I-ZZ"), "3 tokens have labels .* as wrong: 'I-ZZ'", "0.6250"),
    ],
)
def test_unseen_labels_count_as_wrong(folder, capsys, change, line, right):
    Path("test.txt").write_text(TEXT.replace(*change))
    assert main([*EVALUATE, "test.txt"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(f"gibbsfactor: warning: {line}\n", err)
    assert f"right: {right} of 8 tokens" in out
