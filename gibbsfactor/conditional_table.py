"""A conditional probability table: the factor P(child | parents)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor import table_view
from gibbsfactor.errors import PrecisionWarning, suggested
from gibbsfactor.factor import Factor
from gibbsfactor.tables import (
    FloatArray,
    as_scope,
    by_label,
    described,
    first_of,
    is_labelled,
    read_only,
)
from gibbsfactor.variable import Variable, check_agreement

IntArray = npt.NDArray[np.intp]

MOST_OFF = 1e-6  # a state: published networks print six or seven digits
LEAST_OFF = 1e-12  # rows nearer to one than this are left as they are
_SHOWN_STATES = 10


class ConditionalTable(Factor):
    """The conditional distribution P(child | parents), one row for each joint state of the parents.

    Parameters
    ----------
    child : Variable
    parents : sequence of Variable, or one Variable
        Empty for a variable without parents.
    values : array_like, shape (cardinality of each parent, cardinality of the child)
        Probabilities; every row (the last axis) sums to one. Data frames, series and mappings
        are read by their labels: a crosstab, a pivot table, `to_frame`, {state of the parent:
        {state: probability}}; see `Factor`.

    Raises
    ------
    ValueError
        If the shape does not fit, an entry is negative, NaN or infinite, or a row's sum is off
        one by more than 1e-6 a state (so 0.333333 thrice will do).

    Notes
    -----
    A row whose sum is off by more than 1e-12 is divided by it, which leaves it within rounding
    of one; other rows keep every bit. So a table that was written with all digits and read again
    is the very same table.

    It is a `Factor` over the parents, then the child: products with it, and what is left once
    evidence is applied, are plain factors.

    Source: Koller & Friedman (2009), section 3.2.2 and definition 5.1 (table CPDs).

    Examples
    --------
    >>> rain, grass = Variable("rain", ["no", "yes"]), Variable("grass", ["dry", "wet"])
    >>> table = ConditionalTable(grass, [rain], [[0.9, 0.1], [0.2, 0.8]])
    >>> table
    P(grass | rain)
    rain  dry  wet
    no    0.9  0.1
    yes   0.2  0.8
    >>> table[{"rain": "yes", "grass": "wet"}]
    0.8
    >>> labelled = {"yes": {"wet": 0.8, "dry": 0.2}, "no": {"wet": 0.1, "dry": 0.9}}
    >>> ConditionalTable(grass, [rain], labelled).allclose(table)
    True
    >>> ConditionalTable(rain, [], [0.7, 0.3]) * table
    rain  grass  weight
    no    dry      0.63
    no    wet      0.07
    yes   dry      0.06
    yes   wet      0.24
    """

    __slots__ = ()

    def __init__(
        self,
        child: Variable,
        parents: Variable | Sequence[Variable],
        values: npt.ArrayLike | Mapping[Any, Any],
    ) -> None:
        if not isinstance(child, Variable):
            raise TypeError(f"the child of a conditional table is a Variable; got {child!r}")
        above = as_scope(parents)
        if child.name in (v.name for v in above):
            raise ValueError(f"{child.name!r} is given as a parent of itself")
        try:
            super().__init__((*above, child), values)
            self._values = self._with_unit_rows(self.values)
        except ValueError as error:
            advice = _of_another_layout((*above, child), values)
            if not advice:
                raise
            raise ValueError(f"{error}; {advice}") from None

    @classmethod
    def from_log(
        cls, scope: Variable | Sequence[Variable], log_values: npt.ArrayLike
    ) -> ConditionalTable:
        """The table exp(log_values) over a scope whose last variable is the child.

        Parameters
        ----------
        scope : sequence of Variable, or one Variable
            The parents, then the child.
        log_values : array_like
            Natural logarithms of the probabilities.

        Raises
        ------
        ValueError
            As for `ConditionalTable`; or if the scope is empty.
        """
        variables = as_scope(scope)
        if not variables:
            raise ValueError("a conditional table has a child; the scope is empty")
        factor = Factor.from_log(variables, log_values)
        lost = (factor.values == 0) & (factor.log_values > -np.inf)
        if lost.any():
            where = first_of(lost)
            warnings.warn(
                f"the log probability {factor.log_values[where]} at {described(variables, where)} "
                "is below that of the smallest float, about -745, and becomes a probability of 0, "
                "which makes the state impossible; give -inf if it is, or multiply a "
                "Factor.from_log, which holds it",
                PrecisionWarning,
                stacklevel=2,
            )
        return cls(variables[-1], variables[:-1], factor.values)

    def _with_unit_rows(self, table: FloatArray) -> FloatArray:
        table = np.ascontiguousarray(table)  # sums round the same way whatever order was given
        sums = table.sum(axis=-1)
        off, most = np.abs(sums - 1.0), most_off(self.child)
        if (off > most).any():
            where = first_of(off > most)
            row = f" given {described(self.parents, where)}" if where else ""
            more = int((off > most).sum()) - 1
            raise ValueError(
                f"the probabilities of {self.child.name!r}{row} sum to {float(sums[where])!r}, "
                f"not to 1 within {most:g}{f' (and so in {more} more rows)' if more else ''}; "
                "correct them, or divide every row by its sum: "
                "values / values.sum(axis=-1, keepdims=True)"
            )
        rough = off > LEAST_OFF
        if rough.any():
            table = np.where(rough[..., None], table / sums[..., None], table)
        return read_only(table)

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self.child, self.parents, self.values)

    @property
    def child(self) -> Variable:
        """The variable whose distribution each row is."""
        return self._scope[-1]

    @property
    def parents(self) -> tuple[Variable, ...]:
        """The variables that the child is conditioned on, one for each axis but the last."""
        return self._scope[:-1]

    def draw(self, rows: IntArray, uniform: FloatArray) -> IntArray:
        """Positions of the child's states that numbers of [0, 1) fall on, (n,).

        ``rows`` (n,) numbers the joint states of the parents, the last parent running fastest.
        Each number falls into one state's share of its row's cumulative sum.
        """
        k = self.child.cardinality
        width = 1 << (k - 1).bit_length()
        cumulative = np.ones((self.values.size // k, width))
        sums = np.cumsum(self.values.reshape(-1, k), axis=1)
        cumulative[:, :k] = sums / sums[:, -1:]  # exactly one from the last possible state on
        flat, first = cumulative.ravel(), rows * width
        found = first.copy()
        step = width // 2
        while step:  # all rows bisect at once
            found += step * (uniform >= flat[found + (step - 1)])
            step //= 2
        return found - first

    # ---- how it looks -----------------------------------------------------------------

    @property
    def _measure(self) -> str:
        return "probability"

    @property
    def title(self) -> str:
        """What the rows are, such as ``P(grass | rain)``."""
        given = f" | {', '.join(v.name for v in self.parents)}" if self.parents else ""
        return f"P({self.child.name}{given})"

    def _rows(self) -> table_view.Rows:
        """One row for each joint state of the parents, one column for each of the child's."""
        shown = self.child.states[:_SHOWN_STATES]
        cut = len(shown) < self.child.cardinality
        header = [*(v.name for v in self.parents), *map(str, shown)]
        if cut:
            header.append(f"... ({self.child.cardinality} states)")
        joint = islice(product(*(v.states for v in self.parents)), table_view.SHOWN_ROWS)
        numbers = self.values.reshape(-1, self.child.cardinality)
        cells = [
            [*map(str, above), *(f"{p:.6g}" for p in row[: len(shown)]), *([""] if cut else [])]
            for above, row in zip(joint, numbers.tolist(), strict=False)
        ]
        return table_view.Rows(header, cells, max(len(numbers) - table_view.SHOWN_ROWS, 0))

    def __repr__(self) -> str:
        return "\n".join([self.title, *self._lines()])

    def _lines(self) -> Iterator[str]:
        """The table as text: states to the left, numbers to the right."""
        table = self._rows()
        lines = [table.header, *table.cells]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        n = len(self.parents)
        for line in lines:
            left = map(str.ljust, line[:n], widths[:n])
            yield "  ".join([*left, *map(str.rjust, line[n:], widths[n:])]).rstrip()
        if table.more:
            yield f"... and {table.more} more rows"

    def _repr_html_(self) -> str:
        return table_view.as_html(self._rows())


