"""The pages say what is so: their code runs, and the names, tests and packages in them exist."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import io
import re
import shlex
import tomllib
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from types import ModuleType

import pytest

import gibbsfactor
from gibbsfactor import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LOG_Z = (ROOT / "docs" / "log-z.md").read_text(encoding="utf-8")

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]+)`")
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")

# ---- code ------------------------------------------------------------------------------

OTHERS = ("pgmpy", "pyagrum")  # libraries that some blocks need and the tests can do without
TIMES = re.compile(r'"seconds": \{[^}]*\}')
LONG = re.compile(r"-?\d+\.\d{11,}")
ESTIMATES = re.compile(r"[\d.e+]+ (ms|s|minutes|[KMGT]iB)\b|(?<=peak_bytes\": )\d+")


@dataclass(frozen=True)
class Block:
    """A fenced block, moved down to the line it has in the page.

    ``shown`` is the block of text or JSON that follows it at once: what it prints.
    """

    language: str
    code: str
    shown: str | None

    def needs(self) -> set[str]:
        """The libraries of OTHERS that the block converts to or from."""
        return {name for name in OTHERS if re.search(rf"\b(to|from)_{name}\b", self.code)}


def fences(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    blocks = []
    for fence, after in zip_longest(found, found[1:]):
        follows = after is not None and not text[fence.end() : after.start()].strip()
        shown = after[2] if follows and after[1] in ("text", "json") else None
        blocks.append(Block(fence[1], "\n" * text.count("\n", 0, fence.start(2)) + fence[2], shown))
    return blocks


def blocks(page: Path, language: str) -> list[str]:
    """The code in the fenced blocks of one language."""
    return [block.code for block in fences(page) if block.language == language]


def commands(block: Block) -> list[list[str]]:
    """The arguments of the `gibbsfactor` commands in a block of bash."""
    lines = block.code.replace("\\\n", " ").split("\n")
    ends = [line.rpartition("&& ")[2] for line in lines]
    return [shlex.split(end)[1:] for end in ends if end.startswith("gibbsfactor ")]


def run_page(page: Path, libraries: Collection[str]) -> Iterator[tuple[str, str]]:
    """Run a page's code in order; pairs (what a block printed, what the page shows).

    Of the blocks in bash those are run whose output is shown. Blocks that need another library
    than these are left out.
    """
    namespace: dict[str, object] = {"__name__": f"page {page.name}"}
    for block in fences(page):
        if not block.needs() <= set(libraries):
            continue
        with contextlib.redirect_stdout(io.StringIO()) as output:
            if block.language == "python":
                exec(compile(block.code, str(page), "exec"), namespace)
            elif block.language == "bash" and block.shown is not None:
                for arguments in commands(block):
                    assert cli.main(arguments) == 0, arguments
            else:
                continue
        if block.shown is not None:
            yield output.getvalue(), block.shown


def comparable(output: str) -> str:
    """Output without what depends on the machine: times, last digits, estimated bytes."""
    output = ESTIMATES.sub("...", TIMES.sub('"seconds": {}', output.rstrip()))
    return LONG.sub(lambda number: f"{float(number[0]):.10g}", output)


PYTHON_PAGES = [page for page in PAGES if blocks(page, "python")]
WITH_OTHERS = [
    (page, name)
    for page in PYTHON_PAGES
    for name in OTHERS
    if any(name in block.needs() for block in fences(page))
]


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=lambda p: p.name)
def test_the_code_of_a_page_runs_in_order_and_prints_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for printed, shown in run_page(page, ()):
        assert comparable(printed) == comparable(shown)


@pytest.mark.parametrize(("page", "library"), WITH_OTHERS, ids=lambda x: getattr(x, "name", x))
def test_the_code_of_a_page_that_needs_another_library(page, library, tmp_path, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports warn
        pytest.importorskip(library, reason=f"{library} is not installed")
    monkeypatch.chdir(tmp_path)
    for printed, shown in run_page(page, (library,)):
        assert comparable(printed) == comparable(shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_fence_is_read(page):
    lines = page.read_text(encoding="utf-8").split("\n")
    assert len([line for line in lines if line.lstrip().startswith("```")]) == 2 * len(fences(page))


def test_output_that_is_not_what_is_shown_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n", encoding="utf-8")
    assert list(run_page(page, ())) == [("2\n", "3\n")]
    page.write_text("```python\nprint(2)\n```\n\nSo:\n\n```text\n3\n```\n", encoding="utf-8")
    assert list(run_page(page, ())) == []


# ---- log Z ----------------------------------------------------------------------------


def table_of_log_z() -> list[list[str]]:
    """Rows of the first table of docs/log-z.md, head and rule left out."""
    lines = [line for line in LOG_Z.split("\n## From")[0].split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def resolve(name: str) -> object:
    """What a dotted name stands for: of the package itself, or of a module in it."""
    first, *rest = name.split(".")
    found: object = gibbsfactor
    path = "gibbsfactor"
    for part in (first, *rest):
        path += f".{part}"
        if not hasattr(found, part):
            try:
                importlib.import_module(path)
            except ModuleNotFoundError:
                raise AttributeError(f"there is no {name} in gibbsfactor") from None
        found = getattr(found, part)
    return found


def named_in(text: str) -> list[str]:
    """Names in backquotes that begin with a part or a public name of the package."""
    parts = {path.stem for path in (ROOT / "gibbsfactor").iterdir()} | {*gibbsfactor.__all__}
    names = {name for name in QUOTED.findall(text) if NAME.fullmatch(name)}
    return sorted(name for name in names if name.split(".")[0] in parts)


def test_every_row_of_the_table_names_what_computes_it_and_what_tests_it():
    rows = table_of_log_z()
    assert len(rows) >= 15
    for row in rows:
        assert len(row) == 5, row
        quantity, _, asked, computed, tests = row
        for cell in (asked, computed):
            names = QUOTED.findall(cell)
            assert names, f"{quantity}: nothing in {cell!r}"
            assert names == [n for n in names if callable(resolve(n))]
        assert QUOTED.findall(tests), f"{quantity}: no test is named"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_names_in_the_pages_exist(page):
    for name in named_in(page.read_text(encoding="utf-8")):
        if not name.endswith((".py", ".md", ".txt", ".crf")):
            resolve(name)


def test_a_name_that_does_not_exist_is_found():
    assert named_in("`exact.plan.nothing`, `np.matmul`, `Factor.log`") == [
        "Factor.log",
        "exact.plan.nothing",
    ]
    with pytest.raises(AttributeError, match=r"no exact\.plan\.nothing in gibbsfactor"):
        resolve("exact.plan.nothing")


def test_tests_named_in_the_table_exist():
    named = [name for row in table_of_log_z() for name in QUOTED.findall(row[4])]
    for name in named:
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), f"there is no {path}"
        if function:
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            defined = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
            assert function in defined, f"there is no {function} in {path}"


def test_log_z_ends_in_one_numpy_call():
    path = LOG_Z.split("## From log Z to the numpy call")[1].split("\n## ")[0]
    steps = re.findall(r"^\d\. `([\w.]+)`", path, re.MULTILINE)
    assert steps[-1] == "np.matmul"
    for name, below in pairwise(steps):
        called = below.rpartition(".")[2]
        assert called in inspect.getsource(module_of(name)), f"{name} does not reach {below}"
    *_, last, _ = steps
    callers = set()
    for module in (ROOT / "gibbsfactor" / "exact").glob("*.py"):
        for function in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and "np.matmul" in ast.unparse(function):
                callers.add(f"exact.{module.stem}.{function.name}")
    assert {name for name in callers if not name.startswith("exact.chain.")} == {last}


def module_of(name: str) -> ModuleType:
    """The module in which the function of a dotted name is written."""
    found = inspect.getmodule(resolve(name))
    assert found is not None
    return found


# ---- the command line -----------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_command_lines_in_the_pages_are_understood(page):
    for block in fences(page):
        if block.language == "bash":
            for arguments in commands(block):
                cli.parser().parse_args(arguments)


# ---- the project ----------------------------------------------------------------------


def test_the_readme_opens_with_the_two_commands_that_ci_runs():
    opening = [block.strip() for block in blocks(ROOT / "README.md", "bash")][:2]
    assert opening == ["pip install . && gibbsfactor demo", "pip install '.[test]' && pytest"]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").split("\n")
    assert [line for line in script if line in opening] == opening
    assert script[-2:] == [opening[1], ""]  # pytest's summary is the last thing said


def declared() -> set[tuple[str, str]]:
    """(extra, package) of pyproject.toml; the extra is empty for what is always needed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    found = set()
    for extra, requirements in groups.items():
        for requirement in requirements:
            name = re.match(r"[\w.-]+", requirement)
            assert name is not None, requirement
            found.add((extra, name[0]))
    return found


def test_every_dependency_has_its_reason_and_every_reason_its_dependency():
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = set()
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] not in ("package", "extra", "---"):
            assert all(cells), line
            explained.add(("", cells[0]) if len(cells) == 2 else (cells[0], cells[1]))
    assert explained == declared()
