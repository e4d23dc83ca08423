"""What is done with files by jobs and by operators: the scans that wait, the sweep of orphans, a new key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from engine.contact.documents import files, receiving, scanning, storage
from engine.contact.documents.files import ORPHAN_AFTER, Content, StoredFile
from engine.contact.documents.own import DocumentFile
from engine.contact.documents.scanning import State
from engine.core import clock, jobs, secrets
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.errors import NotFound, Unavailable

TABLES: tuple[type[Content], ...] = (StoredFile, DocumentFile)
_PAGE = 200


# --- scans -----------------------------------------------------------------------------------------------------------------


def _waiting(session: Session, path: str, *, lock: bool = False) -> Content | None:
    for table in TABLES:
        query = select(table).where(table.path == path, table.scan == scanning.WAITING)
        found: Content | None = session.scalar(query.with_for_update() if lock else query)
        if found is not None:
            return found
    return None


def scan_ahead(database: Database, settings: Settings, path: str) -> None:
    """Scan a file that waits outside any transaction, then note the verdict: what `scan` does where writers take turns."""
    with database.reading() as session:
        file = _waiting(session, path)
    verdict = _verdict(settings, file) if file is not None else None
    if verdict is not None:
        database.run(_note, settings, path, verdict)


def scan(session: Session, settings: Settings, path: str) -> None:
    """Scan a file that waits and note the verdict; without one, ask again later: it stays in quarantine meanwhile."""
    file = _waiting(session, path)
    if file is None:
        return
    # There the scanner was asked ahead, and gave no answer: nobody's writing waits for it.
    asked = session.get_bind().dialect.name == "sqlite"
    verdict = None if asked else _verdict(settings, file)
    if verdict is None:
        again = clock.now() + scanning.AGAIN_AFTER
        jobs.promise(session, "scan_file", key=f"scan:{path}", due_at=again, path=path)
    else:
        _note(session, settings, path, verdict)


def _verdict(settings: Settings, file: Content) -> State | None:
    if not settings.clamd:
        return scanning.UNSCANNED  # the operator has taken the scanner away
    try:
        return scanning.scan(settings, files.read(settings, file))
    except NotFound:
        return scanning.INFECTED  # nothing to open any more
    except Unavailable as error:
        scanning.log.warning("a file stays in quarantine: %s", error)
        return None


def _note(session: Session, settings: Settings, path: str, verdict: State) -> None:
    file = _waiting(session, path, lock=True)
    if file is None:
        return
    file.scan = verdict
    if verdict == scanning.INFECTED:
        files.forget_content(session, settings, path)
        if isinstance(file, StoredFile):
            # Whose request it is, the rooms above know.
            jobs.promise(session, "tell_refused_file", case_id=file.case_id, file_id=str(file.id))


def states(session: Session) -> dict[State, int]:
    """How many files there are, by what their scan said."""
    found: dict[State, int] = {}
    for table in TABLES:
        for state, number in session.execute(select(table.scan, func.count()).group_by(table.scan)):
            found[state] = found.get(state, 0) + number
    return found


def scan_all(session: Session) -> int:
    """Put every file that was never scanned into quarantine and promise its scan; how many."""
    number = 0
    for table in TABLES:
        for file in session.scalars(select(table).where(table.scan.in_((scanning.UNSCANNED, scanning.WAITING)))):
            file.scan = scanning.WAITING
            jobs.promise(session, "scan_file", key=f"scan:{file.path}", path=file.path)
            number += 1
    return number


# --- orphans ---------------------------------------------------------------------------------------------------------------


def sweep(session: Session, settings: Settings) -> int:
    """Remove what no row names and is old enough to be nobody's transaction; the number of contents removed."""
    kept = storage.of(settings)
    removed = 0
    # Some at a time: on disk, a 256th of all files.
    for paths in kept.paths(before=clock.now() - ORPHAN_AFTER):
        for path in set(paths) - _named(session, paths):
            kept.remove(path)
            removed += 1
    return removed


def _named(session: Session, paths: list[str]) -> set[str]:
    named: set[str] = set()
    for start in range(0, len(paths), _PAGE):
        some = paths[start : start + _PAGE]
        for table in TABLES:
            named |= set(session.scalars(select(table.path).where(table.path.in_(some))))
    return named


# --- keys ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resealed:
    """How many contents were encrypted anew, and the paths of those that can't be read."""

    done: int
    unreadable: list[str]


def reseal(database: Database, settings: Settings) -> Resealed:
    """Encrypt anew what a former key encrypted and what an earlier release kept in the clear; stopped, it goes on when run again.

    Each content is written under a new path first: whoever reads meanwhile finds the one or the other.
    """
    done, unreadable = 0, []
    for table in TABLES:
        for file_id in _ids(database, table):
            with database.reading() as session:
                file = session.get(table, file_id)
            if file is None or file.scan == scanning.INFECTED:
                continue
            try:
                if not _outdated(settings, file):
                    continue
                content = files.read(settings, file)
            except (FileNotFoundError, NotFound, secrets.Undecipherable):
                unreadable.append(file.path)
                continue
            fresh = receiving.keep(
                settings, content, owner=file.owner, name=file.name, media_type=file.media_type, scan=file.scan
            )
            if database.run(_move, settings, table, file_id, file.path, fresh.path, fresh.sealed_sha256):
                done += 1
            else:
                files.discard(settings, fresh)
    return Resealed(done, unreadable)


def _outdated(settings: Settings, file: Content) -> bool:
    if file.sealed_sha256 is None:
        return True
    return secrets.is_outdated(receiving.PURPOSE, storage.of(settings).get(file.path))


def _ids(database: Database, table: type[Content]) -> Iterator[UUID]:
    last: UUID | None = None
    while True:
        query = select(table.id).order_by(table.id).limit(_PAGE)
        with database.reading() as session:
            ids = list(session.scalars(query if last is None else query.where(table.id > last)))
        if not ids:
            return
        yield from ids
        last = ids[-1]


def _move(
    session: Session,
    settings: Settings,
    table: type[Content],
    file_id: UUID,
    before: str,
    after: str,
    sealed_sha256: str | None,
) -> bool:
    file = session.scalar(select(table).where(table.id == file_id, table.path == before).with_for_update())
    if file is None:
        return False
    file.path, file.sealed_sha256 = after, sealed_sha256
    if file.scan == scanning.WAITING:
        jobs.forget(session, [f"scan:{before}"])
        jobs.promise(session, "scan_file", key=f"scan:{after}", path=after)
    files.forget_content(session, settings, before)
    return True
