"""Recovery codes: ten codes on paper, each good once, for the day when a telephone is lost (E7).

A code is 50 random bits. What is kept of it is an HMAC under the secret key, tied to the account.
"""

from __future__ import annotations

import secrets as random
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, secrets
from engine.core.db import Base, Session, UtcDateTime

HOW_MANY = 10
# Without those that are taken for one another: 32 signs, 5 bits each.
_SIGNS = "abcdefghjkmnpqrstuvwxyz023456789"
_HALF = 5
_PURPOSE = "recovery code"


class RecoveryCode(Base):
    """A code that was shown to its owner, once."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index("uq_recovery_code_account_id_digest", "account_id", "digest", unique=True),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def generate(session: Session, account_id: UUID) -> list[str]:
    """New codes, as their owner will read them; those before are worth nothing any more. They can't be found again."""
    forget(session, account_id)
    codes = ["".join(random.choice(_SIGNS) for _ in range(2 * _HALF)) for _ in range(HOW_MANY)]
    now = clock.now()
    session.add_all(
        RecoveryCode(account_id=account_id, digest=secrets.digest(_PURPOSE, _tied(account_id, code)), created_at=now)
        for code in codes
    )
    session.flush()
    return [f"{code[:_HALF]}-{code[_HALF:]}" for code in codes]


def use(session: Session, account_id: UUID, typed: str) -> bool:
    """Whether this is a code of the account that was not used yet; it now is."""
    code = "".join(sign for sign in typed.lower() if sign.isalnum())
    if len(code) != 2 * _HALF:
        return False
    # One UPDATE: two browsers with the same code can't both come in.
    found = session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.account_id == account_id,
            RecoveryCode.digest.in_(secrets.digests(_PURPOSE, _tied(account_id, code))),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCode.id)
    )
    return found is not None


def left(session: Session, account_id: UUID) -> int:
    """How many codes of the account are still good."""
    return (
        session.scalar(
            select(func.count())
            .select_from(RecoveryCode)
            .where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
        )
        or 0
    )


def forget(session: Session, account_id: UUID) -> None:
    """Make every code of the account worth nothing."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def _tied(account_id: UUID, code: str) -> str:
    return f"{account_id}\0{code}"
