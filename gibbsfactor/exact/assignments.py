"""Whole assignments: the most probable one, and exact samples."""

from __future__ import annotations

import numpy as np

from gibbsfactor.exact.contraction import max_product, sum_product
from gibbsfactor.exact.network import IntArray, Network
from gibbsfactor.exact.parts import bundles
from gibbsfactor.exact.prepared import prepare
from gibbsfactor.exact.runs import (
    chunks_of,
    in_chunks,
    in_slices,
    require_mass,
    rows_of,
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
        more, theirs = _most_probable(part.network, memory)
        scores += more
        states[:, part.variables] = theirs[:, part.variables]
    return scores, states


def _most_probable(network: Network, memory: int | None) -> tuple[FloatArray, IntArray]:
    ready = prepare(network, "map", memory)
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
        found = []
        for row in rows_of(network):
            part, positions = in_slices(row, plan)
            scores, states = best(part)
            first = int(scores.argmax())
            states[first, list(plan.slices)] = positions[first]
            found.append((scores[first], states[first]))
        scores, states = (np.array(column) for column in zip(*found, strict=True))
    require_mass(scores, "most probable assignment")
    return scores, ready.states(states)


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
        states[..., part.variables] = _samples(part.network, n, rng, memory)[..., part.variables]
    return states


def _samples(network: Network, n: int, rng: np.random.Generator, memory: int | None) -> IntArray:
    ready = prepare(network, "sample", memory)
    network, plan, schedule = ready.network, ready.plan, ready.schedule

    def draw(log_weights: FloatArray) -> IntArray:
        return np.asarray((log_weights + rng.gumbel(size=log_weights.shape)).argmax(axis=-1))

    def run(part: Network, rows: slice, counts: IntArray) -> IntArray:
        upward = sum_product(part, schedule, retain=True, rows=rows)
        require_mass(upward.log_totals, "sample")
        cases = np.repeat(np.arange(len(counts)), counts)
        return traceback(schedule, upward.stacks, len(part.variables), cases, draw)

    def of_slices(part: Network, positions: IntArray) -> IntArray:
        log_totals = np.empty(part.n_rows)
        for rows, some in in_chunks(part, plan, "log_partition", memory, up):
            log_totals[rows] = some
        require_mass(log_totals.max(keepdims=True), "sample")
        weights = np.exp(log_totals - log_totals.max())
        counts = rng.multinomial(n, weights / weights.sum())
        drawn = np.empty((n, len(part.variables)), dtype=np.intp)
        start = 0
        for i in np.flatnonzero(counts).tolist():
            here = slice(start, start + counts[i])
            drawn[here] = run(part, slice(i, i + 1), counts[i : i + 1])
            drawn[here, list(plan.slices)] = positions[i]
            start += counts[i]
        return rng.permutation(drawn)

    def up(part: Network, rows: slice) -> FloatArray:
        return sum_product(part, schedule, retain=False, rows=rows).log_totals

    drawn = np.empty((network.n_rows, n, len(network.variables)), dtype=np.intp)
    if plan.slices:
        for i, row in enumerate(rows_of(network)):
            drawn[i] = of_slices(*in_slices(row, plan))
        return ready.states(drawn)
    for rows in chunks_of(network, plan, "sample", memory):
        counts = np.full(rows.stop - rows.start, n)
        drawn[rows] = run(network, rows, counts).reshape(drawn[rows].shape)
    return ready.states(drawn)
