"""What is left out before planning changes no answer: barren tables, separate parts, lost states.

Held against enumeration. Answers through the smaller network must agree to 1e-9: its tables are
the same numbers, so that only the order of additions differs.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import Model, Table
from strategies import LABELS, build, models
from uai import read_evidence, read_model

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.exact import assignments, inference, support
from gibbsfactor.exact.network import Network, Weights
from gibbsfactor.exact.prune import without_barren, without_separated
from gibbsfactor.exact.search import make_plan
from gibbsfactor.exact.support import Restricted, restricted, supported
from gibbsfactor.factor import Factor
from gibbsfactor.variable import Variable

TOLERANCE = 1e-9


def network_of(model: Model) -> Network:
    return build(model)._network


def numbers(model: Model, names: list[str]) -> list[int]:
    return [model.names.index(n) for n in names]


def assert_same_log_z(network: Network, model: Model) -> None:
    got = network.log_sum(inference.log_partition(network))
    if model.log_z == -math.inf:
        assert got == -math.inf
    else:
        assert got == pytest.approx(model.log_z, rel=0, abs=TOLERANCE)


def assert_same_marginal(network: Network, model: Model, names: list[str]) -> None:
    """The normalised joint marginal over the names, or that there is none."""
    logs = inference.joint_log_weights(network, numbers(model, names))[..., 0]
    if not model.support_size:
        assert (logs == -math.inf).all()
        return
    table = np.exp(logs - logs.max())
    np.testing.assert_allclose(table / table.sum(), model.marginal(names), rtol=0, atol=TOLERANCE)


@st.composite
def bayesian_networks(draw) -> tuple[Model, dict[str, tuple[str, ...]]]:
    """Tables P(child | parents) with zeros and equal rows, and the parents of each variable."""
    states = {
        f"v{i}": tuple(LABELS[0][: draw(st.integers(1, 3))]) for i in range(draw(st.integers(1, 6)))
    }
    names = list(states)
    parents: dict[str, tuple[str, ...]] = {}
    tables = []
    for i, name in enumerate(names):
        above = draw(st.lists(st.sampled_from(names[:i]), max_size=2, unique=True)) if i else []
        parents[name] = tuple(above)
        shape = tuple(len(states[n]) for n in [*above, name])
        weights = draw(
            st.lists(
                st.sampled_from([0.0, 1.0, 2.0, 0.37, 1e-3]),
                min_size=math.prod(shape),
                max_size=math.prod(shape),
            )
        )
        values = np.array(weights).reshape(shape)
        values[..., 0] += values.sum(axis=-1) == 0
        values /= values.sum(axis=-1, keepdims=True)
        is_log = draw(st.booleans())
        with np.errstate(divide="ignore"):
            tables.append(Table((*above, name), np.log(values) if is_log else values, is_log))
    return Model(states, tables), parents


def subset(data: st.DataObject, names: list[str]) -> list[str]:
    return data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []


# ---- barren tables --------------------------------------------------------------------------


@given(models(), st.data())
def test_barren_tables_change_neither_log_z_nor_marginals(model, data):
    wanted = subset(data, model.names)
    network = network_of(model)
    smaller = without_barren(network, numbers(model, wanted))
    assert len(smaller.tables) <= len(network.tables)
    assert_same_log_z(smaller, model)
    assert_same_marginal(smaller, model, wanted)


@given(bayesian_networks(), st.data())
def test_only_what_is_above_the_wanted_or_observed_stays_of_a_bayesian_network(drawn, data):
    model, parents = drawn
    wanted = subset(data, model.names)
    observed = [n for n in subset(data, model.names) if n not in wanted]
    for name in observed:  # soft evidence, so that the observed variable stays in sight
        weights = np.linspace(0.1, 1.0, len(model.states[name]))
        model.tables.append(Table((name,), weights, False))
    smaller = without_barren(network_of(model), numbers(model, wanted))
    above: set[str] = set()
    stack = [*wanted, *observed]
    while stack:
        name = stack.pop()
        above.add(name)
        stack += parents[name]
    left = {model.names[v] for scope in smaller.scopes for v in scope}
    assert left <= above
    assert left >= {n for n in wanted if len(model.states[n]) > 1}
    assert_same_log_z(smaller, model)
    assert_same_marginal(smaller, model, wanted)


def test_a_bayesian_network_without_evidence_sums_to_one_before_any_plan():
    rng = np.random.default_rng(0)
    x = [Variable(f"x{i}", 3) for i in range(200)]
    factors = [Factor(x[0], [0.2, 0.3, 0.5])]
    for i in range(1, 200):
        table = rng.random((3, 3))
        factors.append(Factor([x[i - 1], x[i]], table / table.sum(axis=1, keepdims=True)))
    smaller = without_barren(Network.of(factors, x))
    assert smaller.scopes == smaller.tables == ()
    assert smaller.n_given == 0
    assert abs(smaller.log_constant) < 1e-12
    middle = without_barren(Network.of(factors, x), wanted=[7])
    assert len(middle.tables) == 8


def test_several_leaves_of_one_table_are_summed_at_once():
    a, b, c = Variable("a", 2), Variable("b", 2), Variable("c", 2)
    # neither the sum over b nor that over c is constant; the sum over both is 2
    table = Factor([a, b, c], [[[0.5, 1.0], [0.25, 0.25]], [[0.0, 0.0], [1.5, 0.5]]])
    smaller = without_barren(Network.of([table, Factor(a, [1, 3])], [a, b, c]), wanted=[0])
    assert smaller.scopes == ((0,),)
    assert smaller.log_constant == pytest.approx(math.log(2), rel=1e-15)
    kept = without_barren(Network.of([table, Factor(a, [1, 3])], [a, b, c]), wanted=[0, 1])
    assert kept.scopes == ((0, 1, 2), (0,))


def test_nearly_constant_is_not_constant():
    a, b = Variable("a", 2), Variable("b", 2)
    for off in (1e-13, 1e-9):
        table = Factor([a, b], [[0.5, 0.5], [0.5, 0.5 + off]])
        network = Network.of([table, Factor(a, [1, 2])], [a, b])
        assert without_barren(network, wanted=[0]) is network


def test_sums_beyond_what_a_float_holds_are_kept():
    a, b = Variable("a", 2), Variable("b", 2)
    network = Network.of([Factor([a, b], np.full((2, 2), 1.5e308)), Factor(a, [1, 2])], [a, b])
    assert without_barren(network, wanted=[0]) is network
    logs = Network.of([Factor.from_log([a, b], np.full((2, 2), 5e3)), Factor(a, [1, 2])], [a, b])
    smaller = without_barren(logs, wanted=[0])
    assert smaller.scopes == ((0,),)
    assert smaller.log_sum(smaller.log_constant) == pytest.approx(5e3 + math.log(2), rel=1e-15)


def test_a_table_of_zeros_is_not_barren():
    a = Variable("a", 2)
    for zero in (Factor(a, [0, 0]), Factor.from_log(a, [-math.inf, -math.inf])):
        network = without_barren(Network.of([zero], [a]))
        assert len(network.tables) == 1
        assert inference.log_partition(network) == -math.inf


def test_a_constant_table_leaves_unless_a_wanted_variable_has_no_other():
    a, b = Variable("a", 2), Variable("b", 2)
    factors = [Factor(a, [3, 3]), Factor([a, b], [[2, 2], [2, 2]]), Factor(b, [1, 2])]
    smaller = without_barren(Network.of(factors, [a, b]), wanted=[0, 1])
    assert sorted(v for scope in smaller.scopes for v in scope) == [0, 1]
    assert inference.log_partition(smaller) == pytest.approx(math.log(36), rel=1e-15)


def test_given_tables_are_told_from_added_ones():
    a, b, c = (Variable(n, 2) for n in "abc")
    table = Factor([a, b], [[0.5, 0.5], [0.1, 0.9]])
    network = Network.of([Factor(a, [1, 2]), table], [a, b, c], [[a, c]])
    smaller = without_barren(network, wanted=[0, 2])
    assert (smaller.scopes, smaller.n_given) == (((0,), (0, 2)), 1)


# ---- separated parts ------------------------------------------------------------------------


@given(models(), st.data())
def test_separated_parts_change_no_marginal_and_hide_no_contradiction(model, data):
    wanted = subset(data, model.names)
    chosen = numbers(model, wanted)
    smaller = without_separated(without_barren(network_of(model), chosen), chosen)
    assert_same_marginal(smaller, model, wanted)
    assert (inference.log_partition(smaller) == -math.inf) == (model.log_z == -math.inf)


def test_a_separated_part_leaves_only_where_all_is_positive():
    a, b, c = (Variable(n, 2) for n in "abc")
    pair = Factor([b, c], [[1, 2], [3, 5]])
    positive = Network.of([Factor(a, [1, 2]), pair], [a, b, c])
    assert without_separated(positive, [0]).scopes == ((0,),)
    assert without_separated(positive, [2]).scopes == ((1, 2),)
    assert without_separated(positive, [0, 1]) is positive
    clash = Network.of([Factor(a, [1, 2]), pair, Factor(b, [0, 1]), Factor(b, [1, 0])], [a, b, c])
    assert without_separated(clash, [0]) is clash
    with pytest.raises(ZeroProbabilityError, match="log Z = -inf"):
        inference.single_marginals(without_separated(clash, [0]))


# ---- ruled-out states -----------------------------------------------------------------------


def assert_same_answers(model: Model, smaller: Restricted) -> None:
    """log Z, all marginals, a joint marginal and the best assignment, back in all states."""
    assert_same_log_z(smaller.network, model)
    if not model.support_size:
        return
    for v, table in enumerate(inference.single_marginals(smaller.network)):
        whole = smaller.marginal([v], table)[:, 0]
        expected = model.marginal([model.names[v]])
        np.testing.assert_allclose(whole, expected, rtol=0, atol=TOLERANCE)
    pair = list(range(len(model.names)))[-2:]
    logs = inference.joint_log_weights(smaller.network, pair)
    joint = smaller.marginal(pair, np.exp(logs - logs.max()))[..., 0]
    expected = model.marginal([model.names[v] for v in pair])
    np.testing.assert_allclose(joint / joint.sum(), expected, rtol=0, atol=TOLERANCE)
    (score,), states = assignments.most_probable(smaller.network)
    score = smaller.network.log_sum(score)
    assert score == pytest.approx(model.map_score, rel=0, abs=TOLERANCE)
    found = model.log_weights[tuple(smaller.states(states)[0].tolist())]
    assert found == pytest.approx(model.map_score, rel=0, abs=TOLERANCE)


@given(models(kinds={"hard": (st.sampled_from([-math.inf, -math.inf, 0.0, 1.5]), True)}))
def test_answers_through_the_states_that_are_left(model):
    network = network_of(model)
    possible = supported(network)
    for name, states in zip(model.names, possible, strict=True):
        if model.support_size:
            assert states[model.marginal([name]) > 0].all()  # nothing that has mass is ruled out
    smaller = restricted(network, possible)
    if smaller is None:
        assert model.log_z == -math.inf
        return
    assert smaller.network.n_given <= network.n_given
    assert all(states.all() for states in supported(smaller.network))  # nothing more to find
    assert_same_answers(model, smaller)


@given(models())
def test_answers_with_weights_of_all_kinds(model):
    network = network_of(model)
    smaller = restricted(network, supported(network))
    if smaller is None:
        assert model.log_z == -math.inf
    else:
        assert_same_answers(model, smaller)


@st.composite
def trees_with_zeros(draw) -> Model:
    states = {f"v{i}": tuple(range(draw(st.integers(1, 4)))) for i in range(5)}
    names = list(states)
    scopes = [(names[draw(st.integers(0, i - 1))], names[i]) for i in range(1, 5)]
    scopes += [(n,) for n in draw(st.lists(st.sampled_from(names), max_size=2))]
    tables = []
    for scope in scopes:
        shape = tuple(len(states[n]) for n in scope)
        size = math.prod(shape)
        zeros = draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0]), min_size=size, max_size=size))
        tables.append(Table(scope, np.array(zeros).reshape(shape), False))
    return Model(states, tables)


@given(trees_with_zeros())
def test_on_a_tree_exactly_the_states_without_mass_are_ruled_out(model):
    network = network_of(model)
    possible = supported(network)
    if not model.support_size:
        assert restricted(network, possible) is None
        return
    for name, states in zip(model.names, possible, strict=True):
        assert states.tolist() == (model.marginal([name]) > 0).tolist()


def test_evidence_at_one_end_of_a_chain_of_copies_is_felt_at_the_other():
    x = [Variable(f"x{i}", 4) for i in range(50)]
    copies = [Factor([x[i], x[i + 1]], np.roll(np.eye(4), 1, axis=1)) for i in range(49)]
    network = Network.of([*copies, Factor(x[0], [0, 0, 2, 0])], x)
    smaller = restricted(network, supported(network))
    assert smaller is not None
    assert smaller.network.scopes == ()
    assert smaller.network.log_constant == pytest.approx(math.log(2))
    assert [int(p[0]) for p in smaller.positions] == [(2 + i) % 4 for i in range(50)]
    assert smaller.network.variables[1] == Variable("x1", [3])


def test_stopping_early_rules_out_less_but_nothing_wrongly(monkeypatch):
    x = [Variable(f"x{i}", 2) for i in range(6)]
    copies = [Factor([x[i + 1], x[i]], np.eye(2)) for i in range(5)][::-1]
    network = Network.of([*copies, Factor(x[0], [0, 1])], x)
    assert all(states.tolist() == [False, True] for states in supported(network))
    monkeypatch.setattr(support, "MOST_ROUNDS", 2)
    possible = supported(network)
    assert possible[1].tolist() == [False, True]
    assert possible[-1].tolist() == [True, True]
    smaller = restricted(network, possible)
    assert smaller is not None
    assert inference.log_partition(smaller.network) == pytest.approx(0.0, abs=1e-15)


def test_tiny_weights_are_not_zeros():
    a = Variable("a", 3)
    for table in (Factor(a, [5e-324, 0, 1]), Factor.from_log(a, [-1e6, -math.inf, 0])):
        assert supported(Network.of([table], [a]))[0].tolist() == [True, False, True]


def test_tables_without_ruled_out_states_are_shared():
    a, b, c = Variable("a", 3), Variable("b", 2), Variable("c", 2)
    network = Network.of(
        [Factor([b, c], [[1, 2], [3, 4]]), Factor([a, b], np.eye(3, 2))], [a, b, c]
    )
    smaller = restricted(network, supported(network))
    assert smaller is not None
    assert smaller.network.tables[0] is network.tables[0]
    assert smaller.tables == (0, 1)
    assert smaller.network.tables[1].scope[0].states == (0, 1)


# ---- rows of evidence -----------------------------------------------------------------------


@st.composite
def in_rows(draw, model: Model) -> tuple[Network, list[Model]]:
    """The model's network in a few rows of evidence, hard and soft, and the model of each row."""
    n_rows = draw(st.integers(1, 3))
    hard = draw(st.lists(st.sampled_from(model.names), unique=True)) if model.names else []
    soft = [n for n in model.names if n not in hard and draw(st.booleans())]
    network = network_of(model)

    def positions(name: str) -> list[int]:
        states = st.integers(0, len(model.states[name]) - 1)
        return draw(st.lists(states, min_size=n_rows, max_size=n_rows))

    observed = {name: positions(name) for name in hard}
    weights = {}
    for name in soft:
        size = len(model.states[name])
        row = st.lists(st.sampled_from([0.0, 1.0, 0.5]), min_size=size, max_size=size)
        weights[name] = np.array(draw(st.lists(row, min_size=n_rows, max_size=n_rows)))
    rows = network.in_rows(
        n_rows,
        {network.numbers[n]: np.array(p) for n, p in observed.items()},
        {network.numbers[n]: Weights(w) for n, w in weights.items()},
    )
    cases = []
    for r in range(n_rows):
        tables = [Table((n,), w[r], False) for n, w in weights.items()]
        at = {n: model.states[n][p[r]] for n, p in observed.items()}
        cases.append(Model(model.states, [*model.tables, *tables]).given(at))
    return rows, cases


