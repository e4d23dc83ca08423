"""The table of the kinds of jobs, done for real."""

import threading

import pytest
from sqlalchemy import select

from engine.core import config, jobs, mail
from engine.core.config import Settings
from engine.core.db import Database
from engine.handlers import HANDLERS, KINDS


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
