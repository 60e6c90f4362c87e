"""A term of the energy: a table over a few variables that may depend on named parameters."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed
from gibbsfactor.tables import FloatArray, Scope, as_scope, as_table, described, first_of, names_of
from gibbsfactor.thermodynamics.slopes import slope
from gibbsfactor.variable import Variable

TableOf = Callable[..., npt.ArrayLike]  # parameters -> energies

RESERVED = ("temperature", "energies", "variables", "memory", "pressures", "verbose", "self")


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Energy:
    """One term E_k(x_k; theta) of an energy E(x; theta) = sum_k E_k(x_k; theta).

    Parameters
    ----------
    scope : sequence of Variable, or one Variable
        The variables it depends on, in the order of the axes of its table. None at all: a
        constant.
    values : array_like, shape (cardinality of each variable in scope), or callable
        The energies, in the unit of the temperature; +inf where a state is impossible. A callable
        gives them from its arguments, which are parameters of these names.
    parameters : str or sequence of str, optional
        Of a table: the one parameter that multiplies it, E_k = theta * values; a state that is
        impossible stays so, whatever theta is. Of a callable: the names for its arguments, where
        they are not to be its own.
    derivative : callable or {name: callable}, optional
        dE_k/dtheta as a table, from the same arguments; a mapping where there are several
        parameters. Without it, a callable is differentiated by the complex step, to the last
        digit: that takes one that is analytic and computes with complex numbers.

    Raises
    ------
    ValueError
        If the shape is not that of the scope, an energy is NaN or -inf, or a parameter's name is
        not one.
    TypeError
        If a callable's arguments can't be told.

    Notes
    -----
    Source: Jaynes (1957), Information theory and statistical mechanics, section 4, for energies
    that depend on external parameters.

    Examples
    --------
    The field h pulls the spin up, E = -h s; and the levels of a particle in a box of width L,
    E_n = n^2 / L^2 (in units of pi^2 hbar^2 / 2m).

    >>> spin, n = Variable("s", [-1, 1]), Variable("n", range(1, 5))
    >>> Energy(spin, [1, -1], "h")
    Energy over ('s',), h times a table
    >>> Energy(n, lambda L: np.arange(1, 5) ** 2 / L**2)
    Energy over ('n',), a function of L
    """

    scope: Scope
    values: FloatArray | TableOf
    parameters: tuple[str, ...]
    derivative: Mapping[str, TableOf] | None

    def __init__(
        self,
        scope: Variable | Sequence[Variable],
        values: npt.ArrayLike | TableOf,
        parameters: str | Sequence[str] | None = None,
        *,
        derivative: TableOf | Mapping[str, TableOf] | None = None,
    ) -> None:
        checked = as_scope(scope)
        names = _names(parameters)
        if callable(values):
            names = _arguments(values, checked) if names is None else names
            object.__setattr__(self, "values", values)
        else:
            names = () if names is None else names
            if len(names) > 1:
                raise ValueError(
                    f"a table of energies is multiplied by one parameter; got {listed(names)}. "
                    "Give a callable for what depends on several"
                )
            if derivative is not None:
                raise ValueError(
                    "a table of energies times a parameter has that table as its derivative; "
                    "derivative= is for callables"
                )
            object.__setattr__(self, "values", energy_table(checked, values, "energies"))
        for name in names:
            _check_name(name)
        object.__setattr__(self, "scope", checked)
        object.__setattr__(self, "parameters", names)
        object.__setattr__(self, "derivative", _by_name(derivative, names))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables in the scope."""
        return names_of(self.scope)

    def table(self, parameters: Mapping[str, float]) -> FloatArray:
        """The energies at some values of the parameters, by name; others are passed over.

        Examples
        --------
        >>> Energy(Variable("s", [-1, 1]), [1, -1], "h").table({"h": 0.5, "J": 1.0})
        array([ 0.5, -0.5])
        """
        here = {name: parameters[name] for name in self.parameters}
        if callable(self.values):
            return self._called(self.values, here, "energies")
        if not here:
            return self.values
        (factor,) = here.values()
        with np.errstate(over="ignore"):
            table = np.where(self.values == math.inf, math.inf, factor * _finite(self.values))
        return energy_table(self.scope, table, f"energies at {_said(here)}")

    def slope(self, parameter: str, parameters: Mapping[str, float]) -> FloatArray:
        """dE_k/dtheta as a table, 0 where the energy is infinite.

        Raises
        ------
        ValueError
            If no derivative was given and the complex step can't tell it.

        Examples
        --------
        >>> box = Energy(Variable("n", [1, 2]), lambda L: np.array([1, 4]) / L**2)
        >>> box.slope("L", {"L": 2.0})  # -2 n^2 / L^3
        array([-0.25, -1.  ])
        """
        if parameter not in self.parameters:
            return np.zeros([v.cardinality for v in self.scope])
        here = {name: parameters[name] for name in self.parameters}
        if not callable(self.values):
            return _finite(self.values)
        energies = self._called(self.values, here, "energies")
        if self.derivative is not None:
            found = self._called(self.derivative[parameter], here, f"d energies / d {parameter}")
        else:
            found = slope(self.values, self.parameters, here, parameter, energies, self.names)
        found = np.where(energies == math.inf, 0.0, found)
        if not np.isfinite(found).all():
            at = described(self.scope, first_of(~np.isfinite(found)))
            raise ValueError(
                f"d energy / d {parameter} of {self!r} is {found[~np.isfinite(found)][0]} at {at}; "
                "it must be finite wherever the energy is"
            )
        return np.asarray(found)

    def _called(self, function: TableOf, here: Mapping[str, float], what: str) -> FloatArray:
        """What a callable gives, as a table."""
        values = function(*here.values())
        if what == "energies":
            return energy_table(self.scope, values, f"energies at {_said(here)}")
        return as_table(self.scope, values, f"{what} at {_said(here)}")

    def __repr__(self) -> str:
        if callable(self.values):
            kind = f"a function of {', '.join(self.parameters)}"
        else:
            kind = f"{self.parameters[0]} times a table" if self.parameters else "a table"
        return f"Energy over {self.names}, {kind}"


