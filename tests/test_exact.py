"""The exact engine against enumeration and against recursions written here."""

from __future__ import annotations

import math
from itertools import pairwise, permutations

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import Model, Table
from scipy.special import logsumexp
from scipy.stats import chi2
from strategies import EXTREME, build, models, random_model

from gibbsfactor.errors import IntractableError, ZeroProbabilityError
from gibbsfactor.exact import assignments, prepared, scaled, schedule, search, sweeps
from gibbsfactor.exact.order import eliminate, elimination_order, neighbours
from gibbsfactor.exact.tree import tree_of_order, tree_of_pairs
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.variable import Variable


def assert_log(got: float, want: float, scale: float, tolerance: float = 1e-12) -> None:
    """Equal to ``tolerance`` relative to the sizes added up: no sum of floats can do better."""
    if want == -math.inf:
        assert got == want
    else:
        assert abs(got - want) <= tolerance * max(1.0, abs(want), scale), (got, want)


def check(model: Model, rng: np.random.Generator, atol: float) -> None:
    """All that the engine says about a model, against the enumeration."""
    p = build(model)
    assert_log(p.log_partition(), model.log_z, model.scale)
    if not model.support_size:
        for ask in (p.marginals, p.map_assignment, p.marginal, p.sample, p.entropy):
            with pytest.raises(ZeroProbabilityError, match=r"log Z = -inf"):
                ask()
        return
    marginals = p.marginals()
    assert list(marginals) == model.names
    for name, factor in marginals.items():
        assert factor.names == (name,)
        np.testing.assert_allclose(factor.values, model.marginal([name]), rtol=0, atol=atol)
    best = p.map_assignment()
    assert list(best) == model.names
    slack = 1e-12 * max(1.0, model.scale)  # what rounding may do to two weights
    assert_log(model.log_weight(best), model.map_score, model.scale)
    assert model.position(best) in model.maximisers(slack)
    network = build(model)._network
    (score,), _ = assignments.most_probable(network)
    assert_log(float(network.log_sum(score)), model.map_score, model.scale)
    names = [model.names[i] for i in rng.permutation(len(model.names))[:3]]
    joint = p.marginal(*names)
    assert joint.names == tuple(names)
    np.testing.assert_allclose(joint.values, model.marginal(names), rtol=0, atol=atol)


# With energies of 1e6 a sum of ten has rounding errors of 10 * 1e6 * 2^-53 = 1e-9 nats, which
# is the relative error of a weight: no method in doubles gets marginals better than that.
ATOL = {False: 1e-10, True: 1e-8}


@pytest.mark.parametrize("extreme", [False, True])
def test_two_thousand_models(extreme):
    rng = np.random.default_rng(20_240_607 + extreme)
    for _ in range(2000):
        check(random_model(rng, extreme), rng, ATOL[extreme])


@pytest.mark.parametrize("extreme", [False, True])
def test_ruled_out_states_leave_first(extreme, monkeypatch):
    """However cheap the model: states without mass are looked for, and the answers stay."""
    monkeypatch.setattr(prepared, "WORTH_SECONDS", 0.0)
    rng = np.random.default_rng(5 + extreme)
    fewer = 0
    for _ in range(200):
        model = random_model(rng, extreme)
        check(model, rng, ATOL[extreme])
        fewer += prepared.prepare(build(model)._network, "map", None).restricted is not None
    assert fewer > 20


@given(models(), st.integers(0, 2**32))
def test_models(model, seed):
    check(model, np.random.default_rng(seed), ATOL[False])


@given(models(EXTREME), st.integers(0, 2**32))
def test_models_with_energies_of_a_million(model, seed):
    check(model, np.random.default_rng(seed), ATOL[True])


@given(models(with_mass=True))
def test_table_marginals(model):
    """The marginal over each factor's scope is what its expected log weight rests on."""
    p = build(model)
    assert p.entropy() == pytest.approx(model.entropy(), rel=1e-10, abs=1e-10 * (1 + model.scale))
    for table in model.tables:
        joint = p.marginal(*table.scope)
        np.testing.assert_allclose(joint.values, model.marginal(table.scope), rtol=0, atol=1e-10)


