"""What was typed when the session was over: A3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from engine.core.db import Session
from engine.core.errors import TooLarge
from engine.people import kept
from engine.people.kept import Kept, KeptForm

Clock = Callable[[str], datetime]
PATH = "/demandes/ABCD-EFGH/etapes/1"


def test_what_was_typed_is_given_back_once_in_its_order(session: Session) -> None:
    token = kept.keep(session, path=PATH, fields={"b": ["1", "2"], "a": ["é\x00\ud800"]})
    found = kept.pop(session, token, path=PATH)
    assert found == Kept(PATH, [("b", "1"), ("b", "2"), ("a", "é\x00\ud800")])
    assert kept.pop(session, token, path=PATH) is None


@pytest.mark.parametrize("token", ["", "x", "\x00", "\ud800"])
def test_a_token_that_was_never_given_keeps_nothing(session: Session, token: str) -> None:
    assert kept.pop(session, token, path=PATH) is None


def test_it_goes_to_its_page_and_its_person_only(session: Session) -> None:
    owner = uuid4()
    token = kept.keep(session, path=PATH, fields={"a": ["1"]}, account_id=owner)
    assert kept.pop(session, token, path="/autre", account_id=owner) is None
    assert kept.pop(session, token, path=PATH, account_id=uuid4()) is None
    assert kept.pop(session, token, path=PATH) is None
    assert kept.pop(session, token, path=PATH, account_id=owner) is not None


def test_it_is_kept_for_an_hour_and_then_swept(session: Session, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    token = kept.keep(session, path=PATH, fields={"a": ["1"]})
    clock_at("2027-01-31 11:00")
    assert kept.pop(session, token, path=PATH) is None
    kept.keep(session, path=PATH, fields={})
    assert session.scalar(select(func.count()).select_from(KeptForm)) == 1


def test_too_much_is_refused(session: Session) -> None:
    with pytest.raises(TooLarge):
        kept.keep(session, path=PATH, fields={"a": ["x" * kept.BYTES_MAX]})


def test_the_table_does_not_hold_the_token(session: Session) -> None:
    token = kept.keep(session, path=PATH, fields={"a": ["1"]})
    row = session.scalars(select(KeptForm)).one()
    assert row.token_hash != token
    assert kept.pop(session, row.token_hash, path=PATH) is None
