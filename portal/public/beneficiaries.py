"""«Bénéficiaire»: the entry page of who receives home help, and the account tied to their file (B18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import make_response, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.people import passwords
from engine.people.registration import Wanted
from engine.rights import beneficiaries
from engine.rights.beneficiaries import Claim
from portal import access, sections, typed
from portal.public import blueprint, new_account, registration
from portal.public.new_account import Sent

_PARTS = (sections.FILE, sections.MAILBOX)


@blueprint.get("/beneficiaire")
@access.anyone
def show_beneficiary() -> str:
    """The entry page: who it is for, sign in, or make an account with the city's letter at hand."""
    return render_template("public/beneficiary.html")


@blueprint.get("/beneficiaire/compte")
@access.anyone
def show_beneficiary_account() -> str:
    """What is on the letter; who has no account yet also chooses how to sign in."""
    return _page(typed.given_back())


@blueprint.post("/beneficiaire/compte")
@access.anyone
@typed.kept_on_expiry
def make_beneficiary_account() -> Response:
    """Keep what was typed and send a code; whether a file was found isn't told here."""
    if new_account.redrawn():
        return make_response(_page(request.form))
    sent = new_account.read(_PARTS, ("prenom", "nom", "courriel", "dossier"))
    if sent.errors:
        return make_response(_page(request.form, sent), 422)
    claim, texts = claim_of(sent.answers), new_account.terms_read()
    wanted = Wanted(
        login=sent.answers["courriel"],
        # Outside the transaction: it takes tens of milliseconds.
        password_hash=passwords.hashed(sent.password),
        sex="",
        first_names=claim.first_names,
        birth_name=claim.name,
        birth_date=claim.birth_date,
    )
    place = request.remote_addr or ""
    begun = new_account.begin(
        sent, lambda session: beneficiaries.begin(session, claim, wanted, terms_read=texts, address=place)
    )
    if begun is None:
        return make_response(_page(request.form, sent), 422)
    return registration.await_code(begun, suite=url_for("residents.show_care_plan"), slug="")


def claim_of(answers: Mapping[str, Any]) -> Claim:
    """What was copied from the letter."""
    return Claim(answers["dossier"], answers["prenom"], answers["nom"], answers["date_naissance"])


def _page(posted: MultiDict[str, str] | None, sent: Sent | None = None) -> str:
    return new_account.page("public/beneficiary_account.html", _PARTS, posted, sent)
