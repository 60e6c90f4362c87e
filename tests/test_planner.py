"""Plans: orders, trees, schedules, their cost in time and bytes, and slices that fit a budget."""

from __future__ import annotations

import contextlib
import math
import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gibbsfactor.errors import IntractableError
from gibbsfactor.exact import assignments, inference, search, slicing
from gibbsfactor.exact.cache import SizedCache
from gibbsfactor.exact.cost import SWEEPS, Work, duration
from gibbsfactor.exact.footprint import BYTES, OBJECTS, OF_KEPT, RESCALED, Footprint
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.order import RULES, TooDear, TooWide, by_scores, neighbours
from gibbsfactor.exact.plan import Plan
from gibbsfactor.exact.portfolio import Portfolio
from gibbsfactor.exact.prepared import prepare
from gibbsfactor.exact.schedule import schedule
from gibbsfactor.exact.search import make_plan
from gibbsfactor.exact.slice_choice import next_variable
from gibbsfactor.exact.slicing import fitted
from gibbsfactor.exact.tree import TreeBuilder, tree_of_order, tree_of_pairs, tree_of_steps
from gibbsfactor.factor import Factor
from gibbsfactor.variable import Variable

TASKS = tuple(task for task in SWEEPS if task != "marginal_map")  # two plans, not one


@st.composite
def networks(draw, most_variables=9, least_tables=1):
    """Scopes, cardinalities and kept variables; every variable is in some scope."""
    n = draw(st.integers(1, most_variables))
    some = st.lists(st.integers(0, n - 1), min_size=1, max_size=3, unique=True)
    scopes = draw(st.lists(some, min_size=least_tables, max_size=12))
    used = {v for scope in scopes for v in scope}
    scopes += [[v] for v in range(n) if v not in used]
    cardinalities = draw(st.lists(st.integers(2, 4), min_size=n, max_size=n))
    kept = draw(st.lists(st.integers(0, n - 1), max_size=2, unique=True))
    return [tuple(scope) for scope in scopes], cardinalities, tuple(sorted(kept))


def grid(n: int, k: int = 2) -> tuple[list[tuple[int, int]], list[int]]:
    across = [(n * i + j, n * i + j + 1) for i in range(n) for j in range(n - 1)]
    down = [(n * i + j, n * (i + 1) + j) for i in range(n - 1) for j in range(n)]
    return across + down, [k] * n * n


def random_tables(scopes, cardinalities, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, [cardinalities[v] for v in scope]) for scope in scopes]


def joint(scopes, cardinalities, tables, kept) -> np.ndarray:
    """The sum over all but the kept variables, by multiplying everything."""
    operands = [x for pair in zip(tables, map(list, scopes), strict=True) for x in pair]
    return np.einsum(*operands, list(kept), optimize=False)


def followed(steps, scopes, tables, kept) -> np.ndarray:
    """The same by two tables at a time, as the steps say."""
    tables = dict(enumerate(tables))
    for step in steps:
        inputs = [tables.pop(step.left), list(scopes[step.left])]
        if step.right >= 0:
            inputs += [tables.pop(step.right), list(scopes[step.right])]
        tables[step.out] = np.einsum(*inputs, list(scopes[step.out]))
    total = np.ones(())
    for number, table in tables.items():
        if scopes[number]:
            assert total.ndim == 0
            total = total * table.transpose([scopes[number].index(v) for v in sorted(kept)])
        else:
            total = total * table
    return total


def check_tree(tree: TreeBuilder, scopes, cardinalities, kept) -> None:
    """Every step has the variables it should have, and the whole comes to the right numbers."""
    assert tree.scopes[: len(scopes)] == list(scopes)
    taken = [t for s in tree.steps for t in (s.left, s.right) if t >= 0]
    assert len(taken) == len(set(taken))
    assert tree.live == set(range(len(tree.scopes))) - set(taken)
    summed = [v for step in tree.steps for v in step.summed]
    assert sorted(summed) == sorted({v for s in scopes for v in s} - set(kept))
    for step, products, matrices in zip(tree.steps, tree.products, tree.matrices, strict=True):
        left = tree.scopes[step.left]
        right = tree.scopes[step.right] if step.right >= 0 else step.summed
        assert tree.scopes[step.out] == (*step.batch, *step.rows, *step.columns)
        assert {*step.batch, *step.summed} == set(left) & set(right)
        assert set(step.rows) == set(left) - set(right)
        assert set(step.columns) == set(right) - set(left)
        assert products == tree.entries({*left, *right})
        assert matrices == (tree.entries(step.batch) if step.summed else 0)
    assert tree.sizes == [tree.entries(scope) for scope in tree.scopes]
    tables = random_tables(scopes, cardinalities)
    np.testing.assert_allclose(
        followed(tree.steps, tree.scopes, tables, kept),
        joint(scopes, cardinalities, tables, kept),
        rtol=1e-10,
    )


