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

from gibbsfactor.features import Tokens
from gibbsfactor.learning.chain.arrays import Data, Known, Limits, Shape
from gibbsfactor.learning.chain.loss import ChainLoss
from gibbsfactor.learning.chain.perceptron import AveragedPerceptron
from gibbsfactor.learning.chain.stochastic import StochasticGradient
from gibbsfactor.learning.checkpoints import Checkpoint, Checkpoints
from gibbsfactor.learning.lbfgs import minimize
from gibbsfactor.learning.minimum import Minimum, Progress, Watcher, in_turn
from gibbsfactor.learning.preconditioning import Coordinates, typical_weight
from gibbsfactor.learning.proximal import minimize_l1
from gibbsfactor.learning.stopping import BestOnDev, Settling
from gibbsfactor.models.linear_chain_crf.problem import ChainProblem

FloatArray = npt.NDArray[np.float64]

GRADIENT_TOLERANCE = 1e-5  # of a sequence that counts once
PERIOD = 10  # iterations over which training must still gain something
NEAR = 0.1  # share of the loss within which stochastic descent counts as converged
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
        loss = _loss(problem, model)
        start = problem.start if before is None else np.asarray(before.weights)
        coordinates = problem.coordinates(model.c2, separable=model.c1 > 0)
        tolerance = GRADIENT_TOLERANCE * typical_weight(problem.targets.weights)
        return partial(
            _lbfgs, loss, start, coordinates, tolerance, left, float(model.c1), float(model.tol)
        )
    if model.algorithm == "l2sgd":
        trainer: Any = _descent(problem, model, before)
        return partial(_stochastic, trainer, partial(_left_to_gain, problem, model), left, model)
    trainer = _perceptron(problem, model, before)
    return partial(_stochastic, trainer, partial(_no_better_than_one_label, problem), left, model)


def _loss(problem: ChainProblem, model: Any) -> ChainLoss:
    return ChainLoss(
        problem.features,
        problem.observed,
        problem.tokens,
        problem.targets,
        model.c2,
        problem.rules,
        model.n_threads,
    )


def _left_to_gain(problem: ChainProblem, model: Any, weights: FloatArray, last: float) -> str:
    """Why stochastic descent has not converged though it has settled; nothing if it has."""
    coordinates = problem.coordinates(model.c2, separable=False)
    with _loss(problem, model) as loss, np.errstate(over="ignore", invalid="ignore"):
        value, gradient = loss(weights)
        gain = coordinates.gain(coordinates.gradient(gradient))
        at_zero, _ = loss(np.zeros_like(weights))
    gain = max(gain, value - at_zero)
    if gain <= NEAR * value:
        return ""
    return (
        f"the loss settled over {PERIOD} passes, but from {value:.8g} it can be lowered by about "
        f"{gain:.3g} or more; steps of 'l2sgd' are of one size for all weights, which values of "
        "very different sizes make too long or too short: scale the features, or use "
        "algorithm='lbfgs'"
    )


def _no_better_than_one_label(problem: ChainProblem, weights: FloatArray, wrong: float) -> str:
    """Why the perceptron has not converged though it has settled; nothing if it has."""
    known = problem.targets.codes[problem.targets.codes >= 0]
    rare = len(known) - int(np.bincount(known).max(initial=0))
    if wrong < max(rare, 1) or problem.targets.allowed is not None:
        return ""
    return (
        f"{PERIOD} passes brought hardly fewer mistakes, but the last one made {wrong:g}, and to "
        f"give every token the most frequent label makes {rare}; use algorithm='lbfgs'"
    )


def _lbfgs(
    loss: ChainLoss,
    start: FloatArray,
    coordinates: Coordinates,
    gradient_tolerance: float,
    left: int,
    c1: float,
    tol: float,
    watchers: Watchers,
) -> Minimum:
    descend = partial(minimize_l1, l1=c1) if c1 else minimize
    with loss:
        return descend(
            loss,
            start,
            max_iterations=left,
            gradient_tolerance=gradient_tolerance,
            loss_tolerance=tol,
            period=PERIOD,
            progress=watchers.together(),
            coordinates=coordinates,
        )


def _stochastic(
    trainer: StochasticGradient | AveragedPerceptron,
    objection: Callable[[FloatArray, float], str],
    left: int,
    model: Any,
    watchers: Watchers,
) -> Minimum:
    """Passes over the data, sequence by sequence, until the loss settles.

    ``objection`` looks at where it settled, and says why that is not the end, if so.
    """
    if watchers.checkpoints is not None:
        watchers.checkpoints.state = trainer.arrays
    settling = Settling(PASS_SHARE * float(model.tol), PERIOD)
    watch, passes = watchers.together(), 0
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
                message = objection(trainer.average(), loss)
                converged = not message
                message = message or f"{PERIOD} passes lowered the loss by hardly anything"
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


def _arrays(problem: ChainProblem, tokens: Tokens) -> tuple[Data, Shape, Known, Limits]:
    return (
        Data.of(tokens),
        Shape.of(problem.features, tokens.n_dense),
        Known.of(problem.targets),
        Limits.of(problem.rules, problem.features.n_labels),
    )


def _descent(problem: ChainProblem, model: Any, before: Checkpoint | None) -> StochasticGradient:
    seed, state = int(model.random_state), None if before is None else before.state
    arrays = _arrays(problem, problem.tokens)
    with np.errstate(over="ignore", invalid="ignore"):  # rates too high are tried, too
        return StochasticGradient(*arrays, problem.start, float(model.c2), seed, state)


def _perceptron(problem: ChainProblem, model: Any, before: Checkpoint | None) -> AveragedPerceptron:
    """A move is as long as the values are large: they are divided by their root mean square."""
    seed, state = int(model.random_state), None if before is None else before.state
    units = problem.coordinates(0.0, separable=True).scales
    tokens = problem.tokens if units is None else problem.in_units(units)
    arrays = _arrays(problem, tokens)
    return AveragedPerceptron(*arrays, problem.start, seed, state, units)
