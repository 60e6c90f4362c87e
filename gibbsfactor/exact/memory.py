"""How much memory exact inference may use."""

from __future__ import annotations

from math import log2

import psutil

SHARE_OF_FREE = 0.5


def default_budget() -> int:
    """Bytes that tables may take unless the user says otherwise: half of what is free now."""
    return int(SHARE_OF_FREE * psutil.virtual_memory().available)


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
