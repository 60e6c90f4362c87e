"""Who imports whom, read from the sources, and what `import gibbsfactor` loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import gibbsfactor

ROOT = Path(gibbsfactor.__file__).parent

# From the bottom up. A module may import its own part, its own row and the rows above it here.
LEVELS = [
    {"errors"},
    {"files", "threads", "compiled"},
    {"variable"},
    {"rows", "tables", "table_view"},
    {"factor"},
    {"domain", "conditional_table"},
    {"exact"},
    {"graphs"},
    {"gibbs"},
    {"approximate", "learning", "thermodynamics", "information", "evaluation"},
    {"models"},
    {"drawing", "io", "datasets"},
    {"crfsuite"},
    {"cli"},
    {"__main__"},
]
LEVEL = {part: i for i, row in enumerate(LEVELS) for part in row}
FEATURES_FROM = LEVEL[
    "learning"
]  # `features` stands aside: errors and variable below it, learning above
KINDS = ("module", "function", "typing")


@dataclass(frozen=True)
class Import:
    """One imported module, as seen in one module."""

    importer: tuple[str, ...]  # parts below the package: ("exact", "plan")
    target: tuple[str, ...]  # parts from the top: ("gibbsfactor", "factor")
    kind: str
    line: int

    def __str__(self) -> str:
        return f"{'.'.join(self.importer)}:{self.line} imports {'.'.join(self.target)}"


def modules() -> list[tuple[tuple[str, ...], ast.Module]]:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append((parts, ast.parse(path.read_text(encoding="utf-8"))))
    return found


def is_typing(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def is_module(target: tuple[str, ...]) -> bool:
    path = ROOT.joinpath(*target[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


def targets(node: ast.Import | ast.ImportFrom, importer: tuple[str, ...]) -> list[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        return [tuple(alias.name.split(".")) for alias in node.names]
    base = tuple(node.module.split(".")) if node.module else ()
    if node.level:
        package = ("gibbsfactor", *importer[:-1])
        base = (*package[: len(package) - node.level + 1], *base)
    if base[:1] != ("gibbsfactor",):
        return [base]
    found = []
    for alias in node.names:
        deeper = (*base, alias.name)
        home = gibbsfactor._HOMES.get(alias.name) if base == ("gibbsfactor",) else None
        found.append(tuple(home.split(".")) if home else deeper if is_module(deeper) else base)
    return found


def imports_of(importer: tuple[str, ...], tree: ast.Module) -> list[Import]:
    found: list[Import] = []

    def visit(node: ast.AST, kind: str) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.extend(Import(importer, t, kind, node.lineno) for t in targets(node, importer))
            return
        if isinstance(node, ast.If) and is_typing(node.test):
            for child in node.body:
                visit(child, "typing")
            for child in node.orelse:
                visit(child, kind)
            return
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, "function" if inside and kind == "module" else kind)

    visit(tree, "module")
    return found


IMPORTS = [i for importer, tree in modules() for i in imports_of(importer, tree)]
OWN = [i for i in IMPORTS if i.target[0] == "gibbsfactor" and i.importer[0] != "__init__"]


def complaint(i: Import) -> str | None:
    """Why an import within the package is not allowed; None if it is."""
    if len(i.target) == 1:
        return None  # the package itself, which is empty until asked
    mine, theirs = i.importer[0], i.target[1]
    if mine == theirs:
        return None
    if mine == "features":
        is_low = theirs in ("errors", "variable")
        return None if is_low else f"{i}: features may import only errors and variable"
    if theirs == "features":
        return None if LEVEL.get(mine, 0) >= FEATURES_FROM else f"{i}: only learning and above may"
    if LEVEL.get(theirs, 0) > LEVEL.get(mine, 0):  # a part without a place fails its own test
        return f"{i}: {theirs} stands above {mine}"
    return None


def test_every_module_has_a_place_in_the_table():
    parts = {importer[0] for importer, _ in modules()} - {"__init__", "__main__"}
    assert parts - set(LEVEL) - {"features"} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_imports_a_higher_level(kind):
    assert {c for i in OWN if i.kind == kind and (c := complaint(i))} == set()


def test_models_meet_only_in_log_linear_and_in_files_named_pair():
    between = [
        str(i)
        for i in OWN
        if i.importer[0] == "models"
        and i.importer[-1] not in ("__init__", "pair")
        and i.target[1:2] == ("models",)
        and i.target[2:3] not in ((i.importer[1],), ("log_linear",))
    ]
    assert between == []


def test_only_drawing_imports_matplotlib():
    seen = {i.importer[0] for i in IMPORTS if i.target[0] in ("matplotlib", "mpl_toolkits")}
    assert seen <= {"drawing"}


def test_only_the_module_of_compiled_loops_imports_numba():
    assert {i.importer for i in IMPORTS if i.target[0] == "numba"} <= {("compiled",)}


def test_pandas_is_optional():
    eager = [str(i) for i in IMPORTS if i.target[0] == "pandas" and i.kind == "module"]
    assert eager == []


def test_the_table_sees_what_it_should():
    source = """
