"""A new key, and files of earlier releases: nothing becomes unreadable (B14, G3)."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from sqlalchemy import select

from engine.contact import documents
from engine.contact.documents import StoredFile, storage
from engine.core import config, secrets
from engine.core.config import Settings
from engine.core.db import Database
from tests.engine.contact.documents.conftest import CASE, PDF, PNG, on_disk, store


def _all(database: Database) -> list[StoredFile]:
    with database.reading() as session:
        return list(session.scalars(select(StoredFile).order_by(StoredFile.field)))


def _in_the_clear(database: Database, settings: Settings) -> None:
    """Turn the stored file into what the first release kept."""
    with database.transaction() as session:
        file = session.scalars(select(StoredFile)).one()
        (settings.files / file.path).write_bytes(PDF)
        file.sealed_sha256, file.sha256 = None, hashlib.sha256(PDF).hexdigest()


def test_a_file_of_an_earlier_release_is_read_as_it_came(
    database: Database, settings: Settings, unchecked: None
) -> None:
    with database.transaction() as session:
        store(session, settings, PDF, filename="a.pdf")
    _in_the_clear(database, settings)
    (file,) = _all(database)
    assert documents.open_file(settings, file).read() == PDF
    assert documents.reseal(database, settings) == documents.Resealed(1, [])
    (file,) = _all(database)
    assert documents.open_file(settings, file).read() == PDF
    (path,) = on_disk(settings)
    assert PDF not in path.read_bytes()
    assert documents.reseal(database, settings) == documents.Resealed(0, [])


def test_a_former_key_still_reads_and_can_then_be_dropped(
    database: Database, settings: Settings, unchecked: None
) -> None:
    with database.transaction() as session:
        store(session, settings, PDF, filename="a.pdf", field="a")
        store(session, settings, PNG, field="b")
    both = replace(settings, secret_key="a new key", former_secret_keys=(settings.secret_key,))
    config.use(both)
    first, second = _all(database)
    assert documents.read(both, first) == PDF
    storage.of(both).remove(second.path)
    assert documents.reseal(database, both) == documents.Resealed(1, [second.path])
    config.use(replace(both, former_secret_keys=()))
    assert documents.read(both, _all(database)[0]) == PDF


def test_a_key_that_was_dropped_too_early_is_told(database: Database, settings: Settings, unchecked: None) -> None:
    with database.transaction() as session:
        file = store(session, settings)
    config.use(replace(settings, secret_key="a new key"))
    assert documents.reseal(database, settings) == documents.Resealed(0, [file.path])
    assert len(on_disk(settings)) == 1
    config.use(settings)
    assert documents.read(settings, file) == PNG


def test_what_was_changed_on_the_disk_is_not_given_out(database: Database, settings: Settings, unchecked: None) -> None:
    with database.transaction() as session:
        one, other = store(session, settings), store(session, settings, case_id=CASE, field="b")
    kept = storage.of(settings)
    changed = bytearray(kept.get(one.path))
    changed[-1] ^= 1
    for content in (bytes(changed), kept.get(other.path), b"", PNG):
        (settings.files / one.path).write_bytes(content)
        try:
            documents.read(settings, one)
        except secrets.Undecipherable:
            continue
        raise AssertionError("what isn't ours was read")