def assert_same_rows(
    network: Network, whole: Network, cases: list[Model], names: list[str]
) -> None:
    """log Z of each row, and the normalised marginal over the names where there is one."""
    totals = np.broadcast_to(network.log_sum(inference.log_partitions(network)), len(cases))
    logs = inference.joint_log_weights(network, [whole.numbers[n] for n in names])
    for row, case in enumerate(cases):
        assert totals[row] == pytest.approx(case.log_z, rel=0, abs=TOLERANCE)
        if case.support_size:
            table = logs[..., row if logs.shape[-1] > 1 else 0]
            table = np.exp(table - table.max())
            expected = case.marginal(names)
            np.testing.assert_allclose(table / table.sum(), expected, rtol=0, atol=TOLERANCE)


@given(st.data())
def test_rows_of_evidence_keep_their_answers_without_barren_tables(data):
    model = data.draw(bayesian_networks())[0] if data.draw(st.booleans()) else data.draw(models())
    network, cases = data.draw(in_rows(model))
    wanted = subset(data, cases[0].names)
    chosen = numbers(model, wanted)
    smaller = without_barren(network, chosen)
    assert_same_rows(smaller, network, cases, wanted)
    apart = without_separated(smaller, chosen)
    lost = np.broadcast_to(inference.log_partitions(apart) == -math.inf, len(cases))
    assert lost.tolist() == [case.log_z == -math.inf for case in cases]


