"""The command line: `gibbsfactor demo`, `query`, and `crf train`, `tag`, `evaluate` and so on.

Every module of commands has ``add_commands(subparsers)``, which adds its parsers and sets on each
the default ``run``: called with the parsed arguments, it returns the exit status.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, TextIO

import gibbsfactor
from gibbsfactor.cli import crf, demo, query

BAD_INPUT, INTERRUPTED, TERMINATED = 2, 130, 143
OF_WRITING = (errno.EPIPE, errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_OPTIONS = {  # arguments that errors name, in this program's words
    "normalize=True": "--normalize",
    "nan_rows='uniform'": "--nan-rows uniform",
    "encoding='cp1252'": "--encoding cp1252",
    "format='conllu'": "--format conllu",
}

EXAMPLES = """\
examples:
  gibbsfactor demo
  gibbsfactor query asia.bif --given smoke=yes
  gibbsfactor query grid.uai --evidence grid.uai.evid --task map --format json
  gibbsfactor crf train train.txt --template chunking --model chunks.crf
  gibbsfactor crf tag chunks.crf new.txt --output tagged.txt
  gibbsfactor crf evaluate chunks.crf test.txt
  gibbsfactor crf inspect chunks.crf
  gibbsfactor crf convert old.crfsuite new.crf

Errors go to stderr, one line each, with exit status 2. Ctrl-C ends with 130, SIGTERM with 143.
"""


class UsageError(ValueError):
    """The command line itself can't be understood."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are exceptions, and whose sub-parsers are such parsers too."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As of argparse, but what is left over is an error of the command it was given to."""
        found, left = super().parse_known_args(args, namespace)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, left


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    whole = _Parser(
        prog="gibbsfactor",
        description="Discrete probabilistic graphical models from the command line.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"gibbsfactor {gibbsfactor.__version__}"
    whole.add_argument("--version", action="version", version=version)
    subparsers = whole.add_subparsers(metavar="COMMAND", required=True)
    for module in (demo, query, crf):
        module.add_commands(subparsers)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    argv
        The arguments after the program's name; by default those the process was started with.

    Examples
    --------
    >>> main(["--version"])
    gibbsfactor 0.1.0
    0
    """
    with warnings.catch_warnings():
        for category in (UserWarning, RuntimeWarning):
            warnings.simplefilter("always", category)
        warnings.showwarning = _show_warning
        with _some_stderr(), _terminated_as_interrupted() as signals:
            status = _status(argv)
    return TERMINATED if signals and status == INTERRUPTED else status


def _status(argv: Sequence[str] | None) -> int:
    """The exit status of a command whose errors are told on stderr."""
    try:
        status = _run(argv)
        if sys.stdout is not None:  # as it is where the shell has closed it, with >&-
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        _say("interrupted", "nothing more was written")
        return INTERRUPTED
    except (ValueError, OSError, MemoryError, FloatingPointError) as error:
        told = _in_words(error)
        if isinstance(error, OSError) and error.filename is None and error.errno in OF_WRITING:
            _discard_stdout()  # files are named: this is standard output
            if error.errno == errno.EPIPE:  # `| head` has seen enough
                return 0
            told = f"standard output: {error.strerror}"
        _say("error", told)
        return BAD_INPUT


@contextmanager
def _some_stderr() -> Iterator[None]:
    """A place for messages where the shell has closed stderr, with 2>&-."""
    if sys.stderr is not None:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


@contextmanager
def _terminated_as_interrupted() -> Iterator[list[int]]:
    """SIGTERM does what Ctrl-C does, so that training keeps its weights; gives those that came."""
    signals: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield signals
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield signals
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = parser().parse_args(argv)
    except SystemExit:  # --help and --version; errors are UsageError here
        return 0
    return int(arguments.run(arguments))


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    text = str(error) or ("not enough memory" if isinstance(error, MemoryError) else repr(error))
    for argument, option in _OPTIONS.items():
        text = text.replace(argument, option)
    return text


def _say(kind: str, message: str) -> None:
    """Print one line on stderr, if anyone still reads it."""
    with contextlib.suppress(OSError):
        print(f"gibbsfactor: {kind}: {' '.join(message.split())}", file=sys.stderr)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What `warnings.showwarning` is while a command runs."""
    _say("warning", str(message))


def _discard_stdout() -> None:
    """Keep the interpreter's last flush from meeting the error again."""
    with contextlib.suppress(OSError, ValueError):  # a stdout in memory has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
