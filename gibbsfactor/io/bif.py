"""BIF, the Interchange Format for Bayesian networks."""

from __future__ import annotations

from itertools import product

from gibbsfactor.io.bif_blocks import Block, read_block, tables_of
from gibbsfactor.io.bif_scanner import Scanner, quoted
from gibbsfactor.io.network_parts import (
    NanRows,
    RowRules,
    check_network,
    make_network,
    make_variable,
    state_names,
)
from gibbsfactor.io.text import TextSource, write_text
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import Variable


def read_bif(
    path_or_file: TextSource,
    *,
    normalize: bool = False,
    nan_rows: NanRows = "error",
    int_states: bool = False,
    encoding: str | None = None,
) -> BayesianNetwork:
    r"""Read a Bayesian network in BIF, plain or gzip.

    Names of variables and states are runs of any characters but blanks and ``{}()[],;|``, such
    as ``<5`` and ``12+``, or anything within quotes; they stay strings. Properties and comments
    of both kinds, ``//`` and ``/* */``, are skipped. Commas and blanks both separate names. Where
    splitting at blanks gives too many names and splitting at commas gives the expected number, as
    in ``discrete [ 2 ] { very good, bad }``, names contain blanks. Such names may also contain
    pairs of ``()[]``, as in ``Age (years)`` and ``(5,12]``.

    Within a ``probability ( child | parents )`` block there are rows ``(state, ...) p, p, ...;``
    in any order, one for each joint state of the parents, in the block's order of them; rows that
    are not given are those of ``default p, p, ...;`` if it is there. Or the block has one
    ``table p, p, ...;``, in which, as the format has it, the last parent's states run fastest
    and the child's slowest.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    normalize
        Divide each row of a table by its sum: for files rounded to a few digits. Sums that
        rounding to two digits does not explain are warned of; a row of zeros stays an error.
        Default: a sum that is off one by more than 1e-6 for each state of the child is an error,
        as in `ConditionalTable`.
    nan_rows
        What a row of NaN (or NA) is, which bnlearn and others write for states of the parents
        that their data do not have: "error", or "uniform" for the uniform distribution, as
        `BayesianNetwork.fit` has it. A row that is NaN only in part is always an error.
    int_states
        Make the states of a variable integers where all of them are written as whole numbers
        (such as 0, 1, -3, but not 01). Default: states are strings.
    encoding
        The encoding of bytes, such as "latin-1" or "cp1252". Default: that of a byte
        order mark, else UTF-8.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file: the message names the file and the line, what was found and
        what was expected. So it is where a row is missing or given twice.

    Notes
    -----
    Source: the Interchange Format for Bayesian Networks, version 0.15 (F. Cozman, 1998).

    Examples
    --------
    >>> import io
    >>> p = read_bif(io.StringIO('''
    ... network example { }
    ... variable age { type discrete [ 3 ] { <5, 5-12, 12+ }; }
    ... variable "likes tea" { type discrete [ 2 ] { yes, no }; }
    ... probability ( age ) { table 0.25, 0.25, 0.5; }
    ... probability ( "likes tea" | age ) {
    ...   (12+) 0.6, 0.4;    // rows come in any order
    ...   default 0.1, 0.9;  // those of <5 and 5-12
    ... }
    ... '''))
    >>> p.tables["likes tea"]
    P(likes tea | age)
    age   yes   no
    <5    0.1  0.9
    5-12  0.1  0.9
    12+   0.6  0.4
    """
    rules = RowRules(normalize, nan_rows)
    scanner = Scanner(path_or_file, encoding)
    variables: dict[str, Variable] = {}
    blocks: list[Block] = []
    any_block = False
    while scanner.skip():
        at = scanner.at
        kind = scanner.name_or_mark("a block")
        if kind == "network":
            _pass_network(scanner)
        elif kind == "variable":
            _read_variable(scanner, variables, int_states)
        elif kind == "probability":
            blocks.append(read_block(scanner))
        else:
            scanner.at = at
            raise scanner.unexpected("'network', 'variable' or 'probability'")
        any_block = True
    if not any_block:
        raise scanner.unexpected("'network', 'variable' or 'probability'")
    tables = tables_of(blocks, variables, scanner, rules)
    return make_network(scanner.name, variables, tables)


