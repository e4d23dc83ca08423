"""How people look for procedures (A4)."""

from __future__ import annotations

import pytest

from engine.procedures import searching
from engine.procedures.catalogue import Procedure


def procedure(title: str, *, description: str = "", **properties: str) -> Procedure:
    return Procedure(slug=title.casefold(), title=title, properties={"description": description, **properties})


PARKING = procedure(
    "Renouveler mon stationnement résidentiel", description="Prolongez votre droit.", trade="Stationnement"
)
VEHICLE = procedure("Changer de véhicule", description="Pour votre stationnement.", trade="Stationnement")
WORKS = procedure("Signaler des travaux bruyants", trade="Espace public", keywords="chantier bruit nuisances")
ADDRESS = procedure("Changer d’adresse postale", trade="Coordonnées", sector="Mon compte")
ALL = [PARKING, VEHICLE, WORKS, ADDRESS]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("véhicule", [VEHICLE]),
        ("VEHICULES", [VEHICLE]),
        ("travail", [WORKS]),
        ("chantiers", [WORKS]),
        ("changement adresse", []),
        ("changer adresse", [ADDRESS]),
        ("mon compte", [ADDRESS]),
        ("renouv", [PARKING]),
        ("piscine", []),
        ("stationnement piscine", []),
    ],
)
def test_words_are_found_whatever_their_accents_case_and_number(typed: str, found: list[Procedure]) -> None:
    assert searching.search(ALL, typed) == found


@pytest.mark.parametrize("typed", ["", "  ", "%", "de la"])
def test_nothing_to_look_for_shows_everything(typed: str) -> None:
    assert searching.search(ALL, typed) == ALL


def test_a_title_comes_before_a_description() -> None:
    assert searching.search(ALL, "stationnement") == [PARKING, VEHICLE]
    assert searching.search([VEHICLE, PARKING], "stationnement") == [PARKING, VEHICLE]


def test_an_exact_word_comes_before_a_beginning() -> None:
    exact, longer = procedure("Une carte"), procedure("Un carton")
    assert searching.search([longer, exact], "cart") == [longer, exact]
    assert searching.search([longer, exact], "carte") == [exact]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stationement", "stationnement"),
        ("vehiculle", "véhicule"),
        ("chnager véhicule", "changer véhicule"),
        ("mon stationemment résidentiel", "mon stationnement résidentiel"),
        # Far from everything, too short to tell, or near something that would answer nothing with the rest.
        ("piscine", None),
        ("brui", None),
        ("stationement piscine", None),
        ("stationement bruit", None),
        ("stationement " * 9, None),
    ],
)
def test_a_misspelt_word_is_guessed_where_one_is_near(typed: str, meant: str | None) -> None:
    assert searching.meant(ALL, typed) == meant
