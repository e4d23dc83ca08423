"""Identities that FranceConnect or ProConnect certifies, and the accounts that they open (B5, E7).

An account may have several: the subject that a provider names a person by is ours alone and changes, for instance after
civil records were corrected. A subject that isn't known opens an account by itself only when all six data of the civil
identity are known and the same; otherwise the person proves that the account is theirs (`link`), or makes one. An e-mail
address proves nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import audit, clock, config, mail
from engine.core.audit import Who
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import Conflict
from engine.people import accounts
from engine.people.accounts import Account
from engine.people.openid import FRANCECONNECT, NAMES, Proved, SignInRefused

_SEXES = {"female": "F", "male": "M"}
# Civil records may know the year only, or the month and the year: zeros stand for the rest.
_BIRTHDATE = re.compile(r"[0-9]{4}-(0[0-9]|1[0-2])-([0-2][0-9]|3[01])")


class Identity(Base):
    """A person as a provider certifies them, tied to an account. The places are INSEE codes; agents' have names only."""

    __tablename__ = "identity"
    __table_args__ = (
        Index("uq_identity_provider_subject", "provider", "subject", unique=True),
        Index("ix_identity_account_id", "account_id"),
        Index("ix_identity_family_name_birthdate", "family_name", "birthdate"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    given_names: Mapped[str] = mapped_column(Text)
    family_name: Mapped[str] = mapped_column(Text)
    birthdate: Mapped[str | None] = mapped_column(Text)
    gender: Mapped[str | None] = mapped_column(Text)
    birthplace: Mapped[str | None] = mapped_column(Text)
    birthcountry: Mapped[str | None] = mapped_column(Text)
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Pivot:
    """The civil identity as FranceConnect gives it; `None` for what civil records don't know."""

    given_names: str
    family_name: str
    birthdate: str | None = None
    gender: str | None = None
    birthplace: str | None = None
    birthcountry: str | None = None

    @property
    def complete(self) -> bool:
        """Whether all six data are known, the day of birth included: two people then can't be taken for one another."""
        return None not in asdict(self).values() and "-00" not in str(self.birthdate)

    @property
    def sex(self) -> str | None:
        """The sex as accounts have it."""
        return _SEXES.get(self.gender or "")


def pivot(claims: Mapping[str, Any]) -> Pivot:
    """The civil identity that FranceConnect certifies, or `SignInRefused` when there is none in it."""

    found = Pivot(
        given_names=_said(claims, "given_name") or "",
        family_name=_said(claims, "family_name") or "",
        birthdate=_said(claims, "birthdate"),
        gender=_said(claims, "gender"),
        birthplace=_said(claims, "birthplace"),
        birthcountry=_said(claims, "birthcountry"),
    )
    if not (found.given_names or found.family_name) or not _BIRTHDATE.fullmatch(found.birthdate or ""):
        raise SignInRefused(why="no civil identity")
    return found


def usage_name(claims: Mapping[str, Any]) -> str | None:
    """The name in use that FranceConnect passes on, for the person to keep or to change."""
    return _said(claims, "preferred_username")


def _said(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if text and text.isprintable() and len(text) <= 200 else None


# --- whose identity it is --------------------------------------------------------------------------------------------------


def owner(session: Session, proved: Proved) -> Account | None:
    """The account that this identity opens: the one that it is tied to, or that of the very same person; None when there is none.

    What the provider certifies is brought up to date on the way. `SignInRefused` when the account was closed.
    """
    known = pivot(proved.claims)
    identity = _found(session, proved)
    if identity is None:
        account = _same_person(session, known)
        if account is not None:
            _tie(session, account, proved, known, proof="civil-identity")
        return account
    account = _open_to_its_owner(session, identity.account_id)
    _refresh(session, account, identity, known)
    return account


def agent(session: Session, proved: Proved) -> Account:
    """The agent's account that this identity of ProConnect opens: the one that it is tied to, or that of its e-mail address, for
    which ProConnect vouches; `SignInRefused` when no agent has it."""
    identity = _found(session, proved)
    if identity is not None:
        identity.seen_at = clock.now()
        return _open_to_its_owner(session, identity.account_id)
    email = proved.claims.get("email")
    account = accounts.by_login(session, email) if isinstance(email, str) and "@" in email else None
    if account is None or account.kind != "agent" or not account.active:
        raise SignInRefused(
            "Aucun compte d’agent ne correspond à votre identité ProConnect. Demandez à un administrateur de vous inviter.",
            why="no agent",
        )
    known = Pivot(_said(proved.claims, "given_name") or "", _said(proved.claims, "usual_name") or "")
    _tie(session, account, proved, known, proof="email")
    return account


def _found(session: Session, proved: Proved) -> Identity | None:
    return session.scalar(select(Identity).where(Identity.provider == proved.name, Identity.subject == proved.subject))


def _open_to_its_owner(session: Session, account_id: UUID) -> Account:
    account = accounts.find(session, account_id)
    if not account.active:
        raise SignInRefused("Ce compte n’est plus actif. Contactez la ville.", why="account closed")
    return account


def _same_person(session: Session, known: Pivot) -> Account | None:
    """The one active account whose certified identity is this one, all six data known and equal."""
    if not known.complete:
        return None
    same = [getattr(Identity, name) == value for name, value in asdict(known).items()]
    found = session.scalars(
        select(Account)
        .join(Identity, Identity.account_id == Account.id)
        .where(*same, Identity.provider == FRANCECONNECT, Account.active, Account.certified)
        .distinct()
    ).all()
    return found[0] if len(found) == 1 else None


def of_account(session: Session, account_id: UUID) -> list[Identity]:
    """The identities tied to an account, the latest used first."""
    return list(
        session.scalars(select(Identity).where(Identity.account_id == account_id).order_by(Identity.seen_at.desc()))
    )


# --- tying and untying -----------------------------------------------------------------------------------------------------


def link(session: Session, account: Account, proved: Proved, *, proof: str) -> None:
    """Tie FranceConnect's identity to a resident's account, whose owner has proved to be by `proof` (a password, or a code).

    The certified identity replaces the one that was typed. `Conflict` when it opens another account.
    """
    _tie(session, account, proved, pivot(proved.claims), proof=proof)


def unlink(session: Session, account: Account, *, actor: Who) -> bool:
    """Untie FranceConnect's identities from the account, whose identity may then be changed again; False when there are none."""
    ours = (Identity.account_id == account.id, Identity.provider == FRANCECONNECT)
    gone = session.scalars(delete(Identity).where(*ours).returning(Identity.id)).all()
    if not gone and not account.certified:
        return False
    accounts.uncertify(session, account)
    audit.record(session, actor, "identity.unlinked", "account", account.id, provider=FRANCECONNECT)
    return True


def _tie(session: Session, account: Account, proved: Proved, known: Pivot, *, proof: str) -> None:
    now = clock.now()
    identity = Identity(
        id=new_id(),
        account_id=account.id,
        provider=proved.name,
        subject=proved.subject,
        linked_at=now,
        seen_at=now,
        **asdict(known),
    )
    try:
        with session.begin_nested():
            session.add(identity)
            session.flush()
    except IntegrityError:
        raise Conflict(
            "Cette identité FranceConnect est déjà liée à un autre compte : déconnectez-vous, puis connectez-vous avec "
            "FranceConnect pour l’ouvrir."
        ) from None
    audit.record(session, account.actor, "identity.linked", "account", account.id, provider=proved.name, proof=proof)
    if proved.name == FRANCECONNECT:
        _certify(session, account, known)
    if proof != "code":
        _tell(session, account, proved.name)


def _refresh(session: Session, account: Account, identity: Identity, known: Pivot) -> None:
    identity.seen_at = clock.now()
    changed = {name: value for name, value in asdict(known).items() if getattr(identity, name) != value}
    for name, value in changed.items():
        setattr(identity, name, value)
    session.flush()
    if changed:
        _certify(session, account, known)
        audit.record(session, account.actor, "identity.changed", "account", account.id)


def _certify(session: Session, account: Account, known: Pivot) -> None:
    accounts.certify(
        session,
        account,
        sex=known.sex,
        first_names=known.given_names,
        birth_name=known.family_name,
        birth_date=known.birthdate,
    )


def _tell(session: Session, account: Account, provider: str) -> None:
    """Tell the owner, in case it wasn't them."""
    settings = config.current()
    city, name = settings.city, NAMES[provider]
    text = f"""Bonjour,

Votre compte {city.space_name} vient d’être lié à une identité {name} : elle permet maintenant de s’y connecter.

Si vous n’êtes pas à l’origine de ce changement, prévenez-nous au {city.phone} et choisissez tout de suite un nouveau mot de \
passe :
{settings.public_url}/mot-de-passe/oubli

L’équipe {city.space_name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
    subject = f"Votre compte {city.space_name} est lié à {name}"
    mail.write(session, to=account.login, subject=subject, text=text, name="identite-liee")