# ---- orders ------------------------------------------------------------------------------------


def fill(v: int, graph: list[set[int]], weights) -> int:
    pairs = [(u, w) for u in graph[v] for w in graph[v] if u < w and w not in graph[u]]
    return sum(weights[u] * weights[w] for u, w in pairs)


@given(networks(), st.randoms(use_true_random=False))
def test_scores_are_kept_up_to_date(network, random):
    """After every elimination, what a count from the beginning would give."""
    scopes, cardinalities, _ = network
    n = len(cardinalities)
    counts = {
        "min-fill": lambda v, graph: fill(v, graph, [1] * n),
        "weighted-min-fill": lambda v, graph: fill(v, graph, cardinalities),
        "min-weight": lambda v, graph: math.prod(cardinalities[u] for u in {v, *graph[v]}),
    }
    order = random.sample(range(n), n)
    for rule, count in counts.items():
        scorer = RULES[rule](neighbours(scopes, n), cardinalities)
        scorer.start(range(n))
        left = set(range(n))
        for v in order:
            before = {u: scorer.scores[u] for u in left}
            assert before == {u: count(u, scorer.adjacency) for u in left}
            left.discard(v)
            changed = scorer.eliminate(v)
            assert {u for u in left if scorer.scores[u] != before[u]} <= set(changed)


def test_a_dear_order_is_given_up():
    scopes, cardinalities = grid(4)
    scorer = RULES["min-fill"](neighbours(scopes, 16), cardinalities)
    scorer.start(range(16))
    with pytest.raises(TooDear):
        by_scores(scorer, cardinalities, range(16), most_products=50)
    with pytest.raises(TooDear):
        TreeBuilder(scopes, cardinalities).pair_up(most_products=50)


# ---- trees and schedules -----------------------------------------------------------------------


@given(networks(), st.randoms(use_true_random=False))
def test_trees_by_any_order_and_by_pairs(network, random):
    scopes, cardinalities, kept = network
    free = [v for v in range(len(cardinalities)) if v not in kept]
    order = random.sample(free, len(free))
    check_tree(tree_of_order(order, scopes, cardinalities, kept), *network)
    check_tree(tree_of_pairs(scopes, cardinalities, kept), *network)


@given(networks())
def test_every_candidate_of_the_portfolio(network):
    for number, (_, build) in enumerate(Portfolio(*network).candidates()):
        try:
            check_tree(build(), *network)
        except TooDear:
            assert number > 0
        if number == 12:
            break


def test_a_stem_is_shared_and_left_alone():
    """A tree goes on from a copy, and what the copy does is not seen by the next."""
    scopes, cardinalities = grid(5, 3)
    portfolio = Portfolio(scopes, cardinalities, ())
    before = list(portfolio.stem.steps), [set(s) for s in portfolio.stem.holders]
    one, two = (portfolio.by_rule("min-fill") for _ in range(2))
    assert one.steps == two.steps
    assert one.steps[: one.inherited] == portfolio.stem.steps
    assert (portfolio.stem.steps, portfolio.stem.holders) == before


