"""What `gibbsfactor crf train`, `tag` and `evaluate` do with their parsed arguments."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gibbsfactor.cli.output import put

if TYPE_CHECKING:
    from gibbsfactor.evaluation import Scores
    from gibbsfactor.features import Columns, Templates
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF

INTERRUPTED = 130
COLUMN_WIDTH = 12  # of what stands left in the summaries


# ---- the commands ---------------------------------------------------------------------


def run_train(arguments: argparse.Namespace) -> int:
    """Train a model; 0, or 130 if Ctrl-C ended training and the best weights were saved."""
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF

    if arguments.c1:
        raise ValueError(
            f"--c1 is {arguments.c1:g}, but L1 (c1) is not available yet; leave it out, use --c2"
        )
    _check_targets([arguments.model, arguments.report], [arguments.train, arguments.template])
    templates = _templates(arguments.template)
    seconds, lap = _stopwatch()
    columns, _ = _read(arguments.train, labelled=True)
    lap("read")
    crf = LinearChainCRF(
        arguments.c2,
        templates=templates,
        min_freq=arguments.min_freq,
        max_iterations=arguments.max_iterations,
        n_threads=arguments.threads,
        progress=not arguments.quiet,
    )
    crf.fit(columns.drop(), columns.labels())
    lap("fit")
    crf.save(arguments.model)
    lap("save")
    seconds = {"read": seconds["read"], **crf.seconds_, "save": seconds["save"]}
    seconds["total"] = lap("total")
    if crf.interrupted_:
        print(
            f"gibbsfactor: interrupted: the best weights so far are saved in {arguments.model}",
            file=sys.stderr,
        )
    if arguments.report:
        figures = {
            "loss": crf.loss_,
            "gradient_norm": crf.gradient_norm_,
            "iterations": crf.n_iter_,
            "evaluations": crf.n_evaluations_,
            "features": crf.features_.n_weights,
            "seconds": seconds,
        }
        _write_report(arguments.report, figures)
    if not arguments.quiet:
        _print_summary(crf, columns, seconds, arguments.model)
    return INTERRUPTED if crf.interrupted_ else 0


def run_tag(arguments: argparse.Namespace) -> int:
    """Write the input's columns and the predicted label of every token."""

    _check_targets([arguments.output], [arguments.model, arguments.input])
    crf = _load(arguments.model)
    columns, separator = _read(arguments.input)
    labels = [list(map(str, sentence)) for sentence in crf.predict(columns)]
    if any(" " in str(label) for label in crf.classes_):
        separator = "\t"
    text = "\n".join(
        "".join(f"{separator.join(token)}\n" for token in sentence)
        for sentence in columns.with_column(labels).sentences()
    )
    put(text, arguments.output)
    return 0


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Print how well a model's labels agree with those of a file."""
    from gibbsfactor.evaluation import evaluate_labels

    _check_targets([arguments.report], [arguments.model, arguments.test])
    seconds, lap = _stopwatch()
    crf = _load(arguments.model)
    lap("load")
    columns, _ = _read(arguments.test, labelled=True)
    lap("read")
    predicted = [list(map(str, sentence)) for sentence in crf.predict(columns.drop())]
    lap("tag")
    scores = evaluate_labels(columns.labels(), predicted)
    _warn_of_unseen(crf, columns)
    seconds["total"] = lap("total")
    if arguments.report:
        figures = {key: getattr(scores, key) for key in ("accuracy", "precision", "recall", "f1")}
        _write_report(arguments.report, {**figures, "seconds": seconds})
    if not arguments.quiet:
        _print_scores(scores)
    return 0


# ---- their parts ----------------------------------------------------------------------


