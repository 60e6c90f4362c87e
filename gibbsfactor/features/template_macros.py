"""One template: literal text, and between its pieces the macros that say what to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

Macro: TypeAlias = tuple[int, int]
"""The offset from the token at hand, and the column."""

Anchor: TypeAlias = Literal["", "@", "*"]
Command: TypeAlias = Literal["x", "t", "m"]


@dataclass(frozen=True)
class View:
    """How a macro reads its column: from where it counts, and what it makes of the string there.

    Parameters
    ----------
    anchor
        ``""``: the offset counts from the token at hand. ``"@"``: it is a position in the
        sentence, 1 the first token and -1 the last. ``"*"``: it is a column, and the number
        there is the offset from the token at hand.
    command
        ``"x"``: the string itself. ``"t"``: ``true`` or ``false``, whether the regular expression
        is found in it. ``"m"``: the part that the expression matches, empty where it does not.
    regexp
        The expression as the template has it.
    fold
        Whether the letters A to Z of what was found become small.
    """

    anchor: Anchor = ""
    command: Command = "x"
    regexp: str = ""
    fold: bool = False


PLAIN = View()


class Reading(NamedTuple):
    """A column, and what a macro makes of its strings."""

    column: int
    command: Command
    regexp: str
    fold: bool


class Place(NamedTuple):
    """Where a macro looks, and what it makes of what is there."""

    anchor: Anchor
    offset: int
    reading: Reading


@dataclass(frozen=True)
class Template:
    """One line: literal text with k macros between its k + 1 pieces.

        attribute(t) = literals[0] value(t + o_1, c_1) literals[1] ... literals[k]

    for macros ``(o_j, c_j)``. A line without a macro is an attribute of every token.

    Parameters
    ----------
    literals
        The k + 1 pieces of text; the first one begins with the kind of the line.
    macros
        k offsets and columns.
    line
        Its number in the file, for errors.
    views
        How each macro reads, or nothing where all read plainly, as ``%x[offset,column]`` does.
    """

    literals: tuple[str, ...]
    macros: tuple[Macro, ...]
    line: int = field(default=0, compare=False)
    views: tuple[View, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Where each macro looks, and what it makes of what is there."""
        views = self.views or (PLAIN,) * len(self.macros)
        return tuple(
            Place(view.anchor, offset, Reading(column, view.command, view.regexp, view.fold))
            for (offset, column), view in zip(self.macros, views, strict=True)
        )

    def columns(self, j: int) -> tuple[int, ...]:
        """The columns that macro j reads."""
        offset, column = self.macros[j]
        indirect = bool(self.views) and self.views[j].anchor == "*"
        return (offset, column) if indirect else (column,)

    def macro(self, j: int) -> str:
        """Macro j as a template file writes it."""
        (offset, column), view = self.macros[j], self.views[j] if self.views else PLAIN
        command = view.command.upper() if view.fold else view.command
        regexp = "" if view.command == "x" else f',"{view.regexp}"'
        return f"%{command}[{view.anchor}{offset},{column}{regexp}]"

    def expand(self, found: Sequence[str]) -> str:
        """The attribute, given the string that each macro found.

        Examples
        --------
        >>> from gibbsfactor import Templates
        >>> Templates.parse("U05:%x[-1,0]/%x[0,0]").templates[0].expand(["the", "dog"])
        'U05:the/dog'
        """
        parts = [self.literals[0]]
        for string, literal in zip(found, self.literals[1:], strict=True):
            parts += string, literal
        return "".join(parts)

    def __str__(self) -> str:
        return self.expand(list(map(self.macro, range(len(self.macros)))))
