"""Iterative scaling: fit one template's tables at a time to the frequencies that were seen."""

from __future__ import annotations

import math
import warnings
from time import perf_counter

import numpy as np

from gibbsfactor.learning.log_linear.loss import LogLinearLoss
from gibbsfactor.learning.minimum import FloatArray, Minimum, Progress, Watcher


def scale(
    loss: LogLinearLoss,
    start: FloatArray,
    *,
    max_iterations: int = 1000,
    tolerance: float = 1e-10,
    progress: Watcher | None = None,
) -> Minimum:
    """Minimise the loss of a model without inputs by scaling one template after the other.

    The weights of template T, with m_T cliques, become

        w_T[s]  <-  w_T[s] + (1/m_T) log( n_T[s] / E_T[s] )

    n_T[s] being how often its cliques were seen in joint state s, and E_T[s] how often the model
    expects it. With one clique this is iterative proportional fitting, after which the template's
    marginal is the one that was seen; with several, generalized iterative scaling of a block. No
    step raises the loss. What was never seen gets weight -inf.

    Parameters
    ----------
    loss : LogLinearLoss
        Of one input, with a weight for each joint state of each template, all labels known and no
        penalty.
    start : (number of weights,)
    max_iterations : passes over the templates
    tolerance : float
        Converged when no expected frequency is off by more than this share of all cases.
    progress : callable, optional

    Returns
    -------
    Minimum
        ``gradient_norm`` is the largest difference between expected and seen.

    Raises
    ------
    ValueError
        If the model is of another kind.

    Notes
    -----
    Source: Deming & Stephan (1940); Darroch & Ratcliff (1972); Koller & Friedman (2009), 20.3.2.
    """
    structure = loss.structure
    _check(loss)
    total, seen = float(loss.cases.weights.sum()), loss.observed
    weights, began = np.array(start, dtype=np.float64), perf_counter()
    value = off = math.inf
    iteration, message = 0, f"reached max_iterations={max_iterations}"
    converged = interrupted = False
    try:
        for iteration in range(1, max_iterations + 1):
            off = 0.0
            for i, cliques in enumerate(structure.cliques):
                here = slice(int(structure.bounds[i]), int(structure.bounds[i + 1]))
                value, expected = loss.expected(weights)
                off = max(off, float(np.abs(expected[here] - seen[here]).max(initial=0.0)))
                some = seen[here] > 0
                with np.errstate(divide="ignore"):
                    step = np.log(seen[here][some]) - np.log(expected[here][some])
                weights[here][some] += step / max(len(cliques.inputs), 1)
                weights[here][~some] = -np.inf
            if progress is not None:
                progress(Progress(iteration, value, off, perf_counter() - began, iteration))
            if off <= tolerance * total:
                converged, message = True, f"expected and seen differ by at most {off:.2g}"
                break
    except StopIteration:
        message = f"stopped by the progress callable after iteration {iteration}"
    except KeyboardInterrupt:
        if iteration < 2:
            raise
        interrupted, message = True, f"interrupted in iteration {iteration}"
        warnings.warn(
            f"training {message}; the weights so far are kept", RuntimeWarning, stacklevel=3
        )
    value, _ = loss.expected(weights)
    weights.flags.writeable = False
    evaluations = iteration * len(structure.cliques) + 1
    return Minimum(weights, value, off, iteration, evaluations, converged, interrupted, message)


def _check(loss: LogLinearLoss) -> None:
    structure = loss.structure
    plain = all(c.features is None and c.basis is None for c in structure.cliques)
    if structure.n_inputs != 1 or not plain:
        raise ValueError(
            "iterative scaling fits tables of weights to frequencies: it needs X=None, and "
            "templates without features whose table is 'full'; use solver='lbfgs'"
        )
    if loss.c2:
        raise ValueError(f"iterative scaling has no penalty, but c2 is {loss.c2:g}; give c2=0")
    if loss.has_hidden:
        raise ValueError(
            "iterative scaling needs every label known; use solver='lbfgs', which sums out the rest"
        )
