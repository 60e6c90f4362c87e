"""The rules by which a feature dict or list stands for attributes, and their quick reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress, cycle
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.feature_pairs import Found, Pairs, attribute
from gibbsfactor.features.strings import decoded
from gibbsfactor.features.vectors import VectorBlocks
from gibbsfactor.features.vocabulary import NameIndex, entries_before

GROUPED: tuple[type[Collection[Any]], ...] = (list, tuple, set, frozenset, type({}.keys()))
PLAIN = frozenset({str, bool, int, float})
MOST_PAIRS = 2**19  # remembered at a time, up to 200 bytes each
FEW = 32  # dicts of the same keys that are not worth being read apart


@dataclass(frozen=True, eq=False)
class Chunk:
    """The attributes of some tokens, token by token.

    Attributes
    ----------
    sizes : int64, how many attributes each token has
    positions : of the attributes, int32; -1, for one that is unknown or left out, is dropped
    weights : as many, or None if all are 1
    """

    sizes: NDArray[np.int64]
    positions: NDArray[np.int32]
    weights: NDArray[np.float64] | None

    def __post_init__(self) -> None:
        known = self.positions >= 0
        if not known.all():
            ends = entries_before(known)[np.cumsum(self.sizes)]
            object.__setattr__(self, "sizes", np.diff(ends, prepend=0))
            object.__setattr__(self, "positions", self.positions[known])
            if self.weights is not None:
                object.__setattr__(self, "weights", self.weights[known])

    @classmethod
    def of(cls, n_tokens: int, parts: Sequence[tuple[Any, Found]]) -> Chunk:
        """The parts together, each the tokens that some attributes are on, and those."""
        none: list[Any] = [np.zeros(0, np.int64)]
        rows = np.concatenate(none + [rows for rows, _ in parts])
        if n_tokens <= 2**16:
            rows = rows.astype(np.uint16)  # which are sorted in linear time
        order = np.argsort(rows, kind="stable")
        positions = np.concatenate([np.zeros(0, np.int32), *(found for _, (found, _) in parts)])
        weights = None
        if any(given is not None for _, (_, given) in parts):
            each = [np.ones(len(found)) if w is None else w for _, (found, w) in parts]
            weights = np.concatenate(each)[order]
        return cls(np.bincount(rows, minlength=n_tokens), positions[order], weights)


class Reader(Protocol):
    """Reads the attributes of tokens, chunk by chunk."""

    def read(self, tokens: Sequence[Any], /) -> Chunk:
        """The attributes of some tokens; an error says what is wrong, but not at which token."""


class DictReader:
    """Reads feature dicts by python-crfsuite's rules (see `FeatureDictVectorizer`).

    Dicts of strings and numbers are read all at once. Those that hold other things are walked
    through, except for the plain values of dicts that have the same keys.
    """

    def __init__(
        self, names: NameIndex, vectors: VectorBlocks, *, keep_zeros: bool = False
    ) -> None:
        self._pairs = Pairs(names, keep_zeros=keep_zeros)
        self._float_keys: set[Any] = set()  # whose values are mostly floats not met before
        self._vectors = vectors
        self._plain = True  # until values of one key differ in kind
        self._odd = False  # once a dict holds something other than strings and numbers
        self._alike = True  # until hardly any dicts have the same keys

    def read(self, tokens: Sequence[Any]) -> Chunk:
        """The attributes of some tokens; an error says what is wrong, but not at which token."""
        if len(self._pairs) > MOST_PAIRS:
            self._pairs.forget()
        try:
            chunk = self._read_any(tokens)
            self._vectors.close_chunk(len(tokens))
            return chunk
        except (TypeError, ValueError):
            self._forget_chunk()
            raise

    def _forget_chunk(self) -> None:
        self._pairs.forget()
        self._vectors.discard_chunk()

    def _read_any(self, tokens: Sequence[Any]) -> Chunk:
        while self._plain:
            try:
                sizes = np.fromiter(map(dict.__len__, tokens), np.int64, len(tokens))
                self._pairs.look_for_floats(tokens)
                if self._odd:
                    return self._read_groups(tokens)
                return Chunk(sizes, *self._pairs.read(tokens, int(sizes.sum())))
            except (TypeError, ValueError):
                self._forget_chunk()
                self._odd, self._plain = True, not self._odd
        return Chunk.of(len(tokens), [self._walk(tokens, range(len(tokens)))])

    def _read_groups(self, tokens: Sequence[Any]) -> Chunk:
        """Dicts that have the same keys together, each key's values being of one kind."""
        parts: list[tuple[Any, Found]] = []
        others: list[int] = []
        for keys, rows in self._group(tokens):
            if len(rows) < FEW or not self._alike:
                others += rows
            else:
                parts += self._read_alike(keys, [tokens[row] for row in rows], rows)
        others.sort()
        parts.append(self._walk([tokens[row] for row in others], others))
        return Chunk.of(len(tokens), parts)

    def _group(self, tokens: Sequence[Any]) -> Iterable[tuple[tuple[Any, ...], list[int]]]:
        """The tokens that have the same keys, unless hardly any have."""
        if not self._alike:
            return [((), [*range(len(tokens))])]
        rows_by_keys: dict[tuple[Any, ...], list[int]] = {}
        for row, keys in enumerate(map(tuple, map(dict.keys, tokens))):
            rows_by_keys.setdefault(keys, []).append(row)
        self._alike = 4 * len(rows_by_keys) <= len(tokens) or len(tokens) < FEW
        return rows_by_keys.items()

    def _read_alike(
        self, keys: tuple[Any, ...], dicts: Sequence[dict[Any, Any]], rows: list[int]
    ) -> Iterable[tuple[Any, Found]]:
        """Dicts of these keys: plain values, and then the others."""
        odd = [key for key in keys if type(dicts[0][key]) not in PLAIN]
        if len(odd) < len(keys):
            values: Iterable[Any] = chain.from_iterable(map(dict.values, dicts))
            plain = [key for key in keys if key not in odd]
            if odd:
                values = compress(values, cycle([key not in odd for key in keys]))
            found = self._pairs.read_flat(plain * len(dicts), list(values))
            yield np.repeat(rows, len(plain)), found
        if odd:
            rest = [{key: features[key] for key in odd} for features in dicts]
            yield self._walk(rest, rows)

    def _walk(self, tokens: Sequence[Any], rows: Sequence[int]) -> tuple[NDArray[np.int64], Found]:
        """Dicts of any kind, whose values may be groups, dicts and arrays."""
        keys: list[Any] = []
        values: list[Any] = []
        ends = [0]
        for row, features in zip(rows, tokens, strict=True):
            if not isinstance(features, Mapping):
                raise misfit(features, "a dict of features")
            self._walk_dict("", features, row, keys, values)
            ends.append(len(keys))
        found = self._pairs.read_flat(keys, values)
        return np.repeat(np.asarray(rows, np.int64), np.diff(ends)), found

    def _walk_dict(
        self,
        prefix: str,
        features: Mapping[Any, Any],
        row: int,
        keys: list[Any],
        values: list[Any],
    ) -> None:
        """Add keys and values, which are strings and numbers."""
        for key, value in features.items():
            if prefix:
                key = prefix + (key if isinstance(key, str) else _name(key))
            if type(value) in PLAIN:
                keys.append(key)
                values.append(value)
                continue
            if not isinstance(key, str):
                key = _name(key)
            if isinstance(value, GROUPED):
                values += ordered(value, f" of the attribute {key!r}")
                keys += [key] * len(value)
            elif isinstance(value, Mapping):
                self._walk_dict(f"{key}:", value, row, keys, values)
            elif isinstance(value, np.ndarray) and value.ndim:
                self._vectors.add(key, row, value)
            else:
                text = isinstance(value, str | bytes)
                name, weight = (key, value) if text else attribute(key, value)
                keys.append(name)
                values.append(weight)


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
        sizes = np.fromiter(map(len, tokens), np.int64, len(tokens))
        strings = chain.from_iterable(tokens)
        try:
            positions = np.fromiter(
                map(self._names.__getitem__, strings), np.int32, int(sizes.sum())
            )
        except TypeError:
            for features in tokens:
                ordered(features)
            raise
        return Chunk(sizes, positions, None)


def misfit(found: Any, expected: str) -> TypeError:
    """The error for a token of the wrong kind."""
    return TypeError(
        f"the token is {found!r:.60}, a {type(found).__name__}, expected {expected}; "
        "every token must be of that kind"
    )


def _name(key: Any) -> str:
    """A key that is bytes, as text; raises if it is neither."""
    return attribute(key, "")[0][:-1]


def ordered(strings: Iterable[Any], of: str = "") -> Iterable[str]:
    """The strings of a group, those of a set sorted, so that positions do not depend on the run.

    Raises
    ------
    TypeError
        For the first item that is neither a str nor bytes.
    ValueError
        For bytes that are not UTF-8.
    """
    unordered = isinstance(strings, set | frozenset)
    for item in strings:
        if not isinstance(item, str):
            strings = [_text(each, of) for each in strings]
            break
    return sorted(strings) if unordered else strings


def _text(item: Any, of: str) -> str:
    if isinstance(item, bytes):
        return decoded(item)
    if not isinstance(item, str):
        raise TypeError(
            f"the feature {item!r}{of} is a {type(item).__name__}, expected a str; convert it"
        )
    return item
