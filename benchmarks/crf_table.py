"""Runs in turn, tables with ratios, and bars: what the CRF benchmarks have in common.

A ratio is taken within a round, of runs that came one right after the other, and the median of the
rounds is told: what else the machine does changes less within a round than between rounds.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from crf_corpora import DATA
from own_process import run

SECONDS, GIBIBYTES = 1800, 16  # caps of a run
Run = dict[str, Any]


class Row(NamedTuple):
    """A figure of each run: its key, what the table says, its format, and whether ratios help."""

    key: str
    title: str
    form: str = "{:.2f}"
    ratio: bool = True


TRAINING = (
    Row("start", "start of the process, imports, s"),
    Row("read", "read the text, s"),
    Row("features", "features, append / pack, s"),
    Row("training", "training, s"),
    Row("save", "save the model, s", "{:.3f}"),
    Row("total", "total: text to saved model, s"),
    Row("load", "load the model, s", "{:.3f}"),
    Row("test", "test: text to labels, first time, s"),
    Row("peak", "peak memory, MiB", "{:.0f}"),
    Row("model", "model file, MiB"),
    Row("iterations", "iterations", "{:.0f}", ratio=False),
    Row("per_iteration", "seconds per iteration", "{:.4f}"),
    Row("weights", "weights", "{:,.0f}", ratio=False),
    Row("active", "weights that are not 0", "{:,.0f}", ratio=False),
    Row("loss", "final loss", "{:.2f}", ratio=False),
    Row("accuracy", "token accuracy", "{:.5f}", ratio=False),
    Row("f1", "F1, % (of chunks, or mean of labels)", "{:.2f}", ratio=False),
)


class Bar(NamedTuple):
    """Something to reach, and how far it is reached."""

    name: str
    value: float
    limit: float
    at_most: bool = True
    form: str = "{:.3f}"

    @property
    def passed(self) -> bool:
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def __str__(self) -> str:
        verdict = "PASS" if self.passed else "FAIL"
        sign = "at most" if self.at_most else "at least"
        value, limit = self.form.format(self.value), self.form.format(self.limit)
        return f"{verdict}  {self.name}: {value} ({sign} {limit})"


@dataclass
class Findings:
    """Tables, as text and as runs, and bars."""

    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)

    def show(self, title: str, runs: dict[str, list[Run]], rows: Sequence[Row]) -> None:
        """Print a table of medians, the first system's against the others', and keep it."""
        self.runs[title] = runs
        first, *others = runs
        count = len(runs[first])
        print(f"\n{title}; {count} run{'s' * (count > 1)} each, medians")
        others = others if any(row.ratio for row in rows) else []
        ours = "ours" if first == "gibbsfactor" else first
        heads = [*runs, *(f"{other} / {ours}" for other in others)]
        width = max(14, *(len(head) + 2 for head in heads))
        print(" " * 38 + "".join(f"{head:>{width}}" for head in heads))
        for row in rows:
            cells = [_cell(runs[system], row) for system in runs]
            cells += [_ratio_cell(runs, other, first, row) for other in others]
            if any(cells):
                print(f"{row.title:38}" + "".join(f"{cell:>{width}}" for cell in cells))
        sys.stdout.flush()

    def add(self, *bars: Bar) -> None:
        self.bars += bars

    def summary(self, args: argparse.Namespace) -> int:
        """Print the bars, write the JSON that was asked for; 1 if a bar is missed, else 0."""
        part = f", on {args.sentences} sentences only: no verdict" if args.sentences else ""
        print(f"\nBars{part}")
        for bar in self.bars:
            print(bar)
        if args.output is not None:
            bars = [{**bar._asdict(), "passed": bar.passed} for bar in self.bars]
            found = {"sentences": args.sentences, "bars": bars, "runs": self.runs}
            args.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return int(not args.sentences and not all(bar.passed for bar in self.bars))


def _cell(runs: list[Run], row: Row) -> str:
    known = [run[row.key] for run in runs if row.key in run]
    return row.form.format(median(known)) if known else ""


def _ratio_cell(runs: dict[str, list[Run]], above: str, below: str, row: Row) -> str:
    if not row.ratio or not all(row.key in run for s in (above, below) for run in runs[s]):
        return ""
    share = ratio(runs, row.key, above, below)
    return f"{share:.2f}" if math.isfinite(share) else ""


def ratio(runs: dict[str, list[Run]], key: str, above: str, below: str) -> float:
    """The median over rounds of one system's figure by another's."""
    pairs = zip(runs[above], runs[below], strict=True)
    return median(a[key] / b[key] if b[key] else math.inf for a, b in pairs)


def middle(runs: list[Run], key: str) -> float:
    return float(median(run[key] for run in runs))


def in_turn(
    script: str, jobs: Mapping[str, Sequence[object]], repeats: int
) -> dict[str, list[Run]]:
    """Run the jobs one after the other, round by round, each in a process of its own.

    This process stays small: where a child's peak is asked of the system, it starts from here.
    """
    found: dict[str, list[Run]] = {name: [] for name in jobs}
    for number in range(repeats):
        for name, options in jobs.items():
            print(f"round {number + 1} of {repeats}: {name}", file=sys.stderr, flush=True)
            found[name].append(one(script, *options))
    return found


def one(script: str, *options: object) -> Run:
    outcome = run(script, *options, seconds=SECONDS, gibibytes=GIBIBYTES)
    if outcome.result is None or outcome.failure:
        sys.exit(f"{script} {' '.join(map(str, options))} {outcome.failure}")
    return outcome.result


def check_weights(title: str, runs: dict[str, list[Run]]) -> None:
    """End the benchmark if the systems were not given the same features."""
    counts = {s: rs[0]["weights"] for s, rs in runs.items() if "weights" in rs[0]}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        sys.exit(f"{title}: the systems were not given the same features; weights: {listed}")


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all have."""
    made = argparse.ArgumentParser(description=(description or "").split("\n", 1)[0])
    made.add_argument("--data", type=Path, default=DATA, help="the folder of the corpora's folders")
    made.add_argument("--repeats", type=_positive, default=1, help="rounds, each of every system")
    made.add_argument("--sentences", type=_positive, default=None, help="only so many, for a try")
    made.add_argument("--output", type=Path, default=None, help="write all figures here, as JSON")
    return made


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few; it must be at least 1")
    return number


def shared_options(args: argparse.Namespace) -> list[object]:
    """Those to hand on to a process."""
    handed: list[object] = ["--data", args.data]
    return handed + (["--sentences", args.sentences] if args.sentences else [])
