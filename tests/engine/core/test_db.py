"""Transactions, retries, and types that come back as they were stored."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from engine.core import db, jobs
from engine.core.db import Database, Session
from engine.core.errors import Unavailable
from engine.core.jobs import Job


def a_job(**changes: Any) -> Job:
    values: dict[str, Any] = {
        "kind": "test",
        "key": None,
        "case_id": None,
        "payload": {},
        "state": "waiting",
        "due_at": datetime(2027, 1, 1, tzinfo=UTC),
        "promised_at": datetime(2027, 1, 1, tzinfo=UTC),
        "tries": 0,
        "error": None,
    }
    return Job(**{**values, **changes})


def jobs_in(database: Database) -> list[Job]:
    with database.reading() as session:
        return list(session.scalars(select(Job).order_by(Job.key)))


def test_what_returns_is_committed_and_what_raises_is_not(database: Database) -> None:
    with database.transaction() as session:
        session.add(a_job(key="kept"))
    with suppress(RuntimeError), database.transaction() as session:
        session.add(a_job(key="lost"))
        session.flush()
        raise RuntimeError
    assert [job.key for job in jobs_in(database)] == ["kept"]


@pytest.mark.parametrize("streamed", [False, True])
def test_reading_throws_changes_away_and_refuses_to_write(database: Database, streamed: bool) -> None:
    with database.transaction() as session:
        session.add(a_job(key="as it was"))
    with database.reading(streamed=streamed) as session:
        session.scalars(select(Job)).one().key = "changed"
        session.add(a_job())
    with database.reading(streamed=streamed) as session:
        session.add(a_job())
        with pytest.raises(RuntimeError, match="writes nothing"):
            session.flush()
    with database.reading(streamed=streamed) as session, pytest.raises(RuntimeError, match="writes nothing"):
        session.execute(delete(Job))
    assert [job.key for job in jobs_in(database)] == ["as it was"]


def test_results_may_be_read_piece_by_piece(database: Database) -> None:
    with database.transaction() as session:
        session.add_all([a_job() for _ in range(5)])
    with database.reading(streamed=True) as session:
        assert len(list(session.execute(select(Job.id), execution_options={"yield_per": 2}))) == 5


def test_what_the_server_has_prepared_outlives_reading(database: Database) -> None:
    """The driver forgets it with each ROLLBACK."""
    if database.engine.dialect.name != "postgresql":
        pytest.skip("SQLite prepares in the process")
    for _ in range(8):
        with database.reading() as session:
            list(session.execute(select(Job.id)))
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM pg_prepared_statements")) >= 1


def test_after_commit_runs_once_it_is_durable_and_never_after_a_rollback(database: Database) -> None:
    seen: list[int] = []
    with database.transaction() as session:
        session.add(a_job())
        db.after_commit(session, lambda: seen.append(len(jobs_in(database))))
        assert seen == []
    assert seen == [1]
    with suppress(RuntimeError), database.transaction() as session:
        db.after_commit(session, lambda: seen.append(0))
        raise RuntimeError
    assert seen == [1]


def test_after_commit_may_open_a_transaction_of_its_own(database: Database) -> None:
    def write() -> None:
        with database.transaction() as inner:
            inner.add(a_job(key="second"))

    with database.transaction() as session:
        session.add(a_job(key="first"))
        db.after_commit(session, write)
    assert [job.key for job in jobs_in(database)] == ["first", "second"]


class _Driver(Exception):
    """What a driver raises, with PostgreSQL's code when there is one."""

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        if sqlstate:
            self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (DBAPIError("", {}, _Driver("could not serialize", "40001")), True),
        (DBAPIError("", {}, _Driver("deadlock detected", "40P01")), True),
        (DBAPIError("", {}, _Driver("lock timeout", "55P03")), True),
        (DBAPIError("", {}, _Driver("duplicate key", "23505")), False),
        (OperationalError("", {}, _Driver("database is locked")), True),
        (OperationalError("", {}, _Driver("no such table: case")), False),
    ],
)
def test_only_lost_races_are_run_again(error: DBAPIError, again: bool) -> None:
    assert db.retryable(error) is again


def test_a_deadlock_runs_the_whole_function_again(database: Database) -> None:
    tries: list[int] = []

    def write(session: Session, key: str) -> str:
        session.add(a_job(key=f"{key} {len(tries)}"))
        session.flush()
        tries.append(1)
        if len(tries) < 3:
            raise DBAPIError("", {}, _Driver("deadlock detected", "40P01"))
        return key

    assert database.run(write, "job") == "job"
    assert [job.key for job in jobs_in(database)] == ["job 2"]


