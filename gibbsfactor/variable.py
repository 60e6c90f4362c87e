"""A discrete random variable: a name and the states it can take.

A state is a hashable label. What stands for a missing entry (None, NaN, NaT, NA) is no state.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from gibbsfactor.errors import listed, suggested

State = Hashable
Assignment = Mapping[str, State]
Evidence = Mapping[str, State | Set[State]]  # a state, or a set of states that are possible

_SHOWN = 12  # how many states an error message lists before it stops
_PRESENT = frozenset({str, int, bool})
_ABSENT_KINDS = ("NAType", "NaTType", "MaskedConstant")  # of pandas and numpy, never imported here


@dataclass(frozen=True, repr=False)
class Variable:
    """A discrete random variable.

    Parameters
    ----------
    name : str
        How assignments, evidence and marginals refer to it.
    states : int or sequence of hashable labels
        An integer k means the states 0, 1, ..., k - 1; a sequence lists the labels
        themselves, in the order of a factor's axis. For a categorical series (pandas) or an
        Enum (polars) they are the categories.

    Raises
    ------
    ValueError
        If the name is empty, or there is no state, or a state is listed twice, be it in two
        Unicode forms, or is None or NaN, which stand for missing entries.
    TypeError
        If the name is not a string or a state is not hashable.

    Notes
    -----
    States match by value: 1.0 and True are the state 1, and numpy's scalars are the Python values
    that they hold. A day is the same state as a date and as its midnight, whether it comes from
    Python, numpy or pandas.

    Examples
    --------
    >>> weather = Variable("weather", ["sun", "rain"])
    >>> weather.cardinality
    2
    >>> weather.index("rain")
    1
    >>> Variable("die", 6).states
    (0, 1, 2, 3, 4, 5)
    """

    name: str
    states: tuple[State, ...]

    def __init__(self, name: str, states: int | Sequence[State]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a variable's name is a string; got {name!r}")
        if not name:
            raise ValueError("a variable's name is empty; give it a name of at least one character")
        labels: tuple[Any, ...]
        if isinstance(states, bool):
            raise TypeError(
                f"variable {name!r} got {states!r} as its states; "
                "for a truth value list the labels: [False, True]"
            )
        if isinstance(states, set | frozenset | dict):
            raise TypeError(
                f"variable {name!r} got a {type(states).__name__} as its states; "
                "give a list, whose order is that of a factor's axis"
            )
        if isinstance(states, int | np.integer):
            labels = tuple(range(int(states)))
        elif isinstance(states, str | bytes):
            raise TypeError(
                f"variable {name!r} got the string {states!r} as its states; "
                "give a sequence of labels, such as ['low', 'high'], or how many there are"
            )
        elif hasattr(states, "columns"):
            raise TypeError(
                f"variable {name!r} got a data frame as its states; give the labels of one column, "
                "such as frame['column'].unique()"
            )
        else:
            given: Any = declared_states(states) or states
            try:
                labels = tuple(map(plain, given))
            except TypeError:
                raise TypeError(
                    f"variable {name!r} got {states!r} as its states; "
                    "expected an integer or a sequence of labels"
                ) from None
        if not labels:
            raise ValueError(f"variable {name!r} has no states; it needs at least one")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "states", labels)
        if not isinstance(states, int):
            self._check_distinct()

    def _check_distinct(self) -> None:
        for state in self.states:
            if is_missing(state):
                raise ValueError(
                    f"variable {self.name!r} lists {state!r} among its states, which stands for a "
                    "missing entry and is no state; leave it out (evidence and data may be "
                    "missing), or give it a name of its own, such as 'unknown'"
                )
        if len(self._positions) < self.cardinality:
            second = next(s for i, s in enumerate(self.states) if s in self.states[:i])
            first = next(s for s in self.states if s == second)
            same = f"states {first!r} and {second!r}, which are equal"
            if type(first) is type(second):
                same = f"state {first!r} twice"
            raise ValueError(
                f"variable {self.name!r} lists the {same}; list each state once (of a column of "
                "data, give column.unique())"
            )
        check_forms(self.states, f"variable {self.name!r} has the states")

    @cached_property
    def _positions(self) -> dict[State, int]:
        try:
            return {state: i for i, state in enumerate(self.states)}
        except TypeError as error:
            raise TypeError(
                f"a state of variable {self.name!r} can't be a label: {error}"
            ) from None

    @property
    def cardinality(self) -> int:
        """How many states there are."""
        return len(self.states)

    def index(self, state: State) -> int:
        """Position of a state in ``states``.

        Raises
        ------
        ValueError
            If there is no such state; the message lists those there are.
        """
        try:
            return self._positions[state]
        except (KeyError, TypeError):
            found = self._matching(state)
        if found is None:
            raise ValueError(
                f"variable {self.name!r} has no state {plain(state)!r}; "
                f"its states are {listed(self.states, _SHOWN)}{self.advice(state)}"
            )
        return found

    def other_than(self, *states: State) -> frozenset[State]:
        """All states but these: evidence that the variable is in none of them.

        Raises
        ------
        ValueError
            If there is no such state.

        Examples
        --------
        >>> rain = Variable("rain", ["none", "light", "heavy"])
        >>> sorted(rain.other_than("heavy"))
        ['light', 'none']
        """
        excluded = {self.index(state) for state in states}
        return frozenset(s for i, s in enumerate(self.states) if i not in excluded)

    def _matching(self, state: State) -> int | None:
        """Position of an equal state of another type, such as a date; None if there is none."""
        state = plain(state)
        try:
            found = self._positions.get(state)
            if found is None and isinstance(state, date):
                found = self._positions.get(_other_date(state))
        except TypeError:  # not hashable
            return None
        return found

    def advice(self, state: State) -> str:
        """Advice about an unknown state, as the end of an error message."""
        state = plain(state)
        if isinstance(state, str):
            same = next((s for s in self.states if _as_text(s) == state), None)
            if same is not None:
                return f"; they are not strings: give {same!r}"
            return suggested(state, [s for s in self.states if isinstance(s, str)])
        if isinstance(state, int | float | date):
            same = next((s for s in self.states if s == _as_text(state)), None)
            return "" if same is None else f"; they are strings: give {same!r}"
        if getattr(type(state), "__hash__", None) is None:
            kind = type(state).__name__
            return f"; a {kind} is no state (evidence may be a set of possible states)"
        return ""

    def __repr__(self) -> str:
        whole = all(type(state) is int for state in self.states)
        if whole and self.states == tuple(range(self.cardinality)):
            return f"Variable({self.name!r}, {self.cardinality})"
        return f"Variable({self.name!r}, {list(self.states)!r})"


def name_of(variable: str | Variable) -> str:
    """The name, of a variable or as it is."""
    return variable.name if isinstance(variable, Variable) else variable


def by_name(assignment: Any, what: str) -> dict[str, State]:
    """One row {name: state}, as evidence or an assignment; missing entries are left out.

    Users may give variables as names, and a row of a table in place of a mapping: a series, a data
    frame of one row, a namedtuple or a numpy record.
    """
    row = assignment if isinstance(assignment, Mapping) else _row(assignment, what)
    return {name_of(key): state for key, state in row.items() if not is_missing(state)}


def _row(given: Any, what: str) -> Mapping[Any, State]:
    """A row of a table as a mapping."""
    if hasattr(given, "columns") and hasattr(given, "to_dict"):
        if len(given) != 1:
            raise TypeError(
                f"{what} is a data frame of {len(given)} rows, but it is about one case; give one "
                "row, or ask for all of them in one call, as in p.marginals(evidence=frame)"
            )
        return {name: next(iter(given[name])) for name in given.columns}
    if hasattr(given, "items") and hasattr(given, "keys"):  # a series
        row = dict(given.items())
        if len(row) < len(given):
            raise ValueError(f"{what} is a row that has a name twice: {listed(list(given.keys()))}")
        return row
    if hasattr(given, "_asdict"):
        fields: dict[Any, State] = dict(given._asdict())
        if type(given).__name__ == "Pandas":  # of itertuples, whose first field is the index
            fields.pop("Index", None)
        return fields
    names = getattr(getattr(given, "dtype", None), "names", None)
    if names and getattr(given, "ndim", 0) == 0:
        return {name: given[name] for name in names}
    raise TypeError(
        f"{what} is a mapping {{name: state}}; got {given!r:.60}; a row of a data frame is one too"
    )


# ---- states -----------------------------------------------------------------------------


def plain(state: Any) -> Any:
    """A label as Python's own value, where numpy has a type of its own for it.

    >>> [plain(np.int8(3)), plain(np.str_("low")), plain(np.datetime64("2024-05-01", "ns"))]
    [3, 'low', datetime.datetime(2024, 5, 1, 0, 0)]
    """
    if not isinstance(state, np.generic):
        return state
    if not isinstance(state, np.datetime64 | np.timedelta64):
        return state.item()
    found = state.item()
    if isinstance(found, int) and np.datetime_data(state.dtype)[0] not in ("generic", "Y", "M"):
        coarse = state.astype(f"{state.dtype.kind}8[us]")
        found = coarse.item() if coarse == state else found
    return state if isinstance(found, int) else found  # what Python's dates can't hold


def is_missing(entry: object) -> bool:
    """Whether an entry stands for nothing: None, NaN, NA, NaT, or masked.

    >>> [is_missing(entry) for entry in (None, float("nan"), np.ma.masked, 0, "", "NaN")]
    [True, True, True, False, False, False]
    """
    if type(entry) in _PRESENT:  # nearly always
        return False
    if entry is None:
        return True
    if isinstance(entry, float | np.floating | np.datetime64 | np.timedelta64 | Decimal):
        return bool(entry != entry)
    return type(entry).__name__ in _ABSENT_KINDS


def declared_states(column: Any) -> tuple[State, ...]:
    """The states that a column of categories declares, or its type does; else none."""
    found = getattr(getattr(column, "dtype", column), "categories", ())
    return tuple(map(plain, found)) if hasattr(found, "__len__") else ()


def _other_date(day: date) -> date:
    """A day's midnight, or the day whose midnight it is."""
    if not isinstance(day, datetime):
        return datetime.combine(day, time())
    is_midnight = day.tzinfo is None and day.time() == time() and not getattr(day, "nanosecond", 0)
    return day.date() if is_midnight else day