# ---- every order, every arithmetic -----------------------------------------------------------

RULES = ["rounds", "min-fill", "min-weight", "weighted-min-fill", "pairwise"]
TIED = [f"{rule} with random ties" for rule in RULES[1:4]]


@pytest.fixture
def follow(monkeypatch):
    """Make the planner follow one rule alone."""

    def only(rule: str, seed: int = 0) -> None:
        def candidates(scopes, cardinalities, kept):
            if rule == "pairwise":
                yield rule, lambda: tree_of_pairs(scopes, cardinalities, kept)
                return
            name, rng = rule.removesuffix(" with random ties"), None
            if name != rule:
                rng = np.random.default_rng(seed)

            def tree():
                order = elimination_order(scopes, cardinalities, name, kept=kept, rng=rng)
                return tree_of_order(order, scopes, cardinalities, kept)

            yield rule, tree

        monkeypatch.setattr(search, "_candidates", candidates)
        search._cached_plan.cache_clear()

    yield only
    search._cached_plan.cache_clear()


def some_models(count: int, seed: int, extreme: bool = False) -> list[Model]:
    rng = np.random.default_rng(seed)
    return [random_model(rng, extreme) for _ in range(count)]


@pytest.mark.parametrize("rule", RULES + TIED)
def test_any_order_gives_the_same_answers(rule, follow):
    rng = np.random.default_rng(5)
    for seed, model in enumerate(some_models(60, 31)):
        follow(rule, seed)
        assert build(model).plan().rule == rule
        check(model, rng, ATOL[False])


@given(st.data(), models(with_mass=True))
def test_any_order_at_all(data, model):
    """Orders that no rule would choose."""
    n = len(model.names)
    order = data.draw(st.permutations(range(n)))

    def candidates(scopes, cardinalities, kept):
        free = [v for v in order if v not in kept]
        yield "drawn", lambda: tree_of_order(free, scopes, cardinalities, kept)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_candidates", candidates)
        search._cached_plan.cache_clear()
        check(model, np.random.default_rng(0), ATOL[False])
    search._cached_plan.cache_clear()


@pytest.mark.parametrize("rule", RULES[:4])
@pytest.mark.parametrize("closed", [False, True])
def test_orders_of_trees_and_cycles_are_as_narrow_as_can_be(rule, closed):
    """Width 1 for a tree and 2 for a cycle; "rounds" may take a path from its middle, at 2."""
    rng = np.random.default_rng(16)
    for n in range(3, 30):
        edges = [(int(rng.integers(v)), v) for v in range(1, n)]
        if closed:
            edges = [(v, (v + 1) % n) for v in range(n)]
        around: list[set[int]] = [set() for _ in range(n)]
        for u, w in edges:
            around[u].add(w)
            around[w].add(u)
        left = neighbours(edges, n)
        assert left == around
        order = elimination_order(edges, [2] * n, rule)
        assert sorted(order) == list(range(n))
        width = 0
        for v in order:
            width = max(width, len(around[v]))
            for u in around[v]:
                around[u] = (around[u] | around[v]) - {u, v}
            eliminate(v, left)
            around[v] = set()
            assert left == around
        assert width <= (2 if closed or rule == "rounds" else 1)


@pytest.mark.parametrize("extreme", [False, True])
def test_grouped_and_sequential_schedules_agree(extreme, monkeypatch):
    rng = np.random.default_rng(6)
    found = some_models(60, 32, extreme)
    for model in found:
        check(model, rng, ATOL[extreme])
    grouped = [len(build(m).plan().schedule.groups) for m in found]
    monkeypatch.setattr(schedule, "SMALL_PRODUCTS", 0)
    search._cached_plan.cache_clear()
    for model in found:
        p = build(model)
        assert all(group.size == 1 for group in p.plan().schedule.groups)
        check(model, rng, ATOL[extreme])
    assert sum(grouped) < sum(len(build(m).plan().schedule.groups) for m in found)
    search._cached_plan.cache_clear()


