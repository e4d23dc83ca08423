"""The database: one declarative base, one way to open a transaction.

`Database.transaction()` is the only place that commits: what returns is committed, what raises is rolled back. On
SQLite the writers of a process queue in order and begin with BEGIN IMMEDIATE, since a deferred transaction that
upgrades to a write fails at once whatever the timeout, and writers that wait in the driver's back-off wait up to
seconds.

`run` and `read` do a whole piece of work, and do it again when another transaction stood in the way or the server went
away before anything was committed. What they can't overcome is `Unavailable`, never a driver's error.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID, uuid4

import sqlalchemy
from sqlalchemy import DDL, DateTime, Engine, MetaData, Table, Text, TypeDecorator, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from engine.core import logs, traces, writes
from engine.core.errors import ConfigurationError, Unavailable
from engine.core.turns import Turns

__all__ = [
    "Base",
    "Database",
    "Json",
    "Session",
    "UtcDateTime",
    "append_only",
    "connect",
    "migrate",
    "new_id",
]

P = ParamSpec("P")
R = TypeVar("R")

# A whole view is run again on these, at most so many times.
ATTEMPTS = 5
_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_LOCKED = "55P03"  # lock not available (PostgreSQL)
_RETRYABLE = {"40001", "40P01", _LOCKED}  # serialization failure, deadlock
# Seconds that a migration stands back for, each time that it met a table in use.
MIGRATION_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)


class Base(DeclarativeBase):
    """Every table of the platform."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant. Stored in UTC, read back aware on both databases; a naive value is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sqlalchemy.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime may not be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sqlalchemy.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """JSON in a text column: PostgreSQL's JSONB would reorder keys, and their order carries meaning here."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sqlalchemy.Dialect) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: sqlalchemy.Dialect) -> Any:
        return None if value is None else json.loads(value)


def new_id() -> UUID:
    """A random identifier for a row that people may see in an address."""
    return uuid4()


def append_only(table: Table) -> None:
    """Refuse UPDATE and DELETE on `table` in the database itself, whoever asks."""
    for dialect in ("sqlite", "postgresql"):
        for statement in append_only_sql(table.name, dialect):
            ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


def append_only_sql(table: str, dialect: str) -> list[str]:
    """The statements that make `table` append-only; migrations run the same ones."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("update", "delete")
        ]
    return [
        f"CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()",
    ]


def connect(url: str) -> Engine:
    """An engine for `url`, tuned for what the platform does."""
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("an in-memory SQLite database can't be shared between threads: give a file")
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sqlalchemy.create_engine(
            url,
            pool_size=16,
            max_overflow=16,
            hide_parameters=True,  # errors end in logs, and parameters are what people typed
            connect_args={"timeout": 30, "check_same_thread": False},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(
        parsed,
        pool_size=16,
        max_overflow=4,
        pool_timeout=10,
        # The connection that was used last knows the statements best.
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            "options": "-c timezone=UTC -c statement_timeout=30000 -c lock_timeout=10000",
        },
    )
    writes.watch(engine)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction control runs reads outside transactions: take it off and begin ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sqlalchemy.Connection) -> None:
    writes = connection.get_execution_options().get("parvis_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refuse_writing_while_reading(connection: sqlalchemy.Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if "parvis_reads" in connection.get_execution_options() and statement.startswith(("INSERT", "UPDATE", "DELETE")):
        raise RuntimeError("a session that reads writes nothing: open a transaction")


def _write_within(session: Session) -> None:
    # What a savepoint can't write has to fail while it can still be rolled back: releasing it is too late.
    if session.in_nested_transaction():
        writes.send(session.connection())


event.listen(Session, "before_commit", _write_within)


class Database:
    """A database and its two ways in: `transaction()` writes and commits, `reading()` only reads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = connect(url)
        event.listen(self.engine, "before_cursor_execute", logs.count_statement)
        traces.watch(self.engine)
        self._writer = Turns() if self.engine.dialect.name == "sqlite" else nullcontext()
        event.listen(self.engine, "before_cursor_execute", _refuse_writing_while_reading)
        self._writing = sessionmaker(self.engine.execution_options(parvis_writes=True), expire_on_commit=False)
        streaming = self.engine.execution_options(parvis_reads=True)
        # No transaction: PostgreSQL's would see each statement's own moment anyway, and takes two more exchanges with the
        # server. Above all the driver forgets what the server has prepared with each ROLLBACK, which would end it.
        apart = {"isolation_level": "AUTOCOMMIT"} if self.engine.dialect.name == "postgresql" else {}
        reading = streaming.execution_options(**apart)
        self._streaming = sessionmaker(streaming, expire_on_commit=False, autoflush=False)
        self._reading = sessionmaker(reading, expire_on_commit=False, autoflush=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit when the block ends, roll back when it raises. Functions in `after_commit` run once it is durable."""
        with self._writer, self._writing() as session:
            yield session
            session.flush()  # whatever fails here can be run again, a commit can't
            for function in session.info.pop("before_commit", ()):
                function(session)
            if session.in_transaction():
                writes.send(session.connection())
            try:
                session.commit()
            except DBAPIError as error:
                # The server may have committed before it went away: who asked has to look, nobody tries again blindly.
                if error.connection_invalidated:
                    raise Unavailable("the database went away during a commit") from error
                raise
        for function in session.info.pop("after_commit", ()):
            function()

    @contextmanager
    def reading(self, *, streamed: bool = False) -> Iterator[Session]:
        """A view of the database that writes nothing: changed objects are thrown away, statements that write are refused.

        On SQLite it is of one moment. What was read stays readable. With `streamed`, results may be read piece by piece
        (`yield_per`), which holds a transaction open meanwhile.
        """
        # Closing rolls back; an explicit rollback would first empty the objects that were read.
        with self._streaming() if streamed else self._reading() as session:
            yield session

    def run(self, function: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """`function(session, …)` in a transaction, the whole of it run again on a deadlock or serialization failure."""
        return _again(self.transaction, function, *args, **kwargs)

    def read(self, function: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """`function(session, …)` in a session that only reads, run again when the connection turns out to be dead."""
        return _again(self.reading, function, *args, **kwargs)

    def close(self) -> None:
        self.engine.dispose()


def _again(
    opening: Callable[[], AbstractContextManager[Session]],
    function: Callable[Concatenate[Session, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    attempt = 1
    while True:
        try:
            with opening() as session:
                return function(session, *args, **kwargs)
        except DBAPIError as error:
            again, gone = retryable(error), _gone(error)
            if not (again or gone):
                raise
            # A refused connection stays refused for a while: no use in asking five times in a row.
            if attempt >= ATTEMPTS or (gone and not error.connection_invalidated):
                raise Unavailable(f"the database does not answer as it should: {str(error.orig).strip()}") from error
            # Both would only meet again.
            time.sleep(random.uniform(0, 0.01) * 2**attempt)  # noqa: S311 - no secret
            attempt += 1
        except NoConnectionLeft as error:
            raise Unavailable("every connection to the database is taken") from error


def retryable(error: DBAPIError) -> bool:
    """Whether another transaction stood in the way, so that running the same one again can succeed."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _RETRYABLE
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)


