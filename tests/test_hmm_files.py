"""Model files of hidden Markov models: every kind comes back as it was, and damage is noticed."""

from __future__ import annotations

import copy
import os
import random
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from test_hmm_inputs import Counts

from gibbsfactor import HiddenMarkovModel, LinearChainCRF, files
from gibbsfactor.errors import FormatError
from gibbsfactor.models.hidden_markov_model import (
    CategoricalEmissions,
    GaussianEmissions,
    WordEmissions,
    storage,
)

SYMBOLS = [["walk", "shop", "walk"], ["clean"], ["shop", "clean"]]
STATES = [["sun", "sun", "rain"], ["rain"], ["sun", "rain"]]
NEW = [["clean", "swim", None], ["walk"], []]
NUMBERS = np.random.default_rng(0).normal(size=(60, 2)) * [1.0, 30.0]
BRIEF = {"n_iter": 3, "tol": 0.0, "random_state": 7}


def counted(emissions="categorical", **options):
    return HiddenMarkovModel(emissions=emissions, **options).fit(SYMBOLS, STATES)


def of_numbers(kind, **options):
    return HiddenMarkovModel(2, kind, **BRIEF, **options).fit(NUMBERS, lengths=[30, 0, 30])


def by_hand():
    """Parameters as lists, of the symbols 0, 1, 2 and the states 0, 1."""
    model = HiddenMarkovModel()
    model.startprob_, model.transmat_ = [1.0, 0.0], [[0.5, 0.5], [0, 1]]
    model.emissionprob_ = [[0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3]]
    return model


MODELS = {
    "symbols": (lambda: counted(emissionprob_prior=1.5), NEW),
    "a prior for each symbol": (
        lambda: counted(emissionprob_prior=np.array([1.0, 2.0, 1.5]), transmat_prior=[[2, 1]] * 2),
        NEW,
    ),
    "strict": (
        lambda: counted(CategoricalEmissions(unseen="error"), startprob_prior=np.float32(1.5)),
        [["walk", None, "shop"]],
    ),
    "by EM": (lambda: HiddenMarkovModel(3, **BRIEF).fit(SYMBOLS), NEW),
    "declared symbols": (
        lambda: HiddenMarkovModel(n_features=4, emissionprob_prior=2).fit([[0, 1]], [["a", "b"]]),
        [[3, 2, 0]],
    ),
    "by hand": (by_hand, [[0, 2, 1], [2]]),
    "words": (lambda: counted(WordEmissions(max_suffix=3), transmat_prior=1.1), NEW),
    "unfitted choice": (lambda: counted(WordEmissions(rare=np.int64(2))), NEW),
} | {
    f"{kind} {shape}": (
        lambda kind=kind, shape=shape: of_numbers(kind, covariance_type=shape, n_mix=3),
        [NUMBERS[:5], NUMBERS[7:8], np.full((2, 2), np.nan)],
    )
    for kind, shapes in (
        ("gaussian", ("spherical", "diag", "full", "tied")),
        ("mixture", ("spherical", "diag", "full")),
    )
    for shape in shapes
}


