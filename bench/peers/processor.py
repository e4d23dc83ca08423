"""The processor's time of a program and of all that it has started, as the kernel counts it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")


def spent(pids: Iterable[int]) -> float:
    """The milliseconds of processor that these processes and all below them took so far, with those that have ended."""
    below: dict[int, list[int]] = {}
    took: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # it has ended meanwhile
                continue
            pid, parent, ticks = _read(stat)
            below.setdefault(parent, []).append(pid)
            took[pid] = ticks
    found: set[int] = set()
    ahead = list(pids)
    while ahead:
        pid = ahead.pop()
        if pid not in found:
            found.add(pid)
            ahead += below.get(pid, ())
    return sum(took.get(pid, 0) for pid in found) * 1000 / os.sysconf("SC_CLK_TCK")


def _read(stat: str) -> tuple[int, int, int]:
    """The pid, its parent's, and the ticks of the process and of its children that it has waited for (proc(5))."""
    # The name, in parentheses, may hold anything.
    pid, _, rest = stat.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    return int(pid), int(fields[1]), sum(int(ticks) for ticks in fields[11:15])
