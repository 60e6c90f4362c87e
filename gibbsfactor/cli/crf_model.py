"""Models as the commands load them, and what files of tokens they read."""

from __future__ import annotations

import atexit
import gc
import warnings

from gibbsfactor.errors import FormatError, listed
from gibbsfactor.features import Columns, Constraints, NamedTokens
from gibbsfactor.features.fixed_vectorizers import FixedVectorizer
from gibbsfactor.models.linear_chain_crf import LinearChainCRF

CRFSUITE = b"lCRF"  # how CRFsuite's models begin

# At its end the interpreter looks through all that numba and scipy have made, for a third of the
# time that a small file takes from start to end.
atexit.register(gc.freeze)


def load(path: str) -> LinearChainCRF:
    """A model of ours, or one of CRFsuite's.

    Raises
    ------
    FileNotFoundError, FormatError
        If there is no such file, or it is no such model.
    """
    if is_crfsuite(path):
        from gibbsfactor.io import from_crfsuite

        return from_crfsuite(path)
    return LinearChainCRF.load(path)


def is_crfsuite(path: str) -> bool:
    """Whether the file is a model that CRFsuite wrote, plain or gzip."""
    try:
        with open(path, "rb") as file:
            begin = file.read(4)
    except OSError:  # whoever reads it says what is wrong
        return False
    if begin.startswith(b"\x1f\x8b"):
        from gibbsfactor.io.text import read_unpacked

        begin = read_unpacked(path)[:4]
    return begin == CRFSUITE


def format_of(model: LinearChainCRF, path: str, given: str | None) -> str:
    """Which files a model reads: columns if it has templates, else features by name.

    Raises
    ------
    FormatError
        If another format was asked for, or the model reads none of the two.
    """
    by_templates = model.templates is not None
    fitting = "conll" if by_templates else "crfsuite"
    if isinstance(model.vectorizer_, FixedVectorizer):
        raise FormatError(
            f"{path} was made out of a hidden Markov model and reads its observations; use it from "
            "Python, with LinearChainCRF.load"
        )
    if not (by_templates or _by_name(model)):
        raise FormatError(
            f"{path} was trained on arrays in Python, which no file of tokens holds; use it from "
            "Python, with LinearChainCRF.load"
        )
    if given == "conllu" and by_templates:
        return given
    if given not in (None, fitting):
        expected = (
            "has templates and reads columns"
            if by_templates
            else "was trained on features without templates and reads CRFsuite's text"
        )
        raise FormatError(f"{path} {expected}: leave --format out, or give {fitting}")
    return fitting


def _by_name(model: LinearChainCRF) -> bool:
    """Whether the model was trained on features that have names."""
    vectorizer = model.vectorizer_
    if vectorizer.kind == "tokens":
        return not vectorizer.n_edge_attributes and "names" in vectorizer.to_arrays()
    return not model.n_dense_


def warn_of_unusable(model: LinearChainCRF, scheme: str | None) -> None:
    """Warn if the scheme lets no labelling have some of the labels, as a wrong one does.

    Raises
    ------
    ValueError
        If there is no such scheme, or a label does not follow it.
    """
    if scheme is None:
        return
    try:
        usable = Constraints.of_scheme(model.classes_, scheme).usable
    except TypeError as error:  # a label is no string
        raise ValueError(str(error)) from None
    never = [label for label, there in zip(model.classes_, usable, strict=True) if not there]
    if never:
        warnings.warn(
            f"no labelling that follows {scheme} has the model's "
            f"{'label' if len(never) == 1 else 'labels'} {listed(never)}; is it the right scheme?",
            stacklevel=2,
        )


def for_model(data: Columns | NamedTokens, model: LinearChainCRF) -> Columns | NamedTokens:
    """Data as the model reads them, with the columns that its templates derive."""
    if not isinstance(data, Columns):
        return data
    from gibbsfactor.cli.crf_templates import with_derived

    return with_derived(data, model.templates)
