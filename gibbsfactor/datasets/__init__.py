"""Data that comes with the library."""

from __future__ import annotations

from gibbsfactor.datasets.business import business_graph
from gibbsfactor.datasets.conversations import Conversations, load_conversations
from gibbsfactor.datasets.phrases import load_phrases
from gibbsfactor.datasets.tomato import tomato_plant

__all__ = [
    "Conversations",
    "business_graph",
    "load_conversations",
    "load_phrases",
    "tomato_plant",
]
