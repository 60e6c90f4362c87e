"""Checks and small operations on tables whose axes are variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed, suggested
from gibbsfactor.rows import entries_of
from gibbsfactor.variable import Variable, check_agreement

FloatArray = npt.NDArray[np.float64]
Scope = tuple[Variable, ...]
Spread = Callable[[FloatArray], FloatArray]

MOST_AXES = 64
MOST_LOG = 1e300  # log weights beyond this could add up to infinity
MOST_SHARED = 100.0  # nats that all log weights of a table may share before they are kept apart
SMALLEST_NORMAL = float(np.finfo(np.float64).tiny)


def read_only(values: npt.ArrayLike) -> FloatArray:
    """The array itself, no longer writeable."""
    array: FloatArray = np.asarray(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def names_of(scope: Scope) -> tuple[str, ...]:
    """Names of the variables."""
    return tuple(v.name for v in scope)


def described(scope: Scope, position: Sequence[int]) -> str:
    """One joint state in words, such as ``(A='a0', B='b1')``."""
    pairs = zip(scope, position, strict=True)
    return "(" + ", ".join(f"{v.name}={v.states[i]!r}" for v, i in pairs) + ")"


def first_of(mask: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Position of the first true entry."""
    return tuple(int(i) for i in np.argwhere(mask)[0])


def as_scope(scope: Variable | Sequence[Variable]) -> Scope:
    """A scope, checked: variables, none of them twice."""
    variables = (scope,) if isinstance(scope, Variable) else tuple(scope)
    for v in variables:
        if not isinstance(v, Variable):
            raise TypeError(f"a scope is a sequence of Variable; got {v!r} in it")
    names = names_of(variables)
    if len(set(names)) != len(names):
        repeated = next(n for i, n in enumerate(names) if n in names[:i])
        raise ValueError(
            f"the scope {names} repeats {repeated!r}; a variable appears once in a factor"
        )
    return variables


def as_table(scope: Scope, values: Any, what: str) -> FloatArray:
    """A read-only copy of the values, checked to have the shape of the scope.

    Values with labels of their own (data frames, series, mappings) are put in the order of the
    states; see `by_label`.
    """
    shape = tuple(v.cardinality for v in scope)
    try:
        if np.iscomplexobj(values):
            raise TypeError("they are complex")
        if np.ma.isMaskedArray(values):
            raise TypeError("some may be masked; give values.filled(...)")
        if scope and is_labelled(values):
            return read_only(by_label(scope, values, what))
        table = np.array(values, dtype=np.float64)
    except (TypeError, OverflowError, ValueError) as error:
        if isinstance(error, LabelError):
            raise
        by_states = "; numbers by states are a mapping {(state, ...): number}, or a data frame"
        raise ValueError(
            f"{what} of factor over {names_of(scope)} are not a table of numbers: {error}"
            f"{by_states if 'convert string' in str(error) else ''}"
        ) from None
    if table.shape != shape:
        raise ValueError(
            f"{what} of factor over {names_of(scope)} have shape {table.shape}; "
            f"its variables have {shape} states"
        )
    return read_only(table)


def check_axes(n: int) -> None:
    """Raise ValueError where a table would have more axes than numpy allows."""
    if n > MOST_AXES:
        raise ValueError(
            f"a table over {n} variables would have more axes than the {MOST_AXES} that numpy "
            "allows; ask for fewer variables at a time, or let GibbsDistribution multiply"
        )


def align(first: Scope, second: Scope) -> tuple[Scope, Spread, Spread]:
    """The union of two scopes, and for each one what makes its tables broadcast over it."""
    known = {v.name: v for v in first}
    for v in second:
        if v.name in known:
            check_agreement(
                known[v.name],
                v,
                f"factor over {names_of(first)}",
                f"factor over {names_of(second)}",
            )
    union = (*first, *(v for v in second if v.name not in known))
    check_axes(len(union))
    place = {v.name: i for i, v in enumerate(union)}

    def spread(scope: Scope) -> Spread:
        order = sorted(range(len(scope)), key=lambda i: place[scope[i].name])
        mine = names_of(scope)
        shape = tuple(v.cardinality if v.name in mine else 1 for v in union)
        return lambda table: table.transpose(order).reshape(shape)

    return union, spread(first), spread(second)


