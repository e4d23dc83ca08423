"""Files given with a request: received with a form, shown, downloaded, taken away (A19).

A file is kept as soon as it has come, before the form is checked: errors elsewhere lose no upload. What a draft's answers no
longer name goes when the step is validated, and not before: who leaves the page finds the answers as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import g, request, send_file
from werkzeug.wrappers import Response

from engine.contact import documents
from engine.contact.documents import Received, StoredFile
from engine.core import config
from engine.core.db import Session
from engine.core.errors import RefusedFile
from engine.procedures import forms
from engine.procedures.cases import Case
from engine.procedures.forms import Form
from portal import access, rendering
from portal.access import current_actor, reading
from portal.residents import blueprint

_TAKEN_AWAY = " (retiré)"


@blueprint.get("/demandes/<reference>/pieces/<uuid:file_id>")
@access.case_holder
@reading
def download(session: Session, case: Case, file_id: UUID) -> Response:
    """The file, to save: a browser never shows here what somebody uploaded."""
    return attachment(documents.find(session, case.id, file_id))


def attachment(stored: StoredFile) -> Response:
    """The content of a stored file as a download."""
    answer = send_file(
        documents.open_file(config.current(), stored),
        mimetype=stored.media_type,
        as_attachment=True,
        download_name=stored.name,
        etag=False,
    )
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Length"] = str(stored.size)
    return answer


def described(session: Session, case: Case) -> dict[str, dict[str, Any]]:
    """The files of a request by id, as pages name them."""
    return {
        str(stored.id): {
            "name": stored.name,
            "size": size(stored.size),
            "href": f"/demandes/{case.reference}/pieces/{stored.id}",
        }
        for stored in documents.of_case(session, case.id)
    }


def size(count: int) -> str:
    """A number of bytes as people say it."""
    if count < 1_000_000:
        return f"{max(1, round(count / 1000))}\u00a0ko"
    return f"{count / 1_000_000:.1f}\u00a0Mo".replace(".", ",")


# --- received with a form --------------------------------------------------------------------------------------------------


def sent() -> bool:
    """Whether this request carries files."""
    return any(file.filename for file in request.files.values())


def check(form: Form, owner: UUID) -> tuple[dict[str, list[Received]], dict[str, str]]:
    """Read and check the files that were sent, by field, with why some are refused. Slow: outside of any transaction."""
    settings = config.current()
    found: dict[str, list[Received]] = {}
    refused: dict[str, str] = {}
    for path, files in rendering.uploads(form, request.files).items():
        for file in files:
            try:
                received = documents.receive(settings, owner=owner, filename=file.filename or "", stream=file.stream)
            except RefusedFile as error:
                refused.setdefault(path, error.message)
            else:
                found.setdefault(path, []).append(received)
    return found, refused


def add(session: Session, case: Case, place: str, found: Mapping[str, list[Received]]) -> dict[str, str]:
    """Give the received files to the request at `place` (a step or a task); why some can't be, by field."""
    refused: dict[str, str] = {}
    ids: dict[str, list[str]] = {}
    for path, several in found.items():
        for received in several:
            try:
                stored = documents.add(
                    session, received, case_id=case.id, field=f"{place}.{path}", actor=current_actor()
                )
            except RefusedFile as error:
                documents.discard(config.current(), received)
                refused.setdefault(path, error.message)
            else:
                ids.setdefault(path, []).append(str(stored.id))
    g.received = ids
    return refused


def with_received(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers with the files that came with this very request."""
    received: Mapping[str, list[str]] = g.get("received", {})
    for path, ids in received.items():
        given = forms.at(answers, path)
        _put(answers, path, [*(given if isinstance(given, list) else []), *ids])
    return answers


def _put(answers: dict[str, Any], path: str, value: list[str]) -> None:
    *parents, last = path.split(".")
    place: Any = answers
    for part in parents:
        if isinstance(place, list):
            if not part.isdigit() or int(part) >= len(place):
                return
            place = place[int(part)]
        else:
            place = place.setdefault(part, {})
    if isinstance(place, dict):
        place[last] = value


# --- taken away ------------------------------------------------------------------------------------------------------------


def take_away(session: Session, case: Case, file_id: str, *, place: str) -> None:
    """Take a file off a form: at once when no stored answer names it, otherwise once the step is validated without it."""
    stored = next((one for one in documents.of_case(session, case.id) if str(one.id) == file_id), None)
    if stored is None or not stored.field.startswith(f"{place}."):
        return
    if not named(case, file_id):
        documents.remove(session, config.current(), stored)
    elif not stored.field.endswith(_TAKEN_AWAY):
        # Its field has room again; the stored answer still finds it.
        stored.field += _TAKEN_AWAY


def tidy(session: Session, case: Case, place: str) -> None:
    """Remove the files of a draft's step that its answers no longer name."""
    for stored in documents.of_case(session, case.id):
        if stored.field.startswith(f"{place}.") and not named(case, str(stored.id)):
            documents.remove(session, config.current(), stored)


def named(case: Case, file_id: str) -> bool:
    """Whether a stored answer names the file."""

    def within(value: Any) -> bool:
        if isinstance(value, dict):
            return any(within(one) for one in value.values())
        if isinstance(value, list):
            return any(within(one) for one in value)
        return bool(value == file_id)

    return within(case.document)
