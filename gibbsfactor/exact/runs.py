"""Runs of a plan: over rows of evidence in chunks, over slices one by one, in threads.

A plan that was sliced to fit the memory is run once for each joint state of the sliced variables.
To the sweeps slices are rows: the sliced variables are observed, in every row at other states.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import PrecisionWarning, ZeroProbabilityError
from gibbsfactor.exact.cost import Task
from gibbsfactor.exact.network import IntArray, Network
from gibbsfactor.exact.parallel import sharing_work
from gibbsfactor.exact.plan import Plan, allowance
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.exact.schedule import Schedule
from gibbsfactor.threads import one_blas_thread, usable_processors

Result = TypeVar("Result")
Run = Callable[[Network, slice], Result]
BoolArray = npt.NDArray[np.bool_]

CHUNK_BYTES = 2**25  # tables of one chunk of rows: enough to make Python's share small
LEAST_CHUNK, MOST_CHUNK = 256, 4096  # rows, where the memory allows
SLICES_AT_A_TIME = 4096  # of which the states are written down together

FAR_BELOW = 2.0**33  # nats, at which rounding comes to 2e-6
FAR_BELOW_EACH = 2.0**22  # more for each table: they are scaled one by one
ROUNDING = 2.0**-52

NO_MASS = (
    "every assignment has weight zero (log Z = -inf){rows}, so there is no {what}; "
    "the factors contradict each other or the evidence"
)


def require_mass(log_totals: FloatArray, what: str) -> None:
    """Raise ZeroProbabilityError if log Z is -inf in some row."""
    without = np.flatnonzero(log_totals == -math.inf)
    if len(without):
        numbers = [str(i) for i in without.tolist()]
        rows = f" in row {', '.join(numbers[:5])}{', ...' * (len(numbers) > 5)}"
        raise ZeroProbabilityError(
            NO_MASS.format(what=what, rows=rows if len(log_totals) > 1 else "")
        )


def warn_of_rounding(network: Network, log_totals: FloatArray) -> None:
    """Warn where all assignments are so far below the tables' peaks that digits are lost.

    All log weights of an assignment are at most about 0 there. So a total of -10^15 is a sum of
    numbers of that size or less, each known to 0.1 nats at best.
    """
    most = FAR_BELOW + FAR_BELOW_EACH * len(network.tables)
    if log_totals.min(initial=0.0) >= -most:
        return
    lost = np.flatnonzero((log_totals < -most) & (log_totals > -np.inf))
    if len(lost):
        worst = float(log_totals[lost].min())
        rows = f" in row {lost[0]}" if len(log_totals) > 1 else ""
        warnings.warn(
            f"every assignment is {-worst:.3g} nats or more below the sum of the tables' greatest "
            f"log weights{rows}; a float tells differences of {-worst * ROUNDING:.2g} nats apart "
            "there, and smaller ones are lost. Give what is impossible the log weight -inf, or "
            "take the penalty that no assignment avoids out of the log weights",
            PrecisionWarning,
            stacklevel=2,
        )


def scheduled(plan: Plan) -> Schedule:
    """The schedule of a plan that was found to fit."""
    assert plan.schedule is not None
    return plan.schedule


def chunks_of(
    network: Network, plan: Plan, task: Task, memory: int | None, threads: int = 1
) -> list[slice]:
    """Chunks of rows, of which as many as there are threads fit the memory."""
    n = network.n_rows
    each = max(plan.footprint.tables(task), 1)
    share = allowance(plan, memory, task) // threads
    wanted = min(max(CHUNK_BYTES // each, LEAST_CHUNK), MOST_CHUNK)
    size = max(1, min(wanted, share // each))
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def in_chunks(
    network: Network, plan: Plan, task: Task, memory: int | None, run: Run[Result]
) -> Iterator[tuple[slice, Result]]:
    """``run(network, rows)`` for chunks of rows, several at once where that fits the memory."""
    if network.n_rows == 1:
        with sharing_work(plan.seconds, scheduled(plan).largest_matrix):
            only = run(network, slice(0, 1))
        yield slice(0, 1), only
        return
    most = allowance(plan, memory, task) // max(plan.footprint.tables(task), 1)
    threads = max(1, min(usable_processors(), most, network.n_rows))
    chunks = chunks_of(network, plan, task, memory, threads)
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(chunks), threads):
            wave = chunks[first : first + threads]
            yield from zip(wave, pool.map(lambda rows: run(network, rows), wave), strict=True)


def in_slices(network: Network, plan: Plan) -> Iterator[tuple[Network, IntArray]]:
    """A network of one row with joint states of the sliced variables as rows, some at a time.

    Yields it with the positions (how many slices, how many variables) that they are fixed at.
    """
    shape = [plan.cardinalities[v] for v in plan.slices]
    for start in range(0, plan.n_slices, SLICES_AT_A_TIME):
        numbers = np.arange(start, min(start + SLICES_AT_A_TIME, plan.n_slices))
        positions = np.stack(np.unravel_index(numbers, shape), axis=-1)
        observed = {v: positions[:, i] for i, v in enumerate(plan.slices)}
        yield network.in_rows(len(positions), observed), positions


def rows_of(network: Network) -> Iterator[Network]:
    """Every row as a network of its own."""
    return map(network.row, range(network.n_rows))


def log_sums(network: Network, plan: Plan, run: Run[FloatArray], memory: int | None) -> FloatArray:
    """What ``run`` returns, logs (..., R) of sums over assignments, for all rows."""
    if not plan.slices:
        return _joined(network, plan, run, memory)
    sums = []
    for row in rows_of(network):
        total = np.array(-math.inf)
        for part, _ in in_slices(row, plan):
            for _, some in in_chunks(part, plan, "log_partition", memory, run):
                total = np.logaddexp(total, np.logaddexp.reduce(some, axis=-1))
        sums.append(total)
    return np.stack(sums, axis=-1)


def _joined(network: Network, plan: Plan, run: Run[FloatArray], memory: int | None) -> FloatArray:
    joined = np.empty(0)
    for rows, some in in_chunks(network, plan, "log_partition", memory, run):
        if rows.start == 0:
            joined = np.empty((*some.shape[:-1], network.n_rows))
        joined[..., rows] = some
    return joined


@dataclass(frozen=True, eq=False)
class Marginals:
    """Log totals (R,), normalised tables (..., R), and where they have mass if that was asked."""

    log_totals: FloatArray
    tables: Sequence[FloatArray]
    mass: Sequence[BoolArray] = field(default_factory=list)

    @property
    def log_total(self) -> float:
        """The only row's."""
        return float(self.log_totals[0])


