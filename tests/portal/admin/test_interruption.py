"""Administrators tell of an interruption of the service (D5)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from engine.core import audit, config, interruptions
from engine.core.db import Database
from tests.portal.conftest import Visitor

# The engine's tests go through both databases.
pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
PAGE = "/administration/interruption"
PLANNED = {
    "nature": "prevue",
    "message": "Travaux sur le réseau.",
    "debut_jour-day": "1",
    "debut_jour-month": "3",
    "debut_jour-year": "2090",
    "debut_heure": "20:00",
    "fin_jour-day": "2",
    "fin_jour-month": "3",
    "fin_jour-year": "2090",
    "fin_heure": "6h00",
}


def test_it_is_announced_on_every_page_and_taken_back(
    admin: Visitor, visitors: Callable[[], Visitor], data: Database, said: Said
) -> None:
    resident = visitors()
    assert "Rien n’est annoncé." in said(admin.get(PAGE))
    assert admin.post(PAGE, PLANNED).location == PAGE
    page = said(resident.get("/demarches"))
    assert "Interruption prévue : Travaux sur le réseau." in page
    assert "Du 1er mars 2090 à 20 h 00 au 2 mars 2090 à 06 h 00." in page
    assert admin.post(f"{PAGE}/retrait").location == PAGE
    assert "Interruption" not in said(resident.get("/demarches"))
    with data.reading() as session:
        assert [one.facts for one in audit.listing(session) if one.action == "content.published"] == [
            {"what": "withdrawn"},
            {"what": "announced"},
        ]


def test_what_somebody_else_announced_meanwhile_is_not_replaced_unseen(admin: Visitor, said: Said) -> None:
    mark = re.findall(r'name="_vu" value="(\w+)"', admin.get(PAGE).text)[0]
    interruptions.announce(config.current(), "Annonce d’un autre.")
    refused = admin.post(PAGE, {**PLANNED, "_vu": mark})
    assert refused.status_code == 409
    page = said(refused)
    assert "Annonce d’un autre." in page
    assert "Annonce changée entre-temps" in page
    assert "Travaux sur le réseau." in page
    mark = re.findall(r'name="_vu" value="(\w+)"', refused.text)[0]
    assert admin.post(PAGE, {**PLANNED, "_vu": mark}).status_code == 303


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"message": " "}, "f-message"),
        ({"nature": ""}, "f-nature"),
        ({"debut_heure": ""}, "f-debut_heure"),
        ({"fin_heure": "25:00"}, "f-fin_heure"),
        ({"fin_jour-year": "2001"}, "f-fin_jour"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(admin: Visitor, typed: dict[str, str], wrong: str) -> None:
    page = admin.post(PAGE, {**PLANNED, **typed})
    assert page.status_code == 422
    assert f'href="#{wrong}' in page.text
    assert 'value="20' in page.text or "Travaux sur le réseau." in page.text
    assert interruptions.announced(config.current()) is None
