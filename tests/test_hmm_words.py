"""Words as observations: the tree of spellings, and P(word | state) against a count by hand."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gibbsfactor.features.word_tree import WordTree, endings, shape
from gibbsfactor.io import read_conll
from gibbsfactor.models.hidden_markov_model import HiddenMarkovModel, WordEmissions

WORDS = st.text(st.sampled_from("abAB1-ßİǅ"), max_size=5)


def counted(words, n_states, seed):
    """A text of these words and how often each distinct one comes from each state."""
    rng = random.Random(seed)
    text = [rng.choice(words) for _ in range(3 * len(words))]
    states = [rng.randrange(n_states) for _ in text]
    return text, states


def shares_by_hand(text, states, n_states, *, max_suffix, rare, a_suffix, a_word):
    """P(state | kind) as a function of a kind's way down from any word, by the definition."""
    often, pairs = Counter(text), list(zip(text, states, strict=True))
    few = [(w, k) for w, k in pairs if often[w] <= rare]

    def ways(word):
        stems = [f"{shape(word)}|{word.lower()[len(word.lower()) - i :]}" for i in range(9)]
        return stems[: min(max_suffix, len(word.lower())) + 1]

    def mix(above, observed, weight):
        n = Counter(observed)
        total = sum(n.values()) + weight
        return [(n[k] + weight * above[k]) / total for k in range(n_states)]

    def of(word):
        def spelled(w):
            p = mix([1 / n_states] * n_states, [k for _, k in few], a_suffix)
            for stem in ways(w):
                here = [k for v, k in few if stem in ways(v)]
                if not here:
                    break
                p = mix(p, here, a_suffix)
            return p

        same = [k for w, k in pairs if w.lower() == word.lower()]
        if not same:
            return spelled(word)
        p = mix(spelled(word.lower()), same, a_word)
        known = [k for w, k in pairs if w == word]
        return mix(p, known, a_word) if known else p

    return of


# ---- the tree -------------------------------------------------------------------------


@given(st.lists(WORDS, min_size=1, unique=True), st.integers(0, 4), st.integers(0, 3))
def test_every_kind_hangs_from_one_before_it(words, max_suffix, rare):
    counts = [1 + len(word) % 4 for word in words]
    tree = WordTree.learn(words, counts, max_suffix=max_suffix, rare=rare)
    assert tree.names[0] == "any"
    assert tree.parents[0] == -1
    assert len(set(tree.names)) == len(tree) == len(tree.parents)
    assert (tree.parents[1:] < np.arange(1, len(tree))).all()
    assert (tree.parents[1:] >= 0).all()
    assert [tree.names[kind] for kind in tree.of(words)] == [f"word={word}" for word in words]
    levels = list(tree.levels())
    assert sorted(np.concatenate([[0], *levels]).tolist()) == list(range(len(tree)))
    for above, level in zip([np.array([0]), *levels], levels, strict=False):
        assert np.isin(tree.parents[level], above).all()


def test_a_word_is_of_the_most_special_kind():
    words = ["Paris", "paris", "walking", "the", "B2B"]
    tree = WordTree.learn(words, [1, 1, 2, 30, 1], max_suffix=3, rare=2)
    asked = ["walking", "Walking", "PARIS", "parking", "Parking", "THE", "theme", "9", "Tennis", ""]
    assert [tree.names[kind] for kind in tree.of(asked)] == [
        "word=walking",
        "lower=walking",
        "lower=paris",
        "ending=aa|ing",
        "ending=Aa|",
        "lower=the",
        "ending=aa|",  # "the" is too frequent to tell of endings
        "any",
        "ending=Aa|is",
        "any",
    ]
    assert [tree.names[kind] for kind in tree.endings_of(["walking"])] == ["ending=aa|ing"]


def test_endings_run_from_the_shape_to_the_longest():
    assert list(endings("McDonald's", 3)) == [
        "ending=A-Aa|",
        "ending=A-Aa|s",
        "ending=A-Aa|'s",
        "ending=A-Aa|d's",
    ]
    assert list(endings("", 3)) == ["ending=|"]


# ---- probabilities --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_probabilities_equal_those_counted_by_hand(seed):
    rng = random.Random(seed)
    pool = ["".join(rng.choices("abcAB-2", k=rng.randint(1, 4))) for _ in range(30)]
    text, states = counted(pool, 3, seed)
    how = {"max_suffix": 2, "rare": 3}
    emissions = WordEmissions(**how, suffix_weight=0.7, word_weight=1.5)
    seen = emissions.learn(text)
    counts = np.zeros((len(seen.distinct), 3))
    np.add.at(counts, (seen.codes, states), 1)
    emissions.maximize(seen, counts, "w")
    emissions.check(3)
    share = shares_by_hand(text, states, 3, **how, a_suffix=0.7, a_word=1.5)
    often = Counter(text)
    once = max(sum(n == 1 for n in often.values()), 1)
    whole = len(text) + once
    root = WordTree.learn([], []).names  # a word of which nothing is seen
    assert root == ["any"]
    few = [k for w, k in zip(text, states, strict=True) if often[w] <= 3]
    anything = [(few.count(k) + 0.7 / 3) / (len(few) + 0.7) for k in range(3)]
    of_states = [
        sum(n / whole * share(w)[k] for w, n in often.items()) + once / whole * anything[k]
        for k in range(3)
    ]
    asked = [*often, "zzz", "caB", "CAB", "A-a-c", "", "cab2", "Z9"]
    expected = [
        [math.log(share(w)[k] * often.get(w, once) / whole / of_states[k]) for k in range(3)]
        for w in asked
    ]
    found = emissions.read(asked)
    np.testing.assert_allclose(
        emissions.log_likelihoods(found)[found.codes], expected, rtol=0, atol=1e-12
    )


