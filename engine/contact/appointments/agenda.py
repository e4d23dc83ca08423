"""Agendas: where and when people are received (D1).

An agenda is a place that gives one service: its hours by weekday with the number of desks, its closures, how long an
appointment lasts, how soon and how late one may be taken. A procedure names a service; every agenda of that service is
offered. Hours are those of the city's clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Index, Integer, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime
from engine.core.errors import Conflict, Invalid, InvalidAnswers, NotFound

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
UNIT = 5
"""Everything begins and lasts a multiple of so many minutes."""
# On the night when clocks change, hours between two and three don't exist or come twice: nobody is received before four.
EARLIEST, LATEST = 4 * 60, 23 * 60
DESKS_MAX = 50
HORIZON_MAX = 365
PLACE_MAX, ADDRESS_MAX, ADVICE_MAX, REASON_MAX = 120, 200, 500, 100
WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@dataclass(frozen=True, order=True)
class Opening:
    """Hours of a weekday (Monday is 1), in minutes since midnight, and how many people are received at a time."""

    weekday: int
    opens: int
    closes: int
    desks: int = 1


@dataclass(frozen=True, order=True)
class Closure:
    """Days without appointments, the last one included."""

    first: date
    last: date
    reason: str = ""


class Agenda(Base):
    """A place where people are received. `durations` says of some procedures how many minutes they take there."""

    __tablename__ = "agenda"
    __table_args__ = (Index("uq_agenda_code", "code", unique=True), Index("ix_agenda_service", "service"))

    # A number: searching slots reads thousands of days, and each names its agenda.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    service: Mapped[str] = mapped_column(Text)
    group: Mapped[str] = mapped_column("agent_group", Text)
    place: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    advice: Mapped[str] = mapped_column(Text)
    duration: Mapped[int] = mapped_column(Integer)
    durations: Mapped[dict[str, int]] = mapped_column(Json)
    step: Mapped[int] = mapped_column(Integer)
    lead_hours: Mapped[int] = mapped_column(Integer)
    horizon_days: Mapped[int] = mapped_column(Integer)
    open_on_holidays: Mapped[bool] = mapped_column(Boolean)
    openings: Mapped[list[list[int]]] = mapped_column(Json)
    closures: Mapped[list[list[str]]] = mapped_column(Json)
    active: Mapped[bool] = mapped_column(Boolean)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def hours(self) -> list[Opening]:
        """Its opening rules, in the order of the week."""
        return sorted(Opening(*rule) for rule in self.openings)

    @property
    def closed(self) -> list[Closure]:
        """Its closures, the first first."""
        return sorted(
            Closure(date.fromisoformat(first), date.fromisoformat(last), reason)
            for first, last, reason in self.closures
        )

    def lasts(self, procedure: str) -> int:
        """How many minutes an appointment for that procedure takes here."""
        return self.durations.get(procedure, self.duration)

    def closed_on(self, day: date) -> str | None:
        """Why nobody is received that day whatever its weekday; None when it isn't closed."""
        for closure in self.closed:
            if closure.first <= day <= closure.last:
                return closure.reason or "fermeture"
        if not self.open_on_holidays:
            return holidays(day.year).get(day)
        return None


@cache
def holidays(year: int) -> Mapping[date, str]:
    """The public holidays of France (not those of Alsace-Moselle or overseas), with their names."""
    import holidays as calendar

    return dict(calendar.country_holidays("FR", years=year, language="fr").items())


# --- finding ----------------------------------------


def find(session: Session, code: str) -> Agenda:
    """The agenda of that code, or `NotFound`."""
    agenda = session.scalar(select(Agenda).where(Agenda.code == code))
    if agenda is None:
        raise NotFound("Cet agenda n’existe pas.", code=code)
    return agenda


def of_service(session: Session, service: str) -> list[Agenda]:
    """The active agendas of a service, by place."""
    return list(
        session.scalars(
            select(Agenda).where(Agenda.service == service, Agenda.active).order_by(Agenda.place, Agenda.code)
        )
    )


