"""Documents that join requests outside of their forms: «Ajouter» in the tracking, new files for requests under way (A12, B14)."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import flash, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.contact import documents
from engine.contact.documents import Received
from engine.core import config
from engine.core.db import Session
from engine.core.errors import Conflict, NotFound, RefusedFile
from engine.procedures import attachments as joining
from engine.procedures import cases
from engine.procedures.cases import Case
from portal import access, attachments, intake
from portal.access import current_actor, reading, transactional
from portal.attachments import Place
from portal.residents import blueprint, menu, tracking
from portal.residents.account import account_id
from portal.residents.joined import FIELD, FORM

ADDED = "Vos pièces sont ajoutées à votre demande."
UPDATED = "Vos demandes en cours ont reçu la nouvelle version."
NOTHING = "Choisissez au moins un fichier."

# --- the tab «Pièces jointes» ----------------------------------------------------------------------------------------------


@blueprint.post("/demandes/<reference>/pieces")
@access.case_holder
@access.in_phases
@intake.takes_files
def join_files(reference: str) -> Response:
    """«Ajouter»: files of the device or of one's space join a filed request."""
    refused = attachments.take(_place, reference=reference)
    if not refused and not any(g.get("received", {}).values()):
        refused = {FIELD: NOTHING}
    if refused:
        return _again(reference=reference, refused=refused)
    flash(ADDED, "success")
    return redirect(url_for(".show_tab", reference=reference, tab="pieces"), 303)


@reading
def _again(session: Session, case: Case, refused: Mapping[str, str]) -> Response:
    return make_response(tracking.page(session, case, "pieces", refused), 422)


def _place(session: Session, case: Case, *, writing: bool) -> Place:
    joining.check_allowed(session, case)

    def take(_session: Session, _file_id: str) -> None:
        raise NotFound  # what joined a request stays with it

    return Place(
        owner=case.id,
        form=FORM,
        give=lambda session, received, _path: joining.add(session, case, received, current_actor()).id,
        take=take,
        given=lambda session, count: joining.note(session, case, current_actor(), count),
    )


# --- a document was replaced -----------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/pieces/<uuid:document_id>/demandes")
@access.resident
@reading
def offer_document(session: Session, document_id: UUID) -> Response | str:
    """The requests under way that hold former files of the document: each may have the new ones."""
    document = documents.find_own(session, account_id(), document_id)
    uses = joining.outdated(session, document)
    if not uses:
        return redirect(url_for(".show_documents"), 303)
    return render_template("residents/document_uses.html", document=document, uses=uses, sectors=menu.menu_sectors())


@blueprint.post("/mon-espace/pieces/<uuid:document_id>/demandes")
@access.resident
@access.in_phases
def give_document(document_id: UUID) -> Response:
    """Give the new files to the chosen requests."""
    chosen = request.form.getlist("demandes")[:100]
    failed = [message for reference in chosen if (message := _give(document_id, reference))]
    for message in failed:
        flash(message, "info")
    if not chosen:
        flash("Choisissez au moins une demande.", "info")
        return redirect(url_for(".offer_document", document_id=document_id), 303)
    if len(failed) < len(chosen):
        flash(UPDATED, "success")
    return redirect(url_for(".show_documents"), 303)


def _give(document_id: UUID, reference: str) -> str | None:
    """Copy the files, then name the copies in a transaction of their own; why it can't be, or None."""
    case_id, files = _asked(document_id=document_id, reference=reference)
    settings = config.current()
    copies = [
        documents.copied(settings, one, owner=case_id, origin=documents.Origin(document_id, one.id)) for one in files
    ]
    try:
        _replace(document_id=document_id, reference=reference, copies=copies)
    except (Conflict, RefusedFile) as error:
        for copy in copies:
            documents.discard(settings, copy)
        return f"{reference}\u00a0: {error.message}"
    except BaseException:
        for copy in copies:
            documents.discard(settings, copy)
        raise
    return None


@reading
def _asked(session: Session, document_id: UUID, reference: str) -> tuple[UUID, list[documents.DocumentFile]]:
    document = documents.find_own(session, account_id(), document_id)
    case = cases.find(session, reference, current_actor())
    files = documents.files_of(session, [document.id])[document.id]
    return case.id, [one for one in files if one.scan != documents.INFECTED]


@transactional
def _replace(session: Session, document_id: UUID, reference: str, copies: list[Received]) -> None:
    document = documents.find_own(session, account_id(), document_id)
    case = cases.find(session, reference, current_actor(), lock=True)
    joining.replace(session, case, document, copies, current_actor())
