"""Making an account, forgetting its password and editing its profile in a real browser (B1 to B6, B11)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.core import config
from engine.people import captcha, passwords
from engine.procedures import demo

Someone = Callable[..., Page]
Holds = Callable[[Page], None]


def letter(page: Page, to: str, subject: str) -> str:
    """The latest letter of that subject to this address, read on the demo's outbox page; the page comes back to where it was."""
    back = page.url
    page.goto("/boite-denvoi")
    found = page.locator("article", has_text=f"À {to},").filter(has_text=subject).first
    found.wait_for()
    text = found.inner_text()
    page.goto(back)
    return text


def code_in(text: str) -> str:
    (code,) = re.findall(r"^\d{4}$", text, re.MULTILINE)
    return str(code)


def fill_in(page: Page, address: str) -> None:
    page.get_by_label("Féminin").check()
    page.locator("[name=prenoms]").fill("Inès")
    page.locator("[name=nom_naissance]").fill("Roche")
    page.locator("[name=courriel]").fill(address)


def test_an_account_is_made_on_the_way_to_a_locked_procedure(someone: Someone, holds: Holds) -> None:
    """The rules followed as one types, a proposal on the page, the proof of work, the code, and back to the procedure."""
    page = someone()
    page.goto("/demarches/stationnement-renouvellement")
    page.get_by_role("link", name="Créer mon compte").click()
    expect(page.locator("[data-captcha-manual]")).to_be_hidden()
    holds(page)
    page.locator("form [name=_action][value=next]").last.click()
    expect(page).to_have_title(re.compile("^Erreur"))
    holds(page)

    fill_in(page, "ines.roche@exemple.fr")
    password = page.locator("[name=mot_de_passe]")
    password.fill("abc&")
    kept = page.locator(".ville-rules__rule--kept")
    expect(kept).to_have_text(
        ["au moins 1 minuscule – respectée", "au moins 1 caractère spécial, par exemple ? ! - € – respectée"]
    )
    page.get_by_role("button", name="Continuer").last.click()
    wrong = page.locator("#mot_de_passe-error")
    expect(wrong).to_be_visible()
    password.fill("Tilleul-1987!")
    expect(kept).to_have_count(6)
    page.locator("[name=mot_de_passe_confirmation]").fill("Tilleul")
    expect(page.locator("[data-match]")).to_have_text("Les deux mots de passe sont différents.")
    page.get_by_role("button", name="Proposition de mot de passe aléatoire").click()
    expect(page.locator("[data-proposal]")).to_be_visible()
    proposed = page.locator("[data-proposed]").inner_text()
    assert passwords.unmet(proposed) == []
    expect(password).to_have_value(proposed)
    # What was wrong with the former password is said no more, at the top neither.
    expect(wrong).to_have_count(0)
    expect(page.locator(".govuk-error-summary a[href='#mot_de_passe']")).to_have_count(0)
    expect(page.locator("[data-match]")).to_be_empty()
    page.get_by_label(re.compile("J’accepte")).check()
    holds(page)
    page.get_by_role("button", name="Continuer").last.click()

    expect(page).to_have_url(re.compile("/compte/creation/code$"))
    holds(page)
    code = code_in(letter(page, "ines.roche@exemple.fr", "Confirmez votre compte"))
    page.get_by_label("Code de validation").fill("1234" if code != "1234" else "4321")
    page.get_by_role("button", name="Valider mon compte").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("reste 2 essais")
    page.get_by_label("Code de validation").fill(code)
    page.get_by_role("button", name="Valider mon compte").click()
    expect(page).to_have_url(re.compile("/demandes/.+/etapes/"))
    expect(page.locator("main")).to_contain_text("Votre compte a bien été créé.")
    expect(page.locator("[name=prenoms]")).to_have_value("Inès")


def test_an_account_is_made_without_scripts(someone: Someone, portal_data: Path, settings: config.Settings) -> None:
    """The digits seen and heard, a proposal by its button, what was typed kept through both."""
    page = someone(java_script_enabled=False)
    page.goto("/compte/creation")
    fill_in(page, "ines.sans@exemple.fr")
    page.get_by_role("button", name="Proposition de mot de passe aléatoire").click()
    expect(page.locator("[name=prenoms]")).to_have_value("Inès")
    proposed = page.locator("[data-proposed]").inner_text()
    expect(page.locator("[name=mot_de_passe_confirmation]")).to_have_value(proposed)
    page.get_by_role("button", name="Proposer d’autres chiffres").click()

    picture = page.locator("img.ville-captcha")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 240
    sound = page.request.get(str(page.locator("audio").get_attribute("src")))
    assert sound.headers["content-type"] == "audio/wav"
    assert sound.body()[:4] == b"RIFF"

    # The digits are derived from the server's secret: a test reads them there, a machine would have to see or hear.
    config.use(replace(settings, secret_key=(portal_data / "secret_key").read_text().strip()))
    digits = captcha.digits(page.locator("[name=verification_cle]").get_attribute("value") or "")
    assert digits is not None
    page.get_by_label("Chiffres affichés ou entendus").fill(digits)
    for name in ("mot_de_passe", "mot_de_passe_confirmation"):
        page.locator(f"[name={name}]").fill("Tilleul-1987!")
    page.get_by_label(re.compile("J’accepte")).check()
    page.get_by_role("button", name="Continuer").last.click()

    page.get_by_role("button", name="renvoyez le message").click()
    expect(page.locator("main")).to_contain_text("Un nouveau code vient de vous être envoyé.")
    page.get_by_label("Code de validation").fill(
        code_in(letter(page, "ines.sans@exemple.fr", "Confirmez votre compte"))
    )
    page.get_by_role("button", name="Valider mon compte").click()
    expect(page).to_have_url(re.compile("/mon-espace$"))


