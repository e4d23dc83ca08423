"""Exchanges of a request: who may write, to whom it goes, and what it sets in motion (D2).

A resident's answer to a question that the process asked delivers the BPMN message that the process waits for, in the transaction
that keeps the message. When the process then can't go on, the message is kept all the same and an incident tells operators.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select

from engine.contact import exchanges, replies
from engine.contact.documents import StoredFile
from engine.contact.exchanges import RESIDENT, SERVICE, Exchange, Message, Side
from engine.core.db import Session
from engine.core.errors import CaseClosed, NotFound, ProcessStuck, StaleStep
from engine.people.actors import Actor
from engine.procedures import cases, history, incidents, notifications
from engine.procedures.cases import Case
from engine.procedures.catalogue import Definition

__all__ = ["OVER", "enabled", "for_groups", "writable", "write"]

OVER = "Cette demande est terminée\u00a0: on n’y écrit plus."


def enabled(case: Case, definition: Definition) -> bool:
    """Whether the request has exchanges: its procedure enables them, and it is filed."""
    return case.filed_at is not None and definition.is_yes("exchanges", default=False)


def writable(case: Case) -> bool:
    """Whether one may still write: what is over is only read."""
    return case.status == "filed"


def write(
    session: Session,
    case: Case,
    definition: Definition,
    side: Side,
    actor: Actor,
    *,
    exchange: Exchange | None,
    subject: str,
    body: str,
    files: Sequence[StoredFile] = (),
    sending: str | None = None,
) -> Message:
    """Write in an exchange of the request, or begin one on `subject`. The caller holds the request's row.

    The same `sending` again writes nothing and gives the message it wrote. `NotFound` where the procedure has no exchanges,
    `CaseClosed` when the request is over.
    """
    if not enabled(case, definition):
        raise NotFound
    if sending is not None:
        known = exchanges.sent(session, case.id, sending)
        if known is not None:
            return known
    if not writable(case):
        raise CaseClosed(OVER, reference=case.reference)
    if exchange is None:
        group = notifications.in_charge(session, case, definition)
        if group is None:
            raise NotFound
        exchange = exchanges.begin(session, case_id=case.id, subject=subject, group=group)
    message = exchanges.write(session, exchange, side=side, body=body, author=actor, files=files, sending=sending)
    data = {"exchange": str(exchange.id), "message": str(message.id), "group": exchange.group}
    kind = "exchange_received" if side == RESIDENT else "exchange_sent"
    history.record(session, [history.row(case.id, kind, actor, data=data)])
    if side == SERVICE:
        cases.told(session, case, "echange", tab="echanges", reply_to=replies.address(exchange))
    elif exchange.awaits is not None:
        _answer(session, case, exchange, message, actor)
    return message


def for_groups(session: Session, groups: Collection[str], limit: int = 50) -> list[tuple[Exchange, Case]]:
    """The threads that wait to be read by these agents' groups, the oldest first, each with its request."""
    waiting = exchanges.for_groups(session, groups, limit)
    if not waiting:
        return []
    ids = {one.case_id for one in waiting}
    by_id = {case.id: case for case in session.scalars(select(Case).where(Case.id.in_(ids)))}
    return [(one, by_id[one.case_id]) for one in waiting if one.case_id in by_id]


def _answer(session: Session, case: Case, exchange: Exchange, message: Message, actor: Actor) -> None:
    awaited = exchange.awaits or ""
    exchange.awaits, exchange.asked = None, False
    session.flush()
    try:
        with session.begin_nested():
            cases.deliver(session, case, awaited, {"texte": message.text, "pieces": message.files}, actor)
    except StaleStep:
        session.expire(case)  # the process went on by itself: the message is read like any other
    except ProcessStuck as error:
        session.expire(case)
        incidents.record(session, error)
