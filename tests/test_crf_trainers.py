"""The trainers that go sequence by sequence, against plain Python and enumeration."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from chain_problems import listed_losses, plain_counts, random_problem, restricted, spread_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from labellings import list_all
from numpy.testing import assert_allclose, assert_array_equal

from gibbsfactor.features import Tokens
from gibbsfactor.learning.chain import perceptron, stochastic
from gibbsfactor.learning.chain.arrays import Data, Known, Limits, Rows, Shape
from gibbsfactor.learning.chain.features import observed_features
from gibbsfactor.learning.chain.loss import ChainLoss
from gibbsfactor.learning.chain.perceptron import AveragedPerceptron
from gibbsfactor.learning.chain.rules import ChainRules
from gibbsfactor.learning.chain.sequence import move
from gibbsfactor.learning.chain.stochastic import StochasticGradient
from gibbsfactor.learning.chain.targets import ChainTargets
from gibbsfactor.learning.lbfgs import minimize

flag = st.booleans()
problems = st.builds(
    random_problem,
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(any),
    n_labels=st.integers(1, 3),
    n_edges=st.sampled_from([0, 3]),
    n_dense=st.sampled_from([0, 2]),
    order=st.sampled_from([1, 2]),
    partial=flag,
    weighted=flag,
    constrained=flag,
    costly=flag,
    uneven=flag,
    supported=flag,
)


def arrays_of(problem):
    return (
        Data.of(problem.tokens),
        Shape.of(problem.features, problem.tokens.n_dense),
        Known.of(problem.targets),
        Limits.of(problem.rules, problem.features.n_labels),
    )


def one_gradient(problem, arrays, n, weights, scale=1.0):
    """Loss and gradient of sequence n alone, as the trainer has them."""
    data, shape, known, limits = arrays
    length, k = problem.targets.lengths[n], problem.features.n_labels
    if not length:
        return 0.0, np.zeros_like(weights)
    n_matrices = length if len(data.edge_indices) else 1
    nodes, steps = np.zeros((length, k)), np.zeros((n_matrices, len(shape.after), k))
    scored = data, shape, Rows.none(shape), known, limits, weights / scale, scale
    loss = stochastic._gradient(np.int64(n), *scored, nodes, steps)
    negative, lagged = np.zeros_like(weights), np.zeros_like(weights)
    move(data.offsets[n], nodes, steps, data, shape, negative, lagged, known.weights[n], 0.0)
    return known.weights[n] * loss, -negative


# ---- gradients ------------------------------------------------------------------------------


@settings(max_examples=60)
@given(problems, st.sampled_from([1.0, 0.25]), st.sampled_from([1.0, 1.0, 100.0, 3000.0]))
def test_gradients_of_sequences_add_up_to_that_of_the_loss(problem, scale, size):
    """Also where scores lie hundreds and thousands of nats apart."""
    arrays = arrays_of(problem)
    weights = np.random.default_rng(0).normal(size=problem.features.n_weights) * size
    with ChainLoss(*problem.arguments, 0.0, problem.rules, 1) as loss:
        value, gradient = loss(weights)
    every = range(len(problem.targets.lengths))
    parts = [one_gradient(problem, arrays, n, weights, scale) for n in every]
    # losses are differences of sums that are up to so large, and probabilities take their rounding
    near = 1e-11 * size
    assert sum(v for v, _ in parts) == pytest.approx(value, rel=1e-12, abs=near)
    assert_allclose(sum(g for _, g in parts), gradient, rtol=0, atol=near)
    assert_allclose([v for v, _ in parts], listed_losses(problem, weights), atol=near)


def test_forced_labels_far_below_are_in_gradients_too():
    """One position may only take a label that lies thousands of nats below: sums go in logs."""
    problem = random_problem(seed=2, lengths=(4, 3), constrained=True, n_dense=1)
    weights = np.random.default_rng(0).normal(size=problem.features.n_weights) * 3000
    with ChainLoss(*problem.arguments, 0.0, problem.rules, 1) as loss:
        value, gradient = loss(weights)
    parts = [one_gradient(problem, arrays_of(problem), n, weights) for n in range(2)]
    assert sum(v for v, _ in parts) == pytest.approx(value, rel=1e-12)
    assert sum(v for v, _ in parts) == pytest.approx(listed_losses(problem, weights).sum())
    assert_allclose(sum(g for _, g in parts), gradient, rtol=0, atol=1e-9)


# ---- stochastic gradient descent ------------------------------------------------------------


def plain_descent(problem, start, c2, offset, seed, passes):
    """The recursion as the module writes it down: what it hands out after every pass."""
    arrays, n, w, t = arrays_of(problem), len(problem.targets.lengths), start.copy(), 0
    shrink, moments, after = 2 * c2 / n, [], []
    for number in range(passes):
        total = 0.0
        order = np.random.default_rng([seed, 1 + number]).permutation(n)
        for part in np.array_split(order, stochastic.MOMENTS):
            for k in part:
                loss, gradient = one_gradient(problem, arrays, k, w)
                rate = 1 / (shrink * (offset + t))
                w = w - rate * (gradient + shrink * w)
                total, t = total + loss, t + 1
            moments.append(w)
        later = moments[stochastic.MOMENTS :] or [w]
        after.append((total + c2 * float(w @ w), w, np.mean(later, axis=0)))
    return after


@pytest.mark.parametrize(
    "offset", [30.0, 2.5, 1 + 1e-10, 0.6], ids=["slow", "fast", "shrinks to nothing", "overshoots"]
)
@pytest.mark.parametrize("warm", [False, True])
def test_descent_is_the_plain_recursion(offset, warm):
    """Also where the common factor gets small, or negative, and is multiplied out."""
    options = {"n_edges": 2, "n_dense": 1, "order": 2, "weighted": True, "partial": True}
    problem = random_problem(seed=7, lengths=(3, 2, 0, 4, 1) * 9, **options)
    start = np.random.default_rng(1).normal(size=problem.features.n_weights) * warm
    trainer = StochasticGradient(*arrays_of(problem), start, 2.0, seed=5)
    assert trainer.offset > 0
    trainer.offset = offset
    assert_allclose(trainer.average(), start)
    for loss, last, average in plain_descent(problem, start, 2.0, offset, 5, 4):
        assert trainer.run() == pytest.approx(loss, rel=1e-9)
        assert_allclose(trainer.current(), last, rtol=1e-9, atol=1e-9)
        assert_allclose(trainer.average(), average, rtol=1e-9, atol=1e-9)


def test_the_rate_comes_from_trying():
    """Of rates 0.1 * 2^k, the one that lowers the loss on the data most, to the first worse."""
    problem = random_problem(seed=3, lengths=[4] * 20, n_labels=2)
    arrays, c2 = arrays_of(problem), 1.0
    zero = np.zeros(problem.features.n_weights)
    trainer = StochasticGradient(*arrays, zero, c2)
    shrink = 2 * c2 / 20
    rate = 1 / (shrink * trainer.offset)
    doublings = np.log2(rate / 0.1)
    assert doublings == pytest.approx(round(doublings))
    sample = np.random.default_rng([0, 0]).permutation(20)

    def after(rate):
        w = zero
        for t, k in enumerate(sample):
            _, gradient = one_gradient(problem, arrays, k, w)
            w = w - (gradient + shrink * w) / (1 / rate + shrink * t)
        with ChainLoss(*problem.arguments, c2, problem.rules, 1) as loss:
            return loss(w)[0]

    assert after(rate) <= min(after(rate / 2), after(rate * 2)) + 1e-9


def test_many_passes_come_close_to_the_optimum():
    problem = random_problem(seed=4, lengths=[5] * 40, n_labels=3, n_edges=2, n_dense=1)
    zero = np.zeros(problem.features.n_weights)
    trainer = StochasticGradient(*arrays_of(problem), zero, 1.0)
    with ChainLoss(*problem.arguments, 1.0, problem.rules, 1) as loss:
        best = minimize(loss, zero, gradient_tolerance=1e-9, loss_tolerance=0.0).loss
        for _ in range(200):
            trainer.run()
        assert best <= loss(trainer.average())[0] <= best * (1 + 1e-4)
        assert loss(trainer.current())[0] <= best * (1 + 1e-2)


def trainer_of(name, problem, start=None, before=None):
    start = np.zeros(problem.features.n_weights) if start is None else start
    if name == "stochastic":
        return StochasticGradient(*arrays_of(problem), start, 1.0, 3, before)
    return AveragedPerceptron(*arrays_of(problem), start, 3, before)


@pytest.mark.parametrize("name", ["stochastic", "perceptron"])
@pytest.mark.parametrize("done", [0, 1, 2, 5])
def test_what_a_trainer_keeps_of_itself_is_all_it_takes_to_go_on(name, done):
    problem = random_problem(seed=8, lengths=(3, 4, 2), n_dense=1)
    whole = trainer_of(name, problem)
    for _ in range(done):
        whole.run()
    kept = {key: np.array(array) for key, array in whole.arrays().items()}
    again = trainer_of(name, problem, before=kept)
    assert_array_equal(again.average(), whole.average())
    for _ in range(3):
        assert again.run() == whole.run()
        assert_array_equal(again.average(), whole.average())


@pytest.mark.parametrize("name", ["stochastic", "perceptron"])
@pytest.mark.parametrize("passes", [1, 2, 5])
@pytest.mark.parametrize("part", [0, 7])
def test_an_interrupt_after_compiled_code_leaves_a_true_average(name, passes, part, monkeypatch):
    """Ctrl-C during compiled code is raised as soon as that returns, before anything is counted.

    What then counts as the average must lie among the weights met: here all of them are about one
    vector, since the trainer starts where it stays.
    """
    problem = random_problem(seed=8, lengths=[1] * 40, n_labels=2)
    with ChainLoss(*problem.arguments, 1.0) as loss:
        zero = np.zeros(problem.features.n_weights)
        best = minimize(loss, zero, gradient_tolerance=1e-9, loss_tolerance=0.0).weights
    start = best if name == "stochastic" else best * 1e4
    trainer = trainer_of(name, problem, start)
    for _ in range(passes):
        trainer.run()
    module = {"stochastic": stochastic, "perceptron": perceptron}[name]
    compiled, calls = module._pass, []

    def cut(*arguments):
        found = compiled(*arguments)
        calls.append(found)
        if len(calls) > part or name == "perceptron":
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(module, "_pass", cut)
    before = trainer.average()
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert_allclose(trainer.average(), before, atol=0.02 * np.abs(before).max())


# ---- the averaged perceptron ----------------------------------------------------------------


def plain_best(problem, n, weights, clamp):
    """The best labelling by listing; of those that tie, the lowest last state, and so on back."""
    first = int(problem.targets.lengths[:n].sum())
    length = int(problem.targets.lengths[n])
    nodes, steps = restricted(problem, *spread_scores(problem, weights), first, length)
    span, costs = slice(first, first + length), problem.rules.costs
    codes = problem.targets.codes[span]
    if clamp:
        nodes[~problem.targets.allowed[span]] = -np.inf
    elif costs is not None and (codes >= 0).all():
        nodes += costs[codes]
    every = list_all(nodes, steps, np.arange(length))
    best = every.labellings[every.scores == every.best].tolist()
    order = problem.features.order
    return min(best, key=lambda y: [*y[-order:], *y[:-order][::-1]])


def plain_perceptron(problem, start, seed, passes):
    w, met, wrong, lengths = start.copy(), [], [], problem.targets.lengths
    for number in range(passes):
        errors, order = 0, np.random.default_rng([seed, 1 + number]).permutation(len(lengths))
        for n in order.tolist():
            if lengths[n]:
                first = int(lengths[:n].sum())
                right = problem.targets.codes[first : first + lengths[n]].tolist()
                if min(right) < 0:
                    right = plain_best(problem, n, w, clamp=True)
                found = plain_best(problem, n, w, clamp=False)
                errors += sum(a != b for a, b in zip(right, found, strict=True))
                move_by = plain_counts(problem, n, right) - plain_counts(problem, n, found)
                w = w + problem.targets.weights[n] * move_by
            met.append(w)
        wrong.append(errors)
    return met, wrong


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.fixed_dictionaries(
        {
            "lengths": st.lists(st.integers(0, 4), min_size=1, max_size=3).filter(any),
            "n_labels": st.integers(1, 3),
            "n_edges": st.sampled_from([0, 2]),
            "n_dense": st.sampled_from([0, 1]),
            "order": st.sampled_from([1, 2]),
            "partial": flag,
            "weighted": flag,
            "constrained": flag,
        }
    ),
    flag,
)
def test_the_perceptron_is_the_plain_recursion(seed, options, warm):
    """Values are whole, so that ties are ties in both."""
    problem = random_problem(seed, whole=True, **options)
    start = np.random.default_rng(1).integers(-2, 3, problem.features.n_weights) * float(warm)
    trainer = AveragedPerceptron(*arrays_of(problem), start, seed)
    met, wrong = plain_perceptron(problem, start, seed, 3)
    assert_allclose(trainer.average(), start)
    n = len(problem.targets.lengths)
    for done in range(1, 4):
        assert trainer.run() == wrong[done - 1]
        assert_allclose(trainer.last, met[n * done - 1], atol=1e-12)
        assert_allclose(trainer.average(), np.mean(met[: n * done], axis=0), atol=1e-12)


def test_costs_move_the_perceptron_until_labels_win_by_a_margin():
    """With a cost of 2 at every mistake, the right label must win by that much."""
    tokens = Tokens(scipy.sparse.csr_array(np.eye(3)), [1, 1, 1])
    targets = ChainTargets.of(np.ones(3, np.int64), np.array([0, 1, 0]), 2)
    rules = ChainRules(costs=np.array([[0.0, 2.0], [2.0, 0.0]]))
    features, _ = observed_features(tokens, targets, all_states=True)
    data = Data.of(tokens), Shape.of(features, 0), Known.of(targets), Limits.of(rules, 2)
    trainer = AveragedPerceptron(*data, np.zeros(6))
    wrong = [trainer.run() for _ in range(10)]
    assert wrong[-1] == 0
    weights = trainer.last.reshape(3, 2)
    assert min(weights[m, c] - weights[m, 1 - c] for m, c in enumerate([0, 1, 0])) >= 2
