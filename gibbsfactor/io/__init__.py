"""Reading and writing files in the formats of the field."""

from __future__ import annotations

from gibbsfactor.io.conll import read_conll, write_conll
from gibbsfactor.io.text import read_text, write_text

__all__ = ["read_conll", "read_text", "write_conll", "write_text"]