def write_bif(path_or_file: TextSource, p: BayesianNetwork) -> None:
    r"""Write a Bayesian network in BIF, so that `read_bif` reads it back bit for bit.

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
        If a name holds a line break, or two states are the same as strings. Nothing is written.

    Examples
    --------
    >>> import io
    >>> from gibbsfactor import ConditionalTable
    >>> rain, grass = Variable("rain", ["no", "yes"]), Variable("grass", ["dry", "very wet"])
    >>> file = io.StringIO()
    >>> write_bif(file, BayesianNetwork([
    ...     ConditionalTable(rain, [], [0.7, 0.3]),
    ...     ConditionalTable(grass, [rain], [[0.9, 0.1], [0.2, 0.8]]),
    ... ]))
    >>> print(file.getvalue())
    network unknown {
    }
    variable rain {
      type discrete [ 2 ] { no, yes };
    }
    variable grass {
      type discrete [ 2 ] { dry, "very wet" };
    }
    probability ( rain ) {
      table 0.7, 0.3;
    }
    probability ( grass | rain ) {
      (no) 0.9, 0.1;
      (yes) 0.2, 0.8;
    }
    <BLANKLINE>
    """
    network = check_network(p)
    names = {v.name: quoted(v.name) for v in network.variables}
    states = {v.name: [quoted(s) for s in state_names(v)] for v in network.variables}
    lines = ["network unknown {", "}"]
    for v in network.variables:
        lines += [
            f"variable {names[v.name]} {{",
            f"  type discrete [ {v.cardinality} ] {{ {', '.join(states[v.name])} }};",
            "}",
        ]
    for table in network.tables.values():
        above = [v.name for v in table.parents]
        given = f" | {', '.join(names[u] for u in above)}" if above else ""
        lines.append(f"probability ( {names[table.child.name]}{given} ) {{")
        rows = table.values.reshape(-1, table.child.cardinality).tolist()
        for joint, row in zip(product(*(states[u] for u in above)), rows, strict=True):
            label = f"({', '.join(joint)})" if above else "table"
            lines.append(f"  {label} {', '.join(map(repr, row))};")
        lines.append("}")
    write_text(path_or_file, "\n".join([*lines, ""]))


# ---- the blocks ----------------------------------------------------------------------------


def _pass_network(scanner: Scanner) -> None:
    while scanner.skip() != "{":
        scanner.read_name("the name of the network or '{'")
    scanner.at += 1
    while scanner.skip() != "}":
        _read_property(scanner, "'property' or '}'")
    scanner.at += 1


def _read_property(scanner: Scanner, expected: str) -> None:
    scanner.skip()
    at = scanner.at
    if scanner.name_or_mark(expected) != "property":
        scanner.at = at
        raise scanner.unexpected(expected)
    scanner.skip_property()


def _read_variable(scanner: Scanner, variables: dict[str, Variable], int_states: bool) -> None:
    scanner.skip()
    place = scanner.at
    items = scanner.read_list("{", "the name of a variable")
    if len(items.parts) != 1 or items.bars:
        scanner.at = items.parts[1][1] if items.parts[1:] else items.place
        scanner.skip()
        raise scanner.unexpected("the name of a variable, one, in quotes where it holds marks")
    name = items.parts[0][0]
    if name in variables:
        raise scanner.error(place, f"found variable {name!r} a second time, expected it once")
    states: list[str] | None = None
    while scanner.skip() != "}":
        at = scanner.at
        if states is not None or scanner.name_or_mark("'type' or 'property'") != "type":
            scanner.at = at
            _read_property(scanner, "'property' or '}'" if states else "'type' or 'property'")
        else:
            states = _read_states(scanner, name)
    if states is None:
        raise scanner.unexpected(f"'type' of variable {name!r}")
    scanner.at += 1
    variables[name] = make_variable(name, states, place, scanner.error, int_states=int_states)


def _read_states(scanner: Scanner, name: str) -> list[str]:
    scanner.skip()
    at = scanner.at
    if scanner.read_name("'discrete'") != "discrete":
        scanner.at = at
        raise scanner.unexpected("'discrete', the only type there is")
    scanner.take("[", f"and the number of states of {name!r}")
    scanner.skip()
    at = scanner.at
    count = scanner.read_name(f"the number of states of {name!r}")
    scanner.take("]", f"after the number of states of {name!r}")
    scanner.take("{", f"and the states of {name!r}")
    items = scanner.read_list("}", "the name of a state")
    n = int(count) if count.isdecimal() and count.isascii() and len(count) < 10 else -1
    states = [state for state, _ in items.of(n)]
    if len(states) != n or items.bars:
        raise scanner.error(
            at,
            f"found {count:.20} states of {name!r}, expected {len(states)}, as many as are listed; "
            "names that hold blanks are parted by commas, or are in quotes",
        )
    scanner.take(";", f"after the states of {name!r}")
    return states
