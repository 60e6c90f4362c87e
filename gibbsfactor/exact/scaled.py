"""Tables held as scaled numbers, multiplied in a way that provably can't underflow.

A block is G tables for each of R rows of evidence (R is 1 where the rows agree, as they always do
for a single case), each a table of weights divided by a scale of its own whose logarithm is
carried along. It is linear (the entries are the scaled weights, so that BLAS can work on them)
or logarithmic. Every linear block knows bounds ``low`` and ``high`` on the logs of its non-zero
entries. A product of entries lies within the sums of those bounds, so that

    low_1 + low_2 >= -LIMIT   and   high_1 + high_2 + log(terms) <= LIMIT

proves that no product of non-zero weights is lost and no sum overflows (doubles reach from
exp(-708) to exp(709)). When the carried bounds don't prove it, the blocks are measured and
rescaled to maximum 1; when even that doesn't, the product is formed in logs.

The rows are the last axis: where two blocks differ from row to row, one multiplication runs over
all rows at once; where only one does, its rows are columns of an ordinary matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.parallel import WORTH_PRODUCTS, in_parts

FloatArray = npt.NDArray[np.float64]

LIMIT = 600.0  # nats within which linear numbers are safe
PLAIN = 1e12  # given weights between this and its inverse are taken as they are
SHORT_SUM = 64  # in logs, go through an inner axis this short one entry at a time
BROADCAST_ENTRIES = 2**20  # and through a longer one in stretches of so many products


@dataclass(eq=False, slots=True)
class Block:
    """G tables in R rows: weight = exp(log_scale[g, row]) * values[g, ..., row].

    Where ``is_log``, weight = exp(log_scale[g, row] + values[g, ..., row]). Never changed once
    made; not frozen, since that would double the time that making one takes.
    """

    values: FloatArray  # (G, ..., R)
    log_scale: FloatArray  # (G, R)
    is_log: bool
    low: float
    high: float


def linear_block(values: FloatArray) -> Block:
    """Block of weights as given; they are measured, and scaled or held in logs if they must be."""
    high, low = values.max(initial=0.0), values.min(initial=math.inf)
    if low <= 0:
        low = values.min(initial=math.inf, where=values > 0)
    if high <= PLAIN and low >= 1 / PLAIN:
        bounds = (math.log(low), math.log(high)) if high > 0 else (0.0, 0.0)
        return Block(values, _no_scale(values), False, *bounds)
    return settle(Block(values, _no_scale(values), False, -math.inf, math.inf))


def log_block(log_values: FloatArray) -> Block:
    """Block of weights given by their logs."""
    return Block(log_values, _no_scale(log_values), True, -math.inf, math.inf)


def _no_scale(values: FloatArray) -> FloatArray:
    return np.zeros((values.shape[0], values.shape[-1]))


def ones(matrix: tuple[int, int, int], is_log: bool = False) -> Block:
    """One table of ones that broadcasts over a group and its rows."""
    fill = 0.0 if is_log else 1.0
    return Block(np.full((1, *matrix, 1), fill), np.zeros((1, 1)), is_log, 0.0, 0.0)


def to_log(block: Block) -> Block:
    """The same weights, held in logs."""
    if block.is_log:
        return block
    with np.errstate(divide="ignore"):
        logs = np.log(block.values)
    return Block(logs, block.log_scale, True, block.low, block.high)


def settle(block: Block) -> Block:
    """The same weights with every table's maximum 1 and measured bounds.

    Linear if the non-zero entries of each table lie within LIMIT nats, else in logs.
    """
    values = block.values
    axes = tuple(range(1, values.ndim - 1))
    if block.is_log:
        peak = values.max(axis=axes, initial=-math.inf, keepdims=True)
        peak = _finite(peak)
        shifted = values - peak
        low = float(np.where(values > -math.inf, shifted, 0.0).min(initial=0.0))
        scale = block.log_scale + peak.reshape(block.log_scale.shape)
        if low < -LIMIT:
            return Block(shifted, scale, True, low, 0.0)
        return Block(np.exp(shifted), scale, False, low, 0.0)
    top = values.max(axis=axes, initial=0.0, keepdims=True)
    top = np.where(top > 0, top, 1.0)
    smallest = values.min(axis=axes, initial=math.inf, keepdims=True)
    if (smallest <= 0).any():
        smallest = np.where(values > 0, values, math.inf).min(axis=axes, keepdims=True)
    log_top = np.log(top)
    low = min(0.0, float((np.log(np.minimum(smallest, top)) - log_top).min(initial=0.0)))
    scale = block.log_scale + log_top.reshape(block.log_scale.shape)
    if low < -LIMIT:
        return Block(to_log(block).values - log_top, scale, True, low, 0.0)
    return Block(values / top, scale, False, low, 0.0)


def multiply(one: Block, two: Block, shape: tuple[int, ...] | None = None) -> Block:
    """Sum-product of matrices: (G, b, i, k, R) by (G, b, k, j, R) gives (G, b, i, j, R).

    With ``shape`` the result comes in that shape instead, its rows last.
    """
    bounds = _bounds(one, two)
    if bounds is None:  # measure the one with the wider bounds; the other if that is not enough
        first_is_wider = one.high - one.low > two.high - two.low
        one, two = (settle(one), two) if first_is_wider else (one, settle(two))
        bounds = _bounds(one, two)
        if bounds is None:
            one, two = (one, settle(two)) if first_is_wider else (settle(one), two)
            bounds = _bounds(one, two)
    if bounds is not None:
        values = _by_parts(sum_products, one.values, two.values)
    else:
        values = _by_parts(log_products, to_log(one).values, to_log(two).values)
    if shape is not None:
        values = values.reshape((*shape, values.shape[-1]))
    low, high = bounds or (-math.inf, math.inf)
    return Block(values, one.log_scale + two.log_scale, bounds is None, low, high)


def _bounds(one: Block, two: Block) -> tuple[float, float] | None:
    """Bounds on the logs of what `sum_products` makes; None where it might underflow."""
    if one.is_log or two.is_log:
        return None
    low = one.low + two.low
    high = one.high + two.high + math.log(one.values.shape[-2])
    return (low, high) if low >= -LIMIT and high <= LIMIT else None


Product = Callable[[FloatArray, FloatArray, FloatArray], None]


def _by_parts(product: Product, one: FloatArray, two: FloatArray) -> FloatArray:
    """A new array that ``product`` fills, in parts along the longest axis that is not summed."""
    (g, b, l, s, rows), (g_two, b_two, _, r, rows_two) = one.shape, two.shape
    shape = (max(g, g_two), max(b, b_two), l, r, max(rows, rows_two))
    out = np.empty(shape)
    if out.size * s < WORTH_PRODUCTS:
        product(one, two, out)
        return out
    axis = max(range(4), key=shape.__getitem__)

    def fill(part: slice) -> None:
        index = (*(slice(None) for _ in range(axis)), part)
        left = one[index] if axis < 3 and one.shape[axis] > 1 else one
        right = two[index] if axis != 2 and two.shape[axis] > 1 else two
        product(left, right, out[index])

    in_parts(out.size * s, shape[axis], fill)
    return out


def sum_products(one: FloatArray, two: FloatArray, out: FloatArray) -> None:
    """out[..., i, j, row] = sum over k of one[..., i, k, row] * two[..., k, j, row].

    Either side may have one row.
    """
    if one.shape[-2] == 1:
        np.multiply(one, two, out=out)
    elif one.shape[-1] == 1 and two.shape[-1] == 1:
        np.matmul(one[..., 0], two[..., 0], out=out[..., 0])
    elif two.shape[-1] == 1:
        np.matmul(two[..., 0].swapaxes(-1, -2)[..., None, :, :], one, out=out)
    elif one.shape[-1] == 1 and out.flags.c_contiguous:
        flat = two.reshape((*two.shape[:-2], -1))
        np.matmul(one[..., 0], flat, out=out.reshape((*out.shape[:-2], -1)))
    else:
        np.einsum("...lsn,...srn->...lrn", one, two, out=out)


def log_products(one: FloatArray, two: FloatArray, out: FloatArray) -> None:
    """As `sum_products`, of logs."""
    out[:] = log_matmul(one, two)


def _chunks(one: FloatArray, two: FloatArray) -> list[slice] | None:
    """Stretches of a long inner axis to reduce at once; None to go through it singly."""
    terms = one.shape[-2]
    if terms <= SHORT_SUM:
        return None
    outer = np.broadcast_shapes(one.shape[:-3], two.shape[:-3])
    batch = math.prod(outer) * max(one.shape[-1], two.shape[-1])
    width = BROADCAST_ENTRIES // max(batch * one.shape[-3] * two.shape[-2], 1)
    if width <= SHORT_SUM:
        return None
    return [slice(k, k + width) for k in range(0, terms, width)]


def max_plus(one: FloatArray, two: FloatArray) -> FloatArray:
    """Tropical product: max over k of one[..., i, k, row] + two[..., k, j, row]."""
    chunks = _chunks(one, two)
    if chunks is not None:
        columns = two.swapaxes(-2, -3)
        best: FloatArray = np.maximum.reduce(
            [(one[..., None, k, :] + columns[..., None, :, k, :]).max(axis=-2) for k in chunks]
        )
        return best
    best = np.asarray(one[..., :, None, 0, :] + two[..., None, 0, :, :])
    for k in range(1, one.shape[-2]):
        np.maximum(best, one[..., :, None, k, :] + two[..., None, k, :, :], out=best)
    return best


def log_matmul(one: FloatArray, two: FloatArray) -> FloatArray:
    """log sum_k exp(one[..., i, k, row] + two[..., k, j, row]), exact where exp would underflow.

    With each i's greatest entry and each j's taken out, the rest is an ordinary product wherever
    that can't underflow; only elsewhere does every term get an exponential of its own.
    """
    if one.shape[-2] == 1:
        return one + two
    tops = [_finite(one.max(axis=-2, keepdims=True)), _finite(two.max(axis=-3, keepdims=True))]
    rests = [one - tops[0], two - tops[1]]
    lows = [float(np.where(rest > -math.inf, rest, 0.0).min(initial=0.0)) for rest in rests]
    if sum(lows) < -LIMIT:
        return _log_matmul_by_terms(one, two)
    outer = np.broadcast_shapes(one.shape[:-3], two.shape[:-3])
    rows = max(one.shape[-1], two.shape[-1])
    total = np.empty((*outer, one.shape[-3], two.shape[-2], rows))
    sum_products(np.exp(rests[0], out=rests[0]), np.exp(rests[1], out=rests[1]), total)
    with np.errstate(divide="ignore"):
        np.log(total, out=total)
    total += tops[0]
    total += tops[1]
    return total


def _finite(peak: FloatArray) -> FloatArray:
    return np.where(peak == -math.inf, 0.0, peak)


def _log_matmul_by_terms(one: FloatArray, two: FloatArray) -> FloatArray:
    peak = max_plus(one, two)
    shift = _finite(peak)
    total = np.zeros_like(peak)
    chunks = _chunks(one, two)
    if chunks is not None:
        columns = two.swapaxes(-2, -3)
        for stretch in chunks:
            terms = one[..., None, stretch, :] + columns[..., None, :, stretch, :]
            terms -= shift[..., None, :]
            total += np.exp(terms, out=terms).sum(axis=-2)
    else:
        for k in range(one.shape[-2]):
            term = one[..., :, None, k, :] + two[..., None, k, :, :]
            term -= shift
            total += np.exp(term, out=term)
    with np.errstate(divide="ignore"):
        np.log(total, out=total)
    total += shift
    return total


def reshaped(block: Block, shape: tuple[int, ...]) -> Block:
    """The same entries in another shape."""
    return Block(block.values.reshape(shape), block.log_scale, block.is_log, block.low, block.high)


def entrywise(one: Block, two: Block) -> Block:
    """Product, entry by entry, of two blocks (G, ..., R) of equal shape but for the rows."""
    low, high = one.low + two.low, one.high + two.high
    is_safe = not one.is_log and not two.is_log and low >= -LIMIT and high <= LIMIT
    if is_safe and one.values.size < WORTH_PRODUCTS:
        scale = one.log_scale + two.log_scale
        return Block(one.values * two.values, scale, False, low, high)
    return multiply(_as_matrices(one), _as_matrices(two), one.values.shape[:-1])


def _as_matrices(block: Block) -> Block:
    size, rows = block.log_scale.shape
    return reshaped(block, (size, -1, 1, 1, rows))


def normalized(block: Block) -> FloatArray:
    """Every table divided by its sum; tables that are zero throughout stay so."""
    values = block.values
    axes = tuple(range(1, values.ndim - 1))
    if block.is_log:
        peak = values.max(axis=axes, keepdims=True)
        weights = np.exp(values - _finite(peak))
    else:
        weights = values
    total = weights.sum(axis=axes, keepdims=True)
    return np.asarray(weights / np.where(total > 0, total, 1.0))


def normalized_along(block: Block, tables: slice | list[int], axis: int) -> FloatArray:
    """Some of the tables summed over all axes but one, (how many, k, R), then normalised."""
    values = block.values[tables]
    if block.is_log:
        values = normalized(Block(values, block.log_scale, True, block.low, block.high))
    others = tuple([i for i in range(1, values.ndim - 1) if i != axis])
    sums = values.sum(axis=others)
    total = sums.sum(axis=1, keepdims=True)
    return np.asarray(sums / np.where(total > 0, total, 1.0))


def has_mass(block: Block) -> npt.NDArray[np.bool_]:
    """Which entries are not zero, however small."""
    return block.values > (-math.inf if block.is_log else 0.0)
