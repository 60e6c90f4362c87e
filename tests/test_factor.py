"""Factors: every operation against the laws of the algebra and plain numpy."""

from __future__ import annotations

import copy
import math
import pickle
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gibbsfactor.errors import ZeroProbabilityError
from gibbsfactor.factor import Factor
from gibbsfactor.variable import Variable

A, B, C, D = Variable("A", ["a0", "a1"]), Variable("B", 3), Variable("C", [-1, 1]), Variable("D", 1)
POOL = [A, B, C, D]

# Whole powers of two times whole numbers: their products and sums are exact in linear numbers.
exact = st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.5, 8.0, 0.125])
wide = st.sampled_from([0.0, 1e-200, 1e200, 3.7, 1e-300, 1e300, 5e-324, 1.7e308])
log_wide = st.floats(-1e6, 1e6) | st.just(-math.inf)


@st.composite
def factors(draw, values=exact, log=None):
    scope = tuple(draw(st.lists(st.sampled_from(POOL), unique=True, max_size=3)))
    shape = tuple(v.cardinality for v in scope)
    is_log = draw(st.booleans()) if log is None else log
    size = math.prod(shape)
    numbers = st.lists(log_wide if is_log else values, min_size=size, max_size=size)
    table = np.array(draw(numbers)).reshape(shape)
    return Factor.from_log(scope, table) if is_log else Factor(scope, table)


def assert_same(one: Factor, two: Factor, tolerance: float = 1e-9) -> None:
    """Equal log weights, zeros alike; the default allows for rounding of sums near 1e6."""
    assert sorted(one.names) == sorted(two.names)
    logs, others = one.log_values, two.transpose(one.names).log_values
    zero = logs == -math.inf
    np.testing.assert_array_equal(zero, others == -math.inf)
    np.testing.assert_allclose(logs[~zero], others[~zero], rtol=1e-12, atol=tolerance)


def log_sum_exp(logs: np.ndarray) -> float:
    peak = float(np.max(logs))
    if peak == -math.inf:
        return peak
    return peak + math.log(math.fsum(np.exp(np.ravel(logs) - peak).tolist()))


# ---- laws ------------------------------------------------------------------------------


@given(factors(), factors())
def test_product_commutes(one, two):
    assert_same(one * two, two * one)


@given(factors(), factors(), factors())
def test_product_associates(one, two, three):
    assert_same((one * two) * three, one * (two * three))


@given(factors(wide), factors(wide))
def test_product_is_the_sum_of_logs(one, two):
    product = one * two
    assert product.scope == (*one.scope, *(v for v in two.scope if v not in one.scope))
    for position in np.ndindex(product.shape):
        x = {v.name: v.states[i] for v, i in zip(product.scope, position, strict=True)}
        want = one.log(x) + two.log(x)
        # a float's log is right to an ulp of 1e6 at most
        assert product.log(x) == want or abs(product.log(x) - want) < 1e-9


@given(factors(), factors())
def test_product_then_quotient(one, two):
    """(phi psi) / psi is phi where psi is positive and 0 elsewhere."""
    union = one * two
    mask = np.where(two.log_values > -math.inf, 0.0, -math.inf)
    assert_same(union / two, one * Factor.from_log(two.scope, mask))


def test_zero_over_zero_is_zero():
    quotient = Factor(A, [0, 6]) / Factor(A, [0, 2])
    np.testing.assert_array_equal(quotient.values, [0, 3])
    quotient = Factor.from_log(A, [-math.inf, 1e6]) / Factor(A, [0, 1])
    np.testing.assert_array_equal(quotient.log_values, [-math.inf, 1e6])


@pytest.mark.parametrize("make", [Factor, lambda s, v: Factor.from_log(s, np.log(v))])
def test_positive_over_zero_is_an_error(make):
    with np.errstate(divide="ignore"):
        bottom = make([C, A], [[1, 1], [0, 1]])
        top = make([A, C], [[0, 5], [1, 2]])
    message = (
        r"over \('A', 'C'\) has a positive weight at \(A='a0', C=1\) where .* over \('C', 'A'\)"
    )
    with pytest.raises(ZeroDivisionError, match=message):
        _ = top / bottom
    with pytest.raises(ZeroDivisionError, match=r"only 0 / 0 is defined"):
        _ = top / 0


