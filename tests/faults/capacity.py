"""Places and slots that several people want at once while parts are killed: none sold twice, none lost, none kept from others.

There are fewer places than people who ask, and few slots. Some file, some move or cancel their appointment, some leave their
draft for its hold to run out. Once all is at rest, the counts are held against the rows, and the rows against what was
acknowledged.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from engine.contact import appointments
from engine.contact.appointments import Appointment, Opening, Wish, grid
from engine.contact.appointments.slots import AgendaDay
from engine.core.db import Session
from engine.procedures import quotas, references
from engine.procedures.cases import Case
from engine.procedures.quotas import Quota, QuotaPlace
from tests.faults.browser import Answer, Browser
from tests.faults.record import Acked

SLUG = "essai-de-places"
SERVICE = "essai-de-pannes"
ACTIONS = frozenset({"place", "book", "keep", "move", "cancel"})
_TIMES = re.compile(r'name="creneau"[^>]* value="([^"]+)"')
_STEPS_MAX = 12


def prepare(session: Session) -> None:
    """Two agendas with a desk each, open every day: what is planned begins within two days, and nobody is reminded."""
    for code in ("un", "deux"):
        hours = tuple(Opening(day, 9 * 60, 10 * 60) for day in range(1, 8))
        appointments.save(
            session,
            Wish(
                code, SERVICE, "Essais", f"Lieu {code}", "1 place", hours,
                lead_hours=0, horizon_days=1, open_on_holidays=True,
            ),
        )  # fmt: skip


# --- people ----------------------------------------------------------------------------------------------------------------


def resident(browser: Browser) -> None:
    """Ask for a place, choose a slot; then file, leave it, or change one's mind; again until told to close."""
    while not browser.closing.is_set():
        _once(browser)
        time.sleep(browser.choice.uniform(0.2, 0.8))


def _once(browser: Browser) -> None:
    if browser.get(f"/demarches/{SLUG}").status != 200:
        browser.record.surprise("the page of the places is not there")
        return
    answer = browser.post(f"/demarches/{SLUG}", {})
    if answer.status == 409:
        browser.record.meet("no place left")
        return
    if answer.status == 429:
        # So many drafts from one address are slowed down, as they should be.
        browser.record.meet("slowed down")
        browser.closing.wait(2)
        return
    if answer.status != 303:
        browser.record.surprise(f"{answer.status} when a place was asked for")
        return
    reference = answer.location.split("/")[2]
    browser.record.ack("place", reference)
    for _ in range(_STEPS_MAX):
        page = browser.get(f"/demandes/{reference}")
        element = page.path.rpartition("/")[2]
        if element == "mon_rendez_vous":
            _choose(browser, page, "book", reference)
        elif element == "recapitulatif":
            if browser.choice.random() < 0.3:
                browser.record.meet("left alone")
                _leave(browser, reference)
                return
            _file(browser, page, reference)
        elif "/suivi" in page.path:
            _change_mind(browser, reference)
            return
        else:
            break
        if browser.closing.is_set():
            return
    browser.record.meet("gave up for want of a slot")
    _leave(browser, reference)


def _leave(browser: Browser, reference: str) -> None:
    """Throw the draft away, or leave its holds to their job; then come as somebody new."""
    if browser.choice.random() < 0.5:
        browser.post(f"/demandes/{reference}/annuler", {})
    browser.forget()


def _choose(browser: Browser, page: Answer, action: str, reference: str) -> bool:
    """One of the slots on show; somebody else may be quicker."""
    found = _TIMES.findall(page.text)
    if not found:
        browser.record.meet("no slot left")
        time.sleep(0.5)
        return False
    slot = browser.choice.choice(found)
    answer = browser.post(page.path, {"creneau": slot})
    if answer.status == 303:
        browser.record.ack(action, reference, said=slot)
        return True
    if answer.status == 422:
        browser.record.meet("slot taken")
    elif answer.status == 409 and action == "move":
        browser.record.meet("moved too late")
    else:
        browser.record.surprise(f"{answer.status} on {page.path}")
    return False


def _file(browser: Browser, page: Answer, reference: str) -> None:
    answer = browser.post(page.path, {"certifie": "true"})
    if answer.status == 303 and answer.location.endswith("/confirmation"):
        browser.record.ack("keep", reference)
    elif answer.status == 303:
        # The place or the slot ran out and is somebody else's: the page says so.
        browser.record.meet("lost before filing")
        if answer.location.endswith(f"/demarches/{SLUG}"):
            time.sleep(0.5)
    else:
        browser.record.surprise(f"{answer.status} on {page.path}")


