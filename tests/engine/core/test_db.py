"""Transactions, retries, and types that come back as they were stored."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy
from sqlalchemy import select, text
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


def test_reading_throws_changes_away(database: Database) -> None:
    with database.reading() as session:
        session.add(a_job())
        session.flush()
    assert jobs_in(database) == []


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
