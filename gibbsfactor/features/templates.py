"""Feature templates in CRF++'s syntax: which strings around a token become its attributes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from gibbsfactor.errors import FormatError

Outside: TypeAlias = Literal["value", "omit"]
Macro: TypeAlias = tuple[int, int]
"""The offset from the token at hand, and the column."""

BOS, EOS = "__BOS__", "__EOS__"
MACRO = re.compile(r"%x\[(-?[0-9]+),([0-9]+)\]")
PERCENT = re.compile(r"%[^\s\[]?(?:\[[^\]]*\]?)?")

CHUNKING = """\
# Word
U00:%x[-2,0]
U01:%x[-1,0]
U02:%x[0,0]
U03:%x[1,0]
U04:%x[2,0]
U05:%x[-1,0]/%x[0,0]
U06:%x[0,0]/%x[1,0]

# Part of speech
U10:%x[-2,1]
U11:%x[-1,1]
U12:%x[0,1]
U13:%x[1,1]
U14:%x[2,1]
U15:%x[-2,1]/%x[-1,1]
U16:%x[-1,1]/%x[0,1]
U17:%x[0,1]/%x[1,1]
U18:%x[1,1]/%x[2,1]
U20:%x[-2,1]/%x[-1,1]/%x[0,1]
U21:%x[-1,1]/%x[0,1]/%x[1,1]
U22:%x[0,1]/%x[1,1]/%x[2,1]

