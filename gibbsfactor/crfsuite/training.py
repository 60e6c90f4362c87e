"""Training by CRFsuite's rules, with `LinearChainCRF`, and what there is to tell of it.

Letters: L labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gibbsfactor.crfsuite.items import to_tag, to_train
from gibbsfactor.crfsuite.parameters import PARAMETERS, chain_parameters
from gibbsfactor.evaluation import report
from gibbsfactor.models.linear_chain_crf import LinearChainCRF
from gibbsfactor.models.linear_chain_crf.problem import ChainProblem


class LabelScore(NamedTuple):
    """How one label fared on held-out data; shares are None where the label is nowhere."""

    match: int
    model: int
    ref: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass
class TrainingLog:
    """What training has to tell, under the names of python-crfsuite's log parser.

    Attributes
    ----------
    iterations : list of dicts
        ``num``, ``loss``, ``time`` in seconds and, with L-BFGS, ``error_norm`` (of the gradient).
        The last one also has ``feature_norm``, ``active_features`` and, where there were held-out
        data, what the trained model does on them: ``scores`` {label: LabelScore},
        ``avg_precision``, ``avg_recall`` and ``avg_f1`` over labels, ``item_accuracy`` and
        ``instance_accuracy`` as fractions, and as floats under these names with ``_float``.
    featgen_num_features : int
    featgen_seconds, training_seconds : float
    """

    iterations: list[dict[str, Any]] = field(default_factory=list)
    featgen_num_features: int = 0
    featgen_seconds: float = 0.0
    training_seconds: float = 0.0

    @property
    def last_iteration(self) -> dict[str, Any]:
        """The last of the iterations."""
        return self.iterations[-1]


class _CountedCRF(LinearChainCRF):
    """Learns the features that occur often enough, which CRFsuite counts feature by feature."""

    least_frequency = 0.0

    def _problem(self, *given: Any) -> tuple[ChainProblem, list[Any]]:
        problem, classes = super()._problem(*given)
        often = problem.observed >= self.least_frequency
        if not often.any():
            raise ValueError(
                f"no feature occurs min_freq={self.least_frequency:g} times; there is nothing to "
                "learn from"
            )
        f, bounds = problem.features, problem.features.bounds
        kept = replace(
            f,
            states=f.states[often[: bounds[1]]],
            transitions=f.transitions[often[bounds[1] : bounds[2]]],
        )
        observed, start = problem.observed[often], problem.start[often]
        return replace(problem, features=kept, observed=observed, start=start), classes


def train_chain(
    algorithm: str, given: Mapping[str, Any], X: Any, y: Any, *, verbose: bool
) -> LinearChainCRF:
    """Train on labelled sequences, with sklearn-crfsuite's parameters by name.

    Labels are numbered in the order in which they appear, as in CRFsuite: the first of equally
    good ones wins.

    Raises
    ------
    ValueError
        If a parameter makes no sense, or X and y do not fit each other.
    """
    chosen = chain_parameters(algorithm, given)
    chosen["progress"] = "always" if verbose else False
    model = _CountedCRF(**chosen)
    least = given.get("min_freq")
    if least is not None:
        model.least_frequency = PARAMETERS["min_freq"].read(least)
    with warnings.catch_warnings():
        if given.get("max_iterations") is not None:  # asked for, and no news to who did
            warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(to_train(X), y)
    plain = LinearChainCRF(**chosen)
    plain.__dict__.update({k: v for k, v in vars(model).items() if k.endswith("_")})
    _renumber(plain, y)
    return plain


def _renumber(model: LinearChainCRF, y: Any) -> None:
    """Put the labels, and with them the weights, in the order in which y names labels."""
    named = [label for label in chain.from_iterable(y) if not isinstance(label, set)]
    known = set(model.classes_)  # None, for a label not known, is not among them
    found = [label for label in dict.fromkeys(named) if label in known]
    classes = list(dict.fromkeys([*found, *model.classes_]))
    place = {label: k for k, label in enumerate(classes)}
    new, n = np.array([place[label] for label in model.classes_]), len(classes)
    f, bounds = model.features_, model.features_.bounds
    attributes, labels = np.divmod(f.states, n)
    states = attributes * n + new[labels]
    before, after = np.divmod(f.transitions, n)
    transitions = new[before] * n + new[after]
    orders = np.argsort(states), np.argsort(transitions)
    model.classes_ = classes
    model.features_ = replace(f, states=states[orders[0]], transitions=transitions[orders[1]])
    model.weights_ = model.weights_[np.concatenate([orders[0], bounds[1] + orders[1]])]
    model._forget()


def training_log(model: LinearChainCRF, X_dev: Any = None, y_dev: Any = None) -> TrainingLog:
    """The log of a model just trained, and of how it does on held-out sequences."""
    iterations, before = [], 0.0
    for record in model.history_:
        one = {"num": int(record["iteration"]), "scores": {}, "loss": record.get("loss")}
        if "gradient_norm" in record:
            one["error_norm"] = record["gradient_norm"]
        one["time"], before = record["seconds"] - before, record["seconds"]
        iterations.append(one)
    if not iterations:
        iterations.append({"num": 0, "scores": {}, "loss": model.loss_, "time": 0.0})
    last = iterations[-1]
    last["feature_norm"] = float(np.linalg.norm(model.weights_))
    last["active_features"] = int(np.count_nonzero(model.weights_))
    if X_dev is not None:
        last.update(_held_out(y_dev, model.predict(to_tag(X_dev, model)), model.classes_))
    seconds = model.seconds_
    return TrainingLog(iterations, len(model.weights_), seconds["features"], seconds["training"])


def _held_out(
    y: Sequence[Sequence[Hashable]], found: Sequence[Sequence[Hashable]], classes: list[Any]
) -> dict[str, Any]:
    """CRFsuite's figures: each label's, and their plain means over all labels there are."""
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
