"""Thermodynamics of discrete systems: energies, temperatures, and what log Z says about them.

Everything here is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor.thermodynamics.boltzmann import BoltzmannDistribution
    from gibbsfactor.thermodynamics.curves import Curve
    from gibbsfactor.thermodynamics.energy import Energy
    from gibbsfactor.thermodynamics.kaufman import (
        kaufman_energy,
        kaufman_heat_capacity,
        kaufman_log_partition,
    )
    from gibbsfactor.thermodynamics.lattice import ising
    from gibbsfactor.thermodynamics.link_properties import LinkLaws, link_laws
    from gibbsfactor.thermodynamics.links import LINKS, Link, Sparsemax
    from gibbsfactor.thermodynamics.maxent import Constraint, MaximumEntropy, maximum_entropy
    from gibbsfactor.thermodynamics.onsager import (
        critical_temperature,
        onsager_energy,
        onsager_free_energy,
        onsager_heat_capacity,
        onsager_magnetization,
    )

__all__ = [
    "LINKS",
    "BoltzmannDistribution",
    "Constraint",
    "Curve",
    "Energy",
    "Link",
    "LinkLaws",
    "MaximumEntropy",
    "Sparsemax",
    "critical_temperature",
    "ising",
    "kaufman_energy",
    "kaufman_heat_capacity",
    "kaufman_log_partition",
    "link_laws",
    "maximum_entropy",
    "onsager_energy",
    "onsager_free_energy",
    "onsager_heat_capacity",
    "onsager_magnetization",
]

_HOMES = {
    "BoltzmannDistribution": "boltzmann",
    "Constraint": "maxent",
    "Curve": "curves",
    "Energy": "energy",
    "LINKS": "links",
    "Link": "links",
    "LinkLaws": "link_properties",
    "MaximumEntropy": "maxent",
    "Sparsemax": "links",
    "critical_temperature": "onsager",
    "ising": "lattice",
    "kaufman_energy": "kaufman",
    "kaufman_heat_capacity": "kaufman",
    "kaufman_log_partition": "kaufman",
    "link_laws": "link_properties",
    "maximum_entropy": "maxent",
    "onsager_energy": "onsager",
    "onsager_free_energy": "onsager",
    "onsager_heat_capacity": "onsager",
    "onsager_magnetization": "onsager",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