def of_groups(session: Session, names: Iterable[str]) -> list[Agenda]:
    """The agendas of these groups of agents, by place."""
    return list(
        session.scalars(select(Agenda).where(Agenda.group.in_(sorted(names))).order_by(Agenda.place, Agenda.code))
    )


def everything(session: Session) -> list[Agenda]:
    """All agendas, by service and place."""
    return list(session.scalars(select(Agenda).order_by(Agenda.service, Agenda.place, Agenda.code)))


# --- writing ----------------------------------------


@dataclass(frozen=True)
class Wish:
    """What an agenda shall be."""

    code: str
    service: str
    group: str
    place: str
    address: str
    openings: tuple[Opening, ...]
    advice: str = ""
    duration: int = 20
    durations: tuple[tuple[str, int], ...] = ()
    step: int = 0
    lead_hours: int = 24
    horizon_days: int = 90
    open_on_holidays: bool = False
    closures: tuple[Closure, ...] = ()
    active: bool = True

    def check(self, about: str = "") -> None:
        """`InvalidAnswers` with everything that is wrong with it, in French for agents and in English for the terminal; `about`
        says which agenda it is. What is wrong is told by field: a name of a wish, `openings.2` of a weekday, `closures.0` of a
        closure."""
        if problems := list(_problems(self)):
            _, french, english = zip(*problems, strict=True)
            errors: dict[str, str] = {}
            for field, told, _ in problems:
                errors.setdefault(field, told)
            intro = (f"Agenda « {about} » : ", f"agenda {about}: ") if about else ("", "")
            raise InvalidAnswers(
                errors,
                intro[0] + " ".join(french),
                english=intro[1] + " ".join(english),
            )


class AgendaChanged(Conflict):
    """Somebody else has saved other settings since."""

    default = "Quelqu’un a changé les réglages de cet agenda depuis que vous avez ouvert cette page."
    default_english = "somebody changed the settings of this agenda meanwhile"


def save(session: Session, wish: Wish, *, seen: datetime | None = None) -> Agenda:
    """Make the agenda of that code, or make it what is wished; `Invalid` with every problem when something is wrong.

    With `seen`, when the settings had last changed as far as who wishes knows: `AgendaChanged` if they have since. Appointments
    that were taken stay as they are.
    """
    wish.check()
    agenda = session.scalar(
        select(Agenda).where(Agenda.code == wish.code).with_for_update().execution_options(populate_existing=True)
    )
    if agenda is not None and seen not in (None, agenda.changed_at):
        raise AgendaChanged(code=wish.code)
    if agenda is None:
        agenda = Agenda(code=wish.code)
        session.add(agenda)
    for name in ("service", "group", "place", "address", "advice", "duration", "lead_hours", "horizon_days"):
        setattr(agenda, name, getattr(wish, name))
    agenda.durations = dict(wish.durations)
    agenda.step = wish.step or wish.duration
    agenda.open_on_holidays = wish.open_on_holidays
    agenda.openings = [[one.weekday, one.opens, one.closes, one.desks] for one in sorted(wish.openings)]
    agenda.closures = [[one.first.isoformat(), one.last.isoformat(), one.reason] for one in sorted(wish.closures)]
    agenda.active = wish.active
    agenda.changed_at = clock.now()
    session.flush()
    return agenda


def wish_of(agenda: Agenda) -> Wish:
    """What an agenda is, to change some of it."""
    return Wish(
        code=agenda.code,
        service=agenda.service,
        group=agenda.group,
        place=agenda.place,
        address=agenda.address,
        openings=tuple(agenda.hours),
        advice=agenda.advice,
        duration=agenda.duration,
        durations=tuple(sorted(agenda.durations.items())),
        step=agenda.step,
        lead_hours=agenda.lead_hours,
        horizon_days=agenda.horizon_days,
        open_on_holidays=agenda.open_on_holidays,
        closures=tuple(agenda.closed),
        active=agenda.active,
    )


