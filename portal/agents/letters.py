"""«Courriers à poster»: what is told to who prefers letters, to print and to put in an envelope (D3)."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from engine.contact import notifications
from engine.core.db import Session
from engine.procedures import notifications as told
from portal import access
from portal.access import current_actor, reading, transactional
from portal.agents import blueprint


@blueprint.get("/agents/courriers")
@access.agent
@reading
def show_letters(session: Session) -> str:
    """The letters that wait for the agent's groups, the oldest first."""
    return render_template("agents/letters.html", letters=notifications.to_post(session, current_actor().groups))


@blueprint.get("/agents/courriers/<int:letter_id>")
@access.agent
@reading
def show_letter(session: Session, letter_id: int) -> str:
    """One letter, as it is printed."""
    letter = notifications.find_letter(session, letter_id, current_actor().groups)
    return render_template("agents/letter.html", letter=letter)


@blueprint.post("/agents/courriers/<int:letter_id>")
@access.agent
@transactional
def mark_posted(session: Session, letter_id: int) -> Response:
    """It is in the post."""
    actor = current_actor()
    letter = notifications.find_letter(session, letter_id, actor.groups)
    told.mark_posted(session, letter, actor)
    flash(f"Le courrier de la demande {letter.reference} est noté comme posté.", "success")
    return redirect(url_for(".show_letters"), 303)
