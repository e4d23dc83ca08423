"""Restoring a backup: everything is unpacked, checked and brought to this release's schema beside the installation first."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, make_url

from commands import CommandFailed
from commands.backup import archive
from commands.backup.archive import Manifest
from commands.backup.taking import DATABASE, SECRET, VERSIONS, columns_of, copying, sqlite_rows, tables
from engine.contact.documents import storage
from engine.contact.documents.storage import Storage
from engine.core import db
from engine.core.config import Settings

# Where a file goes, and the file; None only takes away what is there.
Move = tuple[Path, Path | None]
_CHUNK = 1024 * 1024


def restore(settings: Settings, path: Path, *, replace: bool = False) -> tuple[Manifest, Path | None]:
    """Bring an archive back, whole or not at all; its manifest, and the folder where what was there before is kept.

    `CommandFailed` when the archive is damaged, is of another kind of database or of a later release, or when there is an
    installation already and `replace` isn't given; nothing is changed then.
    """
    backend = make_url(settings.database_url).get_backend_name()
    with tempfile.TemporaryDirectory(prefix="restoring-", dir=settings.data) as folder:
        staged = Path(folder)
        manifest = archive.unpack(path, staged)
        if manifest.kind != backend:
            raise CommandFailed(f"{path} is a backup of {manifest.kind}, and PARVIS_DATABASE_URL names {backend}")
        if manifest.revision not in db.revisions():
            raise CommandFailed(
                f"{path} was taken by a later release (schema {manifest.revision}): install that one first"
            )
        (staged / "files").mkdir(exist_ok=True)
        moves: list[Move] = []
        if settings.files_url:
            # Nothing of the bucket is replaced: what no row names once the backup is back, the sweep removes.
            _upload(storage.of(settings), staged / "files")
        else:
            moves.append((settings.files, staged / "files"))
        if (staged / SECRET).exists():
            moves.append((settings.data / SECRET, staged / SECRET))
        bring = _into_postgresql if backend == "postgresql" else _into_sqlite
        return manifest, bring(settings, manifest, staged, moves, replace)


def _refuse(what: str) -> CommandFailed:
    return CommandFailed(f"{what} already: --replace puts the backup in its place")


def _check_files(settings: Settings, *, replace: bool) -> None:
    if not replace and settings.files.is_dir() and any(settings.files.iterdir()):
        raise _refuse(f"there are files in {settings.files}")


# --- SQLite ----------------------------------------


def _into_sqlite(settings: Settings, manifest: Manifest, staged: Path, moves: list[Move], replace: bool) -> Path | None:
    target = Path(make_url(settings.database_url).database or "")
    if target.exists() and not replace:
        raise _refuse(f"there is an installation in {target.parent}")
    _check_files(settings, replace=replace)
    with closing(sqlite3.connect(staged / DATABASE)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok" or sqlite_rows(connection) != manifest.rows:
            raise CommandFailed(f"the database in the backup is damaged ({verdict}): nothing was changed")
    db.migrate(f"sqlite:///{staged / DATABASE}")
    # What isn't in the main file yet is in its companions: they go together.
    moves += [(target.with_name(target.name + suffix), None) for suffix in ("-wal", "-shm")]
    moves.append((target, staged / DATABASE))
    with _swapped(settings, moves, keep=replace) as aside:
        return aside


# --- PostgreSQL ----------------------------------------


def _into_postgresql(
    settings: Settings, manifest: Manifest, staged: Path, moves: list[Move], replace: bool
) -> Path | None:
    _check_files(settings, replace=replace)
    engine = db.connect(settings.database_url)
    try:
        # One transaction: as long as it isn't committed, the former tables are there.
        with engine.connect() as connection, connection.begin() as transaction:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            _clear(connection, replace=replace)
            db.migrate_on(connection, manifest.revision)
            for table in tables(connection):
                _load(connection, columns_of(table, manifest.columns[table]), staged / "tables" / table)
                held = connection.scalar(sqlalchemy.text(f'SELECT count(*) FROM "{table}"'))  # noqa: S608
                if held != manifest.rows.get(table):
                    raise CommandFailed(
                        f"{table} has {held} rows instead of {manifest.rows.get(table)}: nothing was changed"
                    )
            _move_sequences(connection)
            db.migrate_on(connection, "head")
            with _swapped(settings, moves, keep=replace) as aside:
                transaction.commit()
                return aside
    finally:
        engine.dispose()


def _clear(connection: Connection, *, replace: bool) -> None:
    names = [
        *tables(connection),
        *(name for name in sqlalchemy.inspect(connection).get_table_names() if name == VERSIONS),
    ]
    if not names:
        return
    if not replace:
        raise _refuse("the database has tables")
    others = connection.scalar(
        sqlalchemy.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
    )
    if others:
        raise CommandFailed(
            f"the database is in use ({others} connections): stop the web processes and the workers first"
        )
    quoted = ", ".join(f'"{name}"' for name in names)
    connection.exec_driver_sql(f"DROP TABLE {quoted} CASCADE")
    functions = connection.scalars(
        sqlalchemy.text(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace "
            "AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
        )
    ).all()
    for function in functions:
        connection.exec_driver_sql(f"DROP FUNCTION {function} CASCADE")


def _load(connection: Connection, columns: str, path: Path) -> None:
    with path.open("rb") as file, copying(connection, f"COPY {columns} FROM STDIN") as copy:
        while chunk := file.read(_CHUNK):
            copy.write(chunk)


def _move_sequences(connection: Connection) -> None:
    """Let each sequence go on after the greatest number that came back."""
    found = connection.execute(
        sqlalchemy.text(
            "SELECT table_name, column_name, pg_get_serial_sequence(quote_ident(table_name), column_name) "
            "FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL"
        )
    ).all()
    for table, column, sequence in found:
        connection.execute(
            sqlalchemy.text(f'SELECT setval(:sequence, (SELECT max("{column}") FROM "{table}"))'),  # noqa: S608
            {"sequence": sequence},
        )


# --- files ----------------------------------------


def _upload(kept: Storage, folder: Path) -> None:
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        kept.put(path.relative_to(folder).as_posix(), path.read_bytes())


@contextmanager
def _swapped(settings: Settings, moves: Sequence[Move], *, keep: bool) -> Iterator[Path | None]:
    """Put the files in their places for good, unless the block fails: then everything is as before.

    With `keep`, what was there is moved into a folder of its own, which the block is given.
    """
    aside = settings.data / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    done: list[tuple[Path, Path]] = []
    try:
        for target, staged in moves:
            if target.exists():
                aside.mkdir(mode=0o700, exist_ok=True)
                done.append((target, aside / target.name))
                target.rename(aside / target.name)
            if staged is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                done.append((staged, target))
                staged.rename(target)
        yield aside if keep and aside.exists() else None
    except BaseException:
        for before, after in reversed(done):
            if after.exists():
                after.rename(before)
        if aside.exists():
            aside.rmdir()
        raise
    if aside.exists() and not keep:
        # An installation that was empty: an empty folder for files, a secret key made a moment ago.
        (aside / SECRET).unlink(missing_ok=True)
        for left in aside.iterdir():
            left.rmdir()
        aside.rmdir()
