"""How well a labelling agrees with the truth: by chunk, by label, by token, by sequence.

- schemes.py: the rules of each scheme, as tables
- reading.py: a label's prefix and type, and which rules apply
- coding.py: sequences of labels as integers
- chunking.py: the chunks of all sequences
- scores.py: precision, recall, F1 and their averages
- reporting.py: the report, and the scores in short
- layouts.py: a report as text, HTML, a data frame, a dict
- confusion.py: confusion matrices of labels and of chunks
- flat.py: metrics and scorers under sklearn-crfsuite's names (loads scikit-learn)
"""

from __future__ import annotations

from gibbsfactor.evaluation.chunking import Chunks, chunks, find_chunks
from gibbsfactor.evaluation.confusion import (
    ConfusionMatrix,
    confusion_matrix,
    entity_confusion_matrix,
)
from gibbsfactor.evaluation.reading import follows_iob
from gibbsfactor.evaluation.reporting import Report, Scores, evaluate_labels, report
from gibbsfactor.evaluation.scores import Score

__all__ = [
    "Chunks",
    "ConfusionMatrix",
    "Report",
    "Score",
    "Scores",
    "chunks",
    "confusion_matrix",
    "entity_confusion_matrix",
    "evaluate_labels",
    "find_chunks",
    "follows_iob",
    "report",
]
