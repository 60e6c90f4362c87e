"""What is observed, as the command line and files say it: matched to variables and states."""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gibbsfactor.errors import FormatError, listed
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.text import read_text
from gibbsfactor.io.uai_evidence import read_uai_samples
from gibbsfactor.variable import State, Variable

Evidence = dict[str, State]
Variables = Mapping[str, Variable]

_SHOWN = 12  # names or states that a message lists


def variables_of(p: GibbsDistribution) -> dict[str, Variable]:
    """The variables of a model by name."""
    return {v.name: v for v in p.variables}


# ---- names and states as text ---------------------------------------------------------


def variable_named(variables: Variables, name: str, where: str) -> Variable:
    """The variable of this name; else a ValueError that suggests names like it."""
    if name in variables:
        return variables[name]
    raise ValueError(f"{where}: there is no variable {name!r}; {_nearest(name, list(variables))}")


def _nearest(name: str, names: Sequence[str]) -> str:
    """What to suggest in place of a name that does not exist."""
    by_small = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), by_small, n=5)
    if near:
        return f"the nearest are {listed([by_small[one] for one in near])}"
    return f"there are {listed(names, _SHOWN) or 'none'}"


def state_of(v: Variable, text: str, where: str) -> State:
    """The state of a variable whose label reads so."""
    found = [state for state in v.states if str(state) == text]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"{where}: {text!r} may be any of the states {listed(found)} of {v.name!r}"
        )
    raise ValueError(
        f"{where}: {v.name!r} has no state {text!r}; its states are {listed(v.states, _SHOWN)}"
    )


def parse_given(pairs: Iterable[str], variables: Variables) -> Evidence:
    """Evidence from texts NAME=STATE.

    They are split at the first ``=`` that leaves the name of a variable before it, and one of its
    states behind it if there is such a place.

    Raises
    ------
    ValueError
        If there is no such variable or state, or a variable is given two states.
    """
    evidence: Evidence = {}
    for pair in pairs:
        where = f"--given {pair}"
        name, text = _split(pair, variables)
        v = variable_named(variables, name, where)
        state = state_of(v, text, where)
        if evidence.setdefault(name, state) != state:
            raise ValueError(
                f"--given says {name}={evidence[name]} and {name}={state}; a variable has one state"
            )
    return evidence


def _split(pair: str, variables: Variables) -> tuple[str, str]:
    places = [i for i, character in enumerate(pair) if character == "="]
    ways = [(pair[:i], pair[i + 1 :]) for i in places]
    known = [way for way in ways if way[0] in variables]
    whole = [(name, text) for name, text in known if text in map(str, variables[name].states)]
    return (whole or known or ways)[0]


# ---- files ----------------------------------------------------------------------------


def read_evidence(path: str, p: GibbsDistribution) -> list[Evidence]:
    """The rows of evidence in a file, in the format that its name tells.

    Raises
    ------
    ValueError
        If the name tells no format, or the file names what the model does not have.
    FileNotFoundError
        If there is no such file.
    FormatError
        If the file is not in its format.
    """
    for suffix, reader in _READERS.items():
        if path.lower().removesuffix(".gz").endswith(suffix):
            rows = reader(path, p)
            if not rows:
                raise FormatError(f"{path}: there is no row of evidence in it, expected one")
            return rows
    raise ValueError(
        f"{path}: can't tell the format of the evidence from this name, which should end in "
        f"{', '.join(_READERS)}, or one of these with .gz"
    )


def _read_table(path: str, p: GibbsDistribution, delimiter: str) -> list[Evidence]:
    """Rows under a line of names; empty cells and empty lines say nothing."""
    variables = variables_of(p)
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, strict=True)
    columns: list[Variable] = []
    rows = []
    try:
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not cells:
                continue
            if not columns:
                columns = _header(cells, variables, where)
                continue
            if len(cells) != len(columns):
                raise FormatError(
                    f"{where}: found {len(cells)} cells, expected {len(columns)}, one for each "
                    "name in the first line"
                )
            pairs = zip(columns, cells, strict=True)
            rows.append({v.name: state_of(v, cell, where) for v, cell in pairs if cell})
    except csv.Error as error:
        raise FormatError(f"{path}, line {reader.line_num}: {error}") from None
    return rows


def _header(names: Sequence[str], variables: Variables, where: str) -> list[Variable]:
    repeated = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if repeated is not None:
        raise FormatError(f"{where}: there are two columns named {repeated!r}, expected one")
    return [variable_named(variables, name, where) for name in names]


def _read_json(path: str, p: GibbsDistribution) -> list[Evidence]:
    """One object {name: state}, or a list of them; null says nothing."""
    text = read_text(path)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for i, name in enumerate(names) if name in names[:i])
            raise FormatError(f"{path}: found {repeated!r} twice in one object, expected it once")
        return found

    try:
        content = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}, line {error.lineno}: {error.msg}; expected JSON") from None
    except RecursionError:
        raise FormatError(f"{path}: nested too deeply; expected {{name: state}}") from None
    given = content if isinstance(content, list) else [content]
    variables = variables_of(p)
    return [
        _row(row, variables, f"{path}, row {i}" if isinstance(content, list) else path)
        for i, row in enumerate(given, 1)
    ]


def _row(row: Any, variables: Variables, where: str) -> Evidence:
    if not isinstance(row, dict):
        raise FormatError(
            f"{where}: found {json.dumps(row):.60}, expected an object {{name: state}}, "
            'as in {"smoke": "yes"}'
        )
    evidence = {}
    for name, given in row.items():
        v = variable_named(variables, name, where)
        if isinstance(given, dict | list):
            raise FormatError(
                f"{where}: found {json.dumps(given):.60}, expected a state of {name!r}"
            )
        if given is not None:
            text = given if isinstance(given, str) else json.dumps(given)
            evidence[name] = state_of(v, text, where)
    return evidence


_READERS: dict[str, Callable[[str, GibbsDistribution], list[Evidence]]] = {
    ".csv": lambda path, p: _read_table(path, p, ","),
    ".tsv": lambda path, p: _read_table(path, p, "\t"),
    ".json": _read_json,
    ".evid": read_uai_samples,
}
