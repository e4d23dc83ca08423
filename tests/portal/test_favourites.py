"""Favourites and sectors on the pages of a resident (B9, B10, B11)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from engine.core.db import Database
from engine.people import favourites
from engine.people.accounts import Account
from engine.procedures import catalogue
from tests.portal.conftest import Visitor

Said = Callable[[TestResponse], str]
SLUGS = [
    "signalement",
    "coordonnees-adresse",
    "autonomie-demande",
    "inscription-activite",
    "stationnement-renouvellement",
]


@pytest.fixture
def claire(visitor: Visitor, account: Callable[..., Account]) -> Account:
    made = account()
    visitor.sign_in(made.login)
    return made


@pytest.fixture
def five(visitor: Visitor, claire: Account) -> Account:
    """A resident with five favourites, in the order of SLUGS."""
    for slug in SLUGS:
        visitor.post("/mon-espace/favoris", {"action": f"ajouter:{slug}"})
    return claire


def kept(data: Database, account: Account) -> list[str]:
    with data.reading() as session:
        return favourites.of_account(session, account.id)


def menu(page: TestResponse) -> str:
    """The menu beside the person's name."""
    return page.text.partition("ville-menu")[2].partition("</details>")[0]


def test_a_procedure_is_kept_and_taken_out_from_its_page(
    visitor: Visitor, claire: Account, data: Database, said: Said
) -> None:
    assert "Ajouter à mes services favoris" in said(visitor.get("/demarches/signalement"))
    page = visitor.follow(visitor.post("/mon-espace/favoris", {"action": "ajouter:signalement", "retour": "demarche"}))
    assert page.request.path == "/demarches/signalement"
    assert "Ce service est dans vos favoris" in said(page)
    assert "Retirer de mes services favoris" in said(page)
    visitor.post("/mon-espace/favoris", {"action": "retirer:signalement", "retour": "demarche"})
    assert kept(data, claire) == []


def test_the_first_four_are_in_the_sign_in_menu_of_every_page(visitor: Visitor, five: Account) -> None:
    """B10."""
    for path in ("/demarches", "/mon-espace/profil", "/nulle-part"):
        shown = menu(visitor.get(path))
        assert [slug in shown for slug in SLUGS] == [True, True, True, True, False]


def test_nobody_elses_menu_has_them(
    visitors: Callable[[], Visitor], five: Account, account: Callable[..., Account]
) -> None:
    other = visitors()
    other.sign_in(account("karim.benali@exemple.fr").login)
    assert "/demarches/signalement" not in menu(other.get("/mon-espace"))
    assert "ville-menu" not in visitors().get("/mentions-legales").text


def test_the_order_changes_by_buttons_and_leads_back_to_the_row(
    visitor: Visitor, five: Account, data: Database, said: Said
) -> None:
    """Without JavaScript and with the keyboard."""
    page = visitor.get("/mon-espace/profil/favoris")
    first = page.text.partition('id="favori-signalement"')[2].partition("</li>")[0]
    assert first.count(" disabled") == 1  # the first can't go up
    answer = visitor.post("/mon-espace/favoris", {"action": "monter:autonomie-demande"})
    assert answer.location.endswith("/mon-espace/profil/favoris#favori-autonomie-demande")
    assert kept(data, five)[:3] == ["signalement", "autonomie-demande", "coordonnees-adresse"]
    visitor.post("/mon-espace/favoris", {"action": "descendre:signalement"})
    assert kept(data, five)[:2] == ["autonomie-demande", "signalement"]


def test_the_order_that_was_dropped_is_kept(visitor: Visitor, five: Account, data: Database) -> None:
    visitor.post("/mon-espace/favoris", {"action": "ordonner", "ordre": SLUGS[::-1]})
    assert kept(data, five) == SLUGS[::-1]


@pytest.mark.parametrize(
    ("sent", "status"),
    [({}, 400), ({"action": "x"}, 400), ({"action": "ajouter:inconnue"}, 404), ({"action": "ajouter"}, 303)],
)
def test_what_makes_no_sense_changes_nothing(
    visitor: Visitor, claire: Account, data: Database, sent: dict[str, str], status: int
) -> None:
    assert visitor.post("/mon-espace/favoris", sent).status_code == status
    assert kept(data, claire) == []


def test_a_procedure_that_is_withdrawn_is_left_out(visitor: Visitor, five: Account, data: Database) -> None:
    data.run(catalogue.withdraw, "signalement")
    shown = menu(visitor.get("/mon-espace"))
    assert "/demarches/signalement" not in shown
    assert "/demarches/inscription-activite" in shown  # the fourth of those that are left
    assert kept(data, five) == SLUGS


# --- sectors ---------------------------------------------------------------------------------------------------------------


def side(page: TestResponse) -> str:
    return page.text.partition('class="ville-side"')[2].partition("</nav>")[0]


def test_a_sector_is_taken_out_of_the_side_menu_and_keeps_its_page(
    visitor: Visitor, claire: Account, said: Said, report: Callable[..., str]
) -> None:
    """B9: hidden or not, every request stays in «Mes demandes»."""
    reference = report(visitor, filed=True)
    assert "Cadre de vie" in side(visitor.get("/mon-espace"))
    visitor.post("/mon-espace/profil/rubriques", {"rubriques": ["mon-compte", "inconnue"]})
    shown = side(visitor.get("/mon-espace"))
    assert "Mon compte" in shown
    assert "Cadre de vie" not in shown
    assert reference in said(visitor.get("/mon-espace/demandes"))
    assert reference in said(visitor.get("/mon-espace/rubriques/cadre-de-vie"))


def test_a_sector_shows_its_own_requests_messages_favourites_and_procedures(
    visitor: Visitor, five: Account, said: Said, report: Callable[..., str]
) -> None:
    reference = report(visitor, filed=True)
    text = said(visitor.get("/mon-espace/rubriques/cadre-de-vie"))
    assert reference in text
    assert "Mes services favoris" in text
    other = said(visitor.get("/mon-espace/rubriques/mon-compte"))
    assert reference not in other
    assert "Changement de téléphones" in other
    assert visitor.get("/mon-espace/rubriques/inconnue").status_code == 404


def test_requests_are_filtered_by_sector_and_state(
    visitor: Visitor, claire: Account, said: Said, report: Callable[..., str]
) -> None:
    """B8; what the address says wrongly filters nothing."""
    filed, draft = report(visitor, filed=True), report(visitor)
    everything = "/mon-espace/demandes"
    assert {filed, draft} == {one for one in (filed, draft) if one in said(visitor.get(everything))}
    assert draft not in said(visitor.get(f"{everything}?etat=en-cours"))
    assert filed not in said(visitor.get(f"{everything}?etat=brouillon"))
    assert filed in said(visitor.get(f"{everything}?rubrique=cadre-de-vie&etat=en-cours"))
    none = said(visitor.get(f"{everything}?rubrique=mon-compte"))
    assert "Aucune de vos demandes ne répond à ces critères" in none
    assert filed in said(visitor.get(f"{everything}?rubrique=x&etat=x&page=-1"))
    assert filed in said(visitor.get(f"{everything}?page=99"))
