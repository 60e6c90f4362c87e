"""Tables with named columns and missing entries, as users hand in evidence and data.

A table is a data frame, a mapping from names to columns, a structured array, or a sequence of
mappings, one a row. Letters: n rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed
from gibbsfactor.variable import State, Variable, name_of

IntArray = npt.NDArray[np.intp]

MISSING = object()  # an entry that is not there, whatever the states are
_SCALARS = (str, bytes, int, float, complex, bool, np.generic, type(None))
_ABSENT_KINDS = ("NAType", "NaTType", "MaskedConstant")  # of pandas and numpy, never imported here


@dataclass(frozen=True, eq=False)
class Columns:
    """Entries as a user gave them: ``n`` of them in each column.

    ``categories`` lists the states of columns that declare them, as categorical series do.
    """

    n: int
    entries: Mapping[str, list[Any]]
    categories: Mapping[str, tuple[Any, ...]]

    def states(self, name: str) -> tuple[State, ...]:
        """The states of a column: the declared ones, else those that occur; see `states_of`."""
        return self.categories.get(name) or states_of(self.entries[name])


def coded_rows(
    table: object, variables: Mapping[str, Variable], what: str = "evidence"
) -> tuple[int, dict[str, IntArray]]:
    """A table with named columns as positions of states, -1 where an entry is missing.

    Parameters
    ----------
    table : data frame, mapping {name: column}, structured array or sequence of {name: state}
        Columns may be lists, tuples, arrays or series. In a sequence of mappings, one a row, a
        key that a row lacks is a missing entry. Keys may be names or variables.
    variables : mapping {name: Variable}
        The variables that columns may be of; not all need a column.
    what : str
        What the table is, for messages.

    Returns
    -------
    n : int
        How many rows there are.
    columns : dict {name: array of int, shape (n,)}
        Positions in ``states`` of the variable, or -1.

    Raises
    ------
    TypeError
        If it is no table: columns without names, or single states where columns should be.
    ValueError
        If there is no column, one is of no variable, their lengths differ, or an entry is not a
        state of its variable.

    Notes
    -----
    None, NaN, pandas' NA and NaT, and masked entries are missing, unless a variable has that very
    label among its states. Numbers match states by value: 1.0 is the state 1, so integers that
    pandas made floats for the sake of a NaN are still what they were.

    Examples
    --------
    >>> weather = Variable("weather", ["sun", "rain"])
    >>> rows = [{"weather": "rain"}, {}, {"weather": "sun"}]
    >>> coded_rows(rows, {"weather": weather})
    (3, {'weather': array([ 1, -1,  0])})
    """
    columns = read_columns(table, what)
    return columns.n, coded_columns(columns, variables, what)


def coded_columns(
    columns: Columns, variables: Mapping[str, Variable], what: str = "evidence"
) -> dict[str, IntArray]:
    """Positions of the states in columns that were read; see `coded_rows`."""
    unknown = [name for name in columns.entries if name not in variables]
    if unknown:
        raise ValueError(
            f"{what} has a column for {listed(unknown)}, but there is no such variable; "
            f"there are {listed(list(variables)) or 'none'}"
        )
    return {
        name: _codes(entries, variables[name], what) for name, entries in columns.entries.items()
    }


def read_columns(table: object, what: str = "evidence") -> Columns:
    """The columns of a table by name, checked to be of one length; missing entries stay in."""
    given = _named_columns(table, what)
    if not given:
        raise ValueError(
            f"{what} has no column; give at least one, named after a variable, "
            "as in {'A': ['a0', None, 'a1']}"
        )
    entries: dict[str, list[Any]] = {}
    categories: dict[str, tuple[Any, ...]] = {}
    for key, column in given:
        name = name_of(key)
        if name in entries:
            raise ValueError(f"{what} has two columns named {name!r}; give each variable one")
        entries[name] = _entries(column, name, what)
        declared = getattr(getattr(column, "dtype", None), "categories", None)
        if declared is not None:
            categories[name] = tuple(declared)
    lengths = {name: len(column) for name, column in entries.items()}
    first = next(iter(lengths))
    for name, length in lengths.items():
        if length != lengths[first]:
            raise ValueError(
                f"{what} has {lengths[first]} entries in column {first!r} and {length} in column "
                f"{name!r}; every column needs one for each row (None where it is missing)"
            )
    return Columns(lengths[first], entries, categories)


def is_missing(entry: object) -> bool:
    """Whether an entry stands for nothing: None, NaN, NA, NaT, or masked.

    >>> [is_missing(entry) for entry in (None, float("nan"), np.ma.masked, 0, "", "NaN")]
    [True, True, True, False, False, False]
    """
    if entry is None or entry is MISSING:
        return True
    if isinstance(entry, float | np.floating | np.datetime64 | np.timedelta64):
        return bool(entry != entry)
    return type(entry).__name__ in _ABSENT_KINDS


def states_of(entries: Sequence[Any]) -> tuple[State, ...]:
    """The distinct states in a column: sorted where they can be, else as they come.

    Whole numbers are integers, even where floats make room for NaN.

    Raises
    ------
    TypeError
        If an entry is not hashable.

    Examples
    --------
    >>> states_of([2.0, None, 0.0, 2.0])
    (0, 2)
    >>> states_of(["low", "high", "low"])
    ('high', 'low')
    """
    seen = [
        entry.item() if isinstance(entry, np.generic) else entry
        for entry in dict.fromkeys(entries)
        if not is_missing(entry)
    ]
    if all(isinstance(entry, float) and entry.is_integer() for entry in seen):
        seen = [int(entry) for entry in seen]
    try:
        return tuple(sorted(seen))
    except TypeError:
        return tuple(seen)


# ---- columns --------------------------------------------------------------------------


def _named_columns(table: Any, what: str) -> list[tuple[Any, Any]]:
    """Pairs of name and column, whatever the table is."""
    if isinstance(table, Mapping):
        return list(table.items())
    if isinstance(table, np.ndarray) and table.dtype.names:
        return [(name, table[name]) for name in table.dtype.names]
    if hasattr(table, "columns") and hasattr(table, "__getitem__"):
        names = list(table.columns)
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ValueError(f"{what} has two columns named {name!r}; give each variable one")
        return [(name, table[name]) for name in names]
    if isinstance(table, Sequence) and not isinstance(table, str | bytes):
        return _from_rows(table, what)
    raise TypeError(
        f"{what} is a table with named columns: a data frame, a mapping {{name: column}}, a "
        f"structured array or a list of {{name: state}}, one a row; got {_shown(table)}"
    )


def _from_rows(rows: Sequence[Any], what: str) -> list[tuple[str, list[Any]]]:
    """Columns of a sequence of mappings; what a row does not mention is missing."""
    names: dict[str, None] = {}
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(
                f"row {i} of {what} is {_shown(row)}; expected a mapping {{name: state}}"
            )
        names.update(dict.fromkeys(row))
    by_name: dict[str, list[Any]] = {}
    for key in names:
        column = [row.get(key, MISSING) for row in rows]
        known = by_name.setdefault(name_of(key), column)
        if known is not column:  # some rows say it by name, others by variable
            for i, entry in enumerate(column):
                if entry is not MISSING:
                    known[i] = entry
    return list(by_name.items())


def _entries(column: Any, name: str, what: str) -> list[Any]:
    """A column as a list, masked entries marked as missing."""
    if isinstance(column, _SCALARS) or getattr(column, "ndim", 1) == 0:
        raise TypeError(
            f"{what} gives {name!r} the single state {_shown(column)}, not a column; "
            f"give a list of states, one a row, as in {{{name!r}: [{_shown(column)}]}}"
        )
    if getattr(column, "ndim", 1) != 1:
        raise TypeError(
            f"{what} has a column {name!r} of shape {tuple(column.shape)}; "
            "expected one entry for each row"
        )
    if isinstance(column, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(column)
        return [
            MISSING if out else entry
            for entry, out in zip(column.data.tolist(), hidden.tolist(), strict=True)
        ]
    if getattr(getattr(column, "dtype", None), "kind", "") == "f":
        column = np.asarray(column)
        absent = np.isnan(column)
        if absent.any():
            column = column.astype(object)
            column[absent] = MISSING
    for method in ("to_list", "tolist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    if isinstance(column, Mapping | Set) or not isinstance(column, Sequence):
        raise TypeError(
            f"{what} has {_shown(column)} as column {name!r}; expected a list, an array or a series"
        )
    return list(column)


def _shown(thing: object) -> str:
    text = repr(thing)
    return text if len(text) <= 60 else f"{type(thing).__name__} {text[:50]}..."


# ---- states ---------------------------------------------------------------------------


class _Positions(dict[Any, int]):
    """Positions of states; what is not among them is looked into once."""

    def __missing__(self, entry: Any) -> int:
        if not is_missing(entry):
            raise KeyError(entry)
        self[entry] = -1
        return -1


def _codes(entries: Sequence[Any], v: Variable, what: str) -> IntArray:
    positions = _Positions(zip(v.states, range(v.cardinality), strict=True))
    try:
        return np.fromiter(map(positions.__getitem__, entries), np.intp, len(entries))
    except (KeyError, TypeError):  # not a state, or not even hashable
        _reject(entries, v, positions, what)
        raise


def _reject(entries: Sequence[Any], v: Variable, positions: _Positions, what: str) -> None:
    for row, entry in enumerate(entries):
        try:
            positions[entry]
        except (KeyError, TypeError):
            label = entry.item() if isinstance(entry, np.generic) else entry
            hint = ""
            if isinstance(label, int | float) and _as_text(label) in v.states:
                hint = "; the states are strings, the column is of numbers"
            elif isinstance(label, str) and any(_as_text(s) == label for s in v.states):
                hint = "; the column is of strings, the states are not"
            raise ValueError(
                f"{what} gives {v.name!r} the state {label!r} in row {row} (the first is row 0); "
                f"its states are {listed(v.states, 12)}{hint}"
            ) from None


def _as_text(state: object) -> str:
    return str(int(state)) if isinstance(state, float) and state.is_integer() else str(state)
