"""Where chunks start, go on and end: tables over a label's prefix and that of the label before.

Letters: P prefixes of a reading.

Source: conlleval.pl (Tjong Kim Sang 2004), endOfChunk and startOfChunk, for conlleval's rules;
seqeval 1.2 (Nakayama 2018) for its default rules and for the strict schemes; Tjong Kim Sang &
Veenstra (1999), Representing text chunks, section 2, for what the schemes mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]

# Schemes that mark both ends: outside, begin, inside, end, single, always in this order.
BOTH_ENDS = {"IOBES": "OBIES", "BILOU": "OBILU", "BMEWO": "OBMEW", "BMES": "OBMES"}
SCHEMES = {"IOB1": "OBI", "IOB2": "OBI", "IOE1": "OIE", "IOE2": "OIE", **BOTH_ENDS}
ALIASES = {
    "BIO": "IOB2",
    "BIOES": "IOBES",
    "BILUO": "BILOU",
    "BIOUL": "BILOU",
    "BMEOW": "BMEWO",
    "BMESO": "BMES",
}
MODES = ("conlleval", "lenient", "strict")
OTHER = "?"  # stands for any prefix that conlleval has no rule for


@dataclass(frozen=True, eq=False)
class Rules:
    """What two neighbouring labels say of chunks.

    Each table is (P, P, 2), asked by the prefix before, the prefix now, and whether both have the
    same type.

    Attributes
    ----------
    prefixes : one letter each; a label's prefix is a position in them
    starts : a chunk starts with the second label
    ends : the chunk that the first label belongs to ends with it
    inside : the second label continues the chunk of the first. None if whatever neither starts
        nor ends one does; else a chunk counts only where it ends as ``ends`` says
    """

    prefixes: str
    starts: BoolArray
    ends: BoolArray
    inside: BoolArray | None = None


def _table(prefixes: str, patterns: str) -> BoolArray:
    """Patterns such as ``BI>O*``: B or I before, O now, and the types ``=``, ``!`` or any ``*``.

    An underscore stands for every prefix.
    """
    table = np.zeros((len(prefixes), len(prefixes), 2), bool)
    for pattern in patterns.split():
        before, _, now = pattern[:-1].partition(">")
        same = {"=": [1], "!": [0], "*": [0, 1]}[pattern[-1]]
        rows, columns = (
            [prefixes.index(letter) for letter in (prefixes if side == "_" else side)]
            for side in (before, now)
        )
        table[np.ix_(rows, columns, same)] = True
    return table


def _rules(prefixes: str, starts: str, ends: str, inside: str | None = None) -> Rules:
    within = None if inside is None else _table(prefixes, inside)
    return Rules(prefixes, _table(prefixes, starts), _table(prefixes, ends), within)


# A dot and the letters without a rule are no chunk of their own; brackets are chunks of one token.
CONLLEVAL = _rules(
    "OBIE[]." + OTHER,
    starts=f"BIO>B* O>IE* E>EI* _>BIE[]{OTHER}! _>[]*",
    ends=f"BI>BO* E>EIO* BIE[]{OTHER}>_! []>_*",
)

LENIENT = _rules("OBIES", starts="_>BS* OES>EI* _>BIES!", ends="ES>_* BI>BSO* BIES>_!")

STRICT = {
    # As seqeval has it, IOB1's B counts only between two chunks, and IOE1's E likewise.
    "IOB1": _rules("OBI", "O>I* I>I! B>I* I>B= B>B=", "I>I! I>O* I>B* B>O* B>I! B>B=", "BI>I="),
    "IOB2": _rules("OBI", "_>B*", "I>O* I>I! I>B* B>O* B>I! B>B*", "BI>I="),
    "IOE1": _rules("OIE", "O>I* I>I! E>I* E>E=", "I>I! I>O* I>E! E>I= E>E=", "I>IE="),
    "IOE2": _rules("OIE", "O>IE* E>IE* I>IE!", "E>_*", "I>EI="),
    "IOBES": _rules("OBIES", "_>BS*", "ES>_*", "BI>IE="),
}
STRICT |= {name: replace(STRICT["IOBES"], prefixes=SCHEMES[name]) for name in BOTH_ENDS}


def lenient_rules(scheme: str) -> Rules:
    """seqeval's default rules, in the letters of a scheme."""
    return replace(LENIENT, prefixes=SCHEMES[scheme]) if scheme in BOTH_ENDS else LENIENT
