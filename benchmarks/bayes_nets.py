"""Single marginals of Bayesian networks: gibbsfactor against pyAgrum's LazyPropagation (C++).

Every network of a folder of BIF files, without evidence and with a tenth of its variables observed
as in one forward sample (seeded). Each (network, engine) runs in a process of its own, under a time
and a memory cap, in turn, on the same normalised tables. Both are warmed on a tiny network first.

first   the first query: search for a plan and building the junction tree included, nothing cached
repeat  other values, from a second forward sample, for the same observed variables
peak    growth of gibbsfactor's resident memory during its first query

Times are the least over the repeats, each a new process. pyAgrum runs with its own number of
threads and with one in turn (more are not always quicker); where it passes a cap with the former,
with one alone.

    pip install '.[bench]'
    python benchmarks/bayes_nets.py
    python benchmarks/bayes_nets.py --batch
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean

import numpy as np
from own_process import GIB, Outcome, run

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "bif"
ENGINES = ("gibbsfactor", "pyAgrum")
CASES = ("no evidence", "evidence")
BATCH_NETWORKS = ("alarm", "hailfinder")
BATCH_ROWS, QUICK_ROWS = 10_000, 1_000
LONG_SECONDS = 5.0  # a first query this long is not repeated

TOLERANCE = 1e-9
SMALL_SECONDS = 0.020  # of pyAgrum: below it another bar holds
LIMITS = {"link": (2.0, 2.0), "munin1": (5.0, 6.0), "barley": (0.25, math.inf)}  # seconds, GiB


# ---- all processes --------------------------------------------------------------------------


@dataclass
class Line:
    """What was measured on one network in one case."""

    network: str
    case: str
    ours: dict[str, float] | None = None
    peer: dict[str, float] | None = None
    note: str = ""
    difference: float = math.nan


def compare(name: str, case: str, folder: Path, args: argparse.Namespace) -> Line:
    """Both engines in turn; the least of the times of each."""
    line = Line(name, case)
    best: dict[str, dict[str, float]] = {}
    notes = []
    choices = {"gibbsfactor": [None], "pyAgrum": args.peer_threads}
    for repeat in range(args.repeats):
        for engine in ENGINES[:: 1 if repeat % 2 == 0 else -1]:
            threads = choices[engine]
            known = best.get(engine)
            enough = known is None or known["first"] > LONG_SECONDS
            if not threads or (repeat >= len(threads) and enough):
                continue
            outcome = one(engine, name, case, threads[repeat % len(threads)], folder, args)
            if outcome.failure and len(threads) > 1:
                notes.append(f"{engine} {outcome.failure}; then with one thread")
                choices[engine] = [1]
                outcome = one(engine, name, case, 1, folder, args)
            if outcome.result is None:
                notes.append(f"{engine} {outcome.failure}")
                choices[engine] = []
                continue
            best[engine] = {
                key: min(value, known[key] if known else value)
                for key, value in outcome.result.items()
            }
    line.note = "; ".join(notes)
    line.ours, line.peer = (best.get(engine) for engine in ENGINES)
    if line.ours and line.peer:
        found = [np.load(folder / f"{engine}.npy") for engine in ENGINES]
        line.difference = float(np.abs(found[0] - found[1]).max())
    return line


def one(
    engine: str, name: str, case: str, threads: int | None, folder: Path, args: argparse.Namespace
) -> Outcome:
    return run(
        "bayes_engines.py",
        *("single", engine, folder / f"{name}.pkl", case, "--save", folder / f"{engine}.npy"),
        *(() if threads is None else ("--threads", threads)),
        seconds=args.seconds,
        gibibytes=args.gibibytes,
    )


def run_single(names: list[str], folder: Path, args: argparse.Namespace) -> bool:
    print(f"{'':24}{'ours, ms':^26}{'pyAgrum, ms':^20}{'ours / pyAgrum':^18}{'largest':>10}")
    print(
        f"{'network':12}{'case':12}{'first':>9}{'repeat':>9}{'MiB':>8}{'first':>10}{'repeat':>10}"
        f"{'first':>9}{'repeat':>9}{'difference':>12}"
    )
    lines = []
    for name in names:
        for case in CASES:
            line = compare(name, case, folder, args)
            lines.append(line)
            print(as_text(line), flush=True)
    return judge(lines)


def as_text(line: Line) -> str:
    repeats = line.case == "evidence"

    def cell(value: float, width: int, form: str = ".1f") -> str:
        return f"{'-' if math.isnan(value) else format(value, form):>{width}}"

    def ms(times: dict[str, float] | None, key: str) -> float:
        return 1e3 * times[key] if times and (repeats or key == "first") else math.nan

    ours = {key: ms(line.ours, key) for key in ("first", "repeat")}
    peer = {key: ms(line.peer, key) for key in ("first", "repeat")}
    peak = line.ours["peak"] / 2**20 if line.ours else math.nan
    return (
        f"{line.network:12}{line.case:12}"
        f"{cell(ours['first'], 9)}{cell(ours['repeat'], 9)}{cell(peak, 8, '.0f')}"
        f"{cell(peer['first'], 10)}{cell(peer['repeat'], 10)}"
        f"{cell(ours['first'] / peer['first'], 9, '.2f')}"
        f"{cell(ours['repeat'] / peer['repeat'], 9, '.2f')}"
        f"{cell(line.difference, 12, '.1e')}{'  ' + line.note if line.note else ''}"
    )


def verdict(bar: str, measured: str, passed: bool | None) -> bool:
    word = "not measured" if passed is None else "PASS" if passed else "FAIL"
    print(f"{word:13} {bar}: {measured}")
    return passed is not False


def judge(lines: list[Line]) -> bool:
    print()
    both = [line for line in lines if line.ours and line.peer]
    fine = verdict_each("gibbsfactor answers", lines, lambda line: bool(line.ours))
    worst = max((line.difference for line in both), default=math.nan)
    fine &= verdict(
        "marginals within 1e-9 of pyAgrum's",
        f"{worst:.1e}" if both else "none",
        worst <= TOLERANCE if both else None,
    )
    ratios = {
        (line.network, line.case): line.ours["first"] / line.peer["first"]
        for line in both
        if line.ours and line.peer
    }
    for case in CASES:
        slow = [
            ratios[line.network, case]
            for line in both
            if line.case == case and line.peer and line.peer["first"] >= SMALL_SECONDS
        ]
        fine &= verdict(
            f"{case}: geometric mean of first / pyAgrum's first where that is at least 20 ms: 0.5",
            f"{geometric_mean(slow):.3f} over {len(slow)} networks" if slow else "none",
            geometric_mean(slow) <= 0.5 if slow else None,
        )
    quick = [line for line in both if line.peer and line.peer["first"] < SMALL_SECONDS]
    fine &= verdict_each(
        "below 20 ms: at most 4 times pyAgrum's",
        quick,
        lambda line: ratios[line.network, line.case] <= 4,
    )
    for name, (seconds, gibibytes) in LIMITS.items():
        room = f" and {gibibytes:g} GiB" if gibibytes < math.inf else ""
        fine &= verdict_each(
            f"{name}: first query within {seconds:g} s{room}",
            [line for line in lines if line.network == name],
            lambda line, s=seconds, g=gibibytes: bool(  # type: ignore[misc]
                line.ours and line.ours["first"] <= s and line.ours["peak"] <= g * GIB
            ),
        )
    again = [line for line in lines if line.ours and line.case == "evidence"]
    shares = [line.ours["repeat"] / line.ours["first"] for line in again if line.ours]
    if shares:
        print(f"{'':13} repeat / first: geometric mean {geometric_mean(shares):.2f}")
    return fine & verdict_each(
        "repeat at most half of the first",
        again,
        lambda line: bool(line.ours and line.ours["repeat"] <= 0.5 * line.ours["first"]),
    )


def verdict_each(bar: str, lines: list[Line], holds: Callable[[Line], bool]) -> bool:
    out = [f"{line.network} ({line.case})" for line in lines if not holds(line)]
    measured = f"not on {', '.join(out)}" if out else f"on all {len(lines)}" if lines else "none"
    return verdict(bar, measured, not out if lines else None)


def run_batch(names: list[str], folder: Path, args: argparse.Namespace) -> bool:
    peer_rows = QUICK_ROWS if args.quick else BATCH_ROWS
    print(
        f"{BATCH_ROWS:,} rows of evidence, all single marginals of each; pyAgrum in a loop over "
        f"{peer_rows:,} of them{', its time scaled up' if args.quick else ''}"
    )
    fine = True
    for name in names:
        best = dict.fromkeys(ENGINES, math.inf)
        failure = ""
        for repeat in range(args.repeats):
            for engine in ENGINES[:: 1 if repeat % 2 == 0 else -1]:
                rows = BATCH_ROWS if engine == "gibbsfactor" else peer_rows
                outcome = one_batch(engine, name, rows, repeat, folder, args)
                if outcome.result is None:
                    failure = f"{engine} {outcome.failure}"
                else:
                    best[engine] = min(best[engine], outcome.result["seconds"])
            if failure:
                break
        if failure:
            fine &= verdict(f"{name}: at least 20 times faster", failure, False)
            continue
        ours, peer = best["gibbsfactor"], best["pyAgrum"] * BATCH_ROWS / peer_rows
        found = [np.load(folder / f"{engine}.npy", mmap_mode="r") for engine in ENGINES]
        worst = float(np.abs(found[0][:peer_rows] - found[1]).max())
        print(f"{name:12} ours {ours:.3f} s, pyAgrum {peer:.2f} s")
        factor = peer / ours
        fine &= verdict(f"{name}: at least 20 times faster", f"{factor:.1f} times", factor >= 20)
        fine &= verdict(f"{name}: same answers to 1e-9", f"{worst:.1e}", worst <= TOLERANCE)
    return fine


def one_batch(
    engine: str, name: str, rows: int, repeat: int, folder: Path, args: argparse.Namespace
) -> Outcome:
    threads = args.peer_threads[repeat % len(args.peer_threads)] if engine == "pyAgrum" else None
    return run(
        "bayes_engines.py",
        *("batch", engine, folder / f"{name}.pkl", rows, "--save", folder / f"{engine}.npy"),
        *(() if threads is None else ("--threads", threads)),
        seconds=args.seconds,
        gibibytes=args.gibibytes,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path, nargs="?", default=DATA, help="BIF files, .gz or not")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each measurement")
    parser.add_argument("--seconds", type=float, default=180.0, help="cap of a process")
    parser.add_argument("--gibibytes", type=float, default=8.0, help="cap of a process")
    parser.add_argument(
        "--peer-threads",
        type=int,
        nargs="+",
        default=[None, 1],
        metavar="N",
        help="threads of pyAgrum, in turn; by default its own number and one",
    )
    parser.add_argument("--batch", action="store_true", help="10,000 rows of evidence in one call")
    parser.add_argument("--quick", action="store_true", help="pyAgrum only on 1,000 of the rows")
    args = parser.parse_args()
    if args.repeats < 1:
        parser.error(f"--repeats is {args.repeats}; it must be at least 1")
    if importlib.util.find_spec("pyagrum") is None:
        sys.exit("pyAgrum is not installed in this environment: pip install '.[bench]'")
    wanted = args.networks or (list(BATCH_NETWORKS) if args.batch else None)
    paths = find_networks(args.folder, wanted)
    print(f"caps of each process: {args.seconds:g} s, {args.gibibytes:g} GiB resident")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network, path in paths.items():
            rows = BATCH_ROWS if args.batch else 2
            target = folder / f"{network}.pkl"
            done = run("bayes_engines.py", "prepare", path, target, rows, seconds=300, gibibytes=8)
            if done.failure:
                sys.exit(f"can't read {path}: {done.failure}")
        every = run_batch if args.batch else run_single
        fine = every(list(paths), folder, args)
    sys.exit(0 if fine else 1)


def find_networks(folder: Path, wanted: list[str] | None) -> dict[str, Path]:
    found = {p.name.split(".bif")[0]: p for p in sorted(folder.glob("*.bif*"))}
    missing = sorted(set(wanted or []) - set(found))
    if not found or missing:
        sys.exit(
            f"no {', '.join(missing) or 'BIF file'} in {folder}; there are "
            f"{', '.join(found) or 'none'}; name the folder of the networks"
        )
    return {name: path for name, path in found.items() if wanted is None or name in wanted}


if __name__ == "__main__":
    main()
