"""Solve a maximum-entropy problem by minimising its dual, log Z as a function of multipliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.learning.estimator import warn_not_converged
from gibbsfactor.tables import FloatArray, read_only
from gibbsfactor.thermodynamics.maxent.constraints import Constraints, read_constraints
from gibbsfactor.thermodynamics.maxent.contradiction import contradiction
from gibbsfactor.thermodynamics.maxent.descent import Descent, descend
from gibbsfactor.thermodynamics.maxent.dual import (
    JointDual,
    SweptDual,
    blocks_of,
)
from gibbsfactor.thermodynamics.maxent.extremes import Ends, at_ends, supported
from gibbsfactor.thermodynamics.maxent.problem import (
    Base,
    Problem,
    States,
    read_base,
    read_states,
)
from gibbsfactor.thermodynamics.maxent.solution import MaximumEntropy
from gibbsfactor.threads import one_blas_thread

BoolArray = npt.NDArray[np.bool_]

_DIVERGING = 0.1  # nats that Newton's next step would move a weight by, the gradient being small
_MOST_STATES = 2**16  # among which the linear program looks for those without mass
_LEAST_SLACK = 1e-3  # nats below the least possible value of the dual


def maximum_entropy(
    states: States,
    constraints: Constraints,
    *,
    base: Base | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 500,
    memory: int | None = None,
) -> MaximumEntropy:
    """The distribution of greatest entropy among all that meet constraints on expected values.

    maximise H(P) = -sum_x P(x) log P(x)  such that  E_P[f_j(x)] = c_j  (or <= c_j, or >= c_j)

    It is a Gibbs distribution, P(x) = (1/Z) exp sum_j lambda_j f_j(x), whose multipliers minimise
    the convex dual log Z(lambda) - sum_j lambda_j c_j. Given a base measure q, it is the
    distribution of least KL(P || q), P(x) = (1/Z) q(x) exp sum_j lambda_j f_j(x).

    Parameters
    ----------
    states : Variable, int, sequence of labels, or sequence of Variable
        What x is: one variable, given as such, by the number of its states or by their labels (it
        is called ``x`` then); or several variables.
    constraints : sequence of constraints, or {name: constraint}
        Each is ``(function, value)``, ``(function, "<=", value)`` or ``(function, ">=", value)``,
        or a `Constraint`, which tells how functions are written.
    base : GibbsDistribution, Factor, sequence of Factor, array_like or {state: weight}, optional
        The base measure q, on any scale; states of weight zero stay impossible.
    tolerance : float
        By how much a constraint may be missed, as a share of its function's range.
    max_iterations : int
    memory : int, optional
        Bytes that tables may take, as for `GibbsDistribution`.

    Returns
    -------
    MaximumEntropy
        ``.distribution``, ``.multipliers``, ``.entropy``, ``.residual``, ...

    Raises
    ------
    ValueError
        If no distribution meets the constraints; the message says by how much they are missed.
    ZeroProbabilityError
        If the base measure has no mass.

    Warns
    -----
    ConvergenceWarning
        If a constraint is still missed by more than the tolerance.

    Notes
    -----
    An inequality that makes no difference has multiplier 0, and no factor. Constraints may
    repeat or imply each other; their multipliers are not unique then, the distribution is.

    Constraints may leave some states no probability at all (the mean of a die is to be 6), which no
    finite multipliers do. Where one function is held at an end of its range, or where there are at
    most 65,536 joint states, such states get weight zero exactly, by a factor of zeros and ones,
    and the multipliers are reported as +-inf. Where several constraints together rule states out
    among more than that, the answer comes as near as the tolerance, with large multipliers.

    Many variables are no obstacle as long as each function is of a few of them: expected values
    come from the exact engine then, and the search is BFGS instead of Newton's method.

    Source: Jaynes (1957), Information theory and statistical mechanics; Cover & Thomas (2006),
    Elements of information theory, chapter 12; Wainwright & Jordan (2008), section 3.6, for the
    duality.

    Examples
    --------
    Brandeis' die (Jaynes 1963, 1978): in many throws, its mean was not 3.5 but 4.5.

    >>> die = maximum_entropy([1, 2, 3, 4, 5, 6], [(lambda face: face, 4.5)])
    >>> die.distribution.marginal("x").values.round(5).tolist()
    [0.05435, 0.07877, 0.11416, 0.16545, 0.23977, 0.34749]
    >>> round(float(die.multipliers[0]), 6)
    0.371049

    Three levels with a budget of energy: the multiplier is minus the inverse temperature.

    >>> gas = maximum_entropy(3, {"energy": ([0.0, 1.0, 2.0], "<=", 0.5)})
    >>> gas
    entropy 0.901235 nats
    constraint  asked   expected  multiplier
    energy      <= 0.5  0.5        -0.834115
    >>> round(float(gas.temperatures[0]), 6)
    1.198875
    """
    if not tolerance > 0:
        raise ValueError(f"tolerance is {tolerance}; it must be a number above 0")
    if max_iterations < 1:
        raise ValueError(f"max_iterations is {max_iterations}; it must be at least 1")
    variables = read_states(states)
    problem = Problem(
        variables,
        read_base(base, variables),
        read_constraints(constraints, variables),
        memory,
    )
    ends = at_ends(problem.demands, problem.possible)
    search = _listed if problem.listed else _swept
    return _finished(problem, ends, search(problem, ends, tolerance, max_iterations), tolerance)


class _Found(NamedTuple):
    """Where a search ended, and the states that it came to rule out besides the ends' masks."""

    multipliers: FloatArray  # of the functions as they were given, all finite
    iterations: int
    masks: Sequence[Factor] = ()
    sides: FloatArray | float = 0.0  # +1 or -1 where the multiplier goes to +-inf


