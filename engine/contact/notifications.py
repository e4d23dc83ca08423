"""Notifications: what the city told the person behind a request, by which way, and when (D3).

    letter = Letter("refus", "Votre demande est refusée", "Bonjour…", short="Votre demande AB12 est refusée.")
    notifications.tell(session, addressee, letter, key="refus:…")

The person's preferred means decides of the way: e-mail, text message, or a letter that agents post. The first message about a
request leaves at once; those that follow closely wait for each other and leave as one, unless they are urgent. All of them
stay to be read in the tracking. Who calls `tell` or `leave_together` holds the request's row: one message isn't told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, ScalarSelect, Text, Uuid, bindparam, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.contact import letters, sms
from engine.core import clock, config, jobs, mail
from engine.core.db import Base, Session, UtcDateTime
from engine.core.errors import NotFound
from engine.core.reads import Question

MAIL = "courriel"
SMS = "sms"
POST = "courrier"
SPACE = "espace"

SENT, HELD, TO_POST, POSTED = "sent", "held", "to_post", "posted"
TOGETHER = "groupe"
"""The name of a letter that says several things."""


class Notification(Base):
    """A message about a request. `channel`: courriel, sms, courrier, or espace when it is read in the tracking only.

    `state`: sent, held (it waits for others, to leave with them), to_post and posted (letters, by `group` to `postal`).
    """

    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_case_id_id", "case_id", "id"),
        # Given an element and an occurrence, a message leaves once; without them these are null and nothing is compared.
        Index("uq_notification_case_id_element_id_occurrence", "case_id", "element_id", "occurrence", unique=True),
        Index("uq_notification_key", "key", unique=True),
        # Few letters wait to be posted at a time.
        Index(
            "ix_notification_group_to_post",
            "group",
            "id",
            sqlite_where=text("state = 'to_post'"),
            postgresql_where=text("state = 'to_post'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    case_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    mail_id: Mapped[UUID | None]
    element_id: Mapped[str | None] = mapped_column(Text)
    occurrence: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    key: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default=SENT, server_default=SENT)
    short: Mapped[str | None] = mapped_column(Text)
    sms_id: Mapped[UUID | None]
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reference: Mapped[str | None] = mapped_column(Text)
    group: Mapped[str | None] = mapped_column(Text)
    postal: Mapped[str | None] = mapped_column(Text)
    posted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    posted_by: Mapped[UUID | None]


@dataclass(frozen=True)
class Letter:
    """What is said. `short` is its text message (the subject unless given); what is `urgent` waits for nothing and isn't posted.

    `reply_to` is where an answer by e-mail joins an exchange.
    """

    name: str
    subject: str
    text: str
    short: str | None = None
    urgent: bool = False
    html: str | None = None
    reply_to: str | None = None


@dataclass(frozen=True)
class Addressee:
    """Whom a message about a request is for, and the ways to them. `group` is the agents' group that posts letters.

    `follow` makes the address at which the person follows the request: it is asked for when something leaves, since it may be a
    new private link.
    """

    case_id: UUID
    reference: str
    email: str | None = None
    mobile: str | None = None
    postal: Sequence[str] = ()
    prefers: str = MAIL
    group: str | None = None
    follow: Callable[[], str | None] = field(default=lambda: None)

    def way(self, *, urgent: bool) -> str:
        """The channel of a message: the preferred means where it can be used, else e-mail, text message, the space."""
        number = sms.number(self.mobile) if sms.enabled(config.current()) else None
        email = (self.email or "").strip()
        if self.prefers == "telephone" and number:
            return SMS
        if self.prefers == "courrier" and self.postal and self.group and not urgent:
            return POST
        return MAIL if email else SMS if number else SPACE


def tell(
    session: Session,
    to: Addressee,
    letter: Letter,
    *,
    key: str | None = None,
    element_id: str | None = None,
    occurrence: str | None = None,
) -> Notification:
    """Tell the person, by their way; it leaves after the commit, or with others a little later.

    With `key` a message is told once in the whole platform, with `element_id` and `occurrence` once for its request: the
    second call gives the first one.
    """
    told = _told(session, to.case_id, key, element_id, occurrence)
    if told is not None:
        return told
    letter = _cleaned(letter)
    channel = to.way(urgent=letter.urgent)
    notification = Notification(
        case_id=to.case_id,
        name=letter.name,
        subject=letter.subject,
        text=letter.text,
        channel=channel,
        mail_id=None,
        element_id=element_id,
        occurrence=occurrence,
        sent_at=clock.now(),
        key=key,
        state=TO_POST if channel == POST else SENT,
        short=letter.short,
        sms_id=None,
        left_at=None,
        reference=to.reference,
        group=to.group if channel == POST else None,
        postal="\n".join(to.postal) if channel == POST else None,
        posted_at=None,
        posted_by=None,
    )
    session.add(notification)
    if channel in (MAIL, SMS):
        until = None if letter.urgent else _held_until(session, to.case_id)
        if until is None:
            _leave(session, to, [notification], html=letter.html, reply_to=letter.reply_to)
        else:
            notification.state = HELD
            jobs.promise(
                session,
                "send_digest",
                due_at=until,
                key=f"digest:{to.case_id}",
                case_id=to.case_id,
                of_case=str(to.case_id),
            )
    session.flush()
    return notification


def send(
    session: Session,
    *,
    case_id: UUID,
    reference: str,
    to: str | None,
    name: str,
    subject: str,
    text: str,
    html: str | None = None,
    link: str | None = None,
    element_id: str | None = None,
    occurrence: str | None = None,
) -> Notification:
    """Tell the person at once, by e-mail at `to` or else in the tracking of the request.

    `link` leads the e-mail's reader to the request: it is in the e-mail only, never in what is kept to be read again.
    """
    addressee = Addressee(case_id, reference, email=to, follow=lambda: link)
    letter = Letter(name, subject, text, urgent=True, html=html)
    return tell(session, addressee, letter, element_id=element_id, occurrence=occurrence)


def of_sms(session: Session, sms_id: UUID) -> list[Notification]:
    """What a text message says, as long as nothing else says it too."""
    query = select(Notification).where(Notification.sms_id == sms_id, Notification.mail_id.is_(None))
    return list(session.scalars(query.order_by(Notification.id)))


def leave_otherwise(session: Session, to: Addressee, several: Sequence[Notification]) -> None:
    """Say by e-mail, or in the space, what a text message couldn't."""
    channel = replace(to, mobile=None).way(urgent=True)
    for one in several:
        one.channel = channel
    if channel == MAIL:
        _leave(session, to, several)


