"""Windows: what the macros of templates find around each token, as positions of strings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.template_codes import Group
from gibbsfactor.features.templates import Macro, Templates
from gibbsfactor.features.vocabulary import NameIndex


class Windows:
    """What macros find: for an offset and a column, a string's position at each of M tokens."""

    def __init__(self, templates: Templates, columns: Columns, strings: NameIndex) -> None:
        macros = {macro for template in templates.templates for macro in template.macros}
        reach = max((abs(offset) for offset, _ in macros), default=0)
        ends = np.repeat(np.cumsum(columns.lengths), columns.lengths)
        starts = ends - np.repeat(columns.lengths, columns.lengths)
        place = np.arange(columns.n_tokens)
        self.before = place - starts
        self.after = ends - 1 - place
        self.omit = templates.outside == "omit"
        self.outside = {
            sign: np.array([strings[f"_B{sign}{d}"] for d in range(1, reach + 1)], np.int32)
            for sign in ("" if self.omit else "-+")
        }
        self.codes: dict[int, NDArray[np.int32]] = {}
        for c in sorted({column for _, column in macros}):
            table = np.fromiter(map(strings.__getitem__, columns.vocabularies[c]), np.int32)
            self.codes[c] = table[columns.codes[c]]
        self.found: dict[Macro, NDArray[np.int32]] = {}

    def read(self, group: Group) -> list[NDArray[np.int32]]:
        """For each macro of the group's literals, its values under every member in turn."""
        if not group.order:
            return [np.zeros(len(group.members) * len(self.before), np.int32)]
        return [
            np.concatenate([self._shifted(member[j]) for member in group.members])
            for j in range(group.order)
        ]

    def _shifted(self, macro: Macro) -> NDArray[np.int32]:
        if macro not in self.found:
            self.found[macro] = self._shift(*macro)
        return self.found[macro]

    def _shift(self, offset: int, column: int) -> NDArray[np.int32]:
        if not offset:
            return self.codes[column]
        codes, count = self.codes[column], len(self.before)
        shifted = np.full(count, -1, np.int32)
        if offset < 0:
            shifted[-offset:] = codes[: max(count + offset, 0)]
            beyond = -offset - self.before
        else:
            shifted[: max(count - offset, 0)] = codes[offset:]
            beyond = offset - self.after
        out = beyond > 0
        shifted[out] = -1 if self.omit else self.outside["-+"[offset > 0]][beyond[out] - 1]
        return shifted
