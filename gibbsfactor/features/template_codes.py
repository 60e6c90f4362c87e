"""Codes: the values that a template finds at a token, as one integer.

The strings that a macro can find are an alphabet. The k values v that a template finds at a token,
from alphabets of R_1 ... R_k strings, are a gram, with

    code = (... (v_1 R_2 + v_2) R_3 + ...) R_k + v_k

and the template's attributes are the distinct codes. Where there can be few codes a gram's number
is its code, else its rank among those learnt; from the number a table leads to the attribute.
Templates with the same literals share their attributes, as they would be the same strings: so
CRF++ has its bags of words.

Letters: M tokens, R strings, k macros in a template, G grams.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.template_windows import Alphabet, Shape

CODE_LIMIT = 2**62
"""Codes stay below this; a partial code that would not is first replaced by its rank."""

DENSE_LIMIT = 2**18
"""As long as there can be no more codes than this, a gram's number is its code."""

NONE = np.zeros(0, np.int64)


@dataclass(eq=False)
class Grams:
    """The grams over k alphabets: their codes, and the numbers of those learnt."""

    alphabets: tuple[Alphabet, ...]
    codes: NDArray[np.int64] = field(default_factory=lambda: NONE)
    ranks: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def dense(self) -> bool:
        """Whether a gram's number is its code."""
        return not self.ranks and (len(self.alphabets) < 2 or self.limit <= DENSE_LIMIT)

    @property
    def count(self) -> int:
        """G, one more than the highest number."""
        return self.limit if self.dense else len(self.codes)

    @property
    def limit(self) -> int:
        """All codes are below this."""
        span = 1
        for j, alphabet in enumerate(self.alphabets):
            span = (len(self.ranks[j]) if j in self.ranks else span) * len(alphabet)
        return span

    def fit(self, values: list[list[NDArray[np.int32]]], rows: list[int]) -> list[NDArray[np.intp]]:
        """Learn the grams of some shapes; returns each one's numbers, -1 where there is none.

        Parameters
        ----------
        values
            For each shape, the k values at its rows.
        rows
            The number of rows of each.
        """
        self.ranks = {}
        codes = self._encode(_joined(values, len(self.alphabets)), sum(rows), learn=True)
        if not self.dense:
            self.codes, codes = np.unique(codes, return_inverse=True)
            if len(self.codes) and self.codes[0] < 0:
                self.codes = self.codes[1:]
                codes -= 1
        return np.split(codes.astype(np.intp, copy=False), np.cumsum(rows)[:-1])

    def find(self, values: list[NDArray[np.int32]], rows: int) -> NDArray[np.intp]:
        """One shape's numbers, as `fit` returns them, by the grams learnt."""
        codes = self._encode(values, rows, learn=False)
        return codes if self.dense else _rank(self.codes, codes)

    def keep(self, used: Iterable[NDArray[np.int64]]) -> None:
        """Keep only the grams of these codes, given in rising parts."""
        if self.dense:
            return
        parts = list(used)
        codes = parts[0] if len(parts) == 1 else np.sort(np.concatenate([NONE, *parts]))
        if len(parts) > 1:
            codes = codes[np.diff(codes, prepend=-1) > 0]
        self.codes = codes

    def numbers(self, codes: NDArray[np.int64]) -> NDArray[np.intp]:
        """The numbers of grams with these codes, all of them learnt."""
        return codes if self.dense else np.searchsorted(self.codes, codes)

    def strings(self, codes: NDArray[np.int64]) -> list[list[str]]:
        """For each macro the strings that it found."""
        left, slots = codes, []
        for j in reversed(range(1, len(self.alphabets))):
            left, value = np.divmod(left, len(self.alphabets[j]))
            slots.append(value)
            if j in self.ranks:
                left = self.ranks[j][left]
        slots = [*reversed([*slots, left])] if self.alphabets else []
        lists = ([*alphabet] for alphabet in self.alphabets)
        return [
            list(map(strings.__getitem__, slot.tolist()))
            for strings, slot in zip(lists, slots, strict=True)
        ]

    def _encode(
        self, values: Sequence[NDArray[np.int32]], rows: int, *, learn: bool
    ) -> NDArray[np.int64]:
        """One code for the values in each row, -1 where one of them is absent."""
        if not self.alphabets:
            return np.zeros(rows, np.int64)
        codes, span = values[0].astype(np.int64), len(self.alphabets[0])
        for j, value in enumerate(values[1:], 1):
            radix = len(self.alphabets[j])
            if span * radix > CODE_LIMIT:
                if learn:
                    self.ranks[j] = np.unique(codes[codes >= 0])
                codes, span = _rank(self.ranks[j], codes), len(self.ranks[j])
            absent = (codes < 0) | (value < 0)
            codes *= radix
            codes += value
            codes[absent] = -1
            span *= radix
        return codes


@dataclass(eq=False)
class Group:
    """The templates that share their literals and so their attributes.

    `members` are the shapes they read, each with its distance from the token; `codes` the grams
    that are attributes, rising.
    """

    literals: tuple[str, ...]
    grams: Grams
    members: list[tuple[Shape, int]]
    codes: NDArray[np.int64] = field(default_factory=lambda: NONE)

    def fit(self, numbers: Iterable[NDArray[np.intp]], min_freq: int) -> None:
        """Learn the attributes from the members' numbers at the tokens, -1 for none."""
        if min_freq < 2:
            used = np.zeros(self.grams.count + 1, bool)
            for found in numbers:
                used[found] = True
            kept = np.flatnonzero(used[:-1])
        else:
            kept = np.flatnonzero(self._counts(numbers) >= min_freq)
        self.codes = kept if self.grams.dense else self.grams.codes[kept]

    def _counts(self, numbers: Iterable[NDArray[np.intp]]) -> NDArray[np.int64]:
        """On how many tokens each gram is."""
        counts = np.zeros(self.grams.count, np.int64)
        earlier: list[NDArray[np.intp]] = []
        for found in numbers:
            new = found
            for other in earlier:  # what a token has twice counts once
                new = np.where(new == other, -1, new)
            counts += np.bincount(new + 1, minlength=len(counts) + 1)[1:]
            earlier.append(found)
        return counts

    def table(self, first: int) -> NDArray[np.int32]:
        """From a gram's number to the attribute, counted from `first`, -1 if it is none.

        The last place is for the number -1.
        """
        table = np.full(self.grams.count + 1, -1, np.int32)
        table[self.grams.numbers(self.codes)] = np.arange(first, first + len(self.codes))
        return table

    def names(self) -> list[str]:
        """The attributes as strings."""
        parts = [[self.literals[0]] * len(self.codes)]
        found = self.grams.strings(self.codes)
        for strings, literal in zip(found, self.literals[1:], strict=True):
            parts.append([string + literal for string in strings] if literal else strings)
        return list(map("".join, zip(*parts, strict=True)))


def _joined(values: list[list[NDArray[np.int32]]], order: int) -> list[NDArray[np.int32]]:
    """The values of several shapes, one behind the other."""
    if len(values) == 1:
        return values[0]
    return [np.concatenate([one[j] for one in values]) for j in range(order)]


def _rank(ordered: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each code's position among the ordered ones, -1 if it is not among them."""
    if not len(ordered):
        return np.full(len(codes), -1)
    rank = np.empty(len(codes), np.int64)
    order = np.argsort(codes)  # sorted codes are found several times as fast
    rank[order] = np.searchsorted(ordered, codes[order])
    rank[rank == len(ordered)] = 0
    rank[ordered[rank] != codes] = -1
    return rank
