"""From the catalogue to the decision in a real browser: the pages that residents and agents see on the way (E1, E2, E3)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from engine.procedures import demo

Someone = Callable[..., Page]
Holds = Callable[[Page], None]


def sign_in(page: Page, login: str) -> None:
    page.goto("/connexion")
    page.get_by_label("Identifiant").fill(login)
    page.get_by_label("Mot de passe", exact=False).first.fill(demo.PASSWORD)
    press(page, "Se connecter")
    expect(page.get_by_role("button", name="Se déconnecter")).to_be_visible()


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name).first.click()


@pytest.mark.parametrize("path", ["/demarches", "/demarches/signalement", "/connexion", "/demarches?q=stationnement"])
def test_public_pages_hold(someone: Someone, holds: Holds, path: str) -> None:
    page = someone()
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200
    assert page.locator("html").get_attribute("lang") == "fr"
    holds(page)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_report_goes_from_the_catalogue_to_its_end(someone: Someone, holds: Holds, scripts: bool) -> None:
    """A8, A10: without an account, with and without JavaScript."""

    def look() -> None:
        if scripts:
            holds(page)

    page = someone(java_script_enabled=scripts)
    page.goto("/demarches")
    page.get_by_role("link", name="Signaler une anomalie").first.click()
    look()
    press(page, "Commencer")
    look()
    page.get_by_label("Prénom *").fill("Paul")
    page.get_by_label("Nom *", exact=True).fill("Durand")
    page.get_by_label("Courriel").first.fill("paul.durand@exemple.fr")
    press(page, "Continuer")
    look()
    page.get_by_label("Dépôt sauvage ou encombrants").check()
    page.get_by_label("Numéro et nom de la voie").fill("30 rue des Écoles")
    page.get_by_label("Code postal").fill("95999")
    page.get_by_label("Commune").fill("Valmont-sur-Seine")
    press(page, "Continuer")

    expect(page).to_have_title(re.compile("^Erreur"))
    expect(page.get_by_label("Numéro et nom de la voie")).to_have_value("30 rue des Écoles")
    look()
    page.get_by_label("Que voyez-vous").fill("Un canapé sur le trottoir.")
    page.get_by_label("Non", exact=True).check()
    press(page, "Continuer")
    look()
    page.get_by_label("Je certifie").check()
    press(page, "Déposer ma demande")
    expect(page).to_have_url(re.compile("confirmation"))
    look()
    found = re.search(r"/demandes/([^/]+)/", page.url)
    assert found
    reference = found[1]

    agent = someone(java_script_enabled=scripts)
    sign_in(agent, "nadia.cohen@exemple.fr")
    agent.goto("/agents/corbeilles")
    agent.get_by_role("link", name=re.compile(reference)).first.click()
    if scripts:
        holds(agent)
    press(agent, "Prendre en charge")
    agent.get_by_label("Orienter vers le service compétent").check()
    agent.get_by_label("Service ou organisme compétent").fill("Le syndic de l’immeuble")
    agent.get_by_label("Explication pour l’usager").fill("Ce trottoir est privé.")
    press(agent, "Terminer la tâche")
    expect(agent.locator("main")).not_to_contain_text("Il y a un problème")
    agent.goto(f"/agents/demandes/{reference}")
    if scripts:
        holds(agent)

    page.goto(f"/demandes/{reference}/suivi")
    expect(page.locator("main")).to_contain_text(re.compile("orient|transmis|terminé", re.IGNORECASE))
    look()


def test_a_residents_space_holds(someone: Someone, holds: Holds) -> None:
    page = someone()
    sign_in(page, "claire.martin@exemple.fr")
    page.goto("/mon-espace")
    holds(page)


def test_an_agents_queue_holds(someone: Someone, holds: Holds) -> None:
    page = someone()
    sign_in(page, "sonia.lefevre@exemple.fr")
    page.goto("/agents/corbeilles")
    holds(page)
