"""How a table of weights looks: as text, as HTML, as a data frame."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 20


@dataclass(frozen=True)
class Rows:
    """Cells of the first rows of a table, its header, and how many rows are left out."""

    header: list[str]
    cells: list[list[str]]
    more: int


def rows(
    states: Sequence[Sequence[object]], header: list[str], numbers: npt.NDArray[np.float64]
) -> Rows:
    """One row for each joint state, the states of every variable first, then its number."""
    joint = islice(product(*states), SHOWN_ROWS)
    shown = numbers.ravel()[:SHOWN_ROWS].tolist()
    cells = [[*map(str, row), f"{number:.6g}"] for row, number in zip(joint, shown, strict=True)]
    return Rows(header, cells, max(numbers.size - SHOWN_ROWS, 0))


def as_text(table: Rows) -> str:
    """Columns padded to equal width, numbers to the right."""
    lines = [table.header, *table.cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join([*map(str.ljust, line[:-1], widths), line[-1].rjust(widths[-1])])
        for line in lines
    ]
    if table.more:
        text.append(f"... and {table.more} more rows")
    return "\n".join(text)


def as_html(table: Rows) -> str:
    """An HTML table, every cell escaped."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>"
        for line in table.cells
    )
    note = f"<caption>and {table.more} more rows</caption>" if table.more else ""
    return f"<table>{note}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def as_frame(
    states: Sequence[Sequence[object]],
    names: Sequence[str],
    measure: str,
    numbers: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """A pandas DataFrame with one row for each joint state."""
    try:
        import pandas as pd
    except ImportError:
        raise ImportError(
            "a data frame needs pandas, which is not installed; pip install pandas"
        ) from None
    columns: dict[str, Any] = {
        name: [joint[i] for joint in product(*states)] for i, name in enumerate(names)
    }
    frame = pd.DataFrame(columns, index=range(numbers.size))
    frame.insert(len(names), measure, numbers.ravel(), allow_duplicates=True)
    return frame
