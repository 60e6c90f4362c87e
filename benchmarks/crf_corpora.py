"""The corpora of the CRF benchmarks: where they lie, how each side reads them, the objective."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from crf_features import address, chunking, flat_dict, flat_list, part_of_speech

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


class Sentence(NamedTuple):
    """Columns of a sentence, and its labels."""

    columns: tuple[list[str], ...]
    labels: list[str]


@dataclass(frozen=True)
class Corpus:
    """Where it lies, how it is read, and the objective that it is trained with."""

    title: str
    folder: str
    files: tuple[str, str]  # training, test
    read: Callable[[Path], list[Sentence]]
    attributes: Callable[..., list[Any]]  # of the columns of a sentence, for python-crfsuite
    flat: Callable[[Any], dict[str, Any]]  # those of one token as chaine takes them
    read_ours: Callable[[Path], tuple[Any, Any]]
    templates: str  # the method of Templates that makes the same attributes, or none
    c1: float
    c2: float
    score: str

    def paths(self, data: Path) -> tuple[Path, Path]:
        """The files for training and test, with or without .gz."""
        found = []
        for name in self.files:
            places = [data / self.folder / name, data / self.folder / name.removesuffix(".gz")]
            there = [place for place in places if place.is_file()]
            if not there:
                sys.exit(
                    f"no {self.title} data: expected {places[0]} (or without .gz); name the "
                    "folder above with --data"
                )
            found.append(there[0])
        return found[0], found[1]


# ---- reading ---------------------------------------------------------------------------


def open_text(path: Path) -> Any:
    return (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="\n")


def read_conll2000(path: Path) -> list[Sentence]:
    with open_text(path) as file:
        blocks = file.read().split("\n\n")
    sentences = []
    for block in blocks:
        fields = block.split()
        if fields:
            sentences.append(Sentence((fields[0::3], fields[1::3]), fields[2::3]))
    return sentences


def read_words_and_labels(path: Path) -> list[Sentence]:
    """The first column and the last of tab-separated ones; lines of white space part sentences."""
    sentences: list[Sentence] = []
    words: list[str] = []
    labels: list[str] = []
    with open_text(path) as file:
        for line in [*file.read().split("\n"), ""]:
            if line.strip():
                fields = line.split("\t")
                words.append(fields[0])
                labels.append(fields[-1])
            elif words:
                sentences.append(Sentence((words,), labels))
                words, labels = [], []
    return sentences


def read_usaddress(path: Path) -> list[Sentence]:
    with open_text(path) as file:
        addresses = ElementTree.parse(file).getroot()
    pairs = [[(e.text, e.tag) for e in address if e.text] for address in addresses]
    return [Sentence(([w for w, _ in some],), [k for _, k in some]) for some in pairs if some]


def columns_of_conll2000(path: Path) -> tuple[Any, Any]:
    from gibbsfactor import read_conll

    columns = read_conll(path)
    return columns.drop(), columns.labels()


def columns_of_words(path: Path) -> tuple[Any, Any]:
    from gibbsfactor import read_conll
    from gibbsfactor.features.derived_columns import with_affixes_and_shape

    columns = read_conll(path, columns=[0, -1])
    return with_affixes_and_shape(columns.drop()), columns.labels()


def dicts_of_usaddress(path: Path) -> tuple[Any, Any]:
    sentences = read_usaddress(path)
    return [address(*s.columns) for s in sentences], [s.labels for s in sentences]


CORPORA = {
    "conll2000": Corpus(
        "CoNLL-2000 chunking",
        "conll2000",
        ("train.txt.gz", "test.txt.gz"),
        read_conll2000,
        chunking,
        flat_list,
        columns_of_conll2000,
        "chunking",
        0.0,
        1.0,
        "f1",
    ),
    "pos": Corpus(
        "UD English EWT part of speech",
        "ud-english-ewt",
        ("train.tsv.gz", "test.tsv.gz"),
        read_words_and_labels,
        part_of_speech,
        flat_list,
        columns_of_words,
        "part_of_speech",
        0.0,
        1.0,
        "accuracy",
    ),
    "wnut17": Corpus(
        "WNUT-17 entities",
        "wnut17",
        ("train.tsv.gz", "test.tsv.gz"),
        read_words_and_labels,
        part_of_speech,
        flat_list,
        columns_of_words,
        "part_of_speech",
        0.1,
        0.1,
        "f1",
    ),
    "usaddress": Corpus(
        "usaddress",
        "usaddress",
        ("train.xml.gz", "test.xml.gz"),
        read_usaddress,
        address,
        flat_dict,
        dicts_of_usaddress,
        "",
        0.1,
        0.01,
        "accuracy",
    ),
}
