"""Files that people give with a request (A19), kept outside of anything that a web server serves.

What a file is, its content says: its extension, the signature of its first bytes and a decoder must agree, and the type that the
browser announces is never read. A file is written and synced before the row that names it, so a row never points at nothing; what
no row names (a crash, a rollback) `sweep` removes after a week.

    received = documents.receive(settings, filename=upload.filename, stream=upload.stream)   # slow: before the transaction
    with database.transaction() as session:
        documents.add(session, received, case_id=case.id, field="justificatif", actor=actor)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, BinaryIO
from uuid import UUID, uuid4

import magic
from sqlalchemy import BigInteger, Index, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.contact import inspection
from engine.core import clock, jobs
from engine.core.config import Settings
from engine.core.db import Base, Session, UtcDateTime, after_commit, new_id
from engine.core.errors import NotFound, RefusedFile
from engine.people.actors import Actor

BYTES_MAX = 10 * 1024 * 1024
FILES_MAX = 4

TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
ACCEPTED = "PDF, JPEG ou PNG"

# A file that no row names may be one whose transaction is still running, or one whose row comes back with a backup.
ORPHAN_AFTER = timedelta(days=7)
_CHUNK = 256 * 1024
_NAME_MAX = 150


class StoredFile(Base):
    """A file of a request. `name` is what the person called it, cleaned; `path` where it is, under the files' folder."""

    __tablename__ = "stored_file"
    __table_args__ = (
        Index("ix_stored_file_case_id_field", "case_id", "field"),
        Index("uq_stored_file_path", "path", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID]
    field: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    added_by_kind: Mapped[str] = mapped_column(Text)
    added_by: Mapped[UUID | None]


@dataclass(frozen=True)
class Received:
    """A file that was read, checked and written to disk, and that no request has yet."""

    name: str
    media_type: str
    size: int
    sha256: str
    path: str


def receive(settings: Settings, *, filename: str, stream: IO[bytes]) -> Received:
    """Read, check and write one file, or raise `RefusedFile` with the reason and keep nothing."""
    name = clean_name(filename)
    media_type = TYPES.get(name.rpartition(".")[2].lower()) if "." in name else None
    if media_type is None:
        raise RefusedFile(f"«\u00a0{name}\u00a0» n’est pas un fichier {ACCEPTED}.", reason="extension")
    key = uuid4().hex
    relative = f"{key[:2]}/{key}"
    target = settings.files / relative
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            size, sha256, head = _copy(name, stream, file)
            file.flush()
            os.fsync(file.fileno())
        _check_content(name, media_type, head, partial)
        partial.rename(target)
        _sync_folder(target.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return Received(name, media_type, size, sha256, relative)


def add(session: Session, received: Received, *, case_id: UUID, field: str, actor: Actor) -> StoredFile:
    """Give a received file to a field of a request, or raise `RefusedFile` when the field is full.

    The caller holds the request's row: two files sent at once are counted one after the other.
    """
    check_room(session, case_id, field)
    stored = StoredFile(
        id=new_id(),
        case_id=case_id,
        field=field,
        name=received.name,
        media_type=received.media_type,
        size=received.size,
        sha256=received.sha256,
        path=received.path,
        added_at=clock.now(),
        added_by_kind=actor.kind,
        added_by=actor.account_id,
    )
    session.add(stored)
    session.flush()
    # Orphans come from days on which files came: each such day has its sweep.
    jobs.promise(
        session,
        "sweep_files",
        key=f"sweep_files:{clock.today()}",
        due_at=clock.now() + ORPHAN_AFTER + timedelta(days=1),
    )
    return stored


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
    received = receive(settings, filename=filename, stream=stream)
    try:
        return add(session, received, case_id=case_id, field=field, actor=actor)
    except BaseException:
        discard(settings, received)
        raise


def discard(settings: Settings, received: Received) -> None:
    """Forget a received file that no request will have."""
    (settings.files / received.path).unlink(missing_ok=True)


def check_room(session: Session, case_id: UUID, field: str, wanted: int = 1) -> None:
    """Raise `RefusedFile` when the field can't take `wanted` more files."""
    held = session.scalar(
        select(func.count(StoredFile.id)).where(StoredFile.case_id == case_id, StoredFile.field == field)
    )
    if (held or 0) + wanted > FILES_MAX:
        raise RefusedFile(
            f"Vous pouvez joindre {FILES_MAX} fichiers au plus. Retirez-en un pour en ajouter un autre.", reason="count"
        )


def of_case(session: Session, case_id: UUID, field: str | None = None) -> list[StoredFile]:
    """The files of a request (of one field, if given), in the order in which they came."""
    query = select(StoredFile).where(StoredFile.case_id == case_id).order_by(StoredFile.added_at, StoredFile.id)
    return list(session.scalars(query if field is None else query.where(StoredFile.field == field)))


def find(session: Session, case_id: UUID, file_id: UUID) -> StoredFile:
    """A file of that request, or `NotFound`: whoever may see one request guesses no file of another."""
    stored = session.get(StoredFile, file_id)
    if stored is None or stored.case_id != case_id:
        raise NotFound("Ce fichier n’existe pas ou n’est plus disponible.", file_id=str(file_id))
    return stored


def open_file(settings: Settings, stored: StoredFile) -> BinaryIO:
    """The content, to read; `NotFound` when it is gone from the disk."""
    try:
        return (settings.files / stored.path).open("rb")
    except FileNotFoundError:
        raise NotFound("Ce fichier n’existe pas ou n’est plus disponible.", file_id=str(stored.id)) from None


def remove(session: Session, settings: Settings, stored: StoredFile) -> None:
    """Take a file away from its request; its content goes once this is committed, and stays when it is rolled back."""
    path = settings.files / stored.path
    session.delete(stored)
    session.flush()
    after_commit(session, lambda: path.unlink(missing_ok=True))


def remove_all(session: Session, settings: Settings, case_id: UUID) -> int:
    """Take all files away from a request; how many there were."""
    files = of_case(session, case_id)
    for stored in files:
        remove(session, settings, stored)
    return len(files)


def sweep(session: Session, settings: Settings) -> int:
    """Remove from the disk what no row names and is old enough to be nobody's transaction; the number of files removed."""
    limit = time.time() - ORPHAN_AFTER.total_seconds()
    removed = 0
    for folder in sorted(settings.files.glob("??")):
        old = {}
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # removed by whoever it belongs to
                if path.stat().st_mtime < limit:
                    old[f"{folder.name}/{path.name}"] = path
        # One folder at a time: a 256th of all files.
        kept = set(session.scalars(select(StoredFile.path).where(StoredFile.path.startswith(f"{folder.name}/"))))
        for relative in old.keys() - kept:
            old[relative].unlink(missing_ok=True)
            removed += 1
    return removed


def clean_name(filename: str) -> str:
    """The name of an uploaded file as it is kept and shown: no path, no sign that a terminal or a header would obey."""
    last = unicodedata.normalize("NFC", filename).replace("\\", "/").rpartition("/")[2]
    # Controls, marks that reverse the reading order («facture_fdp.exe» reversed), lone surrogates.
    visible = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in last)
    name = " ".join(visible.replace('"', "’").split()).strip(". ") or "fichier"
    stem, dot, extension = name.rpartition(".")
    if len(name) <= _NAME_MAX or not dot or len(extension) > 10:
        return name[:_NAME_MAX]
    return f"{stem[: _NAME_MAX - len(extension) - 1]}.{extension}"


# --- inside ----------------------------------------------------------------------------------------------------------------


def _copy(name: str, stream: IO[bytes], file: IO[bytes]) -> tuple[int, str, bytes]:
    """Copy the stream and give its size, its SHA-256 and its first bytes; refuse what is empty or too large."""
    digest, size, head = hashlib.sha256(), 0, b""
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > BYTES_MAX:
            raise RefusedFile(f"«\u00a0{name}\u00a0» dépasse 10\u00a0Mo.", reason="size")
        head = head or chunk[:4096]
        digest.update(chunk)
        file.write(chunk)
    if not size:
        raise RefusedFile(f"«\u00a0{name}\u00a0» est vide.", reason="empty")
    return size, digest.hexdigest(), head


def _check_content(name: str, media_type: str, head: bytes, path: Path) -> None:
    if magic.from_buffer(head, mime=True) != media_type:
        raise RefusedFile(
            f"Le contenu de «\u00a0{name}\u00a0» ne correspond pas à son extension\u00a0: {ACCEPTED} attendu.",
            reason="type",
        )
    try:
        status = subprocess.run(
            # -I: neither the environment nor the current folder can change what runs.
            [sys.executable, "-I", inspection.__file__, media_type, str(path)],
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=2 * inspection.SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        status = inspection.UNREADABLE
    if status == inspection.SOUND:
        return
    if status == inspection.ENCRYPTED:
        raise RefusedFile(
            f"«\u00a0{name}\u00a0» est protégé par un mot de passe\u00a0: enregistrez-le sans protection.",
            reason="encrypted",
        )
    if status == inspection.TOO_MANY_PIXELS:
        raise RefusedFile(
            f"L’image «\u00a0{name}\u00a0» est trop grande\u00a0: réduisez ses dimensions.", reason="pixels"
        )
    raise RefusedFile(f"«\u00a0{name}\u00a0» est endommagé ou ne peut pas être lu.", reason="unreadable")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
