"""CoNLL-2000 chunking: gibbsfactor's linear-chain CRF against CRFsuite and chaine.

The same text, templates, features (all that occur in training) and objective,

    -log L + c1 |w|_1 + c2 |w|^2,

with each side's own default stopping rule. Each system runs in a process of its own, in turn, and
is timed from the start of that process to the model on disk. gibbsfactor uses as many threads as
there are processors; CRFsuite has one. CRFsuite gets its features the quickest way its users have:
lists of strings, made by a plain Python function, appended as they are. chaine, which has
CRFsuite's core, takes dicts.

    lbfgs    c2 = 1; then a good labelling sooner than at the optimum: QUICK, by several seeds
    l1       c1 = 1, c2 = 0
    l2sgd    so many passes of stochastic gradient descent, c2 = 1
    ap       so many passes of the averaged perceptron
    threads  gibbsfactor's L-BFGS with one and with two threads

    pip install '.[bench]'
    python benchmarks/crf_conll2000.py --algorithm lbfgs --repeats 3
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from crf_peers import CRFSUITE, OURS, SYSTEMS
from crf_table import (
    TRAINING,
    Bar,
    Findings,
    Run,
    check_weights,
    in_turn,
    middle,
    one,
    parser,
    ratio,
    shared_options,
)

OPTIMUM = 13139.2  # of the loss at c2 = 1
NEAR = 1e-4  # losses that differ by no more, as a share, count as equal
F1 = 93.6
PASSES = {"l2sgd": 10, "ap": 10}
# Chosen by crf_passes.py on a part of the training data, held out; the test set had no say.
QUICK = ("--algorithm", "l2sgd", "--c2", 0.25, "--iterations", 6)
SEEDS = 5
CORPUS = "conll2000"
SCRIPT = "crf_run.py"


def main() -> int:
    command = parser(__doc__)
    command.add_argument("--algorithm", choices=MEASURES, default="lbfgs", help="what to measure")
    command.add_argument("--systems", nargs="+", choices=SYSTEMS, default=None)
    args = command.parse_args()
    findings = Findings()
    measure(args.algorithm, args, findings, args.systems)
    return findings.summary(args)


def measure(
    what: str, args: argparse.Namespace, findings: Findings, systems: list[str] | None = None
) -> None:
    """Measure one of the algorithms, or the threads; tables and bars go to the findings."""
    # by default without chaine where it would take minutes to repeat what CRFsuite does
    default = SYSTEMS if what in ("lbfgs", *PASSES) else (OURS, CRFSUITE)
    chosen = [s for s in SYSTEMS if s in (systems or default)]
    MEASURES[what](args, findings, chosen)


def runs_of(args: argparse.Namespace, systems: list[str], *options: object) -> dict[str, list[Run]]:
    shared = [*shared_options(args), *options]
    if OURS in systems:  # a first run in a new environment compiles; that is kept from then on
        one(SCRIPT, CORPUS, OURS, *shared, "--sentences", 50, "--iterations", 3)
    return in_turn(SCRIPT, {s: [CORPUS, s, *shared] for s in systems}, args.repeats)


def lbfgs(args: argparse.Namespace, findings: Findings, systems: list[str]) -> None:
    runs = runs_of(args, systems)
    findings.show("CoNLL-2000 chunking, L-BFGS, c2 = 1", runs, TRAINING)
    check_weights("CoNLL-2000", runs)
    if not {OURS, CRFSUITE} <= set(systems):
        return
    # the optimum is known for all sentences; of fewer, CRFsuite's loss must do
    optimum = OPTIMUM if args.sentences is None else middle(runs[CRFSUITE], "loss")
    findings.add(
        Bar("CoNLL-2000, c2 = 1: time / CRFsuite's", ratio(runs, "total", OURS, CRFSUITE), 1 / 4),
        Bar("the same, as the goal", ratio(runs, "total", OURS, CRFSUITE), 1 / 5),
        loss_bar("CoNLL-2000, c2 = 1: loss / optimum", middle(runs[OURS], "loss"), optimum),
        Bar("CoNLL-2000, c2 = 1: memory / CRFsuite's", ratio(runs, "peak", OURS, CRFSUITE), 1.0),
    )
    # memory does not grow after the first iterations; nor does it need the strings all at once
    options = [*shared_options(args), "--iterations", 10, "--stream"]
    lean = one(SCRIPT, CORPUS, CRFSUITE, *options)
    share = middle(runs[OURS], "peak") / lean["peak"]
    findings.add(Bar("the same, CRFsuite fed one sentence at a time", share, 1.0))
    quick(args, findings, runs[CRFSUITE])


def quick(args: argparse.Namespace, findings: Findings, crfsuite: list[Run]) -> None:
    """By some seeds: a labelling as good as at the optimum, sooner."""
    options = [CORPUS, OURS, *shared_options(args), *QUICK]
    one(SCRIPT, *options, "--sentences", 50)
    jobs = {f"seed {seed}": [*options, "--seed", seed] for seed in range(SEEDS)}
    runs = in_turn(SCRIPT, jobs, 1)
    findings.show(f"CoNLL-2000 chunking, {' '.join(map(str, QUICK))}", runs, NO_RATIOS)
    every = [run for some in runs.values() for run in some]
    least = min(run["f1"] for run in every)
    share = middle(every, "total") / middle(crfsuite, "total")
    findings.add(
        Bar(f"quick training: least test F1 of {SEEDS} seeds", least, F1, False, "{:.2f}"),
        Bar("quick training: time / CRFsuite's L-BFGS", share, 1 / 8),
    )


NO_RATIOS = tuple(row._replace(ratio=False) for row in TRAINING)


def l1(args: argparse.Namespace, findings: Findings, systems: list[str]) -> None:
    runs = runs_of(args, systems, "--c1", 1.0, "--c2", 0.0)
    findings.show("CoNLL-2000 chunking, L-BFGS, c1 = 1, c2 = 0", runs, TRAINING)
    check_weights("CoNLL-2000", runs)
    if not {OURS, CRFSUITE} <= set(systems):
        return
    losses = [middle(runs[system], "loss") for system in (OURS, CRFSUITE)]
    active = ratio(runs, "active", OURS, CRFSUITE)
    findings.add(
        Bar("CoNLL-2000, c1 = 1: time / CRFsuite's", ratio(runs, "total", OURS, CRFSUITE), 1 / 4),
        loss_bar("CoNLL-2000, c1 = 1: loss / CRFsuite's", *losses),
        Bar("CoNLL-2000, c1 = 1: active weights, |1 - ratio|", abs(1 - active), 0.03),
    )


def loss_bar(name: str, loss: float, other: float) -> Bar:
    return Bar(name, loss / other, 1 + NEAR, form="{:.6f}")


def stochastic(algorithm: str) -> Callable[[argparse.Namespace, Findings, list[str]], None]:
    def measured(args: argparse.Namespace, findings: Findings, systems: list[str]) -> None:
        passes = PASSES[algorithm]
        runs = runs_of(args, systems, "--algorithm", algorithm, "--iterations", passes)
        findings.show(f"CoNLL-2000 chunking, {algorithm}, {passes} passes", runs, TRAINING)
        check_weights("CoNLL-2000", runs)

    return measured


def threads(args: argparse.Namespace, findings: Findings, systems: list[str]) -> None:
    options = [CORPUS, OURS, *shared_options(args)]
    jobs = {f"{n} thread{'s' * (n > 1)}": [*options, "--threads", n] for n in (2, 1)}
    one(SCRIPT, *options, "--sentences", 50, "--iterations", 3)
    runs = in_turn(SCRIPT, jobs, args.repeats)
    findings.show("CoNLL-2000 chunking, L-BFGS, c2 = 1, by threads", runs, TRAINING)
    share = ratio(runs, "training", "1 thread", "2 threads")
    findings.add(Bar("training with one thread / with two", share, 1.6, at_most=False))


MEASURES = {
    "lbfgs": lbfgs,
    "l1": l1,
    "l2sgd": stochastic("l2sgd"),
    "ap": stochastic("ap"),
    "threads": threads,
}

if __name__ == "__main__":
    sys.exit(main())
