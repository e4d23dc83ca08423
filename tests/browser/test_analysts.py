"""An analyst reads what is deployed, tries a form, withdraws a procedure and publishes it again (F1)."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_agents_accounts import heading, sign_in


def test_a_version_is_read_and_its_form_tried(someone: Callable[..., Page], holds: Callable[[Page], None]) -> None:
    page = someone()
    sign_in(page, "yann.legall@exemple.fr")
    heading(page, "Démarches")
    holds(page)
    page.get_by_role("link", name="Demander une aide à domicile").click()
    holds(page)
    page.get_by_role("link", name="Version 1").click()
    expect(page.locator("#schema svg").first).to_be_visible()
    holds(page)
    page.get_by_role("link", name="Aperçu : Vérifier le dossier").click()
    holds(page)
    # What an answer calls for shows at once, and nothing is sent.
    address = page.url
    hidden = page.locator("[data-show-if]").first
    expect(hidden).to_be_hidden()
    page.get_by_label("Incomplet").check()
    expect(hidden).to_be_visible()
    page.keyboard.press("Enter")
    assert page.url == address


def test_a_procedure_is_withdrawn_and_published_without_javascript(
    someone: Callable[..., Page], holds: Callable[[Page], None]
) -> None:
    page = someone(java_script_enabled=False)
    sign_in(page, "yann.legall@exemple.fr")
    page.get_by_role("link", name="Délier mon compte de FranceConnect").click()
    page.get_by_role("link", name="Retirer du catalogue").click()
    page.get_by_role("button", name="Retirer du catalogue").click()
    expect(page.get_by_text("La démarche n’est plus proposée.")).to_be_visible()
    page.get_by_role("link", name="Publier").click()
    page.get_by_role("button", name="Publier la version 1").click()
    expect(page.get_by_text("La version 1 est publiée")).to_be_visible()
    expect(page.get_by_text("par Yann Le Gall")).to_have_count(2)
