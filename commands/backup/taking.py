"""Taking a backup: a snapshot of the database, then the files."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy
from psycopg import Copy
from sqlalchemy import make_url

from commands.backup import archive
from commands.backup.archive import Manifest, Writer
from engine.contact.documents import storage
from engine.contact.documents.storage import Storage
from engine.core import clock
from engine.core.config import Settings
from engine.core.db import Database

VERSIONS = "alembic_version"
DATABASE = "database.sqlite3"
SECRET = "secret_key"  # noqa: S105 - the name of its file
# What is kept for each row, with its SHA-256: encrypted, or in the clear since an earlier release. An infected file is gone.
STORED = " UNION ALL ".join(
    f"SELECT path, coalesce(sealed_sha256, sha256) FROM {table} WHERE scan <> 'infected'"  # noqa: S608 - our own tables
    for table in ("stored_file", "document_file")
)


@dataclass(frozen=True)
class Snapshot:
    """The database at one instant: files to put into the archive, by name; `stored` is what its rows say of the files that
    residents sent: path -> SHA-256."""

    kind: str
    revision: str
    rows: Mapping[str, int]
    members: Mapping[str, Path]
    stored: Mapping[str, str]
    columns: Mapping[str, list[str]] = field(default_factory=dict)


def take(database: Database, settings: Settings, path: Path) -> tuple[Manifest, list[str]]:
    """Write the archive at `path`; its manifest, and the files that rows name and that are lost or damaged."""
    with (
        archive.writing(path) as writer,
        tempfile.TemporaryDirectory(prefix=".parvis-backup-", dir=path.absolute().parent) as spool,
    ):
        taken_at = clock.now().isoformat(timespec="seconds")
        postgresql = database.engine.dialect.name == "postgresql"
        snapshot = (_of_postgresql if postgresql else _of_sqlite)(database, Path(spool))
        for name, member in snapshot.members.items():
            writer.add(name, member)
            member.unlink()
        secret = settings.data / SECRET
        if secret.exists():
            writer.add(SECRET, secret)
        lost = _add_files(database, storage.of(settings), writer, snapshot.stored)
        manifest = Manifest(
            snapshot.kind, snapshot.revision, taken_at, rows=dict(snapshot.rows), columns=dict(snapshot.columns)
        )
        writer.seal(manifest)
    return manifest, lost


def _add_files(database: Database, kept: Storage, writer: Writer, stored: Mapping[str, str]) -> list[str]:
    """Add every file there is, as it is kept; what rows of the snapshot name, is not there so, and was not removed since."""
    digests: dict[str, str] = {}
    for paths in kept.paths():
        for path in paths:
            if path.endswith(".partial"):
                continue  # still being received: it has no row, and may go away
            try:
                digests[path] = writer.add_content(f"files/{path}", kept.get(path))
            except FileNotFoundError:
                continue  # removed just now
    wrong = [path for path, digest in stored.items() if digests.get(path) != digest]
    if not wrong:
        return []
    with database.reading() as session:
        still = {path for path, _ in session.execute(sqlalchemy.text(STORED))}
    return sorted(still.intersection(wrong))


# --- SQLite ----------------------------------------


def _of_sqlite(database: Database, spool: Path) -> Snapshot:
    """SQLite's online backup, in one step: readers and writers go on meanwhile."""
    copy = spool / DATABASE
    path = str(make_url(database.url).database)
    with closing(sqlite3.connect(path, timeout=30)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        # Into one file: a copy is opened by whoever looks at it, and leaves no companions behind.
        target.execute("PRAGMA journal_mode=DELETE")
        rows = sqlite_rows(target)
        (revision,) = target.execute(f"SELECT version_num FROM {VERSIONS}").fetchone()  # noqa: S608
        stored = dict(target.execute(STORED))
    return Snapshot("sqlite", revision, rows, {DATABASE: copy}, stored)


def sqlite_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - a table's name
        for (name,) in names.fetchall()
        if name != VERSIONS
    }


# --- PostgreSQL ----------------------------------------


def _of_postgresql(database: Database, spool: Path) -> Snapshot:
    """One COPY a table, all of them in one snapshot that waits for nobody and that nobody waits for."""
    rows: dict[str, int] = {}
    columns: dict[str, list[str]] = {}
    members: dict[str, Path] = {}
    with database.engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as connection:
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {setting} = 0")
        revision = str(connection.scalar(sqlalchemy.text(f"SELECT version_num FROM {VERSIONS}")))  # noqa: S608
        for table in tables(connection):
            path = members[f"tables/{table}"] = spool / table
            described = sqlalchemy.inspect(connection).get_columns(table)
            columns[table] = [column["name"] for column in described if "computed" not in column]
            with (
                path.open("wb") as file,
                copying(connection, f"COPY {columns_of(table, columns[table])} TO STDOUT") as copy,
            ):
                for chunk in copy:
                    file.write(chunk)
            rows[table] = connection.scalar(sqlalchemy.text(f'SELECT count(*) FROM "{table}"')) or 0  # noqa: S608
        named = connection.execute(sqlalchemy.text(STORED))
        stored = {str(path): str(digest) for path, digest in named}
    return Snapshot("postgresql", revision, rows, members, stored, columns)


def columns_of(table: str, names: Sequence[str]) -> str:
    """A table and its columns, as COPY takes them."""
    quoted = ", ".join(f'"{name}"' for name in names)
    return f'"{table}" ({quoted})'


def copying(connection: sqlalchemy.Connection, statement: str) -> AbstractContextManager[Copy]:
    """Run a COPY in the connection's transaction."""
    driver: psycopg.Connection[Any] = cast(Any, connection.connection.driver_connection)
    return driver.cursor().copy(statement.encode())


def tables(connection: sqlalchemy.Connection) -> list[str]:
    """The tables, each after those that it refers to."""
    ordered = sqlalchemy.inspect(connection).get_sorted_table_and_fkc_names()
    return [name for name, _ in ordered if name is not None and name != VERSIONS]