@given(networks(), st.sampled_from([None, 0, 6]))
def test_schedules_hold_every_step_once(network, small):
    scopes, cardinalities, kept = network
    tree = tree_of_pairs(scopes, cardinalities, kept)
    plan = schedule(tree, small)
    steps = [step for group in plan.groups for step in group.steps]
    assert sorted(steps) == sorted(tree.steps)
    tables = [*plan.leaves, *(group.out_tables for group in plan.groups)]
    assert plan.place == {
        table: (stack, row) for stack, held in enumerate(tables) for row, table in enumerate(held)
    }
    assert plan.stack_shapes == tuple(
        (len(held), *(cardinalities[v] for v in tree.scopes[held[0]])) for held in tables
    )
    assert plan.roots == tuple(sorted(tree.live))
    for number, group in enumerate(plan.groups, len(plan.leaves)):
        assert small != 0 or group.size == 1
        sides = [(group.left, [s.left for s in group.steps], ("batch", "rows", "inner"))]
        if group.right is not None:
            sides.append(
                (group.right, [s.right for s in group.steps], ("batch", "inner", "columns"))
            )
        for operand, inputs, kinds in sides:
            got = np.full(group.size, -1)
            for piece in operand.pieces:
                assert piece.stack < number
                got[piece.members] = np.array(tables[piece.stack])[piece.rows]
            assert got.tolist() == inputs
            for member, table in enumerate(inputs):
                ordered = [tree.scopes[table][axis] for axis in operand.axes]
                indices = [getattr(group, kind) for kind in kinds]
                assert ordered == [v for i in indices for v in i.variables[member].tolist()]
            assert operand.matrix == tuple(math.prod(i.sizes.tolist()) for i in indices)
            for i in indices:
                cells = list(product(*map(range, i.sizes.tolist())))
                merged = [int(np.dot(cell, i.strides)) for cell in cells]
                assert merged == list(range(len(cells)))
        assert group.products == sum(tree.products[s.out - tree.n_given] for s in group.steps)


@given(networks(), st.data())
def test_a_tree_goes_on_without_some_variables(network, data):
    scopes, cardinalities, kept = network
    free = [v for v in range(len(cardinalities)) if v not in kept]
    gone = data.draw(st.sets(st.sampled_from(free)) if free else st.just(set()))
    tree = tree_of_order(free, scopes, cardinalities, kept)
    rest = [tuple(v for v in scope if v not in gone) for scope in scopes]
    check_tree(tree_of_steps(tree.steps, rest, cardinalities, kept), rest, cardinalities, kept)


# ---- plans -------------------------------------------------------------------------------------


def test_the_same_question_gets_the_same_plan():
    for n, k in ((4, 2), (7, 2), (6, 3), (9, 2)):
        question = *grid(n, k), (1,)
        search._cached_plan.cache_clear()
        one = make_plan(*question)
        assert make_plan(*question) is one
        search._cached_plan.cache_clear()
        two = make_plan(*question)
        assert two is not one
        assert list(two.steps) == list(one.steps)
        assert (two.rule, two.trials, two.explain()) == (one.rule, one.trials, one.explain())


def test_more_is_tried_for_what_runs_longer():
    """An order is tried once where the run is short, and for at most its share of a long one."""
    assert make_plan(*grid(3)).trials == 1
    long = make_plan(*grid(14, 4))
    assert long.trials > 20
    first = Portfolio(*grid(14, 4), ()).by_rule("min-fill")
    assert long.seconds < 0.5 * Work.of(first).seconds()


@given(networks(), st.data())
def test_cost_grows_with_the_tables(network, data):
    """More states, in the same steps, make nothing cheaper."""
    scopes, cardinalities, kept = network
    free = [u for u in range(len(cardinalities)) if u not in kept]
    small = tree_of_order(free, scopes, cardinalities, kept)
    v = data.draw(st.integers(0, len(cardinalities) - 1))
    one_more = tree_of_steps(
        small.steps, scopes, [c + (u == v) for u, c in enumerate(cardinalities)], kept
    )
    all_more = tree_of_steps(small.steps, scopes, [c + 1 for c in cardinalities], kept)
    before, after = (Footprint(schedule(tree, 0)) for tree in (small, all_more))
    for task in TASKS:
        seconds = [Work.of(tree).seconds(task) for tree in (small, one_more, all_more)]
        assert 0 < seconds[0] < seconds[1] <= seconds[2]
        assert seconds[0] >= Work.of(small).seconds("log_partition")
        assert after.tables(task) > before.tables(task) > 0
        assert after.peak(task) - after.tables(task) == before.peak(task) - before.tables(task)


def test_the_work_of_a_tree_done_by_hand():
    """Tables (0, 1) and (1, 2): 1 and 2 meet first, then 0 and 1."""
    tree = TreeBuilder([(0, 1), (1, 2)], [2, 3, 5])
    work = Work.of(tree)  # 0 and 2 are in one table each: they are summed at once
    assert [step.summed for step in tree.steps] == [(0,), (2,)]
    assert (work.matrices, work.products, work.entries) == (2, 6 + 15, 6 + 15 + 3 + 3)
    tree.contract(2, 3)
    work = Work.of(tree)
    assert (work.matrices, work.products, work.entries) == (3, 6 + 15 + 3, 6 + 15 + 3 + 3 + 1)
    assert duration(work.seconds()).endswith(" ms")


