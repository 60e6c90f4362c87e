"""What the parameters of naive Bayes may be, spread over the columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

UNSEEN = ("missing", "category")


@dataclass(frozen=True, eq=False)
class Settings:
    """Checked parameters. ``alpha`` and ``min_categories`` have an entry for each of D columns."""

    alpha: FloatArray
    var_smoothing: float
    binarize: float | None
    min_categories: IntArray
    unseen: str

    @classmethod
    def of(cls, model: Any, n_columns: int) -> Settings:
        """The parameters of a model of D columns; ValueError if one is out of range."""
        if not (is_real(model.var_smoothing) and 0 <= model.var_smoothing < math.inf):
            raise ValueError(
                f"var_smoothing is {model.var_smoothing!r}; it must be a finite number of at "
                "least 0"
            )
        threshold = model.binarize
        if threshold is not None and not (is_real(threshold) and 0 <= threshold < math.inf):
            raise ValueError(
                f"binarize is {threshold!r}; it must be a finite number of at least 0, or None "
                "if columns hold zeros and ones only"
            )
        if model.unseen not in UNSEEN:
            raise ValueError(f"unseen is {model.unseen!r}; it must be 'missing' or 'category'")
        return cls(
            _alpha(model.alpha, n_columns),
            float(model.var_smoothing),
            None if threshold is None else float(threshold),
            _min_categories(model.min_categories, n_columns),
            model.unseen,
        )


def log_prior(model: Any, class_count: FloatArray) -> FloatArray:
    """log P(y) of every class, in nats: as given, uniform, or as often as it was met."""
    k = class_count.size
    if model.class_prior is None:
        if not model.fit_prior:
            return np.full(k, -math.log(k))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(class_count) - math.log(class_count.sum()))
    prior = np.asarray(model.class_prior, dtype=np.float64)
    if prior.shape != (k,):
        raise ValueError(
            f"class_prior has shape {prior.shape}, but there are {k} classes; "
            "give one probability for each"
        )
    if not ((prior >= 0).all() and math.isclose(prior.sum(), 1.0, abs_tol=1e-8)):
        raise ValueError(
            f"class_prior is {prior.tolist()}, with the sum {prior.sum():g}; "
            "it must be probabilities that sum to 1"
        )
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(prior))


def is_real(number: object) -> bool:
    """Whether it is a real number, and no truth value."""
    return isinstance(number, Real) and not isinstance(number, bool)


def _alpha(given: Any, n_columns: int) -> FloatArray:
    rule = f"it must be a finite number of at least 0, or {n_columns} of them, one for each column"
    try:
        alpha = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"alpha is {given!r}; {rule}") from None
    if isinstance(given, bool | str) or not (np.isfinite(alpha) & (alpha >= 0)).all():
        raise ValueError(f"alpha is {given!r}; {rule}")
    if alpha.shape not in ((), (n_columns,)):
        raise ValueError(f"alpha has shape {alpha.shape}; {rule}")
    return np.broadcast_to(alpha, (n_columns,))


def _min_categories(given: Any, n_columns: int) -> IntArray:
    if given is None:
        return np.zeros(n_columns, dtype=np.intp)
    least = np.asarray(given)
    whole = least.dtype.kind in "iu" and not isinstance(given, bool | np.bool_)
    if isinstance(given, Integral) and whole and int(given) < 1:
        whole = False
    if not whole or (least < 0).any() or least.shape not in ((), (n_columns,)):
        raise ValueError(
            f"min_categories is {given!r}; it must be an integer of at least 1, or {n_columns} "
            "integers, one for each column, or None"
        )
    return np.broadcast_to(least.astype(np.intp), (n_columns,))
