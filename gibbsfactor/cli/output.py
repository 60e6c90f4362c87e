"""Where a command's answer goes."""

from __future__ import annotations

import sys


def put(text: str, path: str | None) -> None:
    """Write a command's answer to a file, or to standard output where there is no path."""
    if path:
        from gibbsfactor.io import write_text

        write_text(path, text)
    elif hasattr(sys.stdout, "buffer"):  # UTF-8 and plain line ends, whatever the terminal's are
        sys.stdout.buffer.write(text.encode())
    else:
        sys.stdout.write(text)
