"""What does each kind of job: one table. A handler runs in the transaction that marks its job done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from engine.contact import documents
from engine.core import config, mail
from engine.core.db import Session
from engine.core.errors import ProcessStuck
from engine.procedures import cases, incidents


def send_mail(session: Session, payload: Mapping[str, Any]) -> None:
    mail.deliver(session, UUID(payload["mail_id"]), config.current())


def fire_timer(session: Session, payload: Mapping[str, Any]) -> None:
    try:
        with session.begin_nested():
            cases.fire_timer(session, UUID(payload["case_id"]), payload["key"])
    except ProcessStuck as error:
        # The timer did fire: what it led to can't go on. An operator sees the incident and tries it again.
        incidents.record(session, error)


def discard_files(session: Session, payload: Mapping[str, Any]) -> None:
    documents.remove_all(session, config.current(), UUID(payload["case_id"]))


def sweep_files(session: Session, _payload: Mapping[str, Any]) -> None:
    documents.sweep(session, config.current())


HANDLERS: dict[str, Callable[[Session, Mapping[str, Any]], None]] = {
    "send_mail": send_mail,
    "fire_timer": fire_timer,
    "discard_files": discard_files,
    "sweep_files": sweep_files,
}
