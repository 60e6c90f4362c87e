"""Thermodynamic quantities along a path of temperatures and parameters, all by one plan."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact.inference import table_marginals
from gibbsfactor.exact.network import Picked, Weights
from gibbsfactor.exact.prepared import plan_for
from gibbsfactor.exact.runs import require_mass
from gibbsfactor.factor import Factor
from gibbsfactor.tables import FloatArray
from gibbsfactor.thermodynamics.moments import log_weight_moments
from gibbsfactor.thermodynamics.terms import log_weights, slopes_of, tables_of
from gibbsfactor.variable import Variable

if TYPE_CHECKING:
    from gibbsfactor.thermodynamics.boltzmann import BoltzmannDistribution

CHEAP = 5e-4  # seconds of a sweep up to which points are done many at a time
MOST_POINTS = 128  # at a time
QUIET_SECONDS = 2.0  # work that ends sooner shows no bar


@dataclass(frozen=True, eq=False)
class Curve:
    """What a system does along R points of temperature and parameters, as arrays (R,).

    Attributes
    ----------
    temperature : T
    parameters : name -> values
    log_partition : log Z, in nats
    free_energy : F = -T log Z
    mean_energy : U
    entropy : S = (U - F) / T, in nats
    heat_capacity : C = Var[E] / T^2, in units of k_B
    pressures : name -> -dF/dtheta, of the parameters that were asked for
    """

    temperature: FloatArray
    parameters: Mapping[str, FloatArray]
    log_partition: FloatArray
    free_energy: FloatArray
    mean_energy: FloatArray
    entropy: FloatArray
    heat_capacity: FloatArray
    pressures: Mapping[str, FloatArray]

    @property
    def energy_variance(self) -> FloatArray:
        """Var[E] = T^2 C."""
        return np.asarray(np.square(self.temperature) * self.heat_capacity)

    def __len__(self) -> int:
        return len(self.temperature)


@dataclass(frozen=True, eq=False)
class Path:
    """R points: temperatures (R,), and the value of every parameter (R,)."""

    temperature: FloatArray
    parameters: Mapping[str, FloatArray]

    @classmethod
    def of(cls, temperature: npt.ArrayLike, parameters: Mapping[str, npt.ArrayLike]) -> Path:
        """Checked, and numbers that hold all along repeated.

        Raises
        ------
        ValueError
            If something is not a number or a row of numbers, lengths differ, or a temperature is
            not positive.
        """
        columns = {"temperature": temperature, **parameters}
        given = {name: _numbers(name, column) for name, column in columns.items()}
        lengths = {name: len(column) for name, column in given.items() if column.ndim}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} has {n}" for name, n in lengths.items())
            raise ValueError(f"a curve takes as many values of each; {said}")
        n = next(iter(lengths.values()), 1)
        rows = {name: np.broadcast_to(column, n) for name, column in given.items()}
        low = rows["temperature"] <= 0
        if low.any():
            worst = float(rows["temperature"][low][0])
            raise ValueError(f"temperature is {worst!r}; it must be a positive finite number")
        return cls(rows.pop("temperature"), rows)

    def __len__(self) -> int:
        return len(self.temperature)

    def part(self, rows: slice) -> Path:
        """Some of the points."""
        return Path(self.temperature[rows], {n: v[rows] for n, v in self.parameters.items()})

    def at(self, row: int) -> dict[str, float]:
        """The parameters at one point."""
        return {name: float(values[row]) for name, values in self.parameters.items()}


def _numbers(name: str, given: npt.ArrayLike) -> FloatArray:
    try:
        column = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {given!r:.60}; give a number, or a row of them") from None
    if column.ndim > 1:
        raise ValueError(f"{name} has shape {column.shape}; give a number, or a row of them")
    if not np.isfinite(column).all():
        raise ValueError(
            f"{name} is {float(column[~np.isfinite(column)][0])} somewhere; it must be finite"
        )
    return column


def swept(
    model: BoltzmannDistribution, path: Path, pressures: Sequence[str], *, verbose: bool
) -> Curve:
    """All quantities at all points: see `BoltzmannDistribution.curve`."""
    from tqdm.auto import tqdm

    n = len(path)
    plan = plan_for(model._network)
    size = MOST_POINTS if plan.seconds_for("log_partition") <= CHEAP else 1
    log_z, mean, constant, capacity = np.empty((4, n))
    found = {name: np.empty(n) for name in pressures}
    with tqdm(
        total=n,
        desc="curve",
        unit=" points",
        delay=QUIET_SECONDS,
        disable=not verbose,
        file=sys.stderr,
    ) as bar:
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            points = _Points(model, path.part(rows))
            try:
                require_mass(points.constant, "curve")
                moments = log_weight_moments(points.network, model._memory)
                for name in pressures:
                    found[name][rows] = points.pressure(name)
            except ZeroProbabilityError:
                raise ZeroProbabilityError(
                    f"every assignment has infinite energy at one of the points {start} to "
                    f"{rows.stop - 1} of the curve, so nothing can be said of it"
                ) from None
            log_z[rows], mean[rows] = moments.log_partition, moments.mean
            constant[rows] = points.constant
            capacity[rows] = moments.variance
            bar.update(rows.stop - rows.start)
    t = path.temperature
    return Curve(
        t,
        path.parameters,
        log_z + constant,
        -t * (log_z + constant),
        -t * (mean + constant),
        np.maximum(log_z - mean, 0.0),
        capacity,
        found,
    )


def _below_peak(logs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log weights (..., R) less the greatest of each point, and that: (R,)."""
    peak = logs.max(axis=tuple(range(logs.ndim - 1)))
    peak = np.where(peak > -np.inf, peak, 0.0)
    return logs - peak, peak


