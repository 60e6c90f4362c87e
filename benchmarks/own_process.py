"""One measurement in a process of its own, ended when it takes too long or too much memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, time
from typing import Any

import psutil

GIB = 2**30
POLL_SECONDS = 0.02  # how often the process's resident memory is looked at
BEGAN = "BENCHMARK_BEGAN"  # in the environment of a process: when it was started


@dataclass(frozen=True)
class Outcome:
    """What a process printed last, as JSON; and, in ``failure``, why there is not more."""

    result: dict[str, Any] | None
    failure: str = ""

    @property
    def was_killed(self) -> bool:
        """Whether a cap was passed."""
        return self.failure.startswith("killed")


def run(script: str, *options: object, seconds: float, gibibytes: float) -> Outcome:
    """Run a script of this folder in a fresh process that is killed at either cap.

    The memory cap is on resident memory (RSS), looked at every 20 ms: a limit on the address space
    would also count what is only reserved, and threads reserve much. This process should stay small
    itself: where a child's peak is asked of the system, it starts from its parent's size.
    """
    command = [sys.executable, str(Path(__file__).parent / script), *map(str, options)]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        environment = {**os.environ, BEGAN: repr(time())}
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True, env=environment)
        try:
            failure = _watch(process, seconds, gibibytes * GIB)
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        err.seek(0)
        lines, errors = out.read().splitlines(), err.read().strip().splitlines()
    if not failure and process.returncode:
        failure = f"failed: {errors[-1] if errors else f'status {process.returncode}'}"
    return Outcome(json.loads(lines[-1]) if lines else None, failure)


def _watch(process: subprocess.Popen[str], seconds: float, n_bytes: float) -> str:
    """Wait for the end, or for a cap to be passed: then which one."""
    began = perf_counter()
    watched = psutil.Process(process.pid)
    while True:
        try:
            process.wait(POLL_SECONDS)
            return ""
        except subprocess.TimeoutExpired:
            pass
        try:
            resident = watched.memory_info().rss
        except psutil.NoSuchProcess:  # it has ended just now
            continue
        if resident > n_bytes:
            return f"killed: over {n_bytes / GIB:g} GiB"
        if perf_counter() - began > seconds:
            return f"killed: over {seconds:g} s"


def seconds_since_start() -> float:
    """How long ago `run` started this process, the interpreter's own start included."""
    if BEGAN not in os.environ:
        raise RuntimeError(
            f"{BEGAN} is not set; let a benchmark run this script, or set it to the time"
        )
    return time() - float(os.environ[BEGAN])


def resident_bytes() -> int:
    """Resident memory of this process now."""
    return int(psutil.Process().memory_info().rss)


def peak_bytes() -> int:
    """Most resident memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
