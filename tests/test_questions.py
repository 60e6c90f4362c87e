"""k best, marginal MAP, information, expectations, P(e), likelihood evidence and targets."""

from __future__ import annotations

import math
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from bif import read_network
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import Model, Table
from strategies import EXTREME, build, models, random_model

from gibbsfactor import Factor, GibbsDistribution, IntractableError, Variable, ZeroProbabilityError
from gibbsfactor.exact import k_best as k_best_module
from gibbsfactor.exact import marginal_map, slicing
from gibbsfactor.exact import targets as targets_module

A, B = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1"])
PHI = Factor([A, B], [[20, 25], [15, 4]])


@pytest.fixture
def book() -> GibbsDistribution:
    return GibbsDistribution([PHI])


@pytest.fixture
def impossible() -> GibbsDistribution:
    return GibbsDistribution([Factor(A, [1, 0]), Factor([A, B], [[0, 0], [1, 2]])])


def network(folder, name: str, **options: object) -> GibbsDistribution:
    net = read_network(folder / "bif" / f"{name}.bif.gz")
    v = {n: Variable(n, states) for n, states in net.states.items()}
    return GibbsDistribution(
        [Factor([v[u] for u in (*net.parents[n], n)], table) for n, table in net.tables.items()],
        **options,
    )


def slack_of(model: Model) -> float:
    """What rounding may do to a sum of logs of this size."""
    return 1e-12 * max(1.0, model.scale)


def summed(model: Model, names: list[str]) -> np.ndarray:
    """Log weights over the named variables, in that order, the others summed out."""
    others = tuple(i for i, n in enumerate(model.names) if n not in names)
    table = np.logaddexp.reduce(model.log_weights, axis=others) if others else model.log_weights
    left = [n for n in model.names if n in names]
    return np.asarray(table).transpose([left.index(n) for n in names])


# ---- the k best ------------------------------------------------------------------------------


