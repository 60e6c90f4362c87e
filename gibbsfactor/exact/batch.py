"""Rows of evidence: which of them share a plan, and their answers put back in order.

Rows with the same observed variables are conditioned alike: those leave all scopes, and a table
that held them differs from row to row. Where observed sets are many and rows of each are few, the
rows are taken together: a variable that only some of them observe stays, with a factor that is 1
at the observed state and 0 elsewhere, or 1 throughout where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact import assignments, inference
from gibbsfactor.exact.network import IntArray, Network, Weights
from gibbsfactor.exact.runs import require_mass
from gibbsfactor.exact.scaled import FloatArray

FEW_ROWS = 64  # rows with an observed set of their own that are worth a plan of their own


@dataclass(frozen=True, eq=False)
class Cases:
    """What is known in each of ``n_rows`` rows.

    Attributes
    ----------
    observed : variable number -> positions (n_rows,), -1 where missing
    log_weights : variable number -> log of one more factor over it, (n_rows, cardinality)
    """

    n_rows: int
    observed: Mapping[int, IntArray]
    log_weights: Mapping[int, FloatArray] = field(default_factory=dict)

    def always_observed(self) -> set[int]:
        """The variables that no row misses."""
        return {v for v, codes in self.observed.items() if (codes >= 0).all()}

    def taken(self, rows: IntArray) -> Cases:
        """Some of the rows."""
        return Cases(
            len(rows),
            {v: codes[rows] for v, codes in self.observed.items()},
            {v: logs[rows] for v, logs in self.log_weights.items()},
        )


@dataclass(frozen=True, eq=False)
class Together:
    """Rows that are answered in one pass: their numbers, and the network in these rows."""

    rows: IntArray
    network: Network
    hard: Mapping[int, IntArray]  # the variables that left the scopes


def grouped(network: Network, cases: Cases, soft: Collection[int] = ()) -> Iterator[Together]:
    """Rows by what they observe; rows with rare observed sets are taken together.

    Variables in ``soft`` stay in the scopes, observed or not.
    """
    groups = [np.arange(cases.n_rows)]
    if cases.observed and cases.n_rows:
        missing = np.array([codes < 0 for codes in cases.observed.values()])
        _, which, counts = np.unique(
            np.packbits(missing, axis=0), axis=1, return_inverse=True, return_counts=True
        )
        order = np.argsort(which.ravel(), kind="stable")
        groups = np.split(order, np.cumsum(counts)[:-1])
    few = [rows for rows in groups if len(rows) < FEW_ROWS]
    if len(few) > 1:
        groups = [rows for rows in groups if len(rows) >= FEW_ROWS]
        groups.append(np.sort(np.concatenate(few)))
    for rows in groups:
        if len(rows):
            yield _together(network, cases, rows, soft)


def _together(network: Network, cases: Cases, rows: IntArray, soft: Collection[int]) -> Together:
    hard: dict[int, IntArray] = {}
    some = cases.taken(rows)
    weights = {v: Weights(logs, is_log=True) for v, logs in some.log_weights.items()}
    for v, codes in some.observed.items():
        seen = codes >= 0
        if seen.all() and v not in weights and v not in soft:
            hard[v] = codes
        elif seen.any():
            allowed = np.ones((len(rows), network.cardinalities[v]))
            allowed[seen] = one_hot(codes[seen], network.cardinalities[v])
            if v in weights:
                logs = np.where(allowed > 0, weights[v].values, -np.inf)
                weights[v] = Weights(logs, is_log=True)
            else:
                weights[v] = Weights(allowed)
    return Together(rows, network.in_rows(len(rows), hard, weights).with_row_peaks(), hard)


def one_hot(positions: IntArray, cardinality: int) -> FloatArray:
    """1 at each position, 0 elsewhere: (n, cardinality)."""
    return np.asarray(np.arange(cardinality) == positions[:, None], dtype=float)


def log_partitions(network: Network, cases: Cases, memory: int | None = None) -> FloatArray:
    """log Z of each row, its evidence applied and with all that its tables share: (n_rows,)."""
    log_z = np.empty(cases.n_rows)
    for group in grouped(network, cases):
        log_z[group.rows] = group.network.log_sum(inference.log_partitions(group.network, memory))
    return log_z


def single_marginals(
    network: Network, cases: Cases, memory: int | None = None
) -> list[FloatArray | None]:
    """P(x_v | row) of each variable: (n_rows, cardinality); None if every row observes it.

    A variable has all its mass at the observed state in rows that observe it.
    """
    always = cases.always_observed()
    marginals = [
        None if v in always else np.empty((cases.n_rows, n))
        for v, n in enumerate(network.cardinalities)
    ]
    for group in grouped(network, cases):
        with _all_rows_named(network, cases, "marginal", memory):
            tables = inference.single_marginals(group.network, memory)
        for v, whole in enumerate(marginals):
            if whole is None:
                continue
            n = network.cardinalities[v]
            whole[group.rows] = one_hot(group.hard[v], n) if v in group.hard else tables[v].T
    return marginals


def joint_log_weights(
    network: Network, cases: Cases, kept: Sequence[int], memory: int | None = None
) -> FloatArray:
    """log sum over all other variables in each row: (n_rows, an axis for each kept variable)."""
    shape = [network.cardinalities[v] for v in kept]
    joint = np.empty((cases.n_rows, *shape))
    for group in grouped(network, cases, kept):
        logs = inference.joint_log_weights(group.network, kept, memory)
        joint[group.rows] = np.moveaxis(logs, -1, 0)
    return joint


def most_probable(network: Network, cases: Cases, memory: int | None = None) -> IntArray:
    """Positions (n_rows, n) of a most probable assignment in each row."""
    with _all_rows_named(network, cases, "most probable assignment", memory):
        return _assigned(network, cases, lambda part: assignments.most_probable(part, memory)[1])


def samples(
    network: Network, cases: Cases, rng: np.random.Generator, memory: int | None = None
) -> IntArray:
    """Positions (n_rows, n) of one exact sample in each row."""

    def draw(part: Network) -> IntArray:
        return assignments.samples(part, 1, rng, memory)[:, 0]

    with _all_rows_named(network, cases, "sample", memory):
        return _assigned(network, cases, draw)


@contextmanager
def _all_rows_named(
    network: Network, cases: Cases, what: str, memory: int | None
) -> Iterator[None]:
    """Rows without mass are named by their numbers among all rows."""
    try:
        yield
    except ZeroProbabilityError:
        require_mass(log_partitions(network, cases, memory), what)
        raise


def _assigned(network: Network, cases: Cases, assign: Callable[[Network], IntArray]) -> IntArray:
    states = np.empty((cases.n_rows, len(network.variables)), dtype=np.intp)
    for group in grouped(network, cases):
        here = assign(group.network)
        for v, positions in group.hard.items():
            here[:, v] = positions
        states[group.rows] = here
    return states
