"""How long letters are kept: a message about a request stays with the request, its copy that was mailed doesn’t (G5)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from engine.core import clock
from engine.core.db import Session
from engine.core.mail import Mail

LETTERS_KEPT = timedelta(days=90)
HELPING = 1_000


def sweep_letters(session: Session) -> bool:
    """Delete a helping of the letters written long ago, those that never left included; True when there may be more."""
    old = select(Mail.id).where(Mail.written_at <= clock.now() - LETTERS_KEPT).order_by(Mail.written_at).limit(HELPING)
    ids = list(session.scalars(old))
    session.execute(delete(Mail).where(Mail.id.in_(ids)))
    return len(ids) == HELPING