def test_plans_in_words():
    plan = make_plan([(0, 1), (1, 2)], [2, 3, 5], names=["a", "b", "c"])
    lines = plan.explain().splitlines()
    assert lines[0] == "3 variables, 2 tables; 3 steps, run in 3 batches"
    assert lines[1] == "at most 2 variables meet in one step (induced width 1)"
    assert lines[2] == "largest table: 15 entries over b (3 states), c (5 states)"
    assert lines[3].startswith("log Z: about 48 operations, 0.06")
    assert lines[4].startswith("all marginals: about 144 operations, 0.2")
    assert lines[5].startswith("most probable assignment: 0.1")
    assert lines[6] == "order found by rounds, the best of 1 tried"
    same = make_plan([(0, 1)], [2, 2], names=["a", "b"]).explain()
    assert "largest table: 4 entries over a, b (2 states each)\n" in same
    many = make_plan([tuple(range(9))], [2] * 9).explain()
    assert "over x0, x1, x2, x3, x4, x5, ... (9 variables, 2 states each)\n" in many
    assert "over nothing" in make_plan([], []).explain()


def test_a_cache_holds_so_much():
    cache: SizedCache[list[int]] = SizedCache(size=len, most=10)
    for key in range(5):
        cache.get(key, lambda: [0] * 3)
        assert cache.get(0, list) == [0] * 3  # asked for again and again: it stays
    assert len(cache) == 3
    assert cache.get(3, list) == [0] * 3
    assert cache.get(1, list) == []
    cache.get("large", lambda: [0] * 99)
    assert len(cache) == 1
    cache.cache_clear()
    assert len(cache) == 0


# ---- bytes -------------------------------------------------------------------------------------


def bytes_of(n_tables: int, entries: int) -> int:
    return (
        BYTES * n_tables * (entries + 1)
    )  # a float for each entry, one for the scale of each table


def test_bytes_of_one_table():
    """a[0, 1] of 3 x 5 entries is rescaled while it is loaded, then summed as a 1 x 15 matrix."""
    footprint = Footprint(schedule(tree_of_order([0, 1], [(0, 1)], [3, 5])))
    table, total = bytes_of(1, 15), bytes_of(1, 1)
    rescaled = int(RESCALED * 15 * 8)
    assert footprint.tables("log_partition") == table + total + rescaled
    # log weights: the table as given, its logs and one more table to get there
    assert footprint.tables("map") == 3 * table
    # the table, the total and the logs that the traceback takes
    assert footprint.tables("sample") == table + total + max(rescaled, 15 * 8)
    # the table and the total; their adjoints; the table times its adjoint, and a copy to sum
    down = table + total + total + 15 * 8 + 2 * table
    assert footprint.tables("marginals") == down
    base, group, variable = OBJECTS["marginals"]
    assert footprint.peak("marginals") == down + base + group + OF_KEPT + 2 * variable


def test_bytes_of_a_chain():
    """x0 - x1 - x2 of 10, 20 and 30 states. Most is alive while x0 is summed out: both tables, the
    vector over x1 that is made, and the share of the 200 entries that are rescaled. (Later the
    first table is gone.) x0's axis is first and has to be last, for which a view will do."""
    plan = schedule(tree_of_order([0, 2, 1], [(0, 1), (1, 2)], [10, 20, 30]))
    assert [group.left.matrix for group in plan.groups] == [(1, 20, 10), (1, 20, 30), (1, 1, 20)]
    most = bytes_of(1, 200) + bytes_of(1, 600) + bytes_of(1, 20) + int(RESCALED * 200 * 8)
    assert Footprint(plan).tables("log_partition") == most


def test_bytes_of_copies():
    """b[2, 0, 1] a[0, 1, 3] over 1: to merge 2 and 0 of the left table needs no copy; with the axes
    as (0, 2, 1) it would, and two tables gathered from two stacks are copied as well."""
    cardinalities = [5, 6, 7, 8]
    kept = (0, 2, 3)
    plain = schedule(tree_of_order([1], [(2, 0, 1), (1, 3)], cardinalities, kept), 0)
    turned = schedule(tree_of_order([1], [(2, 1, 0), (1, 3)], cardinalities, kept), 0)
    assert plain.groups[0].left.matrix == turned.groups[0].left.matrix == (1, 35, 6)
    copied = Footprint(turned).tables("log_partition") - Footprint(plain).tables("log_partition")
    assert copied == 5 * 6 * 7 * 8


