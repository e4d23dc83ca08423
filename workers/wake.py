"""The waker that settings name: tells the workers, through Redis, that jobs of some kinds are due.

It runs after the commit, on the request's thread, and only rings a bell there: a thread of its own talks to Redis. A refused
connection costs that thread its time and the request nothing; the first wake-up leaves at once and those that follow it travel
together. What Redis doesn't take is sent again until it does; what is lost later is made up for by beat's next tick.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping

from workers.app import connected
from workers.sending import send

log = logging.getLogger(__name__)

# After a message, this long passes before the next one: a message costs three times as much as the job that it is about.
_PAUSE = 0.5
# A first failure may only be a connection that Redis, started again, doesn't know; one that is away isn't asked all the time.
_PAUSE_AFTER_FIRST_FAILURE = 0.2
_PAUSE_AFTER_FAILURE = 1.0


class Waker:
    """A bell and the thread that listens to it, which the first ring starts."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._due: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._stopped = False

    def ring(self, kinds: Mapping[str, int]) -> None:
        """Have a wake-up sent soon for so many jobs of these kinds; never waits, never raises."""
        if self._pid != os.getpid():
            self._start()
        with self._counting:
            self._due.update(kinds)
        self._bell.set()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
        self._bell.set()

    def _start(self) -> None:
        with self._starting:
            # A thread doesn't follow into a forked process.
            if self._pid != os.getpid():
                self._thread = threading.Thread(target=self._listen, name="waker", daemon=True)
                self._thread.start()
                self._pid = os.getpid()

    def _listen(self) -> None:
        failures = 0
        while self._bell.wait() and not self._stopped:
            self._bell.clear()
            with self._counting:
                due, self._due = self._due, Counter()
            try:
                send(connected(), due)
            except Exception as error:
                failures += 1
                # Once, however long it lasts; the address stays out of the log, since it may hold a password.
                if failures == 2:
                    log.warning("Redis does not answer (%s): jobs wait until it does", type(error).__name__)
                time.sleep(_PAUSE_AFTER_FIRST_FAILURE if failures == 1 else _PAUSE_AFTER_FAILURE)
                self.ring(due)
            else:
                failures = 0
                time.sleep(_PAUSE)


_waker = Waker()


def wake(kinds: Mapping[str, int]) -> None:
    """What `PARVIS_WAKER` names."""
    _waker.ring(kinds)
