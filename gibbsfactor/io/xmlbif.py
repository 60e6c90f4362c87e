"""XMLBIF, the XML form of the Interchange Format for Bayesian networks, up to version 0.3."""

from __future__ import annotations

import numpy as np

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.io.network_parts import (
    NanRows,
    RowRules,
    check_network,
    look_up,
    make_network,
    make_table,
    make_variable,
    number_of,
    number_of_rows,
    state_names,
)
from gibbsfactor.io.text import TextSource, write_text
from gibbsfactor.io.xml_parts import BLANKS, UNSAYABLE, Text, escaped
from gibbsfactor.io.xmlbif_events import Definition, Document
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.tables import FloatArray
from gibbsfactor.variable import Variable

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<BIF VERSION="0.3">
<NETWORK>
<NAME>unknown</NAME>"""


def read_xmlbif(
    path_or_file: TextSource,
    *,
    normalize: bool = False,
    nan_rows: NanRows = "error",
    int_states: bool = False,
    encoding: str | None = None,
) -> BayesianNetwork:
    r"""Read a Bayesian network in XMLBIF 0.3 or older, plain or gzip.

    In the ``TABLE`` of a ``DEFINITION`` the child's states run fastest, then those of the last
    ``GIVEN``. Before version 0.3 a table is in a ``PROBABILITY``, and a state is a ``VALUE``; there
    the child's states run slowest, those of the last ``GIVEN`` fastest, as in BIF. White space
    around names is not part of them; names stay strings. Properties and comments are passed over.
    Entities of the file's own are refused, so that a small file can't become a huge one.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    normalize, nan_rows, int_states
        As for `read_bif`.
    encoding
        The encoding of bytes, such as "latin-1" or "cp1252". Default: what a byte order mark says,
        else what the file declares, UTF-8 if nothing. A file that declares UTF-16 in plain ASCII
        is in UTF-8, and so is one that declares Latin-1 or Windows-1252 where all of it is UTF-8.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file: the message names the file and the line, what was found and
        what was expected. So it is where a variable is a decision or a utility.

    Notes
    -----
    Source: the XMLBIF format, version 0.3 (F. Cozman, 1998); for those before it, what JavaBayes
    writes as version 0.2.

    Examples
    --------
    >>> import io
    >>> p = read_xmlbif(io.StringIO('''<BIF VERSION="0.3"><NETWORK><NAME>example</NAME>
    ... <VARIABLE><NAME>age</NAME><OUTCOME>&lt;5</OUTCOME><OUTCOME>5+</OUTCOME></VARIABLE>
    ... <VARIABLE><NAME>tea</NAME><OUTCOME>yes</OUTCOME><OUTCOME>no</OUTCOME></VARIABLE>
    ... <DEFINITION><FOR>age</FOR><TABLE>0.25 0.75</TABLE></DEFINITION>
    ... <DEFINITION><FOR>tea</FOR><GIVEN>age</GIVEN>
    ...   <TABLE> 0.1 0.9 <!-- <5 --> 0.6 0.4 </TABLE></DEFINITION>
    ... </NETWORK></BIF>'''))
    >>> p.tables["tea"]
    P(tea | age)
    age  yes   no
    <5   0.1  0.9
    5+   0.6  0.4
    """
    rules = RowRules(normalize, nan_rows)
    document = Document.read(path_or_file, encoding)
    variables: dict[str, Variable] = {}
    for given in document.variables:
        name, line = given.name
        if name in variables:
            raise document.error(line, f"found variable {name!r} a second time, expected it once")
        states = [text for text, _ in given.outcomes]
        variables[name] = make_variable(name, states, line, document.error, int_states=int_states)
    tables: dict[str, ConditionalTable] = {}
    for definition in document.definitions:
        child, line = definition.child
        if child in tables:
            raise document.error(
                line, f"found the table of {child!r} a second time, expected one for each variable"
            )
        tables[child] = _table(definition, variables, document, rules)
    return make_network(document.name, variables, tables)


def write_xmlbif(path_or_file: TextSource, p: BayesianNetwork) -> None:
    r"""Write a Bayesian network in XMLBIF 0.3, so that `read_xmlbif` reads it back bit for bit.

    Parameters
    ----------
    path_or_file
        A path, which is written aside and then renamed, and as gzip if it ends in ``.gz``; or an
        open file.
    p
        The network. States that are not strings are written as their ``str``, and are strings
        when read back.

    Raises
    ------
    ValueError
        If a name begins or ends with white space, is empty or holds a character that XML has no
        place for, or two states are the same as strings. Nothing is written.

    Examples
    --------
    >>> import io
    >>> coin = Variable("coin", ["heads", "tails & edge"])
    >>> file = io.StringIO()
    >>> write_xmlbif(file, BayesianNetwork([ConditionalTable(coin, [], [0.5, 0.5])]))
    >>> print(file.getvalue().partition("<NAME>unknown</NAME>\n")[2])
    <VARIABLE TYPE="nature">
      <NAME>coin</NAME>
      <OUTCOME>heads</OUTCOME>
      <OUTCOME>tails &amp; edge</OUTCOME>
    </VARIABLE>
    <DEFINITION>
      <FOR>coin</FOR>
      <TABLE>
    0.5 0.5
      </TABLE>
    </DEFINITION>
    </NETWORK>
    </BIF>
    <BLANKLINE>
    """
    network = check_network(p)
    lines = [_HEAD]
    for v in network.variables:
        lines += ['<VARIABLE TYPE="nature">', _element("NAME", v.name)]
        lines += [_element("OUTCOME", state) for state in state_names(v)]
        lines.append("</VARIABLE>")
    for table in network.tables.values():
        lines += ["<DEFINITION>", _element("FOR", table.child.name)]
        lines += [_element("GIVEN", v.name) for v in table.parents]
        rows = table.values.reshape(-1, table.child.cardinality).tolist()
        lines += ["  <TABLE>", *(" ".join(map(repr, row)) for row in rows), "  </TABLE>"]
        lines.append("</DEFINITION>")
    write_text(path_or_file, "\n".join([*lines, "</NETWORK>", "</BIF>", ""]))


def _element(tag: str, name: str) -> str:
    if not name or name != name.strip(BLANKS) or UNSAYABLE.search(name):
        raise ValueError(
            f"the name {name!r} can't be written as XMLBIF, where a name is not empty, does not "
            "begin or end with white space and has no control characters; rename it"
        )
    return f"  <{tag}>{escaped(name)}</{tag}>"


def _table(
    definition: Definition,
    variables: dict[str, Variable],
    document: Document,
    rules: RowRules,
) -> ConditionalTable:
    child, parents = look_up(variables, [definition.child, *definition.parents], document.error)
    n, k = number_of_rows(parents), child.cardinality
    if definition.table is None:
        raise document.error(
            definition.line, f"found no <TABLE> of {child.name!r}, expected {n * k} numbers"
        )
    text = definition.table
    numbers = _numbers(text, document)
    if len(numbers) != n * k:
        raise document.error(
            text.line,
            f"found {len(numbers)} numbers in the table of {child.name!r}, expected {n * k}",
        )
    slowest = definition.child_slowest
    rows: FloatArray = (
        np.array(numbers).reshape((k, n)).T if slowest else np.reshape(numbers, (n, k))
    )
    return make_table(
        child,
        parents,
        rows,
        lambda row: text.line_of_word(row if slowest else row * k),
        document.error,
        rules,
    )


def _numbers(text: Text, document: Document) -> list[float]:
    numbers = []
    for n, word in enumerate(text.whole().split()):
        try:
            numbers.append(number_of(word))
        except ValueError:
            line = text.line_of_word(n)
            raise document.error(
                line, f"found {word[:40]!r} in a <TABLE>, expected a number"
            ) from None
    return numbers