def test_bytes_are_let_go():
    """Along a chain two vectors are there at a time, unless all are retained."""
    n = 9
    cardinalities = [40 + v for v in range(n + 1)]  # all different: every table is a stack
    tree = tree_of_order(range(n + 1), [(v, v + 1) for v in range(n)], cardinalities)
    footprint = Footprint(schedule(tree, 0))
    given_tables = sum(bytes_of(1, size) for size in tree.sizes[:n])
    vectors = [bytes_of(1, size) for size in tree.sizes[n:]]
    rescaled = int(RESCALED * BYTES * max(tree.sizes))
    least = footprint.tables("log_partition") - given_tables
    assert 0 < least <= 2 * max(vectors) + rescaled
    assert footprint.tables("sample") >= given_tables + sum(vectors)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("shape", [(6, 3), (12, 2), (5, 6)])
def test_bytes_are_what_is_measured(task, shape):
    """Within a factor of 1.5 of what tracemalloc sees while the sweeps run."""
    scopes, cardinalities = grid(*shape)
    variables = [Variable(f"x{v}", c) for v, c in enumerate(cardinalities)]
    tables = random_tables(scopes, cardinalities)
    factors = [Factor([variables[v] for v in s], t) for s, t in zip(scopes, tables, strict=True)]
    network = Network.of(factors, variables)
    plan, rng = prepare(network, task, 2**40).plan, np.random.default_rng(0)
    run = {
        "log_partition": lambda: inference.log_partition(network, 2**40),
        "marginals": lambda: inference.single_marginals(network, 2**40),
        "map": lambda: assignments.most_probable(network, 2**40),
        "sample": lambda: assignments.samples(network, 1, rng, 2**40),
    }[task]
    run()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        run()
        measured = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert 1 / 1.5 < plan.footprint.peak(task) / measured < 1.5


# ---- slices ------------------------------------------------------------------------------------


@pytest.fixture
def strict(monkeypatch):
    """Small plans are sliced like large ones."""
    monkeypatch.setattr(slicing, "SMALL_PLAN", 0)


def sliced_total(plan: Plan, scopes, tables) -> np.ndarray:
    """The sum over all slices of what one slice comes to by the plan's steps."""
    total = np.zeros(())
    for states in product(*(range(plan.cardinalities[v]) for v in plan.slices)):
        at = dict(zip(plan.slices, states, strict=True))
        parts = [
            table[tuple(at.get(v, slice(None)) for v in scope)]
            for scope, table in zip(scopes, tables, strict=True)
        ]
        total = total + followed(plan.steps, plan.scopes, parts, plan.kept)
    return total


@settings(max_examples=60)
@given(networks(least_tables=3), st.sampled_from(TASKS), st.floats(0.2, 1.0))
def test_a_sliced_plan_is_that_of_its_slices(network, task, share):
    scopes, cardinalities, kept = network
    plan = make_plan(scopes, cardinalities, kept)
    budget = int(share * plan.footprint.tables(task))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slicing, "SMALL_PLAN", 0)
        fits = None
        with contextlib.suppress(IntractableError):
            fits = fitted(plan, budget, task)
    assume(fits is not None)
    assert fits.footprint.tables(task) <= budget
    assert fits.schedule is not None
    assert not set(fits.slices) & {*kept, *(v for scope in fits.scopes for v in scope)}
    assert fits.n_slices == math.prod(cardinalities[v] for v in fits.slices)
    assert list(fits.scopes[: fits.n_tables]) == [
        tuple(v for v in scope if v not in fits.slices) for scope in scopes
    ]
    assert fits.seconds == pytest.approx(fits.n_slices * fits.work.seconds())
    assert fits.flops == 2 * fits.n_slices * fits.work.products
    tables = random_tables(scopes, cardinalities)
    want = joint(scopes, cardinalities, tables, kept)
    np.testing.assert_allclose(sliced_total(fits, scopes, tables), want, rtol=1e-10)


