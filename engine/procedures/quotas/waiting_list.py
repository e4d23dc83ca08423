"""The waiting list of a quota: numbered, and each place that comes back is offered to the next for a limited time (A6)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from babel.dates import format_datetime
from sqlalchemy import ForeignKey, Index, Integer, Text, delete, func, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, config, jobs, mail
from engine.core.clock import PARIS
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import QuotaExhausted
from engine.procedures.quotas.quota import HELD, OFFERED, PERIODS, Quota, QuotaPlace, Rule, ensured, period_of, take_one

WAITING, TAKEN, EXPIRED, LEFT = "waiting", "taken", "expired", "left"
# How long an offered place stays somebody's.
OFFER = timedelta(days=2)
# How long whoever waits for places of a month, say, is remembered after its end: longer than any offer.
FORGOTTEN_AFTER = timedelta(days=7)
_LIVE = "status IN ('waiting', 'offered')"
_NBSP = "\N{NO-BREAK SPACE}"


class QuotaWaiting(Base):
    """Somebody on the waiting list, told by e-mail. Only the hash of their link's token is kept.

    `status`: waiting, offered (a place is theirs until `offered_until`), taken, expired, left.
    """

    __tablename__ = "quota_waiting"
    __table_args__ = (
        Index("uq_quota_waiting_quota_id_number", "quota_id", "number", unique=True),
        Index(
            "uq_quota_waiting_email",
            "quota_id",
            "email",
            unique=True,
            sqlite_where=text(_LIVE),
            postgresql_where=text(_LIVE),
        ),
        Index("ix_quota_waiting_account_id", "account_id"),
        Index("uq_quota_waiting_token_hash", "token_hash", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    quota_id: Mapped[UUID] = mapped_column(ForeignKey("quota.id"))
    number: Mapped[int] = mapped_column(Integer)
    account_id: Mapped[UUID | None]
    email: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    offered_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


def join(session: Session, rule: Rule, *, email: str, account_id: UUID | None) -> tuple[QuotaWaiting, str]:
    """Wait for a place under a number; the one who waits already under that address stays where they are.

    The second value is the token of the link in the message that says so. A place that came back meanwhile is offered at once.
    """
    quota = ensured(session, rule)
    # Locks the row: nobody gives a place back between looking and waiting.
    number = session.scalar(
        update(Quota).where(Quota.id == quota.id).values(numbers=Quota.numbers + 1).returning(Quota.numbers),
        execution_options={"synchronize_session": False},
    )
    assert number is not None  # made above, and never deleted
    token = secrets.token_urlsafe(32)
    address = email.strip()
    waiting = session.scalar(
        select(QuotaWaiting).where(
            QuotaWaiting.quota_id == quota.id,
            func.lower(QuotaWaiting.email) == address.lower(),
            QuotaWaiting.status.in_((WAITING, OFFERED)),
        )
    )
    if waiting is None:
        waiting = QuotaWaiting(
            id=new_id(),
            quota_id=quota.id,
            number=number,
            account_id=account_id,
            email=address.lower(),
            token_hash=_hash(token),
            status=WAITING,
            joined_at=clock.now(),
            offered_until=None,
        )
        session.add(waiting)
    else:
        waiting.token_hash = _hash(token)
    session.flush()
    offer(session, quota.id)
    session.refresh(waiting)
    if waiting.status == WAITING:
        _tell(session, waiting, quota, token)
    return waiting, token


def rank(session: Session, waiting: QuotaWaiting) -> int:
    """The place in the line: 1 is next."""
    before = session.scalar(
        select(func.count()).where(
            QuotaWaiting.quota_id == waiting.quota_id,
            QuotaWaiting.status == WAITING,
            QuotaWaiting.number < waiting.number,
        )
    )
    return (before or 0) + 1


def find(session: Session, procedure: str, *, account_id: UUID | None, token: str = "") -> QuotaWaiting | None:
    """Where this person stands on the lists of a procedure, an offer first: by their account, or by their link."""
    ways = []
    if account_id is not None:
        ways.append(QuotaWaiting.account_id == account_id)
    if token:
        ways.append(QuotaWaiting.token_hash == _hash(token))
    if not ways:
        return None
    return session.scalar(
        select(QuotaWaiting)
        .join(Quota, Quota.id == QuotaWaiting.quota_id)
        .where(Quota.procedure == procedure, QuotaWaiting.status.in_((WAITING, OFFERED)), or_(*ways))
        .order_by(QuotaWaiting.status, QuotaWaiting.number)
        .limit(1)
    )


def offered_to(session: Session, account_id: UUID) -> dict[str, datetime]:
    """The procedures of which a place is this account's for a while, and until when."""
    query = (
        select(Quota.procedure, QuotaWaiting.offered_until)
        .join(Quota, Quota.id == QuotaWaiting.quota_id)
        .where(QuotaWaiting.account_id == account_id, QuotaWaiting.status == OFFERED)
    )
    return {slug: until for slug, until in session.execute(query) if until is not None}


def offer(session: Session, quota_id: UUID) -> None:
    """Offer the places that are left to those who wait, in the order of their numbers."""
    while True:
        waiting = session.scalar(
            select(QuotaWaiting)
            .where(QuotaWaiting.quota_id == quota_id, QuotaWaiting.status == WAITING)
            .order_by(QuotaWaiting.number)
            .limit(1)
        )
        if waiting is None:
            return
        try:
            take_one(session, quota_id)
        except QuotaExhausted:
            return
        _offer_to(session, waiting)


