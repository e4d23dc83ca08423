"""The checker of the faults program notices a file that was acknowledged and isn't there as it was sent (G4, B14)."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from engine.contact import documents
from engine.contact.documents import StoredFile
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.people.actors import ANONYMOUS
from engine.procedures import cases, catalogue
from engine.procedures.cases import Case
from tests.faults import checker, clients
from tests.faults.checker import Facts, Verdict
from tests.faults.record import Acked

pytestmark = pytest.mark.sqlite_only
ESSAI = Path(__file__).parents[1] / "engine" / "procedures" / "essai"


def test_a_lost_or_damaged_upload_is_noticed(database: Database, settings: Settings) -> None:
    for sources in catalogue.read_folder(ESSAI):
        database.run(catalogue.deploy, sources)

    def give(session: Session) -> tuple[Case, StoredFile]:
        case, _ = cases.open_draft(session, "essai", ANONYMOUS)
        content = io.BytesIO(clients.PDF)
        sent = {"field": "preuve", "filename": "a.pdf", "stream": content, "actor": ANONYMOUS}
        return case, documents.store(session, settings, case_id=case.id, **sent)

    case, file = database.run(give)

    def lost(digest: str = hashlib.sha256(clients.PDF).hexdigest()) -> list[str]:
        verdict = Verdict()
        with database.reading() as session:
            acked = [Acked("upload", case.reference, str(file.id), digest)]
            checker.files(verdict, session, {case.reference: Facts(case)}, acked)
        return verdict.lost

    assert lost() == []
    assert lost("another")
    path = settings.files / file.path
    kept = path.read_bytes()
    path.write_bytes(kept[:-1])
    assert lost()
    path.unlink()
    assert lost()
    path.write_bytes(kept)
    with database.transaction() as session:
        documents.remove(session, settings, session.get_one(StoredFile, file.id))
    assert lost()
