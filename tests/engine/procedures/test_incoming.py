"""Mail that comes in: answers join their exchange, bounces mark their address, the rest is turned away (D2, D3)."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import select

from engine.contact import exchanges, replies
from engine.contact.exchanges import SERVICE, Exchange, Message
from engine.core import config, mail
from engine.core.config import Settings
from engine.core.db import Database, Session
from engine.people.actors import ANONYMOUS, Actor
from engine.procedures import cases, catalogue, incoming
from engine.procedures import exchanges as verbs
from engine.procedures.cases import Case

ROOT = Path(__file__).parent.parent.parent.parent
PLACE = {"voie": "3 rue du Four", "code_postal": "75099", "commune": "Valmont-sur-Seine"}
WHO = {"prenoms": "Nadia", "nom_naissance": "Petit", "courriel": "nadia@exemple.fr"}
ANSWERED = """Devant le numéro 3.

Le lun. 2 mars 2026 à 10:00, Ville de Valmont <ne-pas-repondre@valmont.example> a écrit :
> Bonjour,
> Un message vous attend.
"""


@pytest.fixture
def address(database: Database, settings: Settings) -> str:
    """Where an answer to the service's message is sent; the report is Nadia's, without an account."""
    config.use(replace(settings, reply_address="echanges@valmont.example"))

    def prepare(session: Session) -> str:
        for sources in catalogue.read_folder(ROOT, only=[ROOT / "processes" / "signalement.bpmn"]):
            catalogue.deploy(session, sources)
        case, _ = cases.open_draft(session, "signalement", ANONYMOUS)
        report: dict[str, Any] = {"nature": "depot", "lieu": PLACE, "description": "Un matelas.", "danger": False}
        for step, answers in (
            ("mes_informations", WHO),
            ("ma_demande", report),
            ("recapitulatif", {"certification": True}),
        ):
            cases.submit_step(session, case, step, answers, ANONYMOUS)
        definition = catalogue.definition(session, case.version_id)
        agent = Actor("agent", None, "Jeanne", frozenset({"Propreté et espace public"}))
        verbs.write(session, case, definition, SERVICE, agent, exchange=None, subject="Où ?", body="À quel numéro ?")
        return replies.address(session.scalars(select(Exchange)).one()) or ""

    return database.run(prepare)


def answer(to: str, **more: str) -> EmailMessage:
    message = EmailMessage()
    fields = {
        "From": "Nadia Petit <Nadia@exemple.fr>",
        "To": to,
        "Subject": "Re: Un message",
        "Message-ID": "<1@exemple.fr>",
    }
    for name, value in {**fields, **more}.items():
        message[name.replace("_", "-")] = value
    message.set_content(ANSWERED)
    return message


def take(database: Database, message: EmailMessage) -> str:
    return incoming.take(database, config.current(), message.as_bytes())


def written(database: Database) -> list[str]:
    with database.reading() as session:
        return [one.text for one in session.scalars(select(Message).order_by(Message.written_at))]


def test_an_answer_joins_its_exchange_without_what_it_quotes(database: Database, address: str) -> None:
    """The same message delivered twice is one message."""
    photo = BytesIO()
    Image.new("RGB", (40, 30), "white").save(photo, "PNG")
    message = answer(address)
    message.add_attachment(photo.getvalue(), maintype="image", subtype="png", filename="trottoir.png")
    message.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="photo.exe")
    assert [take(database, message) for _ in range(2)] == ["answer", "answer"]
    assert written(database) == ["À quel numéro ?", "Devant le numéro 3."]
    with database.reading() as session:
        (exchange,) = session.scalars(select(Exchange))
        last = exchanges.messages(session, [exchange.id])[-1]
    assert exchange.unread_by_service == 1
    assert len(last.files) == 1


def test_the_notice_says_that_one_may_answer(database: Database, address: str) -> None:
    with database.reading() as session:
        (letter,) = [one for one in mail.outbox(session) if one.name == "echange"]
    assert letter.reply_to == address
    assert "Vous pouvez répondre à ce courriel" in letter.text
    assert mail.compose(letter, config.current())["Reply-To"] == address


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"From": "autre@exemple.fr"}, "Répondez depuis l’adresse"),
        ({"To": "echanges@valmont.example"}, "ne reçoit que les réponses"),
    ],
)
def test_who_is_somebody_else_is_turned_away(
    database: Database, address: str, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(incoming.Refused) as refused:
        take(database, answer(**{"to": address, **changes}))
    assert said in refused.value.message
    assert len(written(database)) == 1


def test_programs_are_not_talked_with(database: Database, address: str) -> None:
    assert take(database, answer(address, Auto_Submitted="auto-replied")) == "ignored"
    for number in range(incoming.ANSWERS_MAX):
        take(database, answer(address, **{"Message-ID": f"<{number}@exemple.fr>"}))
    with pytest.raises(incoming.Refused):
        take(database, answer(address, **{"Message-ID": "<once too often@exemple.fr>"}))
    assert len(written(database)) == 1 + incoming.ANSWERS_MAX


def test_a_closed_request_takes_no_answer(database: Database, address: str) -> None:
    with database.transaction() as session:
        cases.cancel(session, session.scalars(select(Case)).one(), ANONYMOUS)
    with pytest.raises(incoming.Refused):
        take(database, answer(address))


def bounce(mail_id: UUID, status: str = "5.1.1") -> bytes:
    return (
        "From: MAILER-DAEMON@exemple.fr\r\nTo: ne-pas-repondre@valmont.example\r\nSubject: Undelivered\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; exemple.fr\r\n\r\n"
        f"Final-Recipient: rfc822; nadia@exemple.fr\r\nAction: failed\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 no such user\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{mail_id}@127.0.0.1>\r\nSubject: x\r\n\r\nBonjour\r\n--b--\r\n"
    ).encode()


def test_a_bounce_marks_its_address_once(database: Database, address: str, settings: Settings) -> None:
    with database.reading() as session:
        (letter,) = [one for one in mail.outbox(session) if one.name == "echange"]
    assert incoming.take(database, settings, bounce(letter.id, "5.7.1")) == "ignored"
    assert incoming.take(database, settings, bounce(letter.id)) == "bounce"
    assert incoming.take(database, settings, bounce(letter.id)) == "ignored"
    assert incoming.take(database, settings, bounce(UUID(int=9))) == "ignored"
    with database.reading() as session:
        (known,) = mail.undeliverable(session, ["nadia@exemple.fr"])
    assert "550 no such user" in known.why


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"From: x\n\n" + b"a" * 100])
def test_what_is_no_message_is_turned_away(database: Database, settings: Settings, raw: bytes) -> None:
    with pytest.raises(incoming.Refused):
        incoming.take(database, settings, raw)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Oui.\n\n-- \nNadia", "Oui."),
        ("Oui.\r\n\r\nOn Mon, Mar 2, 2026 at 10:00 AM City wrote:\r\n> x", "Oui."),
        ("Oui.\n________________________________\nDe : Ville", "Oui."),
        ("Oui.\n-----Message d'origine-----\nx", "Oui."),
        ("Le matelas est là, on le voit : voilà.", "Le matelas est là, on le voit : voilà."),
        ("> tout est cité", ""),
    ],
)
def test_quotes_are_left_out(text: str, kept: str) -> None:
    assert incoming.without_quotes(text) == kept
