"""The elements of an XMLBIF file that matter, each with its line, from a streaming XML parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from gibbsfactor.errors import FormatError
from gibbsfactor.io.text import TextSource, read_xml, source_name

Named = tuple[str, int]
"""A name and the line it is on."""

BLANKS = " \t\r\n"
VERSION = "0.3"
_WITHIN = {
    "": ("BIF",),
    "BIF": ("NETWORK",),
    "NETWORK": ("NAME", "VARIABLE", "DEFINITION", "PROPERTY"),
    "VARIABLE": ("NAME", "OUTCOME", "PROPERTY"),
    "DEFINITION": ("FOR", "GIVEN", "TABLE", "PROPERTY"),
}


@dataclass
class Text:
    """The text of one element, in pieces, each with the line it begins on."""

    line: int
    pieces: list[tuple[str, int]] = field(default_factory=list)

    def whole(self) -> str:
        """All of it, comments left out."""
        return "".join(piece for piece, _ in self.pieces)

    def line_of_word(self, n: int) -> int:
        """The line of the n-th word, counted from 0; that of the element if there is none."""
        starts = [m.start() for m in re.finditer(r"\S+", self.whole())]
        if n >= len(starts):
            return self.line
        end = 0
        for piece, line in self.pieces:
            begin, end = end, end + len(piece)
            if starts[n] < end:
                return line + piece.count("\n", 0, starts[n] - begin)
        raise AssertionError("a word lies in one of the pieces")


@dataclass
class VariableElement:
    """A VARIABLE: its name and its states."""

    line: int
    name: Named = ("", 0)
    outcomes: list[Named] = field(default_factory=list)


@dataclass
class Definition:
    """A DEFINITION: the child, its parents and the numbers of its table."""

    line: int
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

    @classmethod
    def read(cls, source: TextSource, encoding: str | None = None) -> Document:
        """The elements of a file."""
        document = cls(source_name(source))
        data = read_xml(source, encoding)
        parser = expat.ParserCreate("utf-8")  # as it is by now, whatever the file says
        document._listen(parser)
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise document.error(
                error.lineno,
                f"found XML that is not well formed ({expat.ErrorString(error.code)}), "
                "expected an XMLBIF file",
            ) from None
        if not document._networks:
            raise document.error(parser.CurrentLineNumber, "found no <NETWORK>, expected one")
        return document

    def error(self, line: int, message: str) -> FormatError:
        """What to raise about a line."""
        return FormatError(f"{self.name}, line {line}: {message}")

    def _listen(self, parser: expat.XMLParserType) -> None:
        def start(tag: str, attributes: dict[str, str]) -> None:
            self._start(tag, attributes, parser.CurrentLineNumber)

        def end(tag: str) -> None:
            self._end(tag, parser.CurrentLineNumber)

        def text(piece: str) -> None:
            self._add(piece, parser.CurrentLineNumber)

        def refuse(name: str, *_: object) -> NoReturn:
            raise self.error(
                parser.CurrentLineNumber, f"found the entity {name!r}, expected none but XML's own"
            )

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = text
        parser.EntityDeclHandler = parser.SkippedEntityHandler = refuse

    # ---- events ------------------------------------------------------------------------

    def _start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        around = self._open[-1] if self._open else ""
        expected = _WITHIN.get(around, ())
        if tag not in expected:
            where = f" in <{around}>" if around else ""
            what = " or ".join(f"<{t}>" for t in expected) or "text"
            raise self.error(line, f"found <{tag:.40}>{where}, expected {what}")
        self._open.append(tag)
        self._text = Text(line)
        if tag == "BIF" and attributes.get("VERSION", VERSION) != VERSION:
            version = attributes["VERSION"]
            raise self.error(line, f"found version {version!r:.40}, expected {VERSION!r}")
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
        elif tag == "DEFINITION":
            self.definitions.append(Definition(line))

    def _add(self, piece: str, line: int) -> None:
        around = self._open[-1] if self._open else ""
        if around not in _WITHIN:
            self._text.pieces.append((piece, line))
        elif piece.strip(BLANKS):
            shown = piece.strip(BLANKS)[:40]
            raise self.error(line, f"found {shown!r} in <{around}>, expected elements only")

    def _end(self, tag: str, line: int) -> None:
        self._open.pop()
        around = self._open[-1] if self._open else ""
        text, name = self._text, (self._text.whole().strip(BLANKS), self._text.line)
        if around == "VARIABLE" and tag == "NAME":
            variable = self.variables[-1]
            self._once(variable.name[0], "<NAME>", name[1])
            variable.name = name
        elif tag == "OUTCOME":
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
        elif tag == "DEFINITION" and not self.definitions[-1].child[0]:
            raise self.error(line, "found a definition without a <FOR>, expected one")

    def _once(self, before: object, tag: str, line: int) -> None:
        if before:
            raise self.error(line, f"found a second {tag}, expected one")
