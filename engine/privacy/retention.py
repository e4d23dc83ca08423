"""How long is kept what nobody deletes: copies of letters that were sent, and who stood on a waiting list (B16, G5).

A message about a request stays with the request, its copy that was mailed doesn’t.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from engine.contact.sms import Sms
from engine.core import clock
from engine.core.db import Session
from engine.core.mail import Mail
from engine.procedures import quotas

LETTERS_KEPT = timedelta(days=90)
HELPING = 1_000


def sweep_letters(session: Session) -> bool:
    """Delete a helping of the letters and text messages written long ago, sent or not; True when there may be more."""
    before = clock.now() - LETTERS_KEPT
    more = False
    for table in (Mail, Sms):
        old = select(table.id).where(table.written_at <= before).order_by(table.written_at).limit(HELPING)
        ids = list(session.scalars(old))
        session.execute(delete(table).where(table.id.in_(ids)))
        more = more or len(ids) == HELPING
    return more


def sweep_waiting_lists(session: Session) -> bool:
    """Delete a helping of those who wait no longer, most of whom have no account that would be deleted with it; True when there
    may be more."""
    return quotas.forget_over(session, HELPING)
