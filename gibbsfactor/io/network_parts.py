"""What the formats of Bayesian networks share: checked tables, and names that can be written."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from gibbsfactor.conditional_table import LEAST_OFF, MOST_OFF, ConditionalTable, most_off
from gibbsfactor.errors import FormatError, PrecisionWarning, listed
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.tables import MOST_AXES, FloatArray, described, first_of
from gibbsfactor.variable import Variable

Fail = Callable[[int, str], ValueError]
"""Makes the error for a place in the file, which it turns into a line, and a message."""
Fault = Callable[[int, str], ValueError]
"""Makes the error about a row, of its number and what is wrong with it."""
NanRows: TypeAlias = Literal["error", "uniform"]

MOST_NUMBER = 1e300  # so that the sum of a row is finite
MOST_ROUNDED = 0.00501  # a state: what rounding to two digits takes away or adds
_NUMBER = re.compile(r"[0-9.eE+\-]+")
_NOT_A_NUMBER = re.compile(r"[+\-]?nan(?:\(ind\))?|na", re.IGNORECASE)
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class RowRules:
    """What is done with rows of a table that are not distributions.

    Attributes
    ----------
    normalize : divide each row by its sum; else a sum that is off one by more than 1e-6 for each
        state of the child is an error
    nan_rows : "error", or "uniform" for rows whose numbers are all NaN
    """

    normalize: bool = False
    nan_rows: NanRows = "error"

    def __post_init__(self) -> None:
        if self.nan_rows not in ("error", "uniform"):
            raise ValueError(f"nan_rows is {self.nan_rows!r}; it must be 'error' or 'uniform'")


def number_of(word: str) -> float:
    """The number that a word of a table says; NaN for NaN and NA.

    Raises
    ------
    ValueError
        If it is none.
    """
    if _NUMBER.fullmatch(word):
        number = float(word)
        if number == 0 and is_tiny(word):
            warn_of_tiny([word])
        return number
    if _NOT_A_NUMBER.fullmatch(word):
        return math.nan
    raise ValueError(f"{word!r} is no number")


def is_tiny(word: str) -> bool:
    """Whether a number that a float makes 0 is another one.

    >>> is_tiny("1e-400"), is_tiny("0.0e5")
    (True, False)
    """
    if not word.strip("0."):
        return False
    return any(digit in "123456789" for digit in word.lower().partition("e")[0])


def log_of_tiny(word: str) -> float:
    """Natural logarithm of a number above 0, however small.

    >>> round(log_of_tiny("1e-400"), 4)
    -921.034
    """
    return float(Decimal(word).ln())


def floats_of(words: Sequence[str]) -> list[float]:
    """The numbers that words say, with a warning if a float makes one 0 that is not."""
    numbers = [float(word) for word in words]
    if 0.0 in numbers:
        warn_of_tiny([w for w, n in zip(words, numbers, strict=True) if n == 0 and is_tiny(w)])
    return numbers


def warn_of_tiny(words: Sequence[str]) -> None:
    """Warn of probabilities that become 0."""
    if words:
        warnings.warn(
            f"the probability {words[0]} is below the smallest float, about 5e-324, and is read "
            "as 0, which makes the state impossible; write 0 if it is, or multiply a Factor in "
            "logs (Factor.from_log), which holds it",
            PrecisionWarning,
            stacklevel=2,
        )


def make_variable(
    name: str, states: Sequence[str], place: int, fail: Fail, *, int_states: bool = False
) -> Variable:
    """A variable with these states, as integers if that is asked and all of them are."""
    if not name:
        raise fail(place, "found a variable with an empty name, expected a name")
    if not states:
        raise fail(place, f"variable {name!r} has no states, expected at least one")
    if len(set(states)) != len(states):
        met: set[str] = set()
        twice = next(s for s in states if s in met or met.add(s))  # type: ignore[func-returns-value]
        raise fail(place, f"variable {name!r} has the state {twice!r} twice, expected it once")
    labels: Sequence[int | str] = states
    if int_states and all(map(_WHOLE.fullmatch, states)):
        labels = [int(state) for state in states]
    try:
        return Variable(name, labels)
    except ValueError as error:
        raise fail(place, str(error)) from None


def look_up(
    variables: dict[str, Variable], family: Sequence[tuple[str, int]], fail: Fail
) -> tuple[Variable, list[Variable]]:
    """The child and the parents that are named, each with its place, in that order."""
    for i, (name, place) in enumerate(family):
        if name not in variables:
            raise fail(
                place, f"found {name!r}, expected one of the variables: {listed(list(variables))}"
            )
        if name in (other for other, _ in family[:i]):
            raise fail(place, f"found {name!r} twice in one table, expected it once")
        if i >= MOST_AXES:
            raise fail(
                place, f"the table has {len(family)} variables, expected {MOST_AXES} or less"
            )
    child, *parents = (variables[name] for name, _ in family)
    return child, parents


def number_of_rows(parents: Sequence[Variable]) -> int:
    """How many joint states the parents have."""
    return math.prod([v.cardinality for v in parents])


def row_states(parents: Sequence[Variable], row: int) -> tuple[int, ...]:
    """Which state each parent has in a row; the last parent's states run fastest."""
    states = []
    for v in reversed(parents):
        row, i = divmod(row, v.cardinality)
        states.append(i)
    return tuple(reversed(states))


