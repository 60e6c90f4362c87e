"""What `gibbsfactor crf convert` does."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gibbsfactor.cli.crf_commands import check_targets
from gibbsfactor.cli.crf_data import Reading, read_columns
from gibbsfactor.cli.crf_model import is_crfsuite, load
from gibbsfactor.cli.crf_templates import read_templates, with_derived
from gibbsfactor.cli.output import put
from gibbsfactor.files import MARK

if TYPE_CHECKING:
    from gibbsfactor.features import NamedTokens, Tokens
    from gibbsfactor.io.crfsuite_model import CRFsuiteModel

MADE = {  # of each kind of source, the default first
    "a model of CRFsuite": ("gibbsfactor", "text"),
    "a model of gibbsfactor": ("crfsuite", "text"),
    "a file of columns": ("features",),
}


def run_convert(arguments: argparse.Namespace) -> int:
    """Write a model or data in another form."""
    source, target = arguments.source, arguments.target
    kind = _kind(source)
    to = arguments.to or MADE[kind][0]
    if to not in MADE[kind]:
        made = " or ".join(f"--to {name}" for name in MADE[kind])
        raise ValueError(f"{source} is {kind}, of which no {to} can be made; give {made}")
    for option in ("template", "syntax", "format", "columns", "drop_docstart", "encoding"):
        if to != "features" and getattr(arguments, option) not in (None, False):
            raise ValueError(
                f"--{option.replace('_', '-')} is for columns, but {source} is {kind}; leave it out"
            )
    check_targets([None if to == "text" and target == "-" else target], [source])
    if to == "features":
        _features(source, target, arguments)
    elif to == "text":
        put(_dump(source), None if target == "-" else target)
    elif to == "gibbsfactor":
        load(source).save(target)
    else:
        _to_crfsuite(source, target)
    return 0


def _kind(path: str) -> str:
    if path == "-":
        return "a file of columns"
    if is_crfsuite(path):
        return "a model of CRFsuite"
    if os.path.isfile(path):
        with open(path, "rb") as file:
            if file.read(len(MARK)) == MARK:
                return "a model of gibbsfactor"
    return "a file of columns"


def _to_crfsuite(source: str, target: str) -> None:
    from gibbsfactor.io import to_crfsuite

    model = load(source)
    try:
        to_crfsuite(model, target)
    except (TypeError, ValueError) as error:  # what CRFsuite can't hold
        raise ValueError(f"{source} can't be a model of CRFsuite: {error}") from None


# ---- columns to features --------------------------------------------------------------


def _features(source: str, target: str, arguments: argparse.Namespace) -> None:
    """Write the attributes that templates make of columns, in CRFsuite's text format."""
    from gibbsfactor.features import TemplateVectorizer
    from gibbsfactor.io import write_crfsuite

    if arguments.template is None:
        raise ValueError(
            f"{source} is no model; to make features of its columns, give --template FILE, "
            "--template chunking or --template part-of-speech"
        )
    templates = read_templates(arguments.template, arguments.syntax)
    if templates.edges:
        raise ValueError(
            f"{templates.name}, line {templates.edges[0].line}: CRFsuite has no features of pairs "
            "of tokens; take the macros out of the lines that begin with B"
        )
    columns = read_columns(source, Reading.of(arguments))
    vectorizer = TemplateVectorizer(templates)
    tokens = vectorizer.fit_transform(with_derived(columns.drop(), templates))
    write_crfsuite(target, _named(tokens, vectorizer.attribute_names()), columns.labels())


def _named(tokens: Tokens, names: list[str]) -> NamedTokens:
    """Tokens with the names of their attributes; those of one name become one attribute."""
    from gibbsfactor.features import NamedTokens, Tokens

    place = {name: a for a, name in enumerate(dict.fromkeys(names))}
    if len(place) == len(names):
        return NamedTokens(tokens, tuple(names))
    matrix = tokens.attributes.copy()
    positions = np.array([place[name] for name in names])
    made = type(matrix)(
        (matrix.data, positions[matrix.indices], matrix.indptr), (tokens.n_tokens, len(place))
    )
    made.sum_duplicates()
    return NamedTokens(Tokens(made, tokens.lengths), tuple(place))


# ---- models as text -------------------------------------------------------------------


def _dump(source: str) -> str:
    """Names and weights as CRFsuite's own program prints them."""
    from gibbsfactor.io.crfsuite_model import read_crfsuite_model
    from gibbsfactor.io.text import read_unpacked

    if is_crfsuite(source):
        return "\n".join(_lines(read_crfsuite_model(source), read_unpacked(source))) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.crfsuite"))
        _to_crfsuite(source, path)
        return _dump(path)


def _lines(model: CRFsuiteModel, data: bytes) -> Iterator[str]:
    from gibbsfactor.io.crfsuite_model import HEADER

    header = np.frombuffer(data[: HEADER.itemsize], HEADER)[0]
    facts = {
        "magic": header["mark"].decode(),
        "size": header["size"],
        "type": header["kind"].decode(),
        "version": header["version"],
        "num_features": header["unused"],
        "num_labels": header["labels"],
        "num_attrs": header["attributes"],
        "off_features": f"0x{header['features_at']:X}",
        "off_labels": f"0x{header['labels_at']:X}",
        "off_attrs": f"0x{header['attributes_at']:X}",
        "off_labelrefs": f"0x{header['label_features_at']:X}",
        "off_attrrefs": f"0x{header['attribute_features_at']:X}",
    }
    yield from _section("FILEHEADER", (f"  {name}: {fact}" for name, fact in facts.items()))
    for title, names in (("LABELS", model.labels), ("ATTRIBUTES", model.attributes)):
        yield from _section(title, (f"  {i:5}: {name}" for i, name in enumerate(names)))
    parts = (model.transition_from, model.transition_to, model.transition_weights)
    steps = _features_of(1, model.labels, model.labels, *parts)
    yield from _section("TRANSITIONS", steps)
    parts = (model.state_attributes, model.state_labels, model.state_weights)
    yield from _section("STATE_FEATURES", _features_of(0, model.attributes, model.labels, *parts))


def _features_of(
    kind: int, sources: list[str], labels: list[str], source: Any, label: Any, weight: Any
) -> Iterator[str]:
    """Features by their source, as `_section` takes them."""
    order = np.argsort(source, kind="stable")
    columns = (part[order].tolist() for part in (source, label, weight))
    for a, i, w in zip(*columns, strict=True):
        yield f"  ({kind}) {sources[a]} --> {labels[i]}: {w:f}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from (f"{title} = {{", *lines, "}", "")
