"""Information within one distribution: surprisal, entropy, what variables say of each other."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact import expected_values
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.information.inputs import (
    SUM_SLACK,
    Axis,
    Chosen,
    Distribution,
    Probabilities,
    Unit,
    as_gibbs,
    joint_of,
    nats_in,
    numbers,
    probabilities,
    without_axis,
)
from gibbsfactor.tables import FloatArray
from gibbsfactor.variable import Assignment


@overload
def surprisal(p: npt.ArrayLike, *, unit: Unit = "nats") -> FloatArray: ...


@overload
def surprisal(p: Factor | GibbsDistribution, x: Assignment, *, unit: Unit = "nats") -> float: ...


def surprisal(
    p: Distribution, x: Assignment | None = None, *, unit: Unit = "nats"
) -> float | FloatArray:
    """How surprising an event is, -log p: the length of its code word.

    Parameters
    ----------
    p : array_like, Factor or GibbsDistribution
        Probabilities of events, each for itself; or a distribution, with the event ``x``.
    x : {name: state}
        States of some or all of its variables; the others are summed over.
    unit : {"nats", "bits"}

    Returns
    -------
    float or array
        inf where the probability is 0.

    Raises
    ------
    ValueError
        If a number is not a probability, or a factor does not sum to 1.

    Examples
    --------
    >>> surprisal([1.0, 0.5, 0.125, 0.0], unit="bits").tolist()
    [0.0, 1.0, 3.0, inf]
    """
    scale = nats_in(unit)
    if isinstance(p, Factor | GibbsDistribution):
        if x is None:
            raise TypeError("say of which event, as in surprisal(p, {'A': 'a0'})")
        p = as_gibbs(p, "p") if isinstance(p, Factor) else p
        return -p.log_probability_of(x) / scale + 0.0
    if x is not None:
        raise TypeError("an array has no names; index it, as in surprisal(p[2])")
    values = numbers(p, "p")
    too_high = values > 1 + SUM_SLACK
    if too_high.any():
        where = tuple(np.argwhere(too_high)[0].tolist())
        raise ValueError(f"p has {values[where]} at {list(where)}; probabilities are at most 1")
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(np.minimum(values, 1.0)) / scale + 0.0)


@overload
def entropy(
    p: Distribution, of: Chosen | None = None, *, axis: None = None, unit: Unit = "nats"
) -> float: ...


@overload
def entropy(p: npt.ArrayLike, *, axis: Axis, unit: Unit = "nats") -> FloatArray: ...


def entropy(
    p: Distribution,
    of: Chosen | None = None,
    *,
    axis: Axis | None = None,
    unit: Unit = "nats",
) -> float | FloatArray:
    """H(P) = -sum_x P(x) log P(x): the expected surprisal, with 0 log 0 = 0.

    Parameters
    ----------
    p : array_like, Factor or GibbsDistribution
        An array is one distribution over all of its axes, unless ``axis`` says otherwise.
    of : name, axis, or sequence of them, optional
        The variables whose joint entropy it is; the others are summed out. By default all.
    axis : int or tuple of int, optional
        Of an array that holds many distributions: the axes that each of them runs over.
    unit : {"nats", "bits"}

    Returns
    -------
    float, or array of the batch's shape

    Raises
    ------
    ValueError
        If probabilities are negative or do not sum to 1 within 1e-6 (they are divided by their
        sum), or a variable does not exist.
    ZeroProbabilityError
        If a GibbsDistribution has log Z = -inf.

    Notes
    -----
    Source: Cover & Thomas (2006), Elements of information theory, sections 2.1 and 2.2.

    Examples
    --------
    >>> entropy([0.5, 0.25, 0.25], unit="bits")
    1.5
    >>> entropy([[0.5, 0.5], [1.0, 0.0]], axis=1, unit="bits").tolist()
    [1.0, 0.0]
    """
    scale = nats_in(unit)
    if of is not None:
        if axis is not None:
            raise ValueError("give axis= for many distributions, or of= for some variables of one")
        return _entropy(probabilities(joint_of(p, [of]), None)) / scale
    if isinstance(p, GibbsDistribution):
        without_axis(axis)
        return p.entropy() / scale
    found = _entropies(probabilities(p, axis)) / scale
    return float(found) if axis is None else found


def _entropies(p: Probabilities) -> FloatArray:
    logs = np.where(p.values > 0, p.logs, 0.0)
    return np.asarray(np.maximum(-(p.values * logs).sum(axis=p.axes), 0.0))


def _entropy(p: Probabilities) -> float:
    return float(_entropies(p))


def conditional_entropy(
    p: Distribution, of: Chosen, given: Chosen, *, unit: Unit = "nats"
) -> float:
    """H(A | B) = -sum_{a,b} P(a, b) log P(a | b): what is left open about A where B is known.

    Parameters
    ----------
    p : array_like, Factor or GibbsDistribution
        The joint distribution.
    of, given : name, axis, or sequence of them
        Variables, by name or (of an array) by axis; those in neither are summed out.
    unit : {"nats", "bits"}

    Raises
    ------
    ValueError
        As for `entropy`, and if a variable is in both groups.

    Notes
    -----
    Source: Cover & Thomas (2006), section 2.2.

    Examples
    --------
    >>> round(conditional_entropy([[0.25, 0.25], [0.5, 0.0]], 0, given=1, unit="bits"), 6)
    0.688722
    """
    scale = nats_in(unit)
    if isinstance(p, GibbsDistribution) and _covers(p, of, given):
        # Of all variables, however many: no joint table is needed.
        return max(p.entropy() - entropy(p, given), 0.0) / scale
    joint = joint_of(p, [of, given])
    both, alone = probabilities(joint, None), probabilities(joint.sum(axis=0), None)
    logs = np.where(both.values > 0, both.logs - np.where(alone.values > 0, alone.logs, 0.0), 0.0)
    return max(-float((both.values * logs).sum()), 0.0) / scale


def _covers(p: GibbsDistribution, *groups: Any) -> bool:
    named = [name for g in groups for name in ([g] if not isinstance(g, list | tuple) else g)]
    names = [getattr(name, "name", name) for name in named]
    return len(names) == len(p.names) and set(names) == set(p.names)


def mutual_information(
    p: Distribution, a: Chosen, b: Chosen, given: Chosen = (), *, unit: Unit = "nats"
) -> float:
    """I(A; B | C) = H(A | C) - H(A | B, C): what A and B say about each other, C being known.

    Zero if and only if A and B are independent given C.

    Parameters
    ----------
    p : array_like, Factor or GibbsDistribution
        The joint distribution.
    a, b, given : name, axis, or sequence of them
        Variables, by name or (of an array) by axis; those in none of them are summed out.
    unit : {"nats", "bits"}

    Raises
    ------
    ValueError
        As for `conditional_entropy`.

    Notes
    -----
    Source: Cover & Thomas (2006), sections 2.3 and 2.5.

    Examples
    --------
    >>> mutual_information([[0.5, 0.0], [0.0, 0.5]], 0, 1, unit="bits")
    1.0
    """
    return expected_values.mutual_information(joint_of(p, [a, b, given])) / nats_in(unit)
