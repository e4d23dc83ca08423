"""The table of the kinds of jobs, done for real."""

import threading
from collections.abc import Callable
from datetime import datetime, time

import pytest
from sqlalchemy import select

from engine.core import config, daily, jobs, mail
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.jobs import Job
from engine.handlers import HANDLERS, KINDS, promise_daily


@pytest.mark.sqlite_only
def test_a_slow_mail_server_keeps_nobody_from_writing(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite writers take turns: waiting for a mail server must not be one."""
    reached = Settings(
        data=settings.data, database_url=settings.database_url, secret_key="x" * 40, smtp_url="smtp://mail.example"
    )
    monkeypatch.setattr(config, "_current", reached)
    sent: list[str] = []

    def slow(message: object, url: str) -> None:
        writer = threading.Thread(target=lambda: database.run(lambda session: sent.append("somebody wrote")))
        writer.start()
        writer.join(10)
        assert not writer.is_alive()
        sent.append("the mail left")

    monkeypatch.setattr(mail, "_send", slow)
    with database.transaction() as session:
        mail.write(session, to="claire@exemple.fr", subject="Bonjour", text="C’est noté.")
    jobs.drain(database, HANDLERS)
    jobs.drain(database, HANDLERS)
    assert sent == ["somebody wrote", "the mail left"]
    with database.reading() as session:
        assert session.scalar(select(mail.Mail.sent_at)) is not None
        assert jobs.depth(session) == {}


def test_every_kind_is_handled_within_a_bound() -> None:
    assert set(HANDLERS) == set(KINDS)
    assert all(0 < kind.seconds <= 600 for kind in KINDS.values())


def test_a_daily_job_comes_back_every_day_at_its_hour(database: Database, clock_at: Callable[[str], datetime]) -> None:
    """By the clocks of the city, through the change of season; preparing again moves no turn that waits or was missed."""

    def due() -> datetime | None:
        with database.reading() as session:
            return session.scalar(select(Job.due_at).where(Job.key == "daily:tidy"))

    def tidy(session: Session, _payload: object) -> None:
        daily.promise(session, "tidy", time(3, 10))

    clock_at("2026-10-24 12:00")
    database.run(daily.ensure, {"tidy": time(3, 10)})
    assert due() == clock_at("2026-10-25 03:10")
    clock_at("2026-10-25 09:00")
    database.run(daily.ensure, {"tidy": time(3, 10)})
    assert due() == datetime.fromisoformat("2026-10-25T03:10+01:00")
    assert jobs.drain(database, {"tidy": tidy}) == 1
    assert due() == datetime.fromisoformat("2026-10-26T03:10+01:00")


def test_every_daily_job_waits_for_its_turn_once_the_installation_is_prepared(database: Database) -> None:
    database.run(promise_daily)
    with database.reading() as session:
        assert set(session.scalars(select(Job.kind))) == {name for name, kind in KINDS.items() if kind.daily}
