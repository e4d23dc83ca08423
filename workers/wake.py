"""The waker that settings name: tells the workers, through Redis, that a job is due.

It runs after the commit, on the request's thread, and only rings a bell there: a thread of its own talks to Redis. A refused
connection costs that thread its time and the request nothing; many wake-ups become one message, which is sent
again until Redis takes it; one that is lost later is made up for by beat's next tick.
"""

from __future__ import annotations

import logging
import os
import threading
import time

from workers.app import connected

log = logging.getLogger(__name__)

# After a message, this long passes before the next one: the bursts of a busy moment travel together.
_PAUSE = 0.02
# A Redis that is away isn't asked all the time.
_PAUSE_AFTER_FAILURE = 1.0


class Waker:
    """A bell and the thread that listens to it, which the first ring starts."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._stopped = False

    def ring(self) -> None:
        """Have a wake-up sent soon; never waits, never raises."""
        if self._pid != os.getpid():
            self._start()
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
            try:
                send()
            except Exception as error:
                failures += 1
                # Once, however long it lasts; the address stays out of the log, since it may hold a password. A first failure
                # may only be a connection that Redis, started again, doesn't know.
                if failures == 2:
                    log.warning("Redis does not answer (%s): jobs wait until it does", type(error).__name__)
                time.sleep(_PAUSE if failures == 1 else _PAUSE_AFTER_FAILURE)
                self._bell.set()
            else:
                failures = 0
                time.sleep(_PAUSE)


def send() -> None:
    """Send one wake-up, or raise."""
    app = connected()
    with app.producer_pool.acquire(block=True, timeout=5) as producer:
        app.send_task("workers.tasks.tick", producer=producer, queue="tick", expires=10, retry=False)


_waker = Waker()


def wake() -> None:
    """What `PARVIS_WAKER` names."""
    _waker.ring()
