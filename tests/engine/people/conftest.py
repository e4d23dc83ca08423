"""Somebody to act upon."""

from __future__ import annotations

import pytest

from engine.core.db import Session
from engine.people import accounts
from engine.people.accounts import Account


@pytest.fixture
def claire(session: Session) -> Account:
    return accounts.create(
        session,
        login="claire.martin@exemple.fr",
        username="claire.martin",
        first_names="Claire Léa",
        birth_name="Martin",
        sex="F",
        birth_date="1987-03-14",
        mobile_phone="+33 6 39 98 12 07",
        street="12 rue des Tilleuls",
        postcode="95999",
        town="Valmont-sur-Seine",
    )


@pytest.fixture
def sonia(session: Session) -> Account:
    return accounts.create(
        session, kind="agent", login="sonia.lefevre@exemple.fr", first_names="Sonia", birth_name="Lefèvre"
    )
