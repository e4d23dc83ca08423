"""Groups of agents: E1."""

from __future__ import annotations

import pytest

from engine.core.db import Session
from engine.core.errors import Invalid, NotFound
from engine.people import accounts, groups
from engine.people.accounts import Account


def test_an_agent_is_a_member_of_exactly_the_groups_assigned(session: Session, sonia: Account) -> None:
    groups.assign(session, sonia, ["Stationnement  résidentiel", "Autonomie"])
    assert groups.of(session, sonia.id) == {"Stationnement résidentiel", "Autonomie"}
    groups.assign(session, sonia, ["Autonomie", "Autonomie", "Propreté"])
    assert groups.of(session, sonia.id) == {"Autonomie", "Propreté"}
    assert groups.names(session) == ["Autonomie", "Propreté", "Stationnement résidentiel"]
    groups.assign(session, sonia, [])
    assert groups.of(session, sonia.id) == frozenset()


def test_members_are_the_active_agents(session: Session, sonia: Account) -> None:
    groups.assign(session, sonia, ["Autonomie"])
    assert groups.members(session, "Autonomie") == [sonia]
    accounts.deactivate(session, sonia)
    assert groups.members(session, "Autonomie") == []
    with pytest.raises(NotFound):
        groups.members(session, "Voirie")


def test_a_resident_is_of_no_group(session: Session, claire: Account) -> None:
    with pytest.raises(Invalid):
        groups.assign(session, claire, ["Autonomie"])


@pytest.mark.parametrize("name", ["", "  ", "Usager", "usager "])
def test_a_group_may_not_be_nameless_nor_take_the_name_of_the_residents_lane(session: Session, name: str) -> None:
    with pytest.raises(Invalid):
        groups.ensure(session, name)
