"""Mean and variance of the log weight: one upward sweep that carries moments along.

With f(x) = sum_k log phi_k(x_k), the sum-product algorithm is run over triples

    w = sum e^f      m = sum e^f f / w      q = sum e^f (f - m0)^2 / w

a weight, the mean of f that stands behind it, and its second moment. The triples of two tables
that meet combine as sums of independent parts do, w w', m + m', q + 2 m m' + q', and those of the
states of a variable that is summed out as a mixture does. Every table measures f from an offset m0
of its own, near its mean, so that no moment is a small difference of large ones: the variance of a
chain of 10^5 variables is as exact as that of ten.

At temperature T it is f = -E / T: the mean energy is -T m, the heat capacity the variance of f.

Source: Li & Eisner (2009), First- and second-order expectation semirings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gibbsfactor.exact.contraction import fetch, last_uses
from gibbsfactor.exact.memory import default_budget
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.plan import SMALL_BYTES, Plan
from gibbsfactor.exact.prepared import plan_for
from gibbsfactor.exact.runs import (
    in_chunks,
    in_slices,
    require_mass,
    rows_of,
    scheduled,
    warn_of_rounding,
)
from gibbsfactor.exact.scaled import (
    LIMIT,
    Block,
    FloatArray,
    has_mass,
    log_block,
    multiply,
    normalized,
    ones,
    reshaped,
    settle,
    to_log,
)
from gibbsfactor.exact.schedule import Group, Operand, Schedule
from gibbsfactor.exact.slicing import fitted

MOST_SQUARED = 1e150  # whose square is a float
SHARE = 4  # of the memory budget: a table with its moments and what they are made of


@dataclass(frozen=True, eq=False)
class LogWeight:
    """log Z in nats, and mean and variance of f(x) = sum_k log phi_k(x_k) under P, in each row.

    All phi are less their peaks: log Z and the mean of the tables as given are
    ``network.log_sum`` of these.
    """

    log_partition: FloatArray  # (R,)
    mean: FloatArray  # (R,)
    variance: FloatArray  # (R,)


def log_weight_moments(network: Network, memory: int | None = None) -> LogWeight:
    """log Z, E[f] and Var[f] of each row, f being the log weight.

    A triple takes about four times the memory of a weight, so that the budget for tables is a
    quarter of ``memory``.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf in some row.
    IntractableError
        If the tables would not fit, in however many slices.
    """
    plan = plan_for(network)
    budget = _budget(plan, memory)
    plan = fitted(plan, budget, "marginals")
    parts = [_over_slices(row, plan, budget) for row in rows_of(network)] if plan.slices else None
    found = _in_chunks(network, plan, budget) if parts is None else _joined(parts)
    require_mass(found.log_partition, "mean or variance")
    warn_of_rounding(network, found.log_partition)
    return found


def _in_chunks(network: Network, plan: Plan, memory: int) -> LogWeight:
    """Those of each row, or of each slice."""
    schedule = scheduled(plan)

    def run(part: Network, rows: slice) -> LogWeight:
        return _upward(part, schedule, rows)

    return _joined([some for _, some in in_chunks(network, plan, "marginals", memory, run)])


def _joined(parts: list[LogWeight]) -> LogWeight:
    return LogWeight(
        np.concatenate([part.log_partition for part in parts]),
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.variance for part in parts]),
    )


def _over_slices(row: Network, plan: Plan, memory: int) -> LogWeight:
    """Slices as the mixture that they are."""
    slices = _joined([_in_chunks(part, plan, memory) for part, _ in in_slices(row, plan)])
    peak = slices.log_partition.max()
    if peak == -math.inf:
        return LogWeight(np.array([peak]), np.zeros(1), np.zeros(1))
    weights = np.exp(slices.log_partition - peak)
    total = weights.sum()
    share = weights / total
    mean = share @ slices.mean
    variance = share @ (slices.variance + np.square(slices.mean - mean))
    return LogWeight(np.array([peak + np.log(total)]), np.array([mean]), np.array([variance]))


def _budget(plan: Plan, memory: int | None) -> int:
    if memory is None:
        small = plan.footprint.tables("marginals") <= SMALL_BYTES // SHARE
        memory = SMALL_BYTES if small else default_budget()
    return memory // SHARE


@dataclass(eq=False, slots=True)
class _Triples:
    """Tables (G, ..., R) of weights, means and second moments.

    The offset of the means, one for each table and row, is carried in their block's log_scale.
    """

    weight: Block
    mean: Block
    second: Block


def _upward(network: Network, schedule: Schedule, rows: slice) -> LogWeight:
    """One sweep over some rows."""
    leaves = zip(schedule.leaves, schedule.leaf_shapes, strict=True)
    stacks: list[_Triples | None] = [_given(network, *leaf, rows) for leaf in leaves]
    last_use = last_uses(schedule)
    for number, group in enumerate(schedule.groups):
        left = _fetched(group.left, stacks)
        right = _nothing(group, left) if group.right is None else _fetched(group.right, stacks)
        stacks.append(_met(left, right, (group.size, *group.out_shape)))
        del left, right
        for stack in last_use.get(number, ()):
            stacks[stack] = None
    log_z = mean = np.full(rows.stop - rows.start, network.log_constant)
    variance = np.zeros(rows.stop - rows.start)
    for table in schedule.roots:
        stack, row = schedule.place[table]
        found = stacks[stack]
        assert found is not None
        log_z = log_z + (to_log(found.weight).values[row] + found.weight.log_scale[row])
        mean = mean + (found.mean.log_scale[row] + found.mean.values[row])
        variance = variance + found.second.values[row]
    return LogWeight(log_z, mean, variance)


def _given(
    network: Network, tables: Sequence[int], shape: tuple[int, ...], rows: slice
) -> _Triples:
    """Tables whose weights are e^f: the mean of f is its log, and there is no spread yet."""
    own = [network.by_row.get(table) for table in tables]
    n = 1 if all(table is None for table in own) else rows.stop - rows.start
    logs = np.empty((len(tables), *shape, n))
    lines = logs.reshape(len(tables), -1, n)
    for line, table, differing in zip(lines, tables, own, strict=True):
        same = network.tables[table].log_values
        line[:] = same.reshape(-1, 1) if differing is None else differing.at(rows, True)
        line -= network.peaks[table]
    f = np.where(logs > -math.inf, logs, 0.0)
    largest = float(np.abs(f).max())
    if largest > MOST_SQUARED:
        raise OverflowError(
            f"log weights (energies / temperature) go up to {largest:.3g}; their variance is known "
            f"up to {MOST_SQUARED:g}"
        )
    return _centred(settle(log_block(logs)), f, np.square(f), np.zeros((len(tables), n)))


def _centred(weight: Block, mean: FloatArray, second: FloatArray, offset: FloatArray) -> _Triples:
    """Means measured from each table's own, the rest of it going to the offset."""
    axes = tuple(range(1, mean.ndim - 1))
    centre = (normalized(weight) * mean).sum(axis=axes, keepdims=True)
    possible = has_mass(weight)
    spread = np.maximum(second - np.square(mean), 0.0)
    mean = np.where(possible, mean - centre, 0.0)
    second = np.where(possible, spread + np.square(mean), 0.0)
    flat = centre.reshape((centre.shape[0], centre.shape[-1]))
    return _Triples(weight, _signed(mean, offset + flat), _signed(second, np.zeros_like(flat)))


