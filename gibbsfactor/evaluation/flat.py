"""Metrics and scorers over the tokens of all sequences, under sklearn-crfsuite's names.

Code that reads ``from sklearn_crfsuite import metrics`` (or ``scorers``) goes on with
``from gibbsfactor.evaluation import flat as metrics``. Each metric flattens its sequences and asks
scikit-learn; unlike there, sequences that do not fit each other are an error that says where.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import chain
from typing import Any

from sklearn import metrics

from gibbsfactor.evaluation.coding import code
from gibbsfactor.features.labels import Labels


def flat_accuracy_score(y_true: Labels, y_pred: Labels, **kwargs: Any) -> float:
    """The share of tokens that are right: sklearn.metrics.accuracy_score.

    Raises
    ------
    TypeError, ValueError
        If the two are no sequences of labels, or not as many and as long as each other; so for
        all metrics here.

    Examples
    --------
    >>> flat_accuracy_score([["a", "b"], ["a"]], [["a", "a"], ["a"]])
    0.6666666666666666
    """
    return float(metrics.accuracy_score(*_flat(y_true, y_pred), **kwargs))


def flat_precision_score(y_true: Labels, y_pred: Labels, **kwargs: Any) -> Any:
    """sklearn.metrics.precision_score over tokens; give ``average`` and ``labels`` as there."""
    return metrics.precision_score(*_flat(y_true, y_pred), **kwargs)


def flat_recall_score(y_true: Labels, y_pred: Labels, **kwargs: Any) -> Any:
    """sklearn.metrics.recall_score over tokens; give ``average`` and ``labels`` as there."""
    return metrics.recall_score(*_flat(y_true, y_pred), **kwargs)


def flat_f1_score(y_true: Labels, y_pred: Labels, **kwargs: Any) -> Any:
    """sklearn.metrics.f1_score over tokens; give ``average`` and ``labels`` as there.

    Examples
    --------
    >>> flat_f1_score([["a", "b"]], [["a", "a"]], average="weighted", labels=["a"])
    0.6666666666666666
    """
    return metrics.f1_score(*_flat(y_true, y_pred), **kwargs)


def flat_fbeta_score(y_true: Labels, y_pred: Labels, beta: float, **kwargs: Any) -> Any:
    """sklearn.metrics.fbeta_score over tokens; recall counts beta times as much as precision."""
    return metrics.fbeta_score(*_flat(y_true, y_pred), beta=beta, **kwargs)


def flat_classification_report(
    y_true: Labels, y_pred: Labels, labels: Sequence[Hashable] | None = None, **kwargs: Any
) -> Any:
    """sklearn.metrics.classification_report over tokens: a text, or a dict if ``output_dict``."""
    return metrics.classification_report(*_flat(y_true, y_pred), labels=labels, **kwargs)


def sequence_accuracy_score(y_true: Labels, y_pred: Labels) -> float:
    """The share of sequences that are right throughout; 0 if there are none.

    Examples
    --------
    >>> sequence_accuracy_score([["a", "b"], ["a"]], [["a", "a"], ["a"]])
    0.5
    """
    coded = code(("y_true", y_true), ("y_pred", y_pred))
    if not len(coded.lengths):
        return 0.0
    return float(coded.sequences_right().mean())


def _flat(y_true: Labels, y_pred: Labels) -> tuple[list[Hashable], list[Hashable]]:
    code(("y_true", y_true), ("y_pred", y_pred))  # raises unless they fit
    return list(chain.from_iterable(y_true)), list(chain.from_iterable(y_pred))


flat_accuracy = metrics.make_scorer(flat_accuracy_score)
sequence_accuracy = metrics.make_scorer(sequence_accuracy_score)
