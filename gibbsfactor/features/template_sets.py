"""Customary sets of templates, as files would hold them."""

from __future__ import annotations

from gibbsfactor.features.derived_columns import DERIVED

CHUNKING = """\
# Word
U00:%x[-2,0]
U01:%x[-1,0]
U02:%x[0,0]
U03:%x[1,0]
U04:%x[2,0]
U05:%x[-1,0]/%x[0,0]
U06:%x[0,0]/%x[1,0]

# Part of speech
U10:%x[-2,1]
U11:%x[-1,1]
U12:%x[0,1]
U13:%x[1,1]
U14:%x[2,1]
U15:%x[-2,1]/%x[-1,1]
U16:%x[-1,1]/%x[0,1]
U17:%x[0,1]/%x[1,1]
U18:%x[1,1]/%x[2,1]
U20:%x[-2,1]/%x[-1,1]/%x[0,1]
U21:%x[-1,1]/%x[0,1]/%x[1,1]
U22:%x[0,1]/%x[1,1]/%x[2,1]

# Transitions
B
"""

PART_OF_SPEECH = """\
# Word
U00:%x[-2,{word}]
U01:%x[-1,{word}]
U02:%x[0,{word}]
U03:%x[1,{word}]
U04:%x[2,{word}]
U05:%x[-1,{lower}]/%x[0,{lower}]
U06:%x[0,{lower}]/%x[1,{lower}]
U07:%x[0,{lower}]

# Affixes
U10:%x[0,{prefix1}]
U11:%x[0,{prefix2}]
U12:%x[0,{prefix3}]
U13:%x[0,{prefix4}]
U14:%x[0,{suffix1}]
U15:%x[0,{suffix2}]
U16:%x[0,{suffix3}]
U17:%x[0,{suffix4}]
U18:%x[-1,{suffix3}]
U19:%x[1,{suffix3}]
U20:%x[-1,{suffix2}]/%x[0,{suffix2}]
U21:%x[0,{suffix2}]/%x[1,{suffix2}]

# Shape
U30:%x[-1,{shape}]
U31:%x[0,{shape}]
U32:%x[1,{shape}]
U33:%x[-1,{shape}]/%x[0,{shape}]
U34:%x[0,{shape}]/%x[1,{shape}]
U35:%x[0,{case}]
U36:%x[0,{digits}]

# Transitions
B
"""


def part_of_speech_text(word: int, derived: int) -> str:
    """The templates for parts of speech, over those columns."""
    columns = {name: derived + i for i, name in enumerate(DERIVED)}
    return PART_OF_SPEECH.format(word=word, **columns)
