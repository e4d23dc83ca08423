"""Consents: what a person agreed to or refused, in which words and when (C1).

Each choice is a record of its own that the database refuses to change: taking a consent back is one more record. A record names
the account by its id and nothing else, so that erasing the person leaves the proof without saying whose it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, Select, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Session, UtcDateTime, append_only
from engine.core.errors import Invalid

MOBILE_PAYMENT = "paiement-mobile"


@dataclass(frozen=True)
class Purpose:
    """What is asked: two exclusive choices, each with its full wording. Another wording is another `version`."""

    version: str
    title: str
    granted: str
    refused: str
    notice: str


PURPOSES: Mapping[str, Purpose] = MappingProxyType(
    {
        MOBILE_PAYMENT: Purpose(
            version="2024-09",
            title="Pour payer mon stationnement par une application mobile, je transmets mes données",
            granted=(
                "J’autorise la transmission de mes données personnelles aux prestataires PayByPhone, Flowbird, EasyPark, "
                "Indigo Neo. Ainsi je peux payer mon stationnement résidentiel via une de ces applications mobiles avec "
                "mon smartphone."
            ),
            refused=(
                "Je n’autorise pas la transmission de mes données personnelles aux prestataires PayByPhone, Flowbird, "
                "EasyPark, Indigo Neo. Je ne pourrai pas payer mon stationnement résidentiel via une de ces applications "
                "mobiles. Je pourrai payer seulement à l’horodateur."
            ),
            notice=(
                "Si vous souhaitez utiliser des applications mobiles (PayByPhone, Flowbird, EasyPark ou Indigo Neo) pour "
                "régler votre redevance de stationnement, vous devez autoriser la transmission de vos données. En cas de "
                "refus, vous devrez payer vos redevances de stationnement via un horodateur. Toute modification prend effet "
                "immédiatement."
            ),
        ),
    }
)


class Consent(Base):
    """One choice. The latest of an account for a purpose is the one in force."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_account_id_purpose_id", "account_id", "purpose", "id"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[UUID]
    purpose: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    granted: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    case_id: Mapped[UUID | None]


append_only(Consent.__table__)  # type: ignore[arg-type]


def record(session: Session, account_id: UUID, purpose: str, granted: bool, *, case_id: UUID | None = None) -> Consent:
    """The choice, in force at once. The same choice made again in the same words changes nothing and gives the first record."""
    if purpose not in PURPOSES:
        raise Invalid("Cette finalité n’est pas connue.", purpose=purpose)
    version = PURPOSES[purpose].version
    latest = current(session, account_id, purpose)
    if latest is not None and latest.granted == granted and latest.version == version:
        return latest
    consent = Consent(
        account_id=account_id, purpose=purpose, version=version, granted=granted, at=clock.now(), case_id=case_id
    )
    session.add(consent)
    session.flush()
    return consent


def current(session: Session, account_id: UUID, purpose: str) -> Consent | None:
    """The choice in force, or None when none was ever made (which is no consent)."""
    return session.scalar(_of(account_id, purpose).limit(1))


def granted(session: Session, account_id: UUID, purpose: str) -> bool:
    """Whether the person agrees today."""
    latest = current(session, account_id, purpose)
    return latest is not None and latest.granted


def history(session: Session, account_id: UUID, purpose: str) -> list[Consent]:
    """Every choice made, the latest first."""
    return list(session.scalars(_of(account_id, purpose)))


def _of(account_id: UUID, purpose: str) -> Select[Consent]:
    return (
        select(Consent).where(Consent.account_id == account_id, Consent.purpose == purpose).order_by(Consent.id.desc())
    )
