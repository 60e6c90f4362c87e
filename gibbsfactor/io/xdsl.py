"""XDSL, the files of GeNIe and SMILE."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import listed
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
from gibbsfactor.io.xml_parts import UNSAYABLE, Element, Text, Tree, escaped
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.tables import FloatArray
from gibbsfactor.variable import Variable

_NODES = ("cpt", "deterministic")
_REVERSED = "aGrUM"  # the program whose tables have the first parent's states run fastest
_BLANK = re.compile(r"\s")
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<smile version="1.0" id="unknown" numsamples="10000">
  <nodes>"""
_GENIE = '    <genie version="1.0" app="gibbsfactor" name="unknown">'


def read_xdsl(
    path_or_file: TextSource,
    *,
    normalize: bool = False,
    nan_rows: NanRows = "error",
    int_states: bool = False,
    encoding: str | None = None,
) -> BayesianNetwork:
    r"""Read a Bayesian network in XDSL, the format of GeNIe and SMILE, plain or gzip.

    Variables are the nodes ``cpt`` and ``deterministic``, by their ``id``. In ``probabilities`` the
    child's states run fastest, then those of the last parent; ``resultingstates`` has a state for
    each joint state of the parents. The titles, the layout and all else that the extensions of a
    file say is passed over.

    Parameters
    ----------
    path_or_file
        A path, or an open file of text or of bytes.
    normalize, nan_rows, int_states
        As for `read_bif`.
    encoding
        As for `read_xmlbif`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not such a file: the message names the file and the line, what was found and
        what was expected. So it is where a node is of a kind that is no table of a Bayesian
        network: ``noisymax``, ``noisyadder``, ``equation``, ``decision``, ``utility``, ``mau``; or
        where the network is dynamic or has submodels in its nodes.

    Notes
    -----
    pyAgrum (3.3 and before) writes and reads tables with the states of the first parent running
    fastest, which is not how GeNIe has it. A file that says that it is from aGrUM is read so.

    Source: the XDSL format, in the manual of SMILE (BayesFusion).

    Examples
    --------
    >>> import io
    >>> p = read_xdsl(io.StringIO('''<smile version="1.0" id="tea"><nodes>
    ... <cpt id="age"><state id="young"/><state id="old"/>
    ...   <probabilities>0.25 0.75</probabilities></cpt>
    ... <deterministic id="tea"><state id="yes"/><state id="no"/><parents>age</parents>
    ...   <resultingstates>no yes</resultingstates></deterministic>
    ... </nodes></smile>'''))
    >>> p.tables["tea"]
    P(tea | age)
    age    yes  no
    young    0   1
    old      1   0
    """
    rules = RowRules(normalize, nan_rows)
    tree = Tree.read(path_or_file, encoding, "an XDSL file")
    (smile,) = tree.root.children
    if smile.tag != "smile":
        raise tree.error(smile.line, f"found <{smile.tag:.40}>, expected <smile>")
    if any(smile.all("dynamic")):
        line = next(smile.all("dynamic")).line
        raise tree.error(line, "found a dynamic network, expected one without time slices")
    nodes = [node for part in smile.all("nodes") for node in part.children]
    if not any(smile.all("nodes")):
        raise tree.error(smile.line, "found no <nodes> in <smile>, expected one")
    variables: dict[str, Variable] = {}
    given: list[_Node] = []
    for element in nodes:
        node = _Node.of(element, tree)
        name = node.name
        if name in variables:
            raise tree.error(element.line, f"found node {name!r} a second time, expected it once")
        variables[name] = make_variable(
            name, node.states, element.line, tree.error, int_states=int_states
        )
        given.append(node)
    is_reversed = _program(smile).startswith(_REVERSED)
    tables = {node.name: node.table(variables, tree, rules, is_reversed) for node in given}
    return make_network(tree.name, variables, tables)


def write_xdsl(path_or_file: TextSource, p: BayesianNetwork) -> None:
    r"""Write a Bayesian network in XDSL, so that `read_xdsl` reads it back bit for bit.

    Parameters
    ----------
    path_or_file
        A path, which is written aside and then renamed, and as gzip if it ends in ``.gz``; or an
        open file.
    p
        The network. States that are not strings are written as their ``str``, and are strings
        when read back. GeNIe itself opens only files whose names and states are identifiers:
        letters, digits and underscores, a letter first.

    Raises
    ------
    ValueError
        If a name holds white space, which parts the names of parents, or a character that XML has
        no place for, or two states are the same as strings. Nothing is written.

    Examples
    --------
    >>> import io
    >>> coin = Variable("coin", ["heads", "tails"])
    >>> file = io.StringIO()
    >>> write_xdsl(file, BayesianNetwork([ConditionalTable(coin, [], [0.5, 0.5])]))
    >>> print(file.getvalue())
    <?xml version="1.0" encoding="UTF-8"?>
    <smile version="1.0" id="unknown" numsamples="10000">
      <nodes>
        <cpt id="coin">
          <state id="heads" />
          <state id="tails" />
          <probabilities>0.5 0.5</probabilities>
        </cpt>
      </nodes>
      <extensions>
        <genie version="1.0" app="gibbsfactor" name="unknown">
          <node id="coin"><name>coin</name></node>
        </genie>
      </extensions>
    </smile>
    <BLANKLINE>
    """
    network = check_network(p)
    lines = [_HEAD]
    for name in network.topological_order():  # GeNIe has parents first
        table = network.tables[name]
        lines.append(f'    <cpt id="{_attribute(name, is_name=True)}">')
        lines += [f'      <state id="{_attribute(s)}" />' for s in state_names(table.child)]
        if table.parents:
            parents = " ".join(escaped(v.name) for v in table.parents)
            lines.append(f"      <parents>{parents}</parents>")
        numbers = " ".join(map(repr, table.values.ravel().tolist()))
        lines += [f"      <probabilities>{numbers}</probabilities>", "    </cpt>"]
    lines += ["  </nodes>", "  <extensions>", _GENIE]
    for name in network.topological_order():
        node = f'<node id="{_attribute(name, is_name=True)}"><name>{escaped(name)}</name></node>'
        lines.append(f"      {node}")
    lines += ["    </genie>", "  </extensions>", "</smile>", ""]
    write_text(path_or_file, "\n".join(lines))


