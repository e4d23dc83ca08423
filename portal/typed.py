"""What someone had typed when their session turned out to be over: put aside, and given back on the same page (A3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from flask import flash, request
from flask import session as cookie
from werkzeug.datastructures import MultiDict

from engine.core.errors import Throttled, TooLarge
from engine.people import kept, sessions, throttle
from portal import access

View = TypeVar("View", bound=Callable[..., Any])

FILES = " Les fichiers que vous veniez de choisir sont à joindre de nouveau."
NOTICE = "Votre session avait expiré. Ce que vous aviez saisi est conservé\u00a0: vérifiez, puis validez de nouveau."
SIGN_IN_NOTICE = "Votre session a expiré. Ce que vous avez saisi est conservé\u00a0: connectez-vous pour le retrouver."
LOST = (
    "Votre session a expiré, et ce que vous avez saisi n’a pas pu être conservé. Revenez à la page précédente dans votre "
    "navigateur pour le retrouver, copiez-le, puis connectez-vous."
)
KEPT = throttle.Limit("kept-forms", burst=30, every=timedelta(seconds=20))
_COOKIE = "typed"
# Fields of ours, which mean nothing later, and passwords, which nothing keeps.
_OURS = ("csrf_token", "_action")
_SECRETS = ("mot_de_passe",)


def kept_on_expiry(view: View) -> View:
    """The view of a form whose address also shows it: what is posted there outlives the session."""
    view.keeps_typed = True  # type: ignore[attr-defined]
    return view


def keeps(view: Any) -> bool:
    """Whether what is posted to this view outlives the session."""
    return bool(getattr(view, "keeps_typed", False))


def put_aside(notice: str) -> bool:
    """Keep the fields of this request for who was signed in, or for this browser, and say so; False when they can't be."""
    try:
        # Nobody is signed in here: what anybody may have written down is counted.
        throttle.take(KEPT, throttle.network(request.remote_addr or ""))
    except Throttled:
        return False
    fields = {
        name: values for name, values in request.form.lists() if name not in _OURS and not name.startswith(_SECRETS)
    }
    token = access.sign_in_token()

    def keep(session: Any) -> str:
        account_id = sessions.account_of_expired(session, token) if token else None
        return kept.keep(session, path=request.path, fields=fields, account_id=account_id)

    try:
        cookie[_COOKIE] = access.database().run(keep)
    except TooLarge:
        return False
    flash(notice + (FILES if any(file.filename for file in request.files.values()) else ""), "info")
    return True


def given_back() -> MultiDict[str, str] | None:
    """What was put aside for this page and this person, once; None when there is nothing."""
    token = cookie.get(_COOKIE)
    if not isinstance(token, str):
        return None
    account_id = access.current_actor().account_id
    found = access.database().run(kept.pop, token, path=request.path, account_id=account_id)
    if found is None:
        return None
    del cookie[_COOKIE]
    return MultiDict(found.fields)
