"""Every mistake on `gibbsfactor crf`'s command line: one line, status 2, and nothing written."""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from test_cli_crf import TEXT, fill, stdin, train

from gibbsfactor import HiddenMarkovModel, LinearChainCRF
from gibbsfactor.cli import main
from gibbsfactor.files import write_arrays


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with data of all sorts, as it should not be."""
    fill(tmp_path, monkeypatch)
    Path("empty").touch()
    Path("blank").write_text("\n \n")
    Path("ragged").write_text("the D B-NP\ndog N\n")
    Path("latin").write_bytes("the D B\ncaf\u00e9 N I\n".encode("latin-1"))
    Path("cut.gz").write_bytes(gzip.compress(TEXT.encode())[:20])
    Path("bad.gz").write_bytes(b"\x1f\x8b" + bytes(30))
    Path("macro").write_text("U0:%y[0,0]\n")
    Path("far").write_text("U0:%x[0,0]\nU1:%x[0,7]\n")
    Path("pairs").write_text("U0:%x[0,0]\nB0:%x[0,1]\n")
    Path("open").write_text(TEXT.replace("dog N I-NP", "dog N ?"))
    Path("odd.txt").write_text(TEXT.replace("the D B-NP", "the D O"))
    Path("colons").write_text("B-NP\tw:1:2\n")
    model = Path("model.crf").read_bytes()
    Path("half.crf").write_bytes(model[: len(model) // 2])
    Path("head.crf").write_bytes(model[:40])
    write_arrays("other.model", "network", {}, {})
    for name, data in models().items():
        Path(name).write_bytes(data)
    return tmp_path


@cache
def models():
    """Models that files of tokens can't be read by, or not as they are."""
    with TemporaryDirectory() as home:
        path = f"{home}/model"

        def made(X, y, **more):
            LinearChainCRF(progress=False, n_threads=1, **more).fit(X, y).save(path)
            return Path(path).read_bytes()

        def twin():
            HiddenMarkovModel().fit([["a", "b"]], [["x", "y"]]).to_crf().save(path)
            return Path(path).read_bytes()

        return {
            "arrays.crf": made([np.eye(2)], [["x", "y"]]),
            "twin.crf": twin(),
            "numbers.crf": made([[["a"], ["b"]]], [[1, 2]]),
        }


