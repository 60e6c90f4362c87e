"""The (key, value) pairs of feature dicts met so far, and what each stands for.

A pair is looked into once. Later ones cost the look-up of the key and that of the value, in C, and
a place in a table of both. Neither a string nor a tuple is made for them, and a value that many
keys have, such as a word at several distances, is remembered once.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, compress, count, islice, repeat
from math import isfinite
from operator import add, is_
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.strings import decoded
from gibbsfactor.features.vocabulary import NameIndex

Found: TypeAlias = "tuple[NDArray[np.int32], NDArray[np.float64] | None]"
"""Positions of attributes, -1 for those of weight 0 or unknown; weights, None if all are 1."""
MOST_CELLS = 2**23  # of the table, 4 bytes each
FLOATS = frozenset({float, np.float64, np.float32})
SAMPLE = 64  # dicts that tell whether a key's values repeat


class Numbers(defaultdict[Any, int]):
    """Numbers for things, from 0 in the order of their appearance."""

    def __init__(self) -> None:
        super().__init__(count().__next__)

    def after(self, n: int) -> list[Any]:
        """The things numbered n and up."""
        new = list(islice(reversed(self), len(self) - n))
        new.reverse()
        return new


class Meanings:
    """What numbered pairs stand for: an attribute and a weight each."""

    def __init__(self, names: NameIndex, *, keep_zeros: bool = False) -> None:
        self._names = names
        self._keep_zeros = keep_zeros
        self._positions = array("i")
        self._weights = array("d")
        self._weighted = False  # whether a weight is neither 0 nor 1

    def __len__(self) -> int:
        return len(self._positions)

    def learn(self, names: list[str], weights: NDArray[np.float64]) -> None:
        """Number more pairs, which stand for these attributes.

        One of weight 0 is not kept, unless zeros are to be.
        """
        present = (weights != 0) | self._keep_zeros
        if present.all():
            positions = self._names.positions(names)
        else:
            positions = np.full(len(names), -1, np.int32)
            positions[present] = self._names.positions(list(compress(names, present.tolist())))
        self._positions.frombytes(positions.tobytes())
        self._weights.frombytes(weights.tobytes())
        self._weighted |= bool((weights[present] != 1).any())

    def learn_pairs(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Number more pairs of a key and a value of any kind."""
        meanings = [attribute(key, value) for key, value in pairs]
        weights = np.array([weight for _, weight in meanings], np.float64)
        self.learn([name for name, _ in meanings], weights)

    def look_up(self, numbers: NDArray[np.int32]) -> Found:
        """The attributes of numbered pairs."""
        if not len(numbers):
            return np.zeros(0, np.int32), None
        positions = np.frombuffer(self._positions, np.int32)[numbers]
        weights = np.frombuffer(self._weights, np.float64)[numbers] if self._weighted else None
        return positions, weights


