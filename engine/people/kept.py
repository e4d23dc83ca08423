"""What someone had typed when their session turned out to be over: kept for an hour, given back once they are signed in (A3)."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, Text, delete
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime
from engine.core.errors import TooLarge

KEPT_FOR = timedelta(hours=1)
BYTES_MAX = 200_000


class KeptForm(Base):
    """The fields of one form, under the hash of a random token that only the person's browser holds."""

    __tablename__ = "kept_form"
    __table_args__ = (Index("ix_kept_form_expires_at", "expires_at"),)

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[UUID | None]
    path: Mapped[str] = mapped_column(Text)
    fields: Mapped[list[list[str]]] = mapped_column(Json)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Kept:
    """What was typed (names and values in their order) and the page that it was typed on."""

    path: str
    fields: list[tuple[str, str]]


def keep(session: Session, *, path: str, fields: Mapping[str, Sequence[str]], account_id: UUID | None = None) -> str:
    """Keep the fields and return the token, or raise `TooLarge`. With `account_id` (the owner of the session that is over,
    `sessions.account_of_expired`) they go to that account only."""
    pairs = [[name, value] for name, values in fields.items() for value in values]
    if len(json.dumps(pairs)) + len(path) > BYTES_MAX:
        raise TooLarge
    now = clock.now()
    session.execute(delete(KeptForm).where(KeptForm.expires_at <= now))
    token = secrets.token_urlsafe(32)
    session.add(
        KeptForm(token_hash=_hash(token), account_id=account_id, path=path, fields=pairs, expires_at=now + KEPT_FOR)
    )
    session.flush()
    return token


def pop(session: Session, token: str, *, path: str, account_id: UUID | None = None) -> Kept | None:
    """What was kept under this token for this page and this person, and forget it; None when there is nothing (any more)."""
    found = session.get(KeptForm, _hash(token))
    if found is None or found.expires_at <= clock.now() or found.path != path:
        return None
    if found.account_id not in (None, account_id):
        return None
    session.delete(found)
    session.flush()
    return Kept(found.path, [(name, value) for name, value in found.fields])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
