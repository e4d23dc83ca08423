"""Exchanges: what a resident and a service write to each other about a request, in threads (D2).

A message is «Non lu» for the other side until that side opens it. Who writes holds the request's row: a thread's counts and its
messages change together. A thread that the process of the request opened may wait for the resident's answer: it then names
the BPMN message that the answer delivers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, ScalarSelect, Text, delete, func, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from engine.contact.documents import StoredFile
from engine.core import clock
from engine.core.db import Base, Json, Session, UtcDateTime, new_id
from engine.core.errors import Conflict, NotFound
from engine.people.actors import Actor

Side = Literal["resident", "service"]
RESIDENT: Side = "resident"
SERVICE: Side = "service"

SUBJECT_MAX = 120
TEXT_MAX = 5000
# Nobody talks so much: a request can't be made endless by one who posts and posts.
EXCHANGES_MAX = 50
MESSAGES_MAX = 300


class Exchange(Base):
    """A thread of messages about a request. `group` is the agents' group that it is addressed to.

    `thread` is the name by which the process of the request finds it again. `awaits` is the BPMN message that the resident's next
    answer delivers; with `asked` the resident reads that an answer is expected.
    """

    __tablename__ = "exchange"
    __table_args__ = (
        Index("ix_exchange_case_id", "case_id"),
        Index("uq_exchange_case_id_thread", "case_id", "thread", unique=True),
        # What is counted on every page: only the rows that count.
        Index(
            "ix_exchange_group_unread",
            "group",
            "changed_at",
            sqlite_where=text("unread_by_service > 0"),
            postgresql_where=text("unread_by_service > 0"),
        ),
        Index(
            "ix_exchange_case_id_unread",
            "case_id",
            sqlite_where=text("unread_by_resident > 0"),
            postgresql_where=text("unread_by_resident > 0"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID]
    subject: Mapped[str] = mapped_column(Text)
    group: Mapped[str] = mapped_column(Text)
    thread: Mapped[str | None] = mapped_column(Text)
    awaits: Mapped[str | None] = mapped_column(Text)
    asked: Mapped[bool]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_side: Mapped[str] = mapped_column(Text)
    unread_by_resident: Mapped[int] = mapped_column(Integer)
    unread_by_service: Mapped[int] = mapped_column(Integer)

    def unread(self, side: Side) -> int:
        """How many messages that side has still to read."""
        return self.unread_by_resident if side == RESIDENT else self.unread_by_service


class Message(Base):
    """One message of a thread. `files` are ids of files of the request; `sending` names the click that sent it."""

    __tablename__ = "exchange_message"
    __table_args__ = (
        Index("ix_exchange_message_exchange_id_written_at", "exchange_id", "written_at"),
        # A form sent twice is one message.
        Index("uq_exchange_message_case_id_sending", "case_id", "sending", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    exchange_id: Mapped[UUID] = mapped_column(ForeignKey("exchange.id", ondelete="CASCADE"))
    case_id: Mapped[UUID]
    side: Mapped[str] = mapped_column(Text)
    author_kind: Mapped[str] = mapped_column(Text)
    author_id: Mapped[UUID | None]
    text: Mapped[str] = mapped_column(Text)
    files: Mapped[list[str]] = mapped_column(Json)
    sending: Mapped[str | None] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    read_by: Mapped[UUID | None]

    def unread(self, side: Side) -> bool:
        """Whether that side has still to read it: one's own messages are read."""
        return self.side != side and self.read_at is None


def opposite(side: Side) -> Side:
    """The other side."""
    return SERVICE if side == RESIDENT else RESIDENT


# --- writing ---------------------------------------------------------------------------------------------------------------


