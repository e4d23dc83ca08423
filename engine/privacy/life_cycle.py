"""The life cycle of accounts: after 37 months without a sign of life an account is deleted, its owner warned three times (B16).

    every day    take_up: accounts that have been inactive for long enough get a first warning and a date
                 go_on:   those whose next turn has come: reactivated, warned again, or deleted

Warnings leave 60, 30 and 7 days before the deletion, and never later: when a turn was missed, the date moves. Any sign-in takes
the account out of it. Each turn works through helpings of accounts found by an index, so a million accounts weigh nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, exists, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import audit, clock, config, jobs, mail
from engine.core.clock import PARIS
from engine.core.db import Base, Session, UtcDateTime
from engine.people.accounts import Account
from engine.people.actors import SYSTEM
from engine.privacy import deletion
from engine.procedures.cases import Case
from engine.rights.entitlements import Entitlement
from engine.rights.periods import add_months

INACTIVE_MONTHS = 37
WARNED_BEFORE = (timedelta(days=60), timedelta(days=30), timedelta(days=7))
# On SQLite nobody else writes meanwhile: a helping is a fraction of a second.
HELPING = 50
# An account that something still depends on is looked at again later.
POSTPONED_BY = timedelta(days=30)


class Dormancy(Base):
    """An inactive account: the warnings it got, when its next turn comes, and when it is deleted unless its owner signs in."""

    __tablename__ = "dormancy"
    __table_args__ = (Index("ix_dormancy_next_at", "next_at"),)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    inactive_since: Mapped[datetime] = mapped_column(UtcDateTime)
    warnings: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_on: Mapped[datetime] = mapped_column(UtcDateTime)


def follow(session: Session) -> bool:
    """One helping of each kind; True when there may be more to do now, which then is promised as a job of its own."""
    more = [_date_undated(session), _go_on(session), _take_up(session)]
    if any(more):
        jobs.promise(session, "follow_accounts", key="follow_accounts")
    return any(more)


def _date_undated(session: Session) -> bool:
    """Accounts made before signs of life were written count from today: nobody is deleted for what wasn't known."""
    undated = select(Account.id).where(Account.active_at.is_(None)).limit(HELPING)
    ids = list(session.scalars(undated))
    session.execute(update(Account).where(Account.id.in_(ids)).values(active_at=clock.now()))
    return len(ids) == HELPING


def _take_up(session: Session) -> bool:
    now = clock.now()
    since = _months_before(now + WARNED_BEFORE[0], INACTIVE_MONTHS)
    found = session.scalars(
        select(Account)
        .where(
            Account.active_at <= since,
            Account.kind == "resident",
            ~exists().where(Dormancy.account_id == Account.id),
        )
        .order_by(Account.active_at)
        .limit(HELPING)
        .with_for_update(skip_locked=True)
    ).all()
    in_use = _in_use(session, [account.id for account in found])
    for account in found:
        assert account.active_at is not None  # the query says so
        dormancy = Dormancy(
            account_id=account.id,
            inactive_since=account.active_at,
            warnings=0,
            next_at=now,
            erased_on=_months_after(account.active_at, INACTIVE_MONTHS),
        )
        session.add(dormancy)
        _take_turn(session, account, dormancy, in_use)
    session.flush()
    return len(found) == HELPING


def _go_on(session: Session) -> bool:
    now = clock.now()
    rows = session.execute(
        select(Dormancy, Account)
        .join(Account, Account.id == Dormancy.account_id)
        .where(Dormancy.next_at <= now)
        .order_by(Dormancy.next_at)
        .limit(HELPING)
        .with_for_update(skip_locked=True)
    ).all()
    in_use = _in_use(session, [account.id for _, account in rows])
    for dormancy, account in rows:
        if account.active_at != dormancy.inactive_since:
            session.delete(dormancy)
        else:
            _take_turn(session, account, dormancy, in_use)
    session.flush()
    return len(rows) == HELPING


def _take_turn(session: Session, account: Account, dormancy: Dormancy, in_use: set[UUID]) -> None:
    now = clock.now()
    if account.id in in_use:
        # Nothing is announced that won't be done; the last warning comes again before the deletion.
        dormancy.warnings = min(dormancy.warnings, len(WARNED_BEFORE) - 1)
        dormancy.next_at = now + POSTPONED_BY
    elif dormancy.warnings < len(WARNED_BEFORE):
        _warn(session, account, dormancy)
    else:
        # In a transaction of its own, so that one that fails stops no other.
        jobs.promise(session, "erase_dormant", key=f"erase_dormant:{account.id}", account_id=str(account.id))
        dormancy.next_at = now + timedelta(days=1)


def erase_dormant(session: Session, account_id: UUID) -> None:
    """Delete an account that got its warnings, unless its owner has signed in meanwhile or something depends on it."""
    account = session.scalar(select(Account).where(Account.id == account_id).with_for_update())
    dormancy = session.get(Dormancy, account_id)
    if account is None or dormancy is None or clock.now() < dormancy.erased_on:
        return
    if dormancy.warnings < len(WARNED_BEFORE) or account.active_at != dormancy.inactive_since:
        return
    if not _in_use(session, [account_id]):
        deletion.erase(session, account_id, "inactive")


def _in_use(session: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the accounts with an open request or a right in force: the city still has to do with their owners."""
    if not ids:
        return set()
    filed = select(Case.account_id).where(Case.account_id.in_(ids), Case.status == "filed")
    held = select(Entitlement.account_id).where(
        Entitlement.account_id.in_(ids), Entitlement.status == "actif", Entitlement.ends_on >= clock.today()
    )
    return {one for query in (filed, held) for one in session.scalars(query) if one is not None}


def _warn(session: Session, account: Account, dormancy: Dormancy) -> None:
    """Write the next warning, and see that the deletion stays as far away as it says."""
    now = clock.now()
    before = WARNED_BEFORE[dormancy.warnings]
    dormancy.warnings += 1
    dormancy.erased_on = max(dormancy.erased_on, now + before)
    following = WARNED_BEFORE[dormancy.warnings] if dormancy.warnings < len(WARNED_BEFORE) else timedelta(0)
    dormancy.next_at = dormancy.erased_on - following
    audit.record(session, SYSTEM, "account.warned", "account", account.id, why="inactive", warning=dormancy.warnings)
    settings = config.current()
    space = settings.city.space_name
    day = dormancy.erased_on.astimezone(PARIS)
    text = f"""Bonjour,

Vous ne vous êtes pas connecté à votre compte {space} depuis longtemps. Sans action de votre part, il sera supprimé avec ses \
données le {day:%d/%m/%Y}.

Pour le garder, il suffit de vous connecter avant cette date\u00a0:
{settings.public_url}/connexion

Si vous ne connaissez plus votre mot de passe, choisissez-en un nouveau\u00a0:
{settings.public_url}/mot-de-passe/oubli

Si vous n’avez plus besoin de ce compte, vous n’avez rien à faire.

L’équipe {space}

Ceci est un courriel automatisé de la {settings.city.name}, merci de ne pas y répondre.
"""
    # Whoever no longer reads the one may still read the other.
    for address in {one.lower(): one for one in (account.login, account.contact_email)}.values():
        mail.write(
            session,
            to=address,
            subject=f"Votre compte {space} sera supprimé le {day:%d/%m/%Y}",
            text=text,
            name=f"inactivite-{before.days}",
        )


def _months_after(at: datetime, months: int) -> datetime:
    local = at.astimezone(PARIS)
    return datetime.combine(add_months(local.date(), months), local.timetz())


def _months_before(at: datetime, months: int) -> datetime:
    return _months_after(at, -months)