# Transitions
B
"""


@dataclass(frozen=True)
class Template:
    """One U line: literal text with k macros between its k + 1 pieces.

        attribute(t) = literals[0] value(t + o_1, c_1) literals[1] ... literals[k]

    for macros ``(o_j, c_j)``. A line without a macro is an attribute of every token.
    """

    literals: tuple[str, ...]
    macros: tuple[Macro, ...]
    line: int = field(default=0, compare=False)

    def expand(self, value: Callable[[int, int], str]) -> str:
        """The attribute, given the value at an offset and a column.

        Examples
        --------
        >>> template = Templates.parse("U05:%x[-1,0]/%x[0,0]").templates[0]
        >>> template.expand(lambda offset, column: ["the", "dog"][offset + 1])
        'U05:the/dog'
        """
        parts = [self.literals[0]]
        for (offset, column), literal in zip(self.macros, self.literals[1:], strict=True):
            parts += value(offset, column), literal
        return "".join(parts)

    def __str__(self) -> str:
        return self.expand(lambda offset, column: f"%x[{offset},{column}]")


@dataclass(frozen=True)
class Templates:
    """A set of feature templates.

    Made by `parse`, `from_file` or `chunking`; templates without a U line give no attributes but
    the marks.

    Parameters
    ----------
    templates
        The U lines, in order.
    transitions
        Whether there is a B line: the model also weighs pairs of adjacent labels.
    source
        The text they were parsed from.
    outside
        What a macro finds beyond the ends of the sentence. ``"value"``, CRF++'s way: the strings
        ``_B-1``, ``_B-2``, ... before the first token and ``_B+1``, ``_B+2``, ... after the last.
        ``"omit"``, CRFsuite's way: the token goes without that attribute.
    marks
        Whether the first token also has the attribute ``__BOS__`` and the last ``__EOS__``.
    name
        The file's name in errors.

    Examples
    --------
    >>> templates = Templates.parse("U00:%x[0,0]\\nU01:%x[-1,0]/%x[0,0]\\nB\\n")
    >>> templates
    Templates(2 templates over 1 column, transitions, outside='value', marks=False)
    >>> Templates.parse(templates.source) == templates
    True
    """

    templates: tuple[Template, ...]
    transitions: bool
    source: str = field(repr=False, compare=False)
    outside: Outside = "value"
    marks: bool = False
    name: str = field(default="<templates>", compare=False)

    def __post_init__(self) -> None:
        if self.outside not in get_args(Outside):
            raise ValueError(f"outside must be 'value' or 'omit', but is {self.outside!r}")

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        outside: Outside = "value",
        marks: bool = False,
        name: str = "<templates>",
    ) -> Templates:
        """Parse the text of a template file.

        A line is a template ``U...``, the line ``B``, a comment ``#...`` or blank. White space at
        its end does not count.

        Raises
        ------
        FormatError
            Naming the line, what was found there and what was expected.
        """
        templates: list[Template] = []
        transitions = False
        for number, line in enumerate(map(str.rstrip, text.split("\n")), 1):
            where = f"{name}, line {number}"
            if not line or line.startswith("#"):
                continue
            if line.startswith("U"):
                templates.append(_parse_line(where, number, line))
            elif line.startswith("B"):
                if "%" in line:
                    raise FormatError(
                        f"{where}: found {line!r}, but observation-conditioned transitions are "
                        "not supported; write plain B"
                    )
                transitions = True
            else:
                raise FormatError(
                    f"{where}: found {line!r}, expected a line that begins with U, B or #; "
                    "begin a template with U, such as U00:%x[0,0]"
                )
        if not templates and not transitions:
            raise FormatError(f"{name}: found no template, expected a line that begins with U or B")
        return cls(tuple(templates), transitions, text, outside, marks, name)

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], *, outside: Outside = "value", marks: bool = False
    ) -> Templates:
        """Parse a template file in UTF-8.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FormatError
            As `parse`, or if the text is not UTF-8.
        """
        name = os.fspath(path)
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{name}: no such file; check the path, and the folder it starts from"
            ) from None
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise FormatError(
                f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; "
                "save the file as UTF-8"
            ) from None
        return cls.parse(text, outside=outside, marks=marks, name=name)

    @classmethod
    def chunking(cls) -> Templates:
        """The 19 templates customary for CoNLL-2000 chunking, over the columns word and POS.

        Words from -2 to 2, the two pairs of words with the token's own; parts of speech from -2
        to 2, their 4 pairs and 3 triples. Outside is omitted; both ends are marked.

        Examples
        --------
        >>> Templates.chunking()
        Templates(19 templates over 2 columns, transitions, outside='omit', marks=True)
        """
        return cls.parse(CHUNKING, outside="omit", marks=True, name="Templates.chunking()")

    @property
    def n_columns(self) -> int:
        """How many columns the data needs at least: one more than the highest column named."""
        return 1 + max((c for t in self.templates for _, c in t.macros), default=-1)

    def check_columns(self, n_columns: int) -> None:
        """Raise ValueError, naming the line, if a macro asks for a column the data lacks."""
        for template in self.templates:
            for offset, column in template.macros:
                if column >= n_columns:
                    raise ValueError(
                        f"{self.name}, line {template.line}: found %x[{offset},{column}], column "
                        f"{column}, but the data has {n_columns} (0 to {n_columns - 1}); "
                        "columns count from 0, and the label column may have been dropped"
                    )

    def __repr__(self) -> str:
        columns = f"{self.n_columns} column{'s' * (self.n_columns != 1)}"
        return (
            f"Templates({len(self.templates)} templates over {columns}, "
            f"{'transitions' if self.transitions else 'no transitions'}, "
            f"outside={self.outside!r}, marks={self.marks})"
        )


def _parse_line(where: str, number: int, line: str) -> Template:
    """A U line as its literals and macros."""
    pieces = MACRO.split(line)
    for literal in pieces[::3]:
        found = PERCENT.search(literal)
        if found:
            kind = "a malformed macro" if found[0].startswith("%x") else "an unknown macro"
            raise FormatError(
                f"{where}: found {found[0]!r}, {kind}, expected %x[offset,column] with a whole "
                "offset and a column from 0, such as %x[-1,0] (a % cannot stand for itself)"
            )
    offsets, columns = map(int, pieces[1::3]), map(int, pieces[2::3])
    return Template(tuple(pieces[::3]), tuple(zip(offsets, columns, strict=True)), number)
