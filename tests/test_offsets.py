"""A common part in the log weights of single tables: it changes log Z, and no other answer."""

from __future__ import annotations

import io
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Model, Table
from strategies import build, models

from gibbsfactor import (
    ConditionalTable,
    Factor,
    GibbsDistribution,
    PrecisionWarning,
    Variable,
    read_bif,
    read_uai,
)
from gibbsfactor.thermodynamics import BoltzmannDistribution, Energy

X, Y, W = Variable("x", 2), Variable("y", 2), Variable("w", ["w0", "w1", "w2"])
PAIR = [[0.3, -0.7, 1.1], [0.0, 0.4, -0.2]]  # over (x, w)
OFFSETS = (1e12, -1e15, 1e17, 1e100)


def on_a_grid(model: Model) -> Model:
    """Log weights that are multiples of 1/8, to which an offset of 1e15 can be added exactly."""
    tables = [Table(t.scope, np.round(t.logs * 8) / 8) for t in model.tables]
    return Model(model.states, tables)


def with_offsets(model: Model, offsets: list[float]) -> Model:
    pairs = zip(model.tables, offsets, strict=True)
    return Model(model.states, [Table(t.scope, t.logs + offset) for t, offset in pairs])


def close(got: object, want: object) -> None:
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-9, atol=1e-9)


def check_same(p: GibbsDistribution, q: GibbsDistribution, data: st.DataObject) -> None:
    """Every answer of p is that of q, but for log Z."""
    names = data.draw(st.permutations(p.names))[: data.draw(st.integers(0, 3))]
    close(p.entropy(), q.entropy())
    close(p.kl_divergence(q), 0.0)
    close(q.kl_divergence(p), 0.0)
    close(p.marginal(*names).values, q.marginal(*names).values)
    for name, table in p.marginals().items():
        close(table.values, q.marginal(name).values)
    best, found = q.k_best(5), p.k_best(5)
    close([b.log_probability for b in found], [b.log_probability for b in best])
    for x, log_probability in found:
        close(q.log_probability(x), log_probability)
        close(p.log_probability(x), log_probability)
    top = p.map_assignment()
    close(q.log_probability(top), best[0].log_probability)
    some = p.marginal_map(names)
    close(q.log_probability_of(some), p.log_probability_of(some))
    close(q.log_probability_of(q.marginal_map(names)), p.log_probability_of(some))
    for name, column in p.sample(3, 1).items():
        assert column.tolist() == q.sample(3, 1)[name].tolist()
    hot, tepid = p.at_temperature(1.7), q.at_temperature(1.7)
    close(hot.entropy(), tepid.entropy())
    one, other = BoltzmannDistribution.of(p), BoltzmannDistribution.of(q)
    close(one.heat_capacity(), other.heat_capacity())
    close(one.entropy(), other.entropy())
    curve, plain = one.curve([0.7, 1.3]), other.curve([0.7, 1.3])
    close(curve.entropy, plain.entropy)
    close(curve.heat_capacity, plain.heat_capacity)
    if names:
        rows = {name: [top[name], None] for name in names}
        for name, table in q.marginals(evidence=rows).items():
            close(p.marginals(evidence=rows)[name], table)
        kept = names[0]
        close(p.marginal(kept, evidence=rows), q.marginal(kept, evidence=rows))
        close(
            p.condition({kept: top[kept]}).entropy(),
            q.condition({kept: top[kept]}).entropy(),
        )
        more = {kept: np.linspace(0.5, 1.0, len(q.marginal(kept).values))}
        close(
            p.condition(likelihood=more).marginal(kept).values,
            q.condition(likelihood=more).marginal(kept).values,
        )


@settings(max_examples=40, deadline=None)
@given(models(with_mass=True), st.data())
def test_offsets_change_nothing_but_log_z(model, data):
    model = on_a_grid(model)
    scales = st.sampled_from([0.0, 1.0, 1e6, 1e9, 1e12, 1e15])
    offsets = [data.draw(scales) * data.draw(st.integers(-8, 8)) / 8 for _ in model.tables]
    shifted = with_offsets(model, offsets)
    p, q = build(shifted), build(model)
    want = math.fsum([q.log_partition(), *offsets])
    assert p.log_partition() == pytest.approx(want, rel=1e-15, abs=1e-9)
    check_same(p, q, data)