@given(factors(wide), st.data())
def test_marginalize_in_any_order(phi, data):
    names = data.draw(st.lists(st.sampled_from(phi.names), unique=True)) if phi.names else []
    together = phi.marginalize(names)
    one_by_one = phi
    for name in data.draw(st.permutations(names)):
        one_by_one = one_by_one.marginalize(name)
    assert together.names == tuple(n for n in phi.names if n not in names)
    assert_same(together, one_by_one)


@given(factors(wide))
def test_marginalize_everything_is_the_log_sum(phi):
    total = phi.marginalize(phi.names)
    want = log_sum_exp(phi.log_values)
    got = float(total.log_values)
    # the largest weights have logs near 1e6, of which an ulp is 1e-10; 5e-324 is exact
    assert got == want or abs(got - want) < 1e-9


@given(factors(wide), st.data())
def test_maximize(phi, data):
    names = data.draw(st.lists(st.sampled_from(phi.names), unique=True)) if phi.names else []
    axes = tuple(phi.names.index(n) for n in names)
    best = phi.maximize(names)
    np.testing.assert_array_equal(best.log_values, phi.log_values.max(axis=axes))
    again = phi
    for name in names:
        again = again.maximize(name)
    assert_same(best, again, 0.0)


@given(factors(wide), st.data())
def test_reduce(phi, data):
    seen = data.draw(st.lists(st.sampled_from(phi.scope), unique=True)) if phi.scope else []
    evidence = {v.name: data.draw(st.sampled_from(v.states)) for v in seen}
    index = tuple(
        v.index(evidence[v.name]) if v.name in evidence else slice(None) for v in phi.scope
    )
    reduced = phi.reduce(evidence)
    assert reduced.names == tuple(n for n in phi.names if n not in evidence)
    np.testing.assert_array_equal(reduced.log_values, phi.log_values[index])
    assert reduced.is_log == phi.is_log


