"""Codes of an application (TOTP, RFC 6238): six digits, another one every thirty seconds (E7).

The step of the last code taken is kept: a code never serves twice, not even within its half minute. The key is sealed at rest.
"""

from __future__ import annotations

import base64
import secrets as random
from urllib.parse import quote, urlencode
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from engine.core import clock, config, secrets
from engine.core.db import Session, new_id
from engine.core.errors import NotFound
from engine.people import second_factors
from engine.people.accounts import Account
from engine.people.second_factors import TOTP, SecondFactor

DIGITS = 6
PERIOD = 30
# Clocks that differ by half a minute, either way.
_DRIFT = (0, -1, 1)
_KEY_BYTES = 20
_PURPOSE = "totp"


def start(session: Session, account: Account) -> SecondFactor:
    """A new key for an application, which counts once `confirm` is given a code of it; one begun before is forgotten."""
    second_factors.check_room(session, account.id)
    session.execute(delete(SecondFactor).where(_begun(account.id)))
    key = base64.b32encode(random.token_bytes(_KEY_BYTES)).decode()
    factor = SecondFactor(
        id=new_id(),
        account_id=account.id,
        kind=TOTP,
        name="Application",
        secret=_sealed(account.id, key),
        created_at=clock.now(),
    )
    session.add(factor)
    session.flush()
    return factor


def begun(session: Session, account_id: UUID) -> SecondFactor:
    """The key that waits for its first code, or `NotFound`."""
    factor = session.scalar(select(SecondFactor).where(_begun(account_id)))
    if factor is None:
        raise NotFound
    return factor


def confirm(session: Session, account: Account, code: str, name: str = "") -> list[str] | None:
    """Let the key begun count when the code is of it; the recovery codes that come with a first factor, None when it is wrong."""
    factor = begun(session, account.id)
    if not _take(session, factor, code):
        return None
    factor.name = second_factors.name(name, factor.name)
    return second_factors.confirmed(session, account, factor)


def verify(session: Session, account_id: UUID, code: str) -> bool:
    """Whether one of the account's applications shows this code now; it then never serves again."""
    return any(_take(session, one, code) for one in second_factors.of(session, account_id) if one.kind == TOTP)


def key(factor: SecondFactor) -> str:
    """The key in base 32, as it is typed into an application."""
    return secrets.unseal(_PURPOSE, factor.secret or "", about=_about(factor.account_id))


def uri(factor: SecondFactor, account: Account) -> str:
    """The address that a QR code carries (`otpauth:`)."""
    issuer = config.current().city.space_name
    facts = urlencode({"secret": key(factor), "issuer": issuer, "digits": DIGITS, "period": PERIOD}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer)}:{quote(account.login)}?{facts}"


def code_at(secret: str, step: int) -> str:
    """The code of a key (base 32) in a time step."""
    return _hotp(secret).generate(step).decode()


def step_now() -> int:
    """The time step that it is."""
    return int(clock.now().timestamp()) // PERIOD


def _take(session: Session, factor: SecondFactor, typed: str) -> bool:
    code = "".join(typed.split())
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return False
    hotp, now = _hotp(key(factor)), step_now()
    step = next((now + drift for drift in _DRIFT if _is_of(hotp, code, now + drift)), None)
    if step is None:
        return False
    # One UPDATE: of two browsers with the same code, one comes too late.
    taken = session.scalar(
        update(SecondFactor)
        .where(SecondFactor.id == factor.id, or_(SecondFactor.last_step.is_(None), SecondFactor.last_step < step))
        .values(last_step=step, used_at=clock.now())
        .returning(SecondFactor.id)
    )
    return taken is not None


def _is_of(hotp: HOTP, code: str, step: int) -> bool:
    try:
        hotp.verify(code.encode(), step)
    except InvalidToken:
        return False
    return True


def _hotp(secret: str) -> HOTP:
    # The algorithm that every application knows; an HMAC isn't weakened by what SHA-1 suffers from.
    return HOTP(base64.b32decode(secret), DIGITS, SHA1())  # noqa: S303


def reseal(session: Session) -> int:
    """Seal again under the present secret key what a former one sealed, so that it can be dropped; how many keys that was."""
    outdated = [
        factor
        for factor in session.scalars(select(SecondFactor).where(SecondFactor.kind == TOTP))
        if secrets.is_outdated(_PURPOSE, base64.b64decode(factor.secret or ""))
    ]
    for factor in outdated:
        factor.secret = _sealed(factor.account_id, key(factor))
    session.flush()
    return len(outdated)


def _sealed(account_id: UUID, key: str) -> str:
    return secrets.seal(_PURPOSE, key, about=_about(account_id))


def _about(account_id: UUID) -> str:
    return f"account {account_id}"


def _begun(account_id: UUID) -> ColumnElement[bool]:
    return and_(SecondFactor.account_id == account_id, SecondFactor.kind == TOTP, SecondFactor.confirmed_at.is_(None))
