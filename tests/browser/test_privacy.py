"""From the city’s letter to a plan, one’s data taken away, one’s account deleted; the legal pages (B16, B18, D6)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.core import config
from engine.people import captcha
from engine.procedures import demo
from tests.browser.test_account import code_in, letter

Someone = Callable[..., Page]
Holds = Callable[[Page], None]
PASSWORD = "Tilleul-1987!"


def copy_the_letter(page: Page, file: demo.File, address: str) -> None:
    year, month, day = file.birth_date.split("-")
    for name, value in (
        ("dossier", file.reference.lower()),
        ("nom", file.name),
        ("prenom", file.first_names),
        ("date_naissance-day", day),
        ("date_naissance-month", month),
        ("date_naissance-year", year),
        ("courriel", address),
        ("mot_de_passe", PASSWORD),
        ("mot_de_passe_confirmation", PASSWORD),
    ):
        page.locator(f"[name={name}]").fill(value)
    page.get_by_label(re.compile("J’accepte")).check()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_beneficiary_comes_takes_their_data_away_and_leaves(
    someone: Someone, holds: Holds, portal_data: Path, settings: config.Settings, scripts: bool
) -> None:
    """Odette with scripts, Marcel without; each page accessible, at the width of a telephone too."""
    file, address = demo.files()[0 if scripts else 1], f"beneficiaire-{'avec' if scripts else 'sans'}@exemple.fr"
    page = someone(java_script_enabled=scripts, accept_downloads=True)

    def hold() -> None:
        if scripts:
            holds(page)

    page.goto("/connexion")
    page.get_by_role("link", name=re.compile("Bénéficiaire")).click()
    hold()
    page.get_by_role("button", name="Créer mon compte").click()
    hold()
    copy_the_letter(page, file, address)
    if not scripts:
        config.use(replace(settings, secret_key=(portal_data / "secret_key").read_text().strip()))
        digits = captcha.digits(page.locator("[name=verification_cle]").get_attribute("value") or "")
        assert digits is not None
        page.get_by_label("Chiffres affichés ou entendus").fill(digits)
    page.get_by_role("button", name="Valider").last.click()
    expect(page).to_have_url(re.compile("/compte/creation/code$"))
    page.get_by_label("Code de validation").fill(code_in(letter(page, address, "Confirmez votre compte")))
    page.get_by_role("button", name="Valider mon compte").click()
    expect(page.locator("h1")).to_have_text("Plan d’aide")
    expect(page.locator("main")).to_contain_text(file.reference)
    hold()

    page.goto("/mon-espace/profil")
    page.get_by_role("link", name="Emporter une copie de mes données").click()
    hold()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Télécharger mes données (JSON)").click()
    told = json.loads(Path(downloading.value.path()).read_text())
    assert file.reference in json.dumps(told)
    if scripts:
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Télécharger mes données (PDF)").click()
        assert Path(downloading.value.path()).read_bytes().startswith(b"%PDF")

    page.goto("/mon-espace/profil")
    page.get_by_role("link", name="Demander la suppression de mon compte").click()
    hold()
    delete = page.get_by_role("button", name="Demander la suppression de mon compte")
    delete.click()
    expect(page).to_have_title(re.compile("^Erreur"))
    hold()
    page.locator("[name=mot_de_passe]").fill(PASSWORD)
    page.get_by_label(re.compile("Je veux supprimer mon compte")).check()
    delete.click()
    expect(page.locator("h1")).to_have_text("Votre compte est supprimé")
    hold()
    page.goto("/mon-espace")
    expect(page).to_have_url(re.compile("/connexion"))


def test_the_legal_pages_hold(someone: Someone, holds: Holds) -> None:
    """Each reached from the foot of the page before."""
    page = someone()
    page.goto("/demarches")
    for name in (
        "Contact",
        "Mentions légales",
        "Conditions générales d’utilisation",
        "Données personnelles",
        "Accessibilité : non conforme",
    ):
        page.get_by_role("contentinfo").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1")).to_be_visible()
        holds(page)
