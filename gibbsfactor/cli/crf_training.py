"""What `gibbsfactor crf train` does."""

from __future__ import annotations

import argparse
import math
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

from gibbsfactor.cli.crf_commands import check_targets, print_rows, stopwatch, write_report
from gibbsfactor.cli.crf_data import UNKNOWN, Labelled, Reading, read_labelled
from gibbsfactor.cli.crf_templates import derivation, read_templates, with_derived
from gibbsfactor.features import Columns, NamedTokens

if TYPE_CHECKING:
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF

INTERRUPTED = 130
PARAMETERS = (
    "algorithm",
    "c1",
    "c2",
    "order",
    "constraints",
    "boundary_weights",
    "all_possible_states",
    "all_possible_transitions",
    "min_freq",
    "max_iterations",
    "tol",
    "early_stopping",
    "dev_metric",
    "random_state",
    "n_threads",
)


def run_train(arguments: argparse.Namespace) -> int:
    """Train a model; 0, or 130 if a signal ended training and the best weights were saved."""
    _check_together(arguments)
    inputs = [arguments.train, arguments.dev, arguments.template, arguments.earlier]
    check_targets([arguments.model, arguments.report, arguments.checkpoint], inputs)
    crf = _estimator(arguments)
    seconds, lap = stopwatch()
    train = read_labelled(arguments.train, _reading(arguments, crf), _unknown(arguments))
    if arguments.unknown is None:
        _tell_unknown(train)
    dev = _held_out(arguments, crf)
    lap("read")
    held_out = (None, None) if dev is None else (_data(dev, crf), dev.labels)
    crf.fit(_data(train, crf), train.labels, *held_out, sample_weight=train.weights)
    lap("fit")
    try:
        crf.save(arguments.model)
    except OSError:
        if arguments.checkpoint and os.path.exists(arguments.checkpoint):
            print(
                f"gibbsfactor: the model could not be written; {arguments.checkpoint} keeps the "
                "weights: the same command goes on from there",
                file=sys.stderr,
            )
        raise
    lap("save")
    seconds = {"read": seconds["read"], **crf.seconds_, "save": seconds["save"]}
    seconds["total"] = lap("total")
    if crf.interrupted_:
        print(
            f"gibbsfactor: interrupted: the best weights so far are saved in {arguments.model}",
            file=sys.stderr,
        )
    if arguments.report:
        write_report(arguments.report, _figures(crf, train, seconds))
    if not arguments.quiet:
        print_rows(_summary(crf, train, seconds, arguments.model))
    return INTERRUPTED if crf.interrupted_ else 0


def _unknown(arguments: argparse.Namespace) -> str:
    """The label that stands for one not known."""
    return UNKNOWN if arguments.unknown is None else str(arguments.unknown)


def _tell_unknown(train: Labelled) -> None:
    """Warn that labels equal to the default mark are read as unknown."""
    count = sum(labels.count(None) for labels in train.labels)
    if count:
        warnings.warn(
            f"{train.name}: {count} of {train.n_tokens} tokens have the label {UNKNOWN!r} and are "
            f"taken as not labelled; say --unknown {UNKNOWN!r} if this is right, or give another "
            f"mark, such as --unknown none, if {UNKNOWN!r} is a label",
            stacklevel=2,
        )


def _check_together(arguments: argparse.Namespace) -> None:
    """Raise ValueError for options that do not go together."""
    if arguments.dev is None:
        for name in ("early_stopping", "dev_metric"):
            if hasattr(arguments, name):
                option = name.replace("_", "-")
                raise ValueError(f"--{option} measures on held-out data; give --dev FILE too")
    if arguments.train == "-" == arguments.dev:
        raise ValueError("TRAIN and --dev are both -; standard input can be read only once")
    if arguments.format == "crfsuite" and arguments.template is not None:
        raise ValueError("--format crfsuite has features already; leave --template out")
    if arguments.syntax is not None and arguments.template is None:
        raise ValueError("--syntax says how a file of templates is read; give --template FILE too")
    needs_template = arguments.format != "crfsuite" and arguments.earlier is None
    if needs_template and arguments.template is None:
        raise ValueError(
            "columns need --template FILE, --template chunking or --template part-of-speech; "
            "CRFsuite's text needs --format crfsuite"
        )


def _estimator(arguments: argparse.Namespace) -> LinearChainCRF:
    """The model to be trained, with the parameters given, or those of the one it goes on from."""
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF

    crf = LinearChainCRF()
    if arguments.earlier is not None:
        crf = _earlier(arguments.earlier)
        crf.set_params(warm_start=True, early_stopping=None)
    given = {name: getattr(arguments, name) for name in PARAMETERS if hasattr(arguments, name)}
    if arguments.label_weight or arguments.mistake_cost:
        given |= {"label_weights": _weights(arguments), "mistake_costs": None}
        if arguments.mistake_cost:
            given["mistake_costs"] = dict(arguments.mistake_cost)
    if arguments.template is not None:
        given["templates"] = read_templates(arguments.template, arguments.syntax)
    if given.get("algorithm", "lbfgs") != "lbfgs" and arguments.earlier and "c1" not in given:
        given["c1"] = 0.0  # the model's own is of no use to it
    shown = arguments.progress or sys.stderr.isatty()
    progress = "always" if shown and not arguments.quiet else False
    crf.set_params(**given, checkpoint=arguments.checkpoint, progress=progress)
    return crf


