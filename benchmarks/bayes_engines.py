"""One process of `bayes_nets.py`: reading a network, or putting queries to one of the engines."""

from __future__ import annotations

import argparse
import gc
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from own_process import peak_bytes, resident_bytes

OBSERVED_SHARE = 0.1
WARMING = 20  # queries to a tiny network before the clock starts, of both engines


@dataclass(frozen=True)
class Problem:
    """A network as plain arrays, and what is observed.

    ``tables[v]`` has an axis for each of ``parents[v]`` and a last one for v; ``samples`` are
    positions (rows, variables), drawn forward.
    """

    cardinalities: list[int]
    parents: list[list[int]]
    tables: list[np.ndarray]
    observed: list[int]
    samples: np.ndarray

    def evidence(self, row: int) -> dict[str, int]:
        return {f"x{v}": int(self.samples[row, v]) for v in self.observed}

    def asked(self, observed: bool) -> list[str]:
        """Names of the variables whose marginals are wanted."""
        hidden = set(self.observed) if observed else set()
        return [f"x{v}" for v in range(len(self.cardinalities)) if v not in hidden]


TINY = Problem(
    [2, 2, 2],
    [[], [0], [0, 1]],
    [np.array([0.4, 0.6]), np.array([[0.1, 0.9], [0.5, 0.5]]), np.full((2, 2, 2), 0.5)],
    [2],
    np.zeros((2, 3), dtype=int),
)


def prepare(path: Path, target: Path, rows: int) -> None:
    """Read a network and draw its evidence; in a process of its own, which may grow."""
    from gibbsfactor.io import read_bif

    network = read_bif(path)
    variables = network.variables
    number = {v.name: i for i, v in enumerate(variables)}
    drawn = network.sample(rows, rng=0)
    n = len(variables)
    observed = np.random.default_rng(1).choice(n, max(round(OBSERVED_SHARE * n), 1), replace=False)
    problem = Problem(
        [v.cardinality for v in variables],
        [[number[u] for u in network.parents(v)] for v in variables],
        [np.array(network.tables[v.name].values) for v in variables],
        sorted(observed.tolist()),
        np.array([[v.index(state) for state in drawn[v.name]] for v in variables]).T,
    )
    target.write_bytes(pickle.dumps(problem))


# ---- the engines: each gives a function of (rows of evidence) -> marginals -------------------

Query = Callable[[int], Any]  # number of the row, -1 for no evidence -> the engine's own answer
Arrays = Callable[[Any], list[np.ndarray]]


def gibbsfactor_engine(problem: Problem) -> tuple[Query, Arrays, Any]:
    network = gibbsfactor_network(problem)

    def query(row: int) -> Any:
        p = network if row < 0 else network.condition(problem.evidence(row))
        return p.marginals()

    return query, lambda answer: [factor.values for factor in answer.values()], network


def gibbsfactor_network(problem: Problem) -> Any:
    from gibbsfactor import BayesianNetwork, ConditionalTable, Variable

    x = [Variable(f"x{v}", k) for v, k in enumerate(problem.cardinalities)]
    return BayesianNetwork(
        ConditionalTable(x[v], [x[u] for u in above], table)
        for v, (above, table) in enumerate(zip(problem.parents, problem.tables, strict=True))
    )


def agrum_network(problem: Problem) -> Any:
    import pyagrum as gum

    network = gum.BayesNet("network")
    for v, k in enumerate(problem.cardinalities):
        network.add(gum.LabelizedVariable(f"x{v}", "", k))
    for v, above in enumerate(problem.parents):
        for u in above:
            network.addArc(f"x{u}", f"x{v}")
    for v, (above, table) in enumerate(zip(problem.parents, problem.tables, strict=True)):
        cpt = network.cpt(f"x{v}")
        mine = [f"x{u}" for u in (*above, v)]
        axes = [mine.index(name) for name in reversed(cpt.names)]
        cpt[:] = np.ascontiguousarray(table.transpose(axes))
    return network


