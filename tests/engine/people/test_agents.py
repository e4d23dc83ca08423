"""The list of agents, and their accounts closed, opened again, reset (E7)."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from engine.core import audit
from engine.core.db import Session
from engine.core.errors import NotFound
from engine.people import accounts, agents, groups, places, sessions, totp
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.agents import OwnAccount
from engine.people.places import Place
from engine.people.roles import LastAdministrator
from tests.engine.people.test_totp import code_of


@pytest.fixture
def people(session: Session, sonia: Account) -> list[Account]:
    """Sonia of the roads, Paul who supervises them, Zoé who administers."""
    made = [
        sonia,
        *(
            accounts.create(session, kind="agent", login=f"{name}@exemple.fr", first_names=name, birth_name=birth_name)
            for name, birth_name in (("Paul", "Aussi"), ("Zoé", "Ailleurs"))
        ),
    ]
    for account, place in zip(
        made,
        (Place(["Voirie"]), Place(["Voirie", "Autonomie"], ["Voirie"]), Place(roles=["administrator"])),
        strict=True,
    ):
        places.put(session, account, place, who=audit.OPERATOR)
    return made


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["Zoé", "Paul", "Sonia"]),
        ({"words": "LEFEVRE son"}, ["Sonia"]),
        ({"words": "exemple.fr zoe"}, ["Zoé"]),
        ({"words": "martin"}, []),  # a resident
        ({"words": "% \x00"}, []),
        ({"group": "Voirie"}, ["Paul", "Sonia"]),
        ({"group": "Nulle part"}, []),
        ({"role": "supervisor"}, ["Paul"]),
        ({"role": "administrator"}, ["Zoé"]),
        ({"role": "administrator", "group": "Voirie"}, []),
        ({"page": 2}, []),
    ],
)
@pytest.mark.usefixtures("people", "claire")
def test_agents_are_found(session: Session, asked: dict[str, str], expected: list[str]) -> None:
    page = agents.listing(session, **asked)  # type: ignore[arg-type]
    assert [row.account.first_names for row in page.rows] == expected
    assert not page.more


def test_the_list_tells_all_in_five_statements(session: Session, people: list[Account]) -> None:
    totp.start(session, people[1])
    totp.confirm(session, people[1], code_of(session, people[1]))
    session.expire_all()
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        rows = {row.account.first_names: row for row in agents.listing(session).rows}
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(seen) <= 5
    assert rows["Paul"].groups == ["Autonomie", "Voirie"]
    assert rows["Paul"].supervises == {"Voirie"}
    assert rows["Paul"].factors == {"totp"}
    assert rows["Zoé"].roles == ["administrator"]


def test_groups_are_counted_without_closed_accounts(session: Session, people: list[Account]) -> None:
    assert [(group.name, *rest) for group, *rest in groups.sizes(session)] == [("Autonomie", 1, 0), ("Voirie", 2, 1)]
    agents.suspend(session, people[1], who=audit.OPERATOR)
    assert [(group.name, *rest) for group, *rest in groups.sizes(session)] == [("Autonomie", 0, 0), ("Voirie", 1, 0)]
    (_, voirie) = (group for group, *_ in groups.sizes(session))
    assert [row.account.first_names for row in agents.of_group(session, voirie.id)] == ["Paul", "Sonia"]


def test_a_closed_account_is_out_at_once_and_comes_back_as_it_was(session: Session, people: list[Account]) -> None:
    sonia, _, zoe = people
    who = Actor("agent", zoe.id)
    token = sessions.open(session, sonia)
    for _ in range(2):
        agents.suspend(session, sonia, who=who)
    assert sessions.resolve(session, token) is None
    for _ in range(2):
        agents.reopen(session, sonia, who=who)
    assert sessions.resolve(session, token) is None
    assert places.of(session, sonia.id).groups == {"Voirie"}
    acts = [one.action for one in audit.listing(session) if one.actor_id == zoe.id]
    assert acts == ["account.reopened", "account.suspended"]


def test_nobody_closes_or_resets_their_own_account_nor_the_last_administrators(
    session: Session, people: list[Account]
) -> None:
    sonia, _, zoe = people
    with pytest.raises(OwnAccount):
        agents.suspend(session, sonia, who=Actor("agent", sonia.id))
    with pytest.raises(OwnAccount):
        agents.reset_second_factor(session, zoe, who=Actor("agent", zoe.id))
    with pytest.raises(LastAdministrator):
        agents.suspend(session, zoe, who=audit.OPERATOR)


def test_residents_are_no_agents(session: Session, claire: Account) -> None:
    with pytest.raises(NotFound):
        agents.find(session, claire.id)
