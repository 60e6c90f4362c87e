"""Compiled functions: kept on disk, for all sources together, where there is a place for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import gibbsfactor
from gibbsfactor import compiled

PACKAGE = Path(gibbsfactor.__file__).parent
ASKED = """
from gibbsfactor.exact.chain.best import insert
from gibbsfactor.exact.chain.log_sweeps import log_sum
import numpy as np
log_sum(np.zeros(2))
print(len(log_sum.stats.cache_hits), gibbsfactor.__file__)
"""


def test_no_folder_to_write_to_is_no_error():
    class NoFolder:
        def enable_caching(self):
            raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")

    dispatcher = NoFolder()
    assert compiled._kept(dispatcher) is dispatcher


def test_another_version_of_any_source_is_compiled_anew(tmp_path):
    copy = tmp_path / "gibbsfactor"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "cache").mkdir()

    def hits():
        """How many of one function's versions came from the disk."""
        run = [sys.executable, "-W", "error", "-c", "import gibbsfactor" + ASKED]
        names = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            run,
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=os.environ | names,
        )
        number, where = done.stdout.split(maxsplit=1)
        assert Path(where.strip()).parent == copy
        return int(number)

    assert [hits(), hits()] == [0, 1]
    other = copy / "exact" / "chain" / "best.py"  # not the file that the function is in
    other.write_text(other.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert [hits(), hits()] == [0, 1]
