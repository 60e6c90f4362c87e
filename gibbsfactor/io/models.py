"""Reading a model of any format, known by how its file is called."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.bif import read_bif
from gibbsfactor.io.network_parts import NanRows
from gibbsfactor.io.uai import read_uai
from gibbsfactor.io.xmlbif import read_xmlbif

READERS: Mapping[str, Callable[..., GibbsDistribution]] = MappingProxyType(
    {
        ".uai": read_uai,
        ".bif": read_bif,
        ".xmlbif": read_xmlbif,
        ".bifxml": read_xmlbif,
        ".xml": read_xmlbif,
    }
)
"""The reader of each suffix; each of them may be followed by ``.gz``."""


def read_model(
    path: str | os.PathLike[str],
    *,
    normalize: bool = False,
    nan_rows: NanRows = "error",
    int_states: bool = False,
    encoding: str | None = None,
) -> GibbsDistribution:
    """Read a model by the suffix of its path: .uai, .bif, .xmlbif, .bifxml, .xml, or these + .gz.

    Capitals are as good as small letters. The readers are `read_uai`, `read_bif` and
    `read_xmlbif`; the last two give a `BayesianNetwork`.

    Parameters
    ----------
    path
        The file.
    normalize, nan_rows
        What to do with rows that do not sum to one, and with rows of NaN, in the tables of a
        Bayesian network: see `read_bif`. A UAI model is read as it is written.
    int_states
        Make the states of a variable integers where all of them are written as whole numbers, as
        those of a UAI model always are.
    encoding
        The encoding of the file, where it has no byte order mark and is not in UTF-8. A UAI model
        is in ASCII, but for its comments.

    Raises
    ------
    ValueError
        If the suffix is none of these; the message lists them. If `normalize` or `nan_rows` is
        given for a UAI model.
    FileNotFoundError
        If there is no such file.
    FormatError
        If the file is not in the format of its suffix.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "coin.bif")
    ...     _ = path.write_text("variable coin { type discrete [ 2 ] { heads, tails }; } "
    ...                         "probability ( coin ) { table 0.5, 0.5; }")
    ...     read_model(path)
    BayesianNetwork of 1 variables ('coin') and 0 edges
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"a path is needed, whose suffix tells the format; got a {type(path).__name__}. "
            "Open files can be read by read_uai, read_bif and read_xmlbif"
        )
    name = os.fspath(path)
    for suffix, reader in READERS.items():
        if name.lower().removesuffix(".gz").endswith(suffix):
            if reader is not read_uai:
                return reader(
                    name,
                    normalize=normalize,
                    nan_rows=nan_rows,
                    int_states=int_states,
                    encoding=encoding,
                )
            if normalize or nan_rows != "error":
                raise ValueError(
                    f"{name}: the tables of a UAI model are factors, which are read as they are; "
                    "normalize=True and nan_rows='uniform' are for Bayesian networks in other "
                    "formats"
                )
            return read_uai(name)
    raise ValueError(
        f"{name}: can't tell the format of the model from this name, which should end in "
        f"{', '.join(READERS)}, or one of these with .gz"
    )
