"""Reading a model of any format, known by how its file is called."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.io.bif import read_bif
from gibbsfactor.io.uai import read_uai
from gibbsfactor.io.xmlbif import read_xmlbif

READERS: Mapping[str, Callable[[str], GibbsDistribution]] = MappingProxyType(
    {
        ".uai": read_uai,
        ".bif": read_bif,
        ".xmlbif": read_xmlbif,
        ".bifxml": read_xmlbif,
        ".xml": read_xmlbif,
    }
)
"""The reader of each suffix; each of them may be followed by ``.gz``."""


def read_model(path: str | os.PathLike[str]) -> GibbsDistribution:
    """Read a model by the suffix of its path: .uai, .bif, .xmlbif, .bifxml, .xml, or these + .gz.

    Capitals are as good as small letters. The readers are `read_uai`, `read_bif` and
    `read_xmlbif`; the last two give a `BayesianNetwork`.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    ValueError
        If the suffix is none of these; the message lists them.
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
            return reader(name)
    raise ValueError(
        f"{name}: can't tell the format of the model from this name, which should end in "
        f"{', '.join(READERS)}, or one of these with .gz"
    )
