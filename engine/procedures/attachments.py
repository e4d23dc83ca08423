"""Documents that join a filed request outside of any form, and what becomes of the copies that requests hold (A12, B14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from engine.contact import documents, notifications
from engine.contact.documents import Document, Received, StoredFile
from engine.core import config
from engine.core.db import Session
from engine.core.errors import Conflict, RefusedFile
from engine.people.actors import SYSTEM, Actor
from engine.procedures import cases, catalogue, history, tasks
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition
from engine.procedures.forms.form import walk
from engine.procedures.tasks import HumanTask

FIELD = "ajout"
"""The field of what joins a request outside of its forms."""
FILES_MAX = 20
CLOSED = "Cette demande ne peut plus recevoir de pièce."


def allowed(case: Case, definition: Definition, open_tasks: Sequence[HumanTask]) -> bool:
    """Whether the resident may add documents now: the procedure has to do with documents, and nothing of it forbids it.

    `addDocuments` of the process says yes or no; unless it does, procedures that ask for documents say yes. An open task with
    `addDocuments` = no forbids it for as long as it is open.
    """
    return (
        case.status == "filed"
        and definition.is_yes("addDocuments", default=_asks_for_documents(definition))
        and all(definition.node(task.element_id).properties.get("addDocuments") != "no" for task in open_tasks)
    )


def _asks_for_documents(definition: Definition) -> bool:
    if definition.properties.get("documents"):
        return True
    forms = (definition.form_of(node.id) for node in definition.process.elements.values() if node.is_human)
    return any(spot.kind == "files" for form in forms if form is not None for _, spot in walk(form.spots))


def join(
    session: Session, case: Case, received: Sequence[Received], actor: Actor, *, replacing: bool = False
) -> list[StoredFile]:
    """Add documents to a filed request; `Conflict` when it takes none now, `RefusedFile` when it has too many.

    The caller holds the request's row.
    """
    check_allowed(session, case)
    added = [add(session, case, one, actor) for one in received]
    note(session, case, actor, len(added), replacing=replacing)
    return added


def check_allowed(session: Session, case: Case) -> None:
    """Raise `Conflict` when the request takes no document now."""
    if not allowed(case, catalogue.definition(session, case.version_id), tasks.of_case(session, case.id)):
        raise Conflict(CLOSED, reference=case.reference)


def add(session: Session, case: Case, received: Received, actor: Actor) -> StoredFile:
    """Add one file outside of any form; `RefusedFile` when the request has too many."""
    held = sum(one.field.startswith(f"{FIELD}.") for one in documents.of_case(session, case.id))
    if held >= FILES_MAX:
        raise RefusedFile(f"Vous pouvez ajouter {FILES_MAX} fichiers au plus à une demande.", reason="count")
    # A field takes few files, and here several times some may come: each has a field of its own.
    return documents.add(session, received, case_id=case.id, field=f"{FIELD}.{held + 1}", actor=actor)


def note(session: Session, case: Case, actor: Actor, count: int, *, replacing: bool = False) -> None:
    """Tell in the history that documents joined the request."""
    if count:
        kind = "document_replaced" if replacing else "document_added"
        history.record(session, [history.row(case.id, kind, actor, data={"count": count})])


def tell_refused(session: Session, file_id: UUID) -> None:
    """Tell of a file that the virus scan refused after it was given to a filed request: in the history, and to the resident."""
    file = session.get(StoredFile, file_id)
    case = session.get(Case, file.case_id) if file is not None else None
    if file is None or case is None or case.filed_at is None:
        return
    definition = catalogue.definition(session, case.version_id)
    history.record(session, [history.row(case.id, "document_refused", SYSTEM, data={"file": str(file.id)})])
    notifications.send(
        session,
        case_id=case.id,
        reference=case.reference,
        to=case.usager.get("courriel"),
        name="fichier-refuse",
        subject=f"Un fichier de votre demande {case.reference} est refusé",
        text=(
            f"Bonjour,\n\nLe fichier «\u00a0{file.name}\u00a0» joint à votre demande «\u00a0{definition.title}\u00a0» est refusé "
            "par notre antivirus et a été supprimé.\n\n"
            "Vérifiez votre appareil, puis ajoutez un autre fichier depuis le suivi de votre demande."
        ),
        link=cases.tracking_address(session, case),
        element_id="fichier-refuse",
        occurrence=str(file.id),
    )
    history.record(session, [history.row(case.id, "notified", SYSTEM, data={"name": "fichier-refuse"})])


# --- documents of one's space ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Use:
    """A request under way that holds copies of files that its owner has replaced since in their space."""

    case: Case
    title: str
    copies: list[StoredFile]
    takes: bool


def outdated(session: Session, document: Document) -> list[Use]:
    """The requests under way that hold former files of a document, the latest first; `takes`: the new ones can join them."""
    current = {file.id for file in documents.files_of(session, [document.id])[document.id]}
    running = (
        select(Case)
        .where(Case.account_id == document.account_id, Case.status.in_(("draft", "filed")))
        .order_by(Case.opened_at.desc())
    )
    found = {case.id: case for case in session.scalars(running)}
    copies: dict[UUID, list[StoredFile]] = {}
    for one in documents.copies_of(session, list(found), document.id):
        copies.setdefault(one.case_id, []).append(one)
    uses = []
    for case_id, held in copies.items():
        # The new files may have joined already, beside the former ones which stay.
        if any(one.origin_id in current for one in held) and found[case_id].filed_at is not None:
            continue
        former = [one for one in held if one.origin_id not in current]
        if former:
            case = found[case_id]
            definition = catalogue.definition(session, case.version_id)
            takes = case.draft or allowed(case, definition, tasks.of_case(session, case.id))
            uses.append(Use(case, definition.title, former, takes))
    return sorted(uses, key=lambda use: use.case.opened_at, reverse=True)


def replace(session: Session, case: Case, document: Document, received: Sequence[Received], actor: Actor) -> None:
    """Give a request the new files of a document: in a draft they take the place of the former ones; a filed request keeps
    what was filed, and the new ones join it. The caller holds the request's row."""
    if not case.draft:
        join(session, case, received, actor, replacing=True)
        return
    use = next((one for one in outdated(session, document) if one.case.id == case.id), None)
    if use is None:
        return
    fields: dict[str, list[StoredFile]] = {}
    for copy in use.copies:
        fields.setdefault(copy.field, []).append(copy)
    # One field as a rule: a document answers one question.
    field, former = next(iter(fields.items()))
    ids = {str(one.id) for one in former}
    for one in former:
        documents.remove(session, config.current(), one)
    fresh = [str(documents.add(session, one, case_id=case.id, field=field, actor=actor).id) for one in received]
    case.document = _swapped(case.document, ids, fresh)
    if case.typed:
        case.typed = _swapped(case.typed, ids, fresh)
    session.flush()


def _swapped(value: Any, former: set[str], fresh: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {name: _swapped(one, former, fresh) for name, one in value.items()}
    if isinstance(value, list):
        if any(isinstance(one, str) and one in former for one in value):
            kept = [one for one in value if one not in former]
            return [*kept, *fresh]
        return [_swapped(one, former, fresh) for one in value]
    return value
