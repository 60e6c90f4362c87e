"""Target marginals: the distribution nearest to P among those that have them.

Of all Q with Q(x_v) = q_v(x_v) for every target variable v, the one with the least KL(Q || P), the
I-projection of P, is P with one more factor for each of them:

    Q(x) = P(x) prod_v g_v(x_v)

For one variable g(x) = q(x) / P(x), which is Jeffrey's rule. For several, iterative proportional
fitting multiplies each g_v in turn by q_v over the marginal that there is, until all hold. That is
coordinate descent on the convex function

    log sum_x P(x) exp(sum_v theta_v(x_v)) - sum_v sum_a q_v(a) theta_v(a),    theta = log g

and slow where the variables determine each other nearly. Where the joint table of them is small,
Newton's method on the same function takes over.

Source: Jeffrey (1965), The logic of decision, chapter 11; Deming & Stephan (1940), On a least
squares adjustment of a sampled frequency table; Csiszar (1975), I-divergence geometry of
probability distributions, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from gibbsfactor.errors import IntractableError, ZeroProbabilityError, listed
from gibbsfactor.exact.inference import joint_log_weights
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.prepared import plan_for
from gibbsfactor.exact.runs import require_mass
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.factor import Factor
from gibbsfactor.tables import log_sum_exp
from gibbsfactor.variable import Variable

Targets = Mapping[int, FloatArray]
LogFactors = dict[int, FloatArray]
LogMarginal = Callable[[int, LogFactors], FloatArray]  # of one variable, with factors multiplied in

CLOSE = 1e-12  # how near to its target every marginal is to come
NEAR = 1e-9  # and how near will do where rounding, as at energies of 1e6, allows no more
PATIENCE = 200  # rounds in which the worst deviation has to halve
MOST_JOINT = 2**16  # entries of a joint table of all target variables that is fitted itself
MOST_WORK = 50.0  # operations such a table may take, in sweeps for log Z
FEW_ROUNDS = 20  # that a joint table is fitted in turn before Newton's method
MOST_STEPS = 100  # of that
RIDGE = 1e-13  # added to curvatures, for directions that change nothing


def target_factors(network: Network, targets: Targets, memory: int | None = None) -> LogFactors:
    """Logs of the factors g_v that give every variable its target marginal; log Z stays.

    Parameters
    ----------
    network : Network
    targets : variable number -> probabilities (cardinality,) that sum to one

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf, or a target asks for mass where there is none.
    ValueError
        If the targets can't all hold at once.
    """
    joint = _cheap_joint(network, tuple(targets), memory)
    if joint is not None:
        return fitted_to_joint(network.variables, joint, targets)
    marginals = _of_sweeps(network, tuple(targets), memory)
    factors, deviation = _fit_in_turn(network.variables, targets, marginals, PATIENCE)
    _check_fit(network.variables, targets, deviation)
    return factors


def fitted_to_joint(
    variables: Sequence[Variable], joint: FloatArray, targets: Targets
) -> LogFactors:
    """The same from log weights with an axis for each target variable, in the order of the targets.

    ``variables`` are those that the numbers in ``targets`` are of.
    """
    marginals = _of_joint(joint, tuple(targets))
    factors, deviation = _fit_in_turn(variables, targets, marginals, FEW_ROUNDS)
    if deviation > CLOSE:
        factors, deviation = _fit_by_newton(joint, targets, factors)
    _check_fit(variables, targets, deviation)
    return factors


def _check_fit(variables: Sequence[Variable], targets: Targets, deviation: float) -> None:
    if deviation > NEAR:
        names = listed([variables[v].name for v in targets])
        raise ValueError(
            f"the targets of {names} don't go together: the nearest fit found leaves a marginal "
            f"{deviation:.2g} from its target, for the zeros of the distribution, or what is "
            "nearly zero, leave no room for all of them at once"
        )


def _fit_in_turn(
    variables: Sequence[Variable], targets: Targets, log_marginal: LogMarginal, patience: int
) -> tuple[LogFactors, float]:
    """Iterative proportional fitting while the deviation halves in so many rounds; the deviation.

    Every update leaves the sum over all assignments as it was.
    """
    factors = {v: np.zeros(len(q)) for v, q in targets.items()}
    log_z: float | None = None
    least: list[float] = []  # after each round, the least deviation so far
    while len(least) <= patience or least[-1] <= least[-1 - patience] / 2:
        deviation = 0.0
        for v, target in targets.items():
            logs = log_marginal(v, factors)
            _check_mass(variables[v], logs, target)
            total = float(log_sum_exp(logs, (0,)))
            log_z = total if log_z is None else log_z
            deviation = max(deviation, float(np.abs(np.exp(logs - total) - target).max()))
            asked = target > 0
            factors[v][asked] += np.log(target[asked]) - (logs[asked] - log_z)
            factors[v][~asked] = -math.inf
        least.append(min([deviation, *least[-1:]]))
        if deviation <= CLOSE:
            return factors, deviation
        if len(targets) == 1:
            return factors, 0.0
    return factors, least[-1]


def _cheap_joint(
    network: Network, targets: tuple[int, ...], memory: int | None
) -> FloatArray | None:
    """Log weights over all target variables, if that is a small table that is cheap to find."""
    if math.prod(network.cardinalities[v] for v in targets) > MOST_JOINT:
        return None
    plan = plan_for(network, [v for v in targets if network.cardinalities[v] > 1])
    if plan.flops > MOST_WORK * max(plan_for(network).flops, MOST_JOINT):
        return None
    try:
        return joint_log_weights(network, targets, memory)[..., 0]
    except IntractableError:
        return None


def _fit_by_newton(
    joint: FloatArray, targets: Targets, factors: LogFactors
) -> tuple[LogFactors, float]:
    """Newton's method on the convex function, within a radius; also the deviation it leaves."""
    possible = [q > 0 for q in targets.values()]
    table = joint[np.ix_(*possible)]
    target = np.concatenate([q[q > 0] for q in targets.values()])
    theta = np.concatenate([factors[v][some] for v, some in zip(targets, possible, strict=True)])
    here = _Fit.at(table, theta, target)
    radius = 10.0  # nats, the most by which a step may change a factor
    for _ in range(MOST_STEPS):
        if here.deviation <= CLOSE:
            break
        curvature = here.curvature()
        curvature[np.diag_indices_from(curvature)] += RIDGE
        step = np.linalg.solve(curvature, target - here.marginals)
        size = float(np.abs(step).max())
        step *= min(1.0, radius / size)
        there = _Fit.at(table, here.theta + step, target)
        rounding = 1e-15 * (1 + float(np.abs(there.theta).max()))
        if there.value <= here.value + rounding or there.deviation < here.deviation:
            here = there
            radius = max(radius, 2 * min(size, radius))
        else:
            radius = min(size, radius) / 4
    shift = float(log_sum_exp(joint, tuple(range(joint.ndim)))) - here.log_total  # log Z stays
    fitted = {v: np.full(len(q), -math.inf) for v, q in targets.items()}
    for v, some, part in zip(targets, possible, here.parts(), strict=True):
        fitted[v][some] = part + shift / len(targets)
    return fitted, here.deviation


