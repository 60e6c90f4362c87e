"""A hidden Markov model as a Gibbs distribution, as a directed graph, and as a CRF."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labellings import list_all
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning
from test_hmm_words import trained

from gibbsfactor import LinearChainCRF
from gibbsfactor.cli import main
from gibbsfactor.drawing import draw
from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.features import Columns
from gibbsfactor.models.hidden_markov_model import (
    CategoricalEmissions,
    Emissions,
    GaussianEmissions,
    HiddenMarkovModel,
    LogLinear,
)

STATES = ["hot", "cold", "mild"]
SYMBOLS = ["walk", "shop", "clean", "rest"]
COVARIANCES = ["spherical", "diag", "full", "tied"]


def log(p):
    with np.errstate(divide="ignore"):
        return np.log(p)


def random_rows(rng, *shape, zeros):
    """Distributions, in which a share of the cells is 0."""
    rows = rng.gamma(0.7, size=shape) * (rng.random(shape) >= zeros)
    rows[..., 0] += np.where(rows.sum(axis=-1) > 0, 0, 1.0)
    return rows / rows.sum(axis=-1, keepdims=True)


def random_chain(rng, zeros=0.0, k=3):
    """Probabilities of the first state, and of steps."""
    return random_rows(rng, k, zeros=zeros), random_rows(rng, k, k, zeros=zeros)


def model_of(chain, emissions, states=STATES):
    model = HiddenMarkovModel()
    model.startprob_, model.transmat_ = chain
    model.emissions_, model.classes_ = emissions, list(states)
    return model


def symbols_of(table):
    emissions = CategoricalEmissions()
    emissions.symbols_, emissions.emissionprob_ = SYMBOLS, table
    return emissions


def gaussians_of(rng, kind, d, far=0.0):
    """Random Gaussians, their middle so far from 0, in units of very different size."""
    units = 10.0 ** np.arange(d)
    emissions = GaussianEmissions(kind)
    emissions.means_ = (far + rng.normal(size=(3, d))) * units
    matrices = rng.normal(size=(3, d, d + 2))
    matrices = matrices @ matrices.transpose(0, 2, 1)
    if kind == "spherical":
        emissions.means_ /= units
        emissions.covars_ = matrices[:, 0, 0]
    elif kind == "diag":
        emissions.covars_ = np.einsum("kii->ki", matrices) * units**2
    else:
        whole = matrices * np.outer(units, units)
        emissions.covars_ = whole[0] if kind == "tied" else whole
    return emissions


def listed(chain, rows):
    """Every labelling of one sequence with its score, from the log-likelihoods (T, K) there."""
    nodes = np.array(rows, dtype=float).reshape(-1, len(chain[0]))
    nodes[0] += log(chain[0])
    return list_all(nodes, log(chain[1])[None])


def check_same(crf, x, truth, tolerance=1e-10):
    """The CRF's answers on a sequence are those found by listing every labelling."""
    assert crf.log_partition([x]) == pytest.approx([truth.log_z], rel=0, abs=tolerance)
    if truth.log_z == -math.inf:
        for ask in (crf.predict, crf.predict_proba, crf.confidence):
            with pytest.raises(ZeroProbabilityError, match="no labelling of sequence 0"):
                ask([x])
        return
    (marginals,) = crf.predict_proba([x])
    np.testing.assert_allclose(marginals, truth.nodes, rtol=0, atol=tolerance)
    (best,) = crf.predict([x])
    codes = [crf.classes_.index(label) for label in best]
    assert truth.score_of(codes) == pytest.approx(truth.best, rel=0, abs=tolerance)
    every = [[crf.classes_[k] for k in y] for y in truth.labellings.tolist()]
    found = crf.log_probability([x] * len(every), every)
    np.testing.assert_allclose(found, truth.scores - truth.log_z, rtol=0, atol=tolerance)


# ---- symbols --------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 0.6]))
def test_a_crf_of_symbols_has_the_same_posterior(seed, zeros):
    rng = np.random.default_rng(seed)
    chain, table = random_chain(rng, zeros), random_rows(rng, 3, 4, zeros=zeros)
    crf = model_of(chain, symbols_of(table)).to_crf()
    x = [[*SYMBOLS, "swim", None][i] for i in rng.integers(6, size=rng.integers(1, 5))]
    rows = [log(table[:, SYMBOLS.index(s)]) if s in SYMBOLS else np.zeros(3) for s in x]
    check_same(crf, x, listed(chain, rows))