def _signed(values: FloatArray, offset: FloatArray) -> Block:
    """Numbers of any sign as a block that is multiplied as it is."""
    return Block(values, offset, False, 0.0, 0.0)


def _fetched(operand: Operand, stacks: list[_Triples | None]) -> _Triples:
    """The triples of an operand as matrices (G, b, i, k, R)."""
    weight: list[Block | None] = [None if t is None else t.weight for t in stacks]
    mean: list[Block | None] = [None if t is None else t.mean for t in stacks]
    second: list[Block | None] = [None if t is None else t.second for t in stacks]
    return _Triples(fetch(operand, weight), fetch(operand, mean), fetch(operand, second))


def _nothing(group: Group, left: _Triples) -> _Triples:
    """Weights of one and no moments, to meet a table that is summed alone."""
    matrix = (1, group.left.matrix[2], 1)
    zero = Block(np.zeros((1, *matrix, 1)), np.zeros((1, 1)), False, 0.0, 0.0)
    return _Triples(ones(matrix, left.weight.is_log), zero, zero)


def _met(left: _Triples, right: _Triples, shape: tuple[int, ...]) -> _Triples:
    """The triples of a product of matrices, its inner variables summed out.

    mean   = sum_s p_s (m_s + m'_s)                       p_s: the share of s in the weight
    second = sum_s p_s (q_s + 2 m_s m'_s + q'_s)
    """
    weight = multiply(left.weight, right.weight)
    factors = _linear(left.weight, right.weight)
    if factors is None:
        mean, second = _by_terms(left, right, to_log(weight).values)
    else:
        mean, second = _by_products(left, right, *factors)
    offset = left.mean.log_scale + right.mean.log_scale
    rows = mean.shape[-1]
    shape = (*shape, rows)
    return _centred(
        settle(reshaped(weight, shape)), mean.reshape(shape), second.reshape(shape), offset
    )


