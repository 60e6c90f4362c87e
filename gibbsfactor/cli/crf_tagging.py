"""What `gibbsfactor crf tag` does: block after block, in and out.

Letters: N sentences, M tokens in all of them together, L labels.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby, repeat
from typing import Any

import numpy as np

from gibbsfactor.cli.crf_blocks import ColumnBlocks, FeatureBlocks, blocks_of
from gibbsfactor.cli.crf_commands import check_targets
from gibbsfactor.cli.crf_data import UNKNOWN, Reading
from gibbsfactor.cli.crf_model import for_model, format_of, load, warn_of_unusable
from gibbsfactor.cli.output import to_stdout
from gibbsfactor.errors import FormatError, ZeroProbabilityError, listed
from gibbsfactor.features import Columns, NamedTokens
from gibbsfactor.features.tokens import check_position
from gibbsfactor.models.linear_chain_crf import LinearChainCRF

Strings = list[str]


@dataclass(frozen=True, eq=False)
class Block:
    """Some sentences of the input.

    Attributes
    ----------
    data : as the model reads them
    columns : of all M tokens, those passed through
    ends : (N,) where sentences end
    first : number of the first one in the file
    lines : of the file, each with whether it is a token; None where all but blank ones are
    """

    data: Columns | NamedTokens
    columns: list[Strings]
    ends: list[int]
    first: int
    lines: list[tuple[str, bool]] | None

    def cut(self, flat: Sequence[Any]) -> list[Any]:
        """What there is for each token, cut into the sentences."""
        return [flat[i:j] for i, j in zip([0, *self.ends], self.ends, strict=False)]


def run_tag(arguments: argparse.Namespace) -> int:
    """Write the input's columns, and those that were asked for."""
    _check_together(arguments)
    check_targets([arguments.output], [arguments.model, arguments.input])
    model = load(arguments.model)
    if arguments.threads is not None:
        model.n_threads = arguments.threads
    warn_of_unusable(model, arguments.constraints)
    question = Question(model, arguments)
    spaced = any(" " in str(label) for label in model.classes_)
    live = not arguments.sample  # the same seed is to give the same samples
    form = format_of(model, arguments.model, arguments.format)
    source = blocks_of(arguments.input, Reading.of(arguments, form), live=live)
    with _output(arguments.output) as write:
        before, after = "", "\n" * source.live  # the blank line ends an answer that is waited for
        for block in _blocks(source, model):
            text = question.answer(block, source.name, "\t" if spaced else source.separator)
            write(f"{before}{text}\n{after}".encode())
            before = "" if source.live else "\n"
        if source.rest:  # comments after the last sentence
            write(f"{before}{_woven(source.rest, [], source.separator)}\n".encode())
    return 0


def _check_together(arguments: argparse.Namespace) -> None:
    if arguments.k_best and arguments.sample:
        raise ValueError("--k-best and --sample both say which labellings to write; give one")
    many = "--k-best" if arguments.k_best else "--sample" if arguments.sample else None
    for option in ("proba", "confidence", "marginals"):
        if many and getattr(arguments, option):
            raise ValueError(f"--{option} goes with the best labelling, not with {many}")


def _blocks(source: ColumnBlocks | FeatureBlocks, model: LinearChainCRF) -> Iterator[Block]:
    first = 0
    for part in source:
        if isinstance(part, Columns):
            data: Columns | NamedTokens = part
            columns = [part.column(c) for c in range(part.n_columns)]
        else:
            data, columns = part.tokens, [list(chain.from_iterable(part.labels))]
        ends = np.cumsum(data.lengths).tolist()
        yield Block(for_model(data, model), columns, ends, first, source.lines)
        first += len(ends)


