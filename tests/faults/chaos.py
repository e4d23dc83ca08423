"""Kills parts of a cluster with -9, at random from a seed, and starts them again as an operator's init system would."""

from __future__ import annotations

import math
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
# PostgreSQL may give up so many seconds after one of its processes was killed.
_GIVES_UP = 60.0


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
        self._stopping, self._closing = threading.Event(), threading.Event()
        self._turn = threading.Lock()
        # When one of PostgreSQL's processes was killed last, by the monotonic clock.
        self._wounded = -math.inf
        self._restarting: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._go_on, name="chaos", daemon=True)
        self._guard = threading.Thread(target=self._look_after, name="guard", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._guard.start()

    def close(self) -> None:
        """Look after the parts no longer."""
        self._closing.set()
        self._guard.join()

    def stop(self) -> None:
        """Stop killing, and return once everything has been started again; `failures` says what didn't start."""
        self._stopping.set()
        self._thread.join()
        for thread in self._restarting.values():
            thread.join()

    def _go_on(self) -> None:
        while not self._stopping.wait(self._choice.uniform(0.3, 1.7) * self._every):
            with self._turn:
                self._strike()

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
            if part is self._cluster.postgresql:
                self._wounded = time.monotonic()
            with suppress(ProcessLookupError):
                os.kill(children[int(which * len(children))], signal.SIGKILL)
        else:
            part.kill()
            self._begin_restart(part, down)
        self.kills[kind] += 1

    def _look_after(self) -> None:
        """Start again what ended by itself, which nothing should.

        PostgreSQL gives up when one of its processes is killed while it recovers: that is its way, and chaos's doing.
        """
        while not self._closing.wait(0.5):
            with self._turn:
                for part in self._cluster.parts:
                    if part.alive or self._is_restarting(part):
                        continue
                    wounded = part is self._cluster.postgresql and time.monotonic() - self._wounded < _GIVES_UP
                    (self.late if wounded else self.ended).append(part.name)
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
