"""The deletion of an account: at once when no request is open, otherwise when the last one closes; what is then erased (B16).

What becomes of each table is declared in `holdings`. Requests that were filed outlive the account for as long as the city keeps
requests (`PARVIS_RETENTION_MONTHS` after their end), without saying whose they are but by what was typed in them; then they are
emptied too. Their history and the audit are append-only and hold ids: they name nobody any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ForeignKey, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.contact import documents
from engine.core import audit, clock, config, jobs, mail
from engine.core.audit import Who
from engine.core.clock import PARIS
from engine.core.db import Base, Session, UtcDateTime
from engine.core.errors import Conflict, NotFound
from engine.people.accounts import Account
from engine.people.actors import SYSTEM
from engine.privacy import rows
from engine.privacy.holdings import HOLDINGS, Of, WrittenTo
from engine.procedures import cases
from engine.procedures.cases import Case
from engine.rights.periods import add_months

Why = Literal["asked", "inactive"]

# How often a deletion that was asked for looks whether the last request has closed.
LOOKED_AT_EVERY = timedelta(minutes=15)


class ErasureRequest(Base):
    """A deletion that was asked for and waits for the requests that are open; its owner may take it back until then."""

    __tablename__ = "erasure_request"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Asked:
    """What asking for the deletion gave: done at once, or waiting for `waits_for`."""

    done: bool
    waits_for: Sequence[Case] = ()


def ask(session: Session, account: Account, actor: Who) -> Asked:
    """Delete the account at once, or record that it is to be deleted when its last open request closes.

    Whoever calls has had a fresh proof that the person is the owner. `Conflict` for an agent's account: the administrators
    close those.
    """
    if account.kind != "resident":
        raise Conflict(
            "Le compte d’un agent est fermé par les administrateurs.",
            english="an agent's account is closed, not deleted: ./parvis account close",
        )
    # Nobody files a request meanwhile: opening one locks the account's row too.
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update())
    audit.record(session, actor, "account.deletion_asked", "account", account.id)
    waits_for = open_requests(session, account.id)
    if not waits_for:
        erase(session, account.id, "asked")
        return Asked(done=True)
    if pending(session, account.id) is None:
        session.add(ErasureRequest(account_id=account.id, asked_at=clock.now()))
        session.flush()
        _look_again(session, account.id)
        _write_waiting(session, account, waits_for)
    return Asked(done=False, waits_for=waits_for)


def withdraw(session: Session, account: Account, actor: Who) -> bool:
    """Take the deletion back; False when none was waiting."""
    taken = session.scalar(
        delete(ErasureRequest).where(ErasureRequest.account_id == account.id).returning(ErasureRequest.account_id)
    )
    if taken is None:
        return False
    jobs.forget(session, [_key(account.id)])
    audit.record(session, actor, "account.deletion_withdrawn", "account", account.id)
    return True


def pending(session: Session, account_id: UUID) -> ErasureRequest | None:
    """The deletion that waits, if one was asked for."""
    return session.get(ErasureRequest, account_id)


def owner(session: Session, account_id: UUID) -> tuple[Account, datetime | None]:
    """The account, and when its deletion was asked for where one waits; in one statement."""
    found = session.execute(
        select(Account, ErasureRequest.asked_at)
        .outerjoin(ErasureRequest, ErasureRequest.account_id == Account.id)
        .where(Account.id == account_id)
    ).one_or_none()
    if found is None:
        raise NotFound(account_id=str(account_id))
    return found[0], found[1]


def open_requests(session: Session, account_id: UUID) -> list[Case]:
    """The requests that the deletion waits for: filed, and not closed yet. Drafts are thrown away with the account."""
    return list(
        session.scalars(
            select(Case).where(Case.account_id == account_id, Case.status == "filed").order_by(Case.opened_at, Case.id)
        )
    )


def finish(session: Session, account_id: UUID) -> None:
    """What the job of a waiting deletion does: delete the account if nothing is open any more, else look again later."""
    if pending(session, account_id) is None:
        return
    if open_requests(session, account_id):
        _look_again(session, account_id)
        return
    erase(session, account_id, "asked")


def erase(session: Session, account_id: UUID, why: Why) -> bool:
    """Delete the account and all that it holds, as `holdings` declares, and write to its owner that it is done.

    False when there is no such account (any more): doing it twice does nothing. `Conflict` while a request is open.
    """
    account = session.scalar(select(Account).where(Account.id == account_id).with_for_update())
    if account is None or account.kind != "resident":
        return False
    login = account.login
    _end_requests(session, account_id)
    # With their contents, which no table holds.
    documents.delete_all(session, config.current(), account_id)
    for name in rows.children_first():
        holding, table = HOLDINGS[name], rows.table(name)
        mine = rows.of_person(name, account_id, login)
        if isinstance(holding.owner, WrittenTo):
            session.execute(delete(table).where(mine))
        elif isinstance(holding.owner, Of) and holding.fate == "deleted":
            if name == "account":
                session.expunge(account)
            session.execute(delete(table).where(mine))
        elif isinstance(holding.owner, Of) and holding.fate == "detached":
            session.execute(update(table).where(mine).values({holding.owner.column: None}))
        elif holding.fate == "deleted" and not rows.belong_to_requests(name):
            session.execute(delete(table).where(mine))
    jobs.forget(session, [_key(account_id)])
    audit.record(session, SYSTEM, "account.deleted", "account", account_id, why=why)
    _write_done(session, login, why)
    return True


def _end_requests(session: Session, account_id: UUID) -> None:
    """Throw the drafts away, and have each request emptied when its time is over."""
    query = select(Case).where(Case.account_id == account_id).with_for_update()
    # Read again under the lock: a draft may have been filed meanwhile.
    mine = list(session.scalars(query.execution_options(populate_existing=True)))
    if any(case.status == "filed" for case in mine):
        raise Conflict("Une demande vient d’être déposée\u00a0: rechargez la page.")
    for case in mine:
        if case.draft:
            cases.cancel(session, case, SYSTEM)
    session.flush()
    at_once = [case.id for case in mine if case.filed_at is None]
    erase_requests(session, at_once)
    months = config.current().retention_months
    jobs.promise_all(
        session,
        [
            jobs.Promise(
                "erase_request",
                {"case_id": str(case.id)},
                due_at=kept_until(case.closed_at or case.changed_at, months),
                key=f"erase_request:{case.id}",
                case_id=case.id,
            )
            for case in mine
            if case.filed_at is not None
        ],
    )


def kept_until(ended_at: datetime, months: int) -> datetime:
    """When a request that ended then has been kept for so many months."""
    local = ended_at.astimezone(PARIS)
    return datetime.combine(add_months(local.date(), months), local.timetz())


def erase_requests(session: Session, ids: Sequence[UUID]) -> None:
    """Empty these requests of all that they say of a person, files and messages included; their history stays."""
    if not ids:
        return
    wanted = list(ids)
    for name in rows.children_first():
        holding, table = HOLDINGS[name], rows.table(name)
        if name == "case":
            emptied = {**holding.cleared, "account_id": None, "erased_at": clock.now()}
            session.execute(update(table).where(table.c.id.in_(wanted)).values(emptied))
        elif rows.belong_to_requests(name):
            mine = rows.of_requests(name, wanted)
            if holding.cleared:
                session.execute(update(table).where(mine).values(dict(holding.cleared)))
            elif holding.fate == "deleted" and name not in _WITH_FILES:
                session.execute(delete(table).where(mine))
        elif isinstance(holding.owner, WrittenTo) and "case_id" in table.c:
            session.execute(delete(table).where(table.c.case_id.in_(wanted)))
    session.expire_all()
    jobs.promise_all(
        session,
        [
            jobs.Promise("discard_files", {"case_id": str(case_id)}, key=f"discard:{case_id}", case_id=case_id)
            for case_id in wanted
        ],
    )


# Their contents are on the disk: the job that knows how takes both away.
_WITH_FILES = ("stored_file",)


def erase_request(session: Session, case_id: UUID) -> None:
    """What the job of a request without its account does when its time is over."""
    case = session.scalar(select(Case).where(Case.id == case_id).with_for_update())
    if case is not None and case.erased_at is None and not case.running and case.account_id is None:
        erase_requests(session, [case_id])


def _key(account_id: UUID) -> str:
    return f"erase_account:{account_id}"


def _look_again(session: Session, account_id: UUID) -> None:
    jobs.promise(
        session,
        "erase_account",
        key=_key(account_id),
        due_at=clock.now() + LOOKED_AT_EVERY,
        account_id=str(account_id),
    )


# --- letters ---------------------------------------------------------------------------------------------------------------


def _write_waiting(session: Session, account: Account, waits_for: Sequence[Case]) -> None:
    settings = config.current()
    listed = "\n".join(f"- {case.reference}" for case in waits_for)
    text = f"""Bonjour,

