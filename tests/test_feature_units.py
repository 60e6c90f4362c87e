"""Dollars or thousands of dollars give the same model, and it has converged or says it has not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from gibbsfactor import (
    CliqueTemplate,
    LinearChainCRF,
    LogLinearModel,
    SemiMarkovCRF,
    SoftmaxRegression,
    datasets,
)
from gibbsfactor.learning.checkpoints import Checkpoints
from gibbsfactor.learning.lbfgs import minimize
from gibbsfactor.learning.preconditioning import Coordinates, Kind, coordinates_for, spreads
from gibbsfactor.learning.proximal import minimize_l1, pseudo_gradient
from gibbsfactor.learning.quadratic_model import QuadraticModel, Related
from gibbsfactor.models.linear_chain_crf import estimator
from gibbsfactor.models.log_linear import Chain, Nodes, own

try:
    import pycrfsuite
except ImportError:
    pycrfsuite = None

NAMES = ("one", "two", "three", "bias")


def sequences(seed=0, n=25):
    """Arrays with three features that tell of three labels, and a fourth one that is always 1."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for length in rng.integers(2, 7, n):
        z = rng.integers(0, 3, length)
        again = rng.random(length) < 0.5
        for t in range(1, length):
            z[t] = z[t - 1] if again[t] else z[t]
        noise = rng.normal(size=(length, 3))
        X.append(np.column_stack([noise + np.stack([z, z == 1, 0 * z], 1), np.ones(length)]))
        y.append([str(k) for k in z])
    return X, y


def as_dicts(X):
    return [[dict(zip(NAMES, row.tolist(), strict=True)) for row in x] for x in X]