def accept(session: Session, waiting: QuotaWaiting, case_id: UUID, until: datetime) -> bool:
    """The offered place becomes the request's, held until then; False when the offer ran out meanwhile."""
    place = session.scalar(
        update(QuotaPlace)
        .where(QuotaPlace.waiting_id == waiting.id, QuotaPlace.status == OFFERED)
        .values(case_id=case_id, waiting_id=None, status=HELD, held_until=until)
        .returning(QuotaPlace.id),
        execution_options={"synchronize_session": False},
    )
    if place is None:
        return False
    waiting.status, waiting.offered_until = TAKEN, None
    session.flush()
    jobs.promise(session, "release_place", due_at=until, key=f"place:{place}", place_id=str(place))
    return True


def leave(session: Session, waiting: QuotaWaiting) -> UUID | None:
    """Wait no longer. The id of the place that was offered, for who gives it back; None when there was none."""
    place = session.scalar(select(QuotaPlace.id).where(QuotaPlace.waiting_id == waiting.id))
    waiting.status, waiting.offered_until = LEFT, None
    session.flush()
    return place


def expire(session: Session, waiting_id: UUID) -> None:
    """The offer ran out: whoever still wants a place joins again."""
    session.execute(
        update(QuotaWaiting)
        .where(QuotaWaiting.id == waiting_id, QuotaWaiting.status == OFFERED)
        .values(status=EXPIRED, offered_until=None),
        execution_options={"synchronize_session": "fetch"},
    )


def forget_over(session: Session, most: int) -> bool:
    """Delete at most so many rows that serve nobody any more, addresses and all: of who took the place that was offered, let it
    pass or left the list, and of who waits for a time that was over `FORGOTTEN_AFTER` ago. True when there may be more."""
    day = clock.today() - FORGOTTEN_AFTER
    # Names of periods of one kind are as long as each other, and in the order of the calendar.
    names = [period_of(kind, day) for kind in PERIODS]
    past = or_(*((func.length(Quota.period) == len(name)) & (Quota.period < name) for name in names))
    over = QuotaWaiting.status.in_((TAKEN, EXPIRED, LEFT)) | QuotaWaiting.quota_id.in_(select(Quota.id).where(past))
    ids = list(session.scalars(select(QuotaWaiting.id).where(over).limit(most)))
    session.execute(
        delete(QuotaWaiting).where(QuotaWaiting.id.in_(ids)), execution_options={"synchronize_session": "fetch"}
    )
    return len(ids) == most


def _offer_to(session: Session, waiting: QuotaWaiting) -> None:
    now, token = clock.now(), secrets.token_urlsafe(32)
    waiting.status, waiting.offered_until, waiting.token_hash = OFFERED, now + OFFER, _hash(token)
    place = QuotaPlace(
        id=new_id(),
        quota_id=waiting.quota_id,
        case_id=None,
        element_id="",
        waiting_id=waiting.id,
        status=OFFERED,
        held_until=waiting.offered_until,
        prolonged=0,
        taken_at=now,
    )
    session.add(place)
    session.flush()
    jobs.promise(
        session, "release_place", due_at=waiting.offered_until, key=f"place:{place.id}", place_id=str(place.id)
    )
    quota = session.get_one(Quota, waiting.quota_id)
    _tell(session, waiting, quota, token)


def _tell(session: Session, waiting: QuotaWaiting, quota: Quota, token: str) -> None:
    """Where they stand, by e-mail, with the link that proves who they are."""
    # The catalogue knows the operations, and one of them holds places: it can't be imported above.
    from engine.procedures.catalogue import Procedure

    procedure = session.get(Procedure, quota.procedure)
    title = procedure.title if procedure is not None else quota.procedure
    settings = config.current()
    link = f"{settings.public_url}/demarches/{quota.procedure}?place={token}"
    if waiting.offered_until is not None:
        until = format_datetime(
            waiting.offered_until.astimezone(PARIS), f"d MMMM y 'à' HH'{_NBSP}h{_NBSP}'mm", locale="fr"
        )
        name, subject = "liste-attente-offre", f"Une place vous est proposée{_NBSP}: {title}"
        said = (
            f"Une place s’est libérée pour «{_NBSP}{title}{_NBSP}». Elle vous est gardée jusqu’au {until}\u202f; "
            f"passé ce délai, elle est proposée à la personne suivante.\n\nFaire ma demande{_NBSP}:\n{link}"
        )
    else:
        name, subject = "liste-attente", f"Vous êtes sur la liste d’attente{_NBSP}: {title}"
        said = (
            f"Vous êtes sur la liste d’attente de «{_NBSP}{title}{_NBSP}», avec le numéro {waiting.number}. "
            "Dès qu’une place se libère, elle est proposée à la première personne de la liste, pendant deux jours\u202f: "
            f"un courriel vous préviendra.\n\nVoir où j’en suis, ou quitter la liste{_NBSP}:\n{link}"
        )
    mail.write(
        session,
        to=waiting.email,
        subject=subject,
        text=f"Bonjour,\n\n{said}\nCe lien est personnel{_NBSP}: ne le transmettez pas.\n\n{settings.city.name}\n\n"
        "Ceci est un courriel automatisé, merci de ne pas y répondre.",
        name=name,
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
