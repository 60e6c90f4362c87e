"""How much memory exact inference may use."""

from __future__ import annotations

import sys
from math import inf, log2
from pathlib import Path

import psutil

SHARE_OF_FREE = 0.5

# Where Linux says what a container may use and uses, by version of its control groups.
CONTAINER_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def default_budget() -> int:
    """Bytes that tables may take unless the user says otherwise: half of what is free now.

    Free is what the machine has available, less where the process or its container is held to less.
    """
    free = min(psutil.virtual_memory().available, _left_to_process(), _left_to_container())
    return int(SHARE_OF_FREE * max(free, 0))


def _left_to_process() -> float:
    """What the limit on the process's address space leaves; inf where there is none."""
    if sys.platform == "win32":
        return inf
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return inf
    return float(limit - psutil.Process().memory_info().vms)


def _left_to_container() -> float:
    """What the container's limit leaves; inf where there is none."""
    for limit_file, used_file in CONTAINER_FILES:
        try:
            limit, used = Path(limit_file).read_text(), Path(used_file).read_text()
        except OSError:
            continue
        if limit.strip().isdigit() and used.strip().isdigit():
            return float(int(limit) - int(used))
    return inf


def readable(n_bytes: float) -> str:
    """Bytes in units a person reads.

    >>> readable(3 * 2**30)
    '3.0 GiB'
    """
    if n_bytes >= 2**60:
        return f"2^{log2(n_bytes):.0f} bytes"
    for power, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if n_bytes >= 2**power:
            return f"{n_bytes / 2**power:.1f} {unit}"
    return f"{n_bytes:.0f} bytes"
