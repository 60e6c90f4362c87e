"""`gibbsfactor crf evaluate`: its options."""

from __future__ import annotations

import argparse

from gibbsfactor.cli.crf_arguments import (
    FILES,
    SCHEMES,
    Subparsers,
    add_command,
    add_format,
    add_report,
    column,
)

EXAMPLES = """\
If all labels follow a chunk scheme (B-NP, I-NP, O), what is printed is conlleval's text: the
precision, recall and F1 of chunks, by type. Else it is a table by label. A last line tells the
share of tokens and of whole sentences that are right.

modes, for labels that break the scheme's rules:
  conlleval  read them as conlleval.pl does (the default for IOB and IOE)
  lenient    as seqeval does by default (the default for IOBES, BILOU and the like)
  strict     as seqeval's mode="strict": only chunks that follow the scheme count

examples:
  gibbsfactor crf evaluate chunks.crf test.txt
  gibbsfactor crf evaluate chunks.crf test.txt --confusion --report scores.json
  gibbsfactor crf evaluate chunks.crf test.txt --constraints IOB2 --mode strict
  gibbsfactor crf evaluate tagged.txt --predicted -1    # two columns, no model
"""


def add_evaluate(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Add the command ``evaluate``."""
    evaluate = add_command(
        commands, "evaluate", "score a model on labelled tokens", FILES, EXAMPLES
    )
    evaluate.add_argument(
        "model", metavar="MODEL", nargs="?", help="file of crf train, or of CRFsuite"
    )
    evaluate.add_argument("test", metavar="TEST", help="tokens; the last column is the label")
    add_format(evaluate, "as the model was trained")
    evaluate.add_argument(
        "--predicted",
        type=column,
        metavar="COLUMN",
        help="score this column of TEST, without a model; the column before it is the truth",
    )
    evaluate.add_argument(
        "--truth", type=column, metavar="COLUMN", help="with --predicted: the column of the truth"
    )
    evaluate.add_argument("--scheme", metavar="NAME", help=f"of the labels: {SCHEMES} (told)")
    evaluate.add_argument("--mode", choices=("conlleval", "lenient", "strict"), help="see below")
    evaluate.add_argument(
        "--constraints", metavar="SCHEME", help="let the model give labellings of this scheme only"
    )
    evaluate.add_argument(
        "--confusion",
        action="store_true",
        help="print how often each type (or label) was taken for each other",
    )
    evaluate.add_argument(
        "--by-label", action="store_true", help="print the scores of each label as well"
    )
    add_report(evaluate, "print no scores")
    evaluate.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from gibbsfactor.cli.crf_scoring import run_evaluate

    return run_evaluate(arguments)
