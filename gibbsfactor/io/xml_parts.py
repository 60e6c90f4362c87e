"""XML files as events or as a tree, each element with its line, and without entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn, Protocol
from xml.parsers import expat

from gibbsfactor.errors import FormatError
from gibbsfactor.io.text import TextSource, read_xml, source_name

BLANKS = " \t\r\n"
UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML has no place for."""
_CAPITALS = re.compile(rb"\s*<\?XML\b[^>]*\?>")  # before XML 1.0 it was written so
_DEEPEST = 50


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


class Listener(Protocol):
    """Handler of the elements of a file; each call has the line."""

    def error(self, line: int, message: str) -> FormatError:
        """What to raise about a line."""

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        """An element begins."""

    def add(self, piece: str, line: int) -> None:
        """A piece of the text of the element that began last."""

    def end(self, tag: str, line: int) -> None:
        """An element ends."""


def parse(source: TextSource, encoding: str | None, what: str, listener: Listener) -> int:
    """Tell a listener of all elements of a file; the number of its last line.

    Entities of the file's own are refused, so that a small file can't become a huge one.
    """
    data = read_xml(source, encoding)
    capitals = _CAPITALS.match(data)
    if capitals is not None:
        data = b"\n" * capitals[0].count(b"\n") + data[capitals.end() :]
    parser = expat.ParserCreate("utf-8")  # as it is by now, whatever the file says

    def start(tag: str, attributes: dict[str, str]) -> None:
        listener.start(tag, attributes, parser.CurrentLineNumber)

    def end(tag: str) -> None:
        listener.end(tag, parser.CurrentLineNumber)

    def text(piece: str) -> None:
        listener.add(piece, parser.CurrentLineNumber)

    def refuse(name: str, *_: object) -> NoReturn:
        raise listener.error(
            parser.CurrentLineNumber, f"found the entity {name!r}, expected none but XML's own"
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = parser.SkippedEntityHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise listener.error(
            error.lineno,
            f"found XML that is not well formed ({expat.ErrorString(error.code)}), expected {what}",
        ) from None
    return parser.CurrentLineNumber


# ---- trees ---------------------------------------------------------------------------------


@dataclass
class Element:
    """An element: its attributes, its own text, and the elements in it."""

    tag: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: Text = field(default_factory=lambda: Text(0))

    def all(self, *tags: str) -> Iterator[Element]:
        """The children of these tags."""
        return (child for child in self.children if child.tag in tags)


@dataclass
class Tree:
    """An XML file whole, for formats in which much is passed over."""

    name: str
    root: Element = field(default_factory=lambda: Element("", 1))
    _open: list[Element] = field(default_factory=list)

    @classmethod
    def read(cls, source: TextSource, encoding: str | None, what: str) -> Tree:
        """The elements of a file; ``root`` holds the outermost one."""
        tree = cls(source_name(source))
        tree._open.append(tree.root)
        parse(source, encoding, what, tree)
        return tree

    def error(self, line: int, message: str) -> FormatError:
        """What to raise about a line."""
        return FormatError(f"{self.name}, line {line}: {message}")

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        """An element begins."""
        if len(self._open) > _DEEPEST:
            raise self.error(line, f"found elements nested deeper than expected ({_DEEPEST})")
        element = Element(tag, line, attributes, text=Text(line))
        self._open[-1].children.append(element)
        self._open.append(element)

    def add(self, piece: str, line: int) -> None:
        """A piece of text."""
        self._open[-1].text.pieces.append((piece, line))

    def end(self, tag: str, line: int) -> None:
        """An element ends."""
        self._open.pop()


# ---- writing -------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """Text as it is written between tags or in an attribute."""
    for character, name in _ESCAPES:
        text = text.replace(character, name)
    return text


_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))
