"""37 months without a sign of life: three warnings, then the deletion; any sign-in reactivates (B16)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import func, insert, select

from engine.core import clock, mail
from engine.core.db import Session, new_id
from engine.core.jobs import Job
from engine.people import accounts, sessions
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.privacy import life_cycle
from engine.privacy.life_cycle import Dormancy
from engine.procedures.cases import Case
from engine.rights import entitlements
from tests.engine.privacy.test_deletion import do

Clock = Callable[[str], datetime]


@pytest.fixture
def at(session: Session, clock_at: Clock) -> Callable[[str], list[str]]:
    """`at("2030-01-01")`: the night of that day; the letters that were written in it, as (name, subject)."""

    def night(day: str) -> list[str]:
        clock_at(f"{day} 02:30")
        while life_cycle.follow(session):
            pass
        do(session, "erase_dormant")
        written = select(mail.Mail.name).where(mail.Mail.written_at == clock.now()).order_by(mail.Mail.name)
        return list(session.scalars(written))

    return night


@pytest.fixture
def idle(session: Session, clock_at: Clock) -> Account:
    """Somebody who signed in on the 10th of January 2027 at noon, and never again."""
    clock_at("2027-01-10 12:00")
    account = accounts.create(session, login="ada@exemple.fr", first_names="Ada", birth_name="Lovelace")
    sessions.open(session, account)
    return account


def test_it_is_warned_three_times_then_deleted(session: Session, idle: Account, at: Callable[[str], list[str]]) -> None:
    """37 months later is the 10th of February 2030: warned 60, 30 and 7 days before, each time once."""
    account_id = idle.id
    assert at("2029-12-11") == []
    assert at("2029-12-13") == ["inactivite-60"]
    assert at("2029-12-14") == []
    assert at("2030-01-10") == []
    assert at("2030-01-13") == ["inactivite-30"]
    assert at("2030-02-05") == ["inactivite-7"]
    assert at("2030-02-10") == []
    assert session.get(Account, account_id) is not None
    assert at("2030-02-13") == ["suppression-faite"]
    session.expire_all()
    assert session.get(Account, account_id) is None
    assert at("2030-02-14") == []


@pytest.mark.parametrize("warned", ["2029-12-13", "2030-01-13", "2030-02-05"])
def test_signing_in_reactivates(session: Session, idle: Account, at: Callable[[str], list[str]], warned: str) -> None:
    for day in ("2029-12-13", "2030-01-13", "2030-02-05"):
        if day <= warned:
            assert at(day) != []
    sessions.open(session, idle)
    session.flush()
    assert at("2030-03-01") == []
    assert session.scalar(select(func.count()).select_from(Dormancy)) == 0
    assert session.get(Account, idle.id) is idle


def test_a_sign_of_life_counts_too(session: Session, idle: Account, clock_at: Clock) -> None:
    token = sessions.open(session, idle)
    clock_at("2027-01-10 13:00")
    presence = sessions.look_up(session, token)
    assert presence is not None
    sessions.touch(session, presence.session_id)
    session.refresh(idle)
    assert idle.active_at == clock.now()


def test_missed_turns_shorten_no_delay(session: Session, idle: Account, at: Callable[[str], list[str]]) -> None:
    """Nights that were missed, for a year or between two warnings: there are always 60, 30 and 7 days left."""
    assert at("2031-06-01") == ["inactivite-60"]
    assert at("2031-06-02") == []
    assert at("2031-07-25") == ["inactivite-30"]
    assert at("2031-08-22") == ["inactivite-7"]
    assert at("2031-08-28") == []
    assert at("2031-08-30") == ["suppression-faite"]


def test_an_open_request_or_a_right_postpones_it(
    session: Session, ada: Account, resident: Actor, filed: Case, at: Callable[[str], list[str]], clock_at: Clock
) -> None:
    """Nobody is warned of what won't happen; once it may, they get the warnings."""
    active_at = ada.active_at
    assert active_at is not None
    year = active_at.year
    entitlements.add(
        session, ada.id, numero="SR-1", zone="Z1", plate="GA-482-KL",
        starts_on=date(year, 1, 1), ends_on=date(year + 5, 1, 1),
    )  # fmt: skip
    assert at(f"{year + 4}-06-01") == []
    filed.status = "closed"
    session.flush()
    assert at(f"{year + 4}-08-01") == []
    assert at(f"{year + 5}-02-01") == ["inactivite-60"]


def test_accounts_without_a_date_count_from_today(
    session: Session, idle: Account, at: Callable[[str], list[str]]
) -> None:
    idle.active_at = None
    session.flush()
    assert at("2035-01-01") == []
    session.refresh(idle)
    assert idle.active_at == clock.now()


def test_both_addresses_are_written_to(session: Session, idle: Account, at: Callable[[str], list[str]]) -> None:
    idle.contact_email = "Famille@exemple.fr"
    session.flush()
    assert at("2029-12-13") == ["inactivite-60", "inactivite-60"]
    recipients = session.scalars(select(mail.Mail.recipient).where(mail.Mail.name == "inactivite-60"))
    assert set(recipients) == {"ada@exemple.fr", "Famille@exemple.fr"}


def test_agents_are_none_of_its_business(session: Session, idle: Account, at: Callable[[str], list[str]]) -> None:
    idle.kind = "agent"
    session.flush()
    assert at("2035-01-01") == []


def test_it_works_in_helpings(session: Session, idle: Account, clock_at: Clock) -> None:
    """A turn takes up a helping, and a job goes on with the next one: however many there are, no turn is long."""
    template = {column.name: getattr(idle, column.name) for column in Account.__table__.columns}
    session.execute(
        insert(Account),
        [{**template, "id": new_id(), "login": f"idle{number}@exemple.fr"} for number in range(2 * life_cycle.HELPING)],
    )
    clock_at("2029-12-13 02:30")
    assert life_cycle.follow(session)
    assert session.scalar(select(func.count()).select_from(Dormancy)) == life_cycle.HELPING
    assert session.scalar(select(Job.kind).where(Job.key == "follow_accounts")) == "follow_accounts"
    life_cycle.follow(session)
    assert not life_cycle.follow(session)
    assert session.scalar(select(func.count()).select_from(Dormancy)) == 2 * life_cycle.HELPING + 1
