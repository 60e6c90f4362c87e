"""`gibbsfactor crf inspect`: its options."""

from __future__ import annotations

import argparse

from gibbsfactor.cli.crf_arguments import (
    FILES,
    Subparsers,
    add_command,
    add_format,
    place,
    whole,
)

EXAMPLES = """\
Without a question: what the model is, its labels, the transitions and, for each label, the
features that speak most for it and most against it.

examples:
  gibbsfactor crf inspect chunks.crf
  gibbsfactor crf inspect chunks.crf --label B-NP --top 20
  gibbsfactor crf inspect chunks.crf --attribute 'U02:the'      # * stands for anything
  gibbsfactor crf inspect chunks.crf --attribute 'U02:*' --label B-NP --json
  gibbsfactor crf inspect chunks.crf new.txt --explain 0:3      # the fourth token

Weights are in nats: one that is larger by 0.69 doubles the odds.
"""


def add_inspect(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Add the command ``inspect``."""
    inspect = add_command(commands, "inspect", "look into a model", FILES, EXAMPLES)
    inspect.add_argument("model", metavar="MODEL", help="file of crf train, or of CRFsuite")
    inspect.add_argument("input", metavar="INPUT", nargs="?", help="tokens, for --explain")
    add_format(inspect, "as the model was trained")
    inspect.add_argument(
        "--top", type=whole(1), metavar="N", default=5, help="features shown at each end (5)"
    )
    inspect.add_argument(
        "--label", metavar="L", action="append", help="only this label; may be given several times"
    )
    inspect.add_argument(
        "--attribute", metavar="PATTERN", help="weights of attributes; * stands for anything"
    )
    inspect.add_argument(
        "--explain",
        type=place,
        metavar="SENTENCE:POSITION",
        help="why this token of INPUT gets its label; both count from 0",
    )
    inspect.add_argument("--json", action="store_true", help="print JSON")
    inspect.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from gibbsfactor.cli.crf_insight import run_inspect

    return run_inspect(arguments)
