"""Expected log weights: what entropy and divergence are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gibbsfactor.exact.inference import table_marginals
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.prepared import prepare
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.factor import Factor
from gibbsfactor.variable import Variable


def entropy(network: Network, memory: int | None = None) -> float:
    """H(P) = log Z - sum_k E[log phi_k], in nats.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    network = prepare(network, "marginals", memory).network
    found = table_marginals(network, memory)
    expected = map(_expected_log, network.tables, found.tables, found.mass)
    return found.log_total - network.log_constant - math.fsum(expected)


def entropy_and_expected_logs(
    factors: Sequence[Factor],
    variables: Sequence[Variable],
    targets: Sequence[Factor],
    memory: int | None = None,
) -> tuple[float, float]:
    """H(P) of the product of the factors, and E_P of the sum of the targets' logs, in one sweep.

    A target whose log is -inf where P has mass makes the expectation -inf.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    wide = [t for t in targets if t.log_values.size > 1]
    constants = [float(t.log_values.reshape(())) for t in targets if t.log_values.size == 1]
    network = Network.of(factors, variables, [t.scope for t in wide])
    found = table_marginals(network, memory)
    expected = list(map(_expected_log, network.tables, found.tables, found.mass))
    own = network.n_given
    asked = map(_expected_log, wide, found.tables[own:], found.mass[own:])
    log_z = found.log_total - network.log_constant
    return log_z - math.fsum(expected[:own]), sum([*asked, *constants])


def _expected_log(table: Factor, marginal: FloatArray, mass: npt.NDArray[np.bool_]) -> float:
    """sum_x mu(x) log phi(x), with 0 log 0 = 0; -inf where there is mass, however small."""
    logs = table.log_values.reshape(marginal.shape)
    if (mass & (logs == -math.inf)).any():
        return -math.inf
    return float(np.sum(marginal[mass] * logs[mass]))
