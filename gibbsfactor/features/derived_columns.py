"""Columns made of a column of words: affixes, shape, case and digits, once for each distinct word.

Letters: M tokens, V distinct words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from gibbsfactor.features.columns import Columns, encode
from gibbsfactor.features.tokens import check_position


class _Kinds(dict[int, int]):
    """What each character is in a shape; looked up once each."""

    def __missing__(self, code: int) -> int:
        character, kind = chr(code), code
        if character.isalpha():
            kind = ord("X" if character.isupper() else "x")
        elif character.isdigit():
            kind = ord("d")
        self[code] = kind
        return kind


KINDS = _Kinds()
RUN = re.compile(r"(.)\1+", re.DOTALL)


@lru_cache(maxsize=1 << 14)
def _without_runs(kinds: str) -> str:
    """Repeated characters only once; few words differ in their kinds."""
    return RUN.sub(r"\1", kinds)


def word_shape(word: str) -> str:
    """The word with X for capitals, x for other letters, d for digits; repeated ones only once.

    Examples
    --------
    >>> [word_shape(word) for word in ("McDonald's", "3.14", "e-mail", "Élan", "...")]
    ["XxXx'x", 'd.d', 'x-x', 'Xx', '.']
    """
    return _without_runs(word.translate(KINDS))


def word_case(word: str) -> str:
    """How the word is written: lower, upper, title, mixed, or none for a word without letters.

    Examples
    --------
    >>> [word_case(word) for word in ("dog", "NATO", "I", "Paris", "iPhone", "12")]
    ['lower', 'upper', 'title', 'title', 'mixed', 'none']
    """
    if word.lower() == word.upper():
        return "none"
    if word == word.lower():
        return "lower"
    first, rest = word[:1], word[1:]
    if first == first.upper() and rest == rest.lower():
        return "title"
    return "upper" if word == word.upper() else "mixed"


def word_digits(word: str) -> str:
    """How many of its characters are digits: all, some or none; number: the others are no letters.

    Examples
    --------
    >>> [word_digits(word) for word in ("1984", "1,984.5", "B52", "dog")]
    ['all', 'number', 'some', 'none']
    """
    if "d" not in word.translate(KINDS):
        return "none"
    if word.isdigit():
        return "all"
    return "some" if any(map(str.isalpha, word)) else "number"


DERIVED: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "prefix1": lambda word: word[:1],
    "prefix2": lambda word: word[:2],
    "prefix3": lambda word: word[:3],
    "prefix4": lambda word: word[:4],
    "suffix1": lambda word: word[-1:],
    "suffix2": lambda word: word[-2:],
    "suffix3": lambda word: word[-3:],
    "suffix4": lambda word: word[-4:],
    "shape": word_shape,
    "case": word_case,
    "digits": word_digits,
}
"""The derived columns by name, in the order in which they are added."""


def with_affixes_and_shape(columns: Columns, word: int = 0) -> Columns:
    """The columns and, on their right, twelve more that are made of the words.

    The word in small letters; its prefixes of 1 to 4 characters, then its suffixes (a shorter word
    is its own affix); its shape, case and digits. Each is worked out once for each distinct word.

    Parameters
    ----------
    columns
        Columns of M tokens, one of them the words.
    word
        The position of the column of words.

    Returns
    -------
    Columns
        With the added ones at ``columns.n_columns`` and on: where `Templates.part_of_speech`
        expects them by default if words are the only column.

    Raises
    ------
    TypeError, IndexError
        If there is no such column.

    Examples
    --------
    >>> columns = with_affixes_and_shape(Columns.from_sentences([[("Walking",), ("at",)]]))
    >>> [columns.column(c) for c in (1, 4, 8, 10, 11, 12)]
    [['walking', 'at'], ['Wal', 'at'], ['ing', 'at'], ['Xx', 'x'], ['title', 'lower'], \
['none', 'none']]
    """
    position = check_position(word, columns.n_columns, "column")
    words, codes = columns.vocabularies[position], columns.codes[position]
    vocabularies, added = [], []
    for derive in DERIVED.values():
        strings, table = encode(map(derive, words))
        vocabularies.append(tuple(strings))
        added.append(table[codes])
    return Columns(
        (*columns.vocabularies, *vocabularies), np.vstack([columns.codes, *added]), columns.lengths
    )