def _change_mind(browser: Browser, reference: str) -> None:
    chance = browser.choice.random()
    if chance < 0.4:
        page = browser.get(f"/demandes/{reference}/rendez-vous")
        if page.path.endswith("/rendez-vous"):
            _choose(browser, page, "move", reference)
    if chance < 0.75:
        # Places come back, so that others find some until the end.
        browser.get(f"/demandes/{reference}/annuler")
        answer = browser.post(f"/demandes/{reference}/annuler", {})
        if answer.status == 303:
            browser.record.ack("cancel", reference)
        else:
            browser.record.surprise(f"{answer.status} when {reference} was cancelled")
    browser.forget()


# --- what is there in the end ----------------------------------------------------------------------------------------------


@dataclass
class Found:
    """What is wrong with places and slots, in words; and how much there was of them."""

    places: list[str] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    kept: int = 0
    planned: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing at all is wrong."""
        return not (self.places or self.slots or self.lost)


def check(session: Session, acked: Sequence[Acked]) -> Found:
    """Hold counts against rows, and rows against what was acknowledged."""
    found = Found()
    requests = {case.reference: case for case in session.scalars(select(Case).where(Case.procedure == SLUG))}
    _places(session, found, requests)
    _slots(session, found)
    planned = {
        one.case_id: one
        for one in session.scalars(select(Appointment).where(Appointment.status == appointments.PLANNED))
    }
    agendas = {agenda.id: agenda for agenda in appointments.everything(session)}
    found.planned = len(planned)
    last: dict[str, str] = {}
    for one in acked:
        if one.action in ("book", "move"):
            last[references.read(one.reference) or ""] = one.said
    for one in acked:
        case = requests.get(references.read(one.reference) or "")
        if case is None:
            found.lost.append(f"{one.action} {one.reference}: there is no such request")
        elif one.action == "cancel" and case.status != "cancelled":
            found.lost.append(f"{one.reference} was cancelled and is {case.status}")
        elif one.action == "keep" and case.filed_at is None:
            found.lost.append(f"{one.reference} was filed and is {case.status}")
    for reference, case in requests.items():
        expected = case.status == "filed"
        if expected != (case.id in planned):
            found.slots.append(f"{reference} is {case.status} and {'has no' if expected else 'has an'} appointment")
        elif expected and last.get(reference) not in (
            None,
            str(planned[case.id].slot(agendas[planned[case.id].agenda_id])),
        ):
            found.lost.append(f"{reference}: acknowledged {last[reference]}")
    return found


def _places(session: Session, found: Found, requests: dict[str, Case]) -> None:
    """As many places as are counted, none too many, and each a filed request's."""
    filed = {case.id for case in requests.values() if case.status == "filed"}
    for quota in session.scalars(select(Quota).where(Quota.procedure == SLUG)):
        places = list(session.scalars(select(QuotaPlace).where(QuotaPlace.quota_id == quota.id)))
        kept = {place.case_id for place in places if place.status == quotas.KEPT}
        found.kept += len(kept)
        live = [place for place in places if place.status != quotas.LAPSED]
        if not quota.taken == len(live) <= quota.places:
            found.places.append(f"{quota.taken} counted, {len(live)} there, of {quota.places}")
        if any(place.status == quotas.HELD for place in live):
            found.places.append(f"{sum(place.status == quotas.HELD for place in live)} are held for ever")
        if kept != filed:
            found.places.append(f"{len(kept)} kept by {len(filed)} filed requests")


def _slots(session: Session, found: Found) -> None:
    """Each minute of a desk is somebody's once at most, and the days' bits say just that."""
    wanted: dict[tuple[int, object], int] = defaultdict(int)
    minutes: Counter[tuple[object, ...]] = Counter()
    for one in session.scalars(select(Appointment).where(Appointment.status != appointments.CANCELLED)):
        if one.status == appointments.HELD:
            found.slots.append(f"{one.starts_at} is held for ever")
        wanted[one.agenda_id, one.day] |= grid.span(one.desk, one.unit, one.units)
        minutes.update((one.agenda_id, one.day, one.desk, unit) for unit in range(one.unit, one.unit + one.units))
    found.slots += [f"{place} is taken {times} times" for place, times in minutes.items() if times > 1]
    for agenda_id, day, bits in session.execute(select(AgendaDay.agenda_id, AgendaDay.day, AgendaDay.taken)):
        if int.from_bytes(bits, "little") != wanted[agenda_id, day]:
            found.slots.append(f"the bits of {day} don't say what is taken")
