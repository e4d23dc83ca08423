"""Requests as rows of a list: what they are called, where they stand, what was last written about them (B7, B8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import url_for

from engine.contact import appointments, notifications
from engine.contact.notifications import Notification
from engine.core.db import Session
from engine.procedures import catalogue
from engine.procedures.cases import Listed
from portal.residents.presentation import standing

# Enough for a page of requests; one that nothing was said about for so long shows no message.
_LETTERS = 200


@dataclass(frozen=True)
class Row:
    """A request in a list; `letter` is the last message about it, `appointment` when it is next met about."""

    reference: str
    title: str
    status: str
    colour: str
    at: datetime
    address: str
    draft: bool
    letter: Notification | None
    appointment: datetime | None


def of(session: Session, found: Sequence[Listed], *, with_news: bool = True) -> list[Row]:
    """The rows of these requests, in their order, in three statements at most. `with_news` is for messages and appointments."""
    definitions = catalogue.definitions(session, {case.version_id for case in found})
    letters: dict[UUID, Notification] = {}
    filed = [case.id for case in found if not case.draft] if with_news else []
    for letter in notifications.latest(session, filed, limit=_LETTERS):
        letters.setdefault(letter.case_id, letter)
    planned: dict[UUID, datetime] = {}
    for appointment, _ in appointments.coming(session, filed) if filed else ():
        planned.setdefault(appointment.case_id, appointment.starts_at)
    rows = []
    for case in found:
        definition = definitions[case.version_id]
        status, colour = standing(case, definition, waiting=case.waiting)
        rows.append(
            Row(
                reference=case.reference,
                title=definition.title,
                status=status,
                colour=colour,
                at=case.at,
                address=url_for("residents.show_case", reference=case.reference),
                draft=case.draft,
                letter=letters.get(case.id),
                appointment=planned.get(case.id),
            )
        )
    return rows
