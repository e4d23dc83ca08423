"""Due dates as agents read them at a glance: how late, or how soon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.core import clock
from engine.core.clock import PARIS
from portal.words import NBSP, count, short_day

SOON = 2
"""Days before its due date from which a task is said to be due soon."""


@dataclass(frozen=True, slots=True)
class Due:
    """A due date in words; `state` decides of the look, which never says more than the words."""

    text: str
    day: str
    iso: str
    state: Literal["late", "today", "soon", "later"]


def due(at: datetime | None) -> Due | None:
    """When a task is due, counted in days of the calendar; None when it has no due date."""
    if at is None:
        return None
    local = at.astimezone(PARIS)
    days = (local.date() - clock.today()).days
    day, iso = short_day(local), local.isoformat(timespec="minutes")
    if at < clock.now():
        text = f"En retard de {count(-days, 'jour')}" if days < 0 else "En retard"
        return Due(text, day, iso, "late")
    if days == 0:
        return Due(f"Aujourd’hui avant {local:%H}{NBSP}h{NBSP}{local:%M}", day, iso, "today")
    text = "Demain" if days == 1 else f"Dans {count(days, 'jour')}"
    return Due(text, day, iso, "soon" if days <= SOON else "later")
