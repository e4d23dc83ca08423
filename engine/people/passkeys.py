"""Passkeys (WebAuthn) as second factors: a key that never leaves its device signs a challenge of ours for this site alone (E7).

A challenge is drawn for one account and one purpose, kept for a few minutes and used up by the first answer, right or wrong.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import secrets as random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, delete
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, config
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import Invalid
from engine.people import second_factors
from engine.people.accounts import Account
from engine.people.second_factors import PASSKEY, SecondFactor

# `webauthn` takes a third of a second to load: whoever shows a passkey pays for it, not each start of each process.
if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

VALID_FOR = timedelta(minutes=5)
_ANSWER_MAX = 20_000

Purpose = Literal["add", "prove"]


class PasskeyChallenge(Base):
    """A challenge that waits for its answer."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (Index("ix_passkey_challenge_expires_at", "expires_at"),)

    digest: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Site:
    """What passkeys are bound to: a domain, and the origin that browsers must say they are at."""

    domain: str
    origin: str


class PasskeyRefused(Invalid):
    """The answer isn't that of a passkey of this account to a challenge of ours; why is for the logs."""

    default = "La clé d’accès n’a pas été reconnue. Recommencez, ou utilisez un autre moyen."


def site(asked_host: str) -> Site | None:
    """The site that this visitor is at (`asked_host`: the host and port that their browser asked for); None where there can be
    no passkeys: browsers have none for addresses in figures.

    A portal of one's own machine is also known as `localhost`.
    """
    public = urlsplit(config.current().public_url)
    host = public.hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Site(host, f"{public.scheme}://{public.netloc}")
    if address.is_loopback and urlsplit(f"//{asked_host}").hostname == "localhost":
        return Site("localhost", f"{public.scheme}://{asked_host}")
    return None


def creation_options(session: Session, account: Account, site: Site) -> str:
    """What the browser is asked to make a passkey with, in JSON."""
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    second_factors.check_room(session, account.id)
    return webauthn.options_to_json(
        webauthn.generate_registration_options(
            rp_id=site.domain,
            rp_name=config.current().city.space_name,
            user_id=account.id.bytes,
            user_name=account.login,
            user_display_name=account.display_name,
            challenge=_challenge(session, account.id, "add"),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=_descriptors(session, account.id),
        )
    )


def add(session: Session, account: Account, site: Site, answer: str, name: str = "") -> list[str]:
    """Keep the passkey that the browser made; the recovery codes that come with a first factor. `PasskeyRefused` when the answer
    isn't one to our challenge."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    second_factors.check_room(session, account.id)
    credential, challenge = _read(session, answer, account.id, "add")
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.domain,
            expected_origin=site.origin,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused(why=str(error)) from None
    factor = SecondFactor(
        id=new_id(),
        account_id=account.id,
        kind=PASSKEY,
        name=second_factors.name(name, "Clé d’accès"),
        credential_id=_text(made.credential_id),
        public_key=_text(made.credential_public_key),
        sign_count=made.sign_count,
        created_at=clock.now(),
    )
    session.add(factor)
    return second_factors.confirmed(session, account, factor)


def request_options(session: Session, account_id: UUID, site: Site) -> str:
    """What the browser is asked to sign, in JSON."""
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    return webauthn.options_to_json(
        webauthn.generate_authentication_options(
            rp_id=site.domain,
            challenge=_challenge(session, account_id, "prove"),
            allow_credentials=_descriptors(session, account_id),
            user_verification=UserVerificationRequirement.PREFERRED,
        )
    )


def verify(session: Session, account_id: UUID, site: Site, answer: str) -> bool:
    """Whether a passkey of the account signed our challenge. The challenge is used up either way."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        credential, challenge = _read(session, answer, account_id, "prove")
        known = {one.credential_id: one for one in second_factors.of(session, account_id) if one.kind == PASSKEY}
        factor = known[credential["id"]]
        proved = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.domain,
            expected_origin=site.origin,
            credential_public_key=_bytes(factor.public_key or ""),
            credential_current_sign_count=factor.sign_count or 0,
        )
    except (WebAuthnException, PasskeyRefused, ValueError, KeyError, TypeError):
        return False
    factor.sign_count, factor.used_at = proved.new_sign_count, clock.now()
    session.flush()
    return True


def _challenge(session: Session, account_id: UUID, purpose: Purpose) -> bytes:
    now = clock.now()
    session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at <= now))
    challenge = random.token_bytes(32)
    session.add(
        PasskeyChallenge(digest=_digest(challenge), account_id=account_id, purpose=purpose, expires_at=now + VALID_FOR)
    )
    session.flush()
    return challenge


def _read(session: Session, answer: str, account_id: UUID, purpose: Purpose) -> tuple[dict[str, Any], bytes]:
    """The credential, and the challenge that it says it answers: one of ours, which is used up."""
    try:
        if len(answer) > _ANSWER_MAX:
            raise PasskeyRefused(why="too long")
        credential = json.loads(answer)
        challenge = _bytes(json.loads(_bytes(credential["response"]["clientDataJSON"]))["challenge"])
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        raise PasskeyRefused(why="unreadable") from None
    found = session.scalar(
        delete(PasskeyChallenge)
        .where(
            PasskeyChallenge.digest == _digest(challenge),
            PasskeyChallenge.account_id == account_id,
            PasskeyChallenge.purpose == purpose,
            PasskeyChallenge.expires_at > clock.now(),
        )
        .returning(PasskeyChallenge.digest)
    )
    if found is None:
        raise PasskeyRefused(why="no such challenge")
    return credential, challenge


def _descriptors(session: Session, account_id: UUID) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [
        PublicKeyCredentialDescriptor(id=_bytes(one.credential_id or ""))
        for one in second_factors.of(session, account_id)
        if one.kind == PASSKEY
    ]


def _text(content: bytes) -> str:
    """Bytes as WebAuthn writes them in JSON: base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _digest(challenge: bytes) -> str:
    return hashlib.sha256(challenge).hexdigest()
