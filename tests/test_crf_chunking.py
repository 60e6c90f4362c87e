"""CRFs on the chunking data of CoNLL-2000."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from crf_data import loss_by_hand
from sklearn.exceptions import ConvergenceWarning

from gibbsfactor import LinearChainCRF, read_conll
from gibbsfactor.features import Templates, vectorizer_for
from gibbsfactor.features.labels import encode_labels
from gibbsfactor.learning.chain.features import observed_features
from gibbsfactor.learning.chain.targets import ChainTargets


@pytest.fixture(scope="module")
def chunking(shared_data):
    columns = read_conll(shared_data / "conll2000" / "train.txt.gz")
    return columns.drop(), columns.labels()


def test_chunking_has_452755_features(chunking):
    """335,674 attributes, and the (attribute, label) and (label, label) pairs that occur."""
    X, y = chunking
    tokens = vectorizer_for(X, Templates.chunking()).fit_transform(X)
    classes, codes = encode_labels(y)
    targets = ChainTargets.of(tokens.lengths, codes, len(classes))
    features, observed = observed_features(tokens, targets)
    assert (len(y), tokens.n_tokens, len(classes)) == (8_936, 211_727, 22)
    assert tokens.n_attributes == 335_674
    assert features.n_weights == len(observed) == 452_755
    follows = {pair for labels in y for pair in itertools.pairwise(labels)}
    assert len(features.transitions) == len(follows)
    assert observed[: len(features.states)].sum() == tokens.attributes.nnz


@pytest.mark.parametrize(
    ("algorithm", "passes"), [("lbfgs", (1, 8)), ("l2sgd", (1, 4)), ("ap", (1, 4))]
)
def test_training_on_1000_sentences_gets_better(chunking, algorithm, passes):
    X, y = chunking
    train, test = (X[:1000], y[:1000]), (X[1000:1300], y[1000:1300])
    losses, scores = [], []
    for iterations in passes:
        crf = LinearChainCRF(
            algorithm, templates=Templates.chunking(), max_iterations=iterations, progress=False
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            losses.append(crf.fit(*train).loss_)
        scores.append(crf.score(*test))
    assert losses[0] > 2 * losses[1]
    assert scores[1] > 0.9
    if algorithm == "lbfgs":
        assert sum(map(len, y[:1000])) * math.log(len(crf.classes_)) > losses[0]
        assert crf.loss_ == pytest.approx(loss_by_hand(crf, *train), rel=1e-10)


def test_every_answer_agrees_on_real_sentences(chunking):
    """Order 2, constraints, ends: marginals of a few sentences from k best and by samples."""
    X, y = chunking
    crf = LinearChainCRF(
        "ap",
        order=2,
        constraints="IOB2",
        boundary_weights=True,
        templates=Templates.chunking(),
        max_iterations=2,
        progress=False,
    ).fit(X[:500], y[:500])
    some = X[500:540]
    best = crf.predict(some)
    assert crf.score(some, y[500:540]) > 0.85
    assert [own[0][0] for own in crf.k_best(some, 3)] == best
    assert np.allclose(np.exp(crf.log_probability(some, best)), crf.confidence(some))
    for shares in crf.predict_proba(some):
        assert np.allclose(shares.sum(axis=1), 1)
