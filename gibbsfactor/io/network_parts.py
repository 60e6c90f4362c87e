"""What the formats of Bayesian networks share: checked tables, and names that can be written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from gibbsfactor.conditional_table import MOST_OFF, ConditionalTable
from gibbsfactor.errors import FormatError, listed
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.tables import MOST_AXES, FloatArray, described, first_of
from gibbsfactor.variable import Variable

Fail = Callable[[int, str], FormatError]
"""Makes the error for a place in the file, which it turns into a line, and a message."""


def make_variable(name: str, states: Sequence[str], place: int, fail: Fail) -> Variable:
    """A variable with these states."""
    if not name:
        raise fail(place, "found a variable with an empty name, expected a name")
    if not states:
        raise fail(place, f"variable {name!r} has no states, expected at least one")
    if len(set(states)) != len(states):
        met: set[str] = set()
        twice = next(s for s in states if s in met or met.add(s))  # type: ignore[func-returns-value]
        raise fail(place, f"variable {name!r} has the state {twice!r} twice, expected it once")
    return Variable(name, states)


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
) -> ConditionalTable:
    """A table of checked rows, shape (joint states of the parents, states of the child).

    ``place`` gives where in the file a row is.
    """
    rows = np.ascontiguousarray(rows)  # so that sums are rounded as the table's own
    bad = ~((rows >= 0) & (rows <= 1 + MOST_OFF))
    if bad.any():
        row, i = first_of(bad)
        raise fail(
            place(row),
            f"the probability of {child.name!r} = {child.states[i]!r}{_given(parents, row)} is "
            f"{float(rows[row, i])!r}, expected a number from 0 to 1",
        )
    sums = rows.sum(axis=1)
    off = np.abs(sums - 1.0) > MOST_OFF
    if off.any():
        (row,) = first_of(off)
        raise fail(
            place(row),
            f"the probabilities of {child.name!r}{_given(parents, row)} sum to "
            f"{float(sums[row])!r}, expected 1 within {MOST_OFF:g}",
        )
    shape = [v.cardinality for v in (*parents, child)]
    return ConditionalTable(child, parents, rows.reshape(shape))


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
