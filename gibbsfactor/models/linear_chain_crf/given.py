"""A linear-chain CRF from weights that come from elsewhere than its own training.

Letters: A attributes, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.features import Constraints
from gibbsfactor.features.vectorizers import Vectorizer
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.models.linear_chain_crf.estimator import LinearChainCRF
from gibbsfactor.models.linear_chain_crf.storage import TRAINED

FloatArray = npt.NDArray[np.float64]


def crf_of_weights(
    classes: Sequence[Any],
    vectorizer: Vectorizer,
    states: FloatArray,
    transitions: FloatArray,
    start: FloatArray,
    *,
    n_dense: int = 0,
    **parameters: Any,
) -> LinearChainCRF:
    """A CRF of first order that has these weights, and was never trained.

    What only training tells (``loss_`` and the like) is None.

    Parameters
    ----------
    classes : the L labels
    vectorizer : fitted, of A attributes
    states : (A, L) weights of attributes; -inf forbids the label where a sparse one is present
    transitions : (L, L) weights; -inf forbids the step, by the constraints
    start : (L,) weights of coming first; -inf forbids it, by the constraints
    n_dense : how many of the attributes, the last ones, are dense
    parameters : of the CRF, for training it further. Unless given, ``warm_start`` is True and
        ``c2`` is 0: training starts from these weights, and no penalty pulls them to 0

    Raises
    ------
    ValueError
        If an array is of another shape, or holds NaN or infinity where it may not.
    """
    n_labels, n_sparse = len(classes), vectorizer.n_attributes - n_dense
    tables = {"states": states, "transitions": transitions, "start": start}
    shapes = [(vectorizer.n_attributes, n_labels), (n_labels, n_labels), (n_labels,)]
    for (name, table), shape in zip(tables.items(), shapes, strict=True):
        if table.shape != shape:
            raise ValueError(f"{name} have shape {table.shape}, expected {shape}")
        if np.isnan(table).any() or (table == np.inf).any():
            raise ValueError(f"{name} hold NaN or infinity; give finite numbers, or -inf")
    if not np.isfinite(states[n_sparse:]).all():
        raise ValueError("weights of dense attributes must be finite: only sparse ones can forbid")
    may_start, may_follow = start > -np.inf, transitions > -np.inf
    given: dict[str, Any] = {
        "boundary_weights": True,
        "all_possible_states": True,
        "all_possible_transitions": True,
        "c2": 0.0,
        "warm_start": True,
    }
    if not (may_start.all() and may_follow.all()):
        ends = np.ones(n_labels, dtype=bool)
        given["constraints"] = Constraints(tuple(classes), may_start, may_follow, ends)
    crf = LinearChainCRF(**given | parameters)
    for name in TRAINED:
        setattr(crf, name, None)
    crf.history_, crf.n_dense_ = [], n_dense
    crf.classes_, crf.vectorizer_ = list(classes), vectorizer
    first = np.where(may_start, start, 0.0)
    table = np.vstack([states[:n_sparse], first, np.zeros(n_labels), states[n_sparse:]])
    pairs = np.where(may_follow, transitions, 0.0)
    crf.features_ = ChainFeatures(
        len(table), n_labels, np.arange(table.size), np.arange(n_labels**2)
    )
    crf.weights_ = np.concatenate([table.ravel(), pairs.ravel()])
    return crf
