"""Statements compiled once write what SQLAlchemy's own would."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from engine.core.db import Database, Session
from engine.core.jobs import Job
from engine.core.statements import Prepared, insert_row

TABLE: Any = Job.__table__
ADD = Prepared(insert(TABLE), *TABLE.c.keys())
AT = datetime(2027, 6, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))


def values(**changes: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": uuid4(),
        "kind": "test",
        "key": None,
        "case_id": None,
        "payload": {"z": 1, "a": ["é", None]},
        "state": "waiting",
        "due_at": AT,
        "promised_at": AT,
        "tries": 0,
        "starts": 0,
        "held_until": None,
        "error": None,
    }
    return {**said, **changes}


def keys(session: Session) -> list[str | None]:
    return list(session.scalars(select(Job.key).order_by(Job.key)))


def test_each_value_is_kept_in_its_column_s_way(session: Session) -> None:
    case_id = uuid4()
    row = values(key="one", case_id=case_id, error="un «\u00a0refus\u00a0»")
    ADD.send(session, row)
    job = session.scalars(select(Job)).one()
    assert {name: getattr(job, name) for name in row} == row
    assert list(job.payload) == ["z", "a"]
    assert job.due_at.utcoffset() == timedelta(0)
    assert isinstance(job.id, UUID)


def test_several_rows_are_written_in_their_order_after_what_is_pending(session: Session) -> None:
    session.add(Job(**values(key="a")))
    rename = Prepared(update(TABLE).where(TABLE.c.key == bindparam("before")), "key")
    rename.send(session, {"before": "a", "key": "b"}, {"before": "b", "key": "c"})
    assert keys(session) == ["c"]
    ADD.send(session, values(key="d"), values(key="e"))
    Prepared(delete(TABLE).where(TABLE.c.key == bindparam("which"))).send(session, {"which": "c"}, {"which": "e"})
    assert keys(session) == ["d"]


def test_nothing_is_sent_for_no_row(session: Session) -> None:
    ADD.send(session)
    assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_it_belongs_to_the_transaction(database: Database) -> None:
    with suppress(LookupError), database.transaction() as session:
        ADD.send(session, values())
        raise LookupError
    with database.reading() as session:
        assert keys(session) == []
        with pytest.raises(RuntimeError, match="writes nothing"):
            ADD.send(session, values())


def test_what_is_wrong_is_refused_and_never_quoted(database: Database) -> None:
    with pytest.raises(ValueError, match="naive"), database.transaction() as session:
        ADD.send(session, values(due_at=datetime(2027, 6, 1)))  # noqa: DTZ001 - what is refused
    with pytest.raises(IntegrityError) as raised, database.transaction() as session:
        ADD.send(session, values(key="twice"), values(key="twice", payload={"nom": "Claire Martin"}))
    assert isinstance(raised.value, DBAPIError)
    assert "Claire Martin" not in str(raised.value)


def test_an_inserted_object_is_the_session_s(session: Session) -> None:
    job = Job(**values(key="mine", due_at=AT.astimezone(UTC)))
    insert_row(session, job)
    assert session.get(Job, job.id) is job
    job.key = "changed"
    session.flush()
    session.expire_all()
    assert job.key == "changed"
