"""The words of a UAI file, taken from the front."""

from __future__ import annotations

import re

import numpy as np

from gibbsfactor.errors import FormatError
from gibbsfactor.io.network_parts import is_tiny, log_of_tiny
from gibbsfactor.io.text import TextSource, read_ascii, source_name
from gibbsfactor.tables import FloatArray

_COMMENT = re.compile(rb"#[^\n]*")
_MOST_SHOWN = 40  # characters of a word in a message


class Words:
    """The words of a file, split once at white space of any kind; ``#`` begins a comment.

    Line numbers are counted only when a message needs one.
    """

    def __init__(self, source: TextSource) -> None:
        self.name = source_name(source)
        self._data = read_ascii(source)
        if b"#" in self._data:
            self._data = _COMMENT.sub(b"", self._data)
        self.words = self._data.split()
        self.at = 0
        if b"_" in self._data:  # which Python, but not the format, allows within numbers
            at = next(i for i, word in enumerate(self.words) if b"_" in word)
            raise self.error(at, "words and numbers without underscores")

    @property
    def left(self) -> int:
        """How many words are still to be read."""
        return len(self.words) - self.at

    def line(self, at: int) -> int:
        """The line of a word; that of the last one for those beyond the end."""
        at = min(at, len(self.words) - 1)
        start = next((m.start() for i, m in enumerate(re.finditer(rb"\S+", self._data)) if i == at))
        return self._data.count(b"\n", 0, start) + 1

    def error(self, at: int, expected: str) -> FormatError:
        """What to raise where a word is not what it should be."""
        if not self.words:
            return FormatError(f"{self.name}: the file is empty; expected {expected}")
        if at >= len(self.words):
            return FormatError(
                f"{self.name}, line {self.line(at)}: the file ends after {len(self.words)} words; "
                f"expected {expected}"
            )
        return FormatError(
            f"{self.name}, line {self.line(at)}: found {shown(self.words[at])}, expected {expected}"
        )

    def whole(self, what: str, least: int = 0, most: int | None = None) -> int:
        """The next word as a whole number within bounds."""
        at, self.at = self.at, self.at + 1
        number = as_whole(self.words[at]) if at < len(self.words) else None
        if number is None or number < least or (most is not None and number > most):
            bounds = f"at least {least}" if most is None else f"from {least} to {most}"
            raise self.error(at, f"{what}, a whole number {bounds}")
        return number

    def count(self, what: str, each: int = 1, least: int = 0) -> int:
        """The next word as the number of things of which each takes ``each`` words or more.

        A number of things that the file can't hold is an error here, so that nobody makes room
        for them.
        """
        number = self.whole(what, least)
        if number * each > self.left:
            raise FormatError(
                f"{self.name}, line {self.line(self.at - 1)}: {what} is {number}, but only "
                f"{self.left} words follow; the file is cut short or the number is wrong"
            )
        return number

    def floats(self, n: int, what: str) -> FloatArray:
        """The next n words as numbers, finite and at least 0."""
        words = self.words[self.at : self.at + n]
        try:
            numbers = np.fromiter(map(float, words), np.float64, n)
        except ValueError:  # not a number, or there are too few words
            numbers = np.array([as_float(word) for word in words])
        bad = ~((numbers >= 0) & (numbers < np.inf))
        if bad.any() or len(numbers) < n:
            at = int(np.argmax(bad)) if bad.any() else len(numbers)
            raise self.error(self.at + at, f"{what}, finite and at least 0")
        self.at += n
        return numbers

    def logs_of_tiny(self, first: int, numbers: FloatArray) -> dict[int, float]:
        """Logs of those of the numbers, read from word ``first`` on, that a float makes 0."""
        zeros = np.flatnonzero(numbers == 0).tolist()
        words = {self.words[first + i] for i in zeros}
        logs = {word: log_of_tiny(text) for word in words if is_tiny(text := word.decode("ascii"))}
        if not logs:
            return {}
        return {i: logs[self.words[first + i]] for i in zeros if self.words[first + i] in logs}

    def end(self) -> None:
        """Raise unless everything was read."""
        if self.left:
            raise self.error(self.at, f"the end of the file, after {self.at} words")


def as_whole(word: bytes) -> int | None:
    """A whole number, or None; of more than 18 digits none that counts anything."""
    digits = word.removeprefix(b"-")
    return int(word) if digits.isdigit() and len(digits) <= 18 else None


def as_float(word: bytes) -> float:
    """A number, or NaN."""
    try:
        return float(word)
    except ValueError:
        return float("nan")


def shown(word: bytes) -> str:
    """A word for a message, cut if it is long."""
    text = word.decode("utf-8", "replace")
    return repr(text) if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]!r}..."
