"""Places: taken when the resident starts, held while they fill in, kept when they file, given back otherwise (A6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update

from engine.core import clock, jobs
from engine.core.db import Session, new_id
from engine.core.errors import Invalid, NotFound
from engine.procedures.quotas import waiting_list
from engine.procedures.quotas.quota import HELD, KEPT, LAPSED, OFFERED, Quota, QuotaPlace, Rule, ensured, take_one
from engine.procedures.quotas.waiting_list import WAITING, QuotaWaiting

CAPACITY_MAX = 1_000_000


def places_of(session: Session, case_id: UUID) -> list[QuotaPlace]:
    """The places that a request holds or keeps."""
    return list(
        session.scalars(
            select(QuotaPlace)
            .where(QuotaPlace.case_id == case_id)
            .order_by(QuotaPlace.element_id)
            .execution_options(populate_existing=True)
        )
    )


@dataclass(frozen=True)
class Standing:
    """A quota as agents see it."""

    quota: Quota
    held: int
    kept: int
    offered: int
    waiting: int


def standings(session: Session, procedures: Iterable[str]) -> list[Standing]:
    """The quotas of these procedures that were ever asked for, the latest period first."""
    quotas = list(
        session.scalars(
            select(Quota)
            .where(Quota.procedure.in_(sorted(procedures)))
            .order_by(Quota.procedure, Quota.name, Quota.period.desc(), Quota.share)
        )
    )
    ids = [quota.id for quota in quotas]
    places = {
        (quota_id, status): number
        for quota_id, status, number in session.execute(
            select(QuotaPlace.quota_id, QuotaPlace.status, func.count())
            .where(QuotaPlace.quota_id.in_(ids))
            .group_by(QuotaPlace.quota_id, QuotaPlace.status)
        )
    }
    waiting = {
        row[0]: row[1]
        for row in session.execute(
            select(QuotaWaiting.quota_id, func.count())
            .where(QuotaWaiting.quota_id.in_(ids), QuotaWaiting.status == WAITING)
            .group_by(QuotaWaiting.quota_id)
        )
    }
    return [
        Standing(
            quota,
            places.get((quota.id, HELD), 0),
            places.get((quota.id, KEPT), 0),
            places.get((quota.id, OFFERED), 0),
            waiting.get(quota.id, 0),
        )
        for quota in quotas
    ]


# --- taking ----------------------------------------


def hold(
    session: Session, rule: Rule, case_id: UUID, element_id: str = "", *, until: datetime | None = None
) -> QuotaPlace:
    """Take a place for a request, held until then (kept when None), or raise `QuotaExhausted` and take none.

    Asking again for the same request and element changes nothing, or moves the place to another share.
    """
    quota = ensured(session, rule)
    if quota.capacity != rule.capacity:
        # The procedure was changed since.
        quota.capacity = rule.capacity
        session.flush()
        waiting_list.offer(session, quota.id)
    place = session.scalar(
        select(QuotaPlace)
        .where(QuotaPlace.case_id == case_id, QuotaPlace.element_id == element_id)
        .execution_options(populate_existing=True)
    )
    if place is not None and place.quota_id == quota.id:
        if place.status == LAPSED:
            _put(session, place, HELD if until else KEPT, until)
        return place
    take_one(session, quota.id)
    if place is not None:
        _give_up(session, place)
    place = QuotaPlace(
        id=new_id(),
        quota_id=quota.id,
        case_id=case_id,
        element_id=element_id,
        waiting_id=None,
        status=HELD if until else KEPT,
        held_until=until,
        prolonged=0,
        taken_at=clock.now(),
    )
    session.add(place)
    session.flush()
    _promise(session, place)
    return place


def keep(session: Session, case_id: UUID) -> None:
    """The places of a request are its own for good: it is filed. One that lapsed is taken again, or `QuotaExhausted`."""
    for place in places_of(session, case_id):
        if place.status != KEPT:
            _put(session, place, KEPT, None)


def renew(session: Session, case_id: UUID, until: datetime) -> None:
    """Hold the places of a draft until then, and count that; one that lapsed is taken again, or `QuotaExhausted`."""
    for place in places_of(session, case_id):
        if place.status != KEPT:
            _put(session, place, HELD, until, prolonging=1)


def _put(session: Session, place: QuotaPlace, status: str, until: datetime | None, *, prolonging: int = 0) -> None:
    values = {"status": status, "held_until": until, "prolonged": QuotaPlace.prolonged + prolonging}
    own = update(QuotaPlace).where(QuotaPlace.id == place.id)
    found = session.scalar(
        own.where(QuotaPlace.status == HELD).values(values).returning(QuotaPlace),
        execution_options={"populate_existing": True},
    )
    if found is None:
        take_one(session, place.quota_id)
        session.execute(own.values(values), execution_options={"synchronize_session": False})
        session.refresh(place)
    _promise(session, place)


def release(session: Session, case_id: UUID, name: str | None = None) -> int:
    """Give back the places of a request, those of the quota called `name` when told; how many there were."""
    found = session.scalars(
        select(QuotaPlace)
        .join(Quota, Quota.id == QuotaPlace.quota_id)
        .where(QuotaPlace.case_id == case_id, *([Quota.name == name] if name is not None else []))
        .order_by(QuotaPlace.quota_id)
    ).all()
    return sum(_give_up(session, place) for place in found)


def release_late(session: Session, place_id: UUID) -> None:
    """Give a held place back once its time is over, or one whose offer nobody took; else nothing."""
    place = session.get(QuotaPlace, place_id)
    if place is not None and place.status in (HELD, OFFERED):
        _give_up(session, place, before=clock.now())


def give_up_offer(session: Session, waiting: QuotaWaiting) -> None:
    """Leave the waiting list; a place that was offered goes to the next."""
    place_id = waiting_list.leave(session, waiting)
    place = session.get(QuotaPlace, place_id) if place_id is not None else None
    if place is not None:
        _give_up(session, place)


def locked(session: Session, quota_id: UUID) -> Quota:
    """The quota, its row locked until the end of the transaction, or `NotFound`."""
    quota = session.get(Quota, quota_id, with_for_update=True, populate_existing=True)
    if quota is None:
        raise NotFound(quota_id=str(quota_id))
    return quota


def decide(session: Session, quota_id: UUID, wanted: int | None) -> Quota:
    """Agents decide how many places there are, or leave it to the procedure again (None); new ones go to the waiting list."""
    if wanted is not None and not 0 <= wanted <= CAPACITY_MAX:
        raise Invalid(f"Le nombre de places va de 0 à {CAPACITY_MAX}.")
    quota: Quota | None = session.scalar(
        update(Quota).where(Quota.id == quota_id).values(wanted=wanted, changed_at=clock.now()).returning(Quota),
        execution_options={"populate_existing": True},
    )
    if quota is None:
        raise NotFound(quota_id=str(quota_id))
    waiting_list.offer(session, quota.id)
    session.refresh(quota)
    return quota


def _give_up(session: Session, place: QuotaPlace, before: datetime | None = None) -> int:
    """Give a place back, to the next who waits if there is one; 0 when it counts no more, or is held longer than `before`.

    With `before` a request's place lapses; else nothing is left of it.
    """
    place_id = place.id
    lapses = before is not None and place.case_id is not None
    counts = [QuotaPlace.id == place.id, QuotaPlace.status != LAPSED]
    if before is not None:
        counts += [QuotaPlace.status.in_((HELD, OFFERED)), QuotaPlace.held_until <= before]
    statement = update(QuotaPlace).values(status=LAPSED, held_until=None) if lapses else delete(QuotaPlace)
    gone = session.execute(
        statement.where(*counts).returning(QuotaPlace.quota_id, QuotaPlace.waiting_id),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    if gone is None:
        if before is None:
            session.execute(delete(QuotaPlace).where(QuotaPlace.id == place.id))
        return 0
    session.expire(place) if lapses else session.expunge(place)
    jobs.forget(session, [_giving_back(place_id)])
    session.execute(
        update(Quota).where(Quota.id == gone.quota_id).values(taken=Quota.taken - 1),
        execution_options={"synchronize_session": False},
    )
    if gone.waiting_id is not None:
        waiting_list.expire(session, gone.waiting_id)
    waiting_list.offer(session, gone.quota_id)
    return 1


def _promise(session: Session, place: QuotaPlace) -> None:
    if place.held_until is None:
        jobs.forget(session, [_giving_back(place.id)])
    else:
        jobs.promise(
            session, "release_place", due_at=place.held_until, key=_giving_back(place.id), place_id=str(place.id)
        )


def _giving_back(place_id: UUID) -> str:
    return f"place:{place_id}"
