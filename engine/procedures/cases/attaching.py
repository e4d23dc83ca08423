"""A request made without an account is given to one (A11).

Who asks has proved that it is theirs: they hold its private link, or read the mailbox that it names. What was declared in a filed
request stays as it was; a draft takes the identity of the account, which fills in the steps to come.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from engine.core import audit, config
from engine.core.db import Session
from engine.core.errors import Conflict
from engine.people import accounts, codes
from engine.people.accounts import Account
from engine.people.actors import Actor
from engine.people.codes import Letter
from engine.procedures import history, references
from engine.procedures.cases.case import Case
from engine.procedures.cases.finding import held, locked

_PURPOSE = "rattachement"


def attach(session: Session, case: Case, actor: Actor) -> None:
    """Give the request, whose row the caller holds, to the account of `actor`; again, it changes nothing.

    `Conflict` when it belongs to somebody, or when it is a draft and the account has one of this procedure already.
    """
    assert actor.account_id is not None  # residents who are signed in
    if case.account_id == actor.account_id:
        return
    if case.account_id is not None:
        raise Conflict("Cette demande est déjà rattachée à un compte.", reference=case.reference)
    # As when a draft is opened: one draft a person and procedure, whatever they click at once.
    account = session.scalars(select(Account).where(Account.id == actor.account_id).with_for_update()).one()
    if case.draft:
        own = held(session, actor, case.procedure)
        if own is not None:
            raise Conflict(
                f"Vous avez déjà un brouillon de cette démarche dans votre espace ({own.reference})\u00a0: "
                "déposez-le ou supprimez-le d’abord.",
                reference=case.reference,
            )
        case.applicant = accounts.usager(account)
    case.account_id = account.id
    session.flush()
    history.record(session, [history.row(case.id, "attached", actor)])
    audit.record(session, actor, "case.attached", "case", case.id)


# --- with a code ----------------------------------------


def send_code(session: Session, reference: str, actor: Actor) -> None:
    """Send a code to the address that the request of this reference names, if it can be attached; nothing tells whether it
    was sent."""
    case = _unattached(session, reference)
    to = case.usager.get("courriel") if case is not None else None
    if case is not None and to:
        codes.issue(session, _PURPOSE, _subject(case, actor), to, case_id=case.id, letter=_letter(case.reference))


def attach_with_code(session: Session, reference: str, code: str, actor: Actor) -> Case | None:
    """Attach the request when the code is right; None when it isn't, or when there is no such request.

    The caller commits whatever the answer: a wrong try has a cost.
    """
    case = _unattached(session, reference)
    if case is None:
        return None
    if not codes.verify(session, _PURPOSE, _subject(case, actor), code).valid:
        return None
    found = locked(session, case.id)
    if found is None or found.account_id is not None:
        return None
    attach(session, found, actor)
    return found


def _unattached(session: Session, reference: str) -> Case | None:
    canonical = references.read(reference)
    if canonical is None:
        return None
    return session.scalar(
        select(Case).where(
            Case.reference == canonical, Case.account_id.is_(None), Case.status.in_(("draft", "filed", "closed"))
        )
    )


def _subject(case: Case, actor: Actor) -> str:
    return f"{case.id}:{actor.account_id}"


def _letter(reference: str) -> Callable[[str], Letter]:
    city = config.current().city

    def write(code: str) -> Letter:
        return Letter(
            f"Rattacher la demande {reference} à un compte",
            f"""Bonjour,

Quelqu’un demande à rattacher la demande {reference} à son compte {city.space_name}. Si c’est vous, voici le code à saisir\u00a0:

{code}

Ce code est valable pendant 10 minutes. Une fois rattachée, la demande se suit depuis ce compte.

Si ce n’est pas vous, ne tenez pas compte de ce message et ne donnez ce code à personne\u00a0: rien ne sera modifié.

L’équipe {city.space_name}

Ceci est un courriel automatisé, merci de ne pas y répondre.
""",
            "code-rattachement",
        )

    return write
