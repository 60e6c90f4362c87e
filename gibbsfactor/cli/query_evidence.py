"""What is observed, as the command line and files say it: matched to variables and states."""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gibbsfactor.errors import FormatError, listed
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.text import read_text
from gibbsfactor.io.uai_evidence import read_uai_samples
from gibbsfactor.variable import State, Variable

Evidence = dict[str, State | frozenset[State]]  # a set of states is never one of them here
Variables = Mapping[str, Variable]

_SHOWN = 12  # names or states that a message lists
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TRUTH = ("true", "false")
_MISSING = frozenset(
    ("", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NaT", "None", "null", "NULL", "?")
)
_DELIMITERS = (",", ";", "\t")
_SEPARATOR = re.compile(r"sep=(.)", re.IGNORECASE)


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
    """The state of a variable whose label reads so.

    If none does, the state that is the same number (1.0 is the state 1), or the same truth value
    (TRUE is the state True); blanks around the text do not count then.
    """
    plain = text.strip()
    ways: tuple[Callable[[State], bool], ...] = (
        lambda state: str(state) == text,
        lambda state: str(state) == plain,
        lambda state: _NUMBER.fullmatch(plain) is not None and _value(state) == float(plain),
        lambda state: plain.lower() in _TRUTH and str(state).lower() == plain.lower(),
    )
    found = next(filter(None, ([s for s in v.states if way(s)] for way in ways)), [])
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"{where}: {text!r} may be any of the states {listed(found)} of {v.name!r}"
        )
    raise ValueError(
        f"{where}: {v.name!r} has no state {text!r}; its states are {listed(v.states, _SHOWN)}"
    )


def _value(state: State) -> float | None:
    """The number that a state is or that its label says, if any."""
    if isinstance(state, int | float):
        return float(state)
    text = str(state)
    return float(text) if _NUMBER.fullmatch(text) else None


def _observed(v: Variable, text: str, where: str) -> State | None:
    """The state that a cell says, or None where it says none."""
    plain = text.strip()
    if plain in _MISSING and all(str(state) not in (text, plain) for state in v.states):
        return None
    return state_of(v, text, where)


def parse_given(pairs: Iterable[str], variables: Variables) -> Evidence:
    """Evidence from texts NAME=STATE, NAME=STATE,STATE or NAME!=STATE.

    They are split at the first ``=`` that leaves the name of a variable before it, and one of its
    states behind it if there is such a place. What is said of a variable several times holds all
    at once.

    Raises
    ------
    ValueError
        If there is no such variable or state, or no state of a variable is left.
    """
    left: dict[str, list[State]] = {}
    for pair in pairs:
        where = f"--given {pair}"
        name, text = _split(pair, variables)
        excludes = name not in variables and name.endswith("!") and name[:-1] in variables
        v = variable_named(variables, name[:-1] if excludes else name, where)
        named = states_of(v, text, where)
        before = left.get(v.name, list(v.states))
        left[v.name] = [s for s in before if (s in named) != excludes]
        if not left[v.name]:
            if len(before) == len(named) == 1 and not excludes:
                raise ValueError(
                    f"--given says {v.name}={before[0]} and {v.name}={named[0]}; a variable has "
                    "one state"
                )
            raise ValueError(f"{where} leaves no state of {v.name!r}; there were {listed(before)}")
    return {
        name: states[0] if len(states) == 1 else frozenset(states)
        for name, states in left.items()
        if len(states) < variables[name].cardinality or len(states) == 1
    }


def states_of(v: Variable, text: str, where: str) -> list[State]:
    """The state whose label reads so, or several that commas part; labels may have commas too."""
    ways = _parted(v, text) if "," in text else []
    if len(ways) == 1 or (ways and len(ways[0]) == 1):
        return ways[0]
    if ways:
        raise ValueError(
            f"{where}: {text!r} may be read as the states {listed(ways[0])} or {listed(ways[1])} "
            f"of {v.name!r}; say it in a file of --evidence"
        )
    parts = text.split(",")
    one_is_known = any(str(s) == part.strip() for s in v.states for part in parts)
    return [state_of(v, part, where) for part in (parts if one_is_known else [text])]


def _parted(v: Variable, text: str) -> list[list[State]]:
    """The ways to cut a text at commas into labels of states, fewest cuts first."""
    by_label = {str(state): state for state in v.states}
    pieces = text.split(",")
    ways: list[list[list[State]]] = [[[]]]  # of the first so many pieces
    for end in range(1, len(pieces) + 1):
        ways.append([])
        for start in range(end):
            label = ",".join(pieces[start:end])
            found = by_label.get(label, by_label.get(label.strip()))
            if label in by_label or label.strip() in by_label:
                ways[end] += [[*way, found] for way in ways[start][:2]]
    return sorted(ways[-1], key=len)


def _split(pair: str, variables: Variables) -> tuple[str, str]:
    places = [i for i, character in enumerate(pair) if character == "="]
    ways = [(pair[:i], pair[i + 1 :]) for i in places]
    known = [way for way in ways if way[0] in variables]
    whole = [(name, text) for name, text in known if text in map(str, variables[name].states)]
    excluding = [way for way in ways if way[0].endswith("!") and way[0][:-1] in variables]
    return (whole or known or excluding or ways)[0]


# ---- files ----------------------------------------------------------------------------


