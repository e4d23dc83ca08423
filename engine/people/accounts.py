"""Accounts: residents and agents, what the city knows of them, and what expressions read as `usager` (A8, A15, B1).

Two addresses that residents take for one are kept apart: `login` signs in and is unique; `contact_email` receives letters and may
be shared by a family (A15).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock
from engine.core.db import Base, Session, UtcDateTime, new_id
from engine.core.errors import Conflict, Invalid, NotFound
from engine.people.actors import Actor

Kind = Literal["resident", "agent"]

SEXES = ("F", "M")
MEANS_OF_CONTACT = ("courriel", "telephone", "courrier")

_EMAIL = re.compile(
    r"[^@\s\x00-\x1f\x7f,;<>()\[\]\\\"]+@[^@\s\x00-\x1f\x7f,;<>()\[\]\\\"]+\.[^@\s\x00-\x1f\x7f,;<>()\[\]\\\".]{2,}"
)
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,49}")


class Account(Base):
    """A resident or an agent. Dates of birth are text: a certified one may be `1952-00-00`, which no SQL date holds."""

    __tablename__ = "account"
    __table_args__ = (
        Index("uq_account_login", "login", unique=True),
        Index("uq_account_username", "username", unique=True),
        # For the life cycle: who has done nothing for long.
        Index("ix_account_active_at", "active_at"),
        CheckConstraint("kind IN ('resident', 'agent')", name="kind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    login: Mapped[str] = mapped_column(Text)
    username: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    contact_email: Mapped[str] = mapped_column(Text)
    mobile_phone: Mapped[str | None] = mapped_column(Text)
    landline: Mapped[str | None] = mapped_column(Text)
    preferred_contact: Mapped[str] = mapped_column(Text)
    sex: Mapped[str | None] = mapped_column(Text)
    first_names: Mapped[str] = mapped_column(Text)
    birth_name: Mapped[str] = mapped_column(Text)
    usage_name: Mapped[str | None] = mapped_column(Text)
    birth_date: Mapped[str | None] = mapped_column(Text)
    street: Mapped[str | None] = mapped_column(Text)
    address_more: Mapped[str | None] = mapped_column(Text)
    postcode: Mapped[str | None] = mapped_column(Text)
    town: Mapped[str | None] = mapped_column(Text)
    certified: Mapped[bool]
    active: Mapped[bool]
    search_name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The last sign of life; None of an account that an earlier release made, until the life cycle takes it up.
    active_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def actor(self) -> Actor:
        """Its owner as who acts, without groups and roles: for the audit."""
        return Actor(cast("Kind", self.kind), self.id, self.display_name)

    @property
    def display_name(self) -> str:
        """The name as the portal greets it: «Claire Martin»."""
        return display_name(self.first_names, self.birth_name, self.usage_name)


def create(
    session: Session,
    *,
    login: str,
    first_names: str,
    birth_name: str,
    kind: Kind = "resident",
    password_hash: str | None = None,
    username: str | None = None,
    contact_email: str | None = None,
    mobile_phone: str | None = None,
    landline: str | None = None,
    preferred_contact: str = "courriel",
    sex: str | None = None,
    usage_name: str | None = None,
    birth_date: str | None = None,
    street: str | None = None,
    address_more: str | None = None,
    postcode: str | None = None,
    town: str | None = None,
    certified: bool = False,
) -> Account:
    """A new active account, or `Conflict` when the login or the user name is taken, `Invalid` when a value can't be one.

    The password comes hashed (`passwords.hashed`): hashing takes time that no transaction should wait for. Without it nobody
    signs in by password.
    """
    now = clock.now()
    address = email(login).lower()
    account = Account(
        id=new_id(),
        kind=_among(("resident", "agent"), kind, "sorte de compte"),
        login=address,
        username=user_name(username) if username else None,
        password_hash=password_hash,
        contact_email=email(contact_email) if contact_email else address,
        mobile_phone=phone(mobile_phone),
        landline=phone(landline),
        preferred_contact=_among(MEANS_OF_CONTACT, preferred_contact, "moyen de contact"),
        sex=_among(SEXES, sex, "sexe") if sex else None,
        first_names=_text(first_names) or "",
        birth_name=_text(birth_name) or "",
        usage_name=_text(usage_name),
        birth_date=_text(birth_date),
        street=_text(street),
        address_more=_text(address_more),
        postcode=_text(postcode),
        town=_text(town),
        certified=certified,
        active=True,
        search_name="",
        created_at=now,
        updated_at=now,
        active_at=now,
    )
    account.search_name = _search_name(account)
    _unique(session, lambda: session.add(account))
    return account


def find(session: Session, account_id: UUID) -> Account:
    """The account, or `NotFound`."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound(account_id=str(account_id))
    return account


