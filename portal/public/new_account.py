"""What every form that makes an account by password asks for beside its own sections: the password, the texts accepted, and that
its person is no machine (B1, B2, B18). The forms add what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import render_template, request
from werkzeug.datastructures import MultiDict

from engine.core.db import Session
from engine.core.errors import Conflict, Invalid
from engine.people import captcha, passwords, terms, throttle
from engine.people.registration import Begun
from engine.procedures.forms import Form
from portal import new_password, sections
from portal.access import database
from portal.public import captcha as captcha_pages

SENT = throttle.Limit("registration", burst=30, every=timedelta(seconds=20))
_ANOTHER_IMAGE = "autres-chiffres"
_OWN = (new_password.PASSWORD, new_password.AGAIN, "conditions", "verification")


@dataclass
class Sent:
    """A form as it was sent: the answers to its sections, what is wrong with it by field, the password when it can be one, and
    the pass that the captcha gave, which the page keeps."""

    answers: dict[str, Any]
    errors: dict[str, str]
    password: str
    held: str | None


def redrawn() -> bool:
    """Whether the button that was pressed only draws the page again: another password to propose, other digits to copy."""
    return request.form.get("_action", "") in ("proposer", _ANOTHER_IMAGE)


def read(
    parts: Sequence[Form], about: Iterable[str], check: Callable[[dict[str, Any]], dict[str, str]] | None = None
) -> Sent:
    """What was typed, and everything that is wrong with it. `about` names the answers that the password may not be made of;
    `check` adds to the answers what the sections don't hold, and says what is wrong with it."""
    throttle.take(SENT, throttle.network(request.remote_addr or ""))
    answers, errors = sections.read(parts)
    for path, message in (check(answers) if check else {}).items():
        errors.setdefault(path, message)
    password, wrong = new_password.read([answers.get(name) for name in about])
    errors |= wrong
    if request.form.get("conditions") != "oui":
        errors["conditions"] = "Acceptez les conditions pour créer votre compte."
    # In a transaction of its own: an answer counts even when the rest of the form is refused.
    held = database().run(captcha_pages.met)
    if held is None:
        errors["verification"] = "Recopiez les chiffres affichés ou lus à haute voix."
    return Sent(answers, errors, password, held)


def begin(sent: Sent, verb: Callable[[Session], Begun]) -> Begun | None:
    """Spend the captcha and do what begins the account, in one transaction; None, and `sent` says why, when that can't be."""

    def act(session: Session) -> Begun:
        if sent.held is None or not captcha.spend(session, sent.held):
            raise Invalid("La vérification a déjà servi\u00a0: faites-la de nouveau.")
        return verb(session)

    try:
        return database().run(act)
    except Conflict as error:
        named = error.facts.get("field") == "username"
        sent.errors["nom_utilisateur" if named else "conditions"] = error.message
    except Invalid as error:
        sent.errors["verification"] = error.message
        sent.held = None
    return None


def page(
    template: str,
    parts: Sequence[Form],
    posted: MultiDict[str, str] | None,
    sent: Sent | None = None,
    *,
    others: Sequence[str] = (),
    **more: Any,
) -> str:
    """The form, as it was typed and with what is wrong with it. `others` are fields of its own outside of its sections."""
    errors: Mapping[str, str] = sent.errors if sent is not None else {}
    held = sent.held if sent is not None else _held(posted)
    drawn, listed = sections.drawn(parts, posted, errors)
    listed += [{"text": errors[name], "href": f"#{name}"} for name in (*others, *_OWN) if name in errors]
    return render_template(
        template,
        sections=drawn,
        errors=errors,
        error_list=listed,
        typed=posted or {},
        proposal=new_password.proposal(),
        forbidden=passwords.FORBIDDEN,
        captcha=captcha_pages.box(held),
        terms_read=versions(),
        focus=request.form.get("_action") == _ANOTHER_IMAGE,
        **more,
    )


def versions() -> str:
    """The versions of the texts that a form shows, to be sent back with it."""
    return " ".join(f"{name}:{version}" for name, version in terms.versions().items())


def terms_read() -> dict[str, str]:
    """The versions of the texts that were on the page."""
    pairs = [one.partition(":") for one in request.form.get("textes", "").split()]
    return {name: version for name, _, version in pairs}


def _held(posted: MultiDict[str, str] | None) -> str | None:
    """The pass that the page already had."""
    held = posted.get("verification", "") if posted is not None else ""
    return held if captcha.pass_holds(held) else None