def _gone(error: DBAPIError) -> bool:
    """Whether the server isn't there: the connection broke before anything was committed, or can't be opened."""
    if error.connection_invalidated:
        return True
    # Without a broken connection: it can't be opened, is one too many, or a statement took too long.
    state = getattr(error.orig, "sqlstate", None) or ""
    refused = isinstance(error, OperationalError) and error.statement is None and not state
    return refused or state.startswith(("08", "53", "57"))


def after_commit(session: Session, function: Callable[[], None]) -> None:
    """Run `function` once the current transaction is durable; never when it is rolled back."""
    session.info.setdefault("after_commit", []).append(function)


def before_commit(session: Session, function: Callable[[Session], None]) -> None:
    """Run `function` once, as the last thing of the current transaction.

    What takes a lock that everybody wants belongs there: it is held for the time of a commit, by who waits for nobody else.
    """
    session.info.setdefault("before_commit", {})[function] = None


def is_migrated(session: Session) -> bool:
    """Whether the schema has everything that this release needs: its own last migration, or a later release's."""
    if not sqlalchemy.inspect(session.connection()).has_table("alembic_version"):
        return False
    return str(session.scalar(sqlalchemy.text("SELECT max(version_num) FROM alembic_version")) or "") >= _head()


@cache
def _head() -> str:
    """The number of the last migration: their files begin with it."""
    return revisions()[-1]


def revisions() -> list[str]:
    """The numbers of this release's migrations, the oldest first."""
    return sorted(path.name.partition("_")[0] for path in _MIGRATIONS.glob("versions/[0-9]*.py"))


def migrate(url: str, *, patience: Sequence[float] = MIGRATION_PAUSES) -> None:
    """Bring the database at `url` to the schema of this release (Alembic's head).

    A table that somebody holds is waited for a moment only, since whoever comes after the wait waits too. The migration then
    stands back for the pauses of `patience` (seconds), and after the last one raises `Unavailable`, having changed nothing.
    A database that a later release has changed is left alone: `ConfigurationError`.
    """
    engine = connect(url)
    try:
        _refuse_later_schema(engine)
        for pause in (*patience, None):
            try:
                _upgrade("head", engine=engine)
                return
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCKED:
                    raise
                if pause is None:
                    raise Unavailable(
                        "a table is held by a long transaction: the schema is as it was; try again at a calmer moment"
                    ) from error
                time.sleep(pause)
    finally:
        engine.dispose()


def _refuse_later_schema(engine: Engine) -> None:
    with engine.connect() as connection:
        if not sqlalchemy.inspect(connection).has_table("alembic_version"):
            return
        found = connection.scalar(sqlalchemy.text("SELECT max(version_num) FROM alembic_version"))
    if found is not None and found not in revisions():
        raise ConfigurationError(
            f"the database has the schema {found} of another release, and this one knows them up to {_head()}: "
            "start that release, or restore a backup made by this one"
        )


def migrate_on(connection: sqlalchemy.Connection, revision: str) -> None:
    """Bring the database to a revision in the transaction of `connection`."""
    _upgrade(revision, connection=connection)


def _upgrade(revision: str, **attributes: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes.update(attributes)
    command.upgrade(config, revision)