@pytest.mark.parametrize("limit", [-1.0, 0.0, 3.0, 60.0])
def test_linear_and_log_arithmetic_agree(limit, monkeypatch):
    """However soon the engine turns to logs, and with both kinds in one product."""
    monkeypatch.setattr(scaled, "LIMIT", limit)
    rng = np.random.default_rng(7)
    for model in some_models(60, 33) + some_models(30, 34, extreme=True):
        check(model, rng, ATOL[True] if model.scale > 1e4 else ATOL[False])


@pytest.mark.parametrize("entries", [1, 2**10, 2**20])
@pytest.mark.parametrize("spread", [1.0, 1e6])
def test_variables_with_many_states(entries, spread, monkeypatch):
    """Long sums in logs go in stretches, or singly where a stretch would take too much room."""
    monkeypatch.setattr(scaled, "BROADCAST_ENTRIES", entries)
    rng = np.random.default_rng(8)
    logs = [rng.uniform(-spread, spread, size=(150, 130)), rng.uniform(-2, 2, size=(130, 7))]
    logs[0][rng.random((150, 130)) < 0.3] = -math.inf
    states = {"a": tuple(range(150)), "b": tuple(range(130)), "c": tuple(range(7))}
    model = Model(states, [Table(("a", "b"), logs[0]), Table(("b", "c"), logs[1])])
    check(model, rng, ATOL[True])


# ---- log Z and its derivatives -----------------------------------------------------------------


@settings(max_examples=30)
@given(models(with_mass=True), st.data())
def test_finite_difference_is_the_marginal(model, data):
    """d log Z / d theta_k(x) = P(x_k = x). A central difference of step h errs by about h^2 / 6
    and by rounding / h: 1e-4 makes them 2e-9 and 1e-8 for logs of up to a thousand."""
    tables = [k for k, t in enumerate(model.tables) if t.scope]
    assume(tables)
    k = data.draw(st.sampled_from(tables))
    table = model.tables[k]
    position = tuple(data.draw(st.integers(0, size - 1)) for size in table.logs.shape)

    def nudged(by: float) -> float:
        logs = table.logs.copy()
        logs[position] += by
        others = [*model.tables[:k], Table(table.scope, logs), *model.tables[k + 1 :]]
        return build(Model(model.states, others)).log_partition()

    h = 1e-4
    slope = (nudged(h) - nudged(-h)) / (2 * h)
    marginal = build(model).marginal(*table.scope).values[position]
    assert slope == pytest.approx(marginal, abs=1e-8 + model.scale * 1e-15 / h)


@settings(max_examples=30)
@given(models(with_mass=True))
def test_cold_limit_is_the_map_score(model):
    """0 <= T log Z(theta / T) - max <= T log(number of maximisers): the entropy at T = 0."""
    p = build(model)
    for temperature in (1e-2, 1e-5):
        free = temperature * p.at_temperature(temperature).log_partition()
        excess = free - model.map_score
        slack = 1e-12 * max(1.0, model.scale)
        assert -slack <= excess <= temperature * math.log(model.support_size) + slack


@settings(max_examples=30)
@given(models(with_mass=True), st.data())
def test_evidence_adds_up(model, data):
    """sum over e of exp(log Z(e) - log Z) = 1."""
    assume(model.names)
    names = data.draw(st.lists(st.sampled_from(model.names), min_size=1, max_size=2, unique=True))
    p = build(model)
    chances = []
    for states in np.ndindex(*(len(model.states[n]) for n in names)):
        evidence = {n: model.states[n][i] for n, i in zip(names, states, strict=True)}
        given_that = p.condition(evidence)
        assert_log(given_that.log_partition(), model.given(evidence).log_z, model.scale)
        chances.append(math.exp(given_that.log_partition() - p.log_partition()))
    # logs of up to a few thousand, whose ulp is 5e-13
    assert math.fsum(chances) == pytest.approx(1.0, abs=1e-12 * (10 + model.scale))


# ---- samples -----------------------------------------------------------------------------------

LEVEL = 1e-4  # of every test below; the seeds are fixed, so that a pass stays one
DRAWS = 4000