def check_k_best(model: Model, k: int) -> None:
    """Weights as enumerated and sorted, each assignment with the weight that it has."""
    p = build(model)
    if not model.support_size:
        with pytest.raises(ZeroProbabilityError, match="no most probable assignment"):
            p.k_best(k)
        return
    found = p.k_best(k)
    want = np.sort(model.log_weights.ravel())[::-1][: min(k, model.support_size)] - model.log_z
    got = np.array([score for _, score in found])
    slack = slack_of(model)
    assert len(got) == len(want)
    np.testing.assert_allclose(got, want, rtol=0, atol=slack)
    assert (np.diff(got) <= 0).all()
    positions = [model.position(x) for x, _ in found]
    assert len(set(positions)) == len(positions)
    own = [model.log_weights[x] - model.log_z for x in positions]
    np.testing.assert_allclose(own, got, rtol=0, atol=slack)
    fewer = p.k_best(max(1, k // 2))
    assert fewer == found[: len(fewer)]


@given(models(EXTREME), st.integers(1, 100))
def test_k_best_is_enumeration(model, k):
    check_k_best(model, k)


def test_a_hundred_best_of_many_models():
    rng = np.random.default_rng(3)
    for i in range(300):
        check_k_best(random_model(rng, extreme=i % 3 == 0), 100)


def test_k_best_by_hand(book):
    found = book.k_best(10)
    weights = [25, 20, 15, 4]
    states = [("a0", "b1"), ("a0", "b0"), ("a1", "b0"), ("a1", "b1")]
    assert [x for x, _ in found] == [{"A": a, "B": b} for a, b in states]
    np.testing.assert_allclose([each.probability for each in found], np.array(weights) / 64)
    assert found[0].assignment == book.map_assignment()
    assert [x for x, _ in book.condition({"B": "b0"}).k_best(5)] == [{"A": "a0"}, {"A": "a1"}]
    ((x, score),) = book.condition({"A": "a0", "B": "b0"}).k_best(5)
    assert x == {}
    assert score == 0.0
    assert GibbsDistribution([]).k_best(3) == [({}, 0.0)]


def test_ties_are_all_found_in_one_order():
    v = [Variable(f"x{i}", 2) for i in range(6)]
    alike = Factor(v[:2], [[2, 1], [1, 2]])  # two ways to be best, each with 2^4 ways for the rest
    found = GibbsDistribution([alike], v).k_best(100)
    assert len(found) == 64
    assert len({tuple(x.items()) for x, _ in found}) == 64
    assert all(x["x0"] == x["x1"] for x, _ in found[:32])
    assert len({score for _, score in found[:32]}) == 1
    for k in range(1, 64):
        assert GibbsDistribution([alike], v).k_best(k) == found[:k]
    wide = GibbsDistribution([], [Variable(f"x{i}", 3) for i in range(50)]).k_best(7)
    assert len({tuple(x.items()) for x, _ in wide}) == 7


def test_the_order_of_ties_does_not_depend_on_k():
    """Whole log weights: regrets add up without rounding, so that most of them tie."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        v = [Variable(f"x{i}", 3) for i in range(7)]
        pairs = [*pairwise(v), (v[0], v[4])]
        p = GibbsDistribution(Factor.from_log(pair, rng.integers(-2, 1, (3, 3))) for pair in pairs)
        found = p.k_best(120)
        assert len({score for _, score in found}) < 10
        for k in range(1, 120, 6):
            assert p.k_best(k) == found[:k]


def test_k_best_goes_up_only_once(book, monkeypatch):
    sweeps = []
    up = k_best_module.max_product
    monkeypatch.setattr(k_best_module, "max_product", lambda *given: sweeps.append(1) or up(*given))
    assert len(book.k_best(4)) == 4
    assert sweeps == [1]


def test_second_best_of_alarm(shared_data):
    """It differs from the best in some variable: the best with that state ruled out, of all."""
    p = network(shared_data, "alarm")
    first, second = p.k_best(2)
    assert first.assignment == p.map_assignment()
    rivals = [
        p.log_unnormalized({**q.map_assignment(), v.name: state})
        for v in p.variables
        for state in v.states
        if state != first.assignment[v.name]
        and (q := p.condition({v.name: state})).log_partition() > -math.inf
    ]
    assert second.log_probability == pytest.approx(max(rivals) - p.log_partition(), rel=1e-12)


def test_k_best_in_slices():
    rng = np.random.default_rng(0)
    v = [Variable(f"x{i}", 2) for i in range(14)]
    factors = [Factor.from_log(pair, rng.normal(size=(2, 2))) for pair in combinations(v, 2)]
    whole = GibbsDistribution(factors)
    bytes_allowed = whole.plan().marginals_bytes // 8
    tight = GibbsDistribution(factors, memory=bytes_allowed)
    assert slicing.fitted(tight.plan(), bytes_allowed, "marginals").n_slices > 1
    want, got = whole.k_best(30), tight.k_best(30)
    assert [x for x, _ in got] == [x for x, _ in want]  # without ties
    np.testing.assert_allclose([s for _, s in got], [s for _, s in want], rtol=1e-12)


def test_k_is_a_whole_number(book, impossible):
    for k in (0, -1, 2.0, True, None, "3"):
        with pytest.raises(ValueError, match=rf"k is {k!r}; it must be a whole number .* 1 or"):
            book.k_best(k)
    assert len(book.k_best(np.int64(2))) == 2
    with pytest.raises(ZeroProbabilityError, match="log Z = -inf"):
        impossible.k_best(1)


# ---- marginal MAP ----------------------------------------------------------------------------


@given(models(EXTREME), st.data())
def test_marginal_map_is_enumeration(model, data):
    names = data.draw(st.permutations(model.names))[: data.draw(st.integers(0, len(model.names)))]
    p = build(model)
    if not model.support_size:
        with pytest.raises(ZeroProbabilityError, match="log Z = -inf"):
            p.marginal_map(names)
        return
    best = p.marginal_map(names)
    assert list(best) == names
    table = summed(model, names)
    at = tuple(model.states[n].index(s) for n, s in best.items())
    slack = slack_of(model) + 1e-12
    assert table[at] >= table.max() - slack
    assert p.log_probability_of(best) == pytest.approx(float(table.max()) - model.log_z, abs=slack)
    numbers = [p._network.numbers[n] for n in names]
    score, _ = marginal_map.marginal_map(p._network, numbers)
    assert p._network.log_sum(score) == pytest.approx(float(table.max()), abs=slack)


def test_marginal_map_is_not_the_map(book):
    b = Variable("B", 3)
    p = GibbsDistribution([Factor([A, b], [[0.4, 0, 0], [0.2, 0.2, 0.2]])])
    assert p.map_assignment() == {"A": "a0", "B": 0}
    assert p.marginal_map("A") == p.marginal_map([A]) == {"A": "a1"}
    assert p.marginal_map([]) == {}
    assert p.marginal_map(["B", "A"]) == p.map_assignment()
    assert book.condition({"B": "b1"}).marginal_map("A") == {"A": "a0"}


def test_marginal_map_of_alarm(shared_data):
    p = network(shared_data, "alarm").condition({"HRBP": "HIGH", "PAP": "LOW"})
    names = ["CVP", "BP", "HISTORY", "CATECHOL"]
    joint = p.marginal(*names)
    at = np.unravel_index(joint.values.argmax(), joint.shape)
    best = p.marginal_map(names)
    assert best == {v.name: v.states[i] for v, i in zip(joint.scope, at, strict=True)}
    assert p.probability_of(best) == pytest.approx(float(joint.values.max()), rel=1e-12)


def test_marginal_map_keeps_tables_apart():
    """The joint over 40 variables has 2^40 entries; what is left of the sums are pairs."""
    tops = [Variable(f"t{i}", 2) for i in range(40)]
    between = [Variable(f"b{i}", 3) for i in range(39)]
    rng = np.random.default_rng(0)
    up = [Factor([t, b], rng.random((2, 3))) for t, b in zip(tops, between, strict=False)]
    down = [Factor([b, t], rng.random((3, 2))) for b, t in zip(between, tops[1:], strict=True)]
    p = GibbsDistribution([*up, *down])
    best = p.marginal_map(tops)
    pairs = [one.values @ two.values for one, two in zip(up, down, strict=True)]
    score = np.zeros(2)
    for pair in pairs:
        score = (score[:, None] + np.log(pair)).max(axis=0)
    at = [t.index(best[t.name]) for t in tops]
    own = sum(math.log(pair[i, j]) for pair, i, j in zip(pairs, at, at[1:], strict=False))
    assert own == pytest.approx(score.max(), rel=1e-12)
    assert p.log_probability_of(best) == pytest.approx(own - p.log_partition(), rel=1e-12)


def test_marginal_map_is_refused_before_it_starts():
    leaves = [Variable(f"x{i}", 2) for i in range(40)]
    hub = Variable("hub", 2)
    star = [Factor([hub, x], [[1, 2], [2, 1]]) for x in leaves]
    assert GibbsDistribution(star).map_assignment()["hub"] in (0, 1)
    with pytest.raises(IntractableError, match="exact inference would take"):
        GibbsDistribution(star, memory=2**20).marginal_map(leaves)  # one table over all of them
    few = leaves[:12]  # the first phase fits, the second one, which retains its tables, does not
    with pytest.raises(IntractableError, match=r"the budget is 80\.0 KiB"):
        GibbsDistribution(star, memory=80 * 2**10).marginal_map(few)
    assert len(GibbsDistribution(star, memory=2**20).marginal_map(few)) == 12


def test_marginal_map_of_more_variables_than_a_table_may_have():
    v = [Variable(f"x{i}", 2) for i in range(300)]
    apart = GibbsDistribution([Factor(x, [1, 2]) for x in v])
    best = apart.marginal_map(apart.names)
    assert best == apart.map_assignment()
    assert apart.log_probability_of(best) == pytest.approx(300 * math.log(2 / 3), rel=1e-12)
    chain = GibbsDistribution([Factor(pair, [[3, 1], [1, 2]]) for pair in pairwise(v)])
    assert set(chain.marginal_map(v[::2]).values()) == {0}
    with pytest.raises(
        ValueError, match="a table over 300 variables would have more axes than the 64"
    ):
        apart.marginal(*v)
    with pytest.raises(
        ValueError, match="a table over 300 variables would have more axes than the 64"
    ):
        apart.plan("log_partition", v)


def test_marginal_map_is_planned():
    """The order is constrained: the hub of a star goes first, and joins all its leaves."""
    leaves = [Variable(f"x{i}", 2) for i in range(12)]
    hub = Variable("hub", 2)
    star = GibbsDistribution([Factor([hub, x], [[1, 2], [2, 1]]) for x in leaves])
    assert star.plan("map").width == 1
    plan = star.plan("marginal_map", leaves)
    assert (plan.width, plan.largest_entries, len(plan.maximised)) == (12, 2**12, 12)
    told = plan.explain()
    assert "at most 13 variables meet in one step (induced width 12)" in told
    assert "marginal MAP of 12 variables, the others summed out first: about " in told
    assert "most probable assignment" not in told
    assert plan.seconds_for("marginal_map") > star.plan("map").seconds_for("map")
    few = star.plan("marginal_map", leaves[:2])
    assert few.width == 2
    hopeless = GibbsDistribution(
        [Factor([hub, x], [[1, 2], [2, 1]]) for x in (Variable(f"x{i}", 2) for i in range(90))]
    )
    assert "90 variables" in str(hopeless.plan("marginal_map", hopeless.names[1:]))
    with pytest.raises(ValueError, match="'log_partition' and 'marginal_map' only, not with 'map'"):
        star.plan("map", leaves)


def test_marginal_map_names(book):
    with pytest.raises(ValueError, match=r"no variable 'C'; there are 'A', 'B'"):
        book.marginal_map(["A", "C"])
    with pytest.raises(ValueError, match="'A' is named twice"):
        book.marginal_map(["A", "A"])
    with pytest.raises(ValueError, match="'A' is observed to be 'a0'"):
        book.condition({"A": "a0"}).marginal_map("A")


# ---- the probability of evidence -------------------------------------------------------------


@given(models(EXTREME, with_mass=True), st.data())
def test_probabilities_of_some_states_add_up(model, data):
    names = data.draw(st.permutations(model.names))[: data.draw(st.integers(0, 2))]
    p = build(model)
    total = 0.0
    for states in product(*(model.states[n] for n in names)):
        e = dict(zip(names, states, strict=True))
        want = float(summed(model, names)[tuple(model.states[n].index(e[n]) for n in names)])
        got = p.log_probability_of(e)
        slack = slack_of(model) + 1e-12
        assert got == want - model.log_z or abs(got - (want - model.log_z)) <= slack
        total += p.probability_of(e)
    assert total == pytest.approx(1, abs=1e-9)


def test_asia_in_its_textbook(shared_data):
    """Lauritzen & Spiegelhalter (1988): the marginals that every tool prints for their network."""
    p = network(shared_data, "asia")
    known = {"tub": 0.0104, "lung": 0.055, "bronc": 0.45, "either": 0.0648, "xray": 0.1103}
    for name, probability in {**known, "dysp": 0.4360}.items():
        assert p.probability_of({name: "yes"}) == pytest.approx(probability, abs=5e-5)
    visited = p.condition({"asia": "yes"})
    assert visited.probability_of({"tub": "yes"}) == pytest.approx(0.05, rel=1e-12)
    assert visited.probability_of({"xray": "yes"}) == pytest.approx(0.145, abs=5e-4)
    assert visited.probability_of({"dysp": "yes"}) == pytest.approx(0.450, abs=5e-4)


def test_probability_of_evidence_by_hand(book, impossible):
    assert book.probability_of({"A": "a0"}) == pytest.approx(45 / 64, rel=1e-14)
    assert book.probability_of({A: "a0", B: "b0"}) == pytest.approx(20 / 64, rel=1e-14)
    assert book.log_probability_of({}) == 0.0
    assert book.condition({"A": "a0"}).probability_of({"B": "b0"}) == pytest.approx(20 / 45)
    assert GibbsDistribution([Factor(A, [0, 1])]).log_probability_of({"A": "a0"}) == -math.inf
    with pytest.raises(ZeroProbabilityError, match="so there is no probability"):
        impossible.probability_of({"A": "a0"})
    with pytest.raises(ValueError, match="'A' has no state 'a9'"):
        book.probability_of({"A": "a9"})
    with pytest.raises(ValueError, match="'A' is observed to be 'a0' already"):
        book.condition({"A": "a0"}).probability_of({"A": "a1"})


# ---- mutual information ----------------------------------------------------------------------


def entropy_of(model: Model, names: list[str]) -> float:
    p = model.marginal(names).ravel()
    return -math.fsum((p[p > 0] * np.log(p[p > 0])).tolist())


@given(models(with_mass=True), st.data())
def test_mutual_information_is_entropies(model, data):
    """I(A; B | C) = H(A, C) + H(B, C) - H(A, B, C) - H(C)."""
    assume(len(model.names) > 1)
    names = data.draw(st.permutations(model.names))
    first, second = sorted(data.draw(st.lists(st.integers(1, len(names) - 1), min_size=2)))[:2]
    second = max(second, first + 1)
    a, b, c = names[:first], names[first:second], names[second:]
    p = build(model)
    want = entropy_of(model, a + c) + entropy_of(model, b + c)
    want -= entropy_of(model, names) + entropy_of(model, c)
    got = p.mutual_information(a, b, c)
    assert got >= 0
    assert got == pytest.approx(want, abs=1e-10)
    assert p.mutual_information(b, a, given=c[::-1]) == pytest.approx(got, abs=1e-12)


def test_mutual_information_by_hand(book):
    p = np.array([[20, 25], [15, 4]]) / 64
    want = (p * np.log(p / np.outer(p.sum(axis=1), p.sum(axis=0)))).sum()
    assert book.mutual_information("A", "B") == pytest.approx(want, rel=1e-13)
    assert book.mutual_information(A, [B]) == pytest.approx(want, rel=1e-13)
    apart = GibbsDistribution([Factor(A, [1, 3]), Factor(B, [2, 5])])
    assert apart.mutual_information("A", "B") == pytest.approx(0, abs=1e-15)
    assert book.mutual_information("A", []) == 0.0
    # A and B are independent coins, C is whether they differ: nothing, until C is known
    c = Variable("C", 2)
    differ = GibbsDistribution([Factor([A, B, c], [[[1, 0], [0, 1]], [[0, 1], [1, 0]]])])
    assert differ.mutual_information("A", "B") == 0.0
    assert differ.mutual_information("A", "B", given="C") == pytest.approx(math.log(2), rel=1e-13)
    assert differ.mutual_information(["A", "B"], "C") == pytest.approx(math.log(2), rel=1e-13)


def test_mutual_information_names(book, impossible):
    with pytest.raises(ValueError, match="'A' is named twice"):
        book.mutual_information("A", "A")
    with pytest.raises(ValueError, match="'B' is named twice"):
        book.mutual_information("A", "B", given="B")
    with pytest.raises(ValueError, match="no variable 'Z'"):
        book.mutual_information("A", "B", "Z")
    with pytest.raises(ValueError, match="'A' is observed to be 'a0'"):
        book.condition({"A": "a0"}).mutual_information("A", "B")
    with pytest.raises(ZeroProbabilityError, match="log Z = -inf"):
        impossible.mutual_information("A", "B")


# ---- expectations ----------------------------------------------------------------------------


@given(models(EXTREME, with_mass=True), st.data())
def test_expectations_are_enumeration(model, data):
    """Several functions, of some variables each, some of them observed."""
    seen = data.draw(st.sampled_from([[], model.names[:1]]))
    e = {n: data.draw(st.sampled_from(model.states[n])) for n in seen}
    left = model.given(e)
    assume(left.support_size)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    functions, want = [], []
    for _ in range(data.draw(st.integers(0, 4))):
        names = data.draw(st.permutations(model.names))[: data.draw(st.integers(0, 3))]
        values = rng.normal(size=[len(model.states[n]) for n in names])
        functions.append((names, values))
        index = tuple(
            model.states[n].index(e[n]) if n in e else slice(None) for n in functions[-1][0]
        )
        want.append((left.marginal([n for n in names if n not in e]) * values[index]).sum())
    p = build(model).condition(e)
    got = p.expectations(functions)
    assert got.shape == (len(functions),)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 + slack_of(model))
    for (names, values), one in zip(functions, got, strict=True):
        assert p.expectation(names, values) == pytest.approx(one, abs=1e-9 + slack_of(model))


def test_expectations_by_hand(book):
    assert book.expectation(PHI) == pytest.approx((400 + 625 + 225 + 16) / 64, rel=1e-13)
    assert book.expectation("A", [-1, 1]) == pytest.approx((19 - 45) / 64, rel=1e-13)
    assert book.expectation(["B", A], [[1, 0], [0, -2]]) == pytest.approx((20 - 8) / 64, rel=1e-13)
    seen = book.condition({"A": "a0"})
    assert seen.expectation(PHI) == pytest.approx((400 + 625) / 45, rel=1e-13)
    assert seen.expectation("A", [7, 8]) == pytest.approx(7.0, rel=1e-15)
    other = book.condition({"A": "a1"})
    assert other.expectation("A", [7, 8]) == pytest.approx(8.0, rel=1e-15)
    assert other.expectation(["B", "A"], [[7, 8], [7, 5]]) == pytest.approx((120 + 20) / 19)
    assert book.expectation(Factor((), 3.0)) == 3.0
    assert book.expectation([], 3.0) == 3.0
    assert book.expectations([]).shape == (0,)
    # a function may be infinite where there is no mass, but not where there is
    huge = Factor.from_log(A, [0.0, 1e5])
    assert GibbsDistribution([Factor(A, [1, 0])]).expectation(huge) == 1.0
    with pytest.raises(OverflowError, match=r"the function of \('A',\) has values beyond"):
        book.expectation(huge)


def test_expectations_that_make_no_sense(book, impossible):
    for ask, error, message in (
        (lambda: book.expectation("A"), TypeError, r"or names and values as in expectation\('A'"),
        (lambda: book.expectation(PHI, [1, 2]), TypeError, "takes a factor, or names and values"),
        (lambda: book.expectation("C", [1, 2]), ValueError, "no variable 'C'; there are"),
        (lambda: book.expectation("A", [1, 2, 3]), ValueError, r"shape \(3,\); .* \(2,\) states"),
        (lambda: book.expectation("A", [1, math.nan]), ValueError, r"\['A'\] has values that are"),
        (lambda: book.expectation(["A", "A"], np.eye(2)), ValueError, "repeats 'A'"),
        (lambda: book.expectation(Factor(Variable("A", 2), [1, 2])), ValueError, "'A' the states"),
        (lambda: book.expectations(["AB"]), TypeError, r"as \('A', \[0, 1\]\); got 'AB'"),
        (lambda: impossible.expectation("A", [1, 2]), ZeroProbabilityError, "log Z = -inf"),
        (lambda: impossible.expectation([], 3.0), ZeroProbabilityError, "log Z = -inf"),
    ):
        with pytest.raises(error, match=message):
            ask()


# ---- likelihood evidence ---------------------------------------------------------------------


@given(models(EXTREME), st.data())
def test_likelihood_is_one_more_factor(model, data):
    assume(model.names)
    name = data.draw(st.sampled_from(model.names))
    states = model.states[name]
    numbers = st.sampled_from([0.0, 1e-3, 0.3, 1.0, 7.0])
    lam = data.draw(st.lists(numbers, min_size=len(states), max_size=len(states)).filter(any))
    want = Model(model.states, [*model.tables, Table((name,), np.array(lam), False)])
    p = build(model).condition(likelihood={name: dict(zip(states, lam, strict=True))})
    got = p.log_partition()
    assert got == want.log_z or abs(got - want.log_z) <= slack_of(want)
    if want.support_size:
        for n, factor in p.marginals().items():
            np.testing.assert_allclose(factor.values, want.marginal([n]), rtol=0, atol=1e-10)


def test_likelihood_by_hand(book):
    p = book.condition(likelihood={"A": {"a1": 0.5, "a0": 2.0}})
    assert p.log_partition() == pytest.approx(math.log(40 + 50 + 7.5 + 2), rel=1e-14)
    np.testing.assert_allclose(p.marginal("A").values, np.array([90, 9.5]) / 99.5, rtol=1e-14)
    for same in ([2.0, 0.5], np.array([2.0, 0.5]), Factor(A, [2.0, 0.5]), (2, 0.5)):
        assert book.condition(likelihood={A: same}).log_partition() == p.log_partition()
    # certain likelihood is hard evidence, except that the variable stays
    sure = book.condition(likelihood={"A": [1, 0]})
    assert sure.log_partition() == pytest.approx(book.condition({"A": "a0"}).log_partition())
    assert sure.names == ("A", "B")
    # two reports multiply, in either order and with evidence in between
    twice = p.condition({"B": "b0"}).condition(likelihood={"A": [3, 1]})
    at_once = book.condition({"B": "b0"}, likelihood={"A": [6, 0.5]})
    assert twice.log_partition() == pytest.approx(at_once.log_partition(), rel=1e-14)
    # of an observed variable it is a number
    seen = book.condition({"A": "a1"}, likelihood={"A": [2, 0.5]})
    assert seen.partition_function() == pytest.approx(19 / 2, rel=1e-14)
    assert book.condition({"A": "a0"}).condition().evidence == {"A": "a0"}


# ---- target marginals ------------------------------------------------------------------------


def fitted(joint: np.ndarray, targets: dict[int, np.ndarray]) -> np.ndarray:
    """Iterative proportional fitting of a whole table."""
    for _ in range(20_000):
        off = 0.0
        for axis, q in targets.items():
            others = tuple(i for i in range(joint.ndim) if i != axis)
            now = joint.sum(axis=others)
            off = max(off, float(np.abs(now - q).max()))
            ratio = np.divide(q, now, out=np.zeros_like(q), where=q > 0)
            joint = joint * ratio.reshape([-1 if i == axis else 1 for i in range(joint.ndim)])
        if off < 1e-13:
            break
    return joint


@st.composite
def targeted(draw):
    """A model without zeros, and targets of up to three variables, zeros among them."""
    model = draw(models({"plain": EXTREME["plain"]}).filter(lambda m: m.names))
    tables = [t for t in model.tables if (t.logs > -math.inf).all()]
    names = draw(st.permutations(model.names))[: draw(st.integers(1, 3))]
    weight = st.sampled_from([0.0, 0.1, 1.0, 2.0, 5.0])
    targets = {}
    for n in names:
        k = len(model.states[n])
        q = np.array(draw(st.lists(weight, min_size=k, max_size=k).filter(any)))
        targets[n] = q / q.sum()
    return Model(model.states, tables), targets


@given(targeted(), st.booleans())
def test_targets_are_proportional_fitting(case, by_sweeps):
    model, targets = case
    p = build(model)
    with pytest.MonkeyPatch.context() as patch:
        if by_sweeps:
            patch.setattr(targets_module, "MOST_JOINT", 0)
        got = p.condition(targets=targets)
    want = fitted(model.joint, {model.names.index(n): q for n, q in targets.items()})
    assert got.log_partition() == pytest.approx(model.log_z, abs=1e-9)
    joint = got.marginal(*model.names)
    np.testing.assert_allclose(joint.values, want, rtol=0, atol=1e-10)
    for n, q in targets.items():
        np.testing.assert_allclose(got.marginal(n).values, q, rtol=0, atol=2e-12)


@given(models(EXTREME, with_mass=True), st.data())
def test_one_target_is_jeffreys_rule(model, data):
    """P'(x) = sum_a q(a) P(x | a), with q on states that have mass."""
    assume(model.names)
    name = data.draw(st.sampled_from(model.names))
    mass = summed(model, [name]) > -math.inf
    q = np.where(mass, np.random.default_rng(data.draw(st.integers(0, 9))).random(len(mass)), 0)
    q /= q.sum()
    p = build(model)
    got = p.condition(targets={name: q})
    slack = 1e-10 + slack_of(model)
    assert got.log_partition() == pytest.approx(model.log_z, abs=slack)
    parts = [(w, model.given({name: s})) for s, w in zip(model.states[name], q, strict=True) if w]
    for n in model.names:
        if n != name:
            want = sum(w * part.marginal([n]) for w, part in parts)
            np.testing.assert_allclose(got.marginal(n).values, want, rtol=0, atol=slack)


def test_the_cloth_seen_by_candlelight():
    """Jeffrey (1965), as in Chan & Darwiche (2005): what they compute for the piece of cloth."""
    colour, sold = Variable("colour", ["g", "b", "v"]), Variable("sold", 2)
    prior = Factor(colour, [0.3, 0.3, 0.4])
    p = GibbsDistribution([prior, Factor([colour, sold], [[0.6, 0.4], [0.6, 0.4], [0.2, 0.8]])])
    seen = p.condition(targets={"colour": [0.7, 0.25, 0.05]})
    np.testing.assert_allclose(
        seen.marginal("colour", "sold").values,
        [[0.42, 0.28], [0.15, 0.10], [0.01, 0.04]],
        rtol=1e-12,
    )
    # the same as likelihoods in the ratio of new to old
    ratio = p.condition(likelihood={"colour": np.array([0.7, 0.25, 0.05]) / prior.values})
    np.testing.assert_allclose(ratio.marginal("sold").values, [0.58, 0.42], rtol=1e-12)


def test_targets_come_after_evidence_and_likelihood(book):
    c = Variable("C", 2)
    p = GibbsDistribution([PHI, Factor([B, c], [[3, 1], [1, 2]])])
    got = p.condition({"C": 1}, likelihood={"B": [1, 3]}, targets={"A": {"a0": 0.2, "a1": 0.8}})
    first = p.condition({"C": 1}, likelihood={"B": [1, 3]})
    np.testing.assert_allclose(got.marginal("A").values, [0.2, 0.8], rtol=1e-12)
    given_a = [first.condition({"A": a}).marginal("B").values for a in A.states]
    np.testing.assert_allclose(
        got.marginal("B").values, 0.2 * given_a[0] + 0.8 * given_a[1], rtol=1e-12
    )
    assert got.log_partition() == pytest.approx(first.log_partition(), rel=1e-14)
    assert got.evidence == {"C": 1}
    # what comes later is weighed against it: the target was a factor by then
    later = got.condition(likelihood={"A": [4, 1]})
    np.testing.assert_allclose(later.marginal("A").values, [0.5, 0.5], rtol=1e-12)
    assert book.condition(targets={}).factors == book.factors


def test_targets_where_mass_is_tiny():
    """exp(-1000) is no float, but it is mass, and may be asked to be half of all."""
    p = GibbsDistribution([Factor.from_log(A, [0, -1000]), Factor([A, B], [[1, 0], [1, 1]])])
    got = p.condition(targets={"A": [0.5, 0.5]})
    np.testing.assert_allclose(got.marginal("B").values, [0.75, 0.25], rtol=1e-12)
    assert got.log_partition() == pytest.approx(p.log_partition(), abs=1e-12)


def test_targets_on_a_network(shared_data):
    p = network(shared_data, "alarm")
    q = {"HR": [0.2, 0.3, 0.5], "BP": [0.6, 0.3, 0.1], "PAP": [0.1, 0.1, 0.8], "CVP": [1, 0, 0]}
    got = p.condition({"HRBP": "HIGH"}, targets=q)
    for name, target in q.items():
        np.testing.assert_allclose(got.marginal(name).values, target, rtol=0, atol=1e-11)
    before = p.condition({"HRBP": "HIGH"})
    assert got.log_partition() == pytest.approx(before.log_partition(), rel=1e-10)
    # nearest: log(P'/P) is a sum of functions of the targeted variables, so given them P' is P
    state = {n: got.map_assignment()[n] for n in q}
    for name in ("LVFAILURE", "SAO2", "EXPCO2"):
        np.testing.assert_allclose(
            got.condition(state).marginal(name).values,
            before.condition(state).marginal(name).values,
            rtol=1e-9,
        )


@pytest.mark.parametrize("energy", [1, 10, 50, 300, 1e6])
@pytest.mark.parametrize("off", [0.1, 0.001])
def test_targets_of_near_copies(energy, off):
    """exp(-energy) of the mass is where A and B differ, but ``off`` of it has to go there."""
    p = GibbsDistribution(Factor.from_log([A, B], [[0, -energy], [-energy, 0]]))
    got = p.condition(targets={"A": [0.5, 0.5], "B": [0.5 - off, 0.5 + off]})
    joint = got.marginal("A", "B").values
    np.testing.assert_allclose(joint.sum(axis=1), 0.5, rtol=1e-9)
    np.testing.assert_allclose(joint.sum(axis=0), [0.5 - off, 0.5 + off], rtol=1e-9)
    assert got.log_partition() == pytest.approx(p.log_partition(), abs=1e-12 * max(10, energy))
    # odds ratios of a table are what fitting margins leaves alone
    odds = joint[0, 0] * joint[1, 1] / (joint[0, 1] * joint[1, 0]) if joint.all() else math.inf
    assert odds == math.inf or math.log(odds) == pytest.approx(2 * energy, rel=1e-9)


def test_targets_that_leave_nothing_in_a_corner():
    """Only in the limit: with no mass at (a1, b0), equal margins leave none at (a0, b1)."""
    p = GibbsDistribution(Factor([A, B], [[1, 1], [0, 1]]))
    got = p.condition(targets={"A": [0.5, 0.5], "B": [0.5, 0.5]})
    np.testing.assert_allclose(got.marginal("A", "B").values, np.eye(2) / 2, atol=1e-9)


def test_targets_that_contradict(book, impossible):
    zero = GibbsDistribution([Factor([A, B], [[1, 0], [0, 3]])])  # A and B go together
    with pytest.raises(
        ValueError, match=r"targets of 'A', 'B' don't go together: .* 0\.05\d* from"
    ):
        zero.condition(targets={"A": [0.5, 0.5], "B": [0.4, 0.6]})
    with pytest.raises(ZeroProbabilityError, match=r"target of 'B' asks for mass at 'b1', where"):
        zero.condition(targets={"A": [1, 0], "B": [0.4, 0.6]})
    with pytest.raises(ZeroProbabilityError, match=r"target of 'A' asks for mass at 'a1', where"):
        zero.condition({"B": "b0"}, targets={"A": [0.5, 0.5]})
    with pytest.raises(ZeroProbabilityError, match=r"mass at states other than 'a0', which it is"):
        book.condition({"A": "a0"}, targets={"A": [0.5, 0.5]})
    assert book.condition({"A": "a0"}, targets={"A": [1, 0]}).evidence == {"A": "a0"}
    with pytest.raises(ZeroProbabilityError, match="no distribution with these targets"):
        impossible.condition(targets={"A": [0.5, 0.5]})
    same = zero.condition(targets={"A": [0.5, 0.5], "B": [0.5, 0.5]})
    np.testing.assert_allclose(same.marginal("A", "B").values, np.eye(2) / 2, rtol=1e-11)


# ---- what users say about them ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["likelihood", "targets"])
@pytest.mark.parametrize(
    ("numbers", "error", "message"),
    [
        ([0.1, 0.2, 0.7], ValueError, r"of 'A' has shape \(3,\); .* 2 states, 'a0', 'a1'"),
        (0.5, ValueError, r"of 'A' has shape \(\)"),
        ([[0.5, 0.5]], ValueError, "'A' is given 1 rows of numbers; one case takes one row"),
        ({"a0": 1.0}, ValueError, "of 'A' gives no number for 'a1'; give one for every state"),
        ({"a0": 1, "a1": 0, "a2": 0}, ValueError, "'A' has no state 'a2'; its states are"),
        ([1.5, -0.5], ValueError, r"of 'A' is -0\.5 at 'a1'; the numbers are finite and"),
        ([1.0, math.inf], ValueError, "of 'A' is inf at 'a1'"),
        ([1.0, math.nan], ValueError, "of 'A' is nan at 'a1'"),
        ([0, 0], ValueError, "of 'A' is 0 at every state; at least one must be possible"),
        ("a0", TypeError, "of 'A' is 'a0'; expected one number for each of its states"),
        (["a0", 1], TypeError, "of 'A' is .* expected one number for each"),
        (Factor(B, [1, 0]), ValueError, r"of 'A' is a factor over \('B',\), not over it"),
        (Factor(Variable("A", 2), [1, 0]), ValueError, "gives 'A' the states"),
    ],
)
def test_numbers_that_make_no_sense(book, kind, numbers, error, message):
    with pytest.raises(error, match=message):
        book.condition(**{kind: {"A": numbers}})


def test_soft_evidence_that_makes_no_sense(book):
    import pandas as pd

    with pytest.raises(ValueError, match=r"the target of 'A' sums to 1\.1; .* are a likelihood"):
        book.condition(targets={"A": [0.3, 0.8]})
    with pytest.raises(ValueError, match="no variable 'C'; there are 'A', 'B'"):
        book.condition(likelihood={"C": [1, 2]})
    with pytest.raises(TypeError, match=r"targets is a mapping \{name: numbers\}.* got \['A'\]"):
        book.condition(targets=["A"])
    by_label = book.condition(targets={"A": pd.Series({"a1": 0.75, "a0": 0.25})}).marginal("A")
    assert by_label.values.tolist() == pytest.approx([0.25, 0.75])
    with pytest.raises(ValueError, match=r"target of factor over .* no number for the states 'a1'"):
        book.condition(targets={"A": pd.Series({"a0": 1.0})})
    with pytest.raises(TypeError, match="the likelihood of 'A' is a data frame; give its columns"):
        book.condition(likelihood={"A": pd.DataFrame([[0.5, 0.5]])})
    nearly = book.condition(targets={"A": [0.2, 0.8 + 5e-7]})
    assert nearly.log_partition() == pytest.approx(book.log_partition(), rel=1e-14)
