"""Services at hand, and the sectors of the side menu (B9, B10)."""

from __future__ import annotations

from uuid import UUID

import pytest

from engine.core.db import Session
from engine.core.errors import Conflict
from engine.people import accounts, favourites


@pytest.fixture
def ada(session: Session) -> UUID:
    return accounts.create(session, login="ada@exemple.fr", first_names="Ada", birth_name="Lovelace").id


@pytest.fixture
def four(session: Session, ada: UUID) -> UUID:
    """Somebody with the favourites a, b, c and d."""
    for slug in "abcd":
        favourites.add(session, ada, slug)
    return ada


def test_favourites_stay_in_the_order_in_which_they_came(session: Session, four: UUID) -> None:
    favourites.add(session, four, "b")  # again: it stays where it is
    assert favourites.of_account(session, four) == ["a", "b", "c", "d"]
    favourites.remove(session, four, "b")
    favourites.remove(session, four, "b")
    favourites.add(session, four, "b")
    assert favourites.of_account(session, four) == ["a", "c", "d", "b"]


@pytest.mark.parametrize(
    ("slug", "up", "order"),
    [("c", True, "acbd"), ("c", False, "abdc"), ("a", True, "abcd"), ("d", False, "abcd"), ("x", True, "abcd")],
)
def test_one_is_moved_by_a_place(session: Session, four: UUID, slug: str, up: bool, order: str) -> None:
    favourites.move(session, four, slug, up=up, among="abcd")
    assert "".join(favourites.of_account(session, four)) == order


def test_moving_passes_over_what_the_person_does_not_see(session: Session, four: UUID) -> None:
    """B was withdrawn from the catalogue: up from c is before a."""
    favourites.move(session, four, "c", up=True, among="acd")
    assert "".join(favourites.of_account(session, four)) == "cbad"


@pytest.mark.parametrize(("sent", "order"), [("dcba", "dcba"), ("db", "dbac"), ("xdda", "dabc"), ("", "abcd")])
def test_a_whole_order_is_taken_as_far_as_it_makes_sense(session: Session, four: UUID, sent: str, order: str) -> None:
    favourites.reorder(session, four, list(sent))
    assert "".join(favourites.of_account(session, four)) == order


def test_there_is_an_end_to_them(session: Session, ada: UUID) -> None:
    for number in range(favourites.AT_MOST):
        favourites.add(session, ada, f"s{number}")
    with pytest.raises(Conflict):
        favourites.add(session, ada, "one-too-many")


def test_sectors_are_shown_until_they_are_hidden(session: Session, ada: UUID) -> None:
    """A sector that comes later shows by itself."""
    assert favourites.hidden_sectors(session, ada) == frozenset()
    favourites.hide_sectors(session, ada, ["Famille", "Voirie", "Famille"])
    assert favourites.hidden_sectors(session, ada) == {"Famille", "Voirie"}
    favourites.hide_sectors(session, ada, [])
    assert favourites.hidden_sectors(session, ada) == frozenset()


def test_both_are_read_in_one_go(session: Session, four: UUID) -> None:
    favourites.reorder(session, four, list("dcba"))
    favourites.hide_sectors(session, four, ["Famille"])
    assert favourites.preferences(session, four) == (list("dcba"), {"Famille"})