def by_login(session: Session, login: str) -> Account | None:
    """Whoever signs in with this e-mail or user name, active or not."""
    name = _normal(login).lower()
    if not name.isprintable():  # NUL and lone surrogates are refused by the databases
        return None
    # A user name holds no @, so the two can't be confused.
    return session.scalar(select(Account).where(or_(Account.login == name, Account.username == name)))


def search(session: Session, words: str, *, kind: Kind | None = None, limit: int = 20) -> list[Account]:
    """Accounts whose names or sign-in e-mail contain every word, whatever the accents and the case."""
    query = select(Account).order_by(Account.search_name, Account.id).limit(limit)
    for word in plain("".join(sign if sign.isprintable() else " " for sign in words)).split():
        query = query.where(Account.search_name.contains(word, autoescape=True))
    return list(session.scalars(query.where(Account.kind == kind) if kind else query))


def names(session: Session, ids: Collection[UUID]) -> dict[UUID, str]:
    """The display names of several accounts, in one query."""
    if not ids:
        return {}
    found = session.execute(
        select(Account.id, Account.first_names, Account.birth_name, Account.usage_name).where(Account.id.in_(ids))
    )
    return {account_id: display_name(first, birth, usage) for account_id, first, birth, usage in found}


# --- changing --------------------------------------------------------------------------------------------------------------


def update_address(
    session: Session, account: Account, *, street: str, postcode: str, town: str, more: str | None = None
) -> None:
    """Replace the postal address."""
    account.street, account.address_more = _text(street), _text(more)
    account.postcode, account.town = _text(postcode), _text(town)
    _changed(session, account)


def update_phones(session: Session, account: Account, *, mobile: str | None, landline: str | None) -> None:
    """Replace both telephone numbers (None takes one away), or raise `Invalid`."""
    account.mobile_phone, account.landline = phone(mobile), phone(landline)
    if account.preferred_contact == "telephone" and not (account.mobile_phone or account.landline):
        account.preferred_contact = "courriel"
    _changed(session, account)


def update_emails(
    session: Session, account: Account, *, contact_email: str | None = None, login: str | None = None
) -> None:
    """Replace the contact e-mail, the sign-in e-mail or both; `Conflict` when another account signs in with it.

    Whoever calls has had the new sign-in e-mail proved by a code (`codes`).
    """
    new_contact = email(contact_email) if contact_email else account.contact_email
    new_login = email(login).lower() if login else account.login

    def change() -> None:
        account.contact_email, account.login = new_contact, new_login
        _changed(session, account)

    _unique(session, change)


def update_identity(
    session: Session,
    account: Account,
    *,
    sex: str | None,
    first_names: str,
    birth_name: str,
    usage_name: str | None,
    birth_date: str | None,
) -> None:
    """Replace the identity, or raise `Conflict` when it is certified: but for the name in use, it then changes at the identity
    provider only (B5)."""
    given = (sex, _text(first_names), _text(birth_name), _text(birth_date))
    if account.certified and given != (account.sex, account.first_names, account.birth_name, account.birth_date):
        raise Conflict("L’identité certifiée ne peut être modifiée qu’auprès de votre fournisseur d’identité.")
    account.sex = _among(SEXES, sex, "sexe") if sex else None
    account.first_names, account.birth_name = _text(first_names) or "", _text(birth_name) or ""
    account.usage_name, account.birth_date = _text(usage_name), _text(birth_date)
    _changed(session, account)


def certify(
    session: Session, account: Account, *, sex: str | None, first_names: str, birth_name: str, birth_date: str | None
) -> None:
    """Replace the identity by one that an identity provider certifies: from then on it changes there only (B5)."""
    account.sex = _among(SEXES, sex, "sexe") if sex else account.sex
    account.first_names, account.birth_name = _text(first_names) or "", _text(birth_name) or ""
    account.birth_date, account.certified = _text(birth_date), True
    _changed(session, account)


def uncertify(session: Session, account: Account) -> None:
    """Let the identity be changed by its owner again; what was certified stays until then."""
    account.certified = False
    _changed(session, account)


def update_preferred_contact(session: Session, account: Account, means: str) -> None:
    """Replace the preferred means of contact (courriel, telephone, courrier), or raise `Invalid`."""
    account.preferred_contact = _among(MEANS_OF_CONTACT, means, "moyen de contact")
    _changed(session, account)


def update_username(session: Session, account: Account, username: str | None) -> None:
    """Replace the user name (None takes it away); `Conflict` when it is taken, `Invalid` when it can't be one."""
    name = user_name(username) if username else None

    def change() -> None:
        account.username = name
        _changed(session, account)

    _unique(session, change)


