"""Creating an account (B1, B4): what was typed waits, bound to one browser, until a code proves the e-mail address.

    begun = registration.begin(session, wanted, terms_read=…)     # the form was right: a code leaves
    outcome = registration.confirm(session, begun.token, code)    # the code is right: there is an account

A stranger learns nothing of who has an account: for an address that has one, everything looks the same, no code is ever right,
and the owner of the address reads that somebody tried.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, Text, delete
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import audit, clock, config, mail
from engine.core.db import Base, Json, Session, UtcDateTime
from engine.core.errors import Conflict, NotFound
from engine.people import accounts, codes, identity_visits, terms
from engine.people.accounts import Account
from engine.people.codes import Letter
from engine.people.openid import Proved

PURPOSE = "creation-compte"
# Several codes fit in it; past it what was typed is forgotten.
KEPT_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Wanted:
    """The account that somebody asks for. The password comes hashed (`passwords.hashed`).

    Through FranceConnect there is none, and `identity` is the key of the certified identity that waits (`identity_visits`).
    """

    login: str
    password_hash: str | None
    sex: str | None
    first_names: str
    birth_name: str
    username: str | None = None
    usage_name: str | None = None
    birth_date: str | None = None
    street: str | None = None
    address_more: str | None = None
    postcode: str | None = None
    town: str | None = None
    mobile_phone: str | None = None
    landline: str | None = None
    preferred_contact: str = "courriel"
    identity: str | None = None


class PendingRegistration(Base):
    """An account that waits for its code, under the hash of a random token that only the person's browser holds."""

    __tablename__ = "pending_registration"
    __table_args__ = (Index("ix_pending_registration_expires_at", "expires_at"),)

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    wanted: Mapped[dict[str, Any]] = mapped_column(Json)
    terms: Mapped[dict[str, str]] = mapped_column(Json)
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # For a beneficiary (B18): the reference of the file that was found, none when what was typed matched no file.
    beneficiary: Mapped[bool | None]
    file_reference: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True)
class Begun:
    """A registration that waits for its code. `sent` is False when too many codes were asked for today."""

    token: str
    sent: bool


@dataclass(frozen=True)
class Outcome:
    """What a code gave: the account when it was right, otherwise why not (`codes.Verdict`).

    `username_lost`: somebody took the user name meanwhile; the account goes without, and its owner can choose another. `proved`:
    the identity that was tied to it. `file_reference`: the file that the account was made for.
    """

    account: Account | None
    tries_left: int = 0
    expired: bool = False
    username_lost: bool = False
    proved: Proved | None = None
    file_reference: str | None = None


def username_taken(session: Session, username: str) -> bool:
    """Whether the user name is somebody's. Said openly: another one has to be chosen, and it is no address."""
    return accounts.by_login(session, accounts.user_name(username)) is not None


def begin(
    session: Session,
    wanted: Wanted,
    *,
    terms_read: dict[str, str],
    beneficiary: bool = False,
    file_reference: str | None = None,
) -> Begun:
    """Keep what was typed and send a code; the token is for the browser.

    A `beneficiary` has an account only for a file: without `file_reference` no code is ever right, and the owner of the address
    reads that what was typed matches no file.

    `Conflict` when the user name is taken or the texts have changed since they were read, `Invalid` when the address is none.
    """
    terms.check(terms_read)
    if wanted.username and username_taken(session, wanted.username):
        raise Conflict("Ce nom d’utilisateur est déjà pris.", field="username")
    now = clock.now()
    session.execute(delete(PendingRegistration).where(PendingRegistration.expires_at <= now))
    token = secrets.token_urlsafe(32)
    session.add(
        PendingRegistration(
            token_hash=_hash(token),
            wanted={**asdict(wanted), "login": accounts.email(wanted.login)},
            terms=terms_read,
            begun_at=now,
            expires_at=now + KEPT_FOR,
            beneficiary=beneficiary,
            file_reference=file_reference,
        )
    )
    if wanted.identity:
        identity_visits.keep_on(session, wanted.identity)
    session.flush()
    return Begun(token, resend(session, token))


def resend(session: Session, token: str) -> bool:
    """Send a new code, which kills the one before; False when too many were asked for today. `NotFound` when nothing waits."""
    pending = _found(session, token)
    login = str(pending.wanted["login"])
    known = accounts.by_login(session, login) is not None
    unmatched = bool(pending.beneficiary) and pending.file_reference is None
    letter = _unmatched_letter if unmatched else _already_letter if known else _code_letter
    return codes.issue(session, PURPOSE, pending.token_hash, login, letter=letter, decoy=known or unmatched)


def address(session: Session, token: str) -> str:
    """The address that the code was sent to; `NotFound` when nothing waits (any more)."""
    return str(_found(session, token).wanted["login"])