@given(factors(wide))
def test_normalize(phi):
    assume((phi.log_values > -math.inf).any())
    p = phi.normalize()
    assert abs(math.fsum(p.values.ravel().tolist()) - 1) < 1e-9  # logs near 1e6 are rounded
    want = phi.log_values - log_sum_exp(phi.log_values)
    finite = want > -math.inf
    np.testing.assert_allclose(p.log_values[finite], want[finite], rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(p.log_values > -math.inf, finite)


@given(factors(wide), st.floats(1e-3, 1e3))
def test_temperature(phi, temperature):
    hot = phi.at_temperature(temperature)
    largest = np.abs(phi.log_values[phi.log_values > -math.inf]).max(initial=1.0)
    rounding = 1e-15 * largest / temperature  # a large part that all share is kept apart
    want = phi.log_values / temperature
    np.testing.assert_allclose(hot.log_values, want, rtol=1e-14, atol=rounding)
    assert phi.at_temperature(1) is phi
    assert_same(hot.at_temperature(1 / temperature), phi)


@given(factors(wide), st.data())
def test_transpose(phi, data):
    names = data.draw(st.permutations(phi.names))
    moved = phi.transpose(names)
    assert moved.names == tuple(names)
    assert_same(moved, phi, 0.0)
    assert phi.allclose(moved)


# ---- beyond what linear numbers hold -----------------------------------------------------


def test_products_that_underflow_or_overflow_go_to_logs():
    tiny = Factor(A, [1e-200, 1.0]) * Factor(A, [1e-200, 1.0])
    np.testing.assert_allclose(tiny.log_values, [-400 * math.log(10), 0.0], rtol=1e-14)
    large = Factor(A, [1e200, 0.0]) * Factor(A, [1e200, 1.0])
    assert large.log_values[0] == pytest.approx(400 * math.log(10), rel=1e-14)
    assert large.log_values[1] == -math.inf
    quotient = Factor(A, [1e-200, 0.0]) / Factor(A, [1e200, 1.0])
    assert quotient.log_values[0] == pytest.approx(-400 * math.log(10), rel=1e-14)


def test_products_below_the_normal_numbers_keep_their_digits():
    """1.23456789e-160 squared is subnormal: as a float it has no more than three digits."""
    weight = 1.23456789e-160
    product = Factor(A, [weight, 1.0]) * Factor(A, [weight, 1.0])
    assert product.log_values[0] == pytest.approx(2 * math.log(weight), rel=1e-15)


def test_sums_that_overflow_go_to_logs():
    total = Factor(A, [1.7e308, 1.7e308]).marginalize("A")
    assert float(total.log_values) == pytest.approx(math.log(1.7e308) + math.log(2), rel=1e-15)


@pytest.mark.parametrize("peak", [1e6, -1e6, 0.0])
def test_log_held_factors(peak):
    phi = Factor.from_log([A, C], [[peak, peak - 1], [peak - 2, -math.inf]])
    want = np.exp([0, -1, -2, -math.inf]) / np.exp([0, -1, -2]).sum()
    np.testing.assert_allclose(phi.normalize().values.ravel(), want, rtol=1e-9)  # ulp of 1e6
    log_total = float(phi.marginalize(["A", "C"]).log_values)
    assert log_total == pytest.approx(peak + math.log(np.exp([0, -1, -2]).sum()), rel=1e-12)
    assert phi.log({"A": "a1", "C": 1}) == -math.inf
    assert phi[{"A": "a1", "C": 1}] == 0.0


@pytest.mark.parametrize("peak", [1e6, -1e6])
def test_looking_at_the_weights_changes_nothing(peak):
    """values are derived and lossy; the logs stay what the factor is."""
    phi = Factor.from_log(A, [peak, peak - 1])
    before = phi.marginalize("A").log_values
    assert phi.values.tolist() in ([math.inf] * 2, [0.0] * 2)
    _ = phi[{"A": "a0"}]
    assert phi.is_log
    np.testing.assert_array_equal(phi.log_values, [peak, peak - 1])
    np.testing.assert_array_equal(phi.marginalize("A").log_values, before)
    np.testing.assert_array_equal(phi.reduce({"A": "a1"}).log_values, peak - 1)
    np.testing.assert_array_equal(phi.maximize("A").log_values, peak)
    np.testing.assert_array_equal((phi * phi).log_values, [2 * peak, 2 * peak - 2])
    np.testing.assert_allclose(phi.normalize().values, [0.7310585786300049, 0.2689414213699951])
    linear = Factor(A, [1, 2])
    _ = linear.log_values
    assert not linear.is_log


# ---- scalars ---------------------------------------------------------------------------

SCALARS = [Factor((), 6.0), Factor.from_log((), math.log(6.0))]


@pytest.mark.parametrize("phi", SCALARS, ids=["linear", "log"])
def test_a_factor_over_nothing_is_a_number(phi):
    assert phi.scope == ()
    assert phi.shape == ()
    assert float(phi) == pytest.approx(6.0, rel=1e-15)
    assert phi[{}] == pytest.approx(6.0, rel=1e-15)
    assert phi.log({}) == pytest.approx(math.log(6.0), rel=1e-15)
    assert float(phi * phi) == pytest.approx(36.0, rel=1e-14)
    assert float(phi / Factor((), 3.0)) == pytest.approx(2.0, rel=1e-14)
    assert float(phi.normalize()) == 1.0
    assert float(phi.marginalize([])) == pytest.approx(6.0, rel=1e-15)
    assert float(phi.maximize([])) == pytest.approx(6.0, rel=1e-15)
    assert float(phi.reduce({})) == pytest.approx(6.0, rel=1e-15)
    assert float(phi.at_temperature(2.0)) == pytest.approx(math.sqrt(6.0), rel=1e-14)
    assert phi.transpose([]).scope == ()
    np.testing.assert_allclose((phi * Factor(A, [1, 2])).values, [6, 12], rtol=1e-14)
    assert repr(phi) == "weight\n     6"
    for array in (phi.values, phi.log_values):
        assert isinstance(array, np.ndarray)
        assert array.shape == ()
        assert not array.flags.writeable


def test_numbers_scale_a_factor():
    phi = Factor(A, [1, 3])
    for product in (
        2 * phi,
        phi * 2.0,
        np.float64(2) * phi,
        phi * np.int64(2),
        phi * Factor((), 2),
    ):
        np.testing.assert_array_equal(product.values, [2, 6])
    np.testing.assert_array_equal((phi / 2).values, [0.5, 1.5])
    assert float(Factor.from_log((), -1e6).log_values) == -1e6
    with pytest.raises(ValueError, match=r"has the weight -1.0"):
        _ = phi * -1
    with pytest.raises(TypeError, match="'Factor'"):
        _ = phi * "2"
    with pytest.raises(TypeError, match="'Factor'"):
        _ = phi * np.array([1.0, 2.0])


def test_a_table_is_no_number():
    with pytest.raises(TypeError, match=r"factor over \('A',\) is a table, not a number"):
        float(Factor(A, [1, 2]))


# ---- arrays ----------------------------------------------------------------------------


def every_operation(phi: Factor) -> list[Factor]:
    return [
        phi,
        phi * Factor(C, [1, 2]),
        phi / Factor(A, [1, 2]),
        phi.marginalize("B"),
        phi.maximize("B"),
        phi.reduce({"A": "a1"}),
        phi.normalize(),
        phi.at_temperature(2.0),
        phi.transpose(["B", "A"]),
        phi.marginalize(["A", "B"]),
        phi.maximize(["A", "B"]),
        phi.reduce({"A": "a1", "B": 2}),
        phi.marginalize([]),
    ]


@pytest.mark.parametrize("make", [Factor, Factor.from_log])
def test_arrays_are_read_only_and_the_input_is_not_shared(make):
    given = np.arange(6.0).reshape(2, 3)
    phi = make([A, B], given)
    given[:] = 77.0
    assert given.flags.writeable
    source = (phi.log_values if phi.is_log else phi.values).copy()
    np.testing.assert_array_equal(source, np.arange(6.0).reshape(2, 3))
    for result in every_operation(phi):
        for array in (result.values, result.log_values):
            assert array.dtype == np.float64
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0.0
    after = phi.log_values if phi.is_log else phi.values
    np.testing.assert_array_equal(after, source)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_are_read_only_too(again):
    for phi in (Factor(A, [1, 2]), Factor.from_log(A, [1e6, -math.inf])):
        _ = phi.log_values
        other = again(phi)
        assert other.scope == phi.scope
        assert other.is_log == phi.is_log
        np.testing.assert_array_equal(other.log_values, phi.log_values)
        assert not other.values.flags.writeable
        assert not other.log_values.flags.writeable


def test_integers_and_lists_become_floats():
    assert Factor(A, (1, 2)).values.dtype == np.float64
    assert Factor(A, np.array([1, 2], dtype=np.uint8)).values.tolist() == [1.0, 2.0]
    assert Factor([D], [4]).values.tolist() == [4.0]


def test_look_up_by_labels():
    phi = Factor([A, C], [[1, 2], [3, 4]])
    assert phi[{"C": 1, "A": "a1"}] == 4.0
    assert phi[{"C": np.int64(-1), "A": np.str_("a1")}] == 3.0
    with pytest.raises(ValueError, match=r"no state for 'C'; factor over \('A', 'C'\)"):
        phi[{"A": "a0"}]
    with pytest.raises(ValueError, match=r"'C' has no state 0; its states are -1, 1"):
        phi[{"A": "a0", "C": 0}]
    with pytest.raises(TypeError, match=r"\{'A': 'a0', 'C': -1\}; got \(0, 1\)"):
        phi[0, 1]


# ---- equality ----------------------------------------------------------------------------


def test_allclose():
    phi = Factor([A, B], [[1, 2, 3], [4, 5, 6]])
    assert phi.allclose(Factor([B, A], [[1, 4], [2, 5], [3, 6]]))
    assert not phi.allclose(phi * 1.001)
    assert phi.allclose(phi * 1.001, rtol=0.01)
    assert not phi.allclose(Factor(A, [1, 2]))
    assert not Factor(A, [1, 2]).allclose(Factor(C, [1, 2]))


@pytest.mark.parametrize("sign", [1, -1])
def test_allclose_of_weights_beyond_floats(sign):
    one, two = Factor.from_log(A, [sign * 1e6, 0]), Factor.from_log(A, [sign * 2e6, 0])
    assert one.allclose(one)
    assert not one.allclose(two)


@pytest.mark.parametrize("other", [1, 3, ["x", "y"]])
def test_allclose_of_other_states_is_false(other):
    v = Variable("A", other)
    assert not Factor(A, [1, 1]).allclose(Factor(v, np.ones(v.cardinality)))


# ---- how it looks ------------------------------------------------------------------------


def test_repr():
    assert repr(Factor([A, C], [[1, 2.5], [0, 1e-9]])).splitlines() == [
        "A   C   weight",
        "a0  -1       1",
        "a0  1      2.5",
        "a1  -1       0",
        "a1  1    1e-09",
    ]
    wide = Factor([Variable("x", 30), Variable("y", 10)], np.ones((30, 10)))
    assert len(repr(wide).splitlines()) == 22
    assert repr(wide).endswith("... and 280 more rows")
    assert repr(Factor.from_log(A, [1e6, -math.inf])).splitlines() == [
        "A   log weight",
        "a0       1e+06",
        "a1        -inf",
    ]


def test_html_is_escaped():
    v = Variable("<script>", ["<b>", "a&b"])
    page = Factor(v, [1, 2])._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<th>&lt;script&gt;</th>" in page
    assert "<td>&lt;b&gt;</td><td>1</td>" in page
    assert "a&amp;b" in page
    big = Factor(Variable("x", 25), np.ones(25))._repr_html_()
    assert big.count("<tr>") == 21
    assert "and 5 more rows" in big


def test_to_frame():
    frame = Factor([A, C], [[1, 2], [3, 4]]).to_frame()
    assert frame.to_dict("list") == {
        "A": ["a0", "a0", "a1", "a1"],
        "C": [-1, 1, -1, 1],
        "weight": [1.0, 2.0, 3.0, 4.0],
    }
    pair = Variable("pair", [(0, 1), (1, 0)])
    assert Factor(pair, [1, 2]).to_frame()["pair"].tolist() == [(0, 1), (1, 0)]


def test_to_frame_keeps_a_variable_named_weight():
    frame = Factor(Variable("weight", ["light", "heavy"]), [1, 2]).to_frame()
    assert frame.shape == (2, 2)
    assert frame.iloc[:, 0].tolist() == ["light", "heavy"]
    assert frame.iloc[:, 1].tolist() == [1.0, 2.0]


def test_to_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas, which is not installed; pip install"):
        Factor(A, [1, 2]).to_frame()


# ---- errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([1, 2, 3], r"values of factor over \('A',\) have shape \(3,\); .* \(2,\) states"),
        ([[1, 2]], r"have shape \(1, 2\); its variables have \(2,\) states"),
        (3.0, r"have shape \(\); its variables have \(2,\) states"),
        ([1, -2], r"over \('A',\) has the weight -2.0 at \(A='a1'\); weights are finite"),
        ([math.nan, 1], r"has the weight nan at \(A='a0'\)"),
        ([1, math.inf], r"has the weight inf at \(A='a1'\)"),
        (["x", "y"], r"over \('A',\) are not a table .* 'x'; numbers by states are a mapping"),
        ([[1], [2, 3]], r"values of factor over \('A',\) are not a table of numbers"),
        (None, r"values of factor over \('A',\) "),
    ],
)
def test_bad_values(values, match):
    with pytest.raises(ValueError, match=match):
        Factor(A, values)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_bad_log_values(bad):
    message = rf"over \('A', 'C'\) has the log weight {bad} at \(A='a1', C=-1\); .* or -inf"
    with pytest.raises(ValueError, match=message):
        Factor.from_log([A, C], [[0, 0], [bad, -math.inf]])
    with pytest.raises(ValueError, match=r"log values of factor over \('A',\) have shape \(1,\)"):
        Factor.from_log(A, [0])


