"""Kills parts of a cluster with -9, at random from a seed, and starts them again as an operator's init system would."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from commands import CommandFailed
from commands.cluster import Cluster, Part

# How often each is chosen. A process of a worker or of PostgreSQL is one that the part itself started.
WEIGHTS = {
    "web": 3,
    "worker": 2,
    "worker process": 5,
    "postgresql": 1,
    "postgresql process": 1,
    "redis": 2,
    "beat": 1,
}
_DOWN = (0.0, 2.5)
_STARTS = 4


class Chaos:
    """Kills until told to stop. `kills` counts them by what was killed, `ended` names the parts that ended by themselves.

    `failures` says what didn't start again, `late` what took more than one attempt.
    """

    def __init__(self, cluster: Cluster, seed: int, *, every: float, weights: Mapping[str, int] = WEIGHTS) -> None:
        self.kills: Counter[str] = Counter()
        self.ended: list[str] = []
        self.failures: list[str] = []
        self.late: list[str] = []
        self._cluster = cluster
        self._choice = random.Random(seed)
        self._every = every
        self._weights = weights
        self._stopping = threading.Event()
        self._restarting: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._go_on, name="chaos", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop killing, and return once everything has been started again; `failures` says what didn't start."""
        self._stopping.set()
        self._thread.join()
        for thread in self._restarting.values():
            thread.join()

    def _go_on(self) -> None:
        while not self._stopping.wait(self._choice.uniform(0.3, 1.7) * self._every):
            self._strike()
            self._look_after()
        self._look_after()

    def _strike(self) -> None:
        kind = self._choice.choices(list(self._weights), list(self._weights.values()))[0]
        down, which = self._choice.uniform(*_DOWN), self._choice.random()
        part = self._part(kind, which)
        if not part.alive or self._is_restarting(part):
            return
        if kind.endswith(" process"):
            children = _children(part.pid)
            if not children:
                return
            with suppress(ProcessLookupError):
                os.kill(children[int(which * len(children))], signal.SIGKILL)
        else:
            part.kill()
            self._begin_restart(part, down)
        self.kills[kind] += 1

    def _look_after(self) -> None:
        """Start again what ended by itself, which nothing should."""
        for part in self._cluster.parts:
            if not part.alive and not self._is_restarting(part):
                self.ended.append(part.name)
                self._begin_restart(part, 0)

    def _part(self, kind: str, which: float) -> Part:
        cluster = self._cluster
        parts = {
            "web": cluster.web,
            "worker": cluster.workers,
            "postgresql": [cluster.postgresql],
            "redis": [cluster.redis],
            "beat": cluster.beats,
        }[kind.removesuffix(" process")]
        return parts[int(which * len(parts))]

    def _is_restarting(self, part: Part) -> bool:
        thread = self._restarting.get(part.name)
        return thread is not None and thread.is_alive()

    def _begin_restart(self, part: Part, down: float) -> None:
        thread = threading.Thread(target=self._restart, args=(part, down), name=f"restart {part.name}", daemon=True)
        self._restarting[part.name] = thread
        thread.start()

    def _restart(self, part: Part, down: float) -> None:
        time.sleep(down)
        for tries in range(_STARTS, 0, -1):
            try:
                part.start()
                return
            except CommandFailed as failure:
                # What an init system does: try again for some minutes.
                (self.failures if tries == 1 else self.late).append(str(failure))


def _children(pid: int) -> list[int]:
    """The processes that the process `pid`, one of ours, has started."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
