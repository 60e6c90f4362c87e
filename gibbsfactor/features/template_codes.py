"""Codes: the values that a template finds at a token, as one integer.

All strings that a macro can find are in one table of R strings. The k values v that a template
finds at a token are then

    code = v_1 R^(k-1) + v_2 R^(k-2) + ... + v_k

and its attributes are the distinct codes. Templates with the same literals share their attributes,
as they would be the same strings: so CRF++ has its bags of words.

Letters: M tokens, R strings, k macros in a template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.templates import Macro, Templates

CODE_LIMIT = 2**62
"""Codes stay below this; a partial code that would not is first replaced by its rank."""


@dataclass(eq=False)
class Group:
    """The templates that share their literals and so their attributes."""

    literals: tuple[str, ...]
    members: list[tuple[Macro, ...]]
    codes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ranks: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    radix: int = 1

    @property
    def order(self) -> int:
        """k, the number of macros."""
        return len(self.literals) - 1

    def fit(self, values: list[NDArray[np.int32]], radix: int) -> NDArray[np.int64]:
        """Learn the codes; returns each member's attribute at each token, -1 where it has none."""
        self.radix, self.ranks = radix, {}
        codes, inverse = np.unique(self._encode(values, learn=True), return_inverse=True)
        absent = int(codes[0] < 0)
        self.codes = codes[absent:]
        return (inverse - absent).reshape(len(self.members), -1)

    def find(self, values: list[NDArray[np.int32]]) -> NDArray[np.int64]:
        """As `fit` returns, by the codes learnt."""
        return _rank(self.codes, self._encode(values, learn=False)).reshape(len(self.members), -1)

    def names(self, strings: Sequence[str]) -> list[str]:
        """The attributes as strings."""
        left, found = self.codes, []
        for j in reversed(range(1, self.order)):
            left, value = np.divmod(left, self.radix)
            found.append(value)
            if j in self.ranks:
                left = self.ranks[j][left]
        slots = [*reversed([*found, left])] if self.order else []
        parts = [[self.literals[0]] * len(self.codes)]
        for slot, literal in zip(slots, self.literals[1:], strict=True):
            parts.append([strings[value] + literal for value in slot.tolist()])
        return list(map("".join, zip(*parts, strict=True)))

    def _encode(self, values: list[NDArray[np.int32]], *, learn: bool) -> NDArray[np.int64]:
        """One code for the values at each place, -1 where one of them is absent."""
        codes = values[0].astype(np.int64)
        absent, span = codes < 0, self.radix
        for j, value in enumerate(values[1:], 1):
            if span * self.radix > CODE_LIMIT:
                if learn:
                    self.ranks[j] = np.unique(codes[~absent])
                codes, span = _rank(self.ranks[j], codes), len(self.ranks[j])
                absent |= codes < 0
            codes *= self.radix
            codes += value
            absent |= value < 0
            span *= self.radix
        codes[absent] = -1
        return codes


def group_templates(templates: Templates) -> list[Group]:
    """The templates by their literals, in order of first appearance."""
    groups: dict[tuple[str, ...], Group] = {}
    for template in templates.templates:
        group = groups.setdefault(template.literals, Group(template.literals, []))
        group.members.append(template.macros)
    return list(groups.values())


def _rank(ordered: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each code's position among the ordered ones, -1 if it is not among them."""
    if not len(ordered):
        return np.full(len(codes), -1)
    rank = np.searchsorted(ordered, codes)
    rank[rank == len(ordered)] = 0
    rank[ordered[rank] != codes] = -1
    return rank
