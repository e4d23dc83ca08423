"""What does each kind of job, and how: one table. A handler runs in the transaction that marks its job done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal
from uuid import UUID

from engine.contact import appointments, documents, sms
from engine.core import audit, config, daily, jobs, mail
from engine.core.db import Database, Session
from engine.core.errors import ProcessStuck
from engine.people import recovery
from engine.privacy import deletion, life_cycle, retention
from engine.procedures import attachments, cases, forecast, incidents, quotas


def _send_mail_ahead(database: Database, payload: Mapping[str, Any]) -> None:
    mail.send_ahead(database, UUID(payload["mail_id"]), config.current(), cases.enclosed)


@jobs.ahead(_send_mail_ahead)
def send_mail(session: Session, payload: Mapping[str, Any]) -> None:
    mail.deliver(session, UUID(payload["mail_id"]), config.current(), cases.enclosed)


def _send_sms_ahead(database: Database, payload: Mapping[str, Any]) -> None:
    sms.send_ahead(database, UUID(payload["sms_id"]), config.current())


@jobs.ahead(_send_sms_ahead)
def send_sms(session: Session, payload: Mapping[str, Any]) -> None:
    sms_id = UUID(payload["sms_id"])
    sms.deliver(session, sms_id, config.current())
    if sms.was_refused(session, sms_id):
        cases.tell_otherwise(session, sms_id)


def notify(session: Session, payload: Mapping[str, Any]) -> None:
    until = payload.get("until")
    cases.notify(
        session,
        UUID(payload["of_case"]),
        payload["name"],
        values=payload.get("values"),
        key=payload.get("once"),
        until=datetime.fromisoformat(until) if until else None,
        tab=payload.get("tab"),
    )


def send_digest(session: Session, payload: Mapping[str, Any]) -> None:
    cases.send_digest(session, UUID(payload["of_case"]))


def fire_timer(session: Session, payload: Mapping[str, Any]) -> None:
    try:
        with session.begin_nested():
            cases.fire_timer(session, UUID(payload["case_id"]), payload["key"])
    except ProcessStuck as error:
        # The timer did fire: what it led to can't go on. An operator sees the incident and tries it again.
        incidents.record(session, error)


def release_slot(session: Session, payload: Mapping[str, Any]) -> None:
    appointments.release_late(session, UUID(payload["appointment_id"]))


def remind_of_appointment(session: Session, payload: Mapping[str, Any]) -> None:
    cases.remind_of_appointment(session, UUID(payload["appointment_id"]))


def release_place(session: Session, payload: Mapping[str, Any]) -> None:
    quotas.release_late(session, UUID(payload["place_id"]))


def discard_files(session: Session, payload: Mapping[str, Any]) -> None:
    documents.remove_all(session, config.current(), UUID(payload["case_id"]))


def _scan_ahead(database: Database, payload: Mapping[str, Any]) -> None:
    documents.scan_ahead(database, config.current(), payload["path"])


@jobs.ahead(_scan_ahead)
def scan_file(session: Session, payload: Mapping[str, Any]) -> None:
    documents.scan(session, config.current(), payload["path"])


def tell_refused_file(session: Session, payload: Mapping[str, Any]) -> None:
    attachments.tell_refused(session, UUID(payload["file_id"]))


def remind_expiry(session: Session, payload: Mapping[str, Any]) -> None:
    documents.remind(session, UUID(payload["document_id"]))


def sweep_files(session: Session, _payload: Mapping[str, Any]) -> None:
    documents.sweep(session, config.current())


def send_password_link(session: Session, payload: Mapping[str, Any]) -> None:
    recovery.send_link(session, payload["login"], reset=payload.get("reset", False))


def erase_account(session: Session, payload: Mapping[str, Any]) -> None:
    deletion.finish(session, UUID(payload["account_id"]))


def erase_dormant(session: Session, payload: Mapping[str, Any]) -> None:
    life_cycle.erase_dormant(session, UUID(payload["account_id"]))


def erase_request(session: Session, payload: Mapping[str, Any]) -> None:
    deletion.erase_request(session, UUID(payload["case_id"]))


def follow_accounts(session: Session, _payload: Mapping[str, Any]) -> None:
    life_cycle.follow(session)


def sweep_letters(session: Session, _payload: Mapping[str, Any]) -> None:
    if retention.sweep_letters(session):
        jobs.promise(session, "sweep_letters", key="sweep_letters")


def sweep_waiting_lists(session: Session, _payload: Mapping[str, Any]) -> None:
    if retention.sweep_waiting_lists(session):
        jobs.promise(session, "sweep_waiting_lists", key="sweep_waiting_lists")


def expire_drafts(session: Session, _payload: Mapping[str, Any]) -> None:
    warned, gone = cases.warn_of_drafts(session), cases.expire_drafts(session)
    if warned or gone:
        jobs.promise(session, "expire_drafts")  # the rest, in another transaction


def name_requests(session: Session, _payload: Mapping[str, Any]) -> None:
    if cases.name_requests(session):
        jobs.promise(session, "name_requests", key="name_requests")  # the rest, in another transaction


def measure_delays(session: Session, _payload: Mapping[str, Any]) -> None:
    # A version a job: each is a short transaction, however many versions closed requests in a day.
    for version_id in forecast.to_measure(session):
        jobs.promise(session, "measure_version", key=f"measure_version:{version_id}", version_id=str(version_id))


def measure_version(session: Session, payload: Mapping[str, Any]) -> None:
    forecast.measure(session, UUID(payload["version_id"]))


def export_audit_head(session: Session, _payload: Mapping[str, Any]) -> None:
    audit.export_head(session, audit.heads_folder(config.current()))


@dataclass(frozen=True)
class Kind:
    """How jobs of a kind are done.

    `queue` is the class of workers: `quick` touches only the database, `slow` may wait for something else. A job that
    takes more than `seconds` fails. `at_once` is how many may run at a time over all workers: with the kinds of `slow`
    together below the number of workers' processes, the `quick` ones always find one free. With `daily`, the job comes back
    every day at that time of the city, without anybody promising it.
    """

    handle: Callable[[Session, Mapping[str, Any]], None]
    queue: Literal["quick", "slow"] = "quick"
    seconds: int = 30
    at_once: int | None = None
    daily: time | None = None


KINDS: dict[str, Kind] = {
    "send_mail": Kind(send_mail, "slow", seconds=60, at_once=4),
    "send_sms": Kind(send_sms, "slow", seconds=60, at_once=2),
    "notify": Kind(notify),
    "send_digest": Kind(send_digest),
    "fire_timer": Kind(fire_timer),
    "release_slot": Kind(release_slot),
    "remind_of_appointment": Kind(remind_of_appointment),
    "release_place": Kind(release_place),
    "discard_files": Kind(discard_files, "slow", seconds=120, at_once=1),
    "scan_file": Kind(scan_file, "slow", seconds=120, at_once=2),
    "tell_refused_file": Kind(tell_refused_file),
    "remind_expiry": Kind(remind_expiry),
    "sweep_files": Kind(sweep_files, "slow", seconds=600, at_once=1),
    "send_password_link": Kind(send_password_link),
    "export_audit_head": Kind(export_audit_head, daily=time(2, 0)),
    "erase_account": Kind(erase_account),
    "erase_dormant": Kind(erase_dormant),
    "erase_request": Kind(erase_request),
    "follow_accounts": Kind(follow_accounts, at_once=1, daily=time(2, 30)),
    "sweep_letters": Kind(sweep_letters, at_once=1, daily=time(2, 50)),
    "sweep_waiting_lists": Kind(sweep_waiting_lists, at_once=1, daily=time(2, 55)),
    "expire_drafts": Kind(expire_drafts, seconds=60, at_once=1, daily=time(2, 40)),
    "name_requests": Kind(name_requests, at_once=1, daily=time(3, 0)),
    "measure_delays": Kind(measure_delays, daily=time(3, 10)),
    "measure_version": Kind(measure_version, seconds=60, at_once=1),
}


def promise_daily(session: Session) -> None:
    """See to it that every daily job waits for its turn."""
    daily.ensure(session, {name: kind.daily for name, kind in KINDS.items() if kind.daily is not None})


def promise_filling(session: Session) -> None:
    """Have what former releases left empty filled, from now on and not only when the day's turn comes."""
    if cases.unnamed(session):
        jobs.promise(session, "name_requests", key="name_requests")


def _handler(name: str, kind: Kind) -> Callable[[Session, Mapping[str, Any]], None]:
    at = kind.daily
    if at is None:
        return kind.handle

    def handle(session: Session, payload: Mapping[str, Any]) -> None:
        kind.handle(session, payload)
        daily.promise(session, name, at)

    return handle


HANDLERS: dict[str, Callable[[Session, Mapping[str, Any]], None]] = {
    name: _handler(name, kind) for name, kind in KINDS.items()
}
