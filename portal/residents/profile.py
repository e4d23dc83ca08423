"""«Profil et préférences»: each section shown, and edited on a page of its own (B4, B6, B11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from flask import flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from engine.core import audit, mail
from engine.core.db import Session
from engine.core.errors import Conflict, Invalid, InvalidAnswers, NotFound
from engine.people import (
    accounts,
    identities,
    identity_visits,
    new_emails,
    passwords,
    recovery,
    sessions,
    sign_in,
    terms,
)
from engine.people.accounts import Account
from engine.people.codes import Verdict
from engine.people.new_emails import Use
from engine.people.sign_in import Proof, WrongCredentials
from engine.privacy import deletion
from engine.procedures import forms
from engine.procedures.forms import Form
from portal import access, new_password, sections, typed
from portal.access import current_actor, reading, transactional
from portal.public.recovery import words_of
from portal.public.registration import RESENT, TOO_MANY, why
from portal.rendering import prose
from portal.residents import blueprint
from portal.residents.devices import device

_NEW_EMAIL = "new_email"
_USES = {"connexion": "courriel de connexion", "contact": "courriel de contact"}
_COORDINATES = (sections.ADDRESS, sections.MEANS)
_TEXT_PAGES = {terms.TERMS: "public.show_terms_version", terms.PRIVACY: "public.show_privacy_version"}


@blueprint.get("/mon-espace/profil")
@access.resident
@reading
def show_profile(session: Session) -> str:
    """The sections with what they hold, and the way to change each."""
    account = _account(session)
    token = access.sign_in_token() or ""
    usager = accounts.usager(account)
    return render_template(
        "residents/profile.html",
        account=account,
        identities=identities.of_account(session, account.id),
        undeliverable=mail.undeliverable(session, [account.login, account.contact_email]),
        address=_told(sections.ADDRESS, usager),
        means=_told(sections.MEANS, usager),
        identity=_told(sections.IDENTITY, usager),
        sessions=[
            (one.id, device(one.user_agent), one.opened_at, one.seen_at, sessions.is_of(token, one))
            for one in sessions.of_account(session, account.id)
        ],
        deletion=deletion.pending(session, account.id),
        accepted=terms.accepted(session, account.id),
        to_accept=[(prose.title(text), _TEXT_PAGES[text.name], text) for text in terms.to_accept(session, account.id)],
        titles={name: prose.title(text) for name, text in terms.in_force().items()},
        text_pages=_TEXT_PAGES,
    )


@blueprint.post("/mon-espace/profil/textes")
@access.resident
@transactional
def accept_texts(session: Session) -> Response:
    """Accept the versions in force of the texts that were on the page: never others, never for the past."""
    account = _account(session)
    read = dict(one.split(":", 1) for one in request.form.getlist("texte") if ":" in one)
    wanted = {text.name: text.version for text in terms.to_accept(session, account.id)}
    if read != wanted:
        raise Conflict
    terms.accept(session, account.id, wanted)
    flash("Votre accord est enregistré.", "success")
    return redirect(url_for(".show_profile"), 303)


def _told(form: Form, usager: Mapping[str, Any]) -> Sequence[forms.Line | forms.Section]:
    return forms.summary(form, forms.prefill(form, usager), locked=forms.locks(form, usager))


# --- sections that are forms -----------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/profil/identite")
@access.resident
@access.in_phases
def show_identity() -> Response:
    """«Informations d’identité»; what is certified is locked."""
    return _draw(section="identite", parts=(sections.IDENTITY,), posted=typed.given_back())


@blueprint.post("/mon-espace/profil/identite")
@access.resident
@access.in_phases
@typed.kept_on_expiry
def change_identity() -> Response:
    """Replace the identity, but for what is certified."""
    return _change("identite", (sections.IDENTITY,))


@blueprint.get("/mon-espace/profil/coordonnees")
@access.resident
@access.in_phases
def show_coordinates() -> Response:
    """«Coordonnées»: address, telephones, preferred means of contact."""
    return _draw(section="coordonnees", parts=_COORDINATES, posted=typed.given_back())


@blueprint.post("/mon-espace/profil/coordonnees")
@access.resident
@access.in_phases
@typed.kept_on_expiry
def change_coordinates() -> Response:
    """Replace them; they fill in the next requests."""
    return _change("coordonnees", _COORDINATES)


def _change(section: str, parts: Sequence[Form]) -> Response:
    try:
        _store(section=section, parts=parts)
    except InvalidAnswers as error:
        return _draw(section=section, parts=parts, posted=request.form, errors=error.errors)
    flash("Vos informations sont enregistrées.", "success")
    return redirect(url_for(".show_profile"), 303)


@transactional
def _store(session: Session, section: str, parts: Sequence[Form]) -> None:
    account = _account(session)
    answers, errors = sections.read(parts, accounts.usager(account))
    if errors := errors or sections.unreachable(answers):
        raise InvalidAnswers(errors)
    if section == "identite":
        accounts.update_identity(
            session,
            account,
            sex=answers.get("sexe"),
            first_names=answers["prenoms"],
            birth_name=answers["nom_naissance"],
            usage_name=answers.get("nom_usage"),
            birth_date=answers.get("date_naissance"),
        )
        return
    accounts.update_address(
        session,
        account,
        street=answers.get("voie", ""),
        more=answers.get("complement"),
        postcode=answers.get("code_postal", ""),
        town=answers.get("commune", ""),
    )
    accounts.update_phones(
        session, account, mobile=answers.get("telephone_mobile"), landline=answers.get("telephone_fixe")
    )
    accounts.update_preferred_contact(session, account, answers["contact_prefere"])


@reading
def _draw(
    session: Session,
    section: str,
    parts: Sequence[Form],
    posted: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    errors = errors or {}
    account = _account(session)
    drawn, listed = sections.drawn(parts, posted, errors, accounts.usager(account))
    page = render_template(
        f"residents/profile_{section}.html", parts=drawn, errors=errors, error_list=listed, certified=account.certified
    )
    return make_response(page, 422 if errors else 200)


# --- «Connexion à votre compte» --------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/profil/mot-de-passe")
@access.resident
@reading
def show_password(session: Session) -> str:
    """Where the password is changed."""
    return _password_page(session)


@blueprint.post("/mon-espace/profil/mot-de-passe")
@access.resident
@access.in_phases
def change_password() -> Response:
    """Replace the password: every other browser is signed out, this one gets another session."""
    if request.form.get("_action") == "proposer":
        return make_response(_password_again())
    proof, errors = _proved()
    password, wrong = new_password.read(_words())
    errors |= wrong
    if errors or proof is None:
        return make_response(_password_again(errors=errors), 422)
    # Outside the transaction: it takes tens of milliseconds.
    token = _replace_password(proof=proof, password_hash=passwords.hashed(password))
    flash("Votre mot de passe est modifié. Vos autres appareils sont déconnectés.", "success")
    response = redirect(url_for(".show_profile"), 303)
    access.remember(response, token)
    return response


@transactional
def _replace_password(session: Session, proof: Proof, password_hash: str) -> str:
    account = _account(session)
    if account.password_hash != proof.password_hash:
        raise Conflict
    # What ends FranceConnect's session goes over to the session that takes this one's place.
    kept = identity_visits.remembered(session, access.sign_in_token() or "")
    recovery.replace_password(session, account, password_hash)
    token = sessions.open(session, account, user_agent=request.user_agent.string)
    if kept is not None:
        identity_visits.remember(session, token, *kept)
    return token


@reading
def _proved(session: Session) -> tuple[Proof | None, dict[str, str]]:
    """The proof that the person knows the present password, or what is wrong."""
    present = request.form.get("mot_de_passe_actuel", "")
    if not present:
        return None, {"mot_de_passe_actuel": "Saisissez votre mot de passe actuel."}
    try:
        account = _account(session)
        return sign_in.authenticate(session, account.login, present, address=request.remote_addr or ""), {}
    except WrongCredentials:
        return None, {"mot_de_passe_actuel": "Ce n’est pas votre mot de passe actuel."}


@reading
def _words(session: Session) -> list[str | None]:
    return words_of(_account(session))


@reading
def _password_again(session: Session, errors: Mapping[str, str] | None = None) -> str:
    return _password_page(session, errors)


def _password_page(session: Session, errors: Mapping[str, str] | None = None) -> str:
    return render_template(
        "residents/profile_password.html",
        account=_account(session),
        errors=errors or {},
        proposal=new_password.proposal(),
        forbidden=passwords.FORBIDDEN,
    )


@blueprint.get("/mon-espace/profil/nom-utilisateur")
@access.resident
@reading
def show_username(session: Session) -> str:
    """Where the user name is chosen."""
    return _username_page(_account(session).username or "")


@blueprint.post("/mon-espace/profil/nom-utilisateur")
@access.resident
@access.in_phases
def change_username() -> Response:
    """Replace the user name; left empty, one signs in with the e-mail only."""
    name = request.form.get("nom_utilisateur", "").strip()[:200]
    try:
        _replace_username(name=name)
    except (Conflict, Invalid) as error:
        return make_response(_username_page(name, {"nom_utilisateur": error.message}), 422)
    flash("Votre nom d’utilisateur est enregistré." if name else "Votre nom d’utilisateur est retiré.", "success")
    return redirect(url_for(".show_profile"), 303)


@transactional
def _replace_username(session: Session, name: str) -> None:
    accounts.update_username(session, _account(session), name or None)


def _username_page(name: str, errors: Mapping[str, str] | None = None) -> str:
    return render_template("residents/profile_username.html", name=name, errors=errors or {})


# --- another e-mail --------------------------------------------------------------------------------------------------------


@blueprint.get("/mon-espace/profil/courriel/<use>")
@access.resident
@reading
def show_email(session: Session, use: str) -> str:
    """Where a new address is typed."""
    return _email_page(session, _use(use))


@blueprint.post("/mon-espace/profil/courriel/<use>")
@access.resident
@access.in_phases
def ask_email_code(use: str) -> Response:
    """Send a code to the new address. The sign-in address asks for the password: whoever holds it holds the account."""
    known = _use(use)
    new = request.form.get("courriel", "").strip()[:300]
    errors: dict[str, str] = {}
    try:
        new = accounts.email(new)
    except Invalid as error:
        errors["courriel"] = error.message
    if known == "connexion":
        errors |= _proved()[1]
    if errors:
        return make_response(_email_again(use=known, new=new, errors=errors), 422)
    try:
        sent = _send_code(use=known, new=new)
    except Invalid as error:
        return make_response(_email_again(use=known, new=new, errors={"courriel": error.message}), 422)
    if not sent:
        return make_response(_email_again(use=known, new=new, errors={"courriel": TOO_MANY}), 422)
    cookie[_NEW_EMAIL] = {"use": known, "address": new}
    return redirect(url_for(".show_email_code"), 303)


@transactional
def _send_code(session: Session, use: Use, new: str) -> bool:
    return new_emails.ask(session, _account(session), use, new)


@blueprint.get("/mon-espace/profil/code")
@access.resident
@access.in_phases
def show_email_code() -> Response:
    """Where the code is typed."""
    return _email_code_page()


@blueprint.post("/mon-espace/profil/code")
@access.resident
@access.in_phases
def confirm_email() -> Response:
    """Try the code; right, the address is changed and the former one is told."""
    asked = _asked()
    if asked is None:
        return redirect(url_for(".show_profile"), 303)
    use, new = asked
    code = "".join(request.form.get("code", "").split())
    if len(code) != 4 or not (code.isascii() and code.isdigit()):
        return _email_code_page(error="Saisissez les 4 chiffres du code reçu par courriel.")
    verdict = _try_code(use=use, new=new, code=code)
    if not verdict.valid:
        return _email_code_page(error=why(verdict.tries_left, expired=verdict.expired))
    cookie.pop(_NEW_EMAIL, None)
    flash(f"Votre {_USES[use]} est modifié.", "success")
    return redirect(url_for(".show_profile"), 303)


@transactional
def _try_code(session: Session, use: Use, new: str, code: str) -> Verdict:
    return new_emails.confirm(session, _account(session), use, new, code)


@blueprint.post("/mon-espace/profil/code/renvoi")
@access.resident
@access.in_phases
def resend_email_code() -> Response:
    """«Renvoyez le message»: a new code."""
    asked = _asked()
    if asked is None:
        return redirect(url_for(".show_profile"), 303)
    sent = _send_code(use=asked[0], new=asked[1])
    flash(RESENT if sent else TOO_MANY, "success" if sent else "info")
    return redirect(url_for(".show_email_code"), 303)


@reading
def _email_again(session: Session, use: Use, new: str, errors: Mapping[str, str]) -> str:
    return _email_page(session, use, new, errors)


def _email_page(session: Session, use: Use, new: str = "", errors: Mapping[str, str] | None = None) -> str:
    account = _account(session)
    return render_template(
        "residents/profile_email.html",
        account=account,
        use=use,
        what=_USES[use],
        present=account.login if use == "connexion" else account.contact_email,
        new=new,
        errors=errors or {},
    )


@reading
def _email_code_page(_session: Session, error: str = "") -> Response:
    asked = _asked()
    if asked is None:
        return redirect(url_for(".show_profile"), 303)
    page = render_template(
        "residents/profile_code.html",
        what=_USES[asked[0]],
        address=asked[1],
        errors={"code": error} if error else {},
    )
    return make_response(page, 422 if error else 200)


def _asked() -> tuple[Use, str] | None:
    """Which address waits for its code, as this browser remembers it; the code itself is bound to the account and the address."""
    kept = cookie.get(_NEW_EMAIL)
    if not isinstance(kept, dict) or kept.get("use") not in _USES:
        return None
    return cast(Use, kept["use"]), str(kept.get("address", ""))


def _use(text: str) -> Use:
    if text not in _USES:
        raise NotFound
    return cast(Use, text)


# --- the browsers that are signed in ---------------------------------------------------------------------------------------


@blueprint.post("/mon-espace/profil/appareils/<uuid:session_id>/deconnexion")
@access.resident
@transactional
def close_session(session: Session, session_id: UUID) -> Response:
    """Sign one browser out."""
    sessions.close_one(session, _account(session).id, session_id)
    flash("Cet appareil est déconnecté.", "success")
    return redirect(url_for(".show_profile") + "#appareils", 303)


@blueprint.post("/mon-espace/profil/appareils/deconnexion")
@access.resident
@transactional
def close_others(session: Session) -> Response:
    """«Se déconnecter partout ailleurs»."""
    account = _account(session)
    closed = sessions.close_all(session, account.id, except_=access.sign_in_token())
    audit.record(session, current_actor(), "account.sessions_closed", "account", account.id, closed=closed)
    flash("Vos autres appareils sont déconnectés." if closed else "Aucun autre appareil n’était connecté.", "success")
    return redirect(url_for(".show_profile") + "#appareils", 303)


def _account(session: Session) -> Account:
    account_id = current_actor().account_id
    assert account_id is not None  # the policy lets residents in only
    return accounts.find(session, account_id)