def _weights(arguments: argparse.Namespace) -> dict[str, float] | str | None:
    """The weights of labels, by name or "balanced"."""
    weights = dict(arguments.label_weight or ())
    if "balanced" not in weights or not math.isnan(weights["balanced"]):
        return weights or None
    if len(weights) > 1:
        raise ValueError("--label-weight is both balanced and L=W; give one of them")
    return "balanced"


def _earlier(path: str) -> LinearChainCRF:
    from gibbsfactor.cli.crf_model import format_of, load
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF

    crf = load(path)
    if getattr(crf, "n_iter_", None) is None:  # CRFsuite's files don't tell how they were trained
        crf.set_params(**LinearChainCRF().get_params())
    format_of(crf, path, None)
    strange = [label for label in crf.classes_ if not isinstance(label, str)]
    if strange:
        raise ValueError(
            f"{path} has the label {strange[0]!r}, a {type(strange[0]).__name__}, but labels in "
            "files are strings; go on from Python, with warm_start=True"
        )
    return crf


def _reading(arguments: argparse.Namespace, crf: Any) -> Reading:
    """How the files are read: as asked for, or as the model to go on from reads them."""
    if arguments.earlier is None:
        return Reading.of(arguments)
    fitting = "crfsuite" if crf.templates is None else "conll"
    if arguments.format == "conllu" and fitting == "conll":
        return Reading.of(arguments)
    if arguments.format not in (None, fitting):
        raise ValueError(
            f"--format is {arguments.format}, but {arguments.earlier} was trained on {fitting}; "
            "leave --format out"
        )
    return Reading.of(arguments, fitting)


def _held_out(arguments: argparse.Namespace, crf: Any) -> Labelled | None:
    if arguments.dev is None:
        return None
    dev = read_labelled(arguments.dev, _reading(arguments, crf), _unknown(arguments))
    for n, labels in enumerate(dev.labels):
        if None in labels:
            raise ValueError(
                f"{dev.name}, sentence {n}, position {labels.index(None)}: the label is "
                f"{_unknown(arguments)!r}, not known, and can't be measured on; give held-out data "
                "that are labelled throughout, or another mark with --unknown if this is a label"
            )
    return dev


def _data(given: Labelled, crf: LinearChainCRF) -> Columns | NamedTokens:
    """What the model is trained on: columns, of which some templates read the words only."""
    if isinstance(given.data, Columns) and crf.templates is not None:
        if derivation(crf.templates) is None:
            crf.templates.check_columns(given.data.n_columns)
        return with_derived(given.data, crf.templates)
    return given.data


def _figures(crf: LinearChainCRF, train: Labelled, seconds: dict[str, float]) -> dict[str, Any]:
    """What goes into the report."""
    left_out = ("templates", "constraints", "label_weights", "mistake_costs", "progress")
    parameters = {k: v for k, v in crf.get_params().items() if k not in left_out}
    return {
        "loss": crf.loss_,
        "gradient_norm": crf.gradient_norm_,
        "iterations": crf.n_iter_,
        "evaluations": crf.n_evaluations_,
        "converged": crf.converged_,
        "interrupted": crf.interrupted_,
        "dev_score": crf.dev_score_,
        "best_iteration": crf.best_iteration_,
        "sentences": len(train.labels),
        "tokens": train.n_tokens,
        "labels": list(map(str, crf.classes_)),
        "attributes": crf.features_.n_attributes,
        "features": crf.features_.n_weights,
        "active_features": int((crf.weights_ != 0).sum()),
        "constraints": crf.constraints,
        "label_weights": crf.label_weights,
        "mistake_costs": crf.mistake_costs,
        "parameters": parameters,
        "history": crf.history_,
        "seconds": seconds,
    }


def _summary(
    crf: LinearChainCRF, train: Labelled, seconds: dict[str, float], model: str
) -> dict[str, str]:
    stages = ", ".join(f"{stage} {t:.1f}" for stage, t in seconds.items() if stage != "total")
    active, all_ = int((crf.weights_ != 0).sum()), crf.features_.n_weights
    rows = {
        "sentences": f"{len(train.labels):,}",
        "tokens": f"{train.n_tokens:,}",
        "labels": f"{len(crf.classes_):,}",
        "attributes": f"{crf.features_.n_attributes:,}",
        "features": f"{all_:,}" + ("" if active == all_ else f", {active:,} of them not 0"),
        "loss": f"{crf.loss_:.6g}",
        "iterations": f"{crf.n_iter_:,}",
    }
    if crf.dev_score_ is not None:
        rows[f"dev {crf.dev_metric}"] = (
            f"{crf.dev_score_:.4f} after iteration {crf.best_iteration_:,}, whose weights are kept"
        )
    return rows | {"seconds": f"{seconds['total']:.1f} ({stages})", "model": model}
