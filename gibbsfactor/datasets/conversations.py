"""A corpus of short conversations, every word labelled by what its speaker is doing."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from gibbsfactor.features import Columns, Templates
from gibbsfactor.io import read_conll, read_text

LABELS = ("neutral", "olive-branch", "fighting-words")


@dataclass(frozen=True, eq=False)
class Conversations:
    """What `load_conversations` gives.

    Attributes
    ----------
    train, test : Columns with the word in column 0 and its label in column 1
    labels : the three labels
    templates : Templates over the word column: the words from -2 to 2, and transitions
    """

    train: Columns
    test: Columns
    labels: tuple[str, ...]
    templates: Templates


def load_conversations() -> Conversations:
    """Load 380 short conversations whose words are labelled by tone.

    Each conversation is a run of lower-case words without punctuation, spoken by two or three
    people in turn, 30 words on average. A word's label is that of the utterance it stands in:

    - ``neutral``: says, asks or tells something, neither warm nor hostile;
    - ``olive-branch``: greets, thanks, praises, helps, apologises or makes peace;
    - ``fighting-words``: insults, threatens, sneers or refuses rudely.

    The word alone often does not tell (*sorry*, *thanks*, *beast* and *roar* occur under several
    labels), its neighbours do.

    | part  | conversations | words | neutral | olive-branch | fighting-words |
    |-------|---------------|-------|---------|--------------|----------------|
    | train | 300           | 8,891 | 3,990   | 2,462        | 2,439          |
    | test  | 80            | 2,359 | 1,103   | 589          | 667            |

    The conversations were made up and labelled by hand for this library; nobody in them is real.
    They come under its licence, BSD-3-Clause. They hold swear words.

    Returns
    -------
    Conversations

    Examples
    --------
    >>> talk = load_conversations()
    >>> talk.train
    Columns(300 sequences, 8,891 tokens, 2 columns of 1,935 and 3 distinct values)
    >>> talk.train[0][:5]
    [('thank', 'olive-branch'), ('you', 'olive-branch'), ('for', 'olive-branch'), \
('coming', 'olive-branch'), ('to', 'olive-branch')]
    >>> len(talk.test), talk.labels
    (80, ('neutral', 'olive-branch', 'fighting-words'))
    >>> talk.templates
    Templates(5 templates over 1 column, transitions, outside='value', marks=False)
    """
    return Conversations(
        _columns("conversations_train.txt"),
        _columns("conversations_test.txt"),
        LABELS,
        _templates("conversations_template.txt"),
    )


def _columns(name: str) -> Columns:
    with (files("gibbsfactor.datasets") / name).open("rb") as file:
        return read_conll(file)


def _templates(name: str) -> Templates:
    with (files("gibbsfactor.datasets") / name).open("rb") as file:
        return Templates.parse(read_text(file), name=name)
