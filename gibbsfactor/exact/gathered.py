"""A network whose tables are read out of one vector of log weights, by position.

In training the same graphs come back with other numbers at every evaluation. Here each table of a
graph is a list of positions in one vector theta, so that a change of theta is no new network: the
tables of a stack are gathered by one look-up, and their marginals go back by the same positions as
the gradient of log Z,

    d log Z / d theta_i = sum over table entries at position i of their marginals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from gibbsfactor.errors import IntractableError
from gibbsfactor.exact import inference
from gibbsfactor.exact.contraction import root_logs, sum_product
from gibbsfactor.exact.memory import readable
from gibbsfactor.exact.network import IntArray, Network, Weights
from gibbsfactor.exact.order import Scope
from gibbsfactor.exact.plan import Plan, allowance
from gibbsfactor.exact.prepared import plan_for
from gibbsfactor.exact.runs import in_chunks, require_mass, scheduled
from gibbsfactor.exact.scaled import Block, FloatArray, log_block, normalized, settle
from gibbsfactor.exact.sweeps import downward, stacks_above
from gibbsfactor.factor import Factor
from gibbsfactor.variable import Variable


@dataclass(frozen=True, eq=False)
class Stack:
    """Where the G tables of one shape lie in theta: at base + entry.

    Attributes
    ----------
    bases : (G', R), or (G', 1) where all rows have the same, without repetition
    tables : (G,) which of these each table has; None where each has its own
    entries : (E,), or (G', E) where they differ
    """

    bases: IntArray
    tables: IntArray | None
    entries: IntArray

    @classmethod
    def of(cls, bases: IntArray, entries: Sequence[IntArray]) -> Stack:
        """Of tables that begin at bases (G, R)."""
        bases = _distinct_rows(bases)
        if all(one is entries[0] for one in entries):
            distinct, tables = np.unique(bases, axis=0, return_inverse=True)
            if 2 * len(distinct) <= len(bases):
                return cls(distinct, tables.ravel(), entries[0])
            return cls(bases, None, entries[0])
        return cls(bases, None, np.stack(entries))

    def _positions(self, rows: slice) -> IntArray:
        bases = self.bases if self.bases.shape[1] == 1 else self.bases[:, rows]
        return bases[:, None, :] + self.entries[..., None]

    def read(self, theta: FloatArray, shape: tuple[int, ...], rows: slice) -> Block:
        """The tables, scaled, in some rows."""
        values = theta[self._positions(rows)]
        block = settle(log_block(values.reshape((len(values), *shape, -1))))
        if self.tables is None:
            return block
        scale = block.log_scale[self.tables]
        return Block(block.values[self.tables], scale, block.is_log, block.low, block.high)

    def add(self, beliefs: FloatArray, rows: slice, gradient: FloatArray) -> None:
        """Add numbers (G, E, R) of the tables' entries where these lie."""
        positions = self._positions(rows)
        if positions.shape[-1] == 1:
            beliefs = beliefs.sum(axis=-1, keepdims=True)
        if self.tables is not None:
            each = np.ones(len(self.tables)), self.tables, np.arange(len(self.tables) + 1)
            sums = sp.csc_array(each, shape=(len(positions), len(self.tables)))
            beliefs = np.asarray(sums @ beliefs.reshape((len(beliefs), -1)))
        flat = positions.ravel()
        low = int(flat.min(initial=0))
        counts = np.bincount(flat - low, beliefs.ravel())
        gradient[low : low + len(counts)] += counts


def _distinct_rows(bases: IntArray) -> IntArray:
    """(G, 1) where all rows have the same."""
    return bases[:, :1] if (bases == bases[:, :1]).all() else bases


@dataclass(frozen=True, eq=False)
class Gathered:
    """Graphs of one structure, or different ones side by side, and where their tables lie in theta.

    Attributes
    ----------
    cardinalities : of the variables, all above 1
    scopes : of the tables, none empty; every variable is in one
    bases : (number of tables, R) where in theta each table begins
    entries : for each table how far its entries lie from there, (E,)
    part_of : (number of variables,) the part, 0 to P - 1, that each variable belongs to
    n_rows : R
    """

    cardinalities: tuple[int, ...]
    scopes: tuple[Scope, ...]
    bases: IntArray
    entries: Sequence[IntArray]
    part_of: IntArray
    _stacks: dict[tuple[int, ...], Stack] = field(default_factory=dict, repr=False)

    @property
    def n_rows(self) -> int:
        """R."""
        return int(self.bases.shape[1])

    @property
    def n_parts(self) -> int:
        """P."""
        return int(self.part_of.max(initial=0)) + 1

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Numbered ones: nobody asks for their names."""
        return tuple(Variable(f"v{i}", k) for i, k in enumerate(self.cardinalities))

    @cached_property
    def plan(self) -> Plan:
        """How it is contracted."""
        return plan_for(self._skeleton)

    @cached_property
    def _skeleton(self) -> Network:
        numbers = {v.name: i for i, v in enumerate(self.variables)}
        return Network(
            self.variables,
            numbers,
            self.cardinalities,
            self.scopes,
            (),
            len(self.scopes),
            0.0,
            (0.0,) * len(self.scopes),
            n_rows=self.n_rows,
        )

    @cached_property
    def part_of_roots(self) -> IntArray:
        """For each root of the plan's schedule the part that it is the sum over."""
        makers = {step.out: step for step in self.plan.steps}
        parts = []
        for table in self.plan.schedule.roots if self.plan.schedule is not None else ():
            while table in makers:
                table = makers[table].left
            parts.append(self.part_of[self.scopes[table][0]])
        return np.array(parts, dtype=np.intp)

    def stack(self, numbers: tuple[int, ...]) -> Stack:
        """Where the tables of one stack of the plan lie."""
        found = self._stacks.get(numbers)
        if found is None:
            found = Stack.of(self.bases[list(numbers)], [self.entries[t] for t in numbers])
            self._stacks[numbers] = found
        return found

    def network(self, theta: FloatArray) -> Network:
        """With tables of its own, as the other questions need it."""
        by_row: dict[int, Weights] = {}
        tables = []
        for t, (scope, entries) in enumerate(zip(self.scopes, self.entries, strict=True)):
            shape = tuple(self.cardinalities[v] for v in scope)
            logs = theta[_distinct_rows(self.bases[[t]])[0] + entries[:, None]]
            variables = tuple(self.variables[v] for v in scope)
            if logs.shape[-1] > 1:
                by_row[t] = Weights(logs.T.reshape((-1, *shape)), is_log=True)
            first = np.ascontiguousarray(logs[:, 0]).reshape(shape)
            tables.append(Factor._trusted(variables, log_values=first))
        return replace(self._skeleton, tables=tuple(tables), by_row=by_row)


@dataclass(frozen=True, eq=False)
class _Reader(Network):
    """The network at one theta, its tables read stack by stack when the sweep asks for them."""

    source: Gathered | None = None
    theta: FloatArray = field(default_factory=lambda: np.empty(0))

    def stack(self, numbers: Sequence[int], shape: tuple[int, ...], rows: slice) -> Block:
        assert self.source is not None
        return self.source.stack(tuple(numbers)).read(self.theta, shape, rows)


def _reader(source: Gathered, theta: FloatArray) -> _Reader:
    skeleton = source._skeleton
    given = {field.name: getattr(skeleton, field.name) for field in fields(skeleton)}
    return _Reader(**given, source=source, theta=theta)


def fits(source: Gathered, memory: int | None) -> bool:
    """Whether one run does it, with all its parts side by side."""
    return source.plan.schedule is not None and source.plan.fits(memory, "marginals")


def log_partitions(source: Gathered, theta: FloatArray, memory: int | None = None) -> FloatArray:
    """log Z of each part in each row, (P, R)."""
    if not fits(source, memory):
        return inference.log_partitions(_alone(source, theta, memory), memory)[None]
    log_z = np.empty((source.n_parts, source.n_rows))
    schedule = scheduled(source.plan)

    def run(network: Network, rows: slice) -> FloatArray:
        upward = sum_product(network, schedule, retain=False, rows=rows)
        return _by_part(source, root_logs(schedule, upward.stacks), rows)

    for rows, some in in_chunks(_reader(source, theta), source.plan, "log_partition", memory, run):
        log_z[:, rows] = some
    return log_z


def add_gradient(
    source: Gathered,
    theta: FloatArray,
    weights: FloatArray,
    gradient: FloatArray,
    memory: int | None = None,
) -> FloatArray:
    """log Z of each part in each row, (P, R); adds their derivatives, so weighted, to the gradient.

    Parameters
    ----------
    theta : log weights
    weights : (P, R)
    gradient : array of the shape of theta, changed in place

    Raises
    ------
    ZeroProbabilityError
        If some log Z is -inf.
    """
    if not fits(source, memory):
        return _add_sliced_gradient(source, theta, weights, gradient, memory)
    plan, log_z = source.plan, np.empty((source.n_parts, source.n_rows))
    schedule = scheduled(plan)
    leaves = range(len(schedule.leaves))
    needed = stacks_above(schedule, leaves)

    def run(network: Network, rows: slice) -> tuple[FloatArray, list[tuple[int, FloatArray]]]:
        upward = sum_product(network, schedule, retain=True, rows=rows)
        joints = downward(schedule, upward, leaves, needed)
        beliefs = [(stack, normalized(joint)) for stack, joint in joints]
        return _by_part(source, root_logs(schedule, upward.stacks), rows), beliefs

    for rows, (some, beliefs) in in_chunks(_reader(source, theta), plan, "marginals", memory, run):
        log_z[:, rows] = some
        for stack, belief in beliefs:
            _scatter(source, schedule.leaves[stack], belief, weights[:, rows], rows, gradient)
    require_mass(log_z.min(axis=1), "expected value")
    return log_z


def _scatter(
    source: Gathered,
    tables: tuple[int, ...],
    belief: FloatArray,
    weights: FloatArray,
    rows: slice,
    gradient: FloatArray,
) -> None:
    """Add weighted beliefs (G, ..., R or 1) of a stack's tables at their positions."""
    parts = source.part_of[[source.scopes[t][0] for t in tables]]
    weighted = belief.reshape((len(tables), -1, belief.shape[-1])) * weights[parts][:, None, :]
    source.stack(tables).add(weighted, rows, gradient)


def _by_part(source: Gathered, logs: FloatArray, rows: slice) -> FloatArray:
    """Sums of the roots' logs (roots, R or 1) over the parts they belong to, (P, R)."""
    total = np.zeros((source.n_parts, rows.stop - rows.start))
    np.add.at(total, source.part_of_roots, np.broadcast_to(logs, (len(logs), total.shape[1])))
    return total


def _add_sliced_gradient(
    source: Gathered,
    theta: FloatArray,
    weights: FloatArray,
    gradient: FloatArray,
    memory: int | None,
) -> FloatArray:
    """The same of one part that is too wide for a single run, slice by slice."""
    found = inference.table_marginals(_alone(source, theta, memory), memory)
    log_z = np.broadcast_to(found.log_totals, (1, source.n_rows))
    for t, table in enumerate(found.tables):
        weighted = table.reshape((len(source.entries[t]), -1)) * weights
        source.stack((t,)).add(weighted[None], slice(0, source.n_rows), gradient)
    return log_z


def _alone(source: Gathered, theta: FloatArray, memory: int | None) -> Network:
    """The network of one part, as it takes to run it slice by slice."""
    if source.n_parts > 1:
        allowed = readable(allowance(source.plan, memory, "marginals"))
        raise IntractableError(
            f"{source.n_parts} graphs side by side do not fit {allowed}; give them one at a time"
        )
    return source.network(theta)
