"""GibbsDistribution: every question, in labels, with the errors a user meets."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import Model, Table
from strategies import EXTREME, build, models

from gibbsfactor.errors import IntractableError, ZeroProbabilityError
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.variable import Variable

A, B = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
PHI = Factor([A, B], [[20, 25], [15, 4]])


@pytest.fixture
def book() -> GibbsDistribution:
    return GibbsDistribution([PHI])


@pytest.fixture
def impossible() -> GibbsDistribution:
    """Two factors that contradict each other."""
    return GibbsDistribution([Factor(A, [1, 0]), Factor([A, B], [[0, 0], [1, 2]])])


# ---- the table on paper ----------------------------------------------------------------------


def test_twenty_twentyfive_fifteen_four(book):
    assert book.partition_function() == 64.0
    assert book.log_partition() == pytest.approx(math.log(64), rel=1e-15)
    for (a, b), weight in {("a0", "b0"): 20, ("a0", "b1"): 25, ("a1", "b0"): 15}.items():
        assert book.probability({"A": a, "B": b}) == pytest.approx(weight / 64, rel=1e-14)
    assert book.probability({"A": "a1", "B": "b1"}) == pytest.approx(4 / 64, rel=1e-14)
    joint = book.marginal("A", "B")
    np.testing.assert_allclose(joint.values, np.array([[20, 25], [15, 4]]) / 64, rtol=1e-14)
    assert repr(joint).splitlines() == [
        "A   B   probability",
        "a0  b0       0.3125",
        "a0  b1     0.390625",
        "a1  b0     0.234375",
        "a1  b1       0.0625",
    ]
    np.testing.assert_allclose(book.marginal("B", "A").values, joint.values.T, rtol=1e-15)
    np.testing.assert_allclose(book.marginals()["A"].values, [45 / 64, 19 / 64], rtol=1e-14)
    assert book.map_assignment() == {"A": "a0", "B": "b1"}
    assert book.log_unnormalized({"A": "a1", "B": "b0"}) == pytest.approx(math.log(15), rel=1e-15)
    p = np.array([20, 25, 15, 4]) / 64
    assert book.entropy() == pytest.approx(-(p * np.log(p)).sum(), rel=1e-14)
    assert book.condition({"B": "b1"}).partition_function() == 29.0
    assert book.condition({"B": "b1"}).map_assignment() == {"A": "a0"}


def test_whole_weights_give_a_whole_partition_function():
    v = [Variable(f"x{i}", 3) for i in range(20)]
    p = GibbsDistribution([Factor(x, [1, 2, 4]) for x in v])
    assert p.partition_function() == pytest.approx(7.0**20, rel=1e-13)
    assert GibbsDistribution([Factor(x, [1, 2, 4]) for x in v[:9]]).partition_function() == 7.0**9
    half = GibbsDistribution([Factor(A, [0.5, 0.25])])
    assert half.partition_function() == pytest.approx(0.75, rel=1e-15)


def test_a_partition_function_beyond_floats():
    p = GibbsDistribution([Factor.from_log(A, [1e6, 0])])
    with pytest.raises(OverflowError, match=r"Z = exp\(1e\+06\) is beyond .* log_partition\(\)"):
        p.partition_function()
    assert p.log_partition() == 1e6
    assert GibbsDistribution([Factor.from_log(A, [-1e6, -1e6])]).partition_function() == 0.0


# ---- laws over random models -----------------------------------------------------------------


@given(models(EXTREME), st.data())
def test_probabilities_of_assignments(model, data):
    x = {n: data.draw(st.sampled_from(s)) for n, s in model.states.items()}
    p = build(model)
    weight = model.log_weight(x)
    slack = 1e-12 * max(1.0, model.scale)
    assert p.log_unnormalized(x) == weight or abs(p.log_unnormalized(x) - weight) <= slack
    if not model.support_size:
        with pytest.raises(ZeroProbabilityError, match="so there is no probability"):
            p.log_probability(x)
        return
    want = weight - model.log_z
    got = p.log_probability(x)
    assert got == want or abs(got - want) <= slack
    assert p.probability(x) == pytest.approx(math.exp(want), rel=2 * slack, abs=slack)


@given(models(with_mass=True))
def test_entropy(model):
    assert build(model).entropy() == pytest.approx(
        model.entropy(), rel=1e-10, abs=1e-12 * (10 + model.scale)
    )


@given(models(with_mass=True), models(with_mass=True), st.randoms())
def test_divergence(model, other, random):
    """The second model's tables, where they fit, over the variables of the first."""
    tables = [
        t
        for t in other.tables
        if t.logs.shape == tuple(len(model.states.get(n, ())) for n in t.scope)
    ]
    names = model.names
    random.shuffle(names)
    q = Model({n: model.states[n] for n in names}, tables)
    assume(q.support_size)
    want, got = model.kl(q), build(model).kl_divergence(build(q))
    scale = 1 + model.scale + q.scale
    assert got == want or got == pytest.approx(want, rel=1e-10, abs=1e-12 * scale)
    assert build(model).kl_divergence(build(model)) == pytest.approx(0, abs=1e-12 * scale)


