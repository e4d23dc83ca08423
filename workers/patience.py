"""How a worker and beat wait for a Redis that is away: they ask again every half-second, for as long as it takes.

Celery's own delays grow to half a minute, which everybody would then wait after Redis has come back.

Importing this module mends a fault of Celery's Redis transport (`QoS`).
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

from celery import beat
from celery.worker import consumer
from celery.worker.state import maybe_shutdown
from kombu.transport import redis, virtual

log = logging.getLogger(__name__)

DELAY = 0.5

# Said whenever Redis goes away, of a setting that is set on purpose (`workers.app`).
warnings.filterwarnings("ignore", message=r"\s*In Celery 5\.1 we introduced an optional breaking change")


class QoS(redis.QoS):
    """What a worker has taken from Redis and not yet acknowledged.

    An acknowledgement that can't be sent gives its place back all the same: the library keeps it, and a worker whose jobs
    end while Redis is away then has no place left, looks for nothing, and never notices that the connection is gone.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, or raise; its place is free in either case."""
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        finally:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give a message back, or raise; its place is free in either case."""
        try:
            super().reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]
        finally:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]


redis.Channel.QoS = QoS


class _Once:
    """Says that Redis is away the first time it is called, then keeps quiet until it is told that Redis is back."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, error: BaseException, _delay: float = DELAY) -> None:
        if not self._said:
            log.warning("Redis does not answer (%s); asking again until it does", type(error).__name__)
        self._said = True

    def back(self) -> None:
        if self._said:
            log.warning("Redis answers again")
        self._said = False


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's consumer, patient."""

    def ensure_connected(self, conn: Any) -> Any:
        """Ask until Redis answers, or until the worker is told to stop."""
        said = _Once()
        connected = conn.ensure_connection(said, None, DELAY, 0, DELAY, callback=maybe_shutdown)
        said.back()
        self.first_connection_attempt = False
        return connected


class Scheduler(beat.Scheduler):  # type: ignore[misc]
    """Celery's scheduler that keeps nothing on disk, patient."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._said = _Once()
        super().__init__(*args, **kwargs)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send a task that is due; one that can't be sent is due again a second later."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            self._said(error)
        else:
            self._said.back()

    def _ensure_connected(self) -> Any:
        return self.connection.ensure_connection(self._said, None, DELAY, 0, DELAY)
