"""Feature templates, CRF++'s or Wapiti's: which strings around a token become its attributes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from gibbsfactor.errors import FormatError
from gibbsfactor.features.template_macros import Template as Template
from gibbsfactor.features.template_sets import CHUNKING, part_of_speech_text
from gibbsfactor.features.template_syntax import Syntax, detect_syntax, parse_lines

Outside: TypeAlias = Literal["value", "omit"]

BOS, EOS = "__BOS__", "__EOS__"


@dataclass(frozen=True)
class Templates:
    """A set of feature templates.

    Made by `parse`, `from_file`, `chunking` or `part_of_speech`; templates without a U line give
    no attributes but the marks.

    Parameters
    ----------
    templates
        The U lines, in order.
    transitions
        Whether there is a B line without a macro: the model also weighs pairs of adjacent labels.
        Several such lines are one.
    source
        The text they were parsed from.
    outside
        What a macro finds beyond the ends of the sentence. ``"value"``, CRF++'s way: the strings
        ``_B-1``, ``_B-2``, ... before the first token and ``_B+1``, ``_B+2``, ... after the last.
        ``"omit"``, CRFsuite's way: the token goes without that attribute. Wapiti's strings are
        ``_x-1`` to ``_x-4``, ``_x-#`` from there on, and ``_x+1`` and so forth.
    marks
        Whether the first token also has the attribute ``__BOS__`` and the last ``__EOS__``.
    name
        The file's name in errors.
    edges
        The B lines with macros, in order: their attributes weigh the pair of a token's label and
        the one before it, so that the first token of a sentence has none.
    syntax
        Whose rules the source follows.

    Examples
    --------
    >>> templates = Templates.parse("U00:%x[0,0]\\nU01:%x[-1,0]/%x[0,0]\\nB\\n")
    >>> templates
    Templates(2 templates over 1 column, transitions, outside='value', marks=False)
    >>> Templates.parse(templates.source) == templates
    True
    """

    templates: tuple[Template, ...]
    transitions: bool
    source: str = field(repr=False, compare=False)
    outside: Outside = "value"
    marks: bool = False
    name: str = field(default="<templates>", compare=False)
    edges: tuple[Template, ...] = ()
    syntax: Syntax = "crf++"

    def __post_init__(self) -> None:
        if self.outside not in get_args(Outside):
            raise ValueError(f"outside must be 'value' or 'omit', but is {self.outside!r}")

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        syntax: Syntax | None = None,
        outside: Outside = "value",
        marks: bool = False,
        name: str = "<templates>",
    ) -> Templates:
        r"""Parse the text of a template file.

        In CRF++'s syntax a line is a template ``U...`` of one label, a template ``B...`` of a pair
        of labels, a comment ``#...`` or blank; ``%x[offset,column]`` stands for a string of the
        data. White space at a line's end does not count.

        In Wapiti's, a line begins with ``u``, ``b``, or ``*`` for both, in small or capital
        letters; a ``#`` begins a comment wherever it stands. ``%t[offset,column,"regexp"]`` is
        ``true`` or ``false``, whether the expression is found in the string, and
        ``%m[offset,column,"regexp"]`` the part it matches; ``%X %T %M`` fold capitals.
        ``%x[@1,0]`` is the sentence's first token, ``%x[@-1,0]`` its last, and ``%x[*2,0]`` looks
        as many tokens away as the number in column 2 says.

        Parameters
        ----------
        text
            The file's text.
        syntax
            ``"crf++"`` or ``"wapiti"``. By default Wapiti's if some line outside the comments
            begins with ``u``, ``b`` or ``*`` or has a macro that CRF++ lacks, else CRF++'s.
        outside, marks, name
            As in `Templates`.

        Raises
        ------
        FormatError
            Naming the line, what was found there and what was expected.

        Examples
        --------
        >>> Templates.parse("U00:%x[0,0]\nB01:%x[0,0]\nB")
        Templates(1 template over 1 column, 1 of pairs, transitions, outside='value', marks=False)
        >>> templates = Templates.parse('*:suffix=%m[0,0,"..$"]')
        >>> templates.syntax, templates.templates == templates.edges
        ('wapiti', True)
        """
        if syntax is not None and syntax not in get_args(Syntax):
            raise ValueError(f"syntax must be 'crf++', 'wapiti' or None, but is {syntax!r}")
        syntax = syntax or detect_syntax(text)
        lines = parse_lines(text, name, syntax)
        return cls(lines.states, lines.transitions, text, outside, marks, name, lines.edges, syntax)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        syntax: Syntax | None = None,
        outside: Outside = "value",
        marks: bool = False,
    ) -> Templates:
        """Parse a template file in UTF-8, as `parse` does its text.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FormatError
            As `parse`, or if the text is not UTF-8.
        """
        name = os.fspath(path)
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{name}: no such file; check the path, and the folder it starts from"
            ) from None
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise FormatError(
                f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; "
                "save the file as UTF-8"
            ) from None
        return cls.parse(text, syntax=syntax, outside=outside, marks=marks, name=name)

    @classmethod
    def chunking(cls) -> Templates:
        """The 19 templates customary for CoNLL-2000 chunking, over the columns word and POS.

        Words from -2 to 2, the two pairs of words with the token's own; parts of speech from -2
        to 2, their 4 pairs and 3 triples. Outside is omitted; both ends are marked.

        Examples
        --------
        >>> Templates.chunking()
        Templates(19 templates over 2 columns, transitions, outside='omit', marks=True)
        """
        return cls.parse(CHUNKING, outside="omit", marks=True, name="Templates.chunking()")

    @classmethod
    def part_of_speech(cls, word: int = 0, derived: int = 1) -> Templates:
        """Templates for parts of speech, over a word and what `with_affixes_and_shape` makes of it.

        The words from -2 to 2, and pairs of them in small letters; prefixes and suffixes of 1 to 4
        characters; shape, case and digits; the neighbours' suffixes and shapes. Outside is
        omitted; both ends are marked.

        Parameters
        ----------
        word
            The column of the words.
        derived
            The first of the columns that `with_affixes_and_shape` added.

        Examples
        --------
        >>> from gibbsfactor.features import Columns, TemplateVectorizer
        >>> from gibbsfactor.features.derived_columns import with_affixes_and_shape
        >>> columns = with_affixes_and_shape(Columns.from_sentences([[("Dogs",), ("bark",)]]))
        >>> vectorizer = TemplateVectorizer(Templates.part_of_speech())
        >>> vectorizer.fit_transform(columns)
        Tokens(1 sequences, 2 tokens, 39 attributes, 40 weights)
        """
        text = part_of_speech_text(word, derived)
        return cls.parse(text, outside="omit", marks=True, name="Templates.part_of_speech()")

    @property
    def n_columns(self) -> int:
        """How many columns the data needs at least: one more than the highest column named."""
        return 1 + max((c for *_, c in self._columns()), default=-1)

    def check_columns(self, n_columns: int) -> None:
        """Raise ValueError, naming the line, if a macro asks for a column the data lacks."""
        for template, j, column in self._columns():
            if column >= n_columns:
                raise ValueError(
                    f"{self.name}, line {template.line}: found {template.macro(j)}, column "
                    f"{column}, but the data has {n_columns} (0 to {n_columns - 1}); "
                    "columns count from 0, and the label column may have been dropped"
                )

    def _columns(self) -> Iterator[tuple[Template, int, int]]:
        """Each template, its macro j, and a column that this one reads."""
        for template in (*self.templates, *self.edges):
            for j in range(len(template.macros)):
                for column in template.columns(j):
                    yield template, j, column

    def __repr__(self) -> str:
        what = [
            f"{len(self.templates)} template{'s' * (len(self.templates) != 1)} over "
            f"{self.n_columns} column{'s' * (self.n_columns != 1)}",
            *([f"{len(self.edges)} of pairs"] if self.edges else []),
            "transitions" if self.transitions else "no transitions",
            *([f"syntax={self.syntax!r}"] if self.syntax != "crf++" else []),
        ]
        return f"Templates({', '.join(what)}, outside={self.outside!r}, marks={self.marks})"
