"""Maximum entropy: against a solver of its own in decimals, scipy's optimisers, and its laws."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from itertools import pairwise, product

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from sklearn.exceptions import ConvergenceWarning

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.models.softmax import SoftmaxRegression
from gibbsfactor.thermodynamics.maxent import (
    Constraint,
    MaximumEntropy,
    maximum_entropy,
    problem,
)
from gibbsfactor.variable import Variable

DIE = [1, 2, 3, 4, 5, 6]
SPIN = np.outer([-1, 1], [-1, 1])
SEEDS = 200


def probabilities(found: MaximumEntropy) -> np.ndarray:
    return found.distribution.marginal(*found.distribution.names).values


@pytest.fixture
def sweeping(monkeypatch):
    """Every problem is solved by sweeps of the engine, however few its states."""
    monkeypatch.setattr(problem, "MOST_ENTRIES", 0)


# ---- the loaded die -------------------------------------------------------------------------


def die_in_decimals(mean: str) -> list[Decimal]:
    """p_i proportional to x^i with the given mean, by bisection in 60 digits."""
    getcontext().prec = 60
    low, high = Decimal("1e-9"), Decimal("1e9")
    for _ in range(400):
        x = (low + high) / 2
        weights = [x**i for i in DIE]
        here = sum(i * w for i, w in zip(DIE, weights, strict=True)) / sum(weights)
        low, high = (low, x) if here > Decimal(mean) else (x, high)
    return [w / sum(weights) for w in weights]


@pytest.mark.parametrize("mean", ["4.5", "3.5", "1.25", "5.9", "5.999"])
def test_loaded_die(mean):
    exact = die_in_decimals(mean)
    die = maximum_entropy(DIE, [(DIE, float(mean))])
    assert np.abs(probabilities(die) - [float(p) for p in exact]).max() < 1e-10
    assert die.multipliers[0] == pytest.approx(float((exact[1] / exact[0]).ln()), abs=1e-9)
    assert die.entropy == pytest.approx(float(-sum(p * p.ln() for p in exact)), abs=1e-10)
    assert die.converged
    assert die.residual < 1e-10


def test_jaynes_own_figures():
    die = maximum_entropy(DIE, [(lambda face: face, 4.5)])
    assert probabilities(die).round(5).tolist() == [
        0.05435,
        0.07877,
        0.11416,
        0.16545,
        0.23977,
        0.34749,
    ]
    assert die.entropy == pytest.approx(1.61358, abs=5e-6)
    assert die.multipliers[0] == pytest.approx(0.37105, abs=5e-6)


def test_no_constraint_gives_the_uniform_distribution():
    p = maximum_entropy(5, [])
    assert probabilities(p).tolist() == [0.2] * 5
    assert p.entropy == pytest.approx(math.log(5))
    assert p.residual == p.iterations == p.divergence == 0


# ---- random problems ------------------------------------------------------------------------


def random_problem(seed):
    """Functions (m, n), relations, values, base; some p > 0 meets the constraints."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    m = int(rng.integers(1, min(4, n)))
    functions = rng.normal(size=(m, n)) * 10.0 ** rng.integers(-3, 4, size=(m, 1))
    relations = rng.choice(["=", "<=", ">="], size=m, p=[0.5, 0.25, 0.25]).tolist()
    values = functions @ rng.dirichlet(np.ones(n))
    room = rng.exponential(0.1, size=m) * np.ptp(functions, axis=1) * rng.integers(0, 2, size=m)
    values += [
        {"=": 0, "<=": 1, ">=": -1}[r] * extra for r, extra in zip(relations, room, strict=True)
    ]
    return functions, relations, values, rng.dirichlet(np.ones(n)) if seed % 2 else None


