"""Discrete probabilistic graphical models: factors, Gibbs distributions, exact inference, CRFs.

Everything here is loaded when it is first used, so that importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor import datasets as datasets
    from gibbsfactor import information as information
    from gibbsfactor import thermodynamics as thermodynamics
    from gibbsfactor.conditional_table import ConditionalTable as ConditionalTable
    from gibbsfactor.drawing import draw as draw
    from gibbsfactor.errors import (
        FormatError as FormatError,
    )
    from gibbsfactor.errors import (
        IntractableError as IntractableError,
    )
    from gibbsfactor.errors import (
        PrecisionWarning as PrecisionWarning,
    )
    from gibbsfactor.errors import (
        ZeroProbabilityError as ZeroProbabilityError,
    )
    from gibbsfactor.factor import Factor as Factor
    from gibbsfactor.features import Constraints as Constraints
    from gibbsfactor.features import Templates as Templates
    from gibbsfactor.gibbs import GibbsDistribution as GibbsDistribution
    from gibbsfactor.io import from_pgmpy as from_pgmpy
    from gibbsfactor.io import from_pyagrum as from_pyagrum
    from gibbsfactor.io import read_bif as read_bif
    from gibbsfactor.io import read_conll as read_conll
    from gibbsfactor.io import read_hugin as read_hugin
    from gibbsfactor.io import read_libdai as read_libdai
    from gibbsfactor.io import read_model as read_model
    from gibbsfactor.io import read_uai as read_uai
    from gibbsfactor.io import read_uai_evidence as read_uai_evidence
    from gibbsfactor.io import read_uai_results as read_uai_results
    from gibbsfactor.io import read_uai_samples as read_uai_samples
    from gibbsfactor.io import read_xdsl as read_xdsl
    from gibbsfactor.io import read_xmlbif as read_xmlbif
    from gibbsfactor.io import to_pgmpy as to_pgmpy
    from gibbsfactor.io import to_pyagrum as to_pyagrum
    from gibbsfactor.io import write_bif as write_bif
    from gibbsfactor.io import write_conll as write_conll
    from gibbsfactor.io import write_hugin as write_hugin
    from gibbsfactor.io import write_libdai as write_libdai
    from gibbsfactor.io import write_model as write_model
    from gibbsfactor.io import write_uai as write_uai
    from gibbsfactor.io import write_uai_evidence as write_uai_evidence
    from gibbsfactor.io import write_uai_results as write_uai_results
    from gibbsfactor.io import write_xdsl as write_xdsl
    from gibbsfactor.io import write_xmlbif as write_xmlbif
    from gibbsfactor.models.bayesian_network import BayesianNetwork as BayesianNetwork
    from gibbsfactor.models.hidden_markov_model import HiddenMarkovModel as HiddenMarkovModel
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF as LinearChainCRF
    from gibbsfactor.models.log_linear import CliqueTemplate as CliqueTemplate
    from gibbsfactor.models.log_linear import LogLinearModel as LogLinearModel
    from gibbsfactor.models.naive_bayes import NaiveBayes as NaiveBayes
    from gibbsfactor.models.semi_markov_crf import SemiMarkovCRF as SemiMarkovCRF
    from gibbsfactor.models.softmax import SoftmaxRegression as SoftmaxRegression
    from gibbsfactor.thermodynamics import BoltzmannDistribution as BoltzmannDistribution
    from gibbsfactor.thermodynamics import Energy as Energy
    from gibbsfactor.thermodynamics import maximum_entropy as maximum_entropy
    from gibbsfactor.variable import Variable as Variable

__version__ = "0.1.0"

_HOMES = {
    "BayesianNetwork": "gibbsfactor.models.bayesian_network",
    "BoltzmannDistribution": "gibbsfactor.thermodynamics",
    "CliqueTemplate": "gibbsfactor.models.log_linear",
    "ConditionalTable": "gibbsfactor.conditional_table",
    "Constraints": "gibbsfactor.features",
    "Energy": "gibbsfactor.thermodynamics",
    "Factor": "gibbsfactor.factor",
    "FormatError": "gibbsfactor.errors",
    "GibbsDistribution": "gibbsfactor.gibbs",
    "HiddenMarkovModel": "gibbsfactor.models.hidden_markov_model",
    "IntractableError": "gibbsfactor.errors",
    "PrecisionWarning": "gibbsfactor.errors",
    "LinearChainCRF": "gibbsfactor.models.linear_chain_crf",
    "LogLinearModel": "gibbsfactor.models.log_linear",
    "NaiveBayes": "gibbsfactor.models.naive_bayes",
    "SemiMarkovCRF": "gibbsfactor.models.semi_markov_crf",
    "SoftmaxRegression": "gibbsfactor.models.softmax",
    "Templates": "gibbsfactor.features",
    "Variable": "gibbsfactor.variable",
    "ZeroProbabilityError": "gibbsfactor.errors",
    "datasets": "gibbsfactor.datasets",
    "draw": "gibbsfactor.drawing",
    "from_pgmpy": "gibbsfactor.io",
    "from_pyagrum": "gibbsfactor.io",
    "information": "gibbsfactor.information",
    "maximum_entropy": "gibbsfactor.thermodynamics",
    "read_bif": "gibbsfactor.io",
    "read_conll": "gibbsfactor.io",
    "read_hugin": "gibbsfactor.io",
    "read_libdai": "gibbsfactor.io",
    "read_model": "gibbsfactor.io",
    "read_uai": "gibbsfactor.io",
    "read_uai_evidence": "gibbsfactor.io",
    "read_uai_results": "gibbsfactor.io",
    "read_uai_samples": "gibbsfactor.io",
    "read_xdsl": "gibbsfactor.io",
    "read_xmlbif": "gibbsfactor.io",
    "thermodynamics": "gibbsfactor.thermodynamics",
    "to_pgmpy": "gibbsfactor.io",
    "to_pyagrum": "gibbsfactor.io",
    "write_bif": "gibbsfactor.io",
    "write_conll": "gibbsfactor.io",
    "write_hugin": "gibbsfactor.io",
    "write_libdai": "gibbsfactor.io",
    "write_model": "gibbsfactor.io",
    "write_uai": "gibbsfactor.io",
    "write_uai_evidence": "gibbsfactor.io",
    "write_uai_results": "gibbsfactor.io",
    "write_xdsl": "gibbsfactor.io",
    "write_xmlbif": "gibbsfactor.io",
}

_MODULES = ("datasets", "information", "thermodynamics")

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gibbsfactor' has no attribute {name!r}")
    module = importlib.import_module(_HOMES[name])
    value = module if name in _MODULES else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
