"""Bayesian networks in BIF as plain numpy: what the bnlearn repository's files use of the format.

Never imports the package. State names are any run of characters without white space and without
the format's own punctuation: ``<5``, ``12+`` and ``0-3_days`` are names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from uai import read_text

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r'"[^"]*"|[{}()\[\]|,;]|[^\s{}()\[\]|,;"]+')


@dataclass(frozen=True, eq=False)
class BIFNetwork:
    """P(child | parents) for each variable; the table's axes are the parents', then the child's."""

    states: dict[str, tuple[str, ...]]
    parents: dict[str, tuple[str, ...]]
    tables: dict[str, np.ndarray]

    def topological(self) -> list[str]:
        """The variables, parents before children."""
        order: dict[str, None] = {}
        left = dict(self.parents)
        while left:
            ready = [v for v, above in left.items() if all(u in order for u in above)]
            if not ready:
                raise ValueError(f"{len(left)} variables are in directed cycles or below them")
            for v in ready:
                order[v] = left.pop(v) and None
        return list(order)

    def forward_sample(self, rng: np.random.Generator) -> dict[str, str]:
        """One state of every variable, each drawn given its parents."""
        drawn: dict[str, int] = {}
        for v in self.topological():
            row = self.tables[v][tuple(drawn[u] for u in self.parents[v])]
            drawn[v] = int(rng.choice(len(row), p=row / row.sum()))
        return {v: self.states[v][i] for v, i in drawn.items()}


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(_COMMENT.sub(" ", text))
        self.at = 0

    def next(self) -> str:
        if self.at == len(self.tokens):
            raise ValueError("the file ends inside a block")
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def expect(self, *wanted: str) -> None:
        for want in wanted:
            got = self.next()
            if got != want:
                raise ValueError(f"token {self.at}: {got!r} where {want!r} was expected")

    def until(self, end: str) -> list[str]:
        """Tokens up to ``end``, commas left out."""
        words = []
        while (token := self.next()) != end:
            if token != ",":
                words.append(token)
        return words


def read_network(path: Path) -> BIFNetwork:
    reader = _Reader(read_text(path))
    states: dict[str, tuple[str, ...]] = {}
    parents: dict[str, tuple[str, ...]] = {}
    tables: dict[str, np.ndarray] = {}
    while reader.peek():
        block = reader.next()
        if block == "network":
            reader.until("{")
            reader.until("}")
        elif block == "variable":
            name = reader.next()
            states[name] = _read_states(reader, name)
        elif block == "probability":
            reader.expect("(")
            child, *above = reader.until(")")
            parents[child] = tuple(above[1:])  # after the bar
            tables[child] = _read_table(reader, child, parents[child], states)
        else:
            raise ValueError(f"{path.name} has the block {block!r}")
    if states.keys() != tables.keys():
        raise ValueError(f"{path.name} gives {len(states)} variables and {len(tables)} tables")
    return BIFNetwork(states, parents, tables)


def _read_states(reader: _Reader, name: str) -> tuple[str, ...]:
    reader.expect("{", "type", "discrete", "[")
    n = int(reader.next())
    reader.expect("]", "{")
    labels = tuple(reader.until("}"))
    reader.expect(";", "}")
    if len(set(labels)) != n:
        raise ValueError(f"{name!r} is declared with {n} states; {labels} are listed")
    return labels


def _read_table(
    reader: _Reader, child: str, parents: tuple[str, ...], states: dict[str, tuple[str, ...]]
) -> np.ndarray:
    """Rows ``(parent states) p, p, ...;`` in any order, or ``table p, p, ...;`` of a root."""
    table = np.full([len(states[v]) for v in (*parents, child)], np.nan)
    reader.expect("{")
    while (token := reader.next()) != "}":
        if token == "(":
            given = reader.until(")")
            where = tuple(states[u].index(s) for u, s in zip(parents, given, strict=True))
        elif token == "table" and not parents:
            where = ()
        else:
            raise ValueError(f"the table of {child!r} has a line that starts with {token!r}")
        row = reader.until(";")
        if len(row) != table.shape[-1]:
            raise ValueError(f"{child!r} has {table.shape[-1]} states; a row has {len(row)}")
        table[where] = [float(p) for p in row]
    if np.isnan(table).any():
        raise ValueError(f"the table of {child!r} lacks {int(np.isnan(table).sum())} entries")
    return table
