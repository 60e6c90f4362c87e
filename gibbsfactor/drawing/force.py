"""Positions for graphs of no special shape: stress majorisation, then room for every box.

Shapes: N nodes, E edges. Positions are (N, 2) and sizes (N, 2), widths and heights, in the
same unit (points). Edges are (E, 2) row numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

_SMALL = 40  # nodes up to which several starts are tried
_DENSE = 0.7  # share of all possible edges from which a circle is clearest
_MANY = 250  # nodes from which fewer rounds are made
_PAIRS = 60_000  # edge-node pairs up to which edges are kept clear of nodes


def arrange(sizes: Array, edges: Index, gap: float, seed: int = 0) -> Array:
    """Positions at which distances follow the graph's and no two boxes overlap.

    The best of several starts is kept: fewest edges across nodes, then fewest crossings,
    then least stress.
    """
    n = len(sizes)
    if n <= _SMALL and len(edges) > _DENSE * n * (n - 1) / 2:
        return _ring(sizes, gap)
    ideal = graph_distances(sizes, edges, gap)
    rng = np.random.default_rng(seed)
    starts = [_classical(ideal, rng), _on_circle(n, ideal)]
    if n <= _SMALL:
        starts += [rng.normal(size=(n, 2)) * ideal.mean() for _ in range(6)]
    best: tuple[tuple[float, float, float], Array] | None = None
    for start in starts if n <= _MANY else starts[:1]:
        spread, stress = _majorise(start, ideal, rounds=150 if n <= _MANY else 50)
        placed = separate(_level(spread), sizes, edges, gap / 2)
        score = (float(edge_hits(placed, sizes, edges)), float(crossings(placed, edges)), stress)
        if best is None or score < best[0]:
            best = score, placed
    ring = _ring(sizes, gap)
    if n <= _SMALL and best is not None and edge_hits(ring, sizes, edges) < best[0][0]:
        return ring
    assert best is not None
    return best[1]


def relax(start: Array, sizes: Array, edges: Index, gap: float) -> Array:
    """Positions near a start at which distances follow the graph's and no boxes overlap."""
    ideal = graph_distances(sizes, edges, gap)
    spread, _ = _majorise(start, ideal, rounds=150 if len(start) <= _MANY else 50)
    return separate(spread, sizes, edges, gap / 2)


def graph_distances(sizes: Array, edges: Index, gap: float) -> Array:
    """(N, N) shortest paths, an edge being as long as its two nodes and the gap ask."""
    n = len(sizes)
    reach = np.sqrt(sizes[:, 0] * sizes[:, 1]) / 2
    ideal = np.full((n, n), np.inf)
    np.fill_diagonal(ideal, 0.0)
    one, two = edges[:, 0], edges[:, 1]
    ideal[one, two] = ideal[two, one] = reach[one] + reach[two] + gap
    for k in range(n):
        np.minimum(ideal, ideal[:, k, None] + ideal[None, k], out=ideal)
    return ideal


def _majorise(start: Array, ideal: Array, rounds: int) -> tuple[Array, float]:
    """SMACOF for sum_ij w_ij (|x_i - x_j| - d_ij)^2 with w = d^-2.

    Source: Gansner, Koren & North (2004), Graph drawing by stress majorization, section 2.
    """
    n = len(start)
    with np.errstate(divide="ignore"):
        weight = np.where(ideal > 0, ideal**-2.0, 0.0)
    laplacian = np.diag(weight.sum(axis=1)) - weight
    inverse = np.linalg.inv(laplacian + 1.0 / n) - 1.0 / n
    x = start - start.mean(axis=0)
    stress = np.inf
    for _ in range(rounds):
        apart = np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))
        now = float((weight * (apart - ideal) ** 2).sum()) / 2
        if stress - now < 1e-5 * now:
            break
        stress = now
        pull = -weight * ideal / np.where(apart > 1e-9, apart, 1.0)
        np.fill_diagonal(pull, 0.0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        x = inverse @ (pull @ x)
    return x, stress


def _classical(ideal: Array, rng: np.random.Generator) -> Array:
    """Classical scaling: the two leading eigenvectors of the doubly centred squares."""
    n = len(ideal)
    square = ideal**2
    centred = -(square - square.mean(0) - square.mean(1)[:, None] + square.mean()) / 2
    values, vectors = np.linalg.eigh(centred)
    x: Array = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0))
    jittered: Array = x + rng.normal(size=(n, 2)) * ideal.mean() * 0.02
    return jittered


def _on_circle(n: int, ideal: Array) -> Array:
    angle = np.arange(n) * (2 * np.pi / n)
    around: Array = np.stack([np.cos(angle), np.sin(angle)], axis=1) * ideal.max() / 2
    return around


def _ring(sizes: Array, gap: float) -> Array:
    """All nodes on one circle in their own order, which no chord's node can lie on."""
    step = np.hypot(sizes[:, 0], sizes[:, 1]).max() + gap
    n = len(sizes)
    radius = step / (2 * np.sin(np.pi / max(n, 3)))
    tilt = 0.0 if n % 2 else np.pi / n  # an even ring has a level top
    angle = np.pi / 2 + tilt - np.arange(n) * (2 * np.pi / n)
    around: Array = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return around