@pytest.mark.parametrize("task", TASKS)
def test_a_grid_in_a_quarter_of_the_memory(task, strict):
    plan = make_plan(*grid(14), names=[f"g{v}" for v in range(196)])
    budget = plan.footprint.tables(task) // 4
    fits = fitted(plan, budget, task)
    assert 1 < fits.n_slices <= 64
    assert fits.flops < 8 * plan.flops  # most of the tables don't have the sliced variables
    assert fitted(plan, budget, task).footprint is fits.footprint  # from the cache
    assert fitted(plan, plan.footprint.tables(task), task) is plan
    assert fits.names == plan.names
    line = fits.explain().splitlines()[3]
    states = f" ({'2 states' if len(fits.slices) == 1 else '2 states each'})"
    named = ", ".join(f"g{v}" for v in fits.slices)
    assert line.startswith(
        f"runs {fits.n_slices} times, once for each joint state of {named}{states}, to stay within "
    )


def test_the_variable_fixed_next_is_the_hub():
    """Ten chains of three, all of whose tables hold x0."""
    scopes = [(0, 3 * i + a, 3 * i + a + 1) for i in range(10) for a in (1, 2)]
    tree = tree_of_pairs(scopes, [4] * 31)
    for task in TASKS:
        assert next_variable(tree, schedule(tree), task, ()) == 0
    assert next_variable(tree, schedule(tree), "log_partition", (0,)) != 0
    alone = tree_of_pairs([(0,)], [4], (0,))
    assert next_variable(alone, schedule(alone), "log_partition", (0,)) is None


def test_steps_run_one_by_one_where_that_is_enough(strict):
    """60 cliques of six: in groups the tables of all are alive at once, one by one hardly any."""
    pairs = [(i, j) for i in range(6) for j in range(i)]
    scopes = [(6 * c + i, 6 * c + j) for c in range(60) for i, j in pairs]
    plan = make_plan(scopes, [4] * 360)
    fits = fitted(plan, plan.footprint.tables("log_partition") // 4, "log_partition")
    assert fits.slices == ()
    assert fits.schedule is not None
    assert plan.schedule is not None
    assert len(fits.schedule.groups) > len(plan.schedule.groups)
    assert fits.flops == plan.flops


def test_what_no_slicing_makes_fit_is_refused(strict):
    plan = make_plan([(0, 1), (1, 2)], [2, 3, 5], names=["a", "b", "c"])
    message = (
        r"would take \d+ bytes \(induced width 1; the largest table has 15 entries over "
        r"b \(3 states\), c \(5 states\)\), but the budget is 40 bytes; even one of 30 slices "
        r"would take \d+ bytes; condition on some of these variables, or give a larger budget"
    )
    with pytest.raises(IntractableError, match=message):
        fitted(plan, 40, "log_partition")


def test_a_small_plan_is_not_refused():
    """Unless the budget is none at all: no machine is that small."""
    plan = make_plan([(i, j) for i in range(9) for j in range(i)], [3] * 9)
    budget = slicing.LEAST_BUDGET
    assert plan.footprint.tables("marginals") > 20 * budget
    assert fitted(plan, budget, "marginals") is not None
    with pytest.raises(IntractableError, match=r"the budget is 100 bytes; even one of"):
        fitted(plan, 100, "marginals")


def test_slices_that_would_run_for_days_are_refused():
    plan = make_plan(*grid(14, 4))
    message = (
        r"would take .* GiB \(induced width \d+; .*but the budget is 1.0 MiB; in [\d,]+ slices or "
        r"more it would run for .* (day|year)s?; condition on some"
    )
    with pytest.raises(IntractableError, match=message):
        fitted(plan, 2**20, "marginals")


def test_tables_beyond_all_machines_are_refused():
    plan = make_plan(*grid(40, 4))
    assert plan.schedule is None
    assert plan.width >= 40
    assert "no machine holds that, and in slices it would run for " in plan.explain()
    message = (
        r"would take 2\^\d+ bytes .* 2\^\d+ entries over .*budget is 8.0 GiB; "
        r"even in slices it would run for .* years; condition on some of these"
    )
    with pytest.raises(IntractableError, match=message):
        fitted(plan, 2**33, "log_partition")


def test_a_joint_table_beyond_all_machines_is_refused():
    """60 kept variables: 2^60 entries, whatever the order."""
    plan = make_plan([(i, i + 1) for i in range(60)], [2] * 61, kept=range(60))
    assert plan.schedule is None
    assert len(plan.largest) == 60
    with pytest.raises(IntractableError, match="ask about fewer variables at a time, or condition"):
        fitted(plan, None, "log_partition")
    with pytest.raises(TooWide):
        search.narrow_enough(tree_of_pairs([(i, i + 1) for i in range(60)], [2] * 61, range(60)))
