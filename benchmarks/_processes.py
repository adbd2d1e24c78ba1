"""The CPU time and memory of processes and their children, read from /proc. NaN where there is no /proc."""

import math
import os
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
HAS_PROC = (PROC / "self/stat").exists()


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found, ahead = [], [pid]
    while ahead:
        found.append(ahead.pop())
        # One that has ended meanwhile has no children.
        with suppress(OSError):
            for task in (PROC / str(found[-1]) / "task").iterdir():
                ahead += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its descendants, also of those that have ended and were waited for."""
    if not HAS_PROC:
        return math.nan
    ticks = 0
    for one in family(pid):
        with suppress(OSError):
            # After the name, which may hold anything: utime, stime and those of the children.
            ticks += sum(map(int, (PROC / str(one) / "stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    """Return the memory of a process and its descendants. What they share is counted in each."""
    if not HAS_PROC:
        return math.nan
    pages = 0
    for one in family(pid):
        with suppress(OSError):
            pages += int((PROC / str(one) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
