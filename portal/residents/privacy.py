"""«Mes données personnelles» and «Demander la suppression de mon compte», at the foot of the profile (B16, D6)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import IO

from flask import Response as FlaskResponse
from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from engine.core import audit, clock, config, pdf
from engine.core.db import Session
from engine.core.errors import Conflict
from engine.people import accounts, sign_in, throttle
from engine.people.accounts import Account
from engine.people.sign_in import Proof, WrongCredentials
from engine.privacy import deletion, export
from engine.privacy.deletion import Asked
from engine.procedures import catalogue, tasks
from engine.procedures.cases import Case
from engine.rights import entitlements
from portal import access, rendering
from portal.access import current_actor, reading, transactional
from portal.residents import blueprint

# A document is laid out in the server's memory: it shows so many rows of each sort, the file for machines shows all.
ROWS_MAX = 50
MADE = throttle.Limit("export", burst=5, every=timedelta(minutes=1))
_IN_MEMORY = 1_000_000


@blueprint.get("/mon-espace/profil/donnees")
@access.resident
@reading
def show_data(session: Session) -> str:
    """What is held, and the two ways to take a copy away."""
    return render_template("residents/data.html", account=_account(session), rows_max=ROWS_MAX)


@blueprint.post("/mon-espace/profil/donnees/json")
@access.resident
@access.in_phases
def export_json() -> Response:
    """All of it, for machines."""
    throttle.take(MADE, str(current_actor().account_id))
    _note_export(form="json")
    return _json()


@reading
def _json(session: Session) -> Response:
    # Past a megabyte on the disk: an account may have a long history.
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed with the answer
    for piece in export.as_json(session, _account(session)):
        file.write(piece.encode())
    file.seek(0)
    return _attachment(_pieces(file), "json")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(64 * 1024):
            yield piece


@blueprint.post("/mon-espace/profil/donnees/pdf")
@access.resident
@access.in_phases
def export_pdf() -> Response:
    """All of it, to read."""
    throttle.take(MADE, str(current_actor().account_id))
    made = pdf.make(_document(), files=rendering.document_files())
    _note_export(form="pdf")
    return _attachment([made], "pdf")


@reading
def _document(session: Session) -> str:
    account = _account(session)
    sections = export.as_sections(session, account, ROWS_MAX)
    return render_template("residents/data_document.html", account=account, sections=sections, at=clock.now())


@transactional
def _note_export(session: Session, form: str) -> None:
    actor = current_actor()
    audit.record(session, actor, "account.exported", "account", actor.account_id, form=form)


def _attachment(pieces: Iterable[bytes], kind: str) -> Response:
    response = FlaskResponse(pieces, mimetype=f"application/{kind}")
    response.headers["Content-Disposition"] = f'attachment; filename="mes-donnees-{clock.today():%Y-%m-%d}.{kind}"'
    return response


# --- deletion --------------------------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/profil/suppression")
@access.resident
@reading
def show_deletion(session: Session) -> str:
    """What would go, what would stay and why; the password is asked for."""
    return _deletion_page(session)


@blueprint.post("/mon-espace/profil/suppression")
@access.resident
@access.in_phases
def ask_deletion() -> Response:
    """Delete the account at once, or note that it will be once the last open request closes."""
    proof, errors = _proved()
    if request.form.get("accord") != "oui":
        errors["accord"] = "Cochez la case pour confirmer que vous voulez supprimer votre compte."
    if errors or proof is None:
        return make_response(_deletion_again(errors=errors), 422)
    asked = _ask(proof=proof)
    if not asked.done:
        flash("Votre demande de suppression est enregistrée.", "success")
        return redirect(url_for(".show_deletion"), 303)
    response = redirect(url_for("public.show_deleted"), 303)
    access.forget(response)
    return response


@blueprint.post("/mon-espace/profil/suppression/retrait")
@access.resident
@transactional
def withdraw_deletion(session: Session) -> Response:
    """Take the deletion back."""
    if deletion.withdraw(session, _account(session), current_actor()):
        flash("Votre demande de suppression est retirée\u00a0: votre compte est conservé.", "success")
    return redirect(url_for(".show_profile"), 303)


@reading
def _proved(session: Session) -> tuple[Proof | None, dict[str, str]]:
    password = request.form.get("mot_de_passe", "")
    if not password:
        return None, {"mot_de_passe": "Saisissez votre mot de passe."}
    try:
        login = _account(session).login
        return sign_in.authenticate(session, login, password, address=request.remote_addr or ""), {}
    except WrongCredentials:
        return None, {"mot_de_passe": "Ce n’est pas votre mot de passe."}


@transactional
def _ask(session: Session, proof: Proof) -> Asked:
    account = _account(session)
    if account.password_hash != proof.password_hash:
        raise Conflict
    return deletion.ask(session, account, current_actor())


@reading
def _deletion_again(session: Session, errors: Mapping[str, str]) -> str:
    return _deletion_page(session, errors)


def _deletion_page(session: Session, errors: Mapping[str, str] | None = None) -> str:
    account = _account(session)
    today = clock.today()
    opened = deletion.open_requests(session, account.id)
    waiting = tasks.waiting(session, [case.id for case in opened])
    return render_template(
        "residents/deletion.html",
        account=account,
        pending=deletion.pending(session, account.id),
        opened=[(case, _title(session, case), case.id in waiting) for case in opened],
        rights=[one for one in entitlements.of_account(session, account.id) if one.ends_on >= today],
        months=config.current().retention_months,
        errors=errors or {},
    )


def _title(session: Session, case: Case) -> str:
    return catalogue.definition(session, case.version_id).title


def _account(session: Session) -> Account:
    account_id = current_actor().account_id
    assert account_id is not None  # the policy lets residents in only
    return accounts.find(session, account_id)
