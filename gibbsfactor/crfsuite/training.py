"""Training by CRFsuite's rules, with `LinearChainCRF`.

Letters: L labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gibbsfactor.crfsuite.items import decoded_labels, to_tag, to_train
from gibbsfactor.crfsuite.parameters import PARAMETERS, chain_parameters
from gibbsfactor.crfsuite.training_log import TrainingLog
from gibbsfactor.features import FeatureDictVectorizer
from gibbsfactor.features.vectorizers import Vectorizer
from gibbsfactor.learning.minimum import Watcher, in_turn
from gibbsfactor.models.linear_chain_crf import LinearChainCRF
from gibbsfactor.models.linear_chain_crf.problem import ChainProblem


class _CountedCRF(LinearChainCRF):
    """A CRF with CRFsuite's feature selection, which writes its training log.

    CRFsuite makes a feature of every attribute and label that occur together, also where the
    attribute's value is 0. A feature occurs as often as its values add up to, and those that
    occur less than ``min_freq`` times are left out.
    """

    least_frequency: float
    log: TrainingLog
    told: Mapping[str, Any]

    def _vectorizer(self, X: Any) -> Vectorizer:
        vectorizer = super()._vectorizer(X)
        if isinstance(vectorizer, FeatureDictVectorizer):
            vectorizer.keep_zeros = True
        self._began = perf_counter()
        return vectorizer

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
        self.log.features_read(kept.n_weights, perf_counter() - self._began)
        return replace(problem, features=kept, observed=observed, start=start), classes

    @contextmanager
    def _progress(self, n_tokens: int) -> Iterator[Watcher | None]:
        self.log.prepared(self.algorithm, self.told)
        with super()._progress(n_tokens) as bar:
            yield in_turn(self.log.iteration, bar)


def train_chain(
    algorithm: str,
    given: Mapping[str, Any],
    X: Any,
    y: Any,
    X_dev: Any,
    y_dev: Any,
    log: TrainingLog,
    *,
    verbose: bool = False,
    holdout: int = -1,
) -> LinearChainCRF:
    """Train on labelled sequences, with sklearn-crfsuite's parameters by name.

    Labels are numbered in the order in which they appear, as in CRFsuite: the first of equally
    good ones wins. ``verbose`` shows a progress bar.

    Raises
    ------
    ValueError
        If a parameter makes no sense, or X and y do not fit each other.
    """
    chosen = chain_parameters(algorithm, given)
    model = _CountedCRF(**chosen, progress="always" if verbose else False)
    least = given.get("min_freq")
    model.least_frequency = 0.0 if least is None else PARAMETERS["min_freq"].read(least)
    model.log, model.told = log, {k: v for k, v in given.items() if v is not None}
    log.start(
        model.least_frequency, model.all_possible_states, model.all_possible_transitions, holdout
    )
    y = decoded_labels(y)
    with warnings.catch_warnings():
        if given.get("max_iterations") is not None:  # asked for, and no news to who did
            warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model.fit(to_train(X), y)
        except (TypeError, ValueError) as error:
            if not log.iterations:
                log.send("prepare_error", f"{error}\n")
            raise
    plain = LinearChainCRF(**chosen)
    plain.__dict__.update({k: v for k, v in vars(model).items() if k.endswith("_")})
    _renumber(plain, y)
    log.optimized(plain, to_tag(X_dev, plain), decoded_labels(y_dev))
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
