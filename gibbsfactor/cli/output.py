"""Where a command's answer goes."""

from __future__ import annotations

import errno
import os
import sys


def put(text: str, path: str | None) -> None:
    """Write a command's answer to a file, or to standard output where there is no path."""
    if path:
        from gibbsfactor.io import write_text

        write_text(path, text)
    else:
        to_stdout(text.encode())


def to_stdout(text: bytes) -> None:
    """Write UTF-8 with plain line ends to standard output, whatever the terminal's are."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(text)
    else:
        sys.stdout.write(text.decode())
    sys.stdout.flush()
