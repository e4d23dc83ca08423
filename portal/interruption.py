"""What every page says around its content: an interruption of the service, and where accessibility stands (D5, D6)."""

from __future__ import annotations

from flask import Flask

from engine.core import config, interruptions, texts
from engine.core.errors import ParvisError
from engine.core.interruptions import Interruption
from portal import words


def install(app: Flask) -> None:
    """Let `base.html` ask for them: a look at two files, and no statement."""

    def interruption() -> Interruption | None:
        return interruptions.shown(config.current())

    app.jinja_env.globals.update(
        interruption=interruption, interruption_dates=_dates, accessibility_status=_accessibility_status
    )


def _dates(one: Interruption) -> str:
    """«Du 3 mars 2027 à 20 h 00 au 4 mars 2027 à 06 h 00.»; empty when no date is known."""
    if one.begins and one.until:
        return f"Du {words.moment(one.begins)} au {words.moment(one.until)}."
    if one.begins:
        return f"À partir du {words.moment(one.begins)}."
    return f"Jusqu’au {words.moment(one.until)}." if one.until else ""


def _accessibility_status() -> str:
    try:
        return texts.find("accessibilite").facts.get("statut", "")
    except ParvisError:
        return ""  # a text that was spoilt must not take every page with it
