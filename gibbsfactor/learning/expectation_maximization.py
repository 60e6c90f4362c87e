"""Conditional tables from rows with missing entries: expectation-maximization.

Each iteration replaces the counts that missing entries hide by their expectation under the
present tables (`expected_counts`), and takes the tables that those counts make (`counting`). The
log likelihood of what was observed never falls.

Source: Koller & Friedman (2009), section 19.2.2; Dempster, Laird & Rubin (1977).
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from gibbsfactor.learning.counting import Smoothing, random_start, table_of
from gibbsfactor.learning.expected_counts import Incomplete, Tables
from gibbsfactor.learning.lbfgs import Progress
from gibbsfactor.learning.progress import progress_bar


@dataclass(frozen=True)
class Training:
    """How a fit went.

    Attributes
    ----------
    log_likelihood : float
        Of what was observed, in nats, under the final tables.
    objective : tuple of float
        At the start and after each iteration: the log likelihood, plus
        sum (pseudo count) log P over all cells where there are pseudo counts. It never falls.
    converged : bool
        Whether the last iteration raised it by less than the tolerance.
    interrupted : bool
        Whether Ctrl-C ended the fit.
    """

    log_likelihood: float
    objective: tuple[float, ...]
    converged: bool
    interrupted: bool

    @property
    def iterations(self) -> int:
        """How many iterations there were; none where nothing was missing."""
        return len(self.objective) - 1


def fit_tables(
    rows: Incomplete,
    smoothing: Smoothing,
    *,
    start: Tables | None,
    rng: np.random.Generator,
    max_iterations: int,
    tol: float,
    verbose: bool,
    memory: int | None,
) -> tuple[Tables, Training]:
    """A table for each family: by counting where nothing is missing, else by iterating."""
    _check_limits(max_iterations, tol)
    added = [smoothing.cell(table.shape) for table in rows.counted]
    if not rows.groups:
        tables = [table_of(c, a) for c, a in zip(rows.counted, added, strict=True)]
        value, _ = rows.expect(tables)
        return tables, Training(value, (value + _log_prior(tables, added),), True, False)
    with progress_bar(verbose, "expectation-maximization") as progress:
        return maximize(
            rows,
            random_start(rows.counted, rng) if start is None else start,
            added,
            tol=tol,
            max_iterations=max_iterations,
            progress=progress,
            memory=memory,
        )


def _check_limits(most: Any, tol: Any) -> None:
    if isinstance(most, bool) or not isinstance(most, Integral) or most < 1:
        raise ValueError(f"max_iterations is {most!r}; it must be a whole number of at least 1")
    if isinstance(tol, bool) or not isinstance(tol, Real) or not 0 <= float(tol) < math.inf:
        raise ValueError(f"tol is {tol!r}; it must be a finite number of at least 0")


def maximize(
    rows: Incomplete,
    start: Tables,
    added: Sequence[float],
    *,
    tol: float,
    max_iterations: int,
    progress: Callable[[Progress], None] | None = None,
    memory: int | None = None,
) -> tuple[Tables, Training]:
    """Iterate from the start until the objective rises by at most ``tol`` nats a row.

    ``added[v]`` is added to each expected count of family v. Ctrl-C ends it with the tables so far
    and a RuntimeWarning, unless there are none yet; max_iterations, with a ConvergenceWarning.
    """
    began = time.perf_counter()
    tables = start
    log_likelihood, counts = rows.expect(tables, memory)
    trace = [log_likelihood + _log_prior(tables, added)]
    converged = interrupted = False
    try:
        while not converged and len(trace) <= max_iterations:
            new = [table_of(c, a) for c, a in zip(counts, added, strict=True)]
            new_likelihood, counts = rows.expect(new, memory)
            tables, log_likelihood = new, new_likelihood
            trace.append(log_likelihood + _log_prior(tables, added))
            converged = trace[-1] - trace[-2] <= tol * rows.total_weight
            if progress is not None:
                slope = _gradient_norm(tables, counts, added)
                seconds = time.perf_counter() - began
                progress(Progress(len(trace) - 1, -trace[-1], slope, seconds, len(trace)))
    except KeyboardInterrupt:
        if len(trace) == 1:
            raise
        interrupted = True
        message = f"interrupted after {len(trace) - 1} iterations; the tables so far are kept"
        warnings.warn(message, RuntimeWarning, stacklevel=4)
    if not (converged or interrupted):
        _warn_not_converged(trace, tol, rows.total_weight)
    return tables, Training(log_likelihood, tuple(trace), converged, interrupted)


def _log_prior(tables: Tables, added: Sequence[float]) -> float:
    """Sum of a log P over all cells: the log Dirichlet density up to a constant."""
    with np.errstate(divide="ignore"):
        return math.fsum(
            a * float(np.log(t).sum()) for a, t in zip(added, tables, strict=True) if a > 0
        )


def _gradient_norm(tables: Tables, counts: Tables, added: Sequence[float]) -> float:
    """Largest component of the objective's gradient by the log-odds of the rows: N_jk - N_j P."""
    weights = [c + a for c, a in zip(counts, added, strict=True)]
    return max(
        float(np.abs(w - w.sum(axis=-1, keepdims=True) * table).max())
        for w, table in zip(weights, tables, strict=True)
    )


def _warn_not_converged(trace: Sequence[float], tol: float, weight: float) -> None:
    from sklearn.exceptions import ConvergenceWarning

    gain = (trace[-1] - trace[-2]) / weight
    warnings.warn(
        f"expectation-maximization did not converge in {len(trace) - 1} iterations: the last "
        f"raised the log likelihood by {gain:.2g} nats a row, tol is {tol:g}; raise "
        "max_iterations or tol",
        ConvergenceWarning,
        stacklevel=4,
    )
