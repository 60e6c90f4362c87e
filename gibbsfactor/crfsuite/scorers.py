"""Scorers for scikit-learn's searches, as in ``sklearn_crfsuite.scorers``."""

from __future__ import annotations

from gibbsfactor.evaluation.flat import flat_accuracy, sequence_accuracy

__all__ = ["flat_accuracy", "sequence_accuracy"]