def test_what_is_forbidden_is_never_nan():
    chain = np.array([1.0, 0.0, 0.0]), np.eye(3)
    crf = model_of(chain, symbols_of(np.eye(3, 4))).to_crf()
    assert crf.log_partition([["walk", "walk"], ["walk", "shop"], ["shop"], []]).tolist() == [
        0.0,
        -math.inf,
        -math.inf,
        0.0,
    ]
    assert crf.log_probability([["walk"]], [["hot"]]).tolist() == [0.0]
    assert crf.log_probability([["walk"]], [["cold"]]).tolist() == [-math.inf]
    assert crf.predict_proba([["walk", "swim"]])[0].tolist() == [[1, 0, 0], [1, 0, 0]]
    with pytest.raises(ZeroProbabilityError, match="no labelling of sequence 1 agrees"):
        crf.predict([["walk"], ["walk", "clean"]])


def test_symbols_come_in_every_form():
    rng = np.random.default_rng(5)
    emissions = CategoricalEmissions()
    emissions.emissionprob_ = random_rows(rng, 3, 5, zeros=0)
    crf = model_of(random_chain(rng), emissions, range(3)).to_crf()
    flat, lengths = [3, 1, 4, 1, 0, 2], [2, 4]
    cut = [flat[:2], flat[2:]]
    expected = crf.predict(cut)
    arrays = [np.array(x) for x in cut]
    for X in (arrays, [a[:, None] for a in arrays], tuple(cut), iter(cut)):
        assert crf.predict(X) == expected
    for X in (flat, np.array(flat), np.array(flat)[:, None]):
        assert crf.predict(X, lengths=lengths) == expected
    assert crf.predict(np.array(flat)) == crf.predict([flat])
    assert crf.predict_single(flat) == crf.predict([flat])[0]
    assert crf.predict([[], [3], []]) == [[], crf.predict([[3]])[0], []]


def test_an_unseen_symbol_can_be_an_error():
    emissions = symbols_of(np.full((3, 4), 0.25))
    emissions.unseen = "error"
    crf = model_of(random_chain(np.random.default_rng(0)), emissions).to_crf()
    assert len(crf.predict([["walk", None]])[0]) == 2
    with pytest.raises(ValueError, match=r"position 1 has the symbol 'swim'.* 4 there are: 'walk'"):
        crf.predict([["walk", "swim"]])


def test_what_is_no_sequence_of_symbols():
    crf = model_of(random_chain(np.random.default_rng(0)), symbols_of(np.full((3, 4), 0.25)))
    crf = crf.to_crf()
    columns = Columns.from_sentences([[("walk", "a"), ("shop", "b")]])
    assert crf.predict(columns.drop()) == crf.predict([["walk", "shop"]])
    for X, error, message in (
        (columns, ValueError, "X is Columns with 2 columns; an observation is one symbol"),
        ("walk", TypeError, "X is a str; give a list of sequences, each a list"),
        ([["walk", ["shop"]]], TypeError, r"position 1 has \['shop'\], a list, which is no sym"),
        ([["walk"], "shop"], TypeError, "sequence 1 of X is 'shop', a str; expected a list"),
        ([np.eye(2)], ValueError, r"have shape \(2, 2\), but one is a single symbol here"),
    ):
        with pytest.raises(error, match=message):
            crf.predict(X)
    with pytest.raises(ValueError, match="1 lengths add up to 3 tokens, but the observations have"):
        crf.predict(["walk", "shop"], lengths=[3])


# ---- numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", COVARIANCES)
@pytest.mark.parametrize(("seed", "d", "far"), [(0, 1, 0.0), (1, 2, 3.0), (2, 3, 1000.0)])
def test_a_crf_of_numbers_has_the_same_posterior(kind, seed, d, far):
    rng = np.random.default_rng(seed)
    chain, emissions = random_chain(rng, zeros=0.2), gaussians_of(rng, kind, d, far)
    emissions.check(3)
    crf = model_of(chain, emissions).to_crf()
    for length in (1, 2, 4):
        x = emissions.sample(rng.integers(3, size=length), rng)
        rows = np.stack(
            [
                multivariate_normal(m, s).logpdf(x).reshape(length)
                for m, s in zip(emissions.means_, emissions.covars_, strict=True)
            ],
            axis=1,
        )
        check_same(crf, x, listed(chain, rows))
        if length > 1:
            x[1] = np.nan  # nothing observed
            rows[1] = 0.0
            check_same(crf, x, listed(chain, rows))


