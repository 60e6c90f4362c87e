"""Part of speech on UD English EWT by a hidden Markov model: accuracy, and how fast it is.

Trains on the training part by counting, tags the development and the test part. The numbers that
WordEmissions have by default were chosen on the development part.

    python benchmarks/hmm_tagging.py --repeats 5
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from crf_table import DATA, Bar

from gibbsfactor.features import Columns
from gibbsfactor.io import read_conll
from gibbsfactor.models.hidden_markov_model import HiddenMarkovModel, WordEmissions

Sentences = list[list[str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of ud-english-ewt")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    train, dev, test = (read(args.data / "ud-english-ewt", part) for part in PARTS)
    model = tagger()
    model.fit(*train)  # a first run in a new environment compiles
    training = median(seconds(lambda: tagger().fit(*train)) for _ in range(args.repeats))
    n_train = sum(map(len, train[0]))
    print(f"training: {n_train:,} words in {training:.2f} s")
    known = {word for sentence in train[0] for word in sentence}
    accuracy = {}
    for name, part in (("dev", dev), ("test", test)):
        right = correct(model.predict(part[0]), part[1])
        new = [word not in known for sentence in part[0] for word in sentence]
        accuracy[name] = share(right)
        by_word = correct(model.decode(part[0], algorithm="map")[1], part[1])
        print(
            f"{name}: accuracy {accuracy[name]:.4f}; "
            f"of known words {share([r for r, n in zip(right, new, strict=True) if not n]):.4f}, "
            f"of the {share(new):.1%} new ones "
            f"{share([r for r, n in zip(right, new, strict=True) if n]):.4f}; "
            f"most probable tag of each word by itself {share(by_word):.4f}"
        )
    tagging = median(seconds(lambda: model.predict(test[0])) for _ in range(args.repeats))
    rate = sum(map(len, test[0])) / tagging
    bars = (
        Bar("token accuracy on the test part", accuracy["test"], 0.915, False, "{:.4f}"),
        Bar("tagging from words: words a second", rate, 2e5, False, "{:,.0f}"),
    )
    print(*bars, sep="\n")
    return int(not all(bar.passed for bar in bars))


PARTS = ("train", "dev", "test")


def tagger() -> HiddenMarkovModel:
    return HiddenMarkovModel(emissions=WordEmissions(), transmat_prior=1.1)


def read(folder: Path, part: str) -> tuple[Sentences, Sentences]:
    """The words and the tags of each sentence."""
    path = folder / f"{part}.tsv.gz"
    if not path.is_file():
        sys.exit(f"no UD English EWT data: expected {path}; name the folder above with --data")
    columns: Columns = read_conll(path)
    sentences = columns.sentences()
    words = [[token[0] for token in sentence] for sentence in sentences]
    return words, [[token[2] for token in sentence] for sentence in sentences]


def correct(found: Sentences, truth: Sentences) -> list[bool]:
    return [
        a == b
        for tags, right in zip(found, truth, strict=True)
        for a, b in zip(tags, right, strict=True)
    ]


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def seconds(task: Callable[[], object]) -> float:
    began = perf_counter()
    task()
    return perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
