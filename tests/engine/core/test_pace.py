"""One request after the other, as long as none of them is slow (issue 3, point 9)."""

from __future__ import annotations

import threading
import time

import pytest

from engine.core.pace import Pace, aside

LONG = 10.0


def wait_until_queued(pace: Pace, waiting: int) -> None:
    deadline = time.monotonic() + 5
    while len(pace._waiting) < waiting and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(pace._waiting) == waiting


def test_those_who_wait_go_in_in_the_order_they_came() -> None:
    pace = Pace(1, LONG)
    served: list[int] = []

    def take(number: int) -> None:
        with pace:
            served.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(10)]
    with pace:
        for number, thread in enumerate(threads):
            thread.start()
            wait_until_queued(pace, number + 1)
        assert served == []
    for thread in threads:
        thread.join()
    assert served == list(range(10))


def test_as_many_as_there_are_places_and_no_place_gets_lost() -> None:
    pace = Pace(2, LONG)
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(200):
            with pace:
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                with aside():
                    pass
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 2
    assert pace._free == 2
    assert not pace._waiting


def test_a_slow_one_keeps_nobody_for_long() -> None:
    """Who has waited goes in besides, and takes no place away when leaving."""
    pace = Pace(1, 0.01)
    through = threading.Event()

    def pass_by() -> None:
        with pace:
            through.set()

    with pace:
        other = threading.Thread(target=pass_by)
        other.start()
        assert through.wait(5)
        other.join()
        assert pace._free == 0
    assert pace._free == 1


def test_who_waits_for_something_else_lets_others_in() -> None:
    pace = Pace(1, LONG)
    through = threading.Event()

    def pass_by() -> None:
        with pace:
            through.set()

    with pace:
        other = threading.Thread(target=pass_by)
        other.start()
        wait_until_queued(pace, 1)
        with aside():
            assert through.wait(5)
            other.join()
        assert pace._free == 0, "back inside"
    assert pace._free == 1


def test_aside_is_nothing_to_who_has_no_place() -> None:
    with aside():
        pass


def test_a_place_is_given_back_by_what_fails() -> None:
    pace = Pace(1, LONG)
    with pytest.raises(ValueError, match="no"), pace, aside():
        raise ValueError("no")
    assert pace._free == 1