def was_told(session: Session, key: str) -> bool:
    """Whether a message was told under this key."""
    return session.scalar(select(Notification.id).where(Notification.key == key)) is not None


def leave_together(session: Session, to: Addressee, *, urged: bool = False) -> int:
    """Send what is held about a request, as one message when there are several; how many there were.

    `urged` by the latest of them, which then comes first and gives its subject.
    """
    held = list(
        session.scalars(
            select(Notification)
            .where(Notification.case_id == to.case_id, Notification.state == HELD)
            .order_by(Notification.id)
        )
    )
    if held:
        channel = to.way(urgent=True)
        for one in held:
            one.channel, one.state = channel, SENT
        if channel in (MAIL, SMS):
            _leave(session, to, held[::-1] if urged else held, led=urged)
    return len(held)


# --- reading ---------------------------------------------------------------------------------------------------------------


def of_case(session: Session, case_id: UUID) -> list[Notification]:
    """What was said about a request, from the first to the last."""
    return _OF_CASE.objects(session, case=case_id)


_OF_CASE = Question(
    Notification,
    lambda query: query.where(Notification.case_id == bindparam("case", type_=Uuid())).order_by(Notification.id),
)


def of_mail(session: Session, case_id: UUID, mail_id: UUID) -> list[Notification]:
    """What an e-mail about a request says, from the first to the last."""
    said = Notification.case_id == case_id, Notification.mail_id == mail_id
    return list(session.scalars(select(Notification).where(*said).order_by(Notification.id)))


def latest(session: Session, case_ids: Collection[UUID], limit: int = 20) -> list[Notification]:
    """The latest things said about some requests, the last one first."""
    if not case_ids:
        return []
    query = select(Notification).where(Notification.case_id.in_(case_ids)).order_by(Notification.id.desc())
    return list(session.scalars(query.limit(limit)))


def names(session: Session, case_id: UUID) -> list[str]:
    """The names of what was said about a request, in order."""
    return list(
        session.scalars(select(Notification.name).where(Notification.case_id == case_id).order_by(Notification.id))
    )


# --- letters to post -------------------------------------------------------------------------------------------------------


