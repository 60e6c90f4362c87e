"""Where the positions of sequences lie, so that one product serves several sequences at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.compiled import compiled, frozen

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Packing:
    """N sequences in G groups of similar length, each group laid out time-major.

    Within a group the sequences are sorted by length, longest first: all first positions come
    together, then all second ones, and so on. The sequences that reach time t are then the first
    so many of the group, and one step of a recursion is one product on contiguous rows.

    Attributes
    ----------
    lengths : (N,) as given
    order : (N,) the sequence at each place
    groups : (G + 1,) the place at which each group begins
    times : (G + 1,) where each group's part of ``offsets`` begins
    offsets : for each group, the packed row at which each time begins, and where the last ends
    rows : (M,) for each packed row, the position in the given order of sequences and tokens
    """

    lengths: IntArray
    order: IntArray
    groups: IntArray
    times: IntArray
    offsets: IntArray
    rows: IntArray

    @classmethod
    def of(cls, lengths: npt.ArrayLike, together: int = 64) -> Packing:
        """Pack sequences of the given lengths (zeros allowed), so many to a group.

        Examples
        --------
        >>> Packing.of([1, 3]).rows.tolist()
        [1, 0, 2, 3]
        >>> Packing.of([1, 3], together=1).rows.tolist()
        [0, 1, 2, 3]
        """
        given = frozen(np.asarray(lengths, dtype=np.int64))
        n = len(given)
        order = np.argsort(-given, kind="stable") if together > 1 else np.arange(n)
        groups = np.minimum(np.arange(0, n + together, together), n) if n else np.zeros(1, np.int64)
        longest = given[order[groups[:-1]]]
        times = np.concatenate([[0], np.cumsum(longest + 1)])
        order, groups, times = frozen(order), frozen(groups), frozen(times)
        offsets = np.empty(int(times[-1]), np.int64)
        rows = np.empty(int(given.sum()), np.int64)
        _lay_out(given, order, groups, times, offsets, rows)
        return cls(given, order, groups, times, frozen(offsets), frozen(rows))

    @property
    def n_positions(self) -> int:
        """M, over all sequences."""
        return len(self.rows)

    @property
    def place(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """What the compiled loops need: order, groups, times and offsets."""
        return self.order, self.groups, self.times, self.offsets

    def ends(self) -> tuple[IntArray, IntArray]:
        """The packed rows of the first and of the last positions of the non-empty sequences."""
        begins = np.cumsum(self.lengths) - self.lengths
        row_of = np.empty_like(self.rows)
        row_of[self.rows] = np.arange(len(self.rows))
        some = self.lengths > 0
        return row_of[begins[some]], row_of[(begins + self.lengths - 1)[some]]

    def sequences(self) -> IntArray:
        """(M,) the sequence that each packed row belongs to."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)[self.rows]

    def natural(self, packed: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of the packed rows in the given order of sequences and tokens."""
        out = np.empty_like(packed)
        out[self.rows] = packed
        return out


@compiled
def _lay_out(lengths: Any, order: Any, groups: Any, times: Any, offsets: Any, rows: Any) -> None:
    """Fill in the offsets and the rows."""
    starts = np.cumsum(lengths) - lengths
    row = 0
    for g in range(len(groups) - 1):
        size = groups[g + 1] - groups[g]
        for t in range(times[g + 1] - times[g] - 1):
            while size and lengths[order[groups[g] + size - 1]] <= t:
                size -= 1
            offsets[times[g] + t] = row
            for place in range(groups[g], groups[g] + size):
                rows[row] = starts[order[place]] + t
                row += 1
        offsets[times[g + 1] - 1] = row