def by_scipy(functions, relations, values, base):
    """Primal: minimise the divergence from the base over the simplex, by SLSQP."""
    n = functions.shape[1]
    q = np.full(n, 1 / n) if base is None else base
    scale = np.ptp(functions, axis=1)

    def divergence(p):
        return float(np.sum(p * np.log(np.maximum(p, 1e-300) / q)))

    limits = [{"type": "eq", "fun": lambda p: p.sum() - 1, "jac": lambda p: np.ones(n)}]
    for f, relation, value in zip(
        functions / scale[:, None], relations, values / scale, strict=True
    ):
        sign = -1.0 if relation == "<=" else 1.0
        limits.append(
            {
                "type": "eq" if relation == "=" else "ineq",
                "fun": lambda p, f=f, value=value, sign=sign: sign * (f @ p - value),
                "jac": lambda p, f=f, sign=sign: sign * f,
            }
        )
    found = minimize(
        divergence,
        np.full(n, 1 / n),
        jac=lambda p: np.log(np.maximum(p, 1e-300) / q) + 1,
        bounds=[(0, 1)] * n,
        constraints=limits,
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    return found.x, divergence


@pytest.mark.parametrize("block", range(10))
def test_random_problems_against_scipys_constrained_optimiser(block):
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        functions, relations, values, base = random_problem(seed)
        constraints = list(zip(functions, relations, values, strict=True))
        found = maximum_entropy(functions.shape[1], constraints, base=base)
        theirs, divergence = by_scipy(functions, relations, values, base)
        ours = probabilities(found)
        assert np.abs(ours - theirs).max() < 1e-6, seed  # SLSQP stops at about 1e-8
        assert divergence(ours) < divergence(theirs) + 1e-9
        assert found.residual < 1e-10
        assert found.converged
        # Karush, Kuhn and Tucker: the multipliers' signs, and 0 where there is room.
        for relation, multiplier, room, f in zip(
            relations, found.multipliers, found.asked - found.expected, functions, strict=True
        ):
            span = np.ptp(f)
            assert relation != "<=" or multiplier <= 0
            assert relation != ">=" or multiplier >= 0
            assert abs(room * multiplier) < 1e-8 or abs(room) < 1e-10 * span


def random_corner(seed):
    """Small whole numbers: many of these problems are infeasible, or leave some states no mass."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 8)), int(rng.integers(1, 4))
    functions = rng.integers(-2, 3, size=(m, n)).astype(float)
    relations = rng.choice(["=", "<=", ">="], size=m).tolist()
    return functions, relations, rng.integers(-4, 5, size=m) / 2


def possible_states(functions, relations, values):
    """By a linear program a state: whether it can have mass; None where nothing is feasible."""
    n = functions.shape[1]
    signs = np.array([-1.0 if r == ">=" else 1.0 for r in relations])
    equal = np.array([r == "=" for r in relations])
    left, right = functions * signs[:, None], values * signs
    polytope = {
        "A_eq": np.vstack([np.ones(n), left[equal]]),
        "b_eq": np.concatenate([[1.0], right[equal]]),
        "A_ub": left[~equal] if (~equal).any() else None,
        "b_ub": right[~equal] if (~equal).any() else None,
    }
    if not linprog(np.zeros(n), **polytope).success:
        return None
    return np.array([-linprog(-row, **polytope).fun > 1e-9 for row in np.eye(n)])


def test_states_that_can_have_no_mass_get_none_and_infeasible_problems_are_told():
    kinds = {"infeasible": 0, "boundary": 0, "interior": 0}
    for seed in range(250):
        functions, relations, values = random_corner(seed)
        constraints = list(zip(functions, relations, values, strict=True))
        possible = possible_states(functions, relations, values)
        if possible is None:
            kinds["infeasible"] += 1
            with pytest.raises(ValueError, match="no distribution meets"):
                maximum_entropy(functions.shape[1], constraints)
            continue
        kinds["interior" if possible.all() else "boundary"] += 1
        found = maximum_entropy(functions.shape[1], constraints)
        assert ((probabilities(found) > 0) == possible).all(), seed
        assert found.residual < 1e-12
        assert np.isinf(found.multipliers).any() == (not possible.all())
    assert min(kinds.values()) >= 30, kinds


@pytest.mark.usefixtures("sweeping")
def test_the_engine_tells_the_same_problems_infeasible():
    for seed in range(100):
        functions, relations, values = random_corner(seed)
        constraints = list(zip(functions, relations, values, strict=True))
        if possible_states(functions, relations, values) is None:
            with pytest.raises(ValueError, match="no distribution meets"):
                maximum_entropy(functions.shape[1], constraints)
        else:
            assert maximum_entropy(functions.shape[1], constraints).converged


# ---- laws -----------------------------------------------------------------------------------


def test_entropy_is_log_z_minus_multipliers_times_values():
    for seed in range(0, 40, 2):
        functions, relations, values, _ = random_problem(seed)
        found = maximum_entropy(
            functions.shape[1], list(zip(functions, relations, values, strict=True))
        )
        dual = found.distribution.log_partition() - found.multipliers @ found.asked
        assert found.entropy == pytest.approx(dual, abs=1e-9)
        uniform = math.log(functions.shape[1])
        assert found.divergence == pytest.approx(uniform - found.entropy, abs=1e-9)


def test_a_multiplier_is_the_price_of_its_value():
    def entropy(mean, square):
        functions = (lambda k: k, lambda k: k * k)
        return maximum_entropy(DIE, list(zip(functions, (mean, square), strict=True)))

    step = 1e-4
    prices = entropy(4.5, 22.0).multipliers
    by_mean = entropy(4.5 + step, 22.0).entropy - entropy(4.5 - step, 22.0).entropy
    by_square = entropy(4.5, 22.0 + step).entropy - entropy(4.5, 22.0 - step).entropy
    assert -by_mean / (2 * step) == pytest.approx(prices[0], rel=1e-5)
    assert -by_square / (2 * step) == pytest.approx(prices[1], rel=1e-5)


def test_a_distribution_is_the_answer_to_its_own_expected_values():
    rng = np.random.default_rng(4)
    functions = rng.normal(size=(3, 6))
    weights = rng.normal(size=3)
    p = GibbsDistribution([Factor.from_log(Variable("x", 6), weights @ functions)])
    asked = [(f, p.expectation("x", f)) for f in functions]
    found = maximum_entropy(6, asked)
    assert np.allclose(found.multipliers, weights, rtol=0, atol=1e-8)
    assert found.distribution.kl_divergence(p) < 1e-12


def test_powers_up_to_the_tenth():
    x = np.linspace(-1, 1, 201)
    p = np.exp(-3 * x**4 + x**3 + x - 2 * x**10)
    p /= p.sum()
    found = maximum_entropy(201, [(x**k, float(p @ x**k)) for k in range(1, 11)])
    assert np.abs(probabilities(found) - p).max() < 1e-10


@pytest.mark.parametrize(("scale", "shift"), [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e6), (1e100, 0.0)])
def test_units_do_not_matter(scale, shift):
    die = maximum_entropy(DIE, [(scale * np.array(DIE) + shift, scale * 4.5 + shift)])
    exact = [float(p) for p in die_in_decimals("4.5")]
    assert np.abs(probabilities(die) - exact).max() < 1e-9  # 1e6 + 4.5 is known to 1e-10
    assert die.multipliers[0] * scale == pytest.approx(0.371049, abs=1e-6)


def test_constraints_may_repeat_and_imply_each_other():
    once = maximum_entropy(DIE, [(DIE, 4.5)])
    again = maximum_entropy(
        DIE, [(DIE, 4.5), (DIE, 4.5), (lambda k: 2 * k - 7, 2.0), (lambda k: 1.0, 1.0)]
    )
    assert np.abs(probabilities(once) - probabilities(again)).max() < 1e-10


def test_least_divergence_from_a_base_with_targets_is_jeffreys_rule():
    a, b = Variable("A", ["a0", "a1"]), Variable("B", ["b0", "b1", "b2"])
    prior = GibbsDistribution([Factor([a, b], [[3, 1, 2], [0, 4, 5]])])
    targets = {"A": [0.7, 0.3], "B": [0.5, 0.25, 0.25]}
    by_scaling = prior.condition(targets=targets)
    constraints = [
        ((name, np.eye(len(numbers))[i]), number)
        for name, numbers in targets.items()
        for i, number in enumerate(numbers)
    ]
    found = maximum_entropy([a, b], constraints, base=prior)
    assert np.allclose(probabilities(found), by_scaling.marginal("A", "B").values, atol=1e-10)
    assert found.divergence == pytest.approx(by_scaling.kl_divergence(prior), abs=1e-10)
    assert probabilities(found)[1, 0] == 0


@pytest.mark.parametrize("make", [list, lambda q: Factor(Variable("x", 3), q), np.array])
def test_forms_of_a_base(make):
    q = [1.0, 2.0, 0.0]
    found = maximum_entropy(3, [([0, 1, 5], 0.9)], base=make(q))
    assert probabilities(found) == pytest.approx([0.1, 0.9, 0.0])
    assert found.divergence == pytest.approx(0.1 * math.log(0.3) + 0.9 * math.log(1.35))


# ---- energy ---------------------------------------------------------------------------------


def test_a_budget_of_energy_sets_the_temperature():
    levels = np.array([0.0, 1.0, 1.5, 4.0])
    cold = GibbsDistribution([Factor.from_log(Variable("x", 4), -levels)]).at_temperature(0.8)
    budget = cold.expectation("x", levels)
    found = maximum_entropy(4, {"energy": (levels, "<=", budget)})
    assert found.temperatures[0] == pytest.approx(0.8, abs=1e-9)
    assert np.allclose(probabilities(found), cold.marginal("x").values, atol=1e-10)


def test_a_budget_that_is_never_spent_is_no_constraint():
    found = maximum_entropy(4, {"energy": ([0, 1, 2, 3], "<=", 2.0), "least": (DIE[:4], ">=", 2)})
    assert found.multipliers.tolist() == [0, 0]
    assert found.temperatures.tolist() == [math.inf, math.inf]
    assert not found.distribution.factors
    assert found.expected.tolist() == [1.5, 2.5]
    assert found.residual == 0


def test_the_ground_states_are_left_at_the_least_energy():
    found = maximum_entropy(4, [([1, 0, 0, 2], "<=", 0.0)])
    assert probabilities(found).tolist() == [0, 0.5, 0.5, 0]
    assert found.multipliers.tolist() == [-math.inf]
    assert found.temperatures.tolist() == [0]


def test_more_energy_than_at_any_temperature_is_a_negative_temperature():
    found = maximum_entropy(2, [([0.0, 1.0], 0.75)])
    assert found.temperatures[0] == pytest.approx(-1 / math.log(3))


def test_the_edge_that_several_constraints_make_together():
    functions = [DIE, lambda k: float(k == 6)]
    found = maximum_entropy(DIE, list(zip(functions, (3.5, 0.5), strict=True)))
    assert np.abs(probabilities(found) - [0.5, 0, 0, 0, 0, 0.5]).max() < 1e-15
    assert found.multipliers.tolist() == [-math.inf, math.inf]
    near = maximum_entropy(DIE, list(zip(functions, (3.5 + 1e-7, 0.5), strict=True)))
    assert (probabilities(near) > 0).all()
    assert near.residual < 1e-12


@pytest.mark.parametrize("mean", [6 - 1e-9, 6 - 1e-10])
def test_close_to_the_end_is_not_the_end(mean):
    found = maximum_entropy(DIE, [(DIE, mean)])
    assert probabilities(found)[4] == pytest.approx(6 - mean, rel=1e-3)
    assert np.isfinite(found.multipliers).all()


# ---- many variables -------------------------------------------------------------------------


def spins(n):
    return [Variable(f"s{i}", [-1, 1]) for i in range(n)]


def random_joint(seed):
    """A few variables, functions of one to three of them, sums among them; values of some p."""
    rng = np.random.default_rng(seed)
    variables = [Variable(f"v{i}", int(rng.integers(1, 4))) for i in range(5)]
    base = [Factor(variables[:2], rng.random([v.cardinality for v in variables[:2]]) + 0.1)]

    def term():
        scope = [variables[i] for i in rng.permutation(5)[: rng.integers(1, 4)]]
        values = rng.normal(size=[v.cardinality for v in scope])
        return ([v.name for v in scope], values) if rng.random() < 0.5 else (scope, values)

    functions = [[term() for _ in range(rng.integers(1, 4))] for _ in range(4)]
    p = GibbsDistribution(
        [Factor(variables, rng.random([v.cardinality for v in variables]) + 0.05)]
    )
    constraints = [
        (f, relation, math.fsum(p.expectations(f)) + shift)
        for f, relation, shift in zip(
            functions, ["=", "<=", ">=", "="], (0, 0.02, -0.3, 0), strict=True
        )
    ]
    return variables, base, constraints


@pytest.mark.parametrize("seed", range(25))
def test_sweeps_and_lists_of_states_agree(seed, monkeypatch):
    variables, base, constraints = random_joint(seed)
    listed = maximum_entropy(variables, constraints, base=base)
    monkeypatch.setattr(problem, "MOST_ENTRIES", 0)
    swept = maximum_entropy(variables, constraints, base=base)
    assert swept.converged
    assert np.abs(probabilities(listed) - probabilities(swept)).max() < 1e-8
    assert swept.entropy == pytest.approx(listed.entropy, abs=1e-9)
    # And both are what the definition says: q exp(sum of multipliers times functions).
    weights = np.zeros([v.cardinality for v in variables])
    for (terms, _, _), multiplier in zip(constraints, listed.multipliers, strict=True):
        for names, values in terms:
            scope = [getattr(n, "name", n) for n in names]
            order = [v.name for v in variables if v.name in scope]
            shape = [v.cardinality if v.name in order else 1 for v in variables]
            weights = weights + multiplier * values.transpose(
                [scope.index(n) for n in order]
            ).reshape(shape)
    direct = np.exp(weights) * base[0].values.reshape(*base[0].shape, 1, 1, 1)
    assert np.allclose(probabilities(listed), direct / direct.sum(), atol=1e-9)


def test_the_couplings_of_a_grid_come_back_from_its_expected_values():
    rng = np.random.default_rng(0)
    grid = {(i, j): Variable(f"s{i}{j}", [-1, 1]) for i in range(8) for j in range(8)}
    pairs = [(s, t) for s in grid for t in ((s[0] + 1, s[1]), (s[0], s[1] + 1)) if t in grid]
    functions = [((grid[s], grid[t]), SPIN) for s, t in pairs]
    functions += [(v, [-1, 1]) for v in grid.values()]
    true = np.concatenate([rng.normal(0, 0.4, len(pairs)), rng.normal(0, 0.3, len(grid))])
    ising = GibbsDistribution(
        Factor.from_log(scope, weight * np.array(values))
        for (scope, values), weight in zip(functions, true, strict=True)
    )
    values = ising.expectations(functions)
    found = maximum_entropy(list(grid.values()), list(zip(functions, values, strict=True)))
    assert np.abs(found.multipliers - true).max() < 1e-8
    assert found.entropy == pytest.approx(ising.entropy(), abs=1e-8)


def test_a_budget_for_a_sum_over_many_variables():
    chain = spins(200)
    energy = [(pair, -SPIN) for pair in pairwise(chain)]
    found = maximum_entropy(chain, {"energy": (energy, "<=", -100.0)})
    # Of a free chain, E = -(n - 1) tanh(1 / T).
    assert found.temperatures[0] == pytest.approx(1 / math.atanh(100 / 199), abs=1e-9)
    cold = maximum_entropy(chain, {"energy": (energy, "<=", -199.0)})
    assert cold.entropy == pytest.approx(math.log(2))
    assert cold.temperatures[0] == 0


def test_frustration_is_found_infeasible_beyond_enumeration():
    many = spins(40)
    triangle = [((many[i], many[j]), SPIN) for i, j in ((0, 1), (1, 2), (0, 2))]
    assert maximum_entropy(many, [(f, -0.3) for f in triangle]).converged
    with pytest.raises(ValueError, match=r"at least 1\.5 of .* but that is at most 1 in every"):
        maximum_entropy(many, [(f, -0.5) for f in triangle])
    with pytest.raises(ValueError, match=r"'sum'.* of -1\.5, but its function is at least -1 in"):
        maximum_entropy(many, {"sum": (triangle, -1.5)})


# ---- softmax --------------------------------------------------------------------------------


def test_softmax_has_greatest_entropy_given_the_classes_probabilities():
    scores = np.array([1.0, 2.0, 6.0])
    softmax = np.exp(scores) / np.exp(scores).sum()
    found = maximum_entropy(
        ["first", "second", "third"],
        [({"first": k == 0, "second": k == 1, "third": k == 2}, softmax[k]) for k in range(3)],
    )
    assert np.allclose(probabilities(found), softmax, atol=1e-12)
    differences = found.multipliers - found.multipliers[0]
    assert np.allclose(differences, scores - scores[0], atol=1e-9)


def conditional(X, y):
    """Max H(Y | X) with the inputs as they are and E[x_j 1(y = k)] as in the data."""
    n, k = len(X), int(y.max()) + 1
    columns = np.column_stack([np.ones(n), X])
    case, label = Variable("case", n), Variable("class", k)
    constraints = [(("case", row), 1 / n) for row in np.eye(n)]
    for c, feature in product(range(k), columns.T):
        values = np.zeros((n, k))
        values[:, c] = feature
        constraints.append(((("case", "class"), values), float(feature[y == c].sum() / n)))
    return maximum_entropy([case, label], constraints)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_softmax_regression_is_maximum_entropy_given_the_features_expected_values(n_classes):
    rng = np.random.default_rng(n_classes)
    y = rng.integers(0, n_classes, size=90)
    X = rng.normal(size=(90, 2)) + 0.8 * np.stack([np.cos(y * 2), np.sin(y * 2)], axis=1)
    found = conditional(X, y)
    given = probabilities(found)
    given = given / given.sum(axis=1, keepdims=True)
    free = SoftmaxRegression(C=1e9, tol=1e-15).fit(X, y)
    assert np.abs(given - free.predict_proba(X)).max() < 1e-6
    weights = found.multipliers[90:].reshape(n_classes, 3)
    theirs = np.column_stack([free.intercept_, free.coef_])
    if n_classes == 2:
        theirs = np.concatenate([np.zeros((1, 3)), theirs])
    assert np.allclose(weights - weights[0], theirs - theirs[0], atol=1e-5)
    # The multipliers of the inputs are their -log Z(x), up to a constant.
    log_z = np.logaddexp.reduce(np.column_stack([np.ones(90), X]) @ weights.T, axis=1)
    assert np.ptp(found.multipliers[:90] + log_z) < 1e-8


def test_separable_classes_get_certain_answers():
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    found = conditional(X, y)
    assert np.array_equal(probabilities(found) > 0, np.eye(2, dtype=bool)[y])


# ---- how it is said, and what is refused ----------------------------------------------------


def test_forms_of_functions():
    weather, wind = Variable("weather", ["sun", "rain"]), Variable("wind", [0, 10, 20])
    table = [[0.0, 1.0, 4.0], [2.0, 3.0, 9.0]]
    sums = np.add.outer([0.0, 2.0], [0.0, 1.0, 4.0])
    alike = [
        [
            (table, 3.0),
            (Factor([weather, wind], table), 3.0),
            (Factor([wind, weather], np.transpose(table)), 3.0),
            ((["weather", "wind"], table), 3.0),
            (((wind, "weather"), np.transpose(table)), 3.0),
            (lambda w, v: table[("sun", "rain").index(w)][v // 10], 3.0),
            ([(("wind", "weather"), np.transpose(table))], 3.0),
        ],
        [
            (sums, "<=", 1.5),
            Constraint(sums, 1.5, "<="),
            ([("weather", {"rain": 2.0, "sun": 0.0}), ("wind", [0, 1, 4])], "<=", 1.5),
            ([("weather", [0, 2]), Factor(wind, [0, 1, 4])], "<=", 1.5),
            ([("wind", lambda v: (0, 1, 4)[v // 10]), (weather, [0, 2])], "<=", 1.5),
            ([("wind", [0, 1, 2]), ("wind", [0, 0, 2]), (weather, [0, 2])], "<=", 1.5),
        ],
    ]
    for forms in alike:
        answers = [probabilities(maximum_entropy([weather, wind], [form])) for form in forms]
        for answer in answers[1:]:
            assert np.allclose(answer, answers[0], atol=1e-12)


def test_forms_of_states():
    by_number = maximum_entropy(3, [([0, 1, 2], 0.5)])
    for states in (np.int64(3), Variable("x", 3), [0, 1, 2], range(3), [Variable("x", 3)]):
        assert np.array_equal(
            probabilities(maximum_entropy(states, [([0, 1, 2], 0.5)])), probabilities(by_number)
        )
    assert by_number.distribution.names == ("x",)


def test_how_it_looks():
    die = maximum_entropy(
        DIE, {"mean": (DIE, 4.5), "$ <odd>": (lambda k: k % 2, "<=", 0.9)}, tolerance=1e-9
    )
    lines = repr(die).split("\n")
    assert lines[0] == "entropy 1.61358 nats"
    assert lines[1].split() == ["constraint", "asked", "expected", "multiplier"]
    assert lines[2].split() == ["mean", "=", "4.5", "4.5", "0.371049"]
    assert lines[3].split() == ["$", "<odd>", "<=", "0.9", "0.408288", "0"]
    assert "&lt;odd&gt;" in die._repr_html_()
    assert repr(Constraint(DIE, 4.5, name="mean")) == "Constraint(mean = 4.5)"
    with pytest.raises(ValueError, match="read-only"):
        die.multipliers[0] = 1


def test_not_converged_is_a_warning_and_a_field():
    with pytest.warns(ConvergenceWarning, match=r"after 1 iterations with constraint '0' missed"):
        found = maximum_entropy(DIE, [(DIE, 5.9)], max_iterations=1)
    assert not found.converged
    assert found.residual > 1e-10
    told = f"NOT CONVERGED: residual {found.residual:.2g} after 1 iterations"
    assert repr(found).startswith(told)
    assert found._repr_html_().startswith(f"<p>{told}</p>")


def refused(match, *arguments, error=ValueError, **options):
    with pytest.raises(error, match=match):
        maximum_entropy(*arguments, **options)


def test_infeasible_problems_say_by_how_much():
    refused(
        r"constraint 'mean': it asks for an expected value of 7, but its function lies between 1 "
        "and 6",
        DIE,
        {"mean": (DIE, 7)},
    )
    refused("of at most 0.5, but its function lies between 1 and 6", DIE, [(DIE, "<=", 0.5)])
    refused("of at least 6.5, but its function lies between 1 and", DIE, [(DIE, ">=", 6.5)])
    refused(
        r"'square' asks for an expected value of 18, but with the others it lies between 20\.5 and "
        r"25\.5",
        DIE,
        {"mean": (DIE, 4.5), "square": (lambda k: k * k, 18)},
    )
    refused(
        "'square' asks for an expected value of at most 18, but with the others it lies between "
        r"20\.5 and 25\.5",
        DIE,
        {"mean": (DIE, 4.5), "square": (lambda k: k * k, "<=", 18)},
    )
    refused(
        r"'one', 'two' each hold a function at an end of its range",
        DIE,
        {"one": (lambda k: k == 1, 1), "two": (lambda k: k == 2, 1)},
    )
    refused(
        "its function is always 6 in the states that the other constraints leave",
        DIE,
        [(DIE, 6), (DIE, 5)],
    )
    refused("but its function is always 1", DIE, [(lambda k: 1, 2)])


def test_what_is_not_a_problem():
    refused("constraints is a sequence such as", DIE, Constraint(DIE, 4.5), error=TypeError)
    refused("a constraint is", DIE, (DIE, 4.5), error=TypeError)
    refused("it is one number", DIE, [(DIE, [4.5])], error=TypeError)
    refused("there are '=', '<=', '>='", DIE, [(DIE, "<", 4.5)])
    refused("relation of a constraint is 4.5; there are", DIE, [(DIE, 4.5, "<=")])
    refused("is nan; it must be a finite number", DIE, [(DIE, math.nan)])
    refused("constraint '0': values .* have shape", DIE, [([1, 2], 4.5)])
    refused("constraint 'm': .* not finite", DIE, {"m": ([1, 2, 3, 4, 5, math.inf], 4.5)})
    refused("no value for 3, 4, 5, 6", DIE, [({1: 0.0, 2: 1.0}, 0.5)])
    refused("has no state 7", DIE, [({7: 0.0}, 0.5)])
    refused("no variable 'y'; there are 'x'", DIE, [(("y", [0, 1]), 0.5)])
    refused("gives 'x' 2 states", DIE, [(Factor(Variable("x", 2), [0, 1]), 0.5)])
    refused("must give one number", DIE, [(lambda k: "many", 0.5)], error=TypeError)
    refused(
        "values by state are for one variable",
        [Variable("a", 2), Variable("b", 2)],
        [({0: 1.0, 1: 2.0}, 0.5)],
    )
    refused("asked about 1.1e", spins(40), [(lambda *s: sum(s), 0.5)])
    refused("two constraints are called 'm'", DIE, [Constraint(DIE, 4, name="m")] * 2)
    refused("some of these are one", [Variable("a", 2), "b"], [], error=TypeError)
    refused("got the string 'ab' as its states", "ab", [], error=TypeError)
    refused("tolerance is 0", DIE, [], tolerance=0)
    refused("max_iterations is 0", DIE, [], max_iterations=0)
    refused("base measure has no mass", 2, [([0, 1], 0.5)], base=[0, 0], error=ZeroProbabilityError)
    refused("the base measure: values .* have shape", 2, [], base=[1, 2, 3])
    refused("no variable 'y'", 2, [], base=Factor(Variable("y", 2), [1, 2]))
    refused("the base measure gives 'x' 3 states", 2, [], base=Factor(Variable("x", 3), [1, 2, 3]))
