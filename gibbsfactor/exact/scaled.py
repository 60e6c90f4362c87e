"""Tables held as scaled numbers, multiplied in a way that provably can't underflow.

A block is G tables, each a table of weights divided by a scale of its own whose logarithm is
carried along. It is linear (the entries are the scaled weights, so that BLAS can work on them)
or logarithmic. Every linear block knows bounds ``low`` and ``high`` on the logs of its non-zero
entries. A product of entries lies within the sums of those bounds, so that

    low_1 + low_2 >= -LIMIT   and   high_1 + high_2 + log(terms) <= LIMIT

proves that no product of non-zero weights is lost and no sum overflows (doubles reach from
exp(-708) to exp(709)). When the carried bounds don't prove it, the blocks are measured and
rescaled to maximum 1; when even that doesn't, the product is formed in logs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LIMIT = 600.0  # nats within which linear numbers are safe
SHORT_SUM = 64  # in logs, go through an inner axis this short one entry at a time
BROADCAST_ENTRIES = 2**20  # and through a longer one in stretches of so many products


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """G tables: weight = exp(log_scale[g]) * values[g], or exp(log_scale[g] + values[g])."""

    values: FloatArray  # (G, ...)
    log_scale: FloatArray  # (G,)
    is_log: bool
    low: float
    high: float


def linear_block(values: FloatArray) -> Block:
    """Block of weights as given; they are measured, and held in logs if they must be."""
    return settle(Block(values, np.zeros(len(values)), False, -math.inf, math.inf))


def log_block(log_values: FloatArray) -> Block:
    """Block of weights given by their logs."""
    return Block(log_values, np.zeros(len(log_values)), True, -math.inf, math.inf)


def ones(matrix: tuple[int, int, int], is_log: bool = False) -> Block:
    """One table of ones that broadcasts over a group."""
    fill = 0.0 if is_log else 1.0
    return Block(np.full((1, *matrix), fill), np.zeros(1), is_log, 0.0, 0.0)


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
    axes = tuple(range(1, values.ndim))
    spread = (-1, *(1 for _ in axes))
    if block.is_log:
        peak = values.max(axis=axes, initial=-math.inf)
        peak = np.where(peak == -math.inf, 0.0, peak)
        low = float(
            np.where(values > -math.inf, values - peak.reshape(spread), 0.0).min(initial=0.0)
        )
        shifted = values - peak.reshape(spread)
        if low < -LIMIT:
            return Block(shifted, block.log_scale + peak, True, low, 0.0)
        return Block(np.exp(shifted), block.log_scale + peak, False, low, 0.0)
    top = values.max(axis=axes, initial=0.0)
    top = np.where(top > 0, top, 1.0)
    smallest = values.min(axis=axes, initial=math.inf)
    if (smallest <= 0).any():
        smallest = np.where(values > 0, values, math.inf).min(axis=axes, initial=math.inf)
    log_top = np.log(top)
    low = min(0.0, float((np.log(np.minimum(smallest, top)) - log_top).min(initial=0.0)))
    if low < -LIMIT:
        logs = to_log(block)
        return Block(
            logs.values - log_top.reshape(spread), block.log_scale + log_top, True, low, 0.0
        )
    return Block(values / top.reshape(spread), block.log_scale + log_top, False, low, 0.0)


def _is_safe(one: Block, two: Block, terms: int) -> bool:
    return (
        not one.is_log
        and not two.is_log
        and one.low + two.low >= -LIMIT
        and one.high + two.high + math.log(terms) <= LIMIT
    )


def multiply(one: Block, two: Block) -> Block:
    """Sum-product of matrices: (G, b, i, k) by (G, b, k, j) gives (G, b, i, j)."""
    terms = one.values.shape[-1]
    if not _is_safe(one, two, terms):
        one, two = settle(one), settle(two)
    scale = one.log_scale + two.log_scale
    if _is_safe(one, two, terms):
        low, high = one.low + two.low, one.high + two.high + math.log(terms)
        if terms == 1:
            return Block(one.values * two.values, scale, False, low, high)
        return Block(np.matmul(one.values, two.values), scale, False, low, high)
    return Block(
        log_matmul(to_log(one).values, to_log(two).values), scale, True, -math.inf, math.inf
    )


def _chunks(one: FloatArray, two: FloatArray) -> list[slice] | None:
    """Stretches of a long inner axis to reduce at once; None to go through it singly."""
    terms = one.shape[-1]
    if terms <= SHORT_SUM:
        return None
    batch = math.prod(np.broadcast_shapes(one.shape[:-2], two.shape[:-2]))
    width = BROADCAST_ENTRIES // max(batch * one.shape[-2] * two.shape[-1], 1)
    if width <= SHORT_SUM:
        return None
    return [slice(k, k + width) for k in range(0, terms, width)]


def max_plus(one: FloatArray, two: FloatArray) -> FloatArray:
    """Tropical product: max over k of one[..., i, k] + two[..., k, j]."""
    chunks = _chunks(one, two)
    if chunks is not None:
        columns = two.swapaxes(-1, -2)
        best: FloatArray = np.maximum.reduce(
            [(one[..., :, None, k] + columns[..., None, :, k]).max(axis=-1) for k in chunks]
        )
        return best
    best = np.asarray(one[..., :, 0, None] + two[..., None, 0, :])
    for k in range(1, one.shape[-1]):
        np.maximum(best, one[..., :, k, None] + two[..., None, k, :], out=best)
    return best


def log_matmul(one: FloatArray, two: FloatArray) -> FloatArray:
    """log sum over k of exp(one[..., i, k] + two[..., k, j]), exact where exp would underflow."""
    if one.shape[-1] == 1:
        return one + two
    peak = max_plus(one, two)
    shift = np.where(peak == -math.inf, 0.0, peak)
    total = np.zeros_like(peak)
    chunks = _chunks(one, two)
    if chunks is not None:
        columns = two.swapaxes(-1, -2)
        for stretch in chunks:
            terms = one[..., :, None, stretch] + columns[..., None, :, stretch]
            terms -= shift[..., None]
            total += np.exp(terms, out=terms).sum(axis=-1)
    else:
        for k in range(one.shape[-1]):
            term = one[..., :, k, None] + two[..., None, k, :]
            term -= shift
            total += np.exp(term, out=term)
    with np.errstate(divide="ignore"):
        np.log(total, out=total)
    total += shift
    return total


def entrywise(one: Block, two: Block) -> Block:
    """Product, entry by entry, of two blocks (G, ...) of equal shape."""
    product = multiply(*(_reshaped(block, (len(block.values), -1, 1, 1)) for block in (one, two)))
    return _reshaped(product, one.values.shape)


def _reshaped(block: Block, shape: tuple[int, ...]) -> Block:
    return replace(block, values=block.values.reshape(shape))


def normalized(block: Block) -> FloatArray:
    """Every table divided by its sum; none may be zero throughout."""
    values = block.values
    axes = tuple(range(1, values.ndim))
    peak = values.max(axis=axes, keepdims=True)
    weights = np.exp(values - peak) if block.is_log else values / peak
    weights /= weights.sum(axis=axes, keepdims=True)
    return np.asarray(weights)


def has_mass(block: Block) -> npt.NDArray[np.bool_]:
    """Which entries are not zero, however small."""
    return block.values > (-math.inf if block.is_log else 0.0)