def most_off(child: Variable) -> float:
    """How far the sum of a row may be off one, from rounding: 1e-6 for each state of the child."""
    return MOST_OFF * child.cardinality


def _of_another_layout(scope: Sequence[Variable], values: Any) -> str:
    """What to do about a table whose columns sum to one, or whose axes are joined; else empty."""
    shape = tuple(v.cardinality for v in scope)
    child, above = shape[-1], shape[:-1]
    try:
        table = by_label(tuple(scope), values) if is_labelled(values) else np.array(values, float)
    except (TypeError, ValueError):
        return ""

    def sums_to_one(axis: int) -> bool:
        return bool((np.abs(table.sum(axis=axis) - 1) <= MOST_OFF * table.shape[axis]).all())

    if table.shape == shape:
        for axis, v in enumerate(scope[:-1]):
            if sums_to_one(axis):
                others = ", ".join(u.name for u in scope if u is not v)
                way = f"np.moveaxis(values, {axis}, -1)" if len(shape) > 2 else "values.T"
                return f"they sum to 1 over {v.name!r} instead, as P({v.name} | {others}) does" + (
                    "" if is_labelled(values) else f": if the axes are mixed up, give {way}"
                )
    elif table.shape == (child, math.prod(above)) and sums_to_one(0):
        return (
            "the columns sum to 1, one for each joint state of the parents (the last parent "
            f"running fastest), as pgmpy has it: give values.T.reshape({shape})"
        )
    elif table.shape == (child, *above) and sums_to_one(0):
        return "the first axis sums to 1: give np.moveaxis(values, 0, -1)"
    elif table.size == math.prod(shape) and table.shape[-1:] == (child,) and sums_to_one(-1):
        return f"each axis is of one variable, the parents in order: give values.reshape({shape})"
    return ""


