"""How a report looks: conlleval's text, seqeval's text, HTML, a data frame, a dict."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from gibbsfactor.evaluation.scores import Score
from gibbsfactor.table_view import Rows, as_html

if TYPE_CHECKING:
    import pandas as pd

    from gibbsfactor.evaluation.reporting import Report

AVERAGES = ("micro", "macro", "weighted")
FIGURES = ("precision", "recall", "f1", "support", "predicted", "correct")


def conlleval(report: Report, *, non_o: bool = False) -> str:
    """What conlleval.pl prints, without its last line break."""
    if report.unit != "chunks":
        raise ValueError(
            "conlleval's text is of chunks, but the labels are of no chunk scheme; use "
            "classification_report()"
        )
    total = report.micro
    lines = [
        f"processed {report.n_tokens} tokens with {total.support} phrases; "
        f"found: {total.predicted} phrases; correct: {total.correct}."
    ]
    if non_o:
        lines.append(f"accuracy: {100 * (report.accuracy_inside or 0.0):6.2f}%; (non-O)")
    right = round(report.accuracy * report.n_tokens)
    lines.append(f"accuracy: {_percent(right, report.n_tokens):6.2f}%; {_percentages(total)}")
    lines += [
        f"{name:>17}: {_percentages(score)}  {score.predicted}"
        for name, score in report.entities.items()
    ]
    return "\n".join(lines)


def _percentages(score: Score) -> str:
    """Precision, recall and F1, from counts as conlleval has them, so that roundings agree."""
    precision = _percent(score.correct, score.predicted)
    recall = _percent(score.correct, score.support)
    both = precision + recall
    f1 = 2 * precision * recall / both if both > 0 else 0.0
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def classification(report: Report, digits: int) -> str:
    """The text of seqeval's classification_report."""
    rows = [(str(name), score) for name, score in _main(report).items()]
    averages = [(f"{name} avg", getattr(report, name)) for name in AVERAGES]
    width = max(*(len(name) for name, _ in [*rows, *averages]), digits)
    header = ("precision", "recall", "f1-score", "support")
    lines = [f"{'':>{width}} " + "".join(f" {title:>9}" for title in header), ""]
    for part in (rows, averages):
        for name, score in part:
            shares = (score.precision, score.recall, score.f1)
            figures = "".join(f" {share:>9.{digits}f}" for share in shares)
            lines.append(f"{name:>{width}} {figures} {score.support:>9}")
        lines.append("")
    return "\n".join(lines)


def html(report: Report) -> str:
    """Averages with entities, then labels, each a table."""
    summary = (
        f"<p>{report.n_tokens:,} tokens in {report.n_sequences:,} sequences; accuracy "
        f"{report.accuracy:.4f}, of whole sequences {report.sequence_accuracy:.4f}</p>"
    )
    averages = {f"{name} avg": getattr(report, name) for name in AVERAGES}
    of = "entity" if report.unit == "chunks" else "label"
    tables = [_html_table(of, {**_main(report), **averages})]
    if report.unit == "chunks":
        tables.append(_html_table("label", report.labels))
    return "".join([summary, *tables])


def _html_table(of: str, scores: Mapping[Any, Score]) -> str:
    cells = [
        [str(name), *(f"{getattr(score, figure):.4f}" for figure in FIGURES[:3])]
        + [f"{getattr(score, figure):,}" for figure in FIGURES[3:]]
        for name, score in scores.items()
    ]
    return as_html(Rows([of, *FIGURES], cells, 0))


def frame(report: Report, table: str) -> pd.DataFrame:
    """A data frame of the entities and averages, or of the labels."""
    if table not in ("entities", "labels"):
        raise ValueError(f"table is {table!r}; it must be 'entities' or 'labels'")
    scores: dict[Any, Score] = dict(getattr(report, table))
    if table == "entities":
        scores |= {f"{name} avg": getattr(report, name) for name in AVERAGES}
    loaded = pandas()
    columns = {name: [getattr(score, name) for score in scores.values()] for name in FIGURES}
    index = loaded.Index(
        list(scores), name="entity" if table == "entities" else "label", dtype=object
    )
    made: pd.DataFrame = loaded.DataFrame(columns, index=index)
    return made


def pandas() -> Any:
    """The module; ImportError that says what to do if it is not installed."""
    try:
        import pandas as pd
    except ImportError:
        raise ImportError(
            "a data frame needs pandas, which is not installed; pip install pandas"
        ) from None
    return pd


def as_dict(report: Report) -> dict[str, Any]:
    """Everything in a report as dicts of strings and numbers."""
    plain = ("unit", "mode", "scheme", "n_tokens", "n_sequences")
    shares = ("accuracy", "accuracy_inside", "sequence_accuracy")
    return {
        **{name: getattr(report, name) for name in (*plain, *shares)},
        **{name: getattr(report, name).to_dict() for name in AVERAGES},
        "entities": {name: score.to_dict() for name, score in report.entities.items()},
        "labels": _by_name(report.labels),
    }


def _by_name(scores: Mapping[Hashable, Score]) -> dict[str, dict[str, float]]:
    """Scores by their labels as strings; by repr where two labels would have the same."""
    names = list(map(str, scores))
    if len(set(names)) < len(names):
        names = list(map(repr, scores))
    return {name: score.to_dict() for name, score in zip(names, scores.values(), strict=True)}


def _main(report: Report) -> Mapping[Any, Score]:
    return report.entities if report.unit == "chunks" else report.labels
