"""Short sentences with two layers of labels: parts of speech and chunks."""

from __future__ import annotations

from importlib.resources import files

from gibbsfactor.features import Columns
from gibbsfactor.io import read_conll


def load_phrases() -> Columns:
    """Load 300 short sentences, every word with its part of speech and its chunk.

    They are full of words that can be a noun or a verb, as in *they train dogs* and *the early
    train was late*; 216 of the 579 different words occur as more than one part of speech.

    - column 0: the word, in lower case, without punctuation;
    - column 1: its part of speech: ``NOUN``, ``VERB`` (auxiliaries too), ``DET``, ``PRON``,
      ``ADP``, ``ADJ``, ``ADV``, ``NUM``, ``CONJ``, or ``PART`` (the *to* of an infinitive);
    - column 2: noun phrases and groups of verbs in the IOB2 scheme: ``B-NP``, ``I-NP``, ``B-VP``,
      ``I-VP``, ``O``.

    The sentences were made up and labelled by hand for this library, and come under its licence,
    BSD-3-Clause. Their order is random, so that any of them may serve for testing.

    Returns
    -------
    Columns

    Examples
    --------
    >>> phrases = load_phrases()
    >>> phrases
    Columns(300 sequences, 1,535 tokens, 3 columns of 579 and 10 and 5 distinct values)
    >>> phrases[3][:3]
    [('the', 'DET', 'B-NP'), ('cooks', 'NOUN', 'I-NP'), ('fish', 'VERB', 'B-VP')]
    """
    with (files("gibbsfactor.datasets") / "phrases.txt").open("rb") as file:
        return read_conll(file)
