"""Words by how they are spelled: a tree from any word, over endings, to the words themselves.

Letters: V words, A kinds of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gibbsfactor.features.strings import Arrays, pack_strings, stored, unpack_strings

ANY, ENDING, LOWER, WORD = "any", "ending=", "lower=", "word="  # how kinds are named
IntArray = NDArray[np.int64]


class WordTree:
    """Kinds of words, each a special case of the one that it hangs from.

    ===================  ======================================================================
    kind                 hangs from
    ===================  ======================================================================
    ``any``
    ``ending=Aa|``       any word; of this shape: what its first character is and what the
                         others are, A a capital, a small letter, 0 a digit, - something else
    ``ending=Aa|g``      the shape; and these are its last letters, in small ones
    ``ending=Aa|ng``     the ending with one letter fewer
    ``lower=viking``     the longest known ending of the word in small letters
    ``word=Viking``      the word in small letters
    ===================  ======================================================================

    A word is of the most special kind there is for it: the word itself if it is known, else the
    same word in other capitals, else the longest known ending.

    Parameters
    ----------
    names : A names of kinds, every one after the one that it hangs from; the first is ``any``
    parents : (A,) the kind that each hangs from; -1 for the first

    Notes
    -----
    Source: Samuelsson (1993) and Brants (2000), section 2.3, for trees of endings, one for words
    with a capital and one for others.

    Examples
    --------
    >>> tree = WordTree.learn(["the", "Viking", "sailed"], [40, 2, 1])
    >>> for kind in tree.of(["Viking", "viking", "Striking", "pie"]):
    ...     print(tree.names[kind])
    word=Viking
    lower=viking
    ending=Aa|iking
    ending=aa|
    """

    def __init__(self, names: Iterable[str], parents: ArrayLike) -> None:
        self.names = list(names)
        self.parents: IntArray = np.asarray(parents, dtype=np.int64)
        self._index = {name: a for a, name in enumerate(self.names)}

    @classmethod
    def learn(
        cls, words: Sequence[str], counts: ArrayLike, *, max_suffix: int = 10, rare: float = 10
    ) -> WordTree:
        """The kinds that words make.

        Parameters
        ----------
        words : V different words
        counts : (V,) how often each occurs
        max_suffix : the longest ending, in letters
        rare : endings are those of words that occur so often at most; frequent ones say little
            about words yet unseen
        """
        tree = cls([ANY], [-1])
        parents = [-1]

        def hang(name: str, parent: int) -> int:
            if name not in tree._index:
                tree._index[name] = len(tree.names)
                tree.names.append(name)
                parents.append(parent)
            return tree._index[name]

        for word, often in zip(words, np.asarray(counts).tolist(), strict=True):
            if often <= rare:
                kind = 0
                for name in endings(word, max_suffix):
                    kind = hang(name, kind)
        for word in words:
            small = word.lower()
            hang(WORD + word, hang(LOWER + small, tree._longest(small)))
        tree.parents = np.array(parents, np.int64)
        return tree

    def __len__(self) -> int:
        return len(self.names)

    def of(self, words: Iterable[str | None]) -> IntArray:
        """(V,) the most special kind of each word; -1 of None, a missing one."""
        return np.fromiter((-1 if word is None else self._kind(word) for word in words), np.int64)

    def endings_of(self, words: Iterable[str]) -> IntArray:
        """(V,) the longest known ending of each word, be it known itself or not."""
        return np.fromiter(map(self._longest, words), np.int64)

    def starting(self, prefix: str) -> IntArray:
        """The kinds whose names begin so, rising."""
        return np.flatnonzero([name.startswith(prefix) for name in self.names])

    def to_arrays(self) -> Arrays:
        """All of it, as plain numpy arrays by name."""
        names, offsets = pack_strings(self.names)
        return {"names": names, "name_offsets": offsets, "parents": self.parents}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> WordTree:
        """The tree that `to_arrays` stored.

        Raises
        ------
        ValueError
            If a kind hangs from none before it, or two have one name.
        """
        names = unpack_strings(stored(arrays, "names"), stored(arrays, "name_offsets"))
        parents = stored(arrays, "parents").astype(np.int64)
        before = np.arange(len(names))
        if parents.shape != before.shape or not len(names) or len(set(names)) < len(names):
            raise ValueError(f"{len(names)} kinds of words don't fit {len(parents)} parents")
        if parents[0] != -1 or ((parents < 0) | (parents >= before))[1:].any():
            raise ValueError("a kind of words hangs from one that is not before it")
        return cls(names, parents)

    def levels(self) -> Iterator[IntArray]:
        """The kinds at depth 1, at depth 2, and so on."""
        depth = np.zeros(len(self), np.int64)
        parents = self.parents.tolist()
        for kind in range(1, len(parents)):
            depth[kind] = depth[parents[kind]] + 1
        order = np.argsort(depth, kind="stable")
        begins = np.searchsorted(depth[order], np.arange(1, depth.max() + 2))
        yield from np.split(order, begins)[1:-1]

    def _kind(self, word: str) -> int:
        kind = self._index.get(WORD + word)
        if kind is None:
            kind = self._index.get(LOWER + word.lower())
        return self._longest(word) if kind is None else kind

    def _longest(self, word: str) -> int:
        found = 0
        for name in endings(word, len(word)):
            kind = self._index.get(name)
            if kind is None:
                break
            found = kind
        return found


def endings(word: str, longest: int) -> Iterator[str]:
    """Names of the kinds that a word belongs to by its shape and ending, from the shape on.

    Examples
    --------
    >>> list(endings("X-rays", 2))
    ['ending=A-a|', 'ending=A-a|s', 'ending=A-a|ys']
    """
    stem, small = f"{ENDING}{shape(word)}|", word.lower()
    yield stem
    for size in range(1, min(longest, len(small)) + 1):
        yield stem + small[-size:]


def shape(word: str) -> str:
    """What the first character is, then the different ones that follow.

    Examples
    --------
    >>> [shape(word) for word in ("the", "The", "USA", "B2B", "1,250", "e-mail", "a")]
    ['aa', 'Aa', 'AA', 'A0A', '0-0', 'a-a', 'a']
    """
    return "".join([*map(_sort, word[:1]), *sorted(set(map(_sort, word[1:])))])


@cache
def _sort(character: str) -> str:
    if character.isupper():
        return "A"
    if character.isdigit():
        return "0"
    return "a" if character.isalpha() else "-"
