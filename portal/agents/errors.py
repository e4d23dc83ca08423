"""What agents read when they lose a race, or follow the address of a task that is done: what happened, and the way back."""

from __future__ import annotations

from flask import g, make_response, render_template, request
from werkzeug.wrappers import Response

from engine.core.errors import AlreadyClaimed, Conflict, NotFound, ParvisError
from portal import errors
from portal.agents import blueprint, filters
from portal.errors import status_of


@blueprint.errorhandler(Conflict)
@blueprint.errorhandler(NotFound)
def show(error: ParvisError) -> Response:
    """The page of a conflict, with what was typed, or of something that is not there (any more)."""
    if request.path.startswith("/agents/profil"):
        return errors.page(status_of(type(error)), error.message)
    page = render_template(
        "agents/conflict.html",
        title=_title(error),
        message=error.message,
        typed=g.get("typed_answers", []),
        about=g.get("about", ""),
        chosen=filters.read(request.args),
        nothing_done=isinstance(error, Conflict) and request.method == "POST",
    )
    return make_response(page, status_of(type(error)))


def _title(error: ParvisError) -> str:
    if isinstance(error, AlreadyClaimed):
        return "Un collègue a pris cette tâche en charge"
    return "Cette tâche n’est plus à traiter" if isinstance(error, Conflict) else "Introuvable ou déjà traité"
