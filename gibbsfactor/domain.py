"""The variables of a distribution, what is observed of them, and what users say about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed, suggested
from gibbsfactor.factor import Factor
from gibbsfactor.variable import (
    Assignment,
    State,
    Variable,
    by_name,
    check_agreement,
    check_forms,
    name_of,
)


@dataclass(frozen=True, eq=False)
class Domain:
    """Variables by name, in order of first appearance, and the states that are observed.

    Its methods check what a user hands in, and say what there is instead.
    """

    variables: Mapping[str, Variable]
    evidence: Mapping[str, State]

    @classmethod
    def of(cls, factors: Sequence[Factor], extra: Sequence[Variable]) -> Domain:
        """The variables of the factors, after the extra ones; all must agree about the states."""
        known: dict[str, Variable] = {}
        for v in extra:
            if not isinstance(v, Variable):
                raise TypeError(f"variables= is a collection of Variable; got {v!r} in it")
            check_agreement(known.setdefault(v.name, v), v, "variables=", "variables=")
        given = set(known)
        for factor in factors:
            if not isinstance(factor, Factor):
                raise TypeError(f"a Gibbs distribution is made of Factor objects; got {factor!r}")
            for v in factor.scope:
                first = known.setdefault(v.name, v)
                if first is not v and first.states != v.states:
                    where = next(f.names for f in factors if v.name in f.names)
                    elsewhere = "variables=" if v.name in given else f"factor over {where}"
                    check_agreement(v, first, f"factor over {factor.names}", elsewhere)
        check_forms(known, "the distribution has the variables")
        return cls(known, {})

    @cached_property
    def unobserved(self) -> tuple[Variable, ...]:
        """The variables that are not observed."""
        return tuple(v for name, v in self.variables.items() if name not in self.evidence)

    def observing(self, evidence: Assignment) -> Domain:
        """The same with more observed."""
        evidence = by_name(evidence, "evidence")
        self._check_names(evidence)
        states = {}
        for name, state in evidence.items():
            v = self.variables[name]
            states[name] = v.states[v.index(state)]
            if self.evidence.get(name, states[name]) != states[name]:
                raise ValueError(
                    f"{name!r} is observed to be {self.evidence[name]!r} already; "
                    f"it can't be {state!r} as well"
                )
        return Domain(self.variables, {**self.evidence, **states})

    def completed(self, x: Assignment) -> dict[str, State]:
        """A full assignment, the observed states filled in."""
        x = by_name(x, "an assignment")
        self._check_names(x)
        for name, state in x.items():
            self.variables[name].index(state)
            if name in self.evidence and self.evidence[name] != state:
                raise ValueError(
                    f"the assignment gives {name!r} the state {state!r}, but the distribution is "
                    f"conditioned on {name!r} = {self.evidence[name]!r}"
                )
        missing = [v.name for v in self.unobserved if v.name not in x]
        if missing:
            raise ValueError(
                f"the assignment gives no state for {listed(missing)}; "
                "give one for every variable, or ask for a marginal"
            )
        return {**self.evidence, **x}

    def named(self, given: Sequence[str | Variable]) -> tuple[Variable, ...]:
        """The unobserved variables of these names."""
        names = [name_of(name) for name in given]
        for name in names:
            if not isinstance(name, str):
                raise TypeError(
                    f"marginal takes variable names, as in marginal('A', 'B'); got {name!r}"
                )
        self._check_names(names)
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise ValueError(f"{name!r} is named twice; name each variable once")
            if name in self.evidence:
                raise ValueError(
                    f"{name!r} is observed to be {self.evidence[name]!r}; it has no marginal"
                )
            seen.add(name)
        return tuple(self.variables[name] for name in names)

    def check_same(self, other: Domain) -> None:
        """Raise ValueError unless the same variables are unobserved, with the same states."""
        mine = {v.name: v for v in self.unobserved}
        theirs = {v.name: v for v in other.unobserved}
        if mine.keys() != theirs.keys():
            alone = [
                f"only the {which} has {listed(sorted(names))}"
                for which, names in (
                    ("first", mine.keys() - theirs.keys()),
                    ("second", theirs.keys() - mine.keys()),
                )
                if names
            ]
            raise ValueError(
                "the divergence needs two distributions over the same variables; "
                + ", ".join(alone)
            )
        for name, v in mine.items():
            check_agreement(v, theirs[name], "the first distribution", "the second")

    def _check_names(self, names: Iterable[str]) -> None:
        unknown = [n for n in names if n not in self.variables]
        if unknown:
            there = listed(list(self.variables)) or "none"
            hint = suggested(unknown[0], self.variables)
            raise ValueError(f"no variable {listed(unknown)}; there are {there}{hint}")


def state_array(v: Variable) -> npt.NDArray[Any]:
    """The states as an array to index: of numbers or strings if they all are, else of objects."""
    kinds = {type(s) for s in v.states}
    if len(kinds) == 1 and kinds <= {int, float, str, bool}:
        typed: npt.NDArray[Any] = np.array(v.states)
        if typed.tolist() == list(v.states):  # numpy drops NULs at the end, and cuts big integers
            return typed
    states = np.empty(v.cardinality, dtype=object)
    states[:] = list(v.states)
    return states
