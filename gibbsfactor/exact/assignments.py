"""Whole assignments: the most probable one, and exact samples."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gibbsfactor.exact.contraction import max_product, sum_product
from gibbsfactor.exact.network import IntArray, Network
from gibbsfactor.exact.parts import Bundle, bundles
from gibbsfactor.exact.plan import Plan
from gibbsfactor.exact.prepared import prepare
from gibbsfactor.exact.runs import (
    chunks_of,
    in_chunks,
    in_slices,
    require_mass,
    rows_of,
    warn_of_rounding,
)
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.exact.sweeps import traceback


def most_probable(network: Network, memory: int | None = None) -> tuple[FloatArray, IntArray]:
    """Greatest log weight (R,) and the positions (R, n) of an assignment that has it.

    Raises
    ------
    ZeroProbabilityError
        If every assignment has weight zero.
    """
    scores = np.zeros(network.n_rows)
    states = np.zeros((network.n_rows, len(network.variables)), dtype=np.intp)
    for part in bundles(network, "map", memory):
        more, theirs = _most_probable(part, memory)
        scores += more
        states[:, part.variables] = theirs[:, part.variables]
    return scores, states


def _most_probable(bundle: Bundle, memory: int | None) -> tuple[FloatArray, IntArray]:
    ready = prepare(bundle.network, "map", memory, plan=bundle.plan)
    network, plan, schedule = ready.network, ready.plan, ready.schedule

    def run(part: Network, rows: slice) -> tuple[FloatArray, IntArray]:
        n = rows.stop - rows.start
        upward = max_product(part, schedule, rows)
        cases = np.arange(n)
        states = traceback(schedule, upward.stacks, len(part.variables), cases, _best)
        return np.broadcast_to(upward.log_totals, (n,)), states

    def best(part: Network) -> tuple[FloatArray, IntArray]:
        scores = np.empty(part.n_rows)
        states = np.empty((part.n_rows, len(part.variables)), dtype=np.intp)
        for rows, (some, theirs) in in_chunks(part, plan, "map", memory, run):
            scores[rows], states[rows] = some, theirs
        return scores, states

    if not plan.slices:
        scores, states = best(network)
    else:
        found = [_best_slice(row, plan, best) for row in rows_of(network)]
        scores, states = (np.array(column) for column in zip(*found, strict=True))
    require_mass(scores, "most probable assignment")
    warn_of_rounding(network, scores)
    return scores, ready.states(states)


def _best_slice(
    row: Network, plan: Plan, best: Callable[[Network], tuple[FloatArray, IntArray]]
) -> tuple[float, IntArray]:
    """The best of the assignments that are best in each slice, and its log weight."""
    greatest, chosen = -math.inf, np.zeros(len(row.variables), dtype=np.intp)
    for part, positions in in_slices(row, plan):
        scores, states = best(part)
        first = int(scores.argmax())
        if scores[first] > greatest:
            greatest, chosen = float(scores[first]), states[first]
            chosen[list(plan.slices)] = positions[first]
    return greatest, chosen


def _best(log_weights: FloatArray) -> IntArray:
    return np.asarray(log_weights.argmax(axis=-1))


def samples(
    network: Network, n: int, rng: np.random.Generator, memory: int | None = None
) -> IntArray:
    """n independent exact samples of each row as positions (R, n, number of variables).

    Each variable is drawn from its exact conditional given those fixed above it in the tree, by
    the Gumbel-max rule on log weights.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    states = np.zeros((network.n_rows, n, len(network.variables)), dtype=np.intp)
    for part in bundles(network, "sample", memory):
        states[..., part.variables] = _samples(part, n, rng, memory)[..., part.variables]
    return states


def _samples(bundle: Bundle, n: int, rng: np.random.Generator, memory: int | None) -> IntArray:
    ready = prepare(bundle.network, "sample", memory, plan=bundle.plan)
    network, plan, schedule = ready.network, ready.plan, ready.schedule

    def draw(log_weights: FloatArray) -> IntArray:
        return np.asarray((log_weights + rng.gumbel(size=log_weights.shape)).argmax(axis=-1))

    def run(part: Network, rows: slice, counts: IntArray) -> IntArray:
        upward = sum_product(part, schedule, retain=True, rows=rows)
        require_mass(upward.log_totals, "sample")
        if not plan.slices:
            warn_of_rounding(part, upward.log_totals)
        cases = np.repeat(np.arange(len(counts)), counts)
        return traceback(schedule, upward.stacks, len(part.variables), cases, draw)

    def totals(part: Network) -> FloatArray:
        log_totals = np.empty(part.n_rows)
        for rows, some in in_chunks(part, plan, "log_partition", memory, up):
            log_totals[rows] = some
        return log_totals

    def of_slices(row: Network) -> IntArray:
        sums = [np.logaddexp.reduce(totals(part)) for part, _ in in_slices(row, plan)]
        of_blocks = _shares(np.array(sums), n, rng)
        warn_of_rounding(row, np.array(sums).max(keepdims=True))
        drawn = []
        for count, (part, positions) in zip(of_blocks, in_slices(row, plan), strict=True):
            counts = _shares(totals(part), int(count), rng) if count else of_blocks[:0]
            for i in np.flatnonzero(counts).tolist():
                states = run(part, slice(i, i + 1), counts[i : i + 1])
                states[:, list(plan.slices)] = positions[i]
                drawn.append(states)
        none = np.zeros((0, len(row.variables)), dtype=np.intp)
        return rng.permutation(np.concatenate([none, *drawn]))

    def up(part: Network, rows: slice) -> FloatArray:
        return sum_product(part, schedule, retain=False, rows=rows).log_totals

    drawn = np.empty((network.n_rows, n, len(network.variables)), dtype=np.intp)
    if plan.slices:
        for i, row in enumerate(rows_of(network)):
            drawn[i] = of_slices(row)
        return ready.states(drawn)
    for rows in chunks_of(network, plan, "sample", memory):
        counts = np.full(rows.stop - rows.start, n)
        drawn[rows] = run(network, rows, counts).reshape(drawn[rows].shape)
    return ready.states(drawn)


def _shares(log_weights: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """How many of n draws each gets, with probabilities in proportion to exp(log weight)."""
    require_mass(log_weights.max(keepdims=True), "sample")
    weights = np.exp(log_weights - log_weights.max())
    return rng.multinomial(n, weights / weights.sum())
