"""A forgotten password: the link, once and for half an hour (B6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import select

from engine.core import audit, jobs, mail
from engine.core.db import Database, Session
from engine.core.errors import Throttled
from engine.handlers import HANDLERS
from engine.people import accounts, new_emails, recovery, second_factors, sessions
from engine.people.accounts import Account
from engine.people.recovery import LinkOver, PasswordLink

Clock = Callable[[str], datetime]


def token_of(session: Session) -> str:
    (found,) = re.findall(r"/mot-de-passe/nouveau/(\S+)", mail.outbox(session)[0].text)
    return str(found)


@pytest.mark.parametrize("login", ["claire.martin@exemple.fr", "CLAIRE.MARTIN"])
def test_the_link_changes_the_password_once_and_signs_out_everywhere(
    session: Session, claire: Account, login: str
) -> None:
    cookie = sessions.open(session, claire)
    recovery.send_link(session, login)
    letter = mail.outbox(session)[0]
    assert letter.recipient == claire.login
    token = token_of(session)
    assert recovery.holder(session, token) is claire
    assert recovery.holder(session, token) is claire  # looking consumes nothing
    assert recovery.consume(session, token, "another hash") is claire
    assert claire.password_hash == "another hash"
    assert sessions.resolve(session, cookie) is None
    assert sorted(one.name for one in mail.outbox(session)) == ["mot-de-passe-lien", "mot-de-passe-modifie"]
    with pytest.raises(LinkOver):
        recovery.consume(session, token, "a third hash")
    assert claire.password_hash == "another hash"


def test_a_link_lasts_half_an_hour(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    recovery.send_link(session, claire.login)
    token = token_of(session)
    clock_at("2027-01-31 10:29:59")
    recovery.holder(session, token)
    clock_at("2027-01-31 10:30")
    with pytest.raises(LinkOver):
        recovery.consume(session, token, "another hash")


def test_the_letter_after_a_reset_says_what_happened(session: Session, sonia: Account) -> None:
    """Nobody asked for it but an administrator, and the former password is worth nothing (E7)."""
    odile = accounts.create(session, kind="agent", login="o@exemple.fr", first_names="Odile", birth_name="Chef")
    for _ in range(recovery.LINKS_A_DAY):
        recovery.send_link(session, sonia.login)
    second_factors.reset(session, sonia, who=odile.actor)
    told = mail.outbox(session)[0].text
    assert "Odile Chef, administrateur, a réinitialisé votre second facteur." in told
    assert "Votre mot de passe actuel ne sert plus" in told
    assert "Si vous ne le lui avez pas demandé" in told
    (promised,) = (one for one in jobs.listing(session) if one.kind == "send_password_link")
    HANDLERS["send_password_link"](session, promised.payload)
    link = mail.outbox(session)[0]
    assert link.name == "mot-de-passe-lien"
    assert "a réinitialisé votre second facteur" in link.text
    assert "/mot-de-passe/oubli" in link.text
    for untrue in ("Vous avez demandé", "reste le même"):
        assert untrue not in told + link.text
    second_factors.reset(session, sonia, who=audit.OPERATOR)
    assert "Un administrateur a réinitialisé votre second facteur." in mail.outbox(session)[0].text


def test_one_link_ends_the_others(session: Session, claire: Account) -> None:
    recovery.send_link(session, claire.login)
    first = token_of(session)
    mail.outbox(session)[0].text = ""
    recovery.send_link(session, claire.login)
    second = next(found[1] for one in mail.outbox(session) if (found := re.search(r"nouveau/(\S+)", one.text)))
    recovery.consume(session, second, "another hash")
    with pytest.raises(LinkOver):
        recovery.holder(session, first)


def test_another_sign_in_address_ends_the_links_sent_to_the_former_one(session: Session, claire: Account) -> None:
    recovery.send_link(session, claire.login)
    token = token_of(session)
    new_emails.ask(session, claire, "connexion", "claire@nouveau.example")
    text = next(one.text for one in mail.outbox(session) if one.name == "courriel-code")
    (code,) = re.findall(r"^\d{4}$", text, re.MULTILINE)
    assert new_emails.confirm(session, claire, "connexion", "claire@nouveau.example", code).valid
    with pytest.raises(LinkOver):
        recovery.consume(session, token, "another hash")


def test_the_database_does_not_tell_the_link(session: Session, claire: Account) -> None:
    recovery.send_link(session, claire.login)
    assert token_of(session) not in session.scalars(select(PasswordLink.token_hash)).all()


@pytest.mark.parametrize("login", ["inconnu@exemple.fr", "", "\x00", "' OR 1=1"])
def test_nobody_is_written_to_for_an_unknown_login(session: Session, claire: Account, login: str) -> None:
    recovery.send_link(session, login)
    assert mail.outbox(session) == []


def test_a_closed_account_gets_no_link_and_uses_none(session: Session, claire: Account) -> None:
    recovery.send_link(session, claire.login)
    token = token_of(session)
    accounts.deactivate(session, claire)
    with pytest.raises(LinkOver):
        recovery.consume(session, token, "another hash")
    recovery.send_link(session, claire.login)
    assert len(mail.outbox(session)) == 1


def test_an_account_is_written_to_five_times_a_day(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    for _ in range(7):
        recovery.send_link(session, claire.login)
    assert len(mail.outbox(session)) == recovery.LINKS_A_DAY
    clock_at("2027-02-01 10:00:01")
    recovery.send_link(session, claire.login)
    assert len(mail.outbox(session)) == recovery.LINKS_A_DAY + 1


def test_asking_does_the_same_whoever_is_asked_for(database: Database) -> None:
    """A job in both cases: the answer takes the same time."""
    with database.transaction() as session:
        accounts.create(session, login="claire.martin@exemple.fr", first_names="Claire", birth_name="Martin")
    for login in ("claire.martin@exemple.fr", "inconnu@exemple.fr"):
        with database.transaction() as session:
            recovery.ask(session, login, address="192.0.2.1")
    with database.reading() as session:
        assert [job.kind for job in jobs.listing(session)] == ["send_password_link"] * 2
        ids = jobs.due(session)
    for job_id in ids:
        assert jobs.run(database, job_id, HANDLERS)
    with database.reading() as session:
        assert [one.recipient for one in mail.outbox(session)] == ["claire.martin@exemple.fr"]


def test_one_network_asks_so_often(session: Session) -> None:
    for _ in range(recovery.ASKED_BY_NETWORK.burst):
        recovery.ask(session, "claire.martin@exemple.fr", address="192.0.2.1")
    with pytest.raises(Throttled):
        recovery.ask(session, "claire.martin@exemple.fr", address="192.0.2.1")
    recovery.ask(session, "claire.martin@exemple.fr", address="192.0.2.2")


def test_two_uses_at_once_change_the_password_once(database: Database) -> None:
    with database.transaction() as session:
        accounts.create(session, login="claire.martin@exemple.fr", first_names="Claire", birth_name="Martin")
        recovery.send_link(session, "claire.martin@exemple.fr")
        token = token_of(session)

    def use(number: int) -> str | None:
        try:
            return database.run(recovery.consume, token, f"hash {number}").password_hash
        except LinkOver:
            return None

    with ThreadPoolExecutor(4) as uses:
        (hashed,) = [one for one in uses.map(use, range(4)) if one]
    with database.reading() as session:
        assert session.scalars(select(Account.password_hash)).all() == [hashed]
