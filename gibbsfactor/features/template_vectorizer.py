"""Templates over coded columns to a sparse matrix, without a loop over tokens.

`template_windows` finds the macros' values around each token, `template_codes` makes one integer of
those of a template, and here the distinct integers become the columns of the matrix.

Letters: M tokens, A attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, compress
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.strings import Arrays, check_kind, pack_strings, stored, unpack_strings
from gibbsfactor.features.template_codes import Group, group_templates
from gibbsfactor.features.template_windows import Windows
from gibbsfactor.features.templates import BOS, EOS, Outside, Templates
from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.features.vocabulary import NameIndex, check_min_freq, csr, drop_rare

_Block: TypeAlias = tuple[NDArray[np.int64], int]
"""Rows of M positions among so many attributes, -1 for none; and how many attributes."""


class TemplateVectorizer:
    """Turn `Columns` into `Tokens` by feature templates.

    An attribute is a template's literals with the values that its macros found. Attributes not
    seen in training, and those dropped as rare, are absent from what `transform` gives.

    Two different lists of values make two attributes even where the joined strings would happen to
    be equal, as ``a/b`` + ``c`` and ``a`` + ``b/c`` are with a ``/`` between.

    Parameters
    ----------
    templates
        What to look at around each token.
    min_freq
        Attributes on fewer training tokens are dropped.

    Examples
    --------
    >>> columns = Columns.from_sentences([[("the",), ("dog",)], [("the",), ("cat",)]])
    >>> vectorizer = TemplateVectorizer(Templates.parse("U0:%x[0,0]\\nU1:%x[-1,0]/%x[0,0]"))
    >>> vectorizer.fit_transform(columns)
    Tokens(2 sequences, 4 tokens, 6 attributes, 8 weights)
    >>> vectorizer.attribute_names()
    ['U0:the', 'U0:dog', 'U0:cat', 'U1:_B-1/the', 'U1:the/dog', 'U1:the/cat']
    """

    kind: ClassVar[str] = "templates"

    def __init__(self, templates: Templates, min_freq: int = 0) -> None:
        if not isinstance(templates, Templates):
            raise TypeError(
                f"templates must be Templates, but a {type(templates).__name__} was given; "
                "make them with Templates.parse, Templates.from_file or Templates.chunking"
            )
        self.templates = templates
        self.min_freq = check_min_freq(min_freq)
        self._strings = NameIndex()
        self._groups: list[Group] | None = None
        self._marks: tuple[str, ...] = ()

    @property
    def n_attributes(self) -> int:
        """A, the number of attributes."""
        return sum(len(group.codes) for group in self._fitted()) + len(self._marks)

    def fit_transform(self, columns: Columns) -> Tokens:
        """Learn the attributes of training data, and give that data's tokens."""
        self._check(columns)
        if not columns.n_tokens:
            raise ValueError("there are no tokens to learn attributes from; give one at least")
        strings = NameIndex()
        windows = Windows(self.templates, columns, strings)
        strings.growing = False
        groups = group_templates(self.templates)
        marks = (BOS, EOS) if self.templates.marks else ()
        radix = len(strings)
        learnt = ((group.fit(windows.read(group), radix), len(group.codes)) for group in groups)
        matrix, kept = drop_rare(self._tokens(columns, learnt, marks), self.min_freq)
        end = 0
        for group in groups:
            begin, end = end, end + len(group.codes)
            group.codes = group.codes[kept[begin:end]]
        self._strings, self._groups = strings, groups
        self._marks = tuple(compress(marks, kept[end:]))
        return Tokens(matrix, columns.lengths)

    def transform(self, columns: Columns) -> Tokens:
        """The tokens of new data, over the attributes learnt."""
        groups = self._fitted()
        self._check(columns)
        windows = Windows(self.templates, columns, self._strings)
        found = ((group.find(windows.read(group)), len(group.codes)) for group in groups)
        return Tokens(self._tokens(columns, found, self._marks), columns.lengths)

    def attribute_names(self) -> list[str]:
        """The A attributes as CRF++ and CRFsuite would write them, in order."""
        strings = list(self._strings)
        names = [name for group in self._fitted() for name in group.names(strings)]
        return [*names, *self._marks]

    def to_arrays(self) -> Arrays:
        """All that `transform` needs, as plain numpy arrays by name."""
        groups = self._fitted()
        texts = (self.templates.source, self.templates.name, *self._marks)
        arrays: Arrays = {
            "kind": np.array(self.kind),
            "min_freq": np.array(self.min_freq),
            "outside": np.array(self.templates.outside),
            "marks": np.array(self.templates.marks),
            "codes": np.concatenate([np.zeros(0, np.int64), *(group.codes for group in groups)]),
            "group_sizes": np.array([len(group.codes) for group in groups], np.int64),
        }
        arrays["texts"], arrays["text_offsets"] = pack_strings(texts)
        arrays["strings"], arrays["string_offsets"] = pack_strings(self._strings)
        for g, group in enumerate(groups):
            for j, ranks in group.ranks.items():
                arrays[f"ranks_{g}_{j}"] = ranks
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> TemplateVectorizer:
        """The vectoriser that `to_arrays` stored."""
        check_kind(arrays, cls.kind)
        source, name, *marks = unpack_strings(
            stored(arrays, "texts"), stored(arrays, "text_offsets")
        )
        templates = Templates.parse(
            source,
            outside=cast(Outside, str(stored(arrays, "outside"))),
            marks=bool(stored(arrays, "marks")),
            name=name,
        )
        self = cls(templates, int(stored(arrays, "min_freq")))
        strings = unpack_strings(stored(arrays, "strings"), stored(arrays, "string_offsets"))
        self._strings = NameIndex(zip(strings, range(len(strings)), strict=True))
        self._strings.growing = False
        self._marks, self._groups = tuple(marks), group_templates(templates)
        codes, sizes = stored(arrays, "codes"), stored(arrays, "group_sizes").astype(np.int64)
        if len(sizes) != len(self._groups) or sizes.sum() != len(codes):
            raise ValueError(
                f"{len(codes)} stored codes in {len(sizes)} groups of {sizes.sum()} in all do not "
                f"fit the {len(self._groups)} groups of the templates; the arrays are damaged"
            )
        for g, (group, end) in enumerate(zip(self._groups, np.cumsum(sizes), strict=True)):
            group.radix = len(strings)
            group.codes = codes[end - sizes[g] : end].astype(np.int64)
            keys = ((j, f"ranks_{g}_{j}") for j in range(group.order))
            group.ranks = {j: arrays[key].astype(np.int64) for j, key in keys if key in arrays}
        return self

    def _tokens(self, columns: Columns, found: Iterable[_Block], marks: Sequence[str]) -> Matrix:
        """The matrix of the templates' attributes and then the marks."""
        marked = ((_mark(columns, mark), 1) for mark in marks)
        width = len(self.templates.templates) + len(marks)
        return _stack(columns.n_tokens, width, chain(found, marked))

    def _fitted(self) -> list[Group]:
        if self._groups is None:
            raise ValueError(
                "this TemplateVectorizer has not learnt its attributes yet; call fit_transform"
            )
        return self._groups

    def _check(self, columns: Columns) -> None:
        if not isinstance(columns, Columns):
            raise TypeError(
                f"templates read Columns, but a {type(columns).__name__} was given; "
                "make them with read_conll or Columns.from_sentences"
            )
        self.templates.check_columns(columns.n_columns)


def _mark(columns: Columns, mark: str) -> NDArray[np.int64]:
    """A (1, M) row: 0 at the tokens that have the mark, else -1."""
    lengths = columns.lengths[columns.lengths > 0]
    ends = np.cumsum(lengths)
    row = np.full((1, columns.n_tokens), -1)
    row[0, ends - lengths if mark == BOS else ends - 1] = 0
    return row


def _stack(n_tokens: int, width: int, blocks: Iterable[_Block]) -> Matrix:
    """The CSR matrix of blocks of attributes side by side, from `width` rows in all."""
    ids = np.empty((n_tokens, width), np.int32)
    base = filled = 0
    for rows, size in blocks:
        for row in rows:
            ids[:, filled] = np.where(row < 0, -1, row + base)
            filled += 1
        base += size
    present = ids >= 0
    indptr = np.zeros(n_tokens + 1, np.int64)
    np.cumsum(np.count_nonzero(present, axis=1), out=indptr[1:])
    indices = ids[present]
    return csr(np.ones(len(indices)), indices, indptr, (n_tokens, base))