class Pairs:
    """The table of keys and values.

    Parameters
    ----------
    names
        The attributes; new ones are added while the index grows.
    keep_zeros
        Whether an attribute of weight 0 is present, instead of absent.

    Examples
    --------
    >>> names = NameIndex()
    >>> pairs = Pairs(names)
    >>> pairs.read([{"word": "the", "size": 3}, {"word": "the", "title": False}], 4)
    (array([ 0,  1,  0, -1], dtype=int32), array([1., 3., 1., 0.]))
    >>> list(names)
    ['word:the', 'size']
    """

    def __init__(self, names: NameIndex, *, keep_zeros: bool = False) -> None:
        self._names = names
        self._keep_zeros = keep_zeros
        self._tuples = False  # whether pairs are remembered as tuples
        self._float_keys: set[Any] = set()  # whose values are mostly floats not met before
        self.forget()

    def forget(self) -> None:
        """Start anew; needed after an error."""
        self._keys, self._values, self._pairs = Numbers(), Numbers(), Numbers()
        self._prefixes: list[str] = []  # what names begin with, by number of the key
        self._known: list[Any] = []  # the values, by number
        self._are_str = array("b")  # whether they are
        self._table = np.empty((0, 0), np.int32)  # numbers of pairs by value and key, -1 if new
        self._meanings = Meanings(self._names, keep_zeros=self._keep_zeros)
        self._of_tuples = Meanings(self._names, keep_zeros=self._keep_zeros)

    def __len__(self) -> int:
        return len(self._meanings) + len(self._pairs)

    def read(self, dicts: Sequence[dict[Any, Any]], n_pairs: int) -> Found:
        """The attributes of dicts, in order, given how many pairs they have together.

        Equal numbers, such as 1 and True, are one value.

        Raises
        ------
        TypeError, ValueError
            If a key is no string, or a value neither a string nor a finite number.
        """
        if self._tuples:
            return self._read_tuples(chain.from_iterable(map(dict.items, dicts)), n_pairs)
        keys = chain.from_iterable(map(dict.keys, dicts))
        values = chain.from_iterable(map(dict.values, dicts))
        found = self._read_table(keys, values, n_pairs)
        return self.read(dicts, n_pairs) if found is None else found

    def look_for_floats(self, dicts: Sequence[dict[Any, Any]]) -> None:
        """Find keys whose values are floats that hardly repeat: those are not remembered."""
        if len(dicts) < SAMPLE:
            return
        for key, value in dict.items(dicts[0]):
            if type(value) in FLOATS and key not in self._float_keys:
                values = [features[key] for features in dicts[:SAMPLE] if key in features]
                if FLOATS.issuperset(map(type, values)) and 2 * len(set(values)) > SAMPLE:
                    self._float_keys.add(key)

    def read_flat(self, keys: Sequence[Any], values: Sequence[Any]) -> Found:
        """The attributes of as many keys as values; raises what `read` does."""
        if self._tuples:
            return self._read_tuples(zip(keys, values, strict=True), len(keys))
        found = self._read_table(keys, values, len(keys))
        return self.read_flat(keys, values) if found is None else found

    def _read_tuples(self, pairs: Iterable[tuple[Any, Any]], n_pairs: int) -> Found:
        numbers = np.fromiter(map(self._pairs.__getitem__, pairs), np.int32, n_pairs)
        self._of_tuples.learn_pairs(self._pairs.after(len(self._of_tuples)))
        return self._of_tuples.look_up(numbers)

    def _read_table(self, keys: Iterable[Any], values: Iterable[Any], n_pairs: int) -> Found | None:
        """The attributes of keys and their values; None if the table was full, and is now empty."""
        columns = np.fromiter(map(self._keys.__getitem__, keys), np.int64, n_pairs)
        if self._float_keys:
            values = list(values)
            of_key = [self._keys[key] for key in self._float_keys]
            is_float = np.zeros(len(self._keys), np.bool_)
            is_float[of_key] = True
            of_float = is_float[columns]
            floats = list(compress(values, of_float.tolist()))
            if FLOATS.issuperset(map(type, floats)):
                return self._read_apart(columns, values, of_float, floats)
        return self._read_cells(columns, values)

    def _read_apart(
        self,
        columns: NDArray[np.int64],
        values: list[Any],
        of_float: NDArray[np.bool_],
        floats: list[float],
    ) -> Found | None:
        """The same, where some values are floats that are not looked up."""
        found = self._read_cells(columns[~of_float], compress(values, (~of_float).tolist()))
        if found is None:
            return None
        positions = np.empty(len(columns), np.int32)
        weights = np.ones(len(columns))
        positions[~of_float], given = found
        if given is not None:
            weights[~of_float] = given
        positions[of_float], weights[of_float] = self._read_floats(columns[of_float], floats)
        return positions, weights

    def _read_floats(
        self, columns: NDArray[np.int64], floats: list[float]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        weights = np.array(floats, np.float64)
        finite = np.isfinite(weights)
        if not finite.all():
            wrong = int(np.argmin(finite))
            attribute(self._prefixes[columns[wrong]][:-1], floats[wrong])  # which raises
        present = (weights != 0) | self._keep_zeros
        places = np.full(len(self._prefixes), -1, np.int32)
        for column in np.unique(columns[present]).tolist():
            places[column] = self._names[self._prefixes[column][:-1]]
        return np.where(present, places[columns], np.int32(-1)), weights

    def _read_cells(self, columns: NDArray[np.int64], values: Iterable[Any]) -> Found | None:
        rows = np.fromiter(map(self._values.__getitem__, values), np.int64, len(columns))
        if len(self._keys) * len(self._values) > MOST_CELLS:
            self._tuples = not len(self._meanings)  # then it was empty, and is too small
            self.forget()
            return None
        self._extend()
        table = self._table.ravel()
        cells = rows * self._table.shape[1] + columns
        found = table[cells]
        new = found < 0
        if new.any():
            new_cells = cells[new]
            places = np.arange(len(new_cells), dtype=np.int32)
            table[new_cells[::-1]] = places[::-1]  # of a repeated cell, the first place stays
            self._learn(new_cells[table[new_cells] == places])
            found = table[cells]
        return self._meanings.look_up(found)

    def _extend(self) -> None:
        """Make room for all keys and values numbered."""
        new_keys = self._keys.after(len(self._prefixes))
        self._prefixes += [attribute(key, "")[0] for key in new_keys]  # raises where it is no str
        new = self._values.after(len(self._known))
        self._known += new
        self._are_str.extend(map(is_, map(type, new), repeat(str)))
        height, width = self._table.shape
        if len(self._known) > height or len(self._prefixes) > width:
            old = self._table
            if len(self._known) > height:
                height = max(len(self._known), 2 * height)
            if len(self._prefixes) > width:
                width = max(len(self._prefixes), width + width // 4)
            self._table = np.full((height, width), -1, np.int32)
            self._table[: len(old), : old.shape[1]] = old

    def _learn(self, cells: NDArray[np.int64]) -> None:
        """Number the pairs of these cells of the table, in this order."""
        rows, columns = np.divmod(cells, self._table.shape[1])
        prefixes = map(self._prefixes.__getitem__, columns.tolist())
        values = map(self._known.__getitem__, rows.tolist())
        n_known = len(self._meanings)
        if np.frombuffer(self._are_str, np.bool_)[rows].all():
            self._meanings.learn(list(map(add, prefixes, values)), np.ones(len(cells)))
        else:
            keys = (prefix[:-1] for prefix in prefixes)
            self._meanings.learn_pairs(zip(keys, values, strict=True))
        self._table.ravel()[cells] = np.arange(n_known, len(self._meanings), dtype=np.int32)


def attribute(key: Any, value: Any) -> tuple[str, float]:
    """The name and the weight that a string or number stands for; bytes are text in UTF-8.

    Raises
    ------
    TypeError, ValueError
        If the key is no text, or the value is neither text nor a finite number.
    """
    if isinstance(key, bytes):
        key = decoded(key)
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is a {type(key).__name__}; keys must be str: convert it")
    if isinstance(value, bytes):
        value = decoded(value)
    if isinstance(value, str):
        return key + ":" + value, 1.0  # unlike an f-string, the same for every subclass of str
    try:
        if isinstance(value, bytearray | np.complexfloating):
            raise TypeError
        weight = float(value)
    except OverflowError:
        weight = float("inf")
    except (TypeError, ValueError):
        raise TypeError(
            f"the attribute {key!r} is {value!r:.60}, a {type(value).__name__}, expected a str, "
            "bool, number, dict, list of str, or array of numbers; convert it or leave it out"
        ) from None
    if not isfinite(weight):
        raise ValueError(
            f"the attribute {key!r} is {weight}; weights must be finite: leave the attribute out "
            "where its value is not known"
        )
    return key, weight