@given(models(with_mass=True), st.data())
def test_conditioning_once_and_twice(model, data):
    assume(len(model.names) > 1)
    first, second = data.draw(st.permutations(model.names))[:2]
    e = {first: data.draw(st.sampled_from(model.states[first]))}
    f = {second: data.draw(st.sampled_from(model.states[second]))}
    given_both = model.given({**e, **f})
    twice = build(model).condition(e).condition(f)
    at_once = build(model).condition({**f, **e})
    assert twice.evidence == at_once.evidence == {**e, **f}
    assert twice.names == tuple(given_both.names)
    slack = 1e-12 * max(1.0, model.scale)
    for p in (twice, at_once):
        got = p.log_partition()
        assert got == given_both.log_z or abs(got - given_both.log_z) <= slack
    if given_both.support_size:
        for name, factor in twice.marginals().items():
            want = given_both.marginal([name])
            np.testing.assert_allclose(factor.values, want, rtol=0, atol=1e-10)


@given(models(with_mass=True), st.floats(0.05, 20))
def test_temperature(model, temperature):
    want = model.tempered(temperature)
    hot = build(model).at_temperature(temperature)
    assert abs(hot.log_partition() - want.log_z) <= 1e-12 * max(1.0, want.scale)
    for name, factor in hot.marginals().items():
        np.testing.assert_allclose(factor.values, want.marginal([name]), rtol=0, atol=1e-10)


def test_temperature_keeps_the_evidence(book):
    one = book.condition({"A": "a0"}).at_temperature(2)
    other = book.at_temperature(2).condition({"A": "a0"})
    assert one.evidence == other.evidence == {"A": "a0"}
    assert one.log_partition() == pytest.approx(math.log(20**0.5 + 5), rel=1e-14)
    assert other.log_partition() == pytest.approx(one.log_partition(), rel=1e-15)
    with pytest.raises(ValueError, match="temperature is 0; it must be a positive finite number"):
        book.at_temperature(0)


# ---- evidence in labels ------------------------------------------------------------------------

LABELS = [
    (["sun", "rain"], "rain"),
    (["sun", "rain"], np.str_("rain")),
    ([10, 3], 3),
    ([10, 3], np.int32(3)),
    ([-1, 1], 1),
    ([1, -1], -1),
    ([0, -1], np.int64(-1)),
    ([False, True], True),
    ([False, True], np.bool_(True)),
    ([True, False], False),
    ([(0, 0), (0, 1)], (0, 1)),
    ([0.5, 1.5], np.float64(1.5)),
    (2, 1),
]


@pytest.mark.parametrize(("states", "label"), LABELS)
def test_evidence_of_every_kind(states, label):
    v, w = Variable("v", states), Variable("w", 3)
    p = GibbsDistribution([Factor([w, v], [[1, 2], [3, 4], [5, 6]])])
    given_v = p.condition({"v": label})
    assert given_v.partition_function() == 12.0
    assert given_v.names == ("w",)
    assert given_v.evidence == {"v": v.states[1]}
    assert type(given_v.evidence["v"]) is type(v.states[1])
    np.testing.assert_allclose(given_v.marginal("w").values * 12, [2, 4, 6], rtol=1e-14)
    assert given_v.log_unnormalized({"w": 2, "v": label}) == pytest.approx(math.log(6))
    assert p.probability({"w": 2, "v": label}) == pytest.approx(6 / 21)
    assert p.map_assignment() == {"w": 2, "v": v.states[1]}
    drawn = p.sample(5, 0)["v"]
    assert set(drawn.tolist()) <= set(v.states)
    for state in drawn:  # what comes out goes in again
        assert p.condition({"v": state}).log_partition() > -math.inf