def _listed(problem: Problem, ends: Ends, tolerance: float, max_iterations: int) -> _Found:
    """Newton's method over all joint states; those that can have no mass are left out exactly."""
    scales, bounded = _signed(problem, ends)
    blocks = blocks_of(problem.demands, scales, problem.variables)
    logs = problem.log_weights(ends.masks).reshape(-1)
    values = blocks[0].values if blocks else np.empty((logs.size, 0))
    possible = logs > -math.inf

    def search(among: BoolArray) -> tuple[JointDual, Descent]:
        dual = JointDual(logs[among], values[among])
        return dual, _descended(dual, bounded, tolerance, max_iterations)

    dual, found = search(possible)
    as_found = _Found(found.place / scales, found.iterations)
    if found.norm <= tolerance and dual.largest_move(found.step) < _DIVERGING:
        return as_found
    if len(dual.values) > _MOST_STATES:
        with_mass = np.full(len(dual.values), found.value >= dual.least - _LEAST_SLACK)
        direction = found.place
    else:
        with_mass, direction = supported(dual.values, bounded)
    if not with_mass.any():
        highest = dual.highest(direction)
        raise contradiction(problem.demands, scales, direction, highest, dual.values, bounded)
    if with_mass.all():
        return as_found
    among = possible.copy()
    among[possible] = with_mass
    _, inner = search(among)
    if inner.norm > max(found.norm, 1e-12):  # only near the boundary, after all
        return as_found
    direction = np.where(np.abs(direction) > 1e-7 * np.abs(direction).max(), direction, 0.0)
    mask = Factor(problem.variables, among.reshape([v.cardinality for v in problem.variables]))
    iterations = found.iterations + inner.iterations
    return _Found(inner.place / scales, iterations, [mask], np.sign(direction * scales))


