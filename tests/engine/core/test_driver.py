"""Texts for the driver itself: their values by name, by number or by place, as each database has it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, func, literal, select
from sqlalchemy.exc import IntegrityError

from engine.core.db import Session
from engine.core.driver import Text
from engine.core.jobs import Job
from tests.engine.core.test_statements import ADD, keys, values


def text_of(session: Session, statement: Any) -> Text:
    compiled = statement.compile(dialect=session.connection().dialect)
    return Text(str(compiled), compiled.positiontup)


def test_a_value_that_stands_in_several_places_is_given_once(session: Session) -> None:
    ADD.send(session, values(key="a%b"), values(key="other"))
    like = Job.key.like(literal("a\\%%", literal_execute=True), escape="\\")
    asked = text_of(
        session, select(func.count()).where((Job.key == bindparam("key")) | (Job.error == bindparam("key")))
    )
    assert asked.ask(session.connection(), {"key": "a%b", "unused": 1}) == [(1,)]
    assert session.scalar(select(func.count()).where(like)) == 1


def test_a_percent_sign_of_the_statement_is_one(session: Session) -> None:
    seventh = select(literal(17).op("%", is_comparison=False)(bindparam("by", 7)))
    assert text_of(session, seventh).ask(session.connection(), {"by": 7, "param_1": 17}) == [(3,)]


def test_two_percent_signs_before_a_name_are_a_sign_of_the_statement() -> None:
    asked = Text("SELECT '%%(key)s', %(key)s, %(other)s, %(key)s")
    assert asked._sent == "SELECT '%(key)s', $1, $2, $1"
    assert asked.names == ("key", "other")


def test_one_row_too_many_is_an_error_of_sqlalchemy_s(session: Session) -> None:
    ADD.send(session, values(key="mine"))
    with pytest.raises(IntegrityError), session.begin_nested():
        ADD.send(session, values(key="mine"))
    assert keys(session) == ["mine"]
