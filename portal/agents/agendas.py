"""The agendas of a service: who is expected each day, and the hours, closures and delays that supervisors decide (D1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_date
from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.contact import appointments
from engine.contact.appointments import Agenda, AgendaChanged, Closure, Opening, Wish
from engine.core import audit, clock
from engine.core.db import Session
from engine.core.errors import Forbidden, InvalidAnswers, NotFound
from engine.people.access import Thing, can, worked_groups
from engine.procedures import cases, catalogue
from portal import access, typed
from portal.access import current_actor, reading, transactional
from portal.agents import blueprint

AHEAD = 7
"""The days to come that the list of agendas counts."""
# Two ranges a day are what offices have: morning and afternoon. An agenda of a file with more keeps a row for each.
_RANGES = 2
_EMPTY_CLOSURES = 2


@dataclass(frozen=True)
class Range:
    """A row of the page: hours of a weekday as they were typed."""

    opens: str = ""
    closes: str = ""
    desks: str = ""


def _find(session: Session, code: str, action: str = "capacity.see") -> Agenda:
    agenda = appointments.find(session, code)
    thing = Thing(groups=frozenset({agenda.group}))
    if not can(current_actor(), "capacity.see", thing):
        raise NotFound
    if not can(current_actor(), action, thing):
        raise Forbidden("Les réglages d’un agenda sont ceux du responsable du service.")
    return agenda


@blueprint.get("/agents/agendas")
@access.agent
@reading
def show_agendas(session: Session) -> str:
    """The agendas of one's services, with how many people are expected in the days to come."""
    today = clock.today()
    agendas = appointments.of_groups(session, worked_groups(current_actor()))
    days = [today + timedelta(days=offset) for offset in range(AHEAD)]
    return render_template(
        "agents/agendas.html",
        agendas=agendas,
        days=[(day, format_date(day, "EEE d MMM", locale="fr")) for day in days],
        counts=appointments.counts(session, agendas, days[0], days[-1]),
    )


@blueprint.get("/agents/agendas/<code>")
@access.agent
@reading
def show_agenda(session: Session, code: str) -> str:
    """A day: who comes at what hour, for which request."""
    agenda = _find(session, code)
    day = _day(request.args.get("jour")) or clock.today()
    expected = appointments.of_day(session, agenda, day)
    requests = cases.by_ids(session, {one.case_id for one in expected})
    rows = []
    for one in expected:
        case = requests.get(one.case_id)
        if case is None:
            continue
        definition = catalogue.definition(session, case.version_id)
        # Only whose service works on the request reads more than the hour.
        may_open = can(current_actor(), "case.work", Thing(groups=definition.groups, filed=True))
        rows.append((one, case.reference, case.applicant_name if may_open else "", definition.title, may_open))
    return render_template(
        "agents/agenda.html",
        agenda=agenda,
        day=day,
        title=format_date(day, "EEEE d MMMM y", locale="fr"),
        before=(day - timedelta(days=1)).isoformat(),
        after=(day + timedelta(days=1)).isoformat(),
        closed=agenda.closed_on(day),
        rows=rows,
        expected=sum(one.status == appointments.PLANNED for one in expected),
        may_decide=can(current_actor(), "capacity.decide", Thing(groups=frozenset({agenda.group}))),
    )


@blueprint.get("/agents/agendas/<code>/reglages")
@access.agent
@access.in_phases
def show_agenda_settings(code: str) -> Response:
    """Hours, closures and delays, to change."""
    return _draw(code=code, posted=typed.given_back())


@blueprint.post("/agents/agendas/<code>/reglages")
@access.agent
@access.in_phases
@typed.kept_on_expiry
def save_agenda_settings(code: str) -> Response:
    """Keep the settings; with something wrong, or changed by somebody else meanwhile, the page again with what was typed."""
    try:
        return _save(code=code)
    except InvalidAnswers as error:
        return _draw(code=code, posted=request.form, errors=error.errors)
    except AgendaChanged:
        return _draw(code=code, posted=request.form, changed=True)


