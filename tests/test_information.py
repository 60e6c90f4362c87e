"""Measures of information: against sums written out, scipy, and the laws they obey."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from strategies import build, models

from gibbsfactor import information
from gibbsfactor.errors import IntractableError, ZeroProbabilityError
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.information import (
    conditional_entropy,
    cross_entropy,
    entropy,
    jensen_shannon,
    kl_divergence,
    mutual_information,
    perplexity,
    surprisal,
)
from gibbsfactor.variable import Variable

EXACT = {"rel": 1e-10, "abs": 1e-12}
SAMPLE = [0.5, 0.25, 0.125, 0.125]


@st.composite
def tables(draw, shape=None, zeros=True):
    """Probabilities, some of them zero and some tiny: a product of two is still a float."""
    if shape is None:
        shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    number = st.sampled_from([1.0, 2.0, 0.1, 1e-12, 1e-140]) | st.floats(0.01, 1)
    if zeros:
        number = number | st.just(0.0)
    weights = draw(st.lists(number, min_size=math.prod(shape), max_size=math.prod(shape)))
    if not sum(weights) > 0:
        weights[draw(st.integers(0, len(weights) - 1))] = 1.0
    table = np.array(weights).reshape(shape)
    return table / table.sum()


def pairs():
    return st.lists(st.integers(1, 4), min_size=1, max_size=3).flatmap(
        lambda shape: st.tuples(tables(tuple(shape)), tables(tuple(shape)))
    )


def scope_of(table):
    return [Variable(f"v{i}", n) for i, n in enumerate(np.shape(table))]


def factor_of(table):
    return Factor(scope_of(table), table)


def forms_of(table):
    """The same distribution as an array, a factor, a factor in logs, a Gibbs distribution."""
    factor = factor_of(table)
    in_logs = Factor.from_log(factor.scope, factor.log_values)
    parts = [Factor.from_log(factor.scope, factor.log_values + 700), Factor((), 0.5)]
    return [table, factor, in_logs, GibbsDistribution(parts, factor.scope)]


def by_sum(p, q=None):
    """-sum p log q, term by term, with 0 log 0 = 0."""
    total = 0.0
    q = p if q is None else q
    for a, b in zip(np.ravel(p).tolist(), np.ravel(q).tolist(), strict=True):
        if a > 0:
            total += math.inf if b == 0 else -a * math.log(b)
    return total


# ---- by definition ----------------------------------------------------------------------------


@given(tables())
def test_entropy_is_the_sum_and_scipys(p):
    for form in forms_of(p):
        assert entropy(form) == pytest.approx(by_sum(p), **EXACT)
        assert perplexity(form) == pytest.approx(math.exp(by_sum(p)), rel=1e-9)
    assert entropy(p) == pytest.approx(float(stats.entropy(p.ravel())), **EXACT)


@given(pairs())
def test_cross_entropy_and_divergence_are_the_sums_and_scipys(pq):
    p, q = pq
    expected = by_sum(p, q)
    theirs = float(stats.entropy(p.ravel(), q.ravel()))
    for one, two in zip(forms_of(p), forms_of(q), strict=True):
        assert cross_entropy(one, two) == pytest.approx(expected, **EXACT)
        assert kl_divergence(one, two) == pytest.approx(theirs, rel=1e-9, abs=1e-12)
        assert perplexity(one, two) == pytest.approx(np.exp(expected), rel=1e-9)
    factor, _, in_logs, gibbs = *forms_of(p)[1:], forms_of(q)[3]
    assert cross_entropy(factor, gibbs) == pytest.approx(expected, **EXACT)
    assert kl_divergence(in_logs, factor_of(q)) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@given(pairs())
def test_jensen_shannon_is_the_square_of_scipys_distance(pq):
    p, q = pq
    theirs = float(jensenshannon(p.ravel(), q.ravel())) ** 2
    for one, two in zip(forms_of(p), forms_of(q), strict=True):
        # A difference of 1e-200 in probability is beyond what either can see.
        assert jensen_shannon(one, two) == pytest.approx(np.nan_to_num(theirs), abs=1e-12)


@given(tables((2, 3, 2)))
def test_shared_information_is_the_sum(p):
    p_c = p.sum(axis=(0, 1))
    expected = left = 0.0
    for (i, j, k), number in np.ndenumerate(p):
        if number > 0:
            a_c, b_c = p[i, :, k].sum(), p[:, j, k].sum()
            expected += number * (
                math.log(number) + math.log(p_c[k]) - math.log(a_c) - math.log(b_c)
            )
            left -= number * (math.log(number) - math.log(b_c))
    for form in forms_of(p):
        named = form is not p
        i, j, k = ("v0", "v1", "v2") if named else (0, 1, 2)
        found = mutual_information(form, i, j, k)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert conditional_entropy(form, i, (j, k)) == pytest.approx(left, rel=1e-9, abs=1e-12)


@settings(max_examples=40)
@given(models(with_mass=True, most_variables=4))
def test_gibbs_distributions_against_enumeration(model):
    p = build(model)
    assert entropy(p) == pytest.approx(model.entropy(), abs=1e-9)
    names = model.names[::2]
    assert entropy(p, names) == pytest.approx(by_sum(model.marginal(names)), abs=1e-9)
    for x in model.assignments()[:5]:
        some = {n: x[n] for n in names}
        expected = model.log_z - model.given(some).log_z
        assert surprisal(p, some) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_surprisal():
    assert surprisal([0.5, 0.25, 0.0, 1.0], unit="bits").tolist() == [1, 2, math.inf, 0]
    assert math.copysign(1, surprisal(1.0)) == 1  # no negative zero
    assert surprisal(1 + 1e-12) == 0  # a sum of probabilities, rounded
    p = factor_of(np.array([[0.5, 0.25], [0.25, 0.0]]))
    assert surprisal(p, {"v0": 0, "v1": 1}, unit="bits") == pytest.approx(2)
    assert surprisal(p, {"v0": 1}, unit="bits") == pytest.approx(2)
    assert surprisal(p, {"v0": 1, "v1": 1}) == math.inf


def test_surprisal_is_expected_to_be_the_entropy():
    assert np.dot(SAMPLE, surprisal(SAMPLE)) == pytest.approx(entropy(SAMPLE))
    assert perplexity(SAMPLE) == pytest.approx(2**1.75)


# ---- laws -------------------------------------------------------------------------------------


@given(tables((3, 2, 2)))
def test_chain_rules(p):
    h = entropy(p)
    for form in forms_of(p):
        a, b, c = ("v0", "v1", "v2") if form is not p else (0, 1, 2)
        chained = (
            entropy(form, a)
            + conditional_entropy(form, b, a)
            + conditional_entropy(form, c, given=[a, b])
        )
        assert chained == pytest.approx(h, abs=1e-10)
        both = mutual_information(form, a, [b, c])
        parts = mutual_information(form, a, b) + mutual_information(form, a, c, given=b)
        assert parts == pytest.approx(both, abs=1e-10)
        assert entropy(form, a) - conditional_entropy(form, a, [b, c]) == pytest.approx(
            both, abs=1e-10
        )


@given(pairs())
def test_gibbs_inequality(pq):
    p, q = pq
    assert kl_divergence(p, q) >= 0
    assert kl_divergence(p, p) == 0
    assert cross_entropy(p, q) >= entropy(p) - 1e-12
    if math.isfinite(kl_divergence(p, q)):
        assert cross_entropy(p, q) - entropy(p) == pytest.approx(kl_divergence(p, q), abs=1e-9)
        apart = np.abs(p - q).sum()
        assert kl_divergence(p, q) >= apart**2 / 2 - 1e-12  # Pinsker


@given(pairs())
def test_symmetry_and_bounds(pq):
    p, q = pq
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p), abs=1e-14)
    assert 0 <= jensen_shannon(p, q) <= math.log(2)
    assert 0 <= entropy(p) <= math.log(p.size) + 1e-12
    if p.ndim > 1:
        assert mutual_information(p, 0, 1) == pytest.approx(mutual_information(p, 1, 0), abs=1e-14)
        assert mutual_information(p, 0, 1) <= min(entropy(p, 0), entropy(p, 1)) + 1e-12


@given(tables((3, 3)), st.data())
def test_data_processing(joint, data):
    """X -> Y -> Z: what Z says of X it has from Y; channels bring distributions together."""
    channel = np.stack([data.draw(tables((3,))) for _ in range(3)])
    p = joint[:, :, None] * channel
    assert mutual_information(p, 0, 2) <= mutual_information(p, 0, 1) + 1e-12
    assert mutual_information(p, 0, 2, given=1) == pytest.approx(0, abs=1e-12)
    one, two = data.draw(tables((3,))), data.draw(tables((3,)))
    assert kl_divergence(one @ channel, two @ channel) <= kl_divergence(one, two) + 1e-12
    assert jensen_shannon(one @ channel, two @ channel) <= jensen_shannon(one, two) + 1e-12


@given(tables((2, 3), zeros=False), tables((2, 3), zeros=False))
def test_units(p, q):
    for measure, arguments in [
        (entropy, (p,)),
        (cross_entropy, (p, q)),
        (kl_divergence, (p, q)),
        (jensen_shannon, (p, q)),
        (conditional_entropy, (p, 0, 1)),
        (mutual_information, (p, 0, 1)),
        (surprisal, (p,)),
        (surprisal, (factor_of(p), {"v0": 1})),
        (entropy, (GibbsDistribution([factor_of(p)]),)),
        (kl_divergence, (GibbsDistribution([factor_of(p)]), factor_of(q))),
    ]:
        nats, bits = measure(*arguments), measure(*arguments, unit="bits")
        assert np.allclose(nats, np.multiply(bits, math.log(2)), rtol=1e-14, atol=0)
        assert np.array_equal(nats, measure(*arguments, unit="nats"))


def test_batches_are_answered_one_by_one():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(6), size=(2, 5))
    p[0] = np.eye(6)[2]
    for measure in (cross_entropy, kl_divergence, jensen_shannon, perplexity):
        many = measure(p, q, axis=1)
        assert many.shape == (5,)
        assert np.allclose(many, [measure(a, b) for a, b in zip(p, q, strict=True)], rtol=1e-14)
        assert np.allclose(measure(p.T, q.T, axis=0), many, rtol=1e-14)
        assert np.allclose(measure(p, q[:1], axis=-1), measure(p, q[[0] * 5], axis=1), rtol=1e-14)
    cubes = p.reshape(5, 2, 3)
    assert np.allclose(entropy(cubes, axis=(1, 2)), [entropy(a) for a in p], rtol=1e-14)
    assert np.allclose(perplexity(p, axis=1), np.exp(entropy(p, axis=1)))
    assert entropy(p, axis=1)[0] == 0


def test_a_log_loss_is_a_cross_entropy():
    predicted = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    truth = np.eye(3)[[0, 1]]
    losses = cross_entropy(truth, predicted, axis=1)
    assert np.allclose(losses, surprisal([0.7, 0.8]))


# ---- what is beyond floats, and beyond tables ---------------------------------------------------


def test_logs_are_kept_where_probabilities_vanish():
    x = Variable("x", 3)
    p = Factor.from_log(x, [math.log(0.5), math.log(0.5), -1e6]).normalize()
    q = Factor.from_log(x, [0.0, -2000.0, -math.inf]).normalize()
    assert kl_divergence(p, q.normalize()) == math.inf  # mass too small for a float is mass
    q = Factor.from_log(x, [0.0, -2000.0, -3.0]).normalize()
    expected = 1000 - math.log(2) + float(np.logaddexp(0, -3.0))
    assert kl_divergence(p, q) == pytest.approx(expected, rel=1e-14)
    assert entropy(p) == pytest.approx(math.log(2), rel=1e-14)
    assert kl_divergence(np.array([0.0, 1.0]), np.array([1 - 1e-320, 1e-320])) == pytest.approx(
        -math.log(1e-320)
    )


def test_long_chains():
    chain = [Variable(f"s{i}", 2) for i in range(3000)]
    p = GibbsDistribution(Factor(pair, [[3, 1], [1, 3]]) for pair in pairwise(chain))
    q = GibbsDistribution([], chain)
    rate = -0.75 * math.log2(0.75) - 0.25 * math.log2(0.25)
    assert entropy(p, unit="bits") == pytest.approx(1 + 2999 * rate)
    assert cross_entropy(p, q, unit="bits") == pytest.approx(3000)
    assert kl_divergence(p, q, unit="bits") == pytest.approx(2999 * (1 - rate))
    rest = [v.name for v in chain[1:]]
    assert conditional_entropy(p, rest, "s0", unit="bits") == pytest.approx(2999 * rate)
    assert entropy(p, ["s0", "s2"], unit="bits") == pytest.approx(
        1 + entropy([0.625, 0.375], unit="bits")
    )
    assert mutual_information(p, "s0", "s1", unit="bits") == pytest.approx(1 - rate)
    with pytest.raises(ValueError, match="more axes than the 64"):
        jensen_shannon(p, q)
    with pytest.raises(IntractableError):
        entropy(GibbsDistribution(p.factors, memory=10**6), rest[:40])


def test_evidence_counts():
    a, b = Variable("A", 2), Variable("B", 2)
    p = GibbsDistribution([Factor([a, b], [[1, 1], [2, 6]])])
    assert entropy(p.condition({"A": 1})) == pytest.approx(entropy([0.25, 0.75]))
    weighted = sum(p.probability_of({"A": i}) * entropy(p.condition({"A": i})) for i in (0, 1))
    assert conditional_entropy(p, b, a) == pytest.approx(weighted)


def test_what_almost_sums_to_one_is_divided_by_its_sum():
    single = np.array([0.1, 0.2, 0.7], dtype=np.float32)
    assert entropy(single) == pytest.approx(entropy([0.1, 0.2, 0.7]), abs=1e-7)
    assert kl_divergence(single, single.astype(float) * (1 + 5e-7)) == pytest.approx(0, abs=1e-15)


# ---- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "call"),
    [
        (r"p sums to 1\.2, not 1; divide by the sum$", lambda: entropy([0.5, 0.7])),
        (r"p sums to 2, not 1; .* with axis=", lambda: entropy([[0.5, 0.5], [1, 0]])),
        (
            r"q sums to 0\.9, not 1, along axis 1 at \[1\]",
            lambda: kl_divergence([[1.0, 0], [1, 0]], [[0.5, 0.5], [0.5, 0.4]], axis=1),
        ),
        (r"p sums to 0, not 1", lambda: entropy([0.0, 0.0])),
        (r"p has -0\.5 at \[1\]", lambda: entropy([1.5, -0.5])),
        (r"p has nan at \[0, 1\]", lambda: entropy([[0.5, math.nan]])),
        (r"p has inf at \[0\]", lambda: surprisal([math.inf])),
        (r"p has 1\.5 at \[0\]; probabilities are at most 1", lambda: surprisal([1.5])),
        (r"the unit is 'bit'; there are 'nats', 'bits'", lambda: entropy([1.0], unit="bit")),
        (r"there is no axis 2; the array has 1 axes", lambda: entropy([1.0], axis=2)),
        (r"names an axis twice", lambda: entropy([[1.0]], axis=(0, -2))),
        (r"give axis= for many", lambda: entropy([[1.0]], 0, axis=0)),
        (r"p, a factor over \('v0',\), sums to 3", lambda: entropy(factor_of([1.0, 2.0]))),
        (r"axis=0 is for arrays; p is a factor", lambda: entropy(factor_of([1.0]), axis=0)),
        (
            r"axis=0 is for arrays; a GibbsDistribution has names",
            lambda: entropy(GibbsDistribution([factor_of([1.0])]), axis=0),
        ),
        (r"p has shape \(2,\), q \(3,\)", lambda: cross_entropy([0.5, 0.5], [0.5, 0.25, 0.25])),
        (
            r"p is over \('v0',\), q over \('v0', 'v1'\)",
            lambda: kl_divergence(factor_of([0.5, 0.5]), factor_of([[0.5], [0.5]])),
        ),
        (
            r"no variable 'w'; there are 'v0'",
            lambda: entropy(factor_of([0.5, 0.5]), "w"),
        ),
        (r"no variable 2; there are axes 0 to 1", lambda: mutual_information([[1.0]], 0, 2)),
        (r"no variable 0; there are 'v0'", lambda: entropy(factor_of([1.0]), 0)),
        (r"axis 0 is there twice", lambda: mutual_information([[1.0]], 0, -2)),
        (r"'v0' is there twice", lambda: conditional_entropy(factor_of([[1.0]]), "v0", "v0")),
    ],
)
def test_bad_values(match, call):
    with pytest.raises(ValueError, match=match):
        call()


@pytest.mark.parametrize(
    ("match", "call"),
    [
        (r"p is \['a'\]; expected an array", lambda: entropy(["a"])),
        (r"expected an array", lambda: entropy([1j])),
        (r"p is a Factor and q a list", lambda: kl_divergence(factor_of([1.0]), [1.0])),
        (
            r"p is a list and q a GibbsDistribution",
            lambda: kl_divergence([1.0], GibbsDistribution([factor_of([1.0])])),
        ),
        (r"say of which event", lambda: surprisal(factor_of([1.0]))),
        (r"an array has no names", lambda: surprisal([1.0], {"v0": 0})),
    ],
)
def test_bad_kinds(match, call):
    with pytest.raises(TypeError, match=match):
        call()


def test_no_mass():
    with pytest.raises(ZeroProbabilityError):
        entropy(GibbsDistribution([Factor(Variable("x", 2), [0, 0])]))


def test_every_public_name_is_there():
    assert sorted(information.__all__) == [
        "conditional_entropy",
        "cross_entropy",
        "entropy",
        "jensen_shannon",
        "kl_divergence",
        "mutual_information",
        "perplexity",
        "surprisal",
    ]


# ---- distributions with labels -------------------------------------------------------------

U, V = [0.75, 0.25], [0.25, 0.75]
KL = 0.5493061443340549  # of U from V, by hand: log(3) / 2
COUNTS = [
    pd.Series(list(column), index=[5, 4, 9, 2]).value_counts(normalize=True)
    for column in ("uuvu", "vvuv")
]
W = Variable("w", ["v", "u"])
LABELLED = {
    "value counts": COUNTS,
    "mappings": [counts.to_dict() for counts in COUNTS],
    "a mapping and a series": [COUNTS[0].to_dict(), COUNTS[1]],
    "a factor and a series": [COUNTS[0], Factor(W, [0.75, 0.25])],
    "a mapping and a Gibbs distribution": [
        {"u": 0.75, "v": 0.25},
        GibbsDistribution([Factor(W, [3, 1])]),
    ],
    "two levels": [
        pd.Series({(0, "u"): 0.75, (1, "v"): 0.25}),
        pd.Series({(1, "v"): 0.75, (0, "u"): 0.25}),
    ],
    "frames": [
        pd.DataFrame([U], columns=["u", "v"]),
        pd.DataFrame([U], columns=["v", "u"]),
    ],
    "dates": [
        {pd.Timestamp("2024-05-01"): 0.75, None: 0.25},
        pd.Series([0.75, 0.25], [float("nan"), np.datetime64("2024-05-01")], dtype=float),
    ],
}


@pytest.mark.parametrize("kind", LABELLED)
def test_labels_are_matched(kind):
    p, q = LABELLED[kind]
    assert kl_divergence(p, q) == pytest.approx(KL, **EXACT)
    assert jensen_shannon(q, p) == pytest.approx(jensen_shannon(V, U), **EXACT)
    if not isinstance(p, pd.DataFrame):
        assert entropy(p) == pytest.approx(entropy(U), **EXACT)


def test_a_label_that_is_lacking_has_probability_zero():
    p, q = pd.Series({"u": 1.0}), {"v": 0.5, "u": 0.5}
    assert kl_divergence(p, q) == pytest.approx(math.log(2), **EXACT)
    assert kl_divergence(q, p) == math.inf


def test_rows_of_frames_are_matched():
    p = pd.DataFrame([U, V], index=["x", "y"], columns=["u", "v"])
    q = p.loc[["y", "x"], ["v", "u"]]
    assert kl_divergence(p, q, axis=1) == pytest.approx([0.0, 0.0])
    with pytest.raises(ValueError, match=r"q sums to 0, not 1, along axis 1 at \[1\]"):
        kl_divergence(p, q.drop("y"), axis=1)


@pytest.mark.parametrize(
    ("p", "q", "error", "match"),
    [
        ({"u": 1.0}, [1.0], TypeError, "p has labels, q is an array without any"),
        ([1.0], {"u": 1.0}, TypeError, "q has labels, p is an array without any"),
        ({1: 1.0}, {"1": 1.0}, ValueError, "no label in common: p has 1, q has '1'; labels must"),
        (pd.Series(U, ["u", "u"]), COUNTS[0], ValueError, "p has the label 'u' twice"),
        ({"u": 1.0}, Factor(W, U), ValueError, "no number for the states 'v' of 'w'; give one"),
        ({"u": 1.0}, pd.DataFrame([[1.0]]), TypeError, "one is a data frame, the other is none"),
        ({"u": 3.0, "v": 1.0}, {"u": 0.5, "v": 0.5}, ValueError, "p sums to 4, not 1; divide"),
    ],
)
def test_labels_that_do_not_match(p, q, error, match):
    with pytest.raises(error, match=match):
        kl_divergence(p, q)