@pytest.mark.parametrize(
    ("states", "kind"),
    [(["a", "b"], "U"), ([-1, 1], "i"), ([True, False], "b"), ([(0, 1), (1, 0)], "O"), (2, "i")],
)
def test_columns_of_samples(states, kind):
    v = Variable("v", states)
    column = GibbsDistribution([Factor(v, [0, 1])]).sample(4, 0)["v"]
    assert column.shape == (4,)
    assert column.dtype.kind == kind
    assert column.tolist() == [v.states[1]] * 4


def test_samples_counted(book):
    assert {n: c.shape for n, c in book.sample(0).items()} == {"A": (0,), "B": (0,)}
    assert book.sample()["A"].shape == (1,)
    assert book.sample(np.int64(3), np.random.default_rng(0))["B"].shape == (3,)
    for n in (-1, 2.0, True, "3"):
        with pytest.raises(ValueError, match=rf"n is {n!r}; it must be a whole number"):
            book.sample(n)


# ---- errors ------------------------------------------------------------------------------------


def test_unknown_names_list_what_there_is(book):
    message = r"no variable 'C'; there are 'A', 'B'$"
    for ask in (
        lambda: book.condition({"C": 1}),
        lambda: book.marginal("A", "C"),
        lambda: book.log_unnormalized({"A": "a0", "B": "b0", "C": 1}),
        lambda: book.condition({"A": "a0"}).condition({"C": 1}),
    ):
        with pytest.raises(ValueError, match=message):
            ask()
    many = GibbsDistribution([], [Variable(f"x{i}", 2) for i in range(30)])
    with pytest.raises(
        ValueError, match=r"no variable 'y'; there are 'x0', .*\.\.\. \(30 in all\)"
    ):
        many.marginal("y")


def test_unknown_states_list_what_there_is(book):
    for ask in (
        lambda: book.condition({"A": 0}),
        lambda: book.probability({"A": 0, "B": "b0"}),
        lambda: book.condition({"B": "b0"}).log_unnormalized({"A": 0}),
    ):
        with pytest.raises(ValueError, match=r"'A' has no state 0; its states are 'a0', 'a1'"):
            ask()
    with pytest.raises(ValueError, match=r"'A' has no state \['a0'\]"):
        book.condition({"A": ["a0"]})


def test_incomplete_assignments(book):
    with pytest.raises(ValueError, match=r"gives no state for 'B'; give one for every variable"):
        book.log_probability({"A": "a0"})
    with pytest.raises(ValueError, match=r"gives no state for 'A', 'B'"):
        book.probability({})


def test_assignments_are_mappings(book):
    with pytest.raises(TypeError, match=r"an assignment is a mapping \{name: state\}; got \['a0'"):
        book.probability(["a0", "b0"])
    with pytest.raises(TypeError, match=r"evidence is a mapping \{name: state\}; got 'A'"):
        book.condition("A")


def test_contradictions(book):
    seen = book.condition({"A": "a0"})
    assert seen.condition({"A": "a0"}).evidence == {"A": "a0"}
    with pytest.raises(ValueError, match=r"'A' is observed to be 'a0' already; it can't be 'a1'"):
        seen.condition({"A": "a1"})
    with pytest.raises(ValueError, match=r"gives 'A' the state 'a1', but .* on 'A' = 'a0'"):
        seen.log_unnormalized({"A": "a1", "B": "b0"})
    with pytest.raises(ValueError, match=r"'A' is observed to be 'a0'; it has no marginal"):
        seen.marginal("B", "A")
    assert list(seen.marginals()) == ["B"]
    assert seen.log_unnormalized({"B": "b0"}) == pytest.approx(math.log(20))
    assert seen.probability({"B": "b0", "A": "a0"}) == pytest.approx(20 / 45)


def test_bad_marginals(book):
    with pytest.raises(ValueError, match="'A' is named twice"):
        book.marginal("A", "B", "A")
    with pytest.raises(TypeError, match=r"takes variable names, .* got \['A', 'B'\]"):
        book.marginal(["A", "B"])


def test_factors_that_disagree():
    other = Factor([Variable("B", 3), Variable("C", 2)], np.ones((3, 2)))
    message = (
        r"factor over \('B', 'C'\) gives 'B' 3 states, but factor over \('A', 'B'\) gives it 2; "
        "every factor must agree on a variable's states"
    )
    with pytest.raises(ValueError, match=message):
        GibbsDistribution([PHI, other])
    with pytest.raises(ValueError, match=r"over \('A', 'B'\) .*\['b0', 'b1'\], but variables= "):
        GibbsDistribution([PHI], [Variable("B", 2)])
    with pytest.raises(ValueError, match=r"variables= gives 'B' 2 states, but .* gives it 3"):
        GibbsDistribution([], [Variable("B", 2), Variable("B", 3)])


