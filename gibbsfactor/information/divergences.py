"""Information between two distributions: cross-entropy and divergences."""

from __future__ import annotations

import math
from typing import overload

import numpy as np
import numpy.typing as npt

from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.information.entropies import entropy
from gibbsfactor.information.inputs import (
    Axis,
    Distribution,
    Probabilities,
    Unit,
    nats_in,
    probabilities,
    same_kind,
    without_axis,
)
from gibbsfactor.tables import FloatArray


@overload
def cross_entropy(
    p: Distribution, q: Distribution, *, axis: None = None, unit: Unit = "nats"
) -> float: ...


@overload
def cross_entropy(
    p: npt.ArrayLike, q: npt.ArrayLike, *, axis: Axis, unit: Unit = "nats"
) -> FloatArray: ...


def cross_entropy(
    p: Distribution, q: Distribution, *, axis: Axis | None = None, unit: Unit = "nats"
) -> float | FloatArray:
    """H(P, Q) = -sum_x P(x) log Q(x) = H(P) + KL(P || Q): the price of coding P with Q's code.

    Parameters
    ----------
    p, q : array_like, mapping {state: probability}, Factor or GibbsDistribution
        Of one kind; factors and Gibbs distributions may be mixed, and their variables may come
        in any order. Mappings, and series and data frames of pandas (normalised value counts),
        are matched by label; a label that one of them lacks has probability 0 there.
    axis : int or tuple of int, optional
        Of arrays that hold many distributions: the axes that each of them runs over. Their other
        axes broadcast.
    unit : {"nats", "bits"}

    Returns
    -------
    float, or array of the batch's shape
        inf where Q lacks mass that P has.

    Raises
    ------
    ValueError
        If probabilities are negative or do not sum to 1 within 1e-6 (they are divided by their
        sum), or the two are not over the same states.
    TypeError
        If one is an array and the other is not.

    Notes
    -----
    Source: MacKay (2003), Information theory, inference, and learning algorithms, section 5.4.

    Examples
    --------
    >>> round(cross_entropy([0.5, 0.5], [0.25, 0.75], unit="bits"), 6)
    1.207519
    >>> round(cross_entropy({"u": 1.0}, {"v": 0.75, "u": 0.25}, unit="bits"), 6)
    2.0
    """
    scale = nats_in(unit)
    p, q = same_kind(p, q)
    if isinstance(p, GibbsDistribution) and isinstance(q, GibbsDistribution):
        without_axis(axis)
        return (p.entropy() + p.kl_divergence(q)) / scale
    one, two = _pair(p, q, axis)
    found = np.asarray(-_expected(one, two.logs) / scale + 0.0)
    return float(found) if axis is None else found


@overload
def kl_divergence(
    p: Distribution, q: Distribution, *, axis: None = None, unit: Unit = "nats"
) -> float: ...


@overload
def kl_divergence(
    p: npt.ArrayLike, q: npt.ArrayLike, *, axis: Axis, unit: Unit = "nats"
) -> FloatArray: ...


def kl_divergence(
    p: Distribution, q: Distribution, *, axis: Axis | None = None, unit: Unit = "nats"
) -> float | FloatArray:
    """KL(P || Q) = sum_x P(x) log(P(x) / Q(x)): what coding P with Q's code costs on top of H(P).

    Never negative, and zero only if P = Q; not symmetric. inf where Q lacks mass that P has.

    Parameters
    ----------
    p, q, axis, unit
        As for `cross_entropy`.

    Raises
    ------
    ValueError, TypeError
        As for `cross_entropy`.

    Notes
    -----
    Source: Kullback & Leibler (1951); Cover & Thomas (2006), section 2.3.

    Examples
    --------
    >>> round(kl_divergence([0.5, 0.5], [0.25, 0.75], unit="bits"), 6)
    0.207519
    >>> kl_divergence([0.5, 0.5], [1.0, 0.0])
    inf
    """
    scale = nats_in(unit)
    p, q = same_kind(p, q)
    if isinstance(p, GibbsDistribution) and isinstance(q, GibbsDistribution):
        without_axis(axis)
        return p.kl_divergence(q) / scale
    found = _divergence(*_pair(p, q, axis)) / scale
    return float(found) if axis is None else found


@overload
def jensen_shannon(
    p: Distribution, q: Distribution, *, axis: None = None, unit: Unit = "nats"
) -> float: ...


