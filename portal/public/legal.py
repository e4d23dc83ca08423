"""The texts that an account accepts: terms of use, privacy (B1, D6)."""

from __future__ import annotations

from flask import render_template

from engine.core.db import Session
from engine.people import terms
from engine.procedures import catalogue
from portal import access
from portal.access import reading
from portal.public import blueprint


@blueprint.get("/conditions-generales")
@access.anyone
@reading
def show_terms(session: Session) -> str:
    """The terms of use in force, with the procedures that need an account."""
    locked = [procedure for procedure in catalogue.published(session) if procedure.locked]
    return render_template("public/terms.html", text=terms.TEXTS[terms.TERMS], locked=locked)


@blueprint.get("/donnees-personnelles")
@access.anyone
def show_privacy() -> str:
    """The privacy policy in force."""
    return render_template("public/privacy.html", text=terms.TEXTS[terms.PRIVACY])
