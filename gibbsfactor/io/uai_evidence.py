"""UAI evidence: observed states by number, of one sample or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gibbsfactor.errors import FormatError
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.text import TextSource, write_text
from gibbsfactor.io.uai_numbering import Numbering, pairs_text
from gibbsfactor.io.uai_words import Words
from gibbsfactor.variable import Assignment, State


def read_uai_evidence(
    path_or_file: TextSource, p: GibbsDistribution | None = None
) -> dict[str, State]:
    """Read the observed states from a UAI evidence file, plain or gzip.

    Both layouts are read: that since 2010, ``n v s v s ...`` with n observed variables, and the
    older one, with the number of samples before it.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    p
        The distribution that the numbers are of, to have its names and states; the file's
        numbers are then checked against it. Without one: {"x3": 1, ...}.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file, or holds several samples; those are for `read_uai_samples`.

    Examples
    --------
    >>> import io
    >>> read_uai_evidence(io.StringIO("2  10 1  5 0"))
    {'x10': 1, 'x5': 0}
    >>> read_uai_evidence(io.StringIO("1\\n2  10 1  5 0"))  # the older layout
    {'x10': 1, 'x5': 0}
    """
    words = Words(path_or_file)
    samples = _read_samples(words, p)
    if len(samples) != 1:
        raise FormatError(
            f"{words.name}: there are {len(samples)} samples of evidence, expected 1; "
            "read_uai_samples reads them all"
        )
    return samples[0]


def read_uai_samples(
    path_or_file: TextSource, p: GibbsDistribution | None = None
) -> list[dict[str, State]]:
    """As `read_uai_evidence`, for a file of any number of samples: the evidence of each.

    Where a file fits both layouts, it is read in that since 2010, as one sample.

    Examples
    --------
    >>> import io
    >>> read_uai_samples(io.StringIO("2   1  4 1   2  4 0  7 1"))
    [{'x4': 1}, {'x4': 0, 'x7': 1}]
    """
    return _read_samples(Words(path_or_file), p)


def write_uai_evidence(
    path_or_file: TextSource,
    evidence: Assignment | Sequence[Assignment],
    p: GibbsDistribution | None = None,
) -> None:
    """Write observed states as a UAI evidence file: one sample, or a sequence of them.

    One sample is written in the layout since 2010, a sequence in the older one, which alone has
    room for it.

    Parameters
    ----------
    path_or_file
        A path, written aside and then renamed, as gzip if it ends in ``.gz``; or an open file.
    evidence
        {name: state}, such as ``p.evidence``; or several.
    p
        The distribution that was or will be written by `write_uai`, whose order gives the
        numbers. Not needed where names are x0, x1, ... and states 0, 1, ...

    Raises
    ------
    ValueError
        If a name or a state has no number; or if samples would be read back as something else,
        as none at all would. Nothing is written.

    Examples
    --------
    >>> import io
    >>> file = io.StringIO()
    >>> write_uai_evidence(file, {"x10": 1, "x5": 0})
    >>> file.getvalue()
    '2 10 1 5 0\\n'
    """
    numbering = Numbering.of(p)
    if isinstance(evidence, Mapping):
        write_text(path_or_file, pairs_text(numbering.positions(evidence, "evidence")) + "\n")
        return
    samples = [numbering.positions(one, "evidence") for one in evidence]
    if len(samples) == 2 * sum(map(len, samples)):
        raise ValueError(
            f"{len(samples)} samples with {sum(map(len, samples))} observed states in all can't be "
            "told from one sample in a UAI evidence file; write each to a file of its own"
        )
    write_text(path_or_file, "\n".join([str(len(samples)), *map(pairs_text, samples), ""]))


def _read_samples(words: Words, p: GibbsDistribution | None) -> list[dict[str, State]]:
    """The number of words tells the layouts apart: one sample of n takes 1 + 2n of them."""
    numbering = Numbering.of(p)
    first = words.whole("the number of observed variables, or of samples")
    if len(words.words) == 1 + 2 * first:
        words.at = 0
        samples = [numbering.read_pairs(words, "observed")]
        words.end()
        return samples
    try:
        if first > words.left:
            raise words.error(0, "as many samples")
        samples = [numbering.read_pairs(words, "observed") for _ in range(first)]
        words.end()
    except FormatError as error:
        reason = str(error).removeprefix(words.name).removeprefix(", ").removeprefix(": ")
        raise words.error(
            0,
            f"{(len(words.words) - 1) // 2}, the number of pairs that follow, or the number of "
            f"samples (but read so, {reason})",
        ) from None
    return samples