def _as_text(state: object) -> str:
    return str(int(state)) if isinstance(state, float) and state.is_integer() else str(state)


def check_forms(texts: Iterable[object], what: str) -> None:
    r"""Raise ValueError if two of the texts are one text in two Unicode forms.

    An é can be one character or an e and an accent: the two look the same and are not equal.

    Raises
    ------
    ValueError
        ``what`` begins the message.

    Examples
    --------
    >>> check_forms(["caf\u00e9", "cafe\u0301"], "these are")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: these are 'caf\xe9' and 'cafe\u0301', which are two Unicode forms of ...
    """
    met: dict[str, str] = {}
    for text in texts:
        if isinstance(text, str) and not text.isascii():
            first = met.setdefault(unicodedata.normalize("NFC", text), text)
            if first != text:
                raise ValueError(
                    f"{what} {first!a} and {text!a}, which are two Unicode forms of the same text; "
                    "make them equal with unicodedata.normalize('NFC', text)"
                )


def check_agreement(first: Variable, second: Variable, where: str, elsewhere: str) -> None:
    """Raise ValueError unless two variables of one name have the same states.

    ``where`` and ``elsewhere`` say in the message where each was met.
    """
    if first is second or first.states == second.states:
        return
    if first.cardinality != second.cardinality:
        given: object = f"{first.cardinality} states"
        other: object = str(second.cardinality)
    else:
        given, other = f"the states {list(first.states)}", list(second.states)
    raise ValueError(
        f"{where} gives {first.name!r} {given}, but {elsewhere} gives it {other}; "
        "every factor must agree on a variable's states"
    )
