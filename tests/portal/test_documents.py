"""Files of a request: kept whatever else is wrong, served to its holder only, as downloads (A19)."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from engine.contact import documents
from engine.core import config
from engine.core.db import Database
from portal import intake
from tests.portal.conftest import INFORMATION, REPORT, Visitor

Said = Callable[[TestResponse], str]


def photo(name: str = "matelas.png", side: int = 8) -> tuple[io.BytesIO, str]:
    content = io.BytesIO()
    Image.new("RGB", (side, side), "navy").save(content, "PNG")
    content.seek(0)
    return content, name


@pytest.fixture
def step(visitor: Visitor) -> str:
    """The step of a report where photos are joined."""
    first = visitor.post("/demarches/signalement").location
    return str(visitor.post(first, INFORMATION).location)


def _files(data: Database) -> list[Any]:
    with data.reading() as session:
        return list(session.query(documents.StoredFile))


def _on_disk() -> list[Path]:
    return [path for path in config.current().files.rglob("*") if path.is_file()]


def test_a_file_outlives_the_errors_of_the_form(visitor: Visitor, data: Database, step: str, said: Said) -> None:
    page = visitor.post(step, {**REPORT, "description": "", "photos-files": photo()})
    assert page.status_code == 422
    assert "matelas.png" in said(page)
    (stored,) = _files(data)
    assert f'value="{stored.id}"' in page.text
    summary = visitor.follow(visitor.post(step, {**REPORT, "photos": str(stored.id)}))
    assert "matelas.png" in said(summary)


def test_a_file_of_a_step_left_with_errors_is_found_again(
    visitor: Visitor, data: Database, step: str, said: Said
) -> None:
    visitor.post(step, {**REPORT, "description": "", "photos-files": photo()})
    (stored,) = _files(data)
    page = visitor.get(step)
    assert "matelas.png" in said(page)
    visitor.post(step, {**REPORT, "photos": str(stored.id), "_action": f"remove-file:photos:{stored.id}"})
    assert "matelas.png" not in visitor.get(step).text


def test_a_bad_file_and_a_bad_field_are_said_at_once(visitor: Visitor, step: str) -> None:
    """A3: one page lists both."""
    page = visitor.post(
        step, {**REPORT, "description": "", "photos-files": (io.BytesIO(b"MZ not a picture"), "matelas.png")}
    )
    assert page.status_code == 422
    assert 'href="#f-description"' in page.text
    assert 'href="#f-photos' in page.text


def test_a_file_is_served_to_its_holder_and_nobody_else(
    visitor: Visitor, visitors: Callable[[], Visitor], account: Any, data: Database, step: str
) -> None:
    visitor.post(step, {**REPORT, "photos-files": photo("matelas «\u202eexe.png")})
    (stored,) = _files(data)
    address = f"/demandes/{step.split('/')[2]}/pieces/{stored.id}"
    answer = visitor.get(address, buffered=True)
    assert answer.status_code == 200
    assert answer.data[:4] == b"\x89PNG"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Cache-Control"] == "no-store"
    stranger = visitors()
    assert stranger.get(address).status_code == 303
    account()
    stranger.sign_in("claire.martin@exemple.fr")
    assert stranger.get(address).status_code == 404
    own = stranger.post("/demarches/signalement").location.split("/")[2]
    assert stranger.get(f"/demandes/{own}/pieces/{stored.id}").status_code == 404


def test_what_a_file_is_its_content_says(visitor: Visitor, data: Database, step: str, said: Said) -> None:
    page = visitor.post(step, {**REPORT, "photos-files": (io.BytesIO(b"<script>alert(1)</script>"), "photo.png")})
    assert page.status_code == 422
    assert "ne correspond pas à son extension" in said(page)
    assert 'href="#f-photos"' in page.text
    assert _files(data) == []
    assert _on_disk() == []


def test_a_file_taken_away_before_it_was_validated_is_gone(visitor: Visitor, data: Database, step: str) -> None:
    visitor.post(step, {**REPORT, "_action": "attach:photos", "photos-files": photo()})
    (stored,) = _files(data)
    page = visitor.post(step, {**REPORT, "photos": str(stored.id), "_action": f"remove-file:photos:{stored.id}"})
    assert page.status_code == 200
    assert "matelas.png" not in page.text
    assert _files(data) == []
    assert _on_disk() == []


def test_a_file_taken_away_from_a_passed_step_stays_until_the_step_is_validated(
    visitor: Visitor, data: Database, step: str, said: Said
) -> None:
    visitor.post(step, {**REPORT, "photos-files": photo()})
    (stored,) = _files(data)
    visitor.post(step, {**REPORT, "photos": str(stored.id), "_action": f"remove-file:photos:{stored.id}"})
    assert "matelas.png" in said(visitor.get(step))  # who leaves here has lost nothing
    visitor.post(step, {**REPORT, "photos-files": photo("autre.png")})
    assert [one.name for one in _files(data)] == ["autre.png"]
    assert len(_on_disk()) == 1


def test_a_fifth_file_is_refused_and_the_four_are_kept(visitor: Visitor, data: Database, step: str) -> None:
    for number in range(4):
        visitor.post(step, {**REPORT, "_action": "attach:photos", "photos-files": photo(f"photo-{number}.png")})
    given = [str(one.id) for one in _files(data)]
    page = visitor.post(step, {**REPORT, "photos": given, "photos-files": photo("photo-5.png")})
    assert page.status_code == 422
    assert "4 fichiers au plus" in page.text
    assert len(_files(data)) == len(_on_disk()) == 4


def test_files_of_another_request_cannot_be_given(
    visitor: Visitor, visitors: Callable[[], Visitor], data: Database, step: str
) -> None:
    visitor.post(step, {**REPORT, "photos-files": photo()})
    (stored,) = _files(data)
    other = visitors()
    theirs = other.post(other.post("/demarches/signalement").location, INFORMATION).location
    page = other.post(theirs, {**REPORT, "photos": str(stored.id)})
    assert page.status_code == 422
    other.post(theirs, {**REPORT, "photos": str(stored.id), "_action": f"remove-file:photos:{stored.id}"})
    assert len(_files(data)) == 1


def test_a_body_too_large_changes_nothing(
    visitor: Visitor, data: Database, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "UPLOAD_MAX", 50_000)
    answer = visitor.post(step, {**REPORT, "photos-files": (io.BytesIO(b"\0" * 100_000), "photo.png")})
    assert answer.status_code == 413
    assert _files(data) == []
