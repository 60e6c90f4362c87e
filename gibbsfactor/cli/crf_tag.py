"""`gibbsfactor crf tag`: its options."""

from __future__ import annotations

import argparse

from gibbsfactor.cli.crf_arguments import (
    FILES,
    SCHEMES,
    Subparsers,
    add_command,
    add_format,
    column,
    whole,
)

EXAMPLES = """\
columns:
  The columns that the templates read stand where they stood in training. Columns to the
  right of them, such as true labels, are passed through; what is found comes last:

    LABEL                        as it is
    LABEL P                      --proba: the label's probability at this token
    LABEL C                      --confidence: the probability of the sentence's labels
    LABEL A:P B:P ...            --marginals: the probability of every label
    LABEL RANK C                 --k-best: each sentence up to K times, best labels first
    LABEL NUMBER                 --sample: each sentence N times

  Of CRFsuite's text only the label is passed through.

examples:
  gibbsfactor crf tag chunks.crf new.txt --output tagged.txt
  zcat new.txt.gz | gibbsfactor crf tag chunks.crf - | head
  gibbsfactor crf tag chunks.crf new.txt --proba --constraints IOB2
  gibbsfactor crf tag chunks.crf new.txt --k-best 3
  gibbsfactor crf tag chunks.crf half.txt --known -1    # some labels given, the others ?
  gibbsfactor crf tag old.crfsuite features.txt         # a model that CRFsuite trained

Files of any length are tagged in bounded memory, standard input as it comes in.
"""


def add_tag(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Add the command ``tag``."""
    tag = add_command(commands, "tag", "label the tokens of a file", FILES, EXAMPLES)
    tag.add_argument("model", metavar="MODEL", help="file of crf train, or of CRFsuite")
    tag.add_argument("input", metavar="INPUT", help="tokens, with or without labels")
    tag.add_argument("--output", metavar="FILE", help="file to write (standard output)")
    add_format(tag, "as the model was trained")
    tag.add_argument("--proba", action="store_true", help="add the label's probability")
    tag.add_argument(
        "--confidence", action="store_true", help="add the probability of the whole labelling"
    )
    tag.add_argument(
        "--marginals", action="store_true", help="add the probability of every label, LABEL:P"
    )
    tag.add_argument("--k-best", type=whole(1), metavar="K", help="the K best labellings")
    tag.add_argument("--sample", type=whole(1), metavar="N", help="N labellings drawn at random")
    tag.add_argument("--seed", type=whole(0), default=0, metavar="N", help="of --sample (0)")
    tag.add_argument(
        "--constraints", metavar="SCHEME", help=f"only labellings of this scheme: {SCHEMES}"
    )
    tag.add_argument(
        "--known", type=column, metavar="COLUMN", help="column of labels known beforehand"
    )
    tag.add_argument("--unknown", metavar="TEXT", help="label not known, there (?)")
    tag.add_argument("--threads", type=whole(1), metavar="N", help="threads (as in training)")
    tag.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from gibbsfactor.cli.crf_tagging import run_tag

    return run_tag(arguments)
