"""One request a person, where a procedure takes no more: its property `once` (A6).

`running`: as long as one is being treated. `day`, `week`, `month`, `year`: nor when one filed in the same period of the calendar
ended well; who was refused, gave up or cancelled may ask again.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from engine.core import clock
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.core.errors import AlreadyRequested
from engine.people import accounts
from engine.procedures import catalogue, quotas
from engine.procedures.cases.appointments import IN_VAIN
from engine.procedures.cases.case import Case
from engine.procedures.catalogue import Definition

PROPERTY = "once"


def former(session: Session, account_id: UUID | None, definition: Definition) -> Case | None:
    """The filed request of this account that stands in the way of another one, if any."""
    rule = definition.properties.get(PROPERTY)
    if rule is None or account_id is None:
        return None
    filed = session.scalars(
        select(Case)
        .where(
            Case.account_id == account_id,
            Case.procedure == definition.slug,
            Case.status.in_(("filed", "closed")),
        )
        .order_by(Case.opened_at.desc())
    )
    return next((case for case in filed if _counts(session, case, rule)), None)


def refuse_another(session: Session, case: Case, definition: Definition) -> None:
    """`AlreadyRequested` when another request of the same person stands in the way of this one being filed."""
    if PROPERTY not in definition.properties or case.account_id is None:
        return
    # Two that are filed at once look at each other.
    session.execute(select(accounts.Account.id).where(accounts.Account.id == case.account_id).with_for_update())
    other = former(session, case.account_id, definition)
    if other is not None:
        raise AlreadyRequested(reference=other.reference)


def _counts(session: Session, case: Case, rule: str) -> bool:
    if case.status == "filed":
        return True
    if rule == "running" or case.filed_at is None:
        return False
    day = case.filed_at.astimezone(PARIS).date()
    if quotas.period_of(rule, day) != quotas.period_of(rule, clock.today()):
        return False
    end = catalogue.definition(session, case.version_id).process.elements.get(case.end_element or "")
    return end is None or end.properties.get("outcome") not in IN_VAIN
