"""E-mail leaves after the commit, once as far as can be known, and looks as it should."""

import smtplib
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.core import jobs, mail
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.core.errors import Invalid, Unavailable
from engine.core.jobs import Job
from engine.core.mail import Mail


def write(session: Session, **changes: Any) -> Mail:
    values = {"to": "claire@exemple.fr", "subject": "Votre demande", "text": "Bonjour,\n\nC’est noté.\n"}
    return mail.write(session, **{**values, **changes})


class Server:
    """Stands for smtplib.SMTP, and keeps what it is given."""

    made: list["Server"]

    def __init__(self, host: str, port: int, timeout: float, context: object = None) -> None:
        self.address = (host, port)
        self.calls: list[Any] = []
        self.sent: list[EmailMessage] = []
        Server.made.append(self)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("quit")

    def starttls(self, context: object) -> None:
        self.calls.append("starttls")

    def login(self, user: str, password: str) -> None:
        self.calls.append((user, password))

    def send_message(self, message: EmailMessage) -> None:
        self.sent.append(message)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[Server]:
    Server.made = []
    monkeypatch.setattr("smtplib.SMTP", Server)
    monkeypatch.setattr("smtplib.SMTP_SSL", Server)
    return Server


def with_smtp(settings: Settings, url: str) -> Settings:
    return Settings(
        data=settings.data, database_url=settings.database_url, secret_key=settings.secret_key, smtp_url=url
    )


def test_writing_promises_to_send_and_sends_nothing(session: Session, server: type[Server]) -> None:
    written = write(session)
    (job,) = session.scalars(select(Job))
    assert (job.kind, job.payload) == ("send_mail", {"mail_id": str(written.id)})
    assert written.sent_at is None
    assert server.made == []


def test_a_message_leaves_once(session: Session, server: type[Server], settings: Settings) -> None:
    written = write(session)
    reached = with_smtp(settings, "smtp://mail.example")
    mail.deliver(session, written.id, reached)
    mail.deliver(session, written.id, reached)  # the job was delivered twice
    (used,) = server.made
    assert used.address == ("mail.example", 25)
    assert len(used.sent) == 1
    assert written.sent_at is not None


@pytest.mark.parametrize(
    ("url", "address", "calls"),
    [
        ("smtp+starttls://mail.example:587", ("mail.example", 587), ["starttls", "quit"]),
        ("smtps://parvis:s%40same@mail.example", ("mail.example", 465), [("parvis", "s@same"), "quit"]),
    ],
)
def test_the_way_to_the_server_is_in_its_address(
    session: Session, server: type[Server], settings: Settings, url: str, address: tuple[str, int], calls: list[Any]
) -> None:
    mail.deliver(session, write(session).id, with_smtp(settings, url))
    assert (server.made[0].address, server.made[0].calls) == (address, calls)


def test_a_message_waits_for_a_server(session: Session, settings: Settings) -> None:
    written = write(session)
    with pytest.raises(Unavailable, match="PARVIS_SMTP_URL"):
        mail.deliver(session, written.id, settings)
    assert written.sent_at is None


def test_a_local_demo_keeps_its_mail_on_the_outbox_page(session: Session, settings: Settings) -> None:
    demo = Settings(data=settings.data, database_url=settings.database_url, secret_key="-", demo=True)
    first, second = write(session, subject="Première"), write(session, subject="Seconde")
    mail.deliver(session, first.id, demo)
    session.refresh(first)
    left = first.sent_at
    assert left is not None
    mail.deliver(session, first.id, demo)
    session.refresh(first)
    assert first.sent_at == left
    assert {found.id for found in mail.outbox(session)} == {first.id, second.id}
    assert len(mail.outbox(session, limit=1)) == 1


def test_an_erased_message_is_nothing_to_send(session: Session, server: type[Server], settings: Settings) -> None:
    mail.deliver(session, UUID(int=0), with_smtp(settings, "smtp://mail.example"))
    assert server.made == []


