"""Training hidden Markov models: counting, Baum-Welch against hmmlearn, labels in part."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
from labellings import list_all
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.models.hidden_markov_model import (
    CategoricalEmissions,
    GaussianEmissions,
    HiddenMarkovModel,
)
from gibbsfactor.models.hidden_markov_model import training as training_module
from gibbsfactor.models.hidden_markov_model.data import TrainingData
from gibbsfactor.models.hidden_markov_model.labels import read_states

LENGTHS = [100, 250, 1, 249]


def random_rows(rng, *shape):
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def first_parameters(n_states, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "startprob_": random_rows(rng, n_states),
        "transmat_": random_rows(rng, n_states, n_states),
    }


def with_parameters(model, parameters):
    for name, value in parameters.items():
        setattr(model, name, value)
    return model


def clusters(rng, n=600, d=3):
    mixed = rng.normal(size=(d, d))
    parts = [rng.normal(size=(n // 4, d)) @ mixed + 2 * rng.normal(size=d) for _ in range(4)]
    return np.concatenate(parts)[rng.permutation(n)]


# ---- what is known --------------------------------------------------------------------------


@pytest.mark.parametrize("n_states", [1, 3, 8, 9, 17])
def test_sets_of_states_are_found(n_states):
    rng = np.random.default_rng(n_states)
    X = rng.integers(0, 4, 200).tolist()
    y = []
    for _ in X:
        some = set(rng.choice(n_states, size=rng.integers(1, n_states + 1), replace=False).tolist())
        y.append([some, None, min(some)][rng.integers(3)])
    y[:n_states] = range(n_states)
    sequences = Sequences.of(X, [150, 0, 50])
    labels = read_states(y, sequences, n_states)
    emissions = CategoricalEmissions()
    data = TrainingData.of(emissions.learn(X), sequences.lengths, labels)
    allowed = np.array(
        [[z is None or k in (z if isinstance(z, set) else {z}) for k in range(n_states)] for z in y]
    )
    assert_array_equal(data.packing.natural(data.masks[data.kinds]) == 0, allowed)
    assert_array_equal(data.packing.natural(data.rows[data.kinds]), X)
    assert labels.complete == all(isinstance(z, int) for z in y)
    every = read_states([min(np.flatnonzero(row).tolist()) for row in allowed], sequences, n_states)
    assert every.complete


# ---- Baum-Welch -----------------------------------------------------------------------------


@pytest.mark.parametrize("priors", [1.0, 1.5])
def test_baum_welch_equals_hmmlearn_on_symbols(priors):
    hmm = pytest.importorskip("hmmlearn.hmm")
    rng = np.random.default_rng(0)
    X = rng.integers(0, 6, (600, 1))
    first = first_parameters(4) | {"emissionprob_": random_rows(rng, 4, 6)}
    options = {"n_iter": 20, "init_params": "", "startprob_prior": priors}
    options |= {"transmat_prior": priors, "emissionprob_prior": priors}
    theirs = with_parameters(hmm.CategoricalHMM(4, tol=-np.inf, **options), first)
    ours = with_parameters(HiddenMarkovModel(4, tol=0, **options), first)
    theirs.fit(X, LENGTHS)
    ours.fit(X, lengths=LENGTHS)
    for name in first:
        assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-6)
    assert_allclose(ours.monitor_.history[:-1], theirs.monitor_.history, rtol=1e-9)
    assert ours.n_iter_ == 20
    assert ours.log_likelihood_ == pytest.approx(ours.score(X, LENGTHS))
    assert np.diff(ours.monitor_.objective).min() > -1e-9


@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
@pytest.mark.parametrize("prior", [{}, {"means_prior": 0.5, "means_weight": 3, "covars_weight": 6}])
def test_baum_welch_equals_hmmlearn_on_numbers(kind, prior):
    hmm = pytest.importorskip("hmmlearn.hmm")
    rng = np.random.default_rng(0)
    X = clusters(rng)
    k, d = 4, X.shape[1]
    shape = {"spherical": (k,), "diag": (k, d)}.get(kind)
    eye = np.eye(d) if kind == "tied" else np.tile(np.eye(d), (k, 1, 1))
    first = first_parameters(k) | {"means_": X[:k], "covars_": np.ones(shape) if shape else eye}
    # hmmlearn adds its number to every entry of a matrix, ours to the diagonal
    covars_prior = 1e-2 if shape else np.full((d, d), 1e-2)
    options = {"covariance_type": kind, "n_iter": 20, "init_params": ""} | prior
    theirs = with_parameters(hmm.GaussianHMM(k, tol=-np.inf, **options), first)
    ours = HiddenMarkovModel(k, "gaussian", covars_prior=covars_prior, tol=0, **options)
    ours = with_parameters(ours, first)
    theirs.fit(X, LENGTHS)
    ours.fit(X, lengths=LENGTHS)
    for name in ("startprob_", "transmat_", "means_"):
        assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-6)
    covars = theirs._covars_
    if kind == "spherical":  # hmmlearn repeats the number for each column
        covars = covars[:, 0]
    again = copy.copy(ours)
    again.covars_ = covars
    assert_allclose(ours.covars_, again.covars_, atol=1e-6)
    assert_allclose(ours.monitor_.history[:-1], theirs.monitor_.history, rtol=1e-9)
    assert np.diff(ours.monitor_.objective).min() > -1e-8


@pytest.mark.parametrize("params", ["s", "t", "e", "st", "se"])
def test_only_the_parameters_named_change(params):
    hmm = pytest.importorskip("hmmlearn.hmm")
    rng = np.random.default_rng(3)
    X = rng.integers(0, 5, (60, 1))
    first = first_parameters(3) | {"emissionprob_": random_rows(rng, 3, 5)}
    options = {"n_iter": 4, "init_params": "", "params": params}
    theirs = with_parameters(hmm.CategoricalHMM(3, tol=-np.inf, **options), first).fit(X)
    ours = with_parameters(HiddenMarkovModel(3, tol=0, **options), first).fit(X)
    for letter, name in zip("ste", first, strict=True):
        assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-9)
        assert np.array_equal(getattr(ours, name), first[name]) == (letter not in params)


@pytest.mark.parametrize("kind", ["categorical", "gaussian", "mixture"])
@pytest.mark.parametrize("covariance_type", ["spherical", "diag", "full"])
def test_every_iteration_raises_the_objective(kind, covariance_type):
    rng = np.random.default_rng(1)
    X = clusters(rng, 400)
    if kind == "categorical":
        X = (X[:, :1] > np.quantile(X[:, 0], [0.2, 0.5, 0.7])).sum(axis=1)
    options = {"covariance_type": covariance_type, "n_iter": 60, "tol": 0, "random_state": 3}
    for priors in ({}, {"transmat_prior": 2.0, "emissionprob_prior": 1.1, "weights_prior": 3.0}):
        model = HiddenMarkovModel(3, kind, progress=False, **options, **priors)
        model.fit(X, lengths=[150, 50, 200])
        objective = np.array(model.monitor_.objective)
        assert len(objective) == 61
        assert np.diff(objective).min() > -1e-9 * abs(objective[-1])
        assert objective[-1] > objective[0] + 1
        if not priors and kind == "categorical":
            assert_allclose(objective, model.monitor_.history)


def test_gaussian_estimates_do_not_depend_on_units():
    X = clusters(np.random.default_rng(1), 400)
    options = {"n_iter": 5, "tol": 0, "init_params": "stmc", "min_covar": 0.0}
    one = HiddenMarkovModel(3, "gaussian", **options).fit(X)
    small = HiddenMarkovModel(3, "gaussian", **options).fit(X * 1e-5)
    assert_allclose(small.means_, one.means_ * 1e-5, rtol=1e-6)
    assert_allclose(small.covars_, one.covars_ * 1e-10, rtol=1e-6, atol=1e-22)


def test_a_mixture_of_one_is_a_gaussian():
    X = clusters(np.random.default_rng(1), 400)
    first = first_parameters(3)
    options = {"n_iter": 10, "tol": 0, "init_params": "", "covariance_type": "full"}
    one = HiddenMarkovModel(3, "gaussian", **options)
    with_parameters(one, first | {"means_": X[:3], "covars_": np.tile(np.eye(3), (3, 1, 1))})
    mixed = HiddenMarkovModel(3, "mixture", n_mix=1, **options)
    start = {"means_": X[:3, None], "covars_": np.tile(np.eye(3), (3, 1, 1, 1))}
    with_parameters(mixed, first | start | {"weights_": np.ones((3, 1))})
    one.fit(X)
    mixed.fit(X)
    assert_allclose(mixed.means_[:, 0], one.means_, rtol=1e-9)
    assert_allclose(mixed.covars_[:, 0], one.covars_, rtol=1e-8)
    assert_allclose(mixed.monitor_.objective, one.monitor_.objective, rtol=1e-12)


def test_it_finds_the_parameters_that_drew_the_data():
    true = HiddenMarkovModel(2, "gaussian", random_state=5)
    true.startprob_, true.transmat_ = [0.5, 0.5], [[0.95, 0.05], [0.1, 0.9]]
    true.means_, true.covars_ = [[0.0], [3.0]], [[1.0], [0.25]]
    X, states = true.sample(20_000)
    model = HiddenMarkovModel(2, "gaussian").fit(X)
    order = np.argsort(model.means_[:, 0])
    assert_allclose(model.means_[order], true.means_, atol=0.05)
    assert_allclose(model.transmat_[np.ix_(order, order)], true.transmat_, atol=0.02)
    assert_allclose(model.covars_[order, 0, 0], [1.0, 0.25], atol=0.05)
    assert (order.argsort()[model.predict(X)] == states).mean() > 0.97
    assert model.converged_
    assert model.log_likelihood_ >= true.score(X)


def test_the_best_of_several_starts_is_kept(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 5, (120, 1))
    ends = []
    run = training_module.baum_welch

    def watched(data, estimation, first, monitor, watch):
        found = run(data, estimation, first, monitor, watch)
        ends.append(monitor.objective[-1])
        return found

    monkeypatch.setattr("gibbsfactor.models.hidden_markov_model.estimator.baum_welch", watched)
    model = HiddenMarkovModel(3, n_init=5, n_iter=30, tol=0, random_state=2).fit(X)
    assert len(ends) == 5
    assert len(set(np.round(ends, 3))) > 1
    assert model.monitor_.objective[-1] == max(ends)
    assert model.score(X) == pytest.approx(max(ends))


def test_the_same_seed_gives_the_same_model():
    X = np.random.default_rng(0).integers(0, 5, 100)
    one, two = (HiddenMarkovModel(3, n_iter=5, tol=0, random_state=4).fit(X) for _ in range(2))
    assert_array_equal(one.emissionprob_, two.emissionprob_)
    assert_array_equal(one.transmat_, two.transmat_)


def test_zeros_stay_zeros():
    """A left-to-right model stays one."""
    model = HiddenMarkovModel(3, init_params="e", n_iter=20, tol=0)
    model.startprob_ = [1.0, 0.0, 0.0]
    model.transmat_ = [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
    model.fit([[0, 0, 1, 1, 1, 2], [0, 1, 1, 2], [0, 0, 0]])
    assert model.startprob_.tolist() == [1, 0, 0]
    assert np.tril(model.transmat_, -1).sum() == 0
    assert model.transmat_[2].tolist() == [0, 0, 1]
    assert_allclose(model.transmat_.sum(axis=1), 1)


def test_it_converges_or_says_that_it_did_not():
    X = np.random.default_rng(0).integers(0, 5, 100)
    with pytest.warns(ConvergenceWarning, match=r"after 3 iterations; raise n_iter=3 or tol=0.01"):
        model = HiddenMarkovModel(3, n_iter=3).fit(X)
    assert not model.converged_
    model = HiddenMarkovModel(3, tol=1.0).fit(X)
    assert model.converged_
    gains = np.diff(model.monitor_.objective)
    assert (gains[:-1] >= 1.0).all()
    assert gains[-1] < 1.0
    assert model.monitor_.iter == model.n_iter_ == len(gains)


def test_an_estimate_that_is_no_best_one_is_told():
    class Stubborn(CategoricalEmissions):
        def maximize(self, observations, counts, which):
            super().maximize(observations, counts[:, ::-1], which)

    X = np.random.default_rng(0).integers(0, 5, 100)
    with pytest.warns(RuntimeWarning, match=r"iteration \d+ of EM lowered .* of Stubborn does not"):
        HiddenMarkovModel(2, Stubborn(), n_iter=5, tol=-1).fit(X)


def test_ctrl_c_keeps_the_parameters_so_far(monkeypatch):
    X = np.random.default_rng(0).integers(0, 5, 100)
    whole = HiddenMarkovModel(3, n_iter=4, tol=0).fit(X)
    calls = itertools.count()
    learn = CategoricalEmissions.log_likelihoods

    def interrupted(self, observations):
        if next(calls) == 5:  # in the E step after the fifth M step
            raise KeyboardInterrupt
        return learn(self, observations)

    monkeypatch.setattr(CategoricalEmissions, "log_likelihoods", interrupted)
    with pytest.warns(
        RuntimeWarning, match=r"interrupted .* after 4 iterations; the parameters so"
    ):
        model = HiddenMarkovModel(3, n_iter=50, tol=0).fit(X)
    assert model.interrupted_
    assert_array_equal(model.emissionprob_, whole.emissionprob_)
    calls = itertools.count(5)
    with pytest.raises(KeyboardInterrupt):
        HiddenMarkovModel(3).fit(X)


def test_progress_is_shown(capsys):
    X = np.random.default_rng(0).integers(0, 5, 100)
    HiddenMarkovModel(3, n_iter=5, tol=0, progress="always").fit(X)
    shown = capsys.readouterr().err
    assert "HMM" in shown
    assert "loss" in shown
    HiddenMarkovModel(3, n_iter=5, tol=0).fit(X)
    assert capsys.readouterr().err == ""


def test_no_iterations_keep_the_start():
    X = np.random.default_rng(0).integers(0, 5, 100)
    model = HiddenMarkovModel(3, n_iter=0, random_state=4).fit(X)
    assert (model.n_iter_, model.converged_, len(model.monitor_.history)) == (0, False, 1)
    assert model.log_likelihood_ == pytest.approx(model.score(X))
    again = HiddenMarkovModel(3, n_iter=1, tol=0, random_state=4).fit(X)
    assert again.monitor_.history[0] == model.log_likelihood_
    kept = model.emissionprob_
    assert_array_equal(model.set_params(init_params="").fit(X).emissionprob_, kept)


@pytest.mark.parametrize(
    ("kind", "name", "letter"),
    [
        ("categorical", "startprob_", "s"),
        ("categorical", "transmat_", "t"),
        ("categorical", "emissionprob_", "e"),
        ("gaussian", "means_", "m"),
        ("gaussian", "covars_", "c"),
        ("mixture", "weights_", "w"),
    ],
)
def test_parameters_set_by_hand_are_not_overwritten_in_silence(tmp_path, kind, name, letter):
    X = np.random.default_rng(0).integers(0, 3, 60)
    options = {"n_iter": 2, "tol": 0}
    model = HiddenMarkovModel(2, kind, **options).fit(X)
    model.fit(X)  # what was trained starts afresh without a warning
    values = {x: np.array(getattr(model, x)) for x in (name, "startprob_", "transmat_")}
    told = rf"^{name} is set, but will be overwritten by fit; leave '{letter}' out of init_params"
    setattr(model, name, values[name])
    with pytest.warns(UserWarning, match=told):
        model.fit(X)
    new = HiddenMarkovModel(2, kind, **options)
    setattr(new, name, values[name])
    with pytest.warns(UserWarning, match=told):
        new.fit(X)
    model.save(tmp_path / "trained.hmm")
    loaded = HiddenMarkovModel.load(tmp_path / "trained.hmm").fit(X)
    letters = "stmcwe" if kind == "mixture" else "stmc" if kind == "gaussian" else "ste"
    letters = letters.replace("e", "") if kind == "mixture" else letters
    setattr(loaded, name, values[name])
    loaded.set_params(init_params=letters.replace(letter, "")).fit(X)


def test_emissions_given_with_parameters_are_not_overwritten_in_silence():
    emissions = GaussianEmissions()
    emissions.means_ = np.array([[0.0], [2.0]])
    X = np.random.default_rng(0).integers(0, 3, 60)
    with pytest.warns(UserWarning, match=r"^means_ is set, but will be overwritten by fit"):
        HiddenMarkovModel(2, emissions, n_iter=1, tol=0).fit(X)


# ---- counting -------------------------------------------------------------------------------


def test_supervised_training_is_counting():
    X = [["a", "b", "b"], [], ["c"], ["b", "a"]]
    y = [["P", "Q", "P"], [], ["Q"], ["P", "P"]]
    model = HiddenMarkovModel().fit(X, y)
    assert model.classes_ == ["P", "Q"]
    assert model.symbols_ == ["a", "b", "c"]
    assert model.startprob_.tolist() == [2 / 3, 1 / 3]
    assert model.transmat_.tolist() == [[0.5, 0.5], [1.0, 0.0]]
    assert model.emissionprob_.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    assert (model.n_iter_, model.converged_, model.monitor_) == (0, True, None)


@pytest.mark.parametrize("seed", range(3))
def test_counts_on_random_data(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 30, 40)
    X, y = rng.integers(0, 6, lengths.sum()), rng.integers(0, 4, lengths.sum())
    prior = {"startprob_prior": 1.5, "transmat_prior": 3.0, "emissionprob_prior": 2.0}
    for priors in ({}, prior):
        model = HiddenMarkovModel(**priors).fit(X, y, lengths)
        s, t, e = (v - 1.0 for v in (priors or dict.fromkeys(prior, 1.0)).values())
        start, steps, seen = np.full(4, s), np.full((4, 4), t), np.full((4, 6), e)
        ends = np.cumsum(lengths)
        for end, n in zip(ends, lengths, strict=True):
            for m in range(end - n, end):
                seen[y[m], X[m]] += 1
                if m == end - n:
                    start[y[m]] += 1
                else:
                    steps[y[m - 1], y[m]] += 1
        assert_array_equal(model.startprob_, start / start.sum())
        assert_array_equal(model.transmat_, steps / steps.sum(axis=1, keepdims=True))
        assert_array_equal(model.emissionprob_, seen / seen.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
def test_supervised_gaussians_have_the_moments_of_their_class(kind):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 2)) @ [[1, 0.5], [0, 2]], rng.choice(["u", "v", "w"], 90)
    model = HiddenMarkovModel(emissions="gaussian", covariance_type=kind, covars_prior=0.0)
    model.fit(X, y)
    each = [X[y == label] for label in "uvw"]
    assert_allclose(model.means_, [part.mean(axis=0) for part in each])
    covars = np.array([np.cov(part.T, bias=True) for part in each])
    if kind == "tied":
        shares = np.array([len(part) for part in each]) / len(X)
        covars = np.tile((shares[:, None, None] * covars).sum(axis=0), (3, 1, 1))
    elif kind != "full":
        variances = np.einsum("kdd->kd", covars)
        if kind == "spherical":
            variances = np.repeat(variances.mean(axis=1, keepdims=True), 2, axis=1)
        covars = variances[:, :, None] * np.eye(2)
    assert_allclose(model.covars_, covars, rtol=1e-10, atol=1e-12)


def test_a_state_that_nothing_follows_has_even_chances():
    model = HiddenMarkovModel().fit([[0, 1]], [["A", "B"]])
    assert model.transmat_.tolist() == [[0, 1], [0.5, 0.5]]


def test_supervised_mixtures_go_on_by_em():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    X = np.where(y, 10.0, 0.0)[:, None] + rng.choice([-2.0, 2.0], 400)[:, None]
    X += 0.3 * rng.normal(size=X.shape)
    model = HiddenMarkovModel(emissions="mixture", n_mix=2).fit(X, y)
    assert_allclose(np.sort(model.means_[:, :, 0], axis=1), [[-2, 2], [8, 12]], atol=0.2)
    assert_allclose(model.transmat_[0, 1], (y[:-1] < y[1:]).sum() / (y[:-1] == 0).sum())


# ---- labels in part -------------------------------------------------------------------------


def test_known_labels_hold_and_the_rest_is_summed_out():
    """One iteration, by listing all state sequences that agree with the labels."""
    rng = np.random.default_rng(0)
    X = [[0, 1, 2, 1], [2, 0], [1, 1, 0]]
    y = [["B", None, {"A", "C"}, None], None, [None, None, "C"]]
    first = first_parameters(3) | {"emissionprob_": random_rows(rng, 3, 3)}
    model = with_parameters(HiddenMarkovModel(3, n_iter=1, tol=0, init_params=""), first)
    model.fit(X, y)
    assert model.classes_ == ["A", "B", "C"]
    start, steps, seen, log_z = np.zeros(3), np.zeros((3, 3)), np.zeros((3, 3)), 0.0
    for x, labels in zip(X, y, strict=True):
        nodes = np.log(first["emissionprob_"][:, x]).T
        nodes[0] += np.log(first["startprob_"])
        for t, label in enumerate(labels or [None] * len(x)):
            names = set("ABC") if label is None else label if isinstance(label, set) else {label}
            nodes[t, [c not in names for c in "ABC"]] = -math.inf
        every = list_all(nodes, np.log(first["transmat_"])[None])
        log_z += every.log_z
        start += every.nodes[0]
        steps += every.steps[0]
        np.add.at(seen.T, x, every.nodes)
    assert model.monitor_.history[0] == pytest.approx(log_z)
    assert_allclose(model.startprob_, start / start.sum())
    assert_allclose(model.transmat_, steps / steps.sum(axis=1, keepdims=True))
    assert_allclose(model.emissionprob_, seen / seen.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("kind", ["categorical", "gaussian", "mixture"])
def test_some_labels_name_the_states(kind):
    """Of overlapping states without labels nobody knows which is which; a few labels tell."""
    true = HiddenMarkovModel(2, "gaussian", random_state=1)
    true.startprob_, true.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    true.means_, true.covars_ = [[0.0], [2.5]], [[1.0], [1.0]]
    X, states = true.sample(3000)
    if kind == "categorical":
        X = np.digitize(X[:, 0], [-1, 0, 1, 2, 3, 4])
    names = np.array(["low", "high"], object)[states]
    y = [name if t % 50 == 0 else None for t, name in enumerate(names.tolist())]
    model = HiddenMarkovModel(emissions=kind, tol=0.1).fit(X, y)
    assert model.classes_ == ["high", "low"]
    assert (model.predict(X) == names).mean() > 0.93
    assert np.diff(model.monitor_.objective).min() > -1e-6


def test_labels_for_some_sequences_and_states_that_no_label_names():
    X = [[0, 0, 1, 1], [0, 1, 2, 2], [2, 2, 0, 0]]
    y = [[0, 0, 1, 1], None, None]
    model = HiddenMarkovModel(3, tol=0, n_iter=30).fit(X, y)
    assert model.classes_ == [0, 1, 2]
    assert model.predict(X) == [[0, 0, 1, 1], [0, 1, 2, 2], [2, 2, 0, 0]]


def test_labels_that_the_parameters_rule_out_are_told():
    model = HiddenMarkovModel(2, init_params="")
    model.startprob_, model.transmat_ = [1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]
    model.emissionprob_ = [[0.5, 0.5], [0.5, 0.5]]
    with pytest.raises(ZeroProbabilityError, match=r"sequence 1 has probability 0 under the param"):
        model.fit([[0, 1], [0, 1]], [[None, None], [0, 1]], None)


# ---- as an estimator ------------------------------------------------------------------------


def test_scikit_learn_clones_it_and_parameters_are_kept():
    model = HiddenMarkovModel(3, GaussianEmissions("full"), n_iter=7, random_state=2)
    assert clone(model).get_params().keys() == model.get_params().keys()
    assert clone(model).n_iter == 7
    assert repr(HiddenMarkovModel(3, n_iter=7)) == "HiddenMarkovModel(n_components=3, n_iter=7)"
    assert not hasattr(clone(model), "means_")
    assert not model.__sklearn_tags__().target_tags.required


def test_emissions_given_as_an_object_stay_as_they_were():
    given = CategoricalEmissions(n_features=4)
    X = np.random.default_rng(0).integers(0, 4, 50)
    model = HiddenMarkovModel(2, given, n_iter=2, tol=0).fit(X)
    assert not hasattr(given, "emissionprob_")
    assert model.emissionprob_.shape == (2, 4)
    before = model.emissionprob_
    other = copy.copy(model)
    other.emissionprob_ = np.full((2, 4), 0.25)
    assert model.emissionprob_ is before


def test_training_goes_on_where_it_stopped():
    X = np.random.default_rng(0).integers(0, 5, 200)
    whole = HiddenMarkovModel(3, n_iter=8, tol=0).fit(X)
    half = HiddenMarkovModel(3, n_iter=4, tol=0).fit(X)
    half.set_params(init_params="").fit(X)
    assert_allclose(half.emissionprob_, whole.emissionprob_, rtol=1e-12)
    assert_allclose(half.transmat_, whole.transmat_, rtol=1e-12)
