"""Groups, supervision and roles of an agent, changed as one and audited one by one (E5, E7, G5)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from engine.core import audit
from engine.core.db import Database, Session
from engine.core.errors import Invalid
from engine.people import accounts, places, roles, sessions
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.places import Place
from engine.people.roles import LastAdministrator

FULL = Place(["Autonomie", "Voirie"], ["Voirie"], ["analyst"])


def test_the_actor_has_the_place(session: Session, sonia: Account) -> None:
    places.put(session, sonia, FULL, who=audit.OPERATOR)
    actor = sessions.resolve(session, sessions.open(session, sonia))
    assert actor is not None
    assert actor.groups == {"Autonomie", "Voirie"}
    assert actor.supervises == {"Voirie"}
    assert actor.roles == {"agent", "supervisor", "analyst"}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(), {"agent"}),
        (Place(roles=["administrator"]), {"administrator"}),
        (Place(roles=["administrator", "analyst"]), {"administrator", "analyst"}),
        (Place(["Voirie"], roles=["administrator"]), {"agent", "administrator"}),
    ],
)
def test_who_has_another_role_works_in_queues_only_with_a_group(
    session: Session, sonia: Account, place: Place, expected: set[str]
) -> None:
    """An administrator or an analyst reads no request for being one."""
    places.put(session, sonia, place, who=audit.OPERATOR)
    actor = sessions.resolve(session, sessions.open(session, sonia))
    assert actor is not None
    assert actor.roles == expected


def test_a_resident_has_no_role(session: Session, claire: Account) -> None:
    actor = sessions.resolve(session, sessions.open(session, claire))
    assert actor is not None
    assert actor.roles == frozenset()
    with pytest.raises(Invalid):
        places.put(session, claire, Place(roles=["administrator"]), who=audit.OPERATOR)


@pytest.mark.parametrize("place", [Place(roles=["root"]), Place(["Voirie"], ["Autonomie"]), Place(["Usager"])])
def test_what_is_no_place_is_refused_and_changes_nothing(session: Session, sonia: Account, place: Place) -> None:
    places.put(session, sonia, FULL, who=audit.OPERATOR)
    with pytest.raises(Invalid), session.begin_nested():
        places.put(session, sonia, place, who=audit.OPERATOR)
    assert places.of(session, sonia.id) == Place(
        frozenset(FULL.groups), frozenset(FULL.supervises), frozenset(FULL.roles)
    )


def test_each_change_is_audited_by_who_made_it(session: Session, sonia: Account, claire: Account) -> None:
    who = Actor("agent", claire.id)
    places.put(session, sonia, FULL, who=who)
    places.put(session, sonia, Place(["Autonomie"], (), ["administrator"]), who=who)
    entries = [one for one in reversed(audit.listing(session)) if one.action.startswith("account.role_")]
    assert {(one.actor_id, one.object_id) for one in entries} == {(claire.id, str(sonia.id))}
    told = [(one.action.removeprefix("account.role_"), one.facts["role"]) for one in entries]
    assert told == [
        ("given", "analyst"),
        ("given", "agent"),
        ("given", "agent"),
        ("given", "supervisor"),
        ("given", "administrator"),
        ("taken", "analyst"),
        ("taken", "agent"),
        ("taken", "supervisor"),
    ]
    # Names of groups are not for the audit: their ids are.
    assert all(UUID(one.facts["group"]) for one in entries if one.facts["group"])


def test_a_change_of_role_ends_the_sessions_and_a_change_of_group_does_not(session: Session, sonia: Account) -> None:
    token = sessions.open(session, sonia)
    places.put(session, sonia, Place(["Voirie"]), who=audit.OPERATOR)
    assert sessions.resolve(session, token) is not None
    places.put(session, sonia, Place(["Voirie"], ["Voirie"]), who=audit.OPERATOR)
    assert sessions.resolve(session, token) is None


def test_the_last_administrator_stays(session: Session, sonia: Account) -> None:
    places.put(session, sonia, Place(roles=["administrator"]), who=audit.OPERATOR)
    with pytest.raises(LastAdministrator):
        places.put(session, sonia, Place(), who=audit.OPERATOR)
    with pytest.raises(LastAdministrator):
        roles.check_replaceable(session, sonia)
    paul = accounts.create(session, kind="agent", login="p@exemple.fr", first_names="Paul", birth_name="Aussi")
    places.put(session, paul, Place(roles=["administrator"]), who=audit.OPERATOR)
    roles.check_replaceable(session, sonia)
    # Whose account is closed looks after nothing.
    accounts.deactivate(session, paul)
    with pytest.raises(LastAdministrator):
        places.put(session, sonia, Place(), who=audit.OPERATOR)


def test_two_administrators_who_remove_one_another_leave_one(database: Database) -> None:
    with database.transaction() as session:
        two = [
            accounts.create(session, kind="agent", login=f"{name}@exemple.fr", first_names=name, birth_name="Aussi").id
            for name in ("un", "deux")
        ]
        for one in two:
            places.put(session, accounts.find(session, one), Place(roles=["administrator"]), who=audit.OPERATOR)

    def remove(one: UUID) -> bool:
        def put(session: Session) -> None:
            places.put(session, accounts.find(session, one), Place(), who=audit.OPERATOR)

        try:
            database.run(put)
        except LastAdministrator:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, two)) == [False, True]