class Question:
    """What is asked of every block, and how the answer is written."""

    def __init__(self, model: LinearChainCRF, arguments: argparse.Namespace) -> None:
        self.model, self.arguments = model, arguments
        self.rng = np.random.default_rng(arguments.seed)
        self.by_name = {str(label): label for label in model.classes_}

    def answer(self, block: Block, name: str, separator: str) -> str:
        """The lines of the block, without the last line break."""
        a = self.arguments
        known = None if a.known is None else self._known(block, name)
        given: dict[str, Any] = {"known": known, "constraints": a.constraints}
        try:
            if a.k_best:
                return self._k_best(block, given, separator)
            if a.sample:
                return self._sample(block, given, separator)
            added = self._best(block, given)
        except ZeroProbabilityError:
            raise self._impossible(block, given, name) from None
        if block.lines is not None:
            return _woven(block.lines, _lines(added, separator), separator)
        lines = _lines(block.columns + added, separator)
        return "\n\n".join(map("\n".join, block.cut(lines)))

    def _best(self, block: Block, given: dict[str, Any]) -> list[Strings]:
        """The columns that are added to each token's."""
        a, model = self.arguments, self.model
        flat = list(chain.from_iterable(model.predict(block.data, **given)))
        added = [list(map(str, flat))]
        if a.proba or a.marginals:
            shares = np.concatenate(model.predict_proba(block.data, **given))
            number = {label: i for i, label in enumerate(model.classes_)}
            codes = [number[label] for label in flat]
            if a.proba:
                added.append(_shares(shares[np.arange(len(codes)), codes].tolist()))
        if a.confidence:
            whole = _shares(model.confidence(block.data, **given).tolist())
            lengths = block.data.lengths.tolist()
            added.append(list(chain.from_iterable(map(repeat, whole, lengths))))
        if a.marginals:
            for i, label in enumerate(model.classes_):
                added.append([f"{label}:{share}" for share in _shares(shares[:, i].tolist())])
        return added

    def _k_best(self, block: Block, given: dict[str, Any], separator: str) -> str:
        found = self.model.k_best(block.data, self.arguments.k_best, **given)
        answers = [
            [
                [list(map(str, labels)), [str(rank)] * len(labels), _shares([share]) * len(labels)]
                for rank, (labels, share) in enumerate(labellings, 1)
            ]
            for labellings in found
        ]
        return _repeated(block, answers, separator)

    def _sample(self, block: Block, given: dict[str, Any], separator: str) -> str:
        n = self.arguments.sample
        found = self.model.sample(block.data, n, random_state=self.rng, **given)
        answers = [
            [
                [list(map(str, labels)), [str(i)] * len(labels)]
                for i, labels in enumerate(labellings, 1)
            ]
            for labellings in found
        ]
        return _repeated(block, answers, separator)

    def _known(self, block: Block, name: str) -> list[list[Any]]:
        """For each sentence the labels known beforehand, None where one is not."""
        c = self.arguments.known
        try:
            found = block.columns[check_position(c, len(block.columns), "column")]
        except IndexError:
            raise ValueError(
                f"--known is {c}, but {name} has {len(block.columns)} columns, counted from 0"
            ) from None
        unknown = self.arguments.unknown
        if unknown is None and UNKNOWN in self.by_name and UNKNOWN in found:
            raise ValueError(
                f"{name}: column {c} has {UNKNOWN!r}, which is a label of the model and also "
                "stands for a label not known; say with --unknown which text stands for it"
            )
        unknown = UNKNOWN if unknown is None else unknown
        labels = {**self.by_name, unknown: None}
        strange = next((label for label in found if label not in labels), None)
        if strange is not None:
            m = found.index(strange)
            n = next(n for n, end in enumerate(block.ends) if m < end)
            position = m - ([0, *block.ends][n])
            raise FormatError(
                f"{name}, sentence {block.first + n}, position {position}: column {c} has the "
                f"label {strange!r}, which the model was not trained on; expected "
                f"{unknown!r} where none is known, or one of "
                f"{listed(list(self.by_name))}"
            )
        return block.cut([labels[label] for label in found])

    def _impossible(self, block: Block, given: dict[str, Any], name: str) -> ZeroProbabilityError:
        """The error, with the number that the sentence has in the file."""
        totals = self.model.log_partition(block.data, **given)
        n = block.first + int(np.argmin(totals))
        what = " and ".join(
            filter(None, ["the labels known" * (given["known"] is not None), "the constraints"])
        )
        return ZeroProbabilityError(
            f"{name}, sentence {n}: no labelling agrees with {what}; allow more"
        )


def _repeated(block: Block, answers: list[list[list[Strings]]], separator: str) -> str:
    """Each sentence as often as it has answers, each the columns that are added to its tokens.

    Where the lines of the file are kept, so they are in each; comments without tokens come once.
    """
    sentences = []
    if block.lines is None:
        for i, j, several in zip([0, *block.ends], block.ends, answers, strict=False):
            columns = [column[i:j] for column in block.columns]
            sentences += ["\n".join(_lines(columns + added, separator)) for added in several]
        return "\n\n".join(sentences)
    left = iter(answers)
    for filled, group in groupby(block.lines, lambda line: bool(line[0].strip())):
        lines = list(group)
        if filled:
            several = next(left) if any(token for _, token in lines) else [[]]
            sentences += [
                _woven(lines, _lines(added, separator) if added else [], separator)
                for added in several
            ]
    return "\n\n".join(sentences)


def _lines(columns: list[Strings], separator: str) -> Strings:
    return list(map(separator.join, zip(*columns, strict=True)))


def _woven(lines: list[tuple[str, bool]], added: Strings, separator: str) -> str:
    """The lines of a file as they are, what is added behind each token's.

    Ranges and empty nodes of CoNLL-U get an underscore in each of the columns added.
    """
    answers = iter(added)
    none = separator.join("_" for _ in added[0].split(separator)) if added else ""
    woven = []
    for line, token in lines:
        if token:
            woven.append(f"{line.rstrip(' ')}{separator}{next(answers)}")
        elif line[:1].isdigit():
            woven.append(f"{line.rstrip(' ')}{separator}{none}")
        else:
            woven.append(line.strip(" \t\v\f") if not line.strip() else line)
    while woven and not woven[-1]:
        woven.pop()
    return "\n".join(woven)


def _shares(probabilities: list[float]) -> Strings:
    """With six digits behind the point, or where they are tiny, before the exponent."""
    return [f"{p:.6f}" if p == 0 or p >= 1e-4 else f"{p:.6g}" for p in probabilities]


@contextmanager
def _output(path: str | None) -> Iterator[Callable[[bytes], Any]]:
    """Where the answer goes: a file, written aside, or standard output, block by block."""
    if path is None:
        yield to_stdout
        return
    from gibbsfactor.files import replacing

    with replacing(path) as file:
        if not path.endswith(".gz"):
            yield file.write
            return
        with gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed:
            yield packed.write
