"""Names, marks and numbers of a BIF text, wherever the blanks and comments are."""

from __future__ import annotations

import re

from gibbsfactor.errors import FormatError
from gibbsfactor.io.network_parts import floats_of, number_of
from gibbsfactor.io.text import TextSource, read_text, source_name

_BLANK = re.compile(r"(?:\s+|//[^\n]*|/\*[\s\S]*?\*/)*+")
_SEPARATOR = re.compile(r"(?:[\s,]+|//[^\n]*|/\*[\s\S]*?\*/)*+")
_WORD = r'(?:(?!//|/\*)[^\s{}()\[\],;|"])(?:(?!//|/\*)[^\s{}()\[\],;|])*+'
_NAME = re.compile(rf'"(?:[^"\\\n]|\\.)*+"|{_WORD}')
_PLAIN_NAME = re.compile(_WORD)
_ESCAPED = re.compile(r'\\(["\\])')
_PROPERTY = re.compile(r'(?>"[^"\n]*"|[^;])*+;')
_NUMBERS = re.compile(r"([0-9.eE+\-,\s]*+);")  # no comment, no name: the usual case, in one step
_NUMBER = re.compile(r"[^\s,;(){}\[\]\"/|]+(?:\(ind\))?")
_ROW = re.compile(r'\s*+\(([^(){}\[\];"/|]*+)\)([0-9.eE+\-,\s]*+);')
Named = tuple[str, int]
"""A name and its place."""
_SHOWN = 30  # characters of the text in a message


class NameList:
    """A list of names, split at commas and blanks or at commas only.

    Attributes
    ----------
    place : where the list begins
    words : the names with their places, where blanks and commas part them
    parts : the names with their places, where commas alone part them
    bar : how many words and how many parts are before the bar; None without one
    """

    def __init__(self, place: int) -> None:
        self.place = place
        self.words: list[Named] = []
        self.parts: list[Named] = []
        self.bar: tuple[int, int] | None = None
        self.mark: int | None = None  # where the first bracket is, which no word holds
        self.bars = 0
        self._part, self._begin, self._end = "", 0, 0

    def add(self, text: str, begin: int, end: int, *, is_name: bool = True) -> None:
        """Add a name, or a mark that is part of one, which is from here to there in the text."""
        if is_name:
            self.words.append((text, begin))
        elif self.mark is None:
            self.mark = begin
        if self._end == 0:
            self._part, self._begin = text, begin
        else:
            self._part += (" " if begin > self._end else "") + text
        self._end = end

    def close(self, *, bar: bool = False) -> None:
        """End a part, at a comma, at the bar or at the end."""
        if self._end:
            self.parts.append((self._part, self._begin))
        self._part, self._end = "", 0
        if bar:
            self.bars += 1
            self.bar = len(self.words), len(self.parts)

    def of(self, n: int) -> list[Named]:
        """The names if there are to be n: words if they are as many, else parts if those are."""
        if self.mark is None and (len(self.words) == n or len(self.parts) != n):
            return self.words
        return self.parts