def is_exact(values: FloatArray, zero: npt.NDArray[np.bool_]) -> bool:
    """Whether a computed table neither overflowed nor lost an entry that is not truly zero."""
    return bool(np.isfinite(values).all() and ((values >= SMALLEST_NORMAL) | zero).all())


def is_exponentiable(log_values: FloatArray) -> bool:
    """Whether exp of the finite entries neither overflows nor underflows."""
    finite = log_values[log_values > -math.inf]
    return bool(finite.size == 0 or (finite.max() < 690 and finite.min() > -690))


def peak_of(log_values: FloatArray) -> float:
    """The greatest log weight, if it is so large that it is kept apart from sums; else 0."""
    top = float(log_values.max())
    return top if MOST_SHARED < abs(top) < math.inf else 0.0


def log_sum_exp(log_values: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """log sum exp over some axes, with -inf as an ordinary value."""
    if not axes:
        return log_values
    peak = log_values.max(axis=axes, keepdims=True)
    shift = np.where(peak == -math.inf, 0.0, peak)
    with np.errstate(divide="ignore", under="ignore"):
        total = np.log(np.exp(log_values - shift).sum(axis=axes))
    return np.asarray(total + shift.reshape(total.shape))


# ---- values by label --------------------------------------------------------------------


class LabelError(ValueError):
    """The labels of a table are not the states of its variables."""


def is_labelled(values: Any) -> bool:
    """Whether numbers come with labels: a mapping, a list of them, a series or a data frame."""
    if isinstance(values, list | tuple):
        return any(isinstance(inner, Mapping) for inner in values)
    return isinstance(values, Mapping) or hasattr(values, "iloc") or hasattr(values, "columns")


def by_label(scope: Scope, values: Any, what: str = "values") -> FloatArray:
    """Numbers that come with labels, as an array in the order of the states.

    Parameters
    ----------
    scope : tuple of Variable, not empty
    values : series, data frame or mapping
        - a series whose index has a level for each variable, such as value counts;
        - a data frame whose rows and columns together have a level for each variable, such as a
          crosstab or a pivot table. Levels are matched by name; those without a name follow the
          order of the scope, unless only another order fits the labels;
        - a data frame with a column for each variable and one of numbers (`Factor.to_frame`), or
          with a column for all variables but one and a column of numbers for each state of that;
        - a mapping {(state, ...): number}, or nested ones, in the order of the scope; the values
          may also be sequences of numbers in the order of the states that are left.
    what : str
        For messages.

    Raises
    ------
    LabelError
        If a label is no state, or a joint state is there twice, not at all, or as NaN.
    TypeError, ValueError
        If the values are no numbers.
    """
    title = f"{what} of factor over {names_of(scope)}"
    if isinstance(values, Mapping | list | tuple):
        levels, given = _of_mapping(scope, values, title)
    elif hasattr(values, "columns"):
        levels, given = _of_frame(scope, values, title)
    else:
        levels, given = _of_series(scope, values)
    try:
        numbers = np.array(given, dtype=np.float64)  # None becomes NaN
    except TypeError:
        odd = next(x for x in given if not isinstance(x, int | float | np.number | None))
        raise TypeError(f"{odd!r:.60} is among them") from None
    codes = _placed(scope, levels, title)
    shape = tuple(v.cardinality for v in scope)
    flat = np.ravel_multi_index(codes, shape)
    met = np.bincount(flat, minlength=math.prod(shape)).reshape(shape)
    if (met > 1).any():
        raise LabelError(f"{title} have two numbers at {described(scope, first_of(met > 1))}")
    if (met == 0).any():
        raise LabelError(f"{title} have no number {_first_gap(scope, met == 0)}")
    table = np.empty(met.size)
    table[flat] = numbers
    table = table.reshape(shape)
    if np.isnan(table).any():
        raise LabelError(
            f"{title} have NaN at {described(scope, first_of(np.isnan(table)))}, as a table of "
            "counts has where a combination never occurs; if it is 0 there, give .fillna(0)"
        )
    return table


def _first_gap(scope: Scope, gap: npt.NDArray[np.bool_]) -> str:
    for axis, v in enumerate(scope):
        never = np.moveaxis(gap, axis, 0).reshape(v.cardinality, -1).all(axis=1)
        if never.any():
            states = [v.states[i] for i in np.flatnonzero(never).tolist()]
            return (
                f"for the states {listed(states, 12)} of {v.name!r}; give one, 0 where it never "
                "occurs (pandas: .reindex(states, fill_value=0))"
            )
    more = int(gap.sum()) - 1
    also = f", and for {more} more joint states" if more else ""
    return f"at {described(scope, first_of(gap))}{also}; give one for each joint state"


Level = tuple[Any, list[Any]]  # the name of a variable, if it has one, and a label a number


def _placed(scope: Scope, levels: Sequence[Level], title: str) -> tuple[npt.NDArray[np.intp], ...]:
    """Positions of states by variable, from levels of labels in any order."""
    names, given = names_of(scope), [name for name, _ in levels if name is not None]
    if len(levels) != len(scope):
        raise LabelError(
            f"{title} have {len(levels)} levels of labels ({listed(given) or 'without names'}); "
            f"there are {len(scope)} variables, and each needs a level, in rows or in columns"
        )
    for i, name in enumerate(given):
        if name not in names:
            raise LabelError(
                f"{title} have labels named {name!r}, which is none of the variables"
                f"{suggested(name, names)}; rename them, as with .rename_axis(...)"
            )
        if name in given[:i]:
            raise LabelError(f"{title} have two levels of labels named {name!r}")
    known = {name: labels for name, labels in levels if name is not None}
    unnamed = [labels for name, labels in levels if name is None]
    left = [v for v in scope if v.name not in known]
    orders = [o for o in permutations(unnamed) if all(map(_all_known, left, o))][:3]
    if tuple(unnamed) not in orders and len(orders) == 1:
        (unnamed,) = map(list, orders)
    known |= {v.name: labels for v, labels in zip(left, unnamed, strict=True)}
    return tuple(_positions(v, known[v.name], title) for v in scope)


def _all_known(v: Variable, labels: Sequence[Any]) -> bool:
    try:
        return all(v.index(label) >= 0 for label in set(labels))
    except ValueError:
        return False


def _positions(v: Variable, labels: Sequence[Any], title: str) -> npt.NDArray[np.intp]:
    try:
        places = {label: v.index(label) for label in dict.fromkeys(labels)}
    except ValueError as error:
        by_position = [*dict.fromkeys(labels)] == [*range(v.cardinality)]
        hint = "; to go by the order of the states, give .to_numpy()" if by_position else ""
        raise LabelError(f"{title} have labels that are no states: {error}{hint}") from None
    return np.array([places[label] for label in labels], dtype=np.intp)


def _levels(index: Any, n_variables: int) -> list[Level]:
    """The levels of an index of pandas; tuples in one level are taken apart where more are due."""
    parts = [index.get_level_values(i) for i in range(index.nlevels)]
    levels = [(part.name, entries_of(part, "the index has")) for part in parts]
    if len(levels) == 1 < n_variables:
        tuples = levels[0][1]
        if all(isinstance(label, tuple) and len(label) == n_variables for label in tuples):
            return [(None, list(part)) for part in zip(*tuples, strict=True)]
    return levels


def _of_series(scope: Scope, series: Any) -> tuple[list[Level], list[Any]]:
    return _levels(series.index, len(scope)), entries_of(series, "values have")


def _of_frame(scope: Scope, frame: Any, title: str) -> tuple[list[Level], list[Any]]:
    """Labels and numbers of a data frame, cell by cell."""
    columns, names = list(frame.columns), names_of(scope)
    given = [name for name in names if name in columns]
    if len(given) >= max(len(scope) - 1, 1):
        return _of_columns(scope, frame, given, title)
    if not hasattr(frame, "iloc"):
        raise LabelError(
            f"{title} are a data frame with the columns {listed(columns)}; give a column for each "
            "variable, by its name, and one of numbers"
        )
    if frame.index.nlevels == len(scope) and len(columns) == 1:
        return _of_series(scope, frame.iloc[:, 0])
    if frame.columns.nlevels == len(scope) and len(frame) == 1:
        return _of_series(scope, frame.iloc[0])
    down = _levels(frame.index, len(scope) - frame.columns.nlevels)
    across = _levels(frame.columns, len(scope) - frame.index.nlevels)
    n = len(frame)
    levels = [(name, [x for x in labels for _ in columns]) for name, labels in down]
    levels += [(name, labels * n) for name, labels in across]
    return levels, [x for row in zip(*_cells(frame), strict=True) for x in row]


def _cells(frame: Any) -> list[list[Any]]:
    """Entries of each column of a data frame, by position."""
    if hasattr(frame, "iloc"):
        return [entries_of(frame.iloc[:, j], "values have") for j in range(frame.shape[1])]
    return [entries_of(frame[name], "values have") for name in frame.columns]


def _of_columns(
    scope: Scope, frame: Any, given: Sequence[str], title: str
) -> tuple[list[Level], list[Any]]:
    """A data frame with a column for each variable, or for each but one, whose states the other
    columns are of."""
    columns, cells = list(frame.columns), _cells(frame)
    places = [columns.index(name) for name in given]
    others = [j for j in range(len(columns)) if j not in places]
    levels: list[Level] = [(name, cells[j]) for name, j in zip(given, places, strict=True)]
    if len(given) == len(scope):
        if len(others) != 1:
            raise LabelError(
                f"{title} are a data frame with the columns {listed(columns)}; besides those of "
                "the variables, expected one column, of numbers"
            )
        return levels, cells[others[0]]
    (v,) = [v for v in scope if v.name not in given]
    texts = {str(state): state for state in v.states}  # columns of polars are strings
    is_text = not hasattr(frame, "iloc")
    labels = [texts.get(columns[j], columns[j]) if is_text else columns[j] for j in others]
    levels = [(name, labels_of * len(others)) for name, labels_of in levels]
    levels.append((v.name, [label for label in labels for _ in range(len(frame))]))
    return levels, [x for j in others for x in cells[j]]


def _of_mapping(
    scope: Scope, values: Mapping[Any, Any] | Sequence[Any], title: str
) -> tuple[list[Level], list[Any]]:
    """Labels and numbers of {state: number}, {(state, state): number} or nested mappings."""
    keys: list[tuple[Any, ...]] = []
    numbers: list[Any] = []
    for key, number in _leaves(scope, values, title):
        keys.append(key)
        numbers.append(number)
    by_variable = zip(*keys, strict=True) if keys else [()] * len(scope)
    return [(v.name, list(labels)) for v, labels in zip(scope, by_variable, strict=True)], numbers


def _leaves(scope: Scope, values: Any, title: str) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Joint states of a scope and their numbers."""
    if not scope:
        yield (), values
    elif isinstance(values, Mapping):
        for key, inner in values.items():
            is_joint = isinstance(key, tuple) and 1 < len(key) <= len(scope)
            states = key if is_joint and key not in scope[0].states else (key,)
            for more, number in _leaves(scope[len(states) :], inner, title):
                yield (*states, *more), number
    elif not isinstance(values, list | tuple) and is_labelled(values):
        table = by_label(scope, values)
        for where in np.ndindex(*table.shape):
            yield tuple(v.states[i] for v, i in zip(scope, where, strict=True)), table[where]
    else:
        inside = [values] if np.ndim(values) == 0 else list(values)
        if np.ndim(values) == 0 or len(inside) != scope[0].cardinality:
            raise LabelError(
                f"{title} have {values!r:.60} where numbers for the states of {scope[0].name!r} "
                f"are due: {listed(scope[0].states, 12)}; give {{state: number}}, or a number for "
                "each of them in this order"
            )
        for state, inner in zip(scope[0].states, inside, strict=True):
            for more, number in _leaves(scope[1:], inner, title):
                yield (state, *more), number
