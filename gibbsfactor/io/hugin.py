"""NET, the files of Hugin."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import FormatError
from gibbsfactor.io.network_parts import (
    NanRows,
    RowRules,
    check_network,
    look_up,
    make_network,
    make_table,
    make_variable,
    number_of,
    state_names,
)
from gibbsfactor.io.text import TextSource, read_text, source_name, write_text
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.tables import FloatArray
from gibbsfactor.variable import Variable

_TOKEN = re.compile(
    r'(?P<blank>(?:\s+|%[^\n]*)+)|(?P<text>"(?:[^"\\]|\\.)*+")|(?P<mark>[(){}|;=])'
    r'|(?P<word>[^\s(){}|;="%]+)|(?P<other>.)',
    re.DOTALL,
)
_NAME = re.compile(r'[^\s(){}|;="%]+')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NODE_WORDS = {"discrete", "node", "decision", "utility", "continuous", "function"}


def read_hugin(
    path_or_file: TextSource,
    *,
    normalize: bool = False,
    nan_rows: NanRows = "error",
    int_states: bool = False,
    encoding: str | None = None,
) -> BayesianNetwork:
    r"""Read a Bayesian network in Hugin's NET format, plain or gzip.

    Variables are the discrete chance nodes, by the name after the word ``node``; their states are
    in quotes, or runs of any characters but blanks, quotes and ``(){}|;=%``. In the ``data`` of a
    ``potential (child | parents)`` the child's states run fastest, then those of the last parent;
    inner brackets, where there are any, must show the same. What follows a ``%`` on its line is a
    comment. All other attributes, such as labels and positions, are passed over.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    normalize, nan_rows, int_states
        As for `read_bif`.
    encoding
        As for `read_bif`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file: the message names the file and the line, what was found and
        what was expected. So it is where a node is continuous, a decision, a utility or a
        function, a table is given by an expression alone, or the network is a class with instances.

    Notes
    -----
    Source: the NET language, in the manual of the Hugin API (HUGIN EXPERT).

    Examples
    --------
    >>> import io
    >>> p = read_hugin(io.StringIO('''
    ... net { node_size = (50 50); }
    ... node age { states = ("<5" "5 to 12" "12+"); }
    ... node tea { label = "likes tea"; states = ("yes" "no"); }
    ... potential (age) { data = (0.25 0.25 0.5); }
    ... potential (tea | age) {
    ...   data = ((0.1 0.9)    % <5
    ...           (0.1 0.9)
    ...           (0.6 0.4));
    ... }'''))
    >>> p.tables["tea"]
    P(tea | age)
    age      yes   no
    <5       0.1  0.9
    5 to 12  0.1  0.9
    12+      0.6  0.4
    """
    rules = RowRules(normalize, nan_rows)
    tokens = _Tokens(path_or_file, encoding)
    variables: dict[str, Variable] = {}
    potentials: dict[str, _Potential] = {}
    any_block = False
    for word, place in tokens.words("'net', 'node' or 'potential'"):
        any_block = True
        if word == "net":
            _attributes(tokens, "the network", ())
        elif word == "potential":
            _read_potential(tokens, potentials)
        elif word in _NODE_WORDS:
            _read_node(tokens, word, place, variables, int_states)
        elif word == "class":
            raise tokens.error(
                place, "found a class, expected a network without instances of classes"
            )
        else:
            raise tokens.error(place, f"found {word[:40]!r}, expected 'net', 'node' or 'potential'")
    if not any_block:
        raise tokens.error(0, "found an empty file, expected 'net', 'node' or 'potential'")
    tables = {name: one.table(variables, tokens, rules) for name, one in potentials.items()}
    return make_network(tokens.name, variables, tables)


def write_hugin(path_or_file: TextSource, p: BayesianNetwork) -> None:
    r"""Write a Bayesian network in Hugin's NET format; `read_hugin` reads it back bit for bit.

    Parameters
    ----------
    path_or_file
        A path, which is written aside and then renamed, and as gzip if it ends in ``.gz``; or an
        open file.
    p
        The network. States that are not strings are written as their ``str``, and are strings
        when read back. Hugin itself opens only files whose names are letters, digits and
        underscores, no digit first.

    Raises
    ------
    ValueError
        If a name holds blanks, quotes or one of ``(){}|;=%``, or two states are the same as
        strings. Nothing is written.

    Examples
    --------
    >>> import io
    >>> rain, grass = Variable("rain", ["no", "yes"]), Variable("grass", ["dry", "very wet"])
    >>> file = io.StringIO()
    >>> write_hugin(file, BayesianNetwork([
    ...     ConditionalTable(rain, [], [0.7, 0.3]),
    ...     ConditionalTable(grass, [rain], [[0.9, 0.1], [0.2, 0.8]]),
    ... ]))
    >>> print(file.getvalue())
    net
    {
    }
    node rain
    {
      states = ("no" "yes");
    }
    node grass
    {
      states = ("dry" "very wet");
    }
    potential (rain)
    {
      data = (0.7 0.3);
    }
    potential (grass | rain)
    {
      data = ((0.9 0.1)
               (0.2 0.8));
    }
    <BLANKLINE>
    """
    network = check_network(p)
    lines = ["net", "{", "}"]
    for v in network.variables:
        if not _NAME.fullmatch(v.name):
            raise ValueError(
                f"the name {v.name!r} can't be written in Hugin's format, where a name has no "
                "blanks, quotes or one of (){}|;=%; rename it"
            )
        states = " ".join(map(_quoted, state_names(v)))
        lines += [f"node {v.name}", "{", f"  states = ({states});", "}"]
    for table in network.tables.values():
        given = " ".join(["", "|", *(v.name for v in table.parents)]) if table.parents else ""
        lines += [f"potential ({table.child.name}{given})", "{", f"  data = {_nested(table)};", "}"]
    write_text(path_or_file, "\n".join([*lines, ""]))


def _quoted(state: str) -> str:
    text = state.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _nested(table: ConditionalTable) -> str:
    """The numbers in brackets, a pair for each joint state of the first parents."""
    rows = table.values.reshape(-1, table.child.cardinality).tolist()
    sizes = [math.prod(table.shape[i:-1]) for i in range(len(table.parents))]
    lines = []
    for i, row in enumerate(rows):
        opened = sum(i % size == 0 for size in sizes)
        closed = sum((i + 1) % size == 0 for size in sizes)
        numbers = " ".join(map(repr, row))
        lines.append(f"{'(' * opened:>{len(sizes)}}({numbers}){')' * closed}")
    return "\n          ".join(lines)


# ---- reading, part by part -----------------------------------------------------------------


class _Tokens:
    """The words, texts and marks of a NET file, taken from the front, each with its place."""

    def __init__(self, source: TextSource, encoding: str | None) -> None:
        self.name = source_name(source)
        self._text = read_text(source, encoding)
        self._tokens = _TOKEN.finditer(self._text)

    def error(self, place: int, message: str) -> FormatError:
        """What to raise about a place in the text."""
        place = min(place, len(self._text.rstrip()))
        line = self._text.count("\n", 0, place) + 1
        return FormatError(f"{self.name}, line {line}: {message}")

    def take(self, expected: str) -> tuple[str, str, int]:
        """The kind of the next token, what it says, and its place; an error at the end."""
        for found in self._tokens:
            kind = found.lastgroup or ""
            if kind == "other":
                raise self.error(
                    found.start(), f"found a text without its closing quote, expected {expected}"
                )
            if kind == "text":
                return kind, _ESCAPED.sub(r"\1", found[0][1:-1]), found.start()
            if kind != "blank":
                return kind, found[0], found.start()
        raise self.error(len(self._text), f"found the end of the file, expected {expected}")

    def words(self, expected: str) -> Iterator[tuple[str, int]]:
        """The words at the front, until the end of the file."""
        while self._text and (found := next(self._tokens, None)) is not None:
            if found.lastgroup == "word":
                yield found[0], found.start()
            elif found.lastgroup != "blank":
                raise self.error(found.start(), f"found {found[0][:40]!r}, expected {expected}")

    def mark(self, mark: str, where: str) -> int:
        """Read one mark; its place."""
        kind, found, place = self.take(f"{mark!r} {where}")
        if kind != "mark" or found != mark:
            raise self.error(place, f"found {found[:40]!r}, expected {mark!r} {where}")
        return place

    def word(self, what: str) -> tuple[str, int]:
        """Read one word; its place."""
        kind, found, place = self.take(what)
        if kind != "word":
            raise self.error(place, f"found {found[:40]!r}, expected {what}")
        return found, place


@dataclass
class _Value:
    """The value of an attribute: its words and texts, and how brackets nest."""

    place: int
    words: list[tuple[str, int]] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)  # of each word
    opened: list[int] = field(default_factory=list)  # brackets before each word since the last

    @classmethod
    def read(cls, tokens: _Tokens, what: str) -> _Value:
        """Read a value, the ``=`` behind us, and the semicolon after it."""
        value, depth, opened = cls(-1), 0, 0
        while True:
            kind, found, place = tokens.take(f"the value of {what} or ';'")
            value.place = place if value.place < 0 else value.place
            if kind != "mark":
                value.words.append((found, place))
                value.depths.append(depth)
                value.opened.append(opened)
                opened = 0
            elif found == "(":
                depth, opened = depth + 1, opened + 1
            elif found == ")" and depth:
                depth -= 1
            elif found == ";" and not depth:
                return value
            elif found in "{};)":
                raise tokens.error(
                    place,
                    f"found {found!r} in the value of {what}, expected "
                    + (f"{depth} closing brackets" if depth else "';'"),
                )


def _attributes(tokens: _Tokens, owner: str, wanted: tuple[str, ...]) -> dict[str, _Value]:
    """The attributes in curly brackets; those that are wanted are kept."""
    tokens.mark("{", f"of {owner}")
    kept: dict[str, _Value] = {}
    while True:
        kind, name, place = tokens.take(f"an attribute of {owner} or '}}'")
        if name == "}" and kind == "mark":
            return kept
        if kind != "word":
            raise tokens.error(place, f"found {name[:40]!r}, expected an attribute or '}}'")
        tokens.mark("=", f"after {name[:40]!r} of {owner}")
        value = _Value.read(tokens, f"{name[:40]!r} of {owner}")
        if name in wanted:
            if name in kept:
                raise tokens.error(place, f"found {name!r} of {owner} a second time")
            kept[name] = value


def _read_node(
    tokens: _Tokens, word: str, place: int, variables: dict[str, Variable], int_states: bool
) -> None:
    name, _ = tokens.word("the name of a node")
    kind = word
    if word == "discrete" and name in _NODE_WORDS:  # as in "discrete node x"
        kind = name
        name, _ = tokens.word("the name of a node")
    if kind not in ("node", "discrete"):
        if kind == "continuous" and name == "node":
            name, _ = tokens.word("the name of a node")
        raise tokens.error(
            place, f"node {name[:40]!r} is of the kind {kind!r}, expected a discrete chance node"
        )
    if name in variables:
        raise tokens.error(place, f"found node {name[:40]!r} a second time, expected it once")
    found = _attributes(tokens, f"node {name[:40]!r}", ("states",)).get("states")
    if found is None:
        raise tokens.error(place, f"found no 'states' of node {name[:40]!r}, expected them")
    states = [state for state, _ in found.words]
    variables[name] = make_variable(name, states, place, tokens.error, int_states=int_states)


@dataclass
class _Potential:
    """A potential as it is written."""

    place: int
    family: list[tuple[str, int]]
    data: _Value

    def table(
        self, variables: dict[str, Variable], tokens: _Tokens, rules: RowRules
    ) -> ConditionalTable:
        """The table, once all variables are known."""
        child, parents = look_up(variables, self.family, tokens.error)
        shape = [v.cardinality for v in (*parents, child)]
        words, k = self.data.words, child.cardinality
        if len(words) != math.prod(shape):
            raise tokens.error(
                self.data.place,
                f"found {len(words)} numbers in the data of {child.name!r}, expected "
                f"{math.prod(shape)}",
            )
        self._check_brackets(child, shape, tokens)
        numbers = []
        for word, place in words:
            try:
                numbers.append(number_of(word))
            except ValueError:
                raise tokens.error(
                    place, f"found {word[:40]!r} in the data of {child.name!r}, expected a number"
                ) from None
        rows: FloatArray = np.array(numbers).reshape(-1, k)
        return make_table(child, parents, rows, lambda row: words[row * k][1], tokens.error, rules)

    def _check_brackets(self, child: Variable, shape: list[int], tokens: _Tokens) -> None:
        """Raise unless inner brackets, if there are any, are those of the table's axes."""
        if max(self.data.depths, default=1) <= 1:
            return
        sizes = [math.prod(shape[i:]) for i in range(len(shape))]
        for n, (depth, opened) in enumerate(zip(self.data.depths, self.data.opened, strict=True)):
            expected = sum(n % size == 0 for size in sizes)
            if depth != len(shape) or opened != expected:
                raise tokens.error(
                    self.data.words[n][1],
                    f"found number {n} of the data of {child.name!r} after {opened} brackets, "
                    f"{depth} deep, expected {expected} and {len(shape)}, for a table of shape "
                    f"{tuple(shape)}, the child last",
                )


def _read_potential(tokens: _Tokens, potentials: dict[str, _Potential]) -> None:
    place = tokens.mark("(", "and the variables of the potential")
    family: list[tuple[str, int]] = []
    bar = False
    while True:
        kind, name, at = tokens.take("the name of a node or ')'")
        if kind == "word":
            family.append((name, at))
        elif name == "|" and kind == "mark" and len(family) == 1 and not bar:
            bar = True
        elif name == ")" and kind == "mark" and family:
            break
        else:
            raise tokens.error(at, f"found {name[:40]!r}, expected the name of a node or ')'")
    child = family[0][0]
    if len(family) > 1 and not bar:
        raise tokens.error(
            family[1][1], f"found {family[1][0][:40]!r}, expected '|' before the parents"
        )
    if child in potentials:
        raise tokens.error(
            place, f"found the potential of {child!r} a second time, expected one for each node"
        )
    data = _attributes(tokens, f"the potential of {child[:40]!r}", ("data", "model_data"))
    if "data" not in data:
        what = "an expression" if "model_data" in data else "no data"
        raise tokens.error(
            place, f"the potential of {child[:40]!r} has {what}, expected the numbers of its table"
        )
    potentials[child] = _Potential(place, family, data["data"])