@transactional
def _save(session: Session, code: str) -> Response:
    agenda = _find(session, code, "capacity.decide")
    appointments.save(session, _wish(agenda, request.form), seen=_seen(request.form))
    audit.record(session, current_actor(), "agenda.changed", "agenda", agenda.code)
    outside = len(appointments.outside_hours(session, agenda))
    flash("Les réglages sont enregistrés.", "success")
    if outside:
        one = outside == 1
        flash(
            f"{outside}\u00a0rendez-vous déjà pris {'ne tient' if one else 'ne tiennent'} plus dans ces horaires. "
            + (
                "Il reste prévu\u00a0: prévenez cette personne, qui peut "
                if one
                else "Ils restent prévus\u00a0: prévenez ces "
            )
            + ("le déplacer." if one else "personnes, qui peuvent les déplacer."),
            "info",
        )
    return redirect(url_for(".show_agenda_settings", code=code), 303)


@reading
def _draw(
    session: Session,
    code: str,
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    changed: bool = False,
) -> Response:
    agenda = _find(session, code, "capacity.decide")
    errors = errors or {}
    # Who has been told that somebody else changed the settings and saves again, saves theirs.
    since = agenda.changed_at if posted is None or changed else _seen(posted)
    page = render_template(
        "agents/agenda_settings.html",
        agenda=agenda,
        values=dict(posted.items()) if posted is not None else _values(agenda),
        week=[(number, name, _ranges(agenda, number, posted)) for number, name in enumerate(appointments.WEEKDAYS, 1)],
        closures=_closures(agenda, posted),
        outside=_outside(session, agenda),
        limits=appointments,
        seen=since.isoformat() if since else "",
        changed=agenda.changed_at if changed else None,
        errors=errors,
        error_list=[{"text": told, "href": f"#{name}"} for name, told in errors.items()],
    )
    return make_response(page, 422 if errors else 409 if changed else 200)


def _outside(session: Session, agenda: Agenda) -> list[tuple[appointments.Appointment, str, str, bool]]:
    """The appointments outside the hours: each with its request's reference, its day, and whether this agent may open it."""
    found = appointments.outside_hours(session, agenda)
    requests = cases.by_ids(session, {one.case_id for one in found})
    rows = []
    for one in found:
        if (case := requests.get(one.case_id)) is not None:
            groups = catalogue.definition(session, case.version_id).groups
            may_open = can(current_actor(), "case.work", Thing(groups=groups, filed=case.filed_at is not None))
            rows.append((one, case.reference, format_date(one.day, "d MMMM y", locale="fr"), may_open))
    return rows


# --- what is typed ---------------------------------------------------------------------------------------------------------


def _values(agenda: Agenda) -> dict[str, Any]:
    return {
        "lieu": agenda.place,
        "adresse": agenda.address,
        "conseil": agenda.advice,
        "duree": agenda.duration,
        "pas": agenda.step,
        "delai": agenda.lead_hours,
        "horizon": agenda.horizon_days,
        "feries": "oui" if agenda.open_on_holidays else "",
        "actif": "oui" if agenda.active else "",
    }


def _ranges(agenda: Agenda, weekday: int, posted: MultiDict[str, str] | None) -> Sequence[Range]:
    if posted is not None:
        count = max(_RANGES, sum(key.startswith(f"jour-{weekday}-") and key.endswith("-de") for key in posted))
        return [
            Range(*(posted.get(f"jour-{weekday}-{number}-{part}", "") for part in ("de", "a", "guichets")))
            for number in range(min(count, 10))
        ]
    rows = [
        Range(_hour(one.opens), _hour(one.closes), str(one.desks)) for one in agenda.hours if one.weekday == weekday
    ]
    return [*rows, *[Range()] * max(_RANGES - len(rows), 0)]


def _closures(agenda: Agenda, posted: MultiDict[str, str] | None) -> Sequence[Mapping[str, str]]:
    if posted is not None:
        count = min(sum(key.startswith("ferme-") and key.endswith("-du") for key in posted), 100)
        return [
            {part: posted.get(f"ferme-{number}-{part}", "") for part in ("du", "au", "motif")}
            for number in range(count)
        ]
    rows = [
        {"du": one.first.isoformat(), "au": one.last.isoformat(), "motif": one.reason}
        for one in agenda.closed
        if one.last >= clock.today()
    ]
    return [*rows, *[{"du": "", "au": "", "motif": ""}] * _EMPTY_CLOSURES]