def _swept(problem: Problem, ends: Ends, tolerance: float, max_iterations: int) -> _Found:
    """BFGS over expected values from the exact engine."""
    scales, bounded = _signed(problem, ends)
    blocks = blocks_of(problem.demands, scales)
    base = [*problem.base, *ends.masks]
    dual = SweptDual(base, blocks, problem.variables, len(scales), problem.memory)
    found = _descended(dual, bounded, tolerance, max_iterations)
    if found.value < dual.least - _LEAST_SLACK:
        highest = dual.highest(found.place)
        if highest < 0:
            raise contradiction(problem.demands, scales, found.place, highest)
    return _Found(found.place / scales, found.iterations)


def _signed(problem: Problem, ends: Ends) -> tuple[FloatArray, BoolArray]:
    """Scales of the functions, negative where "at least" is turned around, and what is bounded."""
    signs = np.array([-1.0 if d.relation == ">=" else 1.0 for d in problem.demands])
    return ends.scales * signs, np.array([d.relation != "=" for d in problem.demands], dtype=bool)


def _descended(
    dual: JointDual | SweptDual, bounded: BoolArray, tolerance: float, max_iterations: int
) -> Descent:
    with one_blas_thread():
        return descend(
            dual,
            bounded,
            exact=dual.exact,
            target=1e-14 if dual.exact else max(1e-2 * tolerance, 1e-14),
            least=dual.least - _LEAST_SLACK,
            max_iterations=max_iterations,
        )


def _finished(problem: Problem, ends: Ends, found: _Found, tolerance: float) -> MaximumEntropy:
    """The distribution that the multipliers define, and what it comes to."""
    sides = np.where(ends.sides != 0, ends.sides, found.sides)
    multipliers = np.where(sides != 0, np.copysign(np.inf, sides), found.multipliers)
    factors = [
        Factor.from_log(term.scope, multiplier * term.values)
        for demand, multiplier in zip(problem.demands, found.multipliers.tolist(), strict=True)
        for term in demand.terms
        if multiplier
    ]
    masks = [*ends.masks, *found.masks]
    p = GibbsDistribution(
        [*problem.base, *factors, *masks], problem.variables, memory=problem.memory
    )
    base = GibbsDistribution(problem.base, problem.variables, memory=problem.memory)
    missed = _missed(problem, ends.scales, p)
    relations = tuple(d.relation for d in problem.demands)
    asked = np.array([d.value for d in problem.demands])
    violations = [
        {"=": abs(miss), "<=": miss, ">=": -miss}[relation]
        for relation, miss in zip(relations, missed.tolist(), strict=True)
    ]
    residual = max([0.0, *violations])
    if residual > tolerance:
        worst = problem.demands[int(np.argmax(violations))].name
        warn_not_converged(
            f"maximum entropy stopped after {found.iterations} iterations with constraint "
            f"{worst!r} missed by {residual:.2g} of its function's range, more than the tolerance "
            f"of {tolerance:g}; allow more iterations or a larger tolerance",
            stacklevel=3,
        )
    return MaximumEntropy(
        distribution=p,
        names=tuple(d.name for d in problem.demands),
        relations=relations,
        asked=read_only(asked),
        expected=read_only(asked + missed * ends.scales),
        multipliers=read_only(multipliers),
        entropy=p.entropy(),
        divergence=p.kl_divergence(base),
        residual=residual,
        iterations=found.iterations,
        converged=residual <= tolerance,
    )


def _missed(problem: Problem, scales: FloatArray, p: GibbsDistribution) -> FloatArray:
    """(E[f_j] - c_j) / scale_j under a distribution, from one pair of sweeps."""
    blocks = blocks_of(problem.demands, scales)
    functions = [
        ([v.name for v in block.scope], column.reshape([v.cardinality for v in block.scope]))
        for block in blocks
        for column in block.values.T
    ]
    missed = np.zeros(len(problem.demands))
    columns = [j for block in blocks for j in block.columns.tolist()]
    for j, mean in zip(columns, p.expectations(functions).tolist(), strict=True):
        missed[j] += mean
    return missed