def begin(session: Session, *, case_id: UUID, subject: str, group: str, thread: str | None = None) -> Exchange:
    """A new thread, without a message yet; the one of that name when the request has one already (`thread`)."""
    if thread is not None:
        known = session.scalar(select(Exchange).where(Exchange.case_id == case_id, Exchange.thread == thread))
        if known is not None:
            return known
    count = session.scalar(select(func.count(Exchange.id)).where(Exchange.case_id == case_id)) or 0
    if count >= EXCHANGES_MAX:
        raise Conflict(
            "Cette demande a déjà beaucoup d’échanges\u00a0: écrivez dans l’un d’eux plutôt que d’en commencer un autre."
        )
    now = clock.now()
    exchange = Exchange(
        id=new_id(),
        case_id=case_id,
        subject=_line(subject)[:SUBJECT_MAX],
        group=group,
        thread=thread,
        awaits=None,
        asked=False,
        opened_at=now,
        changed_at=now,
        last_side=SERVICE,
        unread_by_resident=0,
        unread_by_service=0,
    )
    session.add(exchange)
    session.flush()
    return exchange


def write(
    session: Session,
    exchange: Exchange,
    *,
    side: Side,
    body: str,
    author: Actor,
    files: Sequence[StoredFile] = (),
    sending: str | None = None,
) -> Message:
    """Add a message to a thread; it is unread for the other side. The same `sending` again gives the message it gave first.

    The `files` leave the form that they were given with and stay with the message.
    """
    count = session.scalar(select(func.count(Message.id)).where(Message.exchange_id == exchange.id)) or 0
    if count >= MESSAGES_MAX:
        raise Conflict("Cet échange est trop long pour continuer\u00a0: commencez-en un autre.")
    message = Message(
        id=new_id(),
        exchange_id=exchange.id,
        case_id=exchange.case_id,
        side=side,
        author_kind="bearer" if author.kind == "anonymous" else author.kind,
        author_id=author.account_id,
        text=body.replace("\x00", "").strip()[:TEXT_MAX],
        files=[str(file.id) for file in files],
        sending=sending,
        written_at=clock.now(),
        read_at=None,
        read_by=None,
    )
    session.add(message)
    for file in files:
        file.field = f"{SENT}{message.id}"
    exchange.changed_at = message.written_at
    exchange.last_side = side
    if side == RESIDENT:
        exchange.unread_by_service += 1
    else:
        exchange.unread_by_resident += 1
    session.flush()
    return message


def sent(session: Session, case_id: UUID, sending: str) -> Message | None:
    """The message that a form has sent already, when its page is sent a second time."""
    return session.scalar(select(Message).where(Message.case_id == case_id, Message.sending == sending))


def written_since(session: Session, exchange_id: UUID, side: Side, since: datetime) -> int:
    """How many messages that side has written in a thread since then."""
    theirs = Message.exchange_id == exchange_id, Message.side == side, Message.written_at >= since
    return session.scalar(select(func.count(Message.id)).where(*theirs)) or 0


def await_answer(exchange: Exchange, message_name: str, *, asked: bool) -> None:
    """Let the resident's next answer in this thread deliver a BPMN message; with `asked`, the resident is told to answer."""
    exchange.awaits = message_name
    exchange.asked = asked


def stop_waiting(session: Session, case_id: UUID, still: Collection[str]) -> None:
    """Forget the answers that the process of a request no longer waits for: all but the BPMN messages named in `still`."""
    session.execute(
        update(Exchange)
        .where(Exchange.case_id == case_id, Exchange.awaits.is_not(None), Exchange.awaits.not_in(sorted(still)))
        .values(awaits=None, asked=False)
    )


def read(session: Session, exchange: Exchange, side: Side, reader: Actor) -> int:
    """«Voir la suite»: that side has read the thread; how many messages it had not."""
    unread = exchange.unread(side)
    if unread:
        session.execute(
            update(Message)
            .where(Message.exchange_id == exchange.id, Message.side == opposite(side), Message.read_at.is_(None))
            .values(read_at=clock.now(), read_by=reader.account_id)
        )
    if side == RESIDENT:
        exchange.unread_by_resident = 0
    else:
        exchange.unread_by_service = 0
    return unread


# --- files on their way ----------------------------------------------------------------------------------------------------

SENT = "message."
_COMPOSED = "message-en-cours."


def composing(side: Side, writer: Actor, exchange_id: UUID | None) -> str:
    """Where the files of a message that is being written are kept until it is sent: one place a side, writer and thread."""
    whose = f"{side}.{writer.account_id}" if side == SERVICE else side
    return f"{_COMPOSED}{whose}.{exchange_id or 'nouveau'}"


