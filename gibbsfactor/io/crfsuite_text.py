r"""CRFsuite's text format: one token a line, its label and then its attributes, parted by tabs.

    B-NP	w[0]=An	pos[0]=DT	length:2
    I-NP	w[0]=11\:30	pos[0]=CD	length:5

An attribute may carry a weight after a colon; a colon or backslash within a name is written ``\:``
or ``\\``. A blank line ends a sequence; ``@weight:2`` on a line of its own gives the weight of the
sequence that it is in.

Source: http://www.chokkan.org/software/crfsuite/manual.html, "Format of training/tagging data".

Letters: N sequences, M tokens, A attributes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gibbsfactor.errors import FormatError
from gibbsfactor.features.labels import check_labelled, listed_labels
from gibbsfactor.features.named_tokens import NamedTokens, flat_matrix
from gibbsfactor.features.sequences import as_sequences
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.features.vectorizers import vectorizer_for
from gibbsfactor.features.vocabulary import csr, entries_before
from gibbsfactor.io.crfsuite_fields import (
    END,
    Lines,
    attributes,
    labels,
    read_lines,
    sequence_weight,
)
from gibbsfactor.io.text import TextSource, read_utf8, source_name, unix_lines, write_text

_ESCAPED = str.maketrans({"\\": "\\\\", ":": "\\:"})


class CRFsuiteText(NamedTuple):
    """What a file in CRFsuite's text format holds.

    Attributes
    ----------
    tokens : N sequences, with the names of their attributes
    labels : for each sequence its labels
    weights : (N,) of the sequences; None if the file gives none
    """

    tokens: NamedTokens
    labels: list[list[str]]
    weights: NDArray[np.float64] | None


def read_crfsuite(path_or_file: TextSource, *, encoding: str | None = None) -> CRFsuiteText:
    r"""Read a file in CRFsuite's text format, plain or gzip.

    Attributes are numbered in the order in which they appear; a model matches those of another
    file by name. Weights of an attribute that a line repeats add up.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    encoding
        The encoding of bytes, such as "latin-1". Default: that of a byte order mark, else UTF-8.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If there is no token, a weight is no finite number, a field holds two colons that are not
        escaped, a label holds one, or a line declares with ``@`` something other than a weight;
        the message names the file and the line.

    Examples
    --------
    >>> import io
    >>> text = read_crfsuite(io.StringIO("N\tw=dogs\tlength:4\nV\tw=bark\n\nV\tw=run\n"))
    >>> text.tokens.dicts()
    [[{'w=dogs': 1.0, 'length': 4.0}, {'w=bark': 1.0}], [{'w=run': 1.0}]]
    >>> text.labels
    [['N', 'V'], ['V']]
    """
    name, data = source_name(path_or_file), read_utf8(path_or_file, encoding)
    lines = read_lines(name, unix_lines(name, data))
    known = labels(lines, np.unique(lines.codes[lines.first]))
    heads = np.flatnonzero(lines.first)  # where lines begin
    is_token = np.isin(lines.codes[heads], list(known))
    is_end = lines.codes == END
    blank = np.cumsum(np.append(False, is_end[1:] & is_end[:-1]))[heads]
    groups, lengths = np.unique(blank[is_token], return_counts=True)
    if not len(groups):
        raise FormatError(f"{name}: there is no token in it, expected one a line")
    weights = _sequence_weights(lines, heads[~is_token], blank[~is_token], groups)
    present = ~lines.first & ~is_end
    codes = lines.codes[present]
    names, positions, values = attributes(lines, np.flatnonzero(np.bincount(codes)))
    ends = np.append(entries_before(present)[heads[is_token]], len(codes))
    matrix = csr(values[codes], positions[codes], ends, (len(ends) - 1, len(names)))
    flat = list(map(known.__getitem__, lines.codes[heads[is_token]].tolist()))
    bounds = [0, *np.cumsum(lengths).tolist()]
    return CRFsuiteText(
        NamedTokens(Tokens(matrix, lengths), tuple(names)),
        [flat[begin:end] for begin, end in pairwise(bounds)],
        weights,
    )


def _sequence_weights(
    lines: Lines,
    heads: NDArray[np.int64],
    blank: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> NDArray[np.float64] | None:
    """The weights of sequences, from the places of declarations and the blank lines before."""
    if not len(heads):
        return None
    weights = np.ones(len(groups))
    for head, before in zip(heads.tolist(), blank.tolist(), strict=True):
        code = int(lines.codes[head])
        weight = sequence_weight(lines, code)
        n = int(np.searchsorted(groups, before))
        if lines.codes[head + 1] != END or n == len(groups) or groups[n] != before:
            line = np.count_nonzero(lines.codes[:head] == END)
            raise FormatError(
                f"{lines.name}, line {line}: {lines.fields[code]!r} must stand on a line of its "
                "own within a sequence; put it before the first token's line"
            )
        weights[n] = weight
    return weights


def write_crfsuite(
    path: str | os.PathLike[str],
    X: NamedTokens | Iterable[Iterable[Any]],
    y: Iterable[Iterable[str]],
    weights: Sequence[float] | NDArray[Any] | None = None,
) -> None:
    r"""Write sequences in CRFsuite's text format, which `read_crfsuite` and CRFsuite read.

    The file is written aside and then renamed; a path that ends in ``.gz`` makes it gzip.

    Parameters
    ----------
    path
        Where to.
    X
        `NamedTokens`; or sequences of feature dicts, or of lists of feature strings. None may be
        empty, since nothing would part it from the next.
    y
        For each sequence its labels.
    weights
        (N,) of the sequences, as ``@weight`` lines. Default: none.

    Raises
    ------
    TypeError, ValueError
        If something would not be read back as it is; nothing is written.

    Examples
    --------
    >>> import io
    >>> file = io.StringIO()
    >>> write_crfsuite(file, [[{"time": "11:30", "length": 5}]], [["CD"]])
    >>> file.getvalue()
    'CD\ttime\\:11\\:30\tlength:5.0\n'
    """
    named, y = _named(X), listed_labels(y)
    check_labelled(named, y)
    lengths = named.lengths.tolist()
    if not lengths or 0 in lengths:
        what = f"an empty sequence (sequence {lengths.index(0)})" if lengths else "no sequence"
        raise ValueError(f"CRFsuite's text format cannot hold {what}; drop it")
    rows = iter(_rows(named))
    written = {label: _label(label) for sequence in y for label in sequence}
    heads = [""] * len(y) if weights is None else _weight_lines(weights, len(y))
    write_text(
        path,
        "\n".join(
            head + "".join([f"{written[label]}{next(rows)}\n" for label in sequence])
            for head, sequence in zip(heads, y, strict=True)
        ),
    )


def _named(X: Any) -> NamedTokens:
    data = as_sequences(X)
    if isinstance(data, NamedTokens):
        return data
    if isinstance(data, Tokens):
        raise TypeError("Tokens have no names of attributes to write; give NamedTokens(X, names)")
    vectorizer = vectorizer_for(data)
    tokens = vectorizer.fit_transform(data)
    return NamedTokens(tokens, tuple(vectorizer.attribute_names()))


def _rows(named: NamedTokens) -> list[str]:
    """What follows the label, for each of the M tokens."""
    matrix = flat_matrix(named.tokens)
    names = [f"\t{_field(name)}" for name in named.names]
    ids = matrix.indices.tolist()
    if (matrix.data == 1).all() and "\t" not in names:
        fields = list(map(names.__getitem__, ids))
    else:
        fields = [
            names[a] if w == 1 and names[a] != "\t" else f"{names[a]}:{w!r}"
            for a, w in zip(ids, matrix.data.tolist(), strict=True)
        ]
    return ["".join(fields[begin:end]) for begin, end in pairwise(matrix.indptr.tolist())]


def _field(name: str) -> str:
    _check_characters(name, "attribute")
    return name.translate(_ESCAPED)


def _label(label: Any) -> str:
    if not isinstance(label, str):
        raise TypeError(
            f"the label {label!r} is a {type(label).__name__}; CRFsuite's are str: convert it"
        )
    if not label or label.startswith("@"):
        raise ValueError(
            f"the label {label!r} would not be read back: "
            + ("lines that begin with @ are declarations" if label else "it is empty")
            + "; rename it"
        )
    _check_characters(label, "label")
    return label.translate(_ESCAPED)


def _check_characters(string: str, noun: str) -> None:
    if re.search(r"[\t\r\n\ufeff\ud800-\udfff]", string):
        raise ValueError(
            f"the {noun} {string!r} would not be read back; take tabs, line breaks, byte order "
            "marks and lone surrogates out of it"
        )


def _weight_lines(given: Any, n_sequences: int) -> list[str]:
    weights = np.asarray(given)
    if weights.shape != (n_sequences,) or weights.dtype.kind not in "biuf":
        raise ValueError(
            f"weights have shape {weights.shape} and type {weights.dtype}; give one number for "
            f"each of the {n_sequences} sequences"
        )
    if not np.isfinite(weights).all():
        bad = int(np.argmin(np.isfinite(weights)))
        raise ValueError(f"the weight of sequence {bad} is {weights[bad]}; it must be finite")
    return [f"@weight:{float(weight)!r}\n" for weight in weights.tolist()]
