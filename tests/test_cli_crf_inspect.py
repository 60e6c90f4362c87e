"""`gibbsfactor crf inspect`: sizes, weights, and why a token got its label."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_cli_crf import TEXT, WORDS, columns, fill, train

from gibbsfactor import LinearChainCRF
from gibbsfactor.cli import crf_blocks, main
from gibbsfactor.io import read_crfsuite

INSPECT = ["crf", "inspect", "model.crf"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return fill(tmp_path, monkeypatch)


@pytest.fixture
def crf(folder):
    return LinearChainCRF.load("model.crf")


def inspected(capsys, *arguments, model="model.crf"):
    assert main(["crf", "inspect", model, *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out) if "--json" in arguments else out


def test_overview(folder, crf, capsys):
    found = inspected(capsys, "--json", "--top", "2")
    assert (found["labels"], found["attributes"]) == (crf.classes_, len(crf.attributes_))
    assert found["state_features"] == len(crf.state_features_)
    assert found["transition_features"] == len(crf.transition_features_) == 3
    assert found["bytes"] == Path("model.crf").stat().st_size
    assert (found["algorithm"], found["c2"], found["loss"]) == ("lbfgs", 0.1, crf.loss_)
    pairs = {(pair["from"], pair["to"]): pair["weight"] for pair in found["transitions"]}
    assert pairs == crf.transition_features_
    assert [pair["weight"] for pair in found["transitions"]] == sorted(pairs.values(), reverse=True)
    top = {label: list(map(tuple, rows)) for label, rows in found["top_features"].items()}
    assert top == crf.top_features(2)


def test_overview_as_text(folder, crf, capsys):
    text = inspected(capsys, "--label", "B-NP", "--top", "1")
    (best, weight), *_ = crf.top_features(1)["B-NP"]
    assert "labels                3: B-NP I-NP O\n" in text
    assert f"{weight:.4f}  {best}\n" in text
    assert "feature of B-NP" in text
    assert "feature of O" not in text
    assert f"{crf.transition_features_['B-NP', 'I-NP']:.4f}  B-NP -> I-NP\n" in text
    assert "I-NP -> O" not in text


def test_attributes(folder, crf, capsys):
    found = inspected(capsys, "--attribute", "U1:*", "--json")
    expected = {k: w for k, w in crf.state_features_.items() if k[0].startswith("U1:")}
    assert {(row["attribute"], row["label"]): row["weight"] for row in found} == expected
    sizes = [abs(row["weight"]) for row in found]
    assert sizes == sorted(sizes, reverse=True)
    only = inspected(capsys, "--attribute", "U1:*", "--label", "O", "--json")
    assert only == [row for row in found if row["label"] == "O"] != []
    text = inspected(capsys, "--attribute", "U0:the")
    assert f"{crf.state_features_['U0:the', 'B-NP']:.4f}  B-NP   U0:the\n" in text


def test_attributes_of_pairs(folder, capsys):
    Path("template").write_text("U0:%x[0,0]\nB\nB1:%x[0,1]\n")
    assert main(train("--quiet")) == 0
    crf = LinearChainCRF.load("model.crf")
    found = inspected(capsys, "--attribute", "B1:V", "--json")
    got = {(row["attribute"], row["label"]): row["weight"] for row in found}
    expected = {
        (name, f"{a} -> {b}"): weight
        for (name, a, b), weight in crf.conditioned_features_.items()
        if name == "B1:V"
    }
    assert got == expected != {}


@pytest.mark.parametrize("block", [20, 2**20])
def test_explain(folder, crf, capsys, monkeypatch, block):
    monkeypatch.setattr(crf_blocks, "BLOCK", block)
    found = inspected(capsys, "new.txt", "--explain", "1:1", "--json")
    expected = crf.explain(columns(WORDS).sentences()[1], 1)
    assert (found["token"], found["label"]) == ("cat", "I-NP")
    assert [found["sentence"], found["position"]] == [1, 1]
    np.testing.assert_allclose(list(found["marginals"].values()), expected.marginals)
    got = {name: list(row.values()) for name, row in found["contributions"].items()}
    assert got == {name: values.tolist() for name, values in expected.contributions}
    text = inspected(capsys, "new.txt", "--explain", "1:1")
    assert text.startswith("'cat', at position 1: I-NP\nprobability  I-NP 0.")
    name, weight = expected.of("I-NP")[0]
    assert f"{weight:+.4f}  {name}\n" in text
    text = inspected(capsys, "new.txt", "--explain", "1:1", "--label", "O", "--label", "B-NP")
    assert expected.of("O")
    for name, weight in expected.of("O"):
        assert f"{weight:+.4f}  {name}\n" in text
    assert expected.of("B-NP") or "what speaks for B-NP, or against it: nothing\n" in text


def test_explain_derived_columns(folder, capsys):
    assert main(train("--quiet", template="part-of-speech")) == 0
    assert "U31:x" in inspected(capsys, "train.txt", "--explain", "0:1", "--label", "I-NP")


def test_explain_features(folder, capsys):
    crf = LinearChainCRF.load("features.crf")
    text = read_crfsuite("train.crfsuite")
    assert crf.predict(text.tokens) == columns(TEXT).labels()
    arguments = ["train.crfsuite", "--explain", "2:1", "--json"]
    found = inspected(capsys, *arguments, model="features.crf")
    assert found["label"] == "O"
    scores = {k: w for k, w in crf.state_features_.items() if k[0] == "w=bark"}
    assert found["contributions"]["w=bark"]["O"] == scores["w=bark", "O"]
