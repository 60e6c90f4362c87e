"""Small data to train linear-chain CRFs on, in every form."""

from __future__ import annotations

import random

import numpy as np

from gibbsfactor import LinearChainCRF, Templates
from gibbsfactor.features import Columns

TEMPLATES = Templates.parse("Uw=%x[0,0]\nUt=%x[0,1]\nUp=%x[-1,0]\nB\n")
CONDITIONED = Templates.parse("Uw=%x[0,0]\nB\nB01:%x[0,1]\nB02:%x[-1,1]/%x[0,1]\n")


def sentences_of(n, seed=0, shortest=1):
    """Sequences of (word, tag) tokens and their labels; the labels depend on both and on order."""
    rng = random.Random(seed)
    X, y = [], []
    for _ in range(n):
        tokens, labels = [], []
        for _ in range(rng.randint(shortest, 7)):
            word, tag = rng.choice("abcdef"), rng.choice("NV")
            noise = rng.random() < 0.1
            follows = labels and labels[-1] == "B"
            labels.append("I" if (tag == "N" and follows) != noise else rng.choice("BO"))
            tokens.append((word, tag))
        X.append(tokens)
        y.append(labels)
    return X, y


def chunks_of(n, seed=0):
    """Feature lists, and labels that follow IOB2: B-x, I-x, B-y, I-y, O."""
    rng = random.Random(seed)
    X, y = [], []
    for _ in range(n):
        tokens, labels = [], []
        for _ in range(rng.randint(1, 7)):
            kind = rng.choice("xyz")
            may_go_on = labels and labels[-1][2:] == kind
            go_on = may_go_on and rng.random() < 0.6
            label = "O" if kind == "z" else f"{'I' if go_on else 'B'}-{kind}"
            seen = kind if rng.random() < 0.8 else rng.choice("xyz")
            tokens.append([f"k={seen}", f"n={rng.randrange(4)}"])
            labels.append(label)
        X.append(tokens)
        y.append(labels)
    return X, y


def as_dicts(X):
    return [
        [
            {"Uw=" + w: 1.0, "Ut=" + t: True, "Up=" + (x[i - 1][0] if i else "_B-1"): 1}
            for i, (w, t) in enumerate(x)
        ]
        for x in X
    ]


def as_lists(X):
    return [[list(features) for features in x] for x in as_dicts(X)]


KINDS = {
    "dicts": (as_dicts, {}),
    "lists": (as_lists, {}),
    "columns": (Columns.from_sentences, {"templates": TEMPLATES}),
    "conditioned": (Columns.from_sentences, {"templates": CONDITIONED}),
    "second order": (as_lists, {"order": 2}),
    "ends": (as_lists, {"boundary_weights": True}),
    "all": (
        Columns.from_sentences,
        {"templates": CONDITIONED, "order": 2, "boundary_weights": True},
    ),
}


def train(X=None, y=None, **options):
    given_X, given_y = sentences_of(30)
    X = as_lists(given_X) if X is None else X
    return LinearChainCRF(**{"progress": False, **options}).fit(X, given_y if y is None else y)


def loss_by_hand(crf, X, y, sample_weight=None):
    """What training minimises, from the probabilities of the labellings."""
    weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
    w = np.asarray(crf.weights_)
    penalty = crf.c2 * float(w @ w) + crf.c1 * float(np.abs(w).sum())
    return penalty - float(weights @ crf.log_probability(X, y))
