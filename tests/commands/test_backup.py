"""Backup and restore: what comes back is what was there, on both databases, taken while people write (G6)."""

from __future__ import annotations

import gzip
import io
import shutil
import stat
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy
from PIL import Image
from sqlalchemy import make_url, select

from commands.backup import archive, restoring, taking
from engine.contact import documents
from engine.contact.documents import StoredFile, receiving, storage
from engine.core import config, db
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.migrations import tables
from engine.people.actors import ANONYMOUS
from engine.procedures import cases, catalogue
from engine.procedures.cases import Case
from tests import s3

ESSAI = Path(__file__).parents[1] / "engine" / "procedures" / "essai"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def house(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An installation as `./parvis prepare` makes it, with a few requests and their files."""
    monkeypatch.setattr(receiving, "inspected", lambda name, media_type, content: content)
    monkeypatch.setenv("PARVIS_DATABASE_URL", database.url)
    with database.engine.execution_options(parvis_writes=True).begin() as connection:
        tables.metadata.drop_all(connection)
    db.migrate(database.url)
    [sources] = catalogue.read_folder(ESSAI)
    database.run(catalogue.deploy, sources)
    return database


def write(database: Database, settings: Settings, number: int = 0) -> UUID:
    """Somebody opens a draft and gives a file; the draft's id, once it is committed."""

    def once(session: Session) -> UUID:
        case, _ = cases.open_draft(session, "essai", ANONYMOUS)
        image = io.BytesIO()
        Image.new("RGB", (8, 8), (number % 256, 0, 0)).save(image, "PNG")
        documents.store(
            session,
            settings,
            case_id=case.id,
            field="justificatif",
            filename=f"{number}\t\\né «».png",
            stream=io.BytesIO(image.getvalue()),
            actor=ANONYMOUS,
        )
        return case.id

    return database.run(once)


def rows(database: Database) -> dict[str, list[Any]]:
    """Every row of every table, as the database holds them."""
    with database.engine.connect() as connection:
        names = [*sqlalchemy.inspect(connection).get_table_names()]
        return {
            name: sorted(
                (tuple(map(str, row)) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')),  # noqa: S608
                key=repr,
            )
            for name in names
        }


def files(settings: Settings) -> dict[str, bytes]:
    """Every file of the installation."""
    found = (path for path in settings.files.rglob("*") if path.is_file())
    return {path.relative_to(settings.files).as_posix(): path.read_bytes() for path in found}


def lose_everything(database: Database, settings: Settings) -> None:
    """A new machine: an empty database, an empty folder."""
    database.close()
    if database.engine.dialect.name == "postgresql":
        with database.engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        database.close()
    else:
        for path in Path(make_url(database.url).database or "").parent.glob("parvis.sqlite3*"):
            path.unlink()
    shutil.rmtree(settings.files, ignore_errors=True)


def test_what_comes_back_is_what_was_there(house: Database, settings: Settings, run: Run, tmp_path: Path) -> None:
    for number in range(5):
        write(house, settings, number)
    was = rows(house), files(settings)
    target = tmp_path / "sauvegarde.parvis"
    status, said, _ = run("backup", str(target))
    assert status == 0
    assert "5 files" in said
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert run("restore", "--check", str(target))[0] == 0
    key = (tmp_path / "secret_key").read_text()
    lose_everything(house, settings)
    (tmp_path / "secret_key").unlink()
    status, said, errors = run("restore", str(target))
    assert (status, errors) == (0, "")
    assert "5 files" in said
    assert (rows(house), files(settings)) == was
    assert sum(map(len, was[0].values())) >= 30
    assert (tmp_path / "secret_key").read_text() == key
    assert [path for path in tmp_path.iterdir() if path.name.startswith(("replaced", "restoring"))] == []
    # Numbers go on where they were, and what may not be changed still can't.
    write(house, settings, 6)
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), house.transaction() as session:
        session.execute(sqlalchemy.text("DELETE FROM history"))


def test_a_backup_is_consistent_while_people_write(house: Database, settings: Settings, tmp_path: Path) -> None:
    """Whole transactions, all those committed before it began, and the file of every row."""
    done = threading.Event()
    committed: list[UUID] = [write(house, settings)]

    def keep_writing() -> None:
        while not done.is_set():
            committed.append(write(house, settings, len(committed)))

    writers = [threading.Thread(target=keep_writing) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        while len(committed) < 20:
            time.sleep(0.01)
        before = set(committed)
        manifest, lost = taking.take(house, settings, tmp_path / "archive")
        after = len(committed)
        while len(committed) < after + 3:
            time.sleep(0.01)
    finally:
        done.set()
        for writer in writers:
            writer.join()
    assert lost == []
    last = rows(house)
    lose_everything(house, settings)
    restoring.restore(settings, tmp_path / "archive")
    back = rows(house)
    with house.reading() as session:
        held = set(session.scalars(select(Case.id)))
        stored = list(session.scalars(select(StoredFile)))
    assert before <= held < set(committed)
    assert len(stored) == len(held), "a draft and its file are one transaction"
    on_disk = files(settings)
    assert {one.path for one in stored} <= set(on_disk)
    for table in ("case", "history", "stored_file", "version", "human_task"):
        assert set(back[table]) <= set(last[table])
    assert {name: len(found) for name, found in back.items() if name != "alembic_version"} == manifest.rows


def test_an_installation_is_replaced_only_when_asked(
    house: Database, settings: Settings, run: Run, tmp_path: Path
) -> None:
    write(house, settings, 1)
    was = rows(house), files(settings)
    target = tmp_path / "archive"
    run("backup", str(target))
    write(house, settings, 2)
    later = rows(house), files(settings)
    house.close()
    status, _, errors = run("restore", str(target))
    assert status == 1
    assert "--replace" in errors
    assert (rows(house), files(settings)) == later
    house.close()
    status, said, _ = run("restore", "--replace", str(target))
    assert status == 0
    assert (rows(house), files(settings)) == was
    [aside] = tmp_path.glob("replaced-*")
    assert str(aside) in said
    assert len([path for path in (aside / "files").rglob("*") if path.is_file()]) == 2


def test_a_database_in_use_is_not_replaced(house: Database, settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "archive"
    taking.take(house, settings, target)
    if house.engine.dialect.name == "sqlite":
        pytest.skip("the folder's lock says so there: tests of `up`")
    with house.engine.connect(), pytest.raises(restoring.CommandFailed, match="in use"):
        restoring.restore(settings, target, replace=True)


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


def _other_row(content: bytes) -> bytes:
    """What somebody changed inside without the checksums."""
    plain = gzip.decompress(content)
    assert plain.count(b"essai") > 1
    return gzip.compress(plain.replace(b"essai", b"essay", 1))


def _without_end(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(fileobj=out, mode="w:gz") as new:
        for entry in old.getmembers()[:-2]:
            new.addfile(entry, old.extractfile(entry))
    return out.getvalue()


def _outside(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as new:
        new.addfile(tarfile.TarInfo("files/../../evil"), io.BytesIO())
    return out.getvalue()


def _later_format(content: bytes) -> bytes:
    return b"PK\x03\x04" + content


@pytest.mark.parametrize("damage", [_cut, _flip, _other_row, _without_end, _outside, _later_format, lambda _: b""])
@pytest.mark.sqlite_only
def test_a_damaged_archive_is_refused_and_changes_nothing(
    house: Database, settings: Settings, run: Run, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    write(house, settings)
    target = tmp_path / "archive"
    run("backup", str(target))
    target.write_bytes(damage(target.read_bytes()))
    was = rows(house), files(settings)
    house.close()
    status, _, errors = run("restore", "--replace", str(target))
    assert status == 1
    assert "nothing was changed" in errors
    assert errors.count("\n") == 1
    assert (rows(house), files(settings)) == was
    assert not list(tmp_path.glob("re*-*"))
    assert run("restore", "--data", str(tmp_path / "new" / "one"), str(target))[0] == 1
    assert not (tmp_path / "new").exists()


def test_a_failure_in_the_middle_changes_nothing(
    house: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are in their places already when the database fails."""
    write(house, settings, 1)
    taking.take(house, settings, tmp_path / "archive")
    write(house, settings, 2)
    was = rows(house), files(settings)
    house.close()
    if house.engine.dialect.name == "postgresql":
        monkeypatch.setattr(sqlalchemy.engine.Transaction, "commit", _fail)
    else:
        rename = Path.rename

        def fail_on_the_database(path: Path, target: Path) -> Path:
            return _fail() if path.name == "database.sqlite3" else rename(path, target)

        monkeypatch.setattr(Path, "rename", fail_on_the_database)
    with pytest.raises(ZeroDivisionError):
        restoring.restore(settings, tmp_path / "archive", replace=True)
    monkeypatch.undo()
    assert (rows(house), files(settings)) == was
    assert not list(tmp_path.glob("re*-*"))


def _fail(*_: object) -> Any:
    raise ZeroDivisionError


def test_lost_and_damaged_files_are_told(house: Database, settings: Settings, run: Run, tmp_path: Path) -> None:
    for number in range(3):
        write(house, settings, number)
    lost, damaged, _ = sorted(settings.files.rglob("??/*"))
    lost.unlink()
    damaged.write_bytes(b"other")
    (settings.files / "ab").mkdir(exist_ok=True)
    (settings.files / "ab" / "received.partial").write_bytes(b"half")
    status, said, errors = run("backup", str(tmp_path / "archive"))
    assert status == 1
    assert "2 files" in said
    assert lost.name in errors
    assert damaged.name in errors
    assert archive.check(tmp_path / "archive").rows["stored_file"] == 3


@pytest.mark.sqlite_only
def test_a_file_removed_meanwhile_is_not_lost(house: Database, settings: Settings, tmp_path: Path) -> None:
    """Its row was in the snapshot; neither is there when it ends."""
    write(house, settings)
    snapshot = taking._of_sqlite

    def remove_after(database: Database, spool: Path) -> taking.Snapshot:
        taken = snapshot(database, spool)
        with database.transaction() as session:
            documents.remove(session, settings, session.scalars(select(StoredFile)).one())
        return taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(taking, "_of_sqlite", remove_after)
        manifest, lost = taking.take(house, settings, tmp_path / "archive")
    assert lost == []
    assert manifest.rows["stored_file"] == 1


def test_nothing_is_overwritten_by_a_backup(house: Database, settings: Settings, run: Run, tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("of yesterday")
    status, _, errors = run("backup", str(tmp_path / "archive"))
    assert status == 1
    assert "exists already" in errors
    assert (tmp_path / "archive").read_text() == "of yesterday"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def _pretending(init: Callable[..., None], **facts: str) -> Callable[..., None]:
    def pretend(manifest: archive.Manifest, *arguments: Any, **more: Any) -> None:
        init(manifest, *arguments, **more)
        for name, value in facts.items():
            setattr(manifest, name, value)

    return pretend


@pytest.mark.parametrize(
    ("facts", "said"), [({"kind": "other"}, "backup of other"), ({"revision": "9999"}, "later release")]
)
@pytest.mark.sqlite_only
def test_what_this_installation_cannot_take_is_refused(
    house: Database, settings: Settings, run: Run, tmp_path: Path, facts: dict[str, str], said: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive.Manifest, "__init__", _pretending(archive.Manifest.__init__, **facts))
        taking.take(house, settings, tmp_path / "archive")
    house.close()
    status, _, errors = run("restore", "--replace", str(tmp_path / "archive"))
    assert status == 1
    assert said in errors


def test_files_in_a_store_are_saved_and_come_back(
    house: Database, settings: Settings, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G3, B14: the archive covers the files wherever they are kept, encrypted as they are."""
    with s3.running() as url:
        monkeypatch.setenv("PARVIS_FILES_URL", url)
        settings = replace(settings, files_url=url)
        config.use(settings)
        case_id = write(house, settings, 7)
        with house.reading() as session:
            [stored] = documents.of_case(session, case_id)
        content = documents.read(settings, stored)
        assert run("backup", str(tmp_path / "archive"))[0] == 0
        storage.of(settings).remove(stored.path)
        house.close()
        status, _, errors = run("restore", "--replace", str(tmp_path / "archive"))
        assert status == 0, errors
        config.use(settings)
        assert documents.read(settings, stored) == content