@given(st.data())
def test_rows_of_evidence_keep_their_answers_over_the_states_that_any_of_them_leaves(data):
    network, cases = data.draw(in_rows(data.draw(models())))
    smaller = restricted(network, supported(network))
    if smaller is None:
        assert all(case.log_z == -math.inf for case in cases)
        return
    log_z = smaller.network.log_sum(inference.log_partitions(smaller.network))
    totals = np.broadcast_to(log_z, len(cases))
    for total, case in zip(totals.tolist(), cases, strict=True):
        assert total == pytest.approx(case.log_z, rel=0, abs=TOLERANCE)
    if not all(case.support_size for case in cases):
        return
    tables = inference.single_marginals(smaller.network)
    scores, states = assignments.most_probable(smaller.network)
    scores = smaller.network.log_sum(scores)
    for row, case in enumerate(cases):
        for name in case.names:
            v = network.numbers[name]
            whole = smaller.marginal([v], tables[v])
            whole = whole[:, row if whole.shape[1] > 1 else 0]
            np.testing.assert_allclose(whole, case.marginal([name]), rtol=0, atol=TOLERANCE)
        best = dict(zip(network.numbers, smaller.states(states)[row], strict=True))
        found = case.log_weights[tuple(best[name] for name in case.names)]
        assert found == pytest.approx(case.map_score, rel=0, abs=TOLERANCE)
        assert scores[row] == pytest.approx(case.map_score, rel=0, abs=TOLERANCE)


