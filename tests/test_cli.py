"""The command line as a whole: help, entry points, and what is not hidden."""

from __future__ import annotations

import subprocess
import sys
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
