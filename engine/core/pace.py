"""Pace: how many requests of a process run at a time; the others wait at the door, in the order they came.

Threads of one interpreter take turns in any case. Left alone, they change at each of the dozens of moments at which a
request lets go of the interpreter for some microseconds (a statement of SQLite), and each change wakes another thread: with
eight requests at a time that was a fifth of the processor's time (`./parvis bench load`). One after the other, all are
answered sooner.

Nobody waits for long: who has waited for `PATIENCE` goes in besides, and what waits for others itself (the hash of a
password, the virus scanner, a slow upload) steps `aside`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds that one slow request may keep another waiting; some twenty ordinary ones pass meanwhile.
PATIENCE = 0.05


class Pace:
    """`with pace:` waits for a place, and gives it back. Not reentrant."""

    def __init__(self, places: int, patience: float = PATIENCE) -> None:
        self._guard = threading.Lock()
        self._free = places
        self._patience = patience
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        _here.pace = self if self._enter() else None

    def __exit__(self, *_: object) -> None:
        held, _here.pace = _here.pace, None
        if held is not None:
            self._leave()

    def _enter(self) -> bool:
        """Whether there was a place in time; without one, one goes on all the same."""
        with self._guard:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=self._patience):
            return True
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # who left gave the place at this very moment

    def _leave(self) -> None:
        with self._guard:
            if self._waiting:
                # Handed over, so that nobody slips in between.
                self._waiting.popleft().release()
            else:
                self._free += 1


class _Here(threading.local):
    pace: Pace | None = None


_here = _Here()


@contextmanager
def aside() -> Iterator[None]:
    """Leave one's place to others while one waits for something else; nothing for a thread that has no place."""
    pace = _here.pace
    if pace is None:
        yield
        return
    pace.__exit__()
    try:
        yield
    finally:
        pace.__enter__()