def incomes():
    """Two labels, of which incomes in dollars tell; one token a sequence: logistic regression."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 100)
    values = rng.normal(40000 + 15000 * y, 10000)
    return values, [["low" if k == 0 else "high"] for k in y]


# ---- units ----------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e3, 1e12])
@pytest.mark.parametrize("kind", ["dicts", "sparse", "dense"])
def test_a_feature_in_dollars_is_one_in_thousands(unit, kind):
    values, y = incomes()
    rows = [np.array([[1.0, v / unit]]) for v in values]
    if kind == "dicts":
        X = [[{"bias": row[0, 0], "income": row[0, 1]}] for row in rows]
    else:
        X = [csr_array(row) if kind == "sparse" else row for row in rows]
    crf = LinearChainCRF(c2=0.0, progress=False).fit(X, y)
    # the minimum by Newton's method on standardised incomes
    assert crf.loss_ == pytest.approx(99.12427992, rel=1e-7)
    assert crf.converged_
    assert crf.score(X, y) == 0.76


MODELS = {
    "CRF of dicts": (lambda: LinearChainCRF(c2=0.0, progress=False), as_dicts),
    "CRF of arrays": (lambda: LinearChainCRF(c2=0.0, progress=False), list),
    "semi-Markov CRF": (
        lambda: SemiMarkovCRF(c2=0.0, segment_features=("length",), progress=False),
        list,
    ),
    "log-linear model": (
        lambda: LogLinearModel(
            [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())], c2=0.0, progress=False
        ),
        list,
    ),
    "pseudo-likelihood": (
        lambda: LogLinearModel(
            [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())],
            c2=0.0,
            objective="pseudo-likelihood",
            progress=False,
        ),
        list,
    ),
}


def probabilities(name, factors, offsets=(0, 0, 0, 0), **parameters):
    make, form = MODELS[name]
    X, y = sequences()
    X = form([x * np.array(factors) + np.array(offsets) for x in X])
    model = make().set_params(**parameters).fit(X, y)
    assert model.converged_
    return np.concatenate([np.asarray(p).ravel() for p in model.predict_proba(X)])


@pytest.mark.parametrize("name", MODELS)
def test_rescaled_and_shifted_features_give_the_same_probabilities(name):
    plain = probabilities(name, (1, 1, 1, 1))
    for factors in (
        (1e-6, 1, 1, 1),
        (1e6,) * 4,
        (1, 1, 1, 1e6),
        (-100.0, 1, 1, 1e-6),
    ):
        assert_allclose(probabilities(name, factors), plain, atol=1e-4)
    plain = probabilities(name, (1, 1, 1, 1), tol=1e-8)  # on another way
    for factors, offsets in (
        ((20, 1, 1, 1), (1990, 0, 0, 0)),
        ((1e5, 1, 1e5, 1), (1.7e9, 0, 1.7e9, 0)),
    ):
        assert_allclose(probabilities(name, factors, offsets, tol=1e-8), plain, atol=1e-4)


def test_softmax_regression_of_rescaled_features():
    X, y = sequences()
    table, labels = np.concatenate(X)[:, :3], np.concatenate(y)
    plain = SoftmaxRegression(C=1e20).fit(table, labels).predict_proba(table)
    for k in (-6, -2, 6):
        for factors in ((10.0**k, 1, 1), (10.0**k,) * 3):
            given = table * np.array(factors)
            model = SoftmaxRegression(C=1e20).fit(given, labels)
            assert_allclose(model.predict_proba(given), plain, atol=1e-4)


def test_softmax_regression_tells_two_times_since_1970_apart():
    """Their squares have no digit left for the difference; the rows have."""
    rng = np.random.default_rng(0)
    start, hours = 1.7e9 + rng.uniform(0, 1e5, 300), rng.exponential(1.0, 300)
    labels = rng.random(300) < 1 / (1 + np.exp(3 - 3 * hours))
    X = np.column_stack([start, start + 3600 * hours])
    plain = SoftmaxRegression(C=1e12).fit(hours[:, None], labels)
    model = SoftmaxRegression(C=1e12).fit(X, labels)
    assert model.loss_ == pytest.approx(plain.loss_, rel=0.01)  # it has a weight more


def test_one_count_of_characters_does_not_spoil_the_words():
    talk = datasets.load_conversations()
    words, y = talk.train.drop().labels(0)[:60], talk.train.labels()[:60]

    def fitted(unit):
        X, offset = [], 0
        for sentence in words:
            X.append([])
            for word in sentence:
                offset += len(word) + 1
                X[-1].append({"w": word, "suffix": word[-3:], "offset": offset / unit})
        crf = LinearChainCRF(c2=0.3, progress=False).fit(X, y)
        assert crf.converged_
        return crf.loss_, crf.score(X, y)

    (loss, score), (in_thousands, other_score) = fitted(1), fitted(1000)
    assert score > 0.8
    assert abs(score - other_score) < 0.02
    assert loss < in_thousands < loss * 1.01  # a weight by thousands costs a little more


@pytest.mark.parametrize("scale", [1.0, 3600.0, 1e6])
def test_times_since_1970_beside_an_intercept(scale):
    values, y = incomes()
    X = [[{"bias": 1.0, "seconds": 1.7e9 + scale * (v - 4e4) / 1e4}] for v in values]
    crf = LinearChainCRF(c2=0.0, progress=False).fit(X, y)
    assert crf.loss_ == pytest.approx(99.12427992, rel=1e-6)


def test_a_column_given_twice_and_others_that_say_nothing():
    values, y = incomes()
    X = [
        [{"bias": 1.0, "dollars": v, "cents": 100 * v, "constant": 7e5, "never": 0.0}]
        for v in values.tolist()
    ]
    crf = LinearChainCRF(c2=0.0, progress=False).fit(X, y)
    assert crf.loss_ == pytest.approx(99.12427992, rel=1e-6)
    assert crf.converged_


@pytest.mark.parametrize("kind", ["dicts", "dense"])
@pytest.mark.parametrize("far", [1e9, 1e12])
def test_one_value_far_off_is_no_end_of_training(far, kind):
    """Its probability is soon 1, and what is left is the loss of the others."""
    values, y = incomes()
    values[150] = far

    def fitted(which):
        if kind == "dense":
            X = [np.array([[1.0, values[n]]]) for n in which]
        else:
            X = [[{"bias": 1.0, "income": values[n]}] for n in which]
        labels = [y[n] for n in which]
        return LinearChainCRF(c2=0.0, progress=False).fit(X, labels)

    others = fitted([n for n in range(200) if n != 150])
    assert fitted(range(200)).loss_ == pytest.approx(others.loss_, rel=1e-4)


@pytest.mark.parametrize("c1", [0.0, 0.1])
def test_a_mark_of_missing_numbers_leaves_the_other_values_their_weight(c1):
    X, y = sequences(n=60)
    X[0][0, 0] = 1e6
    crf, tight = (
        LinearChainCRF(c1=c1, c2=0.1, tol=tol, progress=False).fit(as_dicts(X), y)
        for tol in (1e-5, 1e-9)
    )
    assert crf.converged_
    assert crf.loss_ == pytest.approx(tight.loss_, rel=1e-3)


# ---- an L1 penalty --------------------------------------------------------------------------


def records(seed=0):
    """60 sequences of years, prices and words, whose values are features as they are."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for length in rng.integers(3, 9, 60):
        labels = rng.choice(["YEAR", "PRICE", "WORD"], length).tolist()
        X.append([])
        for label in labels:
            token = {"bias": 1.0, "length": float(rng.integers(2, 9))}
            if label == "YEAR":
                token |= {"length": 4.0, "number": float(rng.integers(1950, 2025)), "digits": True}
            elif label == "PRICE":
                price = float(rng.choice([rng.integers(1, 5000), rng.integers(1500, 2300)]))
                token |= {"length": float(len(f"{price:.0f}")), "number": price, "digits": True}
            X[-1].append(token)
        y.append(labels)
    return X, y


