"""Training: counting where all states are known, else EM (Baum-Welch), from several starts.

Source: Baum, Petrie, Soules & Weiss (1970); Rabiner (1989), sections III.C and V.B.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from gibbsfactor.exact.chain import ExpectedCounts
from gibbsfactor.learning.minimum import Progress
from gibbsfactor.models.hidden_markov_model.data import Parameters, TrainingData
from gibbsfactor.models.hidden_markov_model.emissions import Emissions, FloatArray
from gibbsfactor.models.hidden_markov_model.rows import log_dirichlet, normalized

ROUNDING = 1e-9  # of the objective, as a share: a decrease below that is none
UNLABELLED = 0.1  # weight of all positions without labels in a first guess, to that of the others

Watch = Callable[[Progress], object]


@dataclass(eq=False)
class Monitor:
    """How EM went.

    Attributes
    ----------
    tol, n_iter : as the model's
    history : log-likelihood of the training data before the first iteration and after each
    objective : the same plus the log prior of the parameters: what EM raises
    converged : whether an iteration raised it by less than ``tol``
    interrupted : whether Ctrl-C ended it
    """

    tol: float
    n_iter: int
    history: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    converged: bool = False
    interrupted: bool = False

    @property
    def iter(self) -> int:
        """Iterations that were done."""
        return max(len(self.history) - 1, 0)


@dataclass(frozen=True, eq=False)
class Estimation:
    """How to set parameters from counts: which, and with what pseudo-counts.

    Attributes
    ----------
    which : letters of the parameters
    start, transitions : pseudo-counts (K,) and (K, K)
    """

    which: str
    start: FloatArray
    transitions: FloatArray

    def maximize(self, data: TrainingData, counts: ExpectedCounts, old: Parameters) -> Parameters:
        """The parameters that are best for these counts: EM's M step, or counting."""
        emissions = copy.copy(old.emissions)
        emissions.maximize(data.observations, counts.nodes, self.which)
        start, transitions = old.start, old.transitions
        if "s" in self.which:
            start = normalized(counts.start + self.start, start)
        if "t" in self.which:
            transitions = normalized(counts.steps + self.transitions, transitions)
        return Parameters(start, transitions, emissions)

    def log_prior(self, p: Parameters) -> float:
        """Log density of the parameters, up to a constant."""
        found = log_dirichlet(p.start, self.start) + log_dirichlet(p.transitions, self.transitions)
        return found + p.emissions.log_prior()


def count(data: TrainingData, estimation: Estimation, old: Parameters) -> Parameters:
    """Parameters from data whose states are all known.

    Raises
    ------
    ValueError
        If there is no position in one of the states.
    """
    counts = data.count()
    seen = np.bincount(data.labels.codes, minlength=len(data.labels.classes)) > 0
    if not seen.all():
        name = data.labels.classes[int(np.argmin(seen))]
        raise ValueError(
            f"no position has the label {name!r}, so there is nothing to estimate its parameters "
            "from; leave n_components out, or leave some positions without label"
        )
    return estimation.maximize(data, counts, old)


def baum_welch(
    data: TrainingData, estimation: Estimation, first: Parameters, monitor: Monitor, watch: Watch
) -> Parameters:
    """Raise the likelihood by EM; fills in the monitor. Ctrl-C ends it with what it has.

    Warns
    -----
    RuntimeWarning
        If an iteration lowered the objective beyond rounding.
    """
    first.emissions.check(len(first.start))
    best, began = first, perf_counter()
    try:
        counts = _expect(data, estimation, best, monitor)
        for iteration in range(1, monitor.n_iter + 1):
            found = estimation.maximize(data, counts, best)
            counts = _expect(data, estimation, found, monitor)
            best = found
            gain = monitor.objective[-1] - monitor.objective[-2]
            _check_gain(iteration, gain, monitor, best.emissions)
            seconds = perf_counter() - began
            left = (monitor.n_iter - iteration) * seconds / iteration
            loss = -monitor.objective[-1]
            watch(Progress(iteration, loss, math.nan, seconds, iteration, seconds_at_most=left))
            if gain < monitor.tol and monitor.tol > 0:
                monitor.converged = True
                break
    except KeyboardInterrupt:
        if not monitor.iter:
            raise
        monitor.interrupted = True
    return best


def _expect(
    data: TrainingData, estimation: Estimation, p: Parameters, monitor: Monitor
) -> ExpectedCounts:
    counts = data.expect(p)
    log_likelihood = float(counts.log_partitions.sum())
    objective = log_likelihood + estimation.log_prior(p)
    if math.isnan(objective) or objective == math.inf:
        raise FloatingPointError(
            f"iteration {monitor.iter + 1} gave the log-likelihood {log_likelihood}; a state may "
            "have shrunk onto one value: raise covars_prior, or use fewer states"
        )
    monitor.history.append(log_likelihood)
    monitor.objective.append(objective)
    return counts


def _check_gain(iteration: int, gain: float, monitor: Monitor, emissions: Emissions) -> None:
    if gain < -ROUNDING * max(1.0, abs(monitor.objective[-1])):
        before, after = monitor.objective[-2:]
        warnings.warn(
            f"iteration {iteration} of EM lowered the log-likelihood (plus log prior) from "
            f"{before:.10g} to {after:.10g}, which it never should: maximize of "
            f"{type(emissions).__name__} does not give the best parameters",
            RuntimeWarning,
            stacklevel=5,
        )


def first_guess(
    data: TrainingData, emissions: Emissions, which: str, rng: np.random.Generator
) -> Parameters:
    """Parameters for EM to start from, of the emissions only those with letters in ``which``.

    Where some states are known, they are counted, positions without label being shared out among
    the states that have some.
    """
    n_states = len(data.labels.classes)
    emissions = copy.copy(emissions)
    letters = "".join(letter for letter in emissions.parameters if letter in which)
    if letters:
        emissions.start(data.observations, n_states, rng, letters)
    start = np.full(n_states, 1.0 / n_states)
    transitions = rng.dirichlet(np.ones(n_states), n_states)
    if data.labels.allowed is not None:
        counts = data.count()
        start = normalized(counts.start + 1.0)
        transitions = normalized(counts.steps + transitions)
        if letters:
            shares = _soft_counts(data, counts.nodes)
            emissions.start_known(data.observations, shares, rng, letters)
    return Parameters(start, transitions, emissions)


def _soft_counts(data: TrainingData, nodes: FloatArray) -> FloatArray:
    """Counts (V, K) of labelled positions, and of others by the states that they may be in."""
    labels, codes = data.labels, data.observations.codes
    open_ = labels.codes < 0
    if labels.allowed is None or labels.complete:
        return nodes
    shares = labels.allowed * (nodes.sum(axis=0) > 0)
    totals = shares.sum(axis=1, keepdims=True)
    weight = UNLABELLED * nodes.sum() / open_.sum()
    found = nodes.copy()
    np.add.at(found, codes[open_], weight * shares / np.where(totals > 0, totals, 1.0))
    return found


def letters_to_set(emissions: Emissions, which: str | None, name: str) -> str:
    """The letters that ``params`` or ``init_params`` name; all by default.

    Raises
    ------
    ValueError
        If one of them is of no parameter.
    """
    known = {"s": "startprob_", "t": "transmat_", **emissions.parameters}
    if which is None:
        return "".join(known)
    if not isinstance(which, str) or not set(which) <= set(known):
        told = ", ".join(f"{letter!r} {attribute}" for letter, attribute in known.items())
        raise ValueError(f"{name} is {which!r}; the letters there are: {told}")
    return which
