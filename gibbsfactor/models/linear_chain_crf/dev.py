"""Held-out data during training: what is measured on them after each iteration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.evaluation import evaluate_labels
from gibbsfactor.exact.chain import ChainScores, labelling_scores, log_partitions, viterbi
from gibbsfactor.features.fixed_vectorizers import FixedVectorizer
from gibbsfactor.features.labels import (
    EncodedLabels,
    check_labelled,
    encode_labels,
    listed_labels,
)
from gibbsfactor.features.tokens import Tokens, with_ends
from gibbsfactor.features.vectorizers import Vectorizer
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.learning.chain.rules import ChainRules
from gibbsfactor.learning.chain.scoring import ChainScorer
from gibbsfactor.learning.chain.targets import ChainTargets
from gibbsfactor.learning.stopping import BestOnDev
from gibbsfactor.models.linear_chain_crf.problem import (
    ChainProblem,
    check_possible,
    check_some_possible,
    make_support,
    narrowed,
)

FloatArray = npt.NDArray[np.float64]

Ask = Callable[[FloatArray, Callable[[ChainScores], Any]], list[Any]]

FOREVER = 10**9


def dev_watcher(
    model: Any,
    classes: Sequence[Any],
    problem: ChainProblem,
    vectorizer: Vectorizer,
    X_dev: Any,
    y_dev: Any,
    known_dev: Any = None,
) -> BestOnDev | None:
    """Measures the model's dev metric after every iteration; None without held-out data.

    Raises
    ------
    ValueError
        If only one of X_dev and y_dev is given, they differ in length, a label is not known, or
        early stopping is asked for without them; and where the loss is measured, if it would be
        infinite whatever the weights.
    """
    if known_dev is not None and X_dev is None:
        raise ValueError("known_dev is given without X_dev and y_dev; give all three")
    if X_dev is None and y_dev is None:
        if model.early_stopping is not None:
            raise ValueError(
                f"early_stopping is {model.early_stopping}, but there are no held-out data to "
                "measure on; give X_dev and y_dev to fit"
            )
        return None
    if X_dev is None or y_dev is None:
        given, missing = ("y_dev", "X_dev") if X_dev is None else ("X_dev", "y_dev")
        raise ValueError(f"{given} is given without {missing}; give both")
    labels = listed_labels(y_dev)
    fixed = vectorizer if isinstance(vectorizer, FixedVectorizer) else None
    tokens = vectorizer.transform(model._read(X_dev, None, fixed))
    check_labelled(tokens, labels)
    tokens = with_ends(tokens) if model.boundary_weights else tokens
    if not tokens.n_tokens:
        raise ValueError("X_dev holds no token; there is nothing to measure on")
    codes = _codes(labels, classes)
    support = None
    try:
        if known_dev is not None:
            support = make_support(known_dev, tokens.lengths, classes)
        if support is not None:
            check_some_possible(tokens.lengths, support, problem.rules)
    except ValueError as error:
        raise ValueError(f"in the dev data, {error}") from None
    if model.dev_metric == "loss":
        _check_finite(codes, tokens, problem, labels, classes, support)
    ask = _asker(problem.features, problem.rules, tokens, support, model.n_threads)
    if model.dev_metric == "loss":
        score = partial(_loss, ask, codes)
    else:
        score = partial(_agreement, ask, labels, list(classes), model.dev_metric)
    return BestOnDev(
        score, model.early_stopping or FOREVER, higher_is_better=model.dev_metric != "loss"
    )


def _asker(
    features: ChainFeatures,
    rules: ChainRules,
    tokens: Tokens,
    support: npt.NDArray[np.bool_] | None,
    n_threads: int | None,
) -> Ask:
    """Answers to questions on the held-out scores, given weights. Holds no training data."""

    def ask(weights: FloatArray, question: Callable[[ChainScores], Any]) -> list[Any]:
        scorer = ChainScorer(features, weights, tokens.n_dense, n_threads)
        return scorer.each(tokens, rules, support, question)

    return ask


def _agreement(
    ask: Ask, labels: list[Any], classes: list[Any], metric: str, weights: FloatArray
) -> float:
    """F1 or accuracy of the best labellings."""
    flat = [classes[code] for part in ask(weights, _best) for code in part.tolist()]
    ends = np.cumsum([len(sequence) for sequence in labels]).tolist()
    found = [flat[i:j] for i, j in pairwise([0, *ends])]
    return float(getattr(evaluate_labels(labels, found), metric))


def _best(scores: ChainScores) -> npt.NDArray[np.int64]:
    return scores.packing.natural(viterbi(scores)[1])


def _loss(ask: Ask, codes: npt.NDArray[np.int64], weights: FloatArray) -> float:
    """-log P of the labels, per token."""
    total, first = 0.0, 0
    for scores in ask(weights, lambda scores: scores):
        last = first + scores.packing.n_positions
        total += float(log_partitions(scores).sum())
        total -= float(labelling_scores(scores, codes[first:last]).sum())
        first = last
    return total / len(codes)


def _codes(labels: list[Any], classes: Sequence[Any]) -> npt.NDArray[np.int64]:
    """The number of each label, -1 for one that the training data lack."""
    own, codes = encode_labels(labels)  # raises ValueError where a label is not known
    number = {label: i for i, label in enumerate(classes)}
    return np.array([number.get(label, -1) for label in own], np.int64)[codes]


def _check_finite(
    codes: npt.NDArray[np.int64],
    tokens: Tokens,
    problem: ChainProblem,
    labels: list[Any],
    classes: Sequence[Any],
    support: npt.NDArray[np.bool_] | None,
) -> None:
    """Raise ValueError if the labels have probability 0, whatever the weights."""
    if (codes < 0).any():
        lacking = list(chain.from_iterable(labels))[int(np.argmin(codes))]
        raise ValueError(
            f"the dev data hold the label {lacking!r}, which the training data lack: its "
            "probability is 0, so that dev_metric='loss' is infinite; use 'f1'"
        )
    targets = ChainTargets.of(tokens.lengths, codes, len(classes))
    try:
        check_possible(targets, problem.rules, classes)
        if support is not None:
            narrowed(EncodedLabels(list(classes), codes, None), support, tokens.lengths)
    except ValueError as error:
        raise ValueError(f"in the dev data, {error}") from None
