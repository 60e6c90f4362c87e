"""What a hidden Markov model answers: the textbook's numbers, brute force, hmmlearn."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from reference import Model, Table

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.models.hidden_markov_model import CategoricalEmissions, HiddenMarkovModel


def weather(**options):
    """Wikipedia's model, as in hmmlearn's documentation: states rainy, sunny; walk, shop, clean."""
    model = HiddenMarkovModel(2, **options)
    model.startprob_ = np.array([0.6, 0.4])
    model.transmat_ = np.array([[0.7, 0.3], [0.4, 0.6]])
    model.emissionprob_ = np.array([[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]])
    return model


# ---- the textbook ---------------------------------------------------------------------------


def test_the_documented_example_of_hmmlearn():
    model, X = weather(), np.array([[0], [1], [2]])
    log_p, states = model.decode(X)
    assert math.exp(log_p) == pytest.approx(0.01344, abs=1e-6)
    assert states.tolist() == [1, 0, 0]
    assert model.predict(X).tolist() == [1, 0, 0]
    correct, states = model.decode(X, algorithm="map")
    assert states.tolist() == [1, 0, 0]
    assert correct == pytest.approx(model.predict_proba(X).max(axis=1).sum())
    posteriors = [
        [0.23170303, 0.76829697],
        [0.62406281, 0.37593719],
        [0.86397706, 0.13602294],
    ]
    assert_allclose(model.predict_proba(X), posteriors, atol=1e-6)
    assert math.exp(model.score(X)) == pytest.approx(0.033612, abs=1e-6)
    assert model.score_samples(X)[0] == model.score(X)
    by_map = weather(algorithm="map")
    assert by_map.predict(X).tolist() == [1, 0, 0]


def test_filtering_and_prediction_by_hand():
    model = weather()
    (filtered,) = model.filter([[0, 2]])
    first = np.array([0.6 * 0.1, 0.4 * 0.6])
    first /= first.sum()
    assert_allclose(filtered[0], first)
    second = first @ model.transmat_ * [0.5, 0.1]
    second /= second.sum()
    assert_allclose(filtered[1], second)
    assert_allclose(model.predict_next_state([[0, 2]]), [second @ model.transmat_])
    three = second @ np.linalg.matrix_power(model.transmat_, 3)
    assert_allclose(model.predict_next_state([[0, 2]], steps=3), [three])
    assert_allclose(model.predict_next([[0, 2]], steps=3), [three @ model.emissionprob_])
    assert_allclose(model.predict_next_state([[], [0]])[0], model.startprob_)
    ahead = model.predict_next_state([[]], steps=2)
    assert_allclose(ahead, [np.array(model.startprob_) @ model.transmat_])


# ---- brute force ----------------------------------------------------------------------------


def random_model(n_states, n_symbols, zeros=0.0, seed=0):
    """Parameters with rows that sum to 1, some of whose entries are 0."""
    rng = np.random.default_rng(seed)

    def rows(*shape):
        drawn = rng.gamma(0.5, size=shape) + 1e-3
        drawn = np.where(rng.random(shape) < zeros, 0.0, drawn)
        drawn[..., 0] += ~drawn.any(axis=-1)
        return drawn / drawn.sum(axis=-1, keepdims=True)

    model = HiddenMarkovModel()
    model.startprob_, model.transmat_ = rows(n_states), rows(n_states, n_states)
    model.emissionprob_ = rows(n_states, n_symbols)
    return model


def listed(model, x, known=None):
    """The same model of one sequence as tables, for enumeration; states may be known."""
    n = len(model.startprob_)
    names = [f"z{t}" for t in range(len(x))]
    tables = [Table((names[0],), model.startprob_, False)] if names else []
    tables += [Table(pair, model.transmat_, False) for pair in itertools.pairwise(names)]
    seen = [
        Table((name,), model.emissionprob_[:, symbol], False)
        for name, symbol in zip(names, x, strict=True)
        if symbol is not None
    ]
    for name, states in zip(names, known or (), strict=bool(known)):
        if states is not None:
            states = states if isinstance(states, set) else {states}
            seen.append(Table((name,), np.array([float(k in states) for k in range(n)]), False))
    return Model({name: tuple(range(n)) for name in names}, tables + seen)


models = st.builds(
    random_model,
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.3, 0.6]),
    st.integers(0, 2**32 - 1),
)
inputs = st.lists(st.lists(st.sampled_from([0, 0, 1, 2, 3, None]), max_size=5), max_size=4)


def readable(model, X):
    """The sequences with symbols that the model knows."""
    n = model.emissionprob_.shape[1]
    return [[None if x is None or x >= n else x for x in sequence] for sequence in X]


@pytest.mark.filterwarnings("ignore:X is a list of")
@given(models, inputs)
def test_answers_agree_with_enumeration(model, X):
    X = readable(model, X)
    every = [listed(model, x) for x in X]
    expected = [m.log_z if x else 0.0 for x, m in zip(X, every, strict=True)]
    assert_allclose(model.score_sequences(X), expected, rtol=1e-12, atol=1e-12)
    assert model.score(X) == pytest.approx(sum(expected), rel=1e-12, abs=1e-12)
    if -math.inf in expected:
        first = expected.index(-math.inf)
        for question in (model.predict, model.predict_proba, model.filter, model.viterbi):
            with pytest.raises(ZeroProbabilityError, match=f"sequence {first} has probability 0"):
                question(X)
        return
    near = {"rtol": 1e-10, "atol": 1e-12}
    shares, filtered = model.predict_proba(X), model.filter(X)
    best, states = model.viterbi(X)
    follow = model.predict_next_state(X)
    for n, (x, m) in enumerate(zip(X, every, strict=True)):
        assert len(shares[n]) == len(filtered[n]) == len(states[n]) == len(x)
        last = None
        for t in range(len(x)):
            assert_allclose(shares[n][t], m.marginal([f"z{t}"]), **near)
            last = listed(model, x[: t + 1]).marginal([f"z{t}"])
            assert_allclose(filtered[n][t], last, **near)
        if x:
            assert_allclose(best[n], m.log_weights.max(), **near)
            assert_allclose(m.log_weights[tuple(states[n])], best[n], **near)
        ahead = model.startprob_ if last is None else last @ model.transmat_
        assert_allclose(follow[n], ahead, **near)


@pytest.mark.filterwarnings("ignore:X is a list of")
@given(models, inputs, st.data())
def test_answers_given_known_states_agree_with_enumeration(model, X, data):
    X, n = readable(model, X), len(model.startprob_)
    sets = st.sets(st.integers(0, n - 1), min_size=1)
    open_ = st.one_of(st.none(), st.integers(0, n - 1), sets)
    known = [data.draw(st.lists(open_, min_size=len(x), max_size=len(x))) for x in X]
    every = [listed(model, x, z) for x, z in zip(X, known, strict=True)]
    expected = [m.log_z if x else 0.0 for x, m in zip(X, every, strict=True)]
    assert_allclose(model.score_sequences(X, known=known), expected, rtol=1e-12, atol=1e-12)
    flat, lengths = list(itertools.chain.from_iterable(X)), [len(x) for x in X]
    joined = list(itertools.chain.from_iterable(known))
    assert_array_equal(
        model.score_sequences(flat, lengths, known=joined), model.score_sequences(X, known=known)
    )
    if -math.inf in expected:
        with pytest.raises(ZeroProbabilityError, match=f"sequence {expected.index(-math.inf)} has"):
            model.predict(X, known=known)
        return
    best, states = model.viterbi(X, known=known)
    assert model.predict(X, known=known) == states
    shares, filtered = model.predict_proba(X, known=known), model.filter(X, known=known)
    follow = model.predict_next_state(X, known=known)
    near = {"rtol": 1e-10, "atol": 1e-12}
    for i, (x, z, m) in enumerate(zip(X, known, every, strict=True)):
        if not x:
            continue
        assert_allclose(m.log_weights[tuple(states[i])], best[i], **near)
        assert_allclose(best[i], m.log_weights.max(), **near)
        for t in range(len(x)):
            assert_allclose(shares[i][t], m.marginal([f"z{t}"]), **near)
            so_far = listed(model, x[: t + 1], z[: t + 1])
            assert_allclose(filtered[i][t], so_far.marginal([f"z{t}"]), **near)
        assert_allclose(follow[i], shares[i][-1] @ model.transmat_, **near)


def test_the_probability_of_a_labelling_is_a_difference_of_scores():
    model, X = weather(), [[0, 1, 2], [2]]
    y = [[1, 1, 0], [0]]
    crf = model.to_crf()
    found = model.score_sequences(X, known=y) - model.score_sequences(X)
    assert_allclose(found, crf.log_probability(X, y), rtol=1e-12)
    assert model.score_samples(X, known=y)[0] == model.score(X, known=y)
    assert model.predict(X, known=[[None, None, None], None]) == model.predict(X)
    assert_allclose(
        model.predict_next([[0]], known=[[1]]), [np.array([0.4, 0.6]) @ model.emissionprob_]
    )
    for known, error, message in (
        ([[1, 1, 0]], ValueError, r"known has 1 sequences of labels but X 2 sequences"),
        ([[1, 1], [0]], ValueError, r"sequence 0 has 3 positions but 2 labels"),
        ([[1, 1, 0], [9]], ValueError, r"known has the label 9; the states are 0, 1"),
        (3, TypeError, r"known is a int; give a list or an array with a label for each"),
    ):
        with pytest.raises(error, match=message):
            model.predict(X, known=known)


@pytest.mark.filterwarnings("ignore:X is a list of")
@given(models, inputs)
def test_flat_and_listed_sequences_are_the_same(model, X):
    X = readable(model, X)
    flat, lengths = list(itertools.chain.from_iterable(X)), [len(x) for x in X]
    expected = model.score_sequences(X)
    assert_array_equal(model.score_sequences(flat, lengths), expected)
    if -math.inf in expected:
        return
    for question in (model.predict_proba, model.filter, model.predict):
        parts = [question(np.zeros(0, int)), *(part for part in question(X) if len(part))]
        assert_array_equal(question(flat, lengths), np.concatenate(parts))


@given(models, st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=4))
def test_the_general_engine_gives_the_same(model, x):
    (x,) = readable(model, [x])
    distribution = model.gibbs(x)
    assert_allclose(distribution.log_partition(), model.score([x]), rtol=1e-12, atol=1e-12)
    if model.score([x]) > -math.inf:
        tables = distribution.marginals()
        found = [tables[f"y{t}"].values for t in range(len(x))]
        assert_allclose(found, model.predict_proba([x])[0], rtol=1e-10, atol=1e-12)


# ---- hard cases -----------------------------------------------------------------------------


def test_one_state():
    model = HiddenMarkovModel()
    model.startprob_, model.transmat_, model.emissionprob_ = [1.0], [[1.0]], [[0.25, 0.75]]
    assert model.predict([0, 1, 1]).tolist() == [0, 0, 0]
    assert model.predict_proba([0, 1]).tolist() == [[1.0], [1.0]]
    assert model.score([0, 1, 1]) == pytest.approx(math.log(0.25 * 0.75**2))


def test_no_sequence_and_empty_sequences():
    model = weather()
    assert model.predict([]) == []
    assert model.predict_proba([]) == []
    assert model.score([]) == 0.0
    assert model.predict([[], [0], []]) == [[], [1], []]
    assert model.score_sequences([[], []]).tolist() == [0.0, 0.0]
    assert model.predict(np.array([], int)).tolist() == []


def test_a_long_sequence_with_probabilities_near_the_least_a_float_holds():
    """Far states have densities that underflow, and one step has the probability 1e-300."""
    model = HiddenMarkovModel(2, "gaussian")
    model.startprob_ = [0.5, 0.5]
    model.transmat_ = [[1.0 - 1e-300, 1e-300], [0.0, 1.0]]
    model.means_, model.covars_ = [[0.0], [100.0]], [[1.0], [1.0]]
    X = np.concatenate([np.zeros(20_000), np.full(20_000, 100.0)])[:, None]
    states = np.repeat([0, 1], 20_000)
    density = -0.5 * math.log(2 * math.pi) * len(X)
    expected = math.log(0.5) + math.log(1e-300) + density
    assert model.score(X) == pytest.approx(expected, rel=1e-12)
    assert_array_equal(model.predict(X), states)
    assert_allclose(model.predict_proba(X)[:, 1], states, atol=1e-12)
    assert_allclose(model.filter(X)[:, 1], states, atol=1e-12)


def test_an_observation_thousands_of_nats_from_every_state():
    model = HiddenMarkovModel(2, "gaussian", covariance_type="spherical")
    model.startprob_, model.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    model.means_, model.covars_ = [[-1.0], [1.0]], [1.0, 1.0]
    X = np.array([[0.0], [1e5], [-1e5], [0.0]])
    shares = model.predict_proba(X)
    assert_allclose(shares[1:3], [[0, 1], [1, 0]], atol=1e-12)
    assert_allclose(shares.sum(axis=1), 1)
    # log 0.5 and 0.8: from 1 to 1, to 0, and the last is free
    assert model.predict(X)[1:3].tolist() == [1, 0]
    assert math.isfinite(model.score(X))


def test_missing_observations_are_summed_out():
    model, X = weather(), [[0, None, 2]]
    whole = [math.exp(model.score([[0, x, 2]])) for x in range(3)]
    assert math.exp(model.score(X)) == pytest.approx(sum(whole))
    assert_allclose(
        model.predict_proba(X)[0],
        sum(p * model.predict_proba([[0, x, 2]])[0] for x, p in enumerate(whole)) / sum(whole),
    )


def test_symbols_absent_from_training_tell_nothing():
    X, y = [["a", "b", "a"], ["b"]], [["A", "B", "A"], ["B"]]
    model = HiddenMarkovModel().fit(X, y)
    assert_allclose(model.predict_proba([["a", "new"]]), model.predict_proba([["a", None]]))
    assert model.predict([["a", "new", "a"]]) == [["A", "B", "A"]]
    strict = HiddenMarkovModel(emissions=CategoricalEmissions(unseen="error")).fit(X, y)
    with pytest.raises(
        ValueError, match=r"position 1 has the symbol 'new'.* 2 there are: 'a', 'b'"
    ):
        strict.predict([["a", "new"]])


def test_a_sequence_with_an_unseen_symbol_is_the_least_probable():
    X = [list("abab") * 5, list("abba") * 5]
    model = HiddenMarkovModel(2, n_iter=5, tol=0).fit(X)
    asked = [list("abab"), list("zzzz"), list("abzb"), [None] * 4, []]
    scores = model.score_sequences(asked)
    assert scores[1:3].tolist() == [-math.inf, -math.inf]
    assert (scores[3:] <= 0).all()
    assert_allclose(scores[3:], 0, atol=1e-12)
    assert -math.inf < scores[0] < 0
    assert model.score(asked) == -math.inf
    assert model.score(list("abzb")) == -math.inf
    best, states = model.viterbi(asked)
    assert best[1:3].tolist() == [-math.inf, -math.inf]
    assert states[2] == model.predict([["a", "b", None, "b"]])[0]
    assert model.decode(asked[2:3])[0] == -math.inf
    assert model.score(list("abzb"), known=[None] * 4) == -math.inf
    lenient = HiddenMarkovModel(2, n_iter=5, tol=0, unseen="missing").fit(X)
    assert lenient.score(list("abzb")) == pytest.approx(model.score(["a", "b", None, "b"]))
    strict = HiddenMarkovModel(2, n_iter=5, tol=0, unseen="error").fit(X)
    with pytest.raises(ValueError, match=r"sequence 1, position 0 has the symbol 'z', which is no"):
        strict.score(asked)
    model.emissions_.unseen = "maybe"
    with pytest.raises(ValueError, match=r"unseen is 'maybe'; it must be one of 'impossible', 'mi"):
        model.score(asked)


@pytest.mark.parametrize(
    ("symbols", "asked", "told"),
    [
        (
            [1, 2],
            ["1", "2"],
            r"symbols '1', '2' are of type str, but .* of type int: 1, 2; .* Give",
        ),
        (["1", "2"], [2, None], r"the symbols 2 are of type int, but .* of type str: '1', '2'"),
        ([b"a", b"b"], ["a", "a"], r"symbols 'a' are of type str, but .* bytes: b'a', b'b'"),
        (["1", "2"], [2.0, 1.0], r"of type float, but those of the model of type str: '1', '2'"),
    ],
)
def test_symbols_of_another_type_are_told(symbols, asked, told):
    model = HiddenMarkovModel(2, n_iter=2, tol=0).fit([symbols * 4])
    for question in (model.predict, model.score):
        with pytest.warns(UserWarning, match=told):
            question(asked)


def test_log_probabilities_of_symbols_are_not_above_0():
    rng = np.random.default_rng(0)
    for seed in range(20):
        model = random_model(3, 1, seed=seed)  # one symbol: every sequence has probability 1
        X = [[0] * n for n in rng.integers(1, 30, 20)]
        scores = model.score_sequences(X)
        assert (scores <= 0).all()
        assert_allclose(scores, 0, atol=1e-12)
        assert (model.viterbi(X)[0] <= 0).all()


# ---- the stationary distribution -------------------------------------------------------------


@given(st.integers(1, 6), st.sampled_from([0.0, 0.5]), st.integers(0, 2**32 - 1))
def test_a_step_does_not_change_the_stationary_distribution(n, zeros, seed):
    model = random_model(n, 2, zeros, seed)
    try:
        found = model.get_stationary_distribution()
    except ValueError:
        moved = np.linalg.matrix_power(model.transmat_, 4096)
        assert np.ptp(moved, axis=0).max() > 1e-3  # where it ends depends on where it starts
        return
    assert_allclose(found.sum(), 1)
    assert_allclose(found @ model.transmat_, found, atol=1e-14)


def test_stationary_distributions_of_hard_chains():
    model = HiddenMarkovModel()
    model.transmat_ = [[1 - 1e-12, 1e-12], [3e-12, 1 - 3e-12]]  # left nearly never
    assert_allclose(model.get_stationary_distribution(), [0.75, 0.25], rtol=1e-3)
    model.transmat_ = [[0.0, 1.0], [1.0, 0.0]]  # in turn
    assert model.get_stationary_distribution().tolist() == [0.5, 0.5]
    model.transmat_ = [[0.5, 0.5], [0.0, 1.0]]  # left for good
    assert model.get_stationary_distribution().tolist() == [0.0, 1.0]
    model.transmat_ = np.eye(2)
    with pytest.raises(
        ValueError, match=r"2 sets of states that are never left, \[0\] and \[1\] by"
    ):
        model.get_stationary_distribution()
    model.transmat_ = [[0.5, 0.5]]
    with pytest.raises(ValueError, match=r"transmat_ has shape \(1, 2\); it must be square"):
        model.get_stationary_distribution()
    with pytest.raises(ValueError, match="transmat_ is not set"):
        HiddenMarkovModel().get_stationary_distribution()


# ---- impossible sequences -------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:X is a list of")
@given(models, inputs)
def test_impossible_sequences_leave_the_others_their_answers(model, X):
    X = readable(model, X)
    possible = model.score_sequences(X) > -math.inf
    some = [x for x, kept in zip(X, possible, strict=True) if kept]
    for question in (model.predict_proba, model.filter):
        found = question(X, on_impossible="none")
        assert [part is None for part in found] == (~possible).tolist()
        for part, alone in zip((p for p in found if p is not None), question(some), strict=True):
            assert_allclose(part, alone, rtol=1e-12)
    best, states = model.viterbi(X, on_impossible="none")
    assert_allclose(best[possible], model.viterbi(some)[0], rtol=1e-12)
    assert (best[~possible] == -math.inf).all()
    assert [part for part in states if part is not None] == model.predict(some)
    total, states = model.decode(X, algorithm="map", on_impossible="none")
    assert total == pytest.approx(model.decode(some, algorithm="map")[0])
    assert model.score_samples(X, on_impossible="none")[0] == model.score(X)
    for ahead in (model.predict_next_state, model.predict_next):
        found = ahead(X, on_impossible="none")
        assert_array_equal(np.isnan(found[:, 0]), ~possible)
        assert_allclose(found[possible], ahead(some), rtol=1e-12)


def test_flat_sequences_have_nan_and_none_where_they_are_impossible():
    model = HiddenMarkovModel().fit([["a", "b"], ["a", "a"]], [["X", "Y"], ["X", "X"]])
    flat, lengths = ["a", "b", "b", "a", "a"], [2, 2, 1]
    states = model.predict(flat, lengths, on_impossible="none")
    assert states.tolist() == ["X", "Y", None, None, "X"]
    shares = model.predict_proba(flat, lengths, on_impossible="none")
    assert_array_equal(np.isnan(shares).all(axis=1), [False, False, True, True, False])
    with pytest.raises(
        ZeroProbabilityError,
        match=r"sequence 1 has .*on_impossible='none' .*priors above 1 \(startprob_prior, transmat"
        r"_prior, emissionprob_prior\)",
    ):
        model.predict(flat, lengths)
    with pytest.raises(ZeroProbabilityError, match=r"sequence 0 has .* \(and 1 others of 3\)"):
        model.predict([["b"], ["a"], ["b"]])
    with pytest.raises(ValueError, match=r"on_impossible is 'skip'; it must be 'raise' or 'none'"):
        model.predict(flat, lengths, on_impossible="skip")


def test_smoothing_gives_every_declared_symbol_a_probability():
    model = HiddenMarkovModel(n_features=4, emissionprob_prior=2.0)
    model.fit([[0, 1, 1]], [["A", "A", "B"]])
    assert_allclose(
        model.emissionprob_, [[2 / 6, 2 / 6, 1 / 6, 1 / 6], [1 / 5, 2 / 5, 1 / 5, 1 / 5]]
    )
    assert math.isfinite(model.score([[3, 2]]))


# ---- samples, criteria ----------------------------------------------------------------------


def test_samples_have_the_frequencies_of_the_model():
    model, n = weather(random_state=1), 40_000
    X, states = model.sample(n)
    assert X.shape == (n, 1)
    pairs = np.zeros((2, 2))
    np.add.at(pairs, (states[:-1], states[1:]), 1)
    near = 4 / math.sqrt(n / 3)  # of four standard deviations at most
    assert_allclose(pairs / pairs.sum(axis=1, keepdims=True), model.transmat_, atol=near)
    for k in range(2):
        shares = np.bincount(X[states == k, 0], minlength=3) / (states == k).sum()
        assert_allclose(shares, model.emissionprob_[k], atol=near)
    firsts = [model.sample(1, random_state=s)[1][0] for s in range(2000)]
    assert np.mean(firsts) == pytest.approx(0.4, abs=4 * math.sqrt(0.24 / 2000))
    again = model.sample(5, random_state=7)
    assert_array_equal(again[0], model.sample(5, random_state=7)[0])
    assert model.sample(3, currstate=1)[1][0] == 1


def test_a_sample_of_named_states_and_symbols_can_be_fitted():
    model = HiddenMarkovModel().fit(
        [["x", "y", "x"], ["y", ("t", 1)]], [[1.5, 2.5, 1.5], [2.5, 2.5]]
    )
    X, states = model.sample(50)
    assert set(X) <= {"x", "y", ("t", 1)}
    assert set(states.tolist()) <= {1.5, 2.5}
    again = HiddenMarkovModel().fit(X, states)
    assert set(again.classes_) <= {1.5, 2.5}
    with pytest.raises(ValueError, match=r"currstate is 9; the states are 1.5, 2.5"):
        model.sample(2, currstate=9)


def test_samples_of_gaussians_and_mixtures():
    model = HiddenMarkovModel(2, "mixture", covariance_type="full")
    model.startprob_, model.transmat_ = [1.0, 0.0], [[0.5, 0.5], [0.5, 0.5]]
    model.weights_ = [[0.25, 0.75], [1.0, 0.0]]
    model.means_ = [[[0.0, 0.0], [100.0, 0.0]], [[0.0, 500.0], [0.0, 0.0]]]
    model.covars_ = np.tile([[2.0, 1.0], [1.0, 2.0]], (2, 2, 1, 1))
    X, states = model.sample(20_000)
    second = X[:, 1] > 250
    assert_array_equal(second, states == 1)
    assert (X[~second, 0] > 50).mean() == pytest.approx(0.75, abs=0.02)
    assert_allclose(np.cov(X[second].T), [[2, 1], [1, 2]], atol=0.15)
    assert_allclose(model.predict_next_state([[[0.0, 0.0]]]), [[0.5, 0.5]])
    assert_allclose(model.predict_next([[[0.0, 0.0]]]), [[37.5, 250.0]])


def test_criteria_count_the_parameters():
    model, X = weather(), [[0, 1, 2, 1]]
    assert model.n_parameters() == 1 + 2 + 4
    assert model.aic(X) == pytest.approx(-2 * model.score(X) + 14)
    assert model.bic(X) == pytest.approx(-2 * model.score(X) + 7 * math.log(4))


@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
def test_answers_of_gaussians_equal_those_of_hmmlearn(kind):
    hmm = pytest.importorskip("hmmlearn.hmm")
    rng = np.random.default_rng(2)
    k, d, lengths = 3, 2, [40, 1, 59]
    X = rng.normal(size=(100, d)) * 2
    whole = np.array([[1.0, 0.3], [0.3, 0.5]])
    covars = {
        "spherical": np.array([0.5, 1.0, 2.0]),
        "diag": rng.uniform(0.5, 2, (k, d)),
        "full": np.stack([whole, 2 * whole, np.eye(d)]),
        "tied": whole,
    }[kind]
    theirs, ours = hmm.GaussianHMM(k, kind), HiddenMarkovModel(k, "gaussian", covariance_type=kind)
    for model in (theirs, ours):
        model.startprob_, model.transmat_ = np.full(k, 1 / k), np.full((k, k), 1 / k)
        model.means_ = np.array([[-2.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
        model.covars_ = covars
    theirs.n_features = d
    assert ours.score(X, lengths) == pytest.approx(theirs.score(X, lengths), rel=1e-10)
    assert_allclose(ours.predict_proba(X, lengths), theirs.predict_proba(X, lengths), atol=1e-9)
    assert ours.decode(X, lengths)[0] == pytest.approx(theirs.decode(X, lengths)[0], rel=1e-10)
    assert_array_equal(ours.predict(X, lengths), theirs.predict(X, lengths))
    assert ours.aic(X, lengths) == pytest.approx(theirs.aic(X, lengths), rel=1e-10)
    assert ours.bic(X, lengths) == pytest.approx(theirs.bic(X, lengths), rel=1e-10)


def test_the_discriminative_twin_of_a_small_model():
    model, X = weather(), [[0, 1, 2], [1]]
    crf = model.to_crf()
    for ours, twin in zip(model.predict_proba(X), crf.predict_proba(X), strict=True):
        assert_allclose(twin, ours, atol=1e-12)


def test_the_graph_has_a_node_for_each_state_and_observation():
    graph = weather().graph(3)
    assert set(graph.nodes) == {f"{v}{t}" for v in "xy" for t in range(3)}
    assert set(graph.edges) == {("y0", "y1"), ("y1", "y2"), *((f"y{t}", f"x{t}") for t in range(3))}