Vous avez demandé la suppression de votre compte {settings.city.space_name}. Vous avez encore des demandes en cours\u00a0:
{listed}

Votre compte et ses données seront supprimés dès que la dernière sera terminée. D’ici là vous pouvez vous en servir comme \
d’habitude, et revenir sur votre demande de suppression\u00a0:
{settings.public_url}/mon-espace/profil/suppression
{_signed()}"""
    mail.write(
        session,
        to=account.login,
        subject=f"Suppression de votre compte {settings.city.space_name}\u00a0: c’est noté",
        text=text,
        name="suppression-attente",
    )


def _write_done(session: Session, login: str, why: Why) -> None:
    settings = config.current()
    months = settings.retention_months
    reason = (
        "Comme vous l’avez demandé, votre compte"
        if why == "asked"
        else "Sans nouvelles de vous depuis nos trois avertissements, votre compte"
    )
    text = f"""Bonjour,

{reason} {settings.city.space_name} et ses données viennent d’être supprimés.

Les services de la ville gardent les demandes que vous avez déposées pendant {months} mois après leur fin, sans lien avec un \
compte, puis les effacent. Vous pouvez créer un nouveau compte à tout moment.

Si vous n’êtes pas à l’origine de cette suppression, prévenez-nous sans attendre au {settings.city.phone}.
{_signed()}"""
    mail.write(
        session,
        to=login,
        subject=f"Votre compte {settings.city.space_name} est supprimé",
        text=text,
        name="suppression-faite",
    )


def _signed() -> str:
    city = config.current().city
    return f"""
L’équipe {city.space_name}

Ceci est un courriel automatisé de la {city.name}, merci de ne pas y répondre.
"""
