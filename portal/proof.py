"""A fresh proof of who is there, before what a browser left open or a stolen cookie must not do (E7).

A page that needs one says so first (`check`); whoever proved who they are more than ten minutes ago is asked again, then led
back.
"""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Forbidden
from engine.people import sessions
from portal import access, typed

_KEPT = "Ce que vous avez saisi est conservé\u00a0: prouvez de nouveau que c’est bien vous pour le retrouver."


class ProofRequired(Forbidden):
    """The person has to prove again who they are before this."""


def check(session: Session) -> None:
    """`ProofRequired` unless the person proved who they are a short while ago."""
    if not sessions.freshly_proved(session, access.sign_in_token() or ""):
        raise ProofRequired


def install(blueprint: Blueprint) -> None:
    """Have the pages of a room ask for the proof, and lead back to the page."""
    blueprint.register_error_handler(ProofRequired, _ask)


def _ask(_error: Exception) -> Response:
    # What was posted isn't done: its page, which asks for the proof too, is shown again with what was typed.
    if typed.keeps(current_app.view_functions.get(request.endpoint or "")):
        typed.put_aside(_KEPT)
    known = "GET" in current_app.url_map.bind("").allowed_methods(request.path)
    return redirect(url_for("agents.show_proof", suite=request.path if known else None), 303)
