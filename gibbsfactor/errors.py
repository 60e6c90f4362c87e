"""The errors a user can meet, each a subclass of the built-in one that fits, and their words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from unicodedata import normalize


class ZeroProbabilityError(ValueError):
    """The distribution has no mass: log Z is -inf, so nothing can be normalised.

    Raised when a marginal, a most probable assignment or a sample is asked of a
    Gibbs distribution whose every assignment has weight zero, most often because
    the evidence contradicts the factors.
    """


class IntractableError(MemoryError):
    """Exact inference would need more memory than the budget allows.

    The message names the induced width, the bytes and the way out.
    """


class PrecisionWarning(RuntimeWarning):
    """A float does not hold what the answer depends on.

    Given where every assignment of a Gibbs distribution has a penalty so large that there are no
    digits left for the rest, and where a probability above 0 is read or made as 0.
    """


class FormatError(ValueError):
    """A file is not in the format it was read as.

    The message names the file, the line where there is one, what was found and
    what was expected.
    """


def listed(items: Sequence[object], most: int = 20) -> str:
    """Items for a message, the first few of many.

    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b', ... (3 in all)"
    """
    shown = ", ".join(map(repr, items[:most]))
    return shown if len(items) <= most else f"{shown}, ... ({len(items)} in all)"


def suggested(given: object, known: Iterable[object]) -> str:
    r"""What a misspelt name may have meant, as the end of a message; empty where nothing is near.

    >>> suggested("Rian", ["rain", "grass"])
    "; did you mean 'rain'?"
    >>> suggested("snow", ["rain", "grass"])
    ''
    >>> print(suggested("e\u0301", ["a", "\xe9"]))
    ; 'e\u0301' is another Unicode form of '\xe9': use unicodedata.normalize('NFC', text) on both
    """
    known = [one for one in known if one != given]
    if isinstance(given, str):
        form = normalize("NFC", given)
        for one in known:
            if isinstance(one, str) and normalize("NFC", one) == form:
                return (
                    f"; {given!a} is another Unicode form of {one!a}: "
                    "use unicodedata.normalize('NFC', text) on both"
                )
    text = str(given).strip().casefold()
    texts = {str(one).strip().casefold(): one for one in reversed(known)}
    for near in difflib.get_close_matches(text, texts, n=1):
        if abs(len(near) - len(text)) <= 1 + len(text) // 4:
            return f"; did you mean {texts[near]!r}?"
    return ""
