"""«Mon tableau de bord»: what waits behind the tiles, and the way to it (B7, B8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from werkzeug.test import TestResponse

from engine.contact import exchanges
from engine.core.db import Database, Session
from engine.people.accounts import Account
from engine.people.actors import SYSTEM, Actor
from engine.procedures import cases, demo
from tests.portal.conftest import Visitor
from tests.portal.test_appointments import filed
from tests.portal.test_statement_counts import SPACE_MAX, counted

Said = Callable[[TestResponse], str]


@pytest.fixture
def claire(visitor: Visitor, account: Callable[..., Account]) -> Account:
    made = account()
    visitor.sign_in(made.login)
    return made


def ask(data: Database, claire: Account, reference: str, *, asked: bool) -> None:
    """A service writes about the request; with `asked`, its process waits for the answer."""

    def write(session: Session) -> None:
        case = cases.find(session, reference, Actor("resident", claire.id), lock=True)
        thread = exchanges.begin(session, case_id=case.id, subject="Une précision", group="Propreté et espace public")
        exchanges.write(session, thread, side=exchanges.SERVICE, body="À quel étage ?", author=SYSTEM)
        if asked:
            exchanges.await_answer(thread, "precision-donnee", asked=True)

    data.run(write)


def tile(page: TestResponse, name: str) -> str:
    return page.text.partition(f">{name}</a>")[2].partition("</li>")[0]


def test_an_unread_message_counts_and_leads_to_the_exchanges_of_its_request(
    visitor: Visitor, claire: Account, data: Database, said: Said, report: Callable[..., str]
) -> None:
    """Seed 004: the tile, then the request, whose tracking opens on «Échanges»."""
    reference = report(visitor, filed=True)
    assert ">0<" in tile(visitor.get("/mon-espace"), "Échanges à lire")
    assert "Vous avez tout lu" in said(visitor.get("/mon-espace/echanges"))
    ask(data, claire, reference, asked=False)
    space = visitor.get("/mon-espace")
    assert ">1<" in tile(space, "Échanges à lire")
    assert "Lire et répondre" not in said(space)
    page = visitor.get("/mon-espace/echanges")
    assert "Une précision" in said(page)
    assert f'href="/demandes/{reference}/suivi/echanges"' in page.text
    assert visitor.get(f"/demandes/{reference}/suivi/echanges").status_code == 200


def test_an_answer_that_a_service_waits_for_is_to_be_done(
    visitor: Visitor, claire: Account, data: Database, said: Said, report: Callable[..., str]
) -> None:
    reference = report(visitor, filed=True)
    ask(data, claire, reference, asked=True)
    visitor.get("/mon-espace")
    with counted(data) as statements:
        text = said(visitor.get("/mon-espace"))
    assert len(statements) <= SPACE_MAX, "\n".join(statements)
    assert f"Un service attend votre réponse ({reference})" in text.split("Mon tableau de bord")[0]


def test_a_planned_appointment_is_near_and_in_the_list(
    visitor: Visitor, claire: Account, data: Database, said: Said, clock_at: Callable[[str], datetime]
) -> None:
    """Seed 004: the tile, then the appointment, whose request opens on «Rendez-vous»."""
    clock_at("2026-03-02 10:00")
    visitor.sign_in(claire.login)
    data.run(demo.add_agendas)
    assert "Vous n’avez pas de rendez-vous à venir" in said(visitor.get("/mon-espace/rendez-vous"))
    reference = filed(visitor)
    assert ">1<" in tile(visitor.get("/mon-espace"), "Rendez-vous proches")
    page = visitor.get("/mon-espace/rendez-vous")
    assert f'href="/demandes/{reference}/suivi/rendez-vous"' in page.text
    assert visitor.get(f"/demandes/{reference}/suivi/rendez-vous").status_code == 200
    assert "Rendez-vous le 3 mars 2026" in said(visitor.get("/mon-espace/demandes"))


def test_the_coordinates_lead_to_the_procedures_that_change_them(visitor: Visitor, claire: Account, said: Said) -> None:
    """A15: «Changement d'adresses postales», «Changement de téléphones», «Changement de courriels»."""
    page = visitor.get("/mon-espace/coordonnees")
    assert "12 rue des Tilleuls" in said(page)
    for slug in ("adresse", "telephone", "courriel"):
        assert f'href="/demarches/coordonnees-{slug}"' in page.text
