"""The dual of a maximum-entropy problem: log Z as a function of the multipliers.

    D(mu) = log sum_x q(x) exp sum_j mu_j g_j(x)        g_j(x) = +-(f_j(x) - c_j) / range of f_j

Its gradient is E[g], so that at its minimum every expected value is what it should be. Letters: q
the base measure, m constraints, n joint states.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.inference import table_marginals
from gibbsfactor.exact.network import Network
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.tables import FloatArray, Scope
from gibbsfactor.thermodynamics.maxent.constraints import Demand, Term
from gibbsfactor.thermodynamics.maxent.descent import Point

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

MOST_ENTRIES = 2**22  # joint states times constraints that are listed one by one


@dataclass(frozen=True, eq=False)
class Block:
    """What the constraints say of the variables of one scope.

    Attributes
    ----------
    scope : tuple of Variable
    columns : array (k,)
        The constraints that have a term there.
    values : array (number of joint states of the scope, k)
        Their terms, scaled and centred.
    """

    scope: Scope
    columns: IntArray
    values: FloatArray


def blocks_of(
    demands: Sequence[Demand], scales: FloatArray, joint: Scope | None = None
) -> list[Block]:
    """The scaled functions g_j by scope, or all of them over one joint scope."""
    parts: dict[Scope, list[tuple[int, FloatArray]]] = {}
    for j, (demand, scale) in enumerate(zip(demands, scales.tolist(), strict=True)):
        if joint is not None:
            total = np.full([v.cardinality for v in joint], -demand.value)
            for term in demand.terms:
                total += over(term, joint)
            parts.setdefault(joint, []).append((j, total.reshape(-1) / scale))
            continue
        share = demand.value / len(demand.terms)
        for term in demand.terms:
            parts.setdefault(term.scope, []).append((j, (term.values - share).reshape(-1) / scale))
    return [
        Block(
            scope,
            np.array([j for j, _ in columns], dtype=np.intp),
            np.stack([values for _, values in columns], axis=1),
        )
        for scope, columns in parts.items()
    ]


def over(term: Term, joint: Scope) -> FloatArray:
    """A term's values with an axis for each variable of a wider scope in the same order."""
    mine = {v.name for v in term.scope}
    return term.values.reshape([v.cardinality if v.name in mine else 1 for v in joint])


class JointDual:
    """The dual where the joint states can be listed: its curvature is the Hessian, exactly.

    Parameters
    ----------
    log_base : array (n,)
        log q of the states that are possible.
    values : array (n, m)
        g at these states.
    """

    exact = True

    def __init__(self, log_base: FloatArray, values: FloatArray) -> None:
        self.log_base, self.values = log_base, values
        self.least = float(log_base.min())

    def __call__(self, multipliers: FloatArray) -> Point:
        """D, its gradient E[g] and its Hessian Cov[g]."""
        logs = self.log_base + self.values @ multipliers
        peak = float(logs.max())
        weights = np.exp(logs - peak)
        total = float(weights.sum())
        p = weights / total
        mean = p @ self.values
        return Point(peak + math.log(total), mean, _covariance(p, self.values, mean))

    def largest_move(self, step: FloatArray) -> float:
        """By how much, in nats, a step changes the log weight of any state, at most."""
        return float(np.abs(self.values @ step).max(initial=0.0))

    def highest(self, direction: FloatArray) -> float:
        """max_x sum_j d_j g_j(x): negative where no distribution has E[g] = 0."""
        return float((self.values @ direction).max())


class SweptDual:
    """The dual by sweeps of the exact engine over the base's factors and one for each block.

    Its curvature leaves out the covariance of terms over different scopes.
    """

    exact = False

    def __init__(
        self,
        base: Sequence[Factor],
        blocks: Sequence[Block],
        variables: Scope,
        n_constraints: int,
        memory: int | None,
    ) -> None:
        self.base, self.blocks, self.variables = base, blocks, variables
        self.n_constraints, self.memory = n_constraints, memory
        self.least = sum(_least_finite(factor) for factor in base)

    def __call__(self, multipliers: FloatArray) -> Point:
        """D, its gradient E[g], and the part of its Hessian that single blocks tell."""
        logs = [block.values @ multipliers[block.columns] for block in self.blocks]
        network = Network.of([*self._factors(logs), *self.base], self.variables)
        found = table_marginals(network, self.memory)
        tables = iter(found.tables)
        gradient = np.zeros(self.n_constraints)
        curvature = np.zeros((self.n_constraints, self.n_constraints))
        for block in self.blocks:
            p = next(tables).reshape(-1) if len(block.values) > 1 else np.ones(1)
            mean = p @ block.values
            gradient[block.columns] += mean
            curvature[np.ix_(block.columns, block.columns)] += _covariance(p, block.values, mean)
        return Point(float(network.log_sum(found.log_total)), gradient, curvature)

    def _factors(self, logs: Sequence[FloatArray]) -> list[Factor]:
        return [
            Factor.from_log(block.scope, log.reshape([v.cardinality for v in block.scope]))
            for block, log in zip(self.blocks, logs, strict=True)
        ]

    def largest_move(self, step: FloatArray) -> float:
        """As for `JointDual`, or more: every block counts for itself."""
        return sum(float(np.ptp(block.values @ step[block.columns])) for block in self.blocks)

    def highest(self, direction: FloatArray) -> float:
        """max_x sum_j d_j g_j(x) over the states that the base lets be, by max-product."""
        logs = [block.values @ direction[block.columns] for block in self.blocks]
        there = [Factor(f.scope, f.log_values > -math.inf) for f in self.base]
        p = GibbsDistribution([*self._factors(logs), *there], self.variables, memory=self.memory)
        return p.log_unnormalized(p.map_assignment())


def _covariance(p: FloatArray, values: FloatArray, mean: FloatArray) -> FloatArray:
    centred = values - mean
    return np.asarray((centred * p[:, None]).T @ centred)


def _least_finite(factor: Factor) -> float:
    logs = factor.log_values
    return float(logs.min(initial=math.inf, where=logs > -math.inf))
