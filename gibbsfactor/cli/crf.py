"""`gibbsfactor crf`: train, apply and score linear-chain CRFs on files of columns."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from gibbsfactor.cli.crf_commands import run_evaluate, run_tag, run_train

FILES = """\
Files hold one token a line, its columns side by side, and a blank line between sentences; columns
are split on tabs if the first line has one, else on white space. They are UTF-8, plain or gzip;
- is standard input.
"""
TRAIN_EXAMPLES = """\
examples:
  gibbsfactor crf train train.txt --template chunking --model chunks.crf
  gibbsfactor crf train train.txt.gz --template words.template --model words.crf --c2 0.5
  gibbsfactor crf train - --template chunking --model chunks.crf --quiet < train.txt

A template file has CRF++'s syntax: U00:%x[-1,0] is column 0 of the token before, and a line B
weighs pairs of adjacent labels. Ctrl-C ends training early and saves the best weights so far.
"""
TAG_EXAMPLES = """\
examples:
  gibbsfactor crf tag chunks.crf new.txt --output tagged.txt
  zcat new.txt.gz | gibbsfactor crf tag chunks.crf - | head

The attribute columns stand where they stood in training. Columns to the right of them, such as
true labels, are passed through; the predicted label becomes the last column.
"""
EVALUATE_EXAMPLES = """\
examples:
  gibbsfactor crf evaluate chunks.crf test.txt
  gibbsfactor crf evaluate chunks.crf test.txt --report scores.json --quiet

If all labels follow an IOB scheme (B-NP, I-NP, O), precision, recall and F1 are those of chunks,
as conlleval counts them; else they are averaged over the labels.
"""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``crf`` to the command line."""
    crf = _add(subparsers, "crf", "train, apply and score linear-chain CRFs", FILES, "")
    commands = crf.add_subparsers(metavar="COMMAND", required=True)

    train = _add(commands, "train", "train a model", FILES, TRAIN_EXAMPLES)
    train.add_argument("train", metavar="TRAIN", help="tokens; the last column is the label")
    train.add_argument(
        "--template",
        metavar="FILE|chunking",
        required=True,
        help="feature templates; chunking: the 19 customary ones over word and part of speech",
    )
    train.add_argument("--model", metavar="OUT", required=True, help="file to write the model to")
    train.add_argument(
        "--c1", type=_number, default=0.0, metavar="X", help="L1 penalty: not available yet"
    )
    train.add_argument(
        "--c2", type=_number, default=1.0, metavar="X", help="L2 penalty c2 |w|^2 (%(default)s)"
    )
    train.add_argument(
        "--max-iterations",
        type=_whole(1),
        default=1000,
        metavar="N",
        help="most iterations of L-BFGS (%(default)s)",
    )
    train.add_argument(
        "--min-freq",
        type=_whole(0),
        default=0,
        metavar="N",
        help="leave out attributes on fewer training tokens (%(default)s)",
    )
    train.add_argument(
        "--threads", type=_whole(1), metavar="N", help="threads (as many as processors)"
    )
    _add_report(train, "print no summary and show no progress")
    train.set_defaults(run=run_train)

    tag = _add(commands, "tag", "label the tokens of a file", FILES, TAG_EXAMPLES)
    tag.add_argument("model", metavar="MODEL", help="file that crf train wrote")
    tag.add_argument("input", metavar="INPUT", help="tokens, with or without labels")
    tag.add_argument("--output", metavar="FILE", help="file to write (standard output)")
    tag.set_defaults(run=run_tag)

    evaluate = _add(
        commands, "evaluate", "score a model on labelled tokens", FILES, EVALUATE_EXAMPLES
    )
    evaluate.add_argument("model", metavar="MODEL", help="file that crf train wrote")
    evaluate.add_argument("test", metavar="TEST", help="tokens; the last column is the label")
    _add_report(evaluate, "print no scores")
    evaluate.set_defaults(run=run_evaluate)


def _add(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    what: str,
    description: str,
    epilog: str,
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.\n\n{description}",
        epilog=epilog or TRAIN_EXAMPLES.split("\n\n")[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_report(parser: argparse.ArgumentParser, quiet: str) -> None:
    parser.add_argument("--report", metavar="FILE", help="file to write figures to, as JSON")
    parser.add_argument("--quiet", action="store_true", help=quiet)


def _number(text: str) -> float:
    """A finite number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"is {text}; it must be a finite number of at least 0")
    return value


def _whole(least: int) -> Callable[[str], int]:
    """A whole number of at least ``least``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"is {text}; it must be a whole number from {least}")
        return value

    return read