def plain(value):
    """Arguments of models as what can be compared."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if hasattr(value, "settings"):
        return type(value).__name__, value.settings()
    return value


def assert_alike(one, other, new):
    """Bitwise the same answers, arguments and figures."""
    assert list(map(type, other.predict(new)[0])) == list(map(type, one.predict(new)[0]))
    assert other.predict(new) == one.predict(new)
    for ask in ("predict_proba", "filter"):
        for a, b in zip(getattr(other, ask)(new), getattr(one, ask)(new), strict=True):
            assert_array_equal(a, b)
    for ask in ("score_sequences", "predict_next", "bic"):
        assert_array_equal(getattr(other, ask)(new), getattr(one, ask)(new))
    for a, b in zip(other.sample(9, 3), one.sample(9, 3), strict=True):
        assert_array_equal(a, b)
    mine, theirs = ({k: plain(v) for k, v in m.get_params().items()} for m in (one, other))
    assert theirs == mine
    for name in ("classes_", *storage.TRAINED):
        assert hasattr(one, name) == hasattr(other, name)
        assert getattr(other, name, None) == getattr(one, name, None)
    if getattr(one, "monitor_", None) is not None:
        assert asdict(other.monitor_) == asdict(one.monitor_)
    assert other.emissions_.log_prior() == one.emissions_.log_prior()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_saved_model_answers_alike(name, tmp_path):
    make, new = MODELS[name]
    model = make()
    model.save(tmp_path / "model")
    loaded = HiddenMarkovModel.load(str(tmp_path / "model"))
    assert type(loaded) is HiddenMarkovModel
    assert_alike(model, loaded, new)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["again", "model"]


PLAIN = st.one_of(
    st.text(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.booleans()
)


@given(
    st.lists(PLAIN, min_size=1, max_size=5),
    st.lists(PLAIN, min_size=1, max_size=5),
    st.integers(0, 2**32 - 1),
)
def test_states_and_symbols_come_back_as_they_were(tmp_path_factory, states, symbols, seed):
    path = tmp_path_factory.mktemp("models") / "model"
    rng = np.random.default_rng(seed)
    picks = [(rng.integers(len(states)), rng.integers(len(symbols))) for _ in range(12)]
    X = [[symbols[j] for _, j in picks]]
    y = [[states[i] for i, _ in picks]]
    model = HiddenMarkovModel(emissionprob_prior=1.5, transmat_prior=1.5).fit(X, y)
    model.save(path)
    loaded = HiddenMarkovModel.load(path)
    for mine, theirs in (
        (model.classes_, loaded.classes_),
        (model.symbols_, loaded.symbols_),
    ):
        assert theirs == mine
        assert list(map(type, theirs)) == list(map(type, mine))
    assert_alike(model, loaded, X)


def test_a_loaded_model_can_be_trained_on_and_changed(tmp_path):
    model = of_numbers("gaussian")
    model.save(tmp_path / "model")
    loaded = HiddenMarkovModel.load(tmp_path / "model")
    for each in (model, loaded):
        each.set_params(init_params="", n_iter=2).fit(NUMBERS)
    assert_array_equal(loaded.means_, model.means_)
    assert loaded.log_likelihood_ == model.log_likelihood_
    loaded.transmat_[0] = [0.25, 0.75]
    assert loaded.to_crf().predict([NUMBERS[:5]]) == loaded.predict([NUMBERS[:5]])


def test_words_are_known_and_guessed_as_before(tmp_path):
    X = [["the", "dogs", "barked"], ["a", "Cat", "sailed"]]
    model = HiddenMarkovModel(emissions=WordEmissions()).fit(X, [["D", "N", "V"]] * 2)
    model.save(tmp_path / "model")
    emissions = HiddenMarkovModel.load(tmp_path / "model").emissions_
    assert emissions.tree_.names == model.emissions_.tree_.names
    asked = emissions.read(["THE", "mailed", "cat", "Cat", None, "x-rays"])
    assert_array_equal(emissions.log_likelihoods(asked), model.emissions_.log_likelihoods(asked))
    assert emissions.vocabulary() == model.emissions_.vocabulary()


# ---- emissions of one's own -----------------------------------------------------------------


class OtherCounts(Counts):
    """Of another name."""


def test_emissions_of_ones_own_are_given_again(tmp_path):
    path = tmp_path / "model"
    visits = np.concatenate([np.full(20, 2.0), np.full(20, 9.0)])
    model = HiddenMarkovModel(2, Counts(), **BRIEF).fit(visits)
    model.save(path)
    given_ = Counts()
    loaded = HiddenMarkovModel.load(path, given_)
    assert not hasattr(given_, "rates_")
    assert isinstance(loaded.emissions, Counts)
    assert_array_equal(loaded.predict_proba(visits), model.predict_proba(visits))
    with pytest.raises(ValueError, match=r"class Counts, but none are given; .*emissions=Counts\("):
        HiddenMarkovModel.load(path)
    with pytest.raises(ValueError, match="class Counts, but OtherCounts are given; load it with"):
        HiddenMarkovModel.load(path, OtherCounts())
    counted().save(path)
    with pytest.raises(ValueError, match="needs no emissions to be loaded, but Counts are given"):
        HiddenMarkovModel.load(path, Counts())
    one, two = counted(), HiddenMarkovModel(2, Counts())
    two.startprob_, two.transmat_, two.emissions_ = one.startprob_, one.transmat_, one.emissions_
    two.save(path)  # made for counts, but holds symbols
    assert HiddenMarkovModel.load(path, Counts()).predict(SYMBOLS) == two.predict(SYMBOLS)


# ---- what can't be saved --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (
            lambda: HiddenMarkovModel().fit([["a"]], [[("x", 1)]]),
            TypeError,
            r"the state \('x', 1\) is a tuple and can't be written .*numbers as labels",
        ),
        (
            lambda: HiddenMarkovModel().fit([[("a", 1)]], [["x"]]),
            TypeError,
            r"the symbol \('a', 1\) is a tuple and can't be written .* as observations",
        ),
        (
            lambda: counted(random_state=np.random.default_rng(0)),
            TypeError,
            r"random_state is Generator.*, a Generator, which can't be written to a file; set",
        ),
        (HiddenMarkovModel, NotFittedError, r"no parameters yet; call fit\(X\)"),
    ],
)
def test_what_cannot_be_saved_is_named(model, error, message, tmp_path):
    with pytest.raises(error, match=message):
        model().save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


# ---- damage ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["symbols", "words", "mixture full"])
def fitted(request):
    make, new = MODELS[request.param]
    return make(), new


def test_a_cut_model_is_noticed(fitted, tmp_path):
    """At any byte but those of the filling behind the last array."""
    model, _ = fitted
    path = tmp_path / "model"
    model.save(path)
    data = path.read_bytes()
    rng = random.Random(0)
    for size in [0, 7, 8, 16, *rng.sample(range(1, len(data) - files.ALIGNMENT), 60)]:
        path.write_bytes(data[:size])
        with pytest.raises(
            FormatError, match=r"model (is cut short|is empty|starts with|is damaged|has a damag)"
        ):
            HiddenMarkovModel.load(path)


def test_a_flipped_bit_is_noticed_or_harmless(fitted, tmp_path):
    """Harmless: in the filling between the arrays."""
    model, new = fitted
    path = tmp_path / "model"
    model.save(path)
    data = path.read_bytes()
    rng = random.Random(1)
    noticed = 0
    for place in rng.sample(range(len(data)), min(250, len(data))):
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            loaded = HiddenMarkovModel.load(path)
        except FormatError:
            noticed += 1
        else:
            assert data[place] == 0
            assert_alike(model, loaded, new)
    assert noticed > 150


def test_what_is_not_a_model_is_named(tmp_path):
    path = tmp_path / "model"
    with pytest.raises(FileNotFoundError, match=r"there is no file .*model"):
        HiddenMarkovModel.load(path)
    counted().to_crf().save(path)
    with pytest.raises(FormatError, match=r"holds a linear-chain CRF .*expected a hidden Markov"):
        HiddenMarkovModel.load(path)
    counted().save(path)
    with pytest.raises(FormatError, match=r"holds a hidden Markov model .*expected a linear-chain"):
        LinearChainCRF.load(path)
    files.write_arrays(path, storage.KIND, {}, {})
    with pytest.raises(FormatError, match="model is not a usable hidden Markov model: "):
        HiddenMarkovModel.load(path)


def changed_descriptions(told):
    """Descriptions of which one thing is wrong."""
    for change in (
        {"parameters": told["parameters"] | {"unheard": 1}},
        {"parameters": told["parameters"] | {"startprob_prior": {"array": "none"}}},
        {"emissions": told["emissions"] | {"settings": {"unheard": 1}}},
        {"emissions": {"class": "gaussian", "settings": {}}},
        {"emissions": []},
        {"classes": ["sun"]},
        {"monitor": {"unheard": 1}},
        {"trained": None},
    ):
        yield told | change
    for name in told:
        yield {key: value for key, value in told.items() if key != name}


@pytest.mark.parametrize("kind", ["categorical", "words"])
def test_parts_that_do_not_fit_each_other_are_noticed(kind, tmp_path):
    path = tmp_path / "model"
    counted(kind if kind == "categorical" else WordEmissions()).save(path)
    told, arrays = files.read_arrays(path, storage.KIND)
    for description in changed_descriptions(told):
        files.write_arrays(path, storage.KIND, description, arrays)
        with pytest.raises(FormatError, match="model is not a usable hidden Markov model: "):
            HiddenMarkovModel.load(path)
    changes = {name: array[:-1] for name, array in arrays.items() if array.ndim}
    changes["transmat"] = arrays["transmat"] * 2
    if kind == "words":
        changes["emissions_.parents"] = arrays["emissions_.parents"] + 1
    for name in arrays:
        assert name in changes
        files.write_arrays(path, storage.KIND, told, arrays | {name: changes[name]})
        with pytest.raises(FormatError, match="model is not a usable hidden Markov model: "):
            HiddenMarkovModel.load(path)
        rest = {key: array for key, array in arrays.items() if key != name}
        files.write_arrays(path, storage.KIND, told, rest)
        with pytest.raises(FormatError, match="model is not a usable hidden Markov model: "):
            HiddenMarkovModel.load(path)


def test_a_save_that_fails_midway_keeps_the_old_model(tmp_path, monkeypatch):
    path = tmp_path / "model"
    counted(emissionprob_prior=2).save(path)
    kept = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "no space left")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        counted().save(path)
    monkeypatch.undo()
    assert path.read_bytes() == kept
    assert os.listdir(tmp_path) == ["model"]


def test_emissions_show_how_they_are_made():
    assert repr(WordEmissions(max_suffix=3)) == "WordEmissions(max_suffix=3)"
    assert repr(GaussianEmissions("full")) == "GaussianEmissions(covariance_type='full')"
    assert repr(Counts()) == "Counts()"
    assert "emissions=WordEmissions()" in repr(HiddenMarkovModel(emissions=WordEmissions()))
    assert copy.copy(WordEmissions(rare=3)).settings()["rare"] == 3
