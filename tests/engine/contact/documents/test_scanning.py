"""The virus scan, by a real clamd: only its word makes a file clean (B14)."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import handlers
from engine.contact import documents
from engine.contact.documents import StoredFile, scanning
from engine.core import clock, config, jobs
from engine.core.config import Settings
from engine.core.db import Database
from engine.core.errors import NotFound, Quarantined, RefusedFile, Unavailable
from tests import clamd
from tests.engine.contact.documents.conftest import CASE, CLAIRE, PDF, on_disk

pytestmark = pytest.mark.skipif(clamd.CLAMD is None, reason=clamd.MISSING)
INFECTED = PDF + b"\n%" + clamd.EICAR + b"\n%%EOF\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clamd.running(tmp_path_factory.mktemp("clamd")) as address:
        yield address


def scanned_by(settings: Settings, address: str) -> Settings:
    settings = replace(settings, clamd=address)
    config.use(settings)
    return settings


def given(database: Database, settings: Settings, content: bytes) -> StoredFile:
    received = documents.receive(settings, owner=CASE, filename="a.pdf", stream=io.BytesIO(content))
    return database.run(documents.add, received, case_id=CASE, field="piece", actor=CLAIRE)


def as_it_is(database: Database, file: StoredFile) -> StoredFile:
    with database.reading() as session:
        return documents.find(session, CASE, file.id)


def test_a_clean_file_is_clean_at_once(database: Database, settings: Settings, daemon: str) -> None:
    settings = scanned_by(settings, daemon)
    file = given(database, settings, PDF)
    assert file.scan == documents.CLEAN
    with database.reading() as session:
        assert [job.kind for job in jobs.listing(session)] == ["sweep_files"]


def test_a_virus_is_refused_while_its_sender_waits(settings: Settings, daemon: str) -> None:
    settings = scanned_by(settings, daemon)
    with pytest.raises(RefusedFile, match="refusé par notre antivirus") as caught:
        documents.receive(settings, owner=CASE, filename="a.pdf", stream=io.BytesIO(INFECTED))
    assert caught.value.facts == {"reason": "infected"}
    assert on_disk(settings) == []


def test_without_the_daemon_a_file_waits_in_quarantine_until_it_answers(
    database: Database, settings: Settings, daemon: str, tmp_path: Path
) -> None:
    """A dead daemon never makes a file clean, and its word is asked for again by a job."""
    dead = scanned_by(settings, str(tmp_path / "nobody"))
    file = given(database, dead, PDF)
    assert file.scan == documents.WAITING
    with pytest.raises(Quarantined):
        documents.open_file(dead, file)
    assert jobs.drain(database, handlers.HANDLERS) == 1  # it asked, and will again
    assert as_it_is(database, file).scan == documents.WAITING
    alive = scanned_by(settings, daemon)
    with clock.frozen(clock.now() + scanning.AGAIN_AFTER):
        assert jobs.drain(database, handlers.HANDLERS) == 1
    file = as_it_is(database, file)
    assert file.scan == documents.CLEAN
    assert documents.open_file(alive, file).read() == PDF


def test_a_virus_found_later_goes_with_its_content(
    database: Database, settings: Settings, daemon: str, tmp_path: Path
) -> None:
    file = given(database, scanned_by(settings, str(tmp_path / "nobody")), INFECTED)
    alive = scanned_by(settings, daemon)
    jobs.drain(database, handlers.HANDLERS)
    file = as_it_is(database, file)
    assert file.scan == documents.INFECTED
    assert on_disk(alive) == []
    with pytest.raises(NotFound):
        documents.open_file(alive, file)


def test_files_of_a_time_without_a_scanner_can_be_scanned(database: Database, settings: Settings, daemon: str) -> None:
    file = given(database, settings, INFECTED)
    assert file.scan == documents.UNSCANNED
    assert documents.open_file(settings, file).read() == INFECTED
    scanned_by(settings, daemon)
    assert database.run(documents.scan_all) == 1
    jobs.drain(database, handlers.HANDLERS)
    with database.reading() as session:
        assert documents.states(session) == {documents.INFECTED: 1}


def test_what_answers_nonsense_is_no_verdict(settings: Settings) -> None:
    """Another program on the port, a daemon that hangs up, one that never answers."""
    for answer in (b"HTTP/1.1 400 Bad Request\r\n\0", b"stream: ERROR\0", b"stream: OK", b""):
        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=_answer, args=(server, answer), daemon=True)
            thread.start()
            impostor = replace(settings, clamd=f"tcp://127.0.0.1:{server.getsockname()[1]}")
            with pytest.raises(Unavailable):
                scanning.scan(impostor, PDF, seconds=2)
            thread.join()
    with socket.create_server(("127.0.0.1", 0)) as server:
        mute = replace(settings, clamd=f"tcp://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(Unavailable):
            scanning.scan(mute, PDF, seconds=0.05)


def _answer(server: socket.socket, answer: bytes) -> None:
    line, _ = server.accept()
    with line:
        received = b""
        while not received.endswith(b"\0\0\0\0") and (more := line.recv(65536)):
            received += more
        line.sendall(answer)
