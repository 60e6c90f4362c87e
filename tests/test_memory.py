"""The default budget heeds whichever limit is tightest."""

import math
import subprocess
import sys

import pytest

from gibbsfactor.exact import memory


def test_half_of_what_is_free(monkeypatch):
    monkeypatch.setattr(memory, "_left_to_process", lambda: 1e9)
    monkeypatch.setattr(memory, "_left_to_container", lambda: 3e8)
    assert memory.default_budget() == 150_000_000
    monkeypatch.setattr(memory, "_left_to_container", lambda: -5.0)
    assert memory.default_budget() == 0


@pytest.mark.parametrize(
    ("limit", "used", "left"),
    [("1000\n", "400\n", 600.0), ("max\n", "400\n", math.inf), (None, None, math.inf)],
)
def test_a_container_says_what_it_leaves(limit, used, left, tmp_path, monkeypatch):
    files = tmp_path / "limit", tmp_path / "used"
    for file, text in zip(files, (limit, used), strict=True):
        if text is not None:
            file.write_text(text)
    monkeypatch.setattr(memory, "CONTAINER_FILES", (files,))
    assert memory._left_to_container() == left


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the address space")
def test_a_limit_on_the_process_counts():
    code = (
        "import resource; limit = 4 * 2**30;"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit));"
        "from gibbsfactor.exact.memory import default_budget, _left_to_process;"
        "assert 0 < _left_to_process() < limit; assert default_budget() <= limit // 2; print('ok')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ok\n"
