"""Models of the UAI-2014 competition: seconds, memory, and the answers against the references.

Every model of the index runs in a process of its own, under a time and a memory cap, with its
evidence applied. Columns: seconds to read, to plan, for log Z, for all marginals and for a best
assignment (the plan is made once); the estimated peak in MiB for log Z and for marginals, and the
estimate over what `tracemalloc` measured around the execution alone, in a second process;
differences from the references in log10 Z, in marginals and in the log10 score of the assignment.

    python benchmarks/uai.py
    python benchmarks/uai.py --memory-share 0.25     # again with a quarter of the estimated bytes
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from own_process import run

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "uai"
QUESTIONS = {"log Z": "log_partition", "marginals": "marginals", "MAP": "map"}  # their tasks
LOG_10 = math.log(10.0)
TOLERANCE = 1e-9
MAR_TOLERANCE = 1e-6  # the published marginals have six digits
MOST_LOG2_TOTAL = 28.0  # models up to here must be solved; so must ALSO
ALSO = ("Grids_15", "linkage_24")
SMALL_BYTES = 2**20  # below, what is measured are Python's own objects
MEMORY_FACTOR = 1.5
# The published value is not that of the model; this one is from eliminating it in plain numpy.
RIGHT = {"relational_5": 4371.588437542815}


@dataclass
class Row:
    """A model of the index, and what was measured on it."""

    name: str
    reference: dict[str, str]
    measured: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def must_be_solved(self) -> bool:
        return float(self.reference["log2_total"]) <= MOST_LOG2_TOTAL or self.name in ALSO

    def log_z_off(self) -> tuple[float, float]:
        """Difference of log10 Z from the reference, and how much it may be."""
        if self.name in RIGHT:
            return abs(self.measured["log Z"] - RIGHT[self.name]), TOLERANCE
        expected = float(self.reference["log10Z"])
        exact = self.reference["log10Z_source"] == "exact"
        last_digit = 10.0 ** (math.floor(math.log10(abs(expected))) - 5)  # the sixth
        return abs(self.measured["log Z"] - expected), TOLERANCE if exact else last_digit

    def map_off(self) -> float:
        """Difference of the score; NaN where there is no reference."""
        expected = self.reference["log10MAP"]
        return math.nan if expected == "-" else abs(self.measured["MAP"] - float(expected))


# ---- one process ----------------------------------------------------------------------------


def load(folder: Path, name: str) -> Any:
    from gibbsfactor.io import read_uai, read_uai_evidence

    p = read_uai(folder / f"{name}.uai.gz")
    return p.condition(read_uai_evidence(folder / f"{name}.uai.evid.gz", p))


def answer(p: Any, question: str) -> Any:
    """log10 Z, a list of arrays, or the log10 score of a best assignment."""
    if question == "log Z":
        return p.log_partition() / LOG_10
    if question == "marginals":
        return {name: factor.values for name, factor in p.marginals().items()}
    return p.log_unnormalized({**p.map_assignment(), **p.evidence}) / LOG_10


def largest_difference(one: Any, two: Any) -> float:
    if not isinstance(one, dict):
        return float(abs(one - two))
    return max((float(np.abs(one[name] - two[name]).max()) for name in one), default=0.0)


def tell(found: dict[str, Any]) -> None:
    """What is known so far: the last line counts, even of a process that is killed."""
    print(json.dumps(found), flush=True)


def time_questions(folder: Path, name: str) -> None:
    import gibbsfactor.gibbs  # noqa: F401 - what is imported is not part of the reading
    from gibbsfactor.errors import IntractableError
    from gibbsfactor.io import read_uai_results

    found: dict[str, Any] = {}

    def timed(what: str, action: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = action()
        found[f"{what}, s"] = time.perf_counter() - began
        return result

    p = timed("read", lambda: load(folder, name))
    plans = timed("plan", lambda: {q: p.plan(task) for q, task in QUESTIONS.items()})
    found |= {"width": plans["marginals"].width, "flops": plans["marginals"].flops}
    found |= {f"{q}, bytes": plan.footprint.peak(QUESTIONS[q]) for q, plan in plans.items()}
    tell(found)
    for question in QUESTIONS:
        try:
            result = timed(question, lambda question=question: answer(p, question))  # type: ignore[misc]
        except IntractableError as error:
            found[f"{question}, refused"] = str(error)
        else:
            if question != "marginals":
                found[question] = result
            elif (file := folder / f"{name}.uai.MAR.gz").exists():
                published = read_uai_results(file, p).marginals or {}
                expected = {name: published[name].values for name in result}
                found[question] = largest_difference(result, expected)
        tell(found)


def measure_bytes(folder: Path, name: str) -> None:
    """Peak of what is allocated while each question runs, its plan made beforehand."""
    import tracemalloc

    from gibbsfactor.errors import IntractableError

    p = load(folder, name)
    found: dict[str, Any] = {}
    actions = {"log Z": p.log_partition, "marginals": p.marginals, "MAP": p.map_assignment}
    for question, action in actions.items():
        p.plan(QUESTIONS[question])
        tracemalloc.start()
        try:
            action()
        except IntractableError:
            continue
        else:
            found[f"{question}, measured"] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        tell(found)


def share_memory(folder: Path, name: str, share: float) -> None:
    """Every question with a share of the bytes that its plan takes, against the answer with all."""
    from gibbsfactor import GibbsDistribution
    from gibbsfactor.errors import IntractableError

    p = load(folder, name)
    found: dict[str, Any] = {}
    for question, task in QUESTIONS.items():
        expected = answer(p, question)
        n_bytes = p.plan(task).footprint.peak(task)
        held = GibbsDistribution(p.factors, p.variables, memory=int(share * n_bytes))
        held = held.condition(p.evidence)
        began = time.perf_counter()
        try:
            found[question] = largest_difference(expected, answer(held, question))
        except IntractableError as error:
            found[f"{question}, refused"] = str(error)
        found[f"{question}, s"] = time.perf_counter() - began
        tell(found)


# ---- all processes --------------------------------------------------------------------------


def rows_of(folder: Path, wanted: list[str] | None) -> list[Row]:
    index = folder / "index.tsv"
    if not index.is_file():
        sys.exit(f"no {index}; name the folder of the models and their index")
    with index.open(encoding="utf-8") as lines:
        rows = [Row(r["name"], r) for r in csv.DictReader(lines, delimiter="\t")]
    missing = sorted(set(wanted or []) - {row.name for row in rows})
    if missing:
        sys.exit(f"no {', '.join(missing)} in {index}; there are {', '.join(r.name for r in rows)}")
    return [row for row in rows if wanted is None or row.name in wanted]


def verdict(bar: str, failing: list[str], n: int) -> bool:
    word = "FAIL" if failing else "PASS" if n else "not measured"
    on_all = f"all {n}" if n else "none"
    print(f"{word:13} {bar}: {'not ' + '; '.join(failing) if failing else on_all}")
    return not failing


def in_turn(rows: list[Row], args: argparse.Namespace) -> bool:
    titles = ("read", "plan", "log Z", "marg.", "MAP", "MiB: log Z", "marg.", "MAP")
    titles += ("/ true", "/ true", "/ true")
    titles = ("read", "plan", "log Z", "marg.", "MAP", "MiB: log Z", "marg.", "MAP")
    titles += ("/ true", "/ true", "/ true")
    heads = [f"{title:>11}" for title in titles]
    heads += [f"{title:>10}" for title in ("d log10 Z", "d marg.", "d MAP")]
    print(f"{'model':20}{'width':>6}{'flops':>9}{''.join(heads)}")
    caps = {"seconds": args.seconds, "gibibytes": args.gibibytes}
    for row in rows:
        for task in ("time", "bytes"):
            outcome = run("uai.py", args.folder, "--one", row.name, task, **caps)
            row.measured |= outcome.result or {}
            if outcome.failure:
                row.failure += f"{'; ' if row.failure else ''}{task}: {outcome.failure}"
        print(as_text(row), flush=True)
    return judge(rows)


def as_text(row: Row) -> str:
    m = row.measured

    def cell(key: str, form: str, width: int = 11, unit: float = 1.0) -> str:
        return f"{format(m[key] / unit, form) if key in m else '-':>{width}}"

    def over(question: str) -> str:
        true = m.get(f"{question}, measured")
        return f"{m[f'{question}, bytes'] / true if true else math.nan:>11.2f}"

    differences = (
        row.log_z_off()[0] if "log Z" in m else math.nan,
        m.get("marginals", math.nan),
        row.map_off() if "MAP" in m else math.nan,
    )
    notes = [row.failure] if row.failure else []
    notes += [f"{q} refused" for q in QUESTIONS if f"{q}, refused" in m]
    if row.name in RIGHT:
        notes.append(f"the index's log10 Z is not the model's; held against {RIGHT[row.name]}")
    return (
        f"{row.name:20}{cell('width', '.0f', 6)}{cell('flops', '.1e', 9)}"
        + "".join(cell(f"{what}, s", ".3f") for what in ("read", "plan", *QUESTIONS))
        + "".join(cell(f"{q}, bytes", ".1f", unit=2**20) for q in QUESTIONS)
        + "".join(over(question) for question in QUESTIONS)
        + "".join(f"{d:>10.1e}" for d in differences)
        + "".join(f"  {note}" for note in notes)
    )


def judge(rows: list[Row]) -> bool:
    print()
    due = [row for row in rows if row.must_be_solved]
    unsolved = [row.name for row in due if not all(f"{q}, s" in row.measured for q in QUESTIONS)]
    fine = verdict(
        f"every question answered: log2_total to {MOST_LOG2_TOTAL:g}, and {', '.join(ALSO)}",
        unsolved,
        len(due),
    )
    fine &= verdict(
        "no crash, no cap passed",
        [f"{row.name} ({row.failure})" for row in rows if row.failure],
        len(rows),
    )
    with_z = [row for row in rows if "log Z" in row.measured]
    off = {row.name: row.log_z_off() for row in with_z}
    fine &= verdict(
        "log10 Z within 1e-9 of 'exact' values, to 6 digits of the others",
        [f"{name} (off by {d:.1e})" for name, (d, most) in off.items() if not d <= most],
        len(with_z),
    )
    published = [row for row in rows if "marginals" in row.measured]
    fine &= verdict(
        f"marginals within {MAR_TOLERANCE:g} of .MAR",
        [
            f"{row.name} (off by {row.measured['marginals']:.1e})"
            for row in published
            if not row.measured["marginals"] <= MAR_TOLERANCE
        ],
        len(published),
    )
    best = [row for row in rows if "MAP" in row.measured and not math.isnan(row.map_off())]
    fine &= verdict(
        "score of the best assignment within 1e-9 of log10MAP",
        [f"{row.name} (off by {row.map_off():.1e})" for row in best if row.map_off() > TOLERANCE],
        len(best),
    )
    return fine & judge_bytes(rows)


def judge_bytes(rows: list[Row]) -> bool:
    ratios = {}
    for row in rows:
        for question in QUESTIONS:
            estimated = row.measured.get(f"{question}, bytes", 0)
            true = row.measured.get(f"{question}, measured", 0)
            if true and max(estimated, true) >= SMALL_BYTES:
                ratios[f"{row.name} {question}"] = estimated / true
    return verdict(
        f"estimated peak within a factor of {MEMORY_FACTOR} of the measured one, from 1 MiB on",
        [
            f"{what} ({ratio:.2f})"
            for what, ratio in ratios.items()
            if not 1 / MEMORY_FACTOR <= ratio <= MEMORY_FACTOR
        ],
        len(ratios),
    )


def with_less_memory(rows: list[Row], args: argparse.Namespace) -> bool:
    print(f"with {args.memory_share:g} of the estimated bytes: seconds, and differences of answers")
    caps = {"seconds": args.seconds, "gibibytes": args.gibibytes}
    failing = []
    for row in rows:
        options = ("--one", row.name, "share", "--memory-share", args.memory_share)
        outcome = run("uai.py", args.folder, *options, **caps)
        found = outcome.result or {}
        cells = [
            f"{question} {found[f'{question}, s']:.3f} s ({found[question]:.1e})"
            for question in QUESTIONS
            if question in found
        ]
        cells += [
            f"{question} refused" for question in QUESTIONS if f"{question}, refused" in found
        ]
        print(f"{row.name:20}{', '.join(cells)}  {outcome.failure}".rstrip(), flush=True)
        if outcome.failure or not all(found.get(q, 1.0) <= TOLERANCE for q in QUESTIONS):
            failing.append(row.name)
    print()
    return verdict("the same answers to 1e-9", failing, len(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path, nargs="?", default=DATA, help="models and index.tsv")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--seconds", type=float, default=60.0, help="cap of a process")
    parser.add_argument("--gibibytes", type=float, default=8.0, help="cap of a process")
    parser.add_argument("--memory-share", type=float, default=None, help="of the estimated bytes")
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "TASK"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:  # the process of one model
        name, task = args.one
        if task == "time":
            time_questions(args.folder, name)
        elif task == "bytes":
            measure_bytes(args.folder, name)
        else:
            share_memory(args.folder, name, args.memory_share)
        return
    rows = rows_of(args.folder, args.models)
    print(f"caps of each process: {args.seconds:g} s, {args.gibibytes:g} GiB resident")
    fine = (with_less_memory if args.memory_share else in_turn)(rows, args)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
