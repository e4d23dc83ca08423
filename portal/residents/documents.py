"""«Mes pièces»: the documents of one's space, and the form to add and change them (B14); files of requests, to their holders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.contact import documents
from engine.contact.documents import Document
from engine.core import audit, config
from engine.core.db import Session
from engine.core.errors import InvalidAnswers, NotFound
from engine.procedures import attachments as joining
from engine.procedures import forms
from engine.procedures.cases import Case
from portal import access, attachments, intake, rendering, typed
from portal.access import current_actor, reading, transactional
from portal.attachments import Place, attachment, size
from portal.residents import blueprint, menu
from portal.residents.account import account_id

SAVED = "Votre pièce est enregistrée."
DELETED = "Votre pièce et ses fichiers sont supprimés. Les copies jointes à vos demandes y restent."

FORM = forms.load(
    "piece",
    {
        "piece": json.dumps(
            {
                "type": "object",
                "x-order": ["type", "titre", "date", "expiration", "fichiers"],
                "required": ["type", "titre", "fichiers"],
                "properties": {
                    "type": {
                        "title": "Type de pièce",
                        "type": "string",
                        "x-widget": "select",
                        "oneOf": [{"const": kind, "title": label} for kind, label in documents.KINDS.items()],
                    },
                    "titre": {
                        "title": "Titre",
                        "description": "Pour la reconnaître parmi vos pièces, par exemple «\u00a0Carte d’identité de Léa\u00a0».",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 100,
                        "x-messages": {"required": "Donnez un titre à cette pièce."},
                    },
                    "date": {
                        "title": "Date de la pièce",
                        "description": "Celle qui figure dessus, par exemple 27\u00a03\u00a02024.",
                        "type": "string",
                        "format": "date",
                        "x-min": "1900-01-01",
                        "x-max": "aujourdhui",
                    },
                    "expiration": {
                        "title": "Date d’expiration",
                        "description": "Nous vous préviendrons par courriel un mois avant, par exemple 27\u00a03\u00a02034.",
                        "type": "string",
                        "format": "date",
                        "x-min": "1900-01-01",
                        "x-max": "2199-12-31",
                    },
                    "fichiers": {
                        "title": "Fichiers",
                        "description": "Par exemple le recto et le verso.",
                        "type": "array",
                        "x-widget": "files",
                        "items": {"type": "string", "format": "uuid"},
                        "minItems": 1,
                        "maxItems": documents.FILES_MAX,
                        "x-accept": "pdf,jpg,png",
                    },
                },
            }
        ).encode()
    },
)


# --- of a request ----------------------------------------------------------------------------------------------------------


@blueprint.get("/demandes/<reference>/pieces/<uuid:file_id>")
@access.case_holder
@reading
def download(session: Session, case: Case, file_id: UUID) -> Response:
    """The file, to save."""
    return attachment(documents.find(session, case.id, file_id))


# --- the list --------------------------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/pieces")
@access.resident
@reading
def show_documents(session: Session) -> str:
    """The documents of one's space, each with its files, and how much room is left."""
    found = documents.of_account(session, account_id())
    files = documents.files_of(session, [one.id for one in found])
    return render_template(
        "residents/documents.html",
        documents=[
            (
                one,
                documents.KINDS.get(one.kind, ""),
                [
                    attachments.told(file, _address(one, file.id))
                    for file in files[one.id]
                    if not (one.finished and file.taken_away)
                ],
            )
            for one in found
        ],
        space=documents.space(session, config.current(), account_id()),
        size=size,
        sectors=menu.menu_sectors(),
        full=len(found) >= documents.DOCUMENTS_MAX,
    )


@blueprint.get("/mon-espace/pieces/<uuid:document_id>/fichiers/<uuid:file_id>")
@access.resident
@reading
def download_own(session: Session, document_id: UUID, file_id: UUID) -> Response:
    """A file of one's space, to save."""
    return attachment(documents.find_own_file(session, account_id(), document_id, file_id))


def _address(document: Document, file_id: UUID) -> str:
    return url_for("residents.download_own", document_id=document.id, file_id=file_id)


# --- the form --------------------------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/pieces/ajouter")
@access.resident
@access.in_phases
def add_document() -> Response:
    """An empty form. Its address is that of the document to be: sent twice, it makes one document."""
    return _draw(document_id=uuid4(), fresh=True)


@blueprint.get("/mon-espace/pieces/<uuid:document_id>")
@access.resident
@access.in_phases
def show_document(document_id: UUID) -> Response:
    """The form with what the document says."""
    posted = typed.given_back()
    return _draw(document_id=document_id, posted=posted, fresh=posted is not None)


