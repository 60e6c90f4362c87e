"""A cache of what was searched for, bounded by the size of what it holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SizedCache(Generic[Value]):
    """Remembers values by key, until the sizes of all of them add up to too much.

    Those go first that were not asked for longest; the last one always stays.

    Parameters
    ----------
    size : of a value
    most : that the sizes of all values may add up to

    Examples
    --------
    >>> cache = SizedCache(size=len, most=5)
    >>> cache.get("two", lambda: [1, 2]) is cache.get("two", lambda: [3, 4])
    True
    >>> cache.get("four", lambda: [1, 2, 3, 4]), len(cache)
    ([1, 2, 3, 4], 1)
    """

    def __init__(self, size: Callable[[Value], int], most: int) -> None:
        self._size = size
        self._most = most
        self._held: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._total = 0
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made if it is not there."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key][0]
        value = make()
        with self._lock:
            if key not in self._held:
                self._held[key] = (value, self._size(value))
                self._total += self._held[key][1]
            while self._total > self._most and len(self._held) > 1:
                _, (_, size) = self._held.popitem(last=False)
                self._total -= size
        return value

    def __len__(self) -> int:
        return len(self._held)

    def cache_clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
            self._total = 0
