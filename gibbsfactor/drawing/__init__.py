"""Pictures of a model's graphs.

Matplotlib is loaded when the first picture is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor.drawing.figure import draw

__all__ = ["draw"]


def __getattr__(name: str) -> Any:
    if name == "draw":
        from gibbsfactor.drawing.figure import draw

        return draw
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
