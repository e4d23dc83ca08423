"""Documents as agents read and join them (A19, E3)."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from engine.contact.documents import StoredFile
from engine.core.db import Database
from tests.portal.conftest import INFORMATION, REPORT, Visitor
from tests.portal.test_documents import photo

Said = Callable[[TestResponse], str]
Address = Callable[[str], str]
DONE = {
    "date_intervention-day": "2",
    "date_intervention-month": "3",
    "date_intervention-year": "2020",
    "compte_rendu": "Le matelas est enlevé.",
}


@pytest.fixture
def illustrated(visitors: Callable[[], Visitor]) -> str:
    """The reference of a report filed with a photo."""
    visitor = visitors()
    step = visitor.post("/demarches/signalement").location
    step = visitor.post(step, INFORMATION).location
    step = visitor.post(step, {**REPORT, "photos-files": photo("matelas.png")}).location
    assert visitor.post(step, {"certification": "true"}).location.endswith("/confirmation")
    return str(step.split("/")[2])


@pytest.fixture
def intervening(jeanne: Visitor, reported: Callable[[], str], address_of: Address) -> str:
    """The address of a task whose form takes photos, taken by Jeanne."""
    reference = reported()
    first = address_of(reference)
    jeanne.post(f"{first}/prise-en-charge")
    jeanne.post(first, {"suite": "intervenir", "equipe": "proprete"})
    address = address_of(reference)
    jeanne.post(f"{address}/prise-en-charge")
    return address


def stored(data: Database) -> list[StoredFile]:
    with data.reading() as session:
        return list(session.query(StoredFile).order_by(StoredFile.added_at))


def test_the_residents_photos_are_beside_the_form(
    jeanne: Visitor, zoe: Visitor, illustrated: str, address_of: Address, data: Database, said: Said
) -> None:
    (file,) = stored(data)
    link = f"/agents/demandes/{illustrated}/pieces/{file.id}"
    page = jeanne.get(address_of(illustrated))
    assert link in page.text
    assert "matelas.png" in said(page)
    answer = jeanne.get(link, buffered=True)
    assert answer.data[:4] == b"\x89PNG"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert zoe.get(link).status_code == 404


def test_a_file_of_another_request_is_not_found(
    jeanne: Visitor, illustrated: str, reported: Callable[[], str], data: Database
) -> None:
    (file,) = stored(data)
    assert jeanne.get(f"/agents/demandes/{reported()}/pieces/{file.id}").status_code == 404


def test_an_agent_joins_a_photo_which_outlives_the_errors_of_the_form(
    jeanne: Visitor, intervening: str, data: Database, said: Said
) -> None:
    page = jeanne.post(intervening, {"photos-files": photo("propre.png")})
    assert page.status_code == 422
    (file,) = stored(data)
    assert f'value="{file.id}"' in page.text
    assert f"/pieces/{file.id}" in page.text
    assert "/agents/demandes/" in page.text
    assert jeanne.post(intervening, {**DONE, "photos": str(file.id)}).status_code == 303
    assert [one.id for one in stored(data)] == [file.id]


def test_a_photo_is_taken_away_again(jeanne: Visitor, intervening: str, data: Database, said: Said) -> None:
    jeanne.post(intervening, {"photos-files": photo("flou.png"), "_action": "attach:photos"})
    (file,) = stored(data)
    page = jeanne.post(intervening, {"photos": str(file.id), "_action": f"remove-file:photos:{file.id}"})
    assert page.status_code == 200
    assert "flou.png" not in said(page)
    assert stored(data) == []


def test_what_is_no_photo_is_refused_with_the_reason(
    jeanne: Visitor, intervening: str, data: Database, said: Said
) -> None:
    content, _ = photo()
    page = jeanne.post(intervening, {**DONE, "photos-files": (content, "virus.exe")})
    assert page.status_code == 422
    assert "virus.exe" in said(page)
    assert stored(data) == []


def test_a_bad_file_and_a_missing_answer_are_said_at_once(jeanne: Visitor, intervening: str) -> None:
    page = jeanne.post(intervening, {"photos-files": (io.BytesIO(b"MZ no picture"), "virus.exe")})
    assert page.status_code == 422
    assert 'href="#f-photos' in page.text
    assert 'href="#f-compte_rendu"' in page.text


def test_nobody_joins_files_to_what_a_colleague_holds(
    paul: Visitor, intervening: str, data: Database, said: Said
) -> None:
    answer = paul.post(intervening, {"photos-files": photo()})
    assert answer.status_code == 409
    assert stored(data) == []


def test_nobody_takes_files_away_from_what_a_colleague_holds(
    jeanne: Visitor, paul: Visitor, intervening: str, data: Database
) -> None:
    jeanne.post(intervening, {"photos-files": photo(), "_action": "attach:photos"})
    (file,) = stored(data)
    answer = paul.post(intervening, {"photos": str(file.id), "_action": f"remove-file:photos:{file.id}"})
    assert answer.status_code == 409
    assert [one.id for one in stored(data)] == [file.id]


def test_a_task_page_costs_few_statements(
    jeanne: Visitor, illustrated: str, address_of: Address, statements: list[str]
) -> None:
    address = address_of(illustrated)
    jeanne.post(f"{address}/prise-en-charge")
    statements.clear()
    jeanne.get(address)
    # Four of them tell the audit that the request was read.
    assert len(statements) <= 12 + 4, "\n".join(statements)
