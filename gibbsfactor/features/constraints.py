"""Constraints on sequences of labels: which may begin one, follow another, end it.

Letter: L labels.
"""

from __future__ import annotations

import difflib
import html
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gibbsfactor.errors import listed
from gibbsfactor.features.schemes import Mask, allowed_transitions

SHOWN_LABELS = 40  # in the table of a notebook


@dataclass(frozen=True)
class Violation:
    """Where a sequence of labels breaks its constraints.

    Attributes
    ----------
    position : of the label that may not stand there
    reason : in words
    """

    position: int
    reason: str

    def __str__(self) -> str:
        return f"position {self.position}: {self.reason}"


@dataclass(frozen=True, eq=False, repr=False)
class Constraints:
    """Which labels may begin a sequence, follow each other, and end it.

    Parameters
    ----------
    classes
        L different labels.
    start
        (L,) booleans: the label may begin a sequence.
    pairs
        (L, L) booleans: label j may follow label i.
    end
        (L,) booleans: the label may end a sequence.

    Raises
    ------
    ValueError
        If a label comes twice, a table has another shape, or no sequence at all is allowed.

    Examples
    --------
    >>> scheme = Constraints.of_scheme(["B-NP", "I-NP", "O"], "IOB2")
    >>> scheme
    Constraints(3 labels: 2 may begin, 8 of 9 pairs, 3 may end)
    >>> print(scheme.check(["B-NP", "O", "I-NP"]))
    position 2: 'I-NP' may not follow 'O'
    >>> no_gaps = Constraints.from_pairs(scheme.classes, forbidden=[("O", "O")])
    >>> (scheme & no_gaps).followers("O")
    ['B-NP']
    """

    classes: tuple[Any, ...]
    start: Mask
    pairs: Mask
    end: Mask

    def __post_init__(self) -> None:
        classes = tuple(self.classes)
        object.__setattr__(self, "classes", classes)
        if len(_positions(classes)) < len(classes):
            twice = next(label for n, label in enumerate(classes) if label in classes[:n])
            raise ValueError(f"the label {twice!r} is there twice among the {len(classes)}")
        n = len(classes)
        for field, shape in (("start", (n,)), ("pairs", (n, n)), ("end", (n,))):
            table = _mask(getattr(self, field), field, shape)
            object.__setattr__(self, field, table)
        if not self.usable.any():
            raise ValueError(f"no sequence of labels is allowed: {self._why_none()}")

    @classmethod
    def of_scheme(cls, classes: Sequence[Hashable], scheme: str) -> Constraints:
        """What a label scheme allows; see `allowed_transitions`."""
        return cls(tuple(classes), *allowed_transitions(classes, scheme))

    @classmethod
    def from_pairs(
        cls,
        classes: Sequence[Hashable],
        *,
        forbidden: Iterable[tuple[Hashable, Hashable]] = (),
        allowed: Mapping[Any, Iterable[Hashable]] | None = None,
        start: Iterable[Hashable] | None = None,
        end: Iterable[Hashable] | None = None,
    ) -> Constraints:
        """Constraints from pairs of labels; everything that nothing is said about is allowed.

        Parameters
        ----------
        classes
            L different labels.
        forbidden
            Pairs (a, b): b may not follow a.
        allowed
            For some labels, all those that may follow: ``{"DET": ["ADJ", "NOUN"]}``.
        start, end
            The labels that may begin and end a sequence; None for any.

        Raises
        ------
        ValueError
            If a label is not among the classes, or no sequence at all is allowed.
        """
        number = _positions(classes)
        pairs = np.ones((len(classes), len(classes)), bool)
        for before, followers in (allowed or {}).items():
            pairs[_find(before, number)] = _among(followers, number)
        for pair in forbidden:
            if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
                raise ValueError(f"forbidden has {pair!r}, expected pairs (label, label after it)")
            pairs[_find(pair[0], number), _find(pair[1], number)] = False
        return cls(tuple(classes), _among(start, number), pairs, _among(end, number))

    @property
    def usable(self) -> Mask:
        """(L,) booleans: some allowed sequence has the label."""
        return _reached(self.start, self.pairs) & _reached(self.end, self.pairs.T)

    def followers(self, label: Hashable) -> list[Any]:
        """The labels that may follow one; raises ValueError if it is not among the classes."""
        row = self.pairs[_find(label, _positions(self.classes))]
        return [self.classes[j] for j in np.flatnonzero(row)]

    def check(self, labels: Sequence[Hashable]) -> Violation | None:
        """The first label of a sequence that may not stand where it does, None if all may.

        Raises
        ------
        ValueError
            If a label is not among the classes.
        """
        number = _positions(self.classes)
        found = [_find(label, number) for label in labels]
        if found and not self.start[found[0]]:
            return Violation(0, f"{labels[0]!r} may not begin a sequence")
        for t in range(1, len(found)):
            if not self.pairs[found[t - 1], found[t]]:
                return Violation(t, f"{labels[t]!r} may not follow {labels[t - 1]!r}")
        if found and not self.end[found[-1]]:
            return Violation(len(found) - 1, f"{labels[-1]!r} may not end a sequence")
        return None

    def __and__(self, other: Constraints) -> Constraints:
        """What both allow; they must have the same labels in the same order."""
        if not isinstance(other, Constraints):
            return NotImplemented
        if self.classes != other.classes:
            raise ValueError(
                f"the labels differ: {listed(self.classes)} and {listed(other.classes)}; "
                "make both constraints from the same list"
            )
        both = (getattr(self, f) & getattr(other, f) for f in ("start", "pairs", "end"))
        return Constraints(self.classes, *both)

    def _why_none(self) -> str:
        if not self.classes:
            return "there are no labels"
        for field, word in (("start", "begin"), ("end", "end")):
            if not getattr(self, field).any():
                return f"none of {listed(self.classes)} may {word} one"
        first = [self.classes[i] for i in np.flatnonzero(self.start)]
        last = [self.classes[i] for i in np.flatnonzero(self.end)]
        return f"from {listed(first)}, which may begin one, nothing leads to {listed(last)}"

    def __repr__(self) -> str:
        return (
            f"Constraints({len(self.classes)} labels: {self.start.sum()} may begin, "
            f"{self.pairs.sum()} of {self.pairs.size} pairs, {self.end.sum()} may end)"
        )

    def _repr_html_(self) -> str:
        """A table with a row for the label before and a column for the label after."""
        shown = range(min(len(self.classes), SHOWN_LABELS))
        names = [html.escape(str(self.classes[i])) for i in shown]
        rows = [("start", self.start, False)]
        rows += [(names[i], self.pairs[i], bool(self.end[i])) for i in shown]
        head = "".join(f"<th>{name}</th>" for name in ["", *names, "end"])
        body = ""
        for name, row, last in rows:
            cells = [*(bool(row[j]) for j in shown), last]
            marks = "".join(f"<td>{'✓' if cell else ''}</td>" for cell in cells)
            body += f"<tr><th>{name}</th>{marks}</tr>"
        more = len(self.classes) - len(shown)
        note = f"<caption>and {more} more labels</caption>" if more else ""
        return f"<table>{note}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _mask(given: ArrayLike, name: str, shape: tuple[int, ...]) -> Mask:
    table = np.array(given)
    if table.shape != shape or (table.dtype != np.bool_ and table.size):
        raise ValueError(
            f"{name} is {table.dtype} of shape {table.shape}, expected booleans of shape {shape}, "
            f"for {shape[0]} labels"
        )
    table = table.astype(bool)
    table.flags.writeable = False
    return table


def _reached(begin: Mask, pairs: Mask) -> Mask:
    """The labels that sequences which begin so can get to."""
    reached, new = begin.copy(), begin
    while new.any():
        new = pairs[new].any(axis=0) & ~reached
        reached |= new
    return reached


def _positions(classes: Sequence[Hashable]) -> dict[Hashable, int]:
    return {label: i for i, label in enumerate(classes)}


def _find(label: Hashable, number: Mapping[Hashable, int]) -> int:
    """The number of a label; raises ValueError, with the names it may have meant."""
    try:
        return number[label]
    except (KeyError, TypeError):
        names = [name for name in number if isinstance(name, str)]
        near = difflib.get_close_matches(label, names) if isinstance(label, str) else []
        hint = f"did you mean {listed(near)}?" if near else f"there are {listed([*number])}"
        raise ValueError(f"there is no label {label!r}; {hint}") from None


def _among(labels: Iterable[Hashable] | None, number: Mapping[Hashable, int]) -> Mask:
    """(L,) booleans: the label is one of these; all are if these are None."""
    if isinstance(labels, str):
        raise ValueError(f"expected a list of labels, but got the string {labels!r}")
    found = np.full(len(number), labels is None)
    for label in labels or ():
        found[_find(label, number)] = True
    return found
