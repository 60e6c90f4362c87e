"""UAI model, evidence and reference files as plain numpy. Never imports the package.

Format: a word for the kind, the number of variables, their cardinalities, the number of tables,
one scope a line (its length, then variable numbers), then for each table its number of entries
and the entries, the last variable of the scope running fastest. White space of any kind separates.
"""

from __future__ import annotations

import gzip
import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class UAIModel:
    """Tables over variables 0 .. n-1; ``tables[k]`` has an axis for each entry of ``scopes[k]``."""

    kind: str  # MARKOV or BAYES
    cardinalities: tuple[int, ...]
    scopes: tuple[tuple[int, ...], ...]
    tables: tuple[np.ndarray, ...]

    def log_weight(self, states: np.ndarray) -> float:
        """Sum of the logs of the entries that a full assignment picks."""
        picked = [
            table[tuple(states[list(scope)])]
            for scope, table in zip(self.scopes, self.tables, strict=True)
        ]
        with np.errstate(divide="ignore"):
            return float(np.log(picked).sum())

    def eliminated(self, evidence: Mapping[int, int], add: np.ufunc = np.logaddexp) -> float:
        """log Z in nats, evidence applied: buckets in logs, fewest neighbours first.

        The log of the greatest weight with ``np.maximum``. For models of small width only.
        """
        tables = []
        for scope, table in zip(self.scopes, self.tables, strict=True):
            with np.errstate(divide="ignore"):
                logs = np.log(table[tuple(evidence.get(v, slice(None)) for v in scope)])
            rest = [v for v in scope if v not in evidence]
            tables.append((tuple(sorted(rest)), logs.transpose(np.argsort(rest))))
        around = {v: {v} for v in range(len(self.cardinalities)) if v not in evidence}
        holders: dict[int, set[int]] = {v: set() for v in around}
        for k, (scope, _) in enumerate(tables):
            for v in scope:
                around[v].update(scope)
                holders[v].add(k)
        heap = [(len(near), v) for v, near in around.items()]
        heapq.heapify(heap)
        while heap:
            degree, v = heapq.heappop(heap)
            if v not in around or degree != len(around[v]):
                continue
            clique = tuple(sorted(around.pop(v)))
            total = np.zeros([self.cardinalities[u] for u in clique])
            for k in tuple(holders[v]):
                scope, logs = tables[k]
                total += logs.reshape([self.cardinalities[u] if u in scope else 1 for u in clique])
                for u in scope:
                    holders[u].discard(k)
                tables[k] = ((), np.zeros(()))
            rest = [u for u in clique if u != v]
            tables.append((tuple(rest), add.reduce(total, axis=clique.index(v))))
            for u in rest:
                holders[u].add(len(tables) - 1)
                around[u].update(rest)
                around[u].discard(v)
                heapq.heappush(heap, (len(around[u]), u))
        return math.fsum(float(logs) for _, logs in tables)


class _Tokens:
    """Words of a file, taken from the front."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.words = read_text(path).split()
        self.at = 0

    def take(self, n: int) -> list[str]:
        if self.at + n > len(self.words):
            raise ValueError(
                f"{self.path.name} ends after {len(self.words)} words; "
                f"{n} were expected from word {self.at} on"
            )
        self.at += n
        return self.words[self.at - n : self.at]

    def whole(self) -> int:
        return int(self.take(1)[0])

    def wholes(self, n: int) -> tuple[int, ...]:
        return tuple(map(int, self.take(n)))

    def end(self) -> None:
        if self.at != len(self.words):
            raise ValueError(f"{self.path.name} has {len(self.words)} words; {self.at} were read")


def read_text(path: Path) -> str:
    """A text file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return lines.read()


def read_model(path: Path) -> UAIModel:
    tokens = _Tokens(path)
    kind = tokens.take(1)[0]
    if kind not in ("MARKOV", "BAYES"):
        raise ValueError(f"{path.name} starts with {kind!r}; a model starts with MARKOV or BAYES")
    cardinalities = tokens.wholes(tokens.whole())
    scopes = [tokens.wholes(tokens.whole()) for _ in range(tokens.whole())]
    tables = []
    for k, scope in enumerate(scopes):
        shape = [cardinalities[v] for v in scope]
        n = tokens.whole()
        if n != np.prod(shape, dtype=int):
            raise ValueError(f"{path.name} gives table {k} {n} entries; its scope has {shape}")
        tables.append(np.array(tokens.take(n), dtype=float).reshape(shape))
    tokens.end()
    return UAIModel(kind, cardinalities, tuple(scopes), tuple(tables))


def read_evidence(path: Path) -> list[dict[int, int]]:
    """Observed states of each sample: {variable: state}.

    The layout since 2010 is one sample, ``n  v s  v s ...``; the older one puts the number of
    samples first. The number of words tells them apart.
    """
    tokens = _Tokens(path)
    if not tokens.words:
        return [{}]
    first = tokens.whole()
    samples = 1
    if len(tokens.words) == 1 + 2 * first:
        tokens.at = 0
    else:
        samples = first
    read = []
    for _ in range(samples):
        pairs = tokens.wholes(2 * tokens.whole())
        read.append(dict(zip(pairs[::2], pairs[1::2], strict=True)))
    tokens.end()
    return read


def read_marginals(path: Path) -> list[np.ndarray]:
    """A MAR file: one distribution for each variable."""
    tokens = _Tokens(path)
    if tokens.take(1) != ["MAR"]:
        raise ValueError(f"{path.name} starts with {tokens.words[0]!r}; it must be MAR")
    n = tokens.whole()
    marginals = [np.array(tokens.take(tokens.whole()), dtype=float) for _ in range(n)]
    tokens.end()
    return marginals
