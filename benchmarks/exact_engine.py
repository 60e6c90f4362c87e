"""The exact engine on a long chain, a chain for MAP, and a grid: seconds and peak memory.

Each question runs in a process of its own, so that its peak memory (Python, numpy and the factors
included) is its own. Times are the first call's: they include the search for a plan. "build" is
importing the package and making the factors.

    python benchmarks/exact_engine.py
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor import GibbsDistribution

QUESTIONS = {
    "log Z": lambda p: p.log_partition(),
    "all marginals": lambda p: p.marginals(),
    "MAP": lambda p: p.map_assignment(),
}


def chain(n: int, k: int, seed: int) -> GibbsDistribution:
    """n variables of k states in a row, with a random factor for each and for each pair."""
    import numpy as np

    from gibbsfactor import Factor, GibbsDistribution, Variable

    rng = np.random.default_rng(seed)
    x = [Variable(f"x{i}", k) for i in range(n)]
    own = rng.uniform(0.1, 1.0, (n, k))
    pair = rng.uniform(0.1, 1.0, (n - 1, k, k))
    return GibbsDistribution(
        [
            *(Factor(v, table) for v, table in zip(x, own, strict=True)),
            *(Factor(vs, t) for vs, t in zip(pairwise(x), pair, strict=True)),
        ]
    )


def grid(n: int, seed: int) -> GibbsDistribution:
    """n by n spins with random fields and couplings (an Ising spin glass)."""
    import numpy as np

    from gibbsfactor import Factor, GibbsDistribution, Variable

    rng = np.random.default_rng(seed)
    spin = {(i, j): Variable(f"s{i},{j}", [-1, 1]) for i in range(n) for j in range(n)}
    factors = [Factor.from_log(v, rng.normal() * np.array([-1.0, 1.0])) for v in spin.values()]
    for i, j in spin:
        for other in ((i + 1, j), (i, j + 1)):
            if other in spin:
                coupling = rng.normal() * np.array([[1.0, -1.0], [-1.0, 1.0]])
                factors.append(Factor.from_log([spin[i, j], spin[other]], coupling))
    return GibbsDistribution(factors)


CASES: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "chain of 100,000 variables, 3 states": (
        lambda: chain(100_000, 3, 0),
        ("log Z", "all marginals"),
    ),
    "chain of 70 variables, 3 states": (lambda: chain(70, 3, 1), ("MAP",)),
    "grid of 12 x 12, binary": (lambda: grid(12, 2), ("log Z", "all marginals", "MAP")),
}


def measure(case: str, question: str) -> dict[str, float]:
    build, _ = CASES[case]
    began = perf_counter()
    p = build()
    built = perf_counter()
    QUESTIONS[question](p)
    ended = perf_counter()
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mib = kilobytes / (2**20 if sys.platform == "darwin" else 2**10)
    return {"built": built - began, "seconds": ended - built, "mib": mib}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=1, help="runs of each question")
    parser.add_argument("--one", nargs=2, metavar=("CASE", "QUESTION"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:  # the process of one question
        print(json.dumps(measure(*args.one)))
        return
    print(f"{'':40}{'question':16}{'build, s':>12}{'answer, s':>12}{'peak, MiB':>12}")
    for case, (_, questions) in CASES.items():
        for question in questions:
            runs = []
            for _ in range(args.repeats):
                command = [sys.executable, __file__, "--one", case, question]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                runs.append(json.loads(done.stdout))
            built, seconds, mib = (
                median(run[key] for run in runs) for key in ("built", "seconds", "mib")
            )
            print(f"{case:40}{question:16}{built:12.3f}{seconds:12.4f}{mib:12.0f}", flush=True)


if __name__ == "__main__":
    main()
