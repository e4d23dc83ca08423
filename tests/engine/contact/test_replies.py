"""Addresses for answers by e-mail: one an exchange, that nobody can make up (D2)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from engine.contact import exchanges, replies
from engine.contact.exchanges import Exchange
from engine.core import config
from engine.core.config import Settings
from engine.core.db import Session


@pytest.fixture
def exchange(session: Session) -> Exchange:
    return exchanges.begin(session, case_id=UUID(int=1), subject="Objet", group="Service")


def test_no_address_unless_the_city_takes_answers_in(exchange: Exchange) -> None:
    assert replies.address(exchange) is None


def test_an_address_leads_back_to_its_exchange(exchange: Exchange, settings: Settings) -> None:
    config.use(replace(settings, reply_address="echanges@valmont.example"))
    address = replies.address(exchange)
    assert address is not None
    assert address.startswith("echanges+")
    assert len(address.partition("@")[0]) <= 64
    assert replies.exchange_of(address) == exchange.id
    assert replies.exchange_of(f"<{address.upper()}>") == exchange.id
    for wrong in ("echanges@valmont.example", "echanges+abcd@valmont.example", "x+é@y", f"a{address[-30:]}", ""):
        assert replies.exchange_of(wrong) is None
    token = address.partition("@")[0].rpartition("+")[2]
    forged = ("b" if token[0] == "a" else "a") + token[1:]
    assert replies.exchange_of(f"echanges+{forged}@valmont.example") is None


def test_a_former_key_still_reads(exchange: Exchange, settings: Settings) -> None:
    before = replace(settings, reply_address="echanges@valmont.example")
    config.use(before)
    address = replies.address(exchange) or ""
    config.use(replace(before, secret_key="another key, longer than it needs to be", former_secret_keys=()))
    assert replies.exchange_of(address) is None
    former = (before.secret_key,)
    config.use(replace(before, secret_key="another key, longer than it needs to be", former_secret_keys=former))
    assert replies.exchange_of(address) == exchange.id
