"""Somebody who holds rights."""

from __future__ import annotations

import pytest

from engine.core.db import Session
from engine.people import accounts
from engine.people.accounts import Account


@pytest.fixture
def claire(session: Session) -> Account:
    return accounts.create(session, login="claire@exemple.fr", first_names="Claire", birth_name="Martin")


@pytest.fixture
def karim(session: Session) -> Account:
    return accounts.create(session, login="karim@exemple.fr", first_names="Karim", birth_name="Benali")
