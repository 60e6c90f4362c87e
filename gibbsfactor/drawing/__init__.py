"""Pictures of models' graphs, of weights, and of how sequences are labelled.

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
    from gibbsfactor.drawing.inputs import with_inputs
    from gibbsfactor.drawing.panel_graphs import Panel
    from gibbsfactor.drawing.panels import draw_panels
    from gibbsfactor.drawing.sentences import draw_sequence
    from gibbsfactor.drawing.transitions import draw_transitions
    from gibbsfactor.drawing.weight_images import draw_weight_images
    from gibbsfactor.drawing.weights import draw_top_features

__all__ = [
    "Panel",
    "draw",
    "draw_confusion",
    "draw_explanation",
    "draw_learning_curve",
    "draw_panels",
    "draw_sequence",
    "draw_top_features",
    "draw_transitions",
    "draw_weight_images",
    "with_inputs",
]

_HOMES = {
    "Panel": "panel_graphs",
    "draw": "figure",
    "draw_confusion": "confusion",
    "draw_explanation": "explanations",
    "draw_learning_curve": "curves",
    "draw_panels": "panels",
    "draw_sequence": "sentences",
    "draw_top_features": "weights",
    "draw_transitions": "transitions",
    "draw_weight_images": "weight_images",
    "with_inputs": "inputs",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
