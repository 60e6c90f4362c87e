"""The arguments of a hidden Markov model, its emissions, and its parameters by name."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

import numpy as np

from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.models.hidden_markov_model.categorical import CategoricalEmissions
from gibbsfactor.models.hidden_markov_model.emissions import Emissions
from gibbsfactor.models.hidden_markov_model.gaussian import GaussianEmissions
from gibbsfactor.models.hidden_markov_model.mixture import MixtureEmissions

KINDS: dict[str, type[Emissions]] = {
    "categorical": CategoricalEmissions,
    "gaussian": GaussianEmissions,
    "mixture": MixtureEmissions,
}
ALGORITHMS = ("viterbi", "map")


def check_parameters(model: Any) -> None:
    """Raise ValueError or TypeError for the first argument that makes no sense."""
    for name, least in (("n_components", 1), ("n_iter", 0), ("n_init", 1)):
        value = getattr(model, name)
        if value is None and name == "n_components":
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} is {value!r}; it must be a whole number from {least}")
    tol = model.tol
    if isinstance(tol, bool) or not isinstance(tol, int | float | np.number) or math.isnan(tol):
        raise ValueError(f"tol is {tol!r}; it must be a number")
    if model.algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm is {model.algorithm!r}; it must be 'viterbi' or 'map'")
    if model.progress not in (True, False, "always"):
        raise ValueError(f"progress is {model.progress!r}; it must be True, False or 'always'")


def generator(random_state: Any) -> np.random.Generator:
    """The source of random numbers that was given, or one made of a seed.

    Raises
    ------
    ValueError
        If it is neither.
    """
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError):
        raise ValueError(
            f"random_state is {random_state!r}; it must be a whole number from 0, or a Generator"
        ) from None


def make_emissions(model: Any) -> Emissions:
    """New emissions, as the arguments of a model tell.

    Raises
    ------
    ValueError, TypeError
        If there is no such kind.
    """
    if isinstance(model.emissions, Emissions):
        return copy.copy(model.emissions)
    kind = KINDS.get(model.emissions) if isinstance(model.emissions, str) else None
    if kind is None:
        raise ValueError(
            f"emissions is {model.emissions!r}; it must be one of {', '.join(map(repr, KINDS))}, "
            "or an object of a class of Emissions, such as WordEmissions()"
        )
    names = [name for name in vars(kind()) if hasattr(model, name) and not name.endswith("_")]
    return kind(**{name: getattr(model, name) for name in names})


def warn_of_rows(X: Any, read: Sequences, emissions: Emissions) -> None:
    """Warn of a list of lists that may be meant as the rows of one sequence.

    `[[0], [1], [2]]` is read as three sequences of one symbol. Other libraries, which take a table
    of all observations, read it as one sequence of three. What a model was trained on tells its
    user's way; where that was a list of sequences, questions need no warning.

    Warns
    -----
    UserWarning
        If X is a list of several lists of one number each; of real numbers, of as many numbers
        each, but fewer than there are lists.
    """
    n, length = len(read.lengths), int(read.lengths[0]) if len(read.lengths) else 0
    vectors = isinstance(emissions, GaussianEmissions | MixtureEmissions)
    if not read.listed or not 1 <= length < (n if vectors else min(n, 2)):
        return
    if not isinstance(X, list | tuple) or (read.lengths != length).any():
        return
    if all(isinstance(x, list | tuple) and _is_number(x[0]) for x in X):
        numbers = "one number" if length == 1 else f"{length} numbers"
        observations = "one observation" if length == 1 else f"{length} observations"
        warnings.warn(
            f"X is a list of {n} lists of {numbers} each, which is read as {n} sequences of "
            f"{observations}. If it is one sequence of {n} observations, give an array of shape "
            f"({n}, {length}), or lengths=[{n}]. If they are {n} sequences, give each as an array",
            UserWarning,
            stacklevel=4,
        )


def _is_number(thing: Any) -> bool:
    return isinstance(thing, int | float | np.number) and not isinstance(thing, bool)


class OfEmissions:
    """A parameter of the model that its emissions hold: read from there, and set there."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, model: Any, owner: type) -> Any:
        """The emissions' own; AttributeError if they have none, or not yet."""
        if model is None:
            return self
        emissions = vars(model).get("emissions_")
        if emissions is None:
            raise AttributeError(f"{self.name} is not set; call fit, or set it")
        return getattr(emissions, self.name)

    def __set__(self, model: Any, value: Any) -> None:
        """Set it in a copy of the emissions, made for the purpose if there are none yet."""
        emissions = copy.copy(vars(model).get("emissions_") or make_emissions(model))
        kind = type(emissions)
        if self.name not in kind.parameters.values() and not hasattr(kind, self.name):
            raise AttributeError(
                f"{kind.__name__} have no {self.name}; they have "
                f"{', '.join(name.lstrip('_') for name in kind.parameters.values())}"
            )
        setattr(emissions, self.name, value)
        model.emissions_ = emissions
