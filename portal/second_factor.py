"""Adding a second factor, as two rooms offer it: at the end of a sign-in to who has none yet (`public`), and in an agent's
profile (`agents`). Both name their routes alike, and share these pages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import segno
from flask import make_response, redirect, render_template, request, url_for
from flask import session as cookie
from markupsafe import Markup
from werkzeug.wrappers import Response

from engine.core import secrets
from engine.core.db import Session
from engine.core.errors import Invalid, NotFound
from engine.people import passkeys, second_factors, totp
from engine.people.accounts import Account
from engine.people.passkeys import PasskeyRefused, Site
from portal import access

_CODES = "recovery-codes"
CODE, PASSKEY, NAME = "code", "reponse", "nom"


def site() -> Site | None:
    """The site that this browser's passkeys are for, where there can be any."""
    return passkeys.site(request.host)


def choice_page(layout: str, errors: Mapping[str, str] | None = None) -> Response:
    """Where somebody chooses between an application and a passkey."""
    page = render_template(
        "second_factor/choice.html",
        layout=layout,
        errors=errors or {},
        passkeys=site() is not None,
        name=request.form.get(NAME, ""),
    )
    return make_response(page, 422 if errors else 200)


def application_page(
    session: Session, account: Account, layout: str, errors: Mapping[str, str] | None = None
) -> Response:
    """The key begun, as a QR code and as text, and where its first code is typed; the choice when none was."""
    try:
        factor = totp.begun(session, account.id)
    except NotFound:
        return redirect(url_for(".show_factor_choice"), 303)
    key = totp.key(factor)
    page = render_template(
        "second_factor/application.html",
        layout=layout,
        errors=errors or {},
        login=account.login,
        key=" ".join(key[start : start + 4] for start in range(0, len(key), 4)),
        uri=totp.uri(factor, account),
        qr=_drawn(totp.uri(factor, account)),
        name=request.form.get(NAME, ""),
    )
    return make_response(page, 422 if errors else 200)


def take_code(session: Session, account: Account) -> tuple[list[str], dict[str, str]]:
    """Confirm the key begun with the code that was sent: the recovery codes to show, and what is wrong by field."""
    code = "".join(request.form.get(CODE, "").split())
    if errors := _named():
        return [], errors
    if len(code) != totp.DIGITS or not (code.isascii() and code.isdigit()):
        return [], {CODE: "Saisissez les 6 chiffres que montre l’application."}
    codes = totp.confirm(session, account, code, request.form.get(NAME, ""))
    if codes is None:
        return [], {
            CODE: "Ce code n’est pas le bon\u00a0: saisissez celui que l’application montre maintenant, et vérifiez que votre "
            "téléphone est à l’heure."
        }
    return codes, {}


def take_passkey(session: Session, account: Account) -> tuple[list[str], dict[str, str]]:
    """Keep the passkey that the browser made: the recovery codes to show, and what is wrong by field."""
    here = site()
    if errors := _named():
        return [], errors
    if here is None:
        return [], {PASSKEY: "Cette adresse ne permet pas les clés d’accès\u00a0: utilisez une application."}
    try:
        return passkeys.add(session, account, here, request.form.get(PASSKEY, ""), request.form.get(NAME, "")), {}
    except PasskeyRefused as error:
        return [], {PASSKEY: error.message}


def show_once(codes: list[str], onward: str, *, added: bool = True) -> Response:
    """Lead to the page of the recovery codes, which shows them once: loading it again, or coming back, sends nothing anew."""
    # In the browser's own cookie, and sealed: nothing here keeps them.
    told = json.dumps({"codes": codes, "onward": onward, "added": added})
    cookie[_CODES] = secrets.seal(_CODES, told, about=str(access.current_actor().account_id))
    return redirect(url_for("agents.show_new_codes"), 303)


def codes_page(layout: str) -> Response | None:
    """The recovery codes that were just made, and the way on; None when they have been shown."""
    sealed = cookie.pop(_CODES, None)
    try:
        told = json.loads(secrets.unseal(_CODES, str(sealed), about=str(access.current_actor().account_id)))
    except secrets.Undecipherable:
        return None
    return make_response(render_template("second_factor/codes.html", layout=layout, **told))


def options(made: str) -> Response:
    """What a page's script hands to the browser, in JSON."""
    answer = make_response(made)
    answer.mimetype = "application/json"
    return answer


def _named() -> dict[str, str]:
    try:
        second_factors.name(request.form.get(NAME, ""), "")
    except Invalid as error:
        return {NAME: error.message}
    return {}


def _drawn(uri: str) -> Markup:
    # Black on white whatever the theme: telephones read it best so.
    drawing = segno.make(uri, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=False)
    return Markup(drawing)  # noqa: S704 - made by us, of squares
