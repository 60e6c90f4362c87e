"""Tables with named columns and missing entries, as users hand in evidence and data.

A table is a data frame, a mapping from names to columns, a structured array, or a sequence of
mappings, one a row. Rows are matched by position; the index of a data frame is ignored.
Letters: n rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed, suggested
from gibbsfactor.variable import (
    State,
    Variable,
    by_name,
    declared_states,
    is_missing,
    name_of,
    plain,
)

IntArray = npt.NDArray[np.intp]
Unseen = Literal["error", "missing"]

UNSEEN: tuple[Unseen, ...] = ("error", "missing")
_SCALARS = (str, bytes, int, float, complex, bool, np.generic, type(None))


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
        entries = self.entries[name]
        try:
            return self.categories.get(name) or states_of(entries)
        except TypeError:
            row, entry = next((i, e) for i, e in enumerate(entries) if not _is_hashable(e))
            raise TypeError(
                f"column {name!r} has {_shown(entry)} in row {row} (the first is row 0); "
                f"a {type(entry).__name__} can't be a state, and every row has one: give a string, "
                "a number or another label that is hashable"
            ) from None


def coded_rows(
    table: object,
    variables: Mapping[str, Variable],
    what: str = "evidence",
    unseen: Unseen = "error",
) -> tuple[int, dict[str, IntArray]]:
    """A table with named columns as positions of states, -1 where an entry is missing.

    Parameters
    ----------
    table : data frame, mapping {name: column}, structured array or sequence of {name: state}
        Data frames are of pandas or polars. Columns may be lists, tuples, arrays or series, and
        are read by position, whatever their index. In a sequence of rows, which are mappings,
        series or namedtuples, a key that a row lacks is a missing entry. Keys may be names or
        variables.
    variables : mapping {name: Variable}
        The variables that columns may be of; not all need a column.
    what : str
        What the table is, for messages.
    unseen : {"error", "missing"}
        What an entry is that is none of its variable's states.

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
        state of its variable and ``unseen`` is not "missing".

    Notes
    -----
    None, NaN, pandas' NA and NaT, and masked entries are missing. Numbers match states by value:
    1.0 is the state 1, so integers that pandas made floats for the sake of a NaN are still what
    they were.

    Examples
    --------
    >>> weather = Variable("weather", ["sun", "rain"])
    >>> rows = [{"weather": "rain"}, {}, {"weather": "sun"}]
    >>> coded_rows(rows, {"weather": weather})
    (3, {'weather': array([ 1, -1,  0])})
    """
    columns = read_columns(table, what)
    return columns.n, coded_columns(columns, variables, what, unseen)


def coded_columns(
    columns: Columns,
    variables: Mapping[str, Variable],
    what: str = "evidence",
    unseen: Unseen = "error",
) -> dict[str, IntArray]:
    """Positions of the states in columns that were read; see `coded_rows`."""
    if unseen not in UNSEEN:
        raise ValueError(f"unseen is {unseen!r}; it must be one of {listed(UNSEEN)}")
    unknown = [name for name in columns.entries if name not in variables]
    if unknown:
        raise ValueError(
            f"{what} has a column for {listed(unknown)}, but there is no such variable; "
            f"there are {listed(list(variables)) or 'none'}"
            f"{suggested(unknown[0], list(variables)) or '; leave out what is no variable'}"
        )
    return {
        name: _codes(entries, variables[name], what, unseen)
        for name, entries in columns.entries.items()
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
        if not isinstance(name, str):
            raise TypeError(
                f"{what} has a column named {name!r:.60}, a {type(name).__name__}; columns have "
                "the names of variables, which are strings: give frame.rename(columns=str)"
            )
        if name in entries:
            raise ValueError(f"{what} has two columns named {name!r}; give each variable one")
        entries[name] = entries_of(column, f"{what} gives {name!r}", name)
        if declared := declared_states(column):
            categories[name] = declared
    lengths = {name: len(column) for name, column in entries.items()}
    first = next(iter(lengths))
    for name, length in lengths.items():
        if length != lengths[first]:
            raise ValueError(
                f"{what} has {lengths[first]} entries in column {first!r} and {length} in column "
                f"{name!r}; every column needs one for each row (None where it is missing)"
            )
    return Columns(lengths[first], entries, categories)


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
    distinct = dict.fromkeys(entries)
    seen = list(dict.fromkeys(plain(entry) for entry in distinct if not is_missing(entry)))
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
    if hasattr(table, "collect_schema") and hasattr(table, "collect"):
        raise TypeError(f"{what} is a lazy frame, whose rows are not read yet; give .collect()")
    if isinstance(table, np.ndarray) and table.dtype.names:
        return [(name, table[name]) for name in table.dtype.names]
    if hasattr(table, "columns") and hasattr(table, "__getitem__"):
        names = list(table.columns)
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ValueError(f"{what} has two columns named {name!r}; give each variable one")
        return [(name, table[name]) for name in names]
    is_text = isinstance(table, str | bytes | Set)
    if isinstance(table, Iterable) and not is_text and getattr(table, "ndim", 1) == 1:
        return _from_rows(list(table), what)
    raise TypeError(
        f"{what} is a table with named columns: a data frame, a mapping {{name: column}}, a "
        f"structured array or a list of {{name: state}}, one a row; got {_shown(table)}"
    )


def _from_rows(rows: Sequence[Any], what: str) -> list[tuple[str, list[Any]]]:
    """Columns of a sequence of mappings; what a row does not mention is missing."""
    named = [_named_row(row, i, what) for i, row in enumerate(rows)]
    names = dict.fromkeys(name for row in named for name in row)
    return [(name, [row.get(name) for row in named]) for name in names]


def _named_row(row: Any, i: int, what: str) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return {name_of(key): entry for key, entry in row.items()}
    try:
        return by_name(row, what)
    except TypeError:
        raise TypeError(
            f"row {i} of {what} is {_shown(row)}; expected a mapping {{name: state}}"
        ) from None


def entries_of(column: Any, what: str, name: str = "x") -> list[Any]:
    """A column as a list of its entries by position, whatever holds them.

    Parameters
    ----------
    column : list, tuple, array, series, iterator, or anything else that has an order
        An index, such as a series of pandas has, plays no part.
    what : str
        What it is, for messages: "data gives 'rain'".
    name : str
        A name for it, for messages.

    Returns
    -------
    list
        Python's own values where the column is an array; None where it is masked.

    Raises
    ------
    TypeError
        If it has another number of axes, or no order.

    Examples
    --------
    >>> entries_of(np.ma.array([3, 4], mask=[False, True]), "data gives 'a'")
    [3, None]
    """
    if isinstance(column, _SCALARS) or getattr(column, "ndim", 1) == 0:
        raise TypeError(
            f"{what} the single state {_shown(column)}, not a column; "
            f"give a list of states, one a row, as in {{{name!r}: [{_shown(column)}]}}"
        )
    if getattr(column, "ndim", 1) != 1 or hasattr(column, "columns"):
        raise TypeError(
            f"{what} a column of shape {tuple(column.shape)}; expected one entry for each row"
        )
    if isinstance(column, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(column)
        return [
            None if out else plain(entry)
            for entry, out in zip(column.data, hidden.tolist(), strict=True)
        ]
    kind = getattr(getattr(column, "dtype", None), "kind", "")
    if kind == "f":
        column = np.asarray(column)
        absent = np.isnan(column)
        if absent.any():
            column = column.astype(object)
            column[absent] = None
    if kind in "mM" and isinstance(column, np.ndarray):
        return list(map(plain, column))
    for method in ("to_list", "tolist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    if isinstance(column, Mapping | Set) or not isinstance(column, Iterable):
        raise TypeError(f"{what} {_shown(column)}; expected a list, an array or a series")
    return list(column)


def _shown(thing: object) -> str:
    text = repr(thing)
    return text if len(text) <= 60 else f"{type(thing).__name__} {text[:50]}..."


# ---- states ---------------------------------------------------------------------------


class _Positions(dict[Any, int]):
    """Positions of a variable's states; what is not among them is looked into once."""

    def __init__(self, v: Variable, unseen: Unseen) -> None:
        super().__init__(zip(v.states, range(v.cardinality), strict=True))
        self._index, self._unseen = v.index, unseen

    def __missing__(self, entry: Any) -> int:
        try:
            self[entry] = code = -1 if is_missing(entry) else self._index(entry)
        except ValueError:
            if self._unseen == "error" or isinstance(entry, Set):  # a set is no state, seen or not
                raise
            self[entry] = code = -1
        return code


def _codes(entries: Sequence[Any], v: Variable, what: str, unseen: Unseen) -> IntArray:
    positions = _Positions(v, unseen)
    try:
        return np.fromiter(map(positions.__getitem__, entries), np.intp, len(entries))
    except (ValueError, TypeError):  # not a state, or not even hashable
        _reject(entries, v, positions, what)
        raise


def _reject(entries: Sequence[Any], v: Variable, positions: _Positions, what: str) -> None:
    for row, entry in enumerate(entries):
        try:
            positions[entry]
        except (ValueError, TypeError):
            raise ValueError(
                f"{what} gives {v.name!r} the state {plain(entry)!r:.60} in row {row} (the first "
                f"is row 0); its states are {listed(v.states, 12)}{v.advice(entry)}"
            ) from None


def _is_hashable(entry: Any) -> bool:
    try:
        hash(entry)
    except TypeError:
        return False
    return True