Problem = tuple[str, str, str]
"""A field, and a sentence in French and one in English that say the same of it."""


def _problems(wish: Wish) -> Iterable[Problem]:
    if not CODE.fullmatch(wish.code) or not CODE.fullmatch(wish.service):
        yield (
            "code",
            "Le code et le service s’écrivent en minuscules sans accents, les mots séparés par des tirets.",
            "The code and the service are in lower case without accents, words joined by hyphens.",
        )
    for name, text, longest, french, english in (
        ("group", wish.group, PLACE_MAX, "Le groupe d’agents", "group"),
        ("place", wish.place, PLACE_MAX, "Le lieu", "place"),
        ("address", wish.address, ADDRESS_MAX, "L’adresse", "address"),
        ("advice", wish.advice, ADVICE_MAX, "Le conseil", "advice"),
    ):
        if not text.strip() and name != "advice":
            yield name, f"{french} est nécessaire.", f"It needs {'an' if name == 'address' else 'a'} {english}."
        elif len(text) > longest:
            yield name, f"{french} a {longest} caractères au plus.", f"The {english} has {longest} characters at most."
    for name, minutes in (
        ("duration", wish.duration),
        *(("durations", minutes) for _, minutes in wish.durations),
        ("step", wish.step or wish.duration),
    ):
        if not (UNIT <= minutes <= 480 and minutes % UNIT == 0):
            yield (
                name,
                f"Une durée est un nombre de minutes multiple de {UNIT}, de {UNIT} à 480.",
                f"A duration is a number of minutes, a multiple of {UNIT} from {UNIT} to 480.",
            )
            break
    if not 0 <= wish.lead_hours <= 24 * HORIZON_MAX:
        yield (
            "lead_hours",
            f"Le délai minimum est un nombre d’heures, de 0 à {24 * HORIZON_MAX}.",
            f"lead_hours is a number of hours, 0 to {24 * HORIZON_MAX}.",
        )
    if not 1 <= wish.horizon_days <= HORIZON_MAX:
        yield (
            "horizon_days",
            f"L’horizon est un nombre de jours, de 1 à {HORIZON_MAX}.",
            f"horizon_days is a number of days, 1 to {HORIZON_MAX}.",
        )
    yield from _wrong_hours(wish.openings)
    for number, closure in enumerate(wish.closures):
        if closure.last < closure.first:
            yield (
                f"closures.{number}",
                f"La fermeture du {closure.first:%d/%m/%Y} finit avant de commencer.",
                f"The closure of {closure.first} ends before it begins.",
            )
        if len(closure.reason) > REASON_MAX:
            yield (
                f"closures.{number}",
                f"Le motif de la fermeture du {closure.first:%d/%m/%Y} a {REASON_MAX} caractères au plus.",
                f"The reason of the closure of {closure.first} has {REASON_MAX} characters at most.",
            )


def _wrong_hours(openings: Sequence[Opening]) -> Iterable[Problem]:
    last: Opening | None = None
    for one in sorted(openings):
        field = f"openings.{one.weekday}"
        if not 1 <= one.weekday <= 7:
            yield (
                field,
                "Un jour de la semaine va de 1 (lundi) à 7 (dimanche).",
                "A weekday is 1 (lundi) to 7 (dimanche).",
            )
            continue
        name = WEEKDAYS[one.weekday - 1]
        if not EARLIEST <= one.opens < one.closes <= LATEST or one.opens % UNIT or one.closes % UNIT:
            yield (
                field,
                f"Les heures du {name} vont de 4 h à 23 h, de {UNIT} en {UNIT} minutes, et finissent après avoir commencé.",
                f"The hours of {name} are between 4:00 and 23:00, in steps of {UNIT} minutes, and end after they begin.",
            )
        if not 1 <= one.desks <= DESKS_MAX:
            yield (
                field,
                f"Le nombre de guichets du {name} va de 1 à {DESKS_MAX}.",
                f"{name} has 1 to {DESKS_MAX} desks.",
            )
        if last is not None and last.weekday == one.weekday and one.opens < last.closes:
            yield field, f"Les plages d’ouverture du {name} se chevauchent.", f"The openings of {name} overlap."
        last = one


