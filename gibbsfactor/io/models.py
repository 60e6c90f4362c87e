"""The table of model formats, and reading and writing by the suffix of a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor.gibbs import GibbsDistribution
    from gibbsfactor.io.network_parts import NanRows


@dataclass(frozen=True)
class Format:
    """A format of models.

    Attributes
    ----------
    name : what it is called
    suffixes : how its files are called; each may be followed by ``.gz``
    reader, writer : names of its functions in `gibbsfactor.io`
    has_networks : whether it is of Bayesian networks, whose reader takes the options for tables
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    writer: str
    has_networks: bool = True

    def read(self, path: str, **options: Any) -> GibbsDistribution:
        """Read a file."""
        from gibbsfactor import io

        model: GibbsDistribution = getattr(io, self.reader)(path, **options)
        return model

    def write(self, path: str, p: GibbsDistribution) -> None:
        """Write a file."""
        from gibbsfactor import io

        getattr(io, self.writer)(path, p)


FORMATS = (
    Format("UAI", (".uai",), "read_uai", "write_uai", has_networks=False),
    Format("BIF", (".bif",), "read_bif", "write_bif"),
    Format("XMLBIF", (".xmlbif", ".bifxml", ".xml"), "read_xmlbif", "write_xmlbif"),
    Format("Hugin NET", (".net",), "read_hugin", "write_hugin"),
    Format("GeNIe XDSL", (".xdsl",), "read_xdsl", "write_xdsl"),
    Format("libDAI", (".fg",), "read_libdai", "write_libdai", has_networks=False),
)
SUFFIXES = tuple(suffix for one in FORMATS for suffix in one.suffixes)


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format of a file by its suffix, capitals or not, ``.gz`` or not.

    Raises
    ------
    ValueError
        If the suffix is none that there is; the message lists them.

    Examples
    --------
    >>> format_of("Asia.NET.gz").name
    'Hugin NET'
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"a path is needed, whose suffix tells the format; got a {type(path).__name__}. "
            f"Open files can be read by {', '.join(one.reader for one in FORMATS)}"
        )
    name = os.fspath(path)
    for one in FORMATS:
        if name.lower().removesuffix(".gz").endswith(one.suffixes):
            return one
    raise ValueError(
        f"{name}: can't tell the format of the model from this name, which should end in "
        f"{', '.join(SUFFIXES)}, or one of these with .gz"
    )


def read_model(
    path: str | os.PathLike[str],
    *,
    normalize: bool = False,
    nan_rows: NanRows = "error",
    int_states: bool = False,
    encoding: str | None = None,
) -> GibbsDistribution:
    """Read a model by the suffix of its path, which may be followed by ``.gz``.

    ``.uai`` is read by `read_uai`, ``.bif`` by `read_bif`, ``.xmlbif``, ``.bifxml`` and ``.xml`` by
    `read_xmlbif`, ``.net`` by `read_hugin`, ``.xdsl`` by `read_xdsl`, ``.fg`` by `read_libdai`.
    Case does not matter. All but UAI and libDAI give a `BayesianNetwork`.

    Parameters
    ----------
    path
        The file.
    normalize, nan_rows
        What to do with rows that do not sum to one, and with rows of NaN, in the tables of a
        Bayesian network: see `read_bif`. Factors of a UAI or libDAI model are read as written.
    int_states
        Make the states of a variable integers where all of them are written as whole numbers, as
        those of a UAI or libDAI model always are.
    encoding
        The encoding of the file, where it has no byte order mark and is not in UTF-8. UAI and
        libDAI models are in ASCII, but for their comments.

    Raises
    ------
    ValueError
        If the suffix is none of these; the message lists them. If `normalize` or `nan_rows` is
        given for a UAI or libDAI model.
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
    found, name = format_of(path), os.fspath(path)
    if found.has_networks:
        return found.read(
            name, normalize=normalize, nan_rows=nan_rows, int_states=int_states, encoding=encoding
        )
    if normalize or nan_rows != "error":
        raise ValueError(
            f"{name}: the tables of a {found.name} model are factors, which are read as they are; "
            "normalize=True and nan_rows='uniform' are for Bayesian networks in other formats"
        )
    return found.read(name)


def write_model(path: str | os.PathLike[str], p: GibbsDistribution) -> None:
    """Write a model in the format of its path's suffix, as gzip where it ends in ``.gz``.

    The suffixes are those of `read_model`.

    Parameters
    ----------
    path
        The file, which is written aside and then renamed.
    p
        A `BayesianNetwork`; for UAI and libDAI any distribution.

    Raises
    ------
    ValueError
        If the suffix is none of these; the message lists them. If the format can't hold a name
        or a weight.
    TypeError
        If the format is one of Bayesian networks, and this is none.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from gibbsfactor import BayesianNetwork, ConditionalTable, Variable
    >>> coin = BayesianNetwork([ConditionalTable(Variable("coin", ["h", "t"]), [], [0.5, 0.5])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "coin.net")
    ...     write_model(path, coin)
    ...     read_model(path)
    BayesianNetwork of 1 variables ('coin') and 0 edges
    """
    format_of(path).write(os.fspath(path), p)
