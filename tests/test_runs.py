"""Rows of evidence in one pass, and plans run slice by slice, against the same asked one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import build, models, random_model

from gibbsfactor.errors import IntractableError, ZeroProbabilityError
from gibbsfactor.exact import assignments, batch, inference, runs
from gibbsfactor.exact.batch import Cases
from gibbsfactor.exact.parts import bundles
from gibbsfactor.exact.prepared import prepare
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.variable import Variable

ATOL = 1e-10


def random_cases(rng: np.random.Generator, p: GibbsDistribution, n: int, missing: float) -> Cases:
    """Some variables observed in n rows, each entry missing with some probability."""
    network = p._network
    n_observed = int(rng.integers(0, len(network.variables) + 1))
    observed = {}
    for v in rng.permutation(len(network.variables))[:n_observed].tolist():
        codes = rng.integers(0, network.cardinalities[v], n)
        observed[v] = np.where(rng.random(n) < missing, -1, codes)
    return Cases(n, observed)


def conditioned(p: GibbsDistribution, cases: Cases, row: int) -> GibbsDistribution:
    variables = p.variables
    return p.condition(
        {
            variables[v].name: variables[v].states[codes[row]]
            for v, codes in cases.observed.items()
            if codes[row] >= 0
        }
    )


def without_mass(p: GibbsDistribution, cases: Cases) -> bool:
    return any(conditioned(p, cases, i).log_partition() == -math.inf for i in range(cases.n_rows))


@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("few_rows", [1, 4])
def test_rows_are_as_conditioned_one_by_one(extreme, few_rows, monkeypatch):
    monkeypatch.setattr(batch, "FEW_ROWS", few_rows)
    rng = np.random.default_rng(7 + extreme)
    compared = 0
    for _ in range(150):
        p = build(random_model(rng, extreme))
        cases = random_cases(rng, p, int(rng.integers(1, 9)), rng.choice([0, 0.3]))
        log_z = batch.log_partitions(p._network, cases)
        one_by_one = [conditioned(p, cases, i).log_partition() for i in range(cases.n_rows)]
        np.testing.assert_allclose(log_z, one_by_one, rtol=1e-11, atol=1e-9)
        if -math.inf in one_by_one:
            with pytest.raises(ZeroProbabilityError, match="log Z = -inf"):
                batch.single_marginals(p._network, cases)
            continue
        marginals = batch.single_marginals(p._network, cases)
        for i in range(cases.n_rows):
            alone = conditioned(p, cases, i)
            tables = alone.marginals()
            for v, whole in enumerate(marginals):
                name = p.names[v]
                if whole is None:
                    assert name in alone.evidence
                elif name in tables:
                    want = tables[name].values
                    np.testing.assert_allclose(whole[i], want, rtol=0, atol=1e-8)
                    compared += 1
                else:
                    assert whole[i].tolist().index(1.0) == cases.observed[v][i]
                    assert whole[i].sum() == 1
    assert compared > 500


@given(models(with_mass=True), st.integers(1, 5), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_likelihoods_by_row(model, n, random):
    p = build(model)
    network = p._network
    assume(network.variables)
    rng = np.random.default_rng(random.randrange(2**32))
    v = int(rng.integers(0, len(network.variables)))
    weights = rng.random((n, network.cardinalities[v])) + 0.1
    cases = Cases(n, {}, {v: np.log(weights)})
    log_z = batch.log_partitions(network, cases)
    marginal = p.marginal(p.names[v]).values
    want = p.log_partition() + np.log(weights @ marginal)
    np.testing.assert_allclose(log_z, want, rtol=1e-10, atol=1e-9)


def test_chunks_and_threads(monkeypatch):
    rng = np.random.default_rng(3)
    p = build(random_model(rng))
    cases = random_cases(rng, p, 500, 0.2)
    whole = batch.log_partitions(p._network, cases)
    monkeypatch.setattr(runs, "LEAST_CHUNK", 7)
    monkeypatch.setattr(runs, "CHUNK_BYTES", 1)
    for threads in (1, 3):
        monkeypatch.setattr(runs, "usable_processors", lambda threads=threads: threads)
        np.testing.assert_array_equal(batch.log_partitions(p._network, cases), whole)


# ---- slices -----------------------------------------------------------------------------------


def cut(p: GibbsDistribution, share: float) -> GibbsDistribution:
    """The same with a share of the memory that it would take in one run."""
    return GibbsDistribution(p.factors, p.variables, memory=int(share * p.plan().peak_bytes))


def sliced(p: GibbsDistribution, share: float) -> GibbsDistribution | None:
    narrow = cut(p, share)
    try:
        narrow.log_partition()
    except IntractableError:  # the given tables alone take more
        return None
    return narrow


@pytest.mark.parametrize("extreme", [False, True])
def test_slices_give_the_same_answers(extreme):
    rng = np.random.default_rng(11 + extreme)
    n_sliced = 0
    for _ in range(120):
        model = random_model(rng, extreme)
        p = build(model)
        narrow = sliced(p, rng.uniform(0.3, 0.95))
        if narrow is None:
            continue
        scale = max(1.0, model.scale)
        assert narrow.log_partition() == pytest.approx(p.log_partition(), rel=1e-12, abs=1e-9)
        if p.log_partition() == -math.inf:
            continue
        n_sliced += 1
        plenty = GibbsDistribution(p.factors, p.variables)
        for task in ("marginals", "map_assignment", "entropy"):
            try:
                got = getattr(narrow, task)()
            except IntractableError:
                continue
            want = getattr(plenty, task)()
            if task == "marginals":
                for name, table in want.items():
                    np.testing.assert_allclose(got[name].values, table.values, rtol=0, atol=1e-8)
            elif task == "entropy":
                assert got == pytest.approx(want, rel=0, abs=1e-8 * scale)
            else:
                assert p.log_unnormalized(got) == pytest.approx(
                    p.log_unnormalized(want), rel=1e-12, abs=1e-9
                )
    assert n_sliced > 20


def grid(n: int, seed: int) -> GibbsDistribution:
    rng = np.random.default_rng(seed)
    cells = {(i, j): Variable(f"x{i}_{j}", 2) for i in range(n) for j in range(n)}
    pairs = [((i, j), (i + d, j + 1 - d)) for i, j in cells for d in (0, 1)]
    return GibbsDistribution(
        Factor([cells[a], cells[b]], rng.random((2, 2)) + 0.1)
        for a, b in pairs
        if a in cells and b in cells
    )


@pytest.mark.parametrize("share", [0.5, 0.25, 0.1])
def test_a_grid_in_slices(share):
    p = grid(11, 0)
    tasks = {
        "log_partition": p.plan().peak_bytes,
        "marginals": p.plan().marginals_bytes,
        "map_assignment": p.plan().map_bytes,
    }
    answers = {}
    for task, n_bytes in tasks.items():
        narrow = GibbsDistribution(p.factors, p.variables, memory=int(share * n_bytes))
        answers[task] = getattr(narrow, task)()
    assert answers["log_partition"] == pytest.approx(p.log_partition(), rel=1e-13)
    for name, table in p.marginals().items():
        np.testing.assert_allclose(answers["marginals"][name].values, table.values, atol=1e-12)
    best = p.log_unnormalized(p.map_assignment())
    assert p.log_unnormalized(answers["map_assignment"]) == pytest.approx(best, rel=1e-13)


def test_samples_of_a_sliced_plan():
    p = grid(7, 1)
    narrow = GibbsDistribution(p.factors, p.variables, memory=p.plan().map_bytes // 3)
    n = 20_000
    columns = narrow.sample(n, rng=5)
    for name, table in p.marginals().items():
        share = (columns[name] == 1).mean()
        assert abs(share - table.values[1]) < 5 * math.sqrt(0.25 / n)
    pair = p.marginal("x0_0", "x0_1").values
    both = ((columns["x0_0"] == 1) & (columns["x0_1"] == 1)).mean()
    assert abs(both - pair[1, 1]) < 5 * math.sqrt(0.25 / n)


def test_rows_in_slices():
    p = grid(8, 2)
    rng = np.random.default_rng(0)
    cases = Cases(3, {0: rng.integers(0, 2, 3), 9: np.array([0, -1, 1])})
    whole = batch.single_marginals(p._network, cases)
    tight = p.plan().marginals_bytes // 4
    for got, want in zip(batch.single_marginals(p._network, cases, tight), whole, strict=True):
        if want is not None:
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    network = p._network.in_rows(3, {0: cases.observed[0]})
    scores, states = assignments.most_probable(network, tight)
    for i in range(3):
        alone = p.condition({"x0_0": int(cases.observed[0][i])})
        best = alone.map_assignment()
        assert scores[i] == pytest.approx(alone.log_unnormalized(best), rel=1e-12)
        found = dict(zip(p.names, states[i].tolist(), strict=True))
        del found["x0_0"]
        assert alone.log_unnormalized(found) == pytest.approx(scores[i], rel=1e-12)
    joint = inference.joint_log_weights(network, [9, 12], tight)
    assert joint.shape == (2, 2, 3)
    for i in range(3):
        alone = p.condition({"x0_0": int(cases.observed[0][i])})
        want = alone.marginal(p.names[9], p.names[12]).values
        got = np.exp(joint[..., i] - alone.log_partition())
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


# ---- connected parts ---------------------------------------------------------------------------


def test_parts_a_few_at_a_time():
    """Fifty unconnected grids: none needs slicing, but all together don't fit."""
    grids = [grid(6, seed) for seed in range(50)]
    factors = [
        Factor([Variable(f"{i}{v.name}", 2) for v in f.scope], f.values)
        for i, g in enumerate(grids)
        for f in g.factors
    ]
    p = GibbsDistribution(factors)
    n_bytes = p.plan().marginals_bytes // 8
    narrow = GibbsDistribution(factors, memory=n_bytes)
    parts = bundles(narrow._network, "marginals", n_bytes)
    assert len(parts) > 4
    assert sorted(v for part in parts for v in part.variables) == list(range(50 * 36))
    assert sorted(t for part in parts for t in part.tables) == list(range(50 * 60))
    for part in parts:
        plan = prepare(part.network, "marginals", n_bytes).plan
        assert plan.n_slices == 1
        assert plan.footprint.tables("marginals") <= n_bytes
    want = p.marginals()
    for name, table in narrow.marginals().items():
        np.testing.assert_allclose(table.values, want[name].values, rtol=0, atol=1e-13)
    assert narrow.entropy() == pytest.approx(p.entropy(), rel=1e-12)
    best = p.log_unnormalized(p.map_assignment())
    assert p.log_unnormalized(narrow.map_assignment()) == pytest.approx(best, rel=1e-13)
    drawn = narrow.sample(2000, rng=0)
    for name in p.names[::97]:
        assert abs((drawn[name] == 1).mean() - want[name].values[1]) < 5 * math.sqrt(0.25 / 2000)
    rows = {"0x0_0": [0, 1, 1], "49x5_5": [1, 0, 1]}
    got, want_rows = narrow.marginals(evidence=rows), p.marginals(evidence=rows)
    for name, table in want_rows.items():
        np.testing.assert_allclose(got[name], table, rtol=0, atol=1e-13)