def _linear(one: Block, two: Block) -> tuple[FloatArray, FloatArray] | None:
    """Weights whose products can't underflow, each row and column on a scale of its own.

    Scales of what is not summed over leave the shares p_s as they are. None where even those
    don't do.
    """
    if not one.is_log and not two.is_log and one.low + two.low >= -LIMIT:
        return one.values, two.values
    logs = to_log(one).values, to_log(two).values
    tops = logs[0].max(axis=-2, keepdims=True), logs[1].max(axis=-3, keepdims=True)
    rests = [a - np.where(top == -math.inf, 0.0, top) for a, top in zip(logs, tops, strict=True)]
    lows = [float(np.where(rest > -math.inf, rest, 0.0).min(initial=0.0)) for rest in rests]
    return (np.exp(rests[0]), np.exp(rests[1])) if sum(lows) >= -LIMIT else None


def _by_products(
    left: _Triples, right: _Triples, one: FloatArray, two: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Means and second moments by matrix products."""

    def product(a: FloatArray, b: FloatArray) -> FloatArray:
        return multiply(_signed(a, np.zeros((1, 1))), _signed(b, np.zeros((1, 1)))).values

    total = product(one, two)
    one_mean, two_mean = one * left.mean.values, two * right.mean.values
    first = product(one_mean, two) + product(one, two_mean)
    second = 2 * product(one_mean, two_mean)
    second += product(one * left.second.values, two)
    second += product(one, two * right.second.values)
    possible = total > 0
    inverse = np.divide(1.0, total, out=np.zeros_like(total), where=possible)
    return first * inverse, second * inverse


def _by_terms(
    left: _Triples, right: _Triples, log_total: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The same where every term needs an exponential of its own."""
    one, two = to_log(left.weight).values, to_log(right.weight).values
    total = np.where(log_total == -math.inf, 0.0, log_total)
    mean, second, shares = np.zeros((3, *log_total.shape))
    for s in range(one.shape[-2]):
        share = np.exp(one[..., :, None, s, :] + two[..., None, s, :, :] - total)
        m, m_two = left.mean.values[..., :, None, s, :], right.mean.values[..., None, s, :, :]
        shares += share
        mean += share * (m + m_two)
        spread = left.second.values[..., :, None, s, :] + right.second.values[..., None, s, :, :]
        second += share * (spread + 2 * m * m_two)
    shares[shares == 0] = 1.0  # shares of large logs need not add up to one
    return mean / shares, second / shares
