"""What several commands say alike."""

from __future__ import annotations

from commands.wording import counted, nearest


def test_one_thing_is_not_many() -> None:
    assert [counted(number, "head") for number in (0, 1, 2)] == ["0 heads", "1 head", "2 heads"]


def test_what_was_probably_meant_is_found_whatever_its_case() -> None:
    known = ["Voirie", "Stationnement résidentiel"]
    assert nearest("stationement residentiel", known) == "Stationnement résidentiel"
    assert nearest("Autonomie", known) is None
    assert nearest("Voirie", []) is None
