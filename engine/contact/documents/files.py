"""The files of a request: rows that name what was kept, given, read, taken away."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import IO, Any, BinaryIO
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.contact.documents import receiving, scanning, storage
from engine.contact.documents.receiving import Origin, Received
from engine.contact.documents.scanning import State
from engine.core import clock, jobs, secrets
from engine.core.config import Settings
from engine.core.db import Base, Session, UtcDateTime, after_commit, new_id
from engine.core.errors import NotFound, Quarantined, RefusedFile, Unavailable
from engine.people.actors import Actor

log = logging.getLogger(__name__)

FILES_MAX = 4
CASE_FILES_MAX = 100
# A file that no row names may be one whose transaction is still running, or one whose row comes back with a backup.
ORPHAN_AFTER = timedelta(days=7)
GONE = "Ce fichier n’existe pas ou n’est plus disponible."


class Content(Base):
    """What a row says of a file that is kept: `name` is what the person called it, cleaned; `path` where it is.

    `sealed_sha256` is the SHA-256 of the encrypted content; a file of an earlier release has none: it is kept as it came.
    """

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sealed_sha256: Mapped[str | None] = mapped_column(Text)
    scan: Mapped[State] = mapped_column(Text, default=scanning.UNSCANNED, server_default=scanning.UNSCANNED)

    @property
    def owner(self) -> UUID:
        """What the encrypted content is bound to."""
        raise NotImplementedError

    @property
    def readable(self) -> bool:
        """Whether it may be opened: nothing is known against it, and no scan is pending."""
        return self.scan in (scanning.CLEAN, scanning.UNSCANNED)


def facts(received: Received) -> dict[str, Any]:
    """What a row keeps of a received file."""
    return {
        "id": new_id(),
        "name": received.name,
        "media_type": received.media_type,
        "size": received.size,
        "sha256": received.sha256,
        "path": received.path,
        "added_at": clock.now(),
        "sealed_sha256": received.sealed_sha256,
        "scan": received.scan,
    }


class StoredFile(Content):
    """A file of a request. `document_id` and `origin_id`: the document of the person's space that it was copied from, and its
    file there; the copy stays when those go."""

    __tablename__ = "stored_file"
    __table_args__ = (
        Index("ix_stored_file_case_id_field", "case_id", "field"),
        Index("ix_stored_file_document_id", "document_id"),
        Index("uq_stored_file_path", "path", unique=True),
    )

    case_id: Mapped[UUID]
    field: Mapped[str] = mapped_column(Text)
    added_by_kind: Mapped[str] = mapped_column(Text)
    added_by: Mapped[UUID | None]
    document_id: Mapped[UUID | None]
    origin_id: Mapped[UUID | None]

    @property
    def owner(self) -> UUID:
        return self.case_id


def add(session: Session, received: Received, *, case_id: UUID, field: str, actor: Actor) -> StoredFile:
    """Give a received file to a field of a request, or raise `RefusedFile` when the field is full.

    The caller holds the request's row: two files sent at once are counted one after the other.
    """
    check_room(session, case_id, field)
    origin = received.origin
    stored = StoredFile(
        **facts(received),
        case_id=case_id,
        field=field,
        added_by_kind=actor.kind,
        added_by=actor.account_id,
        document_id=origin.document_id if origin else None,
        origin_id=origin.file_id if origin else None,
    )
    session.add(stored)
    session.flush()
    promise_for(session, stored, case_id=case_id)
    return stored


def promise_for(session: Session, kept: Content, *, case_id: UUID | None = None) -> None:
    """What a file that was just added calls for later: its scan, and the sweep of its day."""
    if kept.scan == scanning.WAITING:
        jobs.promise(session, "scan_file", key=f"scan:{kept.path}", case_id=case_id, path=kept.path)
    promise_sweep(session)


def promise_sweep(session: Session) -> None:
    """Orphans come from days on which files came or went: each such day has its sweep."""
    jobs.promise(
        session,
        "sweep_files",
        key=f"sweep_files:{clock.today()}",
        due_at=clock.now() + ORPHAN_AFTER + timedelta(days=1),
    )


def store(
    session: Session,
    settings: Settings,
    *,
    case_id: UUID,
    field: str,
    filename: str,
    stream: IO[bytes],
    actor: Actor,
) -> StoredFile:
    """`receive` and `add` in one call, for who can afford to check a file inside a transaction."""
    check_room(session, case_id, field)
    received = receiving.receive(settings, owner=case_id, filename=filename, stream=stream)
    try:
        return add(session, received, case_id=case_id, field=field, actor=actor)
    except BaseException:
        discard(settings, received)
        raise


def discard(settings: Settings, received: Received) -> None:
    """Forget a received file that nothing will name; what can't be removed now is left to the sweep."""
    try:
        storage.of(settings).remove(received.path)
    except (OSError, Unavailable) as error:
        log.warning("a content is left to the sweep: %s", type(error).__name__)


