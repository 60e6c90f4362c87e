"""The probability blocks of a BIF file, and the tables that they say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.errors import listed
from gibbsfactor.io.bif_scanner import Named, NameList, Scanner
from gibbsfactor.io.network_parts import (
    RowRules,
    look_up,
    make_table,
    number_of_rows,
    row_states,
)
from gibbsfactor.tables import FloatArray
from gibbsfactor.variable import Variable

_MOST_ENTRIES = 2**24  # of a table of which a file gives no more than the default


@dataclass
class Block:
    """A probability block as it is written. Places are positions in the text."""

    family: NameList  # the child, then the parents
    rows: list[tuple[str | NameList, list[float], int]] = field(default_factory=list)
    default: tuple[list[float], int] | None = None
    table: tuple[list[float], int] | None = None

    @property
    def place(self) -> int:
        """Where it begins."""
        return self.family.place


def read_block(scanner: Scanner) -> Block:
    """Read a block, the word ``probability`` behind us."""
    scanner.take("(", "and the variables of the table")
    family = scanner.read_list(")", "the name of a variable")
    if not family.parts:
        raise scanner.error(
            family.place, "found no variable between '(' and ')', expected at least one"
        )
    child = family.parts[0][0]
    block = Block(family)
    scanner.take("{", f"of the table of {child!r}")
    while (mark := scanner.skip()) != "}":
        at = scanner.at
        if mark == "(":
            block.rows.append(_read_row(scanner))
            continue
        kind = scanner.name_or_mark("a row of the table")
        if kind == "table" and block.table is None:
            block.table = scanner.read_numbers(), at
        elif kind == "default" and block.default is None:
            block.default = scanner.read_numbers(), at
        elif kind == "property":
            scanner.skip_property()
        else:
            scanner.at = at
            raise scanner.unexpected(
                f"'(', 'default', 'table', 'property' or '}}' in the table of {child!r}, "
                "'default' and 'table' once at most"
            )
    scanner.at += 1
    return block


def _read_row(scanner: Scanner) -> tuple[str | NameList, list[float], int]:
    place = scanner.at
    plain = scanner.read_plain_row()
    if plain is not None:
        return *plain, place
    scanner.at += 1
    states = scanner.read_list(")", "the state of a parent")
    return states, scanner.read_numbers(), place


def tables_of(
    blocks: list[Block], variables: dict[str, Variable], scanner: Scanner, rules: RowRules
) -> dict[str, ConditionalTable]:
    """The tables that blocks say, by child, once all variables are known."""
    tables: dict[str, ConditionalTable] = {}
    for block in blocks:
        family = _family(block.family, variables, scanner)
        child, parents = look_up(variables, family, scanner.error)
        if child.name in tables:
            raise scanner.error(
                block.place,
                f"found the table of {child.name!r} a second time, expected one for each variable",
            )
        tables[child.name] = _table_of(block, child, parents, scanner, rules)
    return tables


def _family(items: NameList, variables: dict[str, Variable], scanner: Scanner) -> list[Named]:
    """The child and the parents: of the ways to read the list, that of names that are known."""
    ways = [items.parts] if items.mark is not None else [items.words, items.parts]
    if items.bar is not None:
        before = items.bar[2 - len(ways) :]
        ways = [way for way, n in zip(ways, before, strict=True) if n == 1]
    if not ways or items.bars > 1:
        raise scanner.error(
            items.place,
            f"found {items.bars} '|' among {listed([name for name, _ in items.parts])}, expected "
            "one variable, then '|', then its parents; put a name that holds marks in quotes",
        )
    return min(ways, key=lambda way: sum(name not in variables for name, _ in way))


def _table_of(
    block: Block, child: Variable, parents: list[Variable], scanner: Scanner, rules: RowRules
) -> ConditionalTable:
    n, k = number_of_rows(parents), child.cardinality
    if block.table is not None:
        numbers, place = block.table
        if block.rows or block.default is not None:
            raise scanner.error(place, "found 'table' along with rows, expected one or the other")
        _check_length(numbers, n * k, f"the table of {child.name!r}", place, scanner)
        rows: FloatArray = np.array(numbers).reshape(k, n).T
        return make_table(child, parents, rows, lambda row: place, scanner.error, rules)
    found = _positions(block, child, parents, scanner)
    rows, default_place = _with_default(block, child, parents, found, scanner)
    if found:
        rows[list(found)] = [numbers for _, numbers, _ in block.rows]
    return make_table(
        child, parents, rows, lambda row: found.get(row, default_place), scanner.error, rules
    )


def _positions(
    block: Block, child: Variable, parents: list[Variable], scanner: Scanner
) -> dict[int, int]:
    """Where each given row is in the text, by its number, in the order of the block."""
    indices = [({str(state): i for i, state in enumerate(v.states)}, v) for v in parents]
    found: dict[int, int] = {}
    for given, numbers, place in block.rows:
        states = _states_before(given, len(parents))
        if len(states) != len(parents):
            raise scanner.error(
                place,
                f"found {len(states)} states before the row, expected {len(parents)}, one for each "
                f"parent of {child.name!r}",
            )
        row = 0
        for state, (index, v) in zip(states, indices, strict=True):
            if state not in index:
                raise scanner.error(
                    place, f"found {state!r}, expected a state of {v.name!r}: {list(v.states)}"
                )
            row = row * v.cardinality + index[state]
        if row in found:
            raise scanner.error(
                place,
                f"found the row {tuple(states)} of {child.name!r} a second time, expected it once",
            )
        _check_length(numbers, child.cardinality, f"a row of {child.name!r}", place, scanner)
        found[row] = place
    return found


def _states_before(given: str | NameList, n: int) -> list[str]:
    """The states before a row, of n parents: parted by blanks, or by commas alone."""
    if isinstance(given, NameList):
        return [state for state, _ in given.of(n)]
    words = given.replace(",", " ").split()
    parts = given.split(",") if len(words) != n else []
    return [" ".join(part.split()) for part in parts] if len(parts) == n else words


def _with_default(
    block: Block,
    child: Variable,
    parents: list[Variable],
    found: dict[int, int],
    scanner: Scanner,
) -> tuple[FloatArray, int]:
    """Room for the rows, those that are not given filled in, and where these come from."""
    n, k = number_of_rows(parents), child.cardinality
    if block.default is None:
        if len(found) < n:
            missing = next(row for row in range(n) if row not in found)
            states = tuple(
                v.states[i] for v, i in zip(parents, row_states(parents, missing), strict=True)
            )
            raise scanner.error(
                block.place,
                f"found {len(found)} of the {n} rows of {child.name!r}, expected all of them or a "
                f"default; the first that is missing is {states}",
            )
        return np.empty((n, k)), block.place
    numbers, place = block.default
    _check_length(numbers, k, f"the default of {child.name!r}", place, scanner)
    if n * k > _MOST_ENTRIES:
        raise scanner.error(
            place,
            f"the table of {child.name!r} has {n * k} entries, expected {_MOST_ENTRIES} or less",
        )
    return np.tile(np.array(numbers), (n, 1)), place


def _check_length(numbers: list[float], n: int, what: str, place: int, scanner: Scanner) -> None:
    if len(numbers) != n:
        raise scanner.error(place, f"found {len(numbers)} probabilities in {what}, expected {n}")
