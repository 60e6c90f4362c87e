"""Edges through layers: each as straight as the nodes beside it allow, bends rounded off.

A gate is a stretch [left, right] at a height that an edge passes through; what lies between two
gates is free of nodes. y grows upwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from gibbsfactor.drawing.force import Array

_ROUNDS = 200
_STEP = 3.0  # points between samples of a curve


@dataclass(frozen=True)
class Gate:
    """Where an edge may pass at one height."""

    y: float
    left: float
    right: float


def route(start: tuple[float, float], gates: Sequence[Gate], end: tuple[float, float]) -> Array:
    """Points of a smooth curve from start to end through the gates, from the top downwards.

    x as a function of y is monotone between gates that follow each other, so that it stays
    within them.

    Examples
    --------
    >>> route((0.0, 10.0), [Gate(5.0, -1.0, 9.0)], (4.0, 0.0)).tolist()
    [[0.0, 10.0], [4.0, 0.0]]
    """
    y = np.array([start[1], *(gate.y for gate in gates), end[1]])
    low = np.array([start[0], *(gate.left for gate in gates), end[0]])
    high = np.array([start[0], *(gate.right for gate in gates), end[0]])
    line = start[0] + (end[0] - start[0]) * (y - y[0]) / (y[-1] - y[0])
    if ((line >= low) & (line <= high)).all():
        return np.array([start, end])
    x = _taut(y, low, high)
    curve = PchipInterpolator(y[::-1], x[::-1])
    down = np.concatenate(
        [
            np.linspace(a, b, max(int((a - b) / _STEP), 2), endpoint=False)
            for a, b in zip(y[:-1], y[1:], strict=True)
        ]
        + [y[-1:]]
    )
    return np.stack([curve(down), down], axis=1)


def _taut(y: Array, low: Array, high: Array) -> Array:
    """The least sum of dx^2 / |dy| between bounds: a string pulled tight."""
    stiff = 1.0 / np.abs(np.diff(y))
    x = np.clip(np.linspace(low[0], low[-1], len(y)), low, high)
    inner = range(1, len(y) - 1)
    for _ in range(_ROUNDS):
        moved = 0.0
        for i in (*inner, *reversed(inner)):
            a, b = stiff[i - 1], stiff[i]
            to = min(max((a * x[i - 1] + b * x[i + 1]) / (a + b), low[i]), high[i])
            moved = max(moved, abs(to - x[i]))
            x[i] = to
        if moved < 0.05:
            break
    return np.asarray(x)