def check_room(session: Session, case_id: UUID, field: str, wanted: int = 1) -> None:
    """Raise `RefusedFile` when the field, or the request, can't take `wanted` more files."""
    in_field, in_all = session.execute(
        select(
            func.count(StoredFile.id).filter(StoredFile.field == field),
            func.count(StoredFile.id),
        ).where(StoredFile.case_id == case_id)
    ).one()
    if in_field + wanted > FILES_MAX:
        raise RefusedFile(
            f"Vous pouvez joindre {FILES_MAX} fichiers au plus. Retirez-en un pour en ajouter un autre.", reason="count"
        )
    if in_all + wanted > CASE_FILES_MAX:
        raise RefusedFile(f"Une demande reçoit {CASE_FILES_MAX} fichiers au plus.", reason="case count")


def of_case(session: Session, case_id: UUID, field: str | None = None) -> list[StoredFile]:
    """The files of a request (of one field, if given), in the order in which they came."""
    query = select(StoredFile).where(StoredFile.case_id == case_id).order_by(StoredFile.added_at, StoredFile.id)
    return list(session.scalars(query if field is None else query.where(StoredFile.field == field)))


def infected(session: Session, case_id: UUID) -> list[StoredFile]:
    """The files of a request that the virus scan refused."""
    refused = StoredFile.case_id == case_id, StoredFile.scan == scanning.INFECTED
    return list(session.scalars(select(StoredFile).where(*refused)))


def find(session: Session, case_id: UUID, file_id: UUID) -> StoredFile:
    """A file of that request, or `NotFound`: whoever may see one request guesses no file of another."""
    stored = session.get(StoredFile, file_id)
    if stored is None or stored.case_id != case_id:
        raise NotFound(GONE, file_id=str(file_id))
    return stored


def copies_of(session: Session, case_ids: Sequence[UUID], document_id: UUID) -> list[StoredFile]:
    """The copies that these requests hold of a document of somebody's space."""
    return list(
        session.scalars(
            select(StoredFile)
            .where(StoredFile.document_id == document_id, StoredFile.case_id.in_(case_ids))
            .order_by(StoredFile.added_at, StoredFile.id)
        )
    )


def read(settings: Settings, kept: Content) -> bytes:
    """The content in the clear; `NotFound` when it is gone, `Undecipherable` when it isn't what was kept there."""
    try:
        found = storage.of(settings).get(kept.path)
    except FileNotFoundError:
        raise NotFound(GONE, path=kept.path) from None
    if kept.sealed_sha256 is None:
        return found
    return secrets.decrypt(receiving.PURPOSE, found, about=receiving.about(kept.owner, kept.path))


def open_file(settings: Settings, kept: Content) -> BinaryIO:
    """The content, to read; `Quarantined` while its scan is pending, `NotFound` when it is gone or was refused."""
    if kept.scan == scanning.WAITING:
        raise Quarantined(path=kept.path)
    if not kept.readable:
        raise NotFound("Ce fichier a été refusé par notre antivirus.", path=kept.path)
    return io.BytesIO(read(settings, kept))


def copied(settings: Settings, kept: Content, *, owner: UUID, origin: Origin | None = None) -> Received:
    """A copy for another owner, to be named by a row of its own. Slow: outside of any transaction."""
    return receiving.keep(
        settings,
        read(settings, kept),
        owner=owner,
        name=kept.name,
        media_type=kept.media_type,
        scan=kept.scan,
        origin=origin,
    )


def remove(session: Session, settings: Settings, kept: Content) -> None:
    """Take a file away; its content goes once this is committed, and stays when it is rolled back."""
    path = kept.path
    session.delete(kept)
    session.flush()
    jobs.forget(session, [f"scan:{path}"])
    forget_content(session, settings, path)


def forget_content(session: Session, settings: Settings, path: str) -> None:
    """Take a content away once this is committed."""
    promise_sweep(session)

    def take_away() -> None:
        try:
            storage.of(settings).remove(path)
        except Exception as error:  # committed already: the sweep finds it
            log.warning("a content is left to the sweep: %s", type(error).__name__)

    after_commit(session, take_away)


def remove_all(session: Session, settings: Settings, case_id: UUID) -> int:
    """Take all files away from a request; how many there were."""
    files = of_case(session, case_id)
    for stored in files:
        remove(session, settings, stored)
    return len(files)
