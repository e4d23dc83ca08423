"""Instants and days as pages write them: in French, on the city's clock."""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date
from flask import Flask

from engine.core.clock import PARIS
from engine.procedures.forms import wording

NBSP = "\u00a0"


def day(at: datetime | date) -> str:
    """«3 avril 2027»."""
    return wording.day(at.astimezone(PARIS) if isinstance(at, datetime) else at)


def short_day(at: datetime | date) -> str:
    """«03/04/2027»."""
    local = at.astimezone(PARIS) if isinstance(at, datetime) else at
    return format_date(local, "dd/MM/y", locale="fr")


def moment(at: datetime) -> str:
    """«3 avril 2027 à 14 h 05»."""
    local = at.astimezone(PARIS)
    return f"{day(local)} à {local:%H}{NBSP}h{NBSP}{local:%M}"


def hour(at: datetime) -> str:
    """«14 h 05»."""
    local = at.astimezone(PARIS)
    return f"{local.hour}{NBSP}h{NBSP}{local:%M}"


def count(number: int, one: str, many: str | None = None) -> str:
    """«1 demande», «3 demandes»; in French, zero is singular."""
    return f"{number}{NBSP}{one if number < 2 else many or one + 's'}"


def prepare(app: Flask) -> None:
    """Let the templates of `app` write them."""
    app.jinja_env.filters.update(day=day, short_day=short_day, moment=moment, hour=hour)
    app.jinja_env.globals["count"] = count