def test_a_deadlock_that_lasts_is_given_up(database: Database) -> None:
    tries: list[int] = []

    def write(_session: Session) -> None:
        tries.append(1)
        raise DBAPIError("", {}, _Driver("deadlock detected", "40P01"))

    with pytest.raises(Unavailable):
        database.run(write)
    assert len(tries) == db.ATTEMPTS


def test_any_other_error_is_not_run_again(database: Database) -> None:
    tries: list[int] = []

    def write(_session: Session) -> None:
        tries.append(1)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.run(write)
    assert len(tries) == 1


def test_writers_wait_for_each_other_and_lose_nothing(database: Database) -> None:
    with database.transaction() as session:
        session.add(a_job(key="counter"))
    barrier = Barrier(8)

    def add() -> None:
        barrier.wait()
        for _ in range(10):
            with database.transaction() as session:
                job = session.scalars(select(Job).where(Job.key == "counter").with_for_update()).one()
                job.tries += 1

    threads = [Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert jobs_in(database)[0].tries == 80


def test_a_reader_sees_one_moment(database: Database) -> None:
    """On SQLite; PostgreSQL's default lets each statement see what is committed."""
    if database.engine.dialect.name != "sqlite":
        pytest.skip("READ COMMITTED")
    with database.reading() as session:
        assert list(session.scalars(select(Job.id))) == []
        with database.transaction() as writer:
            writer.add(a_job())
        assert list(session.scalars(select(Job.id))) == []


def test_instants_come_back_aware_and_in_utc(database: Database) -> None:
    paris = timezone(timedelta(hours=2))
    with database.transaction() as session:
        session.add(a_job(due_at=datetime(2027, 6, 1, 12, 0, 0, 123456, tzinfo=paris)))
    due_at = jobs_in(database)[0].due_at
    assert due_at == datetime(2027, 6, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert due_at.utcoffset() == timedelta(0)


def test_a_naive_instant_is_refused(session: Session) -> None:
    session.add(a_job(due_at=datetime(2027, 6, 1)))  # noqa: DTZ001 - what is refused
    with pytest.raises(StatementError, match="naive"):
        session.flush()


def test_json_keeps_the_order_of_its_keys(database: Database) -> None:
    payload = {
        "z": 1,
        "a": {"ordre": ["é", None, 1.5], "b": "\N{NO-BREAK SPACE}"},
        "m": True,
        "lone": "\ud800",
        "nul": "\0",
    }
    with database.transaction() as session:
        session.add(a_job(payload=payload))
    stored = jobs_in(database)[0].payload
    assert stored == payload
    assert list(stored) == ["z", "a", "m", "lone", "nul"]


@pytest.fixture
def written_once(database: Database) -> Database:
    table = sqlalchemy.Table("written_once", sqlalchemy.MetaData(), sqlalchemy.Column("value", sqlalchemy.Integer))
    db.append_only(table)
    with database.transaction() as session:
        table.create(session.connection())
        session.execute(text("INSERT INTO written_once VALUES (1)"))
    return database


@pytest.mark.parametrize("statement", ["UPDATE written_once SET value = 2", "DELETE FROM written_once"])
def test_an_append_only_table_refuses_any_change(written_once: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), written_once.transaction() as session:
        session.execute(text(statement))
    with written_once.transaction() as session:
        session.execute(text("INSERT INTO written_once VALUES (3)"))
        assert session.scalars(text("SELECT value FROM written_once ORDER BY value")).all() == [1, 3]


def test_a_failed_statement_never_tells_what_people_typed(database: Database) -> None:
    """Errors end in logs and in the jobs' table: parameters are personal data."""
    with pytest.raises(DBAPIError) as raised, database.transaction() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:name)"), {"name": "Claire Martin"})
    assert "Claire Martin" not in str(raised.value)


def test_sqlite_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="file"):
        db.connect("sqlite://")