class _Points:
    """Some points of a curve as rows of a network that has the model's own plan.

    Every table gets an axis more, over the points, which row r of the network looks up at r.
    """

    def __init__(self, model: BoltzmannDistribution, path: Path) -> None:
        self.model, self.path, self.n = model, path, len(path)
        energies = self._by_point(lambda here: tables_of(model.energies, here))
        logs = log_weights(model.energies, energies, path.temperature)
        base = model._network
        place = Variable("\n".join(["point", *base.numbers]), self.n)  # a name of its own
        at = np.arange(self.n, dtype=np.intp)[:, None]
        self.constant = np.zeros(self.n)  # log weight of what no variable decides
        self.numbers: list[int | None] = []  # of the terms' tables; None for those constants
        tables = list(base.tables)
        by_row: dict[int, Picked | Weights] = {}
        below = self._reduced([log for log, _ in logs])
        for factor, log, (_, peak) in zip(model.reduced_factors, below, logs, strict=True):
            self.constant += peak
            if model.evidence:  # the states left may share more
                log, more = _below_peak(log)
                self.constant += more
            if log[..., 0].size == 1:
                self.constant += log.reshape(self.n)
                self.numbers.append(None)
                continue
            number = len(by_row)
            tables[number] = Factor._trusted((*factor.scope, place), log_values=log)
            by_row[number] = Picked(tables[number], (log.ndim - 1,), at)
            self.numbers.append(number)
        self.network = replace(
            base,
            tables=tuple(tables),
            log_constant=0.0,
            peaks=(0.0,) * len(tables),
            n_rows=self.n,
            by_row=by_row,
        )

    @cached_property
    def _marginals(self) -> Sequence[FloatArray]:
        return table_marginals(self.network, self.model._memory).tables

    def pressure(self, name: str) -> FloatArray:
        """-E[dE/dtheta] at every point: (R,)."""
        slopes = self._by_point(lambda here: slopes_of(self.model.energies, name, here))
        total = np.zeros(self.n)
        for number, term, slope in zip(
            self.numbers, self.model.energies, self._reduced(slopes), strict=True
        ):
            if name not in term.parameters:
                continue
            if number is None:
                total += slope.reshape(self.n)
            else:
                marginal = self._marginals[number].reshape(-1, self.n)
                total += (marginal * slope.reshape(-1, self.n)).sum(axis=0)
        return 0.0 - total

    def _by_point(
        self, tables_at: Callable[[Mapping[str, float]], list[FloatArray]]
    ) -> list[FloatArray]:
        """The terms' tables with an axis over the points; like terms go on sharing one array."""
        if all((values == values[0]).all() for values in self.path.parameters.values()):
            columns = [[table] * self.n for table in tables_at(self.path.at(0))]
        else:
            rows = [tables_at(self.path.at(row)) for row in range(self.n)]
            columns = [list(column) for column in zip(*rows, strict=True)]
        made: dict[int, FloatArray] = {}
        for column in columns:
            if id(column[0]) not in made:
                made[id(column[0])] = np.stack(column, axis=-1)
        return [made[id(column[0])] for column in columns]

    def _reduced(self, tables: Sequence[FloatArray]) -> list[FloatArray]:
        """The tables (..., R) at the states that are observed."""
        domain = self.model._domain
        if not domain.evidence:
            return list(tables)
        seen = {
            name: domain.variables[name].index(state) for name, state in domain.evidence.items()
        }
        return [
            np.asarray(table[tuple(seen.get(name, slice(None)) for name in term.names)])
            for term, table in zip(self.model.energies, tables, strict=True)
        ]
