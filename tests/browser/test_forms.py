"""Forms in a real browser: with JavaScript and without, at 320 px, by keyboard, under the strict policy (A3)."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, g, render_template_string, request, send_from_directory
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from engine.core.config import City
from engine.core.errors import InvalidAnswers
from engine.procedures import forms
from portal import rendering
from portal.rendering.assets import STATIC

YES = {"required": ["enfant"], "properties": {"enfant": {"const": True}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["nom", "enfant", "naissance"],
    "properties": {
        "nom": {"title": "Nom", "type": "string"},
        "naissance": {"title": "Date de naissance", "type": "string", "format": "date"},
        "telephone": {"title": "Téléphone", "type": "string", "format": "fr-phone"},
        "courriel": {"title": "Courriel", "type": "string", "format": "email"},
        "enfant": {"title": "Avez-vous des enfants ?", "type": "boolean"},
        "recit": {"title": "Récit", "type": "string", "x-widget": "textarea", "maxLength": 20},
        "jours": {"title": "Jours", "type": "array", "items": {"enum": ["lundi", "mardi"]}},
        "adresse": {
            "title": "Adresse",
            "type": "object",
            "properties": {
                "voie": {"title": "Voie", "type": "string"},
                "commune": {"title": "Commune", "type": "string"},
            },
        },
        "pieces": {"title": "Pièces", "type": "array", "x-widget": "files", "items": {"type": "string"}},
    },
    "allOf": [
        {
            "if": YES,
            "then": {
                "required": ["enfants"],
                "properties": {
                    "enfants": {
                        "title": "Vos enfants",
                        "type": "array",
                        "x-itemTitle": "Enfant",
                        "x-add": "Ajouter un enfant",
                        "items": {
                            "type": "object",
                            "required": ["prenom"],
                            "properties": {
                                "prenom": {"title": "Prénom", "type": "string"},
                                "ecole": {"title": "Va à l’école", "type": "boolean"},
                            },
                            "if": {"required": ["ecole"], "properties": {"ecole": {"const": True}}},
                            "then": {
                                "required": ["classe"],
                                "properties": {"classe": {"title": "Classe", "type": "string"}},
                            },
                        },
                    }
                },
            },
        }
    ],
    "dependentRequired": {"telephone": ["courriel"]},
}
PAGE = """{% extends "base.html" %}{% from "parts.html" import error_summary, summary_list, step_indicator %}
{% block title %}Essai{% endblock %}
{% block content %}
{{ error_summary(error_list(fields, errors)) }}
<h1 class="govuk-heading-l">Essai</h1>
{{ step_indicator([{"label": "Un", "state": "done", "href": "/"}, {"label": "Deux", "state": "current"}]) }}
{% if lines %}{{ summary_list("Vos réponses", lines, href="/") }}{% endif %}
<form method="post" novalidate enctype="multipart/form-data">{% include "step_fields.html" %}</form>
{% endblock %}"""


def make_app() -> Flask:
    form = forms.load("essai.json", {"essai.json": json.dumps(SCHEMA).encode()})
    app = Flask("essai", static_folder=None)
    rendering.prepare(app)

    @app.before_request
    def begin() -> None:
        g.nonce = secrets.token_urlsafe(16)

    @app.after_request
    def protect(answer: Response) -> Response:
        own = f"'self' 'nonce-{g.nonce}'"
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src {own}; style-src {own}; form-action 'self'"
        )
        return answer

    @app.get("/static/<path:name>")
    def static(name: str) -> Response:
        return send_from_directory(STATIC, name)

    @app.route("/", methods=["GET", "POST"])
    def show() -> tuple[str, int]:
        answers: dict[str, Any] = {}
        errors: dict[str, str] = {}
        lines: list[Any] = []
        focus = ""
        if request.method == "POST":
            answers, wanted = rendering.read(form, request.form), rendering.action(request.form)
            if wanted.stays:
                answers = rendering.act(form, answers, wanted)
                focus = f"{wanted.path}.{len(answers[wanted.path]) - 1}" if wanted.name == "add" else ""
            else:
                try:
                    lines = forms.summary(form, forms.validate(form, answers))
                except InvalidAnswers as error:
                    errors = error.errors
        fields = forms.fields(form, answers)
        names = {"city": City(), "person": None, "nav": "procedures", "csp_nonce": g.nonce, "focus": focus}
        return render_template_string(PAGE, fields=fields, errors=errors, lines=lines, **names), 422 if errors else 200

    return app


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, make_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{server.host}:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(someone: Callable[..., Page]) -> Page:
    return someone()


@pytest.fixture
def plain(someone: Callable[..., Page]) -> Page:
    """A page of a narrow browser without JavaScript."""
    return someone(java_script_enabled=False, viewport={"width": 320, "height": 800})


def submit(page: Page) -> None:
    page.get_by_role("button", name="Continuer").last.click()


def test_pages_are_accessible(page: Page, site: str, holds: Callable[[Page], None]) -> None:
    page.goto(site)
    holds(page)
    page.get_by_role("radio", name="Oui").first.check()
    submit(page)
    expect(page.get_by_role("alert")).to_contain_text("Renseignez")
    holds(page)


def test_questions_come_and_go_with_answers(page: Page, site: str) -> None:
    page.goto(site)
    children = page.get_by_role("heading", name="Vos enfants")
    expect(children).to_be_hidden()
    page.get_by_role("radio", name="Oui").first.check()
    expect(children).to_be_visible()
    expect(page.get_by_label("Classe")).to_be_hidden()
    page.get_by_role("group", name="Va à l’école").get_by_role("radio", name="Oui").check()
    expect(page.get_by_label("Classe")).to_be_visible()
    page.get_by_label("Classe").fill("CP")
    page.get_by_role("radio", name="Non").first.check()
    expect(children).to_be_hidden()
    expect(page.get_by_label("Classe")).to_be_hidden()
    assert page.locator("[data-show-if][hidden] input:not([type=hidden])").first.is_disabled()
    page.get_by_role("radio", name="Oui").first.check()
    expect(page.get_by_label("Classe")).to_have_value("CP")


def test_the_asterisk_comes_with_the_answer_that_calls_for_another(page: Page, site: str) -> None:
    page.goto(site)
    star = page.locator("label[for=f-courriel] .ville-star")
    expect(star).to_be_hidden()
    page.get_by_label("Téléphone").fill("06")
    expect(star).to_be_visible()


def test_errors_lead_to_their_field_by_keyboard(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_label("Jour", exact=True).fill("31")
    page.get_by_label("Mois").fill("2")
    # Enter sends the form as «Continuer» does, whatever buttons come before it.
    page.get_by_label("Mois").press("Enter")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    expect(page).to_have_title("Erreur\u00a0: Essai – Démarches – Ville de Valmont-sur-Seine")
    page.get_by_role("link", name="il manque l’année").press("Enter")
    expect(page.get_by_label("Année")).to_be_focused()
    expect(page.get_by_label("Jour", exact=True)).to_have_value("31")


def test_the_count_of_characters_is_in_french(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_label("Récit").fill("x" * 18)
    expect(page.locator(".govuk-character-count__status")).to_have_text("Il vous reste 2\u00a0caractères")


def test_without_javascript_everything_shows_and_blocks_can_be_added(plain: Page, site: str) -> None:
    plain.goto(site)
    expect(
        plain.get_by_text("À remplir si vous avez répondu «\u00a0Oui\u00a0» à «\u00a0Avez-vous des enfants")
    ).to_be_visible()
    plain.get_by_label("Nom *", exact=True).fill("Diallo")
    for label, text in (("Jour", "27"), ("Mois", "3"), ("Année", "1985")):
        plain.get_by_label(label, exact=True).fill(text)
    plain.get_by_role("radio", name="Oui").first.check()
    plain.get_by_role("button", name="Ajouter un enfant").click()
    plain.get_by_label("Prénom").nth(0).fill("Awa")
    submit(plain)
    expect(plain.get_by_role("alert")).to_contain_text("Enfant\u00a02\u00a0: Renseignez «\u00a0Prénom\u00a0».")
    plain.get_by_role("button", name="Retirer Enfant\u00a02").click()
    expect(plain.get_by_label("Prénom")).to_have_count(1)
    # Left in a branch that isn't asked for: no fault, and not kept.
    plain.get_by_label("Classe").fill("CP")
    submit(plain)
    expect(plain.get_by_role("alert")).to_have_count(0)
    expect(plain.locator(".govuk-summary-card")).to_contain_text("27\u00a0mars\u00a01985")
    expect(plain.locator(".govuk-summary-card")).not_to_contain_text("CP")


def test_a_new_block_has_the_cursor(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_role("radio", name="Oui").first.check()
    page.get_by_role("button", name="Ajouter un enfant").click()
    expect(page.locator("#f-enfants-1")).to_be_focused()
