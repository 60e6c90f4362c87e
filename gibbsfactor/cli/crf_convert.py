"""`gibbsfactor crf convert`: its options."""

from __future__ import annotations

import argparse

from gibbsfactor.cli.crf_arguments import FILES, Subparsers, add_command, add_format

TARGETS = ("gibbsfactor", "crfsuite", "features", "text")

EXAMPLES = """\
what FROM is, and what can be made of it:
  model of CRFsuite   --to gibbsfactor  our model file (the default), which tags the same
                      --to text         names and weights, as `crfsuite dump` prints them
  model of ours       --to crfsuite     model that CRFsuite opens (the default), if it can
                                        hold it: first order, weights of tokens and of pairs
                      --to text         names and weights
  columns             --to features     CRFsuite's text of label and features, which the
                                        templates make (the default)

examples:
  gibbsfactor crf convert old.crfsuite new.crf
  gibbsfactor crf convert new.crf new.crfsuite
  gibbsfactor crf convert new.crf - --to text | less
  gibbsfactor crf convert train.txt train.crfsuite.gz --template chunking
"""


def add_convert(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Add the command ``convert``."""
    convert = add_command(
        commands, "convert", "convert models and data from and to CRFsuite's forms", FILES, EXAMPLES
    )
    convert.add_argument("source", metavar="FROM", help="a model, or a file of columns")
    convert.add_argument("target", metavar="TO", help="file to write; of text, - is the screen")
    convert.add_argument("--to", choices=TARGETS, help="see below")
    convert.add_argument(
        "--template",
        metavar="FILE|chunking|part-of-speech",
        help="feature templates, for columns; their last column is the label",
    )
    convert.add_argument(
        "--syntax", choices=("crf++", "wapiti"), help="of the templates' file (told from it)"
    )
    add_format(convert, "conll", crfsuite=False)
    convert.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from gibbsfactor.cli.crf_converting import run_convert

    return run_convert(arguments)