@pytest.mark.parametrize(("c1", "c2"), [(0.1, 0.1), (1.0, 0.0)])
def test_years_and_prices_under_an_l1_penalty(c1, c2):
    X, y = records()
    crf = LinearChainCRF(c1=c1, c2=c2, progress=False, tol=1e-9).fit(X, y)
    assert crf.converged_
    assert crf.n_iter_ < 300
    for unit in (1e-3, 1e3):  # the penalty depends on units, so no equal loss; but all converge
        other = [[token | {"number": token.get("number", 0.0) / unit} for token in x] for x in X]
        assert LinearChainCRF(c1=c1, c2=c2, progress=False).fit(other, y).converged_
    if pycrfsuite is None:
        return
    trainer = pycrfsuite.Trainer("lbfgs", verbose=False)
    for x, labels in zip(X, y, strict=True):
        trainer.append(pycrfsuite.ItemSequence(x), labels)
    trainer.set_params({"c1": c1, "c2": c2, "max_iterations": 300, "delta": 1e-12})
    trainer.train("")
    theirs = min(float(one["loss"]) for one in trainer.logparser.iterations)
    assert crf.loss_ <= theirs * (1 + 1e-6)


def lasso(seed, n=6):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(40, n)) + 30 * rng.normal(size=(40, 1))  # strongly correlated
    hessian, g = values.T @ values, 20 * rng.normal(size=n)
    lengths = np.sqrt(np.diag(hessian))
    return hessian / np.outer(lengths, lengths), g


@pytest.mark.parametrize("seed", range(8))
def test_the_quadratic_model_of_related_weights_is_minimised(seed):
    correlations, g = lasso(seed)
    n = len(g)
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(2, n))
    model = QuadraticModel.of(
        steps,
        steps @ (correlations * 3 + np.eye(n)),
        2.0,
        np.float64,
        Related([(np.arange(n), correlations)]),
    )
    matrix = np.stack([model.times(row) for row in np.eye(n)])
    assert_allclose(matrix @ steps[-1], steps[-1] @ (correlations * 3 + np.eye(n)), rtol=1e-8)
    start, l1 = rng.normal(size=n), np.full(n, 5.0)
    z = model.minimum(start, g, l1, 50, 1e-3)
    slope = g + matrix @ (z - start)
    assert_allclose(pseudo_gradient(z, slope, 5.0), 0.0, atol=1e-5)


def test_units_under_an_l1_penalty_are_those_of_the_weights():
    """|w| is of the weights as they are: the coordinates change the way, not the aim."""
    target = np.array([3.0, 0.5e-6, -2e6])
    hessian = np.array([1.0, 1e12, 1e-12])

    def bowl(w):
        return 0.5 * float(hessian @ (w - target) ** 2), hessian * (w - target)

    units = Coordinates(np.ones(3), np.sqrt(hessian))
    found = minimize_l1(bowl, np.zeros(3), 1e-6, coordinates=units, gradient_tolerance=1e-9)
    assert found.converged
    assert_allclose(found.weights, [3.0 - 1e-6, 0.5e-6 - 1e-18, -1e6], rtol=1e-6)


