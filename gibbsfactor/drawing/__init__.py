"""Pictures of a model's graphs, and of how sequences are labelled.

Matplotlib is loaded when the first picture is drawn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor.drawing.confusion import draw_confusion
    from gibbsfactor.drawing.curves import draw_learning_curve
    from gibbsfactor.drawing.explanations import draw_explanation
    from gibbsfactor.drawing.figure import draw
    from gibbsfactor.drawing.sentences import draw_sequence
    from gibbsfactor.drawing.transitions import draw_transitions
    from gibbsfactor.drawing.weights import draw_top_features

__all__ = [
    "draw",
    "draw_confusion",
    "draw_explanation",
    "draw_learning_curve",
    "draw_sequence",
    "draw_top_features",
    "draw_transitions",
]

_HOMES = {
    "draw": "figure",
    "draw_confusion": "confusion",
    "draw_explanation": "explanations",
    "draw_learning_curve": "curves",
    "draw_sequence": "sentences",
    "draw_top_features": "weights",
    "draw_transitions": "transitions",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
