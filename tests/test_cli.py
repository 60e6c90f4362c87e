"""The command line, run in-process: what it writes, and one line for every mistake."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gibbsfactor
from gibbsfactor import LinearChainCRF
from gibbsfactor.cli import main
from gibbsfactor.learning.chain_loss import ChainLoss

SENTENCES = ["the D B\ndog N I\nbarks V O", "a D B\ncat N I\nsleeps V O", "dogs N B\nbark V O"]
TEXT = "\n\n".join(SENTENCES).replace(" B", " B-NP").replace(" I", " I-NP") + "\n"
TEMPLATE = "U0:%x[0,0]\nU1:%x[0,1]\nU2:%x[-1,1]/%x[0,1]\nB\n"
TRAINED = ["sentences", "tokens", "labels", "attributes", "features", "loss", "iterations"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with data, templates and a model, which is the working folder too."""
    monkeypatch.chdir(tmp_path)
    Path("train.txt").write_text(TEXT)
    Path("new.txt").write_text(re.sub(r" \S+-NP| O", "", TEXT))
    Path("template").write_text(TEMPLATE)
    Path("one.txt").write_text("dogs\nbark\n")
    assert main(train("--quiet")) == 0
    return tmp_path


def train(*more, data="train.txt", template="template", model="model.crf"):
    return ["crf", "train", data, "--template", template, "--model", model, "--c2", "0.1", *more]


def stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# ---- training -------------------------------------------------------------------------


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


def test_train_passes_its_options_on(folder):
    more = ["--min-freq", "2", "--max-iterations", "50", "--threads", "1", "--quiet", "--c2", "3"]
    assert main(train(*more)) == 0
    crf = LinearChainCRF.load("model.crf")
    given = (crf.c2, crf.min_freq, crf.max_iterations, crf.n_threads, crf.progress)
    assert given == (3.0, 2, 50, 1, False)


def test_quiet_training_prints_nothing(folder, capsys):
    assert main(train("--quiet")) == 0
    assert capsys.readouterr() == ("", "")


def test_train_with_the_chunking_templates(folder):
    assert main(train("--quiet", template="chunking")) == 0
    assert len(LinearChainCRF.load("model.crf").templates.templates) == 19


def test_train_report(folder):
    assert main(train("--quiet", "--report", "train.json")) == 0
    report = json.loads(Path("train.json").read_text())
    seconds = report.pop("seconds")
    assert set(report) == {
        *("loss", "gradient_norm", "iterations", "evaluations", "features", "peak_bytes")
    }
    crf = LinearChainCRF.load("model.crf")
    assert report["loss"] == crf.loss_
    assert report["features"] == crf.features_.n_weights
    assert report["evaluations"] == crf.n_evaluations_ >= report["iterations"] == crf.n_iter_
    assert list(seconds) == ["read", "features", "training", "save", "total"]
    assert sum(seconds.values()) - seconds["total"] <= seconds["total"]
    assert 10 * 2**20 < report["peak_bytes"] < 2**40  # numpy alone takes more; kB would be less
    assert not list(folder.glob("*.part"))
    assert not list(folder.glob(".*"))


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
    assert json.loads(Path("train.json").read_text())["loss"] == crf.loss_


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


# ---- tagging --------------------------------------------------------------------------


def test_tag_round_trip(folder, capsys):
    assert main(["crf", "tag", "model.crf", "new.txt"]) == 0
    assert capsys.readouterr() == (TEXT, "")  # so small a training set is learnt by heart
    assert main(["crf", "tag", "model.crf", "new.txt", "--output", "tagged.txt"]) == 0
    assert capsys.readouterr() == ("", "")
    assert Path("tagged.txt").read_bytes() == TEXT.encode()


def test_tag_passes_further_columns_through(folder, capsys):
    assert main(["crf", "tag", "model.crf", "train.txt"]) == 0
    out = capsys.readouterr().out.splitlines()
    expected = [line and f"{line} {line.split()[-1]}" for line in TEXT.splitlines()]
    assert out == expected


def test_tag_keeps_tabs(folder, capsys):
    Path("tabs.txt").write_text("\r\nthe\tD\tx y\r\ndog\tN\t\r\n")
    assert main(["crf", "tag", "model.crf", "tabs.txt"]) == 0
    assert capsys.readouterr().out == "the\tD\tx y\tB-NP\ndog\tN\t\tI-NP\n"


def test_tag_reads_standard_input(folder, capsys, monkeypatch):
    stdin(monkeypatch, "thé D\ndog N\n".encode())
    assert main(["crf", "tag", "model.crf", "-"]) == 0
    assert capsys.readouterr().out == "thé D B-NP\ndog N I-NP\n"