@overload
def jensen_shannon(
    p: npt.ArrayLike, q: npt.ArrayLike, *, axis: Axis, unit: Unit = "nats"
) -> FloatArray: ...


def jensen_shannon(
    p: Distribution, q: Distribution, *, axis: Axis | None = None, unit: Unit = "nats"
) -> float | FloatArray:
    """JS(P, Q) = KL(P || M) / 2 + KL(Q || M) / 2, with M = (P + Q) / 2.

    Symmetric, between 0 and log 2 (one bit); its square root is a metric.

    Parameters
    ----------
    p, q, axis, unit
        As for `cross_entropy`. Of Gibbs distributions the joint table is made, as the mixture M
        does not factorise.

    Raises
    ------
    ValueError, TypeError
        As for `cross_entropy`.
    IntractableError
        If the joint table of Gibbs distributions would not fit the memory.

    Notes
    -----
    Source: Lin (1991), Divergence measures based on the Shannon entropy.

    Examples
    --------
    >>> jensen_shannon([1.0, 0.0], [0.0, 1.0], unit="bits")
    1.0
    """
    scale = nats_in(unit)
    p, q = same_kind(p, q)
    if isinstance(p, GibbsDistribution) and isinstance(q, GibbsDistribution):
        without_axis(axis)
        p._domain.check_same(q._domain)
        p, q = p.marginal(*p.names), q.marginal(*p.names)
    one, two = _pair(p, q, axis)
    mixed = np.logaddexp(one.logs, two.logs) - math.log(2)
    mixture = Probabilities(np.exp(mixed), mixed, one.axes)
    found = (_divergence(one, mixture) + _divergence(two, mixture)) / 2
    found = np.asarray(np.minimum(found, math.log(2)) / scale)
    return float(found) if axis is None else found


@overload
def perplexity(p: Distribution, q: Distribution | None = None, *, axis: None = None) -> float: ...


@overload
def perplexity(p: npt.ArrayLike, q: npt.ArrayLike | None = None, *, axis: Axis) -> FloatArray: ...


def perplexity(
    p: Distribution, q: Distribution | None = None, *, axis: Axis | None = None
) -> float | FloatArray:
    """exp H(P), or exp H(P, Q): how many equally probable states would be as uncertain.

    Of a model on data it is ``exp(surprisal(probabilities).mean())``.

    Parameters
    ----------
    p, q, axis
        As for `cross_entropy`.

    Examples
    --------
    >>> round(perplexity([0.25, 0.25, 0.25, 0.25]), 6)
    4.0
    """
    if axis is None:
        nats = entropy(p) if q is None else cross_entropy(p, q)
        return float(np.exp(nats))
    many = entropy(p, axis=axis) if q is None else cross_entropy(p, q, axis=axis)  # type: ignore[arg-type]
    return np.asarray(np.exp(many))


def _pair(
    p: Distribution, q: Distribution, axis: Axis | None
) -> tuple[Probabilities, Probabilities]:
    """Two tables of probabilities over the same states."""
    assert not isinstance(p, GibbsDistribution)
    assert not isinstance(q, GibbsDistribution)
    one, two = probabilities(p, axis, "p"), probabilities(q, axis, "q")
    shapes = one.values.shape, two.values.shape
    sizes = [[shape[a] for a in some.axes] for shape, some in zip(shapes, (one, two), strict=True)]
    if len(shapes[0]) != len(shapes[1]) or sizes[0] != sizes[1]:
        raise ValueError(f"p has shape {shapes[0]}, q {shapes[1]}; they must have the same states")
    return one, two


def _expected(p: Probabilities, logs: FloatArray) -> FloatArray:
    """sum_x P(x) log Q(x), with 0 log 0 = 0; -inf where Q lacks mass that P has."""
    possible, logs = np.broadcast_arrays(p.logs > -math.inf, logs)
    lacking = (possible & (logs == -math.inf)).any(axis=p.axes)
    terms = np.where(possible & (logs > -math.inf), p.values * np.maximum(logs, -1e308), 0.0)
    return np.asarray(np.where(lacking, -math.inf, terms.sum(axis=p.axes)))


def _divergence(p: Probabilities, q: Probabilities) -> FloatArray:
    possible = p.logs > -math.inf
    with np.errstate(invalid="ignore"):
        ratios = np.where(possible, q.logs - p.logs, 0.0)  # log Q/P; -inf where Q lacks mass
    return np.asarray(np.maximum(-_expected(p, ratios), 0.0))
