"""What `gibbsfactor crf inspect` does."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any

from gibbsfactor.cli.crf_blocks import blocks_of
from gibbsfactor.cli.crf_commands import as_json, print_rows
from gibbsfactor.cli.crf_data import Reading
from gibbsfactor.cli.crf_model import for_model, format_of, load
from gibbsfactor.cli.report import Table
from gibbsfactor.errors import listed
from gibbsfactor.features import Columns
from gibbsfactor.models.linear_chain_crf import LinearChainCRF

PARAMETERS = ("algorithm", "c1", "c2", "order", "constraints", "boundary_weights", "min_freq")
READS = {"symbols": "symbols", "words": "words", "quadratic": "vectors of numbers"}
Weight = tuple[str, str, float]


def run_inspect(arguments: argparse.Namespace) -> int:
    """Print what a model has learnt, or why it labels a token as it does."""
    if arguments.explain and arguments.input is None:
        raise ValueError("--explain needs the file that the token is in: MODEL INPUT --explain 0:3")
    if arguments.input is not None and not arguments.explain:
        raise ValueError(
            f"{arguments.input} is given without a question about it; add --explain 0:3, or leave "
            "it out"
        )
    if arguments.explain and arguments.attribute is not None:
        raise ValueError("--explain and --attribute are two questions; ask one")
    model = load(arguments.model)
    labels = _labels(model, arguments.label)
    if arguments.explain:
        _explain(model, arguments, labels)
    elif arguments.attribute is not None:
        _attributes(model, arguments, labels)
    else:
        _overview(model, arguments, labels)
    return 0


def _labels(model: LinearChainCRF, wanted: list[str] | None) -> list[str]:
    """The labels to tell of, as strings."""
    every = list(map(str, model.classes_))
    for label in wanted or ():
        if label not in every:
            raise ValueError(f"the model has no label {label!r}; it has {listed(every)}")
    return wanted or every


# ---- the model as a whole -------------------------------------------------------------


def _overview(model: LinearChainCRF, arguments: argparse.Namespace, labels: list[str]) -> None:
    facts, transitions = _facts(model, arguments.model), _transitions(model, labels)
    top = {str(label): found for label, found in model.top_features(arguments.top).items()}
    if arguments.json:
        pairs = [{"from": a, "to": b, "weight": w} for a, b, w in transitions]
        features = {label: [list(pair) for pair in top[label]] for label in labels}
        found = facts | {"transitions": pairs, "top_features": features}
        print(as_json(found), end="")
        return
    print_rows({name.replace("_", " "): _shown(fact) for name, fact in facts.items()})
    ends = _ends(transitions, 2 * arguments.top)
    if ends:
        rows = [(f"{w:.4f}", f"{before} -> {after}") for before, after, w in ends]
        print(f"\n{Table(['weight', 'transition'], rows).text()}")
    for label in labels:
        rows = [(f"{weight:.4f}", name) for name, weight in top[label]]
        if rows:
            print(f"\n{Table(['weight', f'feature of {label}'], rows).text()}")


def _facts(model: LinearChainCRF, path: str) -> dict[str, Any]:
    """What the model is, in figures."""
    features, parameters = model.features_, model.get_params()
    active = int((model.weights_ != 0).sum())
    found: dict[str, Any] = {
        "model": path,
        "bytes": os.path.getsize(path),
        "labels": list(map(str, model.classes_)),
        "reads": _reads(model),
        "attributes": features.n_attributes,
        "state_features": len(features.states),
        "transition_features": len(features.transitions),
        "conditioned_features": len(features.conditioned),
        "triple_features": len(features.triples),
        "weights_not_0": active,
    }
    for name in (
        PARAMETERS if getattr(model, "n_iter_", None) is not None else ()
    ):  # CRFsuite's files don't tell
        value = parameters.get(name)
        found[name] = value if isinstance(value, str | int | float | None) else str(value)
    for name in ("loss", "iterations", "converged", "dev_score", "best_iteration"):
        found[name] = getattr(model, {"iterations": "n_iter_"}.get(name, f"{name}_"), None)
    return {name: value for name, value in found.items() if value is not None}


def _reads(model: LinearChainCRF) -> str:
    """What a token is to the model."""
    if model.templates is not None:
        return str(model.templates)
    vectorizer = model.vectorizer_
    if vectorizer.kind == "tokens" and "names" not in vectorizer.to_arrays():
        return "arrays of numbers"
    return READS.get(vectorizer.kind, "features by name")


def _shown(fact: Any) -> str:
    if isinstance(fact, list):
        return f"{len(fact)}: {' '.join(fact)}"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, int):
        return f"{fact:,}"
    return f"{fact:.6g}" if isinstance(fact, float) else str(fact)


def _transitions(model: LinearChainCRF, labels: list[str]) -> list[Weight]:
    """All transitions from or to one of the labels, the largest weight first."""
    pairs = ((str(a), str(b), w) for (a, b), w in model.transition_features_.items())
    wanted = set(labels)
    found = [(a, b, w) for a, b, w in pairs if a in wanted or b in wanted]
    return sorted(found, key=lambda pair: -pair[2])


def _ends(falling: list[Weight], n: int) -> list[Weight]:
    return falling if len(falling) <= 2 * n else falling[:n] + falling[-n:]


# ---- attributes -----------------------------------------------------------------------


def _attributes(model: LinearChainCRF, arguments: argparse.Namespace, labels: list[str]) -> None:
    pattern = ".*".join(map(re.escape, arguments.attribute.split("*")))
    fits, wanted = re.compile(pattern, re.DOTALL).fullmatch, set(labels)
    states = [
        (name, str(label), weight)
        for (name, label), weight in model.state_features_.items()
        if str(label) in wanted and fits(name)
    ]
    pairs = [
        (name, f"{before} -> {label}", weight)
        for (name, before, label), weight in model.conditioned_features_.items()
        if str(label) in wanted and fits(name)
    ]
    found = sorted(states + pairs, key=lambda feature: (-abs(feature[2]), feature[0], feature[1]))
    if not found:
        hint = "; * stands for anything" if "*" not in arguments.attribute else ""
        raise ValueError(f"no attribute {arguments.attribute!r} has a weight{hint}")
    if arguments.json:
        keys = ("attribute", "label", "weight")
        print(as_json([dict(zip(keys, feature, strict=True)) for feature in found]), end="")
        return
    shown = found[: max(4 * arguments.top, 20)]
    rows = [(f"{weight:.4f}", label, name) for name, label, weight in shown]
    print(Table(["weight", "label", "attribute"], rows).text())
    if len(shown) < len(found):
        print(f"... {len(found):,} in all; --top shows more, --json all of them")


# ---- one token ------------------------------------------------------------------------


def _explain(model: LinearChainCRF, arguments: argparse.Namespace, labels: list[str]) -> None:
    sentence, position = arguments.explain
    data, words = _sentence(model, arguments, sentence)
    if position >= len(words):
        raise ValueError(
            f"sentence {sentence} of {arguments.input} has {len(words)} tokens, counted from 0; "
            f"there is no position {position}"
        )
    found = model.explain(data, position)
    shares = dict(zip(map(str, found.labels), found.marginals.tolist(), strict=True))
    chosen = str(found.chosen)
    others = labels if arguments.label else [chosen]
    if arguments.json:
        figures = {
            "sentence": sentence,
            "position": position,
            "token": words[position],
            "label": chosen,
            "marginals": shares,
            "contributions": {
                name: dict(zip(shares, values.tolist(), strict=True))
                for name, values in found.contributions
            },
        }
        print(as_json(figures), end="")
        return
    print(f"{words[position]!r}, at position {position}: {chosen}")
    likely = sorted(shares.items(), key=lambda pair: -pair[1])[: max(arguments.top, 2)]
    print("probability  " + ", ".join(f"{label} {share:.4f}" for label, share in likely))
    by_name = dict(zip(map(str, found.labels), found.labels, strict=True))
    for label in others:
        rows = [(f"{weight:+.4f}", name) for name, weight in found.of(by_name[label])]
        head = f"what speaks for {label}, or against it"
        print(f"\n{Table(['weight', head], rows).text()}" if rows else f"\n{head}: nothing")


def _sentence(
    model: LinearChainCRF, arguments: argparse.Namespace, wanted: int
) -> tuple[Any, list[str]]:
    """One sentence as the model reads it, and its tokens: words, or the labels given."""
    form = format_of(model, arguments.model, arguments.format)
    reading = Reading.of(arguments, form)
    source = blocks_of(arguments.input, reading)
    first = 0
    for part in source:
        n = len(part) if isinstance(part, Columns) else len(part.labels)
        if wanted < first + n:
            at = slice(wanted - first, wanted - first + 1)
            if isinstance(part, Columns):
                one = part[at]
                return for_model(one, model), one.column(0)
            return part.tokens[at], list(part.labels[wanted - first])
        first += n
    raise ValueError(f"{source.name} has {first} sentences, counted from 0; there is no {wanted}")