@dataclass(frozen=True, eq=False)
class _Fit:
    """A joint table with factors exp(theta) on its axes, and how far its marginals are off."""

    theta: FloatArray
    joint: FloatArray  # probabilities
    log_total: float
    marginals: FloatArray
    value: float
    deviation: float

    @classmethod
    def at(cls, table: FloatArray, theta: FloatArray, target: FloatArray) -> _Fit:
        axes = range(table.ndim)
        logs = table
        for axis, part in enumerate(np.split(theta, np.cumsum(table.shape)[:-1])):
            logs = logs + part.reshape([-1 if a == axis else 1 for a in axes])
        log_total = float(log_sum_exp(logs, tuple(axes)))
        joint = np.exp(logs - log_total)
        marginals = np.concatenate(
            [joint.sum(axis=tuple(a for a in axes if a != axis)) for axis in axes]
        )
        deviation = float(np.abs(marginals - target).max())
        return cls(theta, joint, log_total, marginals, log_total - float(target @ theta), deviation)

    def parts(self) -> list[FloatArray]:
        """``theta`` by axis."""
        return np.split(self.theta, np.cumsum(self.joint.shape)[:-1])

    def curvature(self) -> FloatArray:
        """Covariances of the indicators of all states."""
        axes = range(self.joint.ndim)
        starts = np.cumsum([0, *self.joint.shape])
        whole = np.diag(self.marginals) - np.outer(self.marginals, self.marginals)
        for i, j in combinations(axes, 2):
            pair = self.joint.sum(axis=tuple(a for a in axes if a not in (i, j)))
            rows, columns = slice(starts[i], starts[i + 1]), slice(starts[j], starts[j + 1])
            whole[rows, columns] += pair
            whole[columns, rows] += pair.T
        return whole


def _of_joint(joint: FloatArray, targets: tuple[int, ...]) -> LogMarginal:
    """Marginals of a joint table with an axis for each target variable."""
    axes = range(len(targets))

    def log_marginal(v: int, factors: LogFactors) -> FloatArray:
        logs = joint
        for axis, u in enumerate(targets):
            logs = logs + factors[u].reshape([-1 if a == axis else 1 for a in axes])
        return log_sum_exp(logs, tuple(a for a in axes if targets[a] != v))

    return log_marginal


def _of_sweeps(network: Network, targets: tuple[int, ...], memory: int | None) -> LogMarginal:
    """Marginals of the network with a table more for each target variable."""
    whole = replace(
        network,
        scopes=(*network.scopes, *((v,) for v in targets)),
        peaks=(*network.peaks, *(0.0 for _ in targets)),
    )

    def log_marginal(v: int, factors: LogFactors) -> FloatArray:
        more = [
            Factor._trusted((network.variables[u],), log_values=factors[u].copy()) for u in targets
        ]
        loaded = replace(whole, tables=(*network.tables, *more))
        return joint_log_weights(loaded, [v], memory)[..., 0]

    return log_marginal


def _check_mass(v: Variable, log_weights: FloatArray, target: FloatArray) -> None:
    """Raise ZeroProbabilityError where the target asks for mass and there is none."""
    require_mass(log_weights.max(keepdims=True), "distribution with these targets")
    empty = (target > 0) & (log_weights == -math.inf)
    if empty.any():
        states = listed([s for s, lacks in zip(v.states, empty.tolist(), strict=True) if lacks])
        raise ZeroProbabilityError(
            f"the target of {v.name!r} asks for mass at {states}, where the distribution has none, "
            "given the evidence and the other targets"
        )
