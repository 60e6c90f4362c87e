"""A factor: a table of non-negative weights, one for each joint state of its scope."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gibbsfactor import table_view
from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.tables import (
    MOST_LOG,
    FloatArray,
    align,
    as_scope,
    as_table,
    described,
    first_of,
    is_exact,
    is_exponentiable,
    log_sum_exp,
    names_of,
    peak_of,
    read_only,
)
from gibbsfactor.variable import Assignment, Variable, by_name, name_of

if TYPE_CHECKING:
    import pandas as pd


class Factor:
    """A factor phi(x_1, ..., x_m) >= 0 over the discrete variables in its scope.

    Parameters
    ----------
    scope : sequence of Variable, or one Variable
        The variables, in the order of the axes of ``values``. An empty scope makes the
        factor a number.
    values : array_like, shape (cardinality of each variable in scope)
        The weights; finite and not negative. They need not sum to one. Values with labels are
        matched by label, in any order: a pandas series (value counts), a data frame (a crosstab,
        a pivot table, `to_frame`), a mapping {(state, state): weight} or {state: {state:
        weight}}.

    Raises
    ------
    ValueError
        If the shape is not that of the scope, a weight is negative, NaN or infinite, or a
        variable is repeated; or a label is no state, or a joint state has no weight or two.

    Notes
    -----
    Factors never change: every operation gives a new one and the arrays are read-only.
    A factor may be given and held in logs (`from_log`), so weights such as exp(1e6) do not
    overflow. A large common part of the log weights, such as 1e15 in ``[1e15, 1e15 + 0.5]``, is
    stored separately, so that differences keep all their digits; only ``log_values`` adds it.

    Source: Koller & Friedman (2009), Probabilistic Graphical Models, section 4.2.1.

    Examples
    --------
    >>> a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
    >>> phi = Factor([a, b], [[20, 25], [15, 4]])
    >>> phi
    A   B   weight
    a0  b0      20
    a0  b1      25
    a1  b0      15
    a1  b1       4
    >>> phi[{"A": "a1", "B": "b0"}]
    15.0
    >>> phi.marginalize("B")
    A   weight
    a0      45
    a1      19
    >>> float(phi.marginalize(["A", "B"]))
    64.0
    """

    __slots__ = ("_is_log", "_is_probability", "_log_values", "_peak", "_scope", "_values")
    __iter__ = None  # a table is looked up by assignments, not by counting
    __array_ufunc__ = None  # so that numpy scalars leave `2.0 * factor` to us

    _scope: tuple[Variable, ...]
    _is_log: bool  # whether the log values are what was given, and the values derived
    _is_probability: bool  # whether the weights are known to sum to one; only for the looks
    _values: FloatArray | None
    _log_values: FloatArray | None  # without the peak
    _peak: float  # nats that an operation kept apart from the log values

    def __init__(
        self, scope: Variable | Sequence[Variable], values: npt.ArrayLike | Mapping[Any, Any]
    ) -> None:
        self._scope = as_scope(scope)
        self._is_log = self._is_probability = False
        self._values = table = as_table(self._scope, values, "values")
        self._log_values, self._peak = None, 0.0
        if not np.isfinite(table).all() or (table < 0).any():
            bad = ~np.isfinite(table) | (table < 0)
            self._reject(bad, table, "weight", "weights are finite numbers of at least 0")

    @classmethod
    def from_log(cls, scope: Variable | Sequence[Variable], log_values: npt.ArrayLike) -> Factor:
        """Factor exp(log_values); -inf stands for a weight of zero.

        Parameters
        ----------
        scope : sequence of Variable, or one Variable
        log_values : array_like
            Natural logarithms of the weights (nats): minus the energy of each joint state,
            at temperature one.

        Raises
        ------
        ValueError
            As for `Factor`; NaN and +inf are not allowed.

        Examples
        --------
        >>> spin = Variable("spin", [-1, +1])
        >>> Factor.from_log(spin, [0.0, np.log(3.0)])
        spin  weight
        -1         1
        1          3
        """
        factor = cls.__new__(cls)
        factor._scope = as_scope(scope)
        factor._is_log, factor._is_probability = True, False
        factor._values, factor._peak = None, 0.0
        factor._log_values = table = as_table(factor._scope, log_values, "log values")
        bad = ~((np.abs(table) <= MOST_LOG) | (table == -math.inf))
        if bad.any():
            rule = f"log weights are numbers within +-{MOST_LOG:g}, or -inf"
            factor._reject(bad, table, "log weight", rule)
        return factor

    @classmethod
    def _trusted(
        cls,
        scope: tuple[Variable, ...],
        values: FloatArray | None = None,
        log_values: FloatArray | None = None,
        *,
        peak: float = 0.0,
        is_probability: bool = False,
    ) -> Factor:
        """Wrap arrays that are known to be valid, without copying or checking them.

        The log weights are ``log_values + peak``.
        """
        factor = cls.__new__(cls)
        factor._scope = scope
        factor._is_log = values is None
        factor._is_probability = is_probability
        factor._values = None if values is None else read_only(values)
        factor._log_values = None if log_values is None else read_only(log_values)
        factor._peak = peak
        return factor

    def _reject(self, bad: npt.NDArray[np.bool_], table: FloatArray, what: str, rule: str) -> None:
        where = first_of(bad)
        at = described(self._scope, where)
        raise ValueError(f"factor over {self.names} has the {what} {table[where]} at {at}; {rule}")

    def __reduce__(self) -> tuple[object, ...]:
        given = self._log_values if self._is_log else self._values
        return _restored, (self._scope, given, self._is_log, self._is_probability, self._peak)

    # ---- what it is -------------------------------------------------------------------

    @property
    def scope(self) -> tuple[Variable, ...]:
        """The variables, one for each axis."""
        return self._scope

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables in the scope."""
        return names_of(self._scope)

    @property
    def shape(self) -> tuple[int, ...]:
        """Cardinality of each variable in the scope."""
        return tuple(v.cardinality for v in self._scope)

    @property
    def values(self) -> FloatArray:
        """The weights, read-only. Log weights beyond +-709 overflow to inf or fall to 0."""
        if self._values is None:
            with np.errstate(over="ignore", under="ignore"):
                self._values = read_only(np.exp(self.log_values))
        return self._values

    @property
    def log_values(self) -> FloatArray:
        """Natural logarithms of the weights, read-only; -inf where a weight is zero."""
        if self._log_values is None:
            assert self._values is not None
            with np.errstate(divide="ignore"):
                self._log_values = read_only(np.log(self._values))
        return read_only(self._log_values + self._peak) if self._peak else self._log_values

    def logs_below_peak(self) -> tuple[FloatArray, float]:
        """Log weights less a number of nats, and that number: their greatest, where it is large.

        Differences of a few nats have all their digits then, however large the log weights are.

        Examples
        --------
        >>> logs, peak = Factor.from_log(Variable("A", 2), [1e15, 1e15 + 0.5]).logs_below_peak()
        >>> logs.tolist(), peak
        ([-0.5, 0.0], 1000000000000000.5)
        """
        logs = self.log_values if self._log_values is None else self._log_values
        top = peak_of(logs) if self._is_log else 0.0
        return (read_only(logs - top), self._peak + top) if top else (logs, self._peak)

    @property
    def is_log(self) -> bool:
        """Whether the factor was given in logs, so that ``values`` is the derived form."""
        return self._is_log

    def __getitem__(self, assignment: Assignment) -> float:
        """Weight of one joint state, given as {name: state} for every variable in scope.

        Names outside the scope are passed over, so that a larger assignment serves as well.
        """
        return float(self.values[self._position(assignment)])

    def log(self, assignment: Assignment) -> float:
        """Log weight of one joint state, in nats."""
        return sum(self._log_parts(assignment))

    def _log_parts(self, assignment: Assignment) -> tuple[float, float]:
        """Log weight of one joint state as the sum of two numbers."""
        position = self._position(assignment)
        if self._is_log:
            assert self._log_values is not None
            return float(self._log_values[position]), self._peak
        return float(self.log_values[position]), 0.0

    def _position(self, assignment: Assignment) -> tuple[int, ...]:
        if not hasattr(assignment, "keys"):
            raise TypeError(
                f"look up factor over {self.names} by an assignment such as "
                f"{{{', '.join(f'{v.name!r}: {v.states[0]!r}' for v in self._scope)}}}; "
                f"got {assignment!r}"
            )
        missing = [name for name in self.names if name not in assignment]
        if missing:  # perhaps given by variable
            assignment = by_name(assignment, "an assignment")
            missing = [name for name in missing if name not in assignment]
        if missing:
            raise ValueError(
                f"the assignment gives no state for {', '.join(map(repr, missing))}; "
                f"factor over {self.names} needs one for each of its variables"
            )
        return tuple(v.index(assignment[v.name]) for v in self._scope)

    def __float__(self) -> float:
        if self._scope:
            raise TypeError(
                f"factor over {self.names} is a table, not a number; "
                "marginalize all of its variables first"
            )
        return float(self.values)

    # ---- algebra ----------------------------------------------------------------------

    def __mul__(self, other: Factor | float) -> Factor:
        """Factor product: phi(x, y) psi(y, z) over the union of the scopes."""
        second = _as_factor(other)
        if second is None:
            return NotImplemented
        scope, one, two = align(self.scope, second.scope)
        if not self.is_log and not second.is_log:
            with np.errstate(over="ignore", under="ignore"):
                values = one(self.values) * two(second.values)
            if is_exact(values, (one(self.values) == 0) | (two(second.values) == 0)):
                return Factor._trusted(scope, values)
        (above, peak), (below, other_peak) = self.logs_below_peak(), second.logs_below_peak()
        return Factor._trusted(scope, log_values=one(above) + two(below), peak=peak + other_peak)

    __rmul__ = __mul__

    def __truediv__(self, other: Factor | float) -> Factor:
        """Factor quotient, with 0 / 0 = 0 (Koller & Friedman, definition 10.7).

        Raises
        ------
        ZeroDivisionError
            If a positive weight meets a zero one.
        """
        second = _as_factor(other)
        if second is None:
            return NotImplemented
        scope, one, two = align(self.scope, second.scope)
        (own, peak), (others, other_peak) = self.logs_below_peak(), second.logs_below_peak()
        top, bottom = one(own), two(others)
        bad = (bottom == -math.inf) & (top > -math.inf)
        if bad.any():
            raise ZeroDivisionError(
                f"factor over {self.names} has a positive weight at "
                f"{described(scope, first_of(bad))} where the divisor "
                f"over {second.names} is zero; only 0 / 0 is defined (as 0)"
            )
        if not self.is_log and not second.is_log:
            below, above = two(second.values), one(self.values)
            values = np.zeros(np.broadcast_shapes(above.shape, below.shape))
            with np.errstate(over="ignore", under="ignore"):
                np.divide(above, below, out=values, where=below > 0)
            if is_exact(values, above == 0):
                return Factor._trusted(scope, values)
        finite = np.where(bottom == -math.inf, 0.0, bottom)
        return Factor._trusted(scope, log_values=top - finite, peak=peak - other_peak)

    def marginalize(self, names: str | Variable | Iterable[str | Variable]) -> Factor:
        """Sum the named variables out: psi(y) = sum_x phi(x, y).

        Raises
        ------
        ValueError
            If a name is not in the scope.
        """
        axes, rest = self._split(names)
        if not self.is_log:
            with np.errstate(over="ignore"):
                values = self.values.sum(axis=axes)
            if np.isfinite(values).all():
                return Factor._trusted(rest, np.asarray(values))
        logs, peak = self.logs_below_peak()
        return Factor._trusted(rest, log_values=log_sum_exp(logs, axes), peak=peak)

    def maximize(self, names: str | Variable | Iterable[str | Variable]) -> Factor:
        """Maximise the named variables out: psi(y) = max_x phi(x, y).

        Raises
        ------
        ValueError
            If a name is not in the scope.
        """
        axes, rest = self._split(names)
        if self._is_log:
            assert self._log_values is not None
            logs = np.asarray(self._log_values.max(axis=axes))
            return Factor._trusted(rest, log_values=logs, peak=self._peak)
        return Factor._trusted(rest, np.asarray(self.values.max(axis=axes)))

    def reduce(self, evidence: Assignment) -> Factor:
        """Keep the entries that agree with the evidence; the observed variables leave the scope.

        Raises
        ------
        ValueError
            If a name is not in the scope or a state does not exist.

        Source: Koller & Friedman, definition 4.5.
        """
        evidence = by_name(evidence, "evidence")
        self._split(evidence.keys())
        return self._at(
            {v.name: v.index(evidence[v.name]) for v in self._scope if v.name in evidence}
        )

    def _at(self, positions: Mapping[str, int]) -> Factor:
        """The factor with those of its variables that have a position fixed there."""
        if not any(v.name in positions for v in self._scope):
            return self
        index = tuple([positions.get(v.name, slice(None)) for v in self._scope])
        rest = tuple([v for v in self._scope if v.name not in positions])
        if self._is_log:
            assert self._log_values is not None
            logs = np.asarray(self._log_values[index])
            return Factor._trusted(rest, log_values=logs, peak=self._peak)
        return Factor._trusted(rest, np.asarray(self.values[index]))

    def normalize(self) -> Factor:
        """Divide by the sum of all weights, so that they are probabilities.

        Raises
        ------
        ZeroProbabilityError
            If every weight is zero.
        """
        if not self.is_log:
            with np.errstate(over="ignore"):
                total = float(self.values.sum())
            if 0 < total < math.inf:
                values = self.values / total
                if is_exact(values, self.values == 0):
                    return Factor._trusted(self._scope, values, is_probability=True)
        below, _ = self.logs_below_peak()
        log_total = log_sum_exp(below, tuple(range(len(self._scope))))
        if log_total == -math.inf:
            raise ZeroProbabilityError(
                f"factor over {self.names} has only zero weights; it can't be normalised"
            )
        logs = np.asarray(below - log_total)
        return Factor._trusted(self._scope, log_values=logs, is_probability=True)

    def at_temperature(self, temperature: float) -> Factor:
        """phi^(1/T): the same energies -log phi at temperature T.

        Raises
        ------
        ValueError
            If the temperature is not a positive finite number.
        """
        check_temperature(temperature)
        if temperature == 1:
            return self
        below, peak = self.logs_below_peak()
        with np.errstate(over="ignore"):
            logs, peak = np.asarray(below / temperature), float(np.float64(peak) / temperature)
        too_large = (np.abs(logs) > MOST_LOG) | (abs(peak) > MOST_LOG)
        if (too_large & (below > -math.inf)).any():
            raise ValueError(
                f"temperature is {temperature!r}: so low that log weights of factor over "
                f"{self.names} divided by it are beyond +-{MOST_LOG:g}"
            )
        return Factor._trusted(self._scope, log_values=logs, peak=peak)

    def transpose(self, names: Sequence[str | Variable]) -> Factor:
        """The same factor with its axes in the order of ``names``."""
        wanted = [name_of(n) for n in names]
        if sorted(wanted) != sorted(self.names):
            raise ValueError(
                f"can't order factor over {self.names} as {tuple(wanted)}; name each variable once"
            )
        axes = [self.names.index(n) for n in wanted]
        scope = tuple(self._scope[a] for a in axes)
        if self._is_log:
            assert self._log_values is not None
            logs = self._log_values.transpose(axes)
            return Factor._trusted(scope, log_values=logs, peak=self._peak)
        return Factor._trusted(scope, self.values.transpose(axes))

    def allclose(self, other: Factor, rtol: float = 1e-9, atol: float = 0.0) -> bool:
        """Whether two factors over the same variables have the same weights, in any axis order."""
        if set(self._scope) != set(other.scope):
            return False
        second = other.transpose(self.names)
        if is_exponentiable(self.log_values) and is_exponentiable(second.log_values):
            return bool(np.allclose(self.values, second.values, rtol=rtol, atol=atol))
        # beyond what a float holds: a relative difference of weights is a difference of logs
        return bool(np.allclose(self.log_values, second.log_values, rtol=0.0, atol=rtol))

    def _split(
        self, names: str | Variable | Iterable[str | Variable]
    ) -> tuple[tuple[int, ...], tuple[Variable, ...]]:
        """Axes of the named variables, and the rest of the scope."""
        if isinstance(names, str | Variable):
            names = [names]
        if not isinstance(names, Iterable):
            raise TypeError(f"name the variables, as in ['A', 'B']; got {names!r}")
        wanted = {name_of(n) for n in names}
        unknown = sorted(wanted.difference(self.names), key=repr)
        if unknown:
            raise ValueError(
                f"{', '.join(map(repr, unknown))} not in the scope of factor over {self.names}"
            )
        axes = tuple(i for i, v in enumerate(self._scope) if v.name in wanted)
        return axes, tuple(v for v in self._scope if v.name not in wanted)

    # ---- how it looks -----------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Table with one column for each variable and a last column ``weight``.

        The last column is called ``probability`` in what `normalize` or a marginal gives.

        Raises
        ------
        ImportError
            If pandas is not installed; it is needed for this method alone.
        """
        states = [v.states for v in self._scope]
        return table_view.as_frame(states, self.names, self._measure, self.values)

    @property
    def _measure(self) -> str:
        return "probability" if self._is_probability else "weight"

    def _rows(self) -> table_view.Rows:
        in_logs = self.is_log and not is_exponentiable(self.log_values)
        return table_view.rows(
            [v.states for v in self._scope],
            [*self.names, f"log {self._measure}" if in_logs else self._measure],
            self.log_values if in_logs else self.values,
        )

    def __repr__(self) -> str:
        return table_view.as_text(self._rows())

    def _repr_html_(self) -> str:
        return table_view.as_html(self._rows())


def check_temperature(temperature: float) -> None:
    """Raise ValueError unless the temperature is a positive finite number."""
    if not (isinstance(temperature, int | float | np.number) and 0 < temperature < math.inf):
        raise ValueError(f"temperature is {temperature!r}; it must be a positive finite number")


def _restored(
    scope: tuple[Variable, ...],
    given: FloatArray,
    is_log: bool,
    is_probability: bool,
    peak: float = 0.0,
) -> Factor:
    """A factor from a pickle or a copy, read-only as before."""
    values = None if is_log else np.array(given)
    logs = np.array(given) if is_log else None
    return Factor._trusted(scope, values, logs, peak=peak, is_probability=is_probability)


def _as_factor(other: object) -> Factor | None:
    if isinstance(other, Factor):
        return other
    if isinstance(other, int | float | np.number):
        return Factor((), other)
    return None
