"""What is told about a request outside of its moves: reminders, offers, and what was held to leave together (D3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.contact import notifications as contact
from engine.core import clock, logs
from engine.core.db import Session
from engine.people.actors import SYSTEM
from engine.procedures import catalogue, history, notifications
from engine.procedures.cases.case import Case, reserved
from engine.procedures.cases.finding import locked, tracking_address


def notify(
    session: Session,
    case_id: UUID,
    name: str,
    *,
    values: Mapping[str, Any] | None = None,
    key: str | None = None,
    until: datetime | None = None,
    tab: str | None = None,
) -> bool:
    """Tell the person behind a request the message `name`, in the words of its procedure; False when it isn't told.

    With `key` it is told once, whoever asks and however often. After `until` it isn't told any more: a reminder of what is over
    says nothing. `values` are lent to its placeholders, `tab` is the tab of the tracking that it leads to.

    From a room below the procedures, promise the job: `jobs.promise(session, "notify", due_at=…, key=…, of_case=str(case_id),
    name=…, values=…, once=…, until=….isoformat(), tab=…)`.
    """
    if until is not None and clock.now() >= until:
        return False
    case = locked(session, case_id)
    if case is None:
        return False
    logs.about(case.reference)
    return told(session, case, name, values=values, key=key, tab=tab)


def told(
    session: Session,
    case: Case,
    name: str,
    *,
    values: Mapping[str, Any] | None = None,
    key: str | None = None,
    tab: str | None = None,
    reply_to: str | None = None,
) -> bool:
    """The same for who holds the request's row."""
    if key is not None and contact.was_told(session, key):
        return False
    definition = catalogue.definition(session, case.version_id)
    notifications.tell(
        session,
        case,
        definition,
        name,
        names={**case.document, **reserved(case), **(values or {})},
        follow=lambda: tracking_address(session, case, tab),
        key=key,
        reply_to=reply_to,
    )
    history.record(session, [history.row(case.id, "notified", SYSTEM, data={"name": name})])
    return True


def tell_otherwise(session: Session, sms_id: UUID) -> int:
    """Say another way what a number that is no good wasn't told; how many things. A second time says nothing."""
    several = contact.of_sms(session, sms_id)
    case = locked(session, several[0].case_id) if several else None
    if case is None or several[0].channel != contact.SMS:
        return 0
    logs.about(case.reference)
    definition = catalogue.definition(session, case.version_id)
    to = notifications.addressee(session, case, definition, lambda: tracking_address(session, case))
    contact.leave_otherwise(session, to, several)
    return len(several)


def send_digest(session: Session, case_id: UUID) -> int:
    """Send what was held about a request, as one message; how many things it says."""
    case = locked(session, case_id)
    if case is None:
        return 0
    logs.about(case.reference)
    definition = catalogue.definition(session, case.version_id)
    to = notifications.addressee(session, case, definition, lambda: tracking_address(session, case))
    return contact.leave_together(session, to)
