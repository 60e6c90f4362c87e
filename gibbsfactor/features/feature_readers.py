"""The rules by which a feature dict or list stands for attributes, and their quick reading.

A distinct (key, value) pair is looked into once; later ones only cost a dict's look-up, in C.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.feature_columns import Meanings, ValueColumns, attribute
from gibbsfactor.features.vectors import VectorBlocks
from gibbsfactor.features.vocabulary import NameIndex

GROUPED = (list, tuple, set, frozenset)
PLAIN = frozenset({str, bool, int, float})
MOST_PAIRS = 2**19  # remembered at a time, some 200 bytes each
Found: TypeAlias = "tuple[NDArray[np.int32], NDArray[np.float64] | None]"
"""Positions of attributes, and their weights, None if all are 1."""
FEW = 32  # dicts of the same keys that are not worth columns of their own


@dataclass(frozen=True, eq=False)
class Chunk:
    """The attributes of some tokens, in any order.

    Attributes
    ----------
    n_tokens : how many tokens
    rows : int32, which token each attribute is on
    positions : of the attributes, int32; -1 for one that is unknown or of weight 0
    weights : as many, or None if all are 1
    """

    n_tokens: int
    rows: NDArray[np.int32]
    positions: NDArray[np.int32]
    weights: NDArray[np.float64] | None

    @classmethod
    def of(cls, n_tokens: int, parts: Sequence[tuple[Any, Found]]) -> Chunk:
        """The parts together, each the rows of some attributes and those."""
        none: list[Any] = [np.zeros(0, np.int32)]
        weights = None
        if any(given is not None for _, (_, given) in parts):
            each = [np.ones(found.size) if w is None else w.ravel() for _, (found, w) in parts]
            weights = np.concatenate(each)
        return cls(
            n_tokens,
            np.concatenate(none + [rows for rows, _ in parts]).astype(np.int32, copy=False),
            np.concatenate(none + [found.ravel() for _, (found, _) in parts]),
            weights,
        )


class Reader(Protocol):
    """Reads the attributes of tokens, chunk by chunk."""

    def read(self, tokens: Sequence[Any], /) -> Chunk:
        """The attributes of some tokens; an error says what is wrong, but not at which token."""


class DictReader:
    """Reads feature dicts by python-crfsuite's rules (see `FeatureDictVectorizer`)."""

    def __init__(self, names: NameIndex, vectors: VectorBlocks) -> None:
        self._names = names
        self._vectors = vectors
        self._plain = True  # until values of one key differ in kind
        self._odd = False  # once a dict holds something other than strings and numbers
        self._alike = True  # until hardly any dicts have the same keys
        self._forget()

    def _forget(self) -> None:
        self._columns = ValueColumns(self._names)
        self._pairs: defaultdict[tuple[str, Any], int] = defaultdict(count().__next__)
        self._meanings = Meanings()

    def read(self, tokens: Sequence[Any]) -> Chunk:
        """The attributes of some tokens; an error says what is wrong, but not at which token."""
        if len(self._pairs) + self._columns.n_values > MOST_PAIRS:
            self._forget()
        try:
            chunk = self._read_any(tokens)
            self._vectors.close_chunk(len(tokens))
            return chunk
        except (TypeError, ValueError):
            self._forget()
            self._vectors.discard_chunk()
            raise

    def _read_any(self, tokens: Sequence[Any]) -> Chunk:
        while self._plain:
            try:
                return self._read_plain(tokens)
            except (TypeError, ValueError, LookupError):  # the last from what is no dict
                self._forget()
                self._vectors.discard_chunk()
                self._odd, self._plain = True, not self._odd
        return Chunk.of(len(tokens), [self._walk(tokens, range(len(tokens)))])

    def _read_plain(self, tokens: Sequence[Any]) -> Chunk:
        """Dicts that have the same keys together, each key's values being of one kind."""
        parts: list[tuple[Any, Found]] = []
        others: list[int] = []
        for keys, rows in self._group(tokens):
            if len(rows) < FEW or not self._alike:
                others += rows
                continue
            first = tokens[rows[0]]
            odd = [key for key in keys if type(first[key]) not in PLAIN]
            self._odd |= bool(odd)
            dicts = [tokens[row] for row in rows]
            if len(odd) < len(keys):
                found = self._columns.read(keys, dicts, frozenset(odd))
                parts.append((np.repeat(rows, len(keys) - len(odd)), found))
            if odd:
                rest = [{key: features[key] for key in odd} for features in dicts]
                parts.append(self._walk(rest, rows))
        if others and self._odd:
            parts.append(self._walk([tokens[row] for row in others], others))
        elif others:
            dicts = [tokens[row] for row in others]
            found = self._look_up(chain.from_iterable(map(dict.items, dicts)))
            parts.append((np.repeat(others, list(map(len, dicts))), found))
        return Chunk.of(len(tokens), parts)

    def _group(self, tokens: Sequence[Any]) -> Iterable[tuple[tuple[Any, ...], list[int]]]:
        """The tokens that have the same keys, unless hardly any have."""
        if not self._alike:
            return [((), [*range(len(tokens))])]
        rows_by_keys: dict[tuple[Any, ...], list[int]] = {}
        for row, keys in enumerate(map(tuple, tokens)):
            rows_by_keys.setdefault(keys, []).append(row)
        self._alike = 4 * len(rows_by_keys) <= len(tokens) or len(tokens) < FEW
        return rows_by_keys.items()

    def _look_up(self, pairs: Iterable[tuple[Any, Any]]) -> Found:
        """The attributes of (key, value) pairs. Equal numbers, such as 1 and True, are one."""
        return self._meaning(np.fromiter(map(self._pairs.__getitem__, pairs), np.int32))

    def _meaning(self, numbers: NDArray[np.int32]) -> Found:
        new = list(islice(reversed(self._pairs), len(self._pairs) - len(self._meanings)))
        self._meanings.learn(self._names, reversed(new))
        return self._meanings.look_up(numbers)

    def _walk(self, tokens: Sequence[Any], rows: Sequence[int]) -> tuple[NDArray[np.int64], Found]:
        """Dicts of any kind, whose values may be groups, dicts and arrays."""
        numbers: list[int] = []
        ends = [0]
        for row, features in zip(rows, tokens, strict=True):
            if not isinstance(features, Mapping):
                raise misfit(features, "a dict of features")
            self._walk_dict("", features, row, numbers)
            ends.append(len(numbers))
        found = self._meaning(np.fromiter(numbers, np.int32, len(numbers)))
        return np.repeat(np.asarray(rows, np.int64), np.diff(ends)), found

    def _walk_dict(
        self, prefix: str, features: Mapping[Any, Any], row: int, numbers: list[int]
    ) -> None:
        pairs, append = self._pairs, numbers.append
        for key, value in features.items():
            if prefix:
                key = prefix + key if isinstance(key, str) else attribute(key, value)[0]
            if type(value) in PLAIN:
                append(pairs[key, value])
                continue
            if not isinstance(key, str):
                attribute(key, value)  # which raises
            if isinstance(value, GROUPED):
                group = ordered(value, f" of the attribute {key!r}")
                numbers += [pairs[key, item] for item in group]
            elif isinstance(value, Mapping):
                self._walk_dict(f"{key}:", value, row, numbers)
            elif isinstance(value, np.ndarray) and value.ndim:
                self._vectors.add(key, row, value)
            elif isinstance(value, str):
                append(pairs[key, value])
            else:
                append(pairs[attribute(key, value)])


