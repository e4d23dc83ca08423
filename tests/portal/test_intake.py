"""Whatever is sent, the answer is a page of the 4xx, and nothing changes."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.db import Database
from engine.procedures.cases import Case
from tests.portal.conftest import INFORMATION, Visitor

pytestmark = pytest.mark.sqlite_only

DEEP = ".".join(["a"] * 5_000)

ODD: list[dict[str, Any]] = [
    {"prenoms": "Na\x00dia"},
    {"pre\x00noms": "Nadia"},
    {"_action": "add:" + DEEP},
    {"_action": "remove:prenoms.0"},
    {"_action": "add:prenoms"},
    {"_action": "drop:tables"},
    {"_action": "remove-file:nowhere:../../etc/passwd"},
]


@pytest.fixture
def step(visitor: Visitor) -> str:
    return str(visitor.post("/demarches/signalement").location)


def _document(data: Database) -> dict[str, Any]:
    with data.reading() as session:
        (case,) = session.query(Case)
        return case.document


@pytest.mark.parametrize("fields", ODD, ids=lambda fields: next(iter(fields))[:20])
def test_odd_fields_are_refused(visitor: Visitor, data: Database, step: str, fields: dict[str, Any]) -> None:
    answer = visitor.post(step, {**INFORMATION, **fields})
    assert 400 <= answer.status_code < 500
    assert "<h1" in answer.text
    assert _document(data) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {DEEP: "x"},
        {"prenoms." + DEEP: "x"},
        {"prenoms[]": "x", "prenoms.0": "y", "prenoms": "Nadia"},
        {"usager": "x", "demande": "y", "recapitulatif": "z", "__proto__": "p", "certifie": "true"},
    ],
    ids=["deep", "deep below a field", "lists", "reserved names"],
)
def test_foreign_fields_leave_no_trace(visitor: Visitor, data: Database, step: str, fields: dict[str, str]) -> None:
    assert visitor.post(step, {**INFORMATION, **fields}).status_code == 303
    assert set(_document(data)) == {"mes_informations"}
    assert _document(data)["mes_informations"] == INFORMATION


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"prenoms": "Nadia"}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"--x\r\nnot a part", "multipart/form-data; boundary=x"),
        (b"prenoms=Nadia", "multipart/form-data"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"<prenoms/>", "text/xml"),
    ],
    ids=["json", "deep json", "cut multipart", "no boundary", "bytes", "xml"],
)
def test_bodies_that_are_no_form_change_nothing(
    visitor: Visitor, data: Database, step: str, body: bytes, kind: str
) -> None:
    answer = visitor.client.post(step, data=body, content_type=kind)
    # A form without its token is drawn again with what could be read of it.
    assert answer.status_code == 400 or (answer.status_code == 303 and answer.location == step)
    assert _document(data) == {}


def test_too_many_fields_are_refused(visitor: Visitor, data: Database, step: str) -> None:
    many = {f"champ-{number}": "x" for number in range(2_500)}
    assert visitor.post(step, {**INFORMATION, **many}, content_type="multipart/form-data").status_code == 413
    assert _document(data) == {}


def test_a_long_form_is_refused(visitor: Visitor, data: Database, step: str) -> None:
    answer = visitor.post(step, {**INFORMATION, "prenoms": "x" * 2_000_000})
    assert answer.status_code == 413
    assert _document(data) == {}


@pytest.mark.parametrize(
    "path",
    [
        "/demarches/%00",
        "/demarches?q=%00",
        "/demarches/%ED%A0%80",
        "/demandes/%00/suivi",
        "/demandes/' OR 1=1/suivi",
        "/suivi/%00",
        "/suivi/" + "x" * 5_000,
        "/suivi/inconnu",
        "/connexion?suite=%00",
        "/demandes/ABCD-EFGH/pieces/nothing",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/nulle-part",
    ],
)
def test_odd_addresses_are_refused(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert 400 <= answer.status_code < 500 or answer.location.startswith("/connexion?suite=")


def test_every_private_link_that_fails_gives_the_same_page(visitor: Visitor) -> None:
    pages = {visitor.get(f"/suivi/{token}").data.split(b"<main")[1] for token in ("inconnu", "x" * 43, "é", "a b")}
    assert len(pages) == 1


@pytest.mark.parametrize("method", ["put", "delete", "patch", "post"])
def test_other_methods_are_refused(visitor: Visitor, method: str) -> None:
    visitor.get("/demarches/signalement")
    answer = getattr(visitor.client, method)("/mon-espace")
    assert answer.status_code in (400, 405)