# ---- when training is done ------------------------------------------------------------------


def logistic():
    values, y = incomes()
    rows = np.column_stack([np.ones(200), values])
    signs = np.array([1.0 if label == ["high"] else -1.0 for label in y])

    def loss(w):
        scores = signs * (rows @ w)
        return float(np.logaddexp(0, -scores).sum()), -(signs * expit(-scores)) @ rows

    return loss, 0.25 * (rows**2).sum(axis=0)


@pytest.mark.parametrize("l1", [0.0, 1e-6])
def test_a_settled_loss_is_not_the_end_where_the_gradient_promises_more(l1):
    loss, curvatures = logistic()
    options = {"loss_tolerance": 1e-5, "period": 10, "gradient_tolerance": 1e-5}

    def descend(**more):
        if l1:
            return minimize_l1(loss, np.zeros(2), l1, **options, **more)
        return minimize(loss, np.zeros(2), **options, **more)

    by_loss = descend()
    by_both = descend(coordinates=Coordinates(curvatures))
    assert by_loss.converged
    assert by_loss.loss > 130
    assert by_both.loss < 0.9 * by_loss.loss or not by_both.converged
    scaled = descend(coordinates=Coordinates(np.full(2, 50.0), np.sqrt(curvatures / 50)))
    assert scaled.converged
    assert scaled.loss == pytest.approx(99.1243, rel=1e-3)


def test_text_is_trained_in_its_weights_as_they_are():
    rows = csr_array(np.random.default_rng(0).random((30, 5)) < 0.4, dtype=np.float64)
    kind = Kind(0, np.arange(10), spreads(2), np.full(30, 0.7), rows)
    found = coordinates_for([kind], 10, 0.5, separable=False)
    assert found.scales is None
    assert not found.blocks
    on = 0.7 * np.repeat(np.asarray(rows.sum(axis=0)), 2)
    assert_allclose(found.curvatures, 0.25 * on + 1.0)
    weights = np.arange(10.0)
    assert found.of(weights) is weights
    assert found.gain(weights) == pytest.approx(float(weights**2 @ (0.5 / found.curvatures)))


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("separable", [False, True])
def test_coordinates_there_and_back(dense, separable):
    rng = np.random.default_rng(1)
    table = np.column_stack([np.ones(50), 1990 + 20 * rng.normal(size=50), rng.random(50) < 0.3])
    table[:, 2] *= 1e-4
    parts = {"dense": table} if dense else {"sparse": csr_array(table)}
    cells = np.array([0, 1, 2, 3, 5])  # the third attribute has a weight for the second label only
    kind = Kind(2, cells, spreads(2), np.ones(50), **parts)
    found = coordinates_for([kind], 7, 0.0, separable=separable)
    weights = rng.normal(size=7)
    assert_allclose(found.weights(found.of(weights)), weights, rtol=1e-9)
    assert_array_equal(found.of(weights)[:2], weights[:2])  # of no kind
    # the Hessian of each label by u is diagonal, and as if all values were 1
    for label, places in ((0, [2, 4]), (1, [3, 5, 6])):
        rows = np.zeros((50, 7))
        rows[:, places] = table[:, : len(places)]
        in_u = np.stack([found.gradient(row) for row in rows])[:, places]
        hessian = 0.25 * in_u.T @ in_u
        assert_allclose(np.diag(hessian), found.curvatures[places], rtol=1e-9)
        if not separable:
            assert abs(hessian[0, 1]) < 1e-6 * hessian[0, 0], label


def test_labels_that_can_be_told_apart_altogether_have_no_optimum_but_a_limit():
    X = [[{"bias": 1.0, "price": p}] for p in (1e4, 2e4, 5e5, 7e5)]
    crf = LinearChainCRF(c2=0.0, progress=False).fit(X, [["low"], ["low"], ["high"], ["high"]])
    assert crf.loss_ < 1e-3  # all probabilities are nearly 1
    assert min(crf.confidence(X)) > 0.999