@pytest.mark.parametrize("offset", [1e12, -1e15, 1e17, -1e100])
def test_a_table_that_says_nothing_beside_one_that_does(offset):
    q = GibbsDistribution([Factor.from_log([X, W], PAIR), Factor.from_log(Y, [0.0, 0.5])])
    constant = Factor.from_log([Y, W], np.full((2, 3), offset))
    p = GibbsDistribution([*q.factors, constant, Factor.from_log((), offset)])
    assert p.log_partition() == pytest.approx(2 * offset + q.log_partition(), rel=1e-15)
    close(p.entropy(), q.entropy())
    close(p.kl_divergence(q), 0.0)
    close(p.marginal("x", "w", "y").values, q.marginal("x", "w", "y").values)
    close([b.log_probability for b in p.k_best(12)], [b.log_probability for b in q.k_best(12)])
    close(sum(b.probability for b in p.k_best(12)), 1.0)
    close(
        p.log_probability({"x": 1, "y": 0, "w": "w2"}),
        q.log_probability_of({"x": 1, "y": 0, "w": "w2"}),
    )
    close(p.probability_of({"w": "w1"}), q.probability_of({"w": "w1"}))
    close(p.mutual_information("x", "w"), q.mutual_information("x", "w"))
    close(p.expectation(["x", "w"], PAIR), q.expectation(["x", "w"], PAIR))
    close(p.at_temperature(3).entropy(), q.at_temperature(3).entropy())
    close(p.condition({"w": "w2"}).entropy(), q.condition({"w": "w2"}).entropy())
    close(
        p.condition(targets={"x": [0.9, 0.1]}).entropy(),
        q.condition(targets={"x": [0.9, 0.1]}).entropy(),
    )
    rows = {"w": ["w0", None, "w2"]}
    close(p.marginal("x", "y", evidence=rows), q.marginal("x", "y", evidence=rows))
    want = q.log_partition(evidence=rows) + 2 * offset
    np.testing.assert_allclose(p.log_partition(evidence=rows), want, rtol=1e-15)


def test_offsets_that_cancel_leave_log_z_exact():
    p = GibbsDistribution(
        [
            Factor.from_log([X, W], np.array(PAIR)),
            Factor.from_log(X, [1e15, 1e15]),
            Factor.from_log(W, [-1e15, -1e15, -1e15]),
            Factor.from_log((), 1e100),
            Factor.from_log((), -1e100),
        ]
    )
    want = float(np.log(np.exp(PAIR).sum()))
    assert p.log_partition() == pytest.approx(want, rel=1e-15)
    assert p.log_unnormalized({"x": 0, "w": "w2"}) == pytest.approx(1.1, rel=1e-15)
    assert p.partition_function() == pytest.approx(math.exp(want), rel=1e-14)


