"""Windows: what macros find around each token, as numbers of strings.

The sentences are laid out in a row of cells, each between as many cells before it and after it as
the macros reach; these hold the strings beyond its ends, such as ``_B-1``. So what a macro finds
is the row shifted, and what a template finds at a token is what another one that looks at the same
strings from elsewhere finds at another: each such shape is worked out once.

Letters: N sequences, M tokens, P cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.template_macros import Place, Reading
from gibbsfactor.features.template_regexps import read_strings
from gibbsfactor.features.templates import Templates

REACH = 16
"""Macros that look further than this read token by token, so that there are few cells more."""

NUMBER = re.compile(r"\s*([+-]?[0-9]{1,9})", re.ASCII)


class Alphabet(dict[str, int]):
    """The strings that some macros may find, each with its number."""

    def learn(self, strings: Iterable[str]) -> None:
        """Number the strings that have none yet."""
        distinct = dict.fromkeys(strings)
        fresh = [string for string in distinct if string not in self] if self else distinct
        self.update(zip(fresh, count(len(self))))

    def find(self, strings: Iterable[str]) -> NDArray[np.int32]:
        """The number of each string, -1 for those that have none."""
        return np.fromiter(map(self.get, strings, repeat(-1)), np.int32)


class Shape(NamedTuple):
    """Places to read together: near ones relative to the first of them, or just as given."""

    places: tuple[Place, ...]
    near: bool


def shape_of(places: tuple[Place, ...]) -> tuple[Shape, int]:
    """The shape of a template's places, and how far its first place is from the token."""
    near = all(not place.anchor and abs(place.offset) <= REACH for place in places)
    if not near or not places:
        return Shape(places, near), 0
    first = min(place.offset for place in places)
    return Shape(tuple(p._replace(offset=p.offset - first) for p in places), True), first


class Windows:
    """The cells of N sequences, and what the templates' macros find in them.

    Parameters
    ----------
    templates
        Whose macros are to be read.
    columns
        The M tokens.
    alphabets
        For each reading the alphabet that numbers its strings.
    learn
        Whether the alphabets take in strings that they lack.
    """

    def __init__(
        self,
        templates: Templates,
        columns: Columns,
        alphabets: dict[Reading, Alphabet],
        *,
        learn: bool,
    ) -> None:
        self.columns, self.alphabets, self.learn = columns, alphabets, learn
        self.wapiti, self.omit = templates.syntax == "wapiti", templates.outside == "omit"
        near = [
            place.offset
            for template in (*templates.templates, *templates.edges)
            for place in template.places
            if not place.anchor and abs(place.offset) <= REACH
        ]
        self.before, self.after = max(0, -min(near, default=0)), max(0, max(near, default=0))
        lengths = columns.lengths[columns.lengths > 0]
        ends = np.cumsum(lengths)
        sequence = np.repeat(np.arange(len(lengths)), lengths)
        self.firsts, self.lasts = ends - lengths, ends - 1
        pads = self.before + self.after
        self.cells = np.arange(columns.n_tokens) + (sequence * pads + self.before)
        self.n_cells = columns.n_tokens + len(lengths) * pads
        self.sequence = sequence
        self.rows: dict[Reading, NDArray[np.int32]] = {}

    def read(self, shape: Shape) -> list[NDArray[np.int32]]:
        """For each place of a shape the numbers found: at the cells if near, else at the tokens.

        A near shape that spans s cells more than one is read at the first P - s.
        """
        if not shape.near:
            return [self._at_tokens(place) for place in shape.places]
        span = max((place.offset for place in shape.places), default=0)
        stop = max(self.n_cells - span, 0)
        return [self._row(p.reading)[p.offset : p.offset + stop] for p in shape.places]

    def rows_of(self, shape: Shape) -> int:
        """How many there are of each."""
        if not shape.near:
            return self.columns.n_tokens
        return max(self.n_cells - max((p.offset for p in shape.places), default=0), 0)

    def _row(self, reading: Reading) -> NDArray[np.int32]:
        """What the reading gives at every cell."""
        if reading not in self.rows:
            self.rows[reading] = self._lay_out(reading)
        return self.rows[reading]

    def _lay_out(self, reading: Reading) -> NDArray[np.int32]:
        row = np.empty(self.n_cells, np.int32)
        beyond = [*range(-self.before, 0), *range(1, self.after + 1)]
        pads = np.full(len(beyond), -1, np.int32)
        if not self.omit:
            pads = self._number(map(self._outside, beyond), reading)
        row[self.cells] = self._own(reading)
        first, last = self.cells[self.firsts], self.cells[self.lasts]
        for distance, number in zip(beyond, pads.tolist(), strict=True):
            row[(first if distance < 0 else last) + distance] = number
        return row

    def _own(self, reading: Reading) -> NDArray[np.int32]:
        """The number of what the reading makes of each token's own string."""
        strings, codes = self.columns.vocabularies[reading.column], self.columns.codes
        own = codes[reading.column]
        if len(strings) > 2 * len(own):  # few tokens out of many: only those strings they have
            used, own = np.unique(own, return_inverse=True)
            strings = tuple(map(strings.__getitem__, used.tolist()))
        numbers: NDArray[np.int32] = self._number(strings, reading)[own]
        return numbers

    def _number(self, strings: Iterable[str], reading: Reading) -> NDArray[np.int32]:
        made, alphabet = list(read_strings(strings, reading)), self.alphabets[reading]
        if self.learn:
            alphabet.learn(made)
        return alphabet.find(made)

    def _outside(self, distance: int) -> str:
        """The string so far before (-1, -2, ...) or after (1, 2, ...) a sentence."""
        if not self.wapiti:
            return f"_B{distance:+d}"
        return f"_x{distance:+d}" if abs(distance) < 5 else f"_x{'-+'[distance > 0]}#"

    def _at_tokens(self, place: Place) -> NDArray[np.int32]:
        """What a place gives at every token, wherever it looks."""
        if not place.anchor and abs(place.offset) <= REACH:
            return np.take(self._row(place.reading), self.cells + place.offset)
        starts, position = self.firsts[self.sequence], self._positions(place)
        ends = self.lasts[self.sequence] + 1
        inside = (position >= starts) & (position < ends)
        found = np.full(len(position), -1, np.int32)
        found[inside] = self._own(place.reading)[position[inside]]
        if not self.omit:
            beyond = np.where(position < starts, position - starts, position - ends + 1)[~inside]
            distances, inverse = np.unique(beyond, return_inverse=True)
            outside = self._number(map(self._outside, distances.tolist()), place.reading)
            found[~inside] = outside[inverse]
        return found

    def _positions(self, place: Place) -> NDArray[np.int64]:
        """Which token of all M the place is, reckoned on beyond the ends of its own sentence."""
        tokens = np.arange(self.columns.n_tokens)
        if not place.anchor:
            return tokens + place.offset
        if place.anchor == "*":
            strings = self.columns.vocabularies[place.offset]
            offsets = np.fromiter(map(_leading_number, strings), np.int64, len(strings))
            tokens += offsets[self.columns.codes[place.offset]]
            return tokens
        if place.offset < 0:
            return self.lasts.take(self.sequence) + 1 + place.offset
        return self.firsts.take(self.sequence) + place.offset - 1


def _leading_number(string: str) -> int:
    """The number that a string begins with, 0 if none: as C's atoi reads it."""
    found = NUMBER.match(string)
    return int(found[1]) if found else 0
