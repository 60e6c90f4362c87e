"""Gives a docstring's closing "Source: ..." line a section of its own when the pages are built.

Docstrings name their source in a last paragraph. Where that follows a list of parameters or
errors, the parser would take it for one more of them.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

# A paragraph that begins with "Source:", after a blank line, at the margin of the docstring.
SOURCE = re.compile(r"\n\n(?=Source: )")
NOTES = re.compile(r"^Notes\n-+$", re.MULTILINE)


class SourceNotes(griffe.Extension):
    """Puts the heading "Notes" above the line, unless the docstring has one already."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for every module, class, function and attribute after it was read."""
        if obj.docstring is not None and not NOTES.search(obj.docstring.value):
            obj.docstring.value = SOURCE.sub("\n\nNotes\n-----\n", obj.docstring.value, count=1)
