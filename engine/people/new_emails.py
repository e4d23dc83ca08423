"""A new e-mail address for an account, to sign in or to be written to: proved by a code before it counts (A15, B4, B6)."""

from __future__ import annotations

from typing import Literal

from engine.core import audit, config, mail
from engine.core.db import Session
from engine.core.errors import Invalid
from engine.people import accounts, codes, recovery
from engine.people.accounts import Account
from engine.people.codes import Letter, Verdict

Use = Literal["connexion", "contact"]


def ask(session: Session, account: Account, use: Use, new: str) -> bool:
    """Send a code to the new address; False when too many were asked for today, `Invalid` when it is no address or the one that
    the account has.

    An address that signs somebody else in can't be proved, and who asks doesn't learn it: its owner reads about it instead.
    """
    address = accounts.email(new)
    if address == (account.login if use == "connexion" else account.contact_email):
        raise Invalid("C’est déjà votre adresse\u00a0: saisissez-en une autre, ou gardez celle-ci.")
    other = accounts.by_login(session, address) if use == "connexion" else None
    known = other is not None and other.id != account.id
    return codes.issue(
        session, _purpose(use), str(account.id), address, letter=_known_letter if known else _code_letter, decoy=known
    )


def confirm(session: Session, account: Account, use: Use, new: str, code: str) -> Verdict:
    """Try the code: right, the address is changed and the former one is told. A wrong try counts once the transaction commits."""
    address = accounts.email(new)
    verdict = codes.verify(session, _purpose(use), str(account.id), code, to=address)
    if not verdict.valid:
        return verdict
    former = account.login if use == "connexion" else account.contact_email
    audit.record(session, account.actor, "account.email_changed", "account", account.id, use=use)
    if use == "connexion":
        accounts.update_emails(session, account, login=address)
        recovery.end_links(session, account.id)
    else:
        accounts.update_emails(session, account, contact_email=address)
    if former.lower() != address.lower():
        letter = _changed_letter(use, address)
        mail.write(session, to=former, subject=letter.subject, text=letter.text, name=letter.name)
    return verdict


def _purpose(use: Use) -> str:
    return f"courriel-{use}"


def _code_letter(code: str) -> Letter:
    space = config.current().city.space_name
    text = f"""Bonjour,

Pour valider votre nouvelle adresse de courriel {space}, utilisez le code de validation à 4 chiffres ci-dessous\u00a0:

{code}

Ce code est valable pendant 10 minutes. Passé ce délai, vous devrez demander l’envoi d’un nouveau code.

Si vous n’êtes pas à l’origine de cette demande, ne tenez pas compte de ce message\u00a0: rien ne sera modifié.
{_signed()}"""
    return Letter(f"Validez votre courriel {space}", text, "courriel-code")


def _known_letter(_code: str) -> Letter:
    settings = config.current()
    text = f"""Bonjour,

Quelqu’un vient de demander à se connecter à un autre compte {settings.city.space_name} avec votre adresse de courriel. Elle est \
déjà celle de votre compte\u00a0: rien n’a été modifié.

Si c’était vous, connectez-vous plutôt à ce compte, ou choisissez-y d’abord une autre adresse\u00a0:
{settings.public_url}/connexion

Si ce n’était pas vous, ne tenez pas compte de ce message.
{_signed()}"""
    return Letter(f"Votre adresse est déjà celle d’un compte {settings.city.space_name}", text, "courriel-existant")


def _changed_letter(use: Use, address: str) -> Letter:
    settings = config.current()
    what = "courriel de connexion" if use == "connexion" else "courriel de contact"
    text = f"""Bonjour,

Le {what} de votre compte {settings.city.space_name} vient d’être remplacé par {_veiled(address)}. Cette adresse-ci ne sert plus.

Si vous n’êtes pas à l’origine de ce changement, prévenez-nous sans attendre au {settings.city.phone}.
{_signed()}"""
    return Letter(f"Votre {what} {settings.city.space_name} a été modifié", text, "courriel-modifie")


def _veiled(address: str) -> str:
    """Enough for the owner to know it again, and no more for who reads the former mailbox."""
    local, _, domain = address.partition("@")
    return f"{local[:2]}…@{domain}"


def _signed() -> str:
    return f"""
L’équipe {config.current().city.space_name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
"""
