"""Target marginals in rows of cases: one pass for all rows' joint tables, then a fit of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact import batch
from gibbsfactor.exact.batch import Cases
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.exact.targets import MOST_JOINT, fitted_to_joint, target_factors
from gibbsfactor.variable import Variable

MOST_JOINTS = 2**24  # entries of the joint tables of some rows, held at a time


def row_target_weights(
    network: Network, cases: Cases, targets: Mapping[int, FloatArray], memory: int | None = None
) -> Cases:
    """The cases with one more weight on each target variable, so that its marginal is the target.

    Parameters
    ----------
    targets : variable number -> probabilities (n_rows, cardinality)

    Raises
    ------
    ZeroProbabilityError, ValueError
        As `target_factors`, naming the row.
    """
    more = {v: np.empty(q.shape) for v, q in targets.items()}
    entries = math.prod(network.cardinalities[v] for v in targets)
    step = max(MOST_JOINTS // entries, 1) if entries <= MOST_JOINT else 1
    for start in range(0, cases.n_rows, step):
        rows = np.arange(start, min(start + step, cases.n_rows))
        some = cases.taken(rows)
        if entries <= MOST_JOINT:
            joints = batch.joint_log_weights(network, some, list(targets), memory)
            found = [
                _fitted(network.variables, joint, targets, row)
                for row, joint in zip(rows.tolist(), joints, strict=True)
            ]
        else:
            (group,) = batch.grouped(network, some, targets)
            here = {v: q[start] for v, q in targets.items()}
            found = [target_factors(group.network.row(0), here, memory)]
        for row, factors in zip(rows.tolist(), found, strict=True):
            for v, logs in factors.items():
                more[v][row] = logs
    both = {v: logs + cases.log_weights.get(v, 0.0) for v, logs in more.items()}
    return replace(cases, log_weights={**cases.log_weights, **both})


def _fitted(
    variables: tuple[Variable, ...],
    joint: FloatArray,
    targets: Mapping[int, FloatArray],
    row: int,
) -> dict[int, FloatArray]:
    try:
        return fitted_to_joint(variables, joint, {v: q[row] for v, q in targets.items()})
    except ZeroProbabilityError as error:
        raise ZeroProbabilityError(f"row {row}: {error}") from None
    except ValueError as error:
        raise ValueError(f"row {row}: {error}") from None
