"""Constraints on expected values: how they are written, and what they are once checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from gibbsfactor.domain import Domain
from gibbsfactor.errors import listed
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs.names import Names, names_in, variables_named
from gibbsfactor.tables import FloatArray, Scope, as_scope, as_table, names_of, read_only
from gibbsfactor.variable import Variable, check_agreement

Relation = Literal["=", "<=", ">="]
Values = npt.ArrayLike | Mapping[Any, float] | Callable[..., float]
Function = Values | Factor | tuple[Names, Values] | Sequence[Factor | tuple[Names, Values]]

MOST_STATES = 2**22  # joint states that a Python function is asked about


@dataclass(frozen=True, eq=False)
class Constraint:
    """The demand that E[f(x)] be equal to a value, at most it, or at least it.

    Wherever constraints are taken, the tuples ``(function, value)`` and
    ``(function, relation, value)`` say the same more briefly.

    Parameters
    ----------
    function : callable, array_like, {state: number}, (names, values), Factor, or sequence of terms
        A real function f of the variables:

        - a callable of the states of all variables, in their order;
        - its values, an array with one axis for each variable;
        - for a single variable, its values by state;
        - ``(names, values)``: a function of the named variables only, in any of the forms above;
        - a `Factor`, whose weights are the values;
        - a sequence of the last two, whose sum it is: an energy, say.
    value : float
    relation : {"=", "<=", ">="}
    name : str
        What reports and messages call it; by default its place among the constraints.

    Raises
    ------
    ValueError, TypeError
        If there is no such relation or the value is not a finite number.

    Examples
    --------
    >>> Constraint([1, 2, 3, 4, 5, 6], 4.5, name="mean")
    Constraint(mean = 4.5)
    """

    function: Function
    value: float
    relation: Relation = "="
    name: str = ""

    def __post_init__(self) -> None:
        if self.relation not in get_args(Relation):
            raise ValueError(
                f"the relation of a constraint is {self.relation!r}; there are "
                f"{listed(get_args(Relation))}"
            )
        number = isinstance(self.value, int | float | np.number) and not isinstance(
            self.value, bool
        )
        if not number:
            raise TypeError(
                f"the expected value asked for is {self.value!r:.60}; it is one number. A "
                "constraint is (function, value) or (function, '<=', value)"
            )
        if not math.isfinite(self.value):
            raise ValueError(
                f"the expected value asked for is {self.value}; it must be a finite number"
            )

    def __repr__(self) -> str:
        return f"Constraint({self.name or 'E[f]'} {self.relation} {self.value})"


Constraints = Sequence[Constraint | tuple[Any, ...]] | Mapping[str, Constraint | tuple[Any, ...]]


class Term(NamedTuple):
    """A function of a few variables: an axis of its values for each variable of the scope."""

    scope: Scope
    values: FloatArray


@dataclass(frozen=True, eq=False)
class Demand:
    """A constraint that was checked: the sum of the terms is to have this expected value."""

    name: str
    terms: tuple[Term, ...]
    relation: Relation
    value: float


def read_constraints(given: Constraints, variables: Scope) -> list[Demand]:
    """Constraints as users write them, checked against the variables.

    Raises
    ------
    TypeError, ValueError
        If one can't be read, names an unknown variable, or has values that are not finite
        numbers or not of its variables' shape.
    """
    demands = []
    for name, constraint in _each(given):
        name = constraint.name or name
        try:
            terms = _merged(_terms(constraint.function, variables), variables)
        except (TypeError, ValueError) as error:
            raise type(error)(f"constraint {name!r}: {error}") from None
        demands.append(Demand(name, terms, constraint.relation, float(constraint.value)))
    names = [d.name for d in demands]
    if len(set(names)) < len(names):
        repeated = next(n for i, n in enumerate(names) if n in names[:i])
        raise ValueError(f"two constraints are called {repeated!r}; give each a name of its own")
    return demands


def _each(given: Constraints) -> Iterator[tuple[str, Constraint]]:
    if isinstance(given, Constraint | str) or not isinstance(given, Sequence | Mapping):
        raise TypeError(
            "constraints is a sequence such as [(function, value), (energy, '<=', 2.0)], or a "
            f"mapping {{name: (function, value)}}; got {given!r:.60}"
        )
    pairs = given.items() if isinstance(given, Mapping) else enumerate(given)
    for name, item in pairs:
        if isinstance(item, Constraint):
            yield str(name), item
        elif isinstance(item, tuple) and len(item) == 2:
            yield str(name), Constraint(*item)
        elif isinstance(item, tuple) and len(item) == 3:
            yield str(name), Constraint(item[0], item[2], item[1])
        else:
            raise TypeError(
                "a constraint is (function, value), (function, '<=', value) or a Constraint; "
                f"got {item!r:.60}"
            )


# ---- functions ------------------------------------------------------------------------


def _terms(function: Function, variables: Scope) -> list[Term]:
    if isinstance(function, Factor) or _is_local(function):
        return [_local(function, variables)]
    if isinstance(function, list | tuple) and function and all(map(_is_local, function)):
        return [_local(term, variables) for term in function]
    return [Term(variables, values_over(function, variables))]


def _is_local(function: object) -> bool:
    """Whether it says itself which variables it is a function of."""
    if isinstance(function, Factor):
        return True
    if not (isinstance(function, tuple) and len(function) == 2):
        return False
    names = function[0]
    if isinstance(names, str | Variable):
        return True
    return isinstance(names, list | tuple) and all(isinstance(n, str | Variable) for n in names)


def _local(term: Any, variables: Scope) -> Term:
    domain = Domain.of([], variables)
    if isinstance(term, Factor):
        for v in term.scope:
            (known,) = variables_named(domain, [v])
            check_agreement(v, known, f"factor over {term.names}", "the distribution")
        return Term(term.scope, _finite(term.values, term.scope))
    scope = as_scope(variables_named(domain, names_in(term[0])))
    return Term(scope, values_over(term[1], scope))


def values_over(given: Any, scope: Scope) -> FloatArray:
    """The values of a function at the joint states of a scope."""
    if callable(given):
        given = _asked(given, scope)
    elif isinstance(given, Mapping):
        given = _by_state(given, scope)
    return _finite(as_table(scope, given, "values"), scope)


def _asked(function: Callable[..., float], scope: Scope) -> FloatArray:
    shape = tuple(v.cardinality for v in scope)
    if math.prod(shape) > MOST_STATES:
        raise ValueError(
            f"a Python function of {len(scope)} variables would have to be asked about "
            f"{math.prod(shape):.3g} joint states; write it as a sum of terms (names, function) "
            "of a few variables each"
        )
    answers = [function(*states) for states in product(*(v.states for v in scope))]
    try:
        return np.array(answers, dtype=np.float64).reshape(shape)
    except (TypeError, ValueError):
        raise TypeError(
            f"the function of {names_of(scope)} gives {answers[0]!r:.40} at its first state; "
            "it must give one number for each"
        ) from None


def _by_state(given: Mapping[Any, float], scope: Scope) -> list[float]:
    if len(scope) != 1:
        raise ValueError(
            f"values by state are for one variable; for a function of {names_of(scope)} give an "
            "array with an axis for each, or a Python function"
        )
    (v,) = scope
    numbers = {v.index(state): number for state, number in given.items()}
    missing = [state for i, state in enumerate(v.states) if i not in numbers]
    if missing:
        raise ValueError(f"the function of {v.name!r} has no value for {listed(missing, 12)}")
    return [numbers[i] for i in range(v.cardinality)]


def _finite(values: FloatArray, scope: Scope) -> FloatArray:
    if not np.isfinite(values).all():
        raise ValueError(f"the function of {names_of(scope)} has values that are not finite")
    return values


def _merged(terms: list[Term], variables: Scope) -> tuple[Term, ...]:
    """Terms over the same variables added up, axes in the order of the variables."""
    place = {v.name: i for i, v in enumerate(variables)}
    found: dict[tuple[int, ...], FloatArray] = {}
    for scope, values in terms:
        numbers = [place[v.name] for v in scope]
        order = sorted(range(len(scope)), key=numbers.__getitem__)
        key = tuple(sorted(numbers))
        found[key] = found.get(key, 0.0) + values.transpose(order)
    return tuple(
        Term(tuple(variables[i] for i in key), read_only(values)) for key, values in found.items()
    )
