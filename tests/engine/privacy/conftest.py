"""Ada, who has an account, a draft and a request, and what the database says of her."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.core.db import Session
from engine.migrations import tables
from engine.people import accounts, sessions
from engine.people.accounts import Account
from engine.people.actors import Actor
from tests.engine.procedures.conftest import agent, draft, essai, filed, resident

__all__ = ["agent", "draft", "essai", "filed", "resident"]

# What only Ada's rows say.
MARKS = ("ada@exemple.fr", "Lovelace", "lovelace", "06 39 98 12 07", "12 rue des Tilleuls", "GA-482-KL")


@pytest.fixture
def ada(session: Session, resident: Actor) -> Account:
    """The resident's account, with coordinates and an open session."""
    assert resident.account_id is not None
    account = accounts.find(session, resident.account_id)
    accounts.update_address(session, account, street="12 rue des Tilleuls", postcode="95999", town="Valmont")
    accounts.update_phones(session, account, mobile="06 39 98 12 07", landline=None)
    sessions.open(session, account, user_agent="Firefox")
    return account


@pytest.fixture
def traces(session: Session) -> Callable[[], set[str]]:
    """The tables that still say something of Ada; the letter that tells her of the end apart."""

    def find() -> set[str]:
        session.flush()
        found = set()
        for table in tables.metadata.sorted_tables:
            for row in session.execute(select(table)).mappings():
                said = " ".join(repr(value) for value in row.values())
                if any(mark in said for mark in MARKS) and row.get("name") != "suppression-faite":
                    found.add(table.name)
        return found

    return find


@pytest.fixture
def rows_naming(session: Session) -> Callable[[UUID], set[str]]:
    """The tables that hold an id."""

    def find(one: UUID) -> set[str]:
        session.flush()
        return {
            table.name
            for table in tables.metadata.sorted_tables
            for row in session.execute(select(table)).all()
            if any(value == one for value in row)
        }

    return find
