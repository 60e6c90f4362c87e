"""What `gibbsfactor crf evaluate` does."""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import Any

from gibbsfactor.cli.crf_commands import check_targets, stopwatch, write_report
from gibbsfactor.cli.crf_data import Reading, read_columns, read_labelled
from gibbsfactor.cli.report import Table
from gibbsfactor.errors import listed
from gibbsfactor.evaluation import (
    ConfusionMatrix,
    Report,
    confusion_matrix,
    entity_confusion_matrix,
    report,
)
from gibbsfactor.features.tokens import check_position

FIGURES = ("precision", "recall", "f1", "support", "predicted", "correct")
Labels = list[list[str]]


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Print how well the labels of a model, or of a column, agree with the true ones."""
    _check_together(arguments)
    check_targets([arguments.report], [arguments.model, arguments.test])
    seconds, lap = stopwatch()
    answer = _of_columns if arguments.model is None else _of_model
    truth, predicted = answer(arguments, lap)
    found = report(truth, predicted, scheme=arguments.scheme, mode=arguments.mode)
    lap("score")
    given = {"scheme": arguments.scheme, "mode": arguments.mode}
    chunks = found.unit == "chunks"
    by_type = entity_confusion_matrix(truth, predicted, **given) if chunks else None
    confused = confusion_matrix(truth, predicted)
    seconds["total"] = lap("total")
    if arguments.report:
        write_report(arguments.report, _figures(found, confused, by_type) | {"seconds": seconds})
    if not arguments.quiet:
        print(found)
        print(_summary(found))
        if arguments.by_label:
            print(f"\n{_by_label(found)}")
        if arguments.confusion:
            print(f"\n{_confusion(by_type or confused)}")
    return 0


def _check_together(arguments: argparse.Namespace) -> None:
    if arguments.model is None and arguments.predicted is None:
        raise ValueError(
            "give a MODEL and a TEST file; or one file and, with --predicted COLUMN, where in it "
            "the labels are that are to be scored"
        )
    if arguments.model is not None:
        for option in ("predicted", "truth"):
            if getattr(arguments, option) is not None:
                raise ValueError(
                    f"--{option} is for scoring without a model, but {arguments.model} is given "
                    "as one; leave one of the two out"
                )
        return
    if arguments.constraints is not None:
        raise ValueError("--constraints is for a model; with --predicted there is none")
    if arguments.format == "crfsuite":
        raise ValueError("--format crfsuite is for a model; --predicted is a column of a file")


def _of_model(arguments: argparse.Namespace, lap: Callable[[str], float]) -> tuple[Labels, Labels]:
    from gibbsfactor.cli.crf_model import for_model, format_of, load, warn_of_unusable

    model = load(arguments.model)
    warn_of_unusable(model, arguments.constraints)
    lap("load")
    form = format_of(model, arguments.model, arguments.format)
    test = read_labelled(arguments.test, Reading.of(arguments, form))
    lap("read")
    found = model.predict(for_model(test.data, model), constraints=arguments.constraints)
    lap("tag")
    _warn_of_unseen(model.classes_, test.labels)
    return test.labels, [list(map(str, labels)) for labels in found]


def _of_columns(
    arguments: argparse.Namespace, lap: Callable[[str], float]
) -> tuple[Labels, Labels]:
    columns = read_columns(arguments.test, Reading.of(arguments))
    n = columns.n_columns
    places: list[int] = []
    for option, given in (("predicted", arguments.predicted), ("truth", arguments.truth)):
        if given is None:
            given = places[0] - 1
            if given < 0:
                raise ValueError(
                    "--predicted is the first column, before which there is no truth; say with "
                    "--truth COLUMN where it is"
                )
        try:
            places.append(check_position(given, n, "column"))
        except IndexError:
            raise ValueError(
                f"--{option} is {given}, but {arguments.test} has {n} columns, counted from 0"
            ) from None
    lap("read")
    return columns.labels(places[1]), columns.labels(places[0])


def _warn_of_unseen(classes: list[Any], truth: Labels) -> None:
    known = set(map(str, classes))
    unseen = Counter(label for label in chain.from_iterable(truth) if label not in known)
    if unseen:
        count = unseen.total()
        warnings.warn(
            f"{count} {'token has' if count == 1 else 'tokens have'} labels that the model was "
            f"not trained on, counted as wrong: {listed(sorted(unseen))}",
            stacklevel=2,
        )


def _figures(
    found: Report, confused: ConfusionMatrix, by_type: ConfusionMatrix | None
) -> dict[str, Any]:
    """What goes into the report: all figures, the average that is customary first."""
    average = found.micro if found.unit == "chunks" else found.macro
    matrices = {"labels": confused} | ({"entities": by_type} if by_type else {})
    shares = {name: getattr(average, name) for name in ("precision", "recall", "f1")}
    return {
        "accuracy": found.accuracy,
        **shares,
        **found.to_dict(),
        "confusion": {
            of: {"labels": list(map(str, m.labels)), "counts": m.counts.tolist()}
            for of, m in matrices.items()
        },
    }


def _summary(found: Report) -> str:
    parts = [f"{found.accuracy:.4f} of {found.n_tokens:,} tokens"]
    if found.unit == "chunks" and found.accuracy_inside is not None:
        parts.append(f"{found.accuracy_inside:.4f} of those not O")
    parts.append(f"{found.sequence_accuracy:.4f} of {found.n_sequences:,} sentences throughout")
    return f"right: {', '.join(parts)}"


def _by_label(found: Report) -> str:
    rows = [
        (
            str(label),
            *(f"{getattr(score, name):.4f}" for name in FIGURES[:3]),
            *(f"{getattr(score, name):,}" for name in FIGURES[3:]),
        )
        for label, score in found.labels.items()
    ]
    return Table(["label", *FIGURES], rows).text()


def _confusion(matrix: ConfusionMatrix) -> str:
    """The matrix, and its largest errors in words."""
    lines = ["true label down, predicted one across:", str(matrix)]
    errors = matrix.most_confused()
    if errors:
        lines += ["", "most frequent errors:"]
        width = max(len(str(label)) for label, _, _ in errors)
        lines += [f"{count:8,}  {label!s:{width}}  as  {wrong}" for label, wrong, count in errors]
    return "\n".join(lines)
