"""Four-digit codes that prove an e-mail address (B4, A15).

Four digits are 13 bits: a code proves that someone reads a mailbox and never signs anyone in. It is bound to what it is for,
to whom and to the address, lasts 10 minutes, allows 3 tries, serves once, and a new one kills the one before.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Index, Integer, Text, and_, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, config, mail, secrets
from engine.core.db import Base, Session, UtcDateTime
from engine.people import accounts

VALID_FOR = timedelta(minutes=10)
TRIES = 3
# Each code gives 3 chances in 10,000: 5 a day keep a stranger under 1 in 600, and a clumsy resident out of trouble.
CODES_A_DAY = 5
_DAY = timedelta(days=1)


class VerificationCode(Base):
    """A code sent. `purpose` and `subject` say what it is for (`creation-compte`, a case's id); the code itself isn't kept."""

    __tablename__ = "verification_code"
    __table_args__ = (
        Index("ix_verification_code_purpose_subject_id", "purpose", "subject", "id"),
        Index("ix_verification_code_recipient", "recipient"),
        Index("ix_verification_code_issued_at", "issued_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries_left: Mapped[int] = mapped_column(Integer)


@dataclass(frozen=True)
class Verdict:
    """What a try gave. `proved` is the address that a right code proves; `expired` tells a code that came too late (or none)
    from a wrong one."""

    valid: bool
    tries_left: int
    expired: bool
    proved: str | None = None


@dataclass(frozen=True)
class Letter:
    """What is written to the person. `name` is how the outbox knows it."""

    subject: str
    text: str
    name: str


def issue(
    session: Session,
    purpose: str,
    subject: str,
    to: str,
    *,
    case_id: UUID | None = None,
    letter: Callable[[str], Letter] | None = None,
    decoy: bool = False,
) -> bool:
    """Send a new code to `to` and kill the one before; False, and nothing is sent, when too many were asked for today.

    `letter` writes the message around the code. With `decoy` no code is right and the letter gets an empty one: who asked may
    not learn that this address can't be proved (it has an account), and its owner reads about it.
    """
    address = accounts.email(to)
    recipient = address.lower()
    now = clock.now()
    session.execute(delete(VerificationCode).where(VerificationCode.issued_at <= now - _DAY))
    asked = session.scalar(
        select(func.count(VerificationCode.id)).where(
            or_(VerificationCode.recipient == recipient, _for(purpose, subject))
        )
    )
    if (asked or 0) >= CODES_A_DAY:
        return False
    session.execute(update(VerificationCode).where(_for(purpose, subject)).values(tries_left=0))
    code = "" if decoy else f"{random.randbelow(10_000):04}"
    session.add(
        VerificationCode(
            purpose=purpose,
            subject=subject,
            recipient=recipient,
            # Nobody types this: a decoy is refused as a wrong code is, and counted as one.
            digest=secrets.digest(_KEY, _message(purpose, subject, code or random.token_hex(32))),
            issued_at=now,
            expires_at=now + VALID_FOR,
            tries_left=TRIES,
        )
    )
    written = letter(code) if letter else Letter("Votre code de validation", _text(code), "code-validation")
    mail.write(session, to=address, subject=written.subject, text=written.text, case_id=case_id, name=written.name)
    session.flush()
    return True


def verify(session: Session, purpose: str, subject: str, code: str, *, to: str | None = None) -> Verdict:
    """Try a code. A wrong one costs a try, a right one is used up. With `to`, only a code sent to that address is right.

    The caller lets the transaction commit whatever the verdict: rolled back, a wrong try would cost nothing.
    """
    now = clock.now()
    latest = session.execute(
        select(VerificationCode.id, VerificationCode.recipient, VerificationCode.digest, VerificationCode.expires_at)
        .where(_for(purpose, subject))
        .order_by(VerificationCode.id.desc())
        .limit(1)
    ).first()
    if latest is None or latest.expires_at <= now:
        return Verdict(valid=False, tries_left=0, expired=True)
    # Paid before it is compared: tries sent all at once cost one each.
    left = session.scalar(
        update(VerificationCode)
        .where(VerificationCode.id == latest.id, VerificationCode.tries_left > 0)
        .values(tries_left=VerificationCode.tries_left - 1)
        .returning(VerificationCode.tries_left)
    )
    if left is None:
        return Verdict(valid=False, tries_left=0, expired=False)
    typed = "".join(code.split())
    elsewhere = to is not None and to.strip().lower() != latest.recipient
    if elsewhere or not secrets.matches(_KEY, _message(purpose, subject, typed), latest.digest):
        return Verdict(valid=False, tries_left=left, expired=False)
    session.execute(update(VerificationCode).where(VerificationCode.id == latest.id).values(tries_left=0))
    return Verdict(valid=True, tries_left=0, expired=False, proved=latest.recipient)


def _for(purpose: str, subject: str) -> ColumnElement[bool]:
    return and_(VerificationCode.purpose == purpose, VerificationCode.subject == subject)


# Kept under a secret key: of ten thousand codes, a reader of the table would try them all in a blink.
_KEY = "verification code"


def _message(purpose: str, subject: str, code: str) -> str:
    return "\0".join((purpose, subject, code))


def _text(code: str) -> str:
    city = config.current().city
    return f"""Bonjour,

Pour finaliser votre demande, vous devez utiliser le code de validation à 4 chiffres ci-dessous\u00a0:

{code}

Ce code est valable pendant 10 minutes. Passé ce délai, vous devrez demander l’envoi d’un nouveau code.

Si vous n’êtes pas à l’origine de cette demande, ne tenez pas compte de ce message\u00a0: rien ne sera modifié.

L’équipe {city.space_name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