def test_numbers_come_in_every_form():
    rng = np.random.default_rng(3)
    crf = model_of(random_chain(rng), gaussians_of(rng, "full", 2)).to_crf()
    X = rng.normal(size=(6, 2))
    cut = [X[:2], X[2:]]
    expected = crf.predict(cut)
    assert crf.predict(X, lengths=[2, 4]) == expected
    assert crf.predict([x.tolist() for x in cut]) == expected
    assert crf.predict(X) == crf.predict([X])
    assert crf.predict_single(X) == crf.predict([X])[0]
    assert crf.predict(np.stack([X[:3], X[3:]])) == crf.predict([X[:3], X[3:]])
    one = model_of(random_chain(rng), gaussians_of(rng, "diag", 1)).to_crf()
    assert one.predict([X[:, 0]]) == one.predict([X[:, :1]])
    with pytest.raises(ValueError, match=r"sequence 1 of X has observations of shape \(1,\)"):
        crf.predict([X[:2], X[2:, :1]])
    with pytest.raises(ValueError, match=r"position 1 has \[nan, 1.0\]; numbers must be finite"):
        crf.predict([[[0.0, 0.0], [math.nan, 1.0]]])


def test_what_has_no_twin():
    X = np.random.default_rng(0).normal(size=(30, 1))
    mixture = HiddenMarkovModel(1, "mixture", tol=1, n_mix=2).fit(X)
    with pytest.raises(ValueError, match="of MixtureEmissions are not linear in statistics"):
        mixture.to_crf()

    class OwnEmissions(Emissions):
        def check(self, n_states):
            pass

        def log_linear(self):
            return LogLinear(np.zeros((1, 3)), np.zeros(3), ["x"])

    OwnEmissions.__abstractmethods__ = frozenset()
    own = model_of(random_chain(np.random.default_rng(0)), OwnEmissions())
    with pytest.raises(TypeError, match="reads symbols, words or numbers, but not what OwnEmiss"):
        own.to_crf()


# ---- words ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_crf_of_words_has_the_same_posterior(seed):
    rng = np.random.default_rng(seed)
    text = ["".join(rng.choice(list("abAB1"), size=rng.integers(1, 4))) for _ in range(60)]
    emissions = trained(text, rng.integers(3, size=60), 3, rare=2)
    chain = random_chain(rng, zeros=0.2)
    crf = model_of(chain, emissions).to_crf()
    asked = [*rng.choice(text, 8).tolist(), "aaaa", "Bbbb", "1", None]
    for _ in range(5):
        x = [asked[i] for i in rng.integers(len(asked), size=4)]
        found = emissions.read(x)
        check_same(crf, x, listed(chain, emissions.log_likelihoods(found)[found.codes]))


@pytest.mark.parametrize("kind", ["symbols", "words", "numbers"])
def test_the_gibbs_distribution_of_a_twin_takes_a_sequence_or_a_list_of_one(kind):
    crf, x = twins()[kind]
    expected = crf.log_partition([x])[0]
    for given_ in (x, [x], [list(x)]):
        assert crf.gibbs(given_).log_partition() == pytest.approx(expected, rel=1e-12)
        assert str(crf.explain(given_, 1)) == str(crf.explain(x, 1))
    assert crf.gibbs([[]]).log_partition() == 0.0
    if kind != "numbers":
        columns = Columns.from_sentences([[(symbol,) for symbol in x]])
        assert crf.gibbs(columns).log_partition() == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="gibbs takes one sequence; got 2 of them"):
        crf.gibbs([x, x])


# ---- files and further training -------------------------------------------------------