TAG = ["crf", "tag", "model.crf"]
EVALUATE = ["crf", "evaluate"]
INSPECT = ["crf", "inspect"]
CONVERT = ["crf", "convert"]
USAGE = {
    "no command": ([], "arguments are required: COMMAND; see gibbsfactor --help"),
    "no crf command": (["crf"], "required: COMMAND; see gibbsfactor crf --help"),
    "unknown command": (["crf", "trian"], r"invalid choice: 'trian' \(choose from .*train"),
    "unknown option": (
        [*TAG, "new.txt", "--speed"],
        "arguments: --speed; see gibbsfactor crf tag --help",
    ),
    "c1 negative": (train("--c1", "-1"), "--c1: is -1; it must be a finite number of at least 0"),
    "c2 a word": (train("--c2", "much"), "--c2: is much; it must be a finite number"),
    "c2 endless": (train("--c2", "inf"), "--c2: is inf; it must be a finite number"),
    "tol": (train("--tol", "nan"), "--tol: is nan; it must be a finite number"),
    "no iterations": (train("--max-iterations", "0"), "is 0; it must be a whole number from 1"),
    "half a thread": (train("--threads", "0.5"), "is 0.5; it must be a whole number from 1"),
    "min-freq": (train("--min-freq", "-1"), "--min-freq: is -1; it must be a whole number from 0"),
    "order": (train("--order", "3"), "--order: invalid choice: 3"),
    "algorithm": (train("--algorithm", "adam"), "invalid choice: 'adam' .*'l2sgd', 'ap'"),
    "label weight": (train("--label-weight", "O"), "is O; it must be LABEL=W"),
    "negative weight": (train("--label-weight", "O=-1"), "is O=-1; it must be LABEL=W"),
    "cost of 0": (train("--mistake-cost", "O=0"), "is O=0; it must be LABEL=C"),
    "known a word": ([*TAG, "train.txt", "--known", "last"], "--known: is last; it must be a whol"),
    "no best": ([*TAG, "new.txt", "--k-best", "0"], "--k-best: is 0; .* a whole number from 1"),
    "place": ([*INSPECT, "model.crf", "new.txt", "--explain", "3"], "must be SENTENCE:POSITION"),
    "no model named": (["crf", "train", "train.txt"], "required: --model"),
}
TOGETHER = {
    "no template": (train(template=None), "columns need --template FILE, --template chunking or"),
    "features, template": (train("--format", "crfsuite"), "has features already; leave --template"),
    "syntax alone": (
        train("--syntax", "wapiti", "--format", "crfsuite", template=None),
        "--syntax says how a file of templates is read; give --template",
    ),
    "syntax of a set": (train("--syntax", "crf++", template="chunking"), "not with chunking; lea"),
    "early stopping": (train("--early-stopping", "3"), "--early-stopping measures .* give --dev"),
    "dev metric": (train("--dev-metric", "loss"), "--dev-metric measures on held-out data"),
    "stdin twice": (train("--dev", "-", data="-"), "standard input can be read only once"),
    "l2sgd and c1": (train("--algorithm", "l2sgd", "--c1", "1"), "c1 is 1, .* no L1 penalty"),
    "continue as": (
        train("--continue", "model.crf", "--format", "crfsuite", template=None, model="o"),
        "--format is crfsuite, but model.crf was trained on conll",
    ),
    "two of many": ([*TAG, "new.txt", "--k-best", "2", "--sample", "2"], "both say .* give one"),
    "proba of k": ([*TAG, "new.txt", "--k-best", "2", "--proba"], "--proba goes with the best lab"),
    "marginals of n": ([*TAG, "new.txt", "--sample", "2", "--marginals"], "not with --sample"),
    "no prediction": ([*EVALUATE, "train.txt"], "give a MODEL and a TEST file; or one file and"),
    "both": ([*EVALUATE, "model.crf", "train.txt", "--predicted", "1"], "without a model, but mod"),
    "rules of none": (
        [*EVALUATE, "train.txt", "--predicted", "2", "--constraints", "IOB2"],
        "--constraints is for a model; with --predicted there is none",
    ),
    "nothing to explain": ([*INSPECT, "model.crf", "--explain", "0:1"], "needs the file"),
    "no question": ([*INSPECT, "model.crf", "new.txt"], "new.txt is given without a question"),
    "two questions": (
        [*INSPECT, "model.crf", "new.txt", "--explain", "0:1", "--attribute", "*"],
        "--explain and --attribute are two questions; ask one",
    ),
    "no such target": (
        [*CONVERT, "model.crf", "o", "--to", "features"],
        "model.crf is a model of gibbsfactor, of which no features can be made; .* --to crfsuite",
    ),
    "template of a model": (
        [*CONVERT, "model.crf", "o", "--template", "chunking"],
        "--template is for columns, but model.crf is a model of gibbsfactor",
    ),
    "columns alone": ([*CONVERT, "train.txt", "o"], "train.txt is no model; .* give --template"),
    "pairs": ([*CONVERT, "train.txt", "o", "--template", "pairs"], "pairs, line 2: CRFsuite has n"),
}
DATA = {
    "all rare": (train("--min-freq", "9"), "no attribute occurs on 9 tokens or more"),
    "no data": (train(data="nowhere.txt"), "nowhere.txt: no such file"),
    "data a folder": (train(data="."), r"^gibbsfactor: error: \.: Is a directory$"),
    "no template file": (train(template="nowhere"), "nowhere: no such file"),
    "empty": (train(data="empty"), "empty: there is no token in it"),
    "ragged": (train(data="ragged"), "ragged, line 2: found 2 columns, expected 3 as on line 1"),
    "not UTF-8": (train(data="latin"), "latin, line 2: byte 0xe9 is not UTF-8"),
    "one column": (train(data="one.txt"), "one.txt: found 1 column, expected at least 2"),
    "gzip cut": (train(data="cut.gz"), "cut.gz: the gzip data is cut short after 20 bytes"),
    "unknown macro": (train(template="macro"), r"macro, line 1: found '%y\[0,0\]', an unknown"),
    "template column": (train(template="far"), r"far, line 2: found %x\[0,7\], .* the data has 2"),
    "no labels": (train("--unknown", "O", data="one.txt"), "found 1 column"),
    "open dev": (train("--dev", "open"), r"open, sentence 0, position 1: the label is '\?'"),
    "no dev": (train("--dev", "nowhere"), "nowhere: no such file"),
    "dev of one": (train("--dev", "one.txt"), "one.txt: found 1 column"),
    "scheme": (train("--constraints", "IOB3"), "there is no label scheme 'IOB3'; there are IOB1"),
    "not of the scheme": (train("--constraints", "IOE2"), "the label 'B-NP' does not follow IOE2"),
    "breaks it": (
        train("--constraints", "IOB2", data="odd.txt"),
        "'I-NP' may not follow 'O' by the constraints",
    ),
    "weight of none": (train("--label-weight", "Z=2"), "names 'Z', which is no label"),
    "columns as text": (
        train("--format", "crfsuite", template=None),
        "train.txt: no token has a feature; expected CRFsuite's text",
    ),
    "colons": (
        train("--format", "crfsuite", data="colons", template=None),
        "colons, line 1: ",
    ),
    "tag nothing": ([*TAG, "nowhere.txt"], "nowhere.txt: no such file"),
    "tag a folder": ([*TAG, "."], r"^gibbsfactor: error: \.: Is a directory$"),
    "tag ragged": ([*TAG, "ragged"], "ragged, line 2: found 2 columns, expected 3 as on line 1"),
    "tag a cut file": ([*TAG, "cut.gz"], "cut.gz: the gzip data is cut short after 20 bytes"),
    "tag a bad file": ([*TAG, "bad.gz"], r"bad.gz: the gzip data is damaged \("),
    "too few columns": ([*TAG, "one.txt"], r"template, line 2: .* the data has 1 \(0 to 0\)"),
    "known nowhere": ([*TAG, "new.txt", "--known", "5"], "--known is 5, but new.txt has 2 columns"),
    "known words": ([*TAG, "new.txt", "--known", "0"], "position 0: column 0 has the label 'the'"),
    "known and ruled out": (
        [*TAG, "odd.txt", "--known", "-1", "--constraints", "IOB2"],
        "odd.txt, sentence 0: no labelling agrees with the labels known and the constraints",
    ),
    "tag by none": ([*TAG, "new.txt", "--constraints", "IOB9"], "there is no label scheme 'IOB9'"),
    "columns for features": (
        ["crf", "tag", "features.crf", "new.txt"],
        "new.txt: no token has a feature",
    ),
    "test one column": ([*EVALUATE, "model.crf", "one.txt"], "found 1 column, expected at"),
    "no such column": (
        [*EVALUATE, "train.txt", "--predicted", "3"],
        "--predicted is 3, but .* 3 c",
    ),
    "first column": (
        [*EVALUATE, "train.txt", "--predicted", "0"],
        "before which there is no truth",
    ),
    "no such truth": (
        [*EVALUATE, "train.txt", "--predicted", "2", "--truth", "-9"],
        "--truth is -9, but train.txt has 3 columns",
    ),
    "score no scheme": ([*EVALUATE, "model.crf", "train.txt", "--scheme", "IOB9"], "IOB9"),
    "no such sentence": (
        [*INSPECT, "model.crf", "new.txt", "--explain", "7:0"],
        "new.txt has 3 sentences, counted from 0; there is no 7",
    ),
    "no such position": (
        [*INSPECT, "model.crf", "new.txt", "--explain", "2:2"],
        "sentence 2 of new.txt has 2 tokens, counted from 0; there is no position 2",
    ),
    "no such label": (
        [*INSPECT, "model.crf", "--label", "Q"],
        "no label 'Q'; it has 'B-NP', 'I-NP'",
    ),
    "no such attribute": (
        [*INSPECT, "model.crf", "--attribute", "U0"],
        "no attribute 'U0' has a weight; .* stands for anything",
    ),
}
MODELS = {
    "no model": (["crf", "tag", "nowhere.crf", "new.txt"], "there is no file nowhere.crf"),
    "half a model": (["crf", "tag", "half.crf", "new.txt"], "half.crf is cut short: .* at"),
    "head of a model": (["crf", "tag", "head.crf", "new.txt"], "cut short: .* byte 40"),
    "foreign model": (["crf", "tag", "train.txt", "new.txt"], "train.txt starts with b'the D B-'"),
    "another kind": (["crf", "tag", "other.model", "new.txt"], "holds a network of format 1; exp"),
    "model a folder": (["crf", "tag", ".", "new.txt"], r"\. is a folder, expected a linear-chain"),
    "of symbols": (["crf", "tag", "twin.crf", "new.txt"], "made out of a hidden Markov model"),
    "of arrays": (
        ["crf", "tag", "arrays.crf", "new.txt"],
        "arrays.crf was trained on arrays in Py",
    ),
    "arrays on": (train("--continue", "arrays.crf", template=None), "trained on arrays in Python"),
    "labels of numbers": (
        train("--continue", "numbers.crf", "--format", "crfsuite", template=None),
        "numbers.crf has the label 1, a int, but labels in files are strings",
    ),
    "numbers in a scheme": (
        ["crf", "tag", "numbers.crf", "train.crfsuite", "--constraints", "IOB2"],
        "the label 1 is a int; a label scheme reads strings",
    ),
    "wrong format": (
        [*TAG, "train.crfsuite", "--format", "crfsuite"],
        "model.crf has templates and reads columns: leave --format out, or give conll",
    ),
    "wrong format too": (
        ["crf", "tag", "features.crf", "train.txt", "--format", "conll"],
        "features.crf was trained on features without templates and reads CRFsuite's text",
    ),
    "numbers to CRFsuite": (
        [*CONVERT, "numbers.crf", "o"],
        "numbers.crf can't be a model of CRFsuite: the label 1 is a int",
    ),
    "evaluate nothing": ([*EVALUATE, "nowhere.crf", "train.txt"], "there is no file nowhere.crf"),
    "inspect nothing": ([*INSPECT, "nowhere.crf"], "there is no file nowhere.crf"),
    "inspect columns": ([*INSPECT, "train.txt"], "expected a linear-chain CRF file"),
    "convert nothing": ([*CONVERT, "nowhere", "o", "--template", "chunking"], "nowhere: no such f"),
    "continue nothing": (train("--continue", "nowhere"), "there is no file nowhere"),
}
TARGETS = {
    "model nowhere": (train(model="no/m"), "can't write no/m: there is no folder no$"),
    "model over data": (train(model="train.txt"), "train.txt would overwrite train.txt; name anot"),
    "model over model": (
        train("--continue", "model.crf", template=None),
        "model.crf would overwrite model.crf; name another file",
    ),
    "checkpoint over model": (train("--checkpoint", "model.crf"), "model.crf would overwrite"),
    "checkpoint nowhere": (train("--checkpoint", "no/c"), "there is no folder no$"),
    "output nowhere": ([*TAG, "new.txt", "--output", "no/t"], "there is no folder no$"),
    "output a folder": ([*TAG, "new.txt", "--output", "."], r"can't write \.: it is a folder"),
    "output over input": ([*TAG, "new.txt", "--output", "./new.txt"], "would overwrite new.txt"),
    "output a dash": ([*TAG, "new.txt", "--output", "-"], "an output is named -; name a file"),
    "report nowhere": (train("--report", "no/r"), "can't write no/r: there is no folder no$"),
    "report over test": (
        [*EVALUATE, "model.crf", "train.txt", "--report", "train.txt"],
        "train.txt would overwrite train.txt",
    ),
    "convert onto itself": ([*CONVERT, "model.crf", "model.crf"], "would overwrite model.crf"),
    "convert to a dash": ([*CONVERT, "model.crf", "-"], "an output is named -; name a file"),
}
MISTAKES = USAGE | TOGETHER | DATA | MODELS | TARGETS


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_one_line_and_status_2(folder, capsys, name):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    arguments, message = MISTAKES[name]
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gibbsfactor: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert re.search(message, err.rstrip("\n")), err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_no_name_is_given_to_two_mistakes():
    assert len(MISTAKES) == sum(map(len, (USAGE, TOGETHER, DATA, MODELS, TARGETS)))


def test_empty_standard_input_is_named(folder, capsys, monkeypatch):
    for command in ([*EVALUATE, "model.crf", "-"], train(data="-", model="o")):
        stdin(monkeypatch, b"")
        assert main(command) == 2
        assert capsys.readouterr().err.startswith("gibbsfactor: error: <stdin>: there is no token")


def test_other_errors_are_not_hidden(folder, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(LinearChainCRF, "predict", broken)
    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        main([*TAG, "new.txt"])
