"""CoNLL-2000 chunking: gibbsfactor's linear-chain CRF against CRFsuite (python-crfsuite).

The same text, templates, features (all that occur in training) and objective,

    -log L + c2 |w|^2     at c2 = 1,

with each side's own default stopping rule. Each system runs in a process of its own, in turn, so
that its peak memory is its own; gibbsfactor uses as many threads as `--threads` says (default: all
processors), CRFsuite has one. CRFsuite gets its features the quickest way its users have: lists
of strings, made by a plain Python function, appended as they are.

    pip install '.[bench]'
    python benchmarks/crf_conll2000.py --repeats 3
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "conll2000"
SYSTEMS = ("gibbsfactor", "CRFsuite")
NAMES = (("train.txt.gz", "train.txt"), ("test.txt.gz", "test.txt"))

# key, what the table says, format, whether lower is better (None: no ratio)
ROWS = (
    ("read", "read the text, s", "{:.2f}", True),
    ("features", "features, s", "{:.2f}", True),
    ("pack", "append / pack, s", "{:.2f}", True),
    ("training", "training, s", "{:.2f}", True),
    ("save", "save the model, s", "{:.3f}", True),
    ("total", "total: text to saved model, s", "{:.2f}", True),
    ("load", "load the model, s", "{:.3f}", True),
    ("test_features", "test: features, s", "{:.2f}", True),
    ("test_tag", "test: tag, s", "{:.2f}", True),
    ("test_total", "test: features and tag, s", "{:.2f}", True),
    ("peak", "peak memory, MiB", "{:.0f}", True),
    ("model", "model file, MiB", "{:.2f}", True),
    ("threads", "threads", "{:.0f}", None),
    ("iterations", "L-BFGS iterations", "{:.0f}", None),
    ("per_iteration", "seconds per iteration", "{:.4f}", True),
    ("weights", "weights", "{:,.0f}", None),
    ("loss", "final loss", "{:.2f}", None),
    ("accuracy", "token accuracy", "{:.5f}", None),
    ("f1", "chunk F1, %", "{:.2f}", None),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with train.txt[.gz], ...")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each system, in turn")
    parser.add_argument("--threads", type=int, default=None, help="threads of gibbsfactor")
    parser.add_argument("--tol", type=float, default=None, help="gibbsfactor's, to match losses")
    parser.add_argument("--sentences", type=int, default=None, help="only so many, for a quick try")
    parser.add_argument("--system", choices=SYSTEMS, default=None, help=argparse.SUPPRESS)
    args = parser.parse_args()
    train, test = find_data(args.data)
    if args.system is not None:  # the process of one system
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model"
            if args.system == "gibbsfactor":
                options = {} if args.tol is None else {"tol": args.tol}
                options |= {"n_threads": args.threads}
                result = run_gibbsfactor(train, test, model, options, args.sentences)
            else:
                result = run_crfsuite(train, test, model, args.sentences)
        print(json.dumps(result))
        return
    if args.repeats < 1:
        parser.error(f"--repeats is {args.repeats}; it must be at least 1")
    runs: dict[str, list[dict[str, Any]]] = {system: [] for system in SYSTEMS}
    for number in range(args.repeats):
        for system in SYSTEMS:
            print(f"run {number + 1} of {args.repeats}: {system}", file=sys.stderr, flush=True)
            runs[system].append(own_process(system, args))
    report(runs)


def find_data(folder: Path) -> tuple[Path, Path]:
    found = [next((folder / n for n in names if (folder / n).is_file()), None) for names in NAMES]
    if found[0] is None or found[1] is None:
        sys.exit(
            f"no CoNLL-2000 data in {folder}: expected {NAMES[0][0]} and {NAMES[1][0]} "
            "(or the same without .gz), with the columns word, part of speech, chunk; "
            "name their folder with --data"
        )
    return found[0], found[1]


def own_process(system: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one system in a fresh process. This one stays small: a child's peak starts from it."""
    command = [sys.executable, __file__, "--system", system, "--data", str(args.data)]
    for name in ("threads", "tol", "sentences"):
        if getattr(args, name) is not None:
            command += [f"--{name}", str(getattr(args, name))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{system} failed with status {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def peak_mib() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**20 if sys.platform == "darwin" else 2**10)


# ---- gibbsfactor ----------------------------------------------------------------------


def run_gibbsfactor(
    train: Path, test: Path, model: Path, options: dict[str, Any], sentences: int | None
) -> dict[str, Any]:
    from gibbsfactor import LinearChainCRF, Templates, read_conll
    from gibbsfactor.learning.chain_loss import usable_processors
    from gibbsfactor.models import linear_chain_crf

    seconds = {"pack": 0.0}

    def clocked(function: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            began = perf_counter()
            result = function(*given, **named)
            seconds["pack"] += perf_counter() - began
            return result

        return call

    # fit() times features and packing together; these two are the packing
    for name in ("observed_features", "ChainLoss"):
        setattr(linear_chain_crf, name, clocked(getattr(linear_chain_crf, name)))

    started = perf_counter()
    columns = read_conll(train)
    if sentences is not None:
        columns = columns[:sentences]
    X, y = columns.drop(), columns.labels()
    seconds["read"] = perf_counter() - started
    crf = LinearChainCRF(c2=1.0, templates=Templates.chunking(), progress=False, **options)
    crf.fit(X, y)
    seconds["features"] = crf.seconds_["features"] - seconds["pack"]
    seconds["training"] = crf.seconds_["training"]
    began = perf_counter()
    crf.save(model)
    seconds["save"] = perf_counter() - began
    seconds["total"] = perf_counter() - started
    peak = peak_mib()

    held_out = read_conll(test)
    began = perf_counter()
    loaded = LinearChainCRF.load(model)
    seconds["load"] = perf_counter() - began
    began = perf_counter()
    loaded.vectorizer_.transform(held_out.drop())
    seconds["test_features"] = perf_counter() - began
    began = perf_counter()
    predicted = loaded.predict(held_out.drop())
    seconds["test_total"] = perf_counter() - began
    seconds["test_tag"] = max(seconds["test_total"] - seconds["test_features"], 0.0)
    return {
        **seconds,
        **scores(held_out.labels(), predicted),
        "peak": peak,
        "model": model.stat().st_size / 2**20,
        "iterations": crf.n_iter_,
        "per_iteration": seconds["training"] / crf.n_iter_,
        "weights": len(crf.weights_),
        "loss": crf.loss_,
        "threads": options["n_threads"] or usable_processors(),
    }


# ---- CRFsuite -------------------------------------------------------------------------


def read_text(path: Path) -> list[tuple[list[str], list[str], list[str]]]:
    """Sentences as their words, parts of speech and chunk labels."""
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8") as file:
        blocks = file.read().split("\n\n")
    sentences = []
    for block in blocks:
        fields = block.split()
        if fields:
            sentences.append((fields[0::3], fields[1::3], fields[2::3]))
    return sentences


def attributes(w: list[str], p: list[str]) -> list[list[str]]:
    """What `Templates.chunking()` expands to at every token of a sentence."""
    items = []
    last = len(w) - 1
    for t in range(len(w)):
        w0, p0 = w[t], p[t]
        item = ["U02:" + w0, "U12:" + p0]
        if t > 0:
            w1, p1 = w[t - 1], p[t - 1]
            item += [f"U01:{w1}", f"U05:{w1}/{w0}", f"U11:{p1}", f"U16:{p1}/{p0}"]
            if t > 1:
                p2 = p[t - 2]
                item += [f"U00:{w[t - 2]}", f"U10:{p2}", f"U15:{p2}/{p1}", f"U20:{p2}/{p1}/{p0}"]
        else:
            item.append("__BOS__")
        if t < last:
            w3, p3 = w[t + 1], p[t + 1]
            item += [f"U03:{w3}", f"U06:{w0}/{w3}", f"U13:{p3}", f"U17:{p0}/{p3}"]
            if t > 0:
                item.append(f"U21:{p1}/{p0}/{p3}")
            if t < last - 1:
                p4 = p[t + 2]
                item += [f"U04:{w[t + 2]}", f"U14:{p4}", f"U18:{p3}/{p4}", f"U22:{p0}/{p3}/{p4}"]
        else:
            item.append("__EOS__")
        items.append(item)
    return items


def run_crfsuite(train: Path, test: Path, model: Path, sentences: int | None) -> dict[str, Any]:
    try:
        import pycrfsuite
    except ImportError:
        sys.exit("python-crfsuite is not installed; pip install '.[bench]'")

    class Trainer(pycrfsuite.Trainer):  # type: ignore[misc]
        """Keeps the log, and when each message of it came."""

        log: list[tuple[float, str]]

        def message(self, message: str) -> None:
            self.log.append((perf_counter(), message))

    seconds: dict[str, float] = {}
    began = started = perf_counter()
    data = read_text(train)[:sentences]
    seconds["read"] = perf_counter() - began
    began = perf_counter()
    X = [attributes(words, tags) for words, tags, _ in data]
    seconds["features"] = perf_counter() - began
    began = perf_counter()
    trainer = Trainer(algorithm="lbfgs", verbose=False)
    trainer.log = []
    trainer.set_params({"c1": 0.0, "c2": 1.0, "feature.minfreq": 0.0})  # the rest by default
    for items, (_, _, labels) in zip(X, data, strict=True):
        trainer.append(items, labels)
    del X
    trainer.train(str(model))
    ended = perf_counter()
    text = "".join(message for _, message in trainer.log)
    # training: from the first line on the optimisation to the last before the model is stored
    first = next(when for when, message in trainer.log if "L-BFGS optimization" in message)
    stored = next(when for when, message in trainer.log if "Storing the model" in message)
    seconds["pack"] = first - began  # append, and CRFsuite's own "feature generation"
    seconds["training"] = stored - first
    seconds["save"] = ended - stored
    seconds["total"] = ended - started
    peak = peak_mib()

    held_out = read_text(test)
    began = perf_counter()
    tagger = pycrfsuite.Tagger()
    tagger.open(str(model))
    seconds["load"] = perf_counter() - began
    began = perf_counter()
    X = [attributes(words, tags) for words, tags, _ in held_out]
    seconds["test_features"] = perf_counter() - began
    began = perf_counter()
    predicted = [tagger.tag(items) for items in X]
    seconds["test_tag"] = perf_counter() - began
    seconds["test_total"] = seconds["test_features"] + seconds["test_tag"]
    iterations = len(re.findall(r"\*{5} Iteration #\d+ \*{5}", text))
    losses = re.findall(r"^Loss: ([-+.\deE]+)", text, re.MULTILINE)
    weights = re.search(r"^Number of features: (\d+)", text, re.MULTILINE)
    assert weights is not None, text
    return {
        **seconds,
        **scores([labels for _, _, labels in held_out], predicted),
        "peak": peak,
        "model": model.stat().st_size / 2**20,
        "iterations": iterations,
        "per_iteration": seconds["training"] / iterations,
        "weights": int(weights[1]),
        "loss": float(losses[-1]),
        "threads": 1,
    }


# ---- both -----------------------------------------------------------------------------


def scores(truth: list[list[str]], predicted: list[list[str]]) -> dict[str, float]:
    from gibbsfactor.evaluation import evaluate_labels

    found = evaluate_labels(truth, predicted)
    return {"accuracy": found.accuracy, "f1": 100 * found.f1}


def report(runs: dict[str, list[dict[str, Any]]]) -> None:
    middle = {
        system: {key: median(run[key] for run in runs[system]) for key, *_ in ROWS}
        for system in SYSTEMS
    }
    ours, theirs = (middle[system] for system in SYSTEMS)
    count = len(runs[SYSTEMS[0]])
    print(f"CoNLL-2000 chunking, c2 = 1; {count} run{'s' * (count > 1)} each, medians")
    print(f"{'':32}{SYSTEMS[0]:>14}{SYSTEMS[1]:>14}{'CRFsuite / ours':>18}")
    for key, title, form, ratio in ROWS:
        mine, other = form.format(ours[key]), form.format(theirs[key])
        share = f"{theirs[key] / ours[key]:.2f}" if ratio and ours[key] > 0 else ""
        print(f"{title:32}{mine:>14}{other:>14}{share:>18}")
    gap = ours["loss"] / theirs["loss"] - 1
    print(
        f"gibbsfactor stopped at a loss {abs(gap):.1e} {'above' if gap > 0 else 'below'} CRFsuite's"
    )
    if ours["weights"] != theirs["weights"]:
        sys.exit(
            f"gibbsfactor has {ours['weights']:,.0f} weights, CRFsuite {theirs['weights']:,.0f}: "
            "they were not given the same features"
        )


if __name__ == "__main__":
    main()