def test_when_the_proof_of_work_fails_there_are_the_digits(someone: Someone) -> None:
    page = someone()
    page.route("**/compte/verification", lambda route: route.fulfill(status=429))
    page.goto("/compte/creation")
    page.locator("[name=prenoms]").fill("Inès")
    expect(page.locator("[data-captcha-manual]")).to_be_visible()
    expect(page.locator("[data-captcha-state]")).to_contain_text("recopiez les chiffres")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_forgotten_password_is_replaced(someone: Someone, holds: Holds, scripts: bool) -> None:
    login = "lucie.dubreuil@exemple.fr" if scripts else "huguette.lambert@exemple.fr"
    page = someone(java_script_enabled=scripts)
    page.goto("/connexion")
    page.get_by_role("link", name="J’ai oublié mon mot de passe").click()
    if scripts:
        holds(page)
    page.get_by_label("Identifiant").fill(login)
    page.get_by_role("button", name="Recevoir le lien").click()
    expect(page.locator("h1")).to_have_text("Consultez vos courriels")
    for _ in range(50):
        page.goto("/boite-denvoi")
        found = page.locator("article", has_text=f"À {login},").filter(has_text="nouveau mot de passe")
        if found.count():
            break
        page.wait_for_timeout(100)
    found.first.locator("[href*='/mot-de-passe/nouveau/']").click()
    expect(page).to_have_url(re.compile("/mot-de-passe/nouveau$"))
    if scripts:
        holds(page)
    for name in ("mot_de_passe", "mot_de_passe_confirmation"):
        page.locator(f"[name={name}]").fill("Platane-2031!")
    page.get_by_role("button", name="Enregistrer mon mot de passe").click()
    expect(page.locator("main")).to_contain_text("Votre mot de passe est modifié.")
    page.get_by_label("Identifiant").fill(login)
    page.locator("[name=mot_de_passe]").fill("Platane-2031!")
    page.locator("main").get_by_role("button", name="Se connecter").click()
    expect(page).to_have_url(re.compile("/mon-espace$"))
    page.goto("/mon-espace/profil/mot-de-passe")
    page.locator("[name=mot_de_passe_actuel]").fill("Platane-2031!")
    for name in ("mot_de_passe", "mot_de_passe_confirmation"):
        page.locator(f"[name={name}]").fill(demo.PASSWORD)
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.locator("main")).to_contain_text("Vos autres appareils sont déconnectés.")


def test_the_profile_holds_and_its_sections_are_edited_apart(someone: Someone, holds: Holds) -> None:
    page = someone()
    page.goto("/connexion")
    page.get_by_label("Identifiant").fill("karim.benali@exemple.fr")
    page.locator("[name=mot_de_passe]").fill(demo.PASSWORD)
    page.locator("main").get_by_role("button", name="Se connecter").click()
    page.goto("/mon-espace")
    page.get_by_role("link", name="Modifier mon profil").click()
    expect(page.locator("h1")).to_have_text("Profil et préférences")
    holds(page)
    for path in (
        "identite",
        "coordonnees",
        "mot-de-passe",
        "nom-utilisateur",
        "courriel/connexion",
        "courriel/contact",
    ):
        page.goto(f"/mon-espace/profil/{path}")
        holds(page)
    page.goto("/mon-espace/profil/identite")
    expect(page.locator("[name=prenoms]")).to_have_count(0)  # certified
    page.goto("/mon-espace/profil/courriel/contact")
    page.get_by_label("Nouvelle adresse de courriel").fill("karim@nouveau.example")
    page.get_by_role("button", name="Recevoir le code").click()
    holds(page)
    page.get_by_label("Code de validation").fill(
        code_in(letter(page, "karim@nouveau.example", "Validez votre courriel"))
    )
    page.get_by_role("button", name="Valider mon courriel").click()
    expect(page.locator("main")).to_contain_text("Votre courriel de contact est modifié.")
    page.get_by_role("link", name="Modifier : adresse").click()
    page.get_by_label("Numéro et voie").fill("")
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page).to_have_title(re.compile("^Erreur"))
    holds(page)
