"""The elements of an XMLBIF file that matter, each with its line, from a streaming XML parser."""

from __future__ import annotations

from dataclasses import dataclass, field

from gibbsfactor.errors import FormatError
from gibbsfactor.io.text import TextSource, source_name
from gibbsfactor.io.xml_parts import BLANKS, Text, parse

Named = tuple[str, int]
"""A name and the line it is on."""

VERSIONS = ("0.3", "0.2", "0.15", "0.1")
_WITHIN = {
    "": ("BIF",),
    "BIF": ("NETWORK",),
    "NETWORK": ("NAME", "VARIABLE", "DEFINITION", "PROPERTY", "PROBABILITY"),
    "VARIABLE": ("NAME", "OUTCOME", "PROPERTY", "TYPE", "VALUE"),
    "DEFINITION": ("FOR", "GIVEN", "TABLE", "PROPERTY"),
    "PROBABILITY": ("FOR", "GIVEN", "TABLE", "PROPERTY"),
}


@dataclass
class VariableElement:
    """A VARIABLE: its name and its states."""

    line: int
    name: Named = ("", 0)
    outcomes: list[Named] = field(default_factory=list)


@dataclass
class Definition:
    """A DEFINITION: the child, its parents and the numbers of its table.

    ``child_slowest`` is how the table of a PROBABILITY runs, which it was called before 0.3.
    """

    line: int
    child_slowest: bool
    child: Named = ("", 0)
    parents: list[Named] = field(default_factory=list)
    table: Text | None = None


class Document:
    """An XMLBIF file as lists of its variables and definitions.

    Elements that the format does not have, or not where they are, and entity declarations are
    errors as soon as they begin, so the nesting stays as shallow as the format's.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.variables: list[VariableElement] = []
        self.definitions: list[Definition] = []
        self._open: list[str] = []
        self._text = Text(0)
        self._networks = 0
        self._version: str | None = None

    @classmethod
    def read(cls, source: TextSource, encoding: str | None = None) -> Document:
        """The elements of a file."""
        document = cls(source_name(source))
        last = parse(source, encoding, "an XMLBIF file", document)
        if not document._networks:
            raise document.error(last, "found no <NETWORK>, expected one")
        return document

    def error(self, line: int, message: str) -> FormatError:
        """What to raise about a line."""
        return FormatError(f"{self.name}, line {line}: {message}")

    # ---- events ------------------------------------------------------------------------

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        """An element begins; it must be one that may stand there."""
        around = self._open[-1] if self._open else ""
        known = _WITHIN.get(around, ())
        if tag not in known:
            where = f" in <{around}>" if around else ""
            what = " or ".join(f"<{t}>" for t in known) or "text"
            raise self.error(line, f"found <{tag:.40}>{where}, expected {what}")
        self._open.append(tag)
        self._text = Text(line)
        if tag == "BIF":
            self._version = attributes.get("VERSION")
            if self._version not in (None, *VERSIONS):
                expected = " or ".join(map(repr, VERSIONS))
                raise self.error(line, f"found version {self._version!r:.40}, expected {expected}")
        if tag == "NETWORK":
            self._networks += 1
            if self._networks > 1:
                raise self.error(line, "found a second <NETWORK>, expected one")
        elif tag == "VARIABLE":
            kind = attributes.get("TYPE", "nature")
            if kind != "nature":
                raise self.error(
                    line, f"found a variable of type {kind!r:.40}, expected 'nature' in a network"
                )
            self.variables.append(VariableElement(line))
        elif tag in ("DEFINITION", "PROBABILITY"):
            old = tag == "PROBABILITY"
            if self._version is not None and old == (self._version == "0.3"):
                raise self.error(
                    line,
                    f"found <{tag}> in version {self._version!r}; tables are in <DEFINITION> in "
                    "version '0.3' and in <PROBABILITY>, in another order, before it",
                )
            self.definitions.append(Definition(line, old))

    def add(self, piece: str, line: int) -> None:
        """A piece of text, which only the innermost elements have."""
        around = self._open[-1] if self._open else ""
        if around not in _WITHIN:
            self._text.pieces.append((piece, line))
        elif piece.strip(BLANKS):
            shown = piece.strip(BLANKS)[:40]
            raise self.error(line, f"found {shown!r} in <{around}>, expected elements only")

    def end(self, tag: str, line: int) -> None:
        """An element is whole."""
        self._open.pop()
        around = self._open[-1] if self._open else ""
        text, name = self._text, (self._text.whole().strip(BLANKS), self._text.line)
        if around == "VARIABLE" and tag == "NAME":
            variable = self.variables[-1]
            self._once(variable.name[0], "<NAME>", name[1])
            variable.name = name
        elif tag == "TYPE" and name[0] != "discrete":
            raise self.error(name[1], f"found the type {name[0]!r:.40}, expected 'discrete'")
        elif tag in ("OUTCOME", "VALUE"):
            self.variables[-1].outcomes.append(name)
        elif tag == "FOR":
            definition = self.definitions[-1]
            self._once(definition.child[0], "<FOR>", name[1])
            definition.child = name
        elif tag == "GIVEN":
            self.definitions[-1].parents.append(name)
        elif tag == "TABLE":
            definition = self.definitions[-1]
            self._once(definition.table, "<TABLE>", text.line)
            definition.table = text
        elif tag == "VARIABLE" and not self.variables[-1].name[0]:
            raise self.error(line, "found a variable without a <NAME>, expected one")
        elif tag in ("DEFINITION", "PROBABILITY") and not self.definitions[-1].child[0]:
            raise self.error(line, "found a definition without a <FOR>, expected one")

    def _once(self, before: object, tag: str, line: int) -> None:
        if before:
            raise self.error(line, f"found a second {tag}, expected one")