def read_evidence(path: str, p: GibbsDistribution, encoding: str | None = None) -> list[Evidence]:
    """The rows of evidence in a file, in the format that its name tells.

    ``encoding`` is that of a table or of JSON which is not in UTF-8.

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
            rows = reader(path, p, encoding)
            if not rows:
                raise FormatError(f"{path}: there is no row of evidence in it, expected one")
            return rows
    raise ValueError(
        f"{path}: can't tell the format of the evidence from this name, which should end in "
        f"{', '.join(_READERS)}, or one of these with .gz"
    )


def _read_table(path: str, p: GibbsDistribution, encoding: str | None) -> list[Evidence]:
    """Rows under a line of names, parted by commas, semicolons or tabs.

    Empty cells, and NA, NaN, None, null or ? are missing. Empty lines, and columns without a
    name, such as the index that pandas writes, are passed over.
    """
    variables = variables_of(p)
    text = read_text(path, encoding)
    first = text.lstrip().split("\n", 1)[0].rstrip("\r")
    said = _SEPARATOR.fullmatch(first)
    if said is not None:  # a line that is for Excel
        text = text.replace(first, "", 1)
    delimiter = said[1] if said is not None else _delimiter(path, first, variables)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    columns: list[Variable | None] = []
    known: dict[tuple[str, str], State | None] = {}
    rows = []
    try:
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not cells or (len(columns) != 1 and not "".join(cells).strip() and len(cells) == 1):
                continue
            if not columns:
                columns = _header(cells, variables, where)
                continue
            if len(cells) != len(columns):
                raise FormatError(
                    f"{where}: found {len(cells)} cells, expected {len(columns)}, one for each "
                    "name in the first line"
                )
            row: Evidence = {}
            for v, cell in zip(columns, cells, strict=True):
                if v is not None and cell:
                    key = (v.name, cell)
                    if key not in known:
                        known[key] = _observed(v, cell, where)
                    if known[key] is not None:
                        row[v.name] = known[key]
            rows.append(row)
    except csv.Error as error:
        raise FormatError(f"{path}, line {reader.line_num}: {error}") from None
    return rows


def _delimiter(path: str, first: str, variables: Variables) -> str:
    """The delimiter with which all names in the first line are known."""
    expected = "\t" if path.lower().removesuffix(".gz").endswith(".tsv") else ","
    for delimiter in (expected, *_DELIMITERS):
        names = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True), [])
        if all(name in variables or name.strip() in variables for name in filter(None, names)):
            return delimiter
    return expected


def _header(names: Sequence[str], variables: Variables, where: str) -> list[Variable | None]:
    """The variable of each column; None for one without a name."""
    plain = [name if name in variables else name.strip() for name in names]
    repeated = next((name for i, name in enumerate(plain) if name and name in plain[:i]), None)
    if repeated is not None:
        raise FormatError(f"{where}: there are two columns named {repeated!r}, expected one")
    if not any(plain):
        raise FormatError(f"{where}: there is no name of a variable, expected at least one")
    return [variable_named(variables, name, where) if name else None for name in plain]


def _read_json(path: str, p: GibbsDistribution, encoding: str | None) -> list[Evidence]:
    """One object {name: state}, a list of them, or one on each line; null says nothing."""
    text = read_text(path, encoding)
    is_lines = path.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))
    try:
        content = _parsed(text, path) if not is_lines else None
    except json.JSONDecodeError as error:
        before = text[: error.pos].rpartition("\n")  # of what follows a whole object
        is_lines = error.msg == "Extra data" and before[1] == "\n" and not before[2].strip()
        if not is_lines:
            raise FormatError(f"{path}, line {error.lineno}: {error.msg}; expected JSON") from None
    variables = variables_of(p)
    if not is_lines:
        given = content if isinstance(content, list) else [content]
        return [
            _row(row, variables, f"{path}, row {i}" if isinstance(content, list) else path)
            for i, row in enumerate(given, 1)
        ]
    rows = []
    for i, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(_row(_parsed(line, path), variables, f"{path}, line {i}"))
            except json.JSONDecodeError as error:
                raise FormatError(
                    f"{path}, line {i}: {error.msg}; expected one JSON object on each line"
                ) from None
    return rows


def _parsed(text: str, path: str) -> Any:
    """JSON in which no object has a key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for i, name in enumerate(names) if name in names[:i])
            raise FormatError(f"{path}: found {repeated!r} twice in one object, expected it once")
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except RecursionError:
        raise FormatError(f"{path}: nested too deeply; expected {{name: state}}") from None


def _row(row: Any, variables: Variables, where: str) -> Evidence:
    if not isinstance(row, dict):
        raise FormatError(
            f"{where}: found {json.dumps(row):.60}, expected an object {{name: state}}, "
            'as in {"smoke": "yes"}'
        )
    evidence: Evidence = {}
    for name, given in row.items():
        v = variable_named(variables, name, where)
        several = isinstance(given, list) and given
        for one in given if several else [given]:
            if isinstance(one, dict | list) or (several and one is None):
                raise FormatError(
                    f"{where}: found {json.dumps(given):.60}, expected a state of {name!r} or a "
                    "list of those that are possible"
                )
        if several:
            states = frozenset(state_of(v, _text(one), where) for one in given)
            evidence[name] = states if len(states) > 1 else next(iter(states))
        elif given is not None:
            state = _observed(v, _text(given), where)
            if state is not None:
                evidence[name] = state
    return evidence


def _text(given: Any) -> str:
    return given if isinstance(given, str) else json.dumps(given)


def _read_uai(path: str, p: GibbsDistribution, encoding: str | None) -> list[Evidence]:
    return read_uai_samples(path, p)


_READERS: dict[str, Callable[[str, GibbsDistribution, str | None], list[Evidence]]] = {
    ".csv": _read_table,
    ".tsv": _read_table,
    ".json": _read_json,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".evid": _read_uai,
}
