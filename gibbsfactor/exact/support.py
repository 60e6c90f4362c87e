"""States that the tables rule out: found by consistency, left out before planning.

Letters: T tables of one shape are held together as T masks (T, *shape); ``flat`` numbers every
state of every variable, those of v from ``start[v]`` on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.network import Network, Picked, Weights
from gibbsfactor.exact.order import Scope
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.factor import Factor
from gibbsfactor.variable import Variable

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

MOST_ROUNDS = 200  # of propagation; what is found by then holds, with or without an end


@dataclass(frozen=True, eq=False)
class _Stack:
    """The tables of one shape that have zeros."""

    masks: BoolArray  # (T, *shape) which entries are not zero and still possible
    variables: IntArray  # (T, m)
    states: tuple[IntArray, ...]  # for each axis (T, cardinality): numbers in ``flat``


def supported(network: Network) -> list[BoolArray]:
    """For each variable, which of its states may have mass.

    A state is ruled out when some table has no non-zero entry with it, among the states of the
    table's other variables that are not ruled out themselves; and so on until nothing changes
    (generalised arc consistency). What is ruled out has probability zero. The converse does not
    hold where tables form loops. A variable without any state left means log Z = -inf. Of
    rows of evidence, a state that one of them leaves possible is possible.

    Source: Mackworth (1977), Consistency in networks of relations; Bessiere (2006), Constraint
    propagation, section 3.

    Examples
    --------
    >>> a, b = Variable("a", 2), Variable("b", 3)
    >>> link = Factor([a, b], [[1, 1, 0], [0, 0, 1]])
    >>> [s.tolist() for s in supported(Network.of([link, Factor(a, [0, 1])], [a, b]))]
    [[False, True], [False, False, True]]
    """
    sizes = np.array(network.cardinalities, dtype=np.intp)
    start = np.concatenate([[0], np.cumsum(sizes)])
    owner = np.repeat(np.arange(len(sizes)), sizes)
    flat = np.ones(int(start[-1]), dtype=bool)
    stacks = _stacks(network, start)
    if stacks:
        _propagate(stacks, owner, flat)
    return np.split(flat, start[1:-1]) if len(sizes) else []


def _propagate(stacks: Sequence[_Stack], owner: IntArray, flat: BoolArray) -> None:
    """Rule out of ``flat`` until nothing changes; ``owner`` says whose each state is.

    Tables are numbered through all stacks. Each round looks at those that hold a variable which
    the round before took states from.
    """
    bounds = np.cumsum([0, *(len(stack.masks) for stack in stacks)])
    members = np.concatenate([stack.variables.ravel() for stack in stacks])
    arity = np.repeat([stack.variables.shape[1] for stack in stacks], np.diff(bounds))
    first = np.cumsum(arity) - arity
    waiting = np.arange(bounds[-1])
    for _ in range(MOST_ROUNDS):
        before = flat.copy()
        cuts = np.searchsorted(waiting, bounds)
        for number in np.flatnonzero(np.diff(cuts)).tolist():
            here = waiting[cuts[number] : cuts[number + 1]] - bounds[number]
            _revise(stacks[number], here, flat)
        changed = np.zeros(owner[-1] + 1, dtype=bool)
        changed[owner[before & ~flat]] = True
        waiting = np.flatnonzero(np.logical_or.reduceat(changed[members], first))
        if not waiting.size:
            return


def _stacks(network: Network, start: IntArray) -> list[_Stack]:
    """Masks of the tables with zeros, by shape."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for table, scope in enumerate(network.scopes):
        if scope:
            shape = tuple([network.cardinalities[v] for v in scope])
            by_shape.setdefault(shape, []).append(table)
    stacks = []
    for shape, tables in by_shape.items():
        masks = np.empty((len(tables), *shape), dtype=bool)
        for row, table in enumerate(tables):
            masks[row] = _nonzero(network, table).reshape(shape)
        some = np.flatnonzero(~masks.reshape(len(tables), -1).all(axis=1))
        if some.size:
            scopes = np.array([network.scopes[tables[row]] for row in some], dtype=np.intp)
            states = tuple(
                start[scopes[:, axis], None] + np.arange(k) for axis, k in enumerate(shape)
            )
            stacks.append(_Stack(masks[some], scopes, states))
    return stacks


def _nonzero(network: Network, table: int) -> BoolArray:
    """Which entries of a table are not zero, in any row; flat, as its scope says."""
    factor, differing = network.tables[table], network.by_row.get(table)
    if isinstance(differing, Weights):
        return np.asarray(differing.nonzero().any(axis=0))
    mask = factor.log_values > -math.inf if factor.is_log else factor.values > 0
    if differing is None:
        return mask
    left = [axis for axis in range(mask.ndim) if axis not in differing.axes]
    shape = [mask.shape[axis] for axis in differing.axes]
    columns = mask.transpose([*left, *differing.axes]).reshape(-1, math.prod(shape))
    picked = np.zeros(columns.shape[1], dtype=bool)
    picked[np.ravel_multi_index(tuple(differing.positions.T), shape)] = True
    return np.asarray(columns[:, picked].any(axis=1))


