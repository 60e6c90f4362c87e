"""`gibbsfactor crf train`: its options."""

from __future__ import annotations

import argparse
from typing import Any

from gibbsfactor.cli.crf_arguments import (
    FILES,
    SCHEMES,
    Subparsers,
    add_command,
    add_format,
    add_report,
    label_weight,
    mistake_cost,
    number,
    whole,
)

EXAMPLES = """\
templates:
  chunking        the 19 customary ones, over columns of words and parts of speech
  part-of-speech  words, affixes and shapes, all made of the first column, the words;
                  so they are when the model tags
  FILE            CRF++'s syntax, or Wapiti's: U00:%x[-1,0] is column 0 of the token
                  before, B weighs pairs of adjacent labels, and B01:%x[0,0] does so
                  for each word anew

examples:
  gibbsfactor crf train train.txt --template chunking --model chunks.crf
  gibbsfactor crf train words.tsv.gz --template part-of-speech --model tags.crf --threads 2
  gibbsfactor crf train train.txt --template words.template --model small.crf --c1 1 --c2 0
  gibbsfactor crf train train.txt --template chunking --model chunks.crf \\
      --dev dev.txt --early-stopping 10 --checkpoint chunks.part --report train.json
  gibbsfactor crf train train.crfsuite --format crfsuite --model features.crf
  gibbsfactor crf train more.txt --continue chunks.crf --model better.crf

Ctrl-C or SIGTERM ends training early and saves the best weights so far; the exit status is then
130 or 143. With --checkpoint the same command, given again, goes on where a run was killed, or
where the model could not be written; the checkpoint goes once the model is in its file. With
--continue templates and options are those of the model, except for what is given.
"""

_NOT_GIVEN: Any = argparse.SUPPRESS  # the defaults are the estimator's, or a model's to go on from


def add_train(commands: Subparsers[argparse.ArgumentParser]) -> None:
    """Add the command ``train``."""
    train = add_command(commands, "train", "train a model", FILES, EXAMPLES)
    train.add_argument("train", metavar="TRAIN", help="tokens; the last column is the label")
    train.add_argument("--model", metavar="OUT", required=True, help="file to write the model to")
    _add_features(train.add_argument_group("features"))
    _add_training(train.add_argument_group("training"))
    _add_held_out(train.add_argument_group("held-out data"))
    train.add_argument("--progress", action="store_true", help="show progress in a log as well")
    add_report(train, "print no summary and show no progress")
    train.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from gibbsfactor.cli.crf_training import run_train

    return run_train(arguments)


def _add_features(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--template",
        metavar="FILE|chunking|part-of-speech",
        help="feature templates; columns need them, CRFsuite's text takes none",
    )
    group.add_argument(
        "--syntax", choices=("crf++", "wapiti"), help="of the templates' file (told from it)"
    )
    add_format(group, "conll")
    group.add_argument(
        "--unknown",
        metavar="TEXT",
        help="the label that stands for none known (?)",
    )
    _estimator(group, "--min-freq", whole(0), "N", "leave out attributes on fewer tokens (0)")
    _estimator(group, "--order", int, "", "2: weights for triples of labels too (1)", (1, 2))
    _flag(group, "--boundary-weights", "weigh each label's coming first, and its coming last")
    _flag(group, "--all-possible-states", "weigh all pairs of attribute and label")
    _flag(group, "--all-possible-transitions", "weigh all pairs of labels")
    scheme = f"labellings that break the scheme are impossible: {SCHEMES}"
    _estimator(group, "--constraints", str, "SCHEME", scheme)


def _add_training(group: argparse._ArgumentGroup) -> None:
    algorithms = "L-BFGS, averaged stochastic gradient, averaged perceptron (lbfgs)"
    _estimator(group, "--algorithm", str, "", algorithms, ("lbfgs", "l2sgd", "ap"))
    _estimator(group, "--c1", number, "X", "L1 penalty c1 |w|, leaves few features (0)")
    _estimator(group, "--c2", number, "X", "L2 penalty c2 |w|^2 (1)")
    most = "most iterations, or passes of l2sgd and ap (1000)"
    _estimator(group, "--max-iterations", whole(1), "N", most)
    gain = "stop when ten iterations gain less than this share of the loss (1e-5)"
    _estimator(group, "--tol", number, "X", gain)
    group.add_argument(
        "--label-weight",
        metavar="L=W|balanced",
        type=label_weight,
        action="append",
        help="tokens with label L count W times in the loss; may be given several times. "
        "balanced: the rarer a label, the more",
    )
    group.add_argument(
        "--mistake-cost",
        metavar="L=C",
        type=mistake_cost,
        action="append",
        help="softmax-margin: where L is right, others have to be behind by log C",
    )
    group.add_argument(
        "--continue", metavar="MODEL", dest="earlier", help="start from this model's weights"
    )
    group.add_argument(
        "--checkpoint", metavar="FILE", help="keep the weights here, to go on after a kill"
    )
    threads = "threads (as many as processors)"
    _estimator(group, "--threads", whole(1), "N", threads, dest="n_threads")
    seed = "of the order of sentences in l2sgd and ap (0)"
    _estimator(group, "--seed", whole(0), "N", seed, dest="random_state")


def _add_held_out(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--dev", metavar="FILE", help="labelled tokens; the weights that do best on them are kept"
    )
    stop = "stop after N iterations without gain on them"
    _estimator(group, "--early-stopping", whole(1), "N", stop)
    metric = "what is measured on them (f1)"
    _estimator(group, "--dev-metric", str, "", metric, ("f1", "accuracy", "loss"))


def _estimator(
    group: argparse._ArgumentGroup,
    name: str,
    type: Any,
    metavar: str,
    help: str,
    choices: tuple[Any, ...] | None = None,
    **more: Any,
) -> None:
    """A parameter of the estimator: there is one only if it is given."""
    if metavar:
        more["metavar"] = metavar
    group.add_argument(name, type=type, help=help, choices=choices, default=_NOT_GIVEN, **more)


def _flag(group: argparse._ArgumentGroup, name: str, help: str) -> None:
    group.add_argument(name, action="store_true", help=help, default=_NOT_GIVEN)
