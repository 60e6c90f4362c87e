"""The parameters of a linear-chain CRF, checked before anything is done with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gibbsfactor.features import Constraints, Templates

ALGORITHMS = ("lbfgs", "l2sgd", "ap")
METRICS = ("f1", "accuracy", "loss")


def check_parameters(model: Any) -> None:
    """Raise ValueError or TypeError for the first parameter that makes no sense."""
    _check_choice("algorithm", model.algorithm, ALGORITHMS)
    _check_choice("dev_metric", model.dev_metric, METRICS)
    for name in ("c1", "c2", "tol", "checkpoint_seconds"):
        value = getattr(model, name)
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not (number and 0 <= value < math.inf):
            raise ValueError(f"{name} is {value!r}; it must be a finite number of at least 0")
    if model.algorithm != "lbfgs" and model.c1:
        raise ValueError(
            f"c1 is {model.c1:g}, but algorithm={model.algorithm!r} has no L1 penalty; "
            "use algorithm='lbfgs', or c1=0"
        )
    if model.algorithm == "l2sgd" and not model.c2:
        raise ValueError(
            "c2 is 0, but algorithm='l2sgd' takes its rates from c2; give a small one, such as 0.01"
        )
    for name, least in (("max_iterations", 1), ("early_stopping", 1), ("n_threads", 1)):
        value = getattr(model, name)
        if value is None and name != "max_iterations":
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} is {value!r}; it must be a whole number from {least}")
    seed = model.random_state
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"random_state is {seed!r}; it must be a whole number from 0")
    if model.order not in (1, 2):
        raise ValueError(f"order is {model.order!r}; it must be 1 or 2")
    if model.progress not in (True, False, "always"):
        raise ValueError(f"progress is {model.progress!r}; it must be True, False or 'always'")
    if model.templates is not None and not isinstance(model.templates, Templates):
        raise TypeError(
            f"templates is {model.templates!r}; give Templates.chunking(), "
            "or your own with Templates.parse or Templates.from_file"
        )
    if not isinstance(model.constraints, str | Constraints | None):
        raise TypeError(
            f"constraints is {model.constraints!r}; give the name of a scheme such as 'IOB2', "
            "or Constraints"
        )
    if model.label_weights != "balanced":
        _check_by_label("label_weights", model.label_weights, ", or 'balanced'")
    _check_by_label("mistake_costs", model.mistake_costs)
    if model.label_weights is not None and model.mistake_costs is not None:
        raise ValueError("label_weights and mistake_costs are both given; give one of them")
    if model.label_weights is not None and model.algorithm == "ap":
        raise ValueError(
            "algorithm='ap' has no loss that label_weights could weigh; use algorithm='lbfgs' or "
            "'l2sgd', or mistake_costs"
        )


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        listed = ", ".join(map(repr, choices))
        raise ValueError(f"{name} is {value!r}; it must be one of {listed}")


def _check_by_label(name: str, given: object, more: str = "") -> None:
    """Raise unless a parameter is None or {label: number}; a weight may be 0, a cost may not."""
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} is {given!r}; give a dict {{label: number}}{more}, or None")
    for label, value in given.items():
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        costs = name == "mistake_costs"
        if not (number and 0 <= value < math.inf) or (costs and value == 0):
            raise ValueError(
                f"{name} gives {label!r} the {'cost' if costs else 'weight'} {value!r}; it must "
                f"be a finite number of {'more than' if costs else 'at least'} 0"
            )