class Scanner:
    """A BIF text and the place up to which it is read.

    Blanks and comments part what they stand between and are passed over; so are commas within
    lists.
    """

    def __init__(self, source: TextSource, encoding: str | None = None) -> None:
        self.name = source_name(source)
        self.text = read_text(source, encoding)
        self.at = 0

    def error(self, at: int, message: str) -> FormatError:
        """What to raise about a place in the text."""
        at = min(at, len(self.text.rstrip()))
        return FormatError(f"{self.name}, line {self.text.count(chr(10), 0, at) + 1}: {message}")

    def unexpected(self, expected: str) -> FormatError:
        """What to raise where the text goes on in another way than it should."""
        rest = self.text[self.at : self.at + _SHOWN].split("\n")[0].rstrip()
        if self.at >= len(self.text):
            found = "the end of the file"
        elif rest.startswith("/*"):
            found = "a comment without its end '*/'"
        elif rest.startswith('"') and not _NAME.match(self.text, self.at):
            found = f"a quoted name without its end, {rest!r}"
        else:
            found = repr(rest)
        return self.error(self.at, f"found {found}, expected {expected}")

    def skip(self, pattern: re.Pattern[str] = _BLANK) -> str:
        """Pass over blanks and comments; the character after them, empty at the end."""
        found = pattern.match(self.text, self.at)
        assert found is not None  # the pattern matches nothing as well
        self.at = found.end()
        return self.text[self.at : self.at + 1]

    def take(self, mark: str, where: str) -> None:
        """Read one mark."""
        if self.skip() != mark:
            raise self.unexpected(f"{mark!r} {where}")
        self.at += 1

    def name_or_mark(self, what: str) -> str:
        """Read a name, or pass over a mark of the format and give it."""
        mark = self.skip()
        if mark and mark in "{}()[];|":
            self.at += 1
            return mark
        return self.read_name(what)

    def read_name(self, what: str) -> str:
        """Read a name: any run of characters that are no mark, or anything within quotes."""
        self.skip()
        found = _NAME.match(self.text, self.at)
        if found is None:
            raise self.unexpected(what)
        self.at = found.end()
        name = found[0]
        return _ESCAPED.sub(r"\1", name[1:-1]) if name.startswith('"') else name

    def read_list(self, end: str, what: str) -> NameList:
        """Read names up to a mark that is not within brackets, and pass over it.

        Parameters
        ----------
        end
            The mark.
        what
            What is listed, for messages.
        """
        items = NameList(self.at)
        depth = 0
        while (mark := self.skip()) != end or depth:
            at = self.at
            if mark and mark in ",|" and not depth:
                items.close(bar=mark == "|")
                self.at += 1
                continue
            if mark and mark in "()[],|":
                depth += (mark in "([") - (mark in ")]")
                if depth < 0:
                    raise self.unexpected(f"{what} or {end!r}")
                self.at += 1
                items.add(mark, at, self.at, is_name=False)
                continue
            items.add(self.read_name(f"{what} or {end!r}"), at, self.at)
        items.close()
        self.at += 1
        return items

    def read_numbers(self) -> list[float]:
        """Read numbers up to a semicolon."""
        found = _NUMBERS.match(self.text, self.at)
        if found is not None:
            try:
                numbers = floats_of(found[1].replace(",", " ").split())
            except ValueError:
                pass  # found again below
            else:
                self.at = found.end()
                return numbers
        numbers = []
        while self.skip(_SEPARATOR) != ";":
            one = _NUMBER.match(self.text, self.at)
            try:
                numbers.append(number_of(one[0] if one else ""))
            except ValueError:
                raise self.unexpected("a number or ';'") from None
            assert one is not None
            self.at = one.end()
        self.at += 1
        return numbers

    def read_plain_row(self) -> tuple[str, list[float]] | None:
        """Read a row ``(state, ...) number, ...;`` of no quotes and no comments, if one follows."""
        found = _ROW.match(self.text, self.at)
        if found is None:
            return None
        try:
            numbers = floats_of(found[2].replace(",", " ").split())
        except ValueError:
            return None
        self.at = found.end()
        return found[1], numbers

    def skip_property(self) -> None:
        """Pass over the text of a property, up to a semicolon outside quotes."""
        found = _PROPERTY.match(self.text, self.at)
        if found is None:
            raise self.error(self.at, "found a property without its end, expected ';'")
        self.at = found.end()


def quoted(name: str) -> str:
    """A name as it is written: in quotes where it holds marks or blanks.

    Raises
    ------
    ValueError
        If it holds a line break.
    """
    if _PLAIN_NAME.fullmatch(name):
        return name
    if "\n" in name or "\r" in name:
        raise ValueError(f"the name {name!r} holds a line break, which BIF can't say; rename it")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