def is_composed(field: str) -> bool:
    """Whether a file is with a message that nobody has sent yet: only who writes it sees it."""
    return field.startswith(_COMPOSED)


# --- reading ---------------------------------------------------------------------------------------------------------------


def of_case(session: Session, case_id: UUID) -> list[Exchange]:
    """The threads of a request, the one that changed last first."""
    query = select(Exchange).where(Exchange.case_id == case_id).order_by(Exchange.changed_at.desc(), Exchange.id)
    return list(session.scalars(query))


def find(session: Session, case_id: UUID, exchange_id: UUID) -> Exchange:
    """A thread of that request, or `NotFound`."""
    exchange = session.get(Exchange, exchange_id)
    if exchange is None or exchange.case_id != case_id:
        raise NotFound("Cet échange n’existe pas ou n’est plus disponible.", exchange_id=str(exchange_id))
    return exchange


def messages(session: Session, exchange_ids: Collection[UUID]) -> list[Message]:
    """The messages of some threads, from the first to the last."""
    if not exchange_ids:
        return []
    query = select(Message).where(Message.exchange_id.in_(exchange_ids)).order_by(Message.written_at, Message.id)
    return list(session.scalars(query))


def to_read(session: Session, case_ids: Any) -> list[Exchange]:
    """«Échanges à lire»: the threads with something that the resident has not read, the latest first, in one indexed query.

    `case_ids` are the person's requests: their ids, or a query that gives them.
    """
    unread = Exchange.case_id.in_(case_ids), Exchange.unread_by_resident > 0
    return list(session.scalars(select(Exchange).where(*unread).order_by(Exchange.changed_at.desc(), Exchange.id)))


def count_to_read(session: Session, case_ids: Any) -> int:
    """How many messages wait to be read by the person whose requests these are (ids, or a query that gives them)."""
    unread = Exchange.case_id.in_(case_ids), Exchange.unread_by_resident > 0
    return int(session.scalar(select(func.coalesce(func.sum(Exchange.unread_by_resident), 0)).where(*unread)) or 0)


def pending(session: Session, case_ids: Any) -> list[Exchange]:
    """The threads with something to read or to answer for the person whose requests these are, in one query."""
    waits = or_(Exchange.unread_by_resident > 0, Exchange.asked.is_(True))
    query = select(Exchange).where(Exchange.case_id.in_(case_ids), waits)
    return list(session.scalars(query.order_by(Exchange.changed_at.desc(), Exchange.id)))


def to_answer(session: Session, case_ids: Any) -> list[Exchange]:
    """The threads whose answer a process waits for, and says so: «À faire»."""
    asked = Exchange.case_id.in_(case_ids), Exchange.asked.is_(True)
    return list(session.scalars(select(Exchange).where(*asked).order_by(Exchange.changed_at, Exchange.id)))


def for_groups(session: Session, groups: Collection[str], limit: int = 50) -> list[Exchange]:
    """The threads with something that these agents' groups have not read, those that wait longest first."""
    if not groups:
        return []
    unread = Exchange.group.in_(sorted(groups)), Exchange.unread_by_service > 0
    return list(
        session.scalars(select(Exchange).where(*unread).order_by(Exchange.changed_at, Exchange.id).limit(limit))
    )


def count_for_groups(session: Session, groups: Collection[str]) -> int:
    """How many threads have something that these agents' groups have not read: one query on its own index."""
    return session.scalar(select(counting(groups))) or 0


def counting(groups: Collection[str]) -> ScalarSelect[int]:
    """The same as a part of a larger query."""
    unread = Exchange.group.in_(sorted(groups)), Exchange.unread_by_service > 0
    return select(func.count(Exchange.id)).where(*unread).scalar_subquery()


def erase(session: Session, case_id: UUID) -> None:
    """Remove every exchange of a request (its files go with the request's)."""
    session.execute(delete(Message).where(Message.case_id == case_id))
    session.execute(delete(Exchange).where(Exchange.case_id == case_id))


def _line(subject: str) -> str:
    return " ".join(subject.replace("\x00", "").split())