def twins():
    rng = np.random.default_rng(8)
    chain = random_chain(rng, zeros=0.3)
    text = ["".join(rng.choice(list("abA1"), size=3)) for _ in range(40)]
    words = trained(text, rng.integers(3, size=40), 3)
    numbers = gaussians_of(rng, "full", 2)
    return {
        "symbols": (
            model_of(chain, symbols_of(random_rows(rng, 3, 4, zeros=0.3))).to_crf(),
            SYMBOLS,
        ),
        "words": (model_of(chain, words).to_crf(), [*text[:5], "new"]),
        "numbers": (model_of(chain, numbers).to_crf(), numbers.sample(np.arange(3), rng)),
    }


@pytest.mark.parametrize("kind", ["symbols", "words", "numbers"])
def test_twins_survive_a_file(kind, tmp_path):
    crf, x = twins()[kind]
    crf.save(tmp_path / "twin.crf")
    again = LinearChainCRF.load(tmp_path / "twin.crf")
    np.testing.assert_array_equal(again.log_partition([x]), crf.log_partition([x]))
    np.testing.assert_array_equal(again.predict_proba([x[:2]])[0], crf.predict_proba([x[:2]])[0])
    assert again.attributes_ == crf.attributes_ or kind == "words"
    assert again.warm_start
    assert again.n_iter_ is None


def test_a_saved_twin_stays_strict(tmp_path):
    emissions = symbols_of(np.full((3, 4), 0.25))
    emissions.unseen = "error"
    crf = model_of(random_chain(np.random.default_rng(0)), emissions).to_crf()
    crf.save(tmp_path / "twin.crf")
    with pytest.raises(ValueError, match="position 0 has the symbol 'swim', which is none of the"):
        LinearChainCRF.load(tmp_path / "twin.crf").predict([["swim"]])


