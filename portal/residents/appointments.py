"""«Mon rendez-vous»: a place, a day, an hour; chosen in the wizard, moved, cancelled or added from the tracking (A12, D1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from babel.dates import format_date
from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.contact import appointments
from engine.contact.appointments import FIELD, Agenda, Appointment, FreeDay, Slot
from engine.core import clock
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.core.errors import InvalidAnswers, StaleStep
from engine.procedures import cases, catalogue
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from portal import access
from portal.access import current_actor, reading, transactional
from portal.residents import blueprint

TAB = "rendez-vous"
NOT_NOW = "Cette demande ne permet pas de prendre ou de changer un rendez-vous maintenant."
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Time:
    """An hour that can be chosen."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Day:
    """A day of the week on show, with its hours."""

    label: str
    times: Sequence[Time]


@dataclass(frozen=True)
class Picker:
    """What the page of the slots shows: places, one week of one place, and the ways to other weeks.

    `chosen` is what is chosen already, in words; `place` is None when nothing at all is free.
    """

    places: Sequence[tuple[str, str, bool]]
    place: Agenda | None
    week: str
    days: Sequence[Day]
    earlier: str | None
    later: str | None
    chosen: str
    chosen_value: str
    address: str


def picker(session: Session, case: Case, definition: Definition, *, address: str, posted: str = "") -> Picker:
    """The slots as the address asks for them (`lieu`, `semaine`), else from the first one that is free."""
    agendas = appointments.of_service(session, cases.appointments_service(definition))
    free = appointments.search(
        session,
        agendas,
        definition.slug,
        days=max((agenda.horizon_days for agenda in agendas), default=0) + 1,
    )
    own = appointments.current(session, case.id)
    mine = own[0].slot(own[1]) if own is not None else None
    wanted = Slot.read(posted) or mine
    first = {free_day.agenda.id: free_day.day for free_day in reversed(free)}
    place = _place(agendas, free, wanted)
    if place is None:
        return Picker([], None, "", [], None, None, _said(own), str(mine or ""), address)
    days = {one.day: one for one in free if one.agenda.id == place.id}
    if mine is not None and mine.code == place.code:
        days.setdefault(mine.day, FreeDay(place, mine.day, 0))
    shown = _monday(request.args.get("semaine")) or _monday(
        (
            wanted.day if wanted is not None and wanted.code == place.code else min(days, default=clock.today())
        ).isoformat()
    )
    assert shown is not None  # made of a day
    weeks = sorted({day - timedelta(days=day.weekday()) for day in days})
    earlier = max((week for week in weeks if week < shown), default=None)
    later = min((week for week in weeks if week > shown), default=None)

    def link(week: date | None) -> str | None:
        return f"{address}?{urlencode({'lieu': place.code, 'semaine': week.isoformat()})}#creneaux" if week else None

    return Picker(
        places=[(one.code, _place_label(one, first.get(one.id)), one.id == place.id) for one in agendas],
        place=place,
        week=f"Semaine du {_long(shown)}",
        days=[_day(days[day], mine, wanted) for day in sorted(days) if shown <= day < shown + _WEEK],
        earlier=link(earlier),
        later=link(later),
        chosen=_said(own),
        chosen_value=str(mine or ""),
        address=f"{address}?{urlencode({'lieu': place.code, 'semaine': shown.isoformat()})}",
    )


def _place(agendas: Sequence[Agenda], free: Sequence[FreeDay], wanted: Slot | None) -> Agenda | None:
    """The place that is asked for, else that of the slot chosen, else the one that is free first."""
    codes = [request.args.get("lieu", ""), wanted.code if wanted is not None else ""]
    by_code = {agenda.code: agenda for agenda in agendas}
    asked = next((by_code[code] for code in codes if code in by_code), None)
    if asked is not None or not free:
        return asked
    return min((one for one in free if one.day == free[0].day), key=lambda one: next(one.slots()).starts_at).agenda


def _place_label(agenda: Agenda, first: date | None) -> str:
    when = f"dès le {_long(first)}" if first else "aucun créneau libre"
    return f"{agenda.place} ({when})"


def _day(free: FreeDay, mine: Slot | None, wanted: Slot | None) -> Day:
    slots = list(free.slots())
    if mine is not None and (mine.code, mine.day) == (free.agenda.code, free.day) and mine not in slots:
        slots = sorted([*slots, mine], key=lambda slot: slot.unit)
    return Day(
        format_date(free.day, "EEEE d MMMM", locale="fr").capitalize(),
        [Time(str(slot), f"{slot.at.hour}\u00a0h\u00a0{slot.at:%M}", slot == wanted) for slot in slots],
    )


