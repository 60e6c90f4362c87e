"""A maximum-entropy problem: variables, base measure and demands, and which states are possible."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.domain import Domain
from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact.inference import table_marginals
from gibbsfactor.exact.network import Network
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.gibbs.names import variables_named
from gibbsfactor.tables import FloatArray, Scope, as_scope
from gibbsfactor.thermodynamics.maxent.constraints import Demand, values_over
from gibbsfactor.thermodynamics.maxent.dual import MOST_ENTRIES
from gibbsfactor.variable import State, Variable, check_agreement

BoolArray = npt.NDArray[np.bool_]
States = int | Variable | Sequence[Variable] | Sequence[State]
Base = GibbsDistribution | Factor | Sequence[Factor] | npt.ArrayLike | Mapping[Any, float]

_MOST_AXES = 32  # variables whose joint states may be listed one by one


@dataclass(frozen=True, eq=False)
class Problem:
    """Find the distribution of greatest entropy relative to the base that meets the demands."""

    variables: Scope
    base: tuple[Factor, ...]
    demands: Sequence[Demand]
    memory: int | None

    @property
    def listed(self) -> bool:
        """Whether the joint states are few enough to be listed one by one."""
        size = math.prod(v.cardinality for v in self.variables)
        few = size * max(len(self.demands), 1) <= MOST_ENTRIES
        return few and len(self.variables) <= _MOST_AXES

    def possible(self, scopes: Sequence[Scope], masks: Sequence[Factor]) -> list[BoolArray]:
        """Which joint states of each scope have mass under the base and the masks.

        Raises
        ------
        ZeroProbabilityError
            If no state at all has.
        """
        wanted = list(dict.fromkeys(scopes))
        find = self._listed_mass if self.listed else self._swept_mass
        found = dict(zip(wanted, find(wanted, masks), strict=True))
        return [found[scope] for scope in scopes]

    def log_weights(self, masks: Sequence[Factor]) -> FloatArray:
        """log q of every joint state, an axis for each variable."""
        logs = np.zeros([v.cardinality for v in self.variables])
        for factor in (*self.base, *masks):
            order = [v.name for v in self.variables if v.name in factor.names]
            shape = [v.cardinality if v.name in order else 1 for v in self.variables]
            logs += factor.transpose(order).log_values.reshape(shape)
        return logs

    def _listed_mass(self, scopes: Sequence[Scope], masks: Sequence[Factor]) -> list[BoolArray]:
        mass = self.log_weights(masks) > -math.inf
        if not mass.any():
            raise ZeroProbabilityError("the base measure has no mass: every state has weight zero")
        found = []
        for scope in scopes:
            others = tuple(i for i, v in enumerate(self.variables) if v not in scope)
            found.append(np.asarray(mass.any(axis=others)))
        return found

    def _swept_mass(self, scopes: Sequence[Scope], masks: Sequence[Factor]) -> list[BoolArray]:
        shapes = [tuple(v.cardinality for v in scope) for scope in scopes]
        wide = [s for s, shape in zip(scopes, shapes, strict=True) if math.prod(shape) > 1]
        network = Network.of([*self.base, *masks], self.variables, wide)
        found = iter(table_marginals(network, self.memory).mass[network.n_given :])
        return [
            next(found).reshape(shape) if math.prod(shape) > 1 else np.ones(shape, dtype=bool)
            for shape in shapes
        ]


def read_states(states: States) -> Scope:
    """The variables meant by a number of states, labels, a variable or several.

    Examples
    --------
    >>> read_states(["heads", "tails"])
    (Variable('x', ['heads', 'tails']),)
    """
    if isinstance(states, Variable):
        return (states,)
    if isinstance(states, int | np.integer | str):
        return (Variable("x", states),)
    labels = tuple(states)
    if labels and all(isinstance(label, Variable) for label in labels):
        return as_scope(labels)  # type: ignore[arg-type]
    if any(isinstance(label, Variable) for label in labels):
        raise TypeError("states are variables or labels; some of these are one, some the other")
    return (Variable("x", labels),)


def read_base(base: Base | None, variables: Scope) -> tuple[Factor, ...]:
    """The factors of the base measure, checked against the variables."""
    if base is None:
        return ()
    if isinstance(base, GibbsDistribution):
        factors: tuple[Factor, ...] = base.reduced_factors
    elif isinstance(base, Factor):
        factors = (base,)
    elif isinstance(base, list | tuple) and base and all(isinstance(f, Factor) for f in base):
        factors = tuple(base)
    else:
        try:
            factors = (Factor(variables, values_over(base, variables)),)
        except ValueError as error:
            raise ValueError(f"the base measure: {error}") from None
    domain = Domain.of([], variables)
    for factor in factors:
        for v in factor.scope:
            (known,) = variables_named(domain, [v])
            check_agreement(v, known, "the base measure", "states=")
    return factors
