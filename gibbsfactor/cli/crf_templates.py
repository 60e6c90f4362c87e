"""The feature templates that a command is given, and the columns that some of them derive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor.features import Columns, Templates

SETS = ("chunking", "part-of-speech")
_COLUMN = r"%x\[0,(\d+)\]"


def read_templates(given: str, syntax: Any = None) -> Templates:
    """One of the customary sets by its name, or the templates in a file."""
    from gibbsfactor.features import Templates

    if given in SETS and syntax is not None:
        raise ValueError(f"--syntax goes with a file of templates, not with {given}; leave it out")
    if given == "chunking":
        return Templates.chunking()
    if given == "part-of-speech":
        return Templates.part_of_speech(0, 1)
    return Templates.from_file(given, syntax=syntax)


def derivation(templates: Templates) -> tuple[int, int] | None:
    """The column of words and the first derived one, if these are the part-of-speech templates.

    A model keeps the text of its templates, by which it is known whether they are these.

    >>> from gibbsfactor.features import Templates
    >>> derivation(Templates.part_of_speech(1, 3)), derivation(Templates.chunking())
    ((1, 3), None)
    """
    from gibbsfactor.features.template_sets import part_of_speech_text

    word = re.search(rf"^U02:{_COLUMN}$", templates.source, re.MULTILINE)
    derived = re.search(rf"^U07:{_COLUMN}$", templates.source, re.MULTILINE)
    if word is None or derived is None:
        return None
    found = int(word[1]), int(derived[1])
    return found if templates.source == part_of_speech_text(*found) else None


def with_derived(columns: Columns, templates: Templates | None) -> Columns:
    """The columns that templates read: those of the data, and what is derived from the words."""
    found = None if templates is None else derivation(templates)
    if found is None:
        return columns
    from gibbsfactor.features.derived_columns import with_affixes_and_shape

    word, first = found
    if columns.n_columns < first:
        raise ValueError(
            f"the model reads {first} columns, of which column {word} holds the words, but the "
            f"data has {columns.n_columns}; give them as in training"
        )
    return with_affixes_and_shape(columns.select(range(first)), word)