def agrum_engine(problem: Problem, threads: int | None) -> tuple[Query, Arrays, Any]:
    import pyagrum as gum

    network = agrum_network(problem)
    engine: Any = None

    def query(row: int) -> Any:
        nonlocal engine
        evidence = {} if row < 0 else problem.evidence(row)
        if engine is None:
            engine = gum.LazyPropagation(network)
            if threads is not None:
                engine.setNumberOfThreads(threads)
            engine.setEvidence(evidence)
        else:  # the junction tree stays
            for name, state in evidence.items():
                engine.chgEvidence(name, state)
        engine.makeInference()
        return [engine.posterior(name) for name in problem.asked(row >= 0)]

    return query, lambda answer: [tensor.toarray() for tensor in answer], network


def engine_of(name: str, problem: Problem, threads: int | None) -> tuple[Query, Arrays, Any]:
    if name == "gibbsfactor":
        return gibbsfactor_engine(problem)
    return agrum_engine(problem, threads)


# ---- one process ----------------------------------------------------------------------------


def measure(
    engine: str, problem: Problem, case: str, threads: int | None, target: Path
) -> dict[str, float]:
    rows = (-1,) if case == "no evidence" else (0, 1)
    warm, _, _ = engine_of(engine, TINY, threads)
    for _ in range(WARMING):  # imports, caches, and the interpreter's look at what is often run
        for row in rows:
            warm(row)
    query, arrays, _ = engine_of(engine, problem, threads)
    before, seconds, found = resident_bytes(), [], []
    growth = 0
    gc.collect()
    gc.disable()  # as timeit does: a collection would fall into one query or another by chance
    for row in rows:
        began = perf_counter()
        answer = query(row)
        seconds.append(perf_counter() - began)
        growth = growth or max(peak_bytes() - before, 0)
        found += [np.asarray(table).ravel() for table in arrays(answer)]
    np.save(target, np.concatenate(found))
    return {"first": seconds[0], "repeat": seconds[-1], "peak": growth}


def measure_batch(
    engine: str, problem: Problem, rows: int, threads: int | None, target: Path
) -> dict[str, float]:
    asked = problem.asked(True)
    if engine == "gibbsfactor":
        columns = {f"x{v}": problem.samples[:rows, v] for v in problem.observed}
        warm = {f"x{v}": np.zeros(3, dtype=int) for v in TINY.observed}
        gibbsfactor_network(TINY).marginals(evidence=warm)
        network = gibbsfactor_network(problem)
        began = perf_counter()
        answer = network.marginals(evidence=columns)
        seconds = perf_counter() - began
        found = [np.asarray(answer[name]) for name in asked]
    else:
        agrum_engine(TINY, threads)[0](0)
        query, arrays, _ = agrum_engine(problem, threads)
        began = perf_counter()
        answers = [query(row) for row in range(rows)]
        seconds = perf_counter() - began
        found = [np.array(tables) for tables in zip(*map(arrays, answers), strict=True)]
    np.save(target, np.concatenate(found, axis=1))
    return {"seconds": seconds}


# ---- command line, for bayes_nets.py --------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("prepare", "single", "batch"))
    parser.add_argument("engine", help="or the BIF file, to prepare it")
    parser.add_argument("problem", type=Path)
    parser.add_argument("case", help="of the evidence; or how many rows")
    parser.add_argument("--threads", type=int, default=None, help="of pyAgrum")
    parser.add_argument("--save", type=Path, help="file for the marginals")
    args = parser.parse_args()
    result: dict[str, float] = {}
    if args.what == "prepare":
        prepare(Path(args.engine), args.problem, int(args.case))
    else:
        problem = pickle.loads(args.problem.read_bytes())
        if args.what == "single":
            result = measure(args.engine, problem, args.case, args.threads, args.save)
        else:
            result = measure_batch(args.engine, problem, int(args.case), args.threads, args.save)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
