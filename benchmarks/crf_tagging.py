"""Tagging CoNLL-2000's test set, and taking features in: gibbsfactor, CRFsuite and chaine.

From text to labels, reading and features counted on all sides; from features that are ready (for
gibbsfactor a CSR matrix, for CRFsuite its own ItemSequence); one sentence at a time; and how long
it takes to read feature dicts in, to a CSR matrix or to CRFsuite's memory.

    python benchmarks/crf_tagging.py --repeats 3
"""

from __future__ import annotations

import argparse
import sys

from crf_peers import CRFSUITE, OURS, SYSTEMS
from crf_table import Bar, Findings, Row, in_turn, middle, one, parser, ratio, shared_options

ROWS = (
    Row("first", "text to labels, first time, s", "{:.3f}"),
    Row("text", "text to labels, s", "{:.3f}"),
    Row("text_rate", "the same, tokens a second", "{:,.0f}", ratio=False),
    Row("ready", "ready features to labels, s", "{:.4f}"),
    Row("ready_rate", "the same, tokens a second", "{:,.0f}", ratio=False),
    Row("tokens_rate", "as Tokens, tokens a second", "{:,.0f}", ratio=False),
    Row("single", "one sentence at a time, ms", "{:.3f}"),
    Row("slow", "the same, slowest hundredth, ms", "{:.3f}"),
    Row("intake", "feature dicts taken in, s", "{:.3f}"),
    Row("intake_rate", "the same, tokens a second", "{:,.0f}", ratio=False),
    Row("accuracy", "token accuracy", "{:.5f}", ratio=False),
)
SCRIPT = "crf_tag_run.py"


def main() -> int:
    args = parser(__doc__).parse_args()
    findings = Findings()
    measure(args, findings)
    return findings.summary(args)


def measure(args: argparse.Namespace, findings: Findings) -> None:
    shared = shared_options(args)
    one(SCRIPT, OURS, *shared, "--sentences", 50)  # a first run in a new environment compiles
    runs = in_turn(SCRIPT, {system: [system, *shared] for system in SYSTEMS}, args.repeats)
    findings.show("Tagging CoNLL-2000's test set", runs, ROWS)
    findings.add(
        Bar("tagging from text: tokens a second / CRFsuite's", rate(runs, "text_rate"), 4, False),
        Bar("tagging a CSR matrix: tokens a second", ready(runs), 2e6, False, "{:,.0f}"),
        Bar("feature dicts: tokens a second / CRFsuite's", rate(runs, "intake_rate"), 2, False),
    )


def rate(runs: dict[str, list[dict[str, float]]], key: str) -> float:
    return ratio(runs, key, OURS, CRFSUITE)


def ready(runs: dict[str, list[dict[str, float]]]) -> float:
    return middle(runs[OURS], "ready_rate")


if __name__ == "__main__":
    sys.exit(main())
