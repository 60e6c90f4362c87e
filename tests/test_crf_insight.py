"""What a CRF has learnt, by name; and why it labels as it does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from crf_data import KINDS, chunks_of, sentences_of, train
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from gibbsfactor import LinearChainCRF

FORMS = {**KINDS, "dense": (lambda X: [dense_of(x) for x in X], {"order": 2})}


def dense_of(x):
    return np.array([[ord(w) - 99.0, float(t == "N"), 1.0] for w, t in x])


@pytest.fixture(scope="module", params=FORMS)
def fitted(request):
    make, options = FORMS[request.param]
    X, y = sentences_of(30, shortest=4)
    return train(make(X), y, c2=0.3, **options), make(X), X


def test_contributions_add_up_to_log_odds_given_the_neighbours(fitted):
    """Change one label of the best labelling: the difference of the sums is that of log P."""
    crf, X, _ = fitted
    one = X[5:6]
    (best,) = crf.predict(one)
    for t, label in enumerate(best):
        why = crf.explain(X[5], t)
        assert why.position == t
        assert why.chosen == label
        assert why.labels == ["B", "I", "O"]
        total = sum(values for _, values in why.contributions)
        others = [[*best[:t], other, *best[t + 1 :]] for other in why.labels]
        several = X[[5] * 3] if not isinstance(X, list) else [X[5]] * 3
        log_p = crf.log_probability(several, others)
        assert_allclose(total - total[0], log_p - log_p[0], atol=1e-11)
        assert int(np.argmax(total)) == why.labels.index(label)
        assert_allclose(why.marginals, crf.predict_proba(one)[0][t])
        sizes = [np.abs(values).max() for _, values in why.contributions]
        assert sizes == sorted(sizes, reverse=True)
        assert all(np.any(values) for _, values in why.contributions)


def test_an_explanation_under_constraints():
    X, y = chunks_of(30)
    for order in (1, 2):
        crf = train(X, y, constraints="IOB2", order=order)
        x = next(x for x in X if len(x) == 4)
        (best,) = crf.predict([x])
        for t in range(4):
            why = crf.explain(x, t)
            total = sum(values for _, values in why.contributions)
            others = [[*best[:t], other, *best[t + 1 :]] for other in why.labels]
            log_p = crf.log_probability([x] * 5, others)
            k = why.labels.index(best[t])
            assert_allclose(total - total[k], log_p - log_p[k], atol=1e-11)


def test_an_explanation_reads_well():
    crf = train([[["w=a", "t"], ["w=b"]]] * 4, [["x", "y"]] * 4, all_possible_states=True)
    why = crf.explain([["w=a", "t"], ["w=b"]], 0)
    names = {name for name, _ in why.contributions}
    assert names == {"w=a", "t", "before 'y'"}
    assert dict(why.of("x"))["w=a"] == pytest.approx(crf.state_features_["w=a", "x"])
    assert dict(why.of("y"))["w=a"] == pytest.approx(crf.state_features_["w=a", "y"])
    shown = str(why)
    assert shown.startswith("position 0: x with probability 0.")
    assert "w=a" in shown
    assert "before 'y'" in shown
    (last,) = [
        name for name, _ in crf.explain([["w=a"], ["w=b"]], -1).contributions if "after" in name
    ]
    assert last == "after 'x'"
    for position in (2, -3):
        with pytest.raises(
            IndexError, match=f"there is no position {position}: the sequence has 2"
        ):
            crf.explain([["w=a"], ["w=b"]], position)


def test_weights_by_name_are_all_of_them(fitted):
    crf, _, _ = fitted
    by_name = [
        *crf.state_features_.values(),
        *crf.transition_features_.values(),
        *crf.conditioned_features_.values(),
        *crf.triple_features_.values(),
    ]
    assert_allclose(by_name, crf.weights_)
    assert {name for name, _ in crf.state_features_} <= set(crf.attributes_)
    assert len(set(crf.attributes_)) == len(crf.attributes_) == crf.features_.n_attributes
    assert (crf.order == 2) == bool(crf.triple_features_)
    assert crf.size_ == sum(part.nbytes for part in (crf.weights_, *parts(crf)))
    if crf.boundary_weights:
        assert {"__BOS__", "__EOS__"} <= set(crf.attributes_)
        assert set(itertools.product(["__BOS__"], ["B", "O"])) <= set(crf.state_features_)


def parts(crf):
    f = crf.features_
    return f.states, f.transitions, f.conditioned, f.triples


def test_names_and_weights_score_a_labelling(fitted):
    """The unnormalised score of a labelling, from the dictionaries alone."""
    crf, X, sentences = fitted
    if crf.templates is not None or not isinstance(X[0], list):
        return
    y = [label for label, _ in zip(itertools.cycle("BIO"), sentences[0], strict=False)]
    score, previous = 0.0, [None, None]
    for t, token in enumerate(X[0]):
        for name in token:
            value = float(token[name]) if isinstance(token, dict) else 1.0
            score += value * crf.state_features_.get((name, y[t]), 0.0)
        score += crf.transition_features_.get((previous[1], y[t]), 0.0)
        score += crf.triple_features_.get((*previous, y[t]), 0.0)
        previous = [previous[1], y[t]]
    if crf.boundary_weights:
        score += crf.state_features_.get(("__BOS__", y[0]), 0.0)
        score += crf.state_features_.get(("__EOS__", y[-1]), 0.0)
    expected = crf.log_probability(X[:1], [y])[0] + crf.log_partition(X[:1])[0]
    assert score == pytest.approx(expected, rel=1e-12)


def test_top_features_are_the_largest_and_the_smallest():
    crf = train(all_possible_states=True)
    every = crf.state_features_
    for k in (1, 3, 100):
        top = crf.top_features(k)
        assert list(top) == crf.classes_
        for label, found in top.items():
            own = sorted(((w, a) for (a, i), w in every.items() if i == label), reverse=True)
            weights = [w for w, _ in own]
            expected = weights if len(weights) <= 2 * k else weights[:k] + weights[-k:]
            assert [w for _, w in found] == expected
            assert all(every[a, label] == w for a, w in found)
    for wrong in (0, 2.0, True):
        with pytest.raises(ValueError, match=r"k is .*; it must be a whole number from 1"):
            crf.top_features(wrong)


def test_features_of_weight_0_are_not_top_features():
    X, y = sentences_of(60)
    crf = train(KINDS["lists"][0](X), y, c1=2.0, c2=0.0)
    zero = {key for key, w in crf.state_features_.items() if w == 0}
    assert zero
    found = {(a, label) for label, top in crf.top_features(50).items() for a, _ in top}
    assert found == set(crf.state_features_) - zero


def test_an_unfitted_model_knows_nothing():
    crf = LinearChainCRF()
    for name in (
        "attributes_",
        "state_features_",
        "transition_features_",
        "conditioned_features_",
        "triple_features_",
        "size_",
    ):
        with pytest.raises(NotFittedError, match=r"LinearChainCRF is not fitted yet; call fit"):
            getattr(crf, name)
    for ask in (lambda: crf.top_features(), lambda: crf.explain([["a"]], 0)):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ask()