def test_a_contradiction_in_one_row_of_a_separated_part_is_seen():
    a, b = Variable("a", 2), Variable("b", 2)
    network = Network.of([Factor(a, [1, 2]), Factor(b, [1, 3])], [a, b])
    rows = network.in_rows(2, {}, {1: Weights(np.array([[0.0, 0.0], [1.0, 1.0]]))})
    apart = without_separated(without_barren(rows, [0]), [0])
    assert (inference.log_partitions(apart) == -math.inf).tolist() == [True, False]
    positive = network.in_rows(2, {}, {1: Weights(np.array([[0.5, 0.1], [1.0, 1.0]]))})
    assert without_separated(positive, [0]).scopes == ((0,),)


def test_a_state_that_no_row_leaves_possible_is_ruled_out():
    a, b = Variable("a", 3), Variable("b", 3)
    network = Network.of([Factor([a, b], np.eye(3))], [a, b])
    possible = supported(network.in_rows(2, {0: np.array([0, 2])}))
    assert [states.tolist() for states in possible] == [[True] * 3, [True, False, True]]
    soft = network.in_rows(2, {}, {1: Weights(np.array([[1.0, 0.0, 0.0], [0.5, 0.0, 0.0]]))})
    assert [states.tolist() for states in supported(soft)] == [[True, False, False]] * 2


