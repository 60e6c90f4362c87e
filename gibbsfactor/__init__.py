"""Discrete probabilistic graphical models: factors, Gibbs distributions, exact inference, CRFs.

Everything here is loaded when it is first used, so that importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor import datasets as datasets
    from gibbsfactor.drawing import draw as draw
    from gibbsfactor.errors import (
        FormatError as FormatError,
    )
    from gibbsfactor.errors import (
        IntractableError as IntractableError,
    )
    from gibbsfactor.errors import (
        ZeroProbabilityError as ZeroProbabilityError,
    )
    from gibbsfactor.factor import Factor as Factor
    from gibbsfactor.features import Templates as Templates
    from gibbsfactor.gibbs import GibbsDistribution as GibbsDistribution
    from gibbsfactor.io import read_conll as read_conll
    from gibbsfactor.io import write_conll as write_conll
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF as LinearChainCRF
    from gibbsfactor.models.softmax import SoftmaxRegression as SoftmaxRegression
    from gibbsfactor.variable import Variable as Variable

__version__ = "0.1.0"

_HOMES = {
    "Factor": "gibbsfactor.factor",
    "FormatError": "gibbsfactor.errors",
    "GibbsDistribution": "gibbsfactor.gibbs",
    "IntractableError": "gibbsfactor.errors",
    "LinearChainCRF": "gibbsfactor.models.linear_chain_crf",
    "SoftmaxRegression": "gibbsfactor.models.softmax",
    "Templates": "gibbsfactor.features",
    "Variable": "gibbsfactor.variable",
    "ZeroProbabilityError": "gibbsfactor.errors",
    "datasets": "gibbsfactor.datasets",
    "draw": "gibbsfactor.drawing",
    "read_conll": "gibbsfactor.io",
    "write_conll": "gibbsfactor.io",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gibbsfactor' has no attribute {name!r}")
    module = importlib.import_module(_HOMES[name])
    value = module if name == "datasets" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
