"""Evidence that a variable is in one of several states, and likelihoods of some states only."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import Model, Table
from strategies import build, models

from gibbsfactor import BayesianNetwork, ConditionalTable, Factor, GibbsDistribution, Variable
from gibbsfactor.thermodynamics import BoltzmannDistribution, Energy

RAIN = Variable("rain", ["none", "light", "heavy"])
GRASS = Variable("grass", ["dry", "wet"])
P = BayesianNetwork(
    [
        ConditionalTable(RAIN, [], [0.5, 0.3, 0.2]),
        ConditionalTable(GRASS, [RAIN], [[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]),
    ]
)


@settings(max_examples=60, deadline=None)
@given(models(with_mass=True), st.data())
def test_sets_are_enumeration(model, data):
    assume(model.names)
    names = data.draw(st.permutations(model.names))[: data.draw(st.integers(1, 2))]
    sets = {}
    for name in names:
        states = data.draw(st.lists(st.sampled_from(model.states[name]), min_size=1, unique=True))
        sets[name] = set(states)
    masks = [
        Table((name,), np.array([float(s in sets[name]) for s in model.states[name]]), False)
        for name in sets
    ]
    want = Model(model.states, [*model.tables, *masks])
    p = build(model)
    given_sets = p.condition(sets)
    slack = 1e-12 * max(1.0, model.scale)
    got = given_sets.log_partition()
    assert got == want.log_z or abs(got - want.log_z) <= slack
    assert p.log_partition(evidence=[sets])[0] == pytest.approx(want.log_z, abs=slack)
    chance = want.log_z - model.log_z
    assert p.log_probability_of(sets) == pytest.approx(chance, abs=slack)
    one_by_one = math.fsum(
        p.probability_of(dict(zip(sets, states, strict=True))) for states in product(*sets.values())
    )
    assert p.probability_of(sets) == pytest.approx(one_by_one, rel=1e-9, abs=1e-12)
    if not want.support_size:
        return
    for name, table in given_sets.marginals().items():
        np.testing.assert_allclose(table.values, want.marginal([name]), rtol=0, atol=1e-10)
        in_rows = p.marginals(evidence=[sets, {}])
        np.testing.assert_allclose(in_rows[name][0], want.marginal([name]), rtol=0, atol=1e-10)
    if all(len(states) > 1 for states in sets.values()):
        assert given_sets.entropy() == pytest.approx(want.entropy(), rel=1e-10, abs=1e-10)
        assert given_sets.kl_divergence(p) == pytest.approx(want.kl(model), rel=1e-9, abs=1e-10)


def test_one_of_two_states_of_the_rain():
    seen = P.condition({"rain": {"none", "light"}})
    assert seen.marginal("rain").values.tolist() == pytest.approx([0.625, 0.375, 0.0], rel=1e-15)
    assert seen.marginal("grass").values.tolist() == pytest.approx([0.75, 0.25], rel=1e-15)
    assert seen.names == ("rain", "grass")
    assert P.probability_of({"rain": {"none", "light"}}) == pytest.approx(0.8, rel=1e-15)
    assert P.condition({"rain": RAIN.other_than("heavy")}).marginal("rain")[{"rain": "heavy"}] == 0
    assert P.condition({RAIN: {"none", "light"}}).probability_of({"grass": "wet"}) == pytest.approx(
        0.25
    )
    assert seen.map_assignment() == {"rain": "none", "grass": "dry"}
    assert len(seen.k_best(10)) == 4
    assert set(seen.sample(200, 0)["rain"]) == {"none", "light"}
    assert seen.condition({"rain": {"light", "heavy"}}).marginal("rain").values.tolist() == [
        0,
        1,
        0,
    ]
    assert seen.condition({"rain": "heavy"}).log_partition() == -math.inf
    both = P.condition({"rain": {"none", "light"}}, likelihood={"rain": {"light": 0.5, ...: 1.0}})
    assert both.marginal("rain").values.tolist() == pytest.approx([50 / 65, 15 / 65, 0], rel=1e-14)


def test_sets_that_say_all_or_one_state():
    alone = P.condition({"rain": {"light"}})
    assert alone.evidence == {"rain": "light"}
    assert alone.names == ("grass",)
    assert P.condition({"rain": set(RAIN.states)}).factors == P.factors
    assert alone.condition({"rain": {"none", "light"}}).evidence == {"rain": "light"}
    with pytest.raises(
        ValueError, match=r"'rain' is observed to be 'light' already; .* of 'none', 'h"
    ):
        alone.condition({"rain": {"none", "heavy"}})


def test_states_that_are_collections_stay_states():
    v = Variable("v", [frozenset({"a"}), frozenset({"a", "b"}), ("a", "b"), "a"])
    p = GibbsDistribution([Factor(v, [1, 2, 3, 4])])
    assert p.condition({"v": frozenset({"a", "b"})}).evidence == {"v": frozenset({"a", "b"})}
    assert p.condition({"v": ("a", "b")}).evidence == {"v": ("a", "b")}
    some = p.condition({"v": {frozenset({"a"}), "a"}})
    assert some.marginal("v").values.tolist() == [0.2, 0, 0, 0.8]
    assert p.marginals(evidence={"v": [frozenset({"a"})]}) == {}


MISTAKES = {
    "empty": (
        {"rain": set()},
        r"evidence gives 'rain' an empty set of states; give .* 'heavy', or",
    ),
    "unknown": (
        {"rain": {"none", "snow"}},
        r"no state 'snow'; its states are 'none', 'light', 'he",
    ),
    "a list": ({"rain": ["none", "light"]}, r"a list is no state \(evidence may be a set of poss"),
    "no variable": ({"snow": {"none"}}, "no variable 'snow'; there are 'rain', 'grass'"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case):
    evidence, message = MISTAKES[case]
    with pytest.raises(ValueError, match=message):
        P.condition(evidence)
    with pytest.raises(ValueError, match="no state 'snow'"):
        RAIN.other_than("snow")
    with pytest.raises(ValueError, match="row 1 of evidence gives 'rain' an empty set of states"):
        P.marginals(evidence={"rain": ["none", set()]})
    with pytest.raises(ValueError, match="'rain' has no state 'snow'"):
        P.marginals(evidence={"rain": ["none", {"none", "snow"}]})
    with pytest.raises(
        ValueError, match=r"of 'rain' gives no number for 'none', 'light'; .* \.\.\.: 1}"
    ):
        P.condition(likelihood={"rain": {"heavy": 0.2}})


@pytest.mark.parametrize("frame", [False, True])
def test_rows_with_sets(frame):
    rows = {
        "rain": [{"none", "light"}, "heavy", None, frozenset({"heavy"})],
        "grass": ["wet", None, {"dry", "wet"}, "dry"],
    }
    given_rows = pd.DataFrame(rows) if frame else rows
    reports = {"rain": np.array([[1.0, 0.5, 0.25]] * 4)}
    found = P.marginals(evidence=given_rows)
    weighed = P.marginals(evidence=given_rows, likelihood=reports)
    best = P.map_assignment(evidence=given_rows)
    joint = P.marginal("rain", "grass", evidence=given_rows)
    drawn = P.sample(rng=0, evidence=given_rows)
    for i in range(4):
        evidence = {name: column[i] for name, column in rows.items()}
        alone = P.condition(evidence)
        likely = P.condition(evidence, likelihood={"rain": [1.0, 0.5, 0.25]})
        for name, table in alone.marginals().items():
            np.testing.assert_allclose(found[name][i], table.values, atol=1e-14)
        for name, table in likely.marginals().items():
            np.testing.assert_allclose(weighed[name][i], table.values, atol=1e-14)
        assert P.log_partition(evidence=given_rows)[i] == pytest.approx(alone.log_partition())
        assert joint[i].sum() == pytest.approx(1)
        top = {name: column[i] for name, column in best.items()}
        assert {**alone.evidence, **alone.map_assignment()} == top
        x = {name: column[i] for name, column in drawn.items()}
        assert alone.probability(x) > 0


def test_a_likelihood_of_some_states_only():
    said = P.condition(likelihood={"rain": {"heavy": 0.2, ...: 1.0}})
    want = P.condition(likelihood={"rain": [1.0, 1.0, 0.2]})
    assert said.marginal("rain").values.tolist() == want.marginal("rain").values.tolist()
    aimed = P.condition(targets={"rain": {"heavy": 0.5, ...: 0.25}})
    assert aimed.marginal("rain").values.tolist() == pytest.approx([0.25, 0.25, 0.5])
    dots = Variable("v", [..., "x", "y"])
    q = GibbsDistribution([], [dots])
    with pytest.raises(ValueError, match="gives no number for 'y'"):
        q.condition(likelihood={"v": {...: 1, "x": 2}})


def test_energies_given_a_set():
    spin = Variable("s", [-1, 0, 1])
    p = BoltzmannDistribution(Energy(spin, [1, 0, -1], "h"), temperature=2.0, h=1.0)
    up = p.condition({"s": {0, 1}})
    share = 1 / (1 + math.exp(-0.5))
    assert up.marginal("s").values.tolist() == pytest.approx([0, 1 - share, share])
    assert up.at_temperature(1.0).mean_energy() == pytest.approx(-1 / (1 + math.exp(-1.0)))
    assert up.heat_capacity() == pytest.approx(share * (1 - share) / 4)