def test_what_is_no_factor():
    with pytest.raises(TypeError, match=r"made of Factor objects; got \[\[1, 2\]\]"):
        GibbsDistribution([[[1, 2]]])
    with pytest.raises(TypeError, match=r"variables= is a collection of Variable; got 'A'"):
        GibbsDistribution([PHI], ["A"])


# ---- no mass -----------------------------------------------------------------------------------


def test_contradicting_factors(impossible):
    assert impossible.log_partition() == -math.inf
    assert impossible.partition_function() == 0.0
    x = {"A": "a0", "B": "b0"}
    assert impossible.log_unnormalized(x) == -math.inf
    asks = {
        "marginal": [impossible.marginals, lambda: impossible.marginal("A"), impossible.marginal],
        "most probable assignment": [impossible.map_assignment],
        "sample": [impossible.sample],
        "probability": [lambda: impossible.log_probability(x), lambda: impossible.probability(x)],
    }
    for what, questions in asks.items():
        message = rf"every assignment has weight zero \(log Z = -inf\), so there is no {what}; the"
        for ask in questions:
            with pytest.raises(ZeroProbabilityError, match=message):
                ask()
    with pytest.raises(ZeroProbabilityError, match=r"log Z = -inf"):
        impossible.entropy()
    assert issubclass(ZeroProbabilityError, ValueError)


def test_impossible_evidence():
    p = GibbsDistribution([Factor([A, B], [[0, 1], [0, 3]])])
    assert p.log_partition() == pytest.approx(math.log(4))
    assert p.condition({"B": "b0"}).log_partition() == -math.inf
    with pytest.raises(ZeroProbabilityError, match="so there is no marginal"):
        p.condition({"B": "b0"}).marginals()
    all_seen = p.condition({"A": "a0", "B": "b0"})
    assert all_seen.log_partition() == -math.inf
    with pytest.raises(ZeroProbabilityError, match="so there is no most probable assignment"):
        all_seen.map_assignment()
    assert p.condition({"A": "a0", "B": "b1"}).map_assignment() == {}
    assert p.probability({"A": "a0", "B": "b0"}) == 0.0
    assert p.log_probability({"A": "a0", "B": "b0"}) == -math.inf


@pytest.mark.parametrize(
    "factors",
    [
        [Factor((), 0.0)],
        [Factor((), 0.0), PHI],
        [Factor(Variable("one", 1), [0.0]), PHI],
        [PHI, Factor(A, [0, 0])],
    ],
)
def test_a_factor_of_zeros(factors):
    p = GibbsDistribution(factors)
    assert p.log_partition() == -math.inf
    for ask in (p.marginals, p.map_assignment, p.sample, p.entropy, lambda: p.marginal(*p.names)):
        with pytest.raises(ZeroProbabilityError, match=r"log Z = -inf"):
            ask()


# ---- divergence --------------------------------------------------------------------------------


def test_divergence_by_hand(book):
    q = GibbsDistribution([Factor([B, A], [[1, 1], [1, 1]])])
    p = np.array([20, 25, 15, 4]) / 64
    assert book.kl_divergence(q) == pytest.approx((p * np.log(p * 4)).sum(), rel=1e-13)
    assert book.kl_divergence(book) == 0.0
    apart = GibbsDistribution([Factor(A, [0, 1])], [B])
    assert book.kl_divergence(apart) == math.inf
    assert apart.kl_divergence(book) == pytest.approx(
        0.5 * math.log(0.5 / (15 / 64)) + 0.5 * math.log(0.5 / (4 / 64)), rel=1e-13
    )


def test_divergence_is_infinite_however_small_the_mass_that_is_missed():
    """exp(-1000) is no float, but P has mass there and Q has none."""
    p = GibbsDistribution([Factor.from_log(A, [0, -1000])])
    q = GibbsDistribution([Factor(A, [1, 0])])
    assert p.kl_divergence(q) == math.inf
    assert q.kl_divergence(p) == 0.0


def test_divergence_given_evidence(book):
    p, q = book.condition({"A": "a0"}), GibbsDistribution([Factor(B, [1, 1])])
    want = 20 / 45 * math.log(40 / 45) + 25 / 45 * math.log(50 / 45)
    assert p.kl_divergence(q) == pytest.approx(want, rel=1e-13)


