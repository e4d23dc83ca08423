"""The texts that an account accepts (B1, D6)."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from engine.core.db import Session
from engine.core.errors import Conflict
from engine.people import terms
from engine.people.accounts import Account
from engine.people.terms import Acceptance


def test_what_is_accepted_is_kept_with_its_version(session: Session, claire: Account) -> None:
    terms.accept(session, claire.id, {"conditions-generales": "1"})
    terms.accept(session, claire.id, {"conditions-generales": "2"})
    assert [(one.text, one.version) for one in terms.accepted(session, claire.id)] == [
        ("conditions-generales", "2"),
        ("conditions-generales", "1"),
    ]


@pytest.mark.parametrize("change", [delete(Acceptance), update(Acceptance).values(version="9")])
def test_a_proof_is_never_changed(session: Session, claire: Account, change: object) -> None:
    terms.accept(session, claire.id, terms.versions())
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(change)  # type: ignore[call-overload]


def test_other_versions_than_those_in_force_are_refused() -> None:
    terms.check(terms.versions())
    with pytest.raises(Conflict):
        terms.check({**terms.versions(), "conditions-generales": "0"})
