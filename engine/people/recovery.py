"""A forgotten password (B6): a link by e-mail, used once within half an hour, to choose another one.

The link carries 256 random bits and the table their SHA-256; looking at the page changes nothing, sending it consumes the link
and signs the account out everywhere. The letter is written by a job: an address without account takes the same time to answer.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import audit, clock, config, jobs, mail
from engine.core.db import Base, Session, UtcDateTime
from engine.core.errors import NotFound
from engine.people import accounts, sessions, throttle
from engine.people.accounts import Account
from engine.people.actors import SYSTEM

VALID_FOR = timedelta(minutes=30)
LINKS_A_DAY = 5
ASKED_BY_NETWORK = throttle.Limit("recovery-network", burst=20, every=timedelta(seconds=30))
_DAY = timedelta(days=1)


class PasswordLink(Base):
    """A link that was sent. It stays a day after its end, to count how many an account was sent."""

    __tablename__ = "password_link"
    __table_args__ = (
        Index("ix_password_link_account_id", "account_id"),
        Index("ix_password_link_issued_at", "issued_at"),
    )

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LinkOver(NotFound):
    """The link was used, is too old, or never was: which one isn't said."""

    default = "Ce lien n’est plus valable\u00a0: il ne sert qu’une fois et dure 30 minutes. Demandez-en un autre."


def ask(session: Session, login: str, *, address: str) -> None:
    """Promise a letter to whoever signs in with `login`, if anybody does; `Throttled` after too many from one network."""
    throttle.take(ASKED_BY_NETWORK, throttle.network(address))
    jobs.promise(session, "send_password_link", login=login.strip()[:254])


def send_link(session: Session, login: str, *, reset: bool = False) -> None:
    """Write to the owner of the account, unless there is none or it was written to often enough today.

    With `reset` they have no password any more, since an administrator reset their second factor: they are told so, however often
    they were written to.
    """
    account = accounts.by_login(session, login)
    if account is None or not account.active:
        return
    now = clock.now()
    session.execute(delete(PasswordLink).where(PasswordLink.issued_at <= now - _DAY))
    sent = session.scalar(select(func.count()).select_from(PasswordLink).where(PasswordLink.account_id == account.id))
    if (sent or 0) >= LINKS_A_DAY and not reset:
        return
    token = secrets.token_urlsafe(32)
    audit.record(session, SYSTEM, "account.password_link_sent", "account", account.id)
    session.add(PasswordLink(token_hash=_hash(token), account_id=account.id, issued_at=now, expires_at=now + VALID_FOR))
    space = config.current().city.space_name
    mail.write(
        session,
        to=account.login,
        subject=f"Choisissez un nouveau mot de passe {space}",
        text=_link_text(token, reset=reset),
        name="mot-de-passe-lien",
    )
    session.flush()


def holder(session: Session, token: str) -> Account:
    """Whose link this is, or `LinkOver`. Changes nothing."""
    account_id = session.scalar(
        select(PasswordLink.account_id).where(
            PasswordLink.token_hash == _hash(token), PasswordLink.expires_at > clock.now()
        )
    )
    account = session.get(Account, account_id) if account_id else None
    if account is None or not account.active:
        raise LinkOver
    return account


def consume(session: Session, token: str, password_hash: str) -> Account:
    """Give the account its new password, end its other links and sign it out everywhere; `LinkOver` when it is worth nothing.

    The password comes checked and hashed (`passwords`).
    """
    account = holder(session, token)
    # Taken by who deletes it: two uses at once can't both be the first.
    taken = session.scalar(
        delete(PasswordLink).where(PasswordLink.token_hash == _hash(token)).returning(PasswordLink.account_id)
    )
    if taken is None:
        raise LinkOver
    replace_password(session, account, password_hash)
    return account


def replace_password(session: Session, account: Account, password_hash: str) -> None:
    """Give the account another password: links sent before end, every session closes, and the owner is told, in case it wasn't
    them."""
    accounts.update_password(session, account, password_hash)
    audit.record(session, account.actor, "account.password_changed", "account", account.id)
    end_links(session, account.id)
    sessions.close_all(session, account.id)
    space = config.current().city.space_name
    mail.write(
        session,
        to=account.login,
        subject=f"Votre mot de passe {space} a été modifié",
        text=_changed_text(),
        name="mot-de-passe-modifie",
    )


def end_links(session: Session, account_id: UUID) -> None:
    """Make the links sent so far worth nothing, as when the mailbox that they were sent to no longer counts."""
    session.execute(
        update(PasswordLink).where(PasswordLink.account_id == account_id).values(expires_at=PasswordLink.issued_at)
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _link_text(token: str, *, reset: bool) -> str:
    settings = config.current()
    space = settings.city.space_name
    again = f"{settings.public_url}/mot-de-passe/oubli"
    if reset:
        why = (
            f"Un administrateur a réinitialisé votre second facteur pour votre compte {space}. Choisissez d’abord un nouveau mot "
            "de passe, car l’ancien ne sert plus. Pour le faire, suivez ce lien\u00a0:"
        )
        unasked = (
            "Si vous n’avez pas demandé cette réinitialisation, choisissez tout de même un nouveau mot de passe, et prévenez "
            f"votre responsable ou appelez le {settings.city.phone}."
        )
    else:
        why = f"Vous avez demandé à choisir un nouveau mot de passe pour votre compte {space}. Pour cela, suivez ce lien\u00a0:"
        unasked = (
            "Si vous n’êtes pas à l’origine de cette demande, ne tenez pas compte de ce message\u00a0: votre mot de passe reste "
            "le même."
        )
    return f"""Bonjour,

{why}

{settings.public_url}/mot-de-passe/nouveau/{token}

Il ne sert qu’une fois et reste valable 30 minutes. Passé ce délai, demandez-en un autre\u00a0:
{again}

{unasked}

L’équipe {space}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""


def _changed_text() -> str:
    settings = config.current()
    city = settings.city
    return f"""Bonjour,

Le mot de passe de votre compte {city.space_name} vient d’être modifié. Par sécurité, les autres appareils où vous étiez \
connecté ont été déconnectés.

Si vous n’êtes pas à l’origine de ce changement, choisissez tout de suite un nouveau mot de passe\u00a0:
{settings.public_url}/mot-de-passe/oubli
et prévenez-nous au {city.phone}.

L’équipe {city.space_name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
