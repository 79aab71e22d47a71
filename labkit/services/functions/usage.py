"""What a family of processes has used, from /proc. It is read after each event, so it is read in one walk, and without ceremony."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """Milliseconds of processor time, and the most kB of memory that each process had, added up."""

    cpu_ms: float
    peak_kb: int


def usage(root: int) -> Usage:
    """Of `root` and every process below it. They may end while we look."""
    pids, cpu_ms, peak_kb = [root], 0.0, 0
    for pid in pids:  # grows while we walk
        with suppress(OSError, ValueError, IndexError):
            living = 0
            for task in os.listdir(f"/proc/{pid}/task"):
                pids += map(int, _read(f"/proc/{pid}/task/{task}/children").split())
                living += int(_read(f"/proc/{pid}/task/{task}/schedstat").split()[0])
            # utime, stime, cutime, cstime; a name in brackets comes before. With them count threads and children that ended.
            ever = sum(map(int, _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[11:15]))
            cpu_ms += max(living / 1e6, ever * TICK_MS)
            peak_kb += int(_read(f"/proc/{pid}/status").split(b"VmHWM:")[1].split()[0])
    return Usage(cpu_ms, peak_kb)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
