"""Finding requests, for whom they belong to or work on them; private links for who has no account."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, Table, Text, and_, bindparam, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, config, logs
from engine.core.db import Base, Session, UtcDateTime
from engine.core.errors import NotFound
from engine.core.reads import Question
from engine.core.statements import Prepared
from engine.people.access import Thing, can
from engine.people.actors import Actor
from engine.procedures import catalogue, references
from engine.procedures.cases.case import Case

LINK_KEPT = timedelta(days=730)


class CaseLink(Base):
    """A private link to a request, for who has no account. Only the hash of its token is kept.

    Once the request belongs to an account, it opens nothing any more: it leads to the page where one signs in.
    """

    __tablename__ = "case_link"
    __table_args__ = (Index("ix_case_link_case_id", "case_id"),)

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


# --- private links ----------------------------------------

_LINK: Table = CaseLink.__table__  # type: ignore[assignment]
_MAKE_LINK = Prepared(insert(_LINK), *_LINK.c.keys())


def make_link(session: Session, case: Case) -> str:
    """A new private link's token: 256 bits, shown once, kept as a hash."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    _MAKE_LINK.send(
        session, {"token_hash": link_hash(token), "case_id": case.id, "made_at": now, "expires_at": now + LINK_KEPT}
    )
    return token


def tracking_address(session: Session, case: Case, tab: str | None = None) -> str:
    """The address at which the person follows the request, or a tab of it, for a message that is about to leave."""
    public = config.current().public_url
    # Who has an account signs in: a message that is passed on opens nothing. Who has none has only what we send.
    if case.account_id is not None:
        return f"{public}/demandes/{case.reference}/suivi" + (f"/{tab}" if tab else "")
    return f"{public}/suivi/{make_link(session, case)}" + (f"?onglet={tab}" if tab else "")


def link_hash(token: str) -> str:
    """What is kept of a private link's token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def of_link(session: Session, token: str) -> Case:
    """The request behind a private link. Unknown, expired or malformed: the same `NotFound`."""
    case = session.scalar(
        select(Case)
        .join(CaseLink, CaseLink.case_id == Case.id)
        .where(CaseLink.token_hash == link_hash(token), CaseLink.expires_at > clock.now())
    )
    if case is None:
        raise NotFound("Ce lien n’existe pas ou n’est plus valable.")
    logs.about(case.reference)
    return case


# --- finding ----------------------------------------


def find(session: Session, reference: str, actor: Actor, *, lock: bool = False) -> Case:
    """The request, for its holder: the account it belongs to, or where it has none, who holds a private link to it.

    Otherwise `NotFound`.
    """
    canonical = references.read(reference)
    if canonical is None or not (actor.signed_in or actor.links):
        raise NotFound("Cette demande n’existe pas ou n’est pas accessible avec ce compte.")
    values: dict[str, Any] = {"reference": canonical}
    if actor.links:
        values |= {f"link_{number}": link for number, link in enumerate(sorted(actor.links))}
        values["now"] = clock.now()
    for found in _finding(len(actor.links), lock).ask(session, **values):
        case: Case = found[0]
        opens = frozenset(found[1:]) - {None}
        if can(actor, "case.hold", Thing(owner=case.account_id, links=opens)):
            logs.about(case.reference)
            return case
    raise NotFound("Cette demande n’existe pas ou n’est pas accessible avec ce compte.")


@cache
def _finding(links: int, lock: bool) -> Question[Case]:
    """The request of a reference, with the private link to it that the visitor holds, if any: one of so many."""

    # Built once for each number of links, of which a browser holds few.
    def narrow(query: Select[Any]) -> Select[Any]:
        query = query.where(Case.reference == bindparam("reference"))
        if links:
            held = select(func.min(CaseLink.token_hash)).where(
                CaseLink.case_id == Case.id,
                CaseLink.token_hash.in_([bindparam(f"link_{number}") for number in range(links)]),
                CaseLink.expires_at > bindparam("now", type_=UtcDateTime()),
            )
            query = query.add_columns(held.scalar_subquery())
        return query.with_for_update(of=Case.__table__) if lock else query

    return Question(Case, narrow)


def find_for_agent(session: Session, reference: str, actor: Actor, *, lock: bool = False) -> Case:
    """The filed request, for an agent of one of the groups that its procedure names. Otherwise `NotFound`."""
    canonical = references.read(reference)
    query = select(Case).where(Case.reference == canonical)
    case = session.scalar(query.with_for_update() if lock else query)
    if case is not None:
        definition = catalogue.definition(session, case.version_id)
        if can(actor, "case.work", Thing(groups=definition.groups, filed=case.filed_at is not None)):
            logs.about(case.reference)
            return case
    raise NotFound("Cette demande n’existe pas ou n’est pas de votre service.")


def by_ids(session: Session, ids: Iterable[UUID]) -> dict[UUID, Case]:
    """The requests of these ids."""
    return {case.id: case for case in session.scalars(select(Case).where(Case.id.in_(list(ids))))}


def held(session: Session, actor: Actor, procedure: str) -> Case | None:
    """The draft that this person already has of a procedure, if any (A9)."""
    mine = _drafts_of(actor)
    if mine is None:
        return None
    return session.scalar(
        select(Case).where(Case.procedure == procedure, mine).order_by(Case.opened_at.desc()).limit(1)
    )


def offered(session: Session, actor: Actor, slug: str) -> tuple[catalogue.Procedure, Case | None]:
    """The published procedure, and the draft that this person already has of it (A9), in one statement; else `NotFound`."""
    mine = _drafts_of(actor)
    if mine is None:
        return catalogue.find(session, slug), None
    found = session.execute(
        select(catalogue.Procedure, Case)
        .outerjoin(Case, and_(Case.procedure == catalogue.Procedure.slug, mine))
        .where(catalogue.Procedure.slug == slug)
        .order_by(Case.opened_at.desc())
        .limit(1)
    ).one_or_none()
    # Found again without a statement, or refused.
    return catalogue.find(session, slug), found[1] if found else None


def _drafts_of(actor: Actor) -> ColumnElement[bool] | None:
    """The drafts of an account, or of whoever holds private links; None for who has neither."""
    if actor.account_id is not None:
        return and_(Case.status == "draft", Case.account_id == actor.account_id)
    if actor.links:
        linked = select(CaseLink.case_id).where(CaseLink.token_hash.in_(sorted(actor.links)))
        return and_(Case.status == "draft", Case.account_id.is_(None), Case.id.in_(linked))
    return None


def locked(session: Session, case_id: UUID) -> Case | None:
    """The request by id, its row locked."""
    return session.scalar(select(Case).where(Case.id == case_id).with_for_update())