def test_divergence_errors(book, impossible):
    q = GibbsDistribution([Factor(A, [1, 1])], [Variable("C", 2)])
    message = r"same variables; only the first has 'B', only the second has 'C'"
    with pytest.raises(ValueError, match=message):
        book.kl_divergence(q)
    with pytest.raises(ValueError, match=r"same variables; only the second has 'A'"):
        book.condition({"A": "a0"}).kl_divergence(book)
    other = GibbsDistribution([], [A, Variable("B", 3)])
    with pytest.raises(ValueError, match=r"first distribution gives 'B' 2 states, .* gives it 3"):
        book.kl_divergence(other)
    with pytest.raises(ZeroProbabilityError, match="so there is no divergence from it"):
        book.kl_divergence(impossible)
    with pytest.raises(ZeroProbabilityError, match=r"log Z = -inf"):
        impossible.kl_divergence(book)
    with pytest.raises(TypeError, match="the divergence is from a GibbsDistribution; got 3"):
        book.kl_divergence(3)


# ---- corners -----------------------------------------------------------------------------------


def test_variables_in_no_factor():
    c, one = Variable("C", [5, 6, 7]), Variable("one", ["only"])
    p = GibbsDistribution([PHI], [c, one])
    assert p.names == ("C", "one", "A", "B")  # those given come first, in their order
    assert p.log_partition() == pytest.approx(math.log(64 * 3), rel=1e-15)
    np.testing.assert_allclose(p.marginals()["C"].values, 1 / 3, rtol=1e-15)
    assert p.marginals()["one"].values.tolist() == [1.0]
    assert p.marginal("one", "C").shape == (1, 3)
    best = p.map_assignment()
    assert best["one"] == "only"
    assert best["C"] in c.states
    assert p.condition({"C": 6}).log_partition() == pytest.approx(math.log(64), rel=1e-15)
    assert p.entropy() == pytest.approx(GibbsDistribution([PHI]).entropy() + math.log(3))
    uniform = GibbsDistribution([], [c])
    assert uniform.kl_divergence(uniform) == 0.0
    assert uniform.partition_function() == 3.0


def test_no_factors_and_no_variables():
    p = GibbsDistribution([])
    assert p.log_partition() == 0.0
    assert p.partition_function() == 1.0
    assert p.marginals() == p.map_assignment() == p.sample(3, 0) == p.evidence == {}
    assert float(p.marginal()) == 1.0
    assert p.probability({}) == 1.0
    assert p.entropy() == p.kl_divergence(GibbsDistribution([])) == 0.0
    assert p.condition({}).log_partition() == 0.0
    assert p.at_temperature(2).log_partition() == 0.0
    assert p.plan().explain().startswith("0 variables, 0 tables; 0 steps")
    assert repr(p) == "GibbsDistribution of 0 factors over 0 variables (none)"
    for graph in (p.induced_graph(), p.factor_graph(), p.junction_tree()):
        assert len(graph) == 0


def test_constants_count():
    p = GibbsDistribution([PHI, Factor((), 2), Factor.from_log((), 1e6), Factor((), 0.5)])
    assert p.log_partition() == pytest.approx(1e6 + math.log(64), rel=1e-15)
    assert p.log_unnormalized({"A": "a0", "B": "b0"}) == pytest.approx(1e6 + math.log(20))
    np.testing.assert_allclose(p.marginal("A").values, [45 / 64, 19 / 64], rtol=1e-9)


def test_the_same_factor_twice():
    p = GibbsDistribution([PHI, PHI])
    assert p.partition_function() == 400 + 625 + 225 + 16


def test_factors_may_come_from_a_generator_and_stay_as_given(book):
    p = GibbsDistribution(f for f in [PHI])
    assert p.factors == (PHI,)
    assert p.variables == (A, B)
    seen = book.condition({"A": "a1"})
    assert seen.factors == (PHI,)
    assert [f.names for f in seen.reduced_factors] == [("B",)]
    assert seen.variables == (B,)
    seen.evidence["B"] = "b0"
    assert seen.evidence == {"A": "a1"}
    assert book.evidence == {}


def test_observing_everything(book):
    p = book.condition({"A": "a0", "B": "b1"})
    assert p.partition_function() == 25.0
    assert p.names == ()
    assert p.marginals() == p.map_assignment() == {}
    assert p.entropy() == 0.0
    assert p.probability({}) == 1.0


# ---- plans, graphs, looks ----------------------------------------------------------------------


