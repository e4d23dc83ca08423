"""Warnings: what the city writes to somebody whose use of their account breaks the terms, and what is kept of it (D6)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import audit, clock, config, mail
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import Invalid, NotFound
from engine.people import accounts
from engine.people.accounts import Account

REASON_MAX = 2000


class AccountWarning(Base):
    """A warning that was sent."""

    __tablename__ = "account_warning"
    __table_args__ = (
        Index("ix_account_warning_account_id", "account_id"),
        Index("ix_account_warning_sent_at", "sent_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(Text)
    sent_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UnknownAccount(NotFound):
    """No resident signs in so."""

    default = "Aucun compte d’usager ouvert ne se connecte avec cette adresse ou ce nom."


def resident(session: Session, login: str) -> Account:
    """The open account of the resident who signs in so, or `UnknownAccount`."""
    account = accounts.by_login(session, login)
    if account is None or account.kind != "resident" or not account.active:
        raise UnknownAccount
    return account


def reason(text: str) -> str:
    """The reason of a warning as it is kept, line by line, or `Invalid`."""
    lines = [
        " ".join("".join(sign if sign.isprintable() else " " for sign in line).split()) for line in text.splitlines()
    ]
    clean = "\n".join(lines).strip()
    if not clean:
        raise Invalid("Dites ce qui est reproché, et ce que la personne doit faire ou ne plus faire.")
    if len(clean) > REASON_MAX:
        raise Invalid(f"Le texte ne doit pas dépasser {REASON_MAX} caractères.")
    return clean


def letter(text: str) -> str:
    """The message around the reason."""
    settings = config.current()
    city = settings.city
    return f"""Bonjour,

La {city.name} vous adresse un avertissement au sujet de l’utilisation de votre compte {city.space_name}\u00a0:

{text}

Les conditions générales d’utilisation, que vous avez acceptées, se lisent ici\u00a0:
{settings.public_url}/conditions-generales

Si vous pensez qu’il s’agit d’une erreur, répondez au {city.phone} ou à {city.email}.

L’équipe {city.space_name}
"""


def send(session: Session, account: Account, text: str, *, who: audit.Who) -> AccountWarning:
    """Write to the account's owner and keep what was said."""
    warning = AccountWarning(
        id=new_id(), account_id=account.id, reason=reason(text), sent_by=who.account_id, sent_at=clock.now()
    )
    session.add(warning)
    mail.write(
        session,
        to=account.login,
        subject=f"Avertissement au sujet de votre compte {config.current().city.space_name}",
        text=letter(warning.reason),
        name="avertissement",
    )
    session.flush()
    audit.record(session, who, "account.warned", "account", account.id, warning=warning.id)
    return warning


def latest(session: Session, *, limit: int = 50) -> list[tuple[AccountWarning, str]]:
    """The warnings that were sent, the latest first, each with the address that signs the account in."""
    found = session.execute(
        select(AccountWarning, Account.login)
        .join(Account, Account.id == AccountWarning.account_id)
        .order_by(AccountWarning.sent_at.desc(), AccountWarning.id)
        .limit(limit)
    )
    return [(warning, login) for warning, login in found]
