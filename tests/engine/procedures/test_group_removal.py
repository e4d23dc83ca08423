"""A group opened by mistake is removed; one that anything uses is not, and the reason is said (E7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.bpmn.model import Source
from engine.contact import appointments
from engine.core import audit
from engine.core.db import Session
from engine.core.errors import NotFound
from engine.people import accounts, groups, invitations
from engine.people.actors import Actor
from engine.people.places import Place
from engine.procedures import cases, catalogue, group_removal
from engine.procedures.group_removal import GroupInUse
from tests.engine.procedures.conftest import FOLDER


def refusal(session: Session, name: str) -> str:
    group_id = groups.ensure(session, name).id
    with pytest.raises(GroupInUse) as refused:
        group_removal.remove(session, group_id, who=audit.OPERATOR)
    return refused.value.message


def test_a_group_that_nothing_uses_goes(session: Session, essai: str) -> None:
    mistaken = groups.ensure(session, "Stationement")
    group_removal.remove(session, mistaken.id, who=audit.OPERATOR)
    assert groups.names(session) == ["Instruction"]
    assert audit.listing(session)[0].action == "group.removed"
    with pytest.raises(NotFound):
        group_removal.remove(session, mistaken.id, who=audit.OPERATOR)


def _member(session: Session) -> None:
    account = accounts.create(session, login="a@exemple.fr", first_names="A", birth_name="B", kind="agent")
    groups.assign(session, account, ["Voirie"])
    account.active = False


def _invited(session: Session) -> None:
    invitations.invite(session, "b@exemple.fr", Place(["Voirie"]), who=audit.OPERATOR)


def _agenda(session: Session) -> None:
    opening = appointments.Opening(1, 540, 720)
    appointments.save(session, appointments.Wish("a", "essai", "Voirie", "Mairie", "1 place", (opening,)))


@pytest.mark.parametrize(
    ("use", "said"),
    [(_member, "1 agent est de ce groupe"), (_invited, "invitation"), (_agenda, "L’agenda «\u00a0Mairie")],
)
def test_a_group_that_is_used_stays(session: Session, use: Callable[[Session], None], said: str) -> None:
    use(session)
    assert said in refusal(session, "Voirie")


def test_a_group_of_a_lane_stays_as_long_as_anything_follows_it(session: Session, essai: str, resident: Actor) -> None:
    """Of a published version; of a former one as long as requests run on it."""
    assert "La démarche" in refusal(session, "Instruction")
    case, _ = cases.open_draft(session, essai, resident)
    [sources] = catalogue.read_folder(FOLDER)
    text = sources.bpmn.content.replace(b'name="Instruction"', b'name="Autre groupe"')
    catalogue.deploy(session, replace(sources, bpmn=Source(sources.bpmn.name, text)))
    assert "version 1" in refusal(session, "Instruction")
    cases.cancel(session, case, resident)
    group_removal.remove(session, groups.ensure(session, "Instruction").id, who=audit.OPERATOR)
    assert groups.names(session) == ["Autre groupe"]
