r"""Wapiti's regular expressions, as Python's, and what macros make of strings by them.

Wapiti's dialect has the characters ``.``, ``\x`` and ``x``, each of them perhaps followed by ``*``
or ``?``, between an optional ``^`` and an optional ``$``; there are no groups, sets or choices.
Its ``*`` takes as little as it can and its ``?`` as much, so ``\d*`` alone matches nothing, and
``^\d*$`` a number. The classes are those of ASCII, as they are in C's own locale: ``\a`` letters,
``\d`` digits, ``\l`` small and ``\u`` capital letters, ``\p`` punctuation, ``\s`` white space,
``\w`` letters and digits; a capital stands for all else. ``\`` before any other character is that
character. One thing differs: ``.`` is a character here and a byte there.

Source: Lavergne, Cappe & Yvon 2010; the rules are those of Wapiti 1.5's pattern matcher.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, punctuation

from gibbsfactor.features.template_macros import Reading

CLASSES = {
    "a": "A-Za-z",
    "d": "0-9",
    "l": "a-z",
    "p": re.escape(punctuation),
    "s": r" \t\n\v\f\r",
    "u": "A-Z",
    "w": "A-Za-z0-9",
}
CHARACTER = re.compile(r"(\\.|[^\\])([*?]?)", re.DOTALL)
FOLD = str.maketrans(ascii_uppercase, ascii_lowercase)


def translate(regexp: str) -> str:
    r"""The same expression for Python's `re`, to be used with ``re.DOTALL``.

    Raises
    ------
    ValueError
        If a ``*`` or ``?`` follows nothing that it could repeat, or the expression ends in ``\``.

    Examples
    --------
    >>> translate(r"^\u\l*.?$")
    '\\A[A-Z][a-z]*?.?\\Z'
    """
    parts, at, end = [], 0, len(regexp)
    if regexp.startswith("^"):
        parts, at = [r"\A"], 1
    while at < end:
        if regexp[at:] == "$":
            parts.append(r"\Z")
            break
        if regexp[at] in "*?":
            sign = regexp[at]
            raise ValueError(f"{sign!r} follows no character; write \\{sign} for itself")
        found = CHARACTER.match(regexp, at)
        if not found:
            raise ValueError(r"it ends in a single \; write \\ for itself")
        parts.append(_character(found[1]) + {"*": "*?", "?": "?", "": ""}[found[2]])
        at = found.end()
    return "".join(parts)


@lru_cache(maxsize=256)
def compiled(regexp: str) -> re.Pattern[str]:
    """The expression, ready to search with."""
    return re.compile(translate(regexp), re.DOTALL)


def read_strings(strings: Iterable[str], reading: Reading) -> Iterable[str]:
    """What a macro makes of each of these strings.

    Examples
    --------
    >>> list(read_strings(["Dogs", "ran"], Reading(0, "m", "..$", fold=False)))
    ['gs', 'an']
    """
    if reading.command == "t":
        search = compiled(reading.regexp).search
        return ["true" if search(string) else "false" for string in strings]
    if reading.command == "m":
        search = compiled(reading.regexp).search
        matches = map(search, strings)
        strings = [match[0] if match else "" for match in matches]
    return [string.translate(FOLD) for string in strings] if reading.fold else strings


def _character(written: str) -> str:
    """One character or class."""
    if written == ".":
        return "."
    if not written.startswith("\\"):
        return re.escape(written)
    letter = written[1]
    members = CLASSES.get(letter.lower()) if letter.isascii() else None
    if members is None:
        return re.escape(letter)
    return f"[{'^' * letter.isupper()}{members}]"
