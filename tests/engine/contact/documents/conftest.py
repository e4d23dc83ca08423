"""Files as people send them, and where they are kept."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pikepdf
import pytest
from PIL import Image

from engine.contact import documents
from engine.contact.documents import StoredFile, receiving
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.people.actors import Actor

CASE = UUID(int=1)
CLAIRE = Actor("resident", UUID(int=7), "Claire Martin")


def image(kind: str, size: tuple[int, int] = (60, 40)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def pdf(change: Callable[[pikepdf.Pdf], None] = lambda _: None, **options: Any) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        change(made)
        made.save(out, **options)
    return out.getvalue()


PNG, JPEG, PDF = image("PNG"), image("JPEG"), pdf()


def store(session: Session, settings: Settings, content: bytes = PNG, **more: Any) -> StoredFile:
    given: dict[str, Any] = {"case_id": CASE, "field": "justificatif", "filename": "a.png", "actor": CLAIRE}
    return documents.store(session, settings, **{**given, **more}, stream=io.BytesIO(content))


@contextmanager
def rolled_back(database: Database) -> Iterator[Session]:
    with suppress(ZeroDivisionError), database.transaction() as session:
        yield session
        raise ZeroDivisionError


def on_disk(settings: Settings) -> list[Path]:
    return [path for path in settings.files.rglob("*") if path.is_file()]


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of counts and rows don't need the subprocess that looks into the file."""
    monkeypatch.setattr(receiving, "inspected", lambda name, media_type, content: content)
