"""Files that come with a form, from the device or from «Mes pièces», and files shown: requests and documents share it (A19, B14).

A file is kept as soon as it has come, before the form is checked: errors elsewhere lose no upload. That takes three phases,
so that nobody's reading or writing waits for a decoder, a scanner or a store:

1. a session that only reads says who may give files, and where;
2. without any session, the files are read, judged, scanned, encrypted and written, and those of «Mes pièces» copied;
3. a transaction, which asks again who may, names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import g, request, send_file, url_for
from werkzeug.wrappers import Response

from engine.contact import documents
from engine.contact.documents import Content, DocumentFile, Received
from engine.core import config
from engine.core.db import Session
from engine.core.errors import BadRequest, NotFound, RefusedFile, Throttled, Unavailable
from engine.people import throttle
from engine.procedures import forms
from engine.procedures.cases import Case
from engine.procedures.forms import Form
from portal import rendering
from portal.access import current_actor, reading, transactional

# Each file is decoded: one network sends so many at a stretch, then one in so many seconds.
SENT = throttle.Limit("files", burst=120, every=timedelta(seconds=5))
_TAKEN_AWAY = " (retiré)"
_MISSING = "Cette pièce n’est plus dans votre espace\u00a0: choisissez-en une autre."
NOTES = {
    documents.WAITING: "en cours d’analyse",
    documents.INFECTED: "refusé par notre antivirus",
}
"""What is said beside a file that can't be opened."""


@dataclass(frozen=True)
class Place:
    """What takes the files of a form: a request at one of its steps or tasks, or a document of somebody's space."""

    owner: UUID
    form: Form | None
    give: Callable[[Session, Received, str], UUID]
    """Name a received file for the field at a path; `RefusedFile` when it has no room."""
    take: Callable[[Session, str], None]
    """Take a file away."""
    given: Callable[[Session, int], None] = lambda _session, _count: None
    """Told how many files were named, in the same transaction."""


Finding = Callable[..., Place]
"""`(session, …, writing=…)` with what the policy of the route hands over: the place, or an error when files may not come."""


def of_case(case: Case, form: Form | None, place: str) -> Place:
    """The place of a request's files at a step, or at a task (by task and not by element: a question asked again has room)."""
    return Place(
        owner=case.id,
        form=form,
        give=lambda session, received, path: (
            documents.add(session, received, case_id=case.id, field=f"{place}.{path}", actor=current_actor()).id
        ),
        take=lambda session, file_id: _take_from_case(session, case, file_id, place),
    )


# --- received with a form --------------------------------------------------------------------------------------------------


def sent() -> bool:
    """Whether this request carries files, or names documents of one's space."""
    return any(file.filename for file in request.files.values()) or any(
        name.endswith(rendering.PICKED) and value for name, value in request.form.items()
    )


def take(find: Finding, **values: Any) -> dict[str, str]:
    """Keep the files that this request carries, in a transaction of their own; why some are refused, by field."""
    if not sent():
        return {}
    form, owner, picked, refused = _asked(find, values)
    found = _received(form, owner, picked, refused)
    every = [received for several in found.values() for received in several]
    try:
        unwanted = _given(find, values, found, refused)
    except BaseException:
        _discard(every)
        raise
    _discard(unwanted)
    return refused


def _asked(
    find: Finding, values: Mapping[str, Any]
) -> tuple[Form, UUID, dict[str, list[DocumentFile]], dict[str, str]]:
    @reading
    def ask(session: Session, **admitted: Any) -> tuple[Form, UUID, dict[str, list[DocumentFile]], dict[str, str]]:
        place = find(session, **admitted, writing=False)
        if place.form is None:
            raise BadRequest
        picked: dict[str, list[DocumentFile]] = {}
        refused: dict[str, str] = {}
        for path, ids in rendering.picked(place.form, request.form).items():
            for file_id in ids:
                file = _own(session, file_id)
                if file is None:
                    refused[path] = _MISSING
                elif rendering.accepts(place.form, path, file.media_type):
                    picked.setdefault(path, []).append(file)
                else:
                    refused[path] = f"«\u00a0{file.name}\u00a0» n’est pas d’un format accepté ici."
        return place.form, place.owner, picked, refused

    return ask(**values)


def _own(session: Session, file_id: str) -> DocumentFile | None:
    actor = current_actor()
    if actor.kind != "resident" or actor.account_id is None:
        return None
    try:
        return documents.own_file(session, actor.account_id, UUID(file_id))
    except (ValueError, NotFound):
        return None


