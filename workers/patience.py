"""How a worker and beat wait for a Redis that is away: they ask again every half-second, for as long as it takes.

Celery's own delays grow to half a minute, which everybody would then wait after Redis has come back.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import beat
from celery.worker import consumer
from celery.worker.state import maybe_shutdown

log = logging.getLogger(__name__)

DELAY = 0.5


def _say(_error: Exception, _delay: float) -> None:
    log.warning("Redis does not answer; asking again every %s s", DELAY)


class _Once:
    """Says it the first time and then keeps quiet."""

    def __init__(self) -> None:
        self.said = False

    def __call__(self, error: Exception, delay: float) -> None:
        if not self.said:
            _say(error, delay)
        self.said = True


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's consumer, patient."""

    def ensure_connected(self, conn: Any) -> Any:
        """Ask until Redis answers, or until the worker is told to stop."""
        return conn.ensure_connection(
            _Once(), None, interval_start=DELAY, interval_step=0, interval_max=DELAY, callback=maybe_shutdown
        )


class Scheduler(beat.Scheduler):  # type: ignore[misc]
    """Celery's scheduler that keeps nothing on disk, patient."""

    def _ensure_connected(self) -> Any:
        return self.connection.ensure_connection(
            _Once(), None, interval_start=DELAY, interval_step=0, interval_max=DELAY
        )
