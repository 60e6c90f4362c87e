"""The training log of CRFsuite: its messages, and the figures in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from gibbsfactor.evaluation import report
from gibbsfactor.learning.minimum import Progress
from gibbsfactor.models.linear_chain_crf import LinearChainCRF

Tell = Callable[[str], object]
"""Takes the messages of training, as ``Trainer.message`` does."""

TITLES = {
    "lbfgs": "L-BFGS optimization",
    "l2sgd": "Stochastic Gradient Descent (SGD)",
    "ap": "Averaged perceptron",
}
FEATGEN = [*(mark for tenth in range(10) for mark in (str(tenth), *"....")), "10"]


class LabelScore(NamedTuple):
    """Counts and scores of one label on held-out data; None where the label does not occur."""

    match: int
    model: int
    ref: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass
class TrainingLog:
    """The figures of a training run, under the names of python-crfsuite's log parser.

    Attributes
    ----------
    iterations : list of dicts
        ``num``, ``loss``, ``feature_norm``, ``active_features``, ``time`` in seconds and, with
        L-BFGS, ``error_norm`` (of the gradient) and ``linesearch_trials``. Where there were
        held-out data, the last one also has what the trained model does on them: ``scores``
        {label: LabelScore}, ``avg_precision``, ``avg_recall`` and ``avg_f1`` over labels,
        ``item_accuracy`` and ``instance_accuracy`` as fractions, and as floats under these names
        with ``_float``.
    featgen_num_features, featgen_percent : int
    featgen_seconds, training_seconds, storing_seconds : float
    log : list of str, all messages that `feed` was given
    last_log : str, those of the last event together
    """

    tell: Tell | None = field(default=None, repr=False)
    iterations: list[dict[str, Any]] = field(default_factory=list)
    featgen_num_features: int = 0
    featgen_percent: int = 0
    featgen_seconds: float = 0.0
    training_seconds: float = 0.0
    storing_seconds: float = 0.0
    log: list[str] = field(default_factory=list, repr=False)
    last_log: str = field(default="", repr=False)
    _event: str = field(default="", repr=False)
    _missing: int = field(default=0, repr=False)  # messages of the event that are still to come
    _evaluations: int = field(default=0, repr=False)
    _seconds: float = field(default=0.0, repr=False)

    @property
    def last_iteration(self) -> dict[str, Any] | None:
        """The last of the iterations; None before the first."""
        return self.iterations[-1] if self.iterations else None

    def feed(self, message: str) -> str | None:
        """Note a message; the event that it completes, if it does.

        An event is "start", "featgen_progress", "featgen_end", "prepared" or "prepare_error",
        "iteration", "optimization_end" or "end".
        """
        self.log.append(message)
        self.last_log += message
        self._missing -= 1
        return None if self._missing else self._event

    def send(self, event: str, *messages: str) -> None:
        """Pass on the messages of an event, if anyone takes them."""
        if self.tell is None:
            return
        self._event, self._missing, self.last_log = event, len(messages), ""
        for message in messages:
            self.tell(message)

    # ---- the events, in their order -------------------------------------------------------------

    def start(self, least: float, states: bool, transitions: bool, holdout: int) -> None:
        """Feature generation begins, with these options."""
        held = [f"Holdout group: {holdout + 1}\n", "\n"] if holdout >= 0 else []
        self.send(
            "start",
            *held,
            "Feature generation\n",
            "type: CRF1d\n",
            f"feature.minfreq: {least:f}\n",
            f"feature.possible_states: {states:d}\n",
            f"feature.possible_transitions: {transitions:d}\n",
        )

    def features_read(self, n_features: int, seconds: float) -> None:
        """Feature generation is done."""
        for n, mark in enumerate(FEATGEN):
            self.featgen_percent = 2 * n
            self.send("featgen_progress", mark)
        self.featgen_num_features, self.featgen_seconds = n_features, seconds
        self.send(
            "featgen_end",
            "\n",
            f"Number of features: {n_features}\n",
            f"Seconds required: {seconds:.3f}\n",
        )

    def prepared(self, algorithm: str, parameters: Mapping[str, Any]) -> None:
        """The first iteration begins."""
        values = (
            f"{name}: {value:f}\n" if isinstance(value, float) else f"{name}: {value}\n"
            for name, value in parameters.items()
        )
        self.send("prepared", "\n", f"{TITLES[algorithm]}\n", *values, "\n")

    def iteration(self, progress: Progress) -> None:
        """An iteration, or a pass over the data, is done."""
        found: dict[str, Any] = {"num": progress.iteration, "scores": {}, "loss": progress.loss}
        found["feature_norm"] = float(np.linalg.norm(progress.weights))
        if not math.isnan(progress.gradient_norm):
            found["error_norm"] = progress.gradient_norm
            found["linesearch_trials"] = progress.evaluations - self._evaluations
        found["active_features"] = int(np.count_nonzero(progress.weights))
        found["time"] = progress.seconds - self._seconds
        self._evaluations, self._seconds = progress.evaluations, progress.seconds
        self.iterations.append(found)
        lines = (
            ("loss", "Loss: {:f}"),
            ("feature_norm", "Feature norm: {:f}"),
            ("error_norm", "Error norm: {:f}"),
            ("active_features", "Active features: {}"),
            ("linesearch_trials", "Line search trials: {}"),
            ("time", "Seconds required for this iteration: {:.3f}"),
        )
        told = [text.format(found[name]) + "\n" for name, text in lines if name in found]
        self.send("iteration", f"***** Iteration #{progress.iteration} *****\n", *told, "\n")

    def optimized(self, model: LinearChainCRF, X_dev: Any, y_dev: Any) -> None:
        """Training is over; scores on held-out sequences, if there are any."""
        if not self.iterations:
            self.iterations.append({"num": 0, "scores": {}, "loss": model.loss_, "time": 0.0})
        last = self.iterations[-1]
        last["feature_norm"] = float(np.linalg.norm(model.weights_))
        last["active_features"] = int(np.count_nonzero(model.weights_))
        self.training_seconds = model.seconds_["training"]
        told: list[str] = []
        if any(map(len, y_dev)):
            last |= _held_out(y_dev, model.predict(X_dev), model.classes_)
            told = _performance(last)
        ended = "converged" if model.converged_ else "ended before it converged"
        seconds = f"Total seconds required for training: {self.training_seconds:.3f}\n"
        self.send("optimization_end", *told, f"Training {ended}\n", seconds, "\n")

    def stored(self, model: LinearChainCRF, seconds: float) -> None:
        """The model is written."""
        self.storing_seconds = seconds
        active = int(np.count_nonzero(model.weights_))
        self.send(
            "end",
            "Storing the model\n",
            f"Number of active features: {active} ({len(model.weights_)})\n",
            f"Seconds required: {seconds:.3f}\n",
            "\n",
        )


def _held_out(
    y: Sequence[Sequence[Hashable]], found: Sequence[Sequence[Hashable]], classes: list[Any]
) -> dict[str, Any]:
    """CRFsuite's scores: of each label, and their unweighted means over all labels."""
    told = report(y, found)
    n_tokens = sum(map(len, y))
    scores = {}
    for label in dict.fromkeys([*classes, *told.labels]):
        s = told.labels.get(label)
        if s is None or not (s.predicted or s.support):
            scores[label] = LabelScore(0, 0, 0, None, None, None)
        else:
            counts = s.correct, s.predicted, s.support
            scores[label] = LabelScore(*counts, s.precision, s.recall, s.f1)
    means = {
        f"avg_{name}": float(np.mean([getattr(s, name) or 0.0 for s in scores.values()]))
        for name in ("precision", "recall", "f1")
    }
    return {
        "scores": scores,
        **means,
        "item_accuracy": Fraction(round(told.accuracy * n_tokens), n_tokens),
        "item_accuracy_float": told.accuracy,
        "instance_accuracy": Fraction(round(told.sequence_accuracy * len(y)), len(y)),
        "instance_accuracy_float": told.sequence_accuracy,
    }


def _performance(figures: Mapping[str, Any]) -> list[str]:
    """The figures as CRFsuite prints them."""
    lines = ["Performance by label (#match, #model, #ref) (precision, recall, F1):\n"]
    for label, s in figures["scores"].items():
        shares = "******, ******, ******"
        if s.precision is not None:
            shares = f"{s.precision:.4f}, {s.recall:.4f}, {s.f1:.4f}"
        lines.append(f"    {label}: ({s.match}, {s.model}, {s.ref}) ({shares})\n")
    means = ", ".join(f"{figures[f'avg_{name}']:f}" for name in ("precision", "recall", "f1"))
    lines.append(f"Macro-average precision, recall, F1: ({means})\n")
    for name, title in (("item", "Item"), ("instance", "Instance")):
        share = figures[f"{name}_accuracy"]
        parts = f"{share.numerator} / {share.denominator}"
        lines.append(f"{title} accuracy: {parts} ({float(share):.4f})\n")
    return lines
