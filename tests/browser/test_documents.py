"""«Mes pièces» in a real browser: kept, joined to a request, added after filing (B14, A12, A19)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.test_main_job import press, sign_in

Someone = Callable[..., Page]
Holds = Callable[[Page], None]


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """The two sides of a card, the front large enough to see it leave."""
    recto, verso = tmp_path / "recto.jpg", tmp_path / "verso.png"
    Image.effect_noise((1600, 1200), 80).save(recto, quality=90)
    Image.new("RGB", (40, 30), "white").save(verso)
    return [recto, verso]


def _fill(page: Page, title: str) -> None:
    page.get_by_label("Type de pièce").select_option("Pièce d’identité")
    page.get_by_label("Titre").fill(title)


def _report(page: Page) -> None:
    """Fill a report in up to its photos."""
    page.goto("/demarches/signalement")
    press(page, "Commencer")
    press(page, "Continuer")
    page.get_by_label("Dépôt sauvage ou encombrants").check()
    page.get_by_label("Numéro et nom de la voie").fill("30 rue des Écoles")
    page.get_by_label("Code postal").fill("95999")
    page.get_by_label("Commune").fill("Valmont-sur-Seine")
    page.get_by_label("Que voyez-vous").fill("Un canapé sur le trottoir.")
    page.get_by_label("Non", exact=True).check()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_document_is_kept_and_joined_to_a_request(
    someone: Someone, holds: Holds, photos: list[Path], scripts: bool
) -> None:
    def look() -> None:
        if scripts:
            holds(page)

    page = someone(java_script_enabled=scripts)
    sign_in(page, "karim.benali@exemple.fr" if scripts else "claire.martin@exemple.fr")
    page.goto("/mon-espace/pieces")
    look()
    page.get_by_role("button", name="Ajouter une pièce").click()
    look()

    # Errors lose no upload; with scripts a file leaves as soon as it is chosen.
    page.get_by_label("Fichiers", exact=False).first.set_input_files(photos[0])
    if scripts:
        expect(page.get_by_role("status").filter(has_text="Fichier joint")).to_have_text("Fichier joint : recto.jpg.")
    press(page, "Valider")
    expect(page).to_have_title(re.compile("^Erreur"))
    expect(page.get_by_role("link", name="recto.jpg")).to_be_visible()
    look()
    _fill(page, "Carte d’identité")
    page.locator("input[type=file]").first.set_input_files(photos[1])
    if scripts:
        expect(page.get_by_role("link", name="verso.png")).to_be_visible()
    press(page, "Valider")
    expect(page.locator("main")).to_contain_text("Votre pièce est enregistrée")
    look()

    _report(page)
    page.get_by_text("Choisir dans Mes pièces").click()
    page.get_by_label(re.compile("recto.jpg")).check()
    look()
    press(page, "Joindre les fichiers choisis")
    expect(page.get_by_role("link", name="recto.jpg")).to_be_visible()
    expect(page.get_by_label("Que voyez-vous")).to_have_value("Un canapé sur le trottoir.")
    press(page, "Continuer")
    page.get_by_label("Je certifie").check()
    press(page, "Déposer ma demande")
    expect(page).to_have_url(re.compile("confirmation"))

    page.goto(page.url.replace("confirmation", "suivi/pieces"))
    look()
    page.locator("input[type=file]").first.set_input_files(photos[1])
    page.locator("main").get_by_role("button", name="Ajouter", exact=True).click()
    expect(page.locator("main")).to_contain_text("Vos pièces sont ajoutées à votre demande")
    expect(page.get_by_role("link", name="verso.png")).to_be_visible()
    look()

    page.goto("/mon-espace/pieces")
    page.get_by_role("link", name="Modifier").click()
    page.get_by_role("button", name="Retirer recto.jpg").click()
    expect(page.get_by_role("link", name="recto.jpg")).to_be_hidden()
    look()
    press(page, "Valider")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Vos demandes en cours ont une ancienne version")
    look()
    press(page, "Donner la nouvelle version")
    expect(page.locator("main")).to_contain_text("ont reçu la nouvelle version")
    page.get_by_role("link", name="Supprimer").click()
    look()
    press(page, "Supprimer cette pièce")
    expect(page.locator("main")).to_contain_text("Vous n’avez pas encore de pièce")


def test_a_file_on_its_way_can_be_stopped_and_what_cannot_come_is_said(
    someone: Someone, photos: list[Path], tmp_path: Path
) -> None:
    page = someone()
    sign_in(page, "claire.martin@exemple.fr")
    page.goto("/mon-espace/pieces/ajouter")
    heavy = tmp_path / "lourd.pdf"
    heavy.write_bytes(b"%PDF" + b"\0" * 10_500_000)
    box = page.locator("input[type=file]").first
    box.set_input_files(heavy)
    expect(page.locator(".ville-files .govuk-error-message")).to_contain_text("dépasse 10 Mo")

    page.route("**/mon-espace/pieces/*", lambda route: None)  # on its way for ever
    box.set_input_files(photos[0])
    expect(page.get_by_label("Envoi de recto.jpg").or_(page.get_by_label("Vérification de recto.jpg"))).to_be_visible()
    page.get_by_role("button", name="Annuler l’envoi").click()
    expect(page.locator("progress")).to_have_count(0)
