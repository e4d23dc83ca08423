"""Files given with a request: A19."""

from __future__ import annotations

import hashlib
import io
import os
import random
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pikepdf
import pytest
from PIL import Image

from engine.contact import documents, inspection
from engine.contact.documents import Received, StoredFile
from engine.core import jobs
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.errors import NotFound, RefusedFile
from engine.people.actors import ANONYMOUS, Actor

CASE = UUID(int=1)
CLAIRE = Actor("resident", UUID(int=7), "Claire Martin")


def image(kind: str, size: tuple[int, int] = (60, 40)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def pdf(**options: Any) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
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
    monkeypatch.setattr(documents, "_check_content", lambda *_: None)


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [("Photo.JPG", JPEG, "image/jpeg"), ("photo.jpeg", JPEG, "image/jpeg"), ("plan.png", PNG, "image/png"),
     ("quittance.pdf", PDF, "application/pdf")],
)  # fmt: skip
def test_a_file_is_kept_as_it_was_given(
    session: Session, settings: Settings, name: str, content: bytes, media_type: str
) -> None:
    stored = store(session, settings, content, filename=name)
    assert (stored.name, stored.media_type, stored.size) == (name, media_type, len(content))
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert (stored.added_by_kind, stored.added_by) == ("resident", CLAIRE.account_id)
    with documents.open_file(settings, stored) as file:
        assert file.read() == content
    (path,) = on_disk(settings)
    assert name not in str(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("virus.exe", b"MZ", "extension"),
        ("sans extension", PNG, "extension"),
        ("page.html", b"<script>", "extension"),
        ("dessin.svg", b"<svg/>", "extension"),
        ("vide.pdf", b"", "empty"),
        ("photo.jpg", PNG, "type"),
        ("page.pdf", b"<html><script>alert(1)</script></html>", "type"),
        ("script.png", b"#!/bin/sh\nrm -rf /\n", "type"),
        ("coupée.png", PNG[:-30], "unreadable"),
        ("coupée.jpg", JPEG[: len(JPEG) // 2], "unreadable"),
        ("coupé.pdf", b"%PDF-1.7\n" + b"x" * 500, "unreadable"),
        ("secret.pdf", pdf(encryption=pikepdf.Encryption(owner="a", user="b")), "encrypted"),
        ("imprimable.pdf", pdf(encryption=pikepdf.Encryption(owner="a", user="")), "encrypted"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_its_reason_and_leaves_nothing(
    session: Session, settings: Settings, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(RefusedFile) as caught:
        store(session, settings, content, filename=name)
    assert caught.value.facts == {"reason": reason}
    assert name in caught.value.message
    assert on_disk(settings) == []
    assert documents.of_case(session, CASE) == []


def test_a_file_of_ten_megabytes_passes_and_one_more_byte_does_not(
    session: Session, settings: Settings, unchecked: None
) -> None:
    store(session, settings, PNG.ljust(documents.BYTES_MAX, b"\0"))
    with pytest.raises(RefusedFile) as caught:
        store(session, settings, PNG.ljust(documents.BYTES_MAX + 1, b"\0"))
    assert caught.value.facts == {"reason": "size"}
    assert len(on_disk(settings)) == 1


def test_an_endless_stream_is_not_read_to_its_end(settings: Settings) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(RefusedFile):
        documents.receive(settings, filename="a.png", stream=stream)
    assert stream.given < 2 * documents.BYTES_MAX


def test_an_image_that_would_fill_the_memory_is_refused(session: Session, settings: Settings) -> None:
    """A small file that says it is 40,000 pixels wide and high."""
    bomb = bytearray(PNG)
    bomb[16:24] = (40_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    with pytest.raises(RefusedFile) as caught:
        store(session, settings, bytes(bomb))
    assert caught.value.facts == {"reason": "pixels"}


def test_a_photograph_of_48_megapixels_passes(session: Session, settings: Settings) -> None:
    store(session, settings, image("JPEG", (8000, 6000)), filename="photo.jpg")


def test_damaged_bytes_never_pass_for_a_crash(settings: Settings) -> None:
    """Whatever the decoder does, the answer is a refusal or a file."""
    draw = random.Random(2026)
    for kind, name, content in (("png", "a.png", PNG), ("pdf", "a.pdf", PDF)):
        for _ in range(3):
            damaged = bytearray(content)
            for _ in range(20):
                damaged[draw.randrange(16, len(damaged))] = draw.randrange(256)
            try:
                received = documents.receive(settings, filename=name, stream=io.BytesIO(damaged))
                assert received.name.endswith(kind)
            except RefusedFile as error:
                assert error.facts["reason"] in {"unreadable", "type", "pixels", "encrypted"}  # noqa: PT017


def test_four_files_a_field(session: Session, settings: Settings, unchecked: None) -> None:
    for _ in range(4):
        store(session, settings)
    with pytest.raises(RefusedFile) as caught:
        store(session, settings)
    assert caught.value.facts == {"reason": "count"}
    store(session, settings, field="identite")
    store(session, settings, case_id=UUID(int=2))
    assert len(documents.of_case(session, CASE, "justificatif")) == 4
    assert len(documents.of_case(session, CASE)) == 5
    assert len(on_disk(settings)) == 6
    documents.check_room(session, CASE, "identite", wanted=3)
    with pytest.raises(RefusedFile):
        documents.check_room(session, CASE, "identite", wanted=4)


def test_a_file_of_another_request_is_not_found(session: Session, settings: Settings, unchecked: None) -> None:
    stored = store(session, settings)
    assert documents.find(session, CASE, stored.id) is stored
    for case_id, file_id in ((UUID(int=2), stored.id), (CASE, uuid4())):
        with pytest.raises(NotFound):
            documents.find(session, case_id, file_id)


def test_a_file_that_is_gone_from_the_disk_is_not_found(session: Session, settings: Settings, unchecked: None) -> None:
    stored = store(session, settings)
    on_disk(settings)[0].unlink()
    with pytest.raises(NotFound):
        documents.open_file(settings, stored)


def test_a_removed_file_goes_once_that_is_committed(database: Database, settings: Settings, unchecked: None) -> None:
    with database.transaction() as session:
        stored = store(session, settings)
    with rolled_back(database) as session:
        documents.remove(session, settings, documents.find(session, CASE, stored.id))
    assert len(on_disk(settings)) == 1
    with database.transaction() as session:
        assert documents.remove_all(session, settings, CASE) == 1
        assert len(on_disk(settings)) == 1
    assert on_disk(settings) == []
    with database.reading() as session:
        assert documents.of_case(session, CASE) == []


def test_orphans_are_swept_once_no_transaction_can_be_theirs(
    database: Database, settings: Settings, unchecked: None
) -> None:
    with database.transaction() as session:
        kept = store(session, settings)
    with rolled_back(database) as session:
        store(session, settings)
    (settings.files / kept.path).with_suffix(".partial").write_bytes(b"cut short")
    assert len(on_disk(settings)) == 3
    with database.transaction() as session:
        assert documents.sweep(session, settings) == 0
    long_ago = time.time() - 8 * 24 * 3600
    for path in on_disk(settings):
        os.utime(path, (long_ago, long_ago))
    with database.transaction() as session:
        assert documents.sweep(session, settings) == 2
        assert documents.sweep(session, settings) == 0
    assert on_disk(settings) == [settings.files / kept.path]


def test_a_day_on_which_files_came_has_its_sweep(
    session: Session, settings: Settings, unchecked: None, clock_at: Callable[[str], datetime]
) -> None:
    for day in ("2026-11-21 10:00", "2026-11-21 11:00", "2026-11-22 10:00"):
        clock_at(day)
        store(session, settings, field=day)
    promised = jobs.listing(session)
    assert [(job.kind, job.due_at.date().isoformat()) for job in promised] == [
        ("sweep_files", "2026-11-29"),
        ("sweep_files", "2026-11-30"),
    ]


def test_nothing_to_sweep_before_the_first_file(session: Session, settings: Settings) -> None:
    assert documents.sweep(session, settings) == 0


def test_a_received_file_that_nobody_wants_is_discarded(settings: Settings, unchecked: None) -> None:
    received = documents.receive(settings, filename="a.png", stream=io.BytesIO(PNG))
    assert isinstance(received, Received)
    documents.discard(settings, received)
    assert on_disk(settings) == []


def test_somebody_without_account_may_give_a_file(session: Session, settings: Settings, unchecked: None) -> None:
    stored = store(session, settings, actor=ANONYMOUS)
    assert (stored.added_by_kind, stored.added_by) == ("anonymous", None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\Claire\\facture d’août.pdf", "facture d’août.pdf"),
        ('a"b\r\nSet-Cookie: x.pdf', "a’b Set-Cookie: x.pdf"),
        ("facture\u202efdp.exe", "facture fdp.exe"),
        ("a\x00.pdf", "a .pdf"),
        ("\ud800.pdf", "pdf"),
        ("  .pdf", "pdf"),
        ("", "fichier"),
        ("..", "fichier"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("x" * 300, "x" * 150),
    ],
)
def test_a_name_is_cleaned(given: str, kept: str) -> None:
    assert documents.clean_name(given) == kept


def test_the_inspection_runs_without_our_secrets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    class Done:
        returncode = inspection.SOUND

    def run(*_: Any, **options: Any) -> Done:
        seen.update(options)
        return Done()

    monkeypatch.setattr(documents.subprocess, "run", run)
    documents.receive(settings, filename="a.png", stream=io.BytesIO(PNG))
    assert seen["env"] == {}
