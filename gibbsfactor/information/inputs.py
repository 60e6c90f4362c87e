"""What measures of information are taken of, checked: probabilities and their logs; and units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import listed
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.tables import FloatArray, log_sum_exp
from gibbsfactor.variable import Variable, is_missing, plain

Unit = Literal["nats", "bits"]
Distribution = npt.ArrayLike | Mapping[Any, float] | Factor | GibbsDistribution
Axis = int | tuple[int, ...]
Chosen = str | Variable | int | Sequence[str | Variable | int]

SUM_SLACK = 1e-6  # by which probabilities may miss the sum of one
_NATS = {"nats": 1.0, "bits": math.log(2)}


class Probabilities(NamedTuple):
    """A table of probabilities and their logs, and the axes that each distribution runs over.

    The other axes are those of a batch.
    """

    values: FloatArray
    logs: FloatArray
    axes: tuple[int, ...]


def nats_in(unit: Unit) -> float:
    """How many nats the unit has.

    Raises
    ------
    ValueError
        If there is no such unit.
    """
    if unit not in _NATS:
        raise ValueError(f"the unit is {unit!r}; there are {listed(list(_NATS))}")
    return _NATS[unit]


def probabilities(
    p: npt.ArrayLike | Mapping[Any, float] | Factor, axis: Axis | None, name: str = "p"
) -> Probabilities:
    """Probabilities of an array, a mapping or a factor.

    Raises
    ------
    ValueError
        If they are negative, not finite or do not sum to 1, or there is no such axis.
    TypeError
        If they are not numbers.
    """
    if isinstance(p, Factor):
        if axis is not None:
            raise ValueError(f"axis={axis} is for arrays; {name} is a factor over {p.names}")
        logs = p.log_values
        axes = tuple(range(logs.ndim))
        what = f"{name}, a factor over {p.names},"
    else:
        values = numbers(p, name)
        axes = _axes(axis, values.ndim)
        with np.errstate(divide="ignore"):
            logs = np.log(values)
        what = name
    log_sums = log_sum_exp(logs, axes)
    off = ~(np.abs(np.expm1(np.minimum(log_sums, 1.0))) <= SUM_SLACK)
    if off.any():
        raise ValueError(_not_normalised(what, log_sums, off, axis, p))
    log_sums = log_sums.reshape([1 if i in axes else n for i, n in enumerate(logs.shape)])
    logs = np.asarray(logs - log_sums)
    return Probabilities(np.exp(logs), logs, axes)


def _not_normalised(
    what: str, log_sums: FloatArray, off: npt.NDArray[np.bool_], axis: Axis | None, p: Any
) -> str:
    with np.errstate(over="ignore"):
        total = float(np.exp(log_sums[off].flat[0]))
    if isinstance(p, Factor):
        return f"{what} sums to {total:.9g}, not 1; use its normalize()"
    if log_sums.ndim:
        row = ", ".join(map(str, np.argwhere(off)[0].tolist()))
        return (
            f"{what} sums to {total:.9g}, not 1, along axis {axis} at [{row}]; "
            "divide by the sums, or name the axes that hold the states"
        )
    way = "divide by the sum"
    if np.ndim(p) > 1:
        way += ", or, for many distributions, say with axis= along which each of them runs"
    return f"{what} sums to {total:.9g}, not 1; {way}"


def numbers(given: npt.ArrayLike | Mapping[Any, float], name: str) -> FloatArray:
    """An array of finite numbers of at least 0, or the numbers of a mapping {state: number}."""
    try:
        if isinstance(given, Mapping):
            given = list(given.values())
        if np.iscomplexobj(given):
            raise TypeError
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} is {given!r:.60}; expected an array of probabilities, a mapping {{state: "
            "probability}}, a Factor or a GibbsDistribution"
        ) from None
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        where = tuple(np.argwhere(bad)[0].tolist())
        raise ValueError(
            f"{name} has {values[where]} at {list(where)}; probabilities are finite and at least 0"
        )
    return values


def _axes(axis: Axis | None, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    given = (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    for a in given:
        if not -ndim <= a < ndim:
            raise ValueError(f"there is no axis {a}; the array has {ndim} axes")
    axes = tuple(a % ndim for a in given)
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis={axis} names an axis twice")
    return axes


def same_kind(p: Distribution, q: Distribution) -> tuple[Distribution, Distribution]:
    """Two distributions that can be compared: both arrays, factors or Gibbs distributions.

    Two that come with labels (mappings, series and data frames of pandas) are brought into one
    order by label; a label that one of them lacks has probability 0 there.
    """
    if _has_labels(p) or _has_labels(q):
        p, q = _by_label(p, q)
    if isinstance(p, GibbsDistribution) and isinstance(q, Factor):
        return p, as_gibbs(q, "q")
    if isinstance(p, Factor) and isinstance(q, GibbsDistribution):
        return as_gibbs(p, "p"), q
    for kind in (GibbsDistribution, Factor):
        if isinstance(p, kind) != isinstance(q, kind):
            raise TypeError(
                f"p is a {type(p).__name__} and q a {type(q).__name__}; give two arrays, or two "
                "of which each is a Factor or a GibbsDistribution"
            )
    if isinstance(p, Factor) and isinstance(q, Factor):
        if set(p.scope) != set(q.scope):
            raise ValueError(
                f"p is over {p.names}, q over {q.names}; they must be over the same variables, "
                "with the same states"
            )
        return p, q.transpose(p.names)
    return p, q


def _has_labels(p: Any) -> bool:
    return isinstance(p, Mapping) or hasattr(p, "iloc")


def _by_label(p: Any, q: Any) -> tuple[Distribution, Distribution]:
    """Two distributions, of which one has labels, in one order of labels."""
    for one, other in ((p, q), (q, p)):
        if isinstance(other, Factor | GibbsDistribution):
            scope = other.scope if isinstance(other, Factor) else other.variables
            made = Factor(scope, one)
            return (made, other) if one is p else (other, made)
        if not _has_labels(other):
            if not isinstance(one, Mapping):
                return p, q  # as numpy has it: by position
            name, bare = ("p", "q") if one is p else ("q", "p")
            raise TypeError(
                f"{name} has labels, {bare} is an array without any, so that it is not known which "
                "numbers belong together; give both with labels, or both as arrays"
            )
    if hasattr(p, "columns") and hasattr(q, "columns"):
        shared = len(p.index.intersection(q.index)) and len(p.columns.intersection(q.columns))
        _check_shared(bool(shared), list(p.columns), list(q.columns))
        one, other = p.align(q, join="outer", fill_value=0.0)
        return one.to_numpy(), other.to_numpy()
    one, other = _labels(p, "p"), _labels(q, "q")
    _check_shared(any(label in other for label in one), list(one), list(other))
    order = list(dict.fromkeys([*one, *other]))
    return [one.get(label, 0.0) for label in order], [other.get(label, 0.0) for label in order]


def _check_shared(is_shared: bool, one: list[Any], other: list[Any]) -> None:
    if not is_shared:
        raise ValueError(
            f"p and q have no label in common: p has {listed(one, 6)}, q has {listed(other, 6)}; "
            "labels must be of one type"
        )


def _labels(p: Any, name: str) -> dict[Any, float]:
    """The numbers of a mapping or a series by label."""
    if hasattr(p, "columns"):
        raise TypeError("one is a data frame, the other is none; give two of one kind")
    pairs = [(None if is_missing(label) else plain(label), x) for label, x in p.items()]
    found = dict(pairs)
    if len(found) < len(pairs):
        labels = [label for label, _ in pairs]
        twice = next(label for i, label in enumerate(labels) if label in labels[:i])
        raise ValueError(f"{name} has the label {twice!r} twice; give each state one probability")
    return found


def as_gibbs(factor: Factor, name: str) -> GibbsDistribution:
    """A normalised factor as a Gibbs distribution."""
    probabilities(factor, None, name)
    return GibbsDistribution([factor])


def without_axis(axis: Axis | None) -> None:
    """Raise ValueError if an axis is given where there is no array."""
    if axis is not None:
        raise ValueError(f"axis={axis} is for arrays; a GibbsDistribution has names, not axes")


def chosen_axes(p: FloatArray | Factor, groups: Sequence[Chosen]) -> list[tuple[int, ...]]:
    """Groups of variables, named (a factor's) or numbered (an array's), as axes.

    Raises
    ------
    ValueError
        If one does not exist or is there twice, be it in two groups.
    """
    ndim = len(p.scope) if isinstance(p, Factor) else p.ndim
    names = list(p.names) if isinstance(p, Factor) else []
    found = []
    for group in groups:
        items = [group] if isinstance(group, str | Variable | int | np.integer) else list(group)
        axes = []
        for item in items:
            name = item.name if isinstance(item, Variable) else item
            if isinstance(name, str) and name in names:
                axes.append(names.index(name))
            elif not names and isinstance(name, int | np.integer) and -ndim <= name < ndim:
                axes.append(int(name) % ndim)
            else:
                there = listed(names) if names else f"axes 0 to {ndim - 1}"
                raise ValueError(f"there is no variable {name!r}; there are {there}")
        found.append(tuple(axes))
    every = [axis for axes in found for axis in axes]
    if len(set(every)) < len(every):
        twice = next(a for i, a in enumerate(every) if a in every[:i])
        which = repr(names[twice]) if names else f"axis {twice}"
        raise ValueError(f"{which} is there twice; name each variable once")
    return found


def joint_of(p: Distribution, groups: Sequence[Chosen]) -> FloatArray:
    """The joint probabilities of groups of variables, one axis a group, the rest summed out."""
    if isinstance(p, GibbsDistribution):
        flat = [
            name
            for group in groups
            for name in ([group] if isinstance(group, str | Variable | int) else group)
        ]
        table = p.marginal(*flat)  # type: ignore[arg-type]
        sizes = [1 if isinstance(g, str | Variable | int) else len(g) for g in groups]
        ends = np.cumsum([0, *sizes]).tolist()
        axes = [tuple(range(i, j)) for i, j in pairwise(ends)]
        values = table.values
    else:
        source = p if isinstance(p, Factor) else numbers(p, "p")
        values = probabilities(source, None).values
        axes = chosen_axes(source, groups)
    kept = [axis for group in axes for axis in group]
    others = tuple(i for i in range(values.ndim) if i not in kept)
    order = [sorted(kept).index(axis) for axis in kept]
    shape = [math.prod(values.shape[axis] for axis in group) for group in axes]
    return np.asarray(values.sum(axis=others).transpose(order).reshape(shape))
