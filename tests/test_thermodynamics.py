"""Boltzmann distributions: the laws of thermodynamics, held against enumeration of all states."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import Model, Table
from strategies import build, models

from gibbsfactor import Factor, GibbsDistribution, Variable, ZeroProbabilityError
from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.thermodynamics import BoltzmannDistribution, Energy

TEMPERATURES = st.floats(0.2, 20)


def boltzmann(model: Model, temperature: float = 1.0, a: float = 1.0) -> BoltzmannDistribution:
    """Energies -log phi, every other one times the parameter ``a``."""
    variables = {n: Variable(n, s) for n, s in model.states.items()}
    terms = [
        Energy([variables[n] for n in t.scope], -t.logs, "a" if i % 2 == 0 else None)
        for i, t in enumerate(model.tables)
    ]
    parameters = {"a": a} if model.tables else {}
    return BoltzmannDistribution(terms, temperature, variables=variables.values(), **parameters)


class Enumerated:
    """The same by listing all states."""

    def __init__(self, model: Model, temperature: float = 1.0, a: float = 1.0) -> None:
        self.possible = model.log_weights > -math.inf
        moved = [Table(t.scope, np.where(np.isneginf(t.logs), 0, t.logs)) for t in model.tables]
        scaled = [Table(t.scope, t.logs * a) if i % 2 == 0 else t for i, t in enumerate(moved)]
        energies = Model(model.states, scaled)
        hard = [Table(t.scope, np.where(np.isneginf(t.logs), t.logs, 0)) for t in model.tables]
        tempered = Model(model.states, [*energies.tempered(temperature).tables, *hard])
        self.scale = 1 + energies.scale
        self.log_z = tempered.log_z
        self.free_energy = -temperature * tempered.log_z
        self.entropy = tempered.entropy()
        p, E = tempered.joint, -energies.log_weights
        slopes = -Model(model.states, moved[::2]).log_weights  # dE / da
        self.mean_energy = math.fsum((p * E).ravel())
        self.energy_variance = math.fsum((p * (E - self.mean_energy) ** 2).ravel())
        self.heat_capacity = self.energy_variance / temperature**2
        self.pressure = -math.fsum((p * slopes).ravel())


def two_level(temperature: float = 1.0, gap: float = 1.0) -> BoltzmannDistribution:
    return BoltzmannDistribution(
        Energy(Variable("level", ["ground", "excited"]), [0, 1], "gap"), temperature, gap=gap
    )


# ---- against enumeration -------------------------------------------------------------------


@given(models(with_mass=True), TEMPERATURES, st.floats(-2, 2))
def test_everything_equals_enumeration(model, temperature, a):
    want = Enumerated(model, temperature, a)
    p = boltzmann(model, temperature, a)
    slack = 1e-12 * want.scale
    assert p.free_energy() == pytest.approx(want.free_energy, rel=1e-12, abs=slack)
    assert p.mean_energy() == pytest.approx(want.mean_energy, rel=1e-11, abs=slack)
    assert p.entropy() == pytest.approx(want.entropy, rel=1e-10, abs=slack / temperature)
    # squares of numbers of this size are rounded
    rounded = 1e-15 * (want.scale / temperature) ** 2
    assert p.heat_capacity() == pytest.approx(want.heat_capacity, rel=1e-10, abs=rounded)
    assert p.energy_variance() == pytest.approx(p.heat_capacity() * temperature**2, rel=1e-14)
    if model.tables:
        assert p.pressure("a") == pytest.approx(want.pressure, rel=1e-11, abs=slack)


@given(models(with_mass=True), st.lists(TEMPERATURES, min_size=1, max_size=4), st.data())
def test_a_curve_is_its_points(model, temperatures, data):
    assume(model.tables)
    a = data.draw(st.lists(st.floats(0, 2), min_size=len(temperatures), max_size=len(temperatures)))
    curve = boltzmann(model).curve(temperatures, a=a, pressures="a")
    assert len(curve) == len(temperatures)
    for i, (T, value) in enumerate(zip(temperatures, a, strict=True)):
        p = boltzmann(model, T, value)
        scale = Enumerated(model, T, value).scale
        slack = 1e-12 * scale / min(T, 1.0)
        for got, want in (
            (curve.free_energy, p.free_energy()),
            (curve.log_partition, p.log_partition()),
            (curve.mean_energy, p.mean_energy()),
            (curve.entropy, p.entropy()),
            (curve.pressures["a"], p.pressure("a")),
        ):
            assert got[i] == pytest.approx(want, rel=1e-10, abs=slack)
        rounded = 1e-15 * (scale / T) ** 2
        assert curve.heat_capacity[i] == pytest.approx(p.heat_capacity(), rel=1e-10, abs=rounded)
    assert curve.temperature.tolist() == temperatures
    assert curve.parameters["a"].tolist() == a


@given(models(with_mass=True), TEMPERATURES, st.data())
def test_part_of_the_system_held_fixed(model, temperature, data):
    assume(model.names)
    names = data.draw(st.lists(st.sampled_from(model.names), unique=True, max_size=3))
    seen = {n: data.draw(st.sampled_from(model.states[n])) for n in names}
    held = model.given(seen)
    assume(held.support_size)
    p = boltzmann(model, temperature).condition(seen)
    want = Enumerated(held, temperature)
    slack = 1e-12 * want.scale
    assert isinstance(p, BoltzmannDistribution)
    assert p.evidence == seen
    assert p.free_energy() == pytest.approx(want.free_energy, rel=1e-12, abs=slack)
    assert p.mean_energy() == pytest.approx(want.mean_energy, rel=1e-11, abs=slack)
    curve = p.curve([temperature, 2 * temperature], pressures=["a"] if model.tables else ())
    assert curve.mean_energy[0] == pytest.approx(want.mean_energy, rel=1e-11, abs=slack)
    assert curve.log_partition[0] == pytest.approx(want.log_z, rel=1e-11, abs=slack)
    if model.tables:
        want_pressure = pytest.approx(want.pressure, rel=1e-11, abs=slack)
        assert p.pressure("a") == want_pressure
        assert curve.pressures["a"][0] == want_pressure


@given(models(), st.data())
def test_the_energy_of_an_assignment(model, data):
    x = {n: data.draw(st.sampled_from(s)) for n, s in model.states.items()}
    got, want = boltzmann(model).energy(x), -model.log_weight(x)
    assert got == want or got == pytest.approx(want, rel=1e-12, abs=1e-12 * (1 + model.scale))


@given(models(with_mass=True), TEMPERATURES)
def test_any_distribution_is_one_at_temperature_one(model, temperature):
    p = build(model)
    q = BoltzmannDistribution.of(p)
    slack = 1e-12 * (1 + model.scale)
    assert q.temperature == 1.0
    assert q.free_energy() == pytest.approx(-p.log_partition(), rel=1e-12, abs=slack)
    hot, want = q.at_temperature(temperature), p.at_temperature(temperature)
    slack /= min(temperature, 1.0)
    assert hot.log_partition() == pytest.approx(want.log_partition(), rel=1e-12, abs=slack)
    for name, factor in want.marginals().items():
        np.testing.assert_allclose(hot.marginals()[name].values, factor.values, atol=1e-11)


# ---- laws ----------------------------------------------------------------------------------


@given(models(with_mass=True), TEMPERATURES)
def test_free_energy_is_energy_less_temperature_times_entropy(model, temperature):
    p = boltzmann(model, temperature)
    F, U, S = p.free_energy(), p.mean_energy(), p.entropy()
    assert pytest.approx(U - temperature * S, abs=1e-11 * (1 + model.scale)) == F


def smooth(draw_scale: float = 2.0):
    """Systems whose energies are of order one, so that differences in T can be taken."""
    rng = np.random.default_rng(7)
    for n in (1, 3, 5):
        v = [Variable(f"v{i}", int(rng.integers(2, 4))) for i in range(n)]
        pairs = [(v[i], v[(i + 1) % n]) for i in range(n)] if n > 1 else []
        terms = [Energy(u, draw_scale * rng.standard_normal(u.cardinality), "h") for u in v]
        for i, (a, b) in enumerate(pairs):
            table = rng.standard_normal((a.cardinality, b.cardinality))
            if i == 0:
                table[0, 0] = math.inf
            terms.append(Energy([a, b], table, "J"))
        parameters = {"h": 0.7, **({"J": 1.3} if pairs else {})}
        yield BoltzmannDistribution(terms, **parameters)


def moved(p: BoltzmannDistribution, name: str, value: float) -> BoltzmannDistribution:
    return p.with_parameters(**{name: value})


def difference(f, x: float, h: float) -> float:
    """df/dx with the error of order h^4."""
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


SYSTEMS = list(smooth())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda p: f"{len(p.variables)} variables")
def test_derivatives_by_temperature_and_parameters(system, temperature):
    h = 1e-3 * temperature
    p = system.at_temperature(temperature)
    slope = difference(lambda T: p.at_temperature(T).free_energy(), temperature, h)
    assert p.entropy() == pytest.approx(-slope, rel=1e-8)
    slope = difference(lambda T: p.at_temperature(T).mean_energy(), temperature, h)
    assert p.heat_capacity() == pytest.approx(slope, rel=1e-8)
    assert p.heat_capacity() >= 0
    slope = difference(lambda T: p.at_temperature(T).entropy(), temperature, h)
    assert p.heat_capacity() == pytest.approx(temperature * slope, rel=1e-7)  # dU = T dS
    for name, value in p.parameters.items():
        slope = difference(lambda x, name=name: moved(p, name, x).free_energy(), value, 1e-3)
        assert p.pressure(name) == pytest.approx(-slope, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda p: f"{len(p.variables)} variables")
def test_maxwell_relation(system):
    """dS/dtheta at fixed T is d pressure / dT at fixed theta: both are -d^2F/dT dtheta."""
    p = system.at_temperature(1.5)
    by_field = difference(lambda x: p.with_parameters(h=x).entropy(), 0.7, 1e-3)
    by_heat = difference(lambda T: p.at_temperature(T).pressure("h"), 1.5, 1e-3)
    assert by_field == pytest.approx(by_heat, rel=1e-7, abs=1e-9)


@given(models(with_mass=True))
def test_hot_is_even(model):
    """At infinite temperature all possible states weigh the same: S = log of their number."""
    hot = boltzmann(model, 1e12 * (1 + model.scale))
    assert hot.entropy() == pytest.approx(math.log(model.support_size), abs=1e-10)
    assert hot.heat_capacity() == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize(("energies", "degeneracy"), [([3, 1, 2], 1), ([1, 5, 1, 1], 3)])
def test_the_third_law(energies, degeneracy):
    """At zero temperature only ground states are left: S = log of their number, C = 0."""
    p = BoltzmannDistribution(Energy(Variable("x", len(energies)), energies), 1e-3)
    assert p.mean_energy() == pytest.approx(1.0, rel=1e-15)
    assert p.free_energy() == pytest.approx(1.0 - 1e-3 * math.log(degeneracy), rel=1e-14)
    assert p.entropy() == pytest.approx(math.log(degeneracy), abs=1e-11)
    assert p.heat_capacity() == pytest.approx(0.0, abs=1e-15)


@given(models(with_mass=True))
def test_cold_is_the_ground_state(model):
    """Where the gap is wide, U is the least energy; near it, everything is as enumerated."""
    T = 0.02
    want = Enumerated(model, T)
    p = boltzmann(model, T)
    rounded = 1e-14 * want.scale / T
    assert p.mean_energy() == pytest.approx(want.mean_energy, abs=rounded * T)
    assert p.entropy() == pytest.approx(want.entropy, abs=rounded)
    squared = 1e-15 * (want.scale / T) ** 2
    assert p.heat_capacity() == pytest.approx(want.heat_capacity, rel=1e-9, abs=squared)
    assert p.energy(p.map_assignment()) == pytest.approx(-model.map_score, abs=rounded)


@given(models(with_mass=True, most_variables=3), models(with_mass=True, most_variables=3))
def test_independent_parts_add_up(one, two):
    renamed = Model(
        {f"w{n}": s for n, s in two.states.items()},
        [Table(tuple(f"w{n}" for n in t.scope), t.values, t.is_log) for t in two.tables],
    )
    both = Model({**one.states, **renamed.states}, [*one.tables, *renamed.tables])
    p, q, pq = (BoltzmannDistribution.of(build(m)) for m in (one, two, both))
    scale = 1 + both.scale
    for name in ("free_energy", "mean_energy", "entropy", "heat_capacity"):
        total = getattr(p, name)() + getattr(q, name)()
        slack = 1e-15 * scale**2 if name == "heat_capacity" else 1e-12 * scale
        assert getattr(pq, name)() == pytest.approx(total, rel=1e-10, abs=slack)


# ---- systems in closed form ----------------------------------------------------------------


@pytest.mark.parametrize("T", [0.01, 0.3, 1.0, 50.0])
def test_two_levels(T):
    """The Schottky anomaly: C = (gap / T)^2 e^(gap/T) / (1 + e^(gap/T))^2."""
    p = two_level(T, gap=1.5)
    x = 1.5 / T
    assert p.mean_energy() == pytest.approx(1.5 / (1 + math.exp(x)), rel=1e-13)
    assert p.heat_capacity() == pytest.approx(
        x**2 * math.exp(-x) / (1 + math.exp(-x)) ** 2, rel=1e-13
    )
    assert p.free_energy() == pytest.approx(-T * math.log1p(math.exp(-x)), rel=1e-12)


def test_long_chain_to_the_last_digits():
    """C of an open Ising chain is (n - 1) (K / cosh K)^2; nothing is lost over 20,000 spins."""
    n, T = 20_000, 1.7
    v = [Variable(f"s{i}", [-1, 1]) for i in range(n)]
    table = [[-1, 1], [1, -1]]
    chain = BoltzmannDistribution([Energy(v[i : i + 2], table) for i in range(n - 1)], T)
    K = 1 / T
    assert chain.heat_capacity() == pytest.approx((n - 1) * (K / math.cosh(K)) ** 2, rel=1e-11)
    assert chain.mean_energy() == pytest.approx(-(n - 1) * math.tanh(K), rel=1e-12)


def box(**options) -> BoltzmannDistribution:
    n = np.arange(1, 200)
    return BoltzmannDistribution(
        Energy(Variable("n", n), lambda L: n**2 / L**2, **options), 2.0, L=3.0
    )


def test_particle_in_a_box():
    """All levels go as L^-2, so that the pressure is 2 U / L."""
    p = box()
    assert p.pressure("L") == pytest.approx(2 * p.mean_energy() / 3.0, rel=1e-13)
    told = box(derivative=lambda L: -2 * np.arange(1, 200) ** 2 / L**3)
    assert told.pressure("L") == pytest.approx(p.pressure("L"), rel=1e-14)
    # Poisson's sum: Z = (L sqrt(pi T) - 1) / 2 but for e^(-pi^2 L^2 T), nearly a classical gas
    wide = p.with_parameters(L=20.0)
    edge = 20 * math.sqrt(2 * math.pi)
    assert wide.pressure("L") * 20 == pytest.approx(2.0 * edge / (edge - 1), rel=1e-12)
    isotherm = p.curve(L=[2.0, 3.0, 4.0], pressures="L")
    assert isotherm.pressures["L"][1] == pytest.approx(p.pressure("L"), rel=1e-12)
    assert (np.diff(isotherm.pressures["L"]) < 0).all()


def test_several_parameters_and_impossible_states():
    def levels(A, B):
        table = np.exp(A) * np.array([0.0, 1.0, 2.0]) + A * B
        return np.where([False, False, True], np.inf, table)

    v = Variable("v", 3)
    p = BoltzmannDistribution(Energy(v, levels), A=0.3, B=-2.0)
    assert p.parameters == {"A": 0.3, "B": -2.0}
    assert p.marginal("v").values[2] == 0
    for name, value in p.parameters.items():
        slope = difference(lambda x, name=name: moved(p, name, x).free_energy(), value, 1e-3)
        assert p.pressure(name) == pytest.approx(-slope, rel=1e-9)
    renamed = BoltzmannDistribution(Energy(v, levels, ["x", "y"]), x=0.3, y=-2.0)
    assert renamed.pressure("y") == p.pressure("B")
    both = {"A": lambda A, B: levels(A, 0) * 0 + [1, 1, 0], "B": lambda A, B: [A, A, A]}
    told = BoltzmannDistribution(
        Energy(v, lambda A, B: A + np.array([A * B, A * B, 7.0]), derivative=both), A=1.0, B=1.0
    )
    assert told.pressure("B") == pytest.approx(-1.0, rel=1e-15)


def test_an_impossible_state_stays_so_whatever_its_coupling():
    p = BoltzmannDistribution(Energy(Variable("x", 3), [0, 1, math.inf], "J"), J=0.0)
    assert p.marginal("x").values.tolist() == [0.5, 0.5, 0.0]
    assert p.with_parameters(J=-1.0).marginal("x").values[2] == 0
    assert p.pressure("J") == pytest.approx(-0.5)
    assert p.energy({"x": 2}) == math.inf


# ---- as a Gibbs distribution ---------------------------------------------------------------


def test_temperature_is_absolute():
    p = two_level(2.0)
    assert p.at_temperature(0.5).temperature == 0.5
    assert p.at_temperature(0.5).at_temperature(2.0).log_partition() == p.log_partition()
    assert p.with_parameters(gap=3.0).parameters == {"gap": 3.0}
    assert p.with_parameters(gap=3.0).temperature == 2.0


def test_likelihoods_and_targets_become_energies():
    p = two_level(2.0)
    seen = p.condition(likelihood={"level": [1.0, 4.0]})
    want = GibbsDistribution(p.factors).condition(likelihood={"level": [1.0, 4.0]})
    assert seen.log_partition() == pytest.approx(want.log_partition(), rel=1e-14)
    assert seen.energy({"level": "excited"}) == pytest.approx(1 - 2 * math.log(4), rel=1e-14)
    assert seen.at_temperature(1.0).energy({"level": "excited"}) == seen.energy(
        {"level": "excited"}
    )
    sure = p.condition(targets={"level": [0.25, 0.75]})
    np.testing.assert_allclose(sure.marginal("level").values, [0.25, 0.75], rtol=1e-12)
    assert sure.free_energy() == pytest.approx(sure.mean_energy() - 2.0 * sure.entropy(), abs=1e-14)
    assert p.condition(likelihood={"level": [1, 0]}).energy({"level": "excited"}) == math.inf


def test_a_bayesian_network_and_evidence_are_taken_over():
    rain, grass = Variable("rain", ["no", "yes"]), Variable("grass", ["dry", "wet"])
    network = BayesianNetwork(
        [
            ConditionalTable(rain, [], [0.7, 0.3]),
            ConditionalTable(grass, [rain], [[1.0, 0.0], [0.2, 0.8]]),
        ]
    )
    assert BoltzmannDistribution.of(network).free_energy() == pytest.approx(0, abs=1e-15)
    wet = BoltzmannDistribution.of(network.condition({"grass": "wet"}))
    assert wet.free_energy() == pytest.approx(-math.log(0.24), rel=1e-14)
    assert wet.evidence == {"grass": "wet"}
    assert wet.heat_capacity() == pytest.approx(0, abs=1e-15)
    assert BoltzmannDistribution.of(wet) is wet
    with pytest.raises(TypeError, match=r"energies are those of a GibbsDistribution; got 3"):
        BoltzmannDistribution.of(3)


def test_empty_systems():
    nothing = BoltzmannDistribution([])
    assert (nothing.free_energy(), nothing.mean_energy(), nothing.heat_capacity()) == (0, 0, 0)
    assert nothing.entropy() == 0
    constant = BoltzmannDistribution(Energy([], 2.5, "c"), 0.5, c=2.0)
    assert constant.free_energy() == constant.mean_energy() == 5.0
    assert constant.pressure("c") == -2.5
    free = BoltzmannDistribution([], variables=[Variable("a", 3), Variable("b", 2)])
    assert free.entropy() == pytest.approx(math.log(6), rel=1e-14)
    curve = free.curve([1.0, 2.0])
    np.testing.assert_allclose(curve.free_energy, -np.log(6) * curve.temperature, rtol=1e-14)


def test_what_can_be_pickled_and_shown():
    p = two_level(2.0)
    assert pickle.loads(pickle.dumps(p)).free_energy() == p.free_energy()
    assert repr(p) == (
        "BoltzmannDistribution of 1 energies over 1 variables ('level'), T = 2, gap = 1"
    )
    assert "given 1 observed" in repr(p.condition({"level": "ground"}))
    assert repr(p.energies[0]) == "Energy over ('level',), gap times a table"
    assert repr(Energy([], 1.0)) == "Energy over (), a table"


# ---- mistakes ------------------------------------------------------------------------------

X = Variable("x", 2)


def test_no_state_is_possible():
    p = BoltzmannDistribution([Energy(X, [math.inf, 0]), Energy(X, [0, math.inf], "J")], J=1.0)
    assert p.free_energy() == math.inf
    for ask in (p.mean_energy, p.heat_capacity, p.entropy, lambda: p.pressure("J")):
        with pytest.raises(ZeroProbabilityError, match=r"log Z = -inf"):
            ask()
    with pytest.raises(ZeroProbabilityError, match=r"points 0 to 1 of the curve"):
        p.curve([1.0, 2.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Energy(X, [1, math.nan]), r"energies over \('x',\) have nan at \(x=1\)"),
        (lambda: Energy(X, [1, -math.inf]), r"have -inf at \(x=1\); an energy is a number, or"),
        (lambda: Energy(X, [1, 2, 3]), r"energies of factor over \('x',\) have shape \(3,\)"),
        (lambda: Energy(X, [1, 2], ["a", "b"]), r"multiplied by one parameter; got 'a', 'b'"),
        (lambda: Energy(X, [1, 2], "not a name"), r"a parameter is named 'not a name'"),
        (lambda: Energy(X, [1, 2], "temperature"), r"can't be called 'temperature'"),
        (lambda: Energy(X, [1, 2], "J", derivative=abs), r"derivative= is for callables"),
        (
            lambda: Energy(X, lambda a, b: [a, b], derivative=lambda a, b: [1, 0]),
            r"give one callable for each of the parameters 'a', 'b'",
        ),
        (lambda: two_level(0.0), r"temperature is 0.0; it must be a positive finite number"),
        (lambda: BoltzmannDistribution(Energy(X, [0, 1], "J")), r"but 'J' has no value; give it"),
        (lambda: two_level(gap=math.inf), r"parameter gap is inf; it must be a finite number"),
        (lambda: two_level(gap=True), r"parameter gap is True"),
        (lambda: two_level().with_parameters(h=1.0), r"depends on a parameter 'h'; there are 'g"),
        (lambda: two_level().pressure("L"), r"no energy depends on a parameter 'L'; there are 'g"),
        (lambda: two_level().curve([1, 2], gap=[1, 2, 3]), r"temperature has 2, gap has 3"),
        (lambda: two_level().curve([1, -2]), r"temperature is -2.0; it must be a positive"),
        (lambda: two_level().curve([[1, 2]]), r"temperature has shape \(1, 2\); give a number"),
        (lambda: two_level().curve([1, math.nan]), r"temperature is nan somewhere"),
        (lambda: two_level().curve("hot"), r"temperature is 'hot'; give a number"),
        (lambda: two_level().curve(pressures="L"), r"no energy depends on a parameter 'L'"),
        (lambda: two_level(1e-320), r"so low that energies over \('level',\) divided by it"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_mistakes_of_kind():
    with pytest.raises(TypeError, match=r"a sum of Energy terms, .* got Factor|got x  weight"):
        BoltzmannDistribution([Factor(X, [1, 2])])
    with pytest.raises(TypeError, match=r"don't say which parameters they are; name them"):
        Energy(X, lambda *a: a)
    with pytest.raises(TypeError, match=r"don't say which parameters they are"):
        Energy(X, lambda: [1, 2])


# ---- derivatives by the complex step --------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "slope"),
    [
        (lambda L: [np.exp(L), L * np.sin(L)], lambda L: [np.exp(L), np.sin(L) + L * np.cos(L)]),
        (lambda L: [L**-12 - 2 * L**-6, 0.0], lambda L: [-12 * L**-13 + 12 * L**-7, 0.0]),
        (lambda L: np.array([L, 1 / L]), lambda L: [1, -1 / L**2]),
        (lambda L: [L, math.inf], lambda L: [1, 0]),
    ],
)
@pytest.mark.parametrize("L", [1e-3, 0.7, 40.0])
def test_the_complex_step_is_exact(levels, slope, L):
    found = Energy(X, levels).slope("L", {"L": L})
    np.testing.assert_allclose(found, slope(L), rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (lambda L: [math.exp(L), 0], r"can't be computed at a complex L \(TypeError"),
        (lambda L: [abs(L), 0], r"no analytic function of L at 2.0: their derivative is 0 by the"),
        (lambda L: [abs(L) * L, 0], r"derivative is 2 by the complex step and 4 by a difference"),
        (lambda L: np.array([np.real(L) ** 2, 0]), r"give derivative="),
    ],
)
def test_where_the_complex_step_can_not_tell(levels, message):
    p = BoltzmannDistribution(Energy(X, levels), L=2.0)
    assert p.mean_energy() > 0  # nothing but the derivative is lacking
    with pytest.raises(ValueError, match=message):
        p.pressure("L")


def test_a_slope_that_is_not_finite():
    term = Energy(X, lambda L: [L, 0], derivative=lambda L: [math.inf, 0])
    with pytest.raises(ValueError, match=r"d energy / d L of Energy over \('x',\), .* is inf at"):
        term.slope("L", {"L": 1.0})
    assert term.slope("J", {"L": 1.0}).tolist() == [0, 0]


# ---- progress -------------------------------------------------------------------------------


def test_a_curve_that_takes_long_shows_a_bar(capsys, monkeypatch):
    from gibbsfactor.thermodynamics import curves

    monkeypatch.setattr(curves, "QUIET_SECONDS", 0.0)
    two_level().curve([1.0, 2.0])
    assert capsys.readouterr().err == ""
    two_level().curve([1.0, 2.0], verbose=True)
    assert "2/2" in capsys.readouterr().err
