"""Second factors: what agents prove beside their password, an application's codes or a passkey (E7).

A factor counts once it is confirmed: a code that it made was right, or its key signed. Removing one, or an administrator's reset,
signs the account out everywhere else and tells its owner.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import audit, clock, config, jobs, mail
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import Conflict, Invalid, NotFound
from engine.people import accounts, recovery_codes, sessions
from engine.people.accounts import Account
from engine.people.actors import Actor

NAME_MAX = 60
MOST = 10
TOTP, PASSKEY = "totp", "passkey"


class SecondFactor(Base):
    """An application (`secret`, sealed, and the time step of the last code taken) or a passkey (its public key)."""

    __tablename__ = "second_factor"
    __table_args__ = (
        Index("ix_second_factor_account_id", "account_id"),
        Index("uq_second_factor_credential_id", "credential_id", unique=True),
        CheckConstraint("kind IN ('totp', 'passkey')", name="kind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    secret: Mapped[str | None] = mapped_column(Text)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    credential_id: Mapped[str | None] = mapped_column(Text)
    public_key: Mapped[str | None] = mapped_column(Text)
    sign_count: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LastFactor(Conflict):
    """Agents need a second factor here, and this is the only one."""

    default = "C’est votre seul second facteur\u00a0: ajoutez-en un autre avant de retirer celui-ci."


def of(session: Session, account_id: UUID) -> list[SecondFactor]:
    """The confirmed factors of an account, the oldest first."""
    return list(
        session.scalars(
            select(SecondFactor)
            .where(SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None))
            .order_by(SecondFactor.confirmed_at, SecondFactor.id)
        )
    )


def kinds(session: Session, account_id: UUID) -> frozenset[str]:
    """The kinds of factors that the account can prove: none, `totp`, `passkey` or both."""
    return frozenset(
        session.scalars(
            select(SecondFactor.kind)
            .where(SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None))
            .distinct()
        )
    )


def find(session: Session, account_id: UUID, factor_id: UUID) -> SecondFactor:
    """One confirmed factor of the account, or `NotFound`."""
    factor = session.get(SecondFactor, factor_id)
    if factor is None or factor.account_id != account_id or factor.confirmed_at is None:
        raise NotFound(factor_id=str(factor_id))
    return factor


def name(text: str, otherwise: str) -> str:
    """A factor's name as it is stored: trimmed, printable; `otherwise` when nothing was typed, `Invalid` when it is too long."""
    clean = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if len(clean) > NAME_MAX:
        raise Invalid(f"Le nom ne doit pas dépasser {NAME_MAX} caractères.")
    return clean or otherwise


def rename(session: Session, factor: SecondFactor, text: str) -> None:
    """Give a factor the name by which its owner knows it."""
    factor.name = name(text, factor.name)
    session.flush()


def check_room(session: Session, account_id: UUID) -> None:
    """`Conflict` when the account has as many factors as it may."""
    held = session.scalar(
        select(func.count())
        .select_from(SecondFactor)
        .where(SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None))
    )
    if (held or 0) >= MOST:
        raise Conflict(f"Un compte a {MOST} seconds facteurs au plus\u00a0: retirez-en un d’abord.")


def confirmed(session: Session, account: Account, factor: SecondFactor) -> list[str]:
    """Let the factor count from now on; the owner is told. The recovery codes that come with the first factor, else none."""
    owner = Actor("agent", account.id)
    first = not kinds(session, account.id)
    factor.confirmed_at = factor.used_at = clock.now()
    session.flush()
    _tell(
        session, account, f"Un second facteur a été ajouté\u00a0: «\u00a0{factor.name}\u00a0».", "second-facteur-ajoute"
    )
    audit.record(session, owner, "account.second_factor_set", "account", account.id, factor=factor.kind)
    return new_codes(session, account.id) if first else []


def new_codes(session: Session, account_id: UUID) -> list[str]:
    """Ten recovery codes in place of those that the account had; asked for by its owner."""
    audit.record(session, Actor("agent", account_id), "account.recovery_codes_made", "account", account_id)
    return recovery_codes.generate(session, account_id)


def remove(session: Session, account: Account, factor: SecondFactor, *, keeping: str) -> None:
    """Take a factor away, or raise `LastFactor`; the account is signed out everywhere but in the session `keeping`."""
    # The account's row is the turn of those who remove the two last factors at once.
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update())
    last = {one.id for one in of(session, account.id)} == {factor.id}
    if last and config.current().second_factor_required:
        raise LastFactor
    told = factor.name
    owner = Actor("agent", account.id)
    audit.record(session, owner, "account.second_factor_removed", "account", account.id, factor=factor.kind)
    session.delete(factor)
    session.flush()
    if last:
        recovery_codes.forget(session, account.id)
    sessions.close_all(session, account.id, except_=keeping)
    _tell(session, account, f"Un second facteur a été retiré\u00a0: «\u00a0{told}\u00a0».", "second-facteur-retire")


def reset(session: Session, account: Account, *, who: audit.Who) -> None:
    """Take every factor and the password away and sign the account out everywhere, for an agent who lost them.

    The owner is mailed a link to choose a password: whoever knew the former one can't add a factor in their place.
    """
    audit.record(session, who, "account.second_factor_removed", "account", account.id, factor="all")
    session.execute(delete(SecondFactor).where(SecondFactor.account_id == account.id))
    recovery_codes.forget(session, account.id)
    account.password_hash = None
    sessions.close_all(session, account.id)
    by = accounts.names(session, {who.account_id}).get(who.account_id) if who.account_id else None
    text = (
        f"{f'{by}, administrateur,' if by else 'Un administrateur'} a réinitialisé votre second facteur. Votre mot de passe "
        "actuel ne sert plus\u00a0: un autre message vous donne un lien pour en choisir un nouveau. Un second facteur vous "
        "sera ensuite demandé à la connexion."
    )
    advice = "Si vous ne le lui avez pas demandé, prévenez tout de suite votre responsable ou appelez le"
    _tell(session, account, text, "second-facteur-reinitialise", advice)
    jobs.promise(session, "send_password_link", login=account.login, reset=True)


def asked_of(session: Session, account: Account) -> bool:
    """Whether signing in takes more than the password: agents who have a factor, and all of them where it is required."""
    return account.kind == "agent" and (config.current().second_factor_required or bool(kinds(session, account.id)))


_NOT_ME = "Si vous n’êtes pas à l’origine de ce changement, prévenez tout de suite un administrateur ou appelez le"


def _tell(session: Session, account: Account, what: str, letter: str, advice: str = _NOT_ME) -> None:
    city = config.current().city
    text = f"""Bonjour,

Compte {city.space_name} {account.login}

{what}

{advice} {city.phone}.

L’équipe {city.space_name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
    mail.write(session, to=account.login, subject=f"Connexion à votre compte {city.space_name}", text=text, name=letter)
