"""`gibbsfactor crf convert`: held against python-crfsuite."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli_crf import TEXT, columns, fill, stdin, train

from gibbsfactor import LinearChainCRF
from gibbsfactor.cli import main
from gibbsfactor.io import read_crfsuite

pycrfsuite = pytest.importorskip("pycrfsuite")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = fill(tmp_path, monkeypatch)
    trainer = pycrfsuite.Trainer(verbose=False)
    text = read_crfsuite("train.crfsuite")
    for dicts, labels in zip(text.tokens.dicts(), text.labels, strict=True):
        trainer.append(pycrfsuite.ItemSequence(dicts), labels)
    trainer.train("old.crfsuite")
    return path


def convert(*arguments):
    assert main(["crf", "convert", *arguments]) == 0


def opened(path):
    tagger = pycrfsuite.Tagger()
    tagger.open(path)
    return tagger


# ---- data -----------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["chunking", "part-of-speech", "template"])
def test_columns_become_features(folder, template):
    """A model of the features is a model of the columns."""
    convert("train.txt", "features.txt.gz", "--template", template)
    text = read_crfsuite("features.txt.gz")
    assert text.labels == columns(TEXT).labels()
    assert main(train("--quiet", template=template)) == 0
    more = ["--quiet", "--format", "crfsuite"]
    assert main(train(*more, data="features.txt.gz", template=None, model="other.crf")) == 0
    ours, other = LinearChainCRF.load("model.crf"), LinearChainCRF.load("other.crf")
    assert set(ours.attributes_) == set(other.attributes_)
    assert other.loss_ == pytest.approx(ours.loss_, rel=1e-9)


def test_attributes_that_are_spelt_the_same_become_one(folder):
    Path("same.txt").write_text("a/b c X\na b/c Y\n")
    Path("joined").write_text("U:%x[0,0]/%x[0,1]\n")
    convert("same.txt", "same.crfsuite", "--template", "joined")
    assert read_crfsuite("same.crfsuite").tokens.dicts() == [[{"U:a/b/c": 1.0}] * 2]


def test_columns_from_standard_input(folder, monkeypatch):
    convert("train.txt", "one", "--template", "chunking")
    stdin(monkeypatch, TEXT.encode())
    convert("-", "two", "--template", "chunking")
    assert Path("one").read_bytes() == Path("two").read_bytes()


# ---- models ---------------------------------------------------------------------------


def test_text_is_that_of_crfsuite(folder, capsys):
    opened("old.crfsuite").dump("dumped.txt")
    convert("old.crfsuite", "-", "--to", "text")
    assert capsys.readouterr().out == Path("dumped.txt").read_text()
    convert("old.crfsuite", "written.txt", "--to", "text")
    assert Path("written.txt").read_bytes() == Path("dumped.txt").read_bytes()


def test_models_of_crfsuite_become_ours(folder, capsys):
    convert("old.crfsuite", "new.crf")
    crf, text, tagger = (
        LinearChainCRF.load("new.crf"),
        read_crfsuite("train.crfsuite"),
        opened("old.crfsuite"),
    )
    expected = [tagger.tag(pycrfsuite.ItemSequence(dicts)) for dicts in text.tokens.dicts()]
    assert crf.predict(text.tokens) == expected
    printed = tagger.info().state_features
    assert crf.state_features_ == pytest.approx(printed, abs=1e-6)
    for model in ("old.crfsuite", "new.crf"):
        assert main(["crf", "tag", model, "train.crfsuite"]) == 0
        assert columns(capsys.readouterr().out).labels() == expected
        assert main(["crf", "inspect", model, "train.crfsuite", "--explain", "0:0"]) == 0
        assert capsys.readouterr().out.startswith("'B-NP', at position 0: ")


def test_training_goes_on_from_a_model_of_crfsuite(folder, capsys):
    begin = ["crf", "train", "train.crfsuite", "--continue", "old.crfsuite", "--model", "new.crf"]
    assert main([*begin, "--quiet"]) == 0
    crf = LinearChainCRF.load("new.crf")
    assert (crf.c2, crf.templates) == (1.0, None)  # the file tells of no c2
    fresh = LinearChainCRF.load("features.crf").set_params(c2=1.0)
    text = read_crfsuite("train.crfsuite")
    fresh.fit(text.tokens, text.labels)
    assert crf.loss_ == pytest.approx(fresh.loss_, rel=1e-3)
    assert crf.n_iter_ < fresh.n_iter_  # it begins near the optimum, which CRFsuite has found


def test_models_of_ours_become_crfsuites(folder, capsys):
    convert("features.crf", "made.crfsuite")
    crf, text = LinearChainCRF.load("features.crf"), read_crfsuite("train.crfsuite")
    tagger = opened("made.crfsuite")
    found = [tagger.tag(pycrfsuite.ItemSequence(dicts)) for dicts in text.tokens.dicts()]
    assert found == crf.predict(text.tokens)
    tagger.dump("dumped.txt")
    convert("features.crf", "-", "--to", "text")
    assert capsys.readouterr().out == Path("dumped.txt").read_text()


def test_what_crfsuite_cannot_hold_is_an_error(folder, capsys):
    assert main(train("--quiet", "--order", "2", model="second.crf")) == 0
    assert main(["crf", "convert", "second.crf", "made.crfsuite"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("gibbsfactor: error: second.crf can't be a model of CRFsuite: ")
    assert "order" in err
    assert err.count("\n") == 1
    assert not Path("made.crfsuite").exists()
