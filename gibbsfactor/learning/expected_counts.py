"""Expected counts of families in rows with missing entries: the E-step.

What a row leaves out is filled in only as far as it matters, and what many rows leave out alike
is solved once (`Incomplete`).

Source: Koller & Friedman (2009), section 19.2.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact import inference
from gibbsfactor.exact.network import Network
from gibbsfactor.factor import Factor
from gibbsfactor.learning.counting import (
    FloatArray,
    IntArray,
    checked_weights,
    family_counts,
    sum_by_code,
)
from gibbsfactor.learning.missing import Group, Seat, groups_of_missing, seats_of
from gibbsfactor.learning.structure import Families
from gibbsfactor.tables import MOST_AXES
from gibbsfactor.variable import Variable

Tables = list[FloatArray]

# Joint states of what is missing are listed if there are few, in one problem or all of a group:
# four to nine times quicker than the engine on the small groups that most rows leave open (alarm
# and insurance, 5,000 rows, a tenth to a third missing). For larger ones the engine is quicker.
FEW_STATES = 2**6
FEW_IN_ALL = 2**18
CHUNK_CELLS = 2**20  # of tables held for problems of a group at a time


@dataclass(frozen=True, eq=False)
class Incomplete:
    """Rows prepared for counting: what is counted outright, and the groups that are not."""

    families: Families
    counted: Tables
    groups: tuple[Group, ...]
    total_weight: float

    @classmethod
    def of(
        cls,
        families: Families,
        columns: Mapping[str, IntArray],
        sample_weight: npt.ArrayLike | None,
        n: int,
    ) -> Incomplete:
        """Prepare n rows of state positions, -1 where missing, as every variable without a column.

        Raises
        ------
        ValueError
            If there is no row, or the weights are not n numbers of at least 0, not all 0.
        """
        weights = checked_weights(sample_weight, n)
        if not n or (weights is not None and not weights.any()):
            none = "no row" if not n else "only rows of weight 0"
            raise ValueError(f"the data have {none}; there is nothing to count")
        states = np.full((len(families.names), n), -1, dtype=np.intp)
        for v, name in enumerate(families.names):
            if name in columns:
                states[v] = columns[name]
        counted = [
            family_counts([states[u] for u in scope], families.shape(v), weights, n)
            for v, scope in enumerate(families.scopes)
        ]
        w = np.ones(n) if weights is None else weights
        groups = tuple(groups_of_missing(families, states, w))
        return cls(families, counted, groups, float(w.sum()))

    def plus(self, more: Incomplete) -> Incomplete:
        """These rows and more of the same families: counts add up."""
        counted = [a + b for a, b in zip(self.counted, more.counted, strict=True)]
        total = self.total_weight + more.total_weight
        return Incomplete(self.families, counted, (*self.groups, *more.groups), total)

    def expect(
        self, tables: Sequence[FloatArray], memory: int | None = None
    ) -> tuple[float, Tables]:
        """Log likelihood of what was observed, in nats, and the expected counts of each family.

        Raises
        ------
        ZeroProbabilityError
            If a row has probability zero under the tables.
        """
        with np.errstate(divide="ignore"):
            logs = [np.log(table) for table in tables]
        terms = []
        for counts, log_table in zip(self.counted, logs, strict=True):
            seen = counts > 0
            terms.append(float((counts[seen] * log_table[seen]).sum()))
        if -math.inf in terms:
            v = terms.index(-math.inf)
            raise ZeroProbabilityError(
                f"the data have states of {self.families.names[v]!r} and its parents together "
                "that its table gives probability zero; start from a table without such zeros"
            )
        expected = [counts.copy() for counts in self.counted]
        for group in self.groups:
            terms.append(_expect_group(self.families, group, tables, expected, memory))
        return math.fsum(terms), expected

    def log_likelihood(self, tables: Sequence[FloatArray], memory: int | None = None) -> float:
        """Log likelihood of what was observed, in nats; -inf where that is impossible."""
        try:
            return self.expect(tables, memory)[0]
        except ZeroProbabilityError:
            return -math.inf


# ---- expected counts of a group -------------------------------------------------------


def _expect_group(
    families: Families,
    group: Group,
    tables: Sequence[FloatArray],
    expected: Tables,
    memory: int | None,
) -> float:
    """Add a group's expected counts to ``expected``; its share of the log likelihood."""
    shape = tuple(families.cardinalities[v] for v in group.missing)
    states = math.prod(shape)
    few = states <= FEW_STATES or states * len(group.weights) <= FEW_IN_ALL
    listed = few and len(shape) < MOST_AXES
    cells = states if listed else sum(expected[v].size for v in group.families)
    total = 0.0
    step = max(CHUNK_CELLS // cells, 1)
    for start in range(0, len(group.weights), step):
        rows = slice(start, min(start + step, len(group.weights)))
        seats = seats_of(families, group, rows)
        if listed:
            log_z, posteriors = _by_listing(seats, group, rows, shape, tables)
        else:
            log_z, posteriors = _by_engine(families, seats, group, rows, tables, memory)
        weights = group.weights[rows]
        total += float((weights * log_z).sum())
        for seat, posterior in zip(seats, posteriors, strict=True):
            table = seat.split(expected[seat.family])  # a view: what is added stays
            n_codes = math.prod(table.shape[: len(seat.seen)])
            sums = sum_by_code(seat.codes, posterior * weights[:, None], n_codes)
            table += sums.reshape(table.shape)
    return total


Posteriors = tuple[FloatArray, Iterator[FloatArray]]


def _by_listing(
    seats: list[Seat],
    group: Group,
    rows: slice,
    shape: tuple[int, ...],
    tables: Sequence[FloatArray],
) -> Posteriors:
    """log P(evidence) (m,), and of each family the posterior (m, joint states of what is hidden).

    Every joint state of what is missing is listed.
    """
    m = len(group.weights[rows])
    joint = np.zeros((m, *shape))
    for seat in seats:
        spread = [k if i in seat.over else 1 for i, k in enumerate(shape)]
        with np.errstate(divide="ignore"):
            logs = np.log(seat.lines(tables[seat.family]))
        joint += logs[seat.codes].reshape(m, *spread)
    flat = joint.reshape(m, -1)
    peak = flat.max(axis=1)
    _require_mass(group, rows, peak)
    flat = np.exp(flat - peak[:, None])
    sums = flat.sum(axis=1)
    joint = (flat / sums[:, None]).reshape(joint.shape)

    def posterior(seat: Seat) -> FloatArray:
        others = tuple(i + 1 for i in range(len(shape)) if i not in seat.over)
        return np.asarray(joint.sum(axis=others).reshape(m, -1))

    return peak + np.log(sums), map(posterior, seats)


def _by_engine(
    families: Families,
    seats: list[Seat],
    group: Group,
    rows: slice,
    tables: Sequence[FloatArray],
    memory: int | None,
) -> Posteriors:
    """The same by exact inference, all rows in one pass."""
    members = (*group.missing, *group.evidence)
    variables = {v: Variable(families.names[v], families.cardinalities[v]) for v in members}
    m = len(group.weights[rows])
    log_z = np.zeros(m)
    factors, inferred = [], []
    for seat in seats:
        values = tables[seat.family]
        if seat.lines(values).shape[1] > 1:
            scope = tuple(variables[u] for u in families.scopes[seat.family])
            factors.append(Factor._trusted(scope, values))
            inferred.append(seat.family)
        else:  # what is hidden has one state: nothing to infer
            with np.errstate(divide="ignore"):
                log_z += np.log(seat.lines(values)[seat.codes, 0])
    whole = Network.of(factors, tuple(variables.values()))
    number = {v: i for i, v in enumerate(members)}
    network = whole.in_rows(m, {number[u]: at[rows] for u, at in group.evidence.items()})
    try:
        marginals = inference.table_marginals(network, memory)
    except ZeroProbabilityError:
        _require_mass(group, rows, inference.log_partitions(network, memory))
        raise
    log_z += network.log_sum(marginals.log_totals)
    _require_mass(group, rows, log_z)
    found = dict(zip(inferred, marginals.tables, strict=False))

    def posterior(seat: Seat) -> FloatArray:
        if seat.family not in found:
            return np.ones((m, 1))
        hidden = sorted(seat.hidden)  # the engine keeps the order of the family's axes
        sizes = [tables[seat.family].shape[a] for a in hidden]
        table = found[seat.family].reshape(*sizes, -1)
        rows_first = table.transpose([len(sizes), *map(hidden.index, seat.hidden)])
        return np.broadcast_to(rows_first.reshape(-1, math.prod(sizes)), (m, math.prod(sizes)))

    return log_z, map(posterior, seats)


def _require_mass(group: Group, rows: slice, log_z: FloatArray) -> None:
    if (log_z == -math.inf).any():
        row = group.first[rows][log_z == -math.inf].min()
        raise ZeroProbabilityError(
            f"row {row} of the data (the first is row 0) has probability zero under the tables; "
            "start from tables without zeros, or correct the row"
        )
