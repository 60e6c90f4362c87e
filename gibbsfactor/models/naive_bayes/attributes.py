"""Fitted attributes of naive Bayes, by scikit-learn's names where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.models.naive_bayes.bernoulli import Bernoulli
from gibbsfactor.models.naive_bayes.categorical import OTHER, Categorical
from gibbsfactor.models.naive_bayes.family import FloatArray
from gibbsfactor.models.naive_bayes.gaussian import Gaussian
from gibbsfactor.models.naive_bayes.model import Counted
from gibbsfactor.models.naive_bayes.multinomial import Multinomial
from gibbsfactor.variable import Variable


def keep_attributes(model: Any, counted: Counted, names: Sequence[object]) -> None:
    """Set what each kind of column has learned."""
    for attribute in ("theta_", "var_", "epsilon_", "feature_count_", "feature_log_prob_"):
        vars(model).pop(attribute, None)
    for attribute in ("categories_", "category_count_", "category_log_prob_"):
        vars(model).pop(attribute, None)
    k, d = counted.class_count.size, len(counted.kinds)
    for family in counted.families:
        if isinstance(family, Gaussian):
            model.theta_ = _spread(family.theta, family.columns, (k, d))
            model.var_ = _spread(family.var, family.columns, (k, d))
            model.epsilon_ = family.epsilon
        elif isinstance(family, Categorical):
            own = [names[i] for i in family.columns]
            labels = [c.labels for c in family.categories]
            model.categories_ = dict(zip(own, labels, strict=True))
            model.category_count_ = {n: c.T for n, c in zip(own, family.counts, strict=True)}
            model.category_log_prob_ = {n: t.T for n, t in zip(own, family.logs, strict=True)}
        elif isinstance(family, Multinomial | Bernoulli):
            counts = family.counts if isinstance(family, Multinomial) else family.ones
            for attribute, values in (
                ("feature_count_", counts),
                ("feature_log_prob_", family.logs),
            ):
                known = getattr(model, attribute, None)
                if known is None:
                    known = _spread(values, family.columns, (k, d))
                else:
                    known[:, family.columns] = values
                setattr(model, attribute, known)


def variables_of(counted: Counted, names: Sequence[str]) -> list[Variable | None]:
    """The columns as variables; None where a column has no list of states."""
    found: list[Variable | None] = [None] * len(names)
    for family in counted.families:
        for j, i in enumerate(family.columns.tolist()):
            if isinstance(family, Bernoulli):
                found[i] = Variable(names[i], 2)
            elif isinstance(family, Categorical):
                met, size = family.sizes(j)
                labels = family.categories[j].labels
                other = [OTHER] if met < size and OTHER not in labels else []
                if size:
                    found[i] = Variable(names[i], [*labels, *other])
    return found


def _spread(
    values: FloatArray, columns: npt.NDArray[np.intp], shape: tuple[int, int]
) -> FloatArray:
    """Values of some columns among NaN for the others."""
    if columns.size == shape[1]:
        return values
    spread = np.full(shape, np.nan)
    spread[:, columns] = values
    return spread