def averaged(
    network: Network,
    plan: Plan,
    scopes: Sequence[Sequence[int]],
    run: Run[Marginals],
    memory: int | None,
) -> Marginals:
    """What ``run`` returns, for all rows; slices are averaged by the weight of each.

    Parameters
    ----------
    scopes : of the tables that ``run`` returns, sliced variables among them

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf in some row.
    """
    if plan.slices:
        rows = [_over_slices(row, plan, scopes, run, memory) for row in rows_of(network)]
        joined = Marginals(
            np.array([row.log_totals[0] for row in rows]),
            [np.stack(tables, axis=-1) for tables in zip(*(r.tables for r in rows), strict=True)],
            [np.stack(masses, axis=-1) for masses in zip(*(r.mass for r in rows), strict=True)],
        )
    elif network.n_rows == 1:
        ((_, joined),) = in_chunks(network, plan, "marginals", memory, run)
    else:
        joined = _side_by_side(network, plan, run, memory)
    require_mass(joined.log_totals, "marginal")
    warn_of_rounding(network, joined.log_totals)
    return joined


def _side_by_side(
    network: Network, plan: Plan, run: Run[Marginals], memory: int | None
) -> Marginals:
    n = network.n_rows
    log_totals = np.empty(n)
    tables: list[FloatArray] = []
    mass: list[BoolArray] = []
    for rows, some in in_chunks(network, plan, "marginals", memory, run):
        if rows.start == 0:
            tables = [np.empty((*table.shape[:-1], n)) for table in some.tables]
            mass = [np.empty((*table.shape[:-1], n), dtype=bool) for table in some.mass]
        log_totals[rows] = some.log_totals
        for whole, part in zip((*tables, *mass), (*some.tables, *some.mass), strict=True):
            whole[..., rows] = part
    return Marginals(log_totals, tables, mass)


def _over_slices(
    network: Network,
    plan: Plan,
    scopes: Sequence[Sequence[int]],
    run: Run[Marginals],
    memory: int | None,
) -> Marginals:
    """The average over the slices of a network of one row, as tables (...) without rows."""
    column = {v: i for i, v in enumerate(plan.slices)}
    fixed = [[column.get(v, -1) for v in scope] for scope in scopes]
    average: _Average | None = None
    for part, positions in in_slices(network, plan):
        for rows, some in in_chunks(part, plan, "marginals", memory, run):
            if average is None:
                shapes = [
                    _whole_shape(scope, where, plan, table)
                    for scope, where, table in zip(scopes, fixed, some.tables, strict=True)
                ]
                average = _Average(fixed, shapes, has_mass=bool(some.mass))
            average.add(some, positions[rows])
    assert average is not None
    return Marginals(np.array([average.log_total]), average.sums, average.mass)


class _Average:
    """Tables averaged over slices by the weights exp(log total), and all that has mass in any."""

    def __init__(self, fixed: list[list[int]], shapes: list[list[int]], *, has_mass: bool) -> None:
        self.fixed = fixed
        self.log_total = -math.inf
        self.sums = [np.zeros(shape) for shape in shapes]
        self.mass = [np.zeros(shape, dtype=bool) for shape in shapes if has_mass]

    def add(self, some: Marginals, positions: IntArray) -> None:
        """Add slices, their variables being at these positions (n, how many)."""
        n = len(positions)
        for i, log_here in enumerate(np.broadcast_to(some.log_totals, (n,)).tolist()):
            if log_here == -math.inf:
                continue
            before, self.log_total = self.log_total, float(np.logaddexp(self.log_total, log_here))
            kept, weight = math.exp(before - self.log_total), math.exp(log_here - self.log_total)
            at = [
                tuple(slice(None) if c < 0 else positions[i, c] for c in where)
                for where in self.fixed
            ]
            for whole, index, table in zip(self.sums, at, some.tables, strict=True):
                whole *= kept
                one = table[..., i if table.shape[-1] > 1 else 0]
                whole[index] += weight * one.reshape(whole[index].shape)
            for seen, index, has in zip(self.mass, at, some.mass, strict=False):
                seen[index] |= has[..., i if has.shape[-1] > 1 else 0]


def _whole_shape(
    scope: Sequence[int], fixed: Sequence[int], plan: Plan, table: FloatArray
) -> list[int]:
    """The shape of a slice's table (..., R) with the sliced variables' axes put back."""
    left = iter(table.shape)
    return [
        next(left) if c < 0 else plan.cardinalities[v] for v, c in zip(scope, fixed, strict=True)
    ]
