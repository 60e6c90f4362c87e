"""Order within layers: few crossings, by sweeps of medians and swaps of neighbours.

Items are numbered; layers list them from left to right. Segments join items of layers that
follow each other.

Source: Gansner, Koutsofios, North & Vo (1993), A technique for drawing directed graphs, section 3.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Layers = list[list[int]]

_SWEEPS = 24
_STARTS = 24
_EFFORT = 120_000  # segments looked at, over all starts and sweeps


class Neighbours:
    """Above and below each item, the items that segments join it to."""

    def __init__(self, n: int, segments: Sequence[tuple[int, int]]) -> None:
        self.above: list[list[int]] = [[] for _ in range(n)]
        self.below: list[list[int]] = [[] for _ in range(n)]
        for upper, lower in segments:
            self.below[upper].append(lower)
            self.above[lower].append(upper)


def fewest_crossings(layers: Layers, near: Neighbours, seed: int = 0) -> list[Layers]:
    """The layers reordered, from several starts: all with the fewest crossings that were found.

    Examples
    --------
    >>> near = Neighbours(4, [(0, 3), (1, 2)])
    >>> count_crossings([[0, 1], [2, 3]], near)
    1
    >>> fewest_crossings([[0, 1], [2, 3]], near)[0]
    [[0, 1], [3, 2]]
    """
    rng = np.random.default_rng(seed)
    size = max(sum(map(len, near.below)), 1)
    best: list[Layers] = []
    fewest = -1
    for start in range(int(np.clip(_EFFORT / (_SWEEPS * size), 1, _STARTS))):
        order = _depth_first(layers, near, upwards=bool(start % 2), rng=rng if start > 1 else None)
        found, crossings = _swept(order, near)
        if not best or crossings < fewest:
            best, fewest = [found], crossings
        elif crossings == fewest and found not in best:
            best.append(found)
    return best


def count_crossings(layers: Layers, near: Neighbours) -> int:
    """How many pairs of segments cross."""
    total = 0
    for upper, lower in pairwise(layers):
        place = {v: i for i, v in enumerate(lower)}
        seen: list[int] = []
        for u in upper:
            ends = sorted(place[v] for v in near.below[u])
            for end in ends:
                total += len(seen) - bisect_right(seen, end)
            for end in ends:
                insort(seen, end)
    return total


def _depth_first(
    layers: Layers, near: Neighbours, upwards: bool, rng: np.random.Generator | None
) -> Layers:
    """Items in the order in which a search from the top, or from the bottom, meets them."""
    rank = {v: r for r, layer in enumerate(layers) for v in layer}
    roots = [v for layer in (reversed(layers) if upwards else layers) for v in layer]
    if rng is not None:
        roots = [roots[i] for i in rng.permutation(len(roots))]
    order: Layers = [[] for _ in layers]
    met: set[int] = set()
    for root in roots:
        stack = [root]
        while stack:
            v = stack.pop()
            if v in met:
                continue
            met.add(v)
            order[rank[v]].append(v)
            first, then = (near.above, near.below) if upwards else (near.below, near.above)
            ahead = [u for u in (*first[v], *then[v]) if u not in met]
            stack.extend(reversed(ahead))
    return order


def _swept(order: Layers, near: Neighbours) -> tuple[Layers, int]:
    """Sweeps down and up until they no longer help."""
    best, fewest = [list(layer) for layer in order], count_crossings(order, near)
    idle = 0
    for sweep in range(_SWEEPS):
        _sweep(order, near, down=sweep % 2 == 0)
        _swap_neighbours(order, near)
        crossings = count_crossings(order, near)
        if crossings < fewest:
            best, fewest, idle = [list(layer) for layer in order], crossings, 0
        else:
            idle += 1
        if not fewest or idle >= 6:
            break
    return best, fewest


def _sweep(order: Layers, near: Neighbours, down: bool) -> None:
    """Sort every layer by the medians of its items' neighbours in the layer before it."""
    joined = near.above if down else near.below
    ranks = range(1, len(order)) if down else range(len(order) - 2, -1, -1)
    for r in ranks:
        place = {v: float(i) for i, v in enumerate(order[r - 1 if down else r + 1])}
        wanted = {v: _median(sorted(place[u] for u in joined[v])) for v in order[r] if joined[v]}
        moved = iter(sorted(wanted, key=wanted.__getitem__))
        order[r] = [next(moved) if v in wanted else v for v in order[r]]


def _median(places: Sequence[float]) -> float:
    """The middle place; between the two middle ones, nearer to the side where places crowd."""
    m, odd = divmod(len(places), 2)
    if odd:
        return places[m]
    if m == 1:
        return (places[0] + places[1]) / 2
    left, right = places[m - 1] - places[0], places[-1] - places[m]
    if left + right == 0:
        return (places[m - 1] + places[m]) / 2
    return (places[m - 1] * right + places[m] * left) / (left + right)


def _swap_neighbours(order: Layers, near: Neighbours, rounds: int = 8) -> None:
    """Swap items beside each other while that takes crossings away."""
    for _ in range(rounds):
        better = False
        for r, layer in enumerate(order):
            up = _places(order[r - 1], layer, near.above) if r else None
            down = _places(order[r + 1], layer, near.below) if r + 1 < len(order) else None
            for i in range(len(layer) - 1):
                u, v = layer[i], layer[i + 1]
                gain = 0
                for places in (up, down):
                    if places is not None:
                        gain += _crossed(places[u], places[v]) - _crossed(places[v], places[u])
                if gain > 0:
                    layer[i], layer[i + 1] = v, u
                    better = True
        if not better:
            break


def _places(other: list[int], layer: list[int], joined: list[list[int]]) -> dict[int, list[int]]:
    place = {v: i for i, v in enumerate(other)}
    return {v: sorted(place[u] for u in joined[v]) for v in layer}


def _crossed(left: Sequence[int], right: Sequence[int]) -> int:
    """Crossings between the segments of two items, by the places of their other ends."""
    return sum(bisect_left(right, end) for end in left)
