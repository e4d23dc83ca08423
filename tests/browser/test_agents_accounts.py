"""An agent's way in, in a real browser: invited, with an application and no JavaScript; with a passkey (E7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.people import totp
from engine.procedures import demo
from tests.browser.conftest import serving

Someone = Callable[..., Page]
Holds = Callable[[Page], None]
PASSWORD = "Platane-2031!"


def sign_in(page: Page, login: str, password: str = demo.PASSWORD, at: str = "") -> None:
    page.goto(f"{at}/connexion")
    page.get_by_label("Identifiant").fill(login)
    page.locator("[name=mot_de_passe]").fill(password)
    page.locator("main").get_by_role("button", name="Se connecter").click()


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


@pytest.fixture
def strict_url(tmp_path: Path) -> Iterator[str]:
    """A portal that asks agents for a second factor, as outside of a demonstration."""
    with serving(tmp_path / "var", PARVIS_SECOND_FACTOR="required") as url:
        yield url


def add_application(page: Page) -> str:
    """Add an application, forced to at sign-in, and come in: its key."""
    heading(page, "Ajouter un second facteur")
    page.get_by_role("button", name="Utiliser une application").click()
    heading(page, "Ajouter une application")
    key = page.locator("code").inner_text().replace(" ", "")
    page.get_by_label("Code à 6 chiffres").fill("12")
    page.get_by_role("button", name="Ajouter l’application").click()
    page.get_by_label("Code à 6 chiffres").fill(totp.code_at(key, totp.step_now()))
    page.get_by_label("Nom de cette application").fill("Téléphone")
    page.get_by_role("button", name="Ajouter l’application").click()
    heading(page, "Vos codes de secours")
    assert page.locator(".ville-codes code").count() == 10
    page.get_by_role("button", name="J’ai noté mes codes").click()
    return key


def test_whoever_is_invited_signs_in_with_an_application_and_without_javascript(
    someone: Someone, strict_url: str
) -> None:
    """The administrator invites; the agent makes their account, adds an application, and signs in with its code."""
    admin, email = someone(java_script_enabled=False), "paul.aussi@exemple.fr"
    sign_in(admin, "helene.faure@exemple.fr", at=strict_url)
    add_application(admin)
    heading(admin, "Agents")
    admin.get_by_role("link", name="Invitations").click()
    admin.get_by_role("button", name="Inviter un agent").click()
    admin.get_by_role("button", name="Envoyer l’invitation").click()
    expect(admin.get_by_role("link", name="Saisissez une adresse de courriel valide")).to_be_visible()
    admin.get_by_label("Courriel professionnel").fill(email)
    admin.get_by_role("group", name="Groupes").get_by_label("Composteurs").check()
    admin.get_by_role("button", name="Envoyer l’invitation").click()
    expect(admin.get_by_role("heading", name=email)).to_be_visible()

    agent = someone(java_script_enabled=False)
    agent.goto(f"{strict_url}/boite-denvoi")
    agent.get_by_role("link", name="/invitation/").first.click()
    heading(agent, "Créer votre compte d’agent")
    agent.get_by_label("Prénom").fill("Paul")
    agent.locator("[name=nom]").fill("Aussi")
    for name in ("mot_de_passe", "mot_de_passe_confirmation"):
        agent.locator(f"[name={name}]").fill(PASSWORD)
    agent.get_by_role("button", name="Créer mon compte").click()
    key = add_application(agent)
    heading(agent, "Ma corbeille")

    agent.get_by_role("button", name="Se déconnecter").click()
    sign_in(agent, email, PASSWORD, at=strict_url)
    heading(agent, "Vérification de votre identité")
    # The code of this half minute has served already: the next one's is taken too.
    agent.get_by_label("Code à 6 chiffres").fill(totp.code_at(key, totp.step_now() + 1))
    agent.get_by_role("button", name="Continuer").click()
    heading(agent, "Ma corbeille")


def test_a_passkey_signs_in_and_is_removed(someone: Someone, holds: Holds, portal_url: str) -> None:
    """Chromium's virtual authenticator, at the name of this machine: there is no passkey for an address in figures."""
    page, here = someone(), portal_url.replace("127.0.0.1", "localhost")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True}
    device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    devtools.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": device, "enabled": True})

    sign_in(page, "bruno.carpentier@exemple.fr", at=here)
    page.get_by_role("link", name="Bruno Carpentier").click()
    holds(page)
    page.get_by_role("link", name="Ajouter un second facteur").click()
    holds(page)
    page.get_by_label("Nom de cette clé").fill("Bureau")
    page.get_by_role("button", name="Créer une clé d’accès").click()
    heading(page, "Vos codes de secours")
    holds(page)
    codes = page.locator(".ville-codes code").all_inner_texts()
    page.get_by_role("button", name="J’ai noté mes codes").click()

    page.get_by_role("button", name="Se déconnecter").click()
    sign_in(page, "bruno.carpentier@exemple.fr", at=here)
    heading(page, "Vérification de votre identité")
    holds(page)
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    page.get_by_role("button", name="Utiliser ma clé d’accès").click()
    heading(page, "Toutes mes corbeilles")
    assert len(devtools.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]) == 1

    # A device that holds nothing: the page says so, and a recovery code replaces it.
    page.get_by_role("button", name="Se déconnecter").click()
    devtools.send("WebAuthn.clearCredentials", {"authenticatorId": device})
    sign_in(page, "bruno.carpentier@exemple.fr", at=here)
    page.get_by_role("button", name="Utiliser ma clé d’accès").click()
    expect(page.get_by_text("La clé d’accès n’a pas répondu.")).to_be_visible()
    page.get_by_label("Code de secours").fill(codes[0])
    page.get_by_role("button", name="Continuer").click()
    heading(page, "Toutes mes corbeilles")
    page.get_by_role("link", name="Bruno Carpentier").click()
    expect(page.get_by_text("Il en reste 9 sur 10.")).to_be_visible()
    page.get_by_role("link", name="Renommer ou retirer : Bureau").click()
    holds(page)
    page.get_by_role("button", name="Retirer").click()
    expect(page.get_by_text("n’est protégé que par son mot de passe")).to_be_visible()


def test_administrators_pages_hold(someone: Someone, holds: Holds) -> None:
    """Each page, one agent's among them, and those that whoever is invited meets."""
    page = someone()
    sign_in(page, "helene.faure@exemple.fr")
    page.goto("/administration/invitations/nouvelle")
    holds(page)
    page.get_by_label("Courriel professionnel").fill("zoe.ailleurs@exemple.fr")
    page.get_by_role("button", name="Envoyer l’invitation").click()
    for path in ("/administration/invitations", "/administration/avertissements", "/administration/groupes"):
        page.goto(path)
        holds(page)
    page.goto("/boite-denvoi")
    page.get_by_role("link", name="/invitation/").first.click()
    holds(page)
    page.goto("/agents/profil/second-facteur")
    page.get_by_role("button", name="Utiliser une application").click()
    holds(page)
    page.goto("/administration/agents?q=nadia")
    holds(page)
    page.set_viewport_size({"width": 320, "height": 640})
    edges = (
        page.get_by_role("row", name="Nadia")
        .locator("th, td")
        .evaluate_all(
            "cells => cells.map(one => one.getBoundingClientRect().left + parseFloat(getComputedStyle(one).paddingLeft))"
        )
    )
    assert len(set(edges[:2])) == 1, "the name begins where its groups do"
    for name in ("Nadia Cohen", "Modifier : groupes et rôles", "Annuler", "Fermer le compte"):
        page.get_by_role("link", name=name).click()
        holds(page)
