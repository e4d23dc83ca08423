"""Depositing a version: a zip of one procedure, checked as `./parvis check` does, kept and not offered yet (F1, F2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.bpmn.model import Problem
from engine.core.db import Session
from engine.core.errors import DefinitionError
from engine.people import groups, throttle
from engine.procedures import deposits, lanes, publications
from engine.procedures.catalogue import SourceSet
from engine.procedures.deposits import RefusedDeposit
from portal import access, intake, proof
from portal.access import current_actor, reading, transactional
from portal.studio import blueprint

FIELD = "archive"
# Reading and checking a procedure keeps a processor busy for a moment.
CHECKS = throttle.Limit("deposits", burst=20, every=timedelta(seconds=10))


@blueprint.get("/depot-de-demarche")
@access.analyst
@reading
def show_deposit(session: Session) -> Response:
    """Where a version is deposited."""
    proof.check(session)
    return _page()


@blueprint.post("/depot-de-demarche")
@access.analyst
@access.in_phases
def deposit() -> Response:
    """Keep the procedure as a version; with problems, the page again with all of them."""
    _admitted()
    file = request.files.get(FIELD)
    if file is None or not file.filename:
        return _page(refused="Choisissez le fichier zip de la démarche.")
    try:
        sources = deposits.read(file.stream.read(intake.BODY_MAX))
    except RefusedDeposit as error:
        return _page(refused=error.message)
    doubts = _doubts(sources=sources)
    try:
        return _kept(sources=sources, doubts=doubts)
    except DefinitionError as error:
        problems = [one for one in error.problems if isinstance(one, Problem)]
        return _page(problems=[*dict.fromkeys(problems), *doubts], name=sources.slug)


@reading
def _admitted(session: Session) -> None:
    proof.check(session)
    throttle.take(CHECKS, str(current_actor().account_id))


@reading
def _doubts(session: Session, sources: SourceSet) -> list[Problem]:
    """Lanes that are nearly called like a group: publishing would open another."""
    return lanes.nearly_groups(sources, groups.names(session))


@transactional
def _kept(session: Session, sources: SourceSet, doubts: Sequence[Problem]) -> Response:
    version, new = publications.keep(session, sources, who=current_actor())
    if new:
        flash(f"La version {version.number} est déposée. Elle n’est pas encore publiée.", "success")
    else:
        flash(f"Ce contenu est déjà celui de la version {version.number}\u00a0: rien n’a été ajouté.", "info")
    for doubt in doubts:
        flash(doubt.message, "info")
    return redirect(url_for(".show_version", slug=version.slug, number=version.number), 303)


def _page(*, refused: str = "", problems: Sequence[Problem] = (), name: str = "") -> Response:
    page = render_template(
        "studio/deposit.html",
        refused=refused,
        problems=problems,
        name=name,
        errors=bool(refused or problems),
        limits=deposits,
    )
    return make_response(page, 422 if refused or problems else 200)
