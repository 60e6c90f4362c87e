"""Baum-Welch: gibbsfactor's hidden Markov model against hmmlearn's, implementation="scaling".

The same random symbols and the same start, so many EM iterations, in one process and in turn; the
medians of several rounds, and their ratio, for one long sequence and for many. Both must come to
the same parameters. What is compiled is compiled (or loaded from disk) before the first round.

    pip install '.[bench]'
    python benchmarks/hmm.py
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import numpy as np
from hmmlearn.hmm import CategoricalHMM, GaussianHMM

from gibbsfactor import HiddenMarkovModel

BAR = 0.5  # of hmmlearn's time
NEAR = 1e-6


def main() -> int:
    command = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    command.add_argument("--steps", type=int, default=50_000)
    command.add_argument("--symbols", type=int, default=64)
    command.add_argument("--iterations", type=int, default=10)
    command.add_argument("--rounds", type=int, default=5)
    args = command.parse_args()
    head = f"{args.steps:,} steps, {args.symbols} symbols, {args.iterations} iterations"
    print(f"{head}; medians of {args.rounds} rounds\n")
    print(f"{'emissions':12}{'states':>7}{'sequences':>11}{'ours':>9}{'hmmlearn':>10}{'ratio':>8}")
    missed = 0
    for kind in ("categorical", "gaussian"):
        for n_states in (8, 32):
            for n in (1, 100):
                ratio, apart = compare(kind, n_states, n, args)
                counts = kind == "categorical" and (ratio > BAR or apart > NEAR)
                missed += counts
                note = f"   parameters differ by {apart:.1e}" if apart > NEAR else ""
                print(note + ("   above the bar" if counts else ""))
    print(f"\nbar: at most {BAR} for categorical emissions, parameters equal to {NEAR:g}: ", end="")
    print("missed" if missed else "met")
    return 1 if missed else 0


def compare(kind: str, n_states: int, n: int, args: argparse.Namespace) -> tuple[float, float]:
    """Time both in turn, print the medians; the ratio, and by how much parameters differ."""
    rng = np.random.default_rng(0)
    X, first = problem(kind, n_states, args, rng)
    lengths = np.full(n, len(X) // n)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    makers = {"ours": ours, "theirs": theirs}
    makers["ours"](kind, n_states, 1, first).fit(X, lengths=lengths)
    models = {}
    for _ in range(args.rounds):
        for name, make in makers.items():
            models[name] = make(kind, n_states, args.iterations, first)
            began = perf_counter()
            models[name].fit(X, lengths=lengths)
            times[name].append(perf_counter() - began)
    mine, peer = (float(np.median(times[name])) for name in ("ours", "theirs"))
    shown = f"{mine:8.3f}s{peer:9.3f}s{mine / peer:8.2f}"
    print(f"{kind:12}{n_states:7}{n:11}{shown}", end="")
    apart = max(
        float(np.abs(np.asarray(getattr(models["ours"], a)) - getattr(models["theirs"], a)).max())
        for a in first
        if a != "covars_"
    )
    return mine / peer, apart


def problem(kind: str, n_states: int, args: argparse.Namespace, rng: np.random.Generator):
    first = {
        "startprob_": rng.dirichlet(np.ones(n_states)),
        "transmat_": rng.dirichlet(np.ones(n_states), n_states),
    }
    if kind == "categorical":
        X = rng.integers(0, args.symbols, (args.steps, 1))
        return X, first | {"emissionprob_": rng.dirichlet(np.ones(args.symbols), n_states)}
    means = rng.normal(size=(n_states, 4))
    X = means[rng.integers(n_states, size=args.steps)] + 0.5 * rng.normal(size=(args.steps, 4))
    start = means + 0.2 * rng.normal(size=means.shape)
    return X, first | {"means_": start, "covars_": np.ones((n_states, 4))}


def ours(kind: str, n_states: int, n_iter: int, first: dict[str, np.ndarray]) -> HiddenMarkovModel:
    model = HiddenMarkovModel(
        n_states, kind, covars_prior=1e-2, n_iter=n_iter, tol=0, init_params="", progress=False
    )
    return with_parameters(model, first)


def theirs(kind: str, n_states: int, n_iter: int, first: dict[str, np.ndarray]):
    make = CategoricalHMM if kind == "categorical" else GaussianHMM
    options = {"n_iter": n_iter, "tol": -np.inf, "init_params": "", "implementation": "scaling"}
    return with_parameters(make(n_states, **options), first)


def with_parameters(model, parameters: dict[str, np.ndarray]):
    for name, value in parameters.items():
        setattr(model, name, value)
    return model


if __name__ == "__main__":
    sys.exit(main())
