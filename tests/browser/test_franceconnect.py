"""FranceConnect and ProConnect in a real browser, against a provider that isn't ours and is as strict (B1, B5, B6, E7, A17)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.procedures import demo
from tests.browser.conftest import ROOT, arriving, serving
from tests.browser.test_account import code_in, letter

NODE = ROOT / ".venv" / "bin" / "node"
RIG = Path(__file__).with_name("franceconnect.mjs")
Arrive = Callable[..., Page]
Holds = Callable[[Page], None]


@pytest.fixture(scope="module")
def certified_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a portal that uses both providers: the rig learns it once it listens, as they would by a declaration."""
    with subprocess.Popen(
        [NODE, RIG], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as rig:
        assert rig.stdin is not None
        assert rig.stdout is not None
        issuer = rig.stdout.readline().partition("listening ")[2].strip()
        providers = {
            f"PARVIS_{name}_{key}": value
            for name, client in (("FRANCECONNECT", "residents"), ("PROCONNECT", "agents"))
            for key, value in (
                ("ISSUER", issuer),
                ("CLIENT_ID", client),
                ("CLIENT_SECRET", f"a secret of the tests, for {client} alone"),
            )
        }
        with serving(tmp_path_factory.mktemp("portal") / "var", **providers) as url:
            print(url, file=rig.stdin, flush=True)
            assert rig.stdout.readline() == "serving\n"
            yield url
        rig.terminate()


@pytest.fixture
def someone(browser: Browser, certified_portal: str) -> Iterator[Arrive]:
    yield from arriving(browser, certified_portal)


def identify(page: Page, who: str, brand: str = "FranceConnect") -> None:
    """Press the button of the provider, and say there who one is."""
    page.get_by_role("button", name=f"S’identifier avec {brand}").click()
    page.get_by_role("button", name=who).click()


def test_an_account_is_made_used_left_and_found_again(someone: Arrive, holds: Holds) -> None:
    """B1, B5: from a locked procedure to its first step, the identity locked; signing out of both; signing in straight away."""
    page = someone()
    page.goto("/demarches/stationnement-premiere-demande")
    page.get_by_role("link", name="Créer mon compte").click()
    expect(page.get_by_role("link", name="Qu’est-ce que FranceConnect")).to_have_attribute("target", "_blank")
    holds(page)
    identify(page, "angela")
    expect(page).to_have_url(re.compile("/franceconnect/compte$"))
    expect(page.locator("main")).to_contain_text("Angela Claire Louise")
    expect(page.get_by_label("Courriel")).to_have_value("angela.dubois@exemple.fr")
    holds(page)
    page.get_by_role("button", name="Créer mon compte").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("Acceptez les conditions")
    holds(page)
    page.get_by_label(re.compile("J’accepte")).check()
    page.get_by_role("button", name="Créer mon compte").click()
    code = code_in(letter(page, "angela.dubois@exemple.fr", "Confirmez votre compte"))
    page.get_by_label("Code de validation").fill(code)
    page.get_by_role("button", name="Valider mon compte").click()

    expect(page).to_have_url(re.compile("/demandes/.+/etapes/"))
    expect(page.locator("main")).to_contain_text("Votre identité est certifiée par FranceConnect.")
    expect(page.locator("[name=nom_naissance]")).to_have_count(0)
    holds(page)
    page.goto("/mon-espace/profil")
    expect(page.locator("main")).to_contain_text("24 août 1962")
    holds(page)
    sign_out(page)
    page.goto("/mon-espace")
    expect(page).to_have_url(re.compile("/connexion"))
    holds(page)
    identify(page, "angela")
    expect(page).to_have_url(re.compile("/mon-espace$"))


def sign_out(page: Page) -> None:
    menu = page.locator("summary", has_text="mon menu")
    if menu.count():
        menu.click()
    page.get_by_role("button", name="Se déconnecter").first.click()
    expect(page.get_by_role("heading", name="Déconnexion de FranceConnect")).to_be_visible()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.locator("main")).to_contain_text("Vous êtes déconnecté.")


