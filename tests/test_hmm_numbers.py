"""Hidden Markov models of real numbers: units, lone values, missing numbers, tied mixtures."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from gibbsfactor.models.hidden_markov_model import HiddenMarkovModel

KINDS = ["spherical", "diag", "full", "tied"]


def regimes(seed=0, n=300, d=2):
    """Two states, calm and wild, with correlated columns."""
    rng = np.random.default_rng(seed)
    states = np.repeat(rng.integers(0, 2, n // 20 + 1), 20)[:n]
    mixed = np.eye(d) + 0.6 * np.tri(d, k=-1)
    return (rng.normal(size=(n, d)) @ mixed) * np.where(states, 3.0, 1.0)[:, None] + states[:, None]


def known(kind, covariance_type, seed=0, d=3):
    """A model of two states with parameters set by hand."""
    rng = np.random.default_rng(seed)
    model = HiddenMarkovModel(2, kind, covariance_type=covariance_type, init_params="", tol=0)
    model.startprob_, model.transmat_ = [0.4, 0.6], [[0.9, 0.1], [0.2, 0.8]]
    shape = (2, 2) if kind == "mixture" else (2,)
    model.means_ = rng.normal(size=(*shape, d))
    roots = rng.normal(size=(*shape, d, d)) / 2
    whole = np.eye(d) + roots @ np.swapaxes(roots, -1, -2)
    diagonals = np.einsum("...dd->...d", whole)
    model.covars_ = {
        "spherical": diagonals[..., 0],
        "diag": diagonals,
        "full": whole,
        "tied": whole[..., 0, :, :] if kind == "mixture" else whole[0],
    }[covariance_type]
    if kind == "mixture":
        model.weights_ = [[0.3, 0.7], [0.5, 0.5]]
    return model


def with_gaps(X, seed=0, share=0.3):
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


# ---- units ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
@pytest.mark.parametrize("covariance_type", ["diag", "full", "tied"])
def test_units_of_columns_do_not_matter(kind, covariance_type):
    X, scale = regimes(), np.array([1e-6, 1e6])
    options = {"covariance_type": covariance_type, "n_iter": 8, "tol": 0}
    one = HiddenMarkovModel(2, kind, **options).fit(X)
    for shift in ([0.0, 0.0], [3.0e-4, 1.7e9]):
        other = HiddenMarkovModel(2, kind, **options).fit(X * scale + shift)
        # numbers near 1.7e9 are rounded to 2e-7, a part of 1e-13 of their deviation
        assert_allclose((other.means_ - shift) / scale, one.means_, rtol=1e-6, atol=1e-6)
        assert_allclose(other.covars_ / np.outer(scale, scale), one.covars_, rtol=1e-6) if (
            covariance_type != "diag" or kind == "gaussian"
        ) else assert_allclose(other.covars_ / scale**2, one.covars_, rtol=1e-6)
        assert_array_equal(other.predict(X * scale + shift), one.predict(X))
        moved = other.score(X * scale + shift) + len(X) * np.log(scale).sum()
        assert moved == pytest.approx(one.score(X), rel=1e-9)


@pytest.mark.parametrize("covariance_type", KINDS)
@pytest.mark.parametrize("power", [-6, -3, 3, 9])
def test_small_and_large_units_have_the_same_states(covariance_type, power):
    X = regimes(1)
    one = HiddenMarkovModel(2, "gaussian", covariance_type=covariance_type).fit(X)
    other = HiddenMarkovModel(2, "gaussian", covariance_type=covariance_type).fit(X * 10.0**power)
    assert_array_equal(other.predict(X * 10.0**power), one.predict(X))
    assert other.n_iter_ == one.n_iter_
    assert_allclose(other.covars_, one.covars_ * 10.0 ** (2 * power), rtol=1e-6)


def test_a_number_for_min_covar_is_added_as_it_is():
    X = regimes()
    fixed, none = (
        HiddenMarkovModel(1, "gaussian", params="st", n_iter=1, tol=0, min_covar=added).fit(X)
        for added in (0.5, 0.0)
    )
    assert_allclose(fixed.covars_ - none.covars_, [np.eye(2) * 0.5], atol=1e-12)
    relative = HiddenMarkovModel(1, "gaussian", params="st", n_iter=1, tol=0).fit(X)
    assert_allclose(relative.covars_ - none.covars_, [np.diag(X.var(axis=0)) * 1e-3], atol=1e-12)


def test_squares_out_of_range_and_offsets_that_round_are_told():
    X = regimes()
    for unit in (1e-160, 1e200):
        with pytest.raises(
            ValueError, match=r"column 0 of the observations has numbers from .* ran"
        ):
            HiddenMarkovModel(2, "gaussian").fit(X * unit)
    with pytest.warns(
        UserWarning, match=r"column 1 .* numbers up to 1e\+15 in size that differ by"
    ):
        HiddenMarkovModel(2, "gaussian", n_iter=1, tol=0).fit(X + [0.0, 1e15])


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
@pytest.mark.parametrize("covariance_type", KINDS)
def test_a_constant_column_is_told(kind, covariance_type):
    X = np.column_stack([regimes(), np.full(300, 0.1)])  # its mean rounds to another number
    model = HiddenMarkovModel(2, kind, covariance_type=covariance_type, n_iter=5, tol=0)
    with pytest.warns(UserWarning, match=r"column 2 .* is 0.1 throughout the training data.* out"):
        model.fit(X)
    assert np.isfinite(model.score(X + [0, 0, 1e-3]))
    assert model.score(X + [0, 0, 1e-3]) > model.score(X + [0, 0, 1.0])


@pytest.mark.parametrize("value", [-999.0, 1e9])
def test_a_lone_value_far_away_is_told_and_widens_no_other_state(value):
    X = regimes(2)
    X[[5, 70], 1] = value
    with pytest.warns(
        UserWarning, match=rf"holds {re.escape(f'{value:g}')} at 2 of 300 .* give NaN"
    ):
        model = HiddenMarkovModel(3, "gaussian").fit(X)
    order = np.argsort(model.covars_[:, 0, 0])
    lone = int(model.predict(X)[5])
    others = [k for k in order if k != lone]
    assert model.means_[lone, 1] == pytest.approx(value)
    assert_allclose(np.sqrt(model.covars_[others, 1, 1]), [1.2, 3.5], atol=0.5)
    X[[5, 70], 1] = np.nan
    HiddenMarkovModel(2, "gaussian").fit(X)  # without a warning


def test_a_lone_value_is_told_where_most_values_are_the_same():
    X = np.concatenate([np.zeros(160), np.random.default_rng(0).normal(5, 1, 40), [1e9]])
    with pytest.warns(UserWarning, match=r"column 0 .* holds 1e\+09 at 1 of 201 positions"):
        model = HiddenMarkovModel(3, "gaussian").fit(X)
    assert np.sqrt(model.covars_.max()) < 10


def test_missing_numbers_of_pandas_are_missing():
    pd = pytest.importorskip("pandas")
    X = with_gaps(regimes(1))
    frame = pd.DataFrame(X).astype("Float64")
    assert frame.isna().to_numpy().sum() == np.isnan(X).sum()
    model = HiddenMarkovModel(2, "gaussian", n_iter=3, tol=0).fit(frame)
    assert model.score(frame) == model.score(X)
    with pytest.raises(ValueError, match="are complex numbers; give their parts as two columns"):
        model.score(X + 1j)


def test_regimes_far_apart_are_no_lone_values():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=180), rng.normal(1000, 1, 20), rng.normal(size=100)])
    model = HiddenMarkovModel(2, "gaussian").fit(X)
    assert_allclose(np.sort(model.means_.ravel()), [0, 1000], atol=1)


def test_spherical_variances_may_be_a_column():
    model, X = known("gaussian", "spherical"), regimes(d=3)
    before = model.score(X)
    model.covars_ = np.reshape(model.covars_[:, 0, 0], (2, 1))
    assert model.score(X) == before


# ---- missing numbers ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
@pytest.mark.parametrize("covariance_type", KINDS)
def test_missing_numbers_have_the_marginal_density_of_the_others(kind, covariance_type):
    model, d = known(kind, covariance_type), 3
    rng = np.random.default_rng(1)
    X = with_gaps(rng.normal(size=(12, d)), share=0.5)
    X[3], X[7] = np.nan, rng.normal(size=d)
    means = np.reshape(model.means_, (2, -1, d))
    weights = model.weights_ if kind == "mixture" else [[1.0], [1.0]]
    n_mix = means.shape[1]
    covars = np.asarray(model.covars_)
    if kind == "gaussian":
        covars = covars[:, None]
    elif covariance_type == "tied":
        covars = np.repeat(covars[:, None], n_mix, axis=1)
    elif covariance_type != "full":
        covars = covars[..., None, None] if covariance_type == "spherical" else covars[..., None]
        covars = covars * np.eye(d)
    frames = np.ones((len(X), 2))
    for t, k in itertools.product(range(len(X)), range(2)):
        seen = ~np.isnan(X[t])
        if seen.any():
            frames[t, k] = sum(
                weights[k][c]
                * multivariate_normal(means[k, c][seen], covars[k, c][np.ix_(seen, seen)]).pdf(
                    X[t, seen]
                )
                for c in range(n_mix)
            )
    forward = np.array(model.startprob_) * frames[0]
    for frame in frames[1:]:
        forward = forward @ model.transmat_ * frame
    assert model.score(X) == pytest.approx(np.log(forward.sum()), rel=1e-9)
    assert_allclose(model.predict_proba(X)[-1], forward / forward.sum(), rtol=1e-9)
    assert model.gibbs(X).log_partition() == pytest.approx(model.score(X), rel=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
@pytest.mark.parametrize("covariance_type", KINDS)
def test_training_with_missing_numbers_raises_the_objective(kind, covariance_type):
    X = with_gaps(regimes(3, d=3))
    options = {"covariance_type": covariance_type, "n_iter": 25, "tol": 0}
    prior = {"means_prior": 0.5, "means_weight": 2.0, "covars_weight": 6.0}
    for given in ({}, prior):
        model = HiddenMarkovModel(2, kind, **options, **given).fit(X, lengths=[100, 1, 199])
        objective = np.array(model.monitor_.objective)
        assert np.diff(objective).min() > -1e-9 * abs(objective[-1])
        assert objective[-1] > objective[0] + 1


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_one_column_missing_in_part_has_the_estimates_of_its_regression(covariance_type):
    """Of two columns, one complete, the maximum is known in closed form (Anderson, 1957)."""
    X = regimes(4)
    X[100:, 1] = np.nan
    model = HiddenMarkovModel(
        1, "gaussian", covariance_type=covariance_type, covars_prior=0.0, n_iter=400, tol=1e-11
    ).fit(X, np.zeros(len(X), int))
    x, y = X[:100].T
    slope = np.cov(x, y, bias=True)[0, 1] / x.var()
    mean = y.mean() + slope * (X[:, 0].mean() - x.mean())
    variance = y.var() + slope**2 * (X[:, 0].var() - x.var())
    assert_allclose(model.means_[0], [X[:, 0].mean(), mean], rtol=1e-5)
    across = slope * X[:, 0].var()
    assert_allclose(model.covars_[0], [[X[:, 0].var(), across], [across, variance]], rtol=1e-5)


def test_counting_with_missing_numbers_takes_those_there_are():
    X = with_gaps(regimes(5))
    y = np.random.default_rng(0).choice(["u", "v"], len(X))
    model = HiddenMarkovModel(emissions="gaussian", covars_prior=0.0).fit(X, y)
    assert model.n_iter_ == 0
    for k, label in enumerate("uv"):
        assert_allclose(model.means_[k], np.nanmean(X[y == label], axis=0))
        assert_allclose(np.diag(model.covars_[k]), np.nanvar(X[y == label], axis=0))
    by_em = HiddenMarkovModel(emissions="gaussian", covariance_type="full", tol=1e-4).fit(X, y)
    assert by_em.converged_
    assert by_em.n_iter_ > 1
    assert np.diff(by_em.monitor_.objective).min() > 0


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
def test_no_row_need_be_complete(kind):
    X = regimes(6)
    X[::2, 0], X[1::2, 1] = np.nan, np.nan
    for covariance_type in KINDS:
        model = HiddenMarkovModel(2, kind, covariance_type=covariance_type, n_iter=5, tol=0).fit(X)
        assert np.isfinite(model.score(X))
        X[:, 0] = np.where(np.isnan(X[:, 0]), np.nan, X[:, 0])
    with pytest.raises(ValueError, match=r"column 1 of the observations is NaN throughout the tra"):
        HiddenMarkovModel(2, kind).fit(np.column_stack([X[:, 0], np.full(len(X), np.nan)]))


def test_the_discriminative_twin_reads_no_row_that_is_missing_in_part():
    model, X = known("gaussian", "full"), np.array([[0.0, np.nan, 1.0], [1.0, 1.0, 1.0]])
    with pytest.raises(ValueError, match=r"position 0 has \[0.0, nan, 1.0\].* or all NaN"):
        model.to_crf().predict(X)
    with pytest.raises(ValueError, match=r"observation 0 is \[0.0, nan, 1.0\]; its statistics"):
        model.emissions_.statistics(model.emissions_.read(X))


# ---- mixtures -------------------------------------------------------------------------------


def test_a_tied_mixture_has_one_matrix_for_each_state(tmp_path):
    X = np.concatenate([regimes(7), regimes(8) + [8.0, -8.0]])
    model = HiddenMarkovModel(2, "mixture", covariance_type="tied", n_iter=20, tol=0).fit(X)
    assert model.covars_.shape == (2, 2, 2)
    assert np.diff(model.monitor_.objective).min() > -1e-7
    assert model.n_parameters() == 1 + 2 + 2 + 8 + 2 * 3
    full = HiddenMarkovModel(2, "mixture", covariance_type="full", init_params="")
    full.startprob_, full.transmat_ = model.startprob_, model.transmat_
    full.weights_, full.means_ = model.weights_, model.means_
    full.covars_ = np.repeat(model.covars_[:, None], 2, axis=1)
    assert full.score(X) == pytest.approx(model.score(X), rel=1e-12)
    drawn, _ = model.sample(20_000)
    assert_allclose(drawn, full.sample(20_000)[0])
    one = HiddenMarkovModel(2, "mixture", n_mix=1, covariance_type="tied", n_iter=5, tol=0).fit(X)
    by_full = HiddenMarkovModel(2, "gaussian", covariance_type="full", n_iter=5, tol=0).fit(X)
    assert_allclose(np.sort(one.covars_, axis=0), np.sort(by_full.covars_, axis=0), rtol=1e-3)
    model.save(tmp_path / "tied.hmm")
    assert HiddenMarkovModel.load(tmp_path / "tied.hmm").score(X) == model.score(X)
    model.covars_ = np.ones((2, 2))
    with pytest.raises(ValueError, match=r"covars_ has shape \(2, 2\); it must be \(2, 2, 2\)"):
        model.score(X)


@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
@pytest.mark.parametrize("covariance_type", KINDS)
def test_the_order_of_the_sequences_does_not_matter(kind, covariance_type):
    rng = np.random.default_rng(0)
    parts = [np.cumsum(rng.normal(size=(40, 3)), axis=0) / 4 for _ in range(3)]
    scores = []
    for order in itertools.permutations(range(3)):
        model = HiddenMarkovModel(
            2, kind, covariance_type=covariance_type, n_iter=10, tol=0, random_state=1
        ).fit([parts[n] for n in order])
        scores.append(model.score(parts))
    assert_allclose(scores, scores[0], rtol=1e-9)


@pytest.mark.parametrize("kind", ["categorical", "gaussian", "mixture"])
def test_more_starts_are_never_worse(kind):
    X = regimes(9)
    X = (X[:, 0] > 0) + 2 * (X[:, 1] > 1) if kind == "categorical" else X
    ends = [
        HiddenMarkovModel(3, kind, n_init=n, n_iter=15, tol=0).fit(X).monitor_.objective[-1]
        for n in (1, 2, 6)
    ]
    assert ends[0] <= ends[1] <= ends[2]
    if kind != "gaussian":  # of which every start leads to one maximum here
        assert ends[0] < ends[2]