@pytest.mark.sqlite_only
def test_sqlite_is_set_to_lose_nothing(database: Database) -> None:
    with database.reading() as session:
        pragmas = {
            name: session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.sqlite_only
def test_a_writer_of_another_process_is_waited_for(database: Database) -> None:
    """Two `Database` on one file stand for two processes: no lock in memory is shared."""
    other = Database(database.url)
    barrier = Barrier(2)
    ids = {database: uuid4(), other: uuid4()}

    def write(mine: Database) -> None:
        barrier.wait()
        for _ in range(20):
            with mine.transaction() as session:
                # Reads before it writes: a deferred transaction would fail here.
                list(session.scalars(select(Job.id)))
                jobs.promise(session, "test", key=str(ids[mine]))

    threads = [Thread(target=write, args=(mine,)) for mine in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert {job.key for job in jobs_in(database)} == {str(each) for each in ids.values()}


# --- what PostgreSQL itself answers -----------------------------------------


def needs_postgresql(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time, in the same process")


def at_once(*functions: Callable[[], object]) -> None:
    threads = [Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_two_who_hold_what_the_other_wants_both_succeed(database: Database) -> None:
    """A real deadlock: PostgreSQL ends one of the two, whose whole function is run again (G3)."""
    needs_postgresql(database)
    with database.transaction() as session:
        session.add_all([a_job(key="a"), a_job(key="b")])
    both = Barrier(2, timeout=10)
    tries: list[str] = []

    def add(session: Session, first: str, second: str) -> None:
        again = first in tries
        tries.append(first)
        for key in (first, second):
            session.scalars(select(Job).where(Job.key == key).with_for_update()).one().tries += 1
            if key == first and not again:
                both.wait()

    at_once(lambda: database.run(add, "a", "b"), lambda: database.run(add, "b", "a"))
    assert [job.tries for job in jobs_in(database)] == [2, 2]
    assert 3 <= len(tries) <= 2 * db.ATTEMPTS


def test_a_serialization_failure_is_run_again(database: Database) -> None:
    """40001: each reads what the other writes."""
    needs_postgresql(database)
    both = Barrier(2, timeout=10)
    tries: list[str] = []

    def add(session: Session, key: str) -> None:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        again = key in tries
        tries.append(key)
        count = len(session.scalars(select(Job.id)).all())
        if not again:
            both.wait()
        session.add(a_job(key=key, tries=count))

    at_once(lambda: database.run(add, "a"), lambda: database.run(add, "b"))
    assert sorted(job.tries for job in jobs_in(database)) == [0, 1], "as if one had come after the other"
    assert 3 <= len(tries) <= 2 * db.ATTEMPTS


def end_connections(database: Database) -> None:
    """What a restart of PostgreSQL does to the connections that wait in the pool."""
    other = Database(database.url)
    with other.transaction() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
    other.close()


def test_a_connection_that_died_in_the_pool_is_nobodys_concern(database: Database) -> None:
    needs_postgresql(database)
    with database.transaction() as session:
        session.add(a_job(key="kept"))
    end_connections(database)
    assert database.read(lambda session: session.scalar(select(Job.key))) == "kept"
    end_connections(database)
    database.run(lambda session: session.add(a_job(key="more")))
    assert [job.key for job in jobs_in(database)] == ["kept", "more"]


def test_a_connection_that_dies_midway_runs_the_whole_function_again(database: Database) -> None:
    needs_postgresql(database)
    tries: list[int] = []

    def write(session: Session) -> None:
        tries.append(1)
        session.add(a_job(key=f"try {len(tries)}"))
        session.flush()
        if len(tries) == 1:
            end_connections(database)
        session.execute(select(1))

    database.run(write)
    assert [job.key for job in jobs_in(database)] == ["try 2"]


def test_a_commit_whose_answer_is_lost_is_not_run_again(database: Database) -> None:
    """It may have been committed: running it again could do it twice."""
    needs_postgresql(database)
    tries: list[int] = []

    def write(session: Session) -> None:
        tries.append(1)
        session.add(a_job(key="once"))
        session.flush()
        end_connections(database)

    with pytest.raises(Unavailable, match="commit"):
        database.run(write)
    assert len(tries) == 1


@pytest.mark.sqlite_only
def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    nowhere = Database(f"postgresql://nobody@/nothing?host={tmp_path}")
    for way in (nowhere.run, nowhere.read):
        with pytest.raises(Unavailable, match="does not answer"):
            way(lambda session: session.execute(select(1)))
    nowhere.close()


def test_the_schema_is_this_releases_or_it_is_not(database: Database) -> None:
    assert database.read(db.is_migrated) is False, "tables without a migration's number"
    last = db._head()
    for number, expected in ((f"{int(last) - 1:04}", False), (last, True), (f"{int(last) + 1:04}", True)):
        with database.transaction() as session:
            session.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32))"))
            session.execute(text("DELETE FROM alembic_version"))
            session.execute(text("INSERT INTO alembic_version VALUES (:number)"), {"number": number})
        assert database.read(db.is_migrated) is expected