def chi_square_passes(model: Model, columns: dict[str, np.ndarray], level: float) -> None:
    n = len(next(iter(columns.values())))
    counts = np.zeros(model.shape)
    lookup = [{s: i for i, s in enumerate(states)} for states in model.states.values()]
    for row in zip(*(columns[name].tolist() for name in model.names), strict=True):
        counts[tuple(at[state] for at, state in zip(lookup, row, strict=True))] += 1
    assert counts[model.log_weights == -math.inf].sum() == 0  # forbidden states are never drawn
    expected = model.joint * n
    likely = expected >= 5  # the rest is pooled
    pooled = [*zip(counts[likely], expected[likely], strict=True)]
    if expected[~likely].sum() >= 5:
        pooled.append((counts[~likely].sum(), expected[~likely].sum()))
    statistic = sum((o - e) ** 2 / e for o, e in pooled)
    assert statistic <= chi2.isf(level, max(len(pooled) - 1, 1))


def test_samples_by_chi_square():
    chosen = [m for m in some_models(80, 40) if m.support_size > 1][:25]
    assert len(chosen) == 25
    for seed, model in enumerate(chosen):
        columns = build(model).sample(DRAWS, np.random.default_rng(seed))
        chi_square_passes(model, columns, LEVEL / len(chosen))


def test_samples_given_evidence():
    logs = np.random.default_rng(1).normal(size=(3, 3, 3))
    cycle = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")]
    states = dict.fromkeys("abcd", ("x", "y", "z"))
    tables = [Table(scope, logs[i % 3]) for i, scope in enumerate(cycle)]
    model = Model(states, tables)
    columns = build(model).condition({"b": "z"}).sample(DRAWS, 3)
    assert list(columns) == ["a", "c", "d"]
    chi_square_passes(model.given({"b": "z"}), columns, LEVEL)


def test_samples_with_energies_of_a_million():
    """Differences of a nat between weights of exp(+-1e6) are what is drawn by."""
    states = {"a": (0, 1), "b": (0, 1, 2), "c": ("u", "v")}
    tables = [
        Table(("a", "b"), np.array([[1e6, 1e6 - 1, -1e6], [1e6 - 2, -math.inf, 1e6]])),
        Table(("b", "c"), np.array([[-1e6, -1e6 + 1], [-1e6, -1e6], [0.0, -2e6]])),
    ]
    model = Model(states, tables)
    chi_square_passes(model, build(model).sample(DRAWS, 11), LEVEL)
    tempered = Model(states, [tables[0], Table(("b", "c"), tables[1].values.clip(-1e6, -1e6 + 1))])
    chi_square_passes(tempered, build(tempered).sample(DRAWS, 12), LEVEL)


def test_samples_in_stretches(monkeypatch):
    """Many rows are traced back a few at a time."""
    monkeypatch.setattr(sweeps, "TRACE_ENTRIES", 8)
    model = next(m for m in some_models(80, 41) if m.support_size > 10)
    chi_square_passes(model, build(model).sample(1500, 5), LEVEL)


def test_samples_repeat_with_their_seed():
    p = GibbsDistribution([], [Variable(f"coin{i}", 2) for i in range(5)])
    one, two = p.sample(20, 7), p.sample(20, np.random.default_rng(7))
    assert all((one[n] == two[n]).all() for n in p.names)
    assert any((one[n] != p.sample(20, 8)[n]).any() for n in p.names)


# ---- long, wide and large ------------------------------------------------------------------------


def chain(logs: np.ndarray) -> GibbsDistribution:
    """Variables x0 .. xn with log weights (n, K, K) between neighbours."""
    variables = [Variable(f"x{t}", logs.shape[1]) for t in range(len(logs) + 1)]
    pairs = pairwise(variables)
    return GibbsDistribution(Factor.from_log(p, w) for p, w in zip(pairs, logs, strict=True))


def forward(logs: np.ndarray) -> list[np.ndarray]:
    """Log messages from the left, one for every variable, each with its own sum of scales."""
    messages = [np.zeros(logs.shape[1])]
    for w in logs:
        joint = messages[-1][:, None] + w
        peak = joint.max(axis=0)
        messages.append(peak + np.log(np.exp(joint - peak).sum(axis=0)))
    return messages