# ---- real models ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Pedigree_11", "Pedigree_12"])
def test_a_real_pedigree_shrinks_and_keeps_its_answers(shared_data, name):
    model = read_model(shared_data / "uai" / f"{name}.uai.gz")
    (evidence,) = read_evidence(shared_data / "uai" / f"{name}.uai.evid.gz")
    variables = [Variable(f"x{v}", k) for v, k in enumerate(model.cardinalities)]
    factors = [
        Factor([variables[v] for v in scope], table).reduce(
            {f"x{v}": evidence[v] for v in scope if v in evidence}
        )
        for scope, table in zip(model.scopes, model.tables, strict=True)
    ]
    network = Network.of(factors, [x for v, x in enumerate(variables) if v not in evidence])
    smaller = restricted(network, supported(network))
    assert smaller is not None
    plans = [make_plan(n.scopes, n.cardinalities) for n in (network, smaller.network)]
    assert plans[0].flops > 10 * plans[1].flops
    log_z = inference.log_partition(network)
    assert inference.log_partition(smaller.network) == pytest.approx(log_z, abs=TOLERANCE)
    assert inference.log_partition(without_barren(network)) == pytest.approx(log_z, abs=TOLERANCE)
    whole = inference.single_marginals(network)
    for v, table in enumerate(inference.single_marginals(smaller.network)):
        np.testing.assert_allclose(smaller.marginal([v], table), whole[v], rtol=0, atol=TOLERANCE)
    (score,), states = assignments.most_probable(smaller.network)
    assert score == pytest.approx(assignments.most_probable(network)[0][0], abs=TOLERANCE)
    placed = dict(zip(network.numbers, smaller.states(states)[0].tolist(), strict=True))
    full = [evidence.get(v, placed.get(f"x{v}", 0)) for v in range(len(variables))]
    assert model.log_weight(np.array(full)) == pytest.approx(score, abs=TOLERANCE)
