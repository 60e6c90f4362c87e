"""`gibbsfactor crf`: train, apply, score, look into and convert linear-chain CRFs."""

from __future__ import annotations

import argparse

from gibbsfactor.cli.crf_arguments import FILES, add_command
from gibbsfactor.cli.crf_convert import add_convert
from gibbsfactor.cli.crf_evaluate import add_evaluate
from gibbsfactor.cli.crf_inspect import add_inspect
from gibbsfactor.cli.crf_tag import add_tag
from gibbsfactor.cli.crf_train import add_train

EXAMPLES = """\
examples:
  gibbsfactor crf train train.txt --template chunking --model chunks.crf
  gibbsfactor crf tag chunks.crf new.txt --output tagged.txt
  gibbsfactor crf evaluate chunks.crf test.txt
  gibbsfactor crf inspect chunks.crf
  gibbsfactor crf convert old.crfsuite new.crf

Each command says more with --help.
"""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``crf`` to the command line."""
    what = "train, apply, score, inspect and convert linear-chain CRFs"
    crf = add_command(subparsers, "crf", what, FILES, EXAMPLES)
    commands = crf.add_subparsers(metavar="COMMAND", required=True)
    for add in (add_train, add_tag, add_evaluate, add_inspect, add_convert):
        add(commands)
