"""How the clients of `./parvis bench load` are counted, by a clock that moves on by a second each time it is looked at."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from bench import load
from bench.client import Client
from bench.load import Tally, journeys, steps_only, together


class Walker(Client):
    """A client that asks nobody: each of its five steps takes as many milliseconds as its port."""

    def journey(self, *, pages: bool = True) -> Iterator[tuple[str, float, int]]:
        yield from [("step", float(self.connection.port), 0)] * 5


class Failing(Client):
    """A client that gets no further than its first step."""

    def journey(self, *, pages: bool = True) -> Iterator[tuple[str, float, int]]:
        yield "step", 1.0, 0
        raise RuntimeError(f"500 on {self.connection.port}")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "time", SimpleNamespace(monotonic=itertools.count().__next__))


def test_only_what_ends_in_time_counts() -> None:
    """Looked at to begin (0), before the walk (1), after each step (2, 3, …): the fourth ends at 5, the next too late."""
    into = Tally()
    assert together(journeys, [1, 2], 3, 5, into, client=Walker) == 5
    assert sorted(into.submits) == [1.0] * 8 + [2.0] * 4
    assert into.errors == 0


def test_a_walk_begins_again_while_there_is_time() -> None:
    into = Tally()
    together(steps_only, [1], 1, 10, into, client=Walker)
    assert len(into.submits) == 8, "five steps, a look at the clock, three steps"


def test_what_goes_wrong_is_counted_and_the_first_told() -> None:
    into = Tally()
    together(steps_only, [7], 2, 6, into, client=Failing)
    assert len(into.submits) == 2 * 3
    assert into.errors == 2 * 3
    assert into.first_error == "RuntimeError: 500 on 7"