def _monday(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day - timedelta(days=day.weekday()) if 2000 <= day.year <= 2999 else None


def _long(day: date) -> str:
    return format_date(day, "d MMMM", locale="fr")


def _said(own: tuple[Appointment, Agenda] | None) -> str:
    """An appointment in one line."""
    if own is None:
        return ""
    told = appointments.facts(*own)
    return f"{told['jour']} à {told['heure']}, {told['lieu']}"


# --- the tracking's tab ----------------------------------------------------------------------------------------------------


def has_tab(session: Session, case: Case, definition: Definition) -> bool:
    """Whether the tracking shows «Rendez-vous»: one was planned, or one may be added."""
    if case.draft or not cases.gives_appointments(definition):
        return False
    return bool(appointments.of_case(session, case.id)) or cases.may_book_appointment(session, case, definition)


def tab(session: Session, case: Case, definition: Definition) -> dict[str, Any]:
    """What the tab shows: the appointment to come, those before, and what can be done."""
    found = appointments.of_case(session, case.id)
    agendas = {one.id: one for one in appointments.everything(session)} if found else {}
    rows = [(one, agendas[one.agenda_id], appointments.facts(one, agendas[one.agenda_id])) for one in found]
    return {
        "appointment_rows": rows,
        "may_book": cases.may_book_appointment(session, case, definition),
        "planned": next((row for row in rows if row[0].ahead), None),
    }


def planned(session: Session, case: Case, definition: Definition) -> tuple[Appointment, Agenda, dict[str, str]] | None:
    """The appointment that a request has ahead, with where it is and how it is said; None when there is none."""
    found = appointments.current(session, case.id) if cases.gives_appointments(definition) else None
    return (*found, appointments.facts(*found)) if found is not None and found[0].ahead else None


@blueprint.get("/demandes/<reference>/rendez-vous")
@access.case_holder
@access.in_phases
def choose_slot(reference: str) -> Response:
    """The slots, to move the appointment of a filed request or to add one."""
    return _draw(reference=reference)


@blueprint.post("/demandes/<reference>/rendez-vous")
@access.case_holder
@access.in_phases
def book(reference: str) -> Response:
    """Take the slot that was chosen; when somebody else was quicker, the page again."""
    try:
        return _book(reference=reference)
    except InvalidAnswers as error:
        return _draw(reference=reference, errors=error.errors)


@transactional
def _book(session: Session, case: Case) -> Response:
    moved = appointments.current(session, case.id) is not None
    cases.book_appointment(session, case, Slot.read(request.form.get(FIELD)), current_actor())
    flash("Votre rendez-vous est déplacé." if moved else "Votre rendez-vous est pris.", "success")
    return redirect(_tab_address(case), 303)


@reading
def _draw(session: Session, case: Case, errors: Mapping[str, str] | None = None) -> Response:
    definition = catalogue.definition(session, case.version_id)
    if not cases.may_book_appointment(session, case, definition):
        flash(NOT_NOW, "info")
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    own = appointments.current(session, case.id)
    page = render_template(
        "residents/appointment.html",
        case=case,
        definition=definition,
        moving=own is not None,
        picker=picker(
            session,
            case,
            definition,
            address=url_for(".choose_slot", reference=case.reference),
            posted=request.form.get(FIELD, ""),
        ),
        errors=errors or {},
        error_list=error_list(errors),
        back=_tab_address(case),
    )
    return make_response(page, 422 if errors else 200)


@blueprint.get("/demandes/<reference>/rendez-vous/annuler")
@access.case_holder
@reading
def ask_to_cancel_appointment(session: Session, case: Case) -> Response | str:
    """Say what cancelling does, and ask to confirm."""
    own = appointments.current(session, case.id)
    if own is None or not own[0].ahead:
        flash(StaleStep.default, "info")
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    definition = catalogue.definition(session, case.version_id)
    return render_template(
        "residents/appointment_cancel.html",
        case=case,
        definition=definition,
        said=_said(own),
        required=cases.requires_appointment(definition),
        back=_tab_address(case),
    )


@blueprint.post("/demandes/<reference>/rendez-vous/annuler")
@access.case_holder
@transactional
def cancel_appointment(session: Session, case: Case) -> Response:
    """Cancel the appointment."""
    if appointments.current(session, case.id) is None:  # the second click
        return redirect(url_for(".show_tracking", reference=case.reference), 303)
    cases.cancel_appointment(session, case, current_actor())
    flash("Votre rendez-vous est annulé.", "success")
    return redirect(url_for(".show_tracking", reference=case.reference), 303)


@blueprint.get("/demandes/<reference>/rendez-vous/<uuid:appointment_id>.ics")
@access.case_holder
@reading
def download_appointment(session: Session, case: Case, appointment_id: UUID) -> Response:
    """The appointment for one's own calendar."""
    appointment, agenda = appointments.find_appointment(session, appointment_id, case.id)
    content = cases.calendar_file(session, case, appointment, agenda)
    answer = make_response(content)
    answer.content_type = "text/calendar; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="rendez-vous-{case.reference}.ics"'
    return answer


def _tab_address(case: Case) -> str:
    return url_for("residents.show_tab", reference=case.reference, tab=TAB)


def error_list(errors: Mapping[str, str] | None) -> list[dict[str, str]]:
    """The errors of a page of slots, for the summary at its top."""
    return [{"text": text, "href": "#creneaux"} for text in (errors or {}).values()]


def local_hour(appointment: Appointment) -> str:
    """«9 h 20», on the city's clock."""
    local = appointment.starts_at.astimezone(PARIS)
    return f"{local.hour}\u00a0h\u00a0{local:%M}"
