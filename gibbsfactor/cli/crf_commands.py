"""What the commands have in common: files that can be written, time, memory, figures as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

COLUMN_WIDTH = 12  # of what stands left in the summaries


def print_rows(rows: dict[str, str]) -> None:
    """Names to the left, values to the right."""
    width = max(COLUMN_WIDTH, *(len(name) + 2 for name in rows))
    for name, value in rows.items():
        print(f"{name:{width}}{value}")


def check_targets(outputs: Sequence[str | None], inputs: Sequence[str | None]) -> None:
    """Find out before the work, not after it, that an output can't be or would do harm."""
    taken = {os.path.realpath(path): path for path in inputs if path and path != "-"}
    for path in filter(None, outputs):
        if path == "-":
            raise ValueError("an output is named -; name a file")
        if (real := os.path.realpath(path)) in taken:
            raise ValueError(f"{path} would overwrite {taken[real]}; name another file")
        taken[real] = path
        if not os.access(Path(path).parent, os.W_OK) and Path(path).parent.is_dir():
            raise PermissionError(f"can't write {path}: the folder is read-only")
        if not Path(path).parent.is_dir():
            raise FileNotFoundError(f"can't write {path}: there is no folder {Path(path).parent}")
        if Path(path).is_dir():
            raise IsADirectoryError(f"can't write {path}: it is a folder; name a file")


def stopwatch() -> tuple[dict[str, float], Callable[[str], float]]:
    """Seconds by stage, and what ends a stage; the stage "total" is all of the time so far."""
    began = last = perf_counter()
    seconds: dict[str, float] = {}

    def lap(stage: str) -> float:
        nonlocal last
        now = perf_counter()
        seconds[stage] = now - (began if stage == "total" else last)
        last = now
        return seconds[stage]

    return seconds, lap


def write_report(path: str, figures: dict[str, Any]) -> None:
    """Write figures as JSON, with the most memory that this process has held."""
    from gibbsfactor.files import replacing

    with replacing(path) as file:
        file.write(as_json(figures | {"peak_bytes": _peak_bytes()}).encode())


def as_json(figures: Any) -> str:
    """Figures as lines of JSON; what is no finite number becomes null."""
    return json.dumps(_finite(figures), indent=2, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def _peak_bytes() -> int:
    """The most memory that this process has held."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # bytes on macOS, else kilobytes
