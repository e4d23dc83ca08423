"""Files given with a request: A19."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from engine.contact import documents
from engine.contact.documents import Received
from engine.core import jobs
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.errors import NotFound, RefusedFile
from engine.people.actors import ANONYMOUS
from tests.engine.contact.documents.conftest import CASE, PNG, on_disk, rolled_back, store


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
    received = documents.receive(settings, owner=CASE, filename="a.png", stream=io.BytesIO(PNG))
    assert isinstance(received, Received)
    documents.discard(settings, received)
    assert on_disk(settings) == []


def test_somebody_without_account_may_give_a_file(session: Session, settings: Settings, unchecked: None) -> None:
    stored = store(session, settings, actor=ANONYMOUS)
    assert (stored.added_by_kind, stored.added_by) == ("anonymous", None)
