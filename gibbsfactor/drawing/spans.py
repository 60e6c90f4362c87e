"""A labelled sentence in lines: which tokens go where, and which boxes lie below them.

A span is a chunk, or a single token with its label. Spans are kept whole where the line is wide
enough; one that is longer than a line goes on in the next.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from gibbsfactor.drawing.sheet import SMALL_FONT, plain, width_of
from gibbsfactor.evaluation import find_chunks, follows_iob

OUTSIDE = "O"
PADDING = 8.0  # in a box, both sides together
GAP = 3.0  # between tokens


@dataclass(frozen=True)
class Span:
    """Tokens from the first to the last, the name of all, and whether it is wrong."""

    first: int
    last: int
    name: str
    wrong: bool = False

    @property
    def tokens(self) -> range:
        """Its tokens."""
        return range(self.first, self.last + 1)


def reads_chunks(labels: Iterable[Hashable]) -> bool:
    """Whether all labels are of a chunk scheme; None is of any."""
    return all(label is None or follows_iob(label) for label in labels)


def spans_of(
    labels: Sequence[Hashable], truth: Sequence[Hashable] | None, by_chunk: bool
) -> list[list[Span]]:
    """The spans of the labels; with the truth, the wrong ones marked, then those missed.

    A span is a chunk, or else a token with its label. None has no span, and what is there where
    the truth is not known is not wrong.
    """
    rows = [labels] if truth is None else [labels, truth]
    spans = _chunks(rows) if by_chunk else [_tokens(row) for row in rows]
    if truth is None:
        return spans
    ours, true = spans
    unknown = {t for t, label in enumerate(truth) if label is None}
    right, told = set(true), set(ours)
    marked = [
        replace(span, wrong=span not in right and unknown.isdisjoint(span.tokens)) for span in ours
    ]
    return [marked, [span for span in true if span not in told]]


def _chunks(rows: list[Sequence[Hashable]]) -> list[list[Span]]:
    found: list[list[Span]] = [[] for _ in rows]
    known = [[OUTSIDE if label is None else label for label in row] for row in rows]
    for row, first, last, kind in find_chunks(known):
        found[row].append(Span(first, last, plain(kind)))
    return found


def _tokens(labels: Sequence[Hashable]) -> list[Span]:
    return [Span(t, t, plain(label)) for t, label in enumerate(labels) if label is not None]


# ---- lines ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """The part of a span that lies in one line."""

    span: Span
    first: int
    last: int

    @property
    def text(self) -> str:
        """The span's name, a cross before a wrong one, dots at a side where it goes on."""
        before = "✗ " if self.span.wrong else ""
        before += "… " if self.first > self.span.first else ""
        after = " …" if self.last < self.span.last else ""
        return f"{before}{self.span.name}{after}"


@dataclass(frozen=True)
class Line:
    """Tokens from the first on, where each lies, and the pieces in each row of boxes."""

    first: int
    lefts: list[float]
    widths: list[float]
    rows: list[list[Piece]]

    @property
    def width(self) -> float:
        """From the first token's left to the last one's right."""
        return self.lefts[-1] + self.widths[-1]

    def bounds(self, piece: Piece) -> tuple[float, float]:
        """Left end and width of a piece."""
        first, last = piece.first - self.first, piece.last - self.first
        left = self.lefts[first]
        return left, self.lefts[last] + self.widths[last] - left


def broken(widths: Sequence[float], rows: Sequence[Sequence[Span]], most: float) -> list[Line]:
    """The tokens in lines of at most such a width where that can be.

    Parameters
    ----------
    widths : of each token's text
    rows : the spans of each row of boxes
    most : float
    """
    lines: list[list[int]] = []
    for unit in _units(len(widths), rows):
        if lines and _width([*lines[-1], *unit], widths, rows) <= most:
            lines[-1] += unit
            continue
        lines.append([])
        for t in unit:  # whole, unless it is longer than a line
            if lines[-1] and _width([*lines[-1], t], widths, rows) > most:
                lines.append([])
            lines[-1].append(t)
    return [_line(tokens, widths, rows) for tokens in lines]


def _units(count: int, rows: Sequence[Sequence[Span]]) -> list[list[int]]:
    """Tokens grouped so that no span of any row is parted."""
    joined = [False] * count  # with the token before
    for spans in rows:
        for span in spans:
            for t in span.tokens[1:]:
                joined[t] = True
    units: list[list[int]] = []
    for t in range(count):
        if joined[t]:
            units[-1].append(t)
        else:
            units.append([t])
    return units


def _width(tokens: list[int], widths: Sequence[float], rows: Sequence[Sequence[Span]]) -> float:
    return _line(tokens, widths, rows).width


def _line(tokens: list[int], widths: Sequence[float], rows: Sequence[Sequence[Span]]) -> Line:
    """One line, its tokens widened evenly where the name of a span needs more room."""
    first, last = tokens[0], tokens[-1]
    wide = [widths[t] for t in tokens]
    pieces = [
        [
            Piece(span, max(span.first, first), min(span.last, last))
            for span in spans
            if span.first <= last and span.last >= first
        ]
        for spans in rows
    ]
    for row in pieces:
        for piece in row:
            inside = range(piece.first - first, piece.last - first + 1)
            room = sum(wide[i] for i in inside) + GAP * (len(inside) - 1)
            lacking = width_of(piece.text, SMALL_FONT) + PADDING - room
            if lacking > 0:
                for i in inside:
                    wide[i] += lacking / len(inside)
    lefts = [sum(wide[:i]) + GAP * i for i in range(len(wide))]
    return Line(first, lefts, wide, pieces)
