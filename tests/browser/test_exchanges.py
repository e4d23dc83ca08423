"""A message to the city and its answer, in a real browser: the resident without JavaScript, the agent with it (D2, D3, A17)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from engine.procedures import demo

Someone = Callable[..., Page]
Holds = Callable[[Page], None]

INES = "ines.moreau@exemple.fr"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "capture.png"
    Image.new("RGB", (40, 30), "white").save(path)
    return path


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name).first.click()


@pytest.mark.parametrize("scripts", [False, True], ids=["without-javascript", "with-javascript"])
def test_a_question_to_the_city_is_talked_over(someone: Someone, holds: Holds, photo: Path, scripts: bool) -> None:
    """From the contact form to «Lu»: the service asks, a file survives an error, the answer brings the request back."""
    page = someone(java_script_enabled=scripts)
    look = holds if scripts else lambda _page: None
    reference = written(page, look)
    agent = someone()
    signed_in(agent)
    agent.get_by_role("button", name=f"Prendre en charge {reference}").click()
    agent.get_by_label("Poser une question à l’usager").check()
    agent.locator("textarea[name=message]").fill("Quel message lisez-vous à l’écran\u00a0? " * 6)
    press(agent, "Terminer la tâche")

    page.goto(f"/demandes/{reference}/suivi")
    page.get_by_role("link", name="Échanges (1)").click()
    expect(page.locator("main")).to_contain_text("Non lu")
    look(page)
    press(page, "Voir la suite")
    expect(page.locator(".ville-message")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("Non lu")
    page.locator("input[type=file]").first.set_input_files(photo)
    press(page, "Envoyer")
    expect(page).to_have_title(re.compile("^Erreur"))
    expect(page.get_by_role("link", name="capture.png")).to_be_visible()
    look(page)
    page.locator("textarea[name=message]").fill("Voici une capture.")
    press(page, "Envoyer")
    expect(page.locator("main")).to_contain_text("Votre message est envoyé")
    expect(page.locator("main")).to_contain_text("Pas encore lu")
    look(page)

    agent.goto("/agents/corbeilles")
    agent.get_by_role("link", name="Échanges à lire").click()
    agent.get_by_role("button", name=f"Voir la suite : Une question sur votre message, {reference}").click()
    expect(agent.get_by_role("link", name="capture.png")).to_be_visible()
    if scripts:
        holds(agent)
    page.reload()
    expect(page.locator("main")).to_contain_text("Lu le")
    agent.goto(f"/agents/demandes/{reference}")
    expect(agent.get_by_role("link", name="Répondre au message")).to_be_visible()
    agent.get_by_role("link", name="Écrire à l’usager").click()
    agent.get_by_label("Objet").fill("Bonne nouvelle")
    agent.locator("textarea[name=message]").fill("Votre compte est débloqué.")
    press(agent, "Envoyer")
    expect(agent.locator("main")).to_contain_text("Votre message est envoyé")
    page.goto("/boite-denvoi/sms")
    expect(page.locator("main")).to_contain_text(f"Votre demande {reference} attend une réponse")
    look(page)


def written(page: Page, look: Holds) -> str:
    """Write to the city, to be told by text message; the reference of the request."""
    page.goto("/demarches/contact")
    press(page, "Commencer")
    page.get_by_role("textbox", name=re.compile("^Prénom")).fill("Paul")
    page.get_by_role("textbox", name=re.compile("^Nom")).fill("Durand")
    page.get_by_role("textbox", name=re.compile("^Courriel")).fill("paul.durand@exemple.fr")
    page.get_by_role("textbox", name=re.compile("^Téléphone")).fill("06 39 98 12 07")
    page.get_by_label("Par SMS").check()
    press(page, "Continuer")
    page.get_by_label("Poser une question").check()
    page.locator("select[name=domaine]").select_option("Autre")
    topic = page.locator("select[name=thematique]").filter(
        has=page.locator("option", has_text="Difficultés avec le compte")
    )
    topic.select_option("Difficultés avec le compte")
    look(page)
    page.locator("textarea[name=message]").fill("Je n’arrive plus à me connecter.")
    press(page, "Continuer")
    page.get_by_label("Je certifie").check()
    press(page, "Déposer")
    expect(page).to_have_url(re.compile("/confirmation(#|$)"))
    return page.url.split("/demandes/")[1].split("/")[0]


def signed_in(page: Page) -> None:
    page.goto("/connexion?suite=/agents/corbeilles")
    page.get_by_label("Identifiant").fill(INES)
    page.get_by_label("Mot de passe", exact=False).first.fill(demo.PASSWORD)
    press(page, "Se connecter")
    expect(page.get_by_role("heading", level=1, name="corbeille")).to_be_visible()