# --- from a file ----------------------------------------

_KEYS = {
    "code",
    "service",
    "group",
    "place",
    "address",
    "advice",
    "duration",
    "durations",
    "step",
    "lead_hours",
    "horizon_days",
    "open_on_holidays",
    "openings",
    "closures",
    "active",
}


def read(found: Any) -> Wish:
    """An agenda as a YAML file describes it (docs/for-analysts.md), or `Invalid` with what is wrong."""
    if not isinstance(found, Mapping):
        raise Invalid(
            "Un agenda est une liste de noms et de valeurs.", english="an agenda is a list of names and values"
        )
    unknown = sorted(set(map(str, found)) - _KEYS)
    missing = sorted({"code", "service", "group", "place", "address", "openings"} - set(found))
    if unknown or missing:
        code = found.get("code", "?")
        told = [(f"inconnu : {', '.join(unknown)}", f"unknown: {', '.join(unknown)}")] * bool(unknown)
        told += [(f"manque : {', '.join(missing)}", f"missing: {', '.join(missing)}")] * bool(missing)
        french, english = zip(*told, strict=True)
        raise Invalid(f"Agenda « {code} » : {' ; '.join(french)}.", english=f"agenda {code}: {'; '.join(english)}")
    try:
        wish = Wish(
            code=str(found["code"]),
            service=str(found["service"]),
            group=str(found["group"]),
            place=str(found["place"]),
            address=str(found["address"]),
            advice=str(found.get("advice", "")),
            openings=tuple(one for rule in found["openings"] for one in _openings(rule)),
            duration=int(found.get("duration", Wish.duration)),
            durations=tuple(sorted((str(slug), int(minutes)) for slug, minutes in found.get("durations", {}).items())),
            step=int(found.get("step", Wish.step)),
            lead_hours=int(found.get("lead_hours", Wish.lead_hours)),
            horizon_days=int(found.get("horizon_days", Wish.horizon_days)),
            open_on_holidays=bool(found.get("open_on_holidays", Wish.open_on_holidays)),
            closures=tuple(_closure(one) for one in found.get("closures", ())),
            active=bool(found.get("active", Wish.active)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Invalid(
            f"Agenda « {found['code']} » : une valeur n’est pas de la forme attendue ({error}).",
            english=f"agenda {found['code']}: a value is not as expected ({error})",
        ) from error
    wish.check(wish.code)
    return wish


def _openings(rule: Mapping[str, Any]) -> list[Opening]:
    days = [WEEKDAYS.index(name.strip()) + 1 for name in str(rule["days"]).split(",")]
    return [Opening(day, minutes(rule["from"]), minutes(rule["to"]), int(rule.get("desks", 1))) for day in days]


def _closure(found: Mapping[str, Any]) -> Closure:
    first = date.fromisoformat(str(found["from"]))
    return Closure(first, date.fromisoformat(str(found.get("to", first))), str(found.get("reason", "")))


def minutes(text: object) -> int:
    """Minutes since midnight of « 9:30 » or « 9 h 30 »; `ValueError` when it is no hour."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text  # YAML reads 9:30 as a number of minutes
    found = re.fullmatch(r"\s*(\d{1,2})\s*[:hH]\s*(\d{2})?\s*", str(text))
    if found is None or int(found[1]) > 23 or int(found[2] or 0) > 59:
        raise ValueError(f"{text!r} is no hour")
    return int(found[1]) * 60 + int(found[2] or 0)
