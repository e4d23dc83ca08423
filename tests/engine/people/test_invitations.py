"""Accounts of agents by invitation: a link, once, for seven days (E7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import select

from engine.core import audit, mail
from engine.core.db import Database, Session
from engine.core.errors import Conflict, Invalid
from engine.people import invitations, places
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.invitations import Invitation, InvitationOver
from engine.people.places import Place

Clock = Callable[[str], datetime]
PLACE = Place(["Voirie"], ["Voirie"], ["analyst"])
EMAIL = "paul.aussi@exemple.fr"


def token_of(session: Session) -> str:
    (found,) = re.findall(r"/invitation/(\S+)", mail.outbox(session)[0].text)
    return str(found)


def accept(session: Session, token: str) -> Account:
    return invitations.accept(session, token, first_names="Paul", birth_name="Aussi", password_hash="a hash")


def test_the_link_makes_the_account_once(session: Session, sonia: Account) -> None:
    invitation = invitations.invite(session, "Paul.Aussi@exemple.fr", PLACE, who=Actor("agent", sonia.id))
    assert mail.outbox(session)[0].recipient == EMAIL
    token = token_of(session)
    assert token not in invitation.token_hash
    assert invitations.holder(session, token).state == "waiting"  # looking consumes nothing
    account = accept(session, token)
    assert (account.kind, account.login, account.display_name) == ("agent", EMAIL, "Paul Aussi")
    place = places.of(session, account.id)
    assert (place.groups, place.supervises, place.roles) == ({"Voirie"}, {"Voirie"}, {"analyst"})
    with pytest.raises(InvitationOver):
        accept(session, token)
    assert invitations.unanswered(session) == []
    # Who invited gave the roles.
    given = [one for one in audit.listing(session) if one.action == "account.role_given"]
    assert {one.actor_id for one in given} == {sonia.id}


def test_the_link_lasts_seven_days(session: Session, clock_at: Clock) -> None:
    clock_at("2027-01-11 09:00")
    invitation = invitations.invite(session, EMAIL, PLACE, who=audit.OPERATOR)
    token = token_of(session)
    clock_at("2027-01-18 08:59")
    assert invitations.holder(session, token) is invitation
    clock_at("2027-01-18 09:00")
    with pytest.raises(InvitationOver):
        accept(session, token)
    assert [one.state for one in invitations.unanswered(session)] == ["expired"]
    # The address may be invited anew; a year later nothing is known of the first time.
    clock_at("2028-01-11 09:00")
    invitations.invite(session, EMAIL, PLACE, who=audit.OPERATOR)
    assert [one.state for one in invitations.unanswered(session)] == ["waiting"]


def test_sending_again_ends_the_link_before(session: Session) -> None:
    invitation = invitations.invite(session, EMAIL, PLACE, who=audit.OPERATOR)
    before = token_of(session)
    invitations.send_again(session, invitation.id, who=audit.OPERATOR)
    after = token_of(session)
    with pytest.raises(InvitationOver):
        accept(session, before)
    accept(session, after)
    with pytest.raises(Conflict):
        invitations.send_again(session, invitation.id, who=audit.OPERATOR)
    with pytest.raises(Conflict):
        invitations.cancel(session, invitation.id, who=audit.OPERATOR)


def test_a_cancelled_link_is_worth_nothing(session: Session) -> None:
    invitation = invitations.invite(session, EMAIL, PLACE, who=audit.OPERATOR)
    token = token_of(session)
    for _ in range(2):
        invitations.cancel(session, invitation.id, who=audit.OPERATOR)
    with pytest.raises(InvitationOver):
        accept(session, token)
    acts = [one.action for one in audit.listing(session)]
    assert acts.count("account.invitation_cancelled") == 1


def test_an_address_that_is_known_is_not_invited(session: Session, claire: Account) -> None:
    with pytest.raises(Conflict):
        invitations.invite(session, claire.login.upper(), PLACE, who=audit.OPERATOR)
    invitations.invite(session, EMAIL, PLACE, who=audit.OPERATOR)
    with pytest.raises(Conflict):
        invitations.invite(session, EMAIL, PLACE, who=audit.OPERATOR)


@pytest.mark.parametrize(
    ("email", "place"), [("paul", PLACE), (EMAIL, Place(roles=["root"])), (EMAIL, Place((), ["X"]))]
)
def test_what_cannot_be_is_refused(session: Session, email: str, place: Place) -> None:
    with pytest.raises(Invalid):
        invitations.invite(session, email, place, who=audit.OPERATOR)
    assert session.scalars(select(Invitation)).all() == []


@pytest.mark.parametrize("token", ["", "x", "\x00", "\ud800", "x" * 5000])
def test_what_is_no_link_opens_nothing(session: Session, token: str) -> None:
    with pytest.raises(InvitationOver):
        invitations.holder(session, token)


def test_two_browsers_with_the_link_make_one_account(database: Database) -> None:
    with database.transaction() as session:
        invitations.invite(session, EMAIL, PLACE, who=audit.OPERATOR)
        token = token_of(session)

    def make(_: int) -> bool:
        try:
            database.run(accept, token)
        except (InvitationOver, Conflict):
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(make, range(3))) == [False, False, True]
