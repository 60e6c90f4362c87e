"""The numbered form of a list of factors: what the engine works on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.order import Scope
from gibbsfactor.exact.scaled import Block, FloatArray, linear_block, log_block, settle
from gibbsfactor.factor import Factor
from gibbsfactor.tables import MOST_SHARED, peak_of
from gibbsfactor.variable import Variable

IntArray = npt.NDArray[np.intp]

MOST_AT_ONCE = 2**16  # log weights that are looked at together


@dataclass(frozen=True, eq=False)
class Picked:
    """A factor at states that are given row by row.

    ``axes`` are those of the factor that are picked, ``positions`` (R, how many) where.
    """

    factor: Factor
    axes: tuple[int, ...]
    positions: IntArray

    def at(self, rows: slice, logs: bool) -> FloatArray:
        """Its entries in some rows: one line for each joint state of the axes left, (lines, R)."""
        values = self.factor.log_values if logs else self.factor.values
        left = [axis for axis in range(values.ndim) if axis not in self.axes]
        shape = tuple(values.shape[axis] for axis in self.axes)
        columns = values.transpose([*left, *self.axes]).reshape(-1, math.prod(shape))
        index = np.ravel_multi_index(tuple(self.positions[rows].T), shape)
        return np.asarray(np.take(columns, index, axis=1))


@dataclass(frozen=True, eq=False)
class Weights:
    """A table that differs from row to row: ``values`` (R, an axis for each variable)."""

    values: FloatArray
    is_log: bool = False

    def at(self, rows: slice, logs: bool) -> FloatArray:
        """As `Picked.at`."""
        values = self.values[rows]
        values = values.reshape(len(values), -1).T
        if logs == self.is_log:
            return values
        with np.errstate(divide="ignore"):
            return np.log(values) if logs else np.exp(values)

    def nonzero(self) -> npt.NDArray[np.bool_]:
        """Where there is weight, (R, entries)."""
        lines = self.values.reshape(len(self.values), -1)
        return np.asarray(lines > (-np.inf if self.is_log else 0))


@dataclass(frozen=True, eq=False)
class Network:
    """Factors over variables numbered 0 .. n-1.

    ``tables[k]`` has one axis for each variable in ``scopes[k]``: variables with one state are
    left out of the scopes, factors over nothing go into ``log_constant``, and a variable that no
    factor mentions gets a table of ones. The first ``n_given`` tables come from factors, the others
    were added.

    What all log weights of a table share, its peak, is kept apart: every answer is that of
    the tables less their ``peaks``. Where it is about log Z itself, ``log_shared`` has the numbers
    to add; they can be so large that the rest would be lost in a sum with them.

    With ``n_rows`` rows of evidence, ``by_row`` has the tables that differ from row to
    row; the factor in ``tables`` is then the one that they come from.
    """

    variables: tuple[Variable, ...]
    numbers: dict[str, int]
    cardinalities: tuple[int, ...]
    scopes: tuple[Scope, ...]
    tables: tuple[Factor, ...]
    n_given: int
    log_constant: float
    peaks: tuple[float, ...]  # of each table; 0 where it is small
    log_shared: tuple[float, ...] = ()
    n_rows: int = 1
    by_row: Mapping[int, Picked | Weights] = field(default_factory=dict)
    row_peaks: Mapping[int, FloatArray] = field(default_factory=dict)  # (R,), instead of ``peaks``

    @classmethod
    def of(
        cls,
        factors: Iterable[Factor],
        variables: Sequence[Variable],
        extra_scopes: Iterable[Sequence[Variable]] = (),
    ) -> Network:
        """Number the variables and drop what needs no engine.

        ``extra_scopes`` adds a table of ones for each of them, right after those that come from
        factors, so that the sweep gives the marginal over it as well.
        """
        numbers = {v.name: i for i, v in enumerate(variables)}
        cardinalities = tuple([v.cardinality for v in variables])
        many = {name: i for name, i in numbers.items() if cardinalities[i] > 1}
        scopes: list[Scope] = []
        tables: list[Factor] = []
        shared: list[float] = []
        log_constant = 0.0
        mentioned: set[int] = set()
        for factor in factors:
            scope = tuple([many[v.name] for v in factor.scope if v.name in many])
            if factor._peak:
                shared.append(factor._peak)
                factor = Factor._trusted(factor.scope, log_values=factor._log_values)
            if not scope:
                log_weight = float(factor.log_values.reshape(()))
                if log_weight == -math.inf:
                    log_constant = log_weight
                else:
                    shared.append(log_weight)
                continue
            mentioned.update(scope)
            scopes.append(scope)
            tables.append(factor)
        n_given = len(tables)
        unmentioned = [[variables[i]] for i in many.values() if i not in mentioned]
        for added in [*extra_scopes, *unmentioned]:
            shape = tuple(v.cardinality for v in added)
            scopes.append(tuple(numbers[v.name] for v in added if v.cardinality > 1))
            tables.append(Factor._trusted(tuple(added), np.ones(shape)))
        peaks = _peaks(tables)
        return cls(
            tuple(variables),
            numbers,
            cardinalities,
            tuple(scopes),
            tuple(tables),
            n_given,
            log_constant,
            peaks,
            (*shared, *filter(None, peaks)),
        )

    def log_sum(self, log_totals: npt.ArrayLike) -> FloatArray:
        """log Z of each row, or a number: what is shared added to what sweeps find."""
        by_row: FloatArray = sum(self.row_peaks.values(), start=np.zeros(()))
        shared = math.fsum((*self.log_shared, *(-self.peaks[t] for t in self.row_peaks)))
        return np.asarray(log_totals) + (by_row + shared)

    def in_rows(
        self,
        n_rows: int,
        observed: Mapping[int, IntArray],
        weights: Mapping[int, Weights] | None = None,
    ) -> Network:
        """The network, of one row itself, in ``n_rows`` rows.

        Every table keeps its number, the observed variables leave the scopes.

        Parameters
        ----------
        observed : variable number -> the position (n_rows,) it is observed at
        weights : variable number -> one more factor over it
        """
        scopes = [tuple(v for v in scope if v not in observed) for scope in self.scopes]
        by_row: dict[int, Picked | Weights] = dict(self.by_row)
        for t, (before, after) in enumerate(zip(self.scopes, scopes, strict=True)):
            if len(after) < len(before):
                here = [v for v in before if v in observed]
                by_row[t] = self._picked(t, here, np.stack([observed[v] for v in here], axis=-1))
            elif t in by_row:
                by_row[t] = self._picked(t, [], np.zeros((n_rows, 0), dtype=np.intp))
        tables = list(self.tables)
        for v, factor in (weights or {}).items():
            by_row[len(tables)] = factor
            scopes.append((v,) if self.cardinalities[v] > 1 else ())
            tables.append(Factor._trusted((self.variables[v],), np.ones(self.cardinalities[v])))
        return replace(
            self,
            scopes=tuple(scopes),
            tables=tuple(tables),
            peaks=(*self.peaks, *(0.0 for _ in weights or ())),
            n_rows=n_rows,
            by_row=by_row,
        )

    def with_row_peaks(self) -> Network:
        """The same, with the greatest log weight of a table in each row kept apart instead.

        Rows that are cases of their own are compared with nothing, so that log Z of each is that
        of its tables less their own peaks.
        """
        found = {}
        for t, differing in self.by_row.items():
            if isinstance(differing, Picked) and differing.factor.is_log:
                logs, peak = differing.factor.log_values, self.peaks[t]
                if logs.min(initial=peak, where=logs > -math.inf) < peak - MOST_SHARED:
                    most = differing.at(slice(0, self.n_rows), True).max(axis=0)
                    found[t] = np.where(most > -math.inf, most, self.peaks[t])
        return replace(self, row_peaks=found) if found else self

    def _picked(self, table: int, more: Sequence[int], positions: IntArray) -> Picked:
        """A table, of one row so far, at further observed variables: positions (R, how many)."""
        factor = self.tables[table]
        axes = tuple(_axis(factor, self.variables[v]) for v in more)
        before = self.by_row.get(table)
        if before is None:
            return Picked(factor, axes, positions)
        assert isinstance(before, Picked)
        held = np.broadcast_to(before.positions, (len(positions), len(before.axes)))
        return Picked(factor, (*before.axes, *axes), np.concatenate([held, positions], axis=-1))

    def with_tables(self, left: Sequence[int], log_constant: float) -> Network:
        """The same with some of the tables only, in order, and another constant."""
        return replace(
            self,
            scopes=tuple(self.scopes[t] for t in left),
            tables=tuple(self.tables[t] for t in left),
            peaks=tuple(self.peaks[t] for t in left),
            n_given=sum(t < self.n_given for t in left),
            log_constant=log_constant,
            by_row={new: self.by_row[old] for new, old in enumerate(left) if old in self.by_row},
            row_peaks={new: self.row_peaks[t] for new, t in enumerate(left) if t in self.row_peaks},
        )

    def connected_parts(self) -> list[int]:
        """For each variable a number that those in the same connected part share."""
        parent = list(range(len(self.variables)))

        def root(v: int) -> int:
            while parent[v] != v:
                parent[v] = v = parent[parent[v]]
            return v

        for scope in self.scopes:
            for v in scope[1:]:
                parent[root(v)] = root(scope[0])
        return [root(v) for v in range(len(parent))]

    def row(self, number: int) -> Network:
        """One of its rows, as a network of one row."""
        tables = list(self.tables)
        by_row: dict[int, Picked | Weights] = {}
        for t, table in self.by_row.items():
            if isinstance(table, Weights):
                here = {"log_values" if table.is_log else "values": table.values[number]}
                tables[t] = Factor._trusted(tables[t].scope, **here)
            else:
                by_row[t] = replace(table, positions=table.positions[number : number + 1])
        row_peaks = {t: more[number : number + 1] for t, more in self.row_peaks.items()}
        return replace(self, tables=tuple(tables), n_rows=1, by_row=by_row, row_peaks=row_peaks)

    def stack(self, numbers: Sequence[int], shape: tuple[int, ...], rows: slice) -> Block:
        """The tables of these numbers, all of one shape, as one settled block."""
        factors = [self.tables[t] for t in numbers]
        differing = [self.by_row.get(t) for t in numbers] if self.by_row else []
        logs = any(f.is_log for f in factors) or any(
            isinstance(d, Weights) and d.is_log for d in differing
        )
        entries = [f.log_values if logs else f.values for f in factors]
        if all(d is None for d in differing):
            values = _gather(entries, (*shape, 1))
        else:
            n = rows.stop - rows.start
            values = np.empty((len(numbers), *shape, n))
            lines = values.reshape(len(numbers), -1, n)
            for here, same, own in zip(lines, entries, differing, strict=True):
                here[:] = same.reshape(-1, 1) if own is None else own.at(rows, logs)
        if not logs:
            return linear_block(values)
        block = settle(log_block(values))
        peaks = [0.0 if t in self.row_peaks else self.peaks[t] for t in numbers]
        if any(peaks):
            block.log_scale -= np.array(peaks)[:, None]
        for i, t in enumerate(numbers if self.row_peaks else ()):
            if t in self.row_peaks:
                block.log_scale[i] -= self.row_peaks[t][rows]
        return block

    def logs_below_peak(self, number: int) -> FloatArray:
        """The log weights of a table that is alike in all rows, less its peak."""
        logs, peak = self.tables[number].log_values, self.peaks[number]
        return logs - peak if peak else logs


def _peaks(tables: Sequence[Factor]) -> tuple[float, ...]:
    """The peak of each table; most often all are 0, which one look at all entries tells."""
    logs = [f.log_values for f in tables if f.is_log]
    if not logs:
        return (0.0,) * len(tables)
    if sum([a.size for a in logs]) <= MOST_AT_ONCE:
        flat = np.concatenate([a.ravel() for a in logs])
        if flat.min() >= -MOST_SHARED and flat.max() <= MOST_SHARED:
            return (0.0,) * len(tables)
    return tuple([peak_of(f.log_values) if f.is_log else 0.0 for f in tables])


def _axis(table: Factor, v: Variable) -> int:
    return next(axis for axis, u in enumerate(table.scope) if u.name == v.name)


def _gather(arrays: list[FloatArray], shape: tuple[int, ...]) -> FloatArray:
    if len(arrays) == 1:
        return arrays[0].reshape((1, *shape))
    return np.concatenate([a.ravel() for a in arrays]).reshape((len(arrays), *shape))