class _Named(io.BytesIO):
    """Bytes that know what errors shall call them."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _read(path: str, *, labelled: bool = False) -> tuple[Columns, str]:
    """The columns of a file or of standard input, and what separates them there."""
    from gibbsfactor.errors import FormatError
    from gibbsfactor.io import read_conll
    from gibbsfactor.io.text import read_utf8

    name = path
    if path == "-":
        name = "<stdin>"
        content = getattr(sys.stdin, "buffer", sys.stdin).read()
        data = content.encode() if isinstance(content, str) else content
        data = read_utf8(_Named(data, name))
    else:
        data = read_utf8(path)
    first = next((line for line in io.BytesIO(data) if line.strip()), b"")
    columns = read_conll(_Named(data, name))
    if labelled and columns.n_columns < 2:
        raise FormatError(
            f"{name}: found 1 column, expected at least 2: those that templates read, and the "
            "label as the last one"
        )
    return columns, "\t" if b"\t" in first else " "


def _templates(given: str) -> Templates:
    from gibbsfactor.features import Templates

    return Templates.chunking() if given == "chunking" else Templates.from_file(given)


def _load(path: str) -> LinearChainCRF:
    from gibbsfactor.errors import FormatError
    from gibbsfactor.models.linear_chain_crf import LinearChainCRF

    crf = LinearChainCRF.load(path)
    if crf.templates is None:
        raise FormatError(
            f"{path} was trained on features made in Python, not on columns with templates; "
            "use it from Python, with LinearChainCRF.load"
        )
    return crf


def _check_targets(outputs: Sequence[str | None], inputs: Sequence[str]) -> None:
    """Find out before the work, not after it, that an output can't be or would do harm."""
    taken = {os.path.realpath(path): path for path in inputs if path != "-"}
    for path in filter(None, outputs):
        if path == "-":
            raise ValueError("an output is named -; name a file")
        if (real := os.path.realpath(path)) in taken:
            raise ValueError(f"{path} would overwrite {taken[real]}; name another file")
        taken[real] = path
        if not os.access(Path(path).parent, os.W_OK) and Path(path).parent.is_dir():
            raise PermissionError(f"can't write {path}: the folder is read-only")
        if not Path(path).parent.is_dir():
            raise FileNotFoundError(f"can't write {path}: there is no folder {Path(path).parent}")
        if Path(path).is_dir():
            raise IsADirectoryError(f"can't write {path}: it is a folder; name a file")


def _warn_of_unseen(crf: LinearChainCRF, columns: Columns) -> None:
    known = set(map(str, crf.classes_))
    unseen = Counter(label for label in columns.column(-1) if label not in known)
    if unseen:
        count = unseen.total()
        labels = ", ".join(map(repr, sorted(unseen)))
        warnings.warn(
            f"{count} {'token has' if count == 1 else 'tokens have'} labels that the model was "
            f"not trained on, counted as wrong: {labels}",
            stacklevel=2,
        )


def _stopwatch() -> tuple[dict[str, float], Callable[[str], float]]:
    """Seconds by stage, and what ends a stage; the stage "total" is all of the time so far."""
    began = last = perf_counter()
    seconds: dict[str, float] = {}

    def lap(stage: str) -> float:
        nonlocal last
        now = perf_counter()
        seconds[stage] = now - (began if stage == "total" else last)
        last = now
        return seconds[stage]

    return seconds, lap


def _peak_bytes() -> int:
    """The most memory that this process has held."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # bytes on macOS, else kilobytes


def _write_report(path: str, figures: dict[str, Any]) -> None:
    from gibbsfactor.files import replacing

    figures["peak_bytes"] = _peak_bytes()
    with replacing(path) as file:
        file.write(json.dumps(figures, indent=2).encode() + b"\n")


def _print_summary(
    crf: LinearChainCRF, columns: Columns, seconds: dict[str, float], model: str
) -> None:
    stages = ", ".join(f"{stage} {t:.1f}" for stage, t in seconds.items() if stage != "total")
    rows = {
        "sentences": f"{len(columns):,}",
        "tokens": f"{columns.n_tokens:,}",
        "labels": f"{len(crf.classes_):,}",
        "attributes": f"{crf.features_.n_attributes:,}",
        "features": f"{crf.features_.n_weights:,}",
        "loss": f"{crf.loss_:.6g}",
        "iterations": f"{crf.n_iter_:,}",
        "seconds": f"{seconds['total']:.1f} ({stages})",
        "model": model,
    }
    for name, value in rows.items():
        print(f"{name:{COLUMN_WIDTH}}{value}")


def _print_scores(scores: Scores) -> None:
    if scores.unit == "chunks":
        of_precision = f"of {scores.n_predicted:,} predicted chunks"
        of_recall = f"of {scores.n_true:,} true chunks"
    else:
        of_precision = of_recall = "mean over labels"
    rows = (
        ("accuracy", scores.accuracy, f"of {scores.n_tokens:,} tokens"),
        ("precision", scores.precision, of_precision),
        ("recall", scores.recall, of_recall),
        ("F1", scores.f1, "harmonic mean" if scores.unit == "chunks" else "mean over labels"),
    )
    for name, share, of in rows:
        print(f"{name:{COLUMN_WIDTH}}{share:.4f}  {of}")
