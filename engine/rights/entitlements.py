"""Rights held by residents: parking permits (A14, C1).

The verbs that a process calls are idempotent by (case, element): the change is recorded under both, and called again they change
nothing and give the same right.
"""

from __future__ import annotations

import re
import secrets
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, Text, exists, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime, new_id
from engine.core.errors import Conflict, Invalid
from engine.rights.periods import last_day

PARKING = "stationnement-residentiel"

# How many months a right lasts unless the process says otherwise, and the prefix of its number.
_PREFIXES = {PARKING: "SR"}
MONTHS = 12
MONTHS_MAX = 120


class Entitlement(Base):
    """A right. `status`: actif or resilie; what dates tell (à venir, expiré) is worked out, never stored."""

    __tablename__ = "entitlement"
    __table_args__ = (
        Index("uq_entitlement_numero", "numero", unique=True),
        Index("ix_entitlement_account_id", "account_id"),
        CheckConstraint("starts_on <= ends_on", name="dates"),
        CheckConstraint("status IN ('actif', 'resilie')", name="status"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    numero: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    zone: Mapped[str] = mapped_column(Text)
    plate: Mapped[str] = mapped_column(Text)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revision: Mapped[int] = mapped_column(Integer)


class EntitlementChange(Base):
    """What a case did to a right, once for each element of its process."""

    __tablename__ = "entitlement_change"
    __table_args__ = (
        Index("uq_entitlement_change_case_id_element_id", "case_id", "element_id", unique=True),
        Index("ix_entitlement_change_entitlement_id", "entitlement_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entitlement_id: Mapped[UUID] = mapped_column(ForeignKey("entitlement.id", ondelete="CASCADE"))
    case_id: Mapped[UUID]
    element_id: Mapped[str] = mapped_column(Text)
    verb: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    after: Mapped[dict[str, Any]] = mapped_column(Json)


def grant(
    session: Session,
    account_id: UUID,
    *,
    zone: str,
    plate: str,
    months: int = MONTHS,
    case_id: UUID,
    element_id: str,
    starts_on: date | None = None,
    kind: str = PARKING,
) -> Entitlement:
    """A new right from `starts_on` (today) for `months`; `Conflict` when the account holds one for this vehicle."""
    if (done := _done(session, case_id, element_id)) is not None:
        return done
    first = starts_on or clock.today()
    vehicle = normal_plate(plate)
    for right in of_account(session, account_id, kind=kind):
        if right.plate == vehicle and right.status == "actif" and right.ends_on >= first:
            raise Conflict("Ce véhicule a déjà un droit en cours de validité.", numero=right.numero)
    right = add(
        session,
        account_id,
        zone=zone,
        plate=vehicle,
        starts_on=first,
        ends_on=last_day(first, _months(months)),
        kind=kind,
    )
    _note(session, right, case_id, element_id, "grant")
    return right


def renew(
    session: Session,
    right: Entitlement,
    *,
    months: int = MONTHS,
    plate: str | None = None,
    case_id: UUID,
    element_id: str,
) -> Entitlement:
    """Make the right last `months` more, from its last day or from today if that is behind, with another vehicle if given.

    `Conflict` when the right was ended.
    """
    if (done := _done(session, case_id, element_id)) is not None:
        return done
    _lock(session, right)
    today = clock.today()
    if right.ends_on < today:  # lapsed: a new period begins
        right.starts_on = first = today
    else:
        first = right.ends_on + timedelta(days=1)
    right.ends_on = last_day(first, _months(months))
    if plate:
        right.plate = normal_plate(plate)
    _note(session, right, case_id, element_id, "renew")
    return right


def change_vehicle(session: Session, right: Entitlement, *, plate: str, case_id: UUID, element_id: str) -> Entitlement:
    """Carry the right over to another vehicle, its dates unchanged; `Conflict` when the right was ended."""
    if (done := _done(session, case_id, element_id)) is not None:
        return done
    _lock(session, right)
    right.plate = normal_plate(plate)
    _note(session, right, case_id, element_id, "change_vehicle")
    return right


def end(session: Session, right: Entitlement, *, case_id: UUID, element_id: str) -> Entitlement:
    """End the right today, for good; `Conflict` when it was ended already."""
    if (done := _done(session, case_id, element_id)) is not None:
        return done
    _lock(session, right)
    right.status = "resilie"
    right.ends_on = max(min(right.ends_on, clock.today()), right.starts_on)
    _note(session, right, case_id, element_id, "end")
    return right


def add(
    session: Session,
    account_id: UUID,
    *,
    zone: str,
    plate: str,
    starts_on: date,
    ends_on: date,
    numero: str | None = None,
    kind: str = PARKING,
) -> Entitlement:
    """A right decided elsewhere (demonstration, data taken over), with its number when it has one."""
    right = Entitlement(
        id=new_id(),
        kind=kind,
        numero=numero or _new_number(session, kind),
        account_id=account_id,
        zone=_zone(zone),
        plate=normal_plate(plate),
        starts_on=starts_on,
        ends_on=ends_on,
        status="actif",
        updated_at=clock.now(),
        revision=1,
    )
    session.add(right)
    session.flush()
    return right


# --- reading ---------------------------------------------------------------------------------------------------------------


def of_account(session: Session, account_id: UUID, *, kind: str | None = None) -> list[Entitlement]:
    """The rights of an account: those that end last come first."""
    query = (
        select(Entitlement)
        .where(Entitlement.account_id == account_id)
        .order_by(Entitlement.ends_on.desc(), Entitlement.numero)
    )
    return list(session.scalars(query.where(Entitlement.kind == kind) if kind else query))


def held(session: Session, account_id: UUID, numero: str) -> Entitlement | None:
    """The right of that number when the account holds it."""
    return session.scalar(select(Entitlement).where(Entitlement.numero == numero, Entitlement.account_id == account_id))


def known(session: Session, numero: str) -> bool:
    """Whether somebody, whoever it is, holds or held the right of that number."""
    return session.scalar(select(exists().where(Entitlement.numero == numero))) or False


def state(right: Entitlement) -> str:
    """What the right is worth today: `actif`, `a_venir`, `expire` or `resilie`."""
    if right.status == "resilie":
        return "resilie"
    today = clock.today()
    if right.ends_on < today:
        return "expire"
    return "a_venir" if right.starts_on > today else "actif"


def facts(right: Entitlement) -> dict[str, Any]:
    """The right as processes and forms read it, in plain JSON."""
    return {
        "numero": right.numero,
        "zone": right.zone,
        "immatriculation": right.plate,
        "debut": right.starts_on.isoformat(),
        "fin": right.ends_on.isoformat(),
        "statut": state(right),
        "jours_avant_fin": (right.ends_on - clock.today()).days,
    }


def changes(session: Session, entitlement_id: UUID) -> list[EntitlementChange]:
    """What was done to a right, from the first to the last."""
    return list(
        session.scalars(
            select(EntitlementChange)
            .where(EntitlementChange.entitlement_id == entitlement_id)
            .order_by(EntitlementChange.at)
        )
    )


def normal_plate(text: str) -> str:
    """A registration plate as it is stored: `AB-123-CD` (since 2009), `1234 AB 75` (before), else capitals; `Invalid` if none."""
    signs = re.sub(r"[^A-Z0-9]", "", text.upper())
    if not 2 <= len(signs) <= 12:
        raise Invalid("Saisissez une immatriculation valide, par exemple AB-123-CD.", plate=text)
    if found := re.fullmatch(r"([A-Z]{2})([0-9]{3})([A-Z]{2})", signs):
        return "-".join(found.groups())
    if found := re.fullmatch(r"([0-9]{1,4})([A-Z]{2,3})(2[AB]|[0-9]{2}|97[0-9])", signs):
        return " ".join(found.groups())
    return signs


# --- inside ----------------------------------------------------------------------------------------------------------------


def _done(session: Session, case_id: UUID, element_id: str) -> Entitlement | None:
    """The right that this element of this case changed already.

    The case's row is locked by whoever runs its process: the same case never comes twice at once.
    """
    return session.scalar(
        select(Entitlement)
        .join(EntitlementChange, EntitlementChange.entitlement_id == Entitlement.id)
        .where(EntitlementChange.case_id == case_id, EntitlementChange.element_id == element_id)
    )


def _lock(session: Session, right: Entitlement) -> None:
    """Lock the right until the end of the transaction and read it again: two cases may change one right."""
    session.refresh(right, with_for_update=True)
    if right.status == "resilie":
        raise Conflict("Ce droit est résilié.", numero=right.numero)


def _note(session: Session, right: Entitlement, case_id: UUID, element_id: str, verb: str) -> None:
    now = clock.now()
    if verb != "grant":
        right.revision += 1
        right.updated_at = now
    session.add(
        EntitlementChange(
            id=new_id(),
            entitlement_id=right.id,
            case_id=case_id,
            element_id=element_id,
            verb=verb,
            at=now,
            after={name: value for name, value in facts(right).items() if name != "jours_avant_fin"},
        )
    )
    session.flush()


def _new_number(session: Session, kind: str) -> str:
    """A number that people can read over the phone, and that says nothing of how many there are."""
    while True:
        digits = f"{secrets.randbelow(10**8):08}"
        numero = f"{_PREFIXES.get(kind, 'DR')}-{digits[:4]}-{digits[4:]}"
        if session.scalar(select(Entitlement.id).where(Entitlement.numero == numero)) is None:
            return numero


def _months(months: int) -> int:
    if not 1 <= months <= MONTHS_MAX:
        raise Invalid("La durée d’un droit se compte de 1 à 120 mois.", months=months)
    return months


def _zone(zone: str) -> str:
    if not (clean := " ".join(zone.split())):
        raise Invalid("La zone de stationnement manque.")
    return clean
