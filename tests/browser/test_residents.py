"""What residents do, in a real browser: with the keyboard alone, without JavaScript, back and forth, in two tabs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Response, expect

from engine.procedures import demo

Someone = Callable[..., Page]
Holds = Callable[[Page], None]

# What a page may weigh at the first visit, fonts and all, as it travels (issue 2).
WEIGHT_MAX = 100_000


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name).first.click()


def sign_in(page: Page, login: str) -> None:
    page.get_by_label("Identifiant").fill(login)
    page.get_by_label("Mot de passe", exact=False).first.fill(demo.PASSWORD)
    press(page, "Se connecter")


def fill_information(page: Page) -> None:
    first_name(page).fill("Paul")
    page.get_by_role("textbox", name=re.compile("^Nom")).fill("Durand")
    page.get_by_role("textbox", name=re.compile("^Courriel")).fill("paul.durand@exemple.fr")


def first_name(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("^Prénom"))


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    """A photo of a bill."""
    path = tmp_path / "facture.png"
    Image.new("RGB", (40, 30), "white").save(path)
    return path


def test_a_right_is_renewed_without_javascript(someone: Someone, proof: Path) -> None:
    """A5, A8, A14, A19, C1: from the padlock to the right renewed, the file kept in spite of an error."""
    page = someone(java_script_enabled=False)
    page.goto("/demarches/stationnement-renouvellement")
    page.get_by_role("button", name="Se connecter et commencer").click()
    sign_in(page, "claire.martin@exemple.fr")
    expect(page).to_have_title(re.compile("^Mes informations"))
    expect(page.get_by_label("Nom de naissance")).to_have_value("Martin")
    press(page, "Continuer")
    page.get_by_label("SR-4127-08").check()
    page.get_by_label("Un an").check()
    page.get_by_label("C’est toujours le même véhicule").check()
    press(page, "Continuer")
    page.locator("input[type=file]").first.set_input_files(proof)
    press(page, "Continuer")
    expect(page).to_have_title(re.compile("^Erreur"))
    expect(page.get_by_role("link", name="facture.png")).to_be_visible()
    page.get_by_label("Oui", exact=True).check()
    press(page, "Continuer")
    page.get_by_label("J’autorise la transmission").check()
    press(page, "Continuer")
    expect(page.locator("main")).to_contain_text("facture.png")
    page.get_by_label("Je certifie").check()
    press(page, "Déposer")
    expect(page.locator("main")).to_contain_text("Votre demande est déjà traitée")
    page.goto("/mon-espace")
    expect(page.get_by_label("J’autorise la transmission")).to_be_checked()
    expect(page.locator("main")).to_contain_text("Dernière mise à jour le")
    page.get_by_label("Je n’autorise pas la transmission").check()
    press(page, "Valider mon choix")
    expect(page.get_by_label("Je n’autorise pas la transmission")).to_be_checked()


def test_every_page_of_the_road_holds(someone: Someone, holds: Holds) -> None:
    page = someone()
    page.goto("/demarches/coordonnees-telephone")
    holds(page)
    page.get_by_role("button", name="Se connecter et commencer").click()
    holds(page)
    sign_in(page, "karim.benali@exemple.fr")
    holds(page)
    reference = page.url.split("/")[4]
    press(page, "Continuer")
    page.get_by_label("Téléphone mobile").fill("12")
    press(page, "Continuer")
    expect(page).to_have_title(re.compile("^Erreur"))
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    holds(page)
    page.get_by_label("Téléphone mobile").fill("06 39 98 00 11")
    press(page, "Continuer")
    holds(page)
    page.get_by_label("Je certifie").check()
    press(page, "Déposer")
    holds(page)
    for part in ("suivi", "suivi/demandeur", "suivi/demande", "suivi/pieces", "liens"):
        page.goto(f"/demandes/{reference}/{part}")
        holds(page)
    for path in ("/mon-espace", "/mon-espace/demandes", "/boite-denvoi", "/nulle-part"):
        page.goto(path)
        holds(page)


def test_a_report_is_filed_with_the_keyboard_alone(someone: Someone) -> None:
    page = someone()
    page.goto("/demarches/signalement")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, "Commencer")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("^Mes informations"))
    for text in ("Paul", "Durand", "paul.durand@exemple.fr"):
        _tab_to_next_box(page)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("^Ce que je signale"))
    _tab_to_next_box(page)
    page.keyboard.press("Space")  # the first of the choices
    for text in ("30 rue des Écoles", "", "95999", "Valmont-sur-Seine", "Un canapé."):
        _tab_to_next_box(page)
        page.keyboard.type(text)
    _tab_to_next_box(page)
    page.keyboard.press("ArrowUp")  # «Non», from «Oui»
    _tab_to(page, "Continuer")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("^Le récapitulatif"))
    _tab_to_next_box(page)
    page.keyboard.press("Space")
    _tab_to(page, "Déposer ma demande")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/confirmation(#|$)"))


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of that name has the focus, and see that it shows."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.textContent.trim()")
        if focused.startswith(name):
            shown = page.evaluate(
                "(style => style.outlineStyle !== 'none' || style.boxShadow !== 'none')"
                "(getComputedStyle(document.activeElement))"
            )
            assert shown, f"{name} has the focus and doesn't show it"
            return
    raise AssertionError(f"{name} can't be reached with Tab")


def _tab_to_next_box(page: Page) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("['INPUT', 'TEXTAREA', 'SELECT'].includes(document.activeElement.tagName)"):
            return
    raise AssertionError("no more box to fill in")


def test_the_back_button_and_a_second_tab_lose_nothing(someone: Someone) -> None:
    page = someone()
    page.goto("/demarches/signalement")
    press(page, "Commencer")
    fill_information(page)
    first = page.url
    other = page.context.new_page()
    other.goto(first)
    fill_information(other)
    press(page, "Continuer")
    expect(page).to_have_title(re.compile("^Ce que je signale"))
    first_name(other).fill("Pauline")
    press(other, "Continuer")  # the step is passed already: this corrects it
    expect(other).to_have_title(re.compile("^Ce que je signale"))
    page.go_back()
    expect(page.locator("main")).to_contain_text("Vous modifiez une étape déjà remplie")
    expect(first_name(page)).to_have_value("Paul")  # as this tab had it: the browser remembers
    press(page, "Valider la modification")
    expect(page).to_have_title(re.compile("^Ce que je signale"))


def test_going_back_over_errors_never_asks_to_send_the_form_again(someone: Someone) -> None:
    """A3: the browser would otherwise show an error of its own in place of the page that listed the errors."""
    page = someone()
    page.goto("/demarches/signalement")
    press(page, "Commencer")
    press(page, "Continuer")
    expect(page).to_have_title(re.compile("^Erreur"))
    fill_information(page)
    press(page, "Continuer")
    expect(page).to_have_title(re.compile("^Ce que je signale"))
    page.go_back()
    expect(page).to_have_title(re.compile("^Mes informations"))
    expect(first_name(page)).to_have_value("Paul")


@pytest.mark.parametrize("width", [320, 375])
def test_the_words_to_search_for_have_room_on_a_phone(someone: Someone, width: int) -> None:
    """A4."""
    page = someone()
    page.set_viewport_size({"width": width, "height": 640})
    page.goto("/demarches")
    box = page.get_by_label("Votre recherche").bounding_box()
    assert box is not None
    assert box["width"] > width / 2


def test_a_draft_is_resumed_from_another_device(someone: Someone, portal_url: str, holds: Holds) -> None:
    """A9."""
    page = someone()
    page.goto("/demarches/signalement")
    press(page, "Commencer")
    fill_information(page)
    press(page, "Continuer")
    press(page, "Obtenir un lien pour reprendre plus tard")
    link = page.get_by_label("Lien personnel").input_value()
    elsewhere = someone()
    elsewhere.goto(link.replace(re.sub(r"/suivi/.*", "", link), portal_url))
    expect(elsewhere).to_have_title(re.compile("^Ce que je signale"))
    # The link is ended where it isn't trusted any more; who has lost theirs asks for another.
    elsewhere.goto(elsewhere.url.partition("/etapes/")[0] + "/liens")
    holds(elsewhere)
    press(elsewhere, "Mettre fin à ces liens et en obtenir un nouveau")
    holds(elsewhere)
    page.reload()
    expect(page).to_have_url(re.compile("/connexion"))
    page.get_by_role("link", name="Je cherche une demande faite sans compte").click()
    press(page, "Recevoir un nouveau lien")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    holds(page)


@pytest.mark.parametrize("path", ["/demarches", "/demarches/signalement"])
def test_a_first_visit_is_light(someone: Someone, path: str) -> None:
    page = someone()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(path, wait_until="networkidle")
    weights = {answer.url: answer.request.sizes()["responseBodySize"] for answer in answers}
    assert len(weights) > 3
    assert sum(weights.values()) < WEIGHT_MAX, weights