def _revise(stack: _Stack, rows: IntArray, flat: BoolArray) -> None:
    """Rule out of ``flat`` what these tables leave no entry for; changes their masks as well."""
    masks = stack.masks[rows]
    axes = range(masks.ndim - 1)
    states = [numbers[rows] for numbers in stack.states]
    for axis in axes:
        possible = flat[states[axis]]
        if not possible.all():
            masks &= possible.reshape(len(rows), *[-1 if a == axis else 1 for a in axes])
    stack.masks[rows] = masks
    for axis in axes:
        by_state = masks.swapaxes(1, axis + 1).reshape(*states[axis].shape, -1)
        impossible = states[axis][~by_state.any(axis=2)]
        if impossible.size:
            flat[impossible] = False


@dataclass(frozen=True, eq=False)
class Restricted:
    """A network over the states that are left, and the way back.

    Attributes
    ----------
    network : the same variables, by the same numbers, with fewer states each
    positions : for each variable, where the states it has now were before
    cardinalities : how many there were
    tables : for each table of the network, the number it had before
    """

    network: Network
    positions: tuple[IntArray, ...]
    cardinalities: tuple[int, ...]
    tables: tuple[int, ...]

    def marginal(
        self, scope: Sequence[int], table: FloatArray, elsewhere: float = 0.0
    ) -> FloatArray:
        """A table over the states that are left as one over all states, the others ``elsewhere``.

        ``table`` has an axis for each variable in ``scope``, one-state variables included; further
        axes (rows of evidence) stay.
        """
        shape = [self.cardinalities[v] for v in scope]
        whole = np.full([*shape, *table.shape[len(shape) :]], elsewhere)
        whole[np.ix_(*(self.positions[v] for v in scope))] = table
        return whole

    def states(self, chosen: IntArray) -> IntArray:
        """Assignments (..., n) to the states that are left as positions among all states."""
        out = np.empty_like(chosen)
        for v, positions in enumerate(self.positions):
            out[..., v] = positions[chosen[..., v]]
        return out


def restricted(network: Network, support: Sequence[BoolArray]) -> Restricted | None:
    """The network over the supported states; None if a variable has none: then log Z = -inf.

    Sums and maxima over all assignments stay as they were. Variables that are left with one
    state go out of the scopes, tables that are left without a scope into ``log_constant``.

    Examples
    --------
    >>> a, b = Variable("a", 2), Variable("b", 3)
    >>> link = Factor([a, b], [[1, 2, 0], [0, 0, 1]])
    >>> network = Network.of([link, Factor(a, [1, 0])], [a, b])
    >>> smaller = restricted(network, supported(network))
    >>> smaller.network.cardinalities, smaller.network.scopes
    ((1, 2), ((1,),))
    >>> smaller.marginal([1], np.array([0.3, 0.7])).tolist()
    [0.3, 0.7, 0.0]
    """
    if network.log_constant == -math.inf or not all(states.any() for states in support):
        return None
    positions = tuple(np.flatnonzero(states) for states in support)
    sizes = tuple(len(p) for p in positions)
    fewer = [new < old for new, old in zip(sizes, network.cardinalities, strict=True)]
    if not any(fewer):
        return Restricted(network, positions, sizes, tuple(range(len(network.tables))))
    variables = tuple(
        Variable(v.name, [v.states[i] for i in p.tolist()]) if less else v
        for v, p, less in zip(network.variables, positions, fewer, strict=True)
    )
    scopes: list[Scope] = []
    tables: list[Factor] = []
    numbers: list[int] = []
    peaks: list[float] = []
    by_row: dict[int, Picked | Weights] = {}
    log_constant = network.log_constant
    for number, (scope, table) in enumerate(zip(network.scopes, network.tables, strict=True)):
        differing = network.by_row.get(number)
        if any(fewer[v] for v in scope):
            places = [network.numbers[v.name] for v in table.scope]
            table = _cut(table, [positions[v] for v in places], [variables[v] for v in places])
            scope = tuple(v for v in scope if sizes[v] > 1)
            if isinstance(differing, Picked):
                differing = replace(differing, factor=table)
            elif differing is not None:
                values = differing.values
                kept = np.ix_(np.arange(len(values)), *(positions[v] for v in places))
                differing = replace(differing, values=values[kept])
            elif not scope:
                log_constant += float(table.log_values.item()) - network.peaks[number]
                continue
        if differing is not None:
            by_row[len(tables)] = differing
        scopes.append(scope)
        tables.append(table)
        numbers.append(number)
        peaks.append(network.peaks[number])
    smaller = replace(
        network,
        variables=variables,
        cardinalities=sizes,
        scopes=tuple(scopes),
        tables=tuple(tables),
        n_given=sum(number < network.n_given for number in numbers),
        log_constant=log_constant,
        peaks=tuple(peaks),
        by_row=by_row,
        row_peaks={
            new: network.row_peaks[old]
            for new, old in enumerate(numbers)
            if old in network.row_peaks
        },
    )
    return Restricted(smaller, positions, network.cardinalities, tuple(numbers))


def _cut(table: Factor, positions: Sequence[IntArray], variables: Sequence[Variable]) -> Factor:
    """The table over the states that are left; axes of variables with one state stay."""
    values = table.log_values if table.is_log else table.values
    for axis, left in enumerate(positions):
        if len(left) < values.shape[axis]:
            values = values.take(left, axis=axis)
    scope = tuple(variables)
    if table.is_log:
        return Factor._trusted(scope, log_values=values)
    return Factor._trusted(scope, values)
