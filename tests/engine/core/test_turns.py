"""Whoever comes first goes first: what keeps a writer of SQLite from waiting for all the others, again and again (G1)."""

from __future__ import annotations

import threading
import time

import pytest

from engine.core.turns import Turns


def wait_until_queued(turns: Turns, waiting: int) -> None:
    deadline = time.monotonic() + 5
    while len(turns._waiting) < waiting and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(turns._waiting) == waiting


def test_turns_come_in_the_order_of_arrival() -> None:
    turns = Turns()
    served: list[int] = []

    def take(number: int) -> None:
        with turns:
            served.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(20)]
    with turns:
        for number, thread in enumerate(threads):
            thread.start()
            wait_until_queued(turns, number + 1)
    for thread in threads:
        thread.join()
    assert served == list(range(20))


def test_who_has_just_been_served_waits_behind_the_others() -> None:
    """A plain lock would let the thread that runs take it again before anybody wakes up."""
    turns = Turns()
    served: list[str] = []
    other = threading.Thread(target=lambda: turns.__enter__() or served.append("other") or turns.__exit__())
    with turns:
        other.start()
        wait_until_queued(turns, 1)
    with turns:
        served.append("again")
    other.join()
    assert served == ["other", "again"]


def test_one_at_a_time_and_nobody_is_forgotten() -> None:
    turns = Turns()
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(200):
            with turns:
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (max(most), len(most)) == (1, 1600)


def test_an_error_passes_the_turn_on() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="no"), turns:
        raise ValueError("no")
    with turns:
        pass


def test_who_is_interrupted_while_waiting_gives_the_place_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the main thread must not leave a turn that nobody takes."""
    turns = Turns()
    made: list[object] = []
    real = threading.Lock

    class Interrupted:
        """A lock whose second `acquire`, the wait, is interrupted."""

        def __init__(self) -> None:
            self.acquired = 0
            made.append(self)

        def acquire(self) -> bool:
            self.acquired += 1
            if self.acquired == 2:
                raise KeyboardInterrupt
            return True

        def release(self) -> None:
            raise AssertionError("a turn was given to who had left")

    with turns:
        monkeypatch.setattr(threading, "Lock", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            turns.__enter__()
        monkeypatch.setattr(threading, "Lock", real)
    assert len(made) == 1
    with turns:
        pass
