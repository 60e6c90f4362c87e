"""The two syntaxes of template files, CRF++'s and Wapiti's, line by line.

They are nearly the same. Wapiti's also has lines that begin with ``u``, ``b`` or ``*``, the macros
``%X %t %T %m %M``, absolute (``@``) and indirect (``*``) positions, and comments behind a template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, NoReturn, TypeAlias, cast

from gibbsfactor.errors import FormatError
from gibbsfactor.features.template_macros import PLAIN, Anchor, Command, Template, View
from gibbsfactor.features.template_regexps import translate

Syntax: TypeAlias = Literal["crf++", "wapiti"]

NUMBER = "(?:0|[1-9][0-9]*)"
CRFPP = re.compile(r"%x\[(-?[0-9]+),([0-9]+)\]")
WAPITI = re.compile(
    rf"%([xXtTmM])\[([@*]?)\s*([+-]?{NUMBER}),\s*\+?({NUMBER})"
    r'(?:,"((?:[^"\\]|\\.)*)")?\]'
)
WAPITI_ONLY = re.compile(r"[ub*]|.*%(?:[XtTmM]\[|x\[[@*+\s])")
PERCENT = re.compile(r'%[^\s\[]?(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]])*\]?)?')
EXPECTED = {
    "crf++": "expected %x[offset,column] with a whole offset and a column from 0, such as "
    "%x[-1,0] (a % cannot stand for itself)",
    "wapiti": 'expected %x[offset,column], %t[offset,column,"regexp"] or '
    '%m[offset,column,"regexp"], such as %x[-1,0] (a % cannot stand for itself, and a # begins '
    "a comment)",
}


class Lines(NamedTuple):
    """What a file of templates says."""

    states: tuple[Template, ...]
    edges: tuple[Template, ...]
    transitions: bool


def detect_syntax(text: str) -> Syntax:
    """Wapiti's if some line has what only Wapiti reads, else CRF++'s.

    Examples
    --------
    >>> detect_syntax("U00:%x[0,0]"), detect_syntax("*:%x[0,0]"), detect_syntax("U:%X[0,0]")
    ('crf++', 'wapiti', 'wapiti')
    """
    lines = (line.partition("#")[0] for line in text.split("\n"))
    return "wapiti" if any(map(WAPITI_ONLY.match, lines)) else "crf++"


def parse_lines(text: str, name: str, syntax: Syntax) -> Lines:
    """The templates of a file's text.

    Raises
    ------
    FormatError
        Naming the line, what was found there and what was expected.
    """
    states: list[Template] = []
    edges: list[Template] = []
    transitions = False
    for number, line in _lines(text, syntax):
        where = f"{name}, line {number}"
        kind = line[0] if syntax == "crf++" else line[0].lower()
        if kind not in ("UB" if syntax == "crf++" else "ub*"):
            _refuse_line(where, line, syntax)
        parse = _crfpp if syntax == "crf++" else _wapiti
        template = parse(where, number, kind + line[1:])
        if kind in "Uu*":
            states.append(template)
        if kind in "Bb*" and template.macros:
            edges.append(template)
        transitions |= kind in "Bb*" and not template.macros
    if not states and not edges and not transitions:
        raise FormatError(
            f"{name}: found no template, expected a line that begins with "
            + ("U or B" if syntax == "crf++" else "u, b or *")
        )
    return Lines(tuple(states), tuple(edges), transitions)


def _lines(text: str, syntax: Syntax) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor comments, without white space at their ends."""
    for number, line in enumerate(text.split("\n"), 1):
        if syntax == "wapiti":
            line = line.partition("#")[0]
        elif line.startswith("#"):
            continue
        line = line.rstrip()
        if line:
            yield number, line


def _refuse_line(where: str, line: str, syntax: Syntax) -> NoReturn:
    if syntax == "crf++":
        other = " (u, b and * are Wapiti's: give syntax='wapiti')" if line[0] in "ub*" else ""
        raise FormatError(
            f"{where}: found {line!r}, expected a line that begins with U, B or #{other}; "
            "begin a template with U, such as U00:%x[0,0]"
        )
    raise FormatError(
        f"{where}: found {line!r}, expected a line that begins with u, b, * or #; "
        "begin a template with u, such as u00:%x[0,0]"
    )


def _crfpp(where: str, number: int, line: str) -> Template:
    pieces = CRFPP.split(line)
    literals = pieces[::3]
    for literal in literals:
        found = PERCENT.search(literal)
        if found:
            kind = "a malformed macro" if found[0].startswith("%x") else "an unknown macro"
            hint = "; syntax='wapiti' reads those" if found[0][1:2] in list("XtTmM") else ""
            raise FormatError(f"{where}: found {found[0]!r}, {kind}, {EXPECTED['crf++']}{hint}")
    offsets, columns = map(int, pieces[1::3]), map(int, pieces[2::3])
    return Template(tuple(literals), tuple(zip(offsets, columns, strict=True)), number)


def _wapiti(where: str, number: int, line: str) -> Template:
    literals, macros, views, end = [], [], [], 0
    for found in WAPITI.finditer(line):
        literals.append(_literal(where, line[end : found.start()]))
        end = found.end()
        offset, column, view = _wapiti_macro(where, found)
        macros.append((offset, column))
        views.append(view)
    literals.append(_literal(where, line[end:]))
    plain = all(view == PLAIN for view in views)
    return Template(tuple(literals), tuple(macros), number, () if plain else tuple(views))


def _literal(where: str, text: str) -> str:
    found = PERCENT.search(text)
    if found:
        known = found[0][1:2] in list("xXtTmM")
        kind = "a malformed macro" if known else "an unknown macro"
        raise FormatError(f"{where}: found {found[0]!r}, {kind}, {EXPECTED['wapiti']}")
    return text


def _wapiti_macro(where: str, found: re.Match[str]) -> tuple[int, int, View]:
    letter, anchor, offset, column, regexp = found.groups()
    command = cast(Command, letter.lower())
    if (regexp is None) != (command == "x"):
        kind = "without its regexp" if regexp is None else "with a regexp that it does not take"
        raise FormatError(f"{where}: found {found[0]!r}, a macro {kind}, {EXPECTED['wapiti']}")
    if anchor == "*" and int(offset) < 0:
        raise FormatError(
            f"{where}: found {found[0]!r}, a * with {offset}, expected a column from 0 behind it, "
            "the one that holds the offset"
        )
    try:
        translate(regexp or "")
    except ValueError as error:
        raise FormatError(f"{where}: found {found[0]!r}, whose regexp is wrong: {error}") from None
    view = View(cast(Anchor, anchor), command, regexp or "", letter.isupper())
    return int(offset), int(column), view
