"""«Bénéficiaire»: from the city's letter to the plan (B18, C2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engine.core import clock, mail
from engine.core.db import Database
from engine.people import captcha
from engine.rights import care_plans
from tests.portal.conftest import PASSWORD, Visitor

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
ODETTE = {
    "dossier": "PA-2026-00417",
    "nom": "Marchand",
    "prenom": "Odette",
    "date_naissance-day": "2",
    "date_naissance-month": "9",
    "date_naissance-year": "1941",
}
SIGN_IN = {
    "courriel": "odette@exemple.fr",
    "mot_de_passe": PASSWORD,
    "mot_de_passe_confirmation": PASSWORD,
    "conditions": "oui",
}


@pytest.fixture
def plan(data: Database) -> None:
    today = clock.today()
    with data.transaction() as session:
        care_plans.add(
            session, account_id=None, first_names="Odette Jeanne", name="Marchand", hours_per_month=18.5,
            benefits=["Aide aux repas"], starts_on=today, ends_on=today + timedelta(days=30),
            file_reference="PA-2026-00417", birth_date="1941-09-02",
        )  # fmt: skip


def ask(visitor: Visitor, **typed: str) -> TestResponse:
    page = visitor.get("/beneficiaire/compte")
    hidden = dict(re.findall(r'<input type="hidden" name="(textes|verification_cle)" value="([^"]+)"', page.text))
    digits = captcha.digits(hidden["verification_cle"]) or ""
    return visitor.post(
        "/beneficiaire/compte", {**ODETTE, **SIGN_IN, **hidden, "verification_chiffres": digits, **typed}
    )


def letter(data: Database) -> mail.Mail:
    with data.reading() as session:
        return mail.outbox(session)[0]


@pytest.mark.usefixtures("plan")
def test_the_letter_of_the_city_leads_to_the_plan(visitor: Visitor, data: Database, said: Said) -> None:
    assert "référence de votre dossier" in said(visitor.get("/beneficiaire"))
    assert ask(visitor).location == "/compte/creation/code"
    code = re.findall(r"^\d{4}$", letter(data).text, re.M)[0]
    answer = visitor.post("/compte/creation/code", {"code": code})
    assert answer.location == "/mon-espace/plan-d-aide"
    page = said(visitor.get(answer.location))
    for words in ("Odette Jeanne Marchand", "PA-2026-00417", "18 h 30 par mois", "Aide aux repas", "En cours"):
        assert words in page
    assert "Plan d’aide" in said(visitor.get("/mon-espace"))


@pytest.mark.usefixtures("plan")
def test_a_stranger_learns_nothing_from_the_page(visitors: Callable[[], Visitor], data: Database, said: Said) -> None:
    """Right or wrong, for an address with an account or not: the same pages, word for word."""
    seen = set()
    for number, typed in enumerate(({}, {"dossier": "PA-1"}, {"nom": "Petit"}, {"date_naissance-day": "3"})):
        visitor = visitors()
        answer = ask(visitor, courriel=f"o{number}@exemple.fr", **typed)
        page = said(visitor.get(answer.location)).replace(f"o{number}@", "o@")
        code = int("".join(re.findall(r"^\d{4}$", letter(data).text, re.M)) or 0)
        wrong = said(visitor.post("/compte/creation/code", {"code": f"{(code + 1) % 10_000:04}"}))
        seen.add((answer.status_code, answer.location, page, wrong.replace(f"o{number}@", "o@")))
    assert len(seen) == 1


def test_what_is_missing_is_said_and_nothing_is_lost(visitor: Visitor, data: Database) -> None:
    page = ask(visitor, **{"dossier": "", "date_naissance-year": "", "mot_de_passe": "court", "conditions": ""})
    assert page.status_code == 422
    for place in ("f-dossier", "f-date_naissance", "mot_de_passe", "conditions"):
        assert f'href="#{place}' in page.text
    assert 'value="Marchand"' in page.text
    proposed = visitor.post("/beneficiaire/compte", {**ODETTE, "_action": "proposer"})
    assert re.search(r"data-proposed>[^<]{12,}</strong>", proposed.text)


@pytest.mark.usefixtures("plan")
def test_a_file_is_tied_to_an_account_that_exists(visitor: Visitor, account: Callable[..., Any], said: Said) -> None:
    account()
    visitor.sign_in("claire.martin@exemple.fr")
    assert "rattacher un dossier à mon compte" in said(visitor.get("/beneficiaire"))
    path = "/mon-espace/plan-d-aide/dossier"
    messages = set()
    for typed in ({"dossier": "PA-1"}, {"nom": "Petit"}, {"date_naissance-day": "3"}):
        page = visitor.post(path, {**ODETTE, **typed})
        assert page.status_code == 422
        messages.update(re.findall(r'<a href="#f-dossier">([^<]+)', page.text))
    assert len(messages) == 1
    page = said(visitor.follow(visitor.post(path, ODETTE)))
    assert "Votre dossier est rattaché à votre compte." in page
    assert "Odette Jeanne Marchand" in page