def _restored(
    child: Variable, parents: tuple[Variable, ...], values: FloatArray
) -> ConditionalTable:
    """A table from a pickle or a copy, bit for bit."""
    return trusted_table(child, parents, np.array(values))


def trusted_table(
    child: Variable, parents: Sequence[Variable], values: FloatArray
) -> ConditionalTable:
    """Wrap an array whose rows are known to be distributions, without copying or checking it."""
    table = ConditionalTable.__new__(ConditionalTable)
    table._scope = (*parents, child)
    table._is_log = table._is_probability = False
    table._values, table._log_values, table._peak = read_only(values), None, 0.0
    return table


def tables_by_child(given: Iterable[Any]) -> dict[str, ConditionalTable]:
    """Tables by child: one each, their parents among them, all of one mind about the states."""
    tables: dict[str, ConditionalTable] = {}
    for table in given:
        if not isinstance(table, ConditionalTable):
            what = f"factor over {table.names}" if isinstance(table, Factor) else repr(table)
            raise TypeError(
                "a Bayesian network is made of ConditionalTable(child, parents, values) objects; "
                f"got {what}"
            )
        first = tables.setdefault(table.child.name, table)
        if first is not table:
            raise ValueError(
                f"{table.child.name!r} has two tables, {first.title} and {table.title}; "
                "a variable has one"
            )
    for name, table in tables.items():
        for v in table.parents:
            if v.name not in tables:
                raise ValueError(
                    f"{v.name!r} is a parent of {name!r} but has no table of its own; "
                    f"add one, which may be without parents{suggested(v.name, tables)}"
                )
            own = tables[v.name]
            check_agreement(v, own.child, f"the table of {table.title}", f"that of {own.title}")
    return tables