def _attribute(name: str, *, is_name: bool = False) -> str:
    """A name or a state as the value of an attribute."""
    what = "a name has no white space" if is_name else "a state is not empty"
    if not name or UNSAYABLE.search(name) or (is_name and _BLANK.search(name)):
        raise ValueError(
            f"{name!r} can't be written as XDSL, where {what} and no control characters; rename it"
        )
    text = escaped(name).replace('"', "&quot;")
    return text.replace("\n", "&#10;").replace("\t", "&#9;")


def _program(smile: Element) -> str:
    """Which program the file says that it is from."""
    for part in smile.all("extensions"):
        for genie in part.all("genie"):
            return genie.attributes.get("app", "")
    return ""


@dataclass
class _Node:
    """A node as it is written."""

    element: Element
    name: str
    states: list[str]
    parents: list[tuple[str, int]]

    @classmethod
    def of(cls, element: Element, tree: Tree) -> _Node:
        name = element.attributes.get("id", "")
        if element.tag not in _NODES:
            raise tree.error(
                element.line,
                f"node {name!r} is of the kind <{element.tag:.40}>, expected <cpt> or "
                "<deterministic>, which are tables of a Bayesian network",
            )
        states = []
        for state in element.all("state"):
            if not state.attributes.get("id"):
                raise tree.error(state.line, f"found a state of {name!r} without an id")
            states.append(state.attributes["id"])
        parents = []
        for part in element.all("parents"):
            words = part.text.whole().split()
            parents += [(word, part.text.line_of_word(n)) for n, word in enumerate(words)]
        return cls(element, name, states, parents)

    def table(
        self, variables: dict[str, Variable], tree: Tree, rules: RowRules, is_reversed: bool
    ) -> ConditionalTable:
        """The table, once all variables are known."""
        family = [(self.name, self.element.line), *self.parents]
        child, parents = look_up(variables, family, tree.error)
        n, k = number_of_rows(parents), child.cardinality
        is_function = self.element.tag == "deterministic"
        tag, count = ("resultingstates", n) if is_function else ("probabilities", n * k)
        found = [part.text for part in self.element.all(tag)]
        if len(found) != 1:
            raise tree.error(
                self.element.line,
                f"found {len(found)} elements <{tag}> of {self.name!r}, expected one of {count} "
                f"{'states' if is_function else 'numbers'}",
            )
        words = found[0].whole().split()
        if len(words) != count:
            raise tree.error(
                found[0].line,
                f"found {len(words)} words in <{tag}> of {self.name!r}, expected {count}",
            )
        rows = (
            self._function(words, found[0], tree)
            if is_function
            else _numbers(words, found[0], tree)
        )
        step = 1 if is_function else k
        order = np.arange(n)
        if is_reversed and parents:  # row r of ours is where its states stand in the file
            order = order.reshape([v.cardinality for v in reversed(parents)]).T.ravel()
        return make_table(
            child,
            parents,
            rows.reshape(n, k)[order],
            lambda row: found[0].line_of_word(int(order[row]) * step),
            tree.error,
            rules,
        )

    def _function(self, words: list[str], text: Text, tree: Tree) -> FloatArray:
        """Rows with a one at the state that a word names."""
        positions = {state: i for i, state in enumerate(self.states)}
        for n, word in enumerate(words):
            if word not in positions:
                raise tree.error(
                    text.line_of_word(n),
                    f"found {word[:40]!r}, expected a state of {self.name!r}: "
                    f"{listed(self.states)}",
                )
        rows: FloatArray = np.zeros((len(words), len(positions)))
        rows[np.arange(len(words)), [positions[word] for word in words]] = 1.0
        return rows


def _numbers(words: list[str], text: Text, tree: Tree) -> FloatArray:
    numbers = []
    for n, word in enumerate(words):
        try:
            numbers.append(number_of(word))
        except ValueError:
            line = text.line_of_word(n)
            raise tree.error(
                line, f"found {word[:40]!r} in <probabilities>, expected a number"
            ) from None
    return np.array(numbers, dtype=np.float64)