def _received(
    form: Form, owner: UUID, picked: Mapping[str, Iterable[DocumentFile]], refused: dict[str, str]
) -> dict[str, list[Received]]:
    """Read, check and keep what was sent, and copy what was chosen. Slow: no session is open."""
    settings = config.current()
    found: dict[str, list[Received]] = {}
    for path, files in rendering.uploads(form, request.files).items():
        for file in files:
            try:
                throttle.take(SENT, throttle.network(request.remote_addr or ""))
                received = documents.receive(
                    settings,
                    owner=owner,
                    filename=file.filename or "",
                    stream=file.stream,
                    accept=rendering.accepted(form, path),
                )
            except (RefusedFile, Throttled, Unavailable) as error:
                refused.setdefault(path, error.message)
            else:
                found.setdefault(path, []).append(received)
    for path, own in picked.items():
        for one in own:
            try:
                copy = documents.copied(settings, one, owner=owner, origin=documents.Origin(one.document_id, one.id))
            except NotFound:
                refused.setdefault(path, _MISSING)
            except Unavailable as error:
                refused.setdefault(path, error.message)
            else:
                found.setdefault(path, []).append(copy)
    return found


def _given(
    find: Finding, values: Mapping[str, Any], found: Mapping[str, list[Received]], refused: dict[str, str]
) -> list[Received]:
    """Name what was received; what nothing will name."""

    @transactional
    def give(session: Session, **admitted: Any) -> tuple[dict[str, list[str]], list[Received], dict[str, str]]:
        place = find(session, **admitted, writing=True)
        ids: dict[str, list[str]] = {}
        unwanted: list[Received] = []
        why: dict[str, str] = {}
        for path, several in found.items():
            for received in several:
                try:
                    given = str(place.give(session, received, path))
                    ids.setdefault(path, []).append(given)
                except RefusedFile as error:
                    unwanted.append(received)
                    why.setdefault(path, error.message)
        place.given(session, sum(len(several) for several in ids.values()))
        return ids, unwanted, why

    g.received, unwanted, why = give(**values)
    for path, message in why.items():
        refused.setdefault(path, message)
    return unwanted


def _discard(every: Iterable[Received]) -> None:
    for received in every:
        documents.discard(config.current(), received)


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


def take_away(find: Finding, file_id: str, **values: Any) -> None:
    """Take a file off a form, in a transaction of its own."""

    @transactional
    def take(session: Session, **admitted: Any) -> None:
        find(session, **admitted, writing=True).take(session, file_id)

    take(**values)


def _take_from_case(session: Session, case: Case, file_id: str, place: str) -> None:
    """At once when no stored answer names the file, otherwise once the step is validated without it."""
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


# --- shown -----------------------------------------------------------------------------------------------------------------


def attachment(kept: Content) -> Response:
    """The content of a file as a download: a browser never shows here what somebody uploaded."""
    answer = send_file(
        documents.open_file(config.current(), kept),
        mimetype=kept.media_type,
        as_attachment=True,
        download_name=kept.name,
        etag=False,
    )
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Length"] = str(kept.size)
    return answer


def described(session: Session, case: Case) -> dict[str, dict[str, Any]]:
    """The files of a request by id, as its resident's pages name them."""
    return {
        str(one.id): told(one, url_for("residents.download", reference=case.reference, file_id=one.id))
        for one in documents.of_case(session, case.id)
    }


def told(kept: Content, address: str) -> dict[str, Any]:
    """A file as pages name it; one that can't be opened has no address, and a note that says why."""
    return {
        "name": kept.name,
        "size": size(kept.size),
        "href": address if kept.readable else "",
        "note": NOTES.get(kept.scan, ""),
    }


def own(session: Session) -> list[tuple[str, list[dict[str, Any]]]]:
    """What the person may choose from «Mes pièces»: each document's name with its files."""
    actor = current_actor()
    if actor.kind != "resident" or actor.account_id is None:
        return []
    return [
        (document.label, [{"id": str(one.id), "name": one.name, "size": size(one.size)} for one in files])
        for document, files in documents.usable(session, actor.account_id)
    ]


def size(count: int) -> str:
    """A number of bytes as people say it."""
    if count < 1_000_000:
        return f"{max(1, round(count / 1000))}\u00a0ko"
    return f"{count / 1_000_000:.1f}\u00a0Mo".replace(".0", "").replace(".", ",")
