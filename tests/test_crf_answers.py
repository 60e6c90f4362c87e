"""What a trained CRF answers: laws over labellings, and the general engine on the same factors."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
from crf_data import KINDS, as_lists, sentences_of, train
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.features import Columns, Constraints, Tokens
from gibbsfactor.learning.chain import scoring

NO_GAPS = Constraints.from_pairs(
    ["B", "I", "O"], forbidden=[("O", "O"), ("I", "B")], end=["B", "I"]
)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    """A model of each kind, its training data, its labels, and data that it has not seen."""
    make, options = KINDS[request.param]
    X, y = sentences_of(30)
    new = [*sentences_of(10, seed=1)[0], [("zz", "Z")], [("a", "Z"), ("zz", "N")]]
    return train(make(X), y, c2=0.3, **options), make(X), y, make(new)


def one_of(X, n, times=1):
    """Sequence n so many times."""
    return X[[n] * times] if isinstance(X, Columns | Tokens) else [X[n]] * times


def labellings(length):
    return [list(y) for y in itertools.product("BIO", repeat=length)]


# ---- laws -----------------------------------------------------------------------------------


def test_shapes_and_laws_of_answers(fitted):
    crf, _, _, new = fitted
    lengths = list(map(len, new))
    assert crf.classes_ == ["B", "I", "O"]
    predicted, marginals, log_z = crf.predict(new), crf.predict_proba(new), crf.log_partition(new)
    assert list(map(len, predicted)) == lengths
    assert [p.shape for p in marginals] == [(length, 3) for length in lengths]
    assert log_z.shape == (len(lengths),)
    for p in marginals:
        assert_allclose(p.sum(axis=1), 1, atol=1e-13)
        assert (p >= 0).all()
    best = crf.log_probability(new, predicted)
    assert_allclose(crf.confidence(new), np.exp(best), rtol=1e-12)
    rng = random.Random(0)
    for _ in range(30):
        other = [[rng.choice("BIO") for _ in labels] for labels in predicted]
        assert (crf.log_probability(new, other) <= best + 1e-12).all()


def test_all_labellings_have_probability_one(fitted):
    """And their sums are the marginals, the best is the prediction, the k best are the top k."""
    crf, _, _, new = fitted
    found, predicted, best = crf.predict_proba(new), crf.predict(new), crf.k_best(new, 5)
    for n in [n for n in range(len(found)) if len(found[n]) <= 4]:
        every = labellings(len(found[n]))
        p = np.exp(crf.log_probability(one_of(new, n, len(every)), every))
        assert p.sum() == pytest.approx(1, rel=1e-12)
        assert p[every.index(predicted[n])] == pytest.approx(p.max(), rel=1e-12)
        for t, (k, label) in itertools.product(range(len(found[n])), enumerate("BIO")):
            share = sum(q for q, y in zip(p, every, strict=True) if y[t] == label)
            assert share == pytest.approx(found[n][t, k], abs=1e-12)
        assert_allclose([q for _, q in best[n]], np.sort(p)[::-1][:5], rtol=1e-11)
        for labels, q in best[n]:
            assert p[every.index(labels)] == pytest.approx(q, rel=1e-11)


def test_answers_do_not_depend_on_the_batch(fitted, monkeypatch):
    crf, _, _, new = fitted
    predicted, marginals, log_z = crf.predict(new), crf.predict_proba(new), crf.log_partition(new)
    five = crf.k_best(new, 5)
    for n in range(len(log_z)):
        one = one_of(new, n)
        assert crf.predict(one) == predicted[n : n + 1]
        assert_allclose(crf.predict_proba(one)[0], marginals[n], atol=1e-13)
        assert_allclose(crf.log_partition(one)[0], log_z[n], rtol=1e-13)
    monkeypatch.setattr(scoring, "SHARD_BYTES", 300)  # a few tokens in a shard
    assert crf.predict(new) == predicted
    assert_allclose(crf.log_partition(new), log_z, rtol=1e-13)
    assert_allclose(np.concatenate(crf.predict_proba(new)), np.concatenate(marginals), atol=1e-13)
    assert [[y for y, _ in own] for own in crf.k_best(new, 5)] == [
        [y for y, _ in own] for own in five
    ]
    assert_allclose(crf.log_probability(new, predicted), np.log(crf.confidence(new)), rtol=1e-9)


def test_gibbs_is_the_same_distribution(fitted):
    crf, _, _, new = fitted
    for n in (0, 3, len(new) - 1):
        one = one_of(new, n)
        general = crf.gibbs(one if isinstance(new, Columns) else new[n])
        assert_allclose(general.log_partition(), crf.log_partition(one)[0], rtol=1e-12)
        (marginals,), (predicted,) = crf.predict_proba(one), crf.predict(one)
        assert general.names == tuple(f"y{t}" for t in range(len(marginals)))
        for t, table in enumerate(general.marginals().values()):
            assert_allclose(table.values, marginals[t], atol=1e-12)
        chosen = {f"y{t}": label for t, label in enumerate(predicted)}
        log_p = crf.log_probability(one, [predicted])[0]
        assert general.log_probability(chosen) == pytest.approx(log_p, abs=1e-11)
        assert general.log_unnormalized(general.map_assignment()) == pytest.approx(
            general.log_unnormalized(chosen), rel=1e-12
        )
        assert general.variables[0].states == tuple(crf.classes_)


def test_gibbs_keeps_constraints(fitted):
    crf, _, _, new = fitted
    for n in (1, len(new) - 1):
        one = one_of(new, n)
        general = crf.gibbs(one, constraints=NO_GAPS)
        (marginals,) = crf.predict_proba(one, constraints=NO_GAPS)
        log_z = crf.log_partition(one, constraints=NO_GAPS)[0]
        assert_allclose(general.log_partition(), log_z, rtol=1e-12)
        for t, table in enumerate(general.marginals().values()):
            assert_allclose(table.values, marginals[t], atol=1e-12)


# ---- known labels ---------------------------------------------------------------------------


def agrees(labels, given):
    return all(
        g is None or label == g or (isinstance(g, set) and label in g)
        for label, g in zip(labels, given, strict=True)
    )


def test_known_labels_in_every_question(fitted):
    """Against P(y, known) / P(known) by listing all labellings."""
    crf, _, _, new = fitted
    numbers = [n for n, x in enumerate(crf.predict(new)) if 2 <= len(x) <= 4]
    assert numbers
    for n in numbers:
        length = len(crf.predict(one_of(new, n))[0])
        every = labellings(length)
        p = np.exp(crf.log_probability(one_of(new, n, len(every)), every))
        for given in (
            ["O", *[None] * (length - 1)],
            [None, {"B", "O"}, *[None] * (length - 2)],
            [*[{"I", "O"}] * (length - 1), "B"],
            every[n % len(every)],
        ):
            own = np.where([agrees(y, given) for y in every], p, 0.0)
            one, share = one_of(new, n), own / own.sum()
            assert crf.log_probability(one, [given])[0] == pytest.approx(
                math.log(own.sum()), abs=1e-11
            )
            (marginals,) = crf.predict_proba(one, known=[given])
            for t, (k, label) in itertools.product(range(length), enumerate("BIO")):
                expected = sum(q for q, y in zip(share, every, strict=True) if y[t] == label)
                assert marginals[t, k] == pytest.approx(expected, abs=1e-12)
            (best,) = crf.predict(one, known=[given])
            assert agrees(best, given)
            assert share[every.index(best)] == pytest.approx(share.max(), rel=1e-11)
            assert crf.confidence(one, known=[given])[0] == pytest.approx(share.max(), rel=1e-11)
            (top,) = crf.k_best(one, 3, known=[given])
            positive = np.sort(share[share > 0])[::-1][:3]
            assert_allclose([q for _, q in top], positive, rtol=1e-10)
            gained = crf.log_partition(one, known=[given]) - crf.log_partition(one)
            assert gained[0] == pytest.approx(math.log(own.sum()), abs=1e-11)
            drawn = crf.sample(one, 50, known=[given])[0]
            assert all(agrees(y, given) for y in drawn)
            table = crf.predict_marginals(one, known=[given])[0]
            assert table[0]["O"] == marginals[0, 2]


def test_one_sequence_at_a_time():
    crf, x = train(), [["Uw=a"], ["Uw=b", "Ut=N"], ["Uw=c"]]
    given = {"known": [None, "B", None]}
    several = {"known": [given["known"]]}
    assert crf.predict_single(x) == crf.predict([x])[0]
    assert crf.predict_single(x, **given) == crf.predict([x], **several)[0]
    assert crf.predict_single(x, **given)[1] == "B"
    assert crf.predict_marginals_single(x) == crf.predict_marginals([x])[0]
    sure = crf.predict_marginals_single(x, **given)[1]
    assert sure == pytest.approx({"B": 1.0, "I": 0.0, "O": 0.0}, abs=1e-13)
    forced = crf.predict_single(x, constraints=NO_GAPS)
    assert NO_GAPS.check(forced) is None


@pytest.mark.parametrize("size", [scoring.SHARD_BYTES, 1])
def test_what_nothing_agrees_with_is_an_error_by_number(size, monkeypatch):
    monkeypatch.setattr(scoring, "SHARD_BYTES", size)  # both in one shard, or one in each
    crf, x = train(), [["Uw=a"], ["Uw=b"]]
    given = {"constraints": NO_GAPS, "known": [[None, None], ["B", "O"]]}
    message = "no labelling of sequence 1 agrees with the labels known and the constraints"
    for ask in (
        crf.predict,
        crf.predict_proba,
        crf.predict_marginals,
        crf.sample,
        crf.confidence,
        lambda X, **more: crf.k_best(X, 2, **more),
    ):
        with pytest.raises(ZeroProbabilityError, match=message):
            ask([x, x], **given)
    for ask in (
        crf.predict,
        crf.predict_proba,
        crf.predict_marginals,
        lambda X, **more: crf.k_best(X, 2, **more),
    ):
        found, none = ask([x, x], on_impossible="none", **given)
        assert none is None
        assert repr(found) == repr(ask([x], constraints=NO_GAPS)[0])
        with pytest.raises(
            ValueError, match=r"on_impossible is 'skip'; it must be 'raise' or 'none"
        ):
            ask([x, x], on_impossible="skip", **given)
    assert crf.log_partition([x, x], **given)[1] == -math.inf
    assert crf.log_probability([x], [["B", "O"]], constraints=NO_GAPS)[0] == -math.inf
    assert crf.log_probability([x], [["B", None]], constraints=NO_GAPS)[0] > -math.inf
    with pytest.raises(ValueError, match="there are 1 sequences of tokens but 2 of labels"):
        crf.predict([x], known=given["known"])


def test_all_positions_unknown_is_nothing_known():
    crf, x = train(), [["Uw=a"], ["Uw=b"]]
    open_all = [[None, None]]
    assert crf.log_probability([x], open_all)[0] == pytest.approx(0, abs=1e-13)
    assert crf.predict([x], known=open_all) == crf.predict([x])
    assert_array_equal(crf.predict_proba([x], known=open_all)[0], crf.predict_proba([x])[0])


# ---- samples and k best ---------------------------------------------------------------------


def test_samples_follow_the_model():
    crf, x, n = train(order=2), [["Uw=a"], ["Uw=b", "Ut=N"], ["Uw=c"]], 20_000
    every = labellings(3)
    p = np.exp(crf.log_probability([x] * 27, every))
    (drawn,) = crf.sample([x], n, random_state=3)
    counts = Counter(map(tuple, drawn))
    seen = np.array([counts[tuple(y)] for y in every])
    assert seen.sum() == n
    many = p * n >= 5
    cells = [*zip(seen[many], n * p[many], strict=True)]
    cells.append((seen[~many].sum(), n * p[~many].sum()))
    statistic = sum((s - e) ** 2 / e for s, e in cells if e)
    assert statistic <= chi2.isf(1e-6, len(cells) - 1)
    assert crf.sample([x], 5, random_state=3) == [drawn[:5]] or crf.sample([x], 5)
    assert crf.sample([x], 5, random_state=3) == crf.sample([x], 5, random_state=3)
    assert crf.sample([x], 5, random_state=np.random.default_rng(3)) == crf.sample(
        [x], 5, random_state=3
    )
    assert crf.sample([[], x, []], 2)[::2] == [[[], []], [[], []]]


def test_k_best_of_few_labellings():
    crf, x = train(), [["Uw=a"], ["Uw=b"]]
    (nine,) = crf.k_best([x], 20)
    assert len(nine) == 9
    assert sum(p for _, p in nine) == pytest.approx(1, rel=1e-12)
    assert crf.k_best([x], 1)[0][0][0] == crf.predict([x])[0]
    assert crf.k_best([x], 4)[0] == nine[:4]
    assert crf.k_best([[], x], 2)[0] == [([], 1.0)]
    few = crf.k_best([x], 20, constraints=NO_GAPS)[0]
    assert [y for y, _ in few if NO_GAPS.check(y)] == []
    assert sum(p for _, p in few) == pytest.approx(1, rel=1e-12)
    for wrong in (0, -1, 1.5, True, "3"):
        with pytest.raises(ValueError, match=r"k is .*; it must be a whole number from 1"):
            crf.k_best([x], wrong)
        with pytest.raises(ValueError, match=r"n is .*; it must be a whole number from 1"):
            crf.sample([x], wrong)


# ---- corners --------------------------------------------------------------------------------


def test_a_sequence_of_unseen_attributes_knows_only_transitions():
    crf = train(tol=1e-9)
    x = [["never"], ["seen"], []]
    weights = [
        sum(crf.transition_features_.get(pair, 0.0) for pair in itertools.pairwise(y))
        for y in itertools.product("BIO", repeat=3)
    ]
    assert_allclose(crf.log_partition([x])[0], np.logaddexp.reduce(weights), rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_no_sequences_and_empty_ones(kind):
    make, options = KINDS[kind]
    X, y = sentences_of(30)
    crf = train(make(X), y, **options)
    for given in ({}, {"constraints": NO_GAPS}):
        nothing, gap = [], make([[], [("a", "N")], []])
        assert crf.predict(nothing, **given) == []
        assert crf.predict_proba(nothing, **given) == []
        assert crf.sample(nothing, **given) == crf.k_best(nothing, 2, **given) == []
        assert crf.log_partition(nothing, **given).shape == (0,)
        assert crf.confidence(nothing, **given).shape == (0,)
        assert crf.log_probability(nothing, [], **given).shape == (0,)
        assert crf.predict(gap, **given)[::2] == [[], []]
        assert [p.shape for p in crf.predict_proba(gap, **given)] == [(0, 3), (1, 3), (0, 3)]
        assert crf.log_partition(gap, **given)[::2].tolist() == [0, 0]
        assert crf.log_probability(gap, [[], ["B"], []], **given)[::2].tolist() == [0, 0]
        assert crf.confidence(gap, **given)[::2].tolist() == [1, 1]
        empty = gap[[0, 2]] if isinstance(gap, Columns) else [[], []]
        assert crf.predict(empty, **given) == [[], []]
        assert crf.log_partition(empty, **given).tolist() == [0, 0]
        general = crf.gibbs([], **given)
        assert general.log_partition() == 0
        assert general.map_assignment() == {}


def test_no_matrices_at_all():
    crf = train([np.eye(3)] * 3, [list("BIO")] * 3)
    assert crf.predict([]) == []
    assert crf.predict([[], []]) == [[], []]
    assert crf.gibbs(np.zeros((0, 3))).map_assignment() == {}
    assert crf.predict_single(np.eye(3)) == ["B", "I", "O"]
    assert crf.score(np.eye(3), [["B", "I"], ["B"]], lengths=[2, 1]) >= 1 / 3


def test_score_is_the_share_of_right_tokens(fitted):
    crf, X, y, _ = fitted
    predicted = crf.predict(X)
    right = sum(
        a == b for p, t in zip(predicted, y, strict=True) for a, b in zip(p, t, strict=True)
    )
    assert crf.score(X, y) == right / sum(map(len, y))
    assert crf.score(X, predicted) == 1


def test_questions_that_do_not_fit():
    X2, Y2 = [[["a"], ["b"]], [["c"]]], [["x", "y"], ["x"]]
    crf = train(X2, Y2)
    for ask in (crf.log_probability, crf.score):
        with pytest.raises(ValueError, match="there are 2 sequences of tokens but 1 of labels"):
            ask(X2, Y2[:1])
        with pytest.raises(ValueError, match="sequence 1 has 1 tokens but 2 labels"):
            ask(X2, [["x", "y"], ["x", "x"]])
    unseen = "sequence 1 has the label 'z', which the model was not trained on; it knows 'x', 'y'"
    with pytest.raises(ValueError, match=unseen):
        crf.log_probability(X2, [["x", "y"], ["z"]])
    with pytest.raises(ValueError, match=unseen):
        crf.predict(X2, known=[["x", None], [{"z", "x"}]])
    with pytest.raises((TypeError, ValueError), match="label can't be used"):
        crf.log_probability(X2, [[["x"], ["y"]], [["x"]]])
    assert crf.score(X2, [["x", "z"], ["z"]]) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="there is no token to score"):
        crf.score([[]], [[]])
    with pytest.raises(ValueError, match="gibbs takes one sequence; got 2 of them"):
        crf.gibbs(X2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'knwon'"):
        crf.confidence(X2, knwon=None)


def test_one_sequence_in_every_form():
    X, y = sentences_of(20)
    columns = Columns.from_sentences(X)
    make, options = KINDS["columns"]
    crf = train(columns, y, **options)
    log_z = crf.log_partition(columns[:1])[0]
    for one in (columns[:1], columns[0], X[0], X[:1], make(X[:1])):
        assert crf.gibbs(one).log_partition() == pytest.approx(log_z, rel=1e-12)
    crf = train()
    assert crf.gibbs(as_lists(X)[0]).log_partition() == crf.gibbs(as_lists(X)[:1]).log_partition()
