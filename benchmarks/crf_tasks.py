"""Other tasks: parts of speech, entities, addresses; gibbsfactor, CRFsuite and chaine.

    pos        UD English EWT: words, affixes, shapes and neighbours; c2 = 1
    wnut17     WNUT-17 emerging entities, the same features; c1 = c2 = 0.1
    usaddress  parts of US addresses, by nested feature dicts; c1 = 0.1, c2 = 0.01

Features and objective are the same on all sides, as in `crf_conll2000.py`.

    python benchmarks/crf_tasks.py --tasks pos --repeats 3
"""

from __future__ import annotations

import argparse
import sys

from crf_corpora import CORPORA
from crf_peers import CRFSUITE, OURS, SYSTEMS
from crf_table import (
    TRAINING,
    Bar,
    Findings,
    check_weights,
    in_turn,
    middle,
    one,
    parser,
    ratio,
    shared_options,
)

TASKS = tuple(name for name in CORPORA if name != "conll2000")
EQUAL = 0.001  # accuracies that differ by no more count as equal
SCRIPT = "crf_run.py"


def main() -> int:
    command = parser(__doc__)
    command.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    args = command.parse_args()
    findings = Findings()
    for task in args.tasks:
        measure(task, args, findings)
    return findings.summary(args)


def measure(task: str, args: argparse.Namespace, findings: Findings) -> None:
    corpus, shared = CORPORA[task], shared_options(args)
    one(SCRIPT, task, OURS, *shared, "--sentences", 50)  # a first run compiles
    runs = in_turn(SCRIPT, {s: [task, s, *shared] for s in SYSTEMS}, args.repeats)
    title = f"{corpus.title}, c1 = {corpus.c1:g}, c2 = {corpus.c2:g}"
    findings.show(title, runs, TRAINING)
    check_weights(title, runs)
    if task == "pos":
        worse = middle(runs[CRFSUITE], "accuracy") - middle(runs[OURS], "accuracy")
        findings.add(
            Bar(
                "EWT part of speech: time / CRFsuite's", ratio(runs, "total", OURS, CRFSUITE), 1 / 4
            ),
            Bar(
                "EWT part of speech: accuracy less than CRFsuite's by", worse, EQUAL, form="{:.5f}"
            ),
        )


if __name__ == "__main__":
    sys.exit(main())
