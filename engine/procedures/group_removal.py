"""Removing a group of agents that was opened by mistake, as a lane misspelt once leaves one (E7, F2)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from engine.contact import appointments
from engine.core import audit
from engine.core.db import Session
from engine.core.errors import Conflict
from engine.people import groups, invitations
from engine.people.groups import Group
from engine.procedures import catalogue
from engine.procedures.cases.case import Case
from engine.procedures.catalogue import Version


class GroupInUse(Conflict):
    """Somebody is in the group, or work goes to it."""


def removable(session: Session, group_id: UUID) -> GroupInUse | None:
    """Why the group can't be removed now; None when it can."""
    group = groups.find(session, group_id)
    if count := groups.count_members(session, group_id):
        many = "agents sont" if count > 1 else "agent est"
        return GroupInUse(
            f"{count} {many} de ce groupe, comptes fermés compris\u00a0: retirez-les d’abord.",
            english=f"agents in the group «{group.name}», closed accounts included: {count}",
        )
    if any(group.name in one.groups for one in invitations.unanswered(session)):
        return GroupInUse(
            "Une invitation qui attend sa réponse donne ce groupe\u00a0: annulez-la d’abord.",
            english=f"an invitation that waits gives the group «{group.name}»",
        )
    if agenda := next(iter(appointments.of_groups(session, {group.name})), None):
        return GroupInUse(
            f"L’agenda «\u00a0{agenda.place}\u00a0» est celui de ce groupe.",
            english=f"the agenda {agenda.code} is the group’s",
        )
    for one in catalogue.published(session):
        assert one.version_id is not None  # only published ones
        if group.name in catalogue.definition(session, one.version_id).groups:
            return GroupInUse(
                f"La démarche «\u00a0{one.title}\u00a0» donne du travail à ce groupe.",
                english=f"the procedure {one.slug} gives work to the group «{group.name}»",
            )
    for definition in catalogue.definitions(session, _worked_on(session)).values():
        if group.name in definition.groups:
            return GroupInUse(
                f"Des demandes en cours suivent la version {definition.number} de la démarche «\u00a0{definition.title}\u00a0», "
                "qui donne du travail à ce groupe.",
                english=f"requests run on version {definition.number} of {definition.slug}, which gives work to the group",
            )
    return None


def remove(session: Session, group_id: UUID, *, who: audit.Who) -> Group:
    """Remove the group, or raise `GroupInUse` with the reason."""
    # Publishing opens the groups of its lanes: one or the other comes first.
    catalogue.wait_for_others(session)
    if refusal := removable(session, group_id):
        raise refusal
    group = groups.find(session, group_id)
    session.delete(group)
    session.flush()
    audit.record(session, who, "group.removed", "group", group_id)
    return group


def _worked_on(session: Session) -> set[UUID]:
    """The versions that requests or drafts run on."""
    running = select(Case.id).where(Case.version_id == Version.id, Case.status.in_(("filed", "draft"))).exists()
    return set(session.scalars(select(Version.id).where(running)))