@blueprint.post("/mon-espace/pieces/<uuid:document_id>")
@access.resident
@access.in_phases
@intake.takes_files
@typed.kept_on_expiry
def change_document(document_id: UUID) -> Response:
    """Keep the document and its files; with errors, the page again, and the files are kept."""
    action = rendering.action(request.form)
    refused = attachments.take(_place, document_id=document_id)
    if action.name == "remove-file":
        attachments.take_away(_place, action.file, document_id=document_id)
    if action.stays:
        return _draw(document_id=document_id, posted=request.form, errors=refused, fresh=True)
    try:
        changed = _finish(document_id=document_id, refused=refused)
    except InvalidAnswers as error:
        return _draw(document_id=document_id, posted=request.form, errors={**error.errors, **refused}, fresh=True)
    flash(SAVED, "success")
    if changed:
        return redirect(url_for(".offer_document", document_id=document_id), 303)
    return redirect(url_for(".show_documents"), 303)


def _place(session: Session, document_id: UUID, *, writing: bool) -> Place:
    """Where the files of a document go; it begins with the first of them."""

    def begun(session: Session) -> Document:
        return documents.begun(session, account_id(), document_id)

    return Place(
        owner=document_id,
        form=FORM,
        give=lambda session, received, _path: (
            documents.add_file(session, config.current(), begun(session), received).id
        ),
        take=lambda session, file_id: documents.take_away(
            session, config.current(), documents.find_own(session, account_id(), document_id), file_id
        ),
    )


@transactional
def _finish(session: Session, document_id: UUID, refused: Mapping[str, str]) -> bool:
    """Take what was typed; whether requests under way may want the new files."""
    document = documents.begun(session, account_id(), document_id)
    held = {str(file.id) for file in documents.files_of(session, [document_id])[document_id]}
    answers = forms.validate(FORM, _typed(request.form), context={"files": held})
    if answers.get("expiration") and answers["expiration"] < answers.get("date", ""):
        raise InvalidAnswers({"expiration": "La date d’expiration ne peut pas être avant la date du document."})
    if refused:
        raise InvalidAnswers(refused)
    changed = documents.finish(
        session,
        config.current(),
        document,
        kind=answers["type"],
        title=answers["titre"],
        dated_on=_date(answers.get("date")),
        expires_on=_date(answers.get("expiration")),
        file_ids=answers["fichiers"],
    )
    return changed and bool(joining.outdated(session, document))


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _typed(posted: MultiDict[str, str]) -> dict[str, Any]:
    answers = attachments.with_received(rendering.read(FORM, posted))
    return rendering.act(FORM, answers, rendering.action(posted)) if "_action" in posted else answers


@reading
def _draw(
    session: Session,
    document_id: UUID,
    fresh: bool,
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    document = _document(session, document_id, fresh=fresh)
    files = documents.files_of(session, [document_id])[document_id] if document is not None else []
    answers = _typed(posted) if posted is not None else _told(document, [str(file.id) for file in files])
    fields = forms.fields(FORM, answers, context={"files": {str(file.id) for file in files}})
    errors = errors or {}
    page = render_template(
        "residents/document.html",
        document=document,
        document_id=document_id,
        sectors=menu.menu_sectors(),
        fields=fields,
        errors=errors,
        error_list=rendering.error_list(fields, errors),
        files={str(one.id): attachments.told(one, _address(document, one.id)) for one in files} if document else {},
    )
    return make_response(page, 422 if errors else 200)


def _document(session: Session, document_id: UUID, *, fresh: bool) -> Document | None:
    try:
        return documents.find_own(session, account_id(), document_id)
    except NotFound:
        if fresh:
            return None
        raise


def _told(document: Document | None, file_ids: list[str]) -> dict[str, Any]:
    if document is None:
        return {}
    return {
        "type": document.kind if document.finished else None,
        "titre": document.title,
        "date": document.dated_on.isoformat() if document.dated_on else None,
        "expiration": document.expires_on.isoformat() if document.expires_on else None,
        "fichiers": file_ids,
    }


# --- deleting --------------------------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/pieces/<uuid:document_id>/supprimer")
@access.resident
@reading
def ask_to_delete_document(session: Session, document_id: UUID) -> str:
    """Say what deleting does, and ask to confirm."""
    document = documents.find_own(session, account_id(), document_id)
    number = len(documents.files_of(session, [document_id])[document_id])
    return render_template(
        "residents/document_deletion.html", document=document, number=number, sectors=menu.menu_sectors()
    )


@blueprint.post("/mon-espace/pieces/<uuid:document_id>/supprimer")
@access.resident
@transactional
def delete_document(session: Session, document_id: UUID) -> Response:
    """Delete the document with its files; the second click finds it gone, which is as well."""
    try:
        document = documents.find_own(session, account_id(), document_id)
    except NotFound:
        return redirect(url_for(".show_documents"), 303)
    documents.delete(session, config.current(), document)
    audit.record(session, current_actor(), "document.deleted", "document", document_id)
    flash(DELETED, "success")
    return redirect(url_for(".show_documents"), 303)
