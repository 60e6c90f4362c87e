"""The terms of an energy at given parameters: their tables, log weights and slopes, each made once.

Many terms are alike, as those of a lattice are: equal tables of one parameter are computed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np

from gibbsfactor.errors import listed
from gibbsfactor.tables import MOST_LOG, MOST_SHARED, FloatArray
from gibbsfactor.thermodynamics.energy import Energy

MOST_COMPARED = 1024  # entries up to which tables are compared by what is in them


def checked_names(given: Mapping[str, object], terms: Sequence[Energy]) -> None:
    """Raise ValueError unless every parameter of the terms is given, and no other.

    Examples
    --------
    >>> checked_names({"J": 1.0}, [Energy([], 1.0, "h")])
    Traceback (most recent call last):
        ...
    ValueError: no energy depends on a parameter 'J'; there are 'h'
    """
    needed = list(dict.fromkeys(name for term in terms for name in term.parameters))
    unknown = [name for name in given if name not in needed]
    if unknown:
        raise ValueError(
            f"no energy depends on a parameter {listed(unknown)}; there are "
            f"{listed(needed) or 'none'}"
        )
    missing = [name for name in needed if name not in given]
    if missing:
        raise ValueError(
            f"the energies depend on {listed(needed)}, but {listed(missing)} has no value; give it "
            f"by name, as in {missing[0]}=1.0"
        )


def checked_values(given: Mapping[str, float], terms: Sequence[Energy]) -> dict[str, float]:
    """The parameters' values as floats.

    Raises
    ------
    ValueError
        As `checked_names`, or if a value is not a finite number.
    """
    checked_names(given, terms)
    for name, value in given.items():
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise ValueError(f"parameter {name} is {value!r}; it must be a finite number")
    return {name: float(value) for name, value in given.items()}


def tables_of(terms: Sequence[Energy], parameters: Mapping[str, float]) -> list[FloatArray]:
    """E_k of every term; like terms share one array."""
    return _each_once(terms, lambda term: term.table(parameters))


def slopes_of(
    terms: Sequence[Energy], parameter: str, parameters: Mapping[str, float]
) -> list[FloatArray]:
    """dE_k / d parameter of every term."""
    return _each_once(terms, lambda term: term.slope(parameter, parameters))


def log_weights(
    terms: Sequence[Energy], tables: Sequence[FloatArray], temperature: FloatArray | float
) -> list[tuple[FloatArray, FloatArray | float]]:
    """-E_k / T of every term; tables (..., R) where there are R temperatures.

    Each comes in two parts: a large lowest energy is taken off before anything is divided by T,
    and -1 / T times that, a number or (R,), is the second.

    Raises
    ------
    ValueError
        If one is beyond what log weights may be.
    """
    made: dict[int, tuple[FloatArray, FloatArray | float]] = {}
    for term, table in zip(terms, tables, strict=True):
        if id(table) in made:
            continue
        rows = np.ndim(temperature)
        lowest = table.min(axis=tuple(range(table.ndim - rows)))
        lowest = np.where((np.abs(lowest) > MOST_SHARED) & (lowest < math.inf), lowest, 0.0)
        with np.errstate(over="ignore"):
            below, peak = np.asarray((lowest - table) / temperature), -lowest / temperature
            made[id(table)] = below, peak if rows else float(peak)
            too_low = (np.abs(table) / temperature > MOST_LOG) & (table < math.inf)
        if too_low.any():
            raise ValueError(
                f"temperature is {np.min(temperature):g}: so low that energies over {term.names} "
                f"divided by it are beyond +-{MOST_LOG:g}"
            )
    return [made[id(table)] for table in tables]


def _each_once(
    terms: Sequence[Energy], table_of: Callable[[Energy], FloatArray]
) -> list[FloatArray]:
    made: dict[Hashable, FloatArray] = {}
    tables = []
    for term in terms:
        key = _key(term)
        if key not in made:
            made[key] = table_of(term)
        tables.append(made[key])
    return tables


def _key(term: Energy) -> Hashable:
    """What terms with the same table share."""
    shape = tuple([v.cardinality for v in term.scope])
    if callable(term.values):
        given = None if term.derivative is None else tuple(term.derivative.values())
        return id(term.values), given, term.parameters, shape
    what = term.values.tobytes() if term.values.size <= MOST_COMPARED else id(term.values)
    return what, term.parameters, shape
