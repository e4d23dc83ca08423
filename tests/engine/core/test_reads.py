"""Questions compiled once find what SQLAlchemy's own statements would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Integer, Select, bindparam, cast, event, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from engine.core import reads, traces
from engine.core.db import Database, Session
from engine.core.jobs import Job
from engine.core.reads import Question
from tests.engine.core.test_statements import values


def of_kind(query: Select[Any]) -> Select[Any]:
    return query.where(Job.kind == bindparam("kind")).order_by(Job.key)


OF_KIND = Question(Job, of_kind)
COUNTED = Question(Job, lambda query: of_kind(query).add_columns(Job.tries + 1, Job.due_at))
LOCKED = Question(Job, lambda query: of_kind(query).with_for_update())


def fill(session: Session, *keys: str) -> list[dict[str, Any]]:
    rows = [
        values(key=key, case_id=uuid4(), payload={"nom": f"Élodie {key}"}, tries=number)
        for number, key in enumerate(keys)
    ]
    session.add_all(Job(**row) for row in rows)
    session.flush()
    session.expunge_all()
    return rows


def test_objects_are_those_that_the_session_would_make(session: Session) -> None:
    rows = fill(session, "a", "b")
    found = OF_KIND.objects(session, kind="test")
    assert [job.key for job in found] == ["a", "b"]
    for job, row in zip(found, rows, strict=True):
        assert {name: getattr(job, name) for name in row} == row
    assert session.scalars(select(Job).order_by(Job.key)).all() == found
    assert OF_KIND.objects(session, kind="another") == []


def test_what_the_statement_says_besides_comes_with_each(session: Session) -> None:
    [first, second] = fill(session, "a", "b")
    assert [(job.key, tries, due) for job, tries, due in COUNTED.ask(session, kind="test")] == [
        ("a", 1, first["due_at"]),
        ("b", 2, second["due_at"]),
    ]


def test_changing_what_was_found_is_written(session: Session) -> None:
    fill(session, "a")
    for question in (OF_KIND, LOCKED):
        [job] = question.objects(session, kind="test")
        job.error = "trouvé"
        job.tries += 1
    session.flush()
    session.expire_all()
    job = session.scalars(select(Job)).one()
    assert (job.error, job.tries) == ("trouvé", 2)


def test_one_object_a_row_whose_changes_stay(session: Session) -> None:
    fill(session, "a")
    known = session.scalars(select(Job)).one()
    with session.no_autoflush:
        known.error = "pas encore écrit"
        assert OF_KIND.objects(session, kind="test") == [known]
        assert known.error == "pas encore écrit"
    session.flush()
    session.execute(text("UPDATE job SET tries = 7"))
    session.expire(known)
    assert OF_KIND.objects(session, kind="test") == [known]
    assert (known.tries, known.error) == (7, "pas encore écrit")


def test_what_the_session_has_still_to_write_is_found(session: Session) -> None:
    session.add(Job(**values(key="pending")))
    assert [job.key for job in OF_KIND.objects(session, kind="test")] == ["pending"]


def test_one_alone(session: Session) -> None:
    fill(session, "a")
    found = OF_KIND.object(session, kind="test")
    assert found is not None
    assert OF_KIND.object(session, kind="another") is None
    fill(session, "b")
    with pytest.raises(LookupError):
        OF_KIND.object(session, kind="test")


def test_by_its_key_it_is_asked_for_once(database: Database, counted: Callable[[], int]) -> None:
    with database.transaction() as session:
        [row, other] = fill(session, "a", "b")
    counted()
    with database.reading() as session:
        found = reads.get(session, Job, row["id"])
        assert found is not None
        assert found.key == "a"
        assert reads.get(session, Job, row["id"]) is found
        assert session.get(Job, row["id"]) is found
        assert counted() == 1
        assert reads.get(session, Job, uuid4()) is None
        session.expire(found)
        assert reads.get(session, Job, row["id"]) is found
        assert found.payload == row["payload"]
        assert counted() == 2
        second = session.get(Job, other["id"])
        assert reads.get(session, Job, other["id"]) is second
        assert counted() == 1


def test_the_first_question_of_a_process_is_answered(database: Database) -> None:
    """Before SQLAlchemy was asked for any object: a web process of a cluster begins so."""
    with database.transaction() as session:
        [row] = fill(session, "a")
    program = (
        "import sys; from uuid import UUID; from engine.core import db, jobs, reads\n"
        "with db.Database(sys.argv[1]).reading() as session:\n"
        "    print(reads.get(session, jobs.Job, UUID(sys.argv[2])).key)"
    )
    asked = [sys.executable, "-c", program, database.engine.url.render_as_string(False), str(row["id"])]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("a\n", 0), done.stderr


def test_who_listens_is_told(database: Database, counted: Callable[[], int]) -> None:
    with database.reading() as session:
        OF_KIND.objects(session, kind="test")
    assert counted() == 1


WRONG = Question(Job, lambda query: query.where(cast(Job.key, Integer) == bindparam("key", type_=Integer())))
"""Made a number, a text is what PostgreSQL refuses."""


def test_what_the_driver_raises_is_what_sqlalchemy_would(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        with database.transaction() as session:
            session.execute(text("DROP TABLE job"))
        with pytest.raises(OperationalError) as raised, database.reading() as session:
            OF_KIND.objects(session, kind="Claire Martin")
    else:
        with database.transaction() as session:
            fill(session, "a word")
        with pytest.raises(DBAPIError) as raised, database.reading() as session:
            WRONG.objects(session, key=70701)
        assert getattr(raised.value.orig, "sqlstate", None) == "22P02"
    assert not raised.value.connection_invalidated
    assert "Claire Martin" not in str(raised.value)
    assert "70701" not in str(raised.value)
    with database.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_a_connection_that_broke_is_replaced(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("a file breaks no connection")
    seen: list[int] = []

    def ask(session: Session) -> int:
        me: int = session.scalar(text("SELECT pg_backend_pid()"))
        seen.append(me)
        if len(seen) == 1:
            with database.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:who)"), {"who": me})
        return len(OF_KIND.objects(session, kind="test"))

    assert database.read(ask) == 0
    assert len(set(seen)) == 2


def test_traces_see_them(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.transaction() as session:
        fill(session, "a")
    monkeypatch.setattr(traces, "_tracer", object())
    done: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        done.append(statement)

    event.listen(database.engine, "after_cursor_execute", note)
    with database.reading() as session:
        [job] = OF_KIND.objects(session, kind="test")
    assert job.due_at == values()["due_at"].astimezone(UTC)
    assert isinstance(job.due_at, datetime)
    assert any(" job" in statement for statement in done)
