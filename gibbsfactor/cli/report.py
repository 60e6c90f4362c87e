"""A story told once: printed as it goes, and kept as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from gibbsfactor.files import replacing

_WIDTH = 88  # characters of a printed line
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head; numbers are cells already written out."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def text(self) -> str:
        """The table in columns, numbers to the right."""
        cells = [list(self.head), *map(list, self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        right = [self._is_numeric(j) for j in range(len(widths))]
        lines = [
            "  ".join(
                cell.rjust(width) if to_right else cell.ljust(width)
                for cell, width, to_right in zip(row, widths, right, strict=True)
            ).rstrip()
            for row in cells
        ]
        return "\n".join(lines)

    def html(self) -> str:
        """The table as an HTML element."""
        sides = [' class="number"' if self._is_numeric(j) else "" for j in range(len(self.head))]

        def row(tag: str, cells: Sequence[str]) -> str:
            filled = (
                f"<{tag}{side}>{escape(cell)}</{tag}>"
                for cell, side in zip(cells, sides, strict=True)
            )
            return f"<tr>{''.join(filled)}</tr>"

        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        body = "\n".join(row("td", cells) for cells in self.rows)
        return (
            f'<div class="table"><table>{caption}<thead>{row("th", self.head)}</thead>\n'
            f"<tbody>\n{body}\n</tbody></table></div>"
        )

    def _is_numeric(self, column: int) -> bool:
        cells = [row[column].strip().strip("%").replace(",", "") for row in self.rows]
        try:
            list(map(float, filter(None, cells)))
        except ValueError:
            return False
        return any(cells)


@dataclass(frozen=True)
class Picture:
    """A picture in a file, what it shows (caption), and that in words for who cannot see it."""

    path: Path
    caption: str
    alt: str

    def html(self) -> str:
        """The picture as an HTML element with the file's bytes in it."""
        kind = _TYPES[self.path.suffix.lower()]
        data = base64.b64encode(self.path.read_bytes()).decode("ascii")
        return (
            f'<figure><img src="data:{kind};base64,{data}" alt="{escape(self.alt)}">'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )


@dataclass
class Section:
    """A numbered part of the story: its pieces as HTML, in order."""

    title: str
    pieces: list[str] = field(default_factory=list)


class Story:
    """Prints what it is told, unless quiet, and keeps it for the page.

    Parameters
    ----------
    title : str
    quiet : bool
        Print only checks that fail.

    Attributes
    ----------
    pictures : list of Picture
    n_checks : int
    failures : list of str
        The checks that failed, as printed.
    """

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        self.title = title
        self.quiet = quiet
        self.sections: list[Section] = []
        self.pictures: list[Picture] = []
        self.n_checks = 0
        self.failures: list[str] = []

    def section(self, title: str) -> None:
        """Begin a numbered section."""
        self.sections.append(Section(title))
        heading = f"{len(self.sections)}. {title}"
        self._print(f"\n{heading}\n{'-' * len(heading)}\n")

    def say(self, text: str) -> None:
        """A paragraph."""
        self._keep(f"<p>{escape(text)}</p>")
        self._print(textwrap.fill(text, _WIDTH, break_on_hyphens=False) + "\n")

    def show(self, text: str) -> None:
        """Lines to be left as they are."""
        self._keep(f"<pre>{escape(text)}</pre>")
        self._print(textwrap.indent(text, "    ") + "\n")

    def table(self, table: Table) -> None:
        """A table."""
        self._keep(table.html())
        caption = f"{table.caption}\n" if table.caption else ""
        self._print(caption + textwrap.indent(table.text(), "    ") + "\n")

    def picture(self, picture: Picture) -> None:
        """A picture, already in its file: for the page alone."""
        self._keep(picture.html())
        self.pictures.append(picture)

    def check(self, agrees: bool, what: str) -> None:
        """A comparison that was made and how it came out."""
        self.n_checks += 1
        mark = "ok" if agrees else "FAILED"
        self._keep(
            f'<p class="check{"" if agrees else " failed"}"><b>{mark}</b> {escape(what)}</p>'
        )
        line = textwrap.fill(
            f"{mark}: {what}",
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="      ",
            break_on_hyphens=False,
        )
        if agrees:
            self._print(line + "\n")
        else:
            self.failures.append(what)
            print(line + "\n", flush=True)

    def verdict(self) -> str:
        """How the checks came out, in a sentence."""
        if self.failures:
            return f"{len(self.failures)} of {self.n_checks} checks FAILED."
        return f"All {self.n_checks} checks agree."

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page: one file, pictures and style in it, no script."""
        parts = [_START.format(title=escape(self.title), style=_STYLE)]
        if self.failures:
            parts.append(f'<p class="check failed">{self.verdict()}</p>')
        links = "".join(
            f'<li><a href="#part-{n}">{escape(section.title)}</a></li>'
            for n, section in enumerate(self.sections, 1)
        )
        parts.append(f"<nav><ol>{links}</ol></nav>")
        for n, section in enumerate(self.sections, 1):
            body = "\n".join(section.pieces)
            parts.append(
                f'<section id="part-{n}">\n<h2>{n}. {escape(section.title)}</h2>\n{body}\n'
                "</section>"
            )
        parts.append("</main></body></html>\n")
        with replacing(path) as file:
            file.write("\n".join(parts).encode("utf-8"))

    def _keep(self, piece: str) -> None:
        self.sections[-1].pieces.append(piece)

    def _print(self, text: str) -> None:
        if not self.quiet:
            print(text, flush=True)


_START = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style></head>
<body><main>
<h1>{title}</h1>"""

_STYLE = """\
body { background: #fff; color: #1a1a1a; font: 16px/1.55 system-ui, sans-serif; margin: 0; }
main { max-width: 54rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 1rem 0; }
h2 { font-size: 1.3rem; margin: 2.8rem 0 0.8rem; padding-top: 0.6rem;
     border-top: 2px solid #0072b2; }
nav { background: #f4f6f8; border-radius: 6px; padding: 0.4rem 0.6rem; }
nav ol { margin: 0.3rem 0; }
a { color: #00578a; }
p { margin: 0.7rem 0; }
pre { background: #f4f6f8; border-radius: 6px; padding: 0.7rem 0.9rem; overflow-x: auto;
      font: 0.86rem/1.45 ui-monospace, monospace; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.93rem; }
caption { caption-side: top; text-align: left; font-weight: 600; padding: 0 0 0.35rem; }
th, td { text-align: left; padding: 0.28rem 0.9rem 0.28rem 0.3rem;
         border-bottom: 1px solid #d5d9dd; }
th { border-bottom: 2px solid #6b7280; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; text-align: center; break-inside: avoid; }
img { max-width: 100%; height: auto; }
figcaption { color: #3d434a; font-size: 0.9rem; margin: 0.4rem auto 0; max-width: 42rem; }
.check { background: #eaf5ef; border-left: 4px solid #00684d; padding: 0.35rem 0.8rem; }
.check b { color: #00583f; margin-right: 0.4rem; }
.failed { background: #fdeee6; border-color: #a83c00; }
.failed b { color: #8f3300; }
@media print {
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  table, pre, .check { break-inside: avoid; }
}
"""
