"""The jobs' thread of embedded mode."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from engine.core.db import Database
from engine.core.jobs import waking
from engine.core.jobs.doing import Handler, drain
from engine.core.pace import Pace

log = logging.getLogger("engine.core.jobs")

# Seconds after some jobs until the next look.
_PAUSE = 0.05


class Runner:
    """Does the jobs of this process in a thread: looks when woken, and every `interval` seconds for timers.

    With the `pace` of the requests that the process serves too, each job goes in by turns with them.
    """

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        interval: float = 1.0,
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._pace = pace
        self._interval = interval
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        waking.add(self._wake)
        self._thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Finish the job at hand and stop."""
        self._stopped.set()
        self._woken.set()
        self._thread.join(timeout)
        waking.remove(self._wake)

    def _wake(self, _kinds: Mapping[str, int]) -> None:
        self._woken.set()

    def _loop(self) -> None:
        while not self._stopped.is_set():
            try:
                if drain(self._database, self._handlers, limit=100, pace=self._pace):
                    # What is promised in a busy moment is done together: looking costs as much as a job.
                    self._stopped.wait(_PAUSE)
            except Exception:
                log.exception("the jobs' thread could not look for jobs")  # it tries again at the next turn
            self._woken.wait(self._interval)
            self._woken.clear()
