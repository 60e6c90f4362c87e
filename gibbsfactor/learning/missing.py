"""What rows leave out, in groups: each a problem of inference that many rows may share.

A missing variable without an observed descendant sums to one and plays no part. The others fall
into groups that the observed entries separate; every group of one kind with the same evidence
around it, in whatever row, is one problem.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.learning.counting import FloatArray, IntArray, mixed_radix
from gibbsfactor.learning.structure import Families

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Group:
    """Missing variables that hang together, and every evidence found around them: m problems.

    ``families`` are those that any of ``missing`` is in; ``evidence[u]`` (m,) is the state of u,
    an observed member of one; ``weights`` (m,) how much the rows with it weigh, ``first`` (m,)
    the first of them.
    """

    missing: tuple[int, ...]
    families: tuple[int, ...]
    evidence: dict[int, IntArray]
    weights: FloatArray
    first: IntArray


def groups_of_missing(families: Families, states: IntArray, weights: FloatArray) -> Iterator[Group]:
    """Groups of rows ``states`` (V, n), rows with the same holes taken together."""
    incomplete = np.flatnonzero((states < 0).any(axis=0) & (weights > 0))
    if not incomplete.size:
        return
    holes = np.packbits(states[:, incomplete] < 0, axis=0)
    order = np.lexsort(holes)
    changes = (np.diff(holes[:, order], axis=1) != 0).any(axis=0)
    rows_of: dict[tuple[tuple[int, ...], tuple[int, ...]], list[IntArray]] = defaultdict(list)
    for rows in np.split(incomplete[order], np.flatnonzero(changes) + 1):
        for kind in _separate(families, np.asarray(states[:, rows[0]] < 0)):
            rows_of[kind].append(rows)
    for (missing, touched), parts in rows_of.items():
        rows = np.sort(np.concatenate(parts))
        members = {u for v in touched for u in families.scopes[v]}
        around = sorted(members.difference(missing))
        first, which = _distinct(
            [states[u, rows] for u in around],
            [families.cardinalities[u] for u in around],
            len(rows),
        )
        evidence = {u: states[u, rows[first]] for u in around}
        total = np.bincount(which, weights[rows]).astype(np.float64)
        yield Group(missing, touched, evidence, total, rows[first])


def _distinct(
    columns: Sequence[IntArray], cardinalities: Sequence[int], n: int
) -> tuple[IntArray, IntArray]:
    """The first row of each kind, and for each row which kind it is."""
    codes, size = np.zeros(n, dtype=np.intp), 1
    for column, k in zip(columns, cardinalities, strict=True):
        if size * k >= 2**62:  # number the kinds so far afresh
            codes, size = np.unique(codes, return_inverse=True)[1], n
        codes, size = codes * k + column, size * k
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    return first, which


def _separate(
    families: Families, hole: BoolArray
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Sets of missing variables that observed ones separate, each with the families it is in."""
    matters = set()  # what is observed, and its ancestors
    ahead = np.flatnonzero(~hole).tolist()
    while ahead:
        v = ahead.pop()
        if v not in matters:
            matters.add(v)
            ahead.extend(families.scopes[v][:-1])
    touched: dict[int, list[int]] = {v: [] for v in matters if hole[v]}
    for v in matters:
        for u in families.scopes[v]:
            if u in touched:
                touched[u].append(v)
    left = set(touched)
    while left:
        found, reached, ahead = set(), set(), [min(left)]
        while ahead:
            v = ahead.pop()
            if v in found:
                continue
            found.add(v)
            for child in touched[v]:
                if child not in reached:
                    reached.add(child)
                    ahead.extend(u for u in families.scopes[child] if u in touched)
        left -= found
        yield tuple(sorted(found)), tuple(sorted(reached))


@dataclass(frozen=True, eq=False)
class Seat:
    """A family in a group: which of its axes are seen or hidden, and what is seen, by number."""

    family: int
    seen: list[int]
    hidden: list[int]  # axes of the family, in the order of the group's missing variables
    over: list[int]  # positions of the hidden ones among those
    codes: IntArray  # (m,)

    def split(self, table: FloatArray) -> FloatArray:
        """The family's table with the seen axes first, then the hidden ones: a view."""
        return table.transpose([*self.seen, *self.hidden])

    def lines(self, table: FloatArray) -> FloatArray:
        """One line of entries for each joint state of what may be seen."""
        return self.split(table).reshape(math.prod(table.shape[a] for a in self.seen), -1)


def seats_of(families: Families, group: Group, rows: slice) -> list[Seat]:
    """The families of a group, for some of its problems."""
    place = {v: i for i, v in enumerate(group.missing)}
    m = len(group.weights[rows])
    seats = []
    for v in group.families:
        scope = families.scopes[v]
        seen = [a for a, u in enumerate(scope) if u not in place]
        hidden = [a for a, u in enumerate(scope) if u in place]
        hidden.sort(key=lambda a: place[scope[a]])
        codes = mixed_radix(
            [group.evidence[scope[a]][rows] for a in seen],
            [families.cardinalities[scope[a]] for a in seen],
            m,
        )
        seats.append(Seat(v, seen, hidden, [place[scope[a]] for a in hidden], codes))
    return seats