def to_post(session: Session, groups: Collection[str], limit: int = 50) -> list[Notification]:
    """The letters that wait for one of these groups to post them, the oldest first."""
    if not groups:
        return []
    waiting = Notification.group.in_(sorted(groups)), Notification.state == TO_POST
    return list(session.scalars(select(Notification).where(*waiting).order_by(Notification.id).limit(limit)))


def count_to_post(session: Session, groups: Collection[str]) -> int:
    """How many letters wait for one of these groups."""
    return session.scalar(select(counting_to_post(groups))) or 0


def counting_to_post(groups: Collection[str]) -> ScalarSelect[int]:
    """The same as a part of a larger query."""
    waiting = Notification.group.in_(sorted(groups)), Notification.state == TO_POST
    return select(func.count(Notification.id)).where(*waiting).scalar_subquery()


def find_letter(session: Session, notification_id: int, groups: Collection[str]) -> Notification:
    """A letter of one of these groups, posted or not; `NotFound` otherwise."""
    letter = session.get(Notification, notification_id, with_for_update=True)
    if letter is None or letter.group not in groups or letter.state not in (TO_POST, POSTED):
        raise NotFound("Ce courrier n’existe pas ou n’est pas de votre service.")
    return letter


def mark_posted(session: Session, letter: Notification, agent_id: UUID | None) -> None:
    """Note that a letter was posted, and by whom; a second time changes nothing."""
    if letter.state == TO_POST:
        letter.state = POSTED
        letter.posted_at = letter.left_at = clock.now()
        letter.posted_by = agent_id


# --- inside ----------------------------------------------------------------------------------------------------------------


def _told(
    session: Session, case_id: UUID, key: str | None, element_id: str | None, occurrence: str | None
) -> Notification | None:
    if key is not None:
        return session.scalar(select(Notification).where(Notification.key == key))
    if element_id is None or occurrence is None:
        return None
    return session.scalar(
        select(Notification).where(
            Notification.case_id == case_id,
            Notification.element_id == element_id,
            Notification.occurrence == occurrence,
        )
    )


def _cleaned(letter: Letter) -> Letter:
    # Process texts come from analysts and from what residents typed: NUL is refused by PostgreSQL, and says nothing to people.
    return replace(
        letter,
        subject=mail.one_line(letter.subject.replace("\x00", "")),
        text=letter.text.replace("\x00", "").strip(),
        short=letter.short.replace("\x00", "").strip() or None if letter.short else None,
    )


def _held_until(session: Session, case_id: UUID) -> datetime | None:
    """Until when a message waits for others: a while after the last one has left; None when it may leave."""
    window = timedelta(minutes=config.current().digest_minutes)
    if not window:
        return None
    last = session.scalar(select(func.max(Notification.left_at)).where(Notification.case_id == case_id))
    if last is not None and last.tzinfo is None:  # an aggregate loses the type of its column on SQLite
        last = last.replace(tzinfo=clock.now().tzinfo)
    return last + window if last is not None and last + window > clock.now() else None


def _leave(
    session: Session,
    to: Addressee,
    several: Sequence[Notification],
    *,
    html: str | None = None,
    reply_to: str | None = None,
    led: bool = False,
) -> None:
    """Write one e-mail or one text message that says all of them; `led` by the first."""
    link = to.follow()
    first = several[0]
    # Said twice in a row («un message vous attend»), it is read once.
    parts = list({(one.subject, one.text): None for one in several})
    alone = len(parts) == 1
    city = config.current().city
    subject = first.subject if alone or led else f"{len(parts)} messages au sujet de votre demande {to.reference}"
    name = first.name if alone else TOGETHER
    if first.channel == SMS:
        said = first.short or f"{city.short_name}\u00a0: {first.subject}."
        if not alone and not led:
            said = f"{city.short_name}\u00a0: {subject} vous attendent."
        written = sms.write(
            session, to=to.mobile or "", text=f"{said} {link}" if link else said, name=name, case_id=to.case_id
        )
        for one in several:
            one.sms_id = written.id
    else:
        parts = [("" if alone else title, said) for title, said in parts]
        body = "\n\n".join(f"{title}\n\n{said}" if title else said for title, said in parts)
        answer = reply_to is not None
        letter = mail.write(
            session,
            to=(to.email or "").strip(),
            subject=subject,
            text=letters.text(body, reference=to.reference, link=link, answer=answer),
            html=html or letters.html(subject, parts, reference=to.reference, link=link, answer=answer),
            case_id=to.case_id,
            name=name,
            reply_to=reply_to,
        )
        for one in several:
            one.mail_id = letter.id
    for one in several:
        one.left_at = clock.now()
