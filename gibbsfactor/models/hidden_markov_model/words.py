"""Words as observations of tagging, the ones never seen before by how they are spelled.

Letters: M words in all sequences together, V different ones, K states, A kinds of words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

from gibbsfactor.features.observations import read_words
from gibbsfactor.features.word_tree import LOWER, WORD, WordTree
from gibbsfactor.models.hidden_markov_model.emissions import (
    Emissions,
    FloatArray,
    IntArray,
    LogLinear,
    Observations,
)

NEW = "<new word>"


class WordEmissions(Emissions):
    """Words from states that are given in training, such as parts of speech.

    The probability of a state given a word is estimated along a tree of kinds of words
    (`WordTree`) that leads from any word over its shape and ever longer endings to the word in
    small letters and the word itself. Of each kind c with parent b,

        P(k | c) = (n(c, k) + a P(k | b)) / (n(c) + a)

    from the counts n and a weight a: of many occurrences the counts decide, of few the kind above.
    Bayes' rule turns it into what a state emits,

        P(w | k) = P(k | c_w) P(w) / P(k)

    with c_w the most special kind of w. A known word has the probability P(w) = n(w) / (M + S), a
    new one P(new) = S / (M + S), S the number of words that occurred once (Good & Turing). Over
    the known words and a new one of which nothing is seen P(w | k) sums to one; for a new word of
    known spelling it is a density relative to how new words are spelled.

    Parameters
    ----------
    max_suffix : int
        The longest ending, in letters.
    rare : int
        Endings are counted on words that occur so often at most.
    suffix_weight, word_weight : float
        The weight a of endings, and of words.

    Attributes
    ----------
    tree_ : WordTree of A kinds
    log_probabilities_ : (A, K) log P(w | k) of a word of each kind, in nats

    Notes
    -----
    Source: Brants (2000), TnT, section 2.3, and Samuelsson (1993) for guessing by successively
    longer endings, of words with a capital and others apart; MacKay & Peto (1995), equation 12,
    for the weights, where Brants takes the standard deviation of P(k).

    Training needs the state of every word: EM would not raise the likelihood with estimates that
    are smoothed by the endings' counts.

    Examples
    --------
    >>> words = WordEmissions()
    >>> text = words.learn(["sailing", "walks", "the", "king", "walking", "the"])
    >>> text.distinct
    ['sailing', 'walks', 'the', 'king', 'walking']
    >>> words.maximize(text, np.array([[0, 1], [0, 1], [2, 0], [1, 0], [0, 1]]), "w")
    >>> log_p = words.log_likelihoods(words.read(["the", "thinking", "sings"]))
    >>> (log_p[:, 1] - log_p[:, 0]).round(2)
    array([-5.  ,  0.28,  0.66])
    """

    parameters: ClassVar[Mapping[str, str]] = {"w": "log_probabilities_"}

    tree_: WordTree
    log_probabilities_: FloatArray

    def __init__(
        self,
        *,
        max_suffix: int = 10,
        rare: int = 10,
        suffix_weight: float = 2.0,
        word_weight: float = 1.0,
    ) -> None:
        self.max_suffix = max_suffix
        self.rare = rare
        self.suffix_weight = suffix_weight
        self.word_weight = word_weight

    def to_arrays(self) -> dict[str, Any]:
        """The probabilities, and the tree of kinds of words."""
        return super().to_arrays() | (self.tree_.to_arrays() if hasattr(self, "tree_") else {})

    def take_arrays(self, arrays: Mapping[str, Any]) -> None:
        """As any emissions; with the tree."""
        super().take_arrays(arrays)
        if arrays:
            self.tree_ = WordTree.from_arrays(arrays)

    # ---- observations -----------------------------------------------------------------

    def learn(self, X: Any) -> Observations:
        """Read M words, and learn which words and endings there are.

        Raises
        ------
        ValueError
            If a parameter is out of range, or there is no word.
        TypeError
            As `read`.
        """
        self._check_parameters()
        found = self.read(X)
        words, often = _known(found.distinct), np.bincount(found.codes)
        if not words:
            raise ValueError("there is no word to learn from; give one at least")
        counts = often[[v for v, word in enumerate(found.distinct) if word is not None]]
        self.tree_ = WordTree.learn(words, counts, max_suffix=self.max_suffix, rare=self.rare)
        return found

    def read(self, X: Any) -> Observations:
        """Read M words, each a str; None where one is missing.

        Raises
        ------
        TypeError
            If something else is among them.
        """
        return Observations(*read_words(X))

    # ---- estimation -------------------------------------------------------------------

    def start(
        self, observations: Observations, n_states: int, rng: np.random.Generator, which: str
    ) -> None:
        """Refuse: there is no EM for these.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            "WordEmissions are estimated by counting, from the state of every word; give y with a "
            "label at every position (for EM on words use CategoricalEmissions)"
        )

    def maximize(self, observations: Observations, counts: FloatArray, which: str) -> None:
        """Estimate P(word | state) from how often each distinct word comes from each state."""
        if "w" not in which:
            return
        spoken = np.array([word is not None for word in observations.distinct], dtype=bool)
        words = _known(observations.distinct)
        counts = np.asarray(counts, dtype=np.float64)[: len(spoken)][spoken]
        total, often = counts.sum(), counts.sum(axis=1)
        if not total:
            raise ValueError("no word has a label; give y with one at every position")
        shares, kinds = self._shares(words, counts), self.tree_.of(words)
        once = max(float((often == 1).sum()), 1.0)
        of_words = np.concatenate([often, [once]]) / (total + once)
        of_states = of_words @ np.vstack([shares[kinds], shares[:1]])
        log_of_kinds = np.full(len(self.tree_), np.log(of_words[-1]))
        with np.errstate(divide="ignore"):  # of words of weight 0
            log_of_kinds[kinds] = np.log(of_words[:-1])
        self.log_probabilities_ = np.log(shares) + log_of_kinds[:, None] - np.log(of_states)

    def _shares(self, words: list[str], counts: FloatArray) -> FloatArray:
        """(A, K) P(state | kind), from the counts (V, K) of the words."""
        tree = self.tree_
        spread = np.zeros((len(tree), counts.shape[1]))
        few = counts.sum(axis=1) <= self.rare
        ends = tree.endings_of(word for word, kept in zip(words, few.tolist(), strict=True) if kept)
        np.add.at(spread, ends, counts[few])
        levels = list(tree.levels())
        for level in reversed(levels):
            np.add.at(spread, tree.parents[level], spread[level])
        np.add.at(spread, kinds := tree.of(words), counts)
        np.add.at(spread, tree.parents[kinds], counts)
        weights = np.full(len(tree), float(self.suffix_weight))
        for prefix in (LOWER, WORD):
            weights[tree.starting(prefix)] = self.word_weight
        totals = spread.sum(axis=1) + weights
        uniform = np.full(counts.shape[1], 1 / counts.shape[1])
        spread[0] = (spread[0] + weights[0] * uniform) / totals[0]
        for level in levels:
            above = weights[level, None] * spread[tree.parents[level]]
            spread[level] = (spread[level] + above) / totals[level, None]
        return spread

    # ---- answers ----------------------------------------------------------------------

    def check(self, n_states: int) -> None:
        """Raise ValueError unless the probabilities are there, for so many states."""
        table = getattr(self, "log_probabilities_", None)
        if table is None:
            raise ValueError("WordEmissions have no probabilities yet; call fit(X, y)")
        if np.shape(table) != (len(self.tree_), n_states) or np.isnan(table).any():
            raise ValueError(
                f"log_probabilities_ has shape {np.shape(table)}; expected numbers of shape "
                f"{(len(self.tree_), n_states)}, for each kind of words and each state"
            )

    def log_likelihoods(self, observations: Observations) -> FloatArray:
        """(V, K) log P(word | state), in nats; zeros for a missing word."""
        found = np.zeros((len(observations.distinct), self.log_probabilities_.shape[1]))
        kinds = self.tree_.of(observations.distinct)
        found[kinds >= 0] = self.log_probabilities_[kinds[kinds >= 0]]
        return found

    def sample(self, states: IntArray, rng: np.random.Generator) -> list[str]:
        """Draw a known word from each of the (n,) states."""
        words, table = self._vocabulary()
        drawn = np.zeros(len(states), np.int64)
        for state in np.unique(states).tolist():
            share = np.exp(table[:-1, state])
            here = np.flatnonzero(states == state)
            drawn[here] = rng.choice(len(share), size=len(here), p=share / share.sum())
        return [words[w] for w in drawn.tolist()]

    def predictive(self, shares: FloatArray) -> FloatArray:
        """Probabilities (n, W + 1) of the W known words, and of a new one; see `vocabulary`."""
        return np.asarray(shares @ np.exp(self._vocabulary()[1]).T)

    def vocabulary(self) -> list[str]:
        """The W known words and, behind them, ``<new word>``."""
        return [*self._vocabulary()[0], NEW]

    def n_parameters(self, which: str) -> int:
        """(A, K) probabilities of states given kinds and one of each word, less what sums to 1."""
        if "w" not in which:
            return 0
        n_kinds, n_states = self.log_probabilities_.shape
        return int(n_kinds * (n_states - 1) + len(self.tree_.starting(WORD)))

    def _vocabulary(self) -> tuple[list[str], FloatArray]:
        """The W known words, and (W + 1, K) log probabilities of these and a new one."""
        kinds = self.tree_.starting(WORD)
        words = [self.tree_.names[kind].removeprefix(WORD) for kind in kinds.tolist()]
        return words, self.log_probabilities_[[*kinds.tolist(), 0]]

    # ---- the discriminative twin ------------------------------------------------------

    def log_linear(self) -> LogLinear:
        """A weight for each kind of words and state: ``log_probabilities_``."""
        bias = np.zeros(self.log_probabilities_.shape[1])
        return LogLinear(self.log_probabilities_, bias, self.tree_.names)

    def statistics(self, observations: Observations) -> Any:
        """(V, A) sparse: 1 for the kind of each word; nothing for a missing one."""
        kinds = self.tree_.of(observations.distinct)
        spoken = kinds >= 0
        places = (np.ones(spoken.sum()), kinds[spoken], np.concatenate([[0], np.cumsum(spoken)]))
        return scipy.sparse.csr_array(places, shape=(len(spoken), len(self.tree_)))

    # ---- parts ------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        for name in ("max_suffix", "rare"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from 0")
        for name in ("suffix_weight", "word_weight"):
            value = getattr(self, name)
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not (number and 0 < value < math.inf):
                raise ValueError(f"{name} is {value!r}; it must be a finite number of more than 0")


def _known(words: Iterable[str | None]) -> list[str]:
    return [word for word in words if word is not None]
