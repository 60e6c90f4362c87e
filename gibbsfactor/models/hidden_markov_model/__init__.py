"""The hidden Markov model."""

from __future__ import annotations

from gibbsfactor.models.hidden_markov_model.categorical import CategoricalEmissions
from gibbsfactor.models.hidden_markov_model.emissions import Emissions, LogLinear, Observations
from gibbsfactor.models.hidden_markov_model.estimator import HiddenMarkovModel
from gibbsfactor.models.hidden_markov_model.gaussian import GaussianEmissions
from gibbsfactor.models.hidden_markov_model.mixture import MixtureEmissions
from gibbsfactor.models.hidden_markov_model.words import WordEmissions

__all__ = [
    "CategoricalEmissions",
    "Emissions",
    "GaussianEmissions",
    "HiddenMarkovModel",
    "LogLinear",
    "MixtureEmissions",
    "Observations",
    "WordEmissions",
]
