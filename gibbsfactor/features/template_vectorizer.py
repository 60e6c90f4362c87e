"""Templates over coded columns to sparse matrices, without a loop over tokens.

`template_windows` numbers what the macros find around each token, `template_codes` makes one number
of those of a template, and `template_matrix` looks up the attributes and makes the matrix of them.

Letters: M tokens, A attributes, B attributes of pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress, pairwise
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.strings import Arrays, check_kind, pack_strings, stored, unpack_strings
from gibbsfactor.features.template_codes import NONE, Group
from gibbsfactor.features.template_matrix import Lookup, stack
from gibbsfactor.features.template_plan import Plan, plan_templates
from gibbsfactor.features.template_syntax import Syntax
from gibbsfactor.features.template_windows import Shape, Windows
from gibbsfactor.features.templates import BOS, EOS, Outside, Templates
from gibbsfactor.features.tokens import Matrix, Tokens
from gibbsfactor.features.vocabulary import check_min_freq


class _Found(NamedTuple):
    """What the templates' shapes find in some columns: the numbers of grams."""

    windows: Windows
    numbers: dict[tuple[int, Shape], NDArray[np.intp]]


class TemplateVectorizer:
    """Turn `Columns` into `Tokens` by feature templates.

    An attribute is a template's literals with the values that its macros found. Attributes not
    seen in training, and those dropped as rare, are absent from what `transform` gives.

    Two different lists of values make two attributes even where the joined strings would happen to
    be equal, as ``a/b`` + ``c`` and ``a`` + ``b/c`` are with a ``/`` between.

    B lines with macros give the attributes of pairs, `Tokens.edges`; the first token of a sequence
    has none.

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
        self._plan: Plan | None = None
        self._marks: tuple[str, ...] = ()
        self._tables: list[NDArray[np.int32]] = []

    @property
    def n_attributes(self) -> int:
        """A, the number of attributes."""
        return sum(len(group.codes) for group in self._fitted().states) + len(self._marks)

    @property
    def n_edge_attributes(self) -> int:
        """B, the number of attributes of pairs of tokens, from B lines with macros."""
        return sum(len(group.codes) for group in self._fitted().edges)

    def fit_transform(self, columns: Columns) -> Tokens:
        """Learn the attributes of training data, and give that data's tokens."""
        self._check(columns)
        if not columns.n_tokens:
            raise ValueError("there are no tokens to learn attributes from; give one at least")
        plan = plan_templates(self.templates)
        windows = Windows(self.templates, columns, plan.readings, learn=True)
        shapes = [plan.shapes(grams) for grams in plan.grams]
        values = [[windows.read(shape) for shape in some] for some in shapes]
        found = _Found(windows, {})
        for g, (grams, some) in enumerate(zip(plan.grams, shapes, strict=True)):
            numbers = grams.fit(values[g], list(map(windows.rows_of, some)))
            found.numbers.update({(id(grams), s): n for s, n in zip(some, numbers, strict=True)})
        del values
        for group in plan.groups:
            lookups = _members(group, found, NO_TABLE, pairs=group in plan.edges)
            group.fit((one.numbers[one.rows + one.shift] for one in lookups), self.min_freq)
        self._plan, self._tables = plan, []
        marks = (BOS, EOS) if self.templates.marks else ()
        self._marks = marks if len(windows.firsts) >= self.min_freq else ()
        tokens = self._tokens(found)
        for grams in plan.grams:
            grams.keep(group.codes for group in plan.groups if group.grams is grams)
        self._tables = []
        return tokens

    def transform(self, columns: Columns) -> Tokens:
        """The tokens of new data, over the attributes learnt."""
        plan = self._fitted()
        self._check(columns)
        windows = Windows(self.templates, columns, plan.readings, learn=False)
        found = _Found(windows, {})
        for grams in plan.grams:
            for shape in plan.shapes(grams):
                numbers = grams.find(windows.read(shape), windows.rows_of(shape))
                found.numbers[id(grams), shape] = numbers
        return self._tokens(found)

    def attribute_names(self) -> list[str]:
        """The A attributes as CRF++ and CRFsuite would write them, in order."""
        return [*(name for group in self._fitted().states for name in group.names()), *self._marks]

    def edge_names(self) -> list[str]:
        """The B attributes of pairs, in order, such as ``B01:the``."""
        return [name for group in self._fitted().edges for name in group.names()]

    def only(self, kept: NDArray[np.bool_]) -> TemplateVectorizer:
        """The same without some of the attributes, of each of which is told if it stays."""
        plan, arrays = self._fitted(), self.to_arrays()
        sizes = np.array([len(group.codes) for group in plan.states])
        parts = np.split(kept[: sizes.sum()], np.cumsum(sizes)[:-1])
        codes = [group.codes[part] for group, part in zip(plan.states, parts, strict=True)]
        codes += [group.codes for group in plan.edges]
        arrays["codes"] = np.concatenate([NONE, *codes])
        arrays["group_sizes"] = np.array(list(map(len, codes)), np.int64)
        marks = compress(self._marks, kept[sizes.sum() :].tolist())
        texts = (self.templates.source, self.templates.name, *marks)
        arrays["texts"], arrays["text_offsets"] = pack_strings(texts)
        return TemplateVectorizer.from_arrays(arrays)

    def to_arrays(self) -> Arrays:
        """All that `transform` needs, as plain numpy arrays by name."""
        plan, templates = self._fitted(), self.templates
        texts = (templates.source, templates.name, *self._marks)
        strings = [string for alphabet in plan.alphabets for string in alphabet]
        arrays: Arrays = {
            "kind": np.array(self.kind),
            "min_freq": np.array(self.min_freq),
            "syntax": np.array(templates.syntax),
            "outside": np.array(templates.outside),
            "marks": np.array(templates.marks),
            "codes": np.concatenate([NONE, *(group.codes for group in plan.groups)]),
            "group_sizes": np.array([len(group.codes) for group in plan.groups], np.int64),
            "alphabet_sizes": np.array(list(map(len, plan.alphabets)), np.int64),
        }
        arrays["texts"], arrays["text_offsets"] = pack_strings(texts)
        arrays["strings"], arrays["string_offsets"] = pack_strings(strings)
        for g, grams in enumerate(plan.grams):
            for j, ranks in grams.ranks.items():
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
            syntax=cast(Syntax, str(stored(arrays, "syntax"))),
            outside=cast(Outside, str(stored(arrays, "outside"))),
            marks=bool(stored(arrays, "marks")),
            name=name,
        )
        self = cls(templates, int(stored(arrays, "min_freq")))
        plan = plan_templates(templates)
        strings = unpack_strings(stored(arrays, "strings"), stored(arrays, "string_offsets"))
        parts = _cut(strings, stored(arrays, "alphabet_sizes"), len(plan.alphabets), "alphabets")
        for a, (alphabet, part) in enumerate(zip(plan.alphabets, parts, strict=True)):
            alphabet.learn(part)
            if len(alphabet) != len(part):
                raise ValueError(f"alphabet {a} has a string twice; the arrays are damaged")
        codes = stored(arrays, "codes").astype(np.int64)
        found = _cut(codes, stored(arrays, "group_sizes"), len(plan.groups), "groups")
        for group, part in zip(plan.groups, found, strict=True):
            group.codes = part
        for g, grams in enumerate(plan.grams):
            keys = ((j, f"ranks_{g}_{j}") for j in range(len(grams.alphabets)))
            grams.ranks = {j: arrays[key].astype(np.int64) for j, key in keys if key in arrays}
            grams.keep(group.codes for group in plan.groups if group.grams is grams)
        for g, group in enumerate(plan.groups):
            most = group.grams.limit
            if (np.diff(group.codes, prepend=-1, append=most) <= 0).any():
                raise ValueError(
                    f"group {g} has codes that do not rise from 0 to {most - 1} at most; "
                    "the arrays are damaged"
                )
        self._plan, self._marks = plan, tuple(marks)
        return self

    def _tokens(self, found: _Found) -> Tokens:
        """The matrices of the templates' attributes and the marks."""
        plan, windows = self._fitted(), found.windows
        tables = self._tables
        if not tables:
            for kind in (plan.states, plan.edges):
                first = 0
                for group in kind:
                    tables = [*tables, group.table(first)]
                    first += len(group.codes)
            self._tables = tables
        count = self.n_attributes - len(self._marks)
        where = {BOS: windows.firsts, EOS: windows.lasts}
        marks = [(where[mark], count + i) for i, mark in enumerate(self._marks)]
        split = len(plan.states)
        states = _matrix(plan.states, tables[:split], found, marks, pairs=False)
        edges = None
        if plan.edges:
            edges = _matrix(plan.edges, tables[split:], found, [], pairs=True)
        return Tokens(states, windows.columns.lengths, edges)

    def _fitted(self) -> Plan:
        if self._plan is None:
            raise ValueError(
                "this TemplateVectorizer has not learnt its attributes yet; call fit_transform"
            )
        return self._plan

    def _check(self, columns: Columns) -> None:
        if not isinstance(columns, Columns):
            raise TypeError(
                f"templates read Columns, but a {type(columns).__name__} was given; "
                "make them with read_conll or Columns.from_sentences"
            )
        self.templates.check_columns(columns.n_columns)