def test_gzip_in_and_out(folder, capsys):
    Path("train.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert main(train("--quiet", data="train.txt.gz", model="zipped.crf")) == 0
    zipped, plain = LinearChainCRF.load("zipped.crf"), LinearChainCRF.load("model.crf")
    assert (zipped.weights_ == plain.weights_).all()
    tag = ["crf", "tag", "zipped.crf", "train.txt.gz", "--output", "tagged.txt.gz"]
    assert main(tag) == 0
    assert main(["crf", "tag", "zipped.crf", "train.txt"]) == 0
    assert gzip.decompress(Path("tagged.txt.gz").read_bytes()).decode() == capsys.readouterr().out


def test_labels_with_spaces_are_set_off_by_tabs(folder, capsys):
    Path("spaced.txt").write_text("the\tD\tnoun phrase\ndog\tN\tnoun phrase\nbarks\tV\tother\n")
    assert main(train("--quiet", data="spaced.txt")) == 0
    assert main(["crf", "tag", "model.crf", "new.txt"]) == 0
    assert "the\tD\tnoun phrase\n" in capsys.readouterr().out


def test_broken_pipe_is_no_error(folder, capsys, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["crf", "tag", "model.crf", "new.txt"]) == 0
    assert capsys.readouterr().err == ""


# ---- scoring --------------------------------------------------------------------------


def test_evaluate_chunks(folder, capsys):
    Path("test.txt").write_text(TEXT.replace("sleeps V O", "sleeps V B-NP"))
    assert main(["crf", "evaluate", "model.crf", "test.txt", "--report", "scores.json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert [line.split(maxsplit=2) for line in out.splitlines()] == [
        ["accuracy", "0.8750", "of 8 tokens"],
        ["precision", "1.0000", "of 3 predicted chunks"],
        ["recall", "0.7500", "of 4 true chunks"],
        ["F1", "0.8571", "harmonic mean"],
    ]
    report = json.loads(Path("scores.json").read_text())
    assert set(report) == {"accuracy", "precision", "recall", "f1", "seconds", "peak_bytes"}
    assert (report["accuracy"], report["recall"]) == (0.875, 0.75)
    assert list(report["seconds"]) == ["load", "read", "tag", "total"]
    assert report["peak_bytes"] > 10 * 2**20


def test_evaluate_other_labels(folder, capsys):
    text = TEXT.replace("B-NP", "x").replace("I-NP", "y").replace(" O", " z")
    Path("other.txt").write_text(text)
    assert main(train("--quiet", data="other.txt")) == 0
    assert main(["crf", "evaluate", "model.crf", "other.txt"]) == 0
    assert "F1          1.0000  mean over labels\n" in capsys.readouterr().out


def test_evaluate_quietly(folder, capsys):
    assert main(["crf", "evaluate", "model.crf", "train.txt", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("change", "line", "accuracy"),
    [
        (("barks V O", "barks V B-VP"), "1 token has labels .* as wrong: 'B-VP'", "0.8750"),
        (("V O", "V I-ZZ"), "3 tokens have labels .* as wrong: 'I-ZZ'", "0.6250"),
    ],
)
def test_unseen_labels_count_as_wrong(folder, capsys, change, line, accuracy):
    Path("test.txt").write_text(TEXT.replace(*change))
    assert main(["crf", "evaluate", "model.crf", "test.txt"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(f"gibbsfactor: warning: {line}\n", err)
    assert f"accuracy    {accuracy}" in out


# ---- mistakes -------------------------------------------------------------------------

TAG = ["crf", "tag", "model.crf"]
MISTAKES = {
    "no command": ([], "arguments are required: COMMAND; see gibbsfactor --help"),
    "no crf command": (["crf"], "required: COMMAND; see gibbsfactor crf --help"),
    "unknown command": (["crf", "trian"], r"invalid choice: 'trian' \(choose from .*train"),
    "unknown option": ([*TAG, "new.txt", "--speed"], "unrecognized arguments: --speed"),
    "no template": (["crf", "train", "train.txt", "--model", "m"], "required: --template"),
    "c1": (train("--c1", "0.5"), r"--c1 is 0.5, but L1 \(c1\) is not available yet; .* --c2"),
    "c2 negative": (train("--c2", "-1"), "--c2: is -1; it must be a finite number of at least 0"),
    "c2 a word": (train("--c2", "much"), "--c2: is much; it must be a finite number"),
    "c2 endless": (train("--c2", "inf"), "--c2: is inf; it must be a finite number"),
    "no iterations": (train("--max-iterations", "0"), "is 0; it must be a whole number from 1"),
    "half a thread": (train("--threads", "0.5"), "is 0.5; it must be a whole number from 1"),
    "min-freq": (train("--min-freq", "-1"), "--min-freq: is -1; it must be a whole number from 0"),
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
    "no model": (["crf", "tag", "nowhere.crf", "new.txt"], "there is no file nowhere.crf"),
    "half a model": (["crf", "tag", "half.crf", "new.txt"], "half.crf is cut short: .* at"),
    "head of a model": (["crf", "tag", "head.crf", "new.txt"], "cut short: .* byte 40"),
    "foreign model": (["crf", "tag", "train.txt", "new.txt"], "train.txt starts with b'the D B-'"),
    "model of dicts": (["crf", "tag", "dicts.crf", "new.txt"], "dicts.crf was trained on features"),
    "model a folder": (["crf", "tag", ".", "new.txt"], r"\. is a folder, expected a linear-chain"),
    "too few columns": ([*TAG, "one.txt"], r"template, line 2: .* the data has 1 \(0 to 0\)"),
    "tag nothing": ([*TAG, "nowhere.txt"], "nowhere.txt: no such file"),
    "test one column": (["crf", "evaluate", "model.crf", "one.txt"], "found 1 column, expected at"),
    "model nowhere": (train(model="no/m"), "can't write no/m: there is no folder no$"),
    "output nowhere": ([*TAG, "new.txt", "--output", "no/t"], "there is no folder no$"),
    "output a folder": ([*TAG, "new.txt", "--output", "."], r"can't write \.: it is a folder"),
    "report nowhere": (train("--report", "no/r"), "can't write no/r: there is no folder no$"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_one_line_and_status_2(folder, capsys, name):
    Path("empty").touch()
    Path("ragged").write_text("the D B-NP\ndog N\n")
    Path("latin").write_bytes("the D B\ncaf\u00e9 N I\n".encode("latin-1"))
    Path("cut.gz").write_bytes(gzip.compress(TEXT.encode())[:20])
    Path("macro").write_text("U0:%y[0,0]\n")
    Path("far").write_text("U0:%x[0,0]\nU1:%x[0,7]\n")
    model = Path("model.crf").read_bytes()
    Path("half.crf").write_bytes(model[: len(model) // 2])
    Path("head.crf").write_bytes(model[:40])
    crf = LinearChainCRF(progress=False, n_threads=1).fit([[{"w": "a"}]], [["x"]])
    crf.save("dicts.crf")
    before = sorted(folder.iterdir())
    arguments, message = MISTAKES[name]
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gibbsfactor: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert re.search(message, err.rstrip("\n")), err
    assert sorted(folder.iterdir()) == before
    assert Path("model.crf").read_bytes() == model


def test_empty_standard_input_is_named(folder, capsys, monkeypatch):
    stdin(monkeypatch, b"")
    assert main([*TAG, "-"]) == 2
    assert capsys.readouterr().err.startswith("gibbsfactor: error: <stdin>: there is no token")


def test_other_errors_are_not_hidden(folder, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(LinearChainCRF, "predict", broken)
    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        main([*TAG, "new.txt"])


# ---- help and entry points ------------------------------------------------------------


@pytest.mark.parametrize("command", [(), ("crf",), ("crf", "train"), ("crf", "tag"), ("demo",)])
def test_help(capsys, command):
    assert main([*command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(" ".join(["usage: gibbsfactor", *command]))
    assert command == ("demo",) or "examples:\n  gibbsfactor " in out


def test_help_loads_nothing_heavy():
    code = "import sys; from gibbsfactor.cli import main; main(['crf', 'train', '--help']); "
    code += "print(sorted({'sklearn', 'scipy', 'matplotlib', 'networkx'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


SCRIPT = str(Path(sys.executable).with_name("gibbsfactor"))


@pytest.mark.parametrize("program", [[SCRIPT], [sys.executable, "-m", "gibbsfactor"]])
def test_entry_points(program):
    run = subprocess.run([*program, "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"gibbsfactor {gibbsfactor.__version__}\n"
    run = subprocess.run([*program, "crf", "nap"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1)


def test_a_reader_that_leaves_early(folder):
    Path("long.txt").write_text("\n".join([TEXT] * 1500))
    program = [sys.executable, "-m", "gibbsfactor", *TAG, "long.txt"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout.readline() == b"the D B-NP B-NP\n"
        run.stdout.close()
        assert run.stderr.read() == b""
        assert run.wait() == 0
