"""Naive Bayes: gibbsfactor's against scikit-learn's four models, on the same data and in turn.

Fit and predict_proba; the medians of several rounds, their ratio, and by how much the
probabilities differ.

    python benchmarks/naive_bayes.py [--rows 100000] [--columns 50] [--rounds 5]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
import scipy.sparse as sp
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB

from gibbsfactor import NaiveBayes

NEAR = 1e-10
CLASSES = 5


def main() -> int:
    command = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    command.add_argument("--rows", type=int, default=100_000)
    command.add_argument("--columns", type=int, default=50)
    command.add_argument("--rounds", type=int, default=5)
    args = command.parse_args()
    rng = np.random.default_rng(0)
    shape, y = (args.rows, args.columns), rng.integers(0, CLASSES, args.rows)
    counts = rng.poisson(1.0 + rng.random((CLASSES, args.columns))[y])
    words = sp.random_array((20_000, 100_000), density=1e-3, format="csr", rng=rng)
    words.data = np.ceil(5 * words.data)
    topics = rng.integers(0, CLASSES, 20_000)
    tasks = [
        ("gaussian", GaussianNB(), rng.normal(size=shape) + y[:, None], y),
        ("categorical", CategoricalNB(min_categories=8), rng.integers(0, 8, shape), y),
        ("bernoulli", BernoulliNB(), (rng.random(shape) < 0.3).astype(float), y),
        ("multinomial", MultinomialNB(), counts, y),
        ("multinomial", MultinomialNB(), words, topics),
        ("bernoulli", BernoulliNB(), words, topics),
    ]
    print(f"medians of {args.rounds} rounds, seconds: gibbsfactor, scikit-learn, ratio\n")
    print(f"{'kind':13}{'rows x columns':>19}{'fit':>24}{'predict_proba':>25}{'apart':>10}")
    worst = max(compare(*task, args.rounds) for task in tasks)
    print(f"\nprobabilities equal to {NEAR:g}: {'met' if worst <= NEAR else 'missed'}")
    return int(worst > NEAR)


def compare(kind: str, peer: object, X: object, y: np.ndarray, rounds: int) -> float:
    """Print a line; returns by how much probabilities differ at most."""
    more = {"min_categories": 8} if kind == "categorical" else {}
    ours = NaiveBayes(kind, **more)
    fits = in_turn([lambda m=model: m.fit(X, y) for model in (ours, peer)], rounds)
    found = in_turn([lambda m=model: m.predict_proba(X) for model in (ours, peer)], rounds)
    apart = float(np.abs(ours.predict_proba(X) - peer.predict_proba(X)).max())
    columns = [f"{a:9.3f}{b:8.3f}{a / b:7.2f}" for a, b in (fits, found)]
    size = f"{X.shape[0]:,} x {X.shape[1]:,}"
    print(f"{kind:13}{size:>19}{columns[0]:>24}{columns[1]:>25}{apart:10.1e}")
    return apart


def in_turn(works: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median seconds of each."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, spent in zip(works, seconds, strict=True):
            began = perf_counter()
            work()
            spent.append(perf_counter() - began)
    return [median(spent) for spent in seconds]


if __name__ == "__main__":
    sys.exit(main())
