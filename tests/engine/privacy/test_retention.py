"""Letters and text messages are kept for 90 days, waiting lists until they are of no use (B16, G5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import func, select

from engine.contact.sms import Sms
from engine.core import clock, mail
from engine.core.db import Session
from engine.core.jobs import Job
from engine.core.mail import Mail
from engine.handlers import HANDLERS
from engine.privacy import retention
from engine.procedures import quotas
from engine.procedures.quotas import QuotaWaiting, Rule


def written(session: Session) -> tuple[int | None, int | None]:
    return tuple(session.scalar(select(func.count()).select_from(table)) for table in (Mail, Sms))  # type: ignore[return-value]


def test_old_letters_go_in_helpings(
    session: Session, clock_at: Callable[[str], datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "HELPING", 2)
    clock_at("2027-01-01 10:00")
    for _ in range(3):
        mail.write(session, to="ada@exemple.fr", subject="Bonjour", text="…")
    session.add(Sms(name="rappel", recipient="+33639981207", text="…", segments=1, written_at=clock.now()))
    clock_at("2027-02-01 10:00")
    mail.write(session, to="ada@exemple.fr", subject="Bonjour", text="…")
    clock_at("2027-03-30 10:00")
    assert not retention.sweep_letters(session)
    assert written(session) == (4, 1)
    clock_at("2027-04-01 11:00")
    HANDLERS["sweep_letters"](session, {})
    assert written(session) == (2, 0)
    assert session.scalar(select(Job.kind).where(Job.key == "sweep_letters")) == "sweep_letters"
    HANDLERS["sweep_letters"](session, {})
    assert written(session) == (1, 0)


def test_waiting_lists_are_swept_in_helpings(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "HELPING", 2)
    rule = Rule("composteur", 0)
    for name in ("ada", "boris", "carla"):
        quotas.leave(session, quotas.join(session, rule, email=f"{name}@exemple.fr", account_id=None)[0])

    def left() -> int | None:
        return session.scalar(select(func.count()).select_from(QuotaWaiting))

    HANDLERS["sweep_waiting_lists"](session, {})
    assert left() == 1
    assert session.scalar(select(Job.kind).where(Job.key == "sweep_waiting_lists")) == "sweep_waiting_lists"
    HANDLERS["sweep_waiting_lists"](session, {})
    assert left() == 0
