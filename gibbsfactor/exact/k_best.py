"""The k most probable assignments, from one upward max-product sweep.

A traceback goes down from the roots and decides, step by step, the summed variables of a step
given all that is fixed above. With w(c) the log weight of choice c and the best that can follow
below it, the regret of a choice

    regret(c) = max_c' w(c') - w(c) >= 0

is what it costs, whatever is decided afterwards. The log weight of an assignment is the greatest
one less the regrets of its decisions; those without regret but the first best are deviations too.

Every assignment but the best has one parent: the one that makes the same decisions up to its last
deviation and none from there on. Regret never falls from parent to child, and one traceback of the
parent shows what all its children cost: for each decision after its last deviation, each other
choice. So assignments are found in rounds. A round traces those back that are among the k best
known and were not traced yet, and adds their children; when there are none, nothing better is left.
No message is ever propagated again.

Ties are broken by rank of the parent, then by place of the deviation, so that the k - 1 best are
the first of the k best.

Source: Nilsson (1998), An efficient algorithm for finding the M most probable configurations in
probabilistic expert systems, for regrets read off calibrated tables; Lawler (1972), A procedure
for computing the K best solutions to discrete optimization problems, for the partition.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.contraction import ALL, Stacks, inputs, max_product
from gibbsfactor.exact.network import IntArray, Network
from gibbsfactor.exact.prepared import plan_for
from gibbsfactor.exact.runs import in_slices, require_mass, scheduled, warn_of_rounding
from gibbsfactor.exact.scaled import FloatArray, to_log
from gibbsfactor.exact.schedule import Group, Schedule
from gibbsfactor.exact.slicing import fitted
from gibbsfactor.exact.sweeps import TRACE_ENTRIES, conditional

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Decisions:
    """The decisions of one group: G of them, each between |s| choices.

    ``left`` and ``right`` are the group's matrices. Choice c of member g has the number
    ``first + g * |s| + c``, so that numbers grow from the roots down.
    """

    group: Group
    left: FloatArray
    right: FloatArray
    first: int

    @property
    def n_choices(self) -> int:
        return self.group.left.matrix[2]

    @property
    def end(self) -> int:
        return self.first + self.group.size * self.n_choices

    def weights(self, states: IntArray) -> FloatArray:
        """Log weights (n, G, |s|) of the choices, given what is fixed above."""
        cases = np.zeros(len(states), dtype=np.intp)
        return conditional(self.group, self.left, self.right, states, cases)

    def read(self, states: IntArray) -> IntArray:
        """The choices (n, G) that assignments make."""
        inner = self.group.inner
        return np.asarray(states[:, inner.variables] @ inner.strides)

    def write(self, states: IntArray, chosen: IntArray) -> None:
        """Set the variables that choices (n, G) stand for."""
        inner = self.group.inner
        states[:, inner.variables] = chosen[..., None] // inner.strides % inner.sizes


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Assignments known so far, best first: at most k.

    ``parents`` are places in the same ranking. ``states`` (n, variables) are an assignment's own
    once it is traced, and its parent's until then.
    """

    regrets: FloatArray
    parents: IntArray
    deviations: IntArray  # number of the last choice that differs from the best; -1 for none
    traced: BoolArray
    states: IntArray


@dataclass(frozen=True, eq=False)
class _Children:
    """Assignments that tracing some others brings to light."""

    regrets: FloatArray
    parents: IntArray
    deviations: IntArray

    @classmethod
    def of(cls, parts: Iterable[tuple[FloatArray, IntArray, IntArray]]) -> _Children:
        none = (np.zeros(0), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))
        return cls(*(np.concatenate(column) for column in zip(none, *parts, strict=True)))

    def best(self, k: int) -> _Children:
        """Those that may be among the k best, ties included."""
        if len(self.regrets) <= k:
            return self
        few = self.regrets <= np.partition(self.regrets, k - 1)[k - 1]
        return _Children(self.regrets[few], self.parents[few], self.deviations[few])


def k_best(network: Network, k: int, memory: int | None = None) -> tuple[FloatArray, IntArray]:
    """Log weights (m,) of the k best assignments, best first, and their positions (m, variables).

    There are fewer than k where fewer assignments have any weight.

    Raises
    ------
    ZeroProbabilityError
        If every assignment has weight zero.
    """
    plan = fitted(plan_for(network), memory, "marginals")
    schedule = scheduled(plan)
    if not plan.slices:
        log_weights, states = _ranked(network, schedule, k, ALL)
    else:
        log_weights, states = np.zeros(0), np.zeros((0, len(network.variables)), dtype=np.intp)
        slices = (
            (part, i, fixed)
            for part, positions in in_slices(network, plan)
            for i, fixed in enumerate(positions)
        )
        for part, i, fixed in slices:
            theirs, others = _ranked(part, schedule, k, slice(i, i + 1))
            others[:, list(plan.slices)] = fixed
            log_weights, states = np.append(log_weights, theirs), np.append(states, others, axis=0)
            best = np.argsort(-log_weights, kind="stable")[:k]
            log_weights, states = log_weights[best], states[best]
    best_of_all = log_weights.max(keepdims=True, initial=-math.inf)
    require_mass(best_of_all, "most probable assignment")
    warn_of_rounding(network, best_of_all)
    return log_weights, states