def test_light_sequences_are_learnt_from_as_heavy_ones():
    X, y = sequences()
    plain = LinearChainCRF(c2=0.0, progress=False).fit(X, y)
    light = LinearChainCRF(c2=0.0, progress=False).fit(X, y, sample_weight=np.full(len(X), 1e-9))
    assert light.loss_ == pytest.approx(1e-9 * plain.loss_, rel=1e-4)


def test_a_checkpoint_holds_the_weights_themselves(tmp_path):
    values, y = incomes()
    X = [[{"bias": 1.0, "income": v}] for v in values]
    options = {"c2": 0.0, "progress": False, "checkpoint_seconds": 0.0}
    path = tmp_path / "run"
    with pytest.warns(ConvergenceWarning, match="reached max_iterations=3"):
        LinearChainCRF(max_iterations=3, **options).fit(X, y)
    whole = LinearChainCRF(**options).fit(X, y)

    class Cut(Checkpoints):
        def __call__(self, progress):
            super().__call__(progress)
            if progress.iteration == 3:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimator, "Checkpoints", Cut)
        with pytest.warns(RuntimeWarning, match="interrupted in iteration"):
            half = LinearChainCRF(checkpoint=str(path), **options).fit(X, y)
    assert half.loss_ > whole.loss_ * (1 + 1e-6)
    assert path.exists()
    again = LinearChainCRF(checkpoint=str(path), **options).fit(X, y)
    assert again.loss_ == pytest.approx(whole.loss_, rel=1e-6)
    assert again.history_[0]["loss"] < half.loss_ * 1.001  # it went on from there
    assert again.converged_


def test_stochastic_descent_says_where_it_has_not_come():
    values, y = incomes()
    X = [[{"bias": 1.0, "income": v}] for v in values]
    with pytest.warns(ConvergenceWarning, match=r"from [\d.]+ it can be lowered by about .*lbfgs"):
        crf = LinearChainCRF("l2sgd", c2=1e-6, progress=False).fit(X, y)
    assert not crf.converged_


def test_the_perceptron_takes_values_in_any_unit():
    values, y = incomes()
    found = []
    for unit in (1e-3, 1.0, 1e6):
        X = [[{"bias": 1.0, "income": v / unit}] for v in values]
        found.append(LinearChainCRF("ap", progress=False).fit(X, y).score(X, y))
    assert min(found) > 0.7
    assert np.ptp(found) < 0.02
    X = [[{"bias": 1.0, "income": 1e6 + v}] for v in values]
    with pytest.warns(ConvergenceWarning, match=r"the last one made 1\d\d, and .* label makes 100"):
        assert not LinearChainCRF("ap", progress=False).fit(X, y).converged_


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400])
def test_values_that_are_no_numbers_are_an_error(value):
    with pytest.raises(ValueError, match=r"the attribute 'price' is (nan|inf); weights must be"):
        LinearChainCRF(progress=False).fit([[{"price": value}, {"price": 1.0}]], [["a", "b"]])


def test_arrays_in_dicts_are_features_of_log_linear_models_too():
    X, y = sequences()
    vectors = [[{"bias": 1.0, "vector": row[:3]} for row in x] for x in X]
    templates = [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())]
    model = LogLinearModel(templates, c2=0.1, progress=False).fit(vectors, y)
    table = LogLinearModel(templates, c2=0.1, progress=False).fit(X, y)
    assert model.loss_ == pytest.approx(table.loss_, rel=1e-9)
    assert_allclose(model.predict_proba(vectors)[0], table.predict_proba(X)[0], atol=1e-7)
    assert model.feature_names_["Nodes"] == ["bias", "vector:0", "vector:1", "vector:2"]


def test_times_since_1970_beside_attributes_that_add_up_to_an_intercept():
    """Each row has one of seven kinds, and none has an attribute that is always there."""
    rng = np.random.default_rng(0)
    hours = rng.normal(size=300)
    y = [["b" if rng.random() < 1 / (1 + np.exp(-2 * h)) else "a"] for h in hours]
    found = []
    for offset in (0.0, 1.7e9):
        X = [[{f"kind={n % 7}": 1.0, "t": offset + 3600 * h}] for n, h in enumerate(hours)]
        crf = LinearChainCRF(c2=0.0, progress=False).fit(X, y)
        assert crf.converged_
        found.append(crf.loss_)
    assert found[1] == pytest.approx(found[0], rel=1e-4)
