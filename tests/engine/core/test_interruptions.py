"""An interruption of the service: announced in a file that needs no database, shown while it lasts (D5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from engine.core import clock, interruptions
from engine.core.config import Settings
from engine.core.errors import Invalid


def test_it_shows_from_its_time_until_its_end(settings: Settings, clock_at: Callable[[str], datetime]) -> None:
    now = clock_at("2027-03-01 10:00")
    assert interruptions.shown(settings) is None
    hour = timedelta(hours=1)
    made = interruptions.announce(
        settings, " Travaux\nprévus. ", planned=True, shown_from=now + hour, begins=now + 2 * hour, until=now + 3 * hour
    )
    assert interruptions.announced(settings) == made
    assert made.message == "Travaux prévus."
    for at, seen in (("10:59", False), ("11:00", True), ("12:59", True), ("13:00", False)):
        clock_at(f"2027-03-01 {at}")
        assert (interruptions.shown(settings) is not None) is seen


def test_it_is_withdrawn_once(settings: Settings) -> None:
    interruptions.announce(settings, "Panne.")
    assert interruptions.withdraw(settings)
    assert not interruptions.withdraw(settings)
    assert interruptions.announced(settings) is None


@pytest.mark.parametrize("message", ["", "  ", "x" * 501])
def test_a_message_has_words_and_an_end(settings: Settings, message: str) -> None:
    with pytest.raises(Invalid):
        interruptions.announce(settings, message)


def test_its_end_comes_after_its_beginning(settings: Settings) -> None:
    now = clock.now()
    with pytest.raises(Invalid):
        interruptions.announce(settings, "Panne.", until=now)
    with pytest.raises(Invalid):
        interruptions.announce(settings, "Panne.", begins=now + timedelta(2), until=now + timedelta(1))


def test_a_spoilt_file_takes_no_page_with_it(settings: Settings) -> None:
    interruptions.announce(settings, "Panne.")
    for content in ("", "[]", '{"message": "x"}', '{"message": "x", "planned": true, "shown_from": "demain"}'):
        (settings.data / "interruption.json").write_text(content)
        assert interruptions.shown(settings) is None