def ladder(n: int, k: int = 3) -> Model:
    states = {f"{side}{i}": tuple(range(k)) for i in range(n) for side in "lr"}
    tables = [Table((f"l{i}", f"r{i}"), np.zeros((k, k))) for i in range(n)]
    for side in "lr":
        tables += [Table((f"{side}{i}", f"{side}{i + 1}"), np.zeros((k, k))) for i in range(n - 1)]
    return Model(states, tables)


def test_a_plan_reports_its_cost():
    plan = build(ladder(10)).plan()
    assert plan.names == tuple(ladder(10).names)
    assert plan.cardinalities == (3,) * 20
    assert plan.kept == ()
    assert 2 <= plan.width <= 4  # the treewidth is 2
    assert plan.flops > 0
    assert 28 * 9 * 8 <= plan.peak_bytes <= plan.marginals_bytes  # the tables themselves
    assert plan.trials >= 1
    text = plan.explain()
    assert text.startswith(
        f"20 variables, 28 tables; {len(plan.scopes) - plan.n_tables} steps, run"
    )
    assert (
        f"at most {plan.width + 1} variables meet in one step (induced width {plan.width})" in text
    )
    assert f"largest table: {3 ** len(plan.largest)} entries over " in text
    assert "log Z: about " in text
    assert "all marginals: about " in text
    assert f"order found by {plan.rule}, the best of {plan.trials} tried" in text


def test_a_plan_shrinks_with_evidence():
    p = build(ladder(10))
    seen = p.condition({f"l{i}": 0 for i in range(10)}).plan()
    assert seen.names == tuple(f"r{i}" for i in range(10))
    assert seen.width < 3
    assert seen.flops < p.plan().flops
    alone = GibbsDistribution([Factor(A, [1, 2])]).plan()
    assert alone.width == 0
    pair = GibbsDistribution([PHI]).plan()
    assert pair.width == 1


def test_a_budget_is_kept():
    rng = np.random.default_rng(0)
    plain = ladder(4)
    tables = [Table(t.scope, rng.normal(size=t.values.shape)) for t in plain.tables]
    model = Model(plain.states, tables)
    enough = build(model, memory=10**6)
    assert enough.log_partition() == pytest.approx(model.log_z)
    tight = build(model, memory=10)
    n_bytes = tight.plan().peak_bytes
    message = (
        r"exact inference would take .* \(induced width \d+; .*"
        r"but the budget is 10 bytes; even one of .* slices .*memory="
    )
    assert n_bytes > 10
    for ask in (
        tight.log_partition,
        tight.marginals,
        tight.map_assignment,
        tight.sample,
        tight.entropy,
        lambda: tight.marginal("l0", "r3"),
        lambda: tight.kl_divergence(enough),
        lambda: tight.at_temperature(2).log_partition(),
        lambda: tight.condition({"l0": 1}).log_partition(),
    ):
        with pytest.raises(
            IntractableError, match=message if ask == tight.log_partition else "10 bytes"
        ):
            ask()
    just = build(model, memory=n_bytes)
    assert just.log_partition() == pytest.approx(model.log_z)
    assert n_bytes < just.plan().marginals_bytes
    for name, table in just.marginals().items():  # slice by slice
        np.testing.assert_allclose(table.values, enough.marginal(name).values, rtol=1e-13)


def test_graphs(book):
    seen = build(ladder(3)).condition({"l0": 1})
    induced = seen.induced_graph()
    assert sorted(induced) == sorted(ladder(3).names)
    assert induced.number_of_edges() == 7
    assert induced.nodes["l0"]["observed"]
    assert not induced.nodes["l1"]["observed"]
    bipartite = seen.factor_graph()
    assert len(bipartite) == 6 + 7
    assert nx.is_bipartite(bipartite)
    tree = seen.junction_tree()
    assert nx.is_forest(tree)
    assert len(book.junction_tree()) == 1


def test_repr():
    p = GibbsDistribution([PHI, Factor(A, [1, 2])])
    assert repr(p) == "GibbsDistribution of 2 factors over 2 variables ('A', 'B')"
    assert repr(p.condition({"A": "a0"})) == (
        "GibbsDistribution of 2 factors over 1 variables ('B'), given 1 observed"
    )
    many = GibbsDistribution([], [Variable(f"x{i}", 2) for i in range(30)])
    assert "'x19', ... (30 in all))" in repr(many)


def test_html_is_escaped():
    p = GibbsDistribution([Factor(Variable("<script>", ["<b>", "a&b"]), [1, 2])])
    page = p._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<td>&lt;script&gt;</td>" in page
    assert "a&amp;b" in page