def update_password(session: Session, account: Account, password_hash: str) -> None:
    """Replace the password. Closing the other sessions is for the caller (`sessions.close_all`)."""
    account.password_hash = password_hash
    _changed(session, account)


def deactivate(session: Session, account: Account) -> None:
    """Nobody signs in to it any more, and its sessions stop at once (`sessions.resolve` looks at it)."""
    account.active = False
    _changed(session, account)


# --- what others read ------------------------------------------------------------------------------------------------------


def usager(account: Account) -> dict[str, Any]:
    """The person as expressions and forms read it: `usager.adresse.voie`. A dict of its own at each call."""
    return {
        "identifiant": str(account.id),
        "sexe": account.sex,
        "prenoms": account.first_names,
        "nom_naissance": account.birth_name,
        "nom_usage": account.usage_name,
        "date_naissance": account.birth_date,
        "courriel": account.contact_email,
        "telephone_mobile": account.mobile_phone,
        "telephone_fixe": account.landline,
        "contact_prefere": account.preferred_contact,
        "adresse": {
            "voie": account.street,
            "complement": account.address_more,
            "code_postal": account.postcode,
            "commune": account.town,
        },
        "certifie": account.certified,
        "compte": True,
    }


def display_name(first_names: str, birth_name: str, usage_name: str | None = None) -> str:
    """The first of the first names and the name in use."""
    first = re.split(r"[,\s]+", first_names.strip(), maxsplit=1)[0]
    return " ".join(part for part in (first, usage_name or birth_name) if part)


def email(text: str) -> str:
    """An e-mail address as it is stored (domain in lower case), or `Invalid`."""
    address = _normal(text)
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise Invalid(
            "Saisissez une adresse de courriel valide, par exemple nom@exemple.fr.",
            english=f"«{text}» is no e-mail address, such as name@example.fr",
        )
    local, domain = address.rsplit("@", 1)
    return f"{local}@{domain.lower()}"


def phone(text: str | None) -> str | None:
    """A telephone number as it is stored: `06 39 98 12 07`, or `+` and digits when it is foreign; `Invalid` otherwise."""
    if not (text := _text(text)):
        return None
    digits = re.sub(r"[\s.()/-]", "", text.replace("\u202f", "").replace("(0)", ""))
    digits = re.sub(r"^(\+33|0033)(?=[1-9])", "0", digits)
    digits = re.sub(r"^00(?=[1-9])", "+", digits)
    if re.fullmatch(r"0[1-9][0-9]{8}", digits):
        return " ".join(digits[start : start + 2] for start in range(0, 10, 2))
    if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
        return digits
    raise Invalid("Saisissez un numéro de téléphone valide, par exemple 06 39 98 12 07.")


def user_name(text: str) -> str:
    """A user name as it is stored (in lower case), or `Invalid`. It holds no @: it is never taken for an address."""
    name = _normal(text).lower()
    if not _USERNAME.fullmatch(name):
        raise Invalid(
            "Le nom d’utilisateur compte de 3 à 50 caractères\u00a0: lettres sans accent, chiffres, point, tiret ou tiret bas."
        )
    return name


# --- inside ----------------------------------------------------------------------------------------------------------------


def _unique(session: Session, change: Callable[[], None]) -> None:
    """Do `change` in a savepoint; when the database says that a name is taken, undo it and raise `Conflict`."""
    try:
        with session.begin_nested():
            change()
            session.flush()
    except IntegrityError as error:
        if "username" in str(error.orig):
            raise Conflict("Ce nom d’utilisateur est déjà pris.", field="username") from None
        if "login" in str(error.orig):
            raise Conflict("Cette adresse de courriel est déjà celle d’un autre compte.", field="login") from None
        raise


def _changed(session: Session, account: Account) -> None:
    account.search_name = _search_name(account)
    account.updated_at = clock.now()
    session.flush()


def _search_name(account: Account) -> str:
    return plain(" ".join((account.usage_name or "", account.birth_name, account.first_names, account.login))).strip()


def plain(text: str) -> str:
    """`text` without accents or case, as names are searched."""
    opened = text.casefold().replace("œ", "oe").replace("æ", "ae")
    return "".join(sign for sign in unicodedata.normalize("NFKD", opened) if not unicodedata.combining(sign))


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _text(text: str | None) -> str | None:
    """`text` composed and trimmed, inner spaces single, without invisible signs; None when nothing is left."""
    words = unicodedata.normalize("NFC", text or "").split()
    return " ".join("".join(filter(str.isprintable, word)) for word in words).strip() or None


def _among(known: tuple[str, ...], value: str, what: str) -> str:
    if value not in known:
        raise Invalid(f"Valeur inconnue pour le {what}\u00a0: «\u00a0{value}\u00a0».", known=known)
    return value
