"""Telling people from machines without a third party (B3): a proof of work done by the page's script, or digits seen or
heard.

Whoever gets through gets a pass, so that a form with other mistakes doesn't ask again; `spend` uses it up. Nothing is stored of a
challenge before it is answered: what the server must know of it is derived from its key and our secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets as random
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import altcha
from sqlalchemy import Index, Text, delete, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, secrets
from engine.core.db import Base, Session, UtcDateTime

DIGITS = 5
VALID_FOR = timedelta(minutes=20)
# About a second of one core of a computer, a few on an old telephone: a thousand accounts cost what a spammer won't pay.
_ALGORITHM = "PBKDF2/SHA-256"
_COST = 2_000
_ROUNDS = range(300, 900)
_PAYLOAD_MAX = 5_000


class SpentCaptcha(Base):
    """A challenge that was answered or a pass that was used: it counts once."""

    __tablename__ = "spent_captcha"
    __table_args__ = (Index("ix_spent_captcha_expires_at", "expires_at"),)

    digest: Mapped[str] = mapped_column(Text, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


# --- proof of work ---------------------------------------------------------------------------------------------------------


def challenge() -> dict[str, Any]:
    """A challenge for the page's script (altcha, version 2)."""
    found: dict[str, Any] = altcha.create_challenge(
        _ALGORITHM,
        _COST,
        counter=_ROUNDS.start + random.randbelow(len(_ROUNDS)),
        expires_at=int((clock.now() + VALID_FOR).timestamp()),
        hmac_secret=secrets.key(_WORK),
    ).to_dict()
    return found


def work_done(session: Session, payload: str) -> str | None:
    """A pass for the script's answer, or None when it is wrong, too late or was already given."""
    if not payload or len(payload) > _PAYLOAD_MAX:
        return None
    if not any(altcha.verify_solution(payload, key).verified for key in secrets.keys(_WORK)):
        return None
    try:
        signature = str(json.loads(base64.b64decode(payload))["challenge"]["signature"])
    except (binascii.Error, KeyError, TypeError, ValueError):
        return None
    return make_pass() if _first(session, "work:" + signature) else None


# --- digits ----------------------------------------------------------------------------------------------------------------


def new_key() -> str:
    """The key of a new image and of its reading aloud."""
    return _token(_DIGITS)


def digits(key: str) -> str | None:
    """The digits behind a key; None when it isn't ours or is too old."""
    maker = _maker(_DIGITS, key)
    if maker is None:
        return None
    number = int.from_bytes(hmac.digest(maker, b"drawn " + key.encode(), "sha256")[:8], "big")
    return f"{number % 10**DIGITS:0{DIGITS}}"


def digits_right(session: Session, key: str, typed: str) -> str | None:
    """A pass when the digits are right, else None. A key is worth one try, right or wrong."""
    expected = digits(key)
    if expected is None or not _first(session, "digits:" + key):
        return None
    given = "".join(sign for sign in typed if not sign.isspace())
    return make_pass() if hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")) else None


def image(text: str) -> bytes:
    """The digits as a picture (PNG)."""
    return bytes(_painter().generate(text).getvalue())


def spoken(text: str, voices: Path) -> bytes:
    """The digits read aloud in French (WAV), with the voices made at set-up."""
    return bytes(_speaker(voices).generate(text))


@cache
def _painter() -> Any:
    # Here and not above: Pillow's fonts take time and memory that only visitors without scripts need.
    from captcha.image import ImageCaptcha

    return ImageCaptcha(width=240, height=90)


@cache
def _speaker(voices: Path) -> Any:
    from captcha.audio import AudioCaptcha

    return AudioCaptcha(voicedir=str(voices))


# --- passes ----------------------------------------------------------------------------------------------------------------


def make_pass() -> str:
    """What proves, for a while, that a challenge was met."""
    return _token(_PASS)


def pass_holds(token: str) -> bool:
    """Whether this is a pass of ours that isn't too old. Whether it was spent is known when it is spent."""
    return _maker(_PASS, token) is not None


def spend(session: Session, token: str) -> bool:
    """Use the pass up; False when it holds no more."""
    return pass_holds(token) and _first(session, "pass:" + token)


# --- inside ----------------------------------------------------------------------------------------------------------------


# What keys are for: `secrets.key`.
_WORK, _DIGITS, _PASS = "captcha work", "captcha digits", "captcha pass"


def _token(purpose: str) -> str:
    facts = f"{random.token_urlsafe(12)}.{int((clock.now() + VALID_FOR).timestamp())}"
    return f"{facts}.{_tag(secrets.key(purpose), facts)}"


def _maker(purpose: str, token: str) -> bytes | None:
    """The key that made the token; None when it isn't ours or is too old."""
    facts, _, tag = token.rpartition(".")
    if not token.isascii():
        return None
    maker = next((key for key in secrets.keys(purpose) if hmac.compare_digest(tag, _tag(key, facts))), None)
    if maker is None or clock.now().timestamp() >= int(facts.rpartition(".")[2]):
        return None
    return maker


def _tag(key: bytes, facts: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, facts.encode("utf-8", "replace"), "sha256")).decode()


def _first(session: Session, what: str) -> bool:
    """Note that this was used; False when it already was. The database decides between two that come at once."""
    now = clock.now()
    session.execute(delete(SpentCaptcha).where(SpentCaptcha.expires_at <= now))
    digest = hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()
    try:
        with session.begin_nested():
            session.execute(insert(SpentCaptcha).values(digest=digest, expires_at=now + VALID_FOR))
    except IntegrityError:
        return False
    return True