# What the page calls the fields of a wish.
_NAMES = {
    "place": "lieu",
    "address": "adresse",
    "advice": "conseil",
    "duration": "duree",
    "step": "pas",
    "lead_hours": "delai",
    "horizon_days": "horizon",
}


def _wish(agenda: Agenda, posted: MultiDict[str, str]) -> Wish:
    """What was typed, or `InvalidAnswers` with what is wrong by field of the page. What the page doesn't show stays as it is."""
    errors: dict[str, str] = {}
    openings = list(_openings(agenda, posted, errors))
    past = [one for one in agenda.closed if one.last < clock.today()]
    closures = dict(_typed_closures(agenda, posted, errors))

    def number(name: str, what: str) -> int:
        return _number(posted.get(name, ""), what, name, errors)

    wish = replace(
        appointments.wish_of(agenda),
        place=posted.get("lieu", "").strip(),
        address=posted.get("adresse", "").strip(),
        advice=posted.get("conseil", "").strip(),
        duration=number("duree", "de minutes d’un rendez-vous"),
        step=number("pas", "de minutes entre deux débuts"),
        lead_hours=number("delai", "d’heures de délai"),
        horizon_days=number("horizon", "de jours d’horizon"),
        open_on_holidays=posted.get("feries") == "oui",
        active=posted.get("actif") == "oui",
        openings=tuple(openings),
        closures=(*past, *closures.values()),
    )
    if wish.step == 0:
        errors["pas"] = f"Il y a {appointments.UNIT} minutes au moins entre deux débuts."
    try:
        wish.check()
    except InvalidAnswers as error:
        rows = [*[""] * len(past), *closures]
        for field, told in error.errors.items():
            errors.setdefault(_field(field, rows), told)
    if errors:
        raise InvalidAnswers(errors)
    return wish


def _field(name: str, closures: Sequence[str]) -> str:
    """Where the page shows a field of a wish."""
    kind, _, number = name.partition(".")
    if kind == "openings":
        return f"jour-{number}-0-de"
    return closures[int(number)] if kind == "closures" else _NAMES.get(name, "lieu")


def _openings(agenda: Agenda, posted: MultiDict[str, str], errors: dict[str, str]) -> Iterator[Opening]:
    for weekday, name in enumerate(appointments.WEEKDAYS, 1):
        for number, row in enumerate(_ranges(agenda, weekday, posted)):
            if not (row.opens.strip() or row.closes.strip()):
                continue
            field, hours = f"jour-{weekday}-{number}", []
            for part, text in (("de", row.opens), ("a", row.closes)):
                try:
                    hours.append(appointments.minutes(text))
                except ValueError:
                    errors[f"{field}-{part}"] = f"Les heures du {name} s’écrivent comme 9:00."
            desks = _number(row.desks or "1", f"de guichets du {name}", f"{field}-guichets", errors)
            if len(hours) == 2 and not any(one.startswith(f"{field}-") for one in errors):
                yield Opening(weekday, hours[0], hours[1], desks)


def _typed_closures(
    agenda: Agenda, posted: MultiDict[str, str], errors: dict[str, str]
) -> Iterator[tuple[str, Closure]]:
    for number, row in enumerate(_closures(agenda, posted)):
        if not (row["du"].strip() or row["au"].strip()):
            continue
        first, last = _day(row["du"]), _day(row["au"] or row["du"])
        if first is None or last is None:
            errors[f"ferme-{number}-{'du' if first is None else 'au'}"] = "Une fermeture va d’un jour à un autre."
        else:
            yield f"ferme-{number}-du", Closure(first, last, row["motif"].strip())


def _number(text: str, what: str, field: str, errors: dict[str, str]) -> int:
    if text.strip().isdecimal() and len(text) <= 6:
        return int(text)
    errors[field] = f"Le nombre {what} s’écrit en chiffres."
    return appointments.UNIT


def _seen(posted: MultiDict[str, str]) -> datetime | None:
    """When the settings had last changed, as the page that was sent says."""
    try:
        return datetime.fromisoformat(posted.get("_vu", ""))
    except ValueError:
        return None


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2999 else None


def _hour(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
