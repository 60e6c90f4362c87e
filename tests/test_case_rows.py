"""Rows of cases as a user hands them in: every question against `condition`, row by row."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from strategies import build, random_model

from gibbsfactor import Factor, GibbsDistribution, Variable, ZeroProbabilityError

A, B, C = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1", "b2"]), Variable("C", [0, 1])
P = GibbsDistribution(
    [Factor([A, B], [[20, 25, 3], [15, 4, 0]]), Factor([B, C], [[1, 2], [0, 3], [4, 1]])]
)
EVIDENCE = {"B": ["b0", None, "b2", "b1"], "C": [1, 0, None, None]}
ROWS = [{"B": "b0", "C": 1}, {"C": 0}, {"B": "b2"}, {"B": "b1"}]
LIKELIHOOD = {"A": np.array([[0.5, 0.1], [1.0, 1.0], [0.2, 2.0], [0.3, 0.9]])}
TARGETS = {"A": np.array([[0.5, 0.5], [0.1, 0.9], [1.0, 0.0], [0.25, 0.75]])}

FORMS = {
    "mapping": EVIDENCE,
    "records": ROWS,
    "frame": pd.DataFrame(EVIDENCE),
    "arrays": {k: np.array(v, dtype=object) for k, v in EVIDENCE.items()},
}


def one(row: int, **soft: dict[str, np.ndarray]) -> GibbsDistribution:
    parts = {what: {k: v[row] for k, v in given.items()} for what, given in soft.items()}
    return P.condition(ROWS[row], **parts)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_table(form):
    rows = FORMS[form]
    log_z = P.log_partition(evidence=rows)
    assert log_z.shape == (4,)
    marginals = P.marginals(evidence=rows)
    assert set(marginals) == {"A", "B", "C"}
    joint = P.marginal("C", "A", evidence=rows)
    best = P.map_assignment(evidence=rows)
    for i in range(4):
        alone = one(i)
        assert log_z[i] == pytest.approx(alone.log_partition(), rel=1e-13)
        for name, table in alone.marginals().items():
            np.testing.assert_allclose(marginals[name][i], table.values, atol=1e-14)
        for name, state in ROWS[i].items():
            v = {"B": B, "C": C}[name]
            assert marginals[name][i].tolist() == [float(s == state) for s in v.states]
        for a in range(2):
            for c in range(2):
                x = {"A": A.states[a], "C": C.states[c]}
                want = P.probability_of({**x, **ROWS[i]}) / P.probability_of(ROWS[i])
                if any(ROWS[i].get(k, x[k]) != x[k] for k in x):
                    want = 0.0
                assert joint[i, c, a] == pytest.approx(want, abs=1e-14)
        found = {name: column[i] for name, column in best.items()}
        assert all(found[k] == s for k, s in ROWS[i].items())
        top = alone.log_unnormalized(alone.map_assignment())
        assert P.log_unnormalized(found) == pytest.approx(top, rel=1e-13)


def test_likelihoods_and_targets_by_row():
    rows = {"likelihood": LIKELIHOOD, "targets": {"B": np.array([0.2, 0.3, 0.5])}}
    evidence = {"C": [1, None, 1, 1]}
    got = P.marginals(evidence, **rows)
    log_z = P.log_partition(evidence, **rows)
    for i, c in enumerate(evidence["C"]):
        alone = P.condition(
            {} if c is None else {"C": c},
            likelihood={"A": LIKELIHOOD["A"][i]},
            targets={"B": [0.2, 0.3, 0.5]},
        )
        assert log_z[i] == pytest.approx(alone.log_partition(), rel=1e-11)
        np.testing.assert_allclose(got["B"][i], [0.2, 0.3, 0.5], atol=1e-11)
        for name, table in alone.marginals().items():
            np.testing.assert_allclose(got[name][i], table.values, atol=1e-11)


def test_targets_alone_and_of_several_variables():
    targets = {"A": TARGETS["A"][[0, 1, 3]], "C": np.array([[0.4, 0.6], [0.5, 0.5], [0.9, 0.1]])}
    got = P.marginals(targets=targets)
    for i in range(3):
        alone = P.condition(targets={k: q[i] for k, q in targets.items()})
        np.testing.assert_allclose(got["A"][i], targets["A"][i], atol=1e-11)
        np.testing.assert_allclose(got["C"][i], targets["C"][i], atol=1e-11)
        np.testing.assert_allclose(got["B"][i], alone.marginal("B").values, atol=1e-10)
    np.testing.assert_allclose(P.log_partition(targets=targets), P.log_partition(), rtol=1e-12)


def test_one_sample_of_each_row():
    n = 20_000
    columns = P.sample(rng=1, evidence={"C": [0, 1] * (n // 2)})
    assert columns["C"].tolist() == [0, 1] * (n // 2)
    for c in (0, 1):
        want = P.condition({"C": c}).marginal("A", "B").values
        here = columns["C"] == c
        for i, j in np.ndindex(2, 3):
            both = (columns["A"] == A.states[i]) & (columns["B"] == B.states[j])
            share = both[here].mean()
            assert abs(share - want[i, j]) < 5 * math.sqrt(0.25 / (n / 2))
    with pytest.raises(ValueError, match="each row of evidence is drawn once; leave out n=3"):
        P.sample(3, evidence={"C": [0]})


def test_a_conditioned_distribution_takes_rows_too():
    given = P.condition({"C": 1})
    got = given.marginals(evidence={"B": ["b0", "b1"]})
    assert list(got) == ["A"]
    for i, b in enumerate(["b0", "b1"]):
        want = P.condition({"C": 1, "B": b}).marginal("A").values
        np.testing.assert_allclose(got["A"][i], want, atol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"evidence": {"D": [1]}}, ValueError, "no such variable; there are"),
        ({"evidence": {"B": ["b9"]}}, ValueError, "b9"),
        ({"evidence": {"B": "b0"}}, TypeError, "B"),
        ({"evidence": {}}, ValueError, "no column"),
        (
            {"evidence": {"B": ["b0"]}, "likelihood": LIKELIHOOD},
            ValueError,
            "same number of rows; evidence has 1, the likelihood of 'A' has 4",
        ),
        ({"likelihood": {"A": [0.5, 0.5]}}, ValueError, "which is one case: use condition"),
        ({"targets": {"A": np.array([[0.5, 0.4]])}}, ValueError, "row 0 of the target of 'A' sums"),
        (
            {"evidence": {"B": ["b0", "b2"]}, "targets": {"A": np.array([[0.5, 0.5]] * 2)}},
            ZeroProbabilityError,
            "row 1: the target of 'A' asks for mass",
        ),
        (
            {"evidence": {"A": ["a0", "a1", "a1"], "B": ["b2", "b1", "b2"]}},
            ZeroProbabilityError,
            r"log Z = -inf\) in row 2,",
        ),
    ],
)
def test_wrong_rows(arguments, error, message):
    with pytest.raises(error, match=message):
        P.marginals(**arguments)


def test_observed_already():
    with pytest.raises(ValueError, match="conditioned on already"):
        P.condition({"C": 1}).marginals(evidence={"C": [1, 0]})


def test_impossible_rows_have_log_z_of_minus_infinity():
    log_z = P.log_partition(evidence={"A": ["a1", "a0"], "B": ["b2", "b2"]})
    assert log_z[0] == -math.inf
    assert math.isfinite(log_z[1])


def test_no_rows():
    assert P.log_partition(evidence={"A": []}).shape == (0,)
    assert {n: t.shape for n, t in P.marginals(evidence={"A": []}).items()} == {
        "B": (0, 3),
        "C": (0, 2),
    }


def test_random_models_with_likelihoods():
    rng = np.random.default_rng(9)
    for _ in range(40):
        p = build(random_model(rng, False))
        if p.log_partition() == -math.inf or not p.variables:
            continue
        v = p.variables[int(rng.integers(len(p.variables)))]
        weights = rng.random((3, v.cardinality)) + 0.01
        got = p.marginals(likelihood={v.name: weights})
        for i in range(3):
            alone = p.condition(likelihood={v.name: weights[i]})
            for name, table in alone.marginals().items():
                np.testing.assert_allclose(got[name][i], table.values, atol=1e-10)
