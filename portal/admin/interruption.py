"""«Interruption du service»: what every page says of it, from when until when (D5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core import audit, config, interruptions
from engine.core.clock import PARIS
from engine.core.db import Session
from engine.core.errors import Invalid, InvalidAnswers
from engine.procedures import forms
from portal import access, rendering, seen, typed
from portal.access import current_actor, reading, transactional
from portal.admin import blueprint
from portal.seen import ChangedMeanwhile

_DAY = {"type": "string", "format": "date"}
_HOUR = {
    "type": "string",
    "pattern": "^([01]?[0-9]|2[0-3])[:hH]([0-5][0-9])$",
    "x-width": 5,
    "x-messages": {"pattern": "Saisissez une heure, par exemple 20:00."},
}
FORM = forms.load(
    "interruption",
    {
        "interruption": json.dumps(
            {
                "type": "object",
                "x-order": ["nature", "message", "debut_jour", "debut_heure", "fin_jour", "fin_heure"],
                "required": ["nature", "message"],
                "properties": {
                    "nature": {
                        "title": "Interruption",
                        "type": "string",
                        "x-widget": "radios",
                        "oneOf": [
                            {"const": "prevue", "title": "Prévue"},
                            {"const": "en_cours", "title": "En cours"},
                        ],
                    },
                    "message": {
                        "title": "Message",
                        "description": "Ce que les usagers liront en haut de chaque page.",
                        "type": "string",
                        "x-widget": "textarea",
                        "maxLength": interruptions.MESSAGE_MAX,
                    },
                    "debut_jour": {"title": "Jour du début", **_DAY},
                    "debut_heure": {"title": "Heure du début", **_HOUR},
                    "fin_jour": {
                        "title": "Jour de la fin",
                        "description": "Le message disparaît à ce moment. Sans jour, il reste jusqu’à ce que vous le retiriez.",
                        **_DAY,
                    },
                    "fin_heure": {"title": "Heure de la fin", **_HOUR},
                },
                "dependentRequired": {
                    "debut_jour": ["debut_heure"],
                    "debut_heure": ["debut_jour"],
                    "fin_jour": ["fin_heure"],
                    "fin_heure": ["fin_jour"],
                },
            }
        ).encode()
    },
)


@blueprint.get("/interruption")
@access.administrator
@access.in_phases
def show_interruption() -> Response:
    """What is announced, and where it is written."""
    return _draw(posted=typed.given_back())


@blueprint.post("/interruption")
@access.administrator
@access.in_phases
@typed.kept_on_expiry
def announce_interruption() -> Response:
    """Show it on every page."""
    try:
        answers = forms.validate(FORM, rendering.read(FORM, request.form))
        _announce(answers=answers)
    except InvalidAnswers as error:
        return _draw(posted=request.form, errors=error.errors)
    except Invalid as error:
        return _draw(posted=request.form, errors={"fin_jour": error.message})
    except ChangedMeanwhile:
        return _draw(posted=request.form, changed=True)
    flash("Le message est affiché sur toutes les pages.", "success")
    return redirect(url_for(".show_interruption"), 303)


@blueprint.post("/interruption/retrait")
@access.administrator
@transactional
def withdraw_interruption(session: Session) -> Response:
    """Take it away."""
    if interruptions.withdraw(config.current()):
        audit.record(session, current_actor(), "content.published", "interruption", what="withdrawn")
        flash("Le message n’est plus affiché.", "success")
    return redirect(url_for(".show_interruption"), 303)


@transactional
def _announce(session: Session, answers: Mapping[str, Any]) -> None:
    seen.check(_mark())
    audit.record(session, current_actor(), "content.published", "interruption", what="announced")
    interruptions.announce(
        config.current(),
        answers["message"],
        planned=answers["nature"] == "prevue",
        begins=_moment(answers, "debut"),
        until=_moment(answers, "fin"),
    )


def _moment(answers: Mapping[str, Any], which: str) -> datetime | None:
    day, hour = answers.get(f"{which}_jour"), answers.get(f"{which}_heure")
    if not day or not hour:
        return None
    hours, minutes = hour.lower().replace("h", ":").split(":")
    return datetime.combine(date.fromisoformat(day), time(int(hours), int(minutes)), PARIS)


@reading
def _draw(
    _session: Session,
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    changed: bool = False,
) -> Response:
    given = {"nature": "prevue"} if posted is None else rendering.read(FORM, posted)
    fields = forms.fields(FORM, given)
    errors = dict(errors or {})
    page = render_template(
        "admin/interruption.html",
        announced=interruptions.announced(config.current()),
        shows=interruptions.shown(config.current()) is not None,
        fields=fields,
        errors=errors,
        error_list=rendering.error_list(fields, errors),
        changed=changed,
        seen=seen.carried(_mark(), posted, told=changed),
    )
    return make_response(page, 422 if errors else 409 if changed else 200)


def _mark() -> str:
    there = interruptions.announced(config.current())
    return seen.mark(*vars(there).values()) if there is not None else seen.mark()
