"""`./parvis files` and `keys reseal`: operators see what is known of files, have them scanned, and change the key."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from engine.contact import documents
from engine.contact.documents import receiving, storage
from engine.core import config
from engine.core.config import Settings
from engine.core.db import Database
from engine.people.actors import ANONYMOUS
from tests.engine.contact.documents.conftest import PNG

pytestmark = pytest.mark.sqlite_only
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stored(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> documents.StoredFile:
    """A file that nobody scanned."""
    monkeypatch.setattr(receiving, "inspected", lambda name, media_type, content: content)
    monkeypatch.setenv("PARVIS_DATABASE_URL", database.url)
    monkeypatch.setenv("PARVIS_SECRET_KEY", "a-first-key")
    config.use(replace(settings, secret_key="a-first-key"))

    def store(session: object) -> documents.StoredFile:
        return documents.store(
            session,  # type: ignore[arg-type]
            settings,
            case_id=UUID(int=1),
            field="piece",
            filename="a.png",
            stream=io.BytesIO(PNG),
            actor=ANONYMOUS,
        )

    return database.run(store)


def test_what_was_never_scanned_is_seen_and_scanned(
    stored: documents.StoredFile, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, said, _ = run("files")
    assert status == 0
    assert "scanned by nothing" in said
    assert "unscanned  1" in said
    status, _, errors = run("files", "scan")
    assert status == 1
    assert "names no scanner" in errors
    monkeypatch.setenv("PARVIS_CLAMD", "/run/nobody")
    assert "1 file waits for its scan" in run("files", "scan")[1]
    assert "waiting  1" in run("files")[1]


def test_files_are_written_again_with_a_new_key(
    stored: documents.StoredFile, database: Database, settings: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARVIS_SECRET_KEY", "a-second-key")
    monkeypatch.setenv("PARVIS_FORMER_SECRET_KEYS", "a-first-key")
    status, said, _ = run("keys", "reseal")
    assert status == 0
    assert "1 files" in said
    config.use(replace(settings, secret_key="a-second-key"))
    with database.reading() as session:
        [file] = documents.of_case(session, UUID(int=1))
    assert documents.read(settings, file) == PNG
    storage.of(settings).remove(file.path)
    assert run("keys", "reseal")[0] == 1
