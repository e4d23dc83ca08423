"""An agent's day in a real browser: the queue, the task, two tabs at once, the diagram (A13, E1, E2, E3)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from engine.procedures import demo

Someone = Callable[..., Page]
Holds = Callable[[Page], None]

NADIA = "nadia.cohen@exemple.fr"
PLACE = {"lieu.voie": "3 rue du Four", "lieu.code_postal": "95999", "lieu.commune": "Valmont-sur-Seine"}
STEPS: list[dict[str, str | float | bool]] = [
    {"prenoms": "Nadia", "nom_naissance": "Petit", "courriel": "nadia.petit@exemple.fr"},
    {"nature": "depot", **PLACE, "description": "Un matelas sur le trottoir.", "danger": "false"},
    {"certification": "true"},
]


@pytest.fixture
def reported(someone: Someone) -> Callable[[], str]:
    """File a report of a nuisance, without an account, and give its reference."""

    def report() -> str:
        requests = someone().context.request
        answer = requests.get("/demarches/signalement")

        def send(path: str, fields: dict[str, str | float | bool]) -> None:
            nonlocal answer
            token = re.search(r'name="csrf_token" value="([^"]+)"', answer.text())
            assert token, path
            answer = requests.post(path, form={**fields, "csrf_token": token[1]})
            assert answer.ok, path

        send("/demarches/signalement", {})
        for fields in STEPS:
            send(answer.url, fields)
        found = re.search(r"/demandes/([^/]+)/confirmation", answer.url)
        assert found, answer.url
        return found[1]

    return report


@pytest.fixture
def agent(someone: Someone) -> Callable[..., Page]:
    """The agent of the service that treats reports, signed in; keywords go to the browser."""

    def arrive(**options: object) -> Page:
        page = someone(**options)
        page.goto("/connexion?suite=/agents/corbeilles")
        page.get_by_label("Identifiant").fill(NADIA)
        page.get_by_label("Mot de passe", exact=False).first.fill(demo.PASSWORD)
        page.locator("main").get_by_role("button", name="Se connecter").click()
        expect(page.get_by_role("heading", level=1, name="Ma corbeille")).to_be_visible()
        return page

    return arrive


FOCUSED = "(document.activeElement.labels?.[0] ?? document.activeElement).textContent"


def take(page: Page, reference: str) -> None:
    """Take the task of a request from the queue, and arrive on its page."""
    page.goto("/agents/corbeilles")
    page.get_by_role("button", name=f"Prendre en charge {reference}").click()
    expect(page.get_by_role("heading", level=1, name="Examiner le signalement")).to_be_visible()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus bears this name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if name in " ".join(page.evaluate(FOCUSED).split()):
            return
    raise AssertionError(f"Tab never reaches « {name} »")


def test_a_task_is_treated_with_the_keyboard_alone(
    agent: Callable[..., Page], reported: Callable[[], str], holds: Holds
) -> None:
    first, following = reported(), reported()
    page = agent()
    holds(page)
    tab_to(page, f"Prendre en charge {first}")
    page.keyboard.press("Enter")
    page.wait_for_url("**/agents/taches/**")
    holds(page)

    tab_to(page, "Faire intervenir une équipe")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    question = page.get_by_label("Service ou organisme compétent")
    expect(question).to_be_visible()
    tab_to(page, "Terminer la tâche")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("^Erreur"))
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    expect(page.get_by_label("Orienter vers le service compétent")).to_be_checked()
    holds(page)

    tab_to(page, "compétent")
    page.keyboard.press("Enter")
    expect(question).to_be_focused()
    page.keyboard.type("Le syndic")
    page.keyboard.press("Tab")
    page.keyboard.type("Cette cour est privée.")
    tab_to(page, "Terminer la tâche")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(f"de la demande {first} est terminée")
    expect(page.get_by_role("link", name="Tâche suivante")).to_be_visible()
    expect(page.get_by_role("row", name=first)).to_have_count(0)
    expect(page.get_by_role("row", name=following)).to_have_count(1)
    holds(page)


def test_everything_works_without_scripts(
    agent: Callable[..., Page], reported: Callable[[], str], someone: Someone
) -> None:
    reference = reported()
    page = agent(java_script_enabled=False)
    take(page, reference)
    page.get_by_label("Demander une précision").check()
    page.get_by_label("Question à l’usager").fill("À quel numéro ?")
    page.get_by_role("button", name="Terminer la tâche").click()
    expect(page.locator("main")).to_contain_text(f"de la demande {reference} est terminée")


def test_the_second_tab_decides_nothing_and_loses_nothing(
    agent: Callable[..., Page], reported: Callable[[], str], holds: Holds
) -> None:
    reference = reported()
    page = agent()
    take(page, reference)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Demander une précision").check()
    other.get_by_label("Question à l’usager").fill("À quel numéro ?")

    page.get_by_label("Faire intervenir une équipe").check()
    page.get_by_label("Équipe", exact=False).last.select_option("Voirie")
    page.get_by_role("button", name="Terminer la tâche").click()
    expect(page.get_by_role("alert")).to_contain_text("est terminée")

    other.get_by_role("button", name="Terminer la tâche").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Cette tâche n’est plus à traiter")
    holds(other)
    other.get_by_role("link", name="Revenir à mes corbeilles").click()
    expect(other.get_by_role("heading", level=1, name="Ma corbeille")).to_be_visible()


def test_the_queue_is_searched_sorted_and_stays_a_table_on_a_phone(
    agent: Callable[..., Page], reported: Callable[[], str], holds: Holds
) -> None:
    reference, other = reported(), reported()
    page = agent()
    page.get_by_label("Référence ou nom").fill(reference.lower().replace("-", " "))
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name=reference)).to_have_count(1)
    expect(page.get_by_role("row", name=other)).to_have_count(0)
    page.get_by_role("link", name="Tout revoir").click()
    page.get_by_role("link", name="Trier par Usager").click()
    expect(page.get_by_role("columnheader", name="Usager")).to_have_attribute("aria-sort", "ascending")
    page.set_viewport_size({"width": 320, "height": 640})
    row = page.get_by_role("row", name=reference)
    expect(row.get_by_role("rowheader")).to_have_text(reference)
    expect(row.get_by_role("button")).to_be_visible()
    holds(page)


def test_the_diagram_marks_the_way(
    agent: Callable[..., Page], reported: Callable[[], str], someone: Someone, holds: Holds
) -> None:
    reference = reported()
    page = agent()
    page.goto(f"/agents/demandes/{reference}/schema")
    diagram = page.get_by_role("region", name="Schéma de la démarche")
    expect(diagram.locator('[data-element-id="qualification"].ville-current')).to_be_visible()
    expect(diagram.locator('[data-element-id="recapitulatif"].ville-done')).to_be_visible()
    expect(diagram.locator('[data-element-id="intervention"].ville-done')).to_have_count(0)
    # The mark of the drawing's makers stays in sight: their licence asks for it.
    expect(page.locator(".bjs-powered-by")).to_be_visible()
    holds(page)
    before = diagram.locator(".viewport").get_attribute("transform")
    diagram.focus()
    page.keyboard.press("+")
    expect(diagram.locator(".viewport")).not_to_have_attribute("transform", str(before))
    # On a phone its names can be read, where the request stands, and the rest is scrolled to.
    page.set_viewport_size({"width": 320, "height": 640})
    page.reload()
    current = diagram.locator('[data-element-id="qualification"].ville-current')
    expect(current).to_be_visible()
    diagram.scroll_into_view_if_needed()
    expect(current).to_be_in_viewport(ratio=0.9)
    box, frame = current.bounding_box(), diagram.bounding_box()
    assert box is not None
    assert frame is not None
    assert box["width"] >= 90
    assert frame["x"] <= box["x"] <= frame["x"] + frame["width"]
    assert diagram.evaluate("one => one.scrollWidth > one.clientWidth")
    expect(page.locator(".bjs-powered-by")).to_be_visible()
    holds(page)


def test_without_scripts_the_diagram_is_the_timeline(agent: Callable[..., Page], reported: Callable[[], str]) -> None:
    reference = reported()
    page = agent(java_script_enabled=False)
    page.goto(f"/agents/demandes/{reference}/schema")
    expect(page.locator("main")).to_contain_text("Le dessin du schéma demande JavaScript")
    expect(page.locator("main")).to_contain_text("Demande déposée")
    expect(page.locator(".ville-diagram")).to_be_hidden()
