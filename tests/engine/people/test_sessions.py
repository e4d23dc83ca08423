"""Sessions: B6."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, select

from engine.core.db import Session
from engine.people import accounts, groups, sessions
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.sessions import AccountSession

Clock = Callable[[str], datetime]


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_token_stands_for_its_resident(session: Session, claire: Account) -> None:
    token = sessions.open(session, claire, user_agent="Firefox")
    assert sessions.resolve(session, token) == Actor("resident", claire.id, "Claire Martin")


def test_an_agent_comes_with_their_groups_in_one_statement(session: Session, sonia: Account) -> None:
    groups.assign(session, sonia, ["Autonomie", "Commission autonomie"])
    token = sessions.open(session, sonia)
    session.expire_all()
    with statements(session) as seen:
        actor = sessions.resolve(session, token)
    groups_ = frozenset({"Autonomie", "Commission autonomie"})
    assert actor == Actor("agent", sonia.id, "Sonia Lefèvre", groups_, roles=frozenset({"agent"}))
    assert len(seen) == 1
    assert seen[0].startswith("SELECT")


@pytest.mark.parametrize("token", ["", "x", "\x00", "\ud800", "é" * 100_000])
def test_a_token_that_was_never_given_is_nobodys(session: Session, claire: Account, token: str) -> None:
    sessions.open(session, claire)
    assert sessions.resolve(session, token) is None


def test_the_table_holds_nothing_to_sign_in_with(session: Session, claire: Account) -> None:
    token = sessions.open(session, claire)
    row = session.scalars(select(AccountSession)).one()
    assert token not in {str(value) for value in vars(row).values()}
    assert sessions.resolve(session, row.token_hash) is None


@pytest.mark.parametrize(
    ("who", "alive", "over"),
    [("claire", "2027-01-31 11:59", "2027-01-31 12:00"), ("sonia", "2027-01-31 13:59", "2027-01-31 14:00")],
)
def test_a_session_without_a_sign_of_life_ends(
    request: pytest.FixtureRequest, session: Session, clock_at: Clock, who: str, alive: str, over: str
) -> None:
    clock_at("2027-01-31 10:00")
    token = sessions.open(session, request.getfixturevalue(who))
    clock_at(alive)
    assert sessions.resolve(session, token) is not None
    clock_at(over)
    assert sessions.resolve(session, token) is None


def test_a_sign_of_life_is_due_every_five_minutes_and_makes_the_session_last(
    session: Session, claire: Account, clock_at: Clock
) -> None:
    clock_at("2027-01-31 10:00")
    token = sessions.open(session, claire)
    clock_at("2027-01-31 10:04:59")
    presence = sessions.look_up(session, token)
    assert presence is not None
    assert not presence.touch_due
    clock_at("2027-01-31 11:30")
    presence = sessions.look_up(session, token)
    assert presence is not None
    assert presence.touch_due
    sessions.touch(session, presence.session_id)
    presence = sessions.look_up(session, token)
    assert presence is not None
    assert not presence.touch_due
    clock_at("2027-01-31 13:29")
    assert sessions.resolve(session, token) is not None


def test_a_sign_of_life_never_brings_a_session_back(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    token = sessions.open(session, claire)
    presence = sessions.look_up(session, token)
    assert presence is not None
    clock_at("2027-01-31 12:30")
    sessions.touch(session, presence.session_id)
    assert sessions.resolve(session, token) is None


def test_an_agents_session_ends_with_the_working_day(session: Session, sonia: Account, clock_at: Clock) -> None:
    clock_at("2027-01-31 08:00")
    token = sessions.open(session, sonia)
    for hour in (11, 14, 17, 19):
        clock_at(f"2027-01-31 {hour}:00")
        presence = sessions.look_up(session, token)
        assert presence is not None
        sessions.touch(session, presence.session_id)
    clock_at("2027-01-31 20:00")
    assert sessions.resolve(session, token) is None


def test_signing_out_ends_this_session_and_no_other(session: Session, claire: Account) -> None:
    here, there = sessions.open(session, claire), sessions.open(session, claire)
    sessions.close(session, here)
    sessions.close(session, here)
    assert sessions.resolve(session, here) is None
    assert sessions.resolve(session, there) is not None


def test_all_sessions_but_one_are_closed(session: Session, claire: Account, sonia: Account) -> None:
    here, there, elsewhere = (sessions.open(session, claire) for _ in range(3))
    other = sessions.open(session, sonia)
    assert sessions.close_all(session, claire.id, except_=here) == 2
    assert [sessions.resolve(session, token) is not None for token in (here, there, elsewhere, other)] == [
        True, False, False, True,
    ]  # fmt: skip
    assert sessions.close_all(session, claire.id) == 1


def test_a_deactivated_account_is_signed_out_at_once(session: Session, claire: Account) -> None:
    token = sessions.open(session, claire)
    accounts.deactivate(session, claire)
    assert sessions.resolve(session, token) is None


def test_whose_session_is_over_is_known_for_a_day(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    token = sessions.open(session, claire)
    clock_at("2027-01-31 18:00")
    sessions.open(session, claire)
    assert sessions.account_of_expired(session, token) == claire.id
    clock_at("2027-02-02 10:00")
    sessions.open(session, claire)
    assert sessions.account_of_expired(session, token) is None


def test_a_person_sees_where_they_are_signed_in(session: Session, claire: Account, clock_at: Clock) -> None:
    clock_at("2027-01-31 10:00")
    sessions.open(session, claire, user_agent="Firefox\x00" + "x" * 400)
    clock_at("2027-01-31 11:00")
    sessions.open(session, claire, user_agent="Chromium")
    first, second = sessions.of_account(session, claire.id)
    assert first.user_agent == "Chromium"
    assert second.user_agent.startswith("Firefoxx")
    assert len(second.user_agent) == 300


def test_one_browser_is_signed_out_by_its_owner_only(session: Session, claire: Account, sonia: Account) -> None:
    token = sessions.open(session, claire)
    (one,) = sessions.of_account(session, claire.id)
    assert sessions.is_of(token, one)
    assert not sessions.is_of("another", one)
    sessions.close_one(session, sonia.id, one.id)
    assert sessions.resolve(session, token) is not None
    sessions.close_one(session, claire.id, one.id)
    assert sessions.resolve(session, token) is None
