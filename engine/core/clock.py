"""The only clock: everything that depends on time asks `now()`, so that a rehearsal or a test can move it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)
_offset: ContextVar[timedelta] = ContextVar("offset", default=timedelta(0))


def now() -> datetime:
    """The current instant, aware, in UTC."""
    base = _frozen.get() or datetime.fromtimestamp(time.time(), UTC)
    return base + _offset.get()


def is_real() -> bool:
    """Whether `now()` is the machine's clock: neither stopped nor moved."""
    return _frozen.get() is None and not _offset.get()


def today() -> date:
    """The current day where the city is (Europe/Paris)."""
    return now().astimezone(PARIS).date()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Stop the clock at `at` (aware) for what runs inside; `moved` still moves it."""
    if at.tzinfo is None:
        raise ValueError("the clock needs an aware datetime")
    token = _frozen.set(at.astimezone(UTC))
    outer = _offset.set(timedelta(0))
    try:
        yield
    finally:
        _offset.reset(outer)
        _frozen.reset(token)


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """Run what is inside `by` later (or earlier, when negative)."""
    token = _offset.set(_offset.get() + by)
    try:
        yield
    finally:
        _offset.reset(token)