def _level(x: Array) -> Array:
    """Turn the long axis to the horizontal, and early nodes to the upper left."""
    x = x - x.mean(axis=0)
    _, axes = np.linalg.eigh(x.T @ x)
    x = x @ axes[:, ::-1]
    when = np.arange(len(x)) - (len(x) - 1) / 2
    sign = np.where(when @ x < 0, -1.0, 1.0) * np.array([1.0, -1.0])
    turned: Array = x * sign
    return turned


# ---- room -----------------------------------------------------------------------------


def separate(x: Array, sizes: Array, edges: Index, gap: float, rounds: int = 300) -> Array:
    """Push boxes apart until none overlap, and away from edges that are not their own."""
    x = x.copy()
    n = len(x)
    with_edges = 0 < len(edges) * n <= _PAIRS
    for _ in range(rounds if n <= _MANY else rounds // 6):
        push, overlaps = _push_boxes(x, sizes, gap)
        moved = overlaps
        if with_edges:
            shove, hits = _push_edges(x, sizes, edges, gap / 2)
            push += shove
            moved |= hits
        if not moved:
            break
        x += push
    return x * _needed_scale(x, sizes, gap / 2)


def _overlap(x: Array, sizes: Array, gap: float) -> tuple[Array, Array]:
    """(N, N, 2) offsets, and how far each pair's boxes run into each other along an axis."""
    apart = x[:, None] - x[None]
    return apart, (sizes[:, None] + sizes[None]) / 2 + gap - np.abs(apart)


def _push_boxes(x: Array, sizes: Array, gap: float) -> tuple[Array, bool]:
    apart, over = _overlap(x, sizes, gap)
    both = np.asarray((over > 1e-6).all(axis=2))
    np.fill_diagonal(both, False)
    if not both.any():
        return np.zeros_like(x), False
    sign = np.where(
        apart == 0,
        np.sign(np.subtract.outer(range(len(x)), range(len(x))))[..., None],
        np.sign(apart),
    )
    shorter = over == over.min(axis=2, keepdims=True)
    push: Array = (sign * over * shorter * both[..., None]).sum(axis=1) * 0.5
    crowd = np.maximum(both.sum(axis=1), 1)[:, None]
    return push / np.sqrt(crowd), True


def _clearances(x: Array, sizes: Array, edges: Index) -> tuple[Array, Array, Array]:
    """For each edge and node: the way from the edge to the node's centre, its length less
    the half-box in that direction, and where along the edge it starts."""
    start, along = x[edges[:, 0]], x[edges[:, 1]] - x[edges[:, 0]]
    length = np.maximum((along**2).sum(axis=1), 1e-9)
    at = ((x[None] - start[:, None]) * along[:, None]).sum(axis=2) / length[:, None]
    near = start[:, None] + np.clip(at, 0, 1)[..., None] * along[:, None]
    way = x[None] - near
    distance = np.sqrt((way**2).sum(axis=2))
    side = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.sqrt(length)[:, None]
    way = np.where(
        (distance > 1e-6)[..., None], way / np.maximum(distance, 1e-6)[..., None], side[:, None]
    )
    room = distance - (np.abs(way) * sizes[None] / 2).sum(axis=2)
    own = np.arange(len(edges))
    room[own, edges[:, 0]] = room[own, edges[:, 1]] = np.inf
    return way, room, at


def _push_edges(x: Array, sizes: Array, edges: Index, gap: float) -> tuple[Array, bool]:
    way, room, _ = _clearances(x, sizes, edges)
    short = np.maximum(gap - room, 0.0)
    if not short.any():
        return np.zeros_like(x), False
    shove = way * short[..., None] * 0.3
    push: Array = shove.sum(axis=0)
    np.add.at(push, edges[:, 0], -shove.sum(axis=1) / 2)
    np.add.at(push, edges[:, 1], -shove.sum(axis=1) / 2)
    largest = np.abs(push).max()
    return push * min(1.0, 20.0 / largest), True


def _needed_scale(x: Array, sizes: Array, gap: float) -> float:
    """The least factor of at least one that takes all overlap out of the positions."""
    apart, over = _overlap(x, sizes, gap)
    both = np.asarray((over > 1e-6).all(axis=2))
    np.fill_diagonal(both, False)
    if not both.any():
        return 1.0
    need = ((sizes[:, None] + sizes[None]) / 2 + gap)[both]
    far = np.maximum(np.abs(apart[both]), 1e-3)
    return float((need / far).min(axis=1).max()) * (1 + 1e-9)


def edge_hits(x: Array, sizes: Array, edges: Index, clear: float = 1.0) -> int:
    """How many times an edge, drawn straight, runs through a node that is not its own."""
    if not len(edges):
        return 0
    return int((_clearances(x, sizes, edges)[1] < clear).sum())


def crossings(x: Array, edges: Index, most: int = 2000) -> int:
    """How many pairs of edges cross; 0 for more than ``most`` edges, where it costs too much."""
    if not 1 < len(edges) <= most:
        return 0
    a, b = x[edges[:, 0]], x[edges[:, 1]]

    def side(p: Array, q: Array, r: Array) -> Array:
        """Which side of the line from p to q each r lies on: (E, E)."""
        d = q - p
        turn: Array = d[:, 0, None] * (r[None, :, 1] - p[:, 1, None]) - d[:, 1, None] * (
            r[None, :, 0] - p[:, 0, None]
        )
        return turn

    over = (side(a, b, a) * side(a, b, b) < 0) & (side(a, b, a) * side(a, b, b) < 0).T
    shared = (edges[:, None, :, None] == edges[None, :, None, :]).any(axis=(2, 3))
    return int((over & ~shared).sum()) // 2
