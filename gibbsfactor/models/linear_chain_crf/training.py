"""Training a chain by one of the algorithms, watched by whoever wants to.

Letters: N sequences, M tokens, F weights.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.learning.chain.arrays import Data, Known, Limits, Shape
from gibbsfactor.learning.chain.loss import ChainLoss
from gibbsfactor.learning.chain.perceptron import AveragedPerceptron
from gibbsfactor.learning.chain.stochastic import StochasticGradient
from gibbsfactor.learning.checkpoints import Checkpoint, Checkpoints
from gibbsfactor.learning.lbfgs import minimize
from gibbsfactor.learning.minimum import Minimum, Progress, Watcher, in_turn
from gibbsfactor.learning.proximal import minimize_l1
from gibbsfactor.learning.stopping import BestOnDev, Settling
from gibbsfactor.models.linear_chain_crf.problem import ChainProblem

FloatArray = npt.NDArray[np.float64]

PERIOD = 10  # iterations over which training must still gain something
PASS_SHARE = 100  # a pass of a stochastic method counts as settled at so many times the tolerance


@dataclass(frozen=True, eq=False)
class Watchers:
    """Who looks on: the progress bar, the held-out data, the checkpoints, and the history."""

    bar: Watcher | None = None
    dev: BestOnDev | None = None
    checkpoints: Checkpoints | None = None
    history: list[dict[str, float]] = field(default_factory=list)

    def together(self) -> Watcher:
        """All of them, in the order in which they need each other's figures."""
        return in_turn(self.dev, self._remember, self.checkpoints, self.bar)

    def _remember(self, progress: Progress) -> None:
        names = ("iteration", "loss", "gradient_norm", "seconds", "held_out")
        record = {name: getattr(progress, name) for name in names}
        self.history.append({name: v for name, v in record.items() if not math.isnan(v)})


Training = Callable[[Watchers], Minimum]


def prepare(problem: ChainProblem, model: Any, before: Checkpoint | None = None) -> Training:
    """Training by the model's algorithm, ready to be run; on from a checkpoint if there is one."""
    left = max(model.max_iterations - (before.iteration if before else 0), 1)
    if model.algorithm == "lbfgs":
        loss = ChainLoss(
            problem.features,
            problem.observed,
            problem.tokens,
            problem.targets,
            model.c2,
            problem.rules,
            model.n_threads,
        )
        start = problem.start if before is None else np.asarray(before.weights)
        return partial(_lbfgs, loss, start, left, float(model.c1), float(model.tol))
    return partial(_stochastic, _trainer(problem, model, before), left, float(model.tol))


def _lbfgs(
    loss: ChainLoss, start: FloatArray, left: int, c1: float, tol: float, watchers: Watchers
) -> Minimum:
    descend = partial(minimize_l1, l1=c1) if c1 else minimize
    with loss:
        return descend(
            loss,
            start,
            max_iterations=left,
            gradient_tolerance=1e-5,
            loss_tolerance=tol,
            period=PERIOD,
            progress=watchers.together(),
        )


def _stochastic(
    trainer: StochasticGradient | AveragedPerceptron, left: int, tol: float, watchers: Watchers
) -> Minimum:
    """Passes over the data, sequence by sequence, until the loss settles."""
    if watchers.checkpoints is not None:
        watchers.checkpoints.state = trainer.arrays
    watch, settling, passes = watchers.together(), Settling(PASS_SHARE * tol, PERIOD), 0
    began, loss, message, converged, interrupted = perf_counter(), math.inf, "", False, False
    try:
        for passes in range(1, left + 1):
            with np.errstate(over="ignore", invalid="ignore"):
                loss = float(trainer.run())
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"pass {passes} gave the loss {loss}, which is not finite; scale the features "
                    "down, or penalise more"
                )
            seconds = perf_counter() - began
            limit = (left - passes) * seconds / passes
            # nobody knows when it settles: only the limit is told
            record = Progress(
                passes, loss, math.nan, seconds, passes, trainer.average(), math.nan, limit
            )
            watch(record)
            if loss == 0 or settling.add(loss):
                converged, message = True, f"{PERIOD} passes lowered the loss by hardly anything"
                break
        else:
            message = f"reached the limit of {left} passes"
    except StopIteration:
        message = f"stopped by the progress callable after pass {passes}"
    except KeyboardInterrupt:
        if trainer.passes < 1:
            raise
        interrupted, message = True, f"interrupted in pass {passes}"
        warnings.warn(
            f"training {message}; the weights so far, with loss {loss:.8g}, are kept",
            RuntimeWarning,
            stacklevel=3,
        )
    weights = trainer.average()
    return Minimum(weights, loss, math.nan, passes, passes, converged, interrupted, message)


def _trainer(
    problem: ChainProblem, model: Any, before: Checkpoint | None
) -> StochasticGradient | AveragedPerceptron:
    arrays = (
        Data.of(problem.tokens),
        Shape.of(problem.features, problem.tokens.n_dense),
        Known.of(problem.targets),
        Limits.of(problem.rules, problem.features.n_labels),
    )
    seed, state = int(model.random_state), None if before is None else before.state
    if model.algorithm == "ap":
        return AveragedPerceptron(*arrays, problem.start, seed, state)
    with np.errstate(over="ignore", invalid="ignore"):  # rates too high are tried, too
        return StochasticGradient(*arrays, problem.start, float(model.c2), seed, state)