def test_offsets_in_slices_and_in_parts_one_after_the_other():
    rng = np.random.default_rng(0)
    v = [Variable(f"x{i}", 2) for i in range(12)]
    pairs = [(a, b) for i, a in enumerate(v) for b in v[i + 1 :]]
    tables = [np.round(rng.normal(size=(2, 2)) * 8) / 8 for _ in pairs]
    offsets = rng.choice([0.0, 1e12, -1e15], len(pairs))
    apart = [Factor.from_log(Variable(f"y{i}", 2), [1e15, 1e15 + 0.5]) for i in range(3)]

    def made(memory: int | None, *, shifted: bool) -> GibbsDistribution:
        shifts = offsets if shifted else np.zeros(len(pairs))
        ends = apart if shifted else [Factor.from_log(f.scope, [0.0, 0.5]) for f in apart]
        factors = [
            Factor.from_log(pair, table + shift)
            for pair, table, shift in zip(pairs, tables, shifts, strict=True)
        ]
        return GibbsDistribution([*factors, *ends], memory=memory)

    q = made(None, shifted=False)
    p = made(q.plan().marginals_bytes // 8, shifted=True)
    assert p.plan().n_slices > 1
    close(p.entropy(), q.entropy())
    close(p.marginal("x0", "y1", "x7").values, q.marginal("x0", "y1", "x7").values)
    for name, table in p.marginals().items():
        close(table.values, q.marginal(name).values)
    best, found = q.k_best(20), p.k_best(20)
    close([b.log_probability for b in found], [b.log_probability for b in best])
    assert p.map_assignment() == q.map_assignment()
    mean = np.mean(p.sample(4000, 0)["y0"])
    assert abs(mean - 1 / (1 + math.exp(-0.5))) < 0.03
    close(BoltzmannDistribution.of(p).heat_capacity(), BoltzmannDistribution.of(q).heat_capacity())


def test_an_offset_for_each_state_that_is_observed():
    """Rows with their own offsets, as in a conditional log table: each case is right by itself."""
    logs = np.array([[1e15, 1e15 + 0.5, 1e15], [0.0, 0.25, 0.75]])
    p = GibbsDistribution([Factor.from_log([X, W], logs), Factor.from_log([Y, W], PAIR)])
    plain = logs - [[1e15], [0.0]]
    q = GibbsDistribution([Factor.from_log([X, W], plain), Factor.from_log([Y, W], PAIR)])
    rows = {"x": [0, 1]}
    close(p.marginal("y", "w", evidence=rows), q.marginal("y", "w", evidence=rows))
    for name, table in q.marginals(evidence=rows).items():
        close(p.marginals(evidence=rows)[name], table)
    turned = GibbsDistribution([Factor.from_log([X, W], logs - 1e15), *p.factors[1:]])
    close(turned.marginal("y", "w", evidence=rows), q.marginal("y", "w", evidence=rows))
    for state, shift in ((0, 1e15), (1, 0.0)):
        one, other = p.condition({"x": state}), q.condition({"x": state})
        close(one.entropy(), other.entropy())
        close(one.marginal("y", "w").values, other.marginal("y", "w").values)
        assert p.log_partition(evidence=rows)[state] == pytest.approx(
            other.log_partition() + shift, rel=1e-15
        )


def test_penalties_that_no_assignment_avoids_are_told():
    frustrated = [[0.0, -1e20], [-1e20, 0.0]], [[-1e20, 0.0], [0.0, -1e20]]
    a, b = Variable("a", 2), Variable("b", 2)
    field = Factor.from_log(a, [0.0, 0.5])
    p = GibbsDistribution([*(Factor.from_log([a, b], t) for t in frustrated), field])
    assert p.log_partition() == pytest.approx(-1e20)
    told = r"every assignment is 1e\+20 nats or more below .* differences of 2.2e\+04 nats .* -inf"
    for question in (
        p.entropy,
        p.marginals,
        p.map_assignment,
        lambda: p.marginal("a"),
        lambda: p.k_best(2),
        lambda: p.sample(1, 0),
        lambda: p.marginal_map("a"),
        lambda: p.log_probability({"a": 0, "b": 0}),
        lambda: p.kl_divergence(p),
        lambda: p.expectation("a", [0, 1]),
        lambda: BoltzmannDistribution.of(p).heat_capacity(),
        lambda: GibbsDistribution([field], [b]).kl_divergence(p),
    ):
        with pytest.warns(PrecisionWarning, match=told):
            question()
    with pytest.warns(PrecisionWarning, match=r"below .* in row 0; "):
        p.marginals(evidence={"b": [0, 1]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        avoided = GibbsDistribution([Factor.from_log([a, b], frustrated[0]), field])
        close(avoided.marginal("a").values, [1 / (1 + math.exp(0.5)), 1 / (1 + math.exp(-0.5))])


# ---- factors -----------------------------------------------------------------------------------


def test_factors_keep_the_digits_beside_a_large_part():
    large = Factor.from_log([X, W], np.array(PAIR).round() * 0.5 + 1e15)
    plain = Factor.from_log([X, W], np.array(PAIR).round() * 0.5)
    small = Factor.from_log(W, [0.1, 0.2, 0.30000001])
    close((large * small).normalize().values, (plain * small).normalize().values)
    close(
        (small * large).marginalize("w").normalize().values,
        (plain * small).marginalize("w").normalize().values,
    )
    close((large * small / large).log_values, (plain * small / plain).log_values)
    close(large.normalize().values.sum(), 1.0)
    close(large.marginalize(["x", "w"]).log_values, 1e15)
    close(
        (large * small).maximize("x").normalize().values,
        (plain * small).maximize("x").normalize().values,
    )
    close(
        (large * small).reduce({"w": "w1"}).normalize().values,
        (plain * small).reduce({"w": "w1"}).normalize().values,
    )
    close(
        (large * small).transpose(["w", "x"]).normalize().values,
        (plain * small).normalize().values.T,
    )
    close(
        large.at_temperature(0.7).normalize().values, plain.at_temperature(0.7).normalize().values
    )
    p = GibbsDistribution([large * small])
    close(p.entropy(), GibbsDistribution([plain * small]).entropy())


def test_energies_of_a_large_zero_point():
    p = BoltzmannDistribution(
        [
            Energy([X, W], np.array([[0.0, 1.5, 1.0], [0.5, 0.25, 2.0]]) + 1e15),
            Energy(Y, [0, 1], "h"),
        ],
        temperature=0.7,
        h=0.3,
    )
    q = BoltzmannDistribution(
        [Energy([X, W], [[0.0, 1.5, 1.0], [0.5, 0.25, 2.0]]), Energy(Y, [0, 1], "h")],
        temperature=0.7,
        h=0.3,
    )
    for one, other in ((p, q), (p.condition({"x": 1}), q.condition({"x": 1}))):
        close(one.entropy(), other.entropy())
        close(one.heat_capacity(), other.heat_capacity())
        close(one.marginal("w", "y").values, other.marginal("w", "y").values)
        close(one.pressure("h"), other.pressure("h"))
        close(one.at_temperature(1.9).entropy(), other.at_temperature(1.9).entropy())
        curve, plain = one.curve([0.4, 1.1]), other.curve([0.4, 1.1])
        close(curve.entropy, plain.entropy)
        close(curve.heat_capacity, plain.heat_capacity)
        assert one.mean_energy() == pytest.approx(1e15, rel=1e-14)
        assert one.free_energy() == pytest.approx(1e15, rel=1e-14)
        np.testing.assert_allclose(curve.mean_energy, 1e15, rtol=1e-14)


# ---- below the smallest float ------------------------------------------------------------------


def test_uai_entries_below_the_smallest_float_are_not_zero():
    text = "MARKOV 2 2 2 2 1 0 2 0 1 2 1e-400 2.5E-401 4 1 2 0.0 0e-500"
    p = read_uai(io.StringIO(text))
    assert p.log_partition() == pytest.approx(-400 * math.log(10) + math.log(3), rel=1e-12)
    assert p.factors[0].log_values.tolist() == pytest.approx(
        [-400 * math.log(10), math.log(2.5) - 401 * math.log(10)], rel=1e-15
    )
    assert not p.factors[1].is_log
    assert p.marginal("x0").values.tolist() == [1.0, 0.0]
    both = read_uai(io.StringIO("MARKOV 1 2 1 1 0 2 1e-400 3e-400"))
    assert both.marginal("x0").values.tolist() == pytest.approx([0.25, 0.75], rel=1e-12)


BIF = """network n {}
variable a { type discrete [ 2 ] { no, yes }; }
variable b { type discrete [ 2 ] { no, yes }; }
probability ( a ) { table 1, 1e-400; }
probability ( b | a ) { (no) 0.5, 0.5; (yes) 1.0, 0e-9; }
"""


def test_probabilities_below_the_smallest_float_are_told():
    told = "the probability 1e-400 is below the smallest float, .* is read as 0, .* write 0 if it"
    with pytest.warns(PrecisionWarning, match=told):
        p = read_bif(io.StringIO(BIF))
    assert p.marginal("a").values.tolist() == [1.0, 0.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_bif(io.StringIO(BIF.replace("1e-400", "0")))
    told = r"log probability -800.0 at \(x=1\) is below .* becomes a probability of 0, .* Factor.fr"
    with pytest.warns(PrecisionWarning, match=told):
        ConditionalTable.from_log(X, [0.0, -800.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ConditionalTable.from_log(X, [0.0, -math.inf])