@pytest.mark.parametrize(
    ("kind", "told"),
    [("symbols", "symbols"), ("words", "words"), ("numbers", "vectors of numbers")],
)
def test_the_command_line_tells_what_a_twin_reads(kind, told, tmp_path, capsys):
    path = str(tmp_path / "twin.crf")
    twins()[kind][0].save(path)
    assert main(["crf", "inspect", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reads"] == told


def drawn_from(chain, emissions, n, rng):
    """Sequences drawn from the model, and their states."""
    X, y = [], []
    start, steps = chain
    for _ in range(n):
        z = [rng.choice(3, p=start)]
        for _ in range(rng.integers(5)):
            z.append(rng.choice(3, p=steps[z[-1]]))
        X.append(emissions.sample(np.array(z), rng))
        y.append([STATES[k] for k in z])
    return X, y


@pytest.mark.parametrize("kind", ["symbols", "numbers"])
def test_training_goes_on_from_the_hidden_markov_model(kind):
    rng = np.random.default_rng(4)
    chain = random_chain(rng, zeros=0.3)
    if kind == "symbols":
        emissions = symbols_of(random_rows(rng, 3, 4, zeros=0.3))
    else:
        emissions = gaussians_of(rng, "full", 2)
    X, y = drawn_from(chain, emissions, 200, rng)
    crf = model_of(chain, emissions).to_crf(max_iterations=2, tol=0, progress=False)
    before = crf.log_probability(X, y)
    assert np.isfinite(before).all()
    with pytest.warns(ConvergenceWarning, match="reached max_iterations=2"):
        crf.fit(X, y)
    after_two = crf.log_probability(X, y).sum()
    assert after_two > before.sum()
    assert -crf.loss_ == pytest.approx(after_two, rel=1e-9)
    crf.set_params(max_iterations=1000, tol=1e-6).fit(X, y)
    assert crf.converged_
    assert crf.log_probability(X, y).sum() > after_two
    assert np.isfinite(crf.weights_).all()
    afresh = model_of(chain, emissions).to_crf(max_iterations=2, tol=0, progress=False)
    afresh.weights_ = np.zeros_like(afresh.weights_)
    with pytest.warns(ConvergenceWarning, match="reached max_iterations=2"):
        afresh.fit(X, y)
    assert afresh.log_probability(X, y).sum() < before.sum()  # where it began did matter


def test_steps_that_never_happen_stay_forbidden_in_training():
    chain = np.array([0.5, 0.5, 0.0]), np.array([[0, 1, 0], [0, 0.5, 0.5], [1, 0, 0]])
    emissions = symbols_of(np.full((3, 4), 0.25))
    X, y = drawn_from(chain, emissions, 50, np.random.default_rng(1))
    crf = model_of(chain, emissions).to_crf(progress=False).fit(X, y)
    assert crf.log_probability([["walk"]], [["mild"]]).tolist() == [-math.inf]
    assert crf.log_probability([["walk"] * 2], [["hot", "hot"]]).tolist() == [-math.inf]
    with pytest.raises(ValueError, match="'hot' may not follow 'hot' by the constraints"):
        crf.fit([["walk", "walk"]], [["hot", "hot"]])


# ---- the general engine, and the graph ------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 0.6]))
def test_the_general_engine_gives_the_same_answers(seed, zeros):
    rng = np.random.default_rng(seed)
    chain, table = random_chain(rng, zeros), random_rows(rng, 3, 4, zeros=zeros)
    model = model_of(chain, symbols_of(table))
    model.emissions_.unseen = "missing"
    x = [[*SYMBOLS, "swim"][i] for i in rng.integers(5, size=rng.integers(1, 6))]
    rows = [log(table[:, SYMBOLS.index(s)]) if s in SYMBOLS else np.zeros(3) for s in x]
    truth, p = listed(chain, rows), model.gibbs(x)
    assert p.names == tuple(f"y{t}" for t in range(len(x)))
    assert len(p.factors) == 2 * len(x)
    assert p.log_partition() == pytest.approx(truth.log_z, rel=0, abs=1e-10)
    assert model.score([x]) == pytest.approx(truth.log_z, rel=0, abs=1e-10)
    if truth.log_z == -math.inf:
        with pytest.raises(ZeroProbabilityError):
            p.marginals()
        return
    marginals = np.array([m.values for m in p.marginals().values()])
    np.testing.assert_allclose(marginals, truth.nodes, rtol=0, atol=1e-10)
    np.testing.assert_allclose(model.predict_proba([x])[0], marginals, rtol=0, atol=1e-10)
    best, states = model.viterbi([x])
    assert p.log_unnormalized(p.map_assignment()) == pytest.approx(best[0], rel=0, abs=1e-10)
    named = dict(zip(p.names, states[0], strict=True))
    assert p.log_unnormalized(named) == pytest.approx(truth.best, rel=0, abs=1e-10)


def test_the_gibbs_distribution_of_numbers_and_of_nothing():
    rng = np.random.default_rng(2)
    model = model_of(random_chain(rng), gaussians_of(rng, "full", 2))
    x = rng.normal(size=(5, 2))
    for given_ in (x, [x], [x.tolist()]):
        assert model.gibbs(given_).log_partition() == pytest.approx(model.score(x), rel=1e-12)
    assert model.gibbs([[]]).log_partition() == 0.0
    with pytest.raises(ValueError, match="gibbs takes one sequence; got 2 of them"):
        model.gibbs([x, x])


def test_the_graph_is_the_bayesian_network_unrolled(tmp_path):
    model = model_of(random_chain(np.random.default_rng(0)), symbols_of(np.full((3, 4), 0.25)))
    graph = model.graph(5)
    assert list(graph) == [name for t in range(5) for name in (f"y{t}", f"x{t}")]
    steps = {(f"y{t}", f"y{t + 1}") for t in range(4)}
    assert set(graph.edges) == steps | {(f"y{t}", f"x{t}") for t in range(5)}
    state, seen = graph.nodes["y3"], graph.nodes["x3"]
    assert state == {
        "kind": "variable",
        "states": json.dumps(list(STATES)),
        "cardinality": 3,
        "observed": False,
    }
    assert json.loads(seen["states"]) == list(SYMBOLS)
    assert seen["observed"]
    ax = draw(graph, path=tmp_path / "graph.png")
    assert sorted(text.get_text() for text in ax.texts) == sorted(graph)
    assert (tmp_path / "graph.png").stat().st_size > 0
    numbers = model_of(
        random_chain(np.random.default_rng(0)), gaussians_of(np.random.default_rng(0), "diag", 2)
    )
    assert numbers.graph(1).nodes["x0"] == {"kind": "variable", "observed": True}
    with pytest.raises(ValueError, match="n_positions is 0; it must be a whole number from 1"):
        model.graph(0)
