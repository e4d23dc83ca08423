"""The terms of use and the privacy policy: which texts are in force, and the proof that a person accepted them (B1, D6).

A text that changes is another version (`engine.core.texts`), in force from its own day on; what was accepted stays accepted under
its own version. A proof names the account by its id and nothing else: it outlives the person without saying whose it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, texts
from engine.core.db import Base, Session, UtcDateTime, append_only
from engine.core.errors import Conflict

TERMS = "conditions-generales"
PRIVACY = "donnees-personnelles"
ACCEPTED = (TERMS, PRIVACY)


class Acceptance(Base):
    """A text accepted by an account, in one version; the database refuses to change it."""

    __tablename__ = "terms_acceptance"
    __table_args__ = (Index("ix_terms_acceptance_account_id", "account_id"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[UUID]
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Of the words accepted, in hexadecimal: a version whose file was changed afterwards is found out.
    digest: Mapped[str | None] = mapped_column(Text)


append_only(Acceptance.__table__)  # type: ignore[arg-type]


def in_force() -> dict[str, texts.Text]:
    """Each text as it holds today."""
    return {name: texts.in_force(name) for name in ACCEPTED}


def versions() -> dict[str, str]:
    """The version of each text in force: what a person who ticks the box has before their eyes."""
    return {name: text.version for name, text in in_force().items()}


def check(seen: Mapping[str, str]) -> None:
    """`Conflict` when the texts that a person read (`versions`) are no longer those in force."""
    if dict(seen) != versions():
        raise Conflict("Les conditions d’utilisation viennent de changer\u00a0: relisez-les avant de continuer.")


def accept(session: Session, account_id: UUID, read: Mapping[str, str], *, at: datetime | None = None) -> None:
    """Record that the account accepted these texts in these versions, now or when it did (`at`)."""
    for text, version in read.items():
        digest = next((one.digest for one in texts.versions(text) if one.version == version), None)
        session.add(
            Acceptance(account_id=account_id, text=text, version=version, accepted_at=at or clock.now(), digest=digest)
        )
    session.flush()


def accepted(session: Session, account_id: UUID) -> list[Acceptance]:
    """What the account accepted, the latest first."""
    return list(
        session.scalars(select(Acceptance).where(Acceptance.account_id == account_id).order_by(Acceptance.id.desc()))
    )


def to_accept(session: Session, account_id: UUID) -> list[texts.Text]:
    """The texts in force that the account hasn't accepted in their present version."""
    known = {(one.text, one.version) for one in accepted(session, account_id)}
    return [text for name, text in in_force().items() if (name, text.version) not in known]
