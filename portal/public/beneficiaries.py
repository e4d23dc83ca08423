"""«Bénéficiaire»: the entry page of who receives home help, and the account tied to their file (B18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import make_response, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import Conflict, Invalid, InvalidAnswers
from engine.people import captcha, passwords, throttle
from engine.people.registration import Begun, Wanted
from engine.procedures import forms
from engine.procedures.forms import Form
from engine.rights import beneficiaries
from engine.rights.beneficiaries import Claim
from portal import access, new_password, rendering, sections, typed
from portal.access import database
from portal.public import blueprint, registration
from portal.public import captcha as captcha_pages

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
    action = request.form.get("_action", "")
    if action in ("proposer", "autres-chiffres"):
        return make_response(_page(request.form, held=_held(), focus=action == "autres-chiffres"))
    throttle.take(registration.SENT, throttle.network(request.remote_addr or ""))
    answers, errors = answers_to(_PARTS)
    password, wrong = new_password.read([answers.get(name) for name in ("prenom", "nom", "courriel", "dossier")])
    errors |= wrong
    if request.form.get("conditions") != "oui":
        errors["conditions"] = "Acceptez les conditions pour créer votre compte."
    held = database().run(captcha_pages.met)
    if held is None:
        errors["verification"] = "Recopiez les chiffres affichés ou lus à haute voix."
    if errors or held is None:
        return make_response(_page(request.form, errors, held=held), 422)
    wanted = Wanted(
        login=answers["courriel"],
        # Outside the transaction: it takes tens of milliseconds.
        password_hash=passwords.hashed(password),
        sex="",
        first_names=answers["prenom"],
        birth_name=answers["nom"],
        birth_date=answers["date_naissance"],
    )
    try:
        begun = database().run(_begin, claim_of(answers), wanted, held)
    except Conflict as error:
        return make_response(_page(request.form, {"conditions": error.message}), 422)
    except Invalid as error:
        return make_response(_page(request.form, {"verification": error.message}), 422)
    return registration.await_code(begun, suite=url_for("residents.show_care_plan"), slug="")


def _begin(session: Session, claim: Claim, wanted: Wanted, held: str) -> Begun:
    if not captcha.spend(session, held):
        raise Invalid("La vérification a déjà servi\u00a0: faites-la de nouveau.")
    read = registration.terms_read()
    return beneficiaries.begin(session, claim, wanted, terms_read=read, address=request.remote_addr or "")


# --- inside ----------------------------------------------------------------------------------------------------------------


def answers_to(parts: tuple[Form, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed in these sections, and what is wrong with it."""
    answers: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for form in parts:
        given = rendering.read(form, request.form)
        try:
            answers |= forms.validate(form, given)
        except InvalidAnswers as error:
            answers |= forms.clean(form, given)
            errors |= error.errors
    return answers, errors


def claim_of(answers: Mapping[str, Any]) -> Claim:
    """What was copied from the letter."""
    return Claim(answers["dossier"], answers["prenom"], answers["nom"], answers["date_naissance"])


def _held() -> str | None:
    held = request.form.get("verification", "")
    return held if captcha.pass_holds(held) else None


def drawn_of(
    parts: tuple[Form, ...], posted: MultiDict[str, str] | None, errors: Mapping[str, str]
) -> tuple[list[Any], list[dict[str, str]]]:
    """The fields of these sections with their errors, and the list of errors for the top of the page."""
    drawn, listed = [], []
    for form in parts:
        given = {} if posted is None else rendering.read(form, posted)
        fields = forms.fields(form, given)
        known = {field.path for field in forms.every_field(fields)}
        own = {path: message for path, message in errors.items() if path in known}
        drawn.append((fields, own))
        listed += rendering.error_list(fields, own)
    return drawn, listed


def _page(
    posted: MultiDict[str, str] | None,
    errors: Mapping[str, str] | None = None,
    *,
    held: str | None = None,
    focus: bool = False,
) -> str:
    errors = errors or {}
    drawn, listed = drawn_of(_PARTS, posted, errors)
    rest = (new_password.PASSWORD, new_password.AGAIN, "conditions", "verification")
    listed += [{"text": errors[name], "href": f"#{name}"} for name in rest if name in errors]
    return render_template(
        "public/beneficiary_account.html",
        parts=drawn,
        errors=errors,
        error_list=listed,
        typed=posted or {},
        proposal=new_password.proposal(),
        forbidden=passwords.FORBIDDEN,
        captcha=captcha_pages.box(held),
        terms_read=registration.versions(),
        focus=focus,
    )


def _join_page(posted: MultiDict[str, str] | None, errors: Mapping[str, str] | None = None) -> str:
    drawn, listed = drawn_of((sections.FILE,), posted, errors or {})
    return render_template("residents/join_file.html", parts=drawn, errors=errors or {}, error_list=listed)