def make_table(
    child: Variable,
    parents: Sequence[Variable],
    rows: FloatArray,
    place: Callable[[int], int],
    fail: Fail,
    rules: RowRules,
) -> ConditionalTable:
    """A table of checked rows, shape (joint states of the parents, states of the child).

    ``place`` gives where in the file a row is.
    """
    rows = np.ascontiguousarray(rows)  # so that sums are rounded as the table's own

    def fault(row: int, what: str) -> ValueError:
        return fail(place(row), f"the probabilities of {child.name!r}{_given(parents, row)} {what}")

    absent = np.isnan(rows)
    if absent.any():
        rows = _without_nan(rows, absent, fault, rules)
    bad = ~((rows >= 0) & (rows <= (MOST_NUMBER if rules.normalize else 1 + MOST_OFF)))
    if bad.any():
        row, i = first_of(bad)
        least = "a finite number of at least 0" if rules.normalize else "a number from 0 to 1"
        raise fail(
            place(row),
            f"the probability of {child.name!r} = {child.states[i]!r}{_given(parents, row)} is "
            f"{float(rows[row, i])!r}, expected {least}",
        )
    sums = rows.sum(axis=1)
    if not sums.all():
        (row,) = first_of(sums == 0)
        raise fault(
            row,
            "are all 0, expected a distribution; write one, or write NaN and read with "
            "nan_rows='uniform'",
        )
    if rules.normalize:
        _warn_of_sums(sums, child, fault)
        rows = rows / np.where(np.abs(sums - 1.0) > LEAST_OFF, sums, 1.0)[:, None]
    else:
        off = np.abs(sums - 1.0) > most_off(child)
        if off.any():
            (row,) = first_of(off)
            raise fault(
                row,
                f"sum to {float(sums[row])!r}, expected 1 within {most_off(child):g}; correct "
                "them, or read with normalize=True, which divides each row by its sum",
            )
    shape = [v.cardinality for v in (*parents, child)]
    return ConditionalTable(child, parents, rows.reshape(shape))


def _without_nan(
    rows: FloatArray, absent: npt.NDArray[np.bool_], fault: Fault, rules: RowRules
) -> FloatArray:
    """The rows with those of NaN alone replaced by the uniform distribution, if that is asked."""
    counts = np.count_nonzero(absent, axis=1)
    partly = (counts > 0) & (counts < rows.shape[1])
    if partly.any():
        (row,) = first_of(partly)
        raise fault(
            row,
            f"are {rows[row].tolist()}, expected numbers, or NaN for all of them where the row is "
            "not known",
        )
    if rules.nan_rows == "error":
        (row,) = first_of(counts > 0)
        raise fault(
            row,
            "are NaN, which some programs write for states of the parents that their data do not "
            "have; write a distribution, or read with nan_rows='uniform'",
        )
    return np.where(absent, 1.0 / rows.shape[1], rows)


def _warn_of_sums(sums: FloatArray, child: Variable, fault: Fault) -> None:
    """Warn of rows whose sum is off one by more than rounding to two digits explains."""
    most = MOST_ROUNDED * child.cardinality
    far = np.abs(sums - 1.0) > most
    if far.any():
        (row,) = first_of(far)
        more = int(far.sum()) - 1
        also = f"; and so in {more} more rows" if more else ""
        what = f"sum to {float(sums[row])!r}, which rounding to two digits does not explain"
        warnings.warn(f"{fault(row, what)}; they are divided by the sum{also}", stacklevel=2)


def _given(parents: Sequence[Variable], row: int) -> str:
    return f" given {described(tuple(parents), row_states(parents, row))}" if parents else ""


def make_network(
    name: str, variables: Iterable[str], tables: dict[str, ConditionalTable]
) -> BayesianNetwork:
    """The network, with its variables in the order in which the file lists them."""
    missing = [v for v in variables if v not in tables]
    if missing:
        raise FormatError(
            f"{name}: there is no table for {listed(missing)}; expected one for every variable"
        )
    try:
        return BayesianNetwork(tables[v] for v in variables)
    except ValueError as error:
        raise FormatError(f"{name}: {error}") from None


# ---- writing -------------------------------------------------------------------------------


def check_network(p: object) -> BayesianNetwork:
    """What was given, if it is a Bayesian network."""
    if not isinstance(p, BayesianNetwork):
        raise TypeError(
            "only a BayesianNetwork can be written in this format; got "
            f"{p!r:.60}. Other distributions can be written by write_uai"
        )
    return p


def state_names(v: Variable) -> list[str]:
    """The states as the strings that a file has for them.

    Raises
    ------
    ValueError
        If two states would become one.
    """
    names = [str(state) for state in v.states]
    if len(set(names)) != len(names):
        raise ValueError(
            f"the states {list(v.states)} of {v.name!r} are not all different as strings, "
            "which is all that the file has; rename them"
        )
    return names
