"""The catalogue and «La démarche» (A4, A5, A7, A14)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.portal.conftest import Visitor

pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]


def test_tiles_by_trade_lead_to_their_procedures(visitor: Visitor, said: Said) -> None:
    """A4, A5: locked procedures carry a padlock, said in words too."""
    page = visitor.get("/demarches")
    assert "Renouveler mon droit de stationnement résidentiel (connexion nécessaire)" in said(page)
    assert "Signaler une anomalie dans l’espace public (connexion nécessaire)" not in said(page)
    assert 'href="/demarches?metier=stationnement"' in page.text
    trade = visitor.get("/demarches?metier=stationnement")
    assert "<title>Stationnement – " in trade.text
    assert "Signaler une anomalie" not in said(trade)


@pytest.mark.parametrize("words", ["vehicules", "véhicule", "VÉHICULE"])
def test_search_ignores_accents_case_and_plurals(visitor: Visitor, said: Said, words: str) -> None:
    page = visitor.get("/demarches", query_string={"q": words})
    text = said(page)
    assert "Changer le véhicule de mon droit de stationnement" in text
    # Its title says it: before those that only describe it.
    assert text.index("Changer le véhicule") < text.index("Renouveler mon droit")


def test_a_search_without_result_says_what_to_do(visitor: Visitor, said: Said) -> None:
    page = visitor.get("/demarches", query_string={"q": "licorne <b>"})
    assert "0 démarche pour « licorne <b> »" in said(page)
    assert "licorne <b>" not in page.text


@pytest.mark.parametrize("typed", ["?", "«\u00a0»", "…"])
def test_a_search_that_says_nothing_asks_for_a_word(visitor: Visitor, said: Said, typed: str) -> None:
    page = visitor.get("/demarches", query_string={"q": typed})
    assert "Saisissez au moins une lettre ou un chiffre." in said(page)
    assert "ville-result" not in page.text


def test_the_catalogue_is_found_with_a_slash_too(visitor: Visitor) -> None:
    assert visitor.get("/demarches/").location == "/demarches"
    assert visitor.get("/demarches/?q=vélo").location == "/demarches?q=v%C3%A9lo"


def test_the_page_of_a_procedure_says_what_to_have_and_how_long_it_takes(visitor: Visitor, said: Said) -> None:
    """A7: the maximum duration, with «Aide à la saisie» under it."""
    page = visitor.get("/demarches/stationnement-renouvellement")
    text = said(page)
    assert "Justificatif de domicile" in text
    assert text.index("Durée maximum de la démarche") < text.index("Aide à la saisie")
    assert "Sans réponse de notre part" in text
    assert 'href="#aide-a-la-saisie"' in page.text


def test_a_locked_procedure_asks_to_sign_in_and_then_opens_its_draft(
    visitor: Visitor, account: Callable[..., Any], said: Said
) -> None:
    """A5."""
    account()
    page = visitor.get("/demarches/coordonnees-telephone")
    assert "Cette démarche demande un compte" in said(page)
    assert "Commencer" not in said(page).split("Se connecter et commencer")[0]
    answer = visitor.post("/demarches/coordonnees-telephone")
    assert answer.location == "/connexion?demarche=coordonnees-telephone"
    assert "Changement de téléphones" in said(visitor.get(answer.location))
    answer = visitor.sign_in("claire.martin@exemple.fr", demarche="coordonnees-telephone")
    page = visitor.follow(answer)
    assert page.request.path.endswith("/etapes/mes_informations")
    assert 'value="Claire"' in page.text  # A8: filled in from the account


def test_parking_pages_lead_to_the_space(visitor: Visitor, account: Callable[..., Any], said: Said) -> None:
    """A14: «Gérer mon droit et suivre mes demandes» leads to sign-in, then to the space."""
    account()
    page = visitor.get("/demarches/stationnement-renouvellement")
    assert "Gérer mon droit et suivre mes demandes" in said(page)
    assert "Gérer mon droit" not in said(visitor.get("/demarches/signalement"))
    sign_in = visitor.get("/mon-espace")
    assert sign_in.location == "/connexion?suite=%2Fmon-espace"
    page = visitor.follow(visitor.sign_in("claire.martin@exemple.fr", suite="/mon-espace"))
    assert "<title>Mon espace" in page.text


def test_a_procedure_that_is_none_is_not_found(visitor: Visitor) -> None:
    assert visitor.get("/demarches/inconnue").status_code == 404
    assert visitor.post("/demarches/inconnue").status_code == 404


def test_people_find_parking_by_the_word_they_use(visitor: Visitor, said: Said) -> None:
    """A4."""
    found = said(visitor.get("/demarches?q=garer"))
    assert "Demander un droit de stationnement résidentiel" in found
    assert "Renouveler mon droit de stationnement résidentiel" in found


def test_a_misspelt_word_finds_what_was_meant(visitor: Visitor, said: Said) -> None:
    found = said(visitor.get("/demarches?q=Passeprot"))
    assert "Aucune démarche pour « Passeprot ». Voici 1 démarche pour « passeport »." in found.replace("\u00a0", " ")
    assert "Prendre rendez-vous pour une carte d’identité ou un passeport" in found


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        ("déménager", "coordonnees-adresse"),
        ("nid de poule", "signalement"),
        ("ordures", "signalement"),
        ("vignette", "stationnement-premiere-demande"),
        ("refaire mon passeport", "rendez-vous-titre-identite"),
    ],
)
def test_procedures_are_found_by_the_words_of_who_looks_for_them(visitor: Visitor, words: str, slug: str) -> None:
    address = f'href="/demarches/{slug}"'
    assert address in visitor.get("/demarches", query_string={"q": words}).text
    assert address not in visitor.get("/demarches?q=zeppelin").text
