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
    logs = map(network.logs_below_peak, range(len(network.tables)))
    expected = map(_expected_log, logs, found.tables, found.mass)
    return found.log_total - network.log_constant - math.fsum(expected)


def entropy_and_expected_logs(
    factors: Sequence[Factor],
    variables: Sequence[Variable],
    other: Network,
    memory: int | None = None,
) -> tuple[float, float]:
    """H(P) of the product of the factors, and E_P of the log weights of another network, below its
    peaks, in one sweep.

    A table of that network whose log is -inf where P has mass makes the expectation -inf.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    """
    asked_tables = other.tables[: other.n_given]
    network = Network.of(factors, variables, [t.scope for t in asked_tables])
    found = table_marginals(network, memory)
    own = network.n_given
    logs = map(network.logs_below_peak, range(own))
    expected = map(_expected_log, logs, found.tables, found.mass)
    theirs = map(other.logs_below_peak, range(other.n_given))
    asked = map(_expected_log, theirs, found.tables[own:], found.mass[own:])
    log_z = found.log_total - network.log_constant
    return log_z - math.fsum(expected), sum(asked)


def _expected_log(logs: FloatArray, marginal: FloatArray, mass: npt.NDArray[np.bool_]) -> float:
    """sum_x mu(x) log phi(x), with 0 log 0 = 0; -inf where there is mass, however small."""
    logs = logs.reshape(marginal.shape)
    if (mass & (logs == -math.inf)).any():
        return -math.inf
    return float(np.sum(marginal[mass] * logs[mass]))