def trained(text, states, n_states, **how):
    emissions = WordEmissions(**how)
    seen = emissions.learn(text)
    counts = np.zeros((len(seen.distinct), n_states))
    np.add.at(counts, (seen.codes, states), 1)
    emissions.maximize(seen, counts, "w")
    return emissions


@given(st.lists(WORDS, min_size=1), st.integers(1, 4), st.integers(0, 10))
def test_a_state_emits_known_words_and_new_ones_with_probability_one(words, n_states, seed):
    text, states = counted(words, n_states, seed)
    emissions = trained(text, states, n_states)
    every = emissions.predictive(np.eye(n_states))
    assert every.shape == (n_states, len(set(text)) + 1) == (n_states, len(emissions.vocabulary()))
    np.testing.assert_allclose(every.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert emissions.vocabulary()[-1] == "<new word>"
    known = emissions.read(emissions.vocabulary()[:-1])
    np.testing.assert_allclose(np.exp(emissions.log_likelihoods(known)).T, every[:, :-1])


def test_what_is_missing_tells_nothing():
    emissions = trained(["a", None, "b", "a"], [0, 1, 1, 0], 2)
    found = emissions.read(["a", None])
    log_p = emissions.log_likelihoods(found)
    assert (log_p[1] == 0).all()
    assert log_p[0, 0] > log_p[0, 1]
    without = trained(["a", "b", "a"], [0, 1, 0], 2)
    np.testing.assert_array_equal(log_p[0], without.log_likelihoods(found)[0])


def test_samples_come_in_the_proportions_of_their_state():
    text, states = counted(["sun", "rain", "Rain", "snow", "fog"], 2, 3)
    emissions = trained(text, states, 2)
    n = 20_000
    drawn = emissions.sample(np.repeat([1, 0], n), np.random.default_rng(0))
    shares = emissions.predictive(np.eye(2))[:, :-1]
    shares /= shares.sum(axis=1, keepdims=True)
    for state, words in ((1, drawn[:n]), (0, drawn[n:])):
        found = [words.count(word) for word in emissions.vocabulary()[:-1]]
        expected = n * shares[state]
        chi_square = ((found - expected) ** 2 / expected).sum()
        assert chi_square < 18.5  # P = 0.001 with 4 degrees of freedom


def test_statistics_times_weights_are_the_log_likelihoods():
    text, states = counted(["sun", "rain", "Rain", "snow", "fog"], 3, 5)
    emissions = trained([*text, None], [*states, 0], 3)
    asked = emissions.read(["sun", "moon", None, "SUN", "rainy", "sun"])
    twin = emissions.log_linear()
    assert len(twin.names) == len(twin.weights)
    found = emissions.statistics(asked) @ twin.weights + twin.bias
    np.testing.assert_array_equal(found, emissions.log_likelihoods(asked))


def test_parameters_are_counted_and_chosen_by_letter():
    emissions = trained(["sun", "rain", "sun"], [0, 1, 0], 2)
    before = emissions.log_probabilities_
    seen = emissions.read(["sun", "rain", "sun"])
    emissions.maximize(seen, np.array([[0.0, 2.0], [1.0, 0.0]]), "")
    assert emissions.log_probabilities_ is before
    assert emissions.n_parameters("") == 0
    assert emissions.n_parameters("w") == len(emissions.tree_) + 2


def test_a_stored_tree_is_checked():
    tree = WordTree.learn(["the", "king", "sailed"], [9, 1, 1], rare=1)
    arrays = tree.to_arrays()
    again = WordTree.from_arrays(arrays)
    assert again.names == tree.names
    assert again.of(["ring", None, "The"]).tolist() == tree.of(["ring", None, "The"]).tolist()
    assert tree.of([None]).tolist() == [-1]
    for change, message in (
        (
            {"parents": arrays["parents"][:-1]},
            f"{len(tree)} kinds of words don't fit {len(tree) - 1}",
        ),
        ({"parents": arrays["parents"] + 1}, "hangs from one that is not before it"),
        ({"parents": np.maximum(arrays["parents"], 0)}, "hangs from one that is not before it"),
        ({"parents": arrays["parents"] - 1}, "hangs from one that is not before it"),
        (
            {"name_offsets": arrays["name_offsets"] + 1},
            "offsets of packed strings must rise from 0",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            WordTree.from_arrays(arrays | change)


# ---- tagging --------------------------------------------------------------------------

TEXT = ["the dog barks", "the Dog sleeps", "a cat sleeps", "Dogs bark", "cats sleep"]
TAGS = ["D N V", "D N V", "D N V", "N V", "N V"]


def test_words_that_were_never_seen_are_tagged_by_their_endings():
    X, y = [text.split() for text in TEXT], [tags.split() for tags in TAGS]
    model = HiddenMarkovModel(emissions=WordEmissions(), transmat_prior=1.1).fit(X, y)
    assert model.predict(X) == y
    assert model.predict([["the", "hens", "cackle"], ["THE", "zebra", "leaps"], []]) == [
        ["D", "N", "V"],
        ["D", "N", "V"],
        [],
    ]
    emissions = WordEmissions()
    seen = emissions.learn([word for x in X for word in x])
    counts = np.zeros((len(seen.distinct), 3))
    np.add.at(counts, (seen.codes, ["DNV".index(tag) for tags in y for tag in tags]), 1)
    emissions.maximize(seen, counts, "w")
    np.testing.assert_array_equal(model.emissions_.log_probabilities_, emissions.log_probabilities_)
    drawn, _ = model.sample(7, random_state=0)
    assert set(drawn) <= {word for x in X for word in x}
    following = model.predict_next([["the"]])
    assert following.shape == (1, len(model.emissions_.vocabulary()))
    assert following.sum() == pytest.approx(1)


def test_words_without_labels_are_no_training_data():
    X = [text.split() for text in TEXT]
    for y in (None, [None, *(tags.split() for tags in TAGS[1:])]):
        with pytest.raises(ValueError, match="estimated by counting, from the state of every word"):
            HiddenMarkovModel(3, WordEmissions()).fit(X, y)


@pytest.fixture(scope="module")
def part_of_speech(shared_data):
    def read(part):
        sentences = read_conll(shared_data / "ud-english-ewt" / f"{part}.tsv.gz").sentences()
        words = [[token[0] for token in sentence] for sentence in sentences]
        return words, [[token[2] for token in sentence] for sentence in sentences]

    model = HiddenMarkovModel(emissions=WordEmissions(), transmat_prior=1.1)
    return model.fit(*read("train")), read("test")


def test_part_of_speech_of_english(part_of_speech):
    """At least 91.5% of the tags of UD English EWT's test part, of new words alone 75%."""
    model, (X, y) = part_of_speech
    truth = np.array([tag for tags in y for tag in tags])
    assert len(truth) == 25_094
    right = np.array([tag for tags in model.predict(X) for tag in tags]) == truth
    known = set(model.emissions_.vocabulary())
    new = np.array([word not in known for words in X for word in words])
    assert right.mean() > 0.925
    assert right[new].mean() > 0.75


def test_the_crf_of_a_tagger_gives_the_same_tags(part_of_speech):
    model, (X, _) = part_of_speech
    crf = model.to_crf()
    assert crf.predict(X) == model.predict(X)
    np.testing.assert_allclose(
        crf.log_partition(X), model.score_sequences(X), rtol=1e-12, atol=1e-10
    )
    for found, expected in zip(crf.predict_proba(X[:200]), model.predict_proba(X), strict=False):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


# ---- mistakes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_suffix": -1}, "max_suffix is -1; it must be a whole number from 0"),
        ({"rare": 2.5}, "rare is 2.5; it must be a whole number from 0"),
        ({"suffix_weight": 0}, "suffix_weight is 0; it must be a finite number of more than 0"),
        ({"word_weight": "1"}, "word_weight is '1'; it must be a finite number of more than 0"),
    ],
)
def test_parameters_that_make_no_sense(parameters, message):
    with pytest.raises(ValueError, match=message):
        WordEmissions(**parameters).learn(["a"])


def test_mistakes_are_told():
    with pytest.raises(TypeError, match=r"position 2 has 3, a int, which is no word; give each"):
        WordEmissions().learn(["a", "b", 3])
    with pytest.raises(TypeError, match=r"position 1 has \['b'\], a list, which is no symbol"):
        WordEmissions().learn(["a", ["b"]])
    with pytest.raises(ValueError, match="there is no word to learn from; give one at least"):
        WordEmissions().learn([None])
    with pytest.raises(ValueError, match=r"from the state of every word; give y with a label at"):
        WordEmissions().start(WordEmissions().learn(["a"]), 2, np.random.default_rng(0), "w")
    emissions = WordEmissions()
    with pytest.raises(ValueError, match=r"no probabilities yet; call fit\(X, y\)"):
        emissions.check(2)
    seen = emissions.learn(["a", "b"])
    with pytest.raises(ValueError, match="no word has a label; give y with one at every position"):
        emissions.maximize(seen, np.zeros((2, 2)), "w")
    emissions.maximize(seen, np.eye(2), "w")
    with pytest.raises(
        ValueError, match=r"log_probabilities_ has shape \(.*, 2\); expected .* 3\)"
    ):
        emissions.check(3)
