"""The labels that occur in a column of categories, and rows as codes of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.rows import states_of
from gibbsfactor.variable import is_missing, plain

IntArray = npt.NDArray[np.intp]

MISSING = -1
_WIDEST = 1 << 16  # of a range of integers that is looked up in a table, whatever the rows


@dataclass(frozen=True, eq=False)
class Coded:
    """A column: its distinct labels, and for each row the position of its label, or -1.

    ``declared`` says that the labels are all there can be, in an order of their own, as in a
    categorical series; otherwise they are those that occur.
    """

    labels: tuple[Hashable, ...]
    codes: IntArray
    declared: bool = False


@dataclass(frozen=True)
class Categories:
    """Known labels of a column, in the order in which they are counted."""

    labels: tuple[Hashable, ...] = ()

    @cached_property
    def positions(self) -> dict[Hashable, int]:
        """Where each label is."""
        return {label: i for i, label in enumerate(self.labels)}

    def joined(self, column: Coded, name: object) -> Categories:
        """With the labels of a column; sorted where they can be, unless an order was declared."""
        new = [label for label in column.labels if label not in self.positions]
        self._check_types(new, name)
        labels = (*self.labels, *new)
        if not new:
            return self
        return Categories(labels if column.declared else states_of(labels))

    def codes(self, column: Coded, name: object) -> IntArray:
        """Positions of a column's labels here, -1 where missing, their number where unknown."""
        unknown = len(self.labels)
        places = [self.positions.get(label, unknown) for label in column.labels]
        if unknown in places:
            met = set(np.unique(column.codes).tolist())
            strange = [
                label for i, label in enumerate(column.labels) if places[i] == unknown and i in met
            ]
            self._check_types(strange, name)
        lookup = np.array([*places, MISSING], dtype=np.intp)
        return np.asarray(lookup[column.codes])

    def _check_types(self, strange: Iterable[Hashable], name: object) -> None:
        """Raise ValueError if a label is a known one but for its type."""
        texts: dict[str, Hashable] = {}
        for label in strange:
            texts = texts or {str(known): known for known in self.labels}
            known = texts.get(str(_whole(label)))
            if known is not None:
                raise ValueError(
                    f"column {name!r} of X holds {label!r} ({type(label).__name__}), but the "
                    f"category known is {known!r} ({type(known).__name__}); give X the types "
                    "that it was fitted with"
                )


def coded(column: Any, name: object) -> Coded:
    """Distinct labels and codes of a column.

    Parameters
    ----------
    column : array or series, shape (N,)
        None, NaN, NA and NaT are missing. Whole numbers are integers, even where floats make
        room for NaN.
    name : object
        Of the column, for messages.

    Examples
    --------
    >>> found = coded(np.array(["b", None, "a", "b"], dtype=object), "x")
    >>> found.labels, found.codes.tolist()
    (('b', 'a'), [0, -1, 1, 0])
    >>> coded(np.array([3.0, np.nan, 1.0]), "x").labels
    (1, 3)
    """
    declared = getattr(column.dtype, "categories", None)
    if declared is not None:
        codes = np.asarray(column.cat.codes, dtype=np.intp)
        return Coded(tuple(map(_whole, declared.tolist())), codes, declared=True)
    if isinstance(column, np.ndarray) and column.dtype.kind in "biuf":
        return _of_numbers(column)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return _of_numbers(column.to_numpy())
    found = _Codes()
    entries = column.tolist()
    try:
        codes = np.fromiter(map(found.__getitem__, entries), np.intp, len(entries))
    except TypeError:
        raise TypeError(
            f"column {name!r} of X holds an entry of a type that is not hashable; categories are "
            "strings, numbers or other labels that are"
        ) from None
    return Coded(tuple(found.labels), codes)


class _Codes(dict[Any, int]):
    """Codes in order of appearance; every label is looked into once."""

    def __init__(self) -> None:
        self.labels: list[Hashable] = []

    def __missing__(self, entry: Any) -> int:
        code = MISSING
        if not is_missing(entry):
            code = len(self.labels)
            self.labels.append(_whole(entry))
        self[entry] = code
        return code


def _of_numbers(column: npt.NDArray[Any]) -> Coded:
    if column.dtype.kind == "f":
        absent = np.isnan(column)
        if absent.any():
            present = _of_numbers(column[~absent])
            codes = np.full(column.size, MISSING, dtype=np.intp)
            codes[~absent] = present.codes
            return Coded(present.labels, codes)
        with np.errstate(invalid="ignore"):
            whole = column.astype(np.int64)
        if (np.abs(column) < 2.0**53).all() and (whole == column).all():
            column = whole
    if column.dtype.kind in "iu" and column.size:
        low, high = int(column.min()), int(column.max())
        if high - low < max(_WIDEST, column.size) and high < 2**63:
            offsets = column.astype(np.intp) - low
            seen = np.zeros(high - low + 1, dtype=bool)
            seen[offsets] = True
            labels = np.flatnonzero(seen) + low
            return Coded(tuple(labels.tolist()), (np.cumsum(seen) - 1)[offsets])
    distinct, places = np.unique(column, return_inverse=True)
    return Coded(tuple(distinct.tolist()), places.astype(np.intp))


def _whole(label: Any) -> Any:
    """A label as Python's own type, and as an integer where it is a whole number."""
    label = plain(label)
    return int(label) if isinstance(label, float) and label.is_integer() else label