def confirm(session: Session, token: str, code: str) -> Outcome:
    """Try the code: right, the account is made, the acceptance of the texts recorded and the confirmation promised.

    A wrong try counts once the transaction commits: nothing is raised for it. `NotFound` when nothing waits; `Conflict` when the
    owner of the address has made the account elsewhere meanwhile.
    """
    pending = _found(session, token)
    wanted = Wanted(**pending.wanted)
    verdict = codes.verify(session, PURPOSE, pending.token_hash, code, to=wanted.login)
    if not verdict.valid:
        return Outcome(None, verdict.tries_left, verdict.expired)
    lost = wanted.username is not None and username_taken(session, wanted.username)
    facts = asdict(replace(wanted, username=None) if lost else wanted)
    key = facts.pop("identity")
    account = accounts.create(session, **facts)
    audit.record(session, account.actor, "account.created", "account", account.id)
    proved = identity_visits.tie(session, key, account, proof="code") if key else None
    terms.accept(session, account.id, pending.terms, at=pending.begun_at)
    session.delete(pending)
    letter = _created_letter(account)
    mail.write(session, to=account.login, subject=letter.subject, text=letter.text, name=letter.name)
    session.flush()
    return Outcome(account, username_lost=lost, proved=proved, file_reference=pending.file_reference)


def give_up(session: Session, token: str) -> None:
    """Forget what was typed; unknown tokens are fine."""
    session.execute(delete(PendingRegistration).where(PendingRegistration.token_hash == _hash(token)))


def _found(session: Session, token: str) -> PendingRegistration:
    pending = session.get(PendingRegistration, _hash(token))
    if pending is None or pending.expires_at <= clock.now():
        raise NotFound("Votre création de compte a expiré\u00a0: recommencez-la.")
    return pending


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


# --- letters ---------------------------------------------------------------------------------------------------------------


def _code_letter(code: str) -> Letter:
    space = config.current().city.space_name
    text = f"""Votre création de compte est presque terminée\u00a0!

Pour finaliser la création de votre compte, vous devez utiliser le code de validation à 4 chiffres ci-dessous\u00a0:

{code}

Ce code est valable pendant 10 minutes. Passé ce délai, vous devrez demander l’envoi d’un nouveau code.

Après avoir confirmé votre courriel vous pourrez bénéficier de l’ensemble des services numériques de la ville et gérer vos \
données personnelles sur {space}.

Si vous n’êtes pas à l’origine de cette demande, ne tenez pas compte de ce message\u00a0: aucun compte ne sera créé.
{_signed()}"""
    return Letter(f"Confirmez votre compte {space}", text, "creation-compte-code")


def _already_letter(_code: str) -> Letter:
    settings = config.current()
    text = f"""Bonjour,

Quelqu’un vient de demander la création d’un compte {settings.city.space_name} avec votre adresse de courriel. Vous avez déjà un \
compte avec cette adresse\u00a0: aucun autre n’a été créé, et le vôtre n’a pas changé.

Si c’était vous, connectez-vous\u00a0:
{settings.public_url}/connexion

Si vous avez oublié votre mot de passe, choisissez-en un nouveau\u00a0:
{settings.public_url}/mot-de-passe/oubli

Si ce n’était pas vous, ne tenez pas compte de ce message.
{_signed()}"""
    return Letter(f"Vous avez déjà un compte {settings.city.space_name}", text, "creation-compte-existant")


def _unmatched_letter(_code: str) -> Letter:
    settings = config.current()
    text = f"""Bonjour,

Vous venez de demander la création d’un compte {settings.city.space_name} de bénéficiaire. Nous n’avons pas pu le \
rapprocher d’un dossier\u00a0: aucun compte n’a été créé.

La référence du dossier, le nom, le prénom et la date de naissance doivent être ceux du courrier que la ville vous a envoyé. \
Vérifiez-les, puis recommencez\u00a0:
{settings.public_url}/beneficiaire

Si vous avez déjà un compte, connectez-vous d’abord, puis revenez à cette adresse. Pour toute difficulté, appelez le \
{settings.city.phone}.

Si vous n’êtes pas à l’origine de cette demande, ne tenez pas compte de ce message.
{_signed()}"""
    return Letter(f"Votre compte de bénéficiaire {settings.city.space_name}", text, "creation-compte-sans-dossier")


def _created_letter(account: Account) -> Letter:
    settings = config.current()
    city = settings.city
    signs_in = f"vous vous connectez avec {account.login}"
    if account.password_hash is None:
        signs_in = (
            "vous vous connectez avec FranceConnect. Pour vous connecter aussi avec votre courriel, choisissez un mot de passe "
            "avec «\u00a0J’ai oublié mon mot de passe\u00a0»"
        )
    named = f" et votre nom d’utilisateur est «\u00a0{account.username}\u00a0»" if account.username else ""
    text = f"""Votre compte a bien été créé\u00a0!

Un compte unique
Votre compte unique vous permet de bénéficier de l’ensemble des services numériques de la ville. Conservez bien vos \
identifiants\u00a0: {signs_in}{named}.

Gérer vos données personnelles
Vous pouvez dès maintenant gérer vos données personnelles sur {city.space_name}\u00a0:
{settings.public_url}/mon-espace/profil

Besoin d’aide\u00a0?
Si vous avez des questions ou pour toute autre demande, contactez-nous au {city.phone} ou à l’adresse {city.email}.
{_signed()}"""
    return Letter(f"Création de compte {city.space_name}", text, "creation-compte-confirmation")


def _signed() -> str:
    city = config.current().city
    return f"""
L’équipe {city.space_name}

Ceci est un courriel automatisé de la {city.name}, merci de ne pas y répondre.
"""
