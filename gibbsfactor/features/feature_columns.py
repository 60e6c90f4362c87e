"""Feature dicts that have the same keys, read value column by value column.

User code mostly gives every token the same keys. A column of strings then costs a look-up in its
own small dict for each value, one of floats next to nothing.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, count, islice
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.vocabulary import NameIndex


class Meanings:
    """What numbered things stand for: an attribute and a weight each."""

    def __init__(self) -> None:
        self._positions = array("i")
        self._weights = array("d")
        self._weighted = False  # whether a weight is neither 0 nor 1

    def learn(self, names: NameIndex, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Number more (key, value) pairs, which are strings and numbers."""
        for key, value in pairs:
            if type(key) is str and type(value) is str:
                self._positions.append(names[f"{key}:{value}"])
                self._weights.append(1.0)
                continue
            name, weight = attribute(key, value)
            self._positions.append(names[name] if weight else -1)
            self._weights.append(weight)
            self._weighted |= weight not in (0.0, 1.0)

    def look_up(
        self, numbers: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64] | None]:
        """The attributes of numbers, -1 where the weight is 0; weights, None if they are 1."""
        if not len(numbers):
            return numbers, None
        positions = np.frombuffer(self._positions, np.int32)[numbers]
        weights = np.frombuffer(self._weights, np.float64)[numbers] if self._weighted else None
        return positions, weights

    def __len__(self) -> int:
        return len(self._positions)


class ValueColumns:
    """The values met so far under each key, and the attributes that they stand for."""

    def __init__(self, names: NameIndex) -> None:
        self._names = names
        self._columns: defaultdict[str, tuple[defaultdict[Any, int], Meanings]] = defaultdict(
            lambda: (defaultdict(count().__next__), Meanings())
        )
        self.n_values = 0

    def read(
        self, keys: tuple[str, ...], tokens: Sequence[dict[str, Any]], left_out: frozenset[str]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64] | None]:
        """The attributes of dicts that have these keys, in this order: (dicts, keys not left out).

        Raises
        ------
        TypeError, ValueError
            If a value is no string and no finite number.
        """
        flat: list[Any] = list(chain.from_iterable(map(dict.values, tokens)))
        wanted = [(c, key) for c, key in enumerate(keys) if key not in left_out]
        positions = np.empty((len(tokens), len(wanted)), np.int32)
        weights: NDArray[np.float64] | None = None
        for i, (c, key) in enumerate(wanted):
            positions[:, i], given = self._read_column(key, flat[c :: len(keys)])
            if given is not None:
                weights = np.ones(positions.shape) if weights is None else weights
                weights[:, i] = given
        return positions, weights

    def _read_column(
        self, key: str, values: list[Any]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64] | None]:
        if type(values[0]) is float and set(map(type, values)) == {float}:
            return self._read_floats(key, np.array(values))
        numbers, meanings = self._columns[key]
        found = np.fromiter(map(numbers.__getitem__, values), np.int32, len(values))
        n_new = len(numbers) - len(meanings)
        if n_new:
            new = list(islice(reversed(numbers), n_new))
            meanings.learn(self._names, [(key, value) for value in reversed(new)])
            self.n_values += n_new
        return meanings.look_up(found)

    def _read_floats(
        self, key: str, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64] | None]:
        finite = np.isfinite(values)
        if not finite.all():
            attribute(key, float(values[np.argmin(finite)]))
        present = values != 0
        position = self._names[key] if present.any() else -1
        return (
            np.where(present, np.int32(position), np.int32(-1)),
            None if (values == 1).all() else values,
        )


def attribute(key: Any, value: Any) -> tuple[str, float]:
    """The name and the weight that a string or number stands for.

    Raises
    ------
    TypeError, ValueError
        If the key is no str, or the value is neither a str nor a finite number.
    """
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is a {type(key).__name__}; keys must be str: convert it")
    if isinstance(value, str):
        return key + ":" + value, 1.0  # unlike an f-string, the same for every subclass of str
    try:
        if isinstance(value, bytes | bytearray | np.complexfloating):
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
