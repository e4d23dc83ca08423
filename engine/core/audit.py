"""The audit: who did what, when, on what and from where, in a chain that shows tampering (G5).

    audit.record(session, actor, "account.role_given", "account", account.id, role="supervisor", group=group.id)

An entry is written in the transaction of the act: no act without its entry, no entry of an act that was rolled back. It holds
identifiers and never a name, an address or an answer, so that erasing a person leaves it whole. The database refuses to change
or delete one.

The last thing a transaction does before it commits is to chain its entries: each link's hash covers its entry and the hash
before it, and its tag, which needs the installation's key, covers the hash. So whoever changes, removes, inserts or moves an
entry, even with every right on the database, breaks the chain (`verify`). Only the end can be cut off unseen: a signed head,
written each day outside of the database, tells how long the chain was.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import BigInteger, Index, Integer, Text, bindparam, desc, insert, select, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.core import clock, logs, secrets
from engine.core.config import Settings
from engine.core.db import Base, Json, Session, UtcDateTime, append_only, before_commit
from engine.core.errors import Invalid

log = logging.getLogger(__name__)

# What is recorded, beside the history of each request (`engine.procedures.history`). A new kind of act is a new line here.
ACTIONS = {
    "account.created": "an account was made",
    "account.signed_in": "somebody signed in (`by`: how)",
    "account.sign_in_refused": "a wrong password or second factor",
    "account.signed_out": "a session was ended by its owner",
    "account.sessions_closed": "all sessions of an account were ended",
    "account.password_changed": "a password was changed by who knew it, or by a link",
    "account.password_link_sent": "a link to choose a new password was sent",
    "account.email_changed": "the sign-in e-mail was changed, proved by a code",
    "account.second_factor_set": "a second factor was set up (`factor`)",
    "account.second_factor_removed": "a second factor was taken away",
    "account.recovery_codes_made": "a new set of recovery codes",
    "account.recovery_code_used": "a recovery code was used",
    "account.invited": "an invitation was sent",
    "account.invitation_cancelled": "an invitation was taken back",
    "account.role_given": "an agent was given a role or a group",
    "account.role_taken": "an agent lost a role or a group",
    "account.suspended": "an account was closed to its owner",
    "account.reopened": "a suspended account was opened again",
    "account.warned": "a warning was sent to the owner of an account",
    "account.exported": "personal data were exported",
    "account.deletion_asked": "the deletion of an account was asked for",
    "account.deletion_withdrawn": "the deletion of an account was taken back",
    "account.deleted": "an account and its data were deleted (`why`)",
    "identity.linked": "an identity of FranceConnect or ProConnect was tied to an account",
    "identity.unlinked": "an identity was untied from an account",
    "identity.changed": "certified data were brought up to date by the identity provider",
    "care_file.attached": "the plans of a beneficiary's file were given to an account (`plans`)",
    "group.removed": "a group of agents that nothing uses was removed",
    "case.read": "an agent opened a request",
    "case.exported": "requests were exported (`rows`)",
    "case.attached": "a request made without an account was attached to one",
    "case.links_ended": "the private links to a request were ended (`links`)",
    "task.assigned": "a supervisor gave a task to an agent, or took it back for the queue (`from`, `to`)",
    "document.read": "an agent opened a file of a request",
    "document.deleted": "a file was deleted",
    "content.published": "a text or a notice was published",
    "agenda.changed": "opening hours, closures or places were changed",
    "catalogue.deployed": "a version of a procedure was deployed",
    "catalogue.published": "a version of a procedure was put in service",
    "catalogue.withdrawn": "a procedure was taken out of the catalogue",
}

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}")

Fact = UUID | datetime | int | bool | str | None


class Who(Protocol):
    """Who acts: `engine.people.actors.Actor` is one."""

    @property
    def kind(self) -> str: ...

    @property
    def account_id(self) -> UUID | None: ...


@dataclass(frozen=True)
class _Terminal:
    kind: str = "operator"
    account_id: UUID | None = None


OPERATOR: Who = _Terminal()
"""Whoever types commands on the machine."""


class AuditEntry(Base):
    """An act. `origin` is the network it came from, never the address; `request` the id under which the logs tell of it."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_actor_id", "actor_id"),
        Index("ix_audit_entry_object_kind_object_id", "object_kind", "object_id"),
        Index("ix_audit_entry_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(Text)
    actor_kind: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    on_behalf_of: Mapped[UUID | None]
    object_kind: Mapped[str | None] = mapped_column(Text)
    object_id: Mapped[str | None] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    origin: Mapped[str] = mapped_column(Text)
    request: Mapped[str | None] = mapped_column(Text)


class AuditLink(Base):
    """A place in the chain: the entry that has it, the hash of all that came up to it, and our tag on that hash."""

    __tablename__ = "audit_link"
    __table_args__ = (Index("uq_audit_link_entry_id", "entry_id", unique=True),)

    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    entry_id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"))
    hash: Mapped[str] = mapped_column(Text)
    tag: Mapped[str] = mapped_column(Text)


append_only(AuditEntry.__table__)  # type: ignore[arg-type]
append_only(AuditLink.__table__)  # type: ignore[arg-type]
# Core, built once: an act takes the time of its statements and no more.
_RECORD = insert(AuditEntry.__table__).returning(AuditEntry.__table__.c.id)  # type: ignore[arg-type]
_LINK = insert(AuditLink.__table__)  # type: ignore[arg-type]
_FIELDS = list(AuditEntry.__table__.columns)
_OF_IDS = select(*_FIELDS).where(AuditEntry.__table__.c.id.in_(bindparam("ids", expanding=True))).order_by("id")
_END = select(AuditLink.__table__.c.seq, AuditLink.__table__.c.hash).order_by(desc("seq")).limit(1)
_LOCKING = text("SELECT pg_advisory_xact_lock(1348563574)")  # a number that nothing else locks


# --- writing ---------------------------------------------------------------------------------------------------------------


def record(
    session: Session,
    actor: Who,
    action: str,
    object_kind: str | None = None,
    object_id: UUID | int | str | None = None,
    *,
    on_behalf_of: UUID | None = None,
    **facts: Fact,
) -> None:
    """Record, in this transaction, that `actor` did `action` (one of `ACTIONS`) on the object, with a few facts.

    Facts are ids, numbers, dates and words of ours: a text that could be a name or an answer is refused (`ValueError`).
    """
    if action not in ACTIONS:
        raise ValueError(f"{action} is not among the acts that are audited: add it to ACTIONS")
    doing = logs.doing()
    entry_id = session.scalar(
        _RECORD,
        {
            "at": clock.now(),
            "action": action,
            "actor_kind": actor.kind,
            "actor_id": actor.account_id,
            "on_behalf_of": on_behalf_of,
            "object_kind": object_kind,
            "object_id": None if object_id is None else str(_plain("object", object_id)),
            "facts": {name: _plain(name, value) for name, value in sorted(facts.items())},
            "origin": _origin(doing),
            "request": doing.request if doing else None,
        },
    )
    session.info.setdefault("audit", []).append(entry_id)
    before_commit(session, _chain)


def network(address: str | None) -> str:
    """Where an address is, as the audit keeps it: wide enough to be shared by many (/24, /48), narrow enough to tell abroad."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def _origin(doing: logs.Doing | None) -> str:
    if doing is None:
        return "terminal"
    return "job" if doing.job is not None else network(doing.address)


def _plain(name: str, value: Fact) -> int | bool | str | None:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and not _WORD.fullmatch(value):
        raise ValueError(f"the audit keeps no free text: {name}")
    return value


def _chain(session: Session) -> None:
    """Give the entries of this transaction their places, after those of every transaction that has committed.

    The lock makes transactions that record anything commit one after the other. It is taken last and waits for nothing, so it
    takes part in no deadlock.
    """
    ids: list[int] = session.info.pop("audit", [])
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_LOCKING)
    # A savepoint that was rolled back took its entries along: the others are asked of the database.
    entries = session.execute(_OF_IDS, {"ids": ids}).all()
    if not entries:
        return
    seq, before = _last(session)
    rows = []
    for entry in entries:
        seq += 1
        before = _hash(before, seq, entry)
        rows.append({"seq": seq, "entry_id": entry.id, "hash": before, "tag": secrets.digest(_PURPOSE, before)})
    session.execute(_LINK, rows)


_PURPOSE = "audit chain"
_START = "0" * 64


def _last(session: Session) -> tuple[int, str]:
    found = session.execute(_END).one_or_none()
    return (found.seq, found.hash) if found else (0, _START)


def _hash(before: str, seq: int, entry: Any) -> str:
    """The hash of a place: of the one before, its number, and everything that the entry says."""
    said = {name: _said(value) for name, value in entry._mapping.items()}
    text = json.dumps([before, seq, said], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _said(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value


# --- verifying -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: how long the chain is, and each thing that is wrong with it."""

    length: int
    flaws: list[str]

    @property
    def sound(self) -> bool:
        return not self.flaws


FLAWS_MAX = 20
_HELPING = 2_000


def verify(session: Session, heads: Sequence[Head] = ()) -> Verdict:
    """Follow the chain from its first place to its last, and compare it with heads that were kept elsewhere.

    Detects an entry that was changed, removed, inserted or moved, and, with a head, an end that was cut off. What isn't
    covered: entries after the latest head may be cut off at the end, all of them from some point on.
    """
    flaws: list[str] = []
    expected = {head.seq: head for head in heads}
    seq, before, tag = 0, _START, None
    for link, entry in _links(session):
        if link.seq != seq + 1:
            flaws.append(f"places {seq + 1} to {link.seq - 1} are missing")
        seq = link.seq
        if entry.id is None:
            flaws.append(f"place {seq}: its entry {link.entry_id} is gone")
        elif _hash(before, seq, entry) != link.hash:
            flaws.append(f"place {seq}: it isn't what was written there (entry {entry.id})")
        # From the hash that is there: one change is one flaw, not one at each place that follows.
        before, tag = link.hash, link.tag
        head = expected.pop(seq, None)
        if head is not None and head.hash != before:
            flaws.append(f"place {seq}: the head of {head.at:%Y-%m-%d} tells of another chain")
        if len(flaws) >= FLAWS_MAX:
            return Verdict(seq, flaws)
    # One tag covers all that came before it: that of the last place is the one to check.
    if tag is not None and not secrets.matches(_PURPOSE, before, tag):
        flaws.append(f"place {seq}: its tag was not made with a key of this installation")
    for head in sorted(expected.values(), key=lambda one: one.seq):
        flaws.append(
            f"the end is cut off: the chain had {head.seq} places on {head.at:%Y-%m-%d %H:%M} UTC, it has {seq}"
        )
    loose = session.scalars(
        select(AuditEntry.id)
        .outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .where(AuditLink.seq.is_(None))
        .order_by(AuditEntry.id)
        .limit(FLAWS_MAX)
    )
    flaws += [f"entry {entry_id} has no place in the chain" for entry_id in loose]
    return Verdict(seq, flaws)


def _links(session: Session) -> Iterator[tuple[Any, Any]]:
    """Every place with its entry, in order, in helpings."""
    last = 0
    while True:
        links = session.execute(
            select(AuditLink.seq, AuditLink.entry_id, AuditLink.hash, AuditLink.tag)
            .where(AuditLink.seq > last)
            .order_by(AuditLink.seq)
            .limit(_HELPING)
        ).all()
        if not links:
            return
        ids = [link.entry_id for link in links]
        found = {row.id: row for row in session.execute(_OF_IDS, {"ids": ids})}
        yield from ((link, found.get(link.entry_id, _GONE)) for link in links)
        last = links[-1].seq


@dataclass(frozen=True)
class _Gone:
    id: None = None


_GONE = _Gone()


# --- heads -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """How long the chain was at a moment, and its last hash, signed (Ed25519). Kept elsewhere, it tells of a cut-off end."""

    seq: int
    hash: str
    at: datetime
    signature: str
    public_key: str

    def line(self) -> str:
        """The head as one line of JSON, as it is kept."""
        return json.dumps({**vars(self), "at": self.at.isoformat()})


class UnreadableHead(Invalid):
    """A head isn't one, or isn't signed by this installation."""

    default = default_english = "This is no head of this installation’s audit."


def head(session: Session) -> Head:
    """The head of the chain as it is now, signed with the current key."""
    seq, last = _last(session)
    at = clock.now()
    private = _signing_key(secrets.key(_SIGNING))
    signature = private.sign(_signed(seq, last, at)).hex()
    return Head(seq, last, at, signature, private.public_key().public_bytes_raw().hex())


def read_head(line: str) -> Head:
    """The head that `line` tells of, or `UnreadableHead`: a key of this installation, current or former, must have signed it."""
    try:
        said = json.loads(line)
        found = Head(
            seq=int(said["seq"]),
            hash=str(said["hash"]),
            at=datetime.fromisoformat(said["at"]),
            signature=str(said["signature"]),
            public_key=str(said["public_key"]),
        )
        signature = bytes.fromhex(found.signature)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableHead from error
    for one in secrets.keys(_SIGNING):
        public = _signing_key(one).public_key()
        if public.public_bytes_raw().hex() == found.public_key:
            try:
                public.verify(signature, _signed(found.seq, found.hash, found.at))
            except InvalidSignature as error:
                raise UnreadableHead("The head’s signature is wrong.") from error
            return found
    raise UnreadableHead("The head is signed with a key that this installation does not have.", key=found.public_key)


def heads_folder(settings: Settings) -> Path:
    """Where the heads of this installation are exported."""
    return settings.data / "audit"


def export_head(session: Session, folder: Path) -> Head:
    """Write today's head into `folder` and into the log, whose copy elsewhere is the one that counts."""
    found = head(session)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.at:%Y-%m-%d}.json"
    draft = path.with_suffix(".draft")
    draft.write_text(found.line() + "\n")
    draft.replace(path)
    log.info("the audit's head: %s", found.line())
    return found


def kept_heads(folder: Path) -> list[Head]:
    """The heads that were exported into `folder`, the oldest first."""
    return [read_head(path.read_text()) for path in sorted(folder.glob("*.json"))]


_SIGNING = "audit head"


def _signing_key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def _signed(seq: int, last: str, at: datetime) -> bytes:
    return f"parvis audit head {seq} {last} {at.isoformat()}".encode()


# --- for operators ---------------------------------------------------------------------------------------------------------


def listing(
    session: Session,
    *,
    action: str | None = None,
    actor_id: UUID | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 200,
) -> list[AuditEntry]:
    """The latest entries that match, the newest first. `action` may be the beginning of one (`account.`)."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if action is not None:
        query = query.where(AuditEntry.action.startswith(action, autoescape=True))
    if actor_id is not None:
        query = query.where((AuditEntry.actor_id == actor_id) | (AuditEntry.on_behalf_of == actor_id))
    if object_kind is not None:
        query = query.where(AuditEntry.object_kind == object_kind)
    if object_id is not None:
        query = query.where(AuditEntry.object_id == object_id)
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    return list(session.scalars(query))