def test_bad_scopes():
    with pytest.raises(ValueError, match=r"the scope \('A', 'C', 'A'\) repeats 'A'"):
        Factor([A, C, A], np.ones((2, 2, 2)))
    with pytest.raises(TypeError, match=r"a scope is a sequence of Variable; got 'A' in it"):
        Factor(["A"], [1, 2])


def test_disagreement_between_factors():
    message = (
        r"factor over \('A', 'B'\) gives 'B' 3 states, but factor over \('B', 'C'\) gives it 2; "
        "every factor must agree"
    )
    one = Factor([A, B], np.ones((2, 3)))
    two = Factor([Variable("B", 2), C], np.ones((2, 2)))
    with pytest.raises(ValueError, match=message):
        _ = one * two
    with pytest.raises(ValueError, match=message):
        _ = one / two
    renamed = Factor(Variable("A", ["a1", "a0"]), [1, 1])
    with pytest.raises(ValueError, match=r"'A' the states \['a0', 'a1'\], but .*\['a1', 'a0'\]"):
        _ = one * renamed


@pytest.mark.parametrize("operation", ["marginalize", "maximize"])
def test_unknown_names(operation):
    phi = Factor([A, C], np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"'B', 'Z' not in the scope of factor over \('A', 'C'\)"):
        getattr(phi, operation)(["Z", "A", "B"])
    with pytest.raises(ValueError, match=r"'B' not in the scope"):
        getattr(phi, operation)(B)


