"""Checks and small operations on tables whose axes are variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gibbsfactor.variable import Variable, check_agreement

FloatArray = npt.NDArray[np.float64]
Scope = tuple[Variable, ...]
Spread = Callable[[FloatArray], FloatArray]

MOST_AXES = 64
MOST_LOG = 1e300  # log weights beyond this could add up to infinity
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


def as_table(scope: Scope, values: npt.ArrayLike, what: str) -> FloatArray:
    """A read-only copy of the values, checked to have the shape of the scope."""
    shape = tuple(v.cardinality for v in scope)
    try:
        if np.iscomplexobj(values):
            raise TypeError("they are complex")
        if hasattr(values, "iloc"):
            raise TypeError("a pandas object has an order of its own; give values.to_numpy()")
        if np.ma.isMaskedArray(values):
            raise TypeError("some may be masked; give values.filled(...)")
        table = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{what} of factor over {names_of(scope)} are not a table of numbers: {error}"
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


def log_sum_exp(log_values: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """log sum exp over some axes, with -inf as an ordinary value."""
    if not axes:
        return log_values
    peak = log_values.max(axis=axes, keepdims=True)
    shift = np.where(peak == -math.inf, 0.0, peak)
    with np.errstate(divide="ignore", under="ignore"):
        total = np.log(np.exp(log_values - shift).sum(axis=axes))
    return np.asarray(total + shift.reshape(total.shape))
