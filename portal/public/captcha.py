"""The captcha's challenges, its picture and its reading aloud, and what a form says of them (B3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import jsonify, make_response, request, url_for
from werkzeug.wrappers import Response

from engine.core.db import Session
from engine.core.errors import NotFound
from engine.people import captcha, passwords, throttle
from portal import access
from portal.public import blueprint
from portal.rendering import assets

MADE = throttle.Limit("captcha", burst=60, every=throttle.SIGN_IN_ADDRESS.every)
# Mixing the voices takes a third of a second of a core.
HEARD = throttle.Limit("captcha-heard", burst=10, every=timedelta(seconds=10))
VOICES = assets.STATIC / "voices"


@dataclass(frozen=True)
class Box:
    """The captcha of a page: a pass when it was met before, else the key of what is to be seen or heard."""

    held: str
    key: str

    @property
    def image(self) -> str:
        return url_for("public.show_digits", key=self.key)

    @property
    def sound(self) -> str:
        return url_for("public.speak_digits", key=self.key)


@blueprint.get("/compte/verification")
@access.anyone
def make_challenge() -> Response:
    """A proof of work for the page's script."""
    _count()
    return jsonify(captcha.challenge())


@blueprint.get("/compte/verification/<key>.png")
@access.anyone
def show_digits(key: str) -> Response:
    """The digits to copy, as a picture."""
    _count()
    return _sent(captcha.image(_digits(key)), "image/png")


@blueprint.get("/compte/verification/<key>.wav")
@access.anyone
def speak_digits(key: str) -> Response:
    """The digits to copy, read aloud in French."""
    _count(HEARD)
    return _sent(captcha.spoken(_digits(key), VOICES), "audio/wav")


@blueprint.get("/compte/mot-de-passe-propose")
@access.anyone
def propose_password() -> Response:
    """A random password for the page's script; nothing keeps it."""
    _count()
    return jsonify(mot_de_passe=passwords.proposal())


def met(session: Session) -> str | None:
    """A pass when the form that was posted carries one, a proof of work or the right digits; None otherwise."""
    held = request.form.get("verification", "")
    if held and captcha.pass_holds(held):
        return held
    work = request.form.get("verification_travail", "")
    if work:
        return captcha.work_done(session, work)
    return captcha.digits_right(
        session, request.form.get("verification_cle", ""), request.form.get("verification_chiffres", "")
    )


def box(held: str | None = None) -> Box:
    """What the page shows: nothing to do with a pass, else new digits."""
    return Box(held or "", "" if held else captcha.new_key())


def _digits(key: str) -> str:
    found = captcha.digits(key)
    if found is None:
        raise NotFound
    return found


def _count(limit: throttle.Limit = MADE) -> None:
    throttle.take(limit, throttle.network(request.remote_addr or ""))


def _sent(content: bytes, mimetype: str) -> Response:
    answer = make_response(content)
    answer.mimetype = mimetype
    return answer