def test_names_that_are_no_strings_are_refused_in_words():
    with pytest.raises((TypeError, ValueError), match=r"3.* factor over \('A', 'C'\)"):
        Factor([A, C], np.ones((2, 2))).marginalize([3, "B"])


def test_bad_reductions():
    phi = Factor([A, C], np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"'B' not in the scope of factor over \('A', 'C'\)"):
        phi.reduce({"B": 0})
    with pytest.raises(ValueError, match=r"'A' has no state 0; its states are 'a0', 'a1'"):
        phi.reduce({"A": 0})


def test_bad_transpose():
    phi = Factor([A, C], np.ones((2, 2)))
    for names in (["A"], ["A", "A"], ["A", "B"], ["A", "C", "C"]):
        with pytest.raises(ValueError, match=r"can't order factor over \('A', 'C'\) as"):
            phi.transpose(names)


@pytest.mark.parametrize("temperature", [0, -1, math.nan, math.inf, "1", None])
def test_bad_temperature(temperature):
    with pytest.raises(ValueError, match=rf"temperature is {temperature!r}; it must be a positive"):
        Factor(A, [1, 2]).at_temperature(temperature)


def test_a_temperature_too_cold_for_floats_gives_no_infinite_weight():
    """1e10 / 1e-300 is beyond floats: an error in words, never a weight of +inf or a warning."""
    with pytest.raises((ValueError, OverflowError), match="temperature"):
        Factor.from_log(A, [1e10, 0]).at_temperature(1e-300)


def test_normalize_without_mass():
    for phi in (Factor([A, C], np.zeros((2, 2))), Factor.from_log([A, C], [[-math.inf] * 2] * 2)):
        with pytest.raises(ZeroProbabilityError, match=r"over \('A', 'C'\) has only zero weights"):
            phi.normalize()