def energy_table(scope: Scope, values: npt.ArrayLike, what: str) -> FloatArray:
    """Energies as a read-only table; +inf is one, NaN and -inf are not."""
    table = as_table(scope, values, what)
    bad = np.isnan(table) | (table == -math.inf)
    if bad.any():
        raise ValueError(
            f"{what} over {names_of(scope)} have {table[first_of(bad)]} at "
            f"{described(scope, first_of(bad))}; an energy is a number, or +inf where the state is "
            "impossible"
        )
    return table


def _finite(table: FloatArray) -> FloatArray:
    return np.where(table == math.inf, 0.0, table)


def _said(parameters: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in parameters.items()) or "all times"


# ---- names ----------------------------------------------------------------------------


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return (given,) if isinstance(given, str) else tuple(given)


def _arguments(function: TableOf, scope: Scope) -> tuple[str, ...]:
    """The names of a callable's arguments that have no default."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        arguments = [
            a for a in inspect.signature(function).parameters.values() if a.default is a.empty
        ]
    except (TypeError, ValueError):  # some callables written in C tell nothing of themselves
        arguments = []
    if any(a.kind not in kinds for a in arguments) or not arguments:
        raise TypeError(
            f"the arguments of the energies over {names_of(scope)}, {function!r}, don't say which "
            "parameters they are; name them, as in Energy(n, levels, 'L'), or give the table "
            "itself where it depends on none"
        )
    return tuple(a.name for a in arguments)


def _check_name(name: Any) -> None:
    if not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(f"a parameter is named {name!r}; its name must be one Python allows")
    if name in RESERVED:
        raise ValueError(
            f"a parameter can't be called {name!r}, which is an argument of its own; the others "
            f"are {listed([n for n in RESERVED if n != name])}"
        )


def _by_name(
    derivative: TableOf | Mapping[str, TableOf] | None, names: Sequence[str]
) -> dict[str, TableOf] | None:
    if derivative is None:
        return None
    if callable(derivative) and len(names) == 1:
        return {names[0]: derivative}
    if not isinstance(derivative, Mapping) or set(derivative) != set(names):
        given = listed(list(derivative)) if isinstance(derivative, Mapping) else repr(derivative)
        raise ValueError(
            f"derivative is given for {given or 'nothing'}; give one callable for each of the "
            f"parameters {listed(names)}"
        )
    return dict(derivative)