def viterbi(logs: np.ndarray) -> tuple[float, list[int]]:
    score, back = np.zeros(logs.shape[1]), []
    for w in logs:
        joint = score[:, None] + w
        back.append(joint.argmax(axis=0))
        score = joint.max(axis=0)
    path = [int(score.argmax())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return float(score.max()), path[::-1]


@pytest.mark.parametrize("spread", [1.0, 1e6])
def test_map_of_seventy_variables_is_viterbi(spread):
    """3^70 assignments and more variables than a numpy array has axes."""
    logs = np.random.default_rng(9).uniform(-spread, spread, size=(69, 3, 3))
    p = chain(logs)
    score, path = viterbi(logs)
    best = p.map_assignment()
    assert list(best.values()) == path
    assert p.log_unnormalized(best) == pytest.approx(score, rel=1e-13)
    assert p.log_partition() == pytest.approx(float(logsumexp(forward(logs)[-1])), rel=1e-12)


def test_eighty_variables_in_one_bucket_and_apart():
    hub = Variable("hub", 2)
    spokes = [Variable(f"s{i}", 2 + i % 3) for i in range(40)]
    alone = [Variable(f"a{i}", 3) for i in range(40)]
    rng = np.random.default_rng(10)
    logs = [rng.normal(size=(2, s.cardinality)) for s in spokes]
    factors = [Factor.from_log([hub, s], w) for s, w in zip(spokes, logs, strict=True)]
    p = GibbsDistribution(factors, alone)
    want = logsumexp(sum(logsumexp(w, axis=1) for w in logs)) + 40 * math.log(3)
    assert p.log_partition() == pytest.approx(float(want), rel=1e-13)
    assert len(p.marginals()) == len(p.map_assignment()) == len(p.sample(2, 0)) == 81


@pytest.mark.parametrize("spread", [1.0, 1e6])
@pytest.mark.parametrize("same", [True, False])
def test_a_star_of_three_thousand_leaves(spread, same):
    rng = np.random.default_rng(11)
    sizes = [2 if same else 2 + i % 4 for i in range(3000)]
    hub = Variable("hub", 3)
    leaves = [Variable(f"leaf{i}", k) for i, k in enumerate(sizes)]
    logs = [rng.uniform(-spread, spread, size=(k, 3)) for k in sizes]
    p = GibbsDistribution(
        Factor.from_log([leaf, hub], w) for leaf, w in zip(leaves, logs, strict=True)
    )
    to_hub = np.array([logsumexp(w, axis=0) for w in logs])
    at_hub = np.array([math.fsum(column) for column in to_hub.T])
    assert p.log_partition() == pytest.approx(float(logsumexp(at_hub)), rel=1e-12)
    want = np.exp(at_hub - logsumexp(at_hub))
    marginals = p.marginals()
    # sums of 3000 terms: rounding of 3000 * spread * 2^-53 nats
    atol = 1e-9 if spread == 1.0 else 1e-6
    np.testing.assert_allclose(marginals["hub"].values, want, rtol=0, atol=atol)
    leaf = np.exp(logs[7] - logsumexp(logs[7], axis=0)) @ want
    np.testing.assert_allclose(marginals["leaf7"].values, leaf, rtol=0, atol=atol)
    tops = [math.fsum(w.max(axis=0)[h] for w in logs) for h in range(3)]
    assert p.log_unnormalized(p.map_assignment()) == pytest.approx(max(tops), rel=1e-12)


def test_a_chain_of_a_hundred_thousand():
    rng = np.random.default_rng(12)
    logs = rng.normal(size=(99_999, 3, 3))
    weights = np.exp(logs)
    ahead, scales = np.ones((100_000, 3)), np.zeros(100_000)
    for t, w in enumerate(weights):
        row = ahead[t] @ w
        total = row.sum()
        ahead[t + 1], scales[t + 1] = row / total, math.log(total)
    behind = np.ones((100_000, 3))
    for t in range(99_998, -1, -1):
        column = weights[t] @ behind[t + 1]
        behind[t] = column / column.sum()
    p = chain(logs)
    want = math.fsum(scales) + math.log(ahead[-1].sum())
    assert p.log_partition() == pytest.approx(want, rel=1e-9)
    beliefs = ahead * behind
    beliefs /= beliefs.sum(axis=1, keepdims=True)
    marginals = p.marginals()
    found = np.array([marginals[f"x{t}"].values for t in range(100_000)])
    np.testing.assert_allclose(found, beliefs, rtol=0, atol=1e-9)
    score, _ = viterbi(logs)
    assert p.log_unnormalized(p.map_assignment()) == pytest.approx(score, rel=1e-12)


def test_a_chain_of_two_thousand_with_energies_of_a_million():
    rng = np.random.default_rng(13)
    logs = rng.uniform(-1e6, 1e6, size=(1999, 3, 3))
    logs[rng.random(logs.shape) < 0.2] = -math.inf
    logs[::7] = rng.choice([-1e6, 1e6], size=logs[::7].shape)  # ties: log Z is not the maximum
    logs[:, 0, 0] = 0.0  # so that there is mass
    p = chain(logs)
    message = np.zeros(3)
    for w in logs:
        message = logsumexp(message[:, None] + w, axis=0)
    assert p.log_partition() == pytest.approx(float(logsumexp(message)), rel=1e-12)
    score, _ = viterbi(logs)
    assert p.log_unnormalized(p.map_assignment()) == pytest.approx(score, rel=1e-12)
    tables = np.array([f.values for f in p.marginals().values()])
    assert np.isfinite(tables).all()
    np.testing.assert_allclose(tables.sum(axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("gap", [300.0, 5000.0, 1e6])
def test_a_forced_path_far_below_the_best_one(gap):
    """Evidence that leaves only weights e^-gap below the others, at every step of a chain."""
    logs = np.full((199, 2, 2), 0.0)
    logs[:, 1, 1] = -gap
    p = chain(logs)
    forced = p.condition({f"x{t}": 1 for t in range(0, 200, 2)} | {"x199": 1})
    pairs = np.logaddexp(0.0, -2 * gap)
    want = 99 * pairs - gap
    assert forced.log_partition() == pytest.approx(want, rel=1e-12)
    ends = p.condition({"x0": 1, "x1": 1, "x198": 1, "x199": 1})
    assert ends.log_partition() == pytest.approx(_ends(logs), rel=1e-12)


def _ends(logs: np.ndarray) -> float:
    """log Z of the 200-variable chain with its first two and last two states fixed to 1."""
    message = logs[1][1] + logs[0][1, 1]
    for w in logs[2:197]:
        message = logsumexp(message[:, None] + w, axis=0)
    return float(logsumexp(message + logs[197][:, 1]) + logs[198][1, 1])


@pytest.mark.parametrize("order", [*permutations(range(3))])
@pytest.mark.parametrize("gap", [300.0, 400.0, 599.0, 601.0, 5000.0, 1e6])
def test_small_products_that_a_later_zero_leaves_alone(gap, order):
    """e^-gap times e^-gap is nothing beside one, and all there is once the one is forbidden."""
    states = {"a": (0, 1), "b": (0, 1), "c": (0, 1)}
    low = np.array([[-gap, -gap], [0.0, 0.0]])
    tables = [
        Table(("a", "b"), low),
        Table(("a", "c"), low),
        Table(("a",), np.array([0.0, -math.inf])),
    ]
    model = Model(states, [tables[i] for i in order])
    assert build(model).log_partition() == pytest.approx(math.log(4) - 2 * gap, rel=1e-12)
    check(model, np.random.default_rng(0), ATOL[False])
    chained = Model(
        {f"x{t}": (0, 1) for t in range(6)},
        [Table((f"x{t}", f"x{t + 1}"), np.array([[-gap, 0.0], [0.0, 0.0]])) for t in range(5)]
        + [Table((f"x{t}",), np.array([0.0, -math.inf])) for t in (0, 2, 3, 5)],
    )
    check(chained, np.random.default_rng(0), ATOL[True])


def grid(rows: int, columns: int, states: int, rng: np.random.Generator):
    """Log weights across (rows, columns - 1, K, K) and down, and the distribution of them."""
    v = [[Variable(f"x{i}.{j}", states) for j in range(columns)] for i in range(rows)]
    across = rng.normal(size=(rows, columns - 1, states, states))
    down = rng.normal(size=(rows - 1, columns, states, states))
    factors = []
    for i, j in np.ndindex(rows, columns):
        if j + 1 < columns:
            factors.append(Factor.from_log([v[i][j], v[i][j + 1]], across[i, j]))
        if i + 1 < rows:
            factors.append(Factor.from_log([v[i + 1][j], v[i][j]], down[i, j].T))
    return across, down, GibbsDistribution(factors)


def test_a_grid_against_its_transfer_matrix():
    """Row by row: a vector of 2^12 weights, carried one site at a time."""
    across, down, p = grid(12, 12, 2, np.random.default_rng(14))
    bits = (np.arange(2**12)[:, None] >> np.arange(11, -1, -1)) & 1  # site j is the axis j
    log_scale, vector = 0.0, np.ones(2**12)
    for i in range(12):
        if i:
            table = vector.reshape((2,) * 12)
            for j in range(12):
                table = np.moveaxis(np.tensordot(table, np.exp(down[i - 1, j]), ([j], [0])), -1, j)
            vector = table.ravel()
        row = sum(across[i, j][bits[:, j], bits[:, j + 1]] for j in range(11))
        vector = vector * np.exp(row)
        log_scale += math.log(vector.max())
        vector = vector / vector.max()
    want = log_scale + math.log(vector.sum())
    assert p.log_partition() == pytest.approx(want, rel=1e-12)
    last = vector.reshape((2,) * 12).sum(axis=tuple(range(1, 12))) / vector.sum()
    np.testing.assert_allclose(p.marginals()["x11.0"].values, last, rtol=0, atol=1e-10)
    np.testing.assert_allclose(p.marginal("x11.0").values, last, rtol=0, atol=1e-10)


def test_a_grid_too_wide_is_refused():
    _, _, p = grid(40, 40, 4, np.random.default_rng(15))
    message = (
        r"would take 2\^\d+ bytes \(induced width \d+; the largest table has 2\^\d+ entries over "
        r"x.*\), but the budget is .*; condition on some of these variables$"
    )
    for ask in (p.log_partition, p.marginals, p.map_assignment, p.sample, p.entropy):
        with pytest.raises(IntractableError, match=message):
            ask()
    assert isinstance(IntractableError(""), MemoryError)
    plan = p.plan()
    assert plan.width >= 40  # the treewidth of the grid
    assert plan.schedule is None


def test_looking_at_weights_does_not_change_the_answer():
    """exp(-1e6) is no float, yet log Z stays what it was once somebody looked."""
    v = Variable("v", 2), Variable("w", 2)
    factor = Factor.from_log(v, [[-1e6, -1e6 - 1], [-math.inf, -1e6]])
    before = GibbsDistribution([factor]).log_partition()
    _ = factor.values, repr(factor), factor[{"v": 0, "w": 1}]
    assert before == pytest.approx(-1e6 + math.log(2 + math.exp(-1)), rel=1e-12)
    assert GibbsDistribution([factor]).log_partition() == before


# ---- the enumeration itself --------------------------------------------------------------------


def test_the_enumeration_on_a_table_done_by_hand():
    states = {"A": ("a0", "a1"), "B": ("b0", "b1")}
    model = Model(states, [Table(("B", "A"), np.array([[20, 15], [25, 4]]), False)])
    assert math.exp(model.log_z) == pytest.approx(64, rel=1e-15)
    np.testing.assert_allclose(model.joint * 64, [[20, 25], [15, 4]], rtol=1e-14)
    np.testing.assert_allclose(model.marginal(["B"]) * 64, [35, 29], rtol=1e-14)
    np.testing.assert_allclose(model.marginal(["B", "A"]) * 64, [[20, 15], [25, 4]], rtol=1e-14)
    assert model.maximisers(1e-9) == {(0, 1)}
    assert model.kl(model) == 0.0
    assert math.exp(model.given({"B": "b1"}).log_z) == pytest.approx(29, rel=1e-15)
    far = Model(states, [*model.tables, Table((), np.float64(1e6)), Table(("A",), [-1e6, -1e6])])
    assert far.log_z == pytest.approx(model.log_z, rel=1e-15)


def test_the_enumeration_never_imports_the_package():
    with open(reference.__file__, encoding="utf-8") as source:
        assert "gibbsfactor" not in source.read()
