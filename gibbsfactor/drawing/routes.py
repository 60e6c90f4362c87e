"""Edges through layers: each as straight as the nodes beside it allow, its bends rounded off.

A gate is a stretch [left, right] at a height that an edge passes through; what lies between two
gates is free of nodes. y grows upwards. Letters: x(y) the edge, m = dx/dy its slant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gibbsfactor.drawing.force import Array

_ROUNDS = 200
_SAMPLES = 16  # of a curve between two gates
_TIGHT, _ROUND = 1 / 3, 0.6  # reach of a curve's handles at a slanted, and at an upright joint
_SLANTED = 1.5  # dx/dy from which a joint counts as slanted


@dataclass(frozen=True)
class Gate:
    """Where an edge may pass at one height."""

    y: float
    left: float
    right: float


def route(start: tuple[float, float], gates: Sequence[Gate], end: tuple[float, float]) -> Array:
    """Points of a smooth curve from start down to end through the gates.

    It is straight where that is possible. Otherwise it is as tight as a string, and rounded off
    by cubic curves that are monotone between gates, so that it stays within them.

    Examples
    --------
    >>> route((0.0, 10.0), [Gate(5.0, -1.0, 9.0)], (4.0, 0.0)).tolist()
    [[0.0, 10.0], [4.0, 0.0]]
    """
    y = np.array([start[1], *(gate.y for gate in gates), end[1]])
    low = np.array([start[0], *(gate.left for gate in gates), end[0]])
    high = np.array([start[0], *(gate.right for gate in gates), end[0]])
    line = start[0] + (end[0] - start[0]) * (y - y[0]) / (y[-1] - y[0])
    if ((line >= low - 1e-6) & (line <= high + 1e-6)).all():
        return np.array([start, end])
    return _rounded(_taut(y, low, high), y)


def _taut(y: Array, low: Array, high: Array) -> Array:
    """The least sum of dx^2 / |dy| between bounds: a string pulled tight."""
    stiff = (1.0 / np.abs(np.diff(y))).tolist()
    x = np.clip(np.linspace(low[0], low[-1], len(y)), low, high).tolist()
    least, most = low.tolist(), high.tolist()
    inner = range(1, len(y) - 1)
    for _ in range(_ROUNDS):
        moved = 0.0
        for i in (*inner, *reversed(inner)):
            a, b = stiff[i - 1], stiff[i]
            to = min(max((a * x[i - 1] + b * x[i + 1]) / (a + b), least[i]), most[i])
            moved = max(moved, abs(to - x[i]))
            x[i] = to
        if moved < 0.05:
            break
    return np.array(x)


def _rounded(x: Array, y: Array) -> Array:
    """Cubic curves through all joints, without a corner and monotone between joints.

    The slants at the joints are those of monotone interpolation: zero where the edge turns back,
    and a harmonic mean elsewhere. Source: Fritsch & Butland (1984), A method for constructing
    local monotone piecewise cubic interpolants.
    """
    run, rise = np.diff(x), np.diff(y)
    slant = run / rise
    joint = np.empty(len(x))
    joint[[0, -1]] = slant[[0, -1]]
    for i in range(1, len(x) - 1):
        one, two = slant[i - 1], slant[i]
        joint[i] = 0.0 if one * two <= 0 else 2 * one * two / (one + two)
    reach = _ROUND - (_ROUND - _TIGHT) * np.minimum(np.abs(joint) / _SLANTED, 1.0)
    t = np.linspace(0, 1, _SAMPLES, endpoint=False)[:, None]
    points = []
    for i in range(len(run)):
        first, last = reach[i], reach[i + 1]
        over = max(first + last, 1.0)
        ahead = np.array([joint[i] * rise[i], rise[i]]) * (first / over)
        behind = np.array([joint[i + 1] * rise[i], rise[i]]) * (last / over)
        across = abs(ahead[0]) + abs(behind[0])
        if across > abs(run[i]):  # keep the handles between the joints
            ahead[0] *= abs(run[i]) / across
            behind[0] *= abs(run[i]) / across
        a, d = np.array([x[i], y[i]]), np.array([x[i + 1], y[i + 1]])
        b, c = a + ahead, d - behind
        s = 1 - t
        points.append(s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d)
    return np.vstack([*points, [x[-1], y[-1]]])
