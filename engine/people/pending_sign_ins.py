"""Between the password and the second factor: a sign-in that isn't one yet (E7).

It opens no page but those that finish it, lasts ten minutes and bears five wrong answers; then the password is asked for again,
and the owner is told that somebody knows it.
"""

from __future__ import annotations

import hashlib
import secrets as random
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Text, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import audit, clock, config, mail
from engine.core.db import Base, Session, UtcDateTime
from engine.core.errors import NotFound
from engine.people import passkeys, recovery_codes, second_factors, sessions, throttle, totp
from engine.people.accounts import Account
from engine.people.actors import ANONYMOUS, Actor
from engine.people.passkeys import Site

VALID_FOR = timedelta(minutes=10)
# A whole enrolment: an application to install, codes to write down.
ENROLMENT_VALID_FOR = timedelta(minutes=60)
TRIES = 5
# Whoever gets here knows the password. Guessing a code goes on slowly from one network, and hardly faster from many.
BY_NETWORK = throttle.Limit("second-factor-network", burst=10, every=timedelta(seconds=60))
BY_ACCOUNT = throttle.Limit("second-factor-account", burst=30, every=timedelta(seconds=60))


class PendingSignIn(Base):
    """Somebody gave the password of this account. `proof` ends it when the password changes meanwhile."""

    __tablename__ = "pending_sign_in"
    __table_args__ = (
        Index("ix_pending_sign_in_account_id", "account_id"),
        Index("ix_pending_sign_in_expires_at", "expires_at"),
    )

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    proof: Mapped[str] = mapped_column(Text)
    tries_left: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PendingOver(NotFound):
    """It lasted too long, bore too many wrong answers, or never was."""

    default = "Cette connexion n’a pas abouti\u00a0: saisissez de nouveau votre mot de passe."


def begin(session: Session, account: Account) -> str:
    """The password was right: the token to go on with."""
    now = clock.now()
    session.execute(delete(PendingSignIn).where(PendingSignIn.expires_at <= now))
    token = random.token_urlsafe(32)
    enrolled = bool(second_factors.kinds(session, account.id))
    session.add(
        PendingSignIn(
            token_hash=_hash(token),
            account_id=account.id,
            proof=_proof(account),
            tries_left=TRIES,
            expires_at=now + (VALID_FOR if enrolled else ENROLMENT_VALID_FOR),
        )
    )
    session.flush()
    return token


def holder(session: Session, token: str) -> Account:
    """Whose sign-in this is, or `PendingOver`. Changes nothing."""
    row = session.execute(
        select(PendingSignIn, Account)
        .join(Account, Account.id == PendingSignIn.account_id)
        .where(
            PendingSignIn.token_hash == _hash(token),
            PendingSignIn.expires_at > clock.now(),
            PendingSignIn.tries_left > 0,
            Account.active,
        )
    ).first()
    if row is None or row[0].proof != _proof(row[1]):
        raise PendingOver
    account: Account = row[1]
    return account


def enrolling(session: Session, token: str) -> Account:
    """Whose sign-in this is, when it waits for a first factor to be added; `PendingOver` when they have one to prove."""
    account = holder(session, token)
    if second_factors.kinds(session, account.id):
        raise PendingOver
    return account


def prove(
    session: Session,
    token: str,
    *,
    code: str = "",
    passkey: str = "",
    site: Site | None,
    address: str,
    user_agent: str = "",
) -> str | None:
    """Open the session when the code (of an application, or a recovery code) or the passkey's answer is right: its token.

    None, and a try less, when it is wrong: the caller lets the transaction commit whatever the verdict. `PendingOver` when
    there is nothing to prove any more.
    """
    account = holder(session, token)
    network = f"{account.id} {throttle.network(address)}"
    if not passkey:  # nobody guesses a signature: a passkey comes in while others try codes
        throttle.take(BY_ACCOUNT, str(account.id))
        throttle.take(BY_NETWORK, network)
    # Paid before it is compared: tries sent all at once cost one each.
    left = session.scalar(
        update(PendingSignIn)
        .where(PendingSignIn.token_hash == _hash(token), PendingSignIn.tries_left > 0)
        .values(tries_left=PendingSignIn.tries_left - 1)
        .returning(PendingSignIn.tries_left)
    )
    if left is None:
        raise PendingOver
    if right(session, account, code=code, passkey=passkey, site=site):
        throttle.give_back(BY_NETWORK, network)
        return _open(session, token, account, user_agent)
    audit.record(session, ANONYMOUS, "account.sign_in_refused", "account", account.id, by="second_factor")
    if left == 0:
        _warn(session, account)
    return None


def right(session: Session, account: Account, *, code: str, passkey: str, site: Site | None) -> bool:
    """Whether this proves a second factor of the account, or is one of its recovery codes; used up, if so."""
    if passkey:
        return site is not None and passkeys.verify(session, account.id, site, passkey)
    if totp.verify(session, account.id, code):
        return True
    if not recovery_codes.use(session, account.id, code):
        return False
    audit.record(session, Actor("agent", account.id), "account.recovery_code_used", "account", account.id)
    _tell_code_used(session, account)
    return True


def enrolled(session: Session, token: str, *, user_agent: str = "") -> str:
    """Open the session of whoever has just added their first factor, in this transaction (`enrolling`): its token."""
    return _open(session, token, holder(session, token), user_agent)


def _open(session: Session, token: str, account: Account, user_agent: str) -> str:
    # Taken by who deletes it: two uses at once can't both be the first.
    gone = session.scalar(
        delete(PendingSignIn).where(PendingSignIn.token_hash == _hash(token)).returning(PendingSignIn.account_id)
    )
    if gone is None:
        raise PendingOver
    audit.record(session, account.actor, "account.signed_in", "account", account.id, by="second_factor")
    return sessions.open(session, account, user_agent=user_agent)


def _proof(account: Account) -> str:
    return hashlib.sha256((account.password_hash or "").encode()).hexdigest()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _warn(session: Session, account: Account) -> None:
    settings = config.current()
    space = settings.city.space_name
    text = f"""Bonjour,

Quelqu’un a saisi le bon mot de passe de votre compte {space} {account.login}, puis {TRIES} seconds facteurs faux. La connexion \
a été refusée.

Si ce n’était pas vous, votre mot de passe est connu d’un autre\u00a0: choisissez-en un nouveau tout de suite.
{settings.public_url}/mot-de-passe/oubli

L’équipe {space}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
    mail.write(
        session,
        to=account.login,
        subject=f"Connexion refusée à votre compte {space}",
        text=text,
        name="second-facteur-faux",
    )


def _tell_code_used(session: Session, account: Account) -> None:
    settings = config.current()
    space = settings.city.space_name
    left = recovery_codes.left(session, account.id)
    remain = f"Il vous en reste {left}." if left else "C’était le dernier\u00a0: créez-en d’autres dans votre profil."
    text = f"""Bonjour,

Un code de secours de votre compte {space} {account.login} vient de servir. {remain}

Si ce n’était pas vous, prévenez tout de suite un administrateur ou appelez le {settings.city.phone}.

L’équipe {space}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
    mail.write(
        session, to=account.login, subject=f"Code de secours utilisé, compte {space}", text=text, name="code-de-secours"
    )
