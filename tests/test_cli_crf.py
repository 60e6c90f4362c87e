"""`gibbsfactor crf train`: what it writes, how it starts, stops and goes on."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from gibbsfactor import LinearChainCRF, Templates, read_conll
from gibbsfactor.cli import main
from gibbsfactor.features.derived_columns import with_affixes_and_shape
from gibbsfactor.io import write_crfsuite
from gibbsfactor.learning.chain.loss import ChainLoss

SENTENCES = ["the D B\ndog N I\nbarks V O", "a D B\ncat N I\nsleeps V O", "dogs N B\nbark V O"]
TEXT = "\n\n".join(SENTENCES).replace(" B", " B-NP").replace(" I", " I-NP") + "\n"
WORDS = re.sub(r" \S+-NP| O", "", TEXT)
TEMPLATE = "U0:%x[0,0]\nU1:%x[0,1]\nU2:%x[-1,1]/%x[0,1]\nB\n"
TRAINED = ["sentences", "tokens", "labels", "attributes", "features", "loss", "iterations"]


def train(*more, data="train.txt", template="template", model="model.crf"):
    templates = ["--template", template] if template else []
    return ["crf", "train", data, *templates, "--model", model, "--c2", "0.1", *more]


@cache
def trained(*command):
    """The bytes of the model that a command trains on the texts above."""
    home = os.getcwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            write_inputs()
            assert main(list(command)) == 0
            return Path("model.crf").read_bytes()
        finally:
            os.chdir(home)


def write_inputs():
    Path("train.txt").write_text(TEXT)
    Path("new.txt").write_text(WORDS)
    Path("template").write_text(TEMPLATE)
    Path("one.txt").write_text("dogs\nbark\n")
    lists = [[[f"w={word}", f"p={tag}"] for word, tag in words] for words in columns(WORDS)]
    write_crfsuite("train.crfsuite", lists, columns(TEXT).labels())


def columns(text):
    return read_conll(io.StringIO(text))


def fill(path, monkeypatch):
    """Make a folder with data, templates and a model the working folder."""
    monkeypatch.chdir(path)
    write_inputs()
    Path("model.crf").write_bytes(trained(*train("--quiet")))
    features = train("--quiet", "--format", "crfsuite", data="train.crfsuite", template=None)
    Path("features.crf").write_bytes(trained(*features))
    return path


def stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def weights(path):
    crf = LinearChainCRF.load(path)
    return crf.state_features_ | crf.transition_features_


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return fill(tmp_path, monkeypatch)


# ---- what is written ------------------------------------------------------------------


def test_train_writes_a_model_and_a_summary(folder, capsys):
    assert main(train(model="other.crf")) == 0
    out, err = capsys.readouterr()
    rows = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert err == ""
    assert list(rows) == [*TRAINED, "seconds", "model"]
    crf = LinearChainCRF.load("other.crf")
    assert (rows["sentences"], rows["tokens"], rows["model"]) == ("3", "8", "other.crf")
    assert rows["features"] == str(crf.features_.n_weights)
    assert rows["iterations"] == str(crf.n_iter_)
    assert crf.classes_ == ["B-NP", "I-NP", "O"]


def test_quiet_training_prints_nothing(folder, capsys):
    assert main(train("--quiet")) == 0
    assert capsys.readouterr() == ("", "")


def test_progress_in_a_log(folder, capsys):
    assert main(train("--progress", "--dev", "train.txt")) == 0
    err = capsys.readouterr().err
    for figure in ("loss", "gradient", "dev", "tokens/s", "left"):
        assert figure in err.splitlines()[-1]


def test_train_report(folder):
    more = ["--dev", "train.txt", "--label-weight", "O=2", "--constraints", "IOB2"]
    assert main(train("--quiet", "--report", "train.json", *more)) == 0
    report = json.loads(Path("train.json").read_text())
    crf = LinearChainCRF.load("model.crf")
    assert report["loss"] == crf.loss_
    assert report["features"] == crf.features_.n_weights
    assert report["evaluations"] == crf.n_evaluations_ >= report["iterations"] == crf.n_iter_
    assert (report["dev_score"], report["best_iteration"]) == (1.0, crf.best_iteration_)
    assert (report["sentences"], report["tokens"], report["labels"]) == (3, 8, crf.classes_)
    assert (report["label_weights"], report["constraints"]) == ({"O": 2.0}, "IOB2")
    assert report["parameters"]["c2"] == 0.1
    assert len(report["history"]) == crf.n_iter_
    seconds = report["seconds"]
    assert list(seconds) == ["read", "features", "training", "save", "total"]
    assert sum(seconds.values()) - seconds["total"] <= seconds["total"]
    assert 10 * 2**20 < report["peak_bytes"] < 2**40  # numpy alone takes more; kB would be less
    assert not list(folder.glob(".*"))


def test_an_l1_summary_tells_how_many_weights_are_left(folder, capsys):
    assert main(train("--c1", "0.5", "--c2", "0")) == 0
    active = LinearChainCRF.load("model.crf").features_.n_weights
    assert re.search(rf"features +\d+, {active} of them not 0\n", capsys.readouterr().out)


# ---- options --------------------------------------------------------------------------


def test_train_passes_its_options_on(folder):
    given = {
        "--algorithm": "l2sgd",
        "--c2": "3",
        "--order": "2",
        "--constraints": "IOB2",
        "--min-freq": "2",
        "--max-iterations": "5",
        "--tol": "0.01",
        "--threads": "1",
        "--seed": "7",
        "--dev": "train.txt",
        "--early-stopping": "4",
        "--dev-metric": "accuracy",
        "--checkpoint": "kept",
    }
    flags = ["--boundary-weights", "--all-possible-states", "--all-possible-transitions"]
    weighted = ["--label-weight", "B-NP=2", "--label-weight", "O=.5"]
    pairs = [part for pair in given.items() for part in pair]
    assert main(train("--quiet", *pairs, *flags, *weighted)) == 0
    crf = LinearChainCRF.load("model.crf")
    names = "algorithm c2 order constraints min_freq max_iterations tol n_threads random_state"
    found = [getattr(crf, name) for name in names.split()]
    assert found == ["l2sgd", 3.0, 2, "IOB2", 2, 5, 0.01, 1, 7]
    assert (crf.early_stopping, crf.dev_metric, crf.dev_score_ is None) == (4, "accuracy", False)
    assert (crf.boundary_weights, crf.all_possible_states) == (True, True)
    assert crf.all_possible_transitions
    assert crf.label_weights == {"B-NP": 2.0, "O": 0.5}
    assert crf.progress is False


def test_weights_of_labels_and_costs_of_mistakes(folder, capsys):
    assert main(train("--quiet", "--label-weight", "balanced", "--report", "r.json")) == 0
    assert LinearChainCRF.load("model.crf").label_weights == "balanced"
    assert json.loads(Path("r.json").read_text())["label_weights"] == "balanced"
    more = ["--continue", "model.crf", "--model", "other.crf", "--mistake-cost", "O=2"]
    assert main(["crf", "train", "train.txt", "--quiet", *more]) == 0
    crf = LinearChainCRF.load("other.crf")
    assert (crf.label_weights, crf.mistake_costs) == (None, {"O": 2.0})
    for options, message in (
        (
            ["--label-weight", "balanced", "--label-weight", "O=2"],
            "both balanced and L=W; give one",
        ),
        (["--label-weight", "O=2", "--mistake-cost", "O=2"], "are both given; give one of them"),
        (["--label-weight", "O=-1"], "is O=-1; it must be LABEL=W, with a finite number W of at"),
        (["--mistake-cost", "O=0"], "is O=0; it must be LABEL=C, with a finite number C of more"),
        (["--label-weight", "Z=1"], "label_weights names 'Z', which is no label of the training"),
    ):
        assert main(train(*options)) == 2
        assert message in capsys.readouterr().err


def test_without_options_all_is_as_in_python(folder):
    assert main(["crf", "train", "train.txt", "--template", "template", "--model", "m"]) == 0
    made = LinearChainCRF.load("m").get_params()
    expected = LinearChainCRF().get_params() | {"templates": made["templates"], "progress": False}
    assert made == expected


def test_train_with_the_chunking_templates(folder):
    assert main(train("--quiet", template="chunking")) == 0
    assert len(LinearChainCRF.load("model.crf").templates.templates) == 19


def test_part_of_speech_templates_derive_their_columns(folder, capsys):
    assert main(train("--quiet", template="part-of-speech")) == 0
    read = columns(TEXT)
    words = with_affixes_and_shape(read.select([0]))
    crf = LinearChainCRF(c2=0.1, templates=Templates.part_of_speech(), progress=False)
    crf.fit(words, read.labels())
    assert weights("model.crf") == crf.state_features_ | crf.transition_features_
    Path("words.txt").write_text(re.sub(" .*", "", WORDS))
    for path in ("words.txt", "train.txt"):  # further columns don't matter
        assert main(["crf", "tag", "model.crf", path]) == 0
        found = columns(capsys.readouterr().out).labels()
        assert found == crf.predict(words)


def test_wapiti_syntax(folder):
    Path("wapiti").write_text('u:w=%X[0,0]\n*:s=%m[0,0,"..$"]\nb\n')
    assert main(train("--quiet", template="wapiti")) == 0
    told = weights("model.crf")
    assert main(train("--quiet", "--syntax", "wapiti", template="wapiti")) == 0
    assert weights("model.crf") == told
    assert ("u:w=the", "B-NP") in told


def test_crfsuite_text(folder):
    crf = LinearChainCRF.load("features.crf")
    assert crf.templates is None
    assert ("w=the", "B-NP") in crf.state_features_
    text = Path("train.crfsuite").read_text()
    Path("heavy").write_text("@weight:3\n" + text)
    assert main(train("--quiet", "--format", "crfsuite", data="heavy", template=None)) == 0
    assert weights("model.crf") != weights("features.crf")


def test_unknown_labels_are_summed_over(folder, capsys):
    partial = TEXT.replace("dog N I-NP", "dog N ?")
    Path("partial.txt").write_text(partial)
    labels = columns(TEXT).labels()
    labels[0][1] = None
    crf = LinearChainCRF(c2=0.1, templates=Templates.parse(TEMPLATE), progress=False)
    crf.fit(columns(WORDS), labels)
    capsys.readouterr()
    assert main(train("--quiet", data="partial.txt")) == 0
    assert LinearChainCRF.load("model.crf").loss_ == crf.loss_
    n = len(TEXT.split("\n")) - TEXT.count("\n\n") - 1
    assert (
        f"warning: partial.txt: 1 of {n} tokens have the label '?' and are taken as not labelled; "
        "say --unknown '?' if this is right, or give another mark, such as --unknown none, if '?' "
        "is a label" in capsys.readouterr().err
    )
    assert main(train("--quiet", "--unknown", "?", data="partial.txt")) == 0
    assert LinearChainCRF.load("model.crf").loss_ == crf.loss_
    assert capsys.readouterr().err == ""
    assert main(train("--quiet", "--unknown", "-", data="partial.txt")) == 0
    assert "?" in LinearChainCRF.load("model.crf").classes_
    assert capsys.readouterr().err == ""
    known = ["crf", "tag", "model.crf", "partial.txt", "--known", "-1"]
    assert main(known) == 2
    assert (
        "partial.txt: column -1 has '?', which is a label of the model and also stands for a label "
        "not known; say with --unknown which text" in capsys.readouterr().err
    )
    assert main([*known, "--unknown", "-"]) == 0
    assert capsys.readouterr().out == "".join(
        f"{line} {line.split()[-1]}\n" if line else "\n" for line in partial.splitlines()
    )


def test_training_goes_on_from_a_model(folder):
    Path("more.txt").write_text(TEXT.replace("dogs", "cows").replace("O", "B-VP"))
    begin = ["crf", "train", "more.txt", "--continue", "model.crf", "--model", "next.crf"]
    python = LinearChainCRF.load("model.crf")
    python.set_params(warm_start=True, max_iterations=1, progress=False)
    words, labels = columns(WORDS.replace("dogs", "cows")), columns(TEXT.replace("O", "B-VP"))
    with pytest.warns(UserWarning, match="max_iterations=1"):
        python.fit(words, labels.labels())
    assert main([*begin, "--quiet", "--max-iterations", "1"]) == 0
    crf = LinearChainCRF.load("next.crf")
    assert crf.c2 == 0.1  # the model's, as its templates
    assert crf.classes_ == ["B-NP", "I-NP", "O", "B-VP"]
    assert crf.history_[0]["loss"] == python.history_[0]["loss"]


def test_standard_input_and_gzip(folder, monkeypatch):
    expected = weights("model.crf")
    Path("train.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert main(train("--quiet", data="train.txt.gz")) == 0
    assert weights("model.crf") == expected
    for data in (TEXT.encode(), gzip.compress(TEXT.encode())):
        stdin(monkeypatch, data)
        assert main(train("--quiet", data="-", model="piped.crf")) == 0
        assert weights("piped.crf") == expected


# ---- how it ends ----------------------------------------------------------------------


def test_too_few_iterations_warn_in_one_line(folder, capsys):
    assert main(train("--max-iterations", "1", "--quiet")) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"gibbsfactor: warning: training stopped before it converged: .*\n", err)


def test_ctrl_c_while_training_saves_the_best_weights(folder, capsys, monkeypatch):
    calls = interrupt_after(3, monkeypatch)
    assert main(train("--report", "train.json", model="half.crf")) == 130
    assert len(calls) == 4
    err = capsys.readouterr().err.splitlines()
    assert re.fullmatch("gibbsfactor: warning: L-BFGS interrupted in .* are kept", err[0])
    assert err[1:] == ["gibbsfactor: interrupted: the best weights so far are saved in half.crf"]
    crf = LinearChainCRF.load("half.crf")
    assert crf.weights_.any()
    report = json.loads(Path("train.json").read_text())
    assert (report["loss"], report["interrupted"]) == (crf.loss_, True)


def test_ctrl_c_before_there_are_weights_leaves_quietly(folder, capsys, monkeypatch):
    interrupt_after(0, monkeypatch)
    assert main(train(model="none.crf")) == 130
    assert capsys.readouterr() == ("", "gibbsfactor: interrupted: nothing more was written\n")
    assert not Path("none.crf").exists()


def interrupt_after(n, monkeypatch):
    calls, call = [], ChainLoss.__call__

    def interrupted(self, weights):
        calls.append(weights)
        if len(calls) > n:
            raise KeyboardInterrupt
        return call(self, weights)

    monkeypatch.setattr(ChainLoss, "__call__", interrupted)
    return calls


def test_an_interrupted_run_goes_on_from_its_checkpoint(folder, monkeypatch):
    import gibbsfactor.models.linear_chain_crf.estimator as estimator

    whole = LinearChainCRF.load("model.crf")
    every = estimator.Checkpoints
    monkeypatch.setattr(
        estimator, "Checkpoints", lambda path, told, **_: every(path, told, every_seconds=0)
    )
    with monkeypatch.context() as patch:
        interrupt_after(4, patch)
        assert main(train("--quiet", "--checkpoint", "kept", model="half.crf")) == 130
    assert Path("kept").exists()
    assert main(train("--quiet", "--checkpoint", "kept", model="done.crf")) == 0
    assert not Path("kept").exists()
    done = LinearChainCRF.load("done.crf")
    assert done.n_iter_ > len(done.history_) > 0
    np.testing.assert_allclose(done.loss_, whole.loss_, rtol=1e-3)  # tol, over ten iterations


def test_a_checkpoint_stays_where_the_model_could_not_be_written(folder, monkeypatch, capsys):
    import gibbsfactor.models.linear_chain_crf.estimator as estimator
    from gibbsfactor.models.linear_chain_crf import storage

    every = estimator.Checkpoints
    monkeypatch.setattr(
        estimator, "Checkpoints", lambda path, told, **_: every(path, told, every_seconds=0)
    )

    def full(path, *arguments, **options):
        raise OSError(28, "No space left on device", path)

    command = train("--quiet", "--checkpoint", "kept", model="done.crf")
    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_arrays", full)
        assert main(command) == 2
    assert capsys.readouterr().err == (
        "gibbsfactor: the model could not be written; kept keeps the weights: the same command "
        "goes on from there\ngibbsfactor: error: done.crf: No space left on device\n"
    )
    assert Path("kept").exists()
    assert main(command) == 0
    assert not Path("kept").exists()
    assert Path("done.crf").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise on Windows")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_process_and_saves_its_model(folder, number, status):
    lines = [f"w{i % 997} p{i % 31} l{i * i % 23}\n" + "\n" * (i % 9 == 0) for i in range(60_000)]
    Path("long.txt").write_text("".join(lines))
    more = ["--progress", "--tol", "0", "--c2", "1e-9"]
    program = [sys.executable, "-m", "gibbsfactor", *train(*more, data="long.txt", model="sent")]
    with subprocess.Popen(program, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as run:
        seen = b""
        while not re.search(rb"[3-9] iterations", seen):
            part = run.stderr.read1(1000)
            assert part, seen
            seen += part
        run.send_signal(number)
        rest = run.stderr.read()
        assert run.wait() == status
    assert b"the best weights so far are saved in sent" in rest
    assert LinearChainCRF.load("sent").interrupted_