def test_the_message_reads_well_and_can_be_recognised(session: Session, settings: Settings) -> None:
    written = write(session, subject="Reçu\r\nBcc: all@exemple.fr", html="<p>C’est noté.</p>")
    composed = mail.compose(written, settings)
    read = message_from_bytes(composed.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert read["Message-ID"] == f"<{written.id}@127.0.0.1>"
    assert read["Subject"] == "Reçu Bcc: all@exemple.fr"
    assert read["Bcc"] is None
    assert read["To"] == "claire@exemple.fr"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Date"]
    body, rich = read.get_body(("plain",)), read.get_body(("html",))
    assert body is not None
    assert rich is not None
    assert body.get_content().splitlines() == ["Bonjour,", "", "C’est noté."]
    assert "<p>C’est noté.</p>" in rich.get_content()


def test_what_is_enclosed_travels_after_the_text(session: Session, server: type[Server], settings: Settings) -> None:
    written = write(session, html="<p>C’est noté.</p>")
    file = mail.Enclosure("été.ics", "text/calendar", b"BEGIN:VCALENDAR\r\n", {"method": "PUBLISH", "charset": "utf-8"})
    asked = []

    def enclosed(_session: Session, one: Mail) -> list[mail.Enclosure]:
        asked.append(one.id)
        return [file]

    mail.deliver(session, written.id, with_smtp(settings, "smtp://mail.example"), enclosed)
    mail.deliver(session, written.id, with_smtp(settings, "smtp://mail.example"), enclosed)
    assert asked == [written.id]
    read = message_from_bytes(server.made[0].sent[0].as_bytes(policy=policy.SMTP), policy=policy.default)
    assert "C’est noté." in read.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    (part,) = read.iter_attachments()
    assert part.get_filename() == "été.ics"
    assert (part.get_content_type(), part["Content-Type"].params["method"]) == ("text/calendar", "PUBLISH")
    assert part.get_payload(decode=True) == file.content


def test_the_same_message_keeps_its_identifier(session: Session, settings: Settings) -> None:
    written = write(session)
    assert mail.compose(written, settings)["Message-ID"] == mail.compose(written, settings)["Message-ID"]


@pytest.mark.parametrize("address", ["claire@exemple.fr\r\nBcc: all@exemple.fr", "a@b.fr, c@d.fr", "nobody", ""])
def test_an_address_cannot_bring_other_recipients(session: Session, settings: Settings, address: str) -> None:
    with pytest.raises(Invalid):
        mail.compose(write(session, to=address), settings)


def test_a_written_message_is_due_at_once(session: Session) -> None:
    write(session)
    assert len(jobs.due(session)) == 1


# --- addresses that refuse -------------------------------------------------------------------------------------------------


def refuse(monkeypatch: pytest.MonkeyPatch, code: int, words: bytes) -> None:
    def send(_server: Server, message: EmailMessage) -> None:
        raise smtplib.SMTPRecipientsRefused({message["To"]: (code, words)})

    monkeypatch.setattr(Server, "send_message", send)


def test_a_refused_address_is_kept_and_nothing_is_tried_again(
    session: Session, settings: Settings, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """D3."""
    settings = with_smtp(settings, "smtp://mail.example")
    written = write(session, to="Claire@exemple.fr")
    with monkeypatch.context() as patch:
        refuse(patch, 550, b"5.1.1 No such user")
        for _ in range(2):
            mail.deliver(session, written.id, settings)
    session.refresh(written)
    assert (written.sent_at, written.refused_at is not None) == (None, True)
    assert len(server.made) == 1
    (known,) = mail.undeliverable(session, ["autre@exemple.fr", "claire@exemple.fr", None])
    assert known.why == "550 5.1.1 No such user"
    # What is accepted later clears it.
    mail.deliver(session, write(session).id, settings)
    assert mail.undeliverable(session, ["claire@exemple.fr"]) == []


def test_what_is_no_fault_of_the_address_is_tried_again(
    session: Session, settings: Settings, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, 550, b"5.7.1 Relaying denied")
    written = write(session)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mail.deliver(session, written.id, with_smtp(settings, "smtp://mail.example"))
    assert mail.undeliverable(session, ["claire@exemple.fr"]) == []


@pytest.mark.parametrize(
    ("code", "words", "for_good"),
    [
        (550, "No such user", True),
        (550, "5.1.1 No such user", True),
        (550, "5.2.1 Mailbox disabled", True),
        (552, "5.2.2 Mailbox full", False),
        (450, "4.2.0 Greylisted", False),
        (554, "5.7.1 Rejected by policy", False),
    ],
)
def test_only_what_says_that_the_address_is_wrong_is_for_good(code: int, words: str, for_good: bool) -> None:
    assert mail.is_for_good(code, words) is for_good


def test_a_message_that_comes_back_is_noted_once(session: Session) -> None:
    written = write(session)
    assert mail.record_bounce(session, written.id, "5.1.1 unknown")
    session.flush()
    assert not mail.record_bounce(session, written.id, "5.1.1 unknown")
    assert [one.address for one in mail.undeliverable(session, ["claire@exemple.fr"])] == ["claire@exemple.fr"]


def test_a_letter_that_has_left_keeps_neither_code_nor_link(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the table later, or a backup of it, can use nothing of what was sent (B4, B6)."""
    token = "Ab-_" * 10 + "xyz"
    text = (
        f"Votre code\u00a0:\n\n0427\n\nValable 10 minutes, à partir de 2027.\nhttps://demarches.example/suivi/{token}\n"
    )
    html = f'<p><a href="https://demarches.example/suivi/{token}">Suivre</a></p><strong>0427</strong>'
    sent = []
    monkeypatch.setattr(mail, "_send", lambda message, _url: sent.append(str(message)))
    with database.transaction() as session:
        letter_id = mail.write(session, to="ada@exemple.fr", subject="Objet", text=text, html=html).id
    database.run(mail.deliver, letter_id, replace(settings, smtp_url="smtp://mail.example"))
    assert "0427" in sent[0]
    with database.reading() as session:
        kept = session.get_one(mail.Mail, letter_id)
        assert kept.sent_at is not None
        for part in (kept.text, kept.html or ""):
            assert token not in part
            assert "0427" not in part
        assert "Valable 10 minutes, à partir de 2027." in kept.text
        assert "https://demarches.example/suivi/…" in kept.text