from __future__ import annotations
import typing
from typing import TYPE_CHECKING
from gibbsfactor import Factor, graphs
from .network import Network
from .. import errors
if TYPE_CHECKING:
    import gibbsfactor.models.softmax
else:
    import matplotlib.pyplot as plt
def f():
    from gibbsfactor.cli import main
    class C:
        from gibbsfactor.features import x
"""
    found = {(i.target, i.kind) for i in imports_of(("exact", "plan"), ast.parse(source))}
    assert found >= {
        (("gibbsfactor", "factor"), "module"),
        (("gibbsfactor", "graphs"), "module"),
        (("gibbsfactor", "exact", "network"), "module"),
        (("gibbsfactor", "errors"), "module"),
        (("gibbsfactor", "models", "softmax"), "typing"),
        (("matplotlib", "pyplot"), "module"),
        (("gibbsfactor", "cli"), "function"),
        (("gibbsfactor", "features"), "function"),
    }
    wrong = [i for i in imports_of(("exact", "plan"), ast.parse(source)) if i.target[1:]]
    wrong = [i.target[1] for i in wrong if i.target[0] == "gibbsfactor" and complaint(i)]
    assert wrong == ["graphs", "models", "cli", "features"]
    assert complaint(Import(("features", "tokens"), ("gibbsfactor", "factor"), "module", 1))
    assert not complaint(Import(("io", "conll"), ("gibbsfactor", "features"), "module", 1))


def in_fresh_python(code: str) -> str:
    run = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT.parent).stdout


def test_import_is_lazy():
    code = "import json, sys; before = set(sys.modules); import gibbsfactor; "
    code += "print(json.dumps(sorted(set(sys.modules) - before)))"
    loaded = json.loads(in_fresh_python(code))
    outside = {name.split(".")[0] for name in loaded} - {"gibbsfactor"}
    assert outside <= sys.stdlib_module_names  # no matplotlib, sklearn, scipy, pandas, networkx
    assert [name for name in loaded if name.startswith("gibbsfactor")] == ["gibbsfactor"]


def test_nouns_load_neither_plotting_nor_learning():
    code = "import json, sys; from gibbsfactor import Factor, Variable, GibbsDistribution; "
    code += "print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(in_fresh_python(code)))
    assert not loaded & {"matplotlib", "sklearn", "scipy.optimize", "pandas", "numba"}


@pytest.mark.parametrize("name", sorted(gibbsfactor._HOMES))
def test_every_public_name_resolves(name):
    value = getattr(gibbsfactor, name)
    assert value is not None
    assert name in dir(gibbsfactor)


def test_public_names_are_told_to_type_checkers():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If) and is_typing(n.test))
    told = {
        alias.asname: f"gibbsfactor.{alias.name}"
        if alias.name in gibbsfactor._MODULES
        else node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == gibbsfactor._HOMES
    assert sorted(gibbsfactor.__all__) == sorted(gibbsfactor._HOMES)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'gibbsfactor' has no attribute 'Facto'"):
        _ = gibbsfactor.Facto
