"""The choice that an address makes of a queue, and the address of a choice."""

from __future__ import annotations

import pytest

from engine.procedures.tasks import LAST_PAGE
from portal.agents import filters
from portal.agents.filters import Filters

FULL = {
    "corbeille": "Autonomie",
    "q": "le goff",
    "miennes": "1",
    "retard": "1",
    "tri": "usager",
    "sens": "decroissant",
    "page": "3",
}


def test_an_address_comes_back_as_it_was() -> None:
    assert filters.read(FULL).here == FULL
    assert filters.read({}).here == {}


def test_changing_the_choice_leads_to_the_first_page() -> None:
    chosen = filters.read(FULL)
    assert "page" not in chosen.query(words="")
    assert chosen.query(page=4) == {**FULL, "page": "4"}
    assert chosen.query(group="", words="", mine=False, late=False, sort="echeance", down=False) == {}


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1.5", "²", "٣", " 2", "1e3"])
def test_what_is_no_page_is_the_first(page: str) -> None:
    assert filters.read({"page": page}).page == 1


def test_a_page_has_its_limit() -> None:
    assert filters.read({"page": "99999"}).page == LAST_PAGE


def test_what_means_nothing_is_left_out() -> None:
    assert filters.read({"tri": "prenom", "miennes": "0", "retard": "oui", "autre": "1"}) == Filters()


def test_words_are_cut_and_their_blanks_made_single() -> None:
    assert filters.read({"q": "  le   goff "}).words == "le goff"
    assert len(filters.read({"q": "a" * 500}).words) == filters.WORDS_MAX