def test_an_account_is_tied_and_untied_without_scripts(someone: Arrive, holds: Holds) -> None:
    """B5, A17: Claire refuses at first, ties her account by her password, asks for it to be untied, and an agent does it."""
    page = someone(java_script_enabled=False)
    page.goto("/connexion")
    identify(page, "Refuser")
    expect(page.locator("main")).to_contain_text("Vous n’avez pas terminé la connexion avec FranceConnect.")
    identify(page, "amadou")
    expect(page.locator("main")).to_contain_text("1951")
    page.get_by_label("Identifiant").fill("claire.martin@exemple.fr")
    page.locator("[name=mot_de_passe]").fill(demo.PASSWORD)
    page.get_by_role("button", name="Rattacher mon compte").click()
    expect(page).to_have_url(re.compile("/mon-espace$"))
    expect(page.locator("main")).to_contain_text("votre identité est certifiée")

    page.goto("/mon-espace/profil")
    page.get_by_role("link", name="si vous souhaitez supprimer la liaison FranceConnect").click()
    page.get_by_role("button", name="Commencer").first.click()
    expect(page.locator("main")).to_contain_text("DIOP")
    page.get_by_role("button", name="Continuer").last.click()
    page.get_by_label("Supprimer la liaison").check()
    page.get_by_role("button", name="Continuer").last.click()
    page.get_by_label("Je certifie").check()
    page.locator("form [name=_action][value=next]").last.click()
    expect(page).to_have_url(re.compile("/confirmation$"))

    agent = someone(java_script_enabled=False)
    agent.goto("/connexion?suite=/agents/corbeilles")
    agent.get_by_label("Identifiant").fill("amina.diallo@exemple.fr")
    agent.locator("[name=mot_de_passe]").fill(demo.PASSWORD)
    agent.get_by_role("button", name="Se connecter").click()
    agent.get_by_role("button", name="Prendre en charge").first.click()
    agent.get_by_label("Supprimer la liaison").check()
    agent.get_by_role("button", name="Terminer la tâche").click()
    expect(agent.get_by_role("alert")).to_contain_text("est terminée")

    page.goto("/mon-espace/profil/identite")
    expect(page.locator("[name=nom_naissance]")).to_have_value("DIOP")


def test_the_profile_ties_an_account(someone: Arrive, holds: Holds) -> None:
    """B5, B11: with the password, both identities side by side; and the way back serves once, in this browser."""
    page = someone()
    ways: list[str] = []
    page.on("request", lambda request: ways.append(request.url) if "/franceconnect/retour" in request.url else None)
    page.goto("/connexion?suite=/mon-espace/profil")
    page.get_by_label("Identifiant").fill("lucie.dubreuil@exemple.fr")
    page.locator("[name=mot_de_passe]").fill(demo.PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    identify(page, "lucie")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lier mon compte à FranceConnect")
    holds(page)
    page.locator("[name=mot_de_passe]").fill(demo.PASSWORD)
    page.get_by_role("button", name="Lier mon compte").click()
    expect(page.locator("main")).to_contain_text("votre identité est certifiée")
    page.goto("/mon-espace/profil/identite")
    expect(page.get_by_role("link", name="Signaler une erreur")).to_be_visible()
    holds(page)
    for browser in (page, someone()):
        browser.goto(ways[0])
        expect(browser.locator("main")).to_contain_text("recommencez-la")
        holds(browser)


def test_an_agent_comes_in_by_proconnect(someone: Arrive, holds: Holds) -> None:
    """E7: two factors there are enough here."""
    page = someone()
    page.goto("/connexion?suite=/agents/corbeilles")
    identify(page, "sonia", "ProConnect")
    expect(page).to_have_url(re.compile("/agents/corbeilles$"))
    expect(page.locator("header")).to_contain_text("Sonia Lefèvre")