class ListReader:
    """Reads lists of feature strings."""

    def __init__(self, names: NameIndex) -> None:
        self._names = names

    def read(self, tokens: Sequence[Any]) -> Chunk:
        """The attributes of some tokens; an error says what is wrong, but not at which token."""
        if not set(map(type, tokens)) <= {list, tuple}:
            for features in tokens:
                if not isinstance(features, GROUPED):
                    raise misfit(features, "a list of feature strings")
            tokens = list(map(ordered, tokens))
        sizes = list(map(len, tokens))
        strings = chain.from_iterable(tokens)
        try:
            positions = np.fromiter(map(self._names.__getitem__, strings), np.int32, sum(sizes))
        except TypeError:
            for features in tokens:
                ordered(features)
            raise
        return Chunk(
            len(sizes), np.repeat(np.arange(len(sizes), dtype=np.int32), sizes), positions, None
        )


def misfit(found: Any, expected: str) -> TypeError:
    """The error for a token of the wrong kind."""
    return TypeError(
        f"the token is {found!r:.60}, a {type(found).__name__}, expected {expected}; "
        "every token must be of that kind"
    )


def ordered(strings: Iterable[Any], of: str = "") -> Iterable[str]:
    """Sets in sorted order, so that positions do not depend on the run; else as given.

    Raises
    ------
    TypeError
        For the first item that is not a str.
    """
    for item in strings:
        if not isinstance(item, str):
            raise TypeError(
                f"the feature {item!r}{of} is a {type(item).__name__}, expected a str; convert it"
            )
    return sorted(strings) if isinstance(strings, set | frozenset) else strings
