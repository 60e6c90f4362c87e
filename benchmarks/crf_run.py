"""One system trains on one corpus and labels its test set, in this process: a line of JSON.

All three minimise -log L + c1 |w|_1 + c2 |w|^2 over the features that occur in training, with
their own default stopping rules. ``total`` counts from the start of the process, imports and all,
to the model on disk. The peak of memory is taken there, before anything else is loaded.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

from crf_corpora import CORPORA, DATA, Corpus
from crf_peers import CRFSUITE, OURS, SYSTEMS, Chaine, Pycrfsuite
from own_process import peak_bytes, seconds_since_start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--algorithm", choices=("lbfgs", "l2sgd", "ap"), default="lbfgs")
    parser.add_argument("--c1", type=float, default=None, help="by default the corpus's")
    parser.add_argument("--c2", type=float, default=None, help="by default the corpus's")
    parser.add_argument("--iterations", type=int, default=None, help="at most so many, or passes")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stream", action="store_true", help="peers get a sentence at a time")
    parser.add_argument("--sentences", type=int, default=None)
    args = parser.parse_args()
    corpus = CORPORA[args.corpus]
    args.c1 = corpus.c1 if args.c1 is None else args.c1
    args.c2 = corpus.c2 if args.c2 is None else args.c2
    args.train, args.test = corpus.paths(args.data)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        if args.system == OURS:
            result = run_ours(corpus, args, model)
        else:
            result = run_peer(corpus, args, model)
    print(json.dumps(result))


# ---- gibbsfactor -----------------------------------------------------------------------


def run_ours(corpus: Corpus, args: argparse.Namespace, model: Path) -> dict[str, Any]:
    from gibbsfactor import LinearChainCRF, Templates

    templates = getattr(Templates, corpus.templates)() if corpus.templates else None
    start, began = seconds_since_start(), perf_counter()
    X, y = corpus.read_ours(args.train)
    if args.sentences is not None:
        X, y = X[: args.sentences], y[: args.sentences]
    read = perf_counter() - began
    crf = LinearChainCRF(
        args.algorithm,
        c1=args.c1,
        c2=args.c2,
        templates=templates,
        max_iterations=args.iterations or 1000,
        random_state=args.seed,
        n_threads=args.threads,
        progress=False,
    )
    with warnings.catch_warnings():
        if args.iterations is not None:  # then it is meant to stop early
            warnings.filterwarnings("ignore", "training stopped before it converged")
        crf.fit(X, y)
    save = perf_counter()
    crf.save(model)
    ended = perf_counter()
    peak = peak_bytes()

    load = perf_counter()
    loaded = LinearChainCRF.load(model)
    tag = perf_counter()
    X, y = corpus.read_ours(args.test)
    predicted = loaded.predict(X)
    done = perf_counter()
    return {
        "start": start,
        "read": read,
        "features": crf.seconds_["features"],
        "training": crf.seconds_["training"],
        "save": ended - save,
        "total": start + ended - began,
        "load": tag - load,
        "test": done - tag,
        "peak": peak / 2**20,
        "model": model.stat().st_size / 2**20,
        "iterations": crf.n_iter_,
        "per_iteration": crf.seconds_["training"] / crf.n_iter_,
        "weights": len(crf.weights_),
        "active": int((crf.weights_ != 0).sum()),
        "loss": crf.loss_,
        **scores(y, predicted),
    }


# ---- CRFsuite, and chaine, which has its core -------------------------------------------


def run_peer(corpus: Corpus, args: argparse.Namespace, model: Path) -> dict[str, Any]:
    penalties = {"lbfgs": ("c1", "c2"), "l2sgd": ("c2",), "ap": ()}
    options = {name: getattr(args, name) for name in penalties[args.algorithm]}
    if args.iterations is not None:
        options["max_iterations"] = args.iterations
    peer = (Pycrfsuite if args.system == CRFSUITE else Chaine)(args.algorithm, options, model)
    start, began = seconds_since_start(), perf_counter()
    data = corpus.read(args.train)[: args.sentences]
    read = perf_counter()
    items = (peer.items(corpus, s.columns) for s in data)
    log = peer.train(items if args.stream else list(items), [s.labels for s in data])
    ended = perf_counter()
    peak = peak_bytes()
    del data
    # training: from the first line on the optimisation to the last before the model is stored
    training = next(when for when, line in log if line.startswith(peer.STARTS))
    stored = next(when for when, line in log if line.startswith(peer.STORES))

    load = perf_counter()
    tag = peer.tagger()
    loaded = perf_counter()
    held_out = corpus.read(args.test)
    predicted = [tag(peer.items(corpus, s.columns)) for s in held_out]
    done = perf_counter()
    found = peer.read_log("".join(line for _, line in log))
    return {
        "start": start,
        "read": read - began,
        "features": training - read,  # strings, append, CRFsuite's own "feature generation"
        "training": stored - training,
        "save": ended - stored,
        "total": start + ended - began,
        "load": loaded - load,
        "test": done - loaded,
        "peak": peak / 2**20,
        "model": model.stat().st_size / 2**20,
        "per_iteration": (stored - training) / found["iterations"],
        **found,
        **scores([s.labels for s in held_out], predicted),
    }


# ---- all -------------------------------------------------------------------------------


def scores(truth: list[list[str]], predicted: list[list[str]]) -> dict[str, float]:
    from gibbsfactor.evaluation import evaluate_labels

    found = evaluate_labels(truth, predicted)
    return {"accuracy": found.accuracy, "f1": 100 * found.f1}


if __name__ == "__main__":
    main()
