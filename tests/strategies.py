"""Random models, for hypothesis and for seeded runs, and how to hand them to the package."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from reference import Model, Table

from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.variable import Variable

MOST_STATES = 1500  # joint states that the enumeration lists

LABELS: Sequence[Sequence[object]] = (
    (0, 1, 2, 3),
    ("low", "mid", "high", "top"),
    (-1, +1, -7, 12),
    ((0, "a"), (0, "b"), (1, "a"), ()),
    (False, True, "unknown", 0.5),
)


def build(model: Model, **options: object) -> GibbsDistribution:
    """The package's distribution of a neutral description."""
    variables = {n: Variable(n, s) for n, s in model.states.items()}
    factors = []
    for table in model.tables:
        scope = [variables[n] for n in table.scope]
        make = Factor.from_log if table.is_log else Factor
        factors.append(make(scope, table.values))
    return GibbsDistribution(factors, variables.values(), **options)


# ---- hypothesis ----------------------------------------------------------------------------

plain = st.floats(-5, 5).map(lambda x: round(x, 3))
constant = st.just(1.0)
hard = st.sampled_from([-math.inf, -math.inf, 0.0, 1.5, -2.0])
huge = st.floats(-1e6, 1e6)
huge_or_hard = huge | st.just(-math.inf) | st.sampled_from([-1e6, 0.0, 1e6])
weights = st.sampled_from([0.0, 1.0, 2.0, 0.3, 1e-300, 1e300, 7e-150, 3e150])
small_weights = st.sampled_from([0.0, 1.0, 2.0, 0.25, 5.0, 20.0])

KINDS = {
    "plain": (plain, True),
    "constant": (constant, True),
    "hard": (hard, True),
    "weights": (weights, False),
    "small weights": (small_weights, False),
}
EXTREME = {"huge": (huge, True), "huge or hard": (huge_or_hard, True), **KINDS}


@st.composite
def tables(draw, states, scope, kinds):
    shape = tuple(len(states[n]) for n in scope)
    kind = draw(st.sampled_from([*sorted(kinds), "deterministic"]))
    size = math.prod(shape)
    if kind == "deterministic":  # the last variable is a function of the others
        last = shape[-1] if shape else 1
        picks = draw(
            st.lists(st.integers(0, last - 1), min_size=size // last, max_size=size // last)
        )
        return Table(scope, np.eye(last)[picks].reshape(shape), False)
    values, is_log = kinds[kind]
    drawn = draw(st.lists(values, min_size=size, max_size=size))
    return Table(scope, np.array(drawn, dtype=float).reshape(shape), is_log)


@st.composite
def models(draw, kinds=None, most_variables=6, with_mass=False):
    """Trees, loops, separate parts, scopes repeated and permuted, variables in no table."""
    kinds = KINDS if kinds is None else kinds
    states: dict[str, tuple[object, ...]] = {}
    size = 1
    for i in range(draw(st.integers(0, most_variables))):
        k = draw(st.sampled_from([2, 2, 2, 3, 3, 4, 1]))
        if size * k > MOST_STATES:
            break
        size *= k
        states[f"v{i}"] = tuple(draw(st.sampled_from(LABELS))[:k])
    names = list(states)
    scopes: list[tuple[str, ...]] = []
    structure = draw(st.sampled_from(["tree", "cycle", "free", "free", "none"]))
    if structure == "tree":
        scopes = [
            (names[draw(st.integers(0, i - 1))], names[i])
            for i in range(1, len(names))
            if draw(st.integers(0, 5))  # now and then a cut: separate parts
        ]
    elif structure == "cycle" and len(names) > 2:
        scopes = [(names[i], names[i - 1]) for i in range(len(names))]
    elif structure == "free" and names:
        scopes = draw(
            st.lists(
                st.lists(st.sampled_from(names), max_size=3, unique=True).map(tuple), max_size=7
            )
        )
    if scopes and draw(st.booleans()):
        scopes.append(draw(st.sampled_from(scopes))[::-1])  # repeated, axes permuted
    if draw(st.integers(0, 3)) == 0:
        scopes.append(())
    scopes = draw(st.permutations(scopes))
    model = Model(states, [draw(tables(states, scope, kinds)) for scope in scopes])
    if with_mass and not model.support_size:
        model = Model(states, [t for t in model.tables if (t.logs > -math.inf).all()])
    return model


# ---- seeded --------------------------------------------------------------------------------


def random_values(rng: np.random.Generator, shape: tuple[int, ...], extreme: bool) -> Table:
    """A nameless table of a random kind."""
    kind = rng.integers(8)
    if kind == 0:
        values, is_log = np.full(shape, rng.normal()), True
    elif kind == 1:  # hard zeros
        values, is_log = np.where(rng.random(shape) < 0.3, -np.inf, rng.normal(size=shape)), True
    elif kind == 2 and shape:  # deterministic
        values = np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
        is_log = False
    elif kind == 3:
        values, is_log = 10.0 ** rng.uniform(-300, 300, size=shape), False
    elif kind == 4:
        values, is_log = rng.integers(0, 6, size=shape).astype(float), False
    elif extreme:
        values, is_log = rng.uniform(-1e6, 1e6, size=shape), True
        values = np.where(rng.random(shape) < 0.2, rng.choice([-1e6, 1e6], size=shape), values)
        values = np.where(rng.random(shape) < 0.1, -np.inf, values)
    else:
        values, is_log = rng.normal(size=shape) * rng.choice([0.1, 1.0, 10.0]), True
    return Table((), np.asarray(values), is_log)


def random_model(rng: np.random.Generator, extreme: bool = False) -> Model:
    """A random model of up to eight variables."""
    states: dict[str, tuple[object, ...]] = {}
    size = 1
    for i in range(rng.integers(0, 9)):
        k = int(rng.choice([1, 2, 2, 2, 3, 3, 4]))
        if size * k > MOST_STATES:
            break
        size *= k
        states[f"v{i}"] = tuple(LABELS[rng.integers(len(LABELS))][:k])
    names = list(states)
    n = len(names)
    structure = rng.integers(5)
    scopes: list[tuple[str, ...]] = []
    if structure == 0:
        scopes = [(names[rng.integers(i)], names[i]) for i in range(1, n) if rng.random() < 0.9]
    elif structure == 1 and n > 2:
        scopes = [(names[i], names[i - 1]) for i in range(n)]
    elif structure == 2 and n > 3:  # a ladder
        scopes = [(names[i], names[i + 2]) for i in range(n - 2)]
        scopes += [(names[i], names[i + 1]) for i in range(0, n - 1, 2)]
    elif structure > 2 and n:
        for _ in range(rng.integers(0, n + 4)):
            picked = rng.permutation(n)[: rng.integers(0, 4)]
            scopes.append(tuple(names[i] for i in picked))
    if scopes and rng.random() < 0.3:
        scopes.append(scopes[rng.integers(len(scopes))][::-1])
    if rng.random() < 0.2:
        scopes.append(())
    tables = []
    for scope in scopes:
        table = random_values(rng, tuple(len(states[v]) for v in scope), extreme)
        tables.append(Table(scope, table.values, table.is_log))
    return Model(states, tables)
