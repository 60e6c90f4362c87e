"""Checkpoints: the weights on disk during training, so that a killed run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gibbsfactor.errors import FormatError
from gibbsfactor.files import read_arrays, write_arrays
from gibbsfactor.learning.minimum import FloatArray, Progress

KIND = "training checkpoint"
_STATE = "state."  # before the names of a trainer's own arrays

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    weights : (W,)
    iteration, evaluations : int
        Done when it was written, those of resumed runs included.
    loss : float
    seconds : float
        Of training until then.
    state : arrays by name
        What else the trainer wanted kept.
    """

    weights: FloatArray
    iteration: int
    evaluations: int
    loss: float
    seconds: float
    state: Arrays


class Checkpoints:
    """Writes a checkpoint every so often; a progress callable.

    A checkpoint is written aside and moved into place: whenever the process is killed, the last
    whole one is on disk. It holds the weights, not the past steps of L-BFGS, which would be forty
    times their size: to learn them anew costs five to fifteen evaluations.

    Parameters
    ----------
    path : str or PathLike
    problem : mapping
        What the weights are of, able to be JSON: sizes, settings, a `fingerprint` of the data.
        `load` refuses a checkpoint of another problem.
    every_seconds : float
        Time between two checkpoints, at least. Zero writes one after every iteration.
    state : callable, optional
        Gives arrays to keep beside the weights, such as running means.

    Raises
    ------
    ValueError
        If every_seconds is out of range.
    TypeError
        If the problem is not able to be JSON.
    FileNotFoundError
        If there is no folder to write into.

    Warns
    -----
    RuntimeWarning
        From the call, if the file could not be written, as when the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> kept = Checkpoints(f"{folder.name}/run", {"c2": 1.0}, every_seconds=0)
    >>> kept.load() is None
    True
    >>> kept(Progress(7, 0.5, 0.1, 3.0, 9, np.array([1.0, 2.0])))
    >>> again = Checkpoints(f"{folder.name}/run", {"c2": 1.0}).load()
    >>> again.iteration, again.weights
    (7, array([1., 2.]))
    >>> Checkpoints(f"{folder.name}/run", {"c2": 0.5}).load()
    Traceback (most recent call last):
    ValueError: ... is of another problem: c2 is 1.0 there and 0.5 here; ...
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        problem: Mapping[str, Any],
        *,
        every_seconds: float = 30.0,
        state: Callable[[], Arrays] | None = None,
    ) -> None:
        if not 0 <= every_seconds < math.inf:
            raise ValueError(
                f"every_seconds is {every_seconds}; it must be a finite number of at least 0"
            )
        folder = Path(path).resolve().parent
        if not folder.is_dir():
            raise FileNotFoundError(f"can't keep checkpoints in {path}: there is no {folder}")
        self.path = path
        self.problem = _as_json(problem)
        self.every_seconds = every_seconds
        self.state = state
        self._resumed: Checkpoint | None = None
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Write a checkpoint, if it is time to. If it can't be, training goes on with a warning."""
        if time.monotonic() - self._last < self.every_seconds:
            return
        try:
            self.save(progress)
        except OSError as error:
            self._last = time.monotonic()
            warnings.warn(
                f"no checkpoint was written after iteration {progress.iteration}: {error}; "
                "training goes on, and it will be tried again",
                RuntimeWarning,
                stacklevel=2,
            )

    def save(self, progress: Progress) -> None:
        """Write a checkpoint now, counting on from the one that was loaded."""
        before = self._resumed
        description = {
            "problem": self.problem,
            "iteration": progress.iteration + (before.iteration if before else 0),
            "evaluations": progress.evaluations + (before.evaluations if before else 0),
            "seconds": progress.seconds + (before.seconds if before else 0.0),
            "loss": progress.loss,
        }
        arrays = {"weights": np.asarray(progress.weights, dtype=np.float64)}
        if self.state is not None:
            arrays |= {_STATE + name: array for name, array in self.state().items()}
        write_arrays(self.path, KIND, description, arrays)
        self._last = time.monotonic()

    def load(self) -> Checkpoint | None:
        """The checkpoint on disk; None if there is none. Later ones count on from it.

        Raises
        ------
        ValueError
            If it is of another problem; the message says what differs.
        FormatError
            If the file is not a checkpoint, or damaged.
        """
        try:
            description, arrays = read_arrays(self.path, KIND)
        except FileNotFoundError:
            return None
        name = os.fspath(self.path)
        try:
            found = dict(description["problem"])
            checkpoint = Checkpoint(
                arrays["weights"],
                int(description["iteration"]),
                int(description["evaluations"]),
                float(description["loss"]),
                float(description["seconds"]),
                {k.removeprefix(_STATE): v for k, v in arrays.items() if k.startswith(_STATE)},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{name} is not a usable {KIND}: {error}") from None
        different = _differences(found, self.problem)
        if different:
            raise ValueError(
                f"checkpoint {name} is of another problem: {different}; "
                "train with what it was made with, or name another file, or delete it"
            )
        self._resumed = checkpoint
        return checkpoint

    def remove(self) -> None:
        """Delete the checkpoint, if there is one: training is done and the model saved."""
        Path(self.path).unlink(missing_ok=True)


def _as_json(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The description as it will be read back: tuples become lists, keys strings."""
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(problem)))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"the description of a checkpoint's problem can't be written as JSON ({error}); "
            "give plain numbers, strings, lists and dicts"
        ) from None
    return found


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """What differs between two descriptions, in words."""
    nothing = object()
    parts = []
    for name in sorted(there.keys() | here.keys()):
        one, other = there.get(name, nothing), here.get(name, nothing)
        if one is nothing or other is nothing:
            parts.append(f"{name} is given only {'here' if one is nothing else 'there'}")
        elif one != other:
            parts.append(f"{name} is {_short(one)} there and {_short(other)} here")
    return ", ".join(parts)


def _short(value: Any, most: int = 60) -> str:
    shown = repr(value)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def fingerprint(*parts: npt.NDArray[Any] | str | bytes) -> str:
    """A short text that differs, as good as surely, when an array or a text does.

    Examples
    --------
    >>> fingerprint(np.arange(3), "a") == fingerprint(np.arange(3), "a")
    True
    >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3.0))
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            head, body = f"{part.dtype.str}{part.shape}", np.ascontiguousarray(part).tobytes()
        else:
            head = type(part).__name__
            body = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(f"{head}:{len(body)}:".encode())
        digest.update(body)
    return digest.hexdigest()
