"""Text messages: numbers, segments, what French costs, the gateway (D3)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from engine.contact import sms
from engine.contact.sms import Sms
from engine.core import config, jobs
from engine.core.config import Settings
from engine.core.db import Session
from engine.core.errors import ConfigurationError, Invalid, Unavailable

LINK = "https://demarches.valmont-sur-seine.example/suivi/" + "x" * 43


@pytest.mark.parametrize(
    ("typed", "international"),
    [
        ("06 12 34 56 78", "+33612345678"),
        ("+33 7 12 34 56 78", "+33712345678"),
        ("0033612345678", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "+33612345678"),
        ("0692 12 34 56", "+262692123456"),
        ("0690.12.34.56", "+590690123456"),
        ("06 39 98 12 07", "+33639981207"),  # of films
        ("01 99 00 12 34", None),
        ("", None),
        (None, None),
        ("06 12 34", None),
    ],
)
def test_mobile_numbers_are_written_as_gateways_want_them(typed: str | None, international: str | None) -> None:
    assert sms.number(typed) == international


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("é" * 160, 1),
        ("€" * 80, 1),  # of the extended alphabet: two places each
        ("€" * 81, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("😀" * 35, 1),  # two places of UCS-2 each
        ("😀" * 36, 2),
    ],
)
def test_segments_are_counted_as_they_are_paid(text: str, count: int) -> None:
    assert sms.segments(text) == count


def test_french_stays_in_the_cheap_alphabet() -> None:
    text = sms.fitted("Reçu\u00a0: l’« être » — cœur, forêt, île…")
    assert text == """Recu : l'"etre" - coeur, foret, ile..."""
    assert sms.segments(text) == 1


def test_a_long_message_keeps_its_address() -> None:
    text = sms.fitted(f"{'Bonjour et encore bonjour. ' * 40}{LINK}")
    assert sms.segments(text) <= sms.SEGMENTS_MAX
    assert text.endswith(f"... {LINK}")
    assert sms.segments(sms.fitted("mot " * 400)) <= sms.SEGMENTS_MAX
    assert sms.segments(sms.fitted("ж" * 900)) <= sms.SEGMENTS_MAX


class Gateway(BaseHTTPRequestHandler):
    """Answers what the test wants, and keeps what came."""

    status = 200
    received: ClassVar[list[tuple[dict[str, str], dict[str, str]]]] = []

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).received.append((dict(self.headers), content))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: tests' output is for failures."""


@pytest.fixture
def gateway(settings: Settings) -> Iterator[type[Gateway]]:
    """A gateway on loopback, which the settings name."""

    class Own(Gateway):
        received: ClassVar[list[tuple[dict[str, str], dict[str, str]]]] = []

    with HTTPServer(("127.0.0.1", 0), Own) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/messages"
        config.use(replace(settings, sms_url=url, sms_token="secret", sms_from="Valmont"))
        yield Own
        server.shutdown()
        thread.join()


def written(session: Session) -> Sms:
    return sms.write(session, to="06 12 34 56 78", text="Une réponse vous attend.", name="echange")


def test_a_message_is_promised_and_handed_over_once(session: Session, gateway: type[Gateway]) -> None:
    message = written(session)
    assert [job.kind for job in jobs.listing(session)] == ["send_sms"]
    for _ in range(2):
        sms.deliver(session, message.id, config.current())
    ((headers, content),) = gateway.received
    assert content == {
        "id": str(message.id),
        "to": "+33612345678",
        "text": "Une réponse vous attend.",
        "from": "Valmont",
    }
    assert (headers["Authorization"], headers["Idempotency-Key"]) == ("Bearer secret", str(message.id))
    assert message.sent_at is not None


def test_a_bad_number_is_noted_and_a_broken_gateway_tried_again(session: Session, gateway: type[Gateway]) -> None:
    message = written(session)
    gateway.status = 503
    with pytest.raises(Unavailable):
        sms.deliver(session, message.id, config.current())
    assert (message.sent_at, message.refused_at) == (None, None)
    gateway.status = 422
    for _ in range(2):
        sms.deliver(session, message.id, config.current())
    assert message.sent_at is None
    assert message.refused_at is not None
    assert len(gateway.received) == 2


def test_a_token_follows_no_redirection(session: Session, gateway: type[Gateway]) -> None:
    gateway.status = 302
    with pytest.raises(Unavailable):
        sms.deliver(session, written(session).id, config.current())


def refusing(_settings: Settings, _sms: Sms) -> None:
    raise sms.RefusedNumber


def test_another_gateway_is_a_function_with_a_name(session: Session, settings: Settings) -> None:
    message = written(session)
    sms.deliver(session, message.id, replace(settings, sms_gateway=f"{__name__}.refusing"))
    assert message.refused_at is not None
    with pytest.raises(ConfigurationError):
        sms.gateway(replace(settings, sms_gateway="nowhere.at_all"))


def test_without_a_gateway_messages_wait_but_in_a_demonstration(session: Session, settings: Settings) -> None:
    message = written(session)
    with pytest.raises(Unavailable):
        sms.deliver(session, message.id, settings)
    sms.deliver(session, message.id, replace(settings, demo=True))
    assert message.sent_at is not None
    assert sms.outbox(session) == [message]


def test_nothing_is_written_to_a_landline(session: Session) -> None:
    with pytest.raises(Invalid):
        sms.write(session, to="01 99 00 12 34", text="Bonjour")
