"""«Mon espace» (A14, C1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from werkzeug.test import TestResponse

from engine.core.db import Database
from engine.people import consents
from engine.people.accounts import Account
from engine.rights import entitlements
from tests.portal.conftest import Visitor

Said = Callable[[TestResponse], str]


@pytest.fixture
def claire(visitor: Visitor, account: Callable[..., Account]) -> Account:
    """A resident, signed in."""
    made = account()
    visitor.sign_in(made.login)
    return made


def test_rights_come_first_and_the_consent_last(
    visitor: Visitor, claire: Account, data: Database, report: Callable[..., str], said: Said
) -> None:
    """A14: first the rights (dates, vehicle) and the requests with their status, then new requests, then the consent."""
    data.run(
        entitlements.add,
        claire.id,
        zone="Z3",
        plate="GA-482-KL",
        starts_on=date(2020, 1, 1),
        ends_on=date(2099, 12, 31),
        numero="SR-4127-08",
    )
    filed = report(visitor, filed=True)
    draft = report(visitor)
    text = said(visitor.get("/mon-espace"))
    places = [
        text.index(one)
        for one in (
            "SR-4127-08",
            "GA-482-KL",
            draft,
            filed,
            "Nouvelle demande",
            "Modifier mon profil",
            "J’autorise la transmission",
        )
    ]
    assert places == sorted(places)
    assert "1er janvier 2020 au 31 décembre 2099" in text


def test_who_holds_no_right_is_proposed_none_to_renew(
    visitor: Visitor, claire: Account, data: Database, said: Said
) -> None:
    renewing = ('href="/demarches/stationnement-renouvellement"', 'href="/demarches/stationnement-changement-vehicule"')
    page = visitor.get("/mon-espace").text
    assert 'href="/demarches/stationnement-premiere-demande"' in page
    assert not any(address in page for address in renewing)
    day = date(2020, 1, 1)
    data.run(entitlements.add, claire.id, zone="Z3", plate="GA-482-KL", starts_on=day, ends_on=day, numero="SR-1-08")
    page = visitor.get("/mon-espace").text
    assert all(address in page for address in renewing)


def test_the_consent_is_two_exclusive_choices_and_holds_at_once(
    visitor: Visitor, claire: Account, data: Database, said: Said
) -> None:
    """C1, seed 000."""
    page = visitor.get("/mon-espace")
    assert page.text.count('type="radio"') == 2
    assert "checked" not in page.text
    assert "En cas de refus, vous devrez payer vos redevances de stationnement via un horodateur." in said(page)
    page = visitor.follow(visitor.post("/mon-espace/consentement", {"choix": "oui"}))
    assert "Il prend effet immédiatement" in said(page)
    assert "Dernière mise à jour le " in said(page)
    with data.reading() as session:
        assert consents.granted(session, claire.id, consents.MOBILE_PAYMENT)
    page = visitor.follow(visitor.post("/mon-espace/consentement", {"choix": "non"}))
    assert page.text.count(" checked") == 1
    with data.reading() as session:
        assert not consents.granted(session, claire.id, consents.MOBILE_PAYMENT)
        assert [one.granted for one in consents.history(session, claire.id, consents.MOBILE_PAYMENT)] == [False, True]


@pytest.mark.parametrize("choice", [{}, {"choix": "peut-être"}])
def test_no_choice_is_no_consent(
    visitor: Visitor, claire: Account, data: Database, choice: dict[str, str], said: Said
) -> None:
    page = visitor.post("/mon-espace/consentement", choice)
    assert page.status_code == 422
    assert "Choisissez une des deux options." in said(page)
    with data.reading() as session:
        assert consents.current(session, claire.id, consents.MOBILE_PAYMENT) is None


def test_every_request_is_listed_with_the_way_to_it(
    visitor: Visitor, claire: Account, report: Callable[..., str], said: Said
) -> None:
    references = [report(visitor, filed=True) for _ in range(5)]
    latest = said(visitor.get("/mon-espace"))
    assert sum(reference in latest for reference in references) == 4
    page = visitor.get("/mon-espace/demandes")
    for reference in references:
        assert f'href="/demandes/{reference}"' in page.text
    assert visitor.get(f"/mon-espace/demandes/{references[0]}").location == f"/demandes/{references[0]}/suivi"


def test_what_is_asked_of_the_resident_shows(visitor: Visitor, claire: Account, data: Database, said: Said) -> None:
    """The code of a new sign-in e-mail is asked for right after filing (A15)."""
    step = visitor.post("/demarches/coordonnees-courriel").location
    page = visitor.get(step)
    assert page.status_code == 200
    information = {
        "sexe": "F",
        "prenoms": "Claire",
        "nom_naissance": "Martin",
        "date_naissance-day": "14",
        "date_naissance-month": "3",
        "date_naissance-year": "1987",
        "adresse.voie": "12 rue des Tilleuls",
        "adresse.code_postal": "75099",
        "adresse.commune": "Valmont-sur-Seine",
        "courriel": "claire.martin@exemple.fr",
        "contact_prefere": "courriel",
    }
    step = visitor.post(step, information).location
    step = visitor.post(step, {"usage": "connexion", "courriel": "claire.nouvelle@exemple.fr"}).location
    confirmation = visitor.follow(visitor.post(step, {"certification": "true"}))
    assert "Il reste une chose à faire" in said(confirmation)
    space = visitor.get("/mon-espace")
    assert "À compléter" in said(space)
    assert "À faire" in said(space).split("Mes droits de stationnement")[0]
    assert f'href="{confirmation.request.path.replace("confirmation", "a-faire")}/' in space.text
    task = confirmation.text.split("/a-faire/")[1].split('"')[0]
    reference = step.split("/")[2]
    assert "maxlength" not in visitor.get(f"/demandes/{reference}/a-faire/{task}").text  # a pasted code has blanks
    answer = visitor.post(f"/demandes/{reference}/a-faire/{task}", {"action": "valider", "code": " 00 00 "})
    again = visitor.follow(answer)
    assert "/a-faire/" in again.request.path
    assert "de nouveau à remplir" in said(again)
