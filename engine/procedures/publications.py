"""Which version of a procedure is offered, who decided it and when: what analysts see and do (F1).

    publications.publish(session, "signalement", 2, who=actor, seen=Offer(1))

Each decision is told to the audit, which is where its history is read. `seen` is what was offered when somebody decided: when
that has changed meanwhile, nothing is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from engine.core import audit
from engine.core.audit import AuditEntry, Who
from engine.core.db import Session
from engine.core.errors import Conflict, NotFound
from engine.procedures import catalogue, words
from engine.procedures.cases.case import Case
from engine.procedures.catalogue import Procedure, SourceSet, Version

TOLD = 50
"""The latest decisions that are told of a procedure."""
DEPLOYED, PUBLISHED, WITHDRAWN = "catalogue.deployed", "catalogue.published", "catalogue.withdrawn"


@dataclass(frozen=True)
class Offer:
    """The version that new requests use: none where the procedure isn't offered."""

    number: int | None


class OfferChanged(Conflict):
    """Somebody decided of the procedure meanwhile."""

    default = (
        "Quelqu’un a publié ou retiré cette démarche entre-temps\u00a0: regardez ce qu’il en est avant de décider."
    )


@dataclass(frozen=True)
class Listed:
    """A procedure as the list shows it: `versions` counts them, `latest` is the number of the newest."""

    slug: str
    title: str
    offered: Offer
    published_at: datetime | None
    versions: int
    latest: int


@dataclass(frozen=True)
class Standing:
    """A version, with the number of requests that run on it, and of drafts."""

    id: UUID
    number: int
    deployed_at: datetime
    offered: bool
    running: int
    drafts: int


def listing(session: Session) -> list[Listed]:
    """Every procedure that was ever deployed, by title."""
    rows = session.execute(
        select(Version.slug, func.count(), func.max(Version.number)).group_by(Version.slug).order_by(Version.slug)
    ).all()
    offered = {one.slug: one for one in catalogue.everything(session)}
    newest = {(slug, latest) for slug, _, latest in rows if slug not in offered}
    titles = {
        version.slug: catalogue.definition(session, version.id).title
        for version in session.scalars(select(Version).where(Version.slug.in_({slug for slug, _ in newest})))
        if (version.slug, version.number) in newest
    }
    found = []
    for slug, count, latest in rows:
        one = offered.get(slug)
        title = one.title if one is not None else titles[slug]
        number, since = (one.number, one.published_at) if one is not None else (None, None)
        found.append(Listed(slug, title, Offer(number), since, count, latest))
    return sorted(found, key=lambda one: words.plain(one.title))


def offer(session: Session, slug: str) -> Offer:
    """What is offered of a procedure."""
    procedure = session.get(Procedure, slug, populate_existing=True)
    return Offer(procedure.number if procedure is not None else None)


def versions(session: Session, slug: str) -> list[Standing]:
    """The versions of a procedure, the newest first; `NotFound` where there is none."""
    rows = session.execute(
        select(Version.id, Version.number, Version.deployed_at)
        .where(Version.slug == slug)
        .order_by(Version.number.desc())
    ).all()
    if not rows:
        raise NotFound("Cette démarche n’existe pas.", slug=slug)
    current, running = offer(session, slug), _running(session, [version_id for version_id, _, _ in rows])
    return [
        Standing(
            version_id,
            number,
            deployed_at,
            number == current.number,
            running=running.get((version_id, "filed"), 0),
            drafts=running.get((version_id, "draft"), 0),
        )
        for version_id, number, deployed_at in rows
    ]


def find(session: Session, slug: str, number: int) -> UUID:
    """The id of a version, or `NotFound`."""
    found = session.scalar(select(Version.id).where(Version.slug == slug, Version.number == number))
    if found is None:
        raise NotFound("Cette version n’existe pas.", slug=slug, number=number)
    return found


def _running(session: Session, version_ids: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
    """How many requests run on each version, by status: one reading for all of them, since no index has them apart."""
    found = session.execute(
        select(Case.version_id, Case.status, func.count())
        .where(Case.version_id.in_(version_ids), Case.status.in_(("filed", "draft")))
        .group_by(Case.version_id, Case.status)
    )
    return {(version_id, status): count for version_id, status, count in found}


def decisions(session: Session, slug: str) -> Sequence[AuditEntry]:
    """What was decided of a procedure, the latest first. What came with the installation was nobody's decision."""
    return audit.listing(session, action="catalogue.", object_kind="procedure", object_id=slug, limit=TOLD)


# --- deciding ----------------------------------------


def publish(session: Session, slug: str, number: int, *, who: Who, seen: Offer | None = None) -> Version:
    """Make version `number` the one that new requests use, forwards or back: `OfferChanged` when it isn't `seen` any more."""
    before = _as_seen(session, slug, seen)
    version = catalogue.publish(session, slug, number)
    if before.number != number:
        record(session, PUBLISHED, slug, number, who=who)
    return version


def withdraw(session: Session, slug: str, *, who: Who, seen: Offer | None = None) -> None:
    """Take a procedure out of the catalogue: `OfferChanged` when what it offers isn't `seen` any more."""
    before = _as_seen(session, slug, seen)
    catalogue.withdraw(session, slug)
    if before.number is not None:
        record(session, WITHDRAWN, slug, who=who)


def keep(session: Session, sources: SourceSet, *, who: Who) -> tuple[Version, bool]:
    """Deploy without offering: the version, and whether its content is new. `DefinitionError` with every problem."""
    known = select(Version.id).where(Version.slug == sources.slug, Version.content_hash == sources.content_hash)
    catalogue.wait_for_others(session)
    there = session.scalar(known) is not None
    version = catalogue.deploy(session, sources, publish=False)
    if not there:
        record(session, DEPLOYED, version.slug, version.number, who=who)
    return version, not there


def record(session: Session, action: str, slug: str, number: int | None = None, *, who: Who) -> None:
    """Tell the audit what was decided of a procedure."""
    audit.record(session, who, action, "procedure", slug, number=number)


def _as_seen(session: Session, slug: str, seen: Offer | None) -> Offer:
    catalogue.wait_for_others(session)
    current = offer(session, slug)
    if seen is not None and seen != current:
        raise OfferChanged(slug=slug)
    return current
