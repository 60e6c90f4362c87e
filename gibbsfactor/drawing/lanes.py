"""Columns and rows of a picture of several: how wide they are, and what lies where in them.

Lengths are in points, along one axis of a sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """From where to where a graph reaches; those in line share the zero of the scale."""

    low: float
    high: float
    in_line: bool


@dataclass(frozen=True)
class Lane:
    """A column, or a row: the room of its panels, those in line about one zero."""

    size: float
    low: float  # reach of those in line
    high: float

    @classmethod
    def over(cls, spans: Sequence[Span], least: float = 0.0) -> Lane:
        """The lane that holds panels of these spans."""
        low = min((s.low for s in spans if s.in_line), default=0.0)
        high = max((s.high for s in spans if s.in_line), default=0.0)
        others = [s.high - s.low for s in spans if not s.in_line]
        return cls(max([high - low, least, *others]), low, high)

    def offset(self, span: Span) -> float:
        """From where on a panel lies."""
        if span.in_line:
            return (self.size - self.high + self.low) / 2 + span.low - self.low
        return (self.size - span.high + span.low) / 2


def starts(lanes: Sequence[Lane], before: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Where lanes begin that have some room before each, and gaps between them.

    Examples
    --------
    >>> starts([Lane(50.0, 0.0, 0.0), Lane(20.0, 0.0, 0.0)], [3.0, 3.0], [10.0])
    [3.0, 66.0]
    """
    found, at = [], 0.0
    for lane, room, gap in zip(lanes, before, [*gaps, 0.0], strict=True):
        found.append(at + room)
        at += room + lane.size + gap
    return found
