"""The command line as a whole: help, entry points, and what is not hidden."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import gibbsfactor
from gibbsfactor.cli import main

CRF = [("crf", name) for name in ("train", "tag", "evaluate", "inspect", "convert")]


@pytest.mark.parametrize("command", [(), ("crf",), *CRF, ("query",), ("demo",)])
def test_help(capsys, command):
    assert main([*command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(" ".join(["usage: gibbsfactor", *command]))
    assert command == ("demo",) or "examples:\n  gibbsfactor " in out


@pytest.mark.parametrize("command", [("crf", "train"), ("crf", "tag"), ("crf", "inspect")])
def test_help_loads_nothing_heavy(command):
    code = f"import sys; from gibbsfactor.cli import main; main([*{command}, '--help']); "
    code += "heavy = {'sklearn', 'scipy', 'matplotlib', 'networkx', 'numba', 'tqdm'}; "
    code += "print(sorted(heavy & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


SCRIPT = str(Path(sys.executable).with_name("gibbsfactor"))


@pytest.mark.parametrize("program", [[SCRIPT], [sys.executable, "-m", "gibbsfactor"]])
def test_entry_points(program):
    run = subprocess.run([*program, "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"gibbsfactor {gibbsfactor.__version__}\n"
    run = subprocess.run([*program, "crf", "nap"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1)


# ---- streams that can't be written to -------------------------------------------------------

BIF = """network x {}
variable a { type discrete [2] { no, yes }; }
probability (a) { table 0.25, 0.75; }
"""


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "a.bif"
    path.write_text(BIF)
    return str(path)


def test_a_stdout_that_is_closed_is_named(network, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["query", network]) == 2
    assert capsys.readouterr().err == "gibbsfactor: error: standard output: Bad file descriptor\n"
    assert main(["query", network, "--output", f"{network}.txt"]) == 0
    assert Path(f"{network}.txt").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("buffering", [1, 8192])
def test_a_full_disk_behind_stdout_is_named(network, monkeypatch, capsys, buffering):
    with open("/dev/full", "w", buffering) as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["query", network]) == 2
    message = "gibbsfactor: error: standard output: No space left on device\n"
    assert capsys.readouterr().err == message


def test_a_stdin_that_is_closed_is_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    command = ["crf", "train", "-", "--template", "chunking", "--model", "m"]
    assert main(command) == 2
    assert capsys.readouterr().err == "gibbsfactor: error: standard input: Bad file descriptor\n"


class Gone(io.StringIO):
    """A stream whose reader has left."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("stderr", [None, Gone()])
def test_messages_that_nobody_reads_end_nothing(tmp_path, monkeypatch, stderr):
    """Nor does a progress bar: the model is trained and written."""
    monkeypatch.chdir(tmp_path)
    Path("train.txt").write_text("the D\ndog N\n\na D\ncat N\n")
    Path("template").write_text("U:%x[0,0]\nB\n")
    monkeypatch.setattr(sys, "stderr", stderr)
    command = ["crf", "train", "train.txt", "--template", "template", "--model", "m"]
    assert main([*command, "--progress", "--max-iterations", "2"]) == 0  # and a warning
    assert Path("m").exists()
    assert main(["crf", "nap"]) == 2


def test_sigterm_is_as_it_was_after_a_command(network, capsys):
    before = signal.getsignal(signal.SIGTERM)
    assert main(["query", network]) == 0
    assert signal.getsignal(signal.SIGTERM) is before
    found = []
    thread = threading.Thread(target=lambda: found.append(main(["query", network])))
    thread.start()  # where no handler can be set
    thread.join()
    assert found == [0]