NO_TABLE = np.zeros(0, np.int32)


def _members(group: Group, found: _Found, table: NDArray[np.int32], *, pairs: bool) -> list[Lookup]:
    """What each member of a group finds at the tokens; nothing at first ones, if it is of pairs."""
    windows, lookups = found.windows, []
    tokens = np.arange(windows.columns.n_tokens)
    for shape, shift in group.members:
        rows = windows.cells if shape.near else tokens
        lookup = Lookup(found.numbers[id(group.grams), shape], rows, shift, table)
        if pairs:
            numbers = lookup.numbers[rows + shift]
            numbers[windows.firsts] = -1
            lookup = Lookup(numbers, tokens, 0, table)
        lookups.append(lookup)
    return lookups


def _matrix(
    groups: list[Group],
    tables: list[NDArray[np.int32]],
    found: _Found,
    marks: Sequence[tuple[NDArray[np.int64], int]],
    *,
    pairs: bool,
) -> Matrix:
    """The matrix of one kind of groups."""
    lookups = [
        lookup
        for group, table in zip(groups, tables, strict=True)
        for lookup in _members(group, found, table, pairs=pairs)
    ]
    return stack(
        found.windows.columns.n_tokens,
        sum(len(group.codes) for group in groups) + len(marks),
        lookups,
        marks,
        ordered=len(lookups) == len(groups),
    )


def _cut(things: Any, sizes: NDArray[Any], wanted: int, noun: str) -> list[Any]:
    """Stored things in so many parts."""
    ends = [0, *np.cumsum(sizes.astype(np.int64)).tolist()]
    if len(sizes) != wanted or ends[-1] != len(things) or (sizes.astype(np.int64) < 0).any():
        raise ValueError(
            f"{len(things)} stored things in {len(sizes)} {noun} of {ends[-1]} in all do not fit "
            f"the {wanted} {noun} of the templates; the arrays are damaged"
        )
    return [things[begin:end] for begin, end in pairwise(ends)]
