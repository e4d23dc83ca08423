"""Interruptions of the service, planned or not: what every page says about them, from when and until when (D5).

In a file of the data folder and not in the database: an interruption may well be the database's, and each page asks.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from engine.core import clock
from engine.core.config import Settings
from engine.core.errors import Invalid

MESSAGE_MAX = 500
_FILE = "interruption.json"


@dataclass(frozen=True)
class Interruption:
    """What is announced: from `shown_from` on until `until`, when that is known. `planned` ones say when they begin."""

    message: str
    planned: bool
    shown_from: datetime
    begins: datetime | None = None
    until: datetime | None = None


def announce(
    settings: Settings,
    message: str,
    *,
    planned: bool = False,
    shown_from: datetime | None = None,
    begins: datetime | None = None,
    until: datetime | None = None,
) -> Interruption:
    """Show the message on every page, in place of the one before; `Invalid` when it is empty, too long, or over already."""
    text = " ".join(message.split())
    if not text or len(text) > MESSAGE_MAX:
        raise Invalid(
            f"Le message compte de 1 à {MESSAGE_MAX} caractères.",
            english=f"the message takes 1 to {MESSAGE_MAX} characters",
        )
    if until is not None and (until <= clock.now() or (begins is not None and until <= begins)):
        raise Invalid(
            "L’interruption finirait avant d’avoir commencé, ou elle est déjà finie.",
            english="the interruption would end before it began, or has ended already",
        )
    made = Interruption(text, planned, shown_from or clock.now(), begins, until)
    settings.data.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=settings.data, prefix=f"{_FILE}.")
    with os.fdopen(handle, "w") as file:
        json.dump({name: _written(value) for name, value in vars(made).items()}, file)
    # Read by processes that run under other accounts of the same group, and never half written.
    Path(draft).chmod(0o640)
    Path(draft).replace(settings.data / _FILE)
    return made


def withdraw(settings: Settings) -> bool:
    """Show nothing any more; False when nothing was announced."""
    path = settings.data / _FILE
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def announced(settings: Settings) -> Interruption | None:
    """What was announced last, whether or not it shows today."""
    path = settings.data / _FILE
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


def shown(settings: Settings) -> Interruption | None:
    """What pages say now; None when there is nothing, or not yet, or no longer."""
    found, now = announced(settings), clock.now()
    if found is None or now < found.shown_from or (found.until is not None and now >= found.until):
        return None
    return found


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> Interruption | None:
    try:
        kept = json.loads(path.read_text())
        return Interruption(
            message=str(kept["message"]),
            planned=bool(kept["planned"]),
            shown_from=_instant(kept["shown_from"]),
            begins=_instant(kept["begins"]) if kept["begins"] else None,
            until=_instant(kept["until"]) if kept["until"] else None,
        )
    except (KeyError, ValueError, TypeError):
        return None  # written by hand, and wrong: no page may fail for that


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _written(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