def _ranked(
    network: Network, schedule: Schedule, k: int, rows: slice
) -> tuple[FloatArray, IntArray]:
    """The k best of one row; none where every assignment has weight zero."""
    upward = max_product(network, schedule, rows)
    n_variables = len(network.variables)
    if upward.log_total == -math.inf:
        return np.zeros(0), np.zeros((0, n_variables), dtype=np.intp)
    decisions = _decisions(schedule, upward.stacks)
    ranking = _Ranking(
        np.zeros(1),
        np.full(1, -1),
        np.full(1, -1),
        np.zeros(1, dtype=bool),
        np.zeros((1, n_variables), dtype=np.intp),
    )
    while not ranking.traced.all():
        children = _trace(ranking, decisions, k)
        ranking = _merged(ranking, children, k)
    return upward.log_total - ranking.regrets, ranking.states


def _decisions(schedule: Schedule, stacks: Stacks) -> list[_Decisions]:
    """All decisions, from the roots down."""
    found: list[_Decisions] = []
    first = 0
    for group in reversed(schedule.groups):
        if group.inner.variables.size:
            left, right = (to_log(block).values for block in inputs(group, stacks, logs=True))
            found.append(_Decisions(group, left, right, first))
            first = found[-1].end
    return found


def _trace(ranking: _Ranking, decisions: list[_Decisions], k: int) -> _Children:
    """Trace all that were not traced yet, in place; returns the children worth looking at."""
    waiting = np.flatnonzero(~ranking.traced)
    waiting = waiting[np.argsort(ranking.deviations[waiting], kind="stable")]
    widest = max((d.group.size * d.n_choices for d in decisions), default=1)
    width = max(TRACE_ENTRIES // widest, 1)
    children = _Children.of([])
    bound = ranking.regrets[-1] if len(ranking.regrets) >= k else math.inf
    for start in range(0, len(waiting), width):
        some = waiting[start : start + width]
        states = ranking.states[some]
        parts = [(children.regrets, children.parents, children.deviations)]
        for each in decisions:
            part = _decide(each, states, ranking.deviations[some], ranking.regrets[some], bound)
            if part is not None:
                regrets, rows, numbers = part
                parts.append((regrets, some[rows], numbers))
        children = _Children.of(parts).best(k)
        ranking.states[some] = states
        ranking.traced[some] = True
    return children


def _decide(
    decisions: _Decisions,
    states: IntArray,
    deviations: IntArray,
    regrets: FloatArray,
    bound: float,
) -> tuple[FloatArray, IntArray, IntArray] | None:
    """Make the decisions of one group for assignments sorted by deviation, and weigh the others.

    What deviates further down keeps its parent's choices. What deviates here keeps them too, but
    for the deviation itself. What deviated further up makes the best choices.
    """
    above, here = np.searchsorted(deviations, (decisions.first, decisions.end)).tolist()
    if here == 0:
        return None
    states = states[:here]
    weights = decisions.weights(states)
    chosen = weights.argmax(axis=-1)
    best = np.take_along_axis(weights, chosen[..., None], axis=-1)
    extra = best - weights  # inf for what is impossible
    np.put_along_axis(extra, chosen[..., None], math.inf, axis=-1)
    if above < here:
        member, choice = np.divmod(deviations[above:here] - decisions.first, decisions.n_choices)
        kept = decisions.read(states[above:])
        kept[np.arange(here - above), member] = choice
        chosen[above:] = kept
        extra[above:][np.arange(decisions.group.size) <= member[:, None]] = math.inf
    decisions.write(states, chosen)
    total = regrets[:here, None, None] + extra
    rows, members, choices = np.nonzero((total <= bound) & (extra < math.inf))
    numbers = decisions.first + members * decisions.n_choices + choices
    return total[rows, members, choices], rows, numbers


def _merged(ranking: _Ranking, children: _Children, k: int) -> _Ranking:
    """The k best of both. A parent always ranks before its children, so none is lost."""
    regrets = np.concatenate([ranking.regrets, children.regrets])
    parents = np.concatenate([ranking.parents, children.parents])
    deviations = np.concatenate([ranking.deviations, children.deviations])
    order = np.lexsort((deviations, parents, regrets))[:k]
    known = len(ranking.regrets)
    place = np.full(len(regrets) + 1, -1)  # the last is for the best, which has no parent: -1
    place[order] = np.arange(len(order))
    old = order < known
    source = np.where(old, order, parents[order])
    return _Ranking(
        regrets[order],
        place[parents[order]],
        deviations[order],
        np.where(old, ranking.traced[np.where(old, order, 0)], False),
        ranking.states[source],
    )
