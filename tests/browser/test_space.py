"""The space in a real browser: favourites, sectors, drafts that come along, several persons, a tracking (A2, A9–A12, B7–B10)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pikepdf
from playwright.sync_api import Page, expect

from engine.procedures import demo
from tests.browser.test_main_job import press, sign_in

Someone = Callable[..., Page]
Holds = Callable[[Page], None]
ORDER = ("Signaler une anomalie dans l’espace public", "S’inscrire à une activité", "Changement d’adresses postales")


def _order(page: Page) -> list[str]:
    return [name.strip() for name in page.locator(".ville-sortable__name").all_inner_texts()]


def test_favourites_are_dragged_and_the_space_holds(someone: Someone, holds: Holds) -> None:
    """B7, B8, B10, with JavaScript; every page of the space is accessible and fits a phone."""
    page = someone()
    sign_in(page, "lucie.dubreuil@exemple.fr")
    for slug in ("signalement", "coordonnees-adresse", "inscription-activite"):
        page.goto(f"/demarches/{slug}")
        press(page, "Ajouter à mes services favoris")
    holds(page)
    page.goto("/mon-espace/profil/favoris")
    rows = page.locator(".ville-sortable__item")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        rows.nth(2).drag_to(rows.nth(1), target_position={"x": 30, "y": 4})
    expect(page.get_by_role("status")).to_contain_text("S’inscrire à une activité est maintenant à la place 2")
    page.reload()
    assert _order(page) == list(ORDER)
    holds(page)
    page.locator(".ville-menu summary").click()
    holds(page)
    page.locator(".ville-menu").get_by_role("link", name=ORDER[1]).click()
    expect(page).to_have_url(re.compile("/demarches/inscription-activite$"))
    for path in ("", "/demandes", "/echanges", "/rendez-vous", "/coordonnees", "/rattacher", "/profil/rubriques"):
        page.goto(f"/mon-espace{path}")
        holds(page)
    page.goto("/mon-espace/demandes")
    page.get_by_label("État").select_option("Terminées")
    press(page, "Filtrer")
    expect(page).to_have_url(re.compile("etat=terminee"))


def test_favourites_and_sectors_without_javascript_and_with_the_keyboard(someone: Someone) -> None:
    """B9, B10."""
    page = someone(java_script_enabled=False)
    sign_in(page, "claire.martin@exemple.fr")
    for slug in ("signalement", "coordonnees-adresse", "inscription-activite"):
        page.goto(f"/demarches/{slug}")
        press(page, "Ajouter à mes services favoris")
    page.goto("/mon-espace/profil/favoris")
    page.get_by_role("button", name=f"Monter : {ORDER[1]}").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#favori-inscription-activite$"))
    assert _order(page) == list(ORDER)
    page.get_by_role("button", name=f"Retirer : {ORDER[0]}").press("Enter")
    assert _order(page) == list(ORDER[1:])
    page.goto("/mon-espace/profil/rubriques")
    page.get_by_label("Mon compte").uncheck()
    press(page, "Enregistrer")
    page.goto("/mon-espace")
    side = page.get_by_role("navigation", name="Mon espace")
    expect(side.get_by_role("link", name="Mon compte")).to_have_count(0)
    side.get_by_role("link", name="Culture, sport et loisirs").click()
    expect(page.locator("main")).to_contain_text("Mes services favoris")


def test_a_draft_begun_without_an_account_comes_along_and_outlives_the_session(someone: Someone) -> None:
    """A9, A11: signing in halfway keeps the draft; a session that ends in the middle of a page loses nothing typed."""
    page = someone()
    page.goto("/demarches/signalement")
    press(page, "Commencer")
    page.get_by_role("textbox", name=re.compile("^Prénom")).fill("Karim")
    page.get_by_role("textbox", name=re.compile("^Nom")).fill("Benali")
    page.get_by_role("textbox", name=re.compile("^Courriel")).fill("karim.benali@exemple.fr")
    press(page, "Continuer")
    reference = page.url.split("/")[4]
    page.get_by_role("button", name="Se connecter et garder cette demande dans mon espace").click()
    _fill_sign_in(page)
    expect(page).to_have_title(re.compile("^Ce que je signale"))
    expect(page.locator("main")).to_contain_text("Cette demande est maintenant dans votre espace")
    page.get_by_label("Que voyez-vous").fill("Un canapé bleu devant le 30.")
    page.context.clear_cookies()
    press(page, "Continuer")
    expect(page.locator("main")).to_contain_text("Ce que vous avez saisi est conservé")
    _fill_sign_in(page)
    expect(page.get_by_label("Que voyez-vous")).to_have_value("Un canapé bleu devant le 30.")
    # From another device, the procedure offers the draft.
    elsewhere = someone(java_script_enabled=False)
    sign_in(elsewhere, "karim.benali@exemple.fr")
    elsewhere.goto("/demarches/signalement")
    elsewhere.get_by_role("button", name="Reprendre mon brouillon").click()
    assert elsewhere.url.split("/")[4] == reference


def _fill_sign_in(page: Page) -> None:
    page.get_by_label("Identifiant").fill("karim.benali@exemple.fr")
    page.get_by_label("Mot de passe", exact=False).first.fill(demo.PASSWORD)
    press(page, "Se connecter")


def test_several_persons_are_enrolled_and_the_request_is_followed_and_made_again(
    someone: Someone, holds: Holds, tmp_path: Path
) -> None:
    """A2, A10, A11, A12: «Choix des personnes», the PDF receipt, what comes next, «Refaire cette demande», cancelling."""
    page = someone()
    sign_in(page, "karim.benali@exemple.fr")
    page.goto("/demarches/inscription-activite")
    press(page, "Commencer")
    press(page, "Continuer")
    expect(page).to_have_title(re.compile("^Pour qui"))
    page.locator("[name=moi][value=true]").check()
    page.locator("[name=autres][value=true]").check()
    _person(page, 0, "Inès", "2016")
    press(page, "Ajouter une personne")
    holds(page)
    _person(page, 1, "Adam", "2019")
    press(page, "Continuer")
    page.get_by_label("Théâtre").check()
    page.get_by_label("Samedi matin").check()
    press(page, "Continuer")
    expect(page.locator("main")).to_contain_text("Inès")
    expect(page.locator("main")).to_contain_text("Adam")
    page.get_by_label("Je certifie").check()
    press(page, "Déposer")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Télécharger l’accusé de réception (PDF)").click()
    receipt = tmp_path / "receipt.pdf"
    downloading.value.save_as(receipt)
    with pikepdf.open(receipt) as document:
        assert document.Root.MarkInfo.Marked
    page.get_by_role("link", name="Suivi de la demande").click()
    expect(page.locator("main")).to_contain_text("une réponse est attendue avant le")
    holds(page)
    filed = page.url.split("/")[4]
    page.get_by_role("link", name="Refaire cette demande").click()
    holds(page)
    press(page, "Préparer le brouillon")
    press(page, "Continuer")
    expect(page.locator("[name='personnes.1.prenoms']")).to_have_value("Adam")
    page.goto(f"/demandes/{filed}/suivi")
    page.get_by_role("link", name="Annuler cette demande").click()
    press(page, "Annuler cette demande")
    expect(page.locator("main")).to_contain_text("Annulée")


def test_several_persons_are_added_without_javascript(someone: Someone) -> None:
    """A2: the block of persons is there from the start, and each button brings the page back with one more."""
    page = someone(java_script_enabled=False)
    sign_in(page, "claire.martin@exemple.fr")
    page.goto("/demarches/inscription-activite")
    press(page, "Commencer")
    press(page, "Continuer")
    page.locator("[name=moi][value=false]").check()
    page.locator("[name=autres][value=true]").check()
    _person(page, 0, "Lou", "2016")
    press(page, "Ajouter une personne")
    expect(page.locator("[name='personnes.0.prenoms']")).to_have_value("Lou")
    _person(page, 1, "Sami", "2019")
    press(page, "Continuer")
    expect(page).to_have_title(re.compile("^L’activité"))


def _person(page: Page, number: int, name: str, year: str) -> None:
    fields = {"prenoms": name, "nom": "Benali", "date_naissance-day": "3", "date_naissance-month": "4"}
    for field, value in {**fields, "date_naissance-year": year}.items():
        page.locator(f"[name='personnes.{number}.{field}']").fill(value)
    page.locator(f"[name='personnes.{number}.lien']").select_option("Mon enfant")
