"""What a draft holds while it is filled in: a place of a quota, a slot of an agenda, both as long as the procedure may take (A7).

Whoever needs longer asks for it, up to ten times as accessibility asks; a hold that ran out is taken again as long as
there is one left. Filing needs both: a draft that lost them is kept, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.contact import appointments
from engine.contact.appointments import Slot
from engine.core import clock
from engine.core.db import Session
from engine.procedures import quotas
from engine.procedures.cases.case import Case
from engine.procedures.catalogue import Definition

PROLONGED_MAX = 10


@dataclass(frozen=True)
class Holds:
    """What a draft holds, and until when; what it lost because time ran out."""

    until: datetime | None
    place: bool
    slot: bool
    lost_place: bool
    lost_slot: bool
    may_prolong: bool

    @property
    def lost(self) -> bool:
        return self.lost_place or self.lost_slot


def of_draft(session: Session, case: Case, definition: Definition) -> Holds | None:
    """What a draft holds; None when its procedure holds nothing, and then nothing is looked up."""
    if not holds_something(definition):
        return None
    places = quotas.places_of(session, case.id)
    found = appointments.current(session, case.id)
    now = clock.now()
    held = [place for place in places if place.status == quotas.HELD and place.held_until and place.held_until > now]
    slot = found[0] if found is not None and found[0].held_until and found[0].held_until > now else None
    ends = [place.held_until for place in held] + ([slot.held_until] if slot is not None else [])
    times = [place.prolonged for place in held] + ([slot.prolonged] if slot is not None else [])
    return Holds(
        until=min((end for end in ends if end is not None), default=None),
        place=bool(held),
        slot=slot is not None,
        lost_place=len(held) < len(places),
        lost_slot=slot is None and chosen(case, definition) is not None,
        may_prolong=max(times, default=0) < PROLONGED_MAX,
    )


def renew(session: Session, case: Case, definition: Definition) -> bool:
    """Hold it all anew for the length of the procedure, what was lost included; False when it was prolonged often enough.

    `QuotaExhausted` or `SlotTaken` when somebody else has it now; the caller's transaction then keeps nothing of it.
    """
    standing = of_draft(session, case, definition)
    if standing is None or not standing.may_prolong:
        return False
    end = quotas.until(definition)
    quotas.renew(session, case.id, end)
    found, wanted = appointments.current(session, case.id), chosen(case, definition)
    if wanted is not None and (found is None or not appointments.prolong(session, found[0], end)):
        service = definition.properties.get("agenda", "")
        appointments.take(session, wanted, service, case_id=case.id, procedure=definition.slug, held_until=end)
    return True


def take_place(session: Session, case: Case, definition: Definition, offer: str) -> None:
    """Take the place that the procedure asks for, as its draft opens, or raise `QuotaExhausted`.

    Who was offered one by the waiting list has theirs: `offer` is the token of their link.
    """
    rule = quotas.rule_of(definition)
    if rule is None:
        return
    end = quotas.until(definition)
    waiting = quotas.find(session, definition.slug, account_id=case.account_id, token=offer)
    if waiting is None or not quotas.accept(session, waiting, case.id, end):
        quotas.hold(session, rule, case.id, until=end)


def keep_places(session: Session, case: Case, definition: Definition) -> None:
    """What the draft holds is the request's for good. What ran out is taken again, or `QuotaExhausted`."""
    rule = quotas.rule_of(definition)
    if rule is None and not _asks_for_places(definition):
        return
    quotas.keep(session, case.id)
    if rule is not None and not any(place.element_id == "" for place in quotas.places_of(session, case.id)):
        quotas.hold(session, rule, case.id)  # opened before the procedure had a quota


def release(session: Session, case: Case, definition: Definition) -> None:
    """Give the places back: the request is cancelled."""
    if quotas.rule_of(definition) is not None or _asks_for_places(definition):
        quotas.release(session, case.id)


def chosen(case: Case, definition: Definition) -> Slot | None:
    """The slot that was chosen at the step of the appointment."""
    step = next((node.id for node in definition.steps if node.step == "appointment"), None)
    answers = case.document.get(step) if step else None
    return Slot.read(answers.get("creneau")) if isinstance(answers, dict) and answers.get("creneau") else None


def holds_something(definition: Definition) -> bool:
    """Whether drafts of the procedure hold anything."""
    return (
        "quota" in definition.properties
        or definition.properties.get("appointment", "none") != "none"
        or _asks_for_places(definition)
    )


def _asks_for_places(definition: Definition) -> bool:
    return any(
        node.operator is not None and node.operator.name == "quotas/hold"
        for node in definition.process.elements.values()
    )
