"""Likelihood evidence and target marginals as users give them, checked and made into arrays.

Both come by variable: {name: numbers}, where the numbers are a mapping {state: number}, a sequence
in the order of the states, a series by label, or a Factor over that variable. In a mapping, the key
``...`` stands for all states that are not named. An array with two axes gives one row of numbers
for each row of a batch. A set of states as evidence is a likelihood of ones and zeros.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.domain import Domain
from gibbsfactor.errors import ZeroProbabilityError, listed
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs.names import variables_named
from gibbsfactor.tables import by_label
from gibbsfactor.variable import State, Variable, by_name, check_agreement, name_of

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
StateNumbers = Mapping[Any, float] | npt.ArrayLike | Factor
SoftEvidence = Mapping[str, StateNumbers] | Mapping[Variable, StateNumbers]

SUM_SLACK = 1e-6  # by which a target may miss the sum of one


def checked_likelihood(v: Variable, given: StateNumbers) -> FloatArray:
    """Likelihoods of the states, (cardinality,) or (n_rows, cardinality), on any scale.

    Raises
    ------
    TypeError
        If they are no numbers.
    ValueError
        If a state has none or does not exist, one is negative or not finite, or all are zero.

    Examples
    --------
    >>> checked_likelihood(Variable("A", ["a0", "a1"]), {"a1": 0.3, "a0": 0.8}).tolist()
    [0.8, 0.3]
    """
    return _numbers(v, given, "likelihood")


def checked_target(v: Variable, given: StateNumbers) -> FloatArray:
    """Target probabilities of the states, (cardinality,) or (n_rows, cardinality).

    Raises
    ------
    TypeError, ValueError
        As for `checked_likelihood`, and if they do not sum to one.

    Examples
    --------
    >>> checked_target(Variable("A", 2), [0.25, 0.75]).tolist()
    [0.25, 0.75]
    """
    numbers = _numbers(v, given, "target")
    sums = numbers.sum(axis=-1, keepdims=True)
    off = np.abs(sums - 1) > SUM_SLACK
    if off.any():
        row = f"row {np.argwhere(off)[0][0]} of the" if numbers.ndim == 2 else "the"
        raise ValueError(
            f"{row} target of {v.name!r} sums to {float(sums[off][0]):.9g}; a target is a "
            "distribution, so it sums to 1. Weights on any other scale are a likelihood"
        )
    return np.asarray(numbers / sums)


def states_possible(v: Variable, given: Any, what: str = "evidence") -> BoolArray | None:
    """Which states a set of them leaves possible; None where it is a state, or no set at all.

    Raises
    ------
    ValueError
        If the set is empty, or has what is no state.

    Examples
    --------
    >>> states_possible(Variable("A", ["a0", "a1", "a2"]), {"a0", "a2"}).tolist()
    [True, False, True]
    """
    if not isinstance(given, Set) or (isinstance(given, Hashable) and given in v.states):
        return None
    if not given:
        raise ValueError(
            f"{what} gives {v.name!r} an empty set of states; give those that are possible, of "
            f"{listed(v.states, 12)}, or leave it out"
        )
    possible = np.zeros(v.cardinality, dtype=bool)
    possible[[v.index(state) for state in given]] = True
    return possible


def single_states(domain: Domain, given: Any) -> tuple[dict[str, State], tuple[Factor, ...]]:
    """Evidence of one state each, and for each set of states a factor that is 0 elsewhere.

    Raises
    ------
    ValueError
        If a name or a state does not exist, a set is empty, or the variable is observed in a state
        that is not in it.
    """
    observed: dict[str, State] = {}
    factors = []
    named = by_name(given, "evidence")
    if not any(isinstance(state, Set) for state in named.values()):
        return named, ()
    for v, state in zip(variables_named(domain, named), named.values(), strict=True):
        possible = states_possible(v, state)
        if possible is None:
            observed[v.name] = state
        elif v.name in domain.evidence:
            if not possible[v.index(domain.evidence[v.name])]:
                raise ValueError(
                    f"{v.name!r} is observed to be {domain.evidence[v.name]!r} already; it can't "
                    f"be one of {listed([s for s in v.states if s in state])} as well"  # type: ignore
                )
        elif possible.sum() == 1:
            observed[v.name] = v.states[int(possible.argmax())]
        elif not possible.all():
            factors.append(Factor(v, possible))
    return observed, tuple(factors)


def likelihood_factors(domain: Domain, given: SoftEvidence | None) -> tuple[Factor, ...]:
    """One factor for each variable with likelihood evidence."""
    checked = numbers_by_variable(domain, given, "likelihood")
    return tuple(Factor(v, _single(v, checked_likelihood(v, numbers))) for v, numbers in checked)


def targets_by_variable(domain: Domain, given: SoftEvidence | None) -> dict[str, FloatArray]:
    """The target marginals of the variables that are not observed.

    Raises
    ------
    ZeroProbabilityError
        If a target of an observed variable asks for another state.
    """
    targets = {}
    for v, numbers in numbers_by_variable(domain, given, "targets"):
        target = _single(v, checked_target(v, numbers))
        if v.name not in domain.evidence:
            targets[v.name] = target
        elif target[v.index(domain.evidence[v.name])] < 1 - SUM_SLACK:
            raise ZeroProbabilityError(
                f"the target of {v.name!r} asks for mass at states other than "
                f"{domain.evidence[v.name]!r}, which it is observed to be"
            )
    return targets


def numbers_by_variable(
    domain: Domain, given: SoftEvidence | None, what: str
) -> list[tuple[Variable, Any]]:
    """What is given for each variable, not checked yet."""
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{what} is a mapping {{name: numbers}}, as in {{'A': {{'a0': 0.2, 'a1': 0.8}}}} or "
            f"{{'A': [0.2, 0.8]}}; got {given!r:.60}"
        )
    named = {name_of(key): numbers for key, numbers in given.items()}
    return list(zip(variables_named(domain, named), named.values(), strict=True))


def _numbers(v: Variable, given: Any, what: str) -> FloatArray:
    """One number for each state, finite, not negative and not all zero."""
    if isinstance(given, Factor):
        table = _of_factor(v, given, what)
    elif isinstance(given, Mapping):
        table = _of_mapping(v, given, what)
    else:
        table = _as_numbers(v, given, what)
    if table.ndim not in (1, 2) or table.shape[-1] != v.cardinality:
        raise ValueError(
            f"the {what} of {v.name!r} has shape {table.shape}; it needs one number for each of "
            f"its {v.cardinality} states, {listed(v.states, 12)}"
        )
    bad = ~np.isfinite(table) | (table < 0)
    if bad.any():
        where = np.argwhere(bad)[0]
        raise ValueError(
            f"the {what} of {v.name!r} is {table[tuple(where)]} at {v.states[where[-1]]!r}; "
            "the numbers are finite and at least 0"
        )
    empty = ~(table > 0).any(axis=-1)
    if empty.any():
        row = f" in row {np.argwhere(empty)[0][0]}" if table.ndim == 2 else ""
        raise ValueError(
            f"the {what} of {v.name!r} is 0 at every state{row}; at least one must be possible"
        )
    return table


def _of_factor(v: Variable, given: Factor, what: str) -> FloatArray:
    if given.names != (v.name,):
        raise ValueError(f"the {what} of {v.name!r} is a factor over {given.names}, not over it")
    check_agreement(given.scope[0], v, f"the {what}", "the distribution")
    return given.values


def _of_mapping(v: Variable, given: Mapping[State, float], what: str) -> FloatArray:
    others = {} if ... in v.states else {s: n for s, n in given.items() if s is ...}
    places = {v.index(state): number for state, number in given.items() if state not in others}
    missing = [i for i in range(v.cardinality) if i not in places]
    if missing and not others:
        raise ValueError(
            f"the {what} of {v.name!r} gives no number for "
            f"{listed([v.states[i] for i in missing], 12)}; give one for every state, 0 where it "
            "is impossible, or one for all that are not named, as in {"
            f"{next(iter(given), v.states[0])!r}: 0.2, ...: 1}}"
        )
    places |= {i: number for i in missing for number in others.values()}
    return _as_numbers(v, [places[i] for i in range(v.cardinality)], what)


def _as_numbers(v: Variable, given: Any, what: str) -> FloatArray:
    if hasattr(given, "columns"):
        raise TypeError(
            f"the {what} of {v.name!r} is a data frame; give its columns in the order of the "
            f"states, as an array: frame[{list(v.states)!r:.60}].to_numpy()"
        )
    if hasattr(given, "iloc"):
        return by_label((v,), given, f"the {what}")
    try:
        return np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"the {what} of {v.name!r} is {given!r:.60}; expected one number for each of its "
            f"states, {listed(v.states, 12)}"
        ) from None


def _single(v: Variable, numbers: FloatArray) -> FloatArray:
    if numbers.ndim == 2:
        raise ValueError(
            f"{v.name!r} is given {len(numbers)} rows of numbers; one case takes one row"
        )
    return numbers
