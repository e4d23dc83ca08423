"""What a transaction writes leaves as one statement on PostgreSQL, and nobody can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy
from sqlalchemy import bindparam, delete, event, exists, insert, literal_column, select, text, update
from sqlalchemy.exc import IntegrityError

from engine.core import reads, writes
from engine.core.db import Database, Session, after_commit
from engine.core.jobs import Job
from engine.core.statements import Prepared
from engine.procedures.tasks import HumanTask
from tests.engine.core.test_statements import values

JOBS: Any = Job.__table__
ADD = Prepared(insert(JOBS), *JOBS.c.keys())
RENAME = Prepared(update(JOBS).where(JOBS.c.key == bindparam("before")), "key")
REMOVE = Prepared(delete(JOBS).where(JOBS.c.key == bindparam("which")))
TASKS: Any = HumanTask.__table__
FORGET = Prepared(delete(TASKS).where(TASKS.c.reference == bindparam("which")))


@pytest.fixture
def sent(database: Database) -> Iterator[Callable[[], list[str]]]:
    """The statements sent since it was last asked."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")):
            found.append(statement)

    def since() -> list[str]:
        told, found[:] = found[:], []
        return told

    event.listen(database.engine, "before_cursor_execute", note)
    yield since
    event.remove(database.engine, "before_cursor_execute", note)


def keys(database: Database) -> list[str | None]:
    with database.reading() as session:
        return list(session.scalars(select(Job.key).order_by(Job.key)))


def test_writes_of_several_tables_leave_together(database: Database, sent: Callable[[], list[str]]) -> None:
    with database.transaction() as session:
        ADD.send(session, values(key="a"), values(key="b"))
        FORGET.send(session, {"which": "nobody's"})
        ADD.send(session, values(key="c"))
        told = sent()
    told += sent()
    expected = {"sqlite": 3, "postgresql": 1}
    assert len(told) == expected[database.engine.dialect.name], told
    assert keys(database) == ["a", "b", "c"]


def test_what_is_asked_next_sees_them(database: Database) -> None:
    with database.transaction() as session:
        ADD.send(session, values(key="a"))
        assert session.scalars(select(Job.key)).all() == ["a"]
        RENAME.send(session, {"before": "a", "key": "b"})
        session.execute(update(Job).where(Job.key == "b").values(key="c"))
        REMOVE.send(session, {"which": "c"})
        assert session.scalars(select(Job.key)).all() == []


def test_a_table_that_was_changed_is_changed_again_after_it(database: Database) -> None:
    with database.transaction() as session:
        ADD.send(session, values(key="a"))
        RENAME.send(session, {"before": "a", "key": "b"})
        RENAME.send(session, {"before": "b", "key": "c"})
        REMOVE.send(session, {"which": "x"})
        ADD.send(session, values(key="d"))
        RENAME.send(session, {"before": "d", "key": "e"}, {"before": "e", "key": "f"})
    assert keys(database) == ["c", "f"]


def test_any_number_of_rows(database: Database) -> None:
    for number in (writes.ROWS_MAX, writes.ROWS_MAX + 1, 40):
        with database.transaction() as session:
            REMOVE.send(session, *({"which": key} for key in keys(database)))
            ADD.send(session, *(values(key=f"{place:02}") for place in range(number)))
        assert keys(database) == [f"{place:02}" for place in range(number)]
    with database.transaction() as session:
        REMOVE.send(session, *({"which": key} for key in keys(database)))
        for place in range(3 * writes.ROWS_MAX):
            ADD.send(session, values(key=f"{place:02}"))
    assert keys(database) == [f"{place:02}" for place in range(3 * writes.ROWS_MAX)]


def test_nothing_is_left_of_a_transaction_that_fails(database: Database) -> None:
    for _ in range(3):
        with suppress(LookupError), database.transaction() as session:
            ADD.send(session, values(key="lost"))
            raise LookupError
        with database.transaction() as session:
            session.connection()
    assert keys(database) == []


def test_nothing_is_left_of_a_savepoint_that_fails(database: Database) -> None:
    with database.transaction() as session:
        ADD.send(session, values(key="kept"))
        with suppress(LookupError), session.begin_nested():
            ADD.send(session, values(key="lost"))
            raise LookupError
        with suppress(IntegrityError), session.begin_nested():
            ADD.send(session, values(key="kept"))
        with session.begin_nested():
            ADD.send(session, values(key="also kept"))
    assert keys(database) == ["also kept", "kept"]


def test_what_is_refused_is_refused_before_the_commit(database: Database) -> None:
    done: list[str] = []

    def twice(session: Session) -> None:
        ADD.send(session, values(key="twice"))
        FORGET.send(session, {"which": "nobody's"})
        ADD.send(session, values(key="twice"))
        after_commit(session, lambda: done.append("committed"))

    with pytest.raises(IntegrityError):
        database.run(twice)
    assert done == []
    assert keys(database) == []


def test_a_session_that_commits_by_itself_sends_them_too(session: Session) -> None:
    ADD.send(session, values(key="mine"))
    session.commit()
    session.rollback()
    assert session.scalars(select(Job.key)).all() == ["mine"]


def test_what_depends_on_other_rows_sees_them(database: Database) -> None:
    other = JOBS.alias()
    copy = Prepared(
        update(JOBS)
        .where(JOBS.c.key == bindparam("which"), exists(select(1).where(other.c.key == bindparam("needed"))))
        .values(error=literal_column("'found'"))
    )
    with database.transaction() as session:
        ADD.send(session, values(key="a"))
        ADD.send(session, values(key="b"))
        copy.send(session, {"which": "a", "needed": "b"})
        assert session.scalar(select(Job.error).where(Job.key == "a")) == "found"


@pytest.mark.parametrize("how", ["plain", "question", "write", "at the end"])
def test_a_connection_that_breaks_in_a_savepoint_is_replaced(database: Database, how: str) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("a file breaks no connection")
    tries: list[int] = []

    def work(session: Session) -> None:
        me: int = session.scalar(text("SELECT pg_backend_pid()"))
        tries.append(me)
        ADD.send(session, values(key="before"))
        with session.begin_nested():
            ADD.send(session, values(key="within"))
            if len(tries) == 1:
                with database.engine.connect() as other:
                    other.execute(text("SELECT pg_terminate_backend(:who)"), {"who": me})
            if how == "plain":
                session.scalars(select(Job)).all()
            elif how == "question":
                reads.get(session, Job, uuid4())
            elif how == "write":
                RENAME.send(session, {"before": "x", "key": "y"})

    database.run(work)
    assert len(set(tries)) == 2
    assert keys(database) == ["before", "within"]


def test_the_other_connections_of_a_server_that_went_away_are_opened_anew(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("a file breaks no connection")
    with ExitStack() as stack:
        held = [stack.enter_context(database.reading()) for _ in range(5)]
        them = [session.scalar(text("SELECT pg_backend_pid()")) for session in held]
    admin = sqlalchemy.create_engine(database.engine.url, poolclass=sqlalchemy.NullPool)
    with admin.connect() as other:
        for one in them:
            other.execute(text("SELECT pg_terminate_backend(:who)"), {"who": one})
    assert database.read(lambda session: reads.get(session, Job, uuid4())) is None
    with ExitStack() as stack:
        for _ in range(5):
            assert reads.get(stack.enter_context(database.reading()), Job, uuid4()) is None
