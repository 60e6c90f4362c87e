"""How fast one system tags CoNLL-2000's test set and takes in features: a line of JSON.

The model is trained with few iterations: how good its weights are makes no difference to how long
tagging takes. Tagging is told as the median of several calls after the first, taking features in
as it goes once, over the whole training set.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from crf_corpora import CORPORA, DATA, Sentence
from crf_peers import CRFSUITE, OURS, SYSTEMS, Chaine, Pycrfsuite

CORPUS = CORPORA["conll2000"]
ITERATIONS = 20
REPEATS = 7
SINGLE = 500  # sentences tagged one at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sentences", type=int, default=None)
    args = parser.parse_args()
    args.train, args.test = CORPUS.paths(args.data)
    warnings.filterwarnings("ignore", "training stopped before it converged")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        result = ours(args, model) if args.system == OURS else peer(args, model)
        result |= intake(args, model)
    print(json.dumps(result))


def timed(function: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, float, Any]:
    """Seconds of the first call, the median of further ones, and the last answer."""
    seconds = []
    answer = None
    for _ in range(repeats + 1):
        began = perf_counter()
        answer = function()
        seconds.append(perf_counter() - began)
    return seconds[0], median(seconds[1:]), answer


def figures(
    truth: list[list[str]], first: float, usual: float, predicted: list[list[str]]
) -> dict[str, Any]:
    pairs = list(zip(chain(*truth), chain(*predicted), strict=True))
    return {
        "first": first,
        "text": usual,
        "text_rate": len(pairs) / usual,
        "accuracy": sum(a == b for a, b in pairs) / len(pairs),
    }


def single(tag: Callable[[Any], Any], sentences: list[Any]) -> dict[str, float]:
    """Tag sentences one at a time: seconds in the middle, and of the slowest hundredth."""
    tag(sentences[0])
    seconds = []
    for sentence in sentences:
        began = perf_counter()
        tag(sentence)
        seconds.append(perf_counter() - began)
    seconds.sort()
    return {"single": 1e3 * median(seconds), "slow": 1e3 * seconds[len(seconds) * 99 // 100]}


# ---- gibbsfactor -----------------------------------------------------------------------


def ours(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    from gibbsfactor import LinearChainCRF, Templates, read_conll

    X, y = CORPUS.read_ours(args.train)
    X, y = X[: args.sentences], y[: args.sentences]
    options: dict[str, Any] = {"max_iterations": ITERATIONS, "progress": False}
    LinearChainCRF(templates=Templates.chunking(), **options).fit(X, y).save(path)
    crf = LinearChainCRF.load(path)
    truth = CORPUS.read_ours(args.test)[1]
    found = figures(truth, *timed(lambda: crf.predict(read_conll(args.test, columns=[0, 1]))))

    # a ready matrix, and a model that was trained on one
    train = crf.vectorizer_.transform(X)
    columns = CORPUS.read_ours(args.test)[0]
    test = crf.vectorizer_.transform(columns)
    matrix, lengths = test.attributes, test.lengths
    plain = LinearChainCRF(**options).fit(train.attributes, y, lengths=train.lengths)
    _, usual, predicted = timed(lambda: plain.predict(matrix, lengths=lengths), 3 * REPEATS)
    if predicted != crf.predict(columns):
        raise AssertionError("the model trained on a matrix labels otherwise than that on columns")
    found |= {"ready": usual, "ready_rate": test.n_tokens / usual}
    _, usual, _ = timed(lambda: plain.predict(test), 3 * REPEATS)
    found["tokens_rate"] = test.n_tokens / usual
    return found | single(crf.predict_single, columns[:SINGLE].sentences())


# ---- CRFsuite and chaine ---------------------------------------------------------------


def peer(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    kind = Pycrfsuite if args.system == CRFSUITE else Chaine
    system = kind("lbfgs", {"c2": 1.0, "max_iterations": ITERATIONS}, path)
    data = CORPUS.read(args.train)[: args.sentences]
    items = (system.items(CORPUS, s.columns) for s in data)
    system.train(items, [s.labels for s in data])
    del data
    tag = system.tagger()
    truth = [s.labels for s in CORPUS.read(args.test)]

    def tag_one(sentence: Sentence) -> list[str]:
        labels: list[str] = tag(system.items(CORPUS, sentence.columns))
        return labels

    text = timed(lambda: [tag_one(s) for s in CORPUS.read(args.test)])
    found = figures(truth, *text)
    if args.system == CRFSUITE:
        from pycrfsuite import ItemSequence

        held_out = CORPUS.read(args.test)
        ready = [ItemSequence(system.items(CORPUS, s.columns)) for s in held_out]
        _, usual, _ = timed(lambda: [tag(items) for items in ready])
        found |= {"ready": usual, "ready_rate": sum(map(len, truth)) / usual}
    return found | single(tag_one, CORPUS.read(args.test)[:SINGLE])


# ---- feature dicts ---------------------------------------------------------------------


def feature_dict(item: list[str]) -> dict[str, Any]:
    """What a user's own code makes: {"U02": "the", ..., "__BOS__": True}."""
    pairs = (string.partition(":") for string in item)
    return {name: value if colon else True for name, colon, value in pairs}


def intake(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Once, as who has a training set does it: strings keep their hashes once they were asked for.

    A few sentences go before, so that what is loaded when first used is there.
    """
    read = {OURS: vectorize, CRFSUITE: append_all}.get(args.system, chaine_intake)
    data = CORPUS.read(args.train)[: args.sentences]
    y = [s.labels for s in data]
    read(dicts(data[:20]), y[:20], path)
    seconds = read(dicts(data), y, path)
    return {"intake": seconds, "intake_rate": sum(map(len, y)) / seconds}


def dicts(data: list[Sentence]) -> list[Any]:
    return [[feature_dict(item) for item in CORPUS.attributes(*s.columns)] for s in data]


def vectorize(X: list[Any], y: list[list[str]], path: Path) -> float:
    from gibbsfactor.features import FeatureDictVectorizer

    began = perf_counter()
    FeatureDictVectorizer().fit_transform(X)
    return perf_counter() - began


def append_all(X: list[Any], y: list[list[str]], path: Path) -> float:
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    began = perf_counter()
    for items, labels in zip(X, y, strict=True):
        trainer.append(items, labels)
    return perf_counter() - began


def chaine_intake(X: list[Any], y: list[list[str]], path: Path) -> float:
    """It takes features in and trains in one call; its log says when the one ended."""
    system = Chaine("lbfgs", {"max_iterations": 1}, path)
    began = perf_counter()
    log = system.train(X, y)
    return next(when for when, line in log if line.strip() == "Start training") - began


if __name__ == "__main__":
    main()
